//! Looking at Twitch: a hundred a request, within its budget, and never a conclusion from what failed.

use std::collections::HashMap;
use std::time::Duration;

use livebell_fakes::twitch::{Fault, Path, Request};

use crate::world::{A_LOOK, GRACE, INTERVAL, World};

/// Lets a server watch that many, without typing a thousand commands.
fn watch_many(world: &World, guild: u64, ids: &[String]) {
    let database = world.database();
    for id in ids {
        database
            .execute(
                "INSERT OR IGNORE INTO streamer (broadcaster_id, login, display_name, refreshed_at)
                 VALUES (?1, 'user_' || ?1, 'User ' || ?1, 9e15)",
                [id],
            )
            .expect("a streamer");
        database
            .execute(
                "INSERT INTO watch (guild_id, broadcaster_id, added_at, added_by) VALUES (?1, ?2, 0, 1)",
                (i64::try_from(guild).expect("a snowflake"), id),
            )
            .expect("a watch");
    }
}

fn looks(world: &World) -> Vec<Request> {
    world.twitch.requests().into_iter().filter(|request| request.path.ends_with("/streams")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_streamer_is_asked_about_once_a_cycle_a_hundred_a_request() {
    let mut world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.stop().await.expect("a clean stop");
    let ids = world.twitch.add_users(250);
    watch_many(&world, cats.guild, &ids);
    watch_many(&world, dogs.guild, &ids);
    world.twitch.clear_requests();
    world.wake().await;
    let looks = looks(&world);
    assert_eq!(looks.len(), 3);
    let mut asked: HashMap<String, usize> = HashMap::new();
    for look in &looks {
        assert!(look.query.contains(&("first".to_owned(), "100".to_owned())));
        assert!(look.query.iter().all(|(name, _)| name == "first" || name == "user_id"), "{:?}", look.query);
        for (_, id) in look.query.iter().filter(|(name, _)| name == "user_id") {
            *asked.entry(id.clone()).or_default() += 1;
        }
    }
    assert_eq!(asked.len(), 250);
    assert!(asked.values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn all_hundred_of_a_full_page_are_seen() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.stop().await.expect("a clean stop");
    let ids = world.twitch.add_users(100);
    watch_many(&world, cats.guild, &ids);
    for id in &ids {
        world.twitch.go_live(id);
    }
    world.wake().await;
    world.pass(Duration::from_mins(3)).await;
    assert_eq!(world.announced(cats).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_offline_because_twitch_fails() {
    for fault in [
        Fault::Status(500),
        Fault::Html(503),
        Fault::BrokenJson,
        Fault::TruncatedBody,
        Fault::CutConnection,
        Fault::Hang,
    ] {
        let world = World::start().await;
        let cats = world.server("Cats").await;
        world.follow(cats, "ann").await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.twitch.fail(Path::Streams, u32::MAX, fault);
        world.pass(GRACE * 3).await;
        world.twitch.clear_faults();
        world.pass(GRACE).await;
        world.expect_announced(cats, &["Ann"]);
        let ended: i64 = world
            .database()
            .query_row("SELECT COUNT(*) FROM session WHERE ended_at IS NOT NULL", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(ended, 0, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_failing_batch_does_not_hold_up_the_others() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.stop().await.expect("a clean stop");
    let ids = world.twitch.add_users(250);
    watch_many(&world, cats.guild, &ids);
    let (stuck, fine) = (&ids[0], &ids[249]);
    world.twitch.fail_batches_with(stuck, u32::MAX, Fault::Status(500));
    world.twitch.go_live(stuck);
    world.twitch.go_live(fine);
    world.wake().await;
    world.pass(A_LOOK).await;
    assert_eq!(world.announced(cats).len(), 1);
    world.twitch.clear_faults();
    world.pass(A_LOOK).await;
    assert_eq!(world.announced(cats).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_failure_is_repeated_within_the_cycle() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.twitch.fail(Path::Streams, 2, Fault::Status(502));
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_by_one() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.stop().await.expect("a clean stop");
    let ids = world.twitch.add_users(1000);
    watch_many(&world, cats.guild, &ids);
    world.wake().await;
    let before = world.twitch.tokens_issued();
    world.twitch.set_latency(Duration::from_millis(50));
    world.twitch.revoke_tokens();
    world.twitch.go_live(&ids[0]);
    world.pass(A_LOOK).await;
    assert_eq!(world.twitch.tokens_issued(), before + 1);
    assert_eq!(world.announced(cats).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_runs_out() {
    let mut world = World::asleep().await;
    world.twitch.set_token_lifetime(Duration::from_hours(1));
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.clear_requests();
    world.pass(Duration::from_mins(59)).await;
    assert_eq!(world.twitch.tokens_issued(), 2);
    let requests = world.twitch.requests();
    let secret = world.twitch.client_secret();
    assert!(requests.iter().all(|request| !format!("{:?}", request.query).contains(&secret)));
}

#[tokio::test(start_paused = true)]
async fn a_used_up_budget_is_waited_for() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.twitch.clear_requests();
    let reset_in = Duration::from_secs(20);
    world.twitch.fail(Path::Streams, 1, Fault::RateLimited { reset_in });
    world.pass(INTERVAL + reset_in).await;
    world.expect_announced(cats, &["Ann"]);
    let times: Vec<_> = looks(&world).iter().map(|look| look.at).collect();
    assert!(times[1] - times[0] >= reset_in - Duration::from_secs(1), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_interval_stretches_when_the_budget_is_too_small() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.stop().await.expect("a clean stop");
    // Three requests a cycle, and a budget that leaves three a minute to the poll.
    world.twitch.set_rate_limit(4);
    let ids = world.twitch.add_users(250);
    watch_many(&world, cats.guild, &ids);
    world.wake().await;
    world.pass(Duration::from_mins(5)).await;
    world.twitch.clear_requests();
    world.pass(Duration::from_mins(10)).await;
    let count = looks(&world).len();
    assert!((24..=33).contains(&count), "{count} requests in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_broken_entry_spoils_only_itself() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    for login in ["ann", "bob", "cat"] {
        world.follow(cats, login).await;
    }
    world.twitch.omit_field("is_mature");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let broken = serde_json::json!({ "user_id": world.id("ann"), "type": 7 });
    world.twitch.add_raw_stream_item(&world.id("ann"), broken);
    world.goes_live("bob");
    world.pass(GRACE * 3).await;
    let ended = "SELECT COUNT(*) FROM session WHERE ended_at IS NOT NULL";
    let ended: i64 = world.database().query_row(ended, [], |row| row.get(0)).expect("a count");
    assert_eq!(ended, 0, "what cannot be read is not the end");
    world.twitch.clear_raw_stream_item(&world.id("ann"));
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann", "Bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_again_is_a_clear_error_and_not_a_storm() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.pass(A_LOOK).await;
    let before = world.twitch.tokens_issued();
    world.twitch.fail(Path::Users, u32::MAX, Fault::Unauthorized);
    let told = world.follow(cats, "ann").await.text();
    assert!(told.contains("Twitch does not answer"), "{told}");
    assert_eq!(world.twitch.tokens_issued(), before + 1);
    assert_eq!(world.twitch.request_count(Path::Users), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_streamers_take_seconds() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.stop().await.expect("a clean stop");
    let ids = world.twitch.add_users(10_000);
    watch_many(&world, cats.guild, &ids);
    world.twitch.set_latency(Duration::from_millis(200));
    world.twitch.clear_requests();
    world.wake().await;
    world.pass(Duration::from_secs(8)).await;
    let times: Vec<_> = looks(&world).iter().map(|look| look.at).collect();
    assert_eq!(times.len(), 100);
    let took = times[99] - times[0];
    assert!((Duration::from_secs(3)..Duration::from_secs(7)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn cycles_that_change_nothing_write_nothing_but_a_rare_note_that_somebody_looks() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    for login in ["ann", "bob"] {
        world.follow(cats, login).await;
    }
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    let watching = world.database();
    let version = |connection: &rusqlite::Connection| -> i64 {
        connection.query_row("PRAGMA data_version", [], |row| row.get(0)).expect("a version")
    };
    let mut changed = 0;
    let mut last = version(&watching);
    let minutes = 20;
    for _ in 0..minutes * 2 {
        world.twitch.update(&world.id("ann"), |stream| stream.viewers += 1);
        world.pass(INTERVAL).await;
        let now = version(&watching);
        changed += i32::from(now != last);
        last = now;
    }
    // Forty cycles; what is written is the note, every two minutes, that somebody is looking, and every ten, how many watch.
    assert!(changed <= minutes / 2 + minutes / 10 + 1, "{changed} writes");
    assert_eq!(world.twitch.stream_of(&world.id("ann")).expect("live").viewers, 42 + 40);
}
