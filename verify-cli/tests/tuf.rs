//! TUF 1.0 repositories: `tuf init`, `list`, `explain`, images that one signs, and what `--verbose` tells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "common/bad_server.rs"]
mod bad_server;
mod common;

use bad_server::{Act, BadServer, file_of};
use common::{Run, User};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const AT: &str = "2026-11-26T00:00:00Z";
const TRUST: &str = ".config/verify-cli/trust.toml";
const APP: &str = "registry.test:5000/team/app";

fn vectors(below: &str) -> PathBuf {
    test_vectors::root().join("tuf1").join(below)
}

fn root_of(repository: &str) -> String {
    vectors(repository).join("metadata/1.root.json").display().to_string()
}

fn sha256_of(file: &str) -> String {
    tuf_core::crypto::hex(&tuf_core::crypto::sha256(&fs::read(file).unwrap()))
}

/// A user who has the repository `smoke` as `releases`, and no pin.
fn unpinned(url: &str) -> User {
    let user = User::new();
    user.configure(&format!("[server.releases]\nformat = \"tuf1\"\nurl = \"{url}\"\n"));
    user
}

fn of_folder() -> User {
    unpinned(&format!("file:{}", vectors("smoke/metadata").display()))
}

/// A user whose images below `registry.test:5000/team/` one TUF 1.0 repository signs.
fn of_images(more: &str) -> User {
    let user = User::new();
    let folder = vectors("images/metadata").display().to_string();
    user.configure(&format!(
        "[server.\"registry.test:5000/team/\"]\nformat = \"tuf1\"\nurl = \"file:{folder}\"\n{more}\
         [trust.\"registry.test:5000/team/\"]\nroot = \"{folder}/1.root.json\"\n"
    ));
    user
}

fn run(user: &User, args: &[&str]) -> Run {
    user.run(&[&["--at", AT], args].concat())
}

fn digest_of(image: &str) -> String {
    let text = fs::read_to_string(vectors("images/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    expected[image]["digest"].as_str().unwrap().to_owned()
}

/// The document, which the schema describes.
fn document(run: &Run) -> Value {
    let schema = test_vectors::root().join("../docs/schema/verdict-1.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let document = run.json();
    let judge = jsonschema::validator_for(&schema).expect("a schema");
    let one = |d: &Value| assert_eq!(judge.validate(d).err().map(|e| e.to_string()), None, "{d:#}");
    document.as_array().map_or_else(|| one(&document), |all| all.iter().for_each(one));
    document
}

/// T-5.15, T-3.3: `init` checks a root file, keeps it beside trust.toml and pins it there; it remembers
/// nothing, least of all a time.
#[test]
fn init_pins_a_root_file() {
    let user = of_folder();
    let before = user.run(&["tuf", "refresh", "releases"]);
    assert!(before.status == 2 && before.stderr.contains("verify-cli tuf init releases FILE"), "{}", before.whole());
    let init = user.run(&["tuf", "init", "releases", &root_of("smoke")]);
    assert_eq!(init.status, 0, "{}", init.whole());
    assert!(init.stdout.contains("root version 1") && init.stdout.contains("verify-cli tuf refresh releases"));
    assert!(init.stdout.contains(&sha256_of(&root_of("smoke"))), "{}", init.stdout);
    assert!(!user.path(".cache").exists(), "no store, and no time of a check");
    assert!(fs::read_to_string(user.path(TRUST)).unwrap().contains("root = \"roots/"));
    // The publisher's file is not needed any more.
    let refresh = run(&user, &["tuf", "refresh", "releases"]);
    assert_eq!(refresh.status, 0, "{}", refresh.whole());

    let json = of_folder().run(&["tuf", "init", "releases", &root_of("smoke"), "--output", "json"]).json();
    assert_eq!((&json["schema"], &json["root_version"]), (&json!("init/1"), &json!(1)));
}

/// T-5.16: a repository that is remembered, or pinned, is not begun again.
#[test]
fn init_does_not_begin_again() {
    let user = of_folder();
    let init = |user: &User| user.run(&["tuf", "init", "releases", &root_of("smoke")]);
    assert_eq!(init(&user).status, 0);
    let pinned = init(&user);
    assert!(pinned.status == 2 && pinned.stderr.contains("pinned already"), "{}", pinned.whole());
    assert_eq!(run(&user, &["tuf", "refresh", "releases"]).status, 0);
    assert_eq!(user.run(&["trust", "remove", "releases"]).status, 0);
    let before = fs::read(user.path(TRUST)).unwrap();
    let remembered = init(&user);
    assert!(remembered.status == 2 && remembered.stderr.contains("is remembered already"), "{}", remembered.whole());
    assert_eq!(fs::read(user.path(TRUST)).unwrap(), before);
    assert_eq!(user.run(&["cache", "clear", "releases", "--forget-rollback-memory"]).status, 0);
    assert_eq!(init(&user).status, 0, "forgotten in so many words");
}

/// From a URL a root is taken by the hash that its publisher told, and by nothing else.
#[test]
fn init_from_a_url_takes_the_root_with_the_given_hash_alone() {
    let server = BadServer::new(|seen, _| file_of(&vectors("smoke"), &seen.path));
    let url = format!("{}/metadata/1.root.json", server.url());
    let metadata = format!("{}/metadata", server.url());
    let hash = sha256_of(&root_of("smoke"));
    let init = |args: &[&str]| {
        let user = unpinned(&metadata);
        let run = user.run(&[&["tuf", "init", "releases"], args].concat());
        let pinned = user.path(TRUST).exists() || user.path(".config/verify-cli/roots").exists();
        assert_eq!(pinned, run.status == 0, "pinned whole, or not at all: {}", run.whole());
        (run, user)
    };
    let (good, user) = init(&[&url, "--root-sha256", &hash.to_uppercase()]);
    assert_eq!(good.status, 0, "{}", good.whole());
    assert_eq!(run(&user, &["tuf", "refresh", "releases"]).status, 0);
    let other = sha256_of(&root_of("images"));
    let missing = format!("{}/metadata/9.root.json", server.url());
    for (args, status, word) in [
        (vec![url.as_str()], 2, "--root-sha256 HEX"),
        (vec![&url, "--root-sha256", &other], 1, "mismatch.hash"),
        (vec![&url, "--root-sha256", "0123"], 2, "64 hex digits"),
        (vec![&missing, "--root-sha256", &hash], 1, "missing.root"),
        (vec!["http://127.0.0.1:9/root.json", "--root-sha256", &hash], 3, "network.unreachable"),
        (vec!["no-such-file"], 2, "usage.file"),
    ] {
        let (run, _) = init(&args);
        assert!(run.status == status && run.stderr.contains(word), "{args:?}: {}", run.whole());
        assert!(run.stdout.is_empty(), "{args:?}");
    }
    let root = root_of("smoke");
    let (wrong, _) = init(&[&root, "--root-sha256", &other]);
    assert!(wrong.status == 1 && wrong.stderr.contains("mismatch.hash"), "{}", wrong.whole());
    assert!(wrong.stderr.contains("tuf1/smoke/metadata/1.root.json"), "it says which file: {}", wrong.whole());
    assert_eq!(init(&[&root, "--root-sha256", &hash]).0.status, 0);
}

/// T-44: the password for the configured server goes to no other place: not where a root is said to lie,
/// nor where targets do.
#[test]
fn credentials_go_to_the_configured_server_alone() {
    let challenge = || vec![("WWW-Authenticate", "Basic realm=\"x\"".to_owned())];
    let other = BadServer::new(move |_, _| Act::Fine(401, challenge(), Vec::new()));
    let metadata = BadServer::new(move |seen, _| match seen.header("authorization") {
        Some(_) => file_of(&vectors("smoke"), &seen.path),
        None => Act::Fine(401, vec![("WWW-Authenticate", "Basic realm=\"y\"".to_owned())], Vec::new()),
    });
    let user = User::new();
    user.configure(&format!(
        "[server.releases]\nformat = \"tuf1\"\nurl = \"{}/metadata\"\ntargets-url = \"{}/targets\"\n",
        metadata.url(),
        other.url()
    ));
    // user:password
    let ask = |args: &[&str]| {
        let mut command = user.command(&[&["--at", AT], args].concat());
        user.ended(&command.env("NOTARY_AUTH", "dXNlcjpwYXNzd29yZA==").output().unwrap())
    };
    let root = format!("{}/1.root.json", other.url());
    let init = ask(&["tuf", "init", "releases", &root, "--root-sha256", &sha256_of(&root_of("smoke"))]);
    assert!(init.status == 3 && init.stderr.contains("auth.required"), "{}", init.whole());
    assert_eq!(ask(&["tuf", "init", "releases", &root_of("smoke")]).status, 0);
    let refresh = ask(&["tuf", "refresh", "releases"]);
    assert_eq!(refresh.status, 0, "the server itself gets them: {}", refresh.whole());
    let download = ask(&["tuf", "download", "releases", "hello.txt"]);
    assert!(download.status == 3 && download.stderr.contains("auth.required"), "{}", download.whole());
    assert!(!other.seen().is_empty() && other.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

/// T-6: what is no root, or does not meet its own threshold, is not pinned.
#[test]
fn init_refuses_what_is_no_sound_root() {
    let sound: Value = serde_json::from_slice(&fs::read(root_of("smoke")).unwrap()).unwrap();
    let mut unsigned = sound.clone();
    unsigned["signatures"] = json!([]);
    let mut other = sound;
    other["signed"]["version"] = json!(7);
    for (what, bytes) in [
        ("unsigned", serde_json::to_vec(&unsigned).unwrap()),
        ("ill-signed", serde_json::to_vec(&other).unwrap()),
        ("no JSON", b"hello".to_vec()),
        ("another role", fs::read(vectors("smoke/metadata/timestamp.json")).unwrap()),
    ] {
        let user = of_folder();
        let file = user.write("work/root.json", bytes);
        let init = user.run(&["tuf", "init", "releases", &file.display().to_string()]);
        assert!(init.status == 2 && init.stderr.contains("config.root"), "{what}: {}", init.whole());
        assert!(!user.path(TRUST).exists(), "{what}");
    }
    let notary = User::of_web("05-witnessed");
    let init = notary.run(&["tuf", "init", common::WEB, &root_of("smoke")]);
    assert!(init.status == 2 && init.stderr.contains("tuf1"), "{}", init.whole());
}

fn pinned() -> User {
    let user = of_folder();
    assert_eq!(user.run(&["tuf", "init", "releases", &root_of("smoke")]).status, 0);
    user
}

/// Every target, with the role that answers for it.
#[test]
fn targets_are_listed() {
    let user = pinned();
    let list = run(&user, &["tuf", "list", "releases"]);
    assert_eq!(list.status, 0, "{}", list.whole());
    let rows: Vec<Vec<&str>> = list.stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2, "{}", list.stdout);
    assert_eq!((rows[0][0], rows[0][2]), ("hello.txt", "targets"));
    assert_eq!((rows[1][0], rows[1][2]), ("project/app.tar", "project"));
    let json = document(&run(&user, &["tuf", "list", "releases", "--output", "json"]));
    assert_eq!(json["targets"][1]["path"], "project/app.tar");
    assert_eq!((&json["targets"][1]["tag"], &json["targets"][1]["target"]["pinned"]), (&Value::Null, &Value::Null));
}

/// The tree names each role below the one that delegates to it, and what will be refused next.
#[test]
fn a_target_is_explained() {
    let user = pinned();
    let tree = run(&user, &["tuf", "explain", "releases", "project/app.tar"]);
    assert_eq!(tree.status, 0, "{}", tree.whole());
    let line = |start: &str| {
        let at = tree.stdout.lines().position(|l| l.starts_with(start));
        at.unwrap_or_else(|| panic!("{start}: {}", tree.stdout))
    };
    let order = ["root version 2", "  targets version 1", "    project version 1", "      => project/app.tar sha256:"];
    assert!(order.map(line).is_sorted(), "{}", tree.stdout);
    assert!(tree.stdout.contains("refused next: expired."), "{}", tree.stdout);
    let none = run(&user, &["tuf", "explain", "releases", "none"]);
    assert!(none.status == 1 && none.stdout.contains("verify-cli tuf list releases"), "{}", none.whole());
}

/// Decision 12: one repository signs the images of all names below a prefix, each by the path
/// NAME:TAG; the verdict document is the same.
#[test]
fn images_are_verified_against_a_tuf_repository() {
    let user = of_images("");
    let verify = |args: &[&str]| run(&user, &[&["image", "verify"], args].concat());
    let (app, web) = (format!("{APP}:1.0"), "registry.test:5000/team/web:2.0");
    let both = verify(&[&app, web]);
    assert_eq!(both.status, 0, "{}", both.whole());
    let pinned = |image: &str| format!("{}@{}", image.rsplit_once(':').unwrap().0, digest_of(image));
    assert_eq!(both.stdout, format!("{}\n{}\n", pinned(&app), pinned(web)));
    let json = document(&verify(&[&app, "--output", "json"]));
    assert_eq!(json["subject"], json!({"kind": "image", "input": app, "tag": "1.0", "path": app, "digest": null}));
    assert_eq!((&json["target"]["role"], &json["targets"]), (&json!("app"), &Value::Null));
    assert_eq!(json["target"]["pinned"], json!(pinned(&app)));
    let trust = &json["trust"][0];
    assert_eq!(
        (&trust["repository"], &trust["format"], &trust["rule"]),
        (&json!("registry.test:5000/team"), &json!("tuf1"), &json!("search"))
    );
    assert_eq!(trust["roles"][4]["delegator"], "targets", "{trust:#}");

    // By digest alone: signed under a path of its own.
    let by_digest = format!("{APP}@{}", digest_of(&app));
    let json = document(&verify(&[&by_digest, "--output", "json"]));
    assert_eq!(
        (&json["verdict"], &json["targets"], &json["subject"]["tag"]),
        (&json!("trusted"), &Value::Null, &Value::Null)
    );
    // With tag and digest, the digest must be the tag's (N-34).
    let same = format!("{app}@{}", digest_of(&app));
    assert_eq!(verify(&[&same]).status, 0);
    for (image, code) in [
        (format!("{app}@{}", digest_of(&format!("{APP}:1.1"))), "target.other-digest"),
        (format!("{APP}@{}", digest_of(web)), "target.not-signed"),
        (format!("{APP}:9"), "target.not-signed"),
        ("registry.test:5000/team/other:1.0".to_owned(), "target.not-signed"),
    ] {
        let refused = verify(&[&image, "--output", "json"]);
        assert_eq!((refused.status, refused.code().as_str()), (1, code), "{image}: {}", refused.whole());
        assert_eq!(document(&refused)["target"], Value::Null);
    }
    // A reference beside the repository has no server.
    assert_eq!(verify(&["registry.test:5000/other/app:1.0"]).status, 2);
}

/// One repository is one run and one memory, whatever the number of names.
#[test]
fn images_of_one_repository_are_answered_by_one_run() {
    let server = BadServer::new(|seen, _| file_of(&vectors("images"), &seen.path));
    let user = User::new();
    user.configure(&format!(
        "[server.\"registry.test:5000/team/\"]\nformat = \"tuf1\"\nurl = \"{}/metadata\"\n\
         [trust.\"registry.test:5000/team/\"]\nroot = \"{}\"\n",
        server.url(),
        root_of("images")
    ));
    let images = [format!("{APP}:1.0"), "registry.test:5000/team/web:2.0".to_owned(), format!("{APP}:1.1")];
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let both = run(&user, &[&["image", "verify"], images.as_slice()].concat());
    assert_eq!(both.status, 0, "{}", both.whole());
    let asked = |name: &str| server.paths().iter().filter(|p| p.ends_with(name)).count();
    assert_eq!((asked("/timestamp.json"), asked("/1.app.json")), (1, 1), "{:?}", server.paths());
    let stores: Vec<_> = fs::read_dir(user.path(".cache/verify-cli/tuf1")).unwrap().collect();
    assert_eq!(stores.len(), 1, "{stores:?}");
    // Another pin for one of the names is a run of its own; one memory does not hold both.
    let own = format!("[trust.\"{APP}\"]\nroot = \"{}\"\n", root_of("smoke"));
    let other = of_images(&own);
    let json = run(&other, &[&["image", "verify", "--output", "json"], images.as_slice()].concat()).json();
    assert_eq!(json[1]["reason"]["code"], "config.root-conflict", "{json:#}");
    assert_ne!(json[0]["verdict"], "trusted", "another root is pinned for it");
}

/// Decision 12: what a user demands beside the search is not passed over.
#[test]
fn demands_that_are_for_notary_are_refused() {
    let image = format!("{APP}:1.0");
    for flags in [["--role", "targets/qa"], ["--tag-rule", "releases-first"], ["--mode", "compatible"]] {
        let refused = run(&of_images(""), &[&["image", "verify", &image], flags.as_slice()].concat());
        assert!(refused.status == 2 && refused.stderr.contains("usage.flag"), "{flags:?}: {}", refused.whole());
    }
    for key in ["required-roles = [\"targets/qa\"]", "tag-rule = \"releases-first\"", "mode = \"compatible\""] {
        let policy = format!("[policy.\"registry.test:5000/\"]\n{key}\n");
        let refused = run(&of_images(&policy), &["image", "verify", &image]);
        assert!(refused.status == 2 && refused.stderr.contains("config.value"), "{key}: {}", refused.whole());
        let own = format!("{policy}[policy.\"registry.test:5000/team/\"]\nkey-ids = \"computed\"\n");
        assert_eq!(run(&of_images(&own), &["image", "verify", &image]).status, 0, "{key}");
    }
}

/// One repository is configured under one name: the same with and without a `/` would share a memory.
#[test]
fn one_memory_has_one_repository() {
    let user = of_images("[server.\"registry.test:5000/team\"]\nformat = \"tuf1\"\nurl = \"file:/elsewhere\"\n");
    let refused = run(&user, &["image", "verify", &format!("{APP}:1.0")]);
    assert!(refused.status == 2 && refused.stderr.contains("config.value"), "{}", refused.whole());
}

#[test]
fn images_of_a_tuf_repository_are_listed_and_explained() {
    let user = of_images("");
    let list = run(&user, &["image", "list", APP]);
    assert_eq!(list.status, 0, "{}", list.whole());
    let tags: Vec<&str> = list.stdout.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(tags, ["1.0", "1.1"], "this name's tags, and no digests");
    let json = document(&run(&user, &["image", "list", APP, "--output", "json"]));
    assert_eq!(
        (&json["targets"][0]["tag"], &json["targets"][0]["path"]),
        (&json!("1.0"), &json!(format!("{APP}:1.0")))
    );
    let tree = run(&user, &["image", "explain", &format!("{APP}:1.0")]);
    assert!(tree.status == 0 && tree.stdout.contains("    app version 1"), "{}", tree.whole());
    let save = run(&user, &["image", "save", APP, "saved"]);
    assert!(save.status == 2 && save.stderr.contains("copied as a folder"), "{}", save.whole());
}

/// T-4.4: without a request the verdict tells how old the last complete check is.
#[test]
fn a_fresh_store_answers_with_its_age() {
    let user = of_images("[age]\nfresh-for = \"1h\"\n");
    let verify = |at: &str| {
        let image = format!("{APP}:1.0");
        document(&user.run(&["--at", at, "image", "verify", &image, "--output", "json"]))["trust"][0].clone()
    };
    let first = verify("2026-11-26T00:00:00Z");
    assert_eq!(first["age_seconds"], 0, "{first:#}");
    assert!(first["requests"].as_u64().unwrap() >= 4, "{first:#}");
    let fresh = verify("2026-11-26T00:59:59Z");
    assert_eq!((&fresh["age_seconds"], &fresh["requests"]), (&json!(3599), &json!(0)), "{fresh:#}");
    assert_eq!(fresh["last_checked_at"], "2026-11-26T00:00:00Z");
    let later = verify("2026-11-26T01:00:00Z");
    assert_eq!(later["age_seconds"], 0, "asked again: {later:#}");
    assert_eq!(later["requests"], 2, "the next root and the timestamp: {later:#}");
}

/// `--verbose` tells each request and each check on stderr, in the span of its collection.
#[test]
fn verbose_tells_every_request_and_every_check() {
    let user = of_images("");
    let image = format!("{APP}:1.0");
    let quiet = run(&user, &["image", "verify", &image, "--no-persist"]);
    assert!(!quiet.stderr.contains("requested"), "{}", quiet.stderr);
    let told = run(&user, &["image", "verify", &image, "--verbose"]);
    assert_eq!((told.status, &told.stdout), (0, &quiet.stdout), "{}", told.whole());
    for line in [
        "run{collection=\"registry.test:5000/team\" format=\"tuf1\"}",
        "loaded state: not there",
        "requested 2.root.json: not there",
        "requested timestamp.json: ",
        "checked timestamp.json (TUF 5.4): holds",
        "checked 1.snapshot.json (TUF 5.5): holds",
        "checked 1.targets.json (TUF 5.6): holds",
        "checked 1.app.json (TUF 5.6): holds",
        "committed ",
    ] {
        assert!(told.stderr.contains(line), "{line}: {}", told.stderr);
    }
    let server = BadServer::new(|seen, _| file_of(&vectors("smoke"), &seen.path));
    let far = unpinned(&format!("{}/metadata", server.url()));
    assert_eq!(far.run(&["tuf", "init", "releases", &root_of("smoke")]).status, 0);
    let told = run(&far, &["tuf", "refresh", "releases", "-v"]);
    let asked = format!("request{{path=\"3.root.json\"}}: GET {}/metadata/3.root.json: status 404", server.url());
    assert!(told.status == 0 && told.stderr.contains(&asked), "{asked}: {}", told.whole());
    let late = user.run(&["--at", "2099-01-01T00:00:00Z", "image", "verify", &image, "-v"]);
    assert!(late.stderr.contains("checked root (TUF 5.3.10): expired.root"), "{}", late.whole());
}
