//! What a run keeps and how it commits (T-17, T-45), and stores that cannot be written (T-49).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use support::releases::{BOTH, RELEASES, ROLES, file_of, next, pair, repo, served, warm};
use support::{Keeper, Key, Place, Server, code, found, of, tree, warned};
use tuf_core::Code;
use tuf_core::client::drive;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::{Bytes, role};
use tuf_core::store::{FileStore, Store};
use tuf_core::transport::Transport;
use tuf_core::trust::{Changes, Committed, Fetched, FileName, Query, Request, Step, TagRule, start};

// ---- T-17: what is kept ----

/// T-17.1 T-17.2 T-17.3: each file in turn is missing, or not what was signed: those before it are
/// kept byte for byte in one commit, it and those after it are not, and the answer is no answer.
#[test]
fn what_was_accepted_before_a_failure_is_kept() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        for (at, name) in ROLES.into_iter().enumerate() {
            for lost in BOTH {
                for mut keeper in Keeper::all(&old) {
                    assert!(keeper.look(&mut old.publish(), "1.0").is_ok());
                    let before: Vec<_> = ROLES.map(|name| keeper.read(&file_of(name))).to_vec();
                    let sound = new.publish();
                    let mut server = sound.clone();
                    let path = served(tuf, name, 2);
                    let mut bent = sound.get(&path).to_vec();
                    let last = bent.iter().rposition(|b| b.is_ascii_digit()).expect("a digit");
                    bent[last] ^= 1;
                    if lost {
                        server.lose(&path)
                    } else {
                        server.put(&path, bent.clone())
                    }
                    let answer = keeper.look(&mut server, "1.0");
                    assert!(answer.is_err(), "tuf {tuf}, {name}, lost {lost}");
                    for (other, name) in ROLES.into_iter().enumerate() {
                        let kept = keeper.read(&file_of(name));
                        let want = if other < at {
                            Some(sound.get(&served(tuf, name, 2)).to_vec())
                        } else {
                            before[other].clone()
                        };
                        assert!(kept == want, "tuf {tuf}, {name} of {other}, failed at {at}, {}", keeper.kind());
                        assert_eq!(keeper.version(name), Some(if other < at { 2 } else { 1 }));
                    }
                    if let Place::Shelf(shelf) = &keeper.place {
                        let commits = 1 + usize::from(at > 0);
                        assert_eq!(shelf.commits.len(), commits, "one a run, none where nothing changed");
                        assert!(shelf.files.values().all(|bytes| *bytes != bent));
                    } else if let Place::Folder(_) = keeper.place {
                        assert!(tree(&keeper.folder()).values().all(|bytes| *bytes != bent), "refused, and not stored");
                    }
                }
            }
        }
    }
}

/// T-17.1: roots are kept although the timestamp after them fails, and although they are expired.
#[test]
fn roots_are_kept_whatever_fails_later() {
    for tuf in BOTH {
        let mut repo = repo(tuf);
        for mut keeper in Keeper::all(&repo) {
            assert!(keeper.look(&mut repo.publish(), "1.0").is_ok());
            let mut next = repo.clone();
            next.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0 = vec![Key::named("new")]);
            let mut server = next.publish();
            let mut bent: Value = serde_json::from_slice(server.get("timestamp.json")).unwrap();
            bent["signed"]["version"] = json!(7);
            server.put("timestamp.json", serde_json::to_vec(&bent).unwrap());
            assert_eq!(code(&keeper.refresh(&mut server)), Some(Code::SignatureThreshold));
            assert_eq!(keeper.read(&FileName::Root(2)), Some(next.roots[1].clone()), "tuf {tuf}, {}", keeper.kind());
            assert_eq!(keeper.record()["root"], json!(2));
        }
        repo.bump(&[role::TIMESTAMP]);
    }
}

/// T-17.4: after each refusal of before, the honest repository is answered once its timestamp is higher.
#[test]
fn an_honest_repository_recovers_from_every_refusal() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        for name in ROLES {
            for mut keeper in Keeper::all(&old) {
                assert!(keeper.look(&mut old.publish(), "1.0").is_ok());
                let mut server = new.publish();
                server.put(&served(tuf, name, 2), b"{}".to_vec());
                assert!(keeper.look(&mut server, "1.0").is_err());
                let mut honest = new.clone();
                honest.bump(&[role::TIMESTAMP]);
                let answer = keeper.look(&mut honest.publish(), "1.0");
                assert_eq!(found(&answer), of("two", RELEASES), "tuf {tuf}, {name}, {}: {answer:?}", keeper.kind());
            }
        }
    }
}

// ---- T-45: commits ----

/// T-45.4 T-45.5 T-45.15: one commit for a refresh with its look-ups; one for a later look-up that
/// fetched a role; only `checked` when nothing changed, and not even that within a minute.
#[test]
fn one_commit_a_run() {
    for tuf in BOTH {
        let mut repo = repo(tuf);
        repo.target("targets", "2.0", "two");
        let mut keeper = Keeper::all(&repo).remove(0);
        let mut commits = |time: &str, name: &str| {
            let before = keeper.shelf().commits.len();
            assert!(keeper.at(time).look(&mut repo.publish(), name).is_ok());
            keeper.shelf().commits[before..].to_vec()
        };
        let first = commits("2030-01-01T00:00:00Z", "2.0");
        assert_eq!(first.len(), 1);
        assert_eq!((&first[0][0], first[0].last()), (&FileName::Record, Some(&FileName::Checked)));
        assert!(ROLES[..3].iter().all(|name| first[0].contains(&file_of(name))));
        let second = commits("2030-01-01T00:00:30Z", "1.0");
        let want = vec![vec![FileName::Record, file_of(RELEASES)]];
        // The rule of Notary's asked the delegation first, whatever the name.
        assert_eq!(second, if tuf { want } else { Vec::new() }, "tuf {tuf}");
        assert_eq!(commits("2030-01-01T00:00:59Z", "1.0"), Vec::<Vec<FileName>>::new());
        assert_eq!(commits("2030-01-01T00:01:00Z", "1.0"), [[FileName::Checked]]);
    }
}

/// T-45.5: a role that only the second question needs is one commit of its own, in Notary too.
#[test]
fn a_role_that_a_later_look_up_needs_is_one_commit() {
    let mut repo = repo(false);
    repo.delegate("targets", "targets/qa", &[""]);
    repo.target("targets/qa", "1.0", "three");
    let mut keeper = Keeper::all(&repo).remove(0);
    assert!(keeper.look(&mut repo.publish(), "1.0").is_ok());
    let rule = TagRule::Required { roles: vec!["targets/qa".to_owned()], count: 1 };
    let answer = keeper.run(&mut repo.publish(), vec![(Query::Name("1.0".to_owned()), rule)]).answers.remove(0);
    assert_eq!(found(&answer), of("three", "targets/qa"));
    assert_eq!(keeper.shelf().commits[1..], [[FileName::Record, FileName::Targets("targets/qa".to_owned())]]);
}

/// Another process's lock is waited for until the run is over, or given up; where nobody holds it, a
/// commit is made even then.
#[test]
fn nobody_waits_for_a_lock_longer_than_for_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut changes = Changes::default();
    changes.files.insert(FileName::Record, Some(Bytes::new(b"x".to_vec())));
    let given_up = Arc::new(AtomicBool::new(true));
    let waiting = [
        (store.clone().lock_wait(Duration::ZERO), Code::StoreLocked),
        (store.clone().locked_until(Instant::now()), Code::StoreLocked),
        (store.clone().given_up_with(given_up), Code::Cancelled),
    ];
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    for (store, want) in &waiting {
        assert_eq!(code(&store.clone().commit(&changes)), Some(*want));
        assert!(!folder.path().join("state").exists(), "{want:?}: nothing is written");
    }
    drop(lock);
    for (mut store, _) in waiting {
        assert_eq!(store.commit(&changes), Ok(Committed::Done));
        fs::remove_file(folder.path().join("state")).unwrap();
    }
}

/// A server that looks, at every request, whether the store's lock is free and nothing is written.
struct Watching {
    server: Server,
    folder: PathBuf,
    looked: usize,
    cancel_at: Option<usize>,
}

impl Transport for Watching {
    fn fetch(&mut self, request: &Request) -> Fetched {
        if let Ok(lock) = fs::File::open(self.folder.join("lock")) {
            lock.try_lock().expect("the lock is free while the network is asked");
        }
        assert!(tree(&self.folder).keys().all(|name| !name.ends_with(".new")), "a commit is not begun");
        self.looked += 1;
        match self.cancel_at {
            Some(at) if self.looked > at => Fetched::Failed(tuf_core::Error::new(Code::Cancelled, "test", "stop")),
            _ => self.server.fetch(request),
        }
    }
}

/// T-45.3 T-45.6: at no request is the lock held; cancelled at each of them, what was accepted until
/// then is committed, and the next run goes on from there.
#[test]
fn a_cancelled_run_commits_what_it_accepted() {
    for tuf in BOTH {
        let (old, mut new) = pair(tuf);
        new.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0 = vec![Key::named("new")]);
        let run = |cancel_at: Option<usize>| {
            let mut keeper = warm(&old);
            let folder = keeper.folder();
            let mut watching = Watching { server: new.publish(), folder, looked: 0, cancel_at };
            let answer = keeper.look(&mut watching, "1.0");
            (keeper, watching, answer)
        };
        let (_, watching, answer) = run(None);
        assert_eq!(found(&answer), of("two", RELEASES), "{answer:?}");
        let all = watching.looked;
        assert!(all > 4, "{all} requests");
        let mut kept = 0;
        for at in 0..all {
            let (mut keeper, mut watching, answer) = run(Some(at));
            let ends_chain = watching.server.asked().len() == at && answer.is_err();
            assert!(ends_chain, "tuf {tuf}, cancelled at {at}: {answer:?}");
            assert_eq!(code(&answer), Some(Code::Cancelled), "tuf {tuf}, at {at}");
            let versions: u64 = ROLES.iter().filter_map(|name| keeper.version(name)).sum();
            let now = versions
                + 10 * keeper.record()["root"].as_u64().unwrap()
                + keeper.record()["dropped"].as_u64().unwrap() * 4;
            assert!(now >= kept, "tuf {tuf}: {now} after {kept}: nothing that was accepted is lost");
            kept = now;
            let answer = keeper.look(&mut new.publish(), "1.0");
            assert_eq!(found(&answer), of("two", RELEASES), "tuf {tuf}, after {at}: {answer:?}");
        }
        assert!(kept > 14, "{kept}");
    }
}

/// T-45.14: the record without the dropped files is there before they are unlinked: where that
/// fails, the new state holds, and the next commit finishes.
#[test]
fn dropped_files_are_unlinked_after_the_record() {
    let (old, mut new) = pair(true);
    new.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0 = vec![Key::named("new")]);
    let mut keeper = warm(&old);
    let folder = keeper.folder();
    let mut server = new.publish();
    server.lose("timestamp.json");
    let mut store = FileStore::new(&folder);
    let mut job = start(keeper.settings.clone(), Vec::new());
    let changes = loop {
        match job.step() {
            Step::Load { file, sha256 } => job.loaded(store.load(&file, sha256.as_deref())),
            Step::Fetch(request) => {
                let answer = server.fetch(&request);
                job.answer(request.id, answer);
            }
            Step::Commit(changes) => break changes,
            step => panic!("{step:?}"),
        }
    };
    assert_eq!(changes.files[&FileName::Timestamp], None);
    assert_eq!(changes.recorded.get("timestamp.json"), None);
    // A folder cannot be unlinked.
    fs::remove_file(folder.join("timestamp.json")).unwrap();
    fs::create_dir(folder.join("timestamp.json")).unwrap();
    assert_eq!(code(&store.commit(&changes)), Some(Code::StoreIo));
    let record = keeper.record();
    assert_eq!((&record["dropped"], &record["root"]), (&json!(2), &json!(2)), "the record was renamed before");
    assert!(record["files"]["timestamp.json"].is_null() && record["roles"]["timestamp"].is_null());
    fs::remove_dir(folder.join("timestamp.json")).unwrap();
    assert_eq!(found(&keeper.look(&mut new.publish(), "1.0")), of("two", RELEASES));
    assert!(tree(&folder).keys().all(|name| !name.ends_with(".new")));
}

/// T-45.16: links are not followed, neither to read nor to write.
#[test]
fn links_are_not_followed() {
    for tuf in BOTH {
        let (old, new) = pair(tuf);
        for name in ["state", "timestamp.json", "targets.json", "roots/1.root.json", "roots"] {
            let mut keeper = warm(&old);
            let (path, elsewhere) = (keeper.folder().join(name), keeper.folder().with_file_name("elsewhere"));
            fs::rename(&path, &elsewhere).unwrap();
            let before = tree(elsewhere.parent().unwrap());
            symlink(&elsewhere, &path).unwrap();
            assert_eq!(code(&keeper.look(&mut new.publish(), "1.0")), Some(Code::StoreDamaged), "tuf {tuf}, {name}");
            assert_eq!(tree(elsewhere.parent().unwrap()).get("elsewhere"), before.get("elsewhere"), "{name}");
        }
        for name in ["lock", "checked"] {
            let mut keeper = warm(&old);
            let (path, elsewhere) = (keeper.folder().join(name), keeper.folder().with_file_name("elsewhere"));
            fs::write(&elsewhere, "precious").unwrap();
            let _ = fs::remove_file(&path);
            symlink(&elsewhere, &path).unwrap();
            let _ = keeper.at("2030-01-02T00:00:00Z").look(&mut new.publish(), "1.0");
            assert_eq!(fs::read(&elsewhere).unwrap(), b"precious", "tuf {tuf}, {name}");
        }
        // A new file's name can be told beforehand.
        let mut keeper = warm(&old);
        let elsewhere = keeper.folder().with_file_name("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        let server = new.publish();
        let new_file = format!("timestamp.json.{}.new", hex(&sha256(server.get("timestamp.json"))));
        symlink(&elsewhere, keeper.folder().join(new_file)).unwrap();
        let _ = keeper.look(&mut server.clone(), "1.0");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    }
}

/// Gives a folder to another user: only root may.
fn give(folder: &Path, user: u32) {
    let given = chown(folder, Some(user), None);
    assert!(given.is_ok(), "this test gives a folder to another user: run it as root ({given:?})");
}

fn mode(folder: &Path, mode: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}

/// T-45.17 T-45.18 T-45.19 T-45.20: whose folder it may be, and who else may write there.
#[test]
fn the_folder_is_its_users_alone() {
    let me = fs::metadata("/proc/self").map(|seen| std::os::unix::fs::MetadataExt::uid(&seen)).expect("/proc");
    let (other, another) = (me + 4711, me + 4712);
    for below in ["", "roots"] {
        for (owner, configured, bits, want, warning) in [
            (me, None, 0o700, None, false),
            (me, None, 0o755, None, false),
            (me, Some(other), 0o700, None, false),
            (other, Some(other), 0o700, None, false),
            (other, None, 0o700, Some(Code::StoreForeign), false),
            (other, Some(another), 0o700, Some(Code::StoreForeign), false),
            (me, None, 0o702, Some(Code::StoreForeign), false),
            (me, None, 0o777, Some(Code::StoreForeign), false),
            (me, None, 0o1777, Some(Code::StoreForeign), false),
            (me, None, 0o770, None, true),
            (me, None, 0o720, None, true),
        ] {
            let repo = repo(false);
            let keeper = warm(&repo);
            let folder = keeper.folder().join(below);
            give(&folder, owner);
            mode(&folder, bits);
            let mut store = FileStore::new(keeper.folder());
            if let Some(user) = configured {
                store = store.owned_by(user);
            }
            let case = format!("{below:?} owner {owner}, configured {configured:?}, mode {bits:o}");
            let loaded = store.load(&FileName::Record, None);
            assert_eq!(code(&loaded), want, "{case}");
            // The folder itself is named by its path.
            let whole = keeper.folder();
            let named = if below.is_empty() { whole.to_str() } else { Some(below) };
            let told = loaded.err().into_iter().chain(store.notes());
            assert!(told.into_iter().all(|e| e.file() == named), "{case}");
            let warned: Vec<Code> = store.notes().iter().map(tuf_core::Error::code).collect();
            assert_eq!(warned, if warning { vec![Code::StoreGroupWritable] } else { Vec::new() }, "{case}");
            let mut server = repo.publish();
            let outcome = drive(start(keeper.settings.clone(), Vec::new()), &mut store, &mut server);
            assert_eq!(code(&outcome.refreshed), want, "{case}");
            assert_eq!(server.asked().is_empty(), want.is_some(), "{case}: nothing is asked for");
        }
    }
}

/// T-45.17: root's folder is anybody's to read: that of `/proc` stands for it.
#[test]
fn roots_folder_is_used() {
    assert_eq!(FileStore::new("/proc").load(&FileName::Timestamp, None), Ok(None));
}

// ---- T-49: stores that cannot be written ----

/// T-49.1 T-49.2: read-only, cold and warm: verified without storing, with a warning.
#[test]
fn a_read_only_store_verifies_without_storing() {
    for tuf in BOTH {
        let repo = repo(tuf);
        for cold in BOTH {
            let mut keeper = Keeper::all(&repo).remove(0);
            if !cold {
                assert!(keeper.look(&mut repo.publish(), "1.0").is_ok());
            }
            let Place::Shelf(shelf) = &mut keeper.place else { panic!("a shelf") };
            let before = shelf.files.clone();
            shelf.broken = Some(Code::StoreReadOnly);
            let rule = if tuf { TagRule::Search } else { TagRule::ReleasesFirst };
            let ask = vec![(Query::Name("1.0".to_owned()), rule)];
            let outcome = keeper.run(&mut next(&repo).publish(), ask);
            assert_eq!(found(&outcome.answers[0]), of("two", RELEASES), "tuf {tuf}, cold {cold}");
            assert_eq!(outcome.refreshed, Ok(()));
            assert!(warned(&outcome).contains(&Code::StoreReadOnly), "tuf {tuf}, cold {cold}");
            assert_eq!(keeper.shelf().files, before);
        }
    }
}

/// T-49.2: a folder that cannot even be made: nobody makes one in `/sys`, root neither.
#[test]
fn a_first_contact_with_no_folder_at_all() {
    let repo = repo(false);
    let keeper = Keeper::of(&repo);
    let mut store = FileStore::new("/sys/kernel/no-store-here");
    let ask = vec![(Query::Name("1.0".to_owned()), TagRule::ReleasesFirst)];
    let outcome = drive(start(keeper.settings.clone(), ask), &mut store, &mut repo.publish());
    assert_eq!(found(&outcome.answers[0]), of("one", RELEASES), "{:?}", outcome.answers);
    assert_eq!(warned(&outcome), [Code::StoreReadOnly].into());
}

/// T-49.3 T-49.4: a store that is full, or fails otherwise, makes the answer unchecked; with
/// `no_persist` nothing is written, and the answer stands.
#[test]
fn a_failure_to_store_makes_the_answer_unchecked() {
    for tuf in BOTH {
        let repo = repo(tuf);
        for (broken, no_persist, want) in [
            (None, false, None),
            (Some(Code::StoreFull), false, Some(Code::StoreFull)),
            (Some(Code::StoreIo), false, Some(Code::StoreIo)),
            (Some(Code::StoreFull), true, None),
            (Some(Code::StoreIo), true, None),
            (Some(Code::StoreReadOnly), false, None),
        ] {
            let mut keeper = Keeper::all(&repo).remove(0);
            keeper.settings.no_persist = no_persist;
            if let Place::Shelf(shelf) = &mut keeper.place {
                shelf.broken = broken;
            }
            let rule = if tuf { TagRule::Search } else { TagRule::ReleasesFirst };
            let ask = vec![(Query::Name("1.0".to_owned()), rule.clone()), (Query::Name("9".to_owned()), rule)];
            let outcome = keeper.run(&mut repo.publish(), ask);
            let case = format!("tuf {tuf}, {broken:?}, no_persist {no_persist}");
            assert_eq!(code(&outcome.answers[0]), want, "{case}");
            assert_eq!(code(&outcome.refreshed), want, "{case}");
            assert_eq!(code(&outcome.answers[1]), Some(Code::TargetNotSigned), "{case}: a refusal stays one");
            assert_eq!(keeper.shelf().commits.is_empty(), no_persist, "{case}");
        }
    }
}
