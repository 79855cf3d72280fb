//! Log lines: to standard output, as text or JSON.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the libraries below say is for those who build them, unless it is a warning.
const QUIET: [&str; 6] =
    ["serenity=warn", "poise=warn", "hyper=warn", "h2=warn", "refinery_core=warn", "tungstenite=warn"];

/// Starts writing log lines. `filter` has been checked; a directive of its own for a library counts more than ours.
pub fn start_logging(filter: &str, json: bool) {
    let quiet = QUIET.into_iter().filter(|directive| {
        let library = directive.split('=').next().unwrap_or_default();
        !filter.contains(library)
    });
    let filter = quiet.fold(filter.to_owned(), |filter, directive| format!("{filter},{directive}"));
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process, as in tests, keeps the first.
    let _ = if json {
        registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_target(false)).try_init()
    };
}
