//! Servers coming and going, as the gateway tells it.

use std::time::Duration;

use super::Control;
use crate::domain::{ChannelId, GuildId, Refusal, Route, Timestamp};
use crate::store::{Shard, StoreError};

/// How soon after a connection has begun all paused routes are looked at: the servers' own tellings come first.
const LOOK_AFTER_CONNECTING: Duration = Duration::from_secs(30);

/// When a deleted channel is looked for again: deletions are for good, so this only guards against a wrong telling.
const LOOK_AFTER_DELETION: Duration = Duration::from_hours(1);

impl Control {
    /// The bot was removed from a server.
    pub async fn guild_left(&self, guild: GuildId) -> Result<(), StoreError> {
        if self.store.guild_left(guild, self.clock.now()).await? {
            tracing::info!(%guild, "removed from a server; it is remembered for a week");
        }
        Ok(())
    }

    /// The bot is in a server.
    pub async fn guild_is_here(&self, guild: GuildId) -> Result<(), StoreError> {
        if self.store.guild_is_here(guild, self.clock.now()).await? {
            tracing::info!(%guild, "back in a server; everything is as it was");
        }
        Ok(())
    }

    /// A gateway connection has begun and names the servers that it speaks for.
    pub async fn reconcile_guilds(&self, shard: Shard, present: Vec<GuildId>) -> Result<(), StoreError> {
        let servers = present.len();
        let (left, back) = self.store.reconcile_guilds(shard, present, self.clock.now()).await?;
        tracing::info!(shard = shard.id, servers, left, back, "connected to Discord");
        // What changed while nobody listened is not told again.
        let routes = self.store.check_all_routes(self.clock.now().after(LOOK_AFTER_CONNECTING)).await?;
        if routes > 0 {
            self.bells.errands.notify_one();
        }
        Ok(())
    }

    /// A channel or a thread has changed, perhaps in what the bot may do there and in its threads.
    pub async fn channel_changed(&self, guild: GuildId, channel: ChannelId) -> Result<(), StoreError> {
        for thread in self.rest.known_threads_of(channel) {
            self.look_at_routes(guild, Some(thread)).await?;
        }
        self.look_at_routes(guild, Some(channel)).await
    }

    /// A role has changed, or the bot's own roles.
    pub async fn rights_changed(&self, guild: GuildId) -> Result<(), StoreError> {
        self.look_at_routes(guild, None).await
    }

    /// A channel is gone: the admins are told now, and not when the next stream is missed.
    pub async fn channel_deleted(&self, guild: GuildId, channel: ChannelId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let route = Route { guild, channel };
        if self.store.pause_route(route, Refusal::UnknownChannel, now, now.after(LOOK_AFTER_DELETION)).await?
        {
            tracing::warn!(%guild, %channel, "a channel for announcements was deleted");
            self.bells.errands.notify_one();
        }
        Ok(())
    }

    async fn look_at_routes(&self, guild: GuildId, channel: Option<ChannelId>) -> Result<(), StoreError> {
        if self.store.check_routes(guild, channel, self.clock.now()).await? {
            self.bells.errands.notify_one();
        }
        Ok(())
    }

    /// Notes that a gateway session was asked for, and returns when that was done in the last 24 hours, the latest first.
    pub async fn identified(&self) -> Result<Vec<Timestamp>, StoreError> {
        self.store.identified(self.clock.now()).await?;
        self.identifies().await
    }

    /// When gateway sessions were asked for in the last 24 hours, the latest first.
    pub async fn identifies(&self) -> Result<Vec<Timestamp>, StoreError> {
        self.store.identifies(self.clock.now()).await
    }
}
