"""What can be asked, and what is to be fetched for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._border import taken
from ._native import lib


@dataclass(frozen=True)
class Question:
    """What is asked of one repository: made by the methods below."""

    kind: int
    name: str
    path: str = ""

    @classmethod
    def image(cls, reference: str) -> "Question":
        """Whether an image, by reference or digest, is what its publisher signed, and current."""
        return cls(lib.TUF_IMAGE, reference)

    @classmethod
    def images(cls, collection: str) -> "Question":
        """Everything that is signed for the images of a collection."""
        return cls(lib.TUF_IMAGE_LIST, collection)

    @classmethod
    def artifact(cls, repository: str, path: str) -> "Question":
        """A file of a TUF 1.0 repository, by its target path."""
        return cls(lib.TUF_ARTIFACT, repository, path)

    @classmethod
    def artifacts(cls, repository: str) -> "Question":
        """Every file that a TUF 1.0 repository answers with."""
        return cls(lib.TUF_ARTIFACT_LIST, repository)

    @classmethod
    def refresh(cls, repository: str) -> "Question":
        """Whether a TUF 1.0 repository is complete and current."""
        return cls(lib.TUF_REFRESH, repository)


@dataclass(frozen=True)
class Request:
    """A file to be fetched, with GET."""

    id: int
    url: str
    max_bytes: int
    """The body may be cut off one byte behind this many, which tells that there is more."""
    absence_ends_chain: bool
    """Whether "no such file" is to be expected: there are no more roots."""

    @classmethod
    def _of(cls, lent: Any) -> "Request":
        return cls(lent.id, taken(lent.url) or "", lent.max_bytes, lent.absent == lib.TUF_ABSENT_ENDS_CHAIN)
