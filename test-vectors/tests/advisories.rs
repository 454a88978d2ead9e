//! Holds `advisories.toml`, the tests and `docs/advisories.md` together.
//!
//! A test names an advisory when one of its ids stands, as a whole word, in the comment directly above
//! the test or anywhere within it. Tests that are ignored, and functions that are no tests, name
//! nothing.
//!
//! `UPDATE_DOCS=1 cargo test -p test-vectors --test advisories` writes the page anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod source;

use serde::Deserialize;
use source::named::{Named, by_tests, fail_with, is_current, scan};
use source::{Source, is_name};
use std::{collections::BTreeSet, fs};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisories {
    in_scope: u32,
    advisory: Vec<Advisory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    part: String,
    ids: Vec<String>,
    project: String,
    cause: String,
    issue: u32,
}

impl Advisory {
    /// The tests that name it by any of its ids.
    fn tests<'n>(&self, named: &'n Named) -> BTreeSet<&'n String> {
        self.ids.iter().filter_map(|id| named.get(id)).flatten().collect()
    }
}

impl Advisories {
    fn read() -> Advisories {
        let text = fs::read_to_string(test_vectors::root().join("advisories.toml")).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("advisories.toml: {error}"))
    }

    fn ids(&self) -> impl Iterator<Item = &String> {
        self.advisory.iter().flat_map(|advisory| &advisory.ids)
    }

    fn must_have_a_test(&self, advisory: &Advisory) -> bool {
        (1..=self.in_scope).contains(&advisory.issue)
    }

    /// What all tests name: known ids, and whatever looks like one of a public list.
    fn named(&self) -> Named {
        by_tests(&|text| self.names(text))
    }

    fn names(&self, text: &str) -> BTreeSet<String> {
        let known = self.ids().filter(|id| has_word(text, id)).cloned();
        known.chain(public_ids(text)).collect()
    }
}

/// Whether a character goes on with an id: `CVE-2020-1` is not in `CVE-2020-15`.
fn goes_on(c: Option<char>) -> bool {
    c.is_some_and(|c| is_name(c) || c == '-')
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !goes_on(text[..at].chars().next_back()) && !goes_on(text[at + word.len()..].chars().next()))
}

/// All of the form `CVE-…` and `GHSA-…`.
fn public_ids(text: &str) -> Vec<String> {
    let starts = ["CVE-", "GHSA-"].into_iter().flat_map(|start| text.match_indices(start).map(|(at, _)| at));
    let whole = |at: usize| {
        let id: String = text[at..].chars().take_while(|c| goes_on(Some(*c))).collect();
        id.trim_end_matches('-').to_owned()
    };
    let first = |at: &usize| !goes_on(text[..*at].chars().next_back());
    starts.filter(first).map(whole).filter(|id| id.contains('-')).collect()
}

#[test]
fn the_advisories_are_in_order() {
    let advisories = Advisories::read();
    let mut seen = BTreeSet::new();
    let mut wrong: Vec<String> = advisories.ids().filter(|id| !seen.insert(*id)).cloned().collect();
    wrong.extend(advisories.advisory.iter().filter(|a| a.ids.is_empty()).map(|a| format!("no id: {}", a.cause)));
    fail_with("ids that stand twice, advisories without one", &wrong);
}

#[test]
fn tests_name_only_advisories_that_exist() {
    let advisories = Advisories::read();
    let known: BTreeSet<&String> = advisories.ids().collect();
    let unknown = advisories.named().into_iter().filter(|(id, _)| !known.contains(id));
    let lines: Vec<String> = unknown.map(|(id, tests)| format!("{id}: {tests:?}")).collect();
    fail_with("advisories that advisories.toml does not know", &lines);
}

#[test]
fn every_advisory_in_scope_has_a_test() {
    let advisories = Advisories::read();
    let named = advisories.named();
    let all = advisories.advisory.iter().filter(|a| advisories.must_have_a_test(a));
    let missing = all.filter(|a| a.tests(&named).is_empty());
    let lines: Vec<String> = missing.map(|a| format!("{} {}", a.ids.join(", "), a.cause)).collect();
    fail_with("advisories without a test", &lines);
}

/// The page made of advisories and tests.
fn page(advisories: &Advisories, named: &Named) -> String {
    let scope: Vec<&Advisory> = advisories.advisory.iter().filter(|a| advisories.must_have_a_test(a)).collect();
    let tested = scope.iter().filter(|a| !a.tests(named).is_empty()).count();
    let mut page = format!(
        "# What went wrong elsewhere\n\n\
         Made from `test-vectors/advisories.toml` and the tests by `test-vectors/tests/advisories.rs`; do not \
         edit.\n\n\
         Public advisories of comparable projects, the root cause in our words, and the tests that would notice \
         the same fault here. {} root causes; up to issue {} there are {}, of which {tested} have a test.\n",
        advisories.advisory.len(),
        advisories.in_scope,
        scope.len(),
    );
    let mut part = "";
    for advisory in &advisories.advisory {
        if part != advisory.part {
            part = &advisory.part;
            page += &format!("\n## {part}\n\n");
        }
        let issue = if advisory.issue == 0 { "a later issue".to_owned() } else { format!("issue {}", advisory.issue) };
        let ids = advisory.ids.join(", ");
        page += &format!("- **{ids}** ({}): {} ({issue})\n", advisory.project, advisory.cause);
        for test in advisory.tests(named) {
            page += &format!("  - `{test}`\n");
        }
    }
    page
}

#[test]
fn the_page_is_current() {
    let advisories = Advisories::read();
    is_current("advisories.md", &page(&advisories, &advisories.named()));
}

fn sample() -> Advisories {
    let text = r#"
        in_scope = 1
        [[advisory]]
        part = "First"
        ids = ["CVE-2020-1", "go-tuf 7"]
        project = "go-tuf"
        cause = "It went wrong."
        issue = 1
        [[advisory]]
        part = "Second"
        ids = ["GHSA-aaaa-bbbb-cccc"]
        project = "another"
        cause = "So did this."
        issue = 0
    "#;
    toml::from_str(text).unwrap()
}

#[test]
fn ids_are_found_as_whole_words() {
    let names = |text: &str| sample().names(text).into_iter().collect::<Vec<_>>();
    assert_eq!(
        names("(CVE-2020-1), go-tuf 7: GHSA-aaaa-bbbb-cccc."),
        ["CVE-2020-1", "GHSA-aaaa-bbbb-cccc", "go-tuf 7"]
    );
    assert_eq!(names("go-tuf 75, my-go-tuf 7, cve-2020-1, XCVE-2020-1"), [""; 0]);
    assert_eq!(names("CVE-2020-15"), ["CVE-2020-15"], "one that nobody knows");
}

#[test]
fn the_page_lists_causes_and_tests() {
    let mut named = Named::new();
    let source =
        Source::new("/// CVE-2020-1\n#[test]\nfn one() {}\nfn helper() { \"go-tuf 7\" }\n#[test]\nfn two() {}");
    scan("a.rs", &source, &|text| sample().names(text), &mut named);
    let page = page(&sample(), &named);
    let (head, rest) = page.split_once("\n## ").unwrap();
    assert!(head.ends_with("2 root causes; up to issue 1 there are 1, of which 1 have a test.\n"), "{head}");
    assert_eq!(
        rest,
        "First\n\n- **CVE-2020-1, go-tuf 7** (go-tuf): It went wrong. (issue 1)\n  - `a.rs::one`\n\
         \n## Second\n\n- **GHSA-aaaa-bbbb-cccc** (another): So did this. (a later issue)\n"
    );
}
