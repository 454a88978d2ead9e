//! All targets of a TUF 1.0 repository: what the search of TUF 5.6.7 finds, path by path.

use super::search::{Found, Reach, Search, Stop, Walk, Walked};
use super::target::check_path;
use crate::error::{Code, Error};
use crate::metadata::{Paths, Targets, Verified};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// As many targets are named that the list leaves out; of more it tells their number.
const NOTES: usize = 32;

impl<'s> Search<'s, '_> {
    /// Every path that a role within reach lists, searched for as if it was asked for, all with the
    /// work of one search. What a role lists outside its paths, or behind a terminating delegation, is
    /// not among the answers (T-25).
    pub(super) fn every_target(&mut self, walk: &mut Walk) -> Walked<Vec<Found>> {
        let mut paths = BTreeSet::new();
        for file in self.within_reach(walk)? {
            // What nobody can ask for is no target (T-42).
            paths.extend(file.content().paths().filter(|path| check_path(path).is_ok()));
        }
        let (mut found, mut needs, mut left_out) = (Vec::new(), Vec::new(), 0usize);
        for path in &paths {
            walk.again(path)?;
            match self.tuf(path, walk) {
                Ok(answer) => found.extend(answer),
                // Roles that are reached through a second delegator: all of them together.
                Err(Stop::Needs(more)) => needs.extend(more),
                // Of one target, and no other: told beside the list.
                Err(Stop::Error(e)) if matches!(e.code(), Code::TargetNoDigest | Code::TargetNotSigned) => {
                    left_out = left_out.saturating_add(1);
                    if left_out <= NOTES {
                        self.note(e.in_file(path));
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        if !needs.is_empty() {
            needs.sort();
            needs.dedup();
            return Err(Stop::Needs(needs));
        }
        if left_out > NOTES {
            let why = format!("{left_out} listed targets have no answer, and are left out");
            self.note(Error::new(Code::TargetNotSigned, "T-26", why));
        }
        Ok(found)
    }

    /// The roles that a search can come to, each once; all that are still to be fetched are told
    /// together.
    fn within_reach(&mut self, walk: &mut Walk) -> Walked<Vec<&'s Verified<Targets>>> {
        let (mut seen, mut needs, mut files) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut queue = VecDeque::from([Reach::top()]);
        seen.extend(queue.iter().map(|top| top.name.clone()));
        while let Some(next) = queue.pop_front() {
            let file = match self.reached(&next) {
                Ok(file) => file,
                Err(Stop::Needs(more)) => {
                    needs.extend(more);
                    continue;
                }
                // A role that the snapshot does not list says nothing of any path (T-26).
                Err(Stop::Error(e)) if e.code() == Code::TargetNotSigned => continue,
                Err(stop) => return Err(stop),
            };
            files.push(file);
            let depth = next.depth.saturating_add(1);
            for name in self.all_children(file, walk)? {
                if seen.insert(name.clone()) {
                    self.visits(seen.len(), depth)?;
                    queue.push_back(Reach { delegator: next.name.clone(), name, depth });
                }
            }
        }
        if needs.is_empty() { Ok(files) } else { Err(Stop::Needs(needs)) }
    }

    /// All roles that a file delegates some path to; of bins those that the snapshot lists, as many as
    /// a search may visit and one more.
    fn all_children(&self, file: &Verified<Targets>, walk: &mut Walk) -> Walked<Vec<Arc<str>>> {
        let delegations = file.content().delegations();
        let most = usize::try_from(self.set.limits.roles).unwrap_or(usize::MAX).saturating_add(1);
        let Some(bins) = delegations.bins() else {
            let roles = delegations.roles().iter().filter(|d| d.paths != Paths::Nothing);
            return Ok(roles.take(most).map(|d| Arc::from(d.name.as_str())).collect());
        };
        let Some(snapshot) = self.set.snapshot() else { return Ok(Vec::new()) };
        walk.pay(snapshot.content().len() as u64)?;
        let listed = snapshot.content().roles().filter(|role| bins.holds(role));
        Ok(listed.take(most).map(Arc::from).collect())
    }
}
