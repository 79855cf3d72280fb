//! What must be known across restarts to hear from Twitch.

use super::Store;
use crate::domain::BroadcasterId;
use crate::store::StoreError;

impl Store {
    /// Everybody who is watched and has an account at Twitch, with by how many servers that the bot is in.
    pub async fn watch_counts(&self) -> Result<Vec<(BroadcasterId, u32)>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT broadcaster_id, COUNT(*) FROM watch JOIN guild USING (guild_id) JOIN streamer USING (broadcaster_id)
                 WHERE left_at IS NULL AND unavailable_since IS NULL GROUP BY broadcaster_id",
            )?;
            let rows = statement
                .query_map([], |row| Ok((BroadcasterId::new(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The conduit that this installation has made.
    pub async fn conduit(&self) -> Result<Option<String>, StoreError> {
        self.read(|tx| Ok(tx.query_row("SELECT conduit_id FROM installation", [], |row| row.get(0))?)).await
    }

    /// Remembers the conduit that was made.
    pub async fn set_conduit(&self, conduit: String) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("UPDATE installation SET conduit_id = ?1", [conduit])?;
            Ok(())
        })
        .await
    }
}
