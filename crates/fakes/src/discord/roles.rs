//! What is true of a whole server: its roles and what they grant, its system channel. Who has which role is in `members`;
//! channels and the bot's coming and going are elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::session::Event;
use super::state::{Guild, State};
use super::{Discord, models};

/// A role of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// How high it stands: `@everyone` is 0, and nobody gives a role that is not below their own.
    pub position: u32,
    /// What it grants.
    pub permissions: u64,
    /// Whether everybody may mention it.
    pub mentionable: bool,
    /// Whether it belongs to an integration, so that nobody can give or take it.
    pub managed: bool,
}

impl Default for Role {
    fn default() -> Self {
        Self { name: "new role".to_owned(), position: 1, permissions: 0, mentionable: false, managed: false }
    }
}

/// Roles.
impl Discord {
    /// Makes a role that nobody may mention, right above `@everyone` and so below the bot's own.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_role(&self, guild: u64, name: &str) -> u64 {
        self.add_role_with(guild, Role { name: name.to_owned(), ..Role::default() })
    }

    /// Makes this role. Those that stand at its position or above move one up, the bot's own among them.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_role_with(&self, guild: u64, role: Role) -> u64 {
        self.change(|state, now| {
            let id = state.next_id(now);
            let home = state.guild_mut(guild);
            let others = home.roles.values_mut().map(|role| &mut role.position);
            for position in others.chain([&mut home.bot_position]).filter(|at| **at >= role.position) {
                *position += 1;
            }
            let body = models::role(id, &role);
            home.roles.insert(id, role);
            tell(state, guild, |guild| ("GUILD_ROLE_CREATE", about_role(guild, &body)), now);
            id
        })
    }

    /// Changes a role that [`Discord::add_role`] made, and sends `GUILD_ROLE_UPDATE`. No other role moves.
    ///
    /// # Panics
    /// If there is no such role.
    pub fn set_role(&self, guild: u64, role: u64, change: impl FnOnce(&mut Role)) {
        let found = |guild: &mut Guild| {
            let found = guild.roles.get_mut(&role);
            change(found.unwrap_or_else(|| panic!("there is no role {role}")));
        };
        self.change_guild(guild, found, |guild| role_update(guild, &models::role(role, &guild.roles[&role])));
    }

    /// Sets how high the bot's own role stands, and sends `GUILD_ROLE_UPDATE`. No other role moves.
    pub fn set_bot_position(&self, guild: u64, position: u32) {
        self.change_guild(guild, |guild| guild.bot_position = position, bot_role);
    }

    /// A role that [`Discord::add_role`] made, if it is still there.
    #[must_use]
    pub fn role(&self, guild: u64, role: u64) -> Option<Role> {
        self.shared.state().guilds.get(&guild)?.roles.get(&role).cloned()
    }

    /// Deletes a role that [`Discord::add_role`] made; whoever had it loses it.
    pub fn delete_role(&self, guild: u64, role: u64) {
        let forget = |guild: &mut Guild| {
            guild.roles.remove(&role);
            guild.members.values_mut().for_each(|known| {
                known.roles.remove(&role);
            });
        };
        let event = |guild: &Guild| {
            let body = json!({"guild_id": guild.id.to_string(), "role_id": role.to_string()});
            ("GUILD_ROLE_DELETE", body)
        };
        self.change_guild(guild, forget, event);
    }
}

/// What is true of the whole server.
impl Discord {
    /// Takes permissions from the bot's own role in the whole server, and sends `GUILD_ROLE_UPDATE`. What everyone may
    /// do the bot still may: [`Discord::set_everyone`] changes that.
    pub fn revoke(&self, guild: u64, permissions: u64) {
        self.change_guild(guild, |guild| guild.granted &= !permissions, bot_role);
    }

    /// Gives permissions to the bot's own role in the whole server, and sends `GUILD_ROLE_UPDATE`.
    pub fn grant(&self, guild: u64, permissions: u64) {
        self.change_guild(guild, |guild| guild.granted |= permissions, bot_role);
    }

    /// Sets what everyone may do in the whole server, and sends `GUILD_ROLE_UPDATE`.
    pub fn set_everyone(&self, guild: u64, permissions: u64) {
        self.change_guild(guild, |guild| guild.everyone = permissions, everyone_role);
    }

    /// Tells the bot about itself as a member, as when somebody changed its roles or its nickname.
    pub fn update_bot_member(&self, guild: u64) {
        self.change_guild(
            guild,
            |_| {},
            |guild| {
                let mut body = models::bot_member(guild);
                body["guild_id"] = json!(guild.id.to_string());
                ("GUILD_MEMBER_UPDATE", body)
            },
        );
    }

    /// Sets the channel where Discord itself greets newcomers, and sends `GUILD_UPDATE`. New servers have none.
    ///
    /// # Panics
    /// If the channel is not one of that server.
    pub fn set_system_channel(&self, guild: u64, channel: Option<u64>) {
        let choose = |guild: &mut Guild| {
            let here = channel.is_none_or(|channel| guild.channels.contains_key(&channel));
            assert!(here, "channel {channel:?} is not in guild {}", guild.id);
            guild.system_channel = channel;
        };
        self.change_guild(guild, choose, |guild| ("GUILD_UPDATE", models::guild(guild)));
    }

    fn change_guild(
        &self,
        guild: u64,
        change: impl FnOnce(&mut Guild),
        event: impl FnOnce(&Guild) -> (&'static str, Value),
    ) {
        self.change(|state, now| {
            change(state.guild_mut(guild));
            tell(state, guild, event, now);
        });
    }
}

fn bot_role(guild: &Guild) -> (&'static str, Value) {
    role_update(guild, &models::bot_role(guild))
}

fn everyone_role(guild: &Guild) -> (&'static str, Value) {
    role_update(guild, &models::everyone_role(guild))
}

fn role_update(guild: &Guild, role: &Value) -> (&'static str, Value) {
    ("GUILD_ROLE_UPDATE", about_role(guild, role))
}

fn about_role(guild: &Guild, role: &Value) -> Value {
    json!({"guild_id": guild.id.to_string(), "role": role})
}

/// Tells the gateway about a guild, if the bot is there to hear it.
fn tell(state: &mut State, guild: u64, event: impl FnOnce(&Guild) -> (&'static str, Value), now: Duration) {
    let guild = state.guild_mut(guild);
    if guild.member && !guild.outage {
        let (id, (name, body)) = (guild.id, event(guild));
        state.gateway.dispatch(id, &Event::plain(name, body), now);
    }
}
