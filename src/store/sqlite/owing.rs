//! What is owed: who wants to hear, which deliveries come to be of it, and which of them filters hold back.

use rusqlite::{Transaction, params};

use super::outbox::IN_DOUBT;
use super::{Store, channel_id, guild_id, json_list, members, preferences_of, routes, signed};
use crate::domain::{BroadcasterId, HeldBy, Owed, SessionId, Timestamp, Watch, WatchKey};
use crate::store::StoreError;

/// Columns of a watch, as [`watch_of`] reads them.
const WATCH: &str = "watch.guild_id, watch.broadcaster_id, COALESCE(watch.channel_id, guild.channel_id),
     watch.preferences, guild.preferences";

impl Store {
    /// Everybody in a server of ours who wants to hear about these broadcasters.
    pub async fn watches_of(&self, broadcasters: Vec<BroadcasterId>) -> Result<Vec<Watch>, StoreError> {
        if broadcasters.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {WATCH} FROM json_each(?1) AS wanted
                 JOIN watch ON watch.broadcaster_id = wanted.value
                 JOIN guild USING (guild_id)
                 WHERE guild.left_at IS NULL"
            ))?;
            let mut rows = statement.query([json_list(broadcasters.iter().map(BroadcasterId::as_str))])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(watch_of(row)?);
            }
            Ok(found)
        })
        .await
    }

    /// These watches, as they are now.
    pub async fn watches(&self, keys: Vec<WatchKey>) -> Result<Vec<Watch>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {WATCH} FROM watch JOIN guild USING (guild_id)
                 WHERE guild_id = ?1 AND broadcaster_id = ?2"
            ))?;
            let mut found = Vec::new();
            for key in keys {
                let mut rows = statement.query(params![signed(key.guild.get()), key.broadcaster.as_str()])?;
                if let Some(row) = rows.next()? {
                    found.push(watch_of(row)?);
                }
            }
            Ok(found)
        })
        .await
    }

    /// The watches whose streamer has not been looked at since they were made or their server came back.
    pub async fn fresh_watches(&self) -> Result<Vec<Watch>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {WATCH} FROM watch JOIN guild USING (guild_id)
                 WHERE watch.fresh = 1 AND guild.left_at IS NULL"
            ))?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(watch_of(row)?);
            }
            Ok(found)
        })
        .await
    }

    /// Whose open sessions hold something back.
    pub async fn held_back(&self) -> Result<Vec<BroadcasterId>, StoreError> {
        self.read(|tx| {
            let mut statement =
                tx.prepare_cached("SELECT DISTINCT broadcaster_id FROM delivery WHERE state = 'held'")?;
            super::broadcasters(&mut statement, [])
        })
        .await
    }

    /// The watches from which the open sessions of these broadcasters are held back, as they are now, each with the filter that
    /// did it when it was last asked: nothing for a filter that only a later version knows.
    pub async fn held_watches(
        &self,
        broadcasters: Vec<BroadcasterId>,
    ) -> Result<Vec<(Watch, Option<HeldBy>)>, StoreError> {
        if broadcasters.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {WATCH}, detail FROM json_each(?1) AS wanted
                 JOIN delivery ON delivery.broadcaster_id = wanted.value AND state = 'held'
                 JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
                 JOIN guild ON guild.guild_id = delivery.guild_id
                 WHERE guild.left_at IS NULL"
            ))?;
            let mut rows = statement.query([json_list(broadcasters.iter().map(BroadcasterId::as_str))])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let word = row.get_ref(5)?.as_str_or_null().map_err(rusqlite::Error::from)?;
                found.push((watch_of(row)?, word.and_then(HeldBy::from_word)));
            }
            Ok(found)
        })
        .await
    }
}

fn watch_of(row: &rusqlite::Row<'_>) -> Result<Watch, StoreError> {
    let channel: Option<i64> = row.get(2)?;
    Ok(Watch {
        key: WatchKey {
            guild: guild_id(row.get(0)?)?,
            broadcaster: BroadcasterId::new(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?),
        },
        channel: channel.map(channel_id).transpose()?,
        preferences: preferences_of(row, 3)?,
    })
}

/// Since when a delivery is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Matched {
    /// Since the session began.
    AtTheStart,
    /// Since later: a filter matches only now.
    Now,
}

/// Adds what is owed of an open session, and what filters hold back of it. Returns how many deliveries are due that were not.
///
/// One that exists stays as it is, but for those that can be owed again or at last: what was taken back, or expired before the
/// session was taken up again, and what was held back until now. These go where the admin wants them now, unless an attempt may
/// have put them into the former channel already. So nobody is told twice, in whatever order this is asked.
pub(super) fn owe(
    tx: &Transaction<'_>,
    transition: i64,
    owed: &[Owed],
    matched: Matched,
    at: Timestamp,
) -> Result<usize, StoreError> {
    // Only watches that still stand: somebody may have removed one since the list was gathered. An attempt whose answer is not
    // known was made under the name that goes with the moment of the decision, so that stays as it is then.
    let mut statement = tx.prepare_cached(
        "INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, decided_at, due_at, owed_since, state, detail,
                               matched_at)
         SELECT ?1, guild_id, broadcaster_id, ?4, ?5, ?5, MIN(?5, MAX(?6, added_at, COALESCE(here_since, 0))),
                CASE WHEN ?7 IS NULL THEN 'pending' ELSE 'held' END, ?7, ?8
         FROM watch JOIN guild USING (guild_id)
         WHERE guild_id = ?2 AND broadcaster_id = ?3 AND left_at IS NULL
         ON CONFLICT (transition_id, guild_id, part) DO UPDATE SET state = excluded.state, due_at = excluded.due_at,
             decided_at = CASE WHEN state IN ('held', 'filtered') AND excluded.state = 'pending' AND unsure_since IS NULL
                               THEN excluded.decided_at ELSE decided_at END,
             owed_since = CASE WHEN state IN ('held', 'filtered') THEN excluded.due_at ELSE excluded.owed_since END,
             matched_at = COALESCE(excluded.matched_at, matched_at),
             detail = CASE WHEN excluded.state = 'held' OR state IN ('held', 'filtered') THEN excluded.detail ELSE detail END,
             channel_id = CASE WHEN unsure_since IS NULL THEN excluded.channel_id ELSE channel_id END,
             settled_at = NULL
         WHERE state IN ('cancelled', 'expired', 'filtered')
            OR (state = 'held' AND (excluded.state <> 'held' OR detail IS NOT excluded.detail))",
    )?;
    let started_at: i64 = tx
        .prepare_cached(
            "SELECT started_at FROM transition JOIN session USING (session_id) WHERE transition_id = ?1",
        )?
        .query_row([transition], |row| row.get(0))?;
    let mut due = 0;
    for Owed { watch, channel, held_by } in owed {
        let changed = statement.execute(params![
            transition,
            signed(watch.guild.get()),
            watch.broadcaster.as_str(),
            signed(channel.get()),
            at.as_millis(),
            started_at,
            held_by.map(HeldBy::as_str),
            (matched == Matched::Now).then_some(at.as_millis())
        ])?;
        if held_by.is_none() {
            due += changed;
        }
    }
    routes::hold_paused(tx, transition)?;
    Ok(due)
}

/// A session goes on again: what was only looked for is as if it had expired, and is owed again or held back.
pub(super) fn look_no_more(tx: &Transaction<'_>, transition: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET state = 'expired' WHERE transition_id = ?1 AND state IN ('pending', 'paused') AND part = 0",
    )?
    .execute([transition])?;
    Ok(())
}

/// Nobody wants to read that somebody is live who is not: what waits expires, and what is held back is never told. What may stand
/// there already is looked for, at once or when its channel opens, because it is to say then that it is over.
pub(super) fn expire(tx: &Transaction<'_>, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
    let of_session = "transition_id IN (SELECT transition_id FROM transition WHERE session_id = ?1)";
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = CASE state WHEN 'held' THEN 'filtered' ELSE 'expired' END, settled_at = ?2
         WHERE state IN ('pending', 'paused', 'held') AND NOT (state <> 'held' AND {IN_DOUBT}) AND {of_session}"
    ))?
    .execute(params![session.0, at.as_millis()])?;
    tx.prepare_cached(&format!(
        "UPDATE delivery SET due_at = MIN(due_at, ?2) WHERE state = 'pending' AND {IN_DOUBT} AND {of_session}"
    ))?
    .execute(params![session.0, at.as_millis()])?;
    members::forget_mentioned(tx, session)
}
