//! An in-memory repository that can serve every attack by name, and what drives a client at it.
//!
//! [`Repo`] holds keys, roots and files as JSON; a test changes what it likes and calls
//! [`Repo::publish`], which fills in lengths and hashes, signs, and gives a [`Server`]: a
//! transport that records what it is asked for. Attacks come in at four places:
//!
//! | to bend | use |
//! | --- | --- |
//! | what is signed | [`Repo::signed`] before, [`File::bend`] just before signing (`meta` is there then) |
//! | signatures | [`File::signers`], [`File::seal`] (edits the whole file after signing) |
//! | what a parent says of a file | [`File::listed`] (edits the entry), [`File::unlisted`] |
//! | what the server says | [`Server::lose`], [`Server::fail`], [`Server::put`] |
//!
//! Files are signed with ed25519 keys made from their names, so that the same repository gives the
//! same bytes again; Notary's root keys are P-256 certificates, and each root is signed only once.

#![allow(dead_code, unused_imports)] // each test file uses a part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod folders;
mod keys;
mod places;
pub(crate) mod releases;
mod repo;

pub(crate) use folders::Folders;
pub(crate) use keys::{Ca, Cert, Key};
pub(crate) use places::{ByHand, Keeper, Place, tree};
pub(crate) use repo::{Edit, File, Keys, Repo, encoded, root_key_ids};

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tuf_core::client::drive;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::Format;
use tuf_core::store::Store;
use tuf_core::time::Time;
use tuf_core::transport::Transport;
use tuf_core::trust::{
    Changes, Committed, Fetched, FileName, Mode, Outcome, Pin, Query, Request, Settings, TagRule, Trusted, start,
};
use tuf_core::{Code, Error, Result};

/// The time of a run, unless a test says otherwise.
pub(crate) const NOW: &str = "2030-01-01T00:00:00Z";
/// When everything expires, unless a test says otherwise.
pub(crate) const LATER: &str = "2049-01-01T00:00:00Z";
/// The collection's name.
pub(crate) const GUN: &str = "registry.test/team/app";

/// A time.
pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

/// A transport that serves a published state and records every request, in order.
#[derive(Clone, Default)]
pub(crate) struct Server {
    /// By the path a client has to ask for.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    special: BTreeMap<String, Option<Code>>,
    log: Vec<String>,
    down: bool,
}

/// A path with its checksum written as `#`.
fn shown(path: &str) -> String {
    let parts = path.split('.').map(|part| if part.len() == 64 { "#" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

impl Server {
    /// What was asked for since the last time: paths in order, checksums written as `#`.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Answers "not found" for a path (checksums written as `#`).
    pub(crate) fn lose(&mut self, path: &str) {
        self.special.insert(path.to_owned(), None);
    }

    /// Gives no answer for a path.
    pub(crate) fn fail(&mut self, path: &str, code: Code) {
        self.special.insert(path.to_owned(), Some(code));
    }

    /// Gives no answer at all any more.
    pub(crate) fn down(mut self) -> Server {
        self.down = true;
        self
    }

    /// Serves these bytes, whatever was published there (checksums written as `#`).
    pub(crate) fn put(&mut self, path: &str, bytes: Vec<u8>) {
        let held = self.files.iter_mut().find(|(held, _)| shown(held) == path);
        *held.expect("a file under this path").1 = bytes;
    }

    /// What is served under a path (checksums written as `#`).
    pub(crate) fn get(&self, path: &str) -> &[u8] {
        self.files.iter().find(|(held, _)| shown(held) == path).expect("a file under this path").1
    }
}

impl Transport for Server {
    fn fetch(&mut self, request: &Request) -> Fetched {
        let shown = shown(&request.path);
        self.log.push(shown.clone());
        let special = if self.down { Some(Some(Code::NetworkUnreachable)) } else { self.special.get(&shown).copied() };
        match special {
            Some(None) => Fetched::NotFound("not there".into()),
            Some(Some(code)) => Fetched::Failed(Error::new(code, "test", "no answer")),
            None => match self.files.get(&request.path) {
                None => Fetched::NotFound("not there".into()),
                Some(bytes) => {
                    let most = usize::try_from(request.max_bytes).unwrap_or(usize::MAX).saturating_add(1);
                    Fetched::Bytes(bytes[..bytes.len().min(most)].to_vec())
                }
            },
        }
    }
}

/// A store that a test can look into.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    /// What lies there.
    pub(crate) files: BTreeMap<FileName, Vec<u8>>,
    /// What was loaded, in order.
    pub(crate) loads: Vec<FileName>,
    /// The files of each commit.
    pub(crate) commits: Vec<Vec<FileName>>,
    /// Commits fail with this code.
    pub(crate) broken: Option<Code>,
}

/// What stands in a record: a line of JSON, and one with its SHA-256.
pub(crate) fn unsealed(bytes: &[u8]) -> Value {
    let line = bytes.split(|byte| *byte == b'\n').next().expect("a line");
    serde_json::from_slice(line).expect("JSON")
}

/// A line as it is stored.
pub(crate) fn sealed(line: &str) -> Vec<u8> {
    let line = format!("{line}\n");
    format!("{line}{}\n", hex(&sha256(line.as_bytes()))).into_bytes()
}

impl Shelf {
    /// The state record.
    pub(crate) fn record(&self) -> Value {
        unsealed(&self.files[&FileName::Record])
    }

    /// Replaces a file and its hash in the record, as somebody would who may write there.
    pub(crate) fn forge(&mut self, file: &FileName, bytes: Vec<u8>) {
        let mut record = self.record();
        record["files"][file.path()] = json!(hex(&sha256(&bytes)));
        self.files.insert(FileName::Record, sealed(&record.to_string()));
        self.files.insert(file.clone(), bytes);
    }
}

impl Store for Shelf {
    fn load(&mut self, file: &FileName, _: Option<&str>) -> Result<Option<Vec<u8>>> {
        self.loads.push(file.clone());
        Ok(self.files.get(file).cloned())
    }

    fn commit(&mut self, changes: &Changes) -> Result<Committed> {
        let checked = changes.checked.iter().map(|_| FileName::Checked);
        self.commits.push(changes.files.keys().cloned().chain(checked).collect());
        if let Some(code) = self.broken {
            return Err(Error::new(code, "test", "the store is broken"));
        }
        for (file, bytes) in &changes.files {
            match bytes {
                Some(bytes) => self.files.insert(file.clone(), bytes.to_vec()),
                None => self.files.remove(file),
            };
        }
        if let Some(checked) = &changes.checked {
            self.files.insert(FileName::Checked, checked.to_vec());
        }
        Ok(Committed::Done)
    }
}

/// A client with a store of its own, and the settings of its next run.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    pub(crate) store: Shelf,
}

impl Client {
    /// A strict client pinned to the repository's first root, at [`NOW`].
    pub(crate) fn of(repo: &Repo) -> Client {
        let mut settings = Settings::new(GUN, repo.format, repo.pin(), at(NOW));
        settings.injected = true;
        Client { settings, store: Shelf::default() }
    }

    /// The same in this mode.
    pub(crate) fn mode(mut self, mode: Mode) -> Client {
        self.settings = self.settings.mode(mode);
        self
    }

    /// The same at this time.
    pub(crate) fn at(mut self, time: &str) -> Client {
        self.settings.start = at(time);
        self
    }

    /// The same with this pin.
    pub(crate) fn pin(mut self, pin: Pin) -> Client {
        self.settings.pin = pin;
        self
    }

    /// One run with these queries.
    pub(crate) fn run(&mut self, server: &mut Server, queries: Vec<(Query, TagRule)>) -> Outcome {
        drive(start(self.settings.clone(), queries), &mut self.store, server)
    }

    /// One run that looks for one name.
    pub(crate) fn look(&mut self, server: &mut Server, name: &str, rule: TagRule) -> Result<Trusted> {
        let rule = if self.settings.wire.format == Format::Tuf1 { TagRule::Search } else { rule };
        self.run(server, vec![(Query::Name(name.to_owned()), rule)]).answers.remove(0)
    }

    /// One run that only brings the collection up to date.
    pub(crate) fn refresh(&mut self, server: &mut Server) -> Result<()> {
        self.run(server, Vec::new()).refreshed
    }
}

/// The code of a failure.
pub(crate) fn code<T>(result: &Result<T>) -> Option<Code> {
    result.as_ref().err().map(Error::code)
}

/// Digest (of content) and role of each answer found, by path.
pub(crate) fn found(answer: &Result<Trusted>) -> Vec<(String, String)> {
    let found = answer.as_ref().map(|trusted| trusted.found.as_slice()).unwrap_or_default();
    found.iter().map(|f| (hex(&f.target.hashes().sha256.expect("a digest")), f.role.clone())).collect()
}

/// What [`found`] says of a target that was made of this content.
pub(crate) fn of(content: &str, role: &str) -> Vec<(String, String)> {
    vec![(hex(&sha256(content.as_bytes())), role.to_owned())]
}

/// The codes of all warnings of a run.
pub(crate) fn warned(outcome: &Outcome) -> BTreeSet<Code> {
    let of_set = outcome.set.iter().flat_map(|set| set.warnings());
    let of_answers = outcome.answers.iter().flatten().flat_map(|trusted| &trusted.warnings);
    of_set.chain(of_answers).map(Error::code).collect()
}
