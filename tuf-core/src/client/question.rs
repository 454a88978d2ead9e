//! A question to one repository: what is looked up in one run, and how its outcome becomes verdicts.
//!
//! Whoever drives the run, the blocking client, an async one or a host with its own HTTP stack,
//! asks in these words and gets these documents.

use super::config::{Config, Resolved};
use super::download::ToFetch;
use super::run::{Ask, store_of};
use crate::crypto::hex;
use crate::error::{Code, Error, Result, shown};
use crate::image::{Reference, collection_name};
use crate::metadata::Format;
use crate::store::Store;
use crate::transport::below;
use crate::trust::{Found, Job, Outcome, Query, Trusted, start};
use crate::verdict::{Circumstances, Document, Names, Subject};
use std::time::{Duration, Instant};
use url::Url;

/// How long a host's own thread, which may be an event loop's, waits for another process's lock.
const HOST_WAIT: Duration = Duration::from_secs(1);

/// What is asked of one repository in one run.
///
/// ```
/// use tuf_core::client::{Ask, Choices, Config, Place, Question};
/// use tuf_core::{time::Time, trust::Step};
/// let config = Config::from_text(
///     "[server.\"registry.example/\"]\nurl = \"https://trust.example\"\n[trust.\"registry.example/\"]\ntofu = true",
///     "/etc".as_ref(),
/// )?;
/// let now = Time::parse("2030-01-01T00:00:00Z")?;
/// let ask = Ask { now, injected: true, choices: Choices::default(), gun: None, place: Place::Memory };
/// let question = Question::image(&config, "registry.example/app:1.0", &ask).expect("it can be asked");
/// let mut job = question.start();
/// assert!(matches!(job.step(), Step::Load { .. }), "a job to be driven, then question.documents(…)");
/// # Ok::<(), tuf_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Question {
    resolved: Resolved,
    asked: Vec<Asked>,
}

/// One subject of a question.
#[derive(Clone, Debug)]
struct Asked {
    subject: Subject,
    /// What pinned references begin with.
    name: String,
    names: Names,
    /// None where the metadata are only brought up to date.
    query: Option<Query>,
    /// The digest that the answer must have (N-34).
    digest: Option<[u8; 32]>,
    warnings: Vec<Error>,
}

impl Question {
    /// Whether an image reference is what its publisher signed.
    ///
    /// # Errors
    /// The document of a question that cannot be asked: `usage.reference`, `config.*`.
    pub fn image(config: &Config, input: &str, ask: &Ask) -> Result<Self, Box<Document>> {
        let (reference, gun) = image_name(input, ask)?;
        let resolved = resolve(config, &gun, ask)?;
        let asked = Asked::image(&reference, resolved.settings.wire.format);
        Ok(Question { resolved, asked: vec![asked] })
    }

    /// Everything that is signed for images of the collection `gun`.
    ///
    /// # Errors
    /// Those of [`Question::image`].
    pub fn list(config: &Config, gun: &str, ask: &Ask) -> Result<Self, Box<Document>> {
        let resolved = resolve(config, gun, ask)?;
        let asked = match resolved.settings.wire.format {
            Format::Notary1 => Asked::all(gun, Names::Tags),
            // Images go by their full name there, host included.
            Format::Tuf1 => {
                let name = Reference::parse(gun).map_err(|e| Box::new(Document::of_error(&e, gun)))?;
                Asked { name: name.name().to_owned(), ..Asked::all(gun, Names::Images) }
            }
        };
        Ok(Question { resolved, asked: vec![asked] })
    }

    /// Targets of the TUF 1.0 repository `name`, by their paths; `input` is what the user gave of
    /// each, with its path.
    ///
    /// # Errors
    /// Those of [`Question::image`].
    pub fn artifacts(config: &Config, name: &str, inputs: &[(&str, &str)], ask: &Ask) -> Result<Self, Box<Document>> {
        let resolved = artifact_repository(config, name, ask)?;
        let asked = inputs.iter().map(|(input, path)| Asked {
            subject: subject("artifact", input, Some(path)),
            query: Some(Query::Name((*path).to_owned())),
            ..Asked::all(name, Names::Paths)
        });
        Ok(Question { resolved, asked: asked.collect() })
    }

    /// Every target that the TUF 1.0 repository `name` answers with.
    ///
    /// # Errors
    /// Those of [`Question::image`].
    pub fn artifact_list(config: &Config, name: &str, ask: &Ask) -> Result<Self, Box<Document>> {
        let resolved = artifact_repository(config, name, ask)?;
        Ok(Question { resolved, asked: vec![Asked::all(name, Names::Paths)] })
    }

    /// Whether the TUF 1.0 repository `name` is complete and current.
    ///
    /// # Errors
    /// Those of [`Question::image`].
    pub fn refresh(config: &Config, name: &str, ask: &Ask) -> Result<Self, Box<Document>> {
        let resolved = artifact_repository(config, name, ask)?;
        Ok(Question { resolved, asked: vec![Asked { query: None, ..Asked::all(name, Names::Paths) }] })
    }

    /// What it is judged by, and where it is asked.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The run.
    pub fn start(&self) -> Job<Outcome> {
        let rule = &self.resolved.rule;
        let queries = self.asked.iter().filter_map(|a| Some((a.query.clone()?, rule.clone()))).collect();
        start(self.resolved.settings.clone(), queries)
    }

    /// The store of a run that begins now, and that the host drives: for another process's lock it waits
    /// a second at most, since nobody can give up inside a call.
    pub fn store(&self, config: &Config, ask: &Ask) -> Box<dyn Store + Send> {
        store_of(config, ask, &self.resolved, self.resolved.deadline(Instant::now()), HOST_WAIT)
    }

    /// Where the content of a target lies that a run found; None if the configuration does not say
    /// where targets lie.
    ///
    /// # Errors
    /// `target.path`, `target.no-digest`.
    pub fn target_url(&self, outcome: &Outcome, found: &Found) -> Result<Option<Url>> {
        let Some(base) = &self.resolved.targets else { return Ok(None) };
        let consistent = outcome.set.as_ref().is_some_and(|set| set.root().content().consistent_snapshot());
        below(base, &found.url_path(self.resolved.hash_prefix && consistent)?).map(Some)
    }

    /// What is to be fetched for the content of a target that a run found.
    ///
    /// # Errors
    /// `store.empty` offline, `config.value` if the configuration does not say where targets lie,
    /// `limit.bytes`; those of [`Question::target_url`].
    pub fn to_fetch(&self, outcome: &Outcome, found: &Found) -> Result<ToFetch<'_>> {
        let place = || {
            // T-51: offline no code path opens a socket, and no file is taken from elsewhere.
            if self.resolved.settings.offline {
                return Err(Error::new(Code::StoreEmpty, "T-51", "offline, and the content is not there"));
            }
            let (Some(base), Some(url)) = (&self.resolved.targets, self.target_url(outcome, found)?) else {
                let why = "where targets lie is not configured: targets-url of this server";
                return Err(Error::new(Code::ConfigValue, "T-41", why));
            };
            ToFetch::new(found, base, url, self.resolved.settings.limits.target)
        };
        place().map_err(|e| e.in_file(&found.path))
    }

    /// How many look-ups the run answers.
    pub(super) fn queries(&self) -> usize {
        self.asked.iter().filter(|a| a.query.is_some()).count()
    }

    /// One document for each subject, in order; `noticed` is what the store said of itself.
    pub fn documents(&self, outcome: &Outcome, noticed: &[Error]) -> Vec<Document> {
        self.documents_once(outcome, noticed, |_, _| Ok(()))
    }

    /// The same, where a subject's answer counts once `then` has agreed: it is given the subject's
    /// number and what was found.
    pub fn documents_once(
        &self,
        outcome: &Outcome,
        noticed: &[Error],
        mut then: impl FnMut(usize, &[Found]) -> Result<()>,
    ) -> Vec<Document> {
        let mut answers = outcome.answers.iter();
        let mut documents = Vec::with_capacity(self.asked.len());
        for (at, asked) in self.asked.iter().enumerate() {
            let nothing = outcome.refreshed.clone().map(|()| Trusted::default());
            let lost = || Err(crate::trust::internal("a query was not answered"));
            let answer = match &asked.query {
                Some(_) => answers.next().cloned().unwrap_or_else(lost),
                None => nothing,
            };
            let judged = answer.clone().and_then(|trusted| {
                let found = asked.judge(trusted.found)?;
                then(at, &found).map(|()| found)
            });
            let about = Circumstances {
                subject: asked.subject.clone(),
                name: &asked.name,
                names: asked.names,
                settings: &self.resolved.settings,
                rule: self.resolved.rule.to_words(),
                pin: self.resolved.pin.clone(),
                source: self.resolved.source.clone(),
                warnings: [&asked.warnings, &self.resolved.warnings, noticed].concat(),
            };
            let notes = answer.map(|trusted| trusted.warnings).unwrap_or_default();
            documents.push(Document::of(&about, outcome, &judged, &notes));
        }
        documents
    }

    /// Takes another question in, if one run answers both; else it is handed back.
    pub(super) fn join(&mut self, other: Question) -> Result<(), Box<Question>> {
        let (a, b) = (&self.resolved, &other.resolved);
        let same = a.settings.name == b.settings.name
            && a.settings.pin == b.settings.pin
            && a.settings.wire == b.settings.wire
            && a.settings.mode == b.settings.mode
            && a.rule == b.rule
            && a.server == b.server;
        if !same {
            return Err(Box::new(other));
        }
        self.asked.extend(other.asked);
        Ok(())
    }

    /// Takes an image of a collection in that this question was made for.
    pub(super) fn add_image(&mut self, reference: &Reference) {
        self.asked.push(Asked::image(reference, self.resolved.settings.wire.format));
    }
}

/// A reference that was read, and the collection that it is looked up in.
pub(super) fn image_name(input: &str, ask: &Ask) -> Result<(Reference, String), Box<Document>> {
    let read = || {
        let reference = Reference::parse(input)?;
        let gun = collection_name(ask.gun.as_deref().unwrap_or(reference.name()))?.to_owned();
        Ok((reference, gun))
    };
    read().map_err(|e: Error| Box::new(Document::of_error(&e, input)))
}

fn resolve(config: &Config, name: &str, ask: &Ask) -> Result<Resolved, Box<Document>> {
    let resolved = collection_name(name).and_then(|n| config.resolve(n, ask.now, ask.injected, &ask.choices));
    resolved.map_err(|e| Box::new(Document::of_error(&e, name)))
}

fn artifact_repository(config: &Config, name: &str, ask: &Ask) -> Result<Resolved, Box<Document>> {
    let resolved = resolve(config, name, ask)?;
    if resolved.settings.wire.format == Format::Tuf1 {
        return Ok(resolved);
    }
    let why = "release files are looked up in TUF 1.0 repositories: format = \"tuf1\"";
    let e = Error::new(Code::ConfigValue, "docs/verdict.md", why);
    Err(Box::new(Document::of_error(&e, name)))
}

fn subject(kind: &'static str, input: &str, path: Option<&str>) -> Subject {
    Subject { kind, input: input.to_owned(), path: path.map(str::to_owned), ..Subject::default() }
}

impl Asked {
    fn all(name: &str, names: Names) -> Self {
        let (subject, name) = (subject("collection", name, None), name.to_owned());
        Asked { subject, name, names, query: Some(Query::All), digest: None, warnings: Vec::new() }
    }

    /// A tag is looked up by name; a digest alone by what is signed of it (N-34), in TUF 1.0 under a
    /// path of its own (decision 12).
    fn image(reference: &Reference, format: Format) -> Self {
        let digest = reference.digest();
        let path = match format {
            Format::Notary1 => None,
            Format::Tuf1 => Some(reference.target_path()),
        };
        let query = match (&path, reference.tag(), digest) {
            (Some(path), ..) => Query::Name(path.clone()),
            (None, None, Some(digest)) => Query::Digest(digest),
            (None, tag, _) => Query::Name(tag.unwrap_or("latest").to_owned()),
        };
        let names = if path.is_some() { Names::Images } else { Names::Tags };
        let subject = Subject {
            tag: reference.tag().map(str::to_owned),
            digest: digest.map(|d| format!("sha256:{}", hex(&d))),
            ..subject("image", reference.input(), path.as_deref())
        };
        let name = reference.name().to_owned();
        Asked { subject, name, names, query: Some(query), digest, warnings: implied(reference) }
    }

    /// What counts of an answer: of a list, what belongs to the collection; of an image, one with
    /// the digest that was asked for.
    fn judge(&self, mut found: Vec<Found>) -> Result<Vec<Found>> {
        if self.subject.kind == "collection" {
            found.retain(|f| self.names != Names::Images || crate::image::tag_of(&self.name, &f.path).is_some());
            return Ok(found);
        }
        let Some(first) = found.first().filter(|_| self.subject.kind == "image") else { return Ok(found) };
        let signed = first.target.hashes().sha256;
        if signed.is_none() {
            let why = format!("`{}` is signed without a SHA-256, which an image's digest is", shown(&first.path));
            return Err(Error::new(Code::TargetNoDigest, "N-5", why).for_role(&first.role));
        }
        match self.digest {
            Some(wanted) if signed != Some(wanted) => {
                let text = |d: &[u8; 32]| format!("sha256:{}", hex(d));
                let what = if self.subject.tag.is_some() { "the tag " } else { "" };
                let path = self.subject.tag.as_deref().unwrap_or(&first.path);
                let why = format!("{what}`{}` is signed, with another digest", shown(path));
                Err(Error::new(Code::TargetOtherDigest, "N-34", why)
                    .for_role(&first.role)
                    .values(signed.as_ref().map(text).unwrap_or_default(), text(&wanted)))
            }
            _ => Ok(found),
        }
    }
}

fn implied(reference: &Reference) -> Vec<Error> {
    if !reference.implied_latest() {
        return Vec::new();
    }
    let message = format!("`{}` names no tag: `latest` was looked up", shown(reference.input()));
    let warning = Error::new(Code::ReferenceLatest, "N-35", message);
    vec![warning.with_hint("name the tag or the digest that you mean to deploy")]
}
