//! Keys that change, on trust servers that hold some of them.

use crate::common::User;
use crate::servers::{Image, Publisher, Servers};
use serde_json::Value;

/// A tag is this image for whoever knew the collection before, and for somebody new who pins its newest root.
fn everybody_trusts(publisher: &Publisher<'_>, warm: &User, tag: &str, image: &Image) -> Value {
    publisher.trusted(&publisher.user(), tag, image, &[]);
    publisher.trusted(warm, tag, image, &[])
}

fn walked(document: &Value) -> &Value {
    &document["trust"][0]["root_versions"]
}

/// N-11.1 N-11.2 N-11.3 N-11.7 N-12.1 N-20.1 T-8.1
#[test]
fn the_root_key_is_rotated() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/root", &["1.0"]);
    let first = publisher.user();
    let warm = publisher.user();
    publisher.trusted(&warm, "1.0", &images[0], &[]);
    publisher.rotate("root", &[]);
    let second = publisher.user();
    everybody_trusts(&publisher, &warm, "1.0", &images[0]);
    publisher.rotate("root", &[]);
    let image = publisher.release("2.0", "by the third root", "");
    everybody_trusts(&publisher, &warm, "2.0", &image);
    // Pins of long ago: the chain is walked from the root that meets them.
    for (user, anchor) in [(first, 1), (second, 2)] {
        let document = publisher.trusted(&user, "2.0", &image, &[]);
        let versions: Vec<u64> = serde_json::from_value(walked(&document).clone()).expect("versions");
        assert_eq!((versions.contains(&anchor), versions.last()), (true, Some(&3)), "{versions:?}");
    }
}

/// N-11.5: a pin that no root of the chain meets.
#[test]
fn another_root_is_pinned() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/pinned", &["1.0"]);
    let (other, _) = Publisher::of_tags(Servers::https(), "team/other", &["1.0"]);
    let user = User::new();
    let pin = format!("[trust.\"{}\"]\ncertificate-ids = {:?}\n", publisher.gun, other.root_ids());
    user.configure(&(publisher.servers.table() + &pin));
    publisher.ends(&user, "1.0", &[], 1, "pin.mismatch");
    publisher.trusted(&publisher.user(), "1.0", &images[0], &[]);
}

/// N-20.2 N-20.3 N-20.5: on a trust server whose keys a signer holds, and on one that holds them itself.
#[test]
fn the_other_keys_are_rotated() {
    for servers in [Servers::https(), Servers::local()] {
        let (publisher, images) = Publisher::of_tags(servers, "team/rotated", &["1.0"]);
        let warm = publisher.user();
        publisher.trusted(&warm, "1.0", &images[0], &[]);
        let rotations: [(&str, &[&str]); 5] = [
            ("targets", &[]),
            ("timestamp", &["--server-managed"]),
            // To the server, and back to the publisher.
            ("snapshot", &["--server-managed"]),
            ("snapshot", &[]),
            ("snapshot", &["--server-managed"]),
        ];
        for (number, (role, options)) in rotations.into_iter().enumerate() {
            publisher.rotate(role, options);
            // Nothing but the key has changed; then something else has.
            everybody_trusts(&publisher, &warm, "1.0", &images[0]);
            let tag = format!("2.{number}");
            let image = publisher.release(&tag, &tag, "");
            everybody_trusts(&publisher, &warm, &tag, &image);
        }
    }
}

/// N-40.5: a role stays ill-signed until a holder of its new key signs again.
#[test]
fn the_key_of_a_delegation_is_rotated() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/delegate", &["1.0"]);
    publisher.delegate("targets/releases", "");
    let released = publisher.release("2.0", "released", "targets/releases");
    let warm = publisher.user();
    publisher.trusted(&warm, "2.0", &released, &[]);
    let revoked = publisher.notary("delegation list", &[]);
    let revoked =
        revoked.split_whitespace().find(|word| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    let revoked = revoked.expect("a key id").to_owned();
    let certificate = publisher.delegation_key("new");
    publisher.notary("delegation add", &["targets/releases", &certificate, "--all-paths"]);
    publisher.notary("delegation remove", &["targets/releases", &revoked, "--yes"]);
    publisher.publish();
    for user in [&warm, &publisher.user()] {
        publisher.ends(user, "2.0", &[], 1, "signature.threshold");
        publisher.ends(user, "1.0", &[], 1, "signature.threshold");
    }
    publisher.notary("witness", &["targets/releases", "--publish"]);
    for user in [&warm, &publisher.user()] {
        publisher.trusted(user, "2.0", &released, &[]);
        publisher.trusted(user, "1.0", &images[0], &[]);
    }
}
