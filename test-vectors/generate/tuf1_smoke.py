#!/usr/bin/env python3
"""Write `test-vectors/tuf1/smoke/`: a TUF 1.0 repository made with the PyPI package `tuf`.

    tuf1_smoke.py          needs: pip install tuf 'securesystemslib[crypto]'

Root 1 to 2 is a rotation of the root key; keys of all three kinds occur; snapshots are
consistent; the delegation `project` answers for project/*. Everything is valid until 2049.
The keys are thrown away. Also written: expected.json and README.md.
"""
import datetime
import hashlib
import json
import pathlib
from importlib.metadata import version

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, TargetFile, Targets

from tuf1_repository import EXPIRES, add_snapshot_and_timestamp, first_root, signed, write_metadata

OUT = pathlib.Path(__file__).resolve().parents[1] / "tuf1" / "smoke"
CONTENT = {
    "hello.txt": ("targets", b"Hello from a signed file.\n"),
    "project/app.tar": ("project", b"".join(b"block %06d of the application\n" % n for n in range(2000))),
}

README = """# A TUF 1.0 repository by another implementation

Written by `test-vectors/generate/tuf1_smoke.py` with the PyPI packages tuf {tuf} and
securesystemslib {securesystemslib} (Metadata API), {date}. No private key is kept.

| file | signed by |
| --- | --- |
| `metadata/1.root.json` | root key A (ed25519) |
| `metadata/2.root.json` | A and B (ecdsa-sha2-nistp256): the root key is rotated from A to B |
| `metadata/timestamp.json`, `metadata/1.snapshot.json` | one ed25519 key each |
| `metadata/1.targets.json` | an RSA key of 2,048 bits, rsassa-pss-sha256 |
| `metadata/1.project.json` | an ed25519 key; paths `project/*` |
| `targets/**/HASH.NAME` | the files, under names with their sha256 |
| `expected.json` | what a client must find: for each target length, sha256 and role; versions of the roles |

A client starts with `1.root.json` as its trusted root. All expires in June 2049.
"""


def target_file(path):
    return TargetFile.from_data(path, CONTENT[path][1], ["sha256", "sha512"])


def main():
    root_a, root_b = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()
    signers = {"root": root_a, "timestamp": CryptoSigner.generate_ed25519(), "snapshot": CryptoSigner.generate_ed25519(),
               "targets": CryptoSigner.generate_rsa(scheme="rsassa-pss-sha256", size=2048),
               "project": CryptoSigner.generate_ed25519()}

    project = Targets(expires=EXPIRES, targets={"project/app.tar": target_file("project/app.tar")})
    key = signers["project"].public_key
    delegations = Delegations({key.keyid: key}, {"project": DelegatedRole(
        "project", [key.keyid], 1, terminating=False, paths=["project/*"])})
    targets = Targets(expires=EXPIRES, delegations=delegations, targets={"hello.txt": target_file("hello.txt")})
    files = {"1.project.json": signed(project, signers["project"]).to_bytes(),
             "1.targets.json": signed(targets, signers["targets"]).to_bytes()}
    add_snapshot_and_timestamp(files, ("targets", "project"), signers)

    root = first_root(signers)
    files["1.root.json"] = root.to_bytes()
    root.signed.revoke_key(root_a.public_key.keyid, "root")
    root.signed.add_key(root_b.public_key, "root")
    root.signed.version = 2
    root.sign(root_a)
    root.sign(root_b, append=True)
    files["2.root.json"] = root.to_bytes()

    write_metadata(OUT, files)
    expected = {"roles": {"root": 2, "timestamp": 1, "snapshot": 1, "targets": 1, "project": 1}, "targets": {}}
    for path, (role, body) in CONTENT.items():
        digest = hashlib.sha256(body).hexdigest()
        folder, _, name = path.rpartition("/")
        where = OUT / "targets" / folder / f"{digest}.{name}"
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(body)
        expected["targets"][path] = {"length": len(body), "sha256": digest, "role": role}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    (OUT / "README.md").write_text(README.format(
        tuf=version("tuf"), securesystemslib=version("securesystemslib"), date=datetime.date.today().isoformat()))
    print(OUT)


if __name__ == "__main__":
    main()
