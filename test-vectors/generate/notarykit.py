"""Build and sign Notary v1 trust data, with a handle on every place where a rule can be bent.

Needs the `cryptography` package (and the `openssl` command for what that refuses to make).
Private keys live in memory and are never written.
"""
import base64
import copy
import datetime
import hashlib
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FAR = "2049-06-01T00:00:00Z"
PAST = "2020-06-01T00:00:00Z"
SHA256 = hashes.SHA256()


def when(year, month=1, day=1):
    """A time for a certificate, UTC."""
    return datetime.datetime(year, month, day, tzinfo=datetime.timezone.utc)


def b64(raw):
    return base64.b64encode(raw).decode()


def canonical(value):
    """Notary's canonical JSON, as bytes. Floats are written as the integers they are."""
    if value is None or isinstance(value, bool):
        return json.dumps(value).encode()
    if isinstance(value, (int, float)):
        return str(int(value)).encode()
    if isinstance(value, str):
        return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    members = sorted(value.items(), key=lambda kv: kv[0].encode())
    return b"{" + b",".join(canonical(k) + b":" + canonical(v) for k, v in members) + b"}"


def hashed(body):
    """The `meta` entry for a file."""
    return {"hashes": {"sha256": b64(hashlib.sha256(body).digest()), "sha512": b64(hashlib.sha512(body).digest())},
            "length": len(body)}


def target(text, **more):
    """A `targets` entry for an image that is this text."""
    raw = text.encode()
    return {"hashes": {"sha256": b64(hashlib.sha256(raw).digest())}, "length": len(raw), **more}


# --- keys and certificates ------------------------------------------------------------

def private_key(kind):
    """A new private key: p256, p384, ed25519, rsa2048, rsa1024, …"""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        bits = int(kind[3:])
        if bits >= 2048:
            return rsa.generate_private_key(65537, bits)
        pem = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, check=True).stdout
        return serialization.load_pem_private_key(pem, None)
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def certificate(private, cn, *, start=None, end=None, ca=False, path_length=None, issuer=None,
                usage="none", extra_cn=(), alternative=None):
    """A certificate; self-signed unless `issuer` is (certificate, private key). `cn` comes
    first, `extra_cn` after it; `usage`: none, code-signing."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n, _validate=False) for n in (cn, *extra_cn)])
    up, up_key = issuer or (None, private)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(up.subject if up else name)
            .public_key(private.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(start or when(2025)).not_valid_after(end or when(2049, 6))
            .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
            .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True))
    if usage == "code-signing":
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    return made.sign(up_key, None if isinstance(up_key, ed25519.Ed25519PrivateKey) else SHA256)


def sha1_certificate(private, cn, ca=False):
    """A self-signed certificate with a SHA-1 signature, by the openssl command."""
    with tempfile.TemporaryDirectory() as work:
        key = pathlib.Path(work, "key.pem")
        key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                              serialization.NoEncryption()))
        pem = subprocess.run(
            ["openssl", "req", "-x509", "-new", "-key", str(key), "-sha1", "-days", "8000", "-subj", "/CN=" + cn.replace("/", "\\/"),
             "-addext", f"basicConstraints=critical,CA:{str(ca).upper()}"],
            capture_output=True, check=True).stdout
    return x509.load_pem_x509_certificate(pem)


def pem(*certificates):
    """PEM of the certificates, one after the other."""
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


class Key:
    """A signing key as Notary lists it: bare, or with a bundle of certificates."""

    def __init__(self, kind="p256", bundle=None, private=None):
        self.kind = kind
        self.private = private or private_key(kind)
        self.bundle = bundle
        public = self.private.public_key()
        if kind == "ed25519":
            self.keytype, raw = "ed25519", public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        else:
            self.keytype = "rsa" if kind.startswith("rsa") else "ecdsa"
            raw = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if bundle:
            self.keytype, raw = self.keytype + "-x509", bundle
        self.public = b64(raw)
        self.id = hashlib.sha256(canonical(self.object())).hexdigest()

    def object(self):
        return {"keytype": self.keytype, "keyval": {"private": None, "public": self.public}}

    def sign(self, message, salt=32):
        """The signature's entry (raw r‖s for ECDSA)."""
        if self.kind == "ed25519":
            method, raw = "eddsa", self.private.sign(message)
        elif self.kind.startswith("rsa"):
            method, raw = "rsapss", self.private.sign(message, padding.PSS(padding.MGF1(SHA256), salt), SHA256)
        else:
            half = (self.private.curve.key_size + 7) // 8
            rs = decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256)))
            method, raw = "ecdsa", b"".join(n.to_bytes(half, "big") for n in rs)
        return {"keyid": self.id, "method": method, "sig": b64(raw)}

    def sign_pkcs1v15(self, message):
        """The entry of a PKCS #1 v1.5 signature."""
        raw = self.private.sign(message, padding.PKCS1v15(), SHA256)
        return {"keyid": self.id, "method": "rsapkcs1v15", "sig": b64(raw)}


def root_key(cn, kind="p256", private=None, **cert):
    """A key with a self-signed certificate for that name."""
    private = private or private_key(kind)
    return Key(kind, pem(certificate(private, cn, **cert)), private)


def issued_key(cn, issuer, chain=(), kind="p256", **cert):
    """A key whose certificate `issuer` (certificate, private key) made; `chain` follows it in the bundle."""
    private = private_key(kind)
    return Key(kind, pem(certificate(private, cn, issuer=issuer, **cert), *chain), private)


def authority(cn, issuer=None, **cert):
    """A CA: (certificate, private key)."""
    private = private_key("p256")
    return certificate(private, cn, **{"ca": True, "issuer": issuer, **cert}), private


# --- roles and repositories -------------------------------------------------------------

class Role:
    """One signed file: its keys, and the places where a rule can be bent.

    edit(signed)      changes the signed part before it is signed
    after(document)   changes the document after it is signed
    raw(bytes)        changes the bytes that are served
    entry(meta)       changes the entry that the parent holds for this file
    signers           signs with other keys than those listed; None: the listed ones
    """

    def __init__(self, name, keys, threshold=1, **content):
        self.name, self.keys, self.threshold = name, list(keys), threshold
        self.version, self.expires = 1, FAR
        self.signers = self.edit = self.after = self.raw = self.entry = None
        self.listed = self.served = True     # in the snapshot; by the server
        self.targets = content.get("targets", {})
        self.delegations = []                # Role objects, in order
        self.paths = content.get("paths", [""])
        self.delegation_edit = None          # changes the role object in the parent's list
        self.delegations_edit = None         # changes the whole `delegations` object of this file
        self.fresh = False                   # sign again even if nothing changed

    def delegate(self, name, keys=None, threshold=1, targets=None, paths=("",)):
        role = Role(name, keys or [Key()], threshold, targets=targets or {}, paths=list(paths))
        self.delegations.append(role)
        return role

    def reference(self):
        """How a root or a parent lists this role."""
        return {"keyids": [k.id for k in self.keys], "threshold": self.threshold}

    def delegations_object(self):
        roles = []
        for child in self.delegations:
            item = {**child.reference(), "name": child.name, "paths": child.paths}
            if child.delegation_edit:
                child.delegation_edit(item)
            roles.append(item)
        made = {"keys": {k.id: k.object() for child in self.delegations for k in child.keys}, "roles": roles}
        return made


class Repository:
    """A trust collection. Change its roles, then `write` what the server hands out."""

    def __init__(self, gun, *, root=None, targets=None, tags=("1.0",)):
        self.gun = gun
        self.root = Role("root", root or [root_key(gun)])
        self.targets = Role("targets", targets or [Key()], targets={t: target(f"{gun}:{t} by targets") for t in tags})
        self.snapshot = Role("snapshot", [Key()])
        self.timestamp = Role("timestamp", [Key()])
        self.roots = []                      # (version in the file's name, bytes)
        self.snapshot_root = None            # bytes that the snapshot names as root; None: the newest
        self.made = {}

    def releases(self, tags=("2.0",), **more):
        """Add the delegation targets/releases with these tags."""
        return self.targets.delegate("targets/releases", targets={t: target(f"{self.gun}:{t} by releases") for t in tags}, **more)

    def next(self, *roles):
        """Raise the version of these roles (snapshot and timestamp always)."""
        for role in {*roles, self.snapshot, self.timestamp}:
            role.version += 1

    # --- signing ---

    def sign(self, role, signed):
        """The bytes of a role's file; the same ones as before if nothing has changed."""
        signed = copy.deepcopy(signed)
        if role.edit:
            role.edit(signed)
        signers = role.keys if role.signers is None else role.signers
        state = (canonical(signed), tuple(k.id for k in signers), role.after, role.raw)
        if role.name in self.made and self.made[role.name][0] == state and not role.fresh:
            return self.made[role.name][1]
        document = {"signed": signed, "signatures": [k.sign(canonical(signed)) for k in signers]}
        if role.after:
            document = role.after(document) or document
        body = b'{"signed":' + plain(document["signed"]) + b',"signatures":' + plain(document["signatures"]) + b"}"
        if role.raw:
            body = role.raw(body)
        self.made[role.name] = state, body
        return body

    def make_root(self, signers=None, named=None):
        """Sign the root as it stands and add it to the chain (as `named`.root.json)."""
        self.root.signers = signers
        roles = [self.root, self.targets, self.snapshot, self.timestamp]
        signed = {"_type": "Root", "consistent_snapshot": False, "expires": self.root.expires,
                  "keys": {k.id: k.object() for r in roles for k in r.keys},
                  "roles": {r.name: r.reference() for r in roles}, "version": self.root.version}
        self.roots.append((named or self.root.version, self.sign(self.root, signed)))
        return self

    def rotate(self, keys, signers=None, named=None):
        """A new root version with these keys, signed by the old and the new ones unless told otherwise."""
        if not self.roots:
            self.make_root()
        old = self.root.keys
        self.root.keys = list(keys)
        self.root.version += 1
        return self.make_root([*old, *(k for k in keys if k not in old)] if signers is None else signers, named)

    def files(self):
        """Name (without .json) to bytes of everything that is served."""
        if not self.roots:
            self.make_root()
        newest = self.roots[-1][1]
        served = {f"{n}.root": body for n, body in self.roots} | {"root": newest}
        meta, todo = {"root": hashed(self.snapshot_root or newest)}, [self.targets]
        while todo:
            role = todo.pop(0)
            delegations = role.delegations_object()
            if role.delegations_edit:
                delegations = role.delegations_edit(delegations)
            body = self.sign(role, {"_type": "Targets", "delegations": delegations, "expires": role.expires,
                                    "targets": role.targets, "version": role.version})
            if role.listed:
                meta[role.name] = self.entry(role, body)
            if role.served:
                served[role.name] = body
            todo += role.delegations
        served["snapshot"] = self.sign(self.snapshot, {"_type": "Snapshot", "expires": self.snapshot.expires, "meta": meta,
                                                       "version": self.snapshot.version})
        served["timestamp"] = self.sign(self.timestamp, {
            "_type": "Timestamp", "expires": self.timestamp.expires,
            "meta": {"snapshot": self.entry(self.snapshot, served["snapshot"])}, "version": self.timestamp.version})
        return served

    @staticmethod
    def entry(role, body):
        made = hashed(body)
        if role.entry:
            role.entry(made)
        return made


def plain(value):
    """JSON without spaces, members sorted: what is served. Unlike `canonical` it escapes control
    characters and writes floats as floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
