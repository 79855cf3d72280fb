//! Recordings of sessions that are over: whose are looked for, and which were found.

use rusqlite::{Transaction, params};

use super::revisions::MAY_STAND;
use super::{Store, revisions};
use crate::domain::{BroadcasterId, Recording, SessionId, StreamId, Timestamp};
use crate::store::{StoreError, Unrecorded};

/// Whether somebody reads in an announcement of the session how it went: one that stands, or may.
fn is_read() -> String {
    format!(
        "EXISTS (
             SELECT 1 FROM transition JOIN delivery USING (transition_id) JOIN guild USING (guild_id)
             JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
             WHERE transition.session_id = recording_look.session_id AND left_at IS NULL AND {MAY_STAND}
               AND COALESCE(watch.preferences ->> 'on_end', guild.preferences ->> 'on_end', 'edit')
                   NOT IN ('delete', 'keep'))"
    )
}

impl Store {
    /// Sessions whose recordings are to be looked for now, the longest due first. Those that nobody reads of, and those that
    /// ended before `oldest`, are looked for no more.
    pub async fn recordings_due(
        &self,
        at: Timestamp,
        oldest: Timestamp,
        limit: usize,
    ) -> Result<Vec<Unrecorded>, StoreError> {
        let (due, moot) = self.read(move |tx| look(tx, at, oldest, limit)).await?;
        if !moot.is_empty() {
            self.write(move |tx| moot.into_iter().try_for_each(|session| look_no_more(tx, session))).await?;
        }
        Ok(due)
    }

    /// A look has found these, and the next one is due at `next`; nothing when it was the last. With a new one every
    /// announcement of the session becomes due for a revision. Returns how many are new.
    pub async fn recordings_found(
        &self,
        session: SessionId,
        found: Vec<(StreamId, Recording)>,
        next: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write(move |tx| {
            let mut new = 0;
            let mut keep = tx.prepare_cached(
                "INSERT INTO recording (video_id, session_id, stream_id, url)
                 SELECT ?2, session_id, stream_id, ?3 FROM session_stream
                 WHERE stream_id = ?1 AND session_id = ?4 ON CONFLICT DO NOTHING",
            )?;
            for (stream, Recording { id, url }) in found {
                new += keep.execute(params![stream.as_str(), id, url, session.0])?;
            }
            if new > 0 {
                revisions::revise_ended(tx, session, at)?;
            }
            match next.filter(|_| unrecorded(tx, session).is_ok_and(|left| !left.is_empty())) {
                Some(next) => {
                    tx.prepare_cached("UPDATE recording_look SET due_at = ?2 WHERE session_id = ?1")?
                        .execute(params![session.0, next.as_millis()])?;
                }
                None => look_no_more(tx, session)?,
            }
            Ok(new)
        })
        .await
    }
}

/// A session is over: its recordings are looked for from now on.
pub(super) fn look_for(tx: &Transaction<'_>, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO recording_look (session_id, since, due_at) VALUES (?1, ?2, ?2)
         ON CONFLICT DO UPDATE SET since = excluded.since, due_at = excluded.due_at",
    )?
    .execute(params![session.0, at.as_millis()])?;
    Ok(())
}

/// Nobody waits for the recordings of a session, or it goes on.
pub(super) fn look_no_more(tx: &Transaction<'_>, session: SessionId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM recording_look WHERE session_id = ?1")?.execute([session.0])?;
    Ok(())
}

fn look(
    tx: &Transaction<'_>,
    at: Timestamp,
    oldest: Timestamp,
    limit: usize,
) -> Result<(Vec<Unrecorded>, Vec<SessionId>), StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT session_id, broadcaster_id, since, {} FROM recording_look JOIN session USING (session_id)
         WHERE due_at <= ?1 ORDER BY due_at, session_id LIMIT ?2",
        is_read()
    ))?;
    let mut rows = statement.query(params![at.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut due, mut moot) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (session, since) = (SessionId(row.get(0)?), Timestamp::from_millis(row.get(2)?));
        if since < oldest || !row.get::<_, bool>(3)? {
            moot.push(session);
            continue;
        }
        let broadcaster = BroadcasterId::new(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
        due.push(Unrecorded { session, broadcaster, since, streams: unrecorded(tx, session)? });
    }
    Ok((due, moot))
}

/// The streams of a session of which no recording is known.
fn unrecorded(tx: &Transaction<'_>, session: SessionId) -> Result<Vec<StreamId>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT stream_id FROM session_stream WHERE session_id = ?1
           AND stream_id NOT IN (SELECT stream_id FROM recording WHERE session_id = ?1)",
    )?;
    let rows = statement.query_map([session.0], |row| Ok(StreamId::new(row.get_ref(0)?.as_str()?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
