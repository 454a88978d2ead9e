//! The vectors as data: each scenario is a trust repository, served step by step to one client,
//! with the verdict that is expected of it.
//!
//! [`scenarios`] reads all that `notary/manifest.json` lists. An unknown member, a folder that the
//! index does not list, or a listed one that is not there is an error that names the file: nothing
//! is left out in silence. [`patterns`] reads `patterns.json`.

mod manifest;

pub use manifest::{Found, Mode, Pin, Scenario, Step, TagAnswers, Verdict};

use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The folder of this crate, which holds the vectors.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Notary scenarios, in the order of the index.
pub fn scenarios() -> Result<Vec<Scenario>, String> {
    #[derive(Deserialize)]
    struct Entry {
        path: String,
    }
    #[derive(Deserialize)]
    struct Index {
        scenarios: Vec<Entry>,
    }
    let folder = root().join("notary");
    let file = folder.join("manifest.json");
    let listed: Vec<String> = read::<Index>(&file)?.scenarios.into_iter().map(|entry| entry.path).collect();
    let there = folders(&folder)?;
    if let Some(path) = there.iter().find(|path| !listed.contains(path)) {
        return Err(format!("{}: {path} is not listed", file.display()));
    }
    listed.into_iter().map(|path| scenario(&folder, path)).collect()
}

/// A path pattern of TUF 1.0 and a name (T-23).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The claim that it is about.
    pub rule: String,
    /// The pattern.
    pub pattern: String,
    /// The name.
    pub name: String,
    /// Whether the pattern matches the name.
    pub matches: bool,
    /// Where this is not Python's answer: why.
    pub comment: Option<String>,
}

/// The table of path patterns that every language is held against.
pub fn patterns() -> Result<Vec<Pair>, String> {
    #[derive(Deserialize)]
    struct Table {
        pairs: Vec<Pair>,
    }
    read::<Table>(&root().join("patterns.json")).map(|table| table.pairs)
}

/// Read one scenario's manifest.
fn scenario(notary: &Path, path: String) -> Result<Scenario, String> {
    let folder = notary.join(&path);
    let read: Scenario = read(&folder.join("manifest.json"))?;
    Ok(Scenario { path, folder, ..read })
}

/// The folders two levels down that hold a manifest.
fn folders(notary: &Path) -> Result<BTreeSet<String>, String> {
    let list = |path: &Path| -> Result<Vec<String>, String> {
        let of = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::read_dir(path)
            .map_err(of)?
            .map(|entry| Ok(entry.map_err(of)?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    let mut found = BTreeSet::new();
    for kind in list(notary)?.into_iter().filter(|kind| notary.join(kind).is_dir()) {
        let names = list(&notary.join(&kind))?.into_iter().map(|name| format!("{kind}/{name}"));
        found.extend(names.filter(|path| notary.join(path).join("manifest.json").is_file()));
    }
    Ok(found)
}

/// Read a JSON file; errors name it.
fn read<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(members: &str) -> Scenario {
        let step = r#"{"dir": "01", "verdict": "trusted", "tags": {}}"#;
        let other = r#"{"dir": "02", "verdict": "trusted", "tags": {}, "pin": {"mode": "tofu"}}"#;
        let text = format!(
            r#"{{"format": 1, "scenario": "a", "gun": "g", "produced_by": "p", "description": "d",
                "reference_time": "t", "pin": {{"mode": "none"}}, "steps": [{step}, {other}] {members}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_scenarios_word_is_for_its_last_step() {
        let strict = sample(r#", "stricter_verdict": "reject", "codes": ["parse.json"]"#);
        assert_eq!(strict.expected(0, Mode::Strict), [Verdict::Trusted]);
        assert_eq!(strict.expected(1, Mode::Strict), [Verdict::Rejected]);
        assert_eq!(strict.expected(1, Mode::Compatible), [Verdict::Trusted]);
        assert_eq!((strict.codes(0), strict.codes(1).map(<[_]>::len)), (None, Some(1)));
        assert_eq!((strict.pin(0).mode.as_str(), strict.pin(1).mode.as_str()), ("none", "tofu"));
        assert!(strict.expected(2, Mode::Strict).is_empty());
    }

    #[test]
    fn both_modes_parser_and_allowed() {
        let both = sample(r#", "stricter_verdict": "reject", "both_modes": true"#);
        assert_eq!(both.expected(1, Mode::Compatible), [Verdict::Rejected]);
        let parser = sample(r#", "reason": "parser""#);
        assert_eq!(parser.expected(1, Mode::Compatible), [Verdict::Rejected]);
        assert_eq!(parser.expected(0, Mode::Compatible), [Verdict::Trusted]);
        let any = sample(r#", "allowed_verdicts": ["trusted", "rejected"]"#);
        assert_eq!(any.expected(1, Mode::Strict).len(), 2);
    }

    #[test]
    fn an_unknown_member_is_an_error() {
        assert!(serde_json::from_str::<Pin>(r#"{"mode": "none", "tofo": true}"#).is_err());
    }
}
