//! The model that both wire formats share: roles, keys, files, and what has been checked of them.
//!
//! [`Unverified`] becomes [`Verified`] only through the threshold check (module `verify`), and
//! only verified metadata enters the trusted set.

use crate::certificate::Bundle;
use crate::crypto::{Algorithm, PublicKey, Unusable};
use crate::error::{Code, Error, Result};
use crate::json::Reader;
use crate::time::Time;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The bytes of a file as received, shared.
pub type Bytes = Arc<Vec<u8>>;

/// The two wire formats of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TUF 1.0.
    Tuf1,
    /// Notary v1.
    Notary1,
}

impl Format {
    /// The word that configuration and verdict use.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Tuf1 => "tuf1",
            Format::Notary1 => "notary1",
        }
    }
}

/// The names of the top-level roles (TUF 2.1).
pub mod role {
    /// The root role.
    pub const ROOT: &str = "root";
    /// The timestamp role.
    pub const TIMESTAMP: &str = "timestamp";
    /// The snapshot role.
    pub const SNAPSHOT: &str = "snapshot";
    /// The top-level targets role.
    pub const TARGETS: &str = "targets";
    /// All four.
    pub const TOP_LEVEL: [&str; 4] = [ROOT, SNAPSHOT, TARGETS, TIMESTAMP];
}

/// A key as a file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: String,
    pub(crate) id_holds: bool,
    pub(crate) keytype: String,
    /// TUF's `scheme`, resolved; Notary's method comes with each signature.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) public: std::result::Result<PublicKey, Unusable>,
    pub(crate) bundle: Option<Bundle>,
}

impl Key {
    /// The id the file lists it under.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key type, as written.
    pub fn keytype(&self) -> &str {
        &self.keytype
    }

    /// The key, or why it can never verify (T-30).
    pub fn public(&self) -> std::result::Result<&PublicKey, Unusable> {
        self.public.as_ref().map_err(|why| *why)
    }

    /// The certificates, for Notary's `-x509` key types.
    pub fn certificates(&self) -> Option<&Bundle> {
        self.bundle.as_ref()
    }
}

/// Keys by their id.
pub type Keys = BTreeMap<String, Key>;

/// Which keys sign for a role, and how many of them it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    pub(crate) key_ids: Vec<String>,
    pub(crate) threshold: u64,
}

impl RoleKeys {
    /// The ids of the keys, each once, in the order of the file.
    pub fn key_ids(&self) -> &[String] {
        &self.key_ids
    }

    /// How many distinct keys must sign.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }
}

/// The known hashes that are listed for a file or a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512.
    pub sha512: Option<[u8; 64]>,
    /// BLAKE2b with 32 bytes of output.
    pub blake2b_256: Option<[u8; 32]>,
}

impl Hashes {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_none() && self.blake2b_256.is_none()
    }

    /// Hex by the name of the algorithm, in the order in which one names a file (T-19).
    pub fn to_hex(&self) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        let mut add = |name, bytes: Option<&[u8]>| out.extend(bytes.map(|b| (name, crate::crypto::hex(b))));
        add("sha256", self.sha256.as_ref().map(|h| &h[..]));
        add("sha512", self.sha512.as_ref().map(|h| &h[..]));
        add("blake2b-256", self.blake2b_256.as_ref().map(|h| &h[..]));
        out
    }

    /// Whether all that are listed are those of `bytes` (T-40).
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        use blake2::Digest;
        let sha512 = || ring::digest::digest(&ring::digest::SHA512, bytes);
        let same = |name: &str, want: Option<&[u8]>, got: &dyn Fn() -> Vec<u8>| match want {
            Some(want) if got() != want => Err(Error::new(
                Code::MismatchHash,
                "T-14 (TUF 5.5.2)",
                format!("the {name} of the file is not the one listed"),
            )
            .values(crate::crypto::hex(want), crate::crypto::hex(&got()))),
            _ => Ok(()),
        };
        same("SHA-256", self.sha256.as_ref().map(|h| &h[..]), &|| crate::crypto::sha256(bytes).to_vec())?;
        same("SHA-512", self.sha512.as_ref().map(|h| &h[..]), &|| sha512().as_ref().to_vec())?;
        same("BLAKE2b-256", self.blake2b_256.as_ref().map(|h| &h[..]), &|| {
            blake2::Blake2b::<blake2::digest::consts::U32>::digest(bytes).to_vec()
        })
    }
}

/// What a parent says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMeta {
    pub(crate) version: Option<u64>,
    pub(crate) length: Option<u64>,
    pub(crate) hashes: Option<Hashes>,
}

impl FileMeta {
    /// The version; Notary's entries have none.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The length in bytes, if listed.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The hashes, if listed.
    pub fn hashes(&self) -> Option<&Hashes> {
        self.hashes.as_ref()
    }
}

/// The members of a large object, found by name without a tree: places in the received bytes,
/// sorted by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    bytes: Bytes,
    entries: Vec<(u32, u32)>,
}

impl Table {
    pub(crate) fn new(bytes: Bytes, mut entries: Vec<(u32, u32)>, sorted: bool) -> Self {
        if !sorted {
            entries.sort_by_cached_key(|place| entry_name(&bytes, *place).map(Cow::into_owned).unwrap_or_default());
        }
        Table { bytes, entries }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.entries.iter().filter_map(|place| entry_name(&self.bytes, *place).ok())
    }

    /// Reads the value under `name` with `read`, if it is there.
    pub(crate) fn get<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        let by_name = |place: &(u32, u32)| {
            let entry = entry_name(&self.bytes, *place).unwrap_or_default();
            entry.as_bytes().cmp(name.as_bytes())
        };
        let Some(place) = self.entries.binary_search_by(by_name).ok().and_then(|i| self.entries.get(i)) else {
            return Ok(None);
        };
        let mut reader = Reader::again(&self.bytes, range(*place))?;
        reader.member_name()?;
        read(&mut reader).map(Some).map_err(|e| e.inside(name))
    }
}

fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

fn entry_name(bytes: &[u8], place: (u32, u32)) -> Result<Cow<'_, str>> {
    Reader::again(bytes, range(place))?.string()
}

/// Root metadata (TUF 4.3).
#[derive(Clone, Debug)]
pub struct Root {
    pub(crate) version: u64,
    pub(crate) expires: Time,
    pub(crate) consistent_snapshot: bool,
    pub(crate) keys: Keys,
    pub(crate) roles: BTreeMap<String, RoleKeys>,
}

impl Root {
    /// Whether files are named by version and targets by hash (TUF 6.2).
    pub fn consistent_snapshot(&self) -> bool {
        self.consistent_snapshot
    }

    /// All keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The keys and threshold of a top-level role.
    ///
    /// # Errors
    /// `usage.role` for any other name: there is no fallback (T-27).
    pub fn role(&self, name: &str) -> Result<&RoleKeys> {
        self.roles.get(name).ok_or_else(|| {
            Error::new(Code::UsageRole, "T-27", format!("root delegates to no role `{}`", crate::error::shown(name)))
        })
    }
}

/// Timestamp metadata (TUF 4.6).
#[derive(Clone, Debug)]
pub struct Timestamp {
    pub(crate) version: u64,
    pub(crate) expires: Time,
    pub(crate) snapshot: FileMeta,
}

impl Timestamp {
    /// What it says of the snapshot.
    pub fn snapshot(&self) -> &FileMeta {
        &self.snapshot
    }
}

/// Snapshot metadata (TUF 4.4).
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) version: u64,
    pub(crate) expires: Time,
    pub(crate) meta: Table,
    pub(crate) read_meta: fn(&mut Reader<'_>) -> Result<FileMeta>,
    pub(crate) suffix: &'static str,
}

impl Snapshot {
    /// What it says of a role's file.
    ///
    /// # Errors
    /// `parse.*` if that entry is malformed.
    pub fn meta(&self, role: &str) -> Result<Option<FileMeta>> {
        let entry = self.meta.get(&format!("{role}{}", self.suffix), |r| (self.read_meta)(r));
        entry.map_err(|e| e.inside("meta").inside("signed"))
    }

    /// Whether it lists the role at all.
    pub fn lists(&self, role: &str) -> bool {
        matches!(self.meta.get(&format!("{role}{}", self.suffix), |_| Ok(())), Ok(Some(())))
    }

    /// How many roles it lists.
    pub(crate) fn len(&self) -> usize {
        self.meta.len()
    }

    /// The roles that it lists.
    pub fn roles(&self) -> impl Iterator<Item = String> {
        self.meta.names().filter_map(|name| name.strip_suffix(self.suffix).map(str::to_owned))
    }
}

/// Targets metadata (TUF 4.5), of the top level or delegated.
#[derive(Clone, Debug)]
pub struct Targets {
    pub(crate) version: u64,
    pub(crate) expires: Time,
    pub(crate) delegations: Delegations,
    pub(crate) targets: Table,
    pub(crate) read_target: fn(&mut Reader<'_>) -> Result<Target>,
}

impl Targets {
    /// Its delegations, in order.
    pub fn delegations(&self) -> &Delegations {
        &self.delegations
    }

    /// The target listed under this path, if any.
    ///
    /// # Errors
    /// `parse.*` if that entry is malformed (it was checked when the file was read).
    pub fn target(&self, path: &str) -> Result<Option<Target>> {
        self.targets.get(path, |r| (self.read_target)(r))
    }

    /// The paths of all targets, sorted by their UTF-8 bytes.
    pub fn paths(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.targets.names()
    }

    /// How many targets are listed.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether no target is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One target as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub(crate) length: Option<u64>,
    pub(crate) hashes: Hashes,
    pub(crate) custom: Option<String>,
    /// The hash that names the file, as it is spelled (T-36).
    pub(crate) named_by: Option<String>,
}

impl Target {
    /// The hash that names the file where consistent snapshots are on (T-19): SHA-256 if it is
    /// listed, else SHA-512, else BLAKE2b-256; as the metadata spells it.
    pub fn named_by(&self) -> Option<&str> {
        self.named_by.as_deref()
    }

    /// Length in bytes; `None` spoils this target at look-up (T-40).
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The known hashes.
    pub fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    /// The custom data, verbatim as received.
    pub fn custom(&self) -> Option<&str> {
        self.custom.as_deref()
    }
}

/// The delegations of a targets role (TUF 4.5, "delegations").
#[derive(Clone, Debug, Default)]
pub struct Delegations {
    pub(crate) keys: Keys,
    pub(crate) roles: Vec<Delegation>,
    pub(crate) bins: Option<Bins>,
}

impl Delegations {
    /// The keys of the delegated roles.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The delegated roles, in order of appearance.
    pub fn roles(&self) -> &[Delegation] {
        &self.roles
    }

    /// The delegation to a role.
    pub fn get(&self, name: &str) -> Option<&Delegation> {
        self.roles.iter().find(|d| d.name == name)
    }

    /// The hash bins (TAP 15), which stand in place of a list of roles.
    pub fn bins(&self) -> Option<&Bins> {
        self.bins.as_ref()
    }

    /// The keys and threshold of a delegated role, listed or a bin.
    pub fn keys_of(&self, name: &str) -> Option<&RoleKeys> {
        let bin = || self.bins.as_ref().filter(|bins| bins.holds(name)).map(|bins| &bins.keys);
        self.get(name).map(|d| &d.keys).or_else(bin)
    }
}

/// Succinct delegations (TAP 15): each target path belongs to one of 2^`bit_length` roles, which
/// have the same keys. Nothing behind the bin of a path is searched (T-24).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bins {
    pub(crate) keys: RoleKeys,
    /// From 1 to [`Bins::MOST_BITS`].
    pub(crate) bit_length: u32,
    pub(crate) name_prefix: String,
}

impl Bins {
    /// As many bits as a bin may be named by.
    pub(crate) const MOST_BITS: u32 = 32;

    /// The keys and threshold of every bin.
    pub fn keys(&self) -> &RoleKeys {
        &self.keys
    }

    /// How many bits of a path's hash name its bin.
    pub fn bit_length(&self) -> u32 {
        self.bit_length
    }

    /// What every bin's name begins with.
    pub fn name_prefix(&self) -> &str {
        &self.name_prefix
    }

    /// The bin of a target path: the first bits of the path's SHA-256.
    pub fn role_of(&self, path: &str) -> String {
        let first = crate::crypto::sha256(path.as_bytes()).first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
        self.name(first.checked_shr(Bins::MOST_BITS.saturating_sub(self.bit_length)).unwrap_or(0))
    }

    /// Whether a role is one of the bins.
    pub fn holds(&self, name: &str) -> bool {
        let digits = name.strip_prefix(&self.name_prefix).and_then(|rest| rest.strip_prefix('-'));
        let bin = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        bin.is_some_and(|bin| bin.checked_shr(self.bit_length).unwrap_or(0) == 0 && self.name(bin) == name)
    }

    /// The name of a bin: all are of one length.
    pub(crate) fn name(&self, bin: u32) -> String {
        let digits = self.bit_length.div_ceil(4) as usize;
        format!("{}-{bin:0digits$x}", self.name_prefix)
    }
}

/// One delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub(crate) name: String,
    pub(crate) keys: RoleKeys,
    pub(crate) paths: Paths,
    pub(crate) terminating: bool,
}

impl Delegation {
    /// The delegated role.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its keys and threshold.
    pub fn keys(&self) -> &RoleKeys {
        &self.keys
    }

    /// The paths it is trusted for.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Whether nothing after it is searched once it matches.
    pub fn terminating(&self) -> bool {
        self.terminating
    }
}

/// For which target paths a delegation is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paths {
    /// Matches nothing.
    Nothing,
    /// Notary: plain prefixes; the empty one is all (N-2).
    Prefixes(Vec<String>),
    /// TUF: shell patterns (T-23).
    Patterns(Vec<String>),
    /// TUF: prefixes of the hex SHA-256 of the path (T-24).
    HashPrefixes(Vec<String>),
}

/// Every kind of metadata has a version and an expiry.
pub trait Metadata {
    /// The version, from 1.
    fn version(&self) -> u64;
    /// When it expires.
    fn expires(&self) -> Time;
}

macro_rules! metadata {
    ($($kind:ty),*) => { $(
        impl Metadata for $kind {
            fn version(&self) -> u64 {
                self.version
            }
            fn expires(&self) -> Time {
                self.expires
            }
        }
    )* };
}
metadata!(Root, Timestamp, Snapshot, Targets);

/// A signature as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) key_id: String,
    /// Notary's `method`; empty in TUF.
    pub(crate) method: String,
    /// `None` for what is no hex (T-36): it never verifies.
    pub(crate) sig: Option<Vec<u8>>,
}

/// Metadata that was read and not verified: it can be looked at, and trusted for nothing.
#[derive(Clone, Debug)]
pub struct Unverified<T> {
    pub(crate) format: Format,
    pub(crate) bytes: Bytes,
    pub(crate) signed: Range<usize>,
    pub(crate) canonical: bool,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) content: T,
    /// Uses of a compatible-mode exception while reading.
    pub(crate) exceptions: Vec<Error>,
}

impl<T> Unverified<T> {
    /// What the file says, unverified.
    pub fn claims(&self) -> &T {
        &self.content
    }

    /// What the signatures are over: the canonical form of `signed` as received (T-35).
    pub(crate) fn message(&self) -> Result<Cow<'_, [u8]>> {
        let received = self.bytes.get(self.signed.clone()).unwrap_or_default();
        if self.canonical { Ok(Cow::Borrowed(received)) } else { crate::canonical::form(received).map(Cow::Owned) }
    }
}

/// Metadata that a threshold of its role's keys signed.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    pub(crate) inner: Unverified<T>,
    pub(crate) role: String,
    pub(crate) threshold: u64,
    pub(crate) signed_by: Vec<String>,
}

impl<T> Verified<T> {
    /// What the file says.
    pub fn content(&self) -> &T {
        &self.inner.content
    }

    /// The role it was verified for.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The threshold that was met.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The ids of the keys that were counted.
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// The file, byte for byte as received.
    pub fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// SHA-256 of what was signed, in canonical form: equal for the same `signed` under other
    /// signatures or other white space (T-16).
    pub(crate) fn content_id(&self) -> Result<String> {
        Ok(crate::crypto::hex(&crate::crypto::sha256(&self.inner.message()?)))
    }
}
