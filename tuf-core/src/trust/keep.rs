//! A run's side of the store: what is read is what was recorded, and one commit keeps what was
//! accepted (T-45, T-46).

use super::machine::{Changes, Committed, FileName};
use super::record::{Checked, Record, damaged, merged};
use super::session::Session;
use crate::crypto::{hex, sha256};
use crate::error::{Code, Error, Result};
use crate::metadata::{Bytes, Metadata, role};
use crate::verify::Remembered;

/// How often a commit is tried again because other runs committed in between.
const MOST_COMMITS: u32 = 1_024;

impl Session {
    pub(super) async fn open(&mut self) -> Result<()> {
        // T-3: what cannot be read there claims nothing, and is no damage.
        let checked = self.io.load(FileName::Checked, None).await.ok().flatten();
        self.checked = Checked::read(checked.as_deref());
        if let Some(bytes) = self.io.load(FileName::Record, None).await? {
            let record = Record::read(&bytes, self.settings.wire.format, &self.settings.name)?;
            self.base = Some(hex(&sha256(&bytes)));
            self.record = record.clone();
            self.stored = Some(record);
        }
        Ok(())
    }

    /// T-3: a clock behind the last complete check is not trusted; injected time is.
    pub(super) fn clock(&self) -> Result<()> {
        let Some(floor) = self.checked.at(false).filter(|_| !self.settings.injected) else { return Ok(()) };
        let behind = floor.seconds_since(self.settings.start);
        if behind <= i64::try_from(self.settings.ages.clock_tolerance).unwrap_or(i64::MAX) {
            return Ok(());
        }
        Err(Error::new(Code::ClockBehind, "T-3", "the clock is behind the last complete check")
            .values(format_args!("at least {floor}"), self.settings.start))
    }

    /// A file of the store, if the record names it: then it is what was recorded, or damage.
    pub(super) async fn kept(&mut self, file: FileName) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.files.get(&file) {
            return Ok(bytes.as_ref().map(|b| b.to_vec()));
        }
        let Some(want) = self.record.sha256_of(&file) else { return Ok(None) };
        // It is adopted before it is used: no second load.
        if let (FileName::Snapshot, Some(adopted)) = (&file, self.set.as_ref().and_then(|set| set.snapshot.as_ref())) {
            return Ok(Some(adopted.bytes().to_vec()));
        }
        let bytes = self.io.load(file.clone(), Some(want)).await?;
        match self.record.check_file(&file, bytes) {
            Err(damage) => {
                // Another run's commit looks like damage to who read the record before it.
                let now = self.io.load(FileName::Record, None).await?;
                self.moved = now.map(|bytes| hex(&sha256(&bytes))) != self.base;
                Err(damage)
            }
            sound => sound,
        }
    }

    pub(super) fn keep_file(&mut self, file: FileName, bytes: &Bytes) {
        self.record.set_file(&file, Some(bytes));
        self.files.insert(file, Some(bytes.clone()));
    }

    /// Whether another client's files lie in a folder without a record; what cannot be looked at may.
    pub(super) async fn has_unrecorded(&self) -> bool {
        if self.stored.is_some() {
            return false;
        }
        for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
            if !matches!(self.io.load(FileName::of_role(name), None).await, Ok(None)) {
                return true;
            }
        }
        false
    }

    /// T-46: a folder without a record, another client's: what lies there is taken in once it
    /// verifies under the trusted root; what does not is damage. Its versions count from now on.
    pub(super) async fn adopt(&mut self) -> Result<()> {
        if self.stored.is_some() {
            return Ok(());
        }
        for name in [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS] {
            let file = FileName::of_role(name);
            let Some(bytes) = self.io.load(file.clone(), None).await? else { continue };
            // Another run's first commit looks like another client's folder to who looked before it.
            if self.io.load(FileName::Record, None).await?.is_some() {
                self.moved = true;
                return Err(damaged(&file, "the store changed while it was read"));
            }
            let mut held = self.set()?.adoptable(name, bytes.clone());
            if held.is_err() && !self.settings.offline {
                // Perhaps it was left by a client that knew a newer root.
                self.walk().await?;
                held = self.set()?.adoptable(name, bytes.clone());
            }
            let held = held.map_err(|e| {
                damaged(&file, "a file without a record does not verify under the trusted root")
                    .values("a signed file", e)
            })?;
            let root_version = self.set()?.root.content().version();
            let (version, content) = held;
            let set = self.set()?;
            set.memory.roles.insert(name.to_owned(), Remembered { version, content, root_version });
            set.warn(
                Error::new(Code::StoreAdopted, "T-46", "a file of the store that no record names was taken in")
                    .for_role(name)
                    .in_file(&file.path()),
            );
            self.record.set_file(&file, Some(&Bytes::new(bytes)));
        }
        Ok(())
    }

    /// One commit a run (T-45), none when nothing changed; the time of the last complete check is
    /// written at most once a minute.
    pub(super) async fn keep(&mut self, complete: bool) -> Result<()> {
        if self.settings.no_persist {
            return Ok(());
        }
        if let Some(set) = &self.set {
            self.record.set_memory(&set.memory);
            self.record.root = set.root.content().version();
        }
        let mut checked = None;
        if complete && self.asked_server {
            let (start, injected) = (self.settings.start, self.settings.injected);
            let last = self.checked.at(injected);
            // The floor never goes down, not even by the tolerance; and it is written once a minute.
            if last.is_none_or(|last| start.seconds_since(last) >= 60) {
                let now = self.io.load(FileName::Checked, None).await.ok().flatten();
                self.checked = Checked::read(now.as_deref());
                self.checked.set(start, injected);
                checked = Some(Bytes::new(self.checked.write()?));
            } else if last.is_none_or(|last| last < start) {
                self.checked.set(start, injected);
            }
        }
        let changed = self.set.is_some() && self.stored.as_ref() != Some(&self.record);
        if !changed && checked.is_none() {
            return Ok(());
        }
        let mut changes =
            if changed { self.changes(self.record.clone(), self.base.clone())? } else { Changes::default() };
        changes.checked = checked;
        match self.commit(changes).await {
            Err(e) if e.code() == Code::StoreReadOnly => {
                // T-49: a store that cannot be written verifies all the same, and says so.
                if let Some(set) = &mut self.set {
                    set.warn(e);
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// The changes that turn what lies under `base` into `record`.
    fn changes(&self, record: Record, base: Option<String>) -> Result<Changes> {
        let mut files = self.files.clone();
        // After a merge some of ours no longer belong to the record.
        files.retain(|file, bytes| match bytes {
            Some(bytes) => record.sha256_of(file).is_some_and(|want| want == hex(&sha256(bytes))),
            None => record.sha256_of(file).is_none(),
        });
        files.insert(FileName::Record, Some(Bytes::new(record.write()?)));
        Ok(Changes { base, files, recorded: record.files().clone(), checked: None })
    }

    /// Commits; where another run committed since ours began, what both accepted is merged.
    async fn commit(&mut self, mut changes: Changes) -> Result<()> {
        for _ in 0..MOST_COMMITS {
            let checked = changes.checked.clone();
            if self.io.commit(changes).await? == Committed::Done {
                return Ok(());
            }
            let bytes = self.io.load(FileName::Record, None).await?;
            let bytes =
                bytes.ok_or_else(|| damaged(&FileName::Record, "the state record is gone while a run commits"))?;
            let theirs = Record::read(&bytes, self.settings.wire.format, &self.settings.name)?;
            let base =
                self.stored.clone().unwrap_or_else(|| Record::new(self.settings.wire.format, &self.settings.name));
            let merged = merged(&base, &self.record, &theirs);
            // Under other roots other files hold, and other memory counts: all anew.
            if theirs.roots() != self.record.roots()
                && (merged.is_ok() || theirs.roots().1 < self.record.anchor || self.record.root < theirs.anchor)
            {
                self.moved = true;
                return Ok(());
            }
            let record = merged?;
            changes =
                if record == theirs { Changes::default() } else { self.changes(record, Some(hex(&sha256(&bytes))))? };
            changes.checked = checked;
        }
        Err(Error::new(Code::StoreLocked, "T-45", "other runs commit to the store faster than this one can"))
    }
}
