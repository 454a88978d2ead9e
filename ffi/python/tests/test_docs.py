"""The README and the examples, as they are printed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from support import DIGEST, NAME, PYTHON, REPOSITORY, SAMPLE_CONFIG

README = (PYTHON / "README.md").read_text(encoding="utf-8")


def _blocks(heading: str) -> List[str]:
    """The Python of one section."""
    section = re.split(r"^## ", README, flags=re.M)
    (found,) = [text for text in section if text.startswith(heading + "\n")]
    return re.findall(r"^```python\n(.*?)^```$", found, flags=re.M | re.S)


def _run(*command: object) -> "subprocess.CompletedProcess[str]":
    # The repository is where the README says that it is run.
    words = [sys.executable, *map(str, command)]
    return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


def test_the_quick_start(tmp_path: Path) -> None:
    (block,) = _blocks("Quick start")
    assert len(block.splitlines()) <= 10
    script = tmp_path / "quick.py"
    script.write_text(block)
    ran = _run(script)
    assert (ran.stdout, ran.stderr, ran.returncode) == (f"{NAME}@{DIGEST}\n", "", 0)


def test_the_other_blocks_of_the_readme(tmp_path: Path) -> None:
    """They go on from the quick start: run behind it, with what they name."""
    (quick,) = _blocks("Quick start")
    (errors,), (asking,) = _blocks("Errors"), _blocks("asyncio")
    sys_path = f"import sys\nsys.path.insert(0, {str(PYTHON / 'examples')!r})\n"
    for block, said in ((errors, "target.not-signed"), (asking, "trusted trusted")):
        script = tmp_path / "block.py"
        script.write_text(sys_path + quick + block)
        ran = _run(script)
        assert (ran.stderr, ran.returncode) == ("", 0)
        assert said in ran.stdout, ran.stdout


@pytest.mark.parametrize(
    "images, status",
    [
        ({"web": NAME + ":1.0", "worker": NAME + ":latest"}, 0),
        ({"web": NAME + ":1.0", "worker": NAME + ":2.0"}, 1),
        ({"web": NAME + ":1.0", "worker": "unknown.example/app:1"}, 2),
        ({"web": NAME + ":1.0", "worker": "away.example/app:1"}, 3),
        ({"web": "away.example/app:1", "worker": NAME + ":2.0", "other": "away.example/app:1"}, 1),
    ],
)
def test_the_deploy_script(images: Dict[str, str], status: int, tmp_path: Path) -> None:
    config, release = tmp_path / "config.toml", tmp_path / "release.json"
    away = '[server."away.example/"]\nurl = "http://127.0.0.1:1"\n[trust."away.example/"]\ntofu = true\n'
    config.write_text(SAMPLE_CONFIG + away)
    release.write_text(json.dumps({"images": images}))
    ran = _run(PYTHON / "examples" / "deploy.py", config, release)
    assert ran.returncode == status, ran.stderr
    if status == 0:
        assert json.loads(ran.stdout) == {"images": {name: f"{NAME}@{DIGEST}" for name in images}}
        assert ran.stderr == ""
    else:
        assert ran.stdout == "" and "Traceback" not in ran.stderr and ran.stderr.count("\n") >= 1


@pytest.mark.parametrize("arguments", [[], ["/nowhere.toml", "/nowhere.json"]])
def test_the_deploy_script_used_wrongly(arguments: List[str]) -> None:
    ran = _run(PYTHON / "examples" / "deploy.py", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "") and "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "release",
    [
        '{"images": {"a": null}}',
        '{"images": {"a": 1}}',
        '{"images": ["a"]}',
        '{"images": {}}',
        '{"image": {}}',
        "[]",
        "null",
        "no JSON",
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_release_file_that_is_none(release: str, tmp_path: Path) -> None:
    """It is no question, so it is not answered with 1, which is refused, nor with 0."""
    config, file = tmp_path / "config.toml", tmp_path / "release.json"
    config.write_text(SAMPLE_CONFIG)
    file.write_text(release)
    ran = _run(PYTHON / "examples" / "deploy.py", config, file)
    assert (ran.returncode, ran.stdout) == (2, "") and "Traceback" not in ran.stderr
    assert ran.stderr.startswith("deploy.py: ") and ran.stderr.count("\n") == 1


def test_memory_does_not_grow() -> None:
    """A hundred thousand calls here, a million by ffi/bench.py."""
    ran = _run(PYTHON / "benches" / "memory.py", "100000")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "grown_kib" in json.loads(ran.stdout)


def test_the_benchmark_runs() -> None:
    ran = _run(PYTHON / "benches" / "bench.py", "--rounds", "3")
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert set(said) == {"call_ns", "failed_call_ns", "job_us", "task_us", "stopped_ms"}
    assert min(said.values()) > 0
