//! Who tells. A sink makes one attempt and says what came of it; it never touches the store and never tries again.

mod discord_channel;

pub use discord_channel::DiscordChannel;

use crate::domain::{Delivery, Outcome};
use crate::render::Message;

/// The places that announcements can go to.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A channel of a Discord server.
    DiscordChannel(DiscordChannel),
}

impl Sink {
    /// Makes one attempt. `nonce` is the same in every attempt with this delivery.
    pub async fn deliver(&self, delivery: &Delivery, message: &Message, nonce: &str) -> Outcome {
        match self {
            Self::DiscordChannel(channel) => channel.deliver(delivery, message, nonce).await,
        }
    }
}
