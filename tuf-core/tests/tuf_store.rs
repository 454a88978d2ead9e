//! What a TUF 1.0 client makes of what it holds: a client that lives long (T-2), freshness and ages (T-4,
//! T-53), and what lies in the store (T-47).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use support::{Client, Edit, Keeper, Key, NOW, Repo, Server, at, code, found, of, warned};
use tuf_core::client::{Client as Program, Clock, TargetInfo};
use tuf_core::metadata::{Metadata, role};
use tuf_core::time::Time;
use tuf_core::transport::{Body, Fetcher, Offered, Pending};
use tuf_core::trust::{Ages, FileName, Mode, Query, TagRule, Unreachable};
use tuf_core::{Code, Error, Result};
use url::Url;

const ONE: &str = "one/app.tar";
const TWO: &str = "two/app.tar";
const NOON: &str = "2030-01-01T12:00:00Z";
const BEFORE: &str = "2030-01-01T11:59:59Z";

/// Two delegated roles, each with a target.
fn repo() -> Repo {
    let mut repo = Repo::tuf();
    for name in ["one", "two"] {
        repo.delegate("targets", name, &[&format!("{name}/*")]);
        repo.target(name, &format!("{name}/app.tar"), name);
    }
    repo
}

/// The same; the file of this role expires at noon.
fn expiring(name: &str) -> Repo {
    let mut repo = repo();
    if name == role::ROOT {
        repo.roots.clear();
        repo.add_root(|signed| signed["expires"] = json!(NOON));
    } else {
        repo.signed(name)["expires"] = json!(NOON);
    }
    repo
}

/// A world that a test changes: the time, and what a server has; without files it does not answer.
#[derive(Clone, Debug)]
struct World(Arc<Mutex<Now>>);

#[derive(Debug)]
struct Now {
    time: Time,
    files: Option<BTreeMap<String, Vec<u8>>>,
    asked: Vec<String>,
}

impl World {
    fn with<T>(&self, act: impl FnOnce(&mut Now) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// A program that has this repository's root, at [`NOW`].
    fn of(repo: &Repo) -> (World, Program) {
        World::with_ages(repo, Ages::default())
    }

    fn with_ages(repo: &Repo, ages: Ages) -> (World, Program) {
        let now = Now { time: at(NOW), files: Some(repo.publish().files), asked: Vec::new() };
        let world = World(Arc::new(Mutex::new(now)));
        let builder = Program::builder(repo.roots[0].clone()).clock(world.clone()).fetcher(world.clone());
        let builder = builder.ages(ages);
        (world, builder.metadata_url("own://m/").unwrap().build().unwrap())
    }

    fn at(&self, time: &str) -> &World {
        self.with(|now| now.time = at(time));
        self
    }

    fn serve(&self, server: Option<Server>) -> &World {
        self.with(|now| now.files = server.map(|server| server.files));
        self
    }

    fn asked(&self) -> Vec<String> {
        self.with(|now| std::mem::take(&mut now.asked))
    }
}

impl Clock for World {
    fn now(&self) -> Time {
        self.with(|now| now.time)
    }
}

struct Whole(Option<Vec<u8>>);

impl Body for Whole {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(std::future::ready(Ok(self.0.take())))
    }
}

impl Fetcher for World {
    fn open<'f>(&'f self, url: &'f Url, _: Instant) -> Pending<'f, Offered<'f>> {
        let name = url.path().trim_start_matches('/').to_owned();
        let offered = self.with(|now| {
            now.asked.push(name.clone());
            let files = now.files.as_ref().ok_or_else(|| Error::new(Code::NetworkUnreachable, "test", "no answer"))?;
            Ok(match files.get(&name) {
                None => Offered::NotFound(name),
                Some(bytes) => Offered::Body(Box::new(Whole(Some(bytes.clone())))),
            })
        });
        Box::pin(std::future::ready(offered))
    }
}

fn role_of(target: &Result<TargetInfo>) -> Option<&str> {
    target.as_ref().ok().map(TargetInfo::role)
}

const EXPIRED: [(&str, Code); 5] = [
    (role::ROOT, Code::ExpiredRoot),
    (role::TIMESTAMP, Code::ExpiredTimestamp),
    (role::SNAPSHOT, Code::ExpiredSnapshot),
    (role::TARGETS, Code::ExpiredTargets),
    ("one", Code::ExpiredDelegation),
];

/// T-2.1 T-2.2 T-2.3 T-2.4 T-2.5 T-2.6: each look-up is judged by its own clock; until the second before
/// nothing is asked. With a server that has nothing newer that is the reason; without an answer it is
/// told beside that; with something newer all is well.
#[test]
fn a_look_up_is_judged_by_its_own_time() {
    for (name, refused) in EXPIRED {
        let repo = expiring(name);
        let (world, mut program) = World::of(&repo);
        assert_eq!(role_of(&program.target(ONE)), Some("one"), "{name}");
        world.asked();
        world.at(BEFORE);
        assert_eq!(role_of(&program.target(ONE)), Some("one"), "{name}");
        assert_eq!(world.asked(), [""; 0], "{name}");
        world.at(NOON);
        for _ in 0..2 {
            assert_eq!(code(&program.target(ONE)), Some(refused), "{name}");
        }
        world.serve(None);
        let e = program.target(ONE).unwrap_err();
        assert_eq!(e.code(), Code::NetworkUnreachable, "{name}");
        assert!(e.found().is_some_and(|found| found.contains(refused.as_str())), "{name}: {e:?}");
        world.at(BEFORE);
        assert_eq!(role_of(&program.target(ONE)), Some("one"), "{name}: it is in force at that time still");
        let mut newer = self::repo();
        newer.roots.clone_from(&repo.roots);
        newer.add_root(|_| {});
        newer.bump(&[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, "one", "two"]);
        world.at(NOON).serve(Some(newer.publish()));
        assert_eq!(role_of(&program.target(ONE)), Some("one"), "{name}: something newer");
    }
}

/// T-53.5 T-53.6: how long a timestamp stays the newest is judged at each look-up of a program that lives
/// long; and a clock that is set back makes it ask again.
#[test]
fn memory_is_no_way_round_an_age_or_the_clock() {
    let repo = repo();
    let (world, mut program) = World::with_ages(&repo, Ages { unchanged: Some(3_600), ..Ages::default() });
    assert_eq!(role_of(&program.target(ONE)), Some("one"));
    world.at("2030-01-01T01:00:00Z");
    assert_eq!(role_of(&program.target(ONE)), Some("one"), "an hour");
    world.at("2030-01-01T01:00:01Z");
    assert_eq!(code(&program.target(ONE)), Some(Code::AgeUnchanged));

    let (world, mut program) = World::of(&repo);
    assert_eq!(role_of(&program.target(ONE)), Some("one"));
    world.at("2029-12-31T23:59:00Z").asked();
    assert_eq!(role_of(&program.target(ONE)), Some("one"));
    assert_eq!(world.asked(), [""; 0], "a minute is within the tolerance");
    world.at("2029-12-31T23:58:59Z");
    assert_eq!(role_of(&program.target(ONE)), Some("one"));
    assert!(!world.asked().is_empty());
}

/// T-2.7: a role that ran out and is not on the way; the one that is on the way is refused.
#[test]
fn a_role_that_is_not_on_the_way_does_not_matter() {
    let (world, mut program) = World::of(&expiring("one"));
    for path in [ONE, TWO, ONE] {
        assert!(program.target(path).is_ok(), "{path}");
    }
    world.at(NOON).asked();
    assert_eq!(role_of(&program.target(TWO)), Some("two"));
    assert_eq!(code(&program.target("three")), Some(Code::TargetNotSigned));
    assert_eq!(world.asked(), [""; 0], "both are in memory, and nobody is asked");
    assert_eq!(code(&program.target(ONE)), Some(Code::ExpiredDelegation));
    assert_eq!(role_of(&program.target(TWO)), Some("two"));
}

/// T-2.8 T-2.9: refreshes that fail at once or half way, with a newer timestamp in the store: the old
/// state answers, for roles too that it has not come to yet, and nothing of the two is mixed.
#[test]
fn after_a_failed_refresh_the_old_state_answers() {
    let repo = expiring(role::TIMESTAMP);
    let mut newer = repo.clone();
    newer.bump(&[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, "two"]);
    for (case, lost, failed) in [
        ("no answer", None, Code::NetworkUnreachable),
        ("no timestamp", Some("timestamp.json"), Code::MissingTimestamp),
        ("no snapshot", Some("2.snapshot.json"), Code::MissingSnapshot),
        ("no targets", Some("2.targets.json"), Code::MissingTargets),
    ] {
        let (world, mut program) = World::of(&repo);
        assert!(program.refresh().is_ok() && program.target(ONE).is_ok());
        let half = lost.map(|lost| {
            // With consistent snapshots the files before are there still.
            let mut server = repo.publish();
            server.files.extend(newer.publish().files);
            server.files.remove(lost);
            server
        });
        world.serve(half.clone());
        assert_eq!(code(&program.refresh()), Some(failed), "{case}");
        assert_eq!(role_of(&program.target(ONE)), Some("one"), "{case}");
        // A role that the old state lists and has not come to.
        let there = half.is_some();
        assert_eq!(program.target(TWO).is_ok(), there, "{case}");
        let set = program.trusted().unwrap();
        assert_eq!(set.timestamp().map(|t| t.content().version()), Some(1), "{case}");
        world.at(NOON);
        for path in [ONE, TWO] {
            assert!(program.target(path).is_err(), "{case}: {path}");
        }
        // Nothing that the failed refresh accepted is forgotten: its timestamp does not go down.
        let mut low = self::repo();
        low.signed("one")["version"] = json!(2);
        world.serve(Some(low.publish()));
        let kept = lost.is_some_and(|lost| lost != "timestamp.json");
        let refused = if kept { Code::RollbackTimestamp } else { Code::ExpiredTimestamp };
        assert_eq!(code(&program.refresh()), Some(refused), "{case}");
        let mut later = self::repo();
        later.signed(role::TIMESTAMP)["version"] = json!(3);
        for name in [role::SNAPSHOT, role::TARGETS, "two"] {
            later.signed(name)["version"] = json!(2);
        }
        world.serve(Some(later.publish()));
        assert_eq!(program.refresh(), Ok(()), "{case}");
        assert_eq!(role_of(&program.target(TWO)), Some("two"), "{case}");
    }
}

/// T-4.1 T-4.3: a recent check spares every request as long as the timestamp is in force, to the second.
#[test]
fn an_expired_timestamp_is_asked_for_however_recent_the_check_is() {
    let ask = || vec![(Query::Name(ONE.to_owned()), TagRule::Search)];
    for mut keeper in Keeper::all(&repo()) {
        let repo = expiring(role::TIMESTAMP);
        let outcome = keeper.run(&mut repo.publish(), ask());
        assert_eq!(found(&outcome.answers[0]), of("one", "one"));
        keeper.settings.ages.fresh_for = Some(u64::MAX);
        let mut server = repo.publish();
        let outcome = keeper.at(BEFORE).run(&mut server, ask());
        assert_eq!(found(&outcome.answers[0]), of("one", "one"), "{}", keeper.kind());
        assert_eq!(server.asked(), [""; 0], "{}", keeper.kind());
        let outcome = keeper.at(NOON).run(&mut server, ask());
        assert_eq!(code(&outcome.refreshed), Some(Code::ExpiredTimestamp), "{}", keeper.kind());
        assert_eq!(server.asked(), ["2.root.json", "timestamp.json"], "{}", keeper.kind());
        let mut newer = self::repo();
        newer.bump(&[role::TIMESTAMP]);
        let mut server = newer.publish();
        let outcome = keeper.run(&mut server, ask());
        assert_eq!(found(&outcome.answers[0]), of("one", "one"), "{}", keeper.kind());
        assert_eq!(server.asked(), ["2.root.json", "timestamp.json"], "{}", keeper.kind());
    }
}

const FILES: [&str; 4] = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, "one"];

fn file_of(name: &str) -> FileName {
    match name {
        role::TIMESTAMP => FileName::Timestamp,
        role::SNAPSHOT => FileName::Snapshot,
        name => FileName::Targets(name.to_owned()),
    }
}

/// The same; no parent lists a length or a hash.
fn without_hashes(mut repo: Repo) -> Repo {
    for name in [role::SNAPSHOT, role::TARGETS, "one"] {
        let without: Edit = Rc::new(|entry| {
            entry.as_object_mut().unwrap().remove("hashes");
            entry.as_object_mut().unwrap().remove("length");
        });
        repo.file(name).listed = Some(without);
    }
    repo
}

/// T-47.1 T-47.2: a file that somebody laid into the store and the record, a thief's or one that no
/// verified parent lists, is not used: the honest one is fetched again, and from the store alone there
/// is no answer. With parents that list no hash the signatures tell, with hashes those.
#[test]
fn what_lies_in_the_store_is_verified_again() {
    for hashes in [true, false] {
        let listing = |repo| if hashes { repo } else { without_hashes(repo) };
        let repo = listing(repo());
        let mut client = Client::of(&repo);
        let ask = || vec![(Query::Name(ONE.to_owned()), TagRule::Search)];
        assert!(client.run(&mut repo.publish(), ask()).answers[0].is_ok());
        let mut alone = client.clone();
        alone.settings.offline = true;
        let untouched = alone.clone().run(&mut Server::default(), ask());
        assert_eq!(found(&untouched.answers[0]), of("one", "one"), "hashes {hashes}: untouched it serves");
        assert_eq!(untouched.set.unwrap().root().bytes().to_vec(), repo.roots[0]);
        for name in FILES {
            let mut thief = listing(self::repo());
            thief.target("one", ONE, "evil");
            thief.file(name).signers = Some(vec![Key::named("thief")]);
            let server = thief.publish();
            let path = if name == role::TIMESTAMP { "timestamp.json".to_owned() } else { format!("1.{name}.json") };
            let mut forged = client.clone();
            forged.store.forge(&file_of(name), server.get(&path).to_vec());
            alone.store = forged.store.clone();
            let answer = alone.clone().run(&mut Server::default(), ask()).answers.remove(0);
            assert!(answer.is_err(), "hashes {hashes}, {name}: {answer:?}");
            let outcome = forged.run(&mut repo.publish(), ask());
            assert_eq!(found(&outcome.answers[0]), of("one", "one"), "hashes {hashes}, {name}: {:?}", outcome.answers);
            assert_eq!(forged.store.files[&file_of(name)], repo.publish().get(&path), "hashes {hashes}, {name}");
        }
    }
    // The pinned root is a verified parent too: one in the store that says something else is none.
    let repo = repo();
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    let mut thief = self::repo();
    thief.keys.get_mut(role::TIMESTAMP).unwrap().0 = vec![Key::named("thief")];
    thief.roots.clear();
    thief.add_root(|_| {});
    client.store.forge(&FileName::Root(1), thief.roots[0].clone());
    client.store.forge(&FileName::Timestamp, thief.publish().get("timestamp.json").to_vec());
    assert_eq!(code(&client.refresh(&mut thief.publish())), Some(Code::ConfigRootConflict));
}

/// A run that stopped half way leaves an older file behind the new ones: without a server the store does
/// not hold what is current, which nobody did wrong, whether hashes are listed or not. Once it has come
/// the store answers.
#[test]
fn what_is_older_than_its_parent_says_is_not_in_the_store() {
    for hashes in [true, false] {
        let repo = if hashes { repo() } else { without_hashes(repo()) };
        let mut newer = repo.clone();
        newer.bump(&FILES);
        for (name, missing) in [
            (role::SNAPSHOT, Code::MissingSnapshot),
            (role::TARGETS, Code::MissingTargets),
            ("one", Code::MissingDelegation),
        ] {
            let mut client = Client::of(&repo);
            assert!(client.look(&mut repo.publish(), ONE, TagRule::Search).is_ok());
            let mut server = newer.publish();
            server.lose(&format!("2.{name}.json"));
            assert_eq!(code(&client.look(&mut server, ONE, TagRule::Search)), Some(missing), "{name}");
            let alone = |client: &Client| {
                let (mut offline, mut cached) = (client.clone(), client.clone());
                offline.settings.offline = true;
                cached.settings.unreachable = Unreachable::UseCache;
                let mut down = Server::default().down();
                [offline, cached].map(|mut client| client.look(&mut down, ONE, TagRule::Search))
            };
            let [offline, cached] = alone(&client).map(|answer| answer.unwrap_err());
            assert_eq!((offline.code(), offline.role()), (Code::StoreEmpty, Some(name)), "hashes {hashes}");
            assert_eq!(cached.code(), Code::NetworkUnreachable, "hashes {hashes}, {name}");
            assert!(client.look(&mut newer.publish(), ONE, TagRule::Search).is_ok());
            for answer in alone(&client) {
                assert_eq!(found(&answer), of("one", "one"), "hashes {hashes}, {name}: {answer:?}");
            }
        }
    }
}

/// What a run needs of the store it loads once, and checks each signature once: those of the timestamp
/// that is served and of timestamp, snapshot and both roles that are kept.
#[test]
fn a_run_loads_and_verifies_each_kept_file_once() {
    const CHECK: u64 = 20_000;
    let mut repo = repo();
    let mut client = Client::of(&repo);
    assert!(client.look(&mut repo.publish(), ONE, TagRule::Search).is_ok());
    let loads = |client: &mut Client, repo: &Repo| {
        client.store.loads.clear();
        let answer = client.look(&mut repo.publish(), ONE, TagRule::Search);
        assert_eq!(found(&answer), of("one", "one"), "{answer:?}");
        client.store.loads.clone()
    };
    let kept = |roots: std::ops::RangeInclusive<u64>| {
        let first = [FileName::Checked, FileName::Record];
        first.into_iter().chain(roots.map(FileName::Root)).chain(FILES.map(file_of)).collect::<Vec<_>>()
    };
    let mut warm = client.clone();
    for (work, enough) in [(5 * CHECK + ONE.len() as u64 * 100, true), (5 * CHECK - 1, false)] {
        warm.settings.limits.work = work;
        assert_eq!(warm.look(&mut repo.publish(), ONE, TagRule::Search).is_ok(), enough, "{work}");
    }
    assert_eq!(loads(&mut client, &repo), kept(1..=1), "nothing is new");
    // Under a new root what is kept is judged by T-10, and then used.
    repo.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0.push(Key::named("second")));
    assert_eq!(loads(&mut client, &repo), kept(1..=1), "a root with one key more");
    assert_eq!(loads(&mut client, &repo), kept(1..=2), "it is kept");
    // What falls is not loaded again.
    repo.rotate(|keys| keys.get_mut(role::TIMESTAMP).unwrap().0.truncate(1));
    assert_eq!(loads(&mut client, &repo), kept(1..=2), "a key that is gone drops both");
}

/// T-53.4: a store that may serve does so in compatible mode for as long as its timestamp is in force;
/// in strict mode not for longer than a day.
#[test]
fn compatible_mode_has_no_offline_age() {
    let repo = Repo::notary();
    for (mode, refused) in [(Mode::Compatible, None), (Mode::Strict, Some(Code::AgeOffline))] {
        for offline in [true, false] {
            let mut client = Client::of(&repo).mode(mode);
            assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
            client.settings.offline = offline;
            client.settings.unreachable = Unreachable::UseCache;
            assert_eq!(client.settings.ages.offline, Some(86_400));
            for (time, refused) in
                [("2030-01-02T00:00:00Z", None), ("2030-01-02T00:00:01Z", refused), ("2048-12-31T00:00:00Z", refused)]
            {
                let mut client = client.clone().at(time);
                let outcome = client.run(&mut repo.publish().down(), Vec::new());
                // What only the store shows stands beside the server's silence.
                let refused = refused.map(|age| if offline { age } else { Code::NetworkUnreachable });
                assert_eq!(code(&outcome.refreshed), refused, "{mode:?}, offline {offline}, at {time}");
                assert_eq!(warned(&outcome).contains(&Code::StoreServed), refused.is_none(), "{mode:?} at {time}");
            }
        }
    }
}
