//! What Twitch says about a stream and about an account.

use super::text::{Folded, contains_word};
use super::{BroadcasterId, Login, StreamId, Timestamp};

/// The tag by which streamers say that a stream is a rerun: the one that Twitch itself gave to reruns while it had a kind of
/// stream for them.
const RERUN_TAG: &str = "rerun";

/// Words in a title that say so, brackets around them or not. Words that mean something else as well ("replay", "VOD", "best
/// of") are none of them: announcing a rerun is a smaller harm than not announcing a stream.
const RERUN_WORDS: [&str; 4] = ["rerun", "re-run", "reruns", "re-runs"];

/// What stands before such a word when a title says the opposite: "not a rerun", "no reruns today".
const NEGATIONS: [&str; 5] = ["no", "not", "not a", "never", "isn't a"];

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

impl Category {
    /// Whether both are the same category: by number, or by name where a number is missing.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        if self.id.is_empty() || other.id.is_empty() {
            Folded::new(&self.name) == Folded::new(&other.name)
        } else {
            self.id == other.id
        }
    }
}

impl Stream {
    /// Whether it is a rerun, as far as its streamer says.
    #[must_use]
    pub fn is_rerun(&self) -> bool {
        let title = Folded::new(self.title.as_deref().unwrap_or_default());
        self.tags.iter().any(|tag| Folded::new(tag).as_str() == RERUN_TAG)
            || RERUN_WORDS.iter().any(|word| {
                let says = |words: &str| contains_word(&title, &Folded::new(words));
                says(word) && !NEGATIONS.iter().any(|negation| says(&format!("{negation} {word}")))
            })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(title: &str, tags: &[&str], expected: bool) {
        let stream = Stream {
            id: StreamId::new("1"),
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            title: Some(title.to_owned()),
            category: None,
            viewers: None,
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            language: None,
            started_at: Timestamp::from_millis(0),
            thumbnail: None,
        };
        assert_eq!(stream.is_rerun(), expected, "{title} {tags:?}");
    }

    #[test]
    fn a_rerun_is_told_by_its_tag_or_its_title() {
        check("Any%", &["Speedrun", "RERUN"], true);
        check("[Rerun] Any%", &[], true);
        check("RE-RUN: yesterday", &[], true);
        check("Weekend reruns!", &[], true);
        check("rerunning the numbers", &["NoRerun"], false);
        check("Prerun", &[], false);
        check("[NOT A RERUN] new game", &[], false);
        check("No reruns today", &[], false);
        check("LIVE, not a re-run", &[], false);
        check("no rerun", &["Rerun"], true);
        check("we're running", &[], false);
        check("Replay of nothing, live", &[], false);
    }

    #[test]
    fn categories_are_compared_by_number_or_else_by_name() {
        let category = |id: &str, name: &str| Category { id: id.to_owned(), name: name.to_owned() };
        assert!(category("7", "Celeste").is_same(&category("7", "Celeste (2018)")));
        assert!(!category("7", "Celeste").is_same(&category("8", "Celeste")));
        assert!(category("", "CELESTE").is_same(&category("8", "Celeste")));
        assert!(!category("", "Celeste").is_same(&category("8", "Hades")));
    }
}
