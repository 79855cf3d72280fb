//! A regular expression that an admin has written. Its engine takes time that grows with the text and never more.

use regex::{Regex, RegexBuilder};

/// Longest expression, in characters: longer than any title.
const MAX_PATTERN: usize = 300;

/// Largest program that an expression may become, in bytes: `\w{40}` fits, and a thousand of the largest are 64 MB.
const MAX_PROGRAM: usize = 64 * 1024;

/// The most memory that one search may keep for the next, in bytes. Titles are short, so little is gained by more.
const MAX_CACHE: usize = 64 * 1024;

/// An expression that compiles, for titles; upper and lower case are alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pattern(String);

/// Why a text is no such expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidPattern {
    /// Longer than what is taken.
    #[error("the expression has {0} characters; the longest that is taken has {MAX_PATTERN}")]
    TooLong(usize),
    /// It would need too much memory.
    #[error("the expression is too large; repetitions such as `{{100}}` make it so")]
    TooLarge,
    /// It is broken.
    #[error("{0}")]
    Broken(String),
}

impl Pattern {
    /// Reads what an admin has typed.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let length = text.chars().count();
        if length > MAX_PATTERN {
            return Err(InvalidPattern::TooLong(length));
        }
        let pattern = Self(text.to_owned());
        match pattern.compile() {
            Ok(_) => Ok(pattern),
            Err(regex::Error::CompiledTooBig(_)) => Err(InvalidPattern::TooLarge),
            Err(error) => Err(InvalidPattern::Broken(first_words(&error))),
        }
    }

    /// The expression as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes it fit for searching. It takes some ten microseconds, so whoever searches often keeps it.
    pub fn compile(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.0)
            .case_insensitive(true)
            .size_limit(MAX_PROGRAM)
            .dfa_size_limit(MAX_CACHE)
            .build()
    }
}

/// What is wrong, without the drawing of where that needs a fixed-width font.
fn first_words(error: &regex::Error) -> String {
    let told = error.to_string();
    let last = told.lines().next_back().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_checked_when_it_is_read() {
        let speedrun = Pattern::parse(r"\bany%|100%").expect("fine").compile().expect("compiles");
        assert!(speedrun.is_match("Celeste ANY% runs"));
        assert_eq!(Pattern::parse("(a").expect_err("broken").to_string(), "unclosed group");
        assert_eq!(Pattern::parse(r"(?:\w{99}){99}").expect_err("large"), InvalidPattern::TooLarge);
        assert_eq!(Pattern::parse(&"a".repeat(301)).expect_err("long"), InvalidPattern::TooLong(301));
    }
}
