"""Names, hashes and content of targets."""
from case import APP, HELLO, add, case, sound


@case("Without consistent snapshots, through two updates.")
def plain_names(step):
    repository = sound(consistent=False)
    step(repository, HELLO, APP)
    repository.next("targets", "project")
    repository.add(HELLO, content=b"another\n")
    step(repository, HELLO, APP)


@case("Consistent snapshots are turned on by the second root.")
def plain_names_no_longer(step):
    repository = sound(consistent=False)
    step(repository, HELLO, APP)
    repository.consistent = True
    repository.add_root()
    repository.next("targets", "project")
    step(repository, HELLO, APP)


for hashes in (["sha512"], ["sha256", "sha512"], ["sha512", "sha256"], ["blake2b-256"]):
    def hashed(step, hashes=hashes):
        repository = sound()
        repository.add(HELLO, hashes=hashes)
        step(repository, HELLO)

    add(f"target-{'-'.join(hashes)}", f"A target is listed with {' and '.join(hashes)}.", hashed)


for algorithm in ("sha512", "blake2b-256"):
    def wrong(step, algorithm=algorithm):
        repository = sound()
        repository.add(HELLO, hashes=[algorithm])
        repository.served[HELLO] = lambda body: body[::-1]
        step(repository, HELLO)

    add(f"target-other-{algorithm}", f"A target is listed with {algorithm} alone, and its content is another.", wrong,
        "target.hash")


@case("A target is listed with SHA-256 and a hash that no client knows.")
def target_hash_nobody_knows(step):
    repository = sound()
    repository.signed["targets"].targets[HELLO].hashes["xyz-256"] = "00" * 32
    step(repository, HELLO)


@case("Custom data, and members that no client knows, everywhere.")
def target_custom(step):
    repository = sound()
    repository.add(HELLO, custom={"nested": {"list": [1, None, True, "ü", "\"\\"]}, "number": 2**53 + 1})
    for signed in repository.signed.values():
        signed.unrecognized_fields["x-note"] = {"b": [], "a": {}, "ü": "\u2028\U0001f511\u007f\t"}
    step(repository, HELLO, APP)


@case("An empty target.")
def target_empty(step):
    repository = sound()
    repository.add("empty", content=b"")
    step(repository, "empty")


@case("Target paths with spaces, letters beyond ASCII, folders; a delegated role with a slash in its name.")
def target_names(step):
    repository = sound()
    paths = ["a b/c d.txt", "größe/Ünï.txt", "a/b/c/d/e.txt", ".hidden", "UPPER/~x_-.TXT"]
    for path in paths:
        repository.add(path)
    repository.delegate("team/röle", ["team/*"])
    repository.add("team/tool", "team/röle")
    step(repository, *paths, "team/tool")


for name, path in {"parent": "../escape.txt", "dot": "a/./b.txt", "absolute": "/absolute.txt", "empty-segment": "a//b.txt"}.items():
    def odd_path(step, path=path):
        repository = sound()
        repository.add(path)
        step(repository, HELLO)
        step(repository, path)

    add(f"target-path-{name}", f"A target path `{path}`; the other targets are there.", odd_path, "target.path")


def wrong_target(change):
    def make(step):
        repository = sound()
        repository.served[APP] = change
        step(repository, APP)
    return make


for name, about, change, code in [
    ("longer", "longer than listed", lambda body: body + b"\n", "target.length"),
    ("shorter", "shorter than listed", lambda body: body[:-1], "target.length"),
    ("other", "another one", lambda body: body[::-1], "target.hash"),
    ("missing", "not there", lambda body: None, "missing.target"),
]:
    add(f"target-{name}", f"A target's content is {about}.", wrong_target(change), code)


@case("A target that nobody lists.", "target.not-signed")
def target_not_signed(step):
    step(sound(), "other.txt")
