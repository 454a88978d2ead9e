//! A client for one TUF 1.0 repository: refresh, look up, download, verify.
//!
//! [`Client`] blocks, [`AsyncClient`] does not; they are made by one [`Builder`], and all that
//! decides anything is the same code.
//!
//! ```no_run
//! use tuf_core::client::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::builder(std::fs::read("root.json")?)
//!     .metadata_url("https://example.com/metadata/")?
//!     .targets_url("https://example.com/targets/")?
//!     .store_in("/var/lib/my-app/tuf")
//!     .build()?;
//! client.refresh()?;
//! let target = client.target("my-app/1.2.tar.gz")?;
//! let file = client.download(&target, "downloads")?;
//! # drop(file);
//! # Ok(())
//! # }
//! ```

use super::blocking::Blocking;
use super::download::{self, Content, Downloaded, ToFetch, folder_is_there};
use super::drive_async;
use crate::error::{Code, Error, Result, shown};
use crate::limits::Limits;
use crate::metadata::Format;
use crate::store::{FileStore, MemoryStore, Store};
use crate::time::Time;
use crate::transport::{AsyncTransport, Fetcher, Offered, ServerSettings, Times, WebFetcher, as_base, at_most, below};
use crate::trust::{
    Ages, Event, Fetched, Found, Lookup, Outcome, Pin, Query, Request, Settings, TagRule, TargetCheck, TrustedSet,
    go_on, has_expired, not_signed, start, without_stand_in,
};
use crate::wire::KeyIds;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use url::Url;

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Time;

    /// Whether this is not the machine's clock: then nothing it says is remembered as its time (T-1).
    fn injected(&self) -> bool {
        true
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::of_clock()
    }

    fn injected(&self) -> bool {
        false
    }
}

/// Called while a target is downloaded.
pub(super) type OnBytes = dyn Fn(&TargetInfo, u64) + Send + Sync;

/// How a client is made.
pub struct Builder {
    root: Vec<u8>,
    name: String,
    metadata: Option<Url>,
    targets: Option<Url>,
    hash_prefix: bool,
    store: Box<dyn Store + Send + Sync>,
    fetcher: Option<Arc<dyn Fetcher>>,
    server: Option<ServerSettings>,
    user_agent: Option<String>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    ages: Ages,
    times: Times,
    key_ids: KeyIds,
    forbidden_is_missing: bool,
    on_bytes: Option<Arc<OnBytes>>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("metadata", &self.metadata)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// A client that begins to trust at `root`, the bytes of a root file that came with the program.
    pub fn new(root: impl Into<Vec<u8>>) -> Self {
        Builder {
            root: root.into(),
            name: String::new(),
            metadata: None,
            targets: None,
            hash_prefix: true,
            store: Box::new(MemoryStore::default()),
            fetcher: None,
            server: None,
            user_agent: None,
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            ages: Ages::default(),
            times: Times::default(),
            key_ids: KeyIds::default(),
            forbidden_is_missing: true,
            on_bytes: None,
        }
    }

    /// What the repository is called, and its store's record: a store of one name is not taken for
    /// another's. Without it the metadata URL is the name, so that a move would be another repository.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Where metadata lie: `https:`, `file:`, or whatever the own fetcher takes.
    ///
    /// # Errors
    /// `config.value` if it is no URL that others can be joined to.
    pub fn metadata_url(mut self, url: &str) -> Result<Self> {
        self.metadata = Some(base(url)?);
        Ok(self)
    }

    /// Where targets lie.
    ///
    /// # Errors
    /// Those of [`Builder::metadata_url`].
    pub fn targets_url(mut self, url: &str) -> Result<Self> {
        self.targets = Some(base(url)?);
        Ok(self)
    }

    /// Whether a target's file name begins with its hash where consistent snapshots are on
    /// (default; TUF 5.7.3).
    #[must_use]
    pub fn hash_prefix(mut self, on: bool) -> Self {
        self.hash_prefix = on;
        self
    }

    /// Keeps what was accepted in a folder: without it there is no protection from rollback
    /// between processes.
    #[must_use]
    pub fn store_in(self, folder: impl Into<PathBuf>) -> Self {
        self.store(FileStore::new(folder))
    }

    /// Keeps what was accepted in a store of your own.
    #[must_use]
    pub fn store(mut self, store: impl Store + Send + Sync + 'static) -> Self {
        self.store = Box::new(store);
        self
    }

    /// Fetches in a way of your own.
    #[must_use]
    pub fn fetcher(mut self, fetcher: impl Fetcher + 'static) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// How the server is reached, without an own fetcher: authorities, credentials, proxy.
    #[must_use]
    pub fn server(mut self, settings: ServerSettings) -> Self {
        self.server = Some(settings);
        self
    }

    /// Who asks.
    #[must_use]
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        self.user_agent = Some(user_agent.to_owned());
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Ceilings (T-28).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Freshness and ages (T-3, T-4, T-53).
    #[must_use]
    pub fn ages(mut self, ages: Ages) -> Self {
        self.ages = ages;
        self
    }

    /// How long things may take: `total` is that of each call (T-43).
    #[must_use]
    pub fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    /// What a key id is (T-32).
    #[must_use]
    pub fn key_ids(mut self, key_ids: KeyIds) -> Self {
        self.key_ids = key_ids;
        self
    }

    /// Whether a denied request (403) for the next root ends the chain of roots, with a warning
    /// (default: object stores answer so), or is an error (T-8).
    #[must_use]
    pub fn forbidden_is_missing(mut self, on: bool) -> Self {
        self.forbidden_is_missing = on;
        self
    }

    /// Called with the bytes of a download that have been checked so far.
    #[must_use]
    pub fn on_bytes(mut self, told: impl Fn(&TargetInfo, u64) + Send + Sync + 'static) -> Self {
        self.on_bytes = Some(Arc::new(told));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// `config.value` without a metadata URL. Nothing is read or asked yet.
    pub fn build_async(self) -> Result<AsyncClient> {
        let metadata = self.metadata.ok_or_else(|| {
            Error::new(Code::ConfigValue, "TUF 5.2", "a client needs to know where its metadata lie: metadata_url")
        })?;
        let name = if self.name.is_empty() { metadata.to_string() } else { self.name };
        let fetcher = self.fetcher.unwrap_or_else(|| {
            let mut server = self.server.unwrap_or_else(|| ServerSettings::new(metadata.clone()));
            server.times = self.times.clone();
            if let Some(user_agent) = self.user_agent {
                server.user_agent = user_agent;
            }
            Arc::new(WebFetcher::new(server, &name))
        });
        let mut settings = Settings::new(&name, Format::Tuf1, Pin::Root(self.root), self.clock.now());
        settings.injected = self.clock.injected();
        settings.wire.key_ids = self.key_ids;
        settings.forbidden_is_missing = self.forbidden_is_missing;
        settings.limits = self.limits;
        settings.ages = self.ages;
        Ok(AsyncClient {
            settings,
            metadata,
            targets: self.targets,
            hash_prefix: self.hash_prefix,
            store: self.store,
            fetcher,
            clock: self.clock,
            times: self.times,
            on_bytes: self.on_bytes,
            set: None,
            report: Vec::new(),
        })
    }

    /// A client that blocks the calling thread.
    ///
    /// # Errors
    /// Those of [`Builder::build_async`].
    pub fn build(self) -> Result<Client> {
        Ok(Client { client: self.build_async()?, blocking: Blocking::default() })
    }
}

/// A URL that files are joined to: it ends at a `/`.
fn base(text: &str) -> Result<Url> {
    let refuse = |why: &str| Error::new(Code::ConfigValue, "T-42", format!("`{}`: {why}", shown(text)));
    let url = Url::parse(text).map_err(|e| refuse(&e.to_string()))?;
    if url.cannot_be_a_base() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("no URL that a file's name can be joined to"));
    }
    Ok(as_base(url))
}

/// A target that trusted metadata list.
#[derive(Clone, Debug)]
pub struct TargetInfo {
    found: Found,
    url: Option<Url>,
}

impl TargetInfo {
    /// Its path.
    pub fn path(&self) -> &str {
        &self.found.path
    }

    /// The role that lists it.
    pub fn role(&self) -> &str {
        &self.found.role
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.found.target.length().unwrap_or(0)
    }

    /// Its known hashes, in hex by algorithm.
    pub fn hashes(&self) -> Vec<(&'static str, String)> {
        self.found.target.hashes().to_hex()
    }

    /// Its custom data, as received.
    pub fn custom(&self) -> Option<&str> {
        self.found.target.custom()
    }

    /// Where it can be fetched, by any downloader; [`TargetInfo::check`] verifies what that brings.
    pub fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// The name that it is stored under in one folder (T-42).
    pub fn local_name(&self) -> String {
        self.found.local_name()
    }

    /// The path below a folder with the target's own folders, each segment encoded (T-42).
    pub fn local_path(&self) -> PathBuf {
        self.path().split('/').map(crate::trust::local_name).collect()
    }

    /// A check of its content.
    ///
    /// # Errors
    /// `target.no-digest`.
    pub fn check(&self) -> Result<TargetCheck> {
        self.found.check()
    }

    /// What was found, as the verdict shows it.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// A client for one repository, for async programs: its futures want a tokio runtime, unless the
/// own fetcher does not.
pub struct AsyncClient {
    settings: Settings,
    metadata: Url,
    targets: Option<Url>,
    hash_prefix: bool,
    store: Box<dyn Store + Send + Sync>,
    fetcher: Arc<dyn Fetcher>,
    clock: Arc<dyn Clock>,
    times: Times,
    on_bytes: Option<Arc<OnBytes>>,
    set: Option<TrustedSet>,
    report: Vec<Event>,
}

impl std::fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncClient").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

impl AsyncClient {
    fn until(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.times.total).unwrap_or(now)
    }

    /// A run at this time: one that goes on with `set`, or one that brings all up to date first.
    async fn run(&mut self, now: Time, set: Option<TrustedSet>, queries: Vec<(Query, TagRule)>) -> Outcome {
        let settings = Settings { start: now, ..self.settings.clone() };
        let job = match set {
            Some(set) => go_on(set, settings, queries),
            None => start(settings, queries),
        };
        let transport = MetadataFiles { fetcher: &*self.fetcher, base: &self.metadata, until: self.until() };
        let outcome = drive_async(job, self.store.as_mut(), &transport).await;
        self.report.clone_from(&outcome.report);
        outcome
    }

    /// Brings the metadata up to date (TUF 5.3 to 5.6). After a failure the state before it is
    /// still used, until it expires (T-2).
    ///
    /// # Errors
    /// Why the metadata are not complete and current.
    pub async fn refresh(&mut self) -> Result<()> {
        let outcome = self.run(self.clock.now(), None, Vec::new()).await;
        if outcome.refreshed.is_ok() {
            self.set = outcome.set;
        }
        outcome.refreshed
    }

    /// Looks a target up (TUF 5.6.7); delegated roles are fetched when the search comes to them.
    /// The first look-up refreshes; later ones use what is there as long as all that they rest on is
    /// in force, and refresh once it is not.
    ///
    /// # Errors
    /// `target.not-signed`, `target.path`, `expired.*`; what is wrong with a role on the way.
    pub async fn target(&mut self, path: &str) -> Result<TargetInfo> {
        let found = self.found(Query::Name(path.to_owned())).await?;
        self.info(found.into_iter().next().ok_or_else(|| crate::trust::internal("nothing was found"))?)
    }

    async fn found(&mut self, query: Query) -> Result<Vec<Found>> {
        let now = self.clock.now();
        // T-2: what is in memory answers as far as it is in force now; whether its timestamp is too old
        // (T-53), or the clock was set back (T-3), is for a run to judge.
        let tolerance = i64::try_from(self.settings.ages.clock_tolerance).unwrap_or(i64::MAX);
        let usable = |set: &&TrustedSet| {
            self.settings.ages.unchanged.is_none() && now.seconds_since(set.start) >= tolerance.saturating_neg()
        };
        let in_memory =
            self.set.as_ref().filter(usable).map(|set| set.lookup_at(&query, &TagRule::Search, now, &mut Vec::new()));
        let (set, expired) = match in_memory {
            Some(Ok(Lookup::Found(found))) => return Ok(found),
            Some(Ok(Lookup::Absent)) => return Err(not_signed(&query)),
            Some(Ok(Lookup::Needs(_))) => (self.set.clone(), None),
            Some(Err(e)) if has_expired(e.code()) => (None, Some(e)),
            Some(Err(e)) => return Err(e),
            None => (None, None),
        };
        let outcome = self.run(now, set, vec![(query, TagRule::Search)]).await;
        let found = outcome.answer().map(|trusted| trusted.found.clone());
        if outcome.refreshed.is_ok() {
            self.set = outcome.set;
        }
        found.map_err(|e| without_stand_in(e, expired))
    }

    fn info(&self, found: Found) -> Result<TargetInfo> {
        let consistent = self.set.as_ref().is_some_and(|s| s.root().content().consistent_snapshot());
        let path = found.url_path(self.hash_prefix && consistent)?;
        let url = self.targets.as_ref().map(|base| below(base, &path)).transpose()?;
        Ok(TargetInfo { found, url })
    }

    /// Downloads a target into `folder`, under [`TargetInfo::local_name`]. A file there with the
    /// right content is not fetched again.
    ///
    /// # Errors
    /// Those of [`AsyncClient::download_as`].
    pub async fn download(&self, target: &TargetInfo, folder: impl AsRef<Path>) -> Result<Downloaded> {
        self.download_as(target, folder.as_ref().join(target.local_name())).await
    }

    /// Downloads a target to `path`. Nothing stands there under this name before it is verified; a
    /// link there is replaced, not followed.
    ///
    /// # Errors
    /// `target.length`, `target.hash`, `missing.target`, `limit.bytes`, `network.*`; `store.full`,
    /// `store.io` where the file cannot be written.
    pub async fn download_as(&self, target: &TargetInfo, path: impl Into<PathBuf>) -> Result<Downloaded> {
        let path = path.into();
        let told = self.on_bytes.as_ref().map(|told| move |so_far: u64| told(target, so_far));
        let told = told.as_ref().map(|told| told as &(dyn Fn(u64) + Send + Sync));
        let content = || {
            let (Some(base), Some(url)) = (&self.targets, target.url()) else {
                let why = "a client that downloads needs to know where targets lie: targets_url";
                return Err(Error::new(Code::ConfigValue, "T-41", why));
            };
            let from = ToFetch::new(target.found(), base, url.clone(), self.settings.limits.target)?;
            Ok(Content { fetcher: self.fetcher.clone(), from, until: self.until(), told })
        };
        download::obtained(target.found(), path, content).await
    }

    /// Verifies content that is there already: a file, or any reader.
    ///
    /// # Errors
    /// `target.length`, `target.hash`; `usage.file` if it cannot be read.
    pub async fn verify(&self, target: &TargetInfo, content: &mut (dyn Read + Send)) -> Result<()> {
        download::checked(target.check()?, content).await
    }

    /// What is trusted now: the verified metadata, and until when; `None` before the first refresh.
    pub fn trusted(&self) -> Option<&TrustedSet> {
        self.set.as_ref()
    }

    /// Every target that a search finds, and the role that answers (all roles are fetched).
    ///
    /// # Errors
    /// Those of [`AsyncClient::target`]; `limit.roles` where there are more than a search may visit.
    pub async fn targets(&mut self) -> Result<Vec<TargetInfo>> {
        let found = self.found(Query::All).await?;
        found.into_iter().map(|found| self.info(found)).collect()
    }

    /// Every request and every check of the last run, in order.
    pub fn report(&self) -> &[Event] {
        &self.report
    }
}

/// A fetcher as the machine's transport.
struct MetadataFiles<'c> {
    fetcher: &'c dyn Fetcher,
    base: &'c Url,
    until: Instant,
}

impl AsyncTransport for MetadataFiles<'_> {
    async fn fetch(&self, request: Request) -> Fetched {
        self.bytes(&request).await.unwrap_or_else(Fetched::Failed)
    }
}

impl MetadataFiles<'_> {
    async fn bytes(&self, request: &Request) -> Result<Fetched> {
        folder_is_there(self.base)?;
        let url = below(self.base, &request.path)?;
        match self.fetcher.open(&url, self.until).await? {
            Offered::NotFound(words) => Ok(Fetched::NotFound(words)),
            Offered::Body(mut body) => at_most(body.as_mut(), request.max_bytes).await.map(Fetched::Bytes),
        }
    }
}

/// A client for one repository that blocks the calling thread: [`AsyncClient`] around a runtime of
/// its own, in that thread.
#[derive(Debug)]
pub struct Client {
    client: AsyncClient,
    blocking: Blocking,
}

impl Client {
    /// A client that begins to trust at `root`, the bytes of a root file that came with the program.
    pub fn builder(root: impl Into<Vec<u8>>) -> Builder {
        Builder::new(root)
    }

    /// [`AsyncClient::refresh`].
    ///
    /// # Errors
    /// The same.
    pub fn refresh(&mut self) -> Result<()> {
        self.blocking.wait(self.client.refresh())?
    }

    /// [`AsyncClient::target`].
    ///
    /// # Errors
    /// The same.
    pub fn target(&mut self, path: &str) -> Result<TargetInfo> {
        self.blocking.wait(self.client.target(path))?
    }

    /// [`AsyncClient::download`].
    ///
    /// # Errors
    /// The same.
    pub fn download(&mut self, target: &TargetInfo, folder: impl AsRef<Path>) -> Result<Downloaded> {
        self.blocking.wait(self.client.download(target, folder.as_ref()))?
    }

    /// [`AsyncClient::download_as`].
    ///
    /// # Errors
    /// The same.
    pub fn download_as(&mut self, target: &TargetInfo, path: impl Into<PathBuf>) -> Result<Downloaded> {
        self.blocking.wait(self.client.download_as(target, path.into()))?
    }

    /// [`AsyncClient::verify`].
    ///
    /// # Errors
    /// The same.
    pub fn verify(&mut self, target: &TargetInfo, content: &mut (dyn Read + Send)) -> Result<()> {
        self.blocking.wait(self.client.verify(target, content))?
    }

    /// [`AsyncClient::trusted`].
    pub fn trusted(&self) -> Option<&TrustedSet> {
        self.client.trusted()
    }

    /// [`AsyncClient::targets`].
    ///
    /// # Errors
    /// The same.
    pub fn targets(&mut self) -> Result<Vec<TargetInfo>> {
        self.blocking.wait(self.client.targets())?
    }

    /// [`AsyncClient::report`].
    pub fn report(&self) -> &[Event] {
        self.client.report()
    }
}
