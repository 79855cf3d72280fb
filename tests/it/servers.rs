//! Servers come and go: removed, unavailable, invited again, forgotten.

use std::time::Duration;

use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::world::{A_LOOK, GRACE, Server, World};

/// How long a server that removed the bot is remembered.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

impl World {
    /// How often something was posted, or tried to be, in a server's channel.
    fn attempts(&self, server: Server) -> usize {
        self.count("POST", &format!("/channels/{}/messages", server.live))
    }

    /// Makes it so long ago that servers removed the bot. The bot must be stopped.
    fn left_ago(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("a time");
        let sql = "UPDATE guild SET left_at = left_at - ?1 WHERE left_at IS NOT NULL";
        assert_eq!(self.database().execute(sql, [millis]).expect("a change"), 1);
    }

    /// How many watches the database holds.
    fn watches(&self) -> i64 {
        let count = |row: &rusqlite::Row<'_>| row.get(0);
        self.database().query_row("SELECT COUNT(*) FROM watch", [], count).expect("a count")
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_server_that_removed_the_bot() {
    let world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    for server in [cats, dogs] {
        world.follow(server, "ann").await;
    }
    world.follow(cats, "bob").await;
    world.discord.kick(cats.guild);
    world.pass(Duration::from_secs(1)).await;
    world.twitch.clear_requests();
    for login in ["ann", "bob"] {
        world.goes_live(login);
    }
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &["Ann"]);
    assert_eq!(world.attempts(cats), 0);
    // Nobody else wants to hear of Bob, so nobody asks about him any more.
    let asked = world.twitch.requests().into_iter().flat_map(|request| request.query);
    assert!(asked.into_iter().all(|(_, value)| value != world.id("bob")));
}

/// How many servers are told before the one that a test is about: some seconds at Discord's pace.
const BEFORE: usize = 200;

/// Two hundred servers that hear of Ann, and after them one that follows her as well. She has just gone live.
async fn last_in_line() -> (World, Server) {
    let world = World::start().await;
    world.twitch.add_user("ann");
    let mut last = None;
    for number in 0..=BEFORE {
        let server = world.bare_server(&format!("Server {number}"));
        let options = json!({ "streamer": "ann", "channel": server.live.to_string() });
        world.slash(&world.admin, server, "addstreamer", options).await;
        last = Some(server);
    }
    world.pass(A_LOOK).await;
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    (world, last.expect("a server"))
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_does_not_go_out_once_the_server_has_removed_the_bot() {
    let (world, last) = last_in_line().await;
    world.discord.kick(last.guild);
    world.pass(A_LOOK).await;
    assert_eq!(world.discord.messages_created(), BEFORE);
    assert_eq!(world.attempts(last), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_does_not_go_out_once_nobody_wants_it() {
    let (world, last) = last_in_line().await;
    world.unfollow(last, "ann").await;
    world.pass(A_LOOK).await;
    assert_eq!(world.attempts(last), 0);
    world.expect_announced(last, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_was_pending_goes_with_the_server_and_comes_back_with_it() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.discord.fail(Place::Messages, 10_000, Fault::Html(502));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.discord.kick(cats.guild);
    world.pass(Duration::from_mins(2)).await;
    let attempts = world.attempts(cats);
    assert!(attempts > 0);
    world.discord.clear_faults();
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.attempts(cats), attempts);
    world.discord.invite(cats.guild);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_server_changes_nothing() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.follow(cats, "bob").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.discord.outage(cats.guild);
    world.pass(Duration::from_mins(10)).await;
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.discord.outage_over(cats.guild);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &["Ann", "Bob"]);
    assert!(world.list(cats).await.starts_with("Streamers (2)"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_unavailable_at_start_has_not_left() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.stop().await.expect("it stops in order");
    world.discord.outage(cats.guild);
    world.wake().await;
    world.pass(Duration::from_mins(10)).await;
    world.discord.outage_over(cats.guild);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_while_the_bot_is_away_is_noticed_when_it_connects() {
    let mut world = World::start().await;
    let (cats, dogs) = (world.server("Cats").await, world.server("Dogs").await);
    world.follow(cats, "ann").await;
    world.follow(dogs, "ann").await;
    world.stop().await.expect("it stops in order");
    world.discord.kick_silently(cats.guild);
    world.wake().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(dogs, &["Ann"]);
    assert_eq!(world.attempts(cats), 0);
    // An invitation while it is away is noticed in the same way.
    world.stop().await.expect("it stops in order");
    world.discord.invite(cats.guild);
    world.wake().await;
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(dogs, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn an_invitation_within_a_week_restores_everything() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    for login in ["ann", "bob", "cleo"] {
        world.follow(cats, login).await;
    }
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.discord.kick(cats.guild);
    world.pass(A_LOOK).await;
    world.goes_live("bob");
    world.goes_live("cleo");
    world.pass(Duration::from_mins(5)).await;
    world.goes_offline("cleo");
    world.pass(GRACE + A_LOOK).await;
    world.discord.invite(cats.guild);
    world.pass(A_LOOK).await;
    // Ann was announced before, Cleo is over; Bob began meanwhile and goes on.
    world.expect_announced(cats, &["Ann", "Bob"]);
    assert!(world.list(cats).await.starts_with("Streamers (3)"));
    world.pass(Duration::from_hours(1)).await;
    world.expect_announced(cats, &["Ann", "Bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_remembered_for_a_week_and_not_longer() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.discord.kick(cats.guild);
    world.pass(Duration::from_secs(1)).await;
    world.stop().await.expect("it stops in order");
    world.left_ago(REMEMBERED.checked_sub(Duration::from_hours(3)).expect("a time"));
    world.wake().await;
    world.pass(Duration::from_mins(90)).await;
    assert_eq!(world.watches(), 1);
    world.pass(Duration::from_mins(150)).await;
    assert_eq!(world.watches(), 0);
    // Who comes later begins anew.
    world.discord.invite(cats.guild);
    world.pass(Duration::from_secs(1)).await;
    assert!(world.list(cats).await.starts_with("Streamers (0)"));
    world.goes_live("ann");
    let reply = world.follow(cats, "ann").await;
    assert!(reply.text().starts_with("Where should announcements go?"), "{}", reply.text());
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_back_is_not_forgotten_because_the_bot_was_away_for_long() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.discord.kick(cats.guild);
    world.pass(Duration::from_secs(1)).await;
    world.stop().await.expect("it stops in order");
    world.left_ago(REMEMBERED + Duration::from_hours(24));
    world.discord.invite(cats.guild);
    world.wake().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_invites_the_bot_while_it_connects_hears_of_its_streamers() {
    let mut world = World::asleep().await;
    world.twitch.add_user("ann");
    world.spawn();
    world.discord.wait_until_ready().await;
    let cats = world.bare_server("Cats");
    let options = json!({ "streamer": "ann", "channel": cats.live.to_string() });
    world.slash(&world.admin, cats, "addstreamer", options).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}
