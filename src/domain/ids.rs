//! Identifiers, one type each, so that a channel can never be passed where a server is meant.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

/// An id that Discord gives: a 64-bit snowflake, never zero (Discord, Reference, "Snowflakes").
macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id for a raw snowflake, or nothing for zero and for values beyond 63 bits, which no snowflake reaches.
            #[must_use]
            pub fn new(raw: u64) -> Option<Self> {
                if i64::try_from(raw).is_err() {
                    return None;
                }
                NonZeroU64::new(raw).map(Self)
            }

            /// The raw snowflake.
            #[must_use]
            pub fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

snowflake!(
    /// A Discord server.
    GuildId
);
snowflake!(
    /// A Discord channel.
    ChannelId
);
snowflake!(
    /// A Discord message.
    MessageId
);
snowflake!(
    /// A role of a Discord server. That of everybody has the id of the server.
    RoleId
);
snowflake!(
    /// A tag that posts of a Discord forum may carry.
    ForumTagId
);
snowflake!(
    /// A Discord user.
    UserId
);

/// An id that Twitch gives: opaque text (Twitch, API Guide, "IDs are opaque strings"). Cheap to clone.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes over what Twitch sent.
            #[must_use]
            pub fn new(raw: &str) -> Self {
                Self(raw.into())
            }

            /// The text as Twitch sent it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

opaque!(
    /// A Twitch account. It survives a change of the login, so everything is keyed by it.
    BroadcasterId
);
opaque!(
    /// One connection of a streaming program, as Twitch numbers it. A short drop makes a new one.
    StreamId
);

/// An id that our own store gives.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

row!(
    /// One stretch of streaming by one broadcaster.
    SessionId
);
row!(
    /// One change in a session that somebody may have to hear of.
    TransitionId
);
row!(
    /// One transition owed to one destination.
    DeliveryId
);
row!(
    /// One thing that the admins of a server are to be told.
    NoticeId
);
