//! Reading Rust sources as far as the tests of this folder need it.
#![allow(dead_code)] // each test uses a part

pub(crate) mod named;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    test_vectors::root().join("..")
}

/// All Rust sources below a folder, sorted, as (path relative to the workspace, source). `target`
/// is left out; a folder that does not exist holds none.
pub(crate) fn sources(folder: &str) -> Vec<(String, Source)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let (mut found, workspace) = (Vec::new(), workspace());
    walk(&workspace.join(folder), &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&workspace).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, Source::new(&text))
    };
    found.into_iter().map(read).collect()
}

/// A source text, and the same with every comment, string and character blanked out.
pub(crate) struct Source {
    pub(crate) text: Vec<char>,
    pub(crate) code: Vec<char>,
}

/// A function: its name, the text from the comments above its attributes on, and its attributes.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) whole: String,
    pub(crate) attributes: Vec<String>,
}

impl Function {
    /// Whether one of the attributes makes it a test that runs: `#[test]`, `#[tokio::test]`, …
    pub(crate) fn is_test(&self) -> bool {
        let name = |text: &String| text.split(['(', '=']).next().unwrap().trim().to_owned();
        let mut names = self.attributes.iter().map(name);
        let tested = names.clone().any(|name| name.rsplit("::").next().unwrap().trim() == "test");
        tested && !names.any(|name| name == "ignore")
    }

    /// The lines of its doc comment.
    pub(crate) fn docs(&self) -> Vec<&str> {
        let lines = self.whole.lines().map(str::trim_start);
        let above = lines.take_while(|line| line.starts_with("//") || line.starts_with('#'));
        above.filter_map(|line| line.strip_prefix("///")).map(str::trim).collect()
    }
}

pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Source {
    pub(crate) fn new(text: &str) -> Source {
        let text: Vec<char> = text.chars().collect();
        let code = blank(&text);
        Source { text, code }
    }

    pub(crate) fn lines(&self) -> usize {
        self.text.iter().filter(|c| **c == '\n').count()
    }

    fn at(&self, at: usize) -> char {
        self.code.get(at).copied().unwrap_or('\0')
    }

    fn starts(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(offset, c)| self.at(at + offset) == c)
    }

    /// Whether a whole word of code stands at a place.
    fn word(&self, at: usize, word: &str) -> bool {
        self.starts(at, word) && !is_name(self.at(at + word.chars().count())) && (at == 0 || !is_name(self.at(at - 1)))
    }

    /// The name that starts at a place.
    pub(crate) fn name(&self, at: usize) -> String {
        (at..self.code.len()).map(|at| self.at(at)).take_while(|c| is_name(*c)).collect()
    }

    pub(crate) fn skip_space(&self, mut at: usize) -> usize {
        while self.at(at).is_whitespace() {
            at += 1;
        }
        at
    }

    /// Behind the bracket that closes the one at a place.
    pub(crate) fn close(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.code.len() {
            match self.at(at) {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.code.len()
    }

    /// The end of an item: behind its `;` or its body.
    fn end(&self, mut at: usize) -> usize {
        while at < self.code.len() {
            match self.at(at) {
                ';' => return at + 1,
                '{' => return self.close(at),
                '(' | '[' => at = self.close(at),
                _ => at += 1,
            }
        }
        at
    }

    /// The text of the attribute at a place and the place behind it.
    fn attribute(&self, at: usize) -> Option<(String, usize)> {
        let open = at + 1;
        (self.at(at) == '#' && self.at(open) == '[').then(|| {
            let end = self.close(open);
            (self.code[open + 1..end - 1].iter().collect(), end)
        })
    }

    /// Blank out items under `#[cfg(test)]`.
    pub(crate) fn without_tests(mut self) -> Source {
        for at in 0..self.code.len() {
            let Some((attribute, mut end)) = self.attribute(at) else { continue };
            let attribute: String = attribute.split_whitespace().collect();
            if attribute != "cfg(test)" && !attribute.starts_with("cfg(all(test,") {
                continue;
            }
            while let Some((_, next)) = self.attribute(self.skip_space(end)) {
                end = next;
            }
            for at in at..self.end(end) {
                if self.code[at] != '\n' {
                    self.code[at] = ' ';
                }
            }
        }
        self
    }

    /// All functions, nested ones too.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let places = (0..self.code.len()).filter(|at| self.word(*at, "fn"));
        places.filter_map(|at| self.function(at)).collect()
    }

    /// The function whose `fn` stands at a place; `None` for a type.
    fn function(&self, at: usize) -> Option<Function> {
        let name = self.name(self.skip_space(at + 2));
        let head = self.head(at);
        let mut attributes = Vec::new();
        let mut here = self.skip_space(head);
        while let Some((attribute, end)) = self.attribute(here) {
            attributes.push(attribute);
            here = self.skip_space(end);
        }
        let whole = self.text[self.comments_above(head)..self.end(at)].iter().collect();
        (!name.is_empty()).then_some(Function { name, whole, attributes })
    }

    /// The first code of an item: its attributes or its visibility.
    fn head(&self, item: usize) -> usize {
        let (mut depth, mut at) = (0_usize, item);
        while at > 0 {
            match self.at(at - 1) {
                ')' | ']' => depth += 1,
                '(' | '[' => depth = depth.saturating_sub(1),
                ';' | '{' | '}' if depth == 0 => break,
                _ => {}
            }
            at -= 1;
        }
        let head = self.skip_space(at);
        // Behind the attributes of the module around it: `#![...]`.
        if self.starts(head, "#![") { self.skip_space(self.close(head + 2)) } else { head }
    }

    /// Where the comments start that stand directly (no empty line) above a place.
    fn comments_above(&self, place: usize) -> usize {
        let start = |at: usize| (0..at).rev().find(|at| self.text[*at] == '\n').map_or(0, |at| at + 1);
        let mut from = start(place);
        while from > 0 {
            let above = start(from - 1);
            let line: String = self.text[above..from].iter().collect();
            if !line.trim_start().starts_with("//") {
                break;
            }
            from = above;
        }
        from
    }
}

/// Blank out comments, strings and characters; line ends stay.
fn blank(text: &[char]) -> Vec<char> {
    let get = |at: usize| text.get(at).copied().unwrap_or('\0');
    let mut code = text.to_vec();
    let mut at = 0;
    while at < text.len() {
        let end = match get(at) {
            '/' if get(at + 1) == '/' => (at..text.len()).find(|at| get(*at) == '\n').unwrap_or(text.len()),
            '/' if get(at + 1) == '*' => comment_end(text, at),
            '"' => string_end(text, at),
            'r' if at == 0 || !is_name(get(at - 1)) || matches!(get(at - 1), 'b' | 'c') => {
                raw_string_end(text, at).unwrap_or(at)
            }
            '\'' if get(at + 1) == '\\' => {
                (at + 3..text.len()).find(|at| get(*at) == '\'').map_or(text.len(), |at| at + 1)
            }
            '\'' if get(at + 2) == '\'' => at + 3,
            _ => at,
        };
        for place in &mut code[at..end] {
            if *place != '\n' {
                *place = ' ';
            }
        }
        at = end.max(at + 1);
    }
    code
}

fn comment_end(text: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Behind a raw string whose `r` stands at a place; `None` if there is none.
fn raw_string_end(text: &[char], from: usize) -> Option<usize> {
    let hashes = text[from + 1..].iter().take_while(|c| **c == '#').count();
    if text.get(from + 1 + hashes) != Some(&'"') {
        return None;
    }
    let closes =
        |at: &usize| text[*at] == '"' && text[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    Some((from + 2 + hashes..text.len()).find(closes).map_or(text.len(), |at| at + 1 + hashes))
}
