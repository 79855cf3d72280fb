//! A database that takes no writes for a while: nothing is announced that was not recorded, the supervisor is told, and
//! everything is announced once when it takes writes again, without a restart.

use std::net::SocketAddr;
use std::time::Duration;

use livebell::store::{Store, StoreOptions};
use livebell::web;
use livebell_fakes::discord::{Fault, Place};
use rusqlite::Connection;

use crate::process::{self, words};
use crate::world::{A_LOOK, GRACE, Server, World};

/// A server that follows Ann, who is about to go live, and where the bot tells its health.
async fn one_server() -> (World, Server, SocketAddr) {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    (world, cats, address)
}

/// Why the bot can read but not write.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Somebody else holds the database.
    Locked,
    /// What is there can only be read: every row that is to be written meets a trigger that fails. This is as near as a test
    /// comes that root may run, whom no right keeps from writing; and no system mounts anew what is being written to.
    ReadOnly,
}

const TROUBLES: [Trouble; 2] = [Trouble::Locked, Trouble::ReadOnly];

/// What such a trigger says. It is no valid path in JSON: an error, and of no kind that speaks of what is written.
const NO_WRITES: &str = "nothing can be written";

impl Trouble {
    /// It is so until what this returns is given to [`Trouble::ends`].
    fn begins(self, world: &World) -> Connection {
        let other = world.database();
        match self {
            Self::Locked => other.execute_batch("BEGIN IMMEDIATE").expect("the lock"),
            Self::ReadOnly => {
                let fails = format!("BEGIN SELECT json_extract('{{}}', '{NO_WRITES}'); END;");
                let triggers = triggers(&other).into_iter();
                let made =
                    |(name, table, what)| format!("CREATE TRIGGER {name} BEFORE {what} ON {table} {fails}");
                at_once(&other, triggers.map(made));
            }
        }
        other
    }

    fn ends(self, other: &Connection) {
        match self {
            Self::Locked => other.execute_batch("ROLLBACK").expect("the lock is given back"),
            Self::ReadOnly => {
                at_once(other, triggers(other).iter().map(|(name, _, _)| format!("DROP TRIGGER {name};")));
            }
        }
    }

    /// Fails unless the supervisor is told of it.
    async fn expect_told(self, address: SocketAddr) {
        let words = match self {
            Self::Locked => "locked",
            Self::ReadOnly => NO_WRITES,
        };
        let answer = web::ask(address).await.expect_err("it is told");
        assert!(answer.contains("the database cannot be written") && answer.contains(words), "{answer}");
    }
}

/// A trigger for each kind of write to each table: its name, the table, and what it comes before.
fn triggers(database: &Connection) -> Vec<(String, String, &'static str)> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = database.prepare(sql).expect("a statement");
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let of = |table: rusqlite::Result<String>| {
        let table = table.expect("a table");
        ["INSERT", "UPDATE", "DELETE"].map(|what| (format!("no_{what}_{table}"), table.clone(), what))
    };
    tables.flat_map(of).collect()
}

fn at_once(database: &Connection, statements: impl Iterator<Item = String>) {
    let statements: String = statements.collect();
    database.execute_batch(&format!("BEGIN IMMEDIATE; {statements} COMMIT")).expect("it is done");
}

fn states(world: &World) -> Vec<(String, bool)> {
    let database = world.database();
    let mut statement =
        database.prepare("SELECT state, message_id IS NOT NULL FROM delivery").expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("deliveries")
}

#[tokio::test(start_paused = true)]
async fn who_goes_live_while_nothing_can_be_written_is_announced_when_it_can() {
    for trouble in TROUBLES {
        let (world, cats, address) = one_server().await;
        let other = trouble.begins(&world);
        world.goes_live("ann");
        for _ in 0..5 {
            world.pass(Duration::from_mins(1)).await;
            world.expect_announced(cats, &[]);
            trouble.expect_told(address).await;
        }
        assert_eq!(states(&world), []);
        trouble.ends(&other);
        world.pass(A_LOOK).await;
        world.expect_announced(cats, &["Ann"]);
        web::ask(address).await.expect("it is healthy again");
        world.pass(Duration::from_mins(10)).await;
        world.expect_announced(cats, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_on_air_only_while_nothing_could_be_written_is_not_announced() {
    for trouble in TROUBLES {
        let (world, cats, _) = one_server().await;
        let other = trouble.begins(&world);
        world.goes_live("ann");
        world.pass(Duration::from_mins(10)).await;
        world.goes_offline("ann");
        trouble.ends(&other);
        world.pass(GRACE + A_LOOK).await;
        world.expect_announced(cats, &[]);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_whose_attempt_cannot_be_recorded() {
    for trouble in TROUBLES {
        let (world, cats, address) = one_server().await;
        let pause = Fault::RateLimited { header: 20.0, body: 20.0, scope: "user" };
        world.discord.fail(Place::Channel(cats.live), 1, pause);
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        assert_eq!(states(&world), [("pending".to_owned(), false)]);
        let asked = world.discord.message_posts();
        let other = trouble.begins(&world);
        world.pass(Duration::from_mins(5)).await;
        trouble.expect_told(address).await;
        assert_eq!(world.discord.message_posts(), asked);
        world.expect_announced(cats, &[]);
        trouble.ends(&other);
        world.pass(Duration::from_secs(10)).await;
        world.expect_announced(cats, &["Ann"]);
        web::ask(address).await.expect("it is healthy again");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_recorded_yet_is_recorded_later_and_nothing_is_sent_again() {
    for trouble in TROUBLES {
        let (world, cats, address) = one_server().await;
        world.discord.set_latency(Duration::from_secs(2));
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        let other = trouble.begins(&world);
        // Longer than a lease.
        world.pass(Duration::from_mins(5)).await;
        trouble.expect_told(address).await;
        assert_eq!(states(&world), [("leased".to_owned(), false)]);
        trouble.ends(&other);
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(states(&world), [("delivered".to_owned(), true)]);
        world.pass(Duration::from_mins(5)).await;
        world.expect_announced(cats, &["Ann"]);
        assert_eq!(world.discord.message_posts(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_dies_with_an_outcome_that_could_not_be_recorded_finds_it_in_the_channel() {
    let (mut world, cats, _) = one_server().await;
    world.discord.set_latency(Duration::from_secs(2));
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    let other = Trouble::Locked.begins(&world);
    world.pass(Duration::from_mins(5)).await;
    world.kill().await;
    Trouble::Locked.ends(&other);
    world.discord.set_latency(Duration::ZERO);
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.discord.message_posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_cannot_write_when_discord_answers_at_last_waits_until_it_can() {
    let (mut world, cats, address) = one_server().await;
    world.stop().await.expect("a clean stop");
    world.discord.fail(Place::Any, u32::MAX, Fault::Html(502));
    world.spawn();
    world.pass(Duration::from_secs(10)).await;
    let other = Trouble::Locked.begins(&world);
    world.discord.clear_faults();
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &[]);
    Trouble::Locked.expect_told(address).await;
    Trouble::Locked.ends(&other);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann"]);
    web::ask(address).await.expect("it is healthy");
}

#[tokio::test(start_paused = true)]
async fn what_can_only_be_read_is_read_to_who_asks_and_nothing_is_promised() {
    let (world, cats, _) = one_server().await;
    let other = Trouble::ReadOnly.begins(&world);
    assert!(world.list(cats).await.contains("Ann"));
    let reply = world.follow(cats, "bob").await.text();
    assert!(!reply.contains("is announced"), "{reply}");
    Trouble::ReadOnly.ends(&other);
    assert!(!world.list(cats).await.contains("Bob"));
    let reply = world.follow(cats, "bob").await.text();
    assert!(reply.contains("is announced"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_database_that_can_only_be_read_is_refused_in_plain_words() {
    let place = process::Place::new().await;
    let path = place.folder.path().join("data/livebell.db");
    drop(Store::open(StoreOptions::at(&path)).await.expect("a database"));
    // The file says that only a later SQLite may write it (SQLite, Database File Format, "File format version numbers").
    let mut file = std::fs::read(&path).expect("the file");
    file[18] = 3;
    std::fs::write(&path, &file).expect("a file");
    let ended = place.run(&["run"], &[]).await;
    let checked = place.run(&["check"], &[]).await;
    assert_eq!((ended.status.code(), checked.status.code()), (Some(2), Some(2)));
    for told in [words(&ended.stderr), words(&checked.stdout)] {
        assert!(told.contains("DATABASE_PATH") && told.contains("readonly database"), "{told}");
        assert!(!told.contains("panicked") && !told.contains("backtrace"), "{told}");
    }
    assert!(std::fs::read(&path).expect("the file") == file, "it is left as it is");
    assert_eq!(place.discord.identifies(), 0);
}
