"""The client: a configuration, a place to remember, and questions."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Optional

from ._border import AnyPath, Closing, Handle, call, content, path, text
from ._native import ffi, lib
from .documents import text_of
from .errors import BusyError, UsageError, own
from .job import Job
from .question import Question
from .verdict import Verdict

# Python looks at signals between two calls alone, so no call waits longer than this.
_PIECE_MS = 50


class Task(Closing):
    """A question that a thread of the library drives with its own HTTP; for any number of threads at once.

    It ends when it is closed: what still runs then is cancelled.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __enter__(self) -> "Task":
        return self

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is done, or for so many seconds; whether it is done."""
        end = None if timeout is None else monotonic() + timeout
        while True:
            left = float(_PIECE_MS) if end is None else min(_PIECE_MS, max(0.0, (end - monotonic()) * 1000))
            with self._handle as task:
                status = call(lib.tuf_task_wait, task, int(left + 0.999))
            if status == lib.TUF_DONE:
                return True
            if end is not None and monotonic() >= end:
                return False

    def cancel(self) -> None:
        """Stops it soon, a hanging server or not: its verdict is then unchecked, with the code ``cancelled``."""
        with self._handle as task:
            call(lib.tuf_task_cancel, task)

    def verdict(self) -> Verdict:
        """The verdict, once it is done; before that a :class:`BusyError`."""
        handle = Handle("verdict")
        with self._handle as task:
            status = call(lib.tuf_task_verdict, task, handle.cell)
        if status == lib.TUF_PENDING:
            raise own(BusyError, "this task is not done")
        return Verdict._of(handle)


def _answer(task: Task) -> Verdict:
    # Whatever interrupts the wait, a signal too, the end of `with` cancels the task.
    with task:
        task.wait()
        return task.verdict()


class Client(Closing):
    """A configuration (TOML, docs/verdict.md), a place to remember, and questions; for any number of
    threads at once. Refused and unchecked are verdicts; what is raised is :class:`VerifyError`.

    It remembers in ``cache``, else in the folder that the configuration names, else in memory, for as
    long as it is open. A process that forks makes its clients after it has forked.
    """

    def __init__(
        self,
        config: str,
        *,
        folder: Optional[AnyPath] = None,
        cache: Optional[AnyPath] = None,
        offline: bool = False,
        no_persist: bool = False,
        time_limit: Optional[timedelta] = None,
        collection: Optional[str] = None,
        docker_login: bool = False,
    ) -> None:
        """A client of this text; relative paths in it are relative to ``folder``, or else to the working
        folder. ``offline``: nothing is asked for. ``no_persist``: nothing is written. ``time_limit``: for
        each question, rounded up to whole milliseconds. ``collection``: where images are looked up, if it is
        not their own name. ``docker_login``: whether the passwords that ``docker login`` keeps may be used.
        """
        told = text(config)
        base = path(os.getcwd() if folder is None else folder)
        self._handle = Handle("client")
        call(lib.tuf_client_from_text, told, len(told), base, len(base), self._handle.cell)
        self._set(cache, offline, no_persist, time_limit, collection, docker_login)

    @classmethod
    def from_file(
        cls,
        file: AnyPath,
        *,
        cache: Optional[AnyPath] = None,
        offline: bool = False,
        no_persist: bool = False,
        time_limit: Optional[timedelta] = None,
        collection: Optional[str] = None,
        docker_login: bool = False,
    ) -> "Client":
        """A client of a configuration file, and ``trust.toml`` beside it if there is one."""
        name = path(file)
        client = cls.__new__(cls)
        client._handle = Handle("client")
        call(lib.tuf_client_from_file, name, len(name), client._handle.cell)
        client._set(cache, offline, no_persist, time_limit, collection, docker_login)
        return client

    def _set(
        self,
        cache: Optional[AnyPath],
        offline: bool,
        no_persist: bool,
        time_limit: Optional[timedelta],
        collection: Optional[str],
        docker_login: bool,
    ) -> None:
        with self._handle as client:
            if cache is not None:
                place = path(cache)
                if not place:
                    # Mostly a variable that is not set. The library would forget what it remembers, and with
                    # it what protects against older metadata.
                    raise own(UsageError, "cache is empty: name a folder, or leave it out")
                call(lib.tuf_client_set_cache, client, place, len(place))
            call(lib.tuf_client_set_offline, client, offline)
            call(lib.tuf_client_set_no_persist, client, no_persist)
            if time_limit is not None:
                if not isinstance(time_limit, timedelta):
                    raise TypeError(f"a time limit is a timedelta, not {type(time_limit).__name__}")
                if time_limit <= timedelta(0):
                    raise own(UsageError, "a time limit is more than nothing")
                whole, rest = divmod(time_limit, timedelta(milliseconds=1))
                call(lib.tuf_client_set_time_limit, client, whole + bool(rest))
            if collection is not None:
                name = text(collection)
                call(lib.tuf_client_set_collection, client, name, len(name))
            call(lib.tuf_client_set_docker_login, client, docker_login)

    def __enter__(self) -> "Client":
        return self

    def set_time(self, at: Optional[datetime]) -> None:
        """The time that questions from now on are judged by, with its zone; None: the clock's."""
        try:
            time = b"" if at is None else text(text_of(at))
        except ValueError as error:
            raise own(UsageError, str(error)) from error
        with self._handle as client:
            call(lib.tuf_client_set_time, client, time, len(time))

    def serve(self, name: str, file: str, data: Any) -> None:
        """Serves a collection or repository from memory: adds one metadata file, by its path below the
        repository's metadata URL (``timestamp.json``), or replaces it; with None it is taken away. Nothing
        is asked of the server that is configured for ``name`` from then on, not even when the last file was
        taken away. ``name`` is as it is configured, and asked for: one that nobody asks for is no error."""
        of, at = text(name), text(file)
        with self._handle as client:
            buffer = ffi.NULL if data is None else content(data)
            length = 0 if data is None else len(buffer)
            call(lib.tuf_client_serve, client, of, len(of), at, len(at), buffer, length)

    def start(self, question: Question) -> Task:
        """Begins a question in a thread of the library, to be waited for or cancelled."""
        name, of = text(question.name), text(question.path)
        handle = Handle("task")
        with self._handle as client:
            call(lib.tuf_task_start, client, question.kind, name, len(name), of, len(of), handle.cell)
        return Task(handle)

    def job(self, question: Question) -> Job:
        """Begins a question that the caller drives with its own HTTP client."""
        name, of = text(question.name), text(question.path)
        handle = Handle("job")
        with self._handle as client:
            call(lib.tuf_job_new, client, question.kind, name, len(name), of, len(of), handle.cell)
        return Job(handle)

    def ask(self, question: Question) -> Verdict:
        """Asks, and waits for the verdict; Ctrl-C ends it within a tenth of a second."""
        return _answer(self.start(question))

    def verify_image(self, reference: str) -> Verdict:
        """Whether an image, by reference or digest, is what its publisher signed, and current."""
        return self.ask(Question.image(reference))

    def list_images(self, collection: str) -> Verdict:
        """Everything that is signed for the images of a collection: ``targets`` of the verdict."""
        return self.ask(Question.images(collection))

    def look_up(self, repository: str, path: str) -> Verdict:
        """A file of a TUF 1.0 repository, by its target path: what is signed of it."""
        return self.ask(Question.artifact(repository, path))

    def list_artifacts(self, repository: str) -> Verdict:
        """Every file that a TUF 1.0 repository answers with: ``targets`` of the verdict."""
        return self.ask(Question.artifacts(repository))

    def refresh(self, repository: str) -> Verdict:
        """Whether a TUF 1.0 repository is complete and current."""
        return self.ask(Question.refresh(repository))

    def verify_file(self, repository: str, target: str, file: AnyPath) -> Verdict:
        """Whether a file has the content of a target: trusted only if it has."""
        return _answer(self._with_file(lib.tuf_task_verify_file, repository, target, file))

    def download(self, repository: str, target: str, folder: AnyPath) -> Verdict:
        """Downloads a target into a folder, under its local name: nothing lies under that name before it is
        verified. ``file`` of the verdict says where."""
        return _answer(self._with_file(lib.tuf_task_download, repository, target, folder))

    def _with_file(self, begin: Any, repository: str, target: str, file: AnyPath) -> Task:
        name, of, at = text(repository), text(target), path(file)
        handle = Handle("task")
        with self._handle as client:
            call(begin, client, name, len(name), of, len(of), at, len(at), handle.cell)
        return Task(handle)


def pattern_matches(pattern: str, path: str) -> bool:
    """Whether a shell pattern of a delegation matches a target path (rule T-23)."""
    shape, name = text(pattern), text(path)
    out = ffi.new("bool *")
    call(lib.tuf_pattern_matches, shape, len(shape), name, len(name), out)
    return bool(out[0])
