//! Tests that survivors of cargo-mutants asked for: what the other fast tests would not notice.
//! `docs/mutants.md` lists what is left, and why.
