#!/usr/bin/env python3
"""Writes docs/performance.md from docs/performance.json; with a section, first what a script has measured into that.

performance-page.py                       the page alone
performance-page.py --check               fails if the page is not what the figures say (CI)
performance-page.py SECTION COMMAND ROWS  SECTION: `command` or `languages`; ROWS: JSON

Standard library alone.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIGURES, PAGE = ROOT / "docs/performance.json", ROOT / "docs/performance.md"
# What is measured: figures of these files as they are at the commit, or "and changes".
OF = {
    "command": ["tuf-core", "verify-cli", "Cargo.lock"],
    "languages": ["tuf-core", "ffi", "Cargo.lock"],
}
# What issue 5 asks for: milliseconds, MiB.
AIMS = {
    "warm look-up": (4, 8),
    "cold look-up": (6, None),
    "10,000 tags, warm look-up": (6, None),
    "50 delegations, cold look-up": (15, None),
}
# What issue 7 asks for.
GROWN_KIB = 1024
CANCEL_MS = 100


def record(section, command, rows):
    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = " and changes" if git("status", "--porcelain", "--", *OF[section]) else ""
    model = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    figures = json.loads(FIGURES.read_text())
    run = {
        "commit": git("rev-parse", "HEAD") + changed,
        "command": command,
        "machine": f"{os.uname().sysname} {os.uname().machine}, {os.cpu_count()} cores, {model[0] if model else 'unknown'}",
        "rows": rows,
    }
    others = [other for other in figures[section] if other["machine"] != run["machine"]]
    figures[section] = [run, *others]
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")


def measured(run):
    return f"- machine: {run['machine']}\n- commit: `{run['commit']}`\n- command: `{run['command']}`\n"


def aimed(got, aim, unit):
    return f"under {aim} {unit}" + (f": short of it by {got - aim:.2f}" if got >= aim else ": met")


COMMAND = """\
Whole processes against the same real servers on loopback, TLS with a given authority, medians of runs that alternate
between verify-cli and the reference client `notary` 0.7.0. Peak resident memory of the process. A cold run has no store;
ours writes one, durably. The last measurement of each machine, the newest first: between machines compare *times*, how
often verify-cli fits into the time of the other.
"""


def of_command(run):
    lines = [
        measured(run),
        "| job | verify-cli | notary | times | verify-cli | notary | aim |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in run["rows"]:
        ms, mib = AIMS.get(row["name"], (None, None))
        aims = [(row["ours_ms"], ms, "ms"), (row["ours_mib"], mib, "MiB")]
        said = "; ".join(aimed(got, aim, unit) for got, aim, unit in aims if aim is not None)
        lines.append(
            f"| {row['name']} | {row['ours_ms']} ms | {row['peer_ms']} ms | {row['peer_ms'] / row['ours_ms']:.1f} |"
            f" {row['ours_mib']} MiB | {row['peer_mib']} MiB | {said} |"
        )
    return "\n".join(lines)


LANGUAGES = f"""\
One question, the same for all: an image of the sample collection, served from memory and remembered (warm), with five
signatures to check and no request to make; by a job of the host's, and by a thread of the library's, which is what a
built-in transport costs more. *A call* hands no bytes to a check; *a failed call* asks whether no bytes are the image, and
makes and frees an error. Medians. *Stopped*: the longest of ten times from asking (Ctrl-C in Python) to the end of a question
whose server hangs; it is to be under {CANCEL_MS} ms. *Grown*: the memory that the process has taken and not given back (anonymous
pages; of Go's, without the free ones that its runtime holds ready) after a million calls of all kinds, above that after ten
thousand; it is to be at most {GROWN_KIB} KiB.
"""


def of_languages(run):
    lines = [
        measured(run),
        "| language | a call | a failed call | look-up by a job | times Rust | in a thread | stopped | grown |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rust = next(row["job_us"] for row in run["rows"] if row["name"] == "Rust")

    def cell(row, key, unit, aim=None):
        if key not in row:
            return ""
        over = "" if aim is None or row[key] <= aim else f" (more than {aim})"
        return f"{row[key]:g} {unit}{over}"

    for row in run["rows"]:
        cells = [
            row["name"],
            cell(row, "call_ns", "ns"),
            cell(row, "failed_call_ns", "ns"),
            cell(row, "job_us", "us"),
            f"{row['job_us'] / rust:.2f}",
            cell(row, "task_us", "us"),
            cell(row, "stopped_ms", "ms", CANCEL_MS),
            cell(row, "grown_kib", "KiB", GROWN_KIB),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page():
    figures = json.loads(FIGURES.read_text())
    parts = [
        "# Performance",
        "Made by `.ci/performance-page.py` from `performance.json`, which scripts write; not written by hand.",
        "## The command",
        COMMAND.strip(),
        *map(of_command, figures["command"]),
        (ROOT / "docs/performance-profile.md").read_text().strip(),
        "## C, Python and Go",
        LANGUAGES.strip(),
        *map(of_languages, figures["languages"]),
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments):
    if arguments == ["--check"]:
        if PAGE.read_text() != page():
            sys.exit(f"{PAGE} is not what performance.json says: .ci/performance-page.py")
        return
    if len(arguments) == 3 and arguments[0] in OF:
        record(arguments[0], arguments[1], json.loads(arguments[2]))
    elif arguments:
        sys.exit(__doc__)
    PAGE.write_text(page())


if __name__ == "__main__":
    main(sys.argv[1:])
