//! The buckets in which Discord counts requests, learned from its headers. Pure; whoever asks does the waiting.
//!
//! Source: Discord, Rate Limits, "Header Format". A bucket has a name that Discord gives and counts for one top-level
//! resource; several routes may share it, and the name of a route may change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{GuildId, Timestamp};

/// A bucket that was not used for so long is as good as a fresh one and is forgotten when there are [`MAX_BUCKETS`].
const BUCKET_LIFE: Duration = Duration::from_mins(10);

/// More buckets than this are tidied up. Ten thousand are about 2 MB, and at 50 requests a second no more than three times
/// as many are used within [`BUCKET_LIFE`].
const MAX_BUCKETS: usize = 10_000;

/// How often there is tidying at most: looking through that many takes longer than a request.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// The longest name of a bucket that is believed; Discord's have 20 to 32 characters.
const MAX_NAME: usize = 64;

/// What a request is, as far as can be known before Discord answers: one kind of request on one resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Route {
    /// The request with its resource left out, as `POST /channels/{}/messages`.
    pub(super) kind: &'static str,
    /// The top-level resource: a channel, a server, or 0 for none.
    pub(super) resource: u64,
}

impl Route {
    /// A request about a server.
    pub(super) fn of(kind: &'static str, guild: GuildId) -> Self {
        Self { kind, resource: guild.get() }
    }
}

/// Why a request may not go out yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Until then, at least.
    Until(Timestamp),
    /// Until an answer comes to a request of this bucket: to the first one, or when its window is all under way.
    ForAnAnswer,
}

/// What Discord's headers say after a request.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Learned<'a> {
    /// Discord's name for the bucket.
    pub(super) bucket: Option<&'a str>,
    /// Requests in a window of the bucket.
    pub(super) limit: Option<u32>,
    /// Requests left in this window.
    pub(super) remaining: Option<u32>,
    /// How long this window lasts from now.
    pub(super) reset_after: Option<Duration>,
}

/// What is limited together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    name: Name,
    resource: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Name {
    /// Discord has not named the bucket of this kind of request yet.
    OfKind(&'static str),
    /// Discord's name.
    Given(Arc<str>),
}

/// A route that was used: where it is counted, and how much of what is under way there is its own.
#[derive(Debug)]
struct Used {
    key: Key,
    in_flight: u32,
}

#[derive(Debug)]
struct Bucket {
    limit: Option<u32>,
    remaining: u32,
    reset_at: Timestamp,
    closed_until: Option<Timestamp>,
    in_flight: u32,
    used_at: Timestamp,
}

/// All buckets of one bot.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    known: HashMap<Key, Bucket>,
    routes: HashMap<Route, Used>,
    /// The latest name for each kind of request: what a route that was never used is counted under.
    names: HashMap<&'static str, Arc<str>>,
    tidied_at: Option<Timestamp>,
}

impl Buckets {
    /// Whether a request may go out now, or what to wait for.
    pub(super) fn look(&self, now: Timestamp, route: Route) -> Result<(), Wait> {
        let bucket = match self.routes.get(&route) {
            Some(used) => self.known.get(&used.key),
            None => self.known.get(&self.first_key(route)),
        };
        bucket.map_or(Ok(()), |bucket| bucket.look(now))
    }

    /// Counts a request that goes out now.
    pub(super) fn take(&mut self, now: Timestamp, route: Route) {
        self.tidy(now);
        let key = self.first_key(route);
        let used = self.routes.entry(route).or_insert_with(|| Used { key, in_flight: 0 });
        used.in_flight += 1;
        let bucket = self.known.entry(used.key.clone()).or_insert_with(|| Bucket::fresh(now));
        bucket.remaining = bucket.left(now).saturating_sub(1);
        bucket.in_flight += 1;
        bucket.used_at = now;
    }

    /// A request is no longer under way; also one that nobody waited for to the end.
    pub(super) fn is_over(&mut self, route: Route) {
        let Some(used) = self.routes.get_mut(&route) else { return };
        used.in_flight = used.in_flight.saturating_sub(1);
        if let Some(bucket) = self.known.get_mut(&used.key) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    /// A request that was counted never went out.
    pub(super) fn unused(&mut self, route: Route) {
        self.is_over(route);
        let key = self.routes.get(&route).map(|used| &used.key);
        if let Some(bucket) = key.and_then(|key| self.known.get_mut(key)) {
            bucket.remaining = (bucket.remaining + 1).min(bucket.limit.unwrap_or(1));
        }
    }

    /// Believes the headers of an answer to a request that still counts as under way.
    pub(super) fn learn(&mut self, now: Timestamp, route: Route, learned: Learned<'_>) {
        if let Some(name) = learned.bucket {
            self.follow(now, route, name);
        }
        let (Some(limit), Some(remaining), Some(reset_after)) =
            (learned.limit, learned.remaining, learned.reset_after)
        else {
            return;
        };
        let Some(bucket) = self.bucket(route) else { return };
        // The others under way are not counted in it yet.
        let remaining = remaining.saturating_sub(bucket.in_flight.saturating_sub(1));
        // Answers overtake each other: within one window the number left only falls.
        let same_window = bucket.limit.is_some() && now < bucket.reset_at;
        bucket.remaining = if same_window { bucket.remaining.min(remaining) } else { remaining };
        bucket.limit = Some(limit.max(1));
        bucket.reset_at = now.after(reset_after);
    }

    /// Discord wants a pause of this bucket: nothing is left in it before `until`. Returns until when it was closed before.
    pub(super) fn close(&mut self, route: Route, until: Timestamp) -> Option<Timestamp> {
        let bucket = self.bucket(route)?;
        let before = bucket.closed_until;
        bucket.closed_until = before.max(Some(until));
        bucket.remaining = 0;
        bucket.reset_at = bucket.reset_at.max(until);
        before
    }

    /// Counts a route where Discord says that it counts, together with what is under way on it.
    fn follow(&mut self, now: Timestamp, route: Route, name: &str) {
        let Some(used) = self.routes.get_mut(&route) else { return };
        let known = matches!(&used.key.name, Name::Given(known) if **known == *name);
        if known || name.is_empty() || name.len() > MAX_NAME {
            return;
        }
        let name = match self.names.get(route.kind) {
            Some(known) if **known == *name => Arc::clone(known),
            _ => Arc::from(name),
        };
        self.names.insert(route.kind, Arc::clone(&name));
        let key = Key { name: Name::Given(name), resource: route.resource };
        let left = std::mem::replace(&mut used.key, key.clone());
        let moves = used.in_flight;
        let mut closed_until = None;
        if let Some(bucket) = self.known.get_mut(&left) {
            bucket.in_flight = bucket.in_flight.saturating_sub(moves);
            closed_until = bucket.closed_until;
            // Nobody comes back to a bucket that had no name.
            if matches!(left.name, Name::OfKind(_)) && bucket.in_flight == 0 {
                self.known.remove(&left);
            }
        }
        let bucket = self.known.entry(key).or_insert_with(|| Bucket::fresh(now));
        bucket.in_flight += moves;
        bucket.remaining = bucket.remaining.saturating_sub(moves);
        bucket.closed_until = bucket.closed_until.max(closed_until);
        bucket.used_at = now;
    }

    fn bucket(&mut self, route: Route) -> Option<&mut Bucket> {
        self.known.get_mut(&self.routes.get(&route)?.key)
    }

    fn first_key(&self, route: Route) -> Key {
        let name =
            self.names.get(route.kind).map_or(Name::OfKind(route.kind), |name| Name::Given(Arc::clone(name)));
        Key { name, resource: route.resource }
    }

    fn tidy(&mut self, now: Timestamp) {
        let lately = self.tidied_at.is_some_and(|tidied| now.since(tidied) < TIDY_EVERY);
        if self.routes.len().max(self.known.len()) < MAX_BUCKETS || lately {
            return;
        }
        self.tidied_at = Some(now);
        self.known.retain(|_, bucket| {
            let is_closed = bucket.closed_until.is_some_and(|until| now < until);
            is_closed || bucket.in_flight > 0 || now.since(bucket.used_at) < BUCKET_LIFE
        });
        self.routes.retain(|_, used| self.known.contains_key(&used.key));
    }
}

impl Bucket {
    fn fresh(now: Timestamp) -> Self {
        Self { limit: None, remaining: 1, reset_at: now, closed_until: None, in_flight: 0, used_at: now }
    }

    fn look(&self, now: Timestamp) -> Result<(), Wait> {
        if let Some(until) = self.closed_until.filter(|until| now < *until) {
            return Err(Wait::Until(until));
        }
        if self.limit.is_none() {
            return if self.in_flight == 0 { Ok(()) } else { Err(Wait::ForAnAnswer) };
        }
        match self.left(now) {
            0 if now < self.reset_at => Err(Wait::Until(self.reset_at)),
            // The window is over, but as many as it takes are still under way.
            0 => Err(Wait::ForAnAnswer),
            _ => Ok(()),
        }
    }

    /// Requests that may go out now, as far as is known.
    fn left(&self, now: Timestamp) -> u32 {
        match self.limit {
            Some(limit) if self.remaining == 0 && now >= self.reset_at => {
                limit.saturating_sub(self.in_flight)
            }
            _ => self.remaining,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POST: Route = Route { kind: "POST /channels/{}/messages", resource: 1 };
    const POST_ELSEWHERE: Route = Route { kind: "POST /channels/{}/messages", resource: 2 };
    const EDIT: Route = Route { kind: "PATCH /channels/{}/messages/{}", resource: 1 };

    fn milli(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn headers(bucket: &str, limit: u32, remaining: u32, reset_after: u64) -> Learned<'_> {
        let reset_after = Some(Duration::from_millis(reset_after));
        Learned { bucket: Some(bucket), limit: Some(limit), remaining: Some(remaining), reset_after }
    }

    fn sent(buckets: &mut Buckets, now: Timestamp, route: Route) -> usize {
        let may = |_: &usize| buckets.look(now, route).map(|()| buckets.take(now, route)).is_ok();
        (0..1000).take_while(may).count()
    }

    /// One request goes out at `now` and is answered at once.
    fn answered(buckets: &mut Buckets, now: Timestamp, route: Route, learned: Learned<'_>) {
        buckets.take(now, route);
        buckets.learn(now, route, learned);
        buckets.is_over(route);
    }

    #[test]
    fn a_fresh_bucket_takes_one_request_until_its_limit_is_known() {
        let mut buckets = Buckets::default();
        assert_eq!(sent(&mut buckets, milli(0), POST), 1);
        assert_eq!(buckets.look(milli(0), POST), Err(Wait::ForAnAnswer));
        buckets.learn(milli(50), POST, headers("a", 5, 4, 5000));
        buckets.is_over(POST);
        assert_eq!(sent(&mut buckets, milli(50), POST), 4);
        assert_eq!(buckets.look(milli(50), POST), Err(Wait::Until(milli(5050))));
    }

    #[test]
    fn a_fresh_bucket_takes_one_request_also_when_its_name_is_known_from_elsewhere() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        assert_eq!(sent(&mut buckets, milli(0), POST_ELSEWHERE), 1);
        buckets.learn(milli(50), POST_ELSEWHERE, headers("a", 5, 4, 5000));
        buckets.is_over(POST_ELSEWHERE);
        assert_eq!(sent(&mut buckets, milli(50), POST_ELSEWHERE), 4);
    }

    #[test]
    fn a_bucket_opens_again_with_its_window() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 0, 5000));
        assert_eq!(buckets.look(milli(4999), POST), Err(Wait::Until(milli(5000))));
        assert_eq!(sent(&mut buckets, milli(5000), POST), 5);
    }

    #[test]
    fn an_answer_that_was_overtaken_opens_nothing() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        assert_eq!(sent(&mut buckets, milli(1), POST), 4);
        for remaining in [0, 1, 2, 3] {
            buckets.learn(milli(50), POST, headers("a", 5, remaining, 4950));
            buckets.is_over(POST);
        }
        assert_eq!(buckets.look(milli(60), POST), Err(Wait::Until(milli(5000))));
    }

    #[test]
    fn routes_with_one_name_share_one_bucket() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        answered(&mut buckets, milli(10), EDIT, headers("a", 5, 3, 4990));
        assert_eq!(sent(&mut buckets, milli(20), POST), 3);
        assert_eq!(buckets.look(milli(20), EDIT), Err(Wait::Until(milli(5000))));
        // Another channel has another one.
        assert_eq!(buckets.look(milli(20), POST_ELSEWHERE), Ok(()));
    }

    #[test]
    fn what_is_under_way_moves_with_its_route() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        assert_eq!(sent(&mut buckets, milli(1), POST), 4);
        // The first of four answers gives another name: three are still under way, now there.
        buckets.learn(milli(50), POST, headers("b", 5, 4, 5000));
        buckets.is_over(POST);
        assert_eq!(sent(&mut buckets, milli(50), POST), 1);
        for remaining in [3, 2, 1, 0] {
            buckets.learn(milli(60), POST, headers("b", 5, remaining, 4990));
            buckets.is_over(POST);
        }
        assert_eq!(buckets.look(milli(60), POST), Err(Wait::Until(milli(5050))));
        assert_eq!(sent(&mut buckets, milli(5050), POST), 5);
        assert!(buckets.known.values().all(|bucket| bucket.in_flight <= 5));
    }

    #[test]
    fn after_a_refusal_nothing_is_left_until_the_pause_is_over() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        buckets.take(milli(10), POST);
        buckets.take(milli(10), POST);
        buckets.close(POST, milli(9000));
        buckets.is_over(POST);
        // The other answer is an older one, and knows nothing of it.
        buckets.learn(milli(70), POST, headers("a", 5, 3, 1000));
        buckets.is_over(POST);
        assert_eq!(buckets.look(milli(8999), POST), Err(Wait::Until(milli(9000))));
        assert_eq!(buckets.look(milli(70), POST_ELSEWHERE), Ok(()));
        assert_eq!(sent(&mut buckets, milli(9000), POST), 5);
    }

    #[test]
    fn a_pause_moves_with_its_route() {
        let mut buckets = Buckets::default();
        buckets.take(milli(0), POST);
        buckets.close(POST, milli(9000));
        buckets.learn(milli(50), POST, headers("a", 5, 4, 1000));
        buckets.is_over(POST);
        assert_eq!(buckets.look(milli(8999), POST), Err(Wait::Until(milli(9000))));
    }

    #[test]
    fn a_place_that_was_not_used_is_there_again() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers("a", 5, 4, 5000));
        assert_eq!(sent(&mut buckets, milli(1), POST), 4);
        buckets.unused(POST);
        assert_eq!(sent(&mut buckets, milli(2), POST), 1);
    }

    #[test]
    fn a_name_that_cannot_be_one_is_ignored() {
        let mut buckets = Buckets::default();
        answered(&mut buckets, milli(0), POST, headers(&"a".repeat(65), 5, 4, 5000));
        assert!(buckets.names.is_empty());
        assert_eq!(sent(&mut buckets, milli(1), POST), 4);
    }

    #[test]
    fn buckets_that_nobody_uses_are_forgotten() {
        let mut buckets = Buckets::default();
        for resource in 0..20_000 {
            let route = Route { resource, ..POST };
            answered(&mut buckets, milli(0), route, headers("a", 5, 4, 5000));
        }
        answered(&mut buckets, milli(600_000), POST, headers("a", 5, 4, 5000));
        assert_eq!((buckets.known.len(), buckets.routes.len()), (1, 1));
    }

    proptest! {
        /// Whatever names Discord gives, and however answers come, a bucket without a known limit has one request under
        /// way, and what is under way is counted exactly.
        #[test]
        fn what_is_under_way_is_counted_exactly(
            steps in prop::collection::vec((0usize..3, 0u8..4, 0usize..3, 0u32..5), 1..200),
        ) {
            let mut buckets = Buckets::default();
            let routes = [POST, POST_ELSEWHERE, EDIT];
            let mut under_way = [0u32; 3];
            for (step, (which, action, name, remaining)) in steps.into_iter().enumerate() {
                let now = milli(i64::try_from(step).unwrap_or(0) * 300);
                let route = routes[which];
                match action {
                    0 | 1 if buckets.look(now, route).is_ok() => {
                        buckets.take(now, route);
                        under_way[which] += 1;
                        let used = &buckets.routes[&route];
                        let bucket = &buckets.known[&used.key];
                        prop_assert!(bucket.limit.is_some() || bucket.in_flight == 1);
                    }
                    2 if under_way[which] > 0 => {
                        buckets.learn(now, route, headers(["a", "b", "c"][name], 5, remaining, 2000));
                        buckets.is_over(route);
                        under_way[which] -= 1;
                    }
                    3 if under_way[which] > 0 => {
                        buckets.unused(route);
                        under_way[which] -= 1;
                    }
                    _ => {}
                }
                let counted: u32 = buckets.known.values().map(|bucket| bucket.in_flight).sum();
                prop_assert_eq!(counted, under_way.iter().sum::<u32>());
            }
        }
    }
}
