//! The header is what cbindgen makes of the sources, and compiles without a warning.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests

use std::path::Path;
use std::process::Command;

/// The header that is checked in is the one that the sources make. UPDATE_HEADER=1 writes it.
#[test]
fn the_header_is_fresh() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new().with_config(config).with_src(here.join("src/lib.rs")).generate();
    let mut made = Vec::new();
    bindings.expect("a header").write(&mut made);
    let made = String::from_utf8(made).expect("UTF-8");
    let file = here.join("include/tufverify.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&file, &made).expect("the header is written");
    }
    let there = std::fs::read_to_string(&file).expect("include/tufverify.h");
    assert!(there == made, "include/tufverify.h is not what the sources make: run this test with UPDATE_HEADER=1");
}

/// The header alone compiles as C99, C11 and C++ with all warnings.
#[test]
fn the_header_compiles_without_a_warning() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("header.c");
    std::fs::write(&source, "#include \"tufverify.h\"\n#include \"tufverify.h\"\n").expect("a file");
    for (compiler, language, standard) in
        [("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++11"), ("c++", "c++", "c++20")]
    {
        let mut command = Command::new(compiler);
        command.args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        command.args(["-x", language, &format!("-std={standard}"), "-I"]);
        let output = command.arg(here.join("include")).arg(&source).output().expect("a compiler");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
