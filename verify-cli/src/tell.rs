//! `--verbose`: what the library does, as it does it.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Every request and every check on stderr, with the seconds since the start; nothing of other
/// crates.
pub(crate) fn on_stderr() {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_level(false)
        .with_timer(uptime());
    let ours = Targets::new().with_target("tuf_core", Level::DEBUG);
    // There is one at most: this is called once.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}
