//! How many requests Twitch still takes, learned from its headers. Pure: it is told the time and waits for nothing.

use std::time::Duration;

use crate::domain::Timestamp;

/// What Twitch's documentation gives as an example, and what every client sees: believed until the first answer
/// (Twitch, API Guide, "Twitch rate limits").
pub const ASSUMED_POINTS_PER_MINUTE: u32 = 800;

/// The share of the bucket, in percent, that background work leaves for people who wait for an answer.
const RESERVE_PERCENT: u32 = 25;

/// The share of the bucket, in percent, that work leaves alone which only makes things better: thousands of subscriptions
/// are made beside the poll, not instead of it.
const SPARE_PERCENT: u32 = 60;

/// The bucket is full again within this time, so no wait is longer, whatever a skewed clock makes of the reset time.
const REFILL: Duration = Duration::from_mins(1);

/// The shortest wait after a refusal, when the reset time is missing or has just passed.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Twitch's token bucket as seen from here.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limit: u32,
    /// Points that were there at `as_of`, less what has been sent since.
    points: f64,
    as_of: Timestamp,
    in_flight: u32,
    closed_until: Option<Timestamp>,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// Somebody waits for the answer: may use the bucket up.
    Interactive,
    /// Nobody waits: leaves the reserve alone.
    Background,
    /// Nobody misses anything when it comes later: leaves half of what there is to the poll as well.
    Spare,
}

/// How many requests a minute the poll may make of a limit, with the reserve left alone.
#[must_use]
pub fn share_for_the_poll(points_per_minute: u32) -> u32 {
    points_per_minute - reserve(points_per_minute)
}

fn reserve(limit: u32) -> u32 {
    percent(limit, RESERVE_PERCENT)
}

fn percent(of: u32, percent: u32) -> u32 {
    of / 100 * percent + of % 100 * percent / 100
}

impl Budget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            limit: ASSUMED_POINTS_PER_MINUTE,
            points: f64::from(ASSUMED_POINTS_PER_MINUTE),
            as_of: now,
            in_flight: 0,
            closed_until: None,
        }
    }

    /// Takes a point, or says when to ask again.
    pub(super) fn admit(&mut self, now: Timestamp, claim: Claim) -> Result<(), Timestamp> {
        if let Some(until) = self.closed_until {
            if now < until {
                return Err(until);
            }
            self.closed_until = None;
        }
        self.refill(now);
        let floor = match claim {
            Claim::Interactive => 1.0,
            Claim::Background => f64::from(reserve(self.limit)) + 1.0,
            Claim::Spare => f64::from(percent(self.limit, SPARE_PERCENT)) + 1.0,
        };
        if self.points >= floor {
            self.points -= 1.0;
            self.in_flight += 1;
            return Ok(());
        }
        let seconds = (floor - self.points) / self.points_per_second();
        Err(now.after(Duration::from_secs_f64(seconds).max(Duration::from_millis(1))))
    }

    /// A request that was admitted is no longer under way.
    pub(super) fn is_over(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Believes what the headers of an answer said, where it had any.
    pub(super) fn learn(&mut self, now: Timestamp, limit: Option<u32>, remaining: Option<u32>) {
        self.refill(now);
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            self.limit = limit;
        }
        if let Some(remaining) = remaining {
            // Requests that are still under way are not counted in it yet.
            self.points = f64::from(remaining) - f64::from(self.in_flight);
        }
        self.points = self.points.min(f64::from(self.limit));
    }

    /// Twitch refused for lack of points: nobody asks again before the reset.
    pub(super) fn refused(&mut self, now: Timestamp, reset: Option<Timestamp>) -> Timestamp {
        let wait = reset.map_or(SHORTEST_WAIT, |reset| reset.since(now)).clamp(SHORTEST_WAIT, REFILL);
        let until = now.after(wait);
        self.points = 0.0;
        self.closed_until = Some(self.closed_until.map_or(until, |earlier| earlier.max(until)));
        until
    }

    /// What Twitch grants a minute.
    pub(super) fn points_per_minute(&self) -> u32 {
        self.limit
    }

    fn refill(&mut self, now: Timestamp) {
        let gained = now.since(self.as_of).as_secs_f64() * self.points_per_second();
        self.points = (self.points + gained).min(f64::from(self.limit));
        self.as_of = now;
    }

    fn points_per_second(&self) -> f64 {
        f64::from(self.limit.max(1)) / REFILL.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn admitted(budget: &mut Budget, now: Timestamp, claim: Claim) -> u32 {
        let mut count = 0;
        while budget.admit(now, claim).is_ok() {
            count += 1;
        }
        count
    }

    #[test]
    fn the_poll_leaves_a_reserve_for_people() {
        let mut budget = Budget::new(second(0));
        assert_eq!(admitted(&mut budget, second(0), Claim::Background), 600);
        assert_eq!(admitted(&mut budget, second(0), Claim::Interactive), 200);
    }

    #[test]
    fn what_can_wait_leaves_room_for_the_poll() {
        let mut budget = Budget::new(second(0));
        assert_eq!(admitted(&mut budget, second(0), Claim::Spare), 320);
        assert_eq!(admitted(&mut budget, second(0), Claim::Background), 280);
        // Beside a poll that takes all that it may, it gets nothing but also takes nothing.
        assert!(budget.admit(second(1), Claim::Spare).is_err());
        assert!(budget.admit(second(1), Claim::Background).is_ok());
    }

    #[test]
    fn a_wait_is_as_long_as_the_refill_needs() {
        let mut budget = Budget::new(second(0));
        admitted(&mut budget, second(0), Claim::Background);
        let until = budget.admit(second(0), Claim::Background).expect_err("the share is used up");
        assert!(budget.admit(until.before(Duration::from_millis(10)), Claim::Background).is_err());
        assert!(budget.admit(until.after(Duration::from_millis(1)), Claim::Background).is_ok());
    }

    #[test]
    fn the_headers_are_believed() {
        let mut budget = Budget::new(second(0));
        budget.admit(second(0), Claim::Background).expect("room");
        budget.is_over();
        budget.learn(second(0), Some(30), Some(20));
        assert_eq!(budget.points_per_minute(), 30);
        assert_eq!(admitted(&mut budget, second(0), Claim::Background), 13);
    }

    #[test]
    fn a_refusal_closes_for_everybody_until_the_reset() {
        let mut budget = Budget::new(second(0));
        assert_eq!(budget.refused(second(0), Some(second(20))), second(20));
        assert_eq!(budget.admit(second(19), Claim::Interactive), Err(second(20)));
        assert!(budget.admit(second(20), Claim::Interactive).is_ok());
    }

    #[test]
    fn a_skewed_clock_makes_no_long_wait() {
        let mut budget = Budget::new(second(0));
        assert_eq!(budget.refused(second(0), Some(second(9999))), second(60));
        let mut budget = Budget::new(second(0));
        assert_eq!(budget.refused(second(0), Some(second(-9999))), second(1));
    }
}
