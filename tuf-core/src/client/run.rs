//! One call of the client: its servers and their connections, shared by all collections it asks.

use super::blocking::Blocking;
use super::config::{Choices, Config, Resolved};
use super::download::{self, Content, Downloaded};
use super::question::Question;
use super::source::Source;
use super::{drive, drive_async};
use crate::error::{Code, Error, Result};
use crate::store::{FileStore, LOCK_WAIT, MemoryStore, Store};
use crate::time::Time;
use crate::transport::{HttpTransport, Server, ServerSettings, WebFetcher};
use crate::trust::{Changes, Committed, FileName, Found, Job, Outcome};
use futures_util::future::{Either, select};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where a run keeps and gets its files.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Place {
    /// As the configuration says; stores lie below this folder.
    Cache(PathBuf),
    /// Nothing is kept between runs.
    Memory,
    /// Kept between runs for as long as this memory lives.
    Kept(Memory),
}

/// A store in memory for each collection, shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<PathBuf, MemoryStore>>>);

/// The store of one collection in a [`Memory`]: locked for each step, so that runs side by side meet
/// in a commit, as they do in files.
struct Shelf {
    memory: Memory,
    at: PathBuf,
}

impl Shelf {
    fn with<T>(&self, act: impl FnOnce(&mut MemoryStore) -> T) -> T {
        let mut stores = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(stores.entry(self.at.clone()).or_default())
    }
}

impl Store for Shelf {
    fn load(&mut self, file: &FileName, sha256: Option<&str>) -> Result<Option<Vec<u8>>> {
        self.with(|store| store.load(file, sha256))
    }

    fn commit(&mut self, changes: &Changes) -> Result<Committed> {
        self.with(|store| store.commit(changes))
    }
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

/// Gives a run up from another thread: it ends soon after, whatever its server does.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    told: Arc<tokio::sync::watch::Sender<bool>>,
    /// The same for who waits without listening: for a lock.
    given_up: Arc<AtomicBool>,
}

impl Cancel {
    /// Gives every run up that was begun with a clone of this.
    pub fn cancel(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.told.send_replace(true);
    }

    fn check(&self) -> Result<()> {
        if *self.told.borrow() {
            return Err(Error::new(Code::Cancelled, "T-43", "the caller gave up"));
        }
        Ok(())
    }

    /// The outcome of `work`, unless it is given up before.
    async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let mut told = self.told.subscribe();
        let given_up = async { drop(told.wait_for(|cancelled| *cancelled).await) };
        match select(pin!(given_up), pin!(work)).await {
            Either::Left(_) => self.check().and(Err(crate::trust::internal("a run was given up by nobody"))),
            Either::Right((done, _)) => Ok(done),
        }
    }
}

const TICK: Duration = Duration::from_millis(100);

/// The servers of one call: connections are shared by its collections, and everything is over by
/// one deadline.
///
/// [`verify`](super::verify) and its like are made of it; a host that wants what was found, beside
/// the documents, asks itself: [`Run::answer`], then [`Question::documents_once`].
pub struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) ask: &'a Ask,
    began: Instant,
    servers: BTreeMap<String, Arc<Server>>,
    blocking: Blocking,
}

impl<'a> Run<'a> {
    /// Nothing is asked yet, but the time runs.
    pub fn new(config: &'a Config, ask: &'a Ask) -> Self {
        Run { config, ask, began: Instant::now(), servers: BTreeMap::new(), blocking: Blocking::default() }
    }

    /// The outcome of a question, and what was noticed about its store.
    pub fn answer(&mut self, question: &Question) -> (Outcome, Vec<Error>) {
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
        self.ask.choices.cancel.as_ref().map_or(Ok(()), Cancel::check)?;
        let mut store = store_of(self.config, self.ask, resolved, self.deadline(resolved), LOCK_WAIT);
        let outcome = match resolved.at_hand() {
            Some(mut transport) => drive(job, store.as_mut(), transport.as_mut()),
            None => self.ask_server(resolved, job, store.as_mut())?,
        };
        Ok((outcome, store.notes()))
    }

    /// Whether `content` is that of a target that was found.
    ///
    /// # Errors
    /// `target.*`, `usage.file`, `cancelled`.
    pub fn verify(&mut self, found: &Found, content: &mut (dyn Read + Send)) -> Result<()> {
        let checked = found.check().and_then(|check| self.wait(download::checked(check, content))?);
        checked.map_err(|e| e.in_file(&found.path))
    }

    /// Streams a target that was found from where the configuration says that targets lie, into
    /// `folder`, under its local name; it may lie there already.
    ///
    /// # Errors
    /// `target.*`, `missing.target`, `limit.bytes`, `config.value`, `network.*`, `auth.*`, `store.*`,
    /// `cancelled`.
    pub fn download(
        &mut self,
        question: &Question,
        outcome: &Outcome,
        found: &Found,
        folder: &Path,
    ) -> Result<Downloaded> {
        let resolved = question.resolved();
        let until = self.deadline(resolved);
        let content = || {
            let from = question.to_fetch(outcome, found)?;
            let settings = match &resolved.from {
                Source::Server(settings) => (**settings).clone(),
                _ => ServerSettings::new(from.base.clone()),
            };
            let fetcher = Arc::new(WebFetcher::new(settings, &resolved.settings.name));
            Ok(Content { fetcher, from, until, told: None })
        };
        let obtained = download::obtained(found, folder.join(found.local_name()), content);
        self.wait(obtained).and_then(|obtained| obtained).map_err(|e| e.in_file(&found.path))
    }

    /// When everything about a collection must be over.
    pub(super) fn deadline(&self, resolved: &Resolved) -> Instant {
        resolved.deadline(self.began)
    }

    /// Waits for work that wants I/O.
    pub(super) fn wait<T: Send>(&mut self, work: impl Future<Output = T> + Send) -> Result<T> {
        match &self.ask.choices.cancel {
            None => self.blocking.wait(work),
            Some(cancel) => self.blocking.wait(cancel.or(work))?,
        }
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
        self.wait(work)
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

/// The store of a collection, for a run that is over by `deadline` and waits so long for another
/// process's lock.
pub(super) fn store_of(
    config: &Config,
    ask: &Ask,
    resolved: &Resolved,
    deadline: Instant,
    lock_wait: Duration,
) -> Box<dyn Store + Send> {
    match &ask.place {
        Place::Memory => Box::new(MemoryStore::default()),
        Place::Kept(memory) => Box::new(Shelf { memory: memory.clone(), at: store_folder(Path::new(""), resolved) }),
        Place::Cache(folder) => {
            let mut store = FileStore::new(store_folder(folder, resolved));
            if let Some(owner) = config.store_owner() {
                store = store.owned_by(owner);
            }
            if let Some(cancel) = &ask.choices.cancel {
                store = store.given_up_with(cancel.given_up.clone());
            }
            Box::new(store.locked_until(deadline).lock_wait(lock_wait))
        }
    }
}

/// One store per collection and format, never per URL: a server may move, memory stays.
pub(super) fn store_folder(cache: &Path, resolved: &Resolved) -> PathBuf {
    cache.join(resolved.settings.wire.format.as_str()).join(crate::trust::local_name(&resolved.settings.name))
}
