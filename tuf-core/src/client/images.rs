//! Images: from references to verdict documents.

use super::config::Config;
use super::question::{Question, image_name};
use super::run::{Ask, Run};
use crate::error::{Code, Error, Result};
use crate::trust::Outcome;
use crate::verdict::{Document, Subject};
use std::collections::BTreeMap;

/// One document for each reference, in order: those of one collection are answered by one run, as
/// are those of all collections that one TUF 1.0 repository speaks for.
///
/// # Errors
/// None: what is wrong with a reference or its configuration stands in its place.
pub fn verify(config: &Config, inputs: &[String], ask: &Ask) -> Vec<Document> {
    let mut documents: BTreeMap<usize, Document> = BTreeMap::new();
    let mut groups: Vec<(Question, Vec<usize>)> = Vec::new();
    let mut group_of: BTreeMap<String, usize> = BTreeMap::new();
    for (at, input) in inputs.iter().enumerate() {
        match grouped(config, input, ask, &mut groups, &mut group_of) {
            Ok(group) => groups.get_mut(group).into_iter().for_each(|(_, places)| places.push(at)),
            Err(wrong) => drop(documents.insert(at, *wrong)),
        }
    }
    let mut run = Run::new(config, ask);
    for (question, places) in groups {
        let (outcome, noticed) = run.answer(&question);
        documents.extend(places.into_iter().zip(question.documents(&outcome, &noticed)));
    }
    let lost = |input: &String| {
        let subject = Subject { kind: "image", input: input.clone(), ..Subject::default() };
        let fault = Error::new(Code::Internal, "internal", "a reference was not answered");
        Document::failed(subject, ask.now, ask.injected, &fault)
    };
    inputs.iter().enumerate().map(|(at, input)| documents.remove(&at).unwrap_or_else(|| lost(input))).collect()
}

/// The group whose run answers a reference: that of its collection, or of its repository, or a new one.
fn grouped(
    config: &Config,
    input: &str,
    ask: &Ask,
    groups: &mut Vec<(Question, Vec<usize>)>,
    group_of: &mut BTreeMap<String, usize>,
) -> Result<usize, Box<Document>> {
    let (reference, gun) = image_name(input, ask)?;
    if let Some((at, (question, _))) = group_of.get(&gun).and_then(|at| Some((*at, groups.get_mut(*at)?))) {
        question.add_image(&reference);
        return Ok(at);
    }
    let mut new = Question::image(config, input, ask)?;
    for (at, (question, _)) in groups.iter_mut().enumerate() {
        match question.join(new) {
            Ok(()) => {
                group_of.insert(gun, at);
                return Ok(at);
            }
            Err(back) => new = *back,
        }
    }
    groups.push((new, Vec::new()));
    let at = groups.len().saturating_sub(1);
    group_of.insert(gun, at);
    Ok(at)
}

/// All signed tags of a collection.
pub fn list(config: &Config, gun: &str, ask: &Ask) -> Document {
    listed(Question::list(config, gun, ask), config, ask, |_| Ok(()))
}

/// All that is signed; it counts once `then` has done something with what was verified.
pub(super) fn listed(
    question: Result<Question, Box<Document>>,
    config: &Config,
    ask: &Ask,
    then: impl FnOnce(&Outcome) -> Result<()>,
) -> Document {
    let question = match question {
        Ok(question) => question,
        Err(wrong) => return *wrong,
    };
    let (outcome, noticed) = Run::new(config, ask).answer(&question);
    let mut then = Some(then);
    let documents =
        question.documents_once(&outcome, &noticed, |_, _| then.take().map_or(Ok(()), |then| then(&outcome)));
    let lost = || Document::of_error(&crate::trust::internal("a list was not answered"), "");
    documents.into_iter().next().unwrap_or_else(lost)
}
