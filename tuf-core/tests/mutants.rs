//! Tests that survivors of cargo-mutants asked for: what the other fast tests would not notice.
//! `docs/mutants.md` lists what is left, and why. Survivors in private code have theirs beside it.

#![allow(clippy::expect_used)] // tests

mod support;

use support::{Client, Repo};
use tuf_core::trust::{Lookup, Query, TagRule};

fn required(count: usize) -> TagRule {
    TagRule::Required { roles: vec!["targets/qa".to_owned(), "targets/sec".to_owned()], count }
}

/// The words of a verdict.
#[test]
fn a_tag_rule_is_told_in_its_words() {
    for (rule, words) in [
        (TagRule::ReleasesFirst, "releases-first"),
        (TagRule::TargetsFirst, "targets-first"),
        (TagRule::Search, "search"),
        (required(1), "1 of targets/qa, targets/sec"),
    ] {
        assert_eq!(rule.to_words(), words);
    }
}

/// A name or a digest that nobody signs is absent; a list may be empty.
#[test]
fn absence_is_told_from_an_empty_list() {
    let repo = Repo::notary();
    let mut client = Client::of(&repo);
    let everything = || (Query::All, TagRule::ReleasesFirst);
    let outcome = client.run(&mut repo.publish(), vec![everything()]);
    let set = outcome.set.expect("a trusted set");
    for rule in [TagRule::ReleasesFirst, TagRule::TargetsFirst] {
        let look = |query| set.lookup(&query, &rule, &mut Vec::new());
        assert!(matches!(look(Query::Name("1.0".to_owned())), Ok(Lookup::Absent)), "{rule:?}");
        assert!(matches!(look(Query::Digest([1; 32])), Ok(Lookup::Absent)), "{rule:?}");
        assert!(matches!(look(Query::All), Ok(Lookup::Found(list)) if list.is_empty()), "{rule:?}");
    }
}
