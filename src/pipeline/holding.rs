//! What open sessions hold back, in memory, so that a look in which nothing changes asks no filter and no store.

use std::collections::HashMap;

use crate::audience::Plan;
use crate::domain::BroadcasterId;
use crate::store::{Store, StoreError};

/// Whose open sessions hold something back. That something is no longer held back is not always noticed at once: then the store
/// is asked once for nothing.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Nothing until the store was asked.
    sessions: Option<HashMap<BroadcasterId, HeldBack>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct HeldBack {
    /// Of which generation the watches were when filters were asked.
    generation: u64,
    /// As in [`Plan`].
    viewers_wanted: Option<u64>,
}

impl Holding {
    /// Asks the store after a start, or when it is not certain what has been remembered. Filters are asked once more then.
    pub(super) async fn load(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.sessions.is_none() {
            let sessions = store.held_back().await?.into_iter().map(|whose| (whose, HeldBack::default()));
            self.sessions = Some(sessions.collect());
        }
        Ok(())
    }

    /// What is kept here may not be what is remembered.
    pub(super) fn forget(&mut self) {
        self.sessions = None;
    }

    /// Whether that session holds something back.
    pub(super) fn has(&self, broadcaster: &BroadcasterId) -> bool {
        self.sessions.as_ref().is_some_and(|sessions| sessions.contains_key(broadcaster))
    }

    /// Whether filters may answer otherwise than before although nothing but the viewers has changed about the stream.
    pub(super) fn may_match(
        &self,
        broadcaster: &BroadcasterId,
        viewers: Option<u64>,
        generation: u64,
    ) -> bool {
        let held = self.sessions.as_ref().and_then(|sessions| sessions.get(broadcaster));
        held.is_some_and(|held| {
            held.generation != generation
                || held.viewers_wanted.is_some_and(|least| viewers.is_some_and(|viewers| viewers >= least))
        })
    }

    /// Filters were asked for everybody from whom that session may be held back.
    pub(super) fn planned(&mut self, broadcaster: &BroadcasterId, plan: &Plan, generation: u64) {
        if plan.holds_back() {
            let held = HeldBack { generation, viewers_wanted: plan.viewers_wanted };
            self.sessions.get_or_insert_default().insert(broadcaster.clone(), held);
        } else {
            self.over(broadcaster);
        }
    }

    /// Filters were asked for some more.
    pub(super) fn joined(&mut self, broadcaster: &BroadcasterId, plan: &Plan, generation: u64) {
        if !plan.holds_back() {
            return;
        }
        let sessions = self.sessions.get_or_insert_default();
        let new = HeldBack { generation, viewers_wanted: None };
        let held = sessions.entry(broadcaster.clone()).or_insert(new);
        held.viewers_wanted = [held.viewers_wanted, plan.viewers_wanted].into_iter().flatten().min();
    }

    /// That session is over, or holds nothing back any more.
    pub(super) fn over(&mut self, broadcaster: &BroadcasterId) {
        if let Some(sessions) = &mut self.sessions {
            sessions.remove(broadcaster);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChannelId, GuildId, HeldBy, Owed, WatchKey};

    fn plan(held_by: Option<HeldBy>, viewers_wanted: Option<u64>) -> Plan {
        let guild = GuildId::new(1).expect("an id");
        let watch = WatchKey { guild, broadcaster: BroadcasterId::new("1") };
        let channel = ChannelId::new(1).expect("an id");
        Plan { owed: vec![Owed { watch, channel, held_by }], viewers_wanted }
    }

    #[test]
    fn filters_are_asked_again_when_watches_change_or_enough_watch() {
        let (mut holding, ann) = (Holding::default(), BroadcasterId::new("1"));
        holding.planned(&ann, &plan(Some(HeldBy::MinViewers), Some(100)), 1);
        assert!(!holding.may_match(&ann, Some(99), 1));
        assert!(!holding.may_match(&ann, None, 1));
        assert!(holding.may_match(&ann, Some(100), 1));
        assert!(holding.may_match(&ann, Some(0), 2));
        holding.joined(&ann, &plan(Some(HeldBy::MinViewers), Some(50)), 2);
        assert!(holding.may_match(&ann, Some(50), 1));
        holding.planned(&ann, &plan(Some(HeldBy::OnlyCategory), None), 2);
        assert!(holding.has(&ann) && !holding.may_match(&ann, Some(1_000), 2));
        holding.planned(&ann, &plan(None, None), 2);
        assert!(!holding.has(&ann) && !holding.may_match(&ann, Some(1_000), 3));
    }
}
