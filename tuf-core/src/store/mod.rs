//! Stores: where a collection's files and its state record are kept between runs.

#[cfg(feature = "client")]
mod file;

#[cfg(feature = "client")]
pub use file::{FileStore, LOCK_WAIT, locked};

use crate::error::{Error, Result};
use crate::trust::{Changes, Committed, FileName};
use std::collections::BTreeMap;

/// A place that keeps the files of one collection.
pub trait Store {
    /// The bytes of a file; `None` if there is none. With `sha256` (hex) the file should have
    /// that hash: where it does not, and bytes that do lie beside it, those are handed out.
    ///
    /// # Errors
    /// `store.*`.
    fn load(&mut self, file: &FileName, sha256: Option<&str>) -> Result<Option<Vec<u8>>>;

    /// Makes all changes or none: [`Committed::Conflict`] if the record is not the one that the
    /// changes are based on. Killed at any moment, each file is its old or its new bytes.
    ///
    /// # Errors
    /// `store.*`; `store.read-only` where nothing can ever be written.
    fn commit(&mut self, changes: &Changes) -> Result<Committed>;

    /// What was noticed about the store itself, and should be mended.
    fn notes(&self) -> Vec<Error> {
        Vec::new()
    }
}

/// A store that lives as long as the process: no protection from rollback between runs.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    files: BTreeMap<FileName, Vec<u8>>,
}

impl Store for MemoryStore {
    fn load(&mut self, file: &FileName, _: Option<&str>) -> Result<Option<Vec<u8>>> {
        Ok(self.files.get(file).cloned())
    }

    fn commit(&mut self, changes: &Changes) -> Result<Committed> {
        let record = self.files.get(&FileName::Record).map(|bytes| crate::crypto::hex(&crate::crypto::sha256(bytes)));
        if !changes.files.is_empty() && record != changes.base {
            return Ok(Committed::Conflict);
        }
        for (file, bytes) in &changes.files {
            match bytes {
                Some(bytes) => self.files.insert(file.clone(), bytes.to_vec()),
                None => self.files.remove(file),
            };
        }
        if let Some(checked) = &changes.checked {
            self.files.insert(FileName::Checked, checked.to_vec());
        }
        Ok(Committed::Done)
    }
}
