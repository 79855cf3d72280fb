//! What makes a paused route go on: every event that may have opened it, the hourly look, and `/setchannel`.

use std::time::Duration;

use livebell_fakes::discord::permissions::{ORDINARY, SEND_MESSAGES};
use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use super::{asks, attempts, looks, refusal, shut_out, with_system_channel};
use crate::world::{A_LOOK, GRACE, Server, World};

/// Long enough for a look at a route and what follows from it.
const A_MOMENT: Duration = Duration::from_secs(5);

/// Something that happens to a server.
type Event = fn(&World, Server);

/// A server whose channel refuses for a reason that shows nowhere, while Ann is live.
async fn refused_for_no_visible_reason(world: &World) -> (Server, u64) {
    let (cats, system) = with_system_channel(world, "Cats").await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(403, 50013));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    (cats, system)
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_opened_gets_everybody_who_waits_for_it() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    shut_out(&world, cats).await;
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    world.discord.allow_again(cats.live);
    world.pass(A_MOMENT).await;
    let mut announced = world.announced(cats);
    announced.sort();
    assert_eq!(announced, ["Ann", "Bob"]);
    world.pass(Duration::from_hours(3)).await;
    assert_eq!(world.announced(cats).len(), 2);
    let settings = asks(&world, cats, "settings", json!({})).await;
    assert!(!settings.contains("⚠️"), "{settings}");
}

#[tokio::test(start_paused = true)]
async fn who_has_ended_meanwhile_is_not_announced() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK).await;
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Bob"]);
}

#[tokio::test(start_paused = true)]
async fn every_event_that_may_have_opened_it_makes_the_bot_look() {
    let events: [(&str, Event); 4] = [
        ("CHANNEL_UPDATE", |world, cats| world.discord.rename_channel(cats.live, "news")),
        ("GUILD_ROLE_UPDATE of the bot", |world, cats| world.discord.grant(cats.guild, SEND_MESSAGES)),
        ("GUILD_ROLE_UPDATE of everyone", |world, cats| {
            world.discord.set_everyone(cats.guild, ORDINARY);
        }),
        ("GUILD_MEMBER_UPDATE", |world, cats| world.discord.update_bot_member(cats.guild)),
    ];
    for (name, event) in events {
        let world = World::start().await;
        let (cats, _) = refused_for_no_visible_reason(&world).await;
        world.discord.clear_faults();
        world.pass(Duration::from_mins(10)).await;
        assert!(world.announced(cats).is_empty(), "before {name}");
        event(&world, cats);
        world.pass(A_MOMENT).await;
        assert_eq!(world.announced(cats), ["Ann"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_event_the_bot_looks_after_an_hour() {
    let world = World::start().await;
    let (cats, _) = refused_for_no_visible_reason(&world).await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(53)).await;
    world.expect_announced(cats, &[]);
    world.pass(Duration::from_mins(14)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn choosing_the_same_channel_again_makes_it_go_on() {
    let world = World::start().await;
    let (cats, _) = refused_for_no_visible_reason(&world).await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(1)).await;
    asks(&world, cats, "setchannel", json!({ "channel": cats.live.to_string() })).await;
    world.pass(A_MOMENT).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn choosing_a_channel_that_is_still_closed_says_so_and_leaves_it_paused() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    let answer = asks(&world, cats, "setchannel", json!({ "channel": cats.live.to_string() })).await;
    assert!(answer.contains("I cannot post there yet. I lack **Send Messages** in #live."), "{answer}");
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(attempts(&world, cats.live), 1);
    assert_eq!(world.told(system).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_to_the_channel_that_is_chosen_instead() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    let stage = world.channel(cats, "stage");
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    asks(&world, cats, "setchannel", json!({ "channel": stage.to_string() })).await;
    world.pass(A_MOMENT).await;
    let mut announced = world.announced(Server { live: stage, ..cats });
    announced.sort();
    assert_eq!(announced, ["Ann", "Bob"]);
    // The former channel is nobody's matter any more.
    world.discord.clear_requests();
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_hours(2)).await;
    assert_eq!((looks(&world, cats.guild), attempts(&world, cats.live)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_streamer_with_a_channel_of_its_own_moves_alone() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    let stage = world.channel(cats, "stage");
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    asks(&world, cats, "addstreamer", json!({ "streamer": "bob", "channel": stage.to_string() })).await;
    world.pass(A_MOMENT).await;
    world.expect_announced(Server { live: stage, ..cats }, &["Bob"]);
    world.expect_announced(cats, &[]);
    world.discord.allow_again(cats.live);
    world.pass(A_MOMENT).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_closed_while_the_gateway_was_away_is_looked_at_when_it_is_back() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.set_gateway_refusing(true);
    world.discord.close_gateway(4000);
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    // Announcing and telling need no gateway.
    assert_eq!(world.told(system).len(), 1);
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &[]);
    world.discord.set_gateway_refusing(false);
    world.pass(Duration::from_mins(3)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_opened_while_the_bot_was_stopped_is_looked_at_after_its_start() {
    let mut world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    world.stop().await.expect("a clean stop");
    world.discord.allow_again(cats.live);
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_others_changes_nothing() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    let (dogs, _) = with_system_channel(&world, "Dogs").await;
    let stage = world.channel(cats, "stage");
    shut_out(&world, cats).await;
    world.discord.clear_requests();
    world.discord.rename_channel(dogs.live, "barking");
    world.discord.grant(dogs.guild, SEND_MESSAGES);
    world.discord.update_bot_member(dogs.guild);
    world.discord.rename_channel(stage, "theatre");
    world.discord.delete_channel(stage);
    world.pass(Duration::from_mins(30)).await;
    assert_eq!(looks(&world, cats.guild), 0);
    assert_eq!(looks(&world, dogs.guild), 0);
    world.expect_announced(cats, &[]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_opened_during_a_look_is_looked_at_once_more() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.discord.set_latency(Duration::from_secs(1));
    world.discord.clear_requests();
    world.goes_live("ann");
    // The look has read the channel by now, and goes on to the roles.
    world.discord.wait_for_request("GET", &format!("/guilds/{}/roles", cats.guild), 1).await;
    world.discord.allow_again(cats.live);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_repeated_and_opens_nothing() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    let look = Place::Request { method: "GET", prefix: format!("/guilds/{}/channels", cats.guild) };
    world.discord.fail(look, u32::MAX, Fault::Html(503));
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_mins(8)).await;
    world.expect_announced(cats, &[]);
    assert_eq!(attempts(&world, cats.live), 1);
    world.discord.clear_faults();
    world.pass(Duration::from_mins(7)).await;
    world.expect_announced(cats, &["Ann"]);
}
