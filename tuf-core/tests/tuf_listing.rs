//! All targets of a TUF 1.0 repository: what a search finds for each path, and no more work than one search.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use std::collections::BTreeMap;
use support::{Client, Key, Repo, code};
use tuf_core::trust::{Query, TagRule, Trusted};
use tuf_core::{Code, Result};

fn list(repo: &Repo, client: &mut Client) -> Result<Trusted> {
    client.run(&mut repo.publish(), vec![(Query::All, TagRule::Search)]).answers.remove(0)
}

/// The role that answers for each path.
fn listed(repo: &Repo) -> BTreeMap<String, String> {
    let found = list(repo, &mut Client::of(repo)).unwrap().found;
    found.into_iter().map(|f| (f.path, f.role)).collect()
}

fn roles(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(path, role)| ((*path).to_owned(), (*role).to_owned())).collect()
}

/// T-25.1, T-21.3: a path is listed with the role that a search for it ends at; what a role lists outside
/// its paths, or behind a terminating delegation, is not.
#[test]
fn a_list_is_what_a_search_finds_for_each_path() {
    let mut repo = Repo::tuf();
    repo.target("targets", "top", "top");
    repo.delegate("targets", "a", &["a/*"]);
    repo.delegate("targets", "b", &["a/*", "b/*"]);
    repo.target("a", "a/x", "of a");
    repo.target("a", "b/stolen", "of a");
    repo.target("b", "a/x", "of b");
    repo.target("b", "a/y", "of b");
    repo.target("b", "b/z", "of b");
    assert_eq!(listed(&repo), roles(&[("a/x", "a"), ("a/y", "b"), ("b/z", "b"), ("top", "targets")]));
    repo.delegation("targets", "a")["terminating"] = json!(true);
    assert_eq!(listed(&repo), roles(&[("a/x", "a"), ("b/z", "b"), ("top", "targets")]));
}

/// T-21.3: where a role further in delegates terminatingly, the roles behind the outer one are not come to.
#[test]
fn a_list_ends_at_a_terminating_delegation_further_in() {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "outer", &["x/*"]);
    repo.delegate("outer", "inner", &["x/*"]);
    repo.delegate("targets", "behind", &["x/*", "y/*"]);
    repo.target("inner", "x/1", "inner");
    for path in ["x/1", "x/2", "y/3"] {
        repo.target("behind", path, "behind");
    }
    assert_eq!(listed(&repo), roles(&[("x/1", "inner"), ("x/2", "behind"), ("y/3", "behind")]));
    repo.delegation("outer", "inner")["terminating"] = json!(true);
    assert_eq!(listed(&repo), roles(&[("x/1", "inner"), ("y/3", "behind")]));
}

/// T-22.1: a role that answers through a second delegator is verified for that one, and listed.
#[test]
fn a_list_holds_what_is_reached_through_a_second_delegator() {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "a", &["one/*"]);
    repo.delegate("targets", "b", &["two/*"]);
    repo.delegate("a", "shared", &["one/*"]);
    repo.delegate("b", "shared", &["two/*"]);
    repo.target("shared", "one/x", "x");
    repo.target("shared", "two/y", "y");
    assert_eq!(listed(&repo), roles(&[("one/x", "shared"), ("two/y", "shared")]));
}

/// T-24.5: of bins the ones that the snapshot lists.
#[test]
fn bins_are_listed() {
    let mut repo = Repo::tuf();
    repo.bins("targets", "bin", &json!(1));
    for bin in ["bin-0", "bin-1"] {
        repo.role(bin, &Key::named("bin"));
        for path in ["p", "q", "r", "s"] {
            repo.target(bin, path, path);
        }
    }
    let all = listed(&repo);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["p", "q", "r", "s"]);
    for (path, role) in &all {
        let found = Client::of(&repo).look(&mut repo.publish(), path, TagRule::Search).unwrap().found;
        assert_eq!(&found[0].role, role, "{path}");
    }
}

/// T-28.4: a list visits no more roles than a search may.
#[test]
fn a_list_of_too_many_roles_is_refused() {
    let mut repo = Repo::tuf();
    for n in 0..4 {
        repo.delegate("targets", &format!("role{n}"), &[&format!("{n}/*")]);
    }
    for (limit, outcome) in [(5, None), (4, Some(Code::LimitRoles))] {
        let mut client = Client::of(&repo);
        client.settings.limits.roles = limit;
        assert_eq!(code(&list(&repo, &mut client)), outcome, "{limit}");
    }
}

/// T-23.11: all paths of a list share the work of one run.
#[test]
fn the_work_of_a_list_is_bounded() {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "a", &["a/*"]);
    for n in 0..4_000 {
        repo.target("a", &format!("a/{n}"), "x");
    }
    assert_eq!(list(&repo, &mut Client::of(&repo)).unwrap().found.len(), 4_000);
    // Enough for the signatures and for a search of any one path, not for those of all.
    let mut client = Client::of(&repo);
    client.settings.limits.work = 200_000;
    assert!(client.look(&mut repo.publish(), "a/7", TagRule::Search).is_ok());
    assert_eq!(code(&list(&repo, &mut client)), Some(Code::LimitWork));
}

/// T-42.5: what nobody can ask for is left out without a word for each; a target without a digest is
/// left out and named, of very many the number.
#[test]
fn what_cannot_be_asked_for_is_left_out() {
    let mut repo = Repo::tuf();
    repo.target("targets", "fine", "fine");
    for n in 0..100 {
        repo.target("targets", &format!("/{n}"), "x");
        repo.signed("targets")["targets"][format!("bare{n}")] = json!({"length": 1, "hashes": {}});
    }
    let answer = list(&repo, &mut Client::of(&repo)).unwrap();
    assert_eq!(answer.found.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["fine"]);
    assert_eq!(answer.warnings.len(), 33, "32 of them, and their number");
    assert!(answer.warnings.last().unwrap().message().starts_with("100 "), "{:?}", answer.warnings.last());
}
