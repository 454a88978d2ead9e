//! What is trusted: the set of verified metadata, the machine that brings it up to date, and the
//! search in it.

mod event;
mod keep;
mod listing;
mod machine;
mod mode;
mod offer;
mod pattern;
mod pin;
mod pinned;
mod record;
mod refresh;
mod roots;
mod search;
mod session;
mod set;
mod settings;
mod target;

pub use event::Event;
pub(crate) use machine::local_name;
pub use machine::{Absent, Answer as Fetched, Changes, Committed, FileName, Job, Request, Step};
pub use mode::{Exception, Mode};
pub use offer::{offered_root, pinnable_root};
pub use pattern::pattern_matches;
pub use pin::Pin;
pub use record::{Checked, Record};
pub use search::{Found, Lookup, Need, Query, TagRule};
pub use session::{Outcome, Trusted, start};
#[cfg(feature = "client")]
pub(crate) use session::{go_on, has_expired, not_signed, without_stand_in};
pub use settings::{Ages, Settings, Unreachable};
pub use target::TargetCheck;

use crate::error::{Code, Error};
use crate::limits::{Budget, Limits};
use crate::metadata::{Format, Metadata, Root, Snapshot, Targets, Timestamp, Verified, role};
use crate::time::Time;
use crate::verify::Remembered;
use crate::wire::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an earlier run accepted: versions, and the names that snapshots listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) roles: BTreeMap<String, Remembered>,
    /// Every role that an accepted snapshot listed and that is not withdrawn (N-40).
    pub(crate) listed: BTreeSet<String>,
    /// The root version of the last drop (T-10): what an older root accepted is no memory.
    pub(crate) dropped: u64,
}

impl Memory {
    /// What is remembered of a role, if it counts.
    pub(crate) fn of(&self, name: &str) -> Option<&Remembered> {
        self.roles.get(name).filter(|r| r.root_version >= self.dropped)
    }

    /// What counts now counts as accepted under this root: the one before is removed (T-5).
    pub(crate) fn accepted_under(&mut self, root_version: u64) {
        for remembered in self.roles.values_mut().filter(|r| r.root_version >= self.dropped) {
            remembered.root_version = root_version;
        }
    }
}

/// Verified metadata, and what it is judged by. Only this yields targets.
#[derive(Clone, Debug)]
pub struct TrustedSet {
    pub(crate) name: String,
    pub(crate) wire: Wire,
    pub(crate) mode: Mode,
    pub(crate) pin: Pin,
    pub(crate) start: Time,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) root: Verified<Root>,
    pub(crate) timestamp: Option<Verified<Timestamp>>,
    pub(crate) snapshot: Option<Verified<Snapshot>>,
    /// By delegator and role: a role reached through two delegators is verified for each (T-22).
    /// Shared: a set is cloned where another run goes on with it.
    pub(crate) targets: BTreeMap<(String, String), Arc<Verified<Targets>>>,
    /// Delegated roles that compatible mode passes by, and why.
    pub(crate) broken: BTreeMap<String, Error>,
    pub(crate) memory: Memory,
    pub(crate) warnings: Vec<Error>,
}

impl TrustedSet {
    /// The newest trusted root.
    pub fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// The timestamp, once it was accepted.
    pub fn timestamp(&self) -> Option<&Verified<Timestamp>> {
        self.timestamp.as_ref()
    }

    /// The snapshot, once it was accepted.
    pub fn snapshot(&self) -> Option<&Verified<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// A targets role as `delegator` names its keys; the top level's delegator is `root`.
    pub fn targets(&self, delegator: &str, name: &str) -> Option<&Verified<Targets>> {
        self.targets.get(&(delegator.to_owned(), name.to_owned())).map(Arc::as_ref)
    }

    /// The top-level targets.
    pub fn top_level_targets(&self) -> Option<&Verified<Targets>> {
        self.targets(role::ROOT, role::TARGETS)
    }

    /// Every targets role that was verified in this run.
    pub fn verified_targets(&self) -> impl Iterator<Item = &Verified<Targets>> {
        self.targets.values().map(Arc::as_ref)
    }

    /// The same, each with the role whose delegation led to it; the top level's is `root`.
    pub fn by_delegator(&self) -> impl Iterator<Item = (&str, &Verified<Targets>)> {
        self.targets.iter().map(|((delegator, _), file)| (delegator.as_str(), file.as_ref()))
    }

    /// The wire format.
    pub fn format(&self) -> Format {
        self.wire.format
    }

    /// What was let pass, and should be mended.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// The role that expires first among those of this set, and when.
    pub fn earliest_expiry(&self) -> (String, Time) {
        let mut all = vec![(role::ROOT.to_owned(), self.root.content().expires())];
        let mut add = |role: &str, expires: Time| all.push((role.to_owned(), expires));
        if let Some(t) = &self.timestamp {
            add(role::TIMESTAMP, t.content().expires());
        }
        if let Some(s) = &self.snapshot {
            add(role::SNAPSHOT, s.content().expires());
        }
        for t in self.targets.values() {
            add(t.role(), t.content().expires());
        }
        all.into_iter()
            .min_by_key(|(_, expires)| *expires)
            .unwrap_or((role::ROOT.to_owned(), self.root.content().expires()))
    }

    pub(crate) fn warn(&mut self, warning: Error) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Whether an exception of N-41 holds.
    pub(crate) fn allows(&self, exception: Exception) -> bool {
        exception.holds(self.mode)
    }

    /// A refusal that an exception of N-41 turns into a warning.
    pub(crate) fn excepted(&mut self, exception: Exception, refusal: Error) -> Result<(), Error> {
        if self.allows(exception) {
            self.warn(refusal);
            return Ok(());
        }
        Err(refusal)
    }

    pub(crate) fn remember<T: Metadata>(&mut self, file: &Verified<T>) -> Result<(), Error> {
        let version = file.content().version();
        let root_version = self.root.content().version();
        let known = self.memory.of(file.role());
        // The digest is taken anew only for what is new: it costs as much as the signature.
        if known.is_none_or(|m| m.version != version) || self.allows(Exception::OtherContent) {
            let content = file.content_id()?;
            self.memory.roles.insert(file.role().to_owned(), Remembered { version, content, root_version });
        }
        Ok(())
    }
}

/// A fault of this program, told as such instead of a panic.
pub(crate) fn internal(what: &str) -> Error {
    Error::new(Code::Internal, "internal", what)
}
