//! Whose turn it is: which of the deliveries that are due are leased now. Transitions take turns, so that the fan-out of a
//! streamer with thousands of servers holds up nobody who has one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use rusqlite::{Transaction, params};

use super::channel_id;
use crate::domain::{ChannelId, Timestamp, TransitionId};
use crate::store::{Held, LeaseRequest, StoreError};

/// Transitions that are looked at together. More are never due at one moment but after a long outage; the oldest go first
/// then, and the others follow within seconds.
const TRANSITIONS: usize = 512;

/// How many deliveries of one transition are read at once.
const CANDIDATES: usize = 64;

/// A transition with deliveries that are due, and how far they have been read.
struct Line {
    candidates: VecDeque<(i64, ChannelId)>,
    last: (i64, i64),
    is_read: bool,
}

impl Line {
    fn new() -> Self {
        Self { candidates: VecDeque::new(), last: (i64::MIN, i64::MIN), is_read: false }
    }
}

/// Chooses what to lease: one delivery after the other of whichever transition has the fewest under way, each transition
/// in the order of being due, without channels and transitions that have as much in flight as they may.
pub(super) fn choose(tx: &Transaction<'_>, request: &LeaseRequest) -> Result<Vec<i64>, StoreError> {
    let mut flying: HashMap<ChannelId, usize> = HashMap::new();
    let mut under_way: HashMap<TransitionId, usize> = HashMap::new();
    for Held { channel, transition, .. } in &request.held {
        *flying.entry(*channel).or_default() += 1;
        *under_way.entry(*transition).or_default() += 1;
    }
    let mut lines: HashMap<i64, Line> = HashMap::new();
    let mut turns = BinaryHeap::new();
    for transition in due_transitions(tx, request.at)? {
        lines.insert(transition, Line::new());
        let load = under_way.get(&TransitionId(transition)).copied().unwrap_or(0);
        turns.push(Reverse((load, transition)));
    }
    let mut chosen = Vec::new();
    while chosen.len() < request.slots
        && let Some(Reverse((load, transition))) = turns.pop()
    {
        if load >= request.per_transition {
            break;
        }
        let Some(line) = lines.get_mut(&transition) else { continue };
        if let Some(delivery) = next(tx, transition, line, request, &mut flying)? {
            chosen.push(delivery);
            turns.push(Reverse((load + 1, transition)));
        }
    }
    Ok(chosen)
}

/// The transitions with something due, the oldest first.
fn due_transitions(tx: &Transaction<'_>, at: Timestamp) -> Result<Vec<i64>, StoreError> {
    // Hops from one transition to the next in the index, however many deliveries each of them has.
    let mut statement = tx.prepare_cached(
        "WITH RECURSIVE hop(id) AS (
             SELECT MIN(transition_id) FROM delivery WHERE state = 'pending'
             UNION ALL
             SELECT (SELECT MIN(transition_id) FROM delivery WHERE state = 'pending' AND transition_id > hop.id)
             FROM hop WHERE hop.id IS NOT NULL)
         SELECT id FROM hop WHERE id IS NOT NULL AND EXISTS (
             SELECT 1 FROM delivery WHERE state = 'pending' AND transition_id = hop.id AND due_at <= ?1)
         LIMIT ?2",
    )?;
    let limit = i64::try_from(TRANSITIONS).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![at.as_millis(), limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The next delivery of a transition whose channel has room, if there is one.
fn next(
    tx: &Transaction<'_>,
    transition: i64,
    line: &mut Line,
    request: &LeaseRequest,
    flying: &mut HashMap<ChannelId, usize>,
) -> Result<Option<i64>, StoreError> {
    loop {
        while let Some((delivery, channel)) = line.candidates.pop_front() {
            let flying = flying.entry(channel).or_default();
            if *flying < request.per_channel {
                *flying += 1;
                return Ok(Some(delivery));
            }
        }
        if line.is_read {
            return Ok(None);
        }
        read_on(tx, transition, line, request.at)?;
    }
}

fn read_on(tx: &Transaction<'_>, transition: i64, line: &mut Line, at: Timestamp) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT delivery_id, channel_id, due_at FROM delivery
         WHERE state = 'pending' AND transition_id = ?1 AND due_at <= ?2 AND (due_at, delivery_id) > (?3, ?4)
         ORDER BY due_at, delivery_id LIMIT ?5",
    )?;
    let limit = i64::try_from(CANDIDATES).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![transition, at.as_millis(), line.last.0, line.last.1, limit])?;
    let mut read = 0;
    while let Some(row) = rows.next()? {
        read += 1;
        let delivery = row.get(0)?;
        line.last = (row.get(2)?, delivery);
        line.candidates.push_back((delivery, channel_id(row.get(1)?)?));
    }
    line.is_read = read < CANDIDATES;
    Ok(())
}
