//! Requests about `EventSub`: conduits, their one shard, and the subscriptions that go there or to a callback. Over a conduit
//! Twitch pushes on a connection that we open, and needs no address of ours (Twitch, `EventSub`, "Handling Conduit Events").

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::budget::Claim;
use super::eventsub::{STREAM_ONLINE, Subscription, SubscriptionsPage, Transport};
use super::helix::{Ask, Helix};
use super::{TwitchError, wire};
use crate::domain::BroadcasterId;

/// The version of [`STREAM_ONLINE`] whose events are understood.
const STREAM_ONLINE_VERSION: &str = "1";

/// The conduit's only shard: one connection takes thousands of streams, and a second one would be a second place to fail.
const SHARD: &str = "0";

/// Why a shard is not bound to a session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BindError {
    /// There is no such conduit: it was not used for three days, or somebody has deleted it.
    #[error("Twitch does not know the conduit any more")]
    NoConduit,
    /// Twitch takes the request and refuses the shard, as a rule because the session is over.
    #[error("Twitch does not bind the shard: {0}")]
    Refused(String),
    /// Anything else.
    #[error(transparent)]
    Twitch(#[from] TwitchError),
}

/// Where a new subscription is to go.
#[derive(Clone, Debug)]
pub enum Target {
    /// To the conduit with this id.
    Conduit(String),
    /// To an address of ours.
    Webhook(Callback),
}

impl Target {
    /// What Twitch lists for a subscription that goes there.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Conduit(id) => Transport::Conduit(id.clone()),
            Self::Webhook(callback) => Transport::Webhook(callback.url.clone()),
        }
    }
}

/// An address of ours that Twitch is to post to.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The address.
    pub url: String,
    /// What Twitch signs its messages with: 10 to 100 ASCII characters.
    pub secret: SecretString,
}

/// What came of asking for a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subscribed {
    /// It is made.
    Made(Subscription),
    /// It was there.
    Exists,
    /// Twitch does not know the broadcaster.
    NoBroadcaster,
    /// The quota of cost is used up, or three such subscriptions are there.
    QuotaUsedUp(String),
}

/// How a shard stands, in Twitch's word, and to which session it is bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shard {
    /// `enabled`, or why it is not.
    pub status: String,
    /// The session, if it is one.
    pub session: Option<String>,
}

#[derive(Deserialize)]
struct ConduitItem {
    id: String,
}

#[derive(Deserialize)]
struct ShardItem {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    transport: Option<ShardTransport>,
}

#[derive(Deserialize)]
struct ShardTransport {
    #[serde(default)]
    session_id: Option<String>,
}

#[derive(Deserialize)]
struct BoundBody {
    #[serde(default)]
    errors: Vec<BoundError>,
}

#[derive(Deserialize)]
struct BoundError {
    #[serde(default)]
    message: String,
}

impl Helix {
    /// The ids of all conduits of the client id, those of other deployments included (Twitch, API Reference, "Get
    /// Conduits").
    pub async fn conduits(&self) -> Result<Vec<String>, TwitchError> {
        let body = self.ask(Ask::get("/eventsub/conduits", &[]), Claim::Background).await?;
        Ok(wire::items(&body)?.into_iter().map(|ConduitItem { id }| id).collect())
    }

    /// Makes a conduit with one shard (Twitch, API Reference, "Create Conduits"). An application has five at most; one more
    /// is refused with 429.
    pub async fn create_conduit(&self) -> Result<String, TwitchError> {
        let body = json!({ "shard_count": 1 });
        // Sent once: when the answer is lost, another one would leave a conduit behind that nobody knows.
        let ask = Ask { attempts: 1, ..Ask::with(Method::POST, "/eventsub/conduits", &body) };
        let body = self.ask(ask, Claim::Background).await?;
        let made = wire::items(&body)?.into_iter().next().map(|ConduitItem { id }| id);
        made.ok_or_else(|| TwitchError::Unavailable("a conduit without an id".to_owned()))
    }

    /// Has a session take the conduit's messages; it is to be done within ten seconds after the session's welcome (Twitch,
    /// API Reference, "Update Conduit Shards").
    pub async fn bind_shard(&self, conduit: &str, session: &str) -> Result<(), BindError> {
        let transport = json!({ "method": "websocket", "session_id": session });
        let body = json!({ "conduit_id": conduit, "shards": [{ "id": SHARD, "transport": transport }] });
        let ask = Ask::with(Method::PATCH, "/eventsub/conduits/shards", &body);
        let answer = self.ask(ask, Claim::Interactive).await.map_err(|error| match error {
            TwitchError::Refused { status: 404, .. } => BindError::NoConduit,
            error => BindError::Twitch(error),
        })?;
        // It is 202 also when the shard is refused.
        let bound: BoundBody = serde_json::from_slice(&answer).map_err(|_| wire::broken())?;
        match bound.errors.into_iter().next() {
            Some(error) => Err(BindError::Refused(error.message)),
            None => Ok(()),
        }
    }

    /// How the conduit's shard stands; nothing when the conduit or the shard is not known (Twitch, API Reference, "Get
    /// Conduit Shards").
    pub async fn shard(&self, conduit: &str) -> Result<Option<Shard>, TwitchError> {
        let query = [("conduit_id", conduit)];
        let answer = self.ask(Ask::get("/eventsub/conduits/shards", &query), Claim::Background).await;
        let shards: Vec<ShardItem> = match answer {
            Ok(body) => wire::items(&body)?,
            Err(TwitchError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(shards.into_iter().find(|shard| shard.id == SHARD).map(|shard| Shard {
            status: shard.status,
            session: shard.transport.and_then(|transport| transport.session_id),
        }))
    }

    /// A page of all subscriptions of the client id, also those of other deployments (Twitch, API Reference, "Get `EventSub`
    /// Subscriptions").
    pub async fn subscriptions(&self, after: Option<&str>) -> Result<SubscriptionsPage, TwitchError> {
        let query: Vec<_> = after.map(|cursor| ("after", cursor)).into_iter().collect();
        SubscriptionsPage::read(&self.ask(Ask::get("/eventsub/subscriptions", &query), Claim::Spare).await?)
    }

    /// Asks to be told when a broadcaster begins to stream (Twitch, API Reference, "Create `EventSub` Subscription").
    pub async fn subscribe(
        &self,
        broadcaster: &BroadcasterId,
        target: &Target,
    ) -> Result<Subscribed, TwitchError> {
        let transport = match target {
            Target::Conduit(id) => json!({ "method": "conduit", "conduit_id": id }),
            Target::Webhook(Callback { url, secret }) => {
                json!({ "method": "webhook", "callback": url, "secret": secret.expose_secret() })
            }
        };
        let body = json!({
            "type": STREAM_ONLINE,
            "version": STREAM_ONLINE_VERSION,
            "condition": { "broadcaster_user_id": broadcaster.as_str() },
            "transport": transport,
        });
        let ask = Ask::with(Method::POST, "/eventsub/subscriptions", &body);
        match self.ask(ask, Claim::Spare).await {
            Ok(body) => {
                let made = SubscriptionsPage::read(&body)?.subscriptions.into_iter().next();
                made.map(Subscribed::Made).ok_or_else(wire::broken)
            }
            Err(TwitchError::Refused { status: 409, .. }) => Ok(Subscribed::Exists),
            // Any other 400 is about the request itself: above all about a conduit that is gone, or a callback that is none.
            Err(TwitchError::Refused { status: 400, message }) if !is_about_transport(&message) => {
                Ok(Subscribed::NoBroadcaster)
            }
            Err(TwitchError::Refused { status: 429, message }) => Ok(Subscribed::QuotaUsedUp(message)),
            Err(error) => Err(error),
        }
    }

    /// Ends a subscription; one that is not there is ended (Twitch, API Reference, "Delete `EventSub` Subscription").
    pub async fn unsubscribe(&self, subscription: &str) -> Result<(), TwitchError> {
        let query = [("id", subscription)];
        let ask = Ask { method: Method::DELETE, ..Ask::get("/eventsub/subscriptions", &query) };
        match self.ask(ask, Claim::Spare).await {
            Ok(_) | Err(TwitchError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether Twitch's words are about where a subscription is to go, and not about the broadcaster.
fn is_about_transport(message: &str) -> bool {
    ["conduit", "callback", "secret", "transport"].iter().any(|word| message.contains(word))
}
