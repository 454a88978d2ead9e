//! Signatures and thresholds: rules T-31, T-32, T-34, T-35, and what N says of them. Single files
//! are judged by the keys of a root that was read; where it takes a whole run, there is one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common_files;

use common_files::*;
use serde_json::{Value, json};
use tuf_core::crypto::{hex, sha256};
use tuf_core::error::Code;
use tuf_core::metadata::Format::{Notary1, Tuf1};
use tuf_core::wire::{KeyIds, Wire};

const THRESHOLD: Result<Vec<String>, Code> = Err(Code::SignatureThreshold);
/// What one signature check costs of the budget of work (T-28).
const CHECK: u64 = 20_000;

fn ids(list: &[&str]) -> Result<Vec<String>, Code> {
    Ok(list.iter().map(|id| (*id).to_owned()).collect())
}

/// The TUF timestamp that all cases of this file sign.
fn message() -> String {
    outside().message("tuf")
}

/// A TUF timestamp with the signatures of some ed25519 keys, as (id, number of the key).
fn signed_by(signers: &[(&str, u8)]) -> String {
    let signatures: Vec<_> = signers.iter().map(|(id, n)| (*id, hex(&ed_sig(*n, message().as_bytes())))).collect();
    tuf_file(&message(), &signatures)
}

/// T-31.1, T-31.2, T-31.13: distinct keys are counted, whatever the number of their ids.
#[test]
fn t_31_distinct_ed25519_keys_are_counted() {
    let two = Judge::new(Tuf1, &[("a", tuf_ed(1)), ("b", tuf_ed(2)), ("c", tuf_ed(3))], 2);
    assert_eq!(two.judge(&signed_by(&[("a", 1), ("b", 2)])), ids(&["a", "b"]));
    assert_eq!(two.judge(&signed_by(&[("a", 1)])), THRESHOLD);
    assert_eq!(two.judge(&signed_by(&[])), THRESHOLD);
    assert_eq!(two.judge(&signed_by(&[("a", 1), ("b", 1)])), THRESHOLD, "signed by another key than it says");
    // One key under two ids, in one spelling and in another.
    for spelling in [ed_hex(1), ed_hex(1).to_uppercase()] {
        let keys = [("a", tuf_ed(1)), ("b", tuf_key("ed25519", "ed25519", &spelling)), ("c", tuf_ed(3))];
        let two = Judge::new(Tuf1, &keys, 2);
        assert_eq!(two.judge(&signed_by(&[("a", 1), ("b", 1)])), THRESHOLD);
        assert_eq!(two.judge(&signed_by(&[("a", 1), ("b", 1), ("c", 3)])), ids(&["a", "c"]));
    }
}

/// GHSA-3633-5h82-39pq, go-tuf 733.
/// T-31.3: a point is one key as PEM (whatever the width of its lines), in hex of either case,
/// compressed or not, and under both type names.
#[test]
fn t_31_one_ecdsa_point_counts_once() {
    for (key, other, scheme) in
        [(Ecdsa::p256(), Ecdsa::p256(), "ecdsa-sha2-nistp256"), (Ecdsa::p384(), Ecdsa::p384(), "ecdsa-sha2-nistp384")]
    {
        let spellings = |key: &Ecdsa| {
            let texts = [
                key.pem(),
                pem("PUBLIC KEY", &key.spki(), 20),
                hex(&key.point()),
                hex(&key.point()).to_uppercase(),
                hex(&key.compressed()),
            ];
            let keys = texts.map(|text| ["ecdsa", scheme].map(|keytype| tuf_key(keytype, scheme, &text)));
            keys.into_iter().flatten().collect::<Vec<Value>>()
        };
        let file = |a: &Ecdsa, b: &Ecdsa| {
            let sig = |key: &Ecdsa| hex(&key.sign(message().as_bytes()));
            tuf_file(&message(), &[("a", sig(a)), ("b", sig(b))])
        };
        let first = &spellings(&key)[0];
        for (same, distinct) in spellings(&key).into_iter().zip(spellings(&other)) {
            let judge = |second: &Value, file: &str| {
                Judge::new(Tuf1, &[("a", first.clone()), ("b", second.clone())], 2).judge(file)
            };
            assert_eq!(judge(&same, &file(&key, &key)), THRESHOLD, "{same}");
            assert_eq!(judge(&distinct, &file(&key, &other)), ids(&["a", "b"]), "{distinct}");
        }
    }
}

/// GHSA-3633-5h82-39pq.
/// T-31.4: modulus and exponent are one key, whatever the PEM looks like.
#[test]
fn t_31_one_rsa_key_counts_once() {
    let outside = outside();
    let row = |row: &str| outside.row(row, "tuf");
    let (spki, short) = row("rsa2048 pss sha256 salt 32");
    let (_, long) = row("rsa2048 pss sha256 salt longest");
    let (other, other_sig) = row("rsa3072 pss sha256 salt 32");
    let rsa = |pem: String| tuf_key("rsa", "rsassa-pss-sha256", &pem);
    // The parameters of the algorithm: NULL as usual, and left out.
    let null = spki.windows(4).position(|w| w == [5, 0, 3, 0x82]).unwrap();
    let mut without = [&spki[..null], &spki[null + 2..]].concat();
    without[3] -= 2; // the whole
    without[5] -= 2; // the algorithm
    let first = rsa(pem("PUBLIC KEY", &spki, 64));
    let two = |second: Value, sigs: [&Vec<u8>; 2]| {
        let file = tuf_file(&message(), &[("a", hex(sigs[0])), ("b", hex(sigs[1]))]);
        Judge::new(Tuf1, &[("a", first.clone()), ("b", second)], 2).judge(&file)
    };
    for text in [
        pem("PUBLIC KEY", &spki, 64),
        pem("PUBLIC KEY", &spki, 20),
        pem("PUBLIC KEY", &spki, 64).replace('\n', "\r\n"),
        pem("PUBLIC KEY", &without, 64),
    ] {
        let one = Judge::new(Tuf1, &[("b", rsa(text.clone()))], 1);
        assert_eq!(one.judge(&tuf_file(&message(), &[("b", hex(&long))])), ids(&["b"]), "{text}");
        assert_eq!(two(rsa(text.clone()), [&short, &long]), THRESHOLD, "{text}");
    }
    assert_eq!(two(rsa(pem("PUBLIC KEY", &other, 64)), [&short, &other_sig]), ids(&["a", "b"]));
}

/// T-31.5, T-31.6: a key id that stands twice among the signatures is refused in TUF 1.0, met
/// threshold or not; in Notary the key counts once, if any of its entries verifies.
#[test]
fn t_31_a_key_id_repeated_in_signatures() {
    for threshold in [1, 2] {
        let judge = Judge::new(Tuf1, &[("a", tuf_ed(1)), ("b", tuf_ed(2))], threshold);
        for twice in [[("a", 1), ("b", 2), ("a", 1)], [("a", 1), ("b", 2), ("a", 9)], [("b", 2), ("x", 9), ("x", 9)]] {
            assert_eq!(judge.judge(&signed_by(&twice)), Err(Code::SignatureDuplicateKeyId));
        }
        assert!(judge.judge(&signed_by(&[("a", 1), ("b", 2), ("x", 9)])).is_ok());
    }
    let message = outside().message("notary");
    let [(a, key_a), (b, key_b)] = [1, 2].map(notary_ed);
    let (good, bad) = (ed_sig(1, message.as_bytes()), ed_sig(9, message.as_bytes()));
    let file = |sigs: &[&Vec<u8>]| {
        let rows: Vec<_> = sigs.iter().map(|sig| (a.as_str(), "eddsa", (*sig).clone())).collect();
        notary_file(&message, &rows)
    };
    let judge = |threshold| Judge::new(Notary1, &[(&a, key_a.clone()), (&b, key_b.clone())], threshold);
    for sigs in [[&good, &bad], [&bad, &good], [&good, &good]] {
        assert_eq!(judge(1).judge(&file(&sigs)), ids(&[&a]));
        assert_eq!(judge(2).judge(&file(&sigs)), THRESHOLD);
    }
    assert_eq!(judge(1).judge(&file(&[&bad, &bad])), THRESHOLD);
}

/// T-31.7, T-31.8: in a role's `keyids` a repeated id counts once, and one that `keys` does not hold
/// is ignored. T-31.9: Notary refuses the latter.
#[test]
fn t_31_repeated_and_unknown_ids_of_a_role() {
    let with = |key_ids: &[&str], threshold: u64| {
        let mut judge = Judge::new(Tuf1, &[("a", tuf_ed(1)), ("b", tuf_ed(2))], threshold);
        judge.key_ids = key_ids.iter().map(|id| (*id).to_owned()).collect();
        judge
    };
    assert_eq!(with(&["a", "a"], 2).judge(&signed_by(&[("a", 1)])), THRESHOLD);
    assert_eq!(with(&["a", "a"], 1).judge(&signed_by(&[("a", 1)])), ids(&["a"]));
    assert_eq!(with(&["a", "a", "b"], 2).judge(&signed_by(&[("a", 1), ("b", 2)])), ids(&["a", "b"]));
    assert_eq!(
        with(&["nobody", "a", "b"], 2).judge(&signed_by(&[("nobody", 9), ("a", 1), ("b", 2)])),
        ids(&["a", "b"])
    );
    assert_eq!(with(&["nobody", "a"], 2).judge(&signed_by(&[("nobody", 9), ("a", 1)])), THRESHOLD);

    let message = outside().message("notary");
    let (id, key) = notary_ed(1);
    let file = notary_file(&message, &[(&id, "eddsa", ed_sig(1, message.as_bytes()))]);
    let mut judge = Judge::new(Notary1, &[(&id, key)], 1);
    assert_eq!(judge.judge(&file), ids(&[&id]));
    judge.key_ids.push(notary_ed(2).0);
    assert_eq!(judge.judge(&file), Err(Code::ParseSchema));
}

/// T-31.10, T-31.11: wrong and empty signatures beside a met threshold, at either end, of keys of the
/// role and of others. T-36.24: one that is no hex never verifies, and spoils nothing either.
#[test]
fn t_31_extra_signatures_do_not_spoil_a_met_threshold() {
    let keys = [("a", tuf_ed(1)), ("b", tuf_ed(2)), ("c", tuf_ed(3))];
    let sig = |n: u8| hex(&ed_sig(n, message().as_bytes()));
    let cut = sig(3)[..127].to_owned();
    for bad in
        [sig(9), String::new(), "00".repeat(64), "zz".repeat(64), "no hex".to_owned(), cut, format!(" {}", sig(3))]
    {
        for extra in ["c", "nobody"] {
            let (good, bad) = ([("a", sig(1)), ("b", sig(2))], (extra, bad.clone()));
            let two = Judge::new(Tuf1, &keys, 2);
            for file in
                [[bad.clone(), good[0].clone(), good[1].clone()], [good[0].clone(), good[1].clone(), bad.clone()]]
            {
                assert_eq!(two.judge(&tuf_file(&message(), &file)), ids(&["a", "b"]), "{bad:?}");
            }
            let three = Judge::new(Tuf1, &keys, 3);
            assert_eq!(three.judge(&tuf_file(&message(), &[bad.clone(), good[0].clone(), good[1].clone()])), THRESHOLD);
        }
    }
}

/// T-31.12: a wrong signature of a key of the role, looked at on the way to the threshold, is told;
/// one behind the met threshold was not looked at.
#[test]
fn t_31_a_wrong_signature_that_was_looked_at_is_a_note() {
    let warned = |signers: &[(&str, u8)]| {
        let mut repo = tuf_repo();
        repo.signed.get_mut("root").unwrap()["keys"]["k9"] = tuf_ed(9);
        repo.signed.get_mut("root").unwrap()["roles"]["timestamp"]["keyids"] = json!(["k9", "k2"]);
        repo.signers.insert("timestamp".to_owned(), signers.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect());
        let run = repo.look_up("a.txt");
        assert_eq!(run.role().as_deref(), Ok("targets"));
        let answer = run.outcome.answers[0].as_ref().unwrap();
        let notes = answer.warnings.iter().chain(run.outcome.set.as_ref().unwrap().warnings());
        notes.filter(|note| note.key_ids() == ["k9"]).count()
    };
    assert_eq!(warned(&[("k2", 2)]), 0);
    assert_eq!(warned(&[("k2", 2), ("k9", 1)]), 0, "behind the threshold");
    assert_eq!(warned(&[("k9", 9), ("k2", 2)]), 0, "a good one");
    assert!(warned(&[("k9", 1), ("k2", 2)]) > 0, "a wrong one that was looked at");
}

/// T-32.1, T-32.3, T-32.4, T-32.5: ids are labels unless they are asked to be hashes.
#[test]
fn t_32_opaque_and_computed_ids() {
    let key = tuf_ed(1);
    let computed = hex(&sha256(&canonical(&key)));
    let with = |key_ids: KeyIds, id: &str| {
        let mut judge = Judge::new(Tuf1, &[(id, key.clone())], 1);
        judge.wire.key_ids = key_ids;
        judge.judge(&signed_by(&[(id, 1)]))
    };
    assert_eq!(with(KeyIds::Opaque, "a label"), ids(&["a label"]));
    assert_eq!(with(KeyIds::Opaque, &computed), ids(&[&computed]));
    assert_eq!(with(KeyIds::Computed, &computed), ids(&[&computed]));
    for other in ["a label", &computed.to_uppercase(), &hex(&sha256(b"another key"))] {
        assert_eq!(with(KeyIds::Computed, other), Err(Code::SignatureKeyId), "{other}");
    }
    // Unknown members of the key belong to what is hashed.
    let mut more = key.clone();
    more["keyid_hash_algorithms"] = json!(["sha256"]);
    let mut judge = Judge::new(Tuf1, &[(&hex(&sha256(&canonical(&more))), more)], 1);
    judge.wire.key_ids = KeyIds::Computed;
    let id = judge.key_ids[0].clone();
    assert_eq!(judge.judge(&signed_by(&[(&id, 1)])), ids(&[&id]));

    assert_eq!(KeyIds::default(), KeyIds::Opaque);
    assert_eq!(Wire::strict(Tuf1).key_ids, KeyIds::Opaque);
    assert_eq!(tuf_repo().settings().wire.key_ids, KeyIds::Opaque);
}

/// T-32.2: what targets calls `k2` has nothing to do with the `k2` of root.
#[test]
fn t_32_opaque_ids_are_labels_of_their_file() {
    let with = |signer: u8| {
        let mut repo = tuf_repo();
        let delegations = &mut repo.signed.get_mut("targets").unwrap()["delegations"];
        delegations["keys"] = json!({"k2": tuf_ed(5), "k6": tuf_ed(6)});
        delegations["roles"][0]["keyids"] = json!(["k2"]);
        repo.signers.insert("project".to_owned(), vec![("k2".to_owned(), signer)]);
        repo.look_up("p/b.txt").role()
    };
    assert_eq!(with(5).as_deref(), Ok("project"));
    assert_eq!(with(2), Err(Code::SignatureThreshold), "root's key of that id");
}

/// Where thresholds and versions stand: role, and the path to the member.
const COUNTS: [(&str, &[&str]); 6] = [
    ("root", &["version"]),
    ("root", &["roles", "timestamp", "threshold"]),
    ("timestamp", &["version"]),
    ("snapshot", &["version"]),
    ("targets", &["version"]),
    ("targets", &["delegations", "roles", "0", "threshold"]),
];

/// A role's file with one member's text replaced, or the member taken out.
fn with_text(repo: &Repo, role: &str, path: &[&str], text: Option<&str>) -> String {
    let mut signed = repo.signed[role].clone();
    let (last, before) = path.split_last().unwrap();
    let mut at = &mut signed;
    for step in before {
        at = match step.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[*step],
        };
    }
    match text {
        None => {
            at.as_object_mut().unwrap().remove(*last).unwrap();
            tuf_file(&signed.to_string(), &[])
        }
        Some(text) => {
            at[*last] = json!("@@");
            tuf_file(&signed.to_string(), &[]).replace("\"@@\"", text)
        }
    }
}

/// T-34.1, T-34.2, T-34.3, T-34.4, T-34.5, T-34.6, T-34.7, T-34.8, N-3.1 and N-3.2: wherever a
/// threshold or a version stands, in both formats and both modes.
#[test]
fn t_34_thresholds_and_versions_are_integers_from_1_to_2_63_less_1() {
    let mut places: Vec<(Repo, &str, &[&str])> = Vec::new();
    for (role, path) in COUNTS {
        places.push((tuf_repo(), role, path));
        let mut notary = notary_repo();
        notary.served(); // fills in the hashes
        places.push((notary, role, path));
    }
    places.push((tuf_repo(), "timestamp", &["meta", "snapshot.json", "version"]));
    places.push((tuf_repo(), "snapshot", &["meta", "targets.json", "version"]));
    places.push((tuf_repo(), "snapshot", &["meta", "project.json", "version"]));
    for (repo, role, path) in places {
        let here = format!("{:?} {role} {path:?}", repo.format);
        for compatible in [false, true] {
            let wire = Wire { compatible, ..Wire::strict(repo.format) };
            let read = |text: Option<&str>| read(wire, role, with_text(&repo, role, path, text)).map_err(|e| e.code());
            for fine in ["1", "2", "9223372036854775807"] {
                assert_eq!(read(Some(fine)), Ok(()), "{here} {fine}");
            }
            assert_eq!(read(None), Err(Code::ParseSchema), "{here} absent");
            for bad in ["true", "false", "\"1\"", "null", "[1]", "{}"] {
                assert_eq!(read(Some(bad)), Err(Code::ParseType), "{here} {bad}");
            }
            for bad in ["1.0", "1e0", "0", "-0", "-1", "9223372036854775808", "18446744073709551617"] {
                assert_eq!(read(Some(bad)), Err(Code::ParseNumber), "{here} {bad}");
            }
        }
    }
}

/// T-34.9, T-34.10: the root can be read, and the role cannot be signed.
#[test]
fn t_34_a_threshold_above_the_number_of_keys() {
    for (threshold, want) in [(json!(1), ids(&["a"])), (json!(2), THRESHOLD), (json!(i64::MAX), THRESHOLD)] {
        let root = root_with(Tuf1, &json!({"a": tuf_ed(1)}), &["a"], &threshold);
        let root = Wire::strict(Tuf1).root(tuf_file(&root.to_string(), &[])).unwrap();
        assert_eq!(json!(root.claims().role("timestamp").unwrap().threshold()), threshold);
        let mut judge = Judge::new(Tuf1, &[("a", tuf_ed(1))], 1);
        judge.threshold = threshold;
        assert_eq!(judge.judge(&signed_by(&[("a", 1)])), want);
    }
}

/// T-35.1, T-35.2: unknown members, of whatever form and depth, belong to what is signed. T-36.18: so
/// do integers of any size in them. T-36.27: and strings as they are composed.
#[test]
fn t_35_unknown_members_are_signed() {
    for format in [Tuf1, Notary1] {
        let (id, key) = if format == Tuf1 { ("a".to_owned(), tuf_ed(1)) } else { notary_ed(1) };
        let judge = Judge::new(format, &[(&id, key)], 1);
        let text = outside().message(if format == Tuf1 { "tuf" } else { "notary" });
        let file = |signed: &str, message: &str| {
            let sig = ed_sig(1, message.as_bytes());
            match format {
                Tuf1 => tuf_file(signed, &[(&id, hex(&sig))]),
                _ => notary_file(signed, &[(&id, "eddsa", sig)]),
            }
        };
        let with = |more: &str| text.replace(r#","version":1}"#, &format!(r#","version":1,"x":{more}}}"#));
        for (signed, changed) in [
            ("1", "2"),
            (r#"{"b":[{"c":null}]}"#, r#"{"b":[{"c":false}]}"#),
            ("123456789012345678901234567890", "123456789012345678901234567891"),
            ("\"e\u{301}\"", "\"\u{e9}\""),
        ] {
            assert_eq!(judge.judge(&file(&with(signed), &with(signed))), ids(&[&id]), "{signed}");
            assert_eq!(judge.judge(&file(&with(changed), &with(signed))), THRESHOLD, "{signed}");
        }
        assert_eq!(judge.judge(&file(&text, &with("1"))), THRESHOLD, "taken out");
        assert_eq!(judge.judge(&file(&with("1"), &text)), THRESHOLD, "put in");
    }
}

/// T-35.3 (and T-36.21): order, spacing, escapes and `-0` of the received text are the publisher's.
#[test]
fn t_35_signatures_are_over_the_canonical_form() {
    let judge = Judge::new(Tuf1, &[("a", tuf_ed(1))], 1);
    let signed = message().replace(r#","version":1}"#, r#","version":1,"x":0,"y":"A/"}"#);
    let sig = hex(&ed_sig(1, signed.as_bytes()));
    let value: Value = serde_json::from_str(&signed).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    for received in [
        signed.clone(),
        pretty.clone(),
        pretty.replace('\n', "\r\n\t"),
        signed.replacen('{', r#"{"y":"A/","#, 1).replace(r#","y":"A/"}"#, "}"),
        signed.replace(r#""y":"A/""#, r#""\u0079":"\u0041\/""#),
        signed.replace(r#""x":0"#, r#""x":-0"#),
        format!("   {signed}   "),
    ] {
        assert_eq!(judge.judge(&tuf_file(&received, &[("a", sig.clone())])), ids(&["a"]), "{received}");
    }
    let other = signed.replace(r#""x":0"#, r#""x":1"#);
    assert_eq!(judge.judge(&tuf_file(&other, &[("a", sig)])), THRESHOLD);
    // A signature over the text as it was received, which is not canonical, does not count.
    let over_text = hex(&ed_sig(1, pretty.as_bytes()));
    assert_eq!(judge.judge(&tuf_file(&pretty, &[("a", over_text)])), THRESHOLD);
}

/// T-35.4, T-35.5, T-35.6: the budget of work counts the checks: as many as the threshold needs, and
/// the failures before it is met; none for ids that the role does not name.
#[test]
fn t_35_no_more_checks_than_needed() {
    let keys = [("a", tuf_ed(1)), ("b", tuf_ed(2)), ("c", tuf_ed(3)), ("d", tuf_ed(4))];
    let strangers: Vec<String> = (0..900).map(|n| format!("stranger {n}")).collect();
    let mut many: Vec<(&str, u8)> = strangers.iter().map(|id| (id.as_str(), 9)).collect();
    many.push(("a", 1));
    let all = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
    for (what, threshold, signers, counted, checks) in [
        ("one of four", 1, &all[..], &["a"][..], 1),
        ("two of four", 2, &all, &["a", "b"], 2),
        ("a failure, then two", 2, &[("a", 9), ("b", 2), ("c", 3), ("d", 4)], &["b", "c"], 3),
        ("failures behind the threshold", 1, &[("a", 1), ("b", 9), ("c", 9)], &["a"], 1),
        ("strangers", 1, &many, &["a"], 1),
    ] {
        let mut judge = Judge::new(Tuf1, &keys, threshold);
        judge.work = checks * CHECK;
        assert_eq!(judge.judge(&signed_by(signers)), ids(counted), "{what}");
        judge.work = checks * CHECK - 1;
        assert_eq!(judge.judge(&signed_by(signers)), Err(Code::LimitWork), "{what}");
    }
    // A key of the file that another role names is a stranger too.
    let mut judge = Judge::new(Tuf1, &keys, 1);
    judge.key_ids = vec!["d".to_owned()];
    judge.work = CHECK;
    assert_eq!(judge.judge(&signed_by(&all)), ids(&["d"]));
    // With strangers alone nothing is checked at all.
    judge.work = 0;
    assert_eq!(judge.judge(&signed_by(&all[..3])), THRESHOLD);
}
