//! The text above the card: an admin's template, filled in for a stream. What others wrote is shown in it and never done, and
//! it is what gives way when there is too much.

use std::borrow::Cow;

use super::card::UNTITLED;
use super::{MAX_TEXT, channel_url, language, mentions};
use crate::domain::{Mention, Part, Placeholder, Preferences, Stream, Template, text};

/// What stands for what is not known, so that a sentence stays one.
const NO_CATEGORY: &str = "something";
const NO_VIEWERS: &str = "some";
const NO_LANGUAGE: &str = "an unknown language";
const NO_TAGS: &str = "no tags";

/// Marks with which a line begins that is more than text (Discord, "Markdown Text 101"). A mention before them would end that.
const LINE_MARKUP: [char; 4] = ['#', '>', '-', '*'];

/// A piece of the text.
enum Piece<'t> {
    /// The admin's own words, and the mention: they stand as they are.
    Kept(Cow<'t, str>),
    /// Makes no sense in part: it stands whole or not at all.
    Whole(String),
    /// Is cut when there is too much.
    Cut(String),
}

/// The text above the card of a stream; nothing when there is none to say.
pub(super) fn words(stream: &Stream, preferences: &Preferences) -> Option<String> {
    let mention = preferences.mention.unwrap_or_default();
    let Some(template) = &preferences.message else { return mentions::mark(mention) };
    let filled = joined(pieces(template, stream, mention));
    text::filled(&filled).map(str::to_owned)
}

/// The pieces of a template, filled in.
fn pieces<'t>(template: &'t Template, stream: &Stream, mention: Mention) -> Vec<Piece<'t>> {
    let mut pieces = Vec::with_capacity(template.parts().len() + 2);
    let mut mark = mentions::mark(mention);
    if let Some(unnamed) = mark.take_if(|mark| !is_named(template, mark)) {
        // It would be lost otherwise: only who stands in the text is mentioned.
        let begins_markup = template.as_str().starts_with(LINE_MARKUP);
        pieces.push(Piece::Kept(unnamed.into()));
        pieces.push(Piece::Kept(if begins_markup { "\n" } else { " " }.into()));
    }
    let mut is_first = true;
    let mut before = "";
    for part in template.parts() {
        pieces.push(match part {
            Part::Text(words) if mention == Mention::Here => Piece::Kept(without_everyone(words)),
            Part::Text(words) => Piece::Kept(words.into()),
            Part::Placeholder(Placeholder::Mention) => {
                let mark = mark.clone().unwrap_or_default();
                // Somebody who is named a hundred times is mentioned once all the same.
                if std::mem::take(&mut is_first) { Piece::Kept(mark.into()) } else { Piece::Whole(mark) }
            }
            Part::Placeholder(Placeholder::Url) => Piece::Whole(address(stream, before)),
            Part::Placeholder(placeholder) => value(*placeholder, stream),
        });
        before = if let Part::Text(words) = part { words } else { "" };
    }
    pieces
}

/// Whether a template mentions whom the admin has chosen, as a placeholder or in the admin's own words.
fn is_named(template: &Template, mark: &str) -> bool {
    template.parts().iter().any(|part| match part {
        Part::Text(words) => words
            .match_indices(mark)
            .any(|(at, _)| !words[at + mark.len()..].starts_with(char::is_alphanumeric)),
        Part::Placeholder(placeholder) => *placeholder == Placeholder::Mention,
    })
}

/// The admin's own words where `@here` is chosen. Discord does not tell it from `@everyone` in what a message may mention, so
/// an `@` is broken that would become the latter, also with what is filled in behind it.
fn without_everyone(words: &str) -> Cow<'_, str> {
    const WORD: &str = "everyone";
    let breaks = |at: usize| {
        let rest = &words[at + 1..];
        rest.starts_with(WORD) || WORD.starts_with(rest)
    };
    if !words.match_indices('@').any(|(at, _)| breaks(at)) {
        return words.into();
    }
    let mut broken = String::with_capacity(words.len() + 3);
    for (at, character) in words.char_indices() {
        broken.push(character);
        if character == '@' && breaks(at) {
            broken.push(text::BREAK);
        }
    }
    broken.into()
}

/// Where to watch, within angle brackets: without them Discord would add a card of its own below ours. An admin may have written
/// them.
fn address(stream: &Stream, before: &str) -> String {
    let url = channel_url(&stream.login);
    if before.ends_with('<') { url } else { format!("<{url}>") }
}

fn value<'t>(placeholder: Placeholder, stream: &Stream) -> Piece<'t> {
    let others = |words: &str| Piece::Cut(text::escape_markdown(words));
    match placeholder {
        Placeholder::Streamer => others(&stream.display_name),
        Placeholder::Title => others(stream.title.as_deref().unwrap_or(UNTITLED)),
        Placeholder::Category => {
            others(stream.category.as_ref().map_or(NO_CATEGORY, |category| category.name.as_str()))
        }
        Placeholder::Viewers => Piece::Whole(stream.viewers.map_or(NO_VIEWERS.to_owned(), text::grouped)),
        Placeholder::Started => Piece::Whole(format!("<t:{}:R>", stream.started_at.as_secs())),
        Placeholder::Language => {
            let code = stream.language.as_deref();
            others(code.map_or(NO_LANGUAGE, |code| language::name(code).unwrap_or(code)))
        }
        Placeholder::Tags if stream.tags.is_empty() => Piece::Cut(NO_TAGS.to_owned()),
        Placeholder::Tags => others(&stream.tags.join(", ")),
        // Filled in where the pieces are gathered.
        Placeholder::Mention | Placeholder::Url => Piece::Whole(String::new()),
    }
}

/// The pieces behind each other, within the longest text. What is kept always fits: a template is so much shorter.
fn joined(mut pieces: Vec<Piece<'_>>) -> String {
    let kept =
        pieces.iter().map(|piece| if let Piece::Kept(words) = piece { text::length(words) } else { 0 });
    let mut room = MAX_TEXT.saturating_sub(kept.sum());
    for piece in &mut pieces {
        if let Piece::Whole(words) = piece {
            let length = text::length(words);
            if length > room {
                words.clear();
            } else {
                room -= length;
            }
        }
    }
    let cuts =
        pieces.iter().filter_map(|piece| if let Piece::Cut(words) = piece { Some(words) } else { None });
    let each = share(room, cuts.map(|words| text::length(words)).collect());
    let mut whole = String::with_capacity(256);
    for piece in &pieces {
        match piece {
            Piece::Kept(words) => whole.push_str(words),
            Piece::Whole(words) => whole.push_str(words),
            Piece::Cut(words) => whole.push_str(&text::cut(words, each)),
        }
    }
    whole
}

/// How much room each of several may take, so that short ones leave theirs to the longer.
fn share(mut room: usize, mut lengths: Vec<usize>) -> usize {
    lengths.sort_unstable();
    let mut left = lengths.len();
    for length in lengths {
        if length * left > room {
            return room / left;
        }
        room -= length;
        left -= 1;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{BroadcasterId, Category, Login, RoleId, StreamId, Timestamp};

    fn stream() -> Stream {
        Stream {
            id: StreamId::new("9"),
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            title: Some("Any% *blindfolded*".to_owned()),
            category: Some(Category { id: "7".to_owned(), name: "Celeste".to_owned() }),
            viewers: Some(1_234),
            tags: vec!["Speedrun".to_owned(), "PG-13".to_owned()],
            language: Some("de".to_owned()),
            started_at: Timestamp::from_millis(1_795_248_000_000),
            thumbnail: None,
        }
    }

    fn role() -> Mention {
        Mention::Role(RoleId::new(77).expect("an id"))
    }

    fn preferences(mention: Mention, template: &str) -> Preferences {
        let message = Some(Template::parse(template).expect("a template"));
        Preferences { mention: Some(mention), message, ..Preferences::default() }
    }

    #[track_caller]
    fn check(stream: &Stream, mention: Mention, template: &str, expected: &str) {
        let words = words(stream, &preferences(mention, template));
        assert_eq!(words.as_deref(), Some(expected), "{template}");
    }

    #[test]
    fn a_template_is_filled_in() {
        let ann = stream();
        check(&ann, Mention::Nobody, "**{streamer}**: {title}", r"**Ann**: Any% \*blindfolded\*");
        check(&ann, Mention::Nobody, "{category} {viewers} {language}", "Celeste 1,234 German");
        check(&ann, Mention::Nobody, "{started}, {tags}", "<t:1795248000:R>, Speedrun, PG-13");
        check(&ann, Mention::Nobody, "{{x}} <{url}>", "{x} <https://www.twitch.tv/ann>");
        check(&ann, Mention::Nobody, "[here]({url})", "[here](<https://www.twitch.tv/ann>)");
        check(&ann, role(), "{mention} look, {mention}", "<@&77> look, <@&77>");
        check(&ann, Mention::Nobody, "{mention} {streamer}", "Ann");
    }

    #[test]
    fn what_is_not_known_reads_naturally() {
        let bare = Stream {
            title: None,
            category: None,
            viewers: None,
            tags: Vec::new(),
            language: None,
            ..stream()
        };
        check(
            &bare,
            Mention::Nobody,
            "{title}: {category} for {viewers}",
            "Live on Twitch: something for some",
        );
        check(&bare, Mention::Nobody, "{language}, {tags}", "an unknown language, no tags");
        let odd = Stream { language: Some("x_y".to_owned()), ..stream() };
        check(&odd, Mention::Nobody, "{language}", r"x\_y");
    }

    #[test]
    fn without_a_template_the_text_is_the_mention() {
        let of = |mention| words(&stream(), &Preferences { mention, ..Preferences::default() });
        assert_eq!(of(None), None);
        assert_eq!(of(Some(Mention::Nobody)), None);
        assert_eq!(of(Some(Mention::Here)).as_deref(), Some("@here"));
        assert_eq!(of(Some(role())).as_deref(), Some("<@&77>"));
    }

    #[test]
    fn a_mention_that_the_template_does_not_name_goes_first() {
        check(&stream(), role(), "{streamer} is live", "<@&77> Ann is live");
        check(&stream(), role(), "# {streamer}", "<@&77>\n# Ann");
        check(&stream(), role(), "<@&77>: {streamer}", "<@&77>: Ann");
        check(&stream(), Mention::Here, "@heresy", "@here @heresy");
        check(&stream(), Mention::Everyone, "Hi @everyone!", "Hi @everyone!");
    }

    #[test]
    fn here_never_becomes_everyone() {
        let named = |name: &str| Stream { display_name: name.to_owned(), ..stream() };
        let here = |name, template, expected| check(&named(name), Mention::Here, template, expected);
        here("@everyone", "{mention} {streamer}", "@here @\u{200b}everyone");
        here("everyone", "{mention} @{streamer}", "@here @\u{200b}everyone");
        here("one", "{mention} @every{streamer}", "@here @\u{200b}everyone");
        here("Ann", "{mention} a@b.example @everyone", "@here a@b.example @\u{200b}everyone");
    }

    #[test]
    fn what_others_wrote_gives_way_and_nothing_else() {
        let own = "x".repeat(1_400);
        let long = Stream { title: Some("t".repeat(900)), ..stream() };
        let words = words(&long, &preferences(role(), &format!("{own}{{title}} {{category}} {{url}}")));
        let words = words.expect("a text");
        assert_eq!(text::length(&words), MAX_TEXT);
        assert!(words.starts_with(&format!("<@&77> {own}ttt")), "{words}");
        assert!(words.ends_with("ttt… Celeste <https://www.twitch.tv/ann>"), "{words}");
        // So many addresses do not fit. None of them is cut.
        let urls = super::words(&long, &preferences(role(), &"{url} ".repeat(200))).expect("a text");
        let mut cut = urls.split_whitespace().skip(1);
        assert!(cut.all(|url| url == "<https://www.twitch.tv/ann>"), "{urls}");
    }

    #[test]
    fn somebody_named_often_is_mentioned() {
        let words = words(&stream(), &preferences(role(), &"{mention}".repeat(166))).expect("a text");
        assert!(words.starts_with("<@&77><@&77>") && text::length(&words) <= MAX_TEXT);
        let longest = Mention::Role(RoleId::new(i64::MAX.unsigned_abs()).expect("an id"));
        let own = "x".repeat(1_500);
        let words = super::words(&stream(), &preferences(longest, &own)).expect("a text");
        assert!(words.ends_with(&own) && text::length(&words) <= MAX_TEXT);
    }

    /// What a text does beside saying something, as far as Discord's marks go. Those behind a backslash do nothing.
    fn does(text: &str) -> Vec<&'static str> {
        let mut plain = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            let is_inert =
                character == '\\' && rest.clone().next().is_some_and(|next| next.is_ascii_punctuation());
            plain.push(if is_inert { rest.next().map_or('.', |_| '\u{1}') } else { character });
        }
        let begins = |marks: &[&str]| {
            plain.lines().any(|line| {
                let line = line.trim_start_matches(|char: char| char.is_whitespace() || char == text::BREAK);
                let digits = line.trim_start_matches(|char: char| char.is_ascii_digit());
                marks.iter().any(|mark| line.starts_with(mark))
                    || (digits.len() < line.len() && [". ", ") "].iter().any(|mark| digits.starts_with(mark)))
            })
        };
        let names_emoji =
            plain.split(':').skip(1).any(|word| !word.is_empty() && !word.contains(char::is_whitespace))
                && plain.matches(':').count() > 1;
        let lower = plain.to_lowercase();
        let all = [
            ("markup", plain.contains(['*', '_', '~', '`', '|', '[', ']', '<', '>'])),
            ("everyone", plain.contains("@everyone") || plain.contains("@here")),
            ("link", plain.contains("://") || lower.contains("discord.gg") || lower.contains("discord.com")),
            ("line", begins(&["# ", "## ", "- ", "+ ", "-# "])),
            ("emoji", names_emoji),
            ("direction", plain.contains(['\u{202e}', '\u{2066}'])),
        ];
        all.into_iter().filter(|(_, does)| *does).map(|(what, _)| what).collect()
    }

    #[test]
    fn the_tests_see_what_a_text_does() {
        for (text, what) in [
            ("**a**", "markup"),
            ("<@1>", "markup"),
            ("@here", "everyone"),
            ("https://a", "link"),
            ("a\n# b", "line"),
            ("\u{200b}- a", "line"),
            ("1. a", "line"),
            ("a :b: c", "emoji"),
        ] {
            assert_eq!(does(text), [what], "{text}");
        }
        assert_eq!(does(r"\*a\* 1: b, 2: c"), [""; 0]);
    }

    /// What streamers may write: letters, and everything that does something.
    fn wild() -> impl Strategy<Value = String> {
        let pieces = [
            "a",
            "Z",
            "é",
            "\u{1f469}\u{200d}\u{1f467}",
            "1",
            "1. ",
            "2) ",
            "#",
            "# ",
            "-",
            "-# ",
            "+ ",
            " ",
            "\n",
            "\r",
            "\t",
            "\u{2028}",
            "\u{200b}",
            "\u{202e}",
            "\u{2066}",
            "*",
            "**",
            "_",
            "~~",
            "`",
            "```",
            "||",
            "> ",
            ">>> ",
            "<",
            ">",
            "[a](https://b.example)",
            "https://c.example",
            "://",
            ":",
            "/",
            "//",
            ".",
            ")",
            "discord",
            "Discord.gg/x",
            ".gg/x",
            "discord.com/invite/x",
            ":smile:",
            "@",
            "@everyone",
            "@here",
            "everyone",
            "here",
            "<@1>",
            "<@&77>",
            "<#1>",
            "<:a:1>",
            "<t:1:R>",
            "</a:1>",
            "\\",
            "\\\\",
            "&",
            "!",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
    }

    fn mention() -> impl Strategy<Value = Mention> {
        prop::sample::select(vec![Mention::Nobody, role(), Mention::Here, Mention::Everyone])
    }

    proptest! {
        #[test]
        fn what_others_write_is_shown_and_never_done(
            (name, title, category) in (wild(), wild(), wild()), tags in prop::collection::vec(wild(), 0..4),
            language in wild(), begins in "|a |3|\n",
        ) {
            let category = Some(Category { id: "7".to_owned(), name: category });
            let language = Some(language);
            let wild = Stream { display_name: name, title: Some(title), category, tags, language, ..stream() };
            for placeholder in ["streamer", "title", "category", "tags", "language"] {
                let template = format!("{begins}{{{placeholder}}} x");
                let words = words(&wild, &preferences(Mention::Nobody, &template)).unwrap_or_default();
                prop_assert_eq!(does(&words), [""; 0], "{:?} of {:?}", words, template);
            }
        }

        #[test]
        fn no_text_is_too_long_and_nobody_else_is_named(
            source in "[a-z@ \n]{0,20}(\\{(streamer|title|category|url|viewers|started|tags|mention)\\}[@ e]{0,2}){0,80}",
            (name, title) in (wild(), wild()), often in 1usize..60, mention in mention(),
        ) {
            let wild = Stream { display_name: name, title: Some(title.repeat(often)), ..stream() };
            if let Ok(template) = Template::parse(&source) {
                let preferences = Preferences { mention: Some(mention), message: Some(template), ..Preferences::default() };
                let words = words(&wild, &preferences).unwrap_or_default();
                prop_assert!(text::length(&words) <= MAX_TEXT);
                if let Some(mark) = mentions::mark(mention) {
                    prop_assert!(words.contains(&mark), "{:?}", words);
                }
                if mention == Mention::Here {
                    prop_assert!(!words.contains("@everyone"), "{:?}", words);
                }
            }
        }
    }
}
