//! Who exists on the fake Twitch and what they stream: plain state without HTTP, tokens or faults.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use crate::clock::rfc3339;

const FIRST_USER_ID: u64 = 1001;
const FIRST_STREAM_ID: u64 = 40_000_000_001;

/// Somebody with a Twitch account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Digits only, as `/users` refuses anything else; never changes.
    pub id: String,
    /// Lower case `a-z0-9_`; changes when the user is renamed.
    pub login: String,
    /// The name as it is shown.
    pub display_name: String,
    /// Where the profile picture is said to be; nothing is served there.
    pub profile_image_url: String,
}

/// What a user broadcasts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Id of this broadcast; filled in with a new one when empty.
    pub id: String,
    /// What the broadcaster calls it.
    pub title: String,
    /// Category id; may be empty, as on Twitch.
    pub game_id: String,
    /// Category name.
    pub game_name: String,
    /// Helix's `type`: `live`, or empty when Twitch has an error.
    pub kind: String,
    /// People watching.
    pub viewers: u64,
    /// RFC 3339 in UTC; filled in with the time of going live when empty.
    pub started_at: String,
    /// ISO 639-1 code, or `other`.
    pub language: String,
    /// Tags chosen by the broadcaster.
    pub tags: Vec<String>,
    /// Picture address with the `{width}x{height}` placeholders; filled in for the login when empty.
    pub thumbnail_url: String,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            id: String::new(),
            title: "Playing".into(),
            game_id: "509658".into(),
            game_name: "Just Chatting".into(),
            kind: "live".into(),
            viewers: 42,
            started_at: String::new(),
            language: "en".into(),
            tags: vec!["English".into()],
            thumbnail_url: String::new(),
        }
    }
}

/// One user with everything that is true about them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: User,
    pub(super) stream: Option<Stream>,
    /// From when on `/streams` tells of the stream, since the Unix epoch.
    pub(super) shown_from: Duration,
    /// The stream before, because search shows what was played last.
    pub(super) last_stream: Option<Stream>,
    /// Sent instead of the built item: its JSON and the viewers it is sorted by.
    pub(super) raw_item: Option<(Vec<u8>, u64)>,
    pub(super) hidden: bool,
    pub(super) vanished: bool,
}

/// Everybody, by id and by login.
#[derive(Debug)]
pub(super) struct People {
    by_id: HashMap<String, Person>,
    by_login: BTreeMap<String, String>,
    next_user: u64,
    next_stream: u64,
    /// How long after going live a stream begins to be shown.
    pub(super) lag: Duration,
    pub(super) omitted_fields: Vec<String>,
}

impl People {
    pub(super) fn new() -> Self {
        Self {
            by_id: HashMap::new(),
            by_login: BTreeMap::new(),
            next_user: FIRST_USER_ID,
            next_stream: FIRST_STREAM_ID,
            lag: Duration::ZERO,
            omitted_fields: Vec::new(),
        }
    }

    /// The person as Twitch's API sees them: somebody vanished is not there.
    pub(super) fn visible(&self, id: &str) -> Option<&Person> {
        self.by_id.get(id).filter(|person| !person.vanished)
    }

    pub(super) fn visible_by_login(&self, login: &str) -> Option<&Person> {
        self.id_of(login).and_then(|id| self.visible(id))
    }

    pub(super) fn id_of(&self, login: &str) -> Option<&str> {
        self.by_login.get(&login.to_lowercase()).map(String::as_str)
    }

    pub(super) fn all_visible(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values().filter(|person| !person.vanished)
    }

    /// Visible people whose login starts so, by login.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = &Person> {
        self.by_login
            .range(prefix.to_owned()..)
            .take_while(move |(login, _)| login.starts_with(prefix))
            .filter_map(|(_, id)| self.visible(id))
    }

    #[track_caller]
    pub(super) fn known(&mut self, id: &str) -> &mut Person {
        match self.by_id.get_mut(id) {
            Some(person) => person,
            None => panic!("the fake Twitch has no user with id {id:?}"),
        }
    }

    pub(super) fn add(&mut self, login: &str) -> String {
        let login = login.to_lowercase();
        if let Some(id) = self.id_of(&login) {
            return id.to_owned();
        }
        let id = self.free_id();
        self.add_with(User {
            display_name: capitalised(&login),
            profile_image_url: format!(
                "https://static-cdn.jtvnw.net/jtv_user_pictures/{id}-profile_image-300x300.png"
            ),
            id: id.clone(),
            login,
        });
        id
    }

    pub(super) fn add_many(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let id = self.free_id();
            let login = format!("streamer{id}");
            if self.id_of(&login).is_none() {
                ids.push(self.add(&login));
            } else {
                self.next_user += 1;
            }
        }
        ids
    }

    pub(super) fn add_with(&mut self, mut user: User) {
        user.login = user.login.to_lowercase();
        let (id, login) = (user.id.clone(), user.login.clone());
        if let Some(person) = self.by_id.get_mut(&id) {
            let old = std::mem::replace(&mut person.user, user);
            self.forget_login(&old.login, &id);
        } else {
            let person = Person {
                user,
                stream: None,
                shown_from: Duration::ZERO,
                last_stream: None,
                raw_item: None,
                hidden: false,
                vanished: false,
            };
            self.by_id.insert(id.clone(), person);
        }
        self.by_login.insert(login, id);
    }

    #[track_caller]
    pub(super) fn rename(&mut self, id: &str, login: &str, display_name: &str) {
        let login = login.to_lowercase();
        let person = self.known(id);
        let old = std::mem::replace(&mut person.user.login, login.clone());
        display_name.clone_into(&mut person.user.display_name);
        if let Some(stream) = &mut person.stream
            && stream.thumbnail_url == preview(&old)
        {
            stream.thumbnail_url = preview(&login);
        }
        self.forget_login(&old, id);
        self.by_login.insert(login, id.to_owned());
    }

    #[track_caller]
    pub(super) fn go_live(&mut self, id: &str, mut stream: Stream, now: Duration) -> String {
        if stream.id.is_empty() {
            stream.id = self.next_stream.to_string();
            self.next_stream += 1;
        }
        if stream.started_at.is_empty() {
            stream.started_at = rfc3339(now);
        }
        let shown_from = now + self.lag;
        let person = self.known(id);
        if stream.thumbnail_url.is_empty() {
            stream.thumbnail_url = preview(&person.user.login);
        }
        let stream_id = stream.id.clone();
        person.stream = Some(stream);
        person.shown_from = shown_from;
        stream_id
    }

    /// Answers whether there was a stream.
    #[track_caller]
    pub(super) fn go_offline(&mut self, id: &str) -> bool {
        let person = self.known(id);
        person.raw_item = None;
        let stream = person.stream.take();
        let was_live = stream.is_some();
        person.last_stream = stream.or(person.last_stream.take());
        was_live
    }

    #[track_caller]
    pub(super) fn set_raw_item(&mut self, id: &str, item: &Value) {
        let viewers = item.get("viewer_count").and_then(Value::as_u64).unwrap_or(0);
        self.known(id).raw_item = Some((item.to_string().into_bytes(), viewers));
    }

    fn free_id(&mut self) -> String {
        while self.by_id.contains_key(&self.next_user.to_string()) {
            self.next_user += 1;
        }
        self.next_user.to_string()
    }

    /// A login may meanwhile belong to somebody else, who then keeps it.
    fn forget_login(&mut self, login: &str, id: &str) {
        if self.by_login.get(login).is_some_and(|owner| owner == id) {
            self.by_login.remove(login);
        }
    }
}

fn preview(login: &str) -> String {
    format!("https://static-cdn.jtvnw.net/previews-ttv/live_user_{login}-{{width}}x{{height}}.jpg")
}

fn capitalised(login: &str) -> String {
    let mut letters = login.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
