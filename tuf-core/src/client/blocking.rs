//! A runtime in the calling thread.

use crate::error::{Code, Error, Result};
use std::future::Future;

/// Waits for futures that want I/O and time, in the calling thread; nothing is set up before the
/// first.
#[derive(Debug, Default)]
pub(super) struct Blocking(Option<tokio::runtime::Runtime>);

impl Blocking {
    /// The outcome of `work`.
    ///
    /// # Errors
    /// `internal` where the system gives no sockets.
    pub(super) fn wait<T: Send>(&mut self, work: impl Future<Output = T> + Send) -> Result<T> {
        let runtime = match &mut self.0 {
            Some(runtime) => runtime,
            none => {
                let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let failed = |e| Error::new(Code::Internal, "internal", format!("no sockets can be used: {e}"));
                none.insert(built.map_err(failed)?)
            }
        };
        if tokio::runtime::Handle::try_current().is_err() {
            return Ok(runtime.block_on(work));
        }
        // The calling thread drives another runtime already, which must not be blocked by ours.
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join())
            .map_err(|_| crate::trust::internal("the thread of this run has failed"))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // A name that is still being resolved must not hold the answer back.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
