"""What calls raise: one class for each thing that a caller does about it, and in each the stable code."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Dict, Optional, Tuple, Type

from ._native import lib
from .documents import Reason, reader

if TYPE_CHECKING:
    from .verdict import Verdict


class VerifyError(Exception):
    """Anything that this package raises of its own. ``code`` is stable (docs/verdict.md lists the codes)."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason
        """All that is known about it."""
        self._text = text

    @property
    def code(self) -> str:
        """The stable code, ``family.detail``."""
        return self.reason.code

    @property
    def message(self) -> str:
        """One sentence for people."""
        return self.reason.message

    @property
    def hint(self) -> Optional[str]:
        """What to do next, if that is known."""
        return self.reason.hint

    def to_json(self) -> str:
        """The document that says the same: of the error, or of the verdict that was no yes."""
        return self._text

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.code}: {self.message}{hint}"


class UsageError(VerifyError, ValueError):
    """The question makes no sense: codes ``usage.*``."""


class ConfigError(VerifyError):
    """The configuration is wrong: codes ``config.*``."""


class ContentError(VerifyError):
    """The content is not what was signed (``target.*``), cannot be read (``usage.file``), or may not be fetched
    (``limit.bytes``, ``store.empty``)."""


class RequestError(VerifyError):
    """An answer to a request of a job that is not outstanding: never made, or answered before."""


class BusyError(VerifyError):
    """Another thread is using a job or a check, which take one at a time."""


class ClosedError(VerifyError):
    """It was closed, or is at its end."""


class NothingError(VerifyError):
    """There is no such thing: a verdict without a target has no content to be checked."""


class InternalError(VerifyError):
    """A fault of this library; please report it."""


class FetchError(VerifyError):
    """For fetchers to raise when no answer came: the verdict is then unchecked. ``why`` says how it counts, and
    with which code (``network.*``, ``cancelled``). :meth:`AsyncClient.fetch_target` raises it where no content
    came, also with ``missing.target`` and ``auth.*``."""

    UNREACHABLE: int = lib.TUF_FAILED_UNREACHABLE
    TLS: int = lib.TUF_FAILED_TLS
    TIME_LIMIT: int = lib.TUF_FAILED_TIME_LIMIT
    CUT_OFF: int = lib.TUF_FAILED_CUT_OFF
    REDIRECT: int = lib.TUF_FAILED_REDIRECT
    CANCELLED: int = lib.TUF_FAILED_CANCELLED
    CODING: int = lib.TUF_FAILED_CODING

    def __init__(self, message: str, why: int = UNREACHABLE) -> None:
        code = _BY_WHY.get(why)
        if code is None:
            raise own(UsageError, f"{why!r} is none of the constants of FetchError")
        # What an HTTP client says may be no Unicode: that is no reason to say nothing.
        told = str(message).encode("utf-8", "replace").decode("utf-8")
        super().__init__(*_told(code, "T-8", told))
        self.args = (told, why)
        self.why = why
        """One of the constants of this class."""

    @classmethod
    def _of(cls, url: str, status: int) -> "FetchError":
        """Of a server that said this, and gave no content: it counts as it does with the library's own HTTP."""
        if status in (301, 302, 303, 307, 308):
            return cls(f"{url}: status {status}, a redirect that was not followed", cls.REDIRECT)
        error = cls(f"{url}: status {status}")
        code, rule = _BY_HTTP.get(status, ("network.status", "T-8"))
        error.reason, error._text = _told(code, rule, error.message)
        return error


class NotTrusted(VerifyError):
    """A verdict that is no yes: what :meth:`Verdict.require_trusted` raises."""

    def __init__(self, reason: Reason, text: str, verdict: "Verdict") -> None:
        super().__init__(reason, text)
        self.args = (reason, text, verdict)
        self.verdict = verdict
        """The verdict."""


class Refused(NotTrusted):
    """What was offered breaks a rule, or is not signed; asking again changes nothing."""


class Unchecked(NotTrusted):
    """No answer was reached: unreachable, too slow, the own store damaged. It is no yes either."""


_BY_WHY = {
    FetchError.UNREACHABLE: "network.unreachable",
    FetchError.TLS: "network.tls",
    FetchError.TIME_LIMIT: "network.time-limit",
    FetchError.CUT_OFF: "network.cut-off",
    FetchError.REDIRECT: "network.redirect",
    FetchError.CANCELLED: "cancelled",
    FetchError.CODING: "network.coding",
}

# The code, and the rule that it stands for.
_BY_HTTP = {
    401: ("auth.required", "N-22"),
    403: ("auth.denied", "N-22"),
    404: ("missing.target", "T-41 (TUF 5.7.3)"),
    429: ("network.rate-limited", "T-8"),
}

_BY_STATUS: Dict[int, Type[VerifyError]] = {
    lib.TUF_ERR_USAGE: UsageError,
    lib.TUF_ERR_UTF8: UsageError,
    lib.TUF_ERR_CONFIG: ConfigError,
    lib.TUF_ERR_CONTENT: ContentError,
    lib.TUF_ERR_REQUEST: RequestError,
    lib.TUF_ERR_BUSY: BusyError,
    lib.TUF_ERR_CLOSED: ClosedError,
    lib.TUF_ERR_NOTHING: NothingError,
}


def of_status(status: int, text: str) -> VerifyError:
    """The error that a call gave with this status: what this package lets nobody do wrong is internal."""
    reason = reader(Reason)(json.loads(text)["reason"])
    return _BY_STATUS.get(status, InternalError)(reason, text)


def _told(code: str, rule: str, message: str) -> Tuple[Reason, str]:
    """What is told on this side of the border, in the words that the other side would use."""
    reason = Reason(code, None, None, (), rule, None, None, message, None)
    return reason, json.dumps({"schema": "error/1", "reason": asdict(reason)}, ensure_ascii=False)


def own(kind: Type[VerifyError], message: str) -> VerifyError:
    """An error of use that this side of the border found."""
    return kind(*_told("usage.argument", "ffi", message))
