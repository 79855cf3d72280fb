//! The course of a session: what was streamed when, and how many watched. It is told when the session is over.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::Store;
use crate::domain::{Chapter, Ending, Recording, SessionId, Stream, Timestamp};
use crate::store::board::Tally;
use crate::store::{StoreError, facts};

/// How often the viewers of sessions in which nothing else changes are written: a process that is killed forgets the looks of
/// so long, which is nothing for an average, and one small transaction in ten minutes wears out no disk.
pub const VIEWERS_KEPT_EVERY: Duration = Duration::from_mins(10);

/// Chapters of a session at most: more than anybody makes by hand. A title that a program changes with every look would fill
/// the disk.
const MAX_CHAPTERS: i64 = 200;

impl Store {
    /// Writes how many watched in the looks that are not written yet, see [`VIEWERS_KEPT_EVERY`]. Without any it writes nothing.
    pub async fn keep_viewers(&self) -> Result<(), StoreError> {
        let board = self.board.clone();
        if board.all_unwritten().is_empty() {
            return Ok(());
        }
        let looks = board.clone();
        self.write_then(
            move |tx| {
                let all = looks.all_unwritten();
                for (session, tally) in &all {
                    count(tx, *session, *tally)?;
                }
                Ok(all)
            },
            move |all| {
                for (session, tally) in all {
                    board.written(session, tally);
                }
            },
        )
        .await
    }
}

/// Adds looks to what is written of a session's viewers.
pub(super) fn count(tx: &Transaction<'_>, session: SessionId, tally: Tally) -> Result<(), StoreError> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "UPDATE session SET peak_viewers = MAX(COALESCE(peak_viewers, ?2), COALESCE(?2, peak_viewers)),
             viewers_sum = viewers_sum + ?3, viewers_looks = viewers_looks + ?4
         WHERE session_id = ?1",
    )?
    .execute(params![session.0, tally.peak.map(signed), signed(tally.sum), signed(tally.looks)])?;
    Ok(())
}

/// The one look that a change comes with.
pub(super) fn count_look(
    tx: &Transaction<'_>,
    session: SessionId,
    stream: &Stream,
) -> Result<(), StoreError> {
    match stream.viewers {
        Some(viewers) => count(tx, session, Tally { peak: Some(viewers), sum: viewers, looks: 1 }),
        None => Ok(()),
    }
}

/// A session shows this from now on. What was only told of before is put right instead.
pub(super) fn note_chapter(
    tx: &Transaction<'_>,
    session: SessionId,
    stream: &Stream,
    since: Timestamp,
    was_told: bool,
) -> Result<(), StoreError> {
    let shows = facts::write_chapter(stream);
    let last: Option<(i64, String)> = tx
        .prepare_cached(
            "SELECT chapter_id, stream FROM chapter WHERE session_id = ?1 ORDER BY chapter_id DESC LIMIT 1",
        )?
        .query_row([session.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match last {
        Some((_, last)) if last == shows => {}
        Some((chapter, _)) if was_told => {
            tx.prepare_cached("UPDATE chapter SET stream = ?2 WHERE chapter_id = ?1")?
                .execute(params![chapter, shows])?;
        }
        _ => {
            tx.prepare_cached(
                "INSERT INTO chapter (session_id, since, stream)
                 SELECT ?1, ?2, ?3 WHERE (SELECT COUNT(*) FROM chapter WHERE session_id = ?1) < ?4",
            )?
            .execute(params![session.0, since.as_millis(), shows, MAX_CHAPTERS])?;
        }
    }
    Ok(())
}

/// How a session went; nothing while it goes on.
pub(super) fn ending(tx: &Transaction<'_>, session: SessionId) -> Result<Option<Ending>, StoreError> {
    type Row = (Option<i64>, Option<i64>, i64, i64);
    let (ended_at, peak, sum, looks): Row = tx
        .prepare_cached(
            "SELECT ended_at, peak_viewers, viewers_sum, viewers_looks FROM session WHERE session_id = ?1",
        )?
        .query_row([session.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let Some(ended_at) = ended_at else { return Ok(None) };
    Ok(Some(Ending {
        ended_at: Timestamp::from_millis(ended_at),
        peak_viewers: peak.and_then(|viewers| u64::try_from(viewers).ok()),
        average_viewers: sum.checked_div(looks).and_then(|viewers| u64::try_from(viewers).ok()),
        chapters: chapters(tx, session)?,
        recordings: recordings(tx, session)?,
    }))
}

/// The categories of a session; another title alone begins no chapter here.
fn chapters(tx: &Transaction<'_>, session: SessionId) -> Result<Vec<Chapter>, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT since, stream FROM chapter WHERE session_id = ?1 ORDER BY chapter_id")?;
    let mut rows = statement.query([session.0])?;
    let mut chapters: Vec<Chapter> = Vec::new();
    while let Some(row) = rows.next()? {
        let category = facts::category_of_chapter(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        if chapters.last().is_none_or(|last| last.category != category) {
            chapters.push(Chapter { category, since: Timestamp::from_millis(row.get(0)?) });
        }
    }
    Ok(chapters)
}

fn recordings(tx: &Transaction<'_>, session: SessionId) -> Result<Vec<Recording>, StoreError> {
    // Twitch numbers its videos in the order in which they are made.
    let mut statement = tx.prepare_cached(
        "SELECT video_id, url FROM recording WHERE session_id = ?1 ORDER BY length(video_id), video_id",
    )?;
    let rows = statement.query_map([session.0], |row| Ok(Recording { id: row.get(0)?, url: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
