//! What went wrong in other projects (`test-vectors/advisories.toml`): each case here, beside the case
//! without the one difference.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use support::{Ca, Cert, Client, GUN, Key, Repo, Server, Shelf, at, code, encoded, found, of};
use tuf_core::certificate::Authority;
use tuf_core::client::drive;
use tuf_core::crypto::{hex, sha256};
use tuf_core::limits::Budget;
use tuf_core::metadata::Format::{Notary1, Tuf1};
use tuf_core::metadata::{Format, Metadata, role};
use tuf_core::store::FileStore;
use tuf_core::trust::{FileName, Mode, Pin, Query, Settings, TagRule, pattern_matches, start};
use tuf_core::wire::Wire;
use tuf_core::{Answer, Code, Result};

const RULE: TagRule = TagRule::TargetsFirst;
/// What most repositories here are asked for.
const NAME: &str = "project/app";
const CONTENT: &str = "app";

const BOTH: [Format; 2] = [Tuf1, Notary1];

fn empty(format: Format) -> Repo {
    if format == Tuf1 { Repo::tuf() } else { Repo::notary() }
}

/// The name of a role below the top, in the format's manner.
fn below(format: Format, name: &str) -> String {
    if format == Tuf1 { name.to_owned() } else { format!("targets/{name}") }
}

/// Paths below `name/`, in the format's manner.
fn paths(format: Format, name: &str) -> String {
    if format == Tuf1 { format!("{name}/*") } else { format!("{name}/") }
}

/// A repository whose one delegated role, `project`, has [`NAME`].
fn repo(format: Format) -> Repo {
    let (mut repo, name) = (empty(format), below(format, "project"));
    repo.delegate("targets", &name, &[&paths(format, "project")]);
    repo.target(&name, NAME, CONTENT);
    repo
}

/// A client that walks from the first root, in both formats.
fn walker(repo: &Repo) -> Client {
    Client::of(repo).pin(Pin::Root(repo.roots[0].clone()))
}

/// What becomes of a look-up: none if it is answered as it should be.
fn refused(client: &mut Client, server: &mut Server) -> Option<Code> {
    let format = client.settings.wire.format;
    let answer = client.look(server, NAME, RULE);
    if answer.is_ok() {
        assert_eq!(found(&answer), of(CONTENT, &below(format, "project")));
    }
    code(&answer)
}

/// The same of a new client.
fn fresh(repo: &Repo) -> Option<Code> {
    refused(&mut Client::of(repo), &mut repo.publish())
}

/// A repository with two keys and a threshold of two for its timestamp.
fn two_keys(format: Format) -> (Repo, [Key; 2]) {
    let (mut repo, keys) = (repo(format), ["one", "two"].map(Key::named));
    repo.keys.insert(role::TIMESTAMP, (keys.to_vec(), 2));
    repo.roots.clear();
    repo.add_root(|_| {});
    (repo, keys)
}

/// CVE-2020-6174, GHSA-pwqf-9h7j-7mv8, CVE-2020-15093: two signatures of one key are one.
#[test]
fn keys_are_counted_not_signatures() {
    for (format, twice) in [(Tuf1, Code::SignatureDuplicateKeyId), (Notary1, Code::SignatureThreshold)] {
        let (mut repo, [one, two]) = two_keys(format);
        for (signers, want) in [
            (vec![one.clone(), one.clone()], Some(twice)),
            (vec![one.clone()], Some(Code::SignatureThreshold)),
            (vec![one.clone(), two.clone()], None),
        ] {
            repo.file("timestamp").signers = Some(signers);
            assert_eq!(fresh(&repo), want, "{format:?}");
        }
    }
}

/// CVE-2020-6173: a hundred thousand signatures are not even read, and those of unknown ids not looked
/// at: the work is paid for, and one check is all there is.
#[test]
fn many_signatures_cost_nothing() {
    let many = |count: usize| {
        move |file: &mut Value| {
            let sound = file["signatures"][0].clone();
            let other = |n: usize| {
                let mut other = sound.clone();
                other["keyid"] = json!(format!("{n:064x}"));
                other
            };
            let all: Vec<Value> = (1..count).map(other).chain([sound.clone()]).collect();
            file["signatures"] = json!(all);
        }
    };
    const ONE_CHECK: u64 = 20_000;
    for format in BOTH {
        let mut repo = repo(format);
        let root = Wire::strict(format).root(repo.roots[0].clone()).unwrap();
        let mut judge = |count: usize, work: u64| -> Result<usize> {
            repo.file("timestamp").seal = Some(Rc::new(many(count)));
            let file = Wire::strict(format).timestamp(repo.publish().get("timestamp.json"))?;
            let role = root.claims().role("timestamp")?;
            let file = file.verify("timestamp", root.claims().keys(), role, &mut Budget::new(work))?;
            Ok(file.signed_by().len())
        };
        assert_eq!(judge(1_024, ONE_CHECK), Ok(1));
        assert_eq!(code(&judge(1_024, ONE_CHECK - 1)), Some(Code::LimitWork), "which one check takes");
        assert_eq!(code(&judge(1_025, ONE_CHECK)), Some(Code::LimitSignatures));
        assert_eq!(code(&judge(100_000, ONE_CHECK)), Some(Code::LimitSignatures));
        assert_eq!(fresh(&repo), Some(Code::LimitBytes), "nor is the whole file");
    }
}

/// CVE-2020-15163: 2 is good, 3 is not: 3 is refused in every run, never in the store, and 2 goes on.
#[test]
fn a_root_that_failed_is_not_kept() {
    for format in BOTH {
        let mut good = repo(format);
        good.rotate(|_| {});
        // What makes a client look for another root: a timestamp of a key that this one does not have.
        let next = |keys: &mut support::Keys| keys.get_mut(role::TIMESTAMP).unwrap().0 = vec![Key::named("new")];
        let (mut bad, mut honest) = (good.clone(), good.clone());
        bad.bump(&["timestamp", "snapshot"]);
        honest.bump(&["timestamp", "snapshot"]);
        next(&mut bad.keys);
        bad.add_root_by(&[Key::named("stranger")], |_| {});
        honest.rotate(next);
        let mut client = walker(&good);
        assert_eq!(refused(&mut client, &mut good.publish()), None);
        for _ in 0..2 {
            assert_eq!(refused(&mut client, &mut bad.publish()), Some(Code::RotationOldThreshold), "{format:?}");
            let three = FileName::Root(3);
            assert!(client.store.files.contains_key(&FileName::Root(2)) && !client.store.files.contains_key(&three));
            assert!(client.store.record()["files"].get(three.path()).is_none());
        }
        let outcome = client.clone().run(&mut good.publish(), Vec::new());
        assert_eq!(outcome.set.unwrap().root().content().version(), 2);
        assert_eq!(refused(&mut client, &mut honest.publish()), None);
        assert!(client.store.files.contains_key(&FileName::Root(3)), "which a good one is");
    }
}

/// GHSA-r7vq-6425-j94w: the old threshold is met; the new one, of two, is not by one key that signs
/// twice, under one id or two, nor by old keys.
#[test]
fn a_new_root_needs_distinct_keys_of_its_own() {
    for format in BOTH {
        let first = repo(format);
        let key = |name: &str| if format == Tuf1 { Key::named(name) } else { Cert::new(GUN).self_signed() };
        let (old, a, b) = (first.keys[role::ROOT].0[0].clone(), key("a"), key("b"));
        let twice = if format == Tuf1 { Code::SignatureDuplicateKeyId } else { Code::RotationNewThreshold };
        for (signers, want) in [
            (vec![&old], Some(Code::RotationNewThreshold)),
            (vec![&old, &a], Some(Code::RotationNewThreshold)),
            (vec![&old, &a, &a], Some(twice)),
            (vec![&a, &b], Some(Code::RotationOldThreshold)),
            (vec![&old, &a, &b], None),
        ] {
            let mut repo = first.clone();
            repo.keys.insert(role::ROOT, (vec![a.clone(), b.clone()], 2));
            repo.add_root_by(&signers.into_iter().cloned().collect::<Vec<_>>(), |_| {});
            assert_eq!(refused(&mut walker(&repo), &mut repo.publish()), want, "{format:?}");
        }
    }
    // The same key under another id: in TUF 1.0 an id is a label.
    let first = repo(Tuf1);
    let (old, a, b) = (first.keys[role::ROOT].0[0].clone(), Key::named("a"), Key::named("b"));
    for (second, want) in [(&a, Some(Code::RotationNewThreshold)), (&b, None)] {
        let mut repo = first.clone();
        repo.keys.insert(role::ROOT, (vec![a.clone()], 2));
        repo.add_root_by(&[old.clone(), a.clone(), second.clone()], |signed| {
            signed["keys"]["label"] = second.object(Tuf1);
            signed["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!("label"));
        });
        let root = repo.roots.last_mut().unwrap();
        let mut file: Value = serde_json::from_slice(root).unwrap();
        file["signatures"][2]["keyid"] = json!("label");
        *root = serde_json::to_vec(&file).unwrap();
        assert_eq!(fresh(&repo), want);
    }
}

/// All that lies below a folder.
fn lies_in(folder: &Path, under: &str, out: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{under}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            lies_in(&entry.path(), &format!("{name}/"), out);
        }
        out.insert(name);
    }
}

/// CVE-2021-41131, CVE-2021-41149, CVE-2021-41150: whatever a role is called, it is asked for as one
/// segment and lies as one file in the store's folder; nothing is written beside that.
#[test]
fn role_names_are_no_paths() {
    let long = "x/".repeat(200);
    let names =
        ["../../x", "/etc/x", "a\\..\\b", "C:\\x", "a\0b", "..", ".", "", "state", "roots", "x.new", "CON", &long];
    for name in ["project"].into_iter().chain(names) {
        let mut repo = Repo::tuf();
        repo.delegate("targets", name, &["project/*"]);
        repo.target(name, NAME, CONTENT);
        let mut server = repo.publish();
        let encoded = encoded(name);
        let bytes = server.files[&format!("1.{encoded}.json")].clone();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/store");
        let mut settings = Client::of(&repo).settings;
        let look = |settings: &Settings, server: &mut Server| {
            let query = (Query::Name(NAME.to_owned()), TagRule::Search);
            let mut store = FileStore::new(&folder);
            drive(start(settings.clone(), vec![query]), &mut store, server).answers.remove(0)
        };
        assert_eq!(found(&look(&settings, &mut server)), of(CONTENT, name), "{name:?}");
        assert_eq!(server.asked().last(), Some(&format!("1.{encoded}.json")));
        // One file more than roots, record and the three of the top level: that of the role.
        let mut there = BTreeSet::new();
        lies_in(parent.path(), "", &mut there);
        let file = FileName::Targets(name.to_owned()).path();
        assert!(!file.contains(['/', '\\', '\0']) && file.len() <= 255, "{file}");
        assert_eq!(std::fs::read(folder.join(&file)).unwrap(), bytes, "{name:?}");
        let expected = ["a", "a/store", "a/store/roots"].map(str::to_owned).into_iter().chain(
            ["roots/1.root.json", "snapshot.json", "state", "targets.json", "timestamp.json", &file]
                .map(|file| format!("a/store/{file}")),
        );
        let optional = |name: &String| ["a/store/checked", "a/store/lock"].contains(&name.as_str());
        assert_eq!(there.into_iter().filter(|n| !optional(n)).collect::<Vec<_>>(), {
            let mut expected: Vec<String> = expected.collect();
            expected.sort();
            expected
        });
        settings.offline = true;
        settings.ages.offline = None;
        assert_eq!(found(&look(&settings, &mut Server::default())), of(CONTENT, name), "{name:?}, from the store");
    }
}

/// The repository at the versions 5, and at 6 with one role at 4 instead.
fn lowered(format: Format, lower: &str) -> (Repo, Repo) {
    let mut before = repo(format);
    let project = below(format, "project");
    for name in ["timestamp", "snapshot", "targets", &project] {
        before.signed(name)["version"] = json!(5);
    }
    let mut after = before.clone();
    for name in ["timestamp", "snapshot", "targets", &project] {
        after.signed(name)["version"] = json!(if name == lower { 4 } else { 6 });
    }
    (before, after)
}

/// CVE-2022-29173, CVE-2025-2887: timestamp, snapshot, targets, delegation: each alone goes down, in
/// otherwise newer files. CVE-2024-23332: in either mode.
#[test]
fn no_version_goes_down() {
    for (format, mode) in [(Tuf1, Mode::Strict), (Notary1, Mode::Strict), (Notary1, Mode::Compatible)] {
        for (lower, want) in [
            ("timestamp", Some(Code::RollbackTimestamp)),
            ("snapshot", Some(Code::RollbackSnapshot)),
            ("targets", Some(Code::RollbackTargets)),
            (&below(format, "project"), Some(Code::RollbackDelegation)),
            ("none", None),
        ] {
            let (before, after) = lowered(format, lower);
            let mut client = Client::of(&before).mode(mode);
            assert_eq!(refused(&mut client, &mut before.publish()), None);
            assert_eq!(refused(&mut client, &mut after.publish()), want, "{format:?} {mode:?}: {lower}");
            assert_eq!(refused(&mut client, &mut after.publish()), want, "{format:?} {mode:?}: {lower}, again");
            // Of TUF's the timestamp alone shows a lower snapshot, and is not kept (T-12).
            if (format, lower) == (Tuf1, "snapshot") {
                let kept = &client.store.files[&FileName::Timestamp];
                assert_eq!(kept, before.publish().get("timestamp.json"));
            }
        }
    }
}

/// CVE-2024-47534: twenty-six delegations that all match and all list the target: the first answers, a
/// thousand times.
#[test]
fn the_first_matching_delegation_answers() {
    for format in BOTH {
        for first in ['q', 'z', 'a'] {
            let letters = [first].into_iter().chain(('a'..='z').rev().filter(|letter| *letter != first));
            let mut repo = empty(format);
            for letter in letters {
                let name = below(format, &letter.to_string());
                repo.delegate("targets", &name, &[&paths(format, "project")]);
                repo.target(&name, NAME, &format!("as {letter} has it"));
            }
            let (mut server, client) = (repo.publish(), Client::of(&repo));
            for _ in 0..1_000 / 3 + 1 {
                let answer = client.clone().look(&mut server, NAME, RULE);
                let (content, name) = (format!("as {first} has it"), below(format, &first.to_string()));
                assert_eq!(found(&answer), of(&content, &name), "{format:?}");
            }
        }
    }
}

/// go-tuf 652: a delegated role that the snapshot does not list is not asked for; one that it lists and
/// nobody has is an error. Neither is a crash, nor passed by for the next role.
#[test]
fn a_delegated_role_that_is_missing() {
    let mut sound = repo(Tuf1);
    sound.delegate("targets", "next", &["project/*"]);
    sound.target("next", NAME, "of the next");
    assert_eq!(fresh(&sound), None);
    let mut unlisted = sound.clone();
    unlisted.file("project").unlisted = true;
    let mut server = unlisted.publish();
    let answer = Client::of(&unlisted).look(&mut server, NAME, RULE);
    assert_eq!(code(&answer), Some(Code::TargetNotSigned));
    assert_eq!(answer.unwrap_err().role(), Some("project"));
    assert_eq!(server.asked().last().unwrap(), "1.targets.json");
    let mut server = sound.publish();
    server.lose("1.project.json");
    let answer = Client::of(&sound).look(&mut server, NAME, RULE);
    assert_eq!(code(&answer), Some(Code::MissingDelegation));
    assert_eq!(answer.unwrap_err().role(), Some("project"));
}

/// CVE-2026-23992: a threshold that is 0, negative or absent, in root and in delegations, of both
/// formats.
#[test]
fn thresholds_are_there_and_from_one() {
    let set = |role: &mut Value, threshold: &Option<Value>| match threshold {
        Some(threshold) => role["threshold"] = threshold.clone(),
        None => drop(role.as_object_mut().unwrap().remove("threshold")),
    };
    for format in BOTH {
        for (threshold, want) in [
            (Some(json!(1)), None),
            (Some(json!(0)), Some(Code::ParseNumber)),
            (Some(json!(-1)), Some(Code::ParseNumber)),
            (None, Some(Code::ParseSchema)),
        ] {
            for name in role::TOP_LEVEL {
                let mut repo = repo(format);
                repo.add_root(|signed| set(&mut signed["roles"][name], &threshold));
                assert_eq!(refused(&mut walker(&repo), &mut repo.publish()), want, "{format:?} {name} {threshold:?}");
            }
            let mut repo = repo(format);
            set(&mut repo.signed("targets")["delegations"]["roles"][0], &threshold);
            assert_eq!(fresh(&repo), want, "{format:?} delegation {threshold:?}");
        }
    }
}

/// go-tuf 716: `paths` and `path_hash_prefixes` exclude each other, and neither matches nothing; so do
/// `roles` and bins, of which there are no more than 32 bits name and no fewer than two.
#[test]
fn members_of_a_delegation_that_exclude_each_other() {
    let prefix = &hex(&sha256(NAME.as_bytes()))[..4];
    for (paths, prefixes, want) in [
        (Some("project/*"), None, None),
        (None, Some(prefix), None),
        (Some("project/*"), Some(prefix), Some(Code::ParseSchema)),
        (None, None, Some(Code::TargetNotSigned)),
    ] {
        let mut repo = repo(Tuf1);
        let delegation = repo.signed("targets")["delegations"]["roles"][0].as_object_mut().unwrap();
        delegation.remove("paths");
        delegation.extend(paths.map(|p| ("paths".to_owned(), json!([p]))));
        delegation.extend(prefixes.map(|p| ("path_hash_prefixes".to_owned(), json!([p]))));
        assert_eq!(fresh(&repo), want, "{paths:?} {prefixes:?}");
    }
    for (bits, want) in [
        (json!(1), None),
        (json!(32), None),
        (json!(0), Some(Code::ParseNumber)),
        (json!(-1), Some(Code::ParseNumber)),
        (json!(33), Some(Code::ParseNumber)),
        (json!(1_u64 << 31), Some(Code::ParseNumber)),
        (json!((1_u64 << 32) + 8), Some(Code::ParseNumber)),
        (json!("8"), Some(Code::ParseType)),
        (json!(null), Some(Code::ParseType)),
        (json!([8]), Some(Code::ParseType)),
    ] {
        let mut repo = Repo::tuf();
        repo.bins("targets", "b", &bits);
        // The bins of the name by its first bit, and by all 32 (measured).
        for bin in ["b-0", "b-1af49cca"] {
            repo.role(bin, &Key::named("b"));
            repo.target(bin, NAME, CONTENT);
        }
        let answer = Client::of(&repo).look(&mut repo.publish(), NAME, RULE);
        assert_eq!(code(&answer), want, "{bits}");
        repo.signed("targets")["delegations"]["roles"] = json!([]);
        let beside = want.unwrap_or(Code::ParseSchema);
        assert_eq!(fresh(&repo), Some(beside), "{bits}, beside `roles`");
    }
}

/// go-tuf 721: without a hash or a length there is nothing that a download could be held against; other
/// targets of the file are found.
#[test]
fn a_target_without_hashes_or_length_is_no_answer() {
    for format in BOTH {
        let name = below(format, "project");
        let mut edits = vec![("hashes", Some(json!({}))), ("hashes", None)];
        edits.extend((format == Tuf1).then_some(("length", None)));
        for (member, value) in edits {
            let mut repo = repo(format);
            repo.target(&name, "project/other", "other");
            let target = repo.signed(&name)["targets"]["project/other"].as_object_mut().unwrap();
            match value {
                Some(value) => drop(target.insert(member.to_owned(), value)),
                None => drop(target.remove(member)),
            }
            let answer = Client::of(&repo).look(&mut repo.publish(), "project/other", RULE);
            assert_eq!(code(&answer), Some(Code::TargetNoDigest), "{format:?} {member}");
            assert_eq!(fresh(&repo), None, "{format:?} {member}: the other target");
        }
    }
}

/// go-tuf 739: an ed25519 key of a wrong length or spelling never verifies, and does no harm beside a
/// good one; upper-case hex is the same key.
#[test]
fn ed25519_keys_of_any_length_are_no_panic() {
    let good = Key::named("timestamp").object(Tuf1);
    let public = good["keyval"]["public"].as_str().unwrap().to_owned();
    let bytes = |count: usize| public.repeat(2)[..2 * count].to_owned();
    for (public, verifies) in [
        (public.clone(), true),
        (public.to_uppercase(), true),
        (bytes(0), false),
        (bytes(31), false),
        (bytes(33), false),
        (bytes(64), false),
        (public[1..].to_owned(), false),
        (format!("{}g", &public[1..]), false),
        (format!(" {public}"), false),
    ] {
        let mut repo = repo(Tuf1);
        let id = Key::named("timestamp").id(Tuf1);
        let mut bent = |more: bool| {
            repo.roots.clear();
            repo.add_root(|signed| {
                signed["keys"]["bent"] = good.clone();
                signed["keys"]["bent"]["keyval"]["public"] = json!(public);
                let ids = if more { json!(["bent", id]) } else { json!(["bent"]) };
                signed["roles"]["timestamp"]["keyids"] = ids;
            });
            let id = if more { id.clone() } else { "bent".to_owned() };
            repo.file("timestamp").seal = Some(Rc::new(move |file| file["signatures"][0]["keyid"] = json!(id)));
            fresh(&repo)
        };
        assert_eq!(bent(false), (!verifies).then_some(Code::SignatureThreshold), "{public}");
        assert_eq!(bent(true), None, "{public}, beside a good one");
    }
}

/// CVE-2025-2885: what is served as root 3 says that it is.
#[test]
fn a_root_has_the_version_it_is_named_by() {
    for format in BOTH {
        for (version, want) in [
            (3, None),
            (4, Some(Code::RotationVersion)),
            (2, Some(Code::RotationVersion)),
            (5, Some(Code::RotationVersion)),
        ] {
            let mut repo = repo(format);
            repo.rotate(|_| {});
            repo.add_root(|signed| signed["version"] = json!(version));
            assert_eq!(refused(&mut walker(&repo), &mut repo.publish()), want, "{format:?} {version}");
        }
    }
}

/// CVE-2025-2886: behind a terminating delegation that matches nobody is asked.
#[test]
fn a_terminating_delegation_ends_the_search() {
    for (terminating, pattern, want) in
        [(true, "project/*", Some(Code::TargetNotSigned)), (false, "project/*", None), (true, "other/*", None)]
    {
        let mut repo = Repo::tuf();
        repo.delegate("targets", "first", &[pattern]);
        repo.signed("targets")["delegations"]["roles"][0]["terminating"] = json!(terminating);
        repo.delegate("targets", "project", &["project/*"]);
        repo.target("project", NAME, CONTENT);
        assert_eq!(fresh(&repo), want, "{terminating} {pattern}");
    }
}

/// CVE-2025-2888: after a snapshot that was refused, the honest repository's next files are taken.
#[test]
fn a_refused_snapshot_does_not_stick() {
    for format in BOTH {
        let mut honest = repo(format);
        let mut client = Client::of(&honest);
        assert_eq!(refused(&mut client, &mut honest.publish()), None);
        honest.bump(&["timestamp", "snapshot"]);
        let mut forged = honest.clone();
        forged.signed("snapshot")["version"] = json!(9);
        forged.file("snapshot").signers = Some(vec![Key::named("stranger")]);
        let mut other = honest.clone();
        other.file("snapshot").listed = Some(Rc::new(|entry| {
            let zeros = if entry["hashes"]["sha256"].as_str().unwrap().len() == 64 {
                "0".repeat(64)
            } else {
                "A".repeat(43) + "="
            };
            entry["hashes"]["sha256"] = json!(zeros);
        }));
        for (bad, want) in [(&forged, Code::SignatureThreshold), (&other, Code::MismatchHash)] {
            let mut server = bad.publish();
            if let Some(path) = server.files.keys().find(|p| p.starts_with(&format!("snapshot.{}", "0".repeat(64)))) {
                let path = path.clone();
                let length = server.files[&path].len();
                server.files.insert(path, vec![b' '; length]);
            }
            let mut client = client.clone();
            assert_eq!(refused(&mut client, &mut server), Some(want), "{format:?}");
            // The timestamp was signed and is kept: the version that it names is not gone below.
            let mut next = honest.clone();
            next.bump(&["timestamp"]);
            next.signed("snapshot")["version"] = json!(9);
            assert_eq!(refused(&mut client, &mut next.publish()), None, "{format:?}");
            assert_eq!(refused(&mut client, &mut server), Some(Code::RollbackTimestamp), "{format:?}, the old one");
        }
    }
}

/// GHSA-qp9x-wp8f-qgjj: no platform folds case or slashes. GHSA-pmwq-pjrm-6p5r, CVE-2021-41087: what
/// Python's `fnmatchcase` says of each segment (measured), for other languages to be held against.
#[test]
fn patterns_mean_the_same_everywhere() {
    for pair in test_vectors::patterns().unwrap() {
        assert_eq!(pattern_matches(&pair.pattern, &pair.name), pair.matches, "{pair:?}");
    }
    // And where it counts: in a look-up.
    for (pattern, want) in
        [("project/*", None), ("Project/*", Some(Code::TargetNotSigned)), ("project\\*", Some(Code::TargetNotSigned))]
    {
        let mut repo = Repo::tuf();
        repo.delegate("targets", "project", &[pattern]);
        repo.target("project", NAME, CONTENT);
        assert_eq!(fresh(&repo), want, "{pattern}");
    }
}

/// GHSA-77hh-43cm-v8j6: for a role that nobody delegates to there is an error, not another's keys.
#[test]
fn a_role_that_is_not_delegated_is_an_error() {
    let mut repo = repo(Tuf1);
    let outcome = Client::of(&repo).run(&mut repo.publish(), vec![(Query::Name(NAME.to_owned()), TagRule::Search)]);
    let set = outcome.set.unwrap();
    for name in ["project", "nobody", "", "Root"] {
        assert_eq!(code(&set.root().content().role(name)), Some(Code::UsageRole), "{name}");
    }
    assert!(set.root().content().role("targets").is_ok());
    let targets = set.top_level_targets().unwrap().content();
    assert!(targets.delegations().get("project").is_some() && targets.delegations().get("nobody").is_none());
    assert!(set.targets("targets", "project").is_some() && set.targets("project", "nobody").is_none());
    // A role that a snapshot lists, signed by keys that root trusts: nobody asks for it.
    repo.delegate_to("targets", "nobody", &["nobody/*"], &[Key::named("targets")], 1);
    repo.target("nobody", "nobody/x", "x");
    let look = |repo: &Repo, server: &mut Server| Client::of(repo).look(server, "nobody/x", RULE);
    assert_eq!(found(&look(&repo, &mut repo.publish())), of("x", "nobody"));
    repo.revoke("targets", "nobody");
    let mut server = repo.publish();
    assert_eq!(code(&look(&repo, &mut server)), Some(Code::TargetNotSigned));
    assert_eq!(server.asked().last().unwrap(), "1.targets.json");
    // Required roles are exact: one that nothing delegates to agrees to nothing.
    let mut repo = self::repo(Notary1);
    repo.target("targets", NAME, CONTENT);
    for (role, want) in [("targets/project", None), ("targets/nobody", Some(Code::QuorumNotMet))] {
        let rule = TagRule::Required { roles: vec![role.to_owned()], count: 1 };
        assert_eq!(code(&Client::of(&repo).look(&mut repo.publish(), NAME, rule)), want, "{role}");
    }
}

/// python-tuf 7.0.1, sigstore-rust 173: one role below two delegators that name different keys: what
/// was verified for one is not for the other, within one run, and from the store.
#[test]
fn a_role_is_verified_for_each_delegator() {
    let (one, two) = (Key::named("one"), Key::named("two"));
    for (signers, refused) in
        [(vec![&one, &two], [false, false]), (vec![&one], [false, true]), (vec![&two], [true, false])]
    {
        let mut repo = Repo::tuf();
        for (parent, key) in [("a", &one), ("b", &two)] {
            repo.delegate("targets", parent, &[&format!("{parent}/*")]);
            repo.delegate_to(parent, "shared", &[&format!("{parent}/*")], std::slice::from_ref(key), 1);
            repo.target("shared", &format!("{parent}/x"), parent);
        }
        repo.file("shared").signers = Some(signers.into_iter().cloned().collect());
        let mut client = Client::of(&repo);
        for order in [["a", "b"], ["b", "a"], ["a", "b"]] {
            let query = |parent: &str| (Query::Name(format!("{parent}/x")), TagRule::Search);
            let outcome = client.run(&mut repo.publish(), order.map(query).to_vec());
            for (parent, answer) in order.iter().zip(&outcome.answers) {
                let want = refused[usize::from(*parent == "b")].then_some(Code::SignatureThreshold);
                assert_eq!(code(answer), want, "{parent} of {order:?}");
            }
        }
    }
}

/// sigstore-rust 198: a timestamp in the cache counts as memory when it has expired, and answers no
/// longer.
#[test]
fn an_expired_timestamp_is_memory_and_no_answer() {
    for format in BOTH {
        let mut repo = repo(format);
        repo.signed("timestamp")["version"] = json!(5);
        repo.signed("timestamp")["expires"] = json!("2030-02-01T00:00:00Z");
        let mut client = Client::of(&repo);
        assert_eq!(refused(&mut client, &mut repo.publish()), None);
        for (version, want) in [(4, Some(Code::RollbackTimestamp)), (6, None)] {
            let mut later = repo.clone();
            later.signed("timestamp")["version"] = json!(version);
            later.signed("timestamp")["expires"] = json!(support::LATER);
            let mut client = client.clone().at("2030-03-01T00:00:00Z");
            assert_eq!(refused(&mut client, &mut later.publish()), want, "{format:?} {version}");
        }
        client.settings.offline = true;
        client.settings.ages.offline = None;
        for (time, want) in [("2030-01-31T23:59:59Z", None), ("2030-02-01T00:00:00Z", Some(Code::ExpiredTimestamp))] {
            let mut client = client.clone().at(time);
            assert_eq!(refused(&mut client, &mut Server::default()), want, "{format:?} {time}");
        }
    }
}

/// CVE-2015-9259: the last root of the chain has not expired; those before it may have.
#[test]
fn the_last_root_has_not_expired() {
    for format in BOTH {
        for (expired, want) in [(3, Some(Code::ExpiredRoot)), (2, None), (1, None)] {
            let mut repo = repo(format);
            repo.roots.clear();
            for version in 1..=3 {
                repo.add_root(|signed| {
                    if version == expired {
                        signed["expires"] = json!("2029-12-31T23:59:59Z");
                    }
                });
            }
            assert_eq!(refused(&mut walker(&repo), &mut repo.publish()), want, "{format:?} {expired}");
        }
    }
}

/// notaryproject/specifications 27: no delegation stands for another role.
#[test]
fn a_delegation_has_a_name_of_its_own() {
    for (format, bad) in [
        (Tuf1, &["root", "timestamp", "snapshot", "targets"][..]),
        (Notary1, &["root", "timestamp", "snapshot", "targets", "targets/a/b", "targets/", "Targets/x", "releases"]),
    ] {
        for name in bad {
            let mut repo = repo(format);
            assert_eq!(fresh(&repo), None);
            repo.signed("targets")["delegations"]["roles"][0]["name"] = json!(name);
            let answer = Client::of(&repo).look(&mut repo.publish(), NAME, RULE);
            assert_eq!(code(&answer), Some(Code::ParseRoleName), "{format:?} {name}");
            assert_eq!(answer.unwrap_err().role(), Some("targets"));
        }
    }
}

/// Connaisseur 1407: names of 64 KiB are refused for what they are; the longest that may be is found.
#[test]
fn long_role_names_are_refused() {
    let look = |format: Format, name: &str| {
        let mut repo = empty(format);
        repo.delegate("targets", name, &[&paths(format, "project")]);
        repo.target(name, NAME, CONTENT);
        let answer = Client::of(&repo).look(&mut repo.publish(), NAME, RULE);
        (found(&answer), code(&answer))
    };
    let long = |part: &str, bytes: usize| format!("targets/{}", part.repeat(bytes / part.len()))[..bytes].to_owned();
    for (format, most, want) in [(Tuf1, 8 << 10, Code::LimitNames), (Notary1, 255, Code::ParseRoleName)] {
        for part in ["a", "a/", "-_"] {
            assert_eq!(look(format, &long(part, 64 << 10)), (vec![], Some(want)), "{format:?} {part}");
        }
        let fits = long("a", most);
        assert_eq!(look(format, &fits), (of(CONTENT, &fits), None), "{format:?}");
        assert_eq!(look(format, &long("a", most + 1)), (vec![], Some(want)), "{format:?}");
    }
}

/// CVE-2024-51491: what cannot be stored is no answer, unless that was asked for; and nothing is refused
/// for it.
#[test]
fn a_store_that_cannot_be_written_is_no_refusal() {
    for format in BOTH {
        for broken in [Code::StoreFull, Code::StoreIo] {
            let repo = repo(format);
            let mut client = Client::of(&repo);
            client.store = Shelf { broken: Some(broken), ..Shelf::default() };
            assert_eq!(refused(&mut client.clone(), &mut repo.publish()), Some(broken), "{format:?}");
            assert_eq!(broken.answer(), Answer::Unchecked);
            client.settings.no_persist = true;
            assert_eq!(refused(&mut client, &mut repo.publish()), None, "{format:?}");
            client.settings.no_persist = false;
            client.store.broken = None;
            assert_eq!(refused(&mut client, &mut repo.publish()), None, "{format:?}");
        }
    }
}

/// CVE-2026-24122: intermediates of a pinned authority are inside their validity.
#[test]
fn intermediate_certificates_have_not_expired() {
    let root = Cert::new("authority").ca(None);
    let pin = Pin::Authority(Authority::from_pem(root.pem.as_bytes()).unwrap());
    let middle = || Cert::new("middle");
    let expired = middle().until("2029-12-31T00:00:00Z").ca(Some(&root));
    let early = middle().from(at("2030-02-01T00:00:00Z")).ca(Some(&root));
    let of = |middle: &Ca| {
        let mut repo = Repo::with_root_key(Cert::new(GUN).signed_by(middle, &[middle]));
        repo.delegate("targets", "targets/project", &["project/"]);
        repo.target("targets/project", NAME, CONTENT);
        refused(&mut Client::of(&repo).pin(pin.clone()), &mut repo.publish())
    };
    assert_eq!(of(&middle().ca(Some(&root))), None);
    assert_eq!(of(&expired), Some(Code::PinCertificateExpired));
    assert_eq!(of(&early), Some(Code::PinCertificateNotYetValid));
}

/// CVE-2026-24122: and they are authorities (the case is the vectors').
#[test]
fn intermediate_certificates_are_authorities() {
    for (name, want) in
        [("own/ca-pin-with-intermediate", None), ("own/ca-pin-intermediate-not-a-ca", Some(Code::PinCertificateChain))]
    {
        let scenario = test_vectors::scenarios().unwrap().into_iter().find(|s| s.path == name).unwrap();
        let pem = std::fs::read(scenario.folder.join(scenario.pin.ca.values().next().unwrap())).unwrap();
        let pin = Pin::Authority(Authority::from_pem(&pem).unwrap());
        let now = tuf_core::time::Time::parse(scenario.time(0)).unwrap();
        let mut settings = Settings::new(&scenario.gun, Notary1, pin, now);
        settings.injected = true;
        let mut folder = tuf_core::transport::FolderTransport::new(scenario.folder.join(&scenario.steps[0].dir));
        let mut store = Shelf::default();
        let outcome = drive(start(settings, vec![(Query::All, RULE)]), &mut store, &mut folder);
        assert_eq!(code(&outcome.answers[0]), want, "{name}");
    }
}

/// CVE-2026-44309: what is told of a target is read from the bytes that were verified: the name that
/// they spell, and `custom` letter by letter.
#[test]
fn what_is_told_comes_from_the_verified_bytes() {
    let mut repo = Repo::tuf();
    repo.target("targets", NAME, CONTENT);
    repo.signed("targets")["targets"][NAME]["custom"] = json!({"a": [1, 2], "b": "x"});
    repo.file("targets").listed = Some(Rc::new(|entry| {
        entry.as_object_mut().unwrap().retain(|name, _| name == "version");
    }));
    let look = |from: &str, to: &str| {
        let mut server = repo.publish();
        let text = String::from_utf8(server.get("1.targets.json").to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        server.put("1.targets.json", text.replace(from, to).into_bytes());
        Client::of(&repo).look(&mut server, NAME, RULE)
    };
    let custom = r#"{"a":[1,2],"b":"x"}"#;
    for spelling in [custom, r#"{ "b":"\u0078", "a" : [1 ,2]}"#, "{\"\\u0061\":[1,2],\n\"b\":\"x\"}"] {
        let answer = look(custom, spelling).unwrap();
        assert_eq!((answer.found[0].path.as_str(), answer.found[0].target.custom()), (NAME, Some(spelling)));
    }
    let spelled = look(&format!("\"{NAME}\""), "\"\\u0070roject\\/app\"").unwrap();
    assert_eq!((spelled.found[0].path.as_str(), spelled.found[0].target.custom()), (NAME, Some(custom)));
    assert_eq!(code(&look(custom, r#"{"a":[1,2],"b":"y"}"#)), Some(Code::SignatureThreshold));
}
