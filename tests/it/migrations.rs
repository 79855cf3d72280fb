//! Every migration, run on sample rows of the version before it, and the sample rows themselves.

use std::path::Path;

use livebell::store::{self, Store, StoreOptions};
use rusqlite::Connection;

/// The sample rows that go in after each migration, by its number.
const SAMPLES: [(u32, &str); 2] = [
    (1, include_str!("../data/migrations/sqlite/0001_spine.sql")),
    (2, include_str!("../data/migrations/sqlite/0002_delivery.sql")),
];

fn files(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

async fn migrated(path: &Path) -> Connection {
    drop(Store::open(StoreOptions::at(path)).await.expect("the database is brought up to date"));
    Connection::open(path).expect("the database opens")
}

#[test]
fn every_migration_has_sample_rows() {
    let numbers = |names: &[String], from: usize| -> Vec<u32> {
        names.iter().map(|name| name[from..from + 4].parse().expect("a number")).collect()
    };
    let migrations = numbers(&files("migrations/sqlite"), 1);
    assert_eq!(migrations, (1..=u32::try_from(migrations.len()).expect("few")).collect::<Vec<_>>());
    assert_eq!(migrations, numbers(&files("tests/data/migrations/sqlite"), 0));
    assert_eq!(migrations, SAMPLES.map(|(number, _)| number));
}

#[tokio::test]
async fn every_migration_keeps_the_rows_of_the_version_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    let mut database = Connection::open(&path).expect("the database opens");
    // Each migration but the first meets the sample rows of those before it.
    for (number, rows) in SAMPLES {
        store::migrate(&mut database, Some(i32::try_from(number).expect("small"))).expect("migrated");
        database.execute_batch(rows).expect("the sample rows fit");
    }
    drop(database);
    // Once more, as at every start: nothing changes.
    let database = migrated(&path).await;
    let rows = |table: &str| -> i64 {
        database.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
    };
    for (table, count) in [
        ("guild", 2),
        ("streamer", 3),
        ("former_login", 1),
        ("watch", 4),
        ("session", 3),
        ("session_facts", 3),
        ("session_stream", 4),
        ("transition", 3),
        ("transition_facts", 2),
        ("delivery", 6),
        ("route", 2),
        ("notice", 3),
    ] {
        assert_eq!(rows(table), count, "rows of {table}");
    }
    let broken: i64 = database
        .query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(broken, 0);
}

#[tokio::test]
async fn a_new_database_is_made_with_its_folders_and_is_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a/b/livebell.db");
    let database = migrated(&path).await;
    let integrity: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(integrity, "ok");
}

#[tokio::test]
async fn two_bots_never_share_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = StoreOptions::at(&folder.path().join("livebell.db"));
    let first = Store::open(options.clone()).await.expect("the first one opens it");
    let second = Store::open(options.clone()).await.expect_err("the second one is refused");
    assert!(second.to_string().contains("in use by another Livebell"), "{second}");
    drop(first);
    Store::open(options).await.expect("it is free again");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    let words = "these are not the bytes of a database, but somebody may want them back ".repeat(20);
    std::fs::write(&path, &words).expect("a file");
    Store::open(StoreOptions::at(&path)).await.expect_err("it is refused");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), words);
}
