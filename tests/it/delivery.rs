//! Delivering through everything that Discord can do: nothing lost, nothing shown twice, nobody held up by others.

use std::time::Duration;

use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::routes::refusal;
use crate::world::{A_LOOK, GRACE, Server, World};

/// A world in which two servers follow Ann, who is about to go live.
async fn two_servers() -> (World, Server, Server) {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    (world, cats, dogs)
}

#[tokio::test(start_paused = true)]
async fn a_broken_channel_never_delays_another_server() {
    for fault in [Fault::Html(502), Fault::Hang, Fault::CutBefore, Fault::Slow(Duration::from_secs(14))] {
        let (world, cats, dogs) = two_servers().await;
        world.discord.fail(Place::Channel(cats.live), 20, fault.clone());
        let live_at = world.twitch.now();
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        let told_at = world.posts(dogs)[0].at;
        assert!(told_at - live_at < Duration::from_secs(31), "{fault:?}: after {:?}", told_at - live_at);
        world.discord.clear_faults();
        world.pass(Duration::from_mins(3)).await;
        world.expect_announced(cats, &["Ann"]);
        world.expect_announced(dogs, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_stuck_channels_never_delay_another_server() {
    let world = World::start().await;
    let stuck = a_crowd(&world, 300).await;
    let fine = world.server("Fine").await;
    for server in stuck {
        world.discord.fail(Place::Channel(server.live), u32::MAX, Fault::Hang);
    }
    world.follow(fine, "ann").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(fine, &["Ann"]);
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 4).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_shows_nothing_twice() {
    for fault in [Fault::CutAfter, Fault::HangAfter] {
        let (world, cats, _) = two_servers().await;
        world.discord.fail(Place::Channel(cats.live), 2, fault.clone());
        world.goes_live("ann");
        world.pass(Duration::from_mins(2)).await;
        world.expect_announced(cats, &["Ann"]);
        assert!(world.discord.absorbed_duplicates() > 0, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_deleted_before_its_answer_came_is_not_posted_again() {
    let (world, cats, _) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), 1, Fault::CutAfter);
    world.goes_live("ann");
    while world.posts(cats).is_empty() {
        world.pass(Duration::from_millis(100)).await;
    }
    let message = world.posts(cats)[0].id;
    world.discord.delete_message(cats.live, message);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_discord_wants_is_kept() {
    let (world, cats, dogs) = two_servers().await;
    // The header and the body disagree; the longer one counts.
    let fault = Fault::RateLimited { header: 1.0, body: 20.0, scope: "user" };
    world.discord.fail(Place::Channel(cats.live), 1, fault);
    world.goes_live("ann");
    world.pass(A_LOOK + Duration::from_secs(25)).await;
    world.expect_announced(cats, &["Ann"]);
    let (late, in_time) = (world.posts(cats)[0].at, world.posts(dogs)[0].at);
    assert!(late - in_time >= Duration::from_secs(19), "{:?}", late - in_time);
    assert_eq!(world.discord.too_many_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_channel_is_filled_at_the_pace_that_discord_takes() {
    let world = World::start().await;
    let (busy, quiet) = (world.server("Busy").await, world.server("Quiet").await);
    let mut names = Vec::new();
    for number in 10..50 {
        let login = format!("s{number}");
        world.follow(busy, &login).await;
        names.push(login);
    }
    world.follow(quiet, "s49").await;
    world.pass(A_LOOK).await;
    for login in &names {
        world.goes_live(login);
    }
    world.pass(A_LOOK).await;
    world.expect_announced(quiet, &["S49"]);
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.posts(busy).len(), 40);
    assert!(world.discord.too_many_requests() <= 1, "{}", world.discord.too_many_requests());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_message_is_final_and_the_admin_reads_why() {
    let (world, cats, dogs) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(400, 200_000));
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(world.discord.requests_to(&format!("/channels/{}/messages", cats.live)), 1);
    assert!(world.list(cats).await.contains("AutoMod"));
    assert!(!world.list(dogs).await.contains("AutoMod"));
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_discord_does_not_take_whole_is_announced_as_a_plain_link() {
    let (world, cats, _) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), 1, refusal(400, 50035));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let posts = world.posts(cats);
    assert_eq!(posts.len(), 1);
    assert!(posts[0].content().contains("https://www.twitch.tv/ann"), "{}", posts[0].content());
    assert!(!posts[0].mentions_anybody());
}

#[tokio::test(start_paused = true)]
async fn what_discord_does_not_even_take_as_a_plain_link_is_given_up() {
    let (world, cats, dogs) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(400, 50035));
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(world.discord.requests_to(&format!("/channels/{}/messages", cats.live)), 2);
    let why = world.slash(&world.admin, cats, "why", json!({ "streamer": "ann" })).await.text();
    assert!(why.contains("❌ Not announced."), "{why}");
    // The channel is not to blame: the next stream is announced there.
    world.discord.clear_faults();
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann", "Ann"]);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_waits_for_discord_until_the_stream_ends() {
    let (world, cats, dogs) = two_servers().await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_hours(2)).await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_stream_that_is_over() {
    let (world, cats, _) = two_servers().await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    world.discord.clear_faults();
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_bot_owed_is_delivered_after_the_restart() {
    let (mut world, cats, dogs) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, Fault::HangAfter);
    world.goes_live("ann");
    while world.posts(cats).is_empty() {
        world.pass(Duration::from_millis(100)).await;
    }
    // It is in the channel, but nobody knows.
    world.kill().await;
    world.discord.clear_faults();
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
    assert_eq!(world.discord.absorbed_duplicates(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_discord_takes_back_ends_the_bot_and_loses_nothing() {
    let (mut world, cats, _) = two_servers().await;
    world.discord.fail(Place::Messages, u32::MAX, refusal(401, 0));
    world.goes_live("ann");
    let failure = world.ended().await.expect_err("the bot ends");
    assert_eq!(failure.exit_status(), 3);
    assert!(failure.to_string().contains("DISCORD_TOKEN"), "{failure}");
    world.discord.clear_faults();
    world.pass(Duration::from_secs(10)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_after_a_restart_of_a_stream_that_ended_meanwhile() {
    let (mut world, cats, dogs) = two_servers().await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_offline("ann");
    world.discord.clear_faults();
    world.pass(Duration::from_hours(10)).await;
    world.wake().await;
    world.pass(Duration::from_mins(10)).await;
    world.expect_announced(cats, &[]);
    world.expect_announced(dogs, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished_before_the_bot_stops() {
    let (mut world, cats, _) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), 1, Fault::Slow(Duration::from_secs(2)));
    world.goes_live("ann");
    let posting = format!("/channels/{}/messages", cats.live);
    while world.discord.requests().iter().all(|request| request.path != posting) {
        world.pass(Duration::from_millis(50)).await;
    }
    let began = world.twitch.now();
    world.stop().await.expect("a clean stop");
    assert!(world.twitch.now() - began < Duration::from_secs(5));
    world.expect_announced(cats, &["Ann"]);
    // Settled as well: the world's end would complain otherwise.
}

#[tokio::test(start_paused = true)]
async fn what_hangs_does_not_keep_the_bot_from_stopping() {
    let (mut world, cats, _) = two_servers().await;
    world.discord.fail(Place::Channel(cats.live), 1, Fault::Hang);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let began = world.twitch.now();
    world.stop().await.expect("a clean stop");
    assert!(world.twitch.now() - began < Duration::from_secs(5), "{:?}", world.twitch.now() - began);
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_large_fan_out_keeps_to_fifty_requests_a_second() {
    const SERVERS: usize = 150;
    let world = World::start().await;
    let servers = a_crowd(&world, SERVERS).await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let mut times: Vec<_> = servers.iter().map(|server| world.posts(*server)[0].at).collect();
    times.sort();
    let took = times[SERVERS - 1] - times[0];
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&took), "{took:?}");
    assert_eq!(world.discord.too_many_requests(), 0);
}

/// Servers that all follow Ann, set up without an answer to look at.
async fn a_crowd(world: &World, servers: usize) -> Vec<Server> {
    world.twitch.add_user("ann");
    let mut crowd = Vec::new();
    for number in 0..servers {
        let server = world.bare_server(&format!("Server {number}"));
        let options = json!({ "streamer": "ann", "channel": server.live.to_string() });
        world.slash(&world.admin, server, "addstreamer", options).await;
        crowd.push(server);
    }
    crowd
}

#[tokio::test(start_paused = true)]
async fn a_single_follower_is_not_starved_by_a_fan_out() {
    let world = World::start().await;
    let crowd = a_crowd(&world, 250).await;
    let single = world.server("Single").await;
    world.follow(single, "bob").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    let times: Vec<_> = crowd.iter().map(|server| world.posts(*server)[0].at).collect();
    let first = *times.iter().min().expect("somebody is told first");
    let took = *times.iter().max().expect("somebody is told last") - first;
    assert!(took > Duration::from_secs(4), "{took:?}");
    let told_at = world.posts(single)[0].at;
    assert!(told_at < first + Duration::from_secs(2), "after {:?}", told_at.saturating_sub(first));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refused_requests_stop_the_bot_before_discord_bans_it() {
    let world = World::start().await;
    let crowd = a_crowd(&world, 200).await;
    world.pass(A_LOOK).await;
    // Without a code of Discord's this is no verdict about a channel, and each delivery is tried again.
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(403));
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    let refused = world.discord.invalid_requests();
    assert!((1_000..1_060).contains(&refused), "{refused}");
    world.pass(Duration::from_mins(4)).await;
    assert_eq!(world.discord.invalid_requests(), refused);
    world.discord.clear_faults();
    world.pass(Duration::from_mins(4)).await;
    for server in crowd {
        world.expect_announced(server, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_of_everything_requests_come_out_under_the_budget() {
    let world = World::start().await;
    let crowd = a_crowd(&world, 150).await;
    world.pass(A_LOOK).await;
    world.discord.fail(Place::Messages, 1, Fault::RateLimited { header: 8.0, body: 7.5, scope: "global" });
    world.goes_live("ann");
    world.pass(A_LOOK + Duration::from_secs(25)).await;
    for server in &crowd {
        world.expect_announced(*server, &["Ann"]);
    }
    assert_eq!(world.discord.too_many_requests(), 1);
}

/// Types commands that need nothing but the database, and fails unless each is answered at once.
async fn expect_prompt_answers(world: &World, server: Server) {
    let ann = json!({ "streamer": "ann" });
    for (command, options) in [("streamers", json!({})), ("settings", json!({})), ("why", ann)] {
        let asked_at = world.twitch.now();
        world.slash(&world.admin, server, command, options).await;
        let took = world.twitch.now() - asked_at;
        assert!(took < Duration::from_secs(1), "/{command} after {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn commands_are_answered_while_discord_wants_a_pause_of_everything_else() {
    let (world, cats, dogs) = two_servers().await;
    let pause = Fault::RateLimited { header: 60.0, body: 60.0, scope: "global" };
    world.discord.fail(Place::Messages, 2, pause);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    expect_prompt_answers(&world, cats).await;
    expect_prompt_answers(&world, dogs).await;
    // The pause was still on, and is kept.
    for server in [cats, dogs] {
        world.expect_announced(server, &[]);
    }
    world.pass(Duration::from_mins(1)).await;
    for server in [cats, dogs] {
        world.expect_announced(server, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn commands_are_answered_in_the_middle_of_a_fan_out() {
    const SERVERS: usize = 400;
    let world = World::start().await;
    let crowd = a_crowd(&world, SERVERS).await;
    world.pass(A_LOOK).await;
    world.discord.set_latency(Duration::from_millis(50));
    world.goes_live("ann");
    world.discord.wait_for_effect(SERVERS / 4).await;
    // The last one waits longest, and is answered all the same.
    expect_prompt_answers(&world, crowd[SERVERS - 1]).await;
    let told = world.discord.messages_created();
    assert!(told < SERVERS, "the fan-out was over by then");
    world.pass(A_LOOK).await;
    assert_eq!(world.discord.messages_created(), SERVERS);
    assert_eq!(world.discord.too_many_requests(), 0);
}
