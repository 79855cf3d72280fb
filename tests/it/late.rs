//! Announcements that come late because the bot was away, held up or shut out: marked, quiet or skipped, as the server wants.

use std::time::Duration;

use livebell_fakes::discord::permissions::SEND_MESSAGES;
use livebell_fakes::discord::{Fault, Message, Place};

use crate::routes::chooses;
use crate::world::{A_LOOK, Server, World};

/// What an announcement says about being late.
fn mark(message: &Message) -> Option<&str> {
    message.body["embeds"][0]["footer"]["text"].as_str()
}

/// A server that follows Ann and has chosen what becomes of late announcements, or has not.
async fn with_policy(world: &World, name: &str, late: Option<&str>) -> Server {
    let server = world.server(name).await;
    world.follow(server, "ann").await;
    if let Some(late) = late {
        chooses(world, server, "late", late).await;
    }
    server
}

#[tokio::test(start_paused = true)]
async fn who_went_live_while_the_bot_was_away_is_announced_as_each_server_wants() {
    let mut world = World::start().await;
    let usual = with_policy(&world, "Usual", None).await;
    let post = with_policy(&world, "Post", Some("post")).await;
    let quiet = with_policy(&world, "Quiet", Some("quiet")).await;
    let skip = with_policy(&world, "Skip", Some("skip")).await;
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_live("ann");
    world.pass(Duration::from_hours(2)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    for (server, is_silent) in [(usual, false), (post, false), (quiet, true)] {
        world.expect_announced(server, &["Ann"]);
        let announcement = &world.announcements(server)[0];
        assert_eq!(announcement.is_silent(), is_silent);
        let mark = mark(announcement).expect("a mark");
        assert!(mark.starts_with("Late: live for 2 h"), "{mark}");
        assert!(mark.ends_with("I could not post earlier"), "{mark}");
    }
    world.expect_announced(skip, &[]);
    // It stays skipped, also when the server thinks better of it; the next stream is in time.
    chooses(&world, skip, "late", "post").await;
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(skip, &[]);
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_closed_channel_is_late_after_a_quarter_of_an_hour() {
    let world = World::start().await;
    let cats = with_policy(&world, "Cats", Some("quiet")).await;
    world.follow(cats, "bob").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(Duration::from_mins(10)).await;
    world.goes_live("bob");
    world.pass(Duration::from_mins(8)).await;
    world.discord.allow_again(cats.live);
    world.pass(A_LOOK).await;
    let posts = world.announcements(cats);
    let of = |name: &str| {
        let post = posts.iter().find(|post| crate::world::announced_name(post) == name).expect("announced");
        (mark(post).map(str::to_owned), post.is_silent())
    };
    let (ann, is_silent) = of("Ann");
    assert!(
        is_silent && ann.as_ref().is_some_and(|mark| mark.starts_with("Late: live for 18 min")),
        "{ann:?}"
    );
    assert_eq!(of("Bob"), (None, false));
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_discord_is_late_as_well() {
    let world = World::start().await;
    let cats = with_policy(&world, "Cats", None).await;
    let skip = with_policy(&world, "Skip", Some("skip")).await;
    world.pass(A_LOOK).await;
    world.discord.fail(Place::Messages, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann"]);
    assert!(mark(&world.announcements(cats)[0]).is_some_and(|mark| mark.starts_with("Late: live for 1 h")));
    world.expect_announced(skip, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_makes_nobody_late() {
    let mut world = World::start().await;
    let cats = with_policy(&world, "Cats", Some("skip")).await;
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_live("ann");
    world.pass(Duration::from_mins(13)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(mark(&world.announcements(cats)[0]), None);
}

#[tokio::test(start_paused = true)]
async fn who_is_added_in_the_middle_of_a_stream_is_not_late() {
    let world = World::start().await;
    let dogs = with_policy(&world, "Dogs", None).await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(Duration::from_hours(3)).await;
    let cats = with_policy(&world, "Cats", Some("skip")).await;
    world.pass(A_LOOK).await;
    for server in [dogs, cats] {
        world.expect_announced(server, &["Ann"]);
        assert_eq!(mark(&world.announcements(server)[0]), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_announcement_mentions_nobody_either() {
    let mut world = World::start().await;
    let cats = with_policy(&world, "Cats", None).await;
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_live("ann");
    world.pass(Duration::from_mins(20)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    assert!(!world.announcements(cats)[0].mentions_anybody());
}
