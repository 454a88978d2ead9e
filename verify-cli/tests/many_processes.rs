//! Two hundred processes of the command on one store at once, some of which see an older state.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;

use common::{NOW, Run, User, has_open, vectors};
use serde_json::Value;
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::Duration;

const PROCESSES: usize = 200;
const GUN: &str = "registry.test:5000/team/rotated";
const PIN: &str = "db12214799eff31bbd5b4b23fabf198c3aced4051487b68b6e349c43b66d0e82";
/// Of roots, timestamp, snapshot and targets in the last stage.
const NEWEST: [(&str, u64); 3] = [("timestamp", 4), ("snapshot", 5), ("targets", 4)];

/// A configuration whose server has this stage; the store is the same for all.
fn serve(user: &User, name: &str, stage: &str) -> String {
    let folder = vectors("captured/root-rotation/stages").join(stage);
    let server = format!("[server.\"{GUN}\"]\nurl = \"file:{}\"\n", folder.display());
    let pin = format!("[trust.\"{GUN}\"]\ncertificate-ids = [\"{PIN}\"]\n");
    user.write(&format!("etc/{name}.toml"), server + &pin).display().to_string()
}

fn arguments(config: &str) -> Vec<String> {
    let reference = format!("{GUN}:1");
    let args = ["image", "verify", &reference, "--at", NOW, "--output", "json", "--config", config];
    args.map(str::to_owned).to_vec()
}

fn verify(user: &User, config: &str) -> Run {
    user.run(&arguments(config).iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs two hundred processes, the one of a number with this configuration. The store's lock is held
/// until each has it open, and so has read the store, or has ended: they are all there at once.
fn at_once<'c>(user: &User, config: impl Fn(usize) -> &'c str) -> Vec<Run> {
    let store = ".cache/verify-cli/notary1/registry.test%3A5000%2Fteam%2Frotated";
    let lock = File::create(user.write(&format!("{store}/lock"), "")).expect("a file");
    lock.lock().expect("a lock");
    let start = |number: usize| -> Child {
        let args = arguments(config(number));
        let mut command = user.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command")
    };
    let mut children: Vec<Child> = (0..PROCESSES).map(start).collect();
    let mut waiting = 0;
    for child in &mut children {
        while child.try_wait().expect("a child").is_none() {
            if has_open(child, "lock") {
                waiting += 1;
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(waiting >= PROCESSES / 2, "{waiting} wait for the lock");
    drop(lock);
    children.into_iter().map(|child| user.ended(&child.wait_with_output().expect("the command"))).collect()
}

/// What the store remembers, and that it is sound.
fn remembers_the_newest(user: &User) {
    let run = user.run(&["cache", "status", "--output", "json"]);
    let stores = run.json();
    assert_eq!(stores.as_array().map(Vec::len), Some(1), "{}", run.whole());
    assert_eq!(stores[0]["damage"], serde_json::json!([]), "{}", run.whole());
    assert_eq!(stores[0]["roots"][1], 3, "{}", run.whole());
    for (role, version) in NEWEST {
        assert_eq!(stores[0]["versions"][role], version, "{}", run.whole());
    }
}

fn digest() -> Value {
    let text = std::fs::read(vectors("captured/root-rotation/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    manifest["images"][0]["digest"].clone()
}

/// Two hundred processes, of which every third sees an older stage.
fn race(user: &User, older: &[&str], newest: &str) {
    let runs = at_once(user, |number| match number % 3 {
        0 => older[number / 3 % older.len()],
        _ => newest,
    });
    let (mut trusted, digest) = (0, digest());
    for (number, run) in runs.iter().enumerate() {
        match run.status {
            0 => {
                assert_eq!(run.json()["target"]["digest"], digest, "{number}: {}", run.whole());
                trusted += 1;
            }
            1 if number % 3 == 0 => assert!(run.code().starts_with("rollback."), "{number}: {}", run.whole()),
            _ => panic!("{number}: {}", run.whole()),
        }
    }
    assert!(trusted >= 133, "{trusted}");
    remembers_the_newest(user);
    for config in older {
        let run = verify(user, config);
        assert_eq!((run.status, run.code().as_str()), (1, "rollback.timestamp"), "{}", run.whole());
    }
    remembers_the_newest(user);
}

/// T-45.1 T-45.11 T-45.13: over a store that knows the first root; the older ones see the first and
/// the second, the others the third.
#[test]
fn two_hundred_processes_on_a_warm_store() {
    let user = User::new();
    let stages = ["01-root-v1", "02-root-v2", "03-new-tag"].map(|stage| serve(&user, stage, stage));
    let newest = serve(&user, "newest", "04-targets-key-rotated");
    assert_eq!(verify(&user, &stages[0]).status, 0);
    race(&user, &stages.each_ref().map(String::as_str), &newest);
}

/// T-45.1 T-45.11 T-45.13: over no store at all: some make first contact with an older root.
#[test]
fn two_hundred_first_contacts() {
    let user = User::new();
    let stages = ["01-root-v1", "03-new-tag"].map(|stage| serve(&user, stage, stage));
    let newest = serve(&user, "newest", "04-targets-key-rotated");
    race(&user, &stages.each_ref().map(String::as_str), &newest);
}
