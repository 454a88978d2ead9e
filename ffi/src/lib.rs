//! The C ABI: `include/tufverify.h`, made of the functions here.
//!
//! They decide nothing: every question is asked of `tuf_core`, and what stands here carries
//! text, handles and errors over the border. `README.md` says who owns what.

#![allow(non_camel_case_types)] // names are those of C

mod asked;
mod border;
mod check;
mod client;
mod error;
mod handle;
mod job;
mod task;
mod text;
mod verdict;

pub use asked::{TUF_ARTIFACT, TUF_ARTIFACT_LIST, TUF_IMAGE, TUF_IMAGE_LIST, TUF_REFRESH};
pub use check::*;
pub use client::*;
pub use error::*;
pub use job::*;
pub use task::*;
pub use text::tuf_text;
pub use verdict::*;

use border::call;
use handle::Out;
use std::ffi::c_char;

/// The version of this interface: it changes whenever something that was there is not as it was.
pub const TUF_ABI_VERSION: u32 = 1;

/// TUF_ABI_VERSION of the library that runs: to be compared with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn tuf_abi_version() -> u32 {
    TUF_ABI_VERSION
}

/// The version of the library, closed by a zero byte, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn tuf_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Whether a shell pattern of a delegation matches a target path (rule T-23).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_pattern_matches(
    pattern: *const c_char,
    pattern_len: usize,
    path: *const c_char,
    path_len: usize,
    out: *mut bool,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the text.
        let out = unsafe { Out::new(out, false) }?;
        // SAFETY: as above.
        let pattern = unsafe { text::text("the pattern", pattern, pattern_len) }?;
        // SAFETY: as above.
        let path = unsafe { text::text("the path", path, path_len) }?;
        out.put(tuf_core::trust::pattern_matches(pattern, path));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}
