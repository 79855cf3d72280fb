//! The store on SQLite: one connection that writes, one that reads, each used by one blocking call at a time.
//!
//! The statements live beside this file by subject. A lease is a column, never an open transaction across a request.

mod accounts;
mod explaining;
mod gateway;
mod guilds;
mod history;
mod notices;
mod outbox;
mod routes;
mod sessions;
mod turns;
mod waking;
mod watches;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Mutex;

pub use history::HISTORY;
pub use sessions::LOOKED_AT_EVERY;

use super::{Board, StoreError, StoreOptions};
use crate::domain::{BroadcasterId, ChannelId, GuildId};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// How long `livebell check` waits for a lock: a running bot holds it for moments.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries whether the file takes a write. The row has to change: SQLite writes nothing for one that stays as it was.
const TRIAL: &str = "UPDATE installation SET trials = trials + 1";

/// Prepared statements kept by each connection; the program has about a hundred.
const STATEMENT_CACHE: usize = 128;

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
            make_folder(&path).map_err(fail)?;
            let lock = lock(&path)?;
            let mut writer = connect_examined(&path, busy_timeout)?;
            migrate(&mut writer, None)?;
            // A file that takes no write is better refused now than when the first announcement cannot be remembered.
            writer.execute(TRIAL, [])?;
            let installation: String =
                writer.query_row("SELECT token FROM installation", [], |row| row.get(0))?;
            let board = Board::default();
            sessions::load_board(&writer, &board)?;
            let reader = connect(&path, busy_timeout).map_err(fail)?;
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

/// Says whether a database could be used there, without migrating or locking it, for `livebell check`.
pub fn probe(path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::Open { path: path.to_owned(), source };
    make_folder(path).map_err(fail)?;
    let mut connection = connect_examined(path, PROBE_TIMEOUT)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Rolled back: the point is that the file takes a write.
    tx.execute("CREATE TABLE livebell_probe (x INTEGER)", [])?;
    Ok(tx.rollback()?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))
}

/// Takes the lock beside the database that says "a Livebell runs on this one".
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let fail = |error: std::io::Error| StoreError::Open { path: path.to_owned(), source: error.into() };
    let file = File::options().create(true).append(true).open(name).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

/// Refuses a damaged database while it is as it was found: whatever were written into it might make it worse.
fn examine(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    let found: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match found {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(damaged(verdict.lines().last().unwrap_or_default().to_owned())),
        Err(error) if is_damage(&error) => Err(damaged(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Why a file cannot be opened: because it is no sound database, or because of something around it.
fn opening(path: &Path, error: anyhow::Error) -> StoreError {
    match error.downcast_ref::<rusqlite::Error>() {
        Some(cause) if is_damage(cause) => {
            StoreError::Damaged { path: path.to_owned(), what: cause.to_string() }
        }
        _ => StoreError::Open { path: path.to_owned(), source: error },
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// A connection to a database that was found sound. One that was not is left byte for byte as it was: it is neither brought
/// to another kind of journal, nor is what a killed process left in the journal moved into it.
fn connect_examined(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    let fail = |error: anyhow::Error| opening(path, error);
    let connection = open(path, busy_timeout).map_err(fail)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    examine(&connection, path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    prepare(&connection).map_err(fail)?;
    Ok(connection)
}

fn connect(path: &Path, busy_timeout: Duration) -> anyhow::Result<Connection> {
    let connection = open(path, busy_timeout)?;
    prepare(&connection)?;
    Ok(connection)
}

fn open(path: &Path, busy_timeout: Duration) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        // Each connection stands behind a lock of ours.
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> anyhow::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: an announcement that was sent must never be forgotten by a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(())
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
