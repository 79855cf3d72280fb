//! The story on one screen: gather what is known, decide what follows, commit it, nudge the outbox.
//!
//! One consumer takes one observation at a time, so nobody goes live twice.

mod holding;
mod planning;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use crate::audience::Patterns;
use crate::clock::Clock;
use crate::detect::{self, Conclusion, Known};
use crate::domain::{
    BroadcasterId, Happening, HeldBy, Observation, Owed, Seen, SessionId, Sighting, Source, StreamId, Watch,
};
use crate::store::{Change, Decision, Store, StoreError};
use holding::Holding;

/// Observations that may wait; a source that finds the queue full waits.
pub const MAX_WAITING: usize = 64;

/// Turns observations into what is owed.
#[derive(Debug)]
pub struct Pipeline {
    store: Store,
    clock: Clock,
    grace: Duration,
    nudge: Arc<Notify>,
    happenings: mpsc::Sender<Happening>,
    fresh: Fresh,
    holding: Holding,
    patterns: Patterns,
    taken: watch::Sender<usize>,
}

/// The watches whose streamer has not been looked at yet, read again when the watches change.
#[derive(Debug, Default)]
struct Fresh {
    generation: u64,
    watches: HashMap<BroadcasterId, Vec<Watch>>,
}

/// The watches that a decision is about.
struct Gathered {
    /// Of those whose session begins or begins again.
    all: HashMap<BroadcasterId, Vec<Watch>>,
    /// Of those whose session goes on and may have to be held back no longer.
    held: HashMap<BroadcasterId, Vec<(Watch, Option<HeldBy>)>>,
}

impl Pipeline {
    /// A pipeline in which who is gone for less than `grace` never left. It rings `nudge` when something is owed, and says to
    /// `happenings` who saw whom first.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        grace: Duration,
        nudge: Arc<Notify>,
        happenings: mpsc::Sender<Happening>,
    ) -> Self {
        Self {
            store,
            clock,
            grace,
            nudge,
            happenings,
            fresh: Fresh::default(),
            holding: Holding::default(),
            patterns: Patterns::default(),
            taken: watch::Sender::new(0),
        }
    }

    /// How many observations of the poll have been taken so far, with everything that follows from them.
    #[must_use]
    pub fn taken(&self) -> watch::Receiver<usize> {
        self.taken.subscribe()
    }

    /// Takes observations until no source is left.
    pub async fn run(mut self, mut observations: mpsc::Receiver<Observation>) {
        while let Some(observation) = observations.recv().await {
            // What could not be remembered has not happened; the next look shows it again.
            if let Err(error) = self.take(&observation).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an observation could not be remembered"
                );
            }
            if observation.source == Source::Poll {
                self.taken.send_modify(|taken| *taken += 1);
            }
        }
    }

    /// Takes one observation: after this, everything that follows from it is remembered.
    pub async fn take(&mut self, observation: &Observation) -> Result<(), StoreError> {
        // First the new watches, then all: one that is made in between is owed at once and found owed later.
        self.gather_fresh().await?;
        self.holding.load(&self.store).await?;
        if observation.source == Source::Poll {
            self.store.board().looked(observation.at);
        }
        let conclusions = self.conclude(observation).await?;
        let all = self.gather_watches(&conclusions).await?;
        let held = self.gather_held(&conclusions).await?;
        let decision = self.decide(observation, conclusions, Gathered { all, held });
        if decision.changes.is_empty() {
            return Ok(());
        }
        if self.commit(decision).await? > 0 {
            self.nudge.notify_one();
        }
        Ok(())
    }

    /// Commits everything together, or, when one change breaks a rule of the store, each for itself: one streamer's trouble
    /// must not keep a hundred others from being announced.
    async fn commit(&mut self, decision: Decision) -> Result<usize, StoreError> {
        let decision = Arc::new(decision);
        let error = match self.store.commit(Arc::clone(&decision)).await {
            Ok(owed) => {
                self.tell(&decision, &decision.changes);
                return Ok(owed);
            }
            Err(error) => error,
        };
        // New watches may have been taken off the list for nothing: read it again. And who is held back may be another.
        self.fresh.generation = 0;
        self.holding.forget();
        if !error.is_about_content() {
            return Err(error);
        }
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a change cannot be remembered; trying one by one"
        );
        let mut owed = 0;
        for change in &decision.changes {
            let alone = Decision { changes: vec![change.clone()], ..*decision };
            match self.store.commit(alone).await {
                Ok(more) => {
                    self.tell(&decision, std::slice::from_ref(change));
                    owed += more;
                }
                Err(error) if error.is_about_content() => {
                    tracing::error!(error = &error as &dyn std::error::Error, "one change is left out");
                }
                Err(error) => {
                    self.nudge.notify_one();
                    return Err(error);
                }
            }
        }
        Ok(owed)
    }

    /// Concludes from every sighting. Those that change nothing leave only the viewers on the board.
    async fn conclude<'a>(
        &mut self,
        observation: &'a Observation,
    ) -> Result<Vec<(&'a Sighting, Conclusion)>, StoreError> {
        let board = self.store.board();
        let strange = board.with(|open| {
            let strange = |sighting: &Sighting| match &sighting.seen {
                Seen::Live(stream) | Seen::Told(stream) => {
                    let known = open.get(&sighting.broadcaster).is_some_and(|open| open.has(&stream.id));
                    (!known).then(|| stream.id.clone())
                }
                Seen::Absent => None,
            };
            observation.sightings.iter().filter_map(strange).collect::<Vec<StreamId>>()
        });
        let ended = self.store.ended_sessions_with(strange).await?;
        let conclusions = board.with(|open| {
            let conclude = |sighting: &'a Sighting| {
                let ended_with_this_stream = match &sighting.seen {
                    Seen::Live(stream) | Seen::Told(stream) => ended.get(&stream.id).copied(),
                    Seen::Absent => None,
                };
                let known = Known { open: open.get(&sighting.broadcaster), ended_with_this_stream };
                (sighting, detect::conclude(known, sighting, observation.at, self.grace))
            };
            observation.sightings.iter().map(conclude).collect::<Vec<_>>()
        });
        for (sighting, conclusion) in &conclusions {
            if let (Seen::Live(stream), Conclusion::Unchanged) = (&sighting.seen, conclusion) {
                board.saw(stream, observation.at);
            }
        }
        Ok(conclusions)
    }

    /// The watches of everybody whose session begins or begins again.
    async fn gather_watches(
        &mut self,
        conclusions: &[(&Sighting, Conclusion)],
    ) -> Result<HashMap<BroadcasterId, Vec<Watch>>, StoreError> {
        let newly_live = conclusions.iter().filter(|(_, conclusion)| {
            matches!(conclusion, Conclusion::Began(_) | Conclusion::Replaced(_) | Conclusion::Reopened(..))
        });
        let broadcasters = newly_live.map(|(sighting, _)| sighting.broadcaster.clone()).collect();
        Ok(by_broadcaster(self.store.watches_of(broadcasters).await?))
    }

    fn decide(
        &mut self,
        observation: &Observation,
        conclusions: Vec<(&Sighting, Conclusion)>,
        mut gathered: Gathered,
    ) -> Decision {
        let mut changes = Vec::new();
        for (sighting, conclusion) in conclusions {
            let broadcaster = &sighting.broadcaster;
            let known = self
                .store
                .board()
                .with(|open| open.get(broadcaster).map(|session| (session.id, session.last_seen_at)));
            let open = known.map(|(session, _)| session);
            let watches = gathered.all.remove(broadcaster).unwrap_or_default();
            let held = gathered.held.remove(broadcaster).unwrap_or_default();
            let fresh = self.fresh_of(sighting, &conclusion, open);
            // How those are planned for who join a session that goes on.
            let now = open.filter(|_| !held.is_empty() || !fresh.is_empty()).and_then(|session| {
                let (Conclusion::Continued(stream) | Conclusion::Shown(stream)) = &conclusion else {
                    let is_on = matches!(conclusion, Conclusion::Unchanged);
                    let live = self.store.board().live(broadcaster).filter(|_| is_on)?;
                    return Some((session, Box::new(live.stream)));
                };
                Some((session, stream.clone()))
            });
            match (conclusion, open) {
                (Conclusion::Began(stream), _) => {
                    let owed = self.plan_all(watches, &stream).owed;
                    changes.push(Change::Began { stream, owed, replaces: None });
                }
                (Conclusion::Replaced(stream), replaces) => {
                    let owed = self.plan_all(watches, &stream).owed;
                    changes.push(Change::Began { stream, owed, replaces });
                }
                (Conclusion::Reopened(session, stream), _) => {
                    let owed = self.plan_all(watches, &stream).owed;
                    changes.push(Change::Reopened { session, stream, owed });
                }
                (Conclusion::Continued(stream), Some(session)) => {
                    changes.push(Change::Continued { session, stream });
                }
                (Conclusion::Shown(stream), Some(session)) => {
                    changes.push(Change::Shown { session, stream });
                }
                (Conclusion::Missed, Some(session)) => {
                    let last_seen_at = known.map_or(observation.at, |(_, last_seen_at)| last_seen_at);
                    let broadcaster = broadcaster.clone();
                    changes.push(Change::Missed { session, broadcaster, last_seen_at });
                }
                (Conclusion::Ended, Some(session)) => {
                    self.holding.over(broadcaster);
                    changes.push(Change::Ended { session, broadcaster: broadcaster.clone() });
                }
                _ => {}
            }
            if let Some((session, stream)) = &now {
                changes.extend(self.reconsider(*session, stream, held));
            }
            if !fresh.is_empty() {
                changes
                    .push(self.catch_up(fresh, now.as_ref().map(|(session, stream)| (*session, &**stream))));
            }
        }
        Decision { at: observation.at, decided_at: self.clock.now(), source: observation.source, changes }
    }

    /// The new watches of somebody about whom a look has decided. It has not about who is missed and may come back.
    fn fresh_of(
        &mut self,
        sighting: &Sighting,
        conclusion: &Conclusion,
        open: Option<SessionId>,
    ) -> Vec<Watch> {
        let is_decided = match (&sighting.seen, conclusion) {
            (Seen::Live(_), _) | (Seen::Absent, Conclusion::Ended) => true,
            // A message that changes nothing may be an old one.
            (Seen::Told(_), conclusion) => !matches!(conclusion, Conclusion::Unchanged),
            (Seen::Absent, Conclusion::Unchanged | Conclusion::Missed) => open.is_none(),
            (Seen::Absent, _) => false,
        };
        if is_decided {
            self.fresh.watches.remove(&sighting.broadcaster).unwrap_or_default()
        } else {
            Vec::new()
        }
    }

    /// Says what is remembered now.
    fn tell(&self, decision: &Decision, changes: &[Change]) {
        tell(changes);
        for change in changes {
            if let Change::Began { stream, .. } = change {
                let (broadcaster, at) = (stream.broadcaster.clone(), decision.decided_at);
                // What does not fit is not counted.
                let _ =
                    self.happenings.try_send(Happening::Began { broadcaster, source: decision.source, at });
            }
        }
    }

    async fn gather_fresh(&mut self) -> Result<(), StoreError> {
        let generation = self.store.watches_generation();
        if self.fresh.generation != generation {
            self.fresh.watches = by_broadcaster(self.store.fresh_watches().await?);
            self.fresh.generation = generation;
        }
        Ok(())
    }
}

fn by_broadcaster(watches: Vec<Watch>) -> HashMap<BroadcasterId, Vec<Watch>> {
    let mut grouped: HashMap<BroadcasterId, Vec<Watch>> = HashMap::new();
    for watch in watches {
        grouped.entry(watch.key.broadcaster.clone()).or_default().push(watch);
    }
    grouped
}

fn tell(changes: &[Change]) {
    for change in changes {
        match change {
            Change::Began { stream, owed, .. } => {
                let (deliveries, held) = count(owed);
                tracing::info!(streamer = %stream.login, stream = %stream.id, deliveries, held, "went live");
            }
            Change::Reopened { session, stream, .. } => {
                tracing::info!(%session, streamer = %stream.login, stream = %stream.id, "is back after all");
            }
            Change::Continued { session, stream } => {
                tracing::debug!(%session, streamer = %stream.login, stream = %stream.id, "goes on");
            }
            Change::Shown { session, stream } => {
                tracing::info!(%session, streamer = %stream.login, stream = %stream.id, "Twitch shows what was announced");
            }
            Change::Missed { session, broadcaster, .. } => tracing::debug!(%session, %broadcaster, "missed"),
            Change::Ended { session, broadcaster } => tracing::info!(%session, %broadcaster, "ended"),
            Change::CaughtUp { owed, session: Some(session), .. } => {
                let (deliveries, held) = count(owed);
                tracing::info!(%session, deliveries, held, "already live for new watches");
            }
            Change::Reconsidered { session, stream, owed } => {
                let (deliveries, held) = count(owed);
                tracing::info!(%session, streamer = %stream.login, deliveries, held, "filters say something else now");
            }
            Change::CaughtUp { session: None, .. } => {}
        }
    }
}

/// How many are owed word, and how many filters hold back.
fn count(owed: &[Owed]) -> (usize, usize) {
    let held = owed.iter().filter(|owed| owed.held_by.is_some()).count();
    (owed.len() - held, held)
}
