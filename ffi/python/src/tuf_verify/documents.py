"""The members of verdict documents, as they are (docs/verdict.md says what each one means).

Members are named as in the document, except that ``from``, a word of Python's, is ``from_``.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Callable, Mapping, Optional, Tuple, Union, cast, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Subject:
    """What was asked."""

    kind: str
    input: str
    tag: Optional[str]
    path: Optional[str]
    digest: Optional[str]


@dataclass(frozen=True)
class Target:
    """What is signed of one target."""

    digest: Optional[str]
    hashes: Mapping[str, str] = field(hash=False)
    length: Optional[int]
    role: str
    agreed_by: Tuple[str, ...]
    pinned: Optional[str]
    custom: Optional[str]


@dataclass(frozen=True)
class Entry:
    """One target of a list."""

    tag: Optional[str]
    path: Optional[str]
    target: Target


@dataclass(frozen=True)
class PinSource:
    """What a repository is trusted by, and where that stands."""

    kind: str
    from_: str


@dataclass(frozen=True)
class Expiry:
    """Which role expires first, and when."""

    role: str
    at: datetime


@dataclass(frozen=True)
class Role:
    """A role that was used."""

    role: str
    delegator: Optional[str]
    version: int
    expires: datetime
    threshold: int
    signed_by: Tuple[str, ...]
    sha256: str
    certificates_until: Optional[datetime]


@dataclass(frozen=True)
class Trust:
    """What one repository's trust data said."""

    repository: str
    format: str
    mode: str
    rule: str
    pin: PinSource
    source: str
    offline: bool
    last_checked_at: Optional[datetime]
    age_seconds: Optional[int]
    requests: int
    earliest_expiry: Optional[Expiry]
    root_versions: Tuple[int, ...]
    roles: Tuple[Role, ...]


@dataclass(frozen=True)
class Reason:
    """Why not, or what was let pass: a stable code, and what is to be said about it."""

    code: str
    role: Optional[str]
    file: Optional[str]
    key_ids: Tuple[str, ...]
    rule: str
    expected: Optional[str]
    found: Optional[str]
    message: str
    hint: Optional[str]


_TIME = re.compile(r"([+-]?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z")


def time_of(text: str) -> datetime:
    """A time of a document, to the microsecond; what Python has no date for is the nearest that it has."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time of a document: {text!r}")
    year = int(match[1])
    if year > 9999:
        return datetime.max.replace(tzinfo=timezone.utc)
    if year < 1:
        return datetime.min.replace(tzinfo=timezone.utc)
    month, day, hour, minute, second = (int(part) for part in match.groups()[1:6])
    micro = int((match[7] or "").ljust(6, "0")[:6])
    # A leap second is the last one that Python can tell.
    return datetime(year, month, day, hour, minute, min(second, 59), micro, tzinfo=timezone.utc)


def text_of(time: datetime) -> str:
    """RFC 3339 in UTC; a time without a zone is a ``ValueError``, because it says no point in time, and so is
    one that has no date in UTC."""
    if not isinstance(time, datetime):
        raise TypeError(f"a datetime is needed here, not {type(time).__name__}")
    if time.tzinfo is None or time.utcoffset() is None:
        raise ValueError(f"{time!r} has no time zone: give datetime(…, tzinfo=timezone.utc) or the like")
    try:
        return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError as error:
        raise ValueError(f"{time!r} has no date in UTC that Python can tell") from error


@lru_cache(maxsize=None)
def reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of its JSON. A member that is not known is left out: within
    one version of the document members may be added."""
    origin = get_origin(kind)
    if origin is Union:
        inner = reader(get_args(kind)[0])
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        element = reader(get_args(kind)[0])
        return lambda value: tuple(map(element, value))
    if kind is datetime:
        return time_of
    if dataclasses.is_dataclass(kind):
        make = cast(Callable[..., Any], kind)
        return lambda value: make(**members(kind, value))
    return lambda value: value


@lru_cache(maxsize=None)
def _plan(kind: Any) -> Tuple[Tuple[str, str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind) if not f.name.startswith("_")]
    return tuple((name, name.rstrip("_"), reader(hints[name])) for name in names)


def members(kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a dataclass, by name, of a JSON object."""
    return {name: read(value[member]) for name, member, read in _plan(kind)}
