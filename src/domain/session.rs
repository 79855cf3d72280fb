//! A session: one stretch of streaming by one broadcaster, short drops included.

use super::{BroadcasterId, SessionId, Stream, StreamId, Timestamp};

/// A session that has not ended, as far as is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Our number for it.
    pub id: SessionId,
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// Every stream id it has had, in no order. A drop and return adds one.
    pub stream_ids: Vec<StreamId>,
    /// When its first stream began, by Twitch.
    pub started_at: Timestamp,
    /// The last look that saw it. Kept in memory; the store knows it only roughly.
    pub last_seen_at: Timestamp,
    /// The first of the successful looks, without a sighting between, that missed it.
    pub missing_since: Option<Timestamp>,
    /// What the last sighting said.
    pub stream: Stream,
}

impl Session {
    /// Since when the broadcaster is gone if gone at all: the first look without, else the last look with a stream.
    #[must_use]
    pub fn gone_since(&self) -> Timestamp {
        self.missing_since.unwrap_or(self.last_seen_at)
    }

    /// Whether this session has had that stream.
    #[must_use]
    pub fn has(&self, stream: &StreamId) -> bool {
        self.stream_ids.contains(stream)
    }
}
