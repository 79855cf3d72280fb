//! Publishes announcements to the servers that follow their channels. It follows an announcement that stands, as an edit does,
//! and goes the same way.

use super::retry;
use std::time::Duration;

use super::revisions::{Done, MAX_ATTEMPTS, Revisions, SETTLE_PAUSE};
use crate::domain::Publication;
use crate::sinks::Revised;
use crate::store::{PublicationState, StoreError};

/// A wait after which it is no news any more for those who follow. Discord asks for such a one when others have published so
/// much in the channel that its budget is used up.
const STALE: Duration = Duration::from_mins(10);

impl Revisions {
    /// Makes one publication and remembers what came of it. Publishing twice changes nothing.
    pub(super) async fn publish(&self, publication: Publication, chance: f64) -> Done {
        let wanted = async {
            self.store.is_publication_wanted(publication.delivery).await.unwrap_or_else(|error| {
                tracing::error!(delivery = %publication.delivery, error = &error as &dyn std::error::Error,
                    "publications cannot be read");
                false
            })
        };
        let published = self.sink.publish(&publication, wanted).await;
        report(&publication, &published);
        while let Err(error) = self.settle_publication(&publication, &published, chance).await {
            tracing::error!(delivery = %publication.delivery, error = &error as &dyn std::error::Error,
                "what came of a publication cannot be remembered; trying again");
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
        Done { delivery: publication.delivery, unauthorized: published == Revised::Unauthorized }
    }

    async fn settle_publication(
        &self,
        publication: &Publication,
        published: &Revised,
        chance: f64,
    ) -> Result<(), StoreError> {
        let Publication { delivery, attempt, .. } = *publication;
        let now = self.clock.now();
        match published {
            Revised::Later { asked: Some(asked), .. } if *asked > STALE => {
                self.store.publication_is_over(delivery, PublicationState::OverBudget, now).await
            }
            Revised::Later { asked, .. } if attempt < MAX_ATTEMPTS => {
                let due_at = now.after(retry::wait(attempt, *asked, chance));
                self.store.publication_waits(delivery, due_at).await
            }
            Revised::Gone => self.store.message_is_gone(delivery, None).await,
            Revised::Done => self.store.publication_is_over(delivery, PublicationState::Done, now).await,
            Revised::Refused(_) | Revised::Later { .. } => {
                self.store.publication_is_over(delivery, PublicationState::Refused, now).await
            }
            // With a token that is accepted it is made at the next start.
            Revised::Unauthorized => Ok(()),
        }
    }
}

fn report(publication: &Publication, published: &Revised) {
    let Publication { delivery, session, guild, channel, message, attempt } = publication;
    match published {
        Revised::Done => {
            tracing::info!(%delivery, %session, %guild, %channel, %message, attempt, "published");
        }
        Revised::Gone => {
            tracing::info!(%delivery, %session, %guild, %channel, %message,
                "somebody has deleted the announcement; it is not published");
        }
        // The server wants all of its announcements published, and this channel is none that others can follow.
        Revised::Refused(refusal) => {
            tracing::debug!(%delivery, %session, %guild, %channel, %message, %refusal, "cannot be published");
        }
        Revised::Later { why, .. } => {
            tracing::warn!(%delivery, %session, %guild, %channel, %message, attempt, why, "not published yet");
        }
        Revised::Unauthorized => {
            tracing::error!(%delivery, "Discord refuses the bot's token (DISCORD_TOKEN)");
        }
    }
}
