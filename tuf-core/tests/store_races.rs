//! Two runs on one folder (T-45): the second is let in at every step of the first, in both orders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use std::fs;
use support::{ByHand, Keeper, Key, Repo, code, found, of, tree, warned};
use tuf_core::Code;
use tuf_core::error::Answer;
use tuf_core::metadata::role;
use tuf_core::trust::{FileName, Outcome, Query, Step, TagRule};

const RELEASES: &str = "targets/releases";
const ROLES: [&str; 4] = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, RELEASES];
const BOTH: [bool; 2] = [true, false];

/// A repository at version `version`, whose tag 1.0 stands in a delegation.
fn repo(tuf: bool, version: u64) -> Repo {
    let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
    repo.delegate("targets", RELEASES, &[if tuf { "*" } else { "" }]);
    at_version(&repo, version)
}

/// The same repository with all files at this version, of which the tag's content tells.
fn at_version(repo: &Repo, version: u64) -> Repo {
    let mut repo = repo.clone();
    repo.target(RELEASES, "1.0", &content(version));
    for name in ROLES {
        repo.signed(name)["version"] = json!(version);
    }
    repo
}

fn content(version: u64) -> String {
    format!("content {version}")
}

/// The same with another root, which names other keys for all three roles.
fn rotated(repo: &Repo) -> Repo {
    let mut repo = repo.clone();
    let next = repo.roots.len() + 1;
    repo.rotate(|keys| {
        for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
            keys.get_mut(name).unwrap().0 = vec![Key::named(&format!("{name} {next}"))];
        }
    });
    repo
}

fn ask(tuf: bool) -> Vec<(Query, TagRule)> {
    let rule = if tuf { TagRule::Search } else { TagRule::ReleasesFirst };
    vec![(Query::Name("1.0".to_owned()), rule)]
}

/// What two runs have to do with each other.
struct Race {
    what: &'static str,
    tuf: bool,
    /// What the store held before, if anything.
    base: Option<Repo>,
    /// What the one sees, which may be refused.
    old: Repo,
    /// What the other sees, which must be answered, and remembered.
    new: Repo,
    version: u64,
}

fn races() -> Vec<Race> {
    let mut races = Vec::new();
    for tuf in BOTH {
        let base = repo(tuf, 1);
        for cold in BOTH {
            let before = (!cold).then(|| base.clone());
            let mut race = |what, old: &Repo, new: &Repo, version| {
                let (old, new) = (old.clone(), new.clone());
                races.push(Race { what, tuf, base: before.clone(), old, new, version });
            };
            let (two, three) = (at_version(&base, 2), at_version(&base, 3));
            race("the same", &two, &two, 2);
            race("an older state", &two, &three, 3);
            race("an older root", &two, &at_version(&rotated(&base), 3), 3);
            race("two roots behind", &two, &at_version(&rotated(&rotated(&base)), 3), 3);
            if tuf {
                race("an older root with the same versions", &two, &at_version(&rotated(&base), 2), 2);
                // T-10: what a thief drove up is dropped.
                race("an older root with higher versions", &at_version(&base, 9), &at_version(&rotated(&base), 2), 2);
                // The new root's run finds targets that it has and that hold: it does not fetch them.
                let mut kept = rotated(&base);
                kept.keys.get_mut(role::TARGETS).unwrap().0 = vec![Key::named(role::TARGETS)];
                kept.roots.truncate(1);
                kept.add_root(|_| {});
                kept.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
                race("targets kept under a new root", &two, &kept, 1);
            }
        }
    }
    races
}

impl Race {
    fn folder(&self) -> Keeper {
        let mut keeper = Keeper::of(self.base.as_ref().unwrap_or(&self.old));
        if let Some(base) = &self.base {
            assert!(keeper.look(&mut base.publish(), "1.0").is_ok());
        }
        keeper
    }

    fn hand(&self, keeper: &Keeper, repo: &Repo) -> ByHand {
        ByHand::new(&keeper.folder(), keeper.settings.clone(), ask(self.tuf), &repo.publish())
    }

    /// The newer state is answered; the older one too, or refused; neither finds damage. What is
    /// wrong otherwise.
    fn wrong(&self, old: &Outcome, new: &Outcome, keeper: &mut Keeper) -> Option<String> {
        let (old, new) = (&old.answers[0], &new.answers[0]);
        if found(new) != of(&content(self.version), RELEASES) {
            return Some(format!("the newer state: {new:?}"));
        }
        if let Err(e) = old
            && e.code().answer() != Answer::Refused
        {
            return Some(format!("the older state: {e:?}"));
        }
        let record = keeper.record();
        let versions = |name: &&str| record["roles"][name]["version"] != self.new.clone().signed(name)["version"];
        if record["root"] != json!(self.new.roots.len()) || ROLES.iter().any(versions) {
            return Some(format!("the record: {record}"));
        }
        if tree(&keeper.folder()).keys().any(|name| name.ends_with(".new")) {
            return Some("a new file is left".to_owned());
        }
        // Everything that the record names is there, and answers alone.
        keeper.settings.offline = true;
        let answer = keeper.look(&mut self.new.publish(), "1.0");
        (found(&answer) != of(&content(self.version), RELEASES)).then(|| format!("afterwards: {answer:?}"))
    }
}

/// T-45.9 T-45.10 T-45.11 T-45.12 T-45.13: wherever the one is when the other runs from its begin to
/// its end, nobody's memory is lost: the record is of the newest root, of the highest version that
/// no drop took away, and its files are those that it names.
#[test]
fn a_run_at_every_step_of_another() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for race in races() {
        for new_is_first in BOTH {
            for steps in 0_usize.. {
                let mut keeper = race.folder();
                let (mut old, mut new) = (race.hand(&keeper, &race.old), race.hand(&keeper, &race.new));
                let (first, second) = if new_is_first { (&mut new, &mut old) } else { (&mut old, &mut new) };
                let left = std::cell::Cell::new(steps);
                let stopped = first.until(|_| left.replace(left.get().saturating_sub(1)) == 0);
                if let Step::Done(_) = stopped {
                    assert!(steps > 4, "{}: {steps}", race.what);
                    break;
                }
                let inner = second.end();
                first.take(stopped);
                let outer = first.end();
                let (old, new) = if new_is_first { (&inner, &outer) } else { (&outer, &inner) };
                cases += 1;
                if let Some(why) = race.wrong(old, new, &mut keeper) {
                    let cold = race.base.is_none();
                    let (what, tuf) = (race.what, race.tuf);
                    wrong.push(format!("{what}, tuf {tuf}, cold {cold}, {steps}, new first {new_is_first}: {why}"));
                }
            }
        }
    }
    assert!(cases > 300, "{cases}");
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}

/// T-45.10: who has read the record when another commits finds other files, reads all anew,
/// and answers from the new state without asking a second time for what is there.
#[test]
fn a_reader_begins_anew() {
    for tuf in BOTH {
        let (one, two) = (repo(tuf, 1), repo(tuf, 1));
        let two = if tuf { at_version(&two, 2) } else { at_version(&one, 2) };
        let mut keeper = Keeper::of(&one);
        assert!(keeper.look(&mut one.publish(), "1.0").is_ok());
        keeper.settings.offline = true;
        let mut reader = ByHand::new(&keeper.folder(), keeper.settings.clone(), ask(tuf), &one.publish());
        let at_files = reader.until(|step| matches!(step, Step::Load { file: FileName::Timestamp, .. }));
        keeper.settings.offline = false;
        assert!(keeper.look(&mut two.publish(), "1.0").is_ok());
        reader.take(at_files);
        let outcome = reader.end();
        assert_eq!(found(&outcome.answers[0]), of(&content(2), RELEASES), "tuf {tuf}: {:?}", outcome.answers);
        assert_eq!(warned(&outcome), [Code::StoreServed].into());
    }
}

/// T-45.11: both stand before their commit; the lower one comes second, and replaces nothing; then
/// the other way round.
#[test]
fn a_lower_version_never_replaces_a_higher_one() {
    for tuf in BOTH {
        for lower_first in BOTH {
            let base = repo(tuf, 1);
            let mut keeper = Keeper::of(&base);
            assert!(keeper.look(&mut base.publish(), "1.0").is_ok());
            let hand = |version| {
                let server = at_version(&base, version).publish();
                ByHand::new(&keeper.folder(), keeper.settings.clone(), ask(tuf), &server)
            };
            let order = if lower_first { [2, 3] } else { [3, 2] };
            let mut hands = order.map(hand);
            let commits = [0, 1].map(|at| hands[at].until(|step| matches!(step, Step::Commit(_))));
            for (hand, commit) in hands.iter_mut().zip(commits) {
                assert!(matches!(commit, Step::Commit(_)));
                hand.take(commit);
                assert!(hand.end().answers[0].is_ok(), "both were right when they looked");
            }
            for name in ROLES {
                assert_eq!(keeper.version(name), Some(3), "tuf {tuf}, lower first {lower_first}");
            }
            assert_eq!(code(&keeper.look(&mut at_version(&base, 2).publish(), "1.0")), Some(Code::RollbackTimestamp));
        }
    }
}

/// T-45.12 T-45.13: both stand before their commit, the one under a newer root that drops, in both
/// orders: what the newer root accepted stands, although its versions are lower.
#[test]
fn what_a_newer_root_accepted_stands() {
    for new_first in BOTH {
        let base = repo(true, 1);
        let (old, new) = (at_version(&base, 9), at_version(&rotated(&base), 2));
        let mut keeper = Keeper::of(&base);
        assert!(keeper.look(&mut base.publish(), "1.0").is_ok());
        let hand = |repo: &Repo| ByHand::new(&keeper.folder(), keeper.settings.clone(), ask(true), &repo.publish());
        let mut hands = if new_first { [&new, &old] } else { [&old, &new] }.map(hand);
        let commits = [0, 1].map(|at| hands[at].until(|step| matches!(step, Step::Commit(_))));
        for (at, (hand, commit)) in hands.iter_mut().zip(commits).enumerate() {
            hand.take(commit);
            let answer = hand.end().answers.remove(0);
            // The older one may be refused, where it comes second and looks again.
            let may_fail = new_first && at == 1;
            let refused = answer.as_ref().is_err_and(|e| e.code().answer() == Answer::Refused);
            assert!(answer.is_ok() || (may_fail && refused), "new first {new_first}: {answer:?}");
        }
        for name in ROLES {
            assert_eq!(keeper.version(name), Some(2), "new first {new_first}: {}", keeper.record());
        }
        assert_eq!(keeper.record()["dropped"], json!(2));
        assert_eq!(found(&keeper.look(&mut new.publish(), "1.0")), of(&content(2), RELEASES));
    }
}

/// Pins that lead to two chains of roots: the second to commit is told so, and nothing of it is
/// stored; with one chain both are answered.
#[test]
fn two_chains_are_not_mixed() {
    for tuf in BOTH {
        for same in BOTH {
            let one = repo(tuf, 1);
            let mut other = one.clone();
            if !same {
                other.keys = repo(tuf, 1).keys;
                other.keys.get_mut(role::ROOT).unwrap().0 =
                    if tuf { vec![Key::named("other")] } else { repo(tuf, 1).keys[role::ROOT].0.clone() };
                other.roots.clear();
                other.add_root(|_| {});
            }
            let mut keeper = Keeper::of(&one);
            let mut late = ByHand::new(&keeper.folder(), Keeper::of(&other).settings, ask(tuf), &other.publish());
            let commit = late.until(|step| matches!(step, Step::Commit(_)));
            assert!(keeper.look(&mut one.publish(), "1.0").is_ok());
            let before = tree(&keeper.folder());
            late.take(commit);
            let answer = late.end().answers.remove(0);
            assert_eq!(code(&answer), (!same).then_some(Code::StoreLocked), "tuf {tuf}, same chain {same}");
            assert_eq!(tree(&keeper.folder()), before, "tuf {tuf}: nothing of it is stored");
            assert!(keeper.look(&mut one.publish(), "1.0").is_ok());
        }
    }
}

/// T-45.11: a file that the first run kept and the second replaced before the first could record
/// it anew is still what the record says, whichever of the two it names.
#[test]
fn a_merged_record_names_files_that_are_there() {
    for race in races().iter().filter(|race| race.what == "targets kept under a new root") {
        let mut keeper = race.folder();
        let (mut old, mut new) = (race.hand(&keeper, &race.old), race.hand(&keeper, &race.new));
        let commit = new.until(|step| matches!(step, Step::Commit(_)));
        assert!(old.end().answers[0].is_ok());
        new.take(commit);
        assert!(new.end().answers[0].is_ok());
        let record = keeper.record();
        for (path, want) in record["files"].as_object().unwrap() {
            let bytes = fs::read(keeper.folder().join(path)).unwrap();
            assert_eq!(*want, json!(tuf_core::crypto::hex(&tuf_core::crypto::sha256(&bytes))), "{path}");
        }
        assert!(keeper.look(&mut race.new.publish(), "1.0").is_ok());
    }
}
