#!/usr/bin/env python3
"""Writes the cases, and a manifest of them.

    write.py FOLDER
"""
import hashlib
import json
import pathlib
import sys
from importlib.metadata import version

import case
import keys, updates, targets, delegations  # noqa: F401, E401: each adds its cases, in this order

PUBLISHER = f"python-tuf {version('tuf')}"


def write(folder, files):
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def main(out):
    written = []
    for one in case.CASES:
        steps = []
        pin = None

        def step(repository, *paths, root=1):
            """What the server has from now on, and what a client then asks it for, in order."""
            nonlocal pin
            folder = out / one.name / str(len(steps) + 1)
            write(folder, repository.publish())
            pin = pin or repository.roots[root - 1]
            asked = []
            for path in paths:
                role, content = repository.content.get(path, (None, b""))
                asked.append({"path": path, "role": role, "sha256": hashlib.sha256(content).hexdigest()})
            steps.append({"folder": str(folder.relative_to(out)), "targets": asked})

        one.make(step)
        (out / one.name / "pin.json").write_bytes(pin)
        written.append({"name": one.name, "about": one.about, "refused": one.refused,
                        "pin": f"{one.name}/pin.json", "steps": steps})
    (out / "cases.json").write_text(json.dumps({"publisher": PUBLISHER, "cases": written}, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
