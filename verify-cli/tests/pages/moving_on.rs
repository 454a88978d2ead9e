//! docs/moving-on.md

use crate::common::User;
use crate::pages::{Page, Terminal};
use crate::servers::{Image, Publisher, Servers, ended, is_trusted, shown};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const PAGE: &str = "docs/moving-on.md";
const GUN: &str = "registry.example/team/app";
const NEW_ID: &str = "93248e64a0c2ba9e23a2f9a4ef3a3a9bf7bcf8b7c5a4d3e2f1001122334455aa";
const ID: &str = "6b15b0d360aaa719b4389e1b7865340506cbe66a7bf6b3d89a5e07d0a56f20ed";

/// A configuration without names of files that go with the servers.
fn configure(user: &User, servers: &Servers, pin: &str) {
    let ca = user.write("ca.pem", std::fs::read(servers.ca()).expect("a file"));
    user.configure(&(servers.table().replace(&shown(&servers.ca()), &shown(&ca)) + pin));
}

/// The page from its beginning to the day after, and the way to a new server.
#[test]
fn the_page() {
    let page = Page::read(PAGE);
    let mut old = Servers::start(&["--trust", "local"]);
    let user = User::new();
    let (gun, pin, id, image, url, registry) = {
        let (publisher, images) = Publisher::of_tags(&old, "team/app", &["1.0"]);
        configure(&user, &old, &publisher.pin());
        let id = publisher.root_ids().remove(0);
        let (url, registry) = (old.url().to_owned(), old.registry().to_owned());
        (publisher.gun.clone(), publisher.pin(), id, images[0].clone(), url, registry)
    };
    let terminal = || {
        let terminal = Terminal::new(&user).name(GUN, &gun).name(ID, &id).name("https://trust.example", &url);
        terminal.name("registry.example", &registry)
    };
    page.run("While the server is there", &terminal());
    old.stop();
    page.run("When it is gone", &terminal());

    // After the timestamp has expired, with what is remembered.
    let expired = terminal().bash("date -u -d +15days +%FT%TZ").1.trim().to_owned();
    let verify = |args: &[&str]| {
        let reference = format!("{gun}:1.0");
        user.run(&[&["image", "verify", &reference, "--no-persist", "--output", "json"], args].concat())
    };
    ended(&verify(&["--offline", "--at", &expired]), 1, "expired.timestamp");
    let text = std::fs::read_to_string(user.path(".config/verify-cli/config.toml")).expect("a file");
    user.configure(&text.replace("url = ", "when-unreachable = \"use-cache\"\nurl = "));
    is_trusted(&verify(&[]), &image);
    ended(&verify(&["--at", &expired]), 3, "network.unreachable");

    let new = Servers::start(&["--trust", "local"]);
    let terminal = || {
        let terminal = Terminal::new(&user).name(GUN, &gun).name("https://new.example", new.url());
        let terminal = terminal.name("/etc/ssl/our-ca.pem", shown(&new.ca())).name("registry.example", &registry);
        terminal.variable("digest", &image.digest).variable("size", image_size(&image))
    };
    // The other block of that section is run below.
    page.run_some("What a publisher does", 1..2, &terminal());
    let root = std::fs::read(user.path(".notary-new/tuf").join(&gun).join("metadata/root.json")).expect("a root");
    let root: serde_json::Value = serde_json::from_slice(&root).expect("JSON");
    let new_id = root["signed"]["roles"]["root"]["keyids"][0].as_str().expect("an id").to_owned();
    // The pins as `trust add` keeps them.
    user.write(".config/verify-cli/trust.toml", &pin);
    let terminal = terminal().name(NEW_ID, &new_id);
    terminal.configure(&page.only("Whoever verifies follows", "toml"), "");
    // As long as the old pin is there, alone or beside the new one.
    let refused = || verify(&[]);
    assert_eq!(refused().status, 1, "{}", refused().whole());
    assert_eq!(user.run(&["trust", "add", &gun, "--certificate-id", &new_id]).status, 0);
    assert_eq!(refused().status, 1, "{}", refused().whole());
    page.run("Whoever verifies follows", &terminal);
    is_trusted(&verify(&[]), &image);
    page.blocks("What a publisher does", "sh")[..1].iter().for_each(|block| page.done(block));
    page.is_done();
}

fn image_size(image: &Image) -> String {
    let size = format!("{image:?}");
    size.rsplit('"').nth(1).expect("a size").to_owned()
}

/// The same server under another URL: pins and memory stay, and so does what an older state gets.
#[test]
fn a_server_moves_with_its_database() {
    let (page, user, servers) = (Page::read(PAGE), User::new(), Servers::https());
    let (publisher, images) = Publisher::of_tags(servers, "team/app", &["1.0"]);
    let terminal = Terminal::new(&user).name(GUN, &publisher.gun).name("registry.example", servers.registry());
    let terminal = terminal.name("https://trust-2.example", servers.url().replace("127.0.0.1", "localhost"));
    let terminal = terminal.name("/etc/ssl/our-ca.pem", shown(&servers.ca()));
    user.configure(&(servers.table() + &publisher.pin()));
    let saved = user.run(&["image", "save", &publisher.gun, "older"]);
    assert_eq!(saved.status, 0, "{}", saved.whole());
    publisher.sign("1.1", &images[0], "");
    publisher.publish();
    publisher.trusted(&user, "1.1", &images[0], &[]);

    let heading = "What a publisher does";
    terminal.configure(&page.only(heading, "toml"), &publisher.pin());
    page.run_some(heading, 0..1, &terminal);
    // The older state, at yet another URL.
    user.configure(&format!(
        "[server.\"{}\"]\nurl = \"file:{}\"\n{}",
        publisher.gun,
        user.path("work/older").display(),
        publisher.pin()
    ));
    publisher.ends(&user, "1.0", &[], 1, "rollback.timestamp");
}

/// What the reference client can and cannot do with a chain of roots that another server has.
#[test]
fn a_chain_of_roots_cannot_be_taken_along() {
    let (old, new) = (Servers::https(), Servers::local());
    for rotated in [false, true] {
        let (publisher, images) = Publisher::of_tags(old, "team/taken", &["1.0"]);
        for _ in 0..3 {
            publisher.sign("again", &images[0], "");
            publisher.publish();
        }
        if rotated {
            publisher.rotate("root", &[]);
            publisher.rotate("root", &[]);
        }
        publisher.notary("list", &[]);
        let user = publisher.user();
        publisher.trusted(&user, "1.0", &images[0], &[]);
        let terminal = Terminal::new(&user);
        let (status, told) = terminal.bash(&format!(
            "notary -s {} --tlscacert {} -d {} key rotate {} timestamp --server-managed",
            new.url(),
            shown(&new.ca()),
            shown(&publisher.path("notary")),
            publisher.gun
        ));
        assert_eq!(status == 0, !rotated, "{told}");
        user.configure(&(new.table().replace(new.registry(), old.registry()) + &publisher.pin()));
        let code = if rotated { "missing.timestamp" } else { "rollback.timestamp" };
        publisher.ends(&user, "1.0", &[], 1, code);
    }
}

/// A server on loopback that answers everything with the same bytes; it ends with the test program.
fn answers(bytes: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let head = BufReader::new(client.try_clone().expect("a socket")).lines().map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).for_each(drop);
            let _ = client.write_all(bytes.as_bytes());
        }
    });
    url
}

const PAGE_OF_A_WEB_SITE: &str =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 33\r\n\r\n<html>This service is over.</html>";

/// The table of what is said once a server is gone.
#[test]
fn what_is_left_at_the_address() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/left", &["1.0"]);
    let text = std::fs::read_to_string(test_vectors::root().join("..").join(PAGE)).expect("the page");
    let nowhere = || "https://127.0.0.1:1".to_owned();
    let status = |status: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let gone: &'static str = Box::leak(status("410 Gone").into_boxed_str());
    let down: &'static str = Box::leak(status("503 Down").into_boxed_str());
    let plain =
        "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://docs.example/\r\nContent-Length: 0\r\n\r\n";
    let missing: &'static str = Box::leak(status("404 Not Found").into_boxed_str());
    let elsewhere = format!(
        "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {}/\r\nContent-Length: 0\r\n\r\n",
        answers(missing)
    );
    let elsewhere: &'static str = Box::leak(elsewhere.into_boxed_str());
    for (url, status, fresh, warm) in [
        (nowhere(), 3, "network.unreachable", "network.unreachable"),
        ("https://no-such-host.invalid".to_owned(), 3, "network.unreachable", "network.unreachable"),
        (Servers::local().url().to_owned(), 3, "network.tls", "network.tls"),
        (answers(gone), 3, "network.status", "network.status"),
        (answers(down), 3, "network.status", "network.status"),
        (answers(plain), 3, "network.redirect", "network.redirect"),
        (answers(elsewhere), 3, "network.redirect", "network.redirect"),
        (answers(missing), 1, "missing.root", "missing.timestamp"),
        (answers(PAGE_OF_A_WEB_SITE), 1, "parse.json", "parse.json"),
    ] {
        let user = publisher.user();
        let at = format!("[server.\"{}\"]\nurl = \"{url}\"\n{}", publisher.gun, publisher.pin());
        let newcomer = User::new();
        newcomer.configure(&at);
        publisher.ends(&newcomer, "1.0", &[], status, fresh);
        publisher.trusted(&user, "1.0", &images[0], &[]);
        user.configure(&at);
        publisher.ends(&user, "1.0", &[], status, warm);
        for code in [fresh, warm] {
            let row = text.lines().find(|line| line.contains(&format!("`{code}`")) && line.ends_with(" |"));
            assert!(row.is_some_and(|row| row.ends_with(&format!("| {status} |"))), "{code}");
        }
    }
}
