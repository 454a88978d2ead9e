//! A repository of either format whose tag 1.0 stands in a delegation, and a client that knows it.

use super::{Keeper, Repo, found, of};
use tuf_core::metadata::role;
use tuf_core::trust::FileName;

pub(crate) const RELEASES: &str = "targets/releases";
pub(crate) const BOTH: [bool; 2] = [true, false];

/// A repository whose tag 1.0 stands in a delegation.
pub(crate) fn repo(tuf: bool) -> Repo {
    let mut repo = if tuf { Repo::tuf() } else { Repo::notary() };
    repo.delegate("targets", RELEASES, &[if tuf { "*" } else { "" }]);
    repo.target(RELEASES, "1.0", "one");
    repo
}

/// A repository, and the same a version further.
pub(crate) fn pair(tuf: bool) -> (Repo, Repo) {
    let old = repo(tuf);
    let new = next(&old);
    (old, new)
}

/// Everything one version further, with the delegation's tag moved.
pub(crate) fn next(repo: &Repo) -> Repo {
    let mut repo = repo.clone();
    repo.target(RELEASES, "1.0", "two");
    repo.bump(&[role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, RELEASES]);
    repo
}

/// The path under which a role's file is asked for, checksums written as `#`.
pub(crate) fn served(tuf: bool, name: &str, version: u64) -> String {
    match (tuf, name) {
        (_, role::TIMESTAMP) => "timestamp.json".to_owned(),
        (true, name) => format!("{version}.{}.json", name.replace('/', "%2F")),
        (false, name) => format!("{name}.#.json"),
    }
}

pub(crate) fn file_of(name: &str) -> FileName {
    match name {
        role::TIMESTAMP => FileName::Timestamp,
        role::SNAPSHOT => FileName::Snapshot,
        name => FileName::Targets(name.to_owned()),
    }
}

pub(crate) const ROLES: [&str; 4] = [role::TIMESTAMP, role::SNAPSHOT, role::TARGETS, RELEASES];

/// A client over a folder that answered once.
pub(crate) fn warm(repo: &Repo) -> Keeper {
    let mut keeper = Keeper::of(repo);
    let answer = keeper.look(&mut repo.publish(), "1.0");
    assert_eq!(found(&answer), of("one", RELEASES), "{answer:?}");
    keeper
}
