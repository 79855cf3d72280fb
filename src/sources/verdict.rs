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
