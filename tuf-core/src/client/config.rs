//! The configuration that all languages share: one TOML file, and `trust.toml` beside it.
//!
//! A prefix is a whole name or ends at a `/`; the longest wins (N-9).

use crate::certificate::Authority;
use crate::error::{Code, Error, Result, shown};
use crate::limits::Limits;
use crate::metadata::Format;
use crate::time::Time;
use crate::trust::{Ages, Mode, Pin, Settings, TagRule, Unreachable};
use crate::verdict::PinSource;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A configuration, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    servers: BTreeMap<String, Server>,
    trust: BTreeMap<String, Trust>,
    policies: BTreeMap<String, Policy>,
    limits: LimitKeys,
    ages: AgeKeys,
    cache: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    server: BTreeMap<String, Server>,
    #[serde(default)]
    trust: BTreeMap<String, Trust>,
    #[serde(default)]
    policy: BTreeMap<String, Policy>,
    limits: Option<LimitKeys>,
    age: Option<AgeKeys>,
    cache: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Server {
    url: String,
    #[serde(default)]
    format: FormatKey,
    #[serde(default)]
    when_unreachable: UnreachableKey,
    #[serde(skip)]
    folder: PathBuf,
    #[serde(skip)]
    files: Option<Files>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FormatKey {
    #[default]
    Notary1,
    Tuf1,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnreachableKey {
    #[default]
    Refuse,
    UseCache,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Trust {
    certificate_ids: Option<Vec<String>>,
    ca: Option<PathBuf>,
    root: Option<PathBuf>,
    #[serde(default)]
    tofu: bool,
    /// Read from the files above.
    #[serde(skip)]
    pin: Option<Pin>,
    #[serde(skip)]
    from: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Policy {
    mode: Option<ModeKey>,
    tag_rule: Option<TagRuleKey>,
    required_roles: Option<Vec<String>>,
    required_count: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeKey {
    Strict,
    Compatible,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TagRuleKey {
    ReleasesFirst,
    TargetsFirst,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitKeys {
    root: Option<u64>,
    timestamp: Option<u64>,
    snapshot: Option<u64>,
    targets: Option<u64>,
    roles: Option<u64>,
    depth: Option<u64>,
    rotations: Option<u64>,
    work: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AgeKeys {
    offline: Option<Age>,
    unchanged: Option<Age>,
    validity: Option<Age>,
    clock_tolerance: Option<Age>,
    fresh_for: Option<Age>,
}

/// Seconds, or a number with a unit: `90`, `"90s"`, `"15m"`, `"24h"`, `"30d"`.
#[derive(Clone, Copy, Debug)]
struct Age(u64);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Seconds(u64),
            Unit(String),
        }
        let seconds = match Text::deserialize(d)? {
            Text::Seconds(n) => Some(n),
            Text::Unit(text) => [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)]
                .into_iter()
                .find_map(|(unit, factor)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor)),
        };
        seconds.map(Age).ok_or_else(|| serde::de::Error::custom("a time is seconds, or a number with s, m, h or d"))
    }
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
}

/// Where a collection's metadata come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The folder of one collection.
    Folder(PathBuf),
    /// The folder of many, each below it by its name.
    Folders(PathBuf),
    /// Files in memory.
    Memory(Files),
}

/// Metadata files by their path, shared.
pub type Files = Arc<BTreeMap<String, Vec<u8>>>;

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
        if let Some(text) = text_of(file, must_exist)? {
            config.add(&text, file)?;
        }
        config.add(trust, &beside(file))?;
        Ok(config)
    }

    /// A configuration from text; relative paths are relative to `folder`.
    ///
    /// # Errors
    /// `config.*`.
    pub fn from_text(text: &str, folder: &Path) -> Result<Self> {
        let mut config = Config::default();
        config.add(text, &folder.join("config.toml"))?;
        Ok(config)
    }

    fn add(&mut self, text: &str, file: &Path) -> Result<()> {
        let shown_file = file.display().to_string();
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        let read: File = toml::from_str(text).map_err(|e| unreadable(&e, &shown_file))?;
        for (prefix, mut server) in read.server {
            check_prefix(&prefix, &shown_file)?;
            server.folder = folder.to_owned();
            server.source("x").map_err(|e| e.in_file(&shown_file))?;
            no_twin(self.servers.insert(prefix.clone(), server).is_some(), &prefix, &shown_file)?;
        }
        for (prefix, mut trust) in read.trust {
            check_prefix(&prefix, &shown_file)?;
            trust.load(folder, &prefix, &shown_file)?;
            no_twin(self.trust.insert(prefix.clone(), trust).is_some(), &prefix, &shown_file)?;
        }
        for (prefix, policy) in read.policy {
            check_prefix(&prefix, &shown_file)?;
            policy.rule(&prefix, &shown_file)?;
            no_twin(self.policies.insert(prefix.clone(), policy).is_some(), &prefix, &shown_file)?;
        }
        if is_trust_file(file) {
            let only_trust = read.limits.is_none() && read.age.is_none() && read.cache.is_none();
            let refuse = || {
                let why = "trust.toml holds [trust], [server] and [policy]: limits, ages and cache belong into the configuration";
                Error::new(Code::ConfigUnknownKey, "docs/verdict.md", why).in_file(&shown_file)
            };
            return if only_trust { Ok(()) } else { Err(refuse()) };
        }
        (self.limits, self.ages) = (read.limits.unwrap_or_default(), read.age.unwrap_or_default());
        self.cache = read.cache.map(|c| folder.join(c));
        Ok(())
    }

    /// The folder of the stores, if configured.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// Serves the collection `name` from files in memory, as `memory:`.
    pub fn serve_from_memory(&mut self, name: &str, files: Files) {
        let server = Server {
            url: "memory:".to_owned(),
            format: FormatKey::Notary1,
            when_unreachable: UnreachableKey::Refuse,
            folder: PathBuf::new(),
            files: Some(files),
        };
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
        let server = longest(&self.servers, name, |_| true).ok_or_else(|| {
            Error::new(Code::ConfigNoServer, "docs/verdict.md", format!("no server is configured for {}", shown(name)))
                .values(format_args!("[server.\"{}\"] or a shorter prefix that ends at `/`", shown(name)), "none")
        })?;
        let format = match server.format {
            FormatKey::Notary1 => Format::Notary1,
            FormatKey::Tuf1 => Format::Tuf1,
        };
        let trust = self.pin_for(name)?;
        let pin = trust.pin.clone().ok_or_else(|| no_pin(name))?;
        let policy = longest(&self.policies, name, |_| true);
        let mode = choices.mode.or_else(|| policy.and_then(Policy::mode)).unwrap_or_default();
        let rule = match (&choices.tag_rule, policy) {
            (Some(rule), _) => rule.clone(),
            (None, Some(policy)) => policy.rule(name, "")?.unwrap_or(TagRule::ReleasesFirst),
            (None, None) => TagRule::ReleasesFirst,
        };
        let mut settings = Settings::new(name, format, pin, now).mode(mode);
        settings.injected = injected;
        settings.offline = choices.offline;
        settings.no_persist = choices.no_persist;
        settings.unreachable = match server.when_unreachable {
            UnreachableKey::Refuse => Unreachable::Refuse,
            UnreachableKey::UseCache => Unreachable::UseCache,
        };
        self.limits.apply(&mut settings.limits);
        self.ages.apply(&mut settings.ages);
        Ok(Resolved { settings, rule, pin: trust.source(), source: server.url.clone(), from: server.source(name)? })
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
    let fitting = entries.iter().filter(|(prefix, entry)| covers(prefix, name) && counts(entry));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, entry)| entry)
}

impl Server {
    /// `file:PATH` or `file:///PATH`, with `{name}` at its end for many collections.
    fn source(&self, name: &str) -> Result<Source> {
        if let Some(files) = &self.files {
            return Ok(Source::Memory(files.clone()));
        }
        let refuse = |why: &str| {
            Error::new(Code::ConfigValue, "docs/verdict.md", format!("`url = \"{}\"`: {why}", shown(&self.url)))
        };
        let later = || refuse("this release reads trust data from folders (file:); servers come with the next one");
        let path = if self.url.starts_with("file://") {
            let url = url::Url::parse(&self.url).map_err(|e| refuse(&e.to_string()))?;
            let path =
                url.to_file_path().map_err(|()| refuse("`file://` is followed by an absolute path of this machine"))?;
            path.into_os_string().into_string().map_err(|_| refuse("its path is not UTF-8"))?
        } else {
            self.url.strip_prefix("file:").ok_or_else(later)?.to_owned()
        };
        if path.is_empty() || path == "/" {
            return Err(refuse("it names no folder"));
        }
        match path.split_once("{name}") {
            None => Ok(Source::Folder(self.folder.join(&path))),
            Some((base, "" | "/")) => {
                crate::image::collection_name(name)?;
                Ok(Source::Folders(self.folder.join(base)))
            }
            Some(_) => Err(refuse("{name} stands at the end")),
        }
    }
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

impl LimitKeys {
    fn apply(&self, limits: &mut Limits) {
        for (key, limit) in [
            (self.root, &mut limits.root),
            (self.timestamp, &mut limits.timestamp),
            (self.snapshot, &mut limits.snapshot),
            (self.targets, &mut limits.targets),
            (self.roles, &mut limits.roles),
            (self.depth, &mut limits.depth),
            (self.rotations, &mut limits.rotations),
            (self.work, &mut limits.work),
        ] {
            if let Some(key) = key {
                *limit = key;
            }
        }
    }
}

impl AgeKeys {
    fn apply(&self, ages: &mut Ages) {
        let set = |key: Option<Age>, age: &mut Option<u64>| {
            if let Some(Age(seconds)) = key {
                *age = Some(seconds);
            }
        };
        set(self.offline, &mut ages.offline);
        set(self.unchanged, &mut ages.unchanged);
        set(self.validity, &mut ages.validity);
        set(self.fresh_for, &mut ages.fresh_for);
        if let Some(Age(seconds)) = self.clock_tolerance {
            ages.clock_tolerance = seconds;
        }
    }
}
