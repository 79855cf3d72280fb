//! What an announcement says when its stream is over: how it went, and where it can be watched again.

use std::time::Duration;

use super::{Manner, Message, announcement};
use crate::domain::{Chapter, Ending, Preferences, Profile, Stream, Timestamp, text};

/// Categories that are listed; nobody reads more.
const MAX_LISTED: usize = 8;

/// The announcement of a session that is over.
#[must_use]
pub fn ended(
    stream: &Stream,
    profile: &Profile,
    _preferences: &Preferences,
    ending: &Ending,
    manner: Manner,
) -> Message {
    let shown = announcement::announcement(stream, profile, ending.ended_at, manner);
    let Some(mut card) = shown.embed else { return shown };
    let lasted = ending.ended_at.since(stream.started_at);
    card.fields = vec![announcement::field("Was live for", &text::span(lasted))];
    if let (Some(peak), Some(average)) = (ending.peak_viewers, ending.average_viewers) {
        let viewers = format!("{} at most, {} on average", text::grouped(peak), text::grouped(average));
        card.fields.push(announcement::field("Viewers", &viewers));
    }
    let categories = categories(&ending.chapters, ending.ended_at);
    if !categories.is_empty() {
        card.fields.push(announcement::field("Categories", &categories));
    }
    let parts: Vec<String> = ending.recordings.iter().map(|recording| recording.url.clone()).collect();
    if !parts.is_empty() {
        card.fields.push(announcement::field("Recording", &parts.join("\n")));
    }
    card.image = None;
    Message { embed: Some(card), ..shown }
}

/// What was played for how long, what was played twice once.
fn categories(chapters: &[Chapter], ended_at: Timestamp) -> String {
    let mut lasted: Vec<(&str, Duration)> = Vec::new();
    for (index, chapter) in chapters.iter().enumerate() {
        let Some(category) = &chapter.category else { continue };
        let until = chapters.get(index + 1).map_or(ended_at, |next| next.since);
        let time = until.since(chapter.since);
        match lasted.iter_mut().find(|(name, _)| *name == category.name) {
            Some((_, before)) => *before += time,
            None => lasted.push((&category.name, time)),
        }
    }
    let lines = lasted.iter().take(MAX_LISTED);
    let lines = lines.map(|(name, time)| format!("{} ({})", text::escape_markdown(name), text::span(*time)));
    lines.collect::<Vec<_>>().join("\n")
}
