//! Keys and certificates.

use super::at;
use data_encoding::BASE64;
use ed25519_dalek::Signer as _;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use tuf_core::canonical;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::Format;
use tuf_core::time::Time;

/// A key that signs.
#[derive(Clone)]
pub(crate) struct Key(Rc<Secret>);

enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    Certificate { pem: String, key: EcdsaKeyPair },
}

impl Key {
    /// The ed25519 key of this name: the same one every time.
    pub(crate) fn named(name: &str) -> Key {
        Key(Rc::new(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&sha256(name.as_bytes())))))
    }

    /// Its key id: Notary's, or the SHA-256 of TUF's key object.
    pub(crate) fn id(&self, format: Format) -> String {
        let text = serde_json::to_vec(&self.object(format)).expect("JSON");
        hex(&sha256(&canonical::form(&text).expect("canonical")))
    }

    /// The key as a file lists it.
    pub(crate) fn object(&self, format: Format) -> Value {
        match (&*self.0, format) {
            (Secret::Ed25519(key), Format::Tuf1) => {
                let public = hex(key.verifying_key().as_bytes());
                json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}})
            }
            (Secret::Ed25519(key), _) => {
                let public = BASE64.encode(key.verifying_key().as_bytes());
                json!({"keytype": "ed25519", "keyval": {"private": null, "public": public}})
            }
            (Secret::Certificate { pem, .. }, _) => {
                let public = BASE64.encode(pem.as_bytes());
                json!({"keytype": "ecdsa-x509", "keyval": {"private": null, "public": public}})
            }
        }
    }

    /// A signature as a file carries it.
    pub(crate) fn sign(&self, format: Format, message: &[u8]) -> Value {
        let (method, sig) = match &*self.0 {
            Secret::Ed25519(key) => ("eddsa", key.sign(message).to_bytes().to_vec()),
            Secret::Certificate { key, .. } => {
                let random = ring::rand::SystemRandom::new();
                ("ecdsa", key.sign(&random, message).expect("a signature").as_ref().to_vec())
            }
        };
        match format {
            Format::Tuf1 => json!({"keyid": self.id(format), "sig": hex(&sig)}),
            _ => json!({"keyid": self.id(format), "method": method, "sig": BASE64.encode(&sig)}),
        }
    }
}

/// A certificate to be made, with a new P-256 key.
#[derive(Clone)]
pub(crate) struct Cert {
    name: String,
    ca: Option<BasicConstraints>,
    from: i64,
    until: i64,
    sha1: bool,
}

/// A certificate authority, or an intermediate one.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Cert {
    /// A leaf for `name`, good from 2020 to 2049.
    pub(crate) fn new(name: &str) -> Cert {
        let (from, until) = (at("2020-01-01T00:00:00Z").unix(), at("2049-01-01T00:00:00Z").unix());
        Cert { name: name.to_owned(), ca: None, from, until, sha1: false }
    }

    /// Good from then on.
    pub(crate) fn from(self, time: Time) -> Cert {
        Cert { from: time.unix(), ..self }
    }

    /// Good until then.
    pub(crate) fn until(self, time: &str) -> Cert {
        Cert { until: at(time).unix(), ..self }
    }

    /// With the CA flag.
    pub(crate) fn authority(self) -> Cert {
        Cert { ca: Some(BasicConstraints::Unconstrained), ..self }
    }

    /// Named as signed with SHA-1 (the signature itself no longer holds).
    pub(crate) fn sha1(self) -> Cert {
        Cert { sha1: true, ..self }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        let day = |unix: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(unix.try_into().expect("a time"));
        (params.not_before, params.not_after) = (day(self.from), day(self.until));
        params.is_ca = self.ca.map_or(IsCa::NoCa, IsCa::Ca);
        params
    }

    /// A root key with this certificate, signed by itself or by `by`; `rest` follows in the bundle.
    fn key(&self, by: Option<&Ca>, rest: &[&Ca]) -> Key {
        let pair = KeyPair::generate().expect("a key");
        let cert = match by {
            Some(ca) => self.params().signed_by(&pair, &ca.issuer),
            None => self.params().self_signed(&pair),
        }
        .expect("a certificate");
        let leaf = if self.sha1 { sha1_pem(cert.der()) } else { cert.pem() };
        let pem = rest.iter().fold(leaf, |bundle, ca| bundle + &ca.pem);
        let random = ring::rand::SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der(), &random);
        Key(Rc::new(Secret::Certificate { pem, key: key.expect("a key") }))
    }

    /// A root key whose certificate is signed by itself.
    pub(crate) fn self_signed(&self) -> Key {
        self.key(None, &[])
    }

    /// A root key whose certificate `by` signed; `rest` are the further certificates of its bundle.
    pub(crate) fn signed_by(&self, by: &Ca, rest: &[&Ca]) -> Key {
        self.key(Some(by), rest)
    }

    /// An authority of this name: a root one, or one that `by` signed.
    pub(crate) fn ca(self, by: Option<&Ca>) -> Ca {
        let params = self.authority().params();
        let pair = KeyPair::generate().expect("a key");
        let cert = match by {
            Some(ca) => params.signed_by(&pair, &ca.issuer),
            None => params.self_signed(&pair),
        };
        Ca { pem: cert.expect("a certificate").pem(), issuer: Issuer::new(params, pair) }
    }
}

/// The certificate with ecdsa-with-SHA1 as the algorithm of its signature.
fn sha1_pem(der: &[u8]) -> String {
    const SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    const SHA1: &[u8] = b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01";
    let last = der.windows(SHA256.len()).rposition(|w| w == SHA256).expect("ecdsa-with-SHA256");
    let mut der = [&der[..last], SHA1, &der[last + SHA256.len()..]].concat();
    assert_eq!(der[..2], [0x30, 0x82], "a length of two bytes");
    let length = u16::try_from(der.len() - 4).expect("short");
    der[2..4].copy_from_slice(&length.to_be_bytes());
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(&der))
}
