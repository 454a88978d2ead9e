//! Which configuration, which store: each with its origin.

use crate::args::Global;
use crate::output;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tuf_core::client::Config;
use tuf_core::{Code, Error, Result};

const APPLICATION: &str = "verify-cli";

/// The configuration file in use, and whether somebody named it.
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) named: bool,
}

impl ConfigFile {
    /// `--config`, else `VERIFY_CLI_CONFIG`, else the XDG folder's: the first found, nothing merged.
    pub(crate) fn find(global: &Global) -> Result<Self> {
        if let Some(path) = &global.config {
            return Ok(ConfigFile { path: path.clone(), named: true });
        }
        if let Some(path) = variable("VERIFY_CLI_CONFIG") {
            let path = PathBuf::from(path);
            // A relative one would be a file of the working folder, which is what is judged.
            if path.is_relative() {
                let e = Error::new(Code::ConfigValue, "docs/verdict.md", "VERIFY_CLI_CONFIG is not an absolute path");
                return Err(e.values("an absolute path", path.display()).with_hint("name the file with --config"));
            }
            return Ok(ConfigFile { path, named: true });
        }
        let folder = xdg("XDG_CONFIG_HOME", ".config").ok_or_else(|| {
            let e = Error::new(
                Code::UsageFile,
                "docs/verdict.md",
                "no folder for a configuration: neither XDG_CONFIG_HOME nor HOME is set",
            );
            e.with_hint("name a file with --config")
        })?;
        Ok(ConfigFile { path: folder.join(APPLICATION).join("config.toml"), named: false })
    }

    pub(crate) fn read(&self) -> Result<Config> {
        Config::read(&self.path, self.named)
    }

    /// Whether the configuration would be sound with this text as its trust.toml.
    pub(crate) fn check_with(&self, trust: &str) -> Result<()> {
        Config::read_with(&self.path, self.named, trust).map(drop)
    }

    /// Names a configuration that lies in the working folder and is not used.
    pub(crate) fn note_unused(&self) {
        for name in ["verify-cli.toml", ".verify-cli.toml", "trust.toml"] {
            let same = |path: &Path| path.canonicalize().ok() == Path::new(name).canonicalize().ok();
            let beside = self.path.with_file_name("trust.toml");
            if Path::new(name).exists() && !same(&self.path) && !same(&beside) {
                output::note(&format!("{name} in this folder is not read: only --config names a file to be trusted"));
            }
        }
    }
}

/// The folder that stores lie in.
pub(crate) fn cache(config: &Config) -> Result<PathBuf> {
    let default = || xdg("XDG_CACHE_HOME", ".cache").map(|folder| folder.join(APPLICATION));
    config.cache().map(Path::to_path_buf).or_else(default).ok_or_else(|| {
        let e = Error::new(
            Code::ConfigValue,
            "docs/verdict.md",
            "no folder to remember in: neither `cache` nor XDG_CACHE_HOME nor HOME is set",
        );
        e.with_hint("set `cache` in the configuration")
    })
}

/// An XDG folder; relative paths are ignored, as its specification says.
fn xdg(name: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|p| p.is_absolute());
    variable(name).and_then(absolute).or_else(|| variable("HOME").and_then(absolute).map(|home| home.join(below_home)))
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
