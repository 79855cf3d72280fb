//! What an answer of Discord's says by its status, its headers and its body. What follows from that is done elsewhere.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::DiscordError;
use super::buckets::Learned;
use super::wire::ErrorBody;
use crate::domain::text;

/// The wait after a 429 that says nothing of its length.
const UNSTATED_WAIT: Duration = Duration::from_secs(1);

/// No wait that Discord states is believed beyond this: it is longer than every window it has documented.
const MAX_STATED_WAIT: Duration = Duration::from_hours(1);

/// The longest text of Discord's that is kept, for log lines and `/why`.
const MAX_WORDS: usize = 200;

/// The code of a 429 that is about one message: it is older than an hour and was edited as often as may be for now. Who
/// waits for this as for other pauses holds up all edits in the channel, and is refused again and again.
pub const EDITED_TOO_OFTEN: u64 = 30046;

/// What an answer means that is no success.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// Too many requests (429).
    Pause {
        /// How long to wait: the longer one of what the header and the body say, for they differ.
        wait: Duration,
        /// Whether it holds for every request, not only for those of the same limit.
        is_global: bool,
    },
    /// Anything else.
    Error(DiscordError),
}

/// Reads an answer that is no success.
#[must_use]
pub fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    match status {
        StatusCode::UNAUTHORIZED => Failure::Error(DiscordError::Unauthorized),
        StatusCode::TOO_MANY_REQUESTS => pause(headers, body),
        _ if status.is_server_error() => Failure::Error(DiscordError::Unavailable {
            why: format!("it answers {}", status.as_u16()),
            perhaps_done: true,
        }),
        _ => Failure::Error(refused(status, body)),
    }
}

fn pause(headers: &HeaderMap, body: &[u8]) -> Failure {
    let parsed = serde_json::from_slice::<ErrorBody<'_>>(body);
    // Without Discord's body it is what stands before Discord that refuses, and it refuses this address altogether.
    let from_before = parsed.is_err();
    let error = parsed.unwrap_or_default();
    if error.code == EDITED_TOO_OFTEN {
        return Failure::Error(refused(StatusCode::TOO_MANY_REQUESTS, body));
    }
    let stated = [seconds(headers, "retry-after"), error.retry_after.and_then(duration)];
    let wait = stated.into_iter().flatten().max().unwrap_or(UNSTATED_WAIT);
    let is_global = error.global || from_before || headers.contains_key("x-ratelimit-global");
    Failure::Pause { wait, is_global }
}

fn refused(status: StatusCode, body: &[u8]) -> DiscordError {
    let error: ErrorBody<'_> = serde_json::from_slice(body).unwrap_or_default();
    let message = text::cut(&error.message, MAX_WORDS);
    DiscordError::Refused { status: status.as_u16(), code: error.code, message }
}

/// What the headers of an answer say about limits.
pub(super) fn learned(headers: &HeaderMap) -> Learned<'_> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse().ok();
    Learned {
        bucket: text("x-ratelimit-bucket"),
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset_after: seconds(headers, "x-ratelimit-reset-after"),
    }
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    duration(headers.get(name)?.to_str().ok()?.trim().parse().ok()?)
}

fn duration(seconds: f64) -> Option<Duration> {
    // No number is too large to be understood: it means that it is long.
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(MAX_STATED_WAIT.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a 429 with this header and body means: the wait, and whether it holds for everything.
    fn check(header: Option<&'static str>, body: &str, seconds: f64, is_global: bool) {
        let mut headers = HeaderMap::new();
        header.map(|value| headers.insert("retry-after", value.parse().expect("a value")));
        let wait = Duration::from_secs_f64(seconds);
        let found = failure(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes());
        assert_eq!(found, Failure::Pause { wait, is_global }, "{header:?}, {body}");
    }

    #[test]
    fn a_pause_is_the_longer_one_of_what_is_said() {
        check(Some("1"), r#"{"retry_after":1163.5,"code":20028}"#, 1163.5, false);
        check(Some("65"), r#"{"retry_after":64.5,"global":true}"#, 65.0, true);
        check(Some("30"), "<!doctype html>", 30.0, true);
        check(None, "{}", 1.0, false);
    }

    #[test]
    fn a_message_that_was_edited_too_often_holds_up_no_other() {
        let body = br#"{"code":30046,"message":"Maximum number of edits","retry_after":0.3}"#;
        let found = failure(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
        let message = "Maximum number of edits".to_owned();
        assert_eq!(found, Failure::Error(DiscordError::Refused { status: 429, code: 30046, message }));
    }

    #[test]
    fn an_odd_pause_is_understood_as_far_as_can_be() {
        check(Some("1e30"), "{}", 3600.0, false);
        check(Some("inf"), r#"{"retry_after":1e300}"#, 3600.0, false);
        check(Some("NaN"), r#"{"retry_after":-5}"#, 1.0, false);
        check(Some("soon"), r#"{"retry_after":2}"#, 2.0, false);
    }
}
