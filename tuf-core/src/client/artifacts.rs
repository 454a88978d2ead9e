//! Release files of TUF 1.0 repositories: from configuration to verdict documents.

use super::config::{Config, Resolved};
use super::download::{self, Content, Downloaded};
use super::images::{about, look_up, notes};
use super::run::{Ask, Run};
use super::source::Source;
use crate::error::{Code, Error, Result};
use crate::image::collection_name;
use crate::metadata::Format;
use crate::transport::{ServerSettings, WebFetcher, below};
use crate::trust::{Found, Query, TagRule, Trusted};
use crate::verdict::{Document, Subject};
use std::collections::BTreeMap;
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
    let asked = [(subject("artifact", input, Some(path)), path)];
    let documents = with_targets(config, name, &asked, ask, |run, _, found, _| {
        run.wait(download::checked(found.check()?, content))?
    });
    let lost = || Document::of_error(&crate::trust::internal("a target was not answered"), name);
    documents.into_iter().next().unwrap_or_else(lost)
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
    let asked: Vec<_> = paths.iter().map(|path| (subject("artifact", path, Some(path)), path.as_str())).collect();
    let mut lie = BTreeMap::new();
    let documents = with_targets(config, name, &asked, ask, |run, resolved, found, consistent| {
        lie.insert(found.path.clone(), downloaded(run, resolved, found, folder, consistent)?.path);
        Ok(())
    });
    documents.into_iter().zip(paths).map(|(document, path)| (document, lie.get(path).cloned())).collect()
}

/// Brings a repository's metadata up to date.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn refresh(config: &Config, name: &str, ask: &Ask) -> Document {
    let mut run = Run::new(config, ask);
    let resolved = match resolve(config, name, ask) {
        Ok(resolved) => resolved,
        Err(e) => return Document::of_error(&e, name),
    };
    let (outcome, noticed) = look_up(&mut run, &resolved, Vec::new());
    let answer = outcome.refreshed.as_ref().map(|()| Vec::new()).map_err(Clone::clone);
    Document::of(&about(&resolved, subject("collection", name, None), name, noticed), &outcome, &answer, &[])
}

fn subject(kind: &'static str, input: &str, path: Option<&str>) -> Subject {
    Subject { kind, input: input.to_owned(), path: path.map(str::to_owned), ..Subject::default() }
}

fn resolve(config: &Config, name: &str, ask: &Ask) -> Result<Resolved> {
    let mut resolved = config.resolve(collection_name(name)?, ask.now, ask.injected, &ask.choices)?;
    if resolved.settings.wire.format != Format::Tuf1 {
        let why = "release files are looked up in TUF 1.0 repositories: format = \"tuf1\"";
        return Err(Error::new(Code::ConfigValue, "docs/verdict.md", why));
    }
    resolved.rule = TagRule::Search;
    Ok(resolved)
}

/// Looks targets up in one run; what is found counts once `then` has agreed.
fn with_targets(
    config: &Config,
    name: &str,
    asked: &[(Subject, &str)],
    ask: &Ask,
    mut then: impl FnMut(&mut Run<'_>, &Resolved, &Found, bool) -> Result<()>,
) -> Vec<Document> {
    let resolved = match resolve(config, name, ask) {
        Ok(resolved) => resolved,
        Err(e) => return asked.iter().map(|_| Document::of_error(&e, name)).collect(),
    };
    let mut run = Run::new(config, ask);
    let queries = asked.iter().map(|(_, path)| (Query::Name((*path).to_owned()), TagRule::Search)).collect();
    let (outcome, noticed) = look_up(&mut run, &resolved, queries);
    let consistent = outcome.set.as_ref().is_some_and(|set| set.root().content().consistent_snapshot());
    let mut document = |((subject, path), answer): (&(Subject, &str), &Result<Trusted>)| {
        let agreed = answer.as_ref().map_err(Clone::clone).and_then(|trusted| {
            let found = trusted.found.first().ok_or_else(|| crate::trust::internal("nothing was found"))?;
            then(&mut run, &resolved, found, consistent).map_err(|e| e.in_file(path))?;
            Ok(trusted.found.clone())
        });
        let about = about(&resolved, subject.clone(), name, noticed.clone());
        Document::of(&about, &outcome, &agreed, notes(answer.as_ref().ok()))
    };
    asked.iter().zip(&outcome.answers).map(&mut document).collect()
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
