//! docs/air-gapped.md

use crate::common::User;
use crate::pages::{Page, Terminal};
use crate::servers::{Publisher, Servers, shown};
use std::process::Command;

const PAGE: &str = "docs/air-gapped.md";

fn terminal<'u>(user: &'u User, web: &Publisher<'_>, proxy: &Publisher<'_>) -> Terminal<'u> {
    let id = |publisher: &Publisher<'_>| publisher.root_ids().remove(0);
    Terminal::new(user)
        .name("registry.example/team/web", &web.gun)
        .name("registry.example/team/proxy", &proxy.gun)
        .name("6b15b0d360aaa719b4389e1b7865340506cbe66a7bf6b3d89a5e07d0a56f20ed", id(web))
        .name("b1946ac92492d2347c6235b4d2611184a0f2c4c3c5d6e7f8091a2b3c4d5e6f70", id(proxy))
        .name("registry.example", web.servers.registry())
        .name("/srv/trust", shown(&user.path("srv/trust")))
}

/// Two machines: one has a network, the other gets what is carried over.
#[test]
fn the_page() {
    let (page, servers) = (Page::read(PAGE), Servers::https());
    let (web, images) = Publisher::of_tags(servers, "team/web", &["1.4"]);
    let (proxy, _) = Publisher::of_tags(servers, "team/proxy", &["2.0"]);
    let saver = User::new();
    saver.configure(&[servers.table(), web.pin(), proxy.pin()].concat());
    let run = saver.run(&["image", "save", &web.gun, &format!("archive/older/{}", web.gun)]);
    assert_eq!(run.status, 0, "{}", run.whole());
    web.sign("1.5", &images[0], "");
    web.publish();
    page.run("Save", &terminal(&saver, &web, &proxy));
    let tags = std::fs::read_to_string(saver.path("work/tags.txt")).expect("a list");
    assert_eq!(tags.lines().count(), 3, "{tags}");

    let other = User::new();
    let apart = terminal(&other, &web, &proxy);
    for carried in ["trust.tar.gz", "archive"] {
        let copied =
            Command::new("cp").arg("-r").arg(saver.path("work").join(carried)).arg(other.path("work")).status();
        assert!(copied.expect("cp").success());
    }
    let heading = "Carry over, and verify there";
    apart.configure(&page.only(heading, "toml"), "");
    page.run(heading, &apart);
    // The folder of one collection, without the name in it.
    let one = terminal(&saver, &web, &proxy);
    let folder = other.path("srv/trust").join(&web.gun);
    saver.configure(&format!("[server.\"{}\"]\nurl = \"file:{}\"\n{}", web.gun, folder.display(), web.pin()));
    web.trusted(one.user, "1.4", &images[0], &[]);

    page.run("When it runs out", &apart);
    // Of a time before the expiry, as an inquiry asks.
    let document = web.trusted(&other, "1.4", &images[0], &["--at", &apart.bash("date -u -d +13days +%FT%TZ").1[..20]]);
    assert_eq!(document["injected"], true);
    page.run("Save regularly", &apart);
    page.is_done();
}
