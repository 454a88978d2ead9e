#!/usr/bin/env python3
"""Ask the installed `notary` client again and compare with the answers that are stored.

    check-reference.py [NAME...]     all own scenarios (or those named) and the sample

Needs only the standard library and the Debian package `notary` 0.7.0; takes about half a minute.
Compared are verdicts and digests, not the wording of messages (the client names sha256 or
sha512 first by chance). Exit status: 0 all the same, 1 a difference, 2 no client.
"""
import hashlib
import json
import pathlib
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import reference  # noqa: E402

VECTORS = pathlib.Path(__file__).resolve().parents[1]
SAMPLE_GUN = "registry.example/library/hello"


def compare(folder, manifest):
    """The differences between the stored answers of a scenario and those of today."""
    server = reference.Server()
    try:
        answers = reference.ask(server, folder, manifest)
    finally:
        server.close()
    for stored, now in zip(manifest["steps"], answers):
        where = f"{manifest['scenario']} {stored['dir']}"
        if stored["verdict"] != now["verdict"]:
            yield f"{where}: {now['verdict']} ({now['notary_message']}), stored: {stored['verdict']}"
        elif stored["tags"] != now["tags"]:
            yield f"{where}: {json.dumps(now['tags'])}, stored: {json.dumps(stored['tags'])}"


def sample():
    """The sample as a scenario: both tags are the image that lies beside it."""
    folder = VECTORS / "sample"
    image = (folder / "image-manifest.json").read_bytes()
    found = {"digest": "sha256:" + hashlib.sha256(image).hexdigest(), "length": len(image)}
    with_role = {**found, "role": "targets/releases"}
    tag = {"notary_lookup": found, "notary_list": with_role, "releases_then_targets": with_role, "docker_pull": with_role}
    pin = {"mode": "cert_ids", "cert_ids": {SAMPLE_GUN: [(folder / "pin.txt").read_text().strip()]}, "tofu": False}
    return folder, {"scenario": "sample", "gun": SAMPLE_GUN, "pin": pin,
                    "steps": [{"dir": ".", "verdict": "trusted", "tags": {"1.0": tag, "latest": tag}}]}


def main(names):
    if not shutil.which("notary"):
        print("check-reference: the `notary` client is not installed", file=sys.stderr)
        return 2
    start = time.monotonic()
    work = [(p.parent, json.loads(p.read_text())) for p in sorted((VECTORS / "notary/own").glob("*/manifest.json"))]
    work = [w for w in [*work, sample()] if not names or w[1]["scenario"] in names]
    with ThreadPoolExecutor(2) as pool:
        faults = [line for lines in pool.map(lambda w: list(compare(*w)), work) for line in lines]
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{len(work)} scenarios asked of the reference client, {len(faults)} differences, {time.monotonic() - start:.0f} s")
    return 1 if faults or not work else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
