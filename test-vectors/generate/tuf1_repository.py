"""The top-level files of a TUF 1.0 repository with the PyPI package `tuf`, as `tuf1_*.py` write them."""
import datetime
import shutil

from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, Timestamp

EXPIRES = datetime.datetime(2049, 6, 1, tzinfo=datetime.timezone.utc)
TOP = ("root", "timestamp", "snapshot", "targets")


def signed(content, signer):
    metadata = Metadata(content)
    metadata.sign(signer)
    return metadata


def add_snapshot_and_timestamp(files, roles, signers):
    """Adds both for the targets roles that `files` holds at version 1."""
    snapshot = Snapshot(expires=EXPIRES, meta={
        f"{name}.json": MetaFile.from_data(1, files[f"1.{name}.json"], ["sha256"]) for name in roles})
    files["1.snapshot.json"] = signed(snapshot, signers["snapshot"]).to_bytes()
    timestamp = Timestamp(expires=EXPIRES, snapshot_meta=MetaFile.from_data(1, files["1.snapshot.json"], ["sha256"]))
    files["timestamp.json"] = signed(timestamp, signers["timestamp"]).to_bytes()


def first_root(signers):
    """Root version 1, signed, with a key for each role."""
    root = Root(expires=EXPIRES, consistent_snapshot=True, roles={name: Role([], 1) for name in TOP})
    for name in TOP:
        root.add_key(signers[name].public_key, name)
    return signed(root, signers["root"])


def write_metadata(out, files):
    """Writes the files to `out`/metadata; nothing else is left in `out`."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "metadata").mkdir(parents=True)
    for name, body in files.items():
        (out / "metadata" / name).write_bytes(body)
