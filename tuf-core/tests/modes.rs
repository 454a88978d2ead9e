//! Strict and compatible mode (N-40, N-41), where a vector cannot show it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::rc::Rc;
use support::{Client, Key, Repo, Server, code, found, of, warned};
use tuf_core::Code;
use tuf_core::error::Answer;
use tuf_core::metadata::role;
use tuf_core::trust::{Mode, Outcome, Query, TagRule};

const RELEASES: &str = "targets/releases";
const QA: &str = "targets/qa";
const RULE: TagRule = TagRule::ReleasesFirst;

/// `targets` signs 1.0, `targets/releases` 2.0.
fn repo() -> Repo {
    let mut repo = Repo::notary();
    repo.delegate("targets", RELEASES, &[""]);
    repo.target("targets", "1.0", "one");
    repo.target(RELEASES, "2.0", "two");
    repo
}

fn name(tag: &str) -> (Query, TagRule) {
    (Query::Name(tag.to_owned()), RULE)
}

/// The next state of a repository: everything gets a new version.
fn next(repo: &mut Repo, names: &[&str]) {
    repo.bump(names);
    repo.bump(&[role::SNAPSHOT, role::TIMESTAMP]);
}

fn look(client: &mut Client, repo: &Repo, tag: &str) -> Option<Code> {
    code(&client.look(&mut repo.publish(), tag, RULE))
}

/// N-40.7: refused once, a removal is refused again, whatever comes between, until the role is back.
#[test]
fn a_removal_that_was_refused_stays_refused() {
    let mut repo = repo();
    let mut client = Client::of(&repo);
    assert_eq!(look(&mut client, &repo, "2.0"), None);
    repo.file(RELEASES).unlisted = true;
    for _ in 0..3 {
        next(&mut repo, &[]);
        for _ in 0..2 {
            assert_eq!(look(&mut client, &repo, "2.0"), Some(Code::RollbackRemoved));
        }
        let listed = client.store.record()["listed"].as_array().unwrap().contains(&json!(RELEASES));
        assert!(listed, "the record keeps the name");
    }
    next(&mut repo, &["targets"]);
    assert_eq!(look(&mut client, &repo, "2.0"), Some(Code::RollbackRemoved), "new targets that delegate to it still");
    repo.file(RELEASES).unlisted = false;
    next(&mut repo, &[]);
    assert_eq!(look(&mut client, &repo, "2.0"), None, "the twin: it is back");
}

/// N-40.8 N-40.9 N-40.10: what was taken out of parent, snapshot or both, and what becomes of the
/// role when it is delegated again without being published: only a withdrawal from both is one.
#[test]
fn a_name_is_forgotten_only_when_parent_and_snapshot_have_dropped_it() {
    for (parent, snapshot, meanwhile, again) in [
        (true, true, Some(Code::TargetNotSigned), Some(Code::TargetNotSigned)),
        (true, false, Some(Code::TargetNotSigned), Some(Code::RollbackRemoved)),
        (false, true, Some(Code::RollbackRemoved), Some(Code::RollbackRemoved)),
        (false, false, None, Some(Code::RollbackRemoved)),
    ] {
        let mut repo = repo();
        let mut client = Client::of(&repo);
        assert_eq!(look(&mut client, &repo, "2.0"), None);
        if parent {
            repo.revoke("targets", RELEASES);
        }
        repo.file(RELEASES).unlisted = snapshot;
        next(&mut repo, &["targets"]);
        assert_eq!(look(&mut client, &repo, "2.0"), meanwhile, "parent {parent}, snapshot {snapshot}");
        repo.delegate("targets", RELEASES, &[""]);
        repo.file(RELEASES).unlisted = true;
        next(&mut repo, &["targets"]);
        let outcome = client.run(&mut repo.publish(), vec![name("2.0"), name("1.0")]);
        assert_eq!(code(&outcome.answers[0]), again, "parent {parent}, snapshot {snapshot}, made again");
        if again == Some(Code::TargetNotSigned) {
            assert_eq!(found(&outcome.answers[1]), of("one", "targets"));
            assert!(warned(&outcome).contains(&Code::DelegationUnpublished));
        }
    }
}

/// N-40.18: from the revocation of its key on the role's tags are refused, in every run, until its
/// holder signs with the new one; tags that it is not asked for are not.
#[test]
fn after_a_revocation_tags_are_refused_until_the_role_is_signed_again() {
    let mut repo = repo();
    let mut client = Client::of(&repo);
    assert_eq!(look(&mut client, &repo, "2.0"), None);
    repo.delegate_to("targets", RELEASES, &["2."], &[Key::named("new")], 1);
    repo.file(RELEASES).signers = Some(vec![Key::named(RELEASES)]);
    next(&mut repo, &["targets"]);
    for _ in 0..2 {
        assert_eq!(look(&mut client, &repo, "2.0"), Some(Code::SignatureThreshold));
        let other = client.look(&mut repo.publish(), "1.0", TagRule::TargetsFirst);
        assert_eq!(found(&other), of("one", "targets"), "`targets` answers before it");
    }
    repo.file(RELEASES).signers = Some(vec![Key::named("new")]);
    next(&mut repo, &[RELEASES]);
    assert_eq!(look(&mut client, &repo, "2.0"), None);
}

/// N-40.16 N-41.14: an unreachable server with a good cache: strict has no answer, compatible has
/// the cache's, and says so; with an empty store neither has.
#[test]
fn an_unreachable_server_leaves_compatible_mode_the_cache() {
    let repo = repo();
    for reason in [Code::NetworkUnreachable, Code::NetworkStatus, Code::NetworkTimeLimit, Code::AuthDenied] {
        for (mode, cold, warm) in [(Mode::Strict, Some(reason), Some(reason)), (Mode::Compatible, Some(reason), None)] {
            let mut client = Client::of(&repo).mode(mode);
            let mut server = repo.publish();
            for path in ["root.json", "timestamp.json"] {
                server.fail(path, reason);
            }
            let answer = client.look(&mut server, "2.0", RULE);
            assert_eq!(code(&answer), cold, "{mode:?}, nothing stored");
            assert_eq!(answer.unwrap_err().code().answer(), Answer::Unchecked);
            assert_eq!(look(&mut client, &repo, "2.0"), None);
            let outcome = client.run(&mut server, vec![name("2.0")]);
            assert_eq!(code(&outcome.answers[0]), warm, "{mode:?} {reason}");
            assert_eq!(outcome.from_store, warm.is_none());
            if warm.is_none() {
                assert_eq!(found(&outcome.answers[0]), of("two", RELEASES));
                assert!(warned(&outcome).contains(&Code::StoreServed));
            }
        }
    }
}

/// N-41.16: whatever of it has expired, the cache answers no longer; what is told is the network's
/// code, as the server gave no answer. A second earlier it still answers.
#[test]
fn an_expired_cache_does_not_answer_for_an_unreachable_server() {
    let mut faults = Vec::new();
    for expired in [role::ROOT, role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, RELEASES] {
        let mut repo = repo();
        if expired == role::ROOT {
            repo.roots.clear();
            repo.add_root(|signed| signed["expires"] = json!("2030-03-01T00:00:00Z"));
        } else {
            repo.signed(expired)["expires"] = json!("2030-03-01T00:00:00Z");
        }
        let mut client = Client::of(&repo).mode(Mode::Compatible);
        assert_eq!(look(&mut client, &repo, "2.0"), None);
        let mut down = repo.publish().down();
        let before = client.clone().at("2030-02-28T23:59:59Z").look(&mut down, "2.0", RULE);
        assert_eq!(found(&before), of("two", RELEASES), "{expired}: {before:?}");
        let answer = client.at("2030-03-01T00:00:00Z").look(&mut down, "2.0", RULE);
        if expired == RELEASES {
            // Compatible mode falls back past an expired delegation (N-41.1), online or not.
            assert_eq!(code(&answer), Some(Code::TargetNotSigned), "{expired}");
            continue;
        }
        let e = answer.expect_err(expired);
        if e.code() != Code::NetworkUnreachable || !e.found().unwrap_or_default().contains("expired") {
            faults.push(format!("{expired}: {e:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// N-41.10: the look-up of a target without a full SHA-256 is refused in both modes; that of its
/// neighbour is not.
#[test]
fn the_look_up_of_a_target_without_a_digest_is_refused_in_both_modes() {
    for hashes in [json!({}), json!({"sha256": ""}), json!({"sha256": "AAAA"}), json!({"sha512": "AAAA"})] {
        for signer in ["targets", RELEASES] {
            for mode in [Mode::Strict, Mode::Compatible] {
                let mut repo = repo();
                repo.target(signer, "3.0", "three");
                let mut client = Client::of(&repo).mode(mode);
                assert_eq!(look(&mut client, &repo, "3.0"), None);
                repo.signed(signer)["targets"]["3.0"]["hashes"] = hashes.clone();
                for tag_rule in [TagRule::ReleasesFirst, TagRule::TargetsFirst] {
                    let mut client = Client::of(&repo).mode(mode);
                    let mut look = |tag| client.look(&mut repo.publish(), tag, tag_rule.clone());
                    assert_eq!(code(&look("3.0")), Some(Code::TargetNoDigest), "{mode:?} {signer} {hashes}");
                    assert_eq!(found(&look("1.0")), of("one", "targets"), "{mode:?} {signer} {hashes}");
                }
            }
        }
    }
}

/// A client of this mode that saw the collection, and its run against the bent one.
fn bent(mode: Mode, bend: &dyn Fn(&mut Repo), serve: &dyn Fn(&mut Server)) -> Outcome {
    let mut repo = repo();
    repo.delegate("targets", QA, &["qa"]);
    let mut client = Client::of(&repo).mode(mode);
    let queries = || vec![(Query::All, TagRule::TargetsFirst)];
    assert!(client.run(&mut repo.publish(), queries()).answers[0].is_ok());
    bend(&mut repo);
    let mut server = repo.publish();
    serve(&mut server);
    client.run(&mut server, queries())
}

/// One more newline in the first base64 of a node.
fn newline(text: &mut Value) {
    *text = json!(format!("{}\n", text.as_str().unwrap()));
}

/// N-41.17: every exception: what strict refuses with is a warning of compatible mode.
#[test]
fn each_use_of_an_exception_is_a_warning_with_the_code_of_the_refusal() {
    type Bend = Box<dyn Fn(&mut Repo)>;
    type Serve = Box<dyn Fn(&mut Server)>;
    let none = || -> Serve { Box::new(|_| {}) };
    let cases: Vec<(&str, Code, Bend, Serve)> = vec![
        (
            "expired delegation",
            Code::ExpiredDelegation,
            Box::new(|r| {
                r.signed(QA)["expires"] = json!("2029-01-01T00:00:00Z");
                next(r, &[QA]);
            }),
            none(),
        ),
        (
            "below its threshold",
            Code::SignatureThreshold,
            Box::new(|r| {
                r.file(QA).signers = Some(vec![Key::named("thief")]);
                next(r, &[QA]);
            }),
            none(),
        ),
        ("other content of the timestamp", Code::MismatchContent, Box::new(|r| other(r, role::TIMESTAMP, &[])), none()),
        (
            "other content of the snapshot",
            Code::MismatchContent,
            Box::new(|r| other(r, role::SNAPSHOT, &[role::TIMESTAMP])),
            none(),
        ),
        (
            "other content of targets",
            Code::MismatchContent,
            Box::new(|r| other(r, role::TARGETS, &[role::SNAPSHOT, role::TIMESTAMP])),
            none(),
        ),
        (
            "other content of a delegation",
            Code::MismatchContent,
            Box::new(|r| other(r, QA, &[role::SNAPSHOT, role::TIMESTAMP])),
            none(),
        ),
        (
            "removed entry",
            Code::RollbackRemoved,
            Box::new(|r| {
                r.file(QA).unlisted = true;
                next(r, &[]);
            }),
            none(),
        ),
        (
            "length as an upper bound",
            Code::MismatchLength,
            Box::new(|r| {
                r.file(QA).listed = Some(Rc::new(|entry| entry["length"] = json!(9_999)));
                next(r, &[QA]);
            }),
            none(),
        ),
        (
            "target without a digest",
            Code::TargetNoDigest,
            Box::new(|r| {
                r.target(QA, "qa", "qa");
                r.signed(QA)["targets"]["qa"]["hashes"] = json!({});
                next(r, &[QA]);
            }),
            none(),
        ),
        (
            "lenient base64",
            Code::ParseEncoding,
            Box::new(|r| {
                r.file(QA).seal = Some(Rc::new(|file| newline(&mut file["signatures"][0]["sig"])));
                next(r, &[QA]);
            }),
            none(),
        ),
        ("unreachable", Code::NetworkUnreachable, Box::new(|_| {}), Box::new(|s| *s = std::mem::take(s).down())),
        ("timestamp gone", Code::MissingTimestamp, Box::new(|_| {}), Box::new(|s| s.lose("timestamp.json"))),
    ];
    let mut silent = Vec::new();
    for (what, refusal, bend, serve) in &cases {
        let strict = bent(Mode::Strict, bend, serve);
        assert_eq!(code(&strict.answers[0]), Some(*refusal), "{what}");
        let compatible = bent(Mode::Compatible, bend, serve);
        assert_eq!(code(&compatible.answers[0]), None, "{what}: {:?}", compatible.answers[0]);
        if !warned(&compatible).contains(refusal) {
            silent.push(format!("{what}: {:?}", warned(&compatible)));
        }
    }
    let plain = bent(Mode::Compatible, &|_| {}, &|_| {});
    assert!(warned(&plain).is_empty(), "the twin: nothing to tell, {:?}", warned(&plain));
    assert!(silent.is_empty(), "not told:\n{}", silent.join("\n"));
}

/// The same version with other content, listed by new files above.
fn other(repo: &mut Repo, name: &str, above: &[&str]) {
    repo.signed(name)["expires"] = json!("2048-01-01T00:00:00Z");
    repo.bump(above);
}
