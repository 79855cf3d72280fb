//! The worker: leases what is due, renders it, has it sent, settles what came of it. Each delivery is a job of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{nonce, retry};
use crate::clock::Clock;
use crate::domain::{ChannelId, Delivery, DeliveryId, MessageId, Outcome};
use crate::render;
use crate::sinks::Sink;
use crate::store::{LeaseRequest, Settlement, Store};

/// Deliveries under way at most. Discord takes 50 requests a second and an unanswered one is given up after 15 s, so
/// this many cannot all be stuck in broken channels.
const MAX_IN_FLIGHT: usize = 768;

/// Deliveries under way in one channel at most: what Discord takes there at once. The others leave room for other servers.
const MAX_PER_CHANNEL: usize = 5;

/// How long a lease lasts: longer than waiting for a turn and the request together, shorter than Discord knows a nonce.
const LEASE: Duration = Duration::from_mins(2);

/// How often the outbox is looked at when nobody says that there is something to do.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// The shortest time between two looks at an outbox whose next delivery is due any moment.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// How long what is under way may take to finish when the program stops.
const DRAIN: Duration = Duration::from_secs(3);

/// The pause between two attempts to remember an outcome. They go on until the disk takes it: an outcome that is forgotten
/// would be an announcement made twice.
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// Why the worker stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Halted {
    /// Discord refuses the token; nothing can be sent.
    #[error("Discord refuses the bot's token")]
    Unauthorized,
}

/// Delivers until it is stopped.
#[derive(Debug)]
pub struct Worker {
    /// Where what is owed is remembered.
    pub store: Store,
    /// Who tells.
    pub sink: Sink,
    /// The time.
    pub clock: Clock,
    /// Rung when something new is owed.
    pub nudge: Arc<Notify>,
    /// Spreads the waits.
    pub chance: fastrand::Rng,
}

/// A delivery that is not under way any more.
struct Done {
    delivery: DeliveryId,
    unauthorized: bool,
}

impl Worker {
    /// Delivers what is owed until `stop`, then finishes what is under way, as far as that is quick.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Halted> {
        let mut under_way = FuturesUnordered::new();
        let mut held: HashMap<DeliveryId, ChannelId> = HashMap::new();
        let mut chance = self.chance.fork();
        let this = &self;
        loop {
            let mut done: Vec<Done> = Vec::new();
            let (leased, pause) = {
                let look = this.look(&held);
                tokio::pin!(look);
                // What is under way goes on meanwhile: it may hold the very lock that the look waits for.
                loop {
                    tokio::select! {
                        looked = &mut look => break looked,
                        Some(one) = under_way.next(), if !under_way.is_empty() => done.push(one),
                    }
                }
            };
            for delivery in leased {
                held.insert(delivery.id, delivery.channel);
                under_way.push(this.attempt(delivery, chance.f64()));
            }
            if done.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => break,
                    Some(one) = under_way.next(), if !under_way.is_empty() => done.push(one),
                    () = this.nudge.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            for one in done {
                if one.unauthorized {
                    return Err(Halted::Unauthorized);
                }
                held.remove(&one.delivery);
            }
        }
        let left = async { while under_way.next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, left).await.is_err() {
            tracing::warn!("stopped with deliveries under way; they go on at the next start");
        }
        Ok(())
    }

    /// Leases what is due, and says how long nothing more will be.
    async fn look(&self, held: &HashMap<DeliveryId, ChannelId>) -> (Vec<Delivery>, Duration) {
        let at = self.clock.now();
        let mut in_flight: HashMap<ChannelId, usize> = HashMap::new();
        for channel in held.values() {
            *in_flight.entry(*channel).or_default() += 1;
        }
        let request = LeaseRequest {
            at,
            until: at.after(LEASE),
            slots: MAX_IN_FLIGHT.saturating_sub(held.len()),
            per_channel: MAX_PER_CHANNEL,
            in_flight: in_flight.into_iter().collect(),
            held: held.keys().copied().collect(),
        };
        let leased = match self.store.lease(request).await {
            Ok(leased) => leased,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                return (Vec::new(), IDLE_LOOK);
            }
        };
        let due = self.store.next_due(at).await.unwrap_or_default();
        let pause = due.map_or(IDLE_LOOK, |due| self.clock.until(due).clamp(SHORTEST_LOOK, IDLE_LOOK));
        (leased, pause)
    }

    async fn attempt(&self, delivery: Delivery, chance: f64) -> Done {
        let message = render::announcement(&delivery.stream, &delivery.profile, self.clock.now());
        let nonce =
            nonce::nonce(self.store.installation(), delivery.id, delivery.channel, delivery.decided_at);
        let outcome = self.sink.deliver(&delivery, &message, &nonce).await;
        let at = self.clock.now();
        let wait = match &outcome {
            Outcome::RetryAfter { asked, .. } => retry::wait(delivery.attempt, *asked, chance),
            _ => Duration::ZERO,
        };
        report(&delivery, &outcome, at.since(delivery.decided_at), wait);
        let done = Done { delivery: delivery.id, unauthorized: outcome == Outcome::Unauthorized };
        self.settle(Settlement { delivery: delivery.id, outcome, retry_at: at.after(wait), at }).await;
        done
    }

    async fn settle(&self, settlement: Settlement) {
        while let Err(error) = self.store.settle(settlement.clone()).await {
            tracing::error!(delivery = %settlement.delivery, error = &error as &dyn std::error::Error,
                "an outcome cannot be remembered; trying again");
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }
}

fn report(delivery: &Delivery, outcome: &Outcome, took: Duration, wait: Duration) {
    let Delivery { id, session, guild, channel, attempt, stream, .. } = delivery;
    let streamer = &stream.login;
    match outcome {
        Outcome::Delivered(message) => {
            let posted = message.map(MessageId::get);
            tracing::info!(delivery = %id, %session, %guild, %channel, %streamer, attempt, posted, ?took, "announced");
        }
        Outcome::RetryAfter { why, .. } => {
            tracing::warn!(delivery = %id, %session, %guild, %channel, %streamer, attempt, why, ?wait,
                "not announced yet");
        }
        Outcome::Refused(refusal) => {
            tracing::warn!(delivery = %id, %session, %guild, %channel, %streamer, attempt, %refusal, "refused");
        }
        Outcome::Unauthorized => {
            tracing::error!(delivery = %id, "Discord refuses the bot's token (DISCORD_TOKEN)");
        }
    }
}
