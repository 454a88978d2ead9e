"""Many threads at once: one client for all, and things that are closed while they are used."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, List, Union

import pytest
import tuf_verify
from support import IMAGE, NAME, SAMPLE, SAMPLE_CONFIG, hanging, notary, sample_files, serving
from tuf_verify import Client, Question


def _at_once(count: int, do: Callable[[int], None]) -> None:
    """Runs it in so many threads, which begin together; raises what any of them raised."""
    gate = threading.Barrier(count)

    def begin(number: int) -> None:
        gate.wait()
        do(number)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(begin, number) for number in range(count)]:
            done.result(timeout=60)


def test_one_client_for_many_threads() -> None:
    def ask(number: int) -> None:
        for turn in range(10):
            good = (number + turn) % 2 == 0
            verdict = client.verify_image(NAME + (":1.0" if good else ":2.0"))
            assert verdict.trusted is good, verdict.to_json()

    with serving(sample_files([NAME])) as server, Client(notary(server.url)) as client:
        _at_once(8, ask)


def test_many_threads_close_at_once() -> None:
    for _ in range(50):
        client = Client(SAMPLE_CONFIG)
        things: List[Union[tuf_verify.Job, tuf_verify.Task, Client]] = [
            client,
            client.start(Question.image(IMAGE)),
            client.job(Question.image(IMAGE)),
        ]

        def close(number: int) -> None:
            for thing in things:
                thing.close()

        _at_once(4, close)
        assert all(thing.closed for thing in things)


def test_a_client_is_closed_while_it_is_asked() -> None:
    def ask(number: int) -> None:
        if number == 0:
            client.close()
            return
        try:
            while True:
                assert client.verify_image(IMAGE).trusted
        except tuf_verify.ClosedError:
            closed.append(number)

    for _ in range(10):
        client, closed = Client(SAMPLE_CONFIG), []  # type: ignore[var-annotated]
        _at_once(4, ask)
        assert sorted(closed) == [1, 2, 3]


def test_a_task_is_closed_while_it_is_waited_for() -> None:
    with hanging() as (url, asked), Client(notary(url)) as client:
        task = client.start(Question.image(IMAGE))

        def use(number: int) -> None:
            if number == 0:
                assert asked.wait(30)
                task.close()
                return
            with pytest.raises(tuf_verify.ClosedError):
                task.wait()

        _at_once(3, use)


def test_a_job_and_a_check_take_one_thread_at_a_time() -> None:
    """Whoever comes second hears BusyError, or comes later; nothing breaks, and the end is right."""
    data = (SAMPLE / "image-manifest.json").read_bytes()
    with Client(SAMPLE_CONFIG) as client:
        found = client.verify_image(IMAGE)
    check, counted, lock = found.check(), [0], threading.Lock()

    def update(number: int) -> None:
        at = 0
        while at < 50:
            try:
                check.update(b"")
                at += 1
            except tuf_verify.BusyError:
                with lock:
                    counted[0] += 1

    _at_once(4, update)
    check.update(data)
    check.finish()
