//! Brings announcements up to date that stand in their channels, to their end. Nobody waits for it, and whoever announces goes
//! first.
//!
//! An edit says all that the message is to say, so making it twice changes nothing: nothing is leased, and one that was under
//! way when the process died is made again. The same holds for deleting a message and for publishing it.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::{Halted, late, retry};
use crate::clock::Clock;
use crate::domain::{ChannelId, DeliveryId, OnEnd, Publication, Revision};
use crate::render::{self, Manner, Message};
use crate::sinks::{Revised, Sink};
use crate::store::{Store, StoreError};

/// Edits, deletions and publications under way at most. Each takes about a tenth of a second, so these use up the twenty a second that may go out; more
/// would only stand in the queue.
const MAX_IN_FLIGHT: usize = 4;

/// How often it is looked whether there is something to revise. An announcement that waits for its viewers so much longer
/// is missed by nobody.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// The shortest time between two looks.
const SHORTEST_LOOK: Duration = Duration::from_millis(200);

/// Attempts after which a revision is given up: about an hour of them when Discord fails, when what it would add is old news.
pub(super) const MAX_ATTEMPTS: u32 = 64;

/// How long an edit waits that a missing right or a lock refuses. Nothing tells when that is lifted, and each time the refusal
/// counts against the bot (Discord, Rate Limits, "Invalid Request Limit"); with [`MAX_ATTEMPTS`] it is waited for ten hours.
const REFUSED_AGAIN: Duration = Duration::from_mins(10);

/// How long what is under way may take to finish when the program stops.
const DRAIN: Duration = Duration::from_secs(3);

/// The pause between two attempts to remember what came of an edit. They go on until the disk takes it: else the same edit
/// would be made again and again.
pub(super) const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// Carries out revisions and publications until it is stopped.
#[derive(Debug)]
pub struct Revisions {
    /// Where they are remembered.
    pub store: Store,
    /// Who edits.
    pub sink: Sink,
    /// The time.
    pub clock: Clock,
    /// Spreads the waits.
    pub chance: fastrand::Rng,
}

/// Something that is to be done to an announcement that stands.
enum Task {
    Revise(Box<Revision>),
    Publish(Publication),
}

impl Task {
    fn place(&self) -> (DeliveryId, ChannelId) {
        match self {
            Self::Revise(revision) => (revision.delivery, revision.channel),
            Self::Publish(publication) => (publication.delivery, publication.channel),
        }
    }
}

/// A task that is not under way any more.
pub(super) struct Done {
    pub(super) delivery: DeliveryId,
    pub(super) unauthorized: bool,
}

/// What is to become of an announcement.
enum Wanted {
    /// It says this.
    Says(Box<Message>),
    /// It is not there.
    Gone,
    /// It stays as it is.
    AsItIs,
}

impl Revisions {
    /// Carries out what is wished for until `stop`, then finishes what is under way, as far as that is quick.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Halted> {
        let mut under_way = FuturesUnordered::new();
        // One in a channel at a time, so that a newer edit never overtakes an older one.
        let mut held: HashMap<DeliveryId, ChannelId> = HashMap::new();
        let mut chance = self.chance.fork();
        let mut refused = false;
        let this = &self;
        while !(refused || stop.is_cancelled()) {
            let mut done: Vec<Done> = Vec::new();
            let (due, pause) = {
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
            for task in due {
                let (delivery, channel) = task.place();
                held.insert(delivery, channel);
                under_way.push(this.attempt(task, chance.f64()));
            }
            if done.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => break,
                    Some(one) = under_way.next(), if !under_way.is_empty() => done.push(one),
                    () = tokio::time::sleep(pause) => {}
                }
            }
            for one in done {
                refused |= one.unauthorized;
                held.remove(&one.delivery);
            }
        }
        let left = async {
            while let Some(one) = under_way.next().await {
                refused |= one.unauthorized;
            }
        };
        if tokio::time::timeout(DRAIN, left).await.is_err() {
            tracing::info!("stopped with edits under way; they are made again at the next start");
        }
        if refused { Err(Halted::Unauthorized) } else { Ok(()) }
    }

    /// What is to be done now, and how long nothing more will be.
    async fn look(&self, held: &HashMap<DeliveryId, ChannelId>) -> (Vec<Task>, Duration) {
        let at = self.clock.now();
        let room = MAX_IN_FLIGHT.saturating_sub(held.len());
        if room == 0 {
            return (Vec::new(), IDLE_LOOK);
        }
        let looked = async {
            // Nearly always there is nothing, and that is to cost one question.
            let first = self.store.first_aftercare().await?;
            if first.is_none_or(|due| due > at) {
                return Ok((Vec::new(), first));
            }
            // What is published late is no news in the servers that follow; an edit can wait.
            let mut busy: Vec<ChannelId> = held.values().copied().collect();
            let publications = self.store.publications_due(at, room, busy.clone()).await?;
            busy.extend(publications.iter().map(|publication| publication.channel));
            let room = room - publications.len();
            let revisions = self.store.revisions_due(at, room, busy).await?;
            let next = [self.store.next_revision(at).await?, self.store.next_publication(at).await?];
            let revisions = revisions.into_iter().map(|revision| Task::Revise(Box::new(revision)));
            let due = publications.into_iter().map(Task::Publish).chain(revisions).collect::<Vec<_>>();
            Ok::<_, StoreError>((due, next.into_iter().flatten().min()))
        };
        match looked.await {
            Ok((due, next)) => {
                let pause = next.map_or(IDLE_LOOK, |due| self.clock.until(due));
                // Behind those of one channel there may be more of others.
                let pause = if due.is_empty() { pause } else { SHORTEST_LOOK };
                (due, pause.clamp(SHORTEST_LOOK, IDLE_LOOK))
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "revisions cannot be read");
                (Vec::new(), IDLE_LOOK)
            }
        }
    }

    async fn attempt(&self, task: Task, chance: f64) -> Done {
        match task {
            Task::Revise(revision) => self.revise(*revision, chance).await,
            Task::Publish(publication) => self.publish(publication, chance).await,
        }
    }

    /// Makes one edit, or deletes the announcement, and remembers what came of it.
    async fn revise(&self, revision: Revision, chance: f64) -> Done {
        let wanted = self.wanted(&revision);
        let revised = match &wanted {
            Wanted::Says(message) => self.sink.revise(&revision, message, self.is_wanted(&revision)).await,
            Wanted::Gone => self.sink.retract(&revision, self.is_wanted(&revision)).await,
            Wanted::AsItIs => Revised::Done,
        };
        report(&revision, &wanted, &revised);
        while let Err(error) = self.settle(&revision, &wanted, &revised, chance).await {
            tracing::error!(delivery = %revision.delivery, error = &error as &dyn std::error::Error,
                "what came of an edit cannot be remembered; trying again");
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
        Done { delivery: revision.delivery, unauthorized: revised == Revised::Unauthorized }
    }

    /// What is to become of an announcement, by what is known now.
    fn wanted(&self, revision: &Revision) -> Wanted {
        if revision.is_reply {
            return Wanted::Gone;
        }
        let Revision { stream, profile, preferences, .. } = revision;
        let sent_at = revision.sent_at.unwrap_or_else(|| self.sink.posted_at(revision.message));
        // It was late then or it was not; it does not become late by being edited.
        let late = late::late_by(revision.owed_since, stream.started_at, sent_at);
        // Whom a rerun did not call when it was posted, it does not mark either.
        let is_silent = preferences.silences(stream);
        let manner = Manner { late, is_silent };
        let Some(ending) = &revision.ending else {
            let now = self.clock.now();
            let mut message = render::announcement(stream, profile, preferences, now, manner);
            // They have been notified. Whoever has no room beside a longer title goes without standing there.
            let _ = render::mention_members(&mut message, &revision.members);
            return Wanted::Says(Box::new(message));
        };
        match preferences.on_end.unwrap_or_default() {
            OnEnd::Edit => {
                Wanted::Says(Box::new(render::ended(stream, profile, preferences, ending, manner)))
            }
            OnEnd::Delete => Wanted::Gone,
            OnEnd::Keep => Wanted::AsItIs,
        }
    }

    /// Whether a revision that waited for its turn is still the latest, and wanted.
    async fn is_wanted(&self, revision: &Revision) -> bool {
        let wanted = self.store.is_revision_wanted(revision.delivery, revision.wish).await;
        wanted.unwrap_or_else(|error| {
            tracing::error!(delivery = %revision.delivery, error = &error as &dyn std::error::Error,
                "revisions cannot be read");
            false
        })
    }

    async fn settle(
        &self,
        revision: &Revision,
        wanted: &Wanted,
        revised: &Revised,
        chance: f64,
    ) -> Result<(), StoreError> {
        let Revision { delivery, wish, attempt, .. } = *revision;
        let now = self.clock.now();
        let most = if revision.ending.is_some() { retry::MOST_AT_THE_END } else { MAX_ATTEMPTS };
        match (revised, wanted) {
            (Revised::Later { asked, .. }, _) if attempt < most => {
                let due_at = now.after(retry::wait(attempt, *asked, chance));
                self.store.revision_waits(delivery, wish, due_at).await
            }
            (Revised::Refused(refusal), _) if refusal.may_be_lifted() && attempt < MAX_ATTEMPTS => {
                let due_at = now.after(retry::wait(attempt, Some(REFUSED_AGAIN), chance));
                self.store.revision_waits(delivery, wish, due_at).await
            }
            (Revised::Done, Wanted::Says(_)) => self.store.revised(delivery, wish, now).await,
            (Revised::Done, Wanted::Gone) => self.store.message_is_gone(delivery, Some(now)).await,
            (Revised::Gone, _) => self.store.message_is_gone(delivery, None).await,
            (Revised::Done | Revised::Refused(_) | Revised::Later { .. }, _) => {
                self.store.revision_is_over(delivery, wish).await
            }
            // With a token that is accepted it is made at the next start.
            (Revised::Unauthorized, _) => Ok(()),
        }
    }
}

fn report(revision: &Revision, wanted: &Wanted, revised: &Revised) {
    let Revision { delivery, session, guild, channel, message, attempt, stream, .. } = revision;
    let streamer = &stream.login;
    match (revised, wanted) {
        (Revised::Done, Wanted::Says(_)) => {
            tracing::info!(%delivery, %session, %guild, %channel, %message, %streamer, attempt, "brought up to date");
        }
        (Revised::Done, Wanted::Gone) => {
            tracing::info!(%delivery, %session, %guild, %channel, %message, %streamer, attempt,
                "deleted: the stream is over");
        }
        (Revised::Done, Wanted::AsItIs) => {
            tracing::debug!(%delivery, %session, %guild, %channel, %message, %streamer, "kept as it is");
        }
        (Revised::Gone, _) => {
            tracing::info!(%delivery, %session, %guild, %channel, %message, %streamer,
                "somebody has deleted the announcement; it is not brought up to date");
        }
        (Revised::Refused(refusal), _) => {
            tracing::warn!(%delivery, %session, %guild, %channel, %message, %streamer, attempt, %refusal,
                "the announcement stays as it is");
        }
        (Revised::Later { why, .. }, _) => {
            tracing::warn!(%delivery, %session, %guild, %channel, %message, %streamer, attempt, why,
                "not brought up to date yet");
        }
        (Revised::Unauthorized, _) => {
            tracing::error!(%delivery, "Discord refuses the bot's token (DISCORD_TOKEN)");
        }
    }
}
