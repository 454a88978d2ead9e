//! The search of TUF 1.0 (5.6.7): rules T-21, T-22 and T-24 to T-26.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::rc::Rc;
use support::{Client, Key, Repo, Server, code, found, of};
use tuf_core::metadata::Format::Tuf1;
use tuf_core::trust::{FileName, Query, TagRule};
use tuf_core::wire::Wire;
use tuf_core::{Code, Result};

/// What is looked up, and what it holds.
const NAME: &str = "project/app";
const CONTENT: &str = "app";
/// What the SHA-256 of [`NAME`] begins with (measured).
const HASH: &str = "1af49cca72bd";

/// What a new client is told of `path`: the role that answers, or the code; and the delegated roles that
/// it asked for, in order.
fn asked_for(server: &mut Server, repo: &Repo, path: &str) -> (Result<String, Code>, Vec<String>) {
    let answer = Client::of(repo).look(server, path, TagRule::Search);
    let role = answer.map(|trusted| trusted.found[0].role.clone()).map_err(|e| e.code());
    let refresh = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
    let asked = server.asked();
    let (before, roles) = asked.split_at(refresh.len());
    assert_eq!(before, refresh);
    let name = |path: &String| path.trim_start_matches("1.").trim_end_matches(".json").to_owned();
    (role, roles.iter().map(name).collect())
}

fn look(repo: &Repo, path: &str) -> (Result<String, Code>, Vec<String>) {
    asked_for(&mut repo.publish(), repo, path)
}

/// The roles that were asked for, as one line.
fn walked(repo: &Repo) -> String {
    look(repo, NAME).1.join(" ")
}

const NOBODY: Result<String, Code> = Err(Code::TargetNotSigned);

fn by(role: &str) -> Result<String, Code> {
    Ok(role.to_owned())
}

/// Two delegations, `a` with `a1` and `a2` below it, and `b`; all are trusted for everything.
fn tree() -> Repo {
    let mut repo = Repo::tuf();
    for (parent, name) in [("targets", "a"), ("a", "a1"), ("a1", "a11"), ("a", "a2"), ("targets", "b")] {
        repo.delegate(parent, name, &["*/*"]);
    }
    repo
}

/// T-21.2: what stands below a role is searched before what stands beside it, in the order of the lists,
/// which is not that of the names; the first that lists the target answers.
#[test]
fn the_search_is_pre_order_depth_first_in_order_of_appearance() {
    assert_eq!(look(&tree(), NAME), (NOBODY, ["a", "a1", "a11", "a2", "b"].map(str::to_owned).to_vec()));
    for (listed, want) in [(["b", "a2"], "a2"), (["a2", "a11"], "a11"), (["a1", "a11"], "a1"), (["a", "a1"], "a")] {
        let mut repo = tree();
        listed.into_iter().for_each(|role| repo.target(role, NAME, role));
        assert_eq!(look(&repo, NAME).0, by(want), "{listed:?}");
    }
    let mut repo = tree();
    for parent in ["targets", "a"] {
        repo.signed(parent)["delegations"]["roles"].as_array_mut().unwrap().reverse();
    }
    assert_eq!(walked(&repo), "b a a2 a1 a11");
    // The top level answers before any of them.
    repo.target("targets", NAME, CONTENT);
    assert_eq!(look(&repo, NAME), (by("targets"), vec![]));
}

/// T-21.3 T-21.4: a terminating delegation that matches ends the search behind it, at every depth, and not
/// below it; one that does not match is passed by.
#[test]
fn a_terminating_delegation_that_matches_ends_the_search_behind_it() {
    for (parent, name, matches, want) in [
        ("targets", "a", true, "a a1 a11 a2"),
        ("a", "a1", true, "a a1 a11"),
        ("a1", "a11", true, "a a1 a11"),
        ("a", "a2", true, "a a1 a11 a2"),
        ("targets", "b", true, "a a1 a11 a2 b"),
        ("targets", "a", false, "b"),
        ("a", "a1", false, "a a2 b"),
        ("a1", "a11", false, "a a1 a2 b"),
    ] {
        let mut repo = tree();
        let delegation = repo.delegation(parent, name);
        delegation["terminating"] = json!(true);
        delegation["paths"] = json!([if matches { "project/*" } else { "other/*" }]);
        assert_eq!(walked(&repo), want, "{name} {matches}");
        repo.target("b", NAME, CONTENT);
        let want = if want.ends_with('b') { by("b") } else { NOBODY };
        assert_eq!(look(&repo, NAME).0, want, "{name} {matches}");
    }
}

/// T-21.5: a role is judged by the delegation that leads to it first; those that come later neither ask
/// for it again nor refuse it, though it is not theirs.
#[test]
fn the_first_visit_of_a_role_counts() {
    let (one, two) = (Key::named("one"), Key::named("two"));
    for (first, want) in [(&one, by("last")), (&two, Err(Code::SignatureThreshold))] {
        let mut repo = Repo::tuf();
        for parent in ["a", "b"] {
            repo.delegate("targets", parent, &["*/*"]);
        }
        let second = if first.id(Tuf1) == one.id(Tuf1) { &two } else { &one };
        for (parent, key) in [("a", first), ("b", second)] {
            repo.delegate_to(parent, "shared", &["*/*"], std::slice::from_ref(key), 1);
        }
        repo.file("shared").signers = Some(vec![one.clone()]);
        repo.delegate("targets", "last", &["*/*"]);
        repo.target("last", NAME, CONTENT);
        let (answer, roles) = look(&repo, NAME);
        assert_eq!(answer, want);
        let all: &[&str] = if answer.is_ok() { &["a", "shared", "b", "last"] } else { &["a", "shared"] };
        assert_eq!(roles, all);
    }
}

/// T-21.6: cycles of one, two and three roles end, and what stands behind them is found.
#[test]
fn a_cycle_of_delegations_ends() {
    for (length, want) in [(1, "a z"), (2, "a b z"), (3, "a b c z")] {
        let mut repo = Repo::tuf();
        let names = &["a", "b", "c"][..length];
        repo.delegate("targets", "a", &["*/*"]);
        for (at, name) in names.iter().enumerate() {
            repo.delegate(name, names[(at + 1) % length], &["*/*"]);
        }
        repo.delegate("targets", "z", &["*/*"]);
        assert_eq!(walked(&repo), want);
        repo.target("z", NAME, CONTENT);
        assert_eq!(look(&repo, NAME).0, by("z"));
    }
}

/// A role below two delegators, each for paths of its own and with a key of its own; the snapshot names
/// it by its version alone, so that other signatures make no other snapshot.
fn shared(signers: &[&Key]) -> Repo {
    let mut repo = Repo::tuf();
    for parent in ["a", "b"] {
        repo.delegate("targets", parent, &[&format!("{parent}/*")]);
        repo.delegate_to(parent, "shared", &[&format!("{parent}/*")], &[Key::named(parent)], 1);
        repo.target("shared", &format!("{parent}/x"), parent);
    }
    let file = repo.file("shared");
    file.signers = Some(signers.iter().map(|key| (*key).clone()).collect());
    file.listed = Some(Rc::new(|entry| *entry = json!({"version": entry["version"]})));
    repo
}

/// T-22.1 T-22.2 T-22.3: by the keys of the delegator that leads to it, within one run and from the cache;
/// what is cached and fails there is fetched once more, and refused if that is no better.
#[test]
fn a_role_is_verified_by_the_keys_of_the_delegator_it_is_reached_through() {
    let (a, b) = (Key::named("a"), Key::named("b"));
    let look = |client: &mut Client, server: &mut Server, paths: &[&str]| {
        let query = |path: &&str| (Query::Name((*path).to_owned()), TagRule::Search);
        let answers = client.run(server, paths.iter().map(query).collect()).answers;
        let asked = server.asked().into_iter().filter(|path| path == "1.shared.json").count();
        (answers.iter().map(code).collect::<Vec<_>>(), asked)
    };
    let threshold = Some(Code::SignatureThreshold);
    let (by_a, by_both) = (shared(&[&a]).publish(), shared(&[&a, &b]).publish());
    assert_eq!(by_a.get("1.snapshot.json"), by_both.get("1.snapshot.json"));
    for order in [["a/x", "b/x"], ["b/x", "a/x"]] {
        let want = order.map(|path| threshold.filter(|_| path == "b/x"));
        let mut client = Client::of(&shared(&[&a]));
        // The second look-up of one run finds the file of the first, and asks once more where it fails.
        assert_eq!(look(&mut client, &mut by_a.clone(), &order), (want.to_vec(), 2), "{order:?}");
        let again = client.clone();
        assert_eq!(look(&mut client, &mut by_a.clone(), &["a/x"]), (vec![None], 0), "cached");
        assert_eq!(look(&mut client, &mut by_a.clone(), &["b/x"]), (vec![threshold], 1), "cached for another");
        let kept = client.store.files[&FileName::Targets("shared".to_owned())].clone();
        assert_eq!(kept, by_a.get("1.shared.json"), "what was refused did not take its place");
        let mut client = again;
        assert_eq!(look(&mut client, &mut by_both.clone(), &["b/x"]), (vec![None], 1), "better signed by now");
        assert_eq!(look(&mut client, &mut by_both.clone(), &["b/x", "a/x"]), (vec![None, None], 0));
    }
}

/// T-24.1 T-24.2 T-24.12: prefixes of the hash in lower-case hex; the empty one is all paths; without
/// paths and without prefixes it is none, and the search goes on.
#[test]
fn delegations_by_the_hash_of_a_path() {
    let upper = HASH.to_uppercase();
    for (prefixes, matches) in [
        (&[HASH][..], true),
        (&["1"], true),
        (&["1a"], true),
        (&["00", "1af"], true),
        (&[""], true),
        (&["1b"], false),
        (&[&upper], false),
        (&["1A"], false),
        (&["af49"], false),
        (&["project/app"], false),
        (&["*"], false),
        (&[], false),
    ] {
        let mut repo = Repo::tuf();
        repo.delegate_hashes("targets", "hashed", prefixes);
        repo.target("hashed", NAME, CONTENT);
        assert_eq!(look(&repo, NAME).0, if matches { by("hashed") } else { NOBODY }, "{prefixes:?}");
    }
    let mut repo = Repo::tuf();
    repo.delegate_hashes("targets", "none", &[""]);
    repo.target("none", NAME, CONTENT);
    assert_eq!(look(&repo, NAME).0, by("none"));
    repo.delegation("targets", "none").as_object_mut().unwrap().remove("path_hash_prefixes");
    repo.delegation("targets", "none")["terminating"] = json!(true);
    repo.delegate("targets", "last", &["*/*"]);
    repo.target("last", NAME, CONTENT);
    assert_eq!(look(&repo, NAME), (by("last"), vec!["last".to_owned()]));
}

/// T-24.3 T-24.5: the bin is named by the first bits of the path's hash (measured), in as many digits as
/// it takes, and no other bin is asked for.
#[test]
fn a_bin_is_named_by_the_first_bits_of_the_hash() {
    for (bits, bins) in [
        (1, ["0", "0"]),
        (3, ["0", "3"]),
        (4, ["1", "7"]),
        (5, ["03", "0e"]),
        (8, ["1a", "73"]),
        (10, ["06b", "1cd"]),
        (16, ["1af4", "734c"]),
        (31, ["0d7a4e65", "39a6568a"]),
        (32, ["1af49cca", "734cad14"]),
    ] {
        let mut repo = Repo::tuf();
        repo.bins("targets", "Bin of-1/", &json!(bits));
        for (path, bin) in [NAME, "hello.txt"].into_iter().zip(bins) {
            let bin = format!("Bin of-1/-{bin}");
            repo.role(&bin, &Key::named("Bin of-1/"));
            repo.target(&bin, path, CONTENT);
            let asked = vec![support::encoded(&bin)];
            assert_eq!(look(&repo, path), (by(&bin), asked), "{bits}");
        }
    }
}

/// T-24.5: the keys of the bins are those of the names that a bin can have, and of no others.
#[test]
fn names_that_no_bin_has() {
    let mut repo = Repo::tuf();
    for (bits, yes, no) in [
        (
            8,
            &["b-00", "b-1a", "b-ff"][..],
            &["b-0", "b-1A", "b-100", "b-001", "b-+1", "b-", "b", "b01", "c-00", "b-0g"][..],
        ),
        (5, &["b-00", "b-1f"], &["b-20", "b-ff", "b-1"]),
        (1, &["b-0", "b-1"], &["b-2", "b-00"]),
        (32, &["b-00000000", "b-ffffffff"], &["b-100000000", "b-fffffff"]),
    ] {
        repo.bins("targets", "b", &json!(bits));
        let file = Wire::strict(Tuf1).targets("targets", repo.publish().get("1.targets.json")).unwrap();
        let keys = |name: &&&str| file.claims().delegations().keys_of(name).is_some();
        assert_eq!(yes.iter().filter(keys).collect::<Vec<_>>(), yes.iter().collect::<Vec<_>>(), "{bits}");
        assert_eq!(no.iter().find(keys), None, "{bits}");
    }
}

/// T-24.6: nobody but a path's bin speaks for it: neither another bin that lists it, nor, behind a bin in
/// which it is not, what stands beside the role with the bins.
#[test]
fn bins_end_the_search() {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "binned", &["*/*"]);
    repo.delegate("targets", "beside", &["*/*"]);
    repo.bins("binned", "bin", &json!(4));
    for bin in ["bin-1", "bin-2"] {
        repo.role(bin, &Key::named("bin"));
    }
    for role in ["beside", "bin-2"] {
        repo.target(role, NAME, CONTENT);
    }
    assert_eq!(look(&repo, NAME), (NOBODY, vec!["binned".to_owned(), "bin-1".to_owned()]));
    // A bin is a role like others: it may delegate further, and is signed by the key of all bins.
    repo.delegate("bin-1", "below", &["*/*"]);
    repo.target("below", NAME, CONTENT);
    assert_eq!(look(&repo, NAME).0, by("below"));
    repo.file("bin-1").signers = Some(vec![Key::named("beside")]);
    assert_eq!(look(&repo, NAME).0, Err(Code::SignatureThreshold));
    repo.file("bin-1").unlisted = true;
    assert_eq!(look(&repo, NAME), (NOBODY, vec!["binned".to_owned()]));
}

/// A targets file with one delegation to `a`, and what reading it says.
fn read(edit: impl FnOnce(&mut Value)) -> Option<Code> {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "a", &["*"]);
    edit(&mut repo.signed("targets")["delegations"]);
    let file = json!({"signatures": [], "signed": repo.signed("targets")});
    code(&Wire::strict(Tuf1).targets("targets", serde_json::to_vec(&file).unwrap()))
}

fn bins(bits: Value) -> Value {
    json!({"keyids": [], "threshold": 1, "bit_length": bits, "name_prefix": "bin"})
}

/// T-24.7 T-24.8 T-24.9 T-24.10 T-24.11: what a delegation is made of, and what excludes each other.
#[test]
fn members_of_delegations() {
    let without = |member: &'static str| {
        move |d: &mut Value| drop(d["roles"][0].as_object_mut().unwrap().remove(member).expect("a member"))
    };
    let drop_roles = |d: &mut Value| drop(d.as_object_mut().unwrap().remove("roles"));
    type Edit<'a> = &'a dyn Fn(&mut Value);
    let table: [(&str, Edit<'_>, Option<Code>); 16] = [
        ("as it is", &|_| {}, None),
        ("terminating", &|d| d["roles"][0]["terminating"] = json!(true), None),
        ("no roles at all", &|d| d["roles"] = json!([]), None),
        ("neither paths nor prefixes", &without("paths"), None),
        ("no terminating", &without("terminating"), Some(Code::ParseSchema)),
        ("terminating: null", &|d| d["roles"][0]["terminating"] = json!(null), Some(Code::ParseType)),
        ("terminating: 1", &|d| d["roles"][0]["terminating"] = json!(1), Some(Code::ParseType)),
        ("no name", &without("name"), Some(Code::ParseSchema)),
        ("no keyids", &without("keyids"), Some(Code::ParseSchema)),
        ("no threshold", &without("threshold"), Some(Code::ParseSchema)),
        ("no keys", &|d| drop(d.as_object_mut().unwrap().remove("keys")), Some(Code::ParseSchema)),
        ("neither roles nor bins", &drop_roles, Some(Code::ParseSchema)),
        ("paths and prefixes", &|d| d["roles"][0]["path_hash_prefixes"] = json!(["1"]), Some(Code::ParseSchema)),
        ("paths and no prefix", &|d| d["roles"][0]["path_hash_prefixes"] = json!([]), Some(Code::ParseSchema)),
        ("roles and bins", &|d| d["succinct_roles"] = bins(json!(8)), Some(Code::ParseSchema)),
        (
            "bins",
            &|d| {
                drop_roles(d);
                d["succinct_roles"] = bins(json!(8));
            },
            None,
        ),
    ];
    for (what, edit, want) in table {
        assert_eq!(read(edit), want, "{what}");
    }
}

/// T-24.3 T-24.4: 1 to 32 bits, as an integer; the other members have to be there.
#[test]
fn bits_of_a_bin() {
    let with = |bits: Value| {
        read(|d| {
            d.as_object_mut().unwrap().remove("roles");
            d["succinct_roles"] = bins(bits);
        })
    };
    for bits in 1..=32 {
        assert_eq!(with(json!(bits)), None, "{bits}");
    }
    for (bits, want) in [
        (json!(0), Code::ParseNumber),
        (json!(-1), Code::ParseNumber),
        (json!(33), Code::ParseNumber),
        (json!(1_u64 << 31), Code::ParseNumber),
        (json!((1_u64 << 32) + 8), Code::ParseNumber),
        (json!(u64::MAX), Code::ParseNumber),
        (json!(1.0), Code::ParseNumber),
        (json!(8.5), Code::ParseNumber),
        (json!("8"), Code::ParseType),
        (json!(true), Code::ParseType),
        (json!(null), Code::ParseType),
        (json!([8]), Code::ParseType),
    ] {
        assert_eq!(with(bits.clone()), Some(want), "{bits}");
    }
    for member in ["keyids", "threshold", "bit_length", "name_prefix"] {
        let mut without = bins(json!(8));
        without.as_object_mut().unwrap().remove(member);
        let code = read(|d| {
            d.as_object_mut().unwrap().remove("roles");
            d["succinct_roles"] = without;
        });
        assert_eq!(code, Some(Code::ParseSchema), "{member}");
    }
}

/// T-25.1: what a role lists outside its paths is as good as not there; the rest of it counts.
#[test]
fn entries_outside_a_roles_paths_are_ignored() {
    let mut repo = Repo::tuf();
    for role in ["a", "b"] {
        repo.delegate("targets", role, &[&format!("{role}/*")]);
        for path in ["a/x", "b/x", "c/x"] {
            repo.target(role, path, &format!("{path} by {role}"));
        }
    }
    // Below `a` somebody is trusted for more than `a` is.
    repo.delegate("a", "below", &["*/*"]);
    repo.target("below", "b/y", "b/y");
    repo.target("below", "a/y", "a/y");
    for (path, want) in [("a/x", by("a")), ("b/x", by("b")), ("c/x", NOBODY), ("a/y", by("below")), ("b/y", NOBODY)] {
        assert_eq!(look(&repo, path).0, want, "{path}");
    }
}

/// Two delegations that match; the second lists the target, the first one does not.
fn two() -> Repo {
    let mut repo = Repo::tuf();
    for role in ["first", "second"] {
        repo.delegate("targets", role, &["*/*"]);
    }
    repo.target("second", NAME, CONTENT);
    repo
}

/// T-26.1 T-26.2: a role that matches and is not listed is not asked for, and nobody answers in its place.
#[test]
fn a_role_that_the_snapshot_does_not_list_ends_the_search() {
    assert_eq!(look(&two(), NAME), (by("second"), vec!["first".to_owned(), "second".to_owned()]));
    let mut repo = two();
    repo.file("first").unlisted = true;
    let answer = Client::of(&repo).look(&mut repo.publish(), NAME, TagRule::Search).unwrap_err();
    assert_eq!((answer.code(), answer.role()), (Code::TargetNotSigned, Some("first")));
    assert_eq!(look(&repo, NAME), (NOBODY, vec![]));
    // One that does not match is in nobody's way.
    repo.delegation("targets", "first")["paths"] = json!(["other/*"]);
    assert_eq!(look(&repo, NAME), (by("second"), vec!["second".to_owned()]));
}

/// T-26.3: neither "not found" nor no answer makes the search go on to the next role.
#[test]
fn a_role_that_cannot_be_fetched_ends_the_search() {
    for (fails, want) in [
        (None, Code::MissingDelegation),
        (Some(Code::NetworkUnreachable), Code::NetworkUnreachable),
        (Some(Code::NetworkStatus), Code::NetworkStatus),
        (Some(Code::AuthDenied), Code::AuthDenied),
    ] {
        let mut server = two().publish();
        match fails {
            None => server.lose("1.first.json"),
            Some(code) => server.fail("1.first.json", code),
        }
        assert_eq!(asked_for(&mut server, &two(), NAME), (Err(want), vec!["first".to_owned()]), "{fails:?}");
    }
}

/// T-26.4: nor does a role that is not what its delegator and the snapshot say.
#[test]
fn a_role_that_cannot_be_verified_ends_the_search() {
    type Edit<'a> = &'a dyn Fn(&mut Repo);
    let table: [(&str, Edit<'_>, Code); 6] = [
        ("signers", &|r| r.file("first").signers = Some(vec![Key::named("second")]), Code::SignatureThreshold),
        ("unsigned", &|r| r.file("first").signers = Some(vec![]), Code::SignatureThreshold),
        ("expired", &|r| r.signed("first")["expires"] = json!("2020-01-01T00:00:00Z"), Code::ExpiredDelegation),
        (
            "hash",
            &|r| r.file("first").listed = Some(Rc::new(|e| e["hashes"]["sha256"] = json!("00".repeat(32)))),
            Code::MismatchHash,
        ),
        ("length", &|r| r.file("first").listed = Some(Rc::new(|e| e["length"] = json!(9))), Code::MismatchLength),
        ("form", &|r| r.file("first").bend = Some(Rc::new(|s| s["targets"] = json!([]))), Code::ParseType),
    ];
    for (what, edit, want) in table {
        let mut repo = two();
        edit(&mut repo);
        assert_eq!(look(&repo, NAME), (Err(want), vec!["first".to_owned()]), "{what}");
    }
    assert_eq!(found(&Client::of(&two()).look(&mut two().publish(), NAME, TagRule::Search)), of(CONTENT, "second"));
}
