//! Of whom Twitch pushes that they begin, the poll looks less often, and again at everybody as soon as nothing is pushed.

use std::time::Duration;

use livebell::config::EventSub;
use livebell_fakes::twitch::Path;

use crate::world::{INTERVAL, Server, World};

/// More than two requests carry, and less than three.
const MANY: usize = 250;

/// Until a subscription is relied on, and a cycle more.
const RELIED_ON: Duration = Duration::from_secs(2 * 60 + 31);

/// The time in which everybody is looked at, whatever is pushed.
const A_ROUND: Duration = Duration::from_mins(3);

/// A server that follows many, in a world in which Twitch has pushed for a while.
async fn many_covered() -> (World, Server) {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Conduit;
    world.wake().await;
    let cats = world.server("Cats").await;
    for number in 0..MANY {
        world.follow(cats, &format!("streamer{number}")).await;
    }
    world.twitch.wait_for_shard().await;
    world.pass(Duration::from_mins(1)).await;
    let covered = world.twitch.subscriptions().len();
    assert_eq!(covered, MANY, "everybody has a subscription");
    world.pass(RELIED_ON).await;
    (world, cats)
}

impl World {
    /// How many looks there are in that time.
    async fn looks_in(&self, time: Duration) -> usize {
        self.twitch.clear_requests();
        self.pass(time).await;
        self.twitch.request_count(Path::Streams)
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_pushed_is_looked_at_less_often() {
    let (world, _) = many_covered().await;
    // One request a cycle instead of three.
    let looks = world.looks_in(INTERVAL * 12).await;
    assert!((11..=13).contains(&looks), "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_puts_everybody_back_at_once() {
    let (world, cats) = many_covered().await;
    world.twitch.refuse_sockets(true);
    world.twitch.go_silent();
    world.goes_live("streamer7");
    // As long as Twitch may be silent, and a look.
    world.pass(Duration::from_secs(15)).await;
    world.expect_announced(cats, &["Streamer7"]);
    let looks = world.looks_in(INTERVAL * 4).await;
    assert!((11..=13).contains(&looks), "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_and_goes_makes_no_more_looks_than_none() {
    let (world, _) = many_covered().await;
    world.twitch.clear_requests();
    for _ in 0..12 {
        world.twitch.cut_sockets();
        world.pass(Duration::from_secs(10)).await;
    }
    let looks = world.twitch.request_count(Path::Streams);
    assert!(looks <= 3 * 6, "{looks} looks in four cycles");
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_and_lost_is_seen_in_a_round() {
    let (world, cats) = many_covered().await;
    world.twitch.lose_events(u32::MAX);
    for login in ["streamer1", "streamer50", "streamer101", "streamer249"] {
        world.goes_live(login);
    }
    world.pass(A_ROUND + INTERVAL).await;
    let mut names = world.announced(cats);
    names.sort();
    assert_eq!(names, ["Streamer1", "Streamer101", "Streamer249", "Streamer50"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_watch_of_somebody_who_is_pushed_is_looked_at_like_any_other() {
    let (world, _) = many_covered().await;
    world.twitch.lose_events(u32::MAX);
    let dogs = world.server("Dogs").await;
    for number in 0..9 {
        world.goes_live(&format!("streamer{number}"));
        world.follow(dogs, &format!("streamer{number}")).await;
    }
    // Discord takes five at once in a channel.
    world.pass(INTERVAL + Duration::from_secs(8)).await;
    assert_eq!(world.announced(dogs).len(), 9);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_made_in_the_background_and_go_on_after_a_restart() {
    let mut world = World::asleep().await;
    world.settings.eventsub = EventSub::Off;
    world.wake().await;
    let cats = world.server("Cats").await;
    for number in 0..MANY {
        world.follow(cats, &format!("streamer{number}")).await;
    }
    world.stop().await.expect("a clean stop");
    // So few requests a minute that it takes a while.
    world.twitch.set_rate_limit(100);
    world.settings.eventsub = EventSub::Conduit;
    world.wake().await;
    world.pass(Duration::from_mins(1)).await;
    let made = world.twitch.subscriptions().len();
    assert!((20..MANY - 20).contains(&made), "{made} in a minute");
    // Everybody is looked at meanwhile, those included who have none yet.
    world.goes_live("streamer249");
    world.pass(INTERVAL + Duration::from_secs(10)).await;
    world.expect_announced(cats, &["Streamer249"]);
    world.kill().await;
    world.wake().await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.twitch.subscriptions().len(), MANY);
    // One may have been on its way when the bot was killed.
    let asked = world.twitch.request_count(Path::CreateSubscription);
    assert!(asked <= MANY + 1, "{asked} requests for {MANY} subscriptions");
}

#[tokio::test(start_paused = true)]
async fn with_a_short_grace_the_live_are_looked_at_as_ever() {
    let (mut world, cats) = many_covered().await;
    world.stop().await.expect("a clean stop");
    world.settings.offline_grace = Duration::from_mins(1);
    world.wake().await;
    world.twitch.wait_for_shard().await;
    world.pass(RELIED_ON).await;
    world.goes_live("streamer7");
    world.pass(Duration::from_mins(1)).await;
    for pause in [3, 7, 11, 15, 19, 23, 27] {
        // Twitch loses the message of the return, and the list is late.
        world.twitch.lose_events(1);
        world.twitch.set_helix_lag(Duration::from_secs(40));
        world.pass(Duration::from_secs(pause)).await;
        world.goes_offline("streamer7");
        world.pass(Duration::from_secs(10)).await;
        world.goes_live("streamer7");
        world.pass(Duration::from_mins(3)).await;
    }
    world.expect_announced(cats, &["Streamer7"]);
}
