//! Inputs that once broke a fuzz target (`tuf-core/fuzz`), as ordinary tests.

use tuf_core::Code;
use tuf_core::crypto::{hex, sha256};
use tuf_core::trust::Record;

/// Fuzz target `record`: listing the files of a chain of 2^64-1 roots took all memory there is.
#[test]
fn a_record_of_a_chain_that_nobody_walked_is_damage() {
    for newest in ["18446744073709551615", "9223372036854775807", "1000000000000"] {
        let text = format!(
            r#"{{"schema":"tuf-store/1","format":"notary1","name":"registry.example/app","anchor":1,"root":{newest},"files":{{}},"roles":{{}},"listed":[],"first_seen":null,"dropped":0}}"#
        );
        let line = text + "\n";
        let bytes = format!("{line}{}\n", hex(&sha256(line.as_bytes())));
        let refused = Record::parse(bytes.as_bytes()).expect_err("no chain is that long");
        assert_eq!(refused.code(), Code::StoreDamaged, "{newest}");
        assert!(refused.message().contains("names no chain of roots"), "{newest}: {refused}");
    }
}
