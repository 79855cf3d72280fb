//! What a source saw. An observation reports; what follows from it is decided elsewhere, in one place.

use std::fmt;

use super::{BroadcasterId, Login, Stream, StreamId, Timestamp};

/// Where an observation comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A batch request to Twitch's "Get Streams".
    Poll,
    /// The same, made because Twitch had pushed word of a stream over a conduit.
    Conduit,
    /// The same, made because Twitch had pushed word of a stream to our own HTTP server.
    Webhook,
}

impl Source {
    /// The word for it in tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Conduit => "conduit",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A broadcaster has begun to stream. Twitch says no more: no title, no category, no picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Online {
    /// The stream.
    pub stream: StreamId,
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// The broadcaster's login.
    pub login: Login,
    /// The broadcaster's name as written.
    pub display_name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether it is a live stream. Others are reruns, premieres, and what Twitch thinks of next.
    pub is_live: bool,
}

/// One successful look at some broadcasters. A look that failed is no observation: unknown is never offline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    /// Who looked.
    pub source: Source,
    /// When the answer was there.
    pub at: Timestamp,
    /// What was seen. A broadcaster whose entry could not be read has none.
    pub sightings: Vec<Sighting>,
}

/// What one look showed of one broadcaster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Of whom.
    pub broadcaster: BroadcasterId,
    /// What.
    pub seen: Seen,
}

/// Live, or not in the list of the live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Streaming now.
    Live(Box<Stream>),
    /// Twitch has told that it began, and does not list it yet.
    Told(Box<Stream>),
    /// Not among the live streams. Twitch's cache flaps, so one of these proves nothing yet.
    Absent,
}
