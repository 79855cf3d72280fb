//! Routes: paused when a channel refuses, looked at again, resumed. No setting of anybody's is touched.

use std::time::Duration;

use rusqlite::{Transaction, params};

use super::{Store, channel_id, guild_id, notices, signed};
use crate::domain::{ChannelId, DeliveryId, GuildId, Matter, Pause, Permissions, Refusal, Route, Timestamp};
use crate::store::{GuildTroubles, StoreError};

/// The admins hear of one channel once in this time: a pause that comes sooner is told then, if it still lasts. When the route
/// had only been open for so long, and nothing has got through since they heard, it is the same trouble as before and not
/// told: then it was not open at all.
const SAME_TROUBLE: Duration = Duration::from_hours(1);

/// The channel of a watch: its own, else the server's.
const PLACE: &str =
    "SELECT COALESCE(watch.channel_id, guild.channel_id) FROM watch JOIN guild USING (guild_id)
     WHERE watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id";

/// Whether some watch of a present server still wants that channel.
const IS_WANTED: &str = "SELECT 1 FROM watch JOIN guild USING (guild_id)
     WHERE guild_id = ?1 AND left_at IS NULL AND COALESCE(watch.channel_id, guild.channel_id) = ?2";

/// What waits in a server or for one of its channels, said so that the index of just that is used.
const WAITS: &str = "state IN ('pending', 'paused')";

/// Whether a route is closed for a delivery. Where nothing but a tag is wanted, it is open for what has one; what is no JSON has
/// none.
pub(super) const IS_CLOSED: &str = "EXISTS (
     SELECT 1 FROM route WHERE route.guild_id = delivery.guild_id AND route.channel_id = delivery.channel_id
         AND paused_since IS NOT NULL AND (refusal <> 'tag_required' OR NOT EXISTS (
             SELECT 1 FROM watch JOIN guild USING (guild_id)
             WHERE watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
                 AND (CASE WHEN json_valid(watch.preferences) THEN watch.preferences ->> '$.forum_tag' END IS NOT NULL
                   OR CASE WHEN json_valid(guild.preferences) THEN guild.preferences ->> '$.forum_tag' END IS NOT NULL))))";

const PAUSE_COLUMNS: &str = "route.channel_id, refusal, missing, paused_since, check_at, resumed_at";

impl Store {
    /// A channel takes nothing any more. Returns whether that is news to a server that wants it.
    pub async fn pause_route(
        &self,
        route: Route,
        refusal: Refusal,
        at: Timestamp,
        check_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| pause(tx, route, refusal, at, check_at)).await
    }

    /// A channel takes announcements again: what waits for it is due. Returns how many deliveries that are.
    pub async fn resume_route(&self, route: Route, at: Timestamp) -> Result<usize, StoreError> {
        // Every choice of a channel says so, so look before taking the writer.
        if self.pause_of(route).await?.is_none() {
            return Ok(0);
        }
        self.write(move |tx| resume(tx, route, at)).await
    }

    /// Why a route is paused, if it is.
    pub async fn pause_of(&self, route: Route) -> Result<Option<Pause>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {PAUSE_COLUMNS} FROM route
                 WHERE guild_id = ?1 AND channel_id = ?2 AND paused_since IS NOT NULL"
            ))?;
            let mut rows = statement.query(key(route))?;
            rows.next()?.map(|row| pause_of(row, 1)).transpose()
        })
        .await
    }

    /// Paused routes that are to be looked at, the longest overdue first.
    pub async fn routes_due(&self, at: Timestamp, limit: usize) -> Result<Vec<(Route, Pause)>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {PAUSE_COLUMNS}, guild_id FROM route JOIN guild USING (guild_id)
                 WHERE paused_since IS NOT NULL AND check_at <= ?1 AND left_at IS NULL ORDER BY check_at LIMIT ?2"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![at.as_millis(), limit])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let route = Route { guild: guild_id(row.get(6)?)?, channel: channel_id(row.get(0)?)? };
                due.push((route, pause_of(row, 1)?));
            }
            Ok(due)
        })
        .await
    }

    /// A paused route was looked at and stays paused: what is missing there, and when it is looked at again.
    ///
    /// `was_due` is the time for this look. Something that has changed since asks for another one, which stays asked for:
    /// what was seen may be older.
    pub async fn route_checked(
        &self,
        route: Route,
        found: Pause,
        was_due: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE route SET refusal = ?3, missing = ?4,
                     check_at = CASE check_at WHEN ?6 THEN ?5 ELSE check_at END
                 WHERE guild_id = ?1 AND channel_id = ?2 AND paused_since IS NOT NULL",
            )?
            .execute(params![
                signed(route.guild.get()),
                signed(route.channel.get()),
                found.refusal.as_str(),
                bits(found.missing),
                found.check_at.as_millis(),
                was_due.as_millis()
            ])?;
            Ok(())
        })
        .await
    }

    /// Something has changed in a server, or in one of its channels: paused routes are to be looked at now. Returns
    /// whether there is one.
    pub async fn check_routes(
        &self,
        guild: GuildId,
        channel: Option<ChannelId>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        // Servers change their roles all day, and few have a paused route.
        let concerned = "FROM route WHERE guild_id = ?1 AND paused_since IS NOT NULL AND channel_id = COALESCE(?2, channel_id)";
        let channel = channel.map(|channel| signed(channel.get()));
        let is_paused = self
            .read(move |tx| {
                let mut statement = tx.prepare_cached(&format!("SELECT 1 {concerned}"))?;
                Ok(statement.exists(params![signed(guild.get()), channel])?)
            })
            .await?;
        if !is_paused {
            return Ok(false);
        }
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE route SET check_at = ?3
                 WHERE guild_id = ?1 AND paused_since IS NOT NULL AND channel_id = COALESCE(?2, channel_id)",
            )?
            .execute(params![signed(guild.get()), channel, at.as_millis()])?;
            Ok(true)
        })
        .await
    }

    /// Nobody listened for a while: all paused routes are to be looked at, at the latest then.
    pub async fn check_all_routes(&self, at: Timestamp) -> Result<usize, StoreError> {
        self.write(move |tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE route SET check_at = ?1 WHERE paused_since IS NOT NULL AND check_at > ?1",
                )?
                .execute([at.as_millis()])?)
        })
        .await
    }

    /// What is wrong with a server's announcements.
    pub async fn troubles(&self, guild: GuildId) -> Result<GuildTroubles, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {PAUSE_COLUMNS} FROM route WHERE guild_id = ?1 AND paused_since IS NOT NULL ORDER BY paused_since"
            ))?;
            let mut rows = statement.query([signed(guild.get())])?;
            let mut paused = Vec::new();
            while let Some(row) = rows.next()? {
                paused.push((channel_id(row.get(0)?)?, pause_of(row, 1)?));
            }
            let count = |doubt: &str| -> Result<usize, StoreError> {
                let count: i64 = tx
                    .prepare_cached("SELECT COUNT(*) FROM delivery WHERE guild_id = ?1 AND doubt = ?2 AND part = 0",
                    )?
                    .query_row(params![signed(guild.get()), doubt], |row| row.get(0))?;
                Ok(usize::try_from(count).unwrap_or(0))
            };
            Ok(GuildTroubles { paused, sent_again: count("sent_again")?, kept_back: count("kept_back")? })
        })
        .await
    }
}

fn key(route: Route) -> [i64; 2] {
    [signed(route.guild.get()), signed(route.channel.get())]
}

fn bits(permissions: Permissions) -> i64 {
    i64::from_ne_bytes(permissions.0.to_ne_bytes())
}

/// A pause from a row whose refusal stands in column `first`, as [`PAUSE_COLUMNS`] has it.
pub(super) fn pause_of(row: &rusqlite::Row<'_>, first: usize) -> Result<Pause, StoreError> {
    let refusal = row.get_ref(first)?.as_str().map_err(rusqlite::Error::from)?;
    let missing: i64 = row.get(first + 1)?;
    let resumed_at: Option<i64> = row.get(first + 4)?;
    Ok(Pause {
        refusal: Refusal::from_word(refusal),
        missing: Permissions(u64::from_ne_bytes(missing.to_ne_bytes())),
        since: Timestamp::from_millis(row.get(first + 2)?),
        check_at: Timestamp::from_millis(row.get(first + 3)?),
        resumed_at: resumed_at.map(Timestamp::from_millis),
    })
}

/// Pauses a route that somebody wants, with all that waits to go there. Returns whether it was open.
pub(super) fn pause(
    tx: &Transaction<'_>,
    route: Route,
    refusal: Refusal,
    at: Timestamp,
    check_at: Timestamp,
) -> Result<bool, StoreError> {
    if !tx.prepare_cached(IS_WANTED)?.exists(key(route))? {
        return Ok(false);
    }
    let [guild, channel] = key(route);
    let is_paused = tx
        .prepare_cached(
            "SELECT 1 FROM route WHERE guild_id = ?1 AND channel_id = ?2 AND paused_since IS NOT NULL",
        )?
        .exists([guild, channel])?;
    if is_paused {
        return Ok(false);
    }
    tx.prepare_cached(
        "INSERT INTO route (guild_id, channel_id, paused_since, refusal, check_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET paused_since = excluded.paused_since, refusal = excluded.refusal, missing = 0,
             check_at = excluded.check_at",
    )?
    .execute(params![guild, channel, at.as_millis(), refusal.as_str(), check_at.as_millis()])?;
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = 'paused'
         WHERE guild_id = ?1 AND channel_id = ?2 AND {WAITS} AND state = 'pending' AND {IS_CLOSED}"
    ))?
    .execute([guild, channel])?;
    if let Some(tell_at) = tell_at(tx, route, at)? {
        tx.prepare_cached("UPDATE route SET told_at = ?3 WHERE guild_id = ?1 AND channel_id = ?2")?
            .execute(params![guild, channel, tell_at.as_millis()])?;
        notices::add(tx, route.guild, &Matter::Paused(route.channel), at, tell_at)?;
    }
    Ok(true)
}

/// When the admins are to be told of a pause that begins now, if it is news: an hour after they were told the last time at
/// the earliest, and by then it may be over.
fn tell_at(tx: &Transaction<'_>, route: Route, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let (told_at, was_open): (Option<i64>, bool) = tx
        .prepare_cached(
            "SELECT told_at, resumed_at IS NULL OR resumed_at < ?3 OR EXISTS (
                 SELECT 1 FROM delivery WHERE delivery.guild_id = ?1 AND delivery.channel_id = ?2
                     AND state = 'delivered' AND settled_at > told_at)
             FROM route WHERE guild_id = ?1 AND channel_id = ?2",
        )?
        .query_row(
            params![
                signed(route.guild.get()),
                signed(route.channel.get()),
                at.before(SAME_TROUBLE).as_millis()
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let Some(told_at) = told_at else { return Ok(Some(at)) };
    Ok(was_open.then(|| at.max(Timestamp::from_millis(told_at).after(SAME_TROUBLE))))
}

pub(super) fn resume(tx: &Transaction<'_>, route: Route, at: Timestamp) -> Result<usize, StoreError> {
    let [guild, channel] = key(route);
    let untold = notices::drop_paused(tx, route, at)?;
    let hour = i64::try_from(SAME_TROUBLE.as_millis()).unwrap_or(i64::MAX);
    // What was to be told at once is the first there was to tell; what was put off was told an hour before that.
    tx.prepare_cached(
        "UPDATE route SET paused_since = NULL, resumed_at = ?3, told_at = CASE
             WHEN NOT ?4 THEN told_at WHEN told_at > paused_since THEN told_at - ?5 ELSE NULL END
         WHERE guild_id = ?1 AND channel_id = ?2",
    )?
    .execute(params![guild, channel, at.as_millis(), untold, hour])?;
    Ok(tx
        .prepare_cached(&format!(
            "UPDATE delivery SET state = 'pending', due_at = ?3
             WHERE guild_id = ?1 AND channel_id = ?2 AND {WAITS} AND state = 'paused'"
        ))?
        .execute(params![guild, channel, at.as_millis()])?)
}

/// Brings one delivery to where its watch wants it now, unless it may stand in the former channel already. A reply stays where
/// what it answers stands.
pub(super) fn follow_watch(tx: &Transaction<'_>, delivery: DeliveryId) -> Result<(), StoreError> {
    tx.prepare_cached(&format!(
        "UPDATE delivery SET channel_id = ({PLACE})
         WHERE delivery_id = ?1 AND part = 0 AND unsure_since IS NULL AND ({PLACE}) IS NOT NULL"
    ))?
    .execute([delivery.0])?;
    Ok(())
}

/// Brings what waits in a server to where its watches want it now, unless it may stand in the former channel already; and
/// forgets the routes that nobody wants any more.
pub(super) fn follow_watches(tx: &Transaction<'_>, server: GuildId, at: Timestamp) -> Result<(), StoreError> {
    let guild = signed(server.get());
    tx.prepare_cached(&format!(
        "UPDATE delivery SET channel_id = ({PLACE})
         WHERE guild_id = ?1 AND {WAITS} AND part = 0 AND unsure_since IS NULL AND ({PLACE}) IS NOT NULL"
    ))?
    .execute([guild])?;
    let unwanted = "DELETE FROM route WHERE guild_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM watch JOIN guild USING (guild_id)
             WHERE watch.guild_id = route.guild_id AND COALESCE(watch.channel_id, guild.channel_id) = route.channel_id)
         RETURNING channel_id";
    forget(tx, server, unwanted, at)?;
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = 'pending', due_at = ?2
         WHERE guild_id = ?1 AND {WAITS} AND state = 'paused' AND NOT {IS_CLOSED}"
    ))?
    .execute(params![guild, at.as_millis()])?;
    Ok(())
}

/// Forgets all routes of a server: what was closed to a bot that was not there says nothing about now.
pub(super) fn forget_all(tx: &Transaction<'_>, guild: GuildId, at: Timestamp) -> Result<(), StoreError> {
    forget(tx, guild, "DELETE FROM route WHERE guild_id = ?1 RETURNING channel_id", at)
}

/// Forgets routes, and with them what was still to be told about them.
fn forget(tx: &Transaction<'_>, guild: GuildId, deletion: &str, at: Timestamp) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(deletion)?;
    let forgotten: Vec<i64> =
        statement.query_map([signed(guild.get())], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for channel in forgotten {
        notices::drop_paused(tx, Route { guild, channel: channel_id(channel)? }, at)?;
    }
    Ok(())
}

/// Lets wait what a transition owes to routes that are paused.
pub(super) fn hold_paused(tx: &Transaction<'_>, transition: i64) -> Result<(), StoreError> {
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = 'paused' WHERE transition_id = ?1 AND state = 'pending' AND {IS_CLOSED}"
    ))?
    .execute([transition])?;
    Ok(())
}
