//! Twitch accounts: their names and pictures, asked for once a day, and those that Twitch no longer knows.

use rusqlite::{Transaction, params};

use super::{Store, broadcasters};
use crate::domain::{BroadcasterId, Profile, Timestamp};
use crate::store::StoreError;

impl Store {
    /// Watched accounts that were last asked for before `before`, the longest wait first, at most `limit`.
    pub async fn accounts_due(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<BroadcasterId>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id FROM streamer
                 WHERE refreshed_at < ?1 AND EXISTS (SELECT 1 FROM watch WHERE watch.broadcaster_id = streamer.broadcaster_id)
                 ORDER BY refreshed_at LIMIT ?2",
            )?;
            broadcasters(&mut statement, params![before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)])
        })
        .await
    }

    /// Remembers what Twitch said about some accounts: those it knows, and those it does not.
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
            let mut vanished = tx.prepare_cached(
                "UPDATE streamer SET refreshed_at = ?2, unavailable_since = COALESCE(unavailable_since, ?2)
                 WHERE broadcaster_id = ?1",
            )?;
            for broadcaster in &unknown {
                vanished.execute(params![broadcaster.as_str(), at.as_millis()])?;
            }
            Ok(())
        })
        .await
    }
}

/// Remembers an account as Twitch shows it, and the login it had until now.
pub(super) fn keep_profile(tx: &Transaction<'_>, profile: &Profile, at: Timestamp) -> Result<(), StoreError> {
    let broadcaster = profile.broadcaster.as_str();
    tx.prepare_cached(
        "INSERT INTO former_login (broadcaster_id, login)
         SELECT broadcaster_id, login FROM streamer WHERE broadcaster_id = ?1 AND login <> ?2
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![broadcaster, profile.login.as_str()])?;
    tx.prepare_cached(
        "INSERT INTO streamer (broadcaster_id, login, display_name, image, refreshed_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (broadcaster_id) DO UPDATE SET login = excluded.login, display_name = excluded.display_name,
             image = excluded.image, refreshed_at = excluded.refreshed_at, unavailable_since = NULL",
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
