//! What `image explain` and `tuf explain` print: the chain from pin to digest, and what will be refused next.

use super::{Document, Role, Target, Trust, Verdict};
use crate::error::{escaped, shown};

/// The chain from pin to digest as a tree for people, and what will be refused next; an error
/// document has none.
pub fn tree(document: &Document) -> String {
    match document {
        Document::Verdict(v) => v.trust.iter().map(|trust| repository(v, trust)).collect(),
        Document::Error(_) => String::new(),
    }
}

fn repository(v: &Verdict, trust: &Trust) -> String {
    let mut out = format!("{}\n", escaped(&v.subject.input));
    out += &format!("pin: {} in {}\n", trust.pin.kind, trust.pin.from);
    out += &format!("source: {} ({}, {}, {})\n", trust.source, trust.format, trust.mode, trust.rule);
    if let Some(at) = &trust.last_checked_at {
        out += &format!("last complete check: {at}\n");
    }
    for (role, depth) in in_order(&trust.roles) {
        out += &format!("{}{}", "  ".repeat(depth), line(role));
        for target in answers(v, &role.role) {
            out += &format!("{}=> {target}\n", "  ".repeat(depth.saturating_add(1)));
        }
    }
    match (&v.reason, next(trust)) {
        (Some(why), _) => {
            out += &format!("refused now: {}: {}\n", why.code, why.message);
            for (name, value) in [("role", &why.role), ("expected", &why.expected), ("found", &why.found)] {
                out += &value.iter().map(|v| format!("  {name}: {v}\n")).collect::<String>();
            }
            out += &format!("next step: {}\n", why.hint.as_deref().unwrap_or("none is known"));
        }
        (None, Some(next)) => {
            out += &format!("refused next: {} from {} on\n", next.code, next.at);
            out += &format!("next step: {}\n", next.whose);
        }
        (None, None) => {}
    }
    out
}

/// Each role below its delegator, with its depth; root is at the top.
fn in_order(roles: &[Role]) -> Vec<(&Role, usize)> {
    let mut out: Vec<(&Role, usize)> = Vec::new();
    let top = |role: &&Role| role.delegator.is_none();
    let mut stack: Vec<(&Role, usize)> =
        roles.iter().filter(top).map(|r| (r, usize::from(r.role != "root"))).rev().collect();
    while let Some((role, depth)) = stack.pop() {
        // A role that two delegate to stands below each; below itself it does not.
        if out.iter().any(|(seen, _)| std::ptr::eq(*seen, role)) {
            continue;
        }
        out.push((role, depth));
        let below = |r: &&Role| r.delegator.as_deref() == Some(role.role.as_str());
        stack.extend(roles.iter().filter(below).map(|r| (r, depth.saturating_add(1))).rev());
    }
    out
}

/// What this role says of the subject.
fn answers(v: &Verdict, role: &str) -> Vec<String> {
    let listed = v.targets.iter().flatten().map(|l| (l.tag.as_deref().or(l.path.as_deref()), &l.target));
    let subject = v.subject.tag.as_deref().or(v.subject.path.as_deref());
    let one = v.target.iter().filter(|_| v.targets.is_none()).map(|t| (subject, t));
    let speaks = |t: &Target| t.role == role || t.agreed_by.iter().any(|r| r == role);
    let said = listed.chain(one).filter(|(_, t)| speaks(t));
    said.map(|(name, t)| format!("{} {}", shown(name.unwrap_or_default()), t.digest.as_deref().unwrap_or_default()))
        .collect()
}

fn line(role: &Role) -> String {
    // TUF's key ids are any text (T-32).
    let keys: Vec<String> = role.signed_by.iter().map(|id| shown(&id.chars().take(12).collect::<String>())).collect();
    let certificates = role.certificates_until.iter().map(|at| format!(", certificates until {at}"));
    format!(
        "{} version {}, {} signed ({} needed): {}; expires {}{}\n",
        shown(&role.role),
        role.version,
        role.signed_by.len(),
        role.threshold,
        keys.join(" "),
        role.expires,
        certificates.collect::<String>(),
    )
}

/// What will be refused first if nobody does anything.
struct Next {
    at: String,
    code: &'static str,
    whose: String,
}

fn next(trust: &Trust) -> Option<Next> {
    let expiry = |role: &Role| {
        let name = role.role.as_str();
        let (code, whose) = match name {
            "root" => ("expired.root", "the publisher must sign a new root with the root keys".to_owned()),
            "timestamp" => ("expired.timestamp", "the trust server must sign a new timestamp".to_owned()),
            "snapshot" => (
                "expired.snapshot",
                "who holds the snapshot key, the trust server or the publisher, must sign it again".to_owned(),
            ),
            "targets" => ("expired.targets", "the publisher must sign targets again".to_owned()),
            name => ("expired.delegation", format!("the holders of the keys of {} must sign it again", shown(name))),
        };
        Next { at: role.expires.clone(), code, whose }
    };
    let certificates = trust.roles.iter().filter_map(|role| {
        let whose = "the publisher must sign a new root whose certificates are valid for longer".to_owned();
        Some(Next { at: role.certificates_until.clone()?, code: "pin.certificate-expired", whose })
    });
    // Times are RFC 3339 in UTC: in the order of their text, to the second.
    trust.roles.iter().map(expiry).chain(certificates).min_by(|a, b| a.at.cmp(&b.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TUF key id is any text, and a role's name too: neither reaches the terminal as it is.
    #[test]
    fn what_metadata_name_is_shown_inert() {
        let role = Role {
            role: "a\u{1b}[2J".to_owned(),
            delegator: Some("targets".to_owned()),
            version: 1,
            expires: "2030-01-01T00:00:00Z".to_owned(),
            threshold: 1,
            signed_by: vec!["\u{1b}c\u{1b}[H".to_owned() + &"\u{e9}".repeat(4_000), "0123456789abcdef".to_owned()],
            sha256: String::new(),
            certificates_until: None,
        };
        let shown = line(&role);
        assert!(!shown.trim_end().contains(|c: char| c.is_control()), "{shown:?}");
        assert!(shown.len() < 300 && shown.contains("0123456789ab;"), "{shown:?}");
    }
}
