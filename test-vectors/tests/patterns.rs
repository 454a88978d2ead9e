//! Holds `patterns.json` against Python's own fnmatch, which it takes its meaning from.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

#[test]
fn the_table_of_patterns_is_pythons() {
    let script = test_vectors::root().join("generate/check-patterns.py");
    let output = Command::new("python3").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_rule_of_patterns_has_pairs_that_match_and_pairs_that_do_not() {
    let pairs = test_vectors::patterns().unwrap();
    let mut answers = BTreeMap::<&str, BTreeSet<bool>>::new();
    let mut seen = BTreeSet::new();
    for pair in &pairs {
        answers.entry(&pair.rule).or_default().insert(pair.matches);
        assert!(seen.insert((&pair.pattern, &pair.name)), "{pair:?} stands twice");
    }
    let both = answers.values().all(|answers| answers.len() == 2);
    assert!(both && answers.len() == 9, "{answers:?}");
}
