//! Looks up what was heard of: Twitch pushes that a stream has begun, but not what it is, and Helix shows it a little later.
//! Nothing is concluded from hearing alone, so a message that is lost, doubled or late changes only when a stream is seen.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::conduit::MAX_WAITING;
use crate::clock::Clock;
use crate::domain::{BroadcasterId, Observation, Online, Seen, Sighting, Source, StreamId, Timestamp};
use crate::twitch::{Helix, MAX_IDS};

/// When Helix is asked for a stream, counted from when it was heard of. Its cache shows a new stream up to a minute late, and
/// by then the poll has looked as well.
const LOOKS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
];

/// What is due so soon is looked for together with what is due now.
const TOGETHER: Duration = Duration::from_secs(1);

/// The pause between two looks: streams that begin one after the other share one.
const PAUSE: Duration = Duration::from_millis(500);

/// A stream that was heard of and not seen yet.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Candidate {
    stream: StreamId,
    broadcaster: BroadcasterId,
    heard_at: Timestamp,
    /// How often it was looked for.
    looks: usize,
}

impl Candidate {
    fn due(&self) -> Option<Timestamp> {
        LOOKS.get(self.looks).map(|after| self.heard_at.after(*after))
    }
}

/// Looks up streams that were heard of.
#[derive(Debug)]
pub struct Lookup {
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
    /// Who hears: what is seen because of it is seen by that one.
    pub source: Source,
    /// What was heard.
    pub heard: mpsc::Receiver<Online>,
    /// Where observations go.
    pub observations: mpsc::Sender<Observation>,
}

impl Lookup {
    /// Looks up what is heard until `stop`, or until nothing more can be heard.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look_for_ever() => {}
        }
    }

    async fn look_for_ever(&mut self) {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut not_before = self.clock.now();
        loop {
            let next = candidates.iter().filter_map(Candidate::due).min().map(|due| due.max(not_before));
            let pause = async {
                match next {
                    Some(due) => tokio::time::sleep(self.clock.until(due)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = self.heard.recv(), if candidates.len() < MAX_WAITING => match heard {
                    Some(heard) => take(&mut candidates, heard, self.clock.now()),
                    None => return,
                },
                () = pause => {
                    self.look(&mut candidates).await;
                    not_before = self.clock.now().after(PAUSE);
                }
            }
        }
    }

    /// Looks for everybody who is due, a hundred a request, and forgets who is seen or was looked for often enough.
    async fn look(&self, candidates: &mut Vec<Candidate>) {
        let soon = self.clock.now().after(TOGETHER);
        let is_due = |candidate: &Candidate| candidate.due().is_some_and(|due| due <= soon);
        let due: BTreeSet<BroadcasterId> = candidates
            .iter()
            .filter(|candidate| is_due(candidate))
            .map(|candidate| candidate.broadcaster.clone())
            .collect();
        let due: Vec<BroadcasterId> = due.into_iter().collect();
        let mut sightings: Vec<Sighting> = Vec::new();
        for batch in due.chunks(MAX_IDS) {
            match self.helix.streams(batch).await {
                Ok(page) => sightings.extend(page.live.into_iter().map(|stream| Sighting {
                    broadcaster: stream.broadcaster.clone(),
                    seen: Seen::Live(Box::new(stream)),
                })),
                Err(error) => {
                    tracing::warn!(%error, "what was heard of could not be looked up; trying again");
                }
            }
        }
        let shown = |candidate: &Candidate| {
            sightings
                .iter()
                .any(|sighting| matches!(&sighting.seen, Seen::Live(stream) if stream.id == candidate.stream))
        };
        candidates.retain_mut(|candidate| {
            if shown(candidate) {
                return false;
            }
            if is_due(candidate) {
                candidate.looks += 1;
            }
            let goes_on = candidate.due().is_some();
            if !goes_on {
                tracing::warn!(broadcaster = %candidate.broadcaster, stream = %candidate.stream,
                    "Twitch told of a stream and does not show it");
            }
            goes_on
        });
        // Twitch lists somebody twice now and then; the first one counts.
        let mut seen = BTreeSet::new();
        sightings.retain(|sighting| seen.insert(sighting.broadcaster.clone()));
        if !sightings.is_empty() {
            let at = self.clock.now();
            let observation = Observation { source: self.source, at, sightings };
            // The pipeline ends only when the program stops.
            let _ = self.observations.send(observation).await;
        }
    }
}

fn take(candidates: &mut Vec<Candidate>, heard: Online, now: Timestamp) {
    let Online { stream, broadcaster, is_live: true, .. } = heard else { return };
    // Messages come twice.
    if candidates.iter().all(|candidate| candidate.stream != stream) {
        candidates.push(Candidate { stream, broadcaster, heard_at: now, looks: 0 });
    }
}
