//! C programs that use every function, rightly and wrongly.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::{beside, here, program, samples};

/// Names of functions in C text: `tuf_…` before a `(`.
fn calls(text: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = text.match_indices('(').filter_map(|(at, _)| text.get(..at));
    let names = before.map(|before| before.rsplit(|c| !word(c)).next().unwrap_or_default());
    names.filter(|name| name.starts_with("tuf_")).collect()
}

/// The program's text names every function of the header.
#[test]
fn the_program_uses_every_function() {
    let read = |path: &str| std::fs::read_to_string(here().join(path)).expect(path);
    let (header, program) = (read("include/tufverify.h"), read("tests/c/every_function.c"));
    let declared: String =
        header.lines().filter(|l| !l.trim_start().starts_with("//") && !l.starts_with(" *")).collect();
    let (declared, used) = (calls(&declared), calls(&program));
    let unused: Vec<_> = declared.difference(&used).filter(|name| **name != "tuf_text").collect();
    assert!(declared.len() > 40 && unused.is_empty(), "{} declared, not used: {unused:?}", declared.len());
}

/// Runs the program in a folder of its own; it says nothing but that it is at its end.
fn use_every_function(program: &Path, mut command: Command) {
    let ((notary, tuf), empty) = (samples(), tempfile::tempdir().expect("a folder"));
    let output = beside(program, command.arg(notary).arg(tuf).arg(empty.path()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((out.as_str(), err.as_str()), ("every function was used\n", ""));
}

/// Every function, used rightly and wrongly; valgrind finds nothing: no invalid access, nothing lost.
#[test]
fn every_function_under_valgrind() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program("every_function", folder.path(), &[]);
    use_every_function(&program, Command::new(&program));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=99", "--fair-sched=yes", "--leak-check=full"]);
    // What lives as long as the process (the panic hook, the runtime's table of signals) is not lost.
    let lost = "definite,indirect,possible";
    valgrind.arg(format!("--show-leak-kinds={lost}")).arg(format!("--errors-for-leak-kinds={lost}"));
    valgrind.arg(&program);
    use_every_function(&program, valgrind);
}

/// The same with the program's own accesses watched, and every allocation of the library's: none is
/// freed twice, none is written behind its end by the program.
#[test]
fn every_function_under_sanitizers() {
    let folder = tempfile::tempdir().expect("a folder");
    let program =
        program("every_function", folder.path(), &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    let mut command = Command::new(&program);
    command.env("ASAN_OPTIONS", "detect_leaks=0"); // valgrind looks for them
    use_every_function(&program, command);
}

/// A million calls leave at most a megabyte more than ten thousand did: the program says so by its end.
#[test]
fn a_million_calls_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program("cost", folder.path(), &[]);
    let output = beside(&program, Command::new(&program).arg(samples().0));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(told.get("grown_kib").is_some(), "{told}");
}
