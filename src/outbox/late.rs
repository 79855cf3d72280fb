//! Whether an announcement comes late, and through whose doing. Pure.

use std::time::Duration;

use crate::domain::Timestamp;

/// How long after the start an announcement is not late yet: people who come within a quarter of an hour have missed little.
const LATE_AFTER: Duration = Duration::from_mins(15);

/// How long the stream has been going on, when this server is told of it late because the bot was away, held up or shut out.
///
/// `owed_since` is when the server could first have been told. A streamer who was added to the list in the middle of a
/// stream is therefore not announced late.
#[must_use]
pub fn late_by(owed_since: Timestamp, started_at: Timestamp, now: Timestamp) -> Option<Duration> {
    (now.since(owed_since) > LATE_AFTER).then(|| now.since(started_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn check(owed_since: i64, now: i64, expected: Option<u64>) {
        let late = late_by(minute(owed_since), minute(0), minute(now));
        assert_eq!(late.map(|time| time.as_secs() / 60), expected);
    }

    #[test]
    fn a_quarter_of_an_hour_after_the_start_it_is_late() {
        check(0, 1, None);
        check(0, 15, None);
        check(0, 16, Some(16));
        check(0, 125, Some(125));
    }

    #[test]
    fn who_was_added_later_is_not_announced_late() {
        check(120, 121, None);
        // But if it then takes so long, it is.
        check(120, 140, Some(140));
    }
}
