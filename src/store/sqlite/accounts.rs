//! Twitch accounts: their names and pictures, asked for once a day, and those that Twitch no longer knows.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Store, broadcasters, notices};
use crate::domain::{BroadcasterId, Login, Matter, Profile, Timestamp};
use crate::store::StoreError;

/// How soon an account that Twitch does not know is asked for again before anybody is told that it is gone: Twitch has been
/// seen to forget accounts for minutes.
const ASK_AGAIN: Duration = Duration::from_hours(1);

impl Store {
    /// Watched accounts that were last asked for before `before`, the longest wait first, at most `limit`; and those that
    /// Twitch did not know an hour ago, as long as nobody was told.
    pub async fn accounts_due(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<BroadcasterId>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id FROM (
                     SELECT broadcaster_id, refreshed_at FROM streamer WHERE refreshed_at < ?1
                     UNION SELECT broadcaster_id, refreshed_at FROM streamer
                     WHERE unavailable_since < ?3 AND unavailable_since IS NOT NULL AND vanish_told = 0) AS due
                 WHERE EXISTS (SELECT 1 FROM watch WHERE watch.broadcaster_id = due.broadcaster_id)
                 ORDER BY refreshed_at LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            broadcasters(
                &mut statement,
                params![before.as_millis(), limit, now.before(ASK_AGAIN).as_millis()],
            )
        })
        .await
    }

    /// Lets an account be asked for soon: somebody says that Twitch does not know it.
    pub async fn ask_for_account(&self, broadcaster: BroadcasterId) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("UPDATE streamer SET refreshed_at = 0 WHERE broadcaster_id = ?1")?
                .execute([broadcaster.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Remembers what Twitch said about some accounts: those it knows, and those it does not.
    ///
    /// Servers that watch an account are told once when it has another login, and once when Twitch has not known it in two
    /// looks that are an hour apart.
    pub async fn refresh_accounts(
        &self,
        known: Vec<Profile>,
        unknown: Vec<BroadcasterId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            for profile in &known {
                keep_profile(tx, profile, at)?;
            }
            for broadcaster in &unknown {
                keep_vanished(tx, broadcaster, at)?;
            }
            Ok(())
        })
        .await
    }
}

/// Remembers that Twitch does not know an account.
fn keep_vanished(tx: &Transaction<'_>, broadcaster: &BroadcasterId, at: Timestamp) -> Result<(), StoreError> {
    let known = tx
        .prepare_cached(
            "SELECT display_name, login, unavailable_since, vanish_told FROM streamer WHERE broadcaster_id = ?1",
        )?
        .query_row([broadcaster.as_str()], |row| {
            let (name, login): (String, String) = (row.get(0)?, row.get(1)?);
            let (since, told): (Option<i64>, bool) = (row.get(2)?, row.get(3)?);
            Ok((name, login, since, told))
        })
        .optional()?;
    let Some((name, login, since, told)) = known else { return Ok(()) };
    let is_certain = since.is_some_and(|since| at.since(Timestamp::from_millis(since)) >= ASK_AGAIN);
    if is_certain && !told {
        let login = Login::new(&login).map_err(|_| StoreError::Unreadable("login"))?;
        notices::add_for_watchers(tx, broadcaster, &Matter::Vanished { name, login }, at)?;
    }
    tx.prepare_cached(
        "UPDATE streamer SET refreshed_at = ?2, unavailable_since = COALESCE(unavailable_since, ?2), vanish_told = ?3
         WHERE broadcaster_id = ?1",
    )?
    .execute(params![broadcaster.as_str(), at.as_millis(), told || is_certain])?;
    Ok(())
}

/// Remembers an account as Twitch shows it, and the login it had until now.
pub(super) fn keep_profile(tx: &Transaction<'_>, profile: &Profile, at: Timestamp) -> Result<(), StoreError> {
    let broadcaster = profile.broadcaster.as_str();
    let before: Option<String> = tx
        .prepare_cached("SELECT login FROM streamer WHERE broadcaster_id = ?1")?
        .query_row([broadcaster], |row| row.get(0))
        .optional()?;
    if let Some(from) = before.and_then(|login| Login::new(&login).ok()).filter(|from| *from != profile.login)
    {
        let (name, to) = (profile.display_name.clone(), profile.login.clone());
        notices::add_for_watchers(tx, &profile.broadcaster, &Matter::Renamed { name, from, to }, at)?;
    }
    tx.prepare_cached(
        "INSERT INTO former_login (broadcaster_id, login)
         SELECT broadcaster_id, login FROM streamer WHERE broadcaster_id = ?1 AND login <> ?2
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![broadcaster, profile.login.as_str()])?;
    tx.prepare_cached(
        "INSERT INTO streamer (broadcaster_id, login, display_name, image, refreshed_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (broadcaster_id) DO UPDATE SET login = excluded.login, display_name = excluded.display_name,
             image = excluded.image, refreshed_at = excluded.refreshed_at, unavailable_since = NULL, vanish_told = 0",
    )?
    .execute(params![
        broadcaster,
        profile.login.as_str(),
        profile.display_name,
        profile.image,
        at.as_millis()
    ])?;
    Ok(())
}
