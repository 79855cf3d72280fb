//! Counts who sees streams first and how long announcements take, and compares what Twitch pushes with what looks show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::health::{Pushed, Pushes};
use crate::clock::Clock;
use crate::domain::{Happening, Source, StreamId, Timestamp};
use crate::sources::{Coverage, Covered};

/// Happenings that may wait to be counted. Counting takes no time, so more than a great fan-out makes is not to be expected;
/// what does not fit is not counted.
pub const MAX_WAITING: usize = 4_096;

/// Streams of which it is remembered when they were heard of: more than begin while their announcements go out.
const MAX_HEARD: usize = 4_096;

/// How long that is remembered: an announcement that takes longer was held up by something else than hearing.
const HEARD_FOR: Duration = Duration::from_mins(15);

/// How often what was counted is logged, if anything was.
const TOLD_EVERY: Duration = Duration::from_hours(1);

/// Up to where the bins of a latency reach, in milliseconds: fine where a good bot is, coarse where it does not matter.
const BINS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 900_000,
    3_600_000,
];

/// How long something took, each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    /// By bin; the last one is for all that took longer than the largest.
    bins: [u64; BINS.len() + 1],
}

impl Latency {
    fn add(&mut self, took: Duration) {
        let bin = BINS.partition_point(|limit| u128::from(*limit) < took.as_millis());
        self.bins[bin] += 1;
    }

    /// How many times.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// A time within which this share of them was done, in percent: the upper end of a bin. Nothing when there were none, or
    /// when it is longer than the bins reach.
    #[must_use]
    pub fn within(&self, percent: u64) -> Option<Duration> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut sum = 0;
        for (limit, count) in BINS.iter().zip(self.bins) {
            sum += count;
            if sum >= wanted {
                return Some(Duration::from_millis(*limit));
            }
        }
        None
    }
}

/// What was counted since the program started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Streams that Twitch told of.
    pub heard: u64,
    /// Sessions that were seen first because Twitch had told of them.
    pub first_by_push: u64,
    /// Sessions that a look saw first.
    pub first_by_poll: u64,
    /// Those of them of which Twitch should have told: there was a subscription that worked, and a connection.
    pub missed_by_push: u64,
    /// Streams that Twitch told of and did not show within five minutes.
    pub never_shown: u64,
    /// From the start of a stream, by Twitch, to its announcement.
    pub from_start: Latency,
    /// From Twitch's message to the announcement.
    pub from_message: Latency,
}

/// What was counted, for whoever asks. Cheap to share.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Counts>>);

impl Meter {
    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts until `stop`, and logs now and then how Twitch pushes. `covered` says of whom Twitch should have told.
    pub async fn run(
        self,
        mut inbox: mpsc::Receiver<Happening>,
        covered: Covered,
        pushes: Option<Pushes>,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut heard = HashMap::new();
        let mut told = Counts::default();
        let mut tell = tokio::time::interval(TOLD_EVERY);
        tell.reset();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(happening) = inbox.recv() => self.count(&happening, &mut heard, &covered),
                _ = tell.tick() => {
                    if let Some(pushes) = &pushes {
                        log_pushes(&pushes.look(clock.now()));
                    }
                    let counts = self.counts();
                    if counts != told {
                        log(&counts);
                        told = counts;
                    }
                }
            }
        }
    }

    fn count(&self, happening: &Happening, heard: &mut HashMap<StreamId, Timestamp>, covered: &Covered) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match happening {
            Happening::Heard { stream, at } => {
                counts.heard += 1;
                if heard.len() >= MAX_HEARD {
                    heard.retain(|_, heard_at| at.since(*heard_at) < HEARD_FOR);
                }
                if heard.len() < MAX_HEARD {
                    heard.insert(stream.clone(), *at);
                }
            }
            Happening::NeverShown => counts.never_shown += 1,
            Happening::Began { source: Source::Poll, broadcaster, at } => {
                counts.first_by_poll += 1;
                counts.missed_by_push += u64::from(covered.is_relied_on(broadcaster, *at));
            }
            Happening::Began { .. } => counts.first_by_push += 1,
            Happening::Announced { stream, started_at, at } => {
                counts.from_start.add(at.since(*started_at));
                if let Some(heard_at) = heard.get(stream) {
                    counts.from_message.add(at.since(*heard_at));
                }
            }
        }
    }
}

fn log_pushes(pushed: &Pushed) {
    let Pushed { transport, connected, last_message_age, coverage } = *pushed;
    let Coverage { wanted, covered, cost, limit, .. } = coverage;
    tracing::info!(
        transport,
        connected,
        wanted,
        covered,
        cost,
        limit,
        ?last_message_age,
        "how Twitch pushes"
    );
}

fn log(counts: &Counts) {
    let Counts { heard, first_by_push, first_by_poll, missed_by_push, never_shown, .. } = *counts;
    let [from_start, from_message] =
        [counts.from_start, counts.from_message].map(|latency| latency.within(50));
    tracing::info!(
        heard,
        first_by_push,
        first_by_poll,
        missed_by_push,
        never_shown,
        ?from_start,
        ?from_message,
        "streams seen since the start, and in what time half of the announcements were there"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BroadcasterId;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_share_of_the_latencies_lies_within_a_bin() {
        let mut latency = Latency::default();
        assert_eq!((latency.count(), latency.within(50)), (0, None));
        for millis in [40, 60, 70, 80, 999, 1_000, 1_001, 4_000, 7_200_000] {
            latency.add(Duration::from_millis(millis));
        }
        let within = |percent| latency.within(percent).map(|time| time.as_millis());
        assert_eq!(
            (within(11), within(44), within(50), within(67)),
            (Some(50), Some(100), Some(1_000), Some(2_000))
        );
        assert_eq!((latency.count(), within(88), within(99)), (9, Some(5_000), None));
    }

    #[test]
    fn who_sees_first_is_counted_and_what_twitch_should_have_told() {
        let (meter, covered, mut heard) = (Meter::default(), Covered::default(), HashMap::new());
        let (ann, bob) = (BroadcasterId::new("1"), BroadcasterId::new("2"));
        covered.add(ann.clone(), second(0));
        covered.set_heard(Some(second(0)));
        let began = |broadcaster: &BroadcasterId, source| Happening::Began {
            broadcaster: broadcaster.clone(),
            source,
            at: second(600),
        };
        let stream = StreamId::new("9");
        let announced =
            Happening::Announced { stream: stream.clone(), started_at: second(590), at: second(604) };
        for happening in [
            Happening::Heard { stream, at: second(600) },
            began(&ann, Source::Conduit),
            began(&ann, Source::Poll),
            began(&bob, Source::Poll),
            Happening::NeverShown,
            announced,
        ] {
            meter.count(&happening, &mut heard, &covered);
        }
        let counts = meter.counts();
        assert_eq!((counts.heard, counts.first_by_push, counts.first_by_poll), (1, 1, 2));
        assert_eq!((counts.missed_by_push, counts.never_shown), (1, 1));
        assert_eq!(counts.from_start.within(50), Some(Duration::from_secs(20)));
        assert_eq!(counts.from_message.within(50), Some(Duration::from_secs(5)));
    }

    #[test]
    fn what_was_heard_long_ago_makes_room() {
        let (meter, covered, mut heard) = (Meter::default(), Covered::default(), HashMap::new());
        for number in 0..MAX_HEARD * 2 {
            let stream = StreamId::new(&number.to_string());
            let at = second(i64::try_from(number).expect("few"));
            meter.count(&Happening::Heard { stream, at }, &mut heard, &covered);
        }
        assert!(heard.len() <= MAX_HEARD && heard.contains_key(&StreamId::new("8191")));
    }
}
