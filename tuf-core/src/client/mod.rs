//! Clients: what programs ask with. All that decides anything is in the sans-I/O core; what stands
//! here brings bytes, time and a place to remember.
//!
//! # A TUF 1.0 repository, blocking
//!
//! `cargo add tuf-core`, and from a root file that comes with the program to a verified target:
//!
//! ```
//! use tuf_core::client::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     # let (kept, here) = (tempfile::tempdir()?, std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-tuf1"));
//!     # let (downloads, root_file) = (kept.path(), here.join("metadata/1.root.json"));
//!     # let metadata = url::Url::from_directory_path(here.join("metadata")).unwrap();
//!     # let targets = url::Url::from_directory_path(here.join("targets")).unwrap();
//!     let root = std::fs::read(root_file)?;
//!     let mut client = Client::builder(root)
//!         .metadata_url(metadata.as_str())? // "https://example.com/metadata/"
//!         .targets_url(targets.as_str())?
//!         .build()?;
//!     let target = client.target("project/app.tar")?;
//!     let file = client.download(&target, downloads)?;
//!     println!("{} bytes, signed in {}: {}", target.length(), target.role(), file.path.display());
//!     # assert_eq!((target.length(), target.role(), file.fetched), (64_000, "project", true));
//!     Ok(())
//! }
//! ```
//!
//! [`Builder::store_in`] names the folder that is remembered in; without it nothing protects from
//! rollback between two runs of the program. [`Client::refresh`] brings all up to date,
//! [`Client::verify`] checks a file that is there already, [`TargetInfo::url`] and
//! [`TargetInfo::check`] let another downloader fetch, [`Client::trusted`] tells what is trusted and
//! until when, and [`Client::report`] every request and check of the last run (as `tracing` events too).
//!
//! # The same, async
//!
//! [`AsyncClient`] is made by the same [`Builder`]. Its own HTTP wants a tokio runtime; content is
//! hashed in pieces of at most 64 KiB, between which other tasks run.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-tuf1");
//! # let root = std::fs::read(here.join("metadata/1.root.json")).unwrap();
//! # let metadata = url::Url::from_directory_path(here.join("metadata")).unwrap();
//! use tuf_core::client::Client;
//! let mut client = Client::builder(root).metadata_url(metadata.as_str())?.build_async()?;
//! client.refresh().await?;
//! let target = client.target("hello.txt").await?;
//! client.verify(&target, &mut &b"Hello from a signed file.\n"[..]).await?;
//! # Ok::<(), tuf_core::Error>(()) }).unwrap();
//! ```
//!
//! # Your own transport
//!
//! A [`Fetcher`](crate::transport::Fetcher) opens URLs; its bodies come in pieces. Nothing that it
//! hands out is believed. It is the client's for metadata and targets alike, and needs no runtime
//! unless it wants one.
//!
//! ```
//! use std::{collections::BTreeMap, time::Instant};
//! use tuf_core::transport::{Body, Fetcher, Offered, Pending};
//! use url::Url;
//!
//! /// Files that were compiled in, or came over a radio.
//! #[derive(Debug)]
//! struct Held(BTreeMap<String, Vec<u8>>);
//!
//! impl Fetcher for Held {
//!     fn open<'f>(&'f self, url: &'f Url, _until: Instant) -> Pending<'f, Offered<'f>> {
//!         let file = self.0.get(url.path()).cloned();
//!         let not_there = move || Offered::NotFound(format!("{url} is not held"));
//!         Box::pin(async move { Ok(file.map_or_else(not_there, |bytes| Offered::Body(Box::new(Once(Some(bytes)))))) })
//!     }
//! }
//!
//! struct Once(Option<Vec<u8>>);
//!
//! impl Body for Once {
//!     fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
//!         let piece = self.0.take();
//!         Box::pin(async move { Ok(piece) })
//!     }
//! }
//! # let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-tuf1/metadata");
//! # let files = ["1.root.json", "2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
//! # let held = Held(files.iter().map(|f| (format!("/{f}"), std::fs::read(here.join(f)).unwrap())).collect());
//! # let root = std::fs::read(here.join("1.root.json")).unwrap();
//! let builder = tuf_core::client::Client::builder(root).metadata_url("held://repository/")?;
//! let mut client = builder.fetcher(held).build()?;
//! assert_eq!(client.target("hello.txt")?.role(), "targets");
//! # Ok::<(), tuf_core::Error>(())
//! ```
//!
//! # Your own store
//!
//! A [`Store`] loads a file, and commits changes all at once if nobody else
//! changed the record since. What it hands out is verified again from the pinned root.
//!
//! ```
//! use std::collections::BTreeMap;
//! use tuf_core::store::Store;
//! use tuf_core::trust::{Changes, Committed, FileName};
//!
//! /// A table of some database, say.
//! #[derive(Default)]
//! struct Table(BTreeMap<String, Vec<u8>>);
//!
//! impl Store for Table {
//!     fn load(&mut self, file: &FileName, _sha256: Option<&str>) -> tuf_core::Result<Option<Vec<u8>>> {
//!         Ok(self.0.get(&file.path()).cloned())
//!     }
//!
//!     fn commit(&mut self, changes: &Changes) -> tuf_core::Result<Committed> {
//!         let sha256 = |bytes: &Vec<u8>| tuf_core::crypto::hex(&tuf_core::crypto::sha256(bytes));
//!         if self.0.get(&FileName::Record.path()).map(sha256) != changes.base {
//!             return Ok(Committed::Conflict); // another run was quicker: this one merges
//!         }
//!         for (file, bytes) in &changes.files {
//!             match bytes {
//!                 Some(bytes) => self.0.insert(file.path(), bytes.to_vec()),
//!                 None => self.0.remove(&file.path()),
//!             };
//!         }
//!         self.0.extend(changes.checked.iter().map(|bytes| (FileName::Checked.path(), bytes.to_vec())));
//!         Ok(Committed::Done)
//!     }
//! }
//! # let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-tuf1/metadata");
//! # let root = std::fs::read(here.join("1.root.json")).unwrap();
//! # let metadata = url::Url::from_directory_path(here).unwrap();
//! let builder = tuf_core::client::Client::builder(root).metadata_url(metadata.as_str())?;
//! let mut client = builder.store(Table::default()).build()?;
//! client.refresh()?;
//! # Ok::<(), tuf_core::Error>(())
//! ```
//!
//! # Images, and whatever a configuration file names
//!
//! [`verify`], [`list`], [`verify_artifact`] and their like take a [`Config`] and give verdict
//! documents, as the command does. A [`Question`] is the same without any I/O: a [`Job`] that the
//! host drives with its own store and HTTP, and the documents that its outcome makes.

mod archive;
mod artifacts;
mod blocking;
mod cache;
mod config;
mod download;
mod images;
mod init;
mod keys;
mod offer;
mod question;
mod run;
mod source;
mod tuf;

pub use archive::save;
pub use artifacts::{download_artifacts, list_artifacts, look_up_artifacts, refresh, verify_artifact};
pub use cache::{StoreStatus, forget, forget_clock, repair, stores};
pub use config::{Choices, Config, Resolved, required};
pub use download::{Downloaded, ToFetch};
pub use images::{list, verify};
pub use init::{NewRoot, RootFrom, new_root};
pub use keys::span;
pub use offer::{Offer, OfferedKey, offered};
pub use question::Question;
pub use run::{Ask, Cancel, Memory, Place, Progress, Run, Waiting};
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
