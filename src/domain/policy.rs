//! What a server wants in the cases where nothing is right for everybody.

/// What a server wants of an announcement that comes late because the bot was away or the channel was closed to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum LatePolicy {
    /// Announced, and marked as late.
    #[default]
    Post,
    /// The same, without notifying anybody.
    Quiet,
    /// Not announced.
    Skip,
}

impl LatePolicy {
    /// Every choice there is.
    pub const ALL: [Self; 3] = [Self::Post, Self::Quiet, Self::Skip];

    /// The word for it in tables and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Quiet => "quiet",
            Self::Skip => "skip",
        }
    }

    /// The choice for a word, or the default for a word that a later version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word).unwrap_or_default()
    }
}

/// What a server wants when an answer of Discord's was lost too long ago for Discord to recognise a repetition, and the bot
/// may not read the channel to see for itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DoubtPolicy {
    /// Rather announced twice than never.
    #[default]
    Twice,
    /// Rather never than twice.
    Never,
}

impl DoubtPolicy {
    /// Every choice there is.
    pub const ALL: [Self; 2] = [Self::Twice, Self::Never];

    /// The word for it in tables and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twice => "twice",
            Self::Never => "never",
        }
    }

    /// The choice for a word, or the default for a word that a later version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word).unwrap_or_default()
    }
}

/// How it went on with a delivery of which nobody knew whether it had arrived.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Doubt {
    /// The channel was read, and it was there.
    Found,
    /// The channel was read, and it was not there.
    NotThere,
    /// The channel could not be read, and it was sent again.
    SentAgain,
    /// The channel could not be read, and it was left at that.
    KeptBack,
}

impl Doubt {
    /// Every way there is.
    pub const ALL: [Self; 4] = [Self::Found, Self::NotThere, Self::SentAgain, Self::KeptBack];

    /// The word for it in tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotThere => "not_there",
            Self::SentAgain => "sent_again",
            Self::KeptBack => "kept_back",
        }
    }

    /// The way for a word; nothing for a word that a later version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.as_str() == word)
    }
}
