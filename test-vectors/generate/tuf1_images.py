#!/usr/bin/env python3
"""Write `test-vectors/tuf1/images/`: a TUF 1.0 repository that signs images, made with the PyPI package `tuf`.

    tuf1_images.py         needs: pip install tuf 'securesystemslib[crypto]'

A target path is NAME:TAG, or NAME@sha256:DIGEST; its length and SHA-256 are those of the image's manifest
(docs/decisions/0012). Everything is valid until 2049. The keys are thrown away.
"""
import hashlib
import json
import pathlib

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, TargetFile, Targets

from tuf1_repository import EXPIRES, TOP, add_snapshot_and_timestamp, first_root, signed, write_metadata

OUT = pathlib.Path(__file__).resolve().parents[1] / "tuf1" / "images"
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
    signers = {name: CryptoSigner.generate_ed25519() for name in (*TOP, "app")}
    app = signed(Targets(expires=EXPIRES, targets=entries("app")), signers["app"])
    key = signers["app"].public_key
    delegations = Delegations({key.keyid: key}, {"app": DelegatedRole(
        "app", [key.keyid], 1, terminating=True, paths=[f"{TEAM}/app:*", f"{TEAM}/app@sha256:*"])})
    targets = Targets(expires=EXPIRES, delegations=delegations, targets=entries("targets"))
    files = {"1.app.json": app.to_bytes(), "1.targets.json": signed(targets, signers["targets"]).to_bytes()}
    add_snapshot_and_timestamp(files, ("targets", "app"), signers)
    files["1.root.json"] = first_root(signers).to_bytes()
    write_metadata(OUT, files)
    images = {f"{TEAM}/{name}:{tag}": {"digest": "sha256:" + hashlib.sha256(manifest(name, tag)).hexdigest(), "role": by}
              for name, tag, by in IMAGES}
    (OUT / "expected.json").write_text(json.dumps(images, indent=1) + "\n")
    print(OUT)


if __name__ == "__main__":
    main()
