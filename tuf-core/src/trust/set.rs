//! The client workflow's rules (TUF 5.3 to 5.6), one function a step, in the order of the text.
//!
//! A file enters the set only through these functions, and in this order: root, timestamp,
//! snapshot, targets, delegated roles. Each judges in one order too: length, hash, form,
//! signatures, version, content, expiry. What fails leaves the set as it was.

use super::pin::{RootRule, own};
use super::{Exception, TrustedSet, internal};
use crate::certificate::Validity;
use crate::error::{Code, Error, Result, shown};
use crate::metadata::{FileMeta, Format, Key, Metadata, Root, Targets, Unverified, Verified, role};
use crate::time::Time;
use crate::verify::{Counting, not_expired, not_rolled_back};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether a timestamp is new or the one that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    Same,
}

impl TrustedSet {
    /// 5.3.4, 5.3.5: the next root: its version is exactly the next, and a threshold of the old
    /// root's keys and of its own signed it. Its expiry is not looked at here (5.3.6).
    pub(crate) fn next_root(&mut self, file: Unverified<Root>) -> Result<()> {
        let want =
            self.root.content().version().checked_add(1).ok_or_else(|| internal("root versions have run out"))?;
        let found = file.claims().version();
        let exceptions = file.exceptions.clone();
        let rule = RootRule {
            gun: &self.name,
            pin: &self.pin,
            validity: Validity::Ignored,
            anchor: false,
            by_id: self.allows(Exception::KeyIdsCounted),
        };
        let recode = |e: Error, to: Code| {
            if e.code() == Code::SignatureThreshold { e.recoded(to, "T-7 (TUF 5.3.4)") } else { e }
        };
        let by_old = rule.verify(file, self.root.content(), &mut self.budget, &mut self.warnings);
        let by_old = by_old.map_err(|e| recode(e, Code::RotationOldThreshold))?;
        let by = own(&by_old.inner);
        let by_own = rule.verify(by_old.inner, &by, &mut self.budget, &mut self.warnings);
        let root = by_own.map_err(|e| recode(e, Code::RotationNewThreshold))?;
        if found == self.root.content().version() && root.content_id()? != self.root.content_id()? {
            return Err(Error::new(
                Code::MismatchContent,
                "T-16",
                "a root of the version in force, with other content",
            )
            .for_role(role::ROOT)
            .values(self.root.content_id()?, root.content_id()?));
        }
        if found != want {
            return Err(Error::new(
                Code::RotationVersion,
                "T-7 (TUF 5.3.5)",
                "a root under the number of another version",
            )
            .for_role(role::ROOT)
            .values(want, found));
        }
        self.root = root;
        // What was adopted held under the root before.
        (self.timestamp, self.snapshot) = (None, None);
        exceptions.into_iter().for_each(|e| self.warn(e));
        Ok(())
    }

    /// 5.3.10: the newest root must be unexpired; of Notary's, enough certificates must be valid
    /// too (N-8).
    pub(crate) fn root_in_force(&mut self) -> Result<()> {
        if self.wire.format == Format::Notary1 {
            let rule = RootRule {
                gun: &self.name,
                pin: &self.pin,
                validity: Validity::At(self.start),
                anchor: false,
                by_id: self.allows(Exception::KeyIdsCounted),
            };
            let by = own(&self.root.inner);
            self.root = rule.verify(self.root.inner.clone(), &by, &mut self.budget, &mut self.warnings)?;
        }
        not_expired(&self.root, self.start)
    }

    /// 5.3.11: TUF 1.0 forgets timestamp and snapshot once a key of one of the two was taken away
    /// or they no longer reach today's threshold (T-10), so that a repository recovers from
    /// versions that a thief drove up. Notary's servers sign on from the old number.
    pub(crate) fn forget_rotated(&mut self, accepted_under: &Root, reached: bool) -> Result<bool> {
        if self.wire.format == Format::Notary1 {
            return Ok(false);
        }
        for name in [role::TIMESTAMP, role::SNAPSHOT] {
            let keys = |root: &Root| -> Result<Vec<_>> {
                let listed = root.role(name)?.key_ids.iter();
                Ok(listed.filter_map(|id| root.keys.get(id)?.public.clone().ok()).collect())
            };
            let (old, new) = (keys(accepted_under)?, keys(self.root.content())?);
            let raised = self.root.content().role(name)?.threshold > accepted_under.role(name)?.threshold;
            if (raised && !reached) || old.iter().any(|key| !new.contains(key)) {
                self.timestamp = None;
                self.snapshot = None;
                self.memory.dropped = self.root.content().version();
                for name in [role::TIMESTAMP, role::SNAPSHOT] {
                    self.memory.roles.remove(name);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// 5.4.1: the timestamp that was kept, if it holds under today's root; else it is stale.
    pub(crate) fn adopt_timestamp(&mut self, bytes: Vec<u8>) -> Result<()> {
        let kept = self.wire.timestamp(bytes).and_then(|file| self.verified_by_root(file, role::TIMESTAMP));
        self.timestamp = out_of_work(kept)?;
        Ok(())
    }

    /// 5.4.1: a file that lies in the store without a record: its version and content, if it is
    /// signed by the keys that root names (T-46).
    pub(crate) fn adoptable(&mut self, name: &str, bytes: Vec<u8>) -> Result<(u64, String)> {
        match name {
            role::TIMESTAMP => {
                let file = self.wire.timestamp(bytes)?;
                self.verified_by_root(file, name).and_then(|f| Ok((f.content().version(), f.content_id()?)))
            }
            role::SNAPSHOT => {
                let file = self.wire.snapshot(bytes)?;
                self.verified_by_root(file, name).and_then(|f| Ok((f.content().version(), f.content_id()?)))
            }
            _ => {
                let file = self.wire.targets(name, bytes)?;
                self.verified_by_root(file, name).and_then(|f| Ok((f.content().version(), f.content_id()?)))
            }
        }
    }

    /// 5.4.1: the snapshot that was kept: what a new one is measured by (T-14).
    pub(crate) fn adopt_snapshot(&mut self, bytes: Vec<u8>) -> Result<()> {
        let kept = self.wire.snapshot(bytes).and_then(|file| self.verified_by_root(file, role::SNAPSHOT));
        self.snapshot = out_of_work(kept)?;
        Ok(())
    }

    /// 5.4.2: timestamp and snapshot are signed by the keys that root names for them.
    fn verified_by_root<T>(&mut self, file: Unverified<T>, name: &str) -> Result<Verified<T>> {
        let root = self.root.content();
        let by_id = Exception::KeyIdsCounted.holds(self.mode);
        let counting = Counting { budget: &mut self.budget, by_id, accept: &|_| Ok(()), warnings: &mut self.warnings };
        file.counted(name, &root.keys, root.role(name)?, counting)
    }

    /// 5.4.2, 5.4.3: a timestamp: root's threshold of keys, no version below the one before; of
    /// an equal version the kept one stays (T-13).
    pub(crate) fn update_timestamp(&mut self, bytes: Vec<u8>) -> Result<Arrival> {
        let file = self.wire.timestamp(bytes)?;
        let exceptions = file.exceptions.clone();
        let new = self.verified_by_root(file, role::TIMESTAMP)?;
        let memory = self.memory.of(role::TIMESTAMP);
        let equal = memory.is_some_and(|m| m.version == new.content().version());
        match not_rolled_back(&new, memory) {
            Err(e) if e.code() == Code::MismatchContent && self.wire.format == Format::Notary1 => {
                self.excepted(Exception::OtherContent, e)?
            }
            Err(e) if e.code() == Code::MismatchContent && self.timestamp.is_some() => {
                // TUF 1.0: dropped even if its content differs, and told (T-13).
                self.warn(e);
                return self.timestamp_in_force().map(|()| Arrival::Same);
            }
            Err(e) => return Err(e),
            Ok(()) if equal && self.timestamp.is_some() => {
                return self.timestamp_in_force().map(|()| Arrival::Same);
            }
            Ok(()) => {}
        }
        self.snapshot_not_lower(&new)?;
        not_expired(&new, self.start)?;
        self.remember(&new)?;
        self.timestamp = Some(new);
        exceptions.into_iter().for_each(|e| self.warn(e));
        Ok(Arrival::New)
    }

    /// 5.4.3.2: the snapshot version in a timestamp never goes down.
    fn snapshot_not_lower(&self, new: &Verified<crate::metadata::Timestamp>) -> Result<()> {
        // What was accepted, and what the kept timestamp names: its snapshot may never have come.
        let named = self.timestamp.as_ref().and_then(|kept| kept.content().snapshot().version());
        let before = self.memory.of(role::SNAPSHOT).map(|m| m.version).max(named);
        match (new.content().snapshot().version(), before) {
            (Some(version), Some(before)) if version < before => Err(Error::new(
                Code::RollbackSnapshot,
                "T-12 (TUF 5.4.3.2)",
                "the timestamp names a snapshot version below the accepted one",
            )
            .for_role(role::TIMESTAMP)
            .values(format_args!("at least {before}"), version)),
            _ => Ok(()),
        }
    }

    /// 5.4.4: the timestamp in use must be unexpired, the kept one too.
    pub(crate) fn timestamp_in_force(&self) -> Result<()> {
        let timestamp = self.timestamp.as_ref().ok_or_else(|| internal("no timestamp yet"))?;
        not_expired(timestamp, self.start)
    }

    /// 5.5.2, 5.6.2: a file is as long as its parent says and has all the hashes it lists.
    pub(crate) fn as_listed(&mut self, name: &str, meta: &FileMeta, bytes: &[u8]) -> Result<()> {
        let found = bytes.len() as u64;
        if let Some(length) = meta.length()
            && found != length
        {
            let e = Error::new(Code::MismatchLength, "T-15 (TUF 5.5.2)", "the file is not as long as its parent says")
                .for_role(name)
                .values(length, if found > length { format!("more than {length}") } else { found.to_string() });
            // Compatible mode: the length is an upper bound (N-41).
            if found > length || !self.allows(Exception::LengthUpperBound) {
                return Err(e);
            }
            if let Some(hashes) = meta.hashes() {
                hashes.check(bytes).map_err(|e| e.for_role(name))?;
            }
            return self.excepted(Exception::LengthUpperBound, e);
        }
        meta.hashes().map_or(Ok(()), |hashes| hashes.check(bytes).map_err(|e| e.for_role(name)))
    }

    /// 5.5.3 to 5.5.6: the snapshot: root's threshold of keys, the timestamp's version, nothing
    /// lower and nothing gone, unexpired. Notary's names the root that must be in force.
    pub(crate) fn update_snapshot(&mut self, bytes: Vec<u8>) -> Result<()> {
        let meta = self.timestamp.as_ref().ok_or_else(|| internal("no timestamp yet"))?.content().snapshot.clone();
        self.as_listed(role::SNAPSHOT, &meta, &bytes)?;
        let new = match &self.snapshot {
            // The one that was kept: its signatures are checked already.
            Some(adopted) if adopted.bytes()[..] == bytes => adopted.clone(),
            _ => self.wire.snapshot(bytes).and_then(|file| self.verified_by_root(file, role::SNAPSHOT))?,
        };
        let exceptions = new.inner.exceptions.clone();
        version_as_listed(&new, &meta)?;
        self.names_this_root(&new)?;
        let equal_content = not_rolled_back(&new, self.memory.of(role::SNAPSHOT));
        self.content_may_differ(equal_content)?;
        self.nothing_lower(&new)?;
        not_expired(&new, self.start)?;
        self.remember(&new)?;
        self.memory.listed.extend(new.content().roles());
        self.snapshot = Some(new);
        exceptions.into_iter().for_each(|e| self.warn(e));
        Ok(())
    }

    /// 5.5.3: Notary's snapshot names the root by its hashes (N-20).
    fn names_this_root(&self, snapshot: &Verified<crate::metadata::Snapshot>) -> Result<()> {
        if self.wire.format == Format::Tuf1 {
            return Ok(());
        }
        let meta =
            snapshot.content().meta(role::ROOT)?.ok_or_else(|| crate::json::missing(role::ROOT).inside("meta"))?;
        let same = meta.hashes().map_or(Ok(()), |h| h.check(self.root.bytes()));
        same.map_err(|e| e.recoded(Code::MismatchHash, "N-20").for_role(role::ROOT))
    }

    /// 5.5.5: an equal version has equal content (T-16); compatible mode lets Notary's differ.
    fn content_may_differ(&mut self, judged: Result<()>) -> Result<()> {
        match judged {
            Err(e) if e.code() == Code::MismatchContent && self.wire.format == Format::Notary1 => {
                self.excepted(Exception::OtherContent, e)
            }
            judged => judged,
        }
    }

    /// 5.5.5: TUF 1.0: no entry goes down in version, and none that was listed disappears (T-14).
    fn nothing_lower(&self, new: &Verified<crate::metadata::Snapshot>) -> Result<()> {
        let Some(old) = self.snapshot.as_ref().filter(|_| self.wire.format == Format::Tuf1) else { return Ok(()) };
        for name in old.content().roles() {
            let before = old.content().meta(&name)?.and_then(|m| m.version());
            let after = new.content().meta(&name)?.and_then(|m| m.version());
            let code = match (before, after) {
                (_, None) => Code::RollbackRemoved,
                (Some(before), Some(after)) if after < before && name == role::TARGETS => Code::RollbackTargets,
                (Some(before), Some(after)) if after < before => Code::RollbackDelegation,
                _ => continue,
            };
            let version = |v: Option<u64>| v.map_or("nothing".to_owned(), |v| v.to_string());
            return Err(Error::new(code, "T-14 (TUF 5.5.5)", "an entry of the snapshot went down or disappeared")
                .for_role(&name)
                .values(format_args!("at least {}", version(before)), version(after)));
        }
        Ok(())
    }

    /// 5.6.3 to 5.6.5: a targets role: the delegator's keys and threshold, the snapshot's version,
    /// none below the one before, unexpired.
    pub(crate) fn update_targets(&mut self, delegator: &str, name: &str, bytes: Vec<u8>) -> Result<()> {
        let meta = self.listed_targets(name)?.ok_or_else(|| internal("a role that the snapshot does not list"))?;
        self.as_listed(name, &meta, &bytes)?;
        let file = self.wire.targets(name, bytes)?;
        let exceptions = file.exceptions.clone();
        let root = self.root.content();
        let (keys, role_keys) = if name == role::TARGETS {
            (&root.keys, root.role(role::TARGETS)?)
        } else {
            let parent = self.targets.iter().find(|((_, n), _)| n == delegator).map(|(_, t)| t.content().delegations());
            parent.and_then(|d| Some((&d.keys, d.keys_of(name)?))).ok_or_else(|| {
                Error::new(Code::UsageRole, "T-27", format!("`{}` delegates to no such role", shown(delegator)))
                    .for_role(name)
            })?
        };
        let by_id = Exception::KeyIdsCounted.holds(self.mode);
        let counting = Counting { budget: &mut self.budget, by_id, accept: &|_| Ok(()), warnings: &mut self.warnings };
        let unsigned = file.signatures.is_empty();
        let new = match file.counted(name, keys, role_keys, counting) {
            Err(e) if e.code() == Code::SignatureThreshold && !unsigned => {
                return self.pass_by(Exception::DelegationBelowThreshold, name, e);
            }
            counted => counted?,
        };
        let certificates = run_out(&new, keys.values(), self.start);
        version_as_listed(&new, &meta)?;
        let equal_content = not_rolled_back(&new, self.memory.of(name));
        self.content_may_differ(equal_content)?;
        if let Err(e) = not_expired(&new, self.start) {
            return self.pass_by(Exception::DelegationExpired, name, e);
        }
        self.remember(&new)?;
        certificates.into_iter().for_each(|e| self.warn(e));
        self.forget_withdrawn(name, new.content());
        self.targets.insert((delegator.to_owned(), name.to_owned()), Arc::new(new));
        exceptions.into_iter().for_each(|e| self.warn(e));
        Ok(())
    }

    /// 5.6.3, 5.6.5: compatible mode passes by a delegation that is expired or has too few good
    /// signatures (N-41); one without any is fatal there too.
    fn pass_by(&mut self, exception: Exception, name: &str, e: Error) -> Result<()> {
        if name == role::TARGETS || self.wire.format == Format::Tuf1 {
            return Err(e);
        }
        self.excepted(exception, e.clone())?;
        self.broken.insert(name.to_owned(), e);
        Ok(())
    }

    /// 5.6.3: what the snapshot says of a targets role.
    pub(crate) fn listed_targets(&self, name: &str) -> Result<Option<FileMeta>> {
        let snapshot = self.snapshot.as_ref().ok_or_else(|| internal("no snapshot yet"))?;
        snapshot.content().meta(name).map_err(|e| e.for_role(role::SNAPSHOT))
    }

    /// 5.6.7: a name leaves the memory of listed roles only when its verified parent no longer
    /// delegates it and the snapshot no longer lists it (N-40): a withdrawal.
    fn forget_withdrawn(&mut self, name: &str, targets: &Targets) {
        let Some(snapshot) = &self.snapshot else { return };
        let child =
            |other: &str| other.strip_prefix(name).and_then(|r| r.strip_prefix('/')).is_some_and(|r| !r.contains('/'));
        let delegated: BTreeSet<&str> = targets.delegations().roles().iter().map(|d| d.name()).collect();
        let gone = |other: &str| child(other) && !delegated.contains(other) && !snapshot.content().lists(other);
        self.memory.listed.retain(|other| !gone(other));
    }
}

/// 5.6.7 (of 5.6.3): the validity of a delegation's certificate is not judged, but told (N-8).
fn run_out<'k>(file: &Verified<Targets>, keys: impl Iterator<Item = &'k Key>, now: Time) -> Vec<Error> {
    let signed = keys.filter(|key| file.signed_by().contains(&key.id));
    let judged = signed.filter_map(|key| Some((key, key.bundle.as_ref()?.leaf_valid_at(now).err()?)));
    judged.map(|(key, e)| e.for_role(file.role()).with_keys([key.id.clone()])).collect()
}

/// 5.6.7: a kept file that does not hold any longer is stale, which is no failure; running out of
/// work is one.
fn out_of_work<T>(kept: Result<T>) -> Result<Option<T>> {
    match kept {
        Ok(kept) => Ok(Some(kept)),
        Err(e) if e.code() == Code::LimitWork => Err(e),
        Err(_) => Ok(None),
    }
}

/// 5.6.7 (of 5.5.4 and 5.6.4): the version is the one that the parent lists; Notary's entries have none.
fn version_as_listed<T: Metadata>(file: &Verified<T>, meta: &FileMeta) -> Result<()> {
    match meta.version() {
        Some(version) if version != file.content().version() => Err(Error::new(
            Code::MismatchVersion,
            "T-14 (TUF 5.5.4)",
            "the version is not the one that the parent lists",
        )
        .for_role(file.role())
        .values(version, file.content().version())),
        _ => Ok(()),
    }
}
