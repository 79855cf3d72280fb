//! Messages to webhooks: how they are signed, which wait to be posted, and what follows from their answers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::conduits::ENABLED;
use super::subscriptions::{PENDING, Subscription, Transport};
use super::{EventSub, http, new_id, stamp};

/// How long after each failed attempt the next one is made. Twitch's schedule is not documented.
const RETRIES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_mins(1)];

/// Twitch's signature of a message: `sha256=` and the HMAC of id, timestamp and body.
#[must_use]
pub fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    // A key of any length will do for an HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return text };
    mac.update(id.as_bytes());
    mac.update(timestamp.as_bytes());
    mac.update(body);
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What a callback answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// A message to a webhook, to be sent as it is: a test may change anything after it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookMessage {
    /// `Twitch-Eventsub-Message-Id`.
    pub id: String,
    /// `Twitch-Eventsub-Message-Timestamp`.
    pub timestamp: String,
    /// `Twitch-Eventsub-Message-Type`.
    pub kind: String,
    /// `Twitch-Eventsub-Message-Retry`: attempts before this one.
    pub retry: u32,
    /// `Twitch-Eventsub-Subscription-Type`.
    pub subscription_type: String,
    /// `Twitch-Eventsub-Message-Signature`.
    pub signature: String,
    /// The raw body.
    pub body: String,
}

impl WebhookMessage {
    /// A message about `stream.online`, signed with the secret.
    #[must_use]
    pub fn signed(kind: &str, id: &str, timestamp: &str, body: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            timestamp: timestamp.to_owned(),
            kind: kind.to_owned(),
            retry: 0,
            subscription_type: "stream.online".into(),
            signature: sign(secret, id, timestamp, body.as_bytes()),
            body: body.to_owned(),
        }
    }

    /// Posts it to `http://` and a loopback address with a port.
    pub async fn send(&self, callback: &str) -> io::Result<WebhookAnswer> {
        let retry = self.retry.to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("Twitch-Eventsub-Message-Id", self.id.as_str()),
            ("Twitch-Eventsub-Message-Retry", retry.as_str()),
            ("Twitch-Eventsub-Message-Type", self.kind.as_str()),
            ("Twitch-Eventsub-Message-Signature", self.signature.as_str()),
            ("Twitch-Eventsub-Message-Timestamp", self.timestamp.as_str()),
            ("Twitch-Eventsub-Subscription-Type", self.subscription_type.as_str()),
            ("Twitch-Eventsub-Subscription-Version", "1"),
        ];
        let (status, body) = http::post(callback, &headers, &self.body).await?;
        Ok(WebhookAnswer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// What an answer to a message decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Challenge(String),
    Notification,
    Revocation,
}

/// A message on its way to a callback.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) subscription: String,
    pub(super) callback: String,
    pub(super) message: WebhookMessage,
    pub(super) purpose: Purpose,
}

/// What waits to be posted, by the time it is due.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    due: BTreeMap<(Duration, u64), Post>,
    last: u64,
}

impl Outbox {
    pub(super) fn put(
        &mut self,
        subscription: String,
        callback: String,
        message: WebhookMessage,
        purpose: Purpose,
        due: Duration,
    ) {
        self.add(Post { subscription, callback, message, purpose }, due);
    }

    fn add(&mut self, post: Post, due: Duration) {
        self.last += 1;
        self.due.insert((due, self.last), post);
    }

    /// The next that is due.
    pub(super) fn take(&mut self, now: Duration) -> Option<Post> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }
}

impl EventSub {
    /// Asks the callback of a new subscription whether it is wanted.
    pub(super) fn challenge(&mut self, subscription: &Subscription, now: Duration) {
        let Transport::Webhook { callback, secret } = &subscription.transport else { return };
        let challenge = new_id();
        let body = json!({"challenge": challenge, "subscription": subscription.to_json()}).to_string();
        let kind = "webhook_callback_verification";
        let mut message = WebhookMessage::signed(kind, &new_id(), &stamp(now), &body, secret);
        message.subscription_type.clone_from(&subscription.kind);
        self.outbox.put(
            subscription.id.clone(),
            callback.clone(),
            message,
            Purpose::Challenge(challenge),
            now,
        );
    }

    /// Draws the consequences of an answer, or of its absence.
    pub(super) fn settle(&mut self, mut post: Post, answer: Option<&WebhookAnswer>, now: Duration) {
        let status = self.subscriptions.find(&post.subscription).map(|found| found.status.clone());
        if let Purpose::Challenge(challenge) = &post.purpose {
            let proven = answer.is_some_and(|answer| answer.status == 200 && answer.body == *challenge);
            if status.as_deref() == Some(PENDING) {
                let status = if proven { ENABLED } else { "webhook_callback_verification_failed" };
                self.subscriptions.set_status(&post.subscription, status);
            }
            return;
        }
        let taken = answer.is_some_and(|answer| (200..300).contains(&answer.status));
        let is_event = post.purpose == Purpose::Notification;
        if taken || (is_event && status.as_deref() != Some(ENABLED)) {
            return;
        }
        let retry = usize::try_from(post.message.retry).unwrap_or(usize::MAX);
        if let Some(pause) = RETRIES.get(retry) {
            post.message.retry += 1;
            self.outbox.add(post, now + *pause);
        } else if is_event {
            self.revoke(&post.subscription, "notification_failures_exceeded", now);
        }
    }
}
