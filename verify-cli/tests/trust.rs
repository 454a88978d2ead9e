//! `trust add`, `show`, `remove`: the pins in `trust.toml`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use common::{NOW, Run, User, WEB, has_open, vectors, web_pin};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

const ID: &str = "7e7c2d6050b4931d2c4144419b77732916ae8bbfd6310c0a72ad6515abf846a2";
/// An id that nobody has.
const OTHER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TRUST: &str = ".config/verify-cli/trust.toml";

fn server() -> String {
    format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n", vectors("captured/basic/stages/05-witnessed").display())
}

/// A user who has a server and no pin.
fn user() -> User {
    let user = User::new();
    user.configure(&server());
    user
}

fn trust_toml(user: &User) -> String {
    fs::read_to_string(user.path(TRUST)).unwrap_or_default()
}

/// The pins of trust.toml, read.
fn entry(user: &User, prefix: &str) -> toml::Value {
    let file: toml::Value = toml::from_str(&trust_toml(user)).expect("TOML");
    file["trust"][prefix].clone()
}

fn ids(user: &User) -> Vec<String> {
    let ids = entry(user, WEB)["certificate-ids"].as_array().expect("a list").clone();
    ids.iter().map(|id| id.as_str().expect("text").to_owned()).collect()
}

fn add(user: &User, args: &[&str]) -> Run {
    user.run(&[&["trust", "add", WEB], args].concat())
}

fn verify(user: &User) -> i32 {
    user.run(&["image", "verify", &format!("{WEB}:1.1"), "--at", NOW]).status
}

/// A refusal that leaves the file as it was.
fn refused(user: &User, args: &[&str], code: &str) {
    let before = fs::read(user.path(TRUST)).ok();
    let run = user.run(args);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{args:?}: {}", run.stderr);
    assert!(run.stderr.contains(code) && run.stderr.contains("next: "), "{args:?}: {}", run.stderr);
    assert_eq!(fs::read(user.path(TRUST)).ok(), before, "nothing is written");
    let left = |folder: &str| fs::read_dir(user.path(folder)).map_or(0, Iterator::count);
    assert!(left(".config/verify-cli") <= 3, "nothing is left behind but the lock");
}

#[test]
fn add_pins_by_certificate_id() {
    let user = user();
    assert_eq!(verify(&user), 2, "no pin yet");
    let run = add(&user, &["--certificate-id", ID]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert!(run.stdout.contains(WEB) && run.stdout.contains(TRUST), "it says what and where: {}", run.stdout);
    assert_eq!(ids(&user), [ID]);
    assert_eq!(verify(&user), 0);
    let json = user.run(&["image", "verify", &format!("{WEB}:1.1"), "--at", NOW, "--output", "json"]).json();
    assert_eq!(json["trust"][0]["pin"], json!({"kind": "certificate-ids", "from": format!("[HOME]/{TRUST}")}));
}

#[test]
fn a_wrong_id_pins_nobody() {
    let user = user();
    assert_eq!(add(&user, &["--certificate-id", OTHER]).status, 0);
    assert_eq!(verify(&user), 1, "pin.mismatch");
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    assert_eq!(verify(&user), 0, "either of the two");
}

#[test]
fn add_twice_and_a_second_id() {
    let user = user();
    for _ in 0..2 {
        assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
        assert_eq!(ids(&user), [ID]);
    }
    assert_eq!(add(&user, &["--certificate-id", &ID.to_uppercase()]).status, 0);
    assert_eq!(ids(&user), [ID], "in capitals it is the same");
    assert_eq!(add(&user, &["--certificate-id", OTHER]).status, 0);
    assert_eq!(ids(&user), [ID, OTHER]);
    let third = "ab".repeat(32);
    let fourth = "cd".repeat(32);
    assert_eq!(add(&user, &["--certificate-id", &third, "--certificate-id", &fourth]).status, 0);
    assert_eq!(ids(&user), [ID, OTHER, &third, &fourth]);
    assert_eq!(verify(&user), 0);
}

/// Relative to the working folder; written so that it still holds in another.
#[test]
fn add_pins_by_authority() {
    let user = User::new();
    let gun = "registry.test:5000/own/ca-pin";
    let folder = vectors("own/ca-pin/steps/01");
    user.configure(&format!("[server.\"{gun}\"]\nurl = \"file:{}\"\n", folder.display()));
    user.write("work/ca.pem", fs::read(vectors("own/ca-pin/pin/ca.pem")).expect("a file"));
    let asked = || user.run(&["image", "verify", &format!("{gun}:1.0"), "--at", "2026-11-26T00:00:00Z"]).status;
    assert_eq!(asked(), 2);
    let run = user.run(&["trust", "add", "registry.test:5000/own/", "--ca", "ca.pem"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(asked(), 0);
    let at = entry(&user, "registry.test:5000/own/")["ca"].as_str().expect("a path").to_owned();
    assert!(std::path::Path::new(&at).is_absolute(), "{at}");
}

#[test]
fn add_pins_by_root_file() {
    let user = user();
    let root = vectors("captured/basic/stages/05-witnessed/root.json").display().to_string();
    assert_eq!(add(&user, &["--root", &root]).status, 0);
    assert_eq!(entry(&user, WEB)["root"].as_str(), Some(root.as_str()));
    assert_eq!(verify(&user), 0);
}

/// N-9.8 N-9.9
#[test]
fn add_pins_a_prefix() {
    let user = user();
    assert_eq!(user.run(&["trust", "add", "registry.test:5000/library", "--certificate-id", ID]).status, 0);
    assert_eq!(verify(&user), 2, "a whole name, and not this one");
    assert_eq!(user.run(&["trust", "add", "registry.test:5000/library/", "--certificate-id", ID]).status, 0);
    assert_eq!(verify(&user), 0);
}

#[test]
fn comments_and_other_pins_are_kept() {
    let user = user();
    let text = format!(
        "# Whom we trust, asked on 2026-11-20.\n\n[trust.\"other.test/\"] # another team\n# by telephone\n\
         certificate-ids = [\"{OTHER}\"] # until March\n"
    );
    user.write(TRUST, &text);
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    let after = trust_toml(&user);
    assert!(after.starts_with(&text), "{after}");
    assert_eq!((ids(&user), verify(&user)), (vec![ID.to_owned()], 0));
    assert_eq!(user.run(&["trust", "remove", WEB]).status, 0);
    assert_eq!(trust_toml(&user).trim_end(), text.trim_end());
    // In the entry itself too.
    assert_eq!(user.run(&["trust", "add", "other.test/", "--certificate-id", ID]).status, 0);
    let after = trust_toml(&user);
    for comment in ["# Whom we trust", "# another team", "# by telephone", "# until March"] {
        assert!(after.contains(comment), "{comment}: {after}");
    }
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let user = user();
    let mode = |user: &User| fs::metadata(user.path(TRUST)).expect("a file").permissions().mode() & 0o777;
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    assert_eq!(mode(&user), 0o600);
    fs::set_permissions(user.path(TRUST), fs::Permissions::from_mode(0o644)).expect("a file");
    assert_eq!(add(&user, &["--certificate-id", OTHER]).status, 0);
    assert_eq!(mode(&user), 0o600, "whatever it was");
    assert_eq!(user.run(&["trust", "remove", WEB]).status, 0);
    assert_eq!(mode(&user), 0o600);
}

#[test]
fn the_file_lies_beside_the_configuration_in_use() {
    let user = User::new();
    let file = user.write("etc/gate.toml", server()).display().to_string();
    assert_eq!(add(&user, &["--certificate-id", ID, "--config", &file]).status, 0);
    assert!(user.path("etc/trust.toml").exists() && !user.path(TRUST).exists());
    let run = user.run(&["image", "verify", &format!("{WEB}:1.1"), "--at", NOW, "--config", &file]);
    assert_eq!(run.status, 0, "{}", run.whole());
    // Clearing the cache keeps the pins.
    fs::remove_dir_all(user.path(".cache")).expect("a cache");
    let run = user.run(&["image", "verify", &format!("{WEB}:1.1"), "--at", NOW, "--config", &file]);
    assert_eq!(run.status, 0, "{}", run.whole());
    // Without any configuration it makes the folder.
    let user = User::new();
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    assert_eq!(ids(&user), [ID]);
}

#[test]
fn what_stands_in_the_configuration_is_not_pinned_again() {
    let user = user();
    user.configure(&(server() + &web_pin()));
    refused(&user, &["trust", "add", WEB, "--certificate-id", OTHER], "config.value");
    assert_eq!(verify(&user), 0, "the configuration is as sound as before");
    assert_eq!(user.run(&["trust", "add", "registry.test:5000/library/", "--certificate-id", OTHER]).status, 0);
    refused(&user, &["trust", "add", WEB, "--certificate-id", OTHER], "config.value");
    refused(&user, &["trust", "remove", WEB], "usage.argument");
}

#[test]
fn pins_that_are_none() {
    let root = vectors("captured/basic/stages/05-witnessed/root.json").display().to_string();
    let ca = vectors("own/ca-pin/pin/ca.pem").display().to_string();
    for before in ["", "# nothing yet\n"] {
        let user = user();
        if !before.is_empty() {
            user.write(TRUST, before);
        }
        for (args, code) in [
            (&["--certificate-id", &ID[1..]][..], "config.value"),
            (&["--certificate-id", &format!("{ID}0")], "config.value"),
            (&["--certificate-id", ""], "config.value"),
            (&["--certificate-id", &ID.replace('7', "x")], "config.value"),
            (&["--certificate-id", ID, "--certificate-id", "x"], "config.value"),
            (&["--ca", &root], "config.value"),
            (&["--ca", "/no/such/file"], "usage.file"),
            (&["--root", "/no/such/file"], "usage.file"),
            (&[], "usage.flag"),
            (&["--ca", &ca, "--root", &root], "usage.flag"),
            (&["--ca", &ca, "--certificate-id", ID], "usage.flag"),
        ] {
            refused(&user, &[&["trust", "add", WEB], args].concat(), code);
        }
        for prefix in ["", "*", "registry.test:5000/*", "a//b", "../x", "a b"] {
            refused(&user, &["trust", "add", prefix, "--certificate-id", ID], "config.value");
        }
        assert_eq!(trust_toml(&user), before);
    }
}

/// Whether it is told at once or at the first look-up: nobody is trusted by a file that is no root.
#[test]
fn a_root_file_that_is_none_pins_nobody() {
    let user = user();
    let targets = vectors("captured/basic/stages/05-witnessed/targets.json").display().to_string();
    add(&user, &["--root", &targets]);
    assert_eq!(verify(&user), 2, "config.root, or no pin");
}

#[test]
fn one_kind_of_pin_for_a_prefix() {
    let user = user();
    let root = vectors("captured/basic/stages/05-witnessed/root.json").display().to_string();
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    refused(&user, &["trust", "add", WEB, "--root", &root], "config.value");
    assert_eq!(user.run(&["trust", "remove", WEB]).status, 0);
    assert_eq!(add(&user, &["--root", &root]).status, 0);
    assert_eq!(verify(&user), 0);
}

#[test]
fn a_damaged_file_is_not_written_over() {
    let user = user();
    for text in ["[trust", "trust = 1\n", "[trust.\"a\"]\ncertificate-ids = 1\n", "[trst.\"a\"]\ntofu = true\n"] {
        user.write(TRUST, text);
        refused(&user, &["trust", "add", WEB, "--certificate-id", ID], "config.");
    }
    user.configure("not toml");
    user.write(TRUST, "");
    refused(&user, &["trust", "add", WEB, "--certificate-id", ID], "config.value");
}

#[test]
fn show_tells_each_pin_and_its_file() {
    let user = user();
    let none = user.run(&["trust", "show"]);
    assert_eq!((none.status, none.stdout.as_str()), (0, ""), "{}", none.stderr);
    assert!(none.stderr.contains("nothing is pinned"), "{}", none.stderr);
    assert_eq!(user.run(&["trust", "show", "--output", "json"]).json(), json!([]));

    user.configure(&format!("{}[trust.\"other.test/\"]\ntofu = true\n", server()));
    assert_eq!(add(&user, &["--certificate-id", ID, "--certificate-id", OTHER]).status, 0);
    let config = "[HOME]/.config/verify-cli/config.toml";
    let web = format!("{WEB}  certificate-ids  [HOME]/{TRUST}\n  {ID}\n  {OTHER}\n");
    let other = format!("other.test/  first-use  {config}\n");
    let show = |name: &[&str]| {
        let run = user.run(&[&["trust", "show"], name].concat());
        assert_eq!(run.status, 0, "{}", run.whole());
        run.stdout
    };
    assert_eq!(show(&[]), format!("{other}{web}"));
    assert_eq!(show(&[WEB]), web);
    assert_eq!(show(&["other.test/app"]), other, "what covers the name");
    assert_eq!(show(&["third.test/app"]), "");

    let web = json!({"prefix": WEB, "pin": {"kind": "certificate-ids", "from": format!("[HOME]/{TRUST}")},
        "certificate_ids": [ID, OTHER]});
    let other = json!({"prefix": "other.test/", "pin": {"kind": "first-use", "from": config}, "certificate_ids": []});
    let show = |name: &[&str]| user.run(&[&["trust", "show", "--output", "json"], name].concat()).json();
    assert_eq!(show(&[]), json!([other, web]));
    assert_eq!(show(&[WEB]), json!([web]));
    assert_eq!(show(&["third.test/app"]), json!([]));
}

#[test]
fn show_tells_what_is_wrong() {
    let user = user();
    user.write(TRUST, "[trust.\"a\"]\ntofo = true\n");
    let run = user.run(&["trust", "show", "--output", "json"]);
    assert_eq!((run.status, run.code().as_str()), (2, "config.unknown-key"), "{}", run.whole());
    assert_eq!(run.json()["reason"]["file"], format!("[HOME]/{TRUST}"));
}

#[test]
fn remove_takes_the_pin_away() {
    let user = user();
    refused(&user, &["trust", "remove", WEB], "usage.argument");
    assert_eq!(add(&user, &["--certificate-id", ID]).status, 0);
    assert_eq!(user.run(&["trust", "add", "other.test/", "--certificate-id", OTHER]).status, 0);
    assert_eq!(verify(&user), 0);
    refused(&user, &["trust", "remove", "registry.test:5000/library/"], "usage.argument");
    let run = user.run(&["trust", "remove", WEB]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(verify(&user), 2, "with a warm cache too");
    assert!(trust_toml(&user).contains("other.test/"), "the other is still there");
    refused(&user, &["trust", "remove", WEB], "usage.argument");
    let run = user.run(&["trust", "remove", WEB, "--output", "json"]);
    assert_eq!((run.status, run.code().as_str()), (2, "usage.argument"), "{}", run.whole());
}

/// Commands that change trust.toml side by side, all of which wait for its lock: none undoes what another did.
#[cfg(target_os = "linux")]
#[test]
fn pins_that_are_added_side_by_side_are_all_there() {
    let user = User::new();
    let smoke = test_vectors::root().join("tuf1/smoke/metadata").display().to_string();
    let root = format!("{smoke}/1.root.json");
    let server = |n: usize| format!("[server.repo{n}]\nformat = \"tuf1\"\nurl = \"file:{smoke}\"\n");
    user.configure(&(0..8).map(server).collect::<String>());
    user.write(TRUST, format!("[trust.gone]\ncertificate-ids = [\"{OTHER}\"]\n"));
    let lock = fs::File::create(user.path(".config/verify-cli/trust.lock")).expect("a file");
    lock.lock().expect("a lock");
    let start =
        |args: &[&str]| user.command(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the command");
    let added = (0..16).map(|n| start(&["trust", "add", &format!("name{n}"), "--certificate-id", ID]));
    let mut children: Vec<Child> = added.collect();
    children.extend((0..8).map(|n| start(&["tuf", "init", &format!("repo{n}"), &root])));
    children.push(start(&["trust", "remove", "gone"]));
    for child in &mut children {
        while !has_open(child, "trust.lock") {
            assert_eq!(child.try_wait().expect("a child"), None, "it has not waited for the lock");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    drop(lock);
    for mut child in children {
        assert!(child.wait().expect("a child").success());
    }
    let file: toml::Table = toml::from_str(&trust_toml(&user)).expect("TOML");
    let pinned: BTreeSet<&String> = file["trust"].as_table().expect("a table").keys().collect();
    let want: BTreeSet<String> =
        (0..16).map(|n| format!("name{n}")).chain((0..8).map(|n| format!("repo{n}"))).collect();
    assert_eq!(pinned, want.iter().collect());
}
