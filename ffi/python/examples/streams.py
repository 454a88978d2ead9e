"""A fetcher for AsyncClient of the standard library alone, for plain HTTP/1.1.

Write the like for the HTTP client that you have: one method. With httpx, say:

    async def fetch(self, url, max_bytes):
        async with self.http.stream("GET", url) as answer:
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > max_bytes:
                    break
            return tuf_verify.Response(answer.status_code, body)

(and ``except httpx.HTTPError as error: raise tuf_verify.FetchError(str(error)) from error`` around it).
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import tuf_verify


class Streams:
    """One connection for each file."""

    async def fetch(self, url: str, max_bytes: int) -> tuf_verify.Response:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise tuf_verify.FetchError("this fetcher knows plain HTTP alone")
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            writer.write(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode("ascii"))
            await writer.drain()
            return await _answer(reader, max_bytes + 1)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise tuf_verify.FetchError(f"the answer is no HTTP: {error}") from error
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader, most: int) -> tuf_verify.Response:
    """What the server says, with so many bytes at most: ``ValueError`` where that is no HTTP."""
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    version, status = line.split(" ")[:2]
    if not version.startswith("HTTP/1."):
        raise ValueError(f"it begins with {version!r}")
    fields = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in rest)}
    coding = fields.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise tuf_verify.FetchError(f"the answer is coded: {coding}", tuf_verify.FetchError.CODING)
    try:
        body = await reader.readexactly(min(int(fields.get("content-length", most)), most))
    except asyncio.IncompleteReadError as error:
        if "content-length" in fields:
            raise
        body = error.partial  # without a length the end of the connection is its end
    return tuf_verify.Response(int(status), body)
