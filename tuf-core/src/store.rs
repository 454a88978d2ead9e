//! Stores: where a collection's files and its state record are kept between runs.

use crate::error::Result;
use crate::trust::{Changes, FileName};
use std::collections::BTreeMap;

/// A place that keeps the files of one collection.
pub trait Store {
    /// The bytes of a file; `None` if there is none.
    ///
    /// # Errors
    /// `store.*`.
    fn load(&mut self, file: &FileName) -> Result<Option<Vec<u8>>>;

    /// Makes all changes, or fails; a file is never half written.
    ///
    /// # Errors
    /// `store.*`.
    fn commit(&mut self, changes: &Changes) -> Result<()>;
}

/// A store that lives as long as the process: no protection from rollback between runs.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    files: BTreeMap<FileName, Vec<u8>>,
}

impl Store for MemoryStore {
    fn load(&mut self, file: &FileName) -> Result<Option<Vec<u8>>> {
        Ok(self.files.get(file).cloned())
    }

    fn commit(&mut self, changes: &Changes) -> Result<()> {
        for (file, bytes) in &changes.files {
            match bytes {
                Some(bytes) => self.files.insert(file.clone(), bytes.to_vec()),
                None => self.files.remove(file),
            };
        }
        Ok(())
    }
}

#[cfg(feature = "client")]
pub use file::FileStore;

#[cfg(feature = "client")]
mod file {
    use super::Store;
    use crate::error::{Code, Error, Result};
    use crate::trust::{Changes, FileName};
    use std::fs::{self, File};
    use std::io::{ErrorKind, Read, Write};
    use std::path::{Path, PathBuf};

    /// No file of a store is larger: the ceiling of one run's metadata.
    const MAX_FILE: u64 = crate::limits::METADATA_TOTAL;

    /// A folder of files.
    ///
    /// Written as T-45 orders it: new files are written beside their goals and synced, the record
    /// is renamed, then the files, then the folder is synced.
    #[derive(Clone, Debug)]
    pub struct FileStore {
        folder: PathBuf,
    }

    impl FileStore {
        /// A store in `folder`, which is made at the first commit.
        pub fn new(folder: impl Into<PathBuf>) -> Self {
            FileStore { folder: folder.into() }
        }

        fn goal(&self, file: &FileName) -> PathBuf {
            self.folder.join(file.path())
        }
    }

    fn failed(e: &std::io::Error, file: &FileName, what: &str) -> Error {
        let code = match e.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::StoreFull,
            _ => Code::StoreIo,
        };
        Error::new(code, "T-49", format!("the store cannot be {what}: {e}")).in_file(&file.path())
    }

    impl Store for FileStore {
        fn load(&mut self, file: &FileName) -> Result<Option<Vec<u8>>> {
            let opened = match File::open(self.goal(file)) {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(|e| failed(&e, file, "read"))?,
            };
            let mut bytes = Vec::new();
            opened.take(MAX_FILE.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| failed(&e, file, "read"))?;
            if bytes.len() as u64 > MAX_FILE {
                return Err(Error::new(Code::StoreDamaged, "T-46", "a file of the store is larger than any can be")
                    .in_file(&file.path()));
            }
            Ok(Some(bytes))
        }

        fn commit(&mut self, changes: &Changes) -> Result<()> {
            let mut ready = Vec::new();
            for (file, bytes) in &changes.files {
                let goal = self.goal(file);
                let parent = goal.parent().map_or_else(|| self.folder.clone(), Path::to_path_buf);
                if let Some(bytes) = bytes {
                    ready.push((file, goal, Some(written(&parent, bytes).map_err(|e| failed(&e, file, "written"))?)));
                } else {
                    ready.push((file, goal, None));
                }
            }
            // `FileName` orders the record first.
            for (file, goal, new) in ready {
                match new {
                    Some(new) => new.persist(&goal).map(drop).map_err(|e| failed(&e.error, file, "written"))?,
                    None => match fs::remove_file(&goal) {
                        Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(&e, file, "written")),
                        _ => {}
                    },
                }
            }
            let sync = File::open(&self.folder).and_then(|f| f.sync_all());
            sync.map_err(|e| failed(&e, &FileName::Record, "written"))
        }
    }

    /// A new file beside its goal, synced, readable by its owner alone.
    fn written(parent: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
        private_folder(parent)?;
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(parent)?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        Ok(new)
    }

    fn private_folder(folder: &Path) -> std::io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::metadata::Bytes;
        use std::collections::BTreeMap;

        #[test]
        fn files_are_kept_replaced_and_removed() {
            let folder = tempfile::tempdir().expect("a folder");
            let mut store = FileStore::new(folder.path().join("a/b"));
            let role = FileName::Targets("targets/../../x".into());
            assert_eq!(store.load(&role), Ok(None));
            let change = |bytes: Option<&[u8]>| Changes {
                files: BTreeMap::from([(role.clone(), bytes.map(|b| Bytes::new(b.to_vec())))]),
            };
            assert_eq!(store.commit(&change(Some(b"1"))), Ok(()));
            assert_eq!(store.commit(&change(Some(b"22"))), Ok(()));
            assert_eq!(store.load(&role), Ok(Some(b"22".to_vec())));
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing outside");
            assert_eq!(store.commit(&change(None)), Ok(()));
            assert_eq!(store.load(&role), Ok(None));
            assert_eq!(store.commit(&change(None)), Ok(()));
        }

        #[test]
        fn a_store_that_cannot_be_written_says_so() {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("file");
            fs::write(&file, b"x").expect("a file");
            let mut store = FileStore::new(file.join("store"));
            let changes = Changes { files: BTreeMap::from([(FileName::Timestamp, Some(Bytes::default()))]) };
            assert_eq!(store.commit(&changes).map_err(|e| e.code()), Err(Code::StoreIo));
        }
    }
}
