//! The library as it is installed: names, links, symbols, pkg-config, and programs built with it.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use support::{STRICT, as_here, as_printed, commands, here, libraries, quick_start, run, samples, succeeded};
use tempfile::TempDir;

/// Installs what this test run has built.
fn installed() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    run(here().join("install.sh"), [&folder.path().join("first"), &libraries()]);
    folder
}

/// What pkg-config says of the library below `prefix`.
fn pkg_config(prefix: &Path, args: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(args).arg("tufverify").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let output = succeeded(command.env_remove("PKG_CONFIG_LIBDIR"));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

fn text(program: &str, args: &[&str]) -> String {
    String::from_utf8_lossy(&run(program, args).stdout).into_owned()
}

/// A prefix may be moved: names, links and pkg-config lead to what lies there now.
#[test]
fn an_installed_tree_is_complete_and_may_be_moved() {
    let folder = installed();
    let (first, prefix) = (folder.path().join("first"), folder.path().join("second"));
    std::fs::rename(first, &prefix).expect("moved");
    let mut files = BTreeSet::new();
    for sub in ["include", "lib", "lib/pkgconfig"] {
        for entry in std::fs::read_dir(prefix.join(sub)).expect(sub) {
            files.insert(format!("{sub}/{}", entry.expect("an entry").file_name().to_string_lossy()));
        }
    }
    let want = [
        "include/tufverify.h",
        "lib/libtufverify.a",
        "lib/libtufverify.so",
        "lib/libtufverify.so.1",
        "lib/pkgconfig",
        "lib/pkgconfig/tufverify.pc",
    ];
    assert_eq!(files, want.map(str::to_owned).into());
    assert_eq!(std::fs::read_link(prefix.join("lib/libtufverify.so")).expect("a link"), Path::new("libtufverify.so.1"));
    assert_eq!(pkg_config(&prefix, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    assert_eq!(pkg_config(&prefix, &["--variable=abi_version"]), [tufverify::TUF_ABI_VERSION.to_string()]);
    let shared = prefix.join("lib/libtufverify.so");
    let dynamic = text("readelf", &["-d", shared.to_str().expect("UTF-8")]);
    assert!(dynamic.contains(&format!("[libtufverify.so.{}]", tufverify::TUF_ABI_VERSION)), "{dynamic}");
    // The panic hook and the threads of tasks lead into it.
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    // Installed again over itself, and refused where it makes no sense.
    run(here().join("install.sh"), [&prefix, &libraries()]);
    for wrong in [&["relative"][..], &[], &["/tmp/x", "/no/such/folder"], &["/a", "/b", "/c"]] {
        let status = Command::new(here().join("install.sh")).args(wrong).output().expect("it runs").status;
        assert_eq!(status.code(), Some(1), "{wrong:?}");
    }
}

/// The shared library exports the functions of the header, and nothing else.
#[test]
fn the_symbols_are_those_of_the_header() {
    let shared = libraries().join("libtufverify.so");
    let symbols = text("nm", &["-D", "--defined-only", "--format=posix", shared.to_str().expect("UTF-8")]);
    let exported: BTreeSet<&str> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();
    let header = std::fs::read_to_string(here().join("include/tufverify.h")).expect("the header");
    let code = header.lines().filter(|line| !line.starts_with("//") && !line.starts_with(" *"));
    let names = code.filter_map(|line| Some(line.split_once('(')?.0.rsplit([' ', '*']).next().unwrap_or_default()));
    let declared: BTreeSet<&str> = names.filter(|name| name.starts_with("tuf_")).collect();
    assert_eq!(exported, declared);
    assert!(exported.len() > 40);
}

/// Builds a C file with what pkg-config says, and runs it.
fn built(prefix: &Path, source: &Path, link: &[String]) -> std::path::PathBuf {
    let program = prefix.join("program");
    let mut cc = Command::new("cc");
    cc.args(STRICT).args(pkg_config(prefix, &["--cflags"])).arg(source).arg("-o").arg(&program).args(link);
    succeeded(&mut cc);
    program
}

/// The installer hands a file to its command only if it is what was signed.
#[test]
fn the_installer_runs_what_was_signed_and_nothing_else() {
    let folder = installed();
    let prefix = folder.path().join("first");
    let (_, tuf) = samples();
    let config = folder.path().join("config.toml");
    let sample = tuf.canonicalize().expect("the sample");
    let (metadata, targets) = (sample.join("metadata"), folder.path().join("targets"));
    std::fs::create_dir(&targets).expect("a folder");
    for entry in std::fs::read_dir(sample.join("targets")).expect("targets").filter_map(Result::ok) {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), targets.join(entry.file_name())).expect("a copy");
        }
    }
    let text = format!(
        "[server.\"tools.example/repo\"]\nformat = \"tuf1\"\nurl = \"file:{}\"\ntargets-url = \"file:{}\"\n\
         [trust.\"tools.example/repo\"]\nroot = \"{}/1.root.json\"\n",
        metadata.display(),
        targets.display(),
        metadata.display(),
    );
    std::fs::write(&config, text).expect("a configuration");
    let program = built(&prefix, &here().join("examples/installer.c"), &pkg_config(&prefix, &["--libs"]));
    let install = |path: &str, into: &str| {
        let mut command = Command::new(&program);
        command.arg(&config).args(["tools.example/repo", path]).arg(folder.path().join(into)).arg("cat");
        let output = command.env("LD_LIBRARY_PATH", prefix.join("lib")).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (status, out, err) = install("hello.txt", "a");
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "Hello from a signed file.\n", ""));
    let (status, out, err) = install("other.txt", "a");
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(err.contains("target.not-signed"), "{err}");
    for entry in std::fs::read_dir(&targets).expect("targets").filter_map(Result::ok) {
        std::fs::write(entry.path(), "Hello from another file..\n").expect("changed");
    }
    let (status, out, err) = install("hello.txt", "b");
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(err.contains("target.hash"), "{err}");
    assert!(!folder.path().join("b/hello.txt").exists());
    std::fs::remove_file(&config).expect("removed");
    let (status, out, err) = install("hello.txt", "a");
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(err.contains("the configuration file cannot be read") && err.contains("next: "), "{err}");
}

/// The quick start of README.md, exactly as it is printed, answers as the command does.
#[test]
fn the_quick_start_of_the_readme() {
    let folder = installed();
    let (prefix, here) = (folder.path().join("first"), folder.path());
    let program = quick_start("c", "README.md");
    let config = quick_start("toml", "go/README.md");
    std::fs::write(here.join("quick.c"), &program).expect("the program");
    std::fs::write(here.join("verify.toml"), as_here(&config)).expect("a configuration");
    let with = |command: &mut Command| {
        command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).env("LD_LIBRARY_PATH", prefix.join("lib"));
        command.output().expect("it runs")
    };
    let printed = with(&mut as_printed(&commands(&program, "README.md"), here));
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said(&printed), quick_start("text", "go/README.md"), "{}", String::from_utf8_lossy(&printed.stderr));

    let static_libraries = pkg_config(&prefix, &["--libs", "--static"]);
    let native: Vec<String> = static_libraries.into_iter().filter(|flag| !flag.starts_with("-ltufverify")).collect();
    let archive = prefix.join("lib/libtufverify.a").to_str().expect("UTF-8").to_owned();
    // Once with the shared library, once with the static one and the native libraries that it names.
    for link in [pkg_config(&prefix, &["--libs"]), [vec![archive], native].concat()] {
        let program = built(&prefix, &here.join("quick.c"), &link);
        for (image, status) in
            [("registry.example/library/hello:1.0", 0), ("registry.example/library/hello:9", 1), ("?", 2)]
        {
            let output = with(Command::new(&program).arg(here.join("verify.toml")).arg(image));
            assert_eq!(output.status.code(), Some(status), "{image} {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(said(&output).is_empty(), status != 0, "{output:?}");
        }
    }
}

/// The native libraries that install.sh names are those that the compiler names.
#[test]
fn static_libraries() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("all.rs");
    std::fs::write(&source, "extern crate tufverify;\n").expect("a file");
    // The library as this test run has built it: the compiler that made it reads it, and no other does.
    let rlib = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("libtufverify") && name.to_string_lossy().ends_with(".rlib")
    };
    let built = std::fs::read_dir(libraries()).expect("libraries").filter_map(Result::ok).filter(rlib);
    let newest = built.max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok()).expect("an rlib").path();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=staticlib", "--print=native-static-libs", "--extern"]);
    rustc.arg(format!("tufverify={}", newest.display())).arg("-L").arg(libraries()).arg(&source);
    let output = succeeded(rustc.arg("-o").arg(folder.path().join("all.a")).current_dir(here()));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, native) = told.split_once("native-static-libs: ").unwrap_or_else(|| panic!("{told}"));
    let native: BTreeSet<&str> = native.lines().next().unwrap_or_default().split_whitespace().collect();
    let script = std::fs::read_to_string(here().join("install.sh")).expect("install.sh");
    let (_, named) = script.split_once("native='").expect("native libraries");
    let named: BTreeSet<&str> = named.split('\'').next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(native, named);
}
