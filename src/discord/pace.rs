//! Waiting for a turn: requests stand in the queue of [`Turns`], and whoever changes something there lets the next ones go.
//!
//! Nothing runs in the background. An answer, a place that became free and a newcomer pump the queue where they stand; what
//! time alone brings is waited for by one of those who wait, the leader, and when it is served or gives up, another one
//! leads. So a pause ends with one look, not with as many as there are waiters. What has joined the queue has to be polled,
//! or all others may wait for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{Notify, oneshot};

use super::buckets::{Learned, Route};
use super::turns::{Line, Ticket, Turns, Verdict};
use crate::clock::Clock;
use crate::domain::Timestamp;

/// Answers of one pause differ by this much: Discord rounds to seconds in places, and each wait is spread a little.
const SAME_PAUSE: Duration = Duration::from_secs(2);

/// The queue of one bot, with those who wait in it.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    queue: Mutex<Queue>,
    /// Who holds it waits for the time; the others wait to be told, or to hold it.
    lead: tokio::sync::Mutex<()>,
    /// Rung for the leader when the queue is to be looked at earlier or later than it thought.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    turns: Turns,
    told: HashMap<Ticket, oneshot::Sender<Told>>,
    /// When to pump, if nothing happens before.
    look_again: Option<Timestamp>,
}

/// What somebody in the queue is told, and when that was.
#[derive(Clone, Copy, Debug)]
struct Told {
    verdict: Verdict,
    at: Timestamp,
}

/// Why there is no turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoTurn {
    /// Not in time: it would take this long at least, as far as is known.
    NotNow(Duration),
    /// Everybody was sent away.
    Dismissed,
}

impl Pace {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, queue: Mutex::default(), lead: tokio::sync::Mutex::default(), changed: Notify::new() }
    }

    /// Waits until a request may go out. Whoever stops waiting has never been there.
    pub(super) async fn turn(
        &self,
        route: Route,
        line: Line,
        not_after: Option<Timestamp>,
    ) -> Result<Place<'_>, NoTurn> {
        let mut stand = self.stand(route, line, not_after)?;
        tokio::select! {
            biased;
            told = &mut stand.told => stand.served(told),
            lead = self.lead.lock() => {
                let told = self.lead_until(&mut stand.told).await;
                drop(lead);
                stand.served(told)
            }
        }
    }

    /// Sends everybody away who waits.
    pub(super) fn dismiss(&self) {
        let mut queue = self.queue();
        queue.turns.dismiss();
        queue.told.clear();
    }

    /// Looks after the queue until it is one's own turn.
    async fn lead_until(&self, told: &mut oneshot::Receiver<Told>) -> Result<Told, RecvError> {
        loop {
            let look_again = self.queue().look_again;
            let time = async {
                match look_again {
                    Some(then) => tokio::time::sleep(then.since(self.clock.steady())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                told = &mut *told => return told,
                () = self.changed.notified() => {}
                () = time => self.pump(&mut self.queue()),
            }
        }
    }

    fn stand(&self, route: Route, line: Line, not_after: Option<Timestamp>) -> Result<Stand<'_>, NoTurn> {
        let mut queue = self.queue();
        let now = self.clock.steady();
        let not_after = not_after.map(|then| now.after(self.clock.until(then)));
        let ticket = queue.turns.line_up(now, route, line, not_after);
        let ticket = ticket.ok_or(NoTurn::NotNow(Duration::ZERO))?;
        let (tell, told) = oneshot::channel();
        queue.told.insert(ticket, tell);
        self.pump(&mut queue);
        Ok(Stand { of: self, route, ticket, told })
    }

    /// Lets go who may, and tells the leader when the next look is.
    fn pump(&self, queue: &mut Queue) {
        let now = self.clock.steady();
        let pumped = queue.turns.pump(now);
        for (ticket, verdict) in pumped.decided {
            if let Some(tell) = queue.told.remove(&ticket) {
                // Who waits no longer has left the queue, under the same lock.
                let _ = tell.send(Told { verdict, at: now });
            }
        }
        if queue.look_again != pumped.look_again {
            queue.look_again = pumped.look_again;
            self.changed.notify_one();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that stands in the queue. When it is dropped, it never stood there.
struct Stand<'a> {
    of: &'a Pace,
    route: Route,
    ticket: Ticket,
    told: oneshot::Receiver<Told>,
}

impl<'a> Stand<'a> {
    fn served(&self, told: Result<Told, RecvError>) -> Result<Place<'a>, NoTurn> {
        let Told { verdict, at } = told.map_err(|_| NoTurn::Dismissed)?;
        match verdict {
            Verdict::Go => Ok(Place { of: self.of, route: self.route, taken_at: at, went_out: false }),
            Verdict::NotNow { wait } => Err(NoTurn::NotNow(wait)),
        }
    }
}

impl Drop for Stand<'_> {
    fn drop(&mut self) {
        let mut queue = self.of.queue();
        queue.told.remove(&self.ticket);
        if queue.turns.leave(self.ticket) {
            return;
        }
        // Its turn came, and nobody was there any more to hear of it.
        if let Ok(Told { verdict: Verdict::Go, at }) = self.told.try_recv() {
            queue.turns.limits.unused(self.route, at);
            self.of.pump(&mut queue);
        }
    }
}

/// A request whose turn has come. When it is dropped, answered or not, its place is free again.
#[derive(Debug)]
pub(super) struct Place<'a> {
    of: &'a Pace,
    route: Route,
    taken_at: Timestamp,
    went_out: bool,
}

impl Place<'_> {
    /// The request is sent now; until then it can be taken back. Says when that is.
    pub(super) fn goes_out(&mut self) -> Timestamp {
        self.went_out = true;
        self.of.clock.now()
    }

    /// Believes the headers of the answer. Who waits for it is let go with the place, not yet.
    pub(super) fn learn(&self, learned: Learned<'_>) {
        self.of.queue().turns.limits.learn(self.of.clock.steady(), self.route, learned);
    }

    /// Discord wants a pause: of everything, or of what this request is counted with. Returns whether that is news, and not
    /// what another request has just been answered.
    pub(super) fn close(&self, wait: Duration, global: bool) -> bool {
        let now = self.of.clock.steady();
        let until = now.after(wait);
        let before = self.of.queue().turns.limits.close(self.route, until, global);
        before.filter(|before| now < *before).is_none_or(|before| until > before.after(SAME_PAUSE))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = self.of.queue();
        if self.went_out {
            queue.turns.limits.is_over(self.route);
        } else {
            queue.turns.limits.unused(self.route, self.taken_at);
        }
        self.of.pump(&mut queue);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use futures_util::stream::FuturesUnordered;

    use super::*;
    use crate::domain::TransitionId;

    fn channel(resource: u64) -> Route {
        Route { kind: "POST /channels/{}/messages", resource }
    }

    fn pace() -> (Pace, Clock) {
        let clock = Clock::system();
        (Pace::new(clock.clone()), clock)
    }

    /// A request that takes 100 ms and says when it went out.
    async fn request(pace: &Pace, resource: u64, flow: i64) -> Duration {
        let mut turn =
            pace.turn(channel(resource), Line::Transition(TransitionId(flow)), None).await.expect("a turn");
        turn.goes_out();
        let went_out = pace.clock.elapsed();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let reset_after = Some(Duration::from_secs(5));
        turn.learn(Learned { bucket: Some("a"), limit: Some(5), remaining: Some(4), reset_after });
        went_out
    }

    fn is_empty(pace: &Pace) -> bool {
        let mut queue = pace.queue();
        queue.told.is_empty() && queue.turns.pump(pace.clock.steady()).look_again.is_none()
    }

    #[tokio::test(start_paused = true)]
    async fn a_fan_out_takes_as_long_as_the_budget_wants() {
        let (pace, clock) = pace();
        let mut all: FuturesUnordered<_> = (0..500).map(|number| request(&pace, number, 1)).collect();
        while all.next().await.is_some() {}
        let took = clock.elapsed();
        assert!((Duration::from_millis(9_325)..Duration::from_millis(9_400)).contains(&took), "{took:?}");
        assert!(is_empty(&pace));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_of_another_flow_waits_a_window_at_most() {
        let (pace, _) = pace();
        let fan_out = async {
            let mut all: FuturesUnordered<_> = (0..500).map(|number| request(&pace, number, 1)).collect();
            while all.next().await.is_some() {}
        };
        let newcomer = async {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            request(&pace, 1_000, 2).await
        };
        let ((), went_out) = tokio::join!(fan_out, newcomer);
        assert!(went_out < Duration::from_millis(3_600), "{went_out:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_lets_those_go_who_waited_for_it() {
        let (pace, clock) = pace();
        tokio::join!(request(&pace, 1, 1), request(&pace, 1, 1), request(&pace, 1, 1));
        assert_eq!(clock.elapsed(), Duration::from_millis(200));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_leaves_nothing_behind() {
        let (pace, clock) = pace();
        let mut chance = fastrand::Rng::with_seed(7);
        for round in 0..300 {
            let mut all: FuturesUnordered<_> = (0..40)
                .map(|_| {
                    let (resource, patience) = (chance.u64(1..6), Duration::from_millis(chance.u64(0..300)));
                    // Given up wherever it stands then: in the queue, leading it, told but not awake, or under way.
                    tokio::time::timeout(patience, request(&pace, resource, chance.i64(1..4)))
                })
                .collect();
            if chance.bool() {
                all.next().await;
            } else {
                while all.next().await.is_some() {}
            }
            drop(all);
            assert!(is_empty(&pace), "in round {round}");
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let before = clock.elapsed();
        for resource in 1..6 {
            tokio::join!(request(&pace, resource, 1), request(&pace, resource, 2));
        }
        // Nothing is still counted as under way, so that nothing waits for more than its own answer.
        let took = clock.elapsed().saturating_sub(before);
        assert!(took <= Duration::from_secs(1), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_leads_and_gives_up_hands_on_the_lead() {
        let (pace, clock) = pace();
        let turn = pace.turn(channel(1), Line::Urgent, None).await.expect("a turn");
        turn.close(Duration::from_secs(8), false);
        drop(turn);
        let leader = tokio::time::timeout(Duration::from_secs(1), request(&pace, 1, 1));
        let follower = request(&pace, 1, 1);
        let (leader, follower) = tokio::join!(leader, follower);
        assert!(leader.is_err());
        assert_eq!(follower, Duration::from_secs(8));
        assert_eq!(clock.elapsed(), Duration::from_millis(8_100));
    }

    #[tokio::test(start_paused = true)]
    async fn one_pause_is_news_once() {
        let (pace, _) = pace();
        let (one, two) = tokio::join!(
            pace.turn(channel(1), Line::Errand, None),
            pace.turn(channel(2), Line::Errand, None)
        );
        let (one, two) = (one.expect("a turn"), two.expect("a turn"));
        let seconds = Duration::from_secs;
        assert!(one.close(seconds(10), true));
        assert!(!two.close(seconds(11), true));
        assert!(two.close(seconds(60), true));
        // That of a bucket is another one.
        assert!(two.close(seconds(5), false));
        tokio::time::sleep(seconds(61)).await;
        assert!(one.close(seconds(1), true));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_sent_away_knows_it() {
        let (pace, _) = pace();
        let _place = pace.turn(channel(1), Line::Urgent, None).await.expect("a turn");
        let waits = pace.turn(channel(1), Line::Errand, None);
        let dismisses = async { pace.dismiss() };
        let (waited, ()) = tokio::join!(waits, dismisses);
        assert_eq!(waited.expect_err("no turn"), NoTurn::Dismissed);
        assert!(is_empty(&pace));
    }
}
