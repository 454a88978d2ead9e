//! What a store remembers of roles: rotated keys (T-10), other content under an equal version (T-16),
//! and Notary's versions (N-13).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use support::{Keeper, Key, Keys, Repo, code, found, of};
use tuf_core::Code;
use tuf_core::metadata::role;
use tuf_core::trust::{FileName, Pin, Query, TagRule};

const RELEASES: &str = "targets/releases";
const TOPS: [&str; 2] = [role::TIMESTAMP, role::SNAPSHOT];
const ALL: [&str; 4] = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, RELEASES];

/// A repository whose files all have version 9, a thief's work perhaps; 1.0 stands in a delegation.
fn high(tuf: bool) -> Repo {
    let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
    repo.delegate("targets", RELEASES, &[if tuf { "*" } else { "" }]);
    repo.target(RELEASES, "1.0", "one");
    set(&mut repo, &ALL, 9);
    repo
}

fn set(repo: &mut Repo, names: &[&str], version: u64) {
    for name in names {
        repo.signed(name)["version"] = json!(version);
    }
}

/// Clients over every kind of store that accepted all of it.
fn warm(repo: &Repo) -> Vec<Keeper> {
    let mut all = Keeper::all(repo);
    for keeper in &mut all {
        let answer = keeper.look(&mut repo.publish(), "1.0");
        assert_eq!(found(&answer), of("one", RELEASES), "{}: {answer:?}", keeper.kind());
    }
    all
}

fn key(name: &str) -> Vec<Key> {
    vec![Key::named(name)]
}

/// A change of keys.
type Change = fn(&mut Keys);

const ROTATED: [(&str, Change); 3] = [
    ("timestamp", |keys| keys.get_mut(role::TIMESTAMP).unwrap().0 = key("new")),
    ("snapshot", |keys| keys.get_mut(role::SNAPSHOT).unwrap().0 = key("new")),
    ("both", |keys| {
        keys.get_mut(role::TIMESTAMP).unwrap().0 = key("new");
        keys.get_mut(role::SNAPSHOT).unwrap().0 = key("newer");
    }),
];

const UNROTATED: [(&str, Change); 4] = [
    ("nothing changed", |_| {}),
    ("a key added to timestamp", |keys| keys.get_mut(role::TIMESTAMP).unwrap().0.push(Key::named("more"))),
    ("a key added to snapshot", |keys| keys.get_mut(role::SNAPSHOT).unwrap().0.push(Key::named("more"))),
    ("another key of targets", |keys| keys.get_mut(role::TARGETS).unwrap().0 = key("new")),
];

/// T-10.1 T-10.2 T-10.4 T-10.7 T-10.8: a key of either that is no longer listed drops both and what
/// is remembered of targets roles: lower versions of all four are accepted again.
#[test]
fn a_rotated_key_recovers_from_fast_forward() {
    for (case, change) in ROTATED {
        let repo = high(true);
        for mut keeper in warm(&repo) {
            let mut repo = repo.clone();
            repo.rotate(change);
            set(&mut repo, &ALL, 2);
            let answer = keeper.look(&mut repo.publish(), "1.0");
            assert_eq!(found(&answer), of("one", RELEASES), "{case}, {}: {answer:?}", keeper.kind());
            assert!(ALL.iter().all(|name| keeper.version(name) == Some(2)), "{case}: {}", keeper.record());
            assert_eq!(keeper.record()["dropped"], json!(2), "{case}");
            // From there on it counts again.
            set(&mut repo, &TOPS, 1);
            assert_eq!(code(&keeper.look(&mut repo.publish(), "1.0")), Some(Code::RollbackTimestamp), "{case}");
        }
    }
}

/// T-10.5: the passing twin turned round: without a key taken away nothing is dropped, and each
/// lower version is refused.
#[test]
fn a_key_only_added_drops_nothing() {
    for (case, change) in UNROTATED {
        let repo = high(true);
        for mut keeper in warm(&repo) {
            let mut repo = repo.clone();
            repo.rotate(change);
            for (higher, lower, refused) in [
                (10, role::TIMESTAMP, Code::RollbackTimestamp),
                (11, role::SNAPSHOT, Code::RollbackSnapshot),
                (12, role::TARGETS, Code::RollbackTargets),
                (13, RELEASES, Code::RollbackDelegation),
            ] {
                let mut repo = repo.clone();
                set(&mut repo, &ALL, higher);
                set(&mut repo, &[lower], 8);
                let answer = keeper.look(&mut repo.publish(), "1.0");
                assert_eq!(code(&answer), Some(refused), "{case}, {}", keeper.kind());
            }
            assert_eq!(keeper.record()["dropped"], json!(0), "{case}");
        }
    }
}

/// T-10.3: one of two keys signed; two are needed now. Where both signed, nothing is dropped.
#[test]
fn a_raised_threshold_drops_what_no_longer_reaches_it() {
    for name in TOPS {
        for both_signed in [false, true] {
            let mut repo = high(true);
            repo.rotate(|keys| keys.get_mut(name).unwrap().0 = [key("a"), key("b")].concat());
            repo.file(name).signers = Some(if both_signed { [key("a"), key("b")].concat() } else { key("a") });
            for mut keeper in warm(&repo) {
                let mut repo = repo.clone();
                repo.rotate(|keys| keys.get_mut(name).unwrap().1 = 2);
                repo.file(name).signers = None;
                set(&mut repo, &ALL, 3);
                let answer = keeper.look(&mut repo.publish(), "1.0");
                let want = both_signed.then_some(Code::RollbackTimestamp);
                assert_eq!(code(&answer), want, "{name}, both signed {both_signed}, {}", keeper.kind());
            }
        }
    }
}

/// T-10.6: the same key under another id is still listed.
#[test]
fn a_key_under_a_new_id_drops_nothing() {
    let repo = high(true);
    for mut keeper in warm(&repo) {
        for material in ["timestamp", "new"] {
            let mut repo = repo.clone();
            // TUF's id is the hash of the whole key object: another member makes another id.
            repo.keys.get_mut(role::TIMESTAMP).unwrap().0 = key(material);
            let (id, mut object) = (Key::named(material).id(repo.format), Key::named(material).object(repo.format));
            object["x-note"] = json!("moved to another machine");
            let text = serde_json::to_vec(&object).unwrap();
            let new = tuf_core::crypto::sha256(&tuf_core::canonical::form(&text).unwrap());
            let new = tuf_core::crypto::hex(&new);
            let moved = new.clone();
            repo.add_root(|signed| {
                signed["keys"].as_object_mut().unwrap().remove(&id);
                signed["keys"][&moved] = object;
                signed["roles"]["timestamp"]["keyids"] = json!([moved]);
            });
            repo.file(role::TIMESTAMP).seal = Some(std::rc::Rc::new(move |file: &mut serde_json::Value| {
                file["signatures"][0]["keyid"] = json!(new);
            }));
            let mut keeper_of_material = Keeper { settings: keeper.settings.clone(), place: copy(&mut keeper) };
            set(&mut repo, &ALL, 2);
            let answer = keeper_of_material.look(&mut repo.publish(), "1.0");
            let same = material == "timestamp";
            assert_eq!(code(&answer), same.then_some(Code::RollbackTimestamp), "{material}: {answer:?}");
            set(&mut repo, &ALL, 10);
            let answer = keeper_of_material.look(&mut repo.publish(), "1.0");
            assert_eq!(found(&answer), of("one", RELEASES), "{material}: {answer:?}");
            assert_eq!(keeper_of_material.record()["dropped"], json!(if same { 0 } else { 2 }));
        }
    }
}

/// The same files on a shelf of their own.
fn copy(keeper: &mut Keeper) -> support::Place {
    let mut shelf = support::Shelf::default();
    let roots = FileName::Root(1);
    let names = ALL.iter().map(|name| match *name {
        role::TIMESTAMP => FileName::Timestamp,
        role::SNAPSHOT => FileName::Snapshot,
        name => FileName::Targets(name.to_owned()),
    });
    for file in names.chain([FileName::Record, FileName::Checked, roots]) {
        shelf.files.insert(file.clone(), keeper.read(&file).expect("a file"));
    }
    support::Place::Shelf(shelf)
}

/// T-10.8 T-10.9: the run that drops fails right after: timestamp and snapshot are gone from record
/// and store, the root of the drop is remembered, and a later run accepts lower targets.
#[test]
fn a_drop_is_remembered_when_its_run_fails() {
    for (case, change) in ROTATED {
        let repo = high(true);
        for mut keeper in warm(&repo) {
            let mut repo = repo.clone();
            repo.rotate(change);
            set(&mut repo, &ALL, 2);
            let mut server = repo.publish();
            server.lose("timestamp.json");
            assert_eq!(code(&keeper.look(&mut server, "1.0")), Some(Code::MissingTimestamp), "{case}");
            let record = keeper.record();
            assert_eq!(record["dropped"], json!(2), "{case}");
            for (name, file) in TOPS.iter().zip([FileName::Timestamp, FileName::Snapshot]) {
                assert!(record["roles"][name].is_null(), "{case}: {record}");
                assert!(record["files"][file.path()].is_null(), "{case}: {record}");
                assert_eq!(keeper.read(&file), None, "{case}, {}", keeper.kind());
            }
            // Without another rotation in between.
            let answer = keeper.look(&mut repo.publish(), "1.0");
            assert_eq!(found(&answer), of("one", RELEASES), "{case}, {}: {answer:?}", keeper.kind());
            assert_eq!(keeper.version(RELEASES), Some(2));
        }
    }
}

/// T-10.10: what lies there was accepted under root 1; the pin is root 2 now, root 3 is the newest.
#[test]
fn a_root_older_than_the_pin_judges_the_drop() {
    for (case, change) in ROTATED {
        for mut keeper in warm(&high(true)) {
            let mut repo = high(true);
            change(&mut repo.keys);
            // Root 2 is expired: the run that walks to it ends before anything is dropped.
            let (mut expired, root) = (repo.clone(), repo.keys[role::ROOT].0.clone());
            expired.add_root_by(&root, |signed| signed["expires"] = json!("2020-01-01T00:00:00Z"));
            repo.roots.clone_from(&expired.roots);
            assert_eq!(code(&keeper.look(&mut expired.publish(), "1.0")), Some(Code::ExpiredRoot));
            assert_eq!(keeper.version(role::TIMESTAMP), Some(9), "nothing is dropped yet");
            repo.add_root(|_| {});
            set(&mut repo, &ALL, 2);
            keeper.settings.pin = Pin::Root(repo.roots[1].clone());
            let answer = keeper.look(&mut repo.publish(), "1.0");
            assert_eq!(found(&answer), of("one", RELEASES), "{case}, {}: {answer:?}", keeper.kind());
        }
    }
}

/// T-10.11: Notary's servers sign on from the old number: nothing is dropped.
#[test]
fn notary_drops_nothing() {
    for (case, change) in ROTATED {
        let repo = high(false);
        for mut keeper in warm(&repo) {
            let mut repo = repo.clone();
            repo.rotate(change);
            set(&mut repo, &TOPS, 8);
            let answer = keeper.look(&mut repo.publish(), "1.0");
            assert_eq!(code(&answer), Some(Code::RollbackTimestamp), "{case}, {}", keeper.kind());
            set(&mut repo, &TOPS, 10);
            assert_eq!(found(&keeper.look(&mut repo.publish(), "1.0")), of("one", RELEASES), "{case}");
            assert_eq!(keeper.record()["dropped"], json!(0));
        }
    }
}

/// T-16.1: the same `signed` under other signatures, of each file that names no other new one.
#[test]
fn new_signatures_are_fine() {
    for tuf in [true, false] {
        for (at, name) in ALL.into_iter().enumerate() {
            let mut repo = high(tuf);
            let two = [key("a"), key("b")].concat();
            match name {
                RELEASES => repo.delegate_to("targets", RELEASES, &[if tuf { "*" } else { "" }], &two, 1),
                name => repo.rotate(|keys| keys.get_mut(name).unwrap().0 = two.clone()),
            }
            repo.file(name).signers = Some(key("a"));
            for mut keeper in warm(&repo) {
                let mut repo = repo.clone();
                repo.file(name).signers = Some(key("b"));
                // The files that list it follow.
                for above in &ALL[..at] {
                    if *above != role::TARGETS {
                        repo.bump(&[above]);
                    }
                }
                let answer = keeper.look(&mut repo.publish(), "1.0");
                assert_eq!(found(&answer), of("one", RELEASES), "tuf {tuf}, {name}, {}: {answer:?}", keeper.kind());
                assert_eq!(keeper.version(name), Some(9));
            }
        }
    }
}

/// T-16.3 T-16.4 T-16.5: the same version with another `signed`.
#[test]
fn an_equal_version_with_other_content() {
    for tuf in [true, false] {
        let repo = high(tuf);
        for (name, bumped) in
            [(role::SNAPSHOT, &[role::TIMESTAMP][..]), (role::TARGETS, &TOPS[..]), (RELEASES, &TOPS[..])]
        {
            for mut keeper in warm(&repo) {
                let mut repo = repo.clone();
                repo.bump(bumped);
                repo.signed(name)["x-other"] = json!(true);
                for _ in 0..2 {
                    let answer = keeper.look(&mut repo.publish(), "1.0");
                    assert_eq!(code(&answer), Some(Code::MismatchContent), "tuf {tuf}, {name}, {}", keeper.kind());
                    assert_eq!(answer.unwrap_err().role(), Some(name));
                }
                repo.bump(&TOPS);
                repo.bump(&[name]);
                assert_eq!(
                    found(&keeper.look(&mut repo.publish(), "1.0")),
                    of("one", RELEASES),
                    "a higher one is fine"
                );
            }
        }
    }
}

/// N-13.1 N-13.2 N-13.3 N-13.4 N-13.5 N-13.8: an equal or higher version is taken, a lower one is
/// refused, expired or not, and again when it is asked a second time.
#[test]
fn notary_versions_never_go_down() {
    let repo = high(false);
    for (name, refused) in [
        (role::TIMESTAMP, Code::RollbackTimestamp),
        (role::SNAPSHOT, Code::RollbackSnapshot),
        (role::TARGETS, Code::RollbackTargets),
        (RELEASES, Code::RollbackDelegation),
    ] {
        for (version, expired) in [(9, false), (10, false), (8, false), (8, true), (1, true)] {
            for mut keeper in warm(&repo) {
                let mut repo = repo.clone();
                // The files that list it follow; of an equal version nothing else may differ.
                let above = TOPS.iter().take_while(|top| **top != name).copied().collect::<Vec<_>>();
                repo.bump(&above);
                if name != role::TIMESTAMP && version != 9 {
                    repo.signed(name)["x-other"] = json!(true);
                }
                set(&mut repo, &[name], version);
                if expired {
                    repo.signed(name)["expires"] = json!("2029-01-01T00:00:00Z");
                }
                let lower = version < 9;
                for _ in 0..2 {
                    let answer = keeper.look(&mut repo.publish(), "1.0");
                    let want = lower.then_some(refused);
                    assert_eq!(code(&answer), want, "{name} {version}, expired {expired}, {}", keeper.kind());
                    if lower {
                        assert_eq!(answer.unwrap_err().role(), Some(name));
                        assert_eq!(keeper.version(name), Some(9));
                    }
                }
            }
        }
    }
}

/// N-13.6: a role that was never consulted has no memory; once it was, it has.
#[test]
fn a_role_that_was_never_consulted_has_no_memory() {
    let mut repo = high(false);
    repo.delegate("targets", "targets/qa", &[""]);
    repo.target("targets/qa", "1.0", "two");
    set(&mut repo, &["targets/qa"], 9);
    let rule = TagRule::Required { roles: vec!["targets/qa".to_owned()], count: 1 };
    let ask = vec![(Query::Name("1.0".to_owned()), rule)];
    for mut keeper in warm(&repo) {
        assert_eq!(keeper.version("targets/qa"), None);
        let mut repo = repo.clone();
        set(&mut repo, &["targets/qa"], 2);
        repo.bump(&TOPS);
        let answer = keeper.run(&mut repo.publish(), ask.clone()).answers.remove(0);
        assert_eq!(found(&answer), of("two", "targets/qa"), "{answer:?}");
        set(&mut repo, &["targets/qa"], 1);
        repo.bump(&TOPS);
        let answer = keeper.run(&mut repo.publish(), ask.clone()).answers.remove(0);
        assert_eq!(code(&answer), Some(Code::RollbackDelegation));
    }
}

/// N-13.7: withdrawn, looked at without it, and made again: it goes on from its old number.
#[test]
fn memory_outlives_a_withdrawal() {
    for (version, refused) in [
        (1, Some(Code::RollbackDelegation)),
        (8, Some(Code::RollbackDelegation)),
        (9, Some(Code::MismatchContent)),
        (10, None),
    ] {
        let repo = high(false);
        for mut keeper in warm(&repo) {
            let mut gone = repo.clone();
            gone.revoke("targets", RELEASES);
            gone.file(RELEASES).unlisted = true;
            gone.target("targets", "1.0", "three");
            gone.bump(&TOPS);
            gone.bump(&[role::TARGETS]);
            assert_eq!(found(&keeper.look(&mut gone.publish(), "1.0")), of("three", "targets"));
            let mut again = gone.clone();
            again.delegate("targets", RELEASES, &[""]);
            again.file(RELEASES).unlisted = false;
            again.target(RELEASES, "1.0", "four");
            set(&mut again, &[RELEASES], version);
            again.bump(&TOPS);
            again.bump(&[role::TARGETS]);
            for _ in 0..2 {
                let answer = keeper.look(&mut again.publish(), "1.0");
                assert_eq!(code(&answer), refused, "{version}, {}", keeper.kind());
            }
        }
    }
}
