//! That EventSub's double does what a client may rely on, seen through real clients on paused time.

mod rest;
mod sockets;
mod webhooks;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::twitch::Twitch;
use crate::twitch::tests::Client;

const SECOND: Duration = Duration::from_secs(1);

/// A fake, a client with a token, and a broadcaster.
async fn world() -> (Twitch, Client, String) {
    let twitch = Twitch::start().await;
    let client = Client::of(&twitch).await;
    let ann = twitch.add_user("ann");
    (twitch, client, ann)
}

/// As [`world`], with a conduit whose only shard is a websocket that was welcomed, and a subscription to it.
async fn listening() -> (Twitch, Client, String, Ear, String) {
    let (twitch, client, ann) = world().await;
    let conduit = make_conduit(&client).await;
    let mut ear = Ear::dial(&twitch.eventsub_url()).await;
    let session = ear.welcome().await;
    assert_eq!(bind(&client, &conduit, &session).await["errors"], json!([]));
    let (status, body) = subscribe(&client, &ann, to_conduit(&conduit)).await;
    assert_eq!((status, &body["data"][0]["status"]), (202, &json!("enabled")));
    (twitch, client, ann, ear, conduit)
}

async fn make_conduit(client: &Client) -> String {
    let (status, body) = client.ask("POST", "eventsub/conduits", json!({"shard_count": 1})).await;
    assert_eq!((status, &body["data"][0]["shard_count"]), (200, &json!(1)));
    body["data"][0]["id"].as_str().unwrap().to_owned()
}

async fn bind(client: &Client, conduit: &str, session: &str) -> Value {
    let transport = json!({"method": "websocket", "session_id": session});
    let body = json!({"conduit_id": conduit, "shards": [{"id": "0", "transport": transport}]});
    let (status, answer) = client.ask("PATCH", "eventsub/conduits/shards", body).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

fn to_conduit(conduit: &str) -> Value {
    json!({"method": "conduit", "conduit_id": conduit})
}

async fn subscribe(client: &Client, broadcaster: &str, transport: Value) -> (u16, Value) {
    let condition = json!({"broadcaster_user_id": broadcaster});
    let body =
        json!({"type": "stream.online", "version": "1", "condition": condition, "transport": transport});
    client.ask("POST", "eventsub/subscriptions", body).await
}

/// The client's end of a websocket.
struct Ear(WebSocketStream<TcpStream>);

impl Ear {
    async fn dial(url: &str) -> Self {
        Self::try_dial(url).await.unwrap()
    }

    async fn try_dial(url: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        Ok(Self(tokio_tungstenite::client_async(url, stream).await?.0))
    }

    /// The next message; the code of a close frame as a number; null when the connection is lost.
    async fn hear(&mut self) -> Value {
        match tokio::time::timeout(Duration::from_hours(1), self.0.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(text.as_str()).unwrap(),
            Ok(Some(Ok(Message::Close(frame)))) => u16::from(frame.unwrap().code).into(),
            Ok(Some(Ok(other))) => panic!("{other:?}"),
            Ok(None | Some(Err(_))) => Value::Null,
            Err(_) => "nothing for an hour".into(),
        }
    }

    async fn welcome(&mut self) -> String {
        let welcome = self.hear().await;
        assert_eq!(kind(&welcome), "session_welcome");
        assert_eq!(welcome["payload"]["session"]["status"], "connected");
        welcome["payload"]["session"]["id"].as_str().unwrap().to_owned()
    }

    /// The stream id of the next message, which must be a notification.
    async fn online(&mut self) -> String {
        let message = self.hear().await;
        assert_eq!(kind(&message), "notification", "{message}");
        message["payload"]["event"]["id"].as_str().unwrap().to_owned()
    }

    async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }
}

fn kind(message: &Value) -> &str {
    message["metadata"]["message_type"].as_str().unwrap_or("no message")
}
