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

/// Shows nothing, and keeps what stands on its two sides apart.
pub const BREAK: char = '\u{200b}';

/// Characters that turn the direction of what follows them, the rest of somebody else's line included (Unicode, UAX #9).
/// Discord takes some of them out of a text itself, after which its neighbours would stand together.
const DIRECTIONS: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// The text in one line, in which nothing is markup, a mention, an emoji's name or a link to Discord, wherever it is put.
///
/// A backslash keeps a mark of punctuation from being markup, and is not shown. It does not help where Discord looks for plain
/// text, so `@everyone`, addresses and invitations are broken by something invisible, as Discord advises (Discord, Message,
/// "Create Message"; invitations are shown without `https://` as well).
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    // What can begin a line's markup does so only before the first letter; a number may be that of a list.
    let (mut begins, mut counts) = (true, false);
    let mut rest = text.chars().filter(|character| !DIRECTIONS.contains(character)).peekable();
    while let Some(character) = rest.next() {
        let next = rest.peek().copied();
        match character {
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' => escaped.push('\\'),
            '#' | '-' | '+' | '/' | '.' | ')' if begins => escaped.push('\\'),
            '.' | ')' if counts && !next.is_some_and(char::is_alphanumeric) => escaped.push('\\'),
            // Before a space it names no emoji. At the end anything may follow.
            ':' if next != Some(' ') => escaped.push('\\'),
            '.' if names_discord(&escaped) => escaped.push(BREAK),
            _ => {}
        }
        let is_line_end = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        escaped.push(if is_line_end { ' ' } else { character });
        if character == '@' || (character == ':' && next == Some('/')) {
            escaped.push(BREAK);
        }
        counts = (begins || counts) && character.is_ascii_digit();
        begins &= !character.is_alphanumeric();
    }
    escaped
}

/// Whether a text ends like the host of an invitation, before its dot.
fn names_discord(text: &str) -> bool {
    ["discord", "discordapp"].into_iter().any(|host| {
        let at = text.len().saturating_sub(host.len());
        text.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(host))
    })
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
        let check = |text: &str, expected: &str| assert_eq!(escape_markdown(text), expected, "{text:?}");
        check("**a** [b](c) <@1>", "\\*\\*a\\*\\* \\[b\\](c) \\<@\u{200b}1\\>");
        check("@everyone @here", "@\u{200b}everyone @\u{200b}here");
        check("@\u{202e}everyone", "@\u{200b}everyone");
        check("a\n# b\r- c", "a # b - c");
        check("# a", "\\# a");
        check("\u{200b} - a - b", "\u{200b} \\- a - b");
        check("-# a", "\\-\\# a");
        check("1.\u{202e} a", "1\\. a");
        check("12. a 3. b", "12\\. a 3. b");
        check("1) a", "1\\) a");
        check("3.5 hours, #1, 100%", "3.5 hours, #1, 100%");
        check(". a", "\\. a");
        check("a :smile: b: c:", "a \\:smile: b: c\\:");
        check("https://a.example", "https\\:\u{200b}//a.example");
        check("//a.example", "\\/\\/a.example");
        check(
            "Discord.gg/a, discordapp.com/invite\\a",
            "Discord\u{200b}.gg/a, discordapp\u{200b}.com/invite\\\\a",
        );
    }

    /// What a reader sees of Discord's Markdown in which nothing is markup: a backslash goes before a mark of punctuation.
    fn shown(markdown: &str) -> String {
        let mut shown = String::new();
        let mut rest = markdown.chars().filter(|char| *char != BREAK).peekable();
        while let Some(character) = rest.next() {
            let escapes = character == '\\' && rest.peek().is_some_and(char::is_ascii_punctuation);
            shown.extend(if escapes { rest.next() } else { Some(character) });
        }
        shown
    }

    /// The same of a text that was never Markdown.
    fn seen(text: &str) -> String {
        let line =
            |char: char| if char.is_control() || "\u{2028}\u{2029}".contains(char) { ' ' } else { char };
        text.chars().filter(|char| *char != BREAK && !DIRECTIONS.contains(char)).map(line).collect()
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
        fn an_escaped_text_reads_like_the_text(text in "(\\PC|[-#*_~`|<>:@/.)\\\\0-9\\n \u{202e}]){0,40}") {
            proptest::prop_assert_eq!(shown(&escape_markdown(&text)), seen(&text));
        }

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
