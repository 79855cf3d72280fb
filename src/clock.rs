//! The only reader of the time. Everybody else is told what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::domain::Timestamp;

/// Wall time that does not jump: the machine's time when the program started, plus what has elapsed since, plus the time
/// that the machine slept.
///
/// A system clock that is corrected while the program runs therefore never makes a stream end, a lease expire or a retry
/// wait for an hour; and tokio's paused time in tests is followed exactly. The price: a clock that was wrong at the start
/// stays wrong until it is told by how much.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
    /// How far the time was moved since the start, in milliseconds: by the machine's sleep, or because it was wrong.
    moved: Arc<AtomicI64>,
    /// The same without what was set back.
    moved_on: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that shows the machine's time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(Timestamp::from_millis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)))
    }

    /// A clock that shows that time now, as a machine whose time is set wrong does.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, started: Instant::now(), moved: Arc::default(), moved_on: Arc::default() }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall.after(self.started.elapsed()).shifted(self.moved.load(Ordering::Acquire))
    }

    /// Now, by a count that is never set back: for limits and pauses, which would last an hour longer. It may differ from
    /// [`Clock::now`].
    #[must_use]
    pub fn steady(&self) -> Timestamp {
        self.wall.after(self.started.elapsed()).shifted(self.moved_on.load(Ordering::Acquire))
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

    /// Moves the time, because the machine slept for so long or its clock was wrong; for this clock and all its clones.
    pub fn shift(&self, millis: i64) {
        self.moved.fetch_add(millis, Ordering::AcqRel);
        self.moved_on.fetch_add(millis.max(0), Ordering::AcqRel);
    }
}

/// How long the machine has slept since it was started, as far as it says. Timers do not count it, but the world goes on.
#[cfg(target_os = "linux")]
#[must_use]
pub fn slept() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    // The one goes on while the machine sleeps, the other does not (`clock_gettime(2)`).
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

/// Elsewhere nobody says: the clock stays behind while the machine sleeps.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn slept() -> Duration {
    Duration::ZERO
}
