//! Ceilings on size, count and work, each with its reason (T-28).

use crate::error::{Code, Error, Result};

/// What one run may take in, and how much it may work. Every number can be set; the defaults
/// are those of T-28.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a root file. 512 KiB holds some 400 RSA-4096 certificates.
    pub root: u64,
    /// Bytes of a timestamp: it names one file, so 64 KiB is generous.
    pub timestamp: u64,
    /// Bytes of a snapshot: 16 MiB is about 65,000 delegated roles.
    pub snapshot: u64,
    /// Bytes of a targets file: 64 MiB is about 500,000 targets.
    pub targets: u64,
    /// Bytes of one target that is downloaded.
    pub target: u64,
    /// Roles one search may visit (the top-level targets counts).
    pub roles: u64,
    /// How deep delegations may nest.
    pub depth: u64,
    /// Root rotations one run walks.
    pub rotations: u64,
    /// Bytes of all metadata of one run together: what a hostile server can make us read.
    pub metadata: u64,
    /// What one file may hold.
    pub counts: Counts,
    /// Units of work of one run, spent down: see [`Budget`].
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            root: 512 << 10,
            timestamp: 64 << 10,
            snapshot: 16 << 20,
            targets: 64 << 20,
            target: 8 << 30,
            roles: 1_024,
            depth: 64,
            rotations: 1_024,
            metadata: METADATA_TOTAL,
            counts: Counts::default(),
            work: 400_000_000,
        }
    }
}

impl Limits {
    /// The defaults for a Notary server: its own client reads 1 MiB of timestamp and 8 MiB of
    /// root (requirements-notary.md, "byte limits").
    pub fn notary1() -> Self {
        Limits { root: 8 << 20, timestamp: 1 << 20, ..Limits::default() }
    }
}

/// How much one file may hold, whatever its size (T-28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Signatures: a threshold is never above a few dozen.
    pub signatures: usize,
    /// Keys; and delegations: both fit in a targets file of 64 MiB.
    pub keys: usize,
    /// Bytes of a role name, a path, a pattern or a key id: longer than any file system takes.
    pub names: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Counts { signatures: 1_024, keys: 65_536, names: 8 << 10 }
    }
}

/// All metadata of one run together, unless configured.
pub(crate) const METADATA_TOTAL: u64 = 256 << 20;

/// Work of one signature check: measured, an RSA-8192 check takes some 20,000 times as long as
/// one character compared in a pattern.
const SIGNATURE_CHECK: u64 = 20_000;

/// The budget of work of one run, spent down. One unit is one pattern character compared with
/// one name character; a signature check costs 20,000.
#[derive(Clone, Debug)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A budget of so many units.
    pub fn new(units: u64) -> Self {
        Budget { left: units }
    }

    /// Pays for one signature check.
    pub(crate) fn signature(&mut self) -> Result<()> {
        self.spend(SIGNATURE_CHECK)
    }

    /// Pays for so many units, or ends the run.
    pub(crate) fn spend(&mut self, units: u64) -> Result<()> {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Error::new(Code::LimitWork, "T-28", "the budget of work of this run is spent")
                    .with_hint("the metadata asks for far more work than an honest repository does"))
            }
        }
    }
}

/// An error unless `name` is short enough to be a role name, a path or a key id.
pub(crate) fn name_length(name: &str, what: &str, most: usize) -> Result<()> {
    if name.len() <= most {
        return Ok(());
    }
    Err(Error::new(Code::LimitNames, "T-28", format!("{what} is too long"))
        .values(format_args!("at most {most} bytes"), format_args!("{} bytes", name.len())))
}

/// An error unless `count` is at most `limit`.
pub(crate) fn count(code: Code, what: &str, count: usize, limit: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::new(code, "T-28", format!("too many {what}")).values(format_args!("at most {limit}"), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_down_and_then_ends_the_run() {
        let mut budget = Budget::new(SIGNATURE_CHECK + 1);
        assert!(budget.signature().is_ok());
        assert!(budget.spend(1).is_ok());
        assert_eq!(budget.spend(1).map_err(|e| e.code()), Err(Code::LimitWork));
    }
}
