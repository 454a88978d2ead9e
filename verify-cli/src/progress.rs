//! A line on the terminal when a server takes its time; nothing in a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;
use tuf_core::client::Progress;
use tuf_core::error::shown;

/// What is quicker needs no line.
const QUIET: Duration = Duration::from_millis(500);

/// Shows what is waited for, if somebody can see it.
pub(crate) fn on_a_terminal() -> Option<Progress> {
    std::io::stderr().is_terminal().then(|| {
        let line = Line(OnceLock::new());
        Progress::new(move |waiting| {
            if waiting.since >= QUIET {
                let asked = format!("asking {} for {}", shown(waiting.source), shown(waiting.collection));
                line.show(format!("{asked}: {} s", waiting.since.as_secs()));
            }
        })
    })
}

struct Line(OnceLock<ProgressBar>);

impl Line {
    fn show(&self, text: String) {
        let bar = self.0.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.with_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            )
        });
        bar.set_message(text);
        bar.tick();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}
