//! The part of deciding that is about who must hear: filters are asked when a session begins, when somebody joins it, and once more
//! whenever their answer may be another one.

use std::collections::HashMap;

use super::Pipeline;
use crate::audience::{self, Plan};
use crate::detect::Conclusion;
use crate::domain::{BroadcasterId, HeldBy, Seen, SessionId, Sighting, Stream, Watch};
use crate::store::{Change, StoreError};

impl Pipeline {
    /// What is held back from the sessions that go on, of which filters may say something else now: the stream is another one,
    /// more people watch, or somebody has changed what is wanted.
    pub(super) async fn gather_held(
        &mut self,
        conclusions: &[(&Sighting, Conclusion)],
    ) -> Result<HashMap<BroadcasterId, Vec<(Watch, Option<HeldBy>)>>, StoreError> {
        let (holding, generation) = (&self.holding, self.fresh.generation);
        let due: Vec<BroadcasterId> = self.store.board().with(|open| {
            let is_due = |(sighting, conclusion): &&(&Sighting, Conclusion)| {
                let (Seen::Live(seen) | Seen::Told(seen)) = &sighting.seen else { return false };
                // A stream of an earlier session, which Twitch's cache still shows, says nothing about this one.
                match conclusion {
                    Conclusion::Continued(stream) | Conclusion::Shown(stream) => {
                        stream.id == seen.id && holding.has(&sighting.broadcaster)
                    }
                    Conclusion::Unchanged => open.get(&sighting.broadcaster).is_some_and(|session| {
                        session.stream.id == seen.id
                            && seen.is_shown()
                            && holding.may_match(&sighting.broadcaster, session.stream.viewers, generation)
                    }),
                    _ => false,
                }
            };
            conclusions.iter().filter(is_due).map(|(sighting, _)| sighting.broadcaster.clone()).collect()
        });
        let mut held: HashMap<BroadcasterId, Vec<_>> = HashMap::new();
        for (watch, held_by) in self.store.held_watches(due.clone()).await? {
            held.entry(watch.key.broadcaster.clone()).or_default().push((watch, held_by));
        }
        for broadcaster in due.iter().filter(|broadcaster| !held.contains_key(broadcaster)) {
            self.holding.over(broadcaster);
        }
        Ok(held)
    }

    /// Plans for everybody who watches.
    pub(super) fn plan_all(&mut self, watches: Vec<Watch>, stream: &Stream) -> Plan {
        let plan = audience::plan(watches, stream, &mut self.patterns);
        self.holding.planned(&stream.broadcaster, &plan, self.fresh.generation);
        plan
    }

    /// Asks filters once more. Nothing changes for those of whom they say the same as before.
    pub(super) fn reconsider(
        &mut self,
        session: SessionId,
        stream: &Stream,
        held: Vec<(Watch, Option<HeldBy>)>,
    ) -> Option<Change> {
        if held.is_empty() {
            return None;
        }
        let before: HashMap<_, _> = held.iter().map(|(watch, held_by)| (watch.key.guild, *held_by)).collect();
        let watches = held.into_iter().map(|(watch, _)| watch).collect();
        let mut owed = self.plan_all(watches, stream).owed;
        owed.retain(|owed| owed.held_by.is_none() || before.get(&owed.watch.guild) != Some(&owed.held_by));
        let stream = Box::new(stream.clone());
        (!owed.is_empty()).then_some(Change::Reconsidered { session, stream, owed })
    }

    /// New watches have been looked at, and are owed word of a session that goes on.
    pub(super) fn catch_up(&mut self, fresh: Vec<Watch>, on: Option<(SessionId, &Stream)>) -> Change {
        let watches = fresh.iter().map(|watch| watch.key.clone()).collect();
        let Some((session, stream)) = on else {
            return Change::CaughtUp { watches, owed: Vec::new(), session: None };
        };
        let plan = audience::plan(fresh, stream, &mut self.patterns);
        self.holding.joined(&stream.broadcaster, &plan, self.fresh.generation);
        Change::CaughtUp { watches, owed: plan.owed, session: Some(session) }
    }
}
