//! Filters: what a server wants of a stream before it is announced there.

/// Which filter holds an announcement back, in the order in which they are asked.
///
/// What says most of the stream comes first. The viewers come last, because they change by themselves: what only they hold back
/// is announced as soon as there are enough.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HeldBy {
    /// It is a rerun, and none is wanted.
    Reruns,
    /// It is in none of the categories that are wanted.
    OnlyCategory,
    /// It is in a category that is not wanted.
    NeverCategory,
    /// It is in none of the languages that are wanted.
    Language,
    /// It has none of the tags that are wanted.
    TagsAny,
    /// It has a tag that is not wanted.
    TagsNone,
    /// Its title contains none of the words that are wanted.
    TitleHas,
    /// Its title contains a word that is not wanted.
    TitleNot,
    /// Its title does not match the expression.
    TitleRegex,
    /// Too few watch, or nobody knows yet how many do.
    MinViewers,
}

impl HeldBy {
    /// Every filter there is.
    pub const ALL: [Self; 10] = [
        Self::Reruns,
        Self::OnlyCategory,
        Self::NeverCategory,
        Self::Language,
        Self::TagsAny,
        Self::TagsNone,
        Self::TitleHas,
        Self::TitleNot,
        Self::TitleRegex,
        Self::MinViewers,
    ];

    /// The word for it in tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reruns => "reruns",
            Self::OnlyCategory => "only_category",
            Self::NeverCategory => "never_category",
            Self::Language => "language",
            Self::TagsAny => "tags_any",
            Self::TagsNone => "tags_none",
            Self::TitleHas => "title_has",
            Self::TitleNot => "title_not",
            Self::TitleRegex => "title_regex",
            Self::MinViewers => "min_viewers",
        }
    }

    /// The filter for a word; nothing for a word that a later version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.as_str() == word)
    }
}
