//! What several fuzz targets share.

use std::collections::BTreeSet;
use tuf_core::json;
use tuf_core::limits::Budget;
use tuf_core::metadata::{Format, Metadata, Root, Snapshot, Targets, Unverified};
use tuf_core::wire::{KeyIds, Wire};
use tuf_core::{Result, canonical};

/// Signature checks of one input: RSA is slow.
const WORK: u64 = 100_000;
/// Entries of one file that are asked for one by one.
const ENTRIES: usize = 16;

/// Reads `data` as each role, in both ways of reading, and checks what must hold of every answer.
pub fn read_as_every_role(format: Format, data: &[u8]) {
    if let Some(root) = read(format, data, |w, b| w.root(b)) {
        look_at_root(root);
    }
    if let Some(file) = read(format, data, |w, b| w.timestamp(b)) {
        let _ = file.claims().snapshot().hashes().map(|h| h.check(data));
    }
    if let Some(file) = read(format, data, |w, b| w.snapshot(b)) {
        look_at_snapshot(format, file.claims());
    }
    for name in ["targets", "targets/releases"] {
        if let Some(file) = read(format, data, |w, b| w.targets(name, b)) {
            look_at_targets(file.claims());
        }
    }
}

fn read<T: Metadata>(
    format: Format,
    data: &[u8],
    read: impl Fn(&Wire, Vec<u8>) -> Result<Unverified<T>>,
) -> Option<Unverified<T>> {
    let strict = Wire::strict(format);
    let other = match format {
        Format::Notary1 => Wire { compatible: true, ..strict },
        Format::Tuf1 => Wire { key_ids: KeyIds::Computed, ..strict },
        _ => return None,
    };
    let (a, b) = (read(&strict, data.to_vec()), read(&other, data.to_vec()));
    for error in [&a, &b].into_iter().filter_map(|r| r.as_ref().err()) {
        let code = error.code().as_str();
        assert!(code.starts_with("parse.") || code.starts_with("limit."), "reading answers {code}");
    }
    match (&a, &b) {
        (Ok(a), Ok(b)) => same(a, b),
        (Ok(_), Err(e)) => panic!("strict reading passes, the other refuses: {e}"),
        (Err(e), Ok(_)) if format == Format::Tuf1 => panic!("a key id is no matter of reading: {e}"),
        _ => {}
    }
    if a.is_ok() || b.is_ok() {
        assert!(json::check(data).is_ok(), "read, though it is no strict JSON");
        let form = canonical::form(data).expect("a canonical form of strict JSON");
        // Control characters are raw in it, which is no JSON.
        if !form.iter().any(|byte| *byte < 0x20) {
            let (c, d) = (read(&strict, form.clone()), read(&other, form));
            assert_eq!((a.is_ok(), b.is_ok()), (c.is_ok(), d.is_ok()), "white space decides");
            if let (Ok(b), Ok(d)) = (&b, &d) {
                same(b, d);
            }
        }
    }
    a.or(b).ok()
}

fn same<T: Metadata>(a: &Unverified<T>, b: &Unverified<T>) {
    assert_eq!(a.claims().version(), b.claims().version());
    assert_eq!(a.claims().expires(), b.claims().expires());
}

/// A root that its own keys sign meets its threshold by distinct key material.
fn look_at_root(root: Unverified<Root>) {
    let keys = root.claims().keys().clone();
    let Ok(role) = root.claims().role("root").cloned() else { return };
    assert!(role.threshold() >= 1);
    for name in ["timestamp", "snapshot", "targets", "mirrors"] {
        let _ = root.claims().role(name);
    }
    if let Ok(root) = root.verify("root", &keys, &role, &mut Budget::new(WORK)) {
        let ids = root.signed_by();
        assert!(ids.iter().all(|id| role.key_ids().contains(id)), "signed by a key of another role");
        let material: BTreeSet<_> =
            ids.iter().filter_map(|id| keys.get(id)?.public().ok()).map(|key| format!("{key:?}")).collect();
        assert!(material.len() as u64 >= role.threshold(), "trusted below its threshold");
    }
}

fn look_at_snapshot(format: Format, snapshot: &Snapshot) {
    for role in snapshot.roles().take(ENTRIES) {
        assert!(snapshot.lists(&role), "{role:?} is named and not listed");
        let meta = snapshot.meta(&role);
        assert!(!matches!(meta, Ok(None)), "{role:?} is listed and has no entry");
        assert!(meta.is_ok() || format == Format::Notary1, "an entry that is read late: {meta:?}");
    }
}

fn look_at_targets(targets: &Targets) {
    assert_eq!(targets.is_empty(), targets.len() == 0);
    let mut paths: Vec<String> = targets.paths().take(ENTRIES).map(|p| p.into_owned()).collect();
    for path in &paths {
        let found = targets.target(path);
        assert!(matches!(found, Ok(Some(_))), "{path:?} is listed and is not found: {found:?}");
    }
    paths.extend(["".to_owned(), "app/1.0".to_owned()]);
    if let Some(bins) = targets.delegations().bins() {
        for path in &paths {
            let bin = bins.role_of(path);
            assert!(targets.delegations().keys_of(&bin).is_some(), "{bin:?} is no bin, and {path:?} belongs to it");
        }
    }
    for delegation in targets.delegations().roles().iter().take(ENTRIES) {
        assert!(delegation.keys().threshold() >= 1);
        for path in &paths {
            let _ = delegation.paths().match_path(path, &mut Budget::new(WORK));
        }
    }
}
