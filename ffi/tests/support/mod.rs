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

/// The block of a language in the main README's quick starts; `page` (below `ffi`) shows the same one.
/// A program has at most ten lines.
pub(crate) fn quick_start(language: &str, page: &str) -> String {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let readme = read(&here().join("../README.md"));
    let (_, section) = readme.split_once("## From a program of your own\n").expect("the quick starts");
    let (section, _) = section.split_once("\n## ").expect("a section behind them");
    let fence = format!("```{language}\n");
    let (_, block) = section.split_once(&fence).expect("a block");
    let (block, _) = block.split_once("```\n").expect("its end");
    let lines = block.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 10, "{lines} lines of {language}");
    assert!(read(&here().join(page)).contains(&format!("{fence}{block}```\n")), "{page} has another quick start");
    block.to_owned()
}

/// The commands of a language's quick start: the README's `sh` block behind its program.
pub(crate) fn commands(program: &str, page: &str) -> String {
    let readme = std::fs::read_to_string(here().join("../README.md")).expect("README.md");
    let (_, behind) = readme.split_once(program).expect("the program");
    let (_, block) = behind.split_once("```sh\n").expect("commands");
    let (block, _) = block.split_once("```\n").expect("their end");
    let page = std::fs::read_to_string(here().join(page)).expect("a page");
    assert!(page.contains(&format!("```sh\n{block}```\n")), "other commands");
    block.to_owned()
}

/// Text of a page, with the place where this repository is.
pub(crate) fn as_here(text: &str) -> String {
    text.replace("/path/to/this/repository", &here().join("..").display().to_string())
}

/// Runs commands of a page in a folder, as they are printed but for where this repository is.
pub(crate) fn as_printed(commands: &str, folder: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-euc", &as_here(commands)]).current_dir(folder);
    bash
}
