//! `trust add`, `show`, `remove`: the pins in `trust.toml`, beside the configuration.

use crate::args::{Add, Choices, Format, Global, Trust};
use crate::image;
use crate::output;
use crate::paths::ConfigFile;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};
use tuf_core::client::{self, Config, OfferedKey};
use tuf_core::crypto::{hex, sha256};
use tuf_core::error::shown;
use tuf_core::store::{LOCK_WAIT, locked};
use tuf_core::time::Time;
use tuf_core::trust::Pin;
use tuf_core::{Code, Error, Result};

pub(crate) fn run(global: &Global, verb: &Trust) -> u8 {
    let outcome = match verb {
        Trust::Fetch { name } => fetched(global, name),
        Trust::Add(add) => pinned(global, add),
        Trust::Show { name } => show(global, name.as_deref()),
        Trust::Remove { prefix } => removed(global, prefix),
    };
    let name = if let Trust::Fetch { name } = verb { name } else { "" };
    match outcome {
        Ok(text) => output::raw(&text),
        Err(e) => output::failed(global.output, &e, name),
    }
}

/// What the server offers, and the line that pins it.
fn fetched(global: &Global, name: &str) -> Result<String> {
    let (config, place) = image::configuration(global, false)?;
    let ask = image::ask(global, &Choices::default(), place, None)?;
    let offer = client::offered(&config, name, &ask)?;
    let time = |t: Option<Time>| t.map_or_else(|| "unknown".to_owned(), |t| t.to_string());
    let valid = |key: &OfferedKey| (time(key.valid.map(|(from, _)| from)), time(key.valid.map(|(_, until)| until)));
    if global.output == Format::Json {
        let keys: Vec<serde_json::Value> = offer
            .keys
            .iter()
            .map(|key| {
                let (from, until) = valid(key);
                serde_json::json!({
                    "certificate_id": key.id, "common_name": key.common_name,
                    "sha256_fingerprint": key.fingerprint, "valid_from": from, "valid_until": until,
                })
            })
            .collect();
        let offer = serde_json::json!({
            "schema": "offer/1", "collection": offer.collection, "source": offer.source, "trusted": false,
            "root_version": offer.version, "expires": offer.expires.to_string(), "threshold": offer.threshold,
            "keys": keys,
        });
        return output::pretty(&offer);
    }
    let mut text = format!(
        "{} offers root version {} of {}, valid until {}, {} of {} keys to sign it.\nNothing of it is trusted.\n",
        shown(&offer.source),
        offer.version,
        shown(&offer.collection),
        offer.expires,
        offer.threshold,
        offer.keys.len(),
    );
    let mut line = format!("verify-cli trust add {}", offer.collection);
    for key in &offer.keys {
        let (from, until) = valid(key);
        text += &format!(
            "\n  certificate id       {}\n  common name          {}\n  SHA-256 fingerprint  {}\n  valid                {from} to {until}\n",
            key.id,
            shown(&key.common_name),
            key.fingerprint,
        );
        line += &format!(" --certificate-id {}", key.id);
    }
    text += &format!("\nAsk the publisher, over another channel, whether the ids are theirs. Then:\n\n  {line}\n");
    Ok(text)
}

/// trust.toml, which no other process changes as long as this is held: of two that add to it side by
/// side neither undoes what the other did.
struct TrustFile {
    config: ConfigFile,
    path: PathBuf,
    document: DocumentMut,
    _lock: File,
}

impl TrustFile {
    fn open(global: &Global) -> Result<Self> {
        let config = ConfigFile::find(global)?;
        let path = config.path.with_file_name("trust.toml");
        let lock = std::fs::create_dir_all(folder_of(&path));
        let lock = lock.and_then(|()| locked(&path.with_extension("lock"), |waited| waited > LOCK_WAIT));
        let lock = lock.map_err(|e| failed(&path, "locked", e))?;
        let document = document(&path)?;
        Ok(TrustFile { config, path, document, _lock: lock })
    }

    /// Writes the file whole, readable by its owner alone, once the configuration is sound with it.
    fn write(&self) -> Result<()> {
        let text = self.document.to_string();
        self.config.check_with(&text)?;
        write_whole(&self.path, text.as_bytes())
    }
}

fn failed(file: &Path, what: &str, e: impl std::fmt::Display) -> Error {
    Error::new(Code::UsageFile, "docs/verdict.md", format!("the file cannot be {what}: {e}"))
        .in_file(&file.display().to_string())
}

fn document(file: &Path) -> Result<DocumentMut> {
    match std::fs::read_to_string(file) {
        Ok(text) => text.parse::<DocumentMut>().map_err(|e| {
            Error::new(Code::ConfigValue, "docs/verdict.md", e.to_string().trim_end().to_owned())
                .in_file(&file.display().to_string())
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(DocumentMut::new()),
        Err(e) => Err(failed(file, "read", e)),
    }
}

/// The entry of a prefix in trust.toml, made if it is not there.
fn entry_of<'d>(document: &'d mut DocumentMut, prefix: &str, file: &Path) -> Result<&'d mut dyn TableLike> {
    let trust = document.entry("trust").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let entry = trust.as_table_like_mut().map(|t| t.entry(prefix).or_insert(Item::Table(Table::new())));
    entry.and_then(Item::as_table_like_mut).ok_or_else(|| {
        Error::new(Code::ConfigValue, "docs/verdict.md", "`trust` is not a table").in_file(&file.display().to_string())
    })
}

/// Keeps a root file beside trust.toml, and pins it there for a name that has no pin of its own.
pub(crate) fn pin_root(global: &Global, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let mut trust = TrustFile::open(global)?;
    let pinned = trust.document.get("trust").and_then(Item::as_table_like).is_some_and(|t| t.contains_key(name));
    if pinned {
        let why = format!("{} is pinned already", shown(name));
        return Err(Error::new(Code::UsageArgument, "T-5", why)
            .in_file(&trust.path.display().to_string())
            .with_hint(format!("see it: verify-cli trust show {0}; then: verify-cli trust remove {0}", shown(name))));
    }
    // One file for each name: nothing that is pinned elsewhere is replaced.
    let kept = format!("roots/{}.json", hex(&sha256(name.as_bytes())));
    entry_of(&mut trust.document, name, &trust.path)?.insert("root", value(kept.as_str()));
    let root = trust.path.with_file_name(&kept);
    write_whole(&root, bytes)?;
    if let Err(e) = trust.write() {
        // Half of it is none of it.
        return match std::fs::remove_file(&root) {
            Ok(()) => Err(e),
            Err(left) => Err(e.values("the root file removed again", format_args!("{}: {left}", root.display()))),
        };
    }
    Ok(trust.path)
}

fn pinned(global: &Global, add: &Add) -> Result<String> {
    let mut trust = TrustFile::open(global)?;
    let entry = entry_of(&mut trust.document, &add.prefix, &trust.path)?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| failed(path, "found", e));
    match (add.certificate_ids.as_slice(), &add.ca, &add.root) {
        ([], Some(ca), _) => drop(entry.insert("ca", value(absolute(ca)?.display().to_string()))),
        ([], _, Some(root)) => drop(entry.insert("root", value(absolute(root)?.display().to_string()))),
        ([], None, None) => {
            let e = Error::new(Code::UsageFlag, "N-9", "nothing to pin is given");
            return Err(e.with_hint("give one of --certificate-id ID, --ca FILE, --root FILE"));
        }
        (ids, ..) => {
            let list = entry.entry("certificate-ids").or_insert(value(Array::new()));
            let Some(list) = list.as_array_mut() else {
                return Err(Error::new(Code::ConfigValue, "docs/verdict.md", "`certificate-ids` is not a list")
                    .in_file(&trust.path.display().to_string()));
            };
            for id in ids.iter().map(|id| id.to_ascii_lowercase()) {
                if !list.iter().any(|v| v.as_str() == Some(&id)) {
                    list.push(id);
                }
            }
        }
    }
    trust.write()?;
    Ok(format!("pinned {} in {}\n", shown(&add.prefix), trust.path.display()))
}

fn removed(global: &Global, prefix: &str) -> Result<String> {
    let mut trust = TrustFile::open(global)?;
    let gone = trust.document.get_mut("trust").and_then(Item::as_table_like_mut).and_then(|t| t.remove(prefix));
    if gone.is_none() {
        let e = Error::new(
            Code::UsageArgument,
            "docs/verdict.md",
            format!("nothing is pinned for `{}` in this file", shown(prefix)),
        );
        return Err(e
            .in_file(&trust.path.display().to_string())
            .with_hint("see what is pinned, and in which file: verify-cli trust show"));
    }
    trust.write()?;
    Ok(format!("removed the pin of {} from {}\n", shown(prefix), trust.path.display()))
}

/// The folder that a file lies in.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The file is there whole, or as it was.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = folder_of(file);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut new = tempfile::Builder::new().prefix(".trust-").tempfile_in(folder)?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(file).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| failed(file, "written", e))
}

fn show(global: &Global, name: Option<&str>) -> Result<String> {
    let config = ConfigFile::find(global)?;
    let read: Config = config.read()?;
    let pins = read.pins(name);
    if global.output == Format::Json {
        let rows: Vec<serde_json::Value> = pins
            .iter()
            .map(|(prefix, from, pin)| serde_json::json!({"prefix": prefix, "pin": from, "certificate_ids": ids(pin)}))
            .collect();
        return output::pretty(&rows);
    }
    if pins.is_empty() {
        output::note("nothing is pinned");
    }
    let row = |(prefix, from, pin): &(&str, _, &Pin)| {
        let from: &tuf_core::verdict::PinSource = from;
        let ids: String = ids(pin).iter().map(|id| format!("  {id}\n")).collect();
        format!("{prefix}  {}  {}\n{ids}", from.kind, from.from)
    };
    Ok(pins.iter().map(row).collect())
}

fn ids(pin: &Pin) -> Vec<String> {
    if let Pin::CertificateIds(ids) = pin { ids.clone() } else { Vec::new() }
}
