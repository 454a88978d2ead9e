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
        // A delegation that is looked at costs something, whatever it holds.
        budget.spend(1)?;
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
                budget.spend((path.len() as u64).saturating_add(64))?;
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
            (Some(p), Some(n)) if segment(p, n, Piece::takes) => {}
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
/// `takes` tells whether a piece takes a character.
fn segment(pattern: &str, name: &str, mut takes: impl FnMut(&Piece, char) -> bool) -> bool {
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
            Some(piece) if takes(piece, *c) => {
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

    /// T-23.1 T-23.2 T-23.3 T-23.4 T-23.5 T-23.6 T-23.7 T-23.8 T-23.9 T-23.12: the table that every
    /// language is held against; of each of these rules it has pairs that match and pairs that do not.
    #[test]
    fn patterns_match_as_in_the_table() {
        let pairs = test_vectors::patterns().expect("the table");
        let wrong: Vec<_> = pairs.iter().filter(|p| pattern_matches(&p.pattern, &p.name) != p.matches).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// T-23.10: a piece is never held against more characters than the name has, and a set costs no
    /// more than it is long; whatever a pattern does to go back.
    #[test]
    fn a_match_costs_no_more_than_pattern_times_name() {
        let (same, last) = ("a".repeat(500), "a".repeat(499) + "b");
        for (pattern, name) in [
            ("*a".repeat(100) + "b", &same),
            ("*".repeat(100) + "b", &same),
            ("*".to_owned() + &"a".repeat(250) + "c", &last),
            ("*".to_owned() + &"?".repeat(250) + "c", &last),
            ("*[!b]".repeat(50) + "c", &last),
            ("*[b-za-a]".repeat(50) + "c", &same),
            ("*a*".repeat(100), &last),
        ] {
            let (mut cost, most) = (0, pattern.len() * name.len());
            let matched = segment(&pattern, name, |piece, c| {
                cost += if let Piece::Set { ranges, .. } = piece { ranges.len() } else { 1 };
                assert!(cost <= most, "more than {most} for {pattern}");
                piece.takes(c)
            });
            assert_eq!(matched, pattern_matches(&pattern, name));
            assert!(cost > 0, "{pattern}");
        }
    }

    /// T-23.11: paid before it is done, so that what cannot be paid is not done; one for each delegation
    /// that is looked at, whatever it holds.
    #[test]
    fn comparisons_are_paid_for() {
        let paths = Paths::Patterns(vec!["*".repeat(100); 10]);
        let spent = paths.match_path(&"b".repeat(100), &mut Budget::new(99)).map_err(|e| e.code());
        assert_eq!(spent, Err(crate::error::Code::LimitWork));
        assert_eq!(paths.match_path("b", &mut Budget::new(101)), Ok(true));
        assert!(paths.match_path("b", &mut Budget::new(100)).is_err());
        let hashed = Paths::HashPrefixes(vec!["00".into(), String::new()]);
        assert_eq!(hashed.match_path("b", &mut Budget::new(100)), Ok(true));
        assert!(hashed.match_path("b", &mut Budget::new(65)).is_err(), "the hash costs too");
        assert_eq!(Paths::Nothing.match_path("b", &mut Budget::new(1)), Ok(false));
        assert!(Paths::Nothing.match_path("b", &mut Budget::new(0)).is_err());
    }
}
