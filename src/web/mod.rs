//! The program's own HTTP server. For now it tells whether the program is healthy.

mod health;
mod router;

pub use health::{HEALTH_PATH, ask};
pub use router::{bind, serve};
