#!/usr/bin/env python3
"""Push a tiny image to a registry on loopback, and print its digest and size: `sha256:… SIZE`.

    push.py REGISTRY NAME TAG TEXT…    # e.g. 127.0.0.1:5000 team/app 1.0 'hello from 1.0'

The image holds one file, hello.txt, with TEXT in it. More than one TEXT make an image for more than
one architecture: an index of them. The same texts make the same digests. Standard library alone.
"""

import gzip
import hashlib
import http.client
import io
import json
import sys
import tarfile

ARCHITECTURES = ("amd64", "arm64", "s390x", "ppc64le")
OCI = "application/vnd.oci.image."


def send(registry, method, path, body=b"", content_type="application/octet-stream"):
    connection = http.client.HTTPConnection(registry, timeout=30)
    connection.request(method, path, body, {"Content-Type": content_type})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status not in (201, 202):
        sys.exit(f"push.py: {method} {path}: {answer.status} {text}")
    return answer


def described(raw, kind):
    return {"mediaType": OCI + kind, "digest": "sha256:" + hashlib.sha256(raw).hexdigest(), "size": len(raw)}


def push_blob(registry, name, raw, kind):
    place = send(registry, "POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    place = place[place.index("/v2/") :]
    about = described(raw, kind)
    send(registry, "PUT", f"{place}{'&' if '?' in place else '?'}digest={about['digest']}", raw)
    return about


def push_manifest(registry, name, tag, manifest, kind):
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI + kind, **manifest}).encode()
    about = described(raw, kind)
    answer = send(registry, "PUT", f"/v2/{name}/manifests/{tag or about['digest']}", raw, OCI + kind)
    if answer.headers["Docker-Content-Digest"] != about["digest"]:
        sys.exit(f"push.py: the registry has {answer.headers['Docker-Content-Digest']}, not {about['digest']}")
    return about


def layer(text):
    """A tar of hello.txt, and the same compressed; without a time, an owner or a place in it."""
    packed, raw = io.BytesIO(), text.encode() + b"\n"
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = len(raw)
        tar.addfile(entry, io.BytesIO(raw))
    return packed.getvalue(), gzip.compress(packed.getvalue(), mtime=0)


def push_image(registry, name, tag, text, architecture):
    tar, packed = layer(text)
    difference = "sha256:" + hashlib.sha256(tar).hexdigest()
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [difference]}}
    manifest = {
        "config": push_blob(registry, name, json.dumps(config).encode(), "config.v1+json"),
        "layers": [push_blob(registry, name, packed, "layer.v1.tar+gzip")],
    }
    return push_manifest(registry, name, tag, manifest, "manifest.v1+json")


def push(registry, name, tag, texts):
    if len(texts) == 1:
        return push_image(registry, name, tag, texts[0], ARCHITECTURES[0])
    images = []
    for text, architecture in zip(texts, ARCHITECTURES):
        about = push_image(registry, name, None, text, architecture)
        images.append({**about, "platform": {"architecture": architecture, "os": "linux"}})
    return push_manifest(registry, name, tag, {"manifests": images}, "index.v1+json")


if __name__ == "__main__":
    if not 5 <= len(sys.argv) <= 4 + len(ARCHITECTURES):
        sys.exit(__doc__)
    pushed = push(*sys.argv[1:4], sys.argv[4:])
    print(pushed["digest"], pushed["size"])
