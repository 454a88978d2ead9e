//! The sample repository that is built in: real signatures, far expiry, and its pin.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tuf_core::Result;
use tuf_core::client::Config;

const GUN: &str = "registry.example/library/hello";

macro_rules! files {
    ($($name:literal),*) => {
        &[$(($name, include_bytes!(concat!("../sample/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] =
    files!["root.json", "1.root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"];
const CERTIFICATE_ID: &str = include_str!("../sample/pin.txt");
const MANIFEST: &[u8] = include_bytes!("../sample/image-manifest.json");

/// The configuration of the sample.
pub(crate) fn config() -> Result<Config> {
    let text = format!("[trust.\"{GUN}\"]\ncertificate-ids = [\"{}\"]\n", CERTIFICATE_ID.trim());
    let mut config = Config::from_text(&text, Path::new(""))?;
    let files: BTreeMap<String, Vec<u8>> = FILES.iter().map(|(n, b)| ((*n).to_owned(), b.to_vec())).collect();
    config.serve_from_memory(GUN, Arc::new(files));
    Ok(config)
}

/// The image of the sample: a tag, and the digest of a manifest.
pub(crate) fn reference() -> String {
    format!("{GUN}:1.0@sha256:{}", tuf_core::crypto::hex(&tuf_core::crypto::sha256(MANIFEST)))
}
