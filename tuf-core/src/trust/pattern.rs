//! Which target paths a delegation is trusted for: prefixes, shell patterns, hash prefixes.

use crate::error::Result;
use crate::limits::Budget;
use crate::metadata::Paths;

impl Paths {
    /// Whether the delegation is trusted for `path`; the comparison is paid from `budget`.
    ///
    /// # Errors
    /// `limit.work`.
    pub fn match_path(&self, path: &str, budget: &mut Budget) -> Result<bool> {
        let any = |list: &[String], matches: &dyn Fn(&str) -> bool, budget: &mut Budget| {
            for pattern in list {
                budget.spend((pattern.len() as u64).saturating_mul(path.len() as u64).max(1))?;
                if matches(pattern) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self {
            Paths::Nothing => Ok(false),
            Paths::Prefixes(list) => any(list, &|prefix| path.starts_with(prefix), budget),
            Paths::Patterns(list) => any(list, &|pattern| pattern_matches(pattern, path), budget),
            Paths::HashPrefixes(list) => {
                let hash = crate::crypto::hex(&crate::crypto::sha256(path.as_bytes()));
                any(list, &|prefix| hash.starts_with(prefix), budget)
            }
        }
    }
}

/// T-23: shell patterns as Python's `fnmatchcase` reads them, segment by segment.
///
/// ```
/// use tuf_core::trust::pattern_matches;
/// assert!(pattern_matches("project/*.tar", "project/app.tar"));
/// assert!(!pattern_matches("project/*", "project/sub/app.tar"));
/// ```
pub fn pattern_matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(p), Some(n)) if segment(p, n) => {}
            _ => return false,
        }
    }
}

/// One piece of a segment's pattern.
enum Piece {
    Char(char),
    One,
    Many,
    Set { not: bool, ranges: Vec<(char, char)> },
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Piece::Char(want) => *want == c,
            Piece::One => true,
            Piece::Many => false,
            Piece::Set { not, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not,
        }
    }
}

/// Matches one segment: never more than pattern times name, going back to the last `*` alone.
fn segment(pattern: &str, name: &str) -> bool {
    let pieces = pieces(&pattern.chars().collect::<Vec<_>>());
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0usize, 0usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match pieces.get(p) {
            Some(Piece::Many) => {
                star = Some((p, n));
                p = p.saturating_add(1);
            }
            Some(piece) if piece.takes(*c) => {
                p = p.saturating_add(1);
                n = n.saturating_add(1);
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from = from.saturating_add(1);
                    (p, n) = (at.saturating_add(1), *from);
                }
                None => return false,
            },
        }
    }
    pieces.iter().skip(p).all(|piece| matches!(piece, Piece::Many))
}

fn pieces(pattern: &[char]) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        out.push(match first {
            '*' => Piece::Many,
            '?' => Piece::One,
            '[' => match set(after) {
                Some((piece, after)) => {
                    rest = after;
                    piece
                }
                None => Piece::Char('['), // an unclosed bracket is an ordinary character
            },
            c => Piece::Char(*c),
        });
    }
    out
}

/// Reads a set behind its `[`; a `]` that comes first is an ordinary character.
fn set(pattern: &[char]) -> Option<(Piece, &[char])> {
    let not = pattern.first() == Some(&'!');
    let inside = if not { pattern.get(1..)? } else { pattern };
    let end = inside.iter().skip(1).position(|c| *c == ']')?.checked_add(1)?;
    let (mut members, after) = (inside.get(..end)?, inside.get(end.checked_add(1)?..)?);
    let mut ranges = Vec::new();
    while let Some((from, more)) = members.split_first() {
        match more {
            ['-', to, rest @ ..] => {
                ranges.push((*from, *to));
                members = rest;
            }
            _ => {
                ranges.push((*from, *from));
                members = more;
            }
        }
    }
    Some((Piece::Set { not, ranges }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-23.1: the table of advisories.md and more; answers as Python 3.11's `fnmatchcase` gives
    /// them for each segment.
    #[test]
    fn patterns_match_as_in_the_table() {
        for (pattern, name, want) in [
            ("project/*", "project/a.tar", true),
            ("project/*", "project/a/b", false),
            ("project/*", "project/", true),
            ("*", "a/b", false),
            ("*.tar", "x.tar", true),
            ("*.tar", ".tar", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("[!a]", "b", true),
            ("[!a]", "a", false),
            ("[^a]", "b", false),
            ("[^a]", "a", true),
            ("[^a]", "^", true),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("\\*", "*", false),
            ("\\*", "\\x", true),
            ("a**b", "axb", true),
            ("***", "x", true),
            ("?", "/", false),
            ("[!a]", "/", false),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("Foo/*", "foo/x", false),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[!]", "[!]", true),
            ("[]", "[]", true),
            ("?", "é", true),
            (".*", ".hidden", true),
            ("*", ".hidden", true),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("[!c-a]", "x", true),
            ("[a-b--d]", "c", true),
            ("[a-b-c]", "-", true),
        ] {
            assert_eq!(pattern_matches(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_more_than_pattern_times_name() {
        assert!(!pattern_matches(&"*a".repeat(2_000), &"a".repeat(4_000).replace("aaaa", "aaab")));
    }

    #[test]
    fn comparisons_are_paid_for() {
        let paths = Paths::Patterns(vec!["*".repeat(100); 10]);
        let spent = paths.match_path(&"b".repeat(100), &mut Budget::new(99)).map_err(|e| e.code());
        assert_eq!(spent, Err(crate::error::Code::LimitWork));
        assert_eq!(paths.match_path("b", &mut Budget::new(100)), Ok(true));
        let hashed = Paths::HashPrefixes(vec!["00".into(), String::new()]);
        assert_eq!(hashed.match_path("b", &mut Budget::new(100)), Ok(true));
        assert_eq!(Paths::Nothing.match_path("b", &mut Budget::new(0)), Ok(false));
    }
}
