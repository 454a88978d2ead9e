//! Canonical JSON (T-37): what signatures are over.
//!
//! Members sorted by their UTF-8 bytes, no spaces, only `"` and `\` escaped, control characters
//! raw, integers as they were. It is built only where the received bytes are not it already.

use crate::error::Result;
use crate::json::{Kind, Reader};
use std::borrow::Cow;
use std::ops::Range;

/// The canonical form of a JSON text, read strictly.
///
/// # Errors
/// Those of [`crate::json::check`].
///
/// ```
/// let canonical = tuf_core::canonical::form(b"{ \"b\": 1, \"a\": \"x\\u0041\" }")?;
/// assert_eq!(canonical, br#"{"a":"xA","b":1}"#);
/// # Ok::<(), tuf_core::Error>(())
/// ```
pub fn form(json: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(json)?;
    let mut out = Vec::with_capacity(json.len());
    write(&mut reader, &mut out)?;
    reader.finish()?;
    Ok(out)
}

fn write(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<()> {
    match reader.kind()? {
        Kind::Null => {
            reader.null()?;
            out.extend_from_slice(b"null");
        }
        Kind::Bool => out.extend_from_slice(if reader.bool()? { b"true" } else { b"false" }),
        Kind::Number => {
            let digits = reader.integer()?;
            out.extend_from_slice(if digits == "-0" { b"0" } else { digits.as_bytes() });
        }
        Kind::String => string(&reader.string()?, out),
        Kind::Array => {
            out.push(b'[');
            let mut first = true;
            reader.array(|r| {
                if !std::mem::replace(&mut first, false) {
                    out.push(b',');
                }
                write(r, out)
            })?;
            out.push(b']');
        }
        Kind::Object => object(reader, out)?,
    }
    Ok(())
}

/// Writes a string: only `"` and `\` are escaped.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for b in text.bytes() {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// The id of a Notary key: SHA-256 of the canonical key object, `"private":null` included.
pub(crate) fn notary_key_id(keytype: &str, public: &str) -> String {
    let mut text = br#"{"keytype":"#.to_vec();
    string(keytype, &mut text);
    text.extend_from_slice(br#","keyval":{"private":null,"public":"#);
    string(public, &mut text);
    text.extend_from_slice(b"}}");
    let hash = ring::digest::digest(&ring::digest::SHA256, &text);
    data_encoding::HEXLOWER.encode(hash.as_ref())
}

/// Writes the members as they come, and sorts what was written only if they came unsorted.
fn object<'a>(reader: &mut Reader<'a>, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    let start = out.len();
    let mut members: Vec<(Cow<'a, str>, Range<usize>)> = Vec::new();
    reader.object(|r, name| {
        if !members.is_empty() {
            out.push(b',');
        }
        let from = out.len();
        string(name, out);
        out.push(b':');
        write(r, out)?;
        members.push((name.clone(), from..out.len()));
        Ok(())
    })?;
    if !members.is_sorted_by(|a, b| a.0.as_bytes() <= b.0.as_bytes()) {
        members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let parts: Vec<&[u8]> = members.iter().filter_map(|(_, range)| out.get(range.clone())).collect();
        let sorted = parts.join(&b','); // a copy: the parts still lie in `out`
        out.truncate(start);
        out.extend_from_slice(&sorted);
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// T-37.1 T-37.2 T-37.3 T-37.4: one table of texts and their canonical form.
    #[test]
    fn canonical_form_table() {
        let long = "123456789012345678901234567890";
        for (text, want) in [
            (r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
            ("{ \"a\" : [ 1 , { \"c\":null, \"b\":true } ] }\n", r#"{"a":[1,{"b":true,"c":null}]}"#),
            (r#""\u00e9\/""#, "\"\u{e9}/\""),
            (r#""\n\u0001\"\\""#, "\"\n\u{1}\\\"\\\\\""),
            ("-0", "0"),
            (long, long),
            // U+E000 sorts before U+10000 by UTF-8 bytes, after it by UTF-16 units.
            ("{\"\u{10000}\":1,\"\u{e000}\":2}", "{\"\u{e000}\":2,\"\u{10000}\":1}"),
            (r#"{"a":{},"":[]}"#, r#"{"":[],"a":{}}"#),
            (r#""e\u0301""#, "\"e\u{301}\""),
        ] {
            assert_eq!(form(text.as_bytes()).map(|b| String::from_utf8_lossy(&b).into_owned()), Ok(want.to_owned()));
        }
    }

    /// T-37.5: a text is found canonical exactly when its canonical form is itself.
    #[test]
    fn the_reader_tells_canonical_from_other_texts() {
        for text in [
            r#"{"a":1,"b":[{},"x\"\\"]}"#,
            r#"{"b":1,"a":2}"#,
            "{\"a\": 1}",
            "-0",
            "0",
            r#""\/""#,
            r#""\u0041""#,
            "[1,2]",
            "[ ]",
        ] {
            let seen = Reader::new(text.as_bytes()).and_then(|mut r| {
                r.skip()?;
                Ok(r.is_canonical())
            });
            let same = form(text.as_bytes()).map(|f| f == text.as_bytes());
            assert_eq!(seen, same, "{text}");
        }
    }

    /// N-4: the id of a key of the sample, as Notary made it.
    #[test]
    fn the_id_of_a_notary_key_is_the_hash_of_its_canonical_object() {
        let public = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJMDSn2HaWhBiecb6A/qHCBBf0aSqoFLA/cl3MX/PmfSv69Mhik76NtYI/Wm1mB/Dcb7W0RYwSIM5cK2aXboDhw==";
        let id = "221e3f4623e6423d65c80b0b532f3d8678653b6210523ff31b60c9f0fcacbf45";
        assert_eq!(notary_key_id("ecdsa", public), id);
        assert_ne!(notary_key_id("rsa", public), id);
    }

    proptest! {
        /// What a JSON reader reads of the canonical form is what it read of the text, and the
        /// canonical form of the canonical form is itself (control characters apart, which are
        /// raw in it and therefore no JSON).
        #[test]
        fn canonical_form_keeps_the_value_and_is_stable(
            map in prop::collection::hash_map("[^\\x00-\\x1f]*", prop::collection::vec("[^\\x00-\\x1f]*", 0..4), 0..8)
        ) {
            let text = serde_json::to_vec_pretty(&map).unwrap_or_default();
            let once = form(&text).unwrap_or_default();
            let a: Option<serde_json::Value> = serde_json::from_slice(&once).ok();
            let b: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
            prop_assert!(a.is_some());
            prop_assert_eq!(a, b);
            prop_assert_eq!(form(&once), Ok(once.clone()));
        }
    }
}
