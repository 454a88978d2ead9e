//! All of `test-vectors/` through C: a C program asks what a script says, and its answers are, field
//! by field, the documents that Rust gives.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests

mod script;
mod support;

use script::{Expected, Script};
use std::process::Command;
use support::{beside, program};

/// Runs a script through the C program, and holds each of its answers against Rust's.
fn same_through_c(script: &Script) {
    let folder = tempfile::tempdir().expect("a folder");
    let runner = program("runner", folder.path(), &[]);
    let (text, out) = (folder.path().join("script"), folder.path().join("out"));
    std::fs::write(&text, script.text()).expect("the script");
    let scratch = folder.path().join("scratch");
    beside(&runner, Command::new(&runner).arg(&text).arg(&out).arg(&scratch));
    let out = std::fs::read(&out).expect("the answers");
    let answers = script::answers(&out);
    let faults: Vec<String> = script.compare(&answers);
    assert!(
        faults.is_empty(),
        "{} faults, the first: {}",
        faults.len(),
        faults.concat().get(..3000).unwrap_or(&faults.concat())
    );
}

/// Every step of every Notary scenario, from memory and with the host's own HTTP; strictly and
/// compatibly, each with both tag rules.
#[test]
fn every_notary_scenario_through_c() {
    let script = script::notary();
    let count = |expected: fn(&Expected) -> bool| script.expected().filter(|e| expected(e)).count();
    let (trusted, refused) = (count(Expected::is_trusted), count(Expected::is_refused));
    assert!(trusted > 1000 && refused > 1000, "{trusted} trusted, {refused} refused");
    same_through_c(&script);
}

/// The TUF 1.0 repositories: every target, its content, lists, refresh, images.
#[test]
fn every_tuf_repository_through_c() {
    let script = script::tuf();
    assert!(script.expected().filter(|e| e.is_trusted()).count() > 10);
    same_through_c(&script);
}

/// T-23.13: the table of patterns.
#[test]
fn every_pattern_through_c() {
    let script = script::patterns();
    assert!(script.expected().count() > 150);
    same_through_c(&script);
}
