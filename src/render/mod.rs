//! How a delivery reads: from frozen facts to a message value of our own. Pure; sinks put it on the wire.

mod announcement;
mod ended;
mod message;
mod notice;

pub use announcement::{
    MAX_AUTHOR, MAX_EMBED, MAX_FIELD, MAX_TITLE, Manner, Posted, announcement, announces, channel_url,
    is_address, reduced, sample,
};
pub use ended::ended;
pub use message::{Author, Embed, Field, LinkButton, Message};
pub use notice::{closed, notice};
