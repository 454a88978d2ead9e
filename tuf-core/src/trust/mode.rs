//! Strict mode, and the reference Notary client's exceptions from it: one table (N-41).

use crate::error::Code;

/// Strict, or with the reference Notary client's exceptions (N-40, N-41).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Every rule holds.
    #[default]
    Strict,
    /// The exceptions of N-41, each with a warning.
    Compatible,
}

/// What compatible mode lets pass, and strict mode refuses. There are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exception {
    /// A delegation that has expired is passed by.
    DelegationExpired,
    /// A delegation below its threshold is passed by.
    DelegationBelowThreshold,
    /// Key ids are counted, not key material.
    KeyIdsCounted,
    /// A stated length is an upper bound.
    LengthUpperBound,
    /// A target without a full SHA-256 is left out of a list.
    TargetWithoutDigest,
    /// An equal version may have other content.
    OtherContent,
    /// An entry that was listed before may be gone.
    RemovedEntry,
    /// Line breaks and spare bits in base64.
    LenientBase64,
    /// The store answers where the server does not, until the timestamp expires.
    StoreServes,
    /// The store answers where the server has no timestamp, until the kept one expires.
    StoreServesMissing,
}

impl Exception {
    /// The table of N-41: each exception, and the code that strict mode refuses with.
    pub const TABLE: &'static [(Exception, Code)] = &[
        (Exception::DelegationExpired, Code::ExpiredDelegation),
        (Exception::DelegationBelowThreshold, Code::SignatureThreshold),
        (Exception::KeyIdsCounted, Code::SignatureThreshold),
        (Exception::LengthUpperBound, Code::MismatchLength),
        (Exception::TargetWithoutDigest, Code::TargetNoDigest),
        (Exception::OtherContent, Code::MismatchContent),
        (Exception::RemovedEntry, Code::RollbackRemoved),
        (Exception::LenientBase64, Code::ParseEncoding),
        (Exception::StoreServes, Code::NetworkUnreachable),
        (Exception::StoreServesMissing, Code::MissingTimestamp),
    ];

    /// Whether it holds in this mode.
    pub(crate) fn holds(self, mode: Mode) -> bool {
        mode == Mode::Compatible && Exception::TABLE.iter().any(|(e, _)| *e == self)
    }
}

impl Mode {
    /// The word that configuration and verdict use.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Strict => "strict",
            Mode::Compatible => "compatible",
        }
    }

    /// Whether every delegation is fetched and judged, as the reference client does (N-33).
    pub(crate) fn fetches_all(self) -> bool {
        self == Mode::Compatible
    }

    /// Whether a store's age bounds how long it may serve (T-53: off in compatible mode).
    pub(crate) fn bounds_age(self) -> bool {
        self == Mode::Strict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-41.24: the mode is asked in this file alone, and the exceptions stand in one table.
    #[test]
    fn the_mode_is_asked_in_one_place() {
        let names: Vec<String> = Exception::TABLE.iter().map(|(e, _)| format!("{e:?}")).collect();
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut used = std::collections::BTreeSet::new();
        for folder in ["", "trust", "wire", "client"] {
            for entry in std::fs::read_dir(source.join(folder)).expect("the source") {
                let path = entry.expect("a file").path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                if path.ends_with("trust/mode.rs") {
                    continue;
                }
                for asked in ["== Mode::", "!= Mode::", "== super::Mode::", "matches!(self.mode"] {
                    assert!(!text.contains(asked), "{} asks for the mode: {asked}", path.display());
                }
                used.extend(names.iter().filter(|n| text.contains(&format!("Exception::{n}"))).cloned());
            }
        }
        assert_eq!(used.len(), names.len(), "an exception that nothing uses: {names:?} {used:?}");
    }

    /// N-41.24: strict mode has none.
    #[test]
    fn exceptions_hold_in_compatible_mode_alone() {
        for (exception, _) in Exception::TABLE {
            assert!(exception.holds(Mode::Compatible) && !exception.holds(Mode::Strict), "{exception:?}");
        }
    }
}
