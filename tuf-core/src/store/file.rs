//! The file store: a folder that survives kills, full disks and other processes (T-45 to T-49).
//!
//! A commit, under a lock that dies with its owner: (1) every new file is written beside its goal
//! as `GOAL.SHA256.new`, and all are synced; (2) the record is renamed; (3) the other files are
//! renamed or unlinked; (4) the folders are synced. Until (2) the old state holds, from (2) on the
//! new one: a reader who finds old bytes takes the new ones from beside them. Reading takes no
//! lock: the record's hashes tell whether all that was read belongs together.

use crate::crypto::{hex, sha256};
use crate::error::{Code, Error, Result};
use crate::store::Store;
use crate::trust::{Changes, Committed, FileName};
use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

/// No file of a store is larger: the ceiling of one run's metadata.
const MAX_FILE: u64 = crate::limits::METADATA_TOTAL;
/// How long another process may hold a lock, unless something else is said: a commit takes milliseconds.
pub const LOCK_WAIT: Duration = Duration::from_secs(60);
const NEW: &str = ".new";

/// A folder of files.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
    owner: Option<u32>,
    lock_wait: Duration,
    locked_until: Option<Instant>,
    given_up: Arc<AtomicBool>,
    notes: Vec<Error>,
    looked_at: bool,
}

impl FileStore {
    /// A store in `folder`, which is made at the first commit.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        FileStore {
            folder: folder.into(),
            owner: None,
            lock_wait: LOCK_WAIT,
            locked_until: None,
            given_up: Arc::default(),
            notes: Vec::new(),
            looked_at: false,
        }
    }

    /// A user beside the effective one and root who may own the folder.
    #[must_use]
    pub fn owned_by(mut self, user_id: u32) -> Self {
        self.owner = Some(user_id);
        self
    }

    /// How long to wait for another process's lock, at most; without it [`LOCK_WAIT`]. Whoever waits holds up
    /// its thread: an event loop wants less.
    #[must_use]
    pub fn lock_wait(mut self, most: Duration) -> Self {
        self.lock_wait = most;
        self
    }

    /// Until when to wait for another process's lock, at most: the end of the run (T-43).
    #[must_use]
    pub fn locked_until(mut self, deadline: Instant) -> Self {
        self.locked_until = Some(deadline);
        self
    }

    /// Waiting for another process's lock ends, with `cancelled`, once this is true.
    #[must_use]
    pub fn given_up_with(mut self, given_up: Arc<AtomicBool>) -> Self {
        self.given_up = given_up;
        self
    }

    fn goal(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// What a file of the store is called, and the folder itself, which has no name within.
    fn called<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if path.is_empty() { self.folder.display().to_string().into() } else { path.into() }
    }

    fn failed(&self, e: &io::Error, path: &str, way: Way) -> Error {
        failed(e, &self.called(path), way)
    }

    /// T-45: the folder belongs to this user or root, and nobody else may write in it.
    fn look_at_folder(&mut self) -> Result<()> {
        if self.looked_at {
            return Ok(());
        }
        for path in ["", "roots"] {
            let folder = self.folder.join(path);
            let seen = if path.is_empty() { fs::metadata(&folder) } else { fs::symlink_metadata(&folder) };
            match seen {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(self.failed(&e, path, Way::Read)),
                Ok(seen) => self.judge_folder(&self.called(path), &seen)?,
            }
        }
        self.looked_at = true;
        Ok(())
    }

    #[cfg(unix)]
    fn judge_folder(&mut self, path: &str, seen: &fs::Metadata) -> Result<()> {
        let foreign = |why: &str, found: String| {
            let e = Error::new(Code::StoreForeign, "T-45", format!("the store's folder {why}"));
            let hint = "make the folder yours alone: chown and chmod 700, or name another with `cache`";
            e.in_file(path).values("owned by this user or root, writable by nobody else", found).with_hint(hint)
        };
        if !seen.is_dir() {
            return Err(damage(path, "a link or a file stands where a folder of the store belongs"));
        }
        let me = rustix::process::geteuid().as_raw();
        if seen.uid() != me && seen.uid() != 0 && Some(seen.uid()) != self.owner {
            return Err(foreign("belongs to somebody else", format!("owner {}", seen.uid())));
        }
        if seen.mode() & 0o002 != 0 {
            return Err(foreign("can be written by anybody", format!("mode {:o}", seen.mode() & 0o7777)));
        }
        if seen.mode() & 0o020 != 0 {
            let e = Error::new(Code::StoreGroupWritable, "T-45", "the store's folder can be written by its group");
            self.notes.push(e.in_file(path));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn judge_folder(&mut self, path: &str, seen: &fs::Metadata) -> Result<()> {
        if seen.is_dir() { Ok(()) } else { Err(damage(path, "a file stands where a folder of the store belongs")) }
    }

    fn lock(&self) -> Result<File> {
        let given_up = || self.given_up.load(Ordering::Relaxed);
        let late = || self.locked_until.is_some_and(|end| Instant::now() > end);
        let over = |waited| waited > self.lock_wait || late() || given_up();
        locked(&self.goal("lock"), over).map_err(|e| match e.kind() {
            ErrorKind::WouldBlock if given_up() => Error::new(Code::Cancelled, "T-43", "the caller gave up"),
            ErrorKind::WouldBlock => {
                Error::new(Code::StoreLocked, "T-45", "another process holds the store's lock").in_file("lock")
            }
            _ => failed(&e, "lock", Way::Write),
        })
    }

    /// Step 3, and what a killed run left: a new file that the record names goes to its goal, any
    /// other is rubbish.
    fn finish(&self, changes: &Changes) -> io::Result<()> {
        for (file, bytes) in &changes.files {
            if bytes.is_none() {
                absent_is_fine(fs::remove_file(self.goal(&file.path())))?;
            }
        }
        for below in ["", "roots/"] {
            let Ok(entries) = fs::read_dir(self.folder.join(below)) else { continue };
            for entry in entries {
                let name = entry?.file_name();
                let Some((goal, sha256)) =
                    name.to_str().and_then(|n| n.strip_suffix(NEW)).and_then(|n| n.rsplit_once('.'))
                else {
                    continue;
                };
                let path = format!("{below}{goal}");
                let from = self.goal(&format!("{below}{goal}.{sha256}{NEW}"));
                // What this commit wrote is whole; what another left may have been cut off.
                let ours = changes.files.iter().any(|(f, bytes)| bytes.is_some() && f.path() == path);
                let whole = || ours || fs::read(&from).is_ok_and(|bytes| hex(&crate::crypto::sha256(&bytes)) == sha256);
                match changes.recorded.get(&path) {
                    Some(recorded) if recorded == sha256 && whole() => fs::rename(&from, self.goal(&path))?,
                    _ => absent_is_fine(fs::remove_file(&from))?,
                }
            }
        }
        Ok(())
    }
}

impl Store for FileStore {
    fn load(&mut self, file: &FileName, want: Option<&str>) -> Result<Option<Vec<u8>>> {
        self.look_at_folder()?;
        let path = file.path();
        // What lies beside is looked for first: once it is gone, it has become the goal.
        if let Some(want) = want
            && let Some(beside) = read(&self.goal(&format!("{path}.{want}{NEW}")), &path)?
            && hex(&sha256(&beside)) == want
        {
            return Ok(Some(beside));
        }
        read(&self.goal(&path), &path)
    }

    fn commit(&mut self, changes: &Changes) -> Result<Committed> {
        let way = Way::Write;
        private_folder(&self.folder).map_err(|e| self.failed(&e, "", way))?;
        self.look_at_folder()?;
        if !changes.files.is_empty() {
            let lock = self.lock()?;
            let record = FileName::Record.path();
            let now = read(&self.goal(&record), &record)?.map(|bytes| hex(&sha256(&bytes)));
            if now != changes.base {
                return Ok(Committed::Conflict);
            }
            if changes.files.keys().any(|f| matches!(f, FileName::Root(_))) {
                private_folder(&self.goal("roots")).map_err(|e| failed(&e, "roots", way))?;
            }
            let mut news = Vec::new();
            for (file, bytes) in &changes.files {
                if let Some(bytes) = bytes {
                    let path = file.path();
                    let new = self.goal(&format!("{path}.{}{NEW}", hex(&sha256(bytes))));
                    news.push((path.clone(), new.clone(), written(&new, bytes).map_err(|e| failed(&e, &path, way))?));
                }
            }
            if let Some((e, path)) = sync_all(&news) {
                return Err(failed(&e, &path, way));
            }
            if let Some((_, new, _)) = news.iter().find(|(path, ..)| *path == record) {
                fs::rename(new, self.goal(&record)).map_err(|e| failed(&e, &record, way))?;
            }
            self.finish(changes).map_err(|e| self.failed(&e, "", way))?;
            for below in ["", "roots"] {
                sync_folder(&self.goal(below)).map_err(|e| self.failed(&e, below, way))?;
            }
            drop(lock);
        }
        if let Some(checked) = &changes.checked {
            let path = FileName::Checked.path();
            let new = tempfile::Builder::new().prefix(&format!("{path}.")).suffix(NEW).tempfile_in(&self.folder);
            let renamed = new.and_then(|mut new| {
                new.write_all(checked)?;
                new.persist(self.goal(&path)).map(drop).map_err(|e| e.error)
            });
            // Another commit may have cleared the new file away: this one claims nothing then.
            absent_is_fine(renamed).map_err(|e| failed(&e, &path, way))?;
        }
        Ok(Committed::Done)
    }

    fn notes(&self) -> Vec<Error> {
        self.notes.clone()
    }
}

#[derive(Clone, Copy)]
enum Way {
    Read,
    Write,
}

fn failed(e: &io::Error, path: &str, way: Way) -> Error {
    let (code, what) = match (e.kind(), way) {
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => (Code::StoreFull, "written"),
        (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, Way::Write) => (Code::StoreReadOnly, "written"),
        (_, Way::Write) => (Code::StoreIo, "written"),
        (_, Way::Read) => (Code::StoreIo, "read"),
    };
    Error::new(code, "T-49", format!("the store cannot be {what}: {e}")).in_file(path)
}

fn damage(path: &str, why: &str) -> Error {
    Error::new(Code::StoreDamaged, "T-46", why).in_file(path)
}

/// Takes the lock of a file, which is made if it is not there. The system gives it back when what is
/// returned is dropped, or its owner ends, however it ends. As long as another process holds it, `over`
/// is asked whether so long was long enough.
///
/// # Errors
/// `WouldBlock` if another process holds it and it is over; those of the file.
pub fn locked(path: &Path, over: impl Fn(Duration) -> bool) -> io::Result<File> {
    let file = open(path, OpenOptions::new().write(true).create(true))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if !over(since.elapsed()) => std::thread::sleep(Duration::from_millis(2)),
            taken => return taken.map(|()| file).map_err(io::Error::from),
        }
    }
}

/// Opens a file of the store; a link there is not followed.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).mode(0o600);
    options.open(path)
}

fn read(from: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    let opened = match open(from, OpenOptions::new().read(true)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) if is_link(&e) => return Err(damage(path, "a link stands where a file of the store belongs")),
        Err(e) if e.kind() == ErrorKind::NotADirectory => {
            return Err(damage(path, "a file stands where a folder of the store belongs"));
        }
        opened => opened.map_err(|e| failed(&e, path, Way::Read))?,
    };
    // One read for a file of the length that it says, and one that finds its end.
    let length = opened.metadata().map(|m| m.len()).unwrap_or(0).min(MAX_FILE);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    match opened.take(MAX_FILE.saturating_add(1)).read_to_end(&mut bytes) {
        Err(e) if e.kind() == ErrorKind::IsADirectory => {
            return Err(damage(path, "a folder stands where a file of the store belongs"));
        }
        done => done.map_err(|e| failed(&e, path, Way::Read))?,
    };
    if bytes.len() as u64 > MAX_FILE {
        return Err(damage(path, "a file of the store is larger than any can be"));
    }
    Ok(Some(bytes))
}

/// Whether opening failed because of a link.
#[cfg(unix)]
fn is_link(e: &io::Error) -> bool {
    e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Elsewhere links are followed, so none fails.
#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

/// A new file, readable by its owner alone, not synced yet.
fn written(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = open(path, OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(bytes)?;
    Ok(file)
}

/// More files than this are synced side by side: the device waits for all of them at once.
const SYNCED_IN_A_ROW: usize = 8;
const SYNCED_AT_ONCE: usize = 8;

/// A new file: its path below the folder, where it lies until it is renamed, and its handle.
type New = (String, PathBuf, File);

/// Syncs new files; the first failure, and of which.
fn sync_all(news: &[New]) -> Option<(io::Error, String)> {
    fn in_a_row(news: &[New]) -> Option<(io::Error, String)> {
        news.iter().find_map(|(path, _, file)| Some((file.sync_all().err()?, path.clone())))
    }
    if news.len() <= SYNCED_IN_A_ROW {
        return in_a_row(news);
    }
    std::thread::scope(|scope| {
        let shares = news.chunks(news.len().div_ceil(SYNCED_AT_ONCE));
        let threads: Vec<_> = shares.map(|share| scope.spawn(move || in_a_row(share))).collect();
        let lost = |_| Some((io::Error::other("a thread that syncs has failed"), String::new()));
        threads.into_iter().filter_map(|thread| thread.join().unwrap_or_else(lost)).next()
    })
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// Windows opens no folder as a file: a loss of power may undo the last commit's renames there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
