//! The canonical form: there is one exactly for what the strict reader passes; it keeps the value
//! and its own canonical form is itself (control characters apart, which are raw in it: no JSON).
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tuf_core::canonical::form;

fuzz_target!(|data: &[u8]| {
    let checked = tuf_core::json::check(data);
    let once = form(data);
    assert_eq!(checked.is_ok(), once.is_ok());
    let Ok(once) = once else { return };
    assert!(once.len() <= data.len(), "the canonical form is longer");
    if once.iter().any(|b| *b < 0x20) {
        return;
    }
    assert_eq!(form(&once).as_ref(), Ok(&once), "not stable");
    if let (Ok(mut a), Ok(mut b)) = (serde_json::from_slice::<Value>(data), serde_json::from_slice::<Value>(&once)) {
        zero(&mut a);
        zero(&mut b);
        assert_eq!(a, b, "the value changed");
        sorted(&once);
    }
});

/// `-0` is a float to serde_json, and `0` in canonical form.
fn zero(value: &mut Value) {
    match value {
        Value::Number(n) if n.as_f64() == Some(0.0) => *value = Value::from(0),
        Value::Array(list) => list.iter_mut().for_each(zero),
        Value::Object(map) => map.values_mut().for_each(zero),
        _ => {}
    }
}

/// serde_json sorts members by their bytes, and escapes only what we escape: its text is ours where
/// there are neither control characters nor integers beyond its own.
fn sorted(once: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(once) else { return };
    let long = once.split(|b| !b.is_ascii_digit()).any(|digits| digits.len() > 18);
    if !long {
        assert_eq!(serde_json::to_vec(&value).expect("a value"), once, "not what serde_json writes");
    }
}
