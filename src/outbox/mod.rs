//! What is owed, until it is delivered or will never be: leased, rendered, sent, settled.

pub mod nonce;
pub mod retry;
mod worker;

pub use worker::{Halted, Worker};
