//! The commands of the README, run as they are printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::User;
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(test_vectors::root().join("../README.md")).expect("the README")
}

/// The code blocks of a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let text = readme();
    let user = User::new();
    let repository = test_vectors::root().join("..");
    let toml = &blocks(&text, "toml")[0];
    user.configure(&toml.replace("/path/to/this/repository", &repository.display().to_string()));
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_verify-cli")).parent().expect("a folder").display().to_string();
    let mut ran = 0;
    for block in blocks(&text, "sh") {
        // The two commands of the first page, and the installation, are run by CI and by hand.
        let first = block.split_whitespace().next().unwrap_or_default().to_owned();
        if first == "cargo" || first == ".ci/test" {
            continue;
        }
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &block]).current_dir(user.path("work")).env_clear();
        shell.env("HOME", user.home.path()).env("PATH", format!("{bin}:/usr/bin:/bin"));
        let run = user.ended(&shell.output().expect("bash"));
        assert_eq!(run.status, 0, "{block}\n{}", run.whole());
        ran += 1;
    }
    assert_eq!(ran, 3, "blocks of commands");
}

/// What the first command prints stands in the README.
#[test]
fn the_sample_prints_what_the_readme_shows() {
    let run = User::new().run(&["image", "verify", "--sample"]);
    let shown = &blocks(&readme(), "text")[0];
    assert_eq!(format!("{}{}", run.stderr, run.stdout), *shown);
}
