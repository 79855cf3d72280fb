//! How announcements read where a server or one of its streamers wants them so: whom they mention, what they say, and how they
//! look.

use std::time::Duration;

use livebell_fakes::discord::{Message, Place};
use livebell_fakes::twitch::Stream;
use serde_json::{Value, json};

use crate::filters::{prefers, prefers_of};
use crate::routes::{asks, chooses, refusal};
use crate::world::{A_LOOK, GRACE, World};

/// Ann goes live where her announcements are wanted so. What is posted.
async fn announced_as(wanted: &Value, stream: Stream) -> Message {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, wanted);
    world.twitch.go_live_with(&world.id("ann"), stream);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.announcements(cats).remove(0)
}

/// What a message may mention.
fn allowed(message: &Message) -> &Value {
    &message.body["allowed_mentions"]
}

#[tokio::test(start_paused = true)]
async fn an_announcement_mentions_whom_the_server_has_chosen() {
    for (mention, text, may_mention) in [
        ("nobody", "", json!({"parse": []})),
        ("77", "<@&77>", json!({"parse": [], "roles": ["77"]})),
        ("here", "@here", json!({"parse": ["everyone"]})),
        ("everyone", "@everyone", json!({"parse": ["everyone"]})),
    ] {
        let message = announced_as(&json!({"mention": mention}), Stream::default()).await;
        assert_eq!((message.content(), allowed(&message)), (text, &may_mention));
        assert_eq!(message.mentions_anybody(), mention != "nobody");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamer_may_be_wanted_otherwise_than_the_others() {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, &json!({"mention": "everyone", "message": "{streamer}!"}));
    prefers_of(&world, cats, "ann", &json!({"mention": "nobody"}));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let message = world.announcements(cats).remove(0);
    assert_eq!((message.content(), message.mentions_anybody()), ("Ann!", false));
}

#[tokio::test(start_paused = true)]
async fn an_announcement_says_what_the_server_wants_said() {
    let template = "# {mention}\n{streamer} plays {category} for {viewers}: {title}\n{url} {started} {language} {tags} {{}}";
    let stream = Stream {
        title: "Any%".to_owned(),
        game_name: "Celeste".to_owned(),
        viewers: 1234,
        language: "de".to_owned(),
        tags: vec!["Speedrun".to_owned(), "Deutsch".to_owned()],
        started_at: "2026-11-21T09:00:00Z".to_owned(),
        ..Stream::default()
    };
    let message = announced_as(&json!({"mention": "77", "message": template}), stream).await;
    insta::assert_snapshot!(message.content(), @r"
    # <@&77>
    Ann plays Celeste for 1,234: Any%
    <https://www.twitch.tv/ann> <t:1795251600:R> German Speedrun, Deutsch {}
    ");
}

#[tokio::test(start_paused = true)]
async fn a_mention_that_the_text_does_not_name_goes_before_it() {
    let message =
        announced_as(&json!({"mention": "77", "message": "{streamer} is live"}), Stream::default()).await;
    assert_eq!(message.content(), "<@&77> Ann is live");
}

#[tokio::test(start_paused = true)]
async fn what_a_streamer_writes_mentions_nobody_and_is_no_markup() {
    let title = "# @everyone <@&78> **free** [gifts](https://evil.example) discord.gg/evil";
    let stream = Stream { title: title.to_owned(), ..Stream::default() };
    let message = announced_as(&json!({"mention": "here", "message": "{title}"}), stream).await;
    let shown = message.content().replace('\u{200b}', "(break)");
    insta::assert_snapshot!(shown, @r"@here \# @(break)everyone \<@(break)&78\> \*\*free\*\* \[gifts\](https\:(break)//evil.example) discord(break).gg/evil");
    assert_eq!(allowed(&message), &json!({"parse": ["everyone"]}));
}

/// Everything that does something in Discord's texts, as somebody may call a stream.
const MISCHIEF: &str = "# @everyone <@&77> <@1> [x](http://y.example) ||spoiler|| :a: -# `";

#[tokio::test(start_paused = true)]
async fn nothing_that_others_wrote_does_anything_anywhere_while_it_is_on_and_after() {
    let (world, cats) = World::with_follower().await;
    let template = "{title} / {category} / {tags} / {streamer}";
    prefers(&world, cats, &json!({"mention": "here", "message": template, "button": false}));
    let mischief = || MISCHIEF.to_owned();
    let stream =
        Stream { title: mischief(), game_name: mischief(), tags: vec![mischief()], ..Stream::default() };
    world.twitch.rename(&world.id("ann"), "ann", MISCHIEF);
    world.twitch.go_live_with(&world.id("ann"), stream);
    world.pass(A_LOOK).await;
    let live = world.posts(cats).remove(0);
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 2).await;
    let over = world.posts(cats).remove(0);
    // Nothing of it is left that stands on its own: each mark has a backslash before it, or something invisible in it.
    let shown = r"\# @(break)everyone \<@(break)&77\> \<@(break)1\> \[x\](http\:(break)//y.example) \|\|spoiler\|\| \:a: -# \`";
    let card = |message: &Message| {
        let card = &message.body["embeds"][0];
        let fields = card["fields"].as_array().expect("fields").iter().map(|field| field["value"].clone());
        (card["title"].clone(), fields.collect::<Vec<_>>())
    };
    for (message, may_mention) in [(&live, json!({"parse": ["everyone"]})), (&over, json!({"parse": []}))] {
        assert_eq!(allowed(message), &may_mention);
        let (title, fields) = card(message);
        let visible = |value: &Value| value.as_str().unwrap_or_default().replace('\u{200b}', "(break)");
        assert_eq!(visible(&title), shown);
        assert!(fields.iter().any(|value| visible(value).starts_with(shown)), "{fields:?}");
    }
    let words = live.content().replace('\u{200b}', "(break)");
    assert_eq!(words, format!("@here {shown} / {shown} / {shown} / {shown}"));
}

#[tokio::test(start_paused = true)]
async fn emoji_and_names_from_right_to_left_stay_what_they_are() {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, &json!({"message": "{streamer}: {title} {url}"}));
    world.twitch.rename(&world.id("ann"), "ann", "\u{5d0}\u{5e0}\u{5d4}");
    let title = "\u{1f469}\u{200d}\u{1f52c} \u{202e}any%".to_owned();
    world.twitch.go_live_with(&world.id("ann"), Stream { title, ..Stream::default() });
    world.pass(A_LOOK).await;
    let message = world.announcements(cats).remove(0);
    // What turns the direction of the rest of the line is taken out.
    let expected = "\u{5d0}\u{5e0}\u{5d4}: \u{1f469}\u{200d}\u{1f52c} any% <https://www.twitch.tv/ann>";
    assert_eq!(message.content(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_looks_as_the_server_wants_it() {
    let usual = announced_as(&json!({}), Stream::default()).await;
    let card = &usual.body["embeds"][0];
    assert_eq!((&card["color"], card["image"]["url"].is_string()), (&json!(0x91_46_FF), true));
    assert_eq!(usual.body["components"][0]["components"][0]["label"], "Watch");
    let wanted = json!({"color": 0xFF_00_00, "preview": false, "button": false, "notify": false});
    let plain = announced_as(&wanted, Stream::default()).await;
    let card = &plain.body["embeds"][0];
    assert_eq!((&card["color"], &card["image"]), (&json!(0xFF_00_00), &Value::Null));
    assert_eq!(plain.body["components"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_plain_link_mentions_the_same() {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, &json!({"mention": "77", "message": "{streamer} is live"}));
    world.discord.fail(Place::Channel(cats.live), 1, refusal(400, 50035));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let message = world.posts(cats).remove(0);
    assert!(message.content().starts_with("<@&77> **ann** went live"), "{}", message.content());
    assert_eq!(allowed(&message), &json!({"parse": [], "roles": ["77"]}));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_announcement_names_whom_it_would_mention_and_calls_nobody() {
    let (mut world, cats) = World::with_follower().await;
    chooses(&world, cats, "late", "quiet").await;
    prefers(&world, cats, &json!({"mention": "everyone"}));
    world.stop().await.expect("a clean stop");
    world.goes_live("ann");
    world.pass(Duration::from_hours(1)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    let message = world.announcements(cats).remove(0);
    assert_eq!((message.content(), message.is_silent()), ("@everyone", true));
    assert!(!message.mentions_anybody());
}

#[tokio::test(start_paused = true)]
async fn a_test_shows_what_the_server_wants_and_mentions_nobody() {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, &json!({"mention": "everyone", "message": "{streamer} is on", "color": 7}));
    prefers_of(&world, cats, "ann", &json!({"color": 8}));
    for (options, text, color) in
        [(json!({}), "@everyone A streamer is on", 7), (json!({"streamer": "ann"}), "@everyone Ann is on", 8)]
    {
        asks(&world, cats, "test", options).await;
        world.pass(Duration::from_secs(1)).await;
        let message = world.posts(cats).pop().expect("a sample");
        assert_eq!((message.content(), message.mentions_anybody()), (text, false));
        assert_eq!(message.body["embeds"][0]["color"], color);
    }
    world.expect_announced(cats, &[]);
}
