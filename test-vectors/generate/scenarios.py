"""The project's own Notary v1 scenarios: one function, or one row of a table, each.

A scenario's flags go into its manifest as they are: `codes` (space separated), `stricter` (the
reference client answers, we must not), `lenient` (it refuses, we must answer), `both` (compatible
mode refuses as well), `reason`, `rules`. A refusal and its passing twin stand side by side.
"""
import base64
import datetime
import hashlib
import json

from notarykit import (FAR, PAST, Key, Repository, authority, canonical, certificate, hashed, issued_key, pem, plain, private_key,
                       root_key, sha1_certificate, target, when)

PREFIX = "registry.test:5000/own"
ALL = []


def flags(codes="", stricter=False, lenient=False, both=False, allowed=(), rules="", reason=None):
    """The members of a manifest (or of a step) for these flags."""
    made = {}
    if reason:
        made["reason"] = reason
    if stricter or both:
        made["stricter_verdict"] = "reject"
    if lenient:
        made["lenient_verdict"] = "trusted"
    if allowed:
        made["allowed_verdicts"] = list(allowed)
    if both:
        made["both_modes"] = True
    if codes:
        made["codes"] = codes.split()
    if rules:
        made["rules"] = rules.split()
    return made


class Scenario:
    """What `generate.py` writes: pin, steps with their files, and the manifest's other fields."""

    def __init__(self, name, description, function, fields):
        self.name, self.description, self.function = name, " ".join(description.split()), function
        self.gun = f"{PREFIX}/{name}"
        self.fields = dict(fields)
        self.pin, self.pins, self.steps, self.tags = None, {}, [], {}

    def build(self):
        self.function(self)
        return self

    def repo(self, **kw):
        return Repository(self.gun, **kw)

    def pin_to(self, *keys, name=None):
        """The pin: these keys' certificate ids, for this GUN (or `name`)."""
        for key in keys:
            if key.bundle:
                self.pins[f"root-{key.id}.pem"] = key.bundle
        return {"mode": "cert_ids", "cert_ids": {name or self.gun: [k.id for k in keys]}, "tofu": False}

    def pin_ca(self, ca, prefix=PREFIX):
        self.pins["ca.pem"] = pem(ca[0])
        return {"mode": "ca", "ca": {prefix: "pin/ca.pem"}, "tofu": False}

    def step(self, repo, pin=None, drop=(), only=None, sound=False, **flag):
        """Serve the repository as it stands. `pin` is that step's own; `drop` names files that are
        404; `sound` notes the digests that a sound client finds (True: of all tags)."""
        if self.pin is None:
            self.pin = self.pin_to(*repo.root.keys)
        files = {n: b for n, b in repo.files().items() if n not in drop}
        fields = flags(**flag) | ({"pin": pin} if pin else {})
        found, todo = {}, [repo.targets]
        while todo:
            role = todo.pop(0)
            for tag, entry in (role.targets or {}).items():
                if "sha256" in entry["hashes"] and isinstance(entry["hashes"]["sha256"], str):
                    found.setdefault(tag, {"digest": "sha256:" + base64.b64decode(entry["hashes"]["sha256"]).hex(),
                                           "length": entry["length"], "role": role.name})
                self.tags[tag] = None
            todo += role.delegations
        if sound:
            fields["sound_tags"] = found if sound is True else {tag: found[tag] for tag in sound}
        self.steps.append({"files": files, "fields": fields, "tags": sorted(self.tags)})


def scenario(codes="", description=None, name=None, gun=None, **flag):
    """Register a function as a scenario; its docstring is the description."""
    def register(function):
        ALL.append(Scenario(name or function.__name__.replace("_", "-"), description or function.__doc__, function,
                            flags(codes, **flag)))
        ALL[-1].gun = gun or ALL[-1].gun
        return function
    return register


def family(rows, codes="", **flag):
    """Register a function f(scenario, argument) once for each row (name, argument, description[, flags])."""
    def register(function):
        for name, argument, description, *own in rows:
            merged = {"codes": codes, **flag, **(own[0] if own else {})}
            scenario(description=description, name=name, **merged)(lambda s, a=argument: function(s, a))
        return function
    return register


def cut(*path):
    """A function that removes a member of what it is given."""
    def edit(value):
        for part in path[:-1]:
            value = value[part]
        del value[path[-1]]
    return edit


def put(new, *path):
    """A function that sets a member of what it is given."""
    def edit(value):
        for part in path[:-1]:
            value = value[part]
        value[path[-1]] = new
    return edit


def swap(old, new):
    """A function that replaces the first occurrence of some bytes, which must be there."""
    def edit(body):
        assert old in body, (old, body)
        return body.replace(old, new, 1)
    return edit


# --- signatures and thresholds (N-40, T-31) ------------------------------------------------------

@scenario("signature.threshold", stricter=True, reason="threshold", rules="N-40 N-41")
def delegation_below_threshold(s):
    """targets/releases needs two signatures and has one: the reference client falls through to targets"""
    repo = s.repo()
    releases = repo.releases(("1.0", "2.0"), keys=[Key(), Key()], threshold=2)
    releases.signers = releases.keys[:1]
    s.step(repo)


@scenario(rules="N-40")
def delegation_at_threshold(s):
    """targets/releases needs two signatures and has two"""
    repo = s.repo()
    repo.releases(("1.0", "2.0"), keys=[Key(), Key()], threshold=2)
    s.step(repo)


def twins(private, cn):
    """One key under two ids: bare, and with a certificate."""
    return [Key("p256", None, private), Key("p256", pem(certificate(private, cn)), private)]


@scenario("signature.threshold", stricter=True, reason="threshold", rules="N-40 N-41 T-31")
def one_key_two_ids(s):
    """targets needs two signatures; one P-256 key is listed as ecdsa and as ecdsa-x509 and signed under both ids"""
    s.step(repo2(s, twins(private_key("p256"), "someone")))


@scenario("signature.threshold", stricter=True, reason="threshold", rules="N-40 N-41 T-31")
def one_key_two_certificates(s):
    """targets needs two signatures; one key with two certificates signed under both ids"""
    private = private_key("p256")
    s.step(repo2(s, [Key("p256", pem(certificate(private, cn)), private) for cn in ("one", "two")]))


@scenario("signature.threshold", stricter=True, reason="threshold", rules="N-40 N-41 T-31")
def one_key_two_ids_delegation(s):
    """as one-key-two-ids, in targets/releases"""
    repo = s.repo()
    repo.releases(("2.0",), keys=twins(private_key("p256"), "someone"), threshold=2)
    s.step(repo)


@scenario("signature.threshold", stricter=True, reason="threshold", rules="N-40 N-41 T-31 N-11")
def root_one_key_two_certificates(s):
    """root needs two signatures; one key with two certificates, both pinned"""
    private = private_key("p256")
    repo = s.repo(root=[root_key(s.gun, private=private), root_key(s.gun, private=private, end=when(2048))])
    repo.root.threshold = 2
    s.step(repo)


@scenario(rules="T-31")
def two_keys_two_ids(s):
    """targets needs two signatures; two keys, one bare, one with a certificate"""
    s.step(repo2(s, [Key(), root_key("someone")]))


def repo2(s, keys):
    """A repository whose targets need two signatures of these keys."""
    repo = s.repo(targets=keys)
    repo.targets.threshold = 2
    return repo


@scenario(rules="N-6")
def targets_p384(s):
    """targets signed with a P-384 key: r and s are 48 bytes each, the digest is still SHA-256"""
    s.step(s.repo(targets=[Key("p384")]))


@scenario(rules="N-7")
def targets_rsa2048(s):
    """targets signed with an RSA key of 2,048 bits, rsapss"""
    s.step(s.repo(targets=[Key("rsa2048")]))


@scenario("signature.threshold", reason="signature", rules="N-7")
def targets_rsa1024(s):
    """targets signed with an RSA key of 1,024 bits"""
    s.step(s.repo(targets=[Key("rsa1024")]))


@scenario("signature.threshold", reason="signature", rules="N-7")
def targets_rsapss_longest_salt(s):
    """targets signed with rsapss and the longest salt that fits (222 bytes) where 32 are wanted"""
    repo = s.repo(targets=[Key("rsa2048")])

    def after(document):
        document["signatures"] = [repo.targets.keys[0].sign(canonical(document["signed"]), salt=222)]
    repo.targets.after = after
    s.step(repo)


@scenario("signature.threshold", reason="threshold", rules="N-40 N-41")
def delegation_empty_signatures(s):
    """targets/releases has an empty list of signatures: unlike too few signatures this is fatal for the reference client"""
    repo = s.repo()
    repo.releases(("1.0", "2.0")).signers = []
    s.step(repo)


METHODS = {"ecdsa": ["ecdsa"], "rsa": ["rsapss", "rsapkcs1v15"], "ed25519": ["eddsa"]}
KINDS = [("ecdsa", "p256", False), ("ecdsa-x509", "p256", True), ("rsa", "rsa2048", False), ("rsa-x509", "rsa2048", True),
         ("ed25519", "ed25519", False)]


@family([(f"method-{name}-{method}", (kind, dressed, method, method in METHODS[name.split("-")[0]]),
          f"targets is signed by a key of type {name}, the method says {method}",
          {} if method in METHODS[name.split("-")[0]] else {"codes": "signature.threshold", "reason": "signature"})
         for name, kind, dressed in KINDS for method in ("ecdsa", "rsapss", "rsapkcs1v15", "eddsa", "none")], rules="N-5")
def methods(s, argument):
    kind, dressed, method, possible = argument
    key = root_key("someone", kind) if dressed else Key(kind)
    repo = s.repo(targets=[key])

    def after(document):
        made = key.sign_pkcs1v15 if method == "rsapkcs1v15" and possible else key.sign
        document["signatures"] = [{**made(canonical(document["signed"])), "method": method}]
    repo.targets.after = after
    s.step(repo)


@family([("method-upper-case", "ECDSA", "the method is ECDSA: case is ignored"),
         ("method-mixed-case", "EcDsa", "the method is EcDsa: case is ignored")], rules="N-5")
def method_case(s, method):
    repo = s.repo()
    repo.targets.after = put(method, "signatures", 0, "method")
    s.step(repo)


@scenario("signature.threshold", reason="signature", rules="N-5")
def method_pss_signature_pkcs1(s):
    """the method says rsapss, the signature is PKCS #1 v1.5"""
    repo = s.repo(targets=[Key("rsa2048")])

    def after(document):
        signature = repo.targets.keys[0].sign_pkcs1v15(canonical(document["signed"]))
        document["signatures"] = [{**signature, "method": "rsapss"}]
    repo.targets.after = after
    s.step(repo)


@family([("signature-repeated-bad-first", 0, "the key of targets signed twice: a bad signature, then a good one"),
         ("signature-repeated-bad-last", 1, "the key of targets signed twice: a good signature, then a bad one")], rules="T-31")
def repeated_signature(s, at):
    repo = s.repo()
    key = repo.targets.keys[0]
    repo.targets.after = lambda document: document["signatures"].insert(at, key.sign(b"something else"))
    s.step(repo)


@scenario("signature.threshold", reason="threshold", rules="T-31")
def keyid_repeated_in_role(s):
    """targets needs two signatures; its one key id stands twice in the role and it signed twice"""
    repo = s.repo()
    repo.targets.threshold = 2
    repo.targets.signers = repo.targets.keys * 2
    repo.root.edit = lambda signed: signed["roles"]["targets"]["keyids"].append(repo.targets.keys[0].id)
    s.step(repo)


@scenario("signature.threshold", reason="signature", rules="N-6")
def sig_zeros(s):
    """the signature of targets is 64 zero bytes"""
    repo = s.repo()
    repo.targets.after = put(base64.b64encode(bytes(64)).decode(), "signatures", 0, "sig")
    s.step(repo)


@scenario("signature.key-id", reason="keyid", rules="N-4")
def delegation_keyid_not_hash_of_key(s):
    """targets lists the key of targets/releases under an id that is not its hash"""
    repo = s.repo()
    repo.releases().keys[0].id = "ab" * 32
    s.step(repo)


def odd_key(s, where, change):
    repo = s.repo()
    key = Key()
    change(key)
    key.id = hashlib.sha256(canonical(key.object())).hexdigest()
    role = repo.targets if where == "root" else repo.releases()
    role.signers = role.keys
    role.keys = [*role.keys, key]
    s.step(repo)


def unknown_type(key):
    key.keytype = "ml-dsa-44"


def garbage(key):
    key.public = base64.b64encode(b"no key at all").decode()


@family([(f"key-{n}-in-{w}", (w, change), f"a second key of {r} is {text}: it is ignored")
         for n, change, text in (("of-unknown-type", unknown_type, "of an unknown type"), ("that-is-garbage", garbage, "no key at all"))
         for w, r in (("root", "targets"), ("delegation", "targets/releases"))], rules="T-30")
def odd_keys(s, argument):
    odd_key(s, *argument)


# --- memory: removed, made again, equal versions (N-13, N-40) -------------------------------------

@scenario("rollback.removed", stricter=True, reason="rollback", rules="N-40 N-41")
def removed_from_snapshot(s):
    """the snapshot stops listing targets/releases while targets still delegates to it (twin: delegation-withdrawn)"""
    repo = s.repo()
    releases = repo.releases(("1.0", "2.0"))
    s.step(repo)
    releases.listed = False
    repo.next()
    s.step(repo)


@scenario(rules="N-40")
def delegation_withdrawn(s):
    """targets stops delegating to targets/releases and the snapshot stops listing it"""
    repo = s.repo()
    repo.releases()
    s.step(repo)
    repo.targets.delegations = []
    repo.next(repo.targets)
    s.step(repo)


@scenario(rules="N-40")
def delegation_unpublished(s):
    """targets delegates to targets/releases, which the snapshot never listed: made, not yet published"""
    repo = s.repo()
    releases = repo.releases()
    releases.listed = releases.served = False
    s.step(repo)


@scenario(rules="N-40")
def delegation_published_later(s):
    """as delegation-unpublished; the second step publishes it"""
    repo = s.repo()
    releases = repo.releases()
    releases.listed = releases.served = False
    s.step(repo)
    releases.listed = releases.served = True
    repo.next()
    s.step(repo)


@family([
    ("delegation-remade-lower", 1, "targets/releases at version 3 is withdrawn and made again at version 1",
     {"codes": "rollback.delegation", "both": True, "reason": "rollback"}),
    ("delegation-remade-equal", 3, "targets/releases at version 3 is withdrawn and made again at version 3 with other content",
     {"codes": "mismatch.content", "stricter": True, "reason": "equivocation"}),
    ("delegation-remade-higher", 4, "targets/releases at version 3 is withdrawn and made again at version 4"),
], rules="N-13")
def remade(s, version):
    repo = s.repo()
    releases = repo.releases()
    releases.version = 3
    s.step(repo)
    repo.targets.delegations = []
    repo.next(repo.targets)
    s.step(repo)
    again = repo.releases(("3.0",), keys=releases.keys)
    again.version = version
    repo.next(repo.targets)
    s.step(repo)


@scenario("rollback.delegation", both=True, reason="rollback", rules="N-13")
def delegation_lower(s):
    """targets/releases goes from version 2 to 1 under a newer snapshot, targets stays: the reference client does not notice"""
    lower_delegation(s)


def lower_delegation(s, *others):
    repo = s.repo()
    releases = repo.releases()
    releases.version = 2
    s.step(repo)
    releases.version = 1
    repo.next(*([repo.targets] if others else []))
    s.step(repo)


@scenario("rollback.delegation", reason="rollback", rules="N-13")
def delegation_lower_new_targets(s):
    """targets/releases goes from version 2 to 1 under a newer targets and snapshot: now the reference client notices"""
    lower_delegation(s, "targets")


@scenario("rollback.delegation", reason="rollback", both=True, rules="N-13 N-41")
def delegation_lower_asked_twice(s):
    """as delegation-lower-new-targets; a third step serves the refused files again: what was refused once stays refused"""
    lower_delegation(s, "targets")
    s.steps[1]["fields"] = flags("rollback.delegation")
    s.steps.append({**s.steps[1], "fields": {}})


@scenario("rollback.snapshot", reason="rollback", rules="N-13")
def snapshot_lower(s):
    """a newer timestamp names a snapshot of a lower version"""
    repo = s.repo()
    repo.snapshot.version = 2
    s.step(repo)
    repo.timestamp.version, repo.snapshot.version = 2, 1
    s.step(repo)


@scenario("rollback.snapshot", reason="rollback", both=True, rules="N-13 N-41")
def snapshot_lower_asked_twice(s):
    """as snapshot-lower; a third step serves the refused files again: what was refused once stays refused"""
    snapshot_lower(s)
    s.steps[1]["fields"] = flags("rollback.snapshot")
    s.steps.append({**s.steps[1], "fields": {}})


@scenario("rollback.targets", reason="rollback", rules="N-13")
def targets_lower(s):
    """targets goes from version 2 to 1 under a newer snapshot"""
    repo = targets_two(s)
    repo.targets.version = 1
    repo.next()
    s.step(repo)


def targets_two(s):
    repo = s.repo()
    repo.targets.version = 2
    s.step(repo)
    return repo


@scenario("rollback.targets", reason="rollback", rules="N-13 N-41")
def targets_lower_asked_twice(s):
    """as targets-lower; a third step serves the refused files again"""
    targets_lower(s)
    s.steps[1]["fields"] = flags("rollback.targets")
    s.steps.append({**s.steps[1], "fields": {}})


@scenario("rollback.root mismatch.hash", reason="rollback", rules="N-11 N-20")
def root_lower(s):
    """the server has root 2, then only root 1 again (snapshot and timestamp go up and name it)"""
    repo = s.repo()
    first = repo.root.keys
    repo.rotate([root_key(s.gun)])
    s.pin = s.pin_to(*first, *repo.root.keys)
    s.step(repo)
    repo.roots = repo.roots[:1]
    repo.next()
    s.step(repo)


@scenario("rollback.timestamp", reason="rollback", rules="T-12 N-13")
def timestamp_lower_asked_twice(s):
    """the timestamp goes from version 2 to 1; a third step serves the refused files again"""
    repo = s.repo()
    repo.timestamp.version = 2
    s.step(repo)
    repo.timestamp.version = 1
    s.step(repo, codes="rollback.timestamp")
    s.step(repo)


@family([
    ("equal-version-other-targets", "targets", "targets keeps its version and gets other content; snapshot and timestamp go up"),
    ("equal-version-other-snapshot", "snapshot", "snapshot keeps its version and names a new targets; timestamp goes up"),
    ("equal-version-other-timestamp", "timestamp", "timestamp keeps its version and names a new snapshot"),
], "mismatch.content", stricter=True, reason="equivocation", rules="T-16 N-40 N-41")
def equal_version(s, which):
    repo = s.repo()
    s.step(repo)
    repo.targets.targets = {"1.0": target("another image")}
    if which != "targets":
        repo.targets.version += 1
        if which != "snapshot":
            repo.snapshot.version += 1
    if which != "timestamp":
        repo.timestamp.version += 1
    if which == "targets":
        repo.snapshot.version += 1
    s.step(repo)


@scenario(rules="N-40")
def equal_version_signed_again(s):
    """targets and targets/releases are signed again with the same content and version (ECDSA: other bytes)"""
    repo = s.repo()
    releases = repo.releases()
    s.step(repo)
    repo.targets.fresh = releases.fresh = True
    repo.next()
    s.step(repo)


@scenario(rules="N-40")
def timestamp_signed_again(s):
    """the same timestamp, signed again: other bytes, the same signed part"""
    repo = s.repo()
    s.step(repo)
    repo.timestamp.fresh = True
    s.step(repo)


# --- lengths and hashes in the parent's entry (N-40) ------------------------------------------------

def stated_length(s, which, difference):
    repo = s.repo()
    role = {"targets": repo.targets, "snapshot": repo.snapshot, "delegation": repo.releases(("1.0", "2.0"))}[which]

    def entry(meta):
        meta["length"] += difference
    role.entry = entry
    s.step(repo)


@family([(f"stated-length-too-long-{w}", w, f"the length stated for {w} is one more than the file has; hashes are right")
         for w in ("targets", "snapshot", "delegation")],
        "mismatch.length", stricter=True, reason="length", rules="N-40 N-41")
def too_long(s, which):
    stated_length(s, which, 1)


@family([(f"stated-length-too-short-{w}", w, f"the length stated for {w} is one less than the file has; hashes are right")
         for w in ("targets", "snapshot", "delegation")], "mismatch.length", reason="length", rules="N-41")
def too_short(s, which):
    stated_length(s, which, -1)


def missing_hash(s, role, edit):
    repo = s.repo()
    (repo.snapshot if role == "snapshot" else repo.targets if role == "targets" else repo.releases()).entry = edit
    s.step(repo)


@family([
    ("timestamp-without-sha256", ("snapshot", cut("hashes", "sha256")), "the timestamp gives only a sha512 for the snapshot"),
    ("timestamp-without-hashes", ("snapshot", cut("hashes")), "the timestamp gives no hashes for the snapshot"),
    ("timestamp-without-length", ("snapshot", cut("length")), "the timestamp gives no length for the snapshot"),
    ("snapshot-targets-without-sha256", ("targets", cut("hashes", "sha256")), "the snapshot gives only a sha512 for targets"),
    ("snapshot-delegation-without-sha256", ("delegation", cut("hashes", "sha256")),
     "the snapshot gives only a sha512 for targets/releases, which satisfies the reference client", {"both": True}),
], "parse.schema", reason="schema", rules="N-3 T-40")
def entry_incomplete(s, argument):
    missing_hash(s, *argument)


@scenario(rules="T-40")
def unknown_hash_beside(s):
    """an unknown hash algorithm beside sha256 and sha512 in every entry"""
    repo = s.repo()
    edit = put("AAECAw==", "hashes", "future")
    repo.targets.entry = repo.snapshot.entry = edit
    repo.targets.targets["1.0"]["hashes"]["future"] = "AAECAw=="
    s.step(repo)


@scenario("mismatch.hash", reason="hash", rules="T-40")
def sha512_wrong(s):
    """the snapshot's sha256 of targets is right, its sha512 is not"""
    missing_hash(s, "targets", put(hashed(b"other")["hashes"]["sha512"], "hashes", "sha512"))


@family([
    ("target-without-sha256", lambda h: {"sha512": hashed(h)["hashes"]["sha512"]}, "tag bad has only a sha512, beside a good tag"),
    ("target-with-short-sha256", lambda h: {"sha256": base64.b64encode(b"\x5a" * 16).decode()},
     "tag bad has a sha256 of 16 bytes, beside a good tag"),
    ("target-with-empty-sha256", lambda h: {"sha256": ""}, "tag bad has an empty sha256, beside a good tag"),
    ("target-with-empty-hashes", lambda h: {}, "tag bad has no hashes, beside a good tag"),
], "target.no-digest", stricter=True, reason="schema", rules="N-40 N-41 T-40")
def no_digest(s, make):
    repo = s.repo(tags=("good",))
    repo.targets.targets["bad"] = {**target("bad"), "hashes": make(b"bad")}
    s.step(repo, sound=("good",))


@family([
    ("snapshot-without-root", ("root",), "the snapshot lists no root"),
    ("snapshot-without-targets", ("targets",), "the snapshot lists no targets"),
    ("snapshot-meta-empty", ("root", "targets"), "the snapshot lists nothing"),
], "parse.schema", reason="schema", rules="N-3")
def snapshot_without(s, names):
    repo = s.repo()

    def edit(signed):
        for name in names:
            del signed["meta"][name]
    repo.snapshot.edit = edit
    s.step(repo)


@scenario("parse.schema", reason="schema", rules="N-3")
def timestamp_without_snapshot(s):
    """the timestamp lists no snapshot"""
    repo = s.repo()
    repo.timestamp.edit = cut("meta", "snapshot")
    s.step(repo)


@scenario("mismatch.hash", reason="hash", rules="N-20")
def snapshot_names_other_root(s):
    """the snapshot's entry for root is that of another file than the root that is served"""
    repo = s.repo()
    other = Repository(s.gun).make_root()
    repo.snapshot_root = other.roots[0][1]
    s.step(repo)


@scenario("mismatch.hash", reason="hash", rules="N-20")
def snapshot_names_old_root(s):
    """root 2 is served; the snapshot still names root 1"""
    repo = s.repo()
    first = repo.root.keys
    repo.rotate([root_key(s.gun)])
    s.pin = s.pin_to(*first, *repo.root.keys)
    repo.snapshot_root = repo.roots[0][1]
    s.step(repo)


@scenario(rules="N-20")
def snapshot_names_new_root(s):
    """root 2 is served and the snapshot names it (twin of snapshot-names-old-root)"""
    repo = s.repo()
    first = repo.root.keys
    repo.rotate([root_key(s.gun)])
    s.pin = s.pin_to(*first, *repo.root.keys)
    s.step(repo)


@scenario("missing.delegation", reason="not-found", rules="N-41")
def delegation_404(s):
    """the snapshot lists targets/releases and the server has not got it"""
    repo = s.repo()
    repo.releases(("1.0", "2.0"))
    s.step(repo, drop=("targets/releases",))


@scenario("parse.json", reason="schema", rules="N-41")
def delegation_not_json(s):
    """targets/releases is no JSON; the snapshot has its hash"""
    repo = s.repo()
    repo.releases(("1.0", "2.0")).raw = lambda body: b"<html>" + body
    s.step(repo)


@scenario("parse.schema", reason="schema", rules="N-41")
def delegation_type_lower_case(s):
    """targets/releases has _type targets"""
    repo = s.repo()
    repo.releases(("1.0", "2.0")).edit = put("targets", "_type")
    s.step(repo)


@family([(f"{n}-404", n, f"the server has everything but {n}.json") for n in ("targets", "snapshot", "timestamp")],
        reason="not-found", rules="N-41")
def file_404(s, name):
    s.fields["codes"] = [f"missing.{name}"]
    s.step(s.repo(), drop=(name,))


# --- base64 and JSON (N-3, T-36) ----------------------------------------------------------------

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def spare_bits(text):
    """The same bytes in base64, with a spare bit set."""
    at = len(text.rstrip("=")) - 1
    assert text.endswith("="), text
    changed = text[:at] + ALPHABET[ALPHABET.index(text[at]) | 1] + text[at + 1:]
    assert changed != text and base64.b64decode(changed) == base64.b64decode(text)
    return changed


def newline(text):
    return text[:20] + "\n" + text[20:]


def bend_signature(how):
    def after(document):
        document["signatures"][0]["sig"] = how(document["signatures"][0]["sig"])
    return after


@family([
    ("base64-newline-in-sig", newline, "a newline within the base64 of a signature"),
    ("base64-spare-bits-in-sig", spare_bits, "a spare bit is set at the end of the base64 of a signature"),
], "parse.encoding", stricter=True, reason="encoding", rules="N-3 N-40 N-41")
def base64_sig(s, how):
    repo = s.repo()
    repo.targets.after = bend_signature(how)
    s.step(repo)


@family([
    ("base64-unpadded-sig", lambda t: t.rstrip("="), "the base64 of a signature lacks its padding"),
    ("base64-url-alphabet-sig", lambda t: "-_" + t[2:], "the base64 of a signature is in the URL alphabet"),
    ("base64-space-in-sig", lambda t: t[:20] + " " + t[20:], "a space within the base64 of a signature"),
    ("base64-garbage-after-sig", lambda t: t + "AAAA", "more base64 after the padding of a signature"),
], "parse.encoding", reason="encoding", rules="N-3")
def base64_broken(s, how):
    base64_sig(s, how)


@scenario("parse.encoding", reason="encoding", rules="N-3")
def base64_broken_in_extra_signature(s):
    """a second signature by an unknown key that is no base64: it spoils the file"""
    repo = s.repo()

    def after(document):
        document["signatures"].append({"keyid": "00" * 32, "method": "ecdsa", "sig": "@@@@"})
    repo.targets.after = after
    s.step(repo)


@scenario(rules="T-31")
def extra_signature_by_unknown_key(s):
    """a second signature by an unknown key: ignored (twin of base64-broken-in-extra-signature)"""
    repo = s.repo()
    repo.targets.signers = [*repo.targets.keys, Key()]
    s.step(repo)


@family([(f"base64-{n}-in-{w}-hash", (w, how), f"{text} the base64 of the sha256 of {what}")
         for n, how, text in (("newline", newline, "a newline within"), ("spare-bits", spare_bits, "a spare bit at the end of"))
         for w, what in (("target", "a target"), ("snapshot", "the snapshot, in the timestamp"), ("targets", "targets, in the snapshot"))],
        "parse.encoding", stricter=True, reason="encoding", rules="N-3 N-40 N-41")
def base64_hash(s, argument):
    where, how = argument

    def entry(meta):
        meta["hashes"]["sha256"] = how(meta["hashes"]["sha256"])
    repo = s.repo()
    if where == "target":
        entry(repo.targets.targets["1.0"])
    else:
        getattr(repo, where).entry = entry
    s.step(repo)


@family([(f"base64-{n}-in-{w}-key", (w, how), f"{text} the base64 of the public key of {w}; its id is that of the key with clean base64")
         for n, how, text in (("newline", newline, "a newline within"), ("spare-bits", spare_bits, "a spare bit at the end of"))
         for w in ("targets", "delegation")],
        "parse.encoding", stricter=True, reason="encoding", rules="N-3 N-40 N-41")
def base64_key(s, argument):
    where, how = argument
    repo = s.repo()
    key = repo.targets.keys[0] if where == "targets" else repo.releases().keys[0]
    key.public = how(key.public)
    s.step(repo)


def bend(s, name, how, releases=False):
    """One step in which role `name` is changed by raw (bytes), after (document) or edit (signed)."""
    repo = s.repo()
    if releases:
        repo.releases()
    kind, function = how
    role = getattr(repo, name)
    setattr(role, kind, function)
    if name == "root":
        repo.make_root()
    s.step(repo)


def raw(old, new):
    return "raw", swap(old.encode(), new.encode())


def rename(new, *path):
    """An edit that renames the member at the end of `path` (before signing)."""
    def edit(value):
        for part in path[:-1]:
            value = value[part]
        value[new] = value.pop(path[-1])
    return "edit", edit


def rename_after(new, *path):
    return "after", rename(new, *path)[1]


OTHER = plain({"1.0": target("another image")}).decode()


@family([
    ("duplicate-targets", ("targets", raw('"targets":{', '"targets":' + OTHER + ',"targets":{')),
     "targets.json has two members targets; the signature covers the last"),
    ("duplicate-targets-last", ("targets", raw(',"version":1', ',"targets":' + OTHER + ',"version":1')),
     "targets.json has two members targets; the signature covers the first"),
    ("duplicate-tag", ("targets", raw('"1.0":{', '"1.0":{"hashes":{"sha256":"WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo="},"length":9},"1.0":{')),
     "one tag twice in targets; the signature covers the last"),
    ("duplicate-version", ("timestamp", raw('"version":1', '"version":9,"version":1')), "timestamp with two members version"),
    ("duplicate-meta-entry", ("snapshot", raw('"targets":{', '"targets":{"hashes":{},"length":1},"targets":{')), "snapshot with two entries for targets"),
    ("duplicate-hash", ("targets", raw('"sha256":', '"sha256":"AAAA","sha256":')), "a target with two sha256"),
    ("duplicate-signatures", ("targets", raw(',"signatures":', ',"signatures":[],"signatures":')), "targets.json with two members signatures"),
    ("duplicate-signed", ("targets", raw('{"signed":', '{"signed":{},"signed":')), "targets.json with two members signed"),
    ("duplicate-sig", ("targets", raw('"sig":', '"sig":"AAAA","sig":')), "a signature with two members sig"),
    ("duplicate-key", ("root", raw('"keys":{', '"keys":{},"keys":{')), "root with two members keys"),
    ("duplicate-threshold", ("root", raw('"threshold":1', '"threshold":9,"threshold":1')), "a role with two thresholds"),
    ("duplicate-in-custom", ("targets", raw('"length":', '"custom":{"a":1,"a":2},"length":')),
     "custom data with a member twice (the signature covers the last)"),
    ("duplicate-unknown-member", ("targets", ("raw", lambda b: swap(b'"version":1', b'"version":1,"x-note":1,"x-note":2')(b))),
     "an unknown member twice (the signature covers the last)"),
], "parse.duplicate-member", reason="parser", rules="T-36 N-41")
def duplicates(s, argument):
    name, how = argument
    if s.name == "duplicate-in-custom":
        # signed over the last of the two, as a reader that takes the last would see it
        repo = s.repo()
        repo.targets.targets["1.0"]["custom"] = {"a": 2}
        repo.targets.raw = swap(b'"custom":{"a":2}', b'"custom":{"a":1,"a":2}')
        s.step(repo)
    elif s.name == "duplicate-unknown-member":
        repo = s.repo()
        repo.targets.edit = put(2, "x-note")
        repo.targets.raw = swap(b'"x-note":2', b'"x-note":1,"x-note":2')
        s.step(repo)
    else:
        bend(s, name, how)


@family([
    ("case-variant-targets-beside", ("targets", ("edit", put({"1.0": target("another image")}, "Targets"))), "Targets beside targets"),
    ("case-variant-targets-after", ("targets", ("edit", put({"1.0": target("another image")}, "targetS"))),
     "targetS beside targets, written before it"),
    ("case-variant-long-s", ("targets", ("edit", put({"1.0": target("another image")}, "target\u017f"))),
     "target\u017f (U+017F, which folds to s) beside targets, written after it: a reader that folds takes this one"),
    ("case-variant-expires", ("timestamp", rename("EXPIRES", "expires")), "EXPIRES alone in timestamp"),
    ("case-variant-expires-beside", ("targets", ("edit", put(PAST, "Expires"))), "Expires (past) beside expires in targets"),
    ("case-variant-version-beside", ("targets", ("edit", put(7, "Version"))), "Version 7 beside version 1 in targets"),
    ("case-variant-meta", ("snapshot", rename("Meta", "meta")), "Meta alone in snapshot"),
    ("case-variant-hashes", ("targets", rename("Hashes", "targets", "1.0", "hashes")), "Hashes alone in a target"),
    ("case-variant-length", ("targets", rename("LENGTH", "targets", "1.0", "length")), "LENGTH alone in a target"),
    ("case-variant-threshold", ("root", rename("Threshold", "roles", "targets", "threshold")), "Threshold alone in a role"),
    ("case-variant-keyids", ("root", rename("KeyIDs", "roles", "targets", "keyids")), "KeyIDs alone in a role"),
    ("case-variant-sig", ("targets", rename_after("Sig", "signatures", 0, "sig")), "Sig alone in a signature"),
    ("case-variant-keyid", ("targets", rename_after("KeyID", "signatures", 0, "keyid")), "KeyID alone in a signature"),
    ("case-variant-signed", ("targets", raw('{"signed":', '{"Signed":')), "Signed alone at the top of targets"),
    ("case-variant-signatures", ("targets", raw('"signatures":', '"SIGNATURES":')), "SIGNATURES alone at the top of targets"),
    ("case-variant-roles-in-delegations", ("targets", rename("Roles", "delegations", "roles")), "Roles alone in delegations"),
    ("case-variant-delegations", ("targets", rename("Delegations", "delegations")), "Delegations alone in targets"),
], "parse.duplicate-member", reason="parser", rules="N-3 N-41")
def case_variants(s, argument):
    bend(s, *argument, releases="elegations" in s.name)


@scenario(rules="N-3")
def case_variants_in_data(s):
    """names that differ only in case where they are data: tags, members of custom"""
    repo = s.repo(tags=("latest", "Latest"))
    repo.targets.targets["latest"]["custom"] = {"note": 1, "Note": 2, "targets": {"Hashes": None, "hashes": []}}
    s.step(repo)


@scenario(rules="T-35")
def unknown_members(s):
    """unknown members in the signed part, in an entry, in a key, beside signed and in a signature"""
    repo = s.repo()
    repo.targets.edit = lambda signed: signed.update({"x-note": {"b": [1, None, True], "a": "\u00e4\\\""}, "x-big": 2 ** 53})
    repo.targets.targets["1.0"]["x-note"] = 1
    repo.targets.after = lambda d: d["signatures"][0].update({"x-note": 1})
    repo.targets.raw = swap(b'{"signed":', b'{"x-note":[15],"signed":')
    repo.snapshot.edit = put({"any": "thing"}, "x-note")
    s.step(repo)


@family([
    ("unknown-integer-above-2-53", 2 ** 53 + 1, "an unknown member of the signed part is 2^53+1"),
    ("unknown-integer-2-70", 2 ** 70, "an unknown member of the signed part is 2^70"),
], lenient=True, reason="canonical", rules="T-36")
def unknown_integer(s, number):
    repo = s.repo()
    repo.targets.edit = put(number, "x-note")
    s.step(repo, sound=True)


@family([
    ("unknown-control-character", "\u0001\t\n\u007f", "control characters in an unknown member: raw in the canonical form"),
    ("unknown-html-characters", "<&>\u2028\u2029/", "characters that Go escapes in JSON, in an unknown member: raw in the canonical form"),
    ("unknown-unnormalised", "e\u0301\u00e9\U0001f600", "a composed and a decomposed letter and one beyond the BMP in an unknown member"),
], rules="T-36 T-37")
def unknown_text(s, text):
    repo = s.repo()
    repo.targets.edit = put({text: text}, "x-note")
    s.step(repo)


@scenario("parse.number", reason="canonical", rules="T-36")
def unknown_fraction(s):
    """an unknown member of the signed part is 1.5: it has no canonical form"""
    repo = s.repo()
    repo.targets.edit = put(1.5, "x-note")
    s.step(repo)


@scenario(rules="N-3")
def unasked_meta_entry(s):
    """the snapshot has entries that nobody asks for, one of them empty"""
    repo = s.repo()

    def edit(signed):
        signed["meta"]["targets/other"] = {"hashes": {}, "length": 0}
        signed["meta"]["nonsense"] = hashed(b"nonsense")
    repo.snapshot.edit = edit
    s.step(repo)


@family([
    ("custom-null", None, "custom is null"), ("custom-text", "free \u00e4 text", "custom is a string"),
    ("custom-list", [1, {"b": None, "a": "\""}], "custom is a list"), ("custom-false", False, "custom is false"),
], rules="T-39")
def custom(s, value):
    repo = s.repo()
    repo.targets.targets["1.0"]["custom"] = value
    s.step(repo)


@family([
    ("trailing-newline", lambda b: b"\n\t " + b + b"\r\n", "white space before and after targets.json"),
    ("trailing-bytes", lambda b: b + b"x", "a byte after targets.json", {"codes": "parse.json"}),
    ("trailing-second-value", lambda b: b + b"{}", "a second value after targets.json", {"codes": "parse.json"}),
    ("byte-order-mark", lambda b: b"\xef\xbb\xbf" + b, "targets.json begins with a byte order mark", {"codes": "parse.encoding"}),
    ("invalid-utf-8", swap(b'{"signed":', b'{"x-note":"\xff","signed":'), "a byte that is no UTF-8 in an unknown member of targets.json",
     {"codes": "parse.encoding", "reason": "parser"}),
    ("lone-surrogate", swap(b'{"signed":', b'{"x-note":"\\ud800","signed":'), "a lone surrogate in an unknown member of targets.json",
     {"codes": "parse.encoding", "reason": "parser"}),
    ("nested-128", lambda b: swap(b'{"signed":', b'{"x-note":' + b"[" * 127 + b"]" * 127 + b',"signed":')(b), "nesting of 128 in targets.json"),
    ("nested-129", lambda b: swap(b'{"signed":', b'{"x-note":' + b"[" * 128 + b"]" * 128 + b',"signed":')(b), "nesting of 129 in targets.json",
     {"codes": "parse.depth", "reason": "parser"}),
    ("leading-zero", swap(b'"version":1', b'"version":01'), "targets has version 01", {"codes": "parse.json parse.number"}),
    ("control-character-raw", swap(b'{"signed":', b'{"x-note":"\x01","signed":'), "a raw control character in a string", {"codes": "parse.json"}),
], rules="T-36")
def bytes_of_a_file(s, how):
    repo = s.repo()
    repo.targets.raw = how
    if "codes" in s.fields:
        s.fields.setdefault("reason", "schema")
    s.step(repo)


@family([("timestamp-html", b"<html><body>Welcome</body></html>", "HTML is served for the timestamp"),
         ("timestamp-empty", b"", "nothing is served for the timestamp"),
         ("timestamp-other-json", b"[]", "the timestamp is an empty list", {"codes": "parse.type parse.schema"}),
         ("timestamp-empty-object", b"{}", "the timestamp is an empty object", {"codes": "parse.schema"})],
        "parse.json", reason="schema", rules="T-36")
def not_a_timestamp(s, body):
    repo = s.repo()
    repo.timestamp.raw = lambda _: body
    s.step(repo)


@family([
    ("expires-offset", "2049-06-01T02:00:00.123456789+02:00", "expires with nanoseconds and an offset"),
    ("expires-lower-case", "2049-06-01t00:00:00z", "expires with lower-case t and z", {"lenient": True, "reason": "schema"}),
    ("expires-date-only", "2049-06-01", "expires is a date", {"codes": "parse.schema", "reason": "schema"}),
    ("expires-without-zone", "2049-06-01T00:00:00", "expires has no zone", {"codes": "parse.schema", "reason": "schema"}),
    ("expires-empty", "", "expires is empty", {"codes": "parse.schema", "reason": "schema"}),
    ("expires-no-such-day", "2049-02-30T00:00:00Z", "expires on 30 February", {"codes": "parse.schema", "reason": "schema"}),
    ("expires-number", 2505600000, "expires is a number", {"codes": "parse.type", "reason": "schema"}),
    ("expires-null", None, "expires is null", {"codes": "parse.type parse.schema expired.targets", "reason": "schema"}),
    ("expires-absent", ..., "no expires", {"codes": "parse.schema expired.targets", "reason": "schema"}),
], rules="T-38")
def expires(s, text):
    repo = s.repo()
    repo.targets.edit = cut("expires") if text is ... else put(text, "expires")
    s.step(repo, sound=s.name == "expires-lower-case")


# --- null and absent (N-3) ---------------------------------------------------------------------

@family([
    ("delegations-null", put(None, "delegations"), "delegations is null"),
    ("delegations-absent", cut("delegations"), "no delegations member"),
    ("delegations-empty-object", put({}, "delegations"), "delegations is an empty object"),
    ("delegations-roles-absent", put({"keys": {}}, "delegations"), "delegations without roles"),
    ("delegations-roles-null", put({"keys": {}, "roles": None}, "delegations"), "delegations with roles null"),
    ("delegations-keys-null", put({"keys": None, "roles": []}, "delegations"), "delegations with keys null"),
    ("delegations-keys-absent", put({"roles": []}, "delegations"), "delegations without keys"),
], rules="N-3")
def no_delegations(s, edit):
    repo = s.repo()
    repo.targets.edit = edit
    s.step(repo)


@family([
    ("targets-null", put(None, "targets"), "targets is null in targets.json; targets/releases holds a tag"),
    ("targets-absent", cut("targets"), "no targets member in targets.json; targets/releases holds a tag"),
], rules="N-3")
def no_targets(s, edit):
    repo = s.repo(tags=())
    repo.releases()
    repo.targets.edit = edit
    s.step(repo)


@family([
    ("paths-null", put(None, "paths"), "paths of targets/releases is null: it may name nothing"),
    ("paths-absent", cut("paths"), "targets/releases has no paths: it may name nothing"),
    ("paths-empty", put([], "paths"), "paths of targets/releases is empty: it may name nothing"),
], rules="N-2 N-3")
def no_paths(s, edit):
    repo = s.repo()
    repo.releases(("1.0", "2.0")).delegation_edit = edit
    s.step(repo)


@scenario(rules="N-2")
def paths_star_is_a_character(s):
    """paths v* and 2: a star is a character, so v1 is not covered and v*1 and 2.0 are"""
    repo = s.repo()
    repo.releases(("v1", "v*1", "2.0"), paths=("v*", "2"))
    s.step(repo)


@scenario(rules="N-2")
def paths_child_outside_parent(s):
    """targets/releases may name v*; its child is given v1 and x: of the child's tags v1-a counts, x-1 does not"""
    repo = s.repo()
    releases = repo.releases(("v2",), paths=("v",))
    releases.delegate("targets/releases/hot", targets={"v1-a": target("v1-a"), "x-1": target("x-1")}, paths=("v1", "x"))
    s.step(repo)


# --- names of roles (N-1) ----------------------------------------------------------------------

def named(s, name, good):
    """A delegation of that name; its file is only served where the name is good."""
    repo = s.repo()
    role = repo.targets.delegate(name, targets={"2.0": target(f"{s.gun}:2.0 by {name}")})
    role.listed = role.served = good
    s.step(repo)


@family([
    ("role-named-root", "root", "a delegation named root"),
    ("role-named-targets", "targets", "a delegation named targets"),
    ("role-named-snapshot", "snapshot", "a delegation named snapshot"),
    ("role-named-without-targets", "releases", "a delegation named releases"),
    ("role-named-grandchild", "targets/a/b", "targets delegates to targets/a/b, which is not its child"),
    ("role-named-capital-targets", "Targets/x", "a delegation named Targets/x"),
    ("role-named-upper-case", "targets/Releases", "a delegation named targets/Releases"),
    ("role-named-space", "targets/a b", "a delegation with a space in its name"),
    ("role-named-dots", "targets/../x", "a delegation named targets/../x"),
    ("role-named-empty-part", "targets/", "a delegation named targets/"),
    ("role-named-dot", "targets/a.b", "a delegation with a dot in its name"),
    ("role-name-256", "targets/" + "a" * 248, "a role's name of 256 characters"),
], "parse.role-name", reason="schema", rules="N-1")
def bad_name(s, name):
    named(s, name, False)


@family([
    ("role-name-255", "targets/" + "a" * 247, "a role's name of 255 characters"),
    ("role-name-all-characters", "targets/a-z_09", "a role's name with every kind of character that may be in it"),
], rules="N-1")
def good_name(s, name):
    named(s, name, True)


@scenario("parse.role-name", reason="schema", rules="N-1")
def role_named_cousin(s):
    """targets/releases delegates to targets/qa/x, which is not its child"""
    repo = s.repo()
    cousin = repo.releases().delegate("targets/qa/x", targets={"3.0": target("3.0")})
    cousin.listed = cousin.served = False
    s.step(repo)


@scenario(rules="N-1")
def delegation_listed_not_delegated(s):
    """the snapshot lists targets/qa, to which nobody delegates: it is not asked for"""
    repo = s.repo()
    repo.releases()
    repo.snapshot.edit = lambda signed: signed["meta"].update({"targets/qa": hashed(b"gone")})
    s.step(repo)


@scenario("parse.role-name", reason="schema", rules="T-27")
def role_name_twice(s):
    """targets lists two delegations of the same name"""
    repo = s.repo()
    repo.releases()

    def twice(made):
        made["roles"] = made["roles"] * 2
        return made
    repo.targets.delegations_edit = twice
    s.step(repo)


@scenario("parse.schema", reason="schema", rules="T-31")
def delegation_keyid_unlisted(s):
    """targets/releases names a key that targets does not list, beside one that it does"""
    repo = s.repo()
    repo.releases().delegation_edit = lambda item: item["keyids"].append("ab" * 32)
    s.step(repo)


@scenario("parse.schema", reason="schema", rules="T-31")
def root_keyid_unlisted(s):
    """root's targets role names a key that root does not list, beside one that it does"""
    repo = s.repo()
    repo.root.edit = lambda signed: signed["roles"]["targets"]["keyids"].append("ab" * 32)
    s.step(repo)


# --- numbers (N-3, T-34) -----------------------------------------------------------------------

BAD_NUMBERS = [
    ("zero", put(0, "threshold"), "0", "parse.number"),
    ("negative", put(-1, "threshold"), "-1", "parse.number"),
    ("absent", cut("threshold"), "absent", "parse.schema"),
    ("fraction", put(1.0, "threshold"), "1.0", "parse.number"),
    ("string", put("1", "threshold"), '"1"', "parse.type"),
    ("boolean", put(True, "threshold"), "true", "parse.type"),
    ("null", put(None, "threshold"), "null", "parse.type parse.schema"),
]


@family([(f"threshold-{n}-in-root", edit, f"the threshold of targets in root is {text}", {"codes": codes})
         for n, edit, text, codes in BAD_NUMBERS], reason="schema", rules="T-34")
def threshold_in_root(s, edit):
    repo = s.repo()
    repo.root.edit = lambda signed: edit(signed["roles"]["targets"])
    s.step(repo)


@family([(f"threshold-{n}-in-delegation", edit, f"the threshold of targets/releases is {text}", {"codes": codes})
         for n, edit, text, codes in BAD_NUMBERS], reason="schema", rules="T-34")
def threshold_in_delegation(s, edit):
    repo = s.repo()
    repo.releases(("1.0", "2.0")).delegation_edit = edit
    s.step(repo)


@scenario("signature.threshold", reason="threshold", rules="T-34")
def threshold_above_keys_in_root(s):
    """root's targets role has threshold 2 and one key: root is readable, targets cannot be signed"""
    repo = s.repo()
    repo.targets.threshold = 2
    s.step(repo)


@family([
    *[(f"version-zero-{n}", (n, put(0, "version")), f"{n} has version 0", {"codes": "parse.number"})
      for n in ("root", "targets", "snapshot", "timestamp")],
    ("version-negative-targets", ("targets", put(-1, "version")), "targets has version -1", {"codes": "parse.number"}),
    ("version-absent-targets", ("targets", cut("version")), "targets has no version", {"codes": "parse.schema"}),
    ("version-fraction-targets", ("targets", put(1.0, "version")), "targets has version 1.0", {"codes": "parse.number"}),
    ("version-string-targets", ("targets", put("1", "version")), 'targets has version "1"', {"codes": "parse.type"}),
], reason="schema", rules="N-3 T-34")
def version(s, argument):
    name, edit = argument
    bend(s, name, ("edit", edit))


@scenario("parse.number", reason="schema", rules="N-3")
def version_zero_delegation(s):
    """targets/releases has version 0"""
    repo = s.repo()
    repo.releases(("1.0", "2.0")).version = 0
    s.step(repo)


# --- expiry ------------------------------------------------------------------------------------

@family([(f"expired-{n}", n, f"{n} expired in 2020") for n in ("root", "targets", "snapshot", "timestamp")],
        reason="expired", rules="T-1")
def expired(s, name):
    s.fields["codes"] = [f"expired.{name}"]
    repo = s.repo()
    getattr(repo, name).expires = PAST
    s.step(repo)


@scenario("expired.delegation", stricter=True, reason="expired", rules="N-40 N-41")
def expired_releases(s):
    """targets/releases expired in 2020: the reference client answers tag 1.0 from targets"""
    repo = s.repo()
    repo.releases(("1.0", "2.0")).expires = PAST
    s.step(repo)


@scenario("expired.delegation", stricter=True, reason="expired", rules="N-33 N-40")
def expired_qa_beside_releases(s):
    """targets/qa expired in 2020 and covers only qa-*; targets/releases is fine"""
    repo = s.repo()
    repo.releases()
    repo.targets.delegate("targets/qa", targets={"qa-1": target("qa-1")}, paths=("qa-",)).expires = PAST
    s.step(repo)


# --- root rotation (N-11, N-12) ------------------------------------------------------------------

def rotation(s, count=1, threshold=1):
    """Step 1 with root 1; returns the repository and its first keys."""
    repo = s.repo(root=[root_key(s.gun) for _ in range(count)])
    repo.root.threshold = threshold
    s.step(repo)
    repo.next()
    return repo, repo.root.keys


@scenario(rules="N-12")
def rotate(s):
    """root 2 has a new key and is signed by the old and the new one (twin of the next ones)"""
    repo, _ = rotation(s)
    repo.rotate([root_key(s.gun)])
    s.step(repo)


@scenario("rotation.new-threshold", reason="rotation", rules="N-12")
def rotate_signed_by_old_only(s):
    """root 2 has a new key and is signed by the old one only"""
    repo, old = rotation(s)
    repo.rotate([root_key(s.gun)], signers=old)
    s.step(repo)


@scenario("rotation.old-threshold", reason="rotation", rules="N-12 T-31")
def rotate_one_old_key_twice(s):
    """root 1 has two keys and threshold 2; root 2 is signed by one of them twice, and by its own"""
    repo, old = rotation(s, 2, 2)
    new = [root_key(s.gun), root_key(s.gun)]
    repo.rotate(new, signers=[old[0], old[0], *new])
    s.step(repo)


@scenario("rotation.old-threshold", reason="rotation", rules="N-12")
def rotate_one_old_of_two(s):
    """root 1 has two keys and threshold 2; root 2 is signed by one of them, and by its own two"""
    repo, old = rotation(s, 2, 2)
    new = [root_key(s.gun), root_key(s.gun)]
    repo.rotate(new, signers=[old[0], *new])
    s.step(repo)


@scenario(rules="N-12")
def rotate_two_old_of_two(s):
    """root 1 has two keys and threshold 2; root 2 is signed by both, and by its own two"""
    repo, _ = rotation(s, 2, 2)
    repo.rotate([root_key(s.gun), root_key(s.gun)])
    s.step(repo)


@scenario("rotation.version", both=True, reason="rotation", rules="T-7")
def rotate_version_is_not_the_name(s):
    """the client has root 1; 2.root.json (and root.json) says version 3"""
    repo, _ = rotation(s)
    repo.root.version = 2
    repo.rotate([root_key(s.gun)], named=2)
    s.step(repo)


@scenario("mismatch.hash missing.root", both=True, reason="rotation", rules="T-7 N-20")
def rotate_gap_in_the_chain(s):
    """the client has root 1; the server has root 3, signed by the keys of 1 and 3, and no root 2"""
    repo, old = rotation(s)
    repo.root.version = 2
    repo.rotate([root_key(s.gun)])
    s.step(repo)


@scenario("rotation.old-threshold", both=True, reason="rotation", rules="T-7 N-12")
def rotate_past_a_revocation(s):
    """the client has root 1; root 2 drops its key; root 3 is signed by the keys of 1 and 3, not by that of 2"""
    repo, old = rotation(s)
    repo.rotate([root_key(s.gun)])
    new = [root_key(s.gun)]
    repo.rotate(new, signers=[*old, *new])
    s.step(repo)


@scenario(rules="N-12")
def rotate_over_expired_root(s):
    """the client has root 1; root 2 expired in 2020, root 3 is fine"""
    repo, _ = rotation(s)
    repo.root.expires = PAST
    repo.rotate([root_key(s.gun)])
    repo.root.expires = FAR
    repo.rotate([root_key(s.gun)])
    s.step(repo)


@scenario("expired.root", reason="expired", rules="N-12")
def rotate_to_expired_root(s):
    """the client has root 1; root 2, the newest, expired in 2020"""
    repo, _ = rotation(s)
    repo.root.expires = PAST
    repo.rotate([root_key(s.gun)])
    s.step(repo)


@scenario(lenient=True, reason="certificate", rules="N-8 N-12")
def rotate_over_expired_certificate(s):
    """the client has root 1; the certificate of root 2 is long expired, that of root 3 is fine"""
    repo, _ = rotation(s)
    repo.rotate([root_key(s.gun, start=when(2019), end=when(2020))])
    repo.rotate([root_key(s.gun)])
    s.step(repo, sound=True)


@scenario("pin.certificate-name", reason="certificate", rules="N-8 N-12")
def rotate_to_other_name(s):
    """root 2 is properly signed, but its certificate is for another name"""
    repo, _ = rotation(s)
    repo.rotate([root_key("registry.test:5000/own/other")])
    s.step(repo)


@scenario("pin.certificate-missing", reason="certificate", rules="N-8 N-12")
def rotate_to_bare_key(s):
    """root 2 is properly signed, but its key has no certificate"""
    repo, _ = rotation(s)
    repo.rotate([Key()])
    s.step(repo)


@scenario(rules="N-20")
def rotate_timestamp_and_snapshot_keys(s):
    """root 2 replaces the keys of timestamp, snapshot and targets"""
    repo, old = rotation(s)
    for role in (repo.timestamp, repo.snapshot, repo.targets):
        role.keys = [Key()]
    repo.next(repo.targets)
    repo.rotate(old)
    s.step(repo)


@scenario("signature.threshold", reason="threshold", rules="N-20")
def timestamp_by_revoked_key(s):
    """root 2 replaces the key of timestamp, which goes on to sign with the old one"""
    repo, old = rotation(s)
    repo.timestamp.signers = repo.timestamp.keys
    repo.timestamp.keys = [Key()]
    repo.rotate(old)
    s.step(repo)


# --- pins (N-9 to N-11) ---------------------------------------------------------------------------

@scenario("signature.threshold", reason="threshold", rules="N-11")
def root_threshold_two_one_pinned(s):
    """root needs two signatures and has them; only one of the two certificates is pinned"""
    repo = s.repo(root=[root_key(s.gun), root_key(s.gun)])
    repo.root.threshold = 2
    s.pin = s.pin_to(repo.root.keys[0])
    s.step(repo)


@scenario(rules="N-11")
def root_threshold_two_both_pinned(s):
    """root needs two signatures and has them; both certificates are pinned"""
    repo = s.repo(root=[root_key(s.gun), root_key(s.gun)])
    repo.root.threshold = 2
    s.step(repo)


@scenario(rules="N-11")
def root_threshold_one_one_of_two_pinned(s):
    """root has two keys and threshold 1 and is signed by both; one certificate is pinned"""
    repo = s.repo(root=[root_key(s.gun), root_key(s.gun)])
    s.pin = s.pin_to(repo.root.keys[1])
    s.step(repo)


@scenario("signature.threshold", reason="threshold", rules="N-11")
def root_signed_by_the_unpinned_one(s):
    """root has two keys and threshold 1 and is signed by one only; the other's certificate is pinned"""
    repo = s.repo(root=[root_key(s.gun), root_key(s.gun)])
    s.pin = s.pin_to(repo.root.keys[1])
    repo.make_root(signers=repo.root.keys[:1])
    s.step(repo)


@scenario("pin.mismatch", both=True, reason="pin-on-warm-cache", rules="N-11 N-41")
def pin_changed_on_warm_cache(s):
    """the second step serves the same files, but another certificate is pinned now: the reference client does not look"""
    repo = s.repo()
    s.step(repo)
    s.step(repo, pin=s.pin_to(root_key(s.gun)))


@scenario(rules="N-11")
def pin_extended_on_warm_cache(s):
    """the second step serves the same files; a second certificate is pinned beside the first"""
    repo = s.repo()
    s.step(repo)
    s.step(repo, pin=s.pin_to(root_key(s.gun), *repo.root.keys))


@scenario(rules="N-11")
def pin_moved_along_a_rotation(s):
    """the first step is pinned to root 1; the second serves root 2 and is pinned to that one's certificate only"""
    repo, _ = rotation(s)
    repo.rotate([root_key(s.gun)])
    s.step(repo, pin=s.pin_to(*repo.root.keys))


@scenario(lenient=True, reason="pin-on-warm-cache", rules="N-11 N-41")
def pin_moved_to_a_new_chain(s):
    """the second step serves a collection that was begun anew (another root 1, lower versions) and is pinned to that: the
    reference client holds on to its cached root; what was remembered of the other chain counts no longer"""
    old = s.repo()
    old.targets.version = old.snapshot.version = old.timestamp.version = 5
    s.step(old)
    repo = s.repo()
    s.step(repo, pin=s.pin_to(*repo.root.keys), sound=True)


@scenario("rollback.timestamp", reason="rollback", rules="N-11 N-13")
def pin_moved_along_a_rotation_lower(s):
    """as pin-moved-along-a-rotation, and the timestamp's version goes down: what was remembered still counts"""
    repo = s.repo()
    repo.timestamp.version = 3
    s.step(repo)
    repo.rotate([root_key(s.gun)])
    repo.snapshot.version, repo.timestamp.version = 2, 2
    s.step(repo, pin=s.pin_to(*repo.root.keys))


@scenario("signature.threshold rotation.old-threshold", reason="rotation", rules="N-11 N-20")
def new_chain_under_the_old_pin(s):
    """the second step serves a collection that was begun anew (another root 1); the pin is still the first one's"""
    s.step(s.repo())
    repo = s.repo()
    repo.next(repo.targets)
    s.step(repo)


def three_roots(s, pinned, **broken):
    repo = s.repo()
    keys = [repo.root.keys]
    for _ in range(2):
        repo.rotate([root_key(s.gun)], **(broken if len(keys) == broken.pop("at", 0) else {}))
        keys.append(repo.root.keys)
    s.pin = s.pin_to(*keys[pinned - 1])
    return repo


@family([
    ("fresh-client-pinned-to-first-of-three", 1, "a fresh client is pinned to root 1; the server has root 3"),
    ("fresh-client-pinned-to-second-of-three", 2, "a fresh client is pinned to root 2; the server has root 3"),
], lenient=True, reason="pin", rules="N-11 N-41")
def pinned_below(s, pinned):
    s.step(three_roots(s, pinned), sound=True)


@scenario(rules="N-11")
def fresh_client_pinned_to_third_of_three(s):
    """a fresh client is pinned to root 3, the newest"""
    s.step(three_roots(s, 3))


@scenario("pin.mismatch", reason="pin", rules="N-11")
def fresh_client_pinned_to_none_of_three(s):
    """a fresh client is pinned to a certificate that none of the three roots has"""
    repo = three_roots(s, 1)
    s.pin = s.pin_to(root_key(s.gun))
    s.step(repo)


@scenario("rotation.old-threshold", reason="pin", rules="N-11")
def fresh_client_pinned_to_first_chain_broken(s):
    """a fresh client is pinned to root 1; root 2 is signed by its own key only, root 3 by those of 2 and 3"""
    repo = s.repo()
    first, second, third = repo.root.keys, [root_key(s.gun)], [root_key(s.gun)]
    repo.rotate(second, signers=second)
    repo.rotate(third)
    s.pin = s.pin_to(*first)
    s.step(repo)


@scenario("missing.root", reason="pin", rules="N-11")
def fresh_client_pinned_to_first_gap_in_chain(s):
    """a fresh client is pinned to root 1; 2.root.json is missing"""
    s.step(three_roots(s, 1), drop=("2.root",))


@scenario("signature.threshold rotation.new-threshold", reason="pin", rules="N-11")
def fresh_client_newest_root_unsound(s):
    """a fresh client is pinned to root 1; the newest root, 2, is signed by the old key only"""
    repo = s.repo()
    first = repo.root.keys
    repo.rotate([root_key(s.gun)], signers=first)
    s.pin = s.pin_to(*first)
    s.step(repo)


@scenario(rules="N-9")
def tofu_asked_for(s):
    """no pin; trust on first use is asked for"""
    s.pin = {"mode": "tofu", "tofu": True}
    s.step(s.repo())


@scenario("signature.threshold rotation.old-threshold", reason="rotation", rules="N-9 N-11 N-20")
def tofu_then_new_chain(s):
    """trust on first use; the second step serves a collection that was begun anew (another root 1)"""
    s.pin = {"mode": "tofu", "tofu": True}
    s.step(s.repo())
    repo = s.repo()
    repo.next(repo.targets)
    s.step(repo)


@scenario(rules="N-9")
def pin_by_prefix(s):
    """certificate ids are pinned for a prefix that ends at a slash"""
    repo = s.repo()
    s.pin = s.pin_to(*repo.root.keys, name=PREFIX + "/*")
    s.step(repo)


@scenario(rules="N-9")
def pin_by_longest_prefix(s):
    """a short prefix names another certificate, a longer one the right one"""
    repo = s.repo()
    s.pin = s.pin_to(*repo.root.keys, name=PREFIX + "/*")
    s.pin["cert_ids"]["registry.test:5000/*"] = [root_key(s.gun).id]
    s.step(repo)


@scenario(lenient=True, reason="pin", rules="N-9", gun="registry.test:5000/own/Pin-With-Capitals")
def pin_with_capitals(s):
    """a name with capitals is pinned: the reference client reads the names in its configuration in lower case"""
    s.step(s.repo(), sound=True)


@scenario("pin.mismatch", reason="pin", rules="N-9")
def pin_exact_name_wins(s):
    """the exact name is pinned to another certificate, a prefix to the right one"""
    repo = s.repo()
    s.pin = s.pin_to(*repo.root.keys, name=PREFIX + "/*")
    s.pin["cert_ids"][s.gun] = [root_key(s.gun).id]
    s.step(repo)


@scenario("config.no-pin config.value", both=True, reason="pin", rules="N-9")
def pin_prefix_without_slash(s):
    """certificate ids are pinned for registry.test:5000/ow*: as a prefix that must end at a slash it does not cover this name"""
    repo = s.repo()
    s.pin = s.pin_to(*repo.root.keys, name="registry.test:5000/ow*")
    s.step(repo)


@scenario("config.no-pin", both=True, reason="pin", rules="N-9")
def ca_prefix_without_slash(s):
    """a CA is pinned for registry.test:5000/ow: read with a slash at its end it does not cover this name"""
    ca = authority("Test CA")
    s.pin = s.pin_ca(ca, "registry.test:5000/ow")
    s.step(s.repo(root=[issued_key(s.gun, ca)]))


# --- CA pins (N-10) -------------------------------------------------------------------------------

@scenario(rules="N-10")
def ca_pin(s):
    """the leaf is issued by the pinned CA; no extended key usage"""
    ca = authority("Test CA")
    s.pin = s.pin_ca(ca)
    s.step(s.repo(root=[issued_key(s.gun, ca)]))


@scenario(lenient=True, reason="pin", rules="N-10 N-41")
def ca_pin_code_signing(s):
    """the leaf is issued by the pinned CA and has the codeSigning usage, as the reference client makes them"""
    ca = authority("Test CA")
    s.pin = s.pin_ca(ca)
    s.step(s.repo(root=[issued_key(s.gun, ca, usage="code-signing")]), sound=True)


def ca_chain(s, **intermediate):
    """A root whose leaf comes from an intermediate below the pinned CA."""
    top = authority("Test CA")
    middle = authority("Test Intermediate", issuer=top, **intermediate)
    s.pin = s.pin_ca(top)
    s.step(s.repo(root=[issued_key(s.gun, middle, [middle[0]])]))


@scenario(rules="N-10")
def ca_pin_with_intermediate(s):
    """leaf and intermediate in the bundle, CA pinned (twin of the next ones)"""
    ca_chain(s)


@scenario("pin.certificate-expired", reason="certificate", rules="N-8 N-10")
def ca_pin_intermediate_expired(s):
    """as ca-pin-with-intermediate; the intermediate expired in 2020"""
    ca_chain(s, start=when(2019), end=when(2020))


@scenario("pin.certificate-not-yet-valid", reason="certificate", rules="N-8 N-10")
def ca_pin_intermediate_not_yet_valid(s):
    """as ca-pin-with-intermediate; the intermediate is valid from 2048 on"""
    ca_chain(s, start=when(2048))


@scenario("pin.certificate-chain", reason="certificate", rules="N-10")
def ca_pin_intermediate_not_a_ca(s):
    """as ca-pin-with-intermediate; the intermediate has no CA flag"""
    ca_chain(s, ca=False)


@scenario("pin.certificate-chain", reason="certificate", rules="N-10")
def ca_pin_path_length_exceeded(s):
    """as ca-pin-with-intermediate, with a second intermediate below one whose path length is 0"""
    ca = authority("Test CA")
    upper = authority("Test Upper", issuer=ca, path_length=0)
    lower = authority("Test Lower", issuer=upper)
    s.pin = s.pin_ca(ca)
    s.step(s.repo(root=[issued_key(s.gun, lower, [lower[0], upper[0]])]))


@scenario(rules="N-10")
def ca_pin_two_intermediates(s):
    """two intermediates, the upper one with path length 1 (twin of ca-pin-path-length-exceeded)"""
    ca = authority("Test CA")
    upper = authority("Test Upper", issuer=ca, path_length=1)
    lower = authority("Test Lower", issuer=upper)
    s.pin = s.pin_ca(ca)
    s.step(s.repo(root=[issued_key(s.gun, lower, [lower[0], upper[0]])]))


@scenario("pin.mismatch", reason="pin", rules="N-10")
def ca_pin_intermediate_missing(s):
    """the leaf comes from an intermediate that is not in the bundle"""
    ca = authority("Test CA")
    middle = authority("Test Intermediate", issuer=ca)
    s.pin = s.pin_ca(ca)
    s.step(s.repo(root=[issued_key(s.gun, middle)]))


@scenario("pin.mismatch", reason="pin", rules="N-10")
def ca_pin_self_signed_leaf(s):
    """a CA is pinned and the leaf is self-signed"""
    s.pin = s.pin_ca(authority("Test CA"))
    s.step(s.repo())


@scenario(rules="N-10")
def ca_pin_rotate(s):
    """a CA is pinned; root 2 has a new leaf of the same CA"""
    ca = authority("Test CA")
    s.pin = s.pin_ca(ca)
    repo = s.repo(root=[issued_key(s.gun, ca)])
    s.step(repo)
    repo.next()
    repo.rotate([issued_key(s.gun, ca)])
    s.step(repo)


@scenario("pin.mismatch", both=True, reason="pin-on-warm-cache", rules="N-10 N-11 N-41")
def ca_pin_rotate_to_other_ca(s):
    """a CA is pinned; root 2 is properly signed and has a leaf of another CA: the reference client looks at the pin only
    for its first root"""
    ca = authority("Test CA")
    s.pin = s.pin_ca(ca)
    repo = s.repo(root=[issued_key(s.gun, ca)])
    s.step(repo)
    repo.next()
    repo.rotate([issued_key(s.gun, authority("Other CA"))])
    s.step(repo)


# --- root certificates (N-8) -----------------------------------------------------------------------

def with_root(s, key):
    s.step(s.repo(root=[key]))


@scenario("pin.certificate-usage", reason="certificate", rules="N-8")
def root_certificate_is_a_ca(s):
    """the pinned root certificate is a CA"""
    with_root(s, root_key(s.gun, ca=True))


@scenario("pin.certificate-weak", reason="certificate", rules="N-8")
def root_certificate_sha1(s):
    """the pinned root certificate is signed with SHA-1"""
    private = private_key("p256")
    with_root(s, Key("p256", pem(sha1_certificate(private, s.gun)), private))


@scenario("pin.certificate-weak", reason="certificate", rules="N-8")
def root_certificate_rsa1024(s):
    """the pinned root certificate has an RSA key of 1,024 bits"""
    with_root(s, root_key(s.gun, "rsa1024"))


@scenario(rules="N-8")
def root_certificate_rsa2048(s):
    """the pinned root certificate has an RSA key of 2,048 bits"""
    with_root(s, root_key(s.gun, "rsa2048"))


@scenario("pin.certificate-not-yet-valid", reason="certificate", rules="N-8")
def root_certificate_not_yet_valid(s):
    """the pinned root certificate is valid from 2048 on"""
    with_root(s, root_key(s.gun, start=when(2048)))


@scenario("pin.certificate-expired", reason="certificate", rules="N-8")
def root_certificate_expired(s):
    """the pinned root certificate expired in 2020"""
    with_root(s, root_key(s.gun, start=when(2019), end=when(2020)))


@scenario("pin.certificate-missing", reason="certificate", rules="N-8")
def root_key_without_certificate(s):
    """the root key is bare; its id is pinned"""
    with_root(s, Key())


@scenario(rules="N-8")
def root_certificate_name_prefix(s):
    """the CN is a prefix of the name that ends in *: the certificate's own word, so not only at a slash"""
    with_root(s, root_key(f"{PREFIX}/root-certificate-na*"))


@scenario(rules="N-8")
def root_certificate_name_star(s):
    """the CN is a star alone: a prefix of every name"""
    with_root(s, root_key("*"))


@scenario(rules="N-8")
def root_one_of_two_certificates_expired(s):
    """root has two keys and threshold 1 and is signed by both, both pinned; one certificate expired in 2020"""
    s.step(s.repo(root=[root_key(s.gun), root_key(s.gun, start=when(2019), end=when(2020))]))


@scenario("signature.threshold", reason="certificate", rules="N-8")
def root_one_of_two_needed_expired(s):
    """as root-one-of-two-certificates-expired, with threshold 2"""
    repo = s.repo(root=[root_key(s.gun), root_key(s.gun, start=when(2019), end=when(2020))])
    repo.root.threshold = 2
    s.step(repo)


@scenario("pin.certificate-name", reason="certificate", rules="N-8")
def root_certificate_other_prefix(s):
    """the CN ends in * and is no prefix of the name"""
    with_root(s, root_key("registry.test:5000/other/*"))


@scenario("pin.certificate-name", reason="certificate", rules="N-8")
def root_certificate_other_case(s):
    """the CN differs from the name only in case"""
    with_root(s, root_key(s.gun.replace("own/root", "own/Root")))


@scenario("pin.certificate-name", both=True, reason="certificate", rules="N-8")
def root_certificate_name_second(s):
    """two CNs: another name first, then the name: the reference client takes the last one"""
    with_root(s, root_key("registry.test:5000/own/other", extra_cn=(s.gun,)))


@scenario(lenient=True, reason="certificate", rules="N-8")
def root_certificate_name_first(s):
    """two CNs: the name first, then another: the reference client takes the last one"""
    s.step(s.repo(root=[root_key(s.gun, extra_cn=("registry.test:5000/own/other",))]), sound=True)


@scenario(rules="N-8")
def root_certificate_valid_tomorrow(s):
    """the pinned root certificate becomes valid twelve hours after reference_time: a day of leeway"""
    with_root(s, root_key(s.gun, start=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=12)))


@scenario(rules="N-8")
def root_certificate_p384(s):
    """the pinned root certificate has a P-384 key"""
    with_root(s, root_key(s.gun, "p384"))


def bundled(s, second):
    private = private_key("p256")
    with_root(s, Key("p256", pem(certificate(private, s.gun), second), private))


@scenario("pin.certificate-expired", reason="certificate", rules="N-8")
def bundle_second_expired(s):
    """the bundle's second certificate, a CA, expired in 2020"""
    bundled(s, authority("Old CA", start=when(2019), end=when(2020))[0])


@scenario("pin.certificate-weak", reason="certificate", rules="N-8")
def bundle_second_sha1(s):
    """the bundle's second certificate is signed with SHA-1"""
    bundled(s, sha1_certificate(private_key("p256"), "Old", ca=True))


@scenario(rules="N-8")
def bundle_second_fine(s):
    """the bundle's second certificate is a CA that is fine (twin of the two before)"""
    bundled(s, authority("Some CA")[0])


@scenario("pin.certificate-usage", reason="certificate", rules="N-8")
def bundle_ca_first(s):
    """the bundle has the CA first and the leaf second; the leaf's key signs"""
    ca = authority("Test CA")
    private = private_key("p256")
    with_root(s, Key("p256", pem(ca[0], certificate(private, s.gun, issuer=ca)), private))


@scenario(rules="N-8")
def delegation_certificate_expired(s):
    """the certificate of the delegation's key expired in 2020: it is not judged"""
    repo = s.repo()
    repo.releases(keys=[root_key("release-bot", start=when(2019), end=when(2020))])
    s.step(repo)


# --- which digest (N-30 to N-34) -------------------------------------------------------------------

@scenario(rules="N-32")
def required_roles(s):
    """q: targets/qa and targets/sec name the same digest; r: different ones; s: only targets/qa; k: targets/k1 and
    targets/k2 name the same digest, both with one key; p: targets/paths is not allowed to name it"""
    repo = s.repo()
    image = {tag: target(f"{s.gun}:{tag}") for tag in "qrskp"}
    shared = [Key()]
    repo.targets.delegate("targets/qa", targets={"q": image["q"], "r": image["r"], "s": image["s"], "p": image["p"]})
    repo.targets.delegate("targets/sec", targets={"q": image["q"], "r": target("another image")})
    repo.targets.delegate("targets/k1", keys=shared, targets={"k": image["k"]})
    repo.targets.delegate("targets/k2", keys=shared, targets={"k": image["k"]})
    repo.targets.delegate("targets/paths", targets={"p": image["p"]}, paths=("x",))
    s.step(repo)


@scenario(rules="N-32 T-31")
def required_roles_shared_keys(s):
    """targets/a is signed by keys 1 and 2, targets/b by key 1 (both threshold 1): a key of its own can be found for
    each. targets/c and targets/d are both signed by key 3, listed bare in one and with a certificate in the other"""
    repo = s.repo()
    one, two = Key(), Key()
    bare, dressed = twins(private_key("p256"), "someone")
    image = {"m": target(f"{s.gun}:m"), "n": target(f"{s.gun}:n")}
    repo.targets.delegate("targets/a", keys=[one, two], targets={"m": image["m"]})
    repo.targets.delegate("targets/b", keys=[one], targets={"m": image["m"]})
    repo.targets.delegate("targets/c", keys=[bare], targets={"n": image["n"]})
    repo.targets.delegate("targets/d", keys=[dressed], targets={"n": image["n"]})
    s.step(repo)


@scenario(rules="N-30 N-31 N-34")
def tag_rules(s):
    """a: in targets and, with another digest, in targets/releases; b: only in targets/releases/hot; c: only in targets/qa;
    d: in targets/qa and, with another digest, in targets/releases/hot; a2: the digest of a in targets"""
    repo = s.repo()
    image = {n: target(f"{s.gun} {n}") for n in ("a", "a2", "b", "c", "d", "d2")}
    repo.targets.targets = {"1.0": repo.targets.targets["1.0"], "a": image["a"], "a2": image["a"]}
    repo.targets.delegate("targets/qa", targets={"c": image["c"], "d": image["d"]})
    releases = repo.targets.delegate("targets/releases", targets={"a": image["a2"]})
    releases.delegate("targets/releases/hot", targets={"b": image["b"], "d": image["d2"]})
    s.step(repo)


def check():
    """Names are unique and short enough for a CN."""
    names = [s.name for s in ALL]
    assert len(names) == len(set(names)), json.dumps(sorted(n for n in names if names.count(n) > 1))
    assert all(len(s.gun) <= 64 for s in ALL), [s.name for s in ALL if len(s.gun) > 64]


check()
