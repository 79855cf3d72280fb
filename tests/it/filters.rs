//! Filters: a server hears of a stream once it is as wanted there, at the start or later, and `/why` says what is missing.

mod explaining;

use std::time::Duration;

use livebell::config::EventSub;
use livebell_fakes::discord::Message;
use livebell_fakes::twitch::{Fault, Path, Stream};
use serde_json::{Value, json};

use crate::world::{A_LOOK, GRACE, INTERVAL, Server, World};

/// What is wanted of all announcements in a server. The bot reads it with the next thing that it decides; what it has decided
/// already, it asks about once more when watches change.
pub(crate) fn prefers(world: &World, server: Server, wanted: &Value) {
    let changed = world.database().execute(
        "UPDATE guild SET preferences = ?2 WHERE guild_id = ?1",
        rusqlite::params![i64::try_from(server.guild).expect("an id"), wanted.to_string()],
    );
    assert_eq!(changed, Ok(1));
}

/// What is wanted of the announcements of one streamer.
pub(crate) fn prefers_of(world: &World, server: Server, login: &str, wanted: &Value) {
    let changed = world.database().execute(
        "UPDATE watch SET preferences = ?3 WHERE guild_id = ?1 AND broadcaster_id = ?2",
        rusqlite::params![i64::try_from(server.guild).expect("an id"), world.id(login), wanted.to_string()],
    );
    assert_eq!(changed, Ok(1));
}

pub(crate) fn only_celeste() -> Value {
    json!({ "only_category": [{ "id": "7", "name": "Celeste" }] })
}

/// A server that follows Ann and wants only such streams.
pub(crate) async fn that_wants(wanted: &Value) -> (World, Server) {
    let (world, cats) = World::with_follower().await;
    prefers(&world, cats, wanted);
    (world, cats)
}

/// Ann's stream becomes another one, and is looked at.
pub(crate) async fn becomes(world: &World, change: impl FnOnce(&mut Stream)) {
    world.twitch.update(&world.id("ann"), change);
    world.pass(A_LOOK).await;
}

pub(crate) async fn plays(world: &World, id: &str, name: &str) {
    becomes(world, |stream| {
        id.clone_into(&mut stream.game_id);
        name.clone_into(&mut stream.game_name);
    })
    .await;
}

/// A field of the card.
fn field<'a>(message: &'a Message, name: &str) -> &'a str {
    let fields = message.body["embeds"][0]["fields"].as_array().expect("fields");
    let field = fields.iter().find(|field| field["name"] == name).expect(name);
    field["value"].as_str().expect("a text")
}

/// Of Ann's stream nothing is told where that is wanted, until it has changed so; then it is, once.
async fn check(wanted: Value, unwanted: impl FnOnce(&mut Stream), change: impl FnOnce(&mut Stream)) {
    let (world, cats) = that_wants(&wanted).await;
    world.goes_live("ann");
    becomes(&world, unwanted).await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.announced(cats), [""; 0], "{wanted}");
    becomes(&world, change).await;
    assert_eq!(world.announced(cats), ["Ann"], "{wanted}");
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(world.announced(cats), ["Ann"], "{wanted}");
}

#[tokio::test(start_paused = true)]
async fn each_filter_holds_an_announcement_back_until_the_stream_is_as_wanted() {
    check(only_celeste(), |_| (), |stream| stream.game_id = "7".to_owned()).await;
    let chatting = json!({ "never_category": [{ "id": "509658", "name": "Just Chatting" }] });
    let nothing = |stream: &mut Stream| (stream.game_id, stream.game_name) = (String::new(), String::new());
    check(chatting, |_| (), nothing).await;
    let title = |title: &str| {
        let title = title.to_owned();
        |stream: &mut Stream| stream.title = title
    };
    check(json!({ "title_has": ["any%", "world record"] }), title("Many%"), title("World Record!")).await;
    check(json!({ "title_not": ["drops"] }), title("DROPS on"), title("dropsy")).await;
    check(json!({ "title_regex": "^(any|100)%" }), title("Not any%"), title("ANY% again")).await;
    check(json!({ "language": ["de", "fr"] }), |_| (), |stream| stream.language = "fr".to_owned()).await;
    check(json!({ "tags_any": ["speedrun"] }), |_| (), |stream| stream.tags.push("Speedrun".to_owned()))
        .await;
    check(json!({ "tags_none": ["english"] }), |_| (), |stream| stream.tags.clear()).await;
    check(json!({ "min_viewers": 100 }), |stream| stream.viewers = 99, |stream| stream.viewers = 100).await;
    check(json!({}), title("Any% (rerun)"), title("Any%")).await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_to_play_what_is_wanted_is_announced_once_with_what_is_played_then() {
    let (world, cats) = that_wants(&only_celeste()).await;
    let dogs = world.server("Dogs").await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(Duration::from_hours(3)).await;
    world.expect_announced(dogs, &["Ann"]);
    world.expect_announced(cats, &[]);
    let since = world.twitch.stream_of(&world.id("ann")).expect("a stream").started_at;
    plays(&world, "7", "Celeste").await;
    let announcement = &world.announcements(cats)[0];
    assert_eq!(field(announcement, "Category"), "Celeste");
    for _ in 0..3 {
        plays(&world, "8", "Hades").await;
        plays(&world, "7", "Celeste").await;
    }
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
    // It is in time, though the stream is not new.
    assert_eq!(announcement.body["embeds"][0]["footer"], Value::Null);
    assert_eq!(announcement.body["embeds"][0]["timestamp"], since);
}

#[tokio::test(start_paused = true)]
async fn enough_viewers_are_told_with_their_number() {
    let (world, cats) = that_wants(&json!({ "min_viewers": 100 })).await;
    let dogs = world.server("Dogs").await;
    world.follow(dogs, "ann").await;
    prefers(&world, dogs, &json!({ "min_viewers": 1_000 }));
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    becomes(&world, |stream| stream.viewers = 150).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(field(&world.announcements(cats)[0], "Viewers"), "150");
    becomes(&world, |stream| stream.viewers = 50).await;
    becomes(&world, |stream| stream.viewers = 12_345).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(field(&world.announcements(dogs)[0], "Viewers"), "12,345");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_is_relaxed_while_somebody_is_live_lets_the_announcement_through() {
    for (command, options) in [
        ("settings", json!({ "only_category": "none" })),
        ("settings", json!({ "reset": "only_category" })),
        ("editstreamer", json!({ "streamer": "ann", "only_category": "none" })),
    ] {
        let (world, cats) = that_wants(&only_celeste()).await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.expect_announced(cats, &[]);
        world.slash(&world.admin, cats, command, options).await;
        world.pass(A_LOOK).await;
        world.expect_announced(cats, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_of_one_streamer_goes_before_what_is_wanted_of_all() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.follow(cats, "bob").await;
    prefers_of(&world, cats, "bob", &json!({ "only_category": [{ "id": "509658", "name": "" }] }));
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Bob"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_outlives_the_bot() {
    let (mut world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.kill().await;
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    plays(&world, "7", "Celeste").await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_the_bot_is_away_counts_when_it_is_back() {
    let (mut world, cats) = that_wants(&only_celeste()).await;
    let dogs = world.server("Dogs").await;
    prefers(&world, dogs, &only_celeste());
    world.follow(dogs, "bob").await;
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.stop().await.expect("a clean stop");
    // The stream becomes another one, and the wish does.
    world.twitch.update(&world.id("ann"), |stream| stream.game_id = "7".to_owned());
    prefers(&world, dogs, &json!({}));
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_while_it_is_held_back_is_never_told() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 2).await;
    prefers(&world, cats, &json!({}));
    world.follow(cats, "bob").await;
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(cats, &[]);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_short_drop_keeps_what_is_held_back_and_what_was_told() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    for (id, name) in [("8", "Hades"), ("7", "Celeste"), ("7", "Celeste")] {
        let before = world.announced(cats).len();
        world.goes_offline("ann");
        world.pass(GRACE / 2).await;
        // While nobody sees the stream, no wish that changes makes it one to tell of.
        world.follow(cats, &format!("friend_of_{id}_{before}")).await;
        world.pass(INTERVAL).await;
        assert_eq!(world.announced(cats).len(), before);
        let stream = Stream { game_id: id.to_owned(), game_name: name.to_owned(), ..Stream::default() };
        world.twitch.go_live_with(&world.id("ann"), stream);
        world.pass(A_LOOK).await;
    }
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_twitch_loses_sight_of_is_held_back_again_and_let_through_once() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    for (id, expected) in [("8", 0), ("7", 1), ("7", 1)] {
        world.twitch.hide(&world.id("ann"));
        world.pass(GRACE * 3).await;
        world.twitch.unhide(&world.id("ann"));
        world.twitch.update(&world.id("ann"), |stream| stream.game_id = id.to_owned());
        world.pass(INTERVAL * 2).await;
        assert_eq!(world.announced(cats).len(), expected, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamer_added_while_live_is_held_back_as_everybody_is() {
    let (world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    prefers(&world, dogs, &only_celeste());
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &[]);
    // Removed and added again, it is still asked about.
    world.unfollow(dogs, "ann").await;
    world.follow(dogs, "ann").await;
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &[]);
    plays(&world, "7", "Celeste").await;
    world.expect_announced(dogs, &["Ann"]);
    world.expect_announced(cats, &["Ann"]);
    // Who joins while it is as wanted hears of it at once, with what is played now.
    let birds = world.server("Birds").await;
    prefers(&world, birds, &only_celeste());
    world.follow(birds, "ann").await;
    world.pass(A_LOOK).await;
    assert_eq!(field(&world.announcements(birds)[0], "Category"), "Celeste");
}

#[tokio::test(start_paused = true)]
async fn what_is_let_through_goes_where_it_is_wanted_then() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let elsewhere = world.channel(cats, "elsewhere");
    let there = json!({ "streamer": "ann", "channel": elsewhere.to_string() });
    world.slash(&world.admin, cats, "addstreamer", there).await;
    plays(&world, "7", "Celeste").await;
    world.expect_announced(cats, &[]);
    assert_eq!(world.discord.messages(elsewhere).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reruns_are_skipped_told_quietly_or_told_as_each_server_wants() {
    let world = World::start().await;
    let mut servers = Vec::new();
    for (name, reruns) in
        [("Usual", None), ("Skip", Some("skip")), ("Quiet", Some("quiet")), ("Announce", Some("announce"))]
    {
        let server = world.server(name).await;
        world.follow(server, "ann").await;
        if let Some(reruns) = reruns {
            prefers(&world, server, &json!({ "reruns": reruns }));
        }
        servers.push(server);
    }
    world.pass(A_LOOK).await;
    let rerun = Stream { tags: vec!["English".to_owned(), "Rerun".to_owned()], ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), rerun);
    world.pass(A_LOOK).await;
    let told = |server: Server| -> Vec<bool> {
        world.announcements(server).iter().map(Message::is_silent).collect()
    };
    assert_eq!(
        servers.iter().map(|&server| told(server)).collect::<Vec<_>>(),
        [vec![], vec![], vec![true], vec![false]]
    );
    // Live at last, those hear of it who skip reruns, and the others have heard.
    becomes(&world, |stream| stream.tags.clear()).await;
    assert_eq!(
        servers.iter().map(|&server| told(server)).collect::<Vec<_>>(),
        [vec![false], vec![false], vec![true], vec![false]]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rerun_that_is_told_quietly_mentions_nobody_at_any_time() {
    let (world, _) = that_wants(&json!({ "reruns": "quiet", "mention": "everyone" })).await;
    let rerun = Stream { title: "[Rerun] Any%".to_owned(), ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), rerun);
    world.pass(A_LOOK).await;
    becomes(&world, |stream| stream.title = "[Rerun] 100%".to_owned()).await;
    world.pass(Duration::from_mins(2)).await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 2).await;
    let requests = world.discord.requests().into_iter();
    let asked: Vec<_> = requests
        .filter(|request| request.path.starts_with("/channels/"))
        .filter(|request| !request.body.is_null())
        .collect();
    assert_eq!(
        asked.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(),
        ["POST", "PATCH", "PATCH"]
    );
    for request in asked {
        assert_eq!(request.body["allowed_mentions"], json!({ "parse": [] }), "{}", request.body);
    }
}

#[tokio::test(start_paused = true)]
async fn what_twitch_only_tells_of_waits_until_it_shows_what_filters_ask_about() {
    for wanted in
        [json!({ "min_viewers": 10 }), json!({ "never_category": [{ "id": "8", "name": "Hades" }] })]
    {
        let mut world = World::asleep().await;
        world.settings.eventsub = EventSub::Conduit;
        world.wake().await;
        let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
        for server in [cats, dogs] {
            world.follow(server, "ann").await;
        }
        prefers(&world, cats, &wanted);
        world.twitch.wait_until_enabled(&world.id("ann")).await;
        world.twitch.wait_for_shard().await;
        world.twitch.fail(Path::Any, u32::MAX, Fault::Status(500));
        world.goes_live("ann");
        world.pass(Duration::from_secs(6)).await;
        world.expect_announced(dogs, &["Ann"]);
        assert_eq!(world.announced(cats), [""; 0], "{wanted}");
        world.twitch.clear_faults();
        world.pass(Duration::from_mins(10)).await;
        world.expect_announced(dogs, &["Ann"]);
        assert_eq!(world.announced(cats), ["Ann"], "{wanted}");
        assert_eq!(field(&world.announcements(cats)[0], "Viewers"), "42");
    }
}

#[tokio::test(start_paused = true)]
async fn looks_in_which_nothing_changes_write_nothing_about_what_is_held_back() {
    let (world, cats) = that_wants(&json!({ "min_viewers": 100, "title_has": ["playing"] })).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let row = || -> String {
        let sql =
            "SELECT concat_ws(' ', state, detail, due_at, decided_at, session.seen_at, session_facts.stream)
                   FROM delivery JOIN transition USING (transition_id) JOIN session USING (session_id)
                   JOIN session_facts USING (session_id)";
        world.database().query_row(sql, [], |row| row.get(0)).expect("a delivery")
    };
    let before = row();
    assert!(before.starts_with("held min_viewers "), "{before}");
    for viewers in [10, 99, 0, 50] {
        becomes(&world, |stream| stream.viewers = viewers).await;
        world.follow(cats, &format!("bob{viewers}")).await;
        world.pass(A_LOOK).await;
    }
    assert_eq!(row(), before);
}
