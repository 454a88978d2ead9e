//! Release files of TUF 1.0 repositories: from configuration to verdict documents.

use super::config::{Config, Resolved};
use super::download::{self, Downloaded};
use super::images::{about, look_up, notes};
use super::run::{Ask, Run};
use super::source::Source;
use crate::error::{Code, Error, Result, shown};
use crate::image::collection_name;
use crate::metadata::Format;
use crate::transport::{Fetcher, Offered, WebFetcher};
use crate::trust::{Found, Outcome, Query, TagRule, Trusted};
use crate::verdict::{Document, Subject};
use std::io::Read;
use std::path::{Path, PathBuf};
use url::Url;

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
    let mut run = Run::new(config, ask);
    let subject = subject("artifact", input, Some(path));
    with_target(&mut run, name, path, subject, |run, _, found, _| {
        run.wait(download::checked(found.check()?, content))?
    })
}

/// Downloads the target `path` of the repository `name` into `folder`, under its local name, and
/// hands out where it lies.
///
/// # Errors
/// None: what is wrong stands in the document.
pub fn download_artifact(
    config: &Config,
    name: &str,
    path: &str,
    folder: &Path,
    ask: &Ask,
) -> (Document, Option<PathBuf>) {
    let mut run = Run::new(config, ask);
    let mut lies = None;
    let subject = subject("artifact", path, Some(path));
    let document = with_target(&mut run, name, path, subject, |run, resolved, found, consistent| {
        lies = Some(fetched(run, resolved, found, folder, consistent)?.path);
        Ok(())
    });
    (document, lies)
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

/// Looks a target up; what is found counts once `then` has agreed.
fn with_target(
    run: &mut Run<'_>,
    name: &str,
    path: &str,
    subject: Subject,
    then: impl FnOnce(&mut Run<'_>, &Resolved, &Found, bool) -> Result<()>,
) -> Document {
    let resolved = match resolve(run.config, name, run.ask) {
        Ok(resolved) => resolved,
        Err(e) => return Document::of_error(&e, name),
    };
    let (outcome, noticed) = look_up(run, &resolved, vec![(Query::Name(path.to_owned()), TagRule::Search)]);
    let answer = answered(&outcome).and_then(|trusted| {
        let found = trusted.found.first().ok_or_else(|| crate::trust::internal("nothing was found"))?;
        let consistent = outcome.set.as_ref().is_some_and(|set| set.root().content().consistent_snapshot());
        then(run, &resolved, found, consistent).map_err(|e| e.in_file(path))?;
        Ok(trusted.found.clone())
    });
    let warnings = answered(&outcome);
    Document::of(&about(&resolved, subject, name, noticed), &outcome, &answer, notes(&warnings))
}

fn answered(outcome: &Outcome) -> Result<Trusted> {
    outcome.answers.first().cloned().unwrap_or_else(|| Err(crate::trust::internal("a look-up was not answered")))
}

/// Streams a target from where the configuration says that targets lie.
fn fetched(
    run: &mut Run<'_>,
    resolved: &Resolved,
    found: &Found,
    folder: &Path,
    consistent: bool,
) -> Result<Downloaded> {
    let path = folder.join(found.local_name());
    if let Some(file) = run.wait(download::already_there(found.check()?, &path))? {
        return Ok(Downloaded { path, file, fetched: false });
    }
    let targets = resolved.targets.as_ref().ok_or_else(|| {
        Error::new(Code::ConfigValue, "T-41", "where targets lie is not configured: targets-url of this server")
    })?;
    let length = found.target.length().unwrap_or(0);
    if length > resolved.settings.limits.target {
        return Err(Error::new(Code::LimitBytes, "T-41", format!("`{}` is above our ceiling", shown(&found.path)))
            .values(format_args!("at most {} bytes", resolved.settings.limits.target), length));
    }
    let url = joined(targets, &found.url_path(resolved.hash_prefix && consistent)?)?;
    let settings = match &resolved.from {
        Source::Server(settings) => (**settings).clone(),
        _ => crate::transport::ServerSettings::new(targets.clone()),
    };
    let fetcher = WebFetcher::new(settings, &resolved.settings.name);
    let until = run.deadline(resolved);
    let work = async {
        match fetcher.open(&url, until).await? {
            Offered::NotFound(words) => {
                let message = format!("the server does not have the content of `{}`", shown(&found.path));
                Err(Error::new(Code::MissingTarget, "T-41 (TUF 5.7.3)", message)
                    .for_role(&found.role)
                    .values("the file", words))
            }
            Offered::Body(mut body) => download::written(found.check()?, body.as_mut(), &path).await,
        }
    };
    let file = run.wait(work)??;
    Ok(Downloaded { path, file, fetched: true })
}

fn joined(base: &Url, path: &str) -> Result<Url> {
    base.join(&format!("./{path}"))
        .map_err(|e| Error::new(Code::NetworkStatus, "T-42", format!("a target's path makes no URL: {e}")))
}
