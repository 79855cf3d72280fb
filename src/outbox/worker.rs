//! The worker: leases what is due, renders it, has it sent, settles what came of it. Each delivery is a job of its own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{doubt, late, nonce, retry};
use crate::clock::Clock;
use crate::domain::{
    Delivery, DeliveryId, Doubt, DoubtPolicy, Happening, LatePolicy, Mentioned, MessageId, Outcome, Refusal,
    Timestamp, UserId,
};
use crate::render::{self, Manner, Message};
use crate::sinks::{Attempt, Sight, Sink};
use crate::store::{Held, LeaseRequest, Settlement, Store};

/// Deliveries under way at most. Discord takes 50 requests a second and an unanswered one is given up after 15 s, so
/// this many cannot all be stuck in broken channels.
const MAX_IN_FLIGHT: usize = 768;

/// Deliveries under way in one channel at most: what Discord takes there at once. The others leave room for other servers.
const MAX_PER_CHANNEL: usize = 5;

/// Deliveries of one transition under way at most. What is left is for others, whatever becomes of a great fan-out.
const MAX_PER_TRANSITION: usize = MAX_IN_FLIGHT - 64;

/// How long a lease lasts after its holder is gone: longer than waiting for a turn and the request together. What the worker
/// itself holds does not run out, however long it takes.
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
    /// Rung when a route is paused.
    pub errands: Arc<Notify>,
    /// Where it is said what was announced.
    pub happenings: mpsc::Sender<Happening>,
    /// Spreads the waits.
    pub chance: fastrand::Rng,
}

/// A delivery that is not under way any more.
struct Done {
    delivery: DeliveryId,
    attempt: u32,
    unauthorized: bool,
}

/// What is known of an attempt when it is over.
struct Tried {
    attempt: Attempt,
    /// The first attempt of which nobody knows whether it succeeded.
    unsure_since: Option<Timestamp>,
    doubt: Option<Doubt>,
}

impl Worker {
    /// Delivers what is owed until `stop`, then finishes what is under way, as far as that is quick.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Halted> {
        let mut under_way = FuturesUnordered::new();
        let mut held: HashMap<DeliveryId, Held> = HashMap::new();
        let mut chance = self.chance.fork();
        let mut refused = false;
        let this = &self;
        while !(refused || stop.is_cancelled()) {
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
                held.insert(delivery.id, Held::from(&delivery));
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
                refused |= one.unauthorized;
                // It may be under way again: settled, due at once and leased before this was looked at.
                if held.get(&one.delivery).is_some_and(|held| held.attempt == one.attempt) {
                    held.remove(&one.delivery);
                }
            }
        }
        // What only waits for its turn comes back undone and is settled so. It would be in doubt otherwise.
        self.sink.stop();
        let left = async {
            while let Some(one) = under_way.next().await {
                refused |= one.unauthorized;
            }
        };
        if tokio::time::timeout(DRAIN, left).await.is_err() {
            tracing::warn!("stopped with deliveries under way; they go on at the next start");
        }
        if refused { Err(Halted::Unauthorized) } else { Ok(()) }
    }

    /// Leases what is due, and says how long nothing more will be.
    async fn look(&self, held: &HashMap<DeliveryId, Held>) -> (Vec<Delivery>, Duration) {
        let at = self.clock.now();
        let request = LeaseRequest {
            at,
            until: at.after(LEASE),
            slots: MAX_IN_FLIGHT.saturating_sub(held.len()),
            per_channel: MAX_PER_CHANNEL,
            per_transition: MAX_PER_TRANSITION,
            held: held.values().copied().collect(),
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

    /// Makes one attempt and remembers what came of it.
    async fn attempt(&self, delivery: Delivery, chance: f64) -> Done {
        let tried = self.dispel_doubt(&delivery).await;
        let Tried { attempt, unsure_since, doubt } = tried;
        let Attempt { outcome, sent_at, there, is_silent, posted_in } = attempt;
        let at = self.clock.now();
        let wait = match &outcome {
            Outcome::RetryAfter { asked, .. } => retry::wait(delivery.attempt, *asked, chance),
            Outcome::Refused(refusal) if refusal.pauses_route() => retry::recheck(chance),
            _ => Duration::ZERO,
        };
        if let Outcome::Delivered(_) = outcome
            && delivery.answers.is_none()
        {
            let (stream, started_at) = (delivery.stream.id.clone(), delivery.stream.started_at);
            // What does not fit is not counted.
            let _ = self.happenings.try_send(Happening::Announced { stream, started_at, at });
        }
        report(&delivery, &outcome, doubt, at.since(delivery.decided_at), wait);
        let done = Done {
            delivery: delivery.id,
            attempt: delivery.attempt,
            unauthorized: outcome == Outcome::Unauthorized,
        };
        let retry_at = at.after(wait);
        // Discord names no message that is gone: there is nothing to answer. Neither is one that notified nobody, whatever it
        // would do now.
        let may_answer =
            delivery.answers.is_none() && !is_silent && matches!(outcome, Outcome::Delivered(Some(_)));
        let replies = if may_answer { replies(&delivery.members, &there) } else { Vec::new() };
        let mentioned = Mentioned { there, replies };
        let forum_tag = delivery.preferences.forum_tag;
        let settlement = Settlement {
            delivery: delivery.id,
            outcome,
            retry_at,
            at,
            sent_at,
            posted_in,
            forum_tag,
            unsure_since,
            doubt,
            mentioned,
        };
        self.settle(settlement).await;
        done
    }

    /// Finds out first, if it has to be found out, whether an earlier attempt has succeeded, and sends if it has not.
    async fn dispel_doubt(&self, delivery: &Delivery) -> Tried {
        let now = self.clock.now();
        let Some(unsure_since) = delivery.unsure_since else {
            return self.send(delivery, None, None, None).await;
        };
        // What is wanted no more is looked for all the same: if it stands there, it has to be kept up to date.
        let is_wanted = !delivery.is_over && is_wanted(delivery, manner(delivery, now));
        if let Some(until) = doubt::may_repeat_until(unsure_since, now)
            && is_wanted
            && self.sink.recognises(delivery)
        {
            return self.send(delivery, Some(unsure_since), Some(until), None).await;
        }
        let settled = |attempt, doubt| Tried { attempt, unsure_since: Some(unsure_since), doubt };
        match self.sink.find(delivery).await {
            Sight::There { message, mentioned: there, is_silent, posted_in } => {
                let outcome = Outcome::Delivered(Some(message));
                settled(Attempt { outcome, sent_at: None, there, is_silent, posted_in }, Some(Doubt::Found))
            }
            Sight::NotThere => match doubt::look_again_in(unsure_since, self.clock.now()) {
                Some(wait) => {
                    let why = "Discord's answer was lost, and the announcement may still come".to_owned();
                    let later = Outcome::RetryAfter { asked: Some(wait), why, perhaps_done: true };
                    settled(Attempt::vain(later), None)
                }
                None if delivery.is_over => {
                    Tried { attempt: Attempt::vain(Outcome::Over), unsure_since: None, doubt: None }
                }
                // All earlier attempts have failed then, and what follows is a first one again.
                None => self.send(delivery, None, None, Some(Doubt::NotThere)).await,
            },
            Sight::Unknowable => match delivery.doubt {
                DoubtPolicy::Twice if is_wanted => {
                    self.send(delivery, Some(unsure_since), None, Some(Doubt::SentAgain)).await
                }
                DoubtPolicy::Twice | DoubtPolicy::Never => {
                    settled(Attempt::vain(Outcome::KeptBack), Some(Doubt::KeptBack))
                }
            },
            Sight::Failed(Outcome::RetryAfter { .. })
                if delivery.is_over && delivery.attempt >= retry::MOST_AT_THE_END =>
            {
                settled(Attempt::vain(Outcome::KeptBack), Some(Doubt::KeptBack))
            }
            Sight::Failed(outcome) => settled(Attempt::vain(outcome), None),
        }
    }

    /// Sends, unless it is late and the server wants no late ones.
    async fn send(
        &self,
        delivery: &Delivery,
        unsure_since: Option<Timestamp>,
        not_after: Option<Timestamp>,
        doubt: Option<Doubt>,
    ) -> Tried {
        let began = self.clock.now();
        let manner = manner(delivery, began);
        let is_reply = delivery.answers.is_some();
        if unsure_since.is_none() && !is_wanted(delivery, manner) {
            return Tried { attempt: Attempt::vain(Outcome::Skipped), unsure_since, doubt };
        }
        let Delivery { stream, profile, preferences, members, .. } = delivery;
        let message = if is_reply {
            render::reply(members, delivery.answers)
        } else {
            with_members(render::announcement(stream, profile, preferences, began, manner), members)
        };
        let nonce =
            nonce::nonce(self.store.installation(), delivery.id, delivery.channel, delivery.decided_at);
        // From when on it may be there. It can wait for its turn for a minute.
        let went_at = OnceLock::new();
        let goes = async {
            let is_owed = self.is_owed(delivery.id).await;
            let _ = went_at.set(self.clock.now());
            is_owed
        };
        let mut attempt = self.sink.deliver(delivery, &message, &nonce, not_after, goes).await;
        if attempt.outcome == Outcome::Refused(Refusal::InvalidMessage) && !is_reply {
            // Something in it is not to Discord's taste. Who wants to know that somebody is live is better served by a
            // plain link than by nothing.
            let plain = with_members(render::reduced(stream, preferences, manner), members);
            attempt = self.sink.deliver(delivery, &plain, &nonce, not_after, self.is_owed(delivery.id)).await;
        }
        let unsure = matches!(attempt.outcome, Outcome::RetryAfter { perhaps_done: true, .. });
        // It is sent again only if it goes out.
        let went_out = unsure || matches!(attempt.outcome, Outcome::Delivered(_));
        let doubt = doubt.filter(|doubt| went_out || *doubt != Doubt::SentAgain);
        let went_at = went_at.get().copied().unwrap_or(began);
        let unsure_since = if unsure { unsure_since.or(Some(went_at)) } else { unsure_since };
        Tried { attempt, unsure_since, doubt }
    }

    /// Whether a delivery that waited for its turn is still owed. Not when that cannot be found out: what came of it could
    /// not be remembered either.
    async fn is_owed(&self, delivery: DeliveryId) -> bool {
        self.store.is_owed(delivery).await.unwrap_or_else(|error| {
            tracing::error!(%delivery, error = &error as &dyn std::error::Error, "the outbox cannot be read");
            false
        })
    }

    async fn settle(&self, settlement: Settlement) {
        loop {
            match self.store.settle(settlement.clone()).await {
                Ok(paused) => {
                    if let Some(route) = paused {
                        let (guild, channel) = (route.guild, route.channel);
                        tracing::warn!(%guild, %channel, "the channel refuses; nothing is sent there until it is open again");
                        self.errands.notify_one();
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(delivery = %settlement.delivery, error = &error as &dyn std::error::Error,
                        "an outcome cannot be remembered; trying again");
                    tokio::time::sleep(SETTLE_PAUSE).await;
                }
            }
        }
    }
}

/// How a delivery is made that goes out then.
fn manner(delivery: &Delivery, at: Timestamp) -> Manner {
    let late = late::late_by(delivery.owed_since, delivery.stream.started_at, at);
    let is_silent = delivery.is_quiet_rerun() || (late.is_some() && delivery.late == LatePolicy::Quiet);
    Manner { late, is_silent }
}

/// Whether the server wants a delivery that goes out in this manner. A reply that notifies nobody says nothing, so there is no
/// quiet one.
fn is_wanted(delivery: &Delivery, manner: Manner) -> bool {
    let is_reply = delivery.answers.is_some();
    manner.late.is_none() || !(delivery.late == LatePolicy::Skip || (is_reply && manner.is_silent))
}

/// A message that mentions these members as well, as many as have room.
fn with_members(mut message: Message, members: &[UserId]) -> Message {
    // Whoever has none is found out by what stands in the channel in the end, which may be another attempt's.
    let _ = render::mention_members(&mut message, members);
    message
}

/// The replies that are owed to those of the members who are not there.
fn replies(members: &[UserId], there: &[UserId]) -> Vec<Vec<UserId>> {
    let there: HashSet<UserId> = there.iter().copied().collect();
    let left: Vec<UserId> = members.iter().copied().filter(|member| !there.contains(member)).collect();
    left.chunks(render::MAX_MEMBERS).map(<[UserId]>::to_vec).collect()
}

fn report(delivery: &Delivery, outcome: &Outcome, doubt: Option<Doubt>, took: Duration, wait: Duration) {
    let Delivery { id, session, guild, channel, attempt, stream, .. } = delivery;
    let streamer = &stream.login;
    let doubt = doubt.map(Doubt::as_str);
    match outcome {
        Outcome::Delivered(message) => {
            let posted = message.map(MessageId::get);
            tracing::info!(delivery = %id, %session, %guild, %channel, %streamer, attempt, posted, ?took, doubt, "announced");
        }
        Outcome::RetryAfter { why, .. } => {
            tracing::warn!(delivery = %id, %session, %guild, %channel, %streamer, attempt, why, ?wait, doubt,
                "not announced yet");
        }
        Outcome::Refused(refusal) => {
            tracing::warn!(delivery = %id, %session, %guild, %channel, %streamer, attempt, %refusal, "refused");
        }
        Outcome::Skipped => {
            tracing::info!(delivery = %id, %session, %guild, %channel, %streamer, "not announced: it is late");
        }
        Outcome::KeptBack => {
            tracing::warn!(delivery = %id, %session, %guild, %channel, %streamer, attempt, doubt,
                "not announced again: it may be there already");
        }
        Outcome::Over => {
            tracing::info!(delivery = %id, %session, %guild, %channel, %streamer, attempt, "not announced: the stream is over");
        }
        Outcome::Unauthorized => {
            tracing::error!(delivery = %id, "Discord refuses the bot's token (DISCORD_TOKEN)");
        }
    }
}
