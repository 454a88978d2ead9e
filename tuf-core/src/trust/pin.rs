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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;
    use crate::wire::Wire;
    use ed25519_dalek::{Signer, SigningKey};

    fn root(version: u64, more: &str, space: &str) -> Verified<Root> {
        let signer = SigningKey::from_bytes(&[1; 32]);
        let role = r#"{"keyids":["aa"],"threshold":1}"#;
        let signed = format!(
            r#"{{"_type":"root","consistent_snapshot":true,"expires":"2030-01-01T00:00:00Z","keys":{{"aa":{{"keytype":"ed25519","keyval":{{"public":"{}"}},"scheme":"ed25519"}}}},"roles":{{"root":{role},"snapshot":{role},"targets":{role},"timestamp":{role}}},"spec_version":"1.0","version":{version}{more}}}"#,
            hex(signer.verifying_key().as_bytes()),
        );
        let sig = hex(&signer.sign(signed.as_bytes()).to_bytes());
        let file = format!(r#"{{"signatures":[{{"keyid":"aa","sig":"{sig}"}}],{space}"signed":{signed}}}"#);
        let root = Wire::strict(Format::Tuf1).root(file).expect("a root");
        pinned_root(root, "x", false, &mut Budget::new(1_000_000)).expect("a signed root")
    }

    /// Roots are the same by version and by what is signed, whatever stands around it.
    #[test]
    fn the_same_statement_is_the_same_version_with_the_same_content() {
        let first = root(1, "", "");
        assert_eq!(same(&first, &root(1, "", " ")), Ok(true));
        assert_eq!(same(&first, &root(1, r#","x":1"#, "")), Ok(false));
        assert_eq!(same(&first, &root(2, "", "")), Ok(false));
    }
}
