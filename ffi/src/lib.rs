//! The C ABI, and under it the Python and Go packages, come in a later release.
//!
//! This crate is a placeholder: it exports nothing, so that nobody links against
//! an interface that is not there yet.
