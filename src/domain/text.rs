//! Text that other people wrote, made fit for a place with limits. It never decides what is said.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;

/// What stands where something was cut off.
const ELLIPSIS: char = '…';

/// How Discord may count a text: in UTF-16 units, the strictest reading of its limits.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text without white space around it, or nothing when that leaves nothing: Discord trims before it counts.
///
/// It does not say what it takes for white space, so this is what any language does: control characters and the byte order
/// mark as well.
#[must_use]
pub fn filled(text: &str) -> Option<&str> {
    let blank = |char: char| char.is_whitespace() || char.is_control() || char == '\u{feff}';
    let text = text.trim_matches(blank);
    (!text.is_empty()).then_some(text)
}

/// At most `limit` units of the text, cut between two graphemes, with an ellipsis where something is missing.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(ELLIPSIS.len_utf16());
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += length(grapheme);
        if used > room {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.truncate(kept.trim_end().len());
    if limit > 0 {
        kept.push(ELLIPSIS);
    }
    kept
}

/// A text in which upper and lower case are alike, for comparing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Folded(String);

impl Folded {
    /// The text without the difference.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self(text.to_ascii_lowercase());
        }
        // By way of the upper case, so that `ß` is `ss` and a final `ς` any other sigma.
        Self(text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the words stand in the text as words: "art" stands in "pixel art!" and not in "start". Where they begin or end with
/// something else than a letter or digit, anything may stand next to it.
#[must_use]
pub fn contains_word(text: &Folded, word: &Folded) -> bool {
    let (text, word) = (text.as_str(), word.as_str());
    let (Some(first), Some(last)) = (word.chars().next(), word.chars().next_back()) else { return false };
    let splits = |before: Option<char>, after: Option<char>| {
        !(before.is_some_and(is_of_a_word) && after.is_some_and(is_of_a_word))
    };
    let mut from = 0;
    while let Some(found) = text[from..].find(word) {
        let (start, end) = (from + found, from + found + word.len());
        if splits(text[..start].chars().next_back(), Some(first))
            && splits(Some(last), text[end..].chars().next())
        {
            return true;
        }
        from = start + first.len_utf8();
    }
    false
}

/// Whether words made of such characters have spaces between them.
fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(character,
            // Thai, Lao, Burmese, Khmer; kana and Han; Hangul, whose particles hang on the word.
            '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1100}'..='\u{11ff}'
            | '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The text with every character escaped that Discord's Markdown would take as markup, and mentions made inert.
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '@') {
            escaped.push('\\');
        }
        escaped.push(if character == '\n' { ' ' } else { character });
    }
    escaped
}

/// A number with a comma between each three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A stretch of time in its two largest units, as people say it: `45 s`, `2 h 5 min`, `3 d`.
#[must_use]
pub fn span(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = time.as_secs();
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[first];
    let large = format!("{} {name}", seconds / unit);
    let Some((smaller, small_name)) = UNITS.get(first + 1) else { return large };
    match seconds % unit / smaller {
        0 => large,
        rest => format!("{large} {rest} {small_name}"),
    }
}

/// A latency, exact to what matters: `35 ms`, `1.4 s`, `2 min 5 s`.
#[must_use]
pub fn latency(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => span(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, limit: usize, expected: &str) {
        assert_eq!(cut(text, limit), expected, "{text:?} cut to {limit}");
    }

    #[test]
    fn a_text_is_cut_between_graphemes() {
        check("speedrun", 8, "speedrun");
        check("speedrun", 7, "speedr…");
        check("speed run", 7, "speed…");
        check("e\u{301}e\u{301}e\u{301}", 5, "e\u{301}e\u{301}…");
        check("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 12, "👩‍👩‍👧‍👦…");
        check("👩‍👩‍👧‍👦", 5, "…");
        check("x", 0, "");
    }

    #[test]
    fn a_text_that_shows_nothing_is_none() {
        for blank in ["", " \n", "\u{3000}", "\u{1c}", "\0", "\u{feff} \u{85}"] {
            assert_eq!(filled(blank), None, "{blank:?}");
        }
        assert_eq!(filled("\u{1f} a\tb \0"), Some("a\tb"));
    }

    #[test]
    fn words_are_found_where_they_stand_alone() {
        let check = |text: &str, word: &str, expected: bool| {
            assert_eq!(contains_word(&Folded::new(text), &Folded::new(word)), expected, "{word} in {text}");
        };
        check("Pixel ART!", "art", true);
        check("The start, then art", "art", true);
        check("start", "art", false);
        check("arts", "art", false);
        check("art_of_it", "art", true);
        check("Any%s", "any%", true);
        check("many%", "any%", false);
        check("(co-op)", "co-op", true);
        check("!drops", "!drops", true);
        check("no world record today", "World Record", true);
        check("anything", "", false);
        check("STRASSE", "straße", true);
        check("ΟΔΟΣ", "οδος", true);
        check("Ärger", "ärger", true);
        check("今日の配信です", "配信", true);
        check("게임 방송을 해요", "방송", true);
    }

    #[test]
    fn markup_is_shown_and_not_done() {
        assert_eq!(escape_markdown("**a** [b](c) <@1>"), r"\*\*a\*\* \[b\](c) \<\@1\>");
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        let spans = [0, 45, 60, 125, 3_600, 7_500, 90_061].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["0 s", "45 s", "1 min", "2 min 5 s", "1 h", "2 h 5 min", "1 d 1 h"]);
        let latencies = [0, 999, 1_449, 125_000].map(|millis| latency(Duration::from_millis(millis)));
        assert_eq!(latencies, ["0 ms", "999 ms", "1.4 s", "2 min 5 s"]);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_never_passes_its_limit(text in "\\PC{0,80}", limit in 0usize..40) {
            proptest::prop_assert!(length(&cut(&text, limit)) <= limit);
        }

        #[test]
        fn a_text_that_fits_is_left_alone(text in "\\PC{0,40}") {
            proptest::prop_assert_eq!(cut(&text, length(&text)), text);
        }
    }
}
