//! The repository: what is signed, and how it is bent.

use super::{Cert, GUN, Key, LATER, Server};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use tuf_core::canonical;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::{Format, role};
use tuf_core::trust::Pin;

/// A change of JSON.
pub(crate) type Edit = Rc<dyn Fn(&mut Value)>;

/// A file to be signed, and how to bend it.
#[derive(Clone)]
pub(crate) struct File {
    /// What is signed; `meta` is filled in when it is published.
    pub(crate) signed: Value,
    /// Who signs, if not the keys that root lists for the role.
    pub(crate) signers: Option<Vec<Key>>,
    /// Edits `signed` right before it is signed.
    pub(crate) bend: Option<Edit>,
    /// Edits the whole file once it is signed.
    pub(crate) seal: Option<Edit>,
    /// Edits the entry that the parent has of it.
    pub(crate) listed: Option<Edit>,
    /// The snapshot does not list it.
    pub(crate) unlisted: bool,
}

/// Keys and threshold of each top-level role.
pub(crate) type Keys = BTreeMap<&'static str, (Vec<Key>, u64)>;

/// A repository of either format.
#[derive(Clone)]
pub(crate) struct Repo {
    pub(crate) format: Format,
    /// The keys of the next root that is made.
    pub(crate) keys: Keys,
    /// The roots, from version 1.
    pub(crate) roots: Vec<Vec<u8>>,
    files: BTreeMap<String, File>,
}

impl Repo {
    /// A Notary collection of the name [`GUN`]: root 1, timestamp, snapshot, targets, no target.
    pub(crate) fn notary() -> Repo {
        Repo::with_root_key(Cert::new(GUN).self_signed())
    }

    /// The same with this key as root's.
    pub(crate) fn with_root_key(root: Key) -> Repo {
        Repo::new(Format::Notary1, root)
    }

    /// A TUF 1.0 repository with consistent snapshots.
    pub(crate) fn tuf() -> Repo {
        Repo::new(Format::Tuf1, Key::named("root"))
    }

    fn new(format: Format, root: Key) -> Repo {
        let mut keys = Keys::from([(role::ROOT, (vec![root], 1))]);
        let mut repo = Repo { format, keys: Keys::new(), roots: Vec::new(), files: BTreeMap::new() };
        for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
            keys.insert(name, (vec![Key::named(name)], 1));
            let body = if name == role::TARGETS { json!({"targets": {}}) } else { json!({"meta": {}}) };
            repo.insert(name, body, None);
        }
        repo.keys = keys;
        repo.add_root(|_| {});
        repo
    }

    fn insert(&mut self, name: &str, mut signed: Value, signers: Option<Vec<Key>>) {
        self.common(name, &mut signed);
        let file = File { signed, signers, bend: None, seal: None, listed: None, unlisted: false };
        self.files.insert(name.to_owned(), file);
    }

    /// The members that every `signed` has.
    fn common(&self, name: &str, signed: &mut Value) {
        let kind = if role::TOP_LEVEL.contains(&name) { name } else { role::TARGETS };
        signed["version"] = json!(1);
        signed["expires"] = json!(LATER);
        match self.format {
            Format::Tuf1 => {
                signed["_type"] = json!(kind);
                signed["spec_version"] = json!("1.0.31");
            }
            _ => signed["_type"] = json!(format!("{}{}", kind[..1].to_uppercase(), &kind[1..])),
        }
    }

    /// Makes and signs the next root from [`Repo::keys`], by its own root keys and those of the
    /// root before.
    pub(crate) fn rotate(&mut self, change: impl FnOnce(&mut Keys)) {
        let before = self.keys[role::ROOT].0.clone();
        change(&mut self.keys);
        let mut signers = self.keys[role::ROOT].0.clone();
        let format = self.format;
        signers.extend(
            before.into_iter().filter(|k| !self.keys[role::ROOT].0.iter().any(|n| n.id(format) == k.id(format))),
        );
        self.add_root_by(&signers, |_| {});
    }

    /// Makes the next root, bent, and signs it by its own root keys.
    pub(crate) fn add_root(&mut self, bend: impl FnOnce(&mut Value)) {
        self.add_root_by(&self.keys[role::ROOT].0.clone(), bend);
    }

    /// Makes the next root, bent, and signs it by these keys.
    pub(crate) fn add_root_by(&mut self, signers: &[Key], bend: impl FnOnce(&mut Value)) {
        let mut signed = json!({"keys": {}, "roles": {}, "consistent_snapshot": self.format == Format::Tuf1});
        self.common(role::ROOT, &mut signed);
        signed["version"] = json!(self.roots.len() + 1);
        for (name, (keys, threshold)) in &self.keys {
            let ids: Vec<String> = keys.iter().map(|key| key.id(self.format)).collect();
            signed["roles"][name] = json!({"keyids": ids, "threshold": threshold});
            for key in keys {
                signed["keys"][key.id(self.format)] = key.object(self.format);
            }
        }
        bend(&mut signed);
        let root = self.sign(&signed, signers, None);
        self.roots.push(root);
    }

    fn sign(&self, signed: &Value, signers: &[Key], seal: Option<&Edit>) -> Vec<u8> {
        let message = canonical::form(&serde_json::to_vec(signed).expect("JSON")).expect("canonical");
        let signatures: Vec<Value> = signers.iter().map(|key| key.sign(self.format, &message)).collect();
        let mut file = json!({"signed": signed, "signatures": signatures});
        if let Some(seal) = seal {
            seal(&mut file);
        }
        serde_json::to_vec(&file).expect("JSON")
    }

    /// A file other than a root.
    pub(crate) fn file(&mut self, name: &str) -> &mut File {
        self.files.get_mut(name).expect("a file")
    }

    /// What is signed of a file.
    pub(crate) fn signed(&mut self, name: &str) -> &mut Value {
        &mut self.file(name).signed
    }

    /// A target named `path` with the content `content`; the digest of images is that of the content.
    pub(crate) fn target(&mut self, name: &str, path: &str, content: &str) {
        let hash = sha256(content.as_bytes());
        let hash = if self.format == Format::Tuf1 { hex(&hash) } else { BASE64.encode(&hash) };
        self.signed(name)["targets"][path] = json!({"length": content.len(), "hashes": {"sha256": hash}});
    }

    /// Delegates `paths` to the role `name`, signed by the key of that name.
    pub(crate) fn delegate(&mut self, parent: &str, name: &str, paths: &[&str]) {
        self.delegate_to(parent, name, paths, &[Key::named(name)], 1);
    }

    /// Delegates `paths` to the role `name` with these keys (anew, if it was); all of them sign.
    pub(crate) fn delegate_to(&mut self, parent: &str, name: &str, paths: &[&str], keys: &[Key], threshold: u64) {
        let format = self.format;
        let ids: Vec<String> = keys.iter().map(|key| key.id(format)).collect();
        let mut delegation = json!({"name": name, "keyids": ids, "threshold": threshold, "paths": paths});
        if format == Format::Tuf1 {
            delegation["terminating"] = json!(false);
        }
        self.revoke(parent, name);
        let delegations = &mut self.signed(parent)["delegations"];
        for key in keys {
            delegations["keys"][key.id(format)] = key.object(format);
        }
        delegations["roles"].as_array_mut().expect("roles").push(delegation);
        match self.files.get_mut(name) {
            Some(file) => file.signers = Some(keys.to_vec()),
            None => self.insert(name, json!({"targets": {}}), Some(keys.to_vec())),
        }
    }

    /// The delegation to `name` as its parent has it.
    pub(crate) fn delegation(&mut self, parent: &str, name: &str) -> &mut Value {
        let roles = self.signed(parent)["delegations"]["roles"].as_array_mut().expect("roles");
        roles.iter_mut().find(|d| d["name"] == name).expect("a delegation")
    }

    /// Delegates to `name` by prefixes of the hash of a path.
    pub(crate) fn delegate_hashes(&mut self, parent: &str, name: &str, prefixes: &[&str]) {
        self.delegate(parent, name, &[]);
        let delegation = self.delegation(parent, name).as_object_mut().expect("an object");
        delegation.remove("paths");
        delegation.insert("path_hash_prefixes".to_owned(), json!(prefixes));
    }

    /// Delegates to hash bins, of the key named by their prefix; each bin that is asked for is to be
    /// made with [`Repo::role`].
    pub(crate) fn bins(&mut self, parent: &str, prefix: &str, bits: &Value) {
        let (format, key) = (self.format, Key::named(prefix));
        let id = key.id(format);
        let bins = json!({"keyids": [&id], "threshold": 1, "bit_length": bits, "name_prefix": prefix});
        let mut delegations = json!({"keys": {}, "succinct_roles": bins});
        delegations["keys"][&id] = key.object(format);
        self.signed(parent)["delegations"] = delegations;
    }

    /// A targets role without any target, signed by this key.
    pub(crate) fn role(&mut self, name: &str, key: &Key) {
        self.insert(name, json!({"targets": {}}), Some(vec![key.clone()]));
    }

    /// Takes the delegation to `name` out of its parent.
    pub(crate) fn revoke(&mut self, parent: &str, name: &str) {
        let delegations = &mut self.signed(parent)["delegations"];
        if delegations.is_null() {
            *delegations = json!({"keys": {}, "roles": []});
        }
        delegations["roles"].as_array_mut().expect("roles").retain(|d| d["name"] != name);
    }

    /// The next version of these files.
    pub(crate) fn bump(&mut self, names: &[&str]) {
        for name in names {
            let version = &mut self.signed(name)["version"];
            *version = json!(version.as_u64().expect("a version") + 1);
        }
    }

    /// A pin that the first root meets.
    pub(crate) fn pin(&self) -> Pin {
        match self.format {
            Format::Tuf1 => Pin::Root(self.roots[0].clone()),
            _ => Pin::CertificateIds(root_key_ids(&self.roots[0])),
        }
    }

    /// What a server has of it now.
    pub(crate) fn publish(&self) -> Server {
        let mut server = Server::default();
        for (at, root) in self.roots.iter().enumerate() {
            server.files.insert(format!("{}.root.json", at + 1), root.clone());
            server.files.insert("root.json".to_owned(), root.clone());
        }
        let mut meta = json!({});
        let newest = self.roots.last().expect("a root");
        if self.format == Format::Notary1 {
            meta[role::ROOT] = self.entry(newest, &Value::Null);
        }
        let tops = [role::SNAPSHOT, role::TIMESTAMP];
        let order = self.files.keys().map(String::as_str).filter(|name| !tops.contains(name)).chain(tops);
        for name in order {
            let file = &self.files[name];
            let mut signed = file.signed.clone();
            if tops.contains(&name) {
                signed["meta"] = std::mem::replace(&mut meta, json!({}));
            }
            if let Some(bend) = &file.bend {
                bend(&mut signed);
            }
            let signers = file.signers.clone().unwrap_or_else(|| self.keys.get(name).expect("keys").0.clone());
            let bytes = self.sign(&signed, &signers, file.seal.as_ref());
            let mut entry = self.entry(&bytes, &signed["version"]);
            if let Some(edit) = &file.listed {
                edit(&mut entry);
            }
            let plain = if name == role::TIMESTAMP || !consistent(newest) { None } else { signed["version"].as_u64() };
            server.files.insert(path(self.format, name, plain, &entry), bytes);
            if !file.unlisted {
                meta[if self.format == Format::Tuf1 { format!("{name}.json") } else { name.to_owned() }] = entry;
            }
        }
        server
    }

    fn entry(&self, bytes: &[u8], version: &Value) -> Value {
        let hash = sha256(bytes);
        match self.format {
            Format::Tuf1 => {
                json!({"length": bytes.len(), "hashes": {"sha256": hex(&hash)}, "version": version})
            }
            _ => json!({"length": bytes.len(), "hashes": {"sha256": BASE64.encode(&hash)}}),
        }
    }
}

/// The ids of the root keys of a root file.
pub(crate) fn root_key_ids(root: &[u8]) -> Vec<String> {
    let root: Value = serde_json::from_slice(root).expect("JSON");
    let ids = root["signed"]["roles"]["root"]["keyids"].as_array().expect("key ids");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

fn consistent(root: &[u8]) -> bool {
    let root: Value = serde_json::from_slice(root).expect("JSON");
    root["signed"]["consistent_snapshot"] == json!(true)
}

/// The path under which a client asks for a file.
fn path(format: Format, name: &str, version: Option<u64>, entry: &Value) -> String {
    match (format, version) {
        (Format::Notary1, _) if name == role::TIMESTAMP => "timestamp.json".to_owned(),
        (Format::Notary1, _) => {
            let hash = BASE64.decode(entry["hashes"]["sha256"].as_str().expect("a hash").as_bytes());
            format!("{name}.{}.json", hex(&hash.expect("base64")))
        }
        (_, Some(version)) => format!("{version}.{}.json", encoded(name)),
        (_, None) => format!("{}.json", encoded(name)),
    }
}

/// A role's name in a URL: what is not an unreserved character is `%XX`.
pub(crate) fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
