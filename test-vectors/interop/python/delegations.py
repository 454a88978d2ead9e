"""Delegations by paths, by prefixes and to succinct bins."""
from case import APP, HELLO, add, case, sound
from repository import Repository, ed25519


@case("Delegations three deep; the same path in two roles: the first one counts, depth first.")
def delegations_nested(step):
    repository = sound()
    repository.delegate("a", ["a/*", "a/b/*", "a/b/c/*"])
    repository.delegate("late", ["a/*", "a/b/*"])
    repository.delegate("b", ["a/b/*", "a/b/c/*"], parent="a")
    repository.delegate("c", ["a/b/c/*"], parent="b")
    repository.add("a/1", "late", content=b"must not be found\n")
    repository.add("a/1", "a")
    repository.add("a/b/2", "late", content=b"must not be found\n")
    repository.add("a/b/2", "b")
    repository.add("a/b/5", "b", content=b"must not be found\n")
    repository.add("a/b/5", "a")
    repository.add("a/b/c/3", "c")
    repository.add("a/4", "late")
    step(repository, "a/1", "a/b/2", "a/b/5", "a/b/c/3", "a/4")


@case("Patterns with * and ?, which do not cross a slash.")
def delegations_patterns(step):
    repository = Repository()
    repository.delegate("wrong", ["*.tgz", "x/?.tgz", "x/y/*"])
    repository.delegate("right", ["x/*.tgz", "v-?.tar", "deep/*/z"])
    for path in ("x/foo.tgz", "v-1.tar", "deep/er/z"):
        repository.add(path, "wrong", content=b"must not be found\n")
        repository.add(path, "right")
    # What the first role lists and is asked for.
    repository.add("foo.tgz", "wrong")
    repository.add("x/1.tgz", "wrong")
    repository.signed["wrong"].targets.pop("v-1.tar")
    step(repository, "x/foo.tgz", "v-1.tar", "deep/er/z", "foo.tgz", "x/1.tgz")


@case("Patterns with sets: [ab], [0-9], [!a].")
def delegations_sets(step):
    repository = Repository()
    repository.delegate("sets", ["x/[ab].txt", "x/v[0-9]", "y/[!a]"])
    for path in ("x/a.txt", "x/v7", "y/b"):
        repository.add(path, "sets")
    step(repository, "x/a.txt", "x/v7", "y/b")


def terminating(on, step):
    repository = sound()
    repository.delegate("first", ["t/*"], terminating=on)
    repository.delegate("second", ["t/*"])
    repository.add("t/1", "first")
    repository.add("t/2", "second")
    step(repository, "t/1")
    repository.next()
    step(repository, "t/2")


add("delegations-not-terminating", "What the first of two roles does not list is found in the second.",
    lambda step: terminating(False, step))
add("delegations-terminating", "The first of two roles terminates: what it does not list is not found.",
    lambda step: terminating(True, step), "target.not-signed")


@case("A terminating delegation that does not match stops nothing.")
def delegations_terminating_elsewhere(step):
    repository = sound()
    repository.delegate("first", ["t/*"], terminating=True)
    repository.delegate("second", ["u/*"])
    repository.add("u/1", "second")
    step(repository, "u/1")


BINNED = [f"file-{n}.txt" for n in range(8)] + ["deep/er/file"]


def hash_bins(repository):
    """Sixteen bins by the first hex digit of the path's SHA-256, each with sixteen prefixes."""
    for digit in "0123456789abcdef":
        repository.delegate(f"bin-{digit}", prefixes=[digit + next for next in "0123456789abcdef"])
    for path in BINNED:
        names = [n for n, role in repository.signed["targets"].delegations.roles.items() if role.is_delegated_path(path)]
        repository.add(path, *names)


@case("Hash bins the old way: path_hash_prefixes.")
def bins_by_prefixes(step):
    repository = Repository()
    hash_bins(repository)
    step(repository, *BINNED)


@case("Hash bins the old way, and a target in the wrong bin.", "target.not-signed")
def bins_by_prefixes_wrong_bin(step):
    repository = Repository()
    hash_bins(repository)
    role, content = repository.content["file-0.txt"]
    repository.add("file-0.txt", "bin-0" if role != "bin-0" else "bin-1", content)
    repository.signed[role].targets.pop("file-0.txt")
    step(repository, "file-0.txt")


for bits in (1, 3, 4, 8, 10, 32):
    def succinct(step, bits=bits):
        repository = Repository()
        repository.bins(bits, "bin", BINNED)
        step(repository, *BINNED)

    add(f"bins-succinct-{bits}", f"Succinct bins (TAP 15) by {bits} bits.", succinct)


@case("Hash bins the old way: the empty prefix stands for all.")
def bins_by_empty_prefix(step):
    repository = Repository()
    repository.delegate("all", prefixes=[""])
    for path in BINNED:
        repository.add(path, "all")
    step(repository, *BINNED)


@case("Succinct bins terminate: what the bin does not list is not found in a role behind.", "target.not-signed")
def bins_succinct_terminate(step):
    repository = Repository()
    repository.delegate("first", ["file-*"])
    repository.delegate("second", ["file-*"])
    repository.bins(1, "bin", BINNED[:2], parent="first")
    role, _ = repository.content["file-0.txt"]
    step(repository, "file-0.txt")
    repository.next(role)
    repository.signed[role].targets.pop("file-0.txt")
    repository.add("file-0.txt", "second")
    step(repository, "file-0.txt")


@case("Succinct bins, and a target in the wrong bin.", "target.not-signed")
def bins_succinct_wrong_bin(step):
    repository = Repository()
    repository.bins(1, "bin", BINNED)
    role, content = repository.content["file-0.txt"]
    repository.add("file-0.txt", "bin-0" if role == "bin-1" else "bin-1", content)
    repository.signed[role].targets.pop("file-0.txt")
    step(repository, "file-0.txt")


@case("The keys of two delegations are exchanged.", "signature.threshold")
def delegations_keys_exchanged(step):
    repository = sound()
    repository.delegate("other", ["other/*"])
    repository.signers = {"project": repository.keys["other"][0], "other": repository.keys["project"][0]}
    step(repository, APP)


@case("A delegated role that the snapshot does not list.", "target.not-signed")
def delegations_not_in_snapshot(step):
    repository = sound()
    repository.unlisted.add("project")
    step(repository, APP)


@case("A delegated role lists a target outside its paths.", "target.not-signed")
def delegations_outside_paths(step):
    repository = sound()
    repository.add("elsewhere/app.tar", "project")
    step(repository, APP)
    step(repository, "elsewhere/app.tar")


@case("A delegated role that does not match is not asked for: it is not there.")
def delegations_lazily(step):
    repository = sound()
    repository.delegate("other", ["other/*"])
    repository.served["other"] = lambda body: None
    step(repository, HELLO, APP)


def no_fall_through(bend):
    """Two roles match; of the first is not what should be."""
    def make(step):
        repository = Repository()
        repository.delegate("first", ["t/*"])
        repository.delegate("second", ["t/*"])
        repository.add("t/1", "second")
        step(repository, "t/1")
        repository.next("first")
        bend(repository)
        step(repository, "t/1")
    return make


add("delegations-first-missing", "The first of two matching roles is not on the server; the second lists the target.",
    no_fall_through(lambda r: r.served.update(first=lambda body: None)), "missing.delegation")
add("delegations-first-ill-signed", "The first of two matching roles is ill signed; the second lists the target.",
    no_fall_through(lambda r: r.signers.update(first=r.keys["second"][0])), "signature.threshold")


@case("Two roles that delegate to each other, and a role behind them.")
def delegations_cycle(step):
    repository = Repository()
    repository.delegate("a", ["t/*"])
    repository.delegate("behind", ["t/*"])
    repository.delegate("b", ["t/*"], parent="a")
    repository.delegate("a", ["t/*"], parent="b", signers=repository.keys["a"][0])
    repository.add("t/1", "behind")
    step(repository, "t/1")


@case("The fortieth of forty roles that match lists the target.")
def delegations_forty(step):
    repository = Repository()
    for n in range(40):
        repository.delegate(f"role-{n}", ["t/*"])
    repository.add("t/1", "role-39")
    step(repository, "t/1")


@case("One role through two delegators, who trust the same key.")
def delegations_two_delegators_agree(step):
    repository = sound()
    key = ed25519()
    repository.delegate("one", ["one/*"])
    repository.delegate("two", ["two/*"])
    repository.delegate("shared", ["one/*"], parent="one", signers=[key])
    repository.delegate("shared", ["two/*"], parent="two", signers=[key])
    repository.add("one/x", "shared")
    repository.add("two/x", "shared")
    step(repository, "one/x", "two/x")


@case("One role through two delegators who trust different keys; the second one's key signed it.", "signature.threshold")
def delegations_two_delegators(step):
    repository = sound()
    first, second = ed25519(), ed25519()
    repository.delegate("one", ["s/*"])
    repository.delegate("two", ["s/*"])
    repository.delegate("shared", ["s/*"], parent="one", signers=[first])
    repository.delegate("shared", ["s/*"], parent="two", signers=[second])
    repository.add("s/x", "shared")
    repository.signers["shared"] = [second]
    step(repository, "s/x")
