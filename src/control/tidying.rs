//! Tidying: what nobody needs any more is forgotten, servers, sessions and history.

use std::time::Duration;

use super::Control;
use crate::store::StoreError;

/// How long a server that removed the bot is remembered: an invitation within this time finds everything as it was.
const REMEMBER_FOR: Duration = Duration::from_hours(7 * 24);

/// The pause between two batches of the history, in which others write.
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);

impl Control {
    /// Forgets the servers that removed the bot more than a week ago, gives up the sessions of whom nobody watches any more,
    /// and makes the history smaller.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let forgotten = self.store.forget_guilds(self.clock.now().before(REMEMBER_FOR)).await?;
        if forgotten > 0 {
            tracing::info!(servers = forgotten, "forgot servers that removed the bot");
        }
        let sessions = self.store.give_up_unwatched(self.clock.now()).await?;
        tracing::debug!(sessions, "gave up the sessions of whom nobody watches");
        self.tidy_history().await
    }

    /// Makes the history as small as it has to be, a little at a time.
    async fn tidy_history(&self) -> Result<(), StoreError> {
        let mut rows = 0;
        loop {
            match self.store.tidy_history(self.clock.now()).await? {
                0 => break,
                more => rows += more,
            }
            tokio::time::sleep(BETWEEN_BATCHES).await;
        }
        if rows > 0 {
            tracing::debug!(rows, "tidied the history");
        }
        Ok(())
    }
}
