//! Certificates of root keys (N-8), pins (N-9, N-10) and anchors (N-11).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::json;
use support::{Cert, Client, GUN, Key, NOW, Repo, at, code, found, of, root_key_ids, warned};
use tuf_core::certificate::Authority;
use tuf_core::metadata::{Format, Metadata, role};
use tuf_core::trust::{FileName, Pin, Query, Settings, TagRule};
use tuf_core::{Code, Result};

const RULE: TagRule = TagRule::TargetsFirst;

/// A collection whose root has these keys, all of which sign.
fn repo(roots: Vec<Key>, threshold: u64) -> Repo {
    let mut repo = Repo::with_root_key(roots[0].clone());
    repo.keys.insert(role::ROOT, (roots, threshold));
    repo.roots.clear();
    repo.add_root(|_| {});
    repo.target("targets", "1.0", "one");
    repo
}

/// The code with which a client refuses it; none if the tag is found.
fn refused(repo: &Repo, client: &mut Client) -> Option<Code> {
    let answer = client.look(&mut repo.publish(), "1.0", RULE);
    assert_eq!(found(&answer).is_empty(), answer.is_err());
    code(&answer)
}

fn cert() -> Cert {
    Cert::new(GUN)
}

fn rotate(repo: &mut Repo, to: Key) {
    repo.rotate(|keys| keys.get_mut(role::ROOT).unwrap().0 = vec![to]);
}

/// N-11.11: the root of a collection that was set up anew is pinned, and no steps lead to it: what is
/// remembered of the one before is dropped, with a warning.
#[test]
fn a_pinned_root_of_another_chain_drops_what_is_remembered() {
    let mut old = repo(vec![cert().self_signed()], 1);
    for _ in 0..4 {
        old.bump(&[role::TIMESTAMP]);
    }
    let mut client = Client::of(&old).pin(Pin::Root(old.roots[0].clone()));
    assert_eq!(refused(&old, &mut client), None);
    let mut new = repo(vec![cert().self_signed()], 1);
    rotate(&mut new, cert().self_signed());
    client = client.pin(Pin::Root(new.roots[1].clone()));
    let outcome = client.run(&mut new.publish(), vec![(Query::Name("1.0".to_owned()), RULE)]);
    assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "{:?}", outcome.answers);
    assert!(warned(&outcome).contains(&Code::StoreMemoryDropped), "{:?}", warned(&outcome));
}

/// N-8.11 N-8.12: a day of leeway before NotBefore, to the second.
#[test]
fn a_certificate_counts_from_a_day_before_it_begins() {
    for (after, outcome) in [
        (-1, None),
        (12 * 3_600, None),
        (86_400, None),
        (86_401, Some(Code::PinCertificateNotYetValid)),
        (300_000, Some(Code::PinCertificateNotYetValid)),
    ] {
        let repo = repo(vec![cert().from(at(NOW).plus_seconds(after)).self_signed()], 1);
        assert_eq!(refused(&repo, &mut Client::of(&repo)), outcome, "{after} seconds");
    }
}

/// N-8.15 N-8.16: a certificate that fails does not count; what is left decides. None left: its own
/// code.
#[test]
fn certificates_that_fail_do_not_count() {
    let fine = cert().self_signed();
    let bad = [
        ("expired", cert().until("2029-01-01T00:00:00Z").self_signed(), Code::PinCertificateExpired),
        ("not yet valid", cert().from(at("2031-01-01T00:00:00Z")).self_signed(), Code::PinCertificateNotYetValid),
        ("other name", Cert::new("registry.test/team/other").self_signed(), Code::PinCertificateName),
        ("authority", cert().authority().self_signed(), Code::PinCertificateUsage),
        ("SHA-1", cert().sha1().self_signed(), Code::PinCertificateWeak),
        ("bare", Key::named("bare"), Code::PinCertificateMissing),
    ];
    for (what, bad, own) in bad {
        for (keys, threshold, outcome) in [
            (vec![bad.clone(), fine.clone()], 1, None),
            (vec![fine.clone(), bad.clone()], 1, None),
            (vec![bad.clone(), fine.clone()], 2, Some(Code::SignatureThreshold)),
            (vec![fine.clone(), bad.clone()], 2, Some(Code::SignatureThreshold)),
            (vec![bad.clone()], 1, Some(own)),
        ] {
            let repo = repo(keys, threshold);
            assert_eq!(refused(&repo, &mut Client::of(&repo)), outcome, "{what}, threshold {threshold}");
        }
    }
}

/// N-8.17 N-8.18 N-8.20: of a warm client too, root expiry and certificate validity are judged at
/// every run, to the second, and whether the server answers anew or not.
#[test]
fn root_expiry_and_certificate_validity_are_judged_on_every_run() {
    let day = "2030-06-01T00:00:00Z";
    let mut by_root = repo(vec![cert().self_signed()], 1);
    by_root.roots.clear();
    by_root.add_root(|signed| signed["expires"] = json!(day));
    let by_certificate = repo(vec![cert().until(day).self_signed()], 1);
    for (repo, before, then) in [
        (by_root, "2030-05-31T23:59:59Z", Code::ExpiredRoot),
        (by_certificate, "2030-06-01T00:00:00Z", Code::PinCertificateExpired),
    ] {
        let mut client = Client::of(&repo);
        assert_eq!(refused(&repo, &mut client), None);
        let mut again = client.clone().at(before);
        assert_eq!(refused(&repo, &mut again), None, "{then}: a warm run before");
        assert_eq!(refused(&repo, &mut client.clone().at("2030-06-01T00:00:01Z")), Some(then));
        let mut offline = client.at("2030-06-01T00:00:01Z");
        offline.settings.offline = true;
        offline.settings.ages.offline = None;
        assert_eq!(refused(&repo, &mut offline), Some(then), "offline");
    }
}

/// N-8.19 N-8.21: roots on the way, the anchor among them, may have run out; they are judged by
/// name, kind and strength.
#[test]
fn roots_on_the_way_are_judged_by_name_kind_and_strength() {
    let mut cases = vec![
        ("fine", cert().self_signed(), None),
        ("expired", cert().until("2021-01-01T00:00:00Z").self_signed(), None),
        ("not yet valid", cert().from(at("2045-01-01T00:00:00Z")).self_signed(), None),
    ];
    for (what, key, code) in [
        ("other name", Cert::new("registry.test/team/other").self_signed(), Code::PinCertificateName),
        ("authority", cert().authority().self_signed(), Code::PinCertificateUsage),
        ("SHA-1", cert().sha1().self_signed(), Code::PinCertificateWeak),
        ("bare", Key::named("bare"), Code::PinCertificateMissing),
    ] {
        cases.push((what, key, Some(code)));
    }
    for (what, key, code) in cases {
        // Between: the anchor is fine, the middle one is the case.
        let mut between = repo(vec![cert().self_signed()], 1);
        rotate(&mut between, key.clone());
        rotate(&mut between, cert().self_signed());
        assert_eq!(refused(&between, &mut Client::of(&between)), code, "{what} between");
        // The anchor itself: one that cannot count meets no pin.
        let mut anchor = repo(vec![key], 1);
        rotate(&mut anchor, cert().self_signed());
        let none = code.map(|_| Code::PinMismatch);
        assert_eq!(refused(&anchor, &mut Client::of(&anchor)), none, "{what} as the anchor");
    }
}

/// N-9.5 N-9.7 N-9.12: what can be a pin, of a name with capitals too; and the same pins where they
/// are not met.
#[test]
fn a_certificate_an_authority_a_root_and_the_first_use_are_pins() {
    for gun in [GUN, "registry.test/Team/API"] {
        let ca = Cert::new("authority").ca(None);
        let repo = repo(vec![Cert::new(gun).signed_by(&ca, &[])], 1);
        let other = self::repo(vec![Cert::new(gun).signed_by(&Cert::new("another").ca(None), &[])], 1);
        for (pin, elsewhere) in [
            (repo.pin(), Some(Code::PinMismatch)),
            (Pin::Authority(Authority::from_pem(ca.pem.as_bytes()).unwrap()), Some(Code::PinMismatch)),
            (Pin::Root(repo.roots[0].clone()), Some(Code::MismatchHash)),
            (Pin::FirstUse, None),
        ] {
            let mut settings = Settings::new(gun, Format::Notary1, pin.clone(), at(NOW));
            settings.injected = true;
            let client = Client { settings, ..Client::of(&repo) };
            assert_eq!(refused(&repo, &mut client.clone()), None, "{gun} by {pin:?}");
            assert_eq!(refused(&other, &mut client.clone()), elsewhere, "{gun} by {pin:?}");
            // What was trusted once is gone on from, and nothing else.
            let mut warm = client;
            assert_eq!(refused(&repo, &mut warm), None);
            assert_eq!(refused(&repo, &mut warm), None, "again");
            assert!(refused(&other, &mut warm).is_some(), "{gun} by {pin:?}: another collection afterwards");
        }
    }
}

/// N-10.1 N-10.7: a bundle made to have as many paths as can be ends by the budget, not by trying
/// them all (fifteen intermediates that all bear the same name, any of which may have signed any).
#[test]
fn building_paths_is_bounded() {
    let ca = Cert::new("x").ca(None);
    let pin = Pin::Authority(Authority::from_pem(ca.pem.as_bytes()).unwrap());
    let stranger = Cert::new("x").ca(None);
    let many: Vec<_> = (0..15).map(|_| Cert::new("x").ca(Some(&stranger))).collect();
    let rest: Vec<_> = many.iter().collect();
    let hostile = repo(vec![cert().signed_by(&stranger, &rest)], 1);
    let answer = Client::of(&hostile).pin(pin.clone()).look(&mut hostile.publish(), "1.0", RULE);
    let e = answer.unwrap_err();
    assert_eq!(e.code(), Code::PinCertificateChain, "{e}");
    assert!(e.message().to_lowercase().contains("maximum"), "{e}");
    let (one, two) = (Cert::new("one").ca(Some(&ca)), Cert::new("two").ca(None));
    let honest = repo(vec![cert().signed_by(&one, &[&two, &one])], 1);
    assert_eq!(refused(&honest, &mut Client::of(&honest).pin(pin)), None);
}

/// N-11.6: every root that was walked lies in the store, and the record names the anchor, wherever
/// the pin meets the chain.
#[test]
fn every_root_walked_is_kept_and_the_anchor_recorded() {
    let mut repo = repo(vec![cert().self_signed()], 1);
    rotate(&mut repo, cert().self_signed());
    rotate(&mut repo, cert().self_signed());
    for anchor in 1..=3 {
        let pin = Pin::CertificateIds(root_key_ids(&repo.roots[anchor - 1])[..1].to_vec());
        let mut client = Client::of(&repo).pin(pin);
        assert_eq!(refused(&repo, &mut client), None);
        for (at, root) in repo.roots.iter().enumerate() {
            let held = client.store.files.get(&FileName::Root(at as u64 + 1));
            assert_eq!(held, Some(root).filter(|_| at + 1 >= anchor), "root {} from {anchor}", at + 1);
        }
        let record = client.store.record();
        assert_eq!((&record["anchor"], &record["root"]), (&json!(anchor), &json!(3)));
        // Later roots are added, and the anchor stays.
        let mut more = repo.clone();
        rotate(&mut more, cert().self_signed());
        more.bump(&["timestamp", "snapshot"]);
        assert_eq!(refused(&more, &mut client), None);
        assert_eq!(client.store.files[&FileName::Root(4)], more.roots[3]);
        let record = client.store.record();
        assert_eq!((&record["anchor"], &record["root"]), (&json!(anchor), &json!(4)));
    }
}

/// A chain of three roots; a client whose pin meets the second, which has seen timestamp 5; and
/// what the server had before.
fn moved(pinned: usize) -> (Repo, Repo, Client) {
    let mut repo = repo(vec![cert().self_signed()], 1);
    rotate(&mut repo, cert().self_signed());
    let old = repo.clone();
    repo.signed(role::TIMESTAMP)["version"] = json!(5);
    let mut client = Client::of(&repo).pin(Pin::CertificateIds(root_key_ids(&repo.roots[pinned])));
    assert_eq!(refused(&repo, &mut client), None);
    (repo, old, client)
}

/// N-11.10: the pin moves along the chain, up or down: what was remembered refuses a rollback, as
/// the new chain holds the newest stored root; without a rollback all is well, and nothing is said
/// to be dropped.
#[test]
fn remembered_versions_survive_a_pin_that_moves_along_the_chain() {
    for (from, to) in [(1, 0), (0, 1), (1, 2), (0, 2)] {
        let (mut repo, mut old, mut client) = moved(from);
        let newer = cert().self_signed();
        if to == 2 {
            rotate(&mut repo, newer);
            old.roots.clone_from(&repo.roots);
            old.keys.clone_from(&repo.keys);
            repo.bump(&["timestamp", "snapshot"]);
        }
        client = client.pin(Pin::CertificateIds(root_key_ids(&repo.roots[to])));
        let mut tricked = client.clone();
        assert_eq!(refused(&old, &mut tricked), Some(Code::RollbackTimestamp), "from root {from} to {to}");
        let outcome = client.run(&mut repo.publish(), vec![(Query::Name("1.0".to_owned()), RULE)]);
        assert_eq!(found(&outcome.answers[0]), of("one", "targets"), "from root {from} to {to}");
        assert!(!warned(&outcome).contains(&Code::StoreMemoryDropped), "from root {from} to {to}");
    }
}

/// N-11.11: to another chain: dropped, and told.
#[test]
fn remembered_versions_are_dropped_with_the_chain() {
    let (_, _, client) = moved(0);
    let mut other = repo(vec![cert().self_signed()], 1);
    other.target("targets", "1.0", "other");
    let mut client = client.pin(other.pin());
    let outcome = client.run(&mut other.publish(), vec![(Query::Name("1.0".to_owned()), RULE)]);
    assert_eq!(found(&outcome.answers[0]), of("other", "targets"));
    assert!(warned(&outcome).contains(&Code::StoreMemoryDropped));
    let set = outcome.set.unwrap();
    assert_eq!(set.timestamp().map(|t| t.content().version()), Some(1));
    let again = client.run(&mut other.publish(), Vec::new());
    assert_eq!((again.refreshed.clone(), warned(&again).len()), (Ok::<(), _>(()) as Result<()>, 0), "told once");
}
