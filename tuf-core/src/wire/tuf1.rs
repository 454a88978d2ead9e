//! The TUF 1.0 wire format (the specification's section 4).

use super::{Context, KeyIds, id_of, put_hash};
use crate::canonical;
use crate::crypto::{self, PublicKey, Shape};
use crate::error::{Code, Error, Result, shown};
use crate::json::{Kind, Reader, encoding, missing};
use crate::metadata::{
    Bins, Delegation, Delegations, FileMeta, Hashes, Key, Paths, Root, Snapshot, Target, Targets, Timestamp, role,
};
use data_encoding::HEXLOWER_PERMISSIVE;
use std::collections::{BTreeMap, BTreeSet};

const SNAPSHOT_FILE: &str = "snapshot.json";
const TARGETS_FILE: &str = "targets.json";

/// Dot-separated decimal numbers, the first is 1 (T-38).
pub(super) fn spec_version(text: Option<&str>) -> Result<()> {
    let text = text.ok_or_else(|| missing("spec_version"))?;
    let mut parts = text.split('.');
    let numbers = text.split('.').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if numbers && parts.next() == Some("1") {
        return Ok(());
    }
    Err(Error::new(Code::ParseSpecVersion, "T-38 (TUF 4.2.1)", "another version of the specification")
        .values("1.x", shown(text)))
}

pub(super) fn root(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Root> {
    let (mut keys, mut roles, mut consistent_snapshot) = (None, None, false);
    let (version, expires) = c.common(reader, &["consistent_snapshot", "keys", "roles"], |r, name| {
        match name {
            "consistent_snapshot" => consistent_snapshot = r.bool()?,
            "keys" => keys = Some(c.keys(r, |r, id| key(r, c, id))?),
            _ => roles = Some(c.root_roles(r)?),
        }
        Ok(())
    })?;
    let keys = keys.ok_or_else(|| missing("keys"))?;
    let roles: BTreeMap<_, _> = roles.ok_or_else(|| missing("roles"))?;
    c.finished_root(Root { version, expires, consistent_snapshot, keys, roles })
}

pub(super) fn timestamp(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Timestamp> {
    let mut snapshot = None;
    let (version, expires) = c.common(reader, &["meta"], |r, _| {
        r.object(|r, name| {
            if name != SNAPSHOT_FILE {
                return r.skip();
            }
            snapshot = Some(file_meta(r)?);
            Ok(())
        })
    })?;
    let snapshot = snapshot.ok_or_else(|| missing(SNAPSHOT_FILE).inside("meta"))?;
    Ok(Timestamp { version, expires, snapshot })
}

pub(super) fn snapshot(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Snapshot> {
    let mut meta = None;
    let (version, expires) = c.common(reader, &["meta"], |r, _| {
        meta = Some(c.table(r, |r, name| {
            c.name(name.strip_suffix(".json").unwrap_or(name), "a role name")?;
            file_meta(r).map(drop)
        })?);
        Ok(())
    })?;
    let meta = meta.ok_or_else(|| missing("meta"))?;
    let snapshot = Snapshot { version, expires, meta, read_meta: file_meta, suffix: ".json" };
    if snapshot.lists(role::TARGETS) { Ok(snapshot) } else { Err(missing(TARGETS_FILE).inside("meta")) }
}

fn file_meta(reader: &mut Reader<'_>) -> Result<FileMeta> {
    let mut meta = FileMeta::default();
    reader.object(|r, name| {
        match name.as_ref() {
            "version" => meta.version = Some(r.count(1)?),
            "length" => meta.length = Some(r.count(0)?),
            "hashes" => meta.hashes = Some(read_hashes(r)?),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if meta.version.is_none() {
        return Err(missing("version"));
    }
    match &meta.hashes {
        Some(hashes) if hashes.is_empty() => {
            Err(Error::new(Code::ParseSchema, "T-40", "`hashes` is there without a known algorithm").inside("hashes"))
        }
        _ => Ok(meta),
    }
}

/// Hex by algorithm; unknown algorithms are passed by (T-40).
fn read_hashes(reader: &mut Reader<'_>) -> Result<Hashes> {
    read_spelled_hashes(reader).map(|(hashes, _)| hashes)
}

/// The hashes, and the one that names a file, as it is spelled (T-19, T-36).
fn read_spelled_hashes(reader: &mut Reader<'_>) -> Result<(Hashes, Option<String>)> {
    const NAMING: [&str; 3] = ["sha256", "sha512", "blake2b-256"];
    let mut hashes = Hashes::default();
    let mut spelled: [Option<String>; 3] = Default::default();
    reader.object(|r, name| {
        let Some((_, place)) = NAMING.iter().zip(&mut spelled).find(|(known, _)| **known == name.as_ref()) else {
            return r.skip();
        };
        let text = r.string()?;
        *place = Some(text.as_ref().to_owned());
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| encoding("a hash that is no hex"))?;
        put_hash(&mut hashes, name, &bytes)
    })?;
    Ok((hashes, spelled.into_iter().flatten().next()))
}

pub(super) fn targets(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Targets> {
    let (mut delegations, mut table) = (Delegations::default(), None);
    let (version, expires) = c.common(reader, &["delegations", "targets"], |r, name| {
        match name {
            "delegations" => delegations = read_delegations(r, c)?,
            _ => {
                table = Some(c.table(r, |r, name| {
                    c.name(name, "a target path")?;
                    target(r).map(drop)
                })?);
            }
        }
        Ok(())
    })?;
    let table = table.ok_or_else(|| missing("targets"))?;
    Ok(Targets { version, expires, delegations, targets: table, read_target: target })
}

fn target(reader: &mut Reader<'_>) -> Result<Target> {
    let mut target = Target::default();
    reader.object(|r, name| {
        match name.as_ref() {
            "length" => target.length = Some(r.count(0)?),
            "hashes" => (target.hashes, target.named_by) = read_spelled_hashes(r)?,
            "custom" => {
                let (kind, text) = (r.kind()?, r.verbatim()?);
                if kind != Kind::Object {
                    return Err(Error::new(Code::ParseType, "T-39 (TUF 4.5)", "`custom` is not an object"));
                }
                target.custom = Some(text);
            }
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(target)
}

fn read_delegations(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Delegations> {
    let (mut keys, mut roles, mut bins) = (None, None, None);
    c.members(reader, &["keys", "roles", "succinct_roles"], |r, name| {
        match name {
            "keys" => keys = Some(c.keys(r, |r, id| key(r, c, id))?),
            "succinct_roles" => bins = Some(succinct(r, c)?),
            _ => {
                let mut list = Vec::new();
                r.array(|r| {
                    list.push(delegation(r, c)?);
                    c.delegations(list.len())
                })?;
                roles = Some(list);
            }
        }
        Ok(())
    })?;
    let keys = keys.ok_or_else(|| missing("keys"))?;
    let roles = match (roles, &bins) {
        (Some(roles), None) => roles,
        (None, Some(_)) => Vec::new(),
        (None, None) => return Err(missing("roles")),
        (Some(_), Some(_)) => {
            return Err(Error::new(
                Code::ParseSchema,
                "T-24 (TUF 4.5)",
                "`roles` and `succinct_roles` exclude each other",
            ));
        }
    };
    let mut names = BTreeSet::new();
    for d in &roles {
        if !names.insert(&d.name) || role::TOP_LEVEL.contains(&d.name.as_str()) {
            return Err(Error::new(Code::ParseRoleName, "T-27", "a delegation under the name of another role")
                .values("a name of its own", shown(&d.name)));
        }
    }
    Ok(Delegations { keys, roles, bins })
}

/// Hash bins (TAP 15).
fn succinct(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Bins> {
    let (mut key_ids, mut threshold, mut bit_length, mut name_prefix) = (None, None, None, None);
    c.members(reader, &["keyids", "threshold", "bit_length", "name_prefix"], |r, member| {
        match member {
            "keyids" => key_ids = Some(c.strings(r)?),
            "threshold" => threshold = Some(r.count(1)?),
            "bit_length" => bit_length = Some(r.count(1)?),
            _ => name_prefix = Some(r.string()?.into_owned()),
        }
        Ok(())
    })?;
    let found = bit_length.ok_or_else(|| missing("bit_length"))?;
    let bit_length = u32::try_from(found).ok().filter(|bits| *bits <= Bins::MOST_BITS).ok_or_else(|| {
        Error::new(Code::ParseNumber, "T-24 (TAP 15)", "more bits than a bin may be named by")
            .values(format_args!("1 to {}", Bins::MOST_BITS), found)
            .inside("bit_length")
    })?;
    let name_prefix = name_prefix.ok_or_else(|| missing("name_prefix"))?;
    let bins = Bins { keys: c.role_keys(key_ids, threshold)?, bit_length, name_prefix };
    c.name(&bins.name(0), "a bin's name")?;
    Ok(bins)
}

fn delegation(reader: &mut Reader<'_>, c: &Context<'_>) -> Result<Delegation> {
    let (mut name, mut key_ids, mut threshold, mut terminating) = (None, None, None, None);
    let (mut patterns, mut prefixes) = (None, None);
    c.members(reader, &["name", "keyids", "threshold", "terminating", "paths", "path_hash_prefixes"], |r, member| {
        match member {
            "name" => name = Some(r.string()?.into_owned()),
            "keyids" => key_ids = Some(c.strings(r)?),
            "threshold" => threshold = Some(r.count(1)?),
            "terminating" => terminating = Some(r.bool()?),
            "paths" => patterns = Some(c.strings(r)?),
            _ => prefixes = Some(c.strings(r)?),
        }
        Ok(())
    })?;
    let paths = match (patterns, prefixes) {
        (None, None) => Paths::Nothing,
        (Some(patterns), None) => Paths::Patterns(patterns),
        (None, Some(prefixes)) => Paths::HashPrefixes(prefixes),
        (Some(_), Some(_)) => {
            return Err(Error::new(
                Code::ParseSchema,
                "T-24 (TUF 4.5)",
                "`paths` and `path_hash_prefixes` exclude each other",
            ));
        }
    };
    let name = name.ok_or_else(|| missing("name"))?;
    c.name(&name, "a role name")?;
    Ok(Delegation {
        name,
        keys: c.role_keys(key_ids, threshold)?,
        paths,
        terminating: terminating.ok_or_else(|| missing("terminating"))?,
    })
}

fn key(reader: &mut Reader<'_>, c: &Context<'_>, id: &str) -> Result<Key> {
    let (mut keytype, mut scheme, mut public) = (None, None, None);
    let (text, ()) = reader.spanned_text(|reader| {
        c.members(reader, &["keytype", "scheme", "keyval"], |r, name| {
            match name {
                "keytype" => keytype = Some(r.string()?.into_owned()),
                "scheme" => scheme = Some(r.string()?.into_owned()),
                _ => r.object(|r, name| {
                    // A key of an unknown type may hold anything under any name (T-30).
                    if name == "public" && r.kind()? == Kind::String {
                        public = Some(r.string()?.into_owned());
                        return Ok(());
                    }
                    r.skip()
                })?,
            }
            Ok(())
        })
    })?;
    let keytype = keytype.ok_or_else(|| missing("keytype"))?;
    let scheme = scheme.ok_or_else(|| missing("scheme"))?;
    let id_holds = match c.wire.key_ids {
        KeyIds::Opaque => true,
        KeyIds::Computed => id_of(&canonical::form(text.as_bytes())?) == id,
    };
    let row = crypto::tuf1(&keytype, &scheme);
    let key = match (row, &public) {
        (Some((shape, _)), Some(public)) => public_key(shape, public),
        (None, _) => Err("an unknown key type or scheme"),
        (_, None) => Err("a key without `public`"),
    };
    let algorithm = row.map(|(_, algorithm)| algorithm);
    Ok(Key { id: id.to_owned(), id_holds, keytype, algorithm, public: key, bundle: None })
}

/// The key in `public`: hex of ed25519, PEM, or old style the hex of a point (T-29).
fn public_key(shape: Shape, public: &str) -> Result<PublicKey, crypto::Unusable> {
    let hex = || HEXLOWER_PERMISSIVE.decode(public.as_bytes()).map_err(|_| "a key that is no hex");
    let key = match shape {
        Shape::Ed25519 => PublicKey::ed25519(&hex()?)?,
        _ if public.starts_with("-----") => PublicKey::from_pem(public)?,
        Shape::P256 => PublicKey::p256(&hex()?)?,
        Shape::P384 => PublicKey::p384(&hex()?)?,
        Shape::Rsa => return Err("an RSA key that is no PEM"),
    };
    let fits = matches!(
        (shape, &key),
        (Shape::Ed25519, PublicKey::Ed25519(_))
            | (Shape::P256, PublicKey::P256(_))
            | (Shape::P384, PublicKey::P384(_))
            | (Shape::Rsa, PublicKey::Rsa { .. })
    );
    if fits { Ok(key) } else { Err("a scheme that is not the key's") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-38.1, T-38.2, T-38.3, T-38.4: dot-separated decimal numbers, the first is 1.
    #[test]
    fn spec_versions_table() {
        for fine in ["1", "1.0", "1.0.31", "1.99.99"] {
            assert_eq!(spec_version(Some(fine)), Ok(()), "{fine}");
        }
        for bad in ["", "1.", "2.0", "0.9", "1.x", "01.0", " 1.0", "1..0", "1.0-beta"] {
            assert_eq!(spec_version(Some(bad)).map_err(|e| e.code()), Err(Code::ParseSpecVersion), "{bad}");
        }
        assert_eq!(spec_version(None).map_err(|e| e.code()), Err(Code::ParseSchema));
    }
}
