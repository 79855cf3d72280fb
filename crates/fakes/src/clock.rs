//! The fakes' own time: wall time at the start plus tokio's elapsed time, so that it follows a paused clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;

/// Unix time that advances with tokio's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Duration,
    started: tokio::time::Instant,
}

impl Clock {
    /// A clock that shows the machine's time now and follows tokio's time from here.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall, started: tokio::time::Instant::now() }
    }

    /// Time since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.wall + self.started.elapsed()
    }

    /// Now as a `Date` header says it.
    #[must_use]
    pub(crate) fn http_date(&self) -> HeaderValue {
        let seconds = i64::try_from(self.now().as_secs()).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        HeaderValue::try_from(text).expect("a date has no strange characters")
    }

    /// Now as RFC 3339 with whole seconds, the way Twitch writes `started_at`.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        rfc3339(self.now())
    }
}

/// Lets every task that can run now run first, without any time passing.
pub(crate) async fn let_others_act() {
    // In a task of its own: hyper polls a handler again at once, for which yielding here would already be over.
    let _ = tokio::spawn(tokio::task::yield_now()).await;
}

/// RFC 3339 with whole seconds for a time since the Unix epoch.
#[must_use]
pub fn rfc3339(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
