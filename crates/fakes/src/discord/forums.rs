//! Forums and media channels, which hold nothing but posts: their tags, and posts being made, each a thread and its first
//! message at once. There is no nonce for them, so a repetition is a second post.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::errors::{Problem, Refusal};
use super::messages::{self, Effect};
use super::permissions::{EMBED_LINKS, MANAGE_THREADS, SEND_MESSAGES};
use super::state::{BOT, Channel, ChannelKind, State, Stored};
use super::threads::{self, NAME, TAGS, Thread, archived_after};
use super::validate::{self, Checker, Kind};
use super::world::tell_channel;
use super::{Discord, models};

/// The longest pause between two messages of one person, in seconds.
const SLOWMODE: usize = 21_600;
const POST: &[&str] = &["name", "auto_archive_duration", "rate_limit_per_user", "applied_tags", "message"];

/// What posts of a forum can be marked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether only those who manage threads may give it.
    pub moderated: bool,
}

impl Discord {
    /// Makes a forum with these tags. If it requires a tag, posts without one are refused.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_forum(&self, guild: u64, name: &str, tags: &[&str], requires_tag: bool) -> u64 {
        self.add_posts_only(guild, name, ChannelKind::Forum, tags, requires_tag)
    }

    /// Makes a media channel: as [`Discord::add_forum`], but for pictures.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_media(&self, guild: u64, name: &str, tags: &[&str], requires_tag: bool) -> u64 {
        self.add_posts_only(guild, name, ChannelKind::Media, tags, requires_tag)
    }

    fn add_posts_only(
        &self,
        guild: u64,
        name: &str,
        kind: ChannelKind,
        tags: &[&str],
        requires_tag: bool,
    ) -> u64 {
        let forum = self.add_channel(guild, name, kind);
        for tag in tags {
            self.add_tag(forum, tag, false);
        }
        self.set_requires_tag(forum, requires_tag);
        forum
    }

    /// Gives a forum one more tag and returns its id; a moderated one is only for those who manage threads.
    pub fn add_tag(&self, forum: u64, name: &str, moderated: bool) -> u64 {
        let id = self.change(State::next_id);
        let tag = Tag { id, name: name.to_owned(), moderated };
        self.change_channel(forum, |channel| channel.tags.push(tag));
        id
    }

    /// Takes a tag from a forum; posts that have it keep it.
    pub fn remove_tag(&self, forum: u64, tag: u64) {
        self.change_channel(forum, |channel| channel.tags.retain(|kept| kept.id != tag));
    }

    /// Makes another kind of channel of one. Discord converts few of them; this stands for what else may happen to an id.
    pub fn set_kind(&self, channel: u64, kind: ChannelKind) {
        self.change_channel(channel, |channel| channel.kind = kind);
    }

    /// Whether posts of a forum need a tag.
    pub fn set_requires_tag(&self, forum: u64, requires_tag: bool) {
        self.change_channel(forum, |channel| channel.requires_tag = requires_tag);
    }

    /// The tags of a forum.
    #[must_use]
    pub fn tags(&self, forum: u64) -> Vec<Tag> {
        self.shared.state().channel(forum).map(|(_, channel)| channel.tags.clone()).unwrap_or_default()
    }
}

/// Makes a post.
pub(super) fn create(
    state: &mut State,
    forum: u64,
    body: &[u8],
    now: Duration,
    effect: Effect,
) -> Result<Response, Refusal> {
    state.counts.message_posts += 1;
    let permissions = messages::reachable(state, forum)?;
    let place = state.channel(forum).filter(|(_, channel)| channel.kind.takes_posts_only());
    let Some((guild, channel)) = place else {
        return Err(Refusal::new(400, 50_024, "Cannot execute action on this channel type"));
    };
    if permissions & SEND_MESSAGES == 0 {
        return Err(Refusal::missing_permissions());
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let mut thread = checked(channel, &body, now)?;
    thread.tags = applied(channel, &body, permissions)?;
    let message = body["message"].clone();
    let has_embeds = message["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty());
    if permissions & EMBED_LINKS == 0 && has_embeds {
        return Err(Refusal::missing_permissions());
    }
    let (guild, name) = (guild.id, body["name"].as_str().unwrap_or_default().trim().to_owned());
    let id = threads::add(state, (guild, forum, ChannelKind::PublicThread), &name, thread, now);
    // The first message has the id of its thread.
    let mut stored = Stored { id, ..messages::new_message(state, id, message, None, now) };
    let mut answer = state.channel(id).map(|(_, channel)| models::channel(channel)).unwrap_or_default();
    answer["message"] = models::message(&stored);
    if effect == Effect::Pretended {
        state.forget_channel(id);
    } else {
        state.counts.created += 1;
        if !state.record_bodies {
            stored.body = Value::Null;
        }
        state.messages.insert(id, stored);
        tell_channel(state, id, "THREAD_CREATE", now);
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// The thread that a body asks for, if Discord would take that.
fn checked(forum: &Channel, body: &Value, now: Duration) -> Result<Thread, Refusal> {
    let mut checker = Checker::default();
    let Some(fields) = body.as_object() else { return Err(Refusal::bad_json()) };
    checker.known("", fields, POST);
    checker.required("name", body.get("name"), NAME);
    let auto_archive = archived_after(&mut checker, body.get("auto_archive_duration"));
    let slowmode = checker.number("rate_limit_per_user", body.get("rate_limit_per_user"), 0..=SLOWMODE, 0);
    let tags = checker.list("applied_tags", body.get("applied_tags"), TAGS);
    for (index, tag) in tags.iter().enumerate() {
        if find(forum, tag).is_none() {
            checker.problem(&format!("applied_tags.{index}"), "CHANNEL_UNKNOWN_TAG", "Unknown tag");
        }
    }
    let message = &body["message"];
    if message.is_null() {
        checker.problem("message", "BASE_TYPE_REQUIRED", "This field is required");
    } else {
        let problems = validate::problems(message, Kind::Starter);
        if checker.found.is_empty() && !problems.is_empty() && validate::only_empty(&problems) {
            return Err(Refusal::new(400, 50_006, "Cannot send an empty message"));
        }
        let inside = |problem: Problem| Problem { path: format!("message.{}", problem.path), ..problem };
        checker.found.extend(problems.into_iter().map(inside));
    }
    if !checker.found.is_empty() {
        return Err(Refusal::invalid_form(&checker.found));
    }
    let thread = Thread::new(BOT, now);
    let slowmode = u64::try_from(slowmode).unwrap_or_default();
    Ok(Thread { auto_archive: auto_archive.unwrap_or(thread.auto_archive), slowmode, ..thread })
}

/// The tags that a post gets.
fn applied(forum: &Channel, body: &Value, permissions: u64) -> Result<Vec<u64>, Refusal> {
    let asked = body["applied_tags"].as_array().into_iter().flatten();
    let tags: Vec<&Tag> = asked.filter_map(|tag| find(forum, tag)).collect();
    if tags.is_empty() && forum.requires_tag {
        return Err(Refusal::new(400, 40_067, "A tag is required to create a forum post in this channel"));
    }
    if tags.iter().any(|tag| tag.moderated) && permissions & MANAGE_THREADS == 0 {
        return Err(Refusal::missing_permissions());
    }
    Ok(tags.into_iter().map(|tag| tag.id).collect())
}

fn find<'f>(forum: &'f Channel, tag: &Value) -> Option<&'f Tag> {
    let id = tag.as_u64().or_else(|| tag.as_str()?.parse().ok())?;
    forum.tags.iter().find(|tag| tag.id == id)
}
