//! What hosts build on that embed the client: their own HTTP, memory that lives as long as they like,
//! and giving a run up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "../../verify-cli/tests/common/bad_server.rs"]
mod bad_server;

use bad_server::{Act, BadServer};
use std::time::Duration;
use tuf_core::client::{self, Ask, Cancel, Choices, Config, Memory, Place, Question, Run, drive};
use tuf_core::time::Time;
use tuf_core::transport::{Transport, answered};
use tuf_core::trust::{Fetched, Request};
use tuf_core::verdict::Document;
use tuf_core::{Code, Error};

const NAME: &str = "registry.example/app";

fn ask(place: Place, choices: Choices) -> Ask {
    Ask { now: Time::parse("2030-01-01T00:00:00Z").unwrap(), injected: true, choices, gun: None, place }
}

fn config(url: &str) -> Config {
    let text = format!("[server.\"{NAME}\"]\nurl = \"{url}\"\n[trust.\"{NAME}\"]\ntofu = true\n");
    Config::from_text(&text, "".as_ref()).unwrap()
}

/// The sample repository, by its folder.
fn sample() -> Config {
    let text = format!(
        "[server.\"{NAME}\"]\nformat = \"tuf1\"\nurl = \"file:metadata\"\n[trust.\"{NAME}\"]\nroot = \"metadata/1.root.json\"\n"
    );
    Config::from_text(&text, &test_vectors::root().join("tuf1/smoke")).unwrap()
}

fn code(document: &Document) -> Option<Code> {
    match document {
        Document::Verdict(v) => v.reason.as_ref().map(|reason| reason.code),
        Document::Error(e) => Some(e.reason.code),
    }
}

/// A host whose HTTP brings one status for everything.
struct Host<'q>(&'q Question, u16);

impl Transport for Host<'_> {
    fn fetch(&mut self, request: &Request) -> Fetched {
        let url = self.0.resolved().request_url(&request.path).unwrap().expect("a server is asked");
        answered(&url, self.1, b"{}".to_vec(), request.max_bytes)
    }
}

/// A status means the same whether the built-in transport meets it or a host's own HTTP.
#[test]
fn a_status_means_the_same_with_the_hosts_own_http() {
    for (status, want) in [
        (200, Code::ParseSchema),
        (404, Code::MissingRoot),
        (401, Code::AuthRequired),
        (403, Code::AuthDenied),
        (429, Code::NetworkRateLimited),
        (500, Code::NetworkStatus),
        (503, Code::NetworkStatus),
        (204, Code::NetworkStatus),
        (410, Code::NetworkStatus),
        (302, Code::NetworkRedirect),
        (304, Code::NetworkStatus),
    ] {
        let headers = || vec![("retry-after", "0".to_owned())];
        let server = BadServer::new(move |_, _| {
            Act::Fine(status, headers(), if status < 300 { b"{}".to_vec() } else { vec![] })
        });
        let (config, ask) = (config(&server.url()), ask(Place::Memory, Choices::default()));
        let question = Question::list(&config, NAME, &ask).unwrap();
        let mut store = question.store(&config, &ask);
        let outcome = drive(question.start(), store.as_mut(), &mut Host(&question, status));
        let hosted = question.documents(&outcome, &store.notes()).remove(0);
        let built_in = client::list(&config, NAME, &ask);
        assert_eq!((code(&built_in), code(&hosted)), (Some(want), Some(want)), "{status}");
        assert!(!server.paths().is_empty());
    }
}

/// No more of a body is kept than tells that there is too much.
#[test]
fn a_body_is_cut_off_one_byte_behind_its_limit() {
    let url = "https://a.example/x".parse().unwrap();
    for (given, kept) in [(3, 3), (4, 4), (5, 5), (6, 5), (100, 5)] {
        let answer = answered(&url, 200, vec![0; given], 4);
        assert!(matches!(answer, Fetched::Bytes(bytes) if bytes.len() == kept), "{given}");
    }
    assert!(matches!(answered(&url, 200, vec![0; 9], u64::MAX), Fetched::Bytes(bytes) if bytes.len() == 9));
}

/// What a host is to fetch for content, or why it may not, is what our own download does.
#[test]
fn content_may_be_fetched_by_a_host_where_our_own_download_would() {
    const APP: &str = "project/app.tar";
    let folder = test_vectors::root().join("tuf1/smoke");
    for (targets, ceiling, offline, want) in [
        ("targets-url = \"file:targets\"", 64_000, false, None),
        ("targets-url = \"file:targets\"", 63_999, false, Some(Code::LimitBytes)),
        ("", 64_000, false, Some(Code::ConfigValue)),
        ("targets-url = \"file:targets\"", 64_000, true, Some(Code::StoreEmpty)),
    ] {
        let text = format!(
            "[server.\"{NAME}\"]\nformat = \"tuf1\"\nurl = \"file:metadata\"\n{targets}\n\
             [trust.\"{NAME}\"]\nroot = \"metadata/1.root.json\"\n[limits]\ntarget = {ceiling}\n"
        );
        let config = Config::from_text(&text, &folder).unwrap();
        let memory = Memory::default();
        let paths = [APP.to_owned()];
        let known =
            client::look_up_artifacts(&config, NAME, &paths, &ask(Place::Kept(memory.clone()), Choices::default()));
        assert_eq!(code(&known[0]), None);
        let ask = ask(Place::Kept(memory), Choices { offline, ..Choices::default() });
        let question = Question::artifacts(&config, NAME, &[(APP, APP)], &ask).unwrap();
        let (outcome, _) = Run::new(&config, &ask).answer(&question);
        let hosted = question.to_fetch(&outcome, &outcome.answers[0].as_ref().unwrap().found[0]);
        let below = tempfile::tempdir().unwrap();
        let (built_in, _) = client::download_artifacts(&config, NAME, &paths, below.path(), &ask).remove(0);
        assert_eq!((hosted.as_ref().err().map(Error::code), code(&built_in)), (want, want), "{hosted:?}");
        match (hosted, built_in) {
            (Ok(fetch), _) => assert!(fetch.max_bytes == 64_000 && fetch.url.path().ends_with(".app.tar"), "{fetch:?}"),
            (Err(e), Document::Verdict(v)) => assert_eq!(v.reason.unwrap().message, e.message()),
            (Err(e), Document::Error(document)) => assert_eq!(document.reason.message, e.message()),
        }
    }
}

/// Memory is shared by its clones, kept for each collection, and by nobody else.
#[test]
fn memory_lives_as_long_as_the_host_likes() {
    let (config, memory) = (sample(), Memory::default());
    let asked = |place: Place, offline: bool| {
        let document = client::refresh(&config, NAME, &ask(place, Choices { offline, ..Choices::default() }));
        code(&document)
    };
    assert_eq!(asked(Place::Kept(memory.clone()), true), Some(Code::StoreEmpty));
    assert_eq!(asked(Place::Kept(memory.clone()), false), None);
    assert_eq!(asked(Place::Kept(memory), true), None);
    assert_eq!(asked(Place::Kept(Memory::default()), true), Some(Code::StoreEmpty));
    assert_eq!(asked(Place::Memory, true), Some(Code::StoreEmpty));
}

/// A run that is given up ends though its server hangs, with `cancelled`; one that was given up before
/// it began asks for nothing.
#[test]
fn a_run_can_be_given_up_while_its_server_hangs() {
    let server = BadServer::new(|_, _| Act::Hang);
    let cancel = Cancel::default();
    let choices = Choices { cancel: Some(cancel.clone()), ..Choices::default() };
    let (config, ask) = (config(&server.url()), ask(Place::Memory, choices));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| client::list(&config, NAME, &ask));
        while server.seen().is_empty() {
            assert!(!run.is_finished(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        cancel.cancel();
        assert_eq!(code(&run.join().unwrap()), Some(Code::Cancelled));
    });
    let seen = server.seen().len();
    assert_eq!(code(&client::list(&config, NAME, &ask)), Some(Code::Cancelled));
    assert_eq!(server.seen().len(), seen);
}
