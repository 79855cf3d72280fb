//! Helix's answers to `/streams`, `/users`, `/channels` and `/search/channels` as bytes: pure, without tokens,
//! limits or faults.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::people::{People, Person, Stream};

/// Twitch's bound on ids and logins in one request, and on `first`.
pub(super) const MAX_PER_REQUEST: usize = 100;
/// What Twitch assumes without `first`; smaller than a full batch of ids, which is the trap.
const DEFAULT_FIRST: usize = 20;
/// The cursor that Twitch sends although nothing follows.
const CURSOR_TO_NOWHERE: &str = "IA";
/// Our cursors are an offset behind this; Twitch's are opaque too.
const CURSOR_PREFIX: &str = "next";
const MALFORMED: &str = "Malformed query params.";
const INVALID_NAMES: &str = "Invalid login names, emails or IDs in request";

/// A body, or the message of a 400.
pub(super) type Page = Result<Vec<u8>, String>;

/// A decoded query string, in its order.
pub(super) struct Query<'a>(pub(super) &'a [(String, String)]);

impl<'a> Query<'a> {
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn one(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn at_most_100(&self, name: &str) -> Result<Vec<&'a str>, String> {
        let values: Vec<_> = self.all(name).collect();
        if values.len() > MAX_PER_REQUEST {
            return Err(format!("The parameter \"{name}\" was malformed: at most 100 values are allowed"));
        }
        Ok(values)
    }

    pub(super) fn first(&self) -> Result<usize, String> {
        let Some(first) = self.one("first") else { return Ok(DEFAULT_FIRST) };
        let number = first.parse().ok().filter(|number| (1..=MAX_PER_REQUEST).contains(number));
        number.ok_or_else(|| "The parameter \"first\" was malformed: it must be from 1 to 100".into())
    }

    /// How many items to skip; `None` for the cursor that leads nowhere.
    pub(super) fn offset(&self) -> Result<Option<usize>, String> {
        if self.one("before").is_some() {
            // Paging backwards is not doubled, and to ignore it would be a lie.
            return Err("invalid cursor".into());
        }
        match self.one("after") {
            None | Some("") => Ok(Some(0)),
            Some(CURSOR_TO_NOWHERE) => Ok(None),
            Some(cursor) => match cursor.strip_prefix(CURSOR_PREFIX).map(str::parse) {
                Some(Ok(offset)) => Ok(Some(offset)),
                _ => Err("invalid cursor".into()),
            },
        }
    }
}

/// `GET /helix/streams`.
pub(super) fn streams(people: &People, query: &Query<'_>, now: Duration) -> Page {
    let (ids, logins) = (query.at_most_100("user_id")?, query.at_most_100("user_login")?);
    let (games, languages) = (query.at_most_100("game_id")?, query.at_most_100("language")?);
    let (first, offset) = (query.first()?, query.offset()?);
    if query.one("type").is_some_and(|kind| kind != "all" && kind != "live") {
        return Err(MALFORMED.into());
    }
    let is_batch = !ids.is_empty() || !logins.is_empty();
    let mut chosen: Vec<&Person> = if is_batch {
        let mut seen = HashSet::with_capacity(ids.len() + logins.len());
        let by_id = ids.iter().filter_map(|id| people.visible(id)).map(Ok);
        let by_login =
            logins.iter().map(|login| people.visible_by_login(login).ok_or_else(|| MALFORMED.to_owned()));
        let found = by_id.chain(by_login).collect::<Result<Vec<_>, _>>()?;
        found.into_iter().filter(|person| seen.insert(person.user.id.as_str())).collect()
    } else {
        people.all_visible().collect()
    };
    let is_shown =
        |person: &Person| !person.hidden && (person.raw_item.is_some() || person.shown_from <= now);
    chosen.retain(|person| is_shown(person) && matches_filters(person, &games, &languages));
    chosen.sort_by(|a, b| viewers(b).cmp(&viewers(a)).then_with(|| a.user.id.cmp(&b.user.id)));

    let items = chosen.iter().map(|person| stream_item(person, &people.omitted_fields));
    Ok(page(items, chosen.len(), first, offset, is_batch.then_some(CURSOR_TO_NOWHERE)))
}

/// `GET /helix/users`.
pub(super) fn users(people: &People, query: &Query<'_>) -> Page {
    let (ids, logins): (Vec<_>, Vec<_>) = (query.all("id").collect(), query.all("login").collect());
    if ids.is_empty() && logins.is_empty() {
        return Err("Must provide an ID, Login or OAuth Token.".into());
    }
    if ids.len() + logins.len() > MAX_PER_REQUEST {
        return Err(
            "The parameters \"id\" and \"login\" were malformed: at most 100 values are allowed".into()
        );
    }
    if !ids.iter().all(|id| is_id(id)) || !logins.iter().all(|login| is_login(login)) {
        return Err(INVALID_NAMES.into());
    }
    let mut seen = HashSet::new();
    let by_id = ids.iter().filter_map(|id| people.visible(id));
    let by_login = logins.iter().filter_map(|login| people.visible_by_login(login));
    let found = by_id.chain(by_login).filter(|person| seen.insert(person.user.id.as_str()));

    let mut body = b"{\"data\":[".to_vec();
    join(&mut body, found.map(user_item));
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// `GET /helix/channels`.
pub(super) fn channels(people: &People, query: &Query<'_>) -> Page {
    let ids = query.at_most_100("broadcaster_id")?;
    if ids.is_empty() {
        return Err("Missing required parameter \"broadcaster_id\"".into());
    }
    if !ids.iter().all(|id| is_id(id)) {
        return Err("The ID in broadcaster_id must be an integer.".into());
    }
    let mut seen = HashSet::new();
    let found = ids.iter().filter_map(|id| people.visible(id));
    let found = found.filter(|person| seen.insert(person.user.id.as_str()));

    let mut body = b"{\"data\":[".to_vec();
    join(&mut body, found.map(channel_information));
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// `GET /helix/search/channels`.
pub(super) fn search_channels(people: &People, query: &Query<'_>) -> Page {
    let Some(text) = query.one("query").filter(|text| !text.is_empty()) else {
        return Err("The parameter \"query\" was malformed: it is required".into());
    };
    let (first, offset) = (query.first()?, query.offset()?);
    let live_only = match query.one("live_only") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err("The parameter \"live_only\" was malformed: it must be a boolean".into()),
    };
    let prefix = text.to_lowercase();
    let found: Vec<_> =
        people.with_prefix(&prefix).filter(|person| !live_only || person.stream.is_some()).collect();
    Ok(page(found.iter().map(|person| channel_item(person)), found.len(), first, offset, None))
}

fn matches_filters(person: &Person, games: &[&str], languages: &[&str]) -> bool {
    let Some(stream) = &person.stream else {
        return person.raw_item.is_some() && games.is_empty() && languages.is_empty();
    };
    (games.is_empty() || games.contains(&stream.game_id.as_str()))
        && (languages.is_empty() || languages.contains(&stream.language.as_str()))
}

fn viewers(person: &Person) -> u64 {
    match (&person.raw_item, &person.stream) {
        (Some((_, viewers)), _) => *viewers,
        (None, Some(stream)) => stream.viewers,
        (None, None) => 0,
    }
}

pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_login(login: &str) -> bool {
    (1..=25).contains(&login.len()) && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Cuts one page out of `total` items; `last_cursor` is what Twitch sends when nothing follows.
pub(super) fn page(
    items: impl Iterator<Item = Vec<u8>>,
    total: usize,
    first: usize,
    offset: Option<usize>,
    last_cursor: Option<&str>,
) -> Vec<u8> {
    let offset = offset.unwrap_or(total).min(total);
    let end = (offset + first).min(total);
    let mut body = b"{\"data\":[".to_vec();
    join(&mut body, items.skip(offset).take(first));
    let cursor = if end < total {
        Some(format!("{CURSOR_PREFIX}{end}"))
    } else {
        last_cursor.filter(|_| end > offset).map(str::to_owned)
    };
    match cursor {
        Some(cursor) => {
            body.extend_from_slice(format!("],\"pagination\":{{\"cursor\":\"{cursor}\"}}}}").as_bytes());
        }
        None => body.extend_from_slice(b"],\"pagination\":{}}"),
    }
    body
}

pub(super) fn join(body: &mut Vec<u8>, items: impl Iterator<Item = Vec<u8>>) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&item);
    }
}

#[derive(Serialize)]
struct StreamItem<'a> {
    id: &'a str,
    user_id: &'a str,
    user_login: &'a str,
    user_name: &'a str,
    game_id: &'a str,
    game_name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    tags: &'a [String],
    viewer_count: u64,
    started_at: &'a str,
    language: &'a str,
    thumbnail_url: &'a str,
    tag_ids: [&'a str; 0],
    is_mature: bool,
}

fn stream_item(person: &Person, omitted: &[String]) -> Vec<u8> {
    let (user, stream) = match (&person.raw_item, &person.stream) {
        (Some((raw, _)), _) => return raw.clone(),
        (None, Some(stream)) => (&person.user, stream),
        (None, None) => return b"{}".to_vec(),
    };
    let item = StreamItem {
        id: &stream.id,
        user_id: &user.id,
        user_login: &user.login,
        user_name: &user.display_name,
        game_id: &stream.game_id,
        game_name: &stream.game_name,
        kind: &stream.kind,
        title: &stream.title,
        tags: &stream.tags,
        viewer_count: stream.viewers,
        started_at: &stream.started_at,
        language: &stream.language,
        thumbnail_url: &stream.thumbnail_url,
        tag_ids: [],
        is_mature: false,
    };
    if omitted.is_empty() {
        return bytes(&item);
    }
    let mut value = serde_json::to_value(&item).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !omitted.contains(name));
    }
    bytes(&value)
}

#[derive(Serialize)]
struct UserItem<'a> {
    id: &'a str,
    login: &'a str,
    display_name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    broadcaster_type: &'a str,
    description: &'a str,
    profile_image_url: &'a str,
    offline_image_url: &'a str,
    view_count: u64,
    created_at: &'a str,
}

fn user_item(person: &Person) -> Vec<u8> {
    let user = &person.user;
    bytes(&UserItem {
        id: &user.id,
        login: &user.login,
        display_name: &user.display_name,
        kind: "",
        broadcaster_type: "affiliate",
        description: "",
        profile_image_url: &user.profile_image_url,
        offline_image_url: "",
        view_count: 0,
        created_at: "2020-01-01T00:00:00Z",
    })
}

#[derive(Serialize)]
struct ChannelItem<'a> {
    broadcaster_language: &'a str,
    broadcaster_login: &'a str,
    display_name: &'a str,
    game_id: &'a str,
    game_name: &'a str,
    id: &'a str,
    is_live: bool,
    tag_ids: [&'a str; 0],
    tags: &'a [String],
    thumbnail_url: &'a str,
    title: &'a str,
    started_at: &'a str,
}

fn channel_item(person: &Person) -> Vec<u8> {
    let user = &person.user;
    let shown: Option<&Stream> = person.stream.as_ref().or(person.last_stream.as_ref());
    bytes(&ChannelItem {
        broadcaster_language: shown.map_or("", |stream| &stream.language),
        broadcaster_login: &user.login,
        display_name: &user.display_name,
        game_id: shown.map_or("", |stream| &stream.game_id),
        game_name: shown.map_or("", |stream| &stream.game_name),
        id: &user.id,
        is_live: person.stream.is_some(),
        tag_ids: [],
        tags: shown.map_or(&[], |stream| stream.tags.as_slice()),
        thumbnail_url: &user.profile_image_url,
        title: shown.map_or("", |stream| &stream.title),
        started_at: person.stream.as_ref().map_or("", |stream| &stream.started_at),
    })
}

#[derive(Serialize)]
struct ChannelInformation<'a> {
    broadcaster_id: &'a str,
    broadcaster_login: &'a str,
    broadcaster_name: &'a str,
    broadcaster_language: &'a str,
    game_id: &'a str,
    game_name: &'a str,
    title: &'a str,
    delay: u32,
    tags: &'a [String],
    content_classification_labels: [&'a str; 0],
    is_branded_content: bool,
}

fn channel_information(person: &Person) -> Vec<u8> {
    let user = &person.user;
    let shown: Option<&Stream> = person.stream.as_ref().or(person.last_stream.as_ref());
    bytes(&ChannelInformation {
        broadcaster_id: &user.id,
        broadcaster_login: &user.login,
        broadcaster_name: &user.display_name,
        broadcaster_language: shown.map_or("", |stream| &stream.language),
        game_id: shown.map_or("", |stream| &stream.game_id),
        game_name: shown.map_or("", |stream| &stream.game_name),
        title: shown.map_or("", |stream| &stream.title),
        delay: 0,
        tags: shown.map_or(&[], |stream| stream.tags.as_slice()),
        content_classification_labels: [],
        is_branded_content: false,
    })
}

pub(super) fn bytes(item: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(item).unwrap_or_default()
}
