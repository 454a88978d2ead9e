//! Arbitrary key objects in a root of either format, and keys in their bare forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::crypto::{Algorithm, PublicKey};
use tuf_core::limits::Budget;
use tuf_core::metadata::Format;
use tuf_core::wire::Wire;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::EcdsaDer,
    Algorithm::EcdsaRaw,
    Algorithm::RsaPss32,
    Algorithm::RsaPssAnySalt,
    Algorithm::RsaPkcs1v15,
];

fuzz_target!(|data: &[u8]| {
    if let Ok(object) = std::str::from_utf8(data) {
        in_a_root(Format::Tuf1, object);
        in_a_root(Format::Notary1, object);
        if let Ok(key) = PublicKey::from_pem(object) {
            nothing_holds(&key);
        }
    }
    for key in [PublicKey::from_spki(data), PublicKey::ed25519(data), PublicKey::p256(data), PublicKey::p384(data)] {
        if let Ok(key) = key {
            nothing_holds(&key);
        }
    }
});

/// Signatures that nobody made hold under no key, whatever the algorithm.
fn nothing_holds(key: &PublicKey) {
    let bytes = key.rsa_bits().map_or(64, |bits| bits.div_ceil(8));
    for algorithm in ALGORITHMS {
        for signature in [vec![], vec![0; bytes], vec![0x30; 70]] {
            assert!(!key.verify(algorithm, b"message", &signature), "{key:?} {algorithm:?}");
        }
    }
}

fn in_a_root(format: Format, object: &str) {
    let (kind, signature) = match format {
        Format::Tuf1 => ("root", format!(r#"{{"keyid":"{ID}","sig":"{}"}}"#, "00".repeat(64))),
        _ => ("Root", format!(r#"{{"keyid":"{ID}","method":"ecdsa","sig":"{}=="}}"#, "A".repeat(86))),
    };
    let role = format!(r#"{{"keyids":["{ID}"],"threshold":1}}"#);
    let text = format!(
        r#"{{"signed":{{"_type":"{kind}","consistent_snapshot":false,"expires":"2049-06-01T00:00:00Z","keys":{{"{ID}":{object}}},"roles":{{"root":{role},"snapshot":{role},"targets":{role},"timestamp":{role}}},"spec_version":"1.0","version":1}},"signatures":[{signature}]}}"#
    );
    let strict = Wire::strict(format);
    for wire in
        [strict, Wire { compatible: true, ..strict }, Wire { key_ids: tuf_core::wire::KeyIds::Computed, ..strict }]
    {
        let Ok(root) = wire.root(text.clone()) else { continue };
        let keys = root.claims().keys().clone();
        for key in keys.values() {
            let _ = key.certificates().map(|c| (c.canonical_key_id(), c.validity()));
            if let Ok(public) = key.public() {
                nothing_holds(public);
            }
        }
        let role = root.claims().role("root").cloned().expect("the role root");
        assert!(root.verify("root", &keys, &role, &mut Budget::new(100_000)).is_err(), "signed by nobody, and trusted");
    }
}
