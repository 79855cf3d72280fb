//! What the bot may do in a channel, computed the way Discord does (Discord, Permissions, "Permission Overwrites"). Pure.

use std::fmt;

/// A right that an announcement needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// See the channel.
    ViewChannel,
    /// Post in it.
    SendMessages,
    /// Post cards.
    EmbedLinks,
}

impl Permission {
    /// Everything that an announcement needs.
    pub const NEEDED: [Self; 3] = [Self::ViewChannel, Self::SendMessages, Self::EmbedLinks];

    /// Its bit (Discord, Permissions, "Bitwise Permission Flags").
    #[must_use]
    pub const fn bit(self) -> u64 {
        match self {
            Self::ViewChannel => 1 << 10,
            Self::SendMessages => 1 << 11,
            Self::EmbedLinks => 1 << 14,
        }
    }

    /// All bits that an announcement needs, for the invite link.
    #[must_use]
    pub const fn needed_bits() -> u64 {
        Self::ViewChannel.bit() | Self::SendMessages.bit() | Self::EmbedLinks.bit()
    }
}

impl fmt::Display for Permission {
    /// The name that Discord's own settings show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ViewChannel => "View Channel",
            Self::SendMessages => "Send Messages",
            Self::EmbedLinks => "Embed Links",
        })
    }
}

/// May do everything, overwrites or not.
const ADMINISTRATOR: u64 = 1 << 3;

/// A role, or the right part of an overwrite: who, and which bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Role {
    /// Whose. The role of everybody has the id of the server.
    pub id: u64,
    /// What it grants.
    pub permissions: u64,
}

/// What a channel changes for a role or a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overwrite {
    /// For which role or member.
    pub id: u64,
    /// What it grants.
    pub allow: u64,
    /// What it takes.
    pub deny: u64,
}

/// The needed rights that a member lacks in a channel.
#[must_use]
pub fn missing(
    guild: u64,
    member: u64,
    member_roles: &[u64],
    roles: &[Role],
    overwrites: &[Overwrite],
) -> Vec<Permission> {
    let has = effective(guild, member, member_roles, roles, overwrites);
    Permission::NEEDED.into_iter().filter(|needed| has & needed.bit() == 0).collect()
}

fn effective(guild: u64, member: u64, member_roles: &[u64], roles: &[Role], overwrites: &[Overwrite]) -> u64 {
    let counts = |id: u64| id == guild || member_roles.contains(&id);
    let base = roles.iter().filter(|role| counts(role.id)).fold(0, |bits, role| bits | role.permissions);
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let apply = |bits: u64, allow: u64, deny: u64| (bits & !deny) | allow;
    let of = |id: u64| overwrites.iter().find(|overwrite| overwrite.id == id);
    let mut bits = base;
    if let Some(everyone) = of(guild) {
        bits = apply(bits, everyone.allow, everyone.deny);
    }
    let own = overwrites.iter().filter(|overwrite| member_roles.contains(&overwrite.id));
    let (allow, deny) = own.fold((0, 0), |(allow, deny), one| (allow | one.allow, deny | one.deny));
    bits = apply(bits, allow, deny);
    if let Some(member) = of(member) {
        bits = apply(bits, member.allow, member.deny);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUILD: u64 = 1;
    const BOT: u64 = 2;
    const ROLE: u64 = 3;
    const ALL: u64 = Permission::needed_bits();

    fn check(role_bits: [u64; 2], overwrites: &[(u64, u64, u64)], expected: &str) {
        let roles =
            [Role { id: GUILD, permissions: role_bits[0] }, Role { id: ROLE, permissions: role_bits[1] }];
        let overwrites: Vec<_> =
            overwrites.iter().map(|&(id, allow, deny)| Overwrite { id, allow, deny }).collect();
        let missing = missing(GUILD, BOT, &[ROLE], &roles, &overwrites);
        let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(names.join(", "), expected);
    }

    #[test]
    fn roles_add_up_and_overwrites_change_them_in_order() {
        let embed = Permission::EmbedLinks.bit();
        check([ALL, 0], &[], "");
        check([0, ALL], &[], "");
        check([0, 0], &[], "View Channel, Send Messages, Embed Links");
        check([ALL, 0], &[(GUILD, 0, embed)], "Embed Links");
        check([ALL, 0], &[(GUILD, 0, embed), (ROLE, embed, 0)], "");
        check([ALL, 0], &[(ROLE, embed, 0), (BOT, 0, embed)], "Embed Links");
        check([ALL, 0], &[(BOT, embed, 0), (GUILD, 0, ALL), (ROLE, 0, ALL)], "View Channel, Send Messages");
        check([ALL, 0], &[(99, 0, ALL)], "");
        check([0, ADMINISTRATOR], &[(BOT, 0, ALL)], "");
    }
}
