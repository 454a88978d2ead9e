//! `trust fetch`: what a server offers as its root, for checking over another channel.

use super::config::Config;
use super::run::{Ask, Run};
use crate::error::{Code, Error, Result};
use crate::image::collection_name;
use crate::metadata::{Format, Root, role};
use crate::time::Time;
use crate::trust::offered_root;

/// A root as it is offered; nothing of it is trusted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Offer {
    /// The collection.
    pub collection: String,
    /// Where it comes from, as configured.
    pub source: String,
    /// The root's version.
    pub version: u64,
    /// When it expires.
    pub expires: Time,
    /// How many of the keys must sign a root.
    pub threshold: u64,
    /// The keys that sign it.
    pub keys: Vec<OfferedKey>,
}

/// A root key, and its certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OfferedKey {
    /// The id that a pin names.
    pub id: String,
    /// The certificate's common name.
    pub common_name: String,
    /// SHA-256 of the certificate (hex), as other tools show it.
    pub fingerprint: String,
    /// When the certificate is valid.
    pub valid: Option<(Time, Time)>,
}

/// What the collection's server offers as its root, once it is sound by its own keys.
///
/// # Errors
/// `config.*`, `network.*`, `auth.*`, `missing.root`; what is wrong with the root.
pub fn offered(config: &Config, name: &str, ask: &Ask) -> Result<Offer> {
    let resolved = config.resolve_unpinned(collection_name(name)?, ask.now, ask.injected, &ask.choices)?;
    if resolved.settings.wire.format == Format::Tuf1 {
        let why = "a TUF 1.0 repository is pinned by a root file, which its publisher gives you";
        return Err(Error::new(Code::ConfigValue, "T-5", why));
    }
    let (root, _) = Run::new(config, ask).job(&resolved, offered_root(resolved.settings.clone()))?;
    let root: Root = root.map_err(|e| match e.code() {
        Code::MissingRoot => {
            let hint = format!(
                "check the name, and what the server says: curl -sSi {}/v2/{name}/_trust/tuf/root.json",
                resolved.source
            );
            e.with_hint(hint)
        }
        _ => e,
    })?;
    let signs = root.role(role::ROOT)?;
    let key = |id: &String| {
        let bundle = root.keys().get(id)?.certificates()?;
        Some(OfferedKey {
            id: id.clone(),
            common_name: bundle.common_name().unwrap_or_default().to_owned(),
            fingerprint: bundle.fingerprint(),
            valid: bundle.validity(),
        })
    };
    Ok(Offer {
        collection: name.to_owned(),
        source: resolved.source,
        version: root.version,
        expires: root.expires,
        threshold: signs.threshold(),
        keys: signs.key_ids().iter().filter_map(key).collect(),
    })
}
