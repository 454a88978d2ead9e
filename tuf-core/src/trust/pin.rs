//! Pins: what makes a first root trusted (N-9 to N-11).

use crate::certificate::{Authority, Validity};
use crate::error::{Code, Error, Result, shown};
use crate::limits::Budget;
use crate::metadata::{Format, Key, Metadata, Root, Unverified, Verified, role};
use crate::verify::Counting;

/// What the user trusts beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pin {
    /// Root certificates by their key id (hex), as Notary's own clients are pinned.
    CertificateIds(Vec<String>),
    /// A certificate authority: every root's leaf chains to it.
    Authority(Authority),
    /// A whole root file.
    Root(Vec<u8>),
    /// Whatever is offered first, and from then on only what follows from it.
    FirstUse,
}

impl Pin {
    /// The rule for a root key of the collection `gun`: certificates first, then the pin.
    fn accepts(&self, gun: &str, validity: Validity, key: &Key, anchor: bool) -> Result<()> {
        let Some(bundle) = &key.bundle else {
            return Err(Error::new(Code::PinCertificateMissing, "N-8", "a root key without a readable certificate"));
        };
        bundle.check(gun, validity)?;
        match self {
            Pin::Authority(ca) => bundle.check_path(ca, validity),
            Pin::CertificateIds(ids) if anchor && !ids.contains(&key.id) => {
                Err(Error::new(Code::PinMismatch, "N-11", "no pinned certificate signs the root that is offered")
                    .values(ids.join(" "), shown(&key.id)))
            }
            _ => Ok(()),
        }
    }
}

/// How a root's signatures are counted.
pub(crate) struct RootRule<'a> {
    pub(crate) gun: &'a str,
    pub(crate) pin: &'a Pin,
    pub(crate) validity: Validity,
    /// Whether only pinned keys count (N-11: to the anchor's threshold).
    pub(crate) anchor: bool,
    pub(crate) by_id: bool,
}

impl RootRule<'_> {
    /// Verifies `root` by the keys of `by`.
    pub(crate) fn verify(
        &self,
        root: Unverified<Root>,
        by: &Root,
        budget: &mut Budget,
        warnings: &mut Vec<Error>,
    ) -> Result<Verified<Root>> {
        let keys = by.role(role::ROOT)?.clone();
        let notary = root.format == Format::Notary1;
        let accept =
            |key: &Key| if notary { self.pin.accepts(self.gun, self.validity, key, self.anchor) } else { Ok(()) };
        let counting = Counting { budget, by_id: self.by_id, accept: &accept, warnings };
        root.counted(role::ROOT, &by.keys, &keys, counting)
    }
}

/// A root by its own keys.
pub(crate) fn own(root: &Unverified<Root>) -> Root {
    root.content.clone()
}

/// T-6: a pinned root file must be readable and meet its own threshold, before any request. An
/// expired one is a fine start.
pub(crate) fn pinned_root(
    root: Unverified<Root>,
    gun: &str,
    by_id: bool,
    budget: &mut Budget,
) -> Result<Verified<Root>> {
    let rule = RootRule { gun, pin: &Pin::FirstUse, validity: Validity::Ignored, anchor: true, by_id };
    let by = own(&root);
    rule.verify(root, &by, budget, &mut Vec::new())
}

/// Whether two verified roots are the same statement.
pub(crate) fn same(a: &Verified<Root>, b: &Verified<Root>) -> Result<bool> {
    Ok(a.content().version() == b.content().version() && a.content_id()? == b.content_id()?)
}
