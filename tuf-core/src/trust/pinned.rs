//! A whole root file as the pin (T-5, T-6): the stored roots go on from it, or it from them.

use super::machine::FileName;
use super::pin::{Pin, pinned_root, same};
use super::session::Session;
use super::{Exception, Settings, internal};
use crate::crypto::hex;
use crate::error::{Answer, Code, Error, Result};
use crate::limits::Budget;
use crate::metadata::{Bytes, Format, Metadata, Root, Unverified, Verified, role};

impl Session {
    /// T-5: trust starts from the pinned root, wherever it stands beside the stored chain.
    pub(super) async fn begin_from_pinned(&mut self, bytes: Vec<u8>, stored: &[Unverified<Root>]) -> Result<()> {
        let pinned = self.pinned(bytes)?;
        let version = pinned.content().version();
        match self.stored.as_ref().map(|record| record.roots()) {
            None => {
                self.begin_at(&pinned);
                self.anchored(&pinned);
                Ok(())
            }
            Some((oldest, _)) if version < oldest => {
                let before = (self.record.clone(), self.files.clone(), self.walked.clone());
                let met = self.walk_to_stored(&pinned, oldest, stored).await;
                if met.is_err() {
                    // The stored chain, and what is remembered under it, stays as it was.
                    (self.record, self.files, self.walked) = before;
                    (self.set, self.chain) = (None, Vec::new());
                }
                met
            }
            Some((_, newest)) if version > newest => self.walk_to_pinned(&pinned, stored).await,
            Some((oldest, _)) => self.within_stored(&pinned, version.saturating_sub(oldest), stored),
        }
    }

    /// T-6: the pinned root is readable and meets its own threshold, before any request.
    fn pinned(&self, bytes: Vec<u8>) -> Result<Verified<Root>> {
        self.judged("5.2", "the pinned root", pinnable(&self.settings, bytes))
    }

    fn begin_at(&mut self, root: &Verified<Root>) {
        self.set = Some(self.set_of(root.clone(), &Pin::FirstUse, self.record.memory()));
        self.chain = vec![root.clone()];
    }

    /// The stored chain holds the pinned root: what follows it is verified from there.
    fn within_stored(&mut self, pinned: &Verified<Root>, at: u64, stored: &[Unverified<Root>]) -> Result<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let held = stored.get(at).cloned().ok_or_else(|| internal("no such root"))?;
        let mut budget = Budget::new(self.settings.limits.work);
        let held = pinned_root(held, &self.settings.name, self.counts_ids(), &mut budget)
            .map_err(|e| self.damaged_roots(e))?;
        if !same(&held, pinned)? {
            let digest = |root: &Verified<Root>| hex(&crate::crypto::sha256(root.bytes()));
            return Err(
                conflict("the store holds another root of the pinned version").values(digest(pinned), digest(&held))
            );
        }
        let rest = stored.get(at.saturating_add(1)..).unwrap_or_default();
        self.chain_from(&pinned.inner, rest, &Pin::FirstUse).map_err(|e| self.damaged_roots(e))
    }

    /// The stored chain by itself: one that does not hold is damaged, whatever the pin.
    fn stored_chain(&mut self, stored: &[Unverified<Root>]) -> Result<()> {
        let (first, rest) = stored.split_first().ok_or_else(|| internal("no stored root"))?;
        self.chain_from(first, rest, &Pin::FirstUse).map_err(|e| self.damaged_roots(e))
    }

    /// A pin older than the stored roots: signed steps lead from it to the oldest of them.
    async fn walk_to_stored(
        &mut self,
        pinned: &Verified<Root>,
        oldest: u64,
        stored: &[Unverified<Root>],
    ) -> Result<()> {
        self.stored_chain(stored)?;
        self.begin_at(pinned);
        self.anchored(pinned);
        loop {
            let reached = self.set()?.root.content().version();
            if reached.saturating_add(1) >= oldest {
                break;
            }
            if !self.step().await? {
                return Err(conflict("no steps lead from the pinned root to the stored ones")
                    .values(format_args!("roots up to {oldest}"), format_args!("roots up to {reached}")));
            }
        }
        for root in stored {
            let follows = self.set()?.next_root(root.clone());
            follows.map_err(|e| match e.code() {
                // A budget that is spent says nothing about what lies there.
                Code::LimitWork => e,
                _ => conflict("the stored roots do not follow from the pinned one").values("a step", e),
            })?;
            let root = self.set()?.root.clone();
            self.chain.push(root);
        }
        Ok(())
    }

    /// A pin newer than the stored roots: signed steps lead from them to it; or it is the new anchor.
    async fn walk_to_pinned(&mut self, pinned: &Verified<Root>, stored: &[Unverified<Root>]) -> Result<()> {
        self.stored_chain(stored)?;
        let before = (self.record.clone(), self.files.clone(), self.walked.clone());
        let why = match self.steps_to(pinned).await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) => why,
            // What a server sends is no fault of the configuration.
            Err(e) if e.code().answer() == Answer::Refused => e,
            Err(e) => return Err(e),
        };
        (self.record, self.files, self.walked) = before.clone();
        let anchored = self.anchor_at_pinned(pinned, stored, why).await;
        if anchored.is_err() {
            // A store that cannot be judged by T-10 stays as it was.
            (self.record, self.files, self.walked) = before;
            (self.set, self.chain) = (None, Vec::new());
        }
        anchored
    }

    /// Walks to the pinned version: why that is not the pinned root, if it is not.
    async fn steps_to(&mut self, pinned: &Verified<Root>) -> Result<Option<Error>> {
        let want = pinned.content().version();
        loop {
            let root = &self.set()?.root;
            let reached = root.content().version();
            if reached == want {
                let other =
                    Error::new(Code::MismatchContent, "T-5", "the server has another root of the pinned version");
                return Ok((!same(root, pinned)?).then_some(other));
            }
            if !self.step().await? {
                let gone = Error::new(Code::MissingRoot, "T-5", "the server has no steps to the pinned root");
                return Ok(Some(
                    gone.values(format_args!("roots up to {want}"), format_args!("roots up to {reached}")),
                ));
            }
        }
    }

    /// The pin becomes the anchor: what is remembered is judged by T-10 between the newest root
    /// before and the pinned one, counts as accepted under that from now on, and the roots before
    /// it are removed.
    async fn anchor_at_pinned(
        &mut self,
        pinned: &Verified<Root>,
        stored: &[Unverified<Root>],
        why: Error,
    ) -> Result<()> {
        let (oldest, newest) = self.record.roots();
        self.begin_at(pinned);
        self.anchored(pinned);
        match self.settings.wire.format {
            Format::Tuf1 => self.forget_rotated().await?,
            // N-11: another chain of roots is another collection.
            Format::Notary1 => self.forget_other_chain(stored)?,
        }
        for file in (oldest..=newest).map(FileName::Root) {
            self.record.set_file(&file, None::<&Bytes>);
            self.files.insert(file, None);
        }
        let version = pinned.content().version();
        let set = self.set()?;
        set.memory.accepted_under(version);
        let note = format!("the pinned root is the new anchor, because no steps lead to it: {why}");
        set.warn(Error::new(why.code(), "T-5", note).for_role(role::ROOT));
        Ok(())
    }
}

/// T-6: a root file that meets its own threshold; an expired one is a fine start.
pub(super) fn pinnable(settings: &Settings, bytes: Vec<u8>) -> Result<Verified<Root>> {
    let mut budget = Budget::new(settings.limits.work);
    let by_id = Exception::KeyIdsCounted.holds(settings.mode);
    let root = settings.wire.root(bytes).and_then(|root| pinned_root(root, &settings.name, by_id, &mut budget));
    root.map_err(|e| {
        let found = e.to_string();
        e.recoded(Code::ConfigRoot, "T-6").values("a root that meets its own threshold", found)
    })
}

fn conflict(why: &str) -> Error {
    Error::new(Code::ConfigRootConflict, "T-5", why).for_role(role::ROOT)
}
