//! What the bot may do in a channel, computed the way Discord does (Discord, Permissions, "Permission Overwrites"), and
//! whether that is enough. Pure.

use super::Access;
use crate::domain::{Mention, Permission, Permissions, Refusal};

/// May do everything, overwrites or not.
const ADMINISTRATOR: u64 = 1 << 3;

/// A role, or the right part of an overwrite: who, and which bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Role {
    /// Whose. The role of everybody has the id of the server.
    pub id: u64,
    /// What it grants.
    pub permissions: u64,
    /// Whether everybody may mention it.
    pub is_mentionable: bool,
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

/// The rights of a member in a channel, as Discord's bits.
#[must_use]
pub fn effective(
    guild: u64,
    member: u64,
    member_roles: &[u64],
    roles: &[Role],
    overwrites: &[Overwrite],
) -> u64 {
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

/// Whether a message of somebody with these rights in its channel notifies those whom it mentions (Discord, Permissions,
/// "Bitwise Permission Flags"). A mention that may not be made is shown and notifies nobody.
#[must_use]
pub fn may_mention(mention: Mention, permissions: Permissions, roles: &[Role]) -> bool {
    let may_all = permissions.has(Permission::MentionEveryone);
    match mention {
        Mention::Nobody => true,
        Mention::Here | Mention::Everyone => may_all,
        Mention::Role(wanted) => {
            roles.iter().any(|role| role.id == wanted.get() && (may_all || role.is_mentionable))
        }
    }
}

impl Access {
    /// Why announcements cannot be posted, with the rights that are missing; nothing when they can.
    #[must_use]
    pub fn closed(self) -> Option<(Refusal, Permissions)> {
        let Self::Has { permissions, takes_messages } = self else {
            return Some((Refusal::UnknownChannel, Permissions::default()));
        };
        let missing = permissions.lacking(&Permission::NEEDED);
        if missing.has(Permission::ViewChannel) {
            Some((Refusal::MissingAccess, missing))
        } else if !missing.is_empty() {
            Some((Refusal::MissingPermission, missing))
        } else if !takes_messages {
            Some((Refusal::WrongKindOfChannel, missing))
        } else {
            None
        }
    }

    /// Whether what stands there can be read.
    #[must_use]
    pub fn may_read(self) -> bool {
        matches!(self, Self::Has { permissions, .. } if permissions.has(Permission::ReadMessageHistory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RoleId;

    const GUILD: u64 = 1;
    const BOT: u64 = 2;
    const ROLE: u64 = 3;

    fn check(role_bits: [u64; 2], overwrites: &[(u64, u64, u64)], expected: &str) {
        let role = |id, permissions| Role { id, permissions, is_mentionable: false };
        let roles = [role(GUILD, role_bits[0]), role(ROLE, role_bits[1])];
        let overwrites: Vec<_> =
            overwrites.iter().map(|&(id, allow, deny)| Overwrite { id, allow, deny }).collect();
        let has = Permissions(effective(GUILD, BOT, &[ROLE], &roles, &overwrites));
        let missing = has.lacking(&Permission::NEEDED).named();
        let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(names.join(", "), expected);
    }

    #[test]
    fn roles_add_up_and_overwrites_change_them_in_order() {
        const ALL: u64 = (1 << 10) | (1 << 11) | (1 << 14);
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

    #[test]
    fn a_role_is_mentioned_by_all_or_by_those_who_may() {
        let role = |id, is_mentionable| Role { id, permissions: 0, is_mentionable };
        let roles = [role(GUILD, false), role(3, true), role(4, false)];
        let of = |id| RoleId::new(id).map_or(Mention::Nobody, Mention::Role);
        let may = |permissions| {
            let all = [Mention::Nobody, Mention::Here, Mention::Everyone, of(3), of(4), of(GUILD), of(5)];
            all.map(|mention| may_mention(mention, permissions, &roles))
        };
        let plain = Permissions::of(&Permission::USEFUL);
        assert_eq!(may(plain), [true, false, false, true, false, false, false]);
        assert_eq!(may(Permissions(plain.0 | (1 << 17))), [true, true, true, true, true, true, false]);
    }

    #[test]
    fn a_channel_is_closed_for_one_reason() {
        use Permission::{EmbedLinks, ReadMessageHistory, SendMessages, ViewChannel};
        let closed = |lacking: &[Permission], takes_messages| {
            let permissions = Permissions::of(lacking).lacking(&Permission::USEFUL);
            Access::Has { permissions, takes_messages }.closed()
        };
        assert_eq!(closed(&[], true), None);
        assert_eq!(closed(&[ReadMessageHistory], true), None);
        let lacks = |refusal, missing: &[Permission]| Some((refusal, Permissions::of(missing)));
        assert_eq!(closed(&[EmbedLinks], false), lacks(Refusal::MissingPermission, &[EmbedLinks]));
        let blind = [ViewChannel, SendMessages];
        assert_eq!(closed(&blind, true), lacks(Refusal::MissingAccess, &blind));
        assert_eq!(closed(&[], false), lacks(Refusal::WrongKindOfChannel, &[]));
        assert_eq!(Access::Gone.closed(), lacks(Refusal::UnknownChannel, &[]));
    }
}
