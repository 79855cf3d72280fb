//! The conduit: a connection that Twitch pushes over, which outlives restarts of ours and needs no address. It hears that
//! streams begin, seconds after they do; what is true is what the poll and Helix say.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::covered::Covered;
use crate::clock::Clock;
use crate::domain::{Online, Timestamp};
use crate::store::Store;
use crate::twitch::{BindError, Helix, Message, Session, SessionEnd, Status, TwitchError};

/// The wait before a connection is tried again; it doubles, with up to as much again by chance.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between two attempts. The poll sees everybody meanwhile.
const LONGEST_BACKOFF: Duration = Duration::from_mins(2);

/// A connection that has stood for so long was a good one: the next failure begins anew with the waits.
const GOOD_STRETCH: Duration = Duration::from_mins(5);

/// How often Twitch is asked whether the shard is bound to the session that we hold.
const SHARD_LOOK: Duration = Duration::from_mins(5);

/// How long that question may take; nothing is heard meanwhile.
const SHARD_LOOK_WITHIN: Duration = Duration::from_secs(3);

/// How long nothing is tried after a conduit was asked for and nobody knows whether it was made. An application has five, and
/// one that is not known to be ours is never used.
const PERHAPS_MADE: Duration = Duration::from_mins(15);

/// How long the old connection is heard out after another one has taken over.
const HEAR_OUT: Duration = Duration::from_secs(1);

/// How long a shard may take to be bound: Twitch closes a session without one after ten seconds.
const BIND_WITHIN: Duration = Duration::from_secs(8);

/// Streams that have begun and are not looked up yet, at most. What is more is left to the poll.
pub const MAX_WAITING: usize = 1_000;

/// How the connection stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConduitState {
    /// The conduit that subscriptions are to go to.
    pub conduit: Option<String>,
    /// Whether its shard is bound to a session that is open.
    pub connected: bool,
    /// When the last message came, of whatever kind.
    pub heard_at: Option<Timestamp>,
}

/// Why the conduit is not heard.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(
        "the Twitch application has five conduits already, and this bot's is none of them; delete one that is not used \
         (Twitch, API Reference, \"Delete Conduit\"), or set EVENTSUB=off"
    )]
    TooManyConduits,
    #[error(transparent)]
    Session(#[from] SessionEnd),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Twitch(#[from] TwitchError),
    #[error("a conduit was asked for, and nobody knows whether it was made: {0}")]
    PerhapsMade(TwitchError),
    #[error("the conduit is gone")]
    Gone,
    #[error("the shard is {0}")]
    Shard(String),
    #[error("the conduit cannot be remembered")]
    Store(#[from] crate::store::StoreError),
}

/// Keeps the conduit connected and hands on what it hears.
#[derive(Debug)]
pub struct Conduit {
    /// Where the conduit's id is remembered.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
    /// Where Twitch pushes, as a websocket address.
    pub url: String,
    /// Where that goes which is heard. What does not fit is left to the poll.
    pub heard: mpsc::Sender<Online>,
    /// Rung when Twitch has ended a subscription.
    pub revoked: Arc<Notify>,
    /// Where the state of the connection is shown.
    pub state: watch::Sender<ConduitState>,
    /// Where it is noted that what is pushed arrives, and that a subscription has ended.
    pub covered: Covered,
    /// Spreads the waits.
    pub chance: fastrand::Rng,
}

/// A conduit that was made and could not be remembered yet. It is not made again.
type Made = Option<String>;

impl Conduit {
    /// Listens until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen_for_ever() => {}
        }
    }

    async fn listen_for_ever(&mut self) {
        let mut backoff = FIRST_BACKOFF;
        let mut made = None;
        loop {
            let began = self.clock.now();
            let Err(trouble) = Box::pin(self.listen(&mut made)).await;
            self.covered.set_heard(None);
            self.state.send_modify(|state| state.connected = false);
            if self.clock.now().since(began) > GOOD_STRETCH {
                backoff = FIRST_BACKOFF;
            }
            let wait = match trouble {
                Trouble::PerhapsMade(_) => PERHAPS_MADE,
                _ => backoff + backoff.mul_f64(self.chance.f64()),
            };
            tracing::warn!(error = &trouble as &dyn std::error::Error, retry_in = ?wait,
                "Twitch does not push; the poll sees everybody meanwhile");
            if matches!(trouble, Trouble::Gone | Trouble::Bind(BindError::NoConduit)) {
                self.lose();
            }
            tokio::time::sleep(wait).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    /// Listens until something goes wrong.
    async fn listen(&self, made: &mut Made) -> Result<std::convert::Infallible, Trouble> {
        let conduit = self.own_conduit(made).await?;
        let mut session = Session::open(&self.url).await?;
        self.bind(&conduit, &session).await?;
        self.covered.set_heard(Some(self.clock.now()));
        tracing::info!("Twitch pushes what happens");
        let mut look = tokio::time::interval(SHARD_LOOK);
        look.reset();
        loop {
            tokio::select! {
                message = session.next() => match message? {
                    Message::Reconnect { url } => {
                        session = Box::pin(self.move_to(&conduit, session, &url)).await?;
                    }
                    message => self.heard(message),
                },
                _ = look.tick() => self.look_at_shard(&conduit, &session).await?,
            }
        }
    }

    /// The conduit that this bot has made. One that it has not made belongs to another deployment, and is never used.
    async fn own_conduit(&self, made: &mut Made) -> Result<String, Trouble> {
        let known = self.store.conduit().await?;
        let there = self.helix.conduits().await?;
        if let Some(known) = known.filter(|known| there.contains(known)) {
            return Ok(known);
        }
        // Subscriptions to one that is gone are nothing to make.
        self.lose();
        let conduit = if let Some(made) = made.take().filter(|made| there.contains(made)) {
            made
        } else {
            // One that cannot be remembered would be made again and again.
            self.store.try_writing().await?;
            self.helix.create_conduit().await.map_err(|error| match error {
                TwitchError::Refused { status: 429, .. } => Trouble::TooManyConduits,
                error @ TwitchError::Unavailable(_) => Trouble::PerhapsMade(error),
                error => Trouble::Twitch(error),
            })?
        };
        *made = Some(conduit.clone());
        self.store.set_conduit(conduit.clone()).await?;
        tracing::info!(conduit, "made a conduit");
        Ok(conduit)
    }

    /// The conduit is gone, and with it everything that went to it.
    fn lose(&self) {
        self.covered.replace(&HashSet::new(), self.clock.now());
        self.state.send_modify(|state| state.conduit = None);
    }

    async fn bind(&self, conduit: &str, session: &Session) -> Result<(), Trouble> {
        let bound = tokio::time::timeout(BIND_WITHIN, self.helix.bind_shard(conduit, &session.id)).await;
        bound.unwrap_or(Err(BindError::Refused("it took too long".to_owned())))?;
        self.state.send_modify(|state| {
            state.conduit = Some(conduit.to_owned());
            state.connected = true;
        });
        Ok(())
    }

    /// Goes on at another address without missing anything: the old connection is heard until the new one has taken over, and
    /// then to its end.
    async fn move_to(&self, conduit: &str, mut old: Session, url: &str) -> Result<Session, Trouble> {
        let mut old_speaks = true;
        let moving = async {
            let new = Session::go_on(url).await?;
            // Subscriptions are said to move along; binding once more costs one request and makes sure.
            self.bind(conduit, &new).await?;
            Ok::<_, Trouble>(new)
        };
        let mut moving = std::pin::pin!(moving);
        let new = loop {
            tokio::select! {
                new = &mut moving => break new?,
                message = old.next(), if old_speaks => match message {
                    Ok(message) => self.heard(message),
                    Err(_) => old_speaks = false,
                },
            }
        };
        let rest = async {
            while let Ok(message) = old.next().await {
                self.heard(message);
            }
        };
        let _ = tokio::time::timeout(HEAR_OUT, rest).await;
        old.close().await;
        tracing::debug!("Twitch pushes over another connection now");
        Ok(new)
    }

    /// A session can look fine while Twitch sends it nothing.
    async fn look_at_shard(&self, conduit: &str, session: &Session) -> Result<(), Trouble> {
        match tokio::time::timeout(SHARD_LOOK_WITHIN, self.helix.shard(conduit)).await {
            Ok(Ok(Some(shard))) => {
                let is_ours = shard.status == "enabled" && shard.session.as_deref() == Some(&session.id);
                if is_ours { Ok(()) } else { Err(Trouble::Shard(shard.status)) }
            }
            Ok(Ok(None)) => Err(Trouble::Gone),
            // That Twitch does not answer says nothing about the shard.
            Ok(Err(_)) | Err(_) => {
                tracing::debug!("the shard could not be looked at");
                Ok(())
            }
        }
    }

    fn heard(&self, message: Message) {
        let now = self.clock.now();
        // Nobody waits for that.
        self.state.send_if_modified(|state| {
            state.heard_at = Some(now);
            false
        });
        match message {
            Message::Notification(notification) => {
                if let Some(online) = notification.online {
                    self.hand_on(online);
                }
            }
            Message::Revocation(subscription) => {
                if let Status::Dead(why) = &subscription.status {
                    tracing::warn!(broadcaster = ?subscription.broadcaster, why, "Twitch has ended a subscription");
                }
                if let Some(broadcaster) = &subscription.broadcaster {
                    self.covered.remove(broadcaster);
                }
                self.revoked.notify_one();
            }
            Message::Unknown(kind) => tracing::debug!(kind, "an unknown message of Twitch's"),
            Message::Keepalive | Message::Welcome { .. } | Message::Reconnect { .. } => {}
        }
    }

    fn hand_on(&self, online: Online) {
        if self.heard.try_send(online).is_err() {
            tracing::warn!("more happens than can be looked up; the poll sees the rest");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_too_many_conduits_is_told_what_to_do() {
        let told = Trouble::TooManyConduits.to_string();
        for word in ["five conduits", "delete one", "\"Delete Conduit\"", "EVENTSUB=off"] {
            assert!(told.contains(word), "{told}");
        }
    }
}
