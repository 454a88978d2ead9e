//! What a terminal gets and a pipe does not; completions and man pages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use common::{User, WEB, web_pin};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

/// A user whose server takes connections and never answers, for as long as the listener lives.
fn hanging() -> (User, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let user = User::new();
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    user.configure(&format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n{}", web_pin()));
    (user, listener)
}

/// What the command prints on a terminal of its own (`script`, of util-linux, brings one).
fn on_a_terminal(user: &User, args: &[&str], environment: &[(&str, &str)]) -> String {
    let line: Vec<String> = args.iter().map(|a| format!("'{a}'")).collect();
    let line = format!("{} {}", env!("CARGO_BIN_EXE_verify-cli"), line.join(" "));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(user.path("work")).stdin(Stdio::null());
    command.env_clear().env("HOME", user.home.path()).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    let output = command.envs(environment.iter().copied()).output().expect("the program script, of util-linux");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_slow_server_is_told_on_a_terminal_and_never_in_a_pipe() {
    let (user, _listener) = hanging();
    let args = ["--time-limit", "1500ms", "image", "verify", &format!("{WEB}:1.1")];
    let shown = on_a_terminal(&user, &args, &[]);
    assert!(shown.contains("asking http://127.0.0.1") && shown.contains("network.time-limit"), "{shown:?}");
    let piped = user.run(&args);
    assert_eq!(piped.status, 3, "{}", piped.whole());
    assert!(!piped.stderr.contains("asking") && piped.stderr.contains("network.time-limit"), "{}", piped.whole());
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let user = User::of_web("05-witnessed");
    let args = ["--at", common::NOW, "image", "verify", &format!("{WEB}:1.1")];
    let coloured = |text: &str| text.contains("\u{1b}[");
    assert!(coloured(&on_a_terminal(&user, &args, &[])));
    assert!(!coloured(&on_a_terminal(&user, &args, &[("NO_COLOR", "1")])));
    assert!(!coloured(&user.run(&args).stderr));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let user = User::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = user.run(&["completions", shell]);
        assert_eq!(run.status, 0, "{}", run.whole());
        for word in ["verify-cli", "image", "--time-limit"] {
            assert!(run.stdout.contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
    }
    let bash = user.run(&["completions", "bash"]).stdout;
    let mut check = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash");
    check.stdin.take().expect("a pipe").write_all(bash.as_bytes()).expect("written");
    assert!(check.wait().expect("an end").success(), "bash does not read its completions");
    assert_eq!(user.run(&["completions", "tcsh"]).status, 2);
}

#[test]
fn there_is_a_man_page_for_every_verb() {
    let user = User::new();
    std::fs::create_dir(user.path("man")).expect("a folder");
    let folder = user.path("man").display().to_string();
    let run = user.run(&["man", &folder]);
    assert_eq!(run.status, 0, "{}", run.whole());
    for page in ["verify-cli", "verify-cli-image-verify", "verify-cli-image-save", "verify-cli-trust-fetch"] {
        let text = std::fs::read_to_string(user.path("man").join(format!("{page}.1"))).expect(page);
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let nowhere = user.run(&["man", &format!("{folder}/none")]);
    assert_eq!(nowhere.status, 2, "{}", nowhere.whole());
}

/// A save is whole or nothing, and never mixed with what lies there.
#[test]
fn a_folder_that_is_in_use_is_not_saved_into() {
    let user = User::of_web("05-witnessed");
    let folder = user.path("saved");
    let save = |to: &std::path::Path| user.run(&["--at", common::NOW, "image", "save", WEB, &to.display().to_string()]);
    let run = save(&folder);
    assert_eq!(run.status, 0, "{}", run.whole());
    assert!(folder.join("1.root.json").is_file() && folder.join("timestamp.json").is_file());
    let again = save(&folder);
    assert_eq!(again.status, 2, "{}", again.whole());
    assert!(again.stderr.contains("not empty"), "{}", again.whole());
    // What cannot be written is no archive, and nothing of it stays.
    user.write("file", "in the way");
    let blocked = save(&user.path("file/below"));
    assert_ne!(blocked.status, 0, "{}", blocked.whole());
    let left: Vec<_> =
        std::fs::read_dir(user.home.path()).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().starts_with(".saving")), "{left:?}");
    // The saved folder serves.
    let from = User::new();
    from.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", folder.display(), web_pin()));
    let verified = from.run(&["--at", common::NOW, "image", "verify", &format!("{WEB}:1.1")]);
    assert_eq!(verified.status, 0, "{}", verified.whole());
}
