//! Image references, collection names, digests, and the names of files in a store.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::image::{Reference, collection_name, read_digest};
use tuf_core::trust::FileName;
use tuf_core::{Code, crypto};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    reference(text);
    match collection_name(text) {
        Ok(name) => {
            assert_eq!(name, text);
            assert!(name.split('/').all(|part| !["", ".", ".."].contains(&part)), "leaves its folder");
            assert!(!name.contains(['\\', '\0', '%', '?', '#', ' ']));
        }
        Err(e) => assert_eq!(e.code(), Code::UsageReference),
    }
    if let Ok(digest) = read_digest(text) {
        assert_eq!(format!("sha256:{}", crypto::hex(&digest)), text);
    }
    file_names(text);
});

fn reference(text: &str) {
    let read = match Reference::parse(text) {
        Ok(read) => read,
        Err(e) => return assert_eq!(e.code(), Code::UsageReference),
    };
    assert_eq!(read.input(), text);
    assert_eq!(collection_name(read.name()), Ok(read.name()), "no name of a collection");
    assert!(read.tag().is_some() || read.digest().is_some());
    assert!(!read.implied_latest() || read.tag() == Some("latest"));
    let mut full = read.name().to_owned();
    if let Some(tag) = read.tag() {
        full.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = read.digest() {
        full.push_str(&format!("@sha256:{}", crypto::hex(&digest)));
    }
    let again = Reference::parse(&full).expect("what was read, written in full");
    assert_eq!((again.name(), again.tag(), again.digest()), (read.name(), read.tag(), read.digest()));
}

/// No two roles share a file, and none leaves its folder.
fn file_names(text: &str) {
    let path = FileName::Targets(text.to_owned()).path();
    assert!(
        path.len() <= 210 && (!path.starts_with('.') || text.is_empty()) && !path.contains(['/', '\\', '\0']),
        "{path}"
    );
    if let Some((a, b)) = text.split_once('\n')
        && a != b
    {
        let (a, b) = (FileName::Targets(a.to_owned()).path(), FileName::Targets(b.to_owned()).path());
        assert_ne!(a.to_lowercase(), b.to_lowercase());
    }
}
