//! What an announcement says when its stream is over: for how long it was, how many watched, what was played, and where it can
//! be watched again. It mentions nobody.

use std::time::Duration;

use super::card::{MAX_FIELD, card, category_field, field, is_address, notify_button};
use super::{Button, Field, Manner, Message};
use crate::domain::{Category, Chapter, Ending, Preferences, Profile, Recording, Stream, Timestamp, text};

/// What a stream without a title was called while it was on does not fit any more.
const UNTITLED: &str = "Was live on Twitch";

/// Recordings with a button of their own, as many as stand in a row (Discord, Component Reference, "Action Row").
const RECORDING_BUTTONS: usize = 5;

/// Longest name of a category in the list, so that one does not take the room of all. Twitch's are shorter.
const MAX_CATEGORY: usize = 100;

/// Room in a field for how many are left out.
const ROOM_FOR_REST: usize = 32;

/// The announcement of a stream that is over. The session's stream is as it was at last, with the start of the session.
#[must_use]
pub fn ended(
    stream: &Stream,
    profile: &Profile,
    preferences: &Preferences,
    ending: &Ending,
    manner: Manner,
) -> Message {
    let mut embed = card(stream, profile, preferences, UNTITLED);
    embed.description =
        Some(format!("Was live for {}", text::span(ending.ended_at.since(stream.started_at))));
    // Twitch shows the picture of a stream only while there is one.
    embed.thumbnail.clone_from(&embed.author.icon);
    for (name, viewers) in
        [("Peak viewers", ending.peak_viewers), ("Average viewers", ending.average_viewers)]
    {
        embed.fields.extend(viewers.and_then(|viewers| field(name, &text::grouped(viewers))));
    }
    embed.fields.extend(categories(stream, ending));
    let recordings: Vec<_> = ending.recordings.iter().filter(|one| is_address(&one.url)).collect();
    let shown = if preferences.button.unwrap_or(true) { RECORDING_BUTTONS.min(recordings.len()) } else { 0 };
    let label = |index: usize| {
        if recordings.len() == 1 { "Recording".to_owned() } else { format!("Part {}", index + 1) }
    };
    let numbered = recordings.iter().enumerate();
    let mut buttons: Vec<Button> = numbered
        .clone()
        .take(shown)
        .map(|(index, one)| Button::Link { label: label(index), url: one.url.clone() })
        .collect();
    let links = numbered.skip(shown).filter(|(_, one)| can_be_masked(one));
    let links = links.map(|(index, one)| format!("[{}]({})", label(index), one.url)).collect();
    embed.fields.extend(list(if shown > 0 { "More parts" } else { "Recording" }, links, " · "));
    if preferences.notify.unwrap_or(true) {
        buttons.extend(notify_button(stream));
    }
    Message { text: None, embed: Some(embed), buttons, is_silent: manner.is_silent, ..Message::default() }
}

/// Whether an address can stand behind a word (Discord, "Markdown Text 101", masked links).
fn can_be_masked(recording: &Recording) -> bool {
    !recording.url.contains(['(', ')', '<', '>'])
}

/// What was played and for how long: each category once, in the order in which they came first.
fn categories(stream: &Stream, ending: &Ending) -> Option<Field> {
    let mut totals: Vec<(Option<&Category>, Duration)> = Vec::new();
    let ends = ending.chapters.iter().skip(1).map(|next| next.since).chain([ending.ended_at]);
    for (Chapter { category, since }, end) in ending.chapters.iter().zip(ends) {
        let (category, time) = (category.as_ref(), lasted(*since, end, stream.started_at, ending.ended_at));
        let id = category.map(|category| &category.id);
        match totals.iter_mut().find(|(known, _)| known.map(|known| &known.id) == id) {
            Some((_, total)) => *total += time,
            None => totals.push((category, time)),
        }
    }
    if totals.iter().all(|(category, _)| category.is_none()) {
        return stream.category.as_ref().and_then(category_field);
    }
    let line = |(category, time): (Option<&Category>, Duration)| {
        let name = category.map_or("No category", |category| category.name.as_str());
        format!("{} · {}", text::cut(&text::escape_markdown(name), MAX_CATEGORY), text::span(time))
    };
    let name = if totals.len() == 1 { "Category" } else { "Categories" };
    list(name, totals.into_iter().map(line).collect(), "\n")
}

/// How much of a stretch of time lies within a session.
fn lasted(since: Timestamp, until: Timestamp, started_at: Timestamp, ended_at: Timestamp) -> Duration {
    until.min(ended_at).since(since.max(started_at))
}

/// A field with as many of these as it holds, and how many more there are.
fn list(name: &str, lines: Vec<String>, between: &str) -> Option<Field> {
    let mut value = String::new();
    let count = lines.len();
    for (index, line) in lines.into_iter().enumerate() {
        let between = if index == 0 { "" } else { between };
        if text::length(&value) + text::length(between) + text::length(&line) > MAX_FIELD - ROOM_FOR_REST {
            let rest = format!("{between}and {} more", count - index);
            value.push_str(&rest);
            break;
        }
        value.push_str(between);
        value.push_str(&line);
    }
    Some(Field { is_inline: false, ..field(name, &value)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{BroadcasterId, Login, Mention, StreamId};
    use crate::render::{MAX_EMBED, Mentions};

    const START: i64 = 1_795_248_000_000;
    const MINUTE: i64 = 60_000;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(START + minutes * MINUTE)
    }

    fn category(id: &str) -> Category {
        Category { id: id.to_owned(), name: format!("Game {id}") }
    }

    fn stream() -> Stream {
        Stream {
            id: StreamId::new("9"),
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            title: Some("Speedrun".to_owned()),
            category: Some(category("7")),
            viewers: Some(3),
            started_at: at(0),
            tags: Vec::new(),
            language: None,
            thumbnail: Some("https://cdn.example/live-{width}x{height}.jpg".to_owned()),
        }
    }

    fn profile() -> Profile {
        let login = Login::new("ann").expect("a login");
        let image = Some("https://cdn.example/ann.png".to_owned());
        Profile { broadcaster: BroadcasterId::new("1"), login, display_name: "Ann".to_owned(), image }
    }

    fn ending(chapters: &[(Option<&str>, i64)], recordings: usize) -> Ending {
        let chapter =
            |(id, since): &(Option<&str>, i64)| Chapter { category: id.map(category), since: at(*since) };
        let recording = |number| Recording {
            id: format!("{number}"),
            url: format!("https://www.twitch.tv/videos/{number}"),
        };
        Ending {
            ended_at: at(192),
            peak_viewers: Some(12_345),
            average_viewers: Some(8_000),
            chapters: chapters.iter().map(chapter).collect(),
            recordings: (1..=recordings).map(recording).collect(),
        }
    }

    fn usual(ending: &Ending) -> Message {
        let wanted = Preferences { mention: Some(Mention::Everyone), ..Preferences::default() };
        ended(&stream(), &profile(), &wanted, ending, Manner::default())
    }

    #[track_caller]
    fn check(message: &Message, name: &str, expected: Option<&str>) {
        let fields = &message.embed.as_ref().expect("a card").fields;
        let value = fields.iter().find(|field| field.name == name).map(|field| field.value.as_str());
        assert_eq!(value, expected, "{name}");
    }

    /// What stands on the buttons that lead somewhere.
    fn labels(message: &Message) -> Vec<&str> {
        let links = message.buttons.iter().filter_map(|button| match button {
            Button::Link { label, .. } => Some(label.as_str()),
            Button::Action { .. } => None,
        });
        links.collect()
    }

    #[test]
    fn it_says_how_long_it_was_and_how_many_watched_and_mentions_nobody() {
        let message = usual(&ending(&[(Some("7"), 0)], 0));
        let embed = message.embed.as_ref().expect("a card");
        assert_eq!(embed.description.as_deref(), Some("Was live for 3 h 12 min"));
        assert_eq!((&embed.image, embed.timestamp), (&None, Some(at(0))));
        assert_eq!(embed.thumbnail.as_deref(), Some("https://cdn.example/ann.png"));
        check(&message, "Peak viewers", Some("12,345"));
        check(&message, "Average viewers", Some("8,000"));
        check(&message, "Category", Some("Game 7 · 3 h 12 min"));
        check(&message, "Recording", None);
        assert_eq!((&message.text, &message.mentions), (&None, &Mentions::default()));
        assert_eq!(labels(&message), [""; 0]);
        let untitled = Stream { title: None, ..stream() };
        let ended = ended(&untitled, &profile(), &Preferences::default(), &ending(&[], 0), Manner::default());
        assert_eq!(ended.embed.map(|embed| embed.title).as_deref(), Some("Was live on Twitch"));
        let unseen = Ending { peak_viewers: None, average_viewers: None, ..ending(&[], 0) };
        let message = usual(&unseen);
        check(&message, "Peak viewers", None);
        check(&message, "Category", Some("Game 7"));
    }

    #[test]
    fn each_category_is_told_once_with_all_its_time() {
        let chapters = [(Some("7"), -5), (None, 60), (Some("8"), 70), (Some("7"), 100), (Some("8"), 190)];
        let message = usual(&ending(&chapters, 0));
        check(&message, "Categories", Some("Game 7 · 2 h 30 min\nNo category · 10 min\nGame 8 · 32 min"));
        check(&usual(&ending(&[(None, 0)], 0)), "Categories", None);
    }

    #[test]
    fn a_list_that_is_too_long_says_how_much_is_left_out() {
        let ids: Vec<String> = (100..200).map(|id| id.to_string()).collect();
        let chapters: Vec<_> = ids.iter().zip(0..).map(|(id, since)| (Some(id.as_str()), since)).collect();
        let message = usual(&ending(&chapters, 0));
        let fields = message.embed.expect("a card").fields;
        let list = &fields.iter().find(|field| field.name == "Categories").expect("a list").value;
        let shown = list.lines().count() - 1;
        assert!(list.ends_with(&format!("\nand {} more", 100 - shown)), "{list}");
        assert!(shown > 50 && text::length(list) <= MAX_FIELD, "{list}");
    }

    #[test]
    fn every_recording_is_linked() {
        assert_eq!(labels(&usual(&ending(&[], 1))), ["Recording"]);
        assert_eq!(labels(&usual(&ending(&[], 2))), ["Part 1", "Part 2"]);
        let many = usual(&ending(&[], 7));
        assert_eq!(labels(&many), ["Part 1", "Part 2", "Part 3", "Part 4", "Part 5"]);
        let links = "[Part 6](https://www.twitch.tv/videos/6) · [Part 7](https://www.twitch.tv/videos/7)";
        check(&many, "More parts", Some(links));
        let wanted = Preferences { button: Some(false), ..Preferences::default() };
        let manner = Manner::default();
        let message = ended(&stream(), &profile(), &wanted, &ending(&[], 1), manner);
        check(&message, "Recording", Some("[Recording](https://www.twitch.tv/videos/1)"));
        assert_eq!(labels(&message), [""; 0]);
    }

    #[test]
    fn who_comes_late_can_ask_to_be_told_of_the_next_one() {
        let buttons = |notify| {
            let wanted = Preferences { notify, ..Preferences::default() };
            ended(&stream(), &profile(), &wanted, &ending(&[], 0), Manner::default()).buttons.len()
        };
        assert_eq!((buttons(None), buttons(Some(false))), (1, 0));
    }

    proptest! {
        #[test]
        fn no_ending_breaks_a_limit(
            title in "\\PC{0,90}", names in prop::collection::vec("\\PC{0,4}", 0..60), often in 1usize..90, ended_at: i64, since: i64,
            url in "https://[a-z.)]{1,30}", recordings in 0usize..40, peak: Option<u64>,
        ) {
            let chapter = |name: &String| Chapter {
                category: Some(Category { id: name.clone(), name: name.repeat(often) }),
                since: Timestamp::from_millis(since),
            };
            let ending = Ending {
                ended_at: Timestamp::from_millis(ended_at),
                peak_viewers: peak,
                average_viewers: peak,
                chapters: names.iter().map(chapter).collect(),
                recordings: vec![Recording { id: "1".to_owned(), url }; recordings],
            };
            let stream = Stream { title: Some(title.repeat(often)), ..stream() };
            let manner = Manner::default();
            let message = ended(&stream, &profile(), &Preferences::default(), &ending, manner);
            let embed = message.embed.expect("a card");
            let lengths = embed.fields.iter().map(|field| text::length(&field.value));
            prop_assert!(lengths.clone().all(|length| (1..=MAX_FIELD).contains(&length)));
            prop_assert!(lengths.sum::<usize>() + 700 <= MAX_EMBED);
            prop_assert!(message.buttons.len() <= 6);
        }
    }
}
