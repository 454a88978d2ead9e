"""The same questions for asyncio, over any HTTP client: no threads, many checks side by side."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Protocol, Set, Tuple, Type

from .client import Client
from .errors import FetchError
from .job import Job, State
from .question import Question, Request
from .verdict import Verdict


@dataclass(frozen=True)
class Response:
    """What a server said."""

    status: int
    body: Any = b""
    """Bytes, or anything with a buffer."""


class Fetcher(Protocol):
    """An HTTP client. Redirects and passwords are its own matter."""

    async def fetch(self, url: str, max_bytes: int) -> Response:
        """Asks with GET. The status is that of the last response; the body may be cut off one byte behind
        ``max_bytes``. Where no answer came it raises :class:`FetchError` (``OSError``, ``TimeoutError`` and
        ``asyncio.IncompleteReadError`` will do); whatever else it raises goes through to who asked. The URL is
        put before what it says."""
        ...  # pragma: no cover


# What the world's HTTP clients raise when no answer came, the first that fits.
_WHY: Tuple[Tuple[Tuple[Type[BaseException], ...], int], ...] = (
    ((ssl.SSLError,), FetchError.TLS),
    ((asyncio.TimeoutError, TimeoutError), FetchError.TIME_LIMIT),
    ((asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError), FetchError.CUT_OFF),
    ((OSError,), FetchError.UNREACHABLE),
)


def _over_at(job: Job) -> float:
    """When all of a question that begins now must have come, by the loop's clock."""
    return asyncio.get_running_loop().time() + job.time_limit.total_seconds()


async def _in_time(fetcher: Fetcher, request: Request, until: float) -> Response:
    """What is fetched, if it comes in time; :class:`FetchError` where no answer came."""
    loop = asyncio.get_running_loop()
    try:
        response = await asyncio.wait_for(fetcher.fetch(request.url, request.max_bytes), until - loop.time())
    except FetchError:
        raise
    except Exception as error:
        why = next((why for kinds, why in _WHY if isinstance(error, kinds)), None)
        if why is None:
            raise
        told = f"{type(error).__name__}: {error}"
        # Before that, a fetcher's time limit is its own.
        if isinstance(error, asyncio.TimeoutError) and loop.time() >= until:
            told = "the time limit of this question is over"
        raise FetchError(told, why) from error
    if not isinstance(response.status, int) or not 100 <= response.status < 1000:
        raise FetchError(f"{response.status!r} is no status of HTTP")
    return response


async def _fetched(job: Job, fetcher: Fetcher, request: Request, until: float) -> None:
    """Fetches one file, and answers the job with what came of it."""
    try:
        response = await _in_time(fetcher, request, until)
    except FetchError as error:
        job.fail(request.id, error.why, error.message)
    else:
        job.answer(request.id, response.status, response.body)


async def drive(job: Job, fetcher: Fetcher) -> Verdict:
    """Drives a job to its verdict within its time limit, and closes it; what is fetched when it is cancelled is
    cancelled too."""
    fetches: Set["asyncio.Task[None]"] = set()
    try:
        until = _over_at(job)
        while True:
            step = job.next()
            if isinstance(step, Request):
                fetches.add(asyncio.ensure_future(_fetched(job, fetcher, step, until)))
            elif step is State.PENDING:
                done, fetches = await asyncio.wait(fetches, return_when=asyncio.FIRST_COMPLETED)
                for fetch in done:
                    fetch.result()
            else:
                return job.verdict()
    finally:
        for fetch in fetches:
            fetch.cancel()
        # All of them are at their end before the job is closed, whatever they raise then.
        await asyncio.gather(*fetches, return_exceptions=True)
        job.close()


class AsyncClient:
    """A client's questions for asyncio: ``AsyncClient(client, fetcher)``. The client stays the caller's, to
    be closed, and its time limit holds. Between two fetches the event loop is held for as long as a few
    signatures, and what is remembered in files, take."""

    def __init__(self, client: Client, fetcher: Fetcher) -> None:
        self._client = client
        self._fetcher = fetcher

    async def ask(self, question: Question) -> Verdict:
        """Asks, and waits for the verdict; a cancelled wait ends everything that it began."""
        return await drive(self._client.job(question), self._fetcher)

    async def verify_image(self, reference: str) -> Verdict:
        """As :meth:`Client.verify_image`."""
        return await self.ask(Question.image(reference))

    async def list_images(self, collection: str) -> Verdict:
        """As :meth:`Client.list_images`."""
        return await self.ask(Question.images(collection))

    async def look_up(self, repository: str, path: str) -> Verdict:
        """As :meth:`Client.look_up`."""
        return await self.ask(Question.artifact(repository, path))

    async def list_artifacts(self, repository: str) -> Verdict:
        """As :meth:`Client.list_artifacts`."""
        return await self.ask(Question.artifacts(repository))

    async def refresh(self, repository: str) -> Verdict:
        """As :meth:`Client.refresh`."""
        return await self.ask(Question.refresh(repository))

    async def fetch_target(self, repository: str, path: str) -> bytes:
        """The content of a target, fetched and verified: :class:`Refused` or :class:`Unchecked` if it is not
        trusted, :class:`ContentError` if it is not what was signed, :class:`FetchError` if none came; and what
        :meth:`Verdict.request` raises. A fault of the fetcher goes through."""
        job = self._client.job(Question.artifact(repository, path))
        until = _over_at(job)
        verdict = (await drive(job, self._fetcher)).require_trusted()
        request = verdict.request()
        try:
            response = await _in_time(self._fetcher, request, until)
        except FetchError as error:
            # As the library does where it is told of one.
            raise FetchError(f"{request.url}: {error.message}", error.why) from error
        if response.status != 200:
            raise FetchError._of(request.url, response.status)
        content = bytes(response.body)
        verdict.verify_bytes(content)
        return content
