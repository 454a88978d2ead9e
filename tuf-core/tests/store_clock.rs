//! The clock floor (T-3), and what runs with injected time have to do with it (T-1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use std::fs;
use support::{Keeper, LATER, Repo, Server, at, code, sealed, tree, unsealed};
use tuf_core::Code;
use tuf_core::metadata::role;
use tuf_core::time::Time;
use tuf_core::trust::FileName;

/// The start of the runs that raise the floor.
const NOON: &str = "2030-01-01T12:00:00Z";

/// A time so many seconds from noon.
fn noon(offset: i64) -> String {
    Time::from_unix(at(NOON).unix() + offset).expect("a time").to_string()
}

/// A repository of either format with one target.
fn repo(tuf: bool) -> Repo {
    let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
    repo.target("targets", "1.0", "one");
    repo
}

/// Clients over each kind of store that checked completely at noon, in either format.
fn checked() -> impl Iterator<Item = (Repo, Keeper)> {
    [true, false].into_iter().flat_map(|tuf| {
        let repo = repo(tuf);
        Keeper::all(&repo).into_iter().map(move |mut keeper| {
            assert_eq!(keeper.at(NOON).refresh(&mut repo.publish()), Ok(()));
            (repo.clone(), keeper)
        })
    })
}

/// What `checked` says of runs by the clock.
fn floor(keeper: &mut Keeper) -> Option<String> {
    let checked = unsealed(&keeper.read(&FileName::Checked)?);
    Some(Time::from_unix(checked["by_clock"].as_i64()?).expect("a time").to_string())
}

/// T-3.1: the start time in whole seconds. T-3.10: in a file of its own, not in the record.
#[test]
fn a_complete_check_sets_the_floor() {
    for (repo, mut keeper) in checked() {
        assert_eq!(floor(&mut keeper), Some(NOON.to_owned()), "{}", keeper.kind());
        let record = keeper.read(&FileName::Record);
        let outcome = keeper.at(&noon(90)).run(&mut repo.publish(), Vec::new());
        assert_eq!(outcome.last_checked, Some(at(&noon(90))));
        assert_eq!(floor(&mut keeper), Some(noon(90)));
        assert_eq!(keeper.read(&FileName::Record), record, "the record knows nothing of it");
    }
    let mut keeper = Keeper::of(&repo(true));
    assert_eq!(keeper.at(NOON).refresh(&mut repo(true).publish()), Ok(()));
    assert!(keeper.folder().join("checked").is_file());
    assert!(unsealed(&tree(&keeper.folder())["checked"]).is_object());
    assert_eq!(at("2030-01-01T12:00:00.9Z").unix(), at(NOON).unix(), "a second's fraction is cut off");
}

/// T-3.2: an equal timestamp is a complete check too: the one request and nothing new.
#[test]
fn an_equal_timestamp_raises_the_floor() {
    for (repo, mut keeper) in checked() {
        let mut server = repo.publish();
        assert_eq!(keeper.at(&noon(3600)).refresh(&mut server), Ok(()));
        assert_eq!(server.asked().last().map(String::as_str), Some("timestamp.json"));
        assert_eq!(floor(&mut keeper), Some(noon(3600)), "{}", keeper.kind());
    }
}

/// T-3.4: no answer, a refusal, a run from the store alone, a fresh one: the floor stays.
#[test]
fn an_incomplete_check_leaves_the_floor() {
    type Bend = fn(&mut Keeper, &mut Server);
    let cases: [(&str, bool, Bend); 7] = [
        ("no answer", false, |_, server| *server = server.clone().down()),
        ("no snapshot", false, |_, server| server.lose("snapshot.#.json")),
        ("no timestamp", false, |_, server| server.lose("timestamp.json")),
        ("a timestamp that is none", false, |_, server| server.put("timestamp.json", b"{}".to_vec())),
        ("offline", true, |keeper, _| keeper.settings.offline = true),
        ("fresh", true, |keeper, _| keeper.settings.ages.fresh_for = Some(86_400)),
        ("served by the store", true, |keeper, server| {
            keeper.settings.unreachable = tuf_core::trust::Unreachable::UseCache;
            *server = server.clone().down();
        }),
    ];
    for (case, ends_well, bend) in cases {
        for (mut repo, mut keeper) in checked() {
            if case == "no snapshot" {
                repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
            }
            let mut server = repo.publish();
            bend(&mut keeper, &mut server);
            server.lose("2.snapshot.json");
            let ended = keeper.at(&noon(3600)).refresh(&mut server);
            assert_eq!(ended.is_ok(), ends_well, "{case}: {ended:?}");
            assert_eq!(floor(&mut keeper), Some(NOON.to_owned()), "{case}, {}", keeper.kind());
        }
    }
}

/// T-3.5 T-3.6 T-3.7: the tolerance is 60 seconds, or what is configured; the very second of it is
/// good, the next is not, and then nothing is asked for.
#[test]
fn a_clock_behind_the_floor() {
    for (tolerance, offset, behind) in [
        (None, 0, false),
        (None, -1, false),
        (None, -60, false),
        (None, -61, true),
        (None, -86_400 * 365, true),
        (Some(0), 0, false),
        (Some(0), -1, true),
        (Some(3600), -3600, false),
        (Some(3600), -3601, true),
    ] {
        for (repo, mut keeper) in checked() {
            if let Some(tolerance) = tolerance {
                keeper.settings.ages.clock_tolerance = tolerance;
            }
            let mut server = repo.publish();
            let answer = keeper.at(&noon(offset)).look(&mut server, "1.0");
            assert_eq!(code(&answer), behind.then_some(Code::ClockBehind), "{tolerance:?} {offset}");
            assert_eq!(server.asked().is_empty(), behind);
            keeper.settings.offline = true;
            assert_eq!(code(&keeper.look(&mut server, "1.0")), behind.then_some(Code::ClockBehind), "offline too");
        }
    }
}

/// T-3.7: in the configuration, per collection.
#[test]
fn the_tolerance_is_configured() {
    let tolerance = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let pin = format!("[trust.\"r.test/a\"]\ncertificate-ids = [\"{}\"]\n", "ab".repeat(32));
        fs::write(&file, format!("{text}[server.\"r.test/a\"]\nurl = \"file:/none\"\n{pin}")).unwrap();
        let config = tuf_core::client::Config::read(&file, true).expect("a configuration");
        let resolved = config.resolve("r.test/a", at(NOON), false, &tuf_core::client::Choices::default());
        resolved.expect("resolved").settings.ages.clock_tolerance
    };
    assert_eq!(tolerance(""), 60);
    assert_eq!(tolerance("[age]\nclock-tolerance = \"5m\"\n"), 300);
    assert_eq!(tolerance("[age]\nclock-tolerance = 0\n"), 0);
}

/// T-3.9: a fake clock that starts at the same time in each process, or a little apart.
#[test]
fn fake_clocks_do_not_trip_the_floor() {
    for (repo, mut keeper) in checked() {
        for offset in [0, 0, 2, 0, 1] {
            let answer = keeper.at(&noon(offset)).look(&mut repo.publish(), "1.0");
            assert_eq!(code(&answer), None, "{}", keeper.kind());
        }
    }
}

/// T-3.12: not more often than once a minute, whatever was accepted meanwhile.
#[test]
fn the_floor_is_written_once_a_minute() {
    for (mut repo, mut keeper) in checked() {
        for (offset, want) in [(0, 0), (1, 0), (59, 0), (60, 60), (61, 60), (119, 60), (120, 120)] {
            assert_eq!(keeper.at(&noon(offset)).refresh(&mut repo.publish()), Ok(()));
            assert_eq!(floor(&mut keeper), Some(noon(want)), "{} at {offset}", keeper.kind());
            repo.bump(&[role::TIMESTAMP]);
            assert_eq!(keeper.at(&noon(offset)).refresh(&mut repo.publish()), Ok(()));
            assert_eq!(floor(&mut keeper), Some(noon(want)), "{} at {offset}, a new timestamp", keeper.kind());
        }
    }
    let repo = repo(false);
    let mut keeper = Keeper::all(&repo).remove(0);
    for (offset, commits) in [(0, 1), (59, 1), (60, 2)] {
        assert_eq!(keeper.at(&noon(offset)).refresh(&mut repo.publish()), Ok(()));
        assert_eq!(keeper.shelf().commits.len(), commits);
    }
    assert_eq!(keeper.shelf().commits[1], [FileName::Checked], "and nothing else");
}

/// T-3.13: whatever stands there, it claims nothing and is no damage; it is written anew.
#[test]
fn a_broken_floor_claims_nothing() {
    let sound = json!({"by_clock": at(NOON).unix(), "injected": null}).to_string();
    for text in [
        "",
        "{}",
        "null",
        "garbage",
        "\u{0}\u{0}\u{0}",
        &sound[..sound.len() - 1],
        "[1893499200]",
        r#"{"by_clock": "soon", "injected": null}"#,
        r#"{"by_clock": 99999999999999999999, "injected": null}"#,
        r#"{"by_clock": 9223372036854775807, "injected": null}"#,
    ] {
        for (repo, mut keeper) in checked() {
            keeper.put(&FileName::Checked, &sealed(&sound));
            assert_eq!(code(&keeper.at(&noon(-3600)).refresh(&mut repo.publish())), Some(Code::ClockBehind));
            keeper.put(&FileName::Checked, &sealed(text));
            let outcome = keeper.run(&mut repo.publish(), Vec::new());
            assert_eq!(outcome.refreshed, Ok(()), "{text}, {}", keeper.kind());
            assert_eq!(outcome.set.expect("a set").warnings(), [], "{text}");
            assert_eq!(floor(&mut keeper), Some(noon(-3600)), "{text}");
        }
    }
    for unsealed in [&b"\xff\xfe"[..], b"", sound.as_bytes(), &sealed(&sound)[1..]] {
        for (repo, mut keeper) in checked() {
            keeper.put(&FileName::Checked, unsealed);
            assert_eq!(keeper.at(&noon(-3600)).refresh(&mut repo.publish()), Ok(()), "{unsealed:?}");
        }
    }
    for tuf in [true, false] {
        let repo = repo(tuf);
        let mut keeper = Keeper::of(&repo);
        assert_eq!(keeper.at(NOON).refresh(&mut repo.publish()), Ok(()));
        fs::remove_file(keeper.folder().join("checked")).unwrap();
        assert_eq!(keeper.at(&noon(-3600)).refresh(&mut repo.publish()), Ok(()), "absent");
    }
}

/// T-1.6: injected runs neither read the floor nor raise it.
#[test]
fn injected_runs_have_no_floor() {
    for (repo, mut keeper) in checked() {
        for injected in ["2029-01-01T00:00:00Z", "2040-01-01T00:00:00Z", "2029-01-02T00:00:00Z"] {
            keeper.settings.injected = true;
            assert_eq!(keeper.at(injected).refresh(&mut repo.publish()), Ok(()), "{injected}");
            assert_eq!(floor(&mut keeper), Some(NOON.to_owned()), "{injected}, {}", keeper.kind());
            keeper.settings.injected = false;
            assert_eq!(keeper.at(&noon(-60)).look(&mut repo.publish(), "1.0").map(drop), Ok(()));
            let behind = keeper.at(&noon(-3600)).look(&mut repo.publish(), "1.0");
            assert_eq!(code(&behind), Some(Code::ClockBehind));
            // What the run a minute back wrote is put back.
            let checked = json!({"by_clock": at(NOON).unix(), "injected": at(injected).unix()});
            keeper.put(&FileName::Checked, &sealed(&checked.to_string()));
        }
    }
}

/// T-1.7: an injected time spares a request, and says how old a timestamp is, to injected runs alone.
#[test]
fn injected_times_are_read_by_injected_runs_alone() {
    for tuf in [true, false] {
        let repo = repo(tuf);
        for by in [true, false] {
            for mut keeper in Keeper::all(&repo) {
                keeper.settings.injected = by;
                assert_eq!(keeper.at(NOON).refresh(&mut repo.publish()), Ok(()));
                for reads in [by, !by] {
                    keeper.settings.injected = reads;
                    keeper.settings.ages.fresh_for = Some(3600);
                    keeper.settings.no_persist = true;
                    let mut server = repo.publish();
                    assert_eq!(keeper.at(&noon(100)).refresh(&mut server), Ok(()));
                    assert_eq!(server.asked().is_empty(), by == reads, "by {by}, read by {reads}, {}", keeper.kind());
                    keeper.settings.ages.fresh_for = None;
                    keeper.settings.ages.unchanged = Some(50);
                    let old = keeper.refresh(&mut repo.publish());
                    let want = (by == reads).then_some(Code::AgeUnchanged);
                    assert_eq!(code(&old), want, "by {by}, read by {reads}, {}", keeper.kind());
                    keeper.settings.ages.unchanged = None;
                }
            }
        }
    }
    assert!(at(LATER) > at(&noon(100)));
}
