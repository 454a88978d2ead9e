//! docs/deploy-scripts.md

use crate::common::User;
use crate::pages::{Page, Terminal};
use crate::servers::{Publisher, Servers, shown};
use crate::{DEPLOY, MANIFESTS, manifest, pin_images};
use std::fs;

/// Notes what it was called with.
const NOTES: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"$HOME/calls\"\n";
/// Renders nothing, and applies to no cluster.
const KUBECTL: &str = "#!/bin/sh\n\
    case $1 in\n\
    kustomize) cat \"$HOME/rendered\" ;;\n\
    apply) cp \"$3\" \"$HOME/applied\" ;;\n\
    esac\n";

/// Three collections, one of them of the public registry's names.
struct Shop<'s> {
    web: Publisher<'s>,
    proxy: Publisher<'s>,
    memcached: Publisher<'s>,
    /// What a reference of the page becomes.
    pinned: Vec<(&'static str, String)>,
}

impl<'s> Shop<'s> {
    fn new(servers: &'s Servers) -> Self {
        let (web, images) = Publisher::of_tags(servers, "team/web", &["1.4", "1.5"]);
        let (proxy, proxies) = Publisher::of_tags(servers, "team/proxy", &["2.0"]);
        let memcached = Publisher::at(servers, "docker.io", "library/memcached");
        memcached.sign("1.6", &images[1], "");
        memcached.publish();
        let pinned = [
            ("registry.example/team/web:1.4", &web, &images[0]),
            ("registry.example/team/web:1.5", &web, &images[1]),
            ("registry.example/team/proxy:2.0", &proxy, &proxies[0]),
            ("memcached:1.6", &memcached, &images[1]),
        ];
        let pinned = pinned.map(|(page, publisher, image)| (page, format!("{}@{}", publisher.gun, image.digest)));
        Shop { web, proxy, memcached, pinned: pinned.into() }
    }

    fn configuration(&self) -> String {
        let servers = self.web.servers;
        let docker = servers.table().replace(servers.registry(), "docker.io");
        [servers.table(), docker, self.web.pin(), self.proxy.pin(), self.memcached.pin()].concat()
    }

    fn terminal<'u>(&self, user: &'u User) -> Terminal<'u> {
        user.configure(&self.configuration());
        let memcached = self.memcached.gun.strip_prefix("docker.io/library/").expect("a name");
        let terminal = Terminal::new(user)
            .name("registry.example/team/web", &self.web.gun)
            .name("registry.example/team/proxy", &self.proxy.gun)
            .name("memcached", memcached);
        terminal.program("docker", NOTES);
        terminal.program("kubectl", KUBECTL);
        terminal.program("pin-images", &Page::read(DEPLOY).only(MANIFESTS, "python"));
        terminal
    }

    fn pinned(&self, reference: &str) -> &str {
        &self.pinned.iter().find(|(page, _)| *page == reference).expect(reference).1
    }
}

fn calls(user: &User) -> String {
    let path = user.path("calls");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}

#[test]
fn the_page() {
    let (page, shop, user) = (Page::read(DEPLOY), Shop::new(Servers::https()), User::new());
    let terminal = shop.terminal(&user);
    page.run("Verify, then deploy", &terminal);
    let web = shop.pinned("registry.example/team/web:1.4");
    assert_eq!(calls(&user), format!("docker pull {web}\ndocker run --detach {web}\ndocker pull {web}\n"));
    page.run("Many images", &terminal);
    let list = fs::read_to_string(user.path("work/pinned.txt")).expect("a list");
    assert_eq!(list, format!("{web}\n{}\n", shop.pinned("registry.example/team/proxy:2.0")));
    page.run("The verdict as data", &terminal);
    user.write("rendered", terminal.real(&manifest("kustomize.yaml")));
    page.run(MANIFESTS, &terminal);
    let applied = fs::read_to_string(user.path("applied")).expect("a manifest");
    assert!(applied.contains(web) && !applied.contains(&shop.web.tag("1.4")), "{applied}");
    page.is_done();
}

/// The two scripts stop where the verdict is anything but trusted, and with its exit status.
#[test]
fn the_scripts_deploy_nothing_else() {
    let (page, shop, user) = (Page::read(DEPLOY), Shop::new(Servers::https()), User::new());
    let terminal = shop.terminal(&user);
    let without_server = format!("[server.\"{}/\"]\nurl = \"https://127.0.0.1:1\"\n", shop.web.servers.registry());
    for (configuration, tag, status) in
        [(shop.configuration(), "9.9", 1), (shop.web.pin(), "1.4", 2), (without_server + &shop.web.pin(), "1.4", 3)]
    {
        user.configure(&configuration);
        for block in page.blocks("Verify, then deploy", "sh") {
            let script = terminal.real(&block.text.replace("web:1.4", &format!("web:{tag}")));
            let (ended, told) = terminal.bash(&script);
            assert_eq!((ended, calls(&user).as_str()), (status, ""), "{script}{told}");
        }
    }
}

/// Manifests as `kubectl kustomize` renders them, and in the manner of Helm's templates.
#[test]
fn rendered_manifests() {
    let (shop, user) = (Shop::new(Servers::https()), User::new());
    let terminal = shop.terminal(&user);
    for (name, images) in [("kustomize.yaml", 6), ("helm.yaml", 8)] {
        let text = manifest(name);
        let mut expected = terminal.real(&text);
        for (reference, pinned) in &shop.pinned {
            expected = expected.replace(&terminal.real(reference), pinned);
        }
        // The one that names its digest already.
        let (_, digest) = shop.pinned("registry.example/team/web:1.5").split_once('@').expect("a digest");
        let text = terminal.real(&text).replace("sha256:DIGEST", digest);
        let expected = expected.replace("docker.io/library/docker.io/library/", "docker.io/library/");
        let expected = expected.replace("@sha256:DIGEST", "");
        let run = pin_images(&terminal, text.as_bytes());
        assert_eq!((run.status, run.stdout.as_str()), (0, expected.as_str()), "{name}: {}", run.stderr);
        assert_eq!(run.stdout.matches("@sha256:").count(), images, "{name}");
        // Each is asked for once.
        let trusted: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("trusted: ")).collect();
        assert_eq!(trusted.len(), trusted.iter().collect::<std::collections::BTreeSet<_>>().len(), "{}", run.stderr);

        // Whichever of them is not signed: nothing.
        for tag in ["web:1.4", "proxy:2.0", "memcached:1.6"] {
            let bad =
                text.replacen(&terminal.real(&format!("registry.example/team/{tag}")), "elsewhere.example/x:1", 1);
            let bad = if bad == text { text.replacen(":1.6", ":9.9", 1) } else { bad };
            let run = pin_images(&terminal, bad.as_bytes());
            assert!(run.status != 0 && run.stdout.is_empty(), "{name} {tag}: {}", run.whole());
        }
    }
}

/// The shell lines of a job, as its runner runs them; what comes before is the service's.
fn job(block: &str, key: &str, item: &str) -> String {
    let mut lines = block.lines().skip_while(|line| line.trim() != key);
    let indent = lines.next().expect(key).len() - key.len();
    let inside = lines.take_while(|line| line.len() - line.trim_start().len() > indent);
    let script: String = inside.map(|line| format!("{}\n", line.trim_start().trim_start_matches(item))).collect();
    assert!(script.contains("verify-cli image verify"), "{script}");
    script
}

/// What the two services would run, with a deploy script that notes what it is told to deploy.
#[test]
fn shell_lines_of_github_and_gitlab() {
    let (page, shop, user) = (Page::read(DEPLOY), Shop::new(Servers::https()), User::new());
    let jobs = [
        (job(&page.only("GitHub Actions", "yaml"), "run: |", ""), vec!["--noprofile", "--norc", "-eo", "pipefail"]),
        (job(&page.only("GitLab CI", "yaml"), "script:", "- "), vec!["-eo", "pipefail"]),
    ];
    fs::create_dir(user.path("temp")).expect("a folder");
    for (script, options) in jobs {
        for (tag, status) in [("1.4", 0), ("9.9", 1)] {
            let terminal = shop.terminal(&user);
            terminal.program("../work/deploy", NOTES);
            user.write("gitlab.toml", shop.configuration());
            fs::remove_file(user.path(".config/verify-cli/config.toml")).expect("a file");
            let terminal = terminal
                .variable("CONFIGURATION", shop.configuration())
                .variable("RUNNER_TEMP", shown(&user.path("temp")))
                .variable("NOTARY_AUTH", "")
                .variable("VERIFY_CLI_CONFIG", shown(&user.path("gitlab.toml")));
            let script = terminal.real(&script.replace("web:1.4", &format!("web:{tag}")));
            let (ended, told) = terminal.bash_with(&options, &script);
            assert_eq!(ended, status, "{script}{told}");
            let pinned = shop.pinned("registry.example/team/web:1.4");
            let deployed = if status == 0 { format!("deploy {pinned}\n") } else { String::new() };
            assert_eq!(calls(&user), deployed, "{script}{told}");
        }
    }
}

/// The key of the last section is one.
#[test]
fn a_store_elsewhere() {
    let (page, shop, user) = (Page::read(DEPLOY), Shop::new(Servers::https()), User::new());
    let terminal = shop.terminal(&user).name("/var/lib/verify-cli", shown(&user.path("store")));
    let block = page.only("What a job remembers", "toml");
    terminal.configure(&block, &shop.configuration());
    assert_eq!(user.run(&["image", "verify", &shop.web.tag("1.4")]).status, 0);
    assert!(user.path("store/notary1").exists() && !user.path(".cache").exists());
}
