"""What the border costs: nanoseconds for a call, and for a warm look-up, against Rust's.

    bench.py [--rust-ns NS] [--rounds N]

Prints JSON. ffi/tests/python.rs measures Rust's warm look-up and gives it here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Callable, Dict

import tuf_verify

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import IMAGE, NAME, SAMPLE, SAMPLE_CONFIG, files_of  # noqa: E402


def ns(do: Callable[[], object], times: int, rounds: int) -> float:
    """Nanoseconds for one: the median of so many rounds."""
    took = []
    for _ in range(rounds):
        began = perf_counter_ns()
        for _ in range(times):
            do()
        took.append((perf_counter_ns() - began) / times)
    return statistics.median(took)


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rust-ns", type=float, default=0, help="Rust's warm look-up")
    words.add_argument("--rounds", type=int, default=200)
    given = words.parse_args()
    said: Dict[str, float] = {}
    with tuf_verify.Client(SAMPLE_CONFIG) as client:
        for path, data in files_of(SAMPLE).items():
            client.serve(NAME, path, data)
        question = tuf_verify.Question.image(IMAGE)
        verdict = client.ask(question)

        def job() -> None:
            with client.job(question) as asked:
                asked.next()
                asked.verdict()

        said["call_ns"] = ns(lambda: verdict.exit_status, 1000, given.rounds)
        said["call_that_can_fail_ns"] = ns(lambda: client.set_time(None), 1000, given.rounds)
        said["warm_look_up_ns"] = ns(job, 1, given.rounds)
        said["warm_look_up_in_a_thread_ns"] = ns(lambda: client.ask(question), 1, given.rounds)
    if given.rust_ns:
        said["rust_warm_look_up_ns"] = given.rust_ns
        said["times_rust"] = said["warm_look_up_ns"] / given.rust_ns
    print(json.dumps({name: round(value, 2) for name, value in said.items()}, indent=2))


if __name__ == "__main__":
    main()
