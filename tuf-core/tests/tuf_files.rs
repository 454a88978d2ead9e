//! Timestamp, snapshot and targets of a TUF 1.0 repository (T-12 to T-15), and the integers in them (T-20).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::rc::Rc;
use support::{Client, Edit, Key, Repo, Server, code, found, of, warned};
use tuf_core::metadata::role;
use tuf_core::trust::{FileName, Outcome, Query, TagRule};
use tuf_core::{Code, Error};

const APP: &str = "project/app.tar";
const PROJECT: &str = "project";
const PAST: &str = "2029-12-31T23:59:59Z";

/// One target in `targets`, one in a delegated role; every file has version 5.
fn repo() -> Repo {
    let mut repo = Repo::tuf();
    repo.target("targets", "hello.txt", "hello");
    repo.delegate("targets", PROJECT, &["project/*"]);
    repo.target(PROJECT, APP, "app");
    set(&mut repo, &[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, PROJECT], 5);
    repo
}

/// The same without consistent snapshots: names are plain.
fn plain() -> Repo {
    let mut repo = repo();
    repo.roots.clear();
    repo.add_root(|signed| signed["consistent_snapshot"] = json!(false));
    repo
}

fn set(repo: &mut Repo, names: &[&str], version: u64) {
    for name in names {
        repo.signed(name)["version"] = json!(version);
    }
}

fn run(client: &mut Client, server: &mut Server) -> Outcome {
    client.run(server, vec![(Query::Name(APP.to_owned()), TagRule::Search)])
}

/// A client that has been at the repository.
fn warm(repo: &Repo) -> Client {
    let mut client = Client::of(repo);
    let outcome = run(&mut client, &mut repo.publish());
    assert_eq!(found(&outcome.answers[0]), of("app", PROJECT), "{:?}", outcome.answers);
    client
}

/// What the store has of a role.
fn held<'c>(client: &'c Client, name: &str) -> Option<&'c Vec<u8>> {
    let file = match name {
        role::TIMESTAMP => FileName::Timestamp,
        role::SNAPSHOT => FileName::Snapshot,
        name => FileName::Targets(name.to_owned()),
    };
    client.store.files.get(&file)
}

/// The answer of a run; refused, it says whose file it is, and the store keeps what it had of it.
fn judged(client: &mut Client, server: &mut Server, name: &str, case: &str) -> Option<Code> {
    let before = held(client, name).cloned();
    let answer = run(client, server).answers.remove(0);
    if let Err(e) = &answer {
        assert_eq!(e.role(), Some(name), "{case}: {e:?}");
        assert_eq!(held(client, name), before.as_ref(), "{case}: a refused file is not stored");
    } else {
        assert_eq!(found(&answer), of("app", PROJECT), "{case}");
    }
    code(&answer)
}

type Change<'a> = &'a dyn Fn(&mut Repo);

/// T-12.1 T-12.2 T-12.3 T-12.4 T-12.5
#[test]
fn a_timestamp_is_signed_unexpired_and_names_the_snapshot() {
    let meta = |edit: fn(&mut Value)| -> Edit { Rc::new(move |s: &mut Value| edit(&mut s["meta"])) };
    let table: [(&str, Change<'_>, Option<Code>); 9] = [
        ("as it is", &|_| {}, None),
        ("unexpired", &|r| r.signed(role::TIMESTAMP)["expires"] = json!("2030-01-01T00:00:01Z"), None),
        ("expired now", &|r| r.signed(role::TIMESTAMP)["expires"] = json!(support::NOW), Some(Code::ExpiredTimestamp)),
        ("expired", &|r| r.signed(role::TIMESTAMP)["expires"] = json!(PAST), Some(Code::ExpiredTimestamp)),
        (
            "signed by another key",
            &|r| r.file(role::TIMESTAMP).signers = Some(vec![Key::named("snapshot")]),
            Some(Code::SignatureThreshold),
        ),
        ("not signed", &|r| r.file(role::TIMESTAMP).signers = Some(Vec::new()), Some(Code::SignatureThreshold)),
        (
            "without snapshot.json",
            &|r| {
                let without = |meta: &mut Value| {
                    let entry = meta.as_object_mut().unwrap().remove("snapshot.json").unwrap();
                    meta["snapshot"] = entry;
                };
                r.file(role::TIMESTAMP).bend = Some(meta(without));
            },
            Some(Code::ParseSchema),
        ),
        (
            "without any entry",
            &|r| r.file(role::TIMESTAMP).bend = Some(meta(|m| *m = json!({}))),
            Some(Code::ParseSchema),
        ),
        (
            "with other entries",
            &|r| {
                let others = |meta: &mut Value| {
                    meta["mirrors.json"] = json!({"version": 0});
                    meta["x"] = json!("nonsense");
                };
                r.file(role::TIMESTAMP).bend = Some(meta(others));
            },
            None,
        ),
    ];
    for (case, change, refused) in table {
        let mut repo = repo();
        change(&mut repo);
        let mut server = repo.publish();
        assert_eq!(judged(&mut Client::of(&repo), &mut server, role::TIMESTAMP, case), refused, "{case}");
        let last = server.asked().pop().unwrap();
        assert_eq!(last, if refused.is_some() { "timestamp.json" } else { "5.project.json" }, "{case}");
        // So a newer one is judged, beside an older one that is kept.
        let mut client = warm(&self::repo());
        set(&mut repo, &[role::TIMESTAMP], 6);
        assert_eq!(judged(&mut client, &mut repo.publish(), role::TIMESTAMP, case), refused, "{case}, warm");
    }
}

/// T-12.6 T-12.7 T-12.8: versions never go down, and what would is not stored.
#[test]
fn a_timestamp_lowers_no_version() {
    for (timestamp, snapshot, refused) in [
        (6, 6, None),
        (6, 5, None),
        (4, 5, Some(Code::RollbackTimestamp)),
        (4, 6, Some(Code::RollbackTimestamp)),
        (1, 1, Some(Code::RollbackTimestamp)),
        (6, 4, Some(Code::RollbackSnapshot)),
        (1 << 40, 1, Some(Code::RollbackSnapshot)),
    ] {
        let mut client = warm(&repo());
        let mut repo = repo();
        set(&mut repo, &[role::TIMESTAMP], timestamp);
        set(&mut repo, &[role::SNAPSHOT], snapshot);
        let case = format!("timestamp {timestamp}, snapshot {snapshot}");
        for _ in 0..2 {
            let mut server = repo.publish();
            assert_eq!(judged(&mut client, &mut server, role::TIMESTAMP, &case), refused, "{case}");
            if refused.is_some() {
                assert_eq!(server.asked(), ["2.root.json", "timestamp.json"], "{case}");
            }
        }
        let mut honest = self::repo();
        honest.bump(&[role::TIMESTAMP]);
        set(&mut honest, &[role::SNAPSHOT], snapshot.max(5));
        assert_eq!(judged(&mut client, &mut honest.publish(), role::TIMESTAMP, &case), None, "{case}, then");
    }
}

/// T-12.7 (decision 10): a timestamp was accepted whose snapshot never came, or was refused: the version
/// that it names does not go down either; one that is not below goes on.
#[test]
fn a_snapshot_that_was_only_named_does_not_go_down() {
    for (case, code_then) in [("lost", Code::MissingSnapshot), ("refused", Code::SignatureThreshold)] {
        let mut client = warm(&repo());
        let mut repo = repo();
        set(&mut repo, &[role::TIMESTAMP, role::SNAPSHOT], 9);
        let mut first = repo.clone();
        if case == "refused" {
            first.file(role::SNAPSHOT).signers = Some(vec![Key::named("thief")]);
        }
        let mut server = first.publish();
        if case == "lost" {
            server.lose("9.snapshot.json");
        }
        assert_eq!(judged(&mut client, &mut server, role::SNAPSHOT, case), Some(code_then), "{case}");
        assert_eq!(held(&client, role::TIMESTAMP).unwrap(), server.get("timestamp.json"), "{case}: it was accepted");
        set(&mut repo, &[role::TIMESTAMP], 10);
        set(&mut repo, &[role::SNAPSHOT], 8);
        let refused = judged(&mut client, &mut repo.publish(), role::TIMESTAMP, case);
        assert_eq!(refused, Some(Code::RollbackSnapshot), "{case}");
        set(&mut repo, &[role::SNAPSHOT], 9);
        assert_eq!(judged(&mut client, &mut repo.publish(), role::TIMESTAMP, case), None, "{case}");
    }
}

/// T-13.1 T-13.3 T-13.6: an equal version that verifies: the kept bytes stay, whatever the new ones say,
/// and the run goes on from them without another request.
#[test]
fn of_an_equal_timestamp_version_the_kept_one_stays() {
    let table: [(&str, Change<'_>, bool); 6] = [
        ("the same", &|_| {}, false),
        ("other bytes around it", &|r| r.file(role::TIMESTAMP).seal = Some(Rc::new(|f| f["x"] = json!(1))), false),
        ("another member", &|r| r.signed(role::TIMESTAMP)["x-other"] = json!(true), true),
        ("another expiry", &|r| r.signed(role::TIMESTAMP)["expires"] = json!(PAST), true),
        ("a newer snapshot", &|r| r.bump(&[role::SNAPSHOT]), true),
        ("an older snapshot", &|r| set(r, &[role::SNAPSHOT], 1), true),
    ];
    for (case, change, noted) in table {
        let mut client = warm(&repo());
        let kept = held(&client, role::TIMESTAMP).cloned();
        let mut repo = repo();
        change(&mut repo);
        let mut server = repo.publish();
        let outcome = run(&mut client, &mut server);
        assert_eq!(found(&outcome.answers[0]), of("app", PROJECT), "{case}: {:?}", outcome.answers);
        assert_eq!(server.asked(), ["2.root.json", "timestamp.json"], "{case}");
        assert_eq!(held(&client, role::TIMESTAMP), kept.as_ref(), "{case}");
        assert_eq!(warned(&outcome).contains(&Code::MismatchContent), noted, "{case}");
        let set = outcome.set.unwrap();
        assert_eq!(set.timestamp().map(|t| t.bytes().to_vec()), kept, "{case}");
    }
}

/// T-13.2: the signatures of an equal version have to hold.
#[test]
fn an_equal_timestamp_version_has_to_be_signed() {
    for (signers, refused) in [
        (vec![Key::named("timestamp")], None),
        (vec![Key::named("thief")], Some(Code::SignatureThreshold)),
        (Vec::new(), Some(Code::SignatureThreshold)),
    ] {
        for other in [false, true] {
            let mut client = warm(&repo());
            let mut repo = repo();
            repo.file(role::TIMESTAMP).signers = Some(signers.clone());
            if other {
                repo.signed(role::TIMESTAMP)["x-other"] = json!(true);
            }
            assert_eq!(judged(&mut client, &mut repo.publish(), role::TIMESTAMP, "signers"), refused, "{other}");
        }
    }
}

/// T-13.3 T-13.4: the kept one has to be unexpired, to the second; what the new one says is nothing.
#[test]
fn the_kept_timestamp_has_to_be_unexpired() {
    let until = |expires: &str| {
        let mut repo = repo();
        repo.signed(role::TIMESTAMP)["expires"] = json!(expires);
        repo
    };
    let noon = "2030-01-01T12:00:00Z";
    for (new, time, refused) in [
        (noon, "2030-01-01T11:59:59Z", None),
        (noon, noon, Some(Code::ExpiredTimestamp)),
        ("2040-01-01T00:00:00Z", "2030-01-01T11:59:59Z", None),
        ("2040-01-01T00:00:00Z", noon, Some(Code::ExpiredTimestamp)),
        (PAST, "2030-01-01T11:59:59Z", None),
    ] {
        let mut client = warm(&until(noon)).at(time);
        let outcome = run(&mut client, &mut until(new).publish());
        assert_eq!(code(&outcome.refreshed), refused, "new until {new}, at {time}");
        let mut higher = until("2040-01-01T00:00:00Z");
        higher.bump(&[role::TIMESTAMP]);
        assert_eq!(run(&mut client, &mut higher.publish()).refreshed, Ok(()), "a higher one is fine");
    }
}

/// T-13.5: what the kept timestamp names is taken from the store if it is there and matches, else it is
/// fetched: an earlier run stopped half way, or the store has something else.
#[test]
fn what_the_kept_timestamp_names_is_fetched_where_the_store_lacks_it() {
    let start = ["2.root.json", "timestamp.json"];
    for (lost, rest) in [
        ("5.snapshot.json", &["5.snapshot.json", "5.targets.json", "5.project.json"][..]),
        ("5.targets.json", &["5.targets.json", "5.project.json"]),
        ("5.project.json", &["5.project.json"]),
    ] {
        let repo = repo();
        let mut client = Client::of(&repo);
        let mut server = repo.publish();
        server.lose(lost);
        assert!(run(&mut client, &mut server).answers[0].is_err(), "{lost}");
        let mut server = repo.publish();
        assert_eq!(found(&run(&mut client, &mut server).answers[0]), of("app", PROJECT), "{lost}");
        assert_eq!(server.asked(), [&start[..], rest].concat(), "{lost}");
    }
    for (name, fetched) in
        [(role::SNAPSHOT, "5.snapshot.json"), (role::TARGETS, "5.targets.json"), (PROJECT, "5.project.json")]
    {
        for hashes in [true, false] {
            let mut repo = repo();
            if !hashes {
                repo.file(name).listed = Some(Rc::new(|entry| drop(entry.as_object_mut().unwrap().remove("hashes"))));
            }
            let mut older = repo.clone();
            older.signed(name)["version"] = json!(4);
            let older = older.publish().get(&fetched.replace('5', "4")).to_vec();
            let mut client = warm(&repo);
            let file = if name == role::SNAPSHOT { FileName::Snapshot } else { FileName::Targets(name.to_owned()) };
            client.store.forge(&file, older);
            let mut server = repo.publish();
            let answer = run(&mut client, &mut server).answers.remove(0);
            assert_eq!(found(&answer), of("app", PROJECT), "{name}, hashes {hashes}: {answer:?}");
            assert_eq!(server.asked(), [&start[..], &[fetched]].concat(), "{name}, hashes {hashes}");
            assert_eq!(held(&client, name).unwrap(), server.get(fetched), "{name}, hashes {hashes}");
        }
    }
}

/// An edit of what the parent lists.
fn listed(edit: impl Fn(&mut Value) + 'static) -> Option<Edit> {
    Some(Rc::new(edit))
}

/// An edit of the number of a member.
fn plus(member: &'static str, more: i64) -> Option<Edit> {
    listed(move |entry| entry[member] = json!(entry[member].as_i64().unwrap() + more))
}

fn without(members: &'static [&'static str]) -> Option<Edit> {
    listed(|entry| members.iter().for_each(|member| drop(entry.as_object_mut().unwrap().remove(*member))))
}

/// T-14.1 T-14.2 T-14.3 T-14.4 T-14.5 T-14.6 T-14.7 T-14.8 T-15.1 T-15.5 T-15.6 T-15.7 T-15.8 T-15.9
/// T-15.10: what a parent lists of a file, who signs it, and its expiry; each file in turn.
#[test]
fn a_file_is_what_its_parent_lists_signed_and_unexpired() {
    let expired = |name| match name {
        role::SNAPSHOT => Code::ExpiredSnapshot,
        role::TARGETS => Code::ExpiredTargets,
        _ => Code::ExpiredDelegation,
    };
    for name in [role::SNAPSHOT, role::TARGETS, PROJECT] {
        let sha256 = || listed(|entry| entry["hashes"]["sha256"] = json!("ab".repeat(32)));
        let sha512 = || listed(|entry| entry["hashes"]["sha512"] = json!("ab".repeat(64)));
        let table: [(&str, Change<'_>, Option<Code>); 16] = [
            ("as it is", &|_| {}, None),
            ("without a length", &|r| r.file(name).listed = without(&["length"]), None),
            ("without hashes", &|r| r.file(name).listed = without(&["hashes"]), None),
            ("without either", &|r| r.file(name).listed = without(&["length", "hashes"]), None),
            ("one byte longer", &|r| r.file(name).listed = plus("length", -1), Some(Code::MismatchLength)),
            ("one byte shorter", &|r| r.file(name).listed = plus("length", 1), Some(Code::MismatchLength)),
            ("another SHA-256", &|r| r.file(name).listed = sha256(), Some(Code::MismatchHash)),
            ("another SHA-512 beside it", &|r| r.file(name).listed = sha512(), Some(Code::MismatchHash)),
            ("a lower version", &|r| r.file(name).listed = plus("version", 1), Some(Code::MismatchVersion)),
            ("a higher version", &|r| r.file(name).listed = plus("version", -1), Some(Code::MismatchVersion)),
            (
                "signed by another key",
                &|r| r.file(name).signers = Some(vec![Key::named("timestamp")]),
                Some(Code::SignatureThreshold),
            ),
            ("not signed", &|r| r.file(name).signers = Some(Vec::new()), Some(Code::SignatureThreshold)),
            ("unexpired", &|r| r.signed(name)["expires"] = json!("2030-01-01T00:00:01Z"), None),
            ("expired now", &|r| r.signed(name)["expires"] = json!(support::NOW), Some(expired(name))),
            ("expired", &|r| r.signed(name)["expires"] = json!(PAST), Some(expired(name))),
            // The most telling reason is told.
            (
                "expired, ill signed, of another hash and too long",
                &|r| {
                    r.signed(name)["expires"] = json!(PAST);
                    r.file(name).signers = Some(Vec::new());
                    r.file(name).listed = listed(|entry| {
                        entry["hashes"]["sha256"] = json!("ab".repeat(32));
                        entry["length"] = json!(10);
                    });
                },
                Some(Code::MismatchLength),
            ),
        ];
        for (case, change, refused) in table {
            let mut repo = plain();
            change(&mut repo);
            let case = format!("{name}: {case}");
            let mut server = repo.publish();
            assert_eq!(judged(&mut Client::of(&repo), &mut server, name, &case), refused, "{case}");
        }
    }
}

/// T-15.7 T-15.8 T-14.7: one signature short of a threshold of two.
#[test]
fn a_threshold_of_two_is_two() {
    let two = [Key::named("a"), Key::named("b")];
    for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, PROJECT] {
        let mut repo = repo();
        if name == PROJECT {
            repo.delegate_to("targets", PROJECT, &["project/*"], &two, 2);
        } else {
            repo.keys.insert(name, (two.to_vec(), 2));
            repo.roots.clear();
            repo.add_root(|_| {});
        }
        for (signers, refused) in [(&two[..], None), (&two[1..], Some(Code::SignatureThreshold))] {
            repo.file(name).signers = Some(signers.to_vec());
            assert_eq!(judged(&mut Client::of(&repo), &mut repo.publish(), name, "threshold"), refused, "{name}");
        }
    }
}

/// T-14.9
#[test]
fn a_snapshot_lists_the_top_level_targets() {
    let mut repo = repo();
    repo.file(role::TARGETS).unlisted = true;
    let refused = judged(&mut Client::of(&repo), &mut repo.publish(), role::SNAPSHOT, "without targets.json");
    assert_eq!(refused, Some(Code::ParseSchema));
    repo.file(role::TARGETS).unlisted = false;
    assert_eq!(judged(&mut Client::of(&repo), &mut repo.publish(), role::SNAPSHOT, "with it"), None);
}

/// T-14.10 T-14.11 T-14.12 T-14.13: no entry goes down, none is gone, whether its role was ever looked
/// at: the snapshot that was accepted is the measure, though the timestamp lists another one by now.
#[test]
fn a_snapshot_lowers_no_entry_and_drops_none() {
    let table: [(&str, &str, Change<'_>, Option<Code>); 8] = [
        ("the same entries", "", &|_| {}, None),
        ("higher ones", "", &|r| r.bump(&[role::TARGETS, PROJECT]), None),
        ("one more", "", &|r| r.delegate("targets", "other", &["other/*"]), None),
        ("targets down", role::TARGETS, &|r| set(r, &[role::TARGETS], 4), Some(Code::RollbackTargets)),
        ("a delegation down", PROJECT, &|r| set(r, &[PROJECT], 4), Some(Code::RollbackDelegation)),
        (
            "one up, one down",
            PROJECT,
            &|r| {
                set(r, &[PROJECT], 1);
                set(r, &[role::TARGETS], 9);
            },
            Some(Code::RollbackDelegation),
        ),
        ("a delegation gone", PROJECT, &|r| r.file(PROJECT).unlisted = true, Some(Code::RollbackRemoved)),
        (
            "gone, and delegated no more",
            PROJECT,
            &|r| {
                r.file(PROJECT).unlisted = true;
                r.revoke("targets", PROJECT);
                r.bump(&[role::TARGETS]);
            },
            Some(Code::RollbackRemoved),
        ),
    ];
    for (case, name, change, refused) in table {
        // Only refreshed: the delegated role was never looked at.
        let mut client = Client::of(&repo());
        assert_eq!(client.refresh(&mut repo().publish()), Ok(()));
        let kept = held(&client, role::SNAPSHOT).cloned();
        let mut repo = repo();
        repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
        if case == "one more" {
            repo.bump(&[role::TARGETS]);
        }
        change(&mut repo);
        // Again: the kept timestamp names the refused snapshot now.
        for time in ["first", "again"] {
            let mut server = repo.publish();
            let refreshed = client.refresh(&mut server);
            assert_eq!(code(&refreshed), refused, "{case}, {time}: {refreshed:?}");
            assert_eq!(refreshed.as_ref().err().and_then(Error::role), refused.map(|_| name), "{case}, {time}");
            if refused.is_some() {
                assert_eq!(server.asked(), ["2.root.json", "timestamp.json", "6.snapshot.json"], "{case}, {time}");
                assert_eq!(held(&client, role::SNAPSHOT), kept.as_ref(), "{case}, {time}");
            }
        }
        let mut honest = self::repo();
        set(&mut honest, &[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, PROJECT], 20);
        if case == "one more" {
            honest.delegate("targets", "other", &["other/*"]);
        }
        assert_eq!(client.refresh(&mut honest.publish()), Ok(()), "{case}, then");
    }
}

/// T-15.2 T-15.4 T-20.3: longer than signed; beyond our own ceiling, where no length is signed; a signed
/// length beyond it, which is not asked for.
#[test]
fn lengths_are_signed_or_our_own() {
    for (name, path) in
        [(role::SNAPSHOT, "5.snapshot.json"), (role::TARGETS, "5.targets.json"), (PROJECT, "5.project.json")]
    {
        let mut repo = repo();
        // The role that is judged is the longest of those that share its ceiling.
        repo.signed(name)["x-more"] = json!("m".repeat(5_000));
        let mut server = repo.publish();
        let size = server.get(path).len() as u64;
        let longer = [server.get(path), &[b' '; 70_000]].concat();
        server.put(path, longer.clone());
        assert_eq!(judged(&mut Client::of(&repo), &mut server, name, path), Some(Code::MismatchLength), "{name}");
        let mut open = repo.clone();
        open.file(name).listed = without(&["length", "hashes"]);
        for (repo, ceiling, refused, asked) in [
            (&repo, size, None, true),
            (&repo, size - 1, Some(Code::LimitBytes), false),
            (&open, size, None, true),
            (&open, size - 1, Some(Code::LimitBytes), true),
        ] {
            let mut client = Client::of(repo);
            match name {
                role::SNAPSHOT => client.settings.limits.snapshot = ceiling,
                _ => client.settings.limits.targets = ceiling,
            }
            let mut server = repo.publish();
            assert_eq!(judged(&mut client, &mut server, name, path), refused, "{name}, at most {ceiling}");
            assert_eq!(server.asked().contains(&path.to_owned()), asked, "{name}, at most {ceiling}");
        }
        // White space beyond a file's end is no matter of ours where no length is signed.
        let mut server = open.publish();
        server.put(path, [server.get(path), &[b' '; 100]].concat());
        assert_eq!(judged(&mut Client::of(&open), &mut server, name, path), None, "{name}");
    }
}

/// T-15.4: of root and timestamp nobody signs a length.
#[test]
fn roots_and_timestamps_have_our_ceilings() {
    let mut repo = repo();
    repo.add_root(|_| {});
    let server = repo.publish();
    for (path, name) in [("2.root.json", role::ROOT), ("timestamp.json", role::TIMESTAMP)] {
        let size = server.get(path).len() as u64;
        for (ceiling, refused) in [(size, None), (size - 1, Some(Code::LimitBytes))] {
            let mut client = Client::of(&repo);
            match name {
                role::ROOT => client.settings.limits.root = ceiling,
                _ => client.settings.limits.timestamp = ceiling,
            }
            assert_eq!(judged(&mut client, &mut repo.publish(), name, path), refused, "{path}, at most {ceiling}");
        }
    }
}

/// Where a number stands.
type Place = (&'static str, fn(&mut Value) -> &mut Value, bool);

/// T-20.1 T-20.2: versions and lengths are integers, in `meta` and in targets.
#[test]
fn versions_and_lengths_are_integers() {
    let places: [Place; 7] = [
        (role::TIMESTAMP, |f| &mut f["signed"]["meta"]["snapshot.json"]["version"], true),
        (role::TIMESTAMP, |f| &mut f["signed"]["meta"]["snapshot.json"]["length"], false),
        (role::SNAPSHOT, |f| &mut f["signed"]["meta"]["targets.json"]["version"], true),
        (role::SNAPSHOT, |f| &mut f["signed"]["meta"]["targets.json"]["length"], false),
        (role::SNAPSHOT, |f| &mut f["signed"]["meta"]["project.json"]["version"], true),
        (role::TARGETS, |f| &mut f["signed"]["targets"]["hello.txt"]["length"], false),
        (PROJECT, |f| &mut f["signed"]["targets"][APP]["length"], false),
    ];
    for (name, place, version) in places {
        for (value, refused) in [
            (None, None),
            (Some(json!("5")), Some(Code::ParseType)),
            (Some(json!(true)), Some(Code::ParseType)),
            (Some(json!(null)), Some(Code::ParseType)),
            (Some(json!([5])), Some(Code::ParseType)),
            (Some(json!({})), Some(Code::ParseType)),
            (Some(json!(5.0)), Some(Code::ParseNumber)),
            (Some(json!(5.5)), Some(Code::ParseNumber)),
            (Some(json!(-5)), Some(Code::ParseNumber)),
            (Some(json!(1_u64 << 63)), Some(Code::ParseNumber)),
            (Some(json!(0)), version.then_some(Code::ParseNumber)),
        ] {
            // A length of nothing is an integer: of a file it does not hold.
            if !version && value == Some(json!(0)) {
                continue;
            }
            let mut repo = repo();
            let edit = value.clone();
            repo.file(name).seal = Some(Rc::new(move |file: &mut Value| {
                let place = place(file);
                assert!(place.is_u64(), "{place}: as it is it is an integer");
                if let Some(value) = &edit {
                    *place = value.clone();
                }
            }));
            let answer = judged(&mut Client::of(&repo), &mut repo.publish(), name, "a number");
            assert_eq!(answer, refused, "{name}: {value:?}");
        }
    }
    let set = run(&mut Client::of(&repo()), &mut repo().publish()).set.unwrap();
    let entry = set.snapshot().unwrap().content().meta(PROJECT).unwrap().unwrap();
    let length = repo().publish().get("5.project.json").len() as u64;
    assert_eq!((entry.version(), entry.length()), (Some(5), Some(length)));
    let targets = set.targets("targets", PROJECT).unwrap().content().target(APP).unwrap().unwrap();
    assert_eq!(targets.length(), Some("app".len() as u64));
}
