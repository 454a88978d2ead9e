"""A deploy script: verifies every image of a release file, and prints what is to be deployed.

    deploy.py CONFIG RELEASE

RELEASE is JSON: {"images": {"web": "registry.example/team/web:1.4", …}}. The same comes out, with each
image as name@digest, if all of them are trusted; else nothing, and why not stands on stderr. The exit
status is that of the command: 0 all trusted, 1 refused, 2 usage or configuration, 3 unchecked.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, List

import tuf_verify


def images_of(release: str) -> Dict[str, str]:
    """What is to be verified. Where there is nothing, nothing was verified, which is no yes."""
    with open(release, encoding="utf-8") as file:
        document = json.load(file)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, dict) or not images or not all(isinstance(image, str) for image in images.values()):
        raise ValueError(f'{release}: {{"images": {{NAME: IMAGE, …}}}} is needed, with at least one image')
    return images


def main(arguments: List[str]) -> int:
    if len(arguments) != 2:
        print("usage: deploy.py CONFIG RELEASE", file=sys.stderr)
        return 2
    config, release = arguments
    images = images_of(release)
    # One client for all: it is for any number of threads, and remembers what the first one has learnt.
    with tuf_verify.Client.from_file(config) as client, ThreadPoolExecutor(8) as pool:
        verdicts = dict(zip(images, pool.map(client.verify_image, images.values())))
    worst = 0
    for name, verdict in verdicts.items():
        if not verdict.trusted and verdict.reason is not None:
            print(f"{name}: {verdict.verdict}: {images[name]}: {verdict.reason.message}", file=sys.stderr)
        # Refused goes before unchecked: it is the definite answer.
        worst = 1 if 1 in (worst, verdict.exit_status) else max(worst, verdict.exit_status)
    if worst == 0:
        pinned = {name: verdict.require_target().pinned for name, verdict in verdicts.items()}
        print(json.dumps({"images": pinned}, indent=2))
    return worst


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, RecursionError, ValueError, tuf_verify.VerifyError) as error:
        print(f"deploy.py: {error}", file=sys.stderr)
        sys.exit(2)
