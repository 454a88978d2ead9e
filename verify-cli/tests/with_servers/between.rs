//! Something between us and the real server that changes bytes; and what is not set up before it is
//! needed.

use crate::bad_server::{Act, BadServer};
use crate::common::User;
use crate::servers::{Publisher, Servers};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// The whole answer of the real server.
fn answer(host: &str, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(host).expect("the server");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    bytes
}

/// Twenty places in the bodies of the real server's answers, one bent at a time: refused, or the same
/// digest; and never because there was no answer.
#[test]
fn a_byte_flipped_in_front_of_the_real_server() {
    let servers = Servers::http();
    let publisher = Publisher::new(servers, "flipped");
    let image = publisher.release("1.0", "as it is", "");
    let files = ["/root.json", "/timestamp.json", "/snapshot.", "/targets."];
    for (file, place) in files.into_iter().flat_map(|file| (0..5).map(move |place| (file, place))) {
        let host = servers.trust_host().to_owned();
        let between = BadServer::new(move |seen, _| {
            let mut whole = answer(&host, &seen.path);
            let body = whole.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
            if seen.path.contains(file) {
                let at = body + (whole.len() - body) * (2 * place + 1) / 10;
                whole[at] ^= 4;
            }
            Act::Raw(whole)
        });
        let user = User::new();
        user.configure(&(servers.table_at(&between.url()) + &publisher.pin()));
        let run = publisher.verify(&user, "1.0", &[]);
        match run.status {
            0 => assert_eq!(run.json()["target"]["digest"], image.digest, "{file} {place}"),
            status => assert_eq!(status, 1, "{file} {place}: {}", run.whole()),
        }
    }
}

/// The system calls of a run that name one of these words.
fn calls(user: &User, args: &[&str], words: &[&str]) -> Vec<String> {
    let trace = user.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_verify-cli")).args(args);
    command.env_clear().env("HOME", user.home.path()).current_dir(user.path("work")).stdin(Stdio::null());
    let output = command.output().expect("strace: apt-get install strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(trace).expect("a trace");
    text.lines().filter(|l| words.iter().any(|w| l.contains(w))).map(str::to_owned).collect()
}

/// No thread, no socket and no certificate store is set up before it is needed.
#[test]
fn nothing_is_set_up_before_it_is_needed() {
    let servers = Servers::https();
    let (publisher, _) = Publisher::of_tags(servers, "lazy", &["1.0"]);
    let reference = publisher.tag("1.0");
    let args = ["image", "verify", &reference];
    let threads_and_stores = ["clone(", "clone3(", "/etc/ssl", "/usr/share/ca-certificates", "/usr/lib/ssl"];
    for _ in ["cold", "warm"] {
        let user = publisher.user();
        assert_eq!(calls(&user, &args, &threads_and_stores), Vec::<String>::new());
        // The passing twin: one socket is needed, and is seen.
        assert!(!calls(&user, &args, &["socket("]).is_empty());
        let offline = [&["--offline"], args.as_slice()].concat();
        assert_eq!(calls(&user, &offline, &["socket(", "epoll_create"]), Vec::<String>::new());
    }
}
