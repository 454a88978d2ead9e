"""What can be asked."""

from __future__ import annotations

from dataclasses import dataclass

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
