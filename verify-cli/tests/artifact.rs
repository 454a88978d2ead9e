//! Release files of a TUF 1.0 repository: `artifact verify`, `tuf refresh`, `tuf download`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "common/bad_server.rs"]
mod bad_server;
mod common;

use bad_server::{BadServer, file_of};
use common::{Run, User};
use std::fs;
use std::path::PathBuf;

const APP: &str = "project/app.tar";
const AT: &str = "2026-11-26T00:00:00Z";

fn smoke() -> PathBuf {
    test_vectors::root().join("tuf1/smoke")
}

/// A user whose configuration has the repository as `releases`, with these further keys.
fn user(server: &str, more: &str) -> User {
    let user = User::new();
    let smoke = smoke().display().to_string();
    user.configure(&format!(
        "{more}[server.releases]\nformat = \"tuf1\"\nurl = \"file:{smoke}/metadata\"\n{server}\
         [trust.releases]\nroot = \"{smoke}/metadata/1.root.json\"\n"
    ));
    user
}

fn with_targets() -> User {
    user(&format!("targets-url = \"file:{}/targets\"\n", smoke().display()), "")
}

fn run(user: &User, args: &[&str]) -> Run {
    user.run(&[&["--at", AT], args].concat())
}

fn content() -> Vec<u8> {
    let folder = fs::read_dir(smoke().join("targets/project")).unwrap();
    fs::read(folder.map(|e| e.unwrap().path()).next().unwrap()).unwrap()
}

#[test]
fn a_release_file_is_verified() {
    let user = with_targets();
    let file = user.write("work/app.tar", content());
    let args = |file: &str| {
        vec!["artifact", "verify", file, "--target", APP, "--repository", "releases"]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let verify = |file: &str| {
        let args = args(file);
        run(&user, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let good = verify("app.tar");
    assert_eq!(good.status, 0, "{}", good.whole());
    assert!(good.stdout.starts_with("sha256:33b13a54") && good.stdout.ends_with("  app.tar\n"), "{}", good.whole());
    let json =
        run(&user, &["artifact", "verify", "app.tar", "--target", APP, "--repository", "releases", "--output", "json"])
            .json();
    assert_eq!(
        (&json["verdict"], &json["subject"]["kind"], &json["subject"]["path"]),
        (&"trusted".into(), &"artifact".into(), &APP.into())
    );
    assert_eq!(
        (&json["target"]["role"], &json["target"]["pinned"], &json["targets"]),
        (&"project".into(), &serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert_eq!(json["trust"][0]["format"], "tuf1");

    let mut bent = content();
    bent[5] ^= 1;
    fs::write(&file, &bent).unwrap();
    let refused = verify("app.tar");
    assert!(
        refused.status == 1 && refused.stdout.is_empty() && refused.stderr.contains("target.hash"),
        "{}",
        refused.whole()
    );
    fs::write(&file, &bent[1..]).unwrap();
    assert!(verify("app.tar").stderr.contains("target.length"));
    let missing = verify("none.tar");
    assert!(missing.status == 2 && missing.stderr.contains("none.tar"), "{}", missing.whole());
    let unsigned = run(&user, &["artifact", "verify", "app.tar", "--target", "other", "--repository", "releases"]);
    assert!(unsigned.status == 1 && unsigned.stderr.contains("target.not-signed"), "{}", unsigned.whole());
}

#[test]
fn targets_are_downloaded_all_or_none_told() {
    let user = with_targets();
    let get = |paths: &[&str]| run(&user, &[&["tuf", "download", "releases", "--into", "got"], paths].concat());
    let both = get(&[APP, "hello.txt"]);
    assert_eq!(both.status, 0, "{}", both.whole());
    assert_eq!(both.stdout.lines().count(), 2, "{}", both.whole());
    assert_eq!(fs::read(user.path("work/got/project%2Fapp.tar")).unwrap(), content());
    let half = get(&["hello.txt", "none"]);
    assert!(
        half.status == 1 && half.stdout.is_empty() && half.stderr.contains("target.not-signed"),
        "{}",
        half.whole()
    );
}

/// Each key of the configuration: what holds without it.
#[test]
fn keys_of_release_repositories() {
    let get = |user: &User| run(user, &["tuf", "download", "releases", APP, "--output", "json"]);
    assert_eq!(get(&user("", "")).json()["reason"]["code"], "config.value", "no targets-url");
    let targets = format!("targets-url = \"file:{}/targets\"\n", smoke().display());
    assert_eq!(get(&user(&targets, "")).json()["verdict"], "trusted");
    assert_eq!(get(&user(&format!("{targets}hash-prefix = false\n"), "")).json()["reason"]["code"], "missing.target");
    assert_eq!(get(&user(&targets, "[limits]\ntarget = 63999\n")).json()["reason"]["code"], "limit.bytes");
    // The repository's key ids are computed: either policy reads it.
    for policy in ["opaque", "computed"] {
        let policy = format!("[policy.releases]\nkey-ids = \"{policy}\"\n");
        assert_eq!(get(&user(&targets, &policy)).json()["verdict"], "trusted", "{policy}");
    }
}

#[test]
fn metadata_are_brought_up_to_date_and_remembered() {
    let user = with_targets();
    let refresh = run(&user, &["tuf", "refresh", "releases"]);
    assert_eq!((refresh.status, refresh.stdout.as_str()), (0, ""), "{}", refresh.whole());
    let status = user.run(&["cache", "status", "releases"]);
    assert!(status.stdout.contains("root") && status.stdout.contains("releases"), "{}", status.whole());
    let late = user.run(&["--at", "2099-01-01T00:00:00Z", "tuf", "refresh", "releases"]);
    assert!(late.status == 1 && late.stderr.contains("expired."), "{}", late.whole());
    let image = run(&user, &["image", "verify", "releases"]);
    assert_eq!(image.status, 2, "{}", image.whole());
    let none = run(&user, &["tuf", "refresh", "others"]);
    assert_eq!(none.status, 2, "{}", none.whole());
}

/// T-51: offline nothing is asked, for content either; several targets are looked up in one run; a folder of
/// targets that is gone is no answer.
#[test]
fn targets_are_asked_for_once_and_never_offline() {
    let server = BadServer::new(|seen, _| file_of(&smoke(), &seen.path));
    let user = User::new();
    user.configure(&format!(
        "[server.releases]\nformat = \"tuf1\"\nurl = \"{0}/metadata\"\ntargets-url = \"{0}/targets\"\n\
         [trust.releases]\nroot = \"{1}/metadata/1.root.json\"\n",
        server.url(),
        smoke().display()
    ));
    let get = |more: &[&str]| {
        let args = ["tuf", "download", "releases", APP, "hello.txt", "--into", "got", "--output", "json"];
        run(&user, &[args.as_slice(), more].concat())
    };
    let both = get(&[]);
    assert_eq!(both.status, 0, "{}", both.whole());
    let asked = |name: &str| server.paths().iter().filter(|p| p.ends_with(name)).count();
    assert_eq!((asked("/timestamp.json"), asked(".app.tar"), asked(".hello.txt")), (1, 1, 1), "{:?}", server.paths());

    let before = server.seen().len();
    let there = get(&["--offline"]);
    assert_eq!(there.status, 0, "what lies there is verified: {}", there.whole());
    fs::remove_file(user.path("work/got/hello.txt")).unwrap();
    let gone = get(&["--offline"]);
    assert_eq!(gone.status, 3, "{}", gone.whole());
    assert_eq!(
        (&gone.json()[0]["verdict"], &gone.json()[1]["reason"]["code"]),
        (&"trusted".into(), &"store.empty".into())
    );
    assert_eq!(server.seen().len(), before, "{:?}", server.paths());

    let nowhere = self::user("targets-url = \"file:/no/such/folder\"\n", "");
    let unreachable = run(&nowhere, &["tuf", "download", "releases", APP, "--output", "json"]);
    assert_eq!(
        (unreachable.status, unreachable.code().as_str()),
        (3, "network.unreachable"),
        "{}",
        unreachable.whole()
    );
}
