//! Twitch pushes that streams begin: heard within seconds, true only when Helix shows it, and never missed when it is not
//! heard.

use std::time::Duration;

use livebell::config::EventSub;
use livebell_fakes::twitch::{Fault, Path, Stream};

use crate::world::{A_LOOK, GRACE, INTERVAL, Server, World};

/// How often the poll looks in these worlds: so rarely that only what was pushed is seen soon.
const RARELY: Duration = Duration::from_mins(20);

/// Enough for what was pushed to be announced.
const SOON: Duration = Duration::from_secs(2);

/// A server that follows Ann, in a world in which Twitch pushes.
async fn heard() -> (World, Server) {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Conduit;
    world.settings.check_interval = RARELY;
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&world.id("ann")).await;
    world.twitch.wait_for_shard().await;
    (world, cats)
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_announced_seconds_after_it_began() {
    let (world, cats) = heard().await;
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
    let why = world.slash(&world.admin, cats, "why", serde_json::json!({ "streamer": "ann" })).await.text();
    assert!(why.contains("Seen by the conduit"), "{why}");
}

/// What the card of the only announcement says of the category and the viewers, and whether it has a picture.
fn card(world: &World, server: Server) -> (String, Vec<String>, bool) {
    let posts = world.posts(server);
    assert_eq!(posts.len(), 1, "{posts:?}");
    let embed = &posts[0].body["embeds"][0];
    let fields = embed["fields"].as_array().expect("fields").iter();
    let fields = fields.filter(|field| field["name"] != "Started");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    (text(&embed["title"]), fields.map(|field| text(&field["value"])).collect(), !embed["image"].is_null())
}

/// The world's Ann, as she goes live.
const TITLE: &str = "Any% until it works";

impl World {
    fn goes_live_with_a_title(&self, login: &str) -> String {
        let stream = Stream { title: TITLE.to_owned(), viewers: 137, ..Stream::default() };
        self.twitch.go_live_with(&self.id(login), stream)
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_announced_before_the_list_shows_it_and_brought_up_to_date_then() {
    let (world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_secs(45));
    world.goes_live_with_a_title("ann");
    world.pass(Duration::from_millis(2_900)).await;
    world.expect_announced(cats, &[]);
    world.pass(SOON).await;
    let (title, fields, has_picture) = card(&world, cats);
    assert_eq!(
        (title.as_str(), fields.len(), has_picture),
        (TITLE, 1, false),
        "no viewers and no picture yet"
    );
    world.pass(Duration::from_secs(70)).await;
    let (title, fields, has_picture) = card(&world, cats);
    assert_eq!((title.as_str(), fields[1].as_str(), has_picture), (TITLE, "137", true));
    assert_eq!(world.posts(cats)[0].edits, 1);
    world.pass(RARELY * 2).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.posts(cats)[0].edits, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_listed_in_time_is_announced_whole_and_left_alone() {
    let (world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_secs(1));
    world.goes_live_with_a_title("ann");
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(card(&world, cats).1[1], "137");
    assert_eq!(world.posts(cats)[0].edits, 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_announced_in_time_also_when_twitch_answers_nothing() {
    for fault in [Fault::Hang, Fault::Status(500)] {
        let (world, cats) = heard().await;
        world.twitch.fail(Path::Any, u32::MAX, fault);
        world.goes_live_with_a_title("ann");
        world.pass(Duration::from_secs(6)).await;
        assert_eq!(card(&world, cats), ("Live on Twitch".to_owned(), Vec::new(), false));
        world.twitch.clear_faults();
        world.pass(RARELY * 2).await;
        assert_eq!((card(&world, cats).0.as_str(), card(&world, cats).1.len()), (TITLE, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_it_is_waited_for_is_a_setting() {
    let (mut world, cats) = heard().await;
    world.stop().await.expect("a clean stop");
    world.settings.enrich_wait = Duration::from_secs(20);
    world.wake().await;
    world.twitch.wait_for_shard().await;
    world.twitch.set_helix_lag(Duration::from_secs(9));
    world.goes_live_with_a_title("ann");
    world.pass(Duration::from_secs(8)).await;
    world.expect_announced(cats, &[]);
    world.pass(Duration::from_secs(4)).await;
    assert_eq!(card(&world, cats).1[1], "137");
    assert_eq!(world.posts(cats)[0].edits, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_before_a_restart_is_brought_up_to_date_after_it() {
    let (mut world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_mins(1));
    world.goes_live_with_a_title("ann");
    world.pass(Duration::from_secs(5)).await;
    assert!(!card(&world, cats).2);
    world.kill().await;
    world.pass(Duration::from_mins(1)).await;
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    assert!(card(&world, cats).2, "it has its picture now");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_list_never_shows_is_announced_once_and_ends() {
    let (world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_hours(9));
    world.goes_live("ann");
    world.pass(Duration::from_secs(5)).await;
    world.expect_announced(cats, &["Ann"]);
    world.pass(RARELY * 3).await;
    world.expect_announced(cats, &["Ann"]);
    let live = world.slash(&world.member, cats, "live", serde_json::json!({})).await.text();
    assert!(!live.contains("Ann"), "{live}");
}

#[tokio::test(start_paused = true)]
async fn who_follows_somebody_that_was_told_of_is_told_as_well() {
    let (world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_mins(1));
    world.goes_live("ann");
    world.pass(Duration::from_secs(5)).await;
    let dogs = world.server("Dogs").await;
    world.follow(dogs, "ann").await;
    world.pass(RARELY + SOON).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_and_what_the_poll_has_seen_is_announced_once() {
    let (world, cats) = heard().await;
    world.twitch.double_events(true);
    world.twitch.delay_events(Duration::from_mins(21));
    world.goes_live("ann");
    world.pass(RARELY + SOON).await;
    world.expect_announced(cats, &["Ann"]);
    world.pass(RARELY * 2).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_when_all_is_over_announces_nothing() {
    let (world, cats) = heard().await;
    world.twitch.delay_events(Duration::from_mins(5));
    world.goes_live("ann");
    world.pass(Duration::from_mins(1)).await;
    world.goes_offline("ann");
    world.pass(RARELY * 2).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_seen_by_the_poll() {
    let (world, cats) = heard().await;
    world.twitch.lose_events(u32::MAX);
    world.goes_live("ann");
    world.pass(RARELY + SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_rerun_announces_nothing() {
    let (world, cats) = heard().await;
    world.twitch.send_event(&world.id("ann"), "4711", "2026-11-21T10:00:00Z", "rerun");
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn twitch_asks_to_go_on_elsewhere_and_nothing_is_missed() {
    let (world, cats) = heard().await;
    let before = world.twitch.sockets_opened();
    world.twitch.reconnect_sockets();
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.twitch.sockets_opened(), before + 1);
    assert_eq!(world.twitch.sockets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again() {
    type Loss = fn(&World);
    let losses: [(&str, Loss); 5] = [
        ("cut", |world| world.twitch.cut_sockets()),
        ("closed", |world| world.twitch.close_sockets(4005)),
        ("silent", |world| world.twitch.go_silent()),
        ("disabled", |world| world.twitch.disable_shard()),
        ("forgotten", |world| {
            let conduit = world.twitch.conduits().remove(0);
            world.twitch.forget_conduit(&conduit.id);
            world.twitch.cut_sockets();
        }),
    ];
    for (name, lose) in losses {
        let (world, cats) = heard().await;
        lose(&world);
        // Up to the look at the shard, and the subscriptions of a new conduit.
        world.pass(Duration::from_mins(7)).await;
        world.goes_live("ann");
        world.pass(SOON).await;
        assert_eq!(world.announced(cats), ["Ann"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_twitch_closes_the_connection_with_it_is_made_again() {
    for code in 4000..=4007 {
        let (world, cats) = heard().await;
        let opened = world.twitch.sockets_opened();
        world.twitch.close_sockets(code);
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(world.twitch.sockets_opened(), opened + 1, "{code}");
        world.goes_live("ann");
        world.pass(SOON).await;
        assert_eq!(world.announced(cats), ["Ann"], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_said_to_exist_counts_when_it_is_listed() {
    let (mut world, address) = World::with_health().await;
    world.settings.eventsub = EventSub::Conduit;
    world.twitch.fail(Path::CreateSubscription, 1, Fault::Status(409));
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_for_shard().await;
    let subscribed = async || {
        let told: serde_json::Value =
            serde_json::from_str(&livebell::web::ask(address).await.expect("it is healthy")).expect("JSON");
        told["eventsub"]["subscribed"].clone()
    };
    world.pass(Duration::from_secs(30)).await;
    assert_eq!((world.twitch.request_count(Path::CreateSubscription), subscribed().await), (1, 0.into()));
    world.pass(Duration::from_hours(1)).await;
    assert_eq!((world.twitch.request_count(Path::CreateSubscription), subscribed().await), (2, 1.into()));
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_same_conduit_and_makes_nothing_again() {
    let (mut world, cats) = heard().await;
    let before = (world.twitch.conduits()[0].id.clone(), world.twitch.subscriptions().len());
    world.stop().await.expect("a clean stop");
    world.pass(Duration::from_mins(1)).await;
    world.wake().await;
    world.twitch.wait_for_shard().await;
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(world.twitch.conduits().len(), 1);
    assert_eq!((world.twitch.conduits()[0].id.clone(), world.twitch.subscriptions().len()), before);
}

#[tokio::test(start_paused = true)]
async fn another_deployments_conduit_is_never_used() {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Conduit;
    world.twitch.add_foreign_conduit();
    let theirs = world.twitch.conduits();
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&world.id("ann")).await;
    let (same, ours): (Vec<_>, Vec<_>) =
        world.twitch.conduits().into_iter().partition(|conduit| conduit.foreign);
    assert_eq!((same, ours.len()), (theirs, 1));
}

#[tokio::test(start_paused = true)]
async fn with_five_foreign_conduits_the_poll_does_it_alone() {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Conduit;
    for _ in 0..5 {
        world.twitch.add_foreign_conduit();
    }
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    assert!(world.twitch.request_count(Path::CreateConduit) > 0, "it was tried");
    assert_eq!(world.twitch.conduits().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_twitch_does_not_know_is_asked_for_and_not_subscribed_to_again() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let ann = world.id("ann");
    world.stop().await.expect("a clean stop");
    world.twitch.vanish(&ann);
    world.settings.eventsub = EventSub::Conduit;
    world.wake().await;
    world.pass(Duration::from_mins(3)).await;
    let marked = "SELECT unavailable_since IS NOT NULL FROM streamer";
    let marked: bool = world.database().query_row(marked, [], |row| row.get(0)).expect("a row");
    assert!(marked, "it is known to be gone");
    world.pass(Duration::from_mins(130)).await;
    assert_eq!(world.twitch.request_count(Path::CreateSubscription), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_remembered_is_looked_up_again() {
    for lag in [Duration::ZERO, Duration::from_mins(1)] {
        let (world, cats) = heard().await;
        world.twitch.set_helix_lag(lag);
        world.database().execute_batch("ALTER TABLE delivery RENAME TO lost").expect("the table goes");
        world.goes_live("ann");
        world.pass(Duration::from_millis(3_500)).await;
        world.database().execute_batch("ALTER TABLE lost RENAME TO delivery").expect("the table is back");
        world.pass(Duration::from_secs(6)).await;
        world.expect_announced(cats, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_list_shows_when_it_was_given_up_is_completed_then() {
    let (mut world, cats) = heard().await;
    world.stop().await.expect("a clean stop");
    world.settings.check_interval = INTERVAL;
    world.settings.offline_grace = Duration::ZERO;
    world.wake().await;
    world.twitch.wait_for_shard().await;
    world.twitch.set_helix_lag(Duration::from_secs(200));
    world.goes_live_with_a_title("ann");
    world.pass(Duration::from_secs(5)).await;
    assert!(!card(&world, cats).2);
    world.pass(Duration::from_mins(3)).await;
    assert_eq!(world.list(cats).await.matches("live").count(), 0, "it was given up");
    world.pass(Duration::from_mins(2)).await;
    assert!(card(&world, cats).2, "it has its picture now");
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_the_connection_loses_nothing() {
    let (mut world, cats) = heard().await;
    world.stop().await.expect("a clean stop");
    world.settings.check_interval = INTERVAL;
    world.wake().await;
    world.twitch.wait_for_shard().await;
    world.follow(cats, "bob").await;
    world.twitch.refuse_sockets(true);
    world.twitch.go_silent();
    world.pass(Duration::from_mins(20)).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.pass(Duration::from_mins(40)).await;
    world.twitch.refuse_sockets(false);
    world.twitch.wait_for_shard().await;
    world.goes_live("bob");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann", "Bob"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_another_order_is_announced_as_it_was() {
    let (world, cats) = heard().await;
    world.twitch.set_helix_lag(Duration::from_secs(30));
    world.twitch.hold_events();
    world.goes_live("ann");
    world.pass(Duration::from_secs(10)).await;
    world.goes_offline("ann");
    world.pass(Duration::from_secs(10)).await;
    world.goes_live("ann");
    world.twitch.release_events(true);
    world.pass(RARELY + SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_below_what_is_in_use_leaves_the_rest_to_the_looks() {
    let (mut world, cats) = heard().await;
    world.stop().await.expect("a clean stop");
    world.settings.check_interval = INTERVAL;
    world.wake().await;
    world.twitch.wait_for_shard().await;
    for login in ["bob", "cleo"] {
        world.follow(cats, login).await;
    }
    world.pass(Duration::from_mins(1)).await;
    world.twitch.set_max_total_cost(1);
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(world.twitch.subscriptions().len(), 1, "the others were given up");
    for login in ["ann", "bob", "cleo"] {
        world.goes_live(login);
    }
    world.pass(A_LOOK).await;
    let mut names = world.announced(cats);
    names.sort();
    assert_eq!(names, ["Ann", "Bob", "Cleo"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_followed_any_more_is_not_subscribed_to() {
    let (world, cats) = heard().await;
    let ann = world.id("ann");
    world.unfollow(cats, "ann").await;
    world.pass(Duration::from_secs(15)).await;
    assert!(!world.twitch.enabled_for(&ann));
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_twitch_ends_is_made_again() {
    let (world, _) = heard().await;
    let ann = world.id("ann");
    world.twitch.revoke(&world.twitch.subscriptions()[0].id, "version_removed");
    world.pass(Duration::from_secs(15)).await;
    assert!(world.twitch.enabled_for(&ann));
}

#[tokio::test(start_paused = true)]
async fn a_short_drop_that_is_heard_of_is_not_announced_again() {
    let (world, cats) = heard().await;
    world.goes_live("ann");
    world.pass(SOON).await;
    world.goes_offline("ann");
    world.pass(GRACE / 2).await;
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_costs_only_its_list() {
    let (world, _) = heard().await;
    world.pass(Duration::from_secs(30)).await;
    world.twitch.clear_requests();
    world.pass(Duration::from_hours(3)).await;
    let asked: Vec<_> = world
        .twitch
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/eventsub/subscriptions"))
        .map(|request| request.method)
        .collect();
    assert!((2..=6).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|method| method == "GET"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_conduit_that_is_not_remembered_is_not_made_again_and_again() {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Conduit;
    world.twitch.fail(Path::CreateConduit, u32::MAX, Fault::Html(502));
    world.wake().await;
    world.pass(Duration::from_mins(14)).await;
    assert_eq!(world.twitch.request_count(Path::CreateConduit), 1);
    world.twitch.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.twitch.conduits().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_come_back_after_twitch_has_deleted_the_conduit() {
    let (world, cats) = heard().await;
    let former = world.twitch.conduits().remove(0);
    world.twitch.delete_conduit(&former.id);
    // Somebody adds a streamer before the bot knows that the conduit is gone.
    world.follow(cats, "bob").await;
    world.pass(Duration::from_mins(10)).await;
    assert!(world.twitch.enabled_for(&world.id("ann")) && world.twitch.enabled_for(&world.id("bob")));
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
    // Nothing is left of the former one.
    let left = world.twitch.subscriptions().into_iter().filter(|one| one.status == "conduit_deleted");
    assert_eq!(left.count(), 0);
}
