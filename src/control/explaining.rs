//! Explaining: why an announcement came, or did not, and whether one could be made now.

use std::time::Duration;

use super::{Asker, ChannelCheck, Control, Denied};
use crate::discord::{Announcing, DiscordError, Line, Queueing};
use crate::domain::{
    ChannelId, GuildId, Login, MessageId, Pause, Permissions, Preferences, Profile, Refusal, Route,
    Timestamp, WatchKey,
};
use crate::render;
use crate::store::{Account, LiveNow, WatchState};

/// How long a test may take. The command has answered "thinking…" by then, so this is about patience.
const TEST_PATIENCE: Duration = Duration::from_secs(10);

/// How much of it a test may wait for its turn. Whatever has not gone out by then surely does not; the rest is for the answer.
const TURN_PATIENCE: Duration = Duration::from_secs(7);

/// When to try again if nobody says when.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// Everything about one streamer in one server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Why {
    /// Who.
    pub profile: Profile,
    /// Since when the server watches.
    pub watched_since: Timestamp,
    /// Since when Twitch does not know the account.
    pub unavailable_since: Option<Timestamp>,
    /// Where announcements go.
    pub channel: Option<ChannelId>,
    /// Why that channel takes nothing, if so.
    pub pause: Option<Pause>,
    /// How its announcements are wanted.
    pub preferences: Preferences,
    /// The stream, if it is on.
    pub live: Option<LiveNow>,
    /// The last session that is remembered, and what became of it here.
    pub account: Option<Account>,
    /// When Twitch was last looked at, if it was since the start.
    pub looked_at: Option<Timestamp>,
    /// How long a stream may be gone before its session is over.
    pub grace: Duration,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tested {
    /// The sample stands there.
    Posted {
        /// Where.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// It was refused.
    Refused {
        /// Where.
        channel: ChannelId,
        /// Why, with what to do about it.
        why: String,
    },
    /// It was not sent, which is surely so.
    NotSent {
        /// Where it was to go.
        channel: ChannelId,
        /// Why not.
        why: &'static str,
        /// When to try again; nothing when that alone does not help.
        again_at: Option<Timestamp>,
    },
    /// Nobody knows whether it stands there: Discord did not answer in time, or with an error of its own.
    NoAnswer {
        /// Where.
        channel: ChannelId,
    },
}

impl Control {
    /// Everything about a streamer of a server's list, who may be named by a login of former days.
    pub async fn why(&self, guild: GuildId, typed: &str) -> Result<Why, Denied> {
        let profile = self.watched(guild, typed).await?;
        let key = WatchKey { guild, broadcaster: profile.broadcaster.clone() };
        let watch = self.store.watch(key.clone()).await?;
        let WatchState { added_at, unavailable_since, channel, preferences, .. } =
            watch.ok_or_else(|| Denied::NotWatched(profile.login.clone()))?;
        let pause = match channel {
            Some(channel) => self.store.pause_of(Route { guild, channel }).await?,
            None => None,
        };
        Ok(Why {
            watched_since: added_at,
            unavailable_since,
            channel,
            pause,
            preferences: preferences.over(self.store.guild(guild).await?.preferences),
            live: self.store.board().live(&profile.broadcaster),
            account: self.store.account_of(key).await?,
            looked_at: self.store.board().looked_at(),
            grace: self.grace,
            profile,
        })
    }

    /// Posts a sample where announcements go: those of a streamer, or the server's.
    pub async fn test(&self, asker: Asker, typed: Option<&str>) -> Result<Tested, Denied> {
        asker.must_manage()?;
        let server = self.store.guild(asker.guild).await?;
        let (profile, channel, preferences) = match typed {
            Some(typed) => {
                let profile = self.watched(asker.guild, typed).await?;
                let (channel, own) = self.wishes_for(asker.guild, &profile).await?;
                (Some(profile), channel, own.over(server.preferences))
            }
            None => (None, server.channel, server.preferences),
        };
        let channel = channel.ok_or(Denied::NoChannel)?;
        let now = self.clock.now();
        let sample = render::sample(profile.as_ref(), &preferences, now);
        // Every test is one of its own; Discord compares the nonces of a bot over all its servers.
        let nonce = format!("t{:x}-{:x}", now.as_millis(), asker.guild.get() & 0xff_ffff_ffff);
        let queueing = Queueing { line: Line::Urgent, not_after: Some(now.after(TURN_PATIENCE)) };
        let title = profile.as_ref().map_or("This is a test", |profile| profile.display_name.as_str());
        let wanted = Announcing {
            channel,
            message: &sample,
            nonce: &nonce,
            title,
            tag: preferences.forum_tag,
            is_repeated: false,
        };
        let posting = self.rest.announce(wanted, queueing, std::future::ready(true));
        let tested = match tokio::time::timeout(TEST_PATIENCE, posting).await {
            Ok(Ok(posted)) => {
                let route = Route { guild: asker.guild, channel };
                if self.store.resume_route(route, self.clock.now()).await? > 0 {
                    self.bells.outbox.notify_one();
                }
                Tested::Posted { channel: posted.channel, message: posted.id }
            }
            Ok(Err(DiscordError::Refused { code, message, .. })) => {
                let why = self.reason(asker.guild, channel, code, &message).await;
                Tested::Refused { channel, why }
            }
            Ok(Err(error)) => match unsent(&error) {
                Some((why, wait)) => {
                    let again_at = wait.map(|wait| self.clock.now().after(wait));
                    Tested::NotSent { channel, why, again_at }
                }
                None => Tested::NoAnswer { channel },
            },
            Err(_) => Tested::NoAnswer { channel },
        };
        tracing::info!(guild = %asker.guild, by = %asker.user, ?tested, "tested a channel");
        Ok(tested)
    }

    pub(super) async fn watched(&self, guild: GuildId, typed: &str) -> Result<Profile, Denied> {
        let login = Login::from_input(typed)?;
        self.store.find_watched(guild, login.clone()).await?.ok_or(Denied::NotWatched(login))
    }

    /// Where a streamer of a server's list is announced, and what is wanted for this one alone.
    async fn wishes_for(
        &self,
        guild: GuildId,
        profile: &Profile,
    ) -> Result<(Option<ChannelId>, Preferences), Denied> {
        let key = WatchKey { guild, broadcaster: profile.broadcaster.clone() };
        let watch = self.store.watch(key).await?;
        Ok(watch.map_or((None, Preferences::default()), |watch| (watch.channel, watch.preferences)))
    }

    /// Why a channel refuses, from what the bot may do there, else in Discord's own words.
    async fn reason(&self, guild: GuildId, channel: ChannelId, code: u64, words: &str) -> String {
        /// Discord's code for a post without a tag in a forum that wants one.
        const TAG_REQUIRED: u64 = 40067;
        let check = self.check(guild, channel).await;
        if code == TAG_REQUIRED {
            return render::closed(channel, Refusal::TagRequired, Permissions::default());
        }
        if let Some((refusal, missing)) = check.closed() {
            return render::closed(channel, refusal, missing);
        }
        let looks = if check == ChannelCheck::Unknown { "" } else { "My permissions there look right. " };
        format!("{looks}Discord's words: {words} (code {code}).")
    }
}

/// Why a message surely did not go out, and how soon to try again; nothing when it may have.
fn unsent(error: &DiscordError) -> Option<(&'static str, Option<Duration>)> {
    Some(match error {
        DiscordError::RateLimited { wait } if wait.is_zero() => {
            ("Discord takes no more messages from me at the moment", Some(TRY_AGAIN))
        }
        DiscordError::RateLimited { wait } => ("Discord wants a pause", Some(*wait)),
        DiscordError::Halted { wait } => {
            ("so many of my requests were refused lately that I send nothing for a while", Some(*wait))
        }
        DiscordError::Stopping => ("I am about to stop", Some(TRY_AGAIN)),
        DiscordError::Unauthorized => ("Discord refuses my token, and whoever runs me has to renew it", None),
        DiscordError::Unavailable { perhaps_done: false, .. } => {
            ("Discord cannot be reached", Some(TRY_AGAIN))
        }
        DiscordError::Unavailable { perhaps_done: true, .. }
        | DiscordError::Refused { .. }
        | DiscordError::Unwanted => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &DiscordError, expected: Option<(&str, Option<u64>)>) {
        let found = unsent(error).map(|(why, wait)| (why, wait.map(|wait| wait.as_secs())));
        match (found, expected) {
            (Some((why, wait)), Some((words, seconds))) => {
                assert!(why.contains(words) && wait == seconds, "{error}: {why}, {wait:?}");
            }
            (found, expected) => assert_eq!(found, expected, "{error}"),
        }
    }

    #[test]
    fn what_surely_did_not_go_out_is_told_so() {
        let seconds = Duration::from_secs;
        check(&DiscordError::RateLimited { wait: seconds(30) }, Some(("wants a pause", Some(30))));
        check(&DiscordError::RateLimited { wait: Duration::ZERO }, Some(("no more messages", Some(60))));
        check(&DiscordError::Halted { wait: seconds(300) }, Some(("refused lately", Some(300))));
        check(&DiscordError::Unauthorized, Some(("refuses my token", None)));
        let unavailable = |perhaps_done| DiscordError::Unavailable { why: "why".to_owned(), perhaps_done };
        check(&unavailable(false), Some(("cannot be reached", Some(60))));
        check(&unavailable(true), None);
    }
}
