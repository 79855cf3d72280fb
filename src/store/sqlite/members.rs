//! Members: which streamers may ping them. Nothing is kept of anybody but the id, and only of those who have chosen.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::outbox::profile;
use super::{Store, signed};
use crate::domain::{
    BroadcasterId, Choice, DeliveryId, GuildId, Mentioned, Profile, SessionId, Timestamp, UserId, WatchKey,
};
use crate::store::{Chosen, StoreError};

/// Members of a server who may want to be mentioned for one streamer. More would be a wall of a dozen messages that nobody
/// reads: that many are better served by a role, which one mention reaches.
pub const MAX_MENTIONED: usize = 1_000;

impl Store {
    /// Remembers what a member has chosen. [`MAX_MENTIONED`] can be on for one watch; off is always possible.
    pub async fn choose(
        &self,
        watch: WatchKey,
        user: UserId,
        choice: Choice,
        at: Timestamp,
    ) -> Result<Chosen, StoreError> {
        self.write(move |tx| choose(tx, &watch, user, choice, at)).await
    }

    /// What a member has chosen about a streamer, if anything.
    pub async fn choice(&self, watch: WatchKey, user: UserId) -> Result<Option<Choice>, StoreError> {
        self.read(move |tx| choice_of(tx, &watch, user)).await
    }

    /// Forgets what a member has chosen about a streamer, because they are reached in another way. Returns what that was, if
    /// anything.
    pub async fn unchoose(&self, watch: WatchKey, user: UserId) -> Result<Option<Choice>, StoreError> {
        self.write(move |tx| {
            let was = choice_of(tx, &watch, user)?;
            let mut statement = tx.prepare_cached(
                "DELETE FROM member_choice WHERE guild_id = ?1 AND broadcaster_id = ?2 AND user_id = ?3",
            )?;
            let (guild, user) = (signed(watch.guild.get()), signed(user.get()));
            statement.execute(params![guild, watch.broadcaster.as_str(), user])?;
            Ok(was)
        })
        .await
    }

    /// Everything that a member has chosen in a server, by the streamer's login.
    pub async fn choices_of(
        &self,
        guild: GuildId,
        user: UserId,
    ) -> Result<Vec<(Profile, Choice)>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id, choice, login, display_name, image
                 FROM member_choice JOIN streamer USING (broadcaster_id)
                 WHERE user_id = ?2 AND guild_id = ?1 ORDER BY login",
            )?;
            let mut rows = statement.query(params![signed(guild.get()), signed(user.get())])?;
            let mut choices = Vec::new();
            while let Some(row) = rows.next()? {
                let broadcaster =
                    BroadcasterId::new(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
                let word = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                let choice = Choice::from_word(word).ok_or(StoreError::Unreadable("choice"))?;
                choices.push((profile(row, broadcaster, 2)?, choice));
            }
            Ok(choices)
        })
        .await
    }

    /// A member has left a server: forgets what they had chosen there. Returns about how many streamers.
    pub async fn member_left(&self, guild: GuildId, user: UserId) -> Result<usize, StoreError> {
        self.write(move |tx| {
            let who = params![signed(guild.get()), signed(user.get())];
            tx.prepare_cached(
                "DELETE FROM mentioned WHERE user_id = ?2
                   AND delivery_id IN (SELECT delivery_id FROM delivery WHERE guild_id = ?1)",
            )?
            .execute(who)?;
            let mut choices =
                tx.prepare_cached("DELETE FROM member_choice WHERE user_id = ?2 AND guild_id = ?1")?;
            Ok(choices.execute(who)?)
        })
        .await
    }

    /// Forgets a person, in every server. Returns how many choices that were.
    pub async fn forget_person(&self, user: UserId) -> Result<usize, StoreError> {
        self.write(move |tx| {
            let who = [signed(user.get())];
            tx.prepare_cached("DELETE FROM mentioned WHERE user_id = ?1")?.execute(who)?;
            Ok(tx.prepare_cached("DELETE FROM member_choice WHERE user_id = ?1")?.execute(who)?)
        })
        .await
    }
}

fn choice_of(tx: &Transaction<'_>, watch: &WatchKey, user: UserId) -> Result<Option<Choice>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT choice FROM member_choice WHERE guild_id = ?1 AND broadcaster_id = ?2 AND user_id = ?3",
    )?;
    let key = params![signed(watch.guild.get()), watch.broadcaster.as_str(), signed(user.get())];
    let word: Option<String> = statement.query_row(key, |row| row.get(0)).optional()?;
    word.map(|word| Choice::from_word(&word).ok_or(StoreError::Unreadable("choice"))).transpose()
}

fn choose(
    tx: &Transaction<'_>,
    watch: &WatchKey,
    user: UserId,
    choice: Choice,
    at: Timestamp,
) -> Result<Chosen, StoreError> {
    let (guild, broadcaster) = (signed(watch.guild.get()), watch.broadcaster.as_str());
    let mut watched = tx.prepare_cached("SELECT 1 FROM watch WHERE guild_id = ?1 AND broadcaster_id = ?2")?;
    if !watched.exists(params![guild, broadcaster])? {
        return Ok(Chosen::NotWatched);
    }
    if choice_of(tx, watch, user)? == Some(choice) {
        return Ok(Chosen::AsBefore);
    }
    if choice == Choice::On {
        let mut on = tx.prepare_cached(
            "SELECT COUNT(*) FROM member_choice WHERE guild_id = ?1 AND broadcaster_id = ?2 AND choice = 'on'",
        )?;
        let count: i64 = on.query_row(params![guild, broadcaster], |row| row.get(0))?;
        if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_MENTIONED {
            return Ok(Chosen::Full);
        }
    }
    tx.prepare_cached(
        "INSERT INTO member_choice (guild_id, broadcaster_id, user_id, choice, chosen_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET choice = excluded.choice, chosen_at = excluded.chosen_at",
    )?
    .execute(params![guild, broadcaster, signed(user.get()), choice.as_str(), at.as_millis()])?;
    Ok(Chosen::Changed)
}

/// The members who want to be mentioned when this delivery announces its streamer, whoever wanted it first.
pub(super) fn wanting(tx: &Transaction<'_>, delivery: i64) -> Result<Vec<UserId>, StoreError> {
    users(
        tx,
        "SELECT user_id FROM delivery JOIN member_choice USING (guild_id, broadcaster_id)
         WHERE delivery_id = ?1 AND choice = 'on' ORDER BY chosen_at, user_id",
        delivery,
    )
}

/// The members whom a reply is to mention, without those who want it no more.
pub(super) fn of_reply(tx: &Transaction<'_>, delivery: i64) -> Result<Vec<UserId>, StoreError> {
    users(
        tx,
        "SELECT user_id FROM mentioned JOIN delivery USING (delivery_id)
         JOIN member_choice USING (guild_id, broadcaster_id, user_id)
         WHERE delivery_id = ?1 AND choice = 'on' ORDER BY chosen_at, user_id",
        delivery,
    )
}

/// The members whom a message mentions, without those who have turned the streamer off meanwhile.
pub(super) fn of_message(tx: &Transaction<'_>, delivery: i64) -> Result<Vec<UserId>, StoreError> {
    users(
        tx,
        "SELECT user_id FROM mentioned JOIN delivery USING (delivery_id)
         LEFT JOIN member_choice USING (guild_id, broadcaster_id, user_id)
         WHERE delivery_id = ?1 AND choice IS NOT 'off' ORDER BY user_id",
        delivery,
    )
}

fn users(tx: &Transaction<'_>, sql: &str, delivery: i64) -> Result<Vec<UserId>, StoreError> {
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query([delivery])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        let raw: i64 = row.get(0)?;
        users.push(u64::try_from(raw).ok().and_then(UserId::new).ok_or(StoreError::Unreadable("user id"))?);
    }
    Ok(users)
}

/// An announcement stands in its channel: notes whom it mentions, and owes replies to those for whom it had no room, as of when it
/// came there, unless its stream is over already.
pub(super) fn note(
    tx: &Transaction<'_>,
    delivery: DeliveryId,
    mentioned: &Mentioned,
    at: Timestamp,
) -> Result<(), StoreError> {
    if mentioned.there.is_empty() && mentioned.replies.is_empty() {
        return Ok(());
    }
    let is_over = tx
        .prepare_cached(
            "SELECT ended_at IS NOT NULL OR message_id IS NULL FROM delivery JOIN transition USING (transition_id)
             JOIN session USING (session_id) WHERE delivery_id = ?1",
        )?
        .query_row([delivery.0], |row| row.get(0))?;
    if is_over {
        return Ok(());
    }
    note_all(tx, delivery.0, &mentioned.there)?;
    let mut owe = tx.prepare_cached(
        "INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, decided_at, due_at, owed_since, part)
         SELECT transition_id, guild_id, broadcaster_id, COALESCE(posted_in, channel_id), ?2, ?2,
                COALESCE(sent_at, owed_since), ?3
         FROM delivery WHERE delivery_id = ?1 AND part = 0
         ON CONFLICT DO NOTHING RETURNING delivery_id",
    )?;
    for (part, members) in (1_i64..).zip(&mentioned.replies) {
        let reply: Option<i64> =
            owe.query_row(params![delivery.0, at.as_millis(), part], |row| row.get(0)).optional()?;
        if let Some(reply) = reply {
            note_all(tx, reply, members)?;
        }
    }
    Ok(())
}

/// Without those who want it no more: whoever was forgotten while the message was under way stays forgotten.
fn note_all(tx: &Transaction<'_>, delivery: i64, members: &[UserId]) -> Result<(), StoreError> {
    let mut note = tx.prepare_cached(
        "INSERT INTO mentioned (delivery_id, user_id)
         SELECT delivery_id, user_id FROM delivery JOIN member_choice USING (guild_id, broadcaster_id)
         WHERE delivery_id = ?1 AND user_id = ?2 AND choice = 'on'
         ON CONFLICT DO NOTHING",
    )?;
    for member in members {
        note.execute(params![delivery, signed(member.get())])?;
    }
    Ok(())
}

/// An announcement is gone: replies that are not there yet are owed no more, and if we have deleted it (`deleted_at`), those that
/// are there are to be deleted as well.
pub(super) fn nothing_to_answer(
    tx: &Transaction<'_>,
    delivery: DeliveryId,
    deleted_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    const REPLIES: &str = "part > 0 AND (transition_id, guild_id) =
         (SELECT transition_id, guild_id FROM delivery AS answered WHERE answered.delivery_id = ?1 AND answered.part = 0)";
    tx.prepare_cached(&format!(
        "UPDATE delivery SET state = 'cancelled' WHERE {REPLIES} AND state IN ('pending', 'paused')"
    ))?
    .execute([delivery.0])?;
    if let Some(deleted_at) = deleted_at {
        tx.prepare_cached(&format!(
            "INSERT INTO revision (delivery_id, due_at, pressing) SELECT delivery_id, ?2, 1 FROM delivery
             WHERE {REPLIES} AND state = 'delivered' AND message_id IS NOT NULL ON CONFLICT DO NOTHING"
        ))?
        .execute(params![delivery.0, deleted_at.as_millis()])?;
    }
    Ok(())
}

/// A reply stands there: it is to be deleted as well, if we have deleted meanwhile what it answers.
pub(super) fn answers_nothing(
    tx: &Transaction<'_>,
    reply: DeliveryId,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO revision (delivery_id, due_at, pressing)
         SELECT reply.delivery_id, ?2, 1 FROM delivery AS reply
         JOIN delivery AS answered USING (transition_id, guild_id)
         WHERE reply.delivery_id = ?1 AND reply.part > 0 AND reply.message_id IS NOT NULL
           AND answered.part = 0 AND answered.deleted_at IS NOT NULL
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![reply.0, at.as_millis()])?;
    Ok(())
}

/// A session is over: nobody is mentioned for it any more, and who was is nobody's business.
pub(super) fn forget_mentioned(tx: &Transaction<'_>, session: SessionId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM mentioned WHERE delivery_id IN (
             SELECT delivery_id FROM delivery JOIN transition USING (transition_id) WHERE session_id = ?1)",
    )?
    .execute([session.0])?;
    Ok(())
}
