//! A watch: this server wants to hear about that streamer, there.

use super::{BroadcasterId, ChannelId, GuildId, Preferences, Timestamp, UserId};

/// What makes a watch the same watch, also after it was removed and added again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WatchKey {
    /// The server.
    pub guild: GuildId,
    /// The streamer.
    pub broadcaster: BroadcasterId,
}

/// A wish as it stands, with what it leaves open taken from its server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Who wants to hear about whom.
    pub key: WatchKey,
    /// Where: the watch's own channel, else the server's. Nothing when the server has set neither.
    pub channel: Option<ChannelId>,
    /// How.
    pub preferences: Preferences,
}

/// A wish as an admin states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewWatch {
    /// Who wants to hear about whom.
    pub key: WatchKey,
    /// A channel of its own, if it is not to follow the server's.
    pub channel: Option<ChannelId>,
    /// Which admin.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// How announcements are wanted. For a watch that is there, what is absent stays as it was.
    pub preferences: Preferences,
}
