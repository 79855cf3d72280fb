//! Tells a channel of a Discord server, and says what Discord's answer means for the delivery.

use std::time::Duration;

use super::{Attempt, Examined, Revised, Told};
use crate::discord::{Access, Announcing, DiscordError, EDITED_TOO_OFTEN, Line, Member, Queueing, Rest};
use crate::domain::{
    ChannelId, Delivery, GuildId, MessageId, Outcome, Publication, Refusal, Revision, Route, Timestamp,
};
use crate::render::{self, Message};

/// How long to wait when a message that is older than an hour has been edited as often as Discord allows for now. It does not
/// say for how long; an hour is what it counts in.
const EDITS_USED_UP: Duration = Duration::from_hours(1);

/// The code for a message that is published already: an answer was lost, or an admin was faster.
const ALREADY_PUBLISHED: u64 = 40033;

/// The code for an answer to a message in a channel whose history the bot may not read.
const MAY_NOT_ANSWER: u64 = 160_002;
/// The code for a change in a thread that was put away.
const ARCHIVED: u64 = 50083;

/// The first moment that Discord's ids count from (Discord, Reference, "Snowflakes").
const DISCORD_EPOCH: i64 = 1_420_070_400_000;

/// Posts as the bot.
#[derive(Clone, Debug)]
pub struct DiscordChannel {
    pub(super) rest: Rest,
    /// The user that the bot appears as.
    pub(super) bot: u64,
}

impl DiscordChannel {
    /// A sink that posts through this client as this user.
    #[must_use]
    pub fn new(rest: Rest, bot: u64) -> Self {
        Self { rest, bot }
    }

    pub(super) async fn deliver(
        &self,
        delivery: &Delivery,
        message: &Message,
        nonce: &str,
        not_after: Option<Timestamp>,
        is_owed: impl Future<Output = bool>,
    ) -> Attempt {
        let queueing = Queueing { line: Line::Transition(delivery.transition), not_after };
        let title = render::forum_title(&delivery.stream);
        let wanted = Announcing {
            channel: delivery.channel,
            message,
            nonce,
            title: &title,
            tag: delivery.preferences.forum_tag,
            is_repeated: not_after.is_some(),
        };
        let mut created = self.rest.announce(wanted, queueing, is_owed).await;
        if message.answers.is_some()
            && let Err(DiscordError::Refused { code: MAY_NOT_ANSWER, .. }) = created
        {
            // Those whom it mentions want to know all the same.
            let alone = Message { answers: None, ..message.clone() };
            let wanted = Announcing { message: &alone, ..wanted };
            created = self.rest.announce(wanted, queueing, std::future::ready(true)).await;
        }
        match created {
            Ok(posted) => {
                // What stands there may be of an earlier attempt, when others wanted to be mentioned.
                let there = posted.text.map_or_else(
                    || message.mentions.users.clone(),
                    |text| render::mentioned(&text, &delivery.members),
                );
                let outcome = Outcome::Delivered(Some(posted.id));
                let posted_in = (posted.channel != delivery.channel).then_some(posted.channel);
                let (sent_at, is_silent) = (Some(posted.sent_at), posted.is_silent);
                Attempt { outcome, sent_at, there, is_silent, posted_in }
            }
            Err(error) => {
                if let DiscordError::Refused { status, code, message } = &error {
                    tracing::warn!(delivery = %delivery.id, channel = %delivery.channel, status, code, words = message,
                        "Discord refuses an announcement");
                }
                Attempt::vain(meaning(error))
            }
        }
    }

    /// Whether Discord knows an announcement again that is sent once more.
    pub(super) fn recognises(&self, delivery: &Delivery) -> bool {
        !self.rest.is_forum(delivery.channel)
    }

    /// Edits an announcement.
    pub(super) async fn revise(
        &self,
        revision: &Revision,
        message: &Message,
        is_wanted: impl Future<Output = bool>,
    ) -> Revised {
        let Revision { channel, message: id, .. } = *revision;
        let mut edited = self.rest.edit_message(channel, id, message, is_wanted).await;
        if self.comes_back(channel, &mut edited).await {
            edited = self.rest.edit_message(channel, id, message, std::future::ready(true)).await;
        }
        revised(revision, edited)
    }

    /// Deletes an announcement: a post with all that was written in it, if the bot may.
    pub(super) async fn retract(
        &self,
        revision: &Revision,
        is_wanted: impl Future<Output = bool>,
    ) -> Revised {
        let Revision { channel, message, .. } = *revision;
        let mut deleted = if revision.is_post() {
            let deleted = self.rest.delete_thread(channel, is_wanted).await;
            if !matches!(deleted, Err(DiscordError::Refused { code: 50001 | 50013, .. })) {
                return revised(revision, deleted);
            }
            self.rest.delete_message(channel, message, std::future::ready(true)).await
        } else {
            self.rest.delete_message(channel, message, is_wanted).await
        };
        if self.comes_back(channel, &mut deleted).await {
            deleted = self.rest.delete_message(channel, message, std::future::ready(true)).await;
        }
        revised(revision, deleted)
    }

    /// Brings a thread back if that is what a change was refused for, and says whether it is back. If it cannot be, that is
    /// what has become of the change.
    async fn comes_back(&self, thread: ChannelId, changed: &mut Result<(), DiscordError>) -> bool {
        if !matches!(changed, Err(DiscordError::Refused { code: ARCHIVED, .. })) {
            return false;
        }
        let back = self.rest.unarchive(thread).await;
        let is_back = back.is_ok();
        if !is_back {
            *changed = back;
        }
        is_back
    }

    /// Publishes an announcement.
    pub(super) async fn publish(
        &self,
        publication: &Publication,
        is_wanted: impl Future<Output = bool>,
    ) -> Revised {
        match self.rest.crosspost(publication.channel, publication.message, is_wanted).await {
            Ok(()) | Err(DiscordError::Refused { code: ALREADY_PUBLISHED, .. }) => Revised::Done,
            Err(error) => meaning_for_edit(error),
        }
    }

    /// Begins nothing more.
    pub(super) fn stop(&self) {
        self.rest.stop();
    }

    /// Looks whether a channel takes announcements.
    pub(super) async fn examine(&self, route: Route) -> Examined {
        match self.access(route.guild, route.channel).await {
            Ok(access) => match access.closed() {
                Some((refusal, missing)) => Examined::Closed { refusal, missing },
                None if access.requires_tag() => Examined::OpenWithTag,
                None => Examined::Open,
            },
            Err(error) => Examined::Unknown(error.to_string()),
        }
    }

    /// Where a server reads what concerns the bot: the channel for Discord's own messages.
    pub(super) async fn place_for_notices(&self, guild: GuildId) -> Result<Option<ChannelId>, String> {
        self.rest.system_channel(guild).await.map_err(|error| error.to_string())
    }

    /// Tells the admins something in a channel.
    pub(super) async fn tell(&self, channel: ChannelId, message: &Message, nonce: &str) -> Told {
        let queueing = Queueing { line: Line::Errand, not_after: None };
        match self.rest.create_message(channel, message, nonce, queueing, std::future::ready(true)).await {
            Ok(_) => Told::There,
            Err(error) => match meaning(error) {
                Outcome::Delivered(_) => Told::There,
                Outcome::RetryAfter { asked, why, .. } => Told::Later { asked, why },
                Outcome::Unauthorized => {
                    Told::Later { asked: None, why: "Discord refuses the token".to_owned() }
                }
                _ => Told::Refused,
            },
        }
    }

    /// What the bot may do in a channel; nobody waits for it.
    pub(super) async fn access(&self, guild: GuildId, channel: ChannelId) -> Result<Access, DiscordError> {
        self.rest.access(Member { guild, user: self.bot }, channel, Line::Errand).await
    }
}

/// When a message was posted, as its id tells.
pub(super) fn posted_at(message: MessageId) -> Timestamp {
    let millis = i64::try_from(message.get() >> 22).unwrap_or(i64::MAX);
    Timestamp::from_millis(millis.saturating_add(DISCORD_EPOCH))
}

/// What became of a change to an announcement. A post that somebody has deleted is gone with its channel, and so
/// are the replies in it.
fn revised(revision: &Revision, changed: Result<(), DiscordError>) -> Revised {
    match changed {
        Ok(()) => Revised::Done,
        Err(DiscordError::Refused { code: 10003, .. }) if revision.is_post() || revision.is_reply => {
            Revised::Gone
        }
        Err(error) => meaning_for_edit(error),
    }
}

/// What an error means for an edit (Discord, Opcodes and Status Codes, "JSON Error Codes").
fn meaning_for_edit(error: DiscordError) -> Revised {
    match error {
        DiscordError::Refused { code: 10008, .. } => Revised::Gone,
        DiscordError::Refused { code: EDITED_TOO_OFTEN, message, .. } => {
            Revised::Later { asked: Some(EDITS_USED_UP), why: message }
        }
        error => match meaning(error) {
            // An edit that may have been made is made again: that changes nothing.
            Outcome::RetryAfter { asked, why, .. } => Revised::Later { asked, why },
            Outcome::Unauthorized => Revised::Unauthorized,
            Outcome::Refused(refusal) => Revised::Refused(refusal),
            Outcome::Delivered(_) | Outcome::Skipped | Outcome::KeptBack | Outcome::Over => Revised::Done,
        },
    }
}

/// What an error means for a delivery (Discord, Opcodes and Status Codes, "JSON Error Codes").
#[must_use]
pub fn meaning(error: DiscordError) -> Outcome {
    match error {
        DiscordError::Unauthorized => Outcome::Unauthorized,
        DiscordError::RateLimited { wait } => Outcome::RetryAfter {
            asked: Some(wait),
            why: "Discord wants a pause".to_owned(),
            perhaps_done: false,
        },
        DiscordError::Halted { wait } => Outcome::RetryAfter {
            asked: Some(wait),
            why: "too many requests were refused, so all sending has stopped for a while".to_owned(),
            perhaps_done: false,
        },
        // What it is now, taken back or over, is found out when it is settled.
        DiscordError::Unwanted => Outcome::RetryAfter {
            asked: Some(Duration::ZERO),
            why: "it was no longer owed when its turn came".to_owned(),
            perhaps_done: false,
        },
        DiscordError::Stopping => Outcome::RetryAfter {
            asked: Some(Duration::ZERO),
            why: "the bot was stopped before its turn came".to_owned(),
            perhaps_done: false,
        },
        DiscordError::Unavailable { why, perhaps_done } => {
            Outcome::RetryAfter { asked: None, why, perhaps_done }
        }
        DiscordError::Refused { status, code, message } => refused(status, code, message),
    }
}

fn refused(status: u16, code: u64, message: String) -> Outcome {
    let later = |why: String| Outcome::RetryAfter { asked: None, why, perhaps_done: false };
    Outcome::Refused(match (status, code) {
        (_, 50014) => return Outcome::Unauthorized,
        // The nonce is known, but the message is gone: it was delivered, and somebody has deleted it.
        (_, 10008) => return Outcome::Delivered(None),
        // Limits of the channel or of the service that pass: slow mode, write limits, overload, too many open threads.
        (_, 20016 | 20022 | 20028 | 20029 | 40062 | 110_001 | 130_000 | 160_006) | (408, _) => {
            return later(message);
        }
        (_, 10003) => Refusal::UnknownChannel,
        (_, 10004) => Refusal::UnknownGuild,
        (_, 50001) => Refusal::MissingAccess,
        (_, 50013) => Refusal::MissingPermission,
        (_, 50008 | 50024 | 40058) => Refusal::WrongKindOfChannel,
        (_, 40067) => Refusal::TagRequired,
        (_, 160_005) => Refusal::LockedThread,
        (_, 200_000 | 240_000) => Refusal::BlockedByServer,
        (_, 50035 | 50006) => Refusal::InvalidMessage,
        // A refusal without a code is not Discord's but that of something before it: a proxy, or Cloudflare, which has a
        // code of its own as well.
        (_, 0 | 40333) => return later(format!("refused with {status}, without a reason")),
        (403, _) => Refusal::Forbidden,
        _ => Refusal::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: u64, expected: &Outcome) {
        let outcome = meaning(DiscordError::Refused { status, code, message: "why".to_owned() });
        assert_eq!(outcome, *expected, "{status}, code {code}");
    }

    #[test]
    fn a_refusal_that_lasts_ends_the_delivery_or_pauses_the_route() {
        check(404, 10003, &Outcome::Refused(Refusal::UnknownChannel));
        check(404, 10004, &Outcome::Refused(Refusal::UnknownGuild));
        check(403, 50001, &Outcome::Refused(Refusal::MissingAccess));
        check(403, 50013, &Outcome::Refused(Refusal::MissingPermission));
        for code in [50008, 50024, 40058] {
            check(400, code, &Outcome::Refused(Refusal::WrongKindOfChannel));
        }
        check(400, 40067, &Outcome::Refused(Refusal::TagRequired));
        check(403, 160_005, &Outcome::Refused(Refusal::LockedThread));
        for code in [200_000, 240_000] {
            check(400, code, &Outcome::Refused(Refusal::BlockedByServer));
        }
        check(400, 50035, &Outcome::Refused(Refusal::InvalidMessage));
        check(403, 50009, &Outcome::Refused(Refusal::Forbidden));
        check(400, 999_999, &Outcome::Refused(Refusal::Other));
    }

    #[test]
    fn a_refusal_that_passes_does_not() {
        let retry = |why: &str| Outcome::RetryAfter { asked: None, why: why.to_owned(), perhaps_done: false };
        for code in [20016, 20022, 20028, 20029, 40062, 110_001, 130_000, 160_006] {
            check(400, code, &retry("why"));
        }
        check(403, 0, &retry("refused with 403, without a reason"));
        check(403, 40333, &retry("refused with 403, without a reason"));
    }

    #[test]
    fn a_known_nonce_without_its_message_was_delivered() {
        check(404, 10008, &Outcome::Delivered(None));
    }

    fn check_edit(status: u16, code: u64, expected: &Revised) {
        let revised = meaning_for_edit(DiscordError::Refused { status, code, message: "why".to_owned() });
        assert_eq!(revised, *expected, "{status}, code {code}");
    }

    #[test]
    fn an_edit_is_refused_for_good_or_for_a_while() {
        let later = |asked| Revised::Later { asked, why: "why".to_owned() };
        check_edit(404, 10008, &Revised::Gone);
        check_edit(429, EDITED_TOO_OFTEN, &later(Some(Duration::from_hours(1))));
        check_edit(400, 20028, &later(None));
        check_edit(403, 50001, &Revised::Refused(Refusal::MissingAccess));
        check_edit(403, 50005, &Revised::Refused(Refusal::Forbidden));
        check_edit(400, 50035, &Revised::Refused(Refusal::InvalidMessage));
        check_edit(401, 50014, &Revised::Unauthorized);
        let unsure = DiscordError::Unavailable { why: "no answer".to_owned(), perhaps_done: true };
        let why = "no answer".to_owned();
        assert_eq!(meaning_for_edit(unsure), Revised::Later { asked: None, why });
    }

    #[test]
    fn a_refused_token_is_everybodys_matter() {
        check(401, 50014, &Outcome::Unauthorized);
        assert_eq!(meaning(DiscordError::Unauthorized), Outcome::Unauthorized);
    }

    #[test]
    fn a_message_tells_its_age() {
        // The example of Discord, Reference, "Snowflakes".
        let message = MessageId::new(175_928_847_299_117_063).expect("an id");
        assert_eq!(posted_at(message), Timestamp::from_millis(1_462_015_105_796));
    }
}
