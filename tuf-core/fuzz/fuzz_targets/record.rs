//! The state record and the time of the last check, as a store may hand them over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::Code;
use tuf_core::crypto::{hex, sha256};
use tuf_core::metadata::Format;
use tuf_core::trust::{Checked, Record};

/// As it is stored: a line, and one with its SHA-256.
fn sealed(data: &[u8]) -> Vec<u8> {
    let line = [data, b"\n"].concat();
    let seal = hex(&sha256(&line));
    [&line[..], seal.as_bytes(), b"\n"].concat()
}

fuzz_target!(|data: &[u8]| {
    // Without its checksum it is read nowhere.
    assert!(Record::parse(data).is_err());
    let data = &sealed(data)[..];
    let checked = Checked::read(Some(data));
    let _ = (checked.at(true), checked.at(false));
    let record = match Record::parse(data) {
        Ok(record) => record,
        Err(e) => return assert_eq!(e.code(), Code::StoreDamaged),
    };
    assert!(tuf_core::json::check(&data[..data.len() - 65]).is_ok());
    let bytes = record.write().expect("a record");
    assert_eq!(Record::parse(&bytes).as_ref(), Ok(&record), "not read as it was written");
    let read = [Format::Tuf1, Format::Notary1].map(|format| Record::read(data, format, record.name()));
    assert!(read.iter().filter(|r| r.is_ok()).count() <= 1, "a record of two formats");
    let (anchor, newest) = record.roots();
    assert!(1 <= anchor && anchor <= newest);
    let mut rest = record.clone();
    for file in record.file_names() {
        rest.drop_file(&file);
        assert_eq!(rest.sha256_of(&file), None);
    }
    assert_eq!(rest.versions().collect::<Vec<_>>(), record.versions().collect::<Vec<_>>(), "memory went with a file");
});
