"""Verdicts, and what can be done with a target that was found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Optional, Tuple

from ._border import AnyPath, Closing, Handle, call, content, path, taken
from ._native import ffi, lib
from .documents import Entry, Reason, Subject, Target, Trust, members
from .errors import InternalError, NothingError, Refused, Unchecked, own
from .question import Request


class Check(Closing):
    """Content that comes in pieces, checked against a target; for one thread at a time.

    Nothing of the content may be used before :meth:`finish` has returned.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __enter__(self) -> "Check":
        return self

    def update(self, piece: Any) -> None:
        """The next bytes; :class:`ContentError` as soon as there are more than were signed, which ends it."""
        with self._handle as check:
            buffer = content(piece)
            call(lib.tuf_check_update, check, buffer, len(buffer))

    def finish(self) -> None:
        """The end: :class:`ContentError` unless the bytes are those that were signed."""
        with self._handle as check:
            call(lib.tuf_check_finish, check)


@dataclass(frozen=True)
class Verdict(Closing):
    """The answer to a question, member for member as in the document (docs/verdict.md).

    It is true only if it is trusted, so that ``if client.verify_image(…):`` means what it says. Its members,
    ``exit_status`` and ``to_json`` can be read after it was closed, and in a copy that was pickled; all else
    needs the verdict that was handed out, not yet closed, and is a :class:`ClosedError` without.
    """

    schema: str
    verdict: str
    """``trusted``, ``refused`` or ``unchecked``: only the first means yes."""
    judged_at: datetime
    injected: bool
    subject: Subject
    target: Optional[Target]
    targets: Optional[Tuple[Entry, ...]]
    trust: Tuple[Trust, ...]
    reason: Optional[Reason]
    warnings: Tuple[Reason, ...]
    _json: str = field(repr=False)
    _handle: Handle = field(repr=False, compare=False)

    @classmethod
    def _of(cls, handle: Handle) -> "Verdict":
        with handle as verdict:
            document = taken(lib.tuf_verdict_json(verdict)) or ""
        return cls(_json=document, _handle=handle, **members(cls, json.loads(document)))

    def __enter__(self) -> "Verdict":
        return self

    @property
    def trusted(self) -> bool:
        """Whether every rule held, at ``judged_at``, under the configuration."""
        return self.verdict == "trusted"

    def __bool__(self) -> bool:
        return self.trusted

    def require_trusted(self) -> "Verdict":
        """Itself, if it is trusted; else :class:`Refused` or :class:`Unchecked`."""
        if self.trusted:
            return self
        if self.reason is None:
            raise own(InternalError, "a verdict that is no yes has no reason")
        kind = Refused if self.verdict == "refused" else Unchecked
        raise kind(self.reason, self._json, self)

    def require_target(self) -> Target:
        """The target that was found, if the verdict is trusted, and of one target."""
        target = self.require_trusted().target
        if target is None:
            raise own(NothingError, "this verdict is not about one target")
        return target

    def to_json(self) -> str:
        """The document, letter for letter what the command prints with ``--output json``."""
        return self._json

    def _text(self, of: Callable[[Any], Any]) -> Optional[str]:
        with self._handle as verdict:
            return taken(of(verdict))

    @property
    def exit_status(self) -> int:
        """What the command's exit status would be: trusted 0, refused 1, unchecked 3."""
        return {"trusted": 0, "refused": 1, "unchecked": 3}[self.verdict]

    @property
    def tree(self) -> str:
        """The chain from pin to digest, and what will be refused next: what ``explain`` prints. It is there,
        as is all below, where the question was asked and until the verdict is closed."""
        return self._text(lib.tuf_verdict_tree) or ""

    @property
    def path(self) -> Optional[str]:
        """The target's path, as the metadata name it; None unless a target was found, as are all below."""
        return self._text(lib.tuf_verdict_path)

    @property
    def local_name(self) -> Optional[str]:
        """The name that the target is stored under in one folder: no two targets share one."""
        return self._text(lib.tuf_verdict_local_name)

    @property
    def url(self) -> Optional[str]:
        """Where the target's content lies; None too if the configuration does not say it. :meth:`request`
        says whether it may be fetched."""
        return self._text(lib.tuf_verdict_url)

    @property
    def file(self) -> Optional[str]:
        """Where the file lies that :meth:`Client.download` brought, or found there."""
        return self._text(lib.tuf_verdict_file)

    def request(self) -> Request:
        """What is to be fetched for the target's content; its ``id`` goes nowhere. :class:`NothingError` unless
        one target was found, :class:`ConfigError` if the configuration does not say where it lies,
        :class:`ContentError` if it is above the configuration's ``limits.target``, or offline."""
        out = ffi.new("tuf_request *")
        with self._handle as verdict:
            call(lib.tuf_verdict_request, verdict, out)
            return Request._of(out)

    def verify_bytes(self, data: Any) -> None:
        """Whether these bytes are the target's content: :class:`ContentError` if not. Anything with a buffer
        will do; nobody may write to it meanwhile."""
        with self._handle as verdict:
            buffer = content(data)
            call(lib.tuf_verdict_verify_bytes, verdict, buffer, len(buffer))

    def verify_file(self, file: AnyPath) -> None:
        """Whether this file has the target's content: :class:`ContentError` if not. Whoever may write to it
        can change it afterwards: verify a copy that nobody else can write."""
        name = path(file)
        with self._handle as verdict:
            call(lib.tuf_verdict_verify_file, verdict, name, len(name))

    def check(self) -> Check:
        """A check of content that comes in pieces; :class:`NothingError` unless one target was found."""
        handle = Handle("check")
        with self._handle as verdict:
            call(lib.tuf_verdict_check, verdict, handle.cell)
        return Check(handle)

