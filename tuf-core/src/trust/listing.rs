//! All targets of a TUF 1.0 repository: what the search of TUF 5.6.7 finds, path by path.

use super::search::{Found, Need, Reach, Search, Stop, Walk, Walked};
use crate::error::Code;
use crate::metadata::{Paths, Targets, Verified};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

impl<'s> Search<'s, '_> {
    /// Every path that a role within reach lists, searched for as if it was asked for. What a role
    /// lists outside its paths, or behind a terminating delegation, is not among the answers (T-25).
    pub(super) fn every_target(&mut self) -> Walked<Vec<Found>> {
        let mut paths = BTreeSet::new();
        for file in self.within_reach()? {
            paths.extend(file.content().paths());
        }
        let (mut found, mut walk) = (Vec::new(), Walk::new(self.set.limits.work));
        for path in &paths {
            walk.again();
            match self.tuf(path, &mut walk) {
                Ok(answer) => found.extend(answer),
                // Of one target, and no other: told beside the list.
                Err(Stop::Error(e))
                    if matches!(e.code(), Code::TargetNoDigest | Code::TargetPath | Code::TargetNotSigned) =>
                {
                    self.note(e.in_file(path));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(found)
    }

    /// The roles that a search can come to, each once; all that are still to be fetched are told
    /// together.
    fn within_reach(&mut self) -> Walked<Vec<&'s Verified<Targets>>> {
        let (mut seen, mut needs, mut files) = (BTreeSet::new(), Vec::<Need>::new(), Vec::new());
        let mut queue = VecDeque::from([Reach::top()]);
        while let Some(next) = queue.pop_front() {
            if !seen.insert(next.name.clone()) {
                continue;
            }
            self.visits(seen.len(), next.depth)?;
            match self.reached(&next) {
                Ok(file) => {
                    let depth = next.depth.saturating_add(1);
                    let below = |name| Reach { delegator: next.name.clone(), name, depth };
                    queue.extend(self.all_children(file).into_iter().map(below));
                    files.push(file);
                }
                Err(Stop::Needs(more)) => needs.extend(more),
                // A role that the snapshot does not list says nothing of any path (T-26).
                Err(Stop::Error(e)) if e.code() == Code::TargetNotSigned => {}
                Err(stop) => return Err(stop),
            }
        }
        if needs.is_empty() { Ok(files) } else { Err(Stop::Needs(needs)) }
    }

    /// All roles that a file delegates some path to; of bins those that the snapshot lists.
    fn all_children(&self, file: &Verified<Targets>) -> Vec<Arc<str>> {
        let delegations = file.content().delegations();
        if let Some(bins) = delegations.bins() {
            let listed = self.set.snapshot().into_iter().flat_map(|s| s.content().roles());
            return listed.filter(|role| bins.holds(role)).map(Arc::from).collect();
        }
        let roles = delegations.roles().iter().filter(|d| d.paths != Paths::Nothing);
        roles.map(|d| Arc::from(d.name.as_str())).collect()
    }
}
