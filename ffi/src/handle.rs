//! Handles: objects behind a magic number, which tells a wrong one.

use crate::border::told;
use crate::error::{Fault, tuf_status};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// A type that C knows by name alone.
///
/// # Safety
/// Pointers to it are made by [`hand_out`] alone, and no other type has its magic number.
pub(crate) unsafe trait Opaque: Sized {
    /// What it is: for any number of threads at once, as far as the library is concerned.
    type Inner: Send + Sync;
    /// Stands at the beginning of a living object.
    const MAGIC: u64;
}

/// An object as it lies in memory: the magic number comes first, whatever the type.
#[repr(C)]
struct Handle<T> {
    magic: AtomicU64,
    inner: T,
}

/// Stands where an object was.
const FREED: u64 = 0;

/// A new object, for the caller to free.
pub(crate) fn hand_out<O: Opaque>(inner: O::Inner) -> *mut O {
    Box::into_raw(Box::new(Handle { magic: AtomicU64::new(O::MAGIC), inner })).cast()
}

/// The object behind a handle, for the time of one call.
///
/// # Safety
/// The handle is NULL, or was handed out here and is not freed during the call. (One that was freed
/// before is told only while its memory is still readable.)
pub(crate) unsafe fn lent<'a, O: Opaque>(handle: *const O) -> Result<&'a O::Inner, Fault> {
    let wrong = |why: &str| Err(Fault::border(tuf_status::TUF_ERR_HANDLE, format!("the handle is {why}")));
    if handle.is_null() {
        return wrong("NULL");
    }
    if !handle.addr().is_multiple_of(align_of::<AtomicU64>()) {
        return wrong("no object of this library");
    }
    // SAFETY: objects of all types begin with their magic number; the alignment was looked at.
    let magic = unsafe { &*handle.cast::<AtomicU64>() };
    match magic.load(Ordering::Acquire) {
        // SAFETY: the magic number of this type stands there, so it is an object of this type.
        found if found == O::MAGIC => Ok(&unsafe { &*handle.cast::<Handle<O::Inner>>() }.inner),
        FREED => wrong("of an object that was freed"),
        _ => wrong("of an object of another type"),
    }
}

/// Frees what the variable holds, and makes it NULL: of two threads, one gets the object.
///
/// # Safety
/// The variable is NULL, or a readable and writable pointer whose value satisfies [`lent`].
pub(crate) unsafe fn free<O: Opaque>(variable: *mut *mut O) {
    told(|| {
        if variable.is_null() {
            return None;
        }
        // SAFETY: the caller's promise; nobody uses the variable in another way meanwhile.
        let handle = unsafe { AtomicPtr::from_ptr(variable) }.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the caller's promise; what is no object of this type is left alone.
        if handle.is_null() || unsafe { lent(handle) }.is_err() {
            return None;
        }
        // SAFETY: as in `lent`, which found an object of this type.
        let magic = unsafe { &*handle.cast::<AtomicU64>() };
        if magic.compare_exchange(O::MAGIC, FREED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // SAFETY: it was made by `Box::into_raw`, and whoever took the magic number frees it.
            drop(unsafe { Box::from_raw(handle.cast::<Handle<O::Inner>>()) });
        }
        Some(())
    });
}

/// A place for what a call hands out: NULL until it succeeds.
pub(crate) struct Out<T>(*mut T);

impl<O> Out<*mut O> {
    /// # Safety
    /// The place is NULL or writable.
    pub(crate) unsafe fn handle(place: *mut *mut O) -> Result<Self, Fault> {
        // SAFETY: the caller's promise.
        unsafe { Out::new(place, std::ptr::null_mut()) }
    }
}

impl<T> Out<T> {
    /// # Safety
    /// The place is NULL or writable.
    pub(crate) unsafe fn new(place: *mut T, nothing: T) -> Result<Self, Fault> {
        if place.is_null() {
            return Err(Fault::border(tuf_status::TUF_ERR_NULL, "the place for the result is NULL"));
        }
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { place.write(nothing) };
        Ok(Out(place))
    }

    pub(crate) fn put(self, value: T) {
        // SAFETY: `new` was promised a writable place, for the time of this call.
        unsafe { self.0.write(value) };
    }
}

/// What one thread uses at a time; nobody waits for another.
pub(crate) fn exclusive<T>(object: &Mutex<T>) -> Result<MutexGuard<'_, T>, Fault> {
    object.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => Fault::border(tuf_status::TUF_ERR_BUSY, "another thread uses this object"),
        TryLockError::Poisoned(_) => Fault::internal("an earlier call with this object failed in the middle"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::expect_used)] // what is tested

    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn status(got: Result<MutexGuard<'_, u32>, Fault>) -> Option<tuf_status> {
        got.err().map(|fault| fault.status)
    }

    #[test]
    fn who_comes_second_is_told_so_and_waits_for_nobody() {
        let object = Mutex::new(0);
        let first = exclusive(&object).expect("nobody uses it");
        let second = std::thread::scope(|scope| scope.spawn(|| status(exclusive(&object))).join());
        assert_eq!(second.expect("it ends"), Some(tuf_status::TUF_ERR_BUSY));
        drop(first);
        assert_eq!(status(exclusive(&object)), None);
    }

    #[test]
    fn what_a_panic_left_half_done_is_not_used_again() {
        let object = Mutex::new(0);
        let broken = catch_unwind(AssertUnwindSafe(|| {
            let _held = object.lock();
            std::panic::resume_unwind(Box::new("without a word"));
        }));
        assert!(broken.is_err());
        assert_eq!(status(exclusive(&object)), Some(tuf_status::TUF_ERR_INTERNAL));
    }
}
