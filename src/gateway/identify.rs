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
    let gap = gap(earlier.len(), starts.shards);
    let since_last = earlier.first().map_or(gap, |last| now.since(*last));
    gap.saturating_sub(since_last)
}

/// Whether sessions are begun faster than [`pause`] would have it, the one just begun being the first of `earlier`.
pub(super) fn is_storm(earlier: &[Timestamp], now: Timestamp, shards: u32) -> bool {
    // Connections that begin together count as one start, so each is compared with the start before.
    let before = earlier.get(per_start(shards));
    before.is_some_and(|before| now.since(*before) < gap(earlier.len(), shards))
}

/// How many sessions may be begun, connections included, before Discord has to be asked again.
pub(super) fn allowance(starts: SessionStarts) -> u32 {
    starts.remaining.saturating_sub(KEPT_BACK)
}

/// The time between two starts after so many sessions in 24 hours.
fn gap(sessions: usize, shards: u32) -> Duration {
    match sessions / per_start(shards) {
        0..FREE_STARTS => Duration::ZERO,
        FREE_STARTS..MANY_STARTS => SHORT_PAUSE,
        _ => LONG_PAUSE,
    }
}

fn per_start(shards: u32) -> usize {
    usize::try_from(shards).unwrap_or(1).max(1)
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
    fn two_connections_that_begin_together_are_no_storm() {
        // Forty starts of two connections, five seconds apart, each start half a minute after the one before.
        let earlier: Vec<_> = (0..40)
            .flat_map(|start| [start * 36, start * 36 + 5])
            .map(|ago| NOW.before(Duration::from_secs(ago)))
            .collect();
        assert!(!is_storm(&earlier, NOW, 2));
        assert!(!is_storm(&earlier[1..], NOW.before(Duration::from_secs(5)), 2));
    }

    #[test]
    fn what_is_kept_back_is_never_used() {
        assert_eq!(allowance(starts(60)), 40);
        assert_eq!(allowance(starts(5)), 0);
    }

    #[test]
    fn sessions_in_a_loop_are_a_storm() {
        let check = |sessions: u64, seconds: u64, shards: u32, expected: bool| {
            let earlier: Vec<_> =
                (0..sessions).map(|n| NOW.before(Duration::from_secs(seconds * n))).collect();
            assert_eq!(is_storm(&earlier, NOW, shards), expected, "{sessions} every {seconds} s");
        };
        check(1, 0, 1, false);
        check(19, 6, 1, false);
        check(20, 6, 1, true);
        check(20, 31, 1, false);
        check(99, 60, 1, false);
        check(100, 60, 1, true);
        check(100, 200, 1, false);
        check(100, 6, 16, false);
    }
}
