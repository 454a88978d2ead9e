#!/usr/bin/env python3
"""Writes docs/nightly.md from docs/nightly.json; with arguments, first that from the steps of a run.

nightly-page.py [STEPS DATE COMMIT MACHINE]

STEPS: a line for each step, separated by tabs: name, seconds, then KEY=NUMBER as often as it takes.
Standard library alone.
"""

import json
import pathlib
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"


def record(steps, date, commit, machine):
    rows = []
    for line in pathlib.Path(steps).read_text().splitlines():
        name, seconds, *counts = line.split("\t")
        pairs = (count.split("=", 1) for count in counts)
        rows.append({"name": name, "seconds": int(seconds), **{key: int(number) for key, number in pairs}})
    night = {"date": date, "commit": commit, "machine": machine, "steps": rows}
    (DOCS / "nightly.json").write_text(json.dumps(night, indent=2) + "\n")


def table(rows, head):
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "name"))
    lines = ["| " + " | ".join([head, *keys]) + " |", "| --- |" + " ---: |" * len(keys)]
    for row in rows:
        cells = [f"{row[key]:,}" if key in row else "" for key in keys]
        lines.append("| " + " | ".join([row["name"].removeprefix("fuzz "), *cells]) + " |")
    return "\n".join(lines)


def page():
    night = json.loads((DOCS / "nightly.json").read_text())
    fuzz = [step for step in night["steps"] if step["name"].startswith("fuzz ")]
    rest = [step for step in night["steps"] if not step["name"].startswith("fuzz ")]
    parts = [
        "# The nightly run",
        "Made by `.ci/nightly` from `nightly.json`; not written by hand.",
        f"- date: {night['date']}\n- commit: `{night['commit']}`\n- machine: {night['machine']}",
    ]
    if fuzz:
        parts += ["## Fuzz targets", table(fuzz, "target")]
    if rest:
        parts += ["## Other steps", "Surviving mutants and their reasons: [mutants.md](mutants.md).", table(rest, "step")]
    (DOCS / "nightly.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    if len(sys.argv) not in (1, 5):
        sys.exit(__doc__)
    if len(sys.argv) == 5:
        record(*sys.argv[1:])
    page()
