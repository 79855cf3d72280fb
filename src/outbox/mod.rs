//! What is owed is delivered from here: leased, rendered, sent, settled. What stands there is kept up
//! to date, and what cannot be delivered is explained to the admins.

pub mod doubt;
mod errands;
pub mod late;
pub mod nonce;
mod publishing;
pub mod retry;
mod revisions;
mod worker;

pub use errands::Errands;
pub use revisions::Revisions;
pub use worker::{Halted, Worker};
