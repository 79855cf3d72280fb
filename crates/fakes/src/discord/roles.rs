//! What is true of a whole server: what its roles grant, its system channel. Channels and the bot's coming and going are elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::session::Event;
use super::state::{Guild, State};
use super::{Discord, models};

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
    ("GUILD_ROLE_UPDATE", json!({"guild_id": guild.id.to_string(), "role": role}))
}

/// Tells the gateway about a guild, if the bot is there to hear it.
fn tell(state: &mut State, guild: u64, event: impl FnOnce(&Guild) -> (&'static str, Value), now: Duration) {
    let guild = state.guild_mut(guild);
    if guild.member && !guild.outage {
        let (id, (name, body)) = (guild.id, event(guild));
        state.gateway.dispatch(id, &Event::plain(name, body), now);
    }
}
