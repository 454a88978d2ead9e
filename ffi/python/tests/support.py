"""What the tests share: the samples of this repository, and servers on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

PYTHON = Path(__file__).resolve().parent.parent
REPOSITORY = PYTHON.parent.parent
VECTORS = REPOSITORY / "test-vectors"
SAMPLE = VECTORS / "sample"
SMOKE = VECTORS / "tuf1" / "smoke"
NAME = "registry.example/library/hello"
IMAGE = NAME + ":1.0"
CERTIFICATE = (SAMPLE / "pin.txt").read_text().strip()
DIGEST = "sha256:6751ce60e283b4703c16e72a9728ae8a9b19aec880392233b1a1bf8c1e6452d8"


def notary(url: str, name: str = NAME, more: str = "") -> str:
    """A configuration for the sample collection, with its server here."""
    return f'[server."{name}"]\nurl = "{url}"\n{more}[trust."{name}"]\ncertificate-ids = ["{CERTIFICATE}"]\n'


SAMPLE_CONFIG = notary(f"file:{SAMPLE}")


def releases(url: str, targets: str = "") -> str:
    """A configuration for the TUF 1.0 repository of the vectors, as ``releases``."""
    lie = f'targets-url = "{targets}"\n' if targets else ""
    root = SMOKE / "metadata" / "1.root.json"
    return f'[server.releases]\nformat = "tuf1"\nurl = "{url}"\n{lie}[trust.releases]\nroot = "{root}"\n'


RELEASES_CONFIG = releases(f"file:{SMOKE}/metadata", f"file:{SMOKE}/targets")


class Server(ThreadingHTTPServer):
    """Serves a table of paths, and remembers what was asked for, and how many were asked at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, files: Dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.seen: List[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append(self.path)
        # A Notary server finds a file by its hash too, which stands in the name: `snapshot.HASH.json`.
        plain = ".".join(part for part in self.path.split(".") if len(part) != 64)
        files = self.server.files
        body = files.get(self.path, files.get(plain))
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests look at what was seen."""


@contextlib.contextmanager
def serving(files: Dict[str, bytes]) -> Iterator[Server]:
    """A server, for as long as ``with`` lasts."""
    server = Server(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def files_of(folder: Path) -> Dict[str, bytes]:
    """The files of a folder, by their paths in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sample_files(names: List[str]) -> Dict[str, bytes]:
    """The sample collection, as a Notary server serves it, under each of these names."""
    files = files_of(SAMPLE)
    return {f"/v2/{name}/_trust/tuf/{path}": data for name in names for path, data in files.items()}


@contextlib.contextmanager
def hanging() -> Iterator[Tuple[str, threading.Event]]:
    """A server that takes connections and never answers: its URL, and whether it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked, held = threading.Event(), []

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                held.append(listener.accept()[0])
                asked.set()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in held:
            connection.close()
