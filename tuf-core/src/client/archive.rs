//! `image save`: a verified collection as a folder, for the day its server is gone.

use super::config::Config;
use super::images::listed;
use super::question::Question;
use super::run::Ask;
use crate::error::{Code, Error, Result};
use crate::metadata::Format;
use crate::trust::{FileName, Outcome};
use crate::verdict::Document;
use std::io::Write;
use std::path::Path;

/// Verifies all of a collection, as [`super::list`] does, and writes what was verified into
/// `folder`: the chain of roots from the pinned one, timestamp, snapshot, every targets role. A
/// server's `url` may then be `file:` and this folder.
///
/// The folder must not be there, or be empty; nothing is left of it unless it is whole.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn save(config: &Config, gun: &str, folder: &Path, ask: &Ask) -> Document {
    match free(folder) {
        Ok(()) => listed(collection(config, gun, ask), config, ask, |outcome| write(outcome, folder)),
        Err(e) => Document::of_error(&e, gun),
    }
}

/// A Notary collection, which is a whole repository.
fn collection(config: &Config, gun: &str, ask: &Ask) -> Result<Question, Box<Document>> {
    let question = Question::list(config, gun, ask)?;
    if question.resolved().settings.wire.format == Format::Notary1 {
        return Ok(question);
    }
    let why = "Notary collections are saved; a TUF 1.0 repository is copied as a folder";
    Err(Box::new(Document::of_error(&Error::new(Code::ConfigValue, "docs/verdict.md", why), gun)))
}

fn failed(folder: &Path, what: &str, e: impl std::fmt::Display) -> Error {
    Error::new(Code::StoreIo, "docs/verdict.md", format!("the folder cannot be {what}: {e}"))
        .in_file(&folder.display().to_string())
        .with_hint("make room, or name another folder")
}

/// An archive is never mixed with something else.
fn free(folder: &Path) -> Result<()> {
    let used = |why: &str| {
        let e = Error::new(Code::UsageArgument, "docs/verdict.md", why);
        Err(e.in_file(&folder.display().to_string()).with_hint("name a folder that is not there yet"))
    };
    match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => used(&format!("the folder to save into cannot be used: {e}")),
        Ok(mut entries) => match entries.next() {
            Some(_) => used("the folder to save into is not empty"),
            None => Ok(()),
        },
    }
}

/// All files, in a new folder beside the goal that takes its place at the end.
fn write(outcome: &Outcome, folder: &Path) -> Result<()> {
    let set = outcome.set.as_ref().ok_or_else(|| crate::trust::internal("nothing was verified"))?;
    let mut files = Vec::new();
    for root in &outcome.roots {
        files.push((format!("{}.root.json", root.content().version), root.bytes()));
    }
    files.push(("root.json".to_owned(), set.root().bytes()));
    files.extend(set.timestamp().map(|t| (FileName::Timestamp.path(), t.bytes())));
    files.extend(set.snapshot().map(|s| (FileName::Snapshot.path(), s.bytes())));
    for targets in set.verified_targets() {
        // Characters and depth of a role's name were checked when it was read (N-1).
        files.push((format!("{}.json", targets.role()), targets.bytes()));
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let save = || -> std::io::Result<()> {
        std::fs::create_dir_all(parent)?;
        let new = tempfile::Builder::new().prefix(".saving-").tempdir_in(parent)?;
        for (name, bytes) in files {
            let path = new.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(parent))?;
            let mut file = std::fs::File::create(path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        // An empty folder gives way to the new one.
        std::fs::rename(new.path(), folder)?;
        // The folder is no longer where it was made: there is nothing left to remove.
        drop(new.keep());
        std::fs::File::open(parent)?.sync_all()
    };
    save().map_err(|e| failed(folder, "written", e))
}
