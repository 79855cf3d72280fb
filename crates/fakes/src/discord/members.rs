//! Who is on a server, and which roles each of them has. What roles grant is in `roles`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::errors::Refusal;
use super::permissions::{ADMINISTRATOR, MANAGE_GUILD, MANAGE_ROLES, ORDINARY};
use super::state::{BOT, Guild, SOMEBODY, State};
use super::{Discord, models};

const ADMIN: u64 = 1_150_000_000_000_000_001;
/// Ids of people who are called by name begin here and end so far behind it.
const FIRST_NAMED: u64 = 1_151_000_000_000_000_000;
const NAMED: u64 = 1_000_000_000_000_000;

/// Somebody on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their user id.
    pub id: u64,
    /// Their name.
    pub name: String,
    /// Their permissions on the server.
    pub permissions: u64,
}

impl Member {
    /// Somebody who may do everything.
    #[must_use]
    pub fn admin() -> Self {
        let permissions = ORDINARY | MANAGE_GUILD | ADMINISTRATOR;
        Self { id: ADMIN, name: "ada".to_owned(), permissions }
    }

    /// Somebody without any special permission.
    #[must_use]
    pub fn plain() -> Self {
        Self { id: SOMEBODY, name: "ben".to_owned(), permissions: ORDINARY }
    }

    /// Somebody of this name without any special permission. The same name is always the same person: `ada` and `ben` are
    /// those of [`Member::admin`] and [`Member::plain`].
    #[must_use]
    pub fn named(name: &str) -> Self {
        let id = match name {
            "ada" => ADMIN,
            "ben" => SOMEBODY,
            _ => FIRST_NAMED + fnv(name) % NAMED,
        };
        Self { id, name: name.to_owned(), permissions: ORDINARY }
    }

    /// The same person with these permissions instead.
    #[must_use]
    pub fn with(self, permissions: u64) -> Self {
        Self { permissions, ..self }
    }
}

/// FNV-1a: a number that depends on nothing but the text.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Somebody as a server knows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) name: String,
    /// Without `@everyone`, which everybody has.
    pub(super) roles: BTreeSet<u64>,
}

impl Guild {
    /// Makes somebody a member; who is one already keeps their roles.
    pub(super) fn welcome(&mut self, who: &Member) {
        let known = self.members.entry(who.id).or_default();
        who.name.clone_into(&mut known.name);
    }

    /// The roles that somebody has; none for a stranger.
    pub(super) fn roles_of(&self, user: u64) -> Vec<u64> {
        self.members.get(&user).map(|known| known.roles.iter().copied().collect()).unwrap_or_default()
    }
}

/// Members. Who uses a command or presses a button on a server becomes a member of it by that.
impl Discord {
    /// Lets somebody join a server, without any role.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn member_joins(&self, guild: u64, who: &Member) {
        self.change(|state, _| state.guild_mut(guild).welcome(who));
    }

    /// Lets somebody leave a server, and their roles with them.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn member_leaves(&self, guild: u64, user: u64) {
        self.change(|state, _| state.guild_mut(guild).members.remove(&user));
    }

    /// Gives a role to a member, or takes it away, as a moderator would.
    ///
    /// # Panics
    /// If they are no member.
    pub fn set_member_role(&self, guild: u64, user: u64, role: u64, has_it: bool) {
        self.change(|state, _| {
            let known = state.guild_mut(guild).members.get_mut(&user);
            let known = known.unwrap_or_else(|| panic!("{user} is no member of {guild}"));
            if has_it { known.roles.insert(role) } else { known.roles.remove(&role) }
        });
    }

    /// Whether somebody is on a server.
    #[must_use]
    pub fn is_member(&self, guild: u64, user: u64) -> bool {
        self.shared.state().guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&user))
    }

    /// The roles that somebody has on a server, without `@everyone`; none for a stranger.
    #[must_use]
    pub fn roles_of(&self, guild: u64, user: u64) -> Vec<u64> {
        self.shared.state().guilds.get(&guild).map(|guild| guild.roles_of(user)).unwrap_or_default()
    }
}

/// Gives a role to a member, or takes it away, for the bot. Doing so twice changes nothing.
pub(super) fn change_role(
    state: &mut State,
    (guild, user, role): (u64, u64, u64),
    gives: bool,
) -> Result<(), Refusal> {
    let home = state.guilds.get_mut(&guild).ok_or_else(|| Refusal::new(404, 10_004, "Unknown Guild"))?;
    if !home.member {
        return Err(Refusal::missing_access());
    }
    if home.permissions() & MANAGE_ROLES == 0 {
        return Err(Refusal::missing_permissions());
    }
    if role == home.id {
        return Err(Refusal::new(400, 50_028, "Invalid Role"));
    }
    // Of the roles that no test made, one is the bot's own, and the fillers are above it.
    let fillers = home.id + 1..home.id + 2 + u64::from(home.extra_roles);
    let is_its_own_or_above = match home.roles.get(&role) {
        Some(role) => role.managed || role.position >= home.bot_position,
        None if fillers.contains(&role) => true,
        None => return Err(Refusal::new(404, 10_011, "Unknown Role")),
    };
    if is_its_own_or_above {
        return Err(Refusal::missing_permissions());
    }
    let known = home.members.get_mut(&user).ok_or_else(unknown)?;
    if gives {
        known.roles.insert(role);
    } else {
        known.roles.remove(&role);
    }
    Ok(())
}

/// A member as REST shows them.
pub(super) fn read(guild: &Guild, user: u64, now: Duration) -> Result<Value, Refusal> {
    if user == BOT {
        return Ok(models::bot_member(guild));
    }
    let known = guild.members.get(&user).ok_or_else(unknown)?;
    let who = Member { id: user, ..Member::named(&known.name) };
    let mut member = models::member(&who, &guild.roles_of(user), now);
    if let Some(fields) = member.as_object_mut() {
        // Only interactions say what somebody may do in a place.
        fields.remove("permissions");
    }
    Ok(member)
}

fn unknown() -> Refusal {
    Refusal::new(404, 10_007, "Unknown Member")
}
