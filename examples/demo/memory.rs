//! What the bot itself remembers, read from its database beside it: who is followed where, and which streams go on.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags};

/// A streamer that a server follows.
#[derive(Clone, Debug)]
pub(crate) struct Follow {
    /// The server.
    pub(crate) guild: u64,
    /// Twitch's id of the streamer.
    pub(crate) streamer: String,
    /// Where the announcements go.
    pub(crate) channel: Option<u64>,
}

/// A stream that the bot takes to be going on. Times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// When it began.
    pub(crate) since: i64,
    /// Since when it is not seen.
    pub(crate) missing_since: Option<i64>,
}

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Every server with every streamer that it follows.
    pub(crate) follows: Vec<Follow>,
    /// The streams, by the streamer's id.
    pub(crate) sessions: HashMap<String, Session>,
    /// Where a server's announcements go.
    pub(crate) channels: HashMap<u64, u64>,
}

/// Reads it. Only reading is possible this way, so the demo cannot get between the bot and its database.
pub(crate) async fn read(database: PathBuf) -> anyhow::Result<Memory> {
    let look = move || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags)?;
        Ok::<_, rusqlite::Error>(Memory {
            follows: follows(&connection)?,
            sessions: sessions(&connection)?,
            channels: channels(&connection)?,
        })
    };
    tokio::task::spawn_blocking(look).await?.context("the bot's database cannot be read")
}

fn follows(connection: &Connection) -> rusqlite::Result<Vec<Follow>> {
    let mut statement = connection.prepare(
        "SELECT guild_id, broadcaster_id, COALESCE(watch.channel_id, guild.channel_id)
         FROM watch JOIN guild USING (guild_id) ORDER BY guild_id, watch.added_at",
    )?;
    let rows = statement.query_map([], |row| {
        let channel: Option<i64> = row.get(2)?;
        Ok(Follow {
            guild: row.get::<_, i64>(0)?.cast_unsigned(),
            streamer: row.get(1)?,
            channel: channel.map(i64::cast_unsigned),
        })
    })?;
    rows.collect()
}

fn sessions(connection: &Connection) -> rusqlite::Result<HashMap<String, Session>> {
    let mut statement = connection
        .prepare("SELECT broadcaster_id, started_at, missing_since FROM session WHERE ended_at IS NULL")?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, Session { since: row.get(1)?, missing_since: row.get(2)? })))?;
    rows.collect()
}

fn channels(connection: &Connection) -> rusqlite::Result<HashMap<u64, u64>> {
    let mut statement =
        connection.prepare("SELECT guild_id, channel_id FROM guild WHERE channel_id IS NOT NULL")?;
    let rows = statement.query_map([], |row| {
        let (guild, channel): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((guild.cast_unsigned(), channel.cast_unsigned()))
    })?;
    rows.collect()
}
