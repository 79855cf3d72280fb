//! People using commands and buttons: builds the interactions and hands them to the gateway. Answers come in elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::permissions::{ADMINISTRATOR, MANAGE_GUILD, ORDINARY};
use super::session::Event;
use super::state::{APPLICATION, SOMEBODY, State};
use super::{Discord, Reply, Shared, models};

const COMMAND: u64 = 2;
const COMPONENT: u64 = 3;
const AUTOCOMPLETE: u64 = 4;
/// How long a test waits for an answer or for a command to be registered, in tokio's time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their user id.
    pub id: u64,
    /// Their name.
    pub name: String,
    /// Their permissions on the server.
    pub permissions: u64,
}

impl Member {
    /// Somebody who may do everything.
    #[must_use]
    pub fn admin() -> Self {
        let permissions = ORDINARY | MANAGE_GUILD | ADMINISTRATOR;
        Self { id: 1_150_000_000_000_000_001, name: "ada".to_owned(), permissions }
    }

    /// Somebody without any special permission.
    #[must_use]
    pub fn plain() -> Self {
        Self { id: SOMEBODY, name: "ben".to_owned(), permissions: ORDINARY }
    }
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
    /// The message that answers it, or for updates the message the button is on; null while there is none.
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
        self.interact(COMMAND, by, (guild, channel), format!("/{command}"), |state, now| {
            command_data(state, &registered, command, &options, None, (by, now))
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
        self.interact(AUTOCOMPLETE, by, (guild, channel), what, |state, now| {
            command_data(state, &registered, command, &options, Some(focused), (by, now))
        })
    }

    /// Somebody presses a button on a message, such as [`Reply::raw`] or an answer of REST.
    ///
    /// # Panics
    /// If the message has components, but not this one.
    #[expect(clippy::unused_async, reason = "used side by side with the other interactions")]
    pub async fn press(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        message: Value,
        custom_id: &str,
    ) -> Interaction {
        let data = json!({"custom_id": custom_id, "component_type": component_type(&message, custom_id, 2)});
        self.component(by, (guild, channel), message, custom_id, data)
    }

    /// Somebody chooses values in a select on a message.
    ///
    /// # Panics
    /// If the message has components, but not this one.
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
        let kind = component_type(&message, custom_id, 3);
        let data = json!({"custom_id": custom_id, "component_type": kind, "values": values});
        self.component(by, (guild, channel), message, custom_id, data)
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

    fn component(
        &self,
        by: &Member,
        place: (u64, u64),
        message: Value,
        id: &str,
        data: Value,
    ) -> Interaction {
        self.interact_with(COMPONENT, by, place, format!("the press of {id}"), |state, now| {
            let mut full = models::bare_message(state.next_id(now), place.1, now);
            if let (Some(full), Value::Object(mut sent)) = (full.as_object_mut(), message) {
                full.append(&mut sent);
            }
            (data, Some(full))
        })
    }

    /// The definition of a command, once it is registered.
    async fn registered(&self, command: &str) -> Value {
        let root = command.split(' ').next().unwrap_or_default();
        let found = |state: &mut State| state.commands.iter().find(|known| known["name"] == root).cloned();
        let registered = self.shared.wait_for(PATIENCE, found).await;
        registered.unwrap_or_else(|| panic!("/{root} was not registered within {PATIENCE:?}"))
    }

    fn interact(
        &self,
        kind: u64,
        by: &Member,
        place: (u64, u64),
        what: String,
        data: impl FnOnce(&mut State, Duration) -> Value,
    ) -> Interaction {
        self.interact_with(kind, by, place, what, |state, now| (data(state, now), None))
    }

    /// Sends an interaction with this data and, for components, the message they are on.
    fn interact_with(
        &self,
        kind: u64,
        by: &Member,
        (guild, channel): (u64, u64),
        what: String,
        data: impl FnOnce(&mut State, Duration) -> (Value, Option<Value>),
    ) -> Interaction {
        let id = self.change(|state, now| {
            let (data, message) = data(state, now);
            let id = state.next_id(now);
            let token = format!("interaction-{id}");
            let mut body = envelope(state, by, (guild, channel), now);
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
                channel,
                opened: now,
                first: None,
                ephemeral: false,
                original: message.unwrap_or_default(),
                followups: BTreeMap::new(),
                reply: None,
            };
            state.interactions.insert(id, pending);
            state.gateway.dispatch(guild, &Event::plain("INTERACTION_CREATE", body), now);
            id
        });
        Interaction { shared: Arc::clone(&self.shared), id, what }
    }
}

/// What all interactions have in common.
fn envelope(state: &State, by: &Member, (guild, channel): (u64, u64), now: Duration) -> Value {
    let known = state.channel(channel);
    let permissions = known.map_or(0, |(guild, channel)| guild.permissions_in(channel));
    let (user, server) = &state.locales;
    json!({
        "application_id": APPLICATION.to_string(), "version": 1, "guild_id": guild.to_string(),
        "guild": {"id": guild.to_string(), "locale": server, "features": []},
        "channel_id": channel.to_string(), "channel": known.map(|(_, channel)| models::channel(channel)),
        "member": models::member(by, now), "app_permissions": permissions.to_string(), "locale": user,
        "guild_locale": server, "entitlements": [], "entitlement_sku_ids": [],
        "authorizing_integration_owners": {"0": guild.to_string()}, "context": 0, "attachment_size_limit": 10_485_760,
    })
}

/// The type of the component with this id on a message.
fn component_type(message: &Value, custom_id: &str, otherwise: u64) -> u64 {
    fn find(component: &Value, id: &str) -> Option<u64> {
        if component["custom_id"] == id {
            return component["type"].as_u64();
        }
        component["components"].as_array()?.iter().find_map(|child| find(child, id))
    }
    let has_components = message["components"].as_array().is_some_and(|rows| !rows.is_empty());
    let found = find(message, custom_id);
    assert!(found.is_some() || !has_components, "the message has no component {custom_id}: {message}");
    found.unwrap_or(otherwise)
}

/// The data of a command: its options with the types it was registered with, and the objects they refer to.
fn command_data(
    state: &State,
    registered: &Value,
    command: &str,
    values: &Value,
    focused: Option<&str>,
    by: (&Member, Duration),
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
    let mut resolved = Resolved { state, by, objects: json!({}) };
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
        let mut option = json!({"name": name, "type": kind, "value": resolved.value(kind, value)});
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
    if resolved.objects.as_object().is_some_and(|objects| !objects.is_empty()) {
        data["resolved"] = resolved.objects;
    }
    data
}

/// Collects the objects that options refer to.
struct Resolved<'s> {
    state: &'s State,
    by: (&'s Member, Duration),
    objects: Value,
}

impl Resolved<'_> {
    /// The value as Discord sends it for an option of this type.
    fn value(&mut self, kind: u64, value: &Value) -> Value {
        if !(6..=9).contains(&kind) {
            return value.clone();
        }
        let id = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = id.parse().unwrap_or_else(|_| panic!("{value} is no id"));
        match kind {
            7 => self.channel(&id, number),
            8 => self.role(&id, number),
            _ => self.user(&id, number),
        }
        json!(id)
    }

    fn channel(&mut self, id: &str, number: u64) {
        let Some((guild, channel)) = self.state.channel(number) else { return };
        let mut object = models::channel(channel);
        object["permissions"] = json!(models::granted(self.by.0).to_string());
        object["app_permissions"] = json!(guild.permissions_in(channel).to_string());
        self.objects["channels"][id] = object;
    }

    fn role(&mut self, id: &str, number: u64) {
        let roles = self.state.guilds.range(..=number).next_back().map(|(_, guild)| models::roles(guild));
        if let Some(role) = roles.and_then(|roles| roles.into_iter().find(|role| role["id"] == id)) {
            self.objects["roles"][id] = role;
        }
    }

    fn user(&mut self, id: &str, number: u64) {
        let member = Member { id: number, name: format!("user-{id}"), permissions: ORDINARY };
        let mut partial = models::member(&member, self.by.1);
        self.objects["users"][id] = partial["user"].take();
        if let Some(fields) = partial.as_object_mut() {
            fields.remove("user");
        }
        self.objects["members"][id] = partial;
    }
}
