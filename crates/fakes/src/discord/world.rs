//! Making and changing the world: guilds, channels and what the bot may do there. Tells the gateway what it would tell.

use std::time::Duration;

use serde_json::json;

use super::permissions::{Overwrite, Target};
use super::session::Event;
use super::state::State;
use super::{Channel, ChannelKind, Discord, models};

/// All that is told of a thread that was deleted.
const THREAD_DELETED: [&str; 4] = ["id", "guild_id", "parent_id", "type"];

impl Discord {
    /// Makes a guild with the bot in it and without any channel.
    pub fn add_guild(&self, name: &str) -> u64 {
        self.change(|state, now| {
            let guild = state.add_guild(name, 0, now);
            state.gateway.dispatch(guild, &Event::Guild(guild), now);
            guild
        })
    }

    /// Makes many guilds at once, with filler channels and roles.
    pub fn add_guilds(&self, count: usize, channels_each: usize, roles_each: usize) -> Vec<u64> {
        let roles = u32::try_from(roles_each).unwrap_or(u32::MAX).min(250);
        (0..count)
            .map(|number| {
                self.change(|state, now| {
                    let guild = state.add_guild(&format!("guild {number}"), roles, now);
                    for channel in 0..channels_each {
                        state.add_channel(guild, &format!("channel-{channel}"), ChannelKind::Text, now);
                    }
                    state.gateway.dispatch(guild, &Event::Guild(guild), now);
                    guild
                })
            })
            .collect()
    }

    /// Makes a channel.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_channel(&self, guild: u64, name: &str, kind: ChannelKind) -> u64 {
        self.change(|state, now| {
            let channel = state.add_channel(guild, name, kind, now);
            tell_channel(state, channel, "CHANNEL_CREATE", now);
            channel
        })
    }

    /// The channels of a guild, oldest first; its threads are in [`Discord::threads`].
    #[must_use]
    pub fn channels(&self, guild: u64) -> Vec<Channel> {
        let state = self.shared.state();
        let all = state.guilds.get(&guild).into_iter().flat_map(|guild| guild.channels.values());
        all.filter(|channel| channel.thread.is_none()).cloned().collect()
    }

    /// Gives a channel another name.
    pub fn rename_channel(&self, channel: u64, name: &str) {
        self.change_channel(channel, |channel| name.clone_into(&mut channel.name));
    }

    /// Deletes a channel with its messages and its threads.
    pub fn delete_channel(&self, channel: u64) {
        self.change(|state, now| remove_channel(state, channel, now));
    }

    /// Takes permissions from the bot in one channel.
    pub fn deny(&self, channel: u64, permissions: u64) {
        self.overwrite(channel, Overwrite { target: Target::Bot, allow: 0, deny: permissions });
    }

    /// Removes what [`Discord::deny`] and [`Discord::overwrite`] did to a channel.
    pub fn allow_again(&self, channel: u64) {
        self.overwrites(channel, Vec::clear);
    }

    /// Sets what a channel allows or denies to somebody, in place of what it said about them before.
    pub fn overwrite(&self, channel: u64, overwrite: Overwrite) {
        self.overwrites(channel, |overwrites| {
            overwrites.retain(|old| old.target != overwrite.target);
            overwrites.push(overwrite);
        });
    }

    fn overwrites(&self, channel: u64, edit: impl FnOnce(&mut Vec<Overwrite>)) {
        self.change_channel(channel, |channel| edit(&mut channel.overwrites));
    }

    pub(super) fn change_channel(&self, channel: u64, change: impl FnOnce(&mut Channel)) {
        self.change(|state, now| {
            let Some(guild) = state.places.get(&channel).copied() else { return };
            if let Some(channel) = state.guild_mut(guild).channels.get_mut(&channel) {
                change(channel);
            }
            tell_channel(state, channel, "CHANNEL_UPDATE", now);
        });
    }

    /// What the bot may do in a channel; nothing if there is no such channel.
    #[must_use]
    pub fn permissions(&self, channel: u64) -> u64 {
        let state = self.shared.state();
        state.channel(channel).map_or(0, |(guild, channel)| guild.permissions_in(channel))
    }

    /// Removes the bot from a guild.
    pub fn kick(&self, guild: u64) {
        self.change(|state, now| {
            state.guild_mut(guild).member = false;
            let body = json!({"id": guild.to_string()});
            state.gateway.dispatch(guild, &Event::plain("GUILD_DELETE", body), now);
        });
    }

    /// Removes the bot from a guild without an event, as if it happened while the bot was offline.
    pub fn kick_silently(&self, guild: u64) {
        self.change(|state, _| state.guild_mut(guild).member = false);
    }

    /// Brings the bot back into a guild.
    pub fn invite(&self, guild: u64) {
        self.change(|state, now| {
            let home = state.guild_mut(guild);
            home.member = true;
            home.joined = now;
            state.gateway.dispatch(guild, &Event::Guild(guild), now);
        });
    }

    /// Makes a guild unavailable, which is not a removal.
    pub fn outage(&self, guild: u64) {
        self.change(|state, now| {
            state.guild_mut(guild).outage = true;
            let body = json!({"id": guild.to_string(), "unavailable": true});
            state.gateway.dispatch(guild, &Event::plain("GUILD_DELETE", body), now);
        });
    }

    /// Makes a guild available again.
    pub fn outage_over(&self, guild: u64) {
        self.change(|state, now| {
            state.guild_mut(guild).outage = false;
            state.gateway.dispatch(guild, &Event::Guild(guild), now);
        });
    }
}

/// Tells the gateway about a channel, if the bot is there to hear it.
pub(super) fn tell_channel(state: &mut State, channel: u64, name: &'static str, now: Duration) {
    let Some((guild, channel)) = state.channel(channel) else { return };
    if guild.member && !guild.outage {
        let mut body = models::channel(channel);
        let name = match (name, &channel.thread) {
            ("CHANNEL_UPDATE", Some(_)) => "THREAD_UPDATE",
            ("CHANNEL_DELETE", Some(_)) => {
                let fields = body.as_object_mut().into_iter();
                fields.for_each(|fields| fields.retain(|name, _| THREAD_DELETED.contains(&name.as_str())));
                "THREAD_DELETE"
            }
            _ => name,
        };
        if name == "THREAD_CREATE" {
            body["newly_created"] = json!(true);
        }
        let guild = guild.id;
        state.gateway.dispatch(guild, &Event::plain(name, body), now);
    }
}

/// Deletes a channel with its messages and threads, and tells of the channel, as Discord does.
pub(super) fn remove_channel(state: &mut State, channel: u64, now: Duration) {
    tell_channel(state, channel, "CHANNEL_DELETE", now);
    state.forget_channel(channel);
}
