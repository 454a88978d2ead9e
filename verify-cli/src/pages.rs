//! Shell completions and man pages, made from the command line's own description.

use crate::args::{Cli, Global};
use crate::output;
use clap::CommandFactory;
use std::path::Path;
use tuf_core::{Code, Error};

pub(crate) fn completions(shell: clap_complete::Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "verify-cli", &mut text);
    output::raw(&String::from_utf8_lossy(&text))
}

/// One page for the command and one for each verb, into an existing folder.
pub(crate) fn man(global: &Global, folder: &Path) -> u8 {
    match clap_mangen::generate_to(Cli::command(), folder) {
        Ok(()) => 0,
        Err(e) => {
            let e = Error::new(Code::UsageFile, "command line", format!("the man pages cannot be written: {e}"));
            output::failed(global.output, &e.in_file(&folder.display().to_string()), "")
        }
    }
}
