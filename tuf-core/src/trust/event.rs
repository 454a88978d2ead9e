//! What a run did, in order: for people and logs. Nothing is decided by it.

use super::machine::FileName;
use crate::error::{Result, shown};
use std::fmt::{Display, Formatter};

/// One thing that happened in a run. Each is also an event of the crate `tracing`, on level debug
/// below the target `tuf_core`, in the span `run` of its collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A file was asked for.
    Requested {
        /// The path below the metadata URL.
        path: String,
        /// How many bytes came; `None` where there is no such file.
        outcome: Result<Option<u64>>,
    },
    /// A file of the store was read.
    Loaded {
        /// The file.
        file: FileName,
        /// How many bytes it has; `None` where there is none.
        outcome: Result<Option<u64>>,
    },
    /// A file, or the clock, was judged.
    Checked {
        /// The section of the specification whose rules were applied.
        section: &'static str,
        /// What was judged.
        file: String,
        /// Which rule it broke, if one.
        outcome: Result<()>,
    },
    /// What was accepted was handed to the store.
    Committed {
        /// How many files changed.
        files: usize,
        /// How that went.
        outcome: Result<()>,
    },
}

impl Event {
    /// Tells whoever listens.
    pub(super) fn trace(&self) {
        let text = self.to_string();
        tracing::debug!(target: "tuf_core", "{text}");
    }

    /// Whether it is a request that was made.
    pub fn is_request(&self) -> bool {
        matches!(self, Event::Requested { .. })
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let bytes = |f: &mut Formatter<'_>, outcome: &Result<Option<u64>>| match outcome {
            Ok(Some(bytes)) => write!(f, "{bytes} bytes"),
            Ok(None) => f.write_str("not there"),
            Err(e) => write!(f, "{e}"),
        };
        let held = |f: &mut Formatter<'_>, outcome: &Result<()>| match outcome {
            Ok(()) => f.write_str("holds"),
            Err(e) => write!(f, "{e}"),
        };
        match self {
            Event::Requested { path, outcome } => {
                write!(f, "requested {}: ", shown(path))?;
                bytes(f, outcome)
            }
            Event::Loaded { file, outcome } => {
                write!(f, "loaded {}: ", file.path())?;
                bytes(f, outcome)
            }
            Event::Checked { section, file, outcome } => {
                write!(f, "checked {} (TUF {section}): ", shown(file))?;
                held(f, outcome)
            }
            Event::Committed { files, outcome } => {
                write!(f, "committed {files} files: ")?;
                held(f, outcome)
            }
        }
    }
}
