#!/usr/bin/env python3
"""A token realm on loopback, whose tokens a notary-server takes that start.sh started: for tests.

    realm.py WORKDIR [--url URL]      # URL: https://127.0.0.1:0/token; https:// or http://

Makes WORKDIR/tls (certificates.sh) if it is not there, prints REALM_URL=… and `ready`, and runs until
the end of its standard input. Standard library and the openssl command.

The user `publisher` gets whatever is asked for. What all others get, the first part of the
collection's name behind its host says (`127.0.0.1:5000/private/app`):

    open/       pull for everybody
    private/    pull for `reader`; a token that allows nothing for whoever gives no password
    closed/     pull for `reader`; 401 for whoever gives no password
    expired/    a token that ran out an hour ago
    narrow/     a token for another collection
    shaky/      as private/, but 503 to the first request of nobody and of each user
    hang/       no answer, ever

A wrong password is 401. The password of each user is its name and `-password`. POST with
grant_type=refresh_token takes the name and `-identity` (as `docker login` keeps it in
`identitytoken`).

WORKDIR/requests.log has a line of JSON for each request, written before it is answered: method, path,
query or form (secrets left out), scheme of the Authorization header, and user (null: nobody, or a
wrong password).
"""

import argparse
import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
SERVICE, ISSUER = "test-notary", "test-realm"  # as start.sh configures notary-server
USERS = ("publisher", "reader")
HOUR = 3600


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_signature(der):
    """The r and s of a DER signature by a P-256 key, each in 32 bytes."""
    halves, at = [], 2  # a sequence of two integers, each shorter than 128 bytes
    for _ in range(2):
        length = der[at + 1]
        halves.append(int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(halves)


def parts(scope):
    """Type, name and actions; the name may hold a colon."""
    kind, rest = scope.split(":", 1)
    return kind, *rest.rsplit(":", 1)


def rule(scope):
    return (parts(scope)[1].split("/") + [""])[1]


class Realm:
    def __init__(self, work):
        self.tls, self.log = work / "tls", work / "requests.log"
        self.lock, self.seen = threading.Lock(), set()
        der = ssl.PEM_cert_to_DER_cert((self.tls / "token.crt").read_text())
        self.header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}

    def note(self, **request):
        with self.lock, self.log.open("a") as log:
            log.write(json.dumps(request) + "\n")

    def token(self, user, access, begins):
        claims = {"iss": ISSUER, "sub": user or "", "aud": SERVICE, "jti": str(time.time_ns()), "access": access}
        claims |= {"iat": begins, "nbf": begins, "exp": begins + HOUR}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (self.header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.tls / "token.key")]
        der = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{base64url(raw_signature(der))}"

    def shakes(self, user, scopes):
        """Whether this is the first request of a user for a collection below shaky/."""
        with self.lock:
            new = {(user, scope) for scope in scopes if rule(scope) == "shaky"} - self.seen
            self.seen |= new
        return bool(new) and user != "publisher"

    def grant(self, user, scopes):
        """The token for a user who is who they say; None is 401."""
        access, begins = [], int(time.time())
        for scope in scopes:
            kind, name, actions = parts(scope)
            allowed = actions.split(",")
            if user != "publisher":
                allowed = [action for action in allowed if action == "pull"]
                if rule(scope) == "hang":
                    threading.Event().wait()
                if user is None and rule(scope) == "closed":
                    return None
                if user is None and rule(scope) in ("private", "shaky"):
                    allowed = []
                begins -= 2 * HOUR if rule(scope) == "expired" else 0
                name += "-other" if rule(scope) == "narrow" else ""
            if allowed:
                access.append({"type": kind, "name": name, "actions": allowed})
        return self.token(user, access, begins)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    realm = None

    def log_message(self, *_):
        pass

    def reply(self, status, body, **headers):
        raw = json.dumps(body).encode()
        self.send_response(status)
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def refuse(self):
        challenge = 'Basic realm="test realm"'
        self.reply(401, {"details": "incorrect username or password"}, WWW_Authenticate=challenge)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        user = None
        if scheme.lower() == "basic":
            name, _, password = base64.b64decode(given).decode().partition(":")
            user = name if name in USERS and password == f"{name}-password" else None
        self.realm.note(method="GET", path=url.path, query=query, authorization=scheme or None, user=user)
        if url.path != "/token":
            return self.reply(404, {"details": "no such page"})
        if query.get("service") != [SERVICE]:
            return self.reply(400, {"details": "for another service"})
        if self.realm.shakes(user, query.get("scope", [])):
            return self.reply(503, {"details": "come again"})
        token = None if scheme and not user else self.realm.grant(user, query.get("scope", []))
        if token is None:
            return self.refuse()
        self.reply(200, {"token": token, "access_token": token, "expires_in": HOUR})

    def do_POST(self):
        """Docker's OAuth2 end of a realm."""
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        secret = form.pop("refresh_token", None)
        form.pop("password", None)
        user = next((name for name in USERS if secret == f"{name}-identity"), None)
        scheme = self.headers.get("Authorization", "").partition(" ")[0] or None
        self.realm.note(method="POST", path=url.path, form=form, authorization=scheme, user=user)
        if form.get("grant_type") != "refresh_token" or form.get("service") != SERVICE or "client_id" not in form:
            return self.reply(400, {"error": "invalid_request"})
        if user is None:
            return self.reply(401, {"error": "invalid_grant"})
        scope = form.get("scope", "")
        token = self.realm.grant(user, scope.split())
        self.reply(200, {"access_token": token, "scope": scope, "expires_in": HOUR, "refresh_token": secret})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("work", metavar="WORKDIR", type=pathlib.Path)
    arguments.add_argument("--url", default="https://127.0.0.1:0/token")
    chosen = arguments.parse_args()
    work = chosen.work.resolve()
    subprocess.run([HERE / "certificates.sh", work / "tls"], check=True)

    url = urllib.parse.urlsplit(chosen.url)
    Handler.realm = Realm(work)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", url.port or 0), Handler)
    server.daemon_threads = True
    if url.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work / "tls/server.crt", work / "tls/server.key")
        # Each connection's own thread shakes hands, so that none holds up the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Handler.realm.log.touch()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"REALM_URL={url.scheme}://{url.hostname}:{server.server_port}/token\nready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
