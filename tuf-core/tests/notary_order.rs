//! The order of requests (N-20), what a run takes its time from (T-1), and runs without a server
//! (T-51).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use support::{Cert, Client, GUN, Key, Repo, Server, code, found, of};
use tuf_core::Code;
use tuf_core::client::drive;
use tuf_core::error::Answer;
use tuf_core::metadata::role;
use tuf_core::store::{MemoryStore, Store};
use tuf_core::transport::Transport;
use tuf_core::trust::{FileName, Query, Step, TagRule, start};

const RULE: TagRule = TagRule::TargetsFirst;
const FRESH: [&str; 4] = ["root.json", "timestamp.json", "snapshot.#.json", "targets.#.json"];

/// A collection with one tag.
fn repo() -> Repo {
    let mut repo = Repo::notary();
    repo.target("targets", "1.0", "one");
    repo
}

/// A look-up of that tag that has to succeed, and its requests.
fn asks(client: &mut Client, server: &mut Server) -> Vec<String> {
    server.asked();
    let answer = client.look(server, "1.0", RULE);
    assert_eq!(found(&answer), of("one", "targets"), "{answer:?}");
    server.asked()
}

/// N-20.1: root, timestamp, snapshot, targets. Pinned to an older root, the chain is walked first.
#[test]
fn a_fresh_client_asks_for_the_root_first() {
    let mut repo = repo();
    assert_eq!(asks(&mut Client::of(&repo), &mut repo.publish()), FRESH);
    for _ in 0..2 {
        repo.rotate(|keys| keys.get_mut(role::ROOT).unwrap().0 = vec![Cert::new(GUN).self_signed()]);
    }
    let walk = ["root.json", "1.root.json", "2.root.json", "3.root.json", "4.root.json"];
    assert_eq!(asks(&mut Client::of(&repo), &mut repo.publish()), [&walk[..], &FRESH[1..]].concat());
}

/// N-20.2 N-20.7: the timestamp is the first request and, when it is equal, the only one; what a
/// new timestamp names is asked for only where it changed.
#[test]
fn a_warm_look_up_is_one_request() {
    let mut repo = repo();
    let mut client = Client::of(&repo);
    asks(&mut client, &mut repo.publish());
    assert_eq!(asks(&mut client, &mut repo.publish()), ["timestamp.json"], "equal");
    repo.bump(&[role::TIMESTAMP]);
    assert_eq!(asks(&mut client, &mut repo.publish()), ["timestamp.json"], "a new one of the same snapshot");
    repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
    assert_eq!(asks(&mut client, &mut repo.publish()), FRESH[1..3], "a new snapshot of the same targets");
    repo.target("targets", "2.0", "two");
    repo.bump(&[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS]);
    assert_eq!(asks(&mut client, &mut repo.publish()), FRESH[1..], "new targets");
    assert_eq!(asks(&mut client, &mut repo.publish()), ["timestamp.json"], "equal again");
}

/// N-20.3 N-20.4 N-20.5: whatever was rotated, the client finds it at the first file that does
/// not hold under its root, walks, and starts over once. A rotation that no file shows yet is not
/// asked for.
#[test]
fn what_does_not_hold_under_the_stored_root_makes_the_client_walk() {
    let walk = ["2.root.json", "3.root.json"];
    for (rotated, before, after) in [
        (role::TIMESTAMP, &FRESH[1..2], &FRESH[1..3]),
        (role::SNAPSHOT, &FRESH[1..3], &FRESH[1..3]),
        (role::ROOT, &FRESH[1..3], &FRESH[1..3]),
    ] {
        let mut repo = repo();
        let mut client = Client::of(&repo);
        asks(&mut client, &mut repo.publish());
        repo.rotate(|keys| {
            let new = if rotated == role::ROOT { Cert::new(GUN).self_signed() } else { Key::named("new") };
            keys.get_mut(rotated).unwrap().0 = vec![new];
        });
        repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
        let expected = [before, &walk, after].concat();
        let asked = asks(&mut client, &mut repo.publish());
        assert_eq!(asked, expected, "{rotated}");
        assert_eq!(asks(&mut client, &mut repo.publish()), ["timestamp.json"], "{rotated}, again");
    }
}

/// N-20.3: without a newer root the refusal stands, after one more request.
#[test]
fn without_a_newer_root_the_refusal_stands() {
    for (name, asked) in [(role::TIMESTAMP, &FRESH[1..2]), (role::SNAPSHOT, &FRESH[1..3])] {
        let mut repo = repo();
        let mut client = Client::of(&repo);
        asks(&mut client, &mut repo.publish());
        repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
        repo.file(name).signers = Some(vec![Key::named("thief")]);
        let mut server = repo.publish();
        let answer = client.look(&mut server, "1.0", RULE);
        assert_eq!(code(&answer), Some(Code::SignatureThreshold), "{name}");
        assert_eq!(answer.unwrap_err().role(), Some(name));
        assert_eq!(server.asked(), [asked, &["2.root.json"]].concat(), "{name}");
    }
}

/// N-20.6: the client starts over once only, and says what is wrong with the final root.
#[test]
fn a_snapshot_that_names_no_root_of_the_chain_is_refused() {
    let mut repo = repo();
    let mut client = Client::of(&repo);
    repo.rotate(|keys| keys.get_mut(role::ROOT).unwrap().0 = vec![Cert::new(GUN).self_signed()]);
    let other = repo.roots[0].clone();
    repo.file(role::SNAPSHOT).bend = Some(Rc::new(move |signed| {
        let hash = tuf_core::crypto::sha256(&other);
        signed["meta"]["root"]["hashes"]["sha256"] = json!(data_encoding::BASE64.encode(&hash));
    }));
    let mut server = repo.publish();
    let refused = client.look(&mut server, "1.0", RULE).unwrap_err();
    assert_eq!((refused.code(), refused.role()), (Code::MismatchHash, Some(role::ROOT)));
    let timestamps = server.asked().iter().filter(|path| *path == "timestamp.json").count();
    assert!(timestamps <= 2, "asked {timestamps} times");
}

/// A repository of either format, in which one file expires at a given time.
fn expiring(tuf: bool, name: &str, expires: &str) -> Repo {
    let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
    repo.delegate("targets", "targets/releases", &[if tuf { "*" } else { "" }]);
    repo.target("targets/releases", "1.0", "one");
    if name == role::ROOT {
        repo.roots.clear();
        repo.add_root(|signed| signed["expires"] = json!(expires));
    } else {
        repo.signed(name)["expires"] = json!(expires);
    }
    repo
}

/// T-1.1 T-1.2 T-1.3 T-1.4: the one injected time judges every file, in both formats: what expires
/// a second later is good, what expires then is not, and the same bytes are good earlier.
#[test]
fn every_expiry_is_judged_by_the_one_start_time() {
    for tuf in [true, false] {
        for (name, expired) in [
            (role::ROOT, Code::ExpiredRoot),
            (role::TIMESTAMP, Code::ExpiredTimestamp),
            (role::SNAPSHOT, Code::ExpiredSnapshot),
            (role::TARGETS, Code::ExpiredTargets),
            ("targets/releases", Code::ExpiredDelegation),
        ] {
            let repo = expiring(tuf, name, "2030-01-01T00:00:01Z");
            for (time, outcome) in [
                ("2030-01-01T00:00:00Z", None),
                ("2030-01-01T00:00:01Z", Some(expired)),
                ("2030-01-01T00:00:02Z", Some(expired)),
                ("2029-06-01T00:00:00Z", None),
            ] {
                let answer = Client::of(&repo).at(time).look(&mut repo.publish(), "1.0", RULE);
                assert_eq!(code(&answer), outcome, "tuf {tuf}, {name} at {time}");
                if let Err(e) = answer {
                    assert_eq!(e.role(), Some(name));
                }
            }
        }
    }
}

/// T-1.1: a run takes its time before the first request: an answer that comes late changes nothing,
/// as the machine has no clock. Two runs of one machine at two times differ in nothing else.
#[test]
fn the_machine_has_no_clock() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for folder in ["trust", "wire"] {
        for entry in std::fs::read_dir(source.join(folder)).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            read += 1;
            for clock in ["SystemTime", "Instant::now", "of_clock", "Utc::now"] {
                assert!(!text.contains(clock), "{clock} in {folder}");
            }
        }
    }
    assert!(read > 8, "{read} files");
}

/// T-1.5: what a run with injected time accepted is there for the next run, by the clock too:
/// files spare requests, versions refuse a rollback.
#[test]
fn a_run_with_injected_time_stores_like_any_other() {
    for tuf in [true, false] {
        let mut repo = expiring(tuf, role::TARGETS, "2049-01-01T00:00:00Z");
        let old = repo.publish();
        repo.bump(&[role::TIMESTAMP]);
        let mut client = Client::of(&repo);
        assert!(client.look(&mut repo.publish(), "1.0", RULE).is_ok());
        for injected in [true, false] {
            let mut client = client.clone();
            client.settings.injected = injected;
            let mut server = repo.publish();
            assert!(client.look(&mut server, "1.0", RULE).is_ok());
            let fewest: &[&str] = if tuf { &["2.root.json", "timestamp.json"] } else { &["timestamp.json"] };
            assert_eq!(server.asked(), fewest, "tuf {tuf}, injected {injected}");
            let answer = client.look(&mut old.clone(), "1.0", RULE);
            assert_eq!(code(&answer), Some(Code::RollbackTimestamp), "tuf {tuf}, injected {injected}");
        }
    }
}

/// N-23.11: of many roles six are under way at a time, whichever is answered first, and all are asked for.
#[test]
fn six_files_are_under_way_at_a_time() {
    for tuf in [true, false] {
        let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
        for number in 0..20 {
            let name = format!("targets/{number}");
            repo.delegate("targets", &name, &[&format!("{number}{}", if tuf { "/*" } else { "-" })]);
            repo.target(&name, &format!("{number}{}", if tuf { "/x" } else { "-x" }), "x");
        }
        let rule = if tuf { TagRule::Search } else { RULE };
        for last_first in [true, false] {
            let (mut server, mut store) = (repo.publish(), MemoryStore::default());
            let mut job = start(Client::of(&repo).settings, vec![(Query::All, rule.clone())]);
            let (mut under_way, mut most) = (VecDeque::new(), 0);
            let outcome = loop {
                match job.step() {
                    Step::Load { file, sha256 } => job.loaded(store.load(&file, sha256.as_deref())),
                    Step::Commit(changes) => job.committed(store.commit(&changes)),
                    Step::Fetch(request) => under_way.push_back(request),
                    Step::Wait => {
                        most = most.max(under_way.len());
                        let request = if last_first { under_way.pop_back() } else { under_way.pop_front() };
                        let request = request.expect("it waits for something");
                        job.answer(request.id, server.fetch(&request));
                    }
                    Step::Done(outcome) => break outcome,
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(outcome.answers[0].as_ref().map(|trusted| trusted.found.len()), Ok(20), "tuf {tuf}");
            assert_eq!(most, 6, "tuf {tuf}, last first {last_first}");
            let asked = server.asked();
            let roles = asked.iter().filter(|path| path.contains("targets/") || path.contains("targets%2F"));
            assert_eq!(roles.collect::<BTreeSet<_>>().len(), 20, "tuf {tuf}: {asked:?}");
        }
    }
}

/// T-49.5: the memory store holds what the run after needs.
#[test]
fn a_memory_store_serves_a_whole_run() {
    let repo = repo();
    let (mut store, client) = (MemoryStore::default(), Client::of(&repo));
    for asked in [&FRESH[..], &["timestamp.json"]] {
        let mut server = repo.publish();
        let queries = vec![(Query::Name("1.0".to_owned()), RULE)];
        let outcome = drive(start(client.settings.clone(), queries), &mut store, &mut server);
        assert_eq!(found(&outcome.answers[0]), of("one", "targets"));
        assert_eq!(server.asked(), asked);
    }
}

/// T-51.1 T-51.2: the same answers from the store alone, and not one request, whether it holds
/// everything, something or nothing.
#[test]
fn offline_asks_the_store_alone() {
    for tuf in [true, false] {
        let mut repo = expiring(tuf, role::TIMESTAMP, "2030-01-03T00:00:00Z");
        repo.target("targets", "2.0", "two");
        let mut server = repo.publish();
        let mut empty = Client::of(&repo);
        let mut partial = empty.clone();
        assert!(partial.look(&mut server, "2.0", RULE).is_ok());
        let mut warm = partial.clone();
        let online = warm.look(&mut server, "1.0", RULE);
        assert!(!server.asked().is_empty());
        for client in [&mut empty, &mut partial, &mut warm] {
            client.settings.offline = true;
        }
        assert_eq!(found(&warm.look(&mut server, "1.0", RULE)), found(&online), "tuf {tuf}");
        assert_eq!(found(&partial.look(&mut server, "2.0", RULE)), of("two", "targets"), "tuf {tuf}");
        assert_eq!(code(&partial.look(&mut server, "1.0", RULE)), Some(Code::StoreEmpty), "tuf {tuf}");
        assert_eq!(code(&empty.look(&mut server, "1.0", RULE)), Some(Code::StoreEmpty), "tuf {tuf}");
        let late = warm.clone().at("2030-01-03T00:00:00Z").look(&mut server, "1.0", RULE);
        assert_eq!(code(&late), Some(Code::ExpiredTimestamp), "tuf {tuf}");
        assert_eq!(server.asked(), [""; 0], "tuf {tuf}");
    }
}

/// T-51.3: whatever file somebody changed in the store, with or without the record, nothing of it
/// is handed out; the same run without the change answers.
#[test]
fn nothing_cached_is_handed_out_unverified() {
    let thief = |bytes: &[u8]| {
        let mut file: Value = serde_json::from_slice(bytes).unwrap();
        file["signed"]["expires"] = json!("2048-01-01T00:00:00Z");
        serde_json::to_vec(&file).unwrap()
    };
    for tuf in [true, false] {
        let repo = expiring(tuf, role::TARGETS, "2049-01-01T00:00:00Z");
        let mut client = Client::of(&repo);
        assert!(client.look(&mut repo.publish(), "1.0", RULE).is_ok());
        client.settings.offline = true;
        assert_eq!(found(&client.clone().look(&mut Server::default(), "1.0", RULE)), of("one", "targets/releases"));
        for file in [
            FileName::Root(1),
            FileName::Timestamp,
            FileName::Snapshot,
            FileName::Targets("targets".to_owned()),
            FileName::Targets("targets/releases".to_owned()),
        ] {
            let bytes = thief(&client.store.files[&file]);
            let mut damaged = client.clone();
            damaged.store.files.insert(file.clone(), bytes.clone());
            let answer = damaged.look(&mut Server::default(), "1.0", RULE);
            assert_eq!(code(&answer), Some(Code::StoreDamaged), "tuf {tuf}, {file:?}");
            let mut forged = client.clone();
            forged.store.forge(&file, bytes);
            let answer = forged.look(&mut Server::default(), "1.0", RULE);
            let refused = answer.map_err(|e| e.code().answer());
            assert!(refused.is_err(), "tuf {tuf}, {file:?}");
            assert_ne!(refused, Err(Answer::Refused), "tuf {tuf}, {file:?}: the server did nothing wrong");
        }
    }
}
