//! Threads as the channel for announcements: they take messages like a channel, and have the rights of the one that they belong
//! to.

use std::time::Duration;

use livebell_fakes::discord::permissions::{SEND_MESSAGES, SEND_MESSAGES_IN_THREADS};
use serde_json::json;

use crate::routes::asks;
use crate::world::{A_LOOK, GRACE, Server, World};

/// A server that follows Ann in a thread of the given channel, with the channel.
async fn thread() -> (World, Server, u64) {
    let world = World::start().await;
    let server = world.bare_server("Cats");
    let system = world.channel(server, "general");
    world.discord.set_system_channel(server.guild, Some(system));
    let live = world.discord.add_thread(server.guild, server.live, "tonight");
    let cats = Server { live, ..server };
    let answer = asks(&world, cats, "setchannel", json!({ "channel": live.to_string() })).await;
    assert!(!answer.contains("cannot"), "{answer}");
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    (world, cats, server.live)
}

fn told(world: &World, server: Server) -> Vec<String> {
    let channels = world.discord.channels(server.guild);
    let system = channels.iter().find(|channel| channel.name == "general").expect("it is there");
    world.told(system.id)
}

#[tokio::test(start_paused = true)]
async fn announcements_go_to_a_thread_and_bring_it_back_when_it_was_put_away() {
    let (world, cats, _) = thread().await;
    world.discord.set_archived(cats.live, true);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    let is_archived = || world.discord.threads(cats.guild)[0].thread.as_ref().is_some_and(|one| one.archived);
    assert!(!is_archived());
    // Put away again before the end is told.
    world.discord.set_archived(cats.live, true);
    world.goes_offline("ann");
    world.pass(GRACE * 2).await;
    assert!(world.posts(cats)[0].body.to_string().to_lowercase().contains("was live for"));
    assert!(!is_archived());
}

#[tokio::test(start_paused = true)]
async fn a_thread_has_the_rights_of_its_channel_and_what_is_missing_is_named() {
    let (world, cats, parent) = thread().await;
    // Who may not write into the channel may write into its threads.
    world.discord.deny(parent, SEND_MESSAGES);
    assert!(!asks(&world, cats, "settings", json!({})).await.contains("I lack"));
    world.discord.deny(parent, SEND_MESSAGES_IN_THREADS);
    let settings = asks(&world, cats, "settings", json!({})).await;
    assert!(settings.contains("I lack **Send Messages in Threads**"), "{settings}");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert!(told(&world, cats)[0].contains("settings of the channel that this thread belongs to"));
    world.discord.allow_again(parent);
    world.pass(Duration::from_secs(5)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_thread_is_explained_and_opens_again() {
    let (world, cats, _) = thread().await;
    world.discord.set_locked(cats.live, true);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert!(told(&world, cats)[0].contains("is locked. Unlock it"), "{:?}", told(&world, cats));
    let why = asks(&world, cats, "why", json!({ "streamer": "ann" })).await;
    assert!(why.contains("is locked. Unlock it"), "{why}");
    world.discord.set_locked(cats.live, false);
    world.pass(Duration::from_secs(5)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_deleted_is_told_of_at_once() {
    let (world, cats, _) = thread().await;
    world.discord.delete_channel(cats.live);
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(told(&world, cats).len(), 1);
    assert!(told(&world, cats)[0].contains("does not exist any more"), "{:?}", told(&world, cats));
}
