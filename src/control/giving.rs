//! Roles that members ask for: whether the bot gives one, remembered for a moment, and doing it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Control, Denied};
use crate::discord::permissions::Giving;
use crate::discord::{DiscordError, Line, Member};
use crate::domain::{GuildId, RoleId, Timestamp, UserId};

/// How long a look-up may take. The person was told to wait by then, so this is about patience.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a change may take. Discord lets about ten through in ten seconds and in one server, so a crowd that presses at once
/// waits for its turns; what waits in the queue for a minute would be given back.
const PATIENCE_IN_A_CROWD: Duration = Duration::from_secs(50);

/// How long the answer of a look-up is believed. When somebody goes live, many press within a minute, and each would make three
/// requests; an admin who has just put a role right does not wait long.
const BELIEVED: Duration = Duration::from_secs(30);

/// How long no attempt is made after one that Discord refused though all looked right: it counts refused requests.
const REFUSED: Duration = Duration::from_mins(5);

/// Roles that are remembered at most; those beyond are looked up each time.
const MAX_ROLES: usize = 1_000;

/// Discord's codes for a member who is not there (any more): unknown member, unknown user.
const NOBODY: [u64; 2] = [10007, 10013];

/// A role of a server.
type Key = (GuildId, RoleId);

/// Servers whose roles are looked up at once at most. Two that share a place wait for each other, for as long as a look-up.
const PLACES: usize = 32;

/// What was found out about roles lately. All clones share it.
#[derive(Clone, Debug, Default)]
pub struct KnownRoles {
    known: Arc<Mutex<HashMap<Key, (Giving, Timestamp)>>>,
    /// Whoever looks something up holds a place: those who want to know the same wait, and find it known.
    places: Arc<[tokio::sync::Mutex<()>; PLACES]>,
}

impl KnownRoles {
    fn get(&self, key: Key, now: Timestamp) -> Option<Giving> {
        let known = self.lock();
        known.get(&key).filter(|(_, until)| *until > now).map(|(giving, _)| *giving)
    }

    fn keep(&self, key: Key, giving: Giving, now: Timestamp, time: Duration) {
        let mut known = self.lock();
        if known.len() >= MAX_ROLES {
            known.retain(|_, (_, until)| *until > now);
        }
        if known.len() < MAX_ROLES || known.contains_key(&key) {
            known.insert(key, (giving, now.after(time)));
        }
    }

    /// Where those who look up a server's roles wait for each other. Ids of servers differ most above their lowest 22 bits.
    fn place(&self, guild: GuildId) -> &tokio::sync::Mutex<()> {
        &self.places[usize::try_from(guild.get() >> 22).unwrap_or_default() % PLACES]
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (Giving, Timestamp)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Whether the bot gives that role to whoever asks for it, as it was a moment ago at most.
    pub(super) async fn gives(&self, guild: GuildId, role: RoleId) -> Result<bool, Denied> {
        let known = || self.known_roles.get((guild, role), self.clock.steady());
        if let Some(giving) = known() {
            return Ok(giving == Giving::May);
        }
        let look = async {
            let _place = self.known_roles.place(guild).lock().await;
            match known() {
                Some(giving) => Some(giving),
                // Crowds ask this, and no announcement is to wait for them.
                None => self.look_up_giving(guild, role, Line::Errand).await,
            }
        };
        let looked_up = tokio::time::timeout(PATIENCE, look).await.ok().flatten();
        let giving = looked_up.ok_or(Denied::DiscordIsSilent)?;
        Ok(giving == Giving::May)
    }

    /// Whether the bot gives that role, as it is now; nothing when Discord does not say in time.
    pub(super) async fn look_up_giving(&self, guild: GuildId, role: RoleId, line: Line) -> Option<Giving> {
        let bot = Member { guild, user: self.application.bot_user };
        match tokio::time::timeout(PATIENCE, self.rest.giving(bot, role, line)).await {
            Ok(Ok(giving)) => {
                self.known_roles.keep((guild, role), giving, self.clock.steady(), BELIEVED);
                Some(giving)
            }
            Ok(Err(error)) => {
                tracing::warn!(%guild, %role, %error, "whether a role can be given could not be looked up");
                None
            }
            Err(_) => None,
        }
    }

    /// Gives a role to a member, or takes it. Returns whether Discord lets the bot do that.
    pub(super) async fn change_role(
        &self,
        (guild, user): (GuildId, UserId),
        role: RoleId,
        gives: bool,
    ) -> Result<bool, Denied> {
        let member = Member { guild, user: user.get() };
        let change = async {
            loop {
                match self.rest.change_role(member, role, gives).await {
                    Err(DiscordError::RateLimited { wait }) => tokio::time::sleep(wait).await,
                    answer => return answer,
                }
            }
        };
        match tokio::time::timeout(PATIENCE_IN_A_CROWD, change).await {
            Ok(Ok(())) => {
                tracing::debug!(%guild, %role, gives, "a member's role was changed");
                Ok(true)
            }
            Ok(Err(DiscordError::Refused { code, .. })) if NOBODY.contains(&code) => {
                let forgotten = self.store.member_left(guild, user).await?;
                tracing::debug!(%guild, forgotten, "a member has left");
                Err(Denied::NotHere)
            }
            Ok(Err(error @ DiscordError::Refused { .. })) => {
                tracing::warn!(%guild, %role, %error, "a role could not be changed");
                self.known_roles.keep((guild, role), Giving::NoRight, self.clock.steady(), REFUSED);
                Ok(false)
            }
            Ok(Err(error)) => {
                tracing::warn!(%guild, %role, %error, "a role could not be changed");
                Err(Denied::DiscordIsSilent)
            }
            Err(_) => Err(Denied::DiscordIsSilent),
        }
    }
}
