//! A clock that jumps by an hour, while the bot is away or while it runs: nothing is lost, nothing comes twice, and nothing
//! comes later than the next look.

use std::time::Duration;

use livebell_fakes::discord::permissions::{READ_MESSAGE_HISTORY, SEND_MESSAGES};
use livebell_fakes::discord::{Fault, Place};

use crate::routes::chooses;
use crate::world::{A_LOOK, GRACE, INTERVAL, Server, World};

const HOUR: i64 = 3_600_000;

/// An hour ahead, an hour behind.
const JUMPS: [i64; 2] = [HOUR, -HOUR];

/// How the bot comes to meet another clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meets {
    Stopped,
    Killed,
    Running,
}

/// Every way to meet each clock.
fn every_jump() -> impl Iterator<Item = (Meets, i64)> {
    [Meets::Stopped, Meets::Killed, Meets::Running]
        .into_iter()
        .flat_map(|way| JUMPS.map(|millis| (way, millis)))
}

/// Ends the bot, if it is to be ended, and puts the clock elsewhere.
async fn jump(world: &mut World, way: Meets, millis: i64) {
    match way {
        Meets::Stopped => world.stop().await.expect("a clean stop"),
        Meets::Killed => world.kill().await,
        Meets::Running => {}
    }
    world.clock_jumps(millis);
}

/// Starts the bot again, if it was ended.
async fn back(world: &mut World, way: Meets) {
    if way != Meets::Running {
        world.wake().await;
    }
}

/// Fails unless Ann is announced in time from now on, so many times in all.
async fn expect_ann(world: &World, server: Server, times: usize, what: &str) {
    world.pass(INTERVAL + Duration::from_secs(10)).await;
    assert_eq!(world.announced(server).len(), times, "{what}");
    world.pass(Duration::from_mins(70)).await;
    assert_eq!(world.announced(server).len(), times, "{what}, later");
}

#[tokio::test(start_paused = true)]
async fn who_was_live_before_is_not_announced_again_and_is_when_she_comes_back_later() {
    for (way, millis) in every_jump() {
        let what = format!("{way:?}, {millis}");
        let (mut world, cats) = World::with_follower().await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        jump(&mut world, way, millis).await;
        world.pass(Duration::from_mins(1)).await;
        back(&mut world, way).await;
        expect_ann(&world, cats, 1, &what).await;
        world.goes_offline("ann");
        world.pass(GRACE * 2 + A_LOOK).await;
        world.goes_live("ann");
        expect_ann(&world, cats, 2, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_another_attempt_does_not_wait_for_the_clock() {
    for (way, millis) in every_jump() {
        let (mut world, cats) = World::with_follower().await;
        let busy = Fault::Status { status: 400, code: 130_000, message: "busy".to_owned() };
        world.discord.fail(Place::Messages, u32::MAX, busy);
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        jump(&mut world, way, millis).await;
        world.discord.clear_faults();
        back(&mut world, way).await;
        expect_ann(&world, cats, 1, &format!("{way:?}, {millis}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_drop_stays_one_session() {
    for (way, millis) in every_jump() {
        if way == Meets::Running && millis > 0 {
            // Then the machine has slept, and who is gone for an hour has gone.
            continue;
        }
        let (mut world, cats) = World::with_follower().await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.goes_offline("ann");
        world.pass(A_LOOK).await;
        jump(&mut world, way, millis).await;
        world.pass(Duration::from_secs(20)).await;
        world.goes_live("ann");
        back(&mut world, way).await;
        expect_ann(&world, cats, 1, &format!("{way:?}, {millis}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_drop_that_is_over_only_after_the_restart_stays_one_session() {
    for (way, millis) in every_jump().filter(|(way, _)| *way != Meets::Running) {
        let (mut world, cats) = World::with_follower().await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.goes_offline("ann");
        world.pass(A_LOOK).await;
        jump(&mut world, way, millis).await;
        back(&mut world, way).await;
        world.pass(A_LOOK).await;
        world.goes_live("ann");
        expect_ann(&world, cats, 1, &format!("{way:?}, {millis}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_across_the_jump_is_announced() {
    for (way, millis) in every_jump() {
        for seen_to_go in [true, false] {
            let (mut world, cats) = World::with_follower().await;
            world.goes_live("ann");
            world.pass(A_LOOK).await;
            if seen_to_go {
                world.goes_offline("ann");
                world.pass(A_LOOK).await;
            }
            jump(&mut world, way, millis).await;
            world.goes_offline("ann");
            world.pass(Duration::from_mins(20)).await;
            world.goes_live("ann");
            back(&mut world, way).await;
            expect_ann(&world, cats, 2, &format!("{way:?}, {millis}, seen to go: {seen_to_go}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_route_is_resumed() {
    for (way, millis) in every_jump() {
        let (mut world, cats) = World::with_follower().await;
        world.discord.deny(cats.live, SEND_MESSAGES);
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        jump(&mut world, way, millis).await;
        world.discord.allow_again(cats.live);
        back(&mut world, way).await;
        expect_ann(&world, cats, 1, &format!("{way:?}, {millis}")).await;
        assert_eq!(world.told(cats.live), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_late_because_the_clock_is_wrong() {
    for (way, millis) in every_jump() {
        if way == Meets::Running && millis > 0 {
            // Then the machine has slept, and Twitch's time has gone on as well, which the fake's has not.
            continue;
        }
        let what = format!("{way:?}, {millis}");
        let (mut world, cats) = World::with_follower().await;
        chooses(&world, cats, "late", "skip").await;
        jump(&mut world, way, millis).await;
        back(&mut world, way).await;
        world.pass(A_LOOK).await;
        world.goes_live("ann");
        expect_ann(&world, cats, 1, &what).await;
        assert!(world.posts(cats)[0].body["embeds"][0]["footer"].is_null(), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_not_repeated_on_the_word_of_a_clock_that_was_set_back() {
    for (millis, away) in [(-HOUR, 30), (-HOUR, 59), (-HOUR, 61), (HOUR, 1), (HOUR, 30)] {
        let what = format!("{millis}, away for {away} minutes");
        let (mut world, cats) = World::with_follower().await;
        world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
        chooses(&world, cats, "doubt", "never").await;
        world.discord.set_latency(Duration::from_millis(400));
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        world.kill().await;
        world.discord.set_latency(Duration::ZERO);
        world.clock_jumps(millis);
        world.pass(Duration::from_mins(away)).await;
        world.wake().await;
        world.pass(Duration::from_mins(5)).await;
        assert_eq!(world.announced(cats).len(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_twitch_at_the_start_a_lost_answer_is_not_repeated_either() {
    let (mut world, cats) = World::with_follower().await;
    world.discord.set_latency(Duration::from_millis(400));
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    world.kill().await;
    world.discord.set_latency(Duration::ZERO);
    world.clock_jumps(-HOUR);
    world.twitch.fail(
        livebell_fakes::twitch::Path::Token,
        u32::MAX,
        livebell_fakes::twitch::Fault::Status(503),
    );
    world.pass(Duration::from_mins(30)).await;
    world.wake().await;
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!((world.discord.messages_created(), world.discord.absorbed_duplicates()), (1, 0));
    world.twitch.clear_faults();
    world.pass(Duration::from_mins(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_does_not_keep_the_bot_from_connecting() {
    let (mut world, cats) = World::with_follower().await;
    for _ in 0..25 {
        world.stop().await.expect("a clean stop");
        world.pass(Duration::from_mins(1)).await;
        world.wake().await;
    }
    world.stop().await.expect("a clean stop");
    world.clock_jumps(-HOUR);
    let began = world.twitch.now();
    world.wake().await;
    assert!(world.twitch.now() - began < Duration::from_secs(40), "{:?}", world.twitch.now() - began);
    assert!(world.list(cats).await.contains("Ann"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_discords_is_not_prolonged() {
    for millis in JUMPS {
        let (world, cats) = World::with_follower().await;
        world.discord.fail(
            Place::Channel(cats.live),
            1,
            Fault::RateLimited { header: 8.0, body: 8.0, scope: "global" },
        );
        world.goes_live("ann");
        world.pass(INTERVAL).await;
        world.clock_jumps(millis);
        expect_ann(&world, cats, 1, &format!("{millis}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_by_a_clock_that_was_ahead_does_not_wait_for_it() {
    let (mut world, cats) = World::with_follower().await;
    world.clock_jumps(HOUR);
    world.discord.set_latency(Duration::from_secs(4));
    world.goes_live("ann");
    let path = format!("/channels/{}/messages", cats.live);
    world.discord.wait_for_request("POST", &path, 1).await;
    world.kill().await;
    world.clock_jumps(-HOUR);
    // Twitch answers first, so what lies in the future is put right before the lease is given back.
    world.wake().await;
    world.discord.set_latency(Duration::ZERO);
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.announced(cats), ["Ann"]);
}
