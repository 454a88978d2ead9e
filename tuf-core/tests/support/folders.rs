//! A published TUF 1.0 repository as folders, for the clients that programs use.

use super::{NOW, Repo, at};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use tuf_core::client::{Builder, Client, Clock};
use tuf_core::time::Time;
use url::Url;

/// [`NOW`], always.
#[derive(Debug)]
pub(crate) struct Then;

impl Clock for Then {
    fn now(&self) -> Time {
        at(NOW)
    }
}

/// The folders `metadata` and `targets`, and room for others beside them.
pub(crate) struct Folders {
    folder: TempDir,
    root: Vec<u8>,
}

impl Folders {
    /// What the repository has now, without any content of targets.
    pub(crate) fn of(repo: &Repo) -> Folders {
        let folders = Folders { folder: tempfile::tempdir().expect("a folder"), root: repo.roots[0].clone() };
        for (path, bytes) in &repo.publish().files {
            folders.put(&format!("metadata/{path}"), bytes);
        }
        fs::create_dir_all(folders.path("targets")).expect("a folder");
        folders
    }

    /// A path below the folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Lays a file there.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    /// A client of it, pinned to the first root.
    pub(crate) fn builder(&self) -> Builder {
        let url = |name| Url::from_directory_path(self.path(name)).expect("a URL").to_string();
        let builder = Client::builder(self.root.clone()).clock(Then);
        builder.metadata_url(&url("metadata")).and_then(|b| b.targets_url(&url("targets"))).expect("URLs")
    }
}
