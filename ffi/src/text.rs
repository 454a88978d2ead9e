//! Text and bytes across the border: pointer and length.

use crate::error::{Fault, tuf_status};

/// Borrowed text or bytes: UTF-8, not closed by a zero byte. `ptr` is NULL where there is no value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tuf_text {
    /// The first byte.
    pub ptr: *const std::ffi::c_char,
    /// How many bytes there are.
    pub len: usize,
}

impl Default for tuf_text {
    fn default() -> Self {
        tuf_text { ptr: std::ptr::null(), len: 0 }
    }
}

impl From<&str> for tuf_text {
    fn from(text: &str) -> Self {
        // Empty text has a pointer that leads somewhere: runtimes look at every pointer they hold.
        let ptr = if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast() };
        tuf_text { ptr, len: text.len() }
    }
}

impl From<Option<&str>> for tuf_text {
    fn from(text: Option<&str>) -> Self {
        text.map(tuf_text::from).unwrap_or_default()
    }
}

/// The caller's bytes, for the time of one call.
///
/// # Safety
/// `ptr` points to `len` bytes that nobody changes during the call, unless `len` is 0.
pub(crate) unsafe fn bytes<'a>(what: &str, ptr: *const u8, len: usize) -> Result<&'a [u8], Fault> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(Fault::border(tuf_status::TUF_ERR_NULL, format!("{what} is NULL, with length {len}")));
    }
    if isize::try_from(len).is_err() {
        return Err(Fault::border(tuf_status::TUF_ERR_LENGTH, format!("{what}: no buffer has {len} bytes")));
    }
    // SAFETY: the caller's promise; not NULL, and not longer than an object can be.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

/// The caller's text, for the time of one call.
///
/// # Safety
/// That of [`bytes`].
pub(crate) unsafe fn text<'a>(what: &str, ptr: *const std::ffi::c_char, len: usize) -> Result<&'a str, Fault> {
    // SAFETY: the caller's promise, handed on.
    let bytes = unsafe { bytes(what, ptr.cast(), len) }?;
    std::str::from_utf8(bytes).map_err(|e| Fault::border(tuf_status::TUF_ERR_UTF8, format!("{what} is not UTF-8: {e}")))
}
