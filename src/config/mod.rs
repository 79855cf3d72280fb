//! Settings: one table says what there is, and help, README and `.env.example` are printed from it. Read whole, so that a
//! person learns of every mistake at once.

mod read;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use crate::store::StoreOptions;

pub use read::{Problem, Problems, environment, read};
pub use table::{Setting, TABLE, env_example, help, markdown};

/// Everything that can be set, valid.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DISCORD_TOKEN`.
    pub discord_token: SecretString,
    /// `TWITCH_CLIENT_ID`.
    pub twitch_client_id: SecretString,
    /// `TWITCH_CLIENT_SECRET`.
    pub twitch_client_secret: SecretString,
    /// `CHECK_INTERVAL_SECONDS`.
    pub check_interval: Duration,
    /// How many streamers a request of the poll carries. No variable sets it.
    pub poll_batch: usize,
    /// `OFFLINE_GRACE_SECONDS`.
    pub offline_grace: Duration,
    /// `EVENTSUB`.
    pub eventsub: EventSub,
    /// `ENRICH_WAIT_SECONDS`.
    pub enrich_wait: Duration,
    /// `DATABASE_PATH`, with what no variable sets.
    pub database: StoreOptions,
    /// `HTTP_BIND`; nothing for `off`.
    pub http_bind: Option<SocketAddr>,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `DISCORD_API_URL`, without a slash at the end.
    pub discord_api_url: String,
    /// `TWITCH_API_URL`, without a slash at the end.
    pub twitch_api_url: String,
    /// `TWITCH_AUTH_URL`, without a slash at the end.
    pub twitch_auth_url: String,
    /// `TWITCH_EVENTSUB_URL`.
    pub twitch_eventsub_url: String,
}

/// How Twitch pushes what happens.
#[derive(Clone, Debug)]
pub enum EventSub {
    /// Over a connection that we open.
    Conduit,
    /// To our own HTTP server, which then is not turned off.
    Webhook {
        /// `PUBLIC_URL`: where Twitch reaches that server, without a slash at the end.
        public_url: String,
        /// `EVENTSUB_SECRET`.
        secret: SecretString,
    },
    /// Not at all.
    Off,
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
