//! Clients over every kind of store, and what lies in it.

use super::{GUN, NOW, Repo, Server, Shelf, at};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tuf_core::Result;
use tuf_core::client::drive;
use tuf_core::metadata::Format;
use tuf_core::store::{FileStore, MemoryStore, Store};
use tuf_core::transport::Transport;
use tuf_core::trust::{FileName, Job, Outcome, Query, Settings, Step, TagRule, Trusted, start};

/// A client whose store is a new one at every run, as that of a process is, over what the last left.
pub(crate) struct Keeper {
    pub(crate) settings: Settings,
    pub(crate) place: Place,
}

/// Where a store lies.
pub(crate) enum Place {
    Shelf(Shelf),
    Memory(MemoryStore),
    Folder(TempDir),
}

impl Keeper {
    /// A strict client by the clock, pinned to the repository's first root, at [`NOW`].
    fn new(repo: &Repo, place: Place) -> Keeper {
        Keeper { settings: Settings::new(GUN, repo.format, repo.pin(), at(NOW)), place }
    }

    /// One over a folder.
    pub(crate) fn of(repo: &Repo) -> Keeper {
        Keeper::new(repo, Place::Folder(quick_folder()))
    }

    /// One over each kind of store.
    pub(crate) fn all(repo: &Repo) -> Vec<Keeper> {
        let places = [Place::Shelf(Shelf::default()), Place::Memory(MemoryStore::default())];
        places.into_iter().map(|place| Keeper::new(repo, place)).chain([Keeper::of(repo)]).collect()
    }

    /// What kind of store it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self.place {
            Place::Shelf(_) => "shelf",
            Place::Memory(_) => "memory",
            Place::Folder(_) => "folder",
        }
    }

    /// The folder of a file store.
    pub(crate) fn folder(&self) -> PathBuf {
        match &self.place {
            Place::Folder(folder) => folder.path().join("store"),
            _ => panic!("no folder"),
        }
    }

    /// The shelf.
    pub(crate) fn shelf(&self) -> &Shelf {
        match &self.place {
            Place::Shelf(shelf) => shelf,
            _ => panic!("no shelf"),
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut dyn Store) -> T) -> T {
        match &mut self.place {
            Place::Shelf(shelf) => act(shelf),
            Place::Memory(memory) => act(memory),
            Place::Folder(folder) => act(&mut FileStore::new(folder.path().join("store"))),
        }
    }

    /// The same at this time.
    pub(crate) fn at(&mut self, time: &str) -> &mut Keeper {
        self.settings.start = at(time);
        self
    }

    /// One run with these queries.
    pub(crate) fn run(&mut self, server: &mut dyn Transport, queries: Vec<(Query, TagRule)>) -> Outcome {
        let job = start(self.settings.clone(), queries);
        self.with(|store| drive(job, store, server))
    }

    /// One run that looks for one name, through `targets/releases` first.
    pub(crate) fn look(&mut self, server: &mut dyn Transport, name: &str) -> Result<Trusted> {
        let tuf = self.settings.wire.format == Format::Tuf1;
        let rule = if tuf { TagRule::Search } else { TagRule::ReleasesFirst };
        self.run(server, vec![(Query::Name(name.to_owned()), rule)]).answers.remove(0)
    }

    /// One run that only brings the collection up to date.
    pub(crate) fn refresh(&mut self, server: &mut dyn Transport) -> Result<()> {
        self.run(server, Vec::new()).refreshed
    }

    /// The bytes of a file.
    pub(crate) fn read(&mut self, file: &FileName) -> Option<Vec<u8>> {
        self.with(|store| store.load(file, None)).expect("a sound store")
    }

    /// Lays a file there, past every rule.
    pub(crate) fn put(&mut self, file: &FileName, bytes: &[u8]) {
        match &mut self.place {
            Place::Shelf(shelf) => drop(shelf.files.insert(file.clone(), bytes.to_vec())),
            Place::Memory(memory) => {
                let mut changes = tuf_core::trust::Changes::default();
                let record = memory.load(&FileName::Record, None).expect("a record");
                changes.base = record.map(|bytes| tuf_core::crypto::hex(&tuf_core::crypto::sha256(&bytes)));
                changes.files.insert(file.clone(), Some(tuf_core::metadata::Bytes::new(bytes.to_vec())));
                memory.commit(&changes).expect("done");
            }
            Place::Folder(folder) => {
                let path = folder.path().join("store").join(file.path());
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, bytes).expect("a file");
            }
        }
    }

    /// The state record.
    pub(crate) fn record(&mut self) -> Value {
        super::unsealed(&self.read(&FileName::Record).expect("a record"))
    }

    /// The remembered version of a role.
    pub(crate) fn version(&mut self, role: &str) -> Option<u64> {
        self.record()["roles"][role]["version"].as_u64()
    }
}

/// A temporary folder, in memory where the system has one: thousands of commits sync their files.
fn quick_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Every file below a folder, by its path there.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            out.extend(tree(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            out.insert(name, fs::read(&path).unwrap_or_default());
        }
    }
    out
}

/// A run that is driven by hand, so that two can be interleaved.
pub(crate) struct ByHand {
    job: Job<Outcome>,
    store: FileStore,
    server: Server,
}

impl ByHand {
    /// A run over a folder.
    pub(crate) fn new(folder: &Path, settings: Settings, queries: Vec<(Query, TagRule)>, server: &Server) -> ByHand {
        ByHand { job: start(settings, queries), store: FileStore::new(folder), server: server.clone() }
    }

    /// Goes on, and stops before the first step of which `stop` holds, which is then outstanding.
    pub(crate) fn until(&mut self, stop: impl Fn(&Step<Outcome>) -> bool) -> Step<Outcome> {
        loop {
            let step = self.job.step();
            if stop(&step) || matches!(step, Step::Done(_)) {
                return step;
            }
            self.take(step);
        }
    }

    /// Does what a step asks for.
    pub(crate) fn take(&mut self, step: Step<Outcome>) {
        match step {
            Step::Load { file, sha256 } => self.job.loaded(self.store.load(&file, sha256.as_deref())),
            Step::Fetch(request) => {
                let answer = self.server.fetch(&request);
                self.job.answer(request.id, answer);
            }
            Step::Commit(changes) => self.job.committed(self.store.commit(&changes)),
            _ => {}
        }
    }

    /// Goes on to the end.
    pub(crate) fn end(&mut self) -> Outcome {
        match self.until(|_| false) {
            Step::Done(outcome) => outcome,
            step => panic!("no end: {step:?}"),
        }
    }
}
