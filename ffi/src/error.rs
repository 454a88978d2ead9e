//! What calls return, and the error object that says why.

use crate::border::told;
use crate::handle::{Opaque, free, lent};
use crate::text::tuf_text;
use tuf_core::verdict::{Document, Reason};
use tuf_core::{Code, Error};

/// What a call returns. A subject that is refused or unchecked is a verdict, and no error.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum tuf_status {
    /// It is done.
    #[default]
    TUF_OK = 0,
    /// Not yet: an answer is outstanding, or the task runs on.
    TUF_PENDING = 1,
    /// The job or task is at its end: its verdict can be had.
    TUF_DONE = 2,
    /// The question makes no sense: codes `usage.*`.
    TUF_ERR_USAGE = 10,
    /// The configuration is wrong: codes `config.*`.
    TUF_ERR_CONFIG = 11,
    /// The content is not what was signed: codes `target.*`; it cannot be read: `usage.file`; or it may
    /// not be fetched: `limit.bytes`, `store.empty`.
    TUF_ERR_CONTENT = 12,
    /// A pointer is NULL that must not be.
    TUF_ERR_NULL = 20,
    /// A handle that is none: NULL, of another type, or freed.
    TUF_ERR_HANDLE = 21,
    /// Text that is not UTF-8.
    TUF_ERR_UTF8 = 22,
    /// A length that no buffer has.
    TUF_ERR_LENGTH = 23,
    /// An answer to a request that is not outstanding: never made, or answered before.
    TUF_ERR_REQUEST = 30,
    /// Another thread is using the object.
    TUF_ERR_BUSY = 31,
    /// The object is at its end, and takes nothing more.
    TUF_ERR_CLOSED = 32,
    /// There is no such thing: a verdict without a target has no content to be checked.
    TUF_ERR_NOTHING = 33,
    /// A fault of this library, the message says which; please report it.
    TUF_ERR_INTERNAL = 40,
}

/// Why a call failed: owned by whoever got it, for any number of threads at once.
pub struct tuf_error {
    _opaque: [u8; 0],
}

/// What a [`tuf_error`] is.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) status: tuf_status,
    reason: Box<Reason>,
    /// The whole error document, as the command prints it.
    json: String,
}

// SAFETY: handles of this type are made from faults alone, with this magic number alone.
unsafe impl Opaque for tuf_error {
    type Inner = Fault;
    const MAGIC: u64 = u64::from_be_bytes(*b"tuferror");
}

impl Fault {
    /// The border was crossed in a way that it must not be.
    pub(crate) fn border(status: tuf_status, message: impl Into<String>) -> Self {
        let error = Error::new(Code::UsageArgument, "ffi", message);
        Fault::with(status, &error.with_hint("see what tufverify.h says of this call"))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Fault::with(tuf_status::TUF_ERR_INTERNAL, &Error::new(Code::Internal, "internal", message))
    }

    /// An error under the status that its call gives it.
    pub(crate) fn with(status: tuf_status, error: &Error) -> Self {
        Fault { status, ..Fault::of(Document::of_error(error, "")) }
    }

    /// What stands in a verdict's place.
    pub(crate) fn of(document: Document) -> Self {
        let json = document.to_json();
        match document {
            Document::Error(e) => Fault { status: status_of(e.reason.code), reason: Box::new(e.reason), json },
            Document::Verdict(_) => Fault::internal("a verdict was taken for an error"),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::with(status_of(error.code()), &error)
    }
}

impl From<Box<Document>> for Fault {
    fn from(document: Box<Document>) -> Self {
        Fault::of(*document)
    }
}

/// By the family of its code: what a configuration names may be wrong under many.
fn status_of(code: Code) -> tuf_status {
    match code.as_str().split('.').next() {
        Some("usage") => tuf_status::TUF_ERR_USAGE,
        Some("internal") => tuf_status::TUF_ERR_INTERNAL,
        _ => tuf_status::TUF_ERR_CONFIG,
    }
}

/// The status that came with the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_status(error: *const tuf_error) -> tuf_status {
    // SAFETY: a handle of ours, or NULL, as the header says.
    told(|| Some(unsafe { lent(error) }.map_or_else(|fault| fault.status, |fault| fault.status)))
}

/// The stable code, `family.detail`: docs/verdict.md lists them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_code(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.code.as_str().into()))
}

/// One sentence for people.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_message(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.message.as_str().into()))
}

/// The role that is concerned, if one is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_role(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.role.as_deref().into()))
}

/// The file that is concerned, if one is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_file(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.file.as_deref().into()))
}

/// What to do next, if that is known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_hint(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.hint.as_deref().into()))
}

/// The rule that was broken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_rule(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.rule.into()))
}

/// What the rule asks for, if it can be said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_expected(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.expected.as_deref().into()))
}

/// What was there instead, if it can be said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_found(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.reason.found.as_deref().into()))
}

/// All of it as JSON: the error document that the command prints (schema `error/1`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_json(error: *const tuf_error) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(error) }.ok()?.json.as_str().into()))
}

/// Frees an error, and makes the variable NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_error_free(error: *mut *mut tuf_error) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(error) }
}
