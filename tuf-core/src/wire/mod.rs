//! The two wire formats: reading files into the model, and naming them.
//!
//! One closed pair, [`Format`]; the rules of the model are written elsewhere, once.

mod notary1;
mod tuf1;

use crate::crypto;
use crate::error::{Code, Error, Result, shown};
use crate::json::{Kind, Reader, duplicate, encoding, missing};
use crate::limits::{self, Counts};
use crate::metadata::{
    Bytes, Format, Hashes, Key, Keys, RoleKeys, Root, Signature, Snapshot, Table, Targets, Timestamp, Unverified, role,
};
use crate::time::Time;
use data_encoding::{BASE64, Encoding, HEXLOWER_PERMISSIVE};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a key id is (T-32). Notary's are always computed (N-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyIds {
    /// A label, in the scope of the file that lists it (TAP 12).
    #[default]
    Opaque,
    /// The SHA-256 of the key's canonical JSON; a key under another id never verifies.
    Computed,
}

/// How files are read: the format, and what the user chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The wire format.
    pub format: Format,
    /// Notary's compatible mode (N-41): base64 as leniently as the reference client reads it.
    pub compatible: bool,
    /// What a key id is, in TUF 1.0.
    pub key_ids: KeyIds,
    /// How much one file may hold; a run takes them from its limits.
    pub counts: Counts,
}

impl Wire {
    /// A format, read strictly.
    pub fn strict(format: Format) -> Self {
        Wire { format, compatible: false, key_ids: KeyIds::default(), counts: Counts::default() }
    }

    /// Reads a root file (TUF 4.3). Nothing is verified.
    ///
    /// # Errors
    /// `parse.*`, `limit.*`.
    ///
    /// ```
    /// use tuf_core::{metadata::{Format, Metadata}, wire::Wire};
    /// let bytes = std::fs::read("sample-tuf1/metadata/1.root.json")?;
    /// let root = Wire::strict(Format::Tuf1).root(bytes)?;
    /// assert_eq!(root.claims().version(), 1);
    /// assert!(root.claims().consistent_snapshot());
    /// assert_eq!(root.claims().role("root")?.threshold(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root(&self, bytes: impl Into<Vec<u8>>) -> Result<Unverified<Root>> {
        self.read(bytes.into(), role::ROOT, |r, c| match self.format {
            Format::Tuf1 => tuf1::root(r, c),
            Format::Notary1 => notary1::root(r, c),
        })
    }

    /// Reads a timestamp file (TUF 4.6). Nothing is verified.
    ///
    /// # Errors
    /// `parse.*`, `limit.*`.
    ///
    /// ```
    /// use tuf_core::{metadata::Format, wire::Wire};
    /// let bytes = std::fs::read("sample/timestamp.json")?;
    /// let timestamp = Wire::strict(Format::Notary1).timestamp(bytes)?;
    /// assert!(timestamp.claims().snapshot().hashes().is_some_and(|h| h.sha256.is_some()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timestamp(&self, bytes: impl Into<Vec<u8>>) -> Result<Unverified<Timestamp>> {
        self.read(bytes.into(), role::TIMESTAMP, |r, c| match self.format {
            Format::Tuf1 => tuf1::timestamp(r, c),
            Format::Notary1 => notary1::timestamp(r, c),
        })
    }

    /// Reads a snapshot file (TUF 4.4). Nothing is verified.
    ///
    /// # Errors
    /// `parse.*`, `limit.*`.
    ///
    /// ```
    /// use tuf_core::{metadata::Format, wire::Wire};
    /// let bytes = std::fs::read("sample/snapshot.json")?;
    /// let snapshot = Wire::strict(Format::Notary1).snapshot(bytes)?;
    /// assert!(snapshot.claims().lists("targets/releases"));
    /// assert_eq!(snapshot.claims().meta("targets/none")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self, bytes: impl Into<Vec<u8>>) -> Result<Unverified<Snapshot>> {
        self.read(bytes.into(), role::SNAPSHOT, |r, c| match self.format {
            Format::Tuf1 => tuf1::snapshot(r, c),
            Format::Notary1 => notary1::snapshot(r, c),
        })
    }

    /// Reads the targets file of `name`: the top level or a delegated role (TUF 4.5). Nothing is
    /// verified.
    ///
    /// # Errors
    /// `parse.*`, `limit.*`.
    ///
    /// ```
    /// use tuf_core::{metadata::Format, wire::Wire};
    /// let bytes = std::fs::read("sample/targets.json")?;
    /// let targets = Wire::strict(Format::Notary1).targets("targets", bytes)?;
    /// let delegation = targets.claims().delegations().get("targets/releases").ok_or("no delegation")?;
    /// assert_eq!(delegation.keys().threshold(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn targets(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Result<Unverified<Targets>> {
        self.read(bytes.into(), name, |r, c| match self.format {
            Format::Tuf1 => tuf1::targets(r, c),
            Format::Notary1 => notary1::targets(r, c),
        })
    }

    /// Reads the envelope `signed` and `signatures` (TUF 4.2.1), and `signed` with `body`.
    fn read<T>(
        &self,
        bytes: Vec<u8>,
        role: &str,
        mut body: impl FnMut(&mut Reader<'_>, &Context<'_>) -> Result<T>,
    ) -> Result<Unverified<T>> {
        let bytes = Bytes::new(bytes);
        let context = Context { wire: *self, role, bytes: &bytes, exceptions: RefCell::new(Vec::new()) };
        let mut signed = None;
        let mut signatures = None;
        let mut read = |reader: &mut Reader<'_>| {
            context.members(reader, &["signed", "signatures"], |r, name| {
                if name == "signed" {
                    r.watch_canonical();
                    let (range, content) = r.spanned(|r| body(r, &context))?;
                    signed = Some((range, r.is_canonical(), content));
                } else {
                    signatures = Some(context.signatures(r)?);
                }
                Ok(())
            })
        };
        let whole = Reader::new(&bytes).and_then(|mut reader| {
            read(&mut reader)?;
            reader.finish()
        });
        // Broken grammar and duplicates are told before what a broken file seems to say.
        whole.map_err(|e| crate::json::check(&bytes).err().unwrap_or(e).for_role(role))?;
        let ((range, canonical, content), signatures) = match (signed, signatures) {
            (Some(signed), Some(signatures)) => (signed, signatures),
            (None, _) => return Err(missing("signed").for_role(role)),
            (_, None) => return Err(missing("signatures").for_role(role)),
        };
        let exceptions = context.exceptions.into_inner();
        Ok(Unverified { format: self.format, bytes, signed: range, canonical, signatures, content, exceptions })
    }
}

/// What reading one file needs to know.
struct Context<'c> {
    wire: Wire,
    role: &'c str,
    bytes: &'c Bytes,
    exceptions: RefCell<Vec<Error>>,
}

impl Context<'_> {
    /// Reads an object with known members; unknown ones are checked and passed over (T-11).
    /// In Notary's files one that differs from a known name in case alone is refused (N-3): the
    /// reference client would read it.
    fn members<'a, F>(&self, reader: &mut Reader<'a>, known: &[&str], mut member: F) -> Result<()>
    where
        F: FnMut(&mut Reader<'a>, &str) -> Result<()>,
    {
        reader.object(|r, name| {
            if known.contains(&name.as_ref()) {
                return member(r, name);
            }
            if self.wire.format == Format::Notary1 && known.iter().any(|k| same_but_for_case(k, name)) {
                return Err(duplicate(name));
            }
            r.skip()
        })
    }

    /// Reads the list of signatures.
    fn signatures(&self, reader: &mut Reader<'_>) -> Result<Vec<Signature>> {
        let mut out = Vec::new();
        reader.array(|r| {
            out.push(self.signature(r)?);
            limits::count(Code::LimitSignatures, "signatures in one file", out.len(), self.wire.counts.signatures)
        })?;
        Ok(out)
    }

    fn signature(&self, reader: &mut Reader<'_>) -> Result<Signature> {
        let notary = self.wire.format == Format::Notary1;
        let known: &[&str] = if notary { &["keyid", "method", "sig"] } else { &["keyid", "sig"] };
        let (mut key_id, mut method, mut sig) = (None, None, None);
        self.members(reader, known, |r, name| {
            let text = r.string()?;
            match name {
                "keyid" => key_id = Some(text.into_owned()),
                "method" => method = Some(text.into_owned()),
                _ if notary => sig = Some(Some(self.base64(&text)?)),
                _ => sig = Some(HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()),
            }
            Ok(())
        })?;
        let key_id = key_id.ok_or_else(|| missing("keyid"))?;
        self.name(&key_id, "a key id")?;
        let method = if notary { method.ok_or_else(|| missing("method"))? } else { String::new() };
        Ok(Signature { key_id, method, sig: sig.ok_or_else(|| missing("sig"))? })
    }

    /// Base64 with its padding and zero spare bits (N-3). In compatible mode as the reference
    /// client reads it: line breaks are passed over, spare bits may be anything.
    fn base64(&self, text: &str) -> Result<Vec<u8>> {
        // The decoder would go on behind padding; base64 ends there.
        let ends = |text: &str| !text.trim_end_matches(['=', '\r', '\n']).contains('=');
        if let Some(bytes) = BASE64.decode(text.as_bytes()).ok().filter(|_| ends(text)) {
            return Ok(bytes);
        }
        let strict = encoding("base64 is malformed").values("RFC 4648 with padding and zero spare bits", shown(text));
        let lenient = lenient_base64()
            .and_then(|b| b.decode(text.as_bytes()).ok())
            .filter(|_| self.wire.compatible && ends(text));
        let bytes = lenient.ok_or_else(|| strict.clone())?;
        self.exceptions.borrow_mut().push(strict.for_role(self.role));
        Ok(bytes)
    }

    /// The fields that every kind of `signed` has; `more` reads the others.
    fn common<'a, F>(&self, reader: &mut Reader<'a>, more: &[&str], mut member: F) -> Result<(u64, Time)>
    where
        F: FnMut(&mut Reader<'a>, &str) -> Result<()>,
    {
        let known: Vec<&str> = ["_type", "spec_version", "version", "expires"].iter().chain(more).copied().collect();
        let (mut kind, mut spec, mut version, mut expires) = (None, None, None, None);
        self.members(reader, &known, |r, name| {
            match name {
                "_type" => kind = Some(r.string()?.into_owned()),
                "version" => version = Some(r.count(1)?),
                "expires" => expires = Some(Time::parse(&r.string()?)?),
                // Notary's files have none; one that is there is an unknown member.
                "spec_version" if self.wire.format == Format::Notary1 => r.skip()?,
                "spec_version" => spec = Some(r.string()?.into_owned()),
                _ => member(r, name)?,
            }
            Ok(())
        })?;
        self.kind(kind)?;
        if self.wire.format == Format::Tuf1 {
            tuf1::spec_version(spec.as_deref())?;
        }
        Ok((version.ok_or_else(|| missing("version"))?, expires.ok_or_else(|| missing("expires"))?))
    }

    /// `_type` is the role that was asked for (T-38).
    fn kind(&self, kind: Option<String>) -> Result<()> {
        let top = if role::TOP_LEVEL.contains(&self.role) { self.role } else { role::TARGETS };
        let want = match self.wire.format {
            Format::Tuf1 => top.to_owned(),
            Format::Notary1 => {
                let mut letters = top.chars();
                letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect()
            }
        };
        let found = kind.ok_or_else(|| missing("_type"))?;
        if found == want {
            return Ok(());
        }
        Err(Error::new(Code::ParseSchema, "T-38 (TUF 4.2.1)", "`_type` is not the role that was asked for")
            .values(want, shown(&found)))
    }

    /// An error unless a role name, a path or a key id is short enough.
    fn name(&self, name: &str, what: &str) -> Result<()> {
        limits::name_length(name, what, self.wire.counts.names)
    }

    /// A list of names.
    fn strings(&self, reader: &mut Reader<'_>) -> Result<Vec<String>> {
        let mut out = Vec::new();
        reader.array(|r| {
            let text = r.string()?;
            self.name(&text, "a name")?;
            out.push(text.into_owned());
            Ok(())
        })?;
        Ok(out)
    }

    /// An error unless a file may hold so many delegations.
    fn delegations(&self, count: usize) -> Result<()> {
        limits::count(Code::LimitKeys, "delegations in one file", count, self.wire.counts.keys)
    }

    /// A role's keys and threshold.
    fn role_keys(&self, key_ids: Option<Vec<String>>, threshold: Option<u64>) -> Result<RoleKeys> {
        let mut once = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for id in key_ids.ok_or_else(|| missing("keyids"))? {
            self.name(&id, "a key id")?;
            if seen.insert(id.clone()) {
                once.push(id);
            }
        }
        Ok(RoleKeys { key_ids: once, threshold: threshold.ok_or_else(|| missing("threshold"))? })
    }

    /// `keyids` and `threshold` of a role in root.
    fn root_role(&self, reader: &mut Reader<'_>) -> Result<RoleKeys> {
        let (mut key_ids, mut threshold) = (None, None);
        self.members(reader, &["keyids", "threshold"], |r, name| {
            match name {
                "keyids" => key_ids = Some(self.strings(r)?),
                _ => threshold = Some(r.count(1)?),
            }
            Ok(())
        })?;
        self.role_keys(key_ids, threshold)
    }

    /// Reads an object of keys by id, each with `key`.
    fn keys(&self, reader: &mut Reader<'_>, key: impl Fn(&mut Reader<'_>, &str) -> Result<Key>) -> Result<Keys> {
        let mut keys = Keys::new();
        reader.object(|r, id| {
            self.name(id, "a key id")?;
            keys.insert(id.to_string(), key(r, id)?);
            limits::count(Code::LimitKeys, "keys in one file", keys.len(), self.wire.counts.keys)
        })?;
        Ok(keys)
    }

    /// Root's four roles; further ones are kept and ignored (T-11).
    fn root_roles(&self, reader: &mut Reader<'_>) -> Result<BTreeMap<String, RoleKeys>> {
        let mut roles = BTreeMap::new();
        reader.object(|r, name| {
            if !role::TOP_LEVEL.contains(&name.as_ref()) {
                return r.skip();
            }
            roles.insert(name.to_string(), self.root_role(r)?);
            Ok(())
        })?;
        Ok(roles)
    }

    /// A root must name all four top-level roles.
    fn finished_root(&self, root: Root) -> Result<Root> {
        match role::TOP_LEVEL.iter().find(|name| !root.roles.contains_key(**name)) {
            Some(name) => Err(missing(name).inside("roles")),
            None => Ok(root),
        }
    }

    /// A large object as a table; `entry` checks each value.
    fn table<'a>(
        &self,
        reader: &mut Reader<'a>,
        mut entry: impl FnMut(&mut Reader<'a>, &Cow<'a, str>) -> Result<()>,
    ) -> Result<Table> {
        let mut entries = Vec::new();
        let sorted = reader.object_places(|r, name| entry(r, name), |place| entries.push(place))?;
        Ok(Table::new(self.bytes.clone(), entries, sorted))
    }

    fn table_or_null<'a>(
        &self,
        reader: &mut Reader<'a>,
        entry: impl FnMut(&mut Reader<'a>, &Cow<'a, str>) -> Result<()>,
    ) -> Result<Table> {
        if null(reader)? { Ok(Table::default()) } else { self.table(reader, entry) }
    }
}

/// A role's name in a URL: percent-encoded whole, unreserved characters stay (T-42).
pub fn url_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for b in name.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'.') {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Go's reading of base64: CR and LF are passed over, spare bits are not looked at.
fn lenient_base64() -> Option<Encoding> {
    let mut spec = BASE64.specification();
    spec.ignore.push_str("\r\n");
    spec.check_trailing_bits = false;
    spec.encoding().ok()
}

/// Whether the next value is null; if so it is read.
fn null(reader: &mut Reader<'_>) -> Result<bool> {
    let is = reader.kind()? == Kind::Null;
    if is {
        reader.null()?;
    }
    Ok(is)
}

/// Go's matching of member names: case folded as Unicode does, which for the letters of our
/// names means ASCII, the long s and the Kelvin sign.
fn same_but_for_case(known: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    known.chars().map(fold).eq(name.chars().map(fold))
}

/// Puts a hash of a known algorithm in its place; `bytes` has the wrong length for `parse.encoding`.
fn put_hash(hashes: &mut Hashes, name: &str, bytes: &[u8]) -> Result<()> {
    let wrong = |_| encoding("a hash of the wrong length").values(name, format_args!("{} bytes", bytes.len()));
    match name {
        "sha256" => hashes.sha256 = Some(bytes.try_into().map_err(wrong)?),
        "sha512" => hashes.sha512 = Some(bytes.try_into().map_err(wrong)?),
        "blake2b-256" => hashes.blake2b_256 = Some(bytes.try_into().map_err(wrong)?),
        _ => {}
    }
    Ok(())
}

/// The hex SHA-256 of canonical JSON.
fn id_of(canonical: &[u8]) -> String {
    crypto::hex(&crypto::sha256(canonical))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-3.11, N-3.12: what Go's JSON reader takes for a known member.
    #[test]
    fn names_are_compared_as_go_folds_them() {
        for (known, name, same) in [
            ("targets", "Targets", true),
            ("keys", "\u{212a}ey\u{17f}", true),
            ("keys", "keyz", false),
            ("sig", "sig ", false),
        ] {
            assert_eq!(same_but_for_case(known, name), same, "{name}");
        }
    }

    #[test]
    fn compatible_base64_is_gos_reading() {
        let lenient = lenient_base64().expect("a valid encoding");
        assert_eq!(lenient.decode(b"YQ\n==\r\n").ok(), Some(b"a".to_vec()));
        assert_eq!(lenient.decode(b"YR==").ok(), Some(b"a".to_vec()));
        assert!(lenient.decode(b"YQ").is_err(), "padding is still wanted");
        assert!(lenient.decode(b"YQ ==").is_err(), "spaces are not passed over");
    }
}
