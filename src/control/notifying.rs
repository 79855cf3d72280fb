//! Members choose which streamers may ping them: by their name in a list, or with the role that announcements mention if the bot
//! gives that to whoever asks.

use std::collections::BTreeMap;

use super::{Control, Denied, Page};
use crate::domain::{
    BroadcasterId, Choice, GuildId, Mention, Preferences, Profile, RoleId, UserId, WatchKey,
};
use crate::store::Chosen;

/// A member who chooses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chooser {
    /// In which server.
    pub guild: GuildId,
    /// Who.
    pub user: UserId,
    /// The roles that they have, as Discord says.
    pub roles: Vec<RoleId>,
}

/// What a member has chosen of a streamer, and how it stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notified {
    /// Of whom.
    pub profile: Profile,
    /// What.
    pub choice: Choice,
    /// Whether it was otherwise before.
    pub changed: bool,
    /// How announcements reach the member, or why they still do.
    pub means: Means,
    /// Others of this server whose announcements mention the same role, by name.
    pub shared: Vec<Profile>,
}

/// How announcements reach a member, or do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// They mention the member by name, or nothing that would be the member.
    Name,
    /// The member has the role that they mention, or it was taken.
    Role(RoleId),
    /// They mention this, and that the bot cannot take from the member.
    Still(Mention),
    /// They mention a role that the bot could not take just now, because Discord does not answer.
    NotYet(RoleId),
}

/// What pings a member in a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notifications {
    /// Whose announcements do.
    pub on: Page<Pinging>,
    /// Whom else the member has turned off.
    pub off: Vec<Profile>,
}

/// A streamer whose announcements ping a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinging {
    /// Who.
    pub profile: Profile,
    /// With which role; by name when there is none.
    pub role: Option<RoleId>,
}

impl Control {
    /// A member has pressed the button: on becomes off, and off on.
    pub async fn toggle(&self, chooser: &Chooser, broadcaster: BroadcasterId) -> Result<Notified, Denied> {
        let key = WatchKey { guild: chooser.guild, broadcaster };
        let (profile, counts) = self.announced(&key).await?;
        must_offer(&counts)?;
        let set = self.store.choice(key, chooser.user).await?;
        let choice = match (chooser.has(&counts), set) {
            // It is off as far as the bot can turn it off.
            (Some(role), Some(Choice::Off)) if !self.gives(chooser.guild, role).await? => Choice::On,
            (Some(_), _) | (None, Some(Choice::On)) => Choice::Off,
            (None, _) => Choice::On,
        };
        self.choose(chooser, profile, &counts, choice).await
    }

    /// A member says what they want of a streamer, who may be named by a login of former days.
    pub async fn notify(&self, chooser: &Chooser, typed: &str, choice: Choice) -> Result<Notified, Denied> {
        let profile = self.watched(chooser.guild, typed).await?;
        let key = WatchKey { guild: chooser.guild, broadcaster: profile.broadcaster };
        let (profile, counts) = self.announced(&key).await?;
        must_offer(&counts)?;
        self.choose(chooser, profile, &counts, choice).await
    }

    /// A member turns some off. Whoever is not watched any more is passed over. What is off needs no button to stay so, so this
    /// works where the server offers none.
    pub async fn turn_off(
        &self,
        chooser: &mut Chooser,
        broadcasters: Vec<BroadcasterId>,
    ) -> Result<Vec<Notified>, Denied> {
        let mut done = Vec::new();
        for broadcaster in broadcasters {
            let key = WatchKey { guild: chooser.guild, broadcaster };
            let (profile, counts) = match self.announced(&key).await {
                Err(Denied::NoLongerWatched) => continue,
                found => found?,
            };
            let notified = self.choose(chooser, profile, &counts, Choice::Off).await?;
            if let Means::Role(taken) = notified.means {
                chooser.roles.retain(|role| *role != taken);
            }
            done.push(notified);
        }
        Ok(done)
    }

    /// What pings a member in a server, and what was turned off. Asks Discord nothing.
    pub async fn notifications(&self, chooser: &Chooser, page: usize) -> Result<Notifications, Denied> {
        let mut pinging = BTreeMap::new();
        let mut off = Vec::new();
        for (profile, role) in self.with_roles(chooser.guild, &chooser.roles).await? {
            pinging.insert(by_name(&profile), Pinging { profile, role: Some(role) });
        }
        for (profile, choice) in self.store.choices_of(chooser.guild, chooser.user).await? {
            let name = by_name(&profile);
            match choice {
                _ if pinging.contains_key(&name) => {}
                Choice::On => drop(pinging.insert(name, Pinging { profile, role: None })),
                Choice::Off => off.push(profile),
            }
        }
        Ok(Notifications { on: Page::of(pinging.into_values().collect(), page), off })
    }

    /// Forgets whatever a person has chosen, in every server. Returns how much that was.
    pub async fn forget_person(&self, user: UserId) -> Result<usize, Denied> {
        let forgotten = self.store.forget_person(user).await?;
        tracing::info!(forgotten, "what a person has chosen is forgotten");
        Ok(forgotten)
    }

    /// A streamer of a server's list, and how it is announced.
    async fn announced(&self, key: &WatchKey) -> Result<(Profile, Preferences), Denied> {
        let watch = self.store.watch(key.clone()).await?.ok_or(Denied::NoLongerWatched)?;
        let of_all = self.store.guild(key.guild).await?.preferences;
        Ok((watch.profile, watch.preferences.over(of_all)))
    }

    async fn choose(
        &self,
        chooser: &Chooser,
        profile: Profile,
        counts: &Preferences,
        choice: Choice,
    ) -> Result<Notified, Denied> {
        let key = WatchKey { guild: chooser.guild, broadcaster: profile.broadcaster.clone() };
        let (changed, means) = match choice {
            Choice::On => self.turn_one_on(chooser, key, counts).await?,
            Choice::Off => self.turn_one_off(chooser, key, counts).await?,
        };
        // No log names members.
        tracing::debug!(guild = %chooser.guild, streamer = %profile.login, ?choice, changed, ?means, "a member has chosen");
        let role = match means {
            Means::Role(role) | Means::Still(Mention::Role(role)) | Means::NotYet(role) => Some(role),
            Means::Name | Means::Still(_) => None,
        };
        let mut shared = Vec::new();
        if let Some(role) = role {
            let all = self.with_roles(chooser.guild, &[role]).await?;
            shared.extend(all.into_iter().map(|(profile, _)| profile));
            shared.retain(|other| other.broadcaster != profile.broadcaster);
        }
        Ok(Notified { profile, choice, changed, means, shared })
    }

    async fn turn_one_on(
        &self,
        chooser: &Chooser,
        key: WatchKey,
        counts: &Preferences,
    ) -> Result<(bool, Means), Denied> {
        let (guild, user) = (chooser.guild, chooser.user);
        // Who has the role is not mentioned by name as well: the role says it all.
        if let Some(role) = chooser.has(counts) {
            let was = self.store.unchoose(key, user).await?;
            return Ok((was == Some(Choice::Off), Means::Role(role)));
        }
        if let Some(Mention::Role(role)) = counts.mention
            && self.gives(guild, role).await?
            && self.change_role((guild, user), role, true).await?
        {
            self.store.unchoose(key, user).await?;
            return Ok((true, Means::Role(role)));
        }
        match self.store.choose(key, user, Choice::On, self.clock.now()).await? {
            Chosen::Full => Err(Denied::TooManyToMention),
            Chosen::NotWatched => Err(Denied::NoLongerWatched),
            chosen => Ok((chosen == Chosen::Changed, Means::Name)),
        }
    }

    /// Whatever becomes of the role, it is remembered that this member is not to be mentioned by name.
    async fn turn_one_off(
        &self,
        chooser: &Chooser,
        key: WatchKey,
        counts: &Preferences,
    ) -> Result<(bool, Means), Denied> {
        let (guild, user) = (chooser.guild, chooser.user);
        let changed = match self.store.choose(key, user, Choice::Off, self.clock.now()).await? {
            Chosen::NotWatched => return Err(Denied::NoLongerWatched),
            chosen => chosen == Chosen::Changed,
        };
        if let Some(role) = chooser.has(counts) {
            let taken = async {
                Ok(self.gives(guild, role).await? && self.change_role((guild, user), role, false).await?)
            };
            return match taken.await {
                Ok(true) => Ok((true, Means::Role(role))),
                Ok(false) => Ok((changed, Means::Still(Mention::Role(role)))),
                Err(Denied::DiscordIsSilent) => Ok((changed, Means::NotYet(role))),
                Err(denied) => Err(denied),
            };
        }
        let means = match counts.mention.unwrap_or_default() {
            all @ (Mention::Here | Mention::Everyone) => Means::Still(all),
            Mention::Nobody | Mention::Role(_) => Means::Name,
        };
        Ok((changed, means))
    }

    /// Who of a server's streamers is announced with a mention of one of these roles, by name.
    async fn with_roles(&self, guild: GuildId, roles: &[RoleId]) -> Result<Vec<(Profile, RoleId)>, Denied> {
        if roles.is_empty() {
            return Ok(Vec::new());
        }
        let watched = self.store.watched(guild).await?;
        let key = |profile: &Profile| WatchKey { guild, broadcaster: profile.broadcaster.clone() };
        let wanted = self.store.watches(watched.iter().map(key).collect()).await?;
        let mentioned: BTreeMap<_, _> = wanted
            .into_iter()
            .filter_map(|watch| match watch.preferences.mention {
                Some(Mention::Role(role)) if roles.contains(&role) => Some((watch.key.broadcaster, role)),
                _ => None,
            })
            .collect();
        let with = |profile: Profile| {
            let role = *mentioned.get(&profile.broadcaster)?;
            Some((profile, role))
        };
        Ok(watched.into_iter().filter_map(with).collect())
    }
}

impl Chooser {
    /// The role that announcements mention, if the member has it.
    fn has(&self, counts: &Preferences) -> Option<RoleId> {
        match counts.mention {
            Some(Mention::Role(role)) => Some(role).filter(|role| self.roles.contains(role)),
            _ => None,
        }
    }
}

/// Whether members of this server choose at all. Announcements of former days still have the button.
fn must_offer(counts: &Preferences) -> Result<(), Denied> {
    if counts.notify == Some(false) { Err(Denied::NotOffered) } else { Ok(()) }
}

/// Where a streamer stands in a list.
fn by_name(profile: &Profile) -> (String, BroadcasterId) {
    (profile.display_name.to_lowercase(), profile.broadcaster.clone())
}
