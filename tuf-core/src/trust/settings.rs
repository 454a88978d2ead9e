//! What a collection is judged by.

use super::{Exception, Mode, Pin};
use crate::limits::Limits;
use crate::metadata::Format;
use crate::time::Time;
use crate::wire::Wire;

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
    /// Whether a denied request (403) for the next root ends the chain (T-8).
    pub forbidden_is_missing: bool,
    /// Ask the store alone (T-51).
    pub offline: bool,
    /// Read the store and write nothing: a verdict, and no memory of it (T-49).
    pub no_persist: bool,
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
            forbidden_is_missing: format == Format::Tuf1,
            offline: false,
            no_persist: false,
        }
    }

    /// The mode, and with it how base64 is read.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        // TUF 1.0 has no compatible mode.
        self.mode = if self.wire.format == Format::Notary1 { mode } else { Mode::Strict };
        self.wire.compatible = Exception::LenientBase64.holds(self.mode);
        self
    }

    pub(super) fn serves_cache(&self) -> bool {
        self.offline || Exception::StoreServes.holds(self.mode) || self.unreachable == Unreachable::UseCache
    }
}
