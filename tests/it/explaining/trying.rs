//! `/test`: a sample where announcements go, or the exact reason why there is none.

use std::time::Duration;

use livebell_fakes::discord::permissions::{EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::discord::{ChannelKind, Fault, Place};
use serde_json::json;

use super::plain;
use crate::routes::{asks, attempts, refusal};
use crate::world::{A_LOOK, Server, World};

/// What `/test` says.
async fn test(world: &World, server: Server) -> String {
    plain(&asks(world, server, "test", json!({})).await)
}

#[tokio::test(start_paused = true)]
async fn a_sample_is_posted_that_is_marked_silent_and_mentions_nobody() {
    let (world, cats) = World::with_follower().await;
    insta::assert_snapshot!(test(&world, cats).await, @"✅ It works: (link)");
    let posts = world.posts(cats);
    assert_eq!(posts.len(), 1);
    assert!(posts[0].is_silent() && !posts[0].mentions_anybody());
    let card = &posts[0].body["embeds"][0];
    assert_eq!(card["title"], "This is a test");
    assert_eq!(
        card["footer"]["text"],
        "Test: nobody has gone live. Announcements will look like this, here."
    );
    // It is no announcement, and the real one still comes.
    world.expect_announced(cats, &[]);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    // Every test is one of its own.
    test(&world, cats).await;
    assert_eq!(world.posts(cats).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn two_servers_that_test_at_the_same_moment_get_a_sample_each() {
    let (world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    tokio::join!(test(&world, cats), test(&world, dogs));
    assert_eq!((world.posts(cats).len(), world.posts(dogs).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_streamer_is_tested_where_that_streamer_is_announced() {
    let (world, cats) = World::with_follower().await;
    let stage = world.channel(cats, "stage");
    world.twitch.add_user("bob");
    asks(&world, cats, "addstreamer", json!({ "streamer": "bob", "channel": stage.to_string() })).await;
    let answer = plain(&asks(&world, cats, "test", json!({ "streamer": "bob" })).await);
    assert_eq!(answer, "✅ It works: (link)");
    assert!(world.posts(cats).is_empty());
    assert_eq!(crate::world::announced_name(&world.discord.messages(stage)[0]), "Bob");
    let answer = asks(&world, cats, "test", json!({ "streamer": "cleo" })).await;
    insta::assert_snapshot!(answer, @"`cleo` is not on this server's list. `/streamers` shows who is.");
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_refused_says_exactly_why() {
    for (denied, expected) in [
        (VIEW_CHANNEL, "**View Channel**"),
        (SEND_MESSAGES, "**Send Messages**"),
        (EMBED_LINKS, "**Embed Links**"),
    ] {
        let (world, cats) = World::with_follower().await;
        world.discord.deny(cats.live, denied);
        assert_eq!(
            test(&world, cats).await,
            format!(
                "❌ I cannot post in #live. I lack {expected} in #live. Open the settings of the channel, then \
                 Permissions, and allow it for me or one of my roles."
            )
        );
        assert!(world.posts(cats).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_test_of_a_channel_that_is_gone_or_of_another_kind_says_so() {
    let (world, cats) = World::with_follower().await;
    let voice = world.discord.add_channel(cats.guild, "voice", ChannelKind::Voice);
    // The command does not offer it, but a channel can become another one.
    let id = i64::try_from(voice).expect("an id");
    world.database().execute("UPDATE guild SET channel_id = ?1", [id]).expect("a change");
    insta::assert_snapshot!(test(&world, cats).await, @"❌ I cannot post in #voice. My permissions there look right. Discord's words: Cannot send messages in a non-text channel (code 50008).");
    world.discord.delete_channel(voice);
    world.pass(Duration::from_secs(1)).await;
    insta::assert_snapshot!(test(&world, cats).await, @"❌ I cannot post in #gone. The channel does not exist any more. Choose another one with `/setchannel`, or with `/addstreamer` for a streamer with a channel of its own.");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_no_right_explains_is_told_in_discords_words() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Channel(cats.live), 1, refusal(403, 50013));
    insta::assert_snapshot!(test(&world, cats).await, @"❌ I cannot post in #live. My permissions there look right. Discord's words: No. (code 50013).");
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_of_discords_nothing_is_claimed() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Channel(cats.live), 1, Fault::Hang);
    insta::assert_snapshot!(test(&world, cats).await, @"⏳ Discord did not answer in time, so I do not know whether the sample stands in #live. Please try again in a minute.");
}

#[tokio::test(start_paused = true)]
async fn a_test_that_was_not_sent_says_why_and_when_to_try_again() {
    let (world, cats) = World::with_follower().await;
    let pause = Fault::RateLimited { header: 8.0, body: 8.0, scope: "user" };
    world.discord.fail(Place::Channel(cats.live), 1, pause);
    let told = "⏳ Nothing was sent to #live: Discord wants a pause. Please try again (time).";
    assert_eq!(test(&world, cats).await, told);
    // Nor is the next one, which does not wait for so long.
    assert_eq!(test(&world, cats).await, told);
    assert_eq!(attempts(&world, cats.live), 1);
    world.pass(Duration::from_secs(9)).await;
    assert_eq!(test(&world, cats).await, "✅ It works: (link)");
    assert_eq!(world.posts(cats).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_test_with_a_refused_token_says_so() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Channel(cats.live), 1, refusal(401, 0));
    insta::assert_snapshot!(test(&world, cats).await, @"⏳ Nothing was sent to #live: Discord refuses my token, and whoever runs me has to renew it.");
    assert!(world.posts(cats).is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_channel_there_is_nothing_to_test() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    insta::assert_snapshot!(test(&world, cats).await, @"Where should announcements go? Choose a channel with `/setchannel`, or give one with `/addstreamer`.");
}

#[tokio::test(start_paused = true)]
async fn a_test_that_succeeds_resumes_what_was_paused() {
    let (world, cats) = World::with_follower().await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(403, 50013));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    world.discord.clear_faults();
    assert_eq!(test(&world, cats).await, "✅ It works: (link)");
    world.pass(Duration::from_secs(5)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_refused_pauses_and_repeats_nothing() {
    let (world, cats) = World::with_follower().await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    test(&world, cats).await;
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_mins(10)).await;
    assert!(world.posts(cats).is_empty());
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_plain_member_may_not_test() {
    let (world, cats) = World::with_follower().await;
    let reply = world.slash(&world.member, cats, "test", json!({})).await;
    insta::assert_snapshot!(reply.text(), @"You need the **Manage Server** permission for that. Nothing was changed.");
    assert!(world.posts(cats).is_empty());
}
