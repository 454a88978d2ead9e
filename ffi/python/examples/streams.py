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
            raise tuf_verify.FetchError(f"{url}: this fetcher knows plain HTTP alone")
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            writer.write(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode("ascii"))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status, fields = _read(head)
            coding = fields.get("content-encoding", "identity")
            if coding.lower() != "identity":
                raise tuf_verify.FetchError(f"{url}: the answer is coded: {coding}", tuf_verify.FetchError.CODING)
            length = min(int(fields.get("content-length", max_bytes + 1)), max_bytes + 1)
            body = await reader.readexactly(length) if "content-length" in fields else await reader.read(length)
            return tuf_verify.Response(status, body)
        finally:
            writer.close()


def _read(head: bytes) -> "tuple[int, dict[str, str]]":
    line, *rest = head.decode("latin-1").strip().split("\r\n")
    version, status = line.split(" ")[:2]
    if not version.startswith("HTTP/1."):
        raise tuf_verify.FetchError("the answer is no HTTP")
    fields = (field.partition(":") for field in rest)
    return int(status), {name.strip().lower(): value.strip() for name, _, value in fields}
