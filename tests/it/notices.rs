//! What the admins of a server are told: once, in the first place that takes it, and not at all where none does.

use std::time::Duration;

use livebell_fakes::discord::permissions::{SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::routes::{asks, attempts, reads, shut_out, with_system_channel};
use crate::world::{A_LOOK, Server, World};

/// Long enough for every account to be looked at once.
const A_DAY: Duration = Duration::from_hours(25);

/// Long enough for a missing account to be looked at twice.
const TWO_LOOKS_AT_ACCOUNTS: Duration = Duration::from_hours(26);

/// Everything that was ever told, in all servers.
fn everything_told(world: &World) -> Vec<String> {
    let messages = world.discord.all_messages();
    messages.iter().map(|message| message.content().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// A server that follows Ann and has no channel for Discord's own messages; its admin chose `#live` from `#staff`.
async fn with_staff_channel(world: &World, name: &str) -> (Server, u64) {
    let server = world.bare_server(name);
    let staff = world.channel(server, "staff");
    let options = json!({ "channel": server.live.to_string() });
    world.discord.slash(&world.admin, server.guild, staff, "setchannel", options).await.reply().await;
    world.follow(server, "ann").await;
    world.pass(A_LOOK).await;
    (server, staff)
}

/// A world that looks at Twitch rarely, so that days pass soon.
async fn slow() -> World {
    let mut world = World::asleep().await;
    world.settings.check_interval = Duration::from_mins(10);
    world.wake().await;
    world
}

fn rename(world: &World) {
    world.twitch.rename(&world.id("ann"), "annie", "Annie");
}

// Renamed

#[tokio::test(start_paused = true)]
async fn a_new_name_is_told_once_to_those_who_watch() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let (dogs, kennel) = with_system_channel(&world, "Dogs").await;
    world.unfollow(dogs, "ann").await;
    rename(&world);
    world.twitch.go_live(&world.id("annie"));
    world.pass(Duration::from_mins(3)).await;
    insta::assert_snapshot!(reads(&world, cats, &world.told(system)[0]), @"ℹ️ **Annie** has another name on Twitch: `ann` is `annie` now. Announcements go on as before: <https://www.twitch.tv/annie>");
    world.pass(A_DAY).await;
    assert_eq!(world.told(system).len(), 1);
    assert!(world.told(kennel).is_empty());
    world.expect_announced(cats, &["Annie"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_name_of_somebody_who_is_not_live_is_told_within_a_day() {
    let world = slow().await;
    let (_, system) = with_system_channel(&world, "Cats").await;
    rename(&world);
    world.pass(A_DAY).await;
    assert_eq!(world.told(system).len(), 1);
    // A name that only differs in its letters' case is the same account under the same login.
    world.twitch.rename(&world.id("annie"), "annie", "ANNIE");
    world.pass(A_DAY).await;
    assert_eq!(world.told(system).len(), 1);
}

// Vanished

#[tokio::test(start_paused = true)]
async fn a_vanished_account_is_told_once_to_those_who_watch() {
    let world = slow().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let (dogs, kennel) = with_system_channel(&world, "Dogs").await;
    world.unfollow(dogs, "ann").await;
    let ann = world.id("ann");
    world.twitch.vanish(&ann);
    world.pass(TWO_LOOKS_AT_ACCOUNTS).await;
    insta::assert_snapshot!(reads(&world, cats, &world.told(system)[0]), @"ℹ️ Twitch does not know **Ann** (`ann`) any more: the account is suspended or deleted. If it returns, it is announced again; `/removestreamer` takes it off the list.");
    world.pass(A_DAY).await;
    assert_eq!(world.told(system).len(), 1);
    assert!(world.told(kennel).is_empty());
    // Who has been back, which shows as soon as she is live, and vanishes again is news again.
    world.twitch.reappear(&ann);
    world.goes_live("ann");
    world.pass(Duration::from_mins(15)).await;
    world.twitch.vanish(&ann);
    world.pass(TWO_LOOKS_AT_ACCOUNTS).await;
    assert_eq!(world.told(system).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_twitch_forgot_for_an_hour_is_no_news() {
    let world = slow().await;
    let (_, system) = with_system_channel(&world, "Cats").await;
    let ann = world.id("ann");
    world.twitch.vanish(&ann);
    let missed = "SELECT COUNT(*) FROM streamer WHERE unavailable_since IS NOT NULL";
    while world.database().query_row(missed, [], |row| row.get::<_, i64>(0)).expect("a count") == 0 {
        world.pass(Duration::from_mins(10)).await;
    }
    world.twitch.reappear(&ann);
    world.pass(A_DAY).await;
    assert!(world.told(system).is_empty(), "{:?}", world.told(system));
}

// Where it is told

#[tokio::test(start_paused = true)]
async fn without_a_system_channel_it_is_told_where_the_channel_was_chosen() {
    let world = World::start().await;
    let (cats, staff) = with_staff_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    assert_eq!(world.told(staff).len(), 1);
    assert!(!world.discord.messages(staff)[0].mentions_anybody());
    assert!(world.discord.messages(staff)[0].is_silent());
}

#[tokio::test(start_paused = true)]
async fn a_system_channel_that_is_closed_is_passed_over() {
    let world = World::start().await;
    let (cats, staff) = with_staff_channel(&world, "Cats").await;
    let system = world.channel(cats, "general");
    world.discord.set_system_channel(cats.guild, Some(system));
    world.discord.deny(system, VIEW_CHANNEL);
    shut_out(&world, cats).await;
    assert!(world.told(system).is_empty());
    assert_eq!(world.told(staff).len(), 1);
    assert_eq!(attempts(&world, system), 1);
}

#[tokio::test(start_paused = true)]
async fn the_system_channel_comes_first() {
    let world = World::start().await;
    let (cats, staff) = with_staff_channel(&world, "Cats").await;
    let system = world.channel(cats, "general");
    world.discord.set_system_channel(cats.guild, Some(system));
    shut_out(&world, cats).await;
    assert_eq!((world.told(system).len(), world.told(staff).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn where_no_place_takes_it_nothing_is_told_and_nothing_is_tried_again() {
    let world = World::start().await;
    let (cats, staff) = with_staff_channel(&world, "Cats").await;
    let system = world.channel(cats, "general");
    world.discord.set_system_channel(cats.guild, Some(system));
    for channel in [system, staff, cats.live] {
        world.discord.deny(channel, SEND_MESSAGES);
    }
    world.goes_live("ann");
    world.pass(Duration::from_hours(12)).await;
    assert_eq!(everything_told(&world), Vec::<String>::new());
    let tried = [system, staff, cats.live].map(|channel| attempts(&world, channel));
    assert_eq!(tried, [1, 1, 1]);
    let settings = asks(&world, cats, "settings", json!({})).await;
    assert!(settings.contains("I lack **Send Messages** in #live."), "{settings}");
}

#[tokio::test(start_paused = true)]
async fn it_is_not_told_in_the_channel_that_it_is_about() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.discord.set_system_channel(cats.guild, Some(cats.live));
    world.follow(cats, "ann").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(attempts(&world, cats.live), 1);
    assert_eq!(everything_told(&world), Vec::<String>::new());
}

// When Discord does not answer

#[tokio::test(start_paused = true)]
async fn an_outage_while_telling_is_survived_without_telling_twice() {
    for fault in [Fault::Html(503), Fault::CutBefore, Fault::CutAfter, Fault::HangAfter] {
        let world = World::start().await;
        let (cats, system) = with_system_channel(&world, "Cats").await;
        world.discord.deny(cats.live, SEND_MESSAGES);
        let does_it = matches!(fault, Fault::CutAfter | Fault::HangAfter);
        world.discord.fail(Place::Channel(system), 4, fault.clone());
        world.goes_live("ann");
        world.pass(Duration::from_mins(3)).await;
        assert_eq!(world.told(system).len(), 1, "{fault:?}");
        assert_eq!(world.discord.absorbed_duplicates() > 0, does_it, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_could_not_be_found_out_is_asked_for_again() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    let place = Place::Request { method: "GET", prefix: format!("/guilds/{}", cats.guild) };
    world.discord.fail(place, u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    assert!(world.told(system).is_empty());
    world.discord.clear_faults();
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.told(system).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_killed_bot_tells_after_its_restart_and_once() {
    let mut world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.discord.fail(Place::Channel(system), u32::MAX, Fault::HangAfter);
    world.goes_live("ann");
    while world.told(system).is_empty() {
        world.pass(Duration::from_millis(100)).await;
    }
    world.kill().await;
    world.discord.clear_faults();
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.told(system).len(), 1);
    assert_eq!(world.discord.absorbed_duplicates(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_before_it_could_be_told_is_not_told() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.discord.fail(Place::Channel(system), u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_mins(5)).await;
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_secs(10)).await;
    world.discord.clear_faults();
    world.pass(Duration::from_hours(1)).await;
    assert!(world.told(system).is_empty());
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_nobody_wants_any_more_is_not_told_of() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let stage = world.channel(cats, "stage");
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.discord.fail(Place::Channel(system), u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_mins(2)).await;
    asks(&world, cats, "setchannel", json!({ "channel": stage.to_string() })).await;
    world.discord.clear_faults();
    world.pass(Duration::from_mins(10)).await;
    assert!(world.told(system).is_empty());
    world.expect_announced(Server { live: stage, ..cats }, &["Ann"]);
    // What will never be told is not waiting either.
    let sql = "SELECT COUNT(*) FROM notice WHERE state = 'pending'";
    let waiting: i64 = world.database().query_row(sql, [], |row| row.get(0)).expect("a count");
    assert_eq!(waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn news_that_nobody_took_for_hours_is_given_up() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.discord.fail(Place::Channel(system), u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(Duration::from_hours(7)).await;
    world.discord.clear_faults();
    world.pass(Duration::from_hours(2)).await;
    assert!(world.told(system).is_empty());
    assert!(attempts(&world, system) < 400, "{}", attempts(&world, system));
}
