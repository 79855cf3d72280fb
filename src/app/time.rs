//! The right time: what is done about a machine whose clock is wrong, or that slept.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::store::{Store, StoreError};
use crate::twitch::Helix;

/// How often it is looked whether the machine has slept; a sleep that is shorter changes nothing.
const SLEEP_LOOK: Duration = Duration::from_secs(5);

/// How far the machine's clock may be from Twitch's, in milliseconds, before Twitch's is believed: much more than an answer
/// takes, and much less than a quarter of an hour, after which an announcement is late.
const CLOCK_MAY_DIFFER: u64 = 60_000;

/// What comes before the first look: the right time, and nothing remembered that lies after it.
///
/// When the machine's own clock is far off, Twitch's is gone by. By a wrong one, streams would be late that have just begun,
/// and a lost answer would be a moment ago that was lost an hour ago.
pub(super) async fn wake(clock: &Clock, helix: &Helix, store: &Store) -> Result<(), StoreError> {
    let now = clock.now();
    let right = helix.time().unwrap_or(now);
    let behind = right.as_millis().saturating_sub(now.as_millis());
    if behind.unsigned_abs() > CLOCK_MAY_DIFFER {
        tracing::warn!(
            seconds = behind / 1000,
            "the machine's clock is behind Twitch's by this; going by Twitch's"
        );
        clock.shift(behind);
    }
    if let Some(ahead) = store.forget_the_future(clock.now(), clock.now()).await? {
        tracing::warn!(?ahead, "the clock has been set back since the last run");
    }
    Ok(())
}

/// Moves the clock on when the machine has slept: timers do not count that, but Twitch and Discord did not sleep. And puts
/// right what is remembered when the clock was set back.
pub(super) async fn follow(clock: Clock, store: Store, stop: CancellationToken) {
    let mut counted = clock::slept();
    let mut last = clock.now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SLEEP_LOOK) => {}
        }
        let slept = clock::slept();
        let more = slept.saturating_sub(counted);
        // The two clocks are not read at one instant, so a little is nothing.
        if more > SLEEP_LOOK {
            tracing::info!(slept = ?more, "the machine has slept");
            clock.shift(i64::try_from(more.as_millis()).unwrap_or(0));
            counted = slept;
        }
        let now = clock.now();
        let put_right = if now < last { store.forget_the_future(now, last).await } else { Ok(None) };
        match put_right {
            Ok(_) => last = now,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "what lies in the future waits for it"
                );
            }
        }
    }
}
