//! What the gateway tells: servers that come and go, and how the connections stand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use tokio::sync::{Mutex, MutexGuard, Notify};

use super::identify;
use crate::clock::Clock;
use crate::control::Control;
use crate::discord::SessionStarts;
use crate::domain::{ChannelId, GuildId};
use crate::store::{Shard, StoreError};

/// The pause between two attempts to remember what was told.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// News that may wait while the disk refuses. Beyond that, hints are dropped: the hourly look at paused routes does not need
/// them. What else waits is about servers that come and go, and of those there are as many as there are.
const MAX_WAITING: usize = 1_000;

/// Hands what the gateway tells to `control`.
pub(super) struct Events {
    control: Control,
    clock: Clock,
    starts: SessionStarts,
    /// Sessions begun since `starts` was asked for.
    begun: AtomicU32,
    signals: Signals,
    /// What is told is remembered one after the other, in the order in which it was told.
    order: Mutex<()>,
    /// How many wait for that.
    waiting: AtomicUsize,
}

/// What the events tell the gateway itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    /// A connection has come or gone.
    pub(super) stage: Arc<Notify>,
    /// Sessions are begun in a loop.
    pub(super) storm: Arc<Notify>,
}

/// What the gateway tells of servers.
enum News {
    /// These are the servers of a connection that has begun.
    Present(Shard, Vec<GuildId>),
    Here(GuildId),
    Left(GuildId),
    ChannelChanged(GuildId, ChannelId),
    ChannelDeleted(GuildId, ChannelId),
    RightsChanged(GuildId),
}

impl News {
    /// Whether it only says that another look may be worth it.
    fn is_a_hint(&self) -> bool {
        matches!(self, Self::ChannelChanged(..) | Self::RightsChanged(_))
    }
}

impl Events {
    pub(super) fn new(control: Control, clock: Clock, starts: SessionStarts, signals: Signals) -> Self {
        Self {
            control,
            clock,
            starts,
            begun: AtomicU32::new(0),
            signals,
            order: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Has what was told remembered, however long the disk refuses: Discord does not tell it again.
    async fn remember(&self, news: News) {
        let waiting = self.waiting.fetch_add(1, Ordering::AcqRel);
        if waiting < MAX_WAITING || !news.is_a_hint() {
            let in_order = self.order.lock().await;
            self.remember_next(&in_order, news).await;
        }
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    async fn remember_next(&self, _in_order: &MutexGuard<'_, ()>, news: News) {
        while let Err(error) = self.hand_on(&news).await {
            complain(&error);
            if error.is_about_content() {
                return;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn hand_on(&self, news: &News) -> Result<(), StoreError> {
        match news {
            News::Present(shard, guilds) => self.control.reconcile_guilds(*shard, guilds.clone()).await,
            News::Here(guild) => self.control.guild_is_here(*guild).await,
            News::Left(guild) => self.control.guild_left(*guild).await,
            News::ChannelChanged(guild, channel) => self.control.channel_changed(*guild, *channel).await,
            News::ChannelDeleted(guild, channel) => self.control.channel_deleted(*guild, *channel).await,
            News::RightsChanged(guild) => self.control.rights_changed(*guild).await,
        }
    }

    async fn rights_changed(&self, guild: serenity::GuildId) {
        let Some(guild) = GuildId::new(guild.get()) else { return };
        self.remember(News::RightsChanged(guild)).await;
    }

    /// Counts a session that has begun against what Discord allows. Serenity does not show the request for it, only its
    /// success.
    fn count(&self) {
        let begun = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        if begun > identify::allowance(self.starts) {
            self.signals.storm.notify_one();
        }
    }

    /// Remembers that a session has begun, and looks whether that happens too often.
    async fn begun(&self) {
        let is_storm = match self.control.identified().await {
            Ok(earlier) => identify::is_storm(&earlier, self.clock.now(), self.starts.shards),
            Err(error) => {
                complain(&error);
                false
            }
        };
        if is_storm {
            self.signals.storm.notify_one();
        }
    }
}

#[serenity::async_trait]
impl serenity::EventHandler for Events {
    async fn ready(&self, _: serenity::Context, ready: serenity::Ready) {
        // What follows READY is told by tasks of its own, and must not be remembered before it. Only what needs no disk comes
        // before.
        self.count();
        let in_order = self.order.lock().await;
        self.begun().await;
        let shard = ready.shard.map_or(Shard { id: 0, of: 1 }, |shard| Shard {
            id: u64::from(shard.id.0),
            of: u64::from(shard.total),
        });
        let present = ready.guilds.iter().filter_map(|guild| GuildId::new(guild.id.get())).collect();
        self.remember_next(&in_order, News::Present(shard, present)).await;
    }

    async fn guild_create(&self, _: serenity::Context, guild: serenity::Guild, _: Option<bool>) {
        let Some(guild) = GuildId::new(guild.id.get()) else { return };
        self.remember(News::Here(guild)).await;
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
        self.remember(News::Left(guild)).await;
    }

    async fn channel_update(
        &self,
        _: serenity::Context,
        _: Option<serenity::GuildChannel>,
        channel: serenity::GuildChannel,
    ) {
        let (Some(guild), Some(channel)) = ids(&channel) else { return };
        self.remember(News::ChannelChanged(guild, channel)).await;
    }

    async fn thread_update(
        &self,
        _: serenity::Context,
        _: Option<serenity::GuildChannel>,
        thread: serenity::GuildChannel,
    ) {
        let (Some(guild), Some(thread)) = ids(&thread) else { return };
        self.remember(News::ChannelChanged(guild, thread)).await;
    }

    async fn thread_delete(
        &self,
        _: serenity::Context,
        thread: serenity::PartialGuildChannel,
        _: Option<serenity::GuildChannel>,
    ) {
        let ids = (GuildId::new(thread.guild_id.get()), ChannelId::new(thread.id.get()));
        let (Some(guild), Some(thread)) = ids else { return };
        self.remember(News::ChannelDeleted(guild, thread)).await;
    }

    async fn channel_delete(
        &self,
        _: serenity::Context,
        channel: serenity::GuildChannel,
        _: Option<Vec<serenity::Message>>,
    ) {
        let (Some(guild), Some(channel)) = ids(&channel) else { return };
        self.remember(News::ChannelDeleted(guild, channel)).await;
    }

    async fn guild_role_update(&self, _: serenity::Context, _: Option<serenity::Role>, role: serenity::Role) {
        self.rights_changed(role.guild_id).await;
    }

    /// Without the intent for members, Discord tells of the bot's own membership alone (Discord, Gateway, "Guild Members").
    async fn guild_member_update(
        &self,
        _: serenity::Context,
        _: Option<serenity::Member>,
        _: Option<serenity::Member>,
        event: serenity::GuildMemberUpdateEvent,
    ) {
        if event.user.id.get() == self.control.application.bot_user {
            self.rights_changed(event.guild_id).await;
        }
    }

    async fn shard_stage_update(&self, _: serenity::Context, _: serenity::ShardStageUpdateEvent) {
        self.signals.stage.notify_one();
    }
}

/// The server of a channel, and the channel.
fn ids(channel: &serenity::GuildChannel) -> (Option<GuildId>, Option<ChannelId>) {
    (GuildId::new(channel.guild_id.get()), ChannelId::new(channel.id.get()))
}

fn complain(error: &StoreError) {
    tracing::error!(error = error as &dyn std::error::Error, "what the gateway told could not be remembered");
}
