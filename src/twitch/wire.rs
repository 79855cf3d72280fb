//! The shapes that Twitch sends. Lenient: Twitch adds and drops fields without notice (Twitch, API Guide), so an item
//! needs no more than what makes it usable, and one broken item spoils nothing but itself.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::TwitchError;
use crate::domain::{
    BroadcasterId, Category, Channel, Login, Profile, Recording, Stream, StreamId, Timestamp, text,
};

/// A page of anything.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct StreamItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    user_login: Cow<'a, str>,
    #[serde(borrow, default)]
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    game_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    game_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(default)]
    viewer_count: Option<u64>,
    #[serde(borrow)]
    started_at: Cow<'a, str>,
    #[serde(borrow, default)]
    thumbnail_url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tags: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    language: Option<Cow<'a, str>>,
}

/// The one field that tells whom a broken item is about.
#[derive(Deserialize)]
struct About<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct UserItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    // `/search/channels` has another name for it than `/users`.
    #[serde(borrow, alias = "broadcaster_login")]
    login: Cow<'a, str>,
    #[serde(borrow, default)]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "thumbnail_url")]
    profile_image_url: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ChannelItem<'a> {
    #[serde(borrow)]
    broadcaster_id: Cow<'a, str>,
    #[serde(borrow, default)]
    game_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    game_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tags: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    broadcaster_language: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct CategoryItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct VideoItem<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    /// Only recordings of streams have one.
    #[serde(borrow)]
    stream_id: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ErrorBody<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// What one item of `/streams` says.
pub(super) enum StreamEntry {
    /// Somebody is live.
    Live(Box<Stream>),
    /// It is about somebody, but says nothing that can be relied on: another type than `live`, or broken.
    Unclear(BroadcasterId),
    /// It cannot even be told whom it is about.
    Unreadable,
}

/// Reads an item of `/streams` (Twitch, API Reference, "Get Streams").
pub(super) fn stream(raw: &RawValue) -> StreamEntry {
    let Ok(item) = serde_json::from_str::<StreamItem<'_>>(raw.get()) else { return unclear(raw) };
    // `""` marks an error of Twitch's own, other types are not live streams.
    if item.kind.as_deref() != Some("live") {
        return unclear(raw);
    }
    live(&item).map_or_else(|| unclear(raw), |stream| StreamEntry::Live(Box::new(stream)))
}

fn live(item: &StreamItem<'_>) -> Option<Stream> {
    let (id, broadcaster) = (text::filled(&item.id)?, text::filled(&item.user_id)?);
    let login = Login::new(&item.user_login).ok()?;
    let started_at: jiff::Timestamp = item.started_at.parse().ok()?;
    let category = item.game_name.as_deref().and_then(text::filled);
    Some(Stream {
        id: StreamId::new(id),
        broadcaster: BroadcasterId::new(broadcaster),
        display_name: display_name(item.user_name.as_deref(), &login),
        login,
        title: item.title.as_deref().and_then(text::filled).map(str::to_owned),
        category: category.map(|name| Category {
            id: item.game_id.as_deref().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }),
        viewers: Some(item.viewer_count.unwrap_or(0)),
        tags: tags(item.tags.as_deref()),
        language: language(item.language.as_deref()),
        started_at: Timestamp::from_millis(started_at.as_millisecond()),
        thumbnail: item.thumbnail_url.as_deref().and_then(text::filled).map(str::to_owned),
    })
}

/// Twitch takes ten tags (Twitch, Help, "Guide to Tags"); what is more is odd, and would only grow the rows.
const MAX_TAGS: usize = 25;

fn tags(tags: Option<&[Cow<'_, str>]>) -> Vec<String> {
    tags.unwrap_or_default()
        .iter()
        .filter_map(|tag| text::filled(tag))
        .take(MAX_TAGS)
        .map(str::to_owned)
        .collect()
}

fn language(language: Option<&str>) -> Option<String> {
    language.and_then(text::filled).map(str::to_lowercase)
}

fn unclear(raw: &RawValue) -> StreamEntry {
    let about = serde_json::from_str::<About<'_>>(raw.get()).ok();
    let named = about.as_ref().and_then(|about| text::filled(&about.user_id));
    named.map_or(StreamEntry::Unreadable, |id| StreamEntry::Unclear(BroadcasterId::new(id)))
}

/// Reads an item of `/channels` (Twitch, API Reference, "Get Channel Information"); nothing when it is broken.
pub(super) fn channel(raw: &RawValue) -> Option<Channel> {
    let item: ChannelItem<'_> = serde_json::from_str(raw.get()).ok()?;
    let category = item.game_name.as_deref().and_then(text::filled);
    Some(Channel {
        broadcaster: BroadcasterId::new(text::filled(&item.broadcaster_id)?),
        title: item.title.as_deref().and_then(text::filled).map(str::to_owned),
        category: category.map(|name| Category {
            id: item.game_id.as_deref().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }),
        tags: tags(item.tags.as_deref()),
        language: language(item.broadcaster_language.as_deref()),
    })
}

/// Reads an item of `/search/categories`; nothing when it is broken.
pub(super) fn category(raw: &RawValue) -> Option<Category> {
    let item: CategoryItem<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(Category { id: text::filled(&item.id)?.to_owned(), name: text::filled(&item.name)?.to_owned() })
}

/// Reads an item of `/videos` (Twitch, API Reference, "Get Videos"); nothing when it is broken or no recording of a stream.
pub(super) fn archive(raw: &RawValue) -> Option<(StreamId, Recording)> {
    let item: VideoItem<'_> = serde_json::from_str(raw.get()).ok()?;
    let (id, stream) = (text::filled(&item.id)?, text::filled(&item.stream_id)?);
    let recording = Recording { id: id.to_owned(), url: item.url.clone().into_owned() };
    is_on_twitch(&recording.url).then(|| (StreamId::new(stream), recording))
}

/// Whether an address leads to a page of Twitch's, and has nothing in it that would be odd in a message.
fn is_on_twitch(url: &str) -> bool {
    /// Longer than every address of a video.
    const LONGEST: usize = 100;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    let path = url.strip_prefix("https://www.twitch.tv/").filter(|path| !path.is_empty());
    url.len() <= LONGEST && path.is_some_and(|path| path.bytes().all(is_plain))
}

/// Reads an item of `/users` or `/search/channels`; nothing when it is broken.
pub(super) fn profile(raw: &RawValue) -> Option<Profile> {
    let item: UserItem<'_> = serde_json::from_str(raw.get()).ok()?;
    let login = Login::new(&item.login).ok()?;
    Some(Profile {
        broadcaster: BroadcasterId::new(text::filled(&item.id)?),
        display_name: display_name(item.display_name.as_deref(), &login),
        login,
        image: item.profile_image_url.as_deref().and_then(text::filled).map(str::to_owned),
    })
}

fn display_name(name: Option<&str>, login: &Login) -> String {
    name.and_then(text::filled).unwrap_or(login.as_str()).to_owned()
}

/// The items of a page, all of which are needed to be of use.
pub(super) fn items<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, TwitchError> {
    #[derive(Deserialize)]
    struct Items<T> {
        data: Vec<T>,
    }
    let items: Items<T> = serde_json::from_slice(body).map_err(|_| broken())?;
    Ok(items.data)
}

/// The error for a body that cannot be read.
pub(super) fn broken() -> TwitchError {
    TwitchError::Unavailable("the body is broken".to_owned())
}

/// Twitch's words in an error body, short enough for a log line.
pub(super) fn message(body: &[u8]) -> String {
    /// Long enough for every message of Twitch's, short enough for a line.
    const LONGEST: usize = 200;
    match serde_json::from_slice::<ErrorBody<'_>>(body) {
        Ok(error) => text::cut(&error.message, LONGEST),
        Err(_) => "no explanation".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(item: &str) -> StreamEntry {
        stream(&RawValue::from_string(item.to_owned()).expect("JSON"))
    }

    fn check_live(item: &str, expected: impl FnOnce(Stream)) {
        match entry(item) {
            StreamEntry::Live(stream) => expected(*stream),
            StreamEntry::Unclear(_) | StreamEntry::Unreadable => panic!("not read as live: {item}"),
        }
    }

    const LEAST: &str =
        r#""id":"9","user_id":"1","user_login":"ann","type":"live","started_at":"2026-01-02T03:04:05Z""#;

    #[test]
    fn the_least_that_makes_a_stream_is_enough() {
        check_live(&format!("{{{LEAST}}}"), |stream| {
            assert_eq!(stream.display_name, "ann");
            assert_eq!((stream.title, stream.category, stream.thumbnail), (None, None, None));
            assert_eq!(stream.started_at.as_secs(), 1_767_323_045);
        });
    }

    #[test]
    fn fields_that_nobody_knows_and_empty_ones_do_no_harm() {
        let more =
            r#""title":"  ","game_id":"","game_name":"","viewer_count":null,"new":{"a":[1]},"tags":null"#;
        check_live(&format!("{{{LEAST},{more}}}"), |stream| {
            assert_eq!((stream.title, stream.category, stream.viewers), (None, None, Some(0)));
        });
    }

    #[test]
    fn a_channel_may_have_no_title_and_no_category() {
        let read = |item: &str| channel(&RawValue::from_string(item.to_owned()).expect("JSON"));
        let bare = Channel {
            broadcaster: BroadcasterId::new("1"),
            title: None,
            category: None,
            tags: Vec::new(),
            language: None,
        };
        assert_eq!(read(r#"{"broadcaster_id":"1"}"#), Some(bare.clone()));
        assert_eq!(read(r#"{"broadcaster_id":"1","title":" ","game_id":"","game_name":""}"#), Some(bare));
        assert_eq!(read(r#"{"title":"Chess"}"#), None);
    }

    #[test]
    fn a_recording_belongs_to_a_stream_and_is_on_twitch() {
        let read = |item: &str| archive(&RawValue::from_string(item.to_owned()).expect("JSON"));
        let item =
            |stream: &str, url: &str| format!(r#"{{"id":"3","stream_id":{stream},"url":"{url}","new":1}}"#);
        let url = "https://www.twitch.tv/videos/3";
        let recording = Recording { id: "3".to_owned(), url: url.to_owned() };
        assert_eq!(read(&item(r#""9""#, url)), Some((StreamId::new("9"), recording)));
        assert_eq!(read(&item("null", url)), None);
        for odd in
            ["https://www.twitch.tv/", "https://twitch.example/videos/3", "http://www.twitch.tv/videos/3"]
        {
            assert_eq!(read(&item(r#""9""#, odd)), None, "{odd}");
        }
        assert_eq!(read(&item(r#""9""#, &format!("{url}) [x](y"))), None);
        assert_eq!(read(&item(r#""9""#, &url.repeat(9))), None);
    }

    #[test]
    fn what_is_not_live_says_nothing_about_being_live() {
        for kind in [r#""""#, r#""rerun""#, r#""tomorrow""#, "null"] {
            let item = LEAST.replace(r#""live""#, kind);
            assert!(matches!(entry(&format!("{{{item}}}")), StreamEntry::Unclear(_)), "{kind}");
        }
    }

    #[test]
    fn a_broken_item_spoils_only_itself() {
        let broken = LEAST.replace("2026-01-02T03:04:05Z", "yesterday");
        assert!(matches!(entry(&format!("{{{broken}}}")), StreamEntry::Unclear(_)));
        assert!(matches!(entry(r#"{"user_id":"1"}"#), StreamEntry::Unclear(_)));
        assert!(matches!(entry(r#"{"user_id":1}"#), StreamEntry::Unreadable));
        // About nobody, so that somebody is not listed proves nothing any more; of whatever type it is.
        for kind in ["live", "rerun"] {
            let nobody = LEAST.replace(r#""user_id":"1""#, r#""user_id":" ""#).replace("live", kind);
            assert!(matches!(entry(&format!("{{{nobody}}}")), StreamEntry::Unreadable), "{kind}");
        }
        assert!(matches!(entry("[]"), StreamEntry::Unreadable));
    }
}
