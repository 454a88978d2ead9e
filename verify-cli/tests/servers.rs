//! The command against real servers: docker-registry, notary-server and notary-signer on loopback,
//! images that are pushed and signed by the reference client.
//!
//! All of it is below `with_servers`, so that `--skip with_servers::` leaves it out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "common/bad_server.rs"]
mod bad_server;
mod common;
#[path = "common/servers.rs"]
mod servers;

mod with_servers {
    mod between;
    mod collections;
    mod connections;
    mod first_use;
    mod keys;
    mod messages;
    mod tokens;
}
