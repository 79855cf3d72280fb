//! The announcement that somebody is live. It cuts what is too long and leaves out what is missing.

use std::time::Duration;

use super::card::{UNTITLED, card, category_field, channel_url, field, is_address, notify_button};
use super::{Button, Mentions, Message, mentions, template};
use crate::domain::{Preferences, Profile, Stream, Timestamp, text};

/// Size of the preview, the largest that Twitch makes for every stream.
const PREVIEW: (&str, &str) = ("1280", "720");

/// Longest title of a post in a forum (Discord, Channel, "Start Thread in Forum or Media Channel").
const MAX_FORUM_TITLE: usize = 100;

/// How an announcement is made, beside what it says and how the server wants it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Manner {
    /// How long the stream has been going on, when that is to be said because the announcement is late.
    pub late: Option<Duration>,
    /// Whether nobody is to be notified. Whom the server wants mentioned stands in the text all the same.
    pub is_silent: bool,
}

/// The announcement of a stream as it was seen when it began, or as it is known now.
///
/// `at` is the time of this attempt. It goes into the preview's address: that address never changes, and Discord would
/// show the picture that it fetched weeks ago.
#[must_use]
pub fn announcement(
    stream: &Stream,
    profile: &Profile,
    preferences: &Preferences,
    at: Timestamp,
    manner: Manner,
) -> Message {
    let mut embed = card(stream, profile, preferences, UNTITLED);
    embed.fields.extend(stream.category.as_ref().and_then(category_field));
    embed.fields.extend(stream.viewers.and_then(|viewers| field("Viewers", &text::grouped(viewers))));
    embed.fields.extend(field("Started", &format!("<t:{}:R>", stream.started_at.as_secs())));
    if preferences.preview.unwrap_or(true) {
        embed.image = stream.thumbnail.as_deref().and_then(|template| preview(template, at));
    }
    embed.footer = manner
        .late
        .map(|live_for| format!("Late: live for {}, I could not post earlier", text::span(live_for)));
    let mut buttons = Vec::with_capacity(2);
    if preferences.button.unwrap_or(true) {
        buttons.push(Button::Link { label: "Watch".to_owned(), url: embed.url.clone() });
    }
    if preferences.notify.unwrap_or(true) {
        buttons.extend(notify_button(stream));
    }
    Message {
        text: template::words(stream, preferences),
        mentions: allowed(preferences, manner),
        embed: Some(embed),
        buttons,
        answers: None,
        is_silent: manner.is_silent,
    }
}

/// The same with nothing in it that Discord could object to, for when it objects: a link, and nothing that others wrote.
#[must_use]
pub fn reduced(stream: &Stream, preferences: &Preferences, manner: Manner) -> Message {
    let mention = preferences.mention.and_then(mentions::mark).map(|mark| mark + " ").unwrap_or_default();
    Message {
        text: Some(mention + &reduced_text(stream)),
        mentions: allowed(preferences, manner),
        is_silent: manner.is_silent,
        ..Message::default()
    }
}

/// Whom an announcement may mention. A silent one would still put a mark on the channel of everybody it mentions.
fn allowed(preferences: &Preferences, manner: Manner) -> Mentions {
    if manner.is_silent { Mentions::default() } else { preferences.mention.unwrap_or_default().into() }
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

/// Whether a message of ours is the announcement of that stream, in whatever form. Whom it mentions makes no difference.
#[must_use]
pub fn announces(posted: &Posted, stream: &Stream) -> bool {
    // Discord keeps times to the second at least.
    let same_time = posted.timestamp.is_some_and(|time| time.as_secs() == stream.started_at.as_secs());
    (same_time && posted.url.as_deref() == Some(channel_url(&stream.login).as_str()))
        || posted.text.contains(&reduced_text(stream))
}

/// The title of the post in a forum that announces a stream. Discord shows no markup in it.
#[must_use]
pub fn forum_title(stream: &Stream) -> String {
    let title = stream.title.as_deref().map(|title| format!(": {title}"));
    let whole = format!("{}{}", stream.display_name, title.as_deref().unwrap_or(" is live"));
    let whole: String = whole.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    text::cut(text::filled(&whole).unwrap_or(stream.login.as_str()), MAX_FORUM_TITLE)
}

fn preview(template: &str, at: Timestamp) -> Option<String> {
    let filled = template.replace("{width}", PREVIEW.0).replace("{height}", PREVIEW.1);
    let mark = if filled.contains('?') { '&' } else { '?' };
    let url = format!("{filled}{mark}t={}", at.as_secs());
    is_address(&url).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        BroadcasterId, Category, Ending, Login, Mention, RoleId, StreamId, Template, UserId,
    };
    use crate::render::{Embed, MAX_AUTHOR, MAX_EMBED, MAX_FIELD, MAX_TITLE, ended, mention_members, sample};

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

    fn usual(stream: &Stream) -> Message {
        announcement(stream, &profile(), &Preferences::default(), AT, Manner::default())
    }

    #[test]
    fn it_says_who_plays_what_since_when() {
        let message = usual(&stream());
        let embed = message.embed.expect("a card");
        let fields: Vec<_> =
            embed.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        let expected = [("Category", "Celeste"), ("Viewers", "1,234,567"), ("Started", "<t:1795248000:R>")];
        assert_eq!(fields, expected);
        assert_eq!((embed.author.name.as_str(), embed.title.as_str()), ("Ann", "Speedrun"));
        assert_eq!(embed.author.icon.as_deref(), Some("https://cdn.example/ann.png"));
        let image = embed.image.as_deref();
        assert_eq!(image, Some("https://cdn.example/live_user_ann-1280x720.jpg?t=1795248060"));
        assert_eq!((embed.color, embed.timestamp), (0x91_46_FF, Some(stream().started_at)));
        let url = "https://www.twitch.tv/ann".to_owned();
        assert_eq!(message.buttons[0], Button::Link { label: "Watch".to_owned(), url });
        assert_eq!((message.text, message.mentions), (None, Mentions::default()));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let bare = Stream { title: None, category: None, viewers: None, thumbnail: None, ..stream() };
        let faceless = Profile { image: None, ..profile() };
        let message = announcement(&bare, &faceless, &Preferences::default(), AT, Manner::default());
        let embed = message.embed.expect("a card");
        let names: Vec<_> = embed.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["Started"]);
        assert_eq!((embed.image, embed.author.icon), (None, None));
        assert_eq!(embed.title, "Live on Twitch");
    }

    #[test]
    fn a_picture_that_is_no_address_costs_only_the_picture() {
        let odd = Stream { thumbnail: Some("preview of ann".to_owned()), ..stream() };
        assert_eq!(usual(&odd).embed.expect("a card").image, None);
    }

    #[test]
    fn it_looks_as_the_server_wants_it() {
        let wanted = Preferences {
            color: Some(0x12_34_56),
            preview: Some(false),
            button: Some(false),
            notify: Some(false),
            ..Preferences::default()
        };
        let message = announcement(&stream(), &profile(), &wanted, AT, Manner::default());
        let embed = message.embed.expect("a card");
        assert_eq!((embed.color, embed.image, message.buttons.len()), (0x12_34_56, None, 0));
        let no_color = Preferences { color: Some(0x1_00_00_00), ..wanted };
        let message = announcement(&stream(), &profile(), &no_color, AT, Manner::default());
        assert_eq!(message.embed.map(|embed| embed.color), Some(0x91_46_FF));
    }

    #[test]
    fn who_wants_to_be_told_can_say_so_unless_the_server_wants_that_not() {
        let buttons = |notify| {
            let wanted = Preferences { notify, ..Preferences::default() };
            announcement(&stream(), &profile(), &wanted, AT, Manner::default()).buttons
        };
        assert_eq!(buttons(Some(false)).len(), 1);
        for notify in [None, Some(true)] {
            let is_ours =
                |button: &Button| matches!(button, Button::Action { id, .. } if id == "notify:v1:1");
            assert!(buttons(notify).last().is_some_and(is_ours));
        }
    }

    #[test]
    fn it_mentions_whom_the_admin_has_chosen_and_nobody_when_silent() {
        let role = RoleId::new(77).expect("an id");
        let wanted = Preferences { mention: Some(Mention::Role(role)), ..Preferences::default() };
        let quiet = Manner { is_silent: true, ..Manner::default() };
        let odd = Stream { title: Some("<@&1> @everyone".to_owned()), ..stream() };
        for make in [&|manner| announcement(&odd, &profile(), &wanted, AT, manner) as Message, &|manner| {
            reduced(&odd, &wanted, manner)
        }] as [&dyn Fn(Manner) -> Message; 2]
        {
            let (loud, quiet) = (make(Manner::default()), make(quiet));
            assert_eq!(loud.mentions, Mentions { roles: vec![role], ..Mentions::default() });
            assert!(loud.text.as_deref().is_some_and(|text| text.starts_with("<@&77>")));
            assert_eq!((quiet.text, quiet.mentions), (loud.text, Mentions::default()));
        }
    }

    #[test]
    fn a_late_one_says_so_and_a_quiet_one_is_silent() {
        let manner = Manner { late: Some(Duration::from_mins(125)), is_silent: true };
        let message = announcement(&stream(), &profile(), &Preferences::default(), AT, manner);
        let footer = message.embed.expect("a card").footer;
        assert_eq!(footer.as_deref(), Some("Late: live for 2 h 5 min, I could not post earlier"));
        assert!(message.is_silent);
        assert!(reduced(&stream(), &Preferences::default(), manner).is_silent);
    }

    #[test]
    fn a_post_in_a_forum_has_a_title() {
        let titled = |name: &str, title: Option<&str>| {
            let title = title.map(str::to_owned);
            forum_title(&Stream { display_name: name.to_owned(), title, ..stream() })
        };
        assert_eq!(titled("Ann", Some("Any% *blind*\nfold")), "Ann: Any% *blind* fold");
        assert_eq!(titled("Ann", None), "Ann is live");
        assert_eq!(titled("Ann", Some(&"x".repeat(200))), format!("Ann: {}…", "x".repeat(94)));
    }

    fn posted(message: Message) -> Posted {
        let (url, timestamp) = message.embed.map_or((None, None), |card| (Some(card.url), card.timestamp));
        Posted { text: message.text.unwrap_or_default(), url, timestamp }
    }

    /// An announcement in every form in which it may stand in a channel.
    fn forms(stream: &Stream, preferences: &Preferences) -> Vec<Message> {
        let manner = Manner::default();
        let (plain, reduced) =
            (announcement(stream, &profile(), preferences, AT, manner), reduced(stream, preferences, manner));
        let member = UserId::new(7).expect("an id");
        let mut forms = vec![plain.clone(), reduced.clone()];
        for mut message in [plain, reduced] {
            assert!(mention_members(&mut message, &[member]).is_empty());
            forms.push(message);
        }
        let ending = Ending {
            ended_at: AT,
            peak_viewers: None,
            average_viewers: None,
            chapters: Vec::new(),
            recordings: Vec::new(),
        };
        forms.push(ended(stream, &profile(), preferences, &ending, manner));
        forms
    }

    #[test]
    fn an_announcement_is_found_again_in_every_form() {
        let templated = Preferences {
            mention: Some(Mention::Everyone),
            message: Template::parse("{streamer} is on").ok(),
            ..Preferences::default()
        };
        let another = Stream { started_at: AT, ..stream() };
        for preferences in [Preferences::default(), templated] {
            for message in forms(&stream(), &preferences) {
                let posted = posted(message);
                assert!(announces(&posted, &stream()), "{posted:?}");
                assert!(!announces(&posted, &another), "{posted:?}");
            }
        }
        assert!(!announces(&posted(sample(Some(&profile()), &Preferences::default(), AT)), &stream()));
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
            let embed = usual(&wild).embed.expect("a card");
            prop_assert!(text::length(&embed.title) <= MAX_TITLE);
            prop_assert!(text::length(&embed.author.name) <= MAX_AUTHOR);
            prop_assert!(embed.fields.iter().all(|field| text::length(&field.value) <= MAX_FIELD));
            prop_assert!(embed.fields.iter().all(|field| !field.value.is_empty()));
            prop_assert!(lengths(&embed) <= MAX_EMBED);
            let title = text::length(&forum_title(&wild));
            prop_assert!((1..=MAX_FORUM_TITLE).contains(&title));
        }
    }
}
