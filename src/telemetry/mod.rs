//! What an operator sees of the running program: log lines, and whether it is healthy.

mod health;
mod logs;

pub use health::{Health, Pushed, Pushes, Pushing, Report, Vitals};
pub use logs::start_logging;
