//! `image verify` and `image list`: what they print where, how they exit, which files they read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use common::{NOW, Run, User, WEB, digest, vectors, web_pin};
use serde_json::Value;
use std::fs;
use std::path::Path;

const STAGE: &str = "05-witnessed";

fn tag(tag: &str) -> String {
    format!("{WEB}:{tag}")
}

fn stage(name: &str) -> std::path::PathBuf {
    vectors("captured/basic/stages").join(name)
}

/// The line that stands for a tag of WEB.
fn pinned(tag: &str) -> String {
    format!("{WEB}@{}\n", digest(&stage(STAGE), tag))
}

/// Runs with these arguments as of NOW.
fn run(user: &User, args: &[&str]) -> Run {
    user.run(&[args, &["--at", NOW]].concat())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to) } else { fs::copy(&from, &to).map(drop).expect("a copy") }
    }
}

/// Serves this stage of WEB from `served` below the user's home.
fn serve(user: &User, name: &str) {
    let served = user.path("served");
    let _ = fs::remove_dir_all(&served);
    copy(&stage(name), &served);
}

/// A user with that server.
fn served_web(name: &str) -> User {
    let user = User::new();
    serve(&user, name);
    user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", user.path("served").display(), web_pin()));
    user
}

/// A user who serves one scenario's collection, by its first ids.
fn user_of(scenario: &str, step: &str) -> (User, String) {
    let manifest = fs::read(vectors(scenario).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let gun = manifest["gun"].as_str().expect("a GUN").to_owned();
    let ids = &manifest["pin"]["cert_ids"][&gun];
    let user = User::new();
    let folder = vectors(scenario).join(step);
    user.configure(&format!(
        "[server.\"{gun}\"]\nurl = \"file:{}\"\n[trust.\"{gun}\"]\ncertificate-ids = {ids}\n",
        folder.display()
    ));
    (user, gun)
}

/// A user with a trusted collection (WEB), one whose source is gone, and one without a pin.
fn user_with_everything() -> User {
    let user = User::of_web(STAGE);
    let text = fs::read_to_string(user.path(".config/verify-cli/config.toml")).expect("a file");
    let id = "ab".repeat(32);
    let more = format!(
        "[server.\"gone.test/\"]\nurl = \"file:/no/such/folder\"\n[trust.\"gone.test/\"]\ncertificate-ids = [\"{id}\"]\n\
         [server.\"unpinned.test/\"]\nurl = \"file:/no/such/folder\"\n"
    );
    user.configure(&(text + &more));
    user
}

const GONE: &str = "gone.test/app:1";
const UNPINNED: &str = "unpinned.test/app:1";

// ---- several references ----

#[test]
fn several_references_are_printed_all_or_none() {
    let user = User::of_web(STAGE);
    let all = run(&user, &["image", "verify", &tag("1.2"), &tag("1.1"), &tag("1.2")]);
    assert_eq!((all.status, all.stdout), (0, pinned("1.2") + &pinned("1.1") + &pinned("1.2")), "{}", all.stderr);
    for bad in [&tag("9.9"), "registry.test:5000/UPPER:1", "elsewhere.test/x:1"] {
        for args in [[&tag("1.1"), bad], [bad, &tag("1.1")]] {
            let none = run(&user, &["image", "verify", args[0], args[1]]);
            assert_ne!(none.status, 0);
            assert_eq!(none.stdout, "", "a half list is a hole");
            assert!(none.stderr.contains(&format!("trusted: {}", tag("1.1"))), "{}", none.stderr);
        }
    }
}

#[test]
fn each_prints_line_by_line_and_empty_where_not_trusted() {
    let user = user_with_everything();
    let asked = ["image", "verify", "--each", &tag("1.1"), &tag("9.9"), GONE, UNPINNED, "Bad:", &tag("1.2")];
    let each = run(&user, &asked);
    assert_eq!((each.status, each.stdout), (2, pinned("1.1") + "\n\n\n\n" + &pinned("1.2")));
    let each = run(&user, &["image", "verify", "--each", &tag("1.1"), &tag("1.2")]);
    assert_eq!((each.status, each.stdout), (0, pinned("1.1") + &pinned("1.2")));
}

#[test]
fn the_exit_status_is_the_worst() {
    let user = user_with_everything();
    let (good, refused) = (&tag("1.1"), &tag("9.9"));
    for (references, status) in [
        (vec![good], 0),
        (vec![&GONE.to_owned()], 3),
        (vec![refused], 1),
        (vec![&UNPINNED.to_owned()], 2),
        (vec![good, &GONE.to_owned()], 3),
        (vec![&GONE.to_owned(), good, refused], 1),
        (vec![refused, &GONE.to_owned()], 1),
        (vec![&GONE.to_owned(), refused, &UNPINNED.to_owned(), good], 2),
        (vec![&"a:b:c".to_owned(), good], 2),
    ] {
        for output in ["text", "json"] {
            let mut args = vec!["image", "verify", "--output", output];
            args.extend(references.iter().map(|r| r.as_str()));
            let run = run(&user, &args);
            assert_eq!(run.status, status, "{references:?}: {}", run.whole());
        }
    }
}

#[test]
fn references_come_from_stdin_one_a_line() {
    let user = User::of_web(STAGE);
    let args = ["image", "verify", "--at", NOW];
    for text in [
        format!("{}\n{}\n", tag("1.1"), tag("1.2")),
        format!("{}\n{}", tag("1.1"), tag("1.2")),
        format!("{}\r\n  {}\t\r\n", tag("1.1"), tag("1.2")),
    ] {
        let run = user.run_with(&args, &text);
        assert_eq!((run.status, run.stdout), (0, pinned("1.1") + &pinned("1.2")), "{text:?}: {}", run.stderr);
    }
    let run = user.run_with(&["image", "verify", "--at", NOW, &tag("1.1")], &tag("1.2"));
    assert_eq!((run.status, run.stdout), (0, pinned("1.1")), "those of the command line go first");
}

#[test]
fn an_empty_stdin_is_no_pass() {
    let user = User::of_web(STAGE);
    for args in [&["image", "verify"][..], &["image", "verify", "--each"]] {
        let run = user.run_with(args, "");
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains("usage.argument"), "{}", run.stderr);
    }
    let run = user.run_with(&["image", "verify", "--output", "json"], "");
    assert_eq!((run.status, run.code().as_str()), (2, "usage.argument"));
}

/// An empty line is what a variable left behind that was not set.
#[test]
fn an_empty_line_is_an_error() {
    let user = User::of_web(STAGE);
    let args = ["image", "verify", "--at", NOW];
    for text in ["\n".to_owned(), format!("{}\n\n", tag("1.1")), format!("{}\n   \n{}\n", tag("1.1"), tag("1.2"))] {
        let run = user.run_with(&args, &text);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{text:?}");
        assert!(run.stderr.contains("usage.reference"), "{}", run.stderr);
    }
    let each = user.run_with(&[&args[..], &["--each"]].concat(), &format!("{}\n\n{}\n", tag("1.1"), tag("1.2")));
    assert_eq!((each.status, each.stdout), (2, pinned("1.1") + "\n" + &pinned("1.2")));
    let run = user.run(&["image", "verify", ""]);
    assert_eq!(run.status, 2, "on the command line too");
}

// ---- documents ----

/// Holds a document, or a list of them, against the schemas.
fn valid(documents: &Value) -> Value {
    let folder = test_vectors::root().join("../docs/schema");
    let validator = |name: &str| {
        let text = fs::read(folder.join(name)).unwrap_or_else(|e| panic!("docs/schema/{name}: {e}"));
        jsonschema::validator_for(&serde_json::from_slice(&text).expect("JSON")).expect("a schema")
    };
    let (verdict, error) = (validator("verdict-1.schema.json"), validator("error-1.schema.json"));
    for document in documents.as_array().map_or(std::slice::from_ref(documents), Vec::as_slice) {
        let schema = match document["schema"].as_str() {
            Some("verdict/1") => &verdict,
            Some("error/1") => &error,
            other => panic!("schema {other:?}"),
        };
        let faults: Vec<String> = schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
    }
    documents.clone()
}

#[test]
fn documents_of_every_kind_are_what_the_schema_says() {
    let user = user_with_everything();
    let json = |reference: &str| {
        let run = run(&user, &["image", "verify", "--output", "json", reference]);
        (run.status, valid(&run.json()))
    };
    let (status, trusted) = json(&tag("1.1"));
    assert_eq!((status, &trusted["verdict"], &trusted["reason"]), (0, &"trusted".into(), &Value::Null));
    assert_eq!(trusted["target"]["pinned"].as_str().map(|p| format!("{p}\n")), Some(pinned("1.1")));
    assert_eq!((&trusted["judged_at"], &trusted["injected"]), (&NOW.into(), &true.into()));
    assert_eq!(
        trusted["subject"],
        serde_json::json!({"kind": "image", "input": tag("1.1"), "tag": "1.1", "path": null, "digest": null})
    );
    let roles: Vec<&Value> =
        trusted["trust"][0]["roles"].as_array().expect("roles").iter().map(|r| &r["role"]).collect();
    assert_eq!(roles, ["root", "timestamp", "snapshot", "targets"]);
    assert_eq!(trusted["trust"][0]["earliest_expiry"]["role"], "timestamp");

    let (status, refused) = json(&tag("9.9"));
    assert_eq!((status, &refused["verdict"], &refused["target"]), (1, &"refused".into(), &Value::Null));
    assert_eq!(refused["reason"]["code"], "target.not-signed");

    let (status, unchecked) = json(GONE);
    assert_eq!((status, &unchecked["verdict"], &unchecked["target"]), (3, &"unchecked".into(), &Value::Null));
    assert_eq!(unchecked["reason"]["code"], "network.unreachable");
    assert_eq!(unchecked["trust"][0]["roles"], serde_json::json!([]));

    let (status, error) = json(UNPINNED);
    assert_eq!((status, &error["schema"], &error["reason"]["code"]), (2, &"error/1".into(), &"config.no-pin".into()));

    let (status, warned) = json(WEB);
    assert_eq!((status, &warned["warnings"][0]["code"]), (0, &"reference.latest".into()));

    let (status, by_digest) = json(pinned("1.2").trim());
    let tags: Vec<&Value> = by_digest["targets"].as_array().expect("a list").iter().map(|t| &t["tag"]).collect();
    assert_eq!((status, tags), (0, vec![&"1.2".into(), &"latest".into()]));

    let run = run(&user, &["image", "list", "--output", "json", WEB]);
    let list = valid(&run.json());
    assert_eq!((run.status, &list["subject"]["kind"], &list["target"]), (0, &"collection".into(), &Value::Null));
    assert_eq!(list["targets"].as_array().map(Vec::len), Some(3));
}

#[test]
fn documents_of_other_failures_are_what_the_schema_says() {
    let user = User::new();
    for (args, status, code) in [
        (&["image", "verify", "x", "--no-flag"][..], 2, "usage.flag"),
        (&["image", "verify", "x", "--config", "none.toml"], 2, "usage.file"),
        (&["image", "verify", "x", "--at", "yesterday"], 2, "usage.argument"),
        (&["image", "verify", "x", "--role", "qa"], 2, "usage.role"),
        (&["image", "verify", "x"], 2, "config.no-server"),
        (&["image", "verify", "a:b:c"], 2, "usage.reference"),
        (&["image", "list", "x"], 2, "config.no-server"),
        (&["image", "verify", "x", "--panic-inside"], 3, "internal"),
        (&["trust", "remove", "x"], 2, "usage.argument"),
        (&["trust", "add", "x", "--certificate-id", "0"], 2, "config.value"),
    ] {
        let run = user.run(&[args, &["--output", "json"]].concat());
        assert_eq!((run.status, run.code().as_str()), (status, code), "{args:?}: {}", run.whole());
        valid(&run.json());
    }
    // A delegation in use, several keys, an exception: all of it fits.
    let (user, gun) = user_of("forged/expired-delegation", "steps/01");
    let run = run(&user, &["image", "list", &gun, "--mode", "compatible", "--output", "json"]);
    let list = valid(&run.json());
    assert_eq!((run.status, &list["warnings"][0]["code"]), (0, &"expired.delegation".into()), "{list:#}");
    let (user, gun) = user_of("captured/custom-data", "stages/01-tags");
    let run = user.run(&["image", "verify", &format!("{gun}:1"), "--at", NOW, "--output", "json"]);
    assert!(valid(&run.json())["target"]["custom"].is_string(), "{}", run.whole());
}

#[test]
fn several_documents_are_a_list_in_input_order() {
    let user = user_with_everything();
    let asked = [&tag("1.1"), GONE, &tag("9.9"), UNPINNED, &tag("1.2")];
    for each in [&[][..], &["--each"]] {
        let run = run(&user, &[&["image", "verify", "--output", "json"], &asked[..], each].concat());
        let documents = valid(&run.json());
        let told: Vec<&str> = documents
            .as_array()
            .expect("a list")
            .iter()
            .map(|d| d["verdict"].as_str().or(d["schema"].as_str()).unwrap_or_default())
            .collect();
        assert_eq!((run.status, told), (2, vec!["trusted", "unchecked", "refused", "error/1", "trusted"]));
    }
    let one = user.run_with(&["image", "verify", "--output", "json", "--at", NOW], &format!("{}\n", tag("1.1")));
    assert!(one.json().is_object(), "one document");
}

/// The text says on stderr what the document says, and nothing on stdout but what is trusted.
#[test]
fn the_text_tells_verdict_pin_and_expiry_on_stderr() {
    let run = run(&User::of_web(STAGE), &["image", "verify", &tag("1.1")]);
    assert_eq!((run.status, run.stdout), (0, pinned("1.1")));
    let file = "[HOME]/.config/verify-cli/config.toml";
    for part in ["trusted: ", "strict", "releases-first", &format!("pinned by certificate-ids in {file}"), "2026-12-07"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

// ---- image list ----

#[test]
fn a_list_in_text() {
    let (user, gun) = user_of("captured/delegations", "stages/06-nested");
    let rows = |args: &[&str]| {
        let run = run(&user, &[&["image", "list", &gun], args].concat());
        assert_eq!(run.status, 0, "{}", run.whole());
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> = run.stdout.lines().map(cells).collect();
        for row in &rows {
            assert!(row.len() == 3 && row[1].starts_with(&format!("{gun}@sha256:")), "{}", run.stdout);
        }
        rows.into_iter().map(|row| format!("{} {}", row[0], row[2])).collect::<Vec<_>>()
    };
    assert_eq!(rows(&[]), ["1.0 targets", "2.0 targets/releases", "3.0 targets/releases"]);
    let all =
        ["1.0 targets", "2.0 targets/releases", "3.0 targets", "hot-1 targets/releases/hotfix", "qa-7 targets/qa"];
    assert_eq!(rows(&["--tag-rule", "targets-first"]), all);
    assert_eq!(rows(&["--role", "targets/qa"]), ["qa-7 targets/qa"]);
}

/// N-33.4 N-33.5: one broken role refuses the list, and nothing of it is printed.
#[test]
fn a_refused_list_is_empty() {
    let (user, gun) = user_of("forged/expired-delegation", "steps/01");
    let refused = run(&user, &["image", "list", &gun]);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("expired.delegation"), "{}", refused.stderr);
    let (user, gun) = user_of("captured/delegations", "stages/06-nested");
    assert_eq!(run(&user, &["image", "list", &gun]).status, 0);
    let user = user_with_everything();
    assert_eq!(run(&user, &["image", "list", "gone.test/app"]).status, 3);
    assert_eq!(run(&user, &["image", "list", "unpinned.test/app"]).status, 2);
    assert_eq!(user.run(&["image", "list"]).status, 2, "no collection is named");
}

// ---- flags ----

/// N-32.1 N-32.5
#[test]
fn role_names_the_roles_that_must_agree() {
    let (user, gun) = user_of("own/required-roles", "steps/01");
    let asked = |tag: &str, roles: &[&str]| {
        let flags: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
        run(&user, &[&["image", "verify", &format!("{gun}:{tag}"), "--output", "json"], &flags[..]].concat())
    };
    let both = asked("q", &["targets/qa", "targets/sec"]);
    assert_eq!(both.status, 0, "{}", both.whole());
    assert_eq!(both.json()["target"]["agreed_by"], serde_json::json!(["targets/qa", "targets/sec"]));
    for (tag, roles, status, code) in [
        ("s", &["targets/qa"][..], 0, ""),
        ("s", &["targets/qa", "targets/sec"], 1, "quorum.not-met"),
        ("r", &["targets/qa", "targets/sec"], 1, "quorum.not-met"),
        ("1.0", &["targets/qa"], 1, "quorum.not-met"),
        ("1.0", &["targets"], 0, ""),
        ("q", &["qa"], 2, "usage.role"),
        ("q", &["targets/qa", "targets/qa"], 2, "usage.role"),
    ] {
        let run = asked(tag, roles);
        assert_eq!((run.status, run.code().as_str()), (status, code), "{tag} {roles:?}: {}", run.whole());
    }
    let both =
        run(&user, &["image", "verify", &format!("{gun}:q"), "--role", "targets/qa", "--tag-rule", "targets-first"]);
    assert_eq!(both.status, 2, "one of the two: {}", both.stderr);
}

/// N-30.1 N-30.4 N-31.1
#[test]
fn tag_rule_says_who_speaks_for_a_tag() {
    let (user, gun) = user_of("captured/delegations", "stages/06-nested");
    let asked = |tag: &str, flags: &[&str]| {
        let run = run(&user, &[&["image", "verify", &format!("{gun}:{tag}"), "--output", "json"], flags].concat());
        (run.status, run.json()["target"]["role"].as_str().map(str::to_owned), run.code())
    };
    let role = |role: &str| (0, Some(role.to_owned()), String::new());
    assert_eq!(asked("3.0", &[]), role("targets/releases"));
    assert_eq!(asked("3.0", &["--tag-rule", "releases-first"]), role("targets/releases"));
    assert_eq!(asked("3.0", &["--tag-rule", "targets-first"]), role("targets"));
    assert_eq!(asked("qa-7", &["--tag-rule", "targets-first"]), role("targets/qa"));
    assert_eq!(asked("qa-7", &[]), (1, None, "target.other-role".to_owned()));
    assert_eq!(run(&user, &["image", "verify", &gun, "--tag-rule", "any"]).status, 2);
}

/// N-40.2 N-41.17
#[test]
fn mode_says_which_exceptions_there_are() {
    let (user, gun) = user_of("forged/expired-delegation", "steps/01");
    let asked =
        |flags: &[&str]| run(&user, &[&["image", "verify", &format!("{gun}:1.0"), "--output", "json"], flags].concat());
    for flags in [&[][..], &["--mode", "strict"]] {
        let run = asked(flags);
        assert_eq!((run.status, run.code().as_str()), (1, "expired.delegation"), "{}", run.whole());
    }
    let run = asked(&["--mode", "compatible"]);
    assert_eq!((run.status, &run.json()["trust"][0]["mode"]), (0, &"compatible".into()));
    assert_eq!(run.json()["warnings"][0]["code"], "expired.delegation", "the exception is told");
    assert_eq!(self::run(&user, &["image", "verify", &gun, "--mode", "lenient"]).status, 2);
}

/// N-35.7
#[test]
fn gun_names_the_trust_collection() {
    let (user, gun) = user_of("own/pin-with-capitals", "steps/01");
    let image = gun.to_lowercase();
    assert_ne!(gun, image);
    let reference = format!("{image}:1.0");
    let run = |args: &[&str]| run(&user, &[&["image", "verify", &reference], args].concat());
    assert_eq!(run(&[]).status, 2, "no server for it");
    let found = run(&["--gun", &gun]);
    let digest = digest(&vectors("own/pin-with-capitals/steps/01"), "1.0");
    assert_eq!((found.status, found.stdout), (0, format!("{image}@{digest}\n")), "the image keeps its name");
    for gun in ["", "a//b", "../x", "a b"] {
        let run = run(&["--gun", gun, "--output", "json"]);
        assert_eq!((run.status, run.code().as_str()), (2, "usage.reference"), "{gun}: {}", run.whole());
    }
    let list = self::run(&user, &["image", "list", &gun]);
    assert_eq!((list.status, list.stdout.lines().count()), (0, 1), "{}", list.whole());
}

#[test]
fn offline_asks_the_store_alone() {
    let user = served_web(STAGE);
    let args = ["image", "verify", &tag("1.1")];
    let empty = run(&user, &[&args[..], &["--offline", "--output", "json"]].concat());
    assert_eq!((empty.status, empty.code().as_str()), (3, "store.empty"), "{}", empty.whole());
    assert_eq!(empty.json()["verdict"], "unchecked");
    assert_eq!(run(&user, &args).status, 0);
    fs::remove_dir_all(user.path("served")).expect("it was there");
    let gone = run(&user, &args);
    assert_eq!((gone.status, gone.stdout.as_str()), (3, ""), "without the flag the source is asked");
    let offline = run(&user, &[&args[..], &["--offline"]].concat());
    assert_eq!((offline.status, offline.stdout), (0, pinned("1.1")), "{}", offline.stderr);
    let json = run(&user, &[&args[..], &["--offline", "--output", "json"]].concat()).json();
    assert_eq!((&json["trust"][0]["offline"], &json["warnings"][0]["code"]), (&true.into(), &"store.served".into()));
}

#[test]
fn at_is_loud() {
    let user = User::of_web(STAGE);
    for output in ["text", "json"] {
        let run = run(&user, &["image", "verify", &tag("1.1"), "--output", output]);
        assert!(run.stderr.contains(&format!("JUDGED AS OF {NOW}")), "{}", run.stderr);
    }
    let late = user.run(&["image", "verify", &tag("1.1"), "--at", "2026-12-08T00:00:00Z", "--output", "json"]);
    assert_eq!((late.status, late.code().as_str()), (1, "expired.timestamp"), "{}", late.whole());
    assert!(late.json()["injected"] == true);
    for time in ["", "now", "2026-11-24", "2026-13-24T00:00:00Z"] {
        let run = user.run(&["image", "verify", &tag("1.1"), "--at", time, "--output", "json"]);
        assert_eq!((run.status, run.code().as_str()), (2, "usage.argument"), "{time}: {}", run.whole());
    }
}

#[test]
fn global_flags_stand_before_or_after_the_verb() {
    let user = User::of_web(STAGE);
    let file = user.path(".config/verify-cli/config.toml").display().to_string();
    let command = |args: &[&str]| {
        // Only the flag tells where the configuration is.
        let output = user.command(args).env("HOME", user.path("work")).output().expect("the command");
        user.ended(&output)
    };
    let flags = ["--config", &file, "--output", "json", "--at", NOW];
    let tag = tag("1.1");
    let mut told = Vec::new();
    for args in [
        [&flags[..], &["image", "verify", &tag]].concat(),
        [&["image"], &flags[..], &["verify", &tag]].concat(),
        [&["image", "verify"], &flags[..], &[&tag]].concat(),
        [&["image", "verify", &tag], &flags[..]].concat(),
        [&flags[..2], &["image"], &flags[2..4], &["verify", &tag], &flags[4..]].concat(),
    ] {
        let run = command(&args);
        assert_eq!(run.status, 0, "{args:?}: {}", run.whole());
        let mut json = run.json();
        for member in ["root_versions", "requests"] {
            json["trust"][0][member] = Value::Null; // only the first run walks, and fetches all
        }
        told.push(json);
    }
    assert!(told.windows(2).all(|w| w[0] == w[1]), "{told:#?}");
    let offline = command(&[&["--offline"], &flags[..], &["image", "verify", &tag]].concat());
    assert_eq!(offline.json()["trust"][0]["offline"], true, "{}", offline.whole());
}

#[test]
fn the_sample_is_built_in() {
    let user = User::new();
    let text = user.run(&["image", "verify", "--sample"]);
    let line = text.stdout.strip_prefix("registry.example/library/hello@sha256:").expect("a pinned reference");
    assert_eq!((text.status, line.len()), (0, 65), "{}", text.whole());
    let json = user.run(&["image", "verify", "--sample", "--output", "json"]);
    let document = valid(&json.json());
    assert_eq!((json.status, &document["verdict"], &document["injected"]), (0, &"trusted".into(), &false.into()));
    assert_eq!(document["trust"][0]["source"], "memory:");
    assert!(!user.path(".cache").exists(), "nothing is kept");
    let other = user.run(&["image", "verify", "--sample", "registry.example/library/hello:9"]);
    assert_eq!((other.status, other.stdout.as_str()), (1, ""), "{}", other.stderr);
    for args in
        [&["image", "verify", "--sample", "--config", "x.toml"][..], &["image", "verify", "--sample", "--gun", "x"]]
    {
        assert_eq!(user.run(args).status, 2, "{args:?}");
    }
}

/// The flag is not forgotten because it stands before the verb.
#[test]
fn a_configuration_does_not_go_with_the_sample_wherever_it_stands() {
    let run = User::new().run(&["--config", "x.toml", "image", "verify", "--sample"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{}", run.stderr);
}

#[test]
fn help_and_version_are_printed_on_stdout() {
    let user = User::new();
    for args in [
        &["--help"][..],
        &["-h"],
        &["image", "--help"],
        &["image", "verify", "--help"],
        &["image", "list", "--help"],
        &["trust", "--help"],
        &["trust", "add", "--help"],
    ] {
        let run = user.run(args);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{args:?}");
        assert!(run.stdout.contains("Usage: verify-cli"), "{}", run.stdout);
    }
    let run = user.run(&["--version"]);
    assert_eq!((run.status, run.stdout), (0, format!("verify-cli {}\n", env!("CARGO_PKG_VERSION"))));
    for args in [&[][..], &["image"], &["trust"], &["help"]] {
        let run = user.run(args);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{args:?}: no question is no pass");
    }
}

// ---- files ----

/// `--config`, `VERIFY_CLI_CONFIG`, `XDG_CONFIG_HOME`, `HOME`: the first is the one, nothing is merged.
#[test]
fn where_the_configuration_is_found() {
    let user = User::of_web(STAGE);
    let text = fs::read_to_string(user.path(".config/verify-cli/config.toml")).expect("a file");
    let flag = user.write("flag.toml", &text).display().to_string();
    let variable = user.write("variable.toml", &text).display().to_string();
    user.write("xdg/verify-cli/config.toml", &text);
    let xdg = user.path("xdg").display().to_string();
    let from = |flags: &[&str], environment: &[(&str, &str)]| {
        let tag = tag("1.1");
        let args = [&["image", "verify", &tag, "--at", NOW, "--output", "json"], flags].concat();
        let mut command = user.command(&args);
        let output = command.envs(environment.iter().copied()).output().expect("the command");
        let run = user.ended(&output);
        assert_eq!(run.status, 0, "{}", run.whole());
        run.json()["trust"][0]["pin"]["from"].as_str().unwrap_or_default().to_owned()
    };
    let all = [("VERIFY_CLI_CONFIG", variable.as_str()), ("XDG_CONFIG_HOME", xdg.as_str())];
    let home = "[HOME]/.config/verify-cli/config.toml";
    assert_eq!(from(&["--config", &flag], &all), "[HOME]/flag.toml");
    assert_eq!(from(&[], &all), "[HOME]/variable.toml");
    assert_eq!(from(&[], &all[1..]), "[HOME]/xdg/verify-cli/config.toml");
    assert_eq!(from(&[], &[]), home);
    assert_eq!(from(&[], &[("XDG_CONFIG_HOME", "../xdg")]), home, "a relative one is ignored");
    assert_eq!(from(&[], &[("XDG_CONFIG_HOME", "")]), home, "an empty one is none");
    assert_eq!(from(&[], &[("VERIFY_CLI_CONFIG", "")]), home, "an empty one is none");
    // A relative --config is the user's word.
    assert_eq!(from(&["--config", "../flag.toml"], &[]), "../flag.toml");
}

#[test]
fn a_named_configuration_must_be_there() {
    let user = User::of_web(STAGE);
    let code = |flags: &[&str], environment: &[(&str, &str)]| {
        let tag = tag("1.1");
        let args = [&["image", "verify", &tag, "--at", NOW, "--output", "json"], flags].concat();
        let output = user.command(&args).envs(environment.iter().copied()).output().expect("the command");
        let run = user.ended(&output);
        (run.status, run.code())
    };
    assert_eq!(code(&["--config", "none.toml"], &[]), (2, "usage.file".to_owned()));
    assert_eq!(code(&[], &[("VERIFY_CLI_CONFIG", "/no/such/file.toml")]), (2, "usage.file".to_owned()));
    // Nobody named it: nothing is configured.
    assert_eq!(code(&[], &[("XDG_CONFIG_HOME", "/no/such/folder")]), (2, "config.no-server".to_owned()));
    // An empty file in use hides the others: nothing is merged.
    let empty = user.write("empty.toml", "").display().to_string();
    assert_eq!(code(&["--config", &empty], &[]), (2, "config.no-server".to_owned()));
    let output = user.command(&["image", "verify", &tag("1.1"), "--output", "json"]).env_remove("HOME").output();
    let run = user.ended(&output.expect("the command"));
    assert_eq!((run.status, run.code().as_str()), (2, "usage.file"), "neither XDG_CONFIG_HOME nor HOME");
}

#[test]
fn where_the_cache_lies() {
    let user = User::of_web(STAGE);
    let text = fs::read_to_string(user.path(".config/verify-cli/config.toml")).expect("a file");
    let verify = |environment: &[(&str, &str)]| {
        let mut command = user.command(&["image", "verify", &tag("1.1"), "--at", NOW]);
        let run = user.ended(&command.envs(environment.iter().copied()).output().expect("the command"));
        assert_eq!(run.status, 0, "{}", run.whole());
    };
    verify(&[("XDG_CACHE_HOME", &user.path("xdg").display().to_string())]);
    assert!(user.path("xdg/verify-cli/notary1").is_dir() && !user.path(".cache").exists());
    verify(&[("XDG_CACHE_HOME", "relative")]);
    assert!(user.path(".cache/verify-cli/notary1").is_dir() && !user.path("work/relative").exists());
    user.configure(&format!("cache = \"../store\"\n{text}"));
    verify(&[("XDG_CACHE_HOME", "/no/such/folder")]);
    assert!(user.path(".config/store/notary1").is_dir(), "relative to the configuration");
}

#[test]
fn a_second_run_goes_on_from_the_first() {
    let user = served_web("02-tags");
    let asked = || run(&user, &["image", "verify", &tag("latest")]);
    let first = asked();
    assert_eq!(
        (first.status, first.stdout.as_str()),
        (0, format!("{WEB}@{}\n", digest(&stage("02-tags"), "latest")).as_str())
    );
    assert_eq!(asked().stdout, first.stdout, "the same again");
    serve(&user, STAGE);
    let moved = asked();
    assert_eq!((moved.status, moved.stdout), (0, pinned("latest")), "{}", moved.stderr);
}

#[test]
fn an_older_stage_is_a_rollback() {
    let user = served_web(STAGE);
    let asked = || run(&user, &["image", "verify", &tag("1.1"), "--output", "json"]);
    assert_eq!(asked().status, 0);
    for older in ["04-tag-removed", "02-tags", "01-init"] {
        serve(&user, older);
        for _ in 0..2 {
            let run = asked();
            assert_eq!((run.status, run.code().as_str()), (1, "rollback.timestamp"), "{older}: {}", run.whole());
        }
    }
    serve(&user, STAGE);
    assert_eq!(asked().status, 0, "the newest is fine again");
    // Who saw nothing yet cannot know.
    fs::remove_dir_all(user.path(".cache")).expect("a cache");
    serve(&user, "04-tag-removed");
    assert_eq!(asked().status, 0);
}

#[test]
fn a_source_that_is_not_there_is_no_answer() {
    let user = user_with_everything();
    let run = run(&user, &["image", "verify", GONE]);
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{}", run.whole());
    for part in ["unchecked: ", "network.unreachable", "next: "] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert!(!user.path(".cache/verify-cli/notary1").exists(), "what is unchecked is never stored");
}
