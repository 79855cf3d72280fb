//! The queue in front of Discord: who goes next when the limits have room. Pure; whoever pumps it is told who may go.

use std::collections::VecDeque;
use std::time::Duration;

use super::buckets::{Route, Wait};
use super::limits::Limits;
use crate::domain::{Timestamp, TransitionId};

/// Requests that may stand in the queue. The outbox has some hundreds under way, and a person's question makes a few: more
/// are a sign of something that went wrong, and would only wait until they are given back.
const MAX_WAITING: usize = 2_000;

/// How long a request may wait for its turn before it is given back undone.
const MAX_TURN: Duration = Duration::from_mins(1);

/// A pause that a request does not sit out: longer than every window of a bucket that was seen. A longer one is better
/// waited for in the outbox, where it takes no place from others.
const LONG_PAUSE: Duration = Duration::from_secs(10);

/// A request's number in the queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Ticket(u64);

/// Where a request stands. Lines take turns, whatever their lengths; within one, who came first goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// A person waits for the answer: goes before all others.
    Urgent,
    /// It announces this transition.
    Transition(TransitionId),
    /// Everything else that nobody waits for, or a crowd may want at once: notices, looks into channels, the list of commands,
    /// members' roles.
    Errand,
    /// It changes a message that is there already: goes after all others, and only while there is room to spare.
    Edit,
}

/// What became of a request in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is counted, and goes out now.
    Go,
    /// It cannot go out in time, and is no longer in the queue.
    NotNow {
        /// How long it would have had to wait, as far as is known.
        wait: Duration,
    },
}

/// Who may stop waiting, and until when nothing changes by itself.
#[derive(Debug, Default)]
pub(super) struct Pumped {
    /// In the order in which they are to go.
    pub(super) decided: Vec<(Ticket, Verdict)>,
    /// When to pump again, if nothing happens before.
    pub(super) look_again: Option<Timestamp>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    route: Route,
    not_after: Timestamp,
}

/// Who came first is in front.
type Row = VecDeque<Waiting>;

/// One of the lines that take turns.
#[derive(Debug)]
struct Flow {
    line: Line,
    row: Row,
}

/// The queue, and the limits that it stands before.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) limits: Limits,
    urgent: Row,
    /// Whose turn it is stands in front, and goes to the end when it was served.
    flows: VecDeque<Flow>,
    edits: Row,
    last_ticket: u64,
}

impl Turns {
    /// Lines a request up. `None` when the queue is full.
    pub(super) fn line_up(
        &mut self,
        now: Timestamp,
        route: Route,
        line: Line,
        not_after: Option<Timestamp>,
    ) -> Option<Ticket> {
        if self.rows().map(|row| row.len()).sum::<usize>() >= MAX_WAITING {
            return None;
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let patience = now.after(MAX_TURN);
        let not_after = not_after.map_or(patience, |not_after| not_after.min(patience));
        let waiting = Waiting { ticket, route, not_after };
        match line {
            Line::Urgent => self.urgent.push_back(waiting),
            Line::Edit => self.edits.push_back(waiting),
            Line::Transition(_) | Line::Errand => {
                match self.flows.iter_mut().find(|flow| flow.line == line) {
                    Some(flow) => flow.row.push_back(waiting),
                    None => self.flows.push_back(Flow { line, row: VecDeque::from([waiting]) }),
                }
            }
        }
        Some(ticket)
    }

    /// A request waits no longer. `false` when it was decided about before.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        let mut left = false;
        for row in self.rows() {
            if let Some(place) = row.iter().position(|waiting| waiting.ticket == ticket) {
                row.remove(place);
                left = true;
                break;
            }
        }
        self.forget_empty_flows();
        left
    }

    /// Sends everybody away undecided.
    pub(super) fn dismiss(&mut self) {
        self.urgent.clear();
        self.flows.clear();
        self.edits.clear();
    }

    /// Decides about everybody who can be decided about now.
    pub(super) fn pump(&mut self, now: Timestamp) -> Pumped {
        let mut pumped = Pumped::default();
        while let Some(next) = next_open(&mut self.urgent, &self.limits, now, &mut pumped) {
            self.limits.take(now, next.route);
            pumped.decided.push((next.ticket, Verdict::Go));
        }
        // The flows before `at` have nothing that may go out now; they keep their place in front.
        let mut at = 0;
        while let Some(flow) = self.flows.get_mut(at) {
            match next_open(&mut flow.row, &self.limits, now, &mut pumped) {
                Some(next) => {
                    self.limits.take(now, next.route);
                    pumped.decided.push((next.ticket, Verdict::Go));
                    let served = self.flows.remove(at);
                    self.flows.extend(served.filter(|flow| !flow.row.is_empty()));
                }
                None if self.limits.shut_until(now).is_some() => break,
                None => at += 1,
            }
        }
        self.pump_edits(now, &mut pumped);
        let shut_until = self.limits.shut_until(now);
        for row in self.rows() {
            if let Some(until) = shut_until {
                row.retain(|waiting| !pumped.gives_up(now, waiting, until));
            }
            row.retain(|waiting| !pumped.is_late(now, waiting));
            if let Some(until) = shut_until.filter(|_| !row.is_empty()) {
                pumped.look_at(until);
            }
        }
        self.forget_empty_flows();
        pumped
    }

    /// Lets edits go with what nobody else needs.
    fn pump_edits(&mut self, now: Timestamp, pumped: &mut Pumped) {
        loop {
            if let Some(until) = self.limits.full_for_edits_until(now).filter(|_| !self.edits.is_empty()) {
                pumped.look_at(until);
                return;
            }
            let Some(next) = next_open(&mut self.edits, &self.limits, now, pumped) else { return };
            self.limits.take(now, next.route);
            pumped.decided.push((next.ticket, Verdict::Go));
        }
    }

    fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        let flows = self.flows.iter_mut().map(|flow| &mut flow.row);
        std::iter::once(&mut self.urgent).chain(flows).chain(std::iter::once(&mut self.edits))
    }

    fn forget_empty_flows(&mut self) {
        self.flows.retain(|flow| !flow.row.is_empty());
    }
}

/// Takes the first one out of a row whose bucket has room, if anything has, and those that will not come to it in time.
fn next_open(row: &mut Row, limits: &Limits, now: Timestamp, pumped: &mut Pumped) -> Option<Waiting> {
    if limits.shut_until(now).is_some() {
        return None;
    }
    let mut at = 0;
    while let Some(waiting) = row.get(at) {
        match limits.look(now, waiting.route) {
            _ if waiting.not_after < now => at += 1,
            Ok(()) => return row.remove(at),
            Err(Wait::Until(until)) if pumped.gives_up(now, waiting, until) => {
                row.remove(at);
            }
            Err(Wait::Until(until)) => {
                pumped.look_at(until);
                at += 1;
            }
            Err(Wait::ForAnAnswer) => at += 1,
        }
    }
    None
}

impl Pumped {
    fn look_at(&mut self, then: Timestamp) {
        self.look_again = Some(self.look_again.map_or(then, |earlier| earlier.min(then)));
    }

    /// Whether a request that cannot go out before `until` is given back at once.
    fn gives_up(&mut self, now: Timestamp, waiting: &Waiting, until: Timestamp) -> bool {
        let wait = until.since(now);
        let gives_up = wait > LONG_PAUSE || until > waiting.not_after;
        if gives_up {
            self.decided.push((waiting.ticket, Verdict::NotNow { wait }));
        }
        gives_up
    }

    /// Whether the time of a request that could not go out now is over.
    fn is_late(&mut self, now: Timestamp, waiting: &Waiting) -> bool {
        let late = waiting.not_after <= now;
        if late {
            self.decided.push((waiting.ticket, Verdict::NotNow { wait: Duration::ZERO }));
        } else {
            self.look_at(waiting.not_after);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::super::buckets::Learned;
    use super::*;

    fn milli(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn channel(resource: u64) -> Route {
        Route { kind: "POST /channels/{}/messages", resource }
    }

    fn of(transition: i64) -> Line {
        Line::Transition(TransitionId(transition))
    }

    impl Turns {
        fn stands(&mut self, line: Line, resource: u64) -> Ticket {
            self.line_up(milli(0), channel(resource), line, None).expect("there is room")
        }

        fn go(&mut self, now: i64) -> Vec<Ticket> {
            let decided = self.pump(milli(now)).decided;
            decided
                .into_iter()
                .filter(|(_, verdict)| *verdict == Verdict::Go)
                .map(|(ticket, _)| ticket)
                .collect()
        }

        fn fill_the_window(&mut self, now: i64) {
            while self.limits.shut_until(milli(now)).is_none() {
                self.limits.take(milli(now), channel(999_999));
                self.limits.is_over(channel(999_999));
            }
        }
    }

    #[test]
    fn flows_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        turns.fill_the_window(0);
        let large: Vec<_> = (1..=100).map(|number| turns.stands(of(1), number)).collect();
        let small: Vec<_> = (101..=102).map(|number| turns.stands(of(2), number)).collect();
        assert_eq!(turns.go(1), []);
        let went = turns.go(1025);
        assert_eq!(went.len(), 50);
        assert_eq!(went[..5], [large[0], small[0], large[1], small[1], large[2]]);
        let late = turns.stands(of(3), 103);
        let went = turns.go(2050);
        assert_eq!(went[..3], [large[48], late, large[49]]);
    }

    #[test]
    fn a_person_goes_before_the_fan_out() {
        let mut turns = Turns::default();
        turns.fill_the_window(0);
        let fan_out: Vec<_> = (1..=100).map(|number| turns.stands(of(1), number)).collect();
        let person = turns.stands(Line::Urgent, 7);
        assert_eq!(turns.go(1025)[..2], [person, fan_out[0]]);
    }

    #[test]
    fn edits_go_when_nobody_else_waits_and_leave_room() {
        let edit = |number| Route { kind: "PATCH /channels/{}/messages/{}", resource: number };
        let mut turns = Turns::default();
        turns.fill_the_window(0);
        let edits: Vec<_> = (1..=30)
            .map(|number| turns.line_up(milli(0), edit(number), Line::Edit, None).expect("there is room"))
            .collect();
        let announcements: Vec<_> = (1..=60).map(|number| turns.stands(of(1), number)).collect();
        assert_eq!(turns.go(1025), announcements[..50]);
        // The last ten go first; then edits, until thirty places are left.
        let went = turns.go(2050);
        assert_eq!(went[..10], announcements[50..]);
        assert_eq!(went[10..], edits[..10]);
        let pumped = turns.pump(milli(2051));
        assert_eq!((pumped.decided, pumped.look_again), (Vec::new(), Some(milli(3075))));
        let newcomer = turns.stands(of(2), 100);
        assert_eq!(turns.go(2052), [newcomer]);
        assert_eq!(turns.go(3075), edits[10..29]);
        assert_eq!(turns.go(3077), edits[29..]);
    }

    #[test]
    fn a_full_channel_holds_up_nobody_else() {
        let mut turns = Turns::default();
        let first = turns.stands(of(1), 1);
        let held = turns.stands(of(1), 1);
        let behind = turns.stands(of(1), 2);
        let other = turns.stands(of(2), 3);
        assert_eq!(turns.go(0), [first, other, behind]);
        let learned = Learned { limit: Some(5), remaining: Some(4), ..Learned::default() };
        let learned = Learned { reset_after: Some(Duration::from_secs(5)), ..learned };
        turns.limits.learn(milli(50), channel(1), learned);
        turns.limits.is_over(channel(1));
        assert_eq!(turns.go(50), [held]);
    }

    #[test]
    fn after_a_pause_requests_come_out_under_the_budget() {
        let mut turns = Turns::default();
        turns.limits.close(channel(0), milli(9000), true);
        for number in 0..120 {
            turns.stands(of(1), number);
        }
        assert_eq!(turns.pump(milli(1)).look_again, Some(milli(9000)));
        let went: Vec<_> = [9000, 10_024, 10_025, 11_050].map(|now| turns.go(now).len()).into();
        assert_eq!(went, [50, 0, 50, 20]);
    }

    #[test]
    fn a_long_pause_is_not_sat_out() {
        let mut turns = Turns::default();
        turns.limits.close(channel(0), milli(10_001), true);
        let ticket = turns.stands(of(1), 1);
        let wait = Duration::from_millis(10_001);
        assert_eq!(turns.pump(milli(0)).decided, [(ticket, Verdict::NotNow { wait })]);
        // The same for a pause of one bucket, which holds nobody else.
        let mut turns = Turns::default();
        turns.limits.take(milli(0), channel(1));
        turns.limits.close(channel(1), milli(20_000), false);
        let (held, other) = (turns.stands(of(1), 1), turns.stands(of(1), 2));
        let wait = Duration::from_secs(20);
        assert_eq!(turns.pump(milli(0)).decided, [(held, Verdict::NotNow { wait }), (other, Verdict::Go)]);
    }

    #[test]
    fn who_cannot_go_in_time_is_given_back() {
        let mut turns = Turns::default();
        turns.limits.take(milli(0), channel(1));
        let line = of(1);
        let ticket = turns.line_up(milli(0), channel(1), line, Some(milli(3000))).expect("there is room");
        assert_eq!(turns.pump(milli(0)).look_again, Some(milli(3000)));
        let late = (ticket, Verdict::NotNow { wait: Duration::ZERO });
        assert_eq!(turns.pump(milli(3000)).decided, [late]);
        // At once, when it is known at once.
        turns.limits.close(channel(1), milli(8000), false);
        let ticket = turns.line_up(milli(3000), channel(1), line, Some(milli(7999))).expect("there is room");
        let never = (ticket, Verdict::NotNow { wait: Duration::from_secs(5) });
        assert_eq!(turns.pump(milli(3000)).decided, [never]);
        // And after a minute in any case.
        let mut turns = Turns::default();
        turns.limits.take(milli(0), channel(1));
        let ticket = turns.stands(Line::Urgent, 1);
        assert_eq!(turns.pump(milli(59_999)).decided, []);
        let late = (ticket, Verdict::NotNow { wait: Duration::ZERO });
        assert_eq!(turns.pump(milli(60_000)).decided, [late]);
    }

    #[test]
    fn who_leaves_is_not_decided_about() {
        let mut turns = Turns::default();
        turns.fill_the_window(0);
        let (leaves, stays) = (turns.stands(of(1), 1), turns.stands(of(1), 2));
        assert!(turns.leave(leaves));
        assert_eq!(turns.go(1025), [stays]);
        assert!(!turns.leave(stays));
        assert!(turns.flows.is_empty());
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut turns = Turns::default();
        turns.fill_the_window(0);
        for number in 0..2_000 {
            turns.stands(of(1), number);
        }
        assert_eq!(turns.line_up(milli(0), channel(1), Line::Urgent, None), None);
        turns.dismiss();
        assert!(turns.line_up(milli(0), channel(1), Line::Urgent, None).is_some());
    }

    proptest! {
        /// A flow that has something to send is passed by each other flow at most once before it is served, whatever
        /// else is closed and whoever joins.
        #[test]
        fn nobody_starves(
            arrivals in prop::collection::vec((0i64..12, 1u64..60, any::<bool>()), 1..40),
        ) {
            let mut turns = Turns::default();
            let mut flow_of = HashMap::new();
            let mut ready: HashMap<i64, usize> = HashMap::new();
            let mut passed: HashMap<i64, HashSet<i64>> = HashMap::new();
            let mut arrivals = arrivals.into_iter();
            let mut number = 0;
            for round in 0..80 {
                let now = round * 1025;
                if let Some((flow, size, closed)) = arrivals.next() {
                    for _ in 0..size {
                        number += 1;
                        let route = channel(number);
                        if closed {
                            turns.limits.take(milli(now), route);
                            turns.limits.unused(channel(0), milli(now));
                        } else {
                            *ready.entry(flow).or_default() += 1;
                        }
                        let ticket = turns.line_up(milli(now), route, of(flow), None);
                        flow_of.insert(ticket.expect("there is room"), flow);
                    }
                }
                for ticket in turns.go(now) {
                    let served = flow_of[&ticket];
                    *ready.entry(served).or_default() -= 1;
                    for (flow, _) in ready.iter().filter(|(flow, ready)| **ready > 0 && **flow != served) {
                        prop_assert!(passed.entry(*flow).or_default().insert(served), "{served} passed {flow} twice");
                    }
                    passed.remove(&served);
                }
            }
            prop_assert_eq!(ready.values().sum::<usize>(), 0);
        }
    }
}
