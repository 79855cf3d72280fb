//! Announcements that are published to the servers that follow their channel.

use livebell_fakes::discord::{ChannelKind, Fault, Place};
use serde_json::{Value, json};

use super::minutes;
use crate::limits::checker::breaches;
use crate::world::{A_LOOK, Server, World};

/// A world with a server that wants its announcements published, in a channel of this kind, and streamers whom it follows.
async fn publishing(kind: ChannelKind, streamers: &[&str]) -> (World, Server) {
    let world = World::start().await;
    let guild = world.discord.add_guild("Cats");
    let server = Server { guild, live: world.discord.add_channel(guild, "live", kind) };
    world.slash(&world.admin, server, "setchannel", json!({ "channel": server.live.to_string() })).await;
    for login in streamers {
        world.follow(server, login).await;
    }
    world.prefer(r#"{"publish":true}"#);
    world.pass(A_LOOK).await;
    (world, server)
}

fn published(world: &World) -> usize {
    world.discord.requests().iter().filter(|request| request.path.ends_with("/crosspost")).count()
}

#[tokio::test(start_paused = true)]
async fn an_announcement_is_published_where_others_can_follow() {
    for answer_is_lost in [false, true] {
        let (world, server) = publishing(ChannelKind::Announcement, &["ann"]).await;
        if answer_is_lost {
            world.discord.fail(Place::Crossposts, 1, Fault::CutAfter);
        }
        world.goes_live("ann");
        world.pass(A_LOOK + A_LOOK).await;
        assert!(world.expect_edits(server, 0).crossposted);
        assert_eq!(published(&world), if answer_is_lost { 2 } else { 1 });
        assert!(world.why(server, "ann").await.contains("Published to the servers that follow"));
        world.pass(minutes(60)).await;
        assert!(published(&world) <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_follow_nothing_is_published() {
    let (world, server) = publishing(ChannelKind::Text, &["ann"]).await;
    world.goes_live("ann");
    world.pass(minutes(60)).await;
    assert!(!world.expect_edits(server, 0).crossposted);
    assert_eq!((published(&world), world.discord.invalid_requests()), (1, 0));
    assert!(world.why(server, "ann").await.contains("Not published"));
}

#[tokio::test(start_paused = true)]
async fn more_than_ten_an_hour_are_not_published() {
    let streamers: Vec<String> = (0..12).map(|number| format!("ann{number}")).collect();
    let streamers: Vec<&str> = streamers.iter().map(String::as_str).collect();
    let (world, server) = publishing(ChannelKind::Announcement, &streamers).await;
    for login in &streamers {
        world.goes_live(login);
    }
    world.pass(minutes(120)).await;
    let (yes, no): (Vec<_>, Vec<_>) = world.posts(server).into_iter().partition(|post| post.crossposted);
    assert_eq!((yes.len(), no.len(), published(&world)), (10, 2, 10));
    let mut over = 0;
    for login in &streamers {
        over += usize::from(world.why(server, login).await.contains("more than ten announcements an hour"));
    }
    assert_eq!(over, 2);
}

/// What `/why` says of the announcement of somebody.
async fn said(world: &World, server: Server, login: &str) -> String {
    let words = world.why(server, login).await;
    words.lines().find(|line| line.contains("ublished")).unwrap_or_default().to_owned()
}

const OVER: &str =
    "Not published: more than ten announcements an hour in this channel, and Discord publishes no more.";

#[tokio::test(start_paused = true)]
async fn how_many_were_published_is_not_forgotten_by_a_restart() {
    let streamers: Vec<String> = (0..12).map(|number| format!("ann{number}")).collect();
    let names: Vec<&str> = streamers.iter().map(String::as_str).collect();
    let (mut world, server) = publishing(ChannelKind::Announcement, &names).await;
    // Discord would take more; the bot keeps to the budget by itself.
    world.discord.set_crossposts(100);
    for login in &names[..10] {
        world.goes_live(login);
    }
    world.pass(minutes(10)).await;
    assert_eq!(published(&world), 10);
    world.kill().await;
    world.wake().await;
    world.goes_live("ann10");
    world.pass(minutes(5)).await;
    assert_eq!((published(&world), said(&world, server, "ann10").await.as_str()), (10, OVER));
    world.pass(minutes(60)).await;
    world.goes_live("ann11");
    world.pass(minutes(5)).await;
    assert_eq!(published(&world), 11);
    assert_eq!(said(&world, server, "ann11").await, "📣 Published to the servers that follow the channel.");
    // What was over the budget once is no news an hour later.
    assert_eq!(world.posts(server).iter().filter(|post| !post.crossposted).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_that_discord_asks_for_in_the_body_is_believed() {
    let (world, server) = publishing(ChannelKind::Announcement, &["ann"]).await;
    // The header says a second, the body twenty minutes (20028).
    world.discord.fail(Place::Crossposts, 1, Fault::WriteLimited);
    world.goes_live("ann");
    world.pass(minutes(120)).await;
    assert!(!world.expect_edits(server, 0).crossposted);
    assert_eq!((published(&world), said(&world, server, "ann").await.as_str()), (1, OVER));
}

#[tokio::test(start_paused = true)]
async fn a_short_pause_is_waited_for() {
    let (world, server) = publishing(ChannelKind::Announcement, &["ann"]).await;
    let pause = Fault::RateLimited { header: 20.0, body: 20.0, scope: "shared" };
    world.discord.fail(Place::Crossposts, 1, pause);
    world.goes_live("ann");
    world.pass(A_LOOK + A_LOOK).await;
    assert!(world.expect_edits(server, 0).crossposted);
    assert_eq!(published(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_the_announcement_itself() {
    let (world, server) = publishing(ChannelKind::Announcement, &["ann"]).await;
    world.goes_live("ann");
    world.pass(A_LOOK + A_LOOK).await;
    let message = world.expect_edits(server, 0);
    assert_eq!(breaches(&message.body), Vec::<String>::new());
    let requests = world.discord.requests();
    let published: Vec<_> = requests.iter().filter(|request| request.path.ends_with("/crosspost")).collect();
    let path = format!("/channels/{}/messages/{}/crosspost", server.live, message.id);
    let asked: Vec<_> = published.iter().map(|request| (request.method.as_str(), &request.path)).collect();
    assert_eq!((asked, &published[0].body), (vec![("POST", &path)], &Value::Null));
}
