//! Repositories by publishers that nobody here wrote (python-tuf, go-tuf, Sigstore), judged by our
//! client and by theirs. What is needed, and how cases are added: `test-vectors/interop/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "interop/cases.rs"]
mod cases;
#[path = "interop/page.rs"]
mod page;
#[path = "interop/setup.rs"]
mod setup;
#[path = "../../test-vectors/tests/source/mod.rs"]
mod source;

use cases::{Case, OURS, Runs, ours};
use setup::packages;
use source::named::{fail_with, is_current};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tuf_core::Code;
use tuf_core::client::drive;
use tuf_core::metadata::{Format, Metadata};
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::{MemoryTransport, Transport};
use tuf_core::trust::{Fetched, Outcome, Pin, Request, Settings, start};
use tuf_core::wire::KeyIds;

/// Every case, by whoever wrote it, ends as its publisher says.
#[test]
fn every_case_ends_as_it_should() {
    Runs::get().hold(&["*"]);
}

/// An answer of another client that is not ours is a decision of ours or a defect of theirs that
/// `differences.toml` names; what is named there is still so.
#[test]
fn the_others_agree_or_differ_for_a_known_reason() {
    fail_with("differences", &page::surprises(Runs::get(), &page::differences()));
}

/// The page shows what the runs said.
#[test]
fn the_page_is_current() {
    is_current("interop.md", &page::page(Runs::get(), &page::differences()));
}

/// T-29.1 T-29.2 T-29.3 T-29.4 T-29.7 T-33.3: every kind of key that other projects' publishers make.
#[test]
fn keys_of_every_kind() {
    Runs::get().hold(&["keys-ed25519", "keys-ecdsa-*", "keys-rsa-*", "go-ed25519", "go-ecdsa"]);
}

/// T-29.11: go-tuf signs with the longest salt (its writer checks that), python-tuf with one of 32 bytes.
#[test]
fn salts_of_any_length() {
    Runs::get().hold(&["go-rsa-2048", "go-rsa-3072", "go-mixed", "keys-rsa-2048"]);
}

/// T-30.1 T-30.2 T-30.7: keys of types and schemes that we do not know sign nothing, and do no harm
/// beside others.
#[test]
fn keys_that_are_not_known() {
    let names = ["keys-post-quantum-beside", "keys-post-quantum-alone", "keys-p521-alone", "keys-rsa-sha512-alone"];
    Runs::get().hold(&names);
}

/// T-31.1 T-31.3 T-31.5 T-31.8 T-31.10 T-31.13 T-34.9 T-34.10 T-12.3 T-14.7 T-15.7 T-15.8: two of three keys;
/// one signature short, one key under two ids, one signature twice; more than is needed.
#[test]
fn thresholds() {
    Runs::get().hold(&["threshold-*", "keys-one-under-two-ids", "go-mixed", "go-mixed-short"]);
}

/// T-7.2 T-7.3 T-7.4 T-7.5 T-7.7 T-7.8 T-10.7 T-11.3 T-11.6: rotations with changed keys, sound and not; what
/// a root may leave out or name beside.
#[test]
fn roots() {
    Runs::get().hold(&["root-*"]);
}

/// T-12.1 T-12.2 T-14.1 T-14.8 T-15.1 T-15.9 T-15.10: each role in force, and expired.
#[test]
fn expiry() {
    Runs::get().hold(&["expired-*", "updates", "go-expired"]);
}

/// T-12.6 T-12.7 T-13.3 T-14.10 T-14.11 T-14.12 T-16.4: a cached state, and one that goes back or
/// changes under the same number; and one that is as it should be.
#[test]
fn updates_and_rollbacks() {
    Runs::get().hold(&["updates*", "rollback-*", "same-version-other-content"]);
}

/// T-14.2 T-14.3 T-14.4 T-14.5 T-14.6 T-15.2 T-15.5 T-15.6: what parents list of metadata.
#[test]
fn lengths_hashes_and_versions_of_metadata() {
    Runs::get().hold(&["meta-*", "missing-*"]);
}

/// T-19.1 T-19.2 T-19.3 T-19.6 T-11.5: names with versions and hashes, and plain ones: no file lies under any
/// other name.
#[test]
fn names_with_and_without_consistent_snapshots() {
    Runs::get().hold(&["plain-names*", "updates", "target-names", "go-ed25519", "go-plain-names"]);
}

/// T-24.1 T-24.2 T-24.3 T-24.5 T-24.6: hash bins both ways, by one to 32 bits; targets in the wrong bin, or in
/// a role behind.
#[test]
fn hash_bins() {
    Runs::get().hold(&["bins-*", "go-succinct"]);
}

/// T-21.1 T-21.2 T-21.3 T-21.4 T-21.6 T-22.1 T-23.1 T-23.2 T-23.4 T-25.1 T-26.3 T-26.4: delegations by paths,
/// nested, terminating, in a circle, to roles that are missing or ill signed.
#[test]
fn delegations() {
    Runs::get().hold(&["delegations-*"]);
}

/// T-26.2: the role that the snapshot does not list is named.
#[test]
fn a_role_that_the_snapshot_does_not_list_is_named() {
    let runs = Runs::get();
    runs.hold(&["delegations-not-in-snapshot"]);
    let said = runs.verdict(OURS, runs.case("delegations-not-in-snapshot"));
    assert_eq!(said.role.as_deref(), Some("project"), "{}", said.message);
}

/// T-40.1 T-40.2 T-40.3 T-40.5 T-40.6 T-15.3: hashes of every kind, none in `meta`, and content that is
/// another.
#[test]
fn hashes_and_content() {
    Runs::get().hold(&["meta-sha512", "meta-blake2b", "meta-versions-alone", "target-*", "go-other-target"]);
}

/// T-42.2 T-42.3 T-42.5: paths that lead elsewhere, in files whose other targets are there.
#[test]
fn paths_that_lead_elsewhere() {
    Runs::get().hold(&["target-path-*"]);
}

/// T-38.5 T-38.10: times as these publishers write them; go-tuf those of the clock, with fractions and offsets.
#[test]
fn times() {
    Runs::get().hold(&["keys-ed25519", "go-ed25519", "go-fractions", "go-offset", "go-expired"]);
}

/// T-32.1 T-32.3 T-32.4 T-32.5: the ids that these libraries make are hashes of the keys, and hold under both
/// policies; an id that is none holds under the default alone.
#[test]
fn key_ids() {
    let runs = Runs::get();
    runs.hold(&["keys-opaque-*"]);
    let computed = |case: &&Case| case.refused.is_none() && !case.name.starts_with("keys-opaque-");
    for case in runs.cases.iter().filter(computed) {
        let said = ours(case, KeyIds::Computed);
        assert!(said.iter().all(|v| v.refused.is_none()), "{}: {said:?}", case.name);
    }
    for (name, code) in [("keys-opaque-ids", "config.root"), ("keys-opaque-id-of-delegation", "signature.key-id")] {
        let said = ours(runs.case(name), KeyIds::Computed);
        assert_eq!(said[0].refused.as_deref(), Some(code), "{name}: {}", said[0].message);
    }
}

/// A server that has some roots and nothing else, and what it was asked for.
struct Roots(MemoryTransport, usize);

impl Transport for Roots {
    fn fetch(&mut self, request: &Request) -> Fetched {
        self.1 += 1;
        self.0.fetch(request)
    }
}

/// A run from a pinned root against a server that has these roots and nothing else, and its requests.
fn walk(pin: &[u8], roots: &[(u64, &[u8])], at: &str, key_ids: KeyIds) -> (Outcome, usize) {
    let mut settings = Settings::new("sigstore", Format::Tuf1, Pin::Root(pin.to_vec()), Time::parse(at).unwrap());
    settings.injected = true;
    settings.wire.key_ids = key_ids;
    let files = roots.iter().map(|(version, bytes)| (format!("{version}.root.json"), bytes.to_vec()));
    let files: BTreeMap<String, Vec<u8>> = files.collect();
    let mut server = Roots(MemoryTransport::new(Arc::new(files)), 0);
    let outcome = drive(start(settings, Vec::new()), &mut MemoryStore::default(), &mut server);
    (outcome, server.1)
}

/// The code that a run ended with.
fn code(outcome: &Outcome) -> Option<Code> {
    outcome.refreshed.as_ref().err().map(tuf_core::Error::code)
}

/// T-6.3 T-29.2 T-29.4 T-31.11 T-32.3: the roots in packages of four years meet their own threshold in all
/// spellings of their keys, beside empty signatures too; with another byte signed they are refused before
/// any request.
#[test]
fn trust_roots_of_sigstore_are_pins() {
    let runs = Runs::get();
    runs.hold(&["trust-*"]);
    for package in packages() {
        for root in &package.roots {
            let about = format!("{} {} {}", package.name, package.version, root.file);
            let bytes = runs.tools.root(&package, root);
            let (outcome, _) = walk(&bytes, &[], &root.at, KeyIds::Computed);
            assert_eq!(code(&outcome), Some(Code::MissingTimestamp), "{about}");
            let set = outcome.set.unwrap();
            let held = set.root();
            assert_eq!((held.content().version(), held.threshold()), (root.version, root.threshold), "{about}");
            assert!(held.signed_by().len() as u64 >= root.threshold, "{about}");
            for id in held.content().role("root").unwrap().key_ids() {
                let key = held.content().keys().get(id).unwrap();
                assert_eq!(key.keytype(), root.keytype, "{about}");
                assert!(key.public().is_ok(), "{about}: {id}");
            }
            let (expired, _) = walk(&bytes, &[], "2040-01-01T00:00:00Z", KeyIds::Opaque);
            assert_eq!(code(&expired), Some(Code::ExpiredRoot), "{about}");

            let mut file: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let (outcome, _) = walk(file.to_string().as_bytes(), &[], &root.at, KeyIds::Opaque);
            assert_eq!(code(&outcome), Some(Code::MissingTimestamp), "{about}: with other white space");
            file["signed"]["version"] = (root.version + 1).into();
            let (outcome, requests) = walk(file.to_string().as_bytes(), &[], &root.at, KeyIds::Opaque);
            assert_eq!((code(&outcome), requests), (Some(Code::ConfigRoot), 0), "{about}: with another version");
        }
    }
}

/// T-6.1 T-7.2 T-7.5: from the root of one package, which has expired, to the next root, which another holds: a
/// step that Sigstore took.
#[test]
fn a_root_of_one_package_leads_to_that_of_another() {
    let runs = Runs::get();
    let packages = packages();
    let of = |registry: &str, version: u64| {
        let of_registry = packages.iter().filter(|package| package.registry == registry);
        let mut all = of_registry.flat_map(|package| package.roots.iter().map(move |root| (package, root)));
        let (package, root) = all.find(|(_, root)| root.version == version).unwrap();
        (runs.tools.root(package, root), root.at.clone())
    };
    let ((old, _), (new, at)) = (of("npm", 14), of("pypi", 15));
    let (alone, _) = walk(&old, &[], &at, KeyIds::Opaque);
    assert_eq!(code(&alone), Some(Code::ExpiredRoot));
    let (outcome, _) = walk(&old, &[(15, &new)], &at, KeyIds::Opaque);
    assert_eq!(code(&outcome), Some(Code::MissingTimestamp));
    assert_eq!(outcome.set.unwrap().root().content().version(), 15);
    let (wrong, _) = walk(&old, &[(15, &old)], &at, KeyIds::Opaque);
    assert_eq!(code(&wrong), Some(Code::RotationVersion));
}

/// Verdicts are held by the names of cases: no two share one.
#[test]
fn no_two_cases_share_a_name() {
    let runs = Runs::get();
    let names: BTreeSet<&str> = runs.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), runs.cases.len());
}
