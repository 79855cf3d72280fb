//! What is counted for operators. Nothing is decided by it, so it may get lost.

use super::{BroadcasterId, Source, StreamId, Timestamp};

/// Something that has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// Twitch has told that a stream began.
    Heard {
        /// Which.
        stream: StreamId,
        /// When.
        at: Timestamp,
    },
    /// Twitch has told that a stream began, and its list did not show it in the minutes after.
    NeverShown,
    /// A session began.
    Began {
        /// Whose.
        broadcaster: BroadcasterId,
        /// Who saw it first.
        source: Source,
        /// When.
        at: Timestamp,
    },
    /// An announcement is in its channel, by Discord's word.
    Announced {
        /// Of which stream.
        stream: StreamId,
        /// When that began.
        started_at: Timestamp,
        /// When Discord said so.
        at: Timestamp,
    },
}
