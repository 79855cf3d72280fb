//! Looks for the recordings of sessions that are over, for the announcements that link to them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::{Recording, StreamId, Timestamp};
use crate::store::{Store, StoreError, Unrecorded};
use crate::twitch::{Helix, TwitchError};

/// When the recordings of a session are looked for after its end. Twitch lists most while they are made, some when the stream
/// is over, and those of streamers who keep none never.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_mins(2), Duration::from_mins(10), Duration::from_mins(30)];

/// How often it is seen whether there is something to look for. Within this time the first look is to be over, so that one
/// edit tells of the end and of the recording.
const SEE_EVERY: Duration = Duration::from_secs(5);

/// The pause after a request that Twitch has not answered.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Sessions that are looked for before it is seen again what is due; each is a request.
const BATCH: usize = 20;

/// After so long nobody opens an announcement any more to find the recording in it: when Twitch could not be asked all day.
const GIVE_UP: Duration = Duration::from_hours(24);

/// Finds recordings.
#[derive(Debug)]
pub struct Recordings {
    /// Whose are looked for.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
}

/// Why what is due was not looked for.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("Twitch does not answer")]
    Twitch,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recordings {
    /// Looks for what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let look_for_ever = async {
            loop {
                let pause = match self.look().await {
                    Ok(()) => SEE_EVERY,
                    Err(Failed::Twitch) => LOOK_AGAIN,
                    Err(Failed::Store(error)) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "recordings cannot be remembered");
                        LOOK_AGAIN
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = look_for_ever => {}
        }
    }

    async fn look(&self) -> Result<(), Failed> {
        let now = self.clock.now();
        for unrecorded in self.store.recordings_due(now, now.before(GIVE_UP), BATCH).await? {
            let Unrecorded { session, broadcaster, since, streams } = unrecorded;
            let archives = match self.helix.archives(&broadcaster).await {
                Ok(archives) => archives,
                // Twitch has answered: there is nothing to find.
                Err(error @ TwitchError::Refused { .. }) => {
                    tracing::warn!(%session, %broadcaster, %error, "the recordings are refused");
                    Vec::new()
                }
                Err(error) => {
                    tracing::warn!(%session, %broadcaster, %error, "recordings could not be looked for");
                    // Others go first the next time, for it may be about this one.
                    let now = self.clock.now();
                    let again = Some(now.after(LOOK_AGAIN));
                    self.store.recordings_found(session, Vec::new(), again, now).await?;
                    return Err(Failed::Twitch);
                }
            };
            let found: Vec<(StreamId, Recording)> =
                archives.into_iter().filter(|(stream, _)| streams.contains(stream)).collect();
            let now = self.clock.now();
            let new = self.store.recordings_found(session, found, next_look(since, now), now).await?;
            if new > 0 {
                tracing::info!(%session, %broadcaster, recordings = new, "found the recording");
            }
        }
        Ok(())
    }
}

/// When to look the next time for what ended then; nothing after the last look.
fn next_look(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    LOOKS.into_iter().map(|wait| since.after(wait)).find(|look| *look > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_four_times_in_half_an_hour() {
        let minute = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        let next = |now| next_look(minute(0), minute(now));
        assert_eq!([0, 2, 10, 30].map(next), [Some(minute(2)), Some(minute(10)), Some(minute(30)), None]);
        // Who was away looks once for all that was missed.
        assert_eq!([11, 600].map(next), [Some(minute(30)), None]);
    }
}
