//! The main job: a streamer goes live, and every server that follows hears of it, once.

use std::time::Duration;

use livebell_fakes::twitch::Stream;
use serde_json::json;

use crate::world::{A_LOOK, GRACE, INTERVAL, World};

const PAUSED: &str = "the runtime's time is paused";

#[tokio::test(start_paused = true)]
async fn a_streamer_goes_live_and_every_server_hears_of_it_once() {
    let world = World::start().await;
    let (cats, dogs, birds) =
        (world.server("Cats").await, world.server("Dogs").await, world.server("Birds").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.follow(birds, "bob").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
    world.expect_announced(birds, &[]);
    world.pass(Duration::from_hours(3)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.discord.message_posts(), 2, "{PAUSED}");
}
