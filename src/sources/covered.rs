//! Of whom Twitch pushes that they begin to stream, and whether that can be relied on right now.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::{BroadcasterId, Timestamp};

/// How long a subscription, or the connection, must have been there before it is relied on: what began before it was is shown
/// by looks alone, and Twitch's list shows it up to a minute late.
const RELIED_ON_AFTER: Duration = Duration::from_mins(2);

/// The broadcasters with a subscription that works. Cheap to share.
#[derive(Clone, Debug, Default)]
pub struct Covered(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: RwLock<State>,
    lost: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Since when each has one.
    since: HashMap<BroadcasterId, Timestamp>,
    /// Since when what Twitch pushes arrives here.
    heard_since: Option<Timestamp>,
}

impl State {
    fn is_relied_on(&self, broadcaster: &BroadcasterId, now: Timestamp) -> bool {
        let long_enough = |since: Timestamp| since.after(RELIED_ON_AFTER) <= now;
        self.heard_since.is_some_and(long_enough)
            && self.since.get(broadcaster).copied().is_some_and(long_enough)
    }
}

impl Covered {
    /// What Twitch pushes arrives from now on, or does not.
    pub fn set_heard(&self, heard_since: Option<Timestamp>) {
        let before = self.change(|state| std::mem::replace(&mut state.heard_since, heard_since));
        if before.is_some() && heard_since.is_none() {
            self.0.lost.notify_one();
        }
    }

    /// Waits until what Twitch pushes does not arrive any more. One waits at a time.
    pub(super) async fn lost(&self) {
        self.0.lost.notified().await;
    }

    /// These have a subscription, and nobody else.
    pub fn replace(&self, broadcasters: &HashSet<BroadcasterId>, now: Timestamp) {
        self.change(|state| {
            state.since.retain(|known, _| broadcasters.contains(known));
            for broadcaster in broadcasters {
                state.since.entry(broadcaster.clone()).or_insert(now);
            }
        });
    }

    /// This one has a subscription as well.
    pub fn add(&self, broadcaster: BroadcasterId, now: Timestamp) {
        self.change(|state| state.since.entry(broadcaster).or_insert(now).to_owned());
    }

    /// This one has none any more.
    pub fn remove(&self, broadcaster: &BroadcasterId) {
        self.change(|state| state.since.remove(broadcaster));
    }

    /// Whether it would be heard if this one began to stream.
    #[must_use]
    pub fn is_relied_on(&self, broadcaster: &BroadcasterId, now: Timestamp) -> bool {
        self.read().is_relied_on(broadcaster, now)
    }

    /// Whether anything is heard, and has been for long enough to be relied on.
    pub(super) fn is_heard(&self, now: Timestamp) -> bool {
        self.read().heard_since.is_some_and(|since| since.after(RELIED_ON_AFTER) <= now)
    }

    /// Looks at everything at one moment.
    pub(super) fn with<T>(
        &self,
        now: Timestamp,
        look: impl FnOnce(&dyn Fn(&BroadcasterId) -> bool) -> T,
    ) -> T {
        let state = self.read();
        look(&|broadcaster| state.is_relied_on(broadcaster, now))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_subscription_is_relied_on_when_it_has_stood_for_a_while_and_is_heard() {
        let (covered, ann, bob) = (Covered::default(), BroadcasterId::new("1"), BroadcasterId::new("2"));
        covered.add(ann.clone(), second(0));
        assert!(!covered.is_relied_on(&ann, second(500)), "nothing is heard");
        covered.set_heard(Some(second(500)));
        assert!(!covered.is_relied_on(&ann, second(619)));
        assert!(covered.is_relied_on(&ann, second(620)));
        covered.replace(&HashSet::from([ann.clone(), bob.clone()]), second(620));
        assert!(covered.is_relied_on(&ann, second(620)), "it has stood all the time");
        assert!(!covered.is_relied_on(&bob, second(739)) && covered.is_relied_on(&bob, second(740)));
        covered.remove(&ann);
        covered.replace(&HashSet::new(), second(740));
        covered.add(bob.clone(), second(740));
        assert!(!covered.is_relied_on(&ann, second(9_000)) && !covered.is_relied_on(&bob, second(750)));
        covered.set_heard(None);
        assert!(!covered.is_relied_on(&bob, second(9_000)));
    }
}
