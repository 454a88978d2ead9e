//! The one place that prints: answers on stdout, reasons on stderr.
//!
//! Exit status 0 is returned only after the answer was written and flushed.

use crate::args::Format;
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};
use tuf_core::error::{escaped, shown};
use tuf_core::time::Time;
use tuf_core::verdict::{Document, Listed, Reason, Subject, Verdict, Word, worst_status};
use tuf_core::{Code, Error};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default().bold();

/// How answers are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    pub(crate) format: Format,
    /// Line by line, empty where not trusted.
    pub(crate) each: bool,
}

/// Prints the answers of several subjects and returns the exit status.
pub(crate) fn answers(documents: &[Document], how: Show) -> u8 {
    let status = worst_status(documents);
    for document in documents {
        explain(document);
    }
    let text = match how.format {
        Format::Json => json(documents),
        Format::Text if how.each => documents.iter().map(|d| format!("{}\n", pinned(d).unwrap_or_default())).collect(),
        // A half list piped into a deployment is a hole: all, or nothing.
        Format::Text if status == 0 => documents.iter().filter_map(pinned).map(|p| format!("{p}\n")).collect(),
        Format::Text => String::new(),
    };
    written(&text, status)
}

/// Prints the answers for files, with a line for each; and returns the exit status.
pub(crate) fn artifacts(documents: &[Document], files: &[String], format: Format) -> u8 {
    documents.iter().for_each(explain);
    let status = worst_status(documents);
    let digest = |d: &Document| match d {
        Document::Verdict(v) => v.target.as_ref().and_then(|t| t.digest.clone()).unwrap_or_default(),
        Document::Error(_) => String::new(),
    };
    let text = match format {
        Format::Json => json(documents),
        Format::Text if status == 0 => {
            documents.iter().zip(files).map(|(d, file)| format!("{}  {file}\n", digest(d))).collect()
        }
        Format::Text => String::new(),
    };
    written(&text, status)
}

/// Prints a list of signed tags and returns the exit status.
pub(crate) fn list(document: &Document, format: Format) -> u8 {
    explain(document);
    let listed = if let Document::Verdict(v) = document { v.targets.as_deref().unwrap_or_default() } else { &[] };
    let text = match format {
        Format::Json => json(std::slice::from_ref(document)),
        Format::Text => table(listed),
    };
    written(&text, document.exit_status())
}

/// Prints the tree of an answer and returns the exit status.
pub(crate) fn explained(documents: &[Document], format: Format, tree: fn(&Document) -> String) -> u8 {
    let text = match format {
        Format::Json => json(documents),
        Format::Text => documents.iter().map(tree).collect(),
    };
    documents.iter().filter(|d| matches!(d, Document::Error(_))).for_each(explain);
    written(&text, worst_status(documents))
}

/// One document as it is; several as a list.
fn json(documents: &[Document]) -> String {
    match documents {
        [one] => one.to_json(),
        many => serde_json::to_string_pretty(many).map(|t| format!("{t}\n")).unwrap_or_default(),
    }
}

/// Rows that are no documents, as JSON.
pub(crate) fn pretty(rows: &impl serde::Serialize) -> tuf_core::Result<String> {
    let text = serde_json::to_string_pretty(rows);
    text.map(|t| t + "\n").map_err(|e| Error::new(Code::Internal, "internal", e.to_string()))
}

fn pinned(document: &Document) -> Option<String> {
    let Document::Verdict(v) = document else { return None };
    v.target.as_ref().filter(|_| v.verdict == Word::Trusted)?.pinned.clone()
}

fn table(listed: &[Listed]) -> String {
    let name = |l: &Listed| shown(l.tag.as_deref().or(l.path.as_deref()).unwrap_or_default());
    let other = |l: &Listed| l.target.hashes.iter().next().map(|(name, hex)| format!("{name}:{hex}"));
    let answer = |l: &Listed| {
        let known = l.target.pinned.clone().or_else(|| l.target.digest.clone());
        known.or_else(|| other(l)).unwrap_or_default()
    };
    let width = listed.iter().map(|l| name(l).chars().count()).max().unwrap_or(0);
    listed.iter().map(|l| format!("{:width$}  {}  {}\n", name(l), answer(l), shown(&l.target.role))).collect()
}

/// Writes the answer to stdout; what cannot be written is no answer.
fn written(text: &str, status: u8) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => status,
        Err(e) => {
            let _ = writeln!(anstream::stderr(), "{BAD}unchecked{BAD:#}: the answer could not be written: {e}");
            if status == 0 { 3 } else { status }
        }
    }
}

/// Help, version, tables: text that is no answer.
pub(crate) fn raw(text: &str) -> u8 {
    written(text, 0)
}

/// Tells on stderr what a document says, in one piece.
fn explain(document: &Document) {
    let mut text = Vec::new();
    let _ = match document {
        Document::Verdict(v) => verdict(&mut text, v),
        Document::Error(e) => {
            writeln!(text, "{BAD}error{BAD:#}: {}", e.reason.code).and_then(|()| reason(&mut text, &e.reason))
        }
    };
    let _ = anstream::stderr().lock().write_all(&text);
}

fn verdict(err: &mut impl Write, v: &Verdict) -> io::Result<()> {
    let (style, word) = match v.verdict {
        Word::Trusted => (GOOD, "trusted"),
        Word::Refused => (BAD, "refused"),
        Word::Unchecked => (DOUBT, "unchecked"),
    };
    writeln!(err, "{style}{word}{style:#}: {}", escaped(&v.subject.input))?;
    if let Some(target) = &v.target {
        let by = if target.agreed_by.is_empty() { target.role.clone() } else { target.agreed_by.join(", ") };
        writeln!(err, "  signed in {} as {}", shown(&by), target.digest.as_deref().unwrap_or_default())?;
    }
    for trust in v.trust.iter().filter(|_| v.verdict == Word::Trusted) {
        let pin = &trust.pin;
        writeln!(
            err,
            "  trust: {} ({}, {}), pinned by {} in {}",
            trust.repository, trust.mode, trust.rule, pin.kind, pin.from
        )?;
        if let Some(expiry) = &trust.earliest_expiry {
            writeln!(err, "  good until {} ({} expires first)", expiry.at, shown(&expiry.role))?;
        }
    }
    if let Some(why) = &v.reason {
        writeln!(err, "  {}", why.code)?;
        reason(err, why)?;
    }
    for warning in &v.warnings {
        writeln!(err, "  {DOUBT}warning{DOUBT:#}: {}: {}", warning.code, warning.message)?;
    }
    Ok(())
}

fn reason(err: &mut impl Write, r: &Reason) -> io::Result<()> {
    for line in r.message.lines() {
        writeln!(err, "  {line}")?;
    }
    let mut field = |name: &str, value: Option<&str>| match value {
        Some(value) if !value.is_empty() => writeln!(err, "  {name:<9} {value}"),
        _ => Ok(()),
    };
    field("role:", r.role.as_deref())?;
    field("file:", r.file.as_deref())?;
    field("keys:", Some(&r.key_ids.join(" ")))?;
    field("expected:", r.expected.as_deref())?;
    field("found:", r.found.as_deref())?;
    field("rule:", Some(r.rule))?;
    field("next:", r.hint.as_deref())
}

/// A note that is no part of an answer.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{DOUBT}note{DOUBT:#}: {text}");
}

/// Prints what failed before anything was verified: a wrong question (2), an answer that is refused
/// (1), or none (3).
pub(crate) fn failed(format: Format, error: &Error, name: &str) -> u8 {
    let subject = Subject { kind: "collection", input: name.to_owned(), ..Subject::default() };
    answers(&[Document::failed(subject, Time::of_clock(), false, error)], Show { format, each: false })
}

/// A fault of the program: told, and never a pass.
pub(crate) fn panicked(what: &str) -> u8 {
    let error = Error::new(Code::Internal, "internal", format!("the program failed: {what}"));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json =
        arguments.windows(2).any(|w| w == ["--output", "json"]) || arguments.iter().any(|a| a == "--output=json");
    let subject = Subject { kind: "image", input: arguments.join(" "), ..Subject::default() };
    let document = Document::failed(subject, Time::of_clock(), false, &error);
    let format = if json { Format::Json } else { Format::Text };
    answers(&[document], Show { format, each: false })
}
