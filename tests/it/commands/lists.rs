//! `/streamers` and `/live`: what a server's people can look up.

use std::time::Duration;

use livebell_fakes::discord::Reply;
use livebell_fakes::discord::permissions::{SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::twitch::{self, Path, Stream};
use serde_json::{Value, json};

use crate::world::{A_LOOK, GRACE, World};

// /streamers

#[tokio::test(start_paused = true)]
async fn the_list_shows_the_live_first_and_then_goes_by_name() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let stage = world.channel(cats, "stage");
    for login in ["dora", "bob", "zoe", "ann"] {
        world.follow(cats, login).await;
    }
    world.add_to(cats, "bob", stage).await;
    world.goes_live("zoe");
    world.pass(A_LOOK).await;
    let reply = world.slash(&world.member, cats, "streamers", json!({})).await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Streamers (4)
    🟣 **[Zoe](https://www.twitch.tv/zoe)** in #live · since (day) · live, began (time)
    ⚫ **[Ann](https://www.twitch.tv/ann)** in #live · since (day)
    ⚫ **[Bob](https://www.twitch.tv/bob)** in #stage · since (day)
    ⚫ **[Dora](https://www.twitch.tv/dora)** in #live · since (day)
    ");
    assert!(reply.ephemeral);
    assert!(reply.buttons().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_says_how_to_begin() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    let typed = world.typed(&world.member, cats, "streamers", json!({})).await;
    let reply = typed.reply().await;
    insta::assert_snapshot!(reply.text(), @"
    Streamers (0)
    No streamer is announced in this server yet. Add one with `/addstreamer`.
    ");
    assert!(reply.ephemeral);
    World::expect_in_time(&typed);
}

#[tokio::test(start_paused = true)]
async fn the_list_says_why_announcements_did_not_come() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let [mute, blind, gone] = ["mute", "blind", "gone"].map(|name| world.channel(cats, name));
    for (login, channel) in [("ann", cats.live), ("bob", mute), ("cleo", blind), ("dora", gone)] {
        world.twitch.add_user(login);
        world.add_to(cats, login, channel).await;
    }
    world.discord.deny(mute, SEND_MESSAGES);
    world.discord.deny(blind, VIEW_CHANNEL);
    world.discord.delete_channel(gone);
    for login in ["ann", "bob", "cleo", "dora"] {
        world.goes_live(login);
    }
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (4)
    🟣 **[Ann](https://www.twitch.tv/ann)** in #live · since (day) · live, began (time)
    🟣 **[Bob](https://www.twitch.tv/bob)** in #mute · since (day) · live, began (time)
    ⚠️ I lack **Send Messages** in #mute. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    🟣 **[Cleo](https://www.twitch.tv/cleo)** in #blind · since (day) · live, began (time)
    ⚠️ I lack **View Channel** in #blind. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    🟣 **[Dora](https://www.twitch.tv/dora)** in #gone · since (day) · live, began (time)
    ⚠️ The channel does not exist any more. Choose another one with `/setchannel`, or with `/addstreamer` for a streamer with a channel of its own.
    ");
    world.expect_announced(cats, &["Ann"]);
    // Nobody knocks again at a closed door.
    let posts = world.discord.requests().len();
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.discord.requests().len(), posts);
    // Another channel is another try, with the next stream.
    world.add_to(cats, "dora", cats.live).await;
    world.discord.allow_again(mute);
    for login in ["bob", "dora"] {
        world.goes_offline(login);
    }
    world.pass(GRACE + A_LOOK + A_LOOK).await;
    for login in ["bob", "dora"] {
        world.goes_live(login);
    }
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (4)
    🟣 **[Ann](https://www.twitch.tv/ann)** in #live · since (day) · live, began (time)
    🟣 **[Bob](https://www.twitch.tv/bob)** in #mute · since (day) · live, began (time)
    🟣 **[Cleo](https://www.twitch.tv/cleo)** in #blind · since (day) · live, began (time)
    ⚠️ I lack **View Channel** in #blind. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    🟣 **[Dora](https://www.twitch.tv/dora)** in #live · since (day) · live, began (time)
    ");
}

#[tokio::test(start_paused = true)]
async fn the_list_says_when_twitch_does_not_know_an_account_any_more() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let ann = world.id("ann");
    world.twitch.vanish(&ann);
    world.pass(Duration::from_hours(24) + Duration::from_mins(2)).await;
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (1)
    ⚫ **[Ann](https://www.twitch.tv/ann)** in #live · since (day)
    ⚠️ Twitch does not know this account since (day) (renamed away, banned or deleted). It is announced again when it returns.
    ");
    world.twitch.reappear(&ann);
    world.goes_live("ann");
    world.pass(A_LOOK + Duration::from_mins(1)).await;
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (1)
    🟣 **[Ann](https://www.twitch.tv/ann)** in #live · since (day) · live, began (time)
    ");
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_turned_with_buttons_also_after_a_restart() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    for number in 0..25 {
        world.follow(cats, &format!("streamer_{number:02}")).await;
    }
    let names = |reply: &Reply| {
        let text = reply.text().replace('\\', "");
        let names = text.lines().filter_map(|line| line.split_once("**[Streamer_")?.1.get(..2)?.parse().ok());
        names.collect::<Vec<u32>>()
    };
    let first = world.slash(&world.admin, cats, "streamers", json!({})).await;
    assert_eq!(names(&first), (0..10).collect::<Vec<_>>());
    assert_eq!(first.buttons(), ["◀", "1 / 3", "▶"]);
    let second = world.press(cats, &first, "▶").await;
    assert_eq!(names(&second), (10..20).collect::<Vec<_>>());
    assert_eq!(second.kind, 7, "the message is changed, not answered");
    let third = world.press(cats, &second, "▶").await;
    assert_eq!(names(&third), (20..25).collect::<Vec<_>>());
    assert_eq!(third.buttons(), ["◀", "3 / 3", "▶"]);
    world.stop().await.expect("it stops in order");
    world.wake().await;
    let back = world.press(cats, &third, "◀").await;
    assert_eq!(names(&back), (10..20).collect::<Vec<_>>());
    // A page that is gone meanwhile leads to the last one that is left.
    for number in 5..25 {
        world.unfollow(cats, &format!("streamer_{number:02}")).await;
    }
    let last = world.press(cats, &back, "▶").await;
    assert_eq!(names(&last), (0..5).collect::<Vec<_>>());
    assert!(last.buttons().is_empty());
}

// /live

#[tokio::test(start_paused = true)]
async fn everybody_sees_who_is_live() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    for login in ["ann", "bob", "cleo"] {
        world.follow(cats, login).await;
    }
    world.follow(dogs, "dora").await;
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(world.live_words(cats).await, @"
    Live now (0)
    None of this server's 3 streamers is live.

    Last look at Twitch (time).
    ");
    let chess =
        Stream { title: "Speed chess".into(), game_name: "Chess".into(), viewers: 7, ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), chess);
    let bare = Stream {
        title: String::new(),
        game_id: String::new(),
        game_name: String::new(),
        ..Stream::default()
    };
    world.twitch.go_live_with(&world.id("bob"), Stream { viewers: 1_200, ..bare });
    world.goes_live("dora");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(world.live_words(cats).await, @"
    Live now (2)
    🟣 **[Bob](https://www.twitch.tv/bob)** Live on Twitch
    1,200 watching · began (time)
    🟣 **[Ann](https://www.twitch.tv/ann)** Speed chess
    Chess · 7 watching · began (time)

    Last look at Twitch (time).
    ");
    // The same words again, at once, from what the bot knows.
    world.twitch.fail(Path::Any, u32::MAX, twitch::Fault::Hang);
    world.pass(A_LOOK).await;
    let typed = world.typed(&world.member, cats, "live", json!({})).await;
    let reply = typed.reply().await;
    assert!(reply.text().starts_with("Live now (2)"), "{}", reply.text());
    let took = typed.first_response_after().expect("a first response");
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn live_in_a_server_without_streamers() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    insta::assert_snapshot!(world.live_words(cats).await, @"
    Live now (0)
    No streamer is announced in this server yet.
    ");
}

#[tokio::test(start_paused = true)]
async fn who_is_missed_is_shown_as_not_seen_until_the_grace_is_over() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(world.live_words(cats).await, @"
    Live now (1)
    🟣 **[Ann](https://www.twitch.tv/ann)** Playing
    Just Chatting · 42 watching · began (time) · last seen (time)

    Last look at Twitch (time).
    ");
    world.pass(GRACE + A_LOOK).await;
    insta::assert_snapshot!(world.live_words(cats).await, @"
    Live now (0)
    This server's only streamer is not live.

    Last look at Twitch (time).
    ");
}

#[tokio::test(start_paused = true)]
async fn what_streamers_write_neither_mentions_nor_formats() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let title = "@everyone <@&1> **free** [gifts](https://evil.example)\n# now".to_owned();
    let stream = Stream { title, game_name: "*Chess* `||x||`".into(), ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), stream);
    world.pass(A_LOOK).await;
    let reply = world.live(cats).await;
    let words = world.words(cats, &reply).replace('\u{200b}', "(break)");
    insta::assert_snapshot!(words, @r"
    Live now (1)
    🟣 **[Ann](https://www.twitch.tv/ann)** @(break)everyone \<@(break)&1\> \*\*free\*\* \[gifts\](https\:(break)//evil.example) # now
    \*Chess\* \`\|\|x\|\|\` · 42 watching · began (time)

    Last look at Twitch (time).
    ");
    let answered = world.discord.requests();
    let mut answers = answered.iter().filter(|request| request.path.contains("/callback"));
    let last = answers.next_back().expect("an answer");
    assert_eq!(mentions(&last.body["data"]), json!([]), "{}", last.body);
}

/// Which kinds of mentions a message allows.
fn mentions(message: &Value) -> Value {
    message["allowed_mentions"]["parse"].clone()
}
