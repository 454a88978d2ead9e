//! Tasks: a question that a thread of our own drives with the built-in transport.

use crate::asked::{Asked, TUF_ARTIFACT};
use crate::border::{call, caught};
use crate::client::tuf_client;
use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::{Opaque, Out, free, hand_out, lent};
use crate::text::text;
use crate::verdict::{Answer, hand_out_answer, opened, tuf_verdict};
use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tuf_core::client::{Cancel, Run};
use tuf_core::trust::{Found, Outcome};
use tuf_core::{Code, Error};

/// For tuf_task_wait: until it is done.
pub const TUF_FOREVER: u64 = 0xffff_ffff_ffff_ffff; // a literal, which every reader of the header takes

/// A question that a thread of our own drives with the built-in transport: owned, for any number of
/// threads at once.
pub struct tuf_task {
    _opaque: [u8; 0],
}

/// What a [`tuf_task`] is.
pub(crate) struct Task {
    cancel: Cancel,
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
}

// SAFETY: handles of this type are made from tasks alone, with this magic number alone.
unsafe impl Opaque for tuf_task {
    type Inner = Task;
    const MAGIC: u64 = u64::from_be_bytes(*b"tufatask");
}

/// Where the thread leaves its answer.
#[derive(Default)]
struct End {
    answer: Mutex<Option<Answer>>,
    there: Condvar,
}

/// How long a task that is freed gets to end.
const GRACE: Duration = Duration::from_millis(500);

/// What is done with a target that was found, before the answer counts.
enum Then {
    Nothing,
    Verify(PathBuf),
    Download(PathBuf),
}

impl Then {
    fn act(
        &self,
        run: &mut Run<'_>,
        asked: &Asked,
        outcome: &Outcome,
        found: &[Found],
    ) -> tuf_core::Result<Option<PathBuf>> {
        let one = || found.first().ok_or_else(|| Error::new(Code::Internal, "internal", "nothing was found"));
        match self {
            Then::Nothing => Ok(None),
            Then::Verify(file) => run.verify(one()?, &mut opened(file)?).map(|()| None),
            Then::Download(folder) => run.download(&asked.question, outcome, one()?, folder).map(|d| Some(d.path)),
        }
    }
}

impl Task {
    fn start(mut asked: Asked, then: Then) -> Result<Self, Fault> {
        let (cancel, end) = (Cancel::default(), Arc::new(End::default()));
        asked.ask.choices.cancel = Some(cancel.clone());
        let there = end.clone();
        let work = move || {
            let answer = caught(|| answer(&asked, &then));
            // What it was asked with is gone before anybody hears of the end.
            drop((asked, then));
            *there.lock() = Some(answer);
            there.there.notify_all();
        };
        let thread = std::thread::Builder::new().name("tufverify".to_owned()).spawn(work);
        let thread = thread.map_err(|e| Fault::internal(format!("no thread can be had: {e}")))?;
        Ok(Task { cancel, end, thread: Some(thread) })
    }
}

fn answer(asked: &Asked, then: &Then) -> Answer {
    let mut run = Run::new(&asked.config, &asked.ask);
    let (outcome, noticed) = run.answer(&asked.question);
    asked.answer(&outcome, &noticed, |found| then.act(&mut run, asked, &outcome, found))
}

impl End {
    fn lock(&self) -> MutexGuard<'_, Option<Answer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the answer is there, after so long at most.
    fn wait(&self, limit: Option<Duration>) -> bool {
        let pending = |answer: &mut Option<Answer>| answer.is_none();
        let answer = self.lock();
        match limit {
            None => self.there.wait_while(answer, pending).unwrap_or_else(PoisonError::into_inner).is_some(),
            Some(limit) => {
                let waited = self.there.wait_timeout_while(answer, limit, pending);
                waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cancel.cancel();
        // A thread that the system holds up (a file that hangs) goes on alone.
        if self.end.wait(Some(GRACE)) {
            // Its panics were caught: there is nothing to hear from it.
            self.thread.take().map(JoinHandle::join);
        }
    }
}

/// Begins a task with a file or folder of the caller's.
///
/// # Safety
/// As the header says of client, text and `out`.
unsafe fn start(
    client: *const tuf_client,
    kind: u32,
    name: (*const c_char, usize),
    path: (*const c_char, usize),
    then: impl FnOnce() -> Result<Then, Fault>,
    out: *mut *mut tuf_task,
) -> Result<tuf_status, Fault> {
    // SAFETY: the caller's promise; so is that of client and text.
    let out = unsafe { Out::handle(out) }?;
    // SAFETY: as above.
    let asked = unsafe { Asked::read(client, kind, name, path) }?;
    out.put(hand_out(Task::start(asked, then()?)?));
    Ok(tuf_status::TUF_OK)
}

/// A file or folder that the caller names.
///
/// # Safety
/// As the header says of text.
unsafe fn place(what: &str, ptr: *const c_char, len: usize) -> Result<PathBuf, Fault> {
    // SAFETY: the caller's promise.
    let text = unsafe { text(what, ptr, len) }?;
    if text.is_empty() {
        return Err(Fault::border(tuf_status::TUF_ERR_USAGE, format!("{what} has no name")));
    }
    Ok(PathBuf::from(text))
}

/// Begins a question. `path` goes with TUF_ARTIFACT alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_start(
    client: *const tuf_client,
    kind: u32,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    out: *mut *mut tuf_task,
    err: *mut *mut tuf_error,
) -> tuf_status {
    // SAFETY: all of it is the caller's, as the header says.
    let body = || unsafe { start(client, kind, (name, name_len), (path, path_len), || Ok(Then::Nothing), out) };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Begins to verify that `file`, a regular file, has the content of the target `path` of the TUF 1.0
/// repository `name`: the verdict is trusted only if it has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_verify_file(
    client: *const tuf_client,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    file: *const c_char,
    file_len: usize,
    out: *mut *mut tuf_task,
    err: *mut *mut tuf_error,
) -> tuf_status {
    // SAFETY: text of the caller's, as the header says.
    let then = || Ok(Then::Verify(unsafe { place("the file", file, file_len) }?));
    // SAFETY: all of it is the caller's, as the header says.
    let body = || unsafe { start(client, TUF_ARTIFACT, (name, name_len), (path, path_len), then, out) };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Begins to download the target `path` of the TUF 1.0 repository `name` into `folder`, under its
/// local name: nothing lies under that name before it is verified. tuf_verdict_file says where.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_download(
    client: *const tuf_client,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    folder: *const c_char,
    folder_len: usize,
    out: *mut *mut tuf_task,
    err: *mut *mut tuf_error,
) -> tuf_status {
    // SAFETY: text of the caller's, as the header says.
    let then = || Ok(Then::Download(unsafe { place("the folder", folder, folder_len) }?));
    // SAFETY: all of it is the caller's, as the header says.
    let body = || unsafe { start(client, TUF_ARTIFACT, (name, name_len), (path, path_len), then, out) };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Waits until the task is done, TUF_DONE, or for so many milliseconds, TUF_PENDING; with 0 it only
/// asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_wait(
    task: *const tuf_task,
    milliseconds: u64,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        let limit = (milliseconds != TUF_FOREVER).then(|| Duration::from_millis(milliseconds));
        // SAFETY: a handle of the caller's, as the header says.
        let done = unsafe { lent(task) }?.end.wait(limit);
        Ok(if done { tuf_status::TUF_DONE } else { tuf_status::TUF_PENDING })
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Stops the task soon, a hanging server or not: its verdict is then unchecked, with the code
/// `cancelled`. What is done already stays done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_cancel(task: *const tuf_task, err: *mut *mut tuf_error) -> tuf_status {
    let body = || {
        // SAFETY: a handle of the caller's, as the header says.
        unsafe { lent(task) }?.cancel.cancel();
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// The verdict of a task that is done, TUF_OK; before that TUF_PENDING, and none. Each call hands out
/// another handle. A question that turns out to be wrong is an error here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_verdict(
    task: *const tuf_task,
    out: *mut *mut tuf_verdict,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        hand_out_answer(unsafe { lent(task) }?.end.lock().clone(), out)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Frees a task, and makes the variable NULL; one that runs is cancelled, and given half a second to
/// end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_task_free(task: *mut *mut tuf_task) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(task) }
}
