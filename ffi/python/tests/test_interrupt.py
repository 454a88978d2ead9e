"""Ctrl-C while a server hangs: a real signal, to a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import List

import pytest
from support import IMAGE, hanging, notary
from tuf_verify import Client, Question
from tuf_verify._border import call
from tuf_verify._native import lib

# Says what came of it, and when: the clock is one for all processes of a machine.
PROGRAM = """
import sys, time, tuf_verify
try:
    with tuf_verify.Client(sys.argv[1]) as client:
        client.verify_image(sys.argv[2])
except KeyboardInterrupt:
    print("interrupted", time.monotonic())
"""


def test_ctrl_c_ends_a_question_to_a_hanging_server() -> None:
    with hanging() as (url, asked):
        command = [sys.executable, "-c", PROGRAM, notary(url), IMAGE]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert asked.wait(60), "the program asks its server"
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
    word, ended = said.split()
    assert (word, process.returncode) == ("interrupted", 0)
    # A tenth of a second is meant; a busy machine gets more. Without the pieces of 50 ms it would be
    # the time limit of the whole question, minutes.
    print(f"{(float(ended) - began) * 1000:.0f} ms from the signal to the end")
    assert float(ended) - began < 10


def test_ctrl_c_is_seen_between_two_pieces_of_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call into the library waits longer than 50 ms, whatever the caller's limit."""
    waits: List[object] = []

    def noted(function: object, *args: object) -> int:
        if function is lib.tuf_task_wait:
            waits.append(args[1])
        return call(function, *args)

    monkeypatch.setattr("tuf_verify.client.call", noted)
    with hanging() as (url, asked), Client(notary(url)) as client, client.start(Question.image(IMAGE)) as task:
        assert not task.wait(0.2)
    assert len(waits) >= 2 and all(isinstance(wait, int) and wait <= 50 for wait in waits)
