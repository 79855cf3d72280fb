//! Who is looked at in which cycle of the poll. Pure.
//!
//! Of whom Twitch pushes that they begin, the poll need not look so often: it finds what was not pushed, and the end. But a
//! request carries a hundred ids and costs the same with one, so none goes out half empty.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::domain::BroadcasterId;

/// How often somebody is looked at of whom Twitch pushes that the stream begins: what is not pushed is seen so late at most.
const IDLE_EVERY: Duration = Duration::from_mins(3);

/// How often when live: for `/live`, and because the end is seen by looks alone.
pub(super) const LIVE_EVERY: Duration = Duration::from_mins(1);

/// How often somebody is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tier {
    /// In every cycle: only the poll sees this one.
    Every,
    /// Twitch pushes, and a session is open.
    Live,
    /// Twitch pushes, and none is open.
    Idle,
}

/// Who of the roster is looked at in a cycle. `interval` is the time between two of them, `batch` how many ids a request
/// carries.
///
/// The slower ones are spread over the cycles by their ids, so that all cycles are alike and nothing has to be remembered.
/// What room is left in the last request is filled with those whose turn comes later.
pub(super) fn due(
    roster: &[BroadcasterId],
    cycle: u64,
    interval: Duration,
    batch: usize,
    tier: impl Fn(&BroadcasterId) -> Tier,
) -> Vec<BroadcasterId> {
    let (mut due, mut others) = (Vec::new(), Vec::new());
    for id in roster {
        let turns = match tier(id) {
            Tier::Every => 1,
            Tier::Live => turns(LIVE_EVERY, interval),
            Tier::Idle => turns(IDLE_EVERY, interval),
        };
        if turns == 1 || spread(id) % turns == cycle % turns { due.push(id) } else { others.push(id) }
    }
    let room = due.len().max(1).next_multiple_of(batch) - due.len();
    // Others each time, so that all have the same use of it.
    let start = usize::try_from(cycle).unwrap_or_default().wrapping_mul(batch) % others.len().max(1);
    let (later, first) = others.split_at(start.min(others.len()));
    due.extend(first.iter().chain(later).take(room));
    due.into_iter().cloned().collect()
}

/// One cycle of so many is somebody's turn.
fn turns(every: Duration, interval: Duration) -> u64 {
    u64::try_from(every.as_millis() / interval.as_millis().max(1)).unwrap_or(1).max(1)
}

fn spread(id: &BroadcasterId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn roster(count: usize) -> Vec<BroadcasterId> {
        (0..count).map(|number| BroadcasterId::new(&number.to_string())).collect()
    }

    fn number(id: &BroadcasterId) -> usize {
        id.as_str().parse().expect("a number")
    }

    /// How often each is looked at in so many cycles.
    fn looks(
        roster: &[BroadcasterId],
        cycles: u64,
        tier: impl Fn(&BroadcasterId) -> Tier,
    ) -> BTreeMap<usize, usize> {
        let mut looks = BTreeMap::new();
        for cycle in 0..cycles {
            for id in due(roster, cycle, INTERVAL, 100, &tier) {
                *looks.entry(number(&id)).or_default() += 1;
            }
        }
        looks
    }

    #[test]
    fn few_are_all_looked_at_in_every_cycle_for_the_same_price() {
        let looks = looks(&roster(100), 6, |_| Tier::Idle);
        assert!(looks.len() == 100 && looks.values().all(|count| *count == 6), "{looks:?}");
    }

    #[test]
    fn many_cost_a_sixth_while_twitch_pushes() {
        let roster = roster(6_000);
        let requests: usize = (0..6)
            .map(|cycle| due(&roster, cycle, INTERVAL, 100, |_| Tier::Idle).len())
            .map(|due| due.div_ceil(100))
            .sum();
        assert!((60..=66).contains(&requests), "{requests} requests for what 60 can carry");
        let everybody = due(&roster, 0, INTERVAL, 100, |_| Tier::Every);
        assert_eq!(everybody.len(), 6_000);
    }

    #[test]
    fn nobody_is_nobody() {
        assert_eq!(due(&[], 7, INTERVAL, 100, |_| Tier::Idle), []);
    }

    #[test]
    fn an_interval_longer_than_the_tiers_makes_them_one() {
        let roster = roster(1_000);
        let due = due(&roster, 3, Duration::from_mins(5), 100, |_| Tier::Idle);
        assert_eq!(due.len(), 1_000);
    }

    proptest! {
        #[test]
        fn each_is_looked_at_as_often_as_the_tier_says(count in 0usize..1_500, start in 0u64..1_000) {
            let roster = roster(count);
            let tier = |id: &BroadcasterId| match number(id) % 5 {
                0 => Tier::Every,
                1 => Tier::Live,
                _ => Tier::Idle,
            };
            let mut least = BTreeMap::new();
            for cycle in start..start + 6 {
                let due = due(&roster, cycle, INTERVAL, 100, tier);
                let distinct: BTreeSet<_> = due.iter().collect();
                prop_assert_eq!(distinct.len(), due.len());
                prop_assert!(due.len() == count || due.len().is_multiple_of(100));
                for id in due {
                    *least.entry(number(&id)).or_insert(0) += 1;
                }
            }
            for id in 0..count {
                let wanted = match id % 5 { 0 => 6, 1 => 3, _ => 1 };
                prop_assert!(least.get(&id).is_some_and(|looks| *looks >= wanted), "{id}");
            }
        }
    }
}
