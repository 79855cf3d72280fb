//! The main job: a streamer goes live, and every server that follows hears of it, once.

use std::time::Duration;

use livebell_fakes::twitch::Stream;
use serde_json::json;

use crate::world::{A_LOOK, GRACE, INTERVAL, World};

#[tokio::test(start_paused = true)]
async fn a_streamer_goes_live_and_every_server_hears_of_it_once() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    let birds = world.server("Birds").await;
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.follow(birds, "bob").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
    world.expect_announced(birds, &[]);
    world.pass(Duration::from_hours(3)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.discord.message_posts(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_says_who_plays_what_since_when() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let stream = Stream {
        title: "Any% *blindfolded* @everyone".to_owned(),
        game_id: "7".to_owned(),
        game_name: "Celeste".to_owned(),
        viewers: 1234,
        started_at: "2026-11-21T09:00:00Z".to_owned(),
        ..Stream::default()
    };
    world.twitch.go_live_with(&world.id("ann"), stream);
    world.pass(A_LOOK).await;
    let mut body = world.posts(cats)[0].body.clone();
    let nonce = body["nonce"].take();
    let image = body["embeds"][0]["image"]["url"].take();
    let icon = body["embeds"][0]["author"]["icon_url"].take();
    assert!(nonce.as_str().is_some_and(|nonce| (1..=25).contains(&nonce.len())), "{nonce}");
    assert!(icon.as_str().is_some_and(|icon| icon.starts_with("https://")), "{icon}");
    let image = image.as_str().expect("a preview");
    assert!(image.contains("-1280x720.jpg?t=1"), "{image}");
    let body = serde_json::to_string_pretty(&body).expect("JSON").replace('\u{200b}', "(break)");
    insta::assert_snapshot!(body, @r#"
    {
      "allowed_mentions": {
        "parse": []
      },
      "components": [
        {
          "components": [
            {
              "label": "Watch",
              "style": 5,
              "type": 2,
              "url": "https://www.twitch.tv/ann"
            },
            {
              "custom_id": "notify:v1:1001",
              "emoji": {
                "name": "🔔"
              },
              "label": "Notify me",
              "style": 2,
              "type": 2
            }
          ],
          "type": 1
        }
      ],
      "embeds": [
        {
          "author": {
            "icon_url": null,
            "name": "Ann",
            "url": "https://www.twitch.tv/ann"
          },
          "color": 9520895,
          "fields": [
            {
              "inline": true,
              "name": "Category",
              "value": "Celeste"
            },
            {
              "inline": true,
              "name": "Viewers",
              "value": "1,234"
            },
            {
              "inline": true,
              "name": "Started",
              "value": "<t:1795251600:R>"
            }
          ],
          "image": {
            "url": null
          },
          "timestamp": "2026-11-21T09:00:00Z",
          "title": "Any% \\*blindfolded\\* @(break)everyone",
          "url": "https://www.twitch.tv/ann"
        }
      ],
      "enforce_nonce": true,
      "nonce": null
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_title_category_and_picture_is_announced_without_them() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let id = world.id("ann");
    world.twitch.go_live(&id);
    world.twitch.update(&id, |stream| {
        stream.title = "   ".to_owned();
        stream.game_id = String::new();
        stream.game_name = String::new();
        stream.thumbnail_url = String::new();
    });
    world.pass(A_LOOK).await;
    let posts = world.posts(cats);
    let embed = &posts[0].body["embeds"][0];
    let names: Vec<_> = embed["fields"].as_array().expect("fields").iter().map(|f| &f["name"]).collect();
    assert_eq!(names, ["Viewers", "Started"]);
    assert_eq!(embed["image"], json!(null));
    assert_eq!(embed["title"], "Live on Twitch");
}

#[tokio::test(start_paused = true)]
async fn a_short_drop_is_not_announced_again() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE / 2).await;
    // A reconnect gets a new stream id.
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_between_two_looks_is_not_announced_again() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_twitch_loses_sight_of_is_not_announced_again() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    for hidden in [INTERVAL, GRACE / 2, GRACE * 3] {
        world.twitch.hide(&world.id("ann"));
        world.pass(hidden).await;
        world.twitch.unhide(&world.id("ann"));
        world.pass(INTERVAL * 2).await;
    }
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn the_next_stream_after_a_real_end_is_announced() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    for _ in 0..3 {
        world.goes_live("ann");
        world.pass(Duration::from_hours(2)).await;
        world.goes_offline("ann");
        world.pass(GRACE + INTERVAL * 3).await;
    }
    world.expect_announced(cats, &["Ann", "Ann", "Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_live_is_not_announced() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let rerun = Stream { kind: "rerun".to_owned(), ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), rerun);
    world.pass(Duration::from_mins(10)).await;
    world.expect_announced(cats, &[]);
    world.twitch.update(&world.id("ann"), |stream| stream.kind = "live".to_owned());
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_announces_nothing_twice_and_loses_nothing() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.follow(cats, "bob").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.goes_live("bob");
    world.pass(Duration::from_hours(1)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann", "Bob"]);
}

#[tokio::test(start_paused = true)]
async fn who_reconnects_while_the_bot_restarts_is_not_announced_again() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(Duration::from_hours(5)).await;
    world.kill().await;
    world.goes_offline("ann");
    world.goes_live("ann");
    world.wake().await;
    world.pass(Duration::from_mins(20)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn who_begins_anew_while_the_bot_is_away_for_long_is_announced() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    world.pass(Duration::from_hours(5)).await;
    world.goes_offline("ann");
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann", "Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_streamer_added_while_live_is_announced_in_that_server_only() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_streamer_added_during_a_drop_is_announced_when_back() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(INTERVAL * 2).await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &[]);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &["Ann"]);
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_streamer_is_announced_under_the_new_name() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    let id = world.id("ann");
    world.twitch.rename(&id, "annie", "Annie");
    world.twitch.go_live(&id);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Annie"]);
    assert_eq!(world.posts(cats)[0].body["embeds"][0]["url"], "https://www.twitch.tv/annie");
    // The account itself is asked for soon after, so the list knows the new name as well.
    world.pass(Duration::from_mins(2)).await;
    assert!(world.list(cats).await.contains("twitch.tv/annie"));
}

#[tokio::test(start_paused = true)]
async fn names_and_vanished_accounts_are_noticed_within_a_day() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.follow(cats, "bob").await;
    world.twitch.rename(&world.id("ann"), "annie", "Annie");
    let bob = world.id("bob");
    world.twitch.vanish(&bob);
    world.pass(Duration::from_hours(25)).await;
    let list = world.list(cats).await;
    assert!(list.contains("Annie") && list.contains("does not know this account"), "{list}");
    // It is kept, and works again when it returns.
    world.twitch.reappear(&bob);
    world.goes_live("bob");
    world.pass(A_LOOK + Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Bob"]);
    assert!(!world.list(cats).await.contains("does not know this account"));
}
