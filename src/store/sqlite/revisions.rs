//! Revisions: announcements that are to say what is known of their session now. A row is a level, not an edge: it holds no
//! words, so whoever carries it out renders what is true then.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Store, channel_id, course, guild_id, members, outbox, preferences_of, signed};
use crate::domain::{
    BroadcasterId, ChannelId, DeliveryId, MessageId, Revision, SessionId, Stream, Timestamp,
};
use crate::store::{StoreError, facts};

/// Revisions that one look reads at most, those included that are moot or wait behind another one of their channel.
const LOOKED_AT: usize = 256;

/// How long a change of title or category waits: most who change the one change the other as well, and both fit one edit.
const SETTLES_IN: Duration = Duration::from_mins(1);

/// The time between two edits of a message that nobody waits for. Discord counts edits, and readers have seen it by then.
const EDIT_EVERY: Duration = Duration::from_mins(5);

/// When a message is old: Discord takes few edits of one that is older than an hour (30046), and the end needs one of them.
const OLD: Duration = Duration::from_hours(1);

/// The time between two edits of an old message.
const EDIT_OLD_EVERY: Duration = Duration::from_mins(30);

/// How long the word of the end waits: in this time the recording is looked for, which is there already as a rule, and is
/// told in the same edit.
const RECORDING_COMES: Duration = Duration::from_secs(10);

/// Whose announcement may stand in its channel. An attempt that is under way holds the former facts in its hands, and one of
/// which nobody knows whether it succeeded may have put them there.
pub(super) const MAY_STAND: &str =
    "part = 0 AND ((state = 'delivered' AND message_id IS NOT NULL) OR state = 'leased'
     OR (state IN ('pending', 'paused') AND unsure_since IS NOT NULL))";

/// What revisions are looked at with: each with its delivery, its session, and the watch that it stands there for.
const JOINED: &str = "revision JOIN delivery USING (delivery_id) JOIN transition USING (transition_id)
     JOIN session USING (session_id) LEFT JOIN session_facts USING (session_id) LEFT JOIN guild USING (guild_id)
     LEFT JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id";

/// Where an announcement stands: in its own channel, if it is a post in a forum.
const PLACE: &str = "COALESCE(delivery.posted_in, delivery.channel_id)";

/// How a revision stands.
///
/// - Moot, when the announcement will never be there, or nobody knows which message it is, or it is gone: it is never posted
///   again. And when it is so long ago that what there was to say is forgotten, when the watch was removed (nobody there
///   wants to hear of it), and when the bot is not in the server (Discord would refuse). Not when the session is over: the
///   announcement says so then.
/// - Waiting, while the announcement is not there yet, and while its channel is closed to the bot. A forum that wants a tag on
///   new posts is not closed to changes.
const STANDS: &str = "CASE
         WHEN session_facts.stream IS NULL OR watch.guild_id IS NULL OR guild.left_at IS NOT NULL THEN 'moot'
         WHEN delivery.state IN ('pending', 'leased', 'paused') THEN 'waiting'
         WHEN delivery.state <> 'delivered' OR delivery.message_id IS NULL THEN 'moot'
         WHEN EXISTS (SELECT 1 FROM route WHERE route.guild_id = delivery.guild_id
                 AND route.channel_id = delivery.channel_id AND paused_since IS NOT NULL
                 AND refusal <> 'tag_required') THEN 'waiting'
         ELSE 'ready' END";

impl Store {
    /// Revisions that can be carried out now, the longest due first, at most one of a channel and none of these channels.
    /// What has become moot is forgotten.
    ///
    /// Nothing is leased: an edit may be made twice, so one of which nobody knows what came of it is simply made again.
    pub async fn revisions_due(
        &self,
        at: Timestamp,
        limit: usize,
        busy: Vec<ChannelId>,
    ) -> Result<Vec<Revision>, StoreError> {
        loop {
            let busy = busy.clone();
            // Looking costs no write, and most of the time there is nothing that is moot.
            let Found { due, moot } = self.read(move |tx| look(tx, at, limit, &busy)).await?;
            if moot.is_empty() {
                return Ok(due);
            }
            self.write(move |tx| forget(tx, &moot)).await?;
            if !due.is_empty() {
                return Ok(due);
            }
        }
    }

    /// When the first of all revisions and publications is due or was.
    pub async fn first_aftercare(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT MIN(due_at) FROM (SELECT MIN(due_at) AS due_at FROM revision
                     UNION ALL SELECT MIN(due_at) FROM publication WHERE state = 'wanted')",
            )?;
            let due: Option<i64> = statement.query_row([], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }

    /// When the next revision is due that is not yet. What is due and waits, waits for something else than time.
    pub async fn next_revision(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |tx| {
            let due: Option<i64> = tx
                .prepare_cached("SELECT MIN(due_at) FROM revision WHERE due_at > ?1")?
                .query_row([after.as_millis()], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }

    /// Whether a revision under way may go out now: nothing newer is wished for, and it can be carried out.
    pub async fn is_revision_wanted(&self, delivery: DeliveryId, wish: u32) -> Result<bool, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {STANDS} = 'ready' FROM {JOINED} WHERE delivery_id = ?1 AND wish = ?2"
            ))?;
            let ready = statement.query_row(params![delivery.0, wish], |row| row.get(0)).optional()?;
            Ok(ready.unwrap_or(false))
        })
        .await
    }

    /// An announcement was edited. A newer wish stays: it is due if it presses, else when the message may be edited again.
    pub async fn revised(&self, delivery: DeliveryId, wish: u32, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("UPDATE delivery SET edited_at = ?2 WHERE delivery_id = ?1")?
                .execute(params![delivery.0, at.as_millis()])?;
            tx.prepare_cached("DELETE FROM revision WHERE delivery_id = ?1 AND wish = ?2")?
                .execute(params![delivery.0, wish])?;
            tx.prepare_cached(&format!(
                "UPDATE revision SET due_at = MAX(due_at, (SELECT {} FROM delivery WHERE delivery_id = ?1))
                 WHERE delivery_id = ?1 AND pressing <= ?3",
                soonest()
            ))?
            .execute(params![delivery.0, at.as_millis(), wish])?;
            Ok(())
        })
        .await
    }

    /// A wish is given up, or there was nothing to do for it. A newer one stays, and is due.
    pub async fn revision_is_over(&self, delivery: DeliveryId, wish: u32) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("DELETE FROM revision WHERE delivery_id = ?1 AND wish = ?2")?
                .execute(params![delivery.0, wish])?;
            Ok(())
        })
        .await
    }

    /// A wish could not be met now. A newer one does not wait for that.
    pub async fn revision_waits(
        &self,
        delivery: DeliveryId,
        wish: u32,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE revision SET due_at = ?3, attempts = attempts + 1 WHERE delivery_id = ?1 AND wish = ?2",
            )?
            .execute(params![delivery.0, wish, due_at.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// The announcement is not there any more: there is nothing to bring up to date, now or later, and nothing to answer.
    /// `deleted_at` is when we deleted it, and its replies are deleted then as well; nothing when somebody else has.
    pub async fn message_is_gone(
        &self,
        delivery: DeliveryId,
        deleted_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("DELETE FROM revision WHERE delivery_id = ?1")?.execute([delivery.0])?;
            tx.prepare_cached(
                "UPDATE delivery SET message_id = NULL, deleted_at = ?2 WHERE delivery_id = ?1",
            )?
            .execute(params![delivery.0, deleted_at.map(Timestamp::as_millis)])?;
            members::nothing_to_answer(tx, delivery, deleted_at)
        })
        .await
    }
}

/// What is known of a session has changed: everything that may stand in a channel as it was before is to be revised at once.
/// What surely does not is worded from the new facts when it is sent.
pub(super) fn revise(tx: &Transaction<'_>, transition: i64, at: Timestamp) -> Result<usize, StoreError> {
    Ok(tx
        .prepare_cached(&format!(
            "INSERT INTO revision (delivery_id, due_at, pressing)
             SELECT delivery_id, ?2, 1 FROM delivery WHERE transition_id = ?1 AND {MAY_STAND}
             ON CONFLICT (delivery_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0, wish = wish + 1,
                 pressing = wish + 1"
        ))?
        .execute(params![transition, at.as_millis()])?)
}

/// The stream reads otherwise than before. That can wait until more has changed, and until the message may be edited again.
/// A wish that waits already keeps its time when that is earlier: a title that changes all the time would never be shown.
pub(super) fn revise_soon(tx: &Transaction<'_>, transition: i64, at: Timestamp) -> Result<usize, StoreError> {
    Ok(tx
        .prepare_cached(&format!(
            "INSERT INTO revision (delivery_id, due_at)
             SELECT delivery_id, {} FROM delivery WHERE transition_id = ?1 AND {MAY_STAND}
             ON CONFLICT (delivery_id) DO UPDATE SET wish = wish + 1,
                 due_at = CASE WHEN attempts > 0 THEN due_at ELSE MIN(due_at, excluded.due_at) END",
            soonest()
        ))?
        .execute(params![transition, at.as_millis()])?)
}

/// The session is over. Returns for how many announcements that is to be told.
pub(super) fn tell_the_end(
    tx: &Transaction<'_>,
    transition: i64,
    at: Timestamp,
) -> Result<usize, StoreError> {
    revise(tx, transition, at.after(RECORDING_COMES))
}

/// More is known of a session that is over, unless it goes on again.
pub(super) fn revise_ended(
    tx: &Transaction<'_>,
    session: SessionId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut transitions = tx.prepare_cached(
        "SELECT transition_id FROM transition JOIN session USING (session_id)
         WHERE session_id = ?1 AND ended_at IS NOT NULL",
    )?;
    let transition: Option<i64> = transitions.query_row([session.0], |row| row.get(0)).optional()?;
    if let Some(transition) = transition {
        revise(tx, transition, at)?;
    }
    Ok(())
}

/// When the message of a delivery may be edited for something that can wait, with the present as `?2`.
fn soonest() -> String {
    let [settles, every, old, every_old] =
        [SETTLES_IN, EDIT_EVERY, OLD, EDIT_OLD_EVERY].map(|time| time.as_millis());
    // A clock that was set back may have left an edit in the future.
    let edited = "MIN(COALESCE(edited_at, 0), ?2)";
    let next = format!("MAX(?2 + {settles}, {edited} + {every})");
    format!(
        "CASE WHEN {next} - COALESCE(sent_at, settled_at, ?2) < {old} THEN {next}
              ELSE MAX(?2 + {settles}, {edited} + {every_old}) END"
    )
}

/// A wish that came meanwhile stays.
fn forget(tx: &Transaction<'_>, moot: &[(i64, u32)]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM revision WHERE delivery_id = ?1 AND wish = ?2")?;
    for (delivery, wish) in moot {
        statement.execute(params![delivery, wish])?;
    }
    Ok(())
}

/// What a look shows.
#[derive(Default)]
struct Found {
    due: Vec<Revision>,
    /// With the wish that is.
    moot: Vec<(i64, u32)>,
}

fn look(tx: &Transaction<'_>, at: Timestamp, limit: usize, busy: &[ChannelId]) -> Result<Found, StoreError> {
    // Nearly always there is nothing, and that is to cost nothing.
    let mut any = tx.prepare_cached("SELECT 1 FROM revision WHERE due_at <= ?1 LIMIT 1")?;
    if !any.exists([at.as_millis()])? {
        return Ok(Found::default());
    }
    let mut busy: Vec<i64> = busy.iter().map(|channel| signed(channel.get())).collect();
    let mut statement = tx.prepare_cached(&format!(
        "SELECT delivery_id, wish, revision.attempts, session_id, delivery.guild_id, {PLACE}, message_id,
                owed_since, sent_at, delivery.broadcaster_id, session_facts.stream, login, display_name, image, session.started_at, {STANDS},
                watch.preferences, guild.preferences, part > 0
         FROM {JOINED} JOIN streamer ON streamer.broadcaster_id = delivery.broadcaster_id
         WHERE revision.due_at <= ?1 AND {STANDS} <> 'waiting'
           AND {PLACE} NOT IN (SELECT value FROM json_each(?2))
         ORDER BY revision.due_at, delivery_id LIMIT ?3"
    ))?;
    let held = busy.iter().copied().collect::<serde_json::Value>().to_string();
    let most = i64::try_from(LOOKED_AT.max(limit)).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![at.as_millis(), held, most])?;
    let mut found = Found::default();
    while found.due.len() < limit
        && let Some(row) = rows.next()?
    {
        let (delivery, wish, channel): (i64, u32, i64) = (row.get(0)?, row.get(1)?, row.get(5)?);
        if row.get_ref(15)?.as_str().map_err(rusqlite::Error::from)? == "moot" {
            found.moot.push((delivery, wish));
        } else if !busy.contains(&channel) {
            match revision(tx, row) {
                Ok(revision) => {
                    busy.push(channel);
                    found.due.push(revision);
                }
                Err(error) if error.is_about_content() => {
                    // One odd row must not stand before all others.
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(delivery, error, "an announcement cannot be brought up to date");
                    found.moot.push((delivery, wish));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn revision(tx: &Transaction<'_>, row: &rusqlite::Row<'_>) -> Result<Revision, StoreError> {
    let attempts: u32 = row.get(2)?;
    let message: i64 = row.get(6)?;
    let message = u64::try_from(message).ok().and_then(MessageId::new);
    let sent_at: Option<i64> = row.get(8)?;
    let broadcaster = BroadcasterId::new(row.get_ref(9)?.as_str().map_err(rusqlite::Error::from)?);
    let stream = facts::read(&broadcaster, row.get_ref(10)?.as_str().map_err(rusqlite::Error::from)?)?;
    let session = SessionId(row.get(3)?);
    // A return after a drop is another stream, and the session goes on.
    let started_at = Timestamp::from_millis(row.get(14)?);
    Ok(Revision {
        delivery: DeliveryId(row.get(0)?),
        wish: row.get(1)?,
        attempt: attempts.saturating_add(1),
        session,
        guild: guild_id(row.get(4)?)?,
        channel: channel_id(row.get(5)?)?,
        message: message.ok_or(StoreError::Unreadable("message id"))?,
        owed_since: Timestamp::from_millis(row.get(7)?),
        sent_at: sent_at.map(Timestamp::from_millis),
        preferences: preferences_of(row, 16)?,
        members: members::of_message(tx, row.get(0)?)?,
        is_reply: row.get(18)?,
        stream: Stream { started_at, ..stream },
        profile: outbox::profile(row, broadcaster, 11)?,
        ending: course::ending(tx, session)?,
    })
}
