//! Who plays: streamers with what they are about to stream, and more of them for a long list. Plain data.

use std::time::Duration;

use livebell_fakes::twitch::{Stream, Twitch, User};

/// The first id that is given to somebody of the cast.
const FIRST_ID: usize = 2001;

/// Name, login, title, category, viewers. Some titles hold what Discord would take as markup or a mention.
const FIRST: [(&str, &str, &str, &str, u64); 6] = [
    ("Nova Fox", "novafox", "Blitz until I win three in a row", "Chess", 1284),
    ("Pixel Baker", "pixelbaker", "Sourdough at sunrise 🍞 ask me anything", "Food & Drink", 312),
    ("Quiet Harbor", "quietharbor", "Piano for a rainy evening", "Music", 2075),
    ("Rusty Gears", "rustygears", "A tiny *bot* in Rust [part 3]", "Software and Game Development", 641),
    ("Mira Inks", "mira_inks", "Drawing your pets in ink & watercolour", "Art", 158),
    ("Captain Oats", "captain_oats", "Good morning @everyone, porridge first", "Just Chatting", 97),
];

/// Those who come when a long list is wanted.
const MORE: [(&str, &str); 12] = [
    ("Amber Tide", "ambertide"),
    ("Bravo Bear", "bravobear"),
    ("Cosmic Kiwi", "cosmickiwi"),
    ("Dot Matrix", "dotmatrix"),
    ("Echo Valley", "echovalley"),
    ("Fern & Fable", "fernandfable"),
    ("Gentle Giant", "gentlegiant"),
    ("Honey Static", "honeystatic"),
    ("Indigo Owl", "indigoowl"),
    ("Juniper Lane", "juniperlane"),
    ("Kite Season", "kiteseason"),
    ("Lazy Comet", "lazycomet"),
];

/// A streamer as the page knows them.
#[derive(Clone, Debug)]
pub(crate) struct Streamer {
    /// Twitch's id.
    pub(crate) id: String,
    /// What stands in the address of the channel.
    pub(crate) login: String,
    /// What is shown.
    pub(crate) name: String,
    /// What the stream is called, or will be.
    pub(crate) title: String,
    /// What is streamed, or will be.
    pub(crate) category: String,
    /// How many watch.
    pub(crate) viewers: u64,
    /// Since when the stream runs.
    pub(crate) live_since: Option<Duration>,
    /// The last stream and when it began, while Twitch has no recording of it.
    pub(crate) unrecorded: Option<(String, Duration)>,
}

impl Streamer {
    /// The stream that this person would start now.
    pub(crate) fn stream(&self) -> Stream {
        Stream {
            title: self.title.clone(),
            game_id: category_id(&self.category),
            game_name: self.category.clone(),
            viewers: self.viewers,
            ..Stream::default()
        }
    }
}

/// A number of its own for each name that people think of.
pub(crate) fn category_id(name: &str) -> String {
    let number = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    number.to_string()
}

/// Gives the first streamers their accounts.
pub(crate) fn first(twitch: &Twitch) -> Vec<Streamer> {
    let people = FIRST.into_iter().enumerate();
    people
        .map(|(index, (name, login, title, category, viewers))| Streamer {
            title: title.to_owned(),
            category: category.to_owned(),
            viewers,
            ..newcomer(twitch, FIRST_ID + index, name, login)
        })
        .collect()
}

/// Gives the others their accounts.
pub(crate) fn more(twitch: &Twitch) -> Vec<Streamer> {
    let people = MORE.into_iter().zip(FIRST_ID + FIRST.len()..);
    people.map(|((name, login), id)| newcomer(twitch, id, name, login)).collect()
}

fn newcomer(twitch: &Twitch, id: usize, name: &str, login: &str) -> Streamer {
    let id = id.to_string();
    twitch.add_user_with(User {
        id: id.clone(),
        login: login.to_owned(),
        display_name: name.to_owned(),
        profile_image_url: format!("https://static-cdn.jtvnw.net/jtv_user_pictures/{login}.png"),
    });
    Streamer {
        id,
        login: login.to_owned(),
        name: name.to_owned(),
        title: format!("Hello from {name}"),
        category: "Just Chatting".to_owned(),
        viewers: 24,
        live_since: None,
        unrecorded: None,
    }
}
