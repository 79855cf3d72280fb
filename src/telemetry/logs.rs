//! Log lines: to standard output, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the libraries below say is for those who build them, unless it is a warning.
const QUIET: [&str; 6] = ["serenity", "poise", "hyper", "h2", "refinery_core", "tungstenite"];

/// Starts writing log lines. `filter` has been checked; what it says of a library counts more than our quiet.
pub fn start_logging(filter: &str, json: bool) {
    let asked: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let named = |library: &str| asked.iter().any(|(target, _)| target == library);
    let quiet: Vec<_> = QUIET.into_iter().filter(|library| !named(library)).collect();
    let filter = asked.with_targets(quiet.into_iter().map(|library| (library, LevelFilter::WARN)));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process, as in tests, keeps the first.
    let _ = if json {
        registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).try_init()
    } else {
        let colours = std::io::stdout().is_terminal();
        registry.with(tracing_subscriber::fmt::layer().with_target(false).with_ansi(colours)).try_init()
    };
}
