//! A user with a home folder of their own, who runs the command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code, unreachable_pub)] // a module of several test programs, each of which uses a part of it

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The command, with a home and a working folder in a temporary folder.
pub struct User {
    pub home: TempDir,
}

/// How a run ended.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

pub const WEB: &str = "registry.test:5000/library/web";
/// Inside the life of every captured timestamp.
pub const NOW: &str = "2026-11-24T00:00:00Z";

impl User {
    pub fn new() -> Self {
        let user = User { home: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(user.path("work")).expect("a folder");
        user
    }

    /// A user whose configuration serves WEB from a captured stage, with its pin.
    pub fn of_web(stage: &str) -> Self {
        let user = User::new();
        let folder = vectors("captured/basic/stages").join(stage);
        user.configure(&format!("[server.\"{WEB}\"]\nurl = \"file:{}\"\n{}", folder.display(), web_pin()));
        user
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    pub fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    pub fn configure(&self, text: &str) {
        self.write(".config/verify-cli/config.toml", text);
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify-cli"));
        command.args(args).current_dir(self.path("work")).env_clear().env("HOME", self.home.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, "")
    }

    pub fn run_with(&self, args: &[&str], stdin: &str) -> Run {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command");
        // The command may end without reading.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        self.ended(&child.wait_with_output().expect("the command"))
    }

    pub fn ended(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
            let text = text.replace(&self.home.path().display().to_string(), "[HOME]");
            text.replace(&test_vectors::root().display().to_string(), "[VECTORS]")
        };
        Run { status: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Run {
    /// Everything, for a snapshot.
    pub fn whole(&self) -> String {
        format!("exit status: {}\n---- stdout\n{}---- stderr\n{}", self.status, self.stdout, self.stderr)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {}", self.whole()))
    }

    pub fn code(&self) -> String {
        self.json()["reason"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn vectors(below: &str) -> PathBuf {
    test_vectors::root().join("notary").join(below)
}

pub fn web_pin() -> String {
    format!(
        "[trust.\"{WEB}\"]\ncertificate-ids = [\"7e7c2d6050b4931d2c4144419b77732916ae8bbfd6310c0a72ad6515abf846a2\"]\n"
    )
}

/// Whether a process has a file of this name open.
pub fn has_open(child: &Child, name: &str) -> bool {
    let files = std::fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|path| path.ends_with(name))
}

/// The digest that a stage's targets sign for a tag.
pub fn digest(stage: &Path, tag: &str) -> String {
    let text = std::fs::read(stage.join("targets.json")).expect("targets");
    let targets: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let base64 = targets["signed"]["targets"][tag]["hashes"]["sha256"].as_str().expect("a hash");
    let bytes = tuf_core::wire::Wire::strict(tuf_core::metadata::Format::Notary1).targets("targets", text.clone());
    let target = bytes.expect("targets").claims().target(tag).expect("sound").expect(base64).clone();
    format!("sha256:{}", tuf_core::crypto::hex(&target.hashes().sha256.expect("sha256")))
}
