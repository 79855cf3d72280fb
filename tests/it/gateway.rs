//! The gateway: connections that break, sessions that end, limits, shards. Announcements never wait for it.

use std::time::Duration;

use livebell_fakes::discord::{Fault, Place};
use serde_json::json;

use crate::world::{A_LOOK, Server, World};

/// Long enough for any reconnect.
const A_RECONNECT: Duration = Duration::from_secs(20);

impl World {
    /// A connected world with a server that follows Ann, Bob and Cleo.
    async fn with_followers() -> (Self, Server) {
        let world = Self::start().await;
        let cats = world.server("Cats").await;
        for login in ["ann", "bob", "cleo"] {
            world.follow(cats, login).await;
        }
        (world, cats)
    }

    /// Fails unless commands are answered.
    async fn expect_answers(&self, server: Server) {
        let reply = self.slash(&self.member, server, "live", json!({})).await;
        assert!(reply.text().starts_with("Live now"), "{}", reply.text());
    }

    /// Fails unless somebody who goes live is announced in time.
    async fn expect_rings(&self, server: Server, login: &str) {
        let before = self.posts(server).len();
        self.goes_live(login);
        self.pass(A_LOOK).await;
        assert_eq!(self.posts(server).len(), before + 1, "{login} is announced");
    }

    /// How many gateway sessions the bot knows to have asked for.
    fn noted_identifies(&self) -> usize {
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let count = self.database().query_row("SELECT COUNT(*) FROM gateway_identify", [], count);
        usize::try_from(count.expect("a count")).expect("a number")
    }

    /// Ends every session as soon as it is there, for so long, and expects the bot to survive that.
    async fn sessions_end_every(&self, pause: Duration, rounds: u32) {
        for _ in 0..rounds {
            self.discord.invalidate(false);
            self.pass(pause).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_when_discord_asks_to_reconnect() {
    let (world, cats) = World::with_followers().await;
    world.discord.reconnect();
    world.pass(A_RECONNECT).await;
    assert_eq!((world.discord.identifies(), world.discord.resumes()), (1, 1));
    world.expect_answers(cats).await;
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn an_invalid_session_is_resumed_when_it_can_be() {
    let (world, cats) = World::with_followers().await;
    world.discord.invalidate(true);
    world.pass(A_RECONNECT).await;
    assert_eq!((world.discord.identifies(), world.discord.resumes()), (1, 1));
    world.expect_answers(cats).await;
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn an_invalid_session_is_begun_anew_when_it_cannot_be_resumed() {
    let (world, cats) = World::with_followers().await;
    world.discord.invalidate(false);
    world.pass(A_RECONNECT).await;
    assert_eq!((world.discord.identifies(), world.discord.resumes()), (2, 0));
    world.expect_answers(cats).await;
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_resumed() {
    let (world, cats) = World::with_followers().await;
    world.discord.close_gateway(4000);
    world.pass(A_RECONNECT).await;
    assert_eq!((world.discord.identifies(), world.discord.resumes()), (1, 1));
    world.expect_answers(cats).await;
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_comes_back() {
    let (world, cats) = World::with_followers().await;
    world.discord.cut_gateway();
    world.pass(A_RECONNECT).await;
    assert!(world.discord.connected());
    world.expect_answers(cats).await;
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn announcements_go_on_while_the_gateway_is_away() {
    let (world, cats) = World::with_followers().await;
    world.discord.set_gateway_refusing(true);
    world.discord.close_gateway(4000);
    world.pass(Duration::from_mins(2)).await;
    assert!(!world.discord.connected());
    world.expect_rings(cats, "ann").await;
    world.pass(Duration::from_mins(30)).await;
    world.expect_rings(cats, "bob").await;
    world.discord.set_gateway_refusing(false);
    world.pass(Duration::from_mins(2)).await;
    world.expect_answers(cats).await;
    world.expect_rings(cats, "cleo").await;
    world.expect_announced(cats, &["Ann", "Bob", "Cleo"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_the_bot_and_is_named() {
    let mut world = World::asleep().await;
    world.discord.set_token_refused(true);
    world.spawn();
    let failure = world.ended().await.expect_err("it cannot run");
    insta::assert_snapshot!(failure, @"Discord refuses DISCORD_TOKEN; please check it");
    assert_eq!(failure.exit_status(), 3);
    assert_eq!(world.discord.identifies(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_withdrawn_while_the_bot_runs_ends_it() {
    let (mut world, _) = World::with_followers().await;
    world.discord.set_token_refused(true);
    world.discord.close_gateway(4004);
    let failure = world.ended().await.expect_err("it cannot go on");
    insta::assert_snapshot!(failure, @"Discord refuses DISCORD_TOKEN; please check it");
    assert_eq!(failure.exit_status(), 3);
}

#[tokio::test(start_paused = true)]
async fn every_session_that_is_begun_is_remembered() {
    let (mut world, _) = World::with_followers().await;
    assert_eq!(world.noted_identifies(), 1);
    world.discord.invalidate(false);
    world.pass(A_RECONNECT).await;
    assert_eq!(world.noted_identifies(), 2);
    // A resumed session is none that was begun.
    world.discord.reconnect();
    world.pass(A_RECONNECT).await;
    assert_eq!(world.noted_identifies(), 2);
    world.stop().await.expect("it stops in order");
    world.wake().await;
    assert_eq!(world.noted_identifies(), 3);
    assert_eq!(world.discord.identifies(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_session_is_begun_while_discord_has_few_left() {
    let (mut world, cats) = World::with_followers().await;
    world.stop().await.expect("it stops in order");
    world.discord.set_session_limit(5, Duration::from_hours(1));
    world.spawn();
    world.expect_rings(cats, "ann").await;
    world.pass(Duration::from_mins(55)).await;
    assert_eq!(world.discord.identifies(), 1);
    world.expect_rings(cats, "bob").await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.discord.identifies(), 2);
    world.expect_answers(cats).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_slowed_down() {
    let (mut world, cats) = World::with_followers().await;
    let began = world.twitch.now();
    for _ in 0..40 {
        world.stop().await.expect("it stops in order");
        world.wake().await;
    }
    let took = world.twitch.now().checked_sub(began).expect("time passes");
    // The first twenty starts of a day are free, the others wait half a minute for each other.
    assert!(took > Duration::from_mins(10), "{took:?}");
    world.expect_answers(cats).await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_end_at_once_do_not_use_up_what_discord_allows() {
    let (mut world, cats) = World::with_followers().await;
    world.stop().await.expect("it stops in order");
    world.discord.set_session_limit(60, Duration::from_hours(24));
    world.wake().await;
    world.sessions_end_every(Duration::from_secs(6), 300).await;
    assert!(world.discord.identifies() <= 42, "{}", world.discord.identifies());
    world.expect_rings(cats, "ann").await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_end_after_a_while_do_not_use_up_what_discord_allows() {
    let (mut world, cats) = World::with_followers().await;
    world.stop().await.expect("it stops in order");
    world.discord.set_session_limit(60, Duration::from_hours(24));
    world.wake().await;
    world.sessions_end_every(Duration::from_secs(50), 120).await;
    assert!(world.discord.identifies() <= 42, "{}", world.discord.identifies());
    world.expect_rings(cats, "ann").await;
    // Discord's next day has room again.
    world.pass(Duration::from_hours(24)).await;
    world.expect_answers(cats).await;
}

#[tokio::test(start_paused = true)]
async fn two_connections_serve_the_servers_of_both() {
    let mut world = World::asleep().await;
    world.discord.set_shards(2);
    world.wake().await;
    assert_eq!(world.discord.identifies(), 2);
    let mut servers = Vec::new();
    for number in 0..6 {
        let server = world.server(&format!("Server {number}")).await;
        world.follow(server, "ann").await;
        world.follow(server, "bob").await;
        servers.push(server);
        world.pass(Duration::from_millis(u64::from(servers.len() % 2 == 0))).await;
    }
    let of_the_first = servers.iter().filter(|server| (server.guild >> 22).is_multiple_of(2)).count();
    assert!((1..6).contains(&of_the_first), "{servers:?}");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    // Each connection names only its own servers when it begins; the others have not left for that.
    world.discord.invalidate(false);
    world.pass(A_RECONNECT).await;
    world.stop().await.expect("it stops in order");
    world.wake().await;
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    for server in servers {
        world.expect_announced(server, &["Ann", "Bob"]);
        world.expect_answers(server).await;
    }
    assert_eq!(world.noted_identifies(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_noticed_on_either_connection() {
    let mut world = World::asleep().await;
    world.discord.set_shards(2);
    world.wake().await;
    let mut servers = Vec::new();
    for number in 0..4 {
        let server = world.server(&format!("Server {number}")).await;
        world.follow(server, "ann").await;
        servers.push(server);
    }
    world.stop().await.expect("it stops in order");
    let (left, stayed) = servers.split_at(2);
    for server in left {
        world.discord.kick_silently(server.guild);
    }
    world.wake().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    for server in stayed {
        world.expect_announced(*server, &["Ann"]);
    }
    assert_eq!(world.discord.message_posts(), 2);
    let posts = world.discord.requests();
    let posts =
        posts.iter().filter(|request| request.method == "POST" && request.path.ends_with("/messages"));
    assert_eq!(posts.count(), 2, "nothing was tried where the bot is not");
}

#[tokio::test(start_paused = true)]
async fn the_bot_waits_for_a_discord_that_is_not_there_yet() {
    for fault in [Fault::CutBefore, Fault::Html(503), Fault::Hang] {
        let mut world = World::asleep().await;
        world.discord.fail(Place::Any, 10_000, fault);
        world.spawn();
        world.pass(Duration::from_mins(5)).await;
        assert_eq!(world.discord.identifies(), 0);
        assert!(world.discord.requests().len() < 20, "{}", world.discord.requests().len());
        world.discord.clear_faults();
        world.pass(Duration::from_mins(2)).await;
        let cats = world.server("Cats").await;
        world.follow(cats, "ann").await;
        world.expect_rings(cats, "ann").await;
    }
}

/// Serenity asks for the gateway's address by itself, and falls back to a built-in one for good when that fails.
#[tokio::test(start_paused = true)]
async fn a_limit_while_it_connects_does_not_send_it_elsewhere() {
    let mut world = World::asleep().await;
    let limit = Fault::RateLimited { header: 1.0, body: 1.0, scope: "global" };
    world.discord.fail(Place::Path("/gateway"), 1, limit);
    world.spawn();
    world.pass(A_RECONNECT).await;
    assert_eq!(world.discord.identifies(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_session_is_begun_when_twitch_refuses_the_credentials() {
    let mut world = World::asleep().await;
    world.twitch.set_latency(Duration::from_secs(2));
    world.twitch.refuse_credentials(true);
    world.spawn();
    let failure = world.ended().await.expect_err("the bot ends");
    assert_eq!(failure.exit_status(), 3);
    assert_eq!(world.discord.identifies(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_in_front_of_twitch_that_fails_is_not_a_refusal() {
    use livebell_fakes::twitch::{Fault, Path};
    for status in [302, 404, 407, 408, 500] {
        let mut world = World::asleep().await;
        world.twitch.fail(Path::Token, 2, Fault::Status(status));
        world.wake().await;
        world.pass(Duration::from_mins(1)).await;
        assert_eq!(world.twitch.tokens_issued(), 1, "after {status}");
        world.stop().await.expect("it still ran");
    }
}
