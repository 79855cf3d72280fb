//! When to try again. Pure: chance is an argument.

use std::time::Duration;

/// The wait after the first failure. Short, because Discord recognises a repeated nonce for some minutes only.
pub const FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two attempts: a stream is news for as long as it lasts, and one request a minute hurts nobody.
pub const LONGEST: Duration = Duration::from_mins(1);

/// Attempts at what concerns a stream that is over: about a day of them. Until then a message may say that somebody is live who is
/// not.
pub const MOST_AT_THE_END: u32 = 1_440;

/// How often a paused route is looked at when nothing tells that something has changed.
pub const RECHECK: Duration = Duration::from_hours(1);

/// How much chance changes that in either direction, so that routes that were closed together are not looked at together.
const RECHECK_JITTER: f64 = 0.1;

/// How much of a wait chance adds at most, so that what failed together does not come back together.
const JITTER: f64 = 0.25;

/// The wait after the attempt with that number, counted from 1, before chance adds to it.
#[must_use]
pub fn backoff(attempt: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST)
}

/// How long to wait after an attempt: never shorter than the other side asked for. `chance` is between 0 and 1.
#[must_use]
pub fn wait(attempt: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let wait = asked.unwrap_or_else(|| backoff(attempt));
    wait + backoff(attempt).mul_f64(JITTER * chance.clamp(0.0, 1.0))
}

/// How long until a paused route is looked at again. `chance` is between 0 and 1.
#[must_use]
pub fn recheck(chance: f64) -> Duration {
    RECHECK.mul_f64(1.0 + RECHECK_JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let seconds: Vec<_> = (1..=8).map(|attempt| backoff(attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_paused_route_is_looked_at_about_once_an_hour() {
        let minutes = [0.0, 0.5, 1.0].map(|chance| recheck(chance).as_secs() / 60);
        assert_eq!(minutes, [54, 60, 66]);
    }

    proptest! {
        #[test]
        fn waits_never_shrink_and_never_pass_the_cap(attempt in 0u32..10_000) {
            prop_assert!(backoff(attempt) <= backoff(attempt + 1));
            prop_assert!(backoff(attempt) <= LONGEST);
        }

        #[test]
        fn nobody_comes_earlier_than_asked(attempt in 1u32..100, asked in 0u64..100_000, chance in 0.0f64..1.0) {
            let asked = Duration::from_millis(asked);
            prop_assert!(wait(attempt, Some(asked), chance) >= asked);
        }
    }
}
