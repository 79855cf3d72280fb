//! People using commands and buttons: builds the interactions and hands them to the gateway. Answers come in elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::members::Member;
use super::resolved::Resolved;
use super::session::Event;
use super::state::{APPLICATION, State};
use super::{Discord, Reply, Shared, models};

const COMMAND: u64 = 2;
pub(super) const COMPONENT: u64 = 3;
const AUTOCOMPLETE: u64 = 4;
pub(super) const MODAL_SUBMIT: u64 = 5;
/// How long a test waits for an answer or for a command to be registered, in tokio's time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who does something, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) by: &'a Member,
    pub(super) guild: u64,
    pub(super) channel: u64,
}

/// What an interaction says beyond who and where.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) data: Value,
    /// The message that a component is on, or that opened a modal.
    pub(super) message: Option<Value>,
}

/// An interaction as the server keeps it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) token: String,
    pub(super) kind: u64,
    pub(super) channel: u64,
    pub(super) opened: Duration,
    /// When the first response came, and its type.
    pub(super) first: Option<(Duration, u64)>,
    pub(super) ephemeral: bool,
    /// The message that answers it, or for updates the message the button is on or the modal came from; null while there
    /// is none.
    pub(super) original: Value,
    pub(super) followups: BTreeMap<u64, Value>,
    pub(super) reply: Option<Reply>,
}

/// A handle on an interaction that was sent.
#[derive(Clone, Debug)]
pub struct Interaction {
    shared: Arc<Shared>,
    id: u64,
    what: String,
}

impl Interaction {
    /// Waits for the final answer: the first response, or what follows a deferred one.
    ///
    /// # Panics
    /// If there is none within 20 seconds.
    pub async fn reply(&self) -> Reply {
        let found =
            |state: &mut State| state.interactions.get(&self.id).and_then(|pending| pending.reply.clone());
        let reply = self.shared.wait_for(PATIENCE, found).await;
        reply.unwrap_or_else(|| panic!("{} was not answered within {PATIENCE:?}", self.what))
    }

    /// How long the first response took, if it came.
    #[must_use]
    pub fn first_response_after(&self) -> Option<Duration> {
        let state = self.shared.state();
        let pending = state.interactions.get(&self.id)?;
        pending.first.map(|(at, _)| at.saturating_sub(pending.opened))
    }

    /// The interaction's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Discord {
    /// Somebody uses a slash command; `options` maps their names to values, subcommands follow the name after a space.
    ///
    /// # Panics
    /// If the command is not registered within 20 seconds, or the options are not those it has.
    pub async fn slash(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        command: &str,
        options: Value,
    ) -> Interaction {
        let registered = self.registered(command).await;
        let place = Place { by, guild, channel };
        self.interact_with(COMMAND, place, format!("/{command}"), |state, now| {
            let resolved = Resolved::new(state, &place, now);
            let data = command_data(&registered, command, &options, None, resolved);
            Content { data, message: None }
        })
    }

    /// Somebody types into an option of a command that completes itself.
    ///
    /// # Panics
    /// As with [`Discord::slash`].
    pub async fn autocomplete(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        command: &str,
        options: Value,
        focused: &str,
    ) -> Interaction {
        let registered = self.registered(command).await;
        let what = format!("the completion of {focused} in /{command}");
        let place = Place { by, guild, channel };
        self.interact_with(AUTOCOMPLETE, place, what, |state, now| {
            let resolved = Resolved::new(state, &place, now);
            let data = command_data(&registered, command, &options, Some(focused), resolved);
            Content { data, message: None }
        })
    }

    /// Hands an interaction to the gateway as it stands, however odd. Where it can have an id and a token, they are real
    /// ones, so that an answer finds it.
    pub fn send_interaction(&self, guild: u64, mut body: Value) {
        self.change(|state, now| {
            let id = state.next_id(now);
            let token = format!("interaction-{id}");
            if let Some(fields) = body.as_object_mut() {
                fields.insert("id".to_owned(), json!(id.to_string()));
                fields.insert("token".to_owned(), json!(token));
            }
            let pending = Pending {
                token,
                kind: body["type"].as_u64().unwrap_or_default(),
                channel: 0,
                opened: now,
                first: None,
                ephemeral: false,
                original: Value::Null,
                followups: BTreeMap::new(),
                reply: None,
            };
            state.interactions.insert(id, pending);
            state.gateway.dispatch(guild, &Event::plain("INTERACTION_CREATE", body), now);
        });
    }

    /// The definition of a command, once it is registered.
    async fn registered(&self, command: &str) -> Value {
        let root = command.split(' ').next().unwrap_or_default();
        let found = |state: &mut State| state.commands.iter().find(|known| known["name"] == root).cloned();
        let registered = self.shared.wait_for(PATIENCE, found).await;
        registered.unwrap_or_else(|| panic!("/{root} was not registered within {PATIENCE:?}"))
    }

    /// Sends an interaction with this content. Whoever it is from is on the server, or is by now.
    pub(super) fn interact_with(
        &self,
        kind: u64,
        place: Place<'_>,
        what: String,
        content: impl FnOnce(&mut State, Duration) -> Content,
    ) -> Interaction {
        let id = self.change(|state, now| {
            if let Some(guild) = state.guilds.get_mut(&place.guild) {
                guild.welcome(place.by);
            }
            let Content { data, message } = content(state, now);
            let id = state.next_id(now);
            let token = format!("interaction-{id}");
            let mut body = envelope(state, &place, now);
            for (name, value) in [
                ("id", json!(id.to_string())),
                ("type", json!(kind)),
                ("token", json!(token)),
                ("data", data),
                ("message", message.clone().unwrap_or_default()),
            ] {
                if !value.is_null() {
                    body[name] = value;
                }
            }
            let pending = Pending {
                token,
                kind,
                channel: place.channel,
                opened: now,
                first: None,
                ephemeral: false,
                original: message.unwrap_or_default(),
                followups: BTreeMap::new(),
                reply: None,
            };
            state.interactions.insert(id, pending);
            state.gateway.dispatch(place.guild, &Event::plain("INTERACTION_CREATE", body), now);
            id
        });
        Interaction { shared: Arc::clone(&self.shared), id, what }
    }
}

/// What all interactions have in common.
fn envelope(state: &State, place: &Place<'_>, now: Duration) -> Value {
    let Place { by, guild, channel } = *place;
    let known = state.channel(channel);
    let roles = state.guilds.get(&guild).map(|guild| guild.roles_of(by.id)).unwrap_or_default();
    let permissions = known.map_or(0, |(guild, channel)| guild.permissions_in(channel));
    let (user, server) = &state.locales;
    json!({
        "application_id": APPLICATION.to_string(), "version": 1, "guild_id": guild.to_string(),
        "guild": {"id": guild.to_string(), "locale": server, "features": []},
        "channel_id": channel.to_string(), "channel": known.map(|(_, channel)| models::channel(channel)),
        "member": models::member(by, &roles, now), "app_permissions": permissions.to_string(), "locale": user,
        "guild_locale": server, "entitlements": [], "entitlement_sku_ids": [],
        "authorizing_integration_owners": {"0": guild.to_string()}, "context": 0, "attachment_size_limit": 10_485_760,
    })
}

/// The data of a command: its options with the types it was registered with, and the objects they refer to.
fn command_data(
    registered: &Value,
    command: &str,
    values: &Value,
    focused: Option<&str>,
    mut resolved: Resolved<'_>,
) -> Value {
    let none = Map::new();
    let values = values.as_object().unwrap_or(&none);
    let mut definitions = &registered["options"];
    let mut path = Vec::new();
    for name in command.split(' ').skip(1) {
        let sub =
            definitions.as_array().and_then(|options| options.iter().find(|option| option["name"] == name));
        let sub = sub.unwrap_or_else(|| panic!("/{command} is not registered; these are: {definitions}"));
        path.push(sub);
        definitions = &sub["options"];
    }
    let definitions = definitions.as_array().map(Vec::as_slice).unwrap_or_default();
    for name in values.keys() {
        let known = definitions.iter().any(|option| option["name"] == *name);
        assert!(known, "/{command} has no option {name}; it has {definitions:?}");
    }
    let mut options = Vec::new();
    for definition in definitions {
        let name = definition["name"].as_str().unwrap_or_default();
        let is_focused = focused == Some(name);
        let Some(value) = values.get(name) else {
            let required = definition["required"] == true && focused.is_none();
            assert!(!required, "/{command} needs the option {name}");
            continue;
        };
        let kind = definition["type"].as_u64().unwrap_or(3);
        let mut option = json!({"name": name, "type": kind, "value": refer(&mut resolved, kind, value)});
        if is_focused {
            // While somebody types, even numbers are still text.
            option["focused"] = json!(true);
            option["value"] = json!(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        options.push(option);
    }
    for sub in path.iter().rev() {
        options = vec![json!({"name": sub["name"], "type": sub["type"], "options": options})];
    }
    let mut data = json!({"id": registered["id"], "name": registered["name"], "type": 1, "options": options});
    resolved.fill(&mut data);
    data
}

/// The value as Discord sends it for an option of this type, and what it refers to beside it.
fn refer(resolved: &mut Resolved<'_>, kind: u64, value: &Value) -> Value {
    if !(6..=9).contains(&kind) {
        return value.clone();
    }
    let id = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        7 => resolved.channel(&id),
        8 => {
            resolved.role(&id);
        }
        _ => resolved.user(&id),
    }
    json!(id)
}
