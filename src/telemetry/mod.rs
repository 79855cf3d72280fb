//! What an operator sees of the running program: log lines, and whether it is healthy.

mod health;
mod logs;
mod meter;

pub use health::{Health, Pushed, Pushes, Pushing, Report, Vitals};
pub use logs::start_logging;
pub use meter::{Counts, Latency, MAX_WAITING, Meter};
