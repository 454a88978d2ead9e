"""A question that the caller drives with an HTTP client of its own: no call here waits for a server."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any, Union

from ._border import Closing, Handle, call, content, text
from ._native import ffi, lib
from .errors import BusyError, own
from .question import Request
from .verdict import Verdict


class State(Enum):
    """What a job says that asks for nothing now."""

    PENDING = "answer an outstanding request first"
    DONE = "the verdict can be had"


class Job(Closing):
    """A question in steps: fetch what :meth:`next` asks for, :meth:`answer` it, until it says
    :attr:`State.DONE`. For any thread, one at a time; it needs its client no longer."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __enter__(self) -> "Job":
        return self

    @property
    def time_limit(self) -> timedelta:
        """How long the question may take in all, as the client or the configuration says: the caller's to hold."""
        out = ffi.new("uint64_t *")
        with self._handle as job:
            call(lib.tuf_job_time_limit, job, out)
        # What Python cannot hold is beyond any question.
        return timedelta(milliseconds=min(out[0], timedelta.max // timedelta(milliseconds=1)))

    def next(self) -> Union[Request, State]:
        """Goes on until something is needed. More requests may be had before one is answered."""
        out = ffi.new("tuf_request *")
        with self._handle as job:
            status = call(lib.tuf_job_next, job, out)
            if status == lib.TUF_DONE:
                return State.DONE
            if status == lib.TUF_PENDING:
                return State.PENDING
            return Request._of(out)

    def answer(self, request: int, status: int, body: Any = b"") -> None:
        """Answers a request, by its id, with what the server said: its status (of redirects that were
        followed, the last one), and the body, or its first ``max_bytes + 1`` bytes."""
        with self._handle as job:
            buffer = content(body)
            call(lib.tuf_job_answer, job, request, status, buffer, len(buffer))

    def fail(self, request: int, why: int, message: str) -> None:
        """Answers a request for which no answer came: one of the constants of :class:`FetchError`, and a
        sentence that says more."""
        told = text(message)
        with self._handle as job:
            call(lib.tuf_job_fail, job, request, why, told, len(told))

    def verdict(self) -> Verdict:
        """The verdict, at the end; before that a :class:`BusyError`."""
        handle = Handle("verdict")
        with self._handle as job:
            status = call(lib.tuf_job_verdict, job, handle.cell)
        if status == lib.TUF_PENDING:
            raise own(BusyError, "this job is not at its end")
        return Verdict._of(handle)
