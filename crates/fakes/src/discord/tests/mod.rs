//! Tests of the fake itself, on paused time: what it answers to a plain client and to the real libraries.

mod bot;
mod changes;
mod crossposts;
mod ear;
mod forums;
mod history;
mod interactions;
mod limits;
mod mentions;
mod messages;
mod misbehaviour;
mod modals;
mod moments;
mod pings;
mod roles;
mod servers;
mod threads;
mod validate;

use serde_json::{Value, json};

use super::{ChannelKind, Discord};

/// A client as simple as can be: one request, one answer.
struct Client {
    http: reqwest::Client,
    base: String,
    agent: &'static str,
    token: String,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and Discord's code.
    fn error(&self) -> (u16, u64) {
        (self.status, self.body["code"].as_u64().unwrap_or_default())
    }
}

impl Client {
    fn new(discord: &Discord) -> Self {
        let base = format!("{}/api/v10", discord.url());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base, agent: "DiscordBot (https://example.org, 1.0)", token: discord.token() }
    }

    async fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> reqwest::Result<Answer> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.parse().unwrap(), url);
        request =
            request.header("user-agent", self.agent).header("authorization", format!("Bot {}", self.token));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    async fn get(&self, path: &str) -> Answer {
        self.try_call("GET", path, None).await.unwrap()
    }

    async fn post(&self, channel: u64, body: &Value) -> Answer {
        self.try_call("POST", &format!("/channels/{channel}/messages"), Some(body)).await.unwrap()
    }

    async fn say(&self, channel: u64, text: &str) -> Answer {
        self.post(channel, &json!({"content": text})).await
    }
}

/// A Discord with one guild and one text channel.
async fn small_world() -> (Discord, Client, u64, u64) {
    let discord = Discord::start().await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "live", ChannelKind::Text);
    let client = Client::new(&discord);
    (discord, client, guild, channel)
}
