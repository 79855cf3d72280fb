//! People pressing buttons and choosing in selects: what is allowed by the component, and the interaction it makes.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::interactions::{COMPONENT, Content, Interaction, Place};
use super::members::Member;
use super::resolved::Resolved;
use super::state::State;
use super::{Discord, models};

const BUTTON: u64 = 2;
pub(super) const STRING_SELECT: u64 = 3;
const USER_SELECT: u64 = 5;
const ROLE_SELECT: u64 = 6;
const MENTIONABLE_SELECT: u64 = 7;
const CHANNEL_SELECT: u64 = 8;

impl Discord {
    /// Somebody presses a button on a message, such as [`Reply::raw`](super::Reply::raw), an answer of REST or
    /// [`Discord::message`]. A message with the id of one that is in a channel is taken as it stands there now.
    ///
    /// # Panics
    /// If the message has components, but not this one, or it is disabled.
    #[expect(clippy::unused_async, reason = "used side by side with the other interactions")]
    pub async fn press(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        message: Value,
        custom_id: &str,
    ) -> Interaction {
        self.component(Place { by, guild, channel }, message, custom_id, |_, component, _| {
            let kind = component.map_or(BUTTON, kind_of);
            json!({"custom_id": custom_id, "component_type": kind})
        })
    }

    /// Somebody chooses values in a select on a message, which is found as with [`Discord::press`]. Users, roles and
    /// channels are chosen by their ids, and the interaction carries them.
    ///
    /// # Panics
    /// If the message has components, but not this one, or it is disabled or does not offer these values.
    #[expect(clippy::unused_async, reason = "used side by side with the other interactions")]
    pub async fn select(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        message: Value,
        custom_id: &str,
        values: &[&str],
    ) -> Interaction {
        let place = Place { by, guild, channel };
        self.component(place, message, custom_id, |state, component, now| {
            let kind = component.map_or(STRING_SELECT, kind_of);
            let mut data = json!({"custom_id": custom_id, "component_type": kind, "values": values});
            if let Some(component) = component {
                let mut resolved = Resolved::new(state, &place, now);
                choose(state, component, values, &mut resolved);
                resolved.fill(&mut data);
            }
            data
        })
    }

    /// A message as Discord shows it to the bot; null if it is not there.
    #[must_use]
    pub fn message(&self, channel: u64, message: u64) -> Value {
        let state = self.shared.state();
        let found = state.messages.get(&message).filter(|found| found.channel == channel);
        found.map(models::message).unwrap_or_default()
    }

    fn component(
        &self,
        place: Place<'_>,
        message: Value,
        id: &str,
        data: impl FnOnce(&State, Option<&Value>, Duration) -> Value,
    ) -> Interaction {
        self.interact_with(COMPONENT, place, format!("the press of {id}"), |state, now| {
            let message = completed(state, place.channel, message, now);
            let data = data(state, component(&message, id), now);
            Content { data, message: Some(message) }
        })
    }
}

/// The message as the interaction carries it: as it stands in its channel, or made whole.
fn completed(state: &mut State, channel: u64, message: Value, now: Duration) -> Value {
    let id = message["id"].as_str().and_then(|id| id.parse::<u64>().ok());
    let stored = id.and_then(|id| state.messages.get(&id)).filter(|stored| !stored.body.is_null());
    if let Some(stored) = stored {
        return models::message(stored);
    }
    let mut full = models::bare_message(state.next_id(now), channel, now);
    if let (Some(full), Value::Object(mut sent)) = (full.as_object_mut(), message) {
        full.append(&mut sent);
    }
    full
}

/// The component with this id on a message; `None` for a message without any components.
fn component<'m>(message: &'m Value, custom_id: &str) -> Option<&'m Value> {
    let has_components = message["components"].as_array().is_some_and(|rows| !rows.is_empty());
    let found = find(message, custom_id);
    assert!(found.is_some() || !has_components, "the message has no component {custom_id}: {message}");
    let disabled = found.is_some_and(|found| found["disabled"] == true);
    assert!(!disabled, "the component {custom_id} is disabled: {message}");
    found
}

/// The component with this id, in rows, sections and labels.
fn find<'m>(component: &'m Value, id: &str) -> Option<&'m Value> {
    if component["custom_id"] == id {
        return Some(component);
    }
    let inside = component["components"].as_array().into_iter().flatten();
    let beside = [component.get("accessory"), component.get("component")].into_iter().flatten();
    inside.chain(beside).find_map(|child| find(child, id))
}

fn kind_of(component: &Value) -> u64 {
    component["type"].as_u64().unwrap_or_default()
}

/// Checks that a select takes these values, and collects what they refer to.
pub(super) fn choose(state: &State, select: &Value, values: &[&str], resolved: &mut Resolved<'_>) {
    let number = |name: &str| select[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let allowed = number("min_values").unwrap_or(1)..=number("max_values").unwrap_or(1);
    assert!(
        allowed.contains(&values.len()),
        "{} takes {allowed:?} values, not {values:?}",
        select["custom_id"]
    );
    let distinct: HashSet<_> = values.iter().collect();
    assert!(distinct.len() == values.len(), "{} takes a value once, not {values:?}", select["custom_id"]);
    for value in values {
        match kind_of(select) {
            STRING_SELECT => {
                let mut options = select["options"].as_array().into_iter().flatten();
                assert!(
                    options.any(|option| option["value"] == *value),
                    "{value} is not offered by {select}"
                );
            }
            USER_SELECT => resolved.user(value),
            ROLE_SELECT => {
                assert!(resolved.role(value), "there is no role {value} to choose");
            }
            MENTIONABLE_SELECT => {
                if !resolved.role(value) {
                    resolved.user(value);
                }
            }
            CHANNEL_SELECT => {
                let kind =
                    value.parse().ok().and_then(|id| state.channel(id)).map(|(_, found)| found.kind as u64);
                let kind = kind.unwrap_or_else(|| panic!("there is no channel {value} to choose"));
                let kinds = select["channel_types"].as_array().map(Vec::as_slice).unwrap_or_default();
                let is_offered =
                    kinds.is_empty() || kinds.iter().any(|offered| offered.as_u64() == Some(kind));
                assert!(is_offered, "channel {value} of type {kind} is not offered by {select}");
                resolved.channel(value);
            }
            other => panic!("nothing can be chosen in a component of type {other}: {select}"),
        }
    }
}
