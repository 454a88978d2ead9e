//! A web server that can do wrong: each request is answered as a test says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code, unreachable_pub)] // a module of several test programs, each of which uses a part of it

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub first_line: String,
    /// Which connection it came over.
    pub connection: usize,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What is done with a request.
pub enum Act {
    /// These bytes, head and body; then the connection is closed.
    Raw(Vec<u8>),
    /// A whole answer, after which the connection stays.
    Fine(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing, until the client is gone.
    Hang,
    /// These bytes, one at a time.
    Drip(Vec<u8>),
    /// These bytes, and then the piece for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// What comes after a pause.
    After(Duration, Box<Act>),
    /// What comes once so many requests wait like this one.
    Together(usize, Box<Act>),
}

type Answer = dyn Fn(&Seen, usize) -> Act + Send + Sync;

struct State {
    seen: Mutex<Vec<Seen>>,
    waiting: Mutex<usize>,
    more: Condvar,
    answer: Box<Answer>,
}

/// A server at a port of its own, for as long as the test program lives.
#[derive(Clone)]
pub struct BadServer {
    address: SocketAddr,
    state: Arc<State>,
}

impl BadServer {
    /// `answer` is given the request, and how often its path was asked for before.
    pub fn new(answer: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            seen: Mutex::default(),
            waiting: Mutex::default(),
            more: Condvar::new(),
            answer: Box::new(answer),
        });
        let served = state.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (state, stream) = (served.clone(), stream.expect("a connection"));
                std::thread::spawn(move || {
                    // A client that is gone is no fault of the server's.
                    let _ = connection(&state, stream, number);
                });
            }
        });
        BadServer { address, state }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same server by another name.
    pub fn other_url(&self) -> String {
        format!("http://localhost:{}", self.port())
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|s| s.path).collect()
    }
}

fn connection(state: &State, mut stream: TcpStream, number: usize) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                n => buffer.extend(&piece[..n]),
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        let mut lines = head.lines();
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_lowercase(), v.trim().to_owned()));
        let path = first_line.split(' ').nth(1).unwrap_or_default().to_owned();
        let seen = Seen { path, headers: headers.collect(), first_line, connection: number, at: Instant::now() };
        let before = {
            let mut all = state.seen.lock().unwrap();
            let before = all.iter().filter(|s| s.path == seen.path).count();
            all.push(seen.clone());
            before
        };
        if !act(state, &mut stream, (state.answer)(&seen, before))? {
            return Ok(());
        }
    }
}

/// Whether the connection stays.
fn act(state: &State, stream: &mut TcpStream, what: Act) -> std::io::Result<bool> {
    match what {
        Act::Raw(bytes) => stream.write_all(&bytes).map(|()| false),
        Act::Fine(status, headers, body) => stream.write_all(&whole(status, &headers, &body)).map(|()| true),
        Act::Hang => {
            while stream.read(&mut [0; 64])? > 0 {}
            Ok(false)
        }
        Act::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(false)
        }
        Act::Endless(head, piece) => {
            stream.write_all(&head)?;
            loop {
                stream.write_all(&piece)?;
            }
        }
        Act::After(pause, then) => {
            std::thread::sleep(pause);
            act(state, stream, *then)
        }
        Act::Together(many, then) => {
            let mut waiting = state.waiting.lock().unwrap();
            *waiting += 1;
            state.more.notify_all();
            while *waiting < many {
                waiting = state.more.wait(waiting).unwrap();
            }
            drop(waiting);
            act(state, stream, *then)
        }
    }
}

/// The answer of an honest server: the file of a folder that the path names.
pub fn file_of(folder: &Path, path: &str) -> Act {
    match std::fs::read(folder.join(path.trim_start_matches('/'))) {
        Ok(bytes) => Act::Fine(200, vec![], bytes),
        Err(_) => Act::Fine(404, vec![], vec![]),
    }
}

/// A whole answer.
pub fn whole(status: u16, headers: &[(&'static str, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}
