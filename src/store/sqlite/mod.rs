//! The store on SQLite: one connection that writes, one that reads, each used by one blocking call at a time.
//!
//! The statements live beside this file by subject. A lease is a column, never an open transaction across a request.

mod accounts;
mod course;
mod eventsub;
mod explaining;
mod gateway;
mod guilds;
mod history;
mod members;
mod notices;
mod opening;
mod outbox;
mod owing;
mod publications;
mod pushes;
mod recordings;
mod revisions;
mod routes;
mod sessions;
mod trying;
mod turns;
mod waking;
mod watches;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Mutex;

pub use course::VIEWERS_KEPT_EVERY;
pub use history::HISTORY;
pub use members::MAX_MENTIONED;
pub use opening::probe;
pub use sessions::LOOKED_AT_EVERY;
pub use trying::MAX_TRIED;

use super::{Board, StoreError, StoreOptions, preferences};
use crate::domain::{BroadcasterId, ChannelId, GuildId, Preferences};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Tries whether the file takes a write. The row has to change: SQLite writes nothing for one that stays as it was.
const TRIAL: &str = "UPDATE installation SET trials = trials + 1";

/// Everything that survives a restart. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    board: Board,
    installation: Arc<str>,
    /// Counts the changes of who is watched, so that readers know when to read again.
    watches_changed: Arc<AtomicU64>,
    /// Whether the last write failed, and not for what was to be written.
    disk_refuses: Arc<AtomicBool>,
    /// Held as long as the store lives; the system lets go of it when the process dies.
    _lock: Arc<File>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, made new when there is none, and brings it up to date.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        blocking(move || {
            let StoreOptions { path, busy_timeout } = options;
            let fail = |source| StoreError::Open { path: path.clone(), source };
            opening::make_folder(&path).map_err(fail)?;
            let lock = opening::lock(&path)?;
            let mut writer = opening::connect_examined(&path, busy_timeout)?;
            migrate(&mut writer, None)?;
            // A file that takes no write is better refused now than when the first announcement cannot be remembered.
            writer.execute(TRIAL, [])?;
            let installation: String =
                writer.query_row("SELECT token FROM installation", [], |row| row.get(0))?;
            let board = Board::default();
            sessions::load_board(&writer, &board)?;
            let reader = opening::connect(&path, busy_timeout).map_err(fail)?;
            reader.pragma_update(None, "query_only", true)?;
            Ok(Self {
                writer: Arc::new(Mutex::new(writer)),
                reader: Arc::new(Mutex::new(reader)),
                board,
                installation: installation.into(),
                watches_changed: Arc::new(AtomicU64::new(1)),
                disk_refuses: Arc::new(AtomicBool::new(false)),
                _lock: Arc::new(lock),
            })
        })
        .await
    }

    /// Who is live, in memory.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// A text that no other database has, for ids that must not repeat those of another one.
    #[must_use]
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// A number that changes whenever it may have changed who is watched by whom.
    #[must_use]
    pub fn watches_generation(&self) -> u64 {
        self.watches_changed.load(Ordering::Acquire)
    }

    /// Whether something can be written; `/healthz` asks.
    ///
    /// It is rolled back, so the disk is left alone, unless the last write failed: a full disk shows only when something
    /// is really written.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        if self.disk_refuses.load(Ordering::Acquire) {
            return self
                .write(|tx| {
                    tx.execute(TRIAL, [])?;
                    Ok(())
                })
                .await;
        }
        let mut connection = Arc::clone(&self.writer).lock_owned().await;
        blocking(move || {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute(TRIAL, [])?;
            Ok(tx.rollback()?)
        })
        .await
    }

    fn watches_did_change(&self) {
        self.watches_changed.fetch_add(1, Ordering::AcqRel);
    }

    /// Runs `work` in a transaction of its own. It is committed when `work` succeeds, else nothing has happened.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_then(work, |value| value).await
    }

    /// The same, with something to be done after the commit and before anybody else writes: the board changes in the order
    /// in which the database does.
    async fn write_then<T: Send + 'static, U: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, StoreError> {
        let mut connection = Arc::clone(&self.writer).lock_owned().await;
        let refuses = Arc::clone(&self.disk_refuses);
        blocking(move || {
            let written = (|| {
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = work(&tx)?;
                tx.commit()?;
                Ok(value)
            })();
            let of_the_disk =
                written.as_ref().err().is_some_and(|error: &StoreError| !error.is_about_content());
            refuses.store(of_the_disk, Ordering::Release);
            written.map(then)
        })
        .await
    }

    /// Runs `work` on one consistent state, beside whatever is being written.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut connection = Arc::clone(&self.reader).lock_owned().await;
        blocking(move || work(&connection.transaction()?)).await
    }
}

/// Brings a database up to the migration with that number, or up to date. Each migration happens whole or not at all.
pub fn migrate(connection: &mut Connection, up_to: Option<i32>) -> Result<(), StoreError> {
    let target = up_to.map_or(refinery::Target::Latest, refinery::Target::Version);
    embedded::migrations::runner().set_target(target).run(connection).map_err(Box::new)?;
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

/// A snowflake as SQLite keeps it. The id types hold no value beyond 63 bits.
fn signed(snowflake: u64) -> i64 {
    i64::try_from(snowflake).unwrap_or(i64::MAX)
}

fn guild_id(raw: i64) -> Result<GuildId, StoreError> {
    u64::try_from(raw).ok().and_then(GuildId::new).ok_or(StoreError::Unreadable("server id"))
}

fn channel_id(raw: i64) -> Result<ChannelId, StoreError> {
    u64::try_from(raw).ok().and_then(ChannelId::new).ok_or(StoreError::Unreadable("channel id"))
}

/// How the announcements of a watch are wanted: its own preferences stand in column `first`, those of its server in the next.
fn preferences_of(row: &rusqlite::Row<'_>, first: usize) -> Result<Preferences, StoreError> {
    let read = |column| -> Result<Preferences, StoreError> {
        preferences::read(row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?)
    };
    Ok(read(first)?.over(read(first + 1)?))
}

/// A list of ids as JSON, for statements that join with `json_each`.
fn json_list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.collect::<serde_json::Value>().to_string()
}

/// The ids of a result set with one text column.
fn broadcasters(
    statement: &mut rusqlite::Statement<'_>,
    params: impl rusqlite::Params,
) -> Result<Vec<BroadcasterId>, StoreError> {
    let rows = statement.query_map(params, |row| Ok(BroadcasterId::new(row.get_ref(0)?.as_str()?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_connections_keep_what_they_are_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        for connection in [&store.writer, &store.reader] {
            let connection = connection.lock().await;
            let pragma = |name: &str| -> String {
                let value =
                    connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
                format!("{name} {:?}", value.expect("a value"))
            };
            assert_eq!(pragma("journal_mode"), "journal_mode Text(\"wal\")");
            assert_eq!(pragma("synchronous"), "synchronous Integer(2)");
            assert_eq!(pragma("foreign_keys"), "foreign_keys Integer(1)");
            assert_eq!(pragma("busy_timeout"), "busy_timeout Integer(5000)");
        }
        let reader = store.reader.lock().await;
        reader.execute("DELETE FROM guild", []).expect_err("the reader writes nothing");
    }
}
