//! `tuf init`: the root that a TUF 1.0 repository is trusted from.

use super::config::Config;
use super::download::folder_is_there;
use super::run::{Ask, Place, Run, store_folder, store_of};
use super::source::Source;
use crate::crypto::{hex, sha256};
use crate::error::{Code, Error, Result, shown};
use crate::image::collection_name;
use crate::metadata::{Format, Root, role};
use crate::store::LOCK_WAIT;
use crate::transport::{Fetcher, Offered, ServerSettings, WebFetcher, at_most};
use crate::trust::{FileName, pinnable_root};
use url::Url;

/// Where a root to be pinned comes from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RootFrom<'a> {
    /// The bytes of a file that its publisher gave, and the SHA-256 that they must have if it is known.
    Bytes(&'a [u8], Option<[u8; 32]>),
    /// A URL: what comes must have this SHA-256, which its publisher told over another channel.
    Url(&'a Url, [u8; 32]),
}

/// A root that can be pinned: nothing of it is trusted before it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewRoot {
    /// The file, byte for byte.
    pub bytes: Vec<u8>,
    /// What it says.
    pub root: Root,
}

/// Reads the root that the TUF 1.0 repository `name` is to be trusted from. Nothing is written: not
/// even the time of a check (T-3).
///
/// # Errors
/// `config.root` if it does not meet its own threshold (T-6); `mismatch.hash`; `usage.argument` if
/// the repository is remembered already (T-5); `config.*`, `network.*`.
pub fn new_root(config: &Config, name: &str, from: RootFrom<'_>, ask: &Ask) -> Result<NewRoot> {
    let resolved = config.resolve_unpinned(collection_name(name)?, ask.now, ask.injected, &ask.choices)?;
    if resolved.settings.wire.format != Format::Tuf1 {
        let why = "a root file begins the trust in a TUF 1.0 repository: format = \"tuf1\"";
        return Err(Error::new(Code::ConfigValue, "T-5", why)
            .with_hint(format!("pin a Notary collection with: verify-cli trust fetch {}", shown(name))));
    }
    let mut run = Run::new(config, ask);
    if let Place::Cache(cache) = &ask.place {
        let folder = store_folder(cache, &resolved);
        let mut store = store_of(config, ask, &resolved, run.deadline(&resolved), LOCK_WAIT);
        if store.load(&FileName::Record, None)?.is_some() {
            let why =
                format!("{} is remembered already: it is trusted from a root, and goes on from there", shown(name));
            return Err(Error::new(Code::UsageArgument, "T-5", why)
                .in_file(&folder.display().to_string())
                .with_hint(format!(
                    "see what is pinned: verify-cli trust show {0}; to pin another root: verify-cli trust add {0} --root FILE",
                    shown(name)
                )));
        }
    }
    let limit = resolved.settings.limits.root;
    let (bytes, wanted) = match from {
        RootFrom::Bytes(bytes, wanted) => (bytes.to_vec(), wanted),
        RootFrom::Url(url, wanted) => {
            let settings = match &resolved.from {
                Source::Server(settings) => (**settings).clone(),
                _ => ServerSettings::new(url.clone()),
            };
            let (fetcher, until) = (WebFetcher::new(settings, name), run.deadline(&resolved));
            let bytes = run.wait(async {
                folder_is_there(url)?;
                match fetcher.open(url, until).await? {
                    Offered::Body(mut body) => at_most(body.as_mut(), limit).await,
                    Offered::NotFound(words) => {
                        Err(Error::new(Code::MissingRoot, "T-5", "there is no such root file")
                            .values("the file", words))
                    }
                }
            });
            (bytes?.map_err(|e| e.for_role(role::ROOT).in_file(url.as_str()))?, Some(wanted))
        }
    };
    let found = sha256(&bytes);
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
        let why = "the root file is not the one that was asked for";
        return Err(Error::new(Code::MismatchHash, "T-5", why)
            .for_role(role::ROOT)
            .values(hex(&wanted), hex(&found))
            .with_hint("compare the SHA-256 with what the publisher says, and ask again"));
    }
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::LimitBytes, "T-28", "the root file is larger than our ceiling")
            .for_role(role::ROOT)
            .values(format_args!("at most {limit} bytes"), bytes.len()));
    }
    let root = pinnable_root(&resolved.settings, bytes.clone())?;
    Ok(NewRoot { bytes, root })
}
