//! What to do with a delivery whose answer was lost. Pure.

use std::time::Duration;

use crate::domain::Timestamp;

/// How long Discord surely recognises a nonce. It says "a few minutes" (Discord, Message, "Create Message"), and three were
/// seen.
pub const NONCE_SURELY_KNOWN: Duration = Duration::from_mins(2);

/// Until when a delivery may be repeated under its nonce without a doubt; nothing when that time is over.
///
/// `unsure_since` is the first attempt of which nobody knows whether it succeeded. One that lies in the future was noted by
/// a clock that was ahead, and says nothing.
#[must_use]
pub fn may_repeat_until(unsure_since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let until = unsure_since.after(NONCE_SURELY_KNOWN);
    (unsure_since <= now && now < until).then_some(until)
}

/// How long a request may be under way of which nobody has heard: the client waits for fifteen seconds, and Discord may still
/// be at it then.
const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// When to look again after a look that has found nothing; nothing when that is believed, because what was sent would be there.
#[must_use]
pub fn look_again_in(unsure_since: Timestamp, now: Timestamp) -> Option<Duration> {
    let until = unsure_since.after(ARRIVES_WITHIN);
    (unsure_since <= now && now < until).then(|| until.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_nonce_is_trusted_for_two_minutes() {
        assert_eq!(may_repeat_until(second(0), second(0)), Some(second(120)));
        assert_eq!(may_repeat_until(second(0), second(119)), Some(second(120)));
        assert_eq!(may_repeat_until(second(0), second(120)), None);
    }

    #[test]
    fn what_is_not_there_yet_may_still_come() {
        let seconds = Duration::from_secs;
        assert_eq!(look_again_in(second(0), second(0)), Some(seconds(20)));
        assert_eq!(look_again_in(second(0), second(19)), Some(seconds(1)));
        assert_eq!(look_again_in(second(0), second(20)), None);
        assert_eq!(look_again_in(second(1), second(0)), None);
    }

    #[test]
    fn a_time_in_the_future_is_not_trusted() {
        assert_eq!(may_repeat_until(second(1), second(0)), None);
    }
}
