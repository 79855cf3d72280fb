//! When the next request may go out: the buckets, and the budget of all requests together. Pure; whoever asks waits.
//!
//! Source: Discord, Rate Limits, "Global Rate Limit".

use std::collections::VecDeque;
use std::time::Duration;

use super::buckets::{Buckets, Learned, Route, Wait};
use crate::domain::Timestamp;

/// Requests that a bot may make in [`GLOBAL_WINDOW`], over all routes.
const GLOBAL_REQUESTS: usize = 50;

/// Of these, what is left for others when an edit goes out: an announcement that is decided the moment after finds room.
const KEPT_FROM_EDITS: usize = 30;

/// A second, and a little more: requests that leave evenly arrive in bunches.
const GLOBAL_WINDOW: Duration = Duration::from_millis(1025);

/// All limits of one bot.
#[derive(Debug, Default)]
pub(super) struct Limits {
    buckets: Buckets,
    /// When the latest requests went out, oldest first; never more than [`GLOBAL_REQUESTS`].
    sent: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
}

impl Limits {
    /// Until when nothing at all may go out; `None` when something may.
    pub(super) fn shut_until(&self, now: Timestamp) -> Option<Timestamp> {
        let pause = self.closed_until.filter(|until| now < *until);
        // The one that has to leave the window before another one fits in.
        let full = self.sent.len().checked_sub(GLOBAL_REQUESTS).and_then(|first| self.sent.get(first));
        let full = full.map(|first| first.after(GLOBAL_WINDOW)).filter(|until| now < *until);
        pause.max(full)
    }

    /// Until when no edit may go out, so that others find room at once; `None` when one may.
    pub(super) fn full_for_edits_until(&self, now: Timestamp) -> Option<Timestamp> {
        // The one that has to leave the window before there is room for an edit.
        let full = self.sent.len().checked_sub(GLOBAL_REQUESTS - KEPT_FROM_EDITS);
        let full = full.and_then(|first| self.sent.get(first)).map(|first| first.after(GLOBAL_WINDOW));
        full.filter(|until| now < *until).max(self.shut_until(now))
    }

    /// Whether this route has room, or what to wait for, apart from what all requests have in common.
    pub(super) fn look(&self, now: Timestamp, route: Route) -> Result<(), Wait> {
        self.buckets.look(now, route)
    }

    /// Counts a request that goes out now.
    pub(super) fn take(&mut self, now: Timestamp, route: Route) {
        if self.sent.len() >= GLOBAL_REQUESTS {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.buckets.take(now, route);
    }

    /// A request that was counted at `taken_at` never went out.
    pub(super) fn unused(&mut self, route: Route, taken_at: Timestamp) {
        if let Some(place) = self.sent.iter().rposition(|sent| *sent == taken_at) {
            self.sent.remove(place);
        }
        self.buckets.unused(route);
    }

    /// A request is no longer under way; also one that nobody waited for to the end.
    pub(super) fn is_over(&mut self, route: Route) {
        self.buckets.is_over(route);
    }

    /// Believes the headers of an answer to a request that still counts as under way.
    pub(super) fn learn(&mut self, now: Timestamp, route: Route, learned: Learned<'_>) {
        self.buckets.learn(now, route, learned);
    }

    /// Discord wants a pause until then: of everything, or of this route's bucket alone. Returns until when that was closed
    /// before.
    pub(super) fn close(&mut self, route: Route, until: Timestamp, global: bool) -> Option<Timestamp> {
        if !global {
            return self.buckets.close(route, until);
        }
        let before = self.closed_until;
        self.closed_until = before.max(Some(until));
        before
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn milli(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn channel(resource: u64) -> Route {
        Route { kind: "POST /channels/{}/messages", resource }
    }

    #[test]
    fn fifty_requests_a_second_over_all_channels() {
        let mut limits = Limits::default();
        for number in 0..50 {
            assert_eq!(limits.shut_until(milli(0)), None);
            limits.take(milli(0), channel(number));
        }
        assert_eq!(limits.shut_until(milli(1024)), Some(milli(1025)));
        assert_eq!(limits.shut_until(milli(1025)), None);
    }

    #[test]
    fn twenty_edits_a_second_and_room_is_left_for_others() {
        let mut limits = Limits::default();
        for number in 0..20 {
            assert_eq!(limits.full_for_edits_until(milli(0)), None);
            limits.take(milli(0), channel(number));
        }
        assert_eq!(limits.full_for_edits_until(milli(1024)), Some(milli(1025)));
        assert_eq!(limits.full_for_edits_until(milli(1025)), None);
        assert_eq!(limits.shut_until(milli(0)), None);
        // Others count as well.
        for number in 20..50 {
            limits.take(milli(500), channel(number));
        }
        assert_eq!(limits.full_for_edits_until(milli(1025)), Some(milli(1525)));
    }

    #[test]
    fn a_global_pause_holds_everything_and_another_one_nothing_but_its_bucket() {
        let mut limits = Limits::default();
        limits.take(milli(0), channel(1));
        limits.close(channel(1), milli(5000), false);
        assert_eq!(limits.look(milli(1), channel(1)), Err(Wait::Until(milli(5000))));
        assert_eq!((limits.shut_until(milli(1)), limits.look(milli(1), channel(2))), (None, Ok(())));
        limits.close(channel(1), milli(9000), true);
        // A shorter pause does not end a longer one.
        limits.close(channel(2), milli(3000), true);
        assert_eq!(limits.shut_until(milli(8999)), Some(milli(9000)));
        assert_eq!(limits.shut_until(milli(9000)), None);
    }

    #[test]
    fn a_place_that_was_not_used_is_there_again() {
        let mut limits = Limits::default();
        for number in 0..50 {
            limits.take(milli(0), channel(number));
        }
        limits.unused(channel(7), milli(0));
        assert_eq!(limits.shut_until(milli(1)), None);
        limits.take(milli(1), channel(50));
        assert_eq!(limits.shut_until(milli(1)), Some(milli(1025)));
    }

    proptest! {
        #[test]
        fn never_more_than_fifty_in_any_window(
            steps in prop::collection::vec((0i64..200, 1u64..40, any::<bool>()), 1..200),
        ) {
            let mut limits = Limits::default();
            let (mut now, mut number) = (0, 0);
            let mut sent: Vec<i64> = Vec::new();
            for (pause, wanted, changes_mind) in steps {
                now += pause;
                for _ in 0..wanted {
                    if limits.shut_until(milli(now)).is_none() {
                        number += 1;
                        limits.take(milli(now), channel(number));
                        sent.push(now);
                    }
                }
                if changes_mind && sent.last() == Some(&now) {
                    limits.unused(channel(number), milli(now));
                    sent.pop();
                }
            }
            for (first, at) in sent.iter().enumerate() {
                let window = sent[first..].iter().take_while(|then| **then - at < 1025).count();
                prop_assert!(window <= 50, "{window} from {at} on");
            }
        }
    }
}
