//! Files that are no sound database: refused at the start with the way out, and left byte for byte as they were.

use std::path::{Path, PathBuf};

use livebell::store::{Store, StoreError, StoreOptions};
use rusqlite::Connection;

use crate::process::{Place, words};

/// A database that somebody has used for a while.
async fn used(folder: &Path) -> PathBuf {
    let path = folder.join("livebell.db");
    drop(Store::open(StoreOptions::at(&path)).await.expect("a database"));
    let database = Connection::open(&path).expect("the database opens");
    database
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO streamer (broadcaster_id, login, display_name, refreshed_at)
             SELECT 100000 + i, 'streamer_' || i, 'Streamer ' || i, 0 FROM n",
        )
        .expect("streamers");
    path
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// What stands in a file; nothing when there is none or it is empty, which is the same to SQLite.
fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

/// Fails unless the file is refused as damaged, with nothing changed that SQLite would read.
async fn expect_refused(path: &Path, what: &str) {
    let files = [path.to_owned(), beside(path, "-wal"), beside(path, "-journal")];
    let before = files.each_ref().map(|file| bytes(file));
    let refused = Store::open(StoreOptions::at(path)).await.expect_err(what);
    assert!(matches!(refused, StoreError::Damaged { .. }), "{what}: {refused:?}");
    let told = refused.to_string();
    assert!(told.contains(&path.display().to_string()) && told.contains("backup"), "{told}");
    livebell::store::probe(path).expect_err(what);
    for (file, before) in files.iter().zip(before) {
        assert!(bytes(file) == before, "{what}: {} has changed", file.display());
    }
}

#[tokio::test]
async fn damaged_files_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = bytes(&used(folder.path()).await);
    assert!(sound.len() > 100_000, "{} bytes", sound.len());
    let mut overwritten = sound.clone();
    // The middle of a page in the middle of the file, and what the page says about itself.
    let page = sound.len() / 2 / 4096 * 4096;
    overwritten[page..page + 64].fill(0xA5);
    overwritten[page + 2_000..page + 2_600].fill(0xA5);
    let damaged = [
        ("bytes overwritten", overwritten),
        ("cut off between two pages", sound[..40 * 4096].to_vec()),
        ("cut off within a page", sound[..sound.len() / 2 + 1_000].to_vec()),
        ("cut off in the first page", sound[..700].to_vec()),
        ("cut off in its first line", sound[..50].to_vec()),
        ("a text", b"these are not the bytes of a database\n".repeat(60)),
        ("a short text", b"no\n".to_vec()),
    ];
    for (number, (what, file)) in damaged.into_iter().enumerate() {
        let path = folder.path().join(format!("damaged-{number}.db"));
        std::fs::write(&path, file).expect("a file");
        expect_refused(&path, what).await;
    }
}

#[tokio::test]
async fn a_damaged_file_is_left_as_it_is_with_what_a_killed_bot_had_not_moved_into_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = used(folder.path()).await;
    let open = Connection::open(&path).expect("the database opens");
    open.execute("UPDATE streamer SET refreshed_at = 1", []).expect("a change");
    let killed = folder.path().join("killed.db");
    let mut file = bytes(&path);
    let page = file.len() / 2 / 4096 * 4096;
    // Page 1 is whole, so SQLite opens it; what the journal has replaced is not read from here.
    file[page..page + 4096].fill(0xA5);
    file.truncate(file.len() - 30 * 4096);
    std::fs::write(&killed, file).expect("a file");
    let journal = bytes(&beside(&path, "-wal"));
    assert!(!journal.is_empty());
    // Cut off, so that not everything can be mended from it.
    std::fs::write(beside(&killed, "-wal"), &journal[..32 + 5 * 4120]).expect("a file");
    expect_refused(&killed, "damaged, with a journal").await;
}

#[tokio::test]
async fn a_database_of_another_kind_of_journal_is_not_converted_before_it_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = used(folder.path()).await;
    let database = Connection::open(&path).expect("the database opens");
    database.pragma_update(None, "journal_mode", "DELETE").expect("another journal");
    drop(database);
    let mut file = bytes(&path);
    let page = file.len() / 2 / 4096 * 4096;
    file[page..page + 64].fill(0xA5);
    std::fs::write(&path, file).expect("a file");
    expect_refused(&path, "damaged, without a journal").await;
}

#[tokio::test]
async fn an_empty_file_is_a_new_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    std::fs::write(&path, "").expect("a file");
    Store::open(StoreOptions::at(&path)).await.expect("it is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_which_file_is_damaged_and_what_to_do() {
    let place = Place::new().await;
    std::fs::create_dir(place.folder.path().join("data")).expect("a folder");
    let path = used(&place.folder.path().join("data")).await;
    let mut file = bytes(&path);
    let page = file.len() / 2 / 4096 * 4096;
    file[page..page + 64].fill(0xA5);
    std::fs::write(&path, &file).expect("a file");
    let ended = place.run(&["run"], &[]).await;
    let told = words(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    let checked = place.run(&["check"], &[]).await;
    let found = words(&checked.stdout);
    assert_eq!(checked.status.code(), Some(2), "{found}");
    for answer in [told, found] {
        for part in ["DATABASE_PATH", "data/livebell.db is damaged", "Nothing was changed", "backup"] {
            assert!(answer.contains(part), "no {part:?} in: {answer}");
        }
    }
    assert!(bytes(&path) == file);
    assert_eq!(place.discord.identifies(), 0);
}
