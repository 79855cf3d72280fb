//! `/healthz`: what a supervisor is told.

use std::time::Duration;

use livebell::config::EventSub;
use livebell::web;
use livebell_fakes::discord::{Fault as DiscordFault, Place};
use livebell_fakes::twitch::{Fault, Path};
use serde_json::json;

use crate::world::{A_LOOK, World};

fn problems(answer: &str) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_str(answer).expect("JSON");
    let list = body["problems"].as_array().expect("a list");
    list.iter().map(|problem| problem.as_str().expect("a text").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_does_its_work_is_healthy() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    for _ in 0..5 {
        world.pass(Duration::from_mins(10)).await;
        let answer = web::ask(address).await.expect("it is healthy");
        assert_eq!(problems(&answer), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_gateway_is_tolerated_for_a_minute() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    world.discord.set_gateway_refusing(true);
    world.discord.close_gateway(4000);
    world.pass(Duration::from_secs(45)).await;
    web::ask(address).await.expect("it is tolerated");
    world.pass(Duration::from_mins(2)).await;
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].starts_with("not connected to Discord for"), "{answer}");
    world.discord.set_gateway_refusing(false);
    world.pass(Duration::from_mins(3)).await;
    web::ask(address).await.expect("it is healthy again");
}

#[tokio::test(start_paused = true)]
async fn a_twitch_that_does_not_answer_is_told() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.fail(Path::Streams, u32::MAX, Fault::Status(500));
    world.pass(Duration::from_mins(5)).await;
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].starts_with("no successful look at Twitch for"), "{answer}");
    world.twitch.clear_faults();
    world.pass(Duration::from_mins(1)).await;
    web::ask(address).await.expect("it is healthy again");
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_waits_for_discord_looks_at_twitch_and_says_what_it_waits_for() {
    let (mut world, address) = World::with_health().await;
    world.discord.fail(Place::Any, u32::MAX, DiscordFault::Html(502));
    world.twitch.add_user("ann");
    world.spawn();
    world.pass(Duration::from_mins(3)).await;
    let answer = web::ask(address).await.expect_err("it is told");
    assert_eq!(problems(&answer).len(), 1, "{answer}");
    assert!(problems(&answer)[0].starts_with("not connected to Discord"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_waits_for_twitch_answers_on_discord() {
    let (mut world, address) = World::with_health().await;
    world.twitch.fail(Path::Token, u32::MAX, Fault::Status(503));
    world.wake().await;
    let cats = world.server("Cats").await;
    assert!(world.list(cats).await.contains("No streamer is announced"));
    world.pass(Duration::from_mins(3)).await;
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].starts_with("no successful look at Twitch"), "{answer}");
    world.twitch.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    web::ask(address).await.expect("it is healthy by itself");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_somebody_else_holds_is_told_and_comes_back() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let other = world.database();
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].contains("database"), "{answer}");
    other.execute_batch("ROLLBACK").expect("the lock is given back");
    world.pass(Duration::from_secs(10)).await;
    web::ask(address).await.expect("it is healthy again");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_shown_before_the_bot_ends() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    let refused = DiscordFault::Status { status: 401, code: 0, message: "401: Unauthorized".to_owned() };
    world.discord.fail(Place::Messages, 1, refused);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].contains("DISCORD_TOKEN"), "{answer}");
    let so_far = world.discord.requests().len();
    let failure = world.ended().await.expect_err("it ends");
    assert_eq!(failure.exit_status(), 3);
    assert_eq!(world.discord.requests().len(), so_far, "nothing more was asked");
    // With a token that is accepted it goes on where it was.
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn too_many_refused_requests_are_told() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let cats = world.server("Cats").await;
    // Nobody gets so many by announcing, so an admin tries out what Discord forbids a thousand times.
    let forbidden = DiscordFault::Status { status: 403, code: 50013, message: "no".to_owned() };
    world.discord.fail(Place::Messages, u32::MAX, forbidden);
    while world.discord.invalid_requests() < 1_000 {
        world.slash(&world.admin, cats, "test", serde_json::json!({})).await;
    }
    let answer = web::ask(address).await.expect_err("it is told");
    assert!(problems(&answer)[0].contains("too many requests"), "{answer}");
    world.discord.clear_faults();
    world.pass(Duration::from_mins(11)).await;
    web::ask(address).await.expect("it is healthy again");
}

#[tokio::test(start_paused = true)]
async fn it_is_told_who_sees_streams_first_and_in_what_time() {
    let (mut world, address) = World::with_health().await;
    world.settings.eventsub = EventSub::Conduit;
    world.wake().await;
    let cats = world.server("Cats").await;
    for login in ["ann", "bob", "cleo"] {
        world.follow(cats, login).await;
        world.twitch.wait_until_enabled(&world.id(login)).await;
    }
    world.twitch.wait_for_shard().await;
    // And not just when the poll looks.
    world.pass(Duration::from_secs(3 * 60 + 7)).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.twitch.lose_events(1);
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.twitch.hide(&world.id("cleo"));
    world.goes_live("cleo");
    world.pass(Duration::from_mins(6)).await;
    let answer = web::ask(address).await.expect("it is healthy");
    let body: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let pushes = &body["eventsub"];
    assert_eq!((&pushes["transport"], &pushes["connected"]), (&json!("conduit"), &json!(true)), "{answer}");
    assert_eq!((&pushes["streamers"], &pushes["subscribed"]), (&json!(3), &json!(3)), "{answer}");
    assert!(pushes["last_message_age_seconds"].as_u64().is_some_and(|age| age <= 15), "{answer}");
    let expected =
        json!({"heard": 2, "first_by_push": 2, "first_by_poll": 1, "missed_by_push": 1, "never_shown": 1});
    assert_eq!(body["sightings"], expected, "{answer}");
    assert_eq!(body["latency_from_message"]["announcements"], 2, "{answer}");
    assert_eq!(body["latency_from_start"]["announcements"], 3, "{answer}");
    assert!(body["latency_from_start"]["p50_seconds"].as_f64().is_some_and(|time| time <= 5.0), "{answer}");
    assert!(body["latency_from_start"]["p99_seconds"].as_f64().is_some_and(|time| time > 5.0), "{answer}");
}
