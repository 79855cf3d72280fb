//! How a delivery reads: from frozen facts to a message value of our own. Pure; sinks put it on the wire.

mod announcement;
mod message;

pub use announcement::{MAX_AUTHOR, MAX_EMBED, MAX_FIELD, MAX_TITLE, announcement};
pub use message::{Author, Embed, Field, LinkButton, Message};
