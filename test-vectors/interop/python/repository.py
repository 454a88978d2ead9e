"""A repository that python-tuf's metadata API writes, and the ways in which a case bends it."""
import datetime
import functools

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Role, Root, Snapshot, SuccinctRoles,
                              TargetFile, Targets, Timestamp)

# The clients of other projects go by the clock: these hold, and do not, until 2049.
LATER = datetime.datetime(2049, 6, 1, tzinfo=datetime.timezone.utc)
PAST = datetime.datetime(2020, 6, 1, tzinfo=datetime.timezone.utc)
TOP = ("root", "timestamp", "snapshot", "targets")


@functools.cache
def rsa(size):
    """Large keys take seconds to make: one of each size does for all cases."""
    return CryptoSigner.generate_rsa(size=size)


ed25519 = CryptoSigner.generate_ed25519
ecdsa = CryptoSigner.generate_ecdsa


class Repository:
    """Keys, what is to be signed, and content. `publish` gives the files of a server."""

    def __init__(self, consistent=True, signer=ed25519):
        self.keys = {role: ([signer()], 1) for role in TOP}
        self.signed = {"timestamp": Timestamp(expires=LATER), "snapshot": Snapshot(expires=LATER),
                       "targets": Targets(expires=LATER)}
        self.consistent = consistent
        self.roots = []
        self.meta_hashes = ["sha256"]  # of what snapshot and timestamp list; none: neither length nor hashes
        self.content = {}  # path -> (role, bytes)
        # What a case bends, by role:
        self.signers = {}  # who signs in the keys' place
        self.listed = {}  # edits the entry that a parent lists
        self.unlisted = set()  # is left out of the snapshot
        self.served = {}  # edits the bytes of a file, or of a target by its path; None: is not served

    def add_root(self, bend=lambda root: None, signers=None, **keys):
        """The next version of the root, with some roles' keys replaced, signed by old keys and new."""
        old = self.keys["root"][0] if self.roots else []
        self.keys.update(keys)
        root = Root(version=len(self.roots) + 1, expires=LATER, consistent_snapshot=self.consistent,
                    roles={role: Role([], self.keys[role][1]) for role in TOP})
        for role in TOP:
            for signer in self.keys[role][0]:
                root.add_key(signer.public_key, role)
        bend(root)
        if signers is None:
            signers = old + [new for new in self.keys["root"][0] if new not in old]
        self.roots.append(sign(root, signers))

    def add(self, path, role="targets", content=None, hashes=("sha256",), custom=None):
        """A target that a role lists."""
        content = f"{path} by {role}\n".encode() if content is None else content
        target = TargetFile.from_data(path, content, list(hashes))
        if custom is not None:
            target.unrecognized_fields["custom"] = custom
        self.signed[role].targets[path] = target
        self.content[path] = (role, content)
        return target

    def delegate(self, name, paths=None, parent="targets", prefixes=None, terminating=False, signers=None, threshold=1):
        """A delegation, after those that are there; the role is made at its first one."""
        signers = signers or [ed25519()]
        role = DelegatedRole(name, [s.public_key.keyid for s in signers], threshold, terminating, paths, prefixes)
        delegations = self.signed[parent].delegations or Delegations({}, {})
        delegations.keys.update({s.public_key.keyid: s.public_key for s in signers})
        delegations.roles[name] = role
        self.signed[parent].delegations = delegations
        if name not in self.signed:
            self.signed[name] = Targets(expires=LATER)
            self.keys[name] = (signers, threshold)

    def bins(self, bit_length, prefix, paths, parent="targets"):
        """Succinct bins (TAP 15) below a role; only those that hold a path are written."""
        signer = ed25519()
        key = signer.public_key
        bins = SuccinctRoles([key.keyid], 1, bit_length, prefix)
        self.signed[parent].delegations = Delegations({key.keyid: key}, succinct_roles=bins)
        for path in paths:
            role = bins.get_role_for_target(path)
            if role not in self.signed:
                self.signed[role] = Targets(expires=LATER)
                self.keys[role] = ([signer], 1)
            self.add(path, role)

    def next(self, *roles):
        """New versions of these roles, and of snapshot and timestamp, which list them."""
        for role in (*roles, "snapshot", "timestamp"):
            self.signed[role].version += 1

    def publish(self):
        """The files of a server: metadata and targets by their path."""
        if not self.roots:
            self.add_root()
        files = {f"metadata/{n}.root.json": root for n, root in enumerate(self.roots, 1)}
        snapshot, timestamp = self.signed["snapshot"], self.signed["timestamp"]
        snapshot.meta = {}
        for role in [role for role in self.signed if role not in TOP] + ["targets"]:
            body = self._file(files, role, self.consistent)
            if role not in self.unlisted:
                snapshot.meta[f"{role}.json"] = self._entry(role, body)
        timestamp.snapshot_meta = self._entry("snapshot", self._file(files, "snapshot", self.consistent))
        self._file(files, "timestamp", False)
        for path, (role, content) in self.content.items():
            content = self.served.get(path, lambda body: body)(content)
            target = self.signed[role].targets[path]
            for name in target.get_prefixed_paths() if self.consistent else [path]:
                if content is not None:
                    files[f"targets/{name}"] = content
        return files

    def _file(self, files, role, numbered):
        """Signs a role and puts what is served of it among the files; what was signed is listed."""
        signed = self.signed[role]
        body = sign(signed, self.signers.get(role, self.keys[role][0]))
        served = self.served.get(role, lambda body: body)(body)
        if served is not None:
            files[f"metadata/{signed.version}.{role}.json" if numbered else f"metadata/{role}.json"] = served
        return body

    def _entry(self, role, body):
        version = self.signed[role].version
        entry = MetaFile.from_data(version, body, self.meta_hashes) if self.meta_hashes else MetaFile(version)
        self.listed.get(role, lambda entry: None)(entry)
        return entry


def sign(signed, signers):
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
