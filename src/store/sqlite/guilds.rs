//! Servers coming and going. A server that removed the bot is forgotten some days later, not at once.

use rusqlite::params;

use super::{Store, routes, signed};
use crate::domain::{GuildId, Timestamp};
use crate::store::{Shard, StoreError};

/// Takes back what waits for the servers that left at that moment.
const CANCEL_PENDING: &str = "UPDATE delivery SET state = 'cancelled', settled_at = ?1
     WHERE state IN ('pending', 'paused') AND guild_id IN (SELECT guild_id FROM guild WHERE left_at = ?1)";

/// Takes back what filters hold back from them. Apart from the other, so that each has an index.
const CANCEL_HELD: &str = "UPDATE delivery SET state = 'cancelled', settled_at = ?1, detail = NULL
     WHERE state = 'held' AND guild_id IN (SELECT guild_id FROM guild WHERE left_at = ?1)";

impl Store {
    /// The bot was removed from a server: nothing more goes there. Returns whether the server was known and present.
    pub async fn guild_left(&self, guild: GuildId, at: Timestamp) -> Result<bool, StoreError> {
        let left = self
            .write(move |tx| {
                let left = tx
                    .prepare_cached("UPDATE guild SET left_at = ?2 WHERE guild_id = ?1 AND left_at IS NULL")?
                    .execute(params![signed(guild.get()), at.as_millis()])?;
                cancel(tx, at)?;
                Ok(left > 0)
            })
            .await?;
        if left {
            self.watches_did_change();
        }
        Ok(left)
    }

    /// The bot is in a server. Returns whether it had left it; everything it knew is as it was then.
    pub async fn guild_is_here(&self, guild: GuildId, at: Timestamp) -> Result<bool, StoreError> {
        // Every start says so of every server, so look before taking the writer.
        let gone = self
            .read(move |tx| {
                let mut statement =
                    tx.prepare_cached("SELECT 1 FROM guild WHERE guild_id = ?1 AND left_at IS NOT NULL")?;
                Ok(statement.exists([signed(guild.get())])?)
            })
            .await?;
        if !gone {
            return Ok(false);
        }
        self.write(move |tx| come_back(tx, &[guild], at)).await?;
        self.watches_did_change();
        Ok(true)
    }

    /// Compares the servers of one gateway connection with those that are remembered: being removed while offline sends
    /// no event. Returns how many had left and how many have come back.
    pub async fn reconcile_guilds(
        &self,
        shard: Shard,
        present: Vec<GuildId>,
        at: Timestamp,
    ) -> Result<(usize, usize), StoreError> {
        let counts = self
            .write(move |tx| {
                let mut known = Vec::new();
                let mut statement = tx.prepare_cached("SELECT guild_id, left_at IS NOT NULL FROM guild")?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let guild = super::guild_id(row.get(0)?)?;
                    if shard.holds(guild) {
                        known.push((guild, row.get::<_, bool>(1)?));
                    }
                }
                let present: std::collections::HashSet<GuildId> = present.into_iter().collect();
                let left: Vec<GuildId> = known
                    .iter()
                    .filter(|(guild, gone)| !gone && !present.contains(guild))
                    .map(|(guild, _)| *guild)
                    .collect();
                let back: Vec<GuildId> = known
                    .iter()
                    .filter(|(guild, gone)| *gone && present.contains(guild))
                    .map(|(guild, _)| *guild)
                    .collect();
                let mut leave = tx.prepare_cached("UPDATE guild SET left_at = ?2 WHERE guild_id = ?1")?;
                for guild in &left {
                    leave.execute(params![signed(guild.get()), at.as_millis()])?;
                }
                if !left.is_empty() {
                    cancel(tx, at)?;
                }
                come_back(tx, &back, at)?;
                Ok((left.len(), back.len()))
            })
            .await?;
        if counts != (0, 0) {
            self.watches_did_change();
        }
        Ok(counts)
    }

    /// Forgets the servers that left before then, with all their watches. Returns how many.
    pub async fn forget_guilds(&self, left_before: Timestamp) -> Result<usize, StoreError> {
        self.write(move |tx| {
            Ok(tx
                .prepare_cached("DELETE FROM guild WHERE left_at < ?1")?
                .execute([left_before.as_millis()])?)
        })
        .await
    }
}

fn cancel(tx: &rusqlite::Transaction<'_>, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(CANCEL_PENDING)?.execute([at.as_millis()])?;
    tx.prepare_cached(CANCEL_HELD)?.execute([at.as_millis()])?;
    Ok(())
}

fn come_back(tx: &rusqlite::Transaction<'_>, guilds: &[GuildId], at: Timestamp) -> Result<(), StoreError> {
    let mut back =
        tx.prepare_cached("UPDATE guild SET left_at = NULL, here_since = ?2 WHERE guild_id = ?1")?;
    // Who went live meanwhile is announced at the next look.
    let mut fresh = tx.prepare_cached("UPDATE watch SET fresh = 1 WHERE guild_id = ?1")?;
    for guild in guilds {
        back.execute(params![signed(guild.get()), at.as_millis()])?;
        fresh.execute([signed(guild.get())])?;
        routes::forget_all(tx, *guild, at)?;
    }
    Ok(())
}
