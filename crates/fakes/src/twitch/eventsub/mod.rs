//! EventSub: conduits and subscriptions over Helix, and their events by websocket or webhook.
//!
//! What the documentation leaves open is decided so: a shard that never had a session is not listed; a session keeps
//! its id, and its shard, over a reconnect; `total` counts every subscription whatever the filter.

mod conduits;
mod courier;
mod events;
mod handle;
mod http;
mod sessions;
mod socket;
mod subscriptions;
#[cfg(test)]
mod tests;
mod webhooks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::faults::Path;
use super::pages::Query;
use super::people::People;

pub use conduits::{Conduit, Shard};
pub use sessions::Socket;
pub use subscriptions::{Subscription, Transport};
pub use webhooks::{WebhookAnswer, WebhookMessage, sign};

pub(super) use courier::run as run_courier;
pub(super) use socket::upgrade;

use conduits::Conduits;
use events::Events;
use sessions::Sessions;
use subscriptions::Subscriptions;
use webhooks::Outbox;

/// Twitch does not say how long its pages are.
const PAGE_SIZE: usize = 100;

/// Across all fakes of a process: what one fake gave out is unknown to the next one on the same address.
static IDS: AtomicU64 = AtomicU64::new(1);

/// An identifier in the form of Twitch's.
fn new_id() -> String {
    let number = IDS.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-bfcf-44d9-b876-{number:012x}", number.wrapping_mul(0x9e37_79b9) & 0xffff_ffff)
}

/// A time since the Unix epoch with nanoseconds, as EventSub writes it.
fn stamp(now: Duration) -> String {
    let time = i64::try_from(now.as_secs())
        .ok()
        .zip(i32::try_from(now.subsec_nanos()).ok())
        .and_then(|(seconds, nanos)| jiff::Timestamp::new(seconds, nanos).ok());
    format!("{:.9}", time.unwrap_or(jiff::Timestamp::MAX))
}

/// A status and a body, which is not sent when it is null; or the status and the message of an error.
pub(super) type Reply = Result<(u16, Value), (u16, String)>;

fn refuse<T>(status: u16, message: &str) -> Result<T, (u16, String)> {
    Err((status, message.to_owned()))
}

fn missing(parameter: &str) -> (u16, String) {
    (400, format!("Missing required parameter \"{parameter}\""))
}

/// Everything about EventSub.
#[derive(Debug)]
pub(super) struct EventSub {
    conduits: Conduits,
    subscriptions: Subscriptions,
    sessions: Sessions,
    events: Events,
    outbox: Outbox,
    page_size: usize,
}

impl EventSub {
    pub(super) fn new() -> Self {
        Self {
            conduits: Conduits::default(),
            subscriptions: Subscriptions::default(),
            sessions: Sessions::default(),
            events: Events::default(),
            outbox: Outbox::default(),
            page_size: PAGE_SIZE,
        }
    }

    /// Says where the websocket is, for the addresses of `session_reconnect`.
    pub(super) fn set_url(&mut self, url: String) {
        self.sessions.url = url;
    }

    /// Answers a request that was let in.
    pub(super) fn answer(
        &mut self,
        path: Path,
        query: &Query<'_>,
        body: &[u8],
        people: &People,
        now: Duration,
    ) -> Reply {
        let json = || {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            if body.is_object() { Ok(body) } else { refuse(400, "The request body is not a JSON object.") }
        };
        match path {
            Path::Conduits => Ok(self.conduits.list()),
            Path::CreateConduit => self.conduits.create(&json()?),
            Path::UpdateConduit => self.conduits.update(&json()?),
            Path::DeleteConduit => self.delete_conduit(query.one("id").ok_or_else(|| missing("id"))?),
            Path::Shards => self.conduits.shards(query, self.page_size),
            Path::UpdateShards => self.bind_shards(&json()?),
            Path::Subscriptions => self.subscriptions.list(query, self.page_size),
            Path::CreateSubscription => self.subscribe(&json()?, people, now),
            Path::DeleteSubscription => self.subscriptions.delete(query),
            _ => refuse(404, "not found"),
        }
    }

    fn delete_conduit(&mut self, id: &str) -> Reply {
        self.conduits.delete(id)?;
        self.subscriptions.lose_conduit(id);
        Ok((204, Value::Null))
    }
}

/// Where a page begins: Twitch's cursors are opaque, ours are a number behind this.
const CURSOR_PREFIX: &str = "eyJiIjpudWxsfQ";

fn cursor(last: u64) -> String {
    format!("{CURSOR_PREFIX}{last}")
}

/// The number behind `after`; `None` for the first page.
fn after(query: &Query<'_>) -> Result<Option<u64>, (u16, String)> {
    let Some(cursor) = query.one("after").filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
    match cursor.strip_prefix(CURSOR_PREFIX).map(str::parse) {
        Some(Ok(number)) => Ok(Some(number)),
        _ => refuse(400, "The cursor specified in the after query parameter is not valid."),
    }
}
