//! What a new process does first: it takes over from the one before, which may have died at anything, and whose clock may
//! have been another one.

use rusqlite::{Transaction, params};

use super::Store;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// Moments of unfinished things that lie in the past unless the clock was set back, each with the condition that tells those
/// from the history.
const PAST: [(&str, &str, &str); 5] = [
    ("session", "seen_at", "ended_at IS NULL"),
    ("session", "missing_since", "ended_at IS NULL"),
    ("chapter", "since", "session_id IN (SELECT session_id FROM session WHERE ended_at IS NULL)"),
    ("recording_look", "since", "TRUE"),
    ("streamer", "refreshed_at", "TRUE"),
];

/// Moments that may well lie ahead: when the next thing is to be done. Once the clock was set back, nobody can tell how far
/// ahead they were meant to lie, and everything would wait.
const NEXT: [(&str, &str, &str); 7] = [
    ("delivery", "due_at", "state IN ('pending', 'leased', 'paused')"),
    ("revision", "due_at", "TRUE"),
    ("publication", "due_at", "state = 'wanted'"),
    ("recording_look", "due_at", "TRUE"),
    ("route", "check_at", "paused_since IS NOT NULL"),
    ("route", "told_at", "TRUE"),
    ("notice", "due_at", "state = 'pending'"),
];

impl Store {
    /// Gives back what a process that is no more had leased: it may be delivered or not. To be called before the first
    /// lease.
    pub async fn release_leases(&self) -> Result<usize, StoreError> {
        self.write(|tx| {
            Ok(tx.execute(
                "UPDATE delivery SET state = 'pending', leased_until = NULL,
                     unsure_since = COALESCE(unsure_since, leased_at)
                 WHERE state = 'leased'",
                [],
            )?)
        })
        .await
    }

    /// Lets no moment lie in the future that cannot: a clock that was ahead has been set back. To be called before the
    /// first look. `latest` is the latest time that the caller has seen the clock show. Returns how far ahead the clock was,
    /// if it was.
    pub async fn forget_the_future(
        &self,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<std::time::Duration>, StoreError> {
        let board = self.board().clone();
        self.write_then(
            move |tx| {
                let looked_at: i64 =
                    tx.query_row("SELECT looked_at FROM installation", [], |row| row.get(0))?;
                tx.execute("UPDATE installation SET looked_at = MIN(looked_at, ?1)", [now.as_millis()])?;
                let ahead = Timestamp::from_millis(looked_at).max(latest).since(now);
                let next: &[_] = if ahead.is_zero() { &[] } else { &NEXT };
                for (table, column, unfinished) in PAST.iter().chain(next) {
                    let sql =
                        format!("UPDATE {table} SET {column} = ?1 WHERE {unfinished} AND {column} > ?1");
                    tx.execute(&sql, [now.as_millis()])?;
                }
                forget_attempts(tx, now)?;
                move_identifies(tx, now)?;
                Ok((!ahead.is_zero()).then_some(ahead))
            },
            move |ahead| {
                board.looked_at_most(now);
                board.change(|sessions| {
                    for session in sessions.values_mut() {
                        session.last_seen_at = session.last_seen_at.min(now);
                        session.missing_since = session.missing_since.map(|since| since.min(now));
                    }
                });
                ahead
            },
        )
        .await
    }
}

/// Nobody can tell how long ago an attempt was that lies in the future: so long, to be safe, that Discord knows its nonce no
/// more.
fn forget_attempts(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    // Each condition is that of an index, so that nobody reads the whole history.
    for condition in [
        "state = 'leased' AND leased_at > ?1",
        "state = 'leased' AND unsure_since > ?1",
        "state IN ('pending', 'paused') AND unsure_since > ?1",
    ] {
        tx.execute(&format!("UPDATE delivery SET unsure_since = 0 WHERE {condition}"), [now.as_millis()])?;
    }
    Ok(())
}

/// The requests for gateway sessions keep their distances: all at one moment would look like a storm.
fn move_identifies(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE gateway_identify SET at = at - (SELECT MAX(at) - ?1 FROM gateway_identify)
         WHERE (SELECT MAX(at) FROM gateway_identify) > ?1",
        params![now.as_millis()],
    )?;
    Ok(())
}
