//! Who tells. A sink makes one attempt and says what came of it; it never touches the store and never tries again. It also
//! looks whether a place is open, and whether an announcement is there.

mod discord_channel;
mod looking;

use std::time::Duration;

pub use discord_channel::{DiscordChannel, meaning};

use crate::domain::{
    ChannelId, Delivery, GuildId, MessageId, Outcome, Permissions, Publication, Refusal, Revision, Route,
    Timestamp, UserId,
};
use crate::render::Message;

/// The places that announcements can go to.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A channel of a Discord server.
    DiscordChannel(DiscordChannel),
}

/// One attempt that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// What came of it.
    pub outcome: Outcome,
    /// When the request went out, if it has put the announcement there.
    pub sent_at: Option<Timestamp>,
    /// Which of the members whom it is to mention stand in it, if it is there.
    pub there: Vec<UserId>,
    /// Whether it notified nobody when it came there, which may have been an earlier attempt's doing.
    pub is_silent: bool,
    /// The channel of its own that the announcement stands in, if it is a post in a forum.
    pub posted_in: Option<ChannelId>,
}

impl Attempt {
    /// One that has put nothing there.
    #[must_use]
    pub fn vain(outcome: Outcome) -> Self {
        Self { outcome, sent_at: None, there: Vec::new(), is_silent: false, posted_in: None }
    }
}

/// What a look for an announcement shows that may stand in its place already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sight {
    /// It stands there.
    There {
        /// The message.
        message: MessageId,
        /// Which of the members whom it is to mention stand in it.
        mentioned: Vec<UserId>,
        /// Whether it notified nobody when it came there.
        is_silent: bool,
        /// Its own channel, if it is a post in a forum.
        posted_in: Option<ChannelId>,
    },
    /// It does not.
    NotThere,
    /// Nobody can tell: the bot may not read there, or there is more than is looked through.
    Unknowable,
    /// The look did not succeed.
    Failed(Outcome),
}

/// Whether a place takes announcements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Examined {
    /// It does.
    Open,
    /// It does if it comes with a tag.
    OpenWithTag,
    /// It does not.
    Closed {
        /// Why not.
        refusal: Refusal,
        /// The rights that are missing, if that is why.
        missing: Permissions,
    },
    /// It could not be found out.
    Unknown(String),
}

/// What came of telling the admins something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// It is there.
    There,
    /// The place does not take it.
    Refused,
    /// Not now.
    Later {
        /// What the other side asked for, if it did.
        asked: Option<Duration>,
        /// What went wrong.
        why: String,
    },
}

/// What came of an edit, a deletion or a publication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Revised {
    /// The announcement says now what it was to say, or is deleted or published as it was to be.
    Done,
    /// The announcement is not there any more.
    Gone,
    /// The place does not take it, and will not by itself.
    Refused(Refusal),
    /// Not now.
    Later {
        /// What the other side asked for, if it did.
        asked: Option<Duration>,
        /// What went wrong.
        why: String,
    },
    /// The credentials are no longer accepted.
    Unauthorized,
}

impl Sink {
    /// Makes one attempt, which goes out by `not_after` or not at all, and only if `is_owed` says so when its turn has come.
    /// `nonce` is the same in every attempt with this delivery.
    pub async fn deliver(
        &self,
        delivery: &Delivery,
        message: &Message,
        nonce: &str,
        not_after: Option<Timestamp>,
        is_owed: impl Future<Output = bool>,
    ) -> Attempt {
        match self {
            Self::DiscordChannel(channel) => {
                channel.deliver(delivery, message, nonce, not_after, is_owed).await
            }
        }
    }

    /// Whether an announcement that is sent once more is known again, so that it is there once all the same.
    #[must_use]
    pub fn recognises(&self, delivery: &Delivery) -> bool {
        match self {
            Self::DiscordChannel(channel) => channel.recognises(delivery),
        }
    }

    /// Makes an announcement say this instead, if `is_wanted` says so when its turn has come. It never goes before anything
    /// else, and notifies nobody: Discord notifies of what is posted only.
    pub async fn revise(
        &self,
        revision: &Revision,
        message: &Message,
        is_wanted: impl Future<Output = bool>,
    ) -> Revised {
        match self {
            Self::DiscordChannel(channel) => channel.revise(revision, message, is_wanted).await,
        }
    }

    /// Deletes an announcement, in the same way.
    pub async fn retract(&self, revision: &Revision, is_wanted: impl Future<Output = bool>) -> Revised {
        match self {
            Self::DiscordChannel(channel) => channel.retract(revision, is_wanted).await,
        }
    }

    /// Publishes an announcement to the servers that follow its channel, in the same way.
    pub async fn publish(&self, publication: &Publication, is_wanted: impl Future<Output = bool>) -> Revised {
        match self {
            Self::DiscordChannel(channel) => channel.publish(publication, is_wanted).await,
        }
    }

    /// When an announcement was posted, as its id tells.
    #[must_use]
    pub fn posted_at(&self, message: MessageId) -> Timestamp {
        match self {
            Self::DiscordChannel(_) => discord_channel::posted_at(message),
        }
    }

    /// The program stops: what has not gone out yet comes back undone, and nothing more goes out.
    pub fn stop(&self) {
        match self {
            Self::DiscordChannel(channel) => channel.stop(),
        }
    }

    /// Looks whether the announcement of a delivery stands in its place already.
    pub async fn find(&self, delivery: &Delivery) -> Sight {
        match self {
            Self::DiscordChannel(channel) => channel.find(delivery).await,
        }
    }

    /// Looks whether a place takes announcements.
    pub async fn examine(&self, route: Route) -> Examined {
        match self {
            Self::DiscordChannel(channel) => channel.examine(route).await,
        }
    }

    /// Where the admins of a server read what concerns the bot, if it has such a place; else why it could not be found out.
    pub async fn place_for_notices(&self, guild: GuildId) -> Result<Option<ChannelId>, String> {
        match self {
            Self::DiscordChannel(channel) => channel.place_for_notices(guild).await,
        }
    }

    /// Tells the admins something in a channel. `nonce` is the same in every attempt with this notice and channel.
    pub async fn tell(&self, place: ChannelId, message: &Message, nonce: &str) -> Told {
        match self {
            Self::DiscordChannel(channel) => channel.tell(place, message, nonce).await,
        }
    }
}
