//! Images: from references to verdict documents.

use super::config::{Config, Resolved};
use super::run::{Ask, Run};
use crate::error::{Code, Error, Result, shown};
use crate::image::{Reference, collection_name};
use crate::trust::{Found, Outcome, Query, TagRule, Trusted, start};
use crate::verdict::{Circumstances, Document, Subject};

/// One document for each reference, in order: those of one collection are answered by one run.
///
/// # Errors
/// None: what is wrong with a reference or its configuration stands in its place.
pub fn verify(config: &Config, inputs: &[String], ask: &Ask) -> Vec<Document> {
    let mut run = Run::new(config, ask);
    let asked: Vec<Result<Asked>> = inputs.iter().map(|input| Asked::new(input, ask)).collect();
    let mut documents: Vec<Option<Document>> = vec![None; inputs.len()];
    for at in 0..asked.len() {
        let done = documents.get(at).is_some_and(Option::is_some);
        match asked.get(at) {
            Some(Err(e)) => put(&mut documents, at, Document::of_error(e, inputs.get(at).map_or("", String::as_str))),
            Some(Ok(first)) if !done => {
                let same = |other: &Result<Asked>| other.as_ref().is_ok_and(|o| o.gun == first.gun);
                let group: Vec<(usize, &Asked)> = asked
                    .iter()
                    .enumerate()
                    .filter(|(_, a)| same(a))
                    .filter_map(|(i, a)| Some((i, a.as_ref().ok()?)))
                    .collect();
                for ((i, _), document) in group.iter().zip(of_collection(&mut run, &first.gun, &group)) {
                    put(&mut documents, *i, document);
                }
            }
            _ => {}
        }
    }
    let lost = |input: &String| {
        let subject = Subject { kind: "image", input: input.clone(), ..Subject::default() };
        let fault = Error::new(Code::Internal, "internal", "a reference was not answered");
        Document::failed(subject, ask.now, ask.injected, &fault)
    };
    documents.into_iter().zip(inputs).map(|(d, input)| d.unwrap_or_else(|| lost(input))).collect()
}

fn put(documents: &mut [Option<Document>], at: usize, document: Document) {
    if let Some(slot) = documents.get_mut(at) {
        *slot = Some(document);
    }
}

/// A reference that was read.
struct Asked {
    reference: Reference,
    gun: String,
}

impl Asked {
    fn new(input: &str, ask: &Ask) -> Result<Self> {
        let reference = Reference::parse(input)?;
        let gun = ask.gun.as_deref().unwrap_or(reference.name());
        Ok(Asked { gun: collection_name(gun)?.to_owned(), reference })
    }

    /// A tag is looked up by name, a digest alone by what is signed of it (N-34).
    fn query(&self) -> Query {
        match (self.reference.tag(), self.reference.digest()) {
            (Some(tag), _) => Query::Name(tag.to_owned()),
            (None, Some(digest)) => Query::Digest(digest),
            (None, None) => Query::Name("latest".to_owned()),
        }
    }

    fn subject(&self) -> Subject {
        let digest = self.reference.digest().map(|d| format!("sha256:{}", crate::crypto::hex(&d)));
        let tag = self.reference.tag().map(str::to_owned);
        Subject { kind: "image", input: self.reference.input().to_owned(), tag, path: None, digest }
    }

    /// N-34: with tag and digest, the digest must be the tag's.
    fn judge(&self, answer: &Result<Trusted>) -> Result<Vec<Found>> {
        let found = answer.as_ref().map_err(Clone::clone)?.found.clone();
        let (Some(wanted), Some(first)) = (self.reference.digest(), found.first()) else { return Ok(found) };
        let signed = first.target.hashes().sha256;
        if signed == Some(wanted) {
            return Ok(found);
        }
        let text = |d: &[u8; 32]| format!("sha256:{}", crate::crypto::hex(d));
        Err(Error::new(
            Code::TargetOtherDigest,
            "N-34",
            format!("the tag `{}` is signed, with another digest", shown(&first.path)),
        )
        .for_role(&first.role)
        .values(signed.as_ref().map(text).unwrap_or_default(), text(&wanted)))
    }

    fn warnings(&self) -> Vec<Error> {
        if !self.reference.implied_latest() {
            return Vec::new();
        }
        let message = format!("`{}` names no tag: `latest` was looked up", shown(self.reference.input()));
        vec![
            Error::new(Code::ReferenceLatest, "N-35", message)
                .with_hint("name the tag or the digest that you mean to deploy"),
        ]
    }
}

/// The documents of one collection's references.
fn of_collection(run: &mut Run<'_>, gun: &str, group: &[(usize, &Asked)]) -> Vec<Document> {
    let resolved = match resolve(run.config, gun, run.ask) {
        Ok(resolved) => resolved,
        Err(e) => return group.iter().map(|_| Document::of_error(&e, gun)).collect(),
    };
    let queries = group.iter().map(|(_, a)| (a.query(), resolved.rule.clone())).collect();
    let (outcome, noticed) = look_up(run, &resolved, queries);
    let document = |((_, asked), answer): (&(usize, &Asked), &Result<Trusted>)| {
        let about =
            about(&resolved, asked.subject(), asked.reference.name(), [asked.warnings(), noticed.clone()].concat());
        Document::of(&about, &outcome, &asked.judge(answer), notes(answer.as_ref().ok()))
    };
    group.iter().zip(&outcome.answers).map(document).collect()
}

/// All signed tags of a collection.
pub fn list(config: &Config, gun: &str, ask: &Ask) -> Document {
    listed(config, gun, ask, |_| Ok(()))
}

/// All signed tags; they count once `then` has done something with what was verified.
pub(super) fn listed(config: &Config, gun: &str, ask: &Ask, then: impl FnOnce(&Outcome) -> Result<()>) -> Document {
    let resolved = match collection_name(gun).and_then(|gun| resolve(config, gun, ask)) {
        Ok(resolved) => resolved,
        Err(e) => return Document::of_error(&e, gun),
    };
    let (outcome, noticed) = look_up(&mut Run::new(config, ask), &resolved, vec![(Query::All, resolved.rule.clone())]);
    let answer = outcome.answer();
    let found = answer.clone().and_then(|trusted| then(&outcome).map(|()| trusted.found.clone()));
    let subject = Subject { kind: "collection", input: gun.to_owned(), ..Subject::default() };
    Document::of(&about(&resolved, subject, gun, noticed), &outcome, &found, notes(answer.ok()))
}

pub(super) fn notes(answer: Option<&Trusted>) -> &[Error] {
    answer.map(|trusted| trusted.warnings.as_slice()).unwrap_or_default()
}

pub(super) fn about<'a>(
    resolved: &'a Resolved,
    subject: Subject,
    name: &'a str,
    warnings: Vec<Error>,
) -> Circumstances<'a> {
    Circumstances {
        subject,
        name,
        settings: &resolved.settings,
        rule: resolved.rule.to_words(),
        pin: resolved.pin.clone(),
        source: resolved.source.clone(),
        warnings,
    }
}

fn resolve(config: &Config, gun: &str, ask: &Ask) -> Result<Resolved> {
    let resolved = config.resolve(gun, ask.now, ask.injected, &ask.choices)?;
    if resolved.settings.wire.format == crate::metadata::Format::Tuf1 {
        return Err(Error::new(
            Code::ConfigValue,
            "docs/verdict.md",
            "images are looked up in Notary trust data: format = \"tuf1\" comes later",
        ));
    }
    Ok(resolved)
}

/// The outcome, and what was noticed about the source and the store.
pub(super) fn look_up(run: &mut Run<'_>, resolved: &Resolved, queries: Vec<(Query, TagRule)>) -> (Outcome, Vec<Error>) {
    let asked = queries.len();
    match run.job(resolved, start(resolved.settings.clone(), queries)) {
        Ok((outcome, notes)) => (outcome, [resolved.warnings.clone(), notes].concat()),
        Err(e) => (Outcome::failed(e, asked), resolved.warnings.clone()),
    }
}
