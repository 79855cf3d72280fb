//! Deliveries: leased for an attempt, then settled with what came of it.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::{Store, channel_id, guild_id, signed};
use crate::domain::{
    BroadcasterId, ChannelId, Delivery, DeliveryId, Login, Outcome, Profile, Refusal, SessionId, Timestamp,
};
use crate::store::{LeaseRequest, Settlement, StoreError, facts};

/// How many due deliveries are looked at together when choosing which to lease.
const CANDIDATES: usize = 512;

impl Store {
    /// Takes deliveries that are due, oldest first, no more of a channel than it may have in flight.
    ///
    /// Nobody else gets them before the lease runs out; whoever holds one settles it.
    pub async fn lease(&self, request: LeaseRequest) -> Result<Vec<Delivery>, StoreError> {
        // Looking costs no write, and most of the time there is nothing to lease.
        let due = request.at;
        let nothing = self
            .read(move |tx| {
                let mut statement = tx.prepare_cached(
                    "SELECT 1 FROM delivery WHERE state = 'pending' AND due_at <= ?1
                     UNION ALL SELECT 1 FROM delivery WHERE state = 'leased' AND leased_until <= ?1 LIMIT 1",
                )?;
                Ok(!statement.exists([due.as_millis()])?)
            })
            .await?;
        if nothing || request.slots == 0 {
            return Ok(Vec::new());
        }
        let held = request.held.iter().map(|held| held.0).collect::<serde_json::Value>().to_string();
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE delivery SET state = 'pending', leased_until = NULL
                 WHERE state = 'leased' AND leased_until <= ?1
                   AND delivery_id NOT IN (SELECT value FROM json_each(?2))",
            )?
            .execute(params![request.at.as_millis(), held])?;
            let mut leased = Vec::new();
            for id in choose(tx, &request)? {
                match take(tx, id, request.until) {
                    Ok(delivery) => leased.push(delivery),
                    Err(error) if error.is_about_content() => {
                        // One odd row must not keep all others from being delivered.
                        tracing::error!(
                            delivery = id,
                            error = &error as &dyn std::error::Error,
                            "left out for good"
                        );
                        refuse(tx, id, Refusal::Other, request.at)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(leased)
        })
        .await
    }

    /// Gives back what a process that is no more had leased. To be called before the first lease.
    pub async fn release_leases(&self) -> Result<usize, StoreError> {
        self.write(|tx| {
            Ok(tx.execute(
                "UPDATE delivery SET state = 'pending', leased_until = NULL WHERE state = 'leased'",
                [],
            )?)
        })
        .await
    }

    /// When the next delivery is due that is not yet. What is due and was not leased waits for a place, not for time.
    pub async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |tx| {
            let due: Option<i64> = tx
                .prepare_cached("SELECT MIN(due_at) FROM delivery WHERE state = 'pending' AND due_at > ?1")?
                .query_row([after.as_millis()], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }

    /// How many deliveries are neither delivered nor given up.
    pub async fn undecided(&self) -> Result<usize, StoreError> {
        self.read(|tx| {
            let sql = "SELECT (SELECT COUNT(*) FROM delivery WHERE state = 'pending')
                            + (SELECT COUNT(*) FROM delivery WHERE state = 'leased')";
            let count: i64 = tx.query_row(sql, [], |row| row.get(0))?;
            Ok(usize::try_from(count).unwrap_or(0))
        })
        .await
    }

    /// Remembers what came of an attempt.
    ///
    /// A delivery that is to be tried again expires instead when its session is over, and is cancelled when its watch is gone.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.write(move |tx| settle(tx, &settlement)).await
    }
}

fn settle(tx: &Transaction<'_>, settlement: &Settlement) -> Result<(), StoreError> {
    let id = settlement.delivery.0;
    let at = settlement.at.as_millis();
    match &settlement.outcome {
        Outcome::Delivered(message) => {
            tx.prepare_cached(
                "UPDATE delivery SET state = 'delivered', leased_until = NULL, settled_at = ?2, message_id = ?3, detail = NULL
                 WHERE delivery_id = ?1",
            )?
            .execute(params![id, at, message.map(|message| signed(message.get()))])?;
        }
        Outcome::Refused(refusal) => refuse(tx, id, *refusal, settlement.at)?,
        Outcome::RetryAfter { why, .. } => retry(tx, settlement, Some(why))?,
        Outcome::Unauthorized => retry(tx, settlement, None)?,
    }
    Ok(())
}

fn refuse(tx: &Transaction<'_>, id: i64, refusal: Refusal, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET state = 'refused', leased_until = NULL, settled_at = ?2, detail = ?3
         WHERE delivery_id = ?1 AND state = 'leased'",
    )?
    .execute(params![id, at.as_millis(), refusal.as_str()])?;
    Ok(())
}

fn retry(tx: &Transaction<'_>, settlement: &Settlement, why: Option<&String>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET
             state = CASE
                 WHEN (SELECT ended_at FROM transition JOIN session USING (session_id)
                       WHERE transition.transition_id = delivery.transition_id) IS NOT NULL THEN 'expired'
                 WHEN NOT EXISTS (SELECT 1 FROM watch JOIN guild USING (guild_id)
                       WHERE watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
                         AND guild.left_at IS NULL) THEN 'cancelled'
                 ELSE 'pending' END,
             leased_until = NULL, due_at = ?2, settled_at = ?3, detail = COALESCE(?4, detail)
         WHERE delivery_id = ?1 AND state = 'leased'",
    )?
    .execute(params![
        settlement.delivery.0,
        settlement.retry_at.as_millis(),
        settlement.at.as_millis(),
        why
    ])?;
    Ok(())
}

/// Chooses what to lease: in the order of being due, skipping channels that have as much in flight as they may.
fn choose(tx: &Transaction<'_>, request: &LeaseRequest) -> Result<Vec<i64>, StoreError> {
    let mut in_flight: HashMap<ChannelId, usize> = request.in_flight.iter().copied().collect();
    let mut chosen = Vec::new();
    let mut statement = tx.prepare_cached(
        "SELECT delivery_id, channel_id, due_at FROM delivery
         WHERE state = 'pending' AND due_at <= ?1 AND (due_at, delivery_id) > (?2, ?3)
           AND channel_id NOT IN (SELECT value FROM json_each(?4))
         ORDER BY due_at, delivery_id LIMIT ?5",
    )?;
    let mut last = (i64::MIN, i64::MIN);
    loop {
        let full = full_channels(&in_flight, request.per_channel);
        let mut rows = statement.query(params![
            request.at.as_millis(),
            last.0,
            last.1,
            full,
            i64::try_from(CANDIDATES).unwrap_or(i64::MAX)
        ])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            seen += 1;
            let id: i64 = row.get(0)?;
            last = (row.get(2)?, id);
            let flying = in_flight.entry(channel_id(row.get(1)?)?).or_default();
            if *flying < request.per_channel {
                *flying += 1;
                chosen.push(id);
            }
            if chosen.len() >= request.slots {
                return Ok(chosen);
            }
        }
        if seen < CANDIDATES {
            return Ok(chosen);
        }
    }
}

fn full_channels(in_flight: &HashMap<ChannelId, usize>, per_channel: usize) -> String {
    let full = in_flight.iter().filter(|(_, flying)| **flying >= per_channel);
    full.map(|(channel, _)| channel.get()).collect::<serde_json::Value>().to_string()
}

fn take(tx: &Transaction<'_>, id: i64, until: Timestamp) -> Result<Delivery, StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET state = 'leased', leased_until = ?2, attempts = attempts + 1 WHERE delivery_id = ?1",
    )?
    .execute(params![id, until.as_millis()])?;
    let mut statement = tx.prepare_cached(
        "SELECT session_id, guild_id, channel_id, attempts, decided_at, transition.stream, delivery.broadcaster_id,
                login, display_name, image
         FROM delivery JOIN transition USING (transition_id)
         JOIN streamer ON streamer.broadcaster_id = delivery.broadcaster_id
         WHERE delivery_id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let row = rows.next()?.ok_or(StoreError::Unreadable("delivery"))?;
    let broadcaster = BroadcasterId::new(&row.get::<_, String>(6)?);
    Ok(Delivery {
        id: DeliveryId(id),
        session: SessionId(row.get(0)?),
        guild: guild_id(row.get(1)?)?,
        channel: channel_id(row.get(2)?)?,
        attempt: row.get(3)?,
        decided_at: Timestamp::from_millis(row.get(4)?),
        stream: facts::read(&broadcaster, &row.get::<_, String>(5)?)?,
        profile: profile(row, broadcaster, 7)?,
    })
}

/// An account from a row, whose login, name and picture stand from column `first` on.
pub(super) fn profile(
    row: &rusqlite::Row<'_>,
    broadcaster: BroadcasterId,
    first: usize,
) -> Result<Profile, StoreError> {
    let login: String = row.get(first)?;
    Ok(Profile {
        broadcaster,
        login: Login::new(&login).map_err(|_| StoreError::Unreadable("login"))?,
        display_name: row.get(first + 1)?,
        image: row.get(first + 2)?,
    })
}
