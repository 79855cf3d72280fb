//! Brings the subscriptions at Twitch to what is wanted: at the start, when the watches change, and now and then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::conduit::ConduitState;
use super::covered::Covered;
use super::subscriptions::{self, Listed, Step, Wanted};
use crate::clock::Clock;
use crate::domain::BroadcasterId;
use crate::store::{Store, StoreError};
use crate::twitch::{Helix, Subscribed, Transport, TwitchError};

/// How often the list is compared when nothing has happened.
const COMPARE_EVERY: Duration = Duration::from_mins(45);

/// How much chance changes that in either direction.
const SPREAD: f64 = 0.33;

/// How long changes of the watches are gathered before the list is compared.
const CHANGES_LOOK: Duration = Duration::from_secs(10);

/// For how many subscriptions changes are gathered a second longer: so many stand on a page of the list, and it is read whole.
const PAGE: usize = 100;

/// Refusals in a row after which the rest is left to the next comparison. Each may be about one broadcaster alone.
const MAX_REFUSALS: usize = 5;

/// The pause after a comparison that failed.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// Pages of the list that are read at most: more than Twitch's quota has room for.
const MAX_PAGES: usize = 2_000;

/// How the subscriptions stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// How many streamers are watched.
    pub wanted: usize,
    /// How many of them have a subscription that works.
    pub covered: usize,
    /// What our subscriptions cost.
    pub cost: u32,
    /// What all subscriptions of the application may cost.
    pub limit: u32,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Twitch(#[from] TwitchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Twitch's list of subscriptions has no end")]
    Endless,
    #[error("Twitch's list of subscriptions cannot be read whole")]
    Unreadable,
    #[error("Twitch does not say what subscriptions may cost")]
    NoLimit,
}

/// What a step came to.
enum Done {
    /// Somebody more has a subscription.
    Covered,
    /// Nothing that changes the number.
    Nothing,
    /// Twitch refuses it.
    LeftOut,
}

/// Keeps the subscriptions.
#[derive(Debug)]
pub struct Subscriber {
    /// Who is wanted.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// Where subscriptions are to go.
    pub conduit: watch::Receiver<ConduitState>,
    /// Rung when Twitch has ended a subscription.
    pub revoked: Arc<Notify>,
    /// Where it is shown how they stand.
    pub coverage: watch::Sender<Coverage>,
    /// Where it is noted who has one.
    pub covered: Covered,
    /// The time.
    pub clock: Clock,
    /// Spreads the comparisons.
    pub chance: fastrand::Rng,
}

impl Subscriber {
    /// Keeps them until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.compare_for_ever() => {}
        }
    }

    async fn compare_for_ever(&mut self) {
        let mut refused = BTreeSet::new();
        let mut asked_anew = true;
        loop {
            let named = self.conduit.wait_for(|state| state.conduit.is_some()).await;
            let Some(conduit) = named.ok().and_then(|state| state.conduit.clone()) else { return };
            // Who was unknown may be known by now: accounts come back.
            if asked_anew {
                refused.clear();
            }
            let generation = self.store.watches_generation();
            let pause = match self.compare(&conduit, &mut refused).await {
                Ok(()) => COMPARE_EVERY.mul_f64(1.0 + SPREAD * (2.0 * self.chance.f64() - 1.0)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the subscriptions cannot be compared"
                    );
                    TRY_AGAIN
                }
            };
            asked_anew = self.wait(pause, generation, &conduit).await;
        }
    }

    /// Waits so long, or until there is a reason to compare sooner. Returns whether the time is over or the conduit is
    /// another one.
    async fn wait(&mut self, pause: Duration, generation: u64, conduit: &str) -> bool {
        let store = self.store.clone();
        let covered = u64::try_from(self.coverage.borrow().covered / PAGE).unwrap_or_default();
        let gather = CHANGES_LOOK.max(Duration::from_secs(covered));
        let changes = async {
            loop {
                tokio::time::sleep(gather).await;
                if store.watches_generation() != generation {
                    return;
                }
            }
        };
        let revoked = async {
            self.revoked.notified().await;
            // Twitch ends many at once.
            tokio::time::sleep(CHANGES_LOOK).await;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = changes => false,
            () = revoked => false,
            _ = self.conduit.wait_for(|state| state.conduit.as_deref() != Some(conduit)) => true,
        }
    }

    async fn compare(&self, conduit: &str, refused: &mut BTreeSet<BroadcasterId>) -> Result<(), Failed> {
        let watched = self.store.watch_counts().await?.into_iter();
        let wanted: Vec<Wanted> =
            watched.map(|(broadcaster, watches)| Wanted { broadcaster, watches }).collect();
        let listed = self.list().await?;
        let own = Transport::Conduit(conduit.to_owned());
        let plan = subscriptions::plan(&wanted, &listed, &own, refused);
        let mut coverage = Coverage {
            wanted: wanted.len(),
            covered: plan.covered.len(),
            cost: plan.cost,
            limit: listed.max_total_cost,
        };
        self.coverage.send_replace(coverage);
        self.covered.replace(&plan.covered, self.clock.now());
        let (steps, mut left_out, mut in_a_row) = (plan.steps.len(), 0, 0);
        for step in plan.steps {
            match self.carry_out(step, conduit, refused).await? {
                Done::Covered => {
                    coverage.covered += 1;
                    self.coverage.send_replace(coverage);
                    in_a_row = 0;
                }
                Done::Nothing => in_a_row = 0,
                Done::LeftOut => {
                    left_out += 1;
                    in_a_row += 1;
                }
            }
            if in_a_row == MAX_REFUSALS {
                tracing::warn!("Twitch takes no more subscriptions; the poll looks at the rest");
                break;
            }
        }
        let Coverage { wanted, covered, cost, limit } = coverage;
        tracing::info!(steps, left_out, wanted, covered, cost, limit, "compared the subscriptions");
        Ok(())
    }

    /// Does one thing. Fails only when Twitch cannot be asked.
    async fn carry_out(
        &self,
        step: Step,
        conduit: &str,
        refused: &mut BTreeSet<BroadcasterId>,
    ) -> Result<Done, TwitchError> {
        let (broadcaster, answer) = match step {
            Step::Delete(id) => match self.helix.unsubscribe(&id).await {
                Ok(()) => return Ok(Done::Nothing),
                Err(error) => (None, Err(error)),
            },
            Step::Create(broadcaster) => {
                let answer = self.helix.subscribe(&broadcaster, conduit).await;
                (Some(broadcaster), answer)
            }
        };
        match answer {
            Ok(Subscribed::Made(_) | Subscribed::Exists) => {
                if let Some(broadcaster) = broadcaster {
                    self.covered.add(broadcaster, self.clock.now());
                }
                Ok(Done::Covered)
            }
            Ok(Subscribed::NoBroadcaster) => {
                tracing::info!(?broadcaster, "Twitch does not know this account (any more)");
                refused.extend(broadcaster);
                Ok(Done::Nothing)
            }
            Ok(Subscribed::QuotaUsedUp(why)) => {
                tracing::info!(?broadcaster, why, "Twitch makes no subscription for this account");
                Ok(Done::LeftOut)
            }
            Err(error @ TwitchError::Refused { .. }) => {
                tracing::warn!(?broadcaster, %error, "a subscription could not be made or ended");
                Ok(Done::LeftOut)
            }
            Err(error) => Err(error),
        }
    }

    async fn list(&self) -> Result<Listed, Failed> {
        let mut listed = Listed { subscriptions: Vec::new(), max_total_cost: 0 };
        let mut after: Option<String> = None;
        // Without one, everything would be ended.
        let mut limit = None;
        for _ in 0..MAX_PAGES {
            let page = self.helix.subscriptions(after.as_deref()).await?;
            // What is not seen would be made again.
            if page.has_unreadable {
                return Err(Failed::Unreadable);
            }
            limit = limit.max(page.max_total_cost);
            listed.subscriptions.extend(page.subscriptions);
            after = page.next;
            if after.is_none() {
                listed.max_total_cost = limit.ok_or(Failed::NoLimit)?;
                return Ok(listed);
            }
        }
        Err(Failed::Endless)
    }
}
