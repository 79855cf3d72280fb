//! Announcements of a stream that nobody streams: for trying out a channel, and for seeing how a server's wishes read. They are
//! made like real ones, mention nobody and are never taken for one.

use super::{Button, Manner, Mentions, Message, announcement};
use crate::domain::{BroadcasterId, Category, Login, Preferences, Profile, Stream, StreamId, Timestamp};

/// A sample for trying out a channel: clearly no announcement.
#[must_use]
pub fn sample(profile: Option<&Profile>, preferences: &Preferences, at: Timestamp) -> Message {
    let mut sample = made_up("This is a test", profile, preferences, at);
    if let Some(embed) = &mut sample.embed {
        embed.footer =
            Some("Test: nobody has gone live. Announcements will look like this, here.".to_owned());
    }
    sample
}

/// How announcements would read with these preferences.
#[must_use]
pub fn preview(profile: Option<&Profile>, preferences: &Preferences, at: Timestamp) -> Message {
    made_up("First try, no glitches", profile, preferences, at)
}

fn made_up(title: &str, profile: Option<&Profile>, preferences: &Preferences, at: Timestamp) -> Message {
    let profile = profile.cloned().unwrap_or_else(|| Profile {
        broadcaster: BroadcasterId::new("0"),
        login: Login::twitch(),
        display_name: "A streamer".to_owned(),
        image: None,
    });
    let stream = Stream {
        id: StreamId::new("0"),
        broadcaster: profile.broadcaster.clone(),
        login: profile.login.clone(),
        display_name: profile.display_name.clone(),
        title: Some(title.to_owned()),
        category: Some(Category { id: "0".to_owned(), name: "Whatever is played".to_owned() }),
        viewers: Some(1_234),
        tags: vec!["Speedrun".to_owned(), "Blindfolded".to_owned()],
        language: Some("en".to_owned()),
        started_at: at,
        thumbnail: None,
    };
    let manner = Manner { is_silent: true, ..Manner::default() };
    let mut message = announcement(&stream, &profile, preferences, at, manner);
    message.mentions = Mentions::default();
    // There is nobody to be mentioned for.
    message.buttons.retain(|button| matches!(button, Button::Link { .. }));
    if let Some(embed) = &mut message.embed {
        // Without a time it is no announcement of anything.
        embed.timestamp = None;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Mention, Template};

    #[test]
    fn what_is_made_up_reads_as_the_server_wishes_and_mentions_nobody() {
        let preferences = Preferences {
            mention: Some(Mention::Everyone),
            message: Template::parse("{mention} {streamer} plays {category}").ok(),
            color: Some(7),
            button: Some(false),
            ..Preferences::default()
        };
        let at = Timestamp::from_millis(1_795_248_000_000);
        for message in [sample(None, &preferences, at), preview(None, &preferences, at)] {
            assert_eq!(message.text.as_deref(), Some("@everyone A streamer plays Whatever is played"));
            assert_eq!((message.mentions, message.buttons), (Mentions::default(), Vec::new()));
            let embed = message.embed.expect("a card");
            assert_eq!((embed.color, embed.timestamp), (7, None));
        }
    }
}
