#!/usr/bin/env python3
"""Write `test-vectors/tuf1/images/`: a TUF 1.0 repository that signs images, made with the PyPI package `tuf`.

    tuf1_images.py         needs: pip install tuf 'securesystemslib[crypto]'

A target path is NAME:TAG, or NAME@sha256:DIGEST; its length and SHA-256 are those of the image's manifest
(docs/decisions/0012). Everything is valid until 2049. The keys are thrown away.
"""
import datetime
import hashlib
import json
import pathlib
import shutil

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets,
                              Timestamp)

OUT = pathlib.Path(__file__).resolve().parents[1] / "tuf1" / "images"
EXPIRES = datetime.datetime(2049, 6, 1, tzinfo=datetime.timezone.utc)
TEAM = "registry.test:5000/team"
# Image, tag, role that signs it.
IMAGES = [("app", "1.0", "app"), ("app", "1.1", "app"), ("web", "2.0", "targets")]


def manifest(name, tag):
    layer = hashlib.sha256(f"{name} {tag}".encode()).hexdigest()
    return json.dumps({"schemaVersion": 2, "layers": [f"sha256:{layer}"]}).encode()


def entries(role):
    out = {}
    for name, tag, by in IMAGES:
        body = manifest(name, tag)
        if by == role:
            for path in (f"{TEAM}/{name}:{tag}", f"{TEAM}/{name}@sha256:{hashlib.sha256(body).hexdigest()}"):
                out[path] = TargetFile.from_data(path, body, ["sha256"])
    return out


def main():
    signers = {name: CryptoSigner.generate_ed25519() for name in ("root", "timestamp", "snapshot", "targets", "app")}
    app = Metadata(Targets(expires=EXPIRES, targets=entries("app")))
    key = signers["app"].public_key
    delegations = Delegations({key.keyid: key}, {"app": DelegatedRole(
        "app", [key.keyid], 1, terminating=True, paths=[f"{TEAM}/app:*", f"{TEAM}/app@sha256:*"])})
    targets = Metadata(Targets(expires=EXPIRES, delegations=delegations, targets=entries("targets")))
    app.sign(signers["app"])
    targets.sign(signers["targets"])
    files = {"1.app.json": app.to_bytes(), "1.targets.json": targets.to_bytes()}
    snapshot = Metadata(Snapshot(expires=EXPIRES, meta={
        f"{name}.json": MetaFile.from_data(1, files[f"1.{name}.json"], ["sha256"]) for name in ("targets", "app")}))
    snapshot.sign(signers["snapshot"])
    files["1.snapshot.json"] = snapshot.to_bytes()
    timestamp = Metadata(Timestamp(expires=EXPIRES, snapshot_meta=MetaFile.from_data(1, files["1.snapshot.json"], ["sha256"])))
    timestamp.sign(signers["timestamp"])
    files["timestamp.json"] = timestamp.to_bytes()
    root = Metadata(Root(expires=EXPIRES, consistent_snapshot=True, roles={
        name: Role([], 1) for name in ("root", "timestamp", "snapshot", "targets")}))
    for name in ("root", "timestamp", "snapshot", "targets"):
        root.signed.add_key(signers[name].public_key, name)
    root.sign(signers["root"])
    files["1.root.json"] = root.to_bytes()
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "metadata").mkdir(parents=True)
    for name, body in files.items():
        (OUT / "metadata" / name).write_bytes(body)
    images = {f"{TEAM}/{name}:{tag}": {"digest": "sha256:" + hashlib.sha256(manifest(name, tag)).hexdigest(), "role": by}
              for name, tag, by in IMAGES}
    (OUT / "expected.json").write_text(json.dumps(images, indent=1) + "\n")
    print(OUT)


if __name__ == "__main__":
    main()
