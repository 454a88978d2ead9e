//! Bad input: each with its code, its exit status and one command to run next, as it is printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{NOW, Run, User, WEB, digest, vectors, web_pin};
use insta::assert_snapshot;

const STAGE: &str = "05-witnessed";

fn reference(tag: &str) -> String {
    format!("{WEB}:{tag}")
}

/// Runs `image verify` as of NOW, and checks what holds for every refusal.
fn refused(user: &User, reference: &str, status: i32) -> Run {
    let run = user.run(&["image", "verify", reference, "--at", NOW]);
    assert_eq!(run.status, status, "{}", run.whole());
    assert_eq!(run.stdout, "", "nothing on stdout unless trusted");
    assert!(run.stderr.contains("next: "), "a reason says what to do next: {}", run.stderr);
    assert!(run.stderr.contains("verify-cli "), "and names a command: {}", run.stderr);
    run
}

/// N-9.6: the base case passes; without a pin nothing is trusted, and nothing asked.
#[test]
fn no_pin_is_configured() {
    assert_eq!(User::of_web(STAGE).run(&["image", "verify", &reference("1.1"), "--at", NOW]).status, 0);
    let user = User::new();
    user.configure(&format!(
        "[server.\"{WEB}\"]\nurl = \"file:{}\"\n",
        vectors("captured/basic/stages/05-witnessed").display()
    ));
    assert_snapshot!(refused(&user, &reference("1.1"), 2).whole());
    assert!(!user.path(".cache").exists(), "nothing was fetched into trust");
}

#[test]
fn the_pin_is_another() {
    let user = User::of_web(STAGE);
    let pin = web_pin().replace("7e7c", "0000");
    let server =
        format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n", vectors("captured/basic/stages/05-witnessed").display());
    user.configure(&(server + &pin));
    assert_snapshot!(refused(&user, &reference("1.1"), 1).whole());
}

#[test]
fn no_server_is_configured() {
    let user = User::new();
    user.configure(&web_pin());
    assert_snapshot!(refused(&user, &reference("1.1"), 2).whole());
}

#[test]
fn the_tag_is_not_signed() {
    assert_snapshot!(refused(&User::of_web(STAGE), &reference("9.9"), 1).whole());
}

/// N-34.4: no tag names it, no trust.
#[test]
fn the_digest_is_not_signed() {
    let reference = format!("{WEB}@sha256:{}", "ab".repeat(32));
    assert_snapshot!(refused(&User::of_web(STAGE), &reference, 1).whole());
}

/// N-34.6: exit status 1, not a usage error.
#[test]
fn tag_and_digest_disagree() {
    let other = digest(&vectors("captured/basic/stages/05-witnessed"), "1.2");
    assert_snapshot!(refused(&User::of_web(STAGE), &format!("{}@{other}", reference("1.1")), 1).whole());
}

/// N-34.5: the passing twin.
#[test]
fn tag_and_digest_agree() {
    let same = digest(&vectors("captured/basic/stages/05-witnessed"), "1.1");
    let run = User::of_web(STAGE).run(&["image", "verify", &format!("{}@{same}", reference("1.1")), "--at", NOW]);
    assert_eq!((run.status, run.stdout), (0, format!("{WEB}@{same}\n")));
}

#[test]
fn ill_formed_references() {
    let user = User::of_web(STAGE);
    let hex = "0123456789abcdef".repeat(4);
    for (name, reference) in [
        ("upper_case", format!("{}:1.1", WEB.to_uppercase())),
        ("port_without_name", "registry.test:5000".to_owned()),
        ("digest_of_63", format!("{WEB}@sha256:{}", &hex[1..])),
        ("digest_of_65", format!("{WEB}@sha256:{hex}0")),
        ("look_alike_host", reference("1.1").replacen('e', "\u{435}", 1)),
    ] {
        assert_snapshot!(name, refused(&user, &reference, 2).whole());
    }
}

#[test]
fn an_unknown_configuration_key_suggests_the_right_one() {
    let user = User::of_web(STAGE);
    user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:x\"\nwhen-unreachabel = \"use-cache\"\n"));
    assert_snapshot!(refused(&user, &reference("1.1"), 2).whole());
}

/// in-toto CVE-2023-32076: nothing of the working folder is used, a note names it.
#[test]
fn a_hostile_configuration_in_the_working_folder() {
    let user = User::of_web(STAGE);
    user.write("work/verify-cli.toml", "[server.\"registry.test:5000/library/web\"]\nurl = \"file:/evil\"\n");
    user.write("work/trust.toml", "[trust.\"registry.test:5000/library/web\"]\ntofu = true\n");
    let run = user.run(&["image", "verify", &reference("1.1"), "--at", NOW]);
    assert_snapshot!(run.whole());
    // Nor through the environment's back door.
    let output =
        user.command(&["image", "verify", &reference("1.1")]).env("VERIFY_CLI_CONFIG", "verify-cli.toml").output();
    assert_snapshot!("by_the_environment", user.ended(&output.expect("the command")).whole());
}

/// Serves stage 05 with its timestamp replaced.
fn with_timestamp(bytes: &[u8]) -> User {
    let user = User::new();
    for name in ["root", "1.root", "snapshot", "targets"] {
        let from = vectors("captured/basic/stages/05-witnessed").join(format!("{name}.json"));
        user.write(&format!("served/{name}.json"), std::fs::read(from).expect("a file"));
    }
    user.write("served/timestamp.json", bytes);
    user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", user.path("served").display(), web_pin()));
    user
}

#[test]
fn broken_json() {
    let sound = std::fs::read(vectors("captured/basic/stages/05-witnessed/timestamp.json")).expect("a file");
    let run = with_timestamp(&sound).run(&["image", "verify", &reference("1.1"), "--at", NOW]);
    assert_eq!(run.status, 0, "{}", run.whole());
    let text = String::from_utf8(sound.clone()).expect("UTF-8");
    let deep = format!("{{\"signed\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let large = [&sound[..], &vec![b' '; 2 << 20]].concat();
    for (name, bytes) in [
        ("truncated", sound[..sound.len() / 2].to_vec()),
        ("oversized", large),
        ("duplicate_member", text.replacen("\"version\":", "\"version\":1,\"version\":", 1).into_bytes()),
        ("deep", deep.into_bytes()),
        ("not_utf8", [&sound[..20], b"\xff", &sound[20..]].concat()),
    ] {
        assert_snapshot!(name, refused(&with_timestamp(&bytes), &reference("1.1"), 1).whole());
    }
}

/// Exit 0 only after the verdict has been written and flushed.
#[test]
fn stdout_is_closed_before_the_verdict_is_written() {
    let user = User::of_web(STAGE);
    for output in ["text", "json"] {
        let (read, write) = std::io::pipe().expect("a pipe");
        drop(read);
        let args = ["image", "verify", &reference("1.1"), "--at", NOW, "--output", output];
        let run = user.ended(&user.command(&args).stdout(write).output().expect("the command"));
        assert_eq!(run.status, 3, "{}", run.whole());
        assert!(run.stderr.contains("could not be written"), "{}", run.stderr);
    }
}

/// gitsign CVE-2026-44310: a panic is an internal error, exit status 3.
#[test]
fn a_panic_is_no_pass() {
    let user = User::of_web(STAGE);
    let run = user.run(&["image", "verify", &reference("1.1"), "--panic-inside"]);
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    let run = user.run(&["image", "verify", &reference("1.1"), "--panic-inside", "--output", "json"]);
    assert_eq!((run.status, run.code().as_str()), (3, "internal"));
    assert_eq!(run.json()["verdict"], "unchecked");
}

#[test]
fn wrong_flags_are_told_in_both_outputs() {
    let user = User::new();
    let run = user.run(&["image", "verify", "--no-such-flag"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    for args in [&["image", "verify", "--no-such-flag", "--output", "json"][..], &["--output=json", "imago"]] {
        let run = user.run(args);
        assert_eq!((run.status, run.code().as_str()), (2, "usage.flag"), "{}", run.whole());
    }
}
