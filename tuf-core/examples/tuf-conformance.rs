//! The executable that the public TUF conformance suite drives.
//!
//!     cargo build --release -p tuf-core --example tuf-conformance
//!
//!     tuf-conformance --metadata-dir DIR init ROOTFILE
//!     tuf-conformance --metadata-dir DIR --metadata-url URL refresh
//!     tuf-conformance --metadata-dir DIR --metadata-url URL --target-name PATH [--target-name PATH …]
//!                     --target-base-url URL --target-dir DIR download
//!
//! Ends with 0 or 1. DIR holds the trusted metadata under names without version; the client's own
//! store and the pinned root lie in DIR/client.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tuf_core::client::{Client, stores};
use tuf_core::trust::{Ages, FileName};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    // A panic is a failure like any other: 1, not 101.
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(e)) => {
            // Where nobody reads, nothing can be told.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{e}\n").as_bytes());
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

#[derive(Default)]
struct Options {
    one: BTreeMap<String, String>,
    targets: Vec<String>,
    words: Vec<String>,
}

impl Options {
    fn read() -> Outcome<Self> {
        let mut options = Options::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                None => options.words.push(argument),
                Some("target-name") => options.targets.push(arguments.next().ok_or("--target-name wants a path")?),
                Some(name @ ("metadata-dir" | "metadata-url" | "target-base-url" | "target-dir")) => {
                    let value = arguments.next().ok_or_else(|| format!("--{name} wants a value"))?;
                    options.one.insert(name.to_owned(), value);
                }
                Some(name) => return Err(format!("no such option: --{name}").into()),
            }
        }
        Ok(options)
    }

    fn get(&self, name: &str) -> Outcome<&str> {
        self.one.get(name).map(String::as_str).ok_or_else(|| format!("--{name} is missing").into())
    }
}

fn run() -> Outcome<()> {
    let options = Options::read()?;
    let folder = PathBuf::from(options.get("metadata-dir")?);
    let own = folder.join("client");
    match options.words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["init", root] => {
            let _ = fs::remove_dir_all(&own);
            fs::create_dir_all(&own)?;
            fs::copy(root, own.join("pinned-root"))?;
            fs::copy(root, folder.join("root.json"))?;
            Ok(())
        }
        ["refresh"] => {
            let refreshed = client(&options, &own)?.refresh();
            export(&folder, &own)?;
            Ok(refreshed?)
        }
        ["download"] => {
            let downloaded = download(&options, &own);
            export(&folder, &own)?;
            downloaded
        }
        words => Err(format!("no such command: {words:?}").into()),
    }
}

fn client(options: &Options, own: &Path) -> Outcome<Client> {
    // The suite's clock may begin anew in each process.
    let ages = Ages { clock_tolerance: u64::MAX, ..Ages::default() };
    let builder = Client::builder(fs::read(own.join("pinned-root"))?).store_in(store(own)).ages(ages);
    let builder = builder.metadata_url(options.get("metadata-url")?)?;
    Ok(match options.one.get("target-base-url") {
        Some(url) => builder.targets_url(url)?,
        None => builder,
    }
    .build()?)
}

/// One client for all targets, in order; the first failure ends it.
fn download(options: &Options, own: &Path) -> Outcome<()> {
    let folder = options.get("target-dir")?;
    let mut client = client(options, own)?;
    client.refresh()?;
    for path in &options.targets {
        let target = client.target(path)?;
        client.download(&target, folder)?;
    }
    Ok(())
}

/// Where [`stores`] looks for the store of a repository.
fn store(own: &Path) -> PathBuf {
    own.join("tuf1/repository")
}

/// The trusted metadata, byte for byte, under names without version.
fn export(folder: &Path, own: &Path) -> Outcome<()> {
    let Some(status) = stores(own, None)?.into_iter().next() else { return Ok(()) };
    let record = status.record?;
    let mut wanted = BTreeMap::new();
    for file in record.file_names() {
        let name = match &file {
            FileName::Root(version) if *version == record.roots().1 => "root.json".to_owned(),
            FileName::Timestamp => "timestamp.json".to_owned(),
            FileName::Snapshot => "snapshot.json".to_owned(),
            FileName::Targets(role) => format!("{}.json", tuf_core::wire::url_name(role)),
            _ => continue,
        };
        wanted.insert(name, fs::read(store(own).join(file.path()))?);
    }
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") && !wanted.contains_key(&name) {
            fs::remove_file(folder.join(name))?;
        }
    }
    for (name, bytes) in wanted {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
