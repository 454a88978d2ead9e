#!/usr/bin/env python3
"""A TLS front on loopback that asks for a client certificate, before a server that does not: for tests.

It would rather speak HTTP/2, which the server behind it does not know: clients must not offer it.

    front.py WORKDIR HOST:PORT

Takes certificates by WORKDIR/tls/ca.crt (start.sh or certificates.sh make them), and passes bytes on
to the plain HTTP server at HOST:PORT. Prints FRONT_URL=… and `ready`, and runs until the end of its
standard input. Standard library alone.
"""

import pathlib
import socket
import socketserver
import ssl
import sys
import threading


def pass_on(source, sink):
    """Bytes from one end to the other, and the end of them."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two is gone, and the other notices


class Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context = upstream = None


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            secure = self.server.context.wrap_socket(self.request, server_side=True)
        except OSError:  # no certificate, or no TLS at all: the client has been told
            return
        with secure, socket.create_connection(self.server.upstream) as plain:
            threading.Thread(target=pass_on, args=(plain, secure), daemon=True).start()
            pass_on(secure, plain)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tls = pathlib.Path(sys.argv[1]) / "tls"
    host, port = sys.argv[2].rsplit(":", 1)
    Front.upstream = (host, int(port))
    Front.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls / "ca.crt")
    Front.context.load_cert_chain(tls / "server.crt", tls / "server.key")
    Front.context.set_alpn_protocols(["h2", "http/1.1"])
    Front.context.verify_mode = ssl.CERT_REQUIRED
    front = Front(("127.0.0.1", 0), Handler)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    print(f"FRONT_URL=https://127.0.0.1:{front.server_address[1]}\nready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
