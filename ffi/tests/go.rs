//! The Go module `ffi/go`: vetted and tested against the library as it is installed, with every
//! scenario of the vectors and what Rust says of it; its quick start as it is printed; its examples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[allow(dead_code)] // what is trusted and refused is counted in Go
mod script;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use support::{as_here, as_printed, commands, here, libraries, quick_start, run, succeeded};

/// A folder of ours below `target/tmp`, empty. What lies there is what `ffi/go/nightly` runs with.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a folder of ours");
    }
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Where the library is installed.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = fresh("prefix");
        run(here().join("install.sh"), [&prefix, &libraries()]);
        prefix
    })
}

/// `go`, as somebody uses it who has installed the library; nothing is downloaded.
fn go(folder: &Path, args: &[&str]) -> Command {
    go_with(prefix(), folder, args)
}

fn go_with(prefix: &Path, folder: &Path, args: &[&str]) -> Command {
    let mut go = Command::new("go");
    with_library(go.current_dir(folder).args(args), prefix);
    go
}

/// A command that finds the library, and runs `go`.
fn with_library<'c>(command: &'c mut Command, prefix: &Path) -> &'c mut Command {
    let found = Command::new("go").arg("version").output();
    assert!(found.is_ok(), "go cannot be run: install Go 1.24 or newer (https://go.dev/dl): {found:?}");
    // Go's cache does not see headers: a flag tells it which one this is.
    let header = fs::read(prefix.join("include/tufverify.h")).expect("the header");
    let flags =
        format!("-O2 -g -DTUFVERIFY_HEADER_{}", &tuf_core::crypto::hex(&tuf_core::crypto::sha256(&header))[..16]);
    command.env("CGO_CFLAGS", flags).env("CGO_ENABLED", "1");
    command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).env("LD_LIBRARY_PATH", prefix.join("lib"));
    command.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOFLAGS", "").env("GOWORK", "off")
}

fn module() -> PathBuf {
    here().join("go")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// T-23.13: vetted, formatted, and tested, by the toolchain that is there, depending on nothing; with
/// every pattern of the vectors, and every scenario, whose answers are, field by field, those that Rust
/// gives.
#[test]
fn the_module_is_vetted_and_tested_with_all_vectors() {
    let mod_file = fs::read_to_string(module().join("go.mod")).expect("go.mod");
    assert!(mod_file.contains("\ngo 1.24\n") && !mod_file.contains("require"), "{mod_file}");
    succeeded(&mut go(&module(), &["vet", "./..."]));
    assert_eq!(said(&run("gofmt", [Path::new("-l"), &module()])), "", "not formatted");

    let folder = fresh("scripts");
    let scripts = [("notary", script::notary()), ("tuf", script::tuf()), ("patterns", script::patterns())];
    for (name, script) in &scripts {
        fs::write(folder.join(name).with_extension("script"), script.text()).expect("a script");
    }
    let tested =
        succeeded(go(&module(), &["test", "-count=1", "-timeout=5m", "-v", "./..."]).env("TUFVERIFY_SCRIPTS", &folder));
    let tested = said(&tested);
    for test in ["TestVectors", "TestManyGoroutines", "TestCallsKeepNoMemory", "ExampleClient_VerifyImage", "TestGate"]
    {
        assert!(tested.contains(&format!("--- PASS: {test} ")), "{test} did not run:\n{tested}");
    }
    assert!(!tested.contains("--- SKIP"), "{tested}");
    for (name, script) in &scripts {
        let answers = fs::read(folder.join(name).with_extension("answers")).expect("the answers");
        let faults = script.compare(&script::answers(&answers));
        assert!(faults.is_empty(), "{name}: {} faults, the first: {}", faults.len(), faults[0]);
    }
}

/// The quick start is at most ten lines, and does what is printed beside it; without the pin it does not.
#[test]
fn the_quick_start_runs_as_printed() {
    let (program, config) = (quick_start("go", "go/README.md"), quick_start("toml", "go/README.md"));
    let folder = fresh("quick-start");
    fs::write(folder.join("main.go"), &program).expect("main.go");
    fs::write(folder.join("verify.toml"), as_here(&config)).expect("verify.toml");
    let ran = succeeded(with_library(&mut as_printed(&commands(&program, "go/README.md"), &folder), prefix()));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), quick_start("text", "go/README.md"));

    let bent = as_here(&config).replace("6b15", "6b16");
    assert_ne!(bent, as_here(&config));
    fs::write(folder.join("verify.toml"), bent).expect("verify.toml");
    let ran = go(&folder, &["run", "."]).output().expect("go");
    assert!(!ran.status.success() && ran.stdout.is_empty() && said(&ran).contains("pin.mismatch"), "{ran:?}");
}

/// A header of another version than the module's does not compile.
#[test]
fn a_header_of_another_version_does_not_compile() {
    let other = fresh("other");
    run("cp", [Path::new("-a"), &prefix().join("."), &other]);
    let file = other.join("include/tufverify.h");
    let header = fs::read_to_string(&file).expect("the header");
    let changed = header.replace("#define TUF_ABI_VERSION 1\n", "#define TUF_ABI_VERSION 2\n");
    assert_ne!(header, changed);
    fs::write(&file, changed).expect("the header");
    let built = go_with(&other, &module(), &["build", "."]).output().expect("go");
    assert!(!built.status.success() && said(&built).contains("version 1 of the interface"), "{built:?}");
}
