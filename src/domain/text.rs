//! Text that other people wrote, made fit for a place with limits. It never decides what is said.

use unicode_segmentation::UnicodeSegmentation;

/// What stands where something was cut off.
const ELLIPSIS: char = '…';

/// How Discord may count a text: in UTF-16 units, the strictest reading of its limits.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text without white space around it, or nothing when that leaves nothing: Discord trims before it counts.
#[must_use]
pub fn filled(text: &str) -> Option<&str> {
    let text = text.trim();
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
    fn markup_is_shown_and_not_done() {
        assert_eq!(escape_markdown("**a** [b](c) <@1>"), r"\*\*a\*\* \[b\](c) \<\@1\>");
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
