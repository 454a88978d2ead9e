//! Files of both wire formats, made here and signed with keys of our own, and what a run makes of
//! them. Which keys and signatures stand where is up to the test.

#![allow(dead_code)] // each test file takes what it needs

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer as _, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaSigningAlgorithm,
};
use ring::signature::{EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tuf_core::client::drive;
use tuf_core::crypto::{hex, sha256};
use tuf_core::error::{Code, Error};
use tuf_core::limits::Budget;
use tuf_core::metadata::{Format, Metadata, Unverified};
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::Transport;
use tuf_core::trust::{Fetched, Outcome, Pin, Query, Request, Settings, TagRule, start};
use tuf_core::wire::Wire;

pub(crate) const NOW: &str = "2030-01-01T00:00:00Z";
pub(crate) const EXPIRES: &str = "2040-01-01T00:00:00Z";
pub(crate) const GUN: &str = "registry.example/app";

// ---- keys ----

/// The ed25519 key number `n`.
pub(crate) fn ed(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn ed_hex(n: u8) -> String {
    hex(ed(n).verifying_key().as_bytes())
}

/// A key object of TUF 1.0.
pub(crate) fn tuf_key(keytype: &str, scheme: &str, public: &str) -> Value {
    json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}})
}

pub(crate) fn tuf_ed(n: u8) -> Value {
    tuf_key("ed25519", "ed25519", &ed_hex(n))
}

/// A key object of Notary, and its computed id.
pub(crate) fn notary_key(keytype: &str, public: &[u8]) -> (String, Value) {
    let key = json!({"keytype": keytype, "keyval": {"private": null, "public": BASE64.encode(public)}});
    (hex(&sha256(&canonical(&key))), key)
}

pub(crate) fn notary_ed(n: u8) -> (String, Value) {
    notary_key("ed25519", ed(n).verifying_key().as_bytes())
}

/// An ECDSA key that was made for this test run, by the way it signs.
pub(crate) struct Ecdsa {
    pair: EcdsaKeyPair,
    p384: bool,
}

impl Ecdsa {
    fn new(algorithm: &'static EcdsaSigningAlgorithm, p384: bool) -> Self {
        let rng = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        Ecdsa { pair: EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &rng).unwrap(), p384 }
    }

    /// P-256, SHA-256, DER.
    pub(crate) fn p256() -> Self {
        Ecdsa::new(&ECDSA_P256_SHA256_ASN1_SIGNING, false)
    }

    /// P-384, SHA-384, DER.
    pub(crate) fn p384() -> Self {
        Ecdsa::new(&ECDSA_P384_SHA384_ASN1_SIGNING, true)
    }

    /// P-256, SHA-256, r‖s.
    pub(crate) fn p256_raw() -> Self {
        Ecdsa::new(&ECDSA_P256_SHA256_FIXED_SIGNING, false)
    }

    pub(crate) fn point(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub(crate) fn compressed(&self) -> Vec<u8> {
        let point = self.point();
        let half = point.len() / 2;
        [&[2 + (point[2 * half] & 1)], &point[1..=half]].concat()
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let head = if self.p384 {
            "3076301006072a8648ce3d020106052b81040022036200"
        } else {
            "3059301306072a8648ce3d020106082a8648ce3d030107034200"
        };
        [HEXLOWER.decode(head.as_bytes()).unwrap(), self.point()].concat()
    }

    pub(crate) fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki(), 64)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }
}

pub(crate) fn pem(label: &str, der: &[u8], width: usize) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(width).map(|at| &text[at..text.len().min(at + width)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inner = parts.concat();
    let length = match inner.len() {
        n @ 0..=127 => vec![n as u8],
        n @ 128..=255 => vec![0x81, n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag], &length[..], &inner].concat()
}

/// The PEM of a certificate for `name` (2020 to 2049), whose own signature nobody looks at.
pub(crate) fn certificate(spki: &[u8], name: &str, serial: u8) -> String {
    let algorithm = HEXLOWER.decode(b"300a06082a8648ce3d040302").unwrap(); // ecdsa-with-SHA256
    let common_name = der(0x30, &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[name.as_bytes()])]);
    let name = der(0x30, &[&der(0x31, &[&common_name])]);
    let validity = der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"490601000000Z"])]);
    let version = der(0xa0, &[&[2, 1, 2]]);
    let tbs = der(0x30, &[&version, &[2, 1, serial], &algorithm, &name, &validity, &name, spki]);
    pem("CERTIFICATE", &der(0x30, &[&tbs, &algorithm, &[3, 1, 0]]), 64)
}

// ---- signatures made elsewhere ----

/// `test-vectors/keys/signatures.json`.
pub(crate) struct Outside(Value);

pub(crate) fn outside() -> Outside {
    let file = test_vectors::root().join("keys/signatures.json");
    Outside(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

impl Outside {
    /// The `signed` of a timestamp, in canonical form: `tuf` or `notary`.
    pub(crate) fn message(&self, format: &str) -> String {
        self.0["messages"][format].as_str().unwrap().to_owned()
    }

    /// A row: the DER of the public key, and the signature.
    pub(crate) fn row(&self, name: &str, message: &str) -> (Vec<u8>, Vec<u8>) {
        let rows = self.0["rows"].as_array().unwrap();
        let row = rows.iter().find(|r| r["name"] == name && r["message"] == message);
        let row = row.unwrap_or_else(|| panic!("no row {name}"));
        let text = |member: &str| row[member].as_str().unwrap().as_bytes();
        (BASE64.decode(text("spki")).unwrap(), HEXLOWER.decode(text("sig")).unwrap())
    }
}

// ---- single files ----

pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    tuf_core::canonical::form(value.to_string().as_bytes()).unwrap()
}

pub(crate) fn ed_sig(n: u8, message: &[u8]) -> Vec<u8> {
    ed(n).sign(message).to_bytes().to_vec()
}

/// A file of TUF 1.0, from the text of `signed` and (id, hex of the signature).
pub(crate) fn tuf_file(signed: &str, signatures: &[(&str, String)]) -> String {
    let list: Vec<Value> = signatures.iter().map(|(id, sig)| json!({"keyid": id, "sig": sig})).collect();
    format!(r#"{{"signatures":{},"signed":{signed}}}"#, Value::from(list))
}

/// A file of Notary, from the text of `signed` and (id, method, signature).
pub(crate) fn notary_file(signed: &str, signatures: &[(&str, &str, Vec<u8>)]) -> String {
    let row =
        |(id, method, sig): &(&str, &str, Vec<u8>)| json!({"keyid": id, "method": method, "sig": BASE64.encode(sig)});
    let list: Vec<Value> = signatures.iter().map(row).collect();
    format!(r#"{{"signatures":{},"signed":{signed}}}"#, Value::from(list))
}

/// The `signed` of a root whose timestamp role has these keys; the other roles have none.
pub(crate) fn root_with(format: Format, keys: &Value, key_ids: &[&str], threshold: &Value) -> Value {
    let none = json!({"keyids": [], "threshold": 1});
    let timestamp = json!({"keyids": key_ids, "threshold": threshold});
    let roles = json!({"root": none, "snapshot": none, "targets": none, "timestamp": timestamp});
    let (kind, spec) = if format == Format::Tuf1 { ("root", "1.0") } else { ("Root", "") };
    let mut root = json!({"_type": kind, "version": 1, "expires": EXPIRES, "keys": keys, "roles": roles});
    if format == Format::Tuf1 {
        root["spec_version"] = json!(spec);
    }
    root
}

/// Whether a timestamp holds under the keys of a root: the ids that were counted, or the code.
pub(crate) struct Judge {
    pub(crate) wire: Wire,
    pub(crate) keys: BTreeMap<String, Value>,
    pub(crate) key_ids: Vec<String>,
    pub(crate) threshold: Value,
    pub(crate) work: u64,
}

impl Judge {
    pub(crate) fn new(format: Format, keys: &[(&str, Value)], threshold: u64) -> Self {
        Judge {
            wire: Wire::strict(format),
            keys: keys.iter().map(|(id, key)| ((*id).to_owned(), key.clone())).collect(),
            key_ids: keys.iter().map(|(id, _)| (*id).to_owned()).collect(),
            threshold: threshold.into(),
            work: 100_000_000,
        }
    }

    pub(crate) fn error(&self, file: &str) -> Result<Vec<String>, Error> {
        let ids: Vec<&str> = self.key_ids.iter().map(String::as_str).collect();
        let root = root_with(self.wire.format, &json!(self.keys), &ids, &self.threshold);
        let root = self.wire.root(tuf_file(&root.to_string(), &[]))?;
        let (keys, role) = (root.claims().keys(), root.claims().role("timestamp")?);
        let file = self.wire.timestamp(file)?;
        Ok(file.verify("timestamp", keys, role, &mut Budget::new(self.work))?.signed_by().to_vec())
    }

    pub(crate) fn judge(&self, file: &str) -> Result<Vec<String>, Code> {
        self.error(file).map_err(|e| e.code())
    }
}

/// Any of the four kinds, read and forgotten; a delegation as `targets/a`.
pub(crate) fn read(wire: Wire, role: &str, file: impl Into<Vec<u8>>) -> Result<(), Error> {
    fn version<T: Metadata>(file: &Unverified<T>) {
        assert!(file.claims().version() > 0);
    }
    match role {
        "root" => wire.root(file).map(|f| version(&f)),
        "timestamp" => wire.timestamp(file).map(|f| version(&f)),
        "snapshot" => wire.snapshot(file).map(|f| version(&f)),
        name => wire.targets(name, file).map(|f| version(&f)),
    }
}

// ---- whole repositories ----

/// What each role of a repository says, and which ed25519 keys sign it.
pub(crate) struct Repo {
    pub(crate) format: Format,
    /// `signed`, by role. Notary's hashes and lengths are filled in when it is built.
    pub(crate) signed: BTreeMap<String, Value>,
    pub(crate) signers: BTreeMap<String, Vec<(String, u8)>>,
    /// Files that are filled up to so many bytes, by role.
    pub(crate) size: BTreeMap<String, usize>,
    /// Notary's root key.
    root_key: Ecdsa,
    root_id: String,
}

/// The files of a repository under the names of their requests.
#[derive(Clone, Default)]
pub(crate) struct Served {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) asked: Vec<String>,
}

impl Transport for Served {
    fn fetch(&mut self, request: &Request) -> Fetched {
        self.asked.push(request.path.clone());
        match self.files.get(&request.path) {
            Some(bytes) => Fetched::Bytes(bytes.iter().take(request.max_bytes as usize + 1).copied().collect()),
            None => Fetched::NotFound("not there".into()),
        }
    }
}

fn role_of(ids: &[&str]) -> Value {
    json!({"keyids": ids, "threshold": 1})
}

/// A file filled up to `size` bytes with an unknown member beside `signed`.
pub(crate) fn padded(file: &[u8], size: usize) -> Vec<u8> {
    let fill = size - file.len() - r#""pad":"","#.len();
    [br#"{"pad":""#, "x".repeat(fill).as_bytes(), br#"","#, &file[1..]].concat()
}

/// A TUF 1.0 repository: targets lists `a.txt`, and delegates `p/*` to `project`, `q/*` to `other`.
pub(crate) fn tuf_repo() -> Repo {
    let keys: BTreeMap<&str, Value> =
        [("k1", tuf_ed(1)), ("k2", tuf_ed(2)), ("k3", tuf_ed(3)), ("k4", tuf_ed(4))].into();
    let common = |kind: &str| json!({"_type": kind, "spec_version": "1.0.31", "version": 1, "expires": EXPIRES});
    let with = |kind: &str, more: Value| {
        let mut signed = common(kind);
        signed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signed
    };
    let target = |text: &str| json!({"length": text.len(), "hashes": {"sha256": hex(&sha256(text.as_bytes()))}});
    let delegation = |name: &str, id: &str, path: &str| json!({"name": name, "keyids": [id], "threshold": 1, "terminating": false, "paths": [path]});
    let signed = [
        (
            "root",
            with(
                "root",
                json!({"consistent_snapshot": false, "keys": keys, "roles": {"root": role_of(&["k1"]),
                    "timestamp": role_of(&["k2"]), "snapshot": role_of(&["k3"]), "targets": role_of(&["k4"])}}),
            ),
        ),
        ("timestamp", with("timestamp", json!({"meta": {"snapshot.json": {"version": 1}}}))),
        (
            "snapshot",
            with(
                "snapshot",
                json!({"meta": {"targets.json": {"version": 1}, "project.json": {"version": 1},
                    "other.json": {"version": 1}}}),
            ),
        ),
        (
            "targets",
            with(
                "targets",
                json!({"targets": {"a.txt": target("a")}, "delegations": {"keys": {"k5": tuf_ed(5), "k6": tuf_ed(6)},
                    "roles": [delegation("project", "k5", "p/*"), delegation("other", "k6", "q/*")]}}),
            ),
        ),
        ("project", with("targets", json!({"targets": {"p/b.txt": target("b")}}))),
        ("other", with("targets", json!({"targets": {"q/c.txt": target("c")}}))),
    ];
    let signers = [("root", 1), ("timestamp", 2), ("snapshot", 3), ("targets", 4), ("project", 5), ("other", 6)];
    Repo {
        format: Format::Tuf1,
        signed: signed.map(|(role, signed)| (role.to_owned(), signed)).into(),
        signers: signers.map(|(role, n)| (role.to_owned(), vec![(format!("k{n}"), n)])).into(),
        size: BTreeMap::new(),
        root_key: Ecdsa::p256_raw(),
        root_id: String::new(),
    }
}

/// A Notary collection: `targets` names the tag `1.0`, and delegates everything to
/// `targets/releases`, which names `2.0`.
pub(crate) fn notary_repo() -> Repo {
    let root_key = Ecdsa::p256_raw();
    let (root_id, certificate) = notary_key("ecdsa-x509", certificate(&root_key.spki(), GUN, 1).as_bytes());
    let [(timestamp, k2), (snapshot, k3), (targets, k4), (releases, k5)] = [2, 3, 4, 5].map(notary_ed);
    let keys: BTreeMap<&str, Value> =
        [(&*root_id, certificate), (&timestamp, k2), (&snapshot, k3), (&targets, k4)].into();
    let target =
        |text: &str| json!({"length": text.len(), "hashes": {"sha256": BASE64.encode(&sha256(text.as_bytes()))}});
    let signed = [
        (
            "root",
            json!({"_type": "Root", "version": 1, "expires": EXPIRES, "consistent_snapshot": false, "keys": keys,
                "roles": {"root": role_of(&[&root_id]), "timestamp": role_of(&[&timestamp]),
                    "snapshot": role_of(&[&snapshot]), "targets": role_of(&[&targets])}}),
        ),
        ("timestamp", json!({"_type": "Timestamp", "version": 1, "expires": EXPIRES, "meta": {}})),
        ("snapshot", json!({"_type": "Snapshot", "version": 1, "expires": EXPIRES, "meta": {}})),
        (
            "targets",
            json!({"_type": "Targets", "version": 1, "expires": EXPIRES, "targets": {"1.0": target("1")},
                "delegations": {"keys": {&*releases: k5}, "roles": [
                    {"name": "targets/releases", "keyids": [&releases], "threshold": 1, "paths": [""]}]}}),
        ),
        (
            "targets/releases",
            json!({"_type": "Targets", "version": 1, "expires": EXPIRES, "targets": {"2.0": target("2")},
                "delegations": {"keys": {}, "roles": []}}),
        ),
    ];
    let signers = [
        ("timestamp", timestamp, 2),
        ("snapshot", snapshot, 3),
        ("targets", targets, 4),
        ("targets/releases", releases, 5),
    ];
    Repo {
        format: Format::Notary1,
        signed: signed.map(|(role, signed)| (role.to_owned(), signed)).into(),
        signers: signers.map(|(role, id, n)| (role.to_owned(), vec![(id, n)])).into(),
        size: BTreeMap::new(),
        root_key,
        root_id,
    }
}

impl Repo {
    /// The file of a role as it stands.
    pub(crate) fn file(&self, role: &str) -> Vec<u8> {
        let signed = self.signed[role].to_string();
        let message = canonical(&self.signed[role]);
        let file = match (self.format, role) {
            (Format::Notary1, "root") => {
                notary_file(&signed, &[(&self.root_id, "ecdsa", self.root_key.sign(&message))])
            }
            (Format::Notary1, _) => {
                let row = |(id, n): &(String, u8)| (id.clone(), ed_sig(*n, &message));
                let rows: Vec<(String, Vec<u8>)> = self.signers[role].iter().map(row).collect();
                let rows: Vec<_> = rows.iter().map(|(id, sig)| (id.as_str(), "eddsa", sig.clone())).collect();
                notary_file(&signed, &rows)
            }
            _ => {
                let row = |(id, n): &(String, u8)| (id.clone(), hex(&ed_sig(*n, &message)));
                let rows: Vec<(String, String)> = self.signers[role].iter().map(row).collect();
                let rows: Vec<_> = rows.iter().map(|(id, sig)| (id.as_str(), sig.clone())).collect();
                tuf_file(&signed, &rows)
            }
        };
        match self.size.get(role) {
            Some(size) => padded(file.as_bytes(), *size),
            None => file.into_bytes(),
        }
    }

    /// All files under the names of their requests.
    pub(crate) fn served(&mut self) -> Served {
        let mut files = BTreeMap::new();
        let roles: Vec<String> = self.signed.keys().rev().cloned().collect(); // delegations first
        if self.format == Format::Tuf1 {
            files.extend(roles.iter().map(|role| (format!("{role}.json"), self.file(role))));
            return Served { files, asked: Vec::new() };
        }
        let meta = |bytes: &[u8]| json!({"length": bytes.len(), "hashes": {"sha256": BASE64.encode(&sha256(bytes))}});
        for role in roles.iter().map(String::as_str).filter(|r| r.starts_with("targets")).chain(["root", "snapshot"]) {
            let bytes = self.file(role);
            let parent = if role == "snapshot" { "timestamp" } else { "snapshot" };
            if let Some(parent) = self.signed.get_mut(parent) {
                parent["meta"][role] = meta(&bytes);
            }
            let name = if role == "root" { role.to_owned() } else { format!("{role}.{}", hex(&sha256(&bytes))) };
            files.insert(format!("{name}.json"), bytes);
        }
        files.insert("timestamp.json".to_owned(), self.file("timestamp"));
        Served { files, asked: Vec::new() }
    }

    /// What a run is judged by: our own root, or the first one that is offered.
    pub(crate) fn settings(&self) -> Settings {
        let pin = if self.format == Format::Tuf1 { Pin::Root(self.file("root")) } else { Pin::FirstUse };
        Settings::new(GUN, self.format, pin, Time::parse(NOW).unwrap())
    }

    /// A run of a client without a store that looks up one name.
    pub(crate) fn look_up(&mut self, name: &str) -> Run {
        let settings = self.settings();
        self.run(settings, name)
    }

    pub(crate) fn run(&mut self, settings: Settings, name: &str) -> Run {
        let served = self.served();
        run(settings, served, name)
    }
}

/// A run that is over.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) asked: Vec<String>,
    pub(crate) store: MemoryStore,
}

pub(crate) fn run(settings: Settings, mut served: Served, name: &str) -> Run {
    let rule = if settings.wire.format == Format::Tuf1 { TagRule::Search } else { TagRule::TargetsFirst };
    let mut store = MemoryStore::default();
    let job = start(settings, vec![(Query::Name(name.to_owned()), rule)]);
    let outcome = drive(job, &mut store, &mut served);
    Run { outcome, asked: served.asked, store }
}

impl Run {
    /// The role that answered, or the code of the refusal.
    pub(crate) fn role(&self) -> Result<String, Code> {
        self.outcome.answers[0].as_ref().map(|t| t.found[0].role.clone()).map_err(|e| e.code())
    }
}
