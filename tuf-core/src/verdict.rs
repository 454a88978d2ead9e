//! The verdict: one document for every language (`docs/verdict.md`, `docs/schema/`).
//!
//! Absent values are null, never left out; the order of members is fixed; what is shown of
//! metadata comes from the verified bytes.

mod tree;

pub use tree::tree;

use crate::crypto::{hex, sha256};
use crate::error::{Answer, Code, Error, Result, shown};
use crate::metadata::{Metadata, Root, Verified, role};
use crate::time::Time;
use crate::trust::{Found, Outcome, Settings, TrustedSet};
use serde::Serialize;
use std::collections::BTreeMap;

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Every rule held, now, under this configuration.
    Trusted,
    /// What was offered breaks a rule, or is not signed.
    Refused,
    /// No answer was reached.
    Unchecked,
}

/// One document: a verdict, or an error in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Document {
    /// The answer for one subject.
    Verdict(Box<Verdict>),
    /// The question itself was wrong.
    Error(ErrorDocument),
}

/// What stands in a subject's place when the question was wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorDocument {
    schema: &'static str,
    /// Why.
    pub reason: Reason,
}

/// The answer for one subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    schema: &'static str,
    /// The answer.
    pub verdict: Word,
    /// The time used, RFC 3339 in UTC.
    pub judged_at: String,
    /// Whether that was not the clock's.
    pub injected: bool,
    /// What was asked.
    pub subject: Subject,
    /// What was found, if trusted.
    pub target: Option<Target>,
    /// For a collection, or a digest with several names: each of them.
    pub targets: Option<Vec<Listed>>,
    /// One entry for each trust repository.
    pub trust: Vec<Trust>,
    /// Why not; null when trusted.
    pub reason: Option<Reason>,
    /// What should be mended.
    pub warnings: Vec<Reason>,
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// `image`, `artifact` or `collection`.
    pub kind: &'static str,
    /// As given.
    pub input: String,
    /// The tag, given or implied.
    pub tag: Option<String>,
    /// The target path, for artifacts.
    pub path: Option<String>,
    /// The digest, as given.
    pub digest: Option<String>,
}

/// A target that is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// `sha256:…`
    pub digest: Option<String>,
    /// All known hashes in hex, by algorithm.
    pub hashes: BTreeMap<&'static str, String>,
    /// Length in bytes.
    pub length: Option<u64>,
    /// The role that answers.
    pub role: String,
    /// The roles or repositories that agree.
    pub agreed_by: Vec<String>,
    /// `name@sha256:…`
    pub pinned: Option<String>,
    /// Custom data, as received.
    pub custom: Option<String>,
}

/// An entry of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The tag, for images.
    pub tag: Option<String>,
    /// The path, for artifacts.
    pub path: Option<String>,
    /// What is signed.
    pub target: Target,
}

/// How a repository was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// GUN or metadata URL.
    pub repository: String,
    /// `notary1` or `tuf1`.
    pub format: &'static str,
    /// `strict` or `compatible`.
    pub mode: &'static str,
    /// Tag rule, required roles or search.
    pub rule: String,
    /// What the first root had to meet.
    pub pin: PinSource,
    /// Where the metadata came from.
    pub source: String,
    /// Whether the store answered alone.
    pub offline: bool,
    /// When the last complete check ended.
    pub last_checked_at: Option<String>,
    /// How many seconds before the time used that was (T-4); null where there was none.
    pub age_seconds: Option<i64>,
    /// How many files this run asked for: none where the store answered alone.
    pub requests: u64,
    /// The role that expires first.
    pub earliest_expiry: Option<Expiry>,
    /// Root versions walked in this run.
    pub root_versions: Vec<u64>,
    /// The roles that were used.
    pub roles: Vec<Role>,
}

/// Where a pin comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PinSource {
    /// `certificate-ids`, `ca`, `root` or `first-use`.
    pub kind: &'static str,
    /// The file that configures it.
    pub from: String,
}

/// When a role expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// The role.
    pub role: String,
    /// RFC 3339 in UTC.
    pub at: String,
}

/// A role that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Its name.
    pub role: String,
    /// For a delegated role, the role whose delegation led to it.
    pub delegator: Option<String>,
    /// Its version.
    pub version: u64,
    /// RFC 3339 in UTC.
    pub expires: String,
    /// The threshold that was met.
    pub threshold: u64,
    /// Ids of the keys that were counted.
    pub signed_by: Vec<String>,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// When the first certificate of the keys that were counted runs out; null without any.
    pub certificates_until: Option<String>,
}

/// Why: a code, where, which rule, both values, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable code.
    #[serde(serialize_with = "code_text")]
    pub code: Code,
    /// The role.
    pub role: Option<String>,
    /// The file.
    pub file: Option<String>,
    /// The keys.
    pub key_ids: Vec<String>,
    /// Our id of the rule, and the section of the specification.
    pub rule: &'static str,
    /// What the rule asks for.
    pub expected: Option<String>,
    /// What was there.
    pub found: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

fn code_text<S: serde::Serializer>(code: &Code, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(code.as_str())
}

impl Reason {
    /// The reason that an error is, for a subject or collection of this name.
    pub fn of(error: &Error, name: &str) -> Self {
        Reason::with_list(error, name, "verify-cli image list NAME")
    }

    /// The same, where this command lists what is signed. A command for a name is no hint where there is none.
    fn with_list(error: &Error, name: &str, list: &str) -> Self {
        let general = hint(error.code()).replace("LIST", list);
        let general = (!name.is_empty() || !general.contains("NAME")).then(|| general.replace("NAME", &shown(name)));
        let hint = error.hint().map(str::to_owned).or(general);
        Reason {
            code: error.code(),
            role: error.role().map(shown),
            file: error.file().map(shown),
            key_ids: error.key_ids().to_vec(),
            rule: error.rule(),
            expected: error.expected().map(str::to_owned),
            found: error.found().map(str::to_owned),
            message: error.message(),
            hint,
        }
    }
}

/// What to do next. No hint tells how to weaken a check.
fn hint(code: Code) -> &'static str {
    match code {
        Code::ConfigNoPin => {
            "see what its server offers, and have the publisher confirm it: verify-cli trust fetch NAME"
        }
        Code::ConfigNoServer => {
            "name its server in the configuration: server.\"NAME\".url = \"https://…\"; which file that is: verify-cli --help"
        }
        Code::PinMismatch => {
            "see what is pinned: verify-cli trust show NAME; ask the publisher, over another channel, which certificate is theirs"
        }
        Code::PinCertificateExpired => "the publisher must sign a root with a valid certificate: ask them for one",
        Code::TargetNotSigned => "see what is signed: LIST",
        Code::TargetOtherDigest => "see which digest is signed: LIST",
        Code::SignatureThreshold | Code::SignatureKeyId => {
            "the holders of this role's keys must sign it again; what else is signed: LIST"
        }
        Code::TargetOtherRole | Code::QuorumNotMet => "see which roles sign what: LIST --tag-rule targets-first",
        Code::ExpiredRoot | Code::ExpiredSnapshot | Code::ExpiredTargets | Code::ExpiredDelegation => {
            "the publisher must sign this role again"
        }
        Code::ExpiredTimestamp => {
            "the trust server must sign a new timestamp: check that it runs, and that no mirror serves an old one"
        }
        Code::RollbackRoot
        | Code::RollbackTimestamp
        | Code::RollbackSnapshot
        | Code::RollbackTargets
        | Code::RollbackDelegation => {
            "the server offers an older state than was seen before: find out whether it was restored from a backup, or is under attack"
        }
        Code::RollbackRemoved => {
            "ask the publisher whether the delegation was withdrawn: a withdrawal takes it out of its parent too"
        }
        Code::MissingRoot | Code::MissingTimestamp => {
            "check the name, and whether its publisher signs it; what the server has: verify-cli trust fetch NAME"
        }
        Code::StoreDamaged => "find out what changed the file, then: verify-cli cache repair NAME",
        Code::StoreEmpty => "check once while the server can be reached: LIST",
        Code::StoreFull | Code::StoreIo => "make room or mend the folder named by `cache`, then ask again",
        Code::StoreLocked => "another process uses this store: wait for it, or look for one that hangs",
        Code::NetworkUnreachable => "check that the source named by `url` is there, then ask again",
        Code::ClockBehind => {
            "set the clock; if it was ahead before and is right now: verify-cli cache repair NAME --reset-clock"
        }
        Code::UsageReference => "write it as docker does: verify-cli image verify registry.example/team/app:1.0",
        Code::Internal => "this is a fault of the program: please report it with the message above",
        _ if code.answer() == Answer::Usage => "see: verify-cli --help",
        _ => "every detail, to show the publisher: LIST --output json",
    }
}

impl Document {
    /// The process exit status: trusted 0, refused 1, usage 2, unchecked 3.
    pub fn exit_status(&self) -> u8 {
        match self {
            Document::Error(_) => 2,
            Document::Verdict(v) => match v.verdict {
                Word::Trusted => 0,
                Word::Refused => 1,
                Word::Unchecked => 3,
            },
        }
    }

    /// The document as the command prints it: indented, with a newline at its end.
    pub fn to_json(&self) -> String {
        // Its members are text, numbers and lists: nothing that JSON cannot hold.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// The document of a wrong question.
    pub fn of_error(error: &Error, name: &str) -> Self {
        Document::Error(ErrorDocument { schema: "error/1", reason: Reason::of(error, name) })
    }
}

/// The exit status of several subjects: the worst, in the order 2, 1, 3, 0.
pub fn worst_status(documents: &[Document]) -> u8 {
    let rank = |status: &u8| match status {
        2 => 3,
        1 => 2,
        3 => 1,
        _ => 0,
    };
    documents.iter().map(Document::exit_status).max_by_key(rank).unwrap_or(2)
}

/// What targets are called in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// Images of one collection, by their tags (Notary v1).
    Tags,
    /// Images, by the target paths of their references (TUF 1.0).
    Images,
    /// Files, by their target paths.
    Paths,
}

/// What a verdict says beside the outcome.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// What was asked.
    pub subject: Subject,
    /// The name that pinned references begin with.
    pub name: &'a str,
    /// What targets are called.
    pub names: Names,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The rule, in words.
    pub rule: String,
    /// Where the pin comes from.
    pub pin: PinSource,
    /// Where the metadata came from.
    pub source: String,
    /// Warnings about the question itself.
    pub warnings: Vec<Error>,
}

impl Document {
    /// The document of one answer of a run.
    pub fn of(about: &Circumstances<'_>, outcome: &Outcome, answer: &Result<Vec<Found>>, notes: &[Error]) -> Self {
        let error = answer.as_ref().err();
        let word = match error.map(|e| e.code().answer()) {
            None => Word::Trusted,
            Some(Answer::Refused) => Word::Refused,
            Some(Answer::Unchecked) => Word::Unchecked,
            Some(Answer::Usage) => return Document::of_error_opt(error, about.name),
        };
        let collection = &about.settings.name;
        let found = answer.as_deref().unwrap_or_default();
        let one = about.subject.kind != "collection";
        // Notary is asked for all names of a digest (N-34).
        let many = !one || (about.names == Names::Tags && about.subject.tag.is_none());
        let set_warnings = outcome.set.as_ref().map(TrustedSet::warnings).unwrap_or_default();
        let list = match about.names {
            Names::Paths => "verify-cli tuf list NAME",
            _ => "verify-cli image list NAME",
        };
        let mut warnings: Vec<Reason> = Vec::new();
        for e in about.warnings.iter().chain(set_warnings).chain(notes) {
            let reason = Reason::with_list(e, collection, list);
            if !warnings.contains(&reason) {
                warnings.push(reason);
            }
        }
        Document::Verdict(Box::new(Verdict {
            schema: "verdict/1",
            verdict: word,
            judged_at: whole_seconds(about.settings.start),
            injected: about.settings.injected,
            subject: about.subject.clone(),
            target: found.first().filter(|_| one).map(|f| about.target(f)),
            targets: (many && error.is_none()).then(|| found.iter().map(|f| about.listed(f)).collect()),
            trust: vec![trust(about, outcome)],
            reason: error.map(|e| Reason::with_list(e, collection, list)),
            warnings,
        }))
    }

    fn of_error_opt(error: Option<&Error>, name: &str) -> Self {
        let unknown = Error::new(Code::Internal, "internal", "an error without a reason");
        Document::of_error(error.unwrap_or(&unknown), name)
    }

    /// The document of a failure before anything was verified.
    pub fn failed(subject: Subject, at: Time, injected: bool, error: &Error) -> Self {
        let verdict = match error.code().answer() {
            Answer::Usage => return Document::of_error(error, &subject.input),
            Answer::Refused => Word::Refused,
            Answer::Unchecked => Word::Unchecked,
        };
        Document::Verdict(Box::new(Verdict {
            schema: "verdict/1",
            verdict,
            judged_at: whole_seconds(at),
            injected,
            reason: Some(Reason::of(error, &subject.input)),
            subject,
            target: None,
            targets: None,
            trust: Vec::new(),
            warnings: Vec::new(),
        }))
    }
}

/// The time of a run in whole seconds (T-3).
fn whole_seconds(t: Time) -> String {
    Time::from_unix(t.unix()).unwrap_or(t).to_string()
}

impl Circumstances<'_> {
    fn target(&self, found: &Found) -> Target {
        let hashes: BTreeMap<&'static str, String> = found.target.hashes().to_hex().into_iter().collect();
        let digest = hashes.get("sha256").map(|h| format!("sha256:{h}"));
        // Only an image has a pinned reference.
        let image = self.names != Names::Paths;
        Target {
            pinned: digest.as_ref().filter(|_| image).map(|d| format!("{}@{d}", self.name)),
            digest,
            hashes,
            length: found.target.length(),
            role: found.role.clone(),
            agreed_by: found.agreed_by.clone(),
            custom: found.target.custom().map(str::to_owned),
        }
    }

    fn listed(&self, found: &Found) -> Listed {
        let path = found.path.clone();
        let (tag, path) = match self.names {
            Names::Tags => (Some(path), None),
            Names::Images => {
                let tag = path.strip_prefix(self.name).and_then(|rest| rest.strip_prefix(':'));
                (tag.map(str::to_owned), Some(path))
            }
            Names::Paths => (None, Some(path)),
        };
        Listed { tag, path, target: self.target(found) }
    }
}

fn trust(about: &Circumstances<'_>, outcome: &Outcome) -> Trust {
    let set = outcome.set.as_ref();
    Trust {
        repository: about.settings.name.clone(),
        format: about.settings.wire.format.as_str(),
        mode: about.settings.mode.as_str(),
        rule: about.rule.clone(),
        pin: about.pin.clone(),
        source: about.source.clone(),
        offline: about.settings.offline || outcome.from_store,
        last_checked_at: outcome.last_checked.map(|t| t.to_string()),
        age_seconds: outcome.last_checked.map(|last| about.settings.start.seconds_since(last)),
        requests: outcome.report.iter().filter(|e| e.is_request()).count() as u64,
        earliest_expiry: set.map(TrustedSet::earliest_expiry).map(|(role, at)| Expiry { role, at: at.to_string() }),
        root_versions: outcome.root_versions.clone(),
        roles: set.map(roles).unwrap_or_default(),
    }
}

fn roles(set: &TrustedSet) -> Vec<Role> {
    let mut out = vec![Role { certificates_until: certificates_until(set.root()), ..one_role(set.root()) }];
    out.extend(set.timestamp().map(one_role));
    out.extend(set.snapshot().map(one_role));
    out.extend(set.top_level_targets().map(one_role));
    let delegated = set.by_delegator().filter(|(_, t)| t.role() != role::TARGETS);
    out.extend(delegated.map(|(delegator, t)| Role { delegator: Some(delegator.to_owned()), ..one_role(t) }));
    out
}

fn one_role<T: Metadata>(file: &Verified<T>) -> Role {
    Role {
        role: file.role().to_owned(),
        delegator: None,
        version: file.content().version(),
        expires: file.content().expires().to_string(),
        threshold: file.threshold(),
        signed_by: file.signed_by().to_vec(),
        sha256: hex(&sha256(file.bytes())),
        certificates_until: None,
    }
}

/// Root's certificates are judged on every run (N-8), so their end is as good as an expiry.
fn certificates_until(root: &Verified<Root>) -> Option<String> {
    let keys = root.content().keys();
    let ends = root.signed_by().iter().filter_map(|id| keys.get(id)?.certificates()?.validity());
    ends.map(|(_, end)| end).min().map(|end| end.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a name every code has a hint that is whole; without one a hint that would need it is left out.
    #[test]
    fn no_hint_has_an_empty_name() {
        for code in Code::ALL {
            let hint = |name| Reason::of(&Error::new(*code, "T-1", "x"), name).hint;
            let (named, nameless) = (hint("registry.example/app"), hint(""));
            assert!(named.as_ref().is_some_and(|h| !h.contains("NAME") && !h.contains("LIST")), "{named:?}");
            let needs_it = named.as_ref().is_some_and(|h| h.contains("registry.example/app"));
            assert_eq!(nameless, named.filter(|_| !needs_it), "{code}");
        }
        let locked = Reason::of(&Error::new(Code::StoreLocked, "T-45", "x"), "x");
        assert!(locked.hint.is_some_and(|h| h.starts_with("another process uses this store")));
    }

    #[test]
    fn the_worst_status_is_told_in_the_order_2_1_3_0() {
        let doc = |code: Code| {
            let e = Error::new(code, "T-1", "x");
            match code.answer() {
                Answer::Usage => Document::of_error(&e, "x"),
                _ => {
                    let now = Time::parse("2030-01-01T00:00:00Z").expect("a time");
                    let mut d = Document::failed(Subject::default(), now, true, &e);
                    if let (Document::Verdict(v), Answer::Refused) = (&mut d, code.answer()) {
                        v.verdict = Word::Refused;
                    }
                    d
                }
            }
        };
        let (usage, refused, unchecked) = (doc(Code::UsageFlag), doc(Code::PinMismatch), doc(Code::Internal));
        assert_eq!(worst_status(&[unchecked.clone(), refused.clone(), usage.clone()]), 2);
        assert_eq!(worst_status(&[unchecked.clone(), refused]), 1);
        assert_eq!(worst_status(&[unchecked]), 3);
        assert_eq!(worst_status(&[]), 2, "no subject is no pass");
    }
}
