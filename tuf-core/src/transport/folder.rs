//! A folder as a server.

use super::{Transport, without_checksum};
use crate::error::{Code, Error};
use crate::trust::{Fetched, Request};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

/// A folder that holds a repository's metadata files as a server names them.
///
/// A file by checksum (`ROLE.SHA256.json`) may lie there under its plain name: its hash is
/// checked in any case. A missing file is a definite "not found"; a missing folder is not.
#[derive(Clone, Debug)]
pub struct FolderTransport {
    folder: PathBuf,
    /// The folder that must be there for "not found" to mean anything.
    base: PathBuf,
}

impl FolderTransport {
    /// The folder of one collection.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        FolderTransport { base: folder.clone(), folder }
    }

    /// The folder of one collection among many below `base`: a collection that is not there
    /// is not found.
    pub fn below(base: impl Into<PathBuf>, collection: &str) -> Self {
        let base = base.into();
        FolderTransport { folder: base.join(collection), base }
    }

    fn open(&self, path: &str) -> std::io::Result<File> {
        match File::open(self.folder.join(path)) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidFilename) => {
                match without_checksum(path) {
                    Some(plain) => File::open(self.folder.join(plain)),
                    None => Err(e),
                }
            }
            opened => opened,
        }
    }
}

impl Transport for FolderTransport {
    fn fetch(&mut self, request: &Request) -> Fetched {
        let failed = |code, what: String| Fetched::Failed(Error::new(code, "T-51", what).in_file(&request.path));
        if !self.base.is_dir() {
            return failed(Code::NetworkUnreachable, format!("the folder {} is not there", self.base.display()));
        }
        let file = match self.open(&request.path) {
            Err(e)
                if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename) =>
            {
                return Fetched::NotFound(format!("no such file in {}", self.folder.display()));
            }
            Err(e) => {
                return failed(Code::NetworkUnreachable, format!("a file of the folder cannot be opened: {e}"));
            }
            Ok(file) => file,
        };
        let mut bytes = Vec::new();
        match file.take(request.max_bytes.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(_) => Fetched::Bytes(bytes),
            Err(e) => failed(Code::NetworkCutOff, format!("a file of the folder cannot be read: {e}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Absent;

    fn request(path: &str, max_bytes: u64) -> Request {
        Request { id: 0, path: path.into(), max_bytes, absent: Absent::IsError }
    }

    #[test]
    fn files_are_found_by_name_or_without_their_checksum() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("targets")).expect("a folder");
        std::fs::write(folder.path().join("targets/a.json"), b"12345").expect("a file");
        let mut t = FolderTransport::new(folder.path());
        let by_hash = format!("targets/a.{}.json", "0".repeat(64));
        assert!(matches!(t.fetch(&request(&by_hash, 5)), Fetched::Bytes(b) if b == b"12345"));
        assert!(matches!(t.fetch(&request(&by_hash, 3)), Fetched::Bytes(b) if b == b"1234"), "one byte more tells");
        assert!(matches!(t.fetch(&request("b.json", 5)), Fetched::NotFound(_)));
        assert!(matches!(t.fetch(&request("targets/a.json/x.json", 5)), Fetched::NotFound(_)));
        assert!(matches!(t.fetch(&request("targets", 5)), Fetched::Failed(_)), "a folder is no file");
        let mut below = FolderTransport::below(folder.path(), "no/such");
        assert!(matches!(below.fetch(&request("root.json", 5)), Fetched::NotFound(_)));
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut t = FolderTransport::new(folder.path().join("no"));
        assert!(
            matches!(t.fetch(&request("root.json", 5)), Fetched::Failed(e) if e.code() == Code::NetworkUnreachable)
        );
    }
}
