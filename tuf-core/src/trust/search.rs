//! The search in the trusted set: pure, so "look up; fetch what it needs; again".
//!
//! TUF 1.0 goes depth first (5.6.7, T-21); Notary breadth first, by a tag rule (N-30 to N-34).

use super::{Exception, TrustedSet};
use crate::crypto::PublicKey;
use crate::error::{Code, Error, Result, shown};
use crate::limits::Budget;
use crate::metadata::{Delegation, Delegations, Format, Keys, Paths, RoleKeys, Target, Targets, Verified, role};
use crate::time::Time;
use crate::verify::not_expired;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

const RELEASES: &str = "targets/releases";

/// Whose word counts for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagRule {
    /// What the docker client does (N-30).
    ReleasesFirst,
    /// What `notary lookup` does (N-31).
    TargetsFirst,
    /// Exact roles, of which so many must agree (N-32).
    Required {
        /// The roles.
        roles: Vec<String>,
        /// How many of them must name the same digest.
        count: usize,
    },
    /// The specification's search (TUF 5.6.7).
    Search,
}

impl TagRule {
    /// The words that the verdict uses.
    pub fn to_words(&self) -> String {
        match self {
            TagRule::ReleasesFirst => "releases-first".to_owned(),
            TagRule::TargetsFirst => "targets-first".to_owned(),
            TagRule::Required { roles, count } => format!("{count} of {}", roles.join(", ")),
            TagRule::Search => "search".to_owned(),
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// One target.
    Name(String),
    /// Everything that is signed.
    All,
    /// Every name of an image digest (SHA-256): only roles that the rule lets answer count (N-34).
    Digest([u8; 32]),
}

/// A target, and whose word it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The target's path; for images, the tag.
    pub path: String,
    /// What is signed of it.
    pub target: Target,
    /// The role that answers.
    pub role: String,
    /// The roles that agree, where some were required.
    pub agreed_by: Vec<String>,
}

/// A role that the search needs before it can go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Need {
    /// Whose delegation leads to it.
    pub delegator: String,
    /// The role.
    pub role: String,
}

/// The answer of a look-up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Lookup {
    /// What was found, sorted by path; one entry for [`Query::Name`].
    Found(Vec<Found>),
    /// These roles are needed first.
    Needs(Vec<Need>),
    /// Nobody who may answer signs it.
    Absent,
}

/// Ways a walk ends early.
pub(super) enum Stop {
    Needs(Vec<Need>),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Stop::Error(e)
    }
}

pub(super) type Walked<T> = std::result::Result<T, Stop>;

/// A role that the walk came to.
struct Visit<'s> {
    name: &'s str,
    file: &'s Verified<Targets>,
    /// The paths it is trusted for, those of its parents taken into account (N-2).
    paths: Paths,
}

impl Visit<'_> {
    fn found(&self, path: &str, target: Target) -> Found {
        Found { path: path.to_owned(), target, role: self.name.to_owned(), agreed_by: Vec::new() }
    }
}

impl TrustedSet {
    /// Looks up by `rule` at the time of the run; `notes` receives what was passed by, and why.
    ///
    /// # Errors
    /// Those of [`TrustedSet::lookup_at`].
    pub fn lookup(&self, query: &Query, rule: &TagRule, notes: &mut Vec<Error>) -> Result<Lookup> {
        self.lookup_at(query, rule, self.start, notes)
    }

    /// Looks up at a later time: all roles that the answer rests on must be unexpired then (T-2). The
    /// certificates of Notary's root are judged by a run, at its start, and not here.
    ///
    /// # Errors
    /// `expired.*`, `target.*`, `quorum.not-met`, `rollback.removed`, `limit.*`.
    ///
    /// ```
    /// use tuf_core::{time::Time, trust::{Lookup, Query, TagRule, TrustedSet}};
    /// /// For a program that keeps the set of its last refresh.
    /// fn is_signed(set: &TrustedSet, path: &str, now: Time) -> Result<bool, tuf_core::Error> {
    ///     let answer = set.lookup_at(&Query::Name(path.into()), &TagRule::Search, now, &mut Vec::new())?;
    ///     Ok(matches!(answer, Lookup::Found(_)))
    /// }
    /// ```
    pub fn lookup_at(&self, query: &Query, rule: &TagRule, now: Time, notes: &mut Vec<Error>) -> Result<Lookup> {
        self.lookup_on(query, rule, now, notes, &mut Walk::new(self.limits.work))
    }

    /// The same, going on with a walk for this query that needed a role.
    pub(super) fn lookup_on(
        &self,
        query: &Query,
        rule: &TagRule,
        now: Time,
        notes: &mut Vec<Error>,
        walk: &mut Walk,
    ) -> Result<Lookup> {
        not_expired(&self.root, now)?;
        self.timestamp.as_ref().map_or(Ok(()), |timestamp| not_expired(timestamp, now))?;
        self.snapshot.as_ref().map_or(Ok(()), |snapshot| not_expired(snapshot, now))?;
        let mut search = Search { set: self, now, notes, budget: Budget::new(self.limits.work) };
        let outcome = match (self.wire.format, rule, query) {
            (Format::Tuf1, _, Query::Name(path)) => search.tuf(path, walk),
            (Format::Tuf1, _, Query::All) => search.every_target(walk),
            (Format::Tuf1, _, Query::Digest(_)) => Err(Stop::Error(Error::new(
                Code::UsageArgument,
                "T-21",
                "a TUF 1.0 repository is searched by path: it cannot be asked for a digest alone",
            ))),
            (Format::Notary1, TagRule::Required { roles, count }, query) => search.required(query, roles, *count),
            (Format::Notary1, TagRule::ReleasesFirst, Query::Name(tag)) => search.releases_first(tag),
            (Format::Notary1, _, Query::Name(tag)) => search.targets_first(tag),
            (Format::Notary1, rule, query) => search.listed(query, rule),
        };
        match outcome {
            Ok(found) if found.is_empty() && *query != Query::All => Ok(Lookup::Absent),
            Ok(found) => Ok(Lookup::Found(found)),
            Err(Stop::Needs(needs)) => Ok(Lookup::Needs(needs)),
            Err(Stop::Error(e)) => Err(e),
        }
    }
}

/// How far a search of TUF 1.0 is. It goes on where it needed a role: what was compared before is
/// neither compared nor paid for again.
pub(super) struct Walk {
    /// The roles to be visited; the last is the next.
    stack: Vec<Reach>,
    seen: BTreeSet<Arc<str>>,
    budget: Budget,
}

/// A role to be visited.
pub(super) struct Reach {
    /// Shared by all that it delegates to: a name may be long, and they many.
    pub(super) delegator: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) depth: u64,
}

impl Reach {
    /// The top-level targets.
    pub(super) fn top() -> Self {
        Reach { delegator: role::ROOT.into(), name: role::TARGETS.into(), depth: 0 }
    }
}

impl Walk {
    /// A search from the top-level targets on, with so much work.
    pub(super) fn new(work: u64) -> Self {
        Walk { stack: vec![Reach::top()], seen: BTreeSet::new(), budget: Budget::new(work) }
    }

    /// Begins a search for another path, with the work that is left.
    ///
    /// # Errors
    /// `limit.work`.
    pub(super) fn again(&mut self, path: &str) -> Result<()> {
        (self.stack, self.seen) = (vec![Reach::top()], BTreeSet::new());
        self.pay((path.len() as u64).saturating_add(64))
    }

    /// Pays for work that is no comparison.
    pub(super) fn pay(&mut self, work: u64) -> Result<()> {
        self.budget.spend(work)
    }
}

pub(super) struct Search<'s, 'n> {
    pub(super) set: &'s TrustedSet,
    now: Time,
    notes: &'n mut Vec<Error>,
    budget: Budget,
}

impl<'s> Search<'s, '_> {
    /// The top-level targets, where every walk begins.
    fn top(&self) -> Result<Visit<'s>> {
        let file = self.set.top_level_targets().ok_or_else(|| super::internal("no targets yet"))?;
        not_expired(file, self.now)?;
        Ok(Visit { name: role::TARGETS, file, paths: Paths::Prefixes(vec![String::new()]) })
    }

    /// TUF 5.6.7: pre-order depth first in order of appearance; a role counts at its first visit.
    pub(super) fn tuf(&self, path: &str, walk: &mut Walk) -> Walked<Vec<Found>> {
        super::target::check_path(path)?;
        while let Some(next) = walk.stack.pop() {
            if walk.seen.contains(&next.name) {
                continue;
            }
            self.visits(walk.seen.len().saturating_add(1), next.depth)?;
            let file = match self.reached(&next) {
                Err(Stop::Needs(needs)) => {
                    walk.stack.push(next);
                    return Err(Stop::Needs(needs));
                }
                reached => reached?,
            };
            if let Some(target) = file.content().target(path)? {
                if target.hashes.is_empty() || target.length.is_none() {
                    return Err(no_digest(path, &next.name, "T-40").into());
                }
                let role = next.name.to_string();
                return Ok(vec![Found { path: path.to_owned(), target, role, agreed_by: Vec::new() }]);
            }
            let (children, terminating) = children(file.content().delegations(), path, &mut walk.budget)?;
            if terminating {
                walk.stack.clear();
            }
            let depth = next.depth.saturating_add(1);
            let below = |name| Reach { delegator: next.name.clone(), name, depth };
            walk.stack.extend(children.into_iter().rev().map(below));
            walk.seen.insert(next.name);
        }
        Ok(Vec::new())
    }

    /// A role of TUF's search, as its delegator names the keys; one that the snapshot does not
    /// list ends the search (T-26).
    pub(super) fn reached(&self, Reach { delegator, name, .. }: &Reach) -> Walked<&'s Verified<Targets>> {
        if let Some(file) = self.set.targets(delegator, name) {
            not_expired(file, self.now)?;
            return Ok(file);
        }
        if self.set.listed_targets(name)?.is_some() {
            return Err(Stop::Needs(vec![Need { delegator: delegator.to_string(), role: name.to_string() }]));
        }
        let unlisted = "a role that should answer is not listed by the snapshot";
        Err(Error::new(Code::TargetNotSigned, "T-26", unlisted).for_role(name).into())
    }

    pub(super) fn visits(&self, count: usize, depth: u64) -> Result<()> {
        if count as u64 > self.set.limits.roles {
            return Err(Error::new(Code::LimitRoles, "T-28", "the search visits too many roles")
                .values(self.set.limits.roles, count));
        }
        if depth > self.set.limits.depth {
            return Err(
                Error::new(Code::LimitDepth, "T-28", "delegations nest too deep").values(self.set.limits.depth, depth)
            );
        }
        Ok(())
    }

    /// What a delegation leads to: a verified role, a need, or nothing (unpublished, or passed by
    /// in compatible mode).
    fn reach(&mut self, step: &Step<'s>) -> Walked<Option<Visit<'s>>> {
        let name = step.delegation.name.as_str();
        if let Some(file) = self.set.targets(step.delegator, name) {
            if let Err(expired) = not_expired(file, self.now) {
                if !self.set.allows(Exception::DelegationExpired) {
                    return Err(expired.into());
                }
                self.note(expired);
                return Ok(None);
            }
            return Ok(Some(Visit { name, file, paths: step.paths.clone() }));
        }
        if self.set.broken.contains_key(name) {
            return Ok(None);
        }
        if self.set.snapshot().is_some_and(|s| s.content().lists(name)) {
            return Err(Stop::Needs(vec![Need { delegator: step.delegator.to_owned(), role: name.to_owned() }]));
        }
        if self.set.memory.listed.contains(name) {
            let gone = Error::new(
                Code::RollbackRemoved,
                "N-40",
                "a role that an earlier snapshot listed is gone, though it is still delegated",
            )
            .for_role(name);
            if !self.set.allows(Exception::RemovedEntry) {
                return Err(gone.into());
            }
            self.note(gone);
            return Ok(None);
        }
        let unpublished = "a delegation that was never published answers nothing";
        self.note(Error::new(Code::DelegationUnpublished, "N-40", unpublished).for_role(name));
        Ok(None)
    }

    pub(super) fn note(&mut self, note: Error) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Breadth first from `start`: every role that is trusted for `tag` (all, without one), in
    /// order; `visit` returns true to end the walk. Without a tag all needs that are in sight are
    /// told at once; with one, what stands before them may answer first.
    fn walk(
        &mut self,
        start: Visit<'s>,
        skip: Option<&str>,
        tag: Option<&str>,
        mut visit: impl FnMut(&Visit<'s>) -> Result<bool>,
    ) -> Walked<()> {
        if tag.is_some_and(|tag| !start.covers(tag)) {
            return Ok(());
        }
        let mut queue = VecDeque::new();
        let mut needs = Vec::new();
        let mut count = 1usize;
        let mut next = Some((start, 0u64));
        loop {
            if let Some((here, depth)) = next {
                let compared = if tag.is_none() { here.file.content().len() } else { 1 };
                self.budget.spend(here.weight().saturating_mul(compared as u64))?;
                if visit(&here)? {
                    return Ok(());
                }
                for step in here.steps(&mut self.budget)? {
                    if skip != Some(step.delegation.name.as_str()) && tag.is_none_or(|tag| covers(&step.paths, tag)) {
                        queue.push_back((step, depth.saturating_add(1)));
                    }
                }
            }
            let Some((step, depth)) = queue.pop_front() else { break };
            count = count.saturating_add(1);
            self.visits(count, depth)?;
            next = match self.reach(&step) {
                Ok(visit) => visit.map(|visit| (visit, depth)),
                Err(Stop::Needs(more)) if tag.is_none() => {
                    needs.extend(more);
                    None
                }
                Err(stop) => return Err(stop),
            };
        }
        if needs.is_empty() { Ok(()) } else { Err(Stop::Needs(needs)) }
    }

    /// N-30: the subtree of `targets/releases`, then everything else from `targets`; what is found
    /// first in another role does not speak for the tag.
    fn releases_first(&mut self, tag: &str) -> Walked<Vec<Found>> {
        let mut first = None;
        if let Some(releases) = self.releases(Some(tag))? {
            self.walk(releases, None, Some(tag), |v| keep_first(v, tag, &mut first))?;
        }
        if first.is_none() {
            let top = self.top()?;
            self.walk(top, Some(RELEASES), Some(tag), |v| keep_first(v, tag, &mut first))?;
        }
        match first {
            Some(found) if found.role == RELEASES || found.role == role::TARGETS => {
                with_digest(found).map_err(Stop::Error)
            }
            Some(found) => Err(Error::new(
                Code::TargetOtherRole,
                "N-30",
                "the tag is found first in a role that does not speak for it",
            )
            .for_role(&found.role)
            .values("targets/releases or targets", shown(&found.role))
            .into()),
            None => Ok(Vec::new()),
        }
    }

    /// The role `targets/releases`, if it is delegated and there.
    fn releases(&mut self, tag: Option<&str>) -> Walked<Option<Visit<'s>>> {
        let steps = self.top()?.steps(&mut self.budget)?;
        let step = steps.into_iter().find(|step| step.delegation.name == RELEASES);
        match step.filter(|step| tag.is_none_or(|tag| covers(&step.paths, tag))) {
            Some(step) => self.reach(&step),
            None => Ok(None),
        }
    }

    /// N-31: breadth first from `targets`.
    fn targets_first(&mut self, tag: &str) -> Walked<Vec<Found>> {
        let mut first = None;
        let top = self.top()?;
        self.walk(top, None, Some(tag), |v| keep_first(v, tag, &mut first))?;
        first.map_or(Ok(Vec::new()), |found| with_digest(found).map_err(Stop::Error))
    }

    /// All tags as the rule answers them, or those of one digest (N-34).
    fn listed(&mut self, query: &Query, rule: &TagRule) -> Walked<Vec<Found>> {
        let mut tags: BTreeMap<String, Found> = BTreeMap::new();
        let releases_first = *rule == TagRule::ReleasesFirst;
        if releases_first && let Some(releases) = self.releases(None)? {
            self.walk(releases, None, None, |v| keep_all(v, &mut tags))?;
        }
        let top = self.top()?;
        let skip = releases_first.then_some(RELEASES);
        // For a digest alone, roles that can never answer it are not looked into.
        let only_top = releases_first && matches!(query, Query::Digest(_));
        self.walk(top, skip, None, |v| keep_all(v, &mut tags).map(|_| only_top))?;
        let mut out = Vec::new();
        for (_, found) in tags {
            let other_role = releases_first && found.role != RELEASES && found.role != role::TARGETS;
            if other_role {
                let e = Error::new(
                    Code::TargetOtherRole,
                    "N-30",
                    format!("the tag `{}` is left out: its role does not speak for it", shown(&found.path)),
                );
                self.note(e.for_role(&found.role));
            } else {
                out.extend(self.of_query(query, found)?);
            }
        }
        Ok(out)
    }

    /// Whether a listed target belongs to the answer; one without a full SHA-256 refuses a list
    /// (N-40), and is left out of it in compatible mode (N-41).
    fn of_query(&mut self, query: &Query, found: Found) -> Result<Option<Found>> {
        if found.target.hashes.sha256.is_none() {
            let e = no_digest(&found.path, &found.role, "N-40");
            if !self.set.allows(Exception::TargetWithoutDigest) {
                return Err(e);
            }
            self.note(e);
            return Ok(None);
        }
        let wanted = match query {
            Query::Digest(digest) => found.target.hashes.sha256 == Some(*digest),
            _ => true,
        };
        Ok(wanted.then_some(found))
    }

    /// N-32: exactly these roles; `count` of them must name one digest, and none another.
    fn required(&mut self, query: &Query, roles: &[String], count: usize) -> Walked<Vec<Found>> {
        let tag = if let Query::Name(tag) = query { Some(tag.as_str()) } else { None };
        let mut visits = Vec::new();
        for name in roles {
            visits.extend(self.exact(name, tag)?);
        }
        let tags: BTreeSet<String> = match tag {
            Some(tag) => BTreeSet::from([tag.to_owned()]),
            None => visits.iter().flat_map(|v| v.file.content().paths().map(|p| p.into_owned())).collect(),
        };
        let mut out = Vec::new();
        for name in tags {
            match self.agreed(&name, &visits, roles, count) {
                Ok(found) => out.extend(self.of_query(query, found)?),
                Err(e) if tag.is_some() => return Err(e.into()),
                Err(e) => self.note(e),
            }
        }
        Ok(out)
    }

    /// One exact role, reached from `targets` through its parents; none if nothing delegates to
    /// it, or the paths on the way do not cover the tag.
    fn exact(&mut self, name: &str, tag: Option<&str>) -> Walked<Option<Visit<'s>>> {
        let mut here = self.top()?;
        while here.name != name {
            let on_the_way = |step: &Step<'_>| {
                name == step.delegation.name || name.starts_with(&format!("{}/", step.delegation.name))
            };
            let Some(step) = here.steps(&mut self.budget)?.into_iter().find(on_the_way) else { return Ok(None) };
            if tag.is_some_and(|tag| !covers(&step.paths, tag)) {
                return Ok(None);
            }
            match self.reach(&step)? {
                Some(visit) => here = visit,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// Whether enough of the required roles name one digest for a tag, each with a signing key of
    /// its own.
    fn agreed(&mut self, tag: &str, visits: &[Visit<'s>], roles: &[String], count: usize) -> Result<Found> {
        let mut naming = Vec::new();
        for visit in visits {
            self.budget.spend(visit.weight())?;
            if !visit.covers(tag) {
                continue;
            }
            if let Some(target) = visit.file.content().target(tag)? {
                naming.push((visit, target));
            }
        }
        let not_met = |why: &str, found: &str| {
            let e = Error::new(
                Code::QuorumNotMet,
                "N-32",
                format!("the required roles do not agree on `{}`: {why}", shown(tag)),
            );
            e.values(format_args!("{count} of {}", roles.join(", ")), found)
        };
        let names = naming.iter().map(|(v, _)| v.name).collect::<Vec<_>>().join(", ");
        let Some((first, target)) = naming.first() else {
            return Err(not_met("none of them signs it", "none"));
        };
        if target.hashes.sha256.is_none() {
            return Err(no_digest(tag, first.name, "N-32"));
        }
        if naming.iter().any(|(_, t)| t.hashes.sha256 != target.hashes.sha256) {
            return Err(not_met("they name different digests", &names));
        }
        let counted: Vec<BTreeSet<&PublicKey>> = naming.iter().map(|(v, _)| self.signers(v)).collect();
        let mut own_keys = distinct_signers(&counted);
        if own_keys < count {
            // What was counted stops at each threshold: the other signatures may tell keys apart.
            let mut all = Vec::new();
            for (visit, _) in &naming {
                all.push(self.all_signers(visit)?);
            }
            own_keys = distinct_signers(&all);
        }
        if own_keys < count {
            return Err(not_met("too few of them, each by a key of its own", &names));
        }
        let agreed_by = naming.iter().map(|(v, _)| v.name.to_owned()).collect();
        Ok(Found { agreed_by, ..first.found(tag, target.clone()) })
    }

    /// The keys and the role as its delegator lists them.
    fn delegated(&self, visit: &Visit<'s>) -> Option<(&'s Keys, &'s RoleKeys)> {
        let root = self.set.root().content();
        let Some((parent, _)) = visit.name.rsplit_once('/') else {
            return Some((root.keys(), root.role(visit.name).ok()?));
        };
        let parent =
            self.set.targets.iter().find(|((_, n), _)| n == parent).map(|(_, file)| file.content().delegations());
        parent.and_then(|d| Some((d.keys(), d.get(visit.name)?.keys())))
    }

    /// The keys that were counted for a role.
    fn signers(&self, visit: &Visit<'s>) -> BTreeSet<&'s PublicKey> {
        let keys = self.delegated(visit).map(|(keys, _)| keys);
        let ids = visit.file.signed_by().iter();
        ids.filter_map(|id| keys?.get(id)?.public.as_ref().ok()).collect()
    }

    /// All keys that signed a role.
    fn all_signers(&mut self, visit: &Visit<'s>) -> Result<BTreeSet<&'s PublicKey>> {
        let Some((keys, role_keys)) = self.delegated(visit) else { return Ok(BTreeSet::new()) };
        visit.file.all_signers(keys, role_keys, &mut self.budget)
    }
}

/// The delegated roles that are trusted for a path, in order of appearance, up to one that ends the
/// search behind it; whether there is one (T-21). Bins end it (T-24).
fn children(delegations: &Delegations, path: &str, budget: &mut Budget) -> Result<(Vec<Arc<str>>, bool)> {
    if let Some(bins) = delegations.bins() {
        return Ok((vec![bins.role_of(path).into()], true));
    }
    let mut names = Vec::new();
    for delegation in delegations.roles() {
        if delegation.paths.match_path(path, budget)? {
            names.push(delegation.name.as_str().into());
            if delegation.terminating {
                return Ok((names, true));
            }
        }
    }
    Ok((names, false))
}

/// A delegation on the way, with the paths that are left of it below its parents (N-2).
struct Step<'s> {
    delegator: &'s str,
    delegation: &'s Delegation,
    paths: Paths,
}

impl<'s> Visit<'s> {
    fn covers(&self, tag: &str) -> bool {
        covers(&self.paths, tag)
    }

    /// How many prefixes are compared with one name.
    fn weight(&self) -> u64 {
        weight(&self.paths)
    }

    /// The delegations, with what is left of their paths; the comparison is paid for.
    fn steps(&self, budget: &mut Budget) -> Result<Vec<Step<'s>>> {
        let file: &'s Targets = self.file.content();
        let mut out = Vec::new();
        for delegation in file.delegations().roles() {
            budget.spend(weight(&delegation.paths).saturating_mul(self.weight()))?;
            let paths = narrowed(&delegation.paths, &self.paths);
            out.push(Step { delegator: self.name, delegation, paths });
        }
        Ok(out)
    }
}

fn weight(paths: &Paths) -> u64 {
    if let Paths::Prefixes(list) = paths { (list.len() as u64).max(1) } else { 1 }
}

fn covers(paths: &Paths, tag: &str) -> bool {
    matches!(paths, Paths::Prefixes(list) if list.iter().any(|prefix| tag.starts_with(prefix.as_str())))
}

/// N-2: a child keeps only paths that start with one of its parent's.
fn narrowed(child: &Paths, parent: &Paths) -> Paths {
    match (child, parent) {
        (Paths::Prefixes(child), Paths::Prefixes(parent)) => {
            let kept: Vec<String> =
                child.iter().filter(|c| parent.iter().any(|p| c.starts_with(p.as_str()))).cloned().collect();
            if kept.is_empty() { Paths::Nothing } else { Paths::Prefixes(kept) }
        }
        _ => Paths::Nothing,
    }
}

/// Keeps what a role says of the tag, and ends the walk there.
fn keep_first(visit: &Visit<'_>, tag: &str, first: &mut Option<Found>) -> Result<bool> {
    *first = visit.file.content().target(tag)?.map(|target| visit.found(tag, target));
    Ok(first.is_some())
}

/// Keeps all that a role says and nobody said before.
fn keep_all(visit: &Visit<'_>, tags: &mut BTreeMap<String, Found>) -> Result<bool> {
    for path in visit.file.content().paths() {
        if tags.contains_key(path.as_ref()) || !visit.covers(&path) {
            continue;
        }
        if let Some(target) = visit.file.content().target(&path)? {
            tags.insert(path.to_string(), visit.found(&path, target));
        }
    }
    Ok(false)
}

fn with_digest(found: Found) -> Result<Vec<Found>> {
    if found.target.hashes.sha256.is_some() {
        Ok(vec![found])
    } else {
        Err(no_digest(&found.path, &found.role, "N-41"))
    }
}

fn no_digest(path: &str, role: &str, rule: &'static str) -> Error {
    Error::new(Code::TargetNoDigest, rule, format!("`{}` is listed without a digest that can be checked", shown(path)))
        .for_role(role)
}

/// How many of the roles can be given a signing key of their own: a greatest matching of roles
/// and keys, one augmenting path at a time (Kuhn).
fn distinct_signers(signers: &[BTreeSet<&PublicKey>]) -> usize {
    let mut owner: BTreeMap<&PublicKey, usize> = BTreeMap::new();
    (0..signers.len()).filter(|role| take_key(*role, signers, &mut owner, &mut BTreeSet::new())).count()
}

fn take_key<'k>(
    role: usize,
    signers: &[BTreeSet<&'k PublicKey>],
    owner: &mut BTreeMap<&'k PublicKey, usize>,
    tried: &mut BTreeSet<&'k PublicKey>,
) -> bool {
    let Some(keys) = signers.get(role) else { return false };
    for key in keys {
        if !tried.insert(key) {
            continue;
        }
        let free = match owner.get(key).copied() {
            None => true,
            Some(other) => take_key(other, signers, owner, tried),
        };
        if free {
            owner.insert(key, role);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-32.8: one key behind two roles counts once, whichever role it is given to.
    #[test]
    fn roles_count_while_each_has_a_key_of_its_own() {
        let keys: Vec<PublicKey> = (1..4).map(|n| PublicKey::Ed25519([n; 32])).collect();
        let count = |roles: &[&[usize]]| {
            let sets: Vec<BTreeSet<&PublicKey>> = roles.iter().map(|r| r.iter().map(|i| &keys[*i]).collect()).collect();
            distinct_signers(&sets)
        };
        assert_eq!(count(&[&[0], &[0]]), 1);
        assert_eq!(count(&[&[0], &[1]]), 2);
        assert_eq!(count(&[&[0, 1], &[0]]), 2, "the first role gives way");
        assert_eq!(count(&[&[0, 1], &[0, 1], &[0, 1]]), 2);
        assert_eq!(count(&[&[0, 1], &[0], &[1, 2]]), 3);
        assert_eq!(count(&[]), 0);
    }

    /// N-2.5: a child's paths are only those that start with one of its parent's.
    #[test]
    fn a_child_keeps_what_its_parent_may_give() {
        let prefixes = |list: &[&str]| Paths::Prefixes(list.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(narrowed(&prefixes(&["hot-", "x"]), &prefixes(&["hot"])), prefixes(&["hot-"]));
        assert_eq!(narrowed(&prefixes(&[""]), &prefixes(&["hot"])), Paths::Nothing);
        assert_eq!(narrowed(&prefixes(&["a"]), &prefixes(&[""])), prefixes(&["a"]));
        assert_eq!(narrowed(&Paths::Nothing, &prefixes(&[""])), Paths::Nothing);
    }
}
