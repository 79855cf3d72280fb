//! The history that is kept: so long as `/why` and statistics want it, made smaller on the way, and then forgotten in small
//! batches.

use std::time::Duration;

use rusqlite::{Transaction, params};

use super::Store;
use super::pushes::forget_pushed;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// How long sessions and what was owed of them are remembered: a season, to answer "what happened last month".
pub const HISTORY: Duration = Duration::from_hours(90 * 24);

/// How long the frozen facts of a transition are kept after its session: no delivery is made of them once it has ended, and
/// Twitch ends every stream within two days, so none is taken up again either.
const FROZEN: Duration = Duration::from_hours(2 * 24);

/// How long titles and categories of an ended session are kept, and where its recordings are: two weeks, for trying out what a
/// filter would have held back.
const FACTS: Duration = Duration::from_hours(14 * 24);

/// Rows that one transaction changes at most: it takes milliseconds, so no announcement waits for it.
const BATCH: usize = 500;

impl Store {
    /// Makes one batch of the history smaller or forgets it. Returns how many rows that changed; zero when all is done.
    pub async fn tidy_history(&self, at: Timestamp) -> Result<usize, StoreError> {
        self.write(move |tx| {
            let forgotten = forget_sessions(tx, at.before(HISTORY))?;
            if forgotten > 0 {
                return Ok(forgotten);
            }
            let frozen = forget_part(tx, &FROZEN_FACTS, at.before(FROZEN))?;
            if frozen > 0 {
                return Ok(frozen);
            }
            let facts = forget_part(tx, &SESSION_FACTS, at.before(FACTS))?;
            if facts > 0 {
                return Ok(facts);
            }
            Ok(forget_the_rest(tx, at.before(HISTORY))? + forget_pushed(tx, at)?)
        })
        .await
    }
}

fn batch() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}

/// Forgets the oldest sessions, deliveries first, for one streamer may have thousands of them.
fn forget_sessions(tx: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let sessions: Vec<i64> = tx
        .prepare_cached("SELECT session_id FROM session WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2")?
        .query_map(params![before.as_millis(), batch()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut deliveries = tx.prepare_cached(
        "DELETE FROM delivery WHERE delivery_id IN (
             SELECT delivery_id FROM delivery JOIN transition USING (transition_id) WHERE session_id = ?1 LIMIT ?2)",
    )?;
    let mut session = tx.prepare_cached("DELETE FROM session WHERE session_id = ?1")?;
    let mut changed = 0;
    for id in sessions {
        let room = BATCH.saturating_sub(changed);
        let gone = deliveries.execute(params![id, i64::try_from(room).unwrap_or(i64::MAX)])?;
        changed += gone;
        if gone >= room {
            break;
        }
        changed += session.execute([id])?;
    }
    Ok(changed)
}

/// A part of ended sessions that is not kept as long as they are.
struct Part {
    /// Up to which end all of it is forgotten.
    mark: &'static str,
    /// The next rows of it, the longest ended first.
    next: &'static str,
    /// Forgets what belongs to one of them, so many rows at most.
    first: &'static [&'static str],
    /// Forgets one of them.
    forget: &'static str,
}

const FROZEN_FACTS: Part = Part {
    mark: "thawed_to",
    next: "SELECT transition_id, ended_at FROM session JOIN transition USING (session_id)
               JOIN transition_facts USING (transition_id)
           WHERE ended_at >= ?1 AND ended_at < ?2 ORDER BY ended_at LIMIT ?3",
    first: &[],
    forget: "DELETE FROM transition_facts WHERE transition_id = ?1",
};

const SESSION_FACTS: Part = Part {
    mark: "slimmed_to",
    next: "SELECT session_id, ended_at FROM session JOIN session_facts USING (session_id)
           WHERE ended_at >= ?1 AND ended_at < ?2 ORDER BY ended_at LIMIT ?3",
    first: &[
        "DELETE FROM chapter WHERE chapter_id IN (SELECT chapter_id FROM chapter WHERE session_id = ?1 LIMIT ?2)",
        "DELETE FROM recording WHERE video_id IN (SELECT video_id FROM recording WHERE session_id = ?1 LIMIT ?2)",
    ],
    forget: "DELETE FROM session_facts WHERE session_id = ?1",
};

fn forget_part(tx: &Transaction<'_>, part: &Part, before: Timestamp) -> Result<usize, StoreError> {
    let Part { mark, next, first, forget } = part;
    let done: i64 =
        tx.prepare_cached(&format!("SELECT {mark} FROM installation"))?.query_row([], |row| row.get(0))?;
    let rows: Vec<(i64, i64)> = tx
        .prepare_cached(next)?
        .query_map(params![done, before.as_millis(), batch()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut statement = tx.prepare_cached(forget)?;
    let mut changed = 0;
    let mut forgotten_to = None;
    for (id, ended_at) in rows {
        for first in *first {
            let room = BATCH.saturating_sub(changed);
            let room = i64::try_from(room).unwrap_or(i64::MAX);
            changed += tx.prepare_cached(first)?.execute(params![id, room])?;
        }
        if changed >= BATCH {
            break;
        }
        changed += statement.execute([id])?;
        forgotten_to = Some(ended_at);
    }
    // Many may have ended at one moment, so the next batch begins with that moment again.
    if let Some(ended_at) = forgotten_to {
        tx.prepare_cached(&format!("UPDATE installation SET {mark} = ?1"))?.execute([ended_at])?;
    }
    Ok(changed)
}

/// Notices of former days, and streamers whom nobody watches and of whom no session is remembered.
fn forget_the_rest(tx: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let notices = tx
        .prepare_cached(
            "DELETE FROM notice WHERE notice_id IN (
                 SELECT notice_id FROM notice WHERE settled_at < ?1 ORDER BY settled_at LIMIT ?2)",
        )?
        .execute(params![before.as_millis(), batch()])?;
    let streamers = tx
        .prepare_cached(
            "DELETE FROM streamer WHERE broadcaster_id IN (
                 SELECT broadcaster_id FROM streamer
                 WHERE NOT EXISTS (SELECT 1 FROM watch WHERE watch.broadcaster_id = streamer.broadcaster_id)
                   AND NOT EXISTS (SELECT 1 FROM session WHERE session.broadcaster_id = streamer.broadcaster_id)
                 LIMIT ?1)",
        )?
        .execute([batch()])?;
    Ok(notices + streamers)
}
