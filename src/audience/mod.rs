//! Who must hear: watches × what happened → who is owed a delivery, and what still holds one back. Pure; it neither remembers
//! nor sends.

mod filters;
mod literals;
mod patterns;

pub use patterns::Patterns;

use crate::domain::{HeldBy, Owed, Preferences, Stream, Watch};
use filters::Facts;

/// Who must hear of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Every watch that has a place, with the filter that holds it back, if one does.
    pub owed: Vec<Owed>,
    /// The fewest viewers with whom one of those matches that only want more: below that, more viewers change nothing.
    pub viewers_wanted: Option<u64>,
}

impl Plan {
    /// Whether something is held back.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.owed.iter().any(|owed| owed.held_by.is_some())
    }
}

/// Plans for everybody who watches a stream as it is seen now.
///
/// A watch without a place is owed nothing: its server took its channel back, and says so in `/streamers`.
#[must_use]
pub fn plan(watches: Vec<Watch>, stream: &Stream, patterns: &mut Patterns) -> Plan {
    let facts = Facts::of(stream);
    let mut plan = Plan { owed: Vec::with_capacity(watches.len()), viewers_wanted: None };
    for Watch { key, channel, preferences } in watches {
        let Some(channel) = channel else { continue };
        let held_by = facts.held_by(&preferences, patterns);
        if held_by == Some(HeldBy::MinViewers) {
            plan.viewers_wanted = [plan.viewers_wanted, preferences.min_viewers].into_iter().flatten().min();
        }
        plan.owed.push(Owed { watch: key, channel, held_by });
    }
    plan
}

/// The filter that holds a stream back from a server that wants its announcements so.
#[must_use]
pub fn held_by(preferences: &Preferences, stream: &Stream, patterns: &mut Patterns) -> Option<HeldBy> {
    Facts::of(stream).held_by(preferences, patterns)
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
