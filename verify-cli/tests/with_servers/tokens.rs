//! Tokens that the real server checks, and where passwords come from and go to.
//!
//! The realm's rule is the first part of a collection's name: see `test-vectors/servers/realm.py`.

use crate::common::{Run, User};
use crate::servers::{Image, Publisher, Servers, base64, ended, is_trusted, run_in};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const PASSWORD: &str = "reader:reader-password";
/// What Docker's helpers print when they have nothing.
const NOTHING: &str = "echo 'credentials not found in native keychain'; exit 1";
type Environment = Vec<(&'static str, String)>;

/// A collection with one image, and what its realm was asked meanwhile left out.
struct Case<'s> {
    publisher: Publisher<'s>,
    image: Image,
    before: usize,
}

impl<'s> Case<'s> {
    fn new(servers: &'s Servers, name: &str) -> Self {
        Case::of(Publisher::new(servers, name))
    }

    fn of(publisher: Publisher<'s>) -> Self {
        let image = publisher.release("1.0", "for readers", "");
        let before = publisher.servers.realm_log(&publisher.gun).len();
        Case { publisher, image, before }
    }

    fn servers(&self) -> &'s Servers {
        self.publisher.servers
    }

    fn verify(&self, user: &User, environment: &Environment) -> Run {
        let reference = self.publisher.tag("1.0");
        let args = ["image", "verify", &reference, "--output", "json", "--time-limit", "60s"];
        run_in(user, &args, environment)
    }

    /// Who has asked the realm since this was called last, and how: `GET`, `GET reader`, `GET ?`
    /// (a wrong password), `POST reader`.
    fn asked(&mut self) -> Vec<String> {
        let log = self.servers().realm_log(&self.publisher.gun);
        let who = |line: &Value| match (&line["authorization"], line["user"].as_str()) {
            (_, Some(user)) => format!(" {user}"),
            (Value::Null, None) => String::new(),
            _ => " ?".to_owned(),
        };
        let lines =
            log[self.before..].iter().map(|line| format!("{}{}", line["method"].as_str().unwrap_or("?"), who(line)));
        let asked = lines.collect();
        self.before = log.len();
        asked
    }
}

fn docker(user: &User, config: &Value) {
    user.write(".docker/config.json", config.to_string());
}

/// A credential helper of the user's, that is called with the word `get`; a program in a folder.
fn helper(user: &User, program: &str, body: &str) -> String {
    let path = user.write(program, format!("#!/bin/sh\n: >{}\n{body}\n", user.path("ran").display()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    format!("{}:/usr/bin:/bin", path.parent().expect("a folder").display())
}

/// Prints these credentials if it is asked for this server.
fn answers(server: &str, name: &str, secret: &str) -> String {
    let printed = json!({"ServerURL": server, "Username": name, "Secret": secret});
    format!(
        "read -r server || [ -n \"$server\" ]\n[ \"$1 $server\" = 'get {server}' ] && echo '{printed}' && exit 0\n{NOTHING}"
    )
}

/// N-22.1: no password is sent to where none is needed, though there is one.
#[test]
fn anonymous_pull() {
    let mut case = Case::new(Servers::tokens(), "open/app");
    let user = case.publisher.user();
    is_trusted(&case.verify(&user, &vec![]), &case.image);
    assert_eq!(case.asked(), ["GET"]);
    docker(&user, &json!({"auths": {case.servers().registry(): {"auth": base64(PASSWORD)}}}));
    is_trusted(&case.verify(&user, &vec![]), &case.image);
    assert_eq!(case.asked(), ["GET"]);
}

/// N-22.1 N-22.2 N-22.3 N-22.4 N-22.6 N-22.8: each way that credentials can be had, for somebody who is new.
#[test]
fn credentials() {
    let mut case = Case::new(Servers::tokens(), "private/app");
    let (registry, trust) = (case.servers().registry(), case.servers().trust_host());
    let password = json!({"auth": base64(PASSWORD)});
    let nobody = json!({"auth": base64("somebody:else")});
    let no_variables = |_: &User| -> Environment { vec![] };
    let on_path = |name: &'static str, secret: &'static str| {
        move |user: &User| {
            helper(user, "bin/docker-credential-test-2", NOTHING);
            vec![("PATH", helper(user, "bin/docker-credential-test-1", &answers(registry, name, secret)))]
        }
    };
    type Prepare<'p> = Box<dyn Fn(&User) -> Environment + 'p>;
    let cases: Vec<(Value, Prepare<'_>, &str)> = vec![
        (json!({"auths": {registry: password, "other.test": nobody}}), Box::new(no_variables), "GET reader"),
        (json!({"auths": {format!("https://{registry}/v1/"): password}}), Box::new(no_variables), "GET reader"),
        (json!({"auths": {trust: password, registry: nobody}}), Box::new(no_variables), "GET reader"),
        (
            json!({"auths": {registry: {"auth": "", "identitytoken": "reader-identity"}}}),
            Box::new(no_variables),
            "POST reader",
        ),
        (
            json!({"credHelpers": {registry: "test-1"}, "credsStore": "test-2"}),
            Box::new(on_path("reader", "reader-password")),
            "GET reader",
        ),
        (json!({"credsStore": "test-1"}), Box::new(on_path("reader", "reader-password")), "GET reader"),
        (
            json!({"credsStore": "test-1", "auths": {registry: {}}}),
            Box::new(on_path("<token>", "reader-identity")),
            "POST reader",
        ),
        (json!({}), Box::new(|_: &User| vec![("NOTARY_AUTH", base64(PASSWORD))]), "GET reader"),
        (
            json!({"auths": {registry: nobody}}),
            Box::new(|user: &User| {
                let elsewhere = json!({"auths": {registry: {"auth": base64(PASSWORD)}}}).to_string();
                let file = user.write("elsewhere/config.json", elsewhere);
                vec![("DOCKER_CONFIG", file.parent().expect("a folder").display().to_string())]
            }),
            "GET reader",
        ),
    ];
    for (config, prepare, asked) in cases {
        let user = case.publisher.user();
        docker(&user, &config);
        let run = case.verify(&user, &prepare(&user));
        is_trusted(&run, &case.image);
        assert_eq!(case.asked(), ["GET", asked], "{config}");
        assert!(!run.whole().contains("password") && !run.whole().contains(&base64(PASSWORD)), "{}", run.whole());
    }
}

/// A realm that refuses whoever brings nothing (the reference client gives up there), and one that
/// is asked over plain HTTP on loopback: N-22.2 N-22.6.
#[test]
fn other_realms() {
    for (servers, name) in [(Servers::tokens(), "closed/app"), (Servers::tokens_in_the_clear(), "private/app")] {
        let mut case = Case::new(servers, name);
        let environment = vec![("NOTARY_AUTH", base64(PASSWORD))];
        is_trusted(&case.verify(&case.publisher.user(), &environment), &case.image);
        assert_eq!(case.asked(), ["GET", "GET reader"], "{name}");
        let user = case.publisher.user();
        let run = run_in(&user, &["trust", "fetch", &case.publisher.gun], &environment);
        assert_eq!(run.status, 0, "{}", run.whole());
        assert!(run.stdout.contains(&case.publisher.root_ids()[0]), "{}", run.whole());
    }
}

/// N-22.1 T-8.10: a realm that fails once is asked again in the same way: nothing more is shown to it.
#[test]
fn a_realm_that_fails_once() {
    let mut case = Case::new(Servers::tokens(), "shaky/app");
    ended(&case.verify(&case.publisher.user(), &vec![]), 3, "auth.required");
    assert_eq!(case.asked(), ["GET", "GET"]);
    let mut case = Case::new(Servers::tokens(), "shaky/app");
    is_trusted(&case.verify(&case.publisher.user(), &vec![("NOTARY_AUTH", base64(PASSWORD))]), &case.image);
    assert_eq!(case.asked(), ["GET", "GET", "GET reader", "GET reader"]);
}

/// N-22.13: nobody is asked, also where standard input stays open.
#[test]
fn no_credentials() {
    for name in ["private/app", "closed/app", "expired/app", "narrow/app"] {
        let mut case = Case::new(Servers::tokens(), name);
        let user = case.publisher.user();
        let mut child = user.command(&["image", "verify", &case.publisher.tag("1.0"), "--output", "json"]);
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the command");
        let held = child.stdin.take();
        let run = user.ended(&child.wait_with_output().expect("the command"));
        drop(held);
        ended(&run, 3, "auth.required");
        assert_eq!(case.asked(), ["GET"], "{name}");
        let told = user.run(&["image", "verify", &case.publisher.tag("1.0")]).stderr;
        let log_in = format!("docker login {}", case.servers().registry());
        assert!(told.contains(case.servers().trust_host()) && told.contains(&log_in), "{told}");
    }
}

/// N-22.1: nothing is asked of a realm where authentication is off.
#[test]
fn authentication_is_off() {
    let mut case = Case::new(Servers::tokens(), "open/app");
    let user = User::new();
    user.configure(&(case.servers().table() + "auth = \"none\"\n" + &case.publisher.pin()));
    ended(&case.verify(&user, &vec![("NOTARY_AUTH", base64(PASSWORD))]), 3, "auth.required");
    assert!(case.asked().is_empty());
    user.configure(&(case.servers().table() + "auth = \"docker\"\n" + &case.publisher.pin()));
    is_trusted(&case.verify(&user, &vec![]), &case.image);
}

/// The realm refuses the credentials, or the server its token: one that ran out, one for something else.
#[test]
fn credentials_that_do_not_do() {
    let registry = Servers::tokens().registry();
    let identity = json!({"auths": {registry: {"identitytoken": "nobody-identity"}}});
    let auth = |text: &str| json!({"auths": {registry: {"auth": base64(text)}}});
    for (name, config, asked) in [
        ("private/app", auth("reader:wrong"), "GET ?"),
        ("closed/app", auth("reader:wrong"), "GET ?"),
        ("private/app", identity, "POST ?"),
        ("expired/app", auth(PASSWORD), "GET reader"),
        ("narrow/app", auth(PASSWORD), "GET reader"),
    ] {
        let mut case = Case::new(Servers::tokens(), name);
        let user = case.publisher.user();
        docker(&user, &config);
        ended(&case.verify(&user, &vec![]), 3, "auth.denied");
        // A wrong identity token bears no Authorization header in the log.
        let expected = asked.replace("POST ?", "POST");
        assert_eq!(case.asked(), ["GET", expected.as_str()], "{name} {config}");
        let told = run_in(&user, &["image", "verify", &case.publisher.tag("1.0")], &[]).stderr;
        let host = if asked == "GET reader" { case.servers().trust_host() } else { case.servers().realm_host() };
        assert!(told.contains(host) && told.contains(&format!("docker login {registry}")), "{told}");
        assert!(!told.contains("wrong") && !told.contains("nobody-identity"), "no secret is shown: {told}");
    }
}

/// T-43.3: it ends by itself, with credentials or without.
#[test]
fn a_realm_that_hangs() {
    let mut case = Case::new(Servers::tokens(), "hang/app");
    for environment in [vec![], vec![("NOTARY_AUTH", base64(PASSWORD))]] {
        let user = case.publisher.user();
        let reference = case.publisher.tag("1.0");
        let run =
            run_in(&user, &["image", "verify", &reference, "--output", "json", "--time-limit", "1s"], &environment);
        ended(&run, 3, "network.time-limit");
        assert_eq!(case.asked(), ["GET"]);
    }
}

/// N-22.8 N-22.9 N-23.4: what anybody may have is asked for there too; a password goes there only if
/// the host is listed, or is the registry's.
#[test]
fn a_realm_on_another_host() {
    let servers = Servers::tokens_elsewhere();
    let environment = vec![("NOTARY_AUTH", base64(PASSWORD))];
    let mut open = Case::new(servers, "open/app");
    is_trusted(&open.verify(&open.publisher.user(), &environment), &open.image);
    assert_eq!(open.asked(), ["GET"]);

    let mut case = Case::new(servers, "private/app");
    let realms = |list: &str| {
        let user = User::new();
        user.configure(&(servers.table() + list + &case.publisher.pin()));
        user
    };
    let users =
        [realms(""), realms("realms = [\"other.test\", \"notlocalhost\"]\n"), realms("realms = [\"localhost\"]\n")];
    for user in &users[..2] {
        let run = case.verify(user, &environment);
        ended(&run, 3, "auth.realm");
        assert!(run.json()["reason"]["message"].to_string().contains("localhost"), "{}", run.whole());
        assert_eq!(case.asked(), ["GET"], "no password went there");
        // An identity token is no less a secret.
        docker(user, &json!({"auths": {servers.registry(): {"identitytoken": "reader-identity"}}}));
        ended(&case.verify(user, &vec![]), 3, "auth.realm");
        assert_eq!(case.asked(), ["GET"], "no token went there");
    }
    is_trusted(&case.verify(&users[2], &environment), &case.image);
    assert_eq!(case.asked(), ["GET", "GET reader"]);

    // The collection is named after a registry on the realm's host.
    let registry = servers.registry().replace("127.0.0.1", "localhost");
    let mut case = Case::of(Publisher::at(servers, &registry, "private/app"));
    let user = User::new();
    user.configure(&(servers.table().replace(servers.registry(), &registry) + &case.publisher.pin()));
    is_trusted(&case.verify(&user, &environment), &case.image);
    assert_eq!(case.asked(), ["GET", "GET reader"]);
}

/// N-22.7 N-22.10: a server that names such a realm gets no further; a realm that is not there is
/// no refusal of ours.
#[test]
fn realms_that_are_not_asked() {
    let ca = Servers::tokens().ca().display().to_string();
    for (realm, code) in [
        ("http://realm.test/token", "auth.realm"),
        ("https://somebody:something@127.0.0.1/token", "auth.realm"),
        ("ftp://127.0.0.1/token", "auth.realm"),
        ("https://127.0.0.1:1/token", "network.unreachable"),
    ] {
        let servers = Servers::start(&["--trust", "local", "--auth-realm", realm, "--auth-cert", &ca]);
        let user = User::new();
        let gun = format!("{}/team/app", servers.registry());
        user.configure(
            &(servers.table() + &format!("[trust.\"{gun}\"]\ncertificate-ids = [\"{}\"]\n", "ab".repeat(32))),
        );
        for environment in [vec![], vec![("NOTARY_AUTH", base64(PASSWORD))]] {
            let run = run_in(&user, &["image", "verify", &format!("{gun}:1.0"), "--output", "json"], &environment);
            ended(&run, 3, code);
        }
    }
}

/// N-22.11 N-22.12: helpers that are not run, each beside one that is. What a helper lacks is no
/// denial, and neither is its failure.
#[test]
fn credential_helpers() {
    let mut case = Case::new(Servers::tokens(), "private/app");
    let registry = case.servers().registry();
    let fine = answers(registry, "reader", "reader-password");
    let in_home = |user: &User| format!("{}/bin", user.home.path().display());
    let relative = |_: &User| "bin:../bin:.:/usr/bin:/bin".to_owned();
    type Row<'r> = (&'r str, &'r str, &'r str, &'r dyn Fn(&User) -> String, bool, &'r [&'r str]);
    let rows: [Row<'_>; 9] = [
        ("test", "bin/docker-credential-test", &fine, &in_home, true, &["GET", "GET reader"]),
        ("TEST", "bin/docker-credential-TEST", &fine, &in_home, false, &["GET"]),
        ("te_st", "bin/docker-credential-te_st", &fine, &in_home, false, &["GET"]),
        ("../test", "bin/docker-credential-../test", &fine, &in_home, false, &["GET"]),
        ("", "bin/docker-credential-", &fine, &in_home, false, &["GET"]),
        ("test", "work/bin/docker-credential-test", &fine, &relative, false, &["GET"]),
        ("test", "bin/docker-credential-test", &fine, &relative, false, &["GET"]),
        ("test", "bin/docker-credential-test", NOTHING, &in_home, true, &["GET"]),
        ("test", "bin/docker-credential-test", "echo 'the keychain is locked'; exit 1", &in_home, true, &["GET"]),
    ];
    for (number, (name, program, body, path, runs, asked)) in rows.into_iter().enumerate() {
        let user = case.publisher.user();
        helper(&user, program, body);
        docker(&user, &json!({"credHelpers": {registry: name}}));
        let run = case.verify(&user, &vec![("PATH", path(&user))]);
        if asked.len() == 2 {
            is_trusted(&run, &case.image);
        } else {
            ended(&run, 3, "auth.required");
        }
        assert_eq!(user.path("ran").exists(), runs, "{number}: {}", run.whole());
        assert_eq!(case.asked(), asked, "{number}");
    }
}

/// A tree that is judged names no program that judges it.
#[test]
fn a_docker_config_below_the_working_folder_runs_no_helper() {
    let mut case = Case::new(Servers::tokens(), "private/app");
    let registry = case.servers().registry();
    let user = case.publisher.user();
    let path = helper(&user, "bin/docker-credential-test", &answers(registry, "reader", "reader-password"));
    let config = json!({"credHelpers": {registry: "test"}}).to_string();
    for (folder, status) in [("work/.docker", 3), (".docker", 0)] {
        let file = user.write(&format!("{folder}/config.json"), &config);
        let folder = file.parent().expect("a folder").display().to_string();
        let run = case.verify(&user, &vec![("PATH", path.clone()), ("DOCKER_CONFIG", folder)]);
        assert_eq!((run.status, user.path("ran").exists()), (status, status == 0), "{}", run.whole());
    }
    assert_eq!(case.asked(), ["GET", "GET", "GET reader"]);
}
