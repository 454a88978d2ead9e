//! Holds `rules.toml`, the tests and `docs/rules.md` together.
//!
//! A test names a claim when the claim's id (`T-` or `N-`, rule, dot, number) stands in the comment
//! directly above it or anywhere within it. Tests that are ignored, and functions that are no tests,
//! name nothing. A claim's `vectors` and a scenario's `rules` do the same; a whole rule in
//! the latter (`N-40`) is shown at the rule's head and is no test of any claim.
//!
//! `UPDATE_DOCS=1 cargo test -p test-vectors --test rules` writes the page anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod source;

use serde::Deserialize;
use source::named::{Named, by_tests, fail_with, is_current};
use source::{Source, is_name, named};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    in_scope: u32,
    title: BTreeMap<String, String>,
    claim: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    id: String,
    text: String,
    issue: u32,
    #[serde(default)]
    refuses: bool,
    twin: Option<String>,
    #[serde(default)]
    vectors: Vec<String>,
}

impl Claim {
    fn rule(&self) -> &str {
        self.id.split('.').next().unwrap()
    }

    /// Family, rule, number: the order of claims.
    fn order(&self) -> Option<(usize, u32, u32)> {
        let (family, numbers) = self.id.split_once('-')?;
        let (rule, number) = numbers.split_once('.')?;
        Some((["T", "N"].iter().position(|f| *f == family)?, rule.parse().ok()?, number.parse().ok()?))
    }
}

impl Rules {
    fn read() -> Rules {
        let text = fs::read_to_string(test_vectors::root().join("rules.toml")).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("rules.toml: {error}"))
    }

    fn get(&self, id: &str) -> Option<&Claim> {
        self.claim.iter().find(|claim| claim.id == id)
    }

    fn must_have_a_test(&self, claim: &Claim) -> bool {
        (1..=self.in_scope).contains(&claim.issue)
    }
}

/// The claims named in a text.
fn ids(text: &str) -> BTreeSet<String> {
    let text: Vec<char> = text.chars().collect();
    let digits = |from: usize| text[from.min(text.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut found = BTreeSet::new();
    for at in 0..text.len() {
        let starts = matches!(text[at], 'T' | 'N') && text.get(at + 1) == Some(&'-');
        if !starts || (at > 0 && is_name(text[at - 1])) {
            continue;
        }
        let dot = at + 2 + digits(at + 2);
        let end = dot + 1 + digits(dot + 1);
        let whole = dot > at + 2 && end > dot + 1 && text.get(dot) == Some(&'.');
        if whole && !text.get(end).is_some_and(|c| is_name(*c)) {
            found.insert(text[at..end].iter().collect());
        }
    }
    found
}

/// Whether a scenario's path is what a pattern with at most one `*` means.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == path };
    path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
}

/// What all tests and vectors name.
fn named(rules: &Rules) -> Named {
    let mut named = by_tests(&ids);
    for scenario in test_vectors::scenarios().unwrap() {
        for id in scenario.rules {
            named.entry(id).or_default().insert(format!("notary/{}", scenario.path));
        }
    }
    for claim in &rules.claim {
        for vector in &claim.vectors {
            named.entry(claim.id.clone()).or_default().insert(format!("notary/{vector}"));
        }
    }
    named
}

#[test]
fn the_rules_are_in_order() {
    let rules = Rules::read();
    let mut wrong = Vec::new();
    for claim in &rules.claim {
        let id = &claim.id;
        if claim.order().is_none() {
            wrong.push(format!("{id}: no id"));
        }
        if !rules.title.contains_key(claim.rule()) {
            wrong.push(format!("{id}: its rule has no title"));
        }
        if claim.refuses != claim.twin.is_some() {
            wrong.push(format!("{id}: `refuses` and `twin` go together"));
        }
        let Some(twin) = &claim.twin else { continue };
        match rules.get(twin) {
            None => wrong.push(format!("{id}: there is no twin {twin}")),
            Some(twin) if twin.refuses => wrong.push(format!("{id}: its twin {} refuses as well", twin.id)),
            Some(twin) if twin.issue > claim.issue || (twin.issue == 0 && claim.issue != 0) => {
                wrong.push(format!("{id}: its twin {} comes later", twin.id));
            }
            Some(_) => {}
        }
    }
    for pair in rules.claim.windows(2) {
        if pair[0].order() >= pair[1].order() {
            wrong.push(format!("{}: stands before {}", pair[0].id, pair[1].id));
        }
    }
    fail_with("mistakes in rules.toml", &wrong);
}

#[test]
fn vectors_named_in_the_rules_exist() {
    let scenarios = test_vectors::scenarios().unwrap();
    let there = |pattern: &str| scenarios.iter().any(|scenario| matches(pattern, &scenario.path));
    let all = Rules::read().claim.into_iter().flat_map(|claim| claim.vectors);
    fail_with("vectors that do not exist", &all.filter(|vector| !there(vector)).collect::<Vec<_>>());
}

#[test]
fn tests_name_only_claims_that_exist() {
    let rules = Rules::read();
    let unknown = named(&rules).into_iter().filter(|(id, _)| rules.get(id).is_none() && !rules.title.contains_key(id));
    let lines: Vec<String> = unknown.map(|(id, tests)| format!("{id}: {tests:?}")).collect();
    fail_with("claims that rules.toml does not know", &lines);
}

#[test]
fn every_claim_in_scope_has_a_test() {
    let rules = Rules::read();
    let named = named(&rules);
    let missing = rules.claim.iter().filter(|c| rules.must_have_a_test(c) && !named.contains_key(&c.id));
    let lines: Vec<String> = missing.map(|claim| format!("{} {}", claim.id, claim.text)).collect();
    fail_with("claims without a test", &lines);
}

#[test]
fn every_refusal_in_scope_has_a_passing_twin() {
    let rules = Rules::read();
    let named = named(&rules);
    let refusals = rules.claim.iter().filter(|claim| claim.refuses && rules.must_have_a_test(claim));
    let alone = refusals.filter(|claim| !claim.twin.as_ref().is_some_and(|twin| named.contains_key(twin)));
    let lines: Vec<String> = alone.map(|c| format!("{}: no test names its twin {:?}", c.id, c.twin)).collect();
    fail_with("refusals without a tested twin", &lines);
}

/// The page made of rules and tests.
fn page(rules: &Rules, named: &Named) -> String {
    let scope: Vec<&Claim> = rules.claim.iter().filter(|claim| rules.must_have_a_test(claim)).collect();
    let tested = scope.iter().filter(|claim| named.contains_key(&claim.id)).count();
    let mut page = format!(
        "# Rules and their tests\n\n\
         Made from `test-vectors/rules.toml` and the tests by `test-vectors/tests/rules.rs`; do not edit.\n\n\
         {} claims; up to issue {} there are {}, of which {tested} have a test. A refusal names its twin: the \
         same case without the one difference, which passes.\n",
        rules.claim.len(),
        rules.in_scope,
        scope.len(),
    );
    let mut rule = "";
    for claim in &rules.claim {
        if rule != claim.rule() {
            rule = claim.rule();
            page += &format!("\n## {rule} {}\n\n", rules.title.get(rule).map_or("", String::as_str));
            if let Some(vectors) = named.get(rule) {
                let vectors: Vec<String> = vectors.iter().map(|vector| format!("`{vector}`")).collect();
                page += &format!("Vectors: {}\n\n", vectors.join(", "));
            }
        }
        let issue = if claim.issue == 0 { "a later issue".to_owned() } else { format!("issue {}", claim.issue) };
        let twin = claim.twin.as_ref().map_or(String::new(), |twin| format!(", twin {twin}"));
        page += &format!("- **{}** {} ({issue}{twin})\n", claim.id, claim.text);
        for test in named.get(&claim.id).into_iter().flatten() {
            page += &format!("  - `{test}`\n");
        }
    }
    page
}

#[test]
fn the_page_is_current() {
    let rules = Rules::read();
    is_current("rules.md", &page(&rules, &named(&rules)));
}

/// The claims and tests found in a sample.
fn scanned(text: &str) -> Vec<String> {
    let mut named = Named::new();
    named::scan("f", &Source::new(text), &ids, &mut named);
    named.into_iter().flat_map(|(id, tests)| tests.into_iter().map(move |test| format!("{id} {test}"))).collect()
}

#[test]
fn the_scanner_finds_claims_above_and_within_tests() {
    let text = r##"
        /// It is T-1.2 and N-30.1.
        #[test]
        // More: T-1.3.
        fn one() { let s = "}"; if true { check('}', "T-1.4") } /* } */ }

        /// T-2.1
        #[tokio::test(flavor = "current_thread")]
        async fn two() -> Result<(), [u8; 4]> { let r = r#"{" T-2.2"#; }
        mod deeper { #[test] fn three<'a>() { let c = '{'; "T-3.1."; } }
    "##;
    let expect = [
        "N-30.1 f::one",
        "T-1.2 f::one",
        "T-1.3 f::one",
        "T-1.4 f::one",
        "T-2.1 f::two",
        "T-2.2 f::two",
        "T-3.1 f::three",
    ];
    assert_eq!(scanned(text), expect);
}

#[test]
fn the_scanner_finds_claims_in_proptest_macros() {
    let text = "
        proptest! {
            #![proptest_config(Config { cases: 4, ..Config::default() })]

            /// T-1.1
            #[test]
            fn one(n in 0..4_u8) { prop_assert!(n < 4) }

            /// T-1.2
            #[test]
            fn two(s in \"[a-z{}]*\") {}
        }";
    assert_eq!(scanned(text), ["T-1.1 f::one", "T-1.2 f::two"]);
}

#[test]
fn the_scanner_passes_by_what_is_no_test() {
    let text = "
        /// T-1.1
        fn helper() { \"T-1.2\" }
        // T-1.3 is far above.

        #[test]
        fn one() {} // T-1.4 stands behind
        /// T-1.5
        #[test]
        #[ignore = \"slow\"]
        fn ignored() {}
        /// T-1.6
        #[cfg(test)]
        fn support(f: fn(u8) -> u8) {}
        // #[test]
        // fn gone() { T-1.7 }
        const TEXT: &str = \"#[test] fn in_a_string() { T-1.8 }\";
        const LAST: u8 = 0; // T-1.9
        #[test]
        fn two() {}
    ";
    assert_eq!(scanned(text), [""; 0]);
}

#[test]
fn ids_are_whole_words() {
    let found = |text: &str| ids(text).len();
    assert_eq!(found("T-1.2, (T-1.3) T-12.34. T-1.5-T-1.6"), 5);
    assert_eq!(found("T-1 T-1. T-.2 XT-1.2 T-1.2b T-a.1 T-1-2"), 0);
}

#[test]
fn the_page_lists_rule_claim_and_tests() {
    let text = r#"
        in_scope = 1
        [title]
        "T-1" = "First"
        [[claim]]
        id = "T-1.1"
        text = "Yes."
        issue = 1
        [[claim]]
        id = "T-1.2"
        text = "No."
        issue = 0
        refuses = true
        twin = "T-1.1"
    "#;
    let named = Named::from([("T-1.1".to_owned(), BTreeSet::from(["a.rs::b".to_owned()]))]);
    let page = page(&toml::from_str(text).unwrap(), &named);
    let (_, rules) = page.split_once("\n## ").unwrap();
    assert_eq!(
        rules,
        "T-1 First\n\n- **T-1.1** Yes. (issue 1)\n  - `a.rs::b`\n- **T-1.2** No. (a later issue, twin T-1.1)\n"
    );
}
