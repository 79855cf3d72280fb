//! From what happened to messages: which subscriptions hear of it, when, and by which way.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::conduits::ENABLED;
use super::subscriptions::{Subscription, Transport};
use super::webhooks::{Purpose, WebhookMessage};
use super::{EventSub, new_id, sessions, stamp};

/// A notification before it is written: with its time it would grow old while it is held back.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    subscription: String,
    event: Value,
}

/// What is on its way, and how the way is disturbed.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) sent: usize,
    pub(super) dropped: usize,
    pub(super) to_lose: u32,
    pub(super) doubled: bool,
    pub(super) delay: Duration,
    pub(super) holding: bool,
    held: Vec<Message>,
    due: BTreeMap<(Duration, u64), Message>,
    last: u64,
}

impl EventSub {
    /// Tells the subscriptions of that type about a broadcaster, as disturbed as it was asked for.
    pub(super) fn emit(&mut self, kind: &str, broadcaster: &str, event: &Value, now: Duration) {
        let concerned = self.subscriptions.about(kind, broadcaster);
        let concerned = concerned.filter(|found| found.status == ENABLED && !found.foreign);
        let concerned: Vec<_> = concerned.map(|found| found.id.clone()).collect();
        for subscription in concerned {
            if self.events.to_lose > 0 {
                self.events.to_lose -= u32::from(self.events.to_lose != u32::MAX);
                continue;
            }
            let message = Message { id: new_id(), subscription, event: event.clone() };
            if self.events.doubled {
                self.put(message.clone(), now);
            }
            self.put(message, now);
        }
    }

    fn put(&mut self, message: Message, now: Duration) {
        if self.events.holding {
            self.events.held.push(message);
        } else if self.events.delay.is_zero() {
            self.deliver(&message, now);
        } else {
            self.events.last += 1;
            self.events.due.insert((now + self.events.delay, self.events.last), message);
        }
    }

    /// Delivers what was held; the last first if `reordered`.
    pub(super) fn release(&mut self, reordered: bool, now: Duration) {
        self.events.holding = false;
        let mut held = std::mem::take(&mut self.events.held);
        if reordered {
            held.reverse();
        }
        for message in held {
            self.deliver(&message, now);
        }
    }

    /// Delivers what is due; answers whether that was anything.
    pub(super) fn deliver_due(&mut self, now: Duration) -> bool {
        let later = self.events.due.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.events.due, later);
        let any = !due.is_empty();
        for message in due.values() {
            self.deliver(message, now);
        }
        any
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.events.due.first_key_value().map(|((due, _), _)| *due)
    }

    fn deliver(&mut self, message: &Message, now: Duration) {
        let found = self.subscriptions.find(&message.subscription);
        let Some(subscription) = found.filter(|found| found.status == ENABLED).cloned() else { return };
        let payload = json!({"subscription": subscription.to_json(), "event": message.event});
        self.dispatch(&subscription, "notification", &message.id, &payload, now);
    }

    /// Ends a subscription as Twitch does; answers whether there is one.
    pub(super) fn revoke(&mut self, id: &str, status: &str, now: Duration) -> bool {
        if !self.subscriptions.set_status(id, status) {
            return false;
        }
        if let Some(subscription) = self.subscriptions.find(id).cloned() {
            let payload = json!({"subscription": subscription.to_json()});
            self.dispatch(&subscription, "revocation", &new_id(), &payload, now);
        }
        true
    }

    fn dispatch(&mut self, about: &Subscription, kind: &str, id: &str, payload: &Value, now: Duration) {
        let is_event = kind == "notification";
        match &about.transport {
            Transport::Conduit { id: conduit } => {
                let text = json!({
                    "metadata": {
                        "message_id": id, "message_type": kind, "message_timestamp": stamp(now),
                        "subscription_type": about.kind, "subscription_version": "1",
                    },
                    "payload": payload,
                });
                let conduit = self.conduits.find(conduit);
                let session = conduit.and_then(|conduit| conduit.session_for(&about.broadcaster));
                let arrives =
                    session.is_some_and(|session| self.sessions.send(session, text.to_string(), is_event));
                self.events.dropped += usize::from(is_event && !arrives);
            }
            Transport::Webhook { callback, secret } => {
                let mut message = WebhookMessage::signed(kind, id, &stamp(now), &payload.to_string(), secret);
                message.subscription_type.clone_from(&about.kind);
                self.events.sent += usize::from(is_event);
                let purpose = if is_event { Purpose::Notification } else { Purpose::Revocation };
                self.outbox.put(about.id.clone(), callback.clone(), message, purpose, now);
            }
        }
    }

    /// Sends this to every session as it is.
    pub(super) fn send_raw(&mut self, message: &Value) {
        self.sessions.send_to_all(&message.to_string());
    }

    /// Sends every session a message of this type with the usual metadata.
    pub(super) fn send_message(&mut self, kind: &str, payload: &Value, now: Duration) {
        self.sessions.send_to_all(&sessions::message(kind, payload, now));
    }
}
