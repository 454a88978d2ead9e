//! All four roles of Notary v1, strictly and in compatible mode.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::metadata::Format;

fuzz_target!(|data: &[u8]| tuf_core_fuzz::read_as_every_role(Format::Notary1, data));
