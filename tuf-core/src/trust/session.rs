//! A run: open the store, bring the collection up to date, look up, commit.

use super::event::Event;
use super::machine::{Absent, Answer, FileName, Io, Job};
use super::record::{Checked, Record};
use super::search::{Found, Lookup, Query, TagRule};
use super::{Settings, TrustedSet, internal};
use crate::crypto::hex;
use crate::error::{self, Code, Error, Result};
use crate::limits::Budget;
use crate::metadata::{Bytes, Format, Metadata, Root, Verified, role};
use crate::time::Time;
use std::collections::BTreeMap;
use tracing::Instrument;

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
    /// The roots from the anchor to the newest.
    pub roots: Vec<Verified<Root>>,
    /// Every request and every check, in order.
    pub report: Vec<Event>,
}

/// Starts a run: bring the collection up to date, answer the queries, keep what was accepted.
///
/// ```
/// use tuf_core::{metadata::Format, time::Time, trust::{start, Pin, Query, Settings, Step, TagRule}};
/// let now = Time::parse("2030-01-01T00:00:00Z")?;
/// let settings = Settings::new("registry.example/app", Format::Notary1, Pin::FirstUse, now);
/// let mut job = start(settings, vec![(Query::Name("1.0".into()), TagRule::ReleasesFirst)]);
/// assert!(matches!(job.step(), Step::Load { .. }), "first it asks for what is stored");
/// # Ok::<(), tuf_core::Error>(())
/// ```
pub fn start(settings: Settings, queries: Vec<(Query, TagRule)>) -> Job<Outcome> {
    job(None, settings, queries)
}

/// Starts a run that goes on with what an earlier one brought up to date (T-2): it answers the
/// queries, and asks for no more than the delegated roles that they lead to.
#[cfg(feature = "client")]
pub(crate) fn go_on(set: TrustedSet, settings: Settings, queries: Vec<(Query, TagRule)>) -> Job<Outcome> {
    job(Some(set), settings, queries)
}

fn job(set: Option<TrustedSet>, settings: Settings, queries: Vec<(Query, TagRule)>) -> Job<Outcome> {
    let span = tracing::info_span!(target: "tuf_core", "run", collection = settings.name, format = settings.wire.format.as_str());
    let run = |io: Io| async move {
        // Another run may replace files between our look at the record and at them: then all anew.
        for _ in 0..MOST_RESTARTS {
            let outcome = Session::new(io.clone(), settings.clone()).run(set.clone(), &queries).await;
            if let Some(outcome) = outcome {
                return Outcome { report: io.take_events(), ..outcome };
            }
        }
        let busy = Error::new(Code::StoreLocked, "T-45", "other runs change the store faster than it can be read");
        Outcome { report: io.take_events(), ..Outcome::failed(busy, queries.len()) }
    };
    Job::new(move |io| run(io).instrument(span))
}

/// How often a run starts anew because the store changed under it.
const MOST_RESTARTS: u32 = 64;

impl Outcome {
    /// The answer to the only query, or to the first.
    #[cfg(feature = "client")]
    pub(crate) fn answer(&self) -> Result<&Trusted> {
        match self.answers.first() {
            Some(answer) => answer.as_ref().map_err(Clone::clone),
            None => Err(internal("a query was not answered")),
        }
    }

    /// A run that could not begin, or never ended.
    pub(crate) fn failed(e: Error, answers: usize) -> Self {
        Outcome {
            set: None,
            refreshed: Err(e.clone()),
            answers: vec![Err(e); answers],
            from_store: false,
            last_checked: None,
            root_versions: Vec::new(),
            roots: Vec::new(),
            report: Vec::new(),
        }
    }
}

/// What a request brought, if it was answered.
pub(super) enum Got {
    Bytes(Vec<u8>),
    /// A definite "not found": where it was looked for, and what was said.
    Absent(String),
}

impl Got {
    /// The bytes of a file that must be there.
    pub(super) fn required(self, missing: Error) -> Result<Vec<u8>> {
        match self {
            Got::Bytes(bytes) => Ok(bytes),
            Got::Absent(where_asked) => Err(missing.values("the file", where_asked)),
        }
    }
}

pub(super) struct Session {
    pub(super) io: Io,
    pub(super) settings: Settings,
    pub(super) record: Record,
    /// What lay in the store, if anything, and the SHA-256 of its record.
    pub(super) stored: Option<Record>,
    pub(super) base: Option<String>,
    /// Whether another run changed the store since its record was read.
    pub(super) moved: bool,
    pub(super) checked: Checked,
    pub(super) files: BTreeMap<FileName, Option<Bytes>>,
    pub(super) fetched: u64,
    pub(super) set: Option<TrustedSet>,
    /// The roots from the anchor on.
    pub(super) chain: Vec<Verified<Root>>,
    pub(super) walked: Vec<u64>,
    pub(super) rotations: u64,
    pub(super) from_store: bool,
    /// Why the store served, if it did.
    pub(super) served_for: Option<Error>,
    /// Whether the server gave a timestamp in this run.
    pub(super) asked_server: bool,
}

impl Session {
    pub(super) fn new(io: Io, mut settings: Settings) -> Self {
        settings.wire.counts = settings.limits.counts;
        let record = Record::new(settings.wire.format, &settings.name);
        Session {
            io,
            settings,
            record,
            stored: None,
            base: None,
            moved: false,
            checked: Checked::default(),
            files: BTreeMap::new(),
            fetched: 0,
            set: None,
            chain: Vec::new(),
            walked: Vec::new(),
            rotations: 0,
            from_store: false,
            served_for: None,
            asked_server: false,
        }
    }

    /// `None` if the store changed under this run.
    pub(super) async fn run(mut self, set: Option<TrustedSet>, queries: &[(Query, TagRule)]) -> Option<Outcome> {
        let refreshed = match set {
            None => self.refresh().await,
            Some(set) => self.resume(set).await,
        };
        let mut answers = Vec::with_capacity(queries.len());
        for (query, rule) in queries {
            answers.push(match &refreshed {
                Ok(()) => self.look_up(query, rule).await.map_err(|e| self.without_answer(e)),
                Err(e) => Err(e.clone()),
            });
        }
        if self.moved {
            return None;
        }
        // What was accepted is kept whatever failed later (T-17); what cannot be kept is no answer.
        let kept = self.keep(refreshed.is_ok()).await;
        if self.moved {
            return None;
        }
        if let Err(e) = &kept {
            answers.iter_mut().filter(|a| a.is_ok()).for_each(|a| *a = Err(e.clone()));
        }
        Some(Outcome {
            last_checked: self.checked.at(self.settings.injected),
            set: self.set,
            refreshed: refreshed.and(kept),
            answers,
            from_store: self.from_store,
            root_versions: self.walked,
            roots: self.chain,
            report: Vec::new(),
        })
    }

    pub(super) fn set(&mut self) -> Result<&mut TrustedSet> {
        self.set.as_mut().ok_or_else(|| internal("no root yet"))
    }

    pub(super) async fn refresh(&mut self) -> Result<()> {
        self.open().await?;
        self.clock()?;
        let begun = match self.trusted_root().await {
            Ok(()) => self.adopt().await,
            Err(e) => Err(e),
        };
        if let Err(e) = begun {
            // T-46: a record that does not name another client's files would make them absent at the
            // next run, and their versions forgotten.
            self.settings.no_persist |= self.has_unrecorded().await;
            return Err(e);
        }
        let fresh = self.is_fresh().await?;
        match self.settings.wire.format {
            _ if fresh => self.use_kept().await,
            Format::Tuf1 => self.tuf_order().await,
            Format::Notary1 => self.notary_order().await,
        }
        .map_err(|e| self.without_answer(e))?;
        self.ages()
    }

    /// T-2: goes on with `set` at this run's time. Where the store has moved on from it (another
    /// process, a refresh that failed half way) nothing is kept: the two do not mix.
    async fn resume(&mut self, mut set: TrustedSet) -> Result<()> {
        self.open().await?;
        self.clock()?;
        set.start = self.settings.start;
        set.budget = Budget::new(self.settings.limits.work);
        let stored = self.record.memory();
        let same = |name| stored.of(name) == set.memory.of(name);
        if self.record.root == set.root.content().version() && same(role::TIMESTAMP) && same(role::SNAPSHOT) {
            set.memory = stored;
        } else {
            self.settings.no_persist = true;
        }
        self.set = Some(set);
        Ok(())
    }

    /// What only our own store shows while the server gave no answer is no refusal: it is the
    /// network's code, and `found` tells what the store shows.
    pub(super) fn without_answer(&self, e: Error) -> Error {
        let shown_by_store = has_expired(e.code()) || e.code() == Code::StoreEmpty;
        match &self.served_for {
            Some(why) if shown_by_store && !self.settings.offline => {
                why.clone().values("an answer, or a store that is complete and in force", e)
            }
            _ => e,
        }
    }

    /// Writes down how a check went.
    pub(super) fn judged<T>(&self, section: &'static str, file: &str, outcome: Result<T>) -> Result<T> {
        let held = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.io.note(Event::Checked { section, file: file.to_owned(), outcome: held });
        outcome
    }

    // ---- requests ----

    /// The bytes of a request that was asked, or a definite "not found".
    pub(super) async fn bytes_of(&mut self, id: u64, name: &str) -> Result<Got> {
        match self.io.fetched(id).await {
            Answer::NotFound(where_asked) => Ok(Got::Absent(where_asked)),
            Answer::Failed(e) => Err(e.for_role(name)),
            Answer::Bytes(bytes) => {
                self.fetched = self.fetched.saturating_add(bytes.len() as u64);
                if self.fetched > self.settings.limits.metadata {
                    return Err(Error::new(
                        Code::LimitBytes,
                        "T-28",
                        "all metadata of this run together are too large",
                    )
                    .for_role(name)
                    .values(self.settings.limits.metadata, self.fetched));
                }
                Ok(Got::Bytes(bytes))
            }
        }
    }

    /// Fetches a file whose length nobody signed: our own ceiling holds.
    pub(super) async fn fetch(&mut self, path: &str, ceiling: u64, name: &str, absent: Absent) -> Result<Got> {
        if self.settings.offline {
            return Err(Error::new(Code::StoreEmpty, "T-51", "offline, and the store does not hold this file")
                .for_role(name)
                .in_file(path));
        }
        let id = self.io.ask(path.to_owned(), ceiling, absent);
        let got = match self.bytes_of(id, name).await {
            // T-8: object stores answer 403 for what is not there.
            Err(e)
                if absent == Absent::EndsChain
                    && e.code() == Code::AuthDenied
                    && self.settings.forbidden_is_missing =>
            {
                let said = e.to_string();
                if let Some(set) = &mut self.set {
                    let message = format!("a denied request was taken for the end of the root chain: {said}");
                    set.warn(Error::new(Code::RootDenied, "T-8", message).for_role(name).in_file(path));
                }
                Ok(Got::Absent(said))
            }
            got => got.map_err(|e| e.in_file(path)),
        };
        match got? {
            Got::Bytes(bytes) if bytes.len() as u64 > ceiling => {
                Err(Error::new(Code::LimitBytes, "T-28", "the file is larger than our ceiling")
                    .for_role(name)
                    .in_file(path)
                    .values(format_args!("at most {ceiling} bytes"), "more"))
            }
            got => Ok(got),
        }
    }

    // ---- look-ups ----

    pub(super) async fn look_up(&mut self, query: &Query, rule: &TagRule) -> Result<Trusted> {
        if self.settings.mode.fetches_all() && self.settings.wire.format == Format::Notary1 {
            // As the reference does: every delegation, whether it is consulted or not.
            self.searched(&Query::All, &TagRule::TargetsFirst).await?;
        }
        let answer = self.searched(query, rule).await?;
        if answer.found.is_empty() && *query != Query::All {
            return Err(not_signed(query));
        }
        Ok(answer)
    }

    pub(super) async fn searched(&mut self, query: &Query, rule: &TagRule) -> Result<Trusted> {
        let mut walk = super::search::Walk::new(self.settings.limits.work);
        loop {
            let mut warnings = Vec::new();
            let set = self.set()?;
            match set.lookup_on(query, rule, set.start, &mut warnings, &mut walk)? {
                Lookup::Found(found) => return Ok(Trusted { found, warnings }),
                Lookup::Absent => return Ok(Trusted { found: Vec::new(), warnings }),
                Lookup::Needs(needs) => self.obtain(needs).await?,
            }
        }
    }
}

/// Why there is no answer, with why what is held cannot stand in for one.
pub(crate) fn without_stand_in(e: Error, held: Option<Error>) -> Error {
    match held {
        Some(held) if e.code().answer() == error::Answer::Unchecked => {
            e.values("an answer, or what holds without", held)
        }
        _ => e,
    }
}

/// Whether it is for its expiry that metadata are refused.
pub(crate) fn has_expired(code: Code) -> bool {
    matches!(
        code,
        Code::ExpiredRoot
            | Code::ExpiredTimestamp
            | Code::ExpiredSnapshot
            | Code::ExpiredTargets
            | Code::ExpiredDelegation
    )
}

pub(crate) fn not_signed(query: &Query) -> Error {
    let what = match query {
        Query::Name(name) => format!("`{}`", crate::error::shown(name)),
        Query::Digest(digest) => format!("the digest sha256:{}", hex(digest)),
        Query::All => "anything".to_owned(),
    };
    Error::new(Code::TargetNotSigned, "N-33 (TUF 5.6.7)", format!("no trusted role signs {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Fetched, Pin, Step};
    use super::*;

    /// T-28: all files of a run together, to the byte.
    #[test]
    fn the_metadata_of_a_run_are_limited() {
        for (before, refused) in [(11, None), (10, None), (9, Some(Code::LimitBytes))] {
            let now = Time::parse("2030-01-01T00:00:00Z").expect("a time");
            let settings = Settings::new("registry.test/app", Format::Notary1, Pin::FirstUse, now);
            let mut job = Job::new(|io| async move {
                let mut session = Session::new(io, settings);
                session.fetched = session.settings.limits.metadata - before;
                session.fetch("root.json", 100, "root", Absent::IsError).await
            });
            let Step::Fetch(request) = job.step() else { panic!("no request") };
            job.answer(request.id, Fetched::Bytes(vec![b' '; 10]));
            let Step::Done(fetched) = job.step() else { panic!("no end") };
            assert_eq!(fetched.err().map(|e| e.code()), refused, "{before} bytes before the limit");
        }
    }
}
