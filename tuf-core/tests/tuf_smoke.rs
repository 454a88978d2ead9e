//! A whole TUF 1.0 repository, refreshed and searched: that of another implementation
//! (`test-vectors/tuf1/smoke`), and our own where something has to differ.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use support::{Client, Key, NOW, Repo, at, code, found, of};
use tuf_core::Code;
use tuf_core::client::drive;
use tuf_core::crypto::hex;
use tuf_core::metadata::{Format, Metadata, role};
use tuf_core::store::MemoryStore;
use tuf_core::transport::{FolderTransport, Transport};
use tuf_core::trust::{Fetched, Outcome, Pin, Query, Request, Settings, TagRule, start};
use tuf_core::wire::Wire;

/// A folder of metadata, and what was asked of it.
struct Recorded(FolderTransport, Vec<String>);

impl Transport for Recorded {
    fn fetch(&mut self, request: &Request) -> Fetched {
        self.1.push(request.path.clone());
        self.0.fetch(request)
    }
}

fn smoke() -> PathBuf {
    test_vectors::root().join("tuf1/smoke")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(smoke().join("expected.json")).unwrap()).unwrap()
}

fn name(path: &str) -> (Query, TagRule) {
    (Query::Name(path.to_owned()), TagRule::Search)
}

/// One run against the smoke repository, and its requests.
fn run(store: &mut MemoryStore, paths: &[&str]) -> (Outcome, Vec<String>) {
    let pin = Pin::Root(fs::read(smoke().join("metadata/1.root.json")).unwrap());
    let mut settings = Settings::new("smoke", Format::Tuf1, pin, at(NOW));
    settings.injected = true;
    let mut transport = Recorded(FolderTransport::new(smoke().join("metadata")), Vec::new());
    let outcome = drive(start(settings, paths.iter().copied().map(name).collect()), store, &mut transport);
    (outcome, transport.1)
}

/// T-12.1 T-14.1 T-15.1 T-21.1 T-49.5: every target that the repository's maker lists is found,
/// with its length, digest and role; the versions are the newest; nothing else is found.
#[test]
fn the_smoke_repository_is_refreshed_and_searched() {
    let expected = expected();
    let targets = expected["targets"].as_object().unwrap();
    let mut store = MemoryStore::default();
    let paths: Vec<&str> =
        targets.keys().map(String::as_str).chain(["no-such-file", "project/deeper/app.tar"]).collect();
    let (outcome, _) = run(&mut store, &paths);
    assert_eq!(outcome.refreshed, Ok(()));
    for (answer, (path, want)) in outcome.answers.iter().zip(targets) {
        let answer = answer.as_ref().unwrap();
        assert_eq!(answer.found.len(), 1, "{path}");
        let found = &answer.found[0];
        assert_eq!((found.path.as_str(), found.role.as_str()), (path.as_str(), want["role"].as_str().unwrap()));
        assert_eq!(found.target.length(), want["length"].as_u64(), "{path}");
        assert_eq!(hex(&found.target.hashes().sha256.unwrap()), want["sha256"].as_str().unwrap(), "{path}");
    }
    for answer in &outcome.answers[targets.len()..] {
        assert_eq!(code(answer), Some(Code::TargetNotSigned));
    }
    let set = outcome.set.unwrap();
    let versions = json!({
        "root": set.root().content().version(),
        "timestamp": set.timestamp().unwrap().content().version(),
        "snapshot": set.snapshot().unwrap().content().version(),
        "targets": set.top_level_targets().unwrap().content().version(),
        "project": set.targets("targets", "project").unwrap().content().version(),
    });
    assert_eq!(versions, expected["roles"]);
    assert!(set.warnings().is_empty());
}

/// T-19.1 T-19.2 T-21.1: roots, timestamp, snapshot, targets, in this order and under these names;
/// a delegated role only when a name matches it; again, exactly two requests.
#[test]
fn the_smoke_repository_is_asked_for_in_order_and_for_no_more_than_it_takes() {
    let refresh = ["2.root.json", "3.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
    for (path, more) in [
        ("hello.txt", &[][..]),
        ("no-such-file", &[]),
        ("other/app.tar", &[]),
        ("project/deeper/app.tar", &[]),
        ("project/app.tar", &["1.project.json"]),
        ("project/no-such-file", &["1.project.json"]),
    ] {
        let mut store = MemoryStore::default();
        let (_, asked) = run(&mut store, &[path]);
        assert_eq!(asked, [&refresh[..], more].concat(), "{path}");
        let (again, asked) = run(&mut store, &[path]);
        assert_eq!(asked, ["3.root.json", "timestamp.json"], "{path}, again");
        assert_eq!(again.refreshed, Ok(()));
    }
}

/// A repository with two delegated roles, of which one has a target.
fn own() -> Repo {
    let mut repo = Repo::tuf();
    repo.target("targets", "hello.txt", "hello");
    repo.delegate("targets", "other", &["other/*"]);
    repo.delegate("targets", "project", &["project/*"]);
    repo.target("project", "project/app.tar", "app");
    repo
}

/// T-12.1 T-14.1 T-15.1: with thresholds of two, and each file with length and hashes; one
/// signature less, and nothing is trusted.
#[test]
fn files_that_meet_their_threshold_are_accepted() {
    let two = |name: &str| vec![Key::named(&format!("{name} a")), Key::named(&format!("{name} b"))];
    let mut repo = own();
    for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
        repo.keys.insert(name, (two(name), 2));
    }
    repo.delegate_to("targets", "project", &["project/*"], &two("project"), 2);
    repo.roots.clear();
    repo.add_root(|_| {});
    let look = |repo: &Repo| Client::of(repo).look(&mut repo.publish(), "project/app.tar", TagRule::Search);
    assert_eq!(found(&look(&repo)), of("app", "project"));
    for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, "project"] {
        let mut short = repo.clone();
        short.file(name).signers = Some(two(name)[..1].to_vec());
        assert_eq!(code(&look(&short)), Some(Code::SignatureThreshold), "{name}");
    }
}

/// T-11.1 T-11.2, in both formats: each of the four roles has to be there.
#[test]
fn a_root_names_the_four_top_level_roles() {
    for (format, mut repo) in [(Format::Tuf1, Repo::tuf()), (Format::Notary1, Repo::notary())] {
        let wire = Wire::strict(format);
        assert!(wire.root(repo.roots[0].clone()).is_ok());
        for name in role::TOP_LEVEL {
            repo.add_root(|signed| drop(signed["roles"].as_object_mut().unwrap().remove(name)));
            let root = wire.root(repo.roots.last().unwrap().clone());
            assert_eq!(code(&root), Some(Code::ParseSchema), "{format:?} without {name}");
        }
    }
}

/// T-11.3: whatever a further role looks like it does no harm, and stays in the file.
#[test]
fn further_roles_of_a_root_are_kept_and_ignored() {
    for further in [json!({"keyids": [], "threshold": 1}), json!({"threshold": 0}), json!(null), json!("x")] {
        for mut repo in [Repo::tuf(), Repo::notary()] {
            repo.target("targets", "hello.txt", "hello");
            repo.roots.clear();
            repo.add_root(|signed| signed["roles"]["mirror"] = further.clone());
            let name = (Query::Name("hello.txt".to_owned()), TagRule::TargetsFirst);
            let outcome = Client::of(&repo).run(&mut repo.publish(), vec![name]);
            assert_eq!(found(&outcome.answers[0]), of("hello", "targets"), "{further}");
            assert_eq!(outcome.set.unwrap().root().bytes().as_slice(), repo.roots[0]);
        }
    }
}

/// T-11.5 T-11.6 T-19.1 T-19.2: names follow the newest root's `consistent_snapshot`; absent is
/// false; the timestamp's name is always plain.
#[test]
fn names_follow_consistent_snapshot_of_the_newest_root() {
    let numbered = ["timestamp.json", "4.snapshot.json", "5.targets.json", "6.project.json"];
    let plain = ["timestamp.json", "snapshot.json", "targets.json", "project.json"];
    let set = |value: Option<bool>| {
        move |signed: &mut Value| match value {
            Some(value) => signed["consistent_snapshot"] = json!(value),
            None => drop(signed.as_object_mut().unwrap().remove("consistent_snapshot")),
        }
    };
    for (first, newest, names) in [
        (Some(true), Some(true), numbered),
        (Some(false), Some(true), numbered),
        (None, Some(true), numbered),
        (Some(true), Some(false), plain),
        (Some(true), None, plain),
        (None, None, plain),
    ] {
        let mut repo = own();
        for (name, version) in [("timestamp", 3), ("snapshot", 4), ("targets", 5), ("project", 6)] {
            repo.signed(name)["version"] = json!(version);
        }
        repo.roots.clear();
        repo.add_root(set(first));
        repo.add_root(set(newest));
        let mut server = repo.publish();
        let answer = Client::of(&repo).look(&mut server, "project/app.tar", TagRule::Search);
        assert_eq!(found(&answer), of("app", "project"), "{first:?} {newest:?}: {answer:?}");
        assert_eq!(server.asked(), [&["2.root.json", "3.root.json"][..], &names].concat(), "{first:?} {newest:?}");
    }
}
