//! Every migration, run on sample rows of the version before it, and the sample rows themselves.

use std::path::Path;

use livebell::store::{self, Store, StoreOptions};
use rusqlite::Connection;

/// The sample rows that go in after each migration, by its number.
const SAMPLES: [(u32, &str); 10] = [
    (1, include_str!("../data/migrations/sqlite/0001_spine.sql")),
    (2, include_str!("../data/migrations/sqlite/0002_delivery.sql")),
    (3, include_str!("../data/migrations/sqlite/0003_eventsub.sql")),
    (4, include_str!("../data/migrations/sqlite/0004_webhooks.sql")),
    (5, include_str!("../data/migrations/sqlite/0005_revisions.sql")),
    (6, include_str!("../data/migrations/sqlite/0006_preferences.sql")),
    (7, include_str!("../data/migrations/sqlite/0007_held.sql")),
    (8, include_str!("../data/migrations/sqlite/0008_life.sql")),
    (9, include_str!("../data/migrations/sqlite/0009_members.sql")),
    (10, include_str!("../data/migrations/sqlite/0010_posts.sql")),
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

fn texts(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
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
        ("transition_facts", 2),
        ("session_stream", 4),
        ("transition", 3),
        ("delivery", 12),
        ("revision", 2),
        ("route", 2),
        ("notice", 3),
        ("push", 2),
        ("callback", 1),
        ("chapter", 3),
        ("recording_look", 1),
        ("recording", 2),
        ("publication", 4),
        ("member_choice", 3),
        ("mentioned", 2),
    ] {
        assert_eq!(rows(table), count, "rows of {table}");
    }
    let broken: i64 = database
        .query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(broken, 0);
}

#[tokio::test]
async fn deliveries_of_the_first_version_go_on_with_what_the_second_one_asks_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    let mut database = Connection::open(&path).expect("the database opens");
    store::migrate(&mut database, Some(1)).expect("migrated");
    database.execute_batch(SAMPLES[0].1).expect("the sample rows fit");
    let sql = "SELECT stream FROM session UNION ALL SELECT stream FROM transition";
    let facts_before = texts(&database, sql);
    drop(database);
    let database = migrated(&path).await;
    let [live, over]: [i64; 2] = [1_795_248_060_000, 1_795_210_060_000];
    // State, attempts, decided_at, owed_since, leased_at, sent_at, unsure_since, doubt.
    let sql = "SELECT concat_ws(' ', state, attempts, decided_at, owed_since, ifnull(leased_at, '-'), ifnull(sent_at, '-'),
                                ifnull(unsure_since, '-'), ifnull(doubt, '-'))
               FROM delivery ORDER BY delivery_id";
    assert_eq!(
        texts(&database, sql),
        [
            // It has failed once, and may have arrived then.
            format!("pending 1 {live} {live} - - {live} -"),
            format!("cancelled 0 {live} {live} - - - -"),
            format!("delivered 1 {over} {over} - - - -"),
            format!("refused 1 {over} {over} - - - -"),
            // Its lease, which lasts two minutes, tells when the attempt began that nobody has heard of.
            format!("leased 1 {live} {live} {} - - -", live + 1_000),
            // Nobody has tried, so there is no doubt.
            format!("pending 0 {live} {live} - - - -"),
        ]
    );
    let sql = "SELECT stream FROM session_facts UNION ALL SELECT stream FROM transition_facts";
    assert_eq!(texts(&database, sql), facts_before);
    assert_eq!(facts_before.len(), 4);
    // And what each is about is what it was about: the streams' ids stand in the facts.
    let sql = "SELECT concat_ws(' ', session_id, transition_id, session_facts.stream ->> 'id', transition_facts.stream ->> 'id')
               FROM session_facts JOIN transition USING (session_id) JOIN transition_facts USING (transition_id)
               ORDER BY session_id";
    assert_eq!(texts(&database, sql), ["1 1 9001 9001", "2 2 9002 9002"]);
    let sql = "SELECT concat_ws(' ', late, doubt, ifnull(asked_in, '-'), ifnull(here_since, '-')) FROM guild";
    assert_eq!(texts(&database, sql), ["post twice - -"; 2]);
    drop(database);
    // The next process takes the killed one's attempt for one that may have arrived.
    let store = Store::open(StoreOptions::at(&path)).await.expect("the database opens");
    assert_eq!(store.release_leases().await.expect("released"), 1);
    let database = Connection::open(&path).expect("the database opens");
    let sql = "SELECT concat_ws(' ', state, unsure_since) FROM delivery WHERE leased_at IS NOT NULL";
    assert_eq!(texts(&database, sql), [format!("pending {}", live + 1_000)]);
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
