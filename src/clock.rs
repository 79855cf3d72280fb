//! The only reader of the time. Everybody else is told what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::domain::Timestamp;

/// Wall time that cannot jump: the machine's time when the program started, plus what has elapsed since.
///
/// A system clock that is corrected while the program runs therefore never makes a stream end, a lease expire or a retry
/// wait for an hour; and tokio's paused time in tests is followed exactly. The price: on a machine that slept, or whose
/// clock was wrong at the start, this clock stays behind until the program starts again.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that shows the machine's time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall: Timestamp::from_millis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
            started: Instant::now(),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall.after(self.started.elapsed())
    }

    /// How long from now until `then`; zero when it has passed.
    #[must_use]
    pub fn until(&self, then: Timestamp) -> Duration {
        then.since(self.now())
    }

    /// Time since this clock was made, for latencies.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
