//! The chain of roots: from what meets the pin to the newest (T-5, N-11; TUF 5.3).

use super::machine::{Absent, FileName};
use super::pin::{Pin, RootRule, own, same};
use super::record::damaged;
use super::session::{Got, Session};
use super::{Exception, Memory, TrustedSet, internal};
use crate::certificate::Validity;
use crate::error::{Answer, Code, Error, Result};
use crate::limits::Budget;
use crate::metadata::{Format, Metadata, Root, Unverified, Verified, role};
use std::collections::BTreeMap;

impl Session {
    /// T-5, N-11: the chain from a root that meets the pin configured now.
    pub(super) async fn trusted_root(&mut self) -> Result<()> {
        let stored = self.stored_roots().await?;
        if let Pin::Root(bytes) = self.settings.pin.clone() {
            return self.begin_from_pinned(bytes, &stored).await;
        }
        if self.settings.wire.format == Format::Tuf1 {
            return Err(Error::new(Code::ConfigRoot, "T-5", "a TUF 1.0 repository is pinned by a root file"));
        }
        if let Some(first) = stored.first() {
            let rest = stored.get(1..).unwrap_or_default();
            match self.chain_from(first, rest, &self.settings.pin.clone()) {
                Ok(()) => return Ok(()),
                Err(unmet) => {
                    // A chain that holds by itself does not meet the pin; one that does not is damaged.
                    self.chain_from(first, rest, &Pin::FirstUse).map_err(|e| self.damaged_roots(e))?;
                    if self.settings.offline {
                        return Err(unmet);
                    }
                }
            }
        }
        self.anchor_anew(stored).await
    }

    pub(super) fn damaged_roots(&self, e: Error) -> Error {
        // A budget that is spent says nothing about what lies there.
        if e.code() == Code::LimitWork {
            return e;
        }
        damaged(&FileName::Root(self.record.root), "the stored roots do not follow from each other")
            .values("an unbroken chain", e)
    }

    pub(super) async fn stored_roots(&mut self) -> Result<Vec<Unverified<Root>>> {
        let mut roots = Vec::new();
        let Some(stored) = &self.stored else { return Ok(roots) };
        for version in stored.anchor..=stored.root {
            let file = FileName::Root(version);
            let bytes =
                self.kept(file.clone()).await?.ok_or_else(|| damaged(&file, "a root of the chain is not recorded"))?;
            let root = self
                .settings
                .wire
                .root(bytes)
                .map_err(|e| damaged(&file, "a stored root cannot be read").values("a root", e))?;
            let found = root.claims().version();
            if found != version {
                return Err(
                    damaged(&file, "a stored root is another version than its name says").values(version, found)
                );
            }
            roots.push(root);
        }
        Ok(roots)
    }

    pub(super) fn counts_ids(&self) -> bool {
        Exception::KeyIdsCounted.holds(self.settings.mode)
    }

    pub(super) fn rule<'a>(&'a self, pin: &'a Pin, validity: Validity, anchor: bool) -> RootRule<'a> {
        RootRule { gun: &self.settings.name, pin, validity, anchor, by_id: self.counts_ids() }
    }

    pub(super) fn set_of(&self, root: Verified<Root>, pin: &Pin, memory: Memory) -> TrustedSet {
        TrustedSet {
            name: self.settings.name.clone(),
            wire: self.settings.wire,
            mode: self.settings.mode,
            pin: pin.clone(),
            start: self.settings.start,
            limits: self.settings.limits.clone(),
            budget: Budget::new(self.settings.limits.work),
            warnings: root.inner.exceptions.clone(),
            root,
            timestamp: None,
            snapshot: None,
            targets: BTreeMap::new(),
            broken: BTreeMap::new(),
            memory,
        }
    }

    /// Builds the trusted set on a chain of roots whose first meets `pin`.
    pub(super) fn chain_from(&mut self, anchor: &Unverified<Root>, rest: &[Unverified<Root>], pin: &Pin) -> Result<()> {
        let mut budget = Budget::new(self.settings.limits.work);
        let first = self.rule(pin, Validity::Ignored, true).verify(
            anchor.clone(),
            &own(anchor),
            &mut budget,
            &mut Vec::new(),
        )?;
        let memory = self.record.memory();
        let mut set = self.set_of(first.clone(), pin, memory);
        let mut chain = vec![first];
        for root in rest {
            let file = FileName::Root(root.claims().version()).path();
            self.judged("5.3", &file, set.next_root(root.clone()))?;
            chain.push(set.root.clone());
        }
        self.chain = chain;
        self.set = Some(set);
        Ok(())
    }

    /// Records a new anchor, and keeps it.
    pub(super) fn anchored(&mut self, anchor: &Verified<Root>) {
        let version = anchor.content().version();
        self.record.anchor = version;
        self.keep_file(FileName::Root(version), anchor.bytes());
        self.walked.push(version);
    }

    /// N-11: no stored chain meets the pin: the newest root that is served is read, and a root
    /// that meets the pin is looked for.
    pub(super) async fn anchor_anew(&mut self, stored: Vec<Unverified<Root>>) -> Result<()> {
        let newest = self.newest_root().await?;
        let mut budget = Budget::new(self.settings.limits.work);
        let pin = self.settings.pin.clone();
        let now = Validity::At(self.settings.start);
        let own_keys = own(&newest);
        let sound = self.sound(&newest, &mut budget)?;
        self.not_below_stored(&sound, &stored)?;
        if self.extends_stored(&sound, &stored, &pin).await? {
            return Ok(());
        }
        let first = match self.rule(&pin, now, true).verify(newest.clone(), &own_keys, &mut budget, &mut Vec::new()) {
            Ok(root) => root,
            Err(unmet) => self.oldest_that_meets(&pin, sound.content().version(), &mut budget).await?.ok_or(unmet)?,
        };
        let before = (self.record.clone(), self.files.clone(), self.walked.clone());
        let begun = self.begin_chain(&first, &pin, &stored, sound.content().version()).await;
        if begun.is_err() && !stored.is_empty() {
            // The old chain, and what is remembered under it, stays as it was.
            (self.record, self.files, self.walked) = before;
            (self.set, self.chain) = (None, Vec::new());
        }
        begun
    }

    /// N-11: a root that is in the stored chain and below its newest is a replay.
    pub(super) fn not_below_stored(&mut self, served: &Verified<Root>, stored: &[Unverified<Root>]) -> Result<()> {
        let version = served.content().version();
        let held = stored.iter().find(|r| r.claims().version() == version);
        if version < self.record.root && held.is_some_and(|held| held.bytes == *served.bytes()) {
            return Err(Error::new(
                Code::RollbackRoot,
                "N-11",
                "the newest root that is served is below the stored one",
            )
            .for_role(role::ROOT)
            .values(format_args!("at least {}", self.record.root), version));
        }
        Ok(())
    }

    /// Whether signed steps lead from the newest stored root to the served one, and a root of that
    /// chain meets the pin: then what is remembered survives.
    pub(super) async fn extends_stored(
        &mut self,
        served: &Verified<Root>,
        stored: &[Unverified<Root>],
        pin: &Pin,
    ) -> Result<bool> {
        let Some(first) = stored.first() else { return Ok(false) };
        self.chain_from(first, stored.get(1..).unwrap_or_default(), &Pin::FirstUse)
            .map_err(|e| self.damaged_roots(e))?;
        let before = self.chain.clone();
        match self.walk().await {
            Err(e) if e.code().answer() == Answer::Refused => {}
            Err(e) => return Err(e),
            Ok(()) => {
                let reached = self.set()?.root.clone();
                let chain: Vec<_> = self.chain.iter().map(|r| r.inner.clone()).collect();
                if same(&reached, served)? {
                    for (at, anchor) in chain.iter().enumerate() {
                        if self.chain_from(anchor, chain.get(at.saturating_add(1)..).unwrap_or_default(), pin).is_ok() {
                            self.record.anchor = anchor.claims().version();
                            return Ok(true);
                        }
                    }
                }
            }
        }
        // Nothing of this attempt is kept.
        self.chain = before;
        self.set = None;
        self.files.clear();
        self.walked.clear();
        if let Some(stored) = &self.stored {
            self.record = stored.clone();
        }
        Ok(false)
    }

    /// From `1.root.json` upward, the first root that meets the pin.
    pub(super) async fn oldest_that_meets(
        &mut self,
        pin: &Pin,
        newest: u64,
        budget: &mut Budget,
    ) -> Result<Option<Verified<Root>>> {
        for version in 1..newest {
            if version > self.settings.limits.rotations {
                return Err(Error::new(
                    Code::LimitRotations,
                    "T-9",
                    "no root that meets the pin among as many as a run may read",
                )
                .for_role(role::ROOT)
                .values(self.settings.limits.rotations, newest));
            }
            let path = format!("{version}.root.json");
            let Got::Bytes(bytes) = self.fetch(&path, self.settings.limits.root, role::ROOT, Absent::EndsChain).await?
            else {
                continue;
            };
            let root = self.settings.wire.root(bytes).map_err(|e| e.in_file(&path))?;
            let by = own(&root);
            if root.claims().version() != version {
                return Err(Error::new(Code::RotationVersion, "N-11", "a root under the number of another version")
                    .for_role(role::ROOT)
                    .in_file(&path)
                    .values(version, root.claims().version()));
            }
            if let Ok(root) = self.rule(pin, Validity::Ignored, true).verify(root, &by, budget, &mut Vec::new()) {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// Begins a new chain, and walks it to the root that is served as the newest.
    async fn begin_chain(
        &mut self,
        first: &Verified<Root>,
        pin: &Pin,
        stored: &[Unverified<Root>],
        newest: u64,
    ) -> Result<()> {
        self.set = Some(self.set_of(first.clone(), pin, self.record.memory()));
        self.chain = vec![first.clone()];
        self.anchored(first);
        if first.content().version() < newest {
            self.walk().await?;
        }
        let reached = self.set()?.root.content().version();
        if reached < newest {
            let next = reached.saturating_add(1);
            return Err(Error::new(Code::MissingRoot, "N-11", "the chain of roots that is served has a gap")
                .for_role(role::ROOT)
                .in_file(&format!("{next}.root.json"))
                .values(format_args!("roots up to {newest}"), format_args!("roots up to {reached}")));
        }
        self.forget_other_chain(stored)
    }

    /// N-11: what is remembered survives only if the chain holds the newest stored root.
    pub(super) fn forget_other_chain(&mut self, stored: &[Unverified<Root>]) -> Result<()> {
        let holds = stored.last().is_none_or(|last| self.chain.iter().any(|root| *root.bytes() == last.bytes));
        if !holds {
            for file in [FileName::Timestamp, FileName::Snapshot, FileName::Targets(role::TARGETS.to_owned())] {
                self.record.set_file(&file, None);
            }
            let set = self.set()?;
            set.memory = Memory::default();
            set.warn(
                Error::new(
                    Code::StoreMemoryDropped,
                    "N-11",
                    "the pin leads to another chain of roots: what was remembered is dropped",
                )
                .for_role(role::ROOT),
            );
        }
        Ok(())
    }

    /// 5.3.3 to 5.3.9: walks `N+1.root.json` until there is none; each is kept before its expiry
    /// is looked at.
    pub(super) async fn walk(&mut self) -> Result<()> {
        while self.step().await? {}
        Ok(())
    }

    /// 5.3.3: one step of the walk; false where there is no next root.
    pub(super) async fn step(&mut self) -> Result<bool> {
        let version = self.set()?.root.content().version();
        let next = version.checked_add(1).ok_or_else(|| internal("root versions have run out"))?;
        let path = format!("{next}.root.json");
        let Got::Bytes(bytes) = self.fetch(&path, self.settings.limits.root, role::ROOT, Absent::EndsChain).await?
        else {
            return Ok(false);
        };
        if self.rotations >= self.settings.limits.rotations {
            return Err(Error::new(
                Code::LimitRotations,
                "T-9",
                "a newer root is there, and the run has walked as many as it may",
            )
            .for_role(role::ROOT)
            .values(self.settings.limits.rotations, "more"));
        }
        let root = self.settings.wire.root(bytes).map_err(|e| e.in_file(&path))?;
        let taken = self.set()?.next_root(root).map_err(|e| e.in_file(&path));
        self.judged("5.3", &path, taken)?;
        let root = self.set()?.root.clone();
        self.keep_file(FileName::Root(next), root.bytes());
        self.walked.push(next);
        self.rotations = self.rotations.saturating_add(1);
        self.chain.push(root);
        Ok(true)
    }
}
