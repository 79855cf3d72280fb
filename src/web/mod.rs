//! The program's own HTTP server. It tells whether the program is healthy, and takes what Twitch pushes.

mod health;
mod listener;
mod router;
mod twitch;

pub use health::{HEALTH_PATH, ask};
pub use router::{bind, serve};
pub use twitch::TWITCH_PATH;
