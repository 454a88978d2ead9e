//! The layout that `docs/architecture.md` promises: order of import, size of files, and the trusted
//! set reading like the specification.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod source;

use source::{Source, is_name, sources, workspace};
use std::{cmp::Ordering, collections::BTreeSet, fs};

/// The modules of tuf-core: each imports only what stands above it.
const ORDER: [&str; 18] = [
    "error",
    "limits",
    "time",
    "json",
    "canonical",
    "crypto",
    "certificate",
    "metadata",
    "wire",
    "verify",
    "trust",
    "verdict",
    "image",
    "bundle",
    "store",
    "transport",
    "client",
    "repository",
];

/// The trusted set's file.
const TRUSTED_SET: &str = "tuf-core/src/trust/set.rs";

/// The path below `src` without its end: `trust/set`; `trust/mod.rs` is `trust`.
fn module(file: &str) -> String {
    let path = file.strip_prefix("tuf-core/src/").unwrap_or(file).trim_end_matches(".rs");
    path.strip_suffix("/mod").unwrap_or(path).to_owned()
}

/// The names that a source takes from the root of its crate, by `crate::` or by `super::`.
fn taken(source: &Source, depth: usize) -> BTreeSet<String> {
    let code = &source.code;
    let path = |at: usize, word: &str| {
        let whole = word.chars().chain("::".chars());
        (at == 0 || !is_name(code[at - 1])) && whole.eq(code[at..].iter().copied().take(word.len() + 2))
    };
    let mut found = BTreeSet::new();
    for at in 0..code.len() {
        let (mut behind, mut supers) = (at, 0);
        if path(at, "crate") {
            behind = at + 7;
        } else if path(at, "super") && !code[..at].ends_with(&[':', ':']) {
            while path(behind, "super") {
                (behind, supers) = (behind + 7, supers + 1);
            }
        }
        if behind > at && (supers == 0 || supers == depth) {
            names(source, source.skip_space(behind), &mut found);
        }
    }
    found
}

/// The first segments of a path, or of each path of a group in braces.
fn names(source: &Source, at: usize, found: &mut BTreeSet<String>) {
    let name = source.name(at);
    if !name.is_empty() {
        let macro_call = source.code.get(at + name.chars().count()) == Some(&'!');
        found.extend((!macro_call).then_some(name));
    } else if source.code.get(at) == Some(&'{') {
        let (end, mut at) = (source.close(at), at);
        while at < end - 1 {
            match source.code[at] {
                '{' | ',' => {
                    let next = source.skip_space(at + 1);
                    found.extend(Some(source.name(next)).filter(|name| !name.is_empty()));
                    at = next;
                    // A group within the group belongs to its own path.
                    while !matches!(source.code[at], '{' | ',' | '}') {
                        at += 1;
                    }
                    if source.code[at] == '{' {
                        at = source.close(at);
                    }
                }
                _ => at += 1,
            }
        }
    } else if source.code.get(at) == Some(&'*') {
        found.insert("*".to_owned());
    }
}

/// What is wrong with a file's imports.
fn wrong_imports(file: &str, source: &Source) -> Vec<String> {
    let module = module(file);
    let own = module.split('/').next().unwrap_or_default();
    let place = |name: &str| ORDER.iter().position(|module| *module == name);
    let Some(here) = place(own) else { return vec![format!("{file}: {own} is not in the list of modules")] };
    let judge = |name: String| match place(&name) {
        Some(there) if there <= here => None,
        Some(_) => Some(format!("{file}: takes from {name}, which stands below {own}")),
        None => Some(format!("{file}: takes crate::{name}; name the module that it stands in")),
    };
    taken(source, module.split('/').count()).into_iter().filter_map(judge).collect()
}

/// Whether a file holds tests only.
fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

#[test]
fn modules_import_only_what_stands_above_them() {
    let files = sources("tuf-core/src");
    assert!(!files.is_empty(), "tuf-core/src holds no sources");
    let top = ["tuf-core/src/lib.rs"];
    let files = files.into_iter().filter(|(file, _)| !top.contains(&file.as_str()) && !is_test_file(file));
    let wrong: Vec<String> = files.flat_map(|(file, source)| wrong_imports(&file, &source.without_tests())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_800_lines() {
    let files = ["tuf-core/src", "verify-cli/src"].into_iter().flat_map(sources);
    let long: Vec<String> =
        files.filter(|(_, s)| s.lines() > 800).map(|(file, s)| format!("{file}: {} lines", s.lines())).collect();
    assert!(long.is_empty(), "over 800 lines: {}", long.join(", "));
}

/// The section that a doc comment begins with: `5.3.4` as numbers.
fn section(docs: &[&str]) -> Option<Vec<u32>> {
    let word = docs.first()?.split_whitespace().next()?.trim_end_matches([':', ',']);
    let numbers: Result<Vec<u32>, _> = word.trim_end_matches('.').split('.').map(str::parse).collect();
    numbers.ok().filter(|numbers| numbers.len() > 1)
}

/// What is wrong with the order of a trusted set's functions.
fn wrong_sections(source: &Source) -> Vec<String> {
    let (mut wrong, mut before, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for function in source.functions() {
        let name = &function.name;
        let Some(section) = section(&function.docs()) else {
            wrong.push(format!("{name}: its doc comment does not begin with a section (\"5.3.4 …\")"));
            continue;
        };
        if section[0] != 5 || !(3..=6).contains(&section[1]) {
            wrong.push(format!("{name}: section {section:?} is not within 5.3 to 5.6"));
        }
        if section.cmp(&before) == Ordering::Less {
            wrong.push(format!("{name}: section {section:?} stands behind {before:?}"));
        }
        seen.insert(section[1]);
        before = section;
    }
    wrong.extend((3..=6).filter(|part| !seen.contains(part)).map(|part| format!("no function of 5.{part}")));
    wrong
}

#[test]
fn the_trusted_set_reads_like_the_specification() {
    let text = fs::read_to_string(workspace().join(TRUSTED_SET));
    let text = text.unwrap_or_else(|error| panic!("{TRUSTED_SET}: {error}"));
    let wrong = wrong_sections(&Source::new(&text).without_tests());
    assert!(wrong.is_empty(), "{TRUSTED_SET}:\n{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_found() {
    let find = |file: &str, text: &str| wrong_imports(file, &Source::new(text).without_tests()).len();
    let json = "tuf-core/src/json.rs";
    assert_eq!(find(json, "use crate::error::Error; use crate::{limits::{A, B}, time::*};"), 0);
    assert_eq!(find(json, "use crate::canonical::X;"), 1);
    assert_eq!(find(json, "fn f() -> crate::verify::X { super::wire::x() }"), 2);
    assert_eq!(find(json, "use crate::{error::{Code, Error}, wire, trust::set};"), 2);
    assert_eq!(find(json, "use crate::Error;"), 1);
    assert_eq!(find(json, "// crate::wire\nconst A: &str = \"crate::wire\"; use other_crate::wire;"), 0);
    assert_eq!(find(json, "#[cfg(test)]\nmod tests { use crate::wire::X; use super::*; }"), 0);
    let set = "tuf-core/src/trust/set.rs";
    assert_eq!(find(set, "use super::search::X; use super::super::verify; use crate::trust::y;"), 0);
    assert_eq!(find(set, "use super::super::verdict::X;"), 1);
    assert_eq!(find("tuf-core/src/other.rs", ""), 1);
}

#[test]
fn a_wrong_section_is_found() {
    let set = |text: &str| wrong_sections(&Source::new(text)).len();
    let good = "/// 5.3.4 Verify.\nfn a() {}\n/// 5.3.4 too.\n#[must_use]\npub fn b() {}\n/// 5.4.1: c\nfn c() {}\n\
                impl X {\n    /// 5.5 d\n    fn d() {}\n\n    /// More.\n\n    /// 5.6.7.1 e\n    fn e() {}\n}";
    assert_eq!(set(good), 0);
    assert_eq!(set(&good.replace("5.4.1: c", "Section 5.4.1")), 2);
    assert_eq!(set(&good.replace("5.5 d", "5.3 d")), 2);
    assert_eq!(set(&good.replace("5.6.7.1", "5.7")), 2);
    assert_eq!(set("fn a() {}"), 5);
}
