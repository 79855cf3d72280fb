//! Deliveries: leased for an attempt, then settled with what came of it.

use rusqlite::{Transaction, params};

use super::routes::IS_CLOSED;
use super::{Store, channel_id, guild_id, members, preferences_of, publications, routes, signed, turns};
use crate::domain::{
    BroadcasterId, Delivery, DeliveryId, Doubt, DoubtPolicy, ForumTagId, LatePolicy, Login, MessageId,
    Outcome, Profile, Refusal, Route, SessionId, Stream, Timestamp, TransitionId,
};
use crate::store::{LeaseRequest, Settlement, StoreError, facts};

/// The end of every attempt, whatever came of it: what is known of the request stays known.
const NOTE: &str =
    "UPDATE delivery SET leased_until = NULL, settled_at = ?2, sent_at = COALESCE(?3, sent_at),
         unsure_since = ?4, doubt = COALESCE(?5, doubt)
     WHERE delivery_id = ?1";

/// Which announcements may stand in their channel, though nobody knows. Replies are none of them: nothing in them has to be brought
/// up to date when the session is over.
pub(super) const IN_DOUBT: &str = "unsure_since IS NOT NULL AND part = 0";

/// What a delivery that may be tried again is: over when its session is, taken back when its watch is gone, waiting when its
/// route is paused.
fn stands() -> String {
    format!(
        "CASE
         WHEN (SELECT ended_at FROM transition JOIN session USING (session_id)
               WHERE transition.transition_id = delivery.transition_id) IS NOT NULL THEN 'expired'
         WHEN NOT EXISTS (SELECT 1 FROM watch JOIN guild USING (guild_id)
               WHERE watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
                 AND guild.left_at IS NULL) THEN 'cancelled'
         WHEN {IS_CLOSED} THEN 'paused'
         ELSE 'pending' END"
    )
}

impl Store {
    /// Takes deliveries that are due, of all transitions in turn, no more of a channel than it may have in flight.
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
        let held = request.held.iter().map(|held| held.delivery.0).collect::<serde_json::Value>().to_string();
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE delivery SET state = 'pending', leased_until = NULL,
                     unsure_since = COALESCE(unsure_since, leased_at)
                 WHERE state = 'leased' AND leased_until <= ?1
                   AND delivery_id NOT IN (SELECT value FROM json_each(?2))",
            )?
            .execute(params![request.at.as_millis(), held])?;
            let mut leased = Vec::new();
            for id in turns::choose(tx, &request)? {
                match take(tx, id, &request) {
                    Ok(Some(delivery)) => leased.push(delivery),
                    // A reply without what it answers, or without anybody to mention.
                    Ok(None) => finish(tx, id, "cancelled", None)?,
                    Err(error) if error.is_about_content() => {
                        // One odd row must not keep all others from being delivered.
                        tracing::error!(
                            delivery = id,
                            error = &error as &dyn std::error::Error,
                            "left out for good"
                        );
                        finish(tx, id, "refused", Some(Refusal::Other.as_str()))?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(leased)
        })
        .await
    }

    /// Whether a delivery under way may go out now: its session goes on, its watch stands, the bot is in the server, and the
    /// channel is not known to be closed.
    pub async fn is_owed(&self, delivery: DeliveryId) -> Result<bool, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {} = 'pending' FROM delivery WHERE delivery_id = ?1",
                stands()
            ))?;
            Ok(statement.query_row([delivery.0], |row| row.get(0))?)
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
    /// A delivery that is to be tried again expires instead when its session is over and it is surely not there, and is cancelled
    /// when its watch is gone. A refusal that is about the place pauses the route, with everything that waits to go there. Returns the route that is
    /// paused from now on.
    pub async fn settle(&self, settlement: Settlement) -> Result<Option<Route>, StoreError> {
        self.write(move |tx| settle(tx, &settlement)).await
    }
}

fn settle(tx: &Transaction<'_>, settlement: &Settlement) -> Result<Option<Route>, StoreError> {
    let id = settlement.delivery.0;
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    tx.prepare_cached(NOTE)?.execute(params![
        id,
        settlement.at.as_millis(),
        millis(settlement.sent_at),
        millis(settlement.unsure_since),
        settlement.doubt.map(Doubt::as_str)
    ])?;
    match &settlement.outcome {
        Outcome::Delivered(message) => {
            tx.prepare_cached(
                "UPDATE delivery SET state = 'delivered', message_id = ?2, posted_in = ?3, detail = NULL, unsure_since = NULL
                 WHERE delivery_id = ?1",
            )?
            .execute(params![
                id,
                message.map(|message| signed(message.get())),
                settlement.posted_in.map(|channel| signed(channel.get()))
            ])?;
            publications::want(tx, settlement.delivery, settlement.at)?;
            members::note(tx, settlement.delivery, &settlement.mentioned, settlement.at)?;
            members::answers_nothing(tx, settlement.delivery, settlement.at)?;
        }
        Outcome::Refused(refusal) if refusal.pauses_route() => return hold(tx, settlement, *refusal),
        Outcome::Refused(refusal) => finish(tx, id, "refused", Some(refusal.as_str()))?,
        Outcome::Skipped => finish(tx, id, "skipped", None)?,
        Outcome::KeptBack => finish(tx, id, "kept_back", None)?,
        Outcome::RetryAfter { why, .. } => retry(tx, settlement, Some(why.as_str()))?,
        Outcome::Unauthorized => retry(tx, settlement, None)?,
        // Its session may go on again meanwhile.
        Outcome::Over => {
            retry(tx, settlement, Some("Discord's answer was lost, and the announcement never came"))?;
        }
    }
    Ok(None)
}

/// The end of a delivery that is not to be tried again.
fn finish(tx: &Transaction<'_>, id: i64, state: &str, detail: Option<&str>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET state = ?2, leased_until = NULL, detail = COALESCE(?3, detail)
         WHERE delivery_id = ?1 AND state = 'leased'",
    )?
    .execute(params![id, state, detail])?;
    Ok(())
}

fn retry(tx: &Transaction<'_>, settlement: &Settlement, why: Option<&str>) -> Result<(), StoreError> {
    // The admin may have chosen another channel while the attempt was under way.
    routes::follow_watch(tx, settlement.delivery)?;
    // What may stand there although its session is over is looked for until that is known.
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = CASE WHEN {stands} = 'expired' AND {IN_DOUBT} THEN 'pending' ELSE {stands} END,
             due_at = ?2, detail = COALESCE(?3, detail)
         WHERE delivery_id = ?1 AND state = 'leased'",
        stands = stands()
    ))?
    .execute(params![settlement.delivery.0, settlement.retry_at.as_millis(), why])?;
    Ok(())
}

/// The place refuses: pauses its route, if it still is where somebody wants to read, and lets the delivery wait for it. A reply
/// can go nowhere else, so it is over when nobody wants to read there any more.
fn hold(
    tx: &Transaction<'_>,
    settlement: &Settlement,
    refusal: Refusal,
) -> Result<Option<Route>, StoreError> {
    let id = settlement.delivery.0;
    let route = tx
        .prepare_cached("SELECT guild_id, channel_id FROM delivery WHERE delivery_id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let route = Route { guild: guild_id(route.0)?, channel: channel_id(route.1)? };
    if refusal == Refusal::TagRequired
        && let Some(tag) = settlement.forum_tag
    {
        // The forum has no such tag any more. While it counts as chosen, what waits for a tag would not wait.
        forget_tag(tx, settlement.delivery, tag)?;
    }
    let paused = routes::pause(tx, route, refusal, settlement.at, settlement.retry_at)?;
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = CASE WHEN part > 0 AND {stands} = 'pending' THEN 'refused'
                 WHEN {stands} = 'expired' AND {IN_DOUBT} THEN 'paused' ELSE {stands} END,
             due_at = ?2, detail = ?3
         WHERE delivery_id = ?1 AND state = 'leased'",
        stands = stands()
    ))?
    .execute(params![id, settlement.at.as_millis(), refusal.as_str()])?;
    // The admin may have chosen another channel while the attempt was under way.
    routes::follow_watches(tx, route.guild, settlement.at)?;
    give_up_place(tx, settlement.delivery, route)?;
    Ok(paused.then_some(route))
}

/// Takes a tag back from whoever has chosen it for a delivery: its watch, or else its server. One that was chosen since stays.
fn forget_tag(tx: &Transaction<'_>, delivery: DeliveryId, tag: ForumTagId) -> Result<(), StoreError> {
    let is_chosen = "json_valid(preferences) AND preferences ->> '$.forum_tag' = ?2";
    let without = "NULLIF(json_remove(preferences, '$.forum_tag'), '{}')";
    let tag = params![delivery.0, signed(tag.get())];
    let of_watch = tx
        .prepare_cached(&format!(
            "UPDATE watch SET preferences = {without} WHERE {is_chosen} AND (guild_id, broadcaster_id) =
                 (SELECT guild_id, broadcaster_id FROM delivery WHERE delivery_id = ?1)"
        ))?
        .execute(tag)?;
    if of_watch == 0 {
        tx.prepare_cached(&format!(
            "UPDATE guild SET preferences = {without} WHERE {is_chosen} AND guild_id =
                 (SELECT guild_id FROM delivery WHERE delivery_id = ?1)"
        ))?
        .execute(tag)?;
    }
    Ok(())
}

/// A delivery may stand in a place already that nobody wants any more and that refuses to say. What happens to it is the
/// server's choice: it goes to where its watch wants it now, perhaps twice, or nowhere.
fn give_up_place(tx: &Transaction<'_>, delivery: DeliveryId, route: Route) -> Result<(), StoreError> {
    let is_bound = "delivery_id = ?1 AND state = 'pending' AND channel_id = ?2";
    let place = params![delivery.0, signed(route.channel.get())];
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = 'kept_back', doubt = 'kept_back'
         WHERE {is_bound} AND (SELECT doubt FROM guild WHERE guild.guild_id = delivery.guild_id) = 'never'"
    ))?
    .execute(place)?;
    let is_to_move = tx
        .prepare_cached(&format!(
            "UPDATE delivery SET unsure_since = NULL, doubt = 'sent_again' WHERE {is_bound}"
        ))?
        .execute(place)?
        > 0;
    if is_to_move {
        routes::follow_watch(tx, delivery)?;
        tx.prepare_cached(&format!("UPDATE delivery SET state = {} WHERE delivery_id = ?1", stands()))?
            .execute([delivery.0])?;
    }
    Ok(())
}

fn take(tx: &Transaction<'_>, id: i64, request: &LeaseRequest) -> Result<Option<Delivery>, StoreError> {
    tx.prepare_cached(
        "UPDATE delivery SET state = 'leased', leased_at = ?2, leased_until = ?3, attempts = attempts + 1
         WHERE delivery_id = ?1",
    )?
    .execute(params![id, request.at.as_millis(), request.until.as_millis()])?;
    let mut statement = tx.prepare_cached(
        "SELECT session_id, delivery.guild_id, delivery.channel_id, attempts, decided_at,
                session_facts.stream, delivery.broadcaster_id, login, display_name, image, transition_id, owed_since, unsure_since, late, guild.doubt,
                watch.preferences, guild.preferences, session.started_at, delivery.part > 0,
                session.ended_at IS NOT NULL,
                (SELECT message_id FROM delivery AS answered
                 WHERE answered.transition_id = delivery.transition_id AND answered.guild_id = delivery.guild_id
                   AND answered.part = 0)
         FROM delivery JOIN transition USING (transition_id) JOIN session USING (session_id) JOIN session_facts USING (session_id)
         JOIN streamer ON streamer.broadcaster_id = delivery.broadcaster_id
         JOIN guild USING (guild_id)
         LEFT JOIN watch ON watch.guild_id = delivery.guild_id AND watch.broadcaster_id = delivery.broadcaster_id
         WHERE delivery_id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let row = rows.next()?.ok_or(StoreError::Unreadable("delivery"))?;
    let broadcaster = BroadcasterId::new(&row.get::<_, String>(6)?);
    let unsure_since: Option<i64> = row.get(12)?;
    // By its start an announcement is recognised; what is known of the session may be of another stream after a drop.
    let started_at = Timestamp::from_millis(row.get(17)?);
    let stream = Stream { started_at, ..facts::read(&broadcaster, &row.get::<_, String>(5)?)? };
    let is_reply: bool = row.get(18)?;
    let members = if is_reply { members::of_reply(tx, id)? } else { members::wanting(tx, id)? };
    let answered: Option<i64> = row.get(20)?;
    let answers =
        answered.and_then(|id| u64::try_from(id).ok()).and_then(MessageId::new).filter(|_| is_reply);
    if is_reply && (members.is_empty() || answers.is_none()) {
        return Ok(None);
    }
    Ok(Some(Delivery {
        id: DeliveryId(id),
        session: SessionId(row.get(0)?),
        transition: TransitionId(row.get(10)?),
        guild: guild_id(row.get(1)?)?,
        channel: channel_id(row.get(2)?)?,
        attempt: row.get(3)?,
        decided_at: Timestamp::from_millis(row.get(4)?),
        owed_since: Timestamp::from_millis(row.get(11)?),
        unsure_since: unsure_since.map(Timestamp::from_millis),
        is_over: row.get(19)?,
        late: LatePolicy::from_word(row.get_ref(13)?.as_str().map_err(rusqlite::Error::from)?),
        doubt: DoubtPolicy::from_word(row.get_ref(14)?.as_str().map_err(rusqlite::Error::from)?),
        preferences: preferences_of(row, 15)?,
        members,
        answers,
        stream,
        profile: profile(row, broadcaster, 7)?,
    }))
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
