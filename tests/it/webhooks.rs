//! Twitch pushes to our own HTTP server: what is signed with the secret is taken for good before it is answered, and nothing
//! else is taken at all.

mod slow;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use livebell::config::EventSub;
use livebell::web;
use livebell_fakes::twitch::{Transport, User, WebhookAnswer, WebhookMessage, sign};
use serde_json::{Value, json};

use crate::world::{A_LOOK, Server, World};

const SECRET: &str = "a secret of Twitch's and ours";

/// How often the poll looks in these worlds: so rarely that only what was pushed is seen soon.
const RARELY: Duration = Duration::from_mins(20);

/// Enough for what was pushed to be announced.
const SOON: Duration = Duration::from_secs(2);

/// More than it takes until a subscription that was made is known to work.
const PROVEN: Duration = Duration::from_secs(75);

/// How many messages are remembered, whatever they say.
const REMEMBERED: &str = "SELECT COUNT(*) FROM push";

/// A world in which the bot has not been started yet and Twitch will push to its server, and where that is.
async fn asleep(secret: &str) -> (World, SocketAddr) {
    let (mut world, address) = World::with_health().await;
    let secret = secret.to_owned().into();
    world.settings.eventsub = EventSub::Webhook { public_url: format!("http://{address}"), secret };
    world.settings.check_interval = RARELY;
    (world, address)
}

/// A world with a server that follows Ann and the address that Twitch pushes to.
async fn heard() -> (World, Server, String) {
    let (mut world, address) = asleep(SECRET).await;
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&world.id("ann")).await;
    (world, cats, format!("http://{address}/twitch"))
}

/// What Twitch says of a subscription to somebody.
fn subscription(broadcaster: &str, kind: &str, callback: &str) -> Value {
    json!({
        "id": "f1c2a387-161a-49f9-a165-0f21d7a4e1c4", "status": "enabled", "type": kind, "version": "1", "cost": 1,
        "condition": { "broadcaster_user_id": broadcaster }, "created_at": "2026-11-21T10:00:00Z",
        "transport": { "method": "webhook", "callback": callback },
    })
}

/// Word that somebody's stream has begun.
fn online(broadcaster: &str, stream: &str, callback: &str) -> String {
    let event = json!({
        "id": stream, "broadcaster_user_id": broadcaster, "broadcaster_user_login": "ann",
        "broadcaster_user_name": "Ann", "type": "live", "started_at": "2026-11-21T10:00:00Z",
    });
    json!({ "subscription": subscription(broadcaster, "stream.online", callback), "event": event })
        .to_string()
}

/// A message that is signed now.
fn signed(world: &World, kind: &str, id: &str, body: &str) -> WebhookMessage {
    WebhookMessage::signed(kind, id, &world.twitch.eventsub_timestamp(), body, SECRET)
}

async fn status(message: &WebhookMessage, callback: &str) -> u16 {
    message.send(callback).await.expect("an answer").status
}

fn count(world: &World, sql: &str) -> i64 {
    world.database().query_row(sql, [], |row| row.get(0)).expect("a count")
}

fn eventsub(answer: &str) -> Value {
    let body: Value = serde_json::from_str(answer).expect("JSON");
    body["eventsub"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_announced_seconds_after_it_was_pushed() {
    let (world, cats, _) = heard().await;
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(count(&world, "SELECT COUNT(*) FROM push WHERE stream_id IS NOT NULL"), 1);
    let why = world.slash(&world.admin, cats, "why", json!({ "streamer": "ann" })).await.text();
    assert!(why.contains("Seen by the webhook"), "{why}");
    assert_eq!(world.twitch.conduits(), [], "no conduit is needed");
    // What was announced is not announced again when the poll sees it.
    world.pass(RARELY * 2).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn health_says_the_transport_and_when_the_last_message_came() {
    let (mut world, address) = asleep(SECRET).await;
    world.wake().await;
    let before = eventsub(&web::ask(address).await.expect("it is healthy"));
    assert_eq!(
        before,
        json!({ "transport": "webhook", "connected": false, "last_message_age_seconds": null, "streamers": 0, "subscribed": 0, "cost": 0,
        "max_total_cost": 10_000 })
    );
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&world.id("ann")).await;
    world.pass(PROVEN).await;
    world.goes_live("ann");
    world.pass(Duration::from_secs(30)).await;
    let after = eventsub(&web::ask(address).await.expect("it is healthy"));
    assert_eq!(
        after,
        json!({ "transport": "webhook", "connected": true, "last_message_age_seconds": 30, "streamers": 1,
        "subscribed": 1, "cost": 1, "max_total_cost": 10_000 })
    );
}

#[tokio::test(start_paused = true)]
async fn both_kinds_of_challenge_are_answered_to_the_byte() {
    let (world, _, callback) = heard().await;
    let text = "pogchamp-kappa-360noscope-vohiyo";
    let ann = subscription(&world.id("ann"), "stream.online", &callback);
    let shard = json!({ "conduit_id": "bfcf", "shard": "0" });
    for (id, body) in [
        ("c-1", json!({ "challenge": text, "subscription": ann })),
        ("c-2", json!({ "challenge": text, "conduit_shard": shard, "shiny": true })),
    ] {
        let asked = signed(&world, "webhook_callback_verification", id, &body.to_string());
        let answer = asked.send(&callback).await.expect("an answer");
        assert_eq!(answer, WebhookAnswer { status: 200, body: text.to_owned() });
        let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().expect("a client");
        let request = client.post(&callback).body(asked.body.clone()).headers(headers(&asked));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/plain");
        assert_eq!(answer.headers()["content-length"], text.len().to_string().as_str());
    }
    assert_eq!(count(&world, REMEMBERED), 0);
}

fn headers(message: &WebhookMessage) -> reqwest::header::HeaderMap {
    let headers = [
        ("twitch-eventsub-message-id", &message.id),
        ("twitch-eventsub-message-type", &message.kind),
        ("twitch-eventsub-message-signature", &message.signature),
        ("twitch-eventsub-message-timestamp", &message.timestamp),
    ];
    let header = |(name, value): (&'static str, &String)| {
        (reqwest::header::HeaderName::from_static(name), value.parse().expect("a header"))
    };
    headers.map(header).into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_agrees_to_a_subscription_that_nobody_wants() {
    let (world, _, callback) = heard().await;
    let bob = world.twitch.add_user("bob");
    let body = json!({ "challenge": "x", "subscription": subscription(&bob, "stream.online", &callback) });
    let asked = signed(&world, "webhook_callback_verification", "c-1", &body.to_string());
    assert_eq!(status(&asked, &callback).await, 410);
    let broken = signed(&world, "webhook_callback_verification", "c-2", r#"{"challenge":7}"#);
    let answer = broken.send(&callback).await.expect("an answer");
    assert_eq!(answer, WebhookAnswer { status: 204, body: String::new() });
}

#[tokio::test(start_paused = true)]
async fn what_is_not_signed_by_twitch_is_refused_and_leaves_nothing_behind() {
    let (world, cats, callback) = heard().await;
    let fine = signed(&world, "notification", "m-1", &online(&world.id("ann"), "4711", &callback));
    let forged = sign("another secret of ours", &fine.id, &fine.timestamp, fine.body.as_bytes());
    for message in [
        WebhookMessage { signature: forged, ..fine.clone() },
        WebhookMessage { signature: String::new(), ..fine.clone() },
        WebhookMessage { id: "m-2".to_owned(), ..fine.clone() },
        WebhookMessage { id: String::new(), ..fine.clone() },
        WebhookMessage { timestamp: String::new(), ..fine.clone() },
        WebhookMessage { body: fine.body.replace("4711", "4712"), ..fine.clone() },
        WebhookMessage { body: String::new(), ..fine.clone() },
    ] {
        assert_eq!(status(&message, &callback).await, 403, "{message:?}");
    }
    let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().expect("a client");
    let bare = client.post(&callback).body(fine.body.clone()).send().await.expect("an answer");
    assert_eq!(bare.status(), 403, "without a header");
    assert_eq!(client.get(&callback).send().await.expect("an answer").status(), 405);
    assert_eq!(count(&world, REMEMBERED), 0);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &[]);
    assert_eq!(status(&fine, &callback).await, 204, "what is signed is taken all the same");
    assert_eq!(count(&world, REMEMBERED), 1);
}

/// A message as Twitch's own command line signs it.
struct Golden {
    secret: String,
    message: WebhookMessage,
}

fn golden() -> Golden {
    let vectors: Value = serde_json::from_str(include_str!("../data/eventsub/signed.json")).expect("JSON");
    let vector =
        vectors.as_array().expect("a list").iter().find(|one| one["name"] == "notification:stream.online");
    let text = |name: &str| vector.expect("one")[name].as_str().expect("a text").to_owned();
    let (secret, id, timestamp, body) = (text("secret"), text("message"), text("timestamp"), text("body"));
    let signed = WebhookMessage::signed("notification", &id, &timestamp, &body, &secret);
    Golden { secret, message: WebhookMessage { signature: text("signature"), ..signed } }
}

/// The text with each of its bytes changed, one at a time, to another that may stand there.
fn spoilt(text: &str) -> impl Iterator<Item = String> {
    (0..text.len()).map(|at| {
        let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    })
}

#[tokio::test(start_paused = true)]
async fn a_golden_message_is_taken_and_no_byte_of_it_may_be_another() {
    let Golden { secret, message } = golden();
    let (mut world, address) = asleep(&secret).await;
    world.wake().await;
    world.twitch.add_user_with(User { id: "1337".to_owned(), ..user("testbroadcaster") });
    let cats = world.server("Cats").await;
    world.follow(cats, "testbroadcaster").await;
    // It was signed at this time.
    let signed_at: jiff::Timestamp = message.timestamp.parse().expect("a time");
    world.clock_jumps(signed_at.as_millisecond() - world.now().as_millis());
    let callback = format!("http://{address}/twitch");
    let ids = spoilt(&message.id).map(|id| WebhookMessage { id, ..message.clone() });
    let times = spoilt(&message.timestamp).map(|timestamp| WebhookMessage { timestamp, ..message.clone() });
    let signatures =
        spoilt(&message.signature).map(|signature| WebhookMessage { signature, ..message.clone() });
    let bodies = spoilt(&message.body).map(|body| WebhookMessage { body, ..message.clone() });
    for other in ids.chain(times).chain(signatures).chain(bodies) {
        assert_eq!(status(&other, &callback).await, 403, "{other:?}");
    }
    assert_eq!(count(&world, REMEMBERED), 0);
    assert_eq!(status(&message, &callback).await, 204);
    assert_eq!(count(&world, "SELECT COUNT(*) FROM push WHERE stream_id = '52987055'"), 1);
}

/// An account as it is made when nothing is said of it.
fn user(login: &str) -> User {
    User {
        id: String::new(),
        login: login.to_owned(),
        display_name: login.to_owned(),
        profile_image_url: String::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_at_another_time_is_refused() {
    let (world, _, callback) = heard().await;
    let minute = 60_000;
    for (minutes, expected) in [(-9, 204), (9, 204), (-11, 403), (11, 403), (-60 * 24, 403), (60 * 24, 403)] {
        let message =
            signed(&world, "notification", &format!("m{minutes}"), &online(&world.id("ann"), "1", &callback));
        // The bot's clock is ahead by so much, so the message is of the past.
        world.clock_jumps(-minutes * minute);
        assert_eq!(status(&message, &callback).await, expected, "sent {minutes} minutes from now");
        world.clock_jumps(minutes * minute);
    }
    for timestamp in ["", "yesterday", "2026-11-21", "1795255870"] {
        let body = online(&world.id("ann"), "1", &callback);
        let message = WebhookMessage::signed("notification", "m", timestamp, &body, SECRET);
        assert_eq!(status(&message, &callback).await, 403, "{timestamp}");
    }
    assert_eq!(count(&world, REMEMBERED), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_longer_than_any_message_is_not_read() {
    let (world, _, callback) = heard().await;
    let body = online(&world.id("ann"), "1", &callback);
    let long = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    assert_eq!(status(&signed(&world, "notification", "m-1", &long(64 * 1024)), &callback).await, 204);
    assert_eq!(status(&signed(&world, "notification", "m-2", &long(64 * 1024 + 1)), &callback).await, 413);
    assert_eq!(count(&world, REMEMBERED), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_again_is_taken_once_also_by_the_next_process() {
    let (mut world, cats, callback) = heard().await;
    let stream = world.goes_live("ann");
    world.pass(SOON).await;
    let message = signed(&world, "notification", "m-1", &online(&world.id("ann"), &stream, &callback));
    for _ in 0..3 {
        assert_eq!(status(&message, &callback).await, 204);
    }
    assert_eq!(count(&world, REMEMBERED), 2);
    world.kill().await;
    world.wake().await;
    assert_eq!(status(&message, &callback).await, 204);
    assert_eq!(count(&world, REMEMBERED), 2);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    // Twenty minutes later nobody can send it any more, so nobody needs to know it.
    world.pass(Duration::from_mins(20)).await;
    let another = signed(&world, "notification", "m-2", &online(&world.id("ann"), &stream, &callback));
    assert_eq!(status(&another, &callback).await, 204);
    assert_eq!(count(&world, REMEMBERED), 1);
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_together_are_each_taken_once() {
    /// As many connections as a test opens at once without being kept waiting by the system.
    const TOGETHER: usize = 40;
    let (world, _, callback) = heard().await;
    let body = online(&world.id("ann"), "1", &callback);
    let messages: Vec<_> =
        (0..200).map(|number| signed(&world, "notification", &format!("m-{}", number / 2), &body)).collect();
    let answers = messages.iter().map(|message| status(message, &callback));
    let answers: Vec<u16> = futures_util::stream::iter(answers).buffered(TOGETHER).collect().await;
    assert!(answers.iter().all(|status| *status == 204), "{answers:?}");
    assert_eq!(count(&world, REMEMBERED), 100);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_wanted_any_more_is_said_so() {
    let (world, cats, callback) = heard().await;
    let ann = world.id("ann");
    world.unfollow(cats, "ann").await;
    let message = signed(&world, "notification", "m-1", &online(&ann, "1", &callback));
    assert_eq!(status(&message, &callback).await, 410);
    assert_eq!(count(&world, REMEMBERED), 0);
    world.pass(Duration::from_secs(15)).await;
    assert!(!world.twitch.enabled_for(&ann));
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&ann).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_twitch_ends_is_made_again() {
    let (world, cats, _) = heard().await;
    let ann = world.id("ann");
    world.pass(PROVEN).await;
    let before = world.twitch.subscriptions().remove(0).id;
    world.twitch.revoke(&before, "version_removed");
    world.pass(Duration::from_secs(15)).await;
    assert!(world.twitch.enabled_for(&ann));
    assert_eq!(world.twitch.subscriptions().len(), 1, "the old one is gone");
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_never_fails() {
    let (world, cats, callback) = heard().await;
    let ann = world.id("ann");
    let body = online(&ann, "1", &callback);
    let offline =
        json!({ "subscription": subscription(&ann, "stream.offline", &callback), "event": { "id": "1" } });
    let rerun = body.replace(r#""live""#, r#""rerun""#);
    let odd = body.replace(r#""id":"1""#, r#""id":{"new":"form"}"#);
    for (id, kind, body) in [
        ("m-1", "dance", body.as_str()),
        ("m-2", "notification", &offline.to_string()),
        ("m-3", "notification", &rerun),
        ("m-4", "notification", &odd),
        ("m-5", "notification", "{}"),
        ("m-6", "notification", "no JSON at all"),
        ("m-7", "revocation", "{}"),
    ] {
        assert_eq!(status(&signed(&world, kind, id, body), &callback).await, 204, "{kind} {body}");
    }
    assert_eq!(count(&world, "SELECT COUNT(*) FROM push WHERE stream_id IS NOT NULL"), 0);
    world.pass(Duration::from_mins(2)).await;
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_by_a_process_that_died_is_looked_up_by_the_next_one() {
    let (mut world, cats, _) = heard().await;
    // Later than the first look of the next process, which sees nobody.
    world.twitch.set_helix_lag(Duration::from_secs(15));
    world.goes_live("ann");
    world.pass(Duration::from_millis(500)).await;
    assert_eq!(count(&world, REMEMBERED), 1);
    world.kill().await;
    world.wake().await;
    world.expect_announced(cats, &[]);
    world.pass(Duration::from_secs(40)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_of_it_keeps_nothing_else_from_being_looked_up() {
    let (mut world, cats, _) = heard().await;
    world.twitch.set_helix_lag(Duration::from_secs(15));
    world.goes_live("ann");
    world.pass(Duration::from_millis(500)).await;
    world.kill().await;
    let unreadable = "INSERT INTO push (message_id, heard_at, stream_id, broadcaster_id, login, display_name, started_at)
                      SELECT 'odd', heard_at, '4711', broadcaster_id, 'no login at all', display_name, started_at FROM push";
    world.database().execute_batch(unreadable).expect("a row");
    world.wake().await;
    world.pass(Duration::from_secs(40)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_that_cannot_be_remembered_and_twitch_repeats_it() {
    let (world, cats, callback) = heard().await;
    let address =
        callback.trim_start_matches("http://").trim_end_matches("/twitch").parse().expect("an address");
    world.pass(PROVEN).await;
    let other = world.database();
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let message = signed(&world, "notification", "m-1", &online(&world.id("ann"), "1", &callback));
    assert_eq!(status(&message, &callback).await, 503);
    world.goes_live("ann");
    world.pass(Duration::from_secs(3)).await;
    world.expect_announced(cats, &[]);
    other.execute_batch("ROLLBACK").expect("the lock is given back");
    assert_eq!(count(&world, REMEMBERED), 0);
    let told = eventsub(&web::ask(address).await.expect("it is healthy"));
    assert_eq!((&told["connected"], &told["subscribed"]), (&json!(false), &json!(1)));
    // Twitch's second attempt was one second after the first, the third comes five seconds after that.
    world.pass(Duration::from_secs(6)).await;
    world.expect_announced(cats, &["Ann"]);
    assert_eq!(status(&message, &callback).await, 204);
    assert_eq!(count(&world, REMEMBERED), 2);
}

#[tokio::test(start_paused = true)]
async fn the_subscriptions_of_other_deployments_are_left_alone() {
    let (mut world, address) = asleep(SECRET).await;
    let ann = world.twitch.add_user("ann");
    let bob = world.twitch.add_user("bob");
    let conduit = Transport::Conduit { id: world.twitch.add_foreign_conduit() };
    let web = |port: u16, path: &str| Transport::Webhook {
        callback: format!("http://127.0.0.1:{port}{path}"),
        secret: "theirs, not ours".to_owned(),
    };
    for (user, to) in [(&ann, conduit), (&ann, web(1, "/twitch")), (&bob, web(address.port(), "/other"))] {
        world.twitch.add_foreign_subscription(user, to);
    }
    let theirs = world.twitch.subscriptions();
    world.wake().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.wait_until_enabled(&ann).await;
    world.pass(PROVEN).await;
    let (same, ours): (Vec<_>, Vec<_>) =
        world.twitch.subscriptions().into_iter().partition(|one| one.foreign);
    assert_eq!((same, ours.len()), (theirs, 1));
}

#[tokio::test(start_paused = true)]
async fn health_says_what_twitch_counts() {
    let (mut world, address) = asleep(SECRET).await;
    let [ann, bob] = ["ann", "bob"].map(|login| world.twitch.add_user(login));
    let conduit = Transport::Conduit { id: world.twitch.add_foreign_conduit() };
    world.twitch.add_foreign_subscription(&ann, conduit);
    world.twitch.authorise(&bob);
    world.wake().await;
    let cats = world.server("Cats").await;
    for (login, id) in [("ann", &ann), ("bob", &bob)] {
        world.follow(cats, login).await;
        world.twitch.wait_until_enabled(id).await;
    }
    for _ in 0..2 {
        world.pass(Duration::from_secs(1)).await;
        let told = eventsub(&web::ask(address).await.expect("it is healthy"));
        assert_eq!(told["cost"], 2, "theirs and Ann's");
        world.pass(PROVEN).await;
    }
    world.unfollow(cats, "ann").await;
    world.pass(Duration::from_secs(15)).await;
    let told = eventsub(&web::ask(address).await.expect("it is healthy"));
    assert_eq!(told["cost"], 1, "theirs");
}

#[tokio::test(start_paused = true)]
async fn what_goes_to_our_address_and_nobody_wants_is_ended() {
    let (mut world, address) = asleep(SECRET).await;
    let bob = world.twitch.add_user("bob");
    let own = Transport::Webhook { callback: format!("http://{address}/twitch"), secret: SECRET.to_owned() };
    world.twitch.add_foreign_subscription(&bob, own);
    world.wake().await;
    world.pass(PROVEN).await;
    assert_eq!(world.twitch.subscriptions(), []);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_is_made_once() {
    let (mut world, cats, _) = heard().await;
    world.pass(PROVEN).await;
    let before = world.twitch.subscriptions();
    world.stop().await.expect("a clean stop");
    world.wake().await;
    world.pass(Duration::from_hours(3)).await;
    assert_eq!(world.twitch.subscriptions(), before);
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn with_another_secret_everything_is_made_again() {
    let (mut world, cats, _) = heard().await;
    world.pass(PROVEN).await;
    let before = world.twitch.subscriptions();
    world.stop().await.expect("a clean stop");
    if let EventSub::Webhook { secret, .. } = &mut world.settings.eventsub {
        *secret = "another secret altogether".into();
    }
    world.wake().await;
    world.pass(PROVEN).await;
    let after = world.twitch.subscriptions();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before[0].id, after[0].id);
    world.goes_live("ann");
    world.pass(SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_changes_the_transport_leaves_nothing_behind() {
    let (mut world, cats, _) = heard().await;
    world.pass(PROVEN).await;
    let webhook = world.settings.eventsub.clone();
    for (eventsub, is_webhook) in [(EventSub::Conduit, false), (webhook, true)] {
        world.stop().await.expect("a clean stop");
        world.settings.eventsub = eventsub;
        world.wake().await;
        world.pass(PROVEN).await;
        let there = world.twitch.subscriptions();
        let goes_to_web: Vec<_> =
            there.iter().map(|one| matches!(one.transport, Transport::Webhook { .. })).collect();
        assert_eq!(goes_to_web, [is_webhook]);
        world.goes_live("ann");
        world.pass(SOON).await;
        world.goes_offline("ann");
        world.pass(RARELY * 3).await;
    }
    world.expect_announced(cats, &["Ann", "Ann"]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_twitch_does_not_reach_is_tried_with_one_subscription_at_a_time() {
    let (mut world, address) = asleep(SECRET).await;
    let nobody = "http://127.0.0.1:1".to_owned();
    world.settings.eventsub = EventSub::Webhook { public_url: nobody, secret: SECRET.to_owned().into() };
    world.wake().await;
    let cats = world.server("Cats").await;
    for login in ["ann", "bob", "cem"] {
        world.follow(cats, login).await;
    }
    world.pass(Duration::from_mins(15)).await;
    world.twitch.clear_requests();
    world.pass(Duration::from_hours(2)).await;
    let requests = world.twitch.requests();
    let made =
        requests.iter().filter(|one| one.method == "POST" && one.path.ends_with("/subscriptions")).count();
    assert!((8..=14).contains(&made), "{made} attempts in two hours");
    let told = eventsub(&web::ask(address).await.expect("it is healthy"));
    assert_eq!((&told["connected"], &told["subscribed"]), (&json!(false), &json!(0)));
    // The poll sees everybody meanwhile.
    world.goes_live("ann");
    world.pass(RARELY + SOON).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn without_webhooks_nothing_is_posted_to() {
    let (mut world, address) = World::with_health().await;
    world.wake().await;
    let message = signed(&world, "notification", "m-1", "{}");
    assert_eq!(status(&message, &format!("http://{address}/twitch")).await, 404);
}
