//! What all cards about streams have in common: who, which title, which colour, and what Discord takes as an address.

use super::{Author, Button, Embed, Field, Style};
use crate::domain::{Category, Login, Preferences, Profile, Stream, text};

/// Longest title of an embed (Discord, Message, "Embed Limits"), in UTF-16 units like the others here.
pub const MAX_TITLE: usize = 256;
/// Longest author of an embed.
pub const MAX_AUTHOR: usize = 256;
/// Longest value of a field.
pub const MAX_FIELD: usize = 1024;
/// Longest sum of all texts of an embed. The limits above cannot add up to it with the few fields that are used here.
pub const MAX_EMBED: usize = 6000;

/// Longest address that a link button or an image takes (Discord, Component Reference, "Button"; images take more).
const MAX_URL: usize = 512;

/// Longest name by which a button is known (Discord, Component Reference, "Custom ID").
const MAX_CUSTOM_ID: usize = 100;

/// Twitch's purple.
const TWITCH_PURPLE: u32 = 0x91_46_FF;

/// The largest colour there is: white.
const WHITE: u32 = 0xFF_FF_FF;

/// What a stream without a title is called.
pub(super) const UNTITLED: &str = "Live on Twitch";

/// Where somebody streams.
#[must_use]
pub fn channel_url(login: &Login) -> String {
    format!("https://www.twitch.tv/{login}")
}

/// The card of a stream, without what is known of it only now or only at its end; `untitled` stands in place of a title that
/// nobody has set. An announcement is recognised by its address and its time.
pub(super) fn card(stream: &Stream, profile: &Profile, preferences: &Preferences, untitled: &str) -> Embed {
    let url = channel_url(&stream.login);
    let title = text::cut(&text::escape_markdown(stream.title.as_deref().unwrap_or(untitled)), MAX_TITLE);
    Embed {
        author: Author {
            name: text::cut(&stream.display_name, MAX_AUTHOR),
            url: url.clone(),
            icon: profile.image.clone().filter(|icon| is_address(icon)),
        },
        // Nothing may be left of one that only turns the direction of the text.
        title: text::filled(&title).unwrap_or(untitled).to_owned(),
        description: None,
        url,
        color: preferences.color.filter(|color| *color <= WHITE).unwrap_or(TWITCH_PURPLE),
        fields: Vec::new(),
        thumbnail: None,
        image: None,
        footer: None,
        timestamp: Some(stream.started_at),
    }
}

/// A short value; nothing without one.
pub(super) fn field(name: &str, value: &str) -> Option<Field> {
    let value = text::cut(text::filled(value)?, MAX_FIELD);
    Some(Field { name: name.to_owned(), value, is_inline: true })
}

/// The field that names a category.
pub(super) fn category_field(category: &Category) -> Option<Field> {
    field("Category", &text::escape_markdown(&category.name))
}

/// The button with which members choose to be mentioned when this streamer goes live.
pub(super) fn notify_button(stream: &Stream) -> Option<Button> {
    let id = format!("notify:v1:{}", stream.broadcaster);
    let style = Style::Secondary;
    (text::length(&id) <= MAX_CUSTOM_ID).then(|| Button::Action {
        label: "Notify me".to_owned(),
        emoji: Some("🔔".to_owned()),
        id,
        style,
    })
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
    use super::*;

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
}
