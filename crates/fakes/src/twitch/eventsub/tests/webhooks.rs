//! Webhooks: the challenge, the signature as a stranger checks it, retries and forgeries.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::{SECOND, subscribe, world};
use crate::twitch::{WebhookMessage, sign};

const SECRET: &str = "s3cre7 of the callback";

/// A server of the application, which keeps what it was sent and answers as it was told.
#[derive(Clone, Default)]
struct Callback {
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    lies: Arc<Mutex<bool>>,
    status: Arc<Mutex<u16>>,
}

impl Callback {
    async fn start() -> (Self, String) {
        let callback = Self { status: Arc::new(Mutex::new(204)), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/twitch", listener.local_addr().unwrap());
        let server = callback.clone();
        let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let server = server.clone();
            async move { server.hear(&headers, &body) }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (callback, url)
    }

    fn hear(&self, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        let text = |name: &str| headers[name].to_str().unwrap();
        let signed = [
            text("twitch-eventsub-message-id").as_bytes(),
            text("twitch-eventsub-message-timestamp").as_bytes(),
            body.as_ref(),
        ];
        if text("twitch-eventsub-message-signature") != format!("sha256={}", hmac(SECRET, &signed.concat())) {
            return (StatusCode::FORBIDDEN, String::new());
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        self.heard.lock().unwrap().push((headers.clone(), body.clone()));
        if text("twitch-eventsub-message-type") == "webhook_callback_verification" {
            let lie = if *self.lies.lock().unwrap() { "\n" } else { "" };
            return (StatusCode::OK, body["challenge"].as_str().unwrap().to_owned() + lie);
        }
        (StatusCode::from_u16(*self.status.lock().unwrap()).unwrap(), String::new())
    }

    /// Type, number of the attempt, and body of each message.
    fn heard(&self) -> Vec<(String, String, Value)> {
        let heard = self.heard.lock().unwrap();
        let text = |headers: &HeaderMap, name: &str| headers[name].to_str().unwrap().to_owned();
        let entry = |(headers, body): &(HeaderMap, Value)| {
            let kind = text(headers, "twitch-eventsub-message-type");
            (kind, text(headers, "twitch-eventsub-message-retry"), body.clone())
        };
        heard.iter().map(entry).collect()
    }
}

/// HMAC-SHA256 from its definition.
fn hmac(key: &str, message: &[u8]) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn to_webhook(url: &str) -> Value {
    json!({"method": "webhook", "callback": url, "secret": SECRET})
}

#[test]
fn signs_as_twitch_does() {
    // Made by Twitch's own command-line tool.
    let body = r#"{"subscription":{"id":"b53ad29f-c11e-fe7b-50df-fb00155c7665","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":"null"},"created_at":"2026-11-21T08:27:47.094297361Z","cost":0},"event":{"id":"52987055","broadcaster_user_id":"1337","broadcaster_user_login":"testBroadcaster","broadcaster_user_name":"testBroadcaster","type":"live","started_at":"2026-11-21T08:27:47.094297361Z"}}"#;
    let signature = sign(
        "testsecret123",
        "71256a5b-cdca-ffa2-4ae2-a5714112c277",
        "2026-11-21T08:27:47.094297361Z",
        body.as_bytes(),
    );
    assert_eq!(signature, "sha256=7b0baecfdb4e73b732f3cccc87379da88b9980e0be70e92e2ebad0b90aae85ad");
}

#[tokio::test(start_paused = true)]
async fn a_callback_proves_itself_and_is_told() {
    let (twitch, client, ann) = world().await;
    let (callback, url) = Callback::start().await;
    let (status, body) = subscribe(&client, &ann, to_webhook(&url)).await;
    let pending = "webhook_callback_verification_pending";
    assert_eq!((status, &body["data"][0]["status"]), (202, &json!(pending)));
    assert_eq!(body["data"][0]["transport"], json!({"method": "webhook", "callback": url}));
    assert_eq!(subscribe(&client, &ann, to_webhook(&url)).await.0, 409);
    twitch.wait_until_enabled(&ann).await;
    let stream_id = twitch.go_live(&ann);
    tokio::time::sleep(SECOND).await;
    let heard = callback.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(
        (heard[0].0.as_str(), &heard[0].2["subscription"]["status"]),
        ("webhook_callback_verification", &json!(pending))
    );
    assert_eq!((heard[1].0.as_str(), heard[1].1.as_str()), ("notification", "0"));
    assert_eq!(
        (&heard[1].2["event"]["id"], &heard[1].2["subscription"]["status"]),
        (&json!(stream_id), &json!("enabled"))
    );
    twitch.revoke(&twitch.subscriptions()[0].id, "user_removed");
    tokio::time::sleep(SECOND).await;
    let last = callback.heard().pop().unwrap();
    assert_eq!((last.0.as_str(), &last.2["subscription"]["status"]), ("revocation", &json!("user_removed")));
    assert_eq!(last.2["event"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_to_the_challenge_is_final() {
    let (twitch, client, ann) = world().await;
    let (callback, url) = Callback::start().await;
    *callback.lies.lock().unwrap() = true;
    subscribe(&client, &ann, to_webhook(&url)).await;
    subscribe(&client, &ann, to_webhook("http://127.0.0.1:1/")).await;
    tokio::time::sleep(10 * SECOND).await;
    for subscription in twitch.subscriptions() {
        assert_eq!(subscription.status, "webhook_callback_verification_failed");
    }
    assert_eq!(client.get("eventsub/subscriptions").await.1["total_cost"], 0);
    let short = json!({"method": "webhook", "callback": url, "secret": "short"});
    assert_eq!(subscribe(&client, &ann, short).await.0, 400);
    assert_eq!(subscribe(&client, &ann, to_webhook("http://example.com/")).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_and_then_end_the_subscription() {
    let (twitch, client, ann) = world().await;
    let (callback, url) = Callback::start().await;
    subscribe(&client, &ann, to_webhook(&url)).await;
    twitch.wait_until_enabled(&ann).await;
    *callback.status.lock().unwrap() = 503;
    twitch.go_live(&ann);
    tokio::time::sleep(3 * SECOND).await;
    *callback.status.lock().unwrap() = 204;
    tokio::time::sleep(300 * SECOND).await;
    let attempts =
        |from: usize| callback.heard()[from..].iter().map(|heard| heard.1.clone()).collect::<Vec<_>>();
    assert_eq!((attempts(1), twitch.events_sent()), (vec!["0".into(), "1".into(), "2".into()], 1));
    assert!(twitch.enabled_for(&ann));

    *callback.status.lock().unwrap() = 500;
    twitch.go_live(&ann);
    tokio::time::sleep(80 * SECOND).await;
    assert!(twitch.enabled_for(&ann));
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(twitch.subscriptions()[0].status, "notification_failures_exceeded");
    assert_eq!(callback.heard()[4..9].iter().filter(|heard| heard.0 == "notification").count(), 5);
    assert_eq!(callback.heard()[9].0, "revocation");
}

#[tokio::test(start_paused = true)]
async fn messages_can_be_forged() {
    let (twitch, _, _) = world().await;
    let (callback, url) = Callback::start().await;
    let stamp = twitch.eventsub_timestamp();
    let mut message = WebhookMessage::signed("notification", "id-1", &stamp, "{}", SECRET);
    assert_eq!(message.send(&url).await.unwrap().status, 204);
    message.body = "{ }".into();
    assert_eq!(message.send(&url).await.unwrap().status, 403);
    assert_eq!(callback.heard().len(), 1);
}
