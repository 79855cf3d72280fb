//! `/why`: one readable answer for every way in which an announcement can go, or not go.

mod settings;
mod trying;

use std::time::Duration;

use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::routes::{asks, chooses, refusal, shut_out};
use crate::world::{A_LOOK, GRACE, Server, World};

/// What `/why` says, without what differs from run to run.
pub(crate) async fn why(world: &World, server: Server) -> String {
    plain(&asks(world, server, "why", json!({ "streamer": "ann" })).await)
}

/// Puts words in the place of durations and addresses.
fn plain(answer: &str) -> String {
    let lines = answer.lines().map(|line| {
        if let Some((step, rest)) = line.split_once(", ").filter(|_| line.starts_with("- ")) {
            let of = rest.split_once(" after ").map_or(rest, |(_, of)| of);
            return format!("{step}, (so long) after {of}");
        }
        if let Some((stream, _)) = line.rsplit_once(" (").filter(|_| line.starts_with("Last stream")) {
            return format!("{stream} (so long).");
        }
        match line.split_once("https://discord.com/channels/") {
            Some((before, _)) => format!("{before}(link)"),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How long a step took, in milliseconds, as the answer says.
fn took(answer: &str, step: &str) -> f64 {
    let line = answer.lines().find(|line| line.starts_with(step)).expect(answer);
    let words = line.split_once(", ").and_then(|(_, rest)| rest.split_once(" after ")).expect(line).0;
    let (number, unit) = words.split_once(' ').expect(line);
    number.parse::<f64>().expect(line) * if unit == "ms" { 1.0 } else { 1_000.0 }
}

#[tokio::test(start_paused = true)]
async fn of_somebody_who_was_never_seen_there_is_little_to_say() {
    let (world, cats) = World::with_follower().await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    No stream of the last 90 days is remembered.
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn of_somebody_who_is_live_every_step_is_told_with_its_time() {
    let (world, cats) = World::with_follower().await;
    world.discord.set_latency(Duration::from_millis(100));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    - Sent (time), (so long) after that
    - Acknowledged by Discord (time), (so long) after that
    ✅ Announced: (link)
    On this server's list since (day).
    ");
    let reply = world.slash(&world.admin, cats, "why", json!({ "streamer": "ann" })).await;
    let answer = reply.text();
    assert!(took(&answer, "- Seen") <= 31_000.0, "{answer}");
    assert!(took(&answer, "- Sent") < 1_000.0, "{answer}");
    assert!((100.0..150.0).contains(&took(&answer, "- Acknowledged")), "{answer}");
    let link = format!("/channels/{}/{}/{}", cats.guild, cats.live, world.posts(cats)[0].id);
    assert!(answer.contains(&link), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn everybody_may_ask_and_only_who_asks_reads_the_answer() {
    let (world, cats) = World::with_follower().await;
    let reply = world.slash(&world.member, cats, "why", json!({ "streamer": "twitch.tv/Ann" })).await;
    assert!(reply.ephemeral);
    assert!(reply.text().starts_with("Ann\n"), "{}", reply.text());
    let reply = world.slash(&world.member, cats, "why", json!({ "streamer": "bob" })).await;
    insta::assert_snapshot!(reply.text(), @"`bob` is not on this server's list. `/streamers` shows who is.");
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_attempt_it_says_what_discord_said_and_when_the_next_one_is() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(502));
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    let answer = why(&world, cats).await;
    let line = answer.lines().find(|line| line.starts_with('⏳')).expect(&answer);
    assert!(line.starts_with("⏳ Attempt 1"), "{line}");
    assert!(line.contains(" did not succeed: ") && line.contains("502"), "{line}");
    assert!(line.ends_with("The next one is due (time)."), "{line}");
    assert!(!answer.contains("- Sent"), "{answer}");
    world.discord.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    assert!(why(&world, cats).await.contains("✅ Announced"));
}

#[tokio::test(start_paused = true)]
async fn of_a_paused_channel_it_says_what_to_do_and_since_when() {
    let (world, cats) = World::with_follower().await;
    shut_out(&world, cats).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    ⏸️ It waits. I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles. It is announced as soon as that works, if the stream is still on.
    ⚠️ Nothing has been sent to #live since (time); I look again when something changes there, at the latest (time).
    On this server's list since (day).
    ");
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    // Over before the channel was open: the trouble is still told, with what to do about it.
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    Last stream: (time) to (time) (so long).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    ⌛ Not announced: the stream was over before it could be. Last trouble: Discord refused it (missing permission).
    ⚠️ I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ⚠️ Nothing has been sent to #live since (time); I look again when something changes there, at the latest (time).
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn of_somebody_who_is_missed_it_says_until_when_that_is_not_the_end() {
    let (world, cats) = World::with_follower().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time), but Twitch has not shown the stream since (time). If it is not back by (time), it counts as over; a return before that is not announced again.
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    - Sent (time), (so long) after that
    - Acknowledged by Discord (time), (so long) after that
    ✅ Announced: (link)
    On this server's list since (day).
    ");
    world.pass(GRACE + A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    Last stream: (time) to (time) (so long).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    - Sent (time), (so long) after that
    - Acknowledged by Discord (time), (so long) after that
    ✅ Announced: (link)
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_message_is_told_with_its_reason() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(400, 200_000));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    ❌ Not announced. A rule of this server (AutoMod) blocked the announcement.
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_over_first_is_told_with_the_last_trouble() {
    // After an error of the server's nobody knows whether it arrived, so it is looked for.
    for (fault, trouble) in [(Fault::WriteLimited, "wants a pause"), (Fault::Html(503), "never came")] {
        let (world, cats) = World::with_follower().await;
        world.discord.fail(Place::Messages, u32::MAX, fault);
        world.goes_live("ann");
        world.pass(Duration::from_mins(2)).await;
        world.goes_offline("ann");
        world.pass(GRACE + A_LOOK * 2).await;
        let answer = why(&world, cats).await;
        let line = answer.lines().find(|line| line.starts_with('⌛')).expect(&answer);
        let expected = "⌛ Not announced: the stream was over before it could be. Last trouble: ";
        assert!(line.starts_with(expected) && line.contains(trouble), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_before_the_streamer_was_added_was_not_to_be_announced_here() {
    let (world, _) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, dogs).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    Last stream: (time) to (time) (so long).
    - Seen by the poll (time), (so long) after the start
    It was not to be announced here: the streamer was not on this server's list then.
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn somebody_just_added_who_is_live_is_announced_with_the_next_look() {
    let (world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    world.goes_live("ann");
    while world.posts(cats).is_empty() {
        world.pass(Duration::from_millis(100)).await;
    }
    world.follow(dogs, "ann").await;
    let answer = why(&world, dogs).await;
    assert!(answer.contains("⏳ It is announced here with the next look at Twitch."), "{answer}");
    world.pass(A_LOOK).await;
    assert!(why(&world, dogs).await.contains("✅ Announced"));
}

#[tokio::test(start_paused = true)]
async fn what_was_skipped_because_it_was_late_says_so() {
    let (mut world, cats) = World::with_follower().await;
    chooses(&world, cats, "late", "skip").await;
    world.stop().await.expect("a clean stop");
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    🔕 Not announced: it would have been late, and this server wants no late announcements (`/settings late: skip`).
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_back_says_so() {
    let (world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    world.follow(dogs, "ann").await;
    shut_out(&world, cats).await;
    world.unfollow(cats, "ann").await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    world.follow(cats, "ann").await;
    let answer = why(&world, cats).await;
    assert!(
        answer.contains(
            "\nNot announced: the streamer was off this server's list, or I was not in this server.\n"
        ),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_streamer_is_found_under_the_former_name() {
    let (world, cats) = World::with_follower().await;
    let ann = world.id("ann");
    world.twitch.rename(&ann, "annie", "Annie");
    world.twitch.go_live(&ann);
    world.pass(Duration::from_mins(3)).await;
    let answer = why(&world, cats).await;
    assert!(answer.starts_with("Annie\n") && answer.contains("✅ Announced"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn of_an_account_that_twitch_does_not_know_any_more_it_says_so() {
    let (world, cats) = World::with_follower().await;
    world.twitch.vanish(&world.id("ann"));
    world.pass(Duration::from_hours(25)).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    No stream of the last 90 days is remembered.
    ⚠️ Twitch does not know this account since (day) (renamed away, banned or deleted). It is announced again when it returns.
    On this server's list since (day).
    ");
}
