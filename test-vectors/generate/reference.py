"""Ask the installed `notary` 0.7.0 client what it makes of a folder of trust data.

Standard library only. A step folder is served over HTTP on loopback the way
notary-server would serve it, and the client is run on it: `list`, `list -r
targets/releases,targets` and one `lookup` for each tag. Every one of these commands
starts from a copy of the cache as it was before the step, so that no answer depends on
the order of the questions; the cache that `list` leaves goes on to the next step.
"""
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.parse

NOT_FOUND = (b'{"errors":[{"code":"METADATA_NOT_FOUND","message":'
             b'"You have requested metadata that does not exist.","detail":{}}]}')
DOCKER_ROLES = ("targets/releases", "targets")


class Server:
    """A notary-server that lies: what is asked for by checksum is answered whatever it is."""

    def __init__(self):
        self.gun, self.files = None, {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = outer.find(self.path)
                self.send_response(404 if body is None else 200)
                body = NOT_FOUND if body is None else body
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def show(self, folder, gun):
        """Serve the files of `folder` as the trust data of `gun` from now on."""
        folder = pathlib.Path(folder)
        self.gun = gun
        self.files = {p.relative_to(folder).as_posix()[:-5]: p.read_bytes() for p in folder.rglob("*.json")}

    def find(self, path):
        if path == "/v2/":
            return b"{}"
        m = re.fullmatch(r"/v2/(.+)/_trust/tuf/(.+)\.json", urllib.parse.unquote(path))
        if not m or m.group(1) != self.gun:
            return None
        return self.files.get(re.sub(r"\.[0-9a-f]{64}$", "", m.group(2)))

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Client:
    """The reference client with a cache of its own, for one scenario."""

    def __init__(self, server, gun, base):
        self.server, self.gun, self.base = server, gun, pathlib.Path(base)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="notary-reference-"))
        self.cache = self.work / "cache"
        self.cache.mkdir()

    def configure(self, pin):
        """Write the client's configuration for a manifest's `pin`."""
        trust = {"disable_tofu": not pin.get("tofu", False)}
        if "cert_ids" in pin:
            trust["certs"] = pin["cert_ids"]
        if "ca" in pin:
            trust["ca"] = {k: str((self.base / v).resolve()) for k, v in pin["ca"].items()}
        (self.work / "config.json").write_text(json.dumps({"trust_pinning": trust}))

    def run(self, *command, keep=False):
        """Run one command on a copy of the cache; returns (exit code, stdout, stderr)."""
        cache = self.work / "copy"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(self.cache, cache)
        done = subprocess.run(
            ["notary", "-s", self.server.url, "-d", str(cache), "-c", str(self.work / "config.json"), *command],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
            env={"HOME": str(self.work), "PATH": "/usr/bin:/bin"})
        if keep:
            self.after = self.work / "after"
            shutil.rmtree(self.after, ignore_errors=True)
            cache.rename(self.after)
        return done.returncode, done.stdout, done.stderr

    def step(self, folder, pin, tags=()):
        """The answers on one step, in the form of a manifest's step."""
        self.server.show(folder, self.gun)
        self.configure(pin)
        code, out, err = self.run("list", self.gun, keep=True)
        message, warnings = said(out, err)
        listed = table(out) if code == 0 else {}
        code2, out2, _ = self.run("list", self.gun, "-r", "targets/releases,targets")
        preferred = table(out2) if code2 == 0 else {}
        answer = {"verdict": "rejected" if code else "trusted", "notary_message": message if code else None,
                  "notary_warnings": warnings, "tags": {}}
        for tag in sorted({*tags, *listed, *preferred}):
            found = preferred.get(tag)
            answer["tags"][tag] = {
                "notary_lookup": self.lookup(tag), "notary_list": listed.get(tag), "releases_then_targets": found,
                "docker_pull": found if found and found["role"] in DOCKER_ROLES else None}
        shutil.rmtree(self.cache)
        self.after.rename(self.cache)
        return answer

    def lookup(self, tag):
        code, out, _ = self.run("lookup", self.gun, tag)
        m = re.fullmatch(r"(.*) sha256:([0-9a-f]*) (\d+)\n", out)
        return {"digest": "sha256:" + m.group(2), "length": int(m.group(3))} if code == 0 and m else None

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)


def table(text):
    """The rows of `notary list`, by tag. Columns start where their titles do."""
    lines = text.split("\n")
    at = next((i for i, line in enumerate(lines) if line.startswith("NAME")), None)
    if at is None:
        return {}
    start = [lines[at].index(title) for title in ("DIGEST", "SIZE", "ROLE")]
    rows = {}
    for line in lines[at + 2:]:
        if line.strip():
            name, digest, size, role = (line[a:b].strip() for a, b in zip([0, *start], [*start, None]))
            rows[name] = {"digest": "sha256:" + digest, "length": int(size), "role": role}
    return rows


def said(out, err):
    """(message of the fatal error or None, warnings without their time), ports blotted out."""
    out, err = (re.sub(r"127\.0\.0\.1:\d+", "SERVER", text) for text in (out, err))
    fatal = re.search(r"^\* fatal: (.*)", out, re.M | re.S)
    warnings = [re.sub(r'^time="[^"]*" ', "", line) for line in err.splitlines() if line.startswith("time=")]
    return (" ".join(fatal.group(1).split()) if fatal else None), warnings


def ask(server, folder, manifest):
    """The answers of the reference client on every step of a scenario folder, in order."""
    folder = pathlib.Path(folder)
    client = Client(server, manifest["gun"], folder)
    try:
        return [client.step(folder / s["dir"], s.get("pin", manifest["pin"]), s.get("tags", ())) for s in manifest["steps"]]
    finally:
        client.close()
