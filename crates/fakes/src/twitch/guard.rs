//! What stands before Helix: issued tokens and the bucket of points. Pure: the time is an argument.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The limit that Twitch's documentation shows, in points a minute.
const USUAL_LIMIT: u32 = 800;
/// Fifty-eight days, about what Twitch gives an app access token.
const USUAL_LIFETIME: Duration = Duration::from_secs(5_011_271);
const MINUTE: Duration = Duration::from_mins(1);

/// Across all fakes of a process, so that one fake never accepts another's token.
static TOKENS: AtomicU64 = AtomicU64::new(1);

/// Points that come back evenly over a minute; a request costs one.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: u32,
    full_at: Duration,
}

/// What the `Ratelimit-*` headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) limit: u32,
    pub(super) remaining: u64,
    /// When the bucket is full again, in Unix seconds.
    pub(super) reset: u64,
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self::of(USUAL_LIMIT)
    }

    pub(super) fn of(limit: u32) -> Self {
        Self { limit, full_at: Duration::ZERO }
    }

    /// Takes one point; false when there is none.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let has_point = self.budget(now).remaining > 0;
        if has_point {
            self.full_at = self.full_at.max(now) + self.time_per_point();
        }
        has_point
    }

    pub(super) fn budget(&self, now: Duration) -> Budget {
        let full_at = self.full_at.max(now);
        let capacity = self.time_per_point() * self.limit;
        let left = capacity.saturating_sub(full_at.saturating_sub(now));
        let remaining = left.as_nanos() / self.time_per_point().as_nanos().max(1);
        Budget {
            limit: self.limit,
            remaining: u64::try_from(remaining).unwrap_or(u64::MAX),
            reset: whole_seconds(full_at),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    fn time_per_point(&self) -> Duration {
        MINUTE / self.limit.max(1)
    }
}

/// Rounded up, because a client that waits until then must find what was promised.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// App access tokens that are good, each with the time it ends.
#[derive(Debug)]
pub(super) struct Tokens {
    valid_until: HashMap<String, Duration>,
    pub(super) lifetime: Duration,
    pub(super) issued: usize,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self { valid_until: HashMap::new(), lifetime: USUAL_LIFETIME, issued: 0 }
    }

    pub(super) fn issue(&mut self, now: Duration) -> String {
        let token = format!("fakeapptoken{:018}", TOKENS.fetch_add(1, Ordering::Relaxed));
        self.valid_until.retain(|_, until| *until > now);
        self.valid_until.insert(token.clone(), now + self.lifetime);
        self.issued += 1;
        token
    }

    /// How long the token is still good; `None` for one that is not.
    pub(super) fn left(&self, token: &str, now: Duration) -> Option<Duration> {
        self.valid_until.get(token).and_then(|until| until.checked_sub(now)).filter(|left| !left.is_zero())
    }

    pub(super) fn revoke_all(&mut self) {
        self.valid_until.clear();
    }
}
