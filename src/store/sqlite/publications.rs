//! Publications: announcements that are to reach the servers that follow their channel.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Store, channel_id, guild_id, preferences_of, signed};
use crate::domain::{ChannelId, DeliveryId, MessageId, Publication, SessionId, Timestamp};
use crate::store::{PublicationState, StoreError};

/// Messages of a channel that Discord publishes within [`BUDGET_TIME`]. It documents no number; this is what bots see.
const BUDGET: i64 = 10;

/// What the budget counts in.
const BUDGET_TIME: Duration = Duration::from_hours(1);

/// Publications that one look reads at most, those included that are moot or wait behind another one of their channel.
const LOOKED_AT: usize = 256;

/// What publications are looked at with.
const JOINED: &str = "publication JOIN delivery USING (delivery_id) JOIN transition USING (transition_id)
     JOIN session USING (session_id) LEFT JOIN guild USING (guild_id)
     LEFT JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id";

/// How a publication stands: moot, when the announcement is gone, nobody there wants to hear any more, or the stream is over,
/// which is no news for anybody; waiting, while the channel is closed to the bot.
const STANDS: &str = "CASE
         WHEN session.ended_at IS NOT NULL OR watch.guild_id IS NULL OR guild.left_at IS NOT NULL
             OR delivery.state <> 'delivered' OR delivery.message_id IS NULL THEN 'moot'
         WHEN EXISTS (SELECT 1 FROM route WHERE route.guild_id = delivery.guild_id
                 AND route.channel_id = delivery.channel_id AND paused_since IS NOT NULL
                 AND refusal <> 'tag_required') THEN 'waiting'
         ELSE 'ready' END";

impl Store {
    /// Publications that can be made now, the longest due first, at most one of a channel and none of these channels. What has
    /// become moot is forgotten, and what is over the budget of its channel is given up.
    pub async fn publications_due(
        &self,
        at: Timestamp,
        limit: usize,
        busy: Vec<ChannelId>,
    ) -> Result<Vec<Publication>, StoreError> {
        let Found { due, moot, over } = self.read(move |tx| look(tx, at, limit, &busy)).await?;
        if !moot.is_empty() || !over.is_empty() {
            self.write(move |tx| {
                let mut forget =
                    tx.prepare_cached("DELETE FROM publication WHERE delivery_id = ?1 AND state = 'wanted'")?;
                for delivery in moot {
                    forget.execute([delivery])?;
                }
                for delivery in over {
                    settle(tx, DeliveryId(delivery), PublicationState::OverBudget, at)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(due)
    }

    /// When the next publication is due that is not yet.
    pub async fn next_publication(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |tx| {
            let due: Option<i64> = tx
                .prepare_cached("SELECT MIN(due_at) FROM publication WHERE state = 'wanted' AND due_at > ?1")?
                .query_row([after.as_millis()], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }

    /// Whether a publication under way may go out now.
    pub async fn is_publication_wanted(&self, delivery: DeliveryId) -> Result<bool, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT publication.state = 'wanted' AND {STANDS} = 'ready' FROM {JOINED} WHERE delivery_id = ?1"
            ))?;
            let wanted = statement.query_row([delivery.0], |row| row.get(0)).optional()?;
            Ok(wanted.unwrap_or(false))
        })
        .await
    }

    /// Remembers what became of a publication.
    pub async fn publication_is_over(
        &self,
        delivery: DeliveryId,
        state: PublicationState,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| settle(tx, delivery, state, at)).await
    }

    /// A publication could not be made now.
    pub async fn publication_waits(&self, delivery: DeliveryId, due_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE publication SET due_at = ?2, attempts = attempts + 1
                 WHERE delivery_id = ?1 AND state = 'wanted'",
            )?
            .execute(params![delivery.0, due_at.as_millis()])?;
            Ok(())
        })
        .await
    }
}

/// An announcement stands in its channel: it is to be published if its server wants that. Nobody can follow a forum.
pub(super) fn want(tx: &Transaction<'_>, delivery: DeliveryId, at: Timestamp) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT watch.preferences, guild.preferences FROM delivery JOIN guild USING (guild_id)
         JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
         WHERE delivery_id = ?1 AND part = 0",
    )?;
    let mut rows = statement.query([delivery.0])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    // What cannot be read must not keep anybody from remembering that the announcement is there.
    if preferences_of(row, 0).unwrap_or_default().publish == Some(true) {
        tx.prepare_cached(
            "INSERT INTO publication (delivery_id, channel_id, due_at)
             SELECT delivery_id, channel_id, ?2 FROM delivery WHERE delivery_id = ?1 AND posted_in IS NULL
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![delivery.0, at.as_millis()])?;
    }
    Ok(())
}

fn settle(
    tx: &Transaction<'_>,
    delivery: DeliveryId,
    state: PublicationState,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE publication SET state = ?2, settled_at = ?3 WHERE delivery_id = ?1")?
        .execute(params![delivery.0, state.as_str(), at.as_millis()])?;
    Ok(())
}

/// What a look shows.
#[derive(Default)]
struct Found {
    due: Vec<Publication>,
    moot: Vec<i64>,
    /// More than their channels may publish.
    over: Vec<i64>,
}

fn look(tx: &Transaction<'_>, at: Timestamp, limit: usize, busy: &[ChannelId]) -> Result<Found, StoreError> {
    // Nearly always there is nothing, and that is to cost nothing.
    let mut any =
        tx.prepare_cached("SELECT 1 FROM publication WHERE state = 'wanted' AND due_at <= ?1 LIMIT 1")?;
    if limit == 0 || !any.exists([at.as_millis()])? {
        return Ok(Found::default());
    }
    let mut busy: Vec<i64> = busy.iter().map(|channel| signed(channel.get())).collect();
    let mut statement = tx.prepare_cached(&format!(
        "SELECT delivery_id, publication.attempts, session_id, delivery.guild_id, publication.channel_id, message_id,
                {STANDS},
                (SELECT COUNT(*) FROM publication AS done WHERE done.state = 'done'
                     AND done.channel_id = publication.channel_id AND done.settled_at > ?2)
         FROM {JOINED}
         WHERE publication.state = 'wanted' AND publication.due_at <= ?1 AND {STANDS} <> 'waiting'
         ORDER BY publication.due_at, delivery_id LIMIT ?3"
    ))?;
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![at.as_millis(), at.before(BUDGET_TIME).as_millis(), most])?;
    let mut found = Found::default();
    while found.due.len() < limit
        && let Some(row) = rows.next()?
    {
        let (delivery, channel): (i64, i64) = (row.get(0)?, row.get(4)?);
        let message: Option<i64> = row.get(5)?;
        let message = message.and_then(|id| u64::try_from(id).ok()).and_then(MessageId::new);
        let is_moot = row.get_ref(6)?.as_str().map_err(rusqlite::Error::from)? == "moot";
        let Some(message) = message.filter(|_| !is_moot) else {
            found.moot.push(delivery);
            continue;
        };
        if busy.contains(&channel) {
            continue;
        }
        if row.get::<_, i64>(7)? >= BUDGET {
            found.over.push(delivery);
            continue;
        }
        busy.push(channel);
        found.due.push(Publication {
            delivery: DeliveryId(delivery),
            attempt: row.get::<_, u32>(1)?.saturating_add(1),
            session: SessionId(row.get(2)?),
            guild: guild_id(row.get(3)?)?,
            channel: channel_id(channel)?,
            message,
        });
    }
    Ok(found)
}
