//! The sans-I/O machine: it says what it needs next, and is handed the answer.
//!
//! The workflow is written as one straight `async` function (module `session`), so that it reads
//! like the specification. Nothing here runs it on an executor: [`Job::step`] polls it until it
//! asks for something, and hands the question out. No network, file or clock is touched.

use super::event::Event;
use crate::error::{Error, Result};
use crate::metadata::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileName {
    /// The state record: what is remembered, and the hash of every file.
    Record,
    /// When the last complete check ended (T-3).
    Checked,
    /// A root of the chain, by version.
    Root(u64),
    /// The timestamp.
    Timestamp,
    /// The snapshot.
    Snapshot,
    /// A targets role, by name.
    Targets(String),
}

impl FileName {
    /// The file of a role other than root.
    pub(crate) fn of_role(name: &str) -> Self {
        match name {
            "timestamp" => FileName::Timestamp,
            "snapshot" => FileName::Snapshot,
            name => FileName::Targets(name.to_owned()),
        }
    }

    /// The path below the store's folder; `/` separates. Role names are encoded so that no two
    /// share a file and none leaves the folder (T-42).
    pub fn path(&self) -> String {
        match self {
            FileName::Record => "state".to_owned(),
            FileName::Checked => "checked".to_owned(),
            FileName::Root(version) => format!("roots/{version}.root.json"),
            FileName::Timestamp => "timestamp.json".to_owned(),
            FileName::Snapshot => "snapshot.json".to_owned(),
            FileName::Targets(role) => format!("{}.json", local_name(role)),
        }
    }
}

/// A name as a file name (T-42): what is not a lower-case letter, digit, `-`, `_`, `~` or an
/// inner `.` is `%XX`; over 200 bytes the first 100, `=` and the SHA-256 in hex.
pub(crate) fn local_name(name: &str) -> String {
    let last = name.len().saturating_sub(1);
    let mut out = String::with_capacity(name.len());
    for (at, b) in name.bytes().enumerate() {
        let plain = b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'~');
        if plain || (b == b'.' && at != 0 && at != last) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    match out.get(..100) {
        Some(head) if out.len() > 200 => {
            format!("{head}={}", crate::crypto::hex(&crate::crypto::sha256(name.as_bytes())))
        }
        _ => out,
    }
}

/// What "not found" means for a request (T-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// The chain of roots ends here.
    EndsChain,
    /// The file should be there.
    IsError,
}

/// A file to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Goes back with the answer.
    pub id: u64,
    /// The path below the repository's metadata URL.
    pub path: String,
    /// No more than this and one byte (which tells that there is more) may be handed back.
    pub max_bytes: u64,
    /// What "not found" means.
    pub absent: Absent,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The whole body, or its first `max_bytes + 1` bytes.
    Bytes(Vec<u8>),
    /// A definite "there is no such file": where it was looked for, and what was said.
    NotFound(String),
    /// No definite answer: a code of the family `network`, `auth`, `cancelled` or `internal`.
    Failed(Error),
}

/// What a run changes in the store, all at once (T-45).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// SHA-256 (hex) of the record that this run began from: the changes are made only if it is
    /// still the one in the store; `None` if there was none.
    pub base: Option<String>,
    /// Files to be replaced, or removed where `None`; the record is among them, and first.
    pub files: BTreeMap<FileName, Option<Bytes>>,
    /// SHA-256 (hex) by path of every file that the new record names: a new file that was left
    /// beside its goal by a run that was killed belongs to one of these, or is rubbish.
    pub recorded: BTreeMap<String, String>,
    /// When the last complete check ended: written atomically, not synced, and not part of the
    /// comparison with `base`.
    pub checked: Option<Bytes>,
}

/// How a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Committed {
    /// All changes are made.
    Done,
    /// Nothing was changed: the record is not the one that the run began from.
    Conflict,
}

/// What the machine needs next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<T> {
    /// Load a file of the store and call [`Job::loaded`].
    Load {
        /// The file.
        file: FileName,
        /// What its SHA-256 (hex) should be: a store may hold those bytes beside their goal.
        sha256: Option<String>,
    },
    /// Fetch a file and call [`Job::answer`]; others may be asked for before the answer is there.
    Fetch(Request),
    /// Write these changes and call [`Job::committed`].
    Commit(Changes),
    /// Nothing more to ask for: an answer to an earlier [`Step::Fetch`] is wanted.
    Wait,
    /// The end.
    Done(T),
}

#[derive(Debug)]
enum Question {
    Load(FileName, Option<String>),
    Fetch(Request),
    Commit(Changes),
}

#[derive(Debug)]
enum Reply {
    Loaded(Result<Option<Vec<u8>>>),
    Fetched(Answer),
    Committed(Result<Committed>),
}

#[derive(Debug, Default)]
struct Mail {
    questions: VecDeque<Question>,
    replies: BTreeMap<u64, Reply>,
    /// The path of each request that is under way.
    asked: BTreeMap<u64, String>,
    next: u64,
    events: Vec<Event>,
}

/// Replies to loads and commits, of which one is under way at most.
const SINGLE: u64 = u64::MAX;

/// The workflow's side: it asks, and awaits the reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Io(Arc<Mutex<Mail>>);

impl Io {
    fn mail<T>(&self, with: impl FnOnce(&mut Mail) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn reply(&self, id: u64) -> Reply {
        std::future::poll_fn(|_| match self.mail(|m| m.replies.remove(&id)) {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }

    /// Writes down what happened, and tells whoever listens.
    pub(crate) fn note(&self, event: Event) {
        event.trace();
        self.mail(|m| m.events.push(event));
    }

    /// What happened so far.
    pub(crate) fn take_events(&self) -> Vec<Event> {
        self.mail(|m| std::mem::take(&mut m.events))
    }

    pub(crate) async fn load(&self, file: FileName, sha256: Option<String>) -> Result<Option<Vec<u8>>> {
        self.mail(|m| m.questions.push_back(Question::Load(file.clone(), sha256)));
        let loaded = match self.reply(SINGLE).await {
            Reply::Loaded(loaded) => loaded,
            _ => Err(super::internal("the answer to a load is something else")),
        };
        let outcome = loaded.as_ref().map(|bytes| bytes.as_ref().map(|b| b.len() as u64)).map_err(Clone::clone);
        self.note(Event::Loaded { file, outcome });
        loaded
    }

    pub(crate) async fn commit(&self, changes: Changes) -> Result<Committed> {
        let files = changes.files.len();
        self.mail(|m| m.questions.push_back(Question::Commit(changes)));
        let committed = match self.reply(SINGLE).await {
            Reply::Committed(outcome) => outcome,
            _ => Err(super::internal("the answer to a commit is something else")),
        };
        self.note(Event::Committed { files, outcome: committed.as_ref().map(|_| ()).map_err(Clone::clone) });
        committed
    }

    /// Asks for a file; [`Io::fetched`] awaits it. Several may be asked for side by side.
    pub(crate) fn ask(&self, path: String, max_bytes: u64, absent: Absent) -> u64 {
        self.mail(|m| {
            let id = m.next;
            m.next = m.next.saturating_add(1);
            m.asked.insert(id, path.clone());
            m.questions.push_back(Question::Fetch(Request { id, path, max_bytes, absent }));
            id
        })
    }

    pub(crate) async fn fetched(&self, id: u64) -> Answer {
        let answer = match self.reply(id).await {
            Reply::Fetched(answer) => answer,
            _ => Answer::Failed(super::internal("the answer to a request is something else")),
        };
        let outcome = match &answer {
            Answer::Bytes(bytes) => Ok(Some(bytes.len() as u64)),
            Answer::NotFound(_) => Ok(None),
            Answer::Failed(e) => Err(e.clone()),
        };
        let path = self.mail(|m| m.asked.remove(&id)).unwrap_or_default();
        self.note(Event::Requested { path, outcome });
        answer
    }
}

type Workflow<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One run of the workflow, driven from outside.
///
/// ```no_run
/// # use tuf_core::trust::{Committed, Fetched, Job, Step};
/// # fn drive<T>(mut job: Job<T>) -> T {
/// loop {
///     match job.step() {
///         Step::Load { .. } => job.loaded(Ok(None)),           // nothing stored
///         Step::Fetch(request) => job.answer(request.id, Fetched::NotFound("nothing here".into())),
///         Step::Commit(_changes) => job.committed(Ok(Committed::Done)),
///         Step::Done(outcome) => return outcome,
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Job<T> {
    workflow: Option<Workflow<T>>,
    io: Io,
}

impl<T> std::fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("ended", &self.workflow.is_none()).finish_non_exhaustive()
    }
}

impl<T> Job<T> {
    pub(crate) fn new<F: Future<Output = T> + Send + 'static>(workflow: impl FnOnce(Io) -> F) -> Self {
        let io = Io::default();
        Job { workflow: Some(Box::pin(workflow(io.clone()))), io }
    }

    /// Goes on until something is needed. After [`Step::Done`] it only waits.
    pub fn step(&mut self) -> Step<T> {
        if let Some(question) = self.question() {
            return question;
        }
        let Some(workflow) = &mut self.workflow else { return Step::Wait };
        match workflow.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                self.workflow = None;
                Step::Done(outcome)
            }
            Poll::Pending => self.question().unwrap_or(Step::Wait),
        }
    }

    fn question(&mut self) -> Option<Step<T>> {
        Some(match self.io.mail(|m| m.questions.pop_front())? {
            Question::Load(file, sha256) => Step::Load { file, sha256 },
            Question::Fetch(request) => Step::Fetch(request),
            Question::Commit(changes) => Step::Commit(changes),
        })
    }

    /// The file that was to be loaded: `None` if there is none.
    pub fn loaded(&mut self, file: Result<Option<Vec<u8>>>) {
        self.io.mail(|m| m.replies.insert(SINGLE, Reply::Loaded(file)));
    }

    /// The answer to a request, in any order.
    pub fn answer(&mut self, id: u64, answer: Answer) {
        self.io.mail(|m| m.replies.insert(id, Reply::Fetched(answer)));
    }

    /// How the commit went.
    pub fn committed(&mut self, outcome: Result<Committed>) {
        self.io.mail(|m| m.replies.insert(SINGLE, Reply::Committed(outcome)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_leave_the_folder_and_never_share_a_file() {
        for (name, want) in [
            ("targets/releases", "targets%2Freleases"),
            ("../x", "%2E.%2Fx"),
            ("A", "%41"),
            ("a", "a"),
            (".", "%2E"),
            ("a.b", "a.b"),
            (".a", "%2Ea"),
            ("a.", "a%2E"),
            ("0a-9_~", "0a-9_~"),
            ("a\0b", "a%00b"),
        ] {
            assert_eq!(local_name(name), want);
        }
        // T-42: up to 200 bytes as it is, above with a hash.
        assert_eq!([150, 200].map(|long| local_name(&"x".repeat(long)).len()), [150, 200]);
        assert_eq!(local_name(&"x".repeat(201)).len(), 100 + "=".len() + 64);
        let (a, b) = (local_name(&"x".repeat(300)), local_name(&"x".repeat(301)));
        assert!(a.len() < 200 && a != b && a.contains('='));
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let mut job = Job::new(|io: Io| async move {
            let a = io.ask("a".into(), 1, Absent::IsError);
            let b = io.ask("b".into(), 1, Absent::IsError);
            let text = |answer| if let Answer::Bytes(b) = answer { b } else { Vec::new() };
            (text(io.fetched(a).await), text(io.fetched(b).await))
        });
        let mut ids = Vec::new();
        while let Step::Fetch(request) = job.step() {
            ids.push(request.id);
        }
        assert_eq!(ids.len(), 2);
        job.answer(ids[1], Answer::Bytes(b"B".to_vec()));
        assert!(matches!(job.step(), Step::Wait));
        job.answer(ids[0], Answer::Bytes(b"A".to_vec()));
        assert!(matches!(job.step(), Step::Done((a, b)) if a == b"A" && b == b"B"));
        assert!(matches!(job.step(), Step::Wait), "after the end it only waits");
    }
}
