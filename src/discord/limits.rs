//! When the next request may go out, learned from Discord's headers. Pure; whoever asks does the waiting.
//!
//! Source: Discord, Rate Limits. A bucket counts for one route and one top-level resource; all requests of a bot together
//! have a budget of their own.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::domain::Timestamp;

/// Requests that a bot may make in [`GLOBAL_WINDOW`], over all routes.
const GLOBAL_REQUESTS: usize = 50;

/// A second, and a little more: requests that leave evenly arrive in bunches.
const GLOBAL_WINDOW: Duration = Duration::from_millis(1025);

/// A bucket that was not used for so long is as good as a fresh one and is forgotten when there are [`MAX_BUCKETS`].
const BUCKET_LIFE: Duration = Duration::from_mins(10);

/// More buckets than this are tidied up. Ten thousand are about 1 MB.
const MAX_BUCKETS: usize = 10_000;

/// How often there is tidying at most: looking through that many takes longer than a request.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// What is limited together as far as can be known before Discord answers: one kind of request on one resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Route {
    /// The request with its resource left out, as `POST /channels/{}/messages`.
    pub(super) kind: &'static str,
    /// The top-level resource: a channel, a server, or 0 for none.
    pub(super) resource: u64,
}

/// Why a request may not go out yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Until then, at least.
    Until(Timestamp),
    /// Until the one request of this route that is under way has told the limit.
    ForFirstAnswer,
}

/// What Discord's headers say after a request.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Learned {
    /// Requests in a window of the bucket.
    pub(super) limit: Option<u32>,
    /// Requests left in this window.
    pub(super) remaining: Option<u32>,
    /// How long this window lasts from now.
    pub(super) reset_after: Option<Duration>,
}

#[derive(Debug)]
struct Bucket {
    limit: Option<u32>,
    remaining: u32,
    reset_at: Timestamp,
    closed_until: Option<Timestamp>,
    in_flight: u32,
    used_at: Timestamp,
}

/// All limits of one bot.
#[derive(Debug, Default)]
pub(super) struct Limits {
    buckets: HashMap<Route, Bucket>,
    sent: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
    urgent_waiting: usize,
    tidied_at: Option<Timestamp>,
}

impl Limits {
    /// Takes a place for a request, or says what to wait for. `urgent` requests have a person waiting.
    pub(super) fn admit(&mut self, now: Timestamp, route: Route, urgent: bool) -> Result<(), Wait> {
        if let Some(until) = self.closed_until {
            if now < until {
                return Err(Wait::Until(until));
            }
            self.closed_until = None;
        }
        self.tidy(now);
        let bucket = self.buckets.entry(route).or_insert_with(|| Bucket::fresh(now));
        bucket.may_send(now)?;
        while self.sent.front().is_some_and(|first| now.since(*first) >= GLOBAL_WINDOW) {
            self.sent.pop_front();
        }
        // What nobody waits for leaves a place to each request that somebody waits for.
        let places =
            if urgent { GLOBAL_REQUESTS } else { GLOBAL_REQUESTS.saturating_sub(self.urgent_waiting) };
        if self.sent.len() >= places {
            let first = self.sent.front().copied().unwrap_or(now);
            return Err(Wait::Until(first.after(GLOBAL_WINDOW)));
        }
        bucket.remaining = bucket.remaining.saturating_sub(1);
        bucket.in_flight += 1;
        bucket.used_at = now;
        self.sent.push_back(now);
        Ok(())
    }

    /// A request with a person behind it begins or ceases to wait.
    pub(super) fn urgent_waits(&mut self, waits: bool) {
        self.urgent_waiting =
            if waits { self.urgent_waiting + 1 } else { self.urgent_waiting.saturating_sub(1) };
    }

    /// A request is no longer under way; also one that nobody waited for to the end.
    pub(super) fn is_over(&mut self, route: Route) {
        if let Some(bucket) = self.buckets.get_mut(&route) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    /// Believes the headers of an answer to a request that still counts as under way.
    pub(super) fn learn(&mut self, now: Timestamp, route: Route, learned: Learned) {
        let Some(bucket) = self.buckets.get_mut(&route) else { return };
        let (Some(limit), Some(remaining), Some(reset_after)) =
            (learned.limit, learned.remaining, learned.reset_after)
        else {
            return;
        };
        // The others under way are not counted in it yet.
        let remaining = remaining.saturating_sub(bucket.in_flight.saturating_sub(1));
        // Answers overtake each other: within one window the number left only falls.
        let same_window = bucket.limit.is_some() && now < bucket.reset_at;
        bucket.remaining = if same_window { bucket.remaining.min(remaining) } else { remaining };
        bucket.limit = Some(limit.max(1));
        bucket.reset_at = now.after(reset_after);
    }

    /// Discord wants a pause: of everything, or of this route alone.
    pub(super) fn closed(&mut self, now: Timestamp, route: Route, wait: Duration, global: bool) {
        let until = now.after(wait);
        let place = if global {
            &mut self.closed_until
        } else {
            &mut self.buckets.entry(route).or_insert_with(|| Bucket::fresh(now)).closed_until
        };
        *place = Some(place.map_or(until, |earlier| earlier.max(until)));
    }

    fn tidy(&mut self, now: Timestamp) {
        let lately = self.tidied_at.is_some_and(|tidied| now.since(tidied) < TIDY_EVERY);
        if self.buckets.len() >= MAX_BUCKETS && !lately {
            self.tidied_at = Some(now);
            self.buckets.retain(|_, bucket| bucket.in_flight > 0 || now.since(bucket.used_at) < BUCKET_LIFE);
        }
    }
}

impl Bucket {
    fn fresh(now: Timestamp) -> Self {
        Self { limit: None, remaining: 1, reset_at: now, closed_until: None, in_flight: 0, used_at: now }
    }

    fn may_send(&mut self, now: Timestamp) -> Result<(), Wait> {
        if let Some(until) = self.closed_until {
            if now < until {
                return Err(Wait::Until(until));
            }
            self.closed_until = None;
        }
        let Some(limit) = self.limit else {
            return if self.in_flight == 0 { Ok(()) } else { Err(Wait::ForFirstAnswer) };
        };
        if now >= self.reset_at && self.remaining == 0 {
            self.remaining = limit.saturating_sub(self.in_flight);
        }
        match self.remaining {
            0 if now < self.reset_at => Err(Wait::Until(self.reset_at)),
            // The window is over, but as many as it takes are still under way.
            0 => Err(Wait::ForFirstAnswer),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Route = Route { kind: "POST /channels/{}/messages", resource: 1 };
    const OTHER: Route = Route { kind: "POST /channels/{}/messages", resource: 2 };

    fn milli(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn headers(limit: u32, remaining: u32, reset_after: u64) -> Learned {
        let reset_after = Some(Duration::from_millis(reset_after));
        Learned { limit: Some(limit), remaining: Some(remaining), reset_after }
    }

    fn admitted(limits: &mut Limits, now: Timestamp, route: Route) -> usize {
        (0..1000).take_while(|_| limits.admit(now, route, false).is_ok()).count()
    }

    #[test]
    fn a_fresh_bucket_takes_one_request_until_its_limit_is_known() {
        let mut limits = Limits::default();
        assert_eq!(admitted(&mut limits, milli(0), ROUTE), 1);
        assert_eq!(limits.admit(milli(0), ROUTE, false), Err(Wait::ForFirstAnswer));
        limits.learn(milli(50), ROUTE, headers(5, 4, 5000));
        limits.is_over(ROUTE);
        assert_eq!(admitted(&mut limits, milli(50), ROUTE), 4);
        assert_eq!(limits.admit(milli(50), ROUTE, false), Err(Wait::Until(milli(5050))));
    }

    #[test]
    fn a_bucket_opens_again_with_its_window() {
        let mut limits = Limits::default();
        assert_eq!(admitted(&mut limits, milli(0), ROUTE), 1);
        limits.learn(milli(0), ROUTE, headers(5, 0, 5000));
        limits.is_over(ROUTE);
        assert_eq!(limits.admit(milli(4999), ROUTE, false), Err(Wait::Until(milli(5000))));
        assert_eq!(admitted(&mut limits, milli(5000), ROUTE), 5);
    }

    #[test]
    fn an_answer_that_was_overtaken_opens_nothing() {
        let mut limits = Limits::default();
        admitted(&mut limits, milli(0), ROUTE);
        limits.learn(milli(0), ROUTE, headers(5, 4, 5000));
        limits.is_over(ROUTE);
        assert_eq!(admitted(&mut limits, milli(1), ROUTE), 4);
        for remaining in [0, 1, 2, 3] {
            limits.learn(milli(50), ROUTE, headers(5, remaining, 4950));
            limits.is_over(ROUTE);
        }
        assert_eq!(limits.admit(milli(60), ROUTE, false), Err(Wait::Until(milli(5000))));
    }

    #[test]
    fn one_full_channel_does_not_hold_up_another() {
        let mut limits = Limits::default();
        admitted(&mut limits, milli(0), ROUTE);
        limits.closed(milli(0), ROUTE, Duration::from_secs(9), false);
        assert_eq!(limits.admit(milli(1), ROUTE, false), Err(Wait::Until(milli(9000))));
        assert_eq!(limits.admit(milli(1), OTHER, false), Ok(()));
    }

    #[test]
    fn a_global_pause_holds_everything() {
        let mut limits = Limits::default();
        limits.closed(milli(0), ROUTE, Duration::from_secs(9), true);
        assert_eq!(limits.admit(milli(1), OTHER, true), Err(Wait::Until(milli(9000))));
        assert_eq!(limits.admit(milli(9000), OTHER, false), Ok(()));
    }

    #[test]
    fn fifty_requests_a_second_over_all_channels() {
        let mut limits = Limits::default();
        let sent = (1..200)
            .filter(|channel| limits.admit(milli(0), Route { resource: *channel, ..ROUTE }, false).is_ok());
        assert_eq!(sent.count(), 50);
        assert_eq!(
            limits.admit(milli(1), Route { resource: 999, ..ROUTE }, false),
            Err(Wait::Until(milli(1025)))
        );
    }

    #[test]
    fn a_person_goes_before_the_fan_out() {
        let mut limits = Limits::default();
        limits.urgent_waits(true);
        let sent = (1..200)
            .filter(|channel| limits.admit(milli(0), Route { resource: *channel, ..ROUTE }, false).is_ok());
        assert_eq!(sent.count(), 49);
        assert_eq!(limits.admit(milli(0), Route { kind: "GET /channels/{}", resource: 7 }, true), Ok(()));
    }

    #[test]
    fn a_request_that_nobody_waited_for_frees_its_place() {
        let mut limits = Limits::default();
        admitted(&mut limits, milli(0), ROUTE);
        limits.is_over(ROUTE);
        assert_eq!(limits.admit(milli(1), ROUTE, false), Ok(()));
    }
}
