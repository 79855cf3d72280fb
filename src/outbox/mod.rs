//! What is owed is delivered from here: leased, rendered, sent, settled. What cannot be delivered is explained to the admins.

pub mod doubt;
mod errands;
pub mod late;
pub mod nonce;
pub mod retry;
mod worker;

pub use errands::Errands;
pub use worker::{Halted, Worker};
