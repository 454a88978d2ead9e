"""The border to the C library: handles, text and bytes, and errors."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Any, Callable, Optional, Tuple, Type, Union

from ._native import ffi, lib
from .errors import ClosedError, of_status, own

if lib.tuf_abi_version() != lib.TUF_ABI_VERSION:
    raise ImportError(f"the library has ABI {lib.tuf_abi_version()}, this package is made for {lib.TUF_ABI_VERSION}")

AnyPath = Union[str, "os.PathLike[str]"]


def call(function: Any, *args: Any) -> int:
    """Calls what can fail: its status, or the error that it told."""
    err = ffi.new("tuf_error **")
    status: int = function(*args, err)
    if err[0] == ffi.NULL:
        return status
    try:
        told = taken(lib.tuf_error_json(err[0]))
    finally:
        lib.tuf_error_free(err)
    raise of_status(status, told or "")


def taken(text: Any) -> Optional[str]:
    """A copy of borrowed text; None where there is no value."""
    if text.ptr == ffi.NULL:
        return None
    copied: bytes = ffi.unpack(text.ptr, text.len)
    return copied.decode("utf-8")


def text(value: str) -> bytes:
    """Text to go in. What is no Unicode stays none, for the library to refuse."""
    if not isinstance(value, str):
        raise TypeError(f"a str is needed here, not {type(value).__name__}")
    return value.encode("utf-8", "surrogatepass")


def path(value: AnyPath) -> bytes:
    """A path to go in, as the system has it: the library refuses those that are not UTF-8."""
    return os.fsencode(value)


def content(value: Any) -> Any:
    """Bytes to go in, without a copy: anything that has a buffer in one piece."""
    return ffi.from_buffer("uint8_t[]", value)


class Handle:
    """An object of the C library. It is freed when it is closed and nobody is inside a call with it, or
    when nobody knows it any more; a call after that is a :class:`ClosedError`.

    The place for the pointer is there before the pointer: whatever interrupts the call that makes the
    object, it is not lost.
    """

    __slots__ = ("cell", "_free", "_lock", "_open", "_users", "_what")

    def __init__(self, what: str) -> None:
        self.cell = ffi.new(f"tuf_{what} **")
        self._free = getattr(lib, f"tuf_{what}_free")
        self._lock = threading.Lock()
        self._open = True
        self._users = 0
        self._what = what

    def __enter__(self) -> Any:
        """The pointer, which is valid until the exit."""
        with self._lock:
            if not self._open:
                raise own(ClosedError, f"this {self._what} is closed")
            self._users += 1
        return self.cell[0]

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        with self._lock:
            self._users -= 1
            last = self._users == 0 and not self._open
        if last:
            self._free(self.cell)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._open

    def close(self) -> None:
        """Closes it; a second time does nothing."""
        with self._lock:
            last = self._open and self._users == 0
            self._open = False
        if last:
            self._free(self.cell)

    def __reduce__(self) -> "Tuple[Callable[[str], Handle], Tuple[str]]":
        # A verdict without its handle is its document still; all else is nothing without.
        if self._what != "verdict":
            raise TypeError(f"a {self._what} can be neither copied nor pickled")
        return _closed, (self._what,)

    def __del__(self) -> None:
        # Nobody knows it, so nobody uses it. Freeing makes the cell NULL: a second time does nothing.
        # An object that was never finished has no cell.
        cell = getattr(self, "cell", None)
        if cell is not None:
            self._free(cell)


def _closed(what: str) -> Handle:
    """What a handle is after it was copied or pickled: it points to nothing, and is closed."""
    handle = Handle(what)
    handle.close()
    return handle


class Closing:
    """Something with a handle: closed by ``close`` or at the end of ``with``."""

    _handle: Handle

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._handle.closed

    def close(self) -> None:
        """Closes it, from any thread; a second time does nothing."""
        self._handle.close()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
