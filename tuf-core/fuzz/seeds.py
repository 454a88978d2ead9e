#!/usr/bin/env python3
"""Writes the seed corpora below tuf-core/fuzz/corpus anew from test-vectors: `python3 seeds.py`.

Each seed is named by the SHA-1 of its bytes, as libFuzzer does; what a run has found of its own
(target/corpus) is not checked in. Standard library alone.
"""

import base64
import hashlib
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "test-vectors"
LARGEST = 4096  # a seed that is larger slows every mutation down
CAPTURED = [
    "basic/stages/02-tags",
    "ca-pinned/stages/01-tags",
    "custom-data/stages/01-tags",
    "delegations/stages/06-nested",
]
OWN = [
    "base64-newline-in-sig",
    "base64-spare-bits-in-targets-key",
    "base64-unpadded-sig",
    "byte-order-mark",
]


def files(folder):
    return sorted(p for p in folder.rglob("*.json") if p.name != "manifest.json" and p.stat().st_size <= LARGEST)


def unique(seeds):
    return {hashlib.sha1(seed).hexdigest(): seed for seed in seeds}


def write(target, seeds):
    folder = HERE / "corpus" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, seed in sorted(unique(seeds).items()):
        (folder / name).write_bytes(seed)


def with_delegations(targets, edit):
    file = json.loads(targets.read_bytes())
    edit(file["signed"]["delegations"])
    return json.dumps(file).encode()


def by_bins(delegations):
    del delegations["roles"]
    keyids = list(delegations["keys"])
    delegations["succinct_roles"] = {"keyids": keyids, "threshold": 1, "bit_length": 8, "name_prefix": "bin"}


def by_hash(delegations):
    for role in delegations["roles"]:
        del role["paths"]
        role["path_hash_prefixes"] = ["1a", ""]


def main():
    tuf = [p.read_bytes() for p in files(VECTORS / "tuf1/smoke/metadata")]
    tuf += [with_delegations(VECTORS / "tuf1/smoke/metadata/1.targets.json", edit) for edit in (by_bins, by_hash)]
    notary = [p.read_bytes() for p in files(VECTORS / "sample")]
    for name in CAPTURED:
        notary += [p.read_bytes() for p in files(VECTORS / "notary/captured" / name)]
    odd = []
    for name in OWN:
        odd += [p.read_bytes() for p in files(VECTORS / "notary/own" / name)[:2]]
    texts = [
        b'{"b":1,"a":[true,false,null,-0,123456789012345678901234567890]}',
        b'"\\u0041\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\"',
        b' [ 1 , { "a" : "\xc3\xa9" } ] \n',
        b"[" * 128 + b"]" * 128,
        b'{"a":1,"a":2}',
        b"1.5e3",
    ]
    small = [b for b in notary + tuf if len(b) <= 1024]
    write("json", texts + small[:8] + odd[:2])
    write("canonical", texts + small[:8])
    write("tuf1", tuf)
    write("notary1", unique(notary + odd).values())

    keys = []
    for root in [VECTORS / "sample/root.json", VECTORS / "tuf1/smoke/metadata/2.root.json"]:
        keys += [json.dumps(k).encode() for k in json.loads(root.read_bytes())["signed"]["keys"].values()]
    rows = json.loads((VECTORS / "keys/signatures.json").read_bytes())["rows"]
    keys += [base64.b64decode(row["spki"]) for row in rows if len(row.get("spki") or "") < 1024][:12]
    write("keys", keys)

    bundles = [p.read_bytes() for p in sorted((VECTORS / "notary/captured").glob("*/pin/*.pem"))]
    for root in sorted((VECTORS / "notary/own").glob("ca-pin*/**/1.root.json"))[:8]:
        for key in json.loads(root.read_bytes())["signed"]["keys"].values():
            if key["keytype"].endswith("x509"):
                bundles.append(base64.b64decode(key["keyval"]["public"]))
    ders = [base64.b64decode("".join(pem.decode().splitlines()[1:-1])) for pem in bundles if pem.count(b"BEGIN") == 1]
    write("certificates", bundles + ders[:6])

    digest = b"@sha256:" + b"0123456789abcdef" * 4
    write(
        "references",
        [
            b"nginx",
            b"nginx:1.27",
            b"library/nginx" + digest,
            b"registry.example:5000/team/app:1.0",
            b"registry.example/Team/app",
            b"[::1]:5000/app:x" + digest,
            b"localhost/app",
            digest[1:],
            b"targets/releases\ntargets%2Freleases",
            b"a..b/../c",
            b"a" * 220,
        ],
    )
    write(
        "patterns",
        [
            b"project/*.tar\nproject/app.tar",
            b"a*b*c\naXbYc",
            b"[!a-c]?[]x-]*\nd1]yz",
            b"[a-b--d]\nc",
            b"[c-a]\nb",
            b"[!c-a][a-]\nx-",
            b"*/*/?\na//b",
            b"[a\n[a",
            "?\n\u00e9".encode(),
        ],
    )
    record = {
        "schema": "tuf-store/1",
        "format": "notary1",
        "name": "registry.example/library/hello",
        "anchor": 1,
        "root": 2,
        "files": {"roots/1.root.json": "00" * 32, "roots/2.root.json": "11" * 32, "timestamp.json": "22" * 32},
        "roles": {"timestamp": {"version": 3, "content": "33" * 32, "root": 2}},
        "listed": ["targets/releases"],
        "first_seen": {"at": 1893456000, "injected": False},
        "dropped": 1,
    }
    other = {**record, "format": "tuf1", "first_seen": None, "roles": {}, "files": {}, "listed": [], "dropped": 0}
    endless = {**record, "root": 2**64 - 1}  # once took all memory: tuf-core/tests/regressions.rs
    checked = {"by_clock": 1893456000, "injected": None}
    write("record", [json.dumps(r).encode() for r in (record, other, endless, checked)])


if __name__ == "__main__":
    main()
