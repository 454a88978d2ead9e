//! Targets as files: streamed, checked on the way, and never under their name before (T-41).

use crate::error::{Code, Error, Result, shown};
use crate::transport::{Body, Fetcher, Offered, Pending};
use crate::trust::{Found, TargetCheck};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use url::Url;

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

/// What is to be fetched for a target's content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToFetch<'a> {
    /// Where targets lie.
    pub base: &'a Url,
    /// Where this one does: the whole URL.
    pub url: Url,
    /// How many bytes it has: one more tells that it is not what was signed.
    pub max_bytes: u64,
}

impl<'a> ToFetch<'a> {
    /// A target whose content is not above our ceiling; a larger one is not even asked for.
    pub(super) fn new(found: &Found, base: &'a Url, url: Url, ceiling: u64) -> Result<Self> {
        let max_bytes = found.check()?.length();
        if max_bytes > ceiling {
            return Err(Error::new(Code::LimitBytes, "T-41", format!("`{}` is above our ceiling", shown(&found.path)))
                .values(format_args!("at most {ceiling} bytes"), max_bytes));
        }
        Ok(ToFetch { base, url, max_bytes })
    }
}

/// Where a target's content comes from, and what holds for it.
pub(super) struct Content<'a> {
    pub(super) fetcher: Arc<dyn Fetcher>,
    pub(super) from: ToFetch<'a>,
    pub(super) until: Instant,
    /// Told how many bytes have come.
    pub(super) told: Option<&'a (dyn Fn(u64) + Send + Sync)>,
}

/// The target at `path`: what lies there, if that is it, else what `content` brings (TUF 5.7.3).
pub(super) async fn obtained<'a>(
    found: &Found,
    path: PathBuf,
    content: impl FnOnce() -> Result<Content<'a>>,
) -> Result<Downloaded> {
    if let Some(file) = already_there(found.check()?, &path).await {
        return Ok(Downloaded { path, file, fetched: false });
    }
    let Content { fetcher, from, until, told } = content()?;
    folder_is_there(from.base)?;
    match fetcher.open(&from.url, until).await.map_err(|e| e.in_file(&found.path))? {
        Offered::NotFound(words) => {
            let message = format!("the server does not have the content of `{}`", shown(&found.path));
            Err(Error::new(Code::MissingTarget, "T-41 (TUF 5.7.3)", message)
                .for_role(&found.role)
                .values("the file", words))
        }
        Offered::Body(body) => {
            let mut body = Told { body, so_far: 0, told };
            let file = written(found.check()?, &mut body, &path).await.map_err(|e| e.in_file(&found.path))?;
            Ok(Downloaded { path, file, fetched: true })
        }
    }
}

/// A folder that is gone is no word about its files.
pub(super) fn folder_is_there(base: &Url) -> Result<()> {
    match base.to_file_path() {
        Ok(folder) if base.scheme() == "file" && !folder.is_dir() => {
            let message = format!("the folder {} is not there", folder.display());
            Err(Error::new(Code::NetworkUnreachable, "T-51", message))
        }
        _ => Ok(()),
    }
}

/// Tells how far a download is.
struct Told<'a> {
    body: Box<dyn Body + 'a>,
    so_far: u64,
    told: Option<&'a (dyn Fn(u64) + Send + Sync)>,
}

impl Body for Told<'_> {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(async {
            let bytes = self.body.next().await?;
            if let (Some(bytes), Some(told)) = (&bytes, self.told) {
                self.so_far = self.so_far.saturating_add(bytes.len() as u64);
                told(self.so_far);
            }
            Ok(bytes)
        })
    }
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    let code = match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::StoreFull,
        _ => Code::StoreIo,
    };
    Error::new(code, "T-41", format!("the target's file cannot be written: {e}"))
        .in_file(&path.display().to_string())
        .with_hint("make room or mend the folder that this file goes to, then ask again")
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
async fn already_there(check: TargetCheck, path: &Path) -> Option<File> {
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
async fn written(mut check: TargetCheck, body: &mut dyn Body, path: &Path) -> Result<File> {
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
