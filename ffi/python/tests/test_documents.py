"""The dataclasses are the document: nothing is lost, and odd times are read."""

from __future__ import annotations

import dataclasses
import json
import typing
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support import REPOSITORY
from tuf_verify import Verdict, documents

SCHEMA = json.loads((REPOSITORY / "docs" / "schema" / "verdict-1.schema.json").read_text())


@pytest.mark.parametrize(
    "text, time",
    [
        ("2030-01-02T03:04:05Z", datetime(2030, 1, 2, 3, 4, 5)),
        ("2030-01-02T03:04:05.6Z", datetime(2030, 1, 2, 3, 4, 5, 600000)),
        ("2030-01-02T03:04:05.123456789Z", datetime(2030, 1, 2, 3, 4, 5, 123456)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59)),
        ("+10000-01-01T00:00:00Z", datetime.max),
        ("+262142-12-31T23:59:59.999999999Z", datetime.max),
        ("0000-01-01T00:00:00Z", datetime.min),
        ("-0001-12-31T00:00:00Z", datetime.min),
    ],
)
def test_times_of_documents(text: str, time: datetime) -> None:
    assert documents.time_of(text) == time.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "2030-01-02", "2030-01-02T03:04:05", "2030-01-02T03:04:05+00:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        documents.time_of(text)


def test_times_that_are_given() -> None:
    west, east = timezone(timedelta(hours=-5, minutes=-30)), timezone(timedelta(hours=1))
    assert documents.text_of(datetime(2030, 1, 1, 20, 30, 0, 5, tzinfo=west)) == "2030-01-02T02:00:00.000005Z"
    assert documents.text_of(datetime(1, 1, 1, tzinfo=timezone.utc)) == "0001-01-01T00:00:00Z"
    assert documents.text_of(datetime.max.replace(tzinfo=timezone.utc)) == "9999-12-31T23:59:59.999999Z"
    for none in (datetime(2030, 1, 1), datetime.max.replace(tzinfo=west), datetime.min.replace(tzinfo=east)):
        with pytest.raises(ValueError):
            documents.text_of(none)


def _shape(schema: Any) -> Any:
    """The part of the schema that says what there is: without null, and behind references."""
    while True:
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in schema and "properties" not in schema:
            (schema,) = [one for one in schema["anyOf"] if one.get("type") != "null"]
        else:
            return schema


def _compare(kind: Any, schema: Any, where: str) -> int:
    """Holds a dataclass against its schema: how many members were compared."""
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")]
    assert [name.rstrip("_") for name in fields] == list(schema["properties"]), where
    compared = len(fields)
    for name in fields:
        own = schema["properties"][name.rstrip("_")]
        nullable = "null" in own.get("type", []) or any(one.get("type") == "null" for one in own.get("anyOf", []))
        hint, shape = hints[name], _shape(own)
        optional = typing.get_origin(hint) is typing.Union
        assert optional == nullable, f"{where}.{name}"
        hint = typing.get_args(hint)[0] if optional else hint
        if typing.get_origin(hint) is tuple:
            hint, shape = typing.get_args(hint)[0], _shape(shape["items"])
        if dataclasses.is_dataclass(hint):
            compared += _compare(hint, shape, f"{where}.{name}")
        elif shape is SCHEMA["$defs"]["time"]:
            assert hint is datetime, f"{where}.{name}"
    return compared


def test_the_dataclasses_are_what_the_schema_says() -> None:
    assert _compare(Verdict, SCHEMA, "verdict") > 60


def test_a_member_that_is_not_known_is_left_out() -> None:
    subject = dict(kind="image", input="a", tag=None, path=None, digest=None, new=1)
    assert documents.reader(documents.Subject)(subject) == documents.Subject("image", "a", None, None, None)
