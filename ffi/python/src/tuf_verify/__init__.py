"""Strict verification of TUF 1.0 and Notary v1 trust data.

Is this container image, or this release file, what its publisher signed, and is that current?

    with Client.from_file("config.toml") as client:
        deploy(client.verify_image("registry.example/app:1.0").require_target().pinned)

``Client`` asks and waits; ``AsyncClient`` does so for asyncio over any HTTP client; ``Job`` is what both
could be built on. Refused and unchecked are verdicts and no exceptions, until ``require_trusted`` says so.
"""

from .aio import AsyncClient, Fetcher, Response, drive
from .client import Client, Task, pattern_matches
from .documents import Entry, Expiry, PinSource, Reason, Role, Subject, Target, Trust
from .errors import (
    BusyError,
    ClosedError,
    ConfigError,
    ContentError,
    FetchError,
    InternalError,
    NothingError,
    NotTrusted,
    Refused,
    RequestError,
    Unchecked,
    UsageError,
    VerifyError,
)
from .job import Job, State
from .question import Question, Request
from .verdict import Check, Verdict

__all__ = [
    "AsyncClient",
    "BusyError",
    "Check",
    "Client",
    "ClosedError",
    "ConfigError",
    "ContentError",
    "Entry",
    "Expiry",
    "FetchError",
    "Fetcher",
    "InternalError",
    "Job",
    "NothingError",
    "NotTrusted",
    "PinSource",
    "Question",
    "Reason",
    "Refused",
    "Request",
    "RequestError",
    "Response",
    "Role",
    "State",
    "Subject",
    "Target",
    "Task",
    "Trust",
    "Unchecked",
    "UsageError",
    "Verdict",
    "VerifyError",
    "drive",
    "pattern_matches",
]
