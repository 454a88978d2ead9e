//! How servers are reached: TLS, plain HTTP, client certificates, requests and connections.

use crate::common::User;
use crate::servers::{Front, Publisher, Servers, ended, is_trusted, run_in, shown};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Passes requests on to a plain HTTP server, and remembers them.
struct Proxy {
    url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Head of each request, and the number of its connection.
    heads: Mutex<Vec<(usize, String)>>,
    arrived: Condvar,
    /// Requests whose path contains this text wait until there were so many of them.
    hold: Option<(&'static str, usize)>,
}

impl Seen {
    fn note(&self, connection: usize, head: &str) {
        let mut heads = self.heads.lock().expect("a lock");
        heads.push((connection, head.to_owned()));
        self.arrived.notify_all();
        let Some((text, number)) = self.hold.filter(|(text, _)| head.contains(text)) else { return };
        let few = |heads: &mut Vec<(usize, String)>| heads.iter().filter(|(_, h)| h.contains(text)).count() < number;
        drop(self.arrived.wait_while(heads, few).expect("a lock"));
    }
}

impl Proxy {
    fn of(servers: &Servers, hold: Option<(&'static str, usize)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (seen, upstream) = (Arc::new(Seen { hold, ..Seen::default() }), servers.trust_host().to_owned());
        let noted = seen.clone();
        std::thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                let (client, server) =
                    (client.expect("a connection"), TcpStream::connect(&upstream).expect("a server"));
                let (mut answers, mut back) =
                    (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
                std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let seen = noted.clone();
                std::thread::spawn(move || pass(client, server, |head| seen.note(connection, head)));
            }
        });
        Proxy { url, seen }
    }

    /// What has been asked since this was called last: connection and head.
    fn taken(&self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.seen.heads.lock().expect("a lock"))
    }
}

/// Passes on one request head after the other; none has a body.
fn pass(client: TcpStream, mut server: TcpStream, note: impl Fn(&str)) {
    let mut head = String::new();
    for line in BufReader::new(client).lines().map_while(Result::ok) {
        head += &format!("{line}\r\n");
        if line.is_empty() {
            note(&head);
            if server.write_all(std::mem::take(&mut head).as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The file that a request is for, its checksum left out.
fn file<'h>(gun: &str, head: &'h str) -> String {
    let start = format!("GET /v2/{gun}/_trust/tuf/");
    let rest: &'h str = head.strip_prefix(start.as_str()).unwrap_or_else(|| panic!("{head}"));
    let name = rest.split(" HTTP/1.1\r\n").next().expect("a path");
    let parts = name.split('.').filter(|part| part.len() != 64);
    parts.collect::<Vec<_>>().join(".")
}

/// N-20.1 N-20.2 N-20.7 N-21.1 N-21.3 N-23.7 N-23.9 T-44.1
#[test]
fn a_warm_look_up_is_one_request() {
    let servers = Servers::http();
    let (publisher, images) = Publisher::of_tags(servers, "team/warm", &["1.0"]);
    let proxy = Proxy::of(servers, None);
    let user = User::new();
    user.configure(&format!("{}user-agent = \"a test/1.0\"\n{}", servers.table_at(&proxy.url), publisher.pin()));
    for files in [vec!["root.json", "timestamp.json", "snapshot.json", "targets.json"], vec!["timestamp.json"]] {
        publisher.trusted(&user, "1.0", &images[0], &[]);
        let asked = proxy.taken();
        assert_eq!(asked.iter().map(|(_, head)| file(&publisher.gun, head)).collect::<Vec<_>>(), files);
        assert!(asked.iter().all(|(connection, _)| *connection == asked[0].0), "one connection: {asked:?}");
        for (_, head) in &asked {
            let lower = head.to_lowercase();
            assert!(lower.contains("\r\naccept-encoding: identity\r\n"), "{head}");
            assert!(lower.contains("\r\nuser-agent: a test/1.0\r\n"), "{head}");
            assert!(!lower.contains("\r\nauthorization:"), "{head}");
        }
    }
}

/// N-23.9 N-23.11: no answer comes before six are asked for; were they fetched one after the
/// other, none would ever come.
#[test]
fn delegations_are_fetched_side_by_side() {
    let servers = Servers::http();
    let publisher = Publisher::new(servers, "team/many");
    let certificate = publisher.delegation_key("many");
    let roles: Vec<String> = (0..8).map(|number| format!("targets/role{number}")).collect();
    for role in &roles {
        publisher.notary("delegation add", &[role, &certificate, "--all-paths"]);
    }
    publisher.publish();
    let image = publisher.push("1.0", &["the same for all"]);
    for role in &roles {
        publisher.sign(&role.replace('/', "-"), &image, role);
    }
    publisher.publish();
    let proxy = Proxy::of(servers, Some(("/tuf/targets/role", 6)));
    let user = User::new();
    user.configure(&(servers.table_at(&proxy.url) + &publisher.pin()));
    let run = user.run(&[
        "image",
        "list",
        &publisher.gun,
        "--output",
        "json",
        "--tag-rule",
        "targets-first",
        "--time-limit",
        "60s",
    ]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(run.json()["targets"].as_array().map(Vec::len), Some(roles.len()), "{}", run.whole());
    let asked = proxy.taken();
    assert_eq!(asked.iter().filter(|(_, head)| head.contains("/tuf/targets/role")).count(), roles.len());
    assert!(asked.iter().all(|(connection, _)| *connection < 6), "{asked:?}");
}

/// N-23.5 N-23.6
#[test]
fn authorities() {
    let servers = Servers::https();
    let (publisher, images) = Publisher::of_tags(servers, "team/tls", &["1.0"]);
    let (own, other) = (shown(&servers.ca()), shown(&Servers::local().ca()));
    for (ca, machine, trusted) in [
        (Some(&own), None, true),
        (Some(&other), None, false),
        (None, None, false),
        (None, Some(&own), true),
        (None, Some(&other), false),
        // A given authority stands in the place of the machine's.
        (Some(&other), Some(&own), false),
    ] {
        let user = User::new();
        let ca = ca.map(|ca| format!("ca = \"{ca}\"\n")).unwrap_or_default();
        let table = format!("[server.\"{}/\"]\nurl = \"{}\"\n{ca}", servers.registry(), servers.url());
        user.configure(&(table + &publisher.pin()));
        let environment: Vec<_> = machine.map(|file| ("SSL_CERT_FILE", file.clone())).into_iter().collect();
        let run = run_in(&user, &["image", "verify", &publisher.tag("1.0"), "--output", "json"], &environment);
        if trusted {
            is_trusted(&run, &images[0]);
        } else {
            ended(&run, 3, "network.tls");
            let told = run_in(&user, &["image", "verify", &publisher.tag("1.0")], &environment).stderr;
            assert!(told.contains(servers.trust_host()) && told.contains("next:"), "{told}");
        }
    }
}

/// A host's certificate is for its name: `localhost` is in it, `127.0.0.1` is; and no TLS server
/// speaks plain HTTP, nor the other way round.
#[test]
fn the_right_server_at_the_wrong_url() {
    for (servers, from, to, end) in [
        (Servers::https(), "127.0.0.1", "localhost", None),
        (Servers::https(), "https:", "http:", Some("network.status")),
        (Servers::http(), "http:", "https:", Some("network.tls")),
    ] {
        let (publisher, images) = Publisher::of_tags(servers, "team/url", &["1.0"]);
        let user = User::new();
        let url = servers.url().replace(from, to);
        user.configure(&(servers.table_at(&url) + &publisher.pin()));
        match end {
            None => drop(publisher.trusted(&user, "1.0", &images[0], &[])),
            Some(code) => publisher.ends(&user, "1.0", &[], 3, code),
        }
    }
}

/// The front takes nobody without one, and says so only after the handshake. It would choose HTTP/2 if
/// that was offered: N-23.10 T-44.6.
#[test]
fn client_certificates() {
    let servers = Servers::http();
    let (publisher, images) = Publisher::of_tags(servers, "team/client", &["1.0"]);
    let front = Front::of(servers);
    let user = User::new();
    let table = servers.table_at(front.url());
    user.configure(&(table.clone() + &publisher.pin()));
    publisher.ends(&user, "1.0", &[], 3, "network.tls");
    // By an authority that the front does not know.
    let shows = |servers: &Servers| {
        let file = |name: &str| shown(&servers.file(name));
        format!("client-cert = \"{}\"\nclient-key = \"{}\"\n", file("tls/client.crt"), file("tls/client.key"))
    };
    user.configure(&(table.clone() + &shows(Servers::https()) + &publisher.pin()));
    publisher.ends(&user, "1.0", &[], 3, "network.tls");
    user.configure(&(table + &shows(servers) + &publisher.pin()));
    publisher.trusted(&user, "1.0", &images[0], &[]);
}

/// T-44.5: long before the server's certificate began and long after it ends, what is refused is the
/// trust data.
#[test]
fn injected_time_does_not_reach_tls() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/time", &["1.0"]);
    let user = publisher.user();
    publisher.ends(&user, "1.0", &["--at", "2020-01-01T00:00:00Z"], 1, "pin.certificate-not-yet-valid");
    publisher.ends(&publisher.user(), "1.0", &["--at", "2099-01-01T00:00:00Z"], 1, "pin.certificate-expired");
    publisher.trusted(&user, "1.0", &images[0], &[]);
}

/// N-40.16: with a good store or none, and a store that is asked for serves.
#[test]
fn a_server_that_is_gone() {
    let mut servers = Servers::start(&["--trust", "local"]);
    let (warm, fresh, reference, image) = {
        let (publisher, mut images) = Publisher::of_tags(&servers, "team/gone", &["1.0"]);
        let user = || {
            // The authority's file goes with the servers.
            let user = publisher.user();
            let ca = user.write("ca.crt", std::fs::read(servers.ca()).expect("a file"));
            user.configure(&(servers.table().replace(&shown(&servers.ca()), &shown(&ca)) + &publisher.pin()));
            user
        };
        let warm = user();
        publisher.trusted(&warm, "1.0", &images[0], &[]);
        (warm, user(), publisher.tag("1.0"), images.remove(0))
    };
    let host = servers.trust_host().to_owned();
    servers.stop();
    let verify =
        |user: &User, args: &[&str]| user.run(&[&["image", "verify", &reference, "--output", "json"], args].concat());
    for user in [&warm, &fresh] {
        ended(&verify(user, &[]), 3, "network.unreachable");
        let told = user.run(&["image", "verify", &reference]).stderr;
        assert!(told.contains(&host) && told.contains("next:"), "{told}");
    }
    is_trusted(&verify(&warm, &["--offline"]), &image);
    ended(&verify(&fresh, &["--offline"]), 3, "store.empty");
    let text = std::fs::read_to_string(warm.path(".config/verify-cli/config.toml")).expect("a file");
    warm.configure(&text.replace("ca = ", "when-unreachable = \"use-cache\"\nca = "));
    let run = verify(&warm, &[]);
    is_trusted(&run, &image);
    assert_eq!(run.json()["warnings"][0]["code"], "store.served", "{}", run.whole());
}
