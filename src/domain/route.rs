//! A route: a server and one of its channels. It is paused while the channel takes nothing, and the admins are told.

use super::{ChannelId, GuildId, Login, NoticeId, Permissions, Refusal, Timestamp};

/// A way to a destination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Route {
    /// The server.
    pub guild: GuildId,
    /// The channel.
    pub channel: ChannelId,
}

/// Why nothing is sent on a route for now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// What Discord said.
    pub refusal: Refusal,
    /// The rights that the bot was found to lack; none when that is not the trouble or nobody has looked.
    pub missing: Permissions,
    /// Since when.
    pub since: Timestamp,
    /// When the route is looked at again, if nothing happens before.
    pub check_at: Timestamp,
    /// When the route was last open again, if it was paused before this.
    pub resumed_at: Option<Timestamp>,
}

/// Something that the admins of a server are to be told, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Our number for it.
    pub id: NoticeId,
    /// Whose admins.
    pub guild: GuildId,
    /// What about.
    pub matter: Matter,
    /// Since when it is to be told.
    pub since: Timestamp,
    /// How many attempts there have been before this one.
    pub attempts: u32,
    /// The channel in which an admin last set one for announcements: where to tell it when the server has no other place.
    pub asked_in: Option<ChannelId>,
}

/// What there is to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Matter {
    /// Nothing can be announced in that channel.
    Paused(ChannelId),
    /// A streamer has another login.
    Renamed {
        /// The name as the streamer writes it.
        name: String,
        /// The former login.
        from: Login,
        /// The login now.
        to: Login,
    },
    /// Twitch no longer knows a streamer.
    Vanished {
        /// The name as the streamer wrote it.
        name: String,
        /// The last login.
        login: Login,
    },
}
