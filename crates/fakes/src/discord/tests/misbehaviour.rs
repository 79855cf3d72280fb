//! Faults on request, latency, and the end of the server.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::{Fault, Place};
use super::{Discord, small_world};

#[tokio::test(start_paused = true)]
async fn faults_happen_where_and_as_often_as_planned() {
    let (discord, client, _, channel) = small_world().await;
    discord.unlimited();
    discord.fail(Place::Channel(channel), 1, Fault::Html(502));
    let status = Fault::Status { status: 500, code: 130_000, message: "overloaded".to_owned() };
    discord.fail(Place::Messages, 2, status);
    discord.fail(
        Place::Route("/users/@me"),
        1,
        Fault::RateLimited { header: 1.0, body: 1163.5, scope: "shared" },
    );
    let html = client.say(channel, "x").await;
    assert_eq!((html.status, html.header("content-type")), (502, "text/html; charset=utf-8"));
    assert_eq!(client.say(channel, "x").await.error(), (500, 130_000));
    assert_eq!(client.say(channel, "x").await.error(), (500, 130_000));
    assert_eq!(client.say(channel, "x").await.status, 200);
    let limited = client.get("/users/@me").await;
    assert_eq!((limited.header("retry-after"), limited.body["retry_after"].as_f64()), ("1", Some(1163.5)));
    assert_eq!((discord.too_many_requests(), discord.invalid_requests(), discord.message_posts()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn connections_are_cut_before_and_after_the_effect() {
    let (discord, client, _, channel) = small_world().await;
    let body = json!({"content": "x", "nonce": "n", "enforce_nonce": true});
    let path = format!("/channels/{channel}/messages");
    for (fault, posted) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        discord.fail(Place::Messages, 1, fault);
        assert!(client.try_call("POST", &path, Some(&body)).await.is_err());
        assert_eq!(discord.messages(channel).len(), posted);
    }
    for fault in [Fault::Hang, Fault::HangAfter] {
        discord.fail(Place::Messages, 1, fault);
        let hanging = client.try_call("POST", &path, Some(&body));
        assert!(timeout(Duration::from_secs(30), hanging).await.is_err());
    }
    assert_eq!(client.post(channel, &body).await.status, 200);
    assert_eq!((discord.messages(channel).len(), discord.absorbed_duplicates()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn answers_take_their_time() {
    let (discord, client, _, channel) = small_world().await;
    discord.set_latency(Duration::from_millis(200));
    discord.fail(Place::Any, 1, Fault::Slow(Duration::from_secs(2)));
    let start = Instant::now();
    assert_eq!(client.say(channel, "x").await.status, 200);
    let taken = start.elapsed();
    assert!((Duration::from_millis(2200)..Duration::from_millis(2210)).contains(&taken), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_stops_the_server() {
    let (discord, client, _, _) = small_world().await;
    let clone = discord.clone();
    drop(discord);
    assert_eq!(client.get("/users/@me").await.status, 200);
    let address = clone.url();
    drop(clone);
    assert!(client.try_call("GET", "/users/@me", None).await.is_err());
    let address = address.trim_start_matches("http://").parse().unwrap();
    assert_eq!(Discord::start_on(address).await.unwrap().url(), format!("http://{address}"));
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept() {
    let (discord, client, _, channel) = small_world().await;
    client.say(channel, "x").await;
    discord.record_bodies(false);
    client.say(channel, "y").await;
    let requests = discord.requests();
    assert_eq!((requests[0].method.as_str(), &requests[0].body["content"]), ("POST", &json!("x")));
    assert_eq!(requests[1].path, format!("/channels/{channel}/messages"));
    assert!(requests[1].body.is_null() && discord.messages(channel)[1].body.is_null());
    discord.clear_requests();
    assert!(discord.requests().is_empty());
}
