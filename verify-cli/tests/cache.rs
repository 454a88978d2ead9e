//! `cache status`, `repair`, `clear`, and stores that cannot be written or belong to others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(unix)]

mod common;

use common::{NOW, Run, User, WEB, digest, vectors, web_pin};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

const STORE: &str = ".cache/verify-cli/notary1/registry.test%3A5000%2Flibrary%2Fweb";

fn serve(user: &User, stage: &str) {
    let folder = vectors("captured/basic/stages").join(stage);
    user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", folder.display(), web_pin()));
}

fn verify(user: &User, more: &[&str]) -> Run {
    let reference = format!("{WEB}:1.1");
    let args = ["image", "verify", &reference, "--at", NOW, "--output", "json"];
    user.run(&[&args[..], more].concat())
}

/// A user whose store has seen a stage.
fn of(stage: &str) -> User {
    let user = User::of_web(stage);
    let run = verify(&user, &[]);
    assert_eq!(run.status, 0, "{}", run.whole());
    user
}

fn file(user: &User, name: &str) -> PathBuf {
    user.path(STORE).join(name)
}

fn rows(user: &User) -> Vec<Value> {
    let run = user.run(&["cache", "status", "--output", "json"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    run.json().as_array().expect("rows").clone()
}

/// An older state is refused: what was seen before is remembered.
fn remembers(user: &User) {
    serve(user, "02-tags");
    let run = verify(user, &[]);
    assert_eq!((run.status, run.code().as_str()), (1, "rollback.timestamp"), "{}", run.whole());
    serve(user, "05-witnessed");
}

/// What stands in `checked`: a line, and one with its SHA-256.
fn last_checked(by_clock: u64) -> String {
    let line = format!("{{\"by_clock\":{by_clock},\"injected\":null}}\n");
    format!("{line}{}\n", tuf_core::crypto::hex(&tuf_core::crypto::sha256(line.as_bytes())))
}

#[test]
fn status_tells_what_is_remembered() {
    let user = User::of_web("05-witnessed");
    assert_snapshot!("status_of_nothing", user.run(&["cache", "status"]).whole());
    assert_eq!(rows(&user), [json!(null); 0]);
    let user = of("05-witnessed");
    assert_snapshot!("status", user.run(&["cache", "status"]).whole());
    assert_eq!(user.run(&["cache", "status", WEB]).stdout, user.run(&["cache", "status"]).stdout);
    assert_eq!(user.run(&["cache", "status", "registry.test/other"]).stdout, "");
    let row = &rows(&user)[0];
    assert_eq!(row["name"], WEB);
    assert_eq!(row["roots"], json!([1, 1]));
    assert_eq!(row["versions"], json!({"timestamp": 5, "snapshot": 6, "targets": 6}));
    assert_eq!(row["damage"], json!([]));
    assert_eq!(row["last_checked_at"], Value::Null, "an injected time is none of the clock's");
    fs::write(file(&user, "checked"), last_checked(1_795_507_967)).expect("a file");
    assert_eq!(rows(&user)[0]["last_checked_at"], "2026-11-24T08:12:47Z");
    fs::write(file(&user, "targets.json"), "{}").expect("a file");
    assert_snapshot!("status_of_damage", user.run(&["cache", "status"]).whole());
    assert_eq!(rows(&user)[0]["damage"].as_array().map(Vec::len), Some(1));
}

/// T-48.2: a first contact that was killed before its record left a folder and a lock: nothing is
/// remembered, which is no damage.
#[test]
fn a_folder_without_a_record_is_no_damage() {
    let user = User::of_web("05-witnessed");
    user.write(&format!("{STORE}/lock"), "");
    for row in rows(&user) {
        assert_eq!(row["damage"], json!([]), "{row}");
    }
    assert_eq!(verify(&user, &[]).status, 0);
}

/// T-46.3 T-46.5: a damaged file is told with the command that mends it; the command has the file
/// fetched again and keeps what is remembered: an older state is still refused.
#[test]
fn repair_keeps_what_is_remembered() {
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        for harm in ["truncated", "gone", "a link", "a folder"] {
            let user = of("05-witnessed");
            let path = file(&user, name);
            let bytes = fs::read(&path).expect("a file");
            fs::remove_file(&path).expect("removed");
            match harm {
                "truncated" => fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file"),
                "a link" => symlink(user.write("elsewhere", &bytes), &path).expect("a link"),
                "a folder" => fs::create_dir(&path).expect("a folder"),
                _ => {}
            }
            let run = verify(&user, &[]);
            assert_eq!((run.status, run.code().as_str()), (3, "store.damaged"), "{name} {harm}: {}", run.whole());
            assert_eq!(run.json()["reason"]["file"], name);
            assert!(run.stderr.contains(&format!("verify-cli cache repair {WEB}")), "{}", run.stderr);
            let versions = rows(&user)[0]["versions"].clone();
            let run = user.run(&["cache", "repair", WEB]);
            assert_eq!(run.status, 0, "{name} {harm}: {}", run.whole());
            assert!(run.stdout.contains(name) && run.stdout.contains("stays"), "{}", run.stdout);
            assert_eq!(rows(&user)[0]["versions"], versions, "{name} {harm}");
            if harm == "a folder" {
                fs::remove_dir(&path).expect("removed"); // no file can be put in its place
            }
            remembers(&user);
            let run = verify(&user, &[]);
            assert_eq!(run.status, 0, "{name} {harm}: {}", run.whole());
            assert_eq!(fs::read(&path).expect("a file"), bytes, "{name} {harm}");
            assert!(fs::symlink_metadata(&path).expect("a file").is_file());
            assert_eq!(user.run(&["cache", "repair", WEB]).stdout, "nothing is damaged\n");
        }
    }
}

/// T-46.5: where mending would lose what is remembered nothing is mended, and the words say what
/// would be given up.
#[test]
fn repair_refuses_to_forget() {
    for (name, harm) in [("state", "{}"), ("state", ""), ("roots/1.root.json", "{}"), ("roots/1.root.json", "")] {
        let user = of("05-witnessed");
        fs::write(file(&user, name), harm).expect("a file");
        let name_of_store = rows(&user)[0]["name"].as_str().expect("a name").to_owned();
        let run = user.run(&["cache", "repair", &name_of_store]);
        assert_ne!(run.status, 0, "{name}: {}", run.whole());
        assert!(run.stderr.contains("store.damaged") && run.stderr.contains("rollback"), "{}", run.stderr);
        assert_eq!(fs::read(file(&user, name)).expect("a file"), harm.as_bytes(), "nothing is changed");
        assert_eq!(verify(&user, &[]).code(), "store.damaged");
    }
}

/// The hint of a damaged record has to be a command that finds the store.
#[test]
fn the_hint_of_a_damaged_record_can_be_followed() {
    let user = of("05-witnessed");
    fs::write(file(&user, "state"), "{}").expect("a file");
    let run = verify(&user, &[]);
    assert!(run.stderr.contains(&format!("verify-cli cache repair {WEB}")), "{}", run.stderr);
    let run = user.run(&["cache", "repair", WEB]);
    assert_ne!(run.status, 0, "{}", run.whole());
    assert!(run.stderr.contains("store.damaged") && run.stderr.contains("--forget-rollback-memory"), "{}", run.stderr);
    let run = user.run(&["cache", "clear", WEB, "--forget-rollback-memory"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(verify(&user, &[]).status, 0);
}

/// T-46.5: forgetting needs its flag, which names what is given up; then an older state is accepted.
#[test]
fn clear_needs_the_words() {
    let user = of("05-witnessed");
    let run = user.run(&["cache", "clear", WEB]);
    assert_snapshot!("clear_without_the_words", run.whole());
    remembers(&user);
    let run = user.run(&["cache", "clear", WEB, "--forget-rollback-memory"]);
    assert_snapshot!("clear", run.whole());
    assert!(!user.path(STORE).exists());
    serve(&user, "02-tags");
    let run = verify(&user, &[]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(run.json()["target"]["digest"], *digest(&vectors("captured/basic/stages/02-tags"), "1.1"));
    for args in [&["cache", "clear", "registry.test/none"][..], &["cache", "repair", "registry.test/none"]] {
        let run = user.run(args);
        assert_eq!(run.status, 2, "{}", run.whole());
    }
}

/// T-3.8: the command resets the floor, says what that gives up, and keeps the versions.
#[test]
fn one_command_resets_the_clock_floor() {
    let user = of("05-witnessed");
    // The clock was ahead by centuries: whatever it says now is behind.
    fs::write(file(&user, "checked"), last_checked(99_999_999_999)).expect("a file");
    let reference = format!("{WEB}:1.1");
    let by_clock = || user.run(&["image", "verify", &reference, "--output", "json"]);
    let run = by_clock();
    assert_eq!((run.status, run.code().as_str()), (3, "clock.behind"), "{}", run.whole());
    assert!(run.stderr.contains(&format!("verify-cli cache repair {WEB} --reset-clock")), "{}", run.stderr);
    let run = user.run(&["cache", "repair", WEB, "--reset-clock"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert!(run.stdout.contains("not noticed"), "{}", run.stdout);
    assert_ne!(by_clock().code(), "clock.behind");
    remembers(&user);
}

/// T-45.20: told on stderr and in the document; T-45.19: writable by others is no store.
#[test]
fn who_else_may_write_there() {
    let user = of("05-witnessed");
    let mode = |bits| fs::set_permissions(user.path(STORE), fs::Permissions::from_mode(bits)).expect("permissions");
    mode(0o770);
    let run = verify(&user, &[]);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(run.json()["warnings"][0]["code"], "store.group-writable", "{}", run.whole());
    mode(0o777);
    let run = verify(&user, &[]);
    assert_eq!((run.status, run.code().as_str()), (3, "store.foreign"), "{}", run.whole());
}

/// T-49.1 T-49.2: root's folder, for a user who may only read: a warm store and none at all are
/// verified with a warning, and nothing is written.
#[test]
fn a_user_who_may_only_read() {
    let is_root = fs::metadata("/proc/self").expect("/proc").uid() == 0;
    for warm in [true, false] {
        let user = if warm { of("02-tags") } else { User::of_web("02-tags") };
        fs::create_dir_all(user.path(".cache")).expect("a folder");
        serve(&user, "05-witnessed");
        // The vectors and the command may lie where only root can read.
        let stage = vectors("captured/basic/stages/05-witnessed");
        for entry in fs::read_dir(&stage).expect("a folder") {
            let path = entry.expect("an entry").path();
            user.write(
                &format!("served/{}", path.file_name().expect("a name").display()),
                fs::read(&path).expect("a file"),
            );
        }
        user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", user.path("served").display(), web_pin()));
        let copy = user.path("verify-cli");
        fs::copy(env!("CARGO_BIN_EXE_verify-cli"), &copy).expect("a copy");
        let run = |program: &str, args: &[&str]| Command::new(program).args(args).status().expect("a program");
        assert!(run("chmod", &["-R", "a=rX", user.home.path().to_str().expect("UTF-8")]).success());
        let before = fs::read(file(&user, "state")).ok();
        let mut command = if is_root { Command::new("setpriv") } else { Command::new(&copy) };
        if is_root {
            // Root writes whatever the mode says: so another user reads root's folder.
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        }
        let reference = format!("{WEB}:1.1");
        command.args(["image", "verify", &reference, "--at", NOW, "--output", "json"]);
        let output = command.current_dir("/").env_clear().env("HOME", user.home.path()).env("PATH", "/usr/bin:/bin");
        let run_as = user.ended(&output.output().expect("setpriv, of util-linux"));
        assert_eq!(run_as.status, 0, "warm {warm}: {}", run_as.whole());
        let warnings = run_as.json()["warnings"].clone();
        assert!(warnings.as_array().expect("a list").iter().any(|w| w["code"] == "store.read-only"), "{warnings}");
        assert_eq!(run_as.json()["target"]["digest"], *digest(&stage, "1.1"));
        assert_eq!(fs::read(file(&user, "state")).ok(), before, "warm {warm}: nothing is written");
        assert!(run("chmod", &["-R", "u+rwX", user.home.path().to_str().expect("UTF-8")]).success());
    }
}

// ---- image explain ----

/// A user of the last step of a scenario, after the steps before.
fn explain(scenario: &str, tag: &str, at: Option<&str>) -> Run {
    let text = fs::read(vectors(scenario).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    let gun = manifest["gun"].as_str().expect("a GUN");
    let user = User::new();
    let mut ended = None;
    for step in manifest["steps"].as_array().expect("steps") {
        let folder = vectors(scenario).join(step["dir"].as_str().expect("a folder"));
        let server = format!("[server.\"{gun}\"]\nurl = \"file:{}\"\n", folder.display());
        let pin = &manifest["pin"]["cert_ids"][gun];
        user.configure(&format!("{server}[trust.\"{gun}\"]\ncertificate-ids = {pin}\n"));
        let time = at.or(step["reference_time"].as_str()).or(manifest["reference_time"].as_str()).expect("a time");
        ended = Some(user.run(&["image", "explain", &format!("{gun}:{tag}"), "--at", time]));
    }
    ended.expect("a step")
}

/// Delegations as a tree, and whose signature runs out first.
#[test]
fn explain_a_trusted_image() {
    let run = explain("captured/delegations", "3.0", None);
    assert_snapshot!("explain_delegations", run.whole());
}

/// N-40.19: the holder of the revoked key has to sign again, and the output says so.
#[test]
fn explain_a_revoked_key() {
    let run = explain("forged/delegation-key-revoked", "1.0", None);
    assert_eq!(run.status, 1, "{}", run.whole());
    assert_snapshot!("explain_revoked", run.whole());
    let next = run.stdout.lines().find(|line| line.starts_with("next step: ")).expect("a next step");
    assert!(next.contains("sign") && next.contains("holder"), "whose step it is: {next}");
    assert!(run.stdout.contains("targets/releases"), "of which role: {}", run.stdout);
}

#[test]
fn explain_an_expired_timestamp() {
    let run = explain("captured/delegations", "3.0", Some("2026-12-24T00:00:00Z"));
    assert_eq!(run.status, 1, "{}", run.whole());
    assert_snapshot!("explain_expired", run.whole());
}
