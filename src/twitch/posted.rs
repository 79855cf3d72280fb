//! A message that Twitch has posted to a callback, as it came. Whether it is believed is judged elsewhere. Pure.

use secrecy::SecretString;

use super::eventsub::{self, Challenge, Notification, Subscription};
use super::signature::{Signed, is_genuine};
use crate::domain::Timestamp;

/// A message with the headers that count (Twitch, `EventSub`, "Handling Webhook Events").
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// `Twitch-Eventsub-Message-Id`: the same when it is sent again.
    pub message: &'a str,
    /// `Twitch-Eventsub-Message-Timestamp`.
    pub timestamp: &'a str,
    /// `Twitch-Eventsub-Message-Type`. It is not signed.
    pub kind: &'a str,
    /// `Twitch-Eventsub-Message-Signature`.
    pub signature: &'a str,
    /// The body, to the byte.
    pub body: &'a [u8],
}

/// What a posted message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contents {
    /// Twitch asks whether this is the right place.
    Challenge(Challenge),
    /// Something has happened.
    Notification(Notification),
    /// A subscription is no more.
    Revocation(Subscription),
    /// It is of a type that is not known here, or not of the form that its type has.
    Unknown,
}

impl<'a> Posted<'a> {
    /// Picks the headers that count; nothing when one of them is missing.
    pub fn new(header: impl Fn(&str) -> Option<&'a str>, body: &'a [u8]) -> Option<Self> {
        Some(Self {
            message: header("Twitch-Eventsub-Message-Id").filter(|id| !id.is_empty())?,
            timestamp: header("Twitch-Eventsub-Message-Timestamp")?,
            kind: header("Twitch-Eventsub-Message-Type")?,
            signature: header("Twitch-Eventsub-Message-Signature")?,
            body,
        })
    }

    /// Whether Twitch has signed it with the secret.
    #[must_use]
    pub fn is_genuine(&self, secret: &SecretString) -> bool {
        let Self { message, timestamp, body, .. } = *self;
        is_genuine(secret, Signed { message, timestamp, body }, self.signature)
    }

    /// When Twitch has sent it; nothing when it does not say so.
    #[must_use]
    pub fn sent_at(&self) -> Option<Timestamp> {
        eventsub::time(self.timestamp)
    }

    /// What it says.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let read = match self.kind {
            "webhook_callback_verification" => Challenge::read(self.body).map(Contents::Challenge),
            "notification" => Notification::read(self.message, self.body).map(Contents::Notification),
            "revocation" => eventsub::revoked(self.body).map(Contents::Revocation),
            _ => None,
        };
        read.unwrap_or(Contents::Unknown)
    }
}
