//! The executable for the public conformance suite (`examples/tuf-conformance.rs`), over its protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "../../verify-cli/tests/common/bad_server.rs"]
mod bad_server;

use bad_server::{BadServer, file_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn smoke() -> PathBuf {
    test_vectors::root().join("tuf1/smoke")
}

/// Built beside the tests: `cargo test` builds the examples.
fn executable() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples/tuf-conformance");
    assert!(path.is_file(), "{}: cargo build -p tuf-core --example tuf-conformance", path.display());
    path
}

/// The exit status; the suite's clock is faked, which is not needed as long as the repository is in force.
fn run(folder: &Path, args: &[&str]) -> i32 {
    let output = Command::new(executable()).arg("--metadata-dir").arg(folder).args(args).output().unwrap();
    output.status.code().unwrap()
}

fn json_files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n.ends_with(".json")).collect();
    names.sort();
    names
}

/// Serves the repository's metadata below `/metadata/` and its targets below `/targets/`.
fn server() -> BadServer {
    BadServer::new(|seen, _| file_of(&smoke(), &seen.path))
}

/// T-42.12: init copies and asks nothing; refresh and download end with 0 and leave the trusted files,
/// byte for byte, under names without version.
#[test]
fn the_protocol_of_the_suite() {
    let server = server();
    let (metadata, targets) = (format!("{}/metadata", server.url()), format!("{}/targets/", server.url()));
    let folder = tempfile::tempdir().unwrap();
    let (dir, into) = (folder.path().join("m"), folder.path().join("t"));
    fs::create_dir(&dir).unwrap();
    fs::create_dir(&into).unwrap();
    let root = smoke().join("metadata/1.root.json");
    assert_eq!(run(&dir, &["init", root.to_str().unwrap()]), 0);
    assert_eq!((json_files(&dir), server.seen().len()), (vec!["root.json".to_owned()], 0));
    assert_eq!(fs::read(dir.join("root.json")).unwrap(), fs::read(&root).unwrap());

    assert_eq!(run(&dir, &["--metadata-url", &metadata, "refresh"]), 0);
    assert_eq!(json_files(&dir), ["root.json", "snapshot.json", "targets.json", "timestamp.json"]);
    for (kept, served) in
        [("root", "2.root"), ("snapshot", "1.snapshot"), ("targets", "1.targets"), ("timestamp", "timestamp")]
    {
        let served = fs::read(smoke().join(format!("metadata/{served}.json"))).unwrap();
        assert_eq!(fs::read(dir.join(format!("{kept}.json"))).unwrap(), served, "{kept}");
    }
    let download = |names: &[&str]| {
        let names: Vec<&str> = names.iter().flat_map(|n| ["--target-name", n]).collect();
        let rest = ["--target-base-url", &targets, "--target-dir", into.to_str().unwrap(), "download"];
        run(&dir, &[&["--metadata-url", &metadata], names.as_slice(), &rest].concat())
    };
    assert_eq!(download(&["project/app.tar", "hello.txt"]), 0);
    assert!(json_files(&dir).contains(&"project.json".to_owned()));
    assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
    let of_targets = || server.paths().iter().filter(|p| p.starts_with("/targets/")).count();
    let before = of_targets();
    assert_eq!(download(&["hello.txt"]), 0);
    assert_eq!(of_targets(), before, "what is there with the right hashes is not fetched again");
    assert_eq!(download(&["none", "hello.txt"]), 1);
    assert_eq!(run(&dir, &["--metadata-url", "http://127.0.0.1:1/", "refresh"]), 1);
    for wrong in [&["refresh"][..], &["--what", "x", "refresh"], &["--metadata-url"], &[], &["fetch"]] {
        assert_eq!(run(&dir, wrong), 1, "{wrong:?}");
    }
}
