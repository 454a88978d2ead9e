//! What went wrong in other projects (`test-vectors/advisories.toml`) once a target is downloaded or
//! checked: each case here, beside the case without the one difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use serde_json::json;
use std::fs;
use std::io::{Cursor, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::{Folders, Repo, tree};
use tuf_core::client::Downloaded;
use tuf_core::crypto::{hex, sha256};
use tuf_core::trust::Ages;
use tuf_core::{Code, Error};

const CONTENT: &str = "app";

/// What is made, changed or removed in these folders themselves.
struct Watcher(OwnedFd);

impl Watcher {
    fn on(folders: &[&Path]) -> Watcher {
        let watcher = inotify::init(CreateFlags::NONBLOCK).unwrap();
        let all = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::DELETE | WatchFlags::MOVE;
        for folder in folders {
            inotify::add_watch(&watcher, *folder, all).unwrap();
        }
        Watcher(watcher)
    }

    /// The names, since the last time.
    fn saw(&self) -> Vec<String> {
        let mut buffer = [MaybeUninit::uninit(); 4_096];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        let mut names = Vec::new();
        loop {
            match reader.next() {
                Ok(event) => names.extend(event.file_name().map(|name| name.to_string_lossy().into_owned())),
                Err(Errno::WOULDBLOCK) => return names,
                Err(e) => panic!("{e}"),
            }
        }
    }
}

/// CVE-2026-24137: a target's name leads nowhere but into the destination, by any way of downloading, and
/// changes nothing in the store; whoever watches the folders above sees no write.
#[test]
fn target_names_are_no_paths() {
    let above = tempfile::tempdir().unwrap();
    let parent = above.path().join("parent");
    let absolute = parent.join("x").display().to_string();
    let refused =
        ["../x", "../../x", &absolute, "a\\..\\..\\x", "..\\x", "x\0y", "..", "a/../../x", "", "x/", "./x", "a//x"];
    let encoded = ["%2e%2e/x", "..x/..y", "...", "~/x", "C:x", "-rf", "x\ny", "con"];
    let mut repo = Repo::tuf();
    for path in refused.iter().chain(&encoded).chain(&["x"]) {
        repo.target("targets", path, CONTENT);
    }
    let folders = Folders::of(&repo);
    for path in encoded.iter().chain(&["x"]) {
        folders.put(&format!("targets/{path}"), CONTENT.as_bytes());
    }
    for folder in ["store", "destination", "in-folders"] {
        fs::create_dir_all(parent.join(folder)).unwrap();
    }
    let watcher = Watcher::on(&[above.path(), &parent]);
    let builder = folders.builder().store_in(parent.join("store")).hash_prefix(false);
    let mut client = builder.build().unwrap();
    client.refresh().unwrap();
    let store = tree(&parent.join("store"));
    for path in refused {
        assert_eq!(client.target(path).unwrap_err().code(), Code::TargetPath, "{path:?}");
    }
    assert!(tree(&parent.join("destination")).is_empty());
    let mut lie = vec![];
    for path in encoded.into_iter().chain(["x"]) {
        let target = client.target(path).unwrap();
        let flat = client.download(&target, parent.join("destination")).unwrap().path;
        let deep = client.download_as(&target, parent.join("in-folders").join(target.local_path())).unwrap().path;
        for (path, folder) in [(&flat, "destination"), (&deep, "in-folders")] {
            assert!(fs::canonicalize(path).unwrap().starts_with(fs::canonicalize(parent.join(folder)).unwrap()));
            assert_eq!(fs::read(path).unwrap(), CONTENT.as_bytes());
        }
        lie.push(target.local_name());
    }
    lie.sort();
    assert_eq!(tree(&parent.join("destination")).into_keys().collect::<Vec<_>>(), lie);
    assert_eq!(tree(&parent.join("store")), store, "targets are no matter of the store");
    assert_eq!(watcher.saw(), Vec::<String>::new());
    fs::write(parent.join("x"), "seen").unwrap();
    assert!(watcher.saw().contains(&"x".to_owned()), "it does watch");
}

/// sigstore-rust 165, sigstore-rust 179: without a server what was downloaded is handed out after it was
/// hashed once more, and with one byte changed, cut or added it is not.
#[test]
fn cached_targets_are_hashed_when_they_are_handed_out() {
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let mut repo = Repo::tuf();
    let hash = hex(&sha256(&content));
    repo.signed("targets")["targets"]["app"] = json!({"length": content.len(), "hashes": {"sha256": hash}});
    let folders = Folders::of(&repo);
    folders.put(&format!("targets/{hash}.app"), &content);
    let client = || {
        let ages = Ages { fresh_for: Some(u64::MAX), ..Default::default() };
        folders.builder().store_in(folders.path("store")).ages(ages).build().unwrap()
    };
    let here = folders.path("here");
    let mut first = client();
    let target = first.target("app").unwrap();
    let path = first.download(&target, &here).unwrap().path;
    for folder in ["metadata", "targets"] {
        fs::remove_dir_all(folders.path(folder)).unwrap();
    }
    // Another process, and the one that knew the target before.
    let mut offline = client();
    let again = offline.target("app").unwrap();
    let mut handed_out = |bytes: &[u8]| -> Vec<Result<Vec<u8>, Code>> {
        fs::write(&path, bytes).unwrap();
        let read = |mut got: Downloaded| {
            assert!(!got.fetched);
            let mut read = Vec::new();
            got.file.read_to_end(&mut read).unwrap();
            read
        };
        let code = |e: Error| e.code();
        vec![
            offline.download(&again, &here).map(read).map_err(code),
            first.download(&target, &here).map(read).map_err(code),
            offline.verify(&again, &mut Cursor::new(bytes)).map(|()| bytes.to_vec()).map_err(code),
        ]
    };
    assert_eq!(handed_out(&content), vec![Ok(content.clone()); 3]);
    let gone = Err(Code::NetworkUnreachable);
    for at in [0, 65_535, 65_536, content.len() - 1] {
        let mut bent = content.clone();
        bent[at] ^= 1;
        assert_eq!(handed_out(&bent), [gone.clone(), gone.clone(), Err(Code::TargetHash)], "byte {at}");
    }
    for other in [&content[..content.len() - 1], &[&content[..], b"x"].concat()] {
        assert_eq!(handed_out(other), [gone.clone(), gone.clone(), Err(Code::TargetLength)]);
    }
    assert_eq!(handed_out(&content), vec![Ok(content.clone()); 3], "nothing else was wrong");
}

/// sigstore-rust 183: a runtime of one thread gets to its other tasks between any two pieces of 64 KiB
/// that are hashed: when a target is fetched, found in its place, and verified.
#[test]
fn hashing_does_not_block_an_async_runtime() {
    const PIECES: usize = 128;
    let content = vec![7; PIECES * (64 << 10)];
    let mut repo = Repo::tuf();
    let hash = hex(&sha256(&content));
    repo.signed("targets")["targets"]["large"] = json!({"length": content.len(), "hashes": {"sha256": hash}});
    let folders = Folders::of(&repo);
    folders.put(&format!("targets/{hash}.large"), &content);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ticks, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let ticker = tokio::spawn({
            let (ticks, over) = (ticks.clone(), over.clone());
            async move {
                while !over.load(Ordering::Relaxed) {
                    ticks.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut client = folders.builder().build_async().unwrap();
        let large = client.target("large").await.unwrap();
        let polled = || ticks.swap(0, Ordering::Relaxed);
        polled();
        assert!(client.download(&large, folders.path("here")).await.unwrap().fetched);
        let fetched = polled();
        assert!(!client.download(&large, folders.path("here")).await.unwrap().fetched);
        let found = polled();
        client.verify(&large, &mut Cursor::new(&content)).await.unwrap();
        let verified = polled();
        over.store(true, Ordering::Relaxed);
        ticker.await.unwrap();
        assert!([fetched, found, verified].iter().all(|polls| *polls >= PIECES), "{fetched} {found} {verified}");
    });
}
