//! How announcements are wanted: for a server, and otherwise for one of its streamers.

use super::watches::Looked;
use super::wish::{self, Setting, Wish};
use super::{
    Asker, CHECK_PATIENCE, ChannelCheck, Control, Denied, ForumTag, SUGGESTION_PATIENCE, TWITCH_PATIENCE,
};
use crate::discord::permissions::Giving;
use crate::discord::{Line, Member};
use crate::domain::{
    BroadcasterId, Category, ChannelId, GuildId, Mention, Preferences, Profile, Refusal, Route, WatchKey,
    text,
};
use crate::render;
use crate::store::{Placing, WatchState};
use crate::twitch::Urgency;

/// Categories that are named when none is meant exactly.
const NEAR_MISSES: usize = 5;

/// Longest value of a choice (Discord, Application Commands, "Choice Structure").
const LONGEST_CHOICE: usize = 100;

/// Of whose announcements something is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// All of the server, unless something else is set for a streamer.
    Server,
    /// A streamer's, who may be named by a login of former days.
    Streamer(String),
    /// A streamer's, by the account.
    Account(BroadcasterId),
}

/// How announcements are wanted, and what is wrong with that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preferred {
    /// Whose; nobody when it is about all of the server.
    pub streamer: Option<Profile>,
    /// Where they go.
    pub channel: Option<ChannelId>,
    /// Whether that is set here, and not taken over from the server.
    pub has_own_channel: bool,
    /// What is set here.
    pub own: Preferences,
    /// What counts, with what is taken over from the server.
    pub counts: Preferences,
    /// What the bot may do in the channel, if one is set.
    pub check: Option<ChannelCheck>,
    /// Whether whom announcements mention is notified by that; nothing while that is not known.
    pub may_mention: Option<bool>,
    /// Whether members are given the role that announcements mention when they ask to be; nothing when that is no role, when
    /// they are not asked, and while it is not known.
    pub giving: Option<Giving>,
    /// The tags that posts may have in the channel, if it is a forum.
    pub tags: Vec<ForumTag>,
}

impl Control {
    /// Shows how announcements are wanted.
    pub async fn preferred(&self, asker: Asker, whose: &Whose) -> Result<Preferred, Denied> {
        asker.must_manage()?;
        let streamer = self.whose(asker.guild, whose).await?;
        self.show_preferred(asker.guild, streamer).await
    }

    /// What is set, without what is taken over and without asking Discord anything.
    pub async fn set_preferences(&self, asker: Asker, whose: &Whose) -> Result<Preferences, Denied> {
        asker.must_manage()?;
        match self.whose(asker.guild, whose).await? {
            None => Ok(self.store.guild(asker.guild).await?.preferences),
            Some(profile) => {
                let key = WatchKey { guild: asker.guild, broadcaster: profile.broadcaster };
                let watch = self.store.watch(key).await?;
                Ok(watch.ok_or(Denied::NoLongerWatched)?.preferences)
            }
        }
    }

    /// Changes how announcements are wanted. Everything is checked before anything is changed.
    pub async fn prefer(&self, asker: Asker, whose: &Whose, wish: &Wish) -> Result<(), Denied> {
        asker.must_manage()?;
        let streamer = self.whose(asker.guild, whose).await?;
        let wanted = self.read_wish(asker.guild, wish).await?;
        self.set_preferred(asker, streamer.as_ref(), wish, wanted).await
    }

    pub(super) async fn whose(&self, guild: GuildId, whose: &Whose) -> Result<Option<Profile>, Denied> {
        Ok(match whose {
            Whose::Server => None,
            Whose::Streamer(typed) => Some(self.watched(guild, typed).await?),
            Whose::Account(broadcaster) => {
                let key = WatchKey { guild, broadcaster: broadcaster.clone() };
                let watch = self.store.watch(key).await?;
                Some(watch.ok_or(Denied::NoLongerWatched)?.profile)
            }
        })
    }

    /// What a wish comes to, if all of it can be meant.
    pub(super) async fn read_wish(&self, guild: GuildId, wish: &Wish) -> Result<Preferences, Denied> {
        let mut wanted = wish.read(guild)?;
        wanted.only_category = self.categories(Setting::OnlyCategory, wish.only_category.as_deref()).await?;
        wanted.never_category =
            self.categories(Setting::NeverCategory, wish.never_category.as_deref()).await?;
        Ok(wanted)
    }

    pub(super) async fn set_preferred(
        &self,
        asker: Asker,
        streamer: Option<&Profile>,
        wish: &Wish,
        wanted: Preferences,
    ) -> Result<(), Denied> {
        let resets = wish.reset.clone();
        let channel = match wish.channel {
            None if resets.contains(&Setting::Channel) => Some(None),
            channel => channel.map(Some),
        };
        let placing = Placing { channel, asked_in: asker.channel, at: self.clock.now() };
        let change = move |preferences: &mut Preferences| {
            for setting in resets {
                setting.reset(preferences);
            }
            *preferences = wanted.over(std::mem::take(preferences));
        };
        let broadcaster = streamer.map(|profile| profile.broadcaster.clone());
        let set = self.store.change_preferences(asker.guild, broadcaster, placing, change).await?;
        if let (None, Some(profile)) = (set, streamer) {
            return Err(Denied::NotWatched(profile.login.clone()));
        }
        let of = streamer.map(|profile| profile.login.as_str());
        tracing::info!(guild = %asker.guild, by = %asker.user, streamer = of, ?wish, "preferences changed");
        if let Some(channel) = wish.channel {
            let check = self.check(asker.guild, channel).await;
            self.reopen(asker.guild, channel, check).await?;
        }
        if wish.forum_tag.is_some() {
            self.tag_is_chosen(asker.guild).await?;
        }
        Ok(())
    }

    /// What waits because a forum wants a tag is tried with the one that is chosen now.
    async fn tag_is_chosen(&self, guild: GuildId) -> Result<(), Denied> {
        for (channel, pause) in self.store.troubles(guild).await?.paused {
            if pause.refusal == Refusal::TagRequired {
                self.store.resume_route(Route { guild, channel }, self.clock.now()).await?;
            }
        }
        self.bells.outbox.notify_one();
        Ok(())
    }

    async fn show_preferred(&self, guild: GuildId, streamer: Option<Profile>) -> Result<Preferred, Denied> {
        let of_all = self.store.guild(guild).await?;
        let (channel, has_own_channel, own, counts) = match &streamer {
            None => {
                (of_all.channel, of_all.channel.is_some(), of_all.preferences.clone(), of_all.preferences)
            }
            Some(profile) => {
                let key = WatchKey { guild, broadcaster: profile.broadcaster.clone() };
                let watch = self.store.watch(key).await?;
                let WatchState { channel, own_channel, preferences, .. } =
                    watch.ok_or_else(|| Denied::NotWatched(profile.login.clone()))?;
                let counts = preferences.clone().over(of_all.preferences);
                (channel, own_channel.is_some(), preferences, counts)
            }
        };
        let mention = counts.mention.unwrap_or_default();
        let (looked, giving) = tokio::join!(self.look(guild, channel, mention), self.giving(guild, &counts));
        let Looked { check, may_mention, tags } = looked;
        Ok(Preferred { streamer, channel, has_own_channel, own, counts, check, may_mention, giving, tags })
    }

    /// Whether members are given the role that announcements mention, as it is now.
    pub(super) async fn giving(&self, guild: GuildId, counts: &Preferences) -> Option<Giving> {
        match counts.mention {
            Some(Mention::Role(role)) if counts.notify != Some(false) => {
                self.look_up_giving(guild, role, Line::Urgent).await
            }
            _ => None,
        }
    }

    /// Whether the bot's messages in a channel notify those whom announcements mention, as far as Discord says in time.
    pub(super) async fn may_mention(
        &self,
        guild: GuildId,
        channel: ChannelId,
        mention: Mention,
    ) -> Option<bool> {
        if mention == Mention::Nobody {
            return None;
        }
        let member = Member { guild, user: self.application.bot_user };
        let look = self.rest.may_mention(member, channel, mention, Line::Urgent);
        match tokio::time::timeout(CHECK_PATIENCE, look).await {
            Ok(Ok(may)) => Some(may),
            Ok(Err(error)) => {
                tracing::warn!(%guild, %channel, %error, "the right to mention could not be looked up");
                None
            }
            Err(_) => None,
        }
    }

    /// How announcements read with what is set, made by whatever makes the real ones.
    #[must_use]
    pub fn preview(&self, preferred: &Preferred) -> render::Message {
        render::preview(preferred.streamer.as_ref(), &preferred.counts, self.clock.now())
    }

    /// The categories that are meant, looked up on Twitch.
    async fn categories(
        &self,
        setting: Setting,
        typed: Option<&str>,
    ) -> Result<Option<Vec<Category>>, Denied> {
        let Some(typed) = typed else { return Ok(None) };
        // The name of a category may have a comma in it.
        if let Some(category) = self.category(typed.trim()).await?.0 {
            return Ok(Some(vec![category]));
        }
        let mut categories = Vec::new();
        for name in wish::entries(setting, typed)? {
            let (found, near) = self.category(&name).await?;
            let category = found.ok_or_else(|| Denied::Invalid { setting, why: unknown(&name, &near) })?;
            categories.push(category);
        }
        Ok(Some(categories))
    }

    /// The category of that name, or those whose names are like it.
    async fn category(&self, name: &str) -> Result<(Option<Category>, Vec<Category>), Denied> {
        let urgency = Urgency::Interactive { within: TWITCH_PATIENCE };
        let found = self.helix.categories(name, urgency).await.map_err(|error| {
            tracing::warn!(%error, "a category could not be looked up");
            Denied::TwitchIsSilent
        })?;
        let is_meant = |category: &&Category| category.name.to_lowercase() == name.to_lowercase();
        Ok((found.iter().find(is_meant).cloned(), found))
    }

    /// Categories on Twitch that continue what is typed, of which only what follows the last separator is not finished.
    pub async fn suggest_categories(&self, typed: &str) -> Vec<String> {
        let (done, rest) = wish::last_entry(typed);
        let Some(beginning) = text::filled(rest) else { return Vec::new() };
        let search = async |name: &str| {
            let search = self.helix.categories(name, Urgency::Background);
            let found = tokio::time::timeout(SUGGESTION_PATIENCE, search).await;
            found.ok().and_then(Result::ok).unwrap_or_default()
        };
        let (mut choices, found) = if done.is_empty() {
            (Vec::new(), search(beginning).await)
        } else {
            // The comma may be one of a name.
            let (whole, found) = tokio::join!(search(typed.trim()), search(beginning));
            let start = text::Folded::new(typed.trim());
            let goes_on =
                |category: &Category| text::Folded::new(&category.name).as_str().starts_with(start.as_str());
            (whole.into_iter().filter(goes_on).map(|category| category.name).collect(), found)
        };
        choices.extend(found.into_iter().map(|category| wish::with_entry(done, &category.name)));
        choices.retain(|choice: &String| choice.chars().count() <= LONGEST_CHOICE);
        choices.truncate(super::watches::MAX_SUGGESTIONS);
        choices
    }
}

fn unknown(name: &str, near: &[Category]) -> String {
    let name = text::escape_markdown(name);
    let near: Vec<_> =
        near.iter().take(NEAR_MISSES).map(|category| text::escape_markdown(&category.name)).collect();
    if near.is_empty() {
        return format!("Twitch has no category called {name}");
    }
    format!("Twitch has no category called {name}. It has {}", near.join("; "))
}
