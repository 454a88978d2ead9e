//! Tests that survivors of cargo-mutants asked for: what the other fast tests would not notice.
//! `docs/mutants.md` lists what is left, and why. Survivors in private code have theirs beside it.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // tests

mod support;

use serde_json::{Value, json};
use std::rc::Rc;

use support::releases::{self, RELEASES, served};
use support::{ByHand, Cert, Client, GUN, Keeper, Key, Repo, Server, at, code, found, of, root_key_ids, warned};
use tuf_core::Code;
use tuf_core::metadata::{Format, role};
use tuf_core::time::Time;
use tuf_core::trust::{FileName, Lookup, Mode, Pin, Query, Step, TagRule, Unreachable, start};

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

/// The words of configuration and verdict.
#[test]
fn a_mode_is_told_in_its_word() {
    assert_eq!([Mode::Strict, Mode::Compatible].map(Mode::as_str), ["strict", "compatible"]);
}

/// For whoever drives it: whether the run has ended.
#[test]
fn a_job_tells_whether_it_ended() {
    let job = start(Client::of(&Repo::notary()).settings, Vec::new());
    assert!(format!("{job:?}").contains("ended: false"), "{job:?}");
}

/// A client whose store holds timestamp, snapshot and targets, and no record of them.
fn unrecorded(repo: &Repo, tuf: bool) -> Client {
    let (server, mut client) = (repo.publish(), Client::of(repo));
    for (file, name) in [
        (FileName::Timestamp, role::TIMESTAMP),
        (FileName::Snapshot, role::SNAPSHOT),
        (FileName::Targets(role::TARGETS.to_owned()), role::TARGETS),
    ] {
        client.store.files.insert(file, server.get(&served(tuf, name, 1)).to_vec());
    }
    client.settings.ages.offline = None;
    client
}

/// T-46: for a folder without a record roots are walked only where one of its files does not hold
/// under the root that is trusted, and never offline: there it is damage.
#[test]
fn a_folder_that_holds_is_taken_in_without_a_walk() {
    for (tuf, walk) in [(false, "root.json"), (true, "2.root.json")] {
        let repo = releases::repo(tuf);
        let mut server = repo.publish();
        assert_eq!(unrecorded(&repo, tuf).refresh(&mut server), Ok(()));
        assert_eq!(server.asked(), [walk, "timestamp.json"], "tuf {tuf}");
    }
    for (signer, refused) in [("timestamp", None), ("thief", Some(Code::StoreDamaged))] {
        let mut repo = Repo::tuf();
        repo.file(role::TIMESTAMP).signers = Some(vec![Key::named(signer)]);
        let mut client = unrecorded(&repo, true);
        client.settings.offline = true;
        let mut server = repo.publish();
        assert_eq!(code(&client.refresh(&mut server)), refused, "{signer}");
        assert_eq!(server.asked(), [""; 0]);
    }
}

/// T-3: a check within the minute after the last is not written, and told.
#[test]
fn the_last_check_is_told_before_it_is_written() {
    let repo = Repo::notary();
    let mut client = Client::of(&repo);
    for (time, written) in [("00:00:00", "00:00:00"), ("00:00:30", "00:00:00"), ("00:01:00", "00:01:00")] {
        let now = at(&format!("2030-01-01T{time}Z"));
        client.settings.start = now;
        assert_eq!(client.run(&mut repo.publish(), Vec::new()).last_checked, Some(now));
        let checked = String::from_utf8_lossy(&client.store.files[&FileName::Checked]).into_owned();
        let written = at(&format!("2030-01-01T{written}Z")).unix();
        assert!(checked.contains(&written.to_string()), "{checked} at {time}");
    }
}

/// T-53: the store's age bounds how long it serves in strict mode, and not in compatible mode. Who did
/// ask the server is told that it gave no answer, and why the store does not serve.
#[test]
fn a_store_serves_for_a_day_in_strict_mode() {
    let repo = releases::repo(false);
    for (mode, time, offline, online) in [
        (Mode::Strict, "2030-01-02T00:00:00Z", None, None),
        (Mode::Strict, "2030-01-02T00:00:01Z", Some(Code::AgeOffline), Some(Code::NetworkUnreachable)),
        (Mode::Compatible, "2030-01-02T00:00:01Z", None, None),
    ] {
        let mut client = Client::of(&repo).mode(mode);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        client.settings.unreachable = Unreachable::UseCache;
        for (is_offline, refused) in [(true, offline), (false, online)] {
            client.settings.offline = is_offline;
            let outcome = client.clone().at(time).run(&mut repo.publish().down(), Vec::new());
            assert_eq!(code(&outcome.refreshed), refused, "{mode:?} at {time}, offline {is_offline}");
            assert_eq!(outcome.from_store, refused.is_none());
            match outcome.refreshed {
                Ok(()) => {
                    // N-41: an exception of compatible mode is told by the code of the refusal.
                    let why = (mode == Mode::Compatible && !is_offline).then_some(Code::NetworkUnreachable);
                    assert_eq!(warned(&outcome), [Code::StoreServed].into_iter().chain(why).collect());
                }
                Err(e) if is_offline => assert_eq!(e.found(), Some("86401 seconds ago")),
                Err(e) => assert!(e.found().is_some_and(|found| found.contains("too long ago")), "{e:?}"),
            }
        }
    }
}

/// Every targets role that a run verified, delegated ones too.
#[test]
fn verified_roles_are_told() {
    let repo = releases::repo(false);
    let query = (Query::Name("1.0".to_owned()), TagRule::ReleasesFirst);
    let set = Client::of(&repo).run(&mut repo.publish(), vec![query]).set.expect("a trusted set");
    let roles: Vec<&str> = set.verified_targets().map(|targets| targets.role()).collect();
    assert_eq!(roles, [role::TARGETS, RELEASES]);
}

/// T-7: a root that does not follow ends a run, whatever the store holds.
#[test]
fn a_root_that_does_not_follow_is_refused_by_a_warm_client() {
    let repo = Repo::tuf();
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    for (signer, refused) in [("root", None), ("thief", Some(Code::RotationOldThreshold))] {
        let mut repo = repo.clone();
        repo.add_root_by(&[Key::named(signer)], |_| {});
        assert_eq!(code(&client.clone().refresh(&mut repo.publish())), refused, "{signer}");
    }
}

/// N-20: what is wrong with the next root is told; only where there is no answer to the question for it
/// it is told what the store shows.
#[test]
fn what_is_wrong_with_a_root_after_an_expired_one_is_told() {
    let mut repo = Repo::notary();
    repo.roots.clear();
    repo.add_root(|signed| signed["expires"] = json!("2030-02-01T00:00:00Z"));
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    repo.add_root(|signed| signed["version"] = json!(7));
    let mut client = client.at("2030-03-01T00:00:00Z");
    let e = client.refresh(&mut repo.publish()).expect_err("another version");
    assert_eq!((e.code(), e.expected(), e.found()), (Code::RotationVersion, Some("2"), Some("7")));
    let e = client.refresh(&mut repo.publish().down()).expect_err("no answer");
    assert_eq!(e.code(), Code::NetworkUnreachable);
    assert!(e.found().is_some_and(|found| found.contains("expired")), "{e:?}");
}

/// N-20: a snapshot that is not the one that is listed is no reason to walk; one that names
/// another root is.
#[test]
fn only_another_root_makes_the_client_walk() {
    let repo = Repo::notary();
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    for (name, walks) in [(role::SNAPSHOT, false), (role::ROOT, true)] {
        let mut repo = repo.clone();
        repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
        if walks {
            let other = data_encoding::BASE64.encode(&[1; 32]);
            let bend = move |signed: &mut Value| signed["meta"]["root"]["hashes"]["sha256"] = json!(other);
            repo.file(role::SNAPSHOT).bend = Some(Rc::new(bend));
        }
        let mut server = repo.publish();
        if !walks {
            let mut bytes = server.get("snapshot.#.json").to_vec();
            bytes[0] = b' ';
            server.put("snapshot.#.json", bytes);
        }
        let e = client.clone().refresh(&mut server).expect_err(name);
        assert_eq!((e.code(), e.role()), (Code::MismatchHash, Some(name)));
        assert_eq!(server.asked().contains(&"2.root.json".to_owned()), walks, "{name}");
    }
}

/// T-4: for how long after a check nothing is asked: not a second longer, not for a check that lies ahead,
/// and only while the root is in force; the store then answers.
#[test]
fn a_recent_check_spares_the_requests_while_the_root_is_in_force() {
    for tuf in [false, true] {
        let mut repo = releases::repo(tuf);
        repo.roots.clear();
        repo.add_root(|signed| signed["expires"] = json!("2030-01-01T00:10:00Z"));
        let mut client = Client::of(&repo);
        assert_eq!(found(&client.look(&mut repo.publish(), "1.0", TagRule::ReleasesFirst)), of("one", RELEASES));
        client.settings.no_persist = true;
        for (time, age, fresh) in [
            ("2030-01-01T00:00:00Z", 60, true),
            ("2030-01-01T00:00:59Z", 60, true),
            ("2030-01-01T00:01:00Z", 60, false),
            ("2030-01-01T00:05:00Z", 60, false),
            ("2029-12-31T23:59:59Z", 60, false),
            ("2030-01-01T00:09:59Z", 3600, true),
        ] {
            client.settings.ages.fresh_for = Some(age);
            let mut server = repo.publish();
            let answer = client.clone().at(time).look(&mut server, "1.0", TagRule::ReleasesFirst);
            assert_eq!(found(&answer), of("one", RELEASES), "tuf {tuf} at {time}: {answer:?}");
            assert_eq!(server.asked().is_empty(), fresh, "tuf {tuf} at {time}");
        }
        let mut server = repo.publish();
        let late = client.at("2030-01-01T00:10:00Z").look(&mut server, "1.0", TagRule::ReleasesFirst);
        assert_eq!(code(&late), Some(Code::ExpiredRoot), "tuf {tuf}");
        assert_eq!(server.asked(), ["2.root.json"], "tuf {tuf}");
    }
}

/// T-14: an entry for a role that was never asked for is measured by the kept snapshot: it neither goes
/// down nor disappears.
#[test]
fn entries_of_roles_that_were_never_asked_for_do_not_go_down() {
    let mut repo = releases::repo(true);
    repo.signed(RELEASES)["version"] = json!(5);
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    repo.bump(&[role::TIMESTAMP, role::SNAPSHOT]);
    for (version, unlisted, refused) in [
        (4, false, Some(Code::RollbackDelegation)),
        (5, true, Some(Code::RollbackRemoved)),
        (5, false, None),
        (6, false, None),
    ] {
        repo.signed(RELEASES)["version"] = json!(version);
        repo.file(RELEASES).unlisted = unlisted;
        let refreshed = client.clone().refresh(&mut repo.publish());
        assert_eq!(code(&refreshed), refused, "version {version}, unlisted {unlisted}");
    }
}

/// T-47: what is kept and not the file that is listed is fetched anew: without a hash only its version
/// tells.
#[test]
fn a_kept_file_of_another_version_is_fetched_anew() {
    let names = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS];
    for (at, name) in names.into_iter().enumerate().skip(1) {
        let mut repo = Repo::tuf();
        repo.file(name).listed = Some(Rc::new(|entry| *entry = json!({"version": entry["version"]})));
        let mut client = Client::of(&repo);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        for version in [1, 2] {
            let mut server = repo.publish();
            assert_eq!(client.refresh(&mut server), Ok(()));
            let fetched = server.asked().contains(&served(true, name, version));
            assert_eq!(fetched, version == 2, "{name} {version}");
            repo.bump(&names[..=at]);
        }
    }
}

/// T-47: what is kept, is the file that is listed and does not hold: TUF's is fetched anew, Notary's is
/// named by its hash, and is not. What the store alone shows is told as it is, and not as a lack.
#[test]
fn a_kept_file_that_does_not_hold_is_fetched_where_that_may_help() {
    for (tuf, name, refused) in [
        (true, role::SNAPSHOT, Code::ExpiredSnapshot),
        (true, role::TARGETS, Code::ExpiredTargets),
        (false, role::SNAPSHOT, Code::ExpiredSnapshot),
        (false, role::TARGETS, Code::ExpiredTargets),
    ] {
        let mut repo = releases::repo(tuf);
        repo.signed(name)["expires"] = json!("2030-01-01T12:00:00Z");
        let mut client = Client::of(&repo);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        for (time, expired) in [("2030-01-01T11:59:59Z", None), ("2030-01-01T12:00:00Z", Some(refused))] {
            let mut client = client.clone().at(time);
            let mut server = repo.publish();
            assert_eq!(code(&client.clone().refresh(&mut server)), expired, "tuf {tuf}, {name} at {time}");
            let fetched = server.asked().contains(&served(tuf, name, 1));
            assert_eq!(fetched, tuf && expired.is_some(), "tuf {tuf}, {name} at {time}");
            // The store serves.
            client.settings.unreachable = Unreachable::UseCache;
            let ended = client.clone().refresh(&mut repo.publish().down());
            assert_eq!(code(&ended), expired.map(|_| Code::NetworkUnreachable), "tuf {tuf}, {name} at {time}");
            if let Err(e) = ended {
                assert!(e.found().is_some_and(|found| found.contains("expired")), "tuf {tuf}, {name}: {e:?}");
            }
            // It is asked alone: by choice, and because it is recent as well.
            client.settings.offline = true;
            for fresh_for in [None, Some(86_400)] {
                client.settings.ages.fresh_for = fresh_for;
                let ended = client.clone().refresh(&mut repo.publish());
                assert_eq!(code(&ended), expired, "tuf {tuf}, {name} at {time}, fresh for {fresh_for:?}");
            }
        }
    }
}

/// T-51: where the store answers, nothing that it lacks is asked for; where a recent check spares the
/// first request it is.
#[test]
fn what_the_store_lacks_is_not_asked_for_where_it_answers_alone() {
    for tuf in [true, false] {
        let repo = releases::repo(tuf);
        let mut client = Client::of(&repo);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        client.settings.unreachable = Unreachable::UseCache;
        let first = if tuf { "2.root.json" } else { "timestamp.json" };
        let delegation = served(tuf, RELEASES, 1);
        for (offline, fresh_for, refused, asked) in [
            (false, Some(60), None, &[&*delegation][..]),
            (true, Some(60), Some(Code::StoreEmpty), &[]),
            (true, None, Some(Code::StoreEmpty), &[]),
            (false, None, Some(Code::NetworkUnreachable), &[first]),
        ] {
            let mut client = client.clone();
            (client.settings.offline, client.settings.ages.fresh_for) = (offline, fresh_for);
            let mut server = repo.publish();
            if refused.is_some() {
                for path in [first, "timestamp.json"] {
                    server.fail(path, Code::NetworkUnreachable);
                }
            }
            let answer = client.look(&mut server, "1.0", TagRule::ReleasesFirst);
            assert_eq!(code(&answer), refused, "tuf {tuf}, offline {offline}, fresh for {fresh_for:?}");
            assert_eq!(server.asked(), asked, "tuf {tuf}, offline {offline}, fresh for {fresh_for:?}");
        }
    }
}

/// T-53: what is exactly as old as it may be is taken; and the last tenth of a timestamp's life is told.
#[test]
fn ages_are_bounded_to_the_second() {
    // The timestamp, first seen at noon, lives for a thousand seconds.
    let second = |after: i64| Time::from_unix(at("2030-01-01T12:00:00Z").unix() + after).expect("a time");
    for tuf in [true, false] {
        let mut repo = releases::repo(tuf);
        repo.signed(role::TIMESTAMP)["expires"] = json!(second(1000).to_string());
        let mut client = Client::of(&repo);
        client.settings.start = second(0);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        let mut judged = |after, validity, unchanged| {
            client.settings.start = second(after);
            (client.settings.ages.validity, client.settings.ages.unchanged) = (validity, unchanged);
            let outcome = client.run(&mut repo.publish(), Vec::new());
            (code(&outcome.refreshed), warned(&outcome).contains(&Code::SoonExpired))
        };
        for (after, soon) in [(0, false), (1, false), (899, false), (900, false), (901, true), (950, true), (999, true)]
        {
            assert_eq!(judged(after, None, None), (None, soon), "after {after} seconds");
        }
        for (most, validity, unchanged) in
            [(501, None, None), (500, None, None), (499, Some(Code::AgeValidity), Some(Code::AgeUnchanged))]
        {
            assert_eq!(judged(500, Some(most), None), (validity, false), "valid for at most {most}");
            assert_eq!(judged(500, None, Some(most)), (unchanged, false), "unchanged for at most {most}");
        }
    }
}

/// T-31: of a pinned root, too, one key under two ids counts once.
#[test]
fn a_pinned_root_counts_keys_and_not_ids() {
    for (second, refused) in [("second", None), ("root", Some(Code::ConfigRoot))] {
        let mut repo = Repo::tuf();
        let key = Key::named(second);
        let signers = [Key::named("root"), Key::named("second")];
        repo.roots.clear();
        repo.add_root_by(&signers[..if second == "root" { 1 } else { 2 }], |signed| {
            signed["keys"]["another"] = key.object(Format::Tuf1);
            let ids = &mut signed["roles"]["root"];
            ids["keyids"].as_array_mut().expect("ids").push(json!("another"));
            ids["threshold"] = json!(2);
        });
        let mut root: Value = serde_json::from_slice(&repo.roots[0]).expect("JSON");
        let signatures = root["signatures"].as_array_mut().expect("signatures");
        let mut more = signatures.pop().expect("a signature");
        if second == "root" {
            signatures.push(more.clone());
        }
        more["keyid"] = json!("another");
        signatures.push(more);
        repo.roots[0] = serde_json::to_vec(&root).expect("JSON");
        assert_eq!(code(&Client::of(&repo).refresh(&mut repo.publish())), refused, "{second}");
    }
}

/// A Notary collection of `count` roots, each with a certificate of its own.
fn rotated(count: usize) -> Repo {
    let mut repo = Repo::notary();
    while repo.roots.len() < count {
        repo.rotate(|keys| keys.get_mut(role::ROOT).expect("root").0 = vec![Cert::new(GUN).self_signed()]);
    }
    repo
}

/// The pin of a collection's root, by number.
fn pin_of(repo: &Repo, version: usize) -> Pin {
    Pin::CertificateIds(root_key_ids(&repo.roots[version - 1]))
}

/// N-11: where the pin is new, a root below the newest stored one is a replay; the newest is not.
#[test]
fn with_another_pin_an_older_root_is_a_replay() {
    let repo = rotated(3);
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    for (served, refused) in [(3, None), (2, Some(Code::RollbackRoot)), (1, Some(Code::RollbackRoot))] {
        let mut server = repo.publish();
        server.put("root.json", repo.roots[served - 1].clone());
        let refreshed = client.clone().pin(pin_of(&repo, 3)).refresh(&mut server);
        assert_eq!(code(&refreshed), refused, "root {served}: {refreshed:?}");
    }
}

/// N-11: a pin to another chain: it is begun where the old one does not lead to it, and only once the
/// server said so; if it has a gap, all that is stored stays as it was.
#[test]
fn a_pin_to_another_chain_begins_it_or_changes_nothing() {
    let (old, new) = (rotated(1), rotated(3));
    let mut client = Client::of(&old);
    assert_eq!(client.refresh(&mut old.publish()), Ok(()));
    let run = |version: usize, bend: &dyn Fn(&mut Server)| {
        let mut client = client.clone().pin(pin_of(&new, version));
        let mut server = new.publish();
        bend(&mut server);
        let outcome = client.run(&mut server, Vec::new());
        let dropped = warned(&outcome).contains(&Code::StoreMemoryDropped);
        (code(&outcome.refreshed), dropped, client)
    };
    for version in [1, 2, 3] {
        let (refused, dropped, client) = run(version, &|_| {});
        assert_eq!((refused, dropped), (None, true), "root {version}");
        assert_eq!(client.store.record()["anchor"], json!(version));
    }
    for (version, refused, bend) in [
        (1, Code::MissingRoot, &(|server: &mut Server| server.lose("2.root.json")) as &dyn Fn(&mut Server)),
        (3, Code::NetworkUnreachable, &|server: &mut Server| server.fail("2.root.json", Code::NetworkUnreachable)),
    ] {
        let (code, _, after) = run(version, bend);
        assert_eq!(code, Some(refused), "root {version}");
        assert_eq!(after.store.files, client.store.files, "root {version}");
    }
    // Without a store what was accepted before the gap is kept (T-17).
    let mut fresh = Client::of(&new);
    let mut server = new.publish();
    server.lose("3.root.json");
    assert_eq!(code(&fresh.refresh(&mut server)), Some(Code::MissingRoot));
    assert_eq!(fresh.store.record()["root"], json!(2));
}

/// T-9: as many roots are read in search of one that meets the pin as a run may read.
#[test]
fn roots_are_read_up_to_the_limit_in_search_of_the_pinned_one() {
    let repo = rotated(4);
    for (version, refused) in [(1, None), (2, None), (3, Some(Code::LimitRotations))] {
        let mut client = Client::of(&repo).pin(pin_of(&repo, version));
        client.settings.limits.rotations = if version == 1 { 3 } else { 2 };
        assert_eq!(code(&client.refresh(&mut repo.publish())), refused, "root {version}");
    }
}

/// T-13: of an equal timestamp version the kept one stays, and it is told if its content differs.
#[test]
fn an_equal_timestamp_with_other_content_is_dropped_and_told() {
    let mut repo = Repo::tuf();
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    let kept = client.store.files.clone();
    for (other, told) in [(false, false), (true, true)] {
        if other {
            repo.signed(role::TIMESTAMP)["x-other"] = json!(true);
        }
        let outcome = client.run(&mut repo.publish(), Vec::new());
        assert_eq!(outcome.refreshed, Ok(()));
        assert_eq!(warned(&outcome).contains(&Code::MismatchContent), told);
        assert_eq!(client.store.files, kept);
    }
}

/// T-12: a timestamp names no snapshot version below the accepted one.
#[test]
fn the_snapshot_version_of_a_timestamp_does_not_go_down() {
    let mut repo = Repo::tuf();
    repo.signed(role::SNAPSHOT)["version"] = json!(5);
    let mut client = Client::of(&repo);
    assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
    repo.bump(&[role::TIMESTAMP]);
    for (version, refused) in [(4, Some(role::TIMESTAMP)), (5, None), (6, None)] {
        repo.signed(role::SNAPSHOT)["version"] = json!(version);
        let refreshed = client.clone().refresh(&mut repo.publish());
        assert_eq!(code(&refreshed), refused.map(|_| Code::RollbackSnapshot), "{version}");
        assert_eq!(refreshed.err().and_then(|e| e.role().map(str::to_owned)).as_deref(), refused);
    }
}

/// T-15: how long a file is that is not as long as listed, as far as it was read.
#[test]
fn another_length_is_told() {
    let repo = Repo::tuf();
    let length = repo.publish().get("1.targets.json").len();
    for (listed, told) in [
        (length - 1, Some(format!("more than {}", length - 1))),
        (length, None),
        (length + 1, Some(length.to_string())),
    ] {
        let mut repo = repo.clone();
        repo.file(role::TARGETS).listed = Some(Rc::new(move |entry| entry["length"] = json!(listed)));
        let refreshed = Client::of(&repo).refresh(&mut repo.publish());
        assert_eq!(code(&refreshed), told.as_ref().map(|_| Code::MismatchLength), "{listed}");
        assert_eq!(refreshed.err().and_then(|e| e.found().map(str::to_owned)), told);
    }
}

/// N-8: that a delegation's certificate has run out is told, and no more.
#[test]
fn a_certificate_of_a_delegation_that_ran_out_is_told() {
    for (until, told) in [("2029-12-31T00:00:00Z", true), ("2030-01-02T00:00:00Z", false)] {
        let mut repo = releases::repo(false);
        let key = Cert::new("releases").until(until).self_signed();
        repo.delegate_to("targets", RELEASES, &[""], &[key], 1);
        let query = (Query::Name("1.0".to_owned()), TagRule::ReleasesFirst);
        let outcome = Client::of(&repo).run(&mut repo.publish(), vec![query]);
        assert_eq!(found(&outcome.answers[0]), of("one", RELEASES));
        assert_eq!(!warned(&outcome).is_empty(), told, "until {until}: {:?}", warned(&outcome));
    }
}

/// T-28: running out of work is told as such, wherever it happens, and not as a stale store.
#[test]
fn running_out_of_work_is_told_as_such() {
    // From enough for the stored roots on.
    for (tuf, least) in [(true, 45_000), (false, 25_000)] {
        let repo = releases::repo(tuf);
        let mut client = Client::of(&repo);
        assert_eq!(client.refresh(&mut repo.publish()), Ok(()));
        client.settings.offline = true;
        let mut seen = Vec::new();
        for work in (least..400_000).step_by(5_000) {
            client.settings.limits.work = work;
            let ended = code(&client.clone().refresh(&mut repo.publish()));
            if seen.last() != Some(&ended) {
                seen.push(ended);
            }
        }
        assert_eq!(seen, [Some(Code::LimitWork), None], "tuf {tuf}");
    }
}

/// T-45: two runs that meet in the store under chains of roots that differ where the one ends and the
/// other begins are not merged, and neither begins anew under the other's; under one chain both end well.
#[test]
fn chains_that_meet_in_two_roots_are_not_mixed() {
    let chain = |key| {
        let mut repo = Repo::tuf();
        repo.keys.get_mut(role::ROOT).expect("root").0 = vec![Key::named(key)];
        repo.roots.clear();
        repo.add_root(|_| {});
        repo.add_root(|_| {});
        repo
    };
    for (other, begins, refused) in
        [("root", [0, 1], None), ("other", [0, 1], Some(Code::StoreLocked)), ("other", [1, 0], Some(Code::StoreLocked))]
    {
        let keeper = Keeper::of(&chain("root"));
        let hand = |key, begins: usize| {
            let (repo, mut settings) = (chain(key), keeper.settings.clone());
            settings.pin = Pin::Root(repo.roots[begins].clone());
            ByHand::new(&keeper.folder(), settings, Vec::new(), &repo.publish())
        };
        let (mut first, mut second) = (hand("root", begins[0]), hand(other, begins[1]));
        let commit = second.until(|step| matches!(step, Step::Commit(_)));
        assert_eq!(first.end().refreshed, Ok(()));
        second.take(commit);
        assert_eq!(code(&second.end().refreshed), refused, "{other} {begins:?}");
    }
}
