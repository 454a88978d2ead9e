//! What is signed: tags, indexes, delegations; what is taken back.

use crate::servers::{Publisher, Servers, ended, is_trusted};
use serde_json::{Value, json};

/// The tags of `image list`, each with its digest and role.
fn listed(publisher: &Publisher<'_>, user: &crate::common::User) -> Vec<(String, String, String)> {
    let run = user.run(&["image", "list", &publisher.gun, "--output", "json"]);
    assert_eq!(run.status, 0, "{}", run.whole());
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let row = |entry: &Value| (text(&entry["tag"]), text(&entry["target"]["digest"]), text(&entry["target"]["role"]));
    run.json()["targets"].as_array().expect("a list").iter().map(row).collect()
}

/// N-21.1 N-34.1 N-34.4 N-34.5 N-34.6 T-8.1: by a trust server whose keys a signer holds, one that
/// holds them itself, and one without TLS.
#[test]
fn tags() {
    for servers in [Servers::https(), Servers::local(), Servers::http()] {
        let (publisher, images) = Publisher::of_tags(servers, "team/tags", &["1.0", "1.1"]);
        let user = publisher.user();
        for (tag, image) in ["1.0", "1.1"].into_iter().zip(&images) {
            publisher.trusted(&user, tag, image, &[]);
            let run = user.run(&["image", "verify", &publisher.tag(tag)]);
            assert_eq!(run.stdout, format!("{}@{}\n", publisher.gun, image.digest), "{}", run.whole());
            let run = user.run(&["image", "explain", &publisher.tag(tag)]);
            assert!(run.status == 0 && run.stdout.contains(&image.digest), "{}", run.whole());
        }
        publisher.ends(&user, "2.0", &[], 1, "target.not-signed");
        let row = |tag: &str, at: usize| (tag.to_owned(), images[at].digest.clone(), "targets".to_owned());
        assert_eq!(listed(&publisher, &user), [row("1.0", 0), row("1.1", 1)]);

        let verify = |end: &str| user.run(&["image", "verify", &format!("{}{end}", publisher.gun), "--output", "json"]);
        is_trusted(&verify(&format!("@{}", images[0].digest)), &images[0]);
        is_trusted(&verify(&format!(":1.0@{}", images[0].digest)), &images[0]);
        ended(&verify(&format!(":1.0@{}", images[1].digest)), 1, "target.other-digest");
        let unsigned = publisher.push("unsigned", &["nobody signed this"]);
        ended(&verify(&format!("@{}", unsigned.digest)), 1, "target.not-signed");
    }
}

/// With a warm store each time, and as somebody new.
#[test]
fn a_tag_moves_and_is_removed() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/moved", &["1.0"]);
    publisher.sign("latest", &images[0], "");
    publisher.publish();
    let user = publisher.user();
    publisher.trusted(&user, "latest", &images[0], &[]);
    let newer = publisher.stage("1.1", &["newer"], "");
    publisher.sign("latest", &newer, "");
    publisher.publish();
    for user in [&user, &publisher.user()] {
        publisher.trusted(user, "latest", &newer, &[]);
        publisher.trusted(user, "1.0", &images[0], &[]);
    }
    publisher.notary("remove", &["1.0", "--publish"]);
    for user in [&user, &publisher.user()] {
        publisher.ends(user, "1.0", &[], 1, "target.not-signed");
        publisher.trusted(user, "latest", &newer, &[]);
    }
}

/// The index is what is signed, not the images that it lists.
#[test]
fn an_image_for_many_architectures() {
    let publisher = Publisher::new(Servers::https(), "team/multi");
    let index = publisher.stage("1.0", &["on one", "on another", "on a third"], "");
    let single = publisher.push("single", &["on one"]);
    publisher.publish();
    let user = publisher.user();
    publisher.trusted(&user, "1.0", &index, &[]);
    let run = user.run(&["image", "verify", &format!("{}@{}", publisher.gun, single.digest), "--output", "json"]);
    ended(&run, 1, "target.not-signed");
}

/// N-30.1 N-30.2 N-30.4 N-31.1 N-33.4
#[test]
fn delegations() {
    let publisher = Publisher::new(Servers::https(), "team/delegated");
    publisher.delegate("targets/releases", "");
    publisher.delegate("targets/qa", "qa-,rc-");
    publisher.delegate("targets/releases/hotfix", "hot-");
    let released = publisher.stage("1.0", &["released"], "targets/releases");
    let by_targets = publisher.stage("1.0", &["by targets"], "");
    let plain = publisher.stage("2.0", &["by targets alone"], "");
    let tried = publisher.stage("qa-1", &["tried"], "targets/qa");
    let fixed = publisher.stage("hot-1", &["fixed"], "targets/releases/hotfix");
    publisher.publish();
    let user = publisher.user();

    let role = |document: Value| document["target"]["role"].clone();
    assert_eq!(role(publisher.trusted(&user, "1.0", &released, &[])), "targets/releases");
    assert_eq!(role(publisher.trusted(&user, "1.0", &by_targets, &["--tag-rule", "targets-first"])), "targets");
    assert_eq!(role(publisher.trusted(&user, "2.0", &plain, &[])), "targets");
    for (tag, image, of) in [("qa-1", &tried, "targets/qa"), ("hot-1", &fixed, "targets/releases/hotfix")] {
        publisher.ends(&user, tag, &[], 1, "target.other-role");
        assert_eq!(role(publisher.trusted(&user, tag, image, &["--tag-rule", "targets-first"])), of);
        publisher.trusted(&user, tag, image, &["--role", of]);
    }
    // The reference client, asked in the same way, names the same digests.
    let reference = publisher.notary("list", &["--roles", "targets/releases,targets"]);
    for (tag, digest, role) in listed(&publisher, &user) {
        let digest = digest.trim_start_matches("sha256:");
        let row = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let found = reference.lines().map(row).find(|row| row.first() == Some(&tag));
        let found = found.unwrap_or_else(|| panic!("{tag} in {reference}"));
        assert_eq!((found[1].as_str(), found[3].as_str()), (digest, role.as_str()), "{reference}");
    }
}

/// N-32.1 N-32.5 N-32.6
#[test]
fn roles_that_must_agree() {
    let publisher = Publisher::new(Servers::https(), "team/agreed");
    publisher.delegate("targets/releases", "");
    publisher.delegate("targets/qa", "");
    let both = publisher.stage("1.0", &["agreed"], "targets/releases,targets/qa");
    publisher.stage("2.0", &["released alone"], "targets/releases");
    publisher.stage("3.0", &["released"], "targets/releases");
    publisher.stage("3.0", &["tried was another"], "targets/qa");
    publisher.publish();
    let (user, roles) = (publisher.user(), ["--role", "targets/releases", "--role", "targets/qa"]);
    let document = publisher.trusted(&user, "1.0", &both, &roles);
    assert_eq!(document["target"]["agreed_by"], json!(["targets/releases", "targets/qa"]));
    publisher.ends(&user, "2.0", &roles, 1, "quorum.not-met");
    publisher.ends(&user, "3.0", &roles, 1, "quorum.not-met");
}

/// N-40.8 N-40.9 N-40.10: whoever holds the snapshot key takes the role out of the snapshot too; a
/// server that holds it goes on listing it, and so what the old key signed.
#[test]
fn a_delegation_is_removed() {
    for server_holds_the_snapshot_key in [false, true] {
        let (publisher, images) = Publisher::of_tags(Servers::https(), "team/withdrawn", &["1.0"]);
        publisher.delegate("targets/releases", "");
        if server_holds_the_snapshot_key {
            publisher.rotate("snapshot", &["--server-managed"]);
        }
        let released = publisher.release("2.0", "released", "targets/releases");
        let warm = publisher.user();
        publisher.trusted(&warm, "2.0", &released, &[]);
        assert_eq!(listed(&publisher, &warm).len(), 2);
        publisher.notary("delegation remove", &["targets/releases", "--yes", "--publish"]);
        let users = [warm, publisher.user()];
        for user in &users {
            publisher.ends(user, "2.0", &[], 1, "target.not-signed");
            publisher.trusted(user, "1.0", &images[0], &[]);
            assert_eq!(listed(&publisher, user).len(), 1);
        }
        // Made again, with another key that has signed nothing yet.
        publisher.delegate("targets/releases", "");
        for user in &users {
            if server_holds_the_snapshot_key {
                publisher.ends(user, "1.0", &[], 1, "signature.threshold");
            } else {
                let document = publisher.trusted(user, "1.0", &images[0], &[]);
                assert_eq!(document["warnings"][0]["code"], "delegation.unpublished");
            }
        }
    }
}

/// N-40.17 N-21.2: absence is an answer, in strict mode also for whoever remembers what was there.
#[test]
fn a_collection_is_deleted() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/deleted", &["1.0"]);
    let warm = publisher.user();
    publisher.trusted(&warm, "1.0", &images[0], &[]);
    let fresh = publisher.user();
    publisher.notary("delete", &["--remote"]);
    publisher.ends(&fresh, "1.0", &[], 1, "missing.root");
    publisher.ends(&warm, "1.0", &[], 1, "missing.timestamp");
    let said = warm.run(&["image", "verify", &publisher.tag("1.0")]).stderr;
    assert!(said.contains(publisher.servers.trust_host()) && said.contains("timestamp"), "{said}");
    assert!(said.contains("metadata") && said.contains("next:"), "the server's own words, and what to do: {said}");
    // The reference client goes on with its memory until the timestamp expires; asked for, so do we.
    let document = publisher.trusted(&warm, "1.0", &images[0], &["--mode", "compatible"]);
    assert_ne!(document["warnings"], json!([]));
}

/// N-11.5 N-11.8: what is made anew under the same name has other keys, and a pin is a pin.
#[test]
fn a_collection_is_made_anew_by_somebody() {
    let (publisher, images) = Publisher::of_tags(Servers::https(), "team/anew", &["1.0"]);
    let (warm, fresh) = (publisher.user(), publisher.user());
    publisher.trusted(&warm, "1.0", &images[0], &[]);
    publisher.notary("delete", &["--remote"]);
    // As somebody else would: with keys of their own.
    std::fs::rename(publisher.path("notary"), publisher.path("first")).expect("a folder");
    publisher.notary("init", &["--publish"]);
    let image = publisher.release("1.0", "by somebody", "");
    publisher.ends(&fresh, "1.0", &[], 1, "pin.mismatch");
    assert_eq!(publisher.verify(&warm, "1.0", &[]).status, 1);
    publisher.trusted(&publisher.user(), "1.0", &image, &[]);
}
