//! Waiting for a chosen moment, counting requests, and answers that are lies.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::{Fault, Place};
use super::{Client, small_world};

#[tokio::test(start_paused = true)]
async fn moments_between_request_effect_and_answer_can_be_met() {
    let (discord, client, _, channel) = small_world().await;
    let latency = Duration::from_millis(200);
    discord.set_latency(latency);
    let posts = format!("/channels/{channel}/messages");
    let start = Instant::now();
    let posting = tokio::spawn(async move {
        assert_eq!(client.say(channel, "first").await.status, 200);
        assert_eq!(client.say(channel, "second").await.status, 200);
    });
    let half = |number: u32| {
        let expected = latency / 2 * number;
        assert!((expected..expected + latency / 4).contains(&start.elapsed()), "{:?}", start.elapsed());
    };
    discord.wait_for_request("POST", &posts, 1).await;
    half(0);
    assert_eq!((discord.messages(channel).len(), discord.requests_to(&posts)), (0, 1));
    discord.wait_for_effect(1).await;
    half(1);
    assert_eq!(discord.messages(channel).len(), 1);
    discord.wait_for_request("POST", "/channels", 2).await;
    half(2);
    assert_eq!((discord.messages(channel).len(), posting.is_finished()), (1, false));
    discord.wait_for_effect(2).await;
    half(3);
    assert_eq!((discord.messages_created(), posting.is_finished()), (2, false));
    posting.await.unwrap();
    half(4);
    // What has happened need not be waited for.
    discord.wait_for_effect(1).await;
    discord.wait_for_request("POST", "/", 2).await;
    half(4);
}

#[tokio::test(start_paused = true)]
async fn without_latency_the_moments_are_there_too() {
    let (discord, client, _, channel) = small_world().await;
    let posting = tokio::spawn(async move { client.say(channel, "x").await.status });
    discord.wait_for_request("POST", "/channels", 1).await;
    assert!(discord.messages(channel).is_empty());
    discord.wait_for_effect(1).await;
    assert!(!posting.is_finished());
    assert_eq!(posting.await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn who_dies_before_the_effect_posted_nothing() {
    let (discord, _, _, channel) = small_world().await;
    discord.set_latency(Duration::from_millis(200));
    for (dies_after_effect, posted) in [(false, 0), (true, 1)] {
        discord.clear_requests();
        let client = Client::new(&discord);
        let posting = tokio::spawn(async move { client.say(channel, "x").await.status });
        if dies_after_effect {
            discord.wait_for_effect(1).await;
        } else {
            discord.wait_for_request("POST", "/channels", 1).await;
        }
        posting.abort();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(discord.messages(channel).len(), posted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_all_there_is() {
    let (discord, client, _, channel) = small_world().await;
    let body = json!({"content": "x", "nonce": "n", "enforce_nonce": true});
    discord.fail(Place::Messages, 1, Fault::AnswerOnly);
    let answer = client.post(channel, &body).await;
    assert_eq!(
        (answer.status, &answer.body["content"], &answer.body["nonce"]),
        (200, &json!("x"), &json!("n"))
    );
    assert!(answer.body["id"].as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!((discord.messages(channel).len(), discord.messages_created()), (0, 0));
    let path = format!("/channels/{channel}/messages/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.error(), (404, 10_008));
    assert_eq!(client.post(channel, &body).await.status, 200);
    assert_eq!((discord.messages(channel).len(), discord.absorbed_duplicates()), (1, 0));

    // It is no way around a refusal.
    discord.fail(Place::Messages, 1, Fault::AnswerOnly);
    assert_eq!(client.say(channel, "").await.error(), (400, 50_006));
}

#[tokio::test(start_paused = true)]
async fn faults_can_be_planned_for_a_method_and_a_path() {
    let (discord, client, _, channel) = small_world().await;
    let prefix = format!("/channels/{channel}/messages");
    discord.fail(Place::Request { method: "GET", prefix: prefix.clone() }, 1, Fault::Html(502));
    assert_eq!(client.say(channel, "x").await.status, 200);
    assert_eq!(client.get(&format!("/channels/{channel}")).await.status, 200);
    assert_eq!(client.get(&prefix).await.status, 502);
    assert_eq!(client.get(&prefix).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn requests_and_nonces_are_counted() {
    let (discord, client, _, channel) = small_world().await;
    let path = format!("/channels/{channel}");
    client.get(&path).await;
    client.get(&format!("{path}/messages?limit=1")).await;
    assert_eq!((discord.requests_to(&path), discord.requests_to(&format!("{path}/messages"))), (2, 1));
    assert_eq!(discord.requests()[1].query, "limit=1");
    let body = json!({"content": "x", "nonce": "n", "enforce_nonce": true});
    discord.fail(Place::Messages, 1, Fault::Html(502));
    for _ in 0..3 {
        client.post(channel, &body).await;
    }
    client.post(channel, &json!({"content": "x", "nonce": 17})).await;
    // Failed and absorbed ones count: it is what the client did.
    assert_eq!((discord.posts_with_nonce("n"), discord.posts_with_nonce("17")), (3, 1));
    assert_eq!((discord.posts_with_nonce("m"), discord.messages(channel).len()), (0, 2));
    discord.clear_requests();
    assert_eq!((discord.posts_with_nonce("n"), discord.requests_to("/")), (0, 0));
}
