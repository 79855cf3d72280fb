//! A delivery: one transition owed to one destination, and what can become of it.

use std::fmt;

use super::{ChannelId, DeliveryId, GuildId, MessageId, Profile, SessionId, Stream, Timestamp, WatchKey};

/// A delivery that was leased for one attempt, with the facts that were frozen when it was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Our number for it; the same through all attempts.
    pub id: DeliveryId,
    /// The session that it tells about.
    pub session: SessionId,
    /// The server it is owed to.
    pub guild: GuildId,
    /// Where it goes.
    pub channel: ChannelId,
    /// How many attempts there have been, this one included.
    pub attempt: u32,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The stream as it was when the transition was decided.
    pub stream: Stream,
    /// The account as it is known now.
    pub profile: Profile,
}

/// What one attempt came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is there. The message id is unknown when an earlier attempt had already put it there.
    Delivered(Option<MessageId>),
    /// Not now: try again, no earlier than this from now.
    RetryAfter {
        /// What the other side asked for, if it did.
        asked: Option<std::time::Duration>,
        /// What went wrong, for the log and for `/streamers`.
        why: String,
    },
    /// No attempt with this delivery will ever succeed.
    Refused(Refusal),
    /// The credentials are no longer accepted: nothing at all can be sent.
    Unauthorized,
}

/// Why a destination does not take a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The channel does not exist any more.
    UnknownChannel,
    /// The server does not exist any more, or the bot is not in it.
    UnknownGuild,
    /// The bot cannot see the channel.
    MissingAccess,
    /// The bot sees the channel but may not post there.
    MissingPermission,
    /// The channel is of a kind that takes no plain messages.
    WrongKindOfChannel,
    /// A rule of the server (`AutoMod` or a link filter) blocks the text.
    BlockedByServer,
    /// Discord does not accept the message itself.
    InvalidMessage,
    /// Something else that repeating does not cure.
    Other,
}

impl Refusal {
    /// Every reason there is, in the order of their words in the store.
    pub const ALL: [Self; 8] = [
        Self::UnknownChannel,
        Self::UnknownGuild,
        Self::MissingAccess,
        Self::MissingPermission,
        Self::WrongKindOfChannel,
        Self::BlockedByServer,
        Self::InvalidMessage,
        Self::Other,
    ];

    /// The word for it in tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownChannel => "unknown_channel",
            Self::UnknownGuild => "unknown_guild",
            Self::MissingAccess => "missing_access",
            Self::MissingPermission => "missing_permission",
            Self::WrongKindOfChannel => "wrong_kind_of_channel",
            Self::BlockedByServer => "blocked_by_server",
            Self::InvalidMessage => "invalid_message",
            Self::Other => "other",
        }
    }

    /// The reason for a word, or [`Refusal::Other`] for a word that a later version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == word).unwrap_or(Self::Other)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One delivery that somebody must get, before it has a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    /// To whom, about whom.
    pub watch: WatchKey,
    /// Where it goes.
    pub channel: ChannelId,
}
