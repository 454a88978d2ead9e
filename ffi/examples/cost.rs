//! What the same look-up costs that `tests/c/cost.c`, `python/benches/bench.py` and `go/bench_test.go`
//! measure, from Rust: `cost NOTARY_SAMPLE [ROUNDS]`. Prints what `bench.py` makes a row of.

#![allow(clippy::expect_used, clippy::print_stdout)] // a measurement ends at the first fault

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tuf_core::client::{Ask, Choices, Config, Memory, Place, verify};
use tuf_core::time::Time;

const NAME: &str = "registry.example/library/hello";

fn main() {
    let mut words = std::env::args().skip(1);
    let sample = PathBuf::from(words.next().expect("the folder of the sample"));
    let rounds: usize = words.next().map_or(20, |word| word.parse().expect("a number of rounds"));
    let read = |name: &str| std::fs::read(sample.join(name)).expect(name);
    let pin = String::from_utf8(read("pin.txt")).expect("a key id");
    let text = format!(
        "[server.\"{NAME}\"]\nurl = \"https://trust.example\"\n[trust.\"{NAME}\"]\ncertificate-ids = [\"{}\"]\n",
        pin.trim()
    );
    let mut config = Config::from_text(&text, Path::new(".")).expect("a configuration");
    let names = ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"];
    let files: BTreeMap<String, Vec<u8>> = names.iter().map(|name| ((*name).to_owned(), read(name))).collect();
    config.serve_from_memory(NAME, Arc::new(files));
    let place = Place::Kept(Memory::default());
    let reference = [format!("{NAME}:1.0")];
    let look_up = || {
        let now = Time::of_clock();
        let ask = Ask { now, injected: false, choices: Choices::default(), gun: None, place: place.clone() };
        let documents = verify(&config, &reference, &ask);
        assert!(documents.iter().all(|document| document.exit_status() == 0), "{documents:?}");
    };
    look_up();
    let time = |_| {
        let began = Instant::now();
        look_up();
        began.elapsed().as_nanos()
    };
    let mut took: Vec<u128> = (0..rounds).map(time).collect();
    took.sort_unstable();
    let middle = took.get(rounds / 2).copied().expect("a round");
    println!("{{\"job_us\": {}.{}}}", middle / 1000, middle % 1000 / 100);
}
