"""What calls cost, and how soon Ctrl-C ends a question whose server hangs.

    bench.py [--rounds N]

Prints what ffi/bench.py makes a row of, as JSON; memory.py measures the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import threading
from pathlib import Path
from time import perf_counter_ns, sleep
from typing import Callable, List

import tuf_verify

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import IMAGE, NAME, SAMPLE, SAMPLE_CONFIG, files_of, hanging, notary  # noqa: E402


def ns(do: Callable[[], object], times: int, rounds: int) -> float:
    """Nanoseconds for one: the median of so many rounds."""
    took = []
    for _ in range(rounds):
        began = perf_counter_ns()
        for _ in range(times):
            do()
        took.append((perf_counter_ns() - began) / times)
    return statistics.median(took)


def stopped_ns() -> int:
    """The longest of ten times from Ctrl-C to the end of a question whose server takes it and says nothing."""
    longest = 0
    for _ in range(10):
        pressed: List[int] = []

        def press(asked: threading.Event) -> None:
            asked.wait(60)
            sleep(0.1)
            pressed.append(perf_counter_ns())
            os.kill(os.getpid(), signal.SIGINT)

        with hanging() as (url, asked), tuf_verify.Client(notary(url)) as client:
            threading.Thread(target=press, args=(asked,)).start()
            try:
                client.verify_image(IMAGE)
            except KeyboardInterrupt:
                longest = max(longest, perf_counter_ns() - pressed[0])
            else:
                raise AssertionError("a server that says nothing has answered")
    return longest


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=200)
    rounds = words.parse_args().rounds
    with tuf_verify.Client(SAMPLE_CONFIG) as client:
        for path, data in files_of(SAMPLE).items():
            client.serve(NAME, path, data)
        question = tuf_verify.Question.image(IMAGE)
        verdict = client.ask(question)

        def fails() -> None:
            try:
                verdict.verify_bytes(b"")
            except tuf_verify.ContentError:
                return
            raise AssertionError("no bytes are the image")

        def job() -> None:
            with client.job(question) as asked:
                asked.next()
                asked.verdict()

        check = verdict.check()
        said = {
            "call_ns": round(ns(lambda: check.update(b""), 1000, rounds)),
            "failed_call_ns": round(ns(fails, 1000, rounds)),
            "job_us": round(ns(job, 1, rounds) / 1e3, 1),
            "task_us": round(ns(lambda: client.ask(question), 1, rounds) / 1e3, 1),
            "stopped_ms": round(stopped_ns() / 1e6, 1),
        }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
