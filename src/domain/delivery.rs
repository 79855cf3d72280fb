//! A delivery: one transition owed to one destination, and what can become of it.

use std::fmt;

use super::{
    ChannelId, DeliveryId, DoubtPolicy, GuildId, HeldBy, LatePolicy, MessageId, Preferences, Profile,
    SessionId, Stream, Timestamp, TransitionId, UserId, WatchKey,
};

/// A delivery that was leased for one attempt, with what is known of its session now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Our number for it; the same through all attempts.
    pub id: DeliveryId,
    /// The session that it tells about.
    pub session: SessionId,
    /// The transition that it tells of; deliveries of one transition wait behind each other, not before those of others.
    pub transition: TransitionId,
    /// The server it is owed to.
    pub guild: GuildId,
    /// Where it goes.
    pub channel: ChannelId,
    /// How many attempts there have been, this one included.
    pub attempt: u32,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Since when this server could have been told: the start of the stream, or the later moment at which the server
    /// began to watch or the bot came back.
    pub owed_since: Timestamp,
    /// The first attempt of which nobody knows whether it put the announcement there.
    pub unsure_since: Option<Timestamp>,
    /// Whether the session is over: it is only to be found out whether the announcement is there, which has to say so then.
    pub is_over: bool,
    /// What the server wants of announcements that come late.
    pub late: LatePolicy,
    /// What the server wants when nobody can tell whether it has been announced.
    pub doubt: DoubtPolicy,
    /// How it is wanted.
    pub preferences: Preferences,
    /// The members whom it is to mention, who have asked for it.
    pub members: Vec<UserId>,
    /// The announcement that it answers, when it is a reply: it mentions members for whom that had no room, and says nothing
    /// else.
    pub answers: Option<MessageId>,
    /// The stream as it was when its session began; for a server to which it was owed later than that, as it is known now.
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
        /// What went wrong, for the log and for `/why`.
        why: String,
        /// Whether the announcement may be there all the same.
        perhaps_done: bool,
    },
    /// The destination does not take it. Whether that lasts, [`Refusal::pauses_route`] says.
    Refused(Refusal),
    /// Nobody tried: it is late, and the server wants no late ones.
    Skipped,
    /// Nobody tried again: it may be there, nobody can look, and the server wants no second one, or none that late; or the stream
    /// is over.
    KeptBack,
    /// Nobody tried again: it was looked for because its stream is over, and it is not there.
    Over,
    /// The credentials are no longer accepted: nothing at all can be sent.
    Unauthorized,
}

/// Which of the members whom a message was to mention it mentions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentioned {
    /// Those who stand in it.
    pub there: Vec<UserId>,
    /// Those for whom it had no room, by the replies that are owed to them.
    pub replies: Vec<Vec<UserId>>,
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
    /// The channel is of a kind that takes no announcements.
    WrongKindOfChannel,
    /// The forum wants a tag on every post, and none is chosen.
    TagRequired,
    /// The thread is locked, and the bot may not open it.
    LockedThread,
    /// A rule of the server (`AutoMod` or a link filter) blocks the text.
    BlockedByServer,
    /// Discord does not accept the message itself.
    InvalidMessage,
    /// Discord forbids posting in the channel, for a reason that is not about rights.
    Forbidden,
    /// Something else that repeating does not cure.
    Other,
}

impl Refusal {
    /// Every reason there is, in the order of their words in the store.
    pub const ALL: [Self; 11] = [
        Self::UnknownChannel,
        Self::UnknownGuild,
        Self::MissingAccess,
        Self::MissingPermission,
        Self::WrongKindOfChannel,
        Self::TagRequired,
        Self::LockedThread,
        Self::BlockedByServer,
        Self::InvalidMessage,
        Self::Forbidden,
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
            Self::TagRequired => "tag_required",
            Self::LockedThread => "locked_thread",
            Self::BlockedByServer => "blocked_by_server",
            Self::InvalidMessage => "invalid_message",
            Self::Forbidden => "forbidden",
            Self::Other => "other",
        }
    }

    /// Whether it is the place that refuses, and not this one message: nothing will arrive there until somebody changes it.
    #[must_use]
    pub const fn pauses_route(self) -> bool {
        match self {
            Self::UnknownChannel
            | Self::UnknownGuild
            | Self::MissingAccess
            | Self::MissingPermission
            | Self::WrongKindOfChannel
            | Self::TagRequired
            | Self::LockedThread
            | Self::Forbidden => true,
            Self::BlockedByServer | Self::InvalidMessage | Self::Other => false,
        }
    }

    /// Whether somebody in the server may lift it without changing anything about the message: a right that was taken, a thread
    /// that was locked.
    #[must_use]
    pub const fn may_be_lifted(self) -> bool {
        matches!(self, Self::MissingAccess | Self::MissingPermission | Self::LockedThread)
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

impl Delivery {
    /// Whether it tells of a rerun in a server that wants them announced without notifying anybody.
    #[must_use]
    pub fn is_quiet_rerun(&self) -> bool {
        self.preferences.silences(&self.stream)
    }
}

/// One delivery that somebody must get, before it has a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    /// To whom, about whom.
    pub watch: WatchKey,
    /// Where it goes.
    pub channel: ChannelId,
    /// The filter that holds it back, if one does: then it is owed only once that filter matches.
    pub held_by: Option<HeldBy>,
}
