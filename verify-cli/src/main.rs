//! `verify-cli`: is this image digest what its publisher signed, and is it current?

mod args;
mod artifact;
mod cache;
mod image;
mod init;
mod output;
mod pages;
mod paths;
mod progress;
mod sample;
mod tell;
mod trust;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// What the last panic said: told as an internal error, never on the way out of a pass.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
    let outcome = std::panic::catch_unwind(|| args::Cli::read().map_or_else(|status| status, run));
    let status = outcome.unwrap_or_else(|_| output::panicked(&PANIC.lock().unwrap_or_else(PoisonError::into_inner)));
    ExitCode::from(status)
}

fn run(cli: args::Cli) -> u8 {
    if cli.global.verbose {
        tell::on_stderr();
    }
    match &cli.verb {
        args::Verb::Image(args::Image::Verify(verify)) => image::verify(&cli.global, verify),
        args::Verb::Image(args::Image::List(list)) => image::list(&cli.global, list),
        args::Verb::Image(args::Image::Explain(explain)) => image::explain(&cli.global, explain),
        args::Verb::Image(args::Image::Save(save)) => image::save(&cli.global, save),
        args::Verb::Artifact(verb) => artifact::run(&cli.global, verb),
        args::Verb::Tuf(verb) => artifact::tuf(&cli.global, verb),
        args::Verb::Completions { shell } => pages::completions(*shell),
        args::Verb::Man { folder } => pages::man(&cli.global, folder),
        args::Verb::Cache(verb) => cache::run(&cli.global, verb),
        args::Verb::Trust(verb) => trust::run(&cli.global, verb),
    }
}
