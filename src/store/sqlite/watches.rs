//! Watches: what people have asked for.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::outbox::profile;
use super::{Store, broadcasters, channel_id, routes, signed};
use crate::domain::{
    BroadcasterId, ChannelId, DoubtPolicy, GuildId, LatePolicy, Login, NewWatch, Preferences, Profile,
    Refusal, Timestamp, WatchKey,
};
use crate::store::{Added, GuildSettings, Listed, Placing, StoreError, preferences};

const COUNT: &str = "SELECT COUNT(*) FROM watch WHERE guild_id = ?1";

impl Store {
    /// Everybody who is watched by at least one server that the bot is in, each once.
    pub async fn roster(&self) -> Result<Vec<BroadcasterId>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT DISTINCT broadcaster_id FROM watch JOIN guild USING (guild_id) WHERE left_at IS NULL
                 ORDER BY broadcaster_id",
            )?;
            broadcasters(&mut statement, [])
        })
        .await
    }

    /// What a server has set.
    pub async fn guild(&self, guild: GuildId) -> Result<GuildSettings, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT channel_id, late, doubt, preferences FROM guild WHERE guild_id = ?1",
            )?;
            let mut rows = statement.query([signed(guild.get())])?;
            let Some(row) = rows.next()? else { return Ok(GuildSettings::default()) };
            let channel: Option<i64> = row.get(0)?;
            Ok(GuildSettings {
                channel: channel.map(channel_id).transpose()?,
                late: LatePolicy::from_word(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?),
                doubt: DoubtPolicy::from_word(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?),
                preferences: preferences::read(
                    row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?,
                )?,
            })
        })
        .await
    }

    /// Sets what a server wants of late announcements and when in doubt; what is not given stays as it is.
    pub async fn set_policies(
        &self,
        guild: GuildId,
        late: Option<LatePolicy>,
        doubt: Option<DoubtPolicy>,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("INSERT INTO guild (guild_id) VALUES (?1) ON CONFLICT DO NOTHING")?
                .execute([signed(guild.get())])?;
            tx.prepare_cached(
                "UPDATE guild SET late = COALESCE(?2, late), doubt = COALESCE(?3, doubt) WHERE guild_id = ?1",
            )?
            .execute(params![
                signed(guild.get()),
                late.map(LatePolicy::as_str),
                doubt.map(DoubtPolicy::as_str)
            ])?;
            Ok(())
        })
        .await
    }

    /// Changes how a server wants its announcements, or those of one of its streamers, and where. Returns how they are wanted
    /// from now on, as set there; nothing when the server does not watch that streamer.
    pub async fn change_preferences(
        &self,
        guild: GuildId,
        streamer: Option<BroadcasterId>,
        placing: Placing,
        change: impl FnOnce(&mut Preferences) + Send + 'static,
    ) -> Result<Option<Preferences>, StoreError> {
        let changed = self
            .write(move |tx| {
                let changed = match &streamer {
                    Some(streamer) => change_of_watch(tx, guild, streamer, placing, change)?,
                    None => Some(change_of_guild(tx, guild, placing, change)?),
                };
                if placing.channel.is_some() {
                    routes::follow_watches(tx, guild, placing.at)?;
                }
                Ok(changed)
            })
            .await?;
        // What was held back may be wanted now.
        self.watches_did_change();
        Ok(changed)
    }

    /// Sets where a server's announcements go that have no channel of their own, what waits included. `asked_in` is the
    /// channel in which the admin said so. Returns where they went before.
    pub async fn set_channel(
        &self,
        guild: GuildId,
        channel: ChannelId,
        asked_in: Option<ChannelId>,
        at: Timestamp,
    ) -> Result<Option<ChannelId>, StoreError> {
        let before = self
            .write(move |tx| {
                let before = channel_of(tx, guild)?;
                tx.prepare_cached(
                    "INSERT INTO guild (guild_id, channel_id, asked_in) VALUES (?1, ?2, ?3)
                     ON CONFLICT (guild_id) DO UPDATE SET channel_id = excluded.channel_id,
                         asked_in = COALESCE(excluded.asked_in, asked_in), left_at = NULL",
                )?
                .execute(params![
                    signed(guild.get()),
                    signed(channel.get()),
                    asked_in.map(|channel| signed(channel.get()))
                ])?;
                routes::follow_watches(tx, guild, at)?;
                Ok(before)
            })
            .await?;
        self.watches_did_change();
        Ok(before)
    }

    /// Adds a watch, unless it is there or the server has `limit` of them. A channel that is given replaces the one set.
    pub async fn add_watch(
        &self,
        watch: NewWatch,
        profile: Profile,
        limit: usize,
    ) -> Result<Added, StoreError> {
        let added = self.write(move |tx| add_watch(tx, &watch, &profile, limit)).await?;
        self.watches_did_change();
        Ok(added)
    }

    /// Takes a watch back, with everything that is pending because of it. Returns whether it was there.
    pub async fn remove_watch(&self, watch: WatchKey, at: Timestamp) -> Result<bool, StoreError> {
        let removed = self
            .write(move |tx| {
                let key = params![signed(watch.guild.get()), watch.broadcaster.as_str()];
                let removed = tx
                    .prepare_cached("DELETE FROM watch WHERE guild_id = ?1 AND broadcaster_id = ?2")?
                    .execute(key)?;
                tx.prepare_cached(
                    "UPDATE delivery SET state = 'cancelled', settled_at = ?3,
                         detail = CASE state WHEN 'held' THEN NULL ELSE detail END
                     WHERE guild_id = ?1 AND broadcaster_id = ?2 AND state IN ('pending', 'paused', 'held')",
                )?
                .execute(params![
                    signed(watch.guild.get()),
                    watch.broadcaster.as_str(),
                    at.as_millis()
                ])?;
                routes::follow_watches(tx, watch.guild, at)?;
                Ok(removed > 0)
            })
            .await?;
        self.watches_did_change();
        Ok(removed)
    }

    /// The streamer of a server's list who has that login, or had it.
    pub async fn find_watched(&self, guild: GuildId, login: Login) -> Result<Option<Profile>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id, streamer.login, display_name, image
                 FROM watch JOIN streamer USING (broadcaster_id)
                 WHERE guild_id = ?1 AND (streamer.login = ?2 OR EXISTS (
                     SELECT 1 FROM former_login AS former
                     WHERE former.broadcaster_id = watch.broadcaster_id AND former.login = ?2))
                 ORDER BY streamer.login <> ?2 LIMIT 1",
            )?;
            let mut rows = statement.query(params![signed(guild.get()), login.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let broadcaster = BroadcasterId::new(&row.get::<_, String>(0)?);
            profile(row, broadcaster, 1).map(Some)
        })
        .await
    }

    /// How many streamers a server watches.
    pub async fn count_watched(&self, guild: GuildId) -> Result<usize, StoreError> {
        self.read(move |tx| {
            let count: i64 = tx.prepare_cached(COUNT)?.query_row([signed(guild.get())], |row| row.get(0))?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        })
        .await
    }

    /// Whom a server watches, by login: what is asked with every letter that somebody types, so no more than that.
    pub async fn watched(&self, guild: GuildId) -> Result<Vec<Profile>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id, login, display_name, image FROM watch JOIN streamer USING (broadcaster_id)
                 WHERE guild_id = ?1 ORDER BY login",
            )?;
            let mut rows = statement.query([signed(guild.get())])?;
            let mut watched = Vec::new();
            while let Some(row) = rows.next()? {
                let broadcaster = BroadcasterId::new(&row.get::<_, String>(0)?);
                watched.push(profile(row, broadcaster, 1)?);
            }
            Ok(watched)
        })
        .await
    }

    /// A server's list with how everything on it stands, by login.
    pub async fn list(&self, guild: GuildId) -> Result<Vec<Listed>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id, login, display_name, image, unavailable_since, watch.channel_id, added_at,
                        (SELECT CASE WHEN state = 'refused'
                                      AND delivery.channel_id = COALESCE(watch.channel_id, guild.channel_id)
                                     THEN detail END
                         FROM delivery
                         WHERE delivery.guild_id = watch.guild_id
                           AND delivery.broadcaster_id = watch.broadcaster_id
                           AND state IN ('delivered', 'refused') AND part = 0
                         ORDER BY delivery_id DESC LIMIT 1),
                        paused_since IS NOT NULL, refusal, missing, paused_since, check_at, resumed_at
                 FROM watch JOIN streamer USING (broadcaster_id) JOIN guild USING (guild_id)
                 LEFT JOIN route ON route.guild_id = watch.guild_id
                      AND route.channel_id = COALESCE(watch.channel_id, guild.channel_id)
                 WHERE watch.guild_id = ?1 ORDER BY login",
            )?;
            let mut rows = statement.query([signed(guild.get())])?;
            let mut list = Vec::new();
            while let Some(row) = rows.next()? {
                let broadcaster = BroadcasterId::new(&row.get::<_, String>(0)?);
                let unavailable_since: Option<i64> = row.get(4)?;
                let own_channel: Option<i64> = row.get(5)?;
                let refused: Option<String> = row.get(7)?;
                list.push(Listed {
                    profile: profile(row, broadcaster, 1)?,
                    unavailable_since: unavailable_since.map(Timestamp::from_millis),
                    own_channel: own_channel.map(channel_id).transpose()?,
                    added_at: Timestamp::from_millis(row.get(6)?),
                    pause: if row.get(8)? { Some(routes::pause_of(row, 9)?) } else { None },
                    refused: refused.as_deref().map(Refusal::from_word),
                });
            }
            Ok(list)
        })
        .await
    }
}

fn channel_of(tx: &Transaction<'_>, guild: GuildId) -> Result<Option<ChannelId>, StoreError> {
    let raw: Option<Option<i64>> = tx
        .prepare_cached("SELECT channel_id FROM guild WHERE guild_id = ?1")?
        .query_row([signed(guild.get())], |row| row.get(0))
        .optional()?;
    raw.flatten().map(channel_id).transpose()
}

fn add_watch(
    tx: &Transaction<'_>,
    watch: &NewWatch,
    profile: &Profile,
    limit: usize,
) -> Result<Added, StoreError> {
    let guild = signed(watch.key.guild.get());
    let broadcaster = watch.key.broadcaster.as_str();
    let wanted = watch.channel.map(|channel| signed(channel.get()));
    let own: Option<(Option<i64>, Option<String>)> = tx
        .prepare_cached(
            "SELECT channel_id, preferences FROM watch WHERE guild_id = ?1 AND broadcaster_id = ?2",
        )?
        .query_row(params![guild, broadcaster], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    super::accounts::keep_profile(tx, profile, watch.at)?;
    if let Some((own, set)) = own {
        let wanted_so = watch.preferences.clone().over(preferences::read(set.as_deref())?);
        tx.prepare_cached("UPDATE watch SET preferences = ?3 WHERE guild_id = ?1 AND broadcaster_id = ?2")?
            .execute(params![guild, broadcaster, preferences::write(&wanted_so)])?;
        let moved = wanted.is_some() && wanted != own;
        if moved {
            tx.prepare_cached(
                "UPDATE watch SET channel_id = ?3 WHERE guild_id = ?1 AND broadcaster_id = ?2",
            )?
            .execute(params![guild, broadcaster, wanted])?;
            routes::follow_watches(tx, watch.key.guild, watch.at)?;
        }
        let place = match wanted.or(own) {
            Some(raw) => Some(channel_id(raw)?),
            None => channel_of(tx, watch.key.guild)?,
        };
        return Ok(Added::AlreadyThere { channel: place, moved });
    }
    let count: i64 = tx.prepare_cached(COUNT)?.query_row([guild], |row| row.get(0))?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= limit {
        return Ok(Added::Full);
    }
    tx.prepare_cached(
        "INSERT INTO guild (guild_id) VALUES (?1) ON CONFLICT (guild_id) DO UPDATE SET left_at = NULL",
    )?
    .execute([guild])?;
    tx.prepare_cached(
        "INSERT INTO watch (guild_id, broadcaster_id, channel_id, added_at, added_by, preferences)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        guild,
        broadcaster,
        wanted,
        watch.at.as_millis(),
        signed(watch.by.get()),
        preferences::write(&watch.preferences)
    ])?;
    Ok(Added::New)
}

fn change_of_guild(
    tx: &Transaction<'_>,
    guild: GuildId,
    placing: Placing,
    change: impl FnOnce(&mut Preferences),
) -> Result<Preferences, StoreError> {
    let guild = signed(guild.get());
    tx.prepare_cached("INSERT INTO guild (guild_id) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([guild])?;
    let set: Option<String> = tx
        .prepare_cached("SELECT preferences FROM guild WHERE guild_id = ?1")?
        .query_row([guild], |row| row.get(0))?;
    let mut wanted = preferences::read(set.as_deref())?;
    change(&mut wanted);
    tx.prepare_cached("UPDATE guild SET preferences = ?2 WHERE guild_id = ?1")?
        .execute(params![guild, preferences::write(&wanted)])?;
    if let Some(channel) = placing.channel {
        let asked_in = placing.asked_in.map(|channel| signed(channel.get()));
        tx.prepare_cached(
            "UPDATE guild SET channel_id = ?2, asked_in = COALESCE(?3, asked_in) WHERE guild_id = ?1",
        )?
        .execute(params![guild, channel.map(|channel| signed(channel.get())), asked_in])?;
    }
    Ok(wanted)
}

fn change_of_watch(
    tx: &Transaction<'_>,
    guild: GuildId,
    streamer: &BroadcasterId,
    placing: Placing,
    change: impl FnOnce(&mut Preferences),
) -> Result<Option<Preferences>, StoreError> {
    let guild = signed(guild.get());
    let set: Option<Option<String>> = tx
        .prepare_cached("SELECT preferences FROM watch WHERE guild_id = ?1 AND broadcaster_id = ?2")?
        .query_row(params![guild, streamer.as_str()], |row| row.get(0))
        .optional()?;
    let Some(set) = set else { return Ok(None) };
    let mut wanted = preferences::read(set.as_deref())?;
    change(&mut wanted);
    tx.prepare_cached("UPDATE watch SET preferences = ?3 WHERE guild_id = ?1 AND broadcaster_id = ?2")?
        .execute(params![guild, streamer.as_str(), preferences::write(&wanted)])?;
    if let Some(channel) = placing.channel {
        tx.prepare_cached("UPDATE watch SET channel_id = ?3 WHERE guild_id = ?1 AND broadcaster_id = ?2")?
            .execute(params![guild, streamer.as_str(), channel.map(|channel| signed(channel.get()))])?;
    }
    Ok(Some(wanted))
}
