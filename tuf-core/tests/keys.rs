//! Keys and algorithms: rules T-29, T-30, T-33 and N-4 to N-7. Every case is a whole timestamp file,
//! judged by the keys of a root that was read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common_files;

use common_files::*;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use tuf_core::crypto::{PublicKey, hex};
use tuf_core::error::Code;
use tuf_core::metadata::Format::{Notary1, Tuf1};
use tuf_core::wire::Wire;

const THRESHOLD: Result<Vec<String>, Code> = Err(Code::SignatureThreshold);

fn counted(id: &str) -> Result<Vec<String>, Code> {
    Ok(vec![id.to_owned()])
}

/// Whether a TUF timestamp with one signature by one key (id `k`) holds.
fn tuf(keytype: &str, scheme: &str, public: &str, sig: &[u8]) -> Result<Vec<String>, Code> {
    let file = tuf_file(&outside().message("tuf"), &[("k", hex(sig))]);
    Judge::new(Tuf1, &[("k", tuf_key(keytype, scheme, public))], 1).judge(&file)
}

/// Whether a Notary timestamp with one signature by one key holds, and the key's id.
fn notary(keytype: &str, public: &[u8], method: &str, sig: &[u8]) -> bool {
    let (id, key) = notary_key(keytype, public);
    let file = notary_file(&outside().message("notary"), &[(&id, method, sig.to_vec())]);
    match Judge::new(Notary1, &[(&id, key)], 1).judge(&file) {
        Ok(ids) => ids == [id],
        Err(code) => {
            assert_eq!(code, Code::SignatureThreshold, "{keytype} {method}");
            false
        }
    }
}

fn tuf_rsa(row: &str) -> Result<Vec<String>, Code> {
    let (spki, sig) = outside().row(row, "tuf");
    tuf("rsa", "rsassa-pss-sha256", &pem("PUBLIC KEY", &spki, 64), &sig)
}

/// T-29.1, T-29.2, T-29.3, T-29.4, T-29.5, T-29.6, and T-33.3: ECDSA signatures here are DER.
#[test]
fn t_29_every_key_type_and_spelling_verifies() {
    let message = outside().message("tuf");
    let message = message.as_bytes();
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &ed_sig(1, message)), counted("k"));
    for (key, scheme) in [(Ecdsa::p256(), "ecdsa-sha2-nistp256"), (Ecdsa::p384(), "ecdsa-sha2-nistp384")] {
        let sig = key.sign(message);
        let other = key.sign(b"another message");
        for keytype in ["ecdsa", scheme] {
            for public in [key.pem(), hex(&key.point()), hex(&key.compressed()), hex(&key.point()).to_uppercase()] {
                assert_eq!(tuf(keytype, scheme, &public, &sig), counted("k"), "{keytype} {scheme} {public}");
                assert_eq!(tuf(keytype, scheme, &public, &other), THRESHOLD, "{keytype} {scheme} {public}");
            }
        }
    }
}

/// T-29.7, T-29.8, T-29.9, T-29.10: RSA-PSS by keys of 2,048 to 8,192 bits.
#[test]
fn t_29_rsa_keys_of_2048_to_8192_bits() {
    for (bits, good) in
        [(1_024, false), (2_047, false), (2_048, true), (3_072, true), (4_096, true), (8_192, true), (8_200, false)]
    {
        for salt in ["32", "longest"] {
            let want = if good { counted("k") } else { THRESHOLD };
            assert_eq!(tuf_rsa(&format!("rsa{bits} pss sha256 salt {salt}")), want, "{bits} {salt}");
        }
        let (spki, _) = outside().row(&format!("rsa{bits} pss sha256 salt 32"), "tuf");
        assert_eq!(PublicKey::from_spki(&spki).is_ok(), good, "{bits}");
    }
}

/// T-29.11: signatures made with the Python package `cryptography`, `padding.PSS.MAX_LENGTH` among
/// them; other digests and paddings are no `rsassa-pss-sha256`.
#[test]
fn t_29_rsa_pss_of_any_salt_length_verifies() {
    for salt in ["0", "31", "32", "33", "longest"] {
        assert_eq!(tuf_rsa(&format!("rsa2048 pss sha256 salt {salt}")), counted("k"), "{salt}");
    }
    for other in ["pss sha384 salt 32", "pss sha512 salt 32", "pkcs1v15 sha256", "pkcs1v15 sha512"] {
        assert_eq!(tuf_rsa(&format!("rsa2048 {other}")), THRESHOLD, "{other}");
    }
}

/// The points of small order, as RFC 8032 writes them.
const SMALL_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// Keys that can never verify, as (what, key object).
fn unusable() -> Vec<(&'static str, Value)> {
    let (p256, p384) = (Ecdsa::p256(), Ecdsa::p384());
    let mut off = p256.point();
    off[64] ^= 1;
    let short = &p256.point()[..64];
    let mut rows = vec![
        // T-30.1
        ("unknown type", tuf_key("ml-dsa-65", "ml-dsa-65", "00")),
        ("unknown type, known scheme", tuf_key("sphincs", "ed25519", &ed_hex(9))),
        ("unknown type, public of another kind", json!({"keytype": "x", "scheme": "y", "keyval": {"public": [1, {}]}})),
        ("unknown type, no public", json!({"keytype": "x", "scheme": "y", "keyval": {"identity": "z"}})),
        // T-30.2
        ("unknown scheme", tuf_key("ed25519", "ed25519ph", &ed_hex(9))),
        ("another type's scheme", tuf_key("ecdsa", "ed25519", &ed_hex(9))),
        ("scheme in capitals", tuf_key("ed25519", "ED25519", &ed_hex(9))),
        // T-30.3
        ("P-256 under P-384's scheme", tuf_key("ecdsa", "ecdsa-sha2-nistp384", &p256.pem())),
        ("P-384 under P-256's scheme", tuf_key("ecdsa", "ecdsa-sha2-nistp256", &p384.pem())),
        ("the scheme of the type, the other curve", tuf_key("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", &p384.pem())),
        ("type and scheme of two curves", tuf_key("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", &p384.pem())),
        ("a hex point of the other curve", tuf_key("ecdsa", "ecdsa-sha2-nistp384", &hex(&p256.point()))),
        // T-30.4
        ("ed25519 of 31 bytes", tuf_key("ed25519", "ed25519", &ed_hex(9)[..62])),
        ("ed25519 of 33 bytes", tuf_key("ed25519", "ed25519", &format!("{}00", ed_hex(9)))),
        ("ed25519 of half a byte more", tuf_key("ed25519", "ed25519", &format!("{}0", ed_hex(9)))),
        ("ed25519 of nothing", tuf_key("ed25519", "ed25519", "")),
        ("ed25519 without public", json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {}})),
        ("a point without its last byte", tuf_key("ecdsa", "ecdsa-sha2-nistp256", &hex(short))),
        ("a broken PEM", tuf_key("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----\n")),
        // T-30.5
        ("a point off the curve", tuf_key("ecdsa", "ecdsa-sha2-nistp256", &hex(&off))),
        ("no point of ed25519", tuf_key("ed25519", "ed25519", &format!("02{}", "00".repeat(31)))),
    ];
    // T-30.6
    rows.extend(SMALL_ORDER.iter().map(|public| ("small order", tuf_key("ed25519", "ed25519", public))));
    rows
}

/// T-30.1, T-30.2, T-30.3, T-30.4, T-30.5, T-30.6: such a key is kept, its root is readable, and no
/// signature of it counts. T-30.7: beside enough good keys it does no harm.
#[test]
fn t_30_keys_that_cannot_verify_are_kept_and_ignored() {
    let message = outside().message("tuf");
    let good = hex(&ed_sig(1, message.as_bytes()));
    // By the key that some of the rows pretend to be; the neutral element, s = 0; nothing.
    let signatures =
        [hex(&ed_sig(9, message.as_bytes())), format!("01{}", "00".repeat(63)), String::new(), good.clone()];
    for (what, key) in unusable() {
        let keys = [("bad", key), ("good", tuf_ed(1))];
        let root = root_with(Tuf1, &json!({"bad": &keys[0].1}), &["bad"], &json!(1));
        let root = Wire::strict(Tuf1).root(tuf_file(&root.to_string(), &[])).unwrap();
        let kept = &root.claims().keys()["bad"];
        assert!(kept.public().is_err(), "{what}");
        assert_eq!(kept.keytype(), keys[0].1["keytype"], "{what}");
        for sig in &signatures {
            let judge = |threshold| {
                let judge = Judge::new(Tuf1, &keys, threshold);
                judge.judge(&tuf_file(&message, &[("bad", sig.clone()), ("good", good.clone())]))
            };
            assert_eq!(judge(1), counted("good"), "{what}");
            assert_eq!(judge(2), THRESHOLD, "{what}");
        }
    }
    // The twin of T-30.3 and T-30.5, and the keys of the same test helper: they are usable.
    for key in [tuf_ed(9), tuf_key("ecdsa", "ecdsa-sha2-nistp256", &Ecdsa::p256().pem())] {
        let root = root_with(Tuf1, &json!({"k": key}), &["k"], &json!(1));
        let root = Wire::strict(Tuf1).root(tuf_file(&root.to_string(), &[])).unwrap();
        assert!(root.claims().keys()["k"].public().is_ok());
    }
}

/// T-30.3: a signature that the key made, under the scheme of the other curve.
#[test]
fn t_30_a_scheme_of_another_curve_never_verifies() {
    let message = outside().message("tuf");
    for (key, fits, other) in [
        (Ecdsa::p256(), "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
        (Ecdsa::p384(), "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256"),
    ] {
        let sig = key.sign(message.as_bytes());
        for public in [key.pem(), hex(&key.point())] {
            assert_eq!(tuf("ecdsa", fits, &public, &sig), counted("k"));
            assert_eq!(tuf("ecdsa", other, &public, &sig), THRESHOLD);
            assert_eq!(tuf(other, other, &public, &sig), THRESHOLD);
        }
    }
}

/// T-33.1: R the neutral element and s = 0 hold for a key of small order over many a message.
#[test]
fn t_33_signatures_under_small_order_keys_are_refused() {
    let neutral = HEXLOWER.decode(format!("01{}", "00".repeat(63)).as_bytes()).unwrap();
    for public in SMALL_ORDER {
        assert_eq!(tuf("ed25519", "ed25519", public, &neutral), THRESHOLD, "{public}");
    }
    let message = outside().message("tuf");
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &ed_sig(1, message.as_bytes())), counted("k"));
}

/// T-33.2: s + L is the same number modulo L, and another signature.
#[test]
fn t_33_malleable_ed25519_signatures_are_refused() {
    let order = HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let good = ed_sig(1, outside().message("tuf").as_bytes());
    let mut bad = good.clone();
    let mut carry = 0u16;
    for (s, l) in bad[32..].iter_mut().zip(order) {
        carry += u16::from(*s) + u16::from(l);
        *s = carry as u8;
        carry >>= 8;
    }
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &good), counted("k"));
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &bad), THRESHOLD);
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &good[..63]), THRESHOLD);
    assert_eq!(tuf("ed25519", "ed25519", &ed_hex(1), &[&good[..], &[0]].concat()), THRESHOLD);
}

/// T-33.3, T-33.4, T-33.5: DER to its last byte, and nothing raw.
#[test]
fn t_33_ecdsa_is_der_without_trailing_bytes() {
    let message = outside().message("tuf");
    let (p256, p384) = (Ecdsa::p256(), Ecdsa::p384());
    for (key, scheme) in [(&p256, "ecdsa-sha2-nistp256"), (&p384, "ecdsa-sha2-nistp384")] {
        let der = key.sign(message.as_bytes());
        let mut inside = der.clone();
        inside.push(0);
        inside[1] += 1; // the sequence says that the byte belongs to it
        assert_eq!(tuf("ecdsa", scheme, &key.pem(), &der), counted("k"));
        for bad in [&[&der[..], &[0]].concat(), &inside, &der[..der.len() - 1]] {
            assert_eq!(tuf("ecdsa", scheme, &key.pem(), bad), THRESHOLD, "{scheme}");
        }
    }
    // The same key and digest, raw and in DER, from outside.
    for (curve, digest, scheme) in
        [("p256", "sha256", "ecdsa-sha2-nistp256"), ("p384", "sha384", "ecdsa-sha2-nistp384")]
    {
        for (form, want) in [("der", counted("k")), ("raw", THRESHOLD)] {
            let (spki, sig) = outside().row(&format!("{curve} {digest} {form}"), "tuf");
            assert_eq!(tuf("ecdsa", scheme, &pem("PUBLIC KEY", &spki, 64), &sig), want, "{curve} {form}");
        }
    }
}

/// N-4.1, N-4.2: a Notary key verifies under its computed id alone, whatever is asked for.
#[test]
fn n_4_key_ids_are_computed() {
    let message = outside().message("notary");
    let sig = ed_sig(1, message.as_bytes());
    let (id, key) = notary_ed(1);
    let other = format!("{}{}", if id.starts_with('0') { "1" } else { "0" }, &id[1..]);
    for (id, want) in [(&*id, counted(&id)), (&*other, Err(Code::SignatureKeyId)), ("k", Err(Code::SignatureKeyId))] {
        let judge = Judge::new(Notary1, &[(id, key.clone())], 1);
        assert_eq!(judge.wire.key_ids, tuf_core::wire::KeyIds::Opaque, "which speaks of TUF alone");
        assert_eq!(judge.judge(&notary_file(&message, &[(id, "eddsa", sig.clone())])), want, "{id}");
    }
}

/// CVE-2015-9258.
/// N-5.1, N-5.2, N-5.3, N-5.4: every pair of key type and method, with a signature that the key made
/// by each algorithm of its own: only the method that names the algorithm verifies.
#[test]
fn n_5_pairs_of_key_type_and_method() {
    let outside = outside();
    let message = outside.message("notary");
    let row = |name: &str| outside.row(name, "notary");
    let (rsa, pss) = row("rsa2048 pss sha256 salt 32");
    let (_, pkcs1) = row("rsa2048 pkcs1v15 sha256");
    let (p256, p256_sig) = row("p256 sha256 raw");
    let (p384, p384_sig) = row("p384 sha256 raw");
    let x509 = |spki: &[u8]| certificate(spki, GUN, 1).into_bytes();
    let rows: [(&str, Vec<u8>, Vec<u8>, &str); 9] = [
        ("ecdsa", p256.clone(), p256_sig.clone(), "ecdsa"),
        ("ecdsa", p384.clone(), p384_sig.clone(), "ecdsa"),
        ("ecdsa-x509", x509(&p256), p256_sig, "ecdsa"),
        ("ecdsa-x509", x509(&p384), p384_sig, "ecdsa"),
        ("rsa", rsa.clone(), pss.clone(), "rsapss"),
        ("rsa", rsa.clone(), pkcs1.clone(), "rsapkcs1v15"),
        ("rsa-x509", x509(&rsa), pss, "rsapss"),
        ("rsa-x509", x509(&rsa), pkcs1, "rsapkcs1v15"),
        ("ed25519", ed(1).verifying_key().as_bytes().to_vec(), ed_sig(1, message.as_bytes()), "eddsa"),
    ];
    for (keytype, public, sig, fits) in &rows {
        for method in ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa", "ed25519", "none", "hmac", "", " ecdsa"] {
            let good = method == *fits;
            for method in [method.to_owned(), method.to_uppercase()] {
                assert_eq!(notary(keytype, public, &method, sig), good, "{keytype} {method}");
            }
        }
        // The same bytes as a key of another type: at best a key whose methods are not this one.
        for other in ["ecdsa", "ecdsa-x509", "rsa", "rsa-x509", "ed25519", "x448", ""] {
            assert_eq!(notary(other, public, fits, sig), other == *keytype, "{keytype} as {other}");
        }
    }
}

/// N-6.1, N-6.2, N-6.3, N-6.4, N-6.5: r‖s padded to the curve's size, SHA-256 on both curves.
#[test]
fn n_6_ecdsa_is_raw_padded_and_sha_256() {
    for (curve, size) in [("p256", 32), ("p384", 48)] {
        let check = |form: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            let (spki, sig) = outside().row(&format!("{curve} {form}"), "notary");
            notary("ecdsa", &spki, "ecdsa", &change(sig))
        };
        let same = |sig: Vec<u8>| sig;
        assert!(check("sha256 raw", &same), "{curve}");
        assert!(check("sha256 raw, r begins with 00", &same), "{curve}");
        assert!(!check("sha256 der", &same), "{curve}: DER");
        assert!(!check("sha256 raw, r begins with 00", &|sig| sig[1..].to_vec()), "{curve}: r is not padded");
        assert!(!check("sha256 raw", &|sig| [&[0], &sig[..size], &[0], &sig[size..]].concat()), "{curve}: too long");
        assert!(!check("sha256 raw", &|sig| sig[..size].to_vec()), "{curve}: half");
        assert!(!check("sha384 raw", &same), "{curve}: another digest");
        assert!(!check("sha512 raw", &same), "{curve}: another digest");
    }
}

/// N-7.1, N-7.2, N-7.3, N-7.4: 2,048 bits at least, a salt of 32 and SHA-256.
#[test]
fn n_7_rsa_is_2048_bits_salt_32_and_sha_256() {
    for (row, good) in [
        ("rsa2048 pss sha256 salt 32", true),
        ("rsa3072 pss sha256 salt 32", true),
        ("rsa4096 pss sha256 salt 32", true),
        ("rsa1024 pss sha256 salt 32", false),
        ("rsa2047 pss sha256 salt 32", false),
        ("rsa2048 pss sha256 salt 0", false),
        ("rsa2048 pss sha256 salt 31", false),
        ("rsa2048 pss sha256 salt 33", false),
        ("rsa2048 pss sha256 salt longest", false),
        ("rsa2048 pss sha384 salt 32", false),
        ("rsa2048 pss sha512 salt 32", false),
    ] {
        let (spki, sig) = outside().row(row, "notary");
        assert_eq!(notary("rsa", &spki, "rsapss", &sig), good, "{row}");
    }
    for (row, good) in [
        ("rsa2048 pkcs1v15 sha256", true),
        ("rsa2048 pkcs1v15 sha512", false),
        ("rsa1024 pkcs1v15 sha256", false),
        ("rsa2047 pkcs1v15 sha256", false),
    ] {
        let (spki, sig) = outside().row(row, "notary");
        assert_eq!(notary("rsa", &spki, "rsapkcs1v15", &sig), good, "{row}");
    }
}
