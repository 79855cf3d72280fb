//! Remembering: every method is one transaction, named as the story names it. Nothing is decided here.
//!
//! SQLite holds what must survive; the [`Board`](crate::store::Board) holds, in memory, what changes with every look and is not worth a write.

mod board;
#[cfg(test)]
mod conformance;
mod facts;
mod preferences;
mod sqlite;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use board::{Board, LiveNow};
pub use sqlite::{
    HISTORY, LOOKED_AT_EVERY, MAX_MENTIONED, MAX_TRIED, Store, VIEWERS_KEPT_EVERY, migrate, probe,
};

use crate::domain::{
    BroadcasterId, ChannelId, Delivery, DeliveryId, Doubt, DoubtPolicy, ForumTagId, GuildId, LatePolicy,
    Mentioned, MessageId, Online, Outcome, Owed, Pause, Preferences, Profile, Refusal, SessionId, Source,
    Stream, StreamId, Timestamp, TransitionId, WatchKey,
};

/// How long a statement waits for somebody else's lock: that of a backup, of an operator's `sqlite3` or, for `livebell check`,
/// of a running bot, all short. A write that waits longer is tried again later.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the store needs to know.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file. Its folder is created.
    pub path: PathBuf,
    /// How long a statement waits for somebody else's lock.
    pub busy_timeout: Duration,
}

impl StoreOptions {
    /// The database in that file, and everything else as it usually is.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), busy_timeout: BUSY_TIMEOUT }
    }
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
    /// The file is damaged, or no database at all. It is left as it is.
    #[error(
        "the database {path} is damaged ({what}). Nothing was changed. Stop every Livebell, put a backup in its place \
         (with the files that end in -wal and -shm removed) and start again; without a backup, `sqlite3 {path} .recover` \
         saves what can be read, and moving the file away begins anew"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite found.
        what: String,
    },
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
        /// Who must hear, at once or when no filter holds it back any more.
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
    /// A session goes on with other facts, another stream id, or after it was missed. With other facts, what stands in
    /// channels becomes due for a revision, though not at once.
    Continued {
        /// Which.
        session: SessionId,
        /// What is seen of it.
        stream: Box<Stream>,
    },
    /// Twitch shows for the first time what was announced from hearsay: the facts of the announcement are replaced. What
    /// is still to be sent is worded from them, and what may be there already becomes due for a revision.
    Shown {
        /// Which session.
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
    /// A session is over since it was missed first: what is still pending of it expires, and what is held back is not told any
    /// more. What stands in channels becomes due for a revision.
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
    /// What an open session holds back was asked for once more, because what filters go by has changed, or because they have.
    Reconsidered {
        /// Which.
        session: SessionId,
        /// What is known of it now.
        stream: Box<Stream>,
        /// Those for whom the answer is another one than before.
        owed: Vec<Owed>,
    },
}

/// Everything that one observation changed; remembered whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// When the observation was made.
    pub at: Timestamp,
    /// When it was decided what follows from it.
    pub decided_at: Timestamp,
    /// Who made it.
    pub source: Source,
    /// What follows.
    pub changes: Vec<Change>,
}

/// A message that Twitch has posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// Its id, the same when it comes again.
    pub message: String,
    /// Whom the subscription is about; nothing when it is of another kind than ours are.
    pub broadcaster: Option<BroadcasterId>,
    /// The live stream that has begun, if that is what it says.
    pub online: Option<Online>,
}

/// What a posted message was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It came for the first time, and is remembered.
    New,
    /// It was remembered already.
    Again,
    /// It is about somebody whom nobody watches, and is not remembered.
    Unwanted,
}

/// A session that is over and whose recordings are looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unrecorded {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// When it was found to be over.
    pub since: Timestamp,
    /// Its streams of which no recording is known.
    pub streams: Vec<StreamId>,
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
    /// How many of one transition at most, those in flight included.
    pub per_transition: usize,
    /// What is in flight here. Which transition has the least of it is served first.
    pub held: Vec<Held>,
}

/// A delivery that is in flight here, and where it counts. Its lease never runs out, whatever takes so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which.
    pub delivery: DeliveryId,
    /// Which attempt with it.
    pub attempt: u32,
    /// Where it goes.
    pub channel: ChannelId,
    /// What it tells of.
    pub transition: TransitionId,
}

impl From<&Delivery> for Held {
    fn from(delivery: &Delivery) -> Self {
        let Delivery { id, attempt, channel, transition, .. } = *delivery;
        Self { delivery: id, attempt, channel, transition }
    }
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
    /// When the request of this attempt went out, if that has put the announcement there.
    pub sent_at: Option<Timestamp>,
    /// The channel of its own that the announcement stands in, if it is a post in a forum.
    pub posted_in: Option<ChannelId>,
    /// The tag that it was to have, if it was to become a post.
    pub forum_tag: Option<ForumTagId>,
    /// The first attempt of which nobody knows whether it succeeded, this one included.
    pub unsure_since: Option<Timestamp>,
    /// How it went on with a delivery that was in doubt before this attempt.
    pub doubt: Option<Doubt>,
    /// Whom it mentions, and who is owed a reply to it, if it is there.
    pub mentioned: Mentioned,
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

/// What became of a member's choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chosen {
    /// It holds from now on.
    Changed,
    /// It held already.
    AsBefore,
    /// As many members as may be want to be mentioned for that streamer already.
    Full,
    /// The server does not watch that streamer.
    NotWatched,
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
    /// Why nothing is sent to its channel, if nothing is.
    pub pause: Option<Pause>,
    /// Why the last delivery to the channel that is set now was refused, though the channel is open.
    pub refused: Option<Refusal>,
}

/// A server as it is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuildSettings {
    /// Where announcements go that have no channel of their own.
    pub channel: Option<ChannelId>,
    /// What it wants of late announcements.
    pub late: LatePolicy,
    /// What it wants when in doubt.
    pub doubt: DoubtPolicy,
    /// How it wants its announcements.
    pub preferences: Preferences,
}

/// What was wrong with a server's announcements within the history that is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuildTroubles {
    /// The routes that are paused.
    pub paused: Vec<(ChannelId, Pause)>,
    /// How many deliveries were in doubt and sent again, so perhaps shown twice.
    pub sent_again: usize,
    /// How many were in doubt and kept back, so perhaps not shown.
    pub kept_back: usize,
}

/// Where announcements are to go from now on, said together with how they are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placing {
    /// The channel; `Some(None)` takes it back, nothing leaves it as it is.
    pub channel: Option<Option<ChannelId>>,
    /// The channel in which the admin says so.
    pub asked_in: Option<ChannelId>,
    /// When.
    pub at: Timestamp,
}

/// A session as filters are tried on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastSession {
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// The stream as it was, one after the other, each with the most viewers that the session had.
    pub seen: Vec<Stream>,
}

/// How a watch stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchState {
    /// The account as it is known.
    pub profile: Profile,
    /// Since when.
    pub added_at: Timestamp,
    /// Since when Twitch does not know the account.
    pub unavailable_since: Option<Timestamp>,
    /// Where announcements go.
    pub channel: Option<ChannelId>,
    /// The channel of its own, if it has one.
    pub own_channel: Option<ChannelId>,
    /// How it wants its announcements, apart from what its server wants of all.
    pub preferences: Preferences,
}

/// Everything that is known of one streamer's last session in one server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// When it began, by Twitch.
    pub started_at: Timestamp,
    /// When it was over, if it is.
    pub ended_at: Option<Timestamp>,
    /// When its beginning was seen.
    pub seen_at: Timestamp,
    /// Who saw it.
    pub source: String,
    /// What was last known of it; forgotten some time after its end.
    pub stream: Option<Stream>,
    /// What this server was owed of it.
    pub delivery: Option<DeliveryAccount>,
}

/// What became of a delivery, step by step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryAccount {
    /// How it stands.
    pub state: DeliveryState,
    /// Where it goes or went; a post in a forum that stands has a channel of its own.
    pub channel: ChannelId,
    /// When it was remembered.
    pub decided_at: Timestamp,
    /// How many attempts there have been.
    pub attempts: u32,
    /// When the next attempt is due, if there is to be one.
    pub due_at: Timestamp,
    /// When the request went out that has put the announcement there.
    pub sent_at: Option<Timestamp>,
    /// When the last answer was there.
    pub settled_at: Option<Timestamp>,
    /// The message, when Discord named it.
    pub message: Option<MessageId>,
    /// Since when it is owed, if that is later than its session began.
    pub matched_at: Option<Timestamp>,
    /// What Discord said last, or our word for its refusal, or for the filter that holds it back.
    pub detail: Option<String>,
    /// How it went on after a doubt.
    pub doubt: Option<Doubt>,
    /// When the message was deleted because the stream was over and the server wants it so.
    pub deleted_at: Option<Timestamp>,
    /// What became of publishing it, if that was wanted.
    pub publication: Option<PublicationState>,
}

/// What became of an announcement that was to be published to the servers that follow its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PublicationState {
    /// It waits for its turn.
    Wanted,
    /// It is published.
    Done,
    /// Too many of its channel were published within an hour.
    OverBudget,
    /// Discord does not publish it: the channel is no announcement channel, as a rule.
    Refused,
}

impl PublicationState {
    /// Every state there is.
    pub const ALL: [Self; 4] = [Self::Wanted, Self::Done, Self::OverBudget, Self::Refused];

    /// The word for it in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Done => "done",
            Self::OverBudget => "over_budget",
            Self::Refused => "refused",
        }
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// Waits for an attempt.
    Pending,
    /// An attempt is under way.
    Leased,
    /// Its route is paused.
    Paused,
    /// It is there.
    Delivered,
    /// It will never be taken.
    Refused,
    /// The stream ended first.
    Expired,
    /// The watch was removed first, or the bot.
    Cancelled,
    /// It was late, and the server wants no late ones.
    Skipped,
    /// It may be there, and the server wants no second one.
    KeptBack,
    /// A filter holds it back as long as it does not match.
    Held,
    /// A filter held it back until the stream was over.
    Filtered,
}

impl DeliveryState {
    /// Every state there is.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Leased,
        Self::Paused,
        Self::Delivered,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
        Self::Skipped,
        Self::KeptBack,
        Self::Held,
        Self::Filtered,
    ];

    /// The word for it in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Paused => "paused",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::KeptBack => "kept_back",
            Self::Held => "held",
            Self::Filtered => "filtered",
        }
    }
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
