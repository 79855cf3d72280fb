//! How a delivery reads: from facts to a message value of our own. Pure; sinks put it on the wire.

mod announcement;
mod card;
mod ended;
mod language;
mod mentions;
mod message;
mod notice;
mod sample;
mod template;

pub use announcement::{Manner, Posted, announcement, announces, forum_title, reduced};
pub use card::{MAX_AUTHOR, MAX_EMBED, MAX_FIELD, MAX_TITLE, channel_url, is_address};
pub use ended::ended;
pub use mentions::{MAX_MEMBERS, mention_members, mentioned, reply};
pub use message::{Author, Button, Embed, Field, MAX_TEXT, Mentions, Message, Style};
pub use notice::{closed, notice};
pub use sample::{preview, sample};
