//! `pattern_matches` against the slow and obvious reading of Python's `fnmatch.translate`, segment
//! by segment. Input: pattern, line feed, path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tuf_core::limits::Budget;
use tuf_core::metadata::Paths;
use tuf_core::trust::pattern_matches;

fuzz_target!(|data: &[u8]| {
    let Some((pattern, path)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else { return };
    if data.len() > 512 || a_late_negation(pattern) {
        return;
    }
    let want = reference(pattern, path);
    assert_eq!(pattern_matches(pattern, path), want, "{pattern:?} {path:?}");
    let one = vec![pattern.to_owned()];
    let matched = |paths: Paths| paths.match_path(path, &mut Budget::new(u64::MAX));
    assert_eq!(matched(Paths::Patterns(one.clone())), Ok(want));
    assert_eq!(matched(Paths::Prefixes(one)), Ok(path.as_bytes().starts_with(pattern.as_bytes())));
});

/// Python 3.11 joins what is left of `[b-a!x]` once the empty range is taken out, and then reads
/// its `!` as a negation. That is not followed (a `!` negates where it comes first).
fn a_late_negation(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    chars.windows(4).any(|w| matches!(w, [a, '-', b, '!'] if a > b))
}

fn reference(pattern: &str, path: &str) -> bool {
    let (patterns, names): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == names.len() && patterns.iter().zip(names).all(|(p, n)| segment(p, n))
}

enum Piece {
    Char(char),
    Any,
    Star,
    Set { not: bool, chars: Vec<char>, ranges: Vec<(char, char)> },
}

/// Which prefixes of the name are matched by which prefixes of the pattern: the whole table.
fn segment(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for piece in translate(&pattern.chars().collect::<Vec<_>>()) {
        let mut next = vec![false; name.len() + 1];
        for end in 0..=name.len() {
            next[end] = match &piece {
                Piece::Star => row[..=end].iter().any(|matched| *matched),
                _ if end == 0 => false,
                Piece::Any => row[end - 1],
                Piece::Char(c) => row[end - 1] && name[end - 1] == *c,
                Piece::Set { not, chars, ranges } => {
                    let c = name[end - 1];
                    let within = chars.contains(&c) || ranges.iter().any(|(a, b)| *a <= c && c <= *b);
                    row[end - 1] && within != *not
                }
            };
        }
        row = next;
    }
    row[name.len()]
}

/// Line by line as `fnmatch.translate` of Python 3.11 goes about it.
fn translate(pat: &[char]) -> Vec<Piece> {
    let (mut i, n) = (0, pat.len());
    let mut out = Vec::new();
    while i < n {
        let c = pat[i];
        i += 1;
        match c {
            '*' => out.push(Piece::Star),
            '?' => out.push(Piece::Any),
            '[' => {
                let mut j = i;
                if j < n && pat[j] == '!' {
                    j += 1;
                }
                if j < n && pat[j] == ']' {
                    j += 1;
                }
                while j < n && pat[j] != ']' {
                    j += 1;
                }
                if j >= n {
                    out.push(Piece::Char('['));
                } else {
                    out.push(set(&pat[i..j]));
                    i = j + 1;
                }
            }
            c => out.push(Piece::Char(c)),
        }
    }
    out
}

fn set(stuff: &[char]) -> Piece {
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let (mut i, n) = (0, stuff.len());
    let mut k = if stuff.first() == Some(&'!') { 2 } else { 1 };
    while let Some(at) = (k..n).find(|at| stuff[*at] == '-') {
        chunks.push(stuff[i..at].to_vec());
        i = at + 1;
        k = at + 3;
    }
    match (stuff.get(i..).unwrap_or_default(), chunks.last_mut()) {
        ([], Some(last)) => last.push('-'),
        (rest, _) => chunks.push(rest.to_vec()),
    }
    for k in (1..chunks.len()).rev() {
        if chunks[k - 1].last() > chunks[k].first() {
            let after = chunks.remove(k);
            chunks[k - 1].pop();
            chunks[k - 1].extend_from_slice(&after[1..]);
        }
    }
    let not = chunks.first().is_some_and(|chunk| chunk.first() == Some(&'!'));
    if not {
        chunks[0].remove(0);
    }
    let ranges = chunks.windows(2).filter_map(|w| Some((*w[0].last()?, *w[1].first()?))).collect();
    Piece::Set { not, chars: chunks.concat(), ranges }
}
