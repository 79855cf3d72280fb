//! How fast streams that were heard of are looked up. Pure.

use std::time::Duration;

use crate::domain::Timestamp;

/// Looks that may go out at once after a quiet time: as many streams that begin in the same second, each seen as soon as it can
/// be. What is more waits a moment and shares a request.
const BURST: f64 = 50.0;

/// The share of the request budget that these looks take at most, so that the poll and people keep theirs.
const SHARE: f64 = 0.25;

/// A bucket of looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pace {
    looks: f64,
    as_of: Timestamp,
}

impl Pace {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { looks: BURST, as_of: now }
    }

    /// Takes a look, or says when there is one. `points_per_minute` is the whole request budget.
    pub(super) fn take(&mut self, now: Timestamp, points_per_minute: u32) -> Result<(), Timestamp> {
        let per_second = (f64::from(points_per_minute) * SHARE / 60.0).max(1.0 / 60.0);
        let gained = now.since(self.as_of).as_secs_f64() * per_second;
        *self = Self { looks: (self.looks + gained).min(BURST), as_of: now };
        if self.looks >= 1.0 {
            self.looks -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.looks) / per_second);
        Err(now.after(wait.max(Duration::from_millis(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_out_at_once_and_then_a_quarter_of_the_budget() {
        let mut now = Timestamp::from_millis(0);
        let mut pace = Pace::new(now);
        let mut taken = 0;
        while pace.take(now, 800).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 50);
        let end = now.after(Duration::from_mins(1));
        while now < end {
            match pace.take(now, 800) {
                Ok(()) => taken += 1,
                Err(next) => now = next,
            }
        }
        assert!((248..=251).contains(&taken), "{taken}");
    }

    #[test]
    fn no_wait_is_endless() {
        let now = Timestamp::from_millis(0);
        let mut pace = Pace { looks: 0.0, as_of: now };
        assert_eq!(pace.take(now, 0), Err(now.after(Duration::from_mins(1))));
    }
}
