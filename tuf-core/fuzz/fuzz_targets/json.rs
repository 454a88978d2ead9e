//! The strict reader against serde_json: what passes ours passes it, and what ours calls broken
//! grammar it refuses too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use tuf_core::Code;

fuzz_target!(|data: &[u8]| {
    let grammar = serde_json::from_slice::<IgnoredAny>(data);
    let value = serde_json::from_slice::<serde_json::Value>(data);
    match tuf_core::json::check(data) {
        Ok(()) => {
            assert!(grammar.is_ok(), "ours passes what serde_json refuses: {grammar:?}");
            // Its trees end at depth 127 and at f64; neither is grammar.
            if let Err(e) = value {
                let known = ["recursion limit exceeded", "number out of range"];
                assert!(known.iter().any(|k| e.to_string().contains(k)), "ours passes what serde_json refuses: {e}");
            }
        }
        Err(e) => match e.code() {
            Code::ParseJson => {
                let padded = e.message().contains("white space");
                assert!(value.is_err() || padded, "serde_json passes what we call no JSON: {e}");
            }
            Code::ParseEncoding | Code::ParseDuplicateMember | Code::ParseDepth | Code::ParseNumber => {}
            other => panic!("a grammar check answers {other:?}"),
        },
    }
});
