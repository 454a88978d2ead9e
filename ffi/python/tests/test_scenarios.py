"""All test vectors: the documents are those that Rust gives, field by field.

ffi/tests/python.rs writes what Rust says, a scenario a line: EXPECTED names the file.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import pytest
import tuf_verify
from support import VECTORS, files_of
from tuf_verify import Client, Question, State, Verdict, documents


def _scenarios() -> List[Dict[str, Any]]:
    with open(os.environ["EXPECTED"], encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _question(asked: Dict[str, Any]) -> Question:
    kind, name, path = asked["kind"], asked["name"], asked["path"]
    if kind == "image":
        return Question.image(name)
    if kind == "images":
        return Question.images(name)
    if kind == "artifact":
        return Question.artifact(name, path)
    return Question.artifacts(name) if kind == "artifacts" else Question.refresh(name)


def _job(client: Client, question: Question) -> Verdict:
    """The same by a job: what is in memory is asked of nobody."""
    with client.job(question) as job:
        assert job.next() is State.DONE
        return job.verdict()


def _same(value: Any, member: Any, where: str) -> int:
    """Holds what Python shows against the member of the document: how many values were compared."""
    if isinstance(value, datetime):
        assert value == documents.time_of(member), where
    elif isinstance(value, tuple):
        assert len(value) == len(member), where
        return sum(_same(one, other, f"{where}[]") for one, other in zip(value, member))
    elif hasattr(value, "__dataclass_fields__"):
        return sum(_same(getattr(value, _name(key)), member[key], f"{where}.{key}") for key in member)
    else:
        assert value == member and type(value) is type(member), where
    return 1


def _name(member: str) -> str:
    return "from_" if member == "from" else member


def _document(client: Client, number: int, asked: Dict[str, Any]) -> str:
    """What Python says, as text; by turns waited for, and by a job."""
    question = _question(asked)
    try:
        verdict = client.ask(question) if number % 2 == 0 else _job(client, question)
    except tuf_verify.VerifyError as error:
        return error.to_json()
    expected = json.loads(asked["expected"])
    assert _same(verdict, expected, asked["name"]) > 10
    assert verdict.exit_status == {"trusted": 0, "refused": 1, "unchecked": 3}[verdict.verdict]
    return verdict.to_json()


def _play(scenario: Dict[str, Any], folder: Path) -> int:
    """Plays a scenario's steps to one client: how many documents were compared."""
    compared, config = 0, ""
    served: Set[str] = set()
    client: Optional[Client] = None
    for step in scenario["steps"]:
        if client is None or step["config"] != config:
            config, served = step["config"], set()
            cache = folder if scenario["cache"] else None
            client = Client(config, folder=scenario["folder"], cache=cache)
        client.set_time(documents.time_of(step["time"]))
        files = files_of(Path(step["files"])) if step["files"] else {}
        for name in scenario["served"]:
            # A collection of which there is no file is served too.
            client.serve(name, "root.json", None)
            for path, data in files.items():
                client.serve(name, path, data)
            for path in served - set(files):
                client.serve(name, path, None)
        served |= set(files)
        for asked in step["asked"]:
            said = _document(client, compared, asked)
            assert json.loads(said) == json.loads(asked["expected"]), f"{scenario['name']}: {asked}"
            assert said == asked["expected"], f"{scenario['name']}: letter for letter"
            compared += 1
        if not step["asked"]:
            pytest.fail(f"{scenario['name']}: a step asks nothing")
    if client is not None:
        client.close()
    return compared


def test_every_scenario_says_what_rust_says(tmp_path: Path) -> None:
    scenarios, compared = _scenarios(), 0
    for number, scenario in enumerate(scenarios):
        compared += _play(scenario, tmp_path / str(number))
    assert len(scenarios) > 600 and compared > 1500, f"{len(scenarios)} scenarios, {compared} documents"


def test_the_pattern_table() -> None:
    pairs = json.loads((VECTORS / "patterns.json").read_text(encoding="utf-8"))["pairs"]
    wrong = [p for p in pairs if tuf_verify.pattern_matches(p["pattern"], p["name"]) is not p["matches"]]
    assert wrong == [] and len(pairs) > 50
