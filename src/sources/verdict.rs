//! What is made of a message that was posted as Twitch's: who sent it is proven before anything in it is looked at. Pure.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::{BroadcasterId, Online, Timestamp};
use crate::twitch::{Challenge, Contents, Posted, STREAM_ONLINE, Subscription};

/// How far the time in a message may be from ours, in either direction. Twitch wants messages refused that are older, for
/// somebody might send one again that he has come by (Twitch, EventSub, "Handling Webhook Events").
pub const WINDOW: Duration = Duration::from_mins(10);

/// What is made of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not Twitch's, or was changed on its way.
    Forged,
    /// It is Twitch's, but of another time.
    OutOfTime,
    /// Twitch asks whether this is the right place. The answer is this text.
    Challenge {
        /// The text.
        answer: String,
        /// About whom messages are to come here; nothing when a conduit's are.
        broadcaster: Option<BroadcasterId>,
    },
    /// Something has happened.
    Event {
        /// The message's id.
        message: String,
        /// To whom, if it is what is subscribed to.
        broadcaster: Option<BroadcasterId>,
        /// The stream, if a live one has begun.
        online: Option<Online>,
    },
    /// A subscription is no more.
    Revoked(Subscription),
    /// It is of no interest.
    Unknown,
}

/// Judges a message that came at `now`.
#[must_use]
pub fn judge(secret: &SecretString, posted: Option<&Posted<'_>>, now: Timestamp) -> Verdict {
    let Some(posted) = posted.filter(|posted| posted.is_genuine(secret)) else { return Verdict::Forged };
    let in_time = |at: Timestamp| now.since(at) <= WINDOW && at.since(now) <= WINDOW;
    if !posted.sent_at().is_some_and(in_time) {
        return Verdict::OutOfTime;
    }
    match posted.contents() {
        Contents::Challenge(Challenge { answer, subscription }) => {
            Verdict::Challenge { answer, broadcaster: subscription.and_then(|one| one.broadcaster) }
        }
        Contents::Notification(heard) => {
            let subscription = heard.subscription;
            Verdict::Event {
                message: heard.message,
                broadcaster: subscription.broadcaster.filter(|_| subscription.kind == STREAM_ONLINE),
                online: heard.online.filter(|online| online.is_live),
            }
        }
        Contents::Revocation(subscription) => Verdict::Revoked(subscription),
        Contents::Unknown => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twitch::{Notification, Status};

    /// When the golden messages were signed: 2026-11-21T08:27:47.094Z, and the revocation a little later.
    const SIGNED: Timestamp = Timestamp::from_millis(1_795_249_667_094);

    const BODY: &str = r#"{"subscription":{"id":"b53ad29f-c11e-fe7b-50df-fb00155c7665","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":"null"},"created_at":"2026-11-21T08:27:47.094297361Z","cost":0},"event":{"id":"52987055","broadcaster_user_id":"1337","broadcaster_user_login":"testBroadcaster","broadcaster_user_name":"testBroadcaster","type":"live","started_at":"2026-11-21T08:27:47.094297361Z"}}"#;

    /// A message of Twitch's own command line that a stream has begun.
    const GENUINE: Posted<'static> = Posted {
        message: "71256a5b-cdca-ffa2-4ae2-a5714112c277",
        timestamp: "2026-11-21T08:27:47.094297361Z",
        kind: "notification",
        signature: "sha256=7b0baecfdb4e73b732f3cccc87379da88b9980e0be70e92e2ebad0b90aae85ad",
        body: BODY.as_bytes(),
    };

    fn judged(posted: &Posted<'_>, now: Timestamp) -> Verdict {
        judge(&SecretString::from("testsecret123"), Some(posted), now)
    }

    #[test]
    fn a_stream_that_begins_is_heard_of() {
        let Verdict::Event { message, broadcaster, online } = judged(&GENUINE, SIGNED) else {
            panic!("an event");
        };
        let online = online.expect("a stream");
        assert_eq!((message.as_str(), online.stream.as_str()), (GENUINE.message, "52987055"));
        assert_eq!(broadcaster, Some(BroadcasterId::new("1337")));
        assert_eq!(online.login.as_str(), "testbroadcaster");
    }

    #[test]
    fn who_sent_it_is_proven_before_anything_else() {
        let other = SecretString::from("testsecret124");
        assert_eq!(judge(&other, Some(&GENUINE), SIGNED), Verdict::Forged);
        assert_eq!(judge(&other, None, SIGNED), Verdict::Forged);
        // What is old and not Twitch's is not said to be old.
        assert_eq!(judge(&other, Some(&GENUINE), SIGNED.after(WINDOW * 2)), Verdict::Forged);
        let spoilt = Posted { body: &GENUINE.body[1..], ..GENUINE };
        assert_eq!(judged(&spoilt, SIGNED), Verdict::Forged);
    }

    #[test]
    fn the_window_is_ten_minutes_in_either_direction() {
        let millisecond = Duration::from_millis(1);
        for (now, is_in_time) in [
            (SIGNED.after(WINDOW), true),
            (SIGNED.after(WINDOW + millisecond), false),
            (SIGNED.before(WINDOW), true),
            (SIGNED.before(WINDOW + millisecond), false),
        ] {
            assert_eq!(judged(&GENUINE, now) != Verdict::OutOfTime, is_in_time, "at {}", now.as_millis());
        }
    }

    #[test]
    fn the_type_decides_how_it_is_read_and_is_not_signed() {
        // A type that somebody has changed on the way makes nothing of a message that it is not.
        for kind in ["webhook_callback_verification", "dance", ""] {
            assert_eq!(judged(&Posted { kind, ..GENUINE }, SIGNED), Verdict::Unknown, "{kind}");
        }
        let Verdict::Revoked(subscription) = judged(&Posted { kind: "revocation", ..GENUINE }, SIGNED) else {
            panic!("a subscription");
        };
        assert_eq!(subscription.status, Status::Enabled);
    }

    #[test]
    fn a_header_that_is_missing_makes_it_nobodys() {
        let names = [
            "Twitch-Eventsub-Message-Id",
            "Twitch-Eventsub-Message-Timestamp",
            "Twitch-Eventsub-Message-Type",
            "Twitch-Eventsub-Message-Signature",
        ];
        assert!(Posted::new(|_| Some("there"), b"").is_some());
        for missing in names {
            assert!(Posted::new(|name| (name != missing).then_some("there"), b"").is_none(), "{missing}");
        }
        assert!(Posted::new(|_| Some(""), b"").is_none(), "an empty id is none");
    }

    #[test]
    fn what_is_said_of_another_subscription_is_of_no_broadcaster_of_ours() {
        let other = BODY.replace("stream.online", "stream.offline");
        let read = Notification::read("m", other.as_bytes()).expect("a notification");
        assert_eq!((read.subscription.kind.as_str(), read.online), ("stream.offline", None));
    }
}
