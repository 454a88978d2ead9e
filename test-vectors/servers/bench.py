#!/usr/bin/env python3
"""Measures verify-cli beside the reference client, against the same real servers, and writes
docs/performance.json (.ci/performance-page.py makes docs/performance.md from that).

    bench.py [--runs N]     the release build must be there: cargo build --release --bin verify-cli

Whole processes, TLS with a given authority, medians of N runs (default 41) that alternate between
the two. Needs the Debian packages that .ci/test installs, and cc. Standard library alone.
"""

import base64
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMMAND = "test-vectors/servers/bench.py"
PASSPHRASES = {f"NOTARY_{role}_PASSPHRASE": "benchmarks" for role in ("ROOT", "TARGETS", "SNAPSHOT", "DELEGATION")}


def digest_of(name):
    return hashlib.sha256(name.encode()).digest()


class Servers:
    """start.sh, as long as this lives."""

    def __init__(self, work):
        self.process = subprocess.Popen(
            [HERE / "start.sh", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.values = {}
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
            name, _, value = line.strip().partition("=")
            self.values[name] = value
        sys.exit("bench.py: start.sh did not start the servers")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Bench:
    def __init__(self, work, runs):
        self.work, self.runs = work, runs
        self.servers = Servers(work / "servers")
        self.url, self.ca = self.servers.values["TRUST_URL"], self.servers.values["TRUST_CA"]
        self.ours = ROOT / "target/release/verify-cli"
        self.measure = work / "measure"
        subprocess.run(["cc", "-O2", "-o", self.measure, HERE / "measure.c"], check=True)
        self.trust = work / "trust"
        self.rows = []

    def notary(self, *arguments):
        command = ["notary", "-s", self.url, "--tlscacert", self.ca, "-d", self.trust, *map(str, arguments)]
        done = subprocess.run(command, env={**os.environ, **PASSPHRASES}, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench.py: {command}: {done.stdout}{done.stderr}")

    def collection(self, name, tags, delegations=0):
        """A collection with so many tags, signed by the reference client (which reads staged changes
        from files: written here, for a command for each of 10,000 tags takes minutes)."""
        gun = f"bench.test/{name}"
        self.notary("init", gun)
        if delegations:
            key, certificate = self.work / "delegation.pem", self.work / "delegation.crt"
            if not key.exists():
                subprocess.run(
                    ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True
                )
                subprocess.run(
                    ["openssl", "req", "-x509", "-new", "-key", key, "-sha256", "-days", "1200", "-subj", "/CN=bench",
                     "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=digitalSignature",
                     "-addext", "extendedKeyUsage=codeSigning", "-out", certificate],
                    check=True, capture_output=True,
                )
                self.notary("key", "import", key, "--role", "bench")
            for n in range(delegations):
                self.notary("delegation", "add", gun, f"targets/d{n:02}", certificate, "--all-paths")
            self.notary("publish", gun)
        roles = [f"targets/d{n:02}" for n in range(delegations)] or ["targets"]
        staged = self.trust / "tuf" / gun / "changelist"
        staged.mkdir(parents=True, exist_ok=True)
        for n in range(tags):
            tag = f"v{n}"
            meta = {"length": 1000, "hashes": {"sha256": base64.b64encode(digest_of(tag)).decode()}}
            data = base64.b64encode(json.dumps(meta).encode()).decode()
            change = {"action": "create", "role": roles[n % len(roles)], "type": "target", "path": tag, "data": data}
            (staged / f"{n:020}_{n}.change").write_text(json.dumps(change))
        self.notary("publish", gun)
        root = json.loads((self.trust / "tuf" / gun / "metadata/root.json").read_text())
        return gun, root["signed"]["roles"]["root"]["keyids"]

    def times(self, before, command):
        command = [self.measure, str(5), before, *map(str, command)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
        runs = [tuple(map(int, line.split())) for line in lines if line]
        bad = [status for _, _, status in runs if status]
        if bad or not runs:
            sys.exit(f"bench.py: {command}: exit status {bad}")
        return runs

    def job(self, name, gun, ids, ours, peer, cold):
        """Both answer the same question: `ours` and `peer` are the verb and its arguments."""
        folder, store = self.work / "ours", self.work / "peer"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(
            f'cache = "{folder}/cache"\n[server."bench.test/"]\nurl = "{self.url}"\nca = "{self.ca}"\n'
            f'[trust."{gun}"]\ncertificate-ids = {json.dumps(ids)}\n'
        )
        store.mkdir(exist_ok=True)
        (store / "config.json").write_text(json.dumps({"trust_pinning": {"certs": {gun: ids}}}))
        ours = [self.ours, "--config", folder / "config.toml", *ours]
        peer = ["/usr/bin/notary", "-c", store / "config.json", "-s", self.url, "--tlscacert", self.ca, "-d", store, *peer]
        forget = {"ours": f"rm -rf {folder}/cache", "peer": f"rm -rf {store}/tuf"}
        results = {"ours": [], "peer": []}
        for side, command in (("ours", ours), ("peer", peer)):
            self.times(forget[side] if cold else "", command)  # fills the caches
        for _ in range(max(1, self.runs // 5)):
            for side, command in (("ours", ours), ("peer", peer)):
                results[side] += self.times(forget[side] if cold else "", command)
        row = {"name": name}
        for side, runs in results.items():
            row[f"{side}_ms"] = round(statistics.median(ns for ns, _, _ in runs) / 1e6, 2)
            row[f"{side}_mib"] = round(statistics.median(kib for _, kib, _ in runs) / 1024, 1)
        print(row, file=sys.stderr)
        self.rows.append(row)

    def all(self):
        look = lambda gun, tag: (["image", "verify", f"{gun}:{tag}"], ["lookup", gun, tag])
        listing = lambda gun: (["image", "list", gun], ["list", gun])
        for tags, name in ((10, ""), (1_000, "1,000 tags, "), (10_000, "10,000 tags, ")):
            gun, ids = self.collection(f"tags-{tags}", tags)
            self.job(f"{name}warm look-up", gun, ids, *look(gun, f"v{tags // 2}"), cold=False)
            self.job(f"{name}cold look-up", gun, ids, *look(gun, f"v{tags // 2}"), cold=True)
        gun, ids = self.collection("delegations", 500, 50)
        ours, peer = look(gun, "v499")
        ours += ["--tag-rule", "targets-first"]
        self.job("50 delegations, warm look-up", gun, ids, ours, peer, cold=False)
        self.job("50 delegations, cold look-up", gun, ids, ours, peer, cold=True)
        self.job("50 delegations, warm list", gun, ids, *listing(gun), cold=False)
        self.job("50 delegations, cold list", gun, ids, *listing(gun), cold=True)


def main(arguments):
    if arguments and arguments[0] != "--runs":
        sys.exit(__doc__)
    runs = int(arguments[1]) if arguments else 41
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pathlib.Path(folder), runs)
        try:
            bench.all()
        finally:
            bench.servers.stop()
    page = ROOT / ".ci/performance-page.py"
    subprocess.run([page, "command", f"{COMMAND} --runs {runs}", json.dumps(bench.rows)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
