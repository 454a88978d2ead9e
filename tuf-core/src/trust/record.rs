//! The state record: what a store remembers between runs, and the hash of every file in it.

use super::Memory;
use super::machine::FileName;
use crate::crypto::{hex, sha256};
use crate::error::{Code, Error, Result};
use crate::metadata::{Bytes, Format};
use crate::time::Time;
use crate::verify::Remembered;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const SCHEMA: &str = "tuf-store/1";

/// What a store remembers of one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    schema: String,
    format: String,
    name: String,
    /// The version of the root that met the pin (N-11).
    pub(crate) anchor: u64,
    /// The newest root walked.
    pub(crate) root: u64,
    /// SHA-256 of each file, by its path in the store.
    files: BTreeMap<String, String>,
    roles: BTreeMap<String, RoleRecord>,
    listed: BTreeSet<String>,
    /// When the timestamp version in use was first seen (T-53).
    pub(crate) first_seen: Option<Instant>,
    /// The root version under which timestamp and snapshot were last dropped (T-10).
    pub(crate) dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRecord {
    version: u64,
    content: String,
    root: u64,
}

/// A time, and whether it was injected: injected times are for injected runs alone (T-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instant {
    at: i64,
    injected: bool,
}

impl Instant {
    pub(crate) fn new(at: Time, injected: bool) -> Self {
        Instant { at: at.unix(), injected }
    }

    /// The time, for a run of the same kind.
    pub(crate) fn for_run(&self, injected: bool) -> Option<Time> {
        if self.injected == injected { Time::from_unix(self.at) } else { None }
    }
}

impl Record {
    pub(crate) fn new(format: Format, name: &str) -> Self {
        Record {
            schema: SCHEMA.to_owned(),
            format: format.as_str().to_owned(),
            name: name.to_owned(),
            ..Record::default()
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `store.damaged` if it is none, or another collection's.
    pub fn read(bytes: &[u8], format: Format, name: &str) -> Result<Self> {
        let record = Record::parse(bytes)?;
        if record.schema != SCHEMA || record.format != format.as_str() || record.name != name {
            return Err(damaged(&FileName::Record, "the state record is another collection's").values(
                format_args!("{SCHEMA} {} {name}", format.as_str()),
                format_args!("{} {} {}", record.schema, record.format, record.name),
            ));
        }
        Ok(record)
    }

    /// Reads the record of any collection.
    ///
    /// # Errors
    /// `store.damaged` if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = unsealed(bytes).ok_or_else(|| {
            damaged(&FileName::Record, "the state record is not as it was written: its checksum does not hold")
        })?;
        let record: Record = crate::json::check(text)
            .map_err(|e| e.to_string())
            .and_then(|()| serde_json::from_slice(text).map_err(|e| e.to_string()))
            .map_err(|why| damaged(&FileName::Record, &format!("the state record cannot be read ({why})")))?;
        // Every root of the chain is a recorded file: so a chain is never longer than the record.
        let steps = record.root.checked_sub(record.anchor);
        if record.anchor == 0 || steps.is_none_or(|steps| steps >= record.files.len() as u64) {
            return Err(damaged(&FileName::Record, "the state record names no chain of roots"));
        }
        Ok(record)
    }

    /// The collection.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The versions of the oldest and the newest root of the chain.
    pub fn roots(&self) -> (u64, u64) {
        (self.anchor, self.root)
    }

    /// The remembered version of each role, by its name.
    pub fn versions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.roles.iter().map(|(name, role)| (name.as_str(), role.version))
    }

    /// Every file of the chain and of the roles, whether it is recorded or not.
    pub fn file_names(&self) -> Vec<FileName> {
        let roots = (self.anchor..=self.root).map(FileName::Root);
        roots.chain(self.roles.keys().map(|name| FileName::of_role(name))).collect()
    }

    /// The record as it is stored.
    pub fn write(&self) -> Result<Vec<u8>> {
        sealed(self)
    }

    /// The memory of roles that the record holds.
    pub(crate) fn memory(&self) -> Memory {
        let remembered =
            |r: &RoleRecord| Remembered { version: r.version, content: r.content.clone(), root_version: r.root };
        let roles = self.roles.iter().map(|(n, r)| (n.clone(), remembered(r))).collect();
        Memory { roles, listed: self.listed.clone(), dropped: self.dropped }
    }

    pub(crate) fn set_memory(&mut self, memory: &Memory) {
        let record =
            |r: &Remembered| RoleRecord { version: r.version, content: r.content.clone(), root: r.root_version };
        self.roles = memory.roles.iter().map(|(n, r)| (n.clone(), record(r))).collect();
        self.listed = memory.listed.clone();
        self.dropped = memory.dropped;
    }

    /// What the file's SHA-256 (hex) must be.
    pub fn sha256_of(&self, file: &FileName) -> Option<String> {
        self.files.get(&file.path()).cloned()
    }

    /// SHA-256 by path of every file.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Takes a file out of the record: what is remembered of its role stays.
    pub fn drop_file(&mut self, file: &FileName) {
        self.set_file(file, None);
    }

    pub(crate) fn set_file(&mut self, file: &FileName, bytes: Option<&Bytes>) {
        match bytes {
            Some(bytes) => self.files.insert(file.path(), hex(&sha256(bytes))),
            None => self.files.remove(&file.path()),
        };
    }

    /// T-46: a file that is not its recorded bytes, or is gone though recorded, is damage; one
    /// that the record does not name is ignored.
    pub(crate) fn check_file(&self, file: &FileName, bytes: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let Some(want) = self.files.get(&file.path()) else { return Ok(None) };
        match bytes {
            None => Err(damaged(file, "a file of the store is gone though it was recorded")),
            Some(bytes) if hex(&sha256(&bytes)) != *want => {
                Err(damaged(file, "a file of the store is not what was recorded").values(want, hex(&sha256(&bytes))))
            }
            Some(bytes) => Ok(Some(bytes)),
        }
    }
}

/// What two runs that began from `base` make together (T-45): `theirs` is in the store already.
///
/// Nobody's memory is lost: of a role the higher version stays, unless a drop (T-10) under a newer
/// root took it away; what an older root accepted never replaces what a newer one did.
///
/// # Errors
/// `store.locked` where the other run brought another chain of roots.
pub(crate) fn merged(base: &Record, ours: &Record, theirs: &Record) -> Result<Record> {
    let mut out = theirs.clone();
    let root = |record: &Record, version| record.files.get(&FileName::Root(version).path()).cloned();
    let common = ours.anchor.max(theirs.anchor)..=ours.root.min(theirs.root);
    if common.is_empty() || common.clone().any(|v| root(ours, v) != root(theirs, v)) {
        return Err(Error::new(Code::StoreLocked, "T-45", "another run brought another chain of roots into the store")
            .with_hint("ask again"));
    }
    out.anchor = ours.anchor.min(theirs.anchor);
    out.root = ours.root.max(theirs.root);
    out.dropped = ours.dropped.max(theirs.dropped);
    let roots = (ours.anchor..=ours.root).map(|v| FileName::Root(v).path());
    out.files.extend(roots.filter_map(|path| Some((path.clone(), ours.files.get(&path)?.clone()))));
    let names: BTreeSet<&String> = ours.roles.keys().chain(theirs.roles.keys()).collect();
    for name in names {
        let ours_stands = match (ours.roles.get(name), theirs.roles.get(name)) {
            (mine, _) if mine == base.roles.get(name) => false,
            (Some(mine), None) => mine.root >= theirs.dropped,
            (Some(mine), Some(their)) if mine.root < their.root => false,
            (Some(mine), Some(their)) => mine.version >= their.version || their.root < ours.dropped,
            (None, Some(their)) => their.root < ours.dropped,
            (None, None) => false,
        };
        if ours_stands {
            out.take_role(name, ours);
        }
    }
    if out.roles.get("timestamp") == ours.roles.get("timestamp") {
        out.first_seen = ours.first_seen.clone();
    }
    let withdrawn =
        |name: &&String| base.listed.contains(*name) && !(ours.listed.contains(*name) && theirs.listed.contains(*name));
    out.listed = ours.listed.union(&theirs.listed).filter(|name| !withdrawn(name)).cloned().collect();
    Ok(out)
}

impl Record {
    /// Takes memory and file of a role as `other` has them.
    fn take_role(&mut self, name: &str, other: &Record) {
        match other.roles.get(name) {
            Some(role) => self.roles.insert(name.to_owned(), role.clone()),
            None => self.roles.remove(name),
        };
        let path = FileName::of_role(name).path();
        match other.files.get(&path) {
            Some(sha256) => self.files.insert(path, sha256.clone()),
            None => self.files.remove(&path),
        };
    }
}

/// Damage of the store.
pub(crate) fn damaged(file: &FileName, why: &str) -> Error {
    Error::new(Code::StoreDamaged, "T-46", why).in_file(&file.path())
}

/// When the last complete check ended (T-3): a small file of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    by_clock: Option<i64>,
    injected: Option<i64>,
}

impl Checked {
    /// Reads the file; empty or unreadable it claims nothing, and is no damage.
    pub fn read(bytes: Option<&[u8]>) -> Self {
        let read: Checked = bytes.and_then(unsealed).and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        let a_time = |seconds: &i64| Time::from_unix(*seconds).is_some();
        Checked { by_clock: read.by_clock.filter(a_time), injected: read.injected.filter(a_time) }
    }

    /// The time, for a run by the clock or with injected time.
    pub fn at(&self, injected: bool) -> Option<Time> {
        let at = if injected { self.injected } else { self.by_clock };
        at.and_then(Time::from_unix)
    }

    pub(crate) fn set(&mut self, at: Time, injected: bool) {
        let slot = if injected { &mut self.injected } else { &mut self.by_clock };
        *slot = (*slot).max(Some(at.unix()));
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        sealed(self)
    }
}

/// How long the line with the checksum is: SHA-256 in hex, and its end.
const SEAL: usize = 65;

/// A line of JSON, and one with its SHA-256: what went wrong on the disk is told from what was written
/// (T-46). It is no signature: whoever may write to the store can make another.
fn sealed(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value).map_err(|e| super::internal(&e.to_string()))?;
    text.push(b'\n');
    let seal = hex(&sha256(&text));
    text.extend_from_slice(seal.as_bytes());
    text.push(b'\n');
    Ok(text)
}

/// The line of JSON, if it is as it was written.
fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (text, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    (seal.strip_suffix(b"\n")? == hex(&sha256(text)).as_bytes()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-45.8: hashes of files, and what is remembered of roles.
    #[test]
    fn a_record_is_read_as_it_was_written_and_nothing_else_is() {
        let mut record = Record::new(Format::Notary1, "registry.x/app");
        record.anchor = 1;
        record.root = 2;
        for file in [FileName::Root(1), FileName::Root(2), FileName::Timestamp] {
            record.set_file(&file, Some(&Bytes::new(b"x".to_vec())));
        }
        let role = RoleRecord { version: 7, content: "c".to_owned(), root: 2 };
        record.roles.insert("timestamp".to_owned(), role);
        let bytes = record.write().expect("a record");
        let read = Record::read(&bytes, Format::Notary1, "registry.x/app").expect("a record");
        assert_eq!(read.sha256_of(&FileName::Timestamp), Some(hex(&sha256(b"x"))));
        let memory = read.memory().of("timestamp").cloned();
        assert_eq!(memory, Some(Remembered { version: 7, content: "c".to_owned(), root_version: 2 }));
        assert_eq!(read, record);
        for (bytes, format, name) in [
            (&bytes[..bytes.len() / 2], Format::Notary1, "registry.x/app"),
            (&bytes[..], Format::Tuf1, "registry.x/app"),
            (&bytes[..], Format::Notary1, "registry.x/other"),
            (b"", Format::Notary1, "registry.x/app"),
            (b"{}", Format::Notary1, "registry.x/app"),
        ] {
            assert_eq!(Record::read(bytes, format, name).map_err(|e| e.code()), Err(Code::StoreDamaged));
        }
    }

    /// T-46.1: a record of which one bit has changed is damage, wherever it is; one whose checksum was
    /// left out too. What is remembered of the last check then claims nothing.
    #[test]
    fn every_changed_bit_of_the_record_is_noticed() {
        let (mut checked, then) = (Checked::default(), Time::from_unix(1_900_000_000).expect("a time"));
        checked.set(then, false);
        let (record, checked) = (record(2, 0, &[("targets/releases", 7, 2)]), checked.write().expect("json"));
        let bytes = record.write().expect("a record");
        assert_eq!(Record::parse(&bytes), Ok(record));
        assert_eq!(Checked::read(Some(&checked)).at(false), Some(then));
        let flipped = |bytes: &[u8], bit: usize| {
            let flip = |(at, byte): (usize, &u8)| if at == bit / 8 { byte ^ (1 << (bit % 8)) } else { *byte };
            bytes.iter().enumerate().map(flip).collect::<Vec<u8>>()
        };
        for bit in 0..bytes.len() * 8 {
            let read = Record::parse(&flipped(&bytes, bit));
            assert_eq!(read.map_err(|e| e.code()), Err(Code::StoreDamaged), "bit {bit}");
        }
        for bit in 0..checked.len() * 8 {
            assert_eq!(Checked::read(Some(&flipped(&checked, bit))).at(false), None, "bit {bit}");
        }
        for (bytes, what) in [(&bytes[..bytes.len() - SEAL], "no checksum"), (&bytes[1..], "a byte less")] {
            assert_eq!(Record::parse(bytes).map_err(|e| e.code()), Err(Code::StoreDamaged), "{what}");
        }
    }

    /// A record with roots 1 to `root`, and roles as (name, version, root version).
    fn record(root: u64, dropped: u64, roles: &[(&str, u64, u64)]) -> Record {
        let mut record = Record::new(Format::Tuf1, "x");
        (record.anchor, record.root, record.dropped) = (1, root, dropped);
        for version in 1..=root {
            record.set_file(&FileName::Root(version), Some(&Bytes::new(vec![version as u8])));
        }
        for (name, version, root) in roles {
            let content = format!("{name} {version}");
            record.set_file(&FileName::of_role(name), Some(&Bytes::new(content.clone().into_bytes())));
            record.roles.insert((*name).to_owned(), RoleRecord { version: *version, content, root: *root });
        }
        record
    }

    /// T-45: two runs that began from the same record, in a table: what the second one makes of it.
    #[test]
    fn of_two_runs_nobody_loses_memory() {
        let base = record(1, 0, &[("timestamp", 5, 1), ("targets", 5, 1)]);
        type Roles = &'static [(&'static str, u64, u64)];
        type State = (u64, u64, Roles);
        let table: &[(&str, State, State, State)] = &[
            (
                "the same twice",
                (1, 0, &[("timestamp", 6, 1)]),
                (1, 0, &[("timestamp", 6, 1)]),
                (1, 0, &[("timestamp", 6, 1)]),
            ),
            (
                "ours is newer",
                (1, 0, &[("timestamp", 7, 1)]),
                (1, 0, &[("timestamp", 6, 1)]),
                (1, 0, &[("timestamp", 7, 1)]),
            ),
            (
                "theirs is newer",
                (1, 0, &[("timestamp", 6, 1)]),
                (1, 0, &[("timestamp", 7, 1)]),
                (1, 0, &[("timestamp", 7, 1)]),
            ),
            (
                "each has something",
                (1, 0, &[("timestamp", 6, 1), ("a", 1, 1)]),
                (1, 0, &[("timestamp", 6, 1), ("b", 2, 1)]),
                (1, 0, &[("timestamp", 6, 1), ("a", 1, 1), ("b", 2, 1)]),
            ),
            (
                "what an older root accepted never replaces what a newer one did",
                (1, 0, &[("timestamp", 9, 1)]),
                (2, 0, &[("timestamp", 6, 2)]),
                (2, 0, &[("timestamp", 6, 2)]),
            ),
            (
                "a lower version under a newer root does not replace a higher one",
                (2, 0, &[("timestamp", 6, 2)]),
                (1, 0, &[("timestamp", 9, 1)]),
                (2, 0, &[("timestamp", 9, 1)]),
            ),
            (
                "unless that root dropped it (T-10)",
                (2, 2, &[("timestamp", 6, 2)]),
                (1, 0, &[("timestamp", 9, 1)]),
                (2, 2, &[("timestamp", 6, 2)]),
            ),
            ("a drop takes away what an older root accepted", (2, 2, &[]), (1, 0, &[("timestamp", 9, 1)]), (2, 2, &[])),
            (
                "and not what a newer one did",
                (2, 2, &[]),
                (2, 2, &[("timestamp", 1, 2)]),
                (2, 2, &[("timestamp", 1, 2)]),
            ),
        ];
        for (name, ours, theirs, want) in table {
            let (ours, theirs) = (record(ours.0, ours.1, ours.2), record(theirs.0, theirs.1, theirs.2));
            let mut want = record(want.0, want.1, want.2);
            let made = merged(&base, &ours, &theirs).expect(name);
            want.first_seen = made.first_seen.clone();
            assert_eq!(made, want, "{name}");
        }
    }

    /// T-45: other chains of roots do not mix.
    #[test]
    fn chains_that_do_not_meet_are_not_merged() {
        let (base, ours) = (record(1, 0, &[]), record(2, 0, &[]));
        let mut theirs = record(2, 0, &[]);
        assert!(merged(&base, &ours, &theirs).is_ok());
        theirs.set_file(&FileName::Root(2), Some(&Bytes::new(b"another".to_vec())));
        assert_eq!(merged(&base, &ours, &theirs).map_err(|e| e.code()), Err(Code::StoreLocked));
        let mut later = record(9, 0, &[]);
        later.anchor = 5;
        assert_eq!(merged(&base, &ours, &later).map_err(|e| e.code()), Err(Code::StoreLocked));
    }

    /// N-40: what both list stays listed, what one withdrew is gone.
    #[test]
    fn listed_names_are_merged() {
        let with = |names: &[&str]| {
            let mut r = record(1, 0, &[]);
            r.listed = names.iter().map(|n| (*n).to_owned()).collect();
            r
        };
        let made =
            merged(&with(&["a", "b", "c"]), &with(&["a", "c", "new"]), &with(&["a", "b", "other"])).expect("merged");
        assert_eq!(made.listed, with(&["a", "new", "other"]).listed);
    }

    /// A record of a chain of roots, each with its file.
    fn chain(anchor: u64, root: u64) -> Record {
        let mut record = Record::new(Format::Notary1, "registry.x/app");
        (record.anchor, record.root) = (anchor, root);
        for version in anchor..=root {
            record.set_file(&FileName::Root(version), Some(&Bytes::new(format!("root {version}").into_bytes())));
        }
        record
    }

    /// What a record remembers of a role: version, and the root under which it was accepted.
    type Seen = Option<(u64, u64)>;

    fn put(record: &mut Record, name: &str, seen: Seen) {
        if let Some((version, root)) = seen {
            let content = format!("{name} {version}");
            let bytes = Bytes::new(format!("{content} {root}").into_bytes());
            record.roles.insert(name.to_owned(), RoleRecord { version, content, root });
            record.set_file(&FileName::of_role(name), Some(&bytes));
        }
    }

    #[test]
    fn a_record_tells_what_it_holds() {
        let mut record = chain(2, 4);
        put(&mut record, "timestamp", Some((7, 3)));
        assert_eq!((record.name(), record.roots()), ("registry.x/app", (2, 4)));
        assert_eq!(record.versions().collect::<Vec<_>>(), [("timestamp", 7)]);
        let names: Vec<String> = record.file_names().iter().map(FileName::path).collect();
        assert_eq!(names, ["roots/2.root.json", "roots/3.root.json", "roots/4.root.json", "timestamp.json"]);
        assert_eq!(record.files().keys().cloned().collect::<Vec<_>>(), names);
        assert_eq!(record.sha256_of(&FileName::Timestamp), Some(hex(&sha256(b"timestamp 7 3"))));
        assert_eq!(record.sha256_of(&FileName::Snapshot), None);
        let mut other = Record::new(Format::Notary1, "registry.x/app");
        other.set_memory(&record.memory());
        assert_eq!(other.roles, record.roles);
        record.drop_file(&FileName::Timestamp);
        assert_eq!(record.sha256_of(&FileName::Timestamp), None);
        assert_eq!(record.versions().collect::<Vec<_>>(), [("timestamp", 7)], "the memory stays");
    }

    #[test]
    fn a_chain_of_roots_begins_at_one_and_does_not_end_before_it_begins() {
        for (anchor, root, fine) in
            [(0, 0, false), (0, 1, false), (1, 1, true), (1, 2, true), (1, 3, false), (3, 2, false), (2, 3, true)]
        {
            let mut record = chain(1, 2);
            (record.anchor, record.root) = (anchor, root);
            let read = Record::parse(&record.write().expect("a record"));
            assert_eq!(read.map_err(|e| e.code()), if fine { Ok(record) } else { Err(Code::StoreDamaged) });
        }
    }

    #[test]
    fn a_file_is_the_recorded_one_or_none_or_damage() {
        let mut record = chain(1, 1);
        put(&mut record, "timestamp", Some((7, 1)));
        let check = |file: &FileName, bytes: Option<&[u8]>| {
            record.check_file(file, bytes.map(<[u8]>::to_vec)).map_err(|e| e.code())
        };
        assert_eq!(check(&FileName::Timestamp, Some(b"timestamp 7 1")), Ok(Some(b"timestamp 7 1".to_vec())));
        assert_eq!(check(&FileName::Timestamp, Some(b"timestamp 7 2")), Err(Code::StoreDamaged));
        assert_eq!(check(&FileName::Timestamp, None), Err(Code::StoreDamaged));
        assert_eq!(check(&FileName::Snapshot, Some(b"left over")), Ok(None));
        assert_eq!(check(&FileName::Snapshot, None), Ok(None));
    }

    #[test]
    fn two_runs_keep_the_higher_memory_of_a_role() {
        // base, ours, theirs; the last drop of ours and theirs; what stays.
        let table: [(Seen, Seen, Seen, u64, u64, Seen); 14] = [
            (None, Some((1, 1)), None, 0, 0, Some((1, 1))),
            (None, None, Some((1, 1)), 0, 0, Some((1, 1))),
            // Only one of them changed it.
            (Some((1, 1)), Some((1, 1)), Some((2, 1)), 0, 0, Some((2, 1))),
            (Some((1, 1)), Some((2, 1)), Some((1, 1)), 0, 0, Some((2, 1))),
            (Some((1, 1)), Some((1, 1)), None, 0, 0, None),
            // Both did.
            (Some((1, 1)), Some((3, 1)), Some((2, 1)), 0, 0, Some((3, 1))),
            (Some((1, 1)), Some((2, 1)), Some((3, 1)), 0, 0, Some((3, 1))),
            // What an older root accepted never replaces what a newer one did, unless that fell.
            (Some((1, 1)), Some((9, 1)), Some((2, 2)), 0, 2, Some((2, 2))),
            (Some((9, 1)), Some((2, 2)), Some((10, 1)), 2, 0, Some((2, 2))),
            (Some((9, 2)), Some((8, 2)), Some((10, 2)), 2, 0, Some((10, 2))),
            // Dropped by one of them: what a newer root accepted stays.
            (Some((1, 1)), Some((2, 1)), None, 0, 2, None),
            (Some((1, 1)), Some((2, 2)), None, 0, 2, Some((2, 2))),
            (Some((1, 1)), None, Some((2, 1)), 2, 0, None),
            (Some((1, 1)), None, Some((2, 2)), 2, 0, Some((2, 2))),
        ];
        for (base, ours, theirs, our_drop, their_drop, want) in table {
            let record = |seen: Seen, dropped: u64| {
                let mut record = chain(1, 2);
                put(&mut record, "snapshot", seen);
                record.dropped = dropped;
                record
            };
            let mut wanted = record(want, our_drop.max(their_drop));
            let (base, ours, theirs) = (record(base, 0), record(ours, our_drop), record(theirs, their_drop));
            wanted.first_seen = None;
            assert_eq!(merged(&base, &ours, &theirs), Ok(wanted), "{base:?} {ours:?} {theirs:?}");
        }
    }

    #[test]
    fn two_runs_keep_the_longer_chain_and_refuse_another_one() {
        let merge = |ours: &Record, theirs: &Record| merged(&chain(2, 2), ours, theirs).map_err(|e| e.code());
        assert_eq!(merge(&chain(2, 4), &chain(2, 3)), Ok(chain(2, 4)));
        assert_eq!(merge(&chain(2, 3), &chain(1, 4)), Ok(chain(1, 4)));
        assert_eq!(merge(&chain(1, 2), &chain(2, 3)), Ok(chain(1, 3)));
        assert_eq!(merge(&chain(1, 2), &chain(3, 4)), Err(Code::StoreLocked));
        let mut other = chain(2, 3);
        other.set_file(&FileName::Root(3), Some(&Bytes::new(b"another".to_vec())));
        assert_eq!(merge(&chain(2, 4), &other), Err(Code::StoreLocked));
    }

    #[test]
    fn two_runs_keep_names_that_neither_withdrew_and_when_a_timestamp_was_first_seen() {
        let listed = |names: &[&str], timestamp: u64, at: i64| {
            let mut record = chain(1, 1);
            record.listed = names.iter().map(|name| (*name).to_owned()).collect();
            put(&mut record, "timestamp", Some((timestamp, 1)));
            record.first_seen = Some(Instant { at, injected: false });
            record
        };
        let base = listed(&["both", "ours", "theirs", "nobody"], 1, 1);
        let merge = |ours: u64, theirs: u64| {
            let ours = listed(&["both", "ours", "new"], ours, 2);
            merged(&base, &ours, &listed(&["both", "theirs", "newer"], theirs, 3)).expect("one chain")
        };
        let names = |record: &Record| record.listed.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&merge(2, 3)), "both new newer");
        let first_seen = |record: Record| record.first_seen.map(|seen| seen.at);
        assert_eq!(first_seen(merge(2, 3)), Some(3));
        assert_eq!(first_seen(merge(3, 2)), Some(2));
        assert_eq!(first_seen(merge(3, 3)), Some(2));
    }

    #[test]
    fn injected_times_are_for_injected_runs_alone() {
        let t = Time::parse("2026-11-23T08:12:47Z").expect("a time");
        let mut checked = Checked::default();
        checked.set(t, true);
        let checked = Checked::read(Some(&checked.write().expect("json")));
        assert_eq!(checked.at(true), Some(t));
        assert_eq!(checked.at(false), None);
        assert_eq!(Checked::read(Some(b"nonsense")), Checked::default());
        assert_eq!(Instant::new(t, true).for_run(false), None);
        assert_eq!(Instant::new(t, true).for_run(true), Some(t));
        let mut checked = Checked::default();
        checked.set(t, false);
        assert_eq!((checked.at(false), checked.at(true)), (Some(t), None));
    }
}
