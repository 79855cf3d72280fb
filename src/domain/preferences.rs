//! How announcements are wanted: worded so, filtered so, pinging these. A server sets it for all its streamers, and for single
//! ones otherwise.

use super::{Category, ForumTagId, Pattern, RoleId, Stream, Template};

/// What is set for a server, or for one of its watches. A part that is absent follows what stands above it: the watch its
/// server, the server what is usual.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Preferences {
    /// Whom announcements mention.
    pub mention: Option<Mention>,
    /// The text above the card.
    pub message: Option<Template>,
    /// Colour of the card's edge, 0xRRGGBB.
    pub color: Option<u32>,
    /// Whether the card shows a picture of the stream.
    pub preview: Option<bool>,
    /// Whether there is a button that leads to the stream.
    pub button: Option<bool>,
    /// Whether there is a button with which members choose to be mentioned.
    pub notify: Option<bool>,
    /// Whether announcements in announcement channels are published to the servers that follow those.
    pub publish: Option<bool>,
    /// What becomes of an announcement when the stream is over.
    pub on_end: Option<OnEnd>,
    /// The tag of posts in a forum.
    pub forum_tag: Option<ForumTagId>,
    /// What is done about reruns.
    pub reruns: Option<Reruns>,
    /// Announced only in one of these categories; in any when there is none.
    pub only_category: Option<Vec<Category>>,
    /// Not announced in any of these categories.
    pub never_category: Option<Vec<Category>>,
    /// Announced only when the title contains one of these words; whatever it contains when there is none.
    pub title_has: Option<Vec<String>>,
    /// Not announced when the title contains one of these words.
    pub title_not: Option<Vec<String>>,
    /// Announced only when the title matches this; `Some(None)` when it need not, whatever the server wants.
    pub title_regex: Option<Option<Pattern>>,
    /// Announced only in one of these languages, as Twitch codes them; in any when there is none.
    pub language: Option<Vec<String>>,
    /// Announced only with one of these tags; with any when there is none.
    pub tags_any: Option<Vec<String>>,
    /// Not announced with any of these tags.
    pub tags_none: Option<Vec<String>>,
    /// Announced only when so many watch.
    pub min_viewers: Option<u64>,
}

/// Whom announcements mention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mention {
    /// Nobody.
    #[default]
    Nobody,
    /// The members with a role.
    Role(RoleId),
    /// The members who are online.
    Here,
    /// All members.
    Everyone,
}

/// What becomes of an announcement when the stream is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnEnd {
    /// It says how long the stream was, how many watched, and where the recording is.
    #[default]
    Edit,
    /// It is deleted.
    Delete,
    /// It stays as it is.
    Keep,
}

impl OnEnd {
    /// Every choice there is.
    pub const ALL: [Self; 3] = [Self::Edit, Self::Delete, Self::Keep];

    /// The word for it in tables and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }

    /// The choice for a word; nothing for a word that is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

/// What is done about a stream that is a rerun.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Reruns {
    /// It is not announced.
    #[default]
    Skip,
    /// It is announced without notifying anybody.
    Quiet,
    /// It is announced like any other.
    Announce,
}

impl Reruns {
    /// Every choice there is.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Quiet, Self::Announce];

    /// The word for it in tables and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Quiet => "quiet",
            Self::Announce => "announce",
        }
    }

    /// The choice for a word; nothing for a word that is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

impl Preferences {
    /// Whether that stream is a rerun that is to be announced without notifying anybody.
    #[must_use]
    pub fn silences(&self, stream: &Stream) -> bool {
        self.reruns == Some(Reruns::Quiet) && stream.is_rerun()
    }

    /// These, with what they leave open taken from those above them.
    #[must_use]
    pub fn over(self, above: Self) -> Self {
        Self {
            mention: self.mention.or(above.mention),
            message: self.message.or(above.message),
            color: self.color.or(above.color),
            preview: self.preview.or(above.preview),
            button: self.button.or(above.button),
            notify: self.notify.or(above.notify),
            publish: self.publish.or(above.publish),
            on_end: self.on_end.or(above.on_end),
            forum_tag: self.forum_tag.or(above.forum_tag),
            reruns: self.reruns.or(above.reruns),
            only_category: self.only_category.or(above.only_category),
            never_category: self.never_category.or(above.never_category),
            title_has: self.title_has.or(above.title_has),
            title_not: self.title_not.or(above.title_not),
            title_regex: self.title_regex.or(above.title_regex),
            language: self.language.or(above.language),
            tags_any: self.tags_any.or(above.tags_any),
            tags_none: self.tags_none.or(above.tags_none),
            min_viewers: self.min_viewers.or(above.min_viewers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_goes_before_its_server_where_it_says_something() {
        let server = Preferences {
            mention: Some(Mention::Everyone),
            min_viewers: Some(10),
            title_regex: Some(Pattern::parse("any%").ok()),
            ..Preferences::default()
        };
        let watch = Preferences {
            mention: Some(Mention::Nobody),
            title_regex: Some(None),
            on_end: Some(OnEnd::Keep),
            ..Preferences::default()
        };
        let both = watch.over(server);
        assert_eq!(both.mention, Some(Mention::Nobody));
        assert_eq!(
            (both.min_viewers, both.title_regex, both.on_end),
            (Some(10), Some(None), Some(OnEnd::Keep))
        );
    }
}
