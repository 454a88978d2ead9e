//! First use and last use: a root to be pinned is shown, and a collection is saved.

use crate::common::User;
use crate::servers::{Publisher, Servers, ended, is_trusted, openssl, shown};
use std::fs;

fn verify(user: &User, reference: &str) -> crate::common::Run {
    user.run(&["image", "verify", reference, "--output", "json"])
}

/// What is shown is what another tool says of the certificate; showing trusts nothing.
#[test]
fn a_root_is_shown_pinned_and_used() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/first", &["1.0"]);
    publisher.rotate("root", &[]);
    let user = User::new();
    user.configure(&publisher.servers.table());
    let reference = publisher.tag("1.0");
    ended(&verify(&user, &reference), 2, "config.no-pin");

    let shown_root = user.run(&["trust", "fetch", &publisher.gun]);
    assert_eq!(shown_root.status, 0, "{}", shown_root.whole());
    let id = publisher.root_ids().remove(0);
    let certificate = shown(&publisher.root_certificate());
    let print = |args: &[&str]| openssl(&[&["x509", "-in", &certificate, "-noout"], args].concat());
    let fingerprint = print(&["-fingerprint", "-sha256"]);
    let fingerprint = fingerprint.trim().rsplit('=').next().expect("a fingerprint").replace(':', "").to_lowercase();
    let until = print(&["-enddate", "-dateopt", "iso_8601"]);
    let until = until.trim().rsplit('=').next().expect("a date").split(' ').next().expect("a day").to_owned();
    let printed = shown_root.stdout.replace(':', "").to_lowercase();
    for part in [&id, &fingerprint, &until] {
        assert!(printed.contains(part), "no {part} in {}", shown_root.whole());
    }
    // Nothing is pinned by that, nor remembered.
    ended(&verify(&user, &reference), 2, "config.no-pin");
    let stores = user.run(&["cache", "status", "--output", "json"]);
    assert_eq!(stores.json(), serde_json::json!([]), "{}", stores.whole());

    let line = shown_root.stdout.lines().map(str::trim).find(|line| line.starts_with("verify-cli trust add "));
    let line = line.unwrap_or_else(|| panic!("no line to paste: {}", shown_root.whole()));
    let pasted: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(user.run(&pasted).status, 0, "{line}");
    is_trusted(&verify(&user, &reference), &images[0]);
}

#[test]
fn there_is_no_root_to_show() {
    let servers = Servers::https();
    let user = User::new();
    user.configure(&servers.table());
    let run = user.run(&["trust", "fetch", &format!("{}/team/nobody", servers.registry())]);
    assert_eq!(run.status, 1, "{}", run.whole());
    assert!(run.stderr.contains("missing.root") && run.stderr.contains(servers.trust_host()), "{}", run.whole());
}

/// With roots of long ago, and delegations.
#[test]
fn a_collection_is_saved_before_its_server_goes() {
    let mut servers = Servers::start(&[]);
    let (gun, pins, references) = {
        let (publisher, images) = Publisher::of_tags(&servers, "team/saved", &["1.0"]);
        let first = publisher.pin();
        publisher.rotate("root", &[]);
        publisher.rotate("root", &[]);
        publisher.delegate("targets/releases", "");
        publisher.delegate("targets/releases/hotfix", "hot-");
        let released = publisher.stage("2.0", &["released"], "targets/releases");
        let fixed = publisher.stage("hot-1", &["fixed"], "targets/releases/hotfix");
        publisher.publish();
        let all = [("1.0", images[0].clone()), ("2.0", released), ("hot-1", fixed)];
        let references = all.map(|(tag, image)| (publisher.tag(tag), image));
        (publisher.gun.clone(), [first, publisher.pin()], references)
    };
    let user = User::new();
    user.configure(&(servers.table() + &pins[0]));
    let run = user.run(&["image", "save", &gun, "archive"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    servers.stop();

    for (saver, pin) in [(&user, &pins[0]), (&User::new(), &pins[0]), (&User::new(), &pins[1])] {
        let archive = user.path("work/archive");
        saver.configure(&format!("[server.\"{gun}\"]\nurl = \"file:{}\"\n{pin}", archive.display()));
        for (reference, image) in &references {
            let rule = ["image", "verify", reference, "--output", "json", "--tag-rule", "targets-first"];
            is_trusted(&saver.run(&rule), image);
        }
        let run = saver.run(&["image", "list", &gun, "--output", "json", "--tag-rule", "targets-first"]);
        assert_eq!(run.json()["targets"].as_array().map(Vec::len), Some(references.len()), "{}", run.whole());
    }
}

/// What is saved is what was verified: nothing of a collection that is refused.
#[test]
fn what_is_refused_is_not_saved() {
    let (publisher, _) = Publisher::of_tags(Servers::https(), "team/unsaved", &["1.0"]);
    let (other, _) = Publisher::of_tags(Servers::https(), "team/other", &["1.0"]);
    let user = User::new();
    let pin = format!("[trust.\"{}\"]\ncertificate-ids = {:?}\n", publisher.gun, other.root_ids());
    user.configure(&(publisher.servers.table() + &pin));
    let run = user.run(&["image", "save", &publisher.gun, "archive"]);
    assert_eq!(run.status, 1, "{}", run.whole());
    assert!(run.stderr.contains("pin.mismatch"), "{}", run.whole());
    let left = fs::read_dir(user.path("work/archive")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing is left behind");
}
