//! Public keys and signatures: one static table of algorithms by (key type, scheme).
//!
//! A key that cannot be used (unknown type or scheme, wrong length, off the curve, small order)
//! is kept and never verifies (T-30): it must not make a root unreadable for older clients.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rsa::signature::Verifier;
use x509_cert::der::{Decode, Reader as _};
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

/// How many bits an RSA modulus may have (T-29, N-7).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

const OID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const OID_EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const OID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const OID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const OID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A public key that can verify, in one form only: two that are equal are the same key material,
/// however they were spelled (T-31).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PublicKey {
    /// 32 bytes, on the curve, not of small order.
    Ed25519([u8; 32]),
    /// The uncompressed point: 65 bytes.
    P256(Vec<u8>),
    /// The uncompressed point: 97 bytes.
    P384(Vec<u8>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
}

/// Why a key cannot be used.
pub type Unusable = &'static str;

impl PublicKey {
    /// An ed25519 key from its 32 bytes.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, Unusable> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| "an ed25519 key has 32 bytes")?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| "no point of the ed25519 curve")?;
        if key.is_weak() {
            return Err("an ed25519 key of small order");
        }
        Ok(PublicKey::Ed25519(bytes))
    }

    /// A key on P-256 from its point, compressed or not.
    pub fn p256(point: &[u8]) -> Result<Self, Unusable> {
        let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| "no point of the curve P-256")?;
        let point = p256::elliptic_curve::sec1::ToSec1Point::to_sec1_point(&key, false);
        Ok(PublicKey::P256(point.as_bytes().to_vec()))
    }

    /// A key on P-384 from its point, compressed or not.
    pub fn p384(point: &[u8]) -> Result<Self, Unusable> {
        let key = p384::PublicKey::from_sec1_bytes(point).map_err(|_| "no point of the curve P-384")?;
        let point = p384::elliptic_curve::sec1::ToSec1Point::to_sec1_point(&key, false);
        Ok(PublicKey::P384(point.as_bytes().to_vec()))
    }

    /// A key from the DER of a SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
    pub fn from_spki(der: &[u8]) -> Result<Self, Unusable> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| "no DER of a public key")?;
        let bits = spki.subject_public_key.as_bytes().ok_or("a public key with odd bits")?;
        match spki.algorithm.oid {
            OID_RSA => PublicKey::rsa(bits),
            OID_ED25519 => PublicKey::ed25519(bits),
            OID_EC => match spki.algorithm.parameters_oid() {
                Ok(OID_P256) => PublicKey::p256(bits),
                Ok(OID_P384) => PublicKey::p384(bits),
                _ => Err("a curve other than P-256 and P-384"),
            },
            _ => Err("an unknown algorithm of a public key"),
        }
    }

    /// A key from PEM with the label `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, Unusable> {
        use rustls_pki_types::pem::PemObject;
        let der = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        PublicKey::from_spki(&der.map_err(|_| "no PEM of a public key")?)
    }

    /// An RSA key from the DER of `RSAPublicKey` (RFC 8017 A.1.1).
    fn rsa(der: &[u8]) -> Result<Self, Unusable> {
        use x509_cert::der::asn1::UintRef;
        let parts = x509_cert::der::SliceReader::new(der).and_then(|mut r| {
            let parts = r.sequence(|r| Ok::<_, x509_cert::der::Error>((UintRef::decode(r)?, UintRef::decode(r)?)))?;
            r.finish()?;
            Ok(parts)
        });
        let (n, e) = parts.map_err(|_| "no DER of an RSA key")?;
        let key = PublicKey::Rsa { n: n.as_bytes().to_vec(), e: e.as_bytes().to_vec() };
        if key.rsa_bits().is_some_and(|bits| RSA_BITS.contains(&bits)) {
            Ok(key)
        } else {
            Err("an RSA key of less than 2,048 or more than 8,192 bits")
        }
    }

    /// The size of the modulus in bits; `None` for other keys.
    pub fn rsa_bits(&self) -> Option<usize> {
        let PublicKey::Rsa { n, .. } = self else { return None };
        let zeros = n.first().map_or(0, |b| b.leading_zeros() as usize);
        n.len().checked_mul(8).and_then(|bits| bits.checked_sub(zeros))
    }

    /// Whether `signature` by this key under `algorithm` holds over `message`.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (PublicKey::Ed25519(bytes), Algorithm::Ed25519) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
                let signature = ed25519_dalek::Signature::from_slice(signature);
                matches!((key, signature), (Ok(key), Ok(s)) if key.verify_strict(message, &s).is_ok())
            }
            (PublicKey::P256(point), Algorithm::EcdsaDer) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            (PublicKey::P384(point), Algorithm::EcdsaDer) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, point).verify(message, signature).is_ok()
            }
            (PublicKey::P256(point), Algorithm::EcdsaRaw) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (PublicKey::P384(point), Algorithm::EcdsaRaw) => raw_to_der(signature, 48).is_some_and(|der| {
                UnparsedPublicKey::new(&ECDSA_P384_SHA256_ASN1, point).verify(message, &der).is_ok()
            }),
            (PublicKey::Rsa { n, e }, Algorithm::RsaPss32) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature).is_ok()
            }
            (PublicKey::Rsa { n, e }, Algorithm::RsaPkcs1v15) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            (PublicKey::Rsa { n, e }, Algorithm::RsaPssAnySalt) => pss_any_salt(n, e, message, signature),
            _ => false,
        }
    }
}

/// RSASSA-PSS with SHA-256 and whatever salt length the signer chose (T-29: Go publishers use
/// the longest; ring takes 32 only, hence this crate).
fn pss_any_salt(n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let n = rsa::BoxedUint::from_be_slice_vartime(n);
    let e = rsa::BoxedUint::from_be_slice_vartime(e);
    let Ok(key) = rsa::PublicKey::new(n, e) else { return false };
    let Ok(signature) = rsa::pss::Signature::try_from(signature) else { return false };
    rsa::pss::VerifyingKey::<rsa::sha2::Sha256>::new_with_auto_salt_len(key).verify(message, &signature).is_ok()
}

/// r‖s, each of `half` bytes, as the DER that ring takes for P-384 with SHA-256 (N-6).
fn raw_to_der(raw: &[u8], half: usize) -> Option<Vec<u8>> {
    use x509_cert::der::{Encode, asn1::UintRef};
    let (r, s) = raw.split_at_checked(half).filter(|(_, s)| s.len() == half)?;
    vec![UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

/// How a signature is made, once the key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 8032, strictly (T-33).
    Ed25519,
    /// ECDSA in DER; SHA-256 on P-256, SHA-384 on P-384.
    EcdsaDer,
    /// ECDSA as r‖s, always SHA-256 (N-6).
    EcdsaRaw,
    /// RSASSA-PSS, SHA-256, a salt of exactly 32 bytes (N-7).
    RsaPss32,
    /// RSASSA-PSS, SHA-256, any salt (T-29).
    RsaPssAnySalt,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (Notary alone).
    RsaPkcs1v15,
}

/// The curve or kind that a row of the TUF table asks of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Ed25519,
    P256,
    P384,
    Rsa,
}

/// TUF 1.0 (4.2.1, "scheme"): key type and scheme decide shape and algorithm.
const TUF1: &[(&str, &str, Shape, Algorithm)] = &[
    ("ed25519", "ed25519", Shape::Ed25519, Algorithm::Ed25519),
    ("ecdsa", "ecdsa-sha2-nistp256", Shape::P256, Algorithm::EcdsaDer),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", Shape::P256, Algorithm::EcdsaDer),
    ("ecdsa", "ecdsa-sha2-nistp384", Shape::P384, Algorithm::EcdsaDer),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", Shape::P384, Algorithm::EcdsaDer),
    ("rsa", "rsassa-pss-sha256", Shape::Rsa, Algorithm::RsaPssAnySalt),
];

/// Notary v1 (N-5): the key's type decides which methods are possible.
const NOTARY1: &[(&str, &str, Algorithm)] = &[
    ("ecdsa", "ecdsa", Algorithm::EcdsaRaw),
    ("ecdsa-x509", "ecdsa", Algorithm::EcdsaRaw),
    ("rsa", "rsapss", Algorithm::RsaPss32),
    ("rsa-x509", "rsapss", Algorithm::RsaPss32),
    ("rsa", "rsapkcs1v15", Algorithm::RsaPkcs1v15),
    ("rsa-x509", "rsapkcs1v15", Algorithm::RsaPkcs1v15),
    ("ed25519", "eddsa", Algorithm::Ed25519),
];

/// The row of TUF's table for a key type and a scheme.
pub(crate) fn tuf1(keytype: &str, scheme: &str) -> Option<(Shape, Algorithm)> {
    TUF1.iter().find(|row| row.0 == keytype && row.1 == scheme).map(|row| (row.2, row.3))
}

/// The row of Notary's table for a key type and a method; the method's case is ignored.
pub(crate) fn notary1(keytype: &str, method: &str) -> Option<Algorithm> {
    NOTARY1.iter().find(|row| row.0 == keytype && row.1.eq_ignore_ascii_case(method)).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{self, EcdsaKeyPair, KeyPair};

    fn p256_key() -> (EcdsaKeyPair, PublicKey) {
        let rng = SystemRandom::new();
        let alg = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let doc = EcdsaKeyPair::generate_pkcs8(alg, &rng).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(alg, doc.as_ref(), &rng).expect("a key");
        let public = PublicKey::p256(pair.public_key().as_ref()).expect("a point");
        (pair, public)
    }

    /// T-31.3: the same point, compressed or not, is the same key; another is not.
    #[test]
    fn one_point_is_one_key_whatever_its_spelling() {
        let (pair, public) = p256_key();
        let point = pair.public_key().as_ref();
        let sign = 2 + (point[64] & 1);
        let compressed: Vec<u8> = std::iter::once(sign).chain(point[1..33].iter().copied()).collect();
        assert_eq!(PublicKey::p256(&compressed), Ok(public.clone()));
        assert_ne!(p256_key().1, public);
        assert!(PublicKey::p256(&point[..64]).is_err());
        let mut off = point.to_vec();
        off[64] ^= 1;
        assert!(PublicKey::p256(&off).is_err(), "off the curve");
    }

    /// T-33.3, T-33.4, T-33.5, N-6.1, N-6.3: each format takes its own form alone.
    #[test]
    fn raw_and_der_ecdsa_signatures_are_not_exchangeable() {
        let (pair, public) = p256_key();
        let raw = pair.sign(&SystemRandom::new(), b"x").expect("a signature");
        assert!(public.verify(Algorithm::EcdsaRaw, b"x", raw.as_ref()));
        assert!(!public.verify(Algorithm::EcdsaRaw, b"y", raw.as_ref()));
        assert!(!public.verify(Algorithm::EcdsaDer, b"x", raw.as_ref()));
        let der = raw_to_der(raw.as_ref(), 32).expect("DER");
        assert!(public.verify(Algorithm::EcdsaDer, b"x", &der));
        assert!(!public.verify(Algorithm::EcdsaRaw, b"x", &der));
        let trailing = [&der[..], b"\0"].concat();
        assert!(!public.verify(Algorithm::EcdsaDer, b"x", &trailing));
    }

    /// T-30.4, T-30.6
    #[test]
    fn ed25519_keys_of_wrong_length_or_small_order_are_unusable() {
        for len in [0, 31, 33, 64] {
            assert!(PublicKey::ed25519(&vec![1; len]).is_err(), "{len}");
        }
        // The neutral element and a point of order two.
        let mut neutral = [0u8; 32];
        neutral[0] = 1;
        let mut two = [0xff_u8; 32];
        two[0] = 0xec;
        two[31] = 0x7f;
        assert_eq!(PublicKey::ed25519(&neutral), Err("an ed25519 key of small order"));
        assert_eq!(PublicKey::ed25519(&two), Err("an ed25519 key of small order"));
    }

    /// T-33.2
    #[test]
    fn ed25519_signatures_with_a_malleated_s_are_refused() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::ed25519(key.verifying_key().as_bytes()).expect("a key");
        let good = ed25519_dalek::Signer::sign(&key, b"m").to_bytes();
        assert!(public.verify(Algorithm::Ed25519, b"m", &good));
        // s + L, with L the order of the group, little-endian.
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut bad = good;
        let mut carry = 0u16;
        for (s, l) in bad[32..].iter_mut().zip(L) {
            carry += u16::from(*s) + u16::from(l);
            *s = carry as u8;
            carry >>= 8;
        }
        assert_ne!(bad, good);
        assert!(!public.verify(Algorithm::Ed25519, b"m", &bad));
        assert!(!public.verify(Algorithm::Ed25519, b"m", &good[..63]));
    }

    /// N-5.1 N-5.2 N-5.3 N-5.4: every pair of Notary key type and method; only the fitting verify.
    #[test]
    fn notary_methods_crossed_with_key_types() {
        let fitting = [
            ("ecdsa", "ecdsa"),
            ("ecdsa-x509", "ecdsa"),
            ("rsa", "rsapss"),
            ("rsa-x509", "rsapss"),
            ("rsa", "rsapkcs1v15"),
            ("rsa-x509", "rsapkcs1v15"),
            ("ed25519", "eddsa"),
        ];
        for keytype in ["ecdsa", "ecdsa-x509", "rsa", "rsa-x509", "ed25519", "x448", ""] {
            for method in ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa", "hmac", "none", ""] {
                let fits = fitting.contains(&(keytype, method));
                assert_eq!(notary1(keytype, method).is_some(), fits, "{keytype} {method}");
                assert_eq!(notary1(keytype, &method.to_uppercase()).is_some(), fits, "case is ignored");
            }
        }
    }

    /// T-30.1, T-30.2, T-30.3: a pair that is no row of the table has no algorithm.
    #[test]
    fn tuf_schemes_belong_to_their_key_types() {
        assert_eq!(tuf1("ecdsa", "ecdsa-sha2-nistp256"), Some((Shape::P256, Algorithm::EcdsaDer)));
        assert_eq!(tuf1("ed25519", "ecdsa-sha2-nistp256"), None);
        assert_eq!(tuf1("rsa", "rsassa-pss-sha512"), None);
        assert_eq!(tuf1("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"), None);
    }
}
