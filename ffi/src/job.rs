//! Jobs: a question that the host drives with its own HTTP.

use crate::asked::Asked;
use crate::border::call;
use crate::client::tuf_client;
use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::{Opaque, Out, exclusive, free, hand_out, lent};
use crate::text::{bytes, text, tuf_text};
use crate::verdict::{Answer, hand_out_answer, tuf_verdict};
use std::collections::BTreeMap;
use std::ffi::c_char;
use std::sync::Mutex;
use tuf_core::store::Store;
use tuf_core::transport::{Transport, answered};
use tuf_core::trust::{Absent, Fetched, Outcome, Request, Step};
use tuf_core::{Code, Error};
use url::Url;

/// What "there is no such file" means: something is missing.
pub const TUF_ABSENT_IS_ERROR: u32 = 1;
/// What "there is no such file" means: there are no more roots, as is to be expected.
pub const TUF_ABSENT_ENDS_CHAIN: u32 = 2;

/// Why there is no answer: the server cannot be reached.
pub const TUF_FAILED_UNREACHABLE: u32 = 1;
/// Why there is no answer: no secure connection.
pub const TUF_FAILED_TLS: u32 = 2;
/// Why there is no answer: it took too long.
pub const TUF_FAILED_TIME_LIMIT: u32 = 3;
/// Why there is no answer: it broke off.
pub const TUF_FAILED_CUT_OFF: u32 = 4;
/// Why there is no answer: a redirect that is not followed.
pub const TUF_FAILED_REDIRECT: u32 = 5;
/// Why there is no answer: the caller gave up.
pub const TUF_FAILED_CANCELLED: u32 = 6;
/// Why there is no answer: a Content-Encoding, though the file was asked for as it is stored.
pub const TUF_FAILED_CODING: u32 = 7;

/// A question that the host drives with its own HTTP: owned, one thread at a time. What is
/// remembered is read and written inside its calls; only servers are the host's to ask.
pub struct tuf_job {
    _opaque: [u8; 0],
}

/// What a [`tuf_job`] is.
pub(crate) struct Job(Mutex<Driven>);

// SAFETY: handles of this type are made from jobs alone, with this magic number alone.
unsafe impl Opaque for tuf_job {
    type Inner = Job;
    const MAGIC: u64 = u64::from_be_bytes(*b"tufajob1");
}

struct Driven {
    asked: Asked,
    job: tuf_core::trust::Job<Outcome>,
    store: Box<dyn Store + Send>,
    /// None where the host is asked.
    at_hand: Option<Box<dyn Transport + Send>>,
    outstanding: BTreeMap<u64, Outstanding>,
    answer: Option<Answer>,
}

struct Outstanding {
    /// The host has borrowed its text, which stays where it is until this is taken out.
    url: Url,
    max_bytes: u64,
}

impl Driven {
    fn new(asked: Asked) -> Self {
        Driven {
            job: asked.question.start(),
            store: asked.question.store(&asked.config, &asked.ask),
            at_hand: asked.question.resolved().at_hand(),
            outstanding: BTreeMap::new(),
            answer: None,
            asked,
        }
    }

    /// Goes on until the host is needed: what it is to fetch, or else TUF_PENDING or TUF_DONE.
    fn next(&mut self) -> Result<Result<tuf_request, tuf_status>, Fault> {
        while self.answer.is_none() {
            match self.job.step() {
                Step::Load { file, sha256 } => self.job.loaded(self.store.load(&file, sha256.as_deref())),
                Step::Commit(changes) => self.job.committed(self.store.commit(&changes)),
                Step::Fetch(request) => {
                    if let Some(asked) = self.fetch(&request) {
                        return Ok(Ok(asked));
                    }
                }
                Step::Done(outcome) => {
                    self.outstanding.clear();
                    self.answer = Some(self.asked.answer(&outcome, &self.store.notes(), |_| Ok(None)));
                }
                _ if self.outstanding.is_empty() => {
                    return Err(Fault::internal("the job waits for an answer that it did not ask for"));
                }
                _ => return Ok(Err(tuf_status::TUF_PENDING)),
            }
        }
        Ok(Err(tuf_status::TUF_DONE))
    }

    /// What the host is to fetch, unless the answer is at hand.
    fn fetch(&mut self, request: &Request) -> Option<tuf_request> {
        let (id, max_bytes) = (request.id, request.max_bytes);
        let answer = match &mut self.at_hand {
            Some(transport) => transport.fetch(request),
            None => match self.asked.question.resolved().request_url(&request.path) {
                Ok(Some(url)) => {
                    let place = self.outstanding.entry(id).insert_entry(Outstanding { url, max_bytes });
                    let url = place.get().url.as_str().into();
                    let absent = match request.absent {
                        Absent::EndsChain => TUF_ABSENT_ENDS_CHAIN,
                        _ => TUF_ABSENT_IS_ERROR,
                    };
                    return Some(tuf_request { id, url, max_bytes, absent });
                }
                Ok(None) => Fetched::Failed(Error::new(Code::Internal, "internal", "there is nobody to be asked")),
                Err(e) => Fetched::Failed(e),
            },
        };
        self.job.answer(id, answer);
        None
    }

    /// Takes the answer to an outstanding request.
    fn take(&mut self, id: u64, answer: impl FnOnce(Outstanding) -> Fetched) -> Result<tuf_status, Fault> {
        if self.answer.is_some() {
            return Err(Fault::border(tuf_status::TUF_ERR_CLOSED, "this job is at its end"));
        }
        let unknown = || Fault::border(tuf_status::TUF_ERR_REQUEST, format!("no request {id} is outstanding"));
        let outstanding = self.outstanding.remove(&id).ok_or_else(unknown)?;
        self.job.answer(id, answer(outstanding));
        Ok(tuf_status::TUF_OK)
    }
}

/// A file that the host is to fetch, with GET.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct tuf_request {
    /// Goes back with the answer.
    pub id: u64,
    /// The whole URL: borrowed from the job until the request is answered, or from the verdict.
    pub url: tuf_text,
    /// The answer's body may be cut off one byte behind this many, which tells that there is more.
    pub max_bytes: u64,
    /// What "there is no such file" means: TUF_ABSENT_IS_ERROR or TUF_ABSENT_ENDS_CHAIN.
    pub absent: u32,
}

/// Begins a question. `path` goes with TUF_ARTIFACT alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_new(
    client: *const tuf_client,
    kind: u32,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    out: *mut *mut tuf_job,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so are client and text.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        let asked = unsafe { Asked::read(client, kind, (name, name_len), (path, path_len)) }?;
        out.put(hand_out(Job(Mutex::new(Driven::new(asked)))));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// How many milliseconds the question may take in all, what is fetched for its verdict's content
/// included: as tuf_client_set_time_limit or else the configuration's `limits.time` says. It is the
/// host's to hold: what has not come by then is TUF_FAILED_TIME_LIMIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_time_limit(
    job: *const tuf_job,
    out: *mut u64,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::new(out, 0) }?;
        // SAFETY: as above.
        let job = exclusive(&unsafe { lent(job) }?.0)?;
        let total = job.asked.question.resolved().times.total;
        out.put(u64::try_from(total.as_millis()).unwrap_or(u64::MAX));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Goes on until something is needed. TUF_OK: fetch `*out` and answer it; more requests may be had
/// before it is answered. TUF_PENDING: answer an outstanding request first. TUF_DONE: the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_next(
    job: *const tuf_job,
    out: *mut tuf_request,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::new(out, tuf_request::default()) }?;
        // SAFETY: as above.
        let mut job = exclusive(&unsafe { lent(job) }?.0)?;
        Ok(match job.next()? {
            Ok(request) => {
                out.put(request);
                tuf_status::TUF_OK
            }
            Err(otherwise) => otherwise,
        })
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Answers a request with what the server said, in any order: the status of its last response (of
/// redirects that the host followed, the last), and the body, or its first `max_bytes + 1` bytes.
/// The status counts as it does with our own transport: 200 is the file, 404 "no such file", 401,
/// 403, 429 and all others are no answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_answer(
    job: *const tuf_job,
    id: u64,
    http_status: u32,
    body: *const u8,
    body_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let answer = || {
        // SAFETY: a handle of the caller's, as the header says; so are the bytes.
        let mut job = exclusive(&unsafe { lent(job) }?.0)?;
        // SAFETY: as above.
        let body = unsafe { bytes("the body", body, body_len) }?;
        let no_status = || Fault::border(tuf_status::TUF_ERR_USAGE, format!("{http_status} is no status of HTTP"));
        let status = u16::try_from(http_status).ok().filter(|s| (100..1000).contains(s)).ok_or_else(no_status)?;
        job.take(id, |asked| {
            // What is beyond the limit is not even copied.
            let most = usize::try_from(asked.max_bytes.saturating_add(1)).unwrap_or(usize::MAX);
            answered(&asked.url, status, body.get(..most).unwrap_or(body).to_vec(), asked.max_bytes)
        })
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, answer) }
}

/// Answers a request for which no response came: TUF_FAILED_* and a sentence that says more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_fail(
    job: *const tuf_job,
    id: u64,
    why: u32,
    message: *const c_char,
    message_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a handle of the caller's, as the header says; so is the text.
        let mut job = exclusive(&unsafe { lent(job) }?.0)?;
        // SAFETY: as above.
        let message = unsafe { text("the message", message, message_len) }?;
        let code = match why {
            TUF_FAILED_UNREACHABLE => Code::NetworkUnreachable,
            TUF_FAILED_TLS => Code::NetworkTls,
            TUF_FAILED_TIME_LIMIT => Code::NetworkTimeLimit,
            TUF_FAILED_CUT_OFF => Code::NetworkCutOff,
            TUF_FAILED_REDIRECT => Code::NetworkRedirect,
            TUF_FAILED_CANCELLED => Code::Cancelled,
            TUF_FAILED_CODING => Code::NetworkCoding,
            _ => return Err(Fault::border(tuf_status::TUF_ERR_USAGE, format!("{why} is no TUF_FAILED_*"))),
        };
        job.take(id, |asked| Fetched::Failed(Error::new(code, "T-8", format!("{}: {message}", asked.url))))
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// The verdict of a job that is at its end, TUF_OK; before the end TUF_PENDING, and none. Each call
/// hands out another handle. A question that turns out to be wrong is an error here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_verdict(
    job: *const tuf_job,
    out: *mut *mut tuf_verdict,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        let job = exclusive(&unsafe { lent(job) }?.0)?;
        hand_out_answer(job.answer.clone(), out)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Frees a job, at its end or before, and makes the variable NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_job_free(job: *mut *mut tuf_job) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(job) }
}
