//! Tests that name what they show, and the page that is made of it.

use super::{Function, Source, sources, workspace};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

/// For each name the tests that have it in the comment directly above them or anywhere within.
pub(crate) type Named = BTreeMap<String, BTreeSet<String>>;

/// Where tests may stand that name something.
const FOLDERS: [&str; 5] = ["tuf-core", "verify-cli", "ffi", "test-vectors/tests", "test-vectors/src"];
/// Their samples are no tests of what they name.
const SCANNERS: [&str; 2] = ["test-vectors/tests/rules.rs", "test-vectors/tests/advisories.rs"];

/// Add what the tests of a source name; `names` finds the names in a text.
pub(crate) fn scan(file: &str, source: &Source, names: &dyn Fn(&str) -> BTreeSet<String>, named: &mut Named) {
    for function in source.functions().into_iter().filter(Function::is_test) {
        for name in names(&function.whole) {
            named.entry(name).or_default().insert(format!("{file}::{}", function.name));
        }
    }
}

/// What all tests of the workspace name.
pub(crate) fn by_tests(names: &dyn Fn(&str) -> BTreeSet<String>) -> Named {
    let mut named = Named::new();
    for (file, source) in FOLDERS.into_iter().flat_map(sources) {
        if !SCANNERS.contains(&file.as_str()) {
            scan(&file, &source, names, &mut named);
        }
    }
    named
}

pub(crate) fn fail_with(title: &str, lines: &[String]) {
    assert!(lines.is_empty(), "{}: {title}\n  {}", lines.len(), lines.join("\n  "));
}

/// Whether a page of `docs` is what was made of its sources; `UPDATE_DOCS=1` writes it anew.
pub(crate) fn is_current(name: &str, page: &str) {
    let file = workspace().join("docs").join(name);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, page).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    let differs = there.lines().zip(page.lines()).find(|(old, new)| old != new);
    assert!(
        there == page,
        "docs/{name} is not what its sources and the tests make; UPDATE_DOCS=1 writes it anew. \
         First difference: {differs:?}"
    );
}
