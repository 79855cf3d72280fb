//! What Twitch says about a stream and about an account.

use super::{BroadcasterId, Login, StreamId, Timestamp};

/// A live stream as one look at Twitch showed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Twitch's number for this connection; a drop and return gets a new one.
    pub id: StreamId,
    /// Who streams.
    pub broadcaster: BroadcasterId,
    /// The login at that moment.
    pub login: Login,
    /// The name as the broadcaster writes it.
    pub display_name: String,
    /// Absent when Twitch sent none or only white space.
    pub title: Option<String>,
    /// Absent when none is set.
    pub category: Option<Category>,
    /// How many watch; absent while Twitch's list does not show the stream. Changes with every look, so nothing is remembered for its sake.
    pub viewers: Option<u64>,
    /// What the broadcaster has tagged it with, as written.
    pub tags: Vec<String>,
    /// The language that the broadcaster has set: a two-letter code (ISO 639-1), or `other`.
    pub language: Option<String>,
    /// When Twitch says that it began.
    pub started_at: Timestamp,
    /// Picture address with `{width}` and `{height}` to be filled in; missing in the first minutes.
    pub thumbnail: Option<String>,
}

/// What is being played or done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    /// Twitch's number for it.
    pub id: String,
    /// Its name, never empty.
    pub name: String,
}

/// A Twitch account as its page shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// The login at the last look.
    pub login: Login,
    /// The name as the broadcaster writes it.
    pub display_name: String,
    /// Address of the profile picture.
    pub image: Option<String>,
}

/// What a channel says of itself, live or not: the next stream begins with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Whose.
    pub broadcaster: BroadcasterId,
    /// Absent when there is none.
    pub title: Option<String>,
    /// Absent when none is set.
    pub category: Option<Category>,
    /// What it is tagged with, as written.
    pub tags: Vec<String>,
    /// The language that is set.
    pub language: Option<String>,
}

impl Stream {
    /// Whether Twitch's list has shown it, and not only a message told of it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.viewers.is_some()
    }

    /// Whether two looks agree in what an announcement or a list says and in what filters go by, apart from the viewers and
    /// the picture's address.
    #[must_use]
    pub fn reads_like(&self, other: &Self) -> bool {
        self.title == other.title
            && self.category == other.category
            && self.login == other.login
            && self.display_name == other.display_name
            && self.tags == other.tags
            && self.language == other.language
    }
}
