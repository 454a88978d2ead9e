//! What is remembered: looking at stores, and mending them without losing what they remember.

use crate::crypto::{hex, sha256};
use crate::error::{Code, Error, Result};
use crate::metadata::Bytes;
use crate::store::{FileStore, Store};
use crate::time::Time;
use crate::trust::{Changes, Checked, Committed, FileName, Record, local_name};
use std::path::{Path, PathBuf};

/// A store as it lies there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreStatus {
    /// Its folder.
    pub folder: PathBuf,
    /// The collection; the folder's name where the record cannot be read.
    pub name: String,
    /// What the record remembers.
    pub record: Result<Record>,
    /// Files that are not what was recorded.
    pub damage: Vec<Error>,
    /// When the last complete check ended, by the clock.
    pub last_checked: Option<Time>,
}

/// All stores below `cache`, or the one of `name`.
///
/// # Errors
/// `store.io`, `store.foreign`.
pub fn stores(cache: &Path, name: Option<&str>) -> Result<Vec<StoreStatus>> {
    let mut out = Vec::new();
    for format in ["notary1", "tuf1"] {
        for folder in folders(&cache.join(format))? {
            let Some(status) = status(&folder)? else { continue };
            let encoded = |name: &str| folder.file_name().is_some_and(|n| *n == *local_name(name));
            if name.is_none_or(|name| status.name == name || encoded(name)) {
                out.push(status);
            }
        }
    }
    Ok(out)
}

fn folders(below: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| {
        Error::new(Code::StoreIo, "T-49", format!("the cache cannot be read: {e}"))
            .in_file(&below.display().to_string())
    };
    let entries = match std::fs::read_dir(below) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut out = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

/// The status of a folder; none where nothing was ever kept (a first contact that was killed).
fn status(folder: &Path) -> Result<Option<StoreStatus>> {
    let mut store = FileStore::new(folder);
    let checked = Checked::read(store.load(&FileName::Checked, None)?.as_deref());
    let record = match store.load(&FileName::Record, None) {
        Ok(None) => return Ok(None),
        Ok(Some(bytes)) => Record::parse(&bytes),
        Err(e) => Err(e),
    };
    let damage = record.as_ref().map(|r| damage(&mut store, r)).unwrap_or_default();
    let last = folder.file_name().map(|n| n.to_string_lossy().into_owned());
    let name = record.as_ref().map_or_else(|_| last.unwrap_or_default(), |r| r.name().to_owned());
    Ok(Some(StoreStatus { folder: folder.to_owned(), name, damage, last_checked: checked.at(false), record }))
}

/// Every file of the record that is not what was recorded.
fn damage(store: &mut FileStore, record: &Record) -> Vec<Error> {
    let mut out = Vec::new();
    for file in record.file_names() {
        let want = record.sha256_of(&file);
        if let Err(e) = store.load(&file, want.as_deref()).and_then(|bytes| record.check_file(&file, bytes)) {
            out.push(e);
        }
    }
    out
}

/// Takes damaged files out of the record, so that they are fetched again; what is remembered of
/// their roles stays. A damaged chain of roots or record cannot be mended so.
///
/// # Errors
/// `store.*`; `store.damaged` where mending would lose what is remembered.
pub fn repair(status: &StoreStatus) -> Result<Vec<String>> {
    let mut store = FileStore::new(&status.folder);
    let record = status.record.clone()?;
    let mut mended = record.clone();
    let mut dropped = Vec::new();
    for file in record.file_names() {
        let want = record.sha256_of(&file);
        let sound = store.load(&file, want.as_deref()).and_then(|bytes| record.check_file(&file, bytes));
        match (sound, &file) {
            (Ok(_), _) => {}
            (Err(e), FileName::Root(_)) => return Err(e),
            (Err(_), _) => {
                mended.drop_file(&file);
                dropped.push(file.path());
            }
        }
    }
    if dropped.is_empty() {
        return Ok(dropped);
    }
    let base = store.load(&FileName::Record, None)?.map(|bytes| hex(&sha256(&bytes)));
    let mut changes = Changes { base, recorded: mended.files().clone(), ..Changes::default() };
    changes.files.insert(FileName::Record, Some(Bytes::new(mended.write()?)));
    match store.commit(&changes)? {
        Committed::Done => Ok(dropped),
        Committed::Conflict => {
            Err(Error::new(Code::StoreLocked, "T-45", "another run changed the store meanwhile").with_hint("ask again"))
        }
    }
}

/// Forgets a store whole: versions, roots, everything seen.
///
/// # Errors
/// `store.io`.
pub fn forget(status: &StoreStatus) -> Result<()> {
    std::fs::remove_dir_all(&status.folder).map_err(|e| {
        Error::new(Code::StoreIo, "T-49", format!("the store cannot be removed: {e}"))
            .in_file(&status.folder.display().to_string())
    })
}

/// Forgets when the last complete check ended: a clock that was ahead no longer stands in the way.
///
/// # Errors
/// `store.io`.
pub fn forget_clock(status: &StoreStatus) -> Result<()> {
    match std::fs::remove_file(status.folder.join(FileName::Checked.path())) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(Code::StoreIo, "T-3", format!("the time of the last check cannot be removed: {e}")))
        }
        _ => Ok(()),
    }
}
