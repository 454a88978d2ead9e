//! Certificate bundles: PEM as it comes, or the DER of one certificate, as the root key of a
//! collection, judged under each kind of pin; and as a pinned authority.
#![no_main]

use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::sync::Arc;
use tuf_core::certificate::Authority;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::Format;
use tuf_core::store::{MemoryStore, Store};
use tuf_core::time::Time;
use tuf_core::transport::{MemoryTransport, Transport};
use tuf_core::trust::{Pin, Query, Settings, Step, TagRule, start};

const CA: &[u8] = include_bytes!("../../../test-vectors/notary/captured/ca-pinned/pin/ca.pem");
const GUN: &str = "registry.example/library/hello";

fuzz_target!(|data: &[u8]| {
    let pem = if data.starts_with(b"-----") {
        data.to_vec()
    } else {
        let body = BASE64.encode(data);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes()
    };
    let _ = Authority::from_pem(&pem);
    let Ok(ca) = Authority::from_pem(CA) else { panic!("the authority of the vectors") };
    for keytype in ["ecdsa-x509", "rsa-x509"] {
        let (id, root) = root(keytype, &pem);
        for pin in [Pin::Authority(ca.clone()), Pin::CertificateIds(vec![id.clone()]), Pin::FirstUse] {
            signed_by_nobody(pin, &root);
        }
    }
});

fn root(keytype: &str, pem: &[u8]) -> (String, Vec<u8>) {
    let key = format!(r#"{{"keytype":"{keytype}","keyval":{{"private":null,"public":"{}"}}}}"#, BASE64.encode(pem));
    let id = hex(&sha256(key.as_bytes()));
    let role = format!(r#"{{"keyids":["{id}"],"threshold":1}}"#);
    let root = format!(
        r#"{{"signed":{{"_type":"Root","consistent_snapshot":false,"expires":"2049-06-01T00:00:00Z","keys":{{"{id}":{key}}},"roles":{{"root":{role},"snapshot":{role},"targets":{role},"timestamp":{role}}},"version":1}},"signatures":[{{"keyid":"{id}","method":"ecdsa","sig":"{}=="}}]}}"#,
        "A".repeat(86)
    );
    (id, root.into_bytes())
}

fn signed_by_nobody(pin: Pin, root: &[u8]) {
    let files = ["root.json", "1.root.json"].map(|name| (name.to_owned(), root.to_vec()));
    let mut transport = MemoryTransport::new(Arc::new(BTreeMap::from(files)));
    let mut store = MemoryStore::default();
    let now = Time::parse("2030-01-01T00:00:00Z").expect("a time");
    let settings = Settings::new(GUN, Format::Notary1, pin, now);
    let mut job = start(settings, vec![(Query::Name("1.0".to_owned()), TagRule::ReleasesFirst)]);
    let outcome = loop {
        match job.step() {
            Step::Load { file, sha256 } => job.loaded(store.load(&file, sha256.as_deref())),
            Step::Fetch(request) => {
                let answer = transport.fetch(&request);
                job.answer(request.id, answer);
            }
            Step::Commit(changes) => job.committed(store.commit(&changes)),
            Step::Done(outcome) => break outcome,
            _ => {}
        }
    };
    assert!(outcome.answers.iter().all(|answer| answer.is_err()), "signed by nobody, and trusted");
}
