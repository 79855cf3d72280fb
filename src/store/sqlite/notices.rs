//! What the admins of a server are to be told, once each: that a channel is closed to the bot, that a streamer has another
//! name or is gone.

use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Store, channel_id, guild_id, signed};
use crate::domain::{BroadcasterId, ChannelId, GuildId, Login, Matter, Notice, NoticeId, Route, Timestamp};
use crate::store::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Row {
    Paused(u64),
    Renamed { name: String, from: String, to: String },
    Vanished { name: String, login: String },
}

impl Store {
    /// Notices that are due, the oldest first, of servers that the bot is in.
    pub async fn notices_due(&self, at: Timestamp, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT notice_id, guild_id, matter, since, attempts, asked_in FROM notice JOIN guild USING (guild_id)
                 WHERE state = 'pending' AND due_at <= ?1 AND left_at IS NULL ORDER BY due_at, notice_id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![at.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let asked_in: Option<i64> = row.get(5)?;
                due.push(Notice {
                    id: NoticeId(row.get(0)?),
                    guild: guild_id(row.get(1)?)?,
                    matter: read(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
                    since: Timestamp::from_millis(row.get(3)?),
                    attempts: row.get(4)?,
                    asked_in: asked_in.map(channel_id).transpose()?,
                });
            }
            Ok(due)
        })
        .await
    }

    /// A notice is not told yet and is due again then.
    pub async fn notice_waits(&self, notice: NoticeId, due_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE notice SET due_at = ?2, attempts = attempts + 1 WHERE notice_id = ?1 AND state = 'pending'",
            )?
            .execute(params![notice.0, due_at.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// A notice was told in that channel, or, without one, is given up.
    pub async fn notice_is_done(
        &self,
        notice: NoticeId,
        told_in: Option<ChannelId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let state = if told_in.is_some() { "told" } else { "dropped" };
            tx.prepare_cached(
                "UPDATE notice SET state = ?2, channel_id = ?3, settled_at = ?4 WHERE notice_id = ?1",
            )?
            .execute(params![
                notice.0,
                state,
                told_in.map(|channel| signed(channel.get())),
                at.as_millis()
            ])?;
            Ok(())
        })
        .await
    }

    /// When the next notice is due or the next paused route is to be looked at.
    pub async fn next_errand(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT MIN(due) FROM (
                 SELECT MIN(due_at) AS due FROM notice JOIN guild USING (guild_id)
                 WHERE state = 'pending' AND left_at IS NULL
                 UNION ALL SELECT MIN(check_at) FROM route JOIN guild USING (guild_id)
                 WHERE paused_since IS NOT NULL AND left_at IS NULL)";
            let due: Option<i64> = tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }
}

fn read(text: &str) -> Result<Matter, StoreError> {
    let row: Row = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("notice"))?;
    let login = |login: String| Login::new(&login).map_err(|_| StoreError::Unreadable("login"));
    Ok(match row {
        Row::Paused(channel) => {
            Matter::Paused(ChannelId::new(channel).ok_or(StoreError::Unreadable("channel id"))?)
        }
        Row::Renamed { name, from, to } => Matter::Renamed { name, from: login(from)?, to: login(to)? },
        Row::Vanished { name, login: last } => Matter::Vanished { name, login: login(last)? },
    })
}

fn write(matter: &Matter) -> String {
    let row = match matter {
        Matter::Paused(channel) => Row::Paused(channel.get()),
        Matter::Renamed { name, from, to } => {
            Row::Renamed { name: name.clone(), from: from.to_string(), to: to.to_string() }
        }
        Matter::Vanished { name, login } => Row::Vanished { name: name.clone(), login: login.to_string() },
    };
    serde_json::to_string(&row).unwrap_or_default()
}

/// A server is to be told something, not before `due_at`.
pub(super) fn add(
    tx: &Transaction<'_>,
    guild: GuildId,
    matter: &Matter,
    at: Timestamp,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO notice (guild_id, matter, since, due_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![signed(guild.get()), write(matter), at.as_millis(), due_at.as_millis()])?;
    Ok(())
}

/// Every server that watches a streamer is to be told something about him.
pub(super) fn add_for_watchers(
    tx: &Transaction<'_>,
    broadcaster: &BroadcasterId,
    matter: &Matter,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO notice (guild_id, matter, since, due_at)
         SELECT guild_id, ?2, ?3, ?3 FROM watch JOIN guild USING (guild_id) WHERE broadcaster_id = ?1 AND left_at IS NULL",
    )?
    .execute(params![broadcaster.as_str(), write(matter), at.as_millis()])?;
    Ok(())
}

/// The channel is open again: nobody need be told that it was not. Returns whether somebody was still to be told.
pub(super) fn drop_paused(tx: &Transaction<'_>, route: Route, at: Timestamp) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "UPDATE notice SET state = 'dropped', settled_at = ?3
             WHERE guild_id = ?1 AND state = 'pending' AND matter = ?2",
        )?
        .execute(params![signed(route.guild.get()), write(&Matter::Paused(route.channel)), at.as_millis()])?
        > 0)
}
