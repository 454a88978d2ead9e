"""Questions that wait: what they answer, what they raise, and what is left behind."""

from __future__ import annotations

import copy
import dataclasses
import gc
import os
import pickle
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Type

import pytest
import tuf_verify
from support import (
    CERTIFICATE,
    DIGEST,
    IMAGE,
    NAME,
    RELEASES_CONFIG,
    SAMPLE,
    SAMPLE_CONFIG,
    SMOKE,
    files_of,
    hanging,
    notary,
    releases,
    sample_files,
    serving,
)
from tuf_verify import Client, Question


def test_an_image_that_is_trusted() -> None:
    with Client(SAMPLE_CONFIG) as client:
        verdict = client.verify_image(IMAGE)
    assert verdict.trusted and bool(verdict) and verdict.verdict == "trusted" and verdict.exit_status == 0
    assert verdict.require_trusted() is verdict
    target = verdict.require_target()
    assert (target.digest, target.pinned) == (DIGEST, f"{NAME}@{DIGEST}")
    assert target.hashes["sha256"] == DIGEST[7:] and target.role == "targets/releases"
    assert verdict.path == "1.0" and "targets/releases" in verdict.tree
    assert verdict.file is None and verdict.url is None
    assert verdict.judged_at.tzinfo is timezone.utc
    # The verdict outlives its client.
    verdict.verify_bytes((SAMPLE / "image-manifest.json").read_bytes())


def test_an_image_that_is_refused() -> None:
    with Client(SAMPLE_CONFIG) as client:
        verdict = client.verify_image(NAME + ":2.0")
    assert not verdict and not verdict.trusted and verdict.exit_status == 1 and verdict.target is None
    with pytest.raises(tuf_verify.Refused) as raised:
        verdict.require_target()
    assert raised.value.verdict is verdict
    assert (raised.value.code, raised.value.to_json()) == ("target.not-signed", verdict.to_json())
    assert "target.not-signed: no trusted role signs `2.0`" in str(raised.value)
    for do in (verdict.check, lambda: verdict.verify_bytes(b"")):
        with pytest.raises(tuf_verify.NothingError):
            do()


def test_what_cannot_be_checked_is_unchecked() -> None:
    with Client(notary("http://127.0.0.1:1")) as client:
        verdict = client.verify_image(IMAGE)
    assert not verdict and verdict.exit_status == 3
    with pytest.raises(tuf_verify.Unchecked) as raised:
        verdict.require_trusted()
    assert raised.value.code == "network.unreachable"
    assert isinstance(raised.value, tuf_verify.NotTrusted) and isinstance(raised.value, tuf_verify.VerifyError)


def test_lists_and_other_questions() -> None:
    with Client(SAMPLE_CONFIG) as client:
        listed = client.list_images(NAME)
    assert [entry.tag for entry in listed.targets or ()] == ["1.0", "latest"]
    with pytest.raises(tuf_verify.NothingError):
        listed.require_target()
    with Client(RELEASES_CONFIG) as client:
        assert client.refresh("releases").trusted
        assert [entry.path for entry in client.list_artifacts("releases").targets or ()] == [
            "hello.txt",
            "project/app.tar",
        ]
        found = client.look_up("releases", "project/app.tar")
        assert found.require_target().length == 64000 and found.path == "project/app.tar"
        assert found.url is not None and found.url.startswith("file:") and found.url.endswith("app.tar")
        assert client.look_up("releases", "none").reason is not None


def test_content() -> None:
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()
    with Client(RELEASES_CONFIG) as client:
        found = client.look_up("releases", "hello.txt")
    for like in (data, bytearray(data), memoryview(data)):
        found.verify_bytes(like)
    for wrong in (b"", data[:-1], data + b"x", data[:-1] + b"x"):
        with pytest.raises(tuf_verify.ContentError) as raised:
            found.verify_bytes(wrong)
        assert raised.value.code in ("target.length", "target.hash")
    with pytest.raises(TypeError):
        found.verify_bytes("text")
    with found.check() as check:
        for at in range(0, len(data), 5):
            check.update(memoryview(data)[at : at + 5])
        check.finish()
        with pytest.raises(tuf_verify.ClosedError):
            check.update(b"x")
    with found.check() as check, pytest.raises(tuf_verify.ContentError):
        check.update(data + b"x")
    with found.check() as check, pytest.raises(tuf_verify.ContentError):
        check.finish()


def test_files(tmp_path: Path) -> None:
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(data)
    bad.write_bytes(data + b"x")
    with Client(RELEASES_CONFIG) as client:
        for name in (good, str(good)):
            assert client.verify_file("releases", "hello.txt", name).trusted
        refused = client.verify_file("releases", "hello.txt", bad)
        assert refused.reason is not None and refused.reason.code == "target.length"
        with pytest.raises(tuf_verify.UsageError) as raised:
            client.verify_file("releases", "hello.txt", tmp_path / "none")
        assert raised.value.code == "usage.file"
        found = client.look_up("releases", "hello.txt")
        found.verify_file(good)
        with pytest.raises(tuf_verify.ContentError):
            found.verify_file(bad)


def test_download(tmp_path: Path) -> None:
    data = next((SMOKE / "targets").rglob("*hello.txt")).read_bytes()
    files = {f"/m/{path}": file for path, file in files_of(SMOKE / "metadata").items()}
    files.update({f"/t/{path}": file for path, file in files_of(SMOKE / "targets").items()})
    with serving(files) as server, Client(releases(f"{server.url}/m", f"{server.url}/t")) as client:
        verdict = client.download("releases", "hello.txt", tmp_path)
        assert verdict.require_trusted().file is not None
        assert Path(verdict.file or "").read_bytes() == data
        assert (Path(verdict.file or "").parent, Path(verdict.file or "").name) == (tmp_path, verdict.local_name)
        for path in [path for path in server.files if path.startswith("/t/") and path.endswith("app.tar")]:
            server.files[path] = b"x" * 64000
        refused = client.download("releases", "project/app.tar", tmp_path)
        assert refused.reason is not None and refused.reason.code == "target.hash" and refused.file is None
    assert len(list(tmp_path.iterdir())) == 1


_LATEST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize(
    "kind, code, do",
    [
        (tuf_verify.UsageError, "usage.reference", lambda c: c.verify_image("A B")),
        (tuf_verify.UsageError, "usage.argument", lambda c: c.verify_image("registry.example/\ud800")),
        (tuf_verify.ConfigError, "config.no-server", lambda c: c.verify_image("other.example/app:1")),
        (tuf_verify.UsageError, "usage.argument", lambda c: c.set_time(datetime(2030, 1, 1))),
        (tuf_verify.UsageError, "usage.argument", lambda c: c.set_time(_LATEST)),
        (tuf_verify.UsageError, "usage.argument", lambda c: Client("", time_limit=timedelta(0))),
        (tuf_verify.UsageError, "usage.argument", lambda c: Client("", time_limit=timedelta(microseconds=-1))),
        (tuf_verify.ConfigError, "config.unknown-key", lambda c: Client("[sever]")),
        (tuf_verify.UsageError, "usage.file", lambda c: Client.from_file("/nowhere/config.toml")),
    ],
)
def test_errors_of_use_and_configuration(
    kind: Type[tuf_verify.VerifyError], code: str, do: Callable[[Client], Any]
) -> None:
    with Client(SAMPLE_CONFIG) as client, pytest.raises(tuf_verify.VerifyError) as raised:
        do(client)
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert raised.value.message and code in raised.value.to_json()
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), again.reason, str(again)) == (kind, raised.value.reason, str(raised.value))


@pytest.mark.parametrize(
    "told, do",
    [
        ("a str is needed here, not int", lambda c: Client(1)),  # type: ignore[arg-type]
        ("a str is needed here, not bytes", lambda c: c.verify_image(IMAGE.encode())),
        ("a str is needed here, not NoneType", lambda c: c.serve(None, "root.json", b"")),
        ("a datetime is needed here, not str", lambda c: c.set_time("2030-01-01T00:00:00Z")),
        ("a time limit is a timedelta, not int", lambda c: Client("", time_limit=5)),  # type: ignore[arg-type]
        ("not int", lambda c: Client("", cache=1)),  # type: ignore[arg-type]
    ],
)
def test_another_type_is_a_type_error(told: str, do: Callable[[Any], Any]) -> None:
    with Client(SAMPLE_CONFIG) as client:
        with pytest.raises(TypeError, match=told):
            do(client)
        assert client.verify_image(IMAGE).trusted


def test_a_cache_without_a_name_is_none(tmp_path: Path) -> None:
    """A variable that is not set does not switch off the cache that is configured."""
    config = tmp_path / "config.toml"
    config.write_text(f'cache = "{tmp_path}/cache"\n{SAMPLE_CONFIG}')
    rest: List[Dict[str, Any]] = [{}, {"cache": None}, {"cache": tmp_path / "another"}]
    makes: List[Callable[..., Client]] = [partial(Client, config.read_text()), partial(Client.from_file, config)]
    for make in makes:
        with pytest.raises(tuf_verify.UsageError, match="cache is empty"):
            make(cache="")
        for more in rest:
            with make(**more) as client:
                assert client.verify_image(IMAGE).trusted
    assert {file.name for file in tmp_path.iterdir()} == {"config.toml", "cache", "another"}


def test_a_naive_time_is_a_value_error() -> None:
    with Client(SAMPLE_CONFIG) as client, pytest.raises(ValueError, match="time zone"):
        client.set_time(datetime(2030, 1, 1))


def test_the_time_is_injected() -> None:
    with Client(SAMPLE_CONFIG) as client:
        east = timezone(timedelta(hours=2))
        client.set_time(datetime(2030, 1, 1, 2, tzinfo=east))
        verdict = client.verify_image(IMAGE)
        assert verdict.injected and verdict.judged_at == datetime(2030, 1, 1, tzinfo=timezone.utc)
        client.set_time(datetime(2050, 1, 1, tzinfo=timezone.utc))
        late = client.verify_image(IMAGE)
        assert late.reason is not None and late.reason.code == "pin.certificate-expired"
    with Client(SAMPLE_CONFIG) as client:
        client.set_time(datetime(2050, 1, 1, tzinfo=timezone.utc))
        client.set_time(None)
        assert not client.verify_image(IMAGE).injected


def test_what_is_remembered(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with serving(sample_files([NAME])) as server:
        with Client(notary(server.url), cache=cache, no_persist=True) as client:
            assert client.verify_image(IMAGE).trusted
        with Client(notary(server.url), cache=cache, offline=True) as client:
            empty = client.verify_image(IMAGE)
            assert empty.reason is not None and empty.reason.code == "store.empty"
        with Client(notary(server.url), cache=cache) as client:
            assert client.verify_image(IMAGE).trusted
        asked = len(server.seen)
        with Client(notary(server.url), cache=os.fspath(cache), offline=True) as client:
            verdict = client.verify_image(IMAGE)
        assert verdict.trusted and verdict.trust[0].offline and len(server.seen) == asked


def test_files_in_memory_and_a_configuration_file(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[server."{NAME}"]\nurl = "https://nobody.invalid"\n')
    (tmp_path / "trust.toml").write_text(f'[trust."{NAME}"]\ncertificate-ids = ["{CERTIFICATE}"]\n')
    with Client.from_file(config) as client:
        for path, data in files_of(SAMPLE).items():
            client.serve(NAME, path, data)
        assert client.verify_image(IMAGE).trusted
    with Client.from_file(config) as client:
        for path, data in files_of(SAMPLE).items():
            client.serve(NAME, path, bytearray(data))
        client.serve(NAME, "timestamp.json", None)
        missing = client.verify_image(IMAGE)
    assert missing.reason is not None and missing.reason.code == "missing.timestamp"


def test_what_is_served_is_asked_of_nobody() -> None:
    """Nor when nothing is left of it; a name that nobody asks for changes nothing."""
    with serving(sample_files([NAME])) as server, Client(notary(server.url), no_persist=True) as client:
        client.serve(NAME, "root.json", b"{}")
        client.serve(NAME, "root.json", None)
        empty = client.verify_image(IMAGE)
        assert empty.reason is not None and empty.reason.code.startswith("missing.") and server.seen == []
    with serving(sample_files([NAME])) as server, Client(notary(server.url)) as client:
        client.serve(NAME.rpartition("/")[2], "root.json", b"{}")
        assert client.verify_image(IMAGE).trusted and server.seen != []


def test_another_collection() -> None:
    with Client(SAMPLE_CONFIG, collection=NAME) as client:
        target = client.verify_image("mirror.example/hello:1.0").require_target()
    assert target.pinned == f"mirror.example/hello@{DIGEST}"


def test_a_time_limit() -> None:
    with hanging() as (url, asked):
        with Client(notary(url), time_limit=timedelta(milliseconds=100)) as client:
            verdict = client.verify_image(IMAGE)
    assert asked.is_set() and verdict.reason is not None and verdict.reason.code == "network.time-limit"


@pytest.mark.parametrize("microseconds, milliseconds", [(1, 1), (1000, 1), (1001, 2), (1_500_000, 1500)])
def test_a_time_limit_is_rounded_up(microseconds: int, milliseconds: int) -> None:
    limit = timedelta(microseconds=microseconds)
    with Client(SAMPLE_CONFIG, time_limit=limit) as client, client.job(Question.image(IMAGE)) as job:
        assert job.time_limit == timedelta(milliseconds=milliseconds)


def test_a_task_is_waited_for_and_cancelled() -> None:
    with hanging() as (url, asked), Client(notary(url)) as client:
        with client.start(Question.image(IMAGE)) as task:
            assert asked.wait(30) and not task.wait(0) and not task.wait(0.02)
            with pytest.raises(tuf_verify.BusyError):
                task.verdict()
            task.cancel()
            assert task.wait()
            verdict = task.verdict()
    assert verdict.reason is not None and verdict.reason.code == "cancelled" and verdict.exit_status == 3


def test_closed_things_say_so() -> None:
    client = Client(SAMPLE_CONFIG)
    task, job = client.start(Question.image(IMAGE)), client.job(Question.image(IMAGE))
    verdict = client.verify_image(IMAGE)
    check = verdict.check()
    uses: Dict[Any, List[Callable[[], Any]]] = {
        client: [
            lambda: client.verify_image(IMAGE),
            lambda: client.set_time(None),
            lambda: client.serve("a", "b", b""),
        ],
        task: [task.wait, task.cancel, task.verdict],
        job: [job.next, job.verdict, lambda: job.answer(1, 200), lambda: job.fail(1, 1, "")],
        check: [lambda: check.update(b""), check.finish],
        verdict: [
            *(lambda name=name: getattr(verdict, name) for name in ("tree", "path", "local_name", "url", "file")),
            verdict.request,
            verdict.check,
            lambda: verdict.verify_bytes(b""),
        ],
    }
    for thing, calls in uses.items():
        assert not thing.closed
        with thing:
            pass
        thing.close()
        assert thing.closed
        for use in calls:
            with pytest.raises(tuf_verify.ClosedError, match="is closed"):
                use()
    # Its document stays.
    assert verdict.require_target().digest == DIGEST and DIGEST in verdict.to_json() and verdict.exit_status == 0


def test_a_verdict_is_closed_at_the_end_of_with() -> None:
    data = (SAMPLE / "image-manifest.json").read_bytes()
    with Client(SAMPLE_CONFIG) as client, client.verify_image(IMAGE) as verdict:
        verdict.verify_bytes(data)
        assert not verdict.closed and verdict.tree
    assert verdict.closed and verdict.trusted


def test_verdicts_are_copied_compared_and_pickled() -> None:
    with Client(SAMPLE_CONFIG) as client:
        client.set_time(datetime(2030, 1, 1, tzinfo=timezone.utc))
        verdict, refused = client.verify_image(IMAGE), client.verify_image(NAME + ":2.0")
    again = pickle.loads(pickle.dumps(verdict))
    assert again == verdict and hash(again) == hash(verdict) and again.to_json() == verdict.to_json()
    assert copy.deepcopy(verdict) == verdict != refused
    assert [pickle.loads(pickle.dumps(one)).exit_status for one in (verdict, refused)] == [0, 1]
    members = dataclasses.asdict(verdict)
    assert members["target"]["digest"] == DIGEST and members["verdict"] == "trusted"
    for use in (again.check, lambda: again.tree, copy.deepcopy(verdict).check):
        with pytest.raises(tuf_verify.ClosedError):
            use()
    assert verdict.tree and verdict.check(), "it is not closed by its copies"
    with Client(SAMPLE_CONFIG) as client, pytest.raises(TypeError, match="a client can be neither copied nor pickled"):
        pickle.dumps(client)
    with pytest.raises(AttributeError):
        verdict.verdict = "trusted"  # type: ignore[misc]
    with pytest.raises(tuf_verify.Refused) as raised:
        refused.require_trusted()
    assert pickle.loads(pickle.dumps(raised.value)).verdict == refused


def _threads() -> int:
    """How many threads of the library there are."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    return names.count("tufverify")


def test_what_nobody_knows_any_more_is_freed() -> None:
    gc.collect()
    with hanging() as (url, asked):
        client = Client(notary(url))
        task = client.start(Question.image(IMAGE))
        assert asked.wait(30) and _threads() == 1
        # Nothing is closed: who knows the task no more frees it, which ends its thread.
        del task, client
        gc.collect()
        assert _threads() == 0
