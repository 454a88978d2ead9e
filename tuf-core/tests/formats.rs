//! The two wire formats: rules T-27, T-28, T-38 to T-40, N-0, N-2 and N-3. Members are bent in
//! the files of a whole repository, or the repository is bent and looked up in.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common_files;

use common_files::*;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tuf_core::crypto::{hex, sha256};
use tuf_core::error::Code;
use tuf_core::metadata::Format::{Notary1, Tuf1};
use tuf_core::metadata::{Format, Hashes, Metadata, Paths};
use tuf_core::trust::{Mode, Pin, Settings};
use tuf_core::wire::Wire;

/// A role's file with one member of `signed` replaced, or without it; and what reading it says.
fn with_member(format: Format, role: &str, member: &str, value: Option<Value>) -> Result<(), Code> {
    let mut repo = if format == Tuf1 { tuf_repo() } else { notary_repo() };
    repo.served();
    let signed = repo.signed.get_mut(role).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => signed.insert(member.to_owned(), value),
        None => signed.remove(member),
    };
    read(Wire::strict(format), role, repo.file(role)).map_err(|e| e.code())
}

const TUF_ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "project"];
const NOTARY_ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

/// T-38.1, T-38.2, T-38.3, T-38.4: in every file of TUF 1.0; N-0.3: Notary's have none.
#[test]
fn t_38_spec_version() {
    for role in TUF_ROLES {
        let read = |text: Option<Value>| with_member(Tuf1, role, "spec_version", text);
        for good in ["1", "1.0", "1.0.31", "1.99.0.4"] {
            assert_eq!(read(Some(good.into())), Ok(()), "{role} {good}");
        }
        for bad in [
            "1.", "", ".1", "1..0", "2", "0.9", "10.0", "2.1.0", "1.x", "1.0-beta", " 1.0", "1.0 ", "v1", "1,0", "+1",
            "١",
        ] {
            assert_eq!(read(Some(bad.into())), Err(Code::ParseSpecVersion), "{role} {bad}");
        }
        assert_eq!(read(None), Err(Code::ParseSchema), "{role}");
        assert_eq!(read(Some(json!(1))), Err(Code::ParseType), "{role}");
    }
    for role in NOTARY_ROLES {
        assert_eq!(with_member(Notary1, role, "spec_version", None), Ok(()), "{role}");
        assert_eq!(with_member(Notary1, role, "spec_version", Some(json!("7"))), Ok(()), "an unknown member");
    }
}

/// T-38.5, T-38.6, N-0.1, N-0.2: the role that was asked for, in the format's own spelling.
#[test]
fn t_38_type_is_the_role_asked_for() {
    let kinds = ["root", "timestamp", "snapshot", "targets", "Root", "Timestamp", "Snapshot", "Targets", "", "mirrors"];
    for (format, roles) in [(Tuf1, TUF_ROLES), (Notary1, NOTARY_ROLES)] {
        for role in roles {
            let top = if role == "project" { "targets" } else { role.split('/').next().unwrap() };
            let capital = format!("{}{}", top[..1].to_uppercase(), &top[1..]);
            let fits = if format == Tuf1 { top } else { &capital };
            for kind in kinds.into_iter().chain([role, "targets/releases", "project", "TARGETS"]) {
                let want = if kind == fits { Ok(()) } else { Err(Code::ParseSchema) };
                assert_eq!(with_member(format, role, "_type", Some(kind.into())), want, "{format:?} {role} as {kind}");
            }
            assert_eq!(with_member(format, role, "_type", None), Err(Code::ParseSchema), "{format:?} {role}");
        }
    }
}

/// T-38.7, T-38.8, T-38.9, N-0.4: RFC 3339 of at most 64 bytes, in every file of both formats.
#[test]
fn t_38_expires() {
    let fraction = |digits: usize| format!("2040-01-01T00:00:00.{}Z", "1".repeat(digits));
    for (format, roles) in [(Tuf1, TUF_ROLES), (Notary1, NOTARY_ROLES)] {
        for role in roles {
            let read = |text: &str| with_member(format, role, "expires", Some(text.into()));
            for good in [
                "2040-01-01T00:00:00Z",
                "2040-01-01t00:00:00z",
                "2040-01-01T02:00:00+02:00",
                "2039-12-31T18:30:00.5-05:30",
                "2036-11-20T08:12:46.518860951Z",
                "2036-11-20T08:12:46.518860951+01:00",
                "2040-02-29T23:59:59Z",
                &fraction(64 - 21),
            ] {
                assert_eq!(read(good), Ok(()), "{format:?} {role} {good}");
            }
            for bad in [
                &fraction(64 - 20),
                "",
                "2040-01-01",
                "2040-01-01T00:00:00",
                "2040-01-01 00:00:00Z",
                "2040-13-01T00:00:00Z",
                "2041-02-29T00:00:00Z",
                "2040-01-01T24:00:00Z",
                "2040-01-01T00:60:00Z",
                "2040-01-01T00:00:00.Z",
                "2040-01-01T00:00:00+0200",
                "2040-1-1T00:00:00Z",
                "20400101T000000Z",
                " 2040-01-01T00:00:00Z",
                "2040-01-01T00:00:00Z ",
                "Sun, 01 Jan 2040 00:00:00 GMT",
                "2208988800",
            ] {
                assert_eq!(read(bad), Err(Code::ParseSchema), "{format:?} {role} {bad}");
            }
            assert_eq!(with_member(format, role, "expires", None), Err(Code::ParseSchema), "{format:?} {role}");
            let number = with_member(format, role, "expires", Some(json!(2_208_988_800u64)));
            assert_eq!(number, Err(Code::ParseType), "{format:?} {role}");
        }
    }
    // What is read is that very time.
    let mut repo = notary_repo();
    repo.signed.get_mut("timestamp").unwrap()["expires"] = json!("2036-11-20T08:12:46.518860951+01:30");
    repo.served();
    let timestamp = Wire::strict(Notary1).timestamp(repo.file("timestamp")).unwrap();
    assert_eq!(timestamp.claims().expires().to_string(), "2036-11-20T06:42:46.518860951Z");
}

/// T-38.10: the same time, written otherwise, is not what was signed.
#[test]
fn t_38_the_original_bytes_of_expires_are_verified() {
    let original = outside().message("tuf").replace("2049-06-01T00:00:00Z", "2049-06-01t02:00:00.50+02:00");
    let sig = hex(&ed_sig(1, original.as_bytes()));
    let judge = Judge::new(Tuf1, &[("k", tuf_ed(1))], 1);
    assert_eq!(judge.judge(&tuf_file(&original, &[("k", sig.clone())])), Ok(vec!["k".to_owned()]));
    for same in ["2049-06-01T00:00:00.5Z", "2049-06-01T02:00:00.50+02:00", "2049-06-01t02:00:00.500+02:00"] {
        let other = original.replace("2049-06-01t02:00:00.50+02:00", same);
        assert_ne!(other, original);
        assert_eq!(judge.judge(&tuf_file(&other, &[("k", sig.clone())])), Err(Code::SignatureThreshold), "{same}");
    }
}

/// T-39.3, T-39.4, T-39.5: `custom` is kept to the byte; in TUF 1.0 it is an object.
#[test]
fn t_39_custom_is_kept_as_received() {
    let read = |format: Format, custom: &str| {
        let mut repo = if format == Tuf1 { tuf_repo() } else { notary_repo() };
        let name = if format == Tuf1 { "a.txt" } else { "1.0" };
        repo.signed.get_mut("targets").unwrap()["targets"][name]["custom"] = json!("@@");
        let file = String::from_utf8(repo.file("targets")).unwrap().replace("\"@@\"", custom);
        let targets = Wire::strict(format).targets("targets", file).map_err(|e| e.code())?;
        Ok(targets.claims().target(name).unwrap().unwrap().custom().unwrap().to_owned())
    };
    for object in ["{}", "{ \"b\" : [ 1,\n2 ] , \"a\":\"\\u0041\" , \"A\":12345678901234567890123 }"] {
        for format in [Tuf1, Notary1] {
            assert_eq!(read(format, object), Ok(object.to_owned()), "{format:?}");
        }
    }
    for other in ["null", "true", "1", "\"\\u0041\"", "[ {} ]"] {
        assert_eq!(read(Notary1, other), Ok(other.to_owned()));
        assert_eq!(read(Tuf1, other), Err(Code::ParseType), "{other}");
    }
}

/// T-40.1, T-40.2, T-40.3, T-40.4: against answers of another implementation (Python's hashlib).
#[test]
fn t_40_known_hashes_of_known_bytes() {
    let bytes = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
    let sha256 = bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").try_into().ok();
    let sha512 = bytes(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
    let sha512 = sha512.try_into().ok();
    let blake2b_256 = bytes("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319").try_into().ok();
    let none = Hashes::default();
    for hashes in [
        Hashes { sha256, ..none.clone() },
        Hashes { sha512, ..none.clone() },
        Hashes { blake2b_256, ..none.clone() },
        Hashes { sha256, sha512, blake2b_256 },
    ] {
        assert_eq!(hashes.check(b"abc"), Ok(()));
        assert_eq!(hashes.check(b"abd").map_err(|e| e.code()), Err(Code::MismatchHash));
    }
    // One of several that does not match.
    let wrong = [
        Hashes { sha256: Some([0; 32]), sha512, blake2b_256 },
        Hashes { sha256, sha512: Some([0; 64]), blake2b_256 },
        Hashes { sha256, sha512, blake2b_256: Some([0; 32]) },
    ];
    for hashes in wrong {
        assert_eq!(hashes.check(b"abc").map_err(|e| e.code()), Err(Code::MismatchHash));
    }
}

/// What a look-up says when the timestamp lists these hashes of the snapshot.
fn with_snapshot_hashes(hashes: Option<Value>) -> Result<String, Code> {
    let mut repo = tuf_repo();
    if let Some(hashes) = hashes {
        repo.signed.get_mut("timestamp").unwrap()["meta"]["snapshot.json"]["hashes"] = hashes;
    }
    repo.look_up("a.txt").role()
}

/// T-40.1, T-40.2, T-40.3, T-40.4, T-40.5, T-40.6, T-40.7: hashes in `meta`, in a whole run.
#[test]
fn t_40_hashes_in_meta() {
    use blake2::Digest as _;
    let snapshot = tuf_repo().file("snapshot");
    let good = [
        ("sha256", hex(&sha256(&snapshot))),
        ("sha512", hex(&sha2::Sha512::digest(&snapshot))),
        ("blake2b-256", hex(&blake2::Blake2b::<blake2::digest::consts::U32>::digest(&snapshot))),
    ];
    let top = Ok("targets".to_owned());
    let all: BTreeMap<&str, String> = good.clone().into();
    assert_eq!(with_snapshot_hashes(Some(json!(all))), top);
    for (name, hash) in &good {
        let zeros = "0".repeat(hash.len());
        assert_eq!(with_snapshot_hashes(Some(json!({*name: hash}))), top, "{name}");
        assert_eq!(with_snapshot_hashes(Some(json!({*name: zeros}))), Err(Code::MismatchHash), "{name}");
        let mut mixed = all.clone();
        mixed.insert(name, zeros);
        assert_eq!(with_snapshot_hashes(Some(json!(mixed))), Err(Code::MismatchHash), "{name}");
        assert_eq!(with_snapshot_hashes(Some(json!({*name: hash, "sha3-256": [7], "md5": "x"}))), top, "{name}");
    }
    assert_eq!(with_snapshot_hashes(None), top);
    for none in [json!({}), json!({"md5": "00"}), json!({"SHA256": good[0].1}), json!({"sha-256": good[0].1})] {
        assert_eq!(with_snapshot_hashes(Some(none.clone())), Err(Code::ParseSchema), "{none}");
    }
    for other in [json!(null), json!([]), json!("sha256")] {
        assert_eq!(with_snapshot_hashes(Some(other.clone())), Err(Code::ParseType), "{other}");
    }
}

/// T-40.8, T-40.9, T-40.10, T-40.11: a target of wrong types spoils its file; one without known hash
/// or length spoils itself alone, when it is looked up.
#[test]
fn t_40_targets_without_digest_or_length() {
    let hashes = json!({"sha256": "00".repeat(32)});
    let with = |entry: &Value, name: &str| {
        let mut repo = tuf_repo();
        repo.signed.get_mut("targets").unwrap()["targets"]["x.txt"] = entry.clone();
        repo.look_up(name).role()
    };
    let top = Ok("targets".to_owned());
    for fine in [
        json!({"length": 0, "hashes": hashes}),
        json!({"length": 1, "hashes": {"sha512": "00".repeat(64)}}),
        json!({"length": 1, "hashes": {"blake2b-256": "00".repeat(32), "md5": 1}, "unknown": []}),
    ] {
        assert_eq!(with(&fine, "x.txt"), top, "{fine}");
        assert_eq!(with(&fine, "a.txt"), top, "{fine}");
    }
    for lacking in [
        json!({"length": 1, "hashes": {}}),
        json!({"length": 1, "hashes": {"md5": "00"}}),
        json!({"length": 1}),
        json!({"hashes": hashes}),
        json!({}),
    ] {
        assert_eq!(with(&lacking, "x.txt"), Err(Code::TargetNoDigest), "{lacking}");
        assert_eq!(with(&lacking, "a.txt"), top, "{lacking}");
    }
    for (wrong, code) in [
        (json!([]), Code::ParseType),
        (json!(null), Code::ParseType),
        (json!({"length": "1", "hashes": hashes}), Code::ParseType),
        (json!({"length": true, "hashes": hashes}), Code::ParseType),
        (json!({"length": null, "hashes": hashes}), Code::ParseType),
        (json!({"length": -1, "hashes": hashes}), Code::ParseNumber),
        (json!({"length": 1, "hashes": []}), Code::ParseType),
        (json!({"length": 1, "hashes": null}), Code::ParseType),
        (json!({"length": 1, "hashes": {"sha256": 1}}), Code::ParseType),
        (json!({"length": 1, "hashes": {"sha256": null}}), Code::ParseType),
    ] {
        assert_eq!(with(&wrong, "x.txt"), Err(code), "{wrong}");
        assert_eq!(with(&wrong, "a.txt"), Err(code), "{wrong}");
    }
}

/// T-27.1, T-27.2, T-27.3: names of delegations, in both formats.
#[test]
fn t_27_role_names_are_unique_and_no_top_level_role() {
    let named = |format: Format, names: [&str; 2]| {
        let mut repo = if format == Tuf1 { tuf_repo() } else { notary_repo() };
        let delegations = &mut repo.signed.get_mut("targets").unwrap()["delegations"];
        let one = delegations["roles"][0].clone();
        delegations["roles"] = json!([one, one]);
        for (at, name) in names.into_iter().enumerate() {
            delegations["roles"][at]["name"] = json!(name);
        }
        read(Wire::strict(format), "targets", repo.file("targets")).map_err(|e| e.code())
    };
    for names in [["a", "b"], ["a", "A"], ["é", "e\u{301}"], ["Root", "targets2"], ["../x", ""]] {
        assert_eq!(named(Tuf1, names), Ok(()), "{names:?}");
    }
    for names in [["a", "a"], ["root", "b"], ["a", "timestamp"], ["snapshot", "b"], ["a", "targets"]] {
        assert_eq!(named(Tuf1, names), Err(Code::ParseRoleName), "{names:?}");
    }
    assert_eq!(named(Notary1, ["targets/a", "targets/b"]), Ok(()));
    for names in
        [["targets/a", "targets/a"], ["targets/a", "root"], ["snapshot", "targets/a"], ["targets", "targets/a"]]
    {
        assert_eq!(named(Notary1, names), Err(Code::ParseRoleName), "{names:?}");
    }
}

/// T-27.4, T-27.5 and their twin T-21.1: what nobody delegates to is an error, with no word of a
/// role that stands nearby; and only roles that match are asked for.
#[test]
fn t_27_no_fallback() {
    let mut repo = tuf_repo();
    let run = repo.look_up("p/b.txt");
    assert_eq!(run.role().as_deref(), Ok("project"));
    let names = ["2.root.json", "timestamp.json", "snapshot.json", "targets.json", "project.json"];
    assert_eq!(run.asked, names, "not other.json");
    let set = run.outcome.set.as_ref().unwrap();
    let (root, targets) = (set.root().content(), set.top_level_targets().unwrap().content());
    assert!(root.role("timestamp").is_ok());
    for nobody in ["project", "Timestamp", "", "targets/x", "mirrors"] {
        assert_eq!(root.role(nobody).map_err(|e| e.code()).err(), Some(Code::UsageRole), "{nobody}");
    }
    assert!(targets.delegations().get("project").is_some());
    assert!(set.targets("targets", "project").is_some());
    for (delegator, name) in [("root", "project"), ("targets", "targets"), ("targets", "nobody"), ("project", "other")]
    {
        assert!(set.targets(delegator, name).is_none(), "{delegator} {name}");
    }
    for (name, code) in [
        ("p/nothing", Code::TargetNotSigned),
        ("r/b.txt", Code::TargetNotSigned),
        ("b.txt", Code::TargetNotSigned),
        ("A.txt", Code::TargetNotSigned),
        ("", Code::TargetPath),
        ("a.txt/", Code::TargetPath),
    ] {
        assert_eq!(repo.look_up(name).role(), Err(code), "{name}");
    }
    // Listed by a role whose delegation does not cover it.
    let listed = repo.signed["project"]["targets"]["p/b.txt"].clone();
    repo.signed.get_mut("project").unwrap()["targets"]["z.txt"] = listed;
    assert_eq!(repo.look_up("z.txt").role(), Err(Code::TargetNotSigned));
}

/// T-28.1, T-28.2: exactly the ceiling is read, one byte more is `limit.bytes`; an unsigned length
/// holds for all kinds of files.
#[test]
fn t_28_byte_ceilings_of_tuf() {
    let defaults = tuf_repo().settings().limits;
    for role in ["root", "timestamp", "snapshot", "targets", "project"] {
        for (more, want) in [(0, Ok("project".to_owned())), (1, Err(Code::LimitBytes))] {
            let mut repo = tuf_repo();
            let mut settings = repo.settings();
            // The ceilings of small files as they are, of large ones lowered.
            (settings.limits.snapshot, settings.limits.targets) = (20_000, 30_000);
            let size = match role {
                "root" => defaults.root as usize,
                "timestamp" => defaults.timestamp as usize,
                "snapshot" => 20_000,
                _ => 30_000,
            };
            if role == "root" {
                // The pinned root is not fetched; the next one is.
                repo.signed.get_mut("root").unwrap()["version"] = json!(2);
            }
            repo.size.insert(role.to_owned(), size + more);
            let mut served = repo.served();
            if role == "root" {
                let next = served.files["root.json"].clone();
                served.files.insert("2.root.json".to_owned(), next);
            }
            let run = run(settings, served, "p/b.txt");
            assert_eq!(run.role(), want, "{role} {more}");
            let version = if role == "root" && more == 0 { 2 } else { 1 };
            assert_eq!(run.outcome.set.unwrap().root().content().version(), version, "{role} {more}");
        }
    }
}

/// N-0.22, N-0.23, N-0.24: 1 MiB of timestamp and 8 MiB of root.
#[test]
fn n_0_byte_ceilings_of_notary() {
    for (role, size) in [("timestamp", 1 << 20), ("root", 8 << 20)] {
        for (more, want) in [(0, Ok("targets".to_owned())), (1, Err(Code::LimitBytes))] {
            let mut repo = notary_repo();
            repo.size.insert(role.to_owned(), size + more);
            assert_eq!(repo.look_up("1.0").role(), want, "{role} {more}");
        }
    }
}

/// N-0.25: other files have the length that their parent names, and the ceiling of T-28 above it.
#[test]
fn n_0_other_files_are_as_long_as_their_parent_names() {
    for (role, ceiling, name) in
        [("snapshot", 20_000, "1.0"), ("targets", 30_000, "1.0"), ("targets/releases", 30_000, "2.0")]
    {
        let with = |size: usize| {
            let mut repo = notary_repo();
            let mut settings: Settings = repo.settings();
            (settings.limits.snapshot, settings.limits.targets) = (20_000, 30_000);
            repo.size.insert(role.to_owned(), size);
            (settings, repo.served())
        };
        let (settings, served) = with(ceiling);
        assert!(run(settings.clone(), served.clone(), name).role().is_ok(), "{role}");
        // Longer than named: no more is read, whatever the ceiling.
        for more in [1, 1_000_000] {
            let mut served = served.clone();
            let file = served.files.iter_mut().find(|(path, _)| path.starts_with(&format!("{role}."))).unwrap();
            file.1.extend(vec![b' '; more]);
            assert_eq!(run(settings.clone(), served, name).role(), Err(Code::MismatchLength), "{role} {more}");
        }
        let (settings, served) = with(ceiling + 1);
        let over = run(settings, served, name);
        assert_eq!(over.role(), Err(Code::LimitBytes), "{role}");
        assert!(!over.asked.iter().any(|path| path.starts_with(&format!("{role}."))), "{role}: before the request");
    }
}

/// N-0.5, N-0.9: all but root and timestamp are asked for as `ROLE.SHA256HEX.json`, in lower case,
/// though `consistent_snapshot` is false.
#[test]
fn n_0_files_are_asked_for_by_checksum() {
    let mut repo = notary_repo();
    assert_eq!(repo.signed["root"]["consistent_snapshot"], json!(false));
    let run = repo.look_up("2.0");
    assert_eq!(run.role().as_deref(), Ok("targets/releases"));
    let by_hash = |role: &str| format!("{role}.{}.json", hex(&sha256(&repo.file(role))));
    let rest = [by_hash("snapshot"), by_hash("targets"), by_hash("targets/releases")];
    assert_eq!(run.asked[..2], ["root.json", "timestamp.json"]);
    assert_eq!(run.asked[2..], rest);
    assert!(rest.iter().all(|path| !path.bytes().any(|b| b.is_ascii_uppercase())));
}

/// N-0.16: the id of a certificate covers its PEM: another certificate of the same key is another
/// id, and a pin of the one is not met by the other. N-0.18: the canonical id is the key's.
#[test]
fn n_0_ids_of_certificates() {
    let key = Ecdsa::p256();
    let [(one, first), (two, second)] =
        [1, 2].map(|serial| notary_key("ecdsa-x509", certificate(&key.spki(), GUN, serial).as_bytes()));
    let (bare, _) = notary_key("ecdsa", &key.spki());
    assert_ne!(one, two);
    let root = root_with(Notary1, &json!({&*one: first, &*two: second}), &[], &json!(1));
    let root = Wire::strict(Notary1).root(tuf_file(&root.to_string(), &[])).unwrap();
    for id in [&one, &two] {
        let bundle = root.claims().keys()[id].certificates().unwrap();
        assert_eq!(bundle.canonical_key_id().as_ref(), Some(&bare));
    }

    let mut repo = notary_repo();
    let id = repo.signed["root"]["roles"]["root"]["keyids"][0].as_str().unwrap().to_owned();
    for (pin, want) in [(id, Ok("targets".to_owned())), (one, Err(Code::PinMismatch))] {
        let mut settings = repo.settings();
        settings.pin = Pin::CertificateIds(vec![pin]);
        assert_eq!(repo.run(settings, "1.0").role(), want);
    }
}

/// N-0.18: the canonical ids that the reference client names, of ECDSA and RSA roots.
#[test]
fn n_0_canonical_ids_of_the_reference_client() {
    let mut seen = 0;
    for scenario in test_vectors::scenarios().unwrap() {
        for step in &scenario.steps {
            let Some(keys) = step.facts.as_ref().and_then(|f| f["root_keys"].as_object()) else { continue };
            let file = std::fs::read(scenario.folder.join(&step.dir).join("root.json")).unwrap();
            let root = Wire::strict(Notary1).root(file).unwrap();
            for (id, facts) in keys.iter().filter(|(_, facts)| facts["keytype"].as_str().unwrap().ends_with("-x509")) {
                let Some(key) = root.claims().keys().get(id) else { continue };
                let canonical = key.certificates().unwrap().canonical_key_id();
                assert_eq!(canonical.as_deref(), facts["canonical_id"].as_str(), "{} {id}", scenario.path);
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen} certificates");
}

/// N-2.1, N-2.2, N-2.3, N-2.4: plain prefixes; the empty one is all, none is nothing.
#[test]
fn n_2_paths_are_prefixes() {
    let with = |paths: Value, name: &str| {
        let mut repo = notary_repo();
        let delegation = &mut repo.signed.get_mut("targets").unwrap()["delegations"]["roles"][0];
        match paths {
            Value::Null => drop(delegation.as_object_mut().unwrap().remove("paths")),
            paths => delegation["paths"] = paths,
        }
        let listed = repo.signed["targets"]["targets"]["1.0"].clone();
        repo.signed.get_mut("targets/releases").unwrap()["targets"][name] = listed;
        repo.look_up(name).role().ok()
    };
    let releases = Some("targets/releases".to_owned());
    for (paths, name, covers) in [
        (json!([""]), "2.0", true),
        (json!([""]), "*", true),
        (json!([""]), "a/b", true),
        (json!(["x", ""]), "2.0", true),
        (json!(["2."]), "2.0", true),
        (json!(["2.0"]), "2.0", true),
        (json!(["2.0"]), "2.0-rc", true),
        (json!(["2.0-"]), "2.0", false),
        (json!(["0"]), "2.0", false),
        (json!(["*"]), "2.0", false),
        (json!(["*"]), "*2", true),
        (json!(["2*"]), "2.0", false),
        (json!(["?.0"]), "2.0", false),
        (json!([]), "2.0", false),
        (Value::Null, "2.0", false),
    ] {
        let want = if covers { releases.clone() } else { None };
        assert_eq!(with(paths.clone(), name), want, "{paths} {name}");
    }
    let mut budget = tuf_core::limits::Budget::new(1_000);
    assert_eq!(Paths::Prefixes(vec![String::new()]).match_path("anything", &mut budget), Ok(true));
    assert_eq!(Paths::Prefixes(Vec::new()).match_path("anything", &mut budget), Ok(false));
}

/// N-3.3, N-3.4, N-3.5, N-3.6, N-3.9: base64 to the bit, in signatures, keys, and hashes of `meta`
/// and of targets.
#[test]
fn n_3_base64_is_padded_and_strict() {
    let places: [(&str, &str); 5] = [
        ("timestamp", "/meta/snapshot/hashes/sha256"),
        ("snapshot", "/meta/targets/hashes/sha256"),
        ("targets", "/targets/1.0/hashes/sha256"),
        ("targets", "/targets/1.0/hashes/of-unknown-name"),
        ("targets", "/delegations/keys/KEY/keyval/public"),
    ];
    for (role, place) in places {
        let key = notary_ed(5).0;
        let read = |text: &str, mode: Mode| {
            let mut repo = notary_repo();
            repo.served();
            let signed = repo.signed.get_mut(role).unwrap();
            let (parent, name) = place.rsplit_once('/').unwrap();
            signed.pointer_mut(&parent.replace("KEY", &key)).unwrap()[name] = json!(text);
            let wire = repo.settings().mode(mode).wire;
            read(wire, role, repo.file(role)).map_err(|e| e.code())
        };
        let good = BASE64.encode(&[7; 32]); // 43 characters and one `=`
        assert_eq!(good.len(), 44);
        assert_eq!(read(&good, Mode::Strict), Ok(()), "{place}");
        let spare = format!("{}d=", &good[..42]);
        assert_ne!(spare, good);
        let newline = format!("{}\n{}", &good[..20], &good[20..]);
        for (bad, lenient) in [
            (good[..43].to_owned(), false),
            (format!("{good}="), false),
            (spare, true),
            (newline, true),
            (format!("{good}\r\n"), true),
            (format!("{} {}", &good[..20], &good[20..]), false),
            (format!(" {good}"), false),
            (good.replace("Bw", "-_"), false),
            (format!("{good}AAAA"), false),
            ("!!".to_owned(), false),
            (hex(&[7; 31]), false),
        ] {
            assert_eq!(read(&bad, Mode::Strict), Err(Code::ParseEncoding), "{place} {bad:?}");
            // The same reader in compatible mode, but for what the reference client passes over.
            let want = if lenient { Ok(()) } else { Err(Code::ParseEncoding) };
            assert_eq!(read(&bad, Mode::Compatible), want, "{place} {bad:?}");
        }
    }
    // A signature beside enough good ones spoils the file too.
    let message = outside().message("notary");
    let (id, key) = notary_ed(1);
    let judge = Judge::new(Notary1, &[(&id, key)], 1);
    let good = notary_file(&message, &[(&id, "eddsa", ed_sig(1, message.as_bytes())), ("x", "eddsa", vec![7; 32])]);
    assert_eq!(judge.judge(&good), Ok(vec![id]));
    let sig = BASE64.encode(&[7; 32]);
    for bad in [&sig[..43], "!", "Bx==", &format!("{sig} ")] {
        assert_eq!(judge.judge(&good.replace(&sig, bad)), Err(Code::ParseEncoding), "{bad}");
    }
}

/// N-3.7, N-3.8, N-3.10: null and absent mean empty where the reference client writes them, and no
/// other type does.
#[test]
fn n_3_null_and_absent_mean_empty() {
    let places = [
        ("", "delegations"),
        ("/delegations", "keys"),
        ("/delegations", "roles"),
        ("/delegations/roles/0", "paths"),
        ("", "targets"),
    ];
    for (parent, member) in places {
        let read = |value: Option<Value>| {
            let mut repo = notary_repo();
            let targets = repo.signed.get_mut("targets").unwrap();
            if member == "keys" {
                targets["delegations"]["roles"] = json!([]); // which name none
            }
            let parent = targets.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match value {
                Some(value) => parent.insert(member.to_owned(), value),
                None => parent.remove(member),
            };
            let read = Wire::strict(Notary1).targets("targets", repo.file("targets"));
            read.map(|t| t.claims().len() + t.claims().delegations().roles().len()).map_err(|e| e.code())
        };
        let empty = read(None);
        assert!(empty.is_ok(), "{member} {empty:?}");
        assert_eq!(read(Some(Value::Null)), empty, "{member}");
        for bad in [
            json!(true),
            json!("x"),
            json!(0),
            if member.ends_with("roles") || member == "paths" { json!({}) } else { json!([]) },
        ] {
            assert_eq!(read(Some(bad.clone())), Err(Code::ParseType), "{member} {bad}");
        }
    }
}

/// T-36.1, T-40.1: what all cases here bend is read and trusted as it is.
#[test]
fn both_repositories_of_this_file_are_sound() {
    for (mut repo, name) in [(tuf_repo(), "a.txt"), (notary_repo(), "1.0")] {
        let run = repo.look_up(name);
        assert_eq!(run.role().as_deref(), Ok("targets"), "{:?}", run.outcome.answers);
        assert!(run.outcome.answers[0].as_ref().unwrap().warnings.is_empty());
    }
}
