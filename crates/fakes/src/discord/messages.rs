//! Messages in channels: posting with nonces and permissions, reading, changing, deleting.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::errors::{Problem, Refusal};
use super::permissions::{EMBED_LINKS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_CHANNEL};
use super::state::{BOT, State, Stored};
use super::validate::{self, Kind};
use super::{Discord, Notified, models, threads};

/// How long a message may be edited as often as one likes.
const EDITED_FREELY: Duration = Duration::from_hours(1);

/// A message that is in a channel.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: u64,
    /// The channel it is in.
    pub channel: u64,
    /// Whose it is: [`Discord::bot_user_id`] or somebody else.
    pub author: u64,
    /// The body as it was posted, with later edits; null if bodies are not recorded.
    pub body: Value,
    /// The nonce it was posted with.
    pub nonce: Option<String>,
    /// When it appeared, since the Unix epoch.
    pub at: Duration,
    /// When it was edited last, if it was.
    pub edited: Option<Duration>,
    /// How often it was edited.
    pub edits: u32,
    /// Whom it notified when it was created; edits notify nobody. Silent ones notify without a sound.
    pub notified: Notified,
    /// The message it answers.
    pub reply_to: Option<u64>,
    /// Whether it was published to those who follow its channel.
    pub crossposted: bool,
}

impl From<&Stored> for Message {
    fn from(stored: &Stored) -> Self {
        let Stored { id, channel, author, at, edited, edits, reply_to, crossposted, .. } = *stored;
        let (body, nonce, notified) = (stored.body.clone(), stored.nonce.clone(), stored.notified.clone());
        Self { id, channel, author, body, nonce, at, edited, edits, notified, reply_to, crossposted }
    }
}

impl Discord {
    /// How many POSTs reached the message endpoint, past faults and rate limits: created, refused and absorbed ones.
    #[must_use]
    pub fn message_posts(&self) -> usize {
        self.shared.state().counts.message_posts
    }

    /// How many POSTs created nothing, because their nonce was known.
    #[must_use]
    pub fn absorbed_duplicates(&self) -> usize {
        self.shared.state().counts.absorbed
    }

    /// How often a message may be edited that is older than an hour. Discord does not tell its figure; at first this one
    /// is so high that nobody meets it.
    pub fn set_late_edits(&self, most: u32) {
        self.shared.state().late_edits = most;
    }

    /// Deletes a message as a moderator would.
    pub fn delete_message(&self, channel: u64, message: u64) {
        self.change(|state, _| {
            if state.messages.get(&message).is_some_and(|found| found.channel == channel) {
                state.messages.remove(&message);
            }
        });
    }
}

/// Whether what is answered is also done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Real,
    /// The answer is a lie.
    Pretended,
}

/// Posts a message.
pub(super) fn create(
    state: &mut State,
    channel: u64,
    body: &[u8],
    now: Duration,
    effect: Effect,
) -> Result<Response, Refusal> {
    state.counts.message_posts += 1;
    let permissions = reachable(state, channel)?;
    let Some((_, place)) = state.channel(channel) else { return Err(Refusal::unknown_channel()) };
    if !place.kind.takes_messages() {
        return Err(Refusal::new(400, 50_008, "Cannot send messages in a non-text channel"));
    }
    if place.thread.is_none() && permissions & SEND_MESSAGES == 0 {
        return Err(Refusal::missing_permissions());
    }
    threads::may_write(place, permissions)?;
    let body = checked(body, Kind::Message)?;
    if permissions & EMBED_LINKS == 0 && body["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty()) {
        return Err(Refusal::missing_permissions());
    }
    let nonce = match &body["nonce"] {
        Value::String(nonce) => Some(nonce.clone()),
        Value::Number(nonce) => Some(nonce.to_string()),
        _ => None,
    };
    let enforced = nonce.as_deref().filter(|_| body["enforce_nonce"] == true);
    if let Some(id) = enforced.and_then(|nonce| state.seen_nonce(nonce, now)) {
        state.counts.absorbed += 1;
        // Nonces are the author's, not the channel's; a deleted original is not made again.
        let original = state.messages.get(&id).ok_or_else(Refusal::unknown_message)?;
        return Ok(Json(models::posted(original)).into_response());
    }
    let enforced = enforced.map(str::to_owned);
    let reply_to = replied_to(state, channel, permissions, &body["message_reference"])?;
    let mut stored = Stored { nonce, ..new_message(state, channel, body, reply_to, now) };
    let id = stored.id;
    let answer = models::posted(&stored);
    if effect == Effect::Pretended {
        return Ok(Json(answer).into_response());
    }
    if let Some(nonce) = enforced {
        state.remember_nonce(&nonce, id, now);
    }
    state.counts.created += 1;
    if !state.record_bodies {
        stored.body = Value::Null;
    }
    state.messages.insert(id, stored);
    threads::written(state, channel, now);
    Ok(Json(answer).into_response())
}

/// A new message of the bot, which is not in its channel yet.
pub(super) fn new_message(
    state: &mut State,
    channel: u64,
    body: Value,
    reply_to: Option<u64>,
    now: Duration,
) -> Stored {
    let replied = reply_to.and_then(|id| state.messages.get(&id));
    let place = state.channel(channel);
    let notified =
        place.map(|(guild, channel)| Notified::by(&body, guild, channel, replied)).unwrap_or_default();
    let id = state.next_id(now);
    Stored { names: notified.clone(), notified, reply_to, ..Stored::new(id, channel, BOT, body, now) }
}

/// The message that a new one answers. One that is gone is an error, unless the body says that it is none.
fn replied_to(
    state: &State,
    channel: u64,
    permissions: u64,
    reference: &Value,
) -> Result<Option<u64>, Refusal> {
    if reference.is_null() {
        return Ok(None);
    }
    if permissions & READ_MESSAGE_HISTORY == 0 {
        let why = "Cannot reply without permission to read message history";
        return Err(Refusal::new(403, 160_002, why));
    }
    let id = |name: &str| reference[name].as_str().and_then(|id| id.parse::<u64>().ok());
    let is_elsewhere = id("channel_id").is_some_and(|id| id != channel);
    let found = id("message_id")
        .filter(|id| !is_elsewhere && state.messages.get(id).is_some_and(|found| found.channel == channel));
    if found.is_none() && reference["fail_if_not_exists"] != false {
        let (path, message) = ("message_reference".to_owned(), "Unknown message".to_owned());
        let problem = Problem { path, code: "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", message };
        return Err(Refusal::invalid_form(&[problem]));
    }
    Ok(found)
}

/// Reads a message.
pub(super) fn read(state: &State, channel: u64, message: u64) -> Result<Response, Refusal> {
    if reachable(state, channel)? & READ_MESSAGE_HISTORY == 0 {
        return Err(Refusal::missing_permissions());
    }
    let message = state.messages.get(&message).filter(|found| found.channel == channel);
    Ok(Json(models::message(message.ok_or_else(Refusal::unknown_message)?)).into_response())
}

/// Changes a message of the bot.
pub(super) fn edit(
    state: &mut State,
    channel: u64,
    message: u64,
    body: &[u8],
    now: Duration,
) -> Result<Response, Refusal> {
    reachable(state, channel)?;
    threads::is_open(state, channel)?;
    let body = checked(body, Kind::Edit)?;
    let (most, record_bodies) = (state.late_edits, state.record_bodies);
    let State { guilds, places, messages, .. } = state;
    let found = messages.get_mut(&message).filter(|found| found.channel == channel);
    let stored = found.ok_or_else(Refusal::unknown_message)?;
    if stored.author != BOT {
        return Err(Refusal::new(403, 50_005, "Cannot edit a message authored by another user"));
    }
    let is_old = now.saturating_sub(stored.at) > EDITED_FREELY;
    if is_old && stored.late_edits >= most {
        let why = "Maximum number of edits to messages older than 1 hour reached. Try again later";
        return Err(Refusal::new(429, 30_046, why));
    }
    if record_bodies {
        let mut edited = stored.body.clone();
        merge(&mut edited, &body);
        let problems = validate::problems(&edited, Kind::Message);
        if !problems.is_empty() && validate::only_empty(&problems) {
            return Err(Refusal::new(400, 50_006, "Cannot send an empty message"));
        }
        // What was allowed at first is forgotten: an edit that says nothing about mentions allows all of them.
        let mut shown = edited.clone();
        shown["allowed_mentions"] = body["allowed_mentions"].clone();
        let guild = places.get(&channel).and_then(|guild| guilds.get(guild));
        if let Some((guild, channel)) = guild.and_then(|guild| Some((guild, guild.channels.get(&channel)?))) {
            stored.names = Notified::by(&shown, guild, channel, None);
        }
        stored.body = edited;
    }
    stored.late_edits += u32::from(is_old);
    stored.edits += 1;
    stored.edited = Some(now);
    Ok(Json(models::message(stored)).into_response())
}

/// Deletes a message of the bot, or of somebody else if the bot moderates there.
pub(super) fn delete(state: &mut State, channel: u64, message: u64) -> Result<Response, Refusal> {
    let permissions = reachable(state, channel)?;
    let found = state.messages.get(&message).filter(|found| found.channel == channel);
    let found = found.ok_or_else(Refusal::unknown_message)?;
    if found.author != BOT && permissions & MANAGE_MESSAGES == 0 {
        return Err(Refusal::missing_permissions());
    }
    let removed = state.messages.remove(&message);
    state.taken_back.extend(removed.filter(|removed| removed.author == BOT));
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the bot may do in a channel, once it exists and the bot can see it.
pub(super) fn reachable(state: &State, channel: u64) -> Result<u64, Refusal> {
    let (guild, channel) = state.channel(channel).ok_or_else(Refusal::unknown_channel)?;
    let permissions = if guild.member { guild.permissions_in(channel) } else { 0 };
    if permissions & VIEW_CHANNEL == 0 {
        return Err(Refusal::missing_access());
    }
    Ok(permissions)
}

/// A body that Discord would take.
pub(super) fn checked(body: &[u8], kind: Kind) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let problems = validate::problems(&body, kind);
    if problems.is_empty() {
        return Ok(body);
    }
    if validate::only_empty(&problems) {
        return Err(Refusal::new(400, 50_006, "Cannot send an empty message"));
    }
    Err(Refusal::invalid_form(&problems))
}

/// Applies an edit: what is named replaces what was there.
pub(super) fn merge(body: &mut Value, edit: &Value) {
    for (name, value) in edit.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
}
