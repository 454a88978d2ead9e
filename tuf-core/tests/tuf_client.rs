//! The client for programs: look up, download, verify; blocking and async, own fetcher and store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;
use tuf_core::client::{Builder, Client, Clock, TargetInfo};
use tuf_core::limits::Limits;
use tuf_core::metadata::Metadata;
use tuf_core::time::Time;
use tuf_core::transport::{Body, Fetcher, Offered, Pending};
use tuf_core::{Code, Error};
use url::Url;

const HELLO: &str = "hello.txt";
const APP: &str = "project/app.tar";

/// Inside the life of the repository.
#[derive(Debug)]
struct Then;

impl Clock for Then {
    fn now(&self) -> Time {
        Time::parse("2026-11-26T00:00:00Z").unwrap()
    }
}

fn smoke() -> PathBuf {
    test_vectors::root().join("tuf1/smoke")
}

fn url(folder: &Path) -> String {
    Url::from_directory_path(folder).unwrap().to_string()
}

fn root() -> Vec<u8> {
    fs::read(smoke().join("metadata/1.root.json")).unwrap()
}

fn builder() -> Builder {
    let builder = Client::builder(root()).clock(Then);
    builder.metadata_url(&url(&smoke().join("metadata"))).unwrap().targets_url(&url(&smoke().join("targets"))).unwrap()
}

fn client() -> Client {
    builder().build().unwrap()
}

fn served(name: &str) -> Vec<u8> {
    let folder = smoke().join("targets").join(Path::new(name).parent().unwrap());
    let base = Path::new(name).file_name().unwrap().to_str().unwrap().to_owned();
    let mut found = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    fs::read(found.find(|p| p.to_str().unwrap().ends_with(&format!(".{base}"))).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// T-54.1 T-54.2 T-54.3 T-41.1 T-41.4 T-19.3: look up, hand out a URL, download, verify.
#[test]
fn a_target_is_looked_up_downloaded_and_verified() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let tell = move |t: &TargetInfo, n: u64| log.lock().unwrap().push((t.path().to_owned(), n));
    let mut client = builder().on_bytes(tell).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let app = client.target(APP).unwrap();
    let content = served(APP);
    assert_eq!((app.path(), app.role(), app.length()), (APP, "project", content.len() as u64));
    let sha256 = app.hashes().into_iter().find(|(name, _)| *name == "sha256").unwrap().1;
    let at = app.url().unwrap();
    assert_eq!(at.as_str(), format!("{}project/{sha256}.app.tar", url(&smoke().join("targets"))));
    assert_eq!(fs::read(at.to_file_path().unwrap()).unwrap(), content, "the URL is ready to be fetched");

    let mut got = client.download(&app, folder.path()).unwrap();
    assert!(got.fetched);
    assert_eq!(names(folder.path()), ["project%2Fapp.tar"]);
    let mut read = Vec::new();
    got.file.read_to_end(&mut read).unwrap();
    assert_eq!(read, content, "the handle is at the beginning");
    let told = told.lock().unwrap().clone();
    assert_eq!(told.last(), Some(&(APP.to_owned(), content.len() as u64)));

    client.verify(&app, &mut Cursor::new(&content)).unwrap();
    let mut bent = content.clone();
    bent[7] ^= 1;
    assert_eq!(client.verify(&app, &mut Cursor::new(&bent)).unwrap_err().code(), Code::TargetHash);
    assert_eq!(client.verify(&app, &mut Cursor::new(&content[1..])).unwrap_err().code(), Code::TargetLength);
    assert_eq!(client.target("none").unwrap_err().code(), Code::TargetNotSigned);
    assert_eq!(client.target("../hello.txt").unwrap_err().code(), Code::TargetPath);
    assert_eq!(client.trusted().unwrap().root().content().version(), 2);
}

/// T-41.7 T-41.8: what is there with the right content is not fetched again; what is not is replaced.
#[test]
fn a_file_that_is_there_is_hashed_and_not_fetched_again() {
    let mut client = client();
    let folder = tempfile::tempdir().unwrap();
    let hello = client.target(HELLO).unwrap();
    let path = folder.path().join(hello.local_name());
    assert!(client.download(&hello, folder.path()).unwrap().fetched);
    assert!(!client.download(&hello, folder.path()).unwrap().fetched);
    let mut bent = served(HELLO);
    bent[0] ^= 1;
    fs::write(&path, &bent).unwrap();
    assert!(client.download(&hello, folder.path()).unwrap().fetched, "the same length, another content");
    assert_eq!(fs::read(&path).unwrap(), served(HELLO));
}

/// T-42.13: a link at the destination is replaced, not followed.
#[test]
fn a_link_at_the_destination_is_replaced() {
    let mut client = client();
    let folder = tempfile::tempdir().unwrap();
    let hello = client.target(HELLO).unwrap();
    for content in [b"precious".to_vec(), served(HELLO)] {
        let other = folder.path().join("other");
        fs::write(&other, &content).unwrap();
        let path = folder.path().join(hello.local_name());
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(client.download(&hello, folder.path()).unwrap().fetched);
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!((fs::read(&other).unwrap(), fs::read(&path).unwrap()), (content, served(HELLO)));
    }
}

/// T-42.9: into folders on request, each segment encoded.
#[test]
fn targets_lie_in_folders_on_request() {
    let mut client = client();
    let folder = tempfile::tempdir().unwrap();
    let app = client.target(APP).unwrap();
    assert_eq!(app.local_path(), Path::new("project/app.tar"));
    client.download_as(&app, folder.path().join(app.local_path())).unwrap();
    assert_eq!(fs::read(folder.path().join("project/app.tar")).unwrap(), served(APP));
}

// ---- an own fetcher ----

/// Files by the last part of their URL, in pieces; each may be replaced.
#[derive(Debug, Default)]
struct Own {
    files: BTreeMap<String, Vec<u8>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// After so many bytes the network fails.
    cut: Option<usize>,
}

impl Own {
    fn new() -> Self {
        let mut files = BTreeMap::new();
        for folder in ["metadata", "targets", "targets/project"] {
            for entry in fs::read_dir(smoke().join(folder)).unwrap().map(|e| e.unwrap().path()) {
                if entry.is_file() {
                    files.insert(entry.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(entry).unwrap());
                }
            }
        }
        Own { files, ..Own::default() }
    }

    fn target(&mut self, base: &str) -> &mut Vec<u8> {
        self.files.iter_mut().find(|(name, _)| name.ends_with(base)).unwrap().1
    }

    fn client(self, change: impl FnOnce(Builder) -> Builder) -> Client {
        let builder = Client::builder(root()).clock(Then).fetcher(self);
        let builder = builder.metadata_url("own://m/").unwrap().targets_url("own://t").unwrap();
        change(builder).build().unwrap()
    }
}

impl Fetcher for Own {
    fn open<'f>(&'f self, url: &'f Url, _: Instant) -> Pending<'f, Offered<'f>> {
        let name = url.path_segments().unwrap().next_back().unwrap();
        self.asked.lock().unwrap().push(format!("{}{}", url.host_str().unwrap(), url.path()));
        let offered = match self.files.get(name) {
            None => Offered::NotFound(format!("no {name}")),
            Some(bytes) => {
                let cut = self.cut.filter(|_| url.host_str() == Some("t"));
                Offered::Body(Box::new(Pieces(bytes, cut)))
            }
        };
        Box::pin(std::future::ready(Ok(offered)))
    }
}

struct Pieces<'f>(&'f [u8], Option<usize>);

impl Body for Pieces<'_> {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        let n = self.0.len().min(10_000);
        let (piece, rest) = self.0.split_at(n);
        self.0 = rest;
        let fails = self.1.is_some_and(|cut| cut < n);
        self.1 = self.1.map(|cut| cut.saturating_sub(n));
        Box::pin(std::future::ready(match n {
            _ if fails => Err(Error::new(Code::NetworkCutOff, "test", "cut off")),
            0 => Ok(None),
            _ => Ok(Some(piece.to_vec())),
        }))
    }
}

fn left(folder: &TempDir) -> Vec<String> {
    names(folder.path())
}

/// T-15.3 T-41.2 T-41.3 T-41.5 T-41.6: what is wrong leaves nothing behind, and is not read further
/// than need be.
#[test]
fn a_download_that_fails_leaves_nothing() {
    let longer = |own: &mut Own| own.target(".app.tar").extend([0; 50_000]);
    let shorter = |own: &mut Own| own.target(".app.tar").truncate(63_999);
    let bent = |own: &mut Own| own.target(".app.tar")[60_000] ^= 1;
    let gone = |own: &mut Own| own.files.retain(|name, _| !name.ends_with(".app.tar"));
    let cut = |own: &mut Own| own.cut = Some(30_000);
    type Change<'a> = &'a dyn Fn(&mut Own);
    let table: [(&str, Change<'_>, Option<Code>); 6] = [
        ("as it is", &|_| {}, None),
        ("longer", &longer, Some(Code::TargetLength)),
        ("shorter", &shorter, Some(Code::TargetLength)),
        ("bent", &bent, Some(Code::TargetHash)),
        ("gone", &gone, Some(Code::MissingTarget)),
        ("cut", &cut, Some(Code::NetworkCutOff)),
    ];
    for (what, change, code) in table {
        let folder = tempfile::tempdir().unwrap();
        let mut own = Own::new();
        change(&mut own);
        let mut client = own.client(|b| b);
        let app = client.target(APP).unwrap();
        let done = client.download(&app, folder.path());
        assert_eq!(done.as_ref().err().map(Error::code), code, "{what}: {done:?}");
        assert_eq!(left(&folder).len(), usize::from(code.is_none()), "{what}: {:?}", left(&folder));
    }
    // A ceiling of our own is looked at before the first byte.
    let own = Own::new();
    let asked = own.asked.clone();
    let mut limits = Limits::default();
    limits.target = 63_999;
    let mut client = own.client(|b| b.limits(limits));
    let app = client.target(APP).unwrap();
    let before = asked.lock().unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(client.download(&app, folder.path()).unwrap_err().code(), Code::LimitBytes);
    assert_eq!((asked.lock().unwrap().len(), left(&folder)), (before, vec![]));
}

/// T-19.5: a switch turns the hash prefix off.
#[test]
fn the_hash_prefix_can_be_turned_off() {
    for (on, plain) in [(true, false), (false, true)] {
        let mut own = Own::new();
        let content = own.target(".hello.txt").clone();
        own.files.retain(|name, _| !name.ends_with(".hello.txt"));
        own.files.insert("hello.txt".to_owned(), content);
        let folder = tempfile::tempdir().unwrap();
        let mut client = own.client(|b| b.hash_prefix(on));
        let hello = client.target(HELLO).unwrap();
        assert_eq!(client.download(&hello, folder.path()).is_ok(), plain, "{:?}", hello.url());
    }
}

/// A store keeps what was seen: the second start makes two requests (T-18.1), and knows the version.
#[test]
fn a_store_is_kept_between_clients() {
    let store = tempfile::tempdir().unwrap();
    let asked_by = |paths: &[&str]| {
        let own = Own::new();
        let asked = own.asked.clone();
        let mut client = own.client(|b| b.store_in(store.path().join("store")));
        client.refresh().unwrap();
        for path in paths {
            client.target(path).unwrap();
        }
        asked.lock().unwrap().clone()
    };
    assert_eq!(asked_by(&[APP]).len(), 6, "two roots, timestamp, snapshot, targets, project");
    assert_eq!(asked_by(&[]), ["m/3.root.json", "m/timestamp.json"]);
    assert_eq!(asked_by(&[APP, HELLO]), ["m/3.root.json", "m/timestamp.json"], "roles lie in the store");
}

/// A clock that a test moves.
#[derive(Clone, Debug)]
struct Moved(Arc<Mutex<Time>>);

impl Clock for Moved {
    fn now(&self) -> Time {
        *self.0.lock().unwrap()
    }
}

/// T-2.1 T-2.2 T-2.8 T-2.9: a client that lives long judges each look-up by the clock of the look-up; a
/// failed refresh leaves what was there, until it expires.
#[test]
fn a_client_that_lives_long_is_not_older_than_its_metadata() {
    let now = Moved(Arc::new(Mutex::new(Then.now())));
    let folder = tempfile::tempdir().unwrap();
    let metadata = folder.path().join("metadata");
    fs::create_dir(&metadata).unwrap();
    for entry in fs::read_dir(smoke().join("metadata")).unwrap().map(|e| e.unwrap()) {
        fs::copy(entry.path(), metadata.join(entry.file_name())).unwrap();
    }
    let builder = Client::builder(root()).clock(now.clone()).metadata_url(&url(&metadata)).unwrap();
    let mut client = builder.build().unwrap();
    client.refresh().unwrap();
    assert!(client.target(APP).is_ok());
    fs::remove_dir_all(&metadata).unwrap();
    assert_eq!(client.refresh().unwrap_err().code(), Code::NetworkUnreachable);
    assert!(client.target(APP).is_ok() && client.target(HELLO).is_ok(), "what was there still answers");
    *now.0.lock().unwrap() = Time::parse("2199-01-01T00:00:00Z").unwrap();
    for path in [APP, HELLO] {
        let code = client.target(path).unwrap_err().code();
        assert!(code.as_str().starts_with("expired.") || code == Code::NetworkUnreachable, "{path}: {code}");
    }
}

/// The async client is the same one; a blocking one inside a runtime does not panic.
#[test]
fn async_and_blocking_are_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut client = builder().build_async().unwrap();
        client.refresh().await.unwrap();
        let hello = client.target(HELLO).await.unwrap();
        let got = client.download(&hello, folder.path()).await.unwrap();
        assert_eq!(fs::read(got.path).unwrap(), served(HELLO));
        let mut blocking = self::client();
        assert_eq!(blocking.target(HELLO).unwrap().hashes(), hello.hashes());
    });
}

#[test]
fn what_a_client_needs_to_know() {
    let code = |e: tuf_core::Result<Client>| e.unwrap_err().code();
    assert_eq!(code(Client::builder(root()).build()), Code::ConfigValue);
    for bad in ["", "metadata", "mailto:a@b", "https://x/?a", "https://x/#a"] {
        assert_eq!(Client::builder(root()).metadata_url(bad).unwrap_err().code(), Code::ConfigValue, "{bad}");
    }
    let mut nowhere =
        Client::builder(root()).clock(Then).metadata_url("file:///no/such/folder").unwrap().build().unwrap();
    assert_eq!(nowhere.refresh().unwrap_err().code(), Code::NetworkUnreachable);
    let mut client =
        Client::builder(root()).clock(Then).metadata_url(&url(&smoke().join("metadata"))).unwrap().build().unwrap();
    let hello = client.target(HELLO).unwrap();
    assert!(hello.url().is_none());
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(client.download(&hello, folder.path()).unwrap_err().code(), Code::ConfigValue);
    client.verify(&hello, &mut Cursor::new(served(HELLO))).unwrap();
}
