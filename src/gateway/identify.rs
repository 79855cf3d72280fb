//! When a new gateway session may be begun. Pure: past sessions and Discord's own count are arguments.

use std::time::Duration;

use crate::discord::SessionStarts;
use crate::domain::Timestamp;

/// Sessions that Discord's count must leave, so that an operator can still restart by hand.
const KEPT_BACK: u32 = 20;

/// Starts in 24 hours that need no pause: a day of updates and restarts.
const FREE_STARTS: usize = 20;

/// Starts in 24 hours after which the long pause applies.
const MANY_STARTS: usize = 100;

/// The pause between two starts beyond [`FREE_STARTS`].
const SHORT_PAUSE: Duration = Duration::from_secs(30);

/// The pause between two starts beyond [`MANY_STARTS`]: with it a day has 580 starts at most, and the limit is 1000.
const LONG_PAUSE: Duration = Duration::from_mins(3);

/// How long to wait before beginning a session. `earlier` are those of the last 24 hours, the latest first.
pub(super) fn pause(earlier: &[Timestamp], now: Timestamp, starts: SessionStarts) -> Duration {
    if starts.remaining < starts.shards.saturating_add(KEPT_BACK) {
        return starts.reset_after.max(SHORT_PAUSE);
    }
    let shards = usize::try_from(starts.shards).unwrap_or(1).max(1);
    let gap = match earlier.len() / shards {
        0..FREE_STARTS => return Duration::ZERO,
        FREE_STARTS..MANY_STARTS => SHORT_PAUSE,
        _ => LONG_PAUSE,
    };
    let since_last = earlier.first().map_or(gap, |last| now.since(*last));
    gap.saturating_sub(since_last)
}

/// Whether sessions are being begun in a loop: as many in ten minutes as a day has for free.
pub(super) fn is_storm(earlier: &[Timestamp], now: Timestamp, shards: u32) -> bool {
    const WINDOW: Duration = Duration::from_mins(10);
    let recent = earlier.iter().take_while(|at| now.since(**at) < WINDOW).count();
    recent > FREE_STARTS * usize::try_from(shards).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(100_000_000);

    fn starts(remaining: u32) -> SessionStarts {
        SessionStarts { shards: 1, remaining, reset_after: Duration::from_hours(2) }
    }

    fn check(earlier: usize, last_ago: u64, remaining: u32, expected_seconds: u64) {
        let earlier = vec![NOW.before(Duration::from_secs(last_ago)); earlier];
        assert_eq!(pause(&earlier, NOW, starts(remaining)).as_secs(), expected_seconds);
    }

    #[test]
    fn a_day_of_restarts_is_free_and_a_crash_loop_is_not() {
        check(0, 0, 1000, 0);
        check(19, 1, 980, 0);
        check(20, 1, 980, 29);
        check(20, 30, 980, 0);
        check(100, 1, 900, 179);
        check(500, 999, 500, 0);
    }

    #[test]
    fn what_discord_says_comes_first() {
        check(0, 0, 20, 7200);
        check(0, 0, 21, 0);
    }

    #[test]
    fn a_crash_loop_of_a_whole_day_stays_below_the_limit() {
        let mut now = NOW;
        let mut earlier: Vec<Timestamp> = Vec::new();
        while now.since(NOW) < Duration::from_hours(24) {
            let wait = pause(&earlier, now, starts(1000));
            now = now.after(wait).after(Duration::from_secs(1));
            earlier.insert(0, now);
        }
        assert!(earlier.len() < 600, "{} sessions", earlier.len());
    }

    #[test]
    fn sessions_in_a_loop_are_a_storm() {
        let every = |seconds: u64| -> Vec<Timestamp> {
            (0..100).map(|n| NOW.before(Duration::from_secs(seconds * n))).collect()
        };
        assert!(is_storm(&every(6), NOW, 1));
        assert!(!is_storm(&every(60), NOW, 1));
        assert!(!is_storm(&every(6), NOW, 16));
    }
}
