//! What a stop and a start leave as it was: nothing in doubt that surely never went out, no pause cut short, and nobody told
//! of a stream that is over.

use std::time::Duration;

use livebell_fakes::discord::permissions::READ_MESSAGE_HISTORY;
use livebell_fakes::discord::{Fault, Place};
use livebell_fakes::twitch::{self, Path};
use serde_json::json;

use crate::world::{A_LOOK, INTERVAL, Server, World};

/// More than Discord takes while the bot stops.
const CROWD: usize = 400;

/// Servers that all follow Ann, want nothing twice, and let the bot read nothing.
async fn a_cautious_crowd() -> (World, Vec<Server>) {
    let world = World::start().await;
    world.twitch.add_user("ann");
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let server = world.bare_server(&format!("Server {number}"));
        world.discord.deny(server.live, READ_MESSAGE_HISTORY);
        let options = json!({ "streamer": "ann", "channel": server.live.to_string() });
        world.slash(&world.admin, server, "addstreamer", options).await;
        crowd.push(server);
    }
    world.database().execute("UPDATE guild SET doubt = 'never'", []).expect("chosen");
    world.pass(A_LOOK).await;
    (world, crowd)
}

async fn wait_for_posts(world: &World, some: usize) {
    while world.discord.messages_created() < some {
        world.pass(Duration::from_millis(100)).await;
    }
}

fn expect_all_told(world: &World, crowd: &[Server]) {
    for server in crowd {
        world.expect_announced(*server, &["Ann"]);
    }
    let doubts = "SELECT COUNT(*) FROM delivery WHERE doubt IS NOT NULL";
    let doubts: i64 = world.database().query_row(doubts, [], |row| row.get(0)).expect("a count");
    assert_eq!(doubts, 0, "nothing was in doubt");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_when_the_bot_stops_is_not_in_doubt() {
    let (mut world, crowd) = a_cautious_crowd().await;
    world.goes_live("ann");
    wait_for_posts(&world, 50).await;
    world.stop().await.expect("a clean stop");
    assert!(world.discord.messages_created() < CROWD, "it stopped in the middle");
    world.pass(Duration::from_mins(10)).await;
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    expect_all_told(&world, &crowd);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_when_the_token_is_refused_is_not_in_doubt() {
    let (mut world, crowd) = a_cautious_crowd().await;
    world.goes_live("ann");
    wait_for_posts(&world, 50).await;
    let refused = Fault::Status { status: 401, code: 0, message: "401: Unauthorized".to_owned() };
    world.discord.fail(Place::Messages, u32::MAX, refused);
    let failure = world.ended().await.expect_err("the bot ends");
    assert_eq!(failure.exit_status(), 3);
    world.discord.clear_faults();
    world.pass(Duration::from_mins(10)).await;
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    expect_all_told(&world, &crowd);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_discord_wants_outlasts_a_restart() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    let pause = Fault::RateLimited { header: 1163.0, body: 1163.0, scope: "user" };
    world.discord.fail(Place::Channel(cats.live), 1, pause);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.wake().await;
    world.pass(Duration::from_mins(15)).await;
    world.expect_announced(cats, &[]);
    world.pass(Duration::from_mins(6)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_stream_that_ended_meanwhile_though_twitch_fails_at_first() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_offline("ann");
    world.discord.clear_faults();
    world.pass(Duration::from_hours(10)).await;
    world.twitch.fail(Path::Streams, u32::MAX, twitch::Fault::Html(503));
    world.wake().await;
    world.pass(INTERVAL / 2).await;
    world.twitch.clear_faults();
    world.pass(Duration::from_mins(10)).await;
    world.expect_announced(cats, &[]);
}
