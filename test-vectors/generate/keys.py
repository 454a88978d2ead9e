#!/usr/bin/env python3
"""Write `test-vectors/keys/signatures.json`: public keys and signatures made outside of our code.

    keys.py                needs: pip install cryptography

Two messages (the `signed` of a TUF and of a Notary timestamp, in canonical form) are signed with
keys and paddings that our own tests cannot make: RSA-PSS with salts of several lengths (the
longest too, rule T-29), other digests, RSA keys at the edges of what is taken, ECDSA on P-384 with
SHA-256, and a raw ECDSA signature whose r begins with a zero byte. The private keys are thrown
away. The tests of tuf-core read the file; each row says how it was made.
"""
import base64
import json
import pathlib

import cryptography
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OUT = pathlib.Path(__file__).resolve().parents[1] / "keys" / "signatures.json"
TUF = {"_type": "timestamp", "expires": "2049-06-01T00:00:00Z", "meta": {"snapshot.json": {"version": 1}},
       "spec_version": "1.0", "version": 1}
NOTARY = {"_type": "Timestamp", "expires": "2049-06-01T00:00:00Z",
          "meta": {"snapshot": {"hashes": {"sha256": base64.b64encode(bytes(32)).decode()}, "length": 1}},
          "version": 1}
MESSAGES = {name: json.dumps(signed, sort_keys=True, separators=(",", ":"))
            for name, signed in [("tuf", TUF), ("notary", NOTARY)]}
SHA256, SHA384, SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()


def pss(digest, salt):
    return padding.PSS(padding.MGF1(digest), salt)


def rsa_rows(bits, ways):
    key = rsa.generate_private_key(65537, bits)
    assert key.public_key().public_numbers().n.bit_length() == bits
    for name, pad, digest in ways:
        yield "rsa%d %s" % (bits, name), key, lambda message, pad=pad, digest=digest: key.sign(message, pad, digest)


def raw(der, size):
    return b"".join(number.to_bytes(size, "big") for number in utils.decode_dss_signature(der))


def ecdsa_rows(name, curve, size):
    key = ec.generate_private_key(curve)

    def padded(message):
        while True:
            signature = raw(key.sign(message, ec.ECDSA(SHA256)), size)
            if signature[0] == 0:
                return signature

    for digest in SHA256, SHA384, SHA512:
        yield "%s %s raw" % (name, digest.name), key, lambda m, d=digest: raw(key.sign(m, ec.ECDSA(d)), size)
        yield "%s %s der" % (name, digest.name), key, lambda m, d=digest: key.sign(m, ec.ECDSA(d))
    yield "%s sha256 raw, r begins with 00" % name, key, padded


def rows():
    yield from rsa_rows(2048, [
        ("pss sha256 salt 32", pss(SHA256, 32), SHA256),
        ("pss sha256 salt 0", pss(SHA256, 0), SHA256),
        ("pss sha256 salt 31", pss(SHA256, 31), SHA256),
        ("pss sha256 salt 33", pss(SHA256, 33), SHA256),
        ("pss sha256 salt longest", pss(SHA256, padding.PSS.MAX_LENGTH), SHA256),
        ("pss sha384 salt 32", pss(SHA384, 32), SHA384),
        ("pss sha512 salt 32", pss(SHA512, 32), SHA512),
        ("pkcs1v15 sha256", padding.PKCS1v15(), SHA256),
        ("pkcs1v15 sha512", padding.PKCS1v15(), SHA512),
    ])
    for bits in 1024, 2047, 3072, 4096, 8192, 8200:
        yield from rsa_rows(bits, [("pss sha256 salt 32", pss(SHA256, 32), SHA256),
                                   ("pss sha256 salt longest", pss(SHA256, padding.PSS.MAX_LENGTH), SHA256),
                                   ("pkcs1v15 sha256", padding.PKCS1v15(), SHA256)])
    yield from ecdsa_rows("p256", ec.SECP256R1(), 32)
    yield from ecdsa_rows("p384", ec.SECP384R1(), 48)


def main():
    made = [{"name": name, "message": message, "spki": base64.b64encode(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode(),
        "sig": sign(text.encode()).hex()} for name, key, sign in rows() for message, text in MESSAGES.items()]
    document = {"made_by": "test-vectors/generate/keys.py, PyPI package cryptography " + cryptography.__version__,
                "messages": MESSAGES, "rows": made}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n")


main()
