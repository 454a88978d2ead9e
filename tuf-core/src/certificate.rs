//! The certificates of Notary's root keys (N-8), and paths to a pinned authority (N-10).

use crate::crypto::PublicKey;
use crate::error::{Code, Error, Result, shown};
use crate::time::Time;
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate as X509;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::spki::ObjectIdentifier;

/// A clock may be a day behind the one of who made the certificate (N-8).
const LEEWAY_SECONDS: i64 = 86_400;
/// Certificates in one bundle; a leaf and two intermediates are usual.
const MAX_CERTIFICATES: usize = 16;

const OID_SHA1: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), // sha1WithRSAEncryption
    ObjectIdentifier::new_unwrap("1.3.14.3.2.29"),        // the same, old
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"),    // ecdsa-with-SHA1
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"),    // dsa-with-SHA1
];
const OID_MD5_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");

/// One certificate of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Certificate {
    der: Vec<u8>,
    common_name: Option<String>,
    not_before: i64,
    not_after: i64,
    is_ca: bool,
    weak_signature: bool,
    spki: Vec<u8>,
}

/// The certificates of one key: leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    certificates: Vec<Certificate>,
}

/// How a certificate is judged: the newest root's as of now, those on the way there only by
/// name, kind and strength (N-8).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Validity {
    At(Time),
    Ignored,
}

impl Bundle {
    /// Reads a PEM bundle, leaf first.
    pub(crate) fn from_pem(pem: &[u8]) -> std::result::Result<Self, &'static str> {
        let mut certificates = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            match section {
                Ok((SectionKind::Certificate, der)) => certificates.push(Certificate::from_der(der)?),
                _ => return Err("a bundle that holds something other than certificates"),
            }
            if certificates.len() > MAX_CERTIFICATES {
                return Err("a bundle of more than 16 certificates");
            }
        }
        if certificates.is_empty() { Err("a bundle without a certificate") } else { Ok(Bundle { certificates }) }
    }

    fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// The key of the leaf.
    pub(crate) fn key(&self) -> std::result::Result<PublicKey, &'static str> {
        PublicKey::from_spki(self.leaf().map_or(&[][..], |leaf| &leaf.spki))
    }

    /// Notary's canonical key id: that of the leaf's bare key, which names private key files and
    /// listings (a pin names the id of the certificate).
    pub fn canonical_key_id(&self) -> Option<String> {
        let keytype = match self.key().ok()? {
            PublicKey::Rsa { .. } => "rsa",
            _ => "ecdsa",
        };
        Some(crate::canonical::notary_key_id(keytype, &data_encoding::BASE64.encode(&self.leaf()?.spki)))
    }

    /// The leaf's first common name.
    pub fn common_name(&self) -> Option<&str> {
        self.leaf()?.common_name.as_deref()
    }

    /// SHA-256 (hex) of the leaf, as other tools show it.
    pub fn fingerprint(&self) -> String {
        crate::crypto::hex(&crate::crypto::sha256(self.leaf().map_or(&[][..], |leaf| &leaf.der)))
    }

    /// The validity of the leaf.
    pub fn validity(&self) -> Option<(Time, Time)> {
        let leaf = self.leaf()?;
        Some((Time::from_unix(leaf.not_before)?, Time::from_unix(leaf.not_after)?))
    }

    /// N-8: whether this bundle may stand for a root key of the collection `gun`.
    pub(crate) fn check(&self, gun: &str, validity: Validity) -> Result<()> {
        const RULE: &str = "N-8";
        let Some(leaf) = self.leaf() else {
            return Err(Error::new(Code::PinCertificateMissing, RULE, "a root key without a certificate"));
        };
        if leaf.is_ca {
            return Err(Error::new(Code::PinCertificateUsage, RULE, "a certificate authority stands as the leaf"));
        }
        let name = leaf.common_name.as_deref().unwrap_or_default();
        if !name_covers(name, gun) {
            return Err(Error::new(
                Code::PinCertificateName,
                RULE,
                "the certificate of the root key bears another name",
            )
            .values(gun, shown(name)));
        }
        if let Err(why) = self.key() {
            return Err(Error::new(
                Code::PinCertificateWeak,
                RULE,
                format!("the certificate's key cannot be used: {why}"),
            ));
        }
        for certificate in &self.certificates {
            if certificate.weak_signature {
                return Err(Error::new(Code::PinCertificateWeak, RULE, "a certificate signed with SHA-1 or MD5"));
            }
            if let Validity::At(now) = validity {
                certificate.valid_at(now)?;
            }
        }
        Ok(())
    }

    /// Whether the leaf is inside its validity now (a delegation's certificate: a warning only).
    pub(crate) fn leaf_valid_at(&self, now: Time) -> Result<()> {
        self.leaf().map_or(Ok(()), |leaf| leaf.valid_at(now))
    }

    /// N-10: whether a path leads from the leaf to the pinned authority `ca`.
    ///
    /// Built and checked by webpki, with its budget. Past roots are judged at a time inside
    /// their leaf's validity.
    pub(crate) fn check_path(&self, ca: &Authority, validity: Validity) -> Result<()> {
        let Some(leaf) = self.leaf() else {
            return Err(Error::new(Code::PinCertificateMissing, "N-8", "a root key without a certificate"));
        };
        let within = |t: i64| t.clamp(leaf.not_before, leaf.not_after);
        let at = match validity {
            // The day of leeway before NotBefore; after NotAfter nothing is forgiven.
            Validity::At(now) => now.unix().max(leaf.not_before),
            Validity::Ignored => within(i64::MAX),
        };
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(at).unwrap_or(0)));
        let chain = |e: webpki::Error| match e {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => Error::new(
                Code::PinMismatch,
                "N-10",
                "no path leads from the root key's certificate to the pinned authority",
            ),
            other => Error::new(
                Code::PinCertificateChain,
                "N-10",
                format!("the path to the pinned authority breaks a rule: {other}"),
            ),
        };
        let leaf_der = CertificateDer::from(leaf.der.as_slice());
        let entity = webpki::EndEntityCert::try_from(&leaf_der).map_err(chain)?;
        let between: Vec<CertificateDer<'_>> =
            self.certificates.iter().skip(1).map(|c| CertificateDer::from(c.der.as_slice())).collect();
        let mut verdict = Err(webpki::Error::UnknownIssuer);
        for der in &ca.certificates {
            let der = CertificateDer::from(der.as_slice());
            let anchors = [webpki::anchor_from_trusted_cert(&der).map_err(chain)?];
            let path =
                entity.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, at, CodeSigning, None, None);
            match path.map(drop) {
                Ok(()) => return Ok(()),
                Err(webpki::Error::UnknownIssuer) => {}
                Err(e) => verdict = Err(e),
            }
        }
        verdict.map_err(chain)
    }
}

/// The usage a leaf may state (N-10): none at all, code signing, or server authentication, which
/// is what the reference client asks for.
struct CodeSigning;

impl webpki::ExtendedKeyUsageValidator for CodeSigning {
    fn validate(&self, usages: webpki::KeyPurposeIdIter<'_, '_>) -> std::result::Result<(), webpki::Error> {
        const CODE_SIGNING: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
        const SERVER_AUTH: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
        let mut present = Vec::new();
        for usage in usages {
            let parts = usage?.to_decoded_oid();
            if parts == CODE_SIGNING || parts == SERVER_AUTH {
                return Ok(());
            }
            present.push(parts);
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = webpki::KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 3]);
        Err(webpki::Error::RequiredEkuNotFoundContext(webpki::RequiredEkuNotFoundContext { required, present }))
    }
}

/// A pinned certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    certificates: Vec<Vec<u8>>,
}

impl Authority {
    /// Reads the PEM of one or more authorities.
    ///
    /// # Errors
    /// `config.value` if it holds no certificate or something else.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let refuse = |why: &str| Error::new(Code::ConfigValue, "N-9", format!("no certificate authority: {why}"));
        let bundle = Bundle::from_pem(pem).map_err(refuse)?;
        if bundle.certificates.iter().any(|c| !c.is_ca) {
            return Err(refuse("a certificate that is none"));
        }
        Ok(Authority { certificates: bundle.certificates.into_iter().map(|c| c.der).collect() })
    }
}

impl Certificate {
    fn from_der(der: Vec<u8>) -> std::result::Result<Self, &'static str> {
        let parsed = X509::from_der(&der).map_err(|_| "no DER of a certificate")?;
        let tbs = parsed.tbs_certificate();
        let constraints =
            tbs.get_extension::<BasicConstraints>().map_err(|_| "bad basic constraints in a certificate")?;
        let common_name = tbs.subject().common_name().map_err(|_| "a bad common name in a certificate")?;
        let seconds = |t: x509_cert::time::Time| i64::try_from(t.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let algorithm = parsed.signature_algorithm().oid;
        let (not_before, not_after) = (seconds(tbs.validity().not_before), seconds(tbs.validity().not_after));
        if not_after < not_before {
            return Err("a certificate that ends before it begins");
        }
        Ok(Certificate {
            common_name: common_name.map(Into::into),
            not_before,
            not_after,
            is_ca: constraints.is_some_and(|(_, c)| c.ca),
            weak_signature: OID_SHA1.contains(&algorithm) || algorithm == OID_MD5_RSA,
            spki: tbs.subject_public_key_info().to_der().map_err(|_| "a bad key in a certificate")?,
            der,
        })
    }

    fn valid_at(&self, now: Time) -> Result<()> {
        let shown = |seconds: i64| Time::from_unix(seconds).map_or_else(String::new, |t| t.to_string());
        if now.plus_seconds(LEEWAY_SECONDS).unix() < self.not_before {
            return Err(Error::new(Code::PinCertificateNotYetValid, "N-8", "a certificate is not valid yet")
                .values(format_args!("valid from {}", shown(self.not_before)), now));
        }
        if now.unix() > self.not_after {
            return Err(Error::new(Code::PinCertificateExpired, "N-8", "a certificate has run out")
                .values(format_args!("valid until {}", shown(self.not_after)), now));
        }
        Ok(())
    }
}

/// N-8: the name is the collection's, case counting, or a prefix that ends in `*`.
fn name_covers(name: &str, gun: &str) -> bool {
    match name.strip_suffix('*') {
        Some(prefix) => gun.starts_with(prefix),
        None => name == gun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-8.3 N-8.4: the certificate's own word, so without the boundary of N-9.
    #[test]
    fn the_common_name_is_the_collection_or_a_prefix_with_a_star() {
        for (name, gun, covers) in [
            ("registry.x/team/app", "registry.x/team/app", true),
            ("registry.x/team/app", "registry.x/team/App", false),
            ("registry.x/team/app", "registry.x/team/app2", false),
            ("registry.x/team*", "registry.x/team-evil/app", true),
            ("registry.x/team/*", "registry.x/team-evil/app", false),
            ("*", "anything", true),
            ("", "registry.x/app", false),
        ] {
            assert_eq!(name_covers(name, gun), covers, "{name} {gun}");
        }
    }

    #[test]
    fn bundles_hold_certificates_and_nothing_else() {
        for pem in [
            "",
            "x",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(Bundle::from_pem(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
