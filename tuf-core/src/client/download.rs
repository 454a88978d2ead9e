//! Targets as files: streamed, checked on the way, and never under their name before (T-41).

use crate::error::{Code, Error, Result};
use crate::transport::Body;
use crate::trust::TargetCheck;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes hashed at a time: an async runtime is not held up for longer.
const PIECE: usize = 64 << 10;

/// A file with the content that was signed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it lies.
    pub path: PathBuf,
    /// The handle that was read or written, at its beginning.
    pub file: File,
    /// Whether it was fetched; it may have been there.
    pub fetched: bool,
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    let code = match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::StoreFull,
        _ => Code::StoreIo,
    };
    Error::new(code, "T-41", format!("the target's file cannot be written: {e}")).in_file(&path.display().to_string())
}

/// Checks a reader's content in small pieces.
pub(super) async fn checked(mut check: TargetCheck, from: &mut (dyn Read + Send)) -> Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let n = match from.read(&mut piece) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            read => read.map_err(|e| {
                Error::new(Code::UsageFile, "T-41", format!("the content to be verified cannot be read: {e}"))
            })?,
        };
        match piece.get(..n) {
            None | Some([]) => return check.finish(),
            Some(bytes) => check.update(bytes)?,
        }
        tokio::task::yield_now().await;
    }
}

/// The file that lies there, if it is a file with the right content: hashed now, from the handle
/// that is handed on.
pub(super) async fn already_there(check: TargetCheck, path: &Path) -> Option<File> {
    let seen = std::fs::symlink_metadata(path).ok()?;
    if !seen.is_file() || seen.len() != check.length() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    checked(check, &mut file).await.ok()?;
    file.rewind().ok()?;
    Some(file)
}

/// Streams a body into a new file beside `path`, which takes its place once it is verified.
pub(super) async fn written(mut check: TargetCheck, body: &mut dyn Body, path: &Path) -> Result<File> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let fail = |e: std::io::Error| failed(path, &e);
    std::fs::create_dir_all(folder).map_err(fail)?;
    // Removed when this ends in any other way than by taking the file's place.
    let mut new = tempfile::Builder::new().prefix(".tuf-").tempfile_in(folder).map_err(fail)?;
    while let Some(bytes) = body.next().await? {
        for piece in bytes.chunks(PIECE) {
            check.update(piece)?;
            new.write_all(piece).map_err(fail)?;
            tokio::task::yield_now().await;
        }
    }
    check.finish()?;
    new.as_file().sync_all().map_err(fail)?;
    let mut file = new.persist(path).map_err(|e| failed(path, &e.error))?;
    file.rewind().map_err(fail)?;
    Ok(file)
}
