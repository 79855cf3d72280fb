//! Recordings of streams and other videos, and Helix's answer about them. No video is ever played.

use std::time::Duration;

use serde::Serialize;

use super::Twitch;
use super::pages::{MAX_PER_REQUEST, Query, bytes, is_id, page};
use super::people::{People, Person};
use crate::clock::rfc3339;

const FIRST_ID: u64 = 2_300_000_001;
const ARCHIVE: &str = "archive";
const HIGHLIGHT: &str = "highlight";
const KINDS: [&str; 4] = ["all", ARCHIVE, HIGHLIGHT, "upload"];
const SORTS: [&str; 3] = ["time", "trending", "views"];
const PERIODS: [&str; 4] = ["all", "day", "month", "week"];

/// One video as it is kept.
#[derive(Debug)]
struct Video {
    id: u64,
    user: String,
    /// Only archives have one.
    stream: Option<String>,
    title: String,
    language: String,
    kind: &'static str,
    created: Duration,
    length: Duration,
}

/// All videos, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Videos {
    kept: Vec<Video>,
    next: u64,
}

impl Videos {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), next: FIRST_ID }
    }

    fn add(&mut self, mut video: Video) -> String {
        video.id = self.next;
        self.next += 1;
        let id = video.id.to_string();
        self.kept.push(video);
        id
    }
}

/// Videos.
impl Twitch {
    /// Keeps a recording of a stream that has lasted so long until now, and returns the video's id. It has the title and
    /// the language of the user's stream, or of the last one. One stream may have several.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn add_recording(&self, user: &str, stream: &str, length: Duration) -> String {
        self.add_video(user, ARCHIVE, Some(stream.to_owned()), length)
    }

    /// Keeps a highlight, which belongs to no stream, and returns the video's id.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn add_highlight(&self, user: &str, length: Duration) -> String {
        self.add_video(user, HIGHLIGHT, None, length)
    }

    /// Deletes a video, as its owner or time does.
    pub fn delete_video(&self, video: &str) {
        self.shared.state().videos.kept.retain(|kept| kept.id.to_string() != video);
    }

    #[track_caller]
    fn add_video(&self, user: &str, kind: &'static str, stream: Option<String>, length: Duration) -> String {
        let created = self.shared.clock.now().saturating_sub(length);
        let state = &mut *self.shared.state();
        let person = state.people.known(user);
        let shown = person.stream.as_ref().or(person.last_stream.as_ref());
        state.videos.add(Video {
            id: 0,
            user: user.to_owned(),
            stream,
            title: shown.map_or_else(String::new, |stream| stream.title.clone()),
            language: shown.map_or_else(|| "en".to_owned(), |stream| stream.language.clone()),
            kind,
            created,
            length,
        })
    }
}

/// `GET /helix/videos`; a refusal is its status and its message.
pub(super) fn videos(videos: &Videos, people: &People, query: &Query<'_>) -> Result<Vec<u8>, (u16, String)> {
    let ids: Vec<_> = query.all("id").collect();
    let asked = [!ids.is_empty(), query.one("user_id").is_some(), query.one("game_id").is_some()];
    if asked.iter().filter(|asked| **asked).count() != 1 {
        return Err(bad("Must specify exactly one of the parameters id, user_id and game_id"));
    }
    let owner = |video: &Video| people.visible(&video.user);
    let mut found: Vec<(&Video, &Person)> =
        videos.kept.iter().filter_map(|video| Some((video, owner(video)?))).collect();
    if !ids.is_empty() {
        if ids.len() > MAX_PER_REQUEST || !ids.iter().all(|id| is_id(id)) {
            return Err(bad("The parameter \"id\" was malformed"));
        }
        found.retain(|(video, _)| ids.contains(&video.id.to_string().as_str()));
        if found.is_empty() {
            return Err((404, "no videos were found".to_owned()));
        }
        // Without pages: the ids are all there is.
        return Ok(page(found.iter().map(item), found.len(), found.len(), Some(0), None));
    }
    let chosen = |name: &str, known: &[&str]| match query.one(name) {
        None => Ok(known[0].to_owned()),
        Some(value) if known.contains(&value) => Ok(value.to_owned()),
        Some(_) => Err(bad(&format!("The parameter \"{name}\" was malformed"))),
    };
    let kind = chosen("type", &KINDS)?;
    chosen("sort", &SORTS)?;
    chosen("period", &PERIODS)?;
    let (first, offset) = (query.first().map_err(|why| bad(&why))?, query.offset().map_err(|why| bad(&why))?);
    let user = query.one("user_id").unwrap_or_default();
    let language = query.one("language");
    found.retain(|(video, _)| {
        video.user == user
            && (kind == KINDS[0] || video.kind == kind)
            && language.is_none_or(|language| video.language == language)
    });
    // Nobody has watched anything here, so every way to sort comes to the same: the newest first.
    found.sort_by_key(|(video, _)| std::cmp::Reverse((video.created, video.id)));
    Ok(page(found.iter().map(item), found.len(), first, offset, None))
}

fn bad(message: &str) -> (u16, String) {
    (400, message.to_owned())
}

#[derive(Serialize)]
struct VideoItem<'a> {
    id: String,
    stream_id: Option<&'a str>,
    user_id: &'a str,
    user_login: &'a str,
    user_name: &'a str,
    title: &'a str,
    description: &'a str,
    created_at: String,
    published_at: String,
    url: String,
    thumbnail_url: String,
    viewable: &'a str,
    view_count: u64,
    language: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    duration: String,
    muted_segments: Option<[u64; 0]>,
}

fn item((video, owner): &(&Video, &Person)) -> Vec<u8> {
    let user = &owner.user;
    bytes(&VideoItem {
        id: video.id.to_string(),
        stream_id: video.stream.as_deref(),
        user_id: &user.id,
        user_login: &user.login,
        user_name: &user.display_name,
        title: &video.title,
        description: "",
        created_at: rfc3339(video.created),
        published_at: rfc3339(video.created),
        url: format!("https://www.twitch.tv/videos/{}", video.id),
        thumbnail_url: format!(
            "https://static-cdn.jtvnw.net/cf_vods/fake/{}/thumb/thumb0-%{{width}}x%{{height}}.jpg",
            video.id
        ),
        viewable: "public",
        view_count: 0,
        language: &video.language,
        kind: video.kind,
        duration: spoken(video.length),
        muted_segments: None,
    })
}

/// A length as Twitch writes it, without the parts in front that are zero: `3h12m8s`, `12m8s`, `8s`.
fn spoken(length: Duration) -> String {
    let seconds = length.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}
