//! Errors as data: one boxed structure, one list of codes.
//!
//! The codes are the product's interface (`docs/verdict.md`): they come out of Rust, the
//! command, the JSON document and the exit status alike, and none is ever renamed.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a failure means for the one question that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Answer {
    /// What was offered breaks a rule, or is not signed; asking again changes nothing.
    Refused,
    /// No answer was reached.
    Unchecked,
    /// The question itself was wrong (exit status 2): there is no verdict.
    Usage,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal, $answer:ident; )*) => {
        /// The stable code of a reason: `family.detail`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code { $( $(#[$doc])* $variant, )* }

        impl Code {
            /// Every code, in the order of the documented list.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )* ];

            /// The code as it stands in documents: `family.detail`, lower case, stable.
            pub fn as_str(self) -> &'static str {
                match self { $( Code::$variant => $code, )* }
            }

            /// Which of the answers a failure with this code is.
            pub fn answer(self) -> Answer {
                match self { $( Code::$variant => Answer::$answer, )* }
            }
        }
    };
}

codes! {
    /// The root that was offered does not meet the pin.
    PinMismatch = "pin.mismatch", Refused;
    /// The certificate of a root key bears another name than the collection's.
    PinCertificateName = "pin.certificate-name", Refused;
    /// A certificate of a root key's bundle has run out.
    PinCertificateExpired = "pin.certificate-expired", Refused;
    /// A certificate of a root key's bundle is not valid yet.
    PinCertificateNotYetValid = "pin.certificate-not-yet-valid", Refused;
    /// A certificate signed with SHA-1, or an RSA key under 2,048 bits.
    PinCertificateWeak = "pin.certificate-weak", Refused;
    /// A certificate authority used as a leaf.
    PinCertificateUsage = "pin.certificate-usage", Refused;
    /// A path to the pinned authority that breaks a rule of certificate paths.
    PinCertificateChain = "pin.certificate-chain", Refused;
    /// A root key without a certificate.
    PinCertificateMissing = "pin.certificate-missing", Refused;
    /// Not JSON, or bytes after it.
    ParseJson = "parse.json", Refused;
    /// UTF-8, byte order mark, surrogates, hex, base64.
    ParseEncoding = "parse.encoding", Refused;
    /// A member twice, or once in another case than its name has.
    ParseDuplicateMember = "parse.duplicate-member", Refused;
    /// Nested too deep.
    ParseDepth = "parse.depth", Refused;
    /// A fraction, an exponent, a number out of its range.
    ParseNumber = "parse.number", Refused;
    /// A node of another JSON type than belongs there.
    ParseType = "parse.type", Refused;
    /// A member missing, forbidden or contradictory; `_type`; a time.
    ParseSchema = "parse.schema", Refused;
    /// A specification version that this is not.
    ParseSpecVersion = "parse.spec-version", Refused;
    /// A role name that the format does not allow there.
    ParseRoleName = "parse.role-name", Refused;
    /// More bytes than our own ceiling.
    LimitBytes = "limit.bytes", Refused;
    /// More roles visited than allowed.
    LimitRoles = "limit.roles", Refused;
    /// Delegations nested deeper than allowed.
    LimitDepth = "limit.depth", Refused;
    /// More signatures in a file than allowed.
    LimitSignatures = "limit.signatures", Refused;
    /// More keys or delegations in a file than allowed.
    LimitKeys = "limit.keys", Refused;
    /// A role name, path or key id longer than allowed.
    LimitNames = "limit.names", Refused;
    /// The budget of work is spent.
    LimitWork = "limit.work", Refused;
    /// More root rotations than a run walks.
    LimitRotations = "limit.rotations", Unchecked;
    /// Too few valid signatures of distinct keys.
    SignatureThreshold = "signature.threshold", Refused;
    /// One key id twice among the signatures.
    SignatureDuplicateKeyId = "signature.duplicate-key-id", Refused;
    /// Too few only because a key's id is not the hash of the key.
    SignatureKeyId = "signature.key-id", Refused;
    /// A new root without a threshold of the old root's keys.
    RotationOldThreshold = "rotation.old-threshold", Refused;
    /// A new root without a threshold of its own keys.
    RotationNewThreshold = "rotation.new-threshold", Refused;
    /// An `N.root.json` whose version is not N.
    RotationVersion = "rotation.version", Refused;
    /// The newest root has expired.
    ExpiredRoot = "expired.root", Refused;
    /// The timestamp has expired.
    ExpiredTimestamp = "expired.timestamp", Refused;
    /// The snapshot has expired.
    ExpiredSnapshot = "expired.snapshot", Refused;
    /// The top-level targets have expired.
    ExpiredTargets = "expired.targets", Refused;
    /// A delegated role has expired.
    ExpiredDelegation = "expired.delegation", Refused;
    /// The newest root offered is below the stored one.
    RollbackRoot = "rollback.root", Refused;
    /// The timestamp's version went down.
    RollbackTimestamp = "rollback.timestamp", Refused;
    /// The snapshot's version went down.
    RollbackSnapshot = "rollback.snapshot", Refused;
    /// The version of the top-level targets went down.
    RollbackTargets = "rollback.targets", Refused;
    /// The version of a delegated role went down.
    RollbackDelegation = "rollback.delegation", Refused;
    /// An entry that was listed before is no longer there.
    RollbackRemoved = "rollback.removed", Refused;
    /// A file that is not as long as its parent says.
    MismatchLength = "mismatch.length", Refused;
    /// A file whose hash is not the one its parent says.
    MismatchHash = "mismatch.hash", Refused;
    /// A file whose version is not the one its parent says.
    MismatchVersion = "mismatch.version", Refused;
    /// A version seen before, with other content.
    MismatchContent = "mismatch.content", Refused;
    /// The server has no root for this name.
    MissingRoot = "missing.root", Refused;
    /// The server has no timestamp for this name.
    MissingTimestamp = "missing.timestamp", Refused;
    /// The server has no snapshot.
    MissingSnapshot = "missing.snapshot", Refused;
    /// The server has no top-level targets.
    MissingTargets = "missing.targets", Refused;
    /// The server does not have a delegated role that the snapshot lists.
    MissingDelegation = "missing.delegation", Refused;
    /// The server does not have the content of a target that is signed.
    MissingTarget = "missing.target", Refused;
    /// No trusted role signs this target.
    TargetNotSigned = "target.not-signed", Refused;
    /// The tag is signed, with another digest.
    TargetOtherDigest = "target.other-digest", Refused;
    /// The tag is signed by a role that does not speak for it.
    TargetOtherRole = "target.other-role", Refused;
    /// The target is listed without a digest that can be checked.
    TargetNoDigest = "target.no-digest", Refused;
    /// A target path that cannot be turned into a request.
    TargetPath = "target.path", Refused;
    /// The content is not as long as was signed.
    TargetLength = "target.length", Refused;
    /// The content is not what was signed.
    TargetHash = "target.hash", Refused;
    /// Not enough of the required roles agree.
    QuorumNotMet = "quorum.not-met", Refused;
    /// The timestamp version was first seen too long ago.
    AgeUnchanged = "age.unchanged", Refused;
    /// The timestamp is valid for longer than allowed.
    AgeValidity = "age.validity", Refused;
    /// The store was last checked against its server too long ago.
    AgeOffline = "age.offline", Unchecked;
    /// A bundle lacks a part.
    BundleIncomplete = "bundle.incomplete", Refused;
    /// Not a bundle.
    BundleFormat = "bundle.format", Refused;
    /// The clock is behind the last complete check.
    ClockBehind = "clock.behind", Unchecked;
    /// The server cannot be reached.
    NetworkUnreachable = "network.unreachable", Unchecked;
    /// No secure connection.
    NetworkTls = "network.tls", Unchecked;
    /// The time limit was reached.
    NetworkTimeLimit = "network.time-limit", Unchecked;
    /// The server sends slower than the minimum rate.
    NetworkTooSlow = "network.too-slow", Unchecked;
    /// The answer broke off.
    NetworkCutOff = "network.cut-off", Unchecked;
    /// A status that is no answer.
    NetworkStatus = "network.status", Unchecked;
    /// The server asks to wait.
    NetworkRateLimited = "network.rate-limited", Unchecked;
    /// A redirect that is not followed.
    NetworkRedirect = "network.redirect", Unchecked;
    /// A content coding that was not asked for.
    NetworkCoding = "network.coding", Unchecked;
    /// The server wants credentials.
    AuthRequired = "auth.required", Unchecked;
    /// The server refuses the credentials.
    AuthDenied = "auth.denied", Unchecked;
    /// A token realm that gets no password.
    AuthRealm = "auth.realm", Unchecked;
    /// The store is damaged.
    StoreDamaged = "store.damaged", Unchecked;
    /// The store belongs to somebody else.
    StoreForeign = "store.foreign", Unchecked;
    /// The store is locked by another process.
    StoreLocked = "store.locked", Unchecked;
    /// No space left for the store.
    StoreFull = "store.full", Unchecked;
    /// The store cannot be read or written.
    StoreIo = "store.io", Unchecked;
    /// Offline, and the store does not hold what is current.
    StoreEmpty = "store.empty", Unchecked;
    /// The caller gave up.
    Cancelled = "cancelled", Unchecked;
    /// A fault of this program.
    Internal = "internal", Unchecked;
    /// Not an image reference.
    UsageReference = "usage.reference", Usage;
    /// An unknown or contradictory flag.
    UsageFlag = "usage.flag", Usage;
    /// A file of the user's that cannot be read.
    UsageFile = "usage.file", Usage;
    /// An argument out of its range, or asked in the wrong order.
    UsageArgument = "usage.argument", Usage;
    /// A role that nothing delegates to.
    UsageRole = "usage.role", Usage;
    /// An unknown key in the configuration.
    ConfigUnknownKey = "config.unknown-key", Usage;
    /// A value that the configuration does not allow there.
    ConfigValue = "config.value", Usage;
    /// No pin for this name.
    ConfigNoPin = "config.no-pin", Usage;
    /// No server for this name.
    ConfigNoServer = "config.no-server", Usage;
    /// A pinned root that cannot be used.
    ConfigRoot = "config.root", Usage;
    /// The pinned root contradicts the store.
    ConfigRootConflict = "config.root-conflict", Usage;
    /// A map file that cannot be used.
    ConfigMap = "config.map", Usage;
    /// Warning: something on the way expires within a tenth of its life.
    SoonExpired = "soon.expired", Unchecked;
    /// Warning: the store answered, not the server.
    StoreServed = "store.served", Unchecked;
    /// Warning: a folder without a record was taken in.
    StoreAdopted = "store.adopted", Unchecked;
    /// Warning: the store cannot be written.
    StoreReadOnly = "store.read-only", Unchecked;
    /// Warning: the store's folder is writable by its group.
    StoreGroupWritable = "store.group-writable", Unchecked;
    /// Warning: remembered versions were dropped with the old chain of roots.
    StoreMemoryDropped = "store.memory-dropped", Unchecked;
    /// Warning: the server is asked over plain HTTP.
    NetworkPlainHttp = "network.plain-http", Unchecked;
    /// Warning: 403 was taken for the end of the root chain.
    RootDenied = "root.denied", Unchecked;
    /// Warning: a reference with neither tag nor digest means `latest`.
    ReferenceLatest = "reference.latest", Unchecked;
    /// Warning: a delegation that was never published.
    DelegationUnpublished = "delegation.unpublished", Unchecked;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something was refused, or not reached: code, role, file, rule and both values.
///
/// Cloneable, comparable by its content, and small (one pointer).
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", self.code(), self.message())]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    role: Option<String>,
    file: Option<String>,
    key_ids: Vec<String>,
    rule: &'static str,
    expected: Option<String>,
    found: Option<String>,
    message: String,
    hint: Option<String>,
    /// JSON members from the outside in, collected while the reader unwinds (reversed).
    path: Vec<String>,
}

impl Error {
    /// A failure with its code, the rule it comes from (our id and the section of the
    /// specification) and one sentence.
    pub fn new(code: Code, rule: &'static str, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            role: None,
            file: None,
            key_ids: Vec::new(),
            rule,
            expected: None,
            found: None,
            message: message.into(),
            hint: None,
            path: Vec::new(),
        }))
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The role that is concerned, as the metadata names it.
    pub fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// The file that is concerned.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The key ids that are concerned.
    pub fn key_ids(&self) -> &[String] {
        &self.0.key_ids
    }

    /// The rule: our id, then the section of the specification it comes from.
    pub fn rule(&self) -> &'static str {
        self.0.rule
    }

    /// What the rule asks for.
    pub fn expected(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// What was there.
    pub fn found(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    /// What to do next, where this place knows better than the general hint of the code.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// One sentence; for a fault inside a JSON file it ends with the place.
    pub fn message(&self) -> String {
        if self.0.path.is_empty() {
            return self.0.message.clone();
        }
        // Outermost first; of a very deep place only the beginning.
        let mut path: Vec<&str> = self.0.path.iter().rev().take(12).map(String::as_str).collect();
        if self.0.path.len() > path.len() {
            path.push("…");
        }
        format!("{} (at {})", self.0.message, path.join("."))
    }

    /// The same failure, with the role if none is named yet.
    #[must_use]
    pub fn for_role(mut self, role: &str) -> Self {
        self.0.role.get_or_insert_with(|| role.to_owned());
        self
    }

    /// The same failure, with the file if none is named yet.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// The same failure, naming keys.
    #[must_use]
    pub fn with_keys(mut self, key_ids: impl IntoIterator<Item = String>) -> Self {
        self.0.key_ids = key_ids.into_iter().collect();
        self
    }

    /// The same failure, with what was expected and what was found.
    #[must_use]
    pub fn values(mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        self.0.expected = Some(expected.to_string());
        self.0.found = Some(found.to_string());
        self
    }

    /// The same failure, with a hint of its own.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same failure under another code (a rule that names what it found more exactly).
    #[must_use]
    pub(crate) fn recoded(mut self, code: Code, rule: &'static str) -> Self {
        self.0.code = code;
        self.0.rule = rule;
        self
    }

    /// The same failure, one JSON member further out.
    #[must_use]
    pub(crate) fn inside(mut self, member: &str) -> Self {
        // A name from outside is shown, but never at a length of the attacker's choosing.
        self.0.path.push(shown(member));
        self
    }
}

/// Text as it is shown: control characters escaped.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(escape).collect()
}

/// A name from outside as it is shown: at most 80 characters, control characters escaped.
pub fn shown(name: &str) -> String {
    let mut out: String = name.chars().take(80).flat_map(escape).collect();
    if name.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

/// Control and direction-changing characters are escaped, so that a name cannot draw on a
/// terminal or hide part of itself.
fn escape(c: char) -> Vec<char> {
    let hidden = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if hidden { c.escape_unicode().collect() } else { vec![c] }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let i = &self.0;
        write!(f, "{} [{}] role={:?} file={:?}: {}", i.code, i.rule, i.role, i.file, self.message())?;
        write!(f, " (expected {:?}, found {:?}, keys {:?})", i.expected, i.found, i.key_ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_family_and_at_most_one_detail_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(seen.insert(text), "{text} stands twice");
            assert!(text.split('.').count() <= 2, "{text}");
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'-'), "{text}");
        }
    }

    #[test]
    fn a_hostile_name_is_shown_short_and_inert() {
        assert_eq!(shown("a\u{1b}[31m"), "a\\u{1b}[31m");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 81);
    }

    #[test]
    fn a_path_is_told_from_the_outside_in() {
        let e = Error::new(Code::ParseType, "T-36", "a number belongs here").inside("threshold").inside("root");
        assert_eq!(e.message(), "a number belongs here (at root.threshold)");
    }
}
