//! What a person reads where a server is the trouble: host, role, and one command to run next.

use crate::common::{Run, User};
use crate::servers::{Publisher, Servers, base64, run_in};
use insta::assert_snapshot;

/// The whole output, with the names of this run's servers and collection replaced.
fn told(run: &Run, publisher: &Publisher<'_>) -> String {
    let (url, registry) = (publisher.servers.url(), publisher.servers.registry());
    let name = publisher.gun.split_once('/').expect("a name").1;
    let host = url.split_once("://").expect("a URL").1;
    [(url, "https://[TRUST]"), (host, "[TRUST]"), (registry, "[REGISTRY]"), (name, "[NAME]")]
        .into_iter()
        .fold(run.whole(), |text, (from, to)| text.replace(from, to))
}

fn user(table: &str, pin: &str) -> User {
    let user = User::new();
    user.configure(&format!("[limits]\ntime = \"20s\"\n{table}{pin}"));
    user
}

/// N-22.2 N-23.6: a dead server, an unknown authority, a name that is not there, a wrong password.
#[test]
fn what_is_told_where_a_server_is_the_trouble() {
    let servers = Servers::https();
    let publisher = Publisher::new(servers, "told");
    let registry = servers.registry();
    let verify = |user: &User| user.run(&["image", "verify", &publisher.tag("1.0")]);

    let dead = format!("[server.\"{registry}/\"]\nurl = \"https://127.0.0.1:1\"\n");
    assert_snapshot!("a_dead_server", told(&verify(&user(&dead, &publisher.pin())), &publisher));

    let unknown = format!("[server.\"{registry}/\"]\nurl = \"{}\"\n", servers.url());
    assert_snapshot!("an_unknown_authority", told(&verify(&user(&unknown, &publisher.pin())), &publisher));

    let elsewhere = Publisher::new(servers, "told-never");
    let pin = elsewhere.pin();
    elsewhere.notary("delete", &["--remote"]);
    let missing = user(&servers.table(), &pin).run(&["image", "verify", &elsewhere.tag("1.0")]);
    assert_snapshot!("a_name_that_is_not_there", told(&missing, &elsewhere));

    let closed = Publisher::new(Servers::tokens(), "private/told");
    let user = user(&closed.servers.table(), &closed.pin());
    let args = ["image", "verify", &closed.tag("1.0")];
    let wrong = run_in(&user, &args, &[("NOTARY_AUTH", base64("reader:another"))]);
    assert_snapshot!("a_wrong_password", told(&wrong, &closed).replace(closed.servers.realm_host(), "[REALM]"));
}
