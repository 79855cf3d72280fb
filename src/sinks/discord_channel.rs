//! Tells a channel of a Discord server, and says what Discord's answer means for the delivery.

use crate::discord::{DiscordError, Queueing, Rest};
use crate::domain::{Delivery, Outcome, Refusal};
use crate::render::Message;

/// Posts as the bot.
#[derive(Clone, Debug)]
pub struct DiscordChannel {
    rest: Rest,
}

impl DiscordChannel {
    /// A sink that posts through this client.
    #[must_use]
    pub fn new(rest: Rest) -> Self {
        Self { rest }
    }

    pub(super) async fn deliver(&self, delivery: &Delivery, message: &Message, nonce: &str) -> Outcome {
        // Sessions take turns, so that a stream with one follower does not wait for another one's fan-out.
        let queueing = Queueing { flow: delivery.session.0, not_after: None };
        match self.rest.create_message(delivery.channel, message, nonce, queueing).await {
            Ok(posted) => Outcome::Delivered(Some(posted.id)),
            Err(error) => {
                if let DiscordError::Refused { status, code, message } = &error {
                    tracing::warn!(delivery = %delivery.id, channel = %delivery.channel, status, code, words = message,
                        "Discord refuses an announcement");
                }
                meaning(error)
            }
        }
    }
}

/// What an error means (Discord, Opcodes and Status Codes, "JSON Error Codes").
fn meaning(error: DiscordError) -> Outcome {
    match error {
        DiscordError::Unauthorized => Outcome::Unauthorized,
        DiscordError::RateLimited { wait } => {
            Outcome::RetryAfter { asked: Some(wait), why: "Discord wants a pause".to_owned() }
        }
        DiscordError::Halted { wait } => Outcome::RetryAfter {
            asked: Some(wait),
            why: "Discord refused too many requests; nothing is sent for some minutes".to_owned(),
        },
        DiscordError::Unavailable { why, .. } => Outcome::RetryAfter { asked: None, why },
        DiscordError::Refused { status, code, message } => refused(status, code, message),
    }
}

fn refused(status: u16, code: u64, message: String) -> Outcome {
    Outcome::Refused(match (status, code) {
        (_, 50014) => return Outcome::Unauthorized,
        // The nonce is known, but the message is gone: it was delivered, and somebody has deleted it.
        (_, 10008) => return Outcome::Delivered(None),
        // Limits of the channel or of the service that pass: slow mode, write limits, overload.
        (_, 20016 | 20022 | 20028 | 20029 | 40062 | 110_001 | 130_000) | (408, _) => {
            return Outcome::RetryAfter { asked: None, why: message };
        }
        (_, 10003) => Refusal::UnknownChannel,
        (_, 10004) => Refusal::UnknownGuild,
        (_, 50001) => Refusal::MissingAccess,
        (_, 50013) => Refusal::MissingPermission,
        (_, 50008 | 40058 | 40067 | 160_005 | 160_006) => Refusal::WrongKindOfChannel,
        (_, 200_000 | 240_000) => Refusal::BlockedByServer,
        (_, 50035 | 50006) => Refusal::InvalidMessage,
        // A refusal without a code is not Discord's but that of something before it: a proxy, or Cloudflare, which has a
        // code of its own as well.
        (_, 0 | 40333) => {
            return Outcome::RetryAfter {
                asked: None,
                why: format!("refused with {status}, without a reason"),
            };
        }
        _ => Refusal::Other,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(status: u16, code: u64, expected: &Outcome) {
        let outcome = meaning(DiscordError::Refused { status, code, message: "why".to_owned() });
        assert_eq!(outcome, *expected, "{status}, code {code}");
    }

    #[test]
    fn a_refusal_that_lasts_ends_the_delivery() {
        check(404, 10003, &Outcome::Refused(Refusal::UnknownChannel));
        check(404, 10004, &Outcome::Refused(Refusal::UnknownGuild));
        check(403, 50001, &Outcome::Refused(Refusal::MissingAccess));
        check(403, 50013, &Outcome::Refused(Refusal::MissingPermission));
        check(400, 50008, &Outcome::Refused(Refusal::WrongKindOfChannel));
        check(400, 200_000, &Outcome::Refused(Refusal::BlockedByServer));
        check(400, 50035, &Outcome::Refused(Refusal::InvalidMessage));
        check(400, 999_999, &Outcome::Refused(Refusal::Other));
    }

    #[test]
    fn a_refusal_that_passes_does_not() {
        let retry = |why: &str| Outcome::RetryAfter { asked: None, why: why.to_owned() };
        check(400, 130_000, &retry("why"));
        check(400, 20016, &retry("why"));
        check(403, 0, &retry("refused with 403, without a reason"));
        check(403, 40333, &retry("refused with 403, without a reason"));
    }

    #[test]
    fn what_did_not_go_out_is_tried_later() {
        let wait = Duration::from_mins(5);
        let Outcome::RetryAfter { asked, why } = meaning(DiscordError::Halted { wait }) else {
            panic!("a halt ends no delivery");
        };
        assert_eq!((asked, why.contains("too many requests")), (Some(wait), true));
        let why = "no connection".to_owned();
        let silent = DiscordError::Unavailable { why: why.clone(), perhaps_done: false };
        assert_eq!(meaning(silent), Outcome::RetryAfter { asked: None, why });
    }

    #[test]
    fn a_known_nonce_without_its_message_was_delivered() {
        check(404, 10008, &Outcome::Delivered(None));
    }

    #[test]
    fn a_refused_token_is_everybodys_matter() {
        check(401, 50014, &Outcome::Unauthorized);
        assert_eq!(meaning(DiscordError::Unauthorized), Outcome::Unauthorized);
    }
}
