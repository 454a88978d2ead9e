"""The job, step by step, and asyncio over it."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, Coroutine, List, Optional, Type

import pytest
import tuf_verify
from streams import Streams
from support import DIGEST, IMAGE, NAME, SAMPLE, SMOKE, files_of, hanging, notary, releases, sample_files, serving
from tuf_verify import AsyncClient, Client, FetchError, Question, Request, Response, State


def _run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(what)


def _job(client: Client) -> tuf_verify.Job:
    return client.job(Question.image(IMAGE))


def _request(job: tuf_verify.Job) -> Request:
    step = job.next()
    assert isinstance(step, Request)
    return step


def test_a_job_step_by_step() -> None:
    files = files_of(SAMPLE)
    base = f"https://trust.example/v2/{NAME}/_trust/tuf/"
    with Client(notary("https://trust.example")) as client:
        job = _job(client)
    seen = []
    with job:
        while (step := job.next()) is not State.DONE:
            if step is State.PENDING:
                pytest.fail("everything was answered")
            assert isinstance(step, Request) and step.url.startswith(base) and step.max_bytes > 0
            with pytest.raises(tuf_verify.BusyError):
                job.verdict()
            path = step.url[len(base) :]
            seen.append(path)
            name = ".".join(part for part in path.split(".") if len(part) != 64)
            data = files.get(name)
            assert step.absence_ends_chain == (data is None)
            job.answer(step.id, 404 if data is None else 200, data or b"")
        verdict = job.verdict()
        assert job.verdict() == verdict, "as often as it is wanted"
        with pytest.raises(tuf_verify.ClosedError):
            job.answer(1, 200)
    assert verdict.require_target().digest == DIGEST and "timestamp.json" in seen


def test_answers_that_are_none() -> None:
    with Client(notary("https://trust.example")) as client, _job(client) as job:
        for never in (0, 1, 2**64 - 1):
            with pytest.raises(tuf_verify.RequestError):
                job.answer(never, 200, b"")
        first = _request(job)
        while isinstance(step := job.next(), Request):
            pass
        assert step is State.PENDING
        job.answer(first.id, 200, b"no JSON")
        with pytest.raises(tuf_verify.RequestError):
            job.answer(first.id, 200, b"no JSON")
        with pytest.raises(tuf_verify.RequestError):
            job.fail(first.id, FetchError.TLS, "")


@pytest.mark.parametrize(
    "status, code",
    [(401, "auth.required"), (403, "auth.denied"), (429, "network.rate-limited"), (500, "network.status")],
)
def test_statuses_that_are_no_answer(status: int, code: str) -> None:
    with Client(notary("https://trust.example")) as client, _job(client) as job:
        while (step := job.next()) is not State.DONE:
            assert isinstance(step, Request)
            job.answer(step.id, status)
        verdict = job.verdict()
    assert verdict.verdict == "unchecked" and verdict.reason is not None and verdict.reason.code == code


class _Raising:
    """A fetcher that raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def fetch(self, url: str, max_bytes: int) -> Response:
        raise self.error


@pytest.mark.parametrize(
    "error, code",
    [
        (FetchError("no route"), "network.unreachable"),
        (FetchError("slow", FetchError.TIME_LIMIT), "network.time-limit"),
        (FetchError("a redirect", FetchError.REDIRECT), "network.redirect"),
        (FetchError("gave up", FetchError.CANCELLED), "cancelled"),
        (FetchError("gzip", FetchError.CODING), "network.coding"),
        (ConnectionRefusedError("refused"), "network.unreachable"),
        (ConnectionResetError("reset"), "network.cut-off"),
        (asyncio.IncompleteReadError(b"", 5), "network.cut-off"),
        (ssl.SSLError("no certificate"), "network.tls"),
        (asyncio.TimeoutError(), "network.time-limit"),
        (TimeoutError(), "network.time-limit"),
        (OSError("no Unicode: \udcff"), "network.unreachable"),
        (FetchError("no Unicode: \udcff", FetchError.TLS), "network.tls"),
    ],
)
def test_what_a_fetcher_raises_when_no_answer_came(error: Exception, code: str) -> None:
    """The verdict is unchecked; content that is asked for is a FetchError. Both say which URL, once."""

    async def ask() -> None:
        with Client(notary("https://trust.example")) as client:
            verdict = await AsyncClient(client, _Raising(error)).verify_image(IMAGE)
        assert verdict.verdict == "unchecked" and verdict.reason is not None and verdict.reason.code == code
        assert verdict.reason.message.count("https://trust.example") == 1
        raised = await _no_content(_Raising(error))
        assert raised.code == code and raised.message.startswith("https://content.example/")
        assert raised.message.count("https://") == 1 and "\udcff" not in raised.to_json()

    _run(ask())


@pytest.mark.parametrize("kind", [KeyError, RuntimeError])
def test_a_fault_of_a_fetcher_goes_through(kind: Type[Exception]) -> None:
    async def ask() -> None:
        with Client(notary("https://trust.example")) as client, pytest.raises(kind, match="a fault"):
            await AsyncClient(client, _Raising(kind("a fault"))).verify_image(IMAGE)
        assert len(asyncio.all_tasks()) == 1, "no fetch is left behind"
        with pytest.raises(kind, match="a fault"):
            await _content(_Raising(kind("a fault")))

    _run(ask())


def test_an_error_of_a_fetcher_says_one_of_the_constants() -> None:
    error = FetchError("a sentence", why=FetchError.TLS)
    assert isinstance(error, tuf_verify.VerifyError) and (error.code, error.why) == ("network.tls", FetchError.TLS)
    assert str(error) == "network.tls: a sentence" and "network.tls" in error.to_json()
    for why in (0, 99):
        with pytest.raises(tuf_verify.UsageError, match="none of the constants"):
            FetchError("a sentence", why)


class _Saying:
    """A fetcher that gives the same answer to all."""

    def __init__(self, status: Any, body: bytes = b"") -> None:
        self.response = Response(status, body)

    async def fetch(self, url: str, max_bytes: int) -> Response:
        return self.response


async def _content(fetcher: tuf_verify.Fetcher) -> bytes:
    """The content of a target whose metadata are there."""
    with Client(releases("https://nobody.invalid", "https://content.example/")) as client:
        for path, data in files_of(SMOKE / "metadata").items():
            client.serve("releases", path, data)
        return await AsyncClient(client, fetcher).fetch_target("releases", "hello.txt")


async def _no_content(fetcher: tuf_verify.Fetcher) -> FetchError:
    """The error that it is, which can be pickled."""
    with pytest.raises(FetchError) as raised:
        await _content(fetcher)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), again.reason, again.why) == (FetchError, raised.value.reason, raised.value.why)
    assert (str(again), again.to_json()) == (str(raised.value), raised.value.to_json())
    return raised.value


@pytest.mark.parametrize(
    "status, code",
    [
        (404, "missing.target"),
        (401, "auth.required"),
        (403, "auth.denied"),
        (429, "network.rate-limited"),
        (302, "network.redirect"),
        (500, "network.status"),
        (204, "network.status"),
    ],
)
def test_content_that_a_server_does_not_give(status: int, code: str) -> None:
    raised = asyncio.run(_no_content(_Saying(status)))
    assert raised.code == code and raised.message.startswith("https://content.example/")
    assert f"hello.txt: status {status}" in raised.message
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()
    assert asyncio.run(_content(_Saying(200, data))) == data


@pytest.mark.parametrize("status", [0, -1, 99, 1000, 2**70, "200", "\udcff", None, 200.0])
def test_a_status_that_is_none_is_no_answer(status: Any) -> None:
    async def ask(said: Any) -> tuf_verify.Verdict:
        with Client(notary("https://trust.example")) as client:
            return await AsyncClient(client, _Saying(said)).verify_image(IMAGE)

    for said, code, words in ((status, "network.unreachable", "is no status of HTTP"), (999, "network.status", "999")):
        verdict = asyncio.run(ask(said))
        assert verdict.verdict == "unchecked" and verdict.reason is not None and verdict.reason.code == code
        assert words in verdict.reason.message
    assert asyncio.run(_no_content(_Saying(status))).code == "network.unreachable"
    with Client(notary("https://trust.example")) as client, _job(client) as job:
        request = _request(job)
        with pytest.raises((tuf_verify.UsageError, TypeError, OverflowError)):
            job.answer(request.id, status)
        job.answer(request.id, 999)


class _Counting(Streams):
    """Counts how many fetches are under way, and holds all back until so many are."""

    def __init__(self, until: int) -> None:
        self.now, self.most, self.until, self.gate = 0, 0, until, asyncio.Event()

    async def fetch(self, url: str, max_bytes: int) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.most >= self.until:
            self.gate.set()
        try:
            await asyncio.wait_for(self.gate.wait(), 60)
            return await super().fetch(url, max_bytes)
        finally:
            self.now -= 1


def test_fifty_checks_side_by_side_on_one_thread() -> None:
    async def ask(client: Client) -> None:
        counting = _Counting(50)
        asking = AsyncClient(client, counting)
        before = threading.active_count()
        verdicts = await asyncio.gather(*(asking.verify_image(IMAGE) for _ in range(50)))
        assert all(verdict.trusted for verdict in verdicts) and counting.most >= 50
        assert threading.active_count() == before

    # Nothing is remembered, so that each of them fetches everything.
    with serving(sample_files([NAME])) as server, Client(notary(server.url), no_persist=True) as client:
        _run(ask(client))


def test_wait_for_cancels() -> None:
    ended: List[str] = []

    class Waiting(Streams):
        async def fetch(self, url: str, max_bytes: int) -> Response:
            try:
                return await super().fetch(url, max_bytes)
            except asyncio.CancelledError:
                ended.append(url)
                raise

    async def ask(url: str) -> None:
        with Client(notary(url)) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(AsyncClient(client, Waiting()).verify_image(IMAGE), 0.2)
        assert len(asyncio.all_tasks()) == 1, "no fetch is left behind"

    with hanging() as (url, asked):
        _run(ask(url))
        assert asked.is_set() and len(ended) >= 1


def test_the_other_questions_and_content() -> None:
    files = {f"/m/{path}": file for path, file in files_of(SMOKE / "metadata").items()}
    files.update({f"/t/{path}": file for path, file in files_of(SMOKE / "targets").items()})
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()

    async def ask(url: str) -> None:
        with Client(releases(f"{url}/m", f"{url}/t")) as client:
            asking = AsyncClient(client, Streams())
            assert (await asking.refresh("releases")).trusted
            assert len((await asking.list_artifacts("releases")).targets or ()) == 2
            assert await asking.fetch_target("releases", "hello.txt") == data
            with pytest.raises(tuf_verify.Refused):
                await asking.fetch_target("releases", "none")
            for path in [path for path in files if path.startswith("/t/") and path.endswith("app.tar")]:
                server.files[path] = b"x" * 64000
            with pytest.raises(tuf_verify.ContentError):
                await asking.fetch_target("releases", "project/app.tar")
            server.files = {path: data for path, data in files.items() if path.startswith("/m/")}
            with pytest.raises(FetchError, match="missing.target: http://127.*hello.txt: status 404"):
                await asking.fetch_target("releases", "hello.txt")

    with serving(dict(files)) as server:
        _run(ask(server.url))
    with serving(sample_files([NAME])) as server, Client(notary(server.url)) as client:
        listed = asyncio.run(AsyncClient(client, Streams()).list_images(NAME))
    assert [entry.tag for entry in listed.targets or ()] == ["1.0", "latest"]


def test_the_time_limit_holds() -> None:
    """Of the client, else of the configuration; for content too; and nothing is left behind."""
    limits = "[limits]\ntime = \"50ms\"\n"

    async def ask(client: Client, code: Optional[str]) -> None:
        verdict = await AsyncClient(client, Streams()).verify_image(IMAGE)
        assert (verdict.reason and verdict.reason.code) == code
        assert len(asyncio.all_tasks()) == 1

    async def fetch(client: Client) -> None:
        for path, data in files_of(SMOKE / "metadata").items():
            client.serve("releases", path, data)
        with pytest.raises(FetchError) as raised:
            await AsyncClient(client, Streams()).fetch_target("releases", "hello.txt")
        assert raised.value.why == FetchError.TIME_LIMIT
        assert "hello.txt: the time limit of this question is over" in raised.value.message

    with hanging() as (url, _):
        with Client(notary(url) + limits) as client, _job(client) as job:
            assert job.time_limit == timedelta(milliseconds=50)
            _run(ask(client, "network.time-limit"))
        with Client(notary(url), time_limit=timedelta(milliseconds=50)) as client:
            _run(ask(client, "network.time-limit"))
        with Client(releases("https://nobody.invalid", url) + limits) as client:
            _run(fetch(client))
    with serving(sample_files([NAME])) as server:
        with Client(notary(server.url) + limits, time_limit=timedelta.max) as client, _job(client) as job:
            assert job.time_limit > timedelta(days=365)
            _run(ask(client, None))


@pytest.mark.parametrize(
    "targets, target, offline, kind, code",
    [
        (True, 26, False, None, None),
        (True, 25, False, tuf_verify.ContentError, "limit.bytes"),
        (False, 26, False, tuf_verify.ConfigError, "config.value"),
        (True, 26, True, tuf_verify.ContentError, "store.empty"),
    ],
)
def test_content_that_may_be_fetched(
    targets: bool,
    target: int,
    offline: bool,
    kind: Optional[Type[tuf_verify.VerifyError]],
    code: Optional[str],
    tmp_path: Path,
) -> None:
    """It lies somewhere, is not above the configuration's limit, and nobody is offline."""
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()

    class Held:
        async def fetch(self, url: str, max_bytes: int) -> Response:
            assert url.endswith("hello.txt") and max_bytes == len(data) == 26 and kind is None
            return Response(200, data)

    config = releases(f"file:{SMOKE}/metadata", "https://nobody.invalid" if targets else "")
    config = f"{config}[limits]\ntarget = {target}\n"
    with Client(config, cache=tmp_path) as client:
        assert client.look_up("releases", "hello.txt").trusted
    with Client(config, cache=tmp_path, offline=offline) as client:
        asking = AsyncClient(client, Held())
        if kind is None:
            assert asyncio.run(asking.fetch_target("releases", "hello.txt")) == data
            return
        with pytest.raises(kind) as raised:
            asyncio.run(asking.fetch_target("releases", "hello.txt"))
        assert raised.value.code == code


async def _streamed(*pieces: bytes) -> Response:
    """What Streams makes of a server that says this, and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # the reader's turn
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        return await Streams().fetch("http://127.0.0.1:%d/x" % server.sockets[0].getsockname()[1], 4)


def test_coded_content_is_no_answer() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: 2\r\n\r\n{}"
    assert asyncio.run(_streamed(said % b"Identity")).body == b"{}"
    with pytest.raises(FetchError) as raised:
        asyncio.run(_streamed(said % b"gzip"))
    assert raised.value.why == FetchError.CODING and "127.0.0.1" not in raised.value.message


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    assert asyncio.run(_streamed(head, b"1", b"2", b"3")) == Response(200, b"123")
    assert asyncio.run(_streamed(head, b"1", b"23456789")) == Response(200, b"12345")
    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(_streamed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"123"))


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"SSH-2.0 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", id="long"),
    ],
)
def test_an_answer_that_is_no_http(said: bytes) -> None:
    with pytest.raises(FetchError, match="the answer is no HTTP") as raised:
        asyncio.run(_streamed(said))
    assert raised.value.code == "network.unreachable" and "127.0.0.1" not in raised.value.message
    assert asyncio.run(_streamed(b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n1")).body == b"1"


def test_too_much_is_refused() -> None:
    """A body that goes on behind what was asked for is cut off, and refused."""
    files = sample_files([NAME])
    path = f"/v2/{NAME}/_trust/tuf/timestamp.json"
    files[path] += b" " * 3_000_000

    async def ask(url: str) -> None:
        with Client(notary(url)) as client:
            verdict = await AsyncClient(client, Streams()).verify_image(IMAGE)
        assert verdict.verdict == "refused" and verdict.reason is not None
        assert verdict.reason.code in ("limit.bytes", "mismatch.length")

    with serving(files) as server:
        _run(ask(server.url))
