//! `/removestreamer`: by which names, and what goes with the streamer.

use std::time::Duration;

use livebell_fakes::discord::{Fault, Place};
use livebell_fakes::twitch::{self, Path};

use super::ALWAYS;
use crate::world::{A_LOOK, GRACE, World};

#[tokio::test(start_paused = true)]
async fn a_removed_streamer_is_announced_no_more() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    let reply = world.unfollow(cats, "https://twitch.tv/ANN").await;
    insta::assert_snapshot!(reply.text(), @"**Ann** is no longer announced in this server.");
    assert!(reply.ephemeral);
    let reply = world.unfollow(cats, "ann").await;
    insta::assert_snapshot!(reply.text(), @"`ann` is not on this server's list. `/streamers` shows who is.");
    assert!(reply.ephemeral);
    let reply = world.unfollow(cats, "ann smith").await;
    insta::assert_snapshot!(reply.text(), @"That is not a Twitch name: a Twitch name has 1 to 25 characters: letters from a to z, digits and underscores. The address of the channel on twitch.tv works as well.");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn removing_works_without_twitch() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.fail(Path::Any, u32::MAX, twitch::Fault::Hang);
    let reply = world.unfollow(cats, "ann").await;
    insta::assert_snapshot!(reply.text(), @"**Ann** is no longer announced in this server.");
}

#[tokio::test(start_paused = true)]
async fn a_double_click_removes_once() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let (one, other) = tokio::join!(world.unfollow(cats, "ann"), world.unfollow(cats, "ann"));
    let mut both = [one.text(), other.text()];
    both.sort();
    insta::assert_snapshot!(both.join("\n"), @"
    **Ann** is no longer announced in this server.
    `ann` is not on this server's list. `/streamers` shows who is.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_streamer_renamed_while_live_is_removed_by_either_login() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.rename("ann", "queen_ann", "Queen_Ann");
    world.pass(A_LOOK + Duration::from_mins(1)).await;
    insta::assert_snapshot!(world.list_words(cats).await, @r"
    Streamers (1)
    🟣 **[Queen\_Ann](https://www.twitch.tv/queen_ann)** in #live · since (day) · live, began (time)
    ");
    let reply = world.unfollow(cats, "ann").await;
    insta::assert_snapshot!(reply.text(), @r"**Queen\_Ann** is no longer announced in this server.");
    let reply = world.unfollow(dogs, "queen_ann").await;
    insta::assert_snapshot!(reply.text(), @r"**Queen\_Ann** is no longer announced in this server.");
    // The announcement that stands has followed.
    world.expect_announced(cats, &["Queen_Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_streamer_renamed_while_offline_is_removed_by_the_old_login() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.rename("ann", "queen_ann", "Queen_Ann");
    world.pass(Duration::from_hours(24) + Duration::from_mins(2)).await;
    // Somebody else takes the login that became free, and the server wants both.
    world.twitch.add_user_with(twitch::User {
        id: "77".to_owned(),
        login: "ann".to_owned(),
        display_name: "OtherAnn".to_owned(),
        profile_image_url: String::new(),
    });
    insta::assert_snapshot!(world.list_words(cats).await, @r"
    Streamers (1)
    ⚫ **[Queen\_Ann](https://www.twitch.tv/queen_ann)** in #live · since (day)
    ");
    world.add(cats, "ann").await;
    // Who has the login now is meant before who had it.
    insta::assert_snapshot!(world.unfollow(cats, "ann").await.text(), @"**OtherAnn** is no longer announced in this server.");
    insta::assert_snapshot!(world.unfollow(cats, "ann").await.text(), @r"**Queen\_Ann** is no longer announced in this server.");
}

#[tokio::test(start_paused = true)]
async fn names_are_completed_from_the_servers_own_list() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "annabel").await;
    world.follow(cats, "bob").await;
    world.follow(dogs, "hannah").await;
    world.twitch.add_user_with(twitch::User {
        id: "77".to_owned(),
        login: "ann".to_owned(),
        display_name: "安娜".to_owned(),
        profile_image_url: String::new(),
    });
    world.add(cats, "ann").await;
    world.twitch.fail(Path::Any, u32::MAX, twitch::Fault::Hang);
    let ann = ("安娜 (ann)".to_owned(), "ann".to_owned());
    let annabel = ("Annabel".to_owned(), "annabel".to_owned());
    let bob = ("Bob".to_owned(), "bob".to_owned());
    assert_eq!(world.offered(cats, "removestreamer", "@AN").await, [ann.clone(), annabel.clone()]);
    assert_eq!(world.offered(cats, "removestreamer", "娜").await, std::slice::from_ref(&ann));
    let everybody = world.completes(cats, "removestreamer", "").await;
    assert_eq!(everybody.reply().await.choices, [ann, annabel, bob]);
    World::expect_in_time(&everybody);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_to_be_posted_goes_with_the_streamer() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.discord.fail(Place::Messages, ALWAYS, Fault::Html(502));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.unfollow(cats, "ann").await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(5)).await;
    world.expect_announced(cats, &[]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn removing_and_adding_again_does_not_ring_twice() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.unfollow(cats, "ann").await;
    world.pass(A_LOOK).await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.discord.message_posts(), 1);
    // The next stream rings again.
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK + A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
}
