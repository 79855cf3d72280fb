//! Which `EventSub` subscriptions there should be, and what has to be done about those that there are. Pure.
//!
//! Twitch lets an application have subscriptions up to a quota of cost, and a broadcaster who has not authorised it costs
//! one. So those get a subscription who are watched by the most servers; the others are looked at by the poll, like
//! everybody whose subscription is broken.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::BroadcasterId;
use crate::twitch::{STREAM_ONLINE, Status, Subscription, Transport};

/// What is left of the quota, as a share of it: for subscriptions that are made while the list is out of date, and for
/// another deployment with the same client id.
const RESERVE: u32 = 20;

/// By how much more somebody must be watched to take the place of somebody who has a subscription, as a share of that one's
/// watches. Each exchange costs two requests and a gap, and watches come and go all day.
const HYSTERESIS: u32 = 4;

/// The status of a subscription whose conduit is gone.
const CONDUIT_DELETED: &str = "conduit_deleted";

/// A broadcaster whom servers watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Who.
    pub broadcaster: BroadcasterId,
    /// By how many servers.
    pub watches: u32,
}

/// Everything that Twitch lists for the client id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The oldest first.
    pub subscriptions: Vec<Subscription>,
    /// What all of them may cost together.
    pub max_total_cost: u32,
}

/// Where our own subscriptions go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Own {
    /// Those that are wanted.
    pub current: Transport,
    /// Those of former times: other settings, or the same address with another secret. Nothing is to go there any more.
    pub former: Vec<Transport>,
}

/// One request that brings what there is closer to what there should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// End the subscription with this id.
    Delete(String),
    /// Subscribe to this broadcaster.
    Create(BroadcasterId),
}

/// How things stand, and what is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// In this order: first what frees cost, then the most watched.
    pub steps: Vec<Step>,
    /// Who has a subscription that works and stays.
    pub covered: HashSet<BroadcasterId>,
    /// What all that is wanted and affordable costs when it is there.
    pub cost: u32,
}

/// Compares what is wanted with what is listed.
///
/// What does not go to `own` belongs to another deployment and is left alone, but its cost counts; only what goes where ours
/// went formerly is ended. Of several subscriptions to one broadcaster the oldest stays. `refused` are broadcasters of whom
/// Twitch says that they do not exist.
#[must_use]
pub fn plan(wanted: &[Wanted], listed: &Listed, own: &Own, refused: &BTreeSet<BroadcasterId>) -> Plan {
    // With another secret, the same address is a former one.
    let is_former = |one: &&Subscription| own.former.contains(&one.transport);
    let is_own = |one: &&Subscription| one.transport == own.current && !is_former(one);
    // What does not work costs nothing.
    let is_dead = |one: &&Subscription| matches!(one.status, Status::Dead(_));
    let counts = |one: &&Subscription| !is_own(one) && !is_former(one) && !is_dead(one);
    let foreign: u32 = listed.subscriptions.iter().filter(counts).map(|one| one.cost).sum();
    let reserve = listed.max_total_cost / RESERVE;
    let room = listed.max_total_cost.saturating_sub(reserve).saturating_sub(foreign);

    let mut plan = Plan::default();
    let mut working: HashMap<&BroadcasterId, &Subscription> = HashMap::new();
    // Those of a conduit that is gone are nobody's; as a rule they were ours.
    let orphan = |one: &&Subscription| {
        is_former(one) || matches!(&one.status, Status::Dead(why) if why == CONDUIT_DELETED)
    };
    let orphans = listed.subscriptions.iter().filter(|one| !is_own(one)).filter(orphan);
    plan.steps.extend(orphans.map(|one| Step::Delete(one.id.clone())));
    for subscription in listed.subscriptions.iter().filter(is_own) {
        let wanted_kind =
            subscription.kind == STREAM_ONLINE && !matches!(subscription.status, Status::Dead(_));
        match subscription.broadcaster.as_ref().filter(|_| wanted_kind) {
            Some(broadcaster) if !working.contains_key(broadcaster) => {
                working.insert(broadcaster, subscription);
            }
            _ => plan.steps.push(Step::Delete(subscription.id.clone())),
        }
    }

    let mut ranked: Vec<&Wanted> =
        wanted.iter().filter(|wanted| !refused.contains(&wanted.broadcaster)).collect();
    ranked.sort_by(|a, b| {
        let rank = |one: &Wanted| rank(one.watches, working.contains_key(&one.broadcaster));
        rank(b).cmp(&rank(a)).then_with(|| a.broadcaster.cmp(&b.broadcaster))
    });
    let mut creates = Vec::new();
    for Wanted { broadcaster, .. } in ranked {
        let known = working.get(broadcaster);
        // Who has authorised the application costs nothing, which shows once there is a subscription.
        let cost = known.map_or(1, |subscription| subscription.cost);
        if plan.cost + cost > room {
            continue;
        }
        plan.cost += cost;
        match working.remove(broadcaster) {
            Some(subscription) if subscription.status == Status::Enabled => {
                plan.covered.insert(broadcaster.clone());
            }
            Some(_) => {}
            None => creates.push(Step::Create(broadcaster.clone())),
        }
    }
    // Nobody wants them any more, or others come first.
    let mut left: Vec<&Subscription> = working.into_values().collect();
    left.sort_by(|a, b| a.id.cmp(&b.id));
    plan.steps.extend(left.into_iter().map(|subscription| Step::Delete(subscription.id.clone())));
    plan.steps.append(&mut creates);
    plan
}

/// How much somebody is worth a subscription: the watches, and whether there is one.
fn rank(watches: u32, has_one: bool) -> (u32, bool) {
    let bonus = if has_one { watches / HYSTERESIS + 1 } else { 0 };
    (watches.saturating_add(bonus), has_one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: &str = "ours";

    fn who(number: u32) -> BroadcasterId {
        BroadcasterId::new(&number.to_string())
    }

    fn wanted(watches: &[(u32, u32)]) -> Vec<Wanted> {
        watches
            .iter()
            .map(|(number, watches)| Wanted { broadcaster: who(*number), watches: *watches })
            .collect()
    }

    fn own() -> Own {
        Own { current: Transport::Conduit(OWN.to_owned()), former: Vec::new() }
    }

    fn subscription(id: &str, number: u32) -> Subscription {
        Subscription {
            id: id.to_owned(),
            kind: STREAM_ONLINE.to_owned(),
            status: Status::Enabled,
            broadcaster: Some(who(number)),
            transport: own().current,
            cost: 1,
        }
    }

    fn listed(subscriptions: &[Subscription], max_total_cost: u32) -> Listed {
        Listed { subscriptions: subscriptions.to_vec(), max_total_cost }
    }

    fn steps(wanted: &[Wanted], listed: &Listed) -> Vec<Step> {
        plan(wanted, listed, &own(), &BTreeSet::new()).steps
    }

    fn delete(id: &str) -> Step {
        Step::Delete(id.to_owned())
    }

    #[test]
    fn the_most_watched_come_first_and_the_quota_is_kept() {
        let wanted = wanted(&[(1, 1), (2, 9), (3, 5), (4, 7)]);
        // A twentieth stays free, rounded down.
        assert_eq!(
            steps(&wanted, &listed(&[], 3)),
            [Step::Create(who(2)), Step::Create(who(4)), Step::Create(who(3))]
        );
        assert_eq!(steps(&wanted, &listed(&[], 20)).len(), 4);
        assert_eq!(steps(&wanted, &listed(&[], 0)), []);
    }

    #[test]
    fn nothing_is_done_when_everything_is_there() {
        let there = [subscription("a", 1), subscription("b", 2)];
        let wanted = wanted(&[(1, 1), (2, 1)]);
        let plan = plan(&wanted, &listed(&there, 10_000), &own(), &BTreeSet::new());
        assert_eq!((plan.steps, plan.cost), (Vec::new(), 2));
        assert_eq!(plan.covered, HashSet::from([who(1), who(2)]));
    }

    #[test]
    fn the_dead_the_doubled_and_the_unwanted_go() {
        let dead =
            Subscription { status: Status::Dead("user_removed".to_owned()), ..subscription("dead", 1) };
        let odd = Subscription { kind: "stream.offline".to_owned(), ..subscription("odd", 1) };
        let there =
            [dead, odd, subscription("first", 2), subscription("second", 2), subscription("unwanted", 3)];
        let expected =
            [delete("dead"), delete("odd"), delete("second"), delete("unwanted"), Step::Create(who(1))];
        assert_eq!(steps(&wanted(&[(1, 1), (2, 1)]), &listed(&there, 100)), expected);
    }

    #[test]
    fn what_waits_for_its_callback_is_neither_covered_nor_made_again() {
        let pending = Subscription { status: Status::Pending, ..subscription("a", 1) };
        let plan = plan(&wanted(&[(1, 1)]), &listed(&[pending], 100), &own(), &BTreeSet::new());
        assert_eq!((plan.steps, plan.covered), (Vec::new(), HashSet::new()));
    }

    #[test]
    fn another_deployment_is_left_alone_and_counts() {
        let foreign =
            Subscription { transport: Transport::Conduit("theirs".to_owned()), ..subscription("f", 1) };
        let web =
            Subscription { transport: Transport::Webhook("https://x".to_owned()), ..subscription("w", 9) };
        let expected = [Step::Create(who(1))];
        assert_eq!(steps(&wanted(&[(1, 2), (2, 1)]), &listed(&[foreign, web], 3)), expected);
    }

    #[test]
    fn what_a_deleted_conduit_leaves_behind_goes_and_takes_no_room() {
        let orphan = Subscription {
            status: Status::Dead(CONDUIT_DELETED.to_owned()),
            transport: Transport::Conduit("former".to_owned()),
            ..subscription("o", 1)
        };
        assert_eq!(steps(&wanted(&[(1, 1)]), &listed(&[orphan], 1)), [delete("o"), Step::Create(who(1))]);
    }

    #[test]
    fn what_went_elsewhere_formerly_goes_and_takes_no_room() {
        let web = |url: &str| Transport::Webhook(url.to_owned());
        let there = |id: &str, url: &str| Subscription { transport: web(url), ..subscription(id, 1) };
        let listed = listed(&[there("old", "https://old"), there("theirs", "https://theirs")], 2);
        let own = Own { current: web("https://new"), former: vec![web("https://old")] };
        let steps = plan(&wanted(&[(1, 1)]), &listed, &own, &BTreeSet::new()).steps;
        assert_eq!(steps, [delete("old"), Step::Create(who(1))]);
    }

    #[test]
    fn with_another_secret_everything_is_made_again() {
        let own = Own { former: vec![own().current], ..own() };
        let plan = plan(&wanted(&[(1, 1)]), &listed(&[subscription("a", 1)], 1), &own, &BTreeSet::new());
        assert_eq!((plan.steps, plan.covered), (vec![delete("a"), Step::Create(who(1))], HashSet::new()));
    }

    #[test]
    fn who_costs_nothing_stays_and_takes_no_room() {
        let free = |id: &str, number| Subscription { cost: 0, ..subscription(id, number) };
        let there = [free("a", 1), free("b", 2), subscription("c", 3)];
        let wanted = wanted(&[(1, 1), (2, 1), (3, 50), (4, 90)]);
        assert_eq!(steps(&wanted, &listed(&there, 1)), [delete("c"), Step::Create(who(4))]);
    }

    #[test]
    fn a_little_more_watched_is_no_reason_for_an_exchange() {
        let there = [subscription("a", 1)];
        assert_eq!(steps(&wanted(&[(1, 8), (2, 11)]), &listed(&there, 1)), []);
        assert_eq!(
            steps(&wanted(&[(1, 8), (2, 12)]), &listed(&there, 1)),
            [delete("a"), Step::Create(who(2))]
        );
    }

    #[test]
    fn a_quota_that_is_cut_is_kept_from_now_on() {
        let there = [subscription("a", 1), subscription("b", 2), subscription("c", 3)];
        assert_eq!(steps(&wanted(&[(1, 3), (2, 1), (3, 2)]), &listed(&there, 2)), [delete("b")]);
    }

    #[test]
    fn who_does_not_exist_is_not_asked_for_again() {
        let refused = BTreeSet::from([who(1)]);
        assert_eq!(plan(&wanted(&[(1, 1)]), &listed(&[], 100), &own(), &refused).steps, []);
    }

    /// What Twitch lists after a plan was carried out.
    fn carried_out(listed: &Listed, plan: &Plan) -> Listed {
        let mut subscriptions = listed.subscriptions.clone();
        for step in &plan.steps {
            match step {
                Step::Delete(id) => subscriptions.retain(|subscription| subscription.id != *id),
                Step::Create(broadcaster) => subscriptions.push(Subscription {
                    broadcaster: Some(broadcaster.clone()),
                    ..subscription(&format!("new-{broadcaster}"), 0)
                }),
            }
        }
        Listed { subscriptions, ..*listed }
    }

    fn any_listed() -> impl Strategy<Value = Vec<Subscription>> {
        let one = (0u32..12, 0u32..2, 0u8..4, prop::bool::weighted(0.8)).prop_map(
            |(number, cost, status, is_own)| {
                let status = match status {
                    0 => Status::Dead("gone".to_owned()),
                    1 => Status::Pending,
                    _ => Status::Enabled,
                };
                let transport = if is_own { own().current } else { Transport::Conduit("theirs".to_owned()) };
                Subscription { status, transport, cost, ..subscription("", number) }
            },
        );
        prop::collection::vec(one, 0..20).prop_map(|mut all| {
            for (number, subscription) in all.iter_mut().enumerate() {
                subscription.id = format!("s{number}");
            }
            all
        })
    }

    proptest! {
        #[test]
        fn one_round_is_enough_and_nothing_foreign_is_touched(
            watches in prop::collection::btree_map(0u32..12, 1u32..40, 0..12),
            there in any_listed(),
            max_total_cost in 0u32..20,
        ) {
            let wanted = wanted(&watches.into_iter().collect::<Vec<_>>());
            let before = listed(&there, max_total_cost);
            let first = plan(&wanted, &before, &own(), &BTreeSet::new());
            for subscription in &there {
                let is_foreign = subscription.transport != own().current;
                prop_assert!(!(is_foreign && first.steps.contains(&delete(&subscription.id))));
            }
            let after = carried_out(&before, &first);
            let second = plan(&wanted, &after, &own(), &BTreeSet::new());
            prop_assert_eq!(&second.steps, &[]);
            // Nothing of ours is there that nobody wants, nothing is there twice, and the quota is kept.
            let ours: Vec<_> = after.subscriptions.iter().filter(|one| one.transport == own().current).collect();
            let names: HashSet<_> = ours.iter().filter_map(|one| one.broadcaster.clone()).collect();
            prop_assert_eq!(names.len(), ours.len());
            prop_assert!(names.iter().all(|name| wanted.iter().any(|wanted| wanted.broadcaster == *name)));
            let alive = |one: &&Subscription| !matches!(one.status, Status::Dead(_));
            let total: u32 = after.subscriptions.iter().filter(alive).map(|one| one.cost).sum();
            let foreign = there.iter().filter(|one| one.transport != own().current);
            let foreign: u32 = foreign.filter(alive).map(|one| one.cost).sum();
            prop_assert!(total <= max_total_cost.max(foreign));
        }
    }
}
