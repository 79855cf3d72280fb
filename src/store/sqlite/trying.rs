//! What filters are tried on: the streams of the last two weeks, with what each of them said from its start to its end.

use std::collections::HashMap;

use rusqlite::params;

use super::{Store, signed};
use crate::domain::{BroadcasterId, GuildId, SessionId, Stream, Timestamp};
use crate::store::{PastSession, StoreError, facts};

/// Sessions that filters are tried on at most, the latest: those of forty streamers who stream every day. More would hold up
/// other readers, and would not tell more.
pub const MAX_TRIED: usize = 600;

impl Store {
    /// What streamers of a server's list, or one of them, have streamed since then, as far as it is remembered.
    pub async fn past_sessions(
        &self,
        guild: GuildId,
        streamer: Option<BroadcasterId>,
        since: Timestamp,
    ) -> Result<Vec<PastSession>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT session_id, session.broadcaster_id, session_facts.stream, peak_viewers, chapter.stream
                 FROM (SELECT session_id FROM watch JOIN session USING (broadcaster_id)
                       WHERE guild_id = ?1 AND (?2 IS NULL OR broadcaster_id = ?2) AND started_at >= ?3
                       ORDER BY session_id DESC LIMIT ?4)
                 JOIN session USING (session_id) JOIN session_facts USING (session_id)
                 LEFT JOIN chapter USING (session_id)
                 ORDER BY session_id, chapter_id",
            )?;
            let most = i64::try_from(MAX_TRIED).unwrap_or(i64::MAX);
            let streamer = streamer.as_ref().map(BroadcasterId::as_str);
            let mut rows =
                statement.query(params![signed(guild.get()), streamer, since.as_millis(), most])?;
            let mut found: Vec<PastSession> = Vec::new();
            let mut places: HashMap<SessionId, usize> = HashMap::new();
            while let Some(row) = rows.next()? {
                let id = SessionId(row.get(0)?);
                let broadcaster =
                    BroadcasterId::new(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
                let last =
                    facts::read(&broadcaster, row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
                let peak: Option<i64> = row.get(3)?;
                // Whoever wants so many viewers is told when there are.
                let viewers = peak.and_then(|peak| u64::try_from(peak).ok()).or(last.viewers);
                let last = Stream { viewers, ..last };
                let chapter: Option<String> = row.get(4)?;
                let seen = match chapter {
                    Some(chapter) => facts::as_in_chapter(last, &chapter)?,
                    None => last,
                };
                let place = *places.entry(id).or_insert_with(|| {
                    found.push(PastSession { broadcaster, seen: Vec::new() });
                    found.len() - 1
                });
                if let Some(session) = found.get_mut(place) {
                    session.seen.push(seen);
                }
            }
            Ok(found)
        })
        .await
    }
}
