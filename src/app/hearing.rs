//! How Twitch is heard: which parts that takes, for each way in which it can push.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Base;
use crate::config::EventSub;
use crate::domain::{Observation, Online, Source};
use crate::sources::{
    self, Conduit, ConduitState, Coverage, Covered, Lookup, Reach, Recorder, Subscriber, Webhook,
};
use crate::telemetry::{Pushes, Pushing};
use crate::twitch::Callback;
use crate::web;

/// Everything that hears from Twitch, not running yet.
pub(super) struct Hearing {
    /// What the health page tells of it.
    pub(super) vitals: Pushes,
    /// What takes what is posted to our own server, if that is how Twitch pushes.
    pub(super) webhook: Option<(Webhook, Recorder)>,
    /// Of whom it is heard.
    pub(super) covered: Covered,
    conduit: Option<Conduit>,
    subscriber: Subscriber,
    source: Source,
    heard: mpsc::Receiver<Online>,
}

impl Hearing {
    /// Nothing when Twitch is not to push.
    pub(super) fn new(base: &Base) -> Option<Self> {
        let (store, helix, clock) = (&base.store, &base.helix, &base.clock);
        let (hear, heard) = mpsc::channel(sources::MAX_WAITING);
        let revoked = Arc::new(Notify::new());
        let covered = Covered::default();
        let mut conduit = None;
        let mut webhook = None;
        let (source, pushing, reach) = match &base.settings.eventsub {
            EventSub::Off => return None,
            EventSub::Conduit => {
                let (state, shown) = watch::channel(ConduitState::default());
                conduit = Some(Conduit {
                    store: store.clone(),
                    helix: helix.clone(),
                    clock: clock.clone(),
                    url: base.settings.twitch_eventsub_url.clone(),
                    heard: hear,
                    revoked: Arc::clone(&revoked),
                    state,
                    covered: covered.clone(),
                    chance: fastrand::Rng::new(),
                });
                (Source::Conduit, Pushing::Conduit(shown.clone()), Reach::Conduit(shown))
            }
            EventSub::Webhook { public_url, secret } => {
                let callback =
                    Callback { url: format!("{public_url}{}", web::TWITCH_PATH), secret: secret.clone() };
                tracing::info!(callback = callback.url, "Twitch is to push to this address");
                let (taker, recorder) = Webhook::new(
                    secret.clone(),
                    clock.clone(),
                    store.clone(),
                    covered.clone(),
                    hear,
                    Arc::clone(&revoked),
                );
                let shown = taker.state();
                webhook = Some((taker, recorder));
                (Source::Webhook, Pushing::Webhook(shown), Reach::Webhook(callback))
            }
        };
        let (coverage, shown) = watch::channel(Coverage::default());
        let subscriber = Subscriber {
            store: store.clone(),
            helix: helix.clone(),
            reach,
            revoked,
            coverage,
            covered: covered.clone(),
            clock: clock.clone(),
            chance: fastrand::Rng::new(),
        };
        let vitals = Pushes { pushing, coverage: shown };
        Some(Self { vitals, webhook, covered, conduit, subscriber, source, heard })
    }

    /// Listens, looks up what is heard, and sees to the subscriptions, until `stop`.
    pub(super) async fn run(
        self,
        base: Arc<Base>,
        observations: mpsc::Sender<Observation>,
        stop: CancellationToken,
    ) {
        let lookup = Lookup {
            store: base.store.clone(),
            helix: base.helix.clone(),
            clock: base.clock.clone(),
            enrich_wait: base.settings.enrich_wait,
            source: self.source,
            heard: self.heard,
            happenings: base.happenings.clone(),
            observations,
        };
        let listening = async {
            if let Some(conduit) = self.conduit {
                conduit.run(stop.clone()).await;
            }
        };
        tokio::join!(listening, lookup.run(stop.clone()), self.subscriber.run(stop.clone()));
    }
}
