//! `cache status`, `repair`, `clear`: what is remembered, and what mending gives up, in words.

use crate::args::{Cache, Format, Global};
use crate::output;
use crate::paths::{self, ConfigFile};
use tuf_core::client::{self, StoreStatus};
use tuf_core::error::shown;
use tuf_core::{Code, Error, Result};

pub(crate) fn run(global: &Global, verb: &Cache) -> u8 {
    let outcome = match verb {
        Cache::Status { name } => status(global, name.as_deref()),
        Cache::Repair { name, reset_clock } => repair(global, name, *reset_clock),
        Cache::Clear { name, forget_rollback_memory } => clear(global, name, *forget_rollback_memory),
    };
    let name = match verb {
        Cache::Status { name } => name.as_deref().unwrap_or_default(),
        Cache::Repair { name, .. } | Cache::Clear { name, .. } => name,
    };
    match outcome {
        Ok(text) => output::raw(&text),
        Err(e) => output::failed(global.output, &e, name),
    }
}

fn stores(global: &Global, name: Option<&str>) -> Result<Vec<StoreStatus>> {
    let config = ConfigFile::find(global)?.read()?;
    client::stores(&paths::cache(&config)?, name)
}

fn one(global: &Global, name: &str) -> Result<StoreStatus> {
    let found = stores(global, Some(name))?.into_iter().next();
    found.ok_or_else(|| {
        let e =
            Error::new(Code::UsageArgument, "docs/verdict.md", format!("nothing is remembered of `{}`", shown(name)));
        e.with_hint("see what is: verify-cli cache status")
    })
}

fn status(global: &Global, name: Option<&str>) -> Result<String> {
    let stores = stores(global, name)?;
    if global.output == Format::Json {
        let rows: Vec<serde_json::Value> = stores.iter().map(row).collect();
        return output::pretty(&rows);
    }
    if stores.is_empty() {
        output::note("nothing is remembered yet");
    }
    Ok(stores.iter().map(told).collect())
}

fn row(store: &StoreStatus) -> serde_json::Value {
    let record = store.record.as_ref().ok();
    let versions: std::collections::BTreeMap<&str, u64> = record.iter().flat_map(|r| r.versions()).collect();
    let damage: Vec<String> =
        store.record.as_ref().err().into_iter().chain(&store.damage).map(ToString::to_string).collect();
    serde_json::json!({
        "name": store.name,
        "folder": store.folder.display().to_string(),
        "roots": record.map(|r| r.roots()),
        "versions": versions,
        "last_checked_at": store.last_checked.map(|t| t.to_string()),
        "damage": damage,
    })
}

fn told(store: &StoreStatus) -> String {
    let mut out = format!("{}\n  folder: {}\n", shown(&store.name), store.folder.display());
    match &store.record {
        Ok(record) => {
            let (anchor, newest) = record.roots();
            out += &format!("  roots: {anchor} to {newest}; none below {newest} is accepted any more\n");
            for (role, version) in record.versions() {
                out += &format!("  {}: nothing below version {version} is accepted any more\n", shown(role));
            }
        }
        Err(e) => out += &format!("  {e}\n"),
    }
    let checked = store.last_checked.map_or("never by the clock".to_owned(), |t| t.to_string());
    out += &format!("  last complete check: {checked}\n");
    for e in &store.damage {
        out += &format!("  {e} ({})\n", e.file().unwrap_or_default());
    }
    out
}

fn repair(global: &Global, name: &str, reset_clock: bool) -> Result<String> {
    let store = one(global, name)?;
    if reset_clock {
        client::forget_clock(&store)?;
        return Ok("the time of the last complete check is forgotten: until the next one, a clock that is \
                   set back to before an expiry is not noticed\n"
            .to_owned());
    }
    let give_up = "this cannot be mended without losing what is remembered; restore the folder from a backup, or give up \
                   the protection from rollback until the next check: verify-cli cache clear NAME --forget-rollback-memory";
    let dropped = client::repair(&store).map_err(|e| e.with_hint(give_up.replace("NAME", &shown(name))))?;
    if dropped.is_empty() {
        return Ok("nothing is damaged\n".to_owned());
    }
    let files: String = dropped.iter().map(|file| format!("  {file}\n")).collect();
    Ok(format!("fetched again at the next check, what is remembered of their versions stays:\n{files}"))
}

fn clear(global: &Global, name: &str, forget: bool) -> Result<String> {
    let store = one(global, name)?;
    if !forget {
        let why = "clearing forgets which versions were seen: an older state, signed and not yet expired, would be accepted \
                   again. Pins stay. To do it all the same, say so";
        return Err(Error::new(Code::UsageFlag, "T-46", why)
            .with_hint(format!("verify-cli cache clear {} --forget-rollback-memory", shown(name))));
    }
    client::forget(&store)?;
    Ok(format!("forgotten: {}\n", shown(name)))
}
