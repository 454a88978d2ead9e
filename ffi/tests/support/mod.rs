//! C programs that are built against the library of this test run.

#![allow(dead_code)] // no program of tests uses all of it

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of this crate.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the libraries that the tests are linked with.
pub(crate) fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test's own program");
    program.parent().expect("its folder").to_owned()
}

/// A command that must succeed.
pub(crate) fn run(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    let mut command = Command::new(program.as_ref());
    succeeded(command.args(args))
}

/// A command that must succeed.
pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    output
}

/// What every C file is compiled with.
pub(crate) const STRICT: [&str; 6] = ["-std=c99", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// Compiles a C program of `tests/c` into `folder`, and links it with the shared library.
pub(crate) fn program(name: &str, folder: &Path, more: &[&str]) -> PathBuf {
    let (program, libraries) = (folder.join(name), libraries());
    let mut cc = Command::new("cc");
    cc.args(STRICT).args(more).arg("-I").arg(here().join("include")).arg(here().join(format!("tests/c/{name}.c")));
    cc.arg("-o").arg(&program).arg("-L").arg(&libraries).args(["-ltufverify", "-lpthread"]);
    succeeded(&mut cc);
    // Programs look for the library's own name, which has the number of its interface.
    let link = folder.join("libtufverify.so.1");
    if !link.exists() {
        std::os::unix::fs::symlink(libraries.join("libtufverify.so"), link).expect("a link");
    }
    program
}

/// Runs a program with the library beside it.
pub(crate) fn beside(program: &Path, command: &mut Command) -> Output {
    succeeded(command.env("LD_LIBRARY_PATH", program.parent().expect("its folder")).env("RUST_BACKTRACE", "0"))
}

/// The folder of the samples: a Notary collection, and a TUF 1.0 repository.
pub(crate) fn samples() -> (PathBuf, PathBuf) {
    (test_vectors::root().join("sample"), here().join("../tuf-core/sample-tuf1"))
}
