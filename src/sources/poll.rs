//! The poll: looks at every watched streamer in each interval, a hundred a request, and less often at those of whom Twitch
//! pushes that they begin. It concludes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::covered::Covered;
use super::tiers::{self, LIVE_EVERY, Tier};
use crate::clock::Clock;
use crate::domain::{BroadcasterId, Observation, Seen, Session, Sighting, Source, Timestamp};
use crate::store::{LOOKED_AT_EVERY, Store, StoreError, VIEWERS_KEPT_EVERY};
use crate::twitch::{Helix, MAX_IDS, StreamsPage, TwitchError, share_for_the_poll};

/// Batches under way at once: enough that 10,000 streamers take seconds, few enough that Twitch is not hit by a burst.
const CONCURRENCY: usize = 4;

/// Looks at somebody with a new watch before it may be somebody else's turn: what follows from one may not reach the disk.
const FRESH_LOOKS: u8 = 3;

/// What one look at everybody came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleReport {
    /// When it was over.
    pub at: Timestamp,
    /// How many were to be looked at.
    pub streamers: usize,
    /// How many of them were looked at: less than all while Twitch pushes.
    pub due: usize,
    /// How many requests that took.
    pub batches: usize,
    /// How many of them got no answer.
    pub failed: usize,
    /// How many observations have been handed on since the program started.
    pub handed_on: usize,
    /// How many are live.
    pub live: usize,
    /// When the last look was over in which anybody was seen, or nobody was to be looked at.
    pub last_success: Option<Timestamp>,
    /// How often looks are due with that many streamers.
    pub interval: Duration,
}

/// Looks at everybody, again and again.
#[derive(Debug)]
pub struct Poll {
    /// Who is watched.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
    /// How often everybody is to be looked at.
    pub interval: Duration,
    /// How many a request carries: [`MAX_IDS`], or fewer.
    pub batch: usize,
    /// Of whom Twitch pushes that they begin.
    pub covered: Covered,
    /// How long somebody may be gone and still be live. When it is short, two looks have to fit into it.
    pub grace: Duration,
    /// Where observations go. Bounded: a full queue makes the poll wait.
    pub observations: mpsc::Sender<Observation>,
    /// Where each cycle is reported.
    pub reports: watch::Sender<Option<CycleReport>>,
}

/// The watched streamers, read again when the watches change.
#[derive(Debug, Default)]
pub struct Roster {
    generation: u64,
    ids: Arc<[BroadcasterId]>,
    /// Who has a watch for which nobody has looked yet.
    fresh: HashMap<BroadcasterId, u8>,
    /// The time between two cycles, when it is longer than was set.
    interval: Duration,
    /// How many cycles there have been.
    cycles: u64,
    /// When everybody was last looked at in one cycle.
    whole_at: Option<Timestamp>,
}

impl Roster {
    /// Somebody was looked at.
    fn looked_at(&mut self, id: &BroadcasterId) {
        if let Some(left) = self.fresh.get_mut(id) {
            *left -= 1;
            if *left == 0 {
                self.fresh.remove(id);
            }
        }
    }
}

/// The interval at which that many streamers fit the share of the budget that the poll may use: the wanted one, or longer.
#[must_use]
pub fn stretched(wanted: Duration, streamers: usize, points_per_minute: u32) -> Duration {
    let batches = u32::try_from(streamers.div_ceil(MAX_IDS)).unwrap_or(u32::MAX);
    let share = share_for_the_poll(points_per_minute).max(1);
    wanted.max(Duration::from_mins(1).saturating_mul(batches) / share)
}

impl Poll {
    /// Looks at everybody until `stop`, at once for the first time.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look_for_ever() => {}
        }
        self.keep_viewers().await;
    }

    async fn look_for_ever(&mut self) {
        let mut roster = Roster::default();
        let mut interval = self.interval;
        let mut was_failing = false;
        let mut noted_at = None;
        let mut kept_at = self.clock.now();
        let mut last_success = None;
        let mut handed_on = 0;
        loop {
            let began = self.clock.now();
            match self.cycle(&mut roster).await {
                Ok(report) => {
                    if report.failed < report.batches || report.batches == 0 {
                        last_success = Some(report.at);
                    }
                    handed_on += report.handed_on;
                    interval = self.adapt(interval, report.due);
                    roster.interval = interval;
                    was_failing = Self::tell_of_failures(&report, was_failing);
                    self.note_look(&report, &mut noted_at).await;
                    if report.at.since(kept_at) >= VIEWERS_KEPT_EVERY || report.at < kept_at {
                        self.keep_viewers().await;
                        kept_at = report.at;
                    }
                    self.reports.send_replace(Some(CycleReport {
                        handed_on,
                        last_success,
                        interval,
                        ..report
                    }));
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the watches cannot be read");
                }
            }
            let took = self.clock.now().since(began);
            if took > interval {
                tracing::warn!(?took, ?interval, "looking at everybody takes longer than the interval");
            }
            // No longer than that, should the clock have been set back meanwhile.
            let next =
                async { tokio::time::sleep(self.clock.until(began.after(interval)).min(interval)).await };
            tokio::select! {
                () = next => {}
                () = self.only_looks_are_left(&roster, interval) => {}
            }
        }
    }

    /// Returns as soon as Twitch pushes no more, and those are to be looked at who have not been for long.
    async fn only_looks_are_left(&self, roster: &Roster, interval: Duration) {
        self.covered.lost().await;
        // A connection that comes and goes is no reason to look at everybody all the time.
        if let Some(whole_at) = roster.whole_at {
            tokio::time::sleep(self.clock.until(whole_at.after(interval)).min(interval)).await;
        }
    }

    /// Who is to be looked at in this cycle.
    fn due(&self, roster: &Roster) -> Arc<[BroadcasterId]> {
        let now = self.clock.now();
        if roster.cycles == 0 || !self.covered.is_heard(now) {
            return Arc::clone(&roster.ids);
        }
        let board = self.store.board();
        let interval = roster.interval.max(self.interval);
        let two_looks_fit = self.grace >= LIVE_EVERY * 2;
        // Whose look has failed is looked at in the next cycle.
        let was_just_seen = |session: &Session| {
            session.missing_since.is_none() && now.since(session.last_seen_at) < LIVE_EVERY + interval / 2
        };
        let due = self.covered.with(now, |is_relied_on| {
            board.with(|open| {
                let tier = |id: &BroadcasterId| {
                    if roster.fresh.contains_key(id) || !is_relied_on(id) {
                        return Tier::Every;
                    }
                    match open.get(id) {
                        None => Tier::Idle,
                        Some(session) if two_looks_fit && was_just_seen(session) => Tier::Live,
                        Some(_) => Tier::Every,
                    }
                };
                tiers::due(&roster.ids, roster.cycles, interval, self.batch, tier)
            })
        });
        due.into()
    }

    /// Looks once at everybody. Fails only when it cannot be told who is watched.
    pub async fn cycle(&self, roster: &mut Roster) -> Result<CycleReport, StoreError> {
        let generation = self.store.watches_generation();
        if roster.generation != generation {
            roster.ids = self.store.roster().await?.into();
            let fresh = self.store.fresh_watches().await?.into_iter();
            roster.fresh = fresh.map(|watch| (watch.key.broadcaster, FRESH_LOOKS)).collect();
            roster.generation = generation;
        }
        let ids = self.due(roster);
        roster.cycles += 1;
        if ids.len() == roster.ids.len() {
            roster.whole_at = Some(self.clock.now());
        }
        let mut report = CycleReport {
            at: self.clock.now(),
            streamers: roster.ids.len(),
            due: ids.len(),
            batches: ids.len().div_ceil(self.batch),
            failed: 0,
            handed_on: 0,
            live: 0,
            last_success: None,
            interval: self.interval,
        };
        let mut looks = futures_util::stream::iter((0..ids.len()).step_by(self.batch))
            .map(|first| {
                let batch = first..ids.len().min(first + self.batch);
                let ids = Arc::clone(&ids);
                async move {
                    let looked = self.helix.streams(&ids[batch.clone()]).await;
                    (batch, looked)
                }
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((batch, looked)) = looks.next().await {
            match looked {
                Ok(page) => {
                    report.live += page.live.len();
                    report.handed_on += 1;
                    self.note_success();
                    for id in &ids[batch.clone()] {
                        roster.looked_at(id);
                    }
                    let observation = observe(&ids[batch], page, self.clock.now());
                    // The pipeline ends before the poll only when the program stops.
                    let _ = self.observations.send(observation).await;
                }
                Err(error) => {
                    report.failed += 1;
                    tell_of_failure(&error, report.failed);
                }
            }
        }
        report.at = self.clock.now();
        Ok(report)
    }

    /// Shows at once that Twitch answers: with very many streamers or a slow Twitch a whole cycle takes minutes.
    fn note_success(&self) {
        let now = self.clock.now();
        self.reports.send_if_modified(|report| {
            if let Some(report) = report {
                report.last_success = Some(now);
            }
            false
        });
    }

    fn tell_of_failures(report: &CycleReport, was_failing: bool) -> bool {
        let CycleReport { streamers, due, batches, failed, live, .. } = *report;
        if failed > 0 {
            tracing::warn!(
                streamers,
                batches,
                failed,
                "Twitch left requests unanswered; nothing is concluded from that"
            );
        } else if was_failing {
            tracing::info!(streamers, batches, "Twitch answers again");
        } else {
            tracing::debug!(streamers, due, batches, live, "looked");
        }
        failed > 0
    }

    /// Leaves a note, rarely, that somebody is looking; see [`LOOKED_AT_EVERY`].
    async fn note_look(&self, report: &CycleReport, noted_at: &mut Option<Timestamp>) {
        let recently =
            noted_at.is_some_and(|noted| noted <= report.at && report.at.since(noted) < LOOKED_AT_EVERY);
        if recently || report.failed == report.batches {
            return;
        }
        match self.store.note_look(report.at).await {
            Ok(()) => *noted_at = Some(report.at),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the look cannot be noted");
            }
        }
    }

    /// Has it remembered, rarely, how many watch; see [`VIEWERS_KEPT_EVERY`].
    async fn keep_viewers(&self) {
        if let Err(error) = self.store.keep_viewers().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the viewers cannot be remembered");
        }
    }

    fn adapt(&self, before: Duration, due: usize) -> Duration {
        let budget = self.helix.points_per_minute();
        let interval = stretched(self.interval, due, budget);
        if interval != before && interval != self.interval {
            tracing::warn!(due, requests_per_minute = budget, wanted = ?self.interval, ?interval,
                "more streamers than Twitch's request budget allows at the set interval; looking less often");
        } else if interval != before {
            tracing::info!(?interval, "the set interval fits again");
        }
        interval
    }
}

/// Turns an answer into what was seen of everybody who was asked about.
fn observe(asked: &[BroadcasterId], page: StreamsPage, at: Timestamp) -> Observation {
    let expected: HashSet<&BroadcasterId> = asked.iter().collect();
    let mut listed: HashSet<BroadcasterId> = page.unclear.into_iter().collect();
    let mut sightings = Vec::with_capacity(asked.len());
    for stream in page.live {
        // Duplicates are documented, the first one counts; and whoever was not asked for is nobody's business.
        if expected.contains(&stream.broadcaster) && listed.insert(stream.broadcaster.clone()) {
            let broadcaster = stream.broadcaster.clone();
            sightings.push(Sighting { broadcaster, seen: Seen::Live(Box::new(stream)) });
        }
    }
    if !page.has_unreadable {
        let absent = asked.iter().filter(|asked| !listed.contains(*asked)).cloned();
        sightings.extend(absent.map(|broadcaster| Sighting { broadcaster, seen: Seen::Absent }));
    }
    Observation { source: Source::Poll, at, sightings }
}

/// One line for the first failure of a cycle; the others are counted.
fn tell_of_failure(error: &TwitchError, count: usize) {
    if count > 1 {
        return;
    }
    if let TwitchError::Credentials(_) = error {
        tracing::error!(%error, "check TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET");
    } else {
        tracing::warn!(%error, "a look at Twitch failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: u64, streamers: usize, points: u32, expected_millis: u128) {
        let interval = stretched(Duration::from_secs(wanted), streamers, points);
        assert_eq!(interval.as_millis(), expected_millis);
    }

    #[test]
    fn the_interval_stretches_with_the_streamers() {
        check(30, 0, 800, 30_000);
        check(30, 30_000, 800, 30_000);
        check(30, 60_000, 800, 60_000);
        check(1, 1_001, 800, 1_100);
        check(30, 250, 1, 180_000);
        check(30, 250, 0, 180_000);
    }
}
