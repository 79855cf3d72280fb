//! Who is live, in memory: open sessions with the viewers and the last look, which change too often to be written, and how
//! many watched in the looks that are not written yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::domain::{BroadcasterId, Session, SessionId, Stream, Timestamp};

/// The open sessions. Cheap to share; readers never wait for the disk.
#[derive(Clone, Debug, Default)]
pub struct Board {
    sessions: Arc<RwLock<HashMap<BroadcasterId, Session>>>,
    /// The looks that are not written yet.
    tallies: Arc<Mutex<HashMap<SessionId, Tally>>>,
    /// Milliseconds since the Unix epoch; 0 before the first look.
    looked_at: Arc<AtomicI64>,
}

/// How many watched, over some looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) peak: Option<u64>,
    pub(super) sum: u64,
    pub(super) looks: u64,
}

impl Tally {
    fn add(&mut self, viewers: u64) {
        self.peak = self.peak.max(Some(viewers));
        self.sum = self.sum.saturating_add(viewers);
        self.looks += 1;
    }
}

/// A streamer whose session has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveNow {
    /// What the last sighting showed.
    pub stream: Stream,
    /// When the session began: earlier than the stream when there was a drop.
    pub since: Timestamp,
    /// Set while the last looks missed the stream: a drop, or the end that is not certain yet.
    pub missing_since: Option<Timestamp>,
}

impl Board {
    /// Looks at the open sessions, all at one moment.
    pub fn with<T>(&self, look: impl FnOnce(&HashMap<BroadcasterId, Session>) -> T) -> T {
        look(&self.sessions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of a broadcaster whose session is open.
    #[must_use]
    pub fn live(&self, broadcaster: &BroadcasterId) -> Option<LiveNow> {
        self.with(|sessions| {
            sessions.get(broadcaster).map(|session| LiveNow {
                stream: session.stream.clone(),
                since: session.started_at,
                missing_since: session.missing_since,
            })
        })
    }

    /// Keeps the viewers and the picture of a stream that is otherwise as it was, and that it was seen.
    ///
    /// The viewers count for the session's peak and average as well.
    pub fn saw(&self, stream: &Stream, at: Timestamp) {
        self.change(|sessions| {
            let Some(session) = sessions.get_mut(&stream.broadcaster) else { return };
            if session.missing_since.is_some() {
                return;
            }
            session.last_seen_at = at;
            session.surely_seen_at = None;
            if session.stream.id == stream.id {
                session.stream.viewers = stream.viewers;
                session.stream.thumbnail.clone_from(&stream.thumbnail);
                if let Some(viewers) = stream.viewers {
                    self.tallies().entry(session.id).or_default().add(viewers);
                }
            }
        });
    }

    /// Notes that somebody has looked at Twitch.
    pub fn looked(&self, at: Timestamp) {
        self.looked_at.fetch_max(at.as_millis(), Ordering::AcqRel);
    }

    /// Lets the last look not lie after this.
    pub(super) fn looked_at_most(&self, now: Timestamp) {
        self.looked_at.fetch_min(now.as_millis(), Ordering::AcqRel);
    }

    /// The last look at anybody since the program started.
    #[must_use]
    pub fn looked_at(&self) -> Option<Timestamp> {
        let millis = self.looked_at.load(Ordering::Acquire);
        (millis > 0).then(|| Timestamp::from_millis(millis))
    }

    /// The looks at a session that are not written yet.
    pub(super) fn unwritten(&self, session: SessionId) -> Option<Tally> {
        self.tallies().get(&session).copied()
    }

    /// The same of all sessions.
    pub(super) fn all_unwritten(&self) -> Vec<(SessionId, Tally)> {
        self.tallies().iter().map(|(session, tally)| (*session, *tally)).collect()
    }

    /// These looks are written. Those that have come meanwhile stay.
    pub(super) fn written(&self, session: SessionId, written: Tally) {
        let mut tallies = self.tallies();
        let Some(tally) = tallies.get_mut(&session) else { return };
        tally.sum = tally.sum.saturating_sub(written.sum);
        tally.looks = tally.looks.saturating_sub(written.looks);
        if tally.looks == 0 {
            tallies.remove(&session);
        }
    }

    fn tallies(&self) -> MutexGuard<'_, HashMap<SessionId, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut HashMap<BroadcasterId, Session>) -> T) -> T {
        change(&mut self.sessions.write().unwrap_or_else(PoisonError::into_inner))
    }
}
