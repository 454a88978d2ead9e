//! The workflow: store, roots, timestamp, snapshot, targets, look-ups, commit.
//!
//! Rules stand in `set`, the search in `search`; here is their order, which is the one thing in
//! which TUF 1.0 (5.3 to 5.6) and Notary (N-20) differ.

use super::machine::{Absent, Answer, Changes, FileName, Io, Job};
use super::pin::{Pin, RootRule, own, pinned_root, same};
use super::record::{Checked, Instant, Record, damaged};
use super::search::{Found, Lookup, Need, Query, TagRule};
use super::set::Arrival;
use super::{Memory, Mode, TrustedSet, internal};
use crate::certificate::Validity;
use crate::crypto::hex;
use crate::error::{Code, Error, Result};
use crate::limits::{self, Budget, Limits};
use crate::metadata::{Bytes, FileMeta, Format, Metadata, Root, Verified, role};
use crate::time::Time;
use crate::wire::Wire;
use std::collections::BTreeMap;

/// What to do when the server gives no answer and the store holds one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreachable {
    /// No answer is no answer.
    #[default]
    Refuse,
    /// The store serves, with a warning, until its timestamp expires or it is too old.
    UseCache,
}

/// Ages, in seconds (T-3, T-4, T-53).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ages {
    /// How long after its last complete check a store may serve without its server.
    pub offline: Option<u64>,
    /// How long a timestamp version may stay the newest.
    pub unchanged: Option<u64>,
    /// How far off a timestamp's expiry may be.
    pub validity: Option<u64>,
    /// How far the clock may be behind the last complete check.
    pub clock_tolerance: u64,
    /// How long after a complete check no request is made.
    pub fresh_for: Option<u64>,
}

impl Default for Ages {
    fn default() -> Self {
        Ages { offline: Some(86_400), unchanged: None, validity: None, clock_tolerance: 60, fresh_for: None }
    }
}

/// What one collection is judged by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The GUN, or the repository's name.
    pub name: String,
    /// Format and reading.
    pub wire: Wire,
    /// Strict or compatible.
    pub mode: Mode,
    /// What the first root must meet.
    pub pin: Pin,
    /// The one time of this run (T-1).
    pub start: Time,
    /// Whether that is not the clock's.
    pub injected: bool,
    /// Ceilings.
    pub limits: Limits,
    /// Ages.
    pub ages: Ages,
    /// Without an answer of the server.
    pub unreachable: Unreachable,
    /// Ask the store alone (T-51).
    pub offline: bool,
}

impl Settings {
    /// The defaults for a collection.
    pub fn new(name: &str, format: Format, pin: Pin, start: Time) -> Self {
        Settings {
            name: name.to_owned(),
            wire: Wire::strict(format),
            mode: Mode::Strict,
            pin,
            start,
            injected: false,
            limits: if format == Format::Notary1 { Limits::notary1() } else { Limits::default() },
            ages: Ages::default(),
            unreachable: Unreachable::Refuse,
            offline: false,
        }
    }

    /// The mode, and with it how base64 is read.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self.wire.compatible = mode == Mode::Compatible && self.wire.format == Format::Notary1;
        self
    }

    fn serves_cache(&self) -> bool {
        self.offline || self.mode == Mode::Compatible || self.unreachable == Unreachable::UseCache
    }
}

/// A look-up that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trusted {
    /// What was found; empty only for a list of nothing.
    pub found: Vec<Found>,
    /// What was passed by on the way.
    pub warnings: Vec<Error>,
}

/// How a run ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What is trusted now; `None` if not even a root is.
    pub set: Option<TrustedSet>,
    /// Whether the metadata are complete and current.
    pub refreshed: Result<()>,
    /// One answer for each query, in order.
    pub answers: Vec<Result<Trusted>>,
    /// Whether the store served in the server's place.
    pub from_store: bool,
    /// When the last complete check ended, this run included.
    pub last_checked: Option<Time>,
    /// The root versions that were walked in this run.
    pub root_versions: Vec<u64>,
}

/// Starts a run: bring the collection up to date, answer the queries, keep what was accepted.
///
/// ```
/// use tuf_core::{metadata::Format, time::Time, trust::{start, Pin, Query, Settings, Step, TagRule}};
/// let now = Time::parse("2030-01-01T00:00:00Z")?;
/// let settings = Settings::new("registry.example/app", Format::Notary1, Pin::FirstUse, now);
/// let mut job = start(settings, vec![(Query::Name("1.0".into()), TagRule::ReleasesFirst)]);
/// assert!(matches!(job.step(), Step::Load(_)), "first it asks for what is stored");
/// # Ok::<(), tuf_core::Error>(())
/// ```
pub fn start(settings: Settings, queries: Vec<(Query, TagRule)>) -> Job<Outcome> {
    Job::new(move |io| async move { Session::new(io, settings).run(queries).await })
}

struct Session {
    io: Io,
    settings: Settings,
    record: Record,
    /// What lay in the store, if anything.
    stored: Option<Record>,
    checked: Checked,
    files: BTreeMap<FileName, Option<Bytes>>,
    fetched: u64,
    set: Option<TrustedSet>,
    /// The roots from the anchor on.
    chain: Vec<Verified<Root>>,
    walked: Vec<u64>,
    from_store: bool,
}

impl Session {
    fn new(io: Io, settings: Settings) -> Self {
        let record = Record::new(settings.wire.format, &settings.name);
        Session {
            io,
            settings,
            record,
            stored: None,
            checked: Checked::default(),
            files: BTreeMap::new(),
            fetched: 0,
            set: None,
            chain: Vec::new(),
            walked: Vec::new(),
            from_store: false,
        }
    }

    async fn run(mut self, queries: Vec<(Query, TagRule)>) -> Outcome {
        let refreshed = self.refresh().await;
        let mut answers = Vec::with_capacity(queries.len());
        for (query, rule) in &queries {
            answers.push(match &refreshed {
                Ok(()) => self.look_up(query, rule).await,
                Err(e) => Err(e.clone()),
            });
        }
        // What was accepted is kept whatever failed later (T-17); what cannot be kept is no answer.
        let kept = self.keep(refreshed.is_ok()).await;
        if let Err(e) = &kept {
            answers.iter_mut().filter(|a| a.is_ok()).for_each(|a| *a = Err(e.clone()));
        }
        Outcome {
            last_checked: self.checked.at(self.settings.injected),
            set: self.set,
            refreshed: refreshed.and(kept),
            answers,
            from_store: self.from_store,
            root_versions: self.walked,
        }
    }

    fn set(&mut self) -> Result<&mut TrustedSet> {
        self.set.as_mut().ok_or_else(|| internal("no root yet"))
    }

    async fn refresh(&mut self) -> Result<()> {
        self.open().await?;
        self.clock()?;
        self.trusted_root().await?;
        let fresh = self.is_fresh().await?;
        match self.settings.wire.format {
            _ if fresh => self.from_kept().await,
            Format::Tuf1 => self.tuf_order().await,
            Format::Notary1 => self.notary_order().await,
        }?;
        self.ages()
    }

    // ---- the store ----

    async fn open(&mut self) -> Result<()> {
        self.checked = Checked::read(self.io.load(FileName::Checked).await?.as_deref());
        if let Some(bytes) = self.io.load(FileName::Record).await? {
            let record = Record::read(&bytes, self.settings.wire.format, &self.settings.name)?;
            self.record = record.clone();
            self.stored = Some(record);
        }
        Ok(())
    }

    /// T-3: a clock behind the last complete check is not trusted; injected time is.
    fn clock(&self) -> Result<()> {
        let Some(floor) = self.checked.at(false).filter(|_| !self.settings.injected) else { return Ok(()) };
        let behind = floor.seconds_since(self.settings.start);
        if behind <= i64::try_from(self.settings.ages.clock_tolerance).unwrap_or(i64::MAX) {
            return Ok(());
        }
        Err(Error::new(Code::ClockBehind, "T-3", "the clock is behind the last complete check")
            .values(format_args!("at least {floor}"), self.settings.start))
    }

    async fn kept(&self, file: FileName) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.files.get(&file) {
            return Ok(bytes.as_ref().map(|b| b.to_vec()));
        }
        if !self.record.knows(&file) {
            return Ok(None);
        }
        self.record.check_file(&file, self.io.load(file.clone()).await?)
    }

    fn keep_file(&mut self, file: FileName, bytes: &Bytes) {
        self.record.set_file(&file, Some(bytes));
        self.files.insert(file, Some(bytes.clone()));
    }

    /// One commit a run (T-45), none when nothing changed; the time of the last complete check is
    /// written at most once a minute.
    async fn keep(&mut self, complete: bool) -> Result<()> {
        if let Some(set) = &self.set {
            self.record.set_memory(&set.memory);
            self.record.root = set.root.content().version();
        }
        if self.set.is_some() && self.stored.as_ref() != Some(&self.record) {
            let bytes = Bytes::new(self.record.write()?);
            self.files.insert(FileName::Record, Some(bytes));
        }
        if complete && !self.from_store {
            let (start, injected) = (self.settings.start, self.settings.injected);
            let last = self.checked.at(injected);
            self.checked.set(start, injected);
            let recent = last.is_some_and(|last| (0..60).contains(&start.seconds_since(last)));
            if !recent {
                self.files.insert(FileName::Checked, Some(Bytes::new(self.checked.write()?)));
            }
        }
        if self.files.is_empty() {
            return Ok(());
        }
        self.io.commit(Changes { files: std::mem::take(&mut self.files) }).await
    }

    // ---- requests ----

    /// The bytes of a request that was asked: `None` for a definite "not found".
    async fn bytes_of(&mut self, id: u64, name: &str) -> Result<Option<Vec<u8>>> {
        match self.io.fetched(id).await {
            Answer::NotFound => Ok(None),
            Answer::Failed(e) => Err(e.for_role(name)),
            Answer::Bytes(bytes) => {
                self.fetched = self.fetched.saturating_add(bytes.len() as u64);
                if self.fetched > limits::METADATA_TOTAL {
                    return Err(Error::new(
                        Code::LimitBytes,
                        "T-28",
                        "all metadata of this run together are too large",
                    )
                    .for_role(name)
                    .values(limits::METADATA_TOTAL, self.fetched));
                }
                Ok(Some(bytes))
            }
        }
    }

    /// Fetches a file whose length nobody signed: our own ceiling holds.
    async fn fetch(&mut self, path: &str, ceiling: u64, name: &str, absent: Absent) -> Result<Option<Vec<u8>>> {
        if self.settings.offline {
            return Err(Error::new(Code::StoreEmpty, "T-51", "offline, and the store does not hold this file")
                .for_role(name)
                .in_file(path));
        }
        let id = self.io.ask(path.to_owned(), ceiling, absent);
        let bytes = self.bytes_of(id, name).await.map_err(|e| e.in_file(path))?;
        match bytes {
            Some(bytes) if bytes.len() as u64 > ceiling => {
                Err(Error::new(Code::LimitBytes, "T-28", "the file is larger than our ceiling")
                    .for_role(name)
                    .in_file(path)
                    .values(format_args!("at most {ceiling} bytes"), "more"))
            }
            bytes => Ok(bytes),
        }
    }

    // ---- roots ----

    /// T-5, N-11: the chain from a root that meets the pin configured now.
    async fn trusted_root(&mut self) -> Result<()> {
        let stored = self.stored_roots().await?;
        if let Pin::Root(bytes) = self.settings.pin.clone() {
            return self.from_pinned_root(bytes, stored);
        }
        if self.settings.wire.format == Format::Tuf1 {
            return Err(Error::new(Code::ConfigRoot, "T-5", "a TUF 1.0 repository is pinned by a root file"));
        }
        if let Some(first) = stored.first() {
            let rest = stored.get(1..).unwrap_or_default();
            match self.chain_from(first, rest, &self.settings.pin.clone()) {
                Ok(()) => return Ok(()),
                Err(unmet) => {
                    // A chain that holds by itself does not meet the pin; one that does not is damaged.
                    self.chain_from(first, rest, &Pin::FirstUse).map_err(|e| self.damaged_roots(e))?;
                    if self.settings.offline {
                        return Err(unmet);
                    }
                }
            }
        }
        self.anchor_anew(stored).await
    }

    fn damaged_roots(&self, e: Error) -> Error {
        damaged(&FileName::Root(self.record.root), "the stored roots do not follow from each other")
            .values("an unbroken chain", e)
    }

    async fn stored_roots(&mut self) -> Result<Vec<crate::metadata::Unverified<Root>>> {
        let mut roots = Vec::new();
        let Some(stored) = &self.stored else { return Ok(roots) };
        for version in stored.anchor..=stored.root {
            let file = FileName::Root(version);
            let bytes =
                self.kept(file.clone()).await?.ok_or_else(|| damaged(&file, "a root of the chain is not recorded"))?;
            let root = self
                .settings
                .wire
                .root(bytes)
                .map_err(|e| damaged(&file, "a stored root cannot be read").values("a root", e))?;
            roots.push(root);
        }
        Ok(roots)
    }

    fn rule<'a>(&'a self, pin: &'a Pin, validity: Validity, anchor: bool) -> RootRule<'a> {
        RootRule { gun: &self.settings.name, pin, validity, anchor, by_id: self.settings.mode == Mode::Compatible }
    }

    fn set_of(&self, root: Verified<Root>, pin: &Pin, memory: Memory) -> TrustedSet {
        TrustedSet {
            name: self.settings.name.clone(),
            wire: self.settings.wire,
            mode: self.settings.mode,
            pin: pin.clone(),
            start: self.settings.start,
            limits: self.settings.limits.clone(),
            budget: Budget::new(self.settings.limits.work),
            root,
            timestamp: None,
            snapshot: None,
            targets: BTreeMap::new(),
            broken: BTreeMap::new(),
            memory,
            warnings: Vec::new(),
        }
    }

    /// Builds the trusted set on a chain of roots whose first meets `pin`.
    fn chain_from(
        &mut self,
        anchor: &crate::metadata::Unverified<Root>,
        rest: &[crate::metadata::Unverified<Root>],
        pin: &Pin,
    ) -> Result<()> {
        let mut budget = Budget::new(self.settings.limits.work);
        let first = self.rule(pin, Validity::Ignored, true).verify(
            anchor.clone(),
            &own(anchor),
            &mut budget,
            &mut Vec::new(),
        )?;
        let memory = self.record.memory();
        let mut set = self.set_of(first.clone(), pin, memory);
        let mut chain = vec![first];
        for root in rest {
            set.next_root(root.clone())?;
            chain.push(set.root.clone());
        }
        self.chain = chain;
        self.set = Some(set);
        Ok(())
    }

    /// T-5, T-6: a whole root file as the pin; the stored roots go on from it.
    fn from_pinned_root(&mut self, bytes: Vec<u8>, stored: Vec<crate::metadata::Unverified<Root>>) -> Result<()> {
        let recode = |e: Error| {
            let found = e.to_string();
            e.recoded(Code::ConfigRoot, "T-6").values("a root that meets its own threshold", found)
        };
        let root = self.settings.wire.root(bytes).map_err(recode)?;
        let by_id = self.settings.mode == Mode::Compatible;
        let mut budget = Budget::new(self.settings.limits.work);
        let pinned = pinned_root(root, &self.settings.name, by_id, &mut budget).map_err(recode)?;
        let version = pinned.content().version();
        let at = stored.iter().position(|r| r.claims().version() == version);
        let rest = match at {
            Some(at) => {
                let held = stored.get(at).cloned().ok_or_else(|| internal("no such root"))?;
                let held =
                    pinned_root(held, &self.settings.name, by_id, &mut budget).map_err(|e| self.damaged_roots(e))?;
                if !same(&held, &pinned)? {
                    return Err(Error::new(
                        Code::ConfigRootConflict,
                        "T-5",
                        "the store holds another root of the pinned version",
                    )
                    .for_role(role::ROOT)
                    .values(hex(&crate::crypto::sha256(pinned.bytes())), hex(&crate::crypto::sha256(held.bytes()))));
                }
                stored.get(at.saturating_add(1)..).unwrap_or_default()
            }
            None if stored.is_empty() => &[],
            None => {
                return Err(Error::new(
                    Code::ConfigRootConflict,
                    "T-5",
                    "the pinned root is not in the stored chain of roots",
                )
                .for_role(role::ROOT)
                .values(format_args!("one of versions {} to {}", self.record.anchor, self.record.root), version));
            }
        };
        self.chain_from(&pinned.inner, rest, &Pin::FirstUse).map_err(|e| self.damaged_roots(e))?;
        if at.is_none() {
            self.anchored(&pinned);
        }
        Ok(())
    }

    /// Records a new anchor, and keeps it.
    fn anchored(&mut self, anchor: &Verified<Root>) {
        let version = anchor.content().version();
        self.record.anchor = version;
        self.keep_file(FileName::Root(version), anchor.bytes());
        self.walked.push(version);
    }

    /// N-11: no stored chain meets the pin: the newest root that is served is read, and a root
    /// that meets the pin is looked for.
    async fn anchor_anew(&mut self, stored: Vec<crate::metadata::Unverified<Root>>) -> Result<()> {
        let memory = self.record.memory();
        let newest = self.fetch("root.json", self.settings.limits.root, role::ROOT, Absent::IsError).await?;
        let newest = newest.ok_or_else(|| {
            Error::new(Code::MissingRoot, "N-20", "the server has no trust data for this name")
                .for_role(role::ROOT)
                .in_file("root.json")
        })?;
        let newest = self.settings.wire.root(newest).map_err(|e| e.in_file("root.json"))?;
        let mut budget = Budget::new(self.settings.limits.work);
        let pin = self.settings.pin.clone();
        let now = Validity::At(self.settings.start);
        // Sound: it meets its own threshold by valid certificates.
        let own_keys = own(&newest);
        let sound =
            self.rule(&Pin::FirstUse, now, true).verify(newest.clone(), &own_keys, &mut budget, &mut Vec::new());
        let sound = sound.map_err(|e| e.in_file("root.json"))?;
        self.not_below_stored(&sound, &stored)?;
        if self.extends_stored(&sound, &stored, &pin).await? {
            return Ok(());
        }
        let first = match self.rule(&pin, now, true).verify(newest.clone(), &own_keys, &mut budget, &mut Vec::new()) {
            Ok(root) => root,
            Err(unmet) => self.oldest_that_meets(&pin, sound.content().version(), &mut budget).await?.ok_or(unmet)?,
        };
        self.begin_chain(&first, &pin, &stored, memory)?;
        let newest = sound.content().version();
        if first.content().version() < newest {
            self.walk().await?;
        }
        let reached = self.set()?.root.content().version();
        if reached < newest {
            let next = reached.saturating_add(1);
            return Err(Error::new(Code::MissingRoot, "N-11", "the chain of roots that is served has a gap")
                .for_role(role::ROOT)
                .in_file(&format!("{next}.root.json"))
                .values(format_args!("roots up to {newest}"), format_args!("roots up to {reached}")));
        }
        Ok(())
    }

    /// N-11: a root that is in the stored chain and below its newest is a replay.
    fn not_below_stored(
        &mut self,
        served: &Verified<Root>,
        stored: &[crate::metadata::Unverified<Root>],
    ) -> Result<()> {
        let version = served.content().version();
        let held = stored.iter().find(|r| r.claims().version() == version);
        if version < self.record.root && held.is_some_and(|held| held.bytes == *served.bytes()) {
            return Err(Error::new(
                Code::RollbackRoot,
                "N-11",
                "the newest root that is served is below the stored one",
            )
            .for_role(role::ROOT)
            .values(format_args!("at least {}", self.record.root), version));
        }
        Ok(())
    }

    /// Whether signed steps lead from the newest stored root to the served one, and a root of that
    /// chain meets the pin: then what is remembered survives.
    async fn extends_stored(
        &mut self,
        served: &Verified<Root>,
        stored: &[crate::metadata::Unverified<Root>],
        pin: &Pin,
    ) -> Result<bool> {
        let Some(first) = stored.first() else { return Ok(false) };
        self.chain_from(first, stored.get(1..).unwrap_or_default(), &Pin::FirstUse)
            .map_err(|e| self.damaged_roots(e))?;
        let before = self.chain.clone();
        match self.walk().await {
            Err(e) if e.code().answer() == crate::error::Answer::Refused => {}
            Err(e) => return Err(e),
            Ok(()) => {
                let reached = self.set()?.root.clone();
                let chain: Vec<_> = self.chain.iter().map(|r| r.inner.clone()).collect();
                if same(&reached, served)? {
                    for (at, anchor) in chain.iter().enumerate() {
                        if self.chain_from(anchor, chain.get(at.saturating_add(1)..).unwrap_or_default(), pin).is_ok() {
                            self.record.anchor = anchor.claims().version();
                            return Ok(true);
                        }
                    }
                }
            }
        }
        // Nothing of this attempt is kept.
        self.chain = before;
        self.set = None;
        self.files.clear();
        self.walked.clear();
        if let Some(stored) = &self.stored {
            self.record = stored.clone();
        }
        Ok(false)
    }

    /// From `1.root.json` upward, the first root that meets the pin.
    async fn oldest_that_meets(
        &mut self,
        pin: &Pin,
        newest: u64,
        budget: &mut Budget,
    ) -> Result<Option<Verified<Root>>> {
        for version in 1..newest.min(self.settings.limits.rotations.saturating_add(1)) {
            let path = format!("{version}.root.json");
            let Some(bytes) = self.fetch(&path, self.settings.limits.root, role::ROOT, Absent::EndsChain).await? else {
                continue;
            };
            let root = self.settings.wire.root(bytes).map_err(|e| e.in_file(&path))?;
            let by = own(&root);
            if root.claims().version() != version {
                return Err(Error::new(Code::RotationVersion, "N-11", "a root under the number of another version")
                    .for_role(role::ROOT)
                    .in_file(&path)
                    .values(version, root.claims().version()));
            }
            if let Ok(root) = self.rule(pin, Validity::Ignored, true).verify(root, &by, budget, &mut Vec::new()) {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// Begins a new chain. What is remembered survives only if the chain holds the newest stored
    /// root (N-11).
    fn begin_chain(
        &mut self,
        first: &Verified<Root>,
        pin: &Pin,
        stored: &[crate::metadata::Unverified<Root>],
        memory: Memory,
    ) -> Result<()> {
        let holds = stored.last().is_none_or(|last| last.bytes == *first.bytes());
        let mut set = self.set_of(first.clone(), pin, if holds { memory } else { Memory::default() });
        if !holds {
            for file in [FileName::Timestamp, FileName::Snapshot, FileName::Targets(role::TARGETS.to_owned())] {
                self.record.set_file(&file, None);
            }
            set.warn(
                Error::new(
                    Code::StoreMemoryDropped,
                    "N-11",
                    "the pin leads to another chain of roots: what was remembered is dropped",
                )
                .for_role(role::ROOT),
            );
        }
        self.set = Some(set);
        self.chain = vec![first.clone()];
        self.anchored(first);
        Ok(())
    }

    /// 5.3.3 to 5.3.9: walks `N+1.root.json` until there is none; each is kept before its expiry
    /// is looked at.
    async fn walk(&mut self) -> Result<()> {
        for _ in 0..=self.settings.limits.rotations {
            let version = self.set()?.root.content().version();
            let next = version.checked_add(1).ok_or_else(|| internal("root versions have run out"))?;
            let path = format!("{next}.root.json");
            let Some(bytes) = self.fetch(&path, self.settings.limits.root, role::ROOT, Absent::EndsChain).await? else {
                return Ok(());
            };
            if self.walked.len() as u64 >= self.settings.limits.rotations {
                return Err(Error::new(
                    Code::LimitRotations,
                    "T-9",
                    "a newer root is there, and the run has walked as many as it may",
                )
                .for_role(role::ROOT)
                .values(self.settings.limits.rotations, "more"));
            }
            let root = self.settings.wire.root(bytes).map_err(|e| e.in_file(&path))?;
            self.set()?.next_root(root).map_err(|e| e.in_file(&path))?;
            let root = self.set()?.root.clone();
            self.keep_file(FileName::Root(next), root.bytes());
            self.walked.push(next);
            self.chain.push(root);
        }
        Ok(())
    }

    // ---- timestamp, snapshot, targets ----

    /// The specification's order: roots first.
    async fn tuf_order(&mut self) -> Result<()> {
        match self.walk().await {
            Err(e) if self.may_serve(&e) => self.serve(e)?,
            walked => walked?,
        }
        self.set()?.root_in_force()?;
        self.forget_rotated()?;
        self.timestamp_and_snapshot().await?;
        self.top_level_targets().await
    }

    fn forget_rotated(&mut self) -> Result<()> {
        let memory = self.set()?.memory.roles.get(role::TIMESTAMP).map(|m| m.root_version);
        let before = self.chain.iter().find(|r| Some(r.content().version()) == memory).map(|r| r.content().clone());
        if let Some(before) = before
            && self.set()?.forget_rotated(&before)?
        {
            for file in [FileName::Timestamp, FileName::Snapshot] {
                self.record.set_file(&file, None);
                self.files.insert(file, None);
            }
        }
        Ok(())
    }

    /// N-20: the timestamp first; roots are walked when it or the snapshot does not hold under the
    /// stored root, then everything starts over once.
    async fn notary_order(&mut self) -> Result<()> {
        let mut walked = false;
        if self.set()?.root_in_force().is_err() {
            match self.walk().await {
                Err(e) if self.settings.offline && e.code() == Code::StoreEmpty => {}
                outcome => outcome?,
            }
            walked = true;
            self.set()?.root_in_force()?;
        }
        if let Err(e) = self.timestamp_and_snapshot().await {
            let cured = matches!(e.code(), Code::SignatureThreshold | Code::SignatureKeyId)
                || (e.code() == Code::MismatchHash && e.role() == Some(role::ROOT));
            let before = self.set()?.root.content().version();
            if walked || !cured || self.settings.offline {
                return Err(e);
            }
            self.walk().await?;
            if self.set()?.root.content().version() == before {
                return Err(e);
            }
            let set = self.set()?;
            set.root_in_force()?;
            (set.timestamp, set.snapshot) = (None, None);
            self.timestamp_and_snapshot().await?;
        }
        self.top_level_targets().await
    }

    /// T-4: with a recent complete check and an unexpired timestamp no request is made.
    async fn is_fresh(&mut self) -> Result<bool> {
        let (Some(age), Some(last)) = (self.settings.ages.fresh_for, self.checked.at(self.settings.injected)) else {
            return Ok(false);
        };
        let since = self.settings.start.seconds_since(last);
        let recent = since >= 0 && since.unsigned_abs() < age;
        if !recent || self.set()?.root_in_force().is_err() {
            return Ok(false);
        }
        self.adopt_timestamp().await?;
        Ok(self.set()?.timestamp_in_force().is_ok())
    }

    /// A run without a request, from what is kept.
    async fn from_kept(&mut self) -> Result<()> {
        self.snapshot().await?;
        self.top_level_targets().await
    }

    /// The kept timestamp and snapshot, if they hold under today's root.
    async fn adopt_timestamp(&mut self) -> Result<()> {
        if self.set()?.timestamp.is_none()
            && let Some(bytes) = self.kept(FileName::Timestamp).await?
        {
            self.set()?.adopt_timestamp(bytes)?;
        }
        if self.settings.wire.format == Format::Tuf1
            && let Some(bytes) = self.kept(FileName::Snapshot).await?
        {
            self.set()?.adopt_snapshot(bytes)?;
        }
        Ok(())
    }

    async fn timestamp_and_snapshot(&mut self) -> Result<()> {
        self.adopt_timestamp().await?;
        let path = "timestamp.json";
        match self.fetch(path, self.settings.limits.timestamp, role::TIMESTAMP, Absent::IsError).await {
            Ok(Some(bytes)) => {
                let known = self.set()?.memory.roles.get(role::TIMESTAMP).map(|m| m.version);
                let arrival = self.set()?.update_timestamp(bytes).map_err(|e| e.in_file(path))?;
                if arrival == Arrival::New {
                    let timestamp = self.set()?.timestamp.clone().ok_or_else(|| internal("no timestamp"))?;
                    if known != Some(timestamp.content().version()) {
                        self.record.first_seen = Some(Instant::new(self.settings.start, self.settings.injected));
                    }
                    self.keep_file(FileName::Timestamp, timestamp.bytes());
                }
            }
            Ok(None) => {
                let missing =
                    Error::new(Code::MissingTimestamp, "N-40 (TUF 5.4.1)", "the server has no timestamp for this name")
                        .for_role(role::TIMESTAMP)
                        .in_file(path);
                if self.settings.mode != Mode::Compatible {
                    return Err(missing);
                }
                self.serve(missing)?;
            }
            Err(e) if self.may_serve(&e) => self.serve(e)?,
            Err(e) => return Err(e),
        }
        self.snapshot().await
    }

    /// Whether the store may answer where the server did not.
    fn may_serve(&self, e: &Error) -> bool {
        self.settings.serves_cache() && e.code().answer() == crate::error::Answer::Unchecked
    }

    /// The store serves in the server's place: with a warning, an unexpired timestamp, and not for
    /// longer than configured (T-53).
    fn serve(&mut self, why: Error) -> Result<()> {
        let offline = self.settings.offline;
        let max = self.settings.ages.offline.filter(|_| self.settings.mode == Mode::Strict);
        let last = self.checked.at(self.settings.injected);
        let start = self.settings.start;
        let set = self.set()?;
        if set.timestamp.is_none() && set.memory.roles.contains_key(role::TIMESTAMP) {
            // Before the timestamp was looked at (TUF's roots): judged when it is.
            return Ok(());
        }
        if set.timestamp.is_none() {
            return Err(why);
        }
        if let Err(expired) = set.timestamp_in_force() {
            return Err(if offline {
                expired
            } else {
                why.values("an answer, or an unexpired timestamp in the store", expired)
            });
        }
        let too_old = |found: String| {
            let e = Error::new(Code::AgeOffline, "T-53", "the store was last checked against its server too long ago");
            e.values(format_args!("within {} seconds", max.unwrap_or_default()), found)
        };
        if let Some(max) = max {
            let age = last.map(|last| start.seconds_since(last));
            match age {
                Some(age) if age >= 0 && age.unsigned_abs() <= max => {}
                _ if !offline => {
                    return Err(why.values("an answer, or a store that was checked recently", too_old(String::new())));
                }
                Some(age) => return Err(too_old(format!("{age} seconds ago"))),
                None => return Err(too_old("never".to_owned())),
            }
        }
        let message = format!("the store answers, not the server: {why}");
        set.warn(Error::new(Code::StoreServed, "T-53", message));
        if why.code() == Code::MissingTimestamp {
            set.warn(why);
        }
        self.from_store = true;
        Ok(())
    }

    async fn snapshot(&mut self) -> Result<()> {
        if self.set()?.timestamp.is_none() {
            return Err(Error::new(Code::StoreEmpty, "T-51", "the store holds no timestamp that can be used")
                .for_role(role::TIMESTAMP));
        }
        let meta = self.set()?.timestamp.as_ref().map(|t| t.content().snapshot.clone()).unwrap_or_default();
        let file = FileName::Snapshot;
        if let Some(bytes) = self.kept_as_listed(&file, &meta).await?
            && self.set()?.update_snapshot(bytes).is_ok()
        {
            return Ok(());
        }
        let path = self.file_path(role::SNAPSHOT, &meta);
        let bytes = self
            .fetch_listed(&path, &meta, self.settings.limits.snapshot, role::SNAPSHOT, Code::MissingSnapshot)
            .await?;
        self.set()?.update_snapshot(bytes).map_err(|e| e.in_file(&path))?;
        let snapshot =
            self.set()?.snapshot.as_ref().map(|s| s.bytes().clone()).ok_or_else(|| internal("no snapshot"))?;
        self.keep_file(file, &snapshot);
        Ok(())
    }

    async fn top_level_targets(&mut self) -> Result<()> {
        let need = Need { delegator: role::ROOT.to_owned(), role: role::TARGETS.to_owned() };
        self.obtain(vec![need]).await
    }

    /// The kept file, if it is what the parent lists.
    async fn kept_as_listed(&mut self, file: &FileName, meta: &FileMeta) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.kept(file.clone()).await? else { return Ok(None) };
        let length = meta.length().is_none_or(|l| l == bytes.len() as u64 || self.settings.mode == Mode::Compatible);
        let same = length && meta.hashes().is_none_or(|h| h.check(&bytes).is_ok());
        Ok(same.then_some(bytes))
    }

    /// The path of a file below the metadata URL (T-19; N: names by hash).
    fn file_path(&self, name: &str, meta: &FileMeta) -> String {
        let consistent = self.set.as_ref().is_some_and(|s| s.root.content().consistent_snapshot());
        match (self.settings.wire.format, meta.hashes().and_then(|h| h.sha256), meta.version()) {
            (Format::Notary1, Some(hash), _) => format!("{name}.{}.json", hex(&hash)),
            (Format::Notary1, None, _) => format!("{name}.json"),
            (Format::Tuf1, _, Some(version)) if consistent => format!("{version}.{}.json", crate::wire::url_name(name)),
            (Format::Tuf1, _, _) => format!("{}.json", crate::wire::url_name(name)),
        }
    }

    /// What a request for a listed file may bring: its signed length, which must be below the
    /// role's ceiling (T-20).
    fn ceiling(&self, meta: &FileMeta, limit: u64, name: &str) -> Result<u64> {
        match meta.length() {
            Some(length) if length > limit => {
                Err(Error::new(Code::LimitBytes, "T-20", "the signed length is above our ceiling")
                    .for_role(name)
                    .values(format_args!("at most {limit} bytes"), length))
            }
            Some(length) => Ok(length),
            None => Ok(limit),
        }
    }

    async fn fetch_listed(
        &mut self,
        path: &str,
        meta: &FileMeta,
        limit: u64,
        name: &str,
        missing: Code,
    ) -> Result<Vec<u8>> {
        let ceiling = self.ceiling(meta, limit, name)?;
        if self.settings.offline || self.from_store {
            return Err(Error::new(Code::StoreEmpty, "T-51", "the store does not hold this file")
                .for_role(name)
                .in_file(path));
        }
        let id = self.io.ask(path.to_owned(), ceiling, Absent::IsError);
        self.listed_bytes(id, path, meta, ceiling, name, missing).await
    }

    async fn listed_bytes(
        &mut self,
        id: u64,
        path: &str,
        meta: &FileMeta,
        ceiling: u64,
        name: &str,
        missing: Code,
    ) -> Result<Vec<u8>> {
        let bytes = self.bytes_of(id, name).await.map_err(|e| e.in_file(path))?;
        let bytes = bytes.ok_or_else(|| {
            Error::new(missing, "T-15 (TUF 5.6.1)", "the server does not have a file that is listed")
                .for_role(name)
                .in_file(path)
        })?;
        if meta.length().is_none() && bytes.len() as u64 > ceiling {
            return Err(Error::new(Code::LimitBytes, "T-28", "the file is larger than our ceiling")
                .for_role(name)
                .in_file(path));
        }
        Ok(bytes)
    }

    /// Verifies targets roles: from the store where it holds what is listed, else fetched side by
    /// side; taken in the order asked, so that nothing depends on the network.
    async fn obtain(&mut self, needs: Vec<Need>) -> Result<()> {
        let mut asked = Vec::new();
        for need in needs {
            let meta = self.set()?.listed_targets(&need.role)?.ok_or_else(|| internal("a role that is not listed"))?;
            if let Some(bytes) = self.kept_as_listed(&FileName::Targets(need.role.clone()), &meta).await? {
                let kept = self.set()?.update_targets(&need.delegator, &need.role, bytes);
                match kept {
                    Ok(()) => continue,
                    // Notary's files are named by hash: the same bytes would come again.
                    Err(e) if self.settings.wire.format == Format::Notary1 => return Err(e),
                    Err(_) => {} // T-22: fetched once more before it is refused
                }
            }
            let path = self.file_path(&need.role, &meta);
            let ceiling = self.ceiling(&meta, self.settings.limits.targets, &need.role)?;
            if self.settings.offline || self.from_store {
                return Err(Error::new(Code::StoreEmpty, "T-51", "the store does not hold this role")
                    .for_role(&need.role)
                    .in_file(&path));
            }
            let id = self.io.ask(path.clone(), ceiling, Absent::IsError);
            asked.push((need, meta, path, ceiling, id));
        }
        for (need, meta, path, ceiling, id) in asked {
            let missing = if need.role == role::TARGETS { Code::MissingTargets } else { Code::MissingDelegation };
            let bytes = self.listed_bytes(id, &path, &meta, ceiling, &need.role, missing).await?;
            self.set()?.update_targets(&need.delegator, &need.role, bytes).map_err(|e| e.in_file(&path))?;
            let accepted = self.set()?.targets(&need.delegator, &need.role).map(|t| t.bytes().clone());
            if let Some(bytes) = accepted {
                self.keep_file(FileName::Targets(need.role), &bytes);
            }
        }
        Ok(())
    }

    /// T-53, where they are configured.
    fn ages(&mut self) -> Result<()> {
        let ages = self.settings.ages.clone();
        let start = self.settings.start;
        let expires = self.set()?.timestamp.as_ref().map(|t| t.content().expires);
        let over = |seconds: i64, max: u64| seconds > i64::try_from(max).unwrap_or(i64::MAX);
        if let (Some(max), Some(expires)) = (ages.validity, expires)
            && over(expires.seconds_since(start), max)
        {
            return Err(Error::new(Code::AgeValidity, "T-53", "the timestamp is valid for longer than allowed")
                .for_role(role::TIMESTAMP)
                .values(format_args!("at most {max} seconds"), expires));
        }
        let seen = self.record.first_seen.as_ref().and_then(|s| s.for_run(self.settings.injected));
        if let (Some(max), Some(seen)) = (ages.unchanged, seen)
            && over(start.seconds_since(seen), max)
        {
            return Err(Error::new(Code::AgeUnchanged, "T-53", "this timestamp version was first seen too long ago")
                .for_role(role::TIMESTAMP)
                .values(format_args!("within {max} seconds"), seen));
        }
        Ok(())
    }

    // ---- look-ups ----

    async fn look_up(&mut self, query: &Query, rule: &TagRule) -> Result<Trusted> {
        if self.settings.mode == Mode::Compatible && self.settings.wire.format == Format::Notary1 {
            // As the reference does: every delegation, whether it is consulted or not.
            self.searched(&Query::All, &TagRule::TargetsFirst).await.or_else(|e| match e.code() {
                Code::TargetNoDigest => Ok(Trusted::default()),
                _ => Err(e),
            })?;
        }
        let answer = self.searched(query, rule).await?;
        if answer.found.is_empty() && *query != Query::All {
            return Err(not_signed(query));
        }
        Ok(answer)
    }

    async fn searched(&mut self, query: &Query, rule: &TagRule) -> Result<Trusted> {
        loop {
            let mut warnings = Vec::new();
            match self.set()?.lookup(query, rule, &mut warnings)? {
                Lookup::Found(found) => return Ok(Trusted { found, warnings }),
                Lookup::Absent => return Ok(Trusted { found: Vec::new(), warnings }),
                Lookup::Needs(needs) => self.obtain(needs).await?,
            }
        }
    }
}

fn not_signed(query: &Query) -> Error {
    let what = match query {
        Query::Name(name) => format!("`{}`", crate::error::shown(name)),
        Query::Digest(digest) => format!("the digest sha256:{}", hex(digest)),
        Query::All => "anything".to_owned(),
    };
    Error::new(Code::TargetNotSigned, "N-33 (TUF 5.6.7)", format!("no trusted role signs {what}"))
}
