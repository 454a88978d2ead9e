//! Content that comes in pieces, checked against a target.

use crate::border::call;
use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::{Opaque, exclusive, free, lent};
use crate::text::bytes;
use std::sync::Mutex;
use tuf_core::trust::TargetCheck;

/// Content that comes in pieces, checked against a target: owned, one thread at a time. Nothing of
/// the content may be used before tuf_check_finish has said TUF_OK.
pub struct tuf_check {
    _opaque: [u8; 0],
}

/// What a [`tuf_check`] is; None once it is at its end.
pub(crate) struct Check(Mutex<Option<TargetCheck>>);

// SAFETY: handles of this type are made from checks alone, with this magic number alone.
unsafe impl Opaque for tuf_check {
    type Inner = Check;
    const MAGIC: u64 = u64::from_be_bytes(*b"tufcheck");
}

impl Check {
    pub(crate) fn new(check: TargetCheck) -> Self {
        Check(Mutex::new(Some(check)))
    }
}

fn ended() -> Fault {
    Fault::border(tuf_status::TUF_ERR_CLOSED, "this check is at its end")
}

/// The next bytes: TUF_ERR_CONTENT as soon as there are more than were signed, which ends it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_check_update(
    check: *const tuf_check,
    content: *const u8,
    content_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a handle of the caller's, as the header says; so are the bytes.
        let mut check = exclusive(&unsafe { lent(check) }?.0)?;
        // SAFETY: as above.
        let content = unsafe { bytes("the content", content, content_len) }?;
        if let Err(e) = check.as_mut().ok_or_else(ended)?.update(content) {
            *check = None;
            return Err(Fault::with(tuf_status::TUF_ERR_CONTENT, &e));
        }
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// The end: TUF_OK if the bytes are those that were signed, else TUF_ERR_CONTENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_check_finish(check: *const tuf_check, err: *mut *mut tuf_error) -> tuf_status {
    let body = || {
        // SAFETY: a handle of the caller's, as the header says.
        let mut check = exclusive(&unsafe { lent(check) }?.0)?;
        check.take().ok_or_else(ended)?.finish().map_err(|e| Fault::with(tuf_status::TUF_ERR_CONTENT, &e))?;
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Frees a check, at its end or before, and makes the variable NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_check_free(check: *mut *mut tuf_check) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(check) }
}
