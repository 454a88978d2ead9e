//! `tuf init`: a root file, checked, kept beside trust.toml and pinned there.

use crate::args::{Format, Global, Init};
use crate::artifact::asked;
use crate::output;
use crate::trust;
use std::path::Path;
use tuf_core::client::{self, NewRoot, RootFrom};
use tuf_core::crypto::{hex, sha256};
use tuf_core::error::shown;
use tuf_core::metadata::{Metadata, role};
use tuf_core::{Code, Error, Result};
use url::Url;

pub(crate) fn run(global: &Global, init: &Init) -> u8 {
    match begun(global, init) {
        Ok(text) => output::raw(&text),
        Err(e) => output::failed(global.output, &e, &init.repository),
    }
}

fn begun(global: &Global, init: &Init) -> Result<String> {
    let (config, ask) = asked(global)?;
    let wanted = init.root_sha256.as_deref().map(digest).transpose()?;
    let name = &init.repository;
    let url = Url::parse(&init.root).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
    let bytes;
    let from = match (&url, wanted) {
        (Some(url), Some(wanted)) => RootFrom::Url(url, wanted),
        (Some(_), None) => {
            let e = Error::new(Code::UsageArgument, "T-5", "what comes over the network is not trusted by itself");
            return Err(e.with_hint(
                "give the SHA-256 that the publisher told over another channel: --root-sha256 HEX; or a root file",
            ));
        }
        (None, wanted) => {
            bytes = std::fs::read(&init.root).map_err(|e| {
                Error::new(Code::UsageFile, "T-5", format!("the root file cannot be read: {e}")).in_file(&init.root)
            })?;
            RootFrom::Bytes(&bytes, wanted)
        }
    };
    // What is wrong with the root is told with where it was taken from.
    let named = |e: Error| if e.role() == Some(role::ROOT) { e.in_file(&init.root) } else { e };
    let root = client::new_root(&config, name, from, &ask).map_err(named)?;
    let trust = trust::pin_root(global, name, &root.bytes)?;
    told(global.output, name, &root, &trust)
}

fn told(format: Format, name: &str, new: &NewRoot, trust: &Path) -> Result<String> {
    let (version, expires) = (new.root.version(), new.root.expires());
    let digest = hex(&sha256(&new.bytes));
    if format == Format::Json {
        return output::pretty(&serde_json::json!({
            "schema": "init/1", "repository": name, "root_version": version, "expires": expires.to_string(),
            "sha256": digest, "pinned_in": trust.display().to_string(),
        }));
    }
    let name = shown(name);
    Ok(format!(
        "{name} is trusted from root version {version} on (SHA-256 {digest}), pinned in {}\nnext: verify-cli tuf refresh {name}\n",
        trust.display()
    ))
}

fn digest(text: &str) -> Result<[u8; 32]> {
    tuf_core::image::read_digest(&format!("sha256:{}", text.to_ascii_lowercase())).map_err(|_| {
        Error::new(Code::UsageArgument, "T-5", "--root-sha256 is followed by 64 hex digits")
            .values("64 hex digits", text)
    })
}
