//! Opening the database file: alone, only when it is sound, and leaving it as it is when it is not.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::store::{BUSY_TIMEOUT, StoreError};

/// Prepared statements kept by each connection; the program has about a hundred.
const STATEMENT_CACHE: usize = 128;

/// A file up to this length is looked through whole at the start, which takes a second or two. A longer one is mostly history,
/// and reading it all would keep the bot from starting for so much longer: then only what it lives on is looked through.
/// Damage elsewhere is noticed by SQLite when it is read, and is not written over.
const CHECKED_WHOLE: u64 = 64 * 1024 * 1024;

/// The tables that grow with the history.
const LONG_TABLES: [&str; 6] =
    ["session", "session_facts", "session_stream", "transition", "transition_facts", "delivery"];

/// Says whether a database could be used there, without migrating or locking it, for `livebell check`.
pub fn probe(path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::Open { path: path.to_owned(), source };
    make_folder(path).map_err(fail)?;
    let mut connection = connect_examined(path, BUSY_TIMEOUT)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Rolled back: the point is that the file takes a write.
    tx.execute("CREATE TABLE livebell_probe (x INTEGER)", [])?;
    Ok(tx.rollback()?)
}

pub(super) fn make_folder(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))
}

/// Takes the lock beside the database that says "a Livebell runs on this one".
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
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

/// Refuses a damaged database while it is as it was found: whatever were written into it might make it worse. A file that is
/// longer than `whole` is not looked through whole.
fn examine(connection: &Connection, path: &Path, whole: u64) -> Result<(), StoreError> {
    let damaged = |what: &str| StoreError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let look = || -> rusqlite::Result<Option<String>> {
        let length = std::fs::metadata(path).map_or(0, |file| file.len());
        if length <= whole {
            return finding(connection, "1");
        }
        let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let tables = tables.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        for table in tables.iter().filter(|table| !LONG_TABLES.contains(&table.as_str())) {
            if let Some(what) = finding(connection, table)? {
                return Ok(Some(what));
            }
        }
        Ok(None)
    };
    match look() {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(damaged(&what)),
        Err(error) if is_damage(&error) => Err(damaged(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// What SQLite finds wrong, in one table or, with a number, in the whole file.
fn finding(connection: &Connection, with: &str) -> rusqlite::Result<Option<String>> {
    let verdict: String =
        connection.query_row(&format!("PRAGMA quick_check({with})"), [], |row| row.get(0))?;
    Ok((verdict != "ok").then(|| verdict.lines().last().unwrap_or_default().to_owned()))
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
pub(super) fn connect_examined(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    let fail = |error: anyhow::Error| opening(path, error);
    let connection = open(path, busy_timeout).map_err(fail)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    examine(&connection, path, CHECKED_WHOLE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    prepare(&connection).map_err(fail)?;
    Ok(connection)
}

pub(super) fn connect(path: &Path, busy_timeout: Duration) -> anyhow::Result<Connection> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreOptions};

    /// A database in which the page that a table begins with is damaged.
    async fn damaged(table: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("livebell.db");
        drop(Store::open(StoreOptions::at(&path)).await.expect("a store"));
        let connection = connect(&path, Duration::ZERO).expect("the database opens");
        let sql = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let page: u32 = connection.query_row(sql, [table], |row| row.get(0)).expect("a page");
        drop(connection);
        let page = usize::try_from(page).expect("a small file");
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes[(page - 1) * 4096..][..64].fill(0xA5);
        std::fs::write(&path, bytes).expect("the file");
        (folder, path)
    }

    async fn check(table: &str, whole: u64, is_refused: bool) {
        let (_folder, path) = damaged(table).await;
        let connection = open(&path, Duration::ZERO).expect("the database opens");
        assert_eq!(examine(&connection, &path, whole).is_err(), is_refused, "{table}, {whole}");
    }

    #[tokio::test]
    async fn a_long_file_is_looked_through_where_it_matters() {
        check("watch", u64::MAX, true).await;
        check("watch", 0, true).await;
        check("guild", 0, true).await;
        check("delivery", u64::MAX, true).await;
        check("delivery", 0, false).await;
    }
}
