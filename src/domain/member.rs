//! What a member of a server has chosen: which streamers may ping them.

/// What a member has chosen about one streamer of a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Choice {
    /// To be mentioned when that streamer is announced.
    On,
    /// Not to be mentioned, whatever else says that they should be.
    Off,
}

impl Choice {
    /// Every choice there is.
    pub const ALL: [Self; 2] = [Self::On, Self::Off];

    /// The word for it in tables and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// The choice for a word; nothing for a word that is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}
