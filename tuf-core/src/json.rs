//! The one strict JSON reader (T-36): for both wire formats and both modes.
//!
//! It pulls: typed code says what it expects, and the reader checks grammar, UTF-8, duplicate
//! members, depth and numbers on the way, in one pass over the received bytes, and finds out
//! whether they are in canonical form already. Nothing is turned into a tree.

use crate::error::{Code, Error, Result, shown};
use std::borrow::Cow;
use std::ops::Range;

/// How deep values may nest; the outermost counts 1 (T-36).
pub const MAX_DEPTH: usize = 128;
/// White space after the value, in bytes (T-36): some publishers pad, none by more.
const MAX_TRAILING: usize = 64 << 10;
const RULE: &str = "T-36";

/// The JSON type of the value that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "true or false",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "a list",
            Kind::Object => "an object",
        }
    }
}

/// A strict pull reader over one JSON text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    pos: usize,
    depth: usize,
    /// False once something was read that canonical form writes otherwise.
    canonical: bool,
    /// Where the names of all objects that are open stand (with their quotes), in order:
    /// eight bytes a member, what it takes to find duplicates in an object that is not sorted.
    names: Vec<(u32, u32)>,
}

impl<'a> Reader<'a> {
    /// Starts on a whole file: UTF-8, no byte order mark.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(encoding("the file begins with a byte order mark"));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Reader::of(text),
            Err(e) => Err(encoding("the file is not UTF-8").values("UTF-8", format_args!("byte {}", e.valid_up_to()))),
        }
    }

    fn of(text: &'a str) -> Result<Self> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::new(Code::LimitBytes, "T-28", "a JSON file of 4 GiB or more"));
        }
        Ok(Reader { text, pos: 0, depth: 0, canonical: true, names: Vec::new() })
    }

    /// Starts on a value that was read strictly before (a range of the same file).
    pub(crate) fn again(bytes: &'a [u8], range: Range<usize>) -> Result<Self> {
        let text = bytes.get(range).and_then(|b| std::str::from_utf8(b).ok());
        match text {
            Some(text) => Reader::of(text),
            None => Err(Error::new(Code::Internal, RULE, "a range outside its file")),
        }
    }

    /// Ends the text: nothing but white space may follow.
    pub(crate) fn finish(mut self) -> Result<()> {
        let end = self.pos;
        self.space();
        if self.pos < self.text.len() {
            return Err(self.grammar("more bytes after the value"));
        }
        if self.pos.saturating_sub(end) > MAX_TRAILING {
            return Err(self.grammar("more than 64 KiB of white space after the value"));
        }
        Ok(())
    }

    /// Starts to watch for canonical form; [`Reader::is_canonical`] tells what was seen since.
    pub(crate) fn watch_canonical(&mut self) {
        self.space();
        self.canonical = true;
    }

    pub(crate) fn is_canonical(&self) -> bool {
        self.canonical
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.pos..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.pos = self.pos.saturating_add(count);
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.canonical = false;
            self.advance(1);
        }
    }

    fn grammar(&self, what: &str) -> Error {
        Error::new(Code::ParseJson, RULE, format!("{what}, at byte {}", self.pos))
    }

    /// The type of the value that comes next.
    pub(crate) fn kind(&mut self) -> Result<Kind> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.grammar("no JSON value")),
            None => Err(self.grammar("the text ends where a value belongs")),
        }
    }

    fn expect(&mut self, want: Kind) -> Result<()> {
        let found = self.kind()?;
        if found == want {
            return Ok(());
        }
        // A number that has no canonical form is told as that, wherever it stands.
        if found == Kind::Number {
            self.number()?;
        }
        Err(Error::new(Code::ParseType, RULE, format!("{} belongs here, not {}", want.name(), found.name()))
            .values(want.name(), found.name()))
    }

    fn literal(&mut self, word: &str) -> Result<()> {
        if self.rest().starts_with(word.as_bytes()) {
            self.advance(word.len());
            return Ok(());
        }
        Err(self.grammar("no JSON value"))
    }

    fn enter(&mut self) -> Result<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(Error::new(
                Code::ParseDepth,
                RULE,
                format!("nested deeper than {MAX_DEPTH}, at byte {}", self.pos),
            ));
        }
        self.advance(1);
        Ok(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.advance(1);
    }

    /// Reads an object; `member` reads the value of each name.
    pub(crate) fn object<F>(&mut self, member: F) -> Result<()>
    where
        F: FnMut(&mut Reader<'a>, &Cow<'a, str>) -> Result<()>,
    {
        self.object_places(member, |_| {}).map(drop)
    }

    /// Reads an object as [`Reader::object`] does, and hands out where each member stands, from
    /// its name to the end of its value; true if the members came sorted.
    pub(crate) fn object_places<F, P>(&mut self, mut member: F, mut place: P) -> Result<bool>
    where
        F: FnMut(&mut Reader<'a>, &Cow<'a, str>) -> Result<()>,
        P: FnMut((u32, u32)),
    {
        self.expect(Kind::Object)?;
        self.enter()?;
        let base = self.names.len();
        let mut sorted = true;
        let mut previous: Option<Cow<'a, str>> = None;
        self.space();
        while self.byte() != Some(b'}') {
            if previous.is_some() {
                self.separator(b'}')?;
            }
            let start = self.pos;
            let name = self.name()?;
            if let Some(before) = &previous {
                match before.as_bytes().cmp(name.as_bytes()) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => return Err(duplicate(&name)),
                    std::cmp::Ordering::Greater => sorted = false,
                }
            }
            member(self, &name).map_err(|e| e.inside(&name))?;
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.pos)) {
                place((start, end));
            }
            previous = Some(name);
            self.space();
        }
        self.leave();
        if !sorted {
            self.canonical = false;
            self.no_duplicates(base)?;
        }
        self.names.truncate(base);
        Ok(sorted)
    }

    /// A comma, and after it something other than the end.
    fn separator(&mut self, end: u8) -> Result<()> {
        if self.byte() != Some(b',') {
            return Err(self.grammar("a comma or the end belongs here"));
        }
        self.advance(1);
        self.space();
        if self.byte() == Some(end) {
            return Err(self.grammar("a comma before the end"));
        }
        Ok(())
    }

    fn name(&mut self) -> Result<Cow<'a, str>> {
        if self.byte() != Some(b'"') {
            return Err(self.grammar("the name of a member belongs here"));
        }
        let start = self.pos;
        let name = self.string()?;
        let place = (u32::try_from(start), u32::try_from(self.pos));
        if let (Ok(start), Ok(end)) = place {
            self.names.push((start, end));
        }
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.grammar("a colon belongs here"));
        }
        self.advance(1);
        Ok(name)
    }

    /// Finds a name that stands twice among the members of the object that began at `base`.
    fn no_duplicates(&mut self, base: usize) -> Result<()> {
        let mut names = Vec::new();
        for (start, end) in self.names.get(base..).unwrap_or_default() {
            names.push(self.name_at(*start as usize..*end as usize)?);
        }
        names.sort_unstable();
        let twice = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
        twice.map_or(Ok(()), |(name, _)| Err(duplicate(name)))
    }

    /// Reads a name and its colon, where an entry was found by its place.
    pub(crate) fn member_name(&mut self) -> Result<()> {
        self.name().map(drop)
    }

    fn name_at(&self, range: Range<usize>) -> Result<Cow<'a, str>> {
        Reader::again(self.text.as_bytes(), range)?.string()
    }

    /// Reads a list; `item` reads each value.
    pub(crate) fn array<F>(&mut self, mut item: F) -> Result<()>
    where
        F: FnMut(&mut Reader<'a>) -> Result<()>,
    {
        self.expect(Kind::Array)?;
        self.enter()?;
        let mut index = 0usize;
        self.space();
        while self.byte() != Some(b']') {
            if index > 0 {
                self.separator(b']')?;
            }
            item(self).map_err(|e| e.inside(&index.to_string()))?;
            index = index.saturating_add(1);
            self.space();
        }
        self.leave();
        Ok(())
    }

    /// Reads null.
    pub(crate) fn null(&mut self) -> Result<()> {
        self.expect(Kind::Null)?;
        self.literal("null")
    }

    /// Reads true or false.
    pub(crate) fn bool(&mut self) -> Result<bool> {
        self.expect(Kind::Bool)?;
        let truth = self.byte() == Some(b't');
        self.literal(if truth { "true" } else { "false" })?;
        Ok(truth)
    }

    /// Reads an integer of any size: its digits as received.
    pub(crate) fn integer(&mut self) -> Result<&'a str> {
        self.expect(Kind::Number)?;
        self.number()
    }

    fn number(&mut self) -> Result<&'a str> {
        let start = self.pos;
        if self.byte() == Some(b'-') {
            self.advance(1);
        }
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        let first = self.byte();
        self.advance(digits);
        if digits == 0 {
            return Err(self.grammar("a number without digits"));
        }
        if digits > 1 && first == Some(b'0') {
            return Err(self.grammar("a number that begins with 0"));
        }
        if matches!(self.byte(), Some(b'.' | b'e' | b'E')) {
            return Err(Error::new(
                Code::ParseNumber,
                RULE,
                format!("a fraction or an exponent, at byte {}: it has no canonical form", self.pos),
            ));
        }
        let digits = self.text.get(start..self.pos).unwrap_or_default();
        if digits == "-0" {
            self.canonical = false;
        }
        Ok(digits)
    }

    /// Reads an integer from `least` to 2^63-1 (T-34).
    pub(crate) fn count(&mut self, least: u64) -> Result<u64> {
        let digits = self.integer()?;
        let number = if digits == "-0" { Some(0) } else { digits.parse::<u64>().ok() };
        match number {
            Some(n) if n >= least && n <= i64::MAX as u64 => Ok(n),
            _ => Err(Error::new(Code::ParseNumber, "T-34 (TUF 4.2.1)", "a number out of its range")
                .values(format_args!("{least} to 2^63-1"), shown(digits))),
        }
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>> {
        self.expect(Kind::String)?;
        self.advance(1);
        let start = self.pos;
        self.plain();
        if self.byte() == Some(b'"') {
            let text = self.text.get(start..self.pos).unwrap_or_default();
            self.advance(1);
            return Ok(Cow::Borrowed(text));
        }
        let mut out = self.text.get(start..self.pos).unwrap_or_default().to_owned();
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.grammar("a control character in a string")),
                None => return Err(self.grammar("the text ends inside a string")),
            }
            let from = self.pos;
            self.plain();
            out.push_str(self.text.get(from..self.pos).unwrap_or_default());
        }
        self.advance(1);
        Ok(Cow::Owned(out))
    }

    /// Passes over the characters of a string that mean themselves, eight bytes at a time.
    fn plain(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const HIGH: u64 = ONES << 7;
        let rest = self.rest();
        let (words, _) = rest.as_chunks::<8>();
        let quiet = words
            .iter()
            .take_while(|word| {
                let w = u64::from_le_bytes(**word);
                // Bit tricks of the usual kind: a byte of `zero(x)` is set where one of x is 0.
                let zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGH;
                let control = w.wrapping_sub(ONES.wrapping_mul(0x20)) & !w & HIGH;
                zero(w ^ ONES.wrapping_mul(0x22)) | zero(w ^ ONES.wrapping_mul(0x5c)) | control == 0
            })
            .count()
            .saturating_mul(8);
        let tail = rest.get(quiet..).unwrap_or_default();
        let end = tail.iter().take_while(|b| **b >= 0x20 && **b != b'"' && **b != b'\\').count();
        self.advance(quiet.saturating_add(end));
    }

    /// Reads one escape; only `\"` and `\\` stand in canonical form.
    fn escape(&mut self) -> Result<char> {
        let letter = self.rest().get(1).copied();
        self.advance(2);
        let c = match letter {
            Some(b'"') => return Ok('"'),
            Some(b'\\') => return Ok('\\'),
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode()?,
            _ => return Err(self.grammar("an unknown escape in a string")),
        };
        self.canonical = false;
        Ok(c)
    }

    /// Reads what follows `\u`: four digits, or a whole surrogate pair.
    fn unicode(&mut self) -> Result<char> {
        let high = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&high) && self.rest().starts_with(b"\\u") {
            self.advance(2);
            let low = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(encoding("half a surrogate pair in a string"));
            }
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| encoding("half a surrogate pair in a string"))
    }

    fn four_digits(&mut self) -> Result<u32> {
        let mut code = 0u32;
        for _ in 0..4 {
            let digit = self.byte().and_then(|b| (b as char).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.grammar("four hex digits belong after \\u"));
            };
            code = (code << 4) | digit;
            self.advance(1);
        }
        Ok(code)
    }

    /// Passes over any value, checked as strictly as one that is read.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.kind()? {
            Kind::Null => self.null(),
            Kind::Bool => self.bool().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::String => self.string().map(drop),
            Kind::Array => self.array(Reader::skip),
            Kind::Object => self.object(|r, _| r.skip()),
        }
    }

    /// Passes over any value and hands out its text as received.
    pub(crate) fn verbatim(&mut self) -> Result<String> {
        self.spanned_text(Reader::skip).map(|(text, ())| text.to_owned())
    }

    /// The text of the value that comes next, once `read` has read it.
    pub(crate) fn spanned_text<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<(&'a str, T)> {
        let (range, value) = self.spanned(read)?;
        Ok((self.text.get(range).unwrap_or_default(), value))
    }

    /// Where the value that comes next stands, once `read` has read it.
    pub(crate) fn spanned<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<(Range<usize>, T)> {
        self.kind()?;
        let start = self.pos;
        let value = read(self)?;
        Ok((start..self.pos, value))
    }
}

pub(crate) fn encoding(what: &str) -> Error {
    Error::new(Code::ParseEncoding, RULE, what)
}

pub(crate) fn duplicate(name: &str) -> Error {
    Error::new(Code::ParseDuplicateMember, RULE, format!("the member `{}` stands twice", shown(name)))
}

pub(crate) fn missing(name: &str) -> Error {
    Error::new(Code::ParseSchema, "TUF 4", format!("the member `{name}` is missing")).values(name, "nothing")
}

/// Checks a whole JSON text against the strict grammar (T-36), and nothing else.
///
/// # Errors
/// `parse.json`, `parse.encoding`, `parse.duplicate-member`, `parse.depth`, `parse.number`.
///
/// ```
/// assert!(tuf_core::json::check(br#"{"a":1}"#).is_ok());
/// assert!(tuf_core::json::check(br#"{"a":1,"a":2}"#).is_err());
/// ```
pub fn check(bytes: &[u8]) -> Result<()> {
    let mut reader = Reader::new(bytes)?;
    reader.skip()?;
    reader.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &[u8]) -> Option<Code> {
        check(text).err().map(|e| e.code())
    }

    /// T-36.1, T-36.5, T-36.15, T-36.18, T-36.21
    #[test]
    fn sound_values_are_read() {
        for text in [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1",
            "\"\"",
            " \n\t\r{ \"a\" : [ 1 , 2 ] } \n",
            "123456789012345678901234567890",
            r#""\u0041\ud83d\ude00\n\"\\\/""#,
            "\"\u{e9}\"",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    /// T-36.4, T-36.6, T-36.9, T-36.17
    #[test]
    fn broken_grammar_is_told_as_such() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "\"",
            "{}{}",
            "{} x",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "[1 2]",
            "01",
            "-",
            "+1",
            "nul",
            "truex",
            "'a'",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "\u{b}{}",
            "[,1]",
            "{,}",
            "// c\n1",
            "NaN",
        ] {
            assert_eq!(code(text.as_bytes()), Some(Code::ParseJson), "{text:?}");
        }
    }

    /// T-36.2, T-36.3, T-36.16
    #[test]
    fn bad_encodings_are_told_as_such() {
        for text in [
            &b"\xef\xbb\xbf{}"[..],
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"\"\\udc00\"",
            b"\"\\ud800\\u0041\"",
            b"\"\xed\xa0\x80\"",
        ] {
            assert_eq!(code(text), Some(Code::ParseEncoding), "{text:?}");
        }
    }

    /// T-36.10, T-36.11, T-36.12
    #[test]
    fn duplicates_are_found_at_any_depth_and_in_any_order() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":1,"a":2,"b":3}"#,
            r#"[{"x":{"c":1,"b":2,"a":3,"c":4}}]"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"z":{"a":1},"a":{"b":1,"b":1}}"#,
        ] {
            assert_eq!(code(text.as_bytes()), Some(Code::ParseDuplicateMember), "{text}");
        }
        for text in [r#"{"b":{"a":1},"a":{"a":1}}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":1,"A":2}"#, r#"{"b":"a","a":"a"}"#]
        {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    /// T-36.13, T-36.14
    #[test]
    fn depth_counts_the_outermost_as_one() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(code(nested(MAX_DEPTH + 1).as_bytes()), Some(Code::ParseDepth));
        assert_eq!(code("[".repeat(1 << 20).as_bytes()), Some(Code::ParseDepth));
    }

    /// T-36.19, T-36.20
    #[test]
    fn fractions_and_exponents_are_refused_anywhere() {
        for text in ["1.0", "1e3", "1E3", "[{\"a\":0.5}]", "-1.5"] {
            assert_eq!(code(text.as_bytes()), Some(Code::ParseNumber), "{text}");
        }
    }

    /// T-36.5, T-36.6, T-36.7
    #[test]
    fn white_space_after_the_value_has_a_limit() {
        let padded = |n: usize| format!("{{}}{}", " ".repeat(n));
        assert_eq!(check(padded(64 << 10).as_bytes()), Ok(()));
        assert_eq!(code(padded((64 << 10) + 1).as_bytes()), Some(Code::ParseJson));
        assert_eq!(code(b"{}\x0b"), Some(Code::ParseJson));
        assert_eq!(code("{}\u{a0}".as_bytes()), Some(Code::ParseJson));
    }

    /// T-34.1, T-34.3, T-34.4, T-34.5, T-34.6, T-34.7, T-34.8
    #[test]
    fn counts_have_a_range() {
        let count = |text: &str| Reader::new(text.as_bytes()).and_then(|mut r| r.count(1));
        assert_eq!(count("1"), Ok(1));
        assert_eq!(count("9223372036854775807"), Ok(i64::MAX as u64));
        for text in ["0", "-0", "-1", "9223372036854775808", "1.0", "1e0", "99999999999999999999999"] {
            assert_eq!(count(text).map_err(|e| e.code()), Err(Code::ParseNumber), "{text}");
        }
        for text in ["true", "\"1\"", "null", "[]", "{}"] {
            assert_eq!(count(text).map_err(|e| e.code()), Err(Code::ParseType), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(".*", inner, 0..6)
                    .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_json_writer_writes_is_read(v in value()) {
            prop_assert_eq!(check(v.to_string().as_bytes()), Ok(()));
            let pretty = serde_json::to_vec_pretty(&v).unwrap_or_default();
            prop_assert_eq!(check(&pretty), Ok(()));
        }

        /// What we take, serde_json takes too; what it refuses, we refuse.
        #[test]
        fn no_bytes_panic_and_none_pass_that_a_json_reader_refuses(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if check(&bytes).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            }
        }

        #[test]
        fn json_like_text_never_passes_where_a_json_reader_refuses(text in "[\\[\\]{}:,\"0-9a\\\\u \\-.e]{0,24}") {
            if check(text.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }

        #[test]
        fn strings_are_read_as_a_json_reader_reads_them(s in ".*") {
            let text = serde_json::Value::from(s.clone()).to_string();
            let read = Reader::new(text.as_bytes()).and_then(|mut r| r.string().map(|c| c.into_owned()));
            prop_assert_eq!(read, Ok(s));
        }
    }
}
