//! What Twitch says over EventSub: the messages of a session, and lists of subscriptions. Lenient like the rest of what
//! Twitch sends: an unknown type, status or field is kept or passed over, and never an error.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{TwitchError, wire};
use crate::domain::{BroadcasterId, Login, Online, StreamId, Timestamp, text};

/// The type of the only subscription that is made: a broadcaster begins to stream.
pub const STREAM_ONLINE: &str = "stream.online";

/// The keepalive, in seconds, that is assumed when a welcome does not say: the shortest that Twitch has (Twitch, EventSub, "Handling
/// WebSocket Events").
const ASSUMED_KEEPALIVE: u64 = 10;

/// The longest that Twitch has, in seconds; longer than that nobody waits for a sign of life.
const LONGEST_KEEPALIVE: u64 = 600;

/// A message of a websocket session (Twitch, EventSub, "Handling WebSocket Events").
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// The session is open.
    Welcome {
        /// The session's id, to which a shard is bound.
        session: String,
        /// After so long without any message the connection is dead.
        keepalive: Duration,
    },
    /// Nothing has happened.
    Keepalive,
    /// Twitch closes this connection in half a minute and goes on at that address.
    Reconnect {
        /// The address, to be used as it is.
        url: String,
    },
    /// Something has happened.
    Notification(Notification),
    /// A subscription is no more.
    Revocation(Subscription),
    /// Of a type that is not known here.
    Unknown(String),
}

/// Something that has happened to a broadcaster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// The message's id, the same when it is sent again.
    pub message: String,
    /// The subscription that it is for.
    pub subscription: Subscription,
    /// What has happened; nothing when it is of no interest or cannot be read.
    pub online: Option<Online>,
}

/// What a callback is asked before Twitch uses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// The text that it has to answer with, and nothing else.
    pub answer: String,
    /// The subscription that is to go there; nothing when a conduit's shard is.
    pub subscription: Option<Subscription>,
}

/// How a subscription stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It works.
    Enabled,
    /// A callback has still to answer.
    Pending,
    /// It does not work and never will again, for this reason.
    Dead(String),
}

/// Where a subscription's messages go.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// To the shards of the conduit with this id.
    Conduit(String),
    /// To this address.
    Webhook(String),
    /// Somewhere else.
    Other,
}

/// A subscription, as Twitch describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// How it stands.
    pub status: Status,
    /// About whom, if about one broadcaster.
    pub broadcaster: Option<BroadcasterId>,
    /// Where its messages go.
    pub transport: Transport,
    /// What it counts against the quota: 0 when the broadcaster has authorised the application.
    pub cost: u32,
}

/// A page of subscriptions (Twitch, API Reference, "Get `EventSub` Subscriptions").
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubscriptionsPage {
    /// The oldest first.
    pub subscriptions: Vec<Subscription>,
    /// What all subscriptions of the client id cost together.
    pub total_cost: u32,
    /// What they may cost, if it says so.
    pub max_total_cost: Option<u32>,
    /// Where the next page is.
    pub next: Option<String>,
    /// An entry could not be read: that something is not listed proves nothing.
    pub has_unreadable: bool,
}

#[derive(Deserialize)]
struct MessageBody<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    message_type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SessionPayload<'a> {
    #[serde(borrow)]
    session: SessionBody<'a>,
}

#[derive(Deserialize)]
struct SessionBody<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(default)]
    keepalive_timeout_seconds: Option<u64>,
    #[serde(borrow, default)]
    reconnect_url: Option<Cow<'a, str>>,
}

/// What a notification and a revocation carry, over a websocket as over a webhook.
#[derive(Deserialize)]
struct EventPayload<'a> {
    #[serde(borrow)]
    subscription: &'a RawValue,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChallengeBody<'a> {
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow, default)]
    subscription: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OnlineBody<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    broadcaster_user_id: Cow<'a, str>,
    #[serde(borrow)]
    broadcaster_user_login: Cow<'a, str>,
    #[serde(borrow, default)]
    broadcaster_user_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    started_at: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SubscriptionBody<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    condition: Option<ConditionBody<'a>>,
    #[serde(borrow, default)]
    transport: Option<TransportBody<'a>>,
    #[serde(default)]
    cost: u32,
}

#[derive(Deserialize)]
struct ConditionBody<'a> {
    #[serde(borrow, default)]
    broadcaster_user_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct TransportBody<'a> {
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    conduit_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    callback: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct PageBody<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    total_cost: u32,
    #[serde(default)]
    max_total_cost: Option<u32>,
    #[serde(borrow, default)]
    pagination: Option<PaginationBody<'a>>,
}

#[derive(Deserialize)]
struct PaginationBody<'a> {
    #[serde(borrow, default)]
    cursor: Option<Cow<'a, str>>,
}

impl Message {
    /// Reads a message of a websocket session; nothing when it is none.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        let MessageBody { metadata, payload } = serde_json::from_str(body).ok()?;
        Some(match &*metadata.message_type {
            "session_welcome" => {
                let SessionPayload { session } = serde_json::from_str(payload?.get()).ok()?;
                let seconds = session.keepalive_timeout_seconds.unwrap_or(ASSUMED_KEEPALIVE);
                let keepalive = Duration::from_secs(seconds.min(LONGEST_KEEPALIVE));
                Self::Welcome { session: text::filled(&session.id)?.to_owned(), keepalive }
            }
            "session_keepalive" => Self::Keepalive,
            "session_reconnect" => {
                let SessionPayload { session } = serde_json::from_str(payload?.get()).ok()?;
                Self::Reconnect { url: text::filled(session.reconnect_url.as_deref()?)?.to_owned() }
            }
            "notification" => {
                Self::Notification(Notification::read(&metadata.message_id, payload?.get().as_bytes())?)
            }
            "revocation" => Self::Revocation(revoked(payload?.get().as_bytes())?),
            other => Self::Unknown(other.to_owned()),
        })
    }
}

impl Notification {
    /// Reads what a notification carries; `message` is its id, which stands elsewhere. Nothing when it is none.
    #[must_use]
    pub fn read(message: &str, payload: &[u8]) -> Option<Self> {
        let payload: EventPayload<'_> = serde_json::from_slice(payload).ok()?;
        let subscription = Subscription::read(payload.subscription)?;
        let is_online = subscription.kind == STREAM_ONLINE;
        let online = payload.event.filter(|_| is_online).and_then(online);
        Some(Self { message: message.to_owned(), subscription, online })
    }
}

/// The subscription that a revocation is about; nothing when the body is none.
#[must_use]
pub fn revoked(payload: &[u8]) -> Option<Subscription> {
    let payload: EventPayload<'_> = serde_json::from_slice(payload).ok()?;
    Subscription::read(payload.subscription)
}

impl Challenge {
    /// Reads what a callback is asked (Twitch, EventSub, "Handling Webhook Events"); nothing when it is not asked anything. The
    /// question about a conduit's shard names the shard instead of a subscription.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let ChallengeBody { challenge, subscription } = serde_json::from_slice(payload).ok()?;
        let subscription = subscription.map(Subscription::read);
        // What is asked about something unreadable is not agreed to.
        let subscription = if let Some(known) = subscription { Some(known?) } else { None };
        Some(Self { answer: text::filled(&challenge)?.to_owned(), subscription })
    }
}

/// Reads a point in time as Twitch writes it, with nanoseconds; nothing when it is none.
#[must_use]
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}

fn online(raw: &RawValue) -> Option<Online> {
    let body: OnlineBody<'_> = serde_json::from_str(raw.get()).ok()?;
    // Twitch's own command line, with which people try things out, writes capitals.
    let login = Login::new(&body.broadcaster_user_login.to_ascii_lowercase()).ok()?;
    let name = body.broadcaster_user_name.as_deref().and_then(text::filled);
    Some(Online {
        stream: StreamId::new(text::filled(&body.id)?),
        broadcaster: BroadcasterId::new(text::filled(&body.broadcaster_user_id)?),
        display_name: name.unwrap_or(login.as_str()).to_owned(),
        login,
        started_at: time(&body.started_at)?,
        is_live: body.kind.as_deref() == Some("live"),
    })
}

impl Subscription {
    fn read(raw: &RawValue) -> Option<Self> {
        let body: SubscriptionBody<'_> = serde_json::from_str(raw.get()).ok()?;
        let broadcaster =
            body.condition.as_ref().and_then(|condition| condition.broadcaster_user_id.as_deref());
        Some(Self {
            id: text::filled(&body.id)?.to_owned(),
            kind: body.kind.into_owned(),
            // Statuses turn up before they are documented, so whatever is not known is one that does not work.
            status: match &*body.status {
                "enabled" => Status::Enabled,
                "webhook_callback_verification_pending" => Status::Pending,
                dead => Status::Dead(dead.to_owned()),
            },
            broadcaster: broadcaster.and_then(text::filled).map(BroadcasterId::new),
            transport: body.transport.map_or(Transport::Other, Transport::from),
            cost: body.cost,
        })
    }
}

impl From<TransportBody<'_>> for Transport {
    fn from(body: TransportBody<'_>) -> Self {
        match (&*body.method, body.conduit_id, body.callback) {
            ("conduit", Some(id), _) => Self::Conduit(id.into_owned()),
            ("webhook", _, Some(callback)) => Self::Webhook(callback.into_owned()),
            _ => Self::Other,
        }
    }
}

impl SubscriptionsPage {
    /// Reads a page of the list, or the answer to a new subscription, which has the same form. What is broken in it spoils
    /// only itself.
    pub fn read(body: &[u8]) -> Result<Self, TwitchError> {
        let body: PageBody<'_> = serde_json::from_slice(body).map_err(|_| wire::broken())?;
        let subscriptions: Vec<_> = body.data.iter().filter_map(|raw| Subscription::read(raw)).collect();
        let next = body.pagination.and_then(|pagination| pagination.cursor);
        Ok(Self {
            has_unreadable: subscriptions.len() < body.data.len(),
            subscriptions,
            total_cost: body.total_cost,
            max_total_cost: body.max_total_cost,
            next: next.as_deref().and_then(text::filled).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(status: &str) -> String {
        format!(
            r#"{{"id":"sub-1","status":"{status}","type":"stream.online","version":"1","cost":1,"shiny":true,
                "condition":{{"broadcaster_user_id":"1337"}},
                "transport":{{"method":"conduit","conduit_id":"c-1"}},"created_at":"2026-11-21T10:00:00Z"}}"#
        )
    }

    fn notification(event: &str) -> String {
        format!(
            r#"{{"metadata":{{"message_id":"m-1","message_type":"notification","message_timestamp":"2026-11-21T10:11:12.464757833Z",
                "subscription_type":"stream.online","subscription_version":"1"}},
                "payload":{{"subscription":{},"event":{event}}}}}"#,
            subscription("enabled")
        )
    }

    fn online(kind: &str) -> String {
        format!(
            r#"{{"id":"9001","broadcaster_user_id":"1337","broadcaster_user_login":"cool_user",
                "broadcaster_user_name":"Cool_User","type":"{kind}","started_at":"2026-11-21T10:11:10.123Z"}}"#
        )
    }

    fn session(kind: &str, fields: &str) -> String {
        format!(
            r#"{{"metadata":{{"message_id":"m","message_type":"{kind}"}},"payload":{{"session":{{{fields}}}}}}}"#
        )
    }

    fn known(status: Status) -> Subscription {
        Subscription {
            id: "sub-1".to_owned(),
            kind: "stream.online".to_owned(),
            status,
            broadcaster: Some(BroadcasterId::new("1337")),
            transport: Transport::Conduit("c-1".to_owned()),
            cost: 1,
        }
    }

    #[test]
    fn a_session_opens_and_moves() {
        let welcome =
            session("session_welcome", r#""id":"s-1","status":"connected","keepalive_timeout_seconds":30"#);
        let keepalive = Duration::from_secs(30);
        assert_eq!(Message::read(&welcome), Some(Message::Welcome { session: "s-1".to_owned(), keepalive }));
        let quiet = session("session_keepalive", "");
        assert_eq!(Message::read(&quiet), Some(Message::Keepalive));
        let moves =
            session("session_reconnect", r#""id":"s-1","reconnect_url":"wss://a.example/ws?x=1&y=2""#);
        let url = "wss://a.example/ws?x=1&y=2".to_owned();
        assert_eq!(Message::read(&moves), Some(Message::Reconnect { url }));
    }

    #[test]
    fn a_stream_begins() {
        let Some(Message::Notification(found)) = Message::read(&notification(&online("live"))) else {
            panic!("a notification");
        };
        assert_eq!((&*found.message, &found.subscription), ("m-1", &known(Status::Enabled)));
        let online = found.online.expect("a stream");
        assert_eq!((online.stream.as_str(), online.broadcaster.as_str()), ("9001", "1337"));
        assert_eq!((online.login.as_str(), &*online.display_name), ("cool_user", "Cool_User"));
        assert_eq!(online.started_at, Timestamp::from_millis(1_795_255_870_123));
        assert!(online.is_live);
    }

    #[test]
    fn what_is_no_live_stream_is_told_apart() {
        for kind in ["rerun", "playlist", "watch_party", "premiere", "", "hologram"] {
            let Some(Message::Notification(found)) = Message::read(&notification(&online(kind))) else {
                panic!("a notification");
            };
            assert!(!found.online.expect("a stream").is_live, "{kind}");
        }
    }

    #[test]
    fn an_event_of_another_shape_is_no_error() {
        let Some(Message::Notification(found)) = Message::read(&notification(r#"{"id":7}"#)) else {
            panic!("a notification");
        };
        assert_eq!(found.online, None);
        let unknown = session("session_dance", "");
        assert_eq!(Message::read(&unknown), Some(Message::Unknown("session_dance".to_owned())));
        for nothing in
            ["", "{}", "[]", r#"{"metadata":{}}"#, r#"{"metadata":{"message_type":"notification"}}"#]
        {
            assert_eq!(Message::read(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn both_kinds_of_challenge_are_read() {
        let ask = |about: &str| format!(r#"{{"challenge":"poggers",{about}}}"#);
        let about =
            Challenge::read(ask(&format!(r#""subscription":{}"#, subscription("enabled"))).as_bytes());
        let known = Some(known(Status::Enabled));
        assert_eq!(about, Some(Challenge { answer: "poggers".to_owned(), subscription: known }));
        let shard = Challenge::read(ask(r#""conduit_shard":{"conduit_id":"c","shard":"42"}"#).as_bytes());
        assert_eq!(shard, Some(Challenge { answer: "poggers".to_owned(), subscription: None }));
        for nothing in ["{}", r#"{"challenge":""}"#, r#"{"challenge":"a","subscription":{}}"#] {
            assert_eq!(Challenge::read(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn every_other_status_is_a_dead_one() {
        for (word, status) in [
            ("enabled", Status::Enabled),
            ("webhook_callback_verification_pending", Status::Pending),
            ("authorization_revoked", Status::Dead("authorization_revoked".to_owned())),
            ("eaten_by_bears", Status::Dead("eaten_by_bears".to_owned())),
        ] {
            let body = format!(r#"{{"subscription":{}}}"#, subscription(word));
            assert_eq!(revoked(body.as_bytes()), Some(known(status)));
        }
    }

    #[test]
    fn a_page_survives_a_broken_entry() {
        let body = format!(
            r#"{{"data":[{},{{"status":"enabled"}}],"total":2,"total_cost":1,"max_total_cost":10000,"pagination":{{"cursor":"next"}}}}"#,
            subscription("enabled")
        );
        let page = SubscriptionsPage::read(body.as_bytes()).expect("a page");
        assert_eq!(page.subscriptions, [known(Status::Enabled)]);
        assert_eq!((page.total_cost, page.max_total_cost), (1, Some(10_000)));
        assert_eq!((page.next.as_deref(), page.has_unreadable), (Some("next"), true));
        let last = SubscriptionsPage::read(br#"{"data":[],"pagination":{}}"#).expect("a page");
        assert_eq!((last.next, last.has_unreadable), (None, false));
    }
}
