//! Stops all requests before Discord would: too many invalid ones get an address banned. Pure; time is an argument.
//!
//! Source: Discord, Rate Limits, "Invalid Request Limit aka Cloudflare Bans": 10,000 requests answered with 401, 403 or 429
//! in ten minutes, those about a shared resource aside.

use std::collections::VecDeque;

use crate::domain::Timestamp;

/// Invalid requests within ten minutes at which nothing goes out any more: a tenth of what brings a ban, because the address
/// may be shared, and because whoever gets that many does something wrong.
const MAX_INVALID: u32 = 1_000;

/// Fewer than these, and requests go out again. Well below the limit, or it would halt again at once.
const FEW_ENOUGH: u32 = MAX_INVALID / 2;

/// The exactness that is counted with.
const SLOT_MILLIS: i64 = 10_000;

/// The slots of the ten minutes in which Discord counts, and one more, because the oldest is partly over.
const SLOTS: i64 = 61;

/// Counts the invalid requests of all routes.
#[derive(Debug)]
pub(super) struct Breaker {
    /// How many in each of the last [`SLOTS`], oldest first.
    counts: VecDeque<u32>,
    /// The number of the slot that is being counted in, since the epoch.
    slot: i64,
    halted_until: Option<Timestamp>,
}

impl Breaker {
    /// Nothing was counted yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { counts: (0..SLOTS).map(|_| 0).collect(), slot: slot_of(now), halted_until: None }
    }

    /// Counts an invalid request. `Some` when this is the one that halts everything: until when.
    pub(super) fn count(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.turn_to(now);
        if let Some(newest) = self.counts.back_mut() {
            *newest += 1;
        }
        let was_halted = self.halted_until.is_some();
        // While it is halted, requests that were under way may still count.
        if was_halted || self.counts.iter().sum::<u32>() >= MAX_INVALID {
            self.halted_until = Some(self.calm_at());
        }
        self.halted_until.filter(|_| !was_halted)
    }

    /// Until when nothing goes out; `None` when requests may go out.
    pub(super) fn halted_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.halted_until.filter(|until| now < *until)
    }

    /// Whether requests go out again from now on; `true` once for each time that they were halted.
    pub(super) fn resumes(&mut self, now: Timestamp) -> bool {
        let over = self.halted_until.is_some_and(|until| now >= until);
        if over {
            self.halted_until = None;
        }
        over
    }

    /// Begins the slots that time has come to; as many old ones are forgotten.
    fn turn_to(&mut self, now: Timestamp) {
        let slot = slot_of(now);
        for _ in 0..(slot - self.slot).min(SLOTS) {
            self.counts.pop_front();
            self.counts.push_back(0);
        }
        self.slot = self.slot.max(slot);
    }

    /// When the count will have fallen low enough, if nothing is added to it.
    fn calm_at(&self) -> Timestamp {
        let mut left: u32 = self.counts.iter().sum();
        let mut slot = self.slot;
        for count in &self.counts {
            if left < FEW_ENOUGH {
                break;
            }
            left -= count;
            slot += 1;
        }
        // So many slots from now, those that had to be forgotten are.
        Timestamp::from_millis(slot * SLOT_MILLIS)
    }
}

fn slot_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(SLOT_MILLIS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn sec(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_248_000_000 + seconds * 1000)
    }

    fn counted(breaker: &mut Breaker, times: usize, now: Timestamp) -> Vec<Timestamp> {
        (0..times).filter_map(|_| breaker.count(now)).collect()
    }

    #[test]
    fn a_thousand_in_ten_minutes_halt_everything_until_half_are_forgotten() {
        let mut breaker = Breaker::new(sec(0));
        assert_eq!(counted(&mut breaker, 600, sec(0)), []);
        assert_eq!(counted(&mut breaker, 399, sec(300)), []);
        assert_eq!(breaker.halted_until(sec(300)), None);
        // The first 600 leave after ten minutes and a slot at most.
        assert_eq!(counted(&mut breaker, 1, sec(310)), [sec(610)]);
        assert_eq!(breaker.halted_until(sec(609)), Some(sec(610)));
        assert!(!breaker.resumes(sec(609)));
        assert_eq!(breaker.halted_until(sec(610)), None);
        assert!(breaker.resumes(sec(610)));
        assert!(!breaker.resumes(sec(610)));
        // The 400 are still counted.
        assert_eq!(counted(&mut breaker, 599, sec(620)), []);
        assert_eq!(counted(&mut breaker, 1, sec(620)).len(), 1);
    }

    #[test]
    fn what_was_under_way_prolongs_the_halt_and_is_told_of_once() {
        let mut breaker = Breaker::new(sec(0));
        assert_eq!(counted(&mut breaker, 1000, sec(0)), [sec(610)]);
        assert_eq!(counted(&mut breaker, 600, sec(15)), []);
        assert_eq!(breaker.halted_until(sec(610)), Some(sec(620)));
    }

    #[test]
    fn what_is_spread_out_halts_nothing() {
        let mut breaker = Breaker::new(sec(0));
        for second in 0..10_000 {
            assert_eq!(breaker.count(sec(second)), None);
        }
        assert_eq!(counted(&mut breaker, 999, sec(1_000_000)), []);
    }

    proptest! {
        /// Never more than the limit in any ten minutes, and never halted without a cause.
        #[test]
        fn it_halts_in_time_and_not_without_a_cause(steps in prop::collection::vec((0i64..120_000, 0usize..400), 1..60)) {
            let mut breaker = Breaker::new(sec(0));
            let mut now = sec(0);
            let mut counted: Vec<Timestamp> = Vec::new();
            for (pause, times) in steps {
                now = now.after(Duration::from_millis(pause.unsigned_abs()));
                breaker.resumes(now);
                for _ in 0..times {
                    if breaker.halted_until(now).is_none() {
                        counted.push(now);
                        breaker.count(now);
                    }
                }
                let ten_minutes = Duration::from_mins(10);
                let within = |window: Duration| counted.iter().filter(|at| now.since(**at) < window).count();
                prop_assert!(within(ten_minutes) <= 1000);
                if breaker.halted_until(now).is_some() {
                    prop_assert!(within(ten_minutes + Duration::from_secs(10)) >= 500);
                }
            }
        }
    }
}
