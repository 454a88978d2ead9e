//! Strict verification of TUF 1.0 and Notary v1 trust data.
//!
//! Bytes become trusted in one direction, through one narrow door, and nothing that talks to the
//! world is inside it: module [`trust`] is a machine that says what it needs next, and is handed
//! the answer; [`client`] drives it with a store and a transport.

pub mod canonical;
pub mod certificate;
#[cfg(feature = "client")]
pub mod client;
pub mod crypto;
pub mod error;
pub mod image;
pub mod json;
pub mod limits;
pub mod metadata;
pub mod store;
pub mod time;
pub mod transport;
pub mod trust;
pub mod verdict;
pub mod verify;
pub mod wire;

pub use error::{Answer, Code, Error, Result};
