//! The chain of roots of a TUF 1.0 repository: the pinned root and what the store holds (T-5, T-6), each
//! step (T-7, T-16), how many (T-9).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use support::{Client, Keeper, Key, Repo, Server, code, found, of, warned};
use tuf_core::Code;
use tuf_core::metadata::{Metadata, role};
use tuf_core::trust::{FileName, Outcome, Pin, Query, TagRule, Unreachable};

fn key(name: &str) -> Vec<Key> {
    vec![Key::named(name)]
}

/// A chain of so many roots, each with a root key of its own; one target; every file has version 5.
fn chain(roots: usize) -> Repo {
    let mut repo = Repo::tuf();
    while repo.roots.len() < roots {
        grow(&mut repo);
    }
    repo.target("targets", "a", "one");
    for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
        repo.signed(name)["version"] = json!(5);
    }
    repo
}

/// One more root, with a new root key.
fn grow(repo: &mut Repo) {
    let new = key(&format!("root {}", repo.roots.len() + 1));
    repo.rotate(|keys| keys.get_mut(role::ROOT).unwrap().0 = new);
}

/// The root of this version as a pin.
fn pin(repo: &Repo, version: usize) -> Pin {
    Pin::Root(repo.roots[version - 1].clone())
}

fn run(client: &mut Client, server: &mut Server) -> Outcome {
    client.run(server, vec![(Query::Name("a".to_owned()), TagRule::Search)])
}

/// A client with this pin that has been at the repository.
fn warm(repo: &Repo, version: usize) -> Client {
    let mut client = Client::of(repo).pin(pin(repo, version));
    let outcome = run(&mut client, &mut repo.publish());
    assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "{:?}", outcome.refreshed);
    client
}

/// The versions of the roots that lie in the store.
fn stored(client: &Client) -> Vec<u64> {
    let root = |file: &FileName| if let FileName::Root(version) = file { Some(*version) } else { None };
    client.store.files.keys().filter_map(root).collect()
}

/// Oldest and newest root of the record.
fn recorded(client: &Client) -> (u64, u64) {
    let record = client.store.record();
    (record["anchor"].as_u64().unwrap(), record["root"].as_u64().unwrap())
}

/// What is signed, edited; the signatures no longer hold.
fn bent(root: &[u8]) -> Vec<u8> {
    let mut file: Value = serde_json::from_slice(root).unwrap();
    file["signed"]["x-other"] = json!(true);
    serde_json::to_vec(&file).unwrap()
}

/// The same chain, but the root of this version says something else and is soundly signed.
fn varied(repo: &Repo, version: usize) -> Vec<u8> {
    let mut other = chain(version - 1);
    other.roots.truncate(version - 1);
    let signers = if version == 1 {
        key("root")
    } else {
        let before = other.keys[role::ROOT].0.clone();
        other.keys.get_mut(role::ROOT).unwrap().0 = key(&format!("root {version}"));
        [key(&format!("root {version}")), before].concat()
    };
    other.add_root_by(&signers, |signed| signed["x-other"] = json!(true));
    assert_ne!(other.roots[version - 1], repo.roots[version - 1]);
    other.roots[version - 1].clone()
}

/// A run that has to fail with this code, and change nothing in the store.
fn fails(client: &Client, server: &mut Server, refused: Code, case: &str) {
    let mut client = client.clone();
    let before = client.store.files.clone();
    let outcome = run(&mut client, server);
    assert_eq!(code(&outcome.refreshed), Some(refused), "{case}: {:?}", outcome.refreshed);
    assert_eq!(client.store.files, before, "{case}");
}

/// T-5.1 T-5.2 T-5.4 T-5.14: wherever the pin stands in the stored chain, every start begins there; the
/// store holds every root walked, the pinned and the newest among them.
#[test]
fn every_start_begins_at_the_pinned_root() {
    let repo = chain(3);
    let client = warm(&repo, 1);
    for version in 1..=3 {
        let spaced: Value = serde_json::from_slice(&repo.roots[version - 1]).unwrap();
        let spaced = Pin::Root(serde_json::to_vec_pretty(&spaced).unwrap());
        for pin in [pin(&repo, version), spaced] {
            let mut client = client.clone().pin(pin);
            let mut server = repo.publish();
            client.store.loads.clear();
            let outcome = run(&mut client, &mut server);
            assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "from {version}");
            let walked: Vec<u64> = outcome.roots.iter().map(|root| root.content().version()).collect();
            assert_eq!(walked, (version as u64..=3).collect::<Vec<_>>());
            assert_eq!(server.asked(), ["4.root.json", "timestamp.json"], "from {version}");
            for (at, root) in repo.roots.iter().enumerate() {
                let file = FileName::Root(at as u64 + 1);
                assert_eq!(client.store.files.get(&file), Some(root), "from {version}");
                assert!(client.store.loads.contains(&file), "from {version}");
            }
        }
    }
}

/// T-5.3: a stored root that is bent, or a thief's with new keys, recorded or not, behind the pin:
/// damage, before any request; untouched it is taken ([`every_start_begins_at_the_pinned_root`]).
#[test]
fn a_stored_root_that_does_not_follow_is_damage() {
    let repo = chain(3);
    let mut thief = Repo::tuf();
    thief.keys.get_mut(role::ROOT).unwrap().0 = key("thief");
    thief.roots = chain(1).roots;
    thief.add_root(|_| {});
    thief.add_root(|_| {});
    let client = warm(&repo, 1);
    for version in [2, 3] {
        for (what, forged) in
            [("bent", bent(&repo.roots[version - 1])), ("a thief's", thief.roots[version - 1].clone())]
        {
            let mut recorded = client.clone();
            recorded.store.forge(&FileName::Root(version as u64), forged.clone());
            let mut server = repo.publish();
            fails(&recorded, &mut server, Code::StoreDamaged, &format!("{what} root {version}"));
            // A pin beyond the store, or before it: the chain has to hold by itself.
            let mut newer = repo.clone();
            grow(&mut newer);
            let mut beyond = recorded.clone();
            beyond.settings.pin = pin(&newer, 4);
            fails(&beyond, &mut server, Code::StoreDamaged, &format!("{what} root {version}, pin 4"));
            let mut unrecorded = client.clone();
            unrecorded.store.files.insert(FileName::Root(version as u64), forged);
            fails(&unrecorded, &mut server, Code::StoreDamaged, &format!("{what} root {version}, not recorded"));
            assert_eq!(server.asked(), [""; 0]);
        }
    }
    let mut late = warm(&repo, 2);
    late.store.forge(&FileName::Root(3), bent(&repo.roots[2]));
    fails(&late.pin(pin(&repo, 1)), &mut repo.publish(), Code::StoreDamaged, "pin before the store");
    // One that does not even hold by itself, under the pin.
    let mut held = client;
    held.store.forge(&FileName::Root(2), bent(&repo.roots[1]));
    fails(&held.pin(pin(&repo, 2)), &mut repo.publish(), Code::StoreDamaged, "at the pin");
}

/// T-5.5: another `signed` at the pinned version; no request, and the store stays.
#[test]
fn another_root_of_the_pinned_version_is_a_conflict() {
    let repo = chain(3);
    let client = warm(&repo, 1);
    for version in 1..=3 {
        let client = client.clone().pin(Pin::Root(varied(&repo, version)));
        let mut server = repo.publish();
        fails(&client, &mut server, Code::ConfigRootConflict, &format!("root {version}"));
        assert_eq!(server.asked(), [""; 0]);
    }
}

/// T-5.6 T-5.14: a pin older than the stored roots; what is remembered counts as before.
#[test]
fn an_older_pin_is_walked_from_to_the_stored_chain() {
    let repo = chain(4);
    for (older, steps) in [(1, &["2.root.json"][..]), (2, &[])] {
        let mut client = warm(&repo, 3).pin(pin(&repo, older));
        assert_eq!(stored(&client), [3, 4]);
        let mut low = repo.clone();
        low.signed(role::TIMESTAMP)["version"] = json!(4);
        let outcome = run(&mut client.clone(), &mut low.publish());
        assert_eq!(code(&outcome.refreshed), Some(Code::RollbackTimestamp), "from {older}");
        let mut server = repo.publish();
        let outcome = run(&mut client, &mut server);
        assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "from {older}");
        assert_eq!(server.asked(), [steps, &["5.root.json", "timestamp.json"]].concat(), "from {older}");
        assert_eq!(stored(&client), (older as u64..=4).collect::<Vec<_>>());
        assert_eq!(recorded(&client), (older as u64, 4));
        assert!(warned(&outcome).is_empty(), "from {older}");
        // From there on no step is asked for again.
        run(&mut client, &mut server);
        assert_eq!(server.asked(), ["5.root.json", "timestamp.json"], "from {older}");
    }
}

/// T-5.7 T-5.8: no steps, or steps that lead elsewhere; the store stays as it was. Without a definite
/// answer it is that: no conflict.
#[test]
fn an_older_pin_that_does_not_lead_to_the_store_is_a_conflict() {
    let repo = chain(4);
    let client = warm(&repo, 3);
    let older = client.clone().pin(pin(&repo, 1));
    let mut server = repo.publish();
    server.lose("2.root.json");
    fails(&older, &mut server, Code::ConfigRootConflict, "gone");
    server.fail("2.root.json", Code::AuthDenied);
    fails(&older, &mut server, Code::ConfigRootConflict, "denied");
    server.fail("2.root.json", Code::NetworkUnreachable);
    fails(&older, &mut server, Code::NetworkUnreachable, "no answer");
    let mut offline = older.clone();
    offline.settings.offline = true;
    fails(&offline, &mut server, Code::StoreEmpty, "offline");
    // Another repository's roots, as pin and on the server.
    let mut other = Repo::tuf();
    other.keys.get_mut(role::ROOT).unwrap().0 = key("other");
    other.roots.clear();
    (0..4).for_each(|_| other.add_root(|_| {}));
    for version in [1, 2] {
        let client = client.clone().pin(pin(&other, version));
        fails(&client, &mut other.publish(), Code::ConfigRootConflict, &format!("another chain from {version}"));
    }
    // What a server made up is the server's fault.
    let mut server = repo.publish();
    server.put("2.root.json", bent(&repo.roots[1]));
    fails(&older, &mut server, Code::RotationOldThreshold, "a bent step");
    let mut client = older;
    assert_eq!(run(&mut client, &mut repo.publish()).refreshed, Ok(()));
}

/// T-5.9 T-5.14: a pin newer than the store; nothing is dropped, and nothing is told.
#[test]
fn a_newer_pin_is_walked_to() {
    let repo = chain(4);
    let mut before = repo.clone();
    before.roots.truncate(2);
    for newer in [3, 4] {
        let mut client = warm(&before, 1).pin(pin(&repo, newer));
        let mut low = repo.clone();
        low.signed(role::TIMESTAMP)["version"] = json!(4);
        let outcome = run(&mut client.clone(), &mut low.publish());
        assert_eq!(code(&outcome.refreshed), Some(Code::RollbackTimestamp), "to {newer}");
        let mut server = repo.publish();
        let outcome = run(&mut client, &mut server);
        assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "to {newer}");
        assert_eq!(server.asked(), ["3.root.json", "4.root.json", "5.root.json", "timestamp.json"], "to {newer}");
        assert_eq!((stored(&client), recorded(&client)), (vec![1, 2, 3, 4], (1, 4)), "to {newer}");
        assert!(warned(&outcome).is_empty(), "to {newer}");
        // However recent the last check is, keys that were taken away count for nothing.
        for name in [role::TIMESTAMP, role::SNAPSHOT] {
            let mut client = warm(&before, 1);
            client.settings.ages.fresh_for = Some(3_600);
            let mut rotated = before.clone();
            rotated.rotate(|keys| keys.get_mut(name).unwrap().0 = key("new"));
            let lower = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS];
            lower.iter().for_each(|name| rotated.signed(name)["version"] = json!(2));
            let outcome = run(&mut client.pin(pin(&rotated, 3)), &mut rotated.publish());
            assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "{name}: {:?}", outcome.refreshed);
        }
    }
}

/// A change of what a server says.
type Bend<'a> = &'a dyn Fn(&mut Server);

/// T-5.10 T-5.11 T-5.13 T-5.14: the server has no steps to a newer pin, or others: the pin is the new
/// anchor, with a note; the roots before it are gone from every kind of store, and later roots follow.
#[test]
fn a_newer_pin_that_no_steps_lead_to_is_the_new_anchor() {
    let repo = chain(5);
    let mut before = repo.clone();
    before.roots.truncate(2);
    let bent = bent(&repo.roots[2]);
    let other = varied(&repo, 4);
    let ask = || vec![(Query::Name("a".to_owned()), TagRule::Search)];
    let table: [(&str, Vec<u8>, Bend<'_>, Code); 5] = [
        ("no step", repo.roots[3].clone(), &|s| s.lose("3.root.json"), Code::MissingRoot),
        ("one step", repo.roots[3].clone(), &|s| s.lose("4.root.json"), Code::MissingRoot),
        ("a bent step", repo.roots[3].clone(), &|s| s.put("3.root.json", bent.clone()), Code::RotationOldThreshold),
        ("no root", repo.roots[3].clone(), &|s| s.put("3.root.json", b"<html>".to_vec()), Code::ParseJson),
        ("another root 4", other.clone(), &|_| {}, Code::MismatchContent),
    ];
    for (case, pinned, bend, note) in table {
        for mut keeper in Keeper::all(&before) {
            assert_eq!(keeper.refresh(&mut before.publish()), Ok(()));
            keeper.settings.pin = Pin::Root(pinned.clone());
            let mut server = repo.publish();
            bend(&mut server);
            let outcome = keeper.run(&mut server, ask());
            let kind = keeper.kind();
            assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "{case}, {kind}: {:?}", outcome.refreshed);
            assert_eq!(warned(&outcome), [note].into(), "{case}, {kind}");
            let held: Vec<bool> = (1..=5).map(|v| keeper.read(&FileName::Root(v)).is_some()).collect();
            assert_eq!(held, [false, false, false, true, true], "{case}, {kind}");
            assert_eq!(keeper.read(&FileName::Root(4)), Some(pinned.clone()), "{case}, {kind}");
            let record = keeper.record();
            assert_eq!((&record["anchor"], &record["root"]), (&json!(4), &json!(5)), "{case}, {kind}");
            let roots: Vec<&String> =
                record["files"].as_object().unwrap().keys().filter(|f| f.starts_with("roots")).collect();
            assert_eq!(roots, ["roots/4.root.json", "roots/5.root.json"], "{case}, {kind}");
            // From there on all is as ever.
            server.asked();
            let again = keeper.run(&mut server, ask());
            assert_eq!((again.refreshed.clone(), warned(&again).len()), (Ok(()), 0), "{case}, {kind}");
            assert_eq!(server.asked(), ["6.root.json", "timestamp.json"], "{case}, {kind}");
        }
    }
}

/// T-5.9 T-5.10: no answer is no absence: nothing is anchored, and what was walked is kept.
#[test]
fn a_server_that_does_not_answer_moves_no_anchor() {
    let repo = chain(4);
    let mut before = repo.clone();
    before.roots.truncate(2);
    let client = warm(&before, 1).pin(pin(&repo, 4));
    let mut server = repo.publish();
    server.fail("3.root.json", Code::NetworkStatus);
    fails(&client, &mut server, Code::NetworkStatus, "no answer");
    let mut cached = client.clone();
    cached.settings.unreachable = Unreachable::UseCache;
    fails(&cached, &mut server, Code::NetworkStatus, "no answer, and a cache");
    let mut offline = client.clone();
    offline.settings.offline = true;
    fails(&offline, &mut server, Code::StoreEmpty, "offline");
    let mut half = client;
    let mut server = repo.publish();
    server.fail("4.root.json", Code::NetworkStatus);
    assert_eq!(code(&run(&mut half, &mut server).refreshed), Some(Code::NetworkStatus));
    assert_eq!((stored(&half), recorded(&half)), (vec![1, 2, 3], (1, 3)));
    assert_eq!(run(&mut half, &mut repo.publish()).refreshed, Ok(()));
    assert_eq!((stored(&half), recorded(&half)), (vec![1, 2, 3, 4], (1, 4)));
}

/// T-5.12: between the root before and the new anchor keys of timestamp or snapshot are taken away, or
/// not, and the run goes through or fails right after.
#[test]
fn a_new_anchor_judges_what_is_remembered() {
    let mut before = chain(2);
    before.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0.push(Key::named("second")));
    before.file(role::TIMESTAMP).signers = Some(key("timestamp"));
    type Change = fn(&mut support::Keys);
    let table: [(&str, Change, bool); 5] = [
        ("nothing", |_| {}, false),
        ("a key added", |k| k.get_mut(role::SNAPSHOT).unwrap().0.push(Key::named("more")), false),
        ("the timestamp's key", |k| k.get_mut(role::TIMESTAMP).unwrap().0 = key("new"), true),
        ("the snapshot's key", |k| k.get_mut(role::SNAPSHOT).unwrap().0 = key("new"), true),
        ("a raised threshold", |k| k.get_mut(role::TIMESTAMP).unwrap().1 = 2, true),
    ];
    for (case, change, drops) in table {
        for fails in [false, true] {
            let mut client = warm(&before, 1);
            assert_eq!(recorded(&client), (1, 3));
            let mut repo = before.clone();
            grow(&mut repo);
            repo.rotate(change);
            repo.file(role::TIMESTAMP).signers = None;
            client = client.pin(pin(&repo, 5));
            let lost = |repo: &Repo| {
                let mut server = repo.publish();
                server.lose("4.root.json");
                server
            };
            if fails {
                let mut server = lost(&repo);
                server.lose("timestamp.json");
                assert_eq!(code(&run(&mut client, &mut server).refreshed), Some(Code::MissingTimestamp), "{case}");
                let record = client.store.record();
                assert_eq!((stored(&client), recorded(&client)), (vec![5], (5, 5)), "{case}");
                assert_eq!(record["dropped"], json!(if drops { 5 } else { 0 }), "{case}");
                assert_eq!(client.store.files.contains_key(&FileName::Timestamp), !drops, "{case}");
                assert_eq!(client.store.files.contains_key(&FileName::Snapshot), !drops, "{case}");
            }
            for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
                repo.signed(name)["version"] = json!(4);
            }
            let outcome = run(&mut client.clone(), &mut lost(&repo));
            let refused = (!drops).then_some(Code::RollbackTimestamp);
            assert_eq!(code(&outcome.refreshed), refused, "{case}, failed before: {fails}");
            for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
                repo.signed(name)["version"] = json!(6);
            }
            assert_eq!(run(&mut client, &mut lost(&repo)).refreshed, Ok(()), "{case}, failed before: {fails}");
            // The new anchor's memory counts as that of any root.
            repo.signed(role::TIMESTAMP)["version"] = json!(5);
            let outcome = run(&mut client, &mut lost(&repo));
            assert_eq!(code(&outcome.refreshed), Some(Code::RollbackTimestamp), "{case}, failed before: {fails}");
            repo.rotate(|keys| drop(keys.insert(role::TIMESTAMP, (key("later"), 1))));
            repo.signed(role::TIMESTAMP)["version"] = json!(2);
            let outcome = run(&mut client, &mut lost(&repo));
            assert_eq!(outcome.refreshed, Ok(()), "{case}, failed before: {fails}: its keys are taken away");
        }
    }
}

/// T-5.12: what cannot be judged moves no anchor: the store stays as it was, roots and all.
#[test]
fn a_damaged_store_gets_no_new_anchor() {
    let repo = chain(4);
    let mut before = repo.clone();
    before.roots.truncate(2);
    let mut server = repo.publish();
    server.lose("3.root.json");
    for file in [FileName::Timestamp, FileName::Snapshot] {
        let mut client = warm(&before, 1).pin(pin(&repo, 4));
        client.store.files.insert(file, b"{}".to_vec());
        fails(&client, &mut server, Code::StoreDamaged, "damaged");
    }
}

/// T-6.1: a sound pinned root begins, expired or not, in an empty store and a full one.
#[test]
fn an_expired_pinned_root_is_a_fine_start() {
    for expires in ["2031-01-01T00:00:00Z", "2020-01-01T00:00:00Z"] {
        let mut repo = chain(0);
        repo.roots.clear();
        repo.add_root(|signed| signed["expires"] = json!(expires));
        grow(&mut repo);
        let mut client = Client::of(&repo);
        for _ in 0..2 {
            assert_eq!(found(&run(&mut client, &mut repo.publish()).answers[0]), of("one", "targets"), "{expires}");
        }
    }
}

/// T-6.2 T-6.3 T-6.4
#[test]
fn an_unsound_pinned_root_fails_before_any_request() {
    let repo = chain(2);
    let root = &repo.roots[0];
    let without = |member: &str| {
        let mut file: Value = serde_json::from_slice(root).unwrap();
        file["signed"].as_object_mut().unwrap().remove(member);
        serde_json::to_vec(&file).unwrap()
    };
    let of_keys = |threshold: u64, signers: &[Key], list: &[Key]| {
        let mut repo = Repo::tuf();
        repo.keys.insert(role::ROOT, (list.to_vec(), threshold));
        repo.roots.clear();
        repo.add_root_by(signers, |_| {});
        repo.roots[0].clone()
    };
    let two = [key("a"), key("b")].concat();
    assert_eq!(Client::of(&repo).pin(Pin::Root(root.clone())).refresh(&mut repo.publish()), Ok(()), "it is sound");
    let sound = of_keys(2, &two, &two);
    let cold = Client::of(&repo).pin(Pin::Root(sound)).refresh(&mut Server::default());
    assert_eq!(code(&cold), Some(Code::MissingTimestamp), "it is sound: the server is asked");
    for (what, pinned) in [
        ("nothing", Vec::new()),
        ("no JSON", b"<html>".to_vec()),
        ("cut off", root[..root.len() / 2].to_vec()),
        ("followed by something", [root, &b"x"[..]].concat()),
        ("another role", repo.publish().get("timestamp.json").to_vec()),
        ("without keys", without("keys")),
        ("without roles", without("roles")),
        ("without a version", without("version")),
        ("bent", bent(root)),
        ("signed by others", of_keys(1, &two[..1], &two[1..])),
        ("signed by nobody", of_keys(1, &[], &two)),
        ("one signature of two", of_keys(2, &two[..1], &two)),
        ("a threshold that no signatures meet", of_keys(3, &two, &two)),
        ("one key twice", of_keys(2, &two[..1], &[key("a"), key("a")].concat())),
    ] {
        for client in [Client::of(&repo), warm(&repo, 1)] {
            let mut server = repo.publish();
            fails(&client.pin(Pin::Root(pinned.clone())), &mut server, Code::ConfigRoot, what);
            assert_eq!(server.asked(), [""; 0], "{what}");
        }
    }
}

/// T-7.1: by version, with consistent snapshots on and off.
#[test]
fn the_next_root_is_asked_for_by_its_version() {
    for consistent in [true, false] {
        let mut repo = chain(0);
        repo.roots.clear();
        for _ in 0..2 {
            repo.add_root(|signed| signed["consistent_snapshot"] = json!(consistent));
        }
        let mut server = repo.publish();
        assert_eq!(run(&mut Client::of(&repo), &mut server).refreshed, Ok(()), "{consistent}");
        assert_eq!(server.asked()[..3], ["2.root.json", "3.root.json", "timestamp.json"], "{consistent}");
    }
}

/// T-7.2 T-7.3 T-7.4: two of two old keys, two of two new ones, and each signature less.
#[test]
fn a_root_is_signed_by_the_old_keys_and_its_own() {
    let (old, new) = ([key("a"), key("b")].concat(), [key("c"), key("d")].concat());
    for (what, signers, refused) in [
        ("all", [&old[..], &new].concat(), None),
        ("all, the other way round", [&new[..], &old].concat(), None),
        ("one old key less", [&old[1..], &new].concat(), Some(Code::RotationOldThreshold)),
        ("one old key twice less", [&old[..1], &new].concat(), Some(Code::RotationOldThreshold)),
        ("no old key", new.clone(), Some(Code::RotationOldThreshold)),
        ("one new key less", [&old[..], &new[1..]].concat(), Some(Code::RotationNewThreshold)),
        ("no new key", old.clone(), Some(Code::RotationNewThreshold)),
        ("nobody", Vec::new(), Some(Code::RotationOldThreshold)),
    ] {
        let mut repo = chain(0);
        repo.keys.insert(role::ROOT, (old.clone(), 2));
        repo.roots.clear();
        repo.add_root(|_| {});
        repo.keys.insert(role::ROOT, (new.clone(), 2));
        repo.add_root_by(&signers, |_| {});
        let mut client = Client::of(&repo);
        let outcome = run(&mut client, &mut repo.publish());
        assert_eq!(code(&outcome.refreshed), refused, "{what}: {:?}", outcome.refreshed);
        assert_eq!(stored(&client).contains(&2), refused.is_none(), "{what}");
    }
}

/// T-7.5 T-16.2: `2.root.json` has version 2. Of version 1 it is the same one, or another one.
#[test]
fn a_root_has_the_version_that_its_name_says() {
    let with = |version: u64, other: bool| {
        let mut repo = chain(0);
        repo.add_root(|signed| {
            signed["version"] = json!(version);
            if other {
                signed["x-other"] = json!(true);
            }
        });
        repo
    };
    for (version, other, refused) in [
        (2, false, None),
        (2, true, None),
        (1, false, Some(Code::RotationVersion)),
        (1, true, Some(Code::MismatchContent)),
        (3, false, Some(Code::RotationVersion)),
        (1 << 40, true, Some(Code::RotationVersion)),
    ] {
        let repo = with(version, other);
        for mut client in [Client::of(&repo), warm(&chain(0), 1)] {
            let outcome = run(&mut client, &mut repo.publish());
            assert_eq!(code(&outcome.refreshed), refused, "{version} {other}: {:?}", outcome.refreshed);
            if let Err(e) = outcome.refreshed {
                assert_eq!((e.role(), e.file()), (Some("root"), Some("2.root.json")));
                assert_eq!(stored(&client), [1], "a refused root is not stored");
            }
        }
    }
}

/// T-7.6 T-7.7 T-7.8: only the last root must be unexpired, to the second; it is stored all the same.
#[test]
fn only_the_last_root_must_be_unexpired() {
    for (expires, last) in [
        ("2030-01-01T00:00:01Z", None),
        ("2030-01-01T00:00:00Z", Some(Code::ExpiredRoot)),
        ("2020-01-01T00:00:00Z", Some(Code::ExpiredRoot)),
    ] {
        let mut repo = chain(0);
        repo.add_root(|signed| signed["expires"] = json!(expires));
        let mut client = Client::of(&repo);
        let mut server = repo.publish();
        assert_eq!(code(&run(&mut client, &mut server).refreshed), last, "{expires}");
        assert_eq!(server.asked().contains(&"timestamp.json".to_owned()), last.is_none(), "{expires}");
        assert_eq!(client.store.files.get(&FileName::Root(2)), Some(&repo.roots[1]), "{expires}");
        repo.add_root(|_| {});
        for mut client in [Client::of(&repo), client] {
            let from = recorded_root(&client) + 1;
            let mut server = repo.publish();
            assert_eq!(found(&run(&mut client, &mut server).answers[0]), of("one", "targets"), "{expires}");
            assert_eq!(server.asked()[0], format!("{from}.root.json"), "{expires}");
        }
    }
}

fn recorded_root(client: &Client) -> u64 {
    if client.store.files.is_empty() { 1 } else { recorded(client).1 }
}

/// T-9.3 T-9.2: what was walked up to the limit is kept, run by run, until the newest is reached; a
/// store that may serve where the server does not answer never does so here.
#[test]
fn the_next_run_goes_on_from_what_was_walked() {
    let repo = chain(6);
    for (unreachable, kept) in [(Unreachable::Refuse, false), (Unreachable::UseCache, true)] {
        let mut client = Client::of(&repo);
        if kept {
            let mut first = repo.clone();
            first.roots.truncate(1);
            client = warm(&first, 1);
        }
        client.settings.unreachable = unreachable;
        client.settings.limits.rotations = 2;
        let mut ends = Vec::new();
        for _ in 0..3 {
            let mut server = repo.publish();
            let outcome = run(&mut client, &mut server);
            ends.push((code(&outcome.refreshed), recorded(&client).1, server.asked()[0].clone()));
            assert_eq!(code(&outcome.answers[0]), code(&outcome.refreshed));
        }
        let limit = Some(Code::LimitRotations);
        assert_eq!(
            ends,
            [(limit, 3, "2.root.json".into()), (limit, 5, "4.root.json".into()), (None, 6, "6.root.json".into())]
        );
        assert_eq!(stored(&client), [1, 2, 3, 4, 5, 6]);
    }
}

/// T-8.4: no answer for the next root is never "no newer root", where the store may serve either: a
/// newer timestamp is not even asked for.
#[test]
fn a_store_that_serves_takes_nothing_new_under_an_old_root() {
    let repo = chain(2);
    let mut client = warm(&repo, 1);
    client.settings.unreachable = Unreachable::UseCache;
    let mut newer = repo.clone();
    newer.bump(&[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS]);
    newer.target("targets", "a", "two");
    let mut server = newer.publish();
    server.fail("3.root.json", Code::NetworkStatus);
    let outcome = run(&mut client, &mut server);
    assert_eq!(server.asked(), ["3.root.json"]);
    assert_eq!(found(&outcome.answers[0]), of("one", "targets"));
    assert!(outcome.from_store && warned(&outcome) == [Code::StoreServed].into());
    assert_eq!(client.store.record()["roles"]["timestamp"]["version"], json!(5));
    // What the store shows is told beside what the server did not say.
    let late = client.clone().at("2049-01-01T00:00:00Z").run(&mut server, Vec::new());
    let e = late.refreshed.unwrap_err();
    assert_eq!(e.code(), Code::NetworkStatus);
    assert!(e.found().is_some_and(|found| found.contains("expired")), "{e:?}");
    assert_eq!(found(&run(&mut client, &mut newer.publish()).answers[0]), of("two", "targets"));
}
