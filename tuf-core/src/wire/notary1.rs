//! The Notary v1 wire format (requirements-notary.md, "Wire format").

use super::{Context, null, put_hash};
use crate::canonical;
use crate::certificate::Bundle;
use crate::crypto::PublicKey;
use crate::error::{Code, Error, Result, shown};
use crate::json::{Reader, missing};
use crate::metadata::{
    Delegation, Delegations, FileMeta, Hashes, Key, Keys, Paths, RoleKeys, Root, Snapshot, Target, Targets, Timestamp,
    role,
};
use std::collections::{BTreeMap, BTreeSet};

/// Role names are shorter than this (N-1).
const NAME_BYTES: usize = 256;

pub(super) fn root(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Root> {
    let (mut keys, mut roles, mut consistent_snapshot) = (Keys::new(), BTreeMap::new(), false);
    let (version, expires) = c.common(reader, &["consistent_snapshot", "keys", "roles"], |r, name| {
        match name {
            "consistent_snapshot" => consistent_snapshot = r.bool()?,
            "keys" if null(r)? => {}
            "keys" => keys = c.keys(r, |r, id| key(r, c, id))?,
            _ if null(r)? => {}
            _ => roles = c.root_roles(r)?,
        }
        Ok(())
    })?;
    for (name, role) in &roles {
        listed(&keys, role).map_err(|e| e.inside(name).inside("roles"))?;
    }
    c.finished_root(Root { version, expires, consistent_snapshot, keys, roles })
}

/// T-31, N: a role that names a key its file does not list.
fn listed(keys: &Keys, role: &RoleKeys) -> Result<()> {
    match role.key_ids.iter().find(|id| !keys.contains_key(*id)) {
        Some(id) => Err(Error::new(Code::ParseSchema, "T-31", "a role names a key that the file does not list")
            .with_keys([shown(id)])),
        None => Ok(()),
    }
}

pub(super) fn timestamp(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Timestamp> {
    let mut snapshot = None;
    let (version, expires) = c.common(reader, &["meta"], |r, _| {
        r.object(|r, name| {
            if name != role::SNAPSHOT {
                return r.skip();
            }
            snapshot = Some(file_meta(r, c)?);
            Ok(())
        })
    })?;
    let snapshot = snapshot.ok_or_else(|| missing("snapshot").inside("meta"))?;
    Ok(Timestamp { version, expires, snapshot })
}

pub(super) fn snapshot(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Snapshot> {
    let mut meta = None;
    let (version, expires) = c.common(reader, &["meta"], |r, _| {
        // Entries are read when they are asked for (N-3), two of them always.
        meta = Some(c.table(r, |r, name| {
            if name == role::ROOT || name == role::TARGETS { file_meta(r, c).map(drop) } else { r.skip() }
        })?);
        Ok(())
    })?;
    let meta = meta.ok_or_else(|| missing("meta"))?;
    let read_meta = if c.wire.compatible { lenient_meta } else { strict_meta };
    let snapshot = Snapshot { version, expires, meta, read_meta, suffix: "" };
    match [role::ROOT, role::TARGETS].into_iter().find(|name| !snapshot.lists(name)) {
        Some(name) => Err(missing(name).inside("meta")),
        None => Ok(snapshot),
    }
}

/// An entry that was read with its file, or is asked for later.
fn strict_meta(reader: &mut Reader<'_>) -> Result<FileMeta> {
    again(reader, false, file_meta)
}

fn lenient_meta(reader: &mut Reader<'_>) -> Result<FileMeta> {
    again(reader, true, file_meta)
}

fn strict_target(reader: &mut Reader<'_>) -> Result<Target> {
    again(reader, false, target)
}

fn lenient_target(reader: &mut Reader<'_>) -> Result<Target> {
    again(reader, true, target)
}

/// Reads one entry outside its file.
fn again<T>(
    reader: &mut Reader<'_>,
    compatible: bool,
    read: fn(&mut Reader<'_>, &Context<'_>) -> Result<T>,
) -> Result<T> {
    let strict = super::Wire::strict(crate::metadata::Format::Notary1);
    let wire = super::Wire { compatible, key_ids: super::KeyIds::Computed, ..strict };
    let bytes = crate::metadata::Bytes::default();
    read(reader, &Context { wire, role: role::TARGETS, bytes: &bytes, exceptions: Default::default() })
}

fn file_meta(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<FileMeta> {
    let (mut length, mut hashes) = (None, None);
    c.members(reader, &["length", "hashes", "custom"], |r, name| {
        match name {
            "length" => length = Some(r.count(0)?),
            "hashes" => hashes = Some(read_hashes(r, c, false)?),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let hashes: Hashes = hashes.ok_or_else(|| missing("hashes"))?;
    if hashes.sha256.is_none() {
        return Err(missing("sha256").inside("hashes"));
    }
    Ok(FileMeta { version: None, length: Some(length.ok_or_else(|| missing("length"))?), hashes: Some(hashes) })
}

/// Base64 by algorithm. A known hash of the wrong length spoils the file that it is listed in
/// (T-36); on a target it counts as none (N-41: "without a full SHA-256").
fn read_hashes(reader: &mut Reader<'_>, c: &Context<'_>, on_target: bool) -> Result<Hashes> {
    let mut hashes = Hashes::default();
    reader.object(|r, name| {
        let bytes = c.base64(&r.string()?)?;
        match put_hash(&mut hashes, name, &bytes) {
            Err(_) if on_target => Ok(()),
            done => done,
        }
    })?;
    Ok(hashes)
}

pub(super) fn targets(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Targets> {
    let (mut delegations, mut table) = (Delegations::default(), Default::default());
    let (version, expires) = c.common(reader, &["delegations", "targets"], |r, name| {
        match name {
            "delegations" if null(r)? => {}
            "delegations" => delegations = read_delegations(r, c)?,
            _ => {
                table = c.table_or_null(r, |r, name| {
                    c.name(name, "a target path")?;
                    target(r, c).map(drop)
                })?
            }
        }
        Ok(())
    })?;
    let read_target = if c.wire.compatible { lenient_target } else { strict_target };
    Ok(Targets { version, expires, delegations, targets: table, read_target })
}

fn target(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Target> {
    let (mut length, mut hashes, mut custom) = (None, Hashes::default(), None);
    c.members(reader, &["length", "hashes", "custom"], |r, name| {
        match name {
            "length" => length = Some(r.count(0)?),
            "hashes" => hashes = read_hashes(r, c, true)?,
            _ => custom = Some(r.verbatim()?),
        }
        Ok(())
    })?;
    Ok(Target { length, hashes, custom, named_by: None })
}

fn read_delegations(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Delegations> {
    let (mut keys, mut roles) = (Keys::new(), Vec::new());
    c.members(reader, &["keys", "roles"], |r, name| {
        match name {
            _ if null(r)? => {}
            "keys" => keys = c.keys(r, |r, id| key(r, c, id))?,
            _ => r.array(|r| {
                roles.push(delegation(r, c)?);
                c.delegations(roles.len())
            })?,
        }
        Ok(())
    })?;
    let mut names = BTreeSet::new();
    for d in &roles {
        listed(&keys, &d.keys).map_err(|e| e.inside(&d.name))?;
        if !names.insert(&d.name) {
            return Err(Error::new(Code::ParseRoleName, "T-27", "a role is delegated twice").values("once", &d.name));
        }
    }
    Ok(Delegations { keys, roles, bins: None })
}

fn delegation(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Delegation> {
    let (mut name, mut key_ids, mut threshold, mut paths) = (None, None, None, Vec::new());
    c.members(reader, &["name", "keyids", "threshold", "paths"], |r, member| {
        match member {
            "name" => name = Some(r.string()?.into_owned()),
            "keyids" => key_ids = Some(c.strings(r)?),
            "threshold" => threshold = Some(r.count(1)?),
            _ if null(r)? => {}
            _ => paths = c.strings(r)?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| missing("name"))?;
    role_name(c.role, &name)?;
    let keys = c.role_keys(key_ids, threshold)?;
    let paths = if paths.is_empty() { Paths::Nothing } else { Paths::Prefixes(paths) };
    Ok(Delegation { name, keys, paths, terminating: false })
}

/// N-1: a direct child of the delegating role, of few characters, under 256 bytes; one pass.
fn role_name(parent: &str, name: &str) -> Result<()> {
    let child = name.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if name.len() < NAME_BYTES && child.is_some_and(|c| !c.is_empty() && c.bytes().all(plain)) {
        return Ok(());
    }
    Err(Error::new(Code::ParseRoleName, "N-1", "a delegation under a name that is not allowed there")
        .values(format_args!("{parent}/NAME of a-z 0-9 - _, under 256 bytes"), shown(name)))
}

fn key(reader: &mut Reader<'_>, c: &Context<'_>, id: &str) -> Result<Key> {
    let (mut keytype, mut public) = (None, None);
    c.members(reader, &["keytype", "keyval"], |r, name| {
        if name == "keytype" {
            keytype = Some(r.string()?.into_owned());
            return Ok(());
        }
        c.members(r, &["private", "public"], |r, name| {
            match name {
                "public" => public = Some(r.string()?.into_owned()),
                _ => r.null()?,
            }
            Ok(())
        })
    })?;
    let keytype = keytype.ok_or_else(|| missing("keytype"))?;
    let public = public.ok_or_else(|| missing("public").inside("keyval"))?;
    let bytes = c.base64(&public).map_err(|e| e.inside("public"))?;
    let (bundle, key) = match keytype.as_str() {
        "ecdsa-x509" | "rsa-x509" => match Bundle::from_pem(&bytes) {
            Ok(bundle) => {
                let key = bundle.key();
                (Some(bundle), key)
            }
            Err(why) => (None, Err(why)),
        },
        "ecdsa" | "rsa" => (None, PublicKey::from_spki(&bytes)),
        "ed25519" => (None, PublicKey::ed25519(&bytes)),
        _ => (None, Err("an unknown key type")),
    };
    // The reference client hashes the base64 that it writes again, not the one it read (N-41).
    let id_holds = canonical::notary_key_id(&keytype, &data_encoding::BASE64.encode(&bytes)) == id;
    Ok(Key { id: id.to_owned(), id_holds, keytype, algorithm: None, public: key, bundle })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-1.1 N-1.2 N-1.3 N-1.4: names of delegations, in a table.
    #[test]
    fn role_names_are_direct_children_of_few_characters() {
        let long = format!("targets/{}", "a".repeat(NAME_BYTES - 8));
        for (parent, name, fine) in [
            ("targets", "targets/releases", true),
            ("targets", "targets/a-b_9", true),
            ("targets/a", "targets/a/b", true),
            ("targets", "targets/a/b", false),
            ("targets", "targets", false),
            ("targets", "targets/", false),
            ("targets", "root", false),
            ("targets", "Targets/x", false),
            ("targets", "targets/X", false),
            ("targets", "targets/a b", false),
            ("targets", "targets/é", false),
            ("targets/a", "targets/ab/c", false),
            ("targets", "targets//a", false),
            ("targets", "targets/../a", false),
            ("targets", long.get(..NAME_BYTES - 1).unwrap_or_default(), true),
            ("targets", &long, false),
        ] {
            assert_eq!(role_name(parent, name).is_ok(), fine, "{name}");
        }
    }

    /// N-1.5: names of 16 MiB, which any matching that goes back would not come to the end of.
    #[test]
    fn role_names_are_matched_in_one_pass() {
        let many = |text: &str| text.repeat((16 << 20) / text.len());
        for part in ["a", "a/", "/", "-a", "a_9", "targets/", "aé"] {
            for end in ["", "!", "/"] {
                let name = format!("targets/{}{end}", many(part));
                assert!(role_name("targets", &name).is_err(), "{part} {end}");
                assert!(role_name(&name, &format!("{name}/a")).is_err(), "{part} {end}");
            }
        }
        assert!(role_name("targets", "targets/a").is_ok());
    }
}
