//! Transports: where files are fetched from.

#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "client")]
mod credentials;
#[cfg(feature = "client")]
mod fetcher;
#[cfg(feature = "client")]
mod folder;
#[cfg(feature = "client")]
mod http;
#[cfg(feature = "client")]
mod server;

#[cfg(feature = "client")]
pub use credentials::Credentials;
#[cfg(feature = "client")]
pub use fetcher::{Body, Fetcher, Offered, Pending, WebFetcher};
#[cfg(feature = "client")]
pub(crate) use fetcher::{as_base, at_most, below};
#[cfg(feature = "client")]
pub use folder::FolderTransport;
#[cfg(feature = "client")]
pub(crate) use http::metadata_url;
#[cfg(feature = "client")]
pub use http::{HttpTransport, answered};
#[cfg(feature = "client")]
pub(crate) use server::is_loopback;
#[cfg(feature = "client")]
pub use server::{Pem, Proxy, Server, ServerSettings, Times};

use crate::trust::{Fetched, Request};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// A place that files are fetched from, one at a time, in the calling thread.
pub trait Transport {
    /// The answer to one request: at most `max_bytes + 1` bytes.
    fn fetch(&mut self, request: &Request) -> Fetched;
}

/// A place that files are fetched from, several side by side.
pub trait AsyncTransport {
    /// The answer to one request: at most `max_bytes + 1` bytes.
    fn fetch(&self, request: Request) -> impl Future<Output = Fetched> + Send;
}

/// Files in memory, by their path; by checksum they are found under their plain name too.
#[derive(Clone, Debug, Default)]
pub struct MemoryTransport {
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

impl MemoryTransport {
    /// These files.
    pub fn new(files: Arc<BTreeMap<String, Vec<u8>>>) -> Self {
        MemoryTransport { files }
    }
}

impl Transport for MemoryTransport {
    fn fetch(&mut self, request: &Request) -> Fetched {
        let plain = || self.files.get(&without_checksum(&request.path)?);
        match self.files.get(&request.path).or_else(plain) {
            Some(bytes) => {
                let most = usize::try_from(request.max_bytes.saturating_add(1)).unwrap_or(usize::MAX);
                Fetched::Bytes(bytes.get(..most).unwrap_or(bytes).to_vec())
            }
            None => Fetched::NotFound("no such file in memory".to_owned()),
        }
    }
}

/// `targets/releases.HEX64.json` without its checksum.
fn without_checksum(path: &str) -> Option<String> {
    let (name, hash) = path.strip_suffix(".json")?.rsplit_once('.')?;
    let checksum = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    checksum.then(|| format!("{name}.json"))
}
