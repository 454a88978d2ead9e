//! Release files of TUF 1.0 repositories: from configuration to verdict documents.

use super::config::Config;
use super::images::listed;
use super::question::Question;
use super::run::{Ask, Run};
use crate::error::Result;
use crate::trust::{Found, Outcome};
use crate::verdict::Document;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Whether `content` is the target `path` of the repository `name`, and that is current.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn verify_artifact(
    config: &Config,
    name: &str,
    path: &str,
    input: &str,
    content: &mut (dyn Read + Send),
    ask: &Ask,
) -> Document {
    let documents = looked_up(config, name, &[(input, path)], ask, |run, _, _, _, found| run.verify(found, content));
    let lost = || Document::of_error(&crate::trust::internal("a target was not answered"), name);
    documents.into_iter().next().unwrap_or_else(lost)
}

/// What the repository `name` says of targets, by their paths: one document for each, in order.
///
/// # Errors
/// None: what is wrong stands in the documents.
pub fn look_up_artifacts(config: &Config, name: &str, paths: &[String], ask: &Ask) -> Vec<Document> {
    looked_up(config, name, &by_path(paths), ask, |_, _, _, _, _| Ok(()))
}

/// Downloads targets of the repository `name` into `folder`, under their local names: one document
/// for each path, in order, and where its target lies.
///
/// # Errors
/// None: what is wrong stands in the documents.
pub fn download_artifacts(
    config: &Config,
    name: &str,
    paths: &[String],
    folder: &Path,
    ask: &Ask,
) -> Vec<(Document, Option<PathBuf>)> {
    let mut lie = vec![None; paths.len()];
    let documents = looked_up(config, name, &by_path(paths), ask, |run, question, outcome, at, found| {
        let path = run.download(question, outcome, found, folder)?.path;
        lie.get_mut(at).into_iter().for_each(|place| *place = Some(path.clone()));
        Ok(())
    });
    // A wrong question is answered once for all of its paths, and leaves no file.
    documents.into_iter().zip(lie).collect()
}

/// Every target of the repository `name` that a search finds, and the role that answers.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn list_artifacts(config: &Config, name: &str, ask: &Ask) -> Document {
    listed(Question::artifact_list(config, name, ask), config, ask, |_| Ok(()))
}

/// Brings a repository's metadata up to date.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn refresh(config: &Config, name: &str, ask: &Ask) -> Document {
    listed(Question::refresh(config, name, ask), config, ask, |_| Ok(()))
}

fn by_path(paths: &[String]) -> Vec<(&str, &str)> {
    paths.iter().map(|path| (path.as_str(), path.as_str())).collect()
}

/// Looks targets up in one run; what is found counts once `then` has agreed. It is given the question
/// and its outcome, the number of the target, and what was found.
fn looked_up(
    config: &Config,
    name: &str,
    inputs: &[(&str, &str)],
    ask: &Ask,
    mut then: impl FnMut(&mut Run<'_>, &Question, &Outcome, usize, &Found) -> Result<()>,
) -> Vec<Document> {
    let question = match Question::artifacts(config, name, inputs, ask) {
        Ok(question) => question,
        Err(wrong) => return vec![*wrong; inputs.len()],
    };
    let mut run = Run::new(config, ask);
    let (outcome, noticed) = run.answer(&question);
    question.documents_once(&outcome, &noticed, |at, found| {
        let found = found.first().ok_or_else(|| crate::trust::internal("nothing was found"))?;
        then(&mut run, &question, &outcome, at, found)
    })
}
