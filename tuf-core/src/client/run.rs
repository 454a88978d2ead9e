//! One call of the client: its servers and their connections, shared by all collections it asks.

use super::blocking::Blocking;
use super::config::{Choices, Config, Resolved};
use super::question::Question;
use super::source::Source;
use super::{drive, drive_async};
use crate::error::{Error, Result};
use crate::store::{FileStore, MemoryStore, Store};
use crate::time::Time;
use crate::transport::{FolderTransport, HttpTransport, MemoryTransport, Server, Transport};
use crate::trust::{Job, Outcome};
use futures_util::future::{Either, select};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a run keeps and gets its files.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Place {
    /// As the configuration says; stores lie below this folder.
    Cache(PathBuf),
    /// Nothing is kept between runs.
    Memory,
}

/// What a user asks, beside the references.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The one time of the run.
    pub now: Time,
    /// Whether that is not the clock's.
    pub injected: bool,
    /// What the user chose.
    pub choices: Choices,
    /// The trust collection, where it is not the reference's name.
    pub gun: Option<String>,
    /// Where stores lie.
    pub place: Place,
}

/// Called while a server is waited for.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&Waiting<'_>) + Send + Sync>);

/// What is waited for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Waiting<'a> {
    /// The collection.
    pub collection: &'a str,
    /// Its server's URL, as configured.
    pub source: &'a str,
    /// How long it has been asked.
    pub since: Duration,
}

impl Progress {
    /// Calls `told` in the calling thread, ten times a second, while a server is waited for.
    pub fn new(told: impl Fn(&Waiting<'_>) + Send + Sync + 'static) -> Self {
        Progress(Arc::new(told))
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

const TICK: Duration = Duration::from_millis(100);

/// The servers of one call: connections are shared by its collections, and everything is over by
/// one deadline.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) ask: &'a Ask,
    began: Instant,
    servers: BTreeMap<String, Arc<Server>>,
    blocking: Blocking,
}

impl<'a> Run<'a> {
    pub(super) fn new(config: &'a Config, ask: &'a Ask) -> Self {
        Run { config, ask, began: Instant::now(), servers: BTreeMap::new(), blocking: Blocking::default() }
    }

    /// The outcome of a question, and what was noticed about its store.
    pub(super) fn answer(&mut self, question: &Question) -> (Outcome, Vec<Error>) {
        match self.job(question.resolved(), question.start()) {
            Ok(answered) => answered,
            Err(e) => (Outcome::failed(e, question.queries()), Vec::new()),
        }
    }

    /// Drives a job of one collection to its end; and what was noticed about its store.
    ///
    /// # Errors
    /// Where no run can begin at all: `config.value`, `internal`.
    pub(super) fn job<T: Send>(&mut self, resolved: &Resolved, job: Job<T>) -> Result<(T, Vec<Error>)> {
        let mut store: Box<dyn Store + Send> = match &self.ask.place {
            Place::Memory => Box::new(MemoryStore::default()),
            Place::Cache(folder) => Box::new(self.file_store(store_folder(folder, resolved), resolved)),
        };
        let name = &resolved.settings.name;
        let mut transport: Box<dyn Transport> = match &resolved.from {
            Source::Server(_) if !resolved.settings.offline => {
                let outcome = self.ask_server(resolved, job, store.as_mut())?;
                return Ok((outcome, store.notes()));
            }
            Source::Folder(folder) => Box::new(FolderTransport::new(folder)),
            Source::Folders(base) => Box::new(FolderTransport::below(base, name)),
            Source::Memory(files) => Box::new(MemoryTransport::new(files.clone())),
            // T-51: offline no code path opens a socket.
            Source::Server(_) => Box::new(MemoryTransport::default()),
        };
        let outcome = drive(job, store.as_mut(), transport.as_mut());
        Ok((outcome, store.notes()))
    }

    pub(super) fn file_store(&self, folder: PathBuf, resolved: &Resolved) -> FileStore {
        let mut store = FileStore::new(folder);
        if let Some(owner) = self.config.store_owner() {
            store = store.owned_by(owner);
        }
        store.locked_until(self.deadline(resolved))
    }

    /// When everything about a collection must be over.
    pub(super) fn deadline(&self, resolved: &Resolved) -> Instant {
        // What cannot be added is beyond any run: a day is too.
        let end = |total| self.began.checked_add(total);
        end(resolved.times.total).or_else(|| end(Duration::from_secs(86_400))).unwrap_or(self.began)
    }

    /// Waits for work that wants I/O.
    pub(super) fn wait<T: Send>(&mut self, work: impl Future<Output = T> + Send) -> Result<T> {
        self.blocking.wait(work)
    }

    fn ask_server<T: Send>(&mut self, resolved: &Resolved, job: Job<T>, store: &mut (dyn Store + Send)) -> Result<T> {
        let Source::Server(settings) = &resolved.from else {
            return Err(crate::trust::internal("a source that is no server"));
        };
        let deadline = self.deadline(resolved);
        let new = || Arc::new(Server::new((**settings).clone(), deadline));
        let server = self.servers.entry(resolved.server.clone()).or_insert_with(new).clone();
        let name = &resolved.settings.name;
        let transport = HttpTransport::new(server, name, resolved.settings.wire.format)?;
        let work =
            watched(drive_async(job, store, &transport), self.ask.choices.progress.as_ref(), name, &resolved.source);
        self.blocking.wait(work)
    }
}

/// The work, with a call of `progress` at each tick until it is done.
async fn watched<T>(work: impl Future<Output = T>, progress: Option<&Progress>, collection: &str, source: &str) -> T {
    let Some(Progress(told)) = progress else { return work.await };
    let began = Instant::now();
    let mut work = pin!(work);
    loop {
        match select(work.as_mut(), pin!(tokio::time::sleep(TICK))).await {
            Either::Left((done, _)) => return done,
            Either::Right(_) => told(&Waiting { collection, source, since: began.elapsed() }),
        }
    }
}

/// One store per collection and format, never per URL: a server may move, memory stays.
pub(super) fn store_folder(cache: &std::path::Path, resolved: &Resolved) -> PathBuf {
    cache.join(resolved.settings.wire.format.as_str()).join(crate::trust::local_name(&resolved.settings.name))
}
