"""Keys of all kinds, and thresholds."""
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, SSlibKey

from case import APP, HELLO, add, case, sound
from repository import Repository, ecdsa, ed25519, rsa


def of_one_kind(signer):
    def make(step):
        repository = Repository(signer=signer)
        repository.add(HELLO)
        repository.delegate("project", ["project/*"], signers=[signer()])
        repository.add(APP, "project")
        step(repository, HELLO, APP)
    return make


def named_after_scheme(scheme):
    """A private key, and its public one whose type is named as in the specification: like its scheme."""
    private = ec.generate_private_key(ec.SECP384R1() if scheme == P384 else ec.SECP256R1())
    public = SSlibKey.from_crypto(private.public_key(), scheme=scheme)
    key = SSlibKey("", scheme, scheme, public.keyval)
    key.keyid = hashlib.sha256(encode_canonical(key.to_dict()).encode()).hexdigest()
    return private, key


P256, P384 = "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"
for name, signer in {
    "ed25519": ed25519,
    "ecdsa-p256": ecdsa,
    "ecdsa-p384": lambda: ecdsa(scheme=P384),
    "ecdsa-p256-type-of-scheme": lambda: CryptoSigner(*named_after_scheme(P256)),
    "ecdsa-p384-type-of-scheme": lambda: CryptoSigner(*named_after_scheme(P384)),
    "rsa-2048": lambda: rsa(2048),
    "rsa-3072": lambda: rsa(3072),
    "rsa-4096": lambda: rsa(4096),
}.items():
    add(f"keys-{name}", f"Every role is signed by a key of the kind {name}.", of_one_kind(signer))

names = iter(range(1000))
add("keys-opaque-ids", "Key ids that are no hash of the key.", of_one_kind(lambda: ed25519(keyid=f"key {next(names)}")))


@case("The key of a delegation has an id that is no hash of it.")
def keys_opaque_id_of_delegation(step):
    repository = Repository()
    repository.delegate("project", ["project/*"], signers=[ed25519(keyid="the project's key")])
    repository.add(APP, "project")
    step(repository, APP)


@case("An ML-DSA key stands beside an ed25519 key in every role of a root, which both sign.")
def keys_post_quantum_beside(step):
    repository = sound()
    for role in ("root", "timestamp", "snapshot", "targets"):
        repository.keys[role] = ([CryptoSigner.generate_mldsa(), ed25519()], 1)
    step(repository, HELLO, APP)


def targets_signed_by(signer):
    def make(step):
        repository = sound()
        repository.keys["targets"] = ([signer()], 1)
        step(repository, HELLO)
    return make


for name, kind, signer in [
    ("post-quantum", "an ML-DSA", CryptoSigner.generate_mldsa),
    ("p521", "a P-521", lambda: ecdsa(scheme="ecdsa-sha2-nistp521")),
    ("rsa-sha512", "an rsassa-pss-sha512", lambda: CryptoSigner.generate_rsa(scheme="rsassa-pss-sha512", size=2048)),
]:
    add(f"keys-{name}-alone", f"The targets are signed by {kind} key alone.", targets_signed_by(signer),
        "signature.threshold")


@case("A threshold of two, and one P-256 key under two ids and two names of its type.", "signature.threshold")
def keys_one_under_two_ids(step):
    repository = sound()
    private, one = named_after_scheme(P256)
    two = SSlibKey.from_crypto(private.public_key(), scheme=P256)
    repository.keys["timestamp"] = ([CryptoSigner(private, one), CryptoSigner(private, two)], 2)
    step(repository, HELLO)


def two_of_three():
    repository = Repository()
    for role in ("root", "timestamp", "snapshot", "targets"):
        repository.keys[role] = ([ed25519(), ecdsa(), rsa(2048)], 2)
    repository.add(HELLO)
    repository.delegate("project", ["project/*"], signers=[ecdsa(), ed25519(), ed25519()], threshold=2)
    repository.add(APP, "project")
    return repository


@case("Thresholds of two among three keys of three kinds; two sign, the first two or the last two.")
def threshold_met(step):
    repository = two_of_three()
    for role, (keys, _) in repository.keys.items():
        repository.signers[role] = keys[1:] if role in ("snapshot", "project") else keys[:2]
    repository.add_root(signers=repository.keys["root"][0][1:])
    step(repository, HELLO, APP)


@case("A pinned root signed by one of the two keys that it needs.", "config.root")
def threshold_short_pin(step):
    repository = two_of_three()
    repository.add_root(signers=repository.keys["root"][0][:1])
    step(repository, HELLO)


def one_short(role):
    def make(step):
        repository = two_of_three()
        repository.signers[role] = repository.keys[role][0][:1]
        step(repository, APP)
    return make


for role in ("timestamp", "snapshot", "targets", "project"):
    add(f"threshold-short-{role}", f"The role {role} is one signature short.", one_short(role), "signature.threshold")


@case("The timestamp is signed by one key twice, where two keys are needed.", "signature.duplicate-key-id")
def threshold_signature_twice(step):
    def twice(body):
        file = json.loads(body)
        file["signatures"] = file["signatures"][:1] * 2
        return json.dumps(file).encode()

    repository = two_of_three()
    repository.served["timestamp"] = twice
    step(repository, HELLO)


@case("A wrong signature beside the two that are needed.")
def threshold_with_wrong_signature(step):
    def wrong(body):
        file = json.loads(body)
        file["signatures"][0]["sig"] = file["signatures"][0]["sig"][:-2] + "00"
        return json.dumps(file).encode()

    repository = two_of_three()
    repository.served["timestamp"] = wrong
    step(repository, HELLO)


@case("A role of the root needs more keys than it has.", "signature.threshold")
def threshold_above_keys(step):
    repository = sound()
    repository.add_root(lambda root: setattr(root.roles["snapshot"], "threshold", 2))
    step(repository, HELLO)


@case("A role of the root names a key that the root does not list, beside one that it does.")
def threshold_names_unlisted_key(step):
    repository = sound()
    repository.add_root(lambda root: root.roles["timestamp"].keyids.append("0" * 64))
    step(repository, HELLO)
