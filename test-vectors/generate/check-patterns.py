#!/usr/bin/env python3
"""Holds patterns.json against Python's own fnmatch, segment by segment; ends with 1 at any difference.

A pair with a comment is one where ours differs on purpose: it must differ. Standard library alone.
"""

import fnmatch
import json
import pathlib
import sys

TABLE = pathlib.Path(__file__).resolve().parent.parent / "patterns.json"


def matches(pattern, name):
    patterns, names = pattern.split("/"), name.split("/")
    return len(patterns) == len(names) and all(map(fnmatch.fnmatchcase, names, patterns))


def main():
    pairs = json.loads(TABLE.read_text(encoding="utf-8"))["pairs"]
    agrees = [(matches(pair["pattern"], pair["name"]) == pair["matches"], pair) for pair in pairs]
    wrong = [pair for agreed, pair in agrees if agreed == ("comment" in pair)]
    for pair in wrong:
        print(json.dumps(pair, ensure_ascii=False), file=sys.stderr)
    print(f"{len(pairs)} pairs, {len(wrong)} wrong")
    return 1 if wrong or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
