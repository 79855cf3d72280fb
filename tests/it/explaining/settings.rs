//! `/settings`: what a server has set, with what is wrong.

use std::time::Duration;

use livebell_fakes::discord::permissions::{READ_MESSAGE_HISTORY, SEND_MESSAGES};
use serde_json::json;

use crate::routes::{asks, chooses};
use crate::world::{A_LOOK, Server, World};

/// What `/settings` shows.
async fn settings(world: &World, server: Server) -> String {
    asks(world, server, "settings", json!({})).await
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_changed_is_shown_as_it_is() {
    let (world, cats) = World::with_follower().await;
    insta::assert_snapshot!(settings(&world, cats).await, @"
    Settings
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: post`) announced, marked as late
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ");
    let dogs = world.bare_server("Dogs");
    insta::assert_snapshot!(settings(&world, dogs).await, @"
    Settings
    **Channel** none
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: post`) announced, marked as late
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 0 (`/streamers`; `/editstreamer` sets what is different for one)
    ⚠️ No channel is set. Choose one with `/setchannel`.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_shown_kept_and_concerns_one_server() {
    let (mut world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    insta::assert_snapshot!(chooses(&world, cats, "late", "quiet").await, @"
    Settings (changed)
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: quiet`) announced without notifying anybody
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ");
    // What is not given stays as it is.
    insta::assert_snapshot!(chooses(&world, cats, "doubt", "never").await, @"
    Settings (changed)
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: quiet`) announced without notifying anybody
    **In doubt** (`doubt: never`) rather never than twice
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ");
    assert!(chooses(&world, cats, "late", "skip").await.contains("`late: skip`) not announced"));
    world.stop().await.expect("a clean stop");
    world.wake().await;
    assert!(settings(&world, cats).await.contains("`late: skip`"));
    assert!(settings(&world, dogs).await.contains("`late: post`"));
}

#[tokio::test(start_paused = true)]
async fn a_server_may_choose_before_it_has_a_channel() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    chooses(&world, cats, "late", "skip").await;
    asks(&world, cats, "setchannel", json!({ "channel": cats.live.to_string() })).await;
    assert!(settings(&world, cats).await.contains("`late: skip`"));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_stands_below() {
    let (world, cats) = World::with_follower().await;
    world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
    insta::assert_snapshot!(settings(&world, cats).await, @"
    Settings
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: post`) announced, marked as late
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ⚠️ I may not read #live: with **Read Message History** I could see for myself when I am in doubt.
    ");
    // Before anything was refused, a look tells what would be.
    world.discord.deny(cats.live, SEND_MESSAGES);
    insta::assert_snapshot!(settings(&world, cats).await, @"
    Settings
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: post`) announced, marked as late
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ⚠️ I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(settings(&world, cats).await, @"
    Settings
    **Channel** #live
    **Mentions** nobody
    **At the end** say how long it was, with the recording
    **Late announcements** (`late: post`) announced, marked as late
    **In doubt** (`doubt: twice`) rather announced twice than never
    **Streamers** 1 (`/streamers`; `/editstreamer` sets what is different for one)
    ⚠️ Nothing has been sent to #live since (time). I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles. I look again (time) at the latest.
    ");
}

#[tokio::test(start_paused = true)]
async fn every_closed_channel_is_named() {
    let (world, cats) = World::with_follower().await;
    let stage = world.channel(cats, "stage");
    world.twitch.add_user("bob");
    asks(&world, cats, "addstreamer", json!({ "streamer": "bob", "channel": stage.to_string() })).await;
    for channel in [cats.live, stage] {
        world.discord.delete_channel(channel);
    }
    world.pass(Duration::from_secs(5)).await;
    let text = settings(&world, cats).await;
    assert_eq!(
        text.matches("⚠️ Nothing has been sent to #gone since (time). The channel does not exist any more.")
            .count(),
        2,
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plain_member_may_neither_look_nor_change() {
    let (world, cats) = World::with_follower().await;
    for options in [json!({}), json!({ "late": 2 })] {
        let reply = world.slash(&world.member, cats, "settings", options).await;
        assert!(reply.ephemeral);
        insta::allow_duplicates! {
            insta::assert_snapshot!(reply.text(), @"You need the **Manage Server** permission for that. Nothing was changed.");
        }
    }
    assert!(settings(&world, cats).await.contains("`late: post`"));
}
