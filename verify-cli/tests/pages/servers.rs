//! docs/servers.md

use crate::common::User;
use crate::pages::{Page, Terminal};
use crate::servers::{Front, Publisher, Servers, base64, ended, is_trusted, run_in, shown};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const PAGE: &str = "docs/servers.md";

/// The page's names of a server and a collection.
fn terminal<'u>(user: &'u User, publisher: &Publisher<'_>, name: &str) -> Terminal<'u> {
    let servers = publisher.servers;
    let terminal = Terminal::new(user).name(name, &publisher.gun).name("https://trust.example", servers.url());
    let terminal = terminal.name("/etc/ssl/our-ca.pem", shown(&servers.ca()));
    let terminal = terminal.name("trust.example:443", servers.trust_host());
    // What is left of the registry's name: prefixes, and what to log in to.
    match publisher.gun.starts_with("registry.example") {
        true => terminal,
        false => terminal.name("registry.example", servers.registry()),
    }
}

/// Everything on the page that is run, in its order.
#[test]
fn the_page() {
    let (page, user) = (Page::read(PAGE), User::new());
    let (publisher, _) = Publisher::of_tags(Servers::https(), "team/app", &["1.0"]);
    let app = terminal(&user, &publisher, "registry.example/team/app");
    app.configure(&page.only("Trust servers: authorities, passwords, proxies, time", "toml"), &publisher.pin());
    let heading = "A private authority";
    page.run_some(heading, 0..1, &app);
    app.configure(&page.only(heading, "toml"), &publisher.pin());
    page.run_some(heading, 1..2, &app);

    let user = User::new();
    let (publisher, _) = Publisher::of_tags(Servers::tokens(), "private/app", &["1.0"]);
    let app = terminal(&user, &publisher, "registry.example/private/app");
    user.configure(&(publisher.servers.table() + &publisher.pin()));
    let heading = "Passwords and tokens";
    page.run_some(heading, 0..1, &app);
    user.write(".docker/config.json", app.real(&page.only(heading, "json")));
    page.run_some(heading, 1..2, &app);
    std::fs::remove_file(user.path(".docker/config.json")).expect("a file");
    page.run_some(heading, 2..3, &app);

    let (user, servers) = (User::new(), Servers::tokens_elsewhere());
    // Named after a registry that is on neither host; it is not asked.
    let publisher = Publisher::at(servers, "registry.example", "private/app");
    publisher.sign("1.0", &Publisher::new(servers, "open/image").push("1.0", &["of somebody"]), "");
    publisher.publish();
    let app = terminal(&user, &publisher, "registry.example/private/app")
        .name("https://login.example", format!("https://{}", servers.realm_host()))
        .name("login.example", "localhost")
        .name("trust.example", "127.0.0.1")
        .variable("NOTARY_AUTH", base64(READER));
    let table = servers.table().replace(servers.registry(), "registry.example");
    user.configure(&(table + &publisher.pin()));
    let heading = "A token realm on another host";
    page.run_some(heading, 0..1, &app);
    user.configure(&(app.real(&page.only(heading, "toml")) + &publisher.pin()));
    page.run_some(heading, 1..2, &app);
    page.is_done();
}

const READER: &str = "reader:reader-password";

#[test]
fn a_client_certificate() {
    let (page, user, servers) = (Page::read(PAGE), User::new(), Servers::http());
    let (publisher, images) = Publisher::of_tags(servers, "team/app", &["1.0"]);
    let front = Front::of(servers);
    let file = |name: &str| shown(&servers.file(name));
    let terminal = Terminal::new(&user)
        .name("registry.example", servers.registry())
        .name("https://trust.example", front.url())
        .name("/etc/ssl/our-ca.pem", shown(&servers.ca()))
        .name("/etc/ssl/verify-cli.crt", file("tls/client.crt"))
        .name("/etc/ssl/verify-cli.key", file("tls/client.key"));
    let block = page.only("A client certificate", "toml");
    terminal.configure(&block, &publisher.pin());
    publisher.trusted(&user, "1.0", &images[0], &[]);
    let without: String = block.lines().filter(|l| !l.starts_with("client-")).map(|l| format!("{l}\n")).collect();
    terminal.configure(&without, &publisher.pin());
    publisher.ends(&user, "1.0", &[], 3, "network.tls");
}

/// The lines for Docker's server, as they are printed, name that server; with another in its place, whose
/// realm is on another host too, public names need no password, and private ones have it from `docker login`.
#[test]
fn dockers_server() {
    let (page, user, servers) = (Page::read(PAGE), User::new(), Servers::tokens_elsewhere());
    let block = page.only("Docker's public server", "toml");
    let pin = format!("[trust.\"docker.io/\"]\ncertificate-ids = [\"{}\"]\n", "ab".repeat(32));
    user.configure(&(block.clone() + &pin));
    let run = user.run(&["--offline", "image", "verify", "alpine:3", "--output", "json"]);
    ended(&run, 3, "store.empty");
    assert_eq!(run.json()["trust"][0]["source"], "https://notary.docker.io", "{}", run.whole());

    let image = Publisher::new(servers, "open/image").push("1.0", &["of somebody"]);
    let ca = format!("ca = \"{}\"\n", shown(&servers.ca()));
    let block = block.replace("https://notary.docker.io", servers.url()).replace("auth.docker.io", "localhost");
    let without: String = block.lines().filter(|l| !l.starts_with("realms")).map(|l| format!("{l}\n")).collect();
    let login = json!({"auths": {"https://index.docker.io/v1/": {"auth": base64(READER)}}});
    for (name, table, password, code) in [
        ("open/app", &without, false, None),
        ("open/app", &block, false, None),
        ("private/app", &block, false, Some("auth.required")),
        ("private/app", &without, true, Some("auth.realm")),
        ("private/app", &block, true, None),
    ] {
        let publisher = Publisher::at(servers, "docker.io", name);
        publisher.sign("1.0", &image, "");
        publisher.publish();
        let user = User::new();
        user.configure(&[table.as_str(), &ca, &publisher.pin()].concat());
        if password {
            user.write(".docker/config.json", login.to_string());
        }
        let reference = publisher.tag("1.0");
        let run = user.run(&["image", "verify", reference.trim_start_matches("docker.io/"), "--output", "json"]);
        match code {
            None => is_trusted(&run, &image),
            Some(code) => ended(&run, 3, code),
        }
    }
}

/// The first line that a proxy is sent; it refuses.
fn refusing_proxy() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    let asked = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a connection");
        let mut head = BufReader::new(client.try_clone().expect("a socket")).lines().map_while(Result::ok);
        let first = head.next().unwrap_or_default();
        head.find(String::is_empty);
        client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").expect("an answer");
        first
    });
    (at, asked)
}

#[test]
fn a_proxy() {
    let page = Page::read(PAGE);
    let block = page.only("Proxies", "toml");
    let table = page.only("Trust servers: authorities, passwords, proxies, time", "toml");
    let pin = format!("[trust.\"registry.example/\"]\ncertificate-ids = [\"{}\"]\n", "ab".repeat(32));
    for configured in [true, false] {
        let (at, asked) = refusing_proxy();
        let own = if configured { block.replace("proxy.example:3128", &at) } else { String::new() };
        let variables = if configured { vec![] } else { vec![("HTTPS_PROXY", format!("http://{at}"))] };
        let user = User::new();
        user.configure(&[own.as_str(), &table, &pin].concat());
        let run = run_in(&user, &["image", "verify", "registry.example/team/app:1.0", "--output", "json"], &variables);
        assert_eq!(run.status, 3, "{}", run.whole());
        assert_eq!(asked.join().expect("a proxy"), "CONNECT trust.example:443 HTTP/1.1");
    }
    // Loopback is never asked through one.
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/app", &["1.0"]);
    let user = User::new();
    user.configure(&[block.as_str(), &publisher.servers.table(), &publisher.pin()].concat());
    publisher.trusted(&user, "1.0", &images[0], &[]);
}

#[test]
fn time() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/app", &["1.0"]);
    let user = User::new();
    let block = Page::read(PAGE).only("Time", "toml");
    user.configure(&[block.as_str(), &publisher.servers.table(), &publisher.pin()].concat());
    publisher.trusted(&user, "1.0", &images[0], &[]);
}

/// To another machine it is a warning: here in the verdict of a run that asks nobody.
#[test]
fn plain_http() {
    let user = User::new();
    let pin = format!("[trust.\"registry.example/\"]\ncertificate-ids = [\"{}\"]\n", "ab".repeat(32));
    user.configure(&format!("[server.\"registry.example/\"]\nurl = \"http://trust.example\"\n{pin}"));
    let run = user.run(&["--offline", "image", "verify", "registry.example/team/app:1.0", "--output", "json"]);
    ended(&run, 3, "store.empty");
    assert_eq!(run.json()["warnings"][0]["code"], "network.plain-http", "{}", run.whole());
}
