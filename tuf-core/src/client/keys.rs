//! The keys of the configuration file, as TOML has them.

use super::source::Files;
use crate::limits::Limits;
use crate::transport::Times;
use crate::trust::{Ages, Pin};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    #[serde(default)]
    pub(super) server: BTreeMap<String, Server>,
    #[serde(default)]
    pub(super) trust: BTreeMap<String, Trust>,
    #[serde(default)]
    pub(super) policy: BTreeMap<String, Policy>,
    pub(super) limits: Option<LimitKeys>,
    pub(super) age: Option<AgeKeys>,
    pub(super) cache: Option<PathBuf>,
    pub(super) proxy: Option<String>,
    pub(super) store_owner: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Server {
    pub(super) url: String,
    #[serde(default)]
    pub(super) format: FormatKey,
    #[serde(default)]
    pub(super) when_unreachable: UnreachableKey,
    pub(super) ca: Option<PathBuf>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    #[serde(default)]
    pub(super) auth: AuthKey,
    #[serde(default)]
    pub(super) realms: Vec<String>,
    pub(super) user_agent: Option<String>,
    pub(super) forbidden_is_missing: Option<bool>,
    pub(super) targets_url: Option<String>,
    pub(super) hash_prefix: Option<bool>,
    #[serde(skip)]
    pub(super) folder: PathBuf,
    #[serde(skip)]
    pub(super) files: Option<Files>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FormatKey {
    #[default]
    Notary1,
    Tuf1,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnreachableKey {
    #[default]
    Refuse,
    UseCache,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AuthKey {
    /// Credentials of Docker's `config.json` and `NOTARY_AUTH`.
    #[default]
    Docker,
    None,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Trust {
    pub(super) certificate_ids: Option<Vec<String>>,
    pub(super) ca: Option<PathBuf>,
    pub(super) root: Option<PathBuf>,
    #[serde(default)]
    pub(super) tofu: bool,
    /// Read from the files above.
    #[serde(skip)]
    pub(super) pin: Option<Pin>,
    #[serde(skip)]
    pub(super) from: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Policy {
    pub(super) mode: Option<ModeKey>,
    pub(super) tag_rule: Option<TagRuleKey>,
    pub(super) required_roles: Option<Vec<String>>,
    pub(super) required_count: Option<usize>,
    pub(super) key_ids: Option<KeyIdsKey>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeKey {
    Strict,
    Compatible,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeyIdsKey {
    Opaque,
    Computed,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TagRuleKey {
    ReleasesFirst,
    TargetsFirst,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitKeys {
    pub(super) root: Option<u64>,
    pub(super) timestamp: Option<u64>,
    pub(super) snapshot: Option<u64>,
    pub(super) targets: Option<u64>,
    pub(super) target: Option<u64>,
    pub(super) roles: Option<u64>,
    pub(super) depth: Option<u64>,
    pub(super) rotations: Option<u64>,
    pub(super) work: Option<u64>,
    pub(super) time: Option<Span>,
    pub(super) connect: Option<Span>,
    pub(super) idle: Option<Span>,
    pub(super) min_rate: Option<u64>,
    pub(super) grace: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AgeKeys {
    pub(super) offline: Option<Span>,
    pub(super) unchanged: Option<Span>,
    pub(super) validity: Option<Span>,
    pub(super) clock_tolerance: Option<Span>,
    pub(super) fresh_for: Option<Span>,
}

/// A length of time: seconds, or a number with a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Seconds(u64),
            Unit(String),
            /// Taken, so that our words are told of it.
            Other(serde::de::IgnoredAny),
        }
        let span = match Text::deserialize(d)? {
            Text::Seconds(n) => Some(Duration::from_secs(n)),
            Text::Unit(text) => span(&text),
            Text::Other(_) => None,
        };
        span.map(Span).ok_or_else(|| serde::de::Error::custom(SPAN))
    }
}

/// What a length of time is written as.
pub(crate) const SPAN: &str =
    "a time is whole seconds, or text with a unit: \"500ms\", \"90s\", \"15m\", \"24h\" or \"30d\"";

/// Reads a length of time with its unit: `90s`, `500ms`, `15m`, `24h`, `30d`.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(tuf_core::client::span("15m"), Some(Duration::from_secs(900)));
/// assert_eq!(tuf_core::client::span("soon"), None);
/// ```
pub fn span(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let read = |(unit, factor): (&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor);
    units.into_iter().find_map(read).map(Duration::from_millis)
}

impl LimitKeys {
    pub(super) fn apply(&self, limits: &mut Limits) {
        for (key, limit) in [
            (self.root, &mut limits.root),
            (self.timestamp, &mut limits.timestamp),
            (self.snapshot, &mut limits.snapshot),
            (self.targets, &mut limits.targets),
            (self.target, &mut limits.target),
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

    /// How long things may take (T-43).
    pub(super) fn times(&self) -> Times {
        let mut times = Times::default();
        for (key, time) in [
            (self.time, &mut times.total),
            (self.connect, &mut times.connect),
            (self.idle, &mut times.idle),
            (self.grace, &mut times.grace),
        ] {
            if let Some(Span(key)) = key {
                *time = key;
            }
        }
        times.min_rate = self.min_rate.unwrap_or(times.min_rate);
        times
    }
}

impl AgeKeys {
    pub(super) fn apply(&self, ages: &mut Ages) {
        let set = |key: Option<Span>, age: &mut Option<u64>| {
            if let Some(Span(time)) = key {
                *age = Some(time.as_secs());
            }
        };
        set(self.offline, &mut ages.offline);
        set(self.unchanged, &mut ages.unchanged);
        set(self.validity, &mut ages.validity);
        set(self.fresh_for, &mut ages.fresh_for);
        if let Some(Span(time)) = self.clock_tolerance {
            ages.clock_tolerance = time.as_secs();
        }
    }
}
