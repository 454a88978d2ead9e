"""Roots, expiry, rollback, and what parents list."""
from case import APP, HELLO, add, case, code_of, sound
from repository import PAST, ecdsa, ed25519, rsa, sign


def rotated():
    """Four roots: other keys for root, then of another kind, then a threshold of two, and an expired one between."""
    repository = sound()
    repository.add_root()
    repository.add_root(lambda root: setattr(root, "expires", PAST), root=([ecdsa()], 1))
    repository.add_root(root=([rsa(3072), ed25519()], 2), timestamp=([ecdsa()], 1))
    repository.add_root(root=([ed25519(), ed25519(), ed25519()], 2), targets=([ed25519()], 1))
    return repository


@case("Three rotations with changed keys from the pinned root; one root between has expired.")
def root_rotations(step):
    step(rotated(), HELLO, APP)


@case("The third of four roots is pinned.")
def root_pinned_third(step):
    step(rotated(), HELLO, APP, root=3)


@case("A cached repository: two more roots, and a new timestamp key, at the second visit.")
def root_rotation_later(step):
    repository = sound()
    step(repository, HELLO, APP)
    repository.add_root(root=([ecdsa()], 1))
    repository.add_root(timestamp=([ed25519()], 1), snapshot=([ed25519()], 1))
    repository.next("targets")
    step(repository, HELLO, APP)


@case("The versions of timestamp and snapshot went up by far too much; new keys for both, and they begin anew.")
def root_recovers_from_fast_forward(step):
    repository = sound()
    for role in ("timestamp", "snapshot"):
        repository.signed[role].version = 2**31
    step(repository, HELLO)
    for role in ("timestamp", "snapshot"):
        repository.signed[role].version = 1
    repository.add_root(timestamp=([ed25519()], 1), snapshot=([ed25519()], 1))
    step(repository, HELLO)


@case("The root does not say whether snapshots are consistent: they are not.")
def root_without_consistent_snapshot(step):
    step(sound(consistent=None), HELLO, APP)


@case("The root names the optional role of mirrors.")
def root_with_mirrors(step):
    repository = sound()
    repository.add_root(lambda root: root.roles.update(mirrors=root.roles["targets"]))
    step(repository, HELLO)


@case("The second root is not signed by the first one's keys.", "rotation.old-threshold")
def root_without_old_signature(step):
    repository = sound()
    repository.add_root()
    new = ed25519()
    repository.add_root(signers=[new], root=([new], 1))
    step(repository, HELLO)


@case("The second root is not signed by its own keys.", "rotation.new-threshold")
def root_without_new_signature(step):
    repository = sound()
    repository.add_root()
    repository.add_root(signers=repository.keys["root"][0], root=([ed25519()], 1))
    step(repository, HELLO)


@case("The second root bears the number three.", "rotation.version")
def root_number_left_out(step):
    repository = sound()
    repository.add_root()
    repository.add_root(lambda root: setattr(root, "version", 3))
    step(repository, HELLO)


@case("The newest root has expired.", "expired.root")
def root_expired(step):
    repository = sound()
    repository.add_root()
    repository.add_root(lambda root: setattr(root, "expires", PAST))
    step(repository, HELLO)


def expired(role):
    def make(step):
        repository = sound()
        repository.signed[role].expires = PAST
        step(repository, APP)
    return make


for role in ("timestamp", "snapshot", "targets", "project"):
    add(f"expired-{role}", f"The role {role} has expired.", expired(role), f"expired.{code_of(role)}")


@case("A new version of everything, twice.")
def updates(step):
    repository = sound()
    step(repository, HELLO, APP)
    repository.next("targets", "project")
    repository.add("new.txt")
    step(repository, HELLO, APP, "new.txt")
    repository.next()
    step(repository, "new.txt")


@case("The same state again.")
def updates_nothing(step):
    repository = sound()
    step(repository, HELLO)
    step(repository, HELLO, APP)


@case("A timestamp of the same version with other content, which lists the same snapshot.")
def updates_timestamp_of_same_version(step):
    repository = sound()
    step(repository, HELLO)
    repository.signed["timestamp"].unrecognized_fields["note"] = "other"
    step(repository, HELLO)


def rolled_back(change, *paths):
    """Two states in force, then one that goes back."""
    def make(step):
        repository = sound()
        repository.next("targets", "project")
        step(repository, HELLO, APP)
        change(repository)
        step(repository, *paths)
    return make


def back(role):
    def change(repository):
        if role != "timestamp":
            repository.next()
        if role == "snapshot":
            repository.signed[role].version -= 1
        repository.signed[role].version -= 1
    return change


for role in ("timestamp", "snapshot", "targets", "project"):
    add(f"rollback-{role}", f"The role {role} goes back to its first version.", rolled_back(back(role), HELLO),
        f"rollback.{code_of(role)}")


def removed(repository):
    repository.next()
    repository.unlisted.add("project")


add("rollback-removed", "A snapshot that no longer lists a delegated role.", rolled_back(removed, HELLO),
    "rollback.removed")


def other_content(repository):
    repository.next()
    repository.add("other.txt")


add("same-version-other-content", "The targets change and keep their version.", rolled_back(other_content, "other.txt"),
    "mismatch.content")


def longer(body):
    return body + b"\n"


def signed_anew(role, consistent=True):
    """The file is of another signed state than the one listed: as long, with another content."""
    def make(step):
        repository = sound(consistent=consistent)
        repository.signed[role].unrecognized_fields["note"] = "a"
        original = repository.signed[role]

        def other(_):
            original.unrecognized_fields["note"] = "b"
            return sign(original, repository.keys[role][0])

        repository.served[role] = other
        step(repository, APP)
    return make


def too_long(role):
    def make(step):
        repository = sound()
        repository.served[role] = longer
        step(repository, APP)
    return make


def numbered_wrong(role):
    """Listed with a version that the file does not have (no hash tells it before)."""
    def make(step):
        repository = sound(consistent=False)
        repository.meta_hashes = []
        repository.listed[role] = lambda entry: setattr(entry, "version", 7)
        step(repository, APP)
    return make


def lost(role):
    def make(step):
        repository = sound()
        repository.served[role] = lambda body: None
        step(repository, APP)
    return make


for role in ("snapshot", "targets", "project"):
    add(f"meta-hash-{role}", f"The file of {role} is signed, and is not the one listed.", signed_anew(role),
        "mismatch.hash")
    add(f"meta-length-{role}", f"The file of {role} is a byte longer than listed.", too_long(role), "mismatch.length")
    add(f"meta-version-{role}", f"The file of {role} has another version than listed.", numbered_wrong(role),
        "mismatch.version")
for role in ("timestamp", "snapshot", "targets", "project"):
    add(f"missing-{role}", f"The server has no file of {role}.", lost(role), f"missing.{code_of(role)}")


@case("Neither lengths nor hashes are listed of metadata.")
def meta_versions_alone(step):
    repository = sound()
    repository.meta_hashes = []
    step(repository, HELLO, APP)


@case("Metadata are listed with SHA-512 alone.")
def meta_sha512(step):
    repository = sound()
    repository.meta_hashes = ["sha512"]
    step(repository, HELLO, APP)


@case("Metadata are listed with BLAKE2b alone.")
def meta_blake2b(step):
    repository = sound()
    repository.meta_hashes = ["blake2b-256"]
    step(repository, HELLO, APP)
