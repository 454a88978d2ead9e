"""Whether memory grows: after so many calls at most 1 MiB above the value after ten thousand.

    memory.py [CALLS]

The calls are of all kinds: those that tell, those that fail, handles that are closed and those that are
forgotten, whole questions by a job and in a thread. Prints how much, as JSON; exit status 1 if it is more.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Callable, List, Tuple

import tuf_verify

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import IMAGE, NAME, SAMPLE, SAMPLE_CONFIG, files_of  # noqa: E402

WARM = 10_000
LIMIT_KIB = 1024


def kept_kib() -> int:
    """How much memory the process has taken and not given back."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def fails(do: Callable[[], object]) -> None:
    """A call that must fail."""
    try:
        do()
    except tuf_verify.VerifyError:
        return
    raise AssertionError("it did not fail")


def main(calls: int) -> int:
    content = (SAMPLE / "image-manifest.json").read_bytes()
    with tuf_verify.Client(SAMPLE_CONFIG) as client:
        for path, data in files_of(SAMPLE).items():
            client.serve(NAME, path, data)
        question = tuf_verify.Question.image(IMAGE)
        verdict = client.ask(question)

        def checked() -> None:
            with verdict.check() as check:
                check.update(content)
                check.finish()

        def by_job() -> None:
            with client.job(question) as job:
                job.next()
                job.verdict().require_trusted()

        # One in so many calls is this one.
        mix: List[Tuple[int, Callable[[], object]]] = [
            (1000, lambda: client.ask(question)),
            (1001, lambda: client.job(question)),
            (499, by_job),
            (7, checked),
            (5, lambda: fails(lambda: verdict.verify_bytes(b"wrong"))),
            (11, lambda: fails(lambda: tuf_verify.Client("[wrong]"))),
            (13, lambda: tuf_verify.Client(SAMPLE_CONFIG)),
            (3, lambda: tuf_verify.pattern_matches("a*/b?c", "ab/bcc")),
            (2, lambda: verdict.tree),
            (1, lambda: verdict.exit_status),
        ]
        before = 0
        for number in range(1, calls + 1):
            next(do for every, do in mix if number % every == 0)()
            if number == WARM:
                gc.collect()
                before = kept_kib()
        gc.collect()
        grown = kept_kib() - before
    print(json.dumps({"grown_kib": grown}))
    return 0 if calls > WARM and grown <= LIMIT_KIB else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
