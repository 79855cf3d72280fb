//! A session: one stretch of streaming by one broadcaster, short drops included.

use std::time::Duration;

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
    /// Set while `last_seen_at` is only assumed, because somebody was looking until the last restart: the last sighting that
    /// is certain.
    pub surely_seen_at: Option<Timestamp>,
    /// The first of the successful looks, without a sighting between, that missed it.
    pub missing_since: Option<Timestamp>,
    /// What the last sighting said.
    pub stream: Stream,
}

impl Session {
    /// Since when the broadcaster is gone, if gone at all: the first look without a stream.
    ///
    /// When nobody had looked for `grace` before that, the stream may have ended long ago, and the last sighting counts.
    #[must_use]
    pub fn gone_since(&self, grace: Duration) -> Timestamp {
        match self.missing_since {
            Some(missed) if missed.since(self.last_seen_at) < grace => missed,
            _ => self.last_seen_at,
        }
    }

    /// Whether this session has had that stream.
    #[must_use]
    pub fn has(&self, stream: &StreamId) -> bool {
        self.stream_ids.contains(stream)
    }
}
