//! The text that a server wants above its announcements: plain text with named places for what is announced.

use std::fmt;

use super::text;

/// Longest template, in UTF-16 units: Discord takes 2,000 characters above a card, and what is filled in needs room.
pub const MAX_TEMPLATE: usize = 1_500;

/// A text with places that are filled in for each announcement. `{{` and `}}` stand for braces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Shown as it stands, Markdown included: it is the admin's own.
    Text(String),
    /// Filled in.
    Placeholder(Placeholder),
}

/// What can be filled in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Placeholder {
    /// The streamer's name.
    Streamer,
    /// The stream's title.
    Title,
    /// The stream's category.
    Category,
    /// Where to watch.
    Url,
    /// How many watch.
    Viewers,
    /// When the stream began.
    Started,
    /// The stream's language.
    Language,
    /// The stream's tags.
    Tags,
    /// Whom the announcement mentions.
    Mention,
}

impl Placeholder {
    /// Everything that can be filled in.
    pub const ALL: [Self; 9] = [
        Self::Streamer,
        Self::Title,
        Self::Category,
        Self::Url,
        Self::Viewers,
        Self::Started,
        Self::Language,
        Self::Tags,
        Self::Mention,
    ];

    /// What stands between the braces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streamer => "streamer",
            Self::Title => "title",
            Self::Category => "category",
            Self::Url => "url",
            Self::Viewers => "viewers",
            Self::Started => "started",
            Self::Language => "language",
            Self::Tags => "tags",
            Self::Mention => "mention",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.as_str() == word)
    }
}

/// Why a text is no template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidTemplate {
    /// Nothing would be shown.
    #[error("the text is empty")]
    Empty,
    /// Longer than [`MAX_TEMPLATE`].
    #[error("the text has {length} characters; the longest that is taken has {MAX_TEMPLATE}")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// Something stands in braces that nothing can be filled in for.
    #[error("`{{{name}}}` at character {position} is none of {}", Known)]
    Unknown {
        /// What stands there.
        name: String,
        /// Where its brace stands, counted from 1 in characters.
        position: usize,
    },
    /// A brace opens and never closes.
    #[error(
        "the brace at character {position} is never closed; `{{{{` is a brace that is shown, and {} can be filled in",
        Known
    )]
    Unclosed {
        /// Where it stands, counted from 1 in characters.
        position: usize,
    },
}

/// The good placeholders, as a person would list them.
struct Known;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, placeholder) in Placeholder::ALL.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}`{{{}}}`", placeholder.as_str())?;
        }
        Ok(())
    }
}

impl Template {
    /// Reads what an admin has typed.
    pub fn parse(source: &str) -> Result<Self, InvalidTemplate> {
        let length = text::length(source);
        if length > MAX_TEMPLATE {
            return Err(InvalidTemplate::TooLong { length });
        }
        let typed = source;
        let source = text::filled(typed).ok_or(InvalidTemplate::Empty)?;
        // Places are told as they were typed.
        let before = typed.find(source).map_or(0, |at| typed[..at].chars().count());
        let mut parts = Vec::new();
        let mut shown = String::new();
        let mut rest = source.char_indices().enumerate().peekable();
        while let Some((index, (at, character))) = rest.next() {
            let is_twice = rest.peek().is_some_and(|(_, (_, next))| *next == character);
            match character {
                '{' | '}' if is_twice => {
                    rest.next();
                    shown.push(character);
                }
                '{' => {
                    let position = before + index + 1;
                    let inside = &source[at + 1..];
                    let end = inside.find(['{', '}']).filter(|end| inside[*end..].starts_with('}'));
                    let name = &inside[..end.ok_or(InvalidTemplate::Unclosed { position })?];
                    let placeholder = Placeholder::from_word(name.trim())
                        .ok_or_else(|| InvalidTemplate::Unknown { name: name.to_owned(), position })?;
                    if !shown.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut shown)));
                    }
                    parts.push(Part::Placeholder(placeholder));
                    for _ in 0..=name.chars().count() {
                        rest.next();
                    }
                }
                // One that closes nothing can mean nothing else.
                _ => shown.push(character),
            }
        }
        if !shown.is_empty() {
            parts.push(Part::Text(shown));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The text as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it says where this is to be filled in.
    #[must_use]
    pub fn names(&self, placeholder: Placeholder) -> bool {
        self.parts.contains(&Part::Placeholder(placeholder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let told = match Template::parse(source) {
            Ok(template) => format!("{:?}", template.parts()),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expected, "{source:?}");
    }

    #[test]
    fn a_text_is_read_with_its_places() {
        check("{streamer} is live", r#"[Placeholder(Streamer), Text(" is live")]"#);
        check("a {{b}} {title}{ url }", r#"[Text("a {b} "), Placeholder(Title), Placeholder(Url)]"#);
        check("{{{title}}}", r#"[Text("{"), Placeholder(Title), Text("}")]"#);
        check("a } b", r#"[Text("a } b")]"#);
    }

    #[test]
    fn a_broken_text_is_refused_with_its_place_and_what_is_good() {
        let known = "`{streamer}`, `{title}`, `{category}`, `{url}`, `{viewers}`, `{started}`, `{language}`, `{tags}`, `{mention}`";
        check("äö {game} is on", &format!("`{{game}}` at character 4 is none of {known}"));
        let unclosed = format!(
            "the brace at character 3 is never closed; `{{{{` is a brace that is shown, and {known} can be filled in"
        );
        check("a {title", &unclosed);
        check(" \n{title", &unclosed);
        check("a {title {url}", &unclosed);
        check(" \n", "the text is empty");
        check(&"x".repeat(1_501), "the text has 1501 characters; the longest that is taken has 1500");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_fails_badly_and_says_the_same_again(source in "[a-z{}\u{1F600}\n ]{0,60}") {
            if let Ok(template) = Template::parse(&source) {
                proptest::prop_assert_eq!(Template::parse(template.as_str()), Ok(template));
            }
        }
    }
}
