//! What damage of a store is, and what absence, staleness and age are instead (T-46).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use support::releases::{BOTH, RELEASES, ROLES, file_of, next, pair, repo, served, warm};
use support::{Cert, GUN, Keeper, Key, code, found, of, sealed, tree, warned};
use tuf_core::Code;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::role;
use tuf_core::trust::{FileName, Query, TagRule};

/// Every recorded file of a warm store.
fn recorded(tuf: bool) -> Vec<String> {
    let mut files: Vec<String> = ROLES.iter().map(|name| file_of(name).path()).collect();
    files.push("roots/1.root.json".to_owned());
    assert!(!tuf || files.contains(&"targets%2Freleases.json".to_owned()));
    files
}

/// T-46.1: the record is not named `.json`; of each file it holds the SHA-256, of each role version
/// and root version.
#[test]
fn what_the_record_holds() {
    for tuf in BOTH {
        let (old, mut new) = pair(tuf);
        let mut keeper = warm(&old);
        new.rotate(|keys| keys.get_mut(role::ROOT).unwrap().1 = 1);
        assert!(keeper.look(&mut new.publish(), "1.0").is_ok());
        let (record, files) = (keeper.record(), tree(&keeper.folder()));
        assert_eq!(FileName::Record.path(), "state");
        let mut held: BTreeMap<String, String> = serde_json::from_value(record["files"].clone()).unwrap();
        for (name, bytes) in &files {
            if !["state", "checked", "lock"].contains(&name.as_str()) {
                assert_eq!(held.remove(name), Some(hex(&sha256(bytes))), "tuf {tuf}, {name}");
            }
        }
        assert!(held.is_empty(), "{held:?}");
        let rooted = if tuf { 2 } else { 1 };
        for name in ROLES {
            assert_eq!(record["roles"][name]["version"], json!(2));
            let under = record["roles"][name]["root"].as_u64().unwrap();
            assert!((rooted..=2).contains(&under), "tuf {tuf}, {name}: {under}");
        }
    }
}

/// How a file of the store comes to harm.
type Harm = fn(&Path);

const HARMS: [(&str, Harm); 8] = [
    ("empty", |path| fs::write(path, "").unwrap()),
    ("truncated", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("one byte short", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    }),
    ("one bit flipped", |path| {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() / 3;
        bytes[at] ^= 4;
        fs::write(path, &bytes).unwrap();
    }),
    ("zeros", |path| fs::write(path, vec![0; fs::read(path).unwrap().len()]).unwrap()),
    ("a newline more", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, [&bytes[..], b"\n"].concat()).unwrap();
    }),
    ("a link to the same", |path| {
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        symlink(&away, path).unwrap();
    }),
    ("a folder", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
];

/// T-46.3 T-46.4 T-46.10: any recorded file that is not its bytes, gone, a link or a folder: the
/// answer is `store.damaged` and names it, online and offline, and mends nothing by itself.
#[test]
fn a_recorded_file_that_is_not_its_bytes_is_damage() {
    let gone: (&str, Harm) = ("gone", |path| fs::remove_file(path).unwrap());
    for tuf in BOTH {
        let repo = repo(tuf);
        for file in recorded(tuf) {
            for (what, harm) in HARMS.into_iter().chain([gone]) {
                let mut keeper = warm(&repo);
                let folder = keeper.folder();
                keeper.settings.offline = true;
                assert_eq!(found(&keeper.look(&mut repo.publish(), "1.0")), of("one", RELEASES), "the twin");
                harm(&folder.join(&file));
                let after = tree(&folder);
                for offline in BOTH {
                    keeper.settings.offline = offline;
                    let answer = keeper.look(&mut repo.publish(), "1.0");
                    let case = format!("tuf {tuf}, {file} {what}, offline {offline}");
                    assert_eq!(code(&answer), Some(Code::StoreDamaged), "{case}");
                    assert_eq!(answer.unwrap_err().file(), Some(&*file), "{case}");
                    assert_eq!(tree(&folder)["state"], after["state"], "{case}: what is remembered is left");
                }
            }
        }
    }
}

/// A change of the record.
type Change = fn(&mut Value);

/// T-46.3: the record itself: cut, not its own, another collection's.
#[test]
fn a_broken_record_is_damage() {
    for tuf in BOTH {
        let repo = repo(tuf);
        let changed: [(&str, Change); 6] = [
            ("another collection's", |record| record["name"] = json!("registry.test/team/other")),
            ("of the other format", |record| {
                record["format"] = json!(if record["format"] == json!("tuf1") { "notary1" } else { "tuf1" });
            }),
            ("of a later program", |record| record["schema"] = json!("tuf-store/2")),
            ("no chain", |record| record["anchor"] = json!(0)),
            ("a chain turned round", |record| record["anchor"] = json!(9)),
            ("a root that is not recorded", |record| record["root"] = json!(2)),
        ];
        for (what, change) in changed {
            let mut keeper = warm(&repo);
            let mut record = keeper.record();
            keeper.put(&FileName::Record, &sealed(&record.to_string()));
            assert!(keeper.look(&mut repo.publish(), "1.0").is_ok(), "the twin: written anew, unchanged");
            change(&mut record);
            keeper.put(&FileName::Record, &sealed(&record.to_string()));
            assert_eq!(code(&keeper.look(&mut repo.publish(), "1.0")), Some(Code::StoreDamaged), "tuf {tuf}, {what}");
        }
        for (what, harm) in HARMS {
            let mut keeper = warm(&repo);
            harm(&keeper.folder().join("state"));
            let answer = keeper.look(&mut repo.publish(), "1.0");
            assert_eq!(code(&answer), Some(Code::StoreDamaged), "tuf {tuf}, {what}: {answer:?}");
        }
    }
}

/// T-46.2: the new file lies beside, the goal is old or absent: it counts, online and offline; the
/// next commit finishes the rename. Without it, or with other bytes, that is damage.
#[test]
fn a_new_file_beside_its_goal_counts() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        for file in recorded(tuf) {
            for goal in [None, Some(&b"old bytes"[..])] {
                for beside in ["right", "wrong", "none"] {
                    let mut keeper = warm(&old);
                    let path = keeper.folder().join(&file);
                    let mut bytes = fs::read(&path).unwrap();
                    let new_file = keeper.folder().join(format!("{file}.{}.new", hex(&sha256(&bytes))));
                    fs::remove_file(&path).unwrap();
                    if let Some(goal) = goal {
                        fs::write(&path, goal).unwrap();
                    }
                    if beside == "wrong" {
                        bytes.pop();
                    }
                    if beside != "none" {
                        fs::write(&new_file, &bytes).unwrap();
                    }
                    let case = format!("tuf {tuf}, {file}, goal {goal:?}, beside {beside}");
                    keeper.settings.offline = true;
                    let answer = keeper.look(&mut old.publish(), "1.0");
                    if beside != "right" {
                        assert_eq!(code(&answer), Some(Code::StoreDamaged), "{case}");
                        continue;
                    }
                    assert_eq!(found(&answer), of("one", RELEASES), "{case}");
                    keeper.settings.offline = false;
                    assert_eq!(found(&keeper.look(&mut old.publish(), "1.0")), of("one", RELEASES), "{case}");
                    assert_eq!(found(&keeper.look(&mut new.publish(), "1.0")), of("two", RELEASES), "{case}");
                    assert!(!new_file.exists() && path.is_file(), "{case}: finished");
                    assert!(tree(&keeper.folder()).keys().all(|name| !name.ends_with(".new")), "{case}");
                }
            }
        }
    }
}

/// T-46.6: targets' key changed, the kept targets are intact and no longer hold: they are fetched
/// again, which is no damage and no drop; an old delegation likewise.
#[test]
fn what_no_longer_verifies_is_stale() {
    for tuf in BOTH {
        for name in [role::TARGETS, RELEASES] {
            let old = repo(tuf);
            let mut keeper = warm(&old);
            let mut new = old.clone();
            if name == RELEASES {
                new.delegate_to("targets", RELEASES, &[if tuf { "*" } else { "" }], &[Key::named("new")], 1);
                new.bump(&[role::TARGETS]);
            } else {
                new.rotate(|keys| keys.get_mut(role::TARGETS).unwrap().0 = vec![Key::named("new")]);
            }
            new.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
            let mut server = new.publish();
            let answer = keeper.look(&mut server, "1.0");
            assert_eq!(found(&answer), of("one", RELEASES), "tuf {tuf}, {name}: {answer:?}");
            assert!(server.asked().contains(&served(tuf, name, 1)));
            assert_eq!(keeper.record()["dropped"], json!(0));
        }
    }
}

/// T-46.7 T-46.8: a folder that another client left: what verifies is taken in, with a warning, and
/// its versions count; what does not is damage.
#[test]
fn a_folder_without_a_record_is_adopted() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        let server = new.publish();
        let adopting = |bent: Option<&str>| {
            let mut keeper = Keeper::of(&new);
            for name in &ROLES[..3] {
                let mut bytes = server.get(&served(tuf, name, 2)).to_vec();
                if bent == Some(name) {
                    let mut file: Value = serde_json::from_slice(&bytes).unwrap();
                    file["signed"]["expires"] = json!("2048-01-01T00:00:00Z");
                    bytes = serde_json::to_vec(&file).unwrap();
                }
                keeper.put(&file_of(name), &bytes);
            }
            keeper
        };
        let mut keeper = adopting(None);
        let name = || Query::Name("1.0".to_owned());
        let rule = if tuf { TagRule::Search } else { TagRule::ReleasesFirst };
        let outcome = keeper.run(&mut server.clone(), vec![(name(), rule.clone())]);
        assert_eq!(found(&outcome.answers[0]), of("two", RELEASES), "tuf {tuf}: {:?}", outcome.answers);
        assert!(warned(&outcome).contains(&Code::StoreAdopted));
        let outcome = keeper.run(&mut server.clone(), vec![(name(), rule)]);
        assert_eq!(warned(&outcome), Default::default(), "tuf {tuf}: once");
        let mut keeper = adopting(None);
        assert_eq!(code(&keeper.look(&mut old.publish(), "1.0")), Some(Code::RollbackTimestamp), "tuf {tuf}");
        for bent in &ROLES[..3] {
            let mut keeper = adopting(Some(bent));
            // Again: the run that found it makes no record that would turn damage into absence.
            for _ in 0..2 {
                let answer = keeper.look(&mut server.clone(), "1.0");
                assert_eq!(code(&answer), Some(Code::StoreDamaged), "tuf {tuf}, {bent}");
                assert_eq!(answer.unwrap_err().file(), Some(&*file_of(bent).path()));
            }
        }
    }
}

/// T-46.7: the folder was left by a client that had walked to a newer root than the pinned one: its
/// files are signed by that root's keys, and verify once the chain is walked.
#[test]
fn a_folder_of_a_newer_root_is_adopted() {
    for tuf in BOTH {
        let mut repo = repo(tuf);
        for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
            repo.rotate(|keys| keys.get_mut(name).unwrap().0 = vec![Key::named(&format!("new {name}"))]);
        }
        let mut keeper = Keeper::of(&repo);
        for name in &ROLES[..3] {
            keeper.put(&file_of(name), repo.publish().get(&served(tuf, name, 1)));
        }
        let answer = keeper.look(&mut repo.publish(), "1.0");
        assert_eq!(found(&answer), of("one", RELEASES), "tuf {tuf}: {answer:?}");
    }
}

/// T-46.7: a first run that fails on the way to the newest root makes no record beside another client's
/// files: their versions count at the next one.
#[test]
fn a_run_that_fails_before_it_adopts_forgets_nothing() {
    let mut old = repo(false);
    old.rotate(|keys| keys.get_mut(role::ROOT).unwrap().0 = vec![Cert::new(GUN).self_signed()]);
    let new = next(&old);
    let mut keeper = Keeper::of(&new);
    for name in &ROLES[..3] {
        keeper.put(&file_of(name), new.publish().get(&served(false, name, 2)));
    }
    let mut broken = new.publish();
    broken.fail("2.root.json", Code::NetworkUnreachable);
    assert_eq!(code(&keeper.look(&mut broken, "1.0")), Some(Code::NetworkUnreachable));
    assert!(!tree(&keeper.folder()).contains_key("state"), "no record");
    assert_eq!(code(&keeper.look(&mut old.publish(), "1.0")), Some(Code::RollbackTimestamp));
    assert_eq!(found(&keeper.look(&mut new.publish(), "1.0")), of("two", RELEASES));
}

/// T-46.9: whatever lies beside a record that does not name it is ignored, and left.
#[test]
fn unnamed_files_are_ignored() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        let mut keeper = warm(&old);
        let strangers = ["targets%2Fqa.json", "root.json", "README", "roots/7.root.json", "roots/x", "1.snapshot.json"];
        for name in strangers {
            fs::write(keeper.folder().join(name), "garbage").unwrap();
        }
        for (repo, content) in [(&old, "one"), (&new, "two")] {
            assert_eq!(found(&keeper.look(&mut repo.publish(), "1.0")), of(content, RELEASES), "tuf {tuf}");
        }
        let left = tree(&keeper.folder());
        assert!(strangers.iter().all(|name| left[*name] == b"garbage"));
        // A role that was dropped from the record lies there unnamed.
        let mut record = keeper.record();
        record["files"].as_object_mut().unwrap().remove("targets.json");
        keeper.put(&FileName::Record, &sealed(&record.to_string()));
        fs::write(keeper.folder().join("targets.json"), "garbage").unwrap();
        assert_eq!(found(&keeper.look(&mut new.publish(), "1.0")), of("two", RELEASES), "tuf {tuf}: fetched");
        assert_ne!(fs::read(keeper.folder().join("targets.json")).unwrap(), b"garbage");
    }
}

/// T-46.11: every file expired in the store, and renewed at the server: no damage, and an answer.
#[test]
fn expired_files_are_no_damage() {
    for tuf in BOTH {
        let mut old = repo(tuf);
        old.roots.clear();
        old.add_root(|signed| signed["expires"] = json!("2030-01-02T00:00:00Z"));
        for name in ROLES {
            old.signed(name)["expires"] = json!("2030-01-02T00:00:00Z");
        }
        let mut keeper = warm(&old);
        let mut new = next(&old);
        new.rotate(|_| {});
        for name in ROLES {
            new.signed(name)["expires"] = json!(support::LATER);
        }
        let answer = keeper.at("2031-01-01T00:00:00Z").look(&mut new.publish(), "1.0");
        assert_eq!(found(&answer), of("two", RELEASES), "tuf {tuf}: {answer:?}");
    }
}
