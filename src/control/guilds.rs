//! Servers coming and going, as the gateway tells it.

use std::time::Duration;

use super::Control;
use crate::domain::{GuildId, Timestamp};
use crate::store::{Shard, StoreError};

/// How long a server that removed the bot is remembered: an invitation within this time finds everything as it was.
const REMEMBER_FOR: Duration = Duration::from_hours(7 * 24);

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
        if self.store.guild_is_here(guild).await? {
            tracing::info!(%guild, "back in a server; everything is as it was");
        }
        Ok(())
    }

    /// A gateway connection has begun and names the servers that it speaks for.
    pub async fn reconcile_guilds(&self, shard: Shard, present: Vec<GuildId>) -> Result<(), StoreError> {
        let servers = present.len();
        let (left, back) = self.store.reconcile_guilds(shard, present, self.clock.now()).await?;
        tracing::info!(shard = shard.id, servers, left, back, "connected to Discord");
        Ok(())
    }

    /// Forgets the servers that removed the bot more than a week ago, and the sessions of whom nobody watches any more.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let forgotten = self.store.forget_guilds(self.clock.now().before(REMEMBER_FOR)).await?;
        if forgotten > 0 {
            tracing::info!(servers = forgotten, "forgot servers that removed the bot");
        }
        let sessions = self.store.give_up_unwatched(self.clock.now()).await?;
        tracing::debug!(sessions, "gave up the sessions of whom nobody watches");
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
