//! The order of the workflow: the one thing in which TUF 1.0 (5.3 to 5.6) and Notary (N-20)
//! differ. The rules stand in `set`.

use super::machine::{Absent, FileName};
use super::record::Instant;
use super::search::Need;
use super::session::{Got, Session, without_stand_in};
use super::set::Arrival;
use super::{Exception, internal};
use crate::crypto::hex;
use crate::error::{Answer, Code, Error, Result};
use crate::metadata::{FileMeta, Format, Hashes, Metadata, role};
use crate::verify::not_expired;
use std::collections::VecDeque;

/// Files under way at a time: as many as a server's connections.
const SIDE_BY_SIDE: usize = 6;

/// A targets role that was asked for.
struct Asked {
    need: Need,
    meta: FileMeta,
    path: String,
    ceiling: u64,
    id: u64,
    /// Why what the store holds does not do.
    held: Option<Error>,
}

impl Session {
    /// The specification's order: roots first.
    pub(super) async fn tuf_order(&mut self) -> Result<()> {
        if let Err(why) = self.walk().await {
            if !self.may_serve(&why) {
                return Err(why);
            }
            // T-8: no answer is never "no newer root": from here on the store alone answers.
            self.forget_rotated().await?;
            self.adopt_timestamp().await?;
            self.serve(why)?;
            return self.use_kept().await;
        }
        self.root_in_force()?;
        self.forget_rotated().await?;
        self.timestamp_and_snapshot().await?;
        self.top_level_targets().await
    }

    /// T-10: what was accepted under an older root falls with its keys; of today's root there is
    /// nothing to judge.
    pub(super) async fn forget_rotated(&mut self) -> Result<()> {
        let set = self.set()?;
        let today = set.root.content().version();
        let memory = set.memory.of(role::TIMESTAMP).map(|m| m.root_version);
        let Some(version) = memory.filter(|version| *version != today) else { return Ok(()) };
        let before = match self.chain.iter().find(|r| r.content().version() == version) {
            Some(root) => root.content().clone(),
            // A root older than the pin is taken by its recorded hash.
            None => match self.kept(FileName::Root(version)).await? {
                Some(bytes) => self.settings.wire.root(bytes)?.claims().clone(),
                None => return Ok(()),
            },
        };
        self.adopt_timestamp().await?;
        let set = self.set()?;
        let kept = [(FileName::Timestamp, set.timestamp.is_some()), (FileName::Snapshot, set.snapshot.is_some())];
        // What is recorded and could not be adopted does not reach today's threshold.
        let reached = kept.iter().all(|(file, adopted)| *adopted || self.record.sha256_of(file).is_none());
        if self.set()?.forget_rotated(&before, reached)? {
            for (file, _) in kept {
                self.record.set_file(&file, None);
                self.files.insert(file, None);
            }
        }
        Ok(())
    }

    /// N-20: the timestamp first; roots are walked when it or the snapshot does not hold under the
    /// stored root, then everything starts over once.
    pub(super) async fn notary_order(&mut self) -> Result<()> {
        let mut walked = false;
        if self.root_in_force().is_err() {
            match self.walk().await {
                Err(e) if self.settings.offline && e.code() == Code::StoreEmpty => {}
                // What only the store shows is the network's failure, with what it shows.
                Err(e) if e.code().answer() == Answer::Unchecked => {
                    let in_store = self.root_in_force().err().map(|e| e.to_string()).unwrap_or_default();
                    return Err(e.values("an answer, or a root in force in the store", in_store));
                }
                outcome => outcome?,
            }
            walked = true;
            self.root_in_force()?;
        }
        if let Err(e) = self.timestamp_and_snapshot().await {
            let cured = matches!(e.code(), Code::SignatureThreshold | Code::SignatureKeyId)
                || (e.code() == Code::MismatchHash && e.role() == Some(role::ROOT));
            let before = self.set()?.root.content().version();
            if walked || !cured || self.settings.offline {
                return Err(e);
            }
            self.walk().await?;
            if self.set()?.root.content().version() == before {
                return Err(e);
            }
            self.root_in_force()?;
            self.timestamp_and_snapshot().await?;
        }
        self.top_level_targets().await
    }

    /// 5.3.10: the newest root must be in force.
    pub(super) fn root_in_force(&mut self) -> Result<()> {
        let outcome = self.set()?.root_in_force();
        self.judged("5.3.10", role::ROOT, outcome)
    }

    /// T-4: with a recent complete check and an unexpired timestamp no request is made. After steps
    /// to a newer pin what is kept has to be judged by T-10 first.
    pub(super) async fn is_fresh(&mut self) -> Result<bool> {
        if self.rotations > 0 {
            return Ok(false);
        }
        let (Some(age), Some(last)) = (self.settings.ages.fresh_for, self.checked.at(self.settings.injected)) else {
            return Ok(false);
        };
        let since = self.settings.start.seconds_since(last);
        let recent = since >= 0 && since.unsigned_abs() < age;
        if !recent || self.root_in_force().is_err() {
            return Ok(false);
        }
        self.adopt_timestamp().await?;
        Ok(self.set()?.timestamp_in_force().is_ok())
    }

    /// A run without a request, from what is kept.
    pub(super) async fn use_kept(&mut self) -> Result<()> {
        self.snapshot().await?;
        self.top_level_targets().await
    }

    /// The kept timestamp and snapshot, if they hold under today's root.
    pub(super) async fn adopt_timestamp(&mut self) -> Result<()> {
        if self.set()?.timestamp.is_none()
            && let Some(bytes) = self.kept(FileName::Timestamp).await?
        {
            self.set()?.adopt_timestamp(bytes)?;
        }
        if self.settings.wire.format == Format::Tuf1
            && self.set()?.snapshot.is_none()
            && let Some(bytes) = self.kept(FileName::Snapshot).await?
        {
            self.set()?.adopt_snapshot(bytes)?;
        }
        Ok(())
    }

    pub(super) async fn timestamp_and_snapshot(&mut self) -> Result<()> {
        self.adopt_timestamp().await?;
        let path = "timestamp.json";
        match self.fetch(path, self.settings.limits.timestamp, role::TIMESTAMP, Absent::IsError).await {
            Ok(Got::Bytes(bytes)) => {
                self.asked_server = true;
                let known = self.set()?.memory.of(role::TIMESTAMP).map(|m| m.version);
                let arrival = self.set()?.update_timestamp(bytes).map_err(|e| e.in_file(path));
                let arrival = self.judged("5.4", path, arrival)?;
                if arrival == Arrival::New {
                    let timestamp = self.set()?.timestamp.clone().ok_or_else(|| internal("no timestamp"))?;
                    if known != Some(timestamp.content().version()) {
                        self.record.first_seen = Some(Instant::new(self.settings.start, self.settings.injected));
                    }
                    self.keep_file(FileName::Timestamp, timestamp.bytes());
                }
            }
            Ok(Got::Absent(where_asked)) => {
                let missing =
                    Error::new(Code::MissingTimestamp, "N-40 (TUF 5.4.1)", "the server has no timestamp for this name")
                        .for_role(role::TIMESTAMP)
                        .in_file(path)
                        .values("the file", where_asked);
                if !Exception::StoreServesMissing.holds(self.settings.mode) {
                    return Err(missing);
                }
                self.serve(missing)?;
            }
            Err(e) if self.may_serve(&e) => self.serve(e)?,
            Err(e) => return Err(e),
        }
        self.snapshot().await
    }

    /// Whether the store may answer where the server did not. A newer root beyond our own limit is
    /// an answer (T-9).
    pub(super) fn may_serve(&self, e: &Error) -> bool {
        self.settings.serves_cache() && e.code().answer() == Answer::Unchecked && e.code() != Code::LimitRotations
    }

    /// The store serves in the server's place: with a warning, an unexpired timestamp, and not for
    /// longer than configured (T-53).
    pub(super) fn serve(&mut self, why: Error) -> Result<()> {
        let offline = self.settings.offline;
        let max = self.settings.ages.offline.filter(|_| self.settings.mode.bounds_age());
        let last = self.checked.at(self.settings.injected);
        let start = self.settings.start;
        let set = self.set()?;
        if set.timestamp.is_none() {
            let nothing = Error::new(Code::StoreEmpty, "T-51", "the store holds no timestamp that can be used");
            return Err(if offline { nothing.for_role(role::TIMESTAMP) } else { why });
        }
        if let Err(expired) = not_expired(&set.root, start).and_then(|()| set.timestamp_in_force()) {
            return Err(if offline {
                expired
            } else {
                why.values("an answer, or an unexpired timestamp in the store", expired)
            });
        }
        let too_old = |found: String| {
            let e = Error::new(Code::AgeOffline, "T-53", "the store was last checked against its server too long ago");
            e.values(format_args!("within {} seconds", max.unwrap_or_default()), found)
        };
        if let Some(max) = max {
            let age = last.map(|last| start.seconds_since(last));
            match age {
                // A start before the last check is the clock's matter (T-3).
                Some(age) if u64::try_from(age).unwrap_or(0) <= max => {}
                _ if !offline => {
                    return Err(why.values("an answer, or a store that was checked recently", too_old(String::new())));
                }
                Some(age) => return Err(too_old(format!("{age} seconds ago"))),
                None => return Err(too_old("never".to_owned())),
            }
        }
        let message = format!("the store answers, not the server: {why}");
        set.warn(Error::new(Code::StoreServed, "T-53", message));
        if !offline && set.allows(Exception::StoreServes) {
            set.warn(why.clone());
        }
        self.served_for = Some(why);
        self.from_store = true;
        Ok(())
    }

    pub(super) async fn snapshot(&mut self) -> Result<()> {
        let meta = self.set()?.timestamp.as_ref().map(|t| t.content().snapshot.clone()).unwrap_or_default();
        let file = FileName::Snapshot;
        let mut held = None;
        if let Some(bytes) = self.kept_as_listed(role::SNAPSHOT, &meta).await? {
            let kept = self.set()?.update_snapshot(bytes);
            match self.judged("5.5", &file.path(), kept) {
                Ok(()) => return Ok(()),
                // Notary's files are named by hash: the same bytes would come again.
                Err(e) if self.settings.wire.format == Format::Notary1 || self.from_store || self.settings.offline => {
                    return Err(e);
                }
                Err(e) => held = Some(e),
            }
        }
        let path = self.file_path(role::SNAPSHOT, &meta);
        let bytes = self
            .fetch_listed(&path, &meta, self.settings.limits.snapshot, role::SNAPSHOT, Code::MissingSnapshot)
            .await
            .map_err(|e| without_stand_in(e, held))?;
        let taken = self.set()?.update_snapshot(bytes).map_err(|e| e.in_file(&path));
        self.judged("5.5", &path, taken)?;
        let snapshot =
            self.set()?.snapshot.as_ref().map(|s| s.bytes().clone()).ok_or_else(|| internal("no snapshot"))?;
        self.keep_file(file, &snapshot);
        Ok(())
    }

    pub(super) async fn top_level_targets(&mut self) -> Result<()> {
        let need = Need { delegator: role::ROOT.to_owned(), role: role::TARGETS.to_owned() };
        self.obtain(vec![need]).await
    }

    /// The kept file of a role, if it is what the parent lists: another version is not there, which is
    /// nobody's fault. Where a SHA-256 is listed the recorded one tells; whether all that is listed
    /// holds is judged where the file is taken.
    async fn kept_as_listed(&mut self, name: &str, meta: &FileMeta) -> Result<Option<Vec<u8>>> {
        let file = FileName::of_role(name);
        let Some(bytes) = self.kept(file.clone()).await? else { return Ok(None) };
        let recorded = self.record.sha256_of(&file);
        let remembered = self.set()?.memory.roles.get(name).map(|kept| kept.version);
        let version = meta.version().zip(remembered).is_none_or(|(listed, kept)| listed == kept);
        let length = meta
            .length()
            .is_none_or(|l| l == bytes.len() as u64 || Exception::LengthUpperBound.holds(self.settings.mode));
        let same = |hashes: &Hashes| match hashes.sha256 {
            Some(listed) => recorded == Some(hex(&listed)),
            None => hashes.check(&bytes).is_ok(),
        };
        Ok((version && length && meta.hashes().is_none_or(same)).then_some(bytes))
    }

    /// The path of a file below the metadata URL (T-19; N: names by hash).
    pub(super) fn file_path(&self, name: &str, meta: &FileMeta) -> String {
        let consistent = self.set.as_ref().is_some_and(|s| s.root.content().consistent_snapshot());
        match (self.settings.wire.format, meta.hashes().and_then(|h| h.sha256), meta.version()) {
            (Format::Notary1, Some(hash), _) => format!("{name}.{}.json", hex(&hash)),
            (Format::Notary1, None, _) => format!("{name}.json"),
            (Format::Tuf1, _, Some(version)) if consistent => format!("{version}.{}.json", crate::wire::url_name(name)),
            (Format::Tuf1, _, _) => format!("{}.json", crate::wire::url_name(name)),
        }
    }

    /// What a request for a listed file may bring: its signed length, which must be below the
    /// role's ceiling (T-20).
    pub(super) fn ceiling(&self, meta: &FileMeta, limit: u64, name: &str) -> Result<u64> {
        match meta.length() {
            Some(length) if length > limit => {
                Err(Error::new(Code::LimitBytes, "T-20", "the signed length is above our ceiling")
                    .for_role(name)
                    .values(format_args!("at most {limit} bytes"), length))
            }
            Some(length) => Ok(length),
            None => Ok(limit),
        }
    }

    pub(super) async fn fetch_listed(
        &mut self,
        path: &str,
        meta: &FileMeta,
        limit: u64,
        name: &str,
        missing: Code,
    ) -> Result<Vec<u8>> {
        let (id, ceiling) = self.ask_listed(path, meta, limit, name)?;
        self.listed_bytes(id, path, meta, ceiling, name, missing).await
    }

    /// Asks for a listed file: the request and how much it may bring. Where the store alone
    /// answers nothing is asked.
    fn ask_listed(&self, path: &str, meta: &FileMeta, limit: u64, name: &str) -> Result<(u64, u64)> {
        let ceiling = self.ceiling(meta, limit, name)?;
        if self.settings.offline || self.from_store {
            return Err(Error::new(Code::StoreEmpty, "T-51", "the store does not hold this file")
                .for_role(name)
                .in_file(path));
        }
        Ok((self.io.ask(path.to_owned(), ceiling, Absent::IsError), ceiling))
    }

    pub(super) async fn listed_bytes(
        &mut self,
        id: u64,
        path: &str,
        meta: &FileMeta,
        ceiling: u64,
        name: &str,
        missing: Code,
    ) -> Result<Vec<u8>> {
        let bytes = self.bytes_of(id, name).await.map_err(|e| e.in_file(path))?;
        let missing = Error::new(missing, "T-15 (TUF 5.6.1)", "the server does not have a file that is listed");
        let bytes = bytes.required(missing.for_role(name).in_file(path))?;
        if meta.length().is_none() && bytes.len() as u64 > ceiling {
            return Err(Error::new(Code::LimitBytes, "T-28", "the file is larger than our ceiling")
                .for_role(name)
                .in_file(path));
        }
        Ok(bytes)
    }

    /// Verifies targets roles: from the store where it holds what is listed, else fetched side by
    /// side; taken in the order asked, so that nothing depends on the network. A few are under way at
    /// a time: what waits to be taken is memory that a server fills.
    pub(super) async fn obtain(&mut self, needs: Vec<Need>) -> Result<()> {
        let (mut needs, mut asked) = (VecDeque::from(needs), VecDeque::new());
        loop {
            while asked.len() < SIDE_BY_SIDE
                && let Some(need) = needs.pop_front()
            {
                asked.extend(self.kept_or_asked(need).await?);
            }
            let Some(asked) = asked.pop_front() else { return Ok(()) };
            self.take(asked).await?;
        }
    }

    /// Verifies a role that the store holds, or asks for it.
    async fn kept_or_asked(&mut self, need: Need) -> Result<Option<Asked>> {
        let meta = self.set()?.listed_targets(&need.role)?.ok_or_else(|| internal("a role that is not listed"))?;
        let mut held = None;
        let file = FileName::Targets(need.role.clone());
        if let Some(bytes) = self.kept_as_listed(&need.role, &meta).await? {
            let kept = self.set()?.update_targets(&need.delegator, &need.role, bytes);
            match self.judged("5.6", &file.path(), kept) {
                Ok(()) => return Ok(None),
                // Notary's files are named by hash: the same bytes would come again.
                Err(e) if self.settings.wire.format == Format::Notary1 || self.from_store || self.settings.offline => {
                    return Err(e);
                }
                Err(e) => held = Some(e), // T-22: fetched once more before it is refused
            }
        }
        let path = self.file_path(&need.role, &meta);
        let (id, ceiling) = self.ask_listed(&path, &meta, self.settings.limits.targets, &need.role)?;
        Ok(Some(Asked { need, meta, path, ceiling, id, held }))
    }

    /// Verifies a role that was asked for.
    async fn take(&mut self, asked: Asked) -> Result<()> {
        let Asked { need, meta, path, ceiling, id, held } = asked;
        let missing = if need.role == role::TARGETS { Code::MissingTargets } else { Code::MissingDelegation };
        let bytes = self.listed_bytes(id, &path, &meta, ceiling, &need.role, missing).await;
        let bytes = bytes.map_err(|e| without_stand_in(e, held))?;
        let taken = self.set()?.update_targets(&need.delegator, &need.role, bytes).map_err(|e| e.in_file(&path));
        self.judged("5.6", &path, taken)?;
        let accepted = self.set()?.targets(&need.delegator, &need.role).map(|t| t.bytes().clone());
        if let Some(bytes) = accepted {
            self.keep_file(FileName::Targets(need.role), &bytes);
        }
        Ok(())
    }

    /// T-53, where they are configured; and a warning in the last tenth of the timestamp's life, as
    /// far as it was seen.
    pub(super) fn ages(&mut self) -> Result<()> {
        let ages = self.settings.ages.clone();
        let start = self.settings.start;
        let expires = self.set()?.timestamp.as_ref().map(|t| t.content().expires);
        let over = |seconds: i64, max: u64| seconds > i64::try_from(max).unwrap_or(i64::MAX);
        if let (Some(max), Some(expires)) = (ages.validity, expires)
            && over(expires.seconds_since(start), max)
        {
            return Err(Error::new(Code::AgeValidity, "T-53", "the timestamp is valid for longer than allowed")
                .for_role(role::TIMESTAMP)
                .values(format_args!("at most {max} seconds"), expires));
        }
        let seen = self.record.first_seen.as_ref().and_then(|s| s.for_run(self.settings.injected));
        if let (Some(seen), Some(expires)) = (seen, expires)
            && expires.seconds_since(start) < expires.seconds_since(seen) / 10
        {
            let e =
                Error::new(Code::SoonExpired, "docs/verdict.md", "the timestamp expires within a tenth of its life");
            self.set()?.warn(e.for_role(role::TIMESTAMP).values("a newer timestamp", expires));
        }
        if let (Some(max), Some(seen)) = (ages.unchanged, seen)
            && over(start.seconds_since(seen), max)
        {
            return Err(Error::new(Code::AgeUnchanged, "T-53", "this timestamp version was first seen too long ago")
                .for_role(role::TIMESTAMP)
                .values(format_args!("within {max} seconds"), seen));
        }
        Ok(())
    }
}
