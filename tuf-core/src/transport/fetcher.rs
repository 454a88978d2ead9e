//! Files by their URL, streamed: what a TUF 1.0 client gets metadata and targets with.

use super::http::HttpTransport;
use super::server::{Server, ServerSettings, origin};
use crate::error::{Code, Error, Result, shown};
use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use url::Url;

/// Something that is on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What files are fetched with; implement it to bring your own.
///
/// Nothing that it hands out is believed: it can only be too late, too long or wrong.
pub trait Fetcher: Send + Sync + std::fmt::Debug {
    /// Asks for the file at `url`, which must be there before `until`.
    ///
    /// # Errors
    /// No definite answer: a code of the families `network`, `auth` or `cancelled`. A definite
    /// "there is no such file" is [`Offered::NotFound`], and no error.
    fn open<'f>(&'f self, url: &'f Url, until: Instant) -> Pending<'f, Offered<'f>>;
}

/// The answer to a request.
pub enum Offered<'f> {
    /// The file, not read yet.
    Body(Box<dyn Body + 'f>),
    /// There is no such file: where it was looked for, and what was said.
    NotFound(String),
}

impl std::fmt::Debug for Offered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Offered::Body(_)) { "Body" } else { "NotFound" })
    }
}

/// A file that is being fetched.
pub trait Body: Send {
    /// The next bytes, in pieces of any size; `None` at the end.
    ///
    /// # Errors
    /// Codes of the family `network`.
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>>;
}

/// A whole body, or its first `max + 1` bytes.
pub(crate) async fn at_most(body: &mut dyn Body, max: u64) -> Result<Vec<u8>> {
    let most = usize::try_from(max.saturating_add(1)).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    while bytes.len() < most {
        let Some(piece) = body.next().await? else { break };
        bytes.extend(piece.iter().take(most.saturating_sub(bytes.len())));
    }
    Ok(bytes)
}

/// A URL that files are joined to: it ends at a `/`.
pub(crate) fn as_base(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// A file's URL below a base, and nowhere else.
pub(crate) fn below(base: &Url, path: &str) -> Result<Url> {
    let fail = |why: String| Error::new(Code::NetworkStatus, "T-42", format!("a file's name {why}"));
    let url = base.join(&format!("./{path}")).map_err(|e| fail(format!("makes no URL of this server: {e}")))?;
    if url.as_str().starts_with(base.as_str()) {
        Ok(url)
    } else {
        Err(fail("leads out of the collection's URL".to_owned()))
    }
}

/// Fetches `https:` (and `http:` from loopback, or where the settings' URL is one) and `file:` URLs.
#[derive(Debug)]
pub struct WebFetcher {
    settings: ServerSettings,
    name: String,
    servers: Mutex<BTreeMap<String, Arc<Server>>>,
}

impl WebFetcher {
    /// With the authorities, credentials, proxy and times of `settings`, whose URL names the host
    /// that credentials may go to. `name` is the repository's.
    pub fn new(settings: ServerSettings, name: &str) -> Self {
        WebFetcher { settings, name: name.to_owned(), servers: Mutex::default() }
    }

    /// One server for each origin, so that connections are kept.
    fn server(&self, url: &Url, until: Instant) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Server::new(self.settings.clone(), until));
        servers.entry(origin(url)).or_insert_with(new).clone()
    }

    async fn opened<'f>(&'f self, url: &'f Url, until: Instant) -> Result<Offered<'f>> {
        match url.scheme() {
            "file" => of_file(url),
            "https" | "http" => {
                let transport = HttpTransport::at(self.server(url, until), url.clone(), &self.name, until);
                Ok(match transport.open("").await? {
                    Offered::Body(body) => Offered::Body(Box::new(InTime { transport, body })),
                    Offered::NotFound(words) => Offered::NotFound(words),
                })
            }
            scheme => Err(Error::new(
                Code::ConfigValue,
                "T-44",
                format!("`{}` is no URL that can be fetched: https, http or file", shown(scheme)),
            )),
        }
    }
}

impl Fetcher for WebFetcher {
    fn open<'f>(&'f self, url: &'f Url, until: Instant) -> Pending<'f, Offered<'f>> {
        Box::pin(self.opened(url, until))
    }
}

/// A body with the deadline of its request.
struct InTime {
    transport: HttpTransport,
    body: Box<dyn Body>,
}

impl Body for InTime {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(self.transport.in_time(self.body.next()))
    }
}

fn of_file<'f>(url: &Url) -> Result<Offered<'f>> {
    let no_path =
        || Error::new(Code::ConfigValue, "T-51", format!("{} names no file of this machine", shown(url.as_str())));
    let path = url.to_file_path().map_err(|()| no_path())?;
    match File::open(&path) {
        Ok(file) => Ok(Offered::Body(Box::new(Local(file)))),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename) => {
            Ok(Offered::NotFound(format!("no such file: {}", path.display())))
        }
        Err(e) => {
            let why = format!("a file of the folder cannot be opened: {e}");
            Err(Error::new(Code::NetworkUnreachable, "T-51", why))
        }
    }
}

struct Local(File);

/// Bytes read from a file at a time.
const PIECE: u64 = 64 << 10;

impl Body for Local {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(PIECE).read_to_end(&mut bytes);
        let failed = |e| Error::new(Code::NetworkCutOff, "T-51", format!("a file of the folder cannot be read: {e}"));
        Box::pin(std::future::ready(read.map(|n| (n > 0).then_some(bytes)).map_err(failed)))
    }
}
