//! A scenario's `manifest.json`, and what rule N-42 makes of it.

use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// What a client says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The collection verifies.
    Trusted,
    /// It does not (for our command: any exit status but 0).
    #[serde(alias = "reject", alias = "refused")]
    Rejected,
}

/// The two modes of rules N-40 and N-41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Our own rules.
    Strict,
    /// The reference client's, by named exceptions.
    Compatible,
}

/// How the client is configured to trust a first root.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// `cert_ids`, `ca`, `tofu`, `root` or `none`.
    pub mode: String,
    /// GUN, or a prefix with `*`, to the allowed key ids of root certificates.
    #[serde(default)]
    pub cert_ids: BTreeMap<String, Vec<String>>,
    /// GUN prefix (to be read with a `/` at its end) to a PEM file in the scenario's folder.
    #[serde(default)]
    pub ca: BTreeMap<String, String>,
    /// A `root.json` in the scenario's folder.
    pub root: Option<String>,
    /// Whether trust on first use is asked for.
    #[serde(default)]
    pub tofu: bool,
    /// What this pin leads to; only in [`Scenario::also_trusted_with`].
    pub verdict: Option<Verdict>,
}

/// Where a tag leads to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// `sha256:…`
    pub digest: String,
    /// Length of the manifest.
    pub length: u64,
    /// The role that answered; `notary lookup` does not tell.
    pub role: Option<String>,
}

/// The reference client's answers for one tag; `None` is "not found".
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagAnswers {
    /// `notary lookup GUN TAG`.
    pub notary_lookup: Option<Found>,
    /// `notary list GUN`: breadth first from `targets`.
    pub notary_list: Option<Found>,
    /// `notary list GUN -r targets/releases,targets`.
    pub releases_then_targets: Option<Found>,
    /// The same, but only from these two roles.
    pub docker_pull: Option<Found>,
}

/// One state of the repository, as served to the client that saw the steps before it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The step's folder, relative to the scenario's.
    pub dir: String,
    /// What the reference client said.
    pub verdict: Verdict,
    /// Its error message.
    pub notary_message: Option<String>,
    /// Its warnings.
    #[serde(default)]
    pub notary_warnings: Vec<String>,
    /// Its answer for each tag.
    pub tags: BTreeMap<String, TagAnswers>,
    /// The right answers where the reference client gave none.
    pub sound_tags: Option<BTreeMap<String, Found>>,
    /// The time to inject, if not the scenario's.
    pub reference_time: Option<String>,
    /// The configuration at this step, if not the scenario's.
    pub pin: Option<Pin>,
    /// Codes of a refusal at this step.
    pub codes: Option<Vec<String>>,
    /// What strict mode says, where it refuses more than the reference client.
    pub stricter_verdict: Option<Verdict>,
    /// What a sound client says where the reference client refuses.
    pub lenient_verdict: Option<Verdict>,
    /// Any of these will do.
    pub allowed_verdicts: Option<Vec<Verdict>>,
    /// Whether `stricter_verdict` holds in compatible mode too.
    pub both_modes: Option<bool>,
    /// What a client without cache, pinned to this step's root, said.
    pub fresh_client_pinned_to_this_root: Option<Verdict>,
    /// What a client without cache, pinned to the first root, said.
    pub fresh_client_pinned_to_first_root: Option<Verdict>,
    /// When it was captured.
    pub captured_at: Option<String>,
    /// Versions, expiry, hashes, key types and canonical key ids.
    pub facts: Option<serde_json::Value>,
}

/// A scenario: steps served one after the other to the same client.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Path below `notary/`, such as `own/NAME`.
    #[serde(skip)]
    pub path: String,
    /// The scenario's folder.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Version of the manifest's format: 1.
    pub format: u64,
    /// Its name.
    pub scenario: String,
    /// The collection's name.
    pub gun: String,
    /// What made the files and the verdicts.
    pub produced_by: String,
    /// What was bent.
    pub description: String,
    /// Why a rejection is right.
    pub reason: Option<String>,
    /// The "now" to inject.
    pub reference_time: String,
    /// How the client is configured.
    pub pin: Pin,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Another configuration, for the last step.
    pub also_trusted_with: Option<Pin>,
    /// Codes of a refusal at the last step.
    pub codes: Option<Vec<String>>,
    /// As in a step, for the last one.
    pub stricter_verdict: Option<Verdict>,
    /// As in a step, for the last one.
    pub lenient_verdict: Option<Verdict>,
    /// As in a step, for the last one.
    pub allowed_verdicts: Option<Vec<Verdict>>,
    /// As in a step, for the last one.
    pub both_modes: Option<bool>,
    /// The claims of `rules.toml` that the scenario shows.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The images as pushed.
    #[serde(default)]
    pub images: Vec<serde_json::Value>,
}

impl Scenario {
    /// What is said of a step: its own word, else the scenario's for the last step.
    fn said<'a, T>(&'a self, number: usize, own: &'a Option<T>, whole: &'a Option<T>) -> Option<&'a T> {
        own.as_ref().or_else(|| whole.as_ref().filter(|_| number + 1 == self.steps.len()))
    }

    /// The verdicts that rule N-42 allows for a step (counted from 0); empty if there is no such step.
    pub fn expected(&self, number: usize, mode: Mode) -> Vec<Verdict> {
        let Some(step) = self.steps.get(number) else { return Vec::new() };
        if let Some(any) = self.said(number, &step.allowed_verdicts, &self.allowed_verdicts) {
            return any.clone();
        }
        let stricter = self.said(number, &step.stricter_verdict, &self.stricter_verdict);
        let lenient = self.said(number, &step.lenient_verdict, &self.lenient_verdict);
        let both = self.said(number, &step.both_modes, &self.both_modes).is_some_and(|both| *both);
        let parser = self.reason.as_deref() == Some("parser") && number + 1 == self.steps.len();
        vec![match (stricter, lenient) {
            _ if parser => Verdict::Rejected,
            (Some(verdict), _) if both || mode == Mode::Strict => *verdict,
            (_, Some(verdict)) => *verdict,
            _ => step.verdict,
        }]
    }

    /// The codes of which a refusal of this step bears one; `None` where nothing is said.
    pub fn codes(&self, number: usize) -> Option<&[String]> {
        let step = self.steps.get(number)?;
        self.said(number, &step.codes, &self.codes).map(Vec::as_slice)
    }

    /// The time to inject at a step.
    pub fn time(&self, number: usize) -> &str {
        self.steps.get(number).and_then(|step| step.reference_time.as_deref()).unwrap_or(&self.reference_time)
    }

    /// The configuration at a step.
    pub fn pin(&self, number: usize) -> &Pin {
        self.steps.get(number).and_then(|step| step.pin.as_ref()).unwrap_or(&self.pin)
    }
}
