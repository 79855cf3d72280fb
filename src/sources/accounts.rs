//! Looks at the accounts of the watched streamers: names and pictures once a day, and who is gone from Twitch.

use std::collections::HashSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::BroadcasterId;
use crate::store::{Store, StoreError};
use crate::twitch::{Helix, MAX_IDS};

/// How old a name or a picture may get.
const REFRESH_EVERY: Duration = Duration::from_hours(24);

/// How often the accounts that are due are looked for: a streamer seen under a new login is one of them at once.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Requests at one time, so that a day's refresh of very many streamers never crowds out the poll.
const BATCHES_AT_ONCE: usize = 10;

/// Keeps the accounts fresh.
#[derive(Debug)]
pub struct Accounts {
    /// Whose accounts, and since when they are known.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
}

impl Accounts {
    /// Refreshes what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let refresh_for_ever = async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Err(error) = self.refresh().await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "accounts cannot be remembered"
                    );
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = refresh_for_ever => {}
        }
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        for _ in 0..BATCHES_AT_ONCE {
            let now = self.clock.now();
            let due = self.store.accounts_due(now.before(REFRESH_EVERY), now, MAX_IDS).await?;
            if due.is_empty() {
                break;
            }
            let page = match self.helix.users(&due).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "accounts could not be refreshed");
                    break;
                }
            };
            let known: HashSet<&BroadcasterId> =
                page.profiles.iter().map(|profile| &profile.broadcaster).collect();
            // Who is missing on a page with something unreadable may be just that; the next refresh tells.
            let unknown: Vec<BroadcasterId> =
                due.iter().filter(|asked| !page.has_unreadable && !known.contains(asked)).cloned().collect();
            if !unknown.is_empty() {
                tracing::info!(accounts = ?unknown, "Twitch does not know these accounts (any more)");
            }
            let refreshed = page.profiles.len() + unknown.len();
            self.store.refresh_accounts(page.profiles, unknown, now).await?;
            if refreshed == 0 {
                break;
            }
        }
        Ok(())
    }
}
