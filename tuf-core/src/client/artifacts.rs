//! Release files of TUF 1.0 repositories: from configuration to verdict documents.

use super::config::{Config, Resolved};
use super::download::{self, Content, Downloaded};
use super::images::listed;
use super::question::Question;
use super::run::{Ask, Run};
use super::source::Source;
use crate::error::{Code, Error, Result};
use crate::transport::{ServerSettings, WebFetcher, below};
use crate::trust::Found;
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
    let documents = looked_up(config, name, &[(input, path)], ask, |run, _, _, found, _| {
        run.wait(download::checked(found.check()?, content))?
    });
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
    let documents = looked_up(config, name, &by_path(paths), ask, |run, resolved, at, found, consistent| {
        let path = downloaded(run, resolved, found, folder, consistent)?.path;
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

/// Looks targets up in one run; what is found counts once `then` has agreed. It is given the number
/// of the target, what was found, and whether snapshots are consistent.
fn looked_up(
    config: &Config,
    name: &str,
    inputs: &[(&str, &str)],
    ask: &Ask,
    mut then: impl FnMut(&mut Run<'_>, &Resolved, usize, &Found, bool) -> Result<()>,
) -> Vec<Document> {
    let question = match Question::artifacts(config, name, inputs, ask) {
        Ok(question) => question,
        Err(wrong) => return vec![*wrong; inputs.len()],
    };
    let mut run = Run::new(config, ask);
    let (outcome, noticed) = run.answer(&question);
    let consistent = outcome.set.as_ref().is_some_and(|set| set.root().content().consistent_snapshot());
    question.documents_once(&outcome, &noticed, |at, found| {
        let found = found.first().ok_or_else(|| crate::trust::internal("nothing was found"))?;
        then(&mut run, question.resolved(), at, found, consistent).map_err(|e| e.in_file(&found.path))
    })
}

/// Streams a target from where the configuration says that targets lie.
fn downloaded(
    run: &mut Run<'_>,
    resolved: &Resolved,
    found: &Found,
    folder: &Path,
    consistent: bool,
) -> Result<Downloaded> {
    let settings = match (&resolved.from, &resolved.targets) {
        (Source::Server(settings), _) => Some((**settings).clone()),
        (_, targets) => targets.clone().map(ServerSettings::new),
    };
    let fetcher = settings.map(|settings| WebFetcher::new(settings, &resolved.settings.name));
    let (until, ceiling) = (run.deadline(resolved), resolved.settings.limits.target);
    let content = || {
        // T-51: offline no code path opens a socket, and no file is taken from elsewhere.
        if resolved.settings.offline {
            return Err(Error::new(Code::StoreEmpty, "T-51", "offline, and the content is not there"));
        }
        let (Some(base), Some(fetcher)) = (&resolved.targets, &fetcher) else {
            let why = "where targets lie is not configured: targets-url of this server";
            return Err(Error::new(Code::ConfigValue, "T-41", why));
        };
        let url = below(base, &found.url_path(resolved.hash_prefix && consistent)?)?;
        Ok(Content { fetcher, base, url, ceiling, until, told: None })
    };
    run.wait(download::obtained(found, folder.join(found.local_name()), content))?
}
