//! Sessions, their transitions and who is owed word of them: what the pipeline gathers and commits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::owing::{self, Matched, expire, owe};
use super::{Store, course, recordings, revisions, signed};
use crate::domain::{BroadcasterId, Session, SessionId, Source, Stream, StreamId, Timestamp};
use crate::store::board::Tally;
use crate::store::{Board, Change, Decision, StoreError, facts};

/// How often the store notes that Twitch is being looked at. A cycle that changes nothing writes nothing, so without
/// the note a killed process would not know whether it was away for a second or for a day. One write in this time is
/// nothing; and as long as this, a streamer who reconnects while the process restarts still counts as having been seen.
pub const LOOKED_AT_EVERY: Duration = Duration::from_mins(2);

/// The kind of transition that says that a session began.
const BEGAN: &str = "began";

impl Store {
    /// The sessions, ended by now, that have had one of these streams.
    pub async fn ended_sessions_with(
        &self,
        streams: Vec<StreamId>,
    ) -> Result<HashMap<StreamId, SessionId>, StoreError> {
        if streams.is_empty() {
            return Ok(HashMap::new());
        }
        self.read(move |tx| {
            let mut found = HashMap::new();
            let mut statement = tx.prepare_cached(
                "SELECT session_id FROM session_stream JOIN session USING (session_id)
                 WHERE stream_id = ?1 AND ended_at IS NOT NULL",
            )?;
            for stream in streams {
                let session: Option<i64> =
                    statement.query_row([stream.as_str()], |row| row.get(0)).optional()?;
                if let Some(session) = session {
                    found.insert(stream, SessionId(session));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Remembers what an observation changed, with everything that is owed because of it, in one transaction.
    ///
    /// Returns how many deliveries are due that were not before.
    pub async fn commit(&self, decision: impl Into<Arc<Decision>>) -> Result<usize, StoreError> {
        let decision = decision.into();
        let (board, seen) = (self.board.clone(), self.board.clone());
        self.write_then(
            move |tx| {
                let mut updates = Vec::new();
                let mut owed = 0;
                for change in &decision.changes {
                    owed += apply(tx, &decision, change, &seen, &mut updates)?;
                }
                Ok((updates, owed))
            },
            move |(updates, owed)| {
                show(&board, updates);
                owed
            },
        )
        .await
    }

    /// Gives up the sessions of those whom nobody watches any more, since nobody looks at them. Returns how many.
    ///
    /// Should somebody watch them again while the same stream goes on, it is taken up again and announced to nobody twice.
    pub async fn give_up_unwatched(&self, at: Timestamp) -> Result<usize, StoreError> {
        let (board, seen) = (self.board.clone(), self.board.clone());
        self.write_then(
            move |tx| {
                let mut updates = Vec::new();
                let mut statement = tx.prepare_cached(
                    "SELECT session_id, broadcaster_id FROM session WHERE ended_at IS NULL AND NOT EXISTS (
                         SELECT 1 FROM watch JOIN guild USING (guild_id)
                         WHERE watch.broadcaster_id = session.broadcaster_id AND guild.left_at IS NULL)",
                )?;
                let rows = statement
                    .query_map([], |row| Ok((SessionId(row.get(0)?), row.get::<_, String>(1)?)))?
                    .collect::<Result<Vec<_>, _>>()?;
                let given_up = rows.len();
                for (session, broadcaster) in rows {
                    // Nobody is left who could read how it went.
                    close(tx, session, at, at)?;
                    keep_viewers(tx, session, &seen, &mut updates)?;
                    updates.push(Update::Closed(BroadcasterId::new(&broadcaster)));
                }
                Ok((updates, given_up))
            },
            move |(updates, given_up)| {
                show(&board, updates);
                given_up
            },
        )
        .await
    }

    /// Notes that Twitch is being looked at, see [`LOOKED_AT_EVERY`].
    pub async fn note_look(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("UPDATE installation SET looked_at = ?1", [at.as_millis()])?;
            Ok(())
        })
        .await
    }
}

/// What a committed change does to the board.
enum Update {
    Open(Box<Session>),
    Missed(BroadcasterId, Timestamp),
    Closed(BroadcasterId),
    Counted(SessionId, Tally),
}

fn show(board: &Board, updates: Vec<Update>) {
    board.change(|sessions| {
        for update in updates {
            match update {
                Update::Open(session) => {
                    sessions.insert(session.broadcaster.clone(), *session);
                }
                Update::Missed(broadcaster, at) => {
                    if let Some(session) = sessions.get_mut(&broadcaster) {
                        session.missing_since = Some(at);
                    }
                }
                Update::Closed(broadcaster) => {
                    sessions.remove(&broadcaster);
                }
                Update::Counted(session, looks) => board.written(session, looks),
            }
        }
    });
}

fn apply(
    tx: &Transaction<'_>,
    decision: &Decision,
    change: &Change,
    board: &Board,
    updates: &mut Vec<Update>,
) -> Result<usize, StoreError> {
    let at = decision.at;
    match change {
        Change::Began { stream, owed, replaces } => {
            if let Some(session) = replaces {
                end(tx, *session, &stream.broadcaster, decision, board)?;
                keep_viewers(tx, *session, board, updates)?;
            }
            let session = begin(tx, stream, at)?;
            let transition = transition(tx, session, decision.source, stream, at)?;
            updates.push(Update::Open(Box::new(read_session(tx, session)?)));
            owe(tx, transition, owed, Matched::AtTheStart, decision.decided_at)
        }
        Change::Reopened { session, stream, owed } => {
            tx.prepare_cached("UPDATE session SET ended_at = NULL WHERE session_id = ?1")?
                .execute([session.0])?;
            go_on(tx, *session, stream, at)?;
            updates.push(Update::Open(Box::new(read_session(tx, *session)?)));
            let transition = began(tx, *session)?;
            // They may have been forgotten since it ended; or what was announced from hearsay is listed only now.
            freeze(tx, transition, stream)?;
            if stream.is_shown() && !is_frozen_as_shown(tx, transition, stream)? {
                freeze_anew(tx, transition, *session, stream)?;
            }
            // What says that it is over is no longer true.
            revisions::revise(tx, transition, decision.decided_at)?;
            recordings::look_no_more(tx, *session)?;
            owing::look_no_more(tx, transition)?;
            owe(tx, transition, owed, Matched::Now, decision.decided_at)
        }
        Change::Continued { session, stream } => {
            let Some(GoesOn { reads_the_same }) = go_on(tx, *session, stream, at)? else {
                // It was given up meanwhile, because nobody watches any more.
                return Ok(0);
            };
            keep_viewers(tx, *session, board, updates)?;
            updates.push(Update::Open(Box::new(read_session(tx, *session)?)));
            if !reads_the_same {
                revisions::revise_soon(tx, began(tx, *session)?, decision.decided_at)?;
            }
            Ok(0)
        }
        Change::Shown { session, stream } => {
            if go_on(tx, *session, stream, at)?.is_none() {
                return Ok(0);
            }
            updates.push(Update::Open(Box::new(read_session(tx, *session)?)));
            let transition = began(tx, *session)?;
            freeze_anew(tx, transition, *session, stream)?;
            revisions::revise(tx, transition, decision.decided_at)?;
            Ok(0)
        }
        Change::Missed { session, broadcaster, last_seen_at } => {
            tx.prepare_cached("UPDATE session SET missing_since = ?2, seen_at = ?3 WHERE session_id = ?1")?
                .execute(params![session.0, at.as_millis(), last_seen_at.as_millis()])?;
            keep_viewers(tx, *session, board, updates)?;
            updates.push(Update::Missed(broadcaster.clone(), at));
            Ok(0)
        }
        Change::Ended { session, broadcaster } => {
            end(tx, *session, broadcaster, decision, board)?;
            keep_viewers(tx, *session, board, updates)?;
            updates.push(Update::Closed(broadcaster.clone()));
            Ok(0)
        }
        Change::CaughtUp { watches, owed, session } => {
            let mut statement =
                tx.prepare_cached("UPDATE watch SET fresh = 0 WHERE guild_id = ?1 AND broadcaster_id = ?2")?;
            for watch in watches {
                statement.execute(params![signed(watch.guild.get()), watch.broadcaster.as_str()])?;
            }
            let Some(session) = session else { return Ok(0) };
            // From here on somebody looks at it who did not before, see `load_board`.
            tx.prepare_cached(
                "UPDATE session SET seen_at = ?2 WHERE session_id = ?1 AND missing_since IS NULL",
            )?
            .execute(params![session.0, decision.at.as_millis()])?;
            owe(tx, began(tx, *session)?, owed, Matched::Now, decision.decided_at)
        }
        Change::Reconsidered { session, stream, owed } => {
            if !is_open(tx, *session)? {
                return Ok(0);
            }
            // The viewers that are enough now are to be told as well.
            keep_facts(tx, *session, stream)?;
            owe(tx, began(tx, *session)?, owed, Matched::Now, decision.decided_at)
        }
    }
}

fn begin(tx: &Transaction<'_>, stream: &Stream, at: Timestamp) -> Result<SessionId, StoreError> {
    tx.prepare_cached("INSERT INTO session (broadcaster_id, started_at, seen_at) VALUES (?1, ?2, ?3)")?
        .execute(params![stream.broadcaster.as_str(), stream.started_at.as_millis(), at.as_millis()])?;
    let session = SessionId(tx.last_insert_rowid());
    keep_facts(tx, session, stream)?;
    keep_stream_id(tx, session, stream)?;
    course::note_chapter(tx, session, stream, stream.started_at.min(at), false)?;
    course::count_look(tx, session, stream)?;
    Ok(session)
}

/// What is seen of a session that goes on.
struct GoesOn {
    /// Whether it reads as it did before, and is not what was only told of then.
    reads_the_same: bool,
}

/// Remembers what is seen of an open session; nothing when it is not open.
fn go_on(
    tx: &Transaction<'_>,
    session: SessionId,
    stream: &Stream,
    at: Timestamp,
) -> Result<Option<GoesOn>, StoreError> {
    let is_open = tx
        .prepare_cached(
            "UPDATE session SET seen_at = ?2, missing_since = NULL WHERE session_id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![session.0, at.as_millis()])?
        > 0;
    if !is_open {
        return Ok(None);
    }
    let before = facts_of(tx, session, &stream.broadcaster)?;
    let was_told = before.as_ref().is_some_and(|before| !before.is_shown());
    course::note_chapter(tx, session, stream, at, was_told)?;
    course::count_look(tx, session, stream)?;
    keep_facts(tx, session, stream)?;
    keep_stream_id(tx, session, stream)?;
    let is_completed = was_told && stream.is_shown();
    Ok(Some(GoesOn {
        reads_the_same: before.is_some_and(|before| before.reads_like(stream)) && !is_completed,
    }))
}

fn is_open(tx: &Transaction<'_>, session: SessionId) -> Result<bool, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT 1 FROM session WHERE session_id = ?1 AND ended_at IS NULL")?;
    Ok(statement.exists([session.0])?)
}

/// A session is over, and what stands in channels of it is to say so.
///
/// It was over when it was first missed, not when nobody believed in its return any more; and when nobody looked for long,
/// when it was last seen.
fn end(
    tx: &Transaction<'_>,
    session: SessionId,
    broadcaster: &BroadcasterId,
    decision: &Decision,
    board: &Board,
) -> Result<(), StoreError> {
    let gone_since = board.with(|open| {
        let known = open.get(broadcaster).filter(|known| known.id == session);
        known.map(|known| known.missing_since.unwrap_or(known.last_seen_at).max(known.started_at))
    });
    close(tx, session, gone_since.map_or(decision.at, |since| since.min(decision.at)), decision.at)?;
    if revisions::tell_the_end(tx, began(tx, session)?, decision.decided_at)? > 0 {
        recordings::look_for(tx, session, decision.decided_at)?;
    }
    Ok(())
}

/// Closes a session that was over then.
fn close(
    tx: &Transaction<'_>,
    session: SessionId,
    since: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE session SET ended_at = ?2 WHERE session_id = ?1")?
        .execute(params![session.0, since.as_millis()])?;
    expire(tx, session, at)
}

/// Writes how many watched in the looks that are only on the board.
fn keep_viewers(
    tx: &Transaction<'_>,
    session: SessionId,
    board: &Board,
    updates: &mut Vec<Update>,
) -> Result<(), StoreError> {
    if let Some(looks) = board.unwritten(session) {
        course::count(tx, session, looks)?;
        updates.push(Update::Counted(session, looks));
    }
    Ok(())
}

/// A session's stream as it was seen last, unless that is forgotten or cannot be read.
fn facts_of(
    tx: &Transaction<'_>,
    session: SessionId,
    broadcaster: &BroadcasterId,
) -> Result<Option<Stream>, StoreError> {
    let text: Option<String> = tx
        .prepare_cached("SELECT stream FROM session_facts WHERE session_id = ?1")?
        .query_row([session.0], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| facts::read(broadcaster, &text).ok()))
}

/// Remembers a session's stream as it is seen now.
fn keep_facts(tx: &Transaction<'_>, session: SessionId, stream: &Stream) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO session_facts (session_id, stream) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET stream = excluded.stream",
    )?
    .execute(params![session.0, facts::write(stream)])?;
    Ok(())
}

/// Freezes the stream of a transition, unless that was done before.
fn freeze(tx: &Transaction<'_>, transition: i64, stream: &Stream) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO transition_facts (transition_id, stream) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?
    .execute(params![transition, facts::write(stream)])?;
    Ok(())
}

/// Whether the list had shown the stream when it was frozen.
fn is_frozen_as_shown(tx: &Transaction<'_>, transition: i64, stream: &Stream) -> Result<bool, StoreError> {
    let frozen: String = tx
        .prepare_cached("SELECT stream FROM transition_facts WHERE transition_id = ?1")?
        .query_row([transition], |row| row.get(0))?;
    Ok(facts::read(&stream.broadcaster, &frozen)?.is_shown())
}

/// Replaces the frozen stream of a transition, but for its start: by that an announcement is recognised which may stand in
/// its channel already.
fn freeze_anew(
    tx: &Transaction<'_>,
    transition: i64,
    session: SessionId,
    stream: &Stream,
) -> Result<(), StoreError> {
    let started_at: i64 = tx
        .prepare_cached("SELECT started_at FROM session WHERE session_id = ?1")?
        .query_row([session.0], |row| row.get(0))?;
    let stream = Stream { started_at: Timestamp::from_millis(started_at), ..stream.clone() };
    tx.prepare_cached(
        "INSERT INTO transition_facts (transition_id, stream) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET stream = excluded.stream",
    )?
    .execute(params![transition, facts::write(&stream)])?;
    Ok(())
}

/// A stream id stays with the first session that had it.
fn keep_stream_id(tx: &Transaction<'_>, session: SessionId, stream: &Stream) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO session_stream (stream_id, session_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?
    .execute(params![stream.id.as_str(), session.0])?;
    // Somebody seen under another name has a new picture as often as not: ask for the account soon.
    tx.prepare_cached(
        "UPDATE streamer SET refreshed_at = 0 WHERE broadcaster_id = ?1 AND (login <> ?2 OR unavailable_since IS NOT NULL)",
    )?
    .execute(params![stream.broadcaster.as_str(), stream.login.as_str()])?;
    Ok(())
}

fn transition(
    tx: &Transaction<'_>,
    session: SessionId,
    source: Source,
    stream: &Stream,
    at: Timestamp,
) -> Result<i64, StoreError> {
    tx.prepare_cached("INSERT INTO transition (session_id, kind, at, source) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![session.0, BEGAN, at.as_millis(), source.as_str()])?;
    let transition = tx.last_insert_rowid();
    freeze(tx, transition, stream)?;
    Ok(transition)
}

/// The transition that says that a session began.
fn began(tx: &Transaction<'_>, session: SessionId) -> Result<i64, StoreError> {
    Ok(tx
        .prepare_cached("SELECT transition_id FROM transition WHERE session_id = ?1 AND kind = ?2")?
        .query_row(params![session.0, BEGAN], |row| row.get(0))?)
}

const SESSION_COLUMNS: &str = "SELECT session_id, broadcaster_id, started_at, seen_at, missing_since, stream
     FROM session JOIN session_facts USING (session_id)";

fn read_session(connection: &Connection, session: SessionId) -> Result<Session, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SESSION_COLUMNS} WHERE session_id = ?1"))?;
    let mut rows = statement.query([session.0])?;
    let row = rows.next()?.ok_or(StoreError::Unreadable("session"))?;
    session_of(connection, row)
}

fn session_of(connection: &Connection, row: &rusqlite::Row<'_>) -> Result<Session, StoreError> {
    let id: i64 = row.get(0)?;
    let broadcaster = BroadcasterId::new(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
    let missing_since: Option<i64> = row.get(4)?;
    let stream = facts::read(&broadcaster, row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?)?;
    let mut ids = connection.prepare_cached("SELECT stream_id FROM session_stream WHERE session_id = ?1")?;
    let stream_ids = ids.query_map([id], |row| Ok(StreamId::new(row.get_ref(0)?.as_str()?)))?;
    Ok(Session {
        id: SessionId(id),
        stream_ids: stream_ids.collect::<Result<_, _>>()?,
        started_at: Timestamp::from_millis(row.get(2)?),
        last_seen_at: Timestamp::from_millis(row.get(3)?),
        surely_seen_at: None,
        missing_since: missing_since.map(Timestamp::from_millis),
        broadcaster,
        stream,
    })
}

/// Fills the board at start. Whoever was not missed counts as seen for as long as somebody may have been looking.
pub(super) fn load_board(connection: &Connection, board: &Board) -> Result<(), StoreError> {
    let looked_at: i64 = connection.query_row("SELECT looked_at FROM installation", [], |row| row.get(0))?;
    let looked_until = Timestamp::from_millis(looked_at).after(LOOKED_AT_EVERY);
    let mut statement = connection.prepare(&format!("{SESSION_COLUMNS} WHERE ended_at IS NULL"))?;
    let mut rows = statement.query([])?;
    // Nobody looks at whom nobody watches: only who watches since the last known sighting has had it looked at ever since.
    let mut watched = connection.prepare(
        "SELECT 1 FROM watch JOIN guild USING (guild_id)
         WHERE broadcaster_id = ?1 AND left_at IS NULL AND MAX(added_at, COALESCE(here_since, 0)) <= ?2",
    )?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let mut session = session_of(connection, row)?;
        let seen_at = session.last_seen_at.as_millis();
        if session.missing_since.is_none()
            && watched.exists(params![session.broadcaster.as_str(), seen_at])?
        {
            session.surely_seen_at = Some(session.last_seen_at);
            session.last_seen_at = session.last_seen_at.max(looked_until);
        }
        open.push(session);
    }
    board.change(|sessions| {
        sessions.extend(open.into_iter().map(|session| (session.broadcaster.clone(), session)));
    });
    Ok(())
}
