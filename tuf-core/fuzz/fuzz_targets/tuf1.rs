//! All four roles of TUF 1.0, with key ids as labels and as hashes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::metadata::Format;

fuzz_target!(|data: &[u8]| tuf_core_fuzz::read_as_every_role(Format::Tuf1, data));
