//! Remembering: every method is one transaction, named as the story names it. Nothing is decided here.
//!
//! SQLite holds what must survive; the [`Board`](crate::store::Board) holds, in memory, what changes with every look and is not worth a write.

mod board;
#[cfg(test)]
mod conformance;
mod facts;
mod sqlite;

use std::path::PathBuf;

pub use board::{Board, LiveNow};
pub use sqlite::{LOOKED_AT_EVERY, Store, migrate, probe};

use crate::domain::{
    BroadcasterId, ChannelId, DeliveryId, GuildId, Outcome, Owed, Profile, Refusal, SessionId, Source,
    Stream, Timestamp, WatchKey,
};

/// What the store needs to know.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file. Its folder is created.
    pub path: PathBuf,
}

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be used: missing rights, no disk space, a path that is a folder.
    #[error("the database {path} cannot be opened")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: anyhow::Error,
    },
    /// Another process has the same database open, and two bots would announce everything twice.
    #[error("the database {0} is in use by another Livebell; stop it first")]
    InUse(PathBuf),
    /// The schema could not be brought up to date; nothing was changed.
    #[error("the database could not be migrated")]
    Migrate(#[from] Box<refinery::Error>),
    /// SQLite refused a statement: full disk, locked file, damaged file.
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds something that no version of this program wrote.
    #[error("the database holds an unreadable {0}")]
    Unreadable(&'static str),
    /// The program is stopping.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// Whether the trouble is with what was to be remembered, and not with the disk or the file.
    #[must_use]
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Sqlite(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
                    || matches!(error, rusqlite::Error::QueryReturnedNoRows)
            }
            Self::Unreadable(_) => true,
            _ => false,
        }
    }
}

/// One thing that an observation changed, ready to be remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A session began, and these are owed word of it.
    Began {
        /// Its first stream.
        stream: Box<Stream>,
        /// Who must hear.
        owed: Vec<Owed>,
        /// The open session that it replaces, if there is one.
        replaces: Option<SessionId>,
    },
    /// A session that was given up is going on.
    Reopened {
        /// Which.
        session: SessionId,
        /// What is seen of it.
        stream: Box<Stream>,
        /// Who must hear, unless they have: a watch may have been made while the session was thought to be over.
        owed: Vec<Owed>,
    },
    /// A session goes on with other facts, another stream id, or after it was missed.
    Continued {
        /// Which.
        session: SessionId,
        /// What is seen of it.
        stream: Box<Stream>,
    },
    /// A session was missed for the first time.
    Missed {
        /// Which.
        session: SessionId,
        /// Whose.
        broadcaster: BroadcasterId,
        /// The last look that saw it; remembered now, because it does not change any more.
        last_seen_at: Timestamp,
    },
    /// A session is over, and what is still pending of it expires.
    Ended {
        /// Which.
        session: SessionId,
        /// Whose.
        broadcaster: BroadcasterId,
    },
    /// Watches that were new have been looked at; these are owed word of a session that was already going on.
    CaughtUp {
        /// The watches that are no longer fresh.
        watches: Vec<WatchKey>,
        /// Who must hear.
        owed: Vec<Owed>,
        /// The session, when the streamer is live.
        session: Option<SessionId>,
    },
}

/// Everything that one observation changed; remembered whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// When the observation was made.
    pub at: Timestamp,
    /// Who made it.
    pub source: Source,
    /// What follows.
    pub changes: Vec<Change>,
}

/// What the outbox may lease.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// Now.
    pub at: Timestamp,
    /// Until when nobody else may take what is leased.
    pub until: Timestamp,
    /// How many deliveries at most.
    pub slots: usize,
    /// How many of one channel at most, those in flight included.
    pub per_channel: usize,
    /// How many are in flight, by channel.
    pub in_flight: Vec<(ChannelId, usize)>,
    /// Deliveries that are in flight here: their leases never run out, whatever takes so long.
    pub held: Vec<DeliveryId>,
}

/// One attempt that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// What came of it.
    pub outcome: Outcome,
    /// When the next attempt is due, if there is to be one.
    pub retry_at: Timestamp,
    /// Now.
    pub at: Timestamp,
}

/// What became of a wish to watch a streamer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Added {
    /// It is new.
    New,
    /// It was there already, with its own channel or without; `moved` tells that the channel is another one now.
    AlreadyThere {
        /// Where its announcements go now.
        channel: Option<ChannelId>,
        /// Whether this wish changed that.
        moved: bool,
    },
    /// The server watches as many streamers as a server may.
    Full,
}

/// A streamer in a server's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The account as it is known.
    pub profile: Profile,
    /// Since when Twitch does not know the account.
    pub unavailable_since: Option<Timestamp>,
    /// A channel of its own.
    pub own_channel: Option<ChannelId>,
    /// Since when the server watches.
    pub added_at: Timestamp,
    /// Why the last delivery to the channel that is set now was refused.
    pub refused: Option<Refusal>,
}

/// A server as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuildSettings {
    /// Where announcements go that have no channel of their own.
    pub channel: Option<ChannelId>,
}

/// Which part of all servers a gateway connection speaks for (Discord, Gateway, "Sharding").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Its number, from 0.
    pub id: u64,
    /// How many there are, at least 1.
    pub of: u64,
}

impl Shard {
    /// Whether the connection speaks for that server.
    #[must_use]
    pub fn holds(self, guild: GuildId) -> bool {
        (guild.get() >> 22) % self.of.max(1) == self.id
    }
}
