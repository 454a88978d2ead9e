//! Drivers of the machine: a store and a transport around it.

mod archive;
mod artifacts;
mod blocking;
mod cache;
mod config;
mod download;
mod images;
mod keys;
mod offer;
mod run;
mod source;
mod tuf;

pub use archive::save;
pub use artifacts::{download_artifacts, refresh, verify_artifact};
pub use cache::{StoreStatus, forget, forget_clock, repair, stores};
pub use config::{Choices, Config, Resolved, required};
pub use download::Downloaded;
pub use images::{list, verify};
pub use keys::span;
pub use offer::{Offer, OfferedKey, offered};
pub use run::{Ask, Place, Progress, Waiting};
pub use source::{Files, Source};
pub use tuf::{AsyncClient, Builder, Client, Clock, SystemClock, TargetInfo};

use crate::store::Store;
use crate::transport::{AsyncTransport, Transport};
use crate::trust::{Job, Step};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Drives a job to its end, in the calling thread.
///
/// ```
/// use tuf_core::{client::drive, metadata::Format, store::MemoryStore, time::Time};
/// use tuf_core::{transport::FolderTransport, trust::{start, Pin, Query, Settings, TagRule}};
/// let now = Time::parse("2030-01-01T00:00:00Z")?;
/// let settings = Settings::new("registry.example/app", Format::Notary1, Pin::FirstUse, now);
/// let job = start(settings, vec![(Query::Name("1.0".into()), TagRule::ReleasesFirst)]);
/// let outcome = drive(job, &mut MemoryStore::default(), &mut FolderTransport::new("/no/such/folder"));
/// assert!(outcome.answers[0].is_err());
/// # Ok::<(), tuf_core::Error>(())
/// ```
pub fn drive<T>(mut job: Job<T>, store: &mut dyn Store, transport: &mut dyn Transport) -> T {
    loop {
        match job.step() {
            Step::Load { file, sha256 } => job.loaded(store.load(&file, sha256.as_deref())),
            Step::Fetch(request) => {
                let answer = transport.fetch(&request);
                job.answer(request.id, answer);
            }
            Step::Commit(changes) => job.committed(store.commit(&changes)),
            Step::Done(outcome) => return outcome,
            Step::Wait => {} // every request was answered at once
        }
    }
}

/// Drives a job to its end; what it asks for together is fetched side by side.
pub async fn drive_async<T>(mut job: Job<T>, store: &mut (dyn Store + Send), transport: &impl AsyncTransport) -> T {
    let mut under_way = FuturesUnordered::new();
    loop {
        match job.step() {
            Step::Load { file, sha256 } => job.loaded(store.load(&file, sha256.as_deref())),
            Step::Fetch(request) => {
                let id = request.id;
                under_way.push(async move { (id, transport.fetch(request).await) });
            }
            Step::Commit(changes) => job.committed(store.commit(&changes)),
            Step::Done(outcome) => return outcome,
            Step::Wait => {
                if let Some((id, answer)) = under_way.next().await {
                    job.answer(id, answer);
                }
            }
        }
    }
}
