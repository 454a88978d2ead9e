//! Whose word counts for a tag, and which roles are asked (N-32, N-33, N-34).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use std::collections::BTreeMap;
use support::{Client, Key, Repo, Server, code, found, of};
use tuf_core::client::required;
use tuf_core::crypto::sha256;
use tuf_core::trust::{Mode, Query, TagRule, Trusted};
use tuf_core::{Code, Result};

const RELEASES: &str = "targets/releases";
const QA: &str = "targets/qa";
const SEC: &str = "targets/sec";

/// `targets` delegates everything to `qa`, `releases` and `sec`, in this order.
fn repo() -> Repo {
    let mut repo = Repo::notary();
    for name in [QA, RELEASES, SEC] {
        repo.delegate("targets", name, &[""]);
    }
    repo
}

fn rule(roles: &[&str], count: Option<usize>) -> TagRule {
    let roles: Vec<String> = roles.iter().map(|r| (*r).to_owned()).collect();
    required(&roles, count).unwrap()
}

fn look(repo: &Repo, rule: TagRule) -> Result<Trusted> {
    Client::of(repo).look(&mut repo.publish(), "1.0", rule)
}

/// What a server does wrong.
type Serve = Box<dyn Fn(&mut Server)>;

/// The ways a role can be there and yet not be verified, and what each is called.
fn breaks(name: &'static str) -> Vec<(&'static str, Repo, Serve, Code)> {
    let with = |change: &dyn Fn(&mut Repo)| {
        let mut repo = repo();
        change(&mut repo);
        repo
    };
    let file = format!("{name}.#.json");
    let (lost, other) = (file.clone(), file);
    let nothing = || -> Serve { Box::new(|_| {}) };
    vec![
        (
            "ill-signed",
            with(&|r| r.file(name).signers = Some(vec![Key::named("thief")])),
            nothing(),
            Code::SignatureThreshold,
        ),
        (
            "expired",
            with(&|r| r.signed(name)["expires"] = json!("2029-01-01T00:00:00Z")),
            nothing(),
            Code::ExpiredDelegation,
        ),
        ("lost", repo(), Box::new(move |s| s.lose(&lost)), Code::MissingDelegation),
        ("other bytes", repo(), Box::new(move |s| same_length(s, &other)), Code::MismatchHash),
    ]
}

/// Bytes of the right length that are not what is listed.
fn same_length(server: &mut Server, path: &str) {
    let mut bytes = server.get(path).to_vec();
    bytes[0] = b' ';
    server.put(path, bytes);
}

/// N-32.1 N-32.4 N-32.5 N-32.6: who signs what for the tag, how many are needed, and what comes of it.
#[test]
fn required_roles_agree_or_nothing_is_trusted() {
    let not_met = Some(Code::QuorumNotMet);
    for (signs, count, agreed, refused) in [
        // All by default.
        (&[(QA, "one"), (SEC, "one"), (RELEASES, "one")][..], None, &[QA, SEC, RELEASES][..], None),
        (&[(QA, "one"), (SEC, "one")], None, &[], not_met),
        (&[], None, &[], not_met),
        // Enough of them, and none another.
        (&[(QA, "one"), (SEC, "one")], Some(2), &[QA, SEC], None),
        (&[(QA, "one"), (RELEASES, "one")], Some(2), &[QA, RELEASES], None),
        (&[(SEC, "one")], Some(1), &[SEC], None),
        (&[(SEC, "one")], Some(2), &[], not_met),
        (&[(QA, "one"), (SEC, "one"), (RELEASES, "two")], Some(2), &[], not_met),
        (&[(QA, "two"), (SEC, "one"), (RELEASES, "one")], Some(1), &[], not_met),
        // No other role stands in, whatever the tag rule would say.
        (&[(QA, "one"), ("targets", "one")], Some(2), &[], not_met),
        (&[(QA, "one"), ("targets", "two")], Some(1), &[QA], None),
    ] {
        let mut repo = repo();
        for (name, content) in signs {
            repo.target(name, "1.0", content);
        }
        let answer = look(&repo, rule(&[QA, SEC, RELEASES], count));
        assert_eq!(code(&answer), refused, "{signs:?} {count:?}");
        match answer {
            Ok(trusted) => {
                assert_eq!(trusted.found[0].agreed_by, agreed, "{signs:?} {count:?}");
                assert_eq!(found(&Ok(trusted)), of("one", agreed[0]));
            }
            Err(e) => {
                let told = [e.message(), e.expected().unwrap().to_owned(), e.found().unwrap().to_owned()].concat();
                for name in [QA, SEC, RELEASES] {
                    assert!(told.contains(name), "{name} is not named: {told}");
                }
            }
        }
    }
}

/// N-32.2 N-32.3: the exact role, for the paths that it and its parents were given. A role whose
/// paths do not cover the tag is not asked for.
#[test]
fn required_roles_are_exact_and_keep_to_their_paths() {
    for (paths, deep, signer, trusted) in [
        (&[""][..], &[""][..], QA, true),
        (&["1."], &[""], QA, true),
        (&["2."], &[""], QA, false),
        (&[], &[""], QA, false),
        (&[""], &[""], "targets/qa/deep", false),
    ] {
        let mut repo = repo();
        repo.delegate("targets", QA, paths);
        repo.delegate(QA, "targets/qa/deep", deep);
        repo.target(signer, "1.0", "one");
        let mut server = repo.publish();
        let answer = Client::of(&repo).look(&mut server, "1.0", rule(&[QA], None));
        assert_eq!(code(&answer), if trusted { None } else { Some(Code::QuorumNotMet) }, "{paths:?} {signer}");
        let asked = server.asked().contains(&"targets/qa.#.json".to_owned());
        assert_eq!(asked, paths.iter().any(|p| "1.0".starts_with(p)), "{paths:?}");
    }
    // The child itself, required: through its parent, and only for paths that both were given.
    for (paths, deep, trusted) in
        [(&[""][..], &[""][..], true), (&["1"], &["1.0"], true), (&["1."], &["1"], false), (&["2"], &["2"], false)]
    {
        let mut repo = repo();
        repo.delegate("targets", QA, paths);
        repo.delegate(QA, "targets/qa/deep", deep);
        repo.target("targets/qa/deep", "1.0", "one");
        let answer = look(&repo, rule(&["targets/qa/deep"], None));
        assert_eq!(code(&answer), if trusted { None } else { Some(Code::QuorumNotMet) }, "{paths:?} {deep:?}");
    }
}

/// N-32.7: one that is there and cannot be verified ends it, even when enough others agree.
#[test]
fn a_required_role_that_cannot_be_verified_ends_it() {
    for (what, mut repo, bend, refused) in breaks(SEC) {
        repo.target(QA, "1.0", "one");
        repo.target(RELEASES, "1.0", "one");
        let ask = |roles: &[&str]| {
            let mut server = repo.publish();
            bend(&mut server);
            Client::of(&repo).look(&mut server, "1.0", rule(roles, Some(2)))
        };
        assert_eq!(code(&ask(&[QA, RELEASES, SEC])), Some(refused), "{what}");
        assert_eq!(code(&ask(&[QA, RELEASES])), None, "{what}, but not required");
    }
}

/// CVE-2026-49834.
/// N-32.1 N-32.8: as many roles count as can be given a signing key of their own.
#[test]
fn one_key_behind_two_required_roles_counts_once() {
    let (a, b) = (Key::named("a"), Key::named("b"));
    for (qa, sec, count, refused) in [
        (&a, &b, 2, None),
        (&a, &a, 2, Some(Code::QuorumNotMet)),
        (&a, &a, 1, None),
        (&Key::named("targets"), &b, 2, None),
    ] {
        let mut repo = repo();
        for (name, key) in [(QA, qa), (SEC, sec)] {
            repo.delegate_to("targets", name, &[""], std::slice::from_ref(key), 1);
            repo.target(name, "1.0", "one");
        }
        assert_eq!(code(&look(&repo, rule(&[QA, SEC], Some(count)))), refused, "{count}");
    }
    // Two keys behind one role: whichever is left over can stand for it.
    for both in [[&a, &b], [&b, &a]] {
        let mut repo = repo();
        repo.delegate_to("targets", QA, &[""], &both.map(Key::clone), 1);
        repo.delegate_to("targets", SEC, &[""], std::slice::from_ref(&a), 1);
        repo.target(QA, "1.0", "one");
        repo.target(SEC, "1.0", "one");
        assert_eq!(code(&look(&repo, rule(&[QA, SEC], None))), None, "a key of its own can be found for each");
    }
    // The top level counts as a role like any other, by root's keys.
    let mut repo = repo();
    repo.delegate_to("targets", QA, &[""], &[Key::named("targets")], 1);
    for name in ["targets", QA, SEC] {
        repo.target(name, "1.0", "one");
    }
    assert_eq!(code(&look(&repo, rule(&["targets", QA], Some(2)))), Some(Code::QuorumNotMet));
    assert_eq!(code(&look(&repo, rule(&["targets", SEC], Some(2)))), None);
}

/// `targets` delegates to `qa` (everything), `other` (tags that begin with x), `releases`
/// (everything, with a child) and `sec`, in this order.
fn wide() -> Repo {
    let mut repo = Repo::notary();
    for (name, paths) in [(QA, ""), ("targets/other", "x"), (RELEASES, ""), (SEC, "")] {
        repo.delegate("targets", name, &[paths]);
    }
    repo.delegate(RELEASES, "targets/releases/child", &[""]);
    repo
}

/// The delegated roles that were asked for, in order, without `targets/`.
fn roles(server: &mut Server) -> Vec<String> {
    let name = |path: String| Some(path.strip_prefix("targets/")?.strip_suffix(".#.json")?.to_owned());
    server.asked().into_iter().filter_map(name).collect()
}

/// N-33.1 N-33.2 N-33.6: which delegated roles are fetched, by who signs the tag and by whose word
/// counts; in compatible mode all of them.
#[test]
fn roles_are_fetched_in_order_up_to_the_one_that_answers() {
    let all = ["qa", "releases", "sec", "releases/child"];
    for (signer, tag_rule, asked) in [
        (RELEASES, TagRule::ReleasesFirst, &["releases"][..]),
        ("targets", TagRule::ReleasesFirst, &["releases", "releases/child"]),
        ("targets", TagRule::TargetsFirst, &[]),
        (QA, TagRule::TargetsFirst, &["qa"]),
        (RELEASES, TagRule::TargetsFirst, &["qa", "releases"]),
        (SEC, TagRule::TargetsFirst, &["qa", "releases", "sec"]),
        ("targets/releases/child", TagRule::TargetsFirst, &all),
        (SEC, rule(&[SEC], None), &["sec"]),
        (SEC, rule(&["targets", SEC], Some(1)), &["sec"]),
    ] {
        let mut repo = wide();
        repo.target(signer, "1.0", "one");
        let mut server = repo.publish();
        let answer = Client::of(&repo).look(&mut server, "1.0", tag_rule.clone());
        assert_eq!(found(&answer), of("one", signer), "{tag_rule:?}");
        assert_eq!(roles(&mut server), asked, "{signer} by {tag_rule:?}");
        let answer = Client::of(&repo).mode(Mode::Compatible).look(&mut server, "1.0", tag_rule.clone());
        assert_eq!(found(&answer), of("one", signer), "{tag_rule:?}");
        let mut every = roles(&mut server);
        every.sort();
        assert_eq!(every, ["other", "qa", "releases", "releases/child", "sec"], "{signer} by {tag_rule:?}");
    }
}

/// Gives a role that `targets` delegates to other paths.
fn give(repo: &mut Repo, name: &str, paths: &[&str]) {
    let roles = repo.signed("targets")["delegations"]["roles"].as_array_mut().unwrap();
    roles.iter_mut().find(|d| d["name"] == name).unwrap()["paths"] = json!(paths);
}

/// N-33.2: whichever role does not cover the tag, it is not fetched, nor is what lies below it.
#[test]
fn roles_that_do_not_cover_the_tag_are_not_fetched() {
    for tag_rule in [TagRule::ReleasesFirst, TagRule::TargetsFirst] {
        for name in [QA, RELEASES, SEC] {
            let mut repo = wide();
            give(&mut repo, name, &["x", "2."]);
            let mut server = repo.publish();
            let answer = Client::of(&repo).look(&mut server, "1.0", tag_rule.clone());
            assert_eq!(code(&answer), Some(Code::TargetNotSigned), "{name} by {tag_rule:?}");
            let expected = ["qa", "releases", "releases/child", "sec"];
            let outside = name.strip_prefix("targets/").unwrap();
            let expected: Vec<_> = expected.into_iter().filter(|asked| !asked.starts_with(outside)).collect();
            let mut asked = roles(&mut server);
            asked.sort();
            assert_eq!(asked, expected, "{name} by {tag_rule:?}");
        }
    }
}

/// N-33.3: a consulted role that covers the tag and cannot be verified ends the look-up; one that
/// does not cover it, and one behind the answer, does not.
#[test]
fn a_consulted_role_that_cannot_be_verified_ends_the_look_up() {
    for (what, mut repo, bend, refused) in breaks(RELEASES) {
        repo.target("targets", "1.0", "one");
        repo.target(QA, "2.0", "two");
        let ask = |repo: &Repo, tag: &str, rule: TagRule| {
            let mut server = repo.publish();
            bend(&mut server);
            code(&Client::of(repo).look(&mut server, tag, rule))
        };
        assert_eq!(ask(&repo, "1.0", TagRule::ReleasesFirst), Some(refused), "{what}");
        assert_eq!(ask(&repo, "no-such-tag", TagRule::TargetsFirst), Some(refused), "{what}");
        assert_eq!(ask(&repo, "1.0", TagRule::TargetsFirst), None, "{what}, behind `targets`");
        assert_eq!(ask(&repo, "2.0", TagRule::TargetsFirst), None, "{what}, behind `targets/qa`");
        give(&mut repo, RELEASES, &["x"]);
        assert_eq!(ask(&repo, "x", TagRule::ReleasesFirst), Some(refused), "{what}, covers this tag");
        assert_eq!(ask(&repo, "1.0", TagRule::ReleasesFirst), None, "{what}, does not cover the tag");
    }
}

/// N-33.4 N-33.5: a list needs every role, and one broken role refuses it, whatever the rule.
#[test]
fn a_list_verifies_all_roles_and_one_broken_role_refuses_it() {
    for tag_rule in [TagRule::ReleasesFirst, TagRule::TargetsFirst] {
        let mut repo = wide();
        repo.target("targets", "1.0", "one");
        let list = |repo: &Repo| {
            let mut server = repo.publish();
            let outcome = Client::of(repo).run(&mut server, vec![(Query::All, tag_rule.clone())]);
            (code(&outcome.answers[0]), roles(&mut server))
        };
        let (refused, mut asked) = list(&repo);
        asked.sort();
        let all = ["other", "qa", "releases", "releases/child", "sec"];
        assert_eq!((refused, &asked[..]), (None, &all.map(str::to_owned)[..]), "{tag_rule:?}");
        for name in all {
            let mut broken = repo.clone();
            broken.file(&format!("targets/{name}")).signers = Some(vec![Key::named("thief")]);
            assert_eq!(list(&broken).0, Some(Code::SignatureThreshold), "{tag_rule:?}, {name}");
        }
    }
}

/// What a look-up for a digest finds: tag and role.
fn by_digest(repo: &Repo, content: &str, rule: TagRule) -> (Option<Code>, BTreeMap<String, String>) {
    let query = Query::Digest(sha256(content.as_bytes()));
    let answer = Client::of(repo).run(&mut repo.publish(), vec![(query, rule)]).answers.remove(0);
    let tags = answer.iter().flat_map(|t| &t.found).map(|f| (f.path.clone(), f.role.clone())).collect();
    (code(&answer), tags)
}

/// N-34.1 N-34.2 N-34.3: every tag that an allowed role names the digest by, as the tag would be
/// answered; nobody else's word counts.
#[test]
fn a_digest_is_trusted_through_the_roles_that_may_answer() {
    let mut repo = wide();
    repo.target("targets", "1.0", "one");
    repo.target("targets", "2.0", "one");
    repo.target("targets", "3.0", "other");
    repo.target("targets", "4.0", "shadowed");
    repo.target(RELEASES, "2.0", "newer");
    repo.target(RELEASES, "latest", "one");
    repo.target("targets/releases/child", "4.0", "child's");
    repo.target(QA, "5.0", "qa's");
    repo.target(QA, "6.0", "one");
    repo.target(SEC, "6.0", "one");
    repo.target(SEC, "7.0", "one");
    repo.target("targets/other", "8.0", "outside its paths");
    repo.target("targets/other", "x8", "inside its paths");
    let none = || (Some(Code::TargetNotSigned), vec![]);
    let both = rule(&[QA, SEC], None);
    for (content, tag_rule, (refused, tags)) in [
        ("one", TagRule::ReleasesFirst, (None, vec![("1.0", "targets"), ("latest", RELEASES)])),
        ("newer", TagRule::ReleasesFirst, (None, vec![("2.0", RELEASES)])),
        ("child's", TagRule::ReleasesFirst, none()),
        ("shadowed", TagRule::ReleasesFirst, none()),
        ("qa's", TagRule::ReleasesFirst, none()),
        ("nobody's", TagRule::ReleasesFirst, none()),
        ("shadowed", TagRule::TargetsFirst, (None, vec![("4.0", "targets")])),
        ("child's", TagRule::TargetsFirst, none()),
        ("qa's", TagRule::TargetsFirst, (None, vec![("5.0", QA)])),
        ("one", both.clone(), (None, vec![("6.0", QA)])),
        ("qa's", both.clone(), none()),
        ("newer", both, none()),
        ("newer", rule(&[RELEASES], None), (None, vec![("2.0", RELEASES)])),
        ("outside its paths", rule(&["targets/other"], None), none()),
        ("outside its paths", TagRule::TargetsFirst, none()),
        ("inside its paths", rule(&["targets/other"], None), (None, vec![("x8", "targets/other")])),
        ("inside its paths", TagRule::TargetsFirst, (None, vec![("x8", "targets/other")])),
    ] {
        let tags: BTreeMap<String, String> = tags.into_iter().map(|(t, r)| (t.to_owned(), r.to_owned())).collect();
        assert_eq!(by_digest(&repo, content, tag_rule.clone()), (refused, tags), "{content} by {tag_rule:?}");
    }
}

/// N-34.1: each role that may answer is verified, and one that cannot be ends it; a role that may
/// not answer is not even asked.
#[test]
fn every_role_that_may_answer_for_a_digest_is_verified() {
    for (name, refused) in [
        (RELEASES, Some(Code::SignatureThreshold)),
        ("targets/releases/child", Some(Code::SignatureThreshold)),
        (QA, None),
        (SEC, None),
    ] {
        let mut repo = wide();
        repo.target("targets", "1.0", "one");
        assert_eq!(by_digest(&repo, "one", TagRule::ReleasesFirst).0, None);
        repo.file(name).signers = Some(vec![Key::named("thief")]);
        assert_eq!(by_digest(&repo, "one", TagRule::ReleasesFirst).0, refused, "{name}");
    }
    let mut repo = wide();
    repo.target("targets", "1.0", "one");
    let mut server = repo.publish();
    let query = vec![(Query::Digest(sha256(b"one")), TagRule::ReleasesFirst)];
    assert!(Client::of(&repo).run(&mut server, query).answers[0].is_ok());
    assert_eq!(roles(&mut server), ["releases", "releases/child"]);
}
