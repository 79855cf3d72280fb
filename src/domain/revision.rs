//! A revision: an announcement that stands in a channel, to be brought up to date with what is known of its session now.

use super::{
    ChannelId, DeliveryId, Ending, GuildId, MessageId, Preferences, Profile, SessionId, Stream, Timestamp,
    UserId,
};

/// An announcement that stands in an announcement channel and is to be published to the servers that follow it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// The delivery whose announcement it is.
    pub delivery: DeliveryId,
    /// How many attempts there have been, this one included.
    pub attempt: u32,
    /// The session that it tells about.
    pub session: SessionId,
    /// The server it stands in.
    pub guild: GuildId,
    /// The channel it stands in.
    pub channel: ChannelId,
    /// The message that it is.
    pub message: MessageId,
}

/// A revision that is due, with what is known when it is taken up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// The delivery whose announcement it is. It has one revision at most.
    pub delivery: DeliveryId,
    /// How often it has been wished for. A wish that comes while another one is carried out has a higher number.
    pub wish: u32,
    /// How many attempts there have been since, this one included.
    pub attempt: u32,
    /// The session that it tells about.
    pub session: SessionId,
    /// The server it stands in.
    pub guild: GuildId,
    /// The channel it stands in: its own one, if it is a post in a forum.
    pub channel: ChannelId,
    /// The message that it is.
    pub message: MessageId,
    /// Since when this server could have been told of the session.
    pub owed_since: Timestamp,
    /// When the announcement went out, if that is known. A message that was found in its channel does not tell.
    pub sent_at: Option<Timestamp>,
    /// How the announcement is wanted.
    pub preferences: Preferences,
    /// The members whom it mentions.
    pub members: Vec<UserId>,
    /// Whether it is a reply with mentions. It says nothing of the stream, and is deleted with what it answers.
    pub is_reply: bool,
    /// The session's stream as it is known now, with the start of the session.
    pub stream: Stream,
    /// The account as it is known now.
    pub profile: Profile,
    /// How the session went, when it is over.
    pub ending: Option<Ending>,
}

impl Revision {
    /// Whether the announcement is a post in a forum: a thread of its own, whose id is that of its first message (Discord,
    /// Threads, "Forum and Media Channel Fields").
    #[must_use]
    pub fn is_post(&self) -> bool {
        self.channel.get() == self.message.get()
    }
}
