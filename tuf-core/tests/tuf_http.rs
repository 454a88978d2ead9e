//! What ends the chain of roots over HTTP (T-8), with a whole TUF 1.0 repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "../../verify-cli/tests/common/bad_server.rs"]
mod bad_server;

use bad_server::{Act, BadServer, file_of};
use std::fs;
use tuf_core::client::{Ask, Choices, Client, Clock, Config, Place, refresh};
use tuf_core::time::Time;
use tuf_core::transport::{Proxy, ServerSettings};
use tuf_core::verdict::Document;
use tuf_core::{Code, Error};

#[derive(Debug)]
struct Then;

impl Clock for Then {
    fn now(&self) -> Time {
        Time::parse("2026-11-26T00:00:00Z").unwrap()
    }
}

/// Serves the repository; the request for the third root, which there is not, is answered as told.
fn server(third: impl Fn() -> Act + Send + Sync + 'static) -> BadServer {
    let folder = test_vectors::root().join("tuf1/smoke/metadata");
    BadServer::new(move |seen, _| match seen.path.trim_start_matches('/') {
        "3.root.json" => third(),
        name => file_of(&folder, name),
    })
}

fn refreshed(server: &BadServer, forbidden_is_missing: bool) -> (Option<Code>, Vec<Code>) {
    let root = fs::read(test_vectors::root().join("tuf1/smoke/metadata/1.root.json")).unwrap();
    let builder = Client::builder(root).clock(Then).user_agent("updater/3").forbidden_is_missing(forbidden_is_missing);
    let mut client = builder.metadata_url(&server.url()).unwrap().build().unwrap();
    let code = client.refresh().err().map(|e| e.code());
    let warnings = client.trusted().map(|set| set.warnings().iter().map(Error::code).collect());
    (code, warnings.unwrap_or_default())
}

/// T-8.1 T-8.2 T-8.3 T-8.4 T-8.5 T-8.6 T-8.8 T-8.15 T-8.16 T-54.4, go-tuf "403 as error": only "not found" ends
/// the chain.
#[test]
fn only_not_found_ends_the_chain_of_roots() {
    let status = |status: u16| move || Act::Fine(status, vec![("retry-after", "0".to_owned())], vec![]);
    let elsewhere = |status: u16| {
        let other = BadServer::new(move |_, _| Act::Fine(status, vec![], vec![]));
        move || Act::Fine(302, vec![("location", format!("{}/3.root.json", other.other_url()))], vec![])
    };
    let cut = || Act::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec());
    for (server, forbidden_is_missing, code, warned) in [
        (server(status(404)), true, None, false),
        (server(status(403)), true, None, true),
        (server(status(403)), false, Some(Code::AuthDenied), false),
        (server(status(500)), true, Some(Code::NetworkStatus), false),
        (server(status(429)), true, Some(Code::NetworkRateLimited), false),
        (server(status(410)), true, Some(Code::NetworkStatus), false),
        (server(|| Act::Raw(vec![])), true, Some(Code::NetworkCutOff), false),
        (server(cut), true, Some(Code::NetworkCutOff), false),
        (server(elsewhere(404)), true, Some(Code::NetworkRedirect), false),
        (server(elsewhere(403)), true, Some(Code::NetworkRedirect), false),
    ] {
        let (got, warnings) = refreshed(&server, forbidden_is_missing);
        assert_eq!(got, code, "{:?}", server.paths());
        assert_eq!(warnings.contains(&Code::RootDenied), warned, "{warnings:?}");
        assert!(server.seen().iter().all(|s| s.header("user-agent") == Some("updater/3")));
    }
}

/// N-23.7 N-23.8: plain http goes to loopback and to the host that is configured with it: to no other where
/// targets lie or a redirect leads, and nothing is asked there.
#[test]
fn plain_http_goes_to_no_other_host() {
    let smoke = test_vectors::root().join("tuf1/smoke");
    for redirects in [true, false] {
        for (host, code) in
            [("0.0.0.0", None), ("127.0.0.1", Some(if redirects { Code::NetworkRedirect } else { Code::ConfigValue }))]
        {
            let folder = smoke.clone();
            // 0.0.0.0 reaches this machine, and is no address of loopback.
            let server = BadServer::new(move |seen, _| match seen.path.as_str() {
                "/metadata/3.root.json" if redirects => {
                    let port = seen.header("host").and_then(|host| host.rsplit(':').next()).unwrap_or_default();
                    Act::Fine(302, vec![("location", format!("http://0.0.0.0:{port}/elsewhere"))], vec![])
                }
                path => file_of(&folder, path),
            });
            let at = |host: &str, folder: &str| format!("http://{host}:{}/{folder}/", server.port());
            let mut settings = ServerSettings::new(at(host, "metadata").parse().unwrap());
            settings.proxy = Proxy::Direct;
            let root = fs::read(smoke.join("metadata/1.root.json")).unwrap();
            let builder = Client::builder(root).clock(Then).server(settings);
            let builder = builder.metadata_url(&at(host, "metadata")).unwrap();
            let targets = if redirects { at(host, "targets") } else { at("0.0.0.0", "targets") };
            let mut client = builder.targets_url(&targets).unwrap().build().unwrap();
            let downloads = tempfile::tempdir().unwrap();
            let got = client.target("hello.txt").and_then(|target| client.download(&target, downloads.path()));
            assert_eq!(got.map_err(|e| e.code()).err(), code, "{host}, redirects {redirects}");
            let there = |path: &String| path.starts_with(if redirects { "/elsewhere" } else { "/targets" });
            assert_eq!(server.paths().iter().any(there), code.is_none(), "{host}: {:?}", server.paths());
        }
    }
}

/// N-22: why no password is used is told as it is: nobody has allowed any, or the configuration turns them off.
#[test]
fn a_server_that_asks_for_a_password_that_none_may_be_used_for() {
    let server = BadServer::new(|_, _| Act::Fine(401, vec![("www-authenticate", "Basic".to_owned())], vec![]));
    let root = test_vectors::root().join("tuf1/smoke/metadata/1.root.json");
    for (auth, message, hint) in [
        ("", "asks for a password, and none may be used", "tuf_client_set_docker_login"),
        ("auth = \"docker\"", "asks for a password, and none may be used", "docker_login=True in Python"),
        ("auth = \"none\"", "wants credentials, and `auth = \"none\"` is configured", "docker login a.example"),
    ] {
        let text = format!(
            "[server.\"a.example/repo\"]\nformat = \"tuf1\"\nurl = \"http://127.0.0.1:{}\"\n{auth}\n\
             [trust.\"a.example/repo\"]\nroot = \"{}\"\n",
            server.port(),
            root.display(),
        );
        let config = Config::from_text(&text, "".as_ref()).unwrap();
        let now = Time::parse("2030-01-01T00:00:00Z").unwrap();
        let ask = Ask { now, injected: true, choices: Choices::default(), gun: None, place: Place::Memory };
        let Document::Verdict(verdict) = refresh(&config, "a.example/repo", &ask) else { panic!("no verdict") };
        let why = verdict.reason.unwrap();
        assert_eq!(why.code, Code::AuthRequired);
        assert!(why.message.contains(message) && why.hint.unwrap().contains(hint), "{auth}: {}", why.message);
    }
}
