//! Brings the subscriptions at Twitch to what is wanted: at the start, when the watches change, and now and then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::conduit::ConduitState;
use super::covered::Covered;
use super::subscriptions::{self, Listed, Own, Step, Wanted};
use crate::clock::Clock;
use crate::domain::BroadcasterId;
use crate::store::{Store, StoreError};
use crate::twitch::{
    Callback, Helix, Status, Subscribed, Subscription, Target, Transport, TwitchError, mark,
};

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

/// How soon it is looked whether a callback has proven itself: Twitch asks it at once.
const PROVEN_WITHIN: Duration = Duration::from_mins(1);

/// How soon a callback that could not prove itself is tried again: somebody may be putting it right.
const UNPROVEN_AGAIN: Duration = Duration::from_mins(10);

/// The status of a subscription whose callback did not answer as it should.
const UNPROVEN: &str = "webhook_callback_verification_failed";

/// Pages of the list that are read at most: more than Twitch's quota has room for.
const MAX_PAGES: usize = 2_000;

/// How the subscriptions stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// How many streamers are watched.
    pub wanted: usize,
    /// How many of them have a subscription that works.
    pub covered: usize,
    /// What all subscriptions of the application cost, as Twitch counts it, with what was made and ended since it was asked.
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
    Covered { cost: u32 },
    /// Somebody more has one that does not work yet: the callback has to prove itself.
    Pending { cost: u32 },
    /// Nothing that changes the number.
    Nothing,
    /// Twitch refuses it.
    LeftOut,
}

/// What a comparison came to.
enum Compared {
    /// Everything is as it should be, as far as Twitch lets it.
    Settled,
    /// Callbacks are being asked to prove themselves.
    Pending,
    /// A callback could not prove itself, or takes long to.
    Unproven,
}

/// What the steps of a comparison have come to so far.
#[derive(Default)]
struct Tally {
    coverage: Coverage,
    /// How many subscriptions were made whose callback is being asked.
    asked: usize,
    /// How many steps Twitch has refused.
    left_out: usize,
    /// The same, since the last one that it has not.
    in_a_row: usize,
}

/// Keeps the subscriptions.
#[derive(Debug)]
pub struct Subscriber {
    /// Who is wanted.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// Where subscriptions are to go.
    pub reach: Reach,
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

/// Where subscriptions are to go, as far as that is known.
#[derive(Debug)]
pub enum Reach {
    /// To the conduit that is shown here.
    Conduit(watch::Receiver<ConduitState>),
    /// To our own HTTP server.
    Webhook(Callback),
}

impl Reach {
    /// Waits until it is known; nothing when it never will be.
    async fn target(&mut self) -> Option<Target> {
        match self {
            Self::Conduit(conduit) => {
                let named = conduit.wait_for(|state| state.conduit.is_some()).await;
                named.ok().and_then(|state| state.conduit.clone()).map(Target::Conduit)
            }
            Self::Webhook(callback) => Some(Target::Webhook(callback.clone())),
        }
    }

    /// Waits until it is another one.
    async fn leaves(&mut self, target: &Target) {
        if let (Self::Conduit(conduit), Target::Conduit(id)) = (self, target) {
            let _ = conduit.wait_for(|state| state.conduit.as_ref() != Some(id)).await;
        } else {
            std::future::pending::<()>().await;
        }
    }
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
            let Some(target) = self.reach.target().await else { return };
            // Who was unknown may be known by now: accounts come back.
            if asked_anew {
                refused.clear();
            }
            let generation = self.store.watches_generation();
            let pause = match self.compare(&target, &mut refused).await {
                Ok(Compared::Settled) => {
                    COMPARE_EVERY.mul_f64(1.0 + SPREAD * (2.0 * self.chance.f64() - 1.0))
                }
                Ok(Compared::Pending) => PROVEN_WITHIN,
                Ok(Compared::Unproven) => UNPROVEN_AGAIN,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the subscriptions cannot be compared"
                    );
                    TRY_AGAIN
                }
            };
            asked_anew = self.wait(pause, generation, &target).await;
        }
    }

    /// Waits so long, or until there is a reason to compare sooner. Returns whether the time is over or subscriptions are to
    /// go elsewhere.
    async fn wait(&mut self, pause: Duration, generation: u64, target: &Target) -> bool {
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
            () = self.reach.leaves(target) => true,
        }
    }

    async fn compare(
        &self,
        target: &Target,
        refused: &mut BTreeSet<BroadcasterId>,
    ) -> Result<Compared, Failed> {
        let watched = self.store.watch_counts().await?.into_iter();
        let wanted: Vec<Wanted> =
            watched.map(|(broadcaster, watches)| Wanted { broadcaster, watches }).collect();
        let (listed, cost) = self.list().await?;
        let own = self.own(target).await?;
        let plan = subscriptions::plan(&wanted, &listed, &own, refused);
        let limit = listed.max_total_cost;
        let coverage = Coverage { wanted: wanted.len(), covered: plan.covered.len(), cost, limit };
        self.coverage.send_replace(coverage);
        self.covered.replace(&plan.covered, self.clock.now());
        let ours = |is_so: fn(&Status) -> bool| {
            let ours = listed.subscriptions.iter().filter(|one| one.transport == own.current);
            ours.filter(|one| is_so(&one.status)).count()
        };
        let unproven = ours(|status| matches!(status, Status::Dead(why) if why == UNPROVEN)) > 0;
        let pending = ours(|status| *status == Status::Pending);
        let mut tally = Tally { coverage, ..Tally::default() };
        let mut deletes = plan.steps;
        let first = deletes.iter().position(|step| matches!(step, Step::Create(_)));
        let mut creates = deletes.split_off(first.unwrap_or(deletes.len()));
        if unproven {
            tracing::warn!("Twitch does not reach the bot at PUBLIC_URL; the poll sees everybody meanwhile");
            // As long as nothing gets through, one is enough to try it.
            creates.truncate(if coverage.covered == 0 { 1 } else { creates.len() });
        }
        let steps = deletes.len() + creates.len();
        let freed = cost_of(&deletes, &listed);
        self.carry_out_all(deletes, target, refused, &mut tally).await?;
        if tally.left_out == 0 {
            tally.coverage.cost = cost.saturating_sub(freed);
            self.coverage.send_replace(tally.coverage);
        }
        let has_former = own.former.iter().any(|former| matches!(former, Transport::Webhook(_)));
        if has_former && tally.left_out == 0 {
            self.store.forget_former_callbacks(marked(target)).await?;
        }
        self.carry_out_all(creates, target, refused, &mut tally).await?;
        let Tally { coverage: Coverage { wanted, covered, cost, .. }, asked, left_out, .. } = tally;
        let pending = pending + asked;
        tracing::info!(steps, left_out, pending, wanted, covered, cost, limit, "compared the subscriptions");
        Ok(match (unproven, pending) {
            (false, 0) => Compared::Settled,
            (false, _) if asked > 0 => Compared::Pending,
            _ => Compared::Unproven,
        })
    }

    /// Where ours go, and where they went under other settings.
    async fn own(&self, target: &Target) -> Result<Own, StoreError> {
        let former = self.store.former_callbacks(marked(target)).await?;
        let mut former: Vec<Transport> = former.into_iter().map(Transport::Webhook).collect();
        if let Target::Webhook(_) = target {
            former.extend(self.store.conduit().await?.map(Transport::Conduit));
        }
        Ok(Own { current: target.transport(), former })
    }

    /// Does one thing after the other, until Twitch refuses several in a row.
    async fn carry_out_all(
        &self,
        steps: Vec<Step>,
        target: &Target,
        refused: &mut BTreeSet<BroadcasterId>,
        tally: &mut Tally,
    ) -> Result<(), Failed> {
        for step in steps {
            if tally.in_a_row == MAX_REFUSALS {
                tracing::warn!("Twitch takes no more subscriptions; the poll looks at the rest");
                break;
            }
            let done = self.carry_out(step, target, refused).await?;
            tally.in_a_row = if matches!(done, Done::LeftOut) { tally.in_a_row + 1 } else { 0 };
            match done {
                Done::Covered { cost } => {
                    tally.coverage.covered += 1;
                    tally.coverage.cost += cost;
                }
                Done::Pending { cost } => {
                    tally.asked += 1;
                    tally.coverage.cost += cost;
                }
                Done::Nothing => {}
                Done::LeftOut => tally.left_out += 1,
            }
            self.coverage.send_replace(tally.coverage);
        }
        Ok(())
    }

    /// Does one thing. Fails only when Twitch cannot be asked.
    async fn carry_out(
        &self,
        step: Step,
        target: &Target,
        refused: &mut BTreeSet<BroadcasterId>,
    ) -> Result<Done, Failed> {
        let (broadcaster, answer) = match step {
            Step::Delete(id) => match self.helix.unsubscribe(&id).await {
                Ok(()) => return Ok(Done::Nothing),
                Err(error) => (None, Err(error)),
            },
            Step::Create(broadcaster) => {
                let answer = self.helix.subscribe(&broadcaster, target).await;
                (Some(broadcaster), answer)
            }
        };
        match answer {
            Ok(Subscribed::Made(Subscription { status: Status::Pending, cost, .. })) => {
                Ok(Done::Pending { cost })
            }
            Ok(Subscribed::Made(Subscription { cost, .. })) => {
                if let Some(broadcaster) = broadcaster {
                    self.covered.add(broadcaster, self.clock.now());
                }
                Ok(Done::Covered { cost })
            }
            // Whether it is ours and works is seen when it is listed.
            Ok(Subscribed::Exists) => {
                tracing::debug!(?broadcaster, "Twitch has this subscription already");
                Ok(Done::Nothing)
            }
            Ok(Subscribed::NoBroadcaster) => {
                tracing::info!(?broadcaster, "Twitch does not know this account (any more)");
                if let Some(broadcaster) = broadcaster {
                    self.store.ask_for_account(broadcaster.clone()).await?;
                    refused.insert(broadcaster);
                }
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
            Err(error) => Err(error.into()),
        }
    }

    /// Everything that Twitch lists, and what it costs.
    async fn list(&self) -> Result<(Listed, u32), Failed> {
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
                return Ok((listed, page.total_cost));
            }
        }
        Err(Failed::Endless)
    }
}

/// What is no longer paid for when these steps are done. What does not work costs nothing.
fn cost_of(deletes: &[Step], listed: &Listed) -> u32 {
    let ended: BTreeSet<&str> = deletes
        .iter()
        .filter_map(|step| match step {
            Step::Delete(id) => Some(id.as_str()),
            Step::Create(_) => None,
        })
        .collect();
    let ended = listed.subscriptions.iter().filter(|one| ended.contains(one.id.as_str()));
    ended.filter(|one| !matches!(one.status, Status::Dead(_))).map(|one| one.cost).sum()
}

/// The address of ours that is used, if one is, with the mark of its secret.
fn marked(target: &Target) -> Option<(String, String)> {
    match target {
        Target::Conduit(_) => None,
        Target::Webhook(Callback { url, secret }) => Some((url.clone(), mark(secret))),
    }
}
