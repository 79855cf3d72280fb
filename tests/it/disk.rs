//! A database that takes no writes for a while: nothing is announced that was not recorded, the supervisor is told, and
//! everything is announced once when it takes writes again, without a restart.

use std::net::SocketAddr;
use std::time::Duration;

use livebell::web;
use livebell_fakes::discord::{Fault, Place};
use rusqlite::Connection;

use crate::process::port_to_keep;
use crate::world::{A_LOOK, GRACE, Server, World};

/// A server that follows Ann, who is about to go live, and where the bot tells its health.
async fn one_server() -> (World, Server, SocketAddr) {
    let mut world = World::asleep().await;
    let address = SocketAddr::from(([127, 0, 0, 1], port_to_keep()));
    world.settings.http_bind = Some(address);
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    (world, cats, address)
}

/// Somebody else holds the database: the bot can read but not write.
fn hold(world: &World) -> Connection {
    let other = world.database();
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    other
}

fn give_back(other: &Connection) {
    other.execute_batch("ROLLBACK").expect("the lock is given back");
}

async fn expect_told_of_the_database(address: SocketAddr) {
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(answer.contains("the database cannot be written") && answer.contains("locked"), "{answer}");
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
    let (world, cats, address) = one_server().await;
    let other = hold(&world);
    world.goes_live("ann");
    for _ in 0..5 {
        world.pass(Duration::from_mins(1)).await;
        world.expect_announced(cats, &[]);
        expect_told_of_the_database(address).await;
    }
    assert_eq!(states(&world), []);
    give_back(&other);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    web::ask(address).await.expect("it is healthy again");
    world.pass(Duration::from_mins(10)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn who_was_on_air_only_while_nothing_could_be_written_is_not_announced() {
    let (world, cats, _) = one_server().await;
    let other = hold(&world);
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    world.goes_offline("ann");
    give_back(&other);
    world.pass(GRACE + A_LOOK).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_whose_attempt_cannot_be_recorded() {
    let (world, cats, address) = one_server().await;
    let pause = Fault::RateLimited { header: 20.0, body: 20.0, scope: "user" };
    world.discord.fail(Place::Channel(cats.live), 1, pause);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert_eq!(states(&world), [("pending".to_owned(), false)]);
    let asked = world.discord.message_posts();
    let other = hold(&world);
    world.pass(Duration::from_mins(5)).await;
    expect_told_of_the_database(address).await;
    assert_eq!(world.discord.message_posts(), asked);
    world.expect_announced(cats, &[]);
    give_back(&other);
    world.pass(Duration::from_secs(10)).await;
    world.expect_announced(cats, &["Ann"]);
    web::ask(address).await.expect("it is healthy again");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_recorded_yet_is_recorded_later_and_nothing_is_sent_again() {
    let (world, cats, address) = one_server().await;
    world.discord.set_latency(Duration::from_secs(2));
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    let other = hold(&world);
    // Longer than a lease.
    world.pass(Duration::from_mins(5)).await;
    expect_told_of_the_database(address).await;
    assert_eq!(states(&world), [("leased".to_owned(), false)]);
    give_back(&other);
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(states(&world), [("delivered".to_owned(), true)]);
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.discord.message_posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_dies_with_an_outcome_that_could_not_be_recorded_finds_it_in_the_channel() {
    let (mut world, cats, _) = one_server().await;
    world.discord.set_latency(Duration::from_secs(2));
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    let other = hold(&world);
    world.pass(Duration::from_mins(5)).await;
    world.kill().await;
    give_back(&other);
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
    let other = hold(&world);
    world.discord.clear_faults();
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &[]);
    expect_told_of_the_database(address).await;
    give_back(&other);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann"]);
    web::ask(address).await.expect("it is healthy");
}
