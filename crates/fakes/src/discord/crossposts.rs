//! Publishing a message of an announcement channel to those who follow it. Nobody follows anything here: what counts is
//! whether it was published, and how often that is allowed.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::errors::Refusal;
use super::permissions::{MANAGE_MESSAGES, SEND_MESSAGES};
use super::state::{BOT, ChannelKind, State};
use super::{Discord, messages, models};

impl Discord {
    /// How many messages of one channel can be published in an hour; ten at first. Discord does not tell its figure, but
    /// ten is what many have observed.
    pub fn set_crossposts(&self, most: u32) {
        self.shared.state().buckets.most_crossposts = most;
    }
}

/// Publishes a message.
pub(super) fn crosspost(
    state: &mut State,
    channel: u64,
    message: u64,
    now: Duration,
) -> Result<Response, Refusal> {
    let permissions = messages::reachable(state, channel)?;
    let kind = state.channel(channel).map(|(_, channel)| channel.kind);
    if kind != Some(ChannelKind::Announcement) {
        return Err(Refusal::new(400, 50_024, "Cannot execute action on this channel type"));
    }
    let found = state.messages.get_mut(&message).filter(|found| found.channel == channel);
    let stored = found.ok_or_else(Refusal::unknown_message)?;
    let needed = if stored.author == BOT { SEND_MESSAGES } else { MANAGE_MESSAGES };
    if permissions & needed == 0 {
        return Err(Refusal::missing_permissions());
    }
    if stored.crossposted {
        return Err(Refusal::new(400, 40_033, "This message has already been crossposted"));
    }
    if let Err(refusal) = state.buckets.crosspost(channel, now) {
        return Ok(refusal.into_response());
    }
    stored.crossposted = true;
    Ok(Json(models::message(stored)).into_response())
}
