//! The rules of judgement as pure functions: threshold, expiry, version.

use crate::crypto::{self, PublicKey};
use crate::error::{Code, Error, Result, shown};
use crate::limits::Budget;
use crate::metadata::{Format, Key, Keys, Metadata, RoleKeys, Signature, Unverified, Verified, role};
use crate::time::Time;
use std::collections::BTreeSet;

/// How signatures are counted, beside the keys themselves.
pub struct Counting<'a> {
    /// The work that is left in this run.
    pub budget: &'a mut Budget,
    /// Compatible mode (N-41): key ids are counted, not key material.
    pub(crate) by_id: bool,
    /// Whether a key may count at all: the certificates of root keys (N-8).
    pub(crate) accept: &'a dyn Fn(&Key) -> Result<()>,
    /// Where uses of compatible-mode exceptions are told.
    pub(crate) warnings: &'a mut Vec<Error>,
}

impl<T> Unverified<T> {
    /// The threshold check (TUF 5.3.4, 5.4.2, 5.5.3, 5.6.3): the one way from received to
    /// verified metadata.
    ///
    /// Distinct key material is counted (T-31). No more signatures are checked than the
    /// threshold needs, failures apart, and none of unknown ids (T-35).
    ///
    /// # Errors
    /// `signature.threshold`, `signature.key-id`, `signature.duplicate-key-id`, `limit.work`;
    /// the code of the certificate where no certificate may count.
    ///
    /// ```
    /// use tuf_core::{limits::Budget, metadata::Format, time::Time, verify::not_expired, wire::Wire};
    /// let wire = Wire::strict(Format::Tuf1);
    /// let root = wire.root(std::fs::read("sample-tuf1/metadata/1.root.json")?)?;
    /// let (keys, role) = (root.claims().keys().clone(), root.claims().role("root")?.clone());
    /// let root = root.verify("root", &keys, &role, &mut Budget::new(1_000_000))?;
    /// assert_eq!(root.signed_by().len(), 1);
    /// assert!(not_expired(&root, Time::parse("2026-11-25T00:00:00Z")?).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(self, role: &str, keys: &Keys, role_keys: &RoleKeys, budget: &mut Budget) -> Result<Verified<T>> {
        let counting = Counting { budget, by_id: false, accept: &|_| Ok(()), warnings: &mut Vec::new() };
        self.counted(role, keys, role_keys, counting)
    }

    /// [`Unverified::verify`] with everything that can differ.
    pub(crate) fn counted(
        self,
        role: &str,
        keys: &Keys,
        role_keys: &RoleKeys,
        counting: Counting<'_>,
    ) -> Result<Verified<T>> {
        let signed_by = count(&self, role, keys, role_keys, counting).map_err(|e| e.for_role(role))?;
        Ok(Verified { inner: self, role: role.to_owned(), threshold: role_keys.threshold, signed_by })
    }
}

/// The ids of the keys that were counted, if they reach the threshold.
fn count<T>(
    file: &Unverified<T>,
    role: &str,
    keys: &Keys,
    role_keys: &RoleKeys,
    counting: Counting<'_>,
) -> Result<Vec<String>> {
    if file.format == Format::Tuf1 {
        no_duplicate_ids(&file.signatures)?;
    }
    let message = file.message()?;
    let needed = role_keys.threshold;
    let mut tally = Tally::default();
    let mut wrong = BTreeSet::new();
    for signature in &file.signatures {
        if tally.reached(needed, false) {
            break;
        }
        let Some(key) = role_keys.key_ids.iter().find(|id| **id == signature.key_id).and_then(|id| keys.get(id)) else {
            continue;
        };
        let Ok(public) = &key.public else { continue };
        // One key counts once: a second signature of it is not looked at.
        let counted = tally.ids.contains(&key.id.as_str()) || (!counting.by_id && tally.counts(key, public));
        if counted || (counting.accept)(key).is_err() {
            continue;
        }
        if holds(file.format, key, public, signature, &message, counting.budget)? {
            tally.add(key, public);
        } else {
            wrong.insert(shown(&key.id));
        }
    }
    if tally.reached(needed, false) {
        // A wrong signature beside enough good ones does no harm, and is told (T-31).
        if !wrong.is_empty() {
            let message = "a signature does not hold; enough others do";
            let note = Error::new(Code::SignatureThreshold, "T-31", message).for_role(role).with_keys(wrong);
            counting.warnings.push(note);
        }
        return Ok(tally.ids.iter().map(|id| (*id).to_owned()).collect());
    }
    let short = too_few(file, role, keys, role_keys, &tally, counting.accept);
    if counting.by_id && tally.reached(needed, true) {
        counting.warnings.push(short.for_role(role));
        return Ok(tally.ids.iter().map(|id| (*id).to_owned()).collect());
    }
    Err(short)
}

impl<T> Verified<T> {
    /// All keys of the role whose signatures hold: `signed_by` stops where the threshold is met.
    pub(crate) fn all_signers<'k>(
        &self,
        keys: &'k Keys,
        role_keys: &RoleKeys,
        budget: &mut Budget,
    ) -> Result<BTreeSet<&'k PublicKey>> {
        let message = self.inner.message()?;
        let mut signers = BTreeSet::new();
        for signature in &self.inner.signatures {
            let key = role_keys.key_ids.iter().find(|id| **id == signature.key_id).and_then(|id| keys.get(id));
            let Some((key, Ok(public))) = key.filter(|key| key.id_holds).map(|key| (key, &key.public)) else {
                continue;
            };
            if !signers.contains(public) && holds(self.inner.format, key, public, signature, &message, budget)? {
                signers.insert(public);
            }
        }
        Ok(signers)
    }
}

/// The keys that were counted so far.
#[derive(Default)]
struct Tally<'k> {
    ids: Vec<&'k str>,
    material: BTreeSet<&'k PublicKey>,
    /// Keys that signed under an id that is not theirs (T-32).
    misnamed: BTreeSet<&'k PublicKey>,
}

impl<'k> Tally<'k> {
    fn counts(&self, key: &Key, public: &PublicKey) -> bool {
        self.material.contains(public) || (!key.id_holds && self.misnamed.contains(public))
    }

    fn add(&mut self, key: &'k Key, public: &'k PublicKey) {
        if key.id_holds {
            self.ids.push(&key.id);
            self.material.insert(public);
        } else {
            self.misnamed.insert(public);
        }
    }

    fn reached(&self, needed: u64, by_id: bool) -> bool {
        let have = if by_id { self.ids.len() } else { self.material.len() };
        have as u64 >= needed
    }

    /// Whether it is short only because of keys whose ids are not theirs.
    fn reached_if_named(&self, needed: u64) -> bool {
        self.material.union(&self.misnamed).count() as u64 >= needed
    }
}

/// Whether one signature of a key that may count holds.
fn holds(
    format: Format,
    key: &Key,
    public: &PublicKey,
    signature: &Signature,
    message: &[u8],
    budget: &mut Budget,
) -> Result<bool> {
    let algorithm = match format {
        Format::Tuf1 => key.algorithm,
        Format::Notary1 => crypto::notary1(&key.keytype, &signature.method),
    };
    let (Some(algorithm), Some(sig)) = (algorithm, &signature.sig) else { return Ok(false) };
    budget.signature()?;
    Ok(public.verify(algorithm, message, sig))
}

/// T-31: a key id that stands twice among the signatures (Notary counts the key once).
fn no_duplicate_ids(signatures: &[Signature]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match signatures.iter().find(|s| !seen.insert(&s.key_id)) {
        Some(s) => Err(Error::new(Code::SignatureDuplicateKeyId, "T-31", "a key id stands twice among the signatures")
            .with_keys([shown(&s.key_id)])),
        None => Ok(()),
    }
}

fn too_few<T>(
    file: &Unverified<T>,
    role: &str,
    keys: &Keys,
    role_keys: &RoleKeys,
    tally: &Tally<'_>,
    accept: &dyn Fn(&Key) -> Result<()>,
) -> Error {
    let needed = role_keys.threshold;
    // Where no key of the role may count at all, the reason is the certificate's or the pin's.
    let mut refusals = Vec::new();
    for key in role_keys.key_ids.iter().filter_map(|id| keys.get(id)) {
        refusals.extend(accept(key).err().map(|why| why.with_keys([shown(&key.id)])));
    }
    if refusals.len() == role_keys.key_ids.len()
        && let Some(why) = refusals.into_iter().next()
    {
        return why;
    }
    let found = tally.material.len();
    let (code, rule, message) = if tally.reached_if_named(needed) {
        (Code::SignatureKeyId, "T-32", "the threshold is missed because a key's id is not the hash of the key")
    } else {
        (Code::SignatureThreshold, "T-31 (TUF 5.3.4)", "too few valid signatures of distinct keys of this role")
    };
    let signers = file.signatures.iter().map(|s| shown(&s.key_id)).take(16);
    let wanted = role_keys.key_ids.iter().map(|id| shown(id)).take(16);
    let ids: BTreeSet<String> = signers.chain(wanted).collect();
    Error::new(code, rule, message)
        .for_role(role)
        .with_keys(ids)
        .values(format_args!("{needed} of {} keys", role_keys.key_ids.len()), found)
}

/// The expiry check (TUF 5.3.10, 5.4.4, 5.5.6, 5.6.5): expired means `expires <= now` (T-1).
///
/// # Errors
/// `expired.ROLE`.
///
/// ```
/// use tuf_core::{limits::Budget, metadata::Format, time::Time, verify::not_expired, wire::Wire};
/// let root = Wire::strict(Format::Notary1).root(std::fs::read("sample/root.json")?)?;
/// let (keys, role) = (root.claims().keys().clone(), root.claims().role("root")?.clone());
/// let root = root.verify("root", &keys, &role, &mut Budget::new(1_000_000))?;
/// assert!(not_expired(&root, Time::parse("2030-01-01T00:00:00Z")?).is_ok());
/// let code = not_expired(&root, Time::parse("2050-01-01T00:00:00Z")?).map_err(|e| e.code());
/// assert_eq!(code, Err(tuf_core::Code::ExpiredRoot));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn not_expired<T: Metadata>(file: &Verified<T>, now: Time) -> Result<()> {
    let expires = file.content().expires();
    if expires > now {
        return Ok(());
    }
    let code = match file.role() {
        role::ROOT => Code::ExpiredRoot,
        role::TIMESTAMP => Code::ExpiredTimestamp,
        role::SNAPSHOT => Code::ExpiredSnapshot,
        role::TARGETS => Code::ExpiredTargets,
        _ => Code::ExpiredDelegation,
    };
    Err(Error::new(code, "T-1 (TUF 5.3.10)", format!("{} has expired", shown(file.role())))
        .for_role(file.role())
        .values(format_args!("expires after {now}"), expires))
}

/// What is remembered of a role: no lower version, and no other content for the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The version that was accepted.
    pub version: u64,
    /// SHA-256 (hex) of the canonical form of what was signed.
    pub content: String,
    /// The root version under which it was accepted.
    pub root_version: u64,
}

/// The version rules against memory (TUF 5.4.3, 5.5.5; T-16; N-13).
///
/// # Errors
/// `rollback.ROLE`; `mismatch.content` for the remembered version with another `signed`.
pub fn not_rolled_back<T: Metadata>(file: &Verified<T>, memory: Option<&Remembered>) -> Result<()> {
    let Some(memory) = memory else { return Ok(()) };
    let version = file.content().version();
    if version < memory.version {
        let (code, rule) = match file.role() {
            role::ROOT => (Code::RollbackRoot, "T-7, N-13 (TUF 5.3.5)"),
            role::TIMESTAMP => (Code::RollbackTimestamp, "T-12, N-13 (TUF 5.4.3)"),
            role::SNAPSHOT => (Code::RollbackSnapshot, "T-14, N-13 (TUF 5.5.5)"),
            role::TARGETS => (Code::RollbackTargets, "T-14, N-13 (TUF 5.5.5)"),
            _ => (Code::RollbackDelegation, "T-14, N-13 (TUF 5.5.5)"),
        };
        return Err(Error::new(code, rule, "a version below the one that was accepted before")
            .for_role(file.role())
            .values(format_args!("at least {}", memory.version), version));
    }
    if version == memory.version && file.content_id()? != memory.content {
        return Err(Error::new(
            Code::MismatchContent,
            "T-16",
            "a version that was accepted before, with other content",
        )
        .for_role(file.role())
        .values(format_args!("version {version} with content {}", memory.content), file.content_id()?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Root, Timestamp};
    use crate::wire::Wire;
    use ed25519_dalek::{Signer, SigningKey};

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn id(n: u8) -> String {
        format!("{n:02x}").repeat(32)
    }

    /// A TUF timestamp, the keys that may sign it, and those that did: (id, key, signs as).
    struct Case {
        threshold: &'static str,
        listed: Vec<(u8, u8)>,
        signatures: Vec<(u8, u8)>,
    }

    fn judge(case: &Case) -> Result<Vec<String>> {
        Ok(verified(case, "timestamp")?.signed_by().to_vec())
    }

    /// The timestamp, as that of a role under this name.
    fn verified(case: &Case, name: &str) -> Result<Verified<Timestamp>> {
        let (file, root) = parts(case)?;
        let (keys, role) = (root.claims().keys(), root.claims().role("timestamp")?);
        file.verify(name, keys, role, &mut Budget::new(10_000_000))
    }

    fn parts(case: &Case) -> Result<(Unverified<Timestamp>, Unverified<Root>)> {
        let signed = r#"{"_type":"timestamp","expires":"2030-01-01T00:00:00Z","meta":{"snapshot.json":{"version":1}},"spec_version":"1.0","version":1}"#;
        let sigs: Vec<String> = case
            .signatures
            .iter()
            .map(|(i, k)| {
                let sig = crypto::hex(&key(*k).sign(signed.as_bytes()).to_bytes());
                format!(r#"{{"keyid":"{}","sig":"{sig}"}}"#, id(*i))
            })
            .collect();
        let file = format!(r#"{{"signatures":[{}],"signed":{signed}}}"#, sigs.join(","));
        let keys: Vec<String> = case
            .listed
            .iter()
            .map(|(i, k)| {
                let public = crypto::hex(key(*k).verifying_key().as_bytes());
                format!(r#""{}":{{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"{public}"}}}}"#, id(*i))
            })
            .collect();
        let ids: Vec<String> = case.listed.iter().map(|(i, _)| format!("\"{}\"", id(*i))).collect();
        let other = r#"{"keyids":[],"threshold":1}"#;
        let root = format!(
            r#"{{"signatures":[],"signed":{{"_type":"root","expires":"2030-01-01T00:00:00Z","keys":{{{}}},"roles":{{"root":{other},"snapshot":{other},"targets":{other},"timestamp":{{"keyids":[{}],"threshold":{}}}}},"spec_version":"1.0","version":1}}}}"#,
            keys.join(","),
            ids.join(","),
            case.threshold,
        );
        let wire = Wire::strict(Format::Tuf1);
        Ok((wire.timestamp(file)?, wire.root(root)?))
    }

    fn case(threshold: &'static str, listed: &[(u8, u8)], signatures: &[(u8, u8)]) -> Result<Vec<String>> {
        judge(&Case { threshold, listed: listed.to_vec(), signatures: signatures.to_vec() })
    }

    /// T-31.1, T-31.2, T-31.5, T-31.10, T-31.13, T-35.6
    #[test]
    fn a_threshold_counts_distinct_key_material() {
        assert_eq!(case("1", &[(1, 1)], &[(1, 1)]), Ok(vec![id(1)]));
        assert_eq!(case("2", &[(1, 1), (2, 2)], &[(1, 1), (2, 2)]), Ok(vec![id(1), id(2)]));
        let short = |r: Result<Vec<String>>| r.map_err(|e| e.code());
        assert_eq!(short(case("2", &[(1, 1), (2, 2)], &[(1, 1)])), Err(Code::SignatureThreshold));
        // One key under two ids.
        assert_eq!(short(case("2", &[(1, 1), (2, 1)], &[(1, 1), (2, 1)])), Err(Code::SignatureThreshold));
        // A key that the role does not name, and a signature by another key.
        assert_eq!(short(case("1", &[(1, 1)], &[(3, 3)])), Err(Code::SignatureThreshold));
        assert_eq!(short(case("1", &[(1, 1)], &[(1, 2)])), Err(Code::SignatureThreshold));
        // A key id that stands twice in a TUF file.
        assert_eq!(short(case("1", &[(1, 1)], &[(1, 1), (1, 1)])), Err(Code::SignatureDuplicateKeyId));
        // Beside a met threshold a wrong signature does no harm, and no more is checked than it takes.
        assert_eq!(case("1", &[(1, 1), (2, 2)], &[(2, 9), (1, 1)]), Ok(vec![id(1)]));
        assert_eq!(case("1", &[(1, 1), (2, 2)], &[(1, 1), (2, 2)]), Ok(vec![id(1)]));
    }

    /// T-34.3, T-34.4, T-34.5, T-34.6, T-34.7, T-34.8, T-34.9, T-34.10
    #[test]
    fn thresholds_are_integers_from_one() {
        for (threshold, code) in [
            ("0", Code::ParseNumber),
            ("-1", Code::ParseNumber),
            ("1.0", Code::ParseNumber),
            ("9223372036854775808", Code::ParseNumber),
            ("\"1\"", Code::ParseType),
            ("true", Code::ParseType),
            ("null", Code::ParseType),
        ] {
            assert_eq!(case(threshold, &[(1, 1)], &[(1, 1)]).map_err(|e| e.code()), Err(code), "{threshold}");
        }
        // Above the number of keys the root is readable, and the role cannot be signed.
        let code = case("9223372036854775807", &[(1, 1)], &[(1, 1)]).map_err(|e| e.code());
        assert_eq!(code, Err(Code::SignatureThreshold));
    }

    /// T-35.5 (CVE-2020-6173): unknown key ids cost no signature check.
    #[test]
    fn signatures_of_unknown_keys_are_not_checked() {
        let many: Vec<(u8, u8)> = (100..200).map(|n| (n, n)).chain([(1, 1)]).collect();
        assert_eq!(case("1", &[(1, 1)], &many), Ok(vec![id(1)]));
    }

    /// T-1: expired means `expires <= now`, told by the role.
    #[test]
    fn a_file_has_expired_at_the_second_it_says() {
        let case = Case { threshold: "1", listed: vec![(1, 1)], signatures: vec![(1, 1)] };
        for (name, code) in [
            ("root", Code::ExpiredRoot),
            ("timestamp", Code::ExpiredTimestamp),
            ("snapshot", Code::ExpiredSnapshot),
            ("targets", Code::ExpiredTargets),
            ("targets/releases", Code::ExpiredDelegation),
        ] {
            let file = verified(&case, name).expect("a signed file");
            let at = |now| Time::parse(now).and_then(|now| not_expired(&file, now)).map_err(|e| e.code());
            assert_eq!(at("2029-12-31T23:59:59Z"), Ok(()), "{name}");
            assert_eq!(at("2030-01-01T00:00:00Z"), Err(code), "{name}");
            assert_eq!(at("2030-01-01T00:00:01Z"), Err(code), "{name}");
        }
    }

    /// T-16 N-13: no lower version, and no other content for the same one.
    #[test]
    fn a_file_is_not_below_what_is_remembered() {
        let case = Case { threshold: "1", listed: vec![(1, 1)], signatures: vec![(1, 1)] };
        for (name, code) in [
            ("root", Code::RollbackRoot),
            ("timestamp", Code::RollbackTimestamp),
            ("snapshot", Code::RollbackSnapshot),
            ("targets", Code::RollbackTargets),
            ("targets/releases", Code::RollbackDelegation),
        ] {
            let file = verified(&case, name).expect("a signed file");
            let content = file.content_id().expect("an id");
            let after = |version: u64, content: &str| {
                let memory = Remembered { version, content: content.to_owned(), root_version: 1 };
                not_rolled_back(&file, Some(&memory)).map_err(|e| e.code())
            };
            assert_eq!(not_rolled_back(&file, None), Ok(()));
            assert_eq!(after(2, &content), Err(code), "{name}");
            assert_eq!(after(1, &content), Ok(()), "{name}");
            assert_eq!(after(1, "other"), Err(Code::MismatchContent), "{name}");
            assert_eq!(after(0, "other"), Ok(()), "{name}");
        }
    }

    /// N-32: a signature beside the threshold makes its key a signer only if it holds.
    #[test]
    fn all_signers_are_those_whose_signatures_hold() {
        let case = Case {
            threshold: "1",
            listed: vec![(1, 1), (2, 2), (3, 3), (4, 3)],
            signatures: vec![(1, 1), (2, 9), (3, 3), (4, 3), (5, 5)],
        };
        let (_, root) = parts(&case).expect("two files");
        let (keys, role) = (root.claims().keys(), root.claims().role("timestamp").expect("a role"));
        let file = verified(&case, "timestamp").expect("a signed file");
        assert_eq!(file.signed_by(), [id(1)]);
        let signers = file.all_signers(keys, role, &mut Budget::new(10_000_000)).expect("work enough");
        let public = |n: u8| PublicKey::Ed25519(key(n).verifying_key().to_bytes());
        assert_eq!(signers.into_iter().cloned().collect::<BTreeSet<_>>(), BTreeSet::from([public(1), public(3)]));
    }

    /// T-32: what a key signed under an id that is not its own does not stand in its own way.
    #[test]
    fn a_misnamed_key_counts_under_its_own_id() {
        let public = PublicKey::Ed25519([1; 32]);
        let named = |id: &str, id_holds| Key {
            id: id.to_owned(),
            id_holds,
            keytype: "ed25519".to_owned(),
            algorithm: None,
            public: Ok(public.clone()),
            bundle: None,
        };
        let (wrong, right) = (named("wrong", false), named("right", true));
        let mut tally = Tally::default();
        tally.add(&wrong, &public);
        assert!(tally.counts(&wrong, &public) && !tally.counts(&right, &public));
        assert!(!tally.reached(1, false) && !tally.reached(1, true) && tally.reached_if_named(1));
        tally.add(&right, &public);
        assert!(tally.counts(&wrong, &public) && tally.counts(&right, &public));
        assert!(tally.reached(1, false) && tally.reached(1, true) && !tally.reached_if_named(2));
    }
}
