//! Work beside announcing: a paused route is looked at and resumed when it is open again, and the admins of a server are told,
//! once, what they have to know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{nonce, retry};
use crate::clock::Clock;
use crate::domain::{ChannelId, Matter, Notice, Pause, Permissions, Refusal, Route, Timestamp};
use crate::render;
use crate::sinks::{Examined, Sink, Told};
use crate::store::{Store, StoreError};

/// Errands of one kind that are done before the others get their turn. Each takes a few requests, and announcements go
/// between them.
const BATCH: usize = 20;

/// How often it is looked whether there is something to do when nobody says so.
const IDLE_LOOK: Duration = Duration::from_secs(30);

/// The shortest time between two looks.
const SHORTEST_LOOK: Duration = Duration::from_millis(200);

/// How long after it has arisen a notice is still worth telling. Later, `/streamers` and `/why` have to do.
const NOTICE_LIFE: Duration = Duration::from_hours(6);

/// How soon a route is looked at again when the look failed.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// A route that opened less than this time ago and refuses again is not opened by the next look alone: its rights look
/// right and Discord refuses all the same, so something else is wrong that no look can see.
const OPENED_LATELY: Duration = Duration::from_hours(1);

/// Looks after paused routes and tells notices until it is stopped.
#[derive(Debug)]
pub struct Errands {
    /// Where routes and notices are remembered.
    pub store: Store,
    /// Who looks and tells.
    pub sink: Sink,
    /// The time.
    pub clock: Clock,
    /// Rung when there is something to do.
    pub bell: Arc<Notify>,
    /// Rung by this part when deliveries are due again.
    pub outbox: Arc<Notify>,
    /// Spreads the waits.
    pub chance: fastrand::Rng,
}

impl Errands {
    /// Does what there is to do until `stop`. What is in hand then is finished: a notice of which nobody knows whether it
    /// was told would be told again.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.look(&stop).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "paused routes cannot be looked after"
                    );
                    IDLE_LOOK
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tokio::time::timeout(pause, self.bell.notified()) => {}
            }
        }
    }

    /// Does what is due, and says how long nothing more will be.
    async fn look(&mut self, stop: &CancellationToken) -> Result<Duration, StoreError> {
        for (route, pause) in self.store.routes_due(self.clock.now(), BATCH).await? {
            if stop.is_cancelled() {
                return Ok(IDLE_LOOK);
            }
            self.check(route, pause).await?;
        }
        for notice in self.store.notices_due(self.clock.now(), BATCH).await? {
            if stop.is_cancelled() {
                return Ok(IDLE_LOOK);
            }
            self.tell(&notice).await?;
        }
        let next = self.store.next_errand().await?;
        Ok(next.map_or(IDLE_LOOK, |due| self.clock.until(due).clamp(SHORTEST_LOOK, IDLE_LOOK)))
    }

    /// Looks whether a paused route is open again.
    async fn check(&mut self, route: Route, pause: Pause) -> Result<(), StoreError> {
        match self.examine(route, pause).await {
            Ok(None) => self.resume(route).await,
            Ok(Some(found)) => self.store.route_checked(route, found, pause.check_at).await,
            Err(()) => {
                let check_at = self.clock.now().after(LOOK_AGAIN);
                self.store.route_checked(route, Pause { check_at, ..pause }, pause.check_at).await
            }
        }
    }

    /// What a look at a paused route shows: nothing when it is open, an error when it could not be seen.
    async fn examine(&mut self, route: Route, pause: Pause) -> Result<Option<Pause>, ()> {
        let check_at = self.clock.now().after(retry::recheck(self.chance.f64()));
        match self.sink.examine(route).await {
            // Nothing has changed if it is the tag that is missing.
            Examined::OpenWithTag if pause.refusal == Refusal::TagRequired => {
                Ok(Some(Pause { check_at, ..pause }))
            }
            Examined::Open | Examined::OpenWithTag => Ok(None),
            Examined::Closed { refusal, missing } => {
                let Route { guild, channel } = route;
                let names = missing.named().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                tracing::warn!(%guild, %channel, %refusal, missing = names, "the channel is closed to the bot");
                Ok(Some(Pause { refusal, missing, check_at, ..pause }))
            }
            Examined::Unknown(why) => {
                let Route { guild, channel } = route;
                tracing::warn!(%guild, %channel, why, "a paused channel could not be looked at");
                Err(())
            }
        }
    }

    async fn resume(&mut self, route: Route) -> Result<(), StoreError> {
        let Route { guild, channel } = route;
        let deliveries = self.store.resume_route(route, self.clock.now()).await?;
        tracing::info!(%guild, %channel, deliveries, "the channel is open again");
        self.outbox.notify_one();
        Ok(())
    }

    /// Tells a notice in the first place that takes it.
    async fn tell(&mut self, notice: &Notice) -> Result<(), StoreError> {
        let now = self.clock.now();
        if now.since(notice.since) > NOTICE_LIFE {
            return self.give_up(notice, "nobody took it for hours").await;
        }
        let closed = match notice.matter {
            Matter::Paused(channel) => {
                let route = Route { guild: notice.guild, channel };
                match self.reason(route).await? {
                    Some(reason) => Some(reason),
                    // It is open again, or nobody wants it any more.
                    None => return self.store.notice_is_done(notice.id, None, now).await,
                }
            }
            Matter::Renamed { .. } | Matter::Vanished { .. } => None,
        };
        let message = render::notice(&notice.matter, closed.as_deref());
        let places = match self.places(notice).await {
            Ok(places) => places,
            Err(why) => return self.put_off(notice, None, &why).await,
        };
        for place in places {
            let nonce = nonce::of_notice(self.store.installation(), notice.id, place, notice.since);
            match self.sink.tell(place, &message, &nonce).await {
                Told::There => {
                    tracing::info!(guild = %notice.guild, channel = %place, matter = ?notice.matter, "told the admins");
                    return self.store.notice_is_done(notice.id, Some(place), self.clock.now()).await;
                }
                Told::Refused => {}
                Told::Later { asked, why } => return self.put_off(notice, asked, &why).await,
            }
        }
        self.give_up(notice, "no channel takes it").await
    }

    /// Why a route is closed, in words for the admins; nothing when there is no need to tell because it is open.
    async fn reason(&mut self, route: Route) -> Result<Option<String>, StoreError> {
        let Some(pause) = self.store.pause_of(route).await? else { return Ok(None) };
        let words = |refusal: Refusal, missing: Permissions| render::closed(route.channel, refusal, missing);
        let found = match self.examine(route, pause).await {
            Ok(None) => {
                let lately = |at: Timestamp| self.clock.now().since(at) < OPENED_LATELY;
                if !pause.resumed_at.is_some_and(lately) {
                    self.resume(route).await?;
                    return Ok(None);
                }
                pause
            }
            Ok(Some(found)) => {
                self.store.route_checked(route, found, pause.check_at).await?;
                found
            }
            Err(()) => pause,
        };
        Ok(Some(words(found.refusal, found.missing)))
    }

    /// Where the admins of a server may read it: the channel for Discord's own messages, then where they last set a channel
    /// for announcements. Not the channel that it is about.
    async fn places(&self, notice: &Notice) -> Result<Vec<ChannelId>, String> {
        let system = self.sink.place_for_notices(notice.guild).await?;
        let mut places: Vec<ChannelId> = system.into_iter().chain(notice.asked_in).collect();
        places.dedup();
        if let Matter::Paused(closed) = notice.matter {
            places.retain(|place| *place != closed);
        }
        Ok(places)
    }

    async fn put_off(
        &mut self,
        notice: &Notice,
        asked: Option<Duration>,
        why: &str,
    ) -> Result<(), StoreError> {
        let wait = retry::wait(notice.attempts.saturating_add(1), asked, self.chance.f64());
        tracing::warn!(guild = %notice.guild, why, ?wait, "the admins are not told yet");
        self.store.notice_waits(notice.id, self.clock.now().after(wait)).await
    }

    async fn give_up(&self, notice: &Notice, why: &str) -> Result<(), StoreError> {
        tracing::warn!(guild = %notice.guild, matter = ?notice.matter, why, "the admins could not be told");
        self.store.notice_is_done(notice.id, None, self.clock.now()).await
    }
}
