//! What a server offers as its newest root: to be shown to a person, and trusted by nobody.

use super::Settings;
use super::machine::{Absent, Job};
use super::pin::{Pin, own};
use super::pinned::pinnable;
use super::session::Session;
use crate::certificate::Validity;
use crate::error::{Code, Error, Result};
use crate::limits::Budget;
use crate::metadata::{Root, Unverified, Verified, role};

/// Fetches `root.json` and checks that it is sound: well-formed, and signed by its own keys with
/// valid certificates. Nothing is stored, and nothing becomes trusted.
pub fn offered_root(settings: Settings) -> Job<Result<Root>> {
    Job::new(move |io| async move {
        let mut session = Session::new(io, settings);
        let newest = session.newest_root().await?;
        let sound = session.sound(&newest, &mut Budget::new(session.settings.limits.work))?;
        Ok(sound.content().clone())
    })
}

/// Reads a root file that is to be pinned: it must meet its own threshold (T-6); an expired one is
/// a fine start.
///
/// # Errors
/// `config.root`.
pub fn pinnable_root(settings: &Settings, bytes: Vec<u8>) -> Result<Root> {
    pinnable(settings, bytes).map(|root| root.content().clone())
}

impl Session {
    /// The newest root that is served.
    pub(super) async fn newest_root(&mut self) -> Result<Unverified<Root>> {
        let path = "root.json";
        let got = self.fetch(path, self.settings.limits.root, role::ROOT, Absent::IsError).await?;
        let missing = Error::new(Code::MissingRoot, "N-20", "the server has no trust data for this name");
        let bytes = got.required(missing.for_role(role::ROOT).in_file(path))?;
        self.settings.wire.root(bytes).map_err(|e| e.in_file(path))
    }

    /// A root that meets its own threshold by valid certificates (N-11).
    pub(super) fn sound(&self, root: &Unverified<Root>, budget: &mut Budget) -> Result<Verified<Root>> {
        let rule = self.rule(&Pin::FirstUse, Validity::At(self.settings.start), true);
        rule.verify(root.clone(), &own(root), budget, &mut Vec::new()).map_err(|e| e.in_file("root.json"))
    }
}
