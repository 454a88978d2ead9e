//! The pages of `docs/` that a user reads: their commands are run as they are printed, and print what
//! is shown.
//!
//! What needs servers is below `with_servers`, so that `--skip with_servers::` leaves it out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
#[path = "common/pages.rs"]
mod pages;
#[path = "common/servers.rs"]
mod servers;

use common::{Run, User};
use pages::{Page, Terminal};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tuf_core::Code;

const DEPLOY: &str = "docs/deploy-scripts.md";
const MANIFESTS: &str = "The images of a Kubernetes manifest";

fn manifest(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The script of the page, with the user's configuration and this standard input.
fn pin_images(terminal: &Terminal<'_>, text: &[u8]) -> Run {
    terminal.program("pin-images", &Page::read(DEPLOY).only(MANIFESTS, "python"));
    let mut shell = terminal.shell();
    let child = shell.args(["-c", "pin-images"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("bash");
    // It may end without reading to the end.
    let _ = child.stdin.take().expect("a pipe").write_all(text);
    terminal.user.ended(&child.wait_with_output().expect("an end"))
}

/// The built-in sample, as a folder.
fn sample(user: &User) {
    let folder = test_vectors::root().join("sample");
    user.configure(&format!(
        "[server.\"registry.example/library/hello\"]\nurl = \"file:{}\"\n[trust.\"registry.example/library/hello\"]\n\
         certificate-ids = [\"6b15b0d360aaa719b4389e1b7865340506cbe66a7bf6b3d89a5e07d0a56f20ed\"]\n",
        folder.display()
    ));
}

const HELLO: &str = "registry.example/library/hello:1.0";
const PINNED: &str =
    "registry.example/library/hello@sha256:6751ce60e283b4703c16e72a9728ae8a9b19aec880392233b1a1bf8c1e6452d8";

/// Every way to write an image field that a YAML reader knows is either read or refused: a manifest
/// that holds one beside a good image comes out pinned, or not at all.
#[test]
fn the_script_reads_a_field_or_refuses_it() {
    let user = User::new();
    sample(&user);
    let terminal = Terminal::new(&user);
    for line in [
        "  image: HELLO",
        "  - image: HELLO",
        "  - - image: HELLO",
        "  -   image: HELLO",
        "  image: 'HELLO'",
        "  - image: \"HELLO\"",
        "  \"image\": HELLO",
        "  'image': \"HELLO\"   # why",
        "  image:   HELLO   ",
        "  image: HELLO\r",
    ] {
        let run = pin_images(
            &terminal,
            format!("a: b\n{line}\n# image: c\nimagePullPolicy: d\n").replace("HELLO", HELLO).as_bytes(),
        );
        let expected = format!("a: b\n{line}\n# image: c\nimagePullPolicy: d\n").replace("HELLO", PINNED);
        assert_eq!((run.status, run.stdout.as_str()), (0, expected.as_str()), "{line}: {}", run.stderr);
    }
    for line in [
        "{image: HELLO}",
        "- {name: x, image: \"HELLO\"}",
        "{\"image\":\"HELLO\"}",
        "  \"image\": \"HELLO\",",
        "{\"name\": \"x\", \"im\\x61ge\": \"HELLO\"}",
        "image:",
        "image:\n  HELLO",
        "image: >-\n  HELLO",
        "image: |\n  HELLO",
        "image: *x",
        "image: &x HELLO",
        "image: !!str HELLO",
        "!!str image: HELLO",
        "&x image: HELLO",
        "*x : HELLO",
        "*x: HELLO",
        "? image\n: HELLO",
        "- ? image\n  : HELLO",
        "\"im\\x61ge\": HELLO",
        "\"im\\u0061ge\": HELLO",
        "image : HELLO",
        "image:\tHELLO",
        "image: \"HELLO",
        "image: HELLO x",
        "image: HELLO, # x",
        "image: {reference: HELLO}",
        "image: {{ .Values.image }}",
        "image: \"\"",
        "image: ~",
        "name: x # image: HELLO",
        "x: y\u{85}{image: HELLO}",
        "x: y\u{2028}{image: HELLO}",
    ] {
        let text = format!("image: HELLO\n{line}\n").replace("HELLO", HELLO);
        let run = pin_images(&terminal, text.as_bytes());
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("line ") && run.stderr.contains("not understood"), "{line}: {}", run.stderr);
    }
    // What a renderer that failed leaves, UTF-16, and what is not UTF-8 at all.
    let utf16: Vec<u8> = format!("image: {HELLO}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in [b"".as_slice(), b"kind: Service\n", &utf16, b"image: a\n\xff\n"] {
        let run = pin_images(&terminal, text);
        assert!(run.status != 0 && run.stdout.is_empty(), "{}", run.whole());
    }
}

/// All or nothing: whatever is wrong with one image, nothing is written.
#[test]
fn the_script_writes_nothing_unless_all_are_trusted() {
    let user = User::new();
    sample(&user);
    let terminal = Terminal::new(&user);
    for (other, status) in [
        ("registry.example/library/hello:9.9", 1),
        ("registry.example/library/hello@sha256:0000000000000000000000000000000000000000000000000000000000000000", 1),
        ("elsewhere.example/app:1", 2),
        ("registry.example/UPPER:1", 2),
        ("a:b:c", 2),
    ] {
        for text in [format!("image: {HELLO}\nimage: {other}\n"), format!("image: {other}\n---\nimage: {HELLO}\n")] {
            let run = pin_images(&terminal, text.as_bytes());
            assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{other}: {}", run.stderr);
        }
    }
    let (name, digest) = PINNED.split_once('@').expect("a digest");
    for text in [PINNED.to_owned(), format!("{name}:1.0@{digest}")] {
        let run = pin_images(&terminal, format!("- image: '{text}'\n- image: {HELLO}\n").as_bytes());
        let expected = format!("- image: '{PINNED}'\n- image: {PINNED}\n");
        assert_eq!((run.status, run.stdout), (0, expected), "{}", run.stderr);
    }
}

/// Each code of the network has its row on the page, and no other that is not one.
#[test]
fn every_code_of_the_network_is_explained() {
    let text = fs::read_to_string(test_vectors::root().join("../docs/servers.md")).expect("the page");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let explained: BTreeSet<&str> =
        rows.flat_map(|cell| cell.split(['`', ',', ' '])).filter(|c| c.contains('.')).collect();
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        if code.starts_with("network.") || code.starts_with("auth.") {
            assert!(explained.contains(code), "no row for {code}");
        }
    }
    for code in explained {
        assert!(Code::ALL.iter().any(|c| c.as_str() == code), "{code} is no code");
    }
}

/// Links between the pages lead somewhere.
#[test]
fn the_pages_lead_to_each_other() {
    let root = test_vectors::root().join("..");
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        DEPLOY,
        "docs/servers.md",
        "docs/air-gapped.md",
        "docs/moving-on.md",
        "docs/first-use-tuf.md",
    ] {
        let text = fs::read_to_string(root.join(page)).expect("a page");
        let folder = root.join(page).parent().expect("a folder").to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            assert!(link.starts_with("https://") || folder.join(file).exists(), "{page}: {link}");
        }
    }
}

#[path = "pages"]
mod with_servers {
    mod air_gapped;
    mod deploy;
    mod first_use_tuf;
    mod moving_on;
    mod servers;
}
