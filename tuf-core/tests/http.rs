//! Both formats over HTTP against a server that does not play by the rules, through the library: what ends
//! the chain of TUF's roots, delegations side by side, downloads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "../../verify-cli/tests/common/hostile.rs"]
mod server;
mod support;

use server::{Act, Files, Hostile, Next, Reply, status_with};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{NOW, Repo, at, warned};
use tuf_core::Code;
use tuf_core::client::{Client, Clock, drive_async};
use tuf_core::metadata::Format;
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::{HttpTransport, Server, ServerSettings, Times};
use tuf_core::trust::{Outcome, Pin, Query, Settings, TagRule, start};
use url::Url;

/// The root behind the newest.
const NEXT: &str = "3.root.json";

fn smoke() -> PathBuf {
    test_vectors::root().join("tuf1/smoke")
}

/// The files of a folder and of those below it, each by its path.
fn folder(below: &str) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(smoke().join(below)).unwrap().map(|entry| entry.unwrap()) {
        let path = format!("{below}/{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            files.extend(folder(&path));
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// The metadata of the TUF repository, at the server's top.
fn metadata() -> Files {
    let name = |path: String| path.trim_start_matches("metadata/").to_owned();
    folder("metadata").into_iter().map(|(path, bytes)| (name(path), bytes)).collect()
}

fn of_smoke() -> Settings {
    let mut settings = Settings::new("smoke", Format::Tuf1, Pin::Root(metadata()["1.root.json"].clone()), at(NOW_OF_SMOKE));
    settings.injected = true;
    settings
}

/// Inside the life of the repository.
const NOW_OF_SMOKE: &str = "2026-11-26T00:00:00Z";

/// Quick, and yet patient with a busy machine.
fn times() -> Times {
    let ms = Duration::from_millis;
    Times { connect: ms(5_000), idle: ms(1_000), total: ms(20_000), min_rate: 1_000, grace: ms(500) }
}

fn server_settings(server: &Hostile) -> ServerSettings {
    let mut settings = ServerSettings::new(Url::parse(&server.url()).unwrap());
    settings.times = times();
    settings
}

/// One run over HTTP.
fn run(server: &Hostile, settings: Settings, queries: Vec<(Query, TagRule)>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let transport = Arc::new(Server::new(server_settings(server), Instant::now() + times().total));
    let transport = HttpTransport::new(transport, &settings.name, settings.wire.format).unwrap();
    let mut store = MemoryStore::default();
    runtime.block_on(drive_async(start(settings, queries), &mut store, &transport))
}

/// How a refresh of the TUF repository ends where one file is answered so: its code, its warnings, and
/// how often the file was asked for.
fn refreshed(file: &str, act: Act, settings: Settings) -> (Option<Code>, BTreeSet<Code>, usize) {
    let server = Hostile::new(metadata(), &[(file, act)]);
    let outcome = run(&server, settings, vec![]);
    let set = outcome.refreshed.is_ok();
    assert!(!set || outcome.set.as_ref().is_some_and(|set| set.timestamp().is_some()));
    (outcome.refreshed.as_ref().err().map(tuf_core::Error::code), warned(&outcome), server.asked(file).len())
}

/// T-8.1 T-8.2 T-8.4 T-8.5 T-8.6 T-8.7 T-8.8 T-8.9 T-8.10 T-8.11 T-8.15 T-8.16, go-tuf "403 as error": what
/// ends the chain of roots.
#[test]
fn what_ends_the_chain() {
    let rows = [
        (Act::Serve, None, 1),
        (Act::LongError(404), None, 1),
        (Act::Fails(503, 1, 404), None, 2),
        (Act::Fails(429, 2, 404), None, 3),
        (Act::Hops(5), None, 6),
        (Act::Status(410), Some(Code::NetworkStatus), 1),
        (Act::Challenge(""), Some(Code::AuthRequired), 1),
        (Act::Fails(500, 9, 0), Some(Code::NetworkStatus), 3),
        (Act::Fails(503, 9, 0), Some(Code::NetworkStatus), 3),
        (Act::Limited("0"), Some(Code::NetworkRateLimited), 3),
        (Act::Limited("3600"), Some(Code::NetworkRateLimited), 1),
        (Act::Cut, Some(Code::NetworkCutOff), 3),
        (Act::Reset, Some(Code::NetworkCutOff), 3),
        (Act::CutBody, Some(Code::NetworkCutOff), 1),
        (Act::Hang, Some(Code::NetworkTooSlow), 1),
        (Act::To("http://127.0.0.1:1/"), Some(Code::NetworkUnreachable), 3),
        (Act::Away(404), Some(Code::NetworkRedirect), 2),
        (Act::Away(403), Some(Code::NetworkRedirect), 2),
        (Act::Away(401), Some(Code::NetworkRedirect), 2),
        (Act::Hops(6), Some(Code::NetworkRedirect), 6),
        (Act::Html, Some(Code::ParseJson), 1),
        (Act::EndlessChunks, Some(Code::LimitBytes), 1),
    ];
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (act, code, asked) in rows {
            let wrong = &wrong;
            scope.spawn(move || {
                let got = refreshed(NEXT, act, of_smoke());
                if got != (code, BTreeSet::new(), asked) {
                    wrong.lock().unwrap().push(format!("{act:?}: not {code:?} {asked}: {got:?}"));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// T-8.2 T-8.3, go-tuf "403 as error": a 403 for the next root ends the chain with a warning, or is an
/// error, as it was chosen. For any other file, and of another host, it is an error in both cases.
#[test]
fn a_denied_root() {
    let mut strict = of_smoke();
    strict.forbidden_is_missing = false;
    let denied = (Some(Code::AuthDenied), BTreeSet::new());
    let ended = (None, BTreeSet::from([Code::RootDenied]));
    for act in [Act::Status(403), Act::Fails(503, 1, 403), Act::LongError(403)] {
        let (code, warnings, _) = refreshed(NEXT, act, of_smoke());
        assert_eq!((code, warnings), ended, "{act:?}");
        let (code, warnings, _) = refreshed(NEXT, act, strict.clone());
        assert_eq!((code, warnings), denied, "{act:?}");
    }
    for settings in [of_smoke(), strict] {
        let (code, warnings, _) = refreshed(NEXT, Act::Status(404), settings.clone());
        assert_eq!((code, warnings), (None, BTreeSet::new()));
        for file in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
            let (code, warnings, _) = refreshed(file, Act::Status(403), settings.clone());
            assert_eq!((code, warnings), denied, "{file}");
        }
        // A root that is there, and denied: the chain would end before it.
        let (code, ..) = refreshed("2.root.json", Act::Away(403), settings);
        assert_eq!(code, Some(Code::NetworkRedirect));
    }
}

/// T-8.17: Notary's 403 is no absence, whatever is chosen.
#[test]
fn a_denied_root_of_notary() {
    let mut repo = Repo::notary();
    repo.target("targets", "1.0", "an image");
    let query = || vec![(Query::Name("1.0".to_owned()), TagRule::TargetsFirst)];
    // The timestamp's key is another one than the pinned root's: the chain is walked.
    repo.rotate(|keys| drop(keys.insert("timestamp", (vec![support::Key::named("another")], 1))));
    for (act, code) in [(Act::Serve, None), (Act::Status(403), Some(Code::AuthDenied))] {
        let server = Hostile::new(of(&repo), &[(NEXT, act)]);
        let mut settings = support::Client::of(&repo).settings;
        settings.pin = Pin::Root(repo.roots[0].clone());
        let outcome = run(&server, settings, query());
        assert_eq!(outcome.answers[0].as_ref().err().map(tuf_core::Error::code), code, "{act:?}");
        assert_eq!(server.asked(NEXT).len(), 1);
    }
}

/// What a Notary server has of a repository, without checksums in the names.
fn of(repo: &Repo) -> Files {
    let plain = |path: &String| path.split('.').filter(|part| part.len() != 64).collect::<Vec<_>>().join(".");
    repo.publish().files.iter().map(|(path, bytes)| (plain(path), bytes.clone())).collect()
}

/// N-23.9 N-23.11: no delegation is answered before six are asked for (were they fetched one after the
/// other, none would ever be), and a seventh does not come as long as they are not.
#[test]
fn delegations_are_fetched_side_by_side() {
    const ROLES: usize = 20;
    let mut repo = Repo::notary();
    for number in 0..ROLES {
        let role = format!("targets/role{number}");
        repo.delegate("targets", &role, &[""]);
        repo.target(&role, &format!("tag-{number}"), "the same for all");
    }
    let (gate, waiting) = (Arc::new((Mutex::new(0_usize), Condvar::new())), Arc::new(Mutex::new(BTreeSet::new())));
    let (entered, most) = (gate.clone(), waiting.clone());
    let reply: Reply = Box::new(move |turn, line| {
        if !turn.ask.file().starts_with("targets/") {
            return Act::Serve.perform(turn, line);
        }
        let (count, arrived) = &*entered;
        most.lock().unwrap().insert(turn.ask.connection);
        let mut number = count.lock().unwrap();
        *number += 1;
        arrived.notify_all();
        let few = |number: &mut usize| *number < 6;
        let (number, over) = arrived.wait_timeout_while(number, Duration::from_secs(15), few).unwrap();
        drop(number);
        if over.timed_out() {
            return status_with(line, 400, &[], b"not side by side").map(|_| Next::Close);
        }
        // Time for one more to come.
        thread::sleep(Duration::from_millis(50));
        Act::Serve.perform(turn, line)
    });
    let server = Hostile::with(of(&repo), None, reply);
    let mut settings = support::Client::of(&repo).settings;
    assert_eq!(settings.start, at(NOW));
    settings.injected = true;
    let mut server_settings = server_settings(&server);
    server_settings.times = Times::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let transport = Arc::new(Server::new(server_settings, Instant::now() + Duration::from_secs(60)));
    let transport = HttpTransport::new(transport, &settings.name, Format::Notary1).unwrap();
    let job = start(settings, vec![(Query::All, TagRule::TargetsFirst)]);
    let outcome = runtime.block_on(drive_async(job, &mut MemoryStore::default(), &transport));
    assert_eq!(outcome.answers[0].as_ref().unwrap().found.len(), ROLES);
    assert_eq!(server.log().iter().filter(|ask| ask.file().starts_with("targets/")).count(), ROLES);
    assert_eq!((server.most(), waiting.lock().unwrap().len()), (6, 6), "{:?}", server.log());
}

// ---- the client for programs ----

#[derive(Debug)]
struct Then;

impl Clock for Then {
    fn now(&self) -> Time {
        at(NOW_OF_SMOKE)
    }
}

/// A client of the whole repository; one target is answered so.
fn client(server: &Hostile) -> Client {
    let url = |below: &str| format!("{}/{below}/", server.url());
    let builder = Client::builder(metadata()["1.root.json"].clone()).clock(Then).times(times());
    let builder = builder.metadata_url(&url("metadata")).unwrap().targets_url(&url("targets")).unwrap();
    builder.user_agent("a program/1.0").build().unwrap()
}

/// T-28.11 T-44.1 T-44.2: a download ends by itself with the right code, and leaves nothing behind.
#[test]
fn downloads_from_a_hostile_server() {
    let mut files = folder("metadata");
    // Named without their checksums, as the server knows them.
    let plain = |path: String| path.split('.').filter(|part| part.rsplit('/').next().unwrap().len() != 64).collect::<Vec<_>>().join(".");
    files.extend(folder("targets").into_iter().map(|(path, bytes)| (path, bytes)));
    drop(plain);
    let target = files.keys().find(|path| path.ends_with(".hello.txt")).unwrap().clone();
    // What the server calls it.
    let file = target.split('.').filter(|part| part.len() != 64).collect::<Vec<_>>().join(".");
    for (act, code) in [
        (Act::Serve, None),
        (Act::Chunked, None),
        (Act::Hops(5), None),
        (Act::Fails(503, 2, 200), None),
        (Act::Hang, Some(Code::NetworkTooSlow)),
        (Act::DripBody, Some(Code::NetworkTooSlow)),
        (Act::LongerHeld, Some(Code::NetworkTooSlow)),
        (Act::Cut, Some(Code::NetworkCutOff)),
        (Act::CutBody, Some(Code::NetworkCutOff)),
        (Act::Padded, Some(Code::TargetLength)),
        (Act::Shorter, Some(Code::TargetLength)),
        (Act::Empty, Some(Code::TargetLength)),
        (Act::EndlessChunks, Some(Code::TargetLength)),
        (Act::EndlessLength, Some(Code::TargetLength)),
        (Act::Flip(60, 1), Some(Code::TargetHash)),
        (Act::Coded("gzip"), Some(Code::NetworkCoding)),
        (Act::Headers(10_000, 4), Some(Code::LimitBytes)),
        (Act::LongError(500), Some(Code::NetworkStatus)),
        (Act::LongError(404), Some(Code::MissingTarget)),
        (Act::Status(403), Some(Code::AuthDenied)),
        (Act::Away(404), Some(Code::NetworkRedirect)),
        (Act::Hops(6), Some(Code::NetworkRedirect)),
    ] {
        let server = Hostile::new(files.clone(), &[(&file, act)]);
        let mut client = client(&server);
        let hello = client.target("hello.txt").unwrap();
        let place = tempfile::tempdir().unwrap();
        let done = client.download(&hello, place.path());
        assert_eq!(done.as_ref().err().map(tuf_core::Error::code), code, "{act:?}: {done:?}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), usize::from(code.is_none()), "{act:?}");
        for ask in server.log() {
            assert_eq!(ask.header("accept-encoding"), Some("identity"));
            assert_eq!(ask.header("user-agent"), Some("a program/1.0"));
        }
    }
}
