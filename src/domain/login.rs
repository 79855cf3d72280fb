//! A Twitch login, and how people write one.

use std::fmt;

/// Longest login that Twitch knows. Older accounts may be shorter than today's minimum of four.
const MAX_LOGIN: usize = 25;

/// A Twitch login: 1 to 25 characters of `a-z`, `0-9` and `_`.
///
/// One malformed login makes Twitch refuse a whole request of a hundred (Twitch, API Reference, "Get Users",
/// 400), so nothing else may be called a login.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Login(Box<str>);

/// The text cannot be a Twitch login.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a Twitch name has 1 to 25 characters: letters from a to z, digits and underscores")]
pub struct InvalidLogin;

impl Login {
    /// Takes what a person typed: a login in any case, `@login`, or an address on twitch.tv with anything behind it.
    pub fn from_input(input: &str) -> Result<Self, InvalidLogin> {
        let input = input.trim();
        let name = match path_on_twitch(input) {
            Some(path) => path,
            None => input.strip_prefix('@').unwrap_or(input),
        };
        Self::new(&name.to_ascii_lowercase())
    }

    /// Takes a login as Twitch writes it, in lower case.
    pub fn new(login: &str) -> Result<Self, InvalidLogin> {
        let fits = (1..=MAX_LOGIN).contains(&login.len());
        let known = login.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if fits && known { Ok(Self(login.into())) } else { Err(InvalidLogin) }
    }

    /// The login of Twitch's own channel, for examples.
    #[must_use]
    pub fn twitch() -> Self {
        Self("twitch".into())
    }

    /// The login as Twitch writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first path segment of an address on twitch.tv, or nothing when the text is no such address.
fn path_on_twitch(input: &str) -> Option<&str> {
    let rest = strip_prefix_ignoring_case(input, "https://")
        .or_else(|| strip_prefix_ignoring_case(input, "http://"))
        .unwrap_or(input);
    let rest = ["www.", "m.", "go."]
        .into_iter()
        .find_map(|host| strip_prefix_ignoring_case(rest, host))
        .unwrap_or(rest);
    let path = strip_prefix_ignoring_case(rest, "twitch.tv/")?;
    path.split(['/', '?', '#']).find(|segment| !segment.is_empty())
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        let login = Login::from_input(input).ok();
        assert_eq!(login.as_ref().map(Login::as_str), expected, "for {input:?}");
    }

    #[test]
    fn people_write_logins_in_many_ways() {
        check("ann", Some("ann"));
        check("  Ann_42 ", Some("ann_42"));
        check("@ANN", Some("ann"));
        check("twitch.tv/ann", Some("ann"));
        check("https://www.twitch.tv/Ann", Some("ann"));
        check("HTTPS://M.Twitch.TV/ann/videos?filter=all#top", Some("ann"));
        check("http://twitch.tv/ann?referrer=raid", Some("ann"));
        check("https://www.twitch.tv//ann/", Some("ann"));
        check("a", Some("a"));
        check(&"a".repeat(25), Some(&"a".repeat(25)));
    }

    #[test]
    fn other_text_is_refused() {
        check("", None);
        check("@", None);
        check("ann smith", None);
        check("änn", None);
        check("ann!", None);
        check(&"a".repeat(26), None);
        check("https://www.twitch.tv/", None);
        check("https://www.youtube.com/ann", None);
        check("https://twitch.tv.evil.example/ann", None);
        check("İ", None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_is_a_login_and_reads_the_same_again(input in "\\PC{0,60}") {
            if let Ok(login) = Login::from_input(&input) {
                proptest::prop_assert_eq!(Login::new(login.as_str()), Ok(login.clone()));
                proptest::prop_assert_eq!(Login::from_input(login.as_str()), Ok(login));
            }
        }
    }
}
