#![doc = include_str!("../README.md")]

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
