//! The objects that the options of a command or the values of a select refer to, as interactions carry them.

use std::time::Duration;

use serde_json::{Value, json};

use super::interactions::Place;
use super::members::Member;
use super::models;
use super::state::State;

/// Collects the objects that are referred to.
pub(super) struct Resolved<'s> {
    state: &'s State,
    place: &'s Place<'s>,
    now: Duration,
    objects: Value,
}

impl<'s> Resolved<'s> {
    pub(super) fn new(state: &'s State, place: &'s Place<'s>, now: Duration) -> Self {
        Self { state, place, now, objects: json!({}) }
    }

    /// Puts the objects into an interaction's data, if there are any.
    pub(super) fn fill(self, data: &mut Value) {
        if self.objects.as_object().is_some_and(|objects| !objects.is_empty()) {
            data["resolved"] = self.objects;
        }
    }

    pub(super) fn channel(&mut self, id: &str) {
        let Some((guild, channel)) = self.state.channel(number(id)) else { return };
        let mut object = models::channel(channel);
        object["permissions"] = json!(models::granted(self.place.by).to_string());
        object["app_permissions"] = json!(guild.permissions_in(channel).to_string());
        self.objects["channels"][id] = object;
    }

    /// Answers whether there is such a role.
    pub(super) fn role(&mut self, id: &str) -> bool {
        let guild = self.state.guilds.get(&self.place.guild);
        let roles = guild.map(models::roles).unwrap_or_default();
        let role = roles.into_iter().find(|role| role["id"] == id);
        let is_there = role.is_some();
        if let Some(role) = role {
            self.objects["roles"][id] = role;
        }
        is_there
    }

    pub(super) fn user(&mut self, id: &str) {
        let user = number(id);
        let known = self.state.guilds.get(&self.place.guild).and_then(|guild| guild.members.get(&user));
        let name = known.map_or_else(|| format!("user-{id}"), |known| known.name.clone());
        let roles: Vec<_> = known.map(|known| known.roles.iter().copied().collect()).unwrap_or_default();
        let who = Member { id: user, ..Member::named(&name) };
        let mut partial = models::member(&who, &roles, self.now);
        self.objects["users"][id] = partial["user"].take();
        if let Some(fields) = partial.as_object_mut() {
            fields.remove("user");
        }
        self.objects["members"][id] = partial;
    }
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or_else(|_| panic!("{id} is no id"))
}
