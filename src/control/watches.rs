//! Watching: set the channel, add a streamer, remove one.

use super::wish::{Setting, Wish};
use super::{Asker, CHECK_PATIENCE, Control, Denied, MAX_WATCHES, SUGGESTION_PATIENCE, TWITCH_PATIENCE};
use crate::discord::{Access, ForumTag, Line, Member};
use crate::domain::{
    ChannelId, GuildId, Login, Mention, NewWatch, Permissions, Preferences, Profile, Refusal, Route,
    WatchKey, text,
};
use crate::store;
use crate::twitch::Urgency;

/// Suggestions that Discord shows (Discord, Application Commands, "Autocomplete").
pub(super) const MAX_SUGGESTIONS: usize = 25;

/// Shorter beginnings match half of Twitch.
const SHORTEST_SEARCH: usize = 2;

/// What the bot may do in a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelCheck {
    /// As Discord says.
    Known(Access),
    /// Discord did not say in time.
    Unknown,
}

impl ChannelCheck {
    /// Why nothing can be announced there, with the rights that are missing; nothing as far as is known.
    #[must_use]
    pub fn closed(self) -> Option<(Refusal, Permissions)> {
        match self {
            Self::Known(access) => access.closed(),
            Self::Unknown => None,
        }
    }

    /// Whether it is a forum.
    #[must_use]
    pub fn is_forum(self) -> bool {
        matches!(self, Self::Known(access) if access.is_forum())
    }

    /// Whether it is a forum that wants a tag on every post.
    #[must_use]
    pub fn requires_tag(self) -> bool {
        matches!(self, Self::Known(access) if access.requires_tag())
    }
}

/// What is seen of the channel in which announcements are wanted, if there is one.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What the bot may do there.
    pub(super) check: Option<ChannelCheck>,
    /// Whether whom announcements mention is notified by that; nothing while that is not known.
    pub(super) may_mention: Option<bool>,
    /// The tags that posts may have there; none where there are no posts.
    pub(super) tags: Vec<ForumTag>,
}

/// The channel is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetChannel {
    /// The channel.
    pub channel: ChannelId,
    /// What the bot may do there.
    pub check: ChannelCheck,
}

/// The streamer is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Added {
    /// Who.
    pub profile: Profile,
    /// Where announcements go.
    pub channel: ChannelId,
    /// Whether the streamer was watched before this.
    pub was_there: bool,
    /// Whether a watch that was there has another channel now.
    pub moved: bool,
    /// What the bot may do in the channel, when one was given.
    pub check: Option<ChannelCheck>,
}

/// The streamer is no longer watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Who.
    pub profile: Profile,
}

/// A streamer who may be meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// The name to show.
    pub name: String,
    /// What the command gets.
    pub login: Login,
}

impl Control {
    /// Sets where a server's announcements go, also those that wait. Missing rights do not prevent it, they are told.
    pub async fn set_channel(&self, asker: Asker, channel: ChannelId) -> Result<SetChannel, Denied> {
        asker.must_manage()?;
        self.store.set_channel(asker.guild, channel, asker.channel, self.clock.now()).await?;
        tracing::info!(guild = %asker.guild, %channel, by = %asker.user, "channel set");
        let check = self.check(asker.guild, channel).await;
        self.reopen(asker.guild, channel, check).await?;
        Ok(SetChannel { channel, check })
    }

    /// Watches a streamer, announced as wished. When the watch is there, this changes it.
    pub async fn add_streamer(&self, asker: Asker, typed: &str, wish: &Wish) -> Result<Added, Denied> {
        asker.must_manage()?;
        let login = Login::from_input(typed)?;
        let channel = wish.channel;
        let default = self.store.guild(asker.guild).await?.channel;
        let place = channel.or(default);
        // Somebody who is on the list with a channel of their own, and keeps it, needs no other.
        if place.is_none() {
            let gives_it_up = wish.reset.contains(&Setting::Channel);
            if gives_it_up || self.store.find_watched(asker.guild, login.clone()).await?.is_none() {
                return Err(Denied::NoChannel);
            }
        }
        let profile = self
            .helix
            .user(&login, Urgency::Interactive { within: TWITCH_PATIENCE })
            .await
            .map_err(|error| {
                tracing::warn!(%error, "a streamer could not be looked up");
                Denied::TwitchIsSilent
            })?
            .ok_or(Denied::UnknownStreamer(login))?;
        let wanted = self.read_wish(asker.guild, wish).await?;
        let key = WatchKey { guild: asker.guild, broadcaster: profile.broadcaster.clone() };
        if !wish.reset.is_empty() && self.store.watch(key.clone()).await?.is_some() {
            let reset = Wish { reset: wish.reset.clone(), ..Wish::default() };
            self.set_preferred(asker, Some(&profile), &reset, Preferences::default()).await?;
        }
        let watch = NewWatch { key, channel, by: asker.user, at: self.clock.now(), preferences: wanted };
        let added = self.store.add_watch(watch, profile.clone(), MAX_WATCHES).await?;
        let (place, was_there, moved) = match added {
            store::Added::New => (place, false, false),
            store::Added::AlreadyThere { channel, moved } => (channel.or(place), true, moved),
            store::Added::Full => return Err(Denied::Full),
        };
        let place = place.ok_or(Denied::NoChannel)?;
        let check = match channel {
            Some(channel) => {
                let check = self.check(asker.guild, channel).await;
                self.reopen(asker.guild, channel, check).await?;
                Some(check)
            }
            None => None,
        };
        tracing::info!(guild = %asker.guild, streamer = %profile.login, broadcaster = %profile.broadcaster, channel = %place,
            by = %asker.user, was_there, moved, "streamer added");
        Ok(Added { profile, channel: place, was_there, moved, check })
    }

    /// Stops watching a streamer, who may be named by a login of former days.
    pub async fn remove_streamer(&self, asker: Asker, typed: &str) -> Result<Removed, Denied> {
        asker.must_manage()?;
        let login = Login::from_input(typed)?;
        let found = self.store.find_watched(asker.guild, login.clone()).await?;
        let profile = found.ok_or_else(|| Denied::NotWatched(login.clone()))?;
        let key = WatchKey { guild: asker.guild, broadcaster: profile.broadcaster.clone() };
        if !self.store.remove_watch(key, self.clock.now()).await? {
            return Err(Denied::NotWatched(login));
        }
        tracing::info!(guild = %asker.guild, streamer = %profile.login, broadcaster = %profile.broadcaster,
            by = %asker.user, "streamer removed");
        Ok(Removed { profile })
    }

    /// Streamers on Twitch whose name begins so; none when Twitch is slow.
    pub async fn suggest_on_twitch(&self, typed: &str) -> Vec<Suggestion> {
        let Ok(beginning) = Login::from_input(typed) else { return Vec::new() };
        if beginning.as_str().len() < SHORTEST_SEARCH {
            return Vec::new();
        }
        let found = self.helix.search(beginning.as_str(), SUGGESTION_PATIENCE).await.unwrap_or_default();
        found.into_iter().take(MAX_SUGGESTIONS).map(|profile| suggestion(&profile)).collect()
    }

    /// Streamers of the server's own list whose login or name contains this.
    pub async fn suggest_watched(&self, guild: GuildId, typed: &str) -> Vec<Suggestion> {
        let typed = typed.trim().trim_start_matches('@').to_lowercase();
        let Ok(watched) = self.store.watched(guild).await else { return Vec::new() };
        watched
            .iter()
            .filter(|profile| {
                profile.login.as_str().contains(&typed)
                    || profile.display_name.to_lowercase().contains(&typed)
            })
            .take(MAX_SUGGESTIONS)
            .map(suggestion)
            .collect()
    }

    /// Somebody has just chosen that channel: what waits for it goes out now, unless the bot sees that it cannot.
    pub(super) async fn reopen(
        &self,
        guild: GuildId,
        channel: ChannelId,
        check: ChannelCheck,
    ) -> Result<(), Denied> {
        if check.closed().is_none() {
            self.store.resume_route(Route { guild, channel }, self.clock.now()).await?;
        }
        // What moved from a closed channel to this one is due as well.
        self.bells.outbox.notify_one();
        Ok(())
    }

    /// Looks at the channel in which announcements are wanted that mention these.
    pub(super) async fn look(&self, guild: GuildId, channel: Option<ChannelId>, mention: Mention) -> Looked {
        let Some(channel) = channel else { return Looked::default() };
        let (check, may_mention) =
            tokio::join!(self.check(guild, channel), self.may_mention(guild, channel, mention));
        let tags = if check.is_forum() { self.tags(channel).await } else { Vec::new() };
        Looked { check: Some(check), may_mention, tags }
    }

    /// The tags that posts of a forum may have, as far as Discord says in time.
    async fn tags(&self, forum: ChannelId) -> Vec<ForumTag> {
        let look = self.rest.forum_tags(forum, Line::Urgent);
        match tokio::time::timeout(CHECK_PATIENCE, look).await {
            Ok(Ok(tags)) => tags,
            Ok(Err(error)) => {
                tracing::warn!(channel = %forum, %error, "the tags of a forum could not be looked up");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// What the bot may do in a channel, as far as Discord says in time.
    pub(super) async fn check(&self, guild: GuildId, channel: ChannelId) -> ChannelCheck {
        let member = Member { guild, user: self.application.bot_user };
        let look = self.rest.access(member, channel, Line::Urgent);
        match tokio::time::timeout(CHECK_PATIENCE, look).await {
            Ok(Ok(access)) => ChannelCheck::Known(access),
            Ok(Err(error)) => {
                tracing::warn!(%guild, %channel, %error, "the rights in a channel could not be looked up");
                ChannelCheck::Unknown
            }
            Err(_) => ChannelCheck::Unknown,
        }
    }
}

fn suggestion(profile: &Profile) -> Suggestion {
    /// Longest name of a choice (Discord, Application Commands, "Choice Structure").
    const LONGEST: usize = 100;
    let shown = if profile.display_name.eq_ignore_ascii_case(profile.login.as_str()) {
        profile.display_name.clone()
    } else {
        format!("{} ({})", profile.display_name, profile.login)
    };
    Suggestion { name: text::cut(&shown, LONGEST), login: profile.login.clone() }
}
