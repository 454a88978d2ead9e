//! The one strict JSON reader, rule T-36: texts are bent in every file of a whole repository of each
//! format, and read in every mode.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common_files;

use common_files::*;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tuf_core::crypto::hex;
use tuf_core::error::Code;
use tuf_core::metadata::Format;
use tuf_core::metadata::Format::{Notary1, Tuf1};
use tuf_core::store::Store;
use tuf_core::trust::FileName;
use tuf_core::wire::{KeyIds, Wire};

/// Both formats, both modes, both kinds of key ids: each reads the same texts.
fn wires() -> Vec<Wire> {
    let mut wires = Vec::new();
    for format in [Tuf1, Notary1] {
        for compatible in [false, true] {
            for key_ids in [KeyIds::Opaque, KeyIds::Computed] {
                wires.push(Wire { compatible, key_ids, ..Wire::strict(format) });
            }
        }
    }
    wires
}

/// A file of every role, as text.
fn files(format: Format) -> BTreeMap<String, String> {
    let mut repo = if format == Tuf1 { tuf_repo() } else { notary_repo() };
    repo.served();
    let text = |role: &String| String::from_utf8(repo.file(role)).unwrap();
    repo.signed.keys().map(|role| (role.clone(), text(role))).collect()
}

/// Bends every file of both formats and reads it in every way: always `want`.
fn always(what: &str, want: Result<(), Code>, bend: &dyn Fn(&str) -> Vec<u8>) {
    for wire in wires() {
        for (role, file) in files(wire.format) {
            let bent = bend(&file);
            assert_ne!(bent, file.as_bytes(), "{what}: nothing was bent");
            assert_eq!(read(wire, &role, bent).map_err(|e| e.code()), want, "{what}: {role} by {wire:?}");
        }
    }
}

/// A JSON value as an unknown member beside `signed`, and as one within it: always `want`.
fn value(what: &str, want: Result<(), Code>, value: &[u8]) {
    always(what, want, &|file| [&b"{\"x\":"[..], value, b",", &file.as_bytes()[1..]].concat());
    always(what, want, &|file| {
        let (before, signed) = file.split_once("\"signed\":{").unwrap();
        [before.as_bytes(), b"\"signed\":{\"x\":", value, b",", signed.as_bytes()].concat()
    });
}

fn whole(what: &str, want: Result<(), Code>, before: &[u8], after: &[u8]) {
    always(what, want, &|file| [before, file.as_bytes(), after].concat());
}

/// T-36.1, T-36.2, T-36.3, T-36.4 and T-36.28: what stands around the one value.
#[test]
fn t_36_one_value_of_utf_8() {
    whole("space", Ok(()), b" ", b"");
    whole("a mark", Err(Code::ParseEncoding), b"\xef\xbb\xbf", b"");
    whole("a mark of UTF-16", Err(Code::ParseEncoding), b"\xff\xfe", b"");
    whole("no UTF-8 behind", Err(Code::ParseEncoding), b"", b"\xff");
    value("UTF-8", Ok(()), "\"\u{e9}\u{1f600}\"".as_bytes());
    value("Latin 1", Err(Code::ParseEncoding), b"\"\xe9\"");
    value("over-long", Err(Code::ParseEncoding), b"\"\xc0\x80\"");
    value("a surrogate in UTF-8", Err(Code::ParseEncoding), b"\"\xed\xa0\x80\"");
    value("cut", Err(Code::ParseEncoding), b"\"\xf0\x9f\x98\"");
    for second in [&b"{}"[..], b" null", b"\n1", b"]", b","] {
        whole("a second value", Err(Code::ParseJson), b"", second);
    }
}

/// T-36.5, T-36.6, T-36.7 and T-36.28: white space of JSON alone, at most 64 KiB of it behind.
#[test]
fn t_36_white_space_around_the_value() {
    let spaces = b" \t\r\n".repeat(16 << 10);
    whole("before and behind", Ok(()), b" \t\r\n", b"\r\n\t ");
    whole("64 KiB", Ok(()), b"", &spaces);
    whole("64 KiB and one", Err(Code::ParseJson), b"", &[&spaces[..], b" "].concat());
    for other in ["\u{b}", "\u{c}", "\0", "\u{a0}", "\u{2028}", "\u{3000}", "\u{85}"] {
        whole("other space before", Err(Code::ParseJson), other.as_bytes(), b"");
        whole("other space behind", Err(Code::ParseJson), b"", other.as_bytes());
    }
}

/// T-36.8: what stands behind the value is kept in the store.
#[test]
fn t_36_white_space_is_kept_in_the_stored_file() {
    let mut repo = tuf_repo();
    let settings = repo.settings();
    let mut served = repo.served();
    let names = [
        ("timestamp.json", FileName::Timestamp),
        ("snapshot.json", FileName::Snapshot),
        ("targets.json", FileName::Targets("targets".to_owned())),
    ];
    for (name, _) in &names {
        served.files.get_mut(*name).unwrap().extend(b"\n \t\r\n".repeat(100));
    }
    let mut run = run(settings, served.clone(), "a.txt");
    assert_eq!(run.role().as_deref(), Ok("targets"));
    for (name, file) in &names {
        assert_eq!(run.store.load(file, None).unwrap().as_ref(), Some(&served.files[*name]), "{name}");
    }
}

/// T-36.9 and T-36.28: ungrammatical text.
#[test]
fn t_36_broken_grammar() {
    for good in ["[1,2]", "{\"a\":1}", "\"\\n\"", "[ ]", "true"] {
        value("its twin", Ok(()), good.as_bytes());
    }
    for bad in [
        "[1,]",
        "{\"a\":1,}",
        "[,1]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "/* c */ 1",
        "1 // c\n",
        "\"a\nb\"",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "tru",
        "True",
        "nul",
        "NaN",
        "-",
        "+1",
        ".5",
        "\"a",
        "{\"a\":1",
        "[1",
        "",
    ] {
        // A quotation mark that is open takes in what follows, and fails there.
        value(bad, Err(Code::ParseJson), bad.as_bytes());
    }
    for cut in [1, 2, 20] {
        always("truncated", Err(Code::ParseJson), &|file| file.as_bytes()[..file.len() - cut].to_vec());
    }
    always("nothing", Err(Code::ParseJson), &|_| Vec::new());
}

/// T-36.10, T-36.11, T-36.12 and T-36.28: a name once in an object, wherever it stands.
#[test]
fn t_36_duplicate_members() {
    let twice = Err(Code::ParseDuplicateMember);
    for member in ["signed", "signatures"] {
        for again in ["{}", "[]", "null"] {
            always(member, twice, &|file| format!("{{\"{member}\":{again},{}", &file[1..]).into());
        }
    }
    always("in signed", twice, &|file| file.replacen("\"version\":", "\"version\":1,\"version\":", 1).into());
    always("escaped", twice, &|file| file.replacen("\"_type\":", "\"\\u005ftype\":\"x\",\"_type\":", 1).into());
    for bad in [
        r#"{"a":1,"a":1}"#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#"[[{"x":{"c":1,"b":2,"a":3,"c":4}}]]"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u00e9":1,"é":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        value(bad, twice, bad.as_bytes());
    }
    for good in [r#"{"a":1,"b":1}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":{"a":1}}"#, r#"{"\u00e9":1,"e\u0301":2}"#] {
        value(good, Ok(()), good.as_bytes());
    }
}

/// T-36.13, T-36.14 and T-36.28: the file is 1, `signed` within it is 2.
#[test]
fn t_36_nesting_of_128() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| {
            let inner = if open == "[" { "" } else { "1" };
            format!("{}{inner}{}", open.repeat(n), close.repeat(n))
        };
        for (place, above) in [("{", 1), ("\"signed\":{", 2)] {
            let bend = |file: &str, n| file.replacen(place, &format!("{place}\"x\":{},", nested(n)), 1).into_bytes();
            always("128", Ok(()), &|file| bend(file, 128 - above));
            always("129", Err(Code::ParseDepth), &|file| bend(file, 129 - above));
        }
    }
    always("a million", Err(Code::ParseDepth), &|_| "[".repeat(1 << 20).into_bytes());
}

/// T-36.15, T-36.16 and T-36.28: pairs are characters, halves are nothing.
#[test]
fn t_36_surrogates() {
    value("a pair", Ok(()), br#""\ud83d\ude00 \uD83D\uDE00""#);
    for bad in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ude00\ud83d""#,
        r#""\ud83d\ud83d\ude00""#,
        r#""\ud83dx""#,
        r#""\ud83d\n""#,
        r#""\ud83d\u0041""#,
        r#"{"\udfff":1}"#,
    ] {
        value(bad, Err(Code::ParseEncoding), bad.as_bytes());
    }
    // The pair is the character: a target is found under it.
    let mut repo = tuf_repo();
    repo.signed.get_mut("targets").unwrap()["targets"]["😀"] = repo.signed["targets"]["targets"]["a.txt"].clone();
    let settings = repo.settings();
    let mut served = repo.served();
    let escaped = String::from_utf8(served.files["targets.json"].clone()).unwrap().replace("😀", "\\ud83d\\ude00");
    served.files.insert("targets.json".to_owned(), escaped.into_bytes());
    assert_eq!(run(settings, served, "😀").role().as_deref(), Ok("targets"));
}

/// T-36.17, T-36.18, T-36.19, T-36.20, T-36.21 and T-36.28: integers in canonical form.
#[test]
fn t_36_numbers() {
    let big = "9".repeat(400);
    for good in ["0", "-0", "-1", "10", "18446744073709551616", "[-123456789012345678901234567890]", &big] {
        value(good, Ok(()), good.as_bytes());
    }
    for bad in ["01", "-01", "00", "[007]"] {
        value(bad, Err(Code::ParseJson), bad.as_bytes());
    }
    for bad in ["1.0", "0.5", "-1.5", "[{\"a\":2.0}]", "1e3", "1E3", "1e+3", "1e-3", "[0e0]", "-0.0"] {
        value(bad, Err(Code::ParseNumber), bad.as_bytes());
    }
    // In known members too, whatever type belongs there.
    for bad in ["1.0", "1e0", "1.5"] {
        for member in ["version", "expires", "_type"] {
            always(bad, Err(Code::ParseNumber), &|file| {
                let (before, after) = file.split_once(&format!("\"{member}\":")).unwrap();
                let end = after.find(|c| ",}".contains(c)).unwrap();
                format!("{before}\"{member}\":{bad}{}", &after[end..]).into()
            });
        }
    }
    // `-0` is 0: a length may be 0, a version not.
    let mut repo = tuf_repo();
    repo.signed.get_mut("targets").unwrap()["targets"]["a.txt"]["length"] = json!(0);
    let zero = String::from_utf8(repo.file("targets")).unwrap();
    let minus = zero.replace("\"length\":0", "\"length\":-0");
    assert_ne!(zero, minus);
    let targets = Wire::strict(Tuf1).targets("targets", minus).unwrap();
    assert_eq!(targets.claims().target("a.txt").unwrap().unwrap().length(), Some(0));
}

/// T-36.22, T-36.23: hex of either case, without white space, in `sig`, `public` and hashes.
/// T-36.24, T-36.25: what is no hex in `sig` never verifies; a hash that is none spoils its file.
#[test]
fn t_36_hex() {
    let message = outside().message("tuf");
    let sig = hex(&ed_sig(1, message.as_bytes()));
    let judge = |public: &str, sig: &str| {
        let keys = [("k", tuf_key("ed25519", "ed25519", public))];
        Judge::new(Tuf1, &keys, 1).judge(&tuf_file(&message, &[("k", sig.to_owned())])).is_ok()
    };
    let spelled = |text: &str| {
        let mixed: String =
            text.char_indices().map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
        [text.to_owned(), text.to_uppercase(), mixed]
    };
    let spoiled = |text: &str| {
        let inner = format!("{} {}", &text[..2], &text[2..]);
        [format!(" {text}"), format!("{text}\n"), inner, format!("{text}\t"), format!("0x{text}"), text[1..].to_owned()]
    };
    for good in spelled(&sig) {
        assert!(judge(&ed_hex(1), &good), "{good}");
    }
    for bad in spoiled(&sig) {
        assert!(!judge(&ed_hex(1), &bad), "{bad}");
    }
    for good in spelled(&ed_hex(1)) {
        assert!(judge(&good, &sig), "{good}");
    }
    for bad in spoiled(&ed_hex(1)) {
        assert!(!judge(&bad, &sig), "{bad}");
    }

    // In the entries of timestamp, snapshot and targets.
    let read = |role: &str, hashes: Value| {
        let mut repo = tuf_repo();
        let place = match role {
            "timestamp" => "/meta/snapshot.json",
            "snapshot" => "/meta/project.json",
            _ => "/targets/a.txt",
        };
        repo.signed.get_mut(role).unwrap().pointer_mut(place).unwrap()["hashes"] = hashes;
        common_files::read(Wire::strict(Tuf1), role, repo.file(role)).map_err(|e| e.code())
    };
    for role in ["timestamp", "snapshot", "targets"] {
        for (name, bytes) in [("sha256", 32), ("sha512", 64), ("blake2b-256", 32)] {
            let hash = "ab".repeat(bytes);
            for good in spelled(&hash) {
                assert_eq!(read(role, json!({name: good})), Ok(()), "{role} {good}");
            }
            for bad in spoiled(&hash) {
                assert_eq!(read(role, json!({name: bad})), Err(Code::ParseEncoding), "{role} {bad}");
            }
            for length in [0, bytes - 1, bytes + 1, 96 - bytes] {
                if length != bytes {
                    let bad = json!({name: "ab".repeat(length)});
                    assert_eq!(read(role, bad), Err(Code::ParseEncoding), "{role} {name} {length}");
                }
            }
        }
        assert_eq!(read(role, json!({"sha256": "ab".repeat(32), "md5": "no hex"})), Ok(()), "unknown ones");
    }
}

/// T-36.25: Notary's entries of timestamp and snapshot (a target's count as none there, N-41).
#[test]
fn t_36_a_notary_hash_of_wrong_length() {
    for (role, entry) in [("timestamp", "snapshot"), ("snapshot", "root"), ("snapshot", "targets")] {
        let read = |name: &str, bytes: usize| {
            let mut repo = notary_repo();
            repo.served();
            repo.signed.get_mut(role).unwrap()["meta"][entry]["hashes"][name] = json!(BASE64.encode(&vec![1; bytes]));
            read(Wire::strict(Notary1), role, repo.file(role)).map_err(|e| e.code())
        };
        for (name, bytes) in [("sha256", 32), ("sha512", 64)] {
            assert_eq!(read(name, bytes), Ok(()), "{role} {entry} {name}");
            for bad in [0, bytes - 1, bytes + 1] {
                assert_eq!(read(name, bad), Err(Code::ParseEncoding), "{role} {entry} {name} {bad}");
            }
        }
    }
}

/// T-36.27: composed and decomposed are two names, each with its own target.
#[test]
fn t_36_strings_are_never_normalised() {
    let (composed, decomposed) = ("\u{e9}.txt", "e\u{301}.txt");
    let mut repo = tuf_repo();
    let targets = &mut repo.signed.get_mut("targets").unwrap()["targets"];
    targets[composed] = json!({"length": 1, "hashes": {"sha256": "11".repeat(32)}});
    targets[decomposed] = json!({"length": 2, "hashes": {"sha256": "22".repeat(32)}});
    for (name, length) in [(composed, 1), (decomposed, 2)] {
        let run = repo.look_up(name);
        let found = &run.outcome.answers[0].as_ref().unwrap().found[0];
        assert_eq!((found.path.as_str(), found.target.length()), (name, Some(length)));
    }
    repo.signed.get_mut("targets").unwrap()["targets"].as_object_mut().unwrap().remove(composed);
    assert_eq!(repo.look_up(composed).role(), Err(Code::TargetNotSigned));
}
