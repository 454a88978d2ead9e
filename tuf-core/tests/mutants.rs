//! Tests that survivors of cargo-mutants asked for: what the other fast tests would not notice.
//! `docs/mutants.md` lists what is left, and why. Survivors in private code have theirs beside it.

#![allow(clippy::expect_used)] // tests

mod support;

use support::{Client, Key, Repo, code, found, of};
use tuf_core::Code;
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

/// T-40: a target without a length, or without a hash, is found and answers nothing.
#[test]
fn a_tuf_target_needs_a_length_and_a_hash() {
    for (member, refused) in [("length", true), ("hashes", true), ("custom", false)] {
        let mut repo = Repo::tuf();
        repo.target("targets", "app", "one");
        let target = repo.signed("targets")["targets"]["app"].as_object_mut().expect("a target");
        target.remove(member);
        let answer = Client::of(&repo).look(&mut repo.publish(), "app", TagRule::Search);
        assert_eq!(code(&answer), refused.then_some(Code::TargetNoDigest), "without {member}");
    }
}

/// T-28: a search may visit so many roles and go so deep, and no further.
#[test]
fn a_search_ends_at_its_limits() {
    let mut tuf = Repo::tuf();
    tuf.delegate("targets", "a", &["*"]);
    tuf.delegate("a", "b", &["*"]);
    tuf.target("b", "app", "one");
    let mut notary = Repo::notary();
    notary.delegate("targets", "targets/a", &[""]);
    notary.delegate("targets/a", "targets/a/b", &[""]);
    notary.target("targets/a/b", "app", "one");
    for (repo, role) in [(tuf, "b"), (notary, "targets/a/b")] {
        // Three roles, two below the top.
        for (roles, depth, refused) in
            [(3, 2, None), (4, 3, None), (2, 2, Some(Code::LimitRoles)), (3, 1, Some(Code::LimitDepth))]
        {
            let mut client = Client::of(&repo);
            (client.settings.limits.roles, client.settings.limits.depth) = (roles, depth);
            let answer = client.look(&mut repo.publish(), "app", TagRule::TargetsFirst);
            assert_eq!(code(&answer), refused, "{role}: {roles} roles, {depth} deep");
            assert_eq!(found(&answer), if refused.is_none() { of("one", role) } else { Vec::new() });
        }
    }
}

/// N-33: what a list needs is told at once, as far as it is in sight; for a name, one by one.
#[test]
fn a_list_tells_all_its_needs_at_once() {
    let mut repo = Repo::notary();
    for name in ["targets/qa", "targets/sec"] {
        repo.delegate("targets", name, &[""]);
    }
    let mut client = Client::of(&repo);
    let mut server = repo.publish();
    client.refresh(&mut server).expect("a refresh");
    let set = client.run(&mut server, Vec::new()).set.expect("a trusted set");
    let needs = |query| match set.lookup(&query, &TagRule::TargetsFirst, &mut Vec::new()) {
        Ok(Lookup::Needs(needs)) => needs.into_iter().map(|need| need.role).collect(),
        _ => Vec::new(),
    };
    assert_eq!(needs(Query::All), ["targets/qa", "targets/sec"]);
    assert_eq!(needs(Query::Name("1.0".to_owned())), ["targets/qa"]);
}

/// T-28: each prefix that is compared with a name, or with a prefix of the parent, is paid for.
#[test]
fn comparisons_of_prefixes_are_paid_for() {
    let names: Vec<String> = (0..1_000).map(|n| format!("{n:03}")).collect();
    let prefixes: Vec<&str> = names.iter().map(String::as_str).collect();
    // A role of a thousand names below a thousand prefixes.
    let mut wide = Repo::notary();
    wide.delegate("targets", "targets/qa", &prefixes);
    for name in &prefixes {
        wide.target("targets/qa", name, "one");
    }
    // A delegation of a thousand prefixes below another of as many.
    let mut deep = Repo::notary();
    deep.delegate("targets", "targets/qa", &prefixes);
    deep.delegate("targets/qa", "targets/qa/deep", &prefixes);
    deep.target("targets/qa/deep", "007", "one");
    for (repo, query, count) in [(wide, Query::All, 1_000), (deep, Query::Name("007".to_owned()), 1)] {
        for (work, refused) in [(900_000, Some(Code::LimitWork)), (1_200_000, None)] {
            let mut client = Client::of(&repo);
            client.settings.limits.work = work;
            let queries = vec![(query.clone(), TagRule::TargetsFirst)];
            let answer = client.run(&mut repo.publish(), queries).answers.remove(0);
            assert_eq!(code(&answer), refused, "{query:?} for {work}");
            assert_eq!(found(&answer).len(), if refused.is_none() { count } else { 0 });
        }
    }
}

/// T-35: signatures beyond the threshold are checked only where it takes them to tell roles apart.
#[test]
fn required_roles_with_a_key_of_their_own_cost_no_more_checks() {
    let mut repo = Repo::notary();
    for name in ["targets/qa", "targets/sec"] {
        let keys: Vec<Key> = (0..30).map(|n| Key::named(&format!("{name} {n}"))).collect();
        repo.delegate_to("targets", name, &[""], &keys, 1);
        repo.target(name, "1.0", "one");
    }
    // A check costs 20,000: this is enough for what the chain takes, not for all sixty.
    let mut client = Client::of(&repo);
    client.settings.limits.work = 500_000;
    let answer = client.look(&mut repo.publish(), "1.0", required(2));
    assert_eq!(code(&answer), None);
    assert_eq!(found(&answer), of("one", "targets/qa"));
}
