//! What the gateway tells: servers that come and go, and how the connections stand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use poise::serenity_prelude as serenity;
use serenity::ConnectionStage;
use tokio::sync::{Notify, watch};

use super::{GatewayState, identify};
use crate::clock::Clock;
use crate::control::Control;
use crate::domain::GuildId;
use crate::store::{Shard, StoreError};

/// Hands what the gateway tells to `control`.
pub(super) struct Events {
    control: Control,
    clock: Clock,
    state: watch::Sender<GatewayState>,
    storm: Arc<Notify>,
    shards: u32,
    connected: Mutex<HashMap<serenity::ShardId, bool>>,
}

impl Events {
    pub(super) fn new(
        control: Control,
        clock: Clock,
        state: watch::Sender<GatewayState>,
        storm: Arc<Notify>,
        shards: u32,
    ) -> Self {
        Self { control, clock, state, storm, shards, connected: Mutex::default() }
    }

    /// Keeps which connections stand, and shows when that changes something for the whole.
    fn stage(&self, shard: serenity::ShardId, stage: ConnectionStage) {
        let wanted = usize::try_from(self.shards).unwrap_or(1);
        let all = {
            let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
            connected.insert(shard, stage == ConnectionStage::Connected);
            connected.len() >= wanted && connected.values().all(|connected| *connected)
        };
        let now = self.clock.now();
        let changed = self.state.send_if_modified(|state| {
            let changed = state.connected != all;
            if changed {
                *state = GatewayState { connected: all, since: now };
            }
            changed
        });
        if changed && !all {
            tracing::info!(shard = shard.0, %stage, "the connection to Discord is interrupted");
        } else if changed {
            tracing::info!(shard = shard.0, "the connection to Discord stands");
        }
    }

    async fn identified(&self) {
        match self.control.identified().await {
            Ok(earlier) if identify::is_storm(&earlier, self.clock.now(), self.shards) => {
                self.storm.notify_one();
            }
            Ok(_) => {}
            Err(error) => complain(&error),
        }
    }
}

#[serenity::async_trait]
impl serenity::EventHandler for Events {
    async fn ready(&self, _: serenity::Context, ready: serenity::Ready) {
        let shard = ready.shard.map_or(Shard { id: 0, of: 1 }, |shard| Shard {
            id: u64::from(shard.id.0),
            of: u64::from(shard.total),
        });
        let present = ready.guilds.iter().filter_map(|guild| GuildId::new(guild.id.get())).collect();
        if let Err(error) = self.control.reconcile_guilds(shard, present).await {
            complain(&error);
        }
    }

    async fn guild_create(&self, _: serenity::Context, guild: serenity::Guild, _: Option<bool>) {
        let Some(guild) = GuildId::new(guild.id.get()) else { return };
        if let Err(error) = self.control.guild_is_here(guild).await {
            complain(&error);
        }
    }

    async fn guild_delete(
        &self,
        _: serenity::Context,
        incomplete: serenity::UnavailableGuild,
        _: Option<serenity::Guild>,
    ) {
        // An outage: the bot is still in the server (Discord, Gateway Events, "Guild Delete").
        if incomplete.unavailable {
            tracing::info!(guild = %incomplete.id, "a server is unavailable for a while");
            return;
        }
        let Some(guild) = GuildId::new(incomplete.id.get()) else { return };
        if let Err(error) = self.control.guild_left(guild).await {
            complain(&error);
        }
    }

    async fn shard_stage_update(&self, _: serenity::Context, event: serenity::ShardStageUpdateEvent) {
        self.stage(event.shard_id, event.new);
        if event.new == ConnectionStage::Identifying {
            self.identified().await;
        }
    }
}

fn complain(error: &StoreError) {
    tracing::error!(error = error as &dyn std::error::Error, "what the gateway told could not be remembered");
}
