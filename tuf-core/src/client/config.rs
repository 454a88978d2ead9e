//! The configuration that all languages share: one TOML file, and `trust.toml` beside it.
//!
//! A prefix is a whole name or ends at a `/`; the longest wins (N-9).

use super::keys::{
    AgeKeys, File, FormatKey, KeyIdsKey, LimitKeys, ModeKey, Policy, Server, TagRuleKey, Trust, UnreachableKey,
};
use super::run::{Cancel, Progress};
use super::source::{Files, Source};
use crate::certificate::Authority;
use crate::error::{Code, Error, Result, shown};
use crate::metadata::Format;
use crate::time::Time;
use crate::transport::{Credentials, FolderTransport, MemoryTransport, Times, Transport, below, metadata_url};
use crate::trust::{Mode, Pin, Settings, TagRule, Unreachable};
use crate::verdict::PinSource;
use crate::wire::KeyIds;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use url::Url;

/// A configuration, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    servers: BTreeMap<String, Server>,
    trust: BTreeMap<String, Trust>,
    policies: BTreeMap<String, Policy>,
    limits: LimitKeys,
    ages: AgeKeys,
    cache: Option<PathBuf>,
    proxy: Option<String>,
    store_owner: Option<u32>,
}

/// What the user chose for one run, over the configuration.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The mode.
    pub mode: Option<Mode>,
    /// The tag rule.
    pub tag_rule: Option<TagRule>,
    /// Ask the store alone.
    pub offline: bool,
    /// Write nothing.
    pub no_persist: bool,
    /// How long the whole run may take.
    pub time_limit: Option<Duration>,
    /// Where passwords are found; none are used without.
    pub credentials: Option<Credentials>,
    /// Who asks, where the configuration does not say it.
    pub user_agent: Option<String>,
    /// Told while a server is waited for.
    pub progress: Option<Progress>,
    /// Gives the run up.
    pub cancel: Option<Cancel>,
}

/// Everything about one collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolved {
    /// What it is judged by.
    pub settings: Settings,
    /// Whose word counts.
    pub rule: TagRule,
    /// Where the pin comes from.
    pub pin: PinSource,
    /// The source as configured.
    pub source: String,
    /// Where it leads.
    pub from: Source,
    /// The prefix of the server's entry: its connections are shared.
    pub server: String,
    /// Where targets lie.
    pub targets: Option<Url>,
    /// Whether a target's file name begins with its hash where consistent snapshots are on.
    pub hash_prefix: bool,
    /// How long things may take.
    pub times: Times,
    /// What is to be said of the source in any case.
    pub warnings: Vec<Error>,
}

impl Resolved {
    /// What answers without a server: a folder, files in memory, or, offline, nothing at all (T-51:
    /// no code path opens a socket). None where a server is to be asked.
    pub fn at_hand(&self) -> Option<Box<dyn Transport + Send>> {
        Some(match &self.from {
            Source::Folder(folder) => Box::new(FolderTransport::new(folder)),
            Source::Folders(base) => Box::new(FolderTransport::below(base, &self.settings.name)),
            Source::Memory(files) => Box::new(MemoryTransport::new(files.clone())),
            Source::Server(_) if self.settings.offline => Box::new(MemoryTransport::default()),
            Source::Server(_) => return None,
        })
    }

    /// The whole URL of a metadata file, by its path in a request; None where no server is asked.
    ///
    /// # Errors
    /// `config.value`, `network.status` if they make no URL below the server's.
    pub fn request_url(&self, path: &str) -> Result<Option<Url>> {
        let Source::Server(server) = &self.from else { return Ok(None) };
        let base = metadata_url(&server.url, &self.settings.name, self.settings.wire.format)?;
        below(&base, path).map(Some)
    }

    /// When a run that began then must be over.
    pub(super) fn deadline(&self, began: Instant) -> Instant {
        // What cannot be added is beyond any run: a day is too.
        let end = |total| began.checked_add(total);
        end(self.times.total).or_else(|| end(Duration::from_secs(86_400))).unwrap_or(began)
    }
}

impl Config {
    /// Reads the configuration file, and `trust.toml` beside it if it is there. A file that is not
    /// there is empty, unless `must_exist`.
    ///
    /// # Errors
    /// `usage.file`, `config.*`; the message holds line and place.
    pub fn read(file: &Path, must_exist: bool) -> Result<Self> {
        let trust = text_of(&beside(file), false)?;
        Config::read_with(file, must_exist, trust.as_deref().unwrap_or_default())
    }

    /// [`Config::read`] with this text as `trust.toml`.
    ///
    /// # Errors
    /// Those of [`Config::read`].
    pub fn read_with(file: &Path, must_exist: bool, trust: &str) -> Result<Self> {
        if is_trust_file(file) {
            let why = "trust.toml is read beside a configuration, and is none itself";
            return Err(Error::new(Code::ConfigValue, "docs/verdict.md", why).in_file(&file.display().to_string()));
        }
        let mut config = Config::default();
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        if let Some(text) = text_of(file, must_exist)? {
            config.add(&text, folder, &file.display().to_string(), false)?;
        }
        config.add(trust, folder, &beside(file).display().to_string(), true)?;
        Ok(config)
    }

    /// A configuration from text; relative paths are relative to `folder`. Where a file would be named,
    /// verdicts and errors say `configuration text`.
    ///
    /// # Errors
    /// `config.*`.
    pub fn from_text(text: &str, folder: &Path) -> Result<Self> {
        let mut config = Config::default();
        config.add(text, folder, "configuration text", false)?;
        Ok(config)
    }

    /// Takes text in: relative paths are relative to `folder`; `file` is what it is called.
    fn add(&mut self, text: &str, folder: &Path, file: &str, only_trust: bool) -> Result<()> {
        let read: File = toml::from_str(text).map_err(|e| unreadable(&e, file))?;
        for (prefix, mut server) in read.server {
            check_prefix(&prefix, file)?;
            server.folder = folder.to_owned();
            server.check().map_err(|e| e.in_file(file))?;
            no_twin(self.servers.insert(prefix.clone(), server).is_some(), &prefix, file)?;
        }
        for (prefix, mut trust) in read.trust {
            check_prefix(&prefix, file)?;
            trust.load(folder, &prefix, file)?;
            no_twin(self.trust.insert(prefix.clone(), trust).is_some(), &prefix, file)?;
        }
        for (prefix, policy) in read.policy {
            check_prefix(&prefix, file)?;
            policy.rule(&prefix, file)?;
            no_twin(self.policies.insert(prefix.clone(), policy).is_some(), &prefix, file)?;
        }
        for (prefix, server) in &self.servers {
            let twin = format!("{prefix}/");
            let tuf = |server: &Server| matches!(server.format, FormatKey::Tuf1);
            if tuf(server) && self.servers.get(&twin).is_some_and(tuf) {
                let why = "a TUF 1.0 repository of this name is configured with and without `/` at its end";
                return Err(value(file, prefix, why));
            }
        }
        if only_trust {
            let nothing_else = read.limits.is_none()
                && read.age.is_none()
                && read.cache.is_none()
                && read.proxy.is_none()
                && read.store_owner.is_none();
            let refuse = || {
                let why = "trust.toml holds [trust], [server] and [policy]: all else belongs into the configuration";
                Error::new(Code::ConfigUnknownKey, "docs/verdict.md", why).in_file(file)
            };
            return if nothing_else { Ok(()) } else { Err(refuse()) };
        }
        (self.limits, self.ages) = (read.limits.unwrap_or_default(), read.age.unwrap_or_default());
        self.cache = read.cache.map(|c| folder.join(c));
        (self.proxy, self.store_owner) = (read.proxy, read.store_owner);
        Ok(())
    }

    /// The folder of the stores, if configured.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// A user who may own the stores' folders, beside this one and root.
    pub fn store_owner(&self) -> Option<u32> {
        self.store_owner
    }

    /// Serves the collection `name` from files in memory, as `memory:`; what else is configured for
    /// its server stays.
    pub fn serve_from_memory(&mut self, name: &str, files: Files) {
        let configured = longest(&self.servers, name, |_| true).cloned().unwrap_or_default();
        let server = Server { url: "memory:".to_owned(), files: Some(files), ..configured };
        self.servers.insert(name.to_owned(), server);
    }

    /// The pins whose prefix is or covers `name` (all, without one): prefix, origin, pin.
    pub fn pins(&self, name: Option<&str>) -> Vec<(&str, PinSource, &Pin)> {
        let wanted = self.trust.iter().filter(|(prefix, _)| name.is_none_or(|name| covers(prefix, name)));
        wanted.filter_map(|(prefix, t)| Some((prefix.as_str(), t.source(), t.pin.as_ref()?))).collect()
    }

    /// Everything about the collection `name` at `now`.
    ///
    /// # Errors
    /// `config.no-server`, `config.no-pin`, `config.value`.
    pub fn resolve(&self, name: &str, now: Time, injected: bool, choices: &Choices) -> Result<Resolved> {
        let pin = || {
            let trust = self.pin_for(name)?;
            Ok((trust.pin.clone().ok_or_else(|| no_pin(name))?, trust.source()))
        };
        self.resolve_with(name, now, injected, choices, pin)
    }

    /// [`Config::resolve`] for what is only shown: no pin is asked for.
    pub(super) fn resolve_unpinned(
        &self,
        name: &str,
        now: Time,
        injected: bool,
        choices: &Choices,
    ) -> Result<Resolved> {
        let nobody = PinSource { kind: "none", from: String::new() };
        self.resolve_with(name, now, injected, choices, || Ok((Pin::FirstUse, nobody)))
    }

    fn resolve_with(
        &self,
        name: &str,
        now: Time,
        injected: bool,
        choices: &Choices,
        pin: impl FnOnce() -> Result<(Pin, PinSource)>,
    ) -> Result<Resolved> {
        let (prefix, server) = longest_entry(&self.servers, name, |_| true).ok_or_else(|| {
            Error::new(Code::ConfigNoServer, "docs/verdict.md", format!("no server is configured for {}", shown(name)))
                .values(format_args!("[server.\"{}\"] or a shorter prefix that ends at `/`", shown(name)), "none")
        })?;
        let (pin, pinned_by) = pin().map_err(|e| match server.format {
            FormatKey::Tuf1 if e.code() == Code::ConfigNoPin => e.with_hint(format!(
                "pin the root file that its publisher gives you: verify-cli tuf init {} FILE",
                shown(name)
            )),
            _ => e,
        })?;
        let format = match server.format {
            FormatKey::Notary1 => Format::Notary1,
            FormatKey::Tuf1 => Format::Tuf1,
        };
        let policy = longest(&self.policies, name, |_| true);
        let mode = choices.mode.or_else(|| policy.and_then(Policy::mode)).unwrap_or_default();
        let rule = match (&choices.tag_rule, policy) {
            _ if format == Format::Tuf1 => {
                only_searched(name, choices, policy)?;
                TagRule::Search
            }
            (Some(rule), _) => rule.clone(),
            (None, Some(policy)) => policy.rule(name, "")?.unwrap_or(TagRule::ReleasesFirst),
            (None, None) => TagRule::ReleasesFirst,
        };
        let repository = server.repository(prefix, name);
        let mut settings = Settings::new(repository, format, pin, now).mode(mode);
        settings.wire.key_ids = match policy.and_then(|p| p.key_ids) {
            None | Some(KeyIdsKey::Opaque) => KeyIds::Opaque,
            Some(KeyIdsKey::Computed) => KeyIds::Computed,
        };
        settings.injected = injected;
        settings.offline = choices.offline;
        settings.no_persist = choices.no_persist;
        settings.unreachable = match server.when_unreachable {
            UnreachableKey::Refuse => Unreachable::Refuse,
            UnreachableKey::UseCache => Unreachable::UseCache,
        };
        if let Some(forbidden_is_missing) = server.forbidden_is_missing {
            settings.forbidden_is_missing = forbidden_is_missing;
        }
        self.limits.apply(&mut settings.limits);
        self.ages.apply(&mut settings.ages);
        let from = server.source(name, &self.limits, self.proxy.as_deref(), choices)?;
        let (source, warnings) = (server.url.clone(), super::source::warnings(&from));
        let mut times = self.limits.times();
        times.total = choices.time_limit.unwrap_or(times.total);
        Ok(Resolved {
            settings,
            rule,
            pin: pinned_by,
            source,
            from,
            server: prefix.to_owned(),
            targets: server.targets(repository)?,
            hash_prefix: server.hash_prefix.unwrap_or(true),
            times,
            warnings,
        })
    }

    /// N-9: certificate ids or a root file by the longest prefix, then an authority, then trust on
    /// first use if it is asked for.
    fn pin_for(&self, name: &str) -> Result<&Trust> {
        let named = |t: &Trust| t.certificate_ids.is_some() || t.root.is_some();
        longest(&self.trust, name, named)
            .or_else(|| longest(&self.trust, name, |t| t.ca.is_some()))
            .or_else(|| longest(&self.trust, name, |t| t.tofu))
            .ok_or_else(|| no_pin(name))
    }
}

/// TUF 1.0 has one way to search, and one mode: what a user demands beside is not passed over.
fn only_searched(name: &str, choices: &Choices, policy: Option<&Policy>) -> Result<()> {
    let refuse = |code, what: &str, hint: &str| {
        let why = format!("{what} for Notary collections; {} comes from a TUF 1.0 repository", shown(name));
        Err(Error::new(code, "decision 12", why).with_hint(hint))
    };
    if choices.tag_rule.is_some() || choices.mode == Some(Mode::Compatible) {
        let hint = "ask without them: whose word counts is what the repository's delegations say";
        return refuse(Code::UsageFlag, "--role, --tag-rule and compatible mode are", hint);
    }
    let Some(policy) = policy else { return Ok(()) };
    if policy.rule(name, "")?.is_some() || policy.mode() == Some(Mode::Compatible) {
        let hint = "a longer prefix with a policy of its own goes before it";
        return refuse(Code::ConfigValue, "tag-rule, required-roles and compatible mode are", hint);
    }
    Ok(())
}

fn no_pin(name: &str) -> Error {
    Error::new(Code::ConfigNoPin, "N-9", format!("nothing is pinned for {}: there is nobody to trust yet", shown(name)))
        .values(format_args!("[trust.\"{}\"] or a shorter prefix that ends at `/`", shown(name)), "none")
}

fn is_trust_file(file: &Path) -> bool {
    file.file_name().is_some_and(|n| n == "trust.toml")
}

fn beside(file: &Path) -> PathBuf {
    file.with_file_name("trust.toml")
}

fn text_of(file: &Path, must_exist: bool) -> Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(e) => {
            Err(Error::new(Code::UsageFile, "docs/verdict.md", format!("the configuration file cannot be read: {e}"))
                .in_file(&file.display().to_string()))
        }
    }
}

/// An unknown key suggests the right one; anything else shows line and caret.
fn unreadable(e: &toml::de::Error, file: &str) -> Error {
    let text = e.to_string();
    let unknown = e.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((key, rest)) = unknown else {
        return Error::new(Code::ConfigValue, "docs/verdict.md", text.trim_end().to_owned()).in_file(file);
    };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let near = known.iter().max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key)));
    let e = Error::new(Code::ConfigUnknownKey, "docs/verdict.md", text.trim_end().to_owned())
        .in_file(file)
        .values(known.join(", "), shown(key));
    match near {
        Some(near) => {
            e.with_hint(format!("did you mean `{near}`? To see whether the file is sound: verify-cli trust show"))
        }
        None => e,
    }
}

fn value(file: &str, prefix: &str, why: &str) -> Error {
    Error::new(Code::ConfigValue, "docs/verdict.md", format!("[\"{}\"]: {why}", shown(prefix))).in_file(file)
}

fn check_prefix(prefix: &str, file: &str) -> Result<()> {
    if prefix.contains('*') {
        return Err(value(file, prefix, "a prefix is a whole name, or ends at `/`; a star is not part of it"));
    }
    let name = prefix.strip_suffix('/').unwrap_or(prefix);
    crate::image::collection_name(name)
        .map(drop)
        .map_err(|_| value(file, prefix, "a prefix is a whole name, or ends at `/`"))
}

fn no_twin(twice: bool, prefix: &str, file: &str) -> Result<()> {
    if twice { Err(value(file, prefix, "this prefix is configured twice")) } else { Ok(()) }
}

fn covers(prefix: &str, name: &str) -> bool {
    prefix == name || (prefix.ends_with('/') && name.starts_with(prefix))
}

fn longest<'c, T>(entries: &'c BTreeMap<String, T>, name: &str, counts: impl Fn(&T) -> bool) -> Option<&'c T> {
    longest_entry(entries, name, counts).map(|(_, entry)| entry)
}

fn longest_entry<'c, T>(
    entries: &'c BTreeMap<String, T>,
    name: &str,
    counts: impl Fn(&T) -> bool,
) -> Option<(&'c str, &'c T)> {
    let fitting = entries.iter().filter(|(prefix, entry)| covers(prefix, name) && counts(entry));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(prefix, entry)| (prefix.as_str(), entry))
}

impl Trust {
    fn load(&mut self, folder: &Path, prefix: &str, file: &str) -> Result<()> {
        self.from = file.to_owned();
        let read = |path: &Path| {
            std::fs::read(folder.join(path)).map_err(|e| {
                Error::new(Code::UsageFile, "N-9", format!("a pinned file cannot be read: {e}"))
                    .in_file(&path.display().to_string())
            })
        };
        let mut pins = Vec::new();
        if let Some(ids) = &self.certificate_ids {
            let id =
                |id: &String| id.len() == 64 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if ids.is_empty() || !ids.iter().all(id) {
                return Err(value(file, prefix, "certificate-ids are 64 lower-case hex digits each"));
            }
            pins.push(Pin::CertificateIds(ids.clone()));
        }
        if let Some(path) = &self.ca {
            pins.push(Pin::Authority(
                Authority::from_pem(&read(path)?).map_err(|e| e.in_file(&path.display().to_string()))?,
            ));
        }
        if let Some(path) = &self.root {
            pins.push(Pin::Root(read(path)?));
        }
        if self.tofu {
            pins.push(Pin::FirstUse);
        }
        if pins.len() > 1 {
            return Err(value(file, prefix, "one pin for a prefix: certificate-ids, ca, root or tofu"));
        }
        self.pin = pins.pop();
        Ok(())
    }

    fn source(&self) -> PinSource {
        let kind = match self.pin {
            Some(Pin::CertificateIds(_)) => "certificate-ids",
            Some(Pin::Authority(_)) => "ca",
            Some(Pin::Root(_)) => "root",
            Some(Pin::FirstUse) => "first-use",
            None => "none",
        };
        PinSource { kind, from: self.from.clone() }
    }
}

impl Policy {
    fn mode(&self) -> Option<Mode> {
        self.mode.map(|mode| match mode {
            ModeKey::Strict => Mode::Strict,
            ModeKey::Compatible => Mode::Compatible,
        })
    }

    fn rule(&self, prefix: &str, file: &str) -> Result<Option<TagRule>> {
        match (&self.required_roles, self.required_count, self.tag_rule) {
            (Some(_), _, Some(_)) => Err(value(file, prefix, "required-roles replace the tag rule: one of the two")),
            (Some(roles), count, None) => required(roles, count).map(Some).map_err(|why| value(file, prefix, &why)),
            (None, Some(_), _) => Err(value(file, prefix, "required-count goes with required-roles")),
            (None, None, Some(TagRuleKey::ReleasesFirst)) => Ok(Some(TagRule::ReleasesFirst)),
            (None, None, Some(TagRuleKey::TargetsFirst)) => Ok(Some(TagRule::TargetsFirst)),
            (None, None, None) => Ok(None),
        }
    }
}

/// N-32: these roles, of which `count` (all, without one) must agree.
///
/// # Errors
/// What is wrong with them.
pub fn required(roles: &[String], count: Option<usize>) -> std::result::Result<TagRule, String> {
    let count = count.unwrap_or(roles.len());
    let once: std::collections::BTreeSet<&String> = roles.iter().collect();
    let known = |r: &&String| *r == "targets" || r.starts_with("targets/");
    if let Some(role) = roles.iter().find(|r| !known(r)) {
        return Err(format!("a required role is `targets` or `targets/…`, not `{}`", shown(role)));
    }
    if once.len() != roles.len() {
        return Err("a required role is named twice".to_owned());
    }
    if count == 0 || count > roles.len() {
        return Err(format!("{count} of {} required roles cannot agree", roles.len()));
    }
    Ok(TagRule::Required { roles: roles.to_vec(), count })
}
