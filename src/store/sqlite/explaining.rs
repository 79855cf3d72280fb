//! What `/why` needs to know: a streamer's last session, and what became of this server's delivery of it.

use rusqlite::{Transaction, params};

use super::{Store, channel_id, signed};
use crate::domain::{Doubt, MessageId, Timestamp, WatchKey};
use crate::store::{
    Account, DeliveryAccount, DeliveryState, PublicationState, StoreError, WatchState, facts, preferences,
};

impl Store {
    /// The last session of a streamer that is remembered, with what was owed of it to a server.
    pub async fn account_of(&self, watch: WatchKey) -> Result<Option<Account>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT started_at, ended_at, transition.at, source, transition_id, stream
                 FROM session JOIN transition USING (session_id) LEFT JOIN session_facts USING (session_id)
                 WHERE broadcaster_id = ?1 AND kind = 'began' ORDER BY session_id DESC LIMIT 1",
            )?;
            let mut rows = statement.query([watch.broadcaster.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let known = row.get_ref(5)?.as_str_or_null().map_err(rusqlite::Error::from)?;
            Ok(Some(Account {
                started_at: Timestamp::from_millis(row.get(0)?),
                ended_at: time(row, 1)?,
                seen_at: Timestamp::from_millis(row.get(2)?),
                source: row.get(3)?,
                stream: known.map(|text| facts::read(&watch.broadcaster, text)).transpose()?,
                delivery: delivery(tx, row.get(4)?, &watch)?,
            }))
        })
        .await
    }

    /// How a watch stands, if there is one.
    pub async fn watch(&self, watch: WatchKey) -> Result<Option<WatchState>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT added_at, unavailable_since, COALESCE(watch.channel_id, guild.channel_id),
                        watch.channel_id, watch.preferences, login, display_name, image
                 FROM watch JOIN streamer USING (broadcaster_id) JOIN guild USING (guild_id)
                 WHERE guild_id = ?1 AND broadcaster_id = ?2",
            )?;
            let mut rows = statement.query(params![signed(watch.guild.get()), watch.broadcaster.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let channel: Option<i64> = row.get(2)?;
            let own_channel: Option<i64> = row.get(3)?;
            Ok(Some(WatchState {
                profile: super::outbox::profile(row, watch.broadcaster.clone(), 5)?,
                added_at: Timestamp::from_millis(row.get(0)?),
                unavailable_since: time(row, 1)?,
                channel: channel.map(channel_id).transpose()?,
                own_channel: own_channel.map(channel_id).transpose()?,
                preferences: preferences::read(
                    row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)?,
                )?,
            }))
        })
        .await
    }
}

fn time(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

fn delivery(
    tx: &Transaction<'_>,
    transition: i64,
    watch: &WatchKey,
) -> Result<Option<DeliveryAccount>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT delivery.state, CASE WHEN message_id IS NULL THEN delivery.channel_id
                    ELSE COALESCE(posted_in, delivery.channel_id) END, decided_at, delivery.attempts, delivery.due_at, sent_at,
                delivery.settled_at, message_id, detail, doubt, deleted_at, publication.state, matched_at
         FROM delivery LEFT JOIN publication USING (delivery_id)
         WHERE transition_id = ?1 AND guild_id = ?2 AND part = 0",
    )?;
    let mut rows = statement.query(params![transition, signed(watch.guild.get())])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state: String = row.get(0)?;
    let state = DeliveryState::ALL.into_iter().find(|known| known.as_str() == state);
    let message: Option<i64> = row.get(7)?;
    let doubt: Option<String> = row.get(9)?;
    let publication: Option<String> = row.get(11)?;
    let known = |word: String| PublicationState::ALL.into_iter().find(|state| state.as_str() == word);
    Ok(Some(DeliveryAccount {
        state: state.ok_or(StoreError::Unreadable("state of a delivery"))?,
        channel: channel_id(row.get(1)?)?,
        decided_at: Timestamp::from_millis(row.get(2)?),
        attempts: row.get(3)?,
        due_at: Timestamp::from_millis(row.get(4)?),
        sent_at: time(row, 5)?,
        settled_at: time(row, 6)?,
        message: message.and_then(|id| u64::try_from(id).ok()).and_then(MessageId::new),
        matched_at: time(row, 12)?,
        detail: row.get(8)?,
        doubt: doubt.as_deref().and_then(Doubt::from_word),
        deleted_at: time(row, 10)?,
        publication: publication.and_then(known),
    }))
}
