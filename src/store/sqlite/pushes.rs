//! What Twitch has posted to us, for so long that a message which comes again is known, and that a new process can go on
//! with what the one before has heard.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::Store;
use crate::domain::{BroadcasterId, Login, Online, StreamId, Timestamp};
use crate::store::{Pushed, StoreError, Taken};

/// How long a message is remembered: twice as long as the window in which it is accepted is, since it may come from ten
/// minutes ahead and be repeated for ten minutes from there.
const REMEMBERED: Duration = Duration::from_mins(20);

/// Messages that are remembered at most. Twitch's quota allows for 10,000 subscriptions, each of which would have to tell of
/// ten streams in twenty minutes. What is forgotten too early and comes again is looked up again, no more.
const MOST: i64 = 100_000;

/// Rows that are forgotten at once: more than come at once, and still milliseconds.
const BATCH: i64 = 1_000;

impl Store {
    /// Remembers messages that Twitch has posted, all or none of them, and says of each what it was.
    pub async fn take_pushed(&self, messages: Vec<Pushed>, at: Timestamp) -> Result<Vec<Taken>, StoreError> {
        self.write(move |tx| {
            let taken = messages.iter().map(|message| take(tx, message, at)).collect::<Result<_, _>>()?;
            forget_pushed(tx, at)?;
            Ok(taken)
        })
        .await
    }

    /// The streams that were heard of since then and not seen by anybody, the latest first, `most` at most.
    pub async fn heard_since(&self, since: Timestamp, most: usize) -> Result<Vec<Online>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT stream_id, broadcaster_id, login, display_name, started_at FROM push
                 WHERE stream_id NOT IN (SELECT stream_id FROM session_stream) AND heard_at >= ?1
                 ORDER BY push_id DESC LIMIT ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![since.as_millis(), most])?;
            let mut heard = Vec::new();
            while let Some(row) = rows.next()? {
                match online(row) {
                    Ok(online) => heard.push(online),
                    // One that cannot be read is left to the poll; it would keep all others from being looked up.
                    Err(error) => tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what Twitch has pushed cannot be read again"
                    ),
                }
            }
            Ok(heard)
        })
        .await
    }

    /// Whether a server that the bot is in watches that broadcaster.
    pub async fn is_watched(&self, broadcaster: BroadcasterId) -> Result<bool, StoreError> {
        self.read(move |tx| is_watched(tx, &broadcaster)).await
    }

    /// Remembers the address that subscriptions are made to go to from now on, with the mark of its secret, or that they go
    /// to none. Returns the addresses of former times, among them the same one if it had another secret.
    pub async fn former_callbacks(
        &self,
        current: Option<(String, String)>,
    ) -> Result<Vec<String>, StoreError> {
        if let Some((url, mark)) = current.clone() {
            self.write(move |tx| {
                let remember = "INSERT OR IGNORE INTO callback (url, secret_mark) VALUES (?1, ?2)";
                Ok(tx.execute(remember, [url, mark])?)
            })
            .await?;
        }
        self.read(move |tx| {
            let (url, mark) = current.unzip();
            let mut statement =
                tx.prepare_cached("SELECT url FROM callback WHERE url IS NOT ?1 OR secret_mark IS NOT ?2")?;
            let rows = statement.query_map(params![url, mark], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets the addresses of former times: no subscription goes there any more.
    pub async fn forget_former_callbacks(&self, current: Option<(String, String)>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let (url, mark) = current.unzip();
            tx.execute("DELETE FROM callback WHERE url IS NOT ?1", [&url])?;
            tx.execute("UPDATE callback SET secret_mark = ?2 WHERE url = ?1", params![url, mark])?;
            Ok(())
        })
        .await
    }
}

fn online(row: &Row<'_>) -> Result<Online, StoreError> {
    let text = |column| row.get::<_, String>(column);
    Ok(Online {
        stream: StreamId::new(&text(0)?),
        broadcaster: BroadcasterId::new(&text(1)?),
        login: Login::new(&text(2)?).map_err(|_| StoreError::Unreadable("login"))?,
        display_name: row.get(3)?,
        started_at: Timestamp::from_millis(row.get(4)?),
        is_live: true,
    })
}

fn take(tx: &Transaction<'_>, message: &Pushed, at: Timestamp) -> Result<Taken, StoreError> {
    if let Some(broadcaster) = &message.broadcaster
        && !is_watched(tx, broadcaster)?
    {
        return Ok(Taken::Unwanted);
    }
    let online = message.online.as_ref();
    let new = tx
        .prepare_cached(
            "INSERT INTO push (message_id, heard_at, stream_id, broadcaster_id, login, display_name, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (message_id) DO NOTHING",
        )?
        .execute(params![
            message.message,
            at.as_millis(),
            online.map(|online| online.stream.as_str()),
            online.map(|online| online.broadcaster.as_str()),
            online.map(|online| online.login.as_str()),
            online.map(|online| online.display_name.as_str()),
            online.map(|online| online.started_at.as_millis()),
        ])?;
    Ok(if new == 0 { Taken::Again } else { Taken::New })
}

fn is_watched(tx: &Transaction<'_>, broadcaster: &BroadcasterId) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached(
            "SELECT 1 FROM watch JOIN guild USING (guild_id) WHERE broadcaster_id = ?1 AND left_at IS NULL LIMIT 1",
        )?
        .query_row([broadcaster.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Forgets the oldest messages, as many as one transaction may. Returns how many.
pub(super) fn forget_pushed(tx: &Transaction<'_>, at: Timestamp) -> Result<usize, StoreError> {
    // The first that is kept is found by reading what goes, and one row more.
    let forgotten = tx
        .prepare_cached(
            "DELETE FROM push WHERE push_id IN (
                 SELECT push_id FROM push
                 WHERE push_id < MAX(
                     IFNULL((SELECT push_id FROM push WHERE heard_at >= ?1 ORDER BY push_id LIMIT 1), ?3),
                     IFNULL((SELECT MAX(push_id) FROM push) - ?2 + 1, 0))
                 ORDER BY push_id LIMIT ?4)",
        )?
        .execute(params![at.before(REMEMBERED).as_millis(), MOST, i64::MAX, BATCH])?;
    Ok(forgotten)
}
