//! When nobody knows whether an announcement arrived: repeated while Discord surely recognises it, looked for later, and left
//! to the server's choice where the bot may not look.

use std::time::Duration;

use livebell_fakes::discord::permissions::READ_MESSAGE_HISTORY;
use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::routes::chooses;
use crate::world::{A_LOOK, GRACE, Line, Server, World};

/// Long after Discord has forgotten every nonce.
const HOURS: Duration = Duration::from_hours(3);

/// A server that follows Ann, where the bot may not read the channel and the server has chosen what it wants then.
async fn unreadable(choice: &str) -> (World, Server) {
    let (world, cats) = World::with_follower().await;
    world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
    chooses(&world, cats, "doubt", choice).await;
    (world, cats)
}

/// Ann goes live and is announced, and the bot is killed before it hears so. Returns the id of the stream.
async fn killed_before_the_answer(world: &mut World) -> String {
    let announced = world.discord.messages_created() + 1;
    world.discord.set_latency(Duration::from_millis(400));
    let stream = world.goes_live("ann");
    world.discord.wait_for_effect(announced).await;
    world.kill().await;
    world.discord.set_latency(Duration::ZERO);
    stream
}

async fn back_after(world: &mut World, time: Duration) {
    world.pass(time).await;
    world.wake().await;
    world.pass(A_LOOK).await;
}

/// How often the bot has read the messages of a channel.
fn reads(world: &World, server: Server) -> usize {
    world.count("GET", &format!("/channels/{}/messages", server.live))
}

async fn why(world: &World, server: Server) -> String {
    world.slash(&world.admin, server, "why", json!({ "streamer": "ann" })).await.text()
}

async fn settings(world: &World, server: Server) -> String {
    world.slash(&world.admin, server, "settings", json!({})).await.text()
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_the_channel_is_left_alone() {
    for fault in [Fault::CutAfter, Fault::HangAfter] {
        let (world, cats) = unreadable("never").await;
        world.discord.fail(Place::Channel(cats.live), 3, fault.clone());
        world.goes_live("ann");
        world.pass(Duration::from_mins(3)).await;
        world.expect_announced(cats, &["Ann"]);
        assert!(world.discord.absorbed_duplicates() > 0, "{fault:?}");
        assert_eq!(reads(&world, cats), 0, "{fault:?}");
        assert!(why(&world, cats).await.contains("✅ Announced"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_back_in_a_moment_repeats_under_the_same_nonce() {
    let (mut world, cats) = unreadable("never").await;
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, Duration::from_secs(20)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!((world.discord.absorbed_duplicates(), reads(&world, cats)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_bot_was_away_for_a_moment_is_not_posted_again() {
    let (mut world, cats) = World::with_follower().await;
    killed_before_the_answer(&mut world).await;
    world.discord.delete_message(cats.live, world.posts(cats)[0].id);
    back_after(&mut world, Duration::from_secs(20)).await;
    world.expect_announced(cats, &[]);
    assert_eq!(world.discord.messages_created(), 1);
    assert!(why(&world, cats).await.contains("has been deleted since"));
}

#[tokio::test(start_paused = true)]
async fn after_hours_the_announcement_is_found_in_the_channel() {
    let (mut world, cats) = World::with_follower().await;
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!((world.discord.messages_created(), reads(&world, cats)), (1, 1));
    let told = why(&world, cats).await;
    assert!(told.contains("I found the announcement in the channel"), "{told}");
    assert!(told.contains(&world.posts(cats)[0].id.to_string()), "{told}");
}

#[tokio::test(start_paused = true)]
async fn it_is_found_behind_hundreds_of_messages_and_beside_an_earlier_one_of_the_same_streamer() {
    let (mut world, cats) = World::with_follower().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE * 2 + A_LOOK).await;
    world.discord.says(cats.live, "https://www.twitch.tv/ann is live!");
    killed_before_the_answer(&mut world).await;
    for number in 0..480 {
        world.discord.says(cats.live, &format!("message {number} about https://www.twitch.tv/ann"));
    }
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
    let told = why(&world, cats).await;
    assert!(told.contains(&world.posts(cats)[1].id.to_string()), "{told}");
}

#[tokio::test(start_paused = true)]
async fn the_announcement_of_an_earlier_stream_is_not_taken_for_this_one() {
    let (mut world, cats) = World::with_follower().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE * 2 + A_LOOK).await;
    killed_before_the_answer(&mut world).await;
    world.discord.says(cats.live, "https://www.twitch.tv/ann is live!");
    let lost = world.posts(cats)[1].id;
    world.discord.delete_message(cats.live, lost);
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
    assert_ne!(world.posts(cats)[1].id, lost);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_the_channel_is_sent() {
    let (mut world, cats) = World::with_follower().await;
    killed_before_the_answer(&mut world).await;
    // Nobody can tell this from a request that never arrived.
    world.discord.delete_message(cats.live, world.posts(cats)[0].id);
    world.discord.says(cats.live, "what was that?");
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann"]);
    let told = why(&world, cats).await;
    assert!(told.contains("found nothing, and sent it again"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn where_the_bot_may_not_read_the_server_chooses_twice() {
    let (mut world, cats) = unreadable("twice").await;
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
    let told = why(&world, cats).await;
    assert!(told.contains("may stand there twice") && told.contains("Read Message History"), "{told}");
    let told = settings(&world, cats).await;
    assert!(told.contains("1 announcements were in doubt and sent again"), "{told}");
    assert!(told.contains("I may not read"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn where_the_bot_may_not_read_the_server_chooses_never() {
    let (mut world, cats) = unreadable("never").await;
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann"]);
    let told = why(&world, cats).await;
    assert!(told.contains("Perhaps announced") && told.contains("Read Message History"), "{told}");
    let told = settings(&world, cats).await;
    assert!(told.contains("1 announcements were in doubt and kept back"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_may_be_there_is_not_sent_again_when_it_is_late_and_late_ones_are_not_wanted() {
    let (mut world, cats) = unreadable("twice").await;
    chooses(&world, cats, "late", "skip").await;
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann"]);
    let told = why(&world, cats).await;
    assert!(told.contains("Perhaps announced"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_and_late_is_not_sent_where_late_ones_are_not_wanted() {
    let (mut world, cats) = World::with_follower().await;
    chooses(&world, cats, "late", "skip").await;
    killed_before_the_answer(&mut world).await;
    world.discord.delete_message(cats.live, world.posts(cats)[0].id);
    world.discord.says(cats.live, "what was that?");
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &[]);
}

/// Ann goes live and is announced, and the bot, killed before it heard so, is back when she is gone.
async fn back_after_the_end(world: &mut World) {
    killed_before_the_answer(world).await;
    world.goes_offline("ann");
    back_after(world, HOURS).await;
    world.pass(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_when_the_bot_is_back_is_not_said_to_be_live_for_ever() {
    for (on_end, left) in [("edit", 1), ("keep", 1), ("delete", 0)] {
        let (mut world, cats) = World::with_follower().await;
        chooses(&world, cats, "on_end", on_end).await;
        back_after_the_end(&mut world).await;
        let posts = world.posts(cats);
        assert_eq!(posts.len(), left, "{on_end}");
        let is_told = posts.iter().all(|post| post.body.to_string().contains("Was live for"));
        assert_eq!(is_told, on_end != "keep", "{on_end}");
        assert_eq!(world.discord.message_posts(), 1, "{on_end}");
        assert!(why(&world, cats).await.contains("I found the announcement in the channel"), "{on_end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_not_given_up_while_it_is_in_doubt_whether_somebody_reads_of_it() {
    let (mut world, cats) = World::with_follower().await;
    let stream = killed_before_the_answer(&mut world).await;
    let video = world.twitch.add_recording(&world.id("ann"), &stream, Duration::from_mins(1));
    world.goes_offline("ann");
    let busy = Fault::Status { status: 500, code: 0, message: "busy".to_owned() };
    let looks = Place::Request { method: "GET", prefix: format!("/channels/{}/messages", cats.live) };
    world.discord.fail(looks, 6, busy);
    back_after(&mut world, HOURS).await;
    world.pass(GRACE).await;
    let post = &world.posts(cats)[0].body;
    assert!(post.to_string().contains(&video), "{post}");
}

#[tokio::test(start_paused = true)]
async fn where_no_look_ever_succeeds_it_is_looked_for_a_day_and_no_longer() {
    let (mut world, cats) = World::with_follower().await;
    let looks = Place::Request { method: "GET", prefix: format!("/channels/{}/messages", cats.live) };
    world.discord.fail(looks, u32::MAX, Fault::Html(502));
    back_after_the_end(&mut world).await;
    world.pass(Duration::from_mins(90)).await;
    let told = why(&world, cats).await;
    assert!(told.contains("The next one is due"), "{told}");
    // Most of a day's attempts have been made.
    world.database().execute("UPDATE delivery SET attempts = 1430", []).expect("written");
    world.pass(Duration::from_mins(20)).await;
    assert!(why(&world, cats).await.contains("Perhaps announced"));
    let before = reads(&world, cats);
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(reads(&world, cats), before);
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_when_the_bot_is_back_is_announced_no_more() {
    // It never arrived, or nobody can tell.
    for may_read in [true, false] {
        let (mut world, cats) = World::with_follower().await;
        if !may_read {
            world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
        }
        killed_before_the_answer(&mut world).await;
        world.discord.delete_message(cats.live, world.posts(cats)[0].id);
        world.discord.says(cats.live, "what was that?");
        world.goes_offline("ann");
        back_after(&mut world, HOURS).await;
        world.pass(GRACE).await;
        world.expect_announced(cats, &[]);
        assert_eq!(world.discord.message_posts(), 1, "{may_read}");
        let told = why(&world, cats).await;
        let expected = if may_read { "before" } else { "Perhaps announced" };
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_chose_nothing_is_rather_told_twice_than_never() {
    let (mut world, cats) = World::with_follower().await;
    world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
    killed_before_the_answer(&mut world).await;
    back_after(&mut world, HOURS).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
}

#[tokio::test(start_paused = true)]
async fn behind_more_messages_than_are_read_the_server_chooses_as_well() {
    for (choice, times) in [("twice", 2), ("never", 1)] {
        let (mut world, cats) = World::with_follower().await;
        chooses(&world, cats, "doubt", choice).await;
        killed_before_the_answer(&mut world).await;
        for number in 0..520 {
            world.discord.says(cats.live, &format!("message {number}"));
        }
        back_after(&mut world, HOURS).await;
        assert_eq!(world.announced(cats).len(), times, "{choice}");
        assert_eq!(reads(&world, cats), 5);
        // The right to read is there, and nobody is to go looking for it.
        let told = why(&world, cats).await;
        assert!(told.contains("could not see whether"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_a_lost_answer_is_waited_out_before_anything_is_concluded() {
    for (may_read, choice, times) in [(true, "never", 1), (false, "never", 1), (false, "twice", 2)] {
        let (world, cats) = if may_read { World::with_follower().await } else { unreadable(choice).await };
        world.discord.fail(Place::Channel(cats.live), 1, Fault::CutAfter);
        world.discord.fail(Place::Any, u32::MAX, Fault::Html(502));
        world.goes_live("ann");
        world.pass(Duration::from_mins(10)).await;
        assert_eq!(world.announced(cats).len(), 1);
        world.discord.clear_faults();
        world.pass(Duration::from_mins(2)).await;
        assert_eq!(world.announced(cats).len(), times, "{may_read} {choice}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_something_before_discord_says_nothing_about_reading() {
    let (mut world, cats) = World::with_follower().await;
    chooses(&world, cats, "doubt", "never").await;
    killed_before_the_answer(&mut world).await;
    let reading = Place::Request { method: "GET", prefix: format!("/channels/{}/messages", cats.live) };
    world.discord.fail(reading, 2, Fault::Html(403));
    back_after(&mut world, HOURS).await;
    let told = why(&world, cats).await;
    assert!(told.contains("I found the announcement in the channel"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_refused_leaves_no_doubt() {
    let mut world = World::asleep().await;
    let mut line = Line::to(&world.discord.url()).await;
    world.settings.discord_api_url = line.url();
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
    chooses(&world, cats, "doubt", "never").await;
    world.pass(A_LOOK).await;
    line.cut().await;
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    line.mend().await;
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann"]);
    assert!(!why(&world, cats).await.contains("doubt"));
}

#[tokio::test(start_paused = true)]
async fn who_chose_never_is_never_told_twice() {
    let faults = [
        Fault::CutAfter,
        Fault::HangAfter,
        Fault::CutBefore,
        Fault::Hang,
        Fault::Html(502),
        Fault::Slow(Duration::from_secs(14)),
    ];
    let mut told = 0;
    for seed in 0..20 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (mut world, cats) =
            if chance.bool() { World::with_follower().await } else { unreadable("never").await };
        chooses(&world, cats, "doubt", "never").await;
        // Not a moment longer than the bot may count on.
        world.discord.set_nonce_memory(Duration::from_mins(2));
        world.goes_live("ann");
        for _ in 0..chance.u32(1..5) {
            let fault = faults[chance.usize(..faults.len())].clone();
            world.discord.fail(Place::Messages, chance.u32(1..4), fault);
            world.pass(Duration::from_millis(chance.u64(..90_000))).await;
            if chance.u32(..3) == 0 {
                world.kill().await;
                let away = if chance.bool() { chance.u64(..100) } else { chance.u64(..1_000) };
                world.pass(Duration::from_secs(away)).await;
                world.wake().await;
            }
        }
        world.discord.clear_faults();
        world.pass(Duration::from_mins(3)).await;
        assert!(world.discord.messages_created() <= 1, "seed {seed}");
        told += world.discord.messages_created();
    }
    assert!(told > 10, "{told}");
}
