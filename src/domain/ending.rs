//! How a session went, once it is over.

use super::{Category, Timestamp};

/// What is told of a session that has ended. When it began stands in its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// When it was found to be over: the last sighting of it, or the first look without.
    pub ended_at: Timestamp,
    /// The most who watched in any look; absent when no look saw viewers.
    pub peak_viewers: Option<u64>,
    /// How many watched on average over all looks, rounded down.
    pub average_viewers: Option<u64>,
    /// What was played, in order; each lasts until the next begins, the last until the end.
    pub chapters: Vec<Chapter>,
    /// The recordings of its streams that Twitch keeps, in order; none when there are none, or not yet.
    pub recordings: Vec<Recording>,
}

/// A stretch of a session in one category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chapter {
    /// What was played; absent when none was set.
    pub category: Option<Category>,
    /// When it was first seen so.
    pub since: Timestamp,
}

/// A recording of a stream (Twitch, API Reference, "Get Videos", type `archive`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// Twitch's number for it.
    pub id: String,
    /// Where it can be watched.
    pub url: String,
}
