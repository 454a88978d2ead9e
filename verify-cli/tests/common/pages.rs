//! Pages of documentation whose commands are run as they are printed.
//!
//! A `sh` block is run by bash, which ends at the first failure; those of one section share a shell. A
//! `text` block behind it is what a terminal shows then, but for digests, times and file names of the
//! run. Names on a page stand for those of the test's servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code, unreachable_pub)] // a module of several test programs, each of which uses a part of it

use crate::common::User;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A page, and which of its commands have been run.
pub struct Page {
    name: String,
    blocks: Vec<Block>,
    ran: RefCell<BTreeSet<usize>>,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    pub section: String,
    pub language: String,
    pub text: String,
    pub line: usize,
}

impl Page {
    /// By its path in the repository.
    pub fn read(name: &str) -> Self {
        let path = test_vectors::root().join("..").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut blocks: Vec<Block> = Vec::new();
        let (mut section, mut inside) = (String::new(), false);
        for (number, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), inside) {
                (Some(language), false) => {
                    let (language, line) = (language.to_owned(), number + 1);
                    blocks.push(Block { section: section.clone(), language, text: String::new(), line });
                    inside = true;
                }
                (Some(_), true) => inside = false,
                (None, true) => blocks.last_mut().expect("a block").text += &format!("{line}\n"),
                (None, false) if line.starts_with('#') => section = line.trim_start_matches(['#', ' ']).to_owned(),
                (None, false) => {}
            }
        }
        assert!(!inside, "{name}: a block without an end");
        Page { name: name.to_owned(), blocks, ran: RefCell::default() }
    }

    /// The blocks below a heading, in order; there are some.
    pub fn section(&self, heading: &str) -> Vec<Block> {
        let blocks: Vec<Block> = self.blocks.iter().filter(|b| b.section == heading).cloned().collect();
        assert!(!blocks.is_empty(), "{}: no blocks below `{heading}`", self.name);
        blocks
    }

    /// The blocks of a language below a heading.
    pub fn blocks(&self, heading: &str, language: &str) -> Vec<Block> {
        self.section(heading).into_iter().filter(|b| b.language == language).collect()
    }

    /// The one block of a language below a heading.
    pub fn only(&self, heading: &str, language: &str) -> String {
        let blocks = self.blocks(heading, language);
        assert_eq!(blocks.len(), 1, "{}: `{language}` below `{heading}`", self.name);
        blocks[0].text.clone()
    }

    /// Runs all commands below a heading; what they print is what the page shows. All that was printed.
    pub fn run(&self, heading: &str, terminal: &Terminal<'_>) -> String {
        self.play(&self.section(heading), terminal)
    }

    /// The same for some of the blocks: those at these places among the section's `sh` blocks.
    pub fn run_some(&self, heading: &str, places: std::ops::Range<usize>, terminal: &Terminal<'_>) -> String {
        let mut number = 0;
        let numbered = |block: Block| {
            number += usize::from(block.language == "sh");
            (number, block)
        };
        let all: Vec<(usize, Block)> = self.section(heading).into_iter().map(numbered).collect();
        let chosen = all.into_iter().filter(|(n, _)| *n > 0 && places.contains(&(n - 1)));
        self.play(&chosen.map(|(_, block)| block).collect::<Vec<_>>(), terminal)
    }

    fn play(&self, blocks: &[Block], terminal: &Terminal<'_>) -> String {
        let commands: Vec<&Block> = blocks.iter().filter(|b| b.language == "sh").collect();
        let script: String = commands.iter().map(|b| format!("{}\nprintf '\\036'\n", terminal.real(&b.text))).collect();
        let (status, printed) = terminal.bash(&script);
        let first = commands.first().map_or(0, |b| b.line);
        assert_eq!(status, 0, "{}, from line {first} on:\n{printed}", self.name);
        let outputs: Vec<&str> = printed.split('\u{1e}').collect();
        assert_eq!(outputs.len(), commands.len() + 1, "{printed}");
        let mut at = None;
        for block in blocks {
            match block.language.as_str() {
                "sh" => {
                    at = Some(at.map_or(0, |n: usize| n + 1));
                    self.ran.borrow_mut().insert(block.line);
                }
                "text" => {
                    let output = outputs[at.expect("a command before the output")];
                    let (shown, output) = (terminal.alike(&block.text), terminal.alike(output));
                    assert_eq!(output, shown, "{}, line {}", self.name, block.line);
                }
                _ => {}
            }
        }
        printed
    }

    /// A block that the test itself takes care of.
    pub fn done(&self, block: &Block) {
        self.ran.borrow_mut().insert(block.line);
    }

    /// Nothing on the page was left out.
    pub fn is_done(&self) {
        let ran = self.ran.borrow();
        let left: Vec<&Block> = self.blocks.iter().filter(|b| b.language == "sh" && !ran.contains(&b.line)).collect();
        assert!(left.is_empty(), "{}: not run: {left:#?}", self.name);
    }
}

/// Where commands are typed: a user's shell, and what names on the page stand for.
pub struct Terminal<'u> {
    pub user: &'u User,
    names: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    folder: std::path::PathBuf,
}

impl<'u> Terminal<'u> {
    pub fn new(user: &'u User) -> Self {
        let folder = user.path("work");
        let variables = ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"]
            .map(|role| (format!("NOTARY_{role}_PASSPHRASE"), "a passphrase".to_owned()));
        Terminal { user, names: Vec::new(), variables: variables.into(), folder }
    }

    /// What a name on the page stands for.
    pub fn name(mut self, page: &str, real: impl Into<String>) -> Self {
        self.names.push((page.to_owned(), real.into()));
        self
    }

    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Where commands are typed; else the user's working folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// A program of the user's.
    pub fn program(&self, name: &str, text: &str) {
        let path = self.user.write(&format!("bin/{name}"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Writes a `toml` block as the user's configuration.
    pub fn configure(&self, block: &str, more: &str) {
        self.user.configure(&(self.real(block) + more));
    }

    /// A text of the page with the test's names.
    pub fn real(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (page, real)| text.replace(page, real))
    }

    /// Runs a script, whose standard input is empty: its exit status, and what a terminal shows.
    pub fn bash(&self, script: &str) -> (i32, String) {
        self.bash_with(&["-euo", "pipefail"], script)
    }

    pub fn bash_with(&self, options: &[&str], script: &str) -> (i32, String) {
        let mut shell = self.shell();
        let output = shell.args(options).arg("-c").arg(format!("exec 2>&1\n{script}")).output().expect("bash");
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).expect("UTF-8"))
    }

    /// A bash that knows the command, the user's programs and the variables.
    pub fn shell(&self) -> Command {
        let bin = Path::new(env!("CARGO_BIN_EXE_verify-cli")).parent().expect("a folder").display();
        let own = self.user.path("bin");
        let mut shell = Command::new("bash");
        shell.current_dir(&self.folder).env_clear().stdin(Stdio::null());
        shell.env("PATH", format!("{}:{bin}:/usr/local/bin:/usr/bin:/bin", own.display()));
        shell.env("HOME", self.user.home.path()).envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell
    }

    /// Text with the page's names, and without what no two runs have in common.
    fn alike(&self, text: &str) -> String {
        let home = self.user.home.path().display().to_string();
        let mut names: Vec<&(String, String)> = self.names.iter().collect();
        // The longest first: one may be the beginning of another.
        names.sort_by_key(|(_, real)| std::cmp::Reverse(real.len()));
        let text = names.into_iter().fold(text.to_owned(), |text, (page, real)| text.replace(real, page));
        let text = text.replace(&home, "/home/you");
        let part = |c: char| c.is_ascii_alphanumeric() || ":.-".contains(c);
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let length = rest.find(|c| !part(c)).unwrap_or(rest.len()).max(c.len_utf8());
            let (word, behind) = rest.split_at(length);
            out += &if is_time(word) { "TIME".to_owned() } else { without_digests(word) };
            rest = behind;
        }
        // What ends at a blank on a page would not survive an editor.
        out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// `2026-12-09T22:24:04.27Z`
fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && word.ends_with('Z')
}

/// Runs of twelve hex digits and more are another each time.
fn without_digests(word: &str) -> String {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut out = String::new();
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let run = rest.find(|c| !hex(c)).unwrap_or(rest.len());
        let (taken, behind) = rest.split_at(run.max(c.len_utf8()));
        out += if run >= 12 { "DIGEST" } else { taken };
        rest = behind;
    }
    out
}
