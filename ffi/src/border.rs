//! The one way in: no panic leaves it, and none is printed.

use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::hand_out;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside a call of ours, or is one of our own.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Panics of ours become errors, so the host's standard error does not hear of them; all others go
/// to the hook that was there before.
fn hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !INSIDE.with(Cell::get) {
            before(info);
        }
    }));
}

/// Runs `body`; a panic is an error with its words.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    HOOK.call_once(hook);
    let outer = INSIDE.with(|inside| inside.replace(true));
    let caught = catch_unwind(AssertUnwindSafe(body));
    INSIDE.with(|inside| inside.set(outer));
    caught.unwrap_or_else(|panic| Err(Fault::internal(words(panic.as_ref()))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a panic was caught: {}", text.unwrap_or("without words"))
}

/// A call that can fail.
///
/// # Safety
/// `err` is NULL or writable.
pub(crate) unsafe fn call(err: *mut *mut tuf_error, body: impl FnOnce() -> Result<tuf_status, Fault>) -> tuf_status {
    let (status, error) = match caught(body) {
        Ok(status) => (status, std::ptr::null_mut()),
        Err(fault) if err.is_null() => (fault.status, std::ptr::null_mut()),
        Err(fault) => (fault.status, hand_out(fault)),
    };
    if !err.is_null() {
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { err.write(error) };
    }
    status
}

/// A call that only tells: what cannot be told is nothing.
pub(crate) fn told<T: Default>(body: impl FnOnce() -> Option<T>) -> T {
    caught(|| Ok(body())).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)] // what is tested

    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_panic_of_ours_is_an_error_and_nobody_else_hears_of_it() {
        let heard = Arc::new(AtomicUsize::new(0));
        let hears = heard.clone();
        std::panic::set_hook(Box::new(move |_| {
            hears.fetch_add(1, Ordering::SeqCst);
        }));
        hook();
        let fault = caught::<()>(|| panic!("in the {}", "middle"));
        assert!(fault.as_ref().is_err_and(|f| f.status == tuf_status::TUF_ERR_INTERNAL));
        assert!(format!("{fault:?}").contains("a panic was caught: in the middle"));
        assert_eq!(told(|| -> Option<u32> { panic!("in an accessor") }), 0);
        // SAFETY: there is no place for an error.
        let status = unsafe { call(std::ptr::null_mut(), || panic!("without a place")) };
        assert_eq!((status, heard.load(Ordering::SeqCst)), (tuf_status::TUF_ERR_INTERNAL, 0));
        // A panic of the host's, in the same thread, goes to the hook that was there before.
        assert!(catch_unwind(|| panic!("of the host")).is_err());
        drop(std::panic::take_hook());
        assert_eq!(heard.load(Ordering::SeqCst), 1);
    }
}
