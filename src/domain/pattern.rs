//! A regular expression that an admin has written. Its engine takes time that grows with the text and never more.

use std::error::Error as _;

use regex_automata::nfa::thompson::{BuildError, Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::syntax;

/// Longest expression, in characters: longer than any title.
const MAX_PATTERN: usize = 300;

/// Largest program that an expression may become, in bytes: `\w{3}` fits, ordinary ones have one or two thousand, and a title
/// is compared with the largest in a tenth of a millisecond.
const MAX_PROGRAM: usize = 64 * 1024;

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
        match Self::compiler().build(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) if error.size_limit().is_some() => Err(InvalidPattern::TooLarge),
            Err(error) => Err(InvalidPattern::Broken(first_words(&error))),
        }
    }

    /// An expression that was checked when it was remembered. Ten thousand of them are read for one large fan-out, and to check
    /// each again would take longer than all the rest.
    #[must_use]
    pub fn remembered(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The expression as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes expressions fit for searching. Making one takes ten microseconds, and making the first half a millisecond, so
    /// whoever makes many keeps it.
    #[must_use]
    pub fn compiler() -> Compiler {
        let mut compiler = Compiler::new();
        // Whether there is a match is all that is asked. And the bare machine is forty times smaller than what `regex` makes
        // for searching long texts, and made forty times as fast.
        let config = Config::new().nfa_size_limit(Some(MAX_PROGRAM)).which_captures(WhichCaptures::None);
        compiler.configure(config).syntax(syntax::Config::new().case_insensitive(true));
        compiler
    }

    /// Makes it fit for searching; nothing if that cannot be done, because another version has checked it.
    #[must_use]
    pub fn compile(&self, compiler: &Compiler) -> Option<NFA> {
        compiler.build(&self.0).ok()
    }
}

/// What is wrong, without the drawing of where that needs a fixed-width font.
fn first_words(error: &BuildError) -> String {
    let told = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let last = told.lines().next_back().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_checked_when_it_is_read() {
        assert_eq!(Pattern::parse(r"\bany%|100%").expect("fine").as_str(), r"\bany%|100%");
        assert_eq!(Pattern::parse("(a").expect_err("broken").to_string(), "unclosed group");
        assert_eq!(Pattern::parse(r"(?:\w{99}){99}").expect_err("large"), InvalidPattern::TooLarge);
        assert_eq!(Pattern::parse(&"a".repeat(301)).expect_err("long"), InvalidPattern::TooLong(301));
        assert!(Pattern::parse(&"a".repeat(300)).is_ok());
        assert!(Pattern::parse(r"\w+ \d{3}").is_ok());
    }
}
