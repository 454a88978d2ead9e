//! The commands of the README, run as they are printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/pages.rs"]
mod pages;
#[path = "common/servers.rs"]
mod servers;

use common::User;
use pages::{Page, Terminal};

const WITH_SERVERS: &str = "A trust repository and a verified image of your own";

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let page = Page::read("README.md");
    let user = User::new();
    let repository = test_vectors::root().join("..").display().to_string();
    let terminal = Terminal::new(&user).name("/path/to/this/repository", repository);
    terminal.configure(&page.only("Your own images", "toml"), "");
    // The two commands at the top, and the installation, are run by CI and by hand.
    for block in page.blocks("verify-cli", "sh") {
        assert!(block.text.starts_with("cargo run") || block.text == ".ci/test\n", "{}", block.text);
        page.done(&block);
    }
    let own = page.blocks("Your own images", "sh");
    assert_eq!(own[0].text, "cargo install --locked --path verify-cli\n");
    page.done(&own[0]);
    page.run_some("Your own images", 1..own.len(), &terminal);
    // Those are run below, and by the tests of `ffi`.
    page.blocks(WITH_SERVERS, "sh").iter().for_each(|block| page.done(block));
    page.blocks("From a program of your own", "sh").iter().for_each(|block| page.done(block));
    page.is_done();
}

/// What the first command prints stands in the README.
#[test]
fn the_sample_prints_what_the_readme_shows() {
    let run = User::new().run(&["image", "verify", "--sample"]);
    let shown = Page::read("README.md").only("verify-cli", "text");
    assert_eq!(format!("{}{}", run.stderr, run.stdout), shown);
}

mod with_servers {
    use super::*;
    use servers::Servers;

    #[test]
    fn a_trust_repository_and_a_verified_image_of_your_own() {
        let page = Page::read("README.md");
        let user = User::new();
        let work = user.path("trust").display().to_string();
        let own = page.blocks(WITH_SERVERS, "sh");
        assert_eq!(own[0].text, "test-vectors/servers/start.sh /tmp/trust\n");
        let servers = Servers::start(&[&work]);
        page.done(&own[0]);
        assert_eq!(own[1].text.lines().count(), 5, "five lines");

        let terminal = Terminal::new(&user).folder(&test_vectors::root().join("..")).name("/tmp/trust", &work);
        let printed = page.run_some(WITH_SERVERS, 1..3, &terminal);
        let line = printed.lines().map(str::trim).find(|line| line.starts_with("verify-cli trust add "));
        let id = line.unwrap_or_else(|| panic!("no line to paste: {printed}")).rsplit(' ').next().expect("an id");
        // A shell of its own: with the variables that the others set.
        let terminal = terminal.name("ID", id).variable("VERIFY_CLI_CONFIG", format!("{work}/config.toml"));
        let terminal = terminal.variable("REGISTRY", servers.registry());
        let printed = page.run_some(WITH_SERVERS, 3..4, &terminal);
        let pinned = format!("{}/team/app@sha256:", servers.registry());
        assert!(printed.lines().any(|line| line.starts_with(&pinned)), "{printed}");
    }
}
