//! What a test or the demo does to EventSub, and asks it.

use std::time::Duration;

use serde_json::{Value, json};

use super::conduits::ENABLED;
use super::{Conduit, EventSub, Socket, Subscription, Transport, stamp};
use crate::twitch::people::People;
use crate::twitch::{PATIENCE, Twitch};

const ONLINE: &str = "stream.online";

/// Events. Those of one go to every subscription that is enabled when they happen; without one nothing happens.
impl Twitch {
    /// Where the websocket is.
    pub fn eventsub_url(&self) -> String {
        format!("ws://{}/ws", self.address())
    }

    /// Sends a `stream.online` of this content to the broadcaster's subscriptions, whatever is true.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn send_event(&self, broadcaster: &str, stream_id: &str, started_at: &str, kind: &str) {
        let now = self.shared.clock.now();
        let state = &mut *self.shared.state();
        let event = online(&mut state.people, broadcaster, stream_id, started_at, kind);
        state.eventsub.emit(ONLINE, broadcaster, &event, now);
        self.shared.changed.notify_waiters();
    }

    /// Sends this JSON to every websocket session as it is.
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]
    pub fn send_raw(&self, message: Value) {
        self.change(|eventsub, _| eventsub.send_raw(&message));
    }

    /// Sends every websocket session a message of any type with the usual metadata.
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]
    pub fn send_message(&self, kind: &str, payload: Value) {
        self.change(|eventsub, now| eventsub.send_message(kind, &payload, now));
    }

    /// Loses the next `count` notifications without a trace; `u32::MAX` loses all, zero no more.
    pub fn lose_events(&self, count: u32) {
        self.change(|eventsub, _| eventsub.events.to_lose = count);
    }

    /// Whether every notification is sent twice, with the same message id.
    pub fn double_events(&self, double: bool) {
        self.change(|eventsub, _| eventsub.events.doubled = double);
    }

    /// How long after it happened an event is sent, for events from now on; zero at first. The message's timestamp is
    /// the time it was sent.
    pub fn delay_events(&self, delay: Duration) {
        self.change(|eventsub, _| eventsub.events.delay = delay);
    }

    /// Holds all notifications back until [`Twitch::release_events`].
    pub fn hold_events(&self) {
        self.change(|eventsub, _| eventsub.events.holding = true);
    }

    /// Sends what was held back, the latest first if `reordered`, and holds nothing any more.
    pub fn release_events(&self, reordered: bool) {
        self.change(|eventsub, now| eventsub.release(reordered, now));
    }

    /// How many notifications went out: written to a websocket, or posted (retries not counted).
    pub fn events_sent(&self) -> usize {
        self.shared.state().eventsub.events.sent
    }

    /// How many notifications Twitch had nowhere to send: no enabled shard, or a connection that was lost or silent.
    /// What [`Twitch::lose_events`] took is not among them.
    pub fn events_dropped(&self) -> usize {
        self.shared.state().eventsub.events.dropped
    }
}

/// Websockets.
impl Twitch {
    /// The websocket sessions that stand, the one with the oldest connection first.
    pub fn sockets(&self) -> Vec<Socket> {
        self.shared.state().eventsub.sessions.all()
    }

    /// How many websockets were opened since the start.
    pub fn sockets_opened(&self) -> usize {
        self.shared.state().eventsub.sessions.opened
    }

    /// Asks every session to reconnect; connections that stay are closed with 4004 after 30 s.
    pub fn reconnect_sockets(&self) {
        self.change(|eventsub, now| eventsub.sessions.ask_to_reconnect(now));
    }

    /// Ends all websockets without a close frame.
    pub fn cut_sockets(&self) {
        self.change(EventSub::cut_sockets);
    }

    /// Closes all websockets with this code.
    pub fn close_sockets(&self, code: u16) {
        self.change(|eventsub, now| eventsub.close_sockets(code, now));
    }

    /// Lets the websockets that are open stand without sending anything more, while Twitch believes that they work.
    pub fn go_silent(&self) {
        self.change(|eventsub, _| eventsub.sessions.fall_silent());
    }

    /// Whether new websockets are answered with 503.
    pub fn refuse_sockets(&self, refuse: bool) {
        self.change(|eventsub, _| eventsub.sessions.refusing = refuse);
    }
}

/// Conduits.
impl Twitch {
    /// The conduits, the oldest first.
    pub fn conduits(&self) -> Vec<Conduit> {
        self.shared.state().eventsub.conduits.all().to_vec()
    }

    /// Disables every shard of our conduits although its websocket stands, until it is given a session again.
    pub fn disable_shard(&self) {
        self.change(|eventsub, now| eventsub.conduits.disable_ours("websocket_internal_error", now));
    }

    /// Deletes a conduit as Twitch does after 72 hours without a shard; its subscriptions become `conduit_deleted`.
    pub fn delete_conduit(&self, id: &str) {
        self.change(|eventsub, _| {
            if eventsub.conduits.delete(id).is_ok() {
                eventsub.subscriptions.lose_conduit(id);
            }
        });
    }

    /// As [`Twitch::delete_conduit`], but the subscriptions are not listed any more either.
    pub fn forget_conduit(&self, id: &str) {
        self.change(|eventsub, _| {
            if eventsub.conduits.delete(id).is_ok() {
                for subscription in eventsub.subscriptions.of_conduit(id) {
                    eventsub.subscriptions.remove(&subscription);
                }
            }
        });
    }

    /// Makes a conduit of another deployment with the same client id, with one shard that works, and returns its id.
    ///
    /// # Panics
    /// If there are five already.
    #[track_caller]
    pub fn add_foreign_conduit(&self) -> String {
        let now = self.shared.clock.now();
        let id = self.shared.state().eventsub.conduits.add_foreign(now);
        id.expect("Twitch allows five conduits")
    }

    /// Waits until one of our conduits has an enabled shard.
    ///
    /// # Panics
    /// If that takes more than ten minutes of tokio's time.
    pub async fn wait_for_shard(&self) {
        self.wait_until("a shard was enabled", |eventsub| eventsub.conduits.ours_work()).await;
    }
}

/// Subscriptions.
impl Twitch {
    /// All subscriptions, the oldest first, also those that ended and were not deleted.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.shared.state().eventsub.subscriptions.all().cloned().collect()
    }

    /// Whether a `stream.online` subscription about the user, not a foreign one, is enabled.
    pub fn enabled_for(&self, user: &str) -> bool {
        self.shared.state().eventsub.enabled_for(user)
    }

    /// Waits until [`Twitch::enabled_for`].
    ///
    /// # Panics
    /// If that takes more than ten minutes of tokio's time.
    pub async fn wait_until_enabled(&self, user: &str) {
        self.wait_until("a subscription was enabled", |eventsub| eventsub.enabled_for(user)).await;
    }

    /// Makes an enabled `stream.online` subscription of another deployment with the same client id and returns its
    /// id. It costs as any other; its events go to nobody.
    pub fn add_foreign_subscription(&self, broadcaster: &str, transport: Transport) -> String {
        let now = self.shared.clock.now();
        let state = &mut *self.shared.state();
        let added = state.eventsub.subscriptions.add(ONLINE, broadcaster, transport, ENABLED, now);
        added.foreign = true;
        added.id.clone()
    }

    /// What all subscriptions together may cost; 10,000 at first. Those above a lower limit stay.
    pub fn set_max_total_cost(&self, cost: u64) {
        self.change(|eventsub, _| eventsub.subscriptions.max_total_cost = cost);
    }

    /// Lets a user authorise the application: subscriptions about them cost nothing, those that exist included.
    pub fn authorise(&self, user: &str) {
        self.change(|eventsub, _| eventsub.subscriptions.authorise(user));
    }

    /// Ends a subscription with this status and says so to its transport.
    ///
    /// # Panics
    /// If there is no such subscription.
    #[track_caller]
    pub fn revoke(&self, subscription: &str, status: &str) {
        let known = self.change(|eventsub, now| eventsub.revoke(subscription, status, now));
        assert!(known, "the fake Twitch has no subscription {subscription:?}");
    }

    /// How many subscriptions and shards a page of a list has; 100 at first.
    pub fn set_eventsub_page_size(&self, size: usize) {
        self.change(|eventsub, _| eventsub.page_size = size.max(1));
    }

    /// Now, as messages are stamped: for forged ones.
    pub fn eventsub_timestamp(&self) -> String {
        stamp(self.shared.clock.now())
    }

    pub(in crate::twitch) fn tell_of_stream(&self, id: &str) {
        let now = self.shared.clock.now();
        let state = &mut *self.shared.state();
        let person = state.people.known(id);
        let Some(stream) = person.stream.clone().filter(|_| !person.vanished) else { return };
        let kind = if stream.kind.is_empty() { "live" } else { &stream.kind };
        let event = online(&mut state.people, id, &stream.id, &stream.started_at, kind);
        state.eventsub.emit(ONLINE, id, &event, now);
        self.shared.changed.notify_waiters();
    }

    pub(in crate::twitch) fn tell_of_end(&self, id: &str) {
        let now = self.shared.clock.now();
        let state = &mut *self.shared.state();
        let event = about(&mut state.people, id);
        state.eventsub.emit("stream.offline", id, &event, now);
        self.shared.changed.notify_waiters();
    }

    fn change<T>(&self, change: impl FnOnce(&mut EventSub, Duration) -> T) -> T {
        let now = self.shared.clock.now();
        let changed = change(&mut self.shared.state().eventsub, now);
        self.shared.changed.notify_waiters();
        changed
    }

    async fn wait_until(&self, what: &str, is_so: impl Fn(&EventSub) -> bool) {
        let search = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                // Registered before looking, or a change in between would be missed.
                changed.as_mut().enable();
                if is_so(&self.shared.state().eventsub) {
                    return;
                }
                changed.await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        assert!(found.is_ok(), "{PATIENCE:?} passed before {what}");
    }
}

impl EventSub {
    fn enabled_for(&self, user: &str) -> bool {
        let mut about = self.subscriptions.about(ONLINE, user);
        about.any(|found| found.status == ENABLED && !found.foreign)
    }
}

#[track_caller]
fn about(people: &mut People, id: &str) -> Value {
    let user = &people.known(id).user;
    json!({
        "broadcaster_user_id": user.id, "broadcaster_user_login": user.login,
        "broadcaster_user_name": user.display_name,
    })
}

#[track_caller]
fn online(people: &mut People, id: &str, stream_id: &str, started_at: &str, kind: &str) -> Value {
    let mut event = about(people, id);
    event["id"] = stream_id.into();
    event["type"] = kind.into();
    event["started_at"] = started_at.into();
    event
}
