#!/usr/bin/env python3
"""Write `test-vectors/sample/`: the small trust collection that the first command of the README reads.

One image (a real OCI manifest, kept beside as image-manifest.json) is signed by targets/releases
as the tags 1.0 and latest. The folder is laid out like the step of a scenario; pin.txt holds the
id of the root certificate. Needs `cryptography`; the keys are thrown away.
"""
import gzip
import hashlib
import io
import json
import pathlib
import tarfile

from notarykit import Key, Repository, certificate, pem, private_key, target

GUN = "registry.example/library/hello"
OUT = pathlib.Path(__file__).resolve().parents[1] / "sample"


def sha256(raw):
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def image_manifest(text):
    """The manifest of an image with one layer that holds hello.txt."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("hello.txt")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    layer = gzip.compress(tar.getvalue(), 9, mtime=0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [sha256(tar.getvalue())]}}, separators=(",", ":")).encode()
    oci = "application/vnd.oci.image."
    return json.dumps({
        "schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
        "config": {"mediaType": oci + "config.v1+json", "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": oci + "layer.v1.tar+gzip", "digest": sha256(layer), "size": len(layer)}],
    }, separators=(",", ":")).encode()


def main():
    manifest = image_manifest(b"Hello from a signed image.\n")
    private = private_key("p256")
    releaser = private_key("p256")
    repo = Repository(GUN, root=[Key("p256", pem(certificate(private, GUN)), private)], tags=())
    releases = repo.releases((), keys=[Key("p256", pem(certificate(releaser, "release-bot")), releaser)])
    releases.targets = {tag: target(manifest.decode()) for tag in ("1.0", "latest")}
    for name, body in repo.files().items():
        path = OUT / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (OUT / "image-manifest.json").write_bytes(manifest)
    (OUT / "pin.txt").write_text(repo.root.keys[0].id + "\n")
    print(f"{OUT}: {GUN}:1.0 is {sha256(manifest)}")


if __name__ == "__main__":
    main()
