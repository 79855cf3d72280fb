//! A gateway client as simple as can be: it hears every dispatch as the JSON it is, and never compresses.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Answer, Client, Discord};

/// A connection that has identified.
pub(super) struct Ear(WebSocketStream<TcpStream>);

impl Ear {
    pub(super) async fn dial(discord: &Discord) -> Self {
        let address = discord.url().trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{address}/gateway?v=10&encoding=json");
        let mut ear = Self(tokio_tungstenite::client_async(url, stream).await.unwrap().0);
        let identify = json!({"op": 2, "d": {"token": discord.token(), "intents": 1, "properties": {}}});
        ear.0.send(Message::text(identify.to_string())).await.unwrap();
        ear.hears("READY").await;
        ear
    }

    /// What the next dispatch of this name says; others before it are forgotten.
    pub(super) async fn hears(&mut self, name: &str) -> Value {
        let search = async {
            loop {
                let frame = self.0.next().await.expect("the gateway hung up").unwrap();
                let mut frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
                if frame["t"] == name {
                    return frame["d"].take();
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), search).await.expect("it was never heard")
    }

    /// The next interaction, which the real serenity must understand.
    pub(super) async fn interaction(&mut self) -> Value {
        let heard = self.hears("INTERACTION_CREATE").await;
        let understood = serde_json::from_value::<serenity::all::Interaction>(heard.clone());
        assert!(understood.is_ok(), "{understood:?}: {heard}");
        heard
    }
}

/// The first response to an interaction.
pub(super) async fn respond(client: &Client, interaction: &Value, body: &Value) -> Answer {
    let (id, token) = (interaction["id"].as_str().unwrap(), interaction["token"].as_str().unwrap());
    let path = format!("/interactions/{id}/{token}/callback");
    client.try_call("POST", &path, Some(body)).await.unwrap()
}

/// Registers one command.
pub(super) async fn register(client: &Client, discord: &Discord, command: Value) {
    let path = format!("/applications/{}/commands", discord.application_id());
    assert_eq!(client.try_call("PUT", &path, Some(&json!([command]))).await.unwrap().status, 200);
}
