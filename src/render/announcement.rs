//! The announcement that somebody is live. It cuts what is too long and leaves out what is missing.

use std::time::Duration;

use super::{Author, Embed, Field, LinkButton, Message};
use crate::domain::{Login, Profile, Stream, Timestamp, text};

/// Longest title of an embed (Discord, Message, "Embed Limits"), in UTF-16 units like the others here.
pub const MAX_TITLE: usize = 256;
/// Longest author of an embed.
pub const MAX_AUTHOR: usize = 256;
/// Longest value of a field.
pub const MAX_FIELD: usize = 1024;
/// Longest sum of all texts of an embed. The limits above cannot add up to it with three fields.
pub const MAX_EMBED: usize = 6000;

/// Longest address that a link button or an image takes (Discord, Component Reference, "Button"; images take more).
const MAX_URL: usize = 512;

/// Twitch's purple.
const TWITCH_PURPLE: u32 = 0x91_46_FF;

/// Size of the preview, the largest that Twitch makes for every stream.
const PREVIEW: (&str, &str) = ("1280", "720");

/// What the embed of a streamer says who has set no title.
const UNTITLED: &str = "Live on Twitch";

/// How an announcement is made, beside what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Manner {
    /// How long the stream has been going on, when that is to be said because the announcement is late.
    pub late: Option<Duration>,
    /// Whether nobody is to be notified.
    pub is_silent: bool,
}

/// Where somebody streams.
#[must_use]
pub fn channel_url(login: &Login) -> String {
    format!("https://www.twitch.tv/{login}")
}

/// The announcement of a stream as it was seen when it began.
///
/// `at` is the time of this attempt. It goes into the preview's address: that address never changes, and Discord would
/// show the picture that it fetched weeks ago.
#[must_use]
pub fn announcement(stream: &Stream, profile: &Profile, at: Timestamp, manner: Manner) -> Message {
    let url = channel_url(&stream.login);
    let title = stream.title.as_deref().unwrap_or(UNTITLED);
    let mut fields = Vec::with_capacity(3);
    if let Some(category) = &stream.category {
        fields.push(field("Category", &text::escape_markdown(&category.name)));
    }
    if let Some(viewers) = stream.viewers {
        fields.push(field("Viewers", &text::grouped(viewers)));
    }
    fields.push(field("Started", &format!("<t:{}:R>", stream.started_at.as_secs())));
    let embed = Embed {
        author: Author {
            name: text::cut(&stream.display_name, MAX_AUTHOR),
            url: url.clone(),
            icon: profile.image.clone().filter(|icon| is_address(icon)),
        },
        title: text::cut(&text::escape_markdown(title), MAX_TITLE),
        url: url.clone(),
        color: TWITCH_PURPLE,
        fields,
        image: stream.thumbnail.as_deref().and_then(|template| preview(template, at)),
        footer: manner
            .late
            .map(|live_for| format!("Late: live for {}, I could not post earlier", text::span(live_for))),
        timestamp: Some(stream.started_at),
    };
    Message {
        text: None,
        embed: Some(embed),
        button: Some(LinkButton { label: "Watch".to_owned(), url }),
        is_silent: manner.is_silent,
    }
}

/// The same with nothing in it that Discord could object to, for when it objects: a link, and nothing that others wrote.
#[must_use]
pub fn reduced(stream: &Stream, manner: Manner) -> Message {
    Message { text: Some(reduced_text(stream)), is_silent: manner.is_silent, ..Message::default() }
}

fn reduced_text(stream: &Stream) -> String {
    let (url, started_at) = (channel_url(&stream.login), stream.started_at.as_secs());
    format!("**{}** went live <t:{started_at}:R>: {url}", text::escape_markdown(stream.login.as_str()))
}

/// What can be seen of a message that stands in a channel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Posted {
    /// Its text.
    pub text: String,
    /// Where its first card leads.
    pub url: Option<String>,
    /// The time at the bottom of its first card.
    pub timestamp: Option<Timestamp>,
}

/// Whether a message of ours is the announcement of that stream, in either form.
#[must_use]
pub fn announces(posted: &Posted, stream: &Stream) -> bool {
    // Discord keeps times to the second at least.
    let same_time = posted.timestamp.is_some_and(|time| time.as_secs() == stream.started_at.as_secs());
    (same_time && posted.url.as_deref() == Some(channel_url(&stream.login).as_str()))
        || posted.text == reduced_text(stream)
}

/// A sample for trying out a channel: clearly no announcement, and never taken for one.
#[must_use]
pub fn sample(profile: Option<&Profile>) -> Message {
    let url =
        profile.map_or_else(|| "https://www.twitch.tv".to_owned(), |profile| channel_url(&profile.login));
    let name = profile.map_or("A streamer", |profile| profile.display_name.as_str());
    let icon = profile.and_then(|profile| profile.image.clone());
    let embed = Embed {
        author: Author {
            name: text::cut(name, MAX_AUTHOR),
            url: url.clone(),
            icon: icon.filter(|icon| is_address(icon)),
        },
        title: "This is a test".to_owned(),
        url: url.clone(),
        color: TWITCH_PURPLE,
        fields: vec![
            field("Category", "Whatever is played"),
            field("Viewers", &text::grouped(1_234)),
            field("Started", "just now"),
        ],
        image: None,
        footer: Some("Test: nobody has gone live. Announcements will look like this, here.".to_owned()),
        timestamp: None,
    };
    let button = Some(LinkButton { label: "Watch".to_owned(), url });
    Message { text: None, embed: Some(embed), button, is_silent: true }
}

pub(super) fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), value: text::cut(value, MAX_FIELD) }
}

fn preview(template: &str, at: Timestamp) -> Option<String> {
    let filled = template.replace("{width}", PREVIEW.0).replace("{height}", PREVIEW.1);
    let mark = if filled.contains('?') { '&' } else { '?' };
    let url = format!("{filled}{mark}t={}", at.as_secs());
    is_address(&url).then_some(url)
}

/// Whether Discord takes it as the address of a picture; one that it does not take would cost the whole message.
///
/// Stricter than Discord may be, because it does not say what it takes: a host of plain labels, perhaps with a port, and
/// nothing anywhere that would have to be encoded.
#[must_use]
pub fn is_address(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(is_label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && url.len() <= MAX_URL
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{BroadcasterId, Category, Login, StreamId};

    const AT: Timestamp = Timestamp::from_millis(1_795_248_060_000);

    fn stream() -> Stream {
        Stream {
            id: StreamId::new("9"),
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            title: Some("Speedrun".to_owned()),
            category: Some(Category { id: "7".to_owned(), name: "Celeste".to_owned() }),
            viewers: Some(1_234_567),
            started_at: Timestamp::from_millis(1_795_248_000_000),
            tags: Vec::new(),
            language: None,
            thumbnail: Some("https://cdn.example/live_user_ann-{width}x{height}.jpg".to_owned()),
        }
    }

    fn profile() -> Profile {
        Profile {
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            image: Some("https://cdn.example/ann.png".to_owned()),
        }
    }

    #[test]
    fn it_says_who_plays_what_since_when() {
        insta::assert_debug_snapshot!(announcement(&stream(), &profile(), AT, Manner::default()), @r#"
        Message {
            text: None,
            embed: Some(
                Embed {
                    author: Author {
                        name: "Ann",
                        url: "https://www.twitch.tv/ann",
                        icon: Some(
                            "https://cdn.example/ann.png",
                        ),
                    },
                    title: "Speedrun",
                    url: "https://www.twitch.tv/ann",
                    color: 9520895,
                    fields: [
                        Field {
                            name: "Category",
                            value: "Celeste",
                        },
                        Field {
                            name: "Viewers",
                            value: "1,234,567",
                        },
                        Field {
                            name: "Started",
                            value: "<t:1795248000:R>",
                        },
                    ],
                    image: Some(
                        "https://cdn.example/live_user_ann-1280x720.jpg?t=1795248060",
                    ),
                    footer: None,
                    timestamp: Some(
                        Timestamp(
                            1795248000000,
                        ),
                    ),
                },
            ),
            button: Some(
                LinkButton {
                    label: "Watch",
                    url: "https://www.twitch.tv/ann",
                },
            ),
            is_silent: false,
        }
        "#);
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let bare = Stream { title: None, category: None, viewers: None, thumbnail: None, ..stream() };
        let message = announcement(&bare, &Profile { image: None, ..profile() }, AT, Manner::default());
        let embed = message.embed.expect("a card");
        let names: Vec<_> = embed.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["Started"]);
        assert_eq!((embed.image, embed.author.icon), (None, None));
        assert_eq!(embed.title, UNTITLED);
    }

    #[test]
    fn a_picture_that_is_no_address_costs_only_the_picture() {
        let odd = Stream { thumbnail: Some("preview of ann".to_owned()), ..stream() };
        assert_eq!(announcement(&odd, &profile(), AT, Manner::default()).embed.expect("a card").image, None);
    }

    #[test]
    fn an_address_has_a_host_and_nothing_odd() {
        for fine in ["https://cdn.example/a.png", "http://localhost:8080", "https://cdn.example?t=1"] {
            assert!(is_address(fine), "{fine}");
        }
        let long = format!("https://cdn.example/{}", "x".repeat(MAX_URL));
        for odd in [
            "",
            "ann",
            "https://",
            "https:///a.png",
            "https://?t=1",
            "https://a..b",
            "https://a b",
            "https://ä",
        ] {
            assert!(!is_address(odd), "{odd}");
        }
        assert!(!is_address("ftp://a.example") && !is_address("http://a:b") && !is_address(&long));
    }

    #[test]
    fn a_late_one_says_so_and_a_quiet_one_is_silent() {
        let manner = Manner { late: Some(Duration::from_mins(125)), is_silent: true };
        let message = announcement(&stream(), &profile(), AT, manner);
        let footer = message.embed.expect("a card").footer;
        assert_eq!(footer.as_deref(), Some("Late: live for 2 h 5 min, I could not post earlier"));
        assert!(message.is_silent);
        assert!(reduced(&stream(), manner).is_silent);
    }

    fn posted(message: Message) -> Posted {
        let (url, timestamp) = message.embed.map_or((None, None), |card| (Some(card.url), card.timestamp));
        Posted { text: message.text.unwrap_or_default(), url, timestamp }
    }

    #[test]
    fn an_announcement_is_found_again_in_either_form() {
        let own = posted(announcement(&stream(), &profile(), AT, Manner::default()));
        let plain = posted(reduced(&stream(), Manner::default()));
        assert!(announces(&own, &stream()) && announces(&plain, &stream()));
        let another = Stream { started_at: AT, ..stream() };
        assert!(!announces(&own, &another) && !announces(&plain, &another));
        assert!(!announces(&posted(sample(Some(&profile()))), &stream()));
        assert!(!announces(&Posted::default(), &stream()));
    }

    fn lengths(embed: &Embed) -> usize {
        let fields = embed.fields.iter().map(|field| text::length(&field.name) + text::length(&field.value));
        text::length(&embed.title) + text::length(&embed.author.name) + fields.sum::<usize>()
    }

    proptest! {
        #[test]
        fn no_text_of_others_breaks_a_limit(
            name in "\\PC{1,600}", title in "\\PC{0,900}", category in "\\PC{1,2500}", viewers: Option<u64>,
        ) {
            let category = Some(Category { id: "7".to_owned(), name: category });
            let wild = Stream { display_name: name, title: Some(title), category, viewers, ..stream() };
            let embed = announcement(&wild, &profile(), AT, Manner::default()).embed.expect("a card");
            prop_assert!(text::length(&embed.title) <= MAX_TITLE);
            prop_assert!(text::length(&embed.author.name) <= MAX_AUTHOR);
            prop_assert!(embed.fields.iter().all(|field| text::length(&field.value) <= MAX_FIELD));
            prop_assert!(embed.fields.iter().all(|field| !field.value.is_empty()));
            prop_assert!(lengths(&embed) <= MAX_EMBED);
        }
    }
}
