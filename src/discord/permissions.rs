//! What the bot may do in a channel, computed the way Discord does (Discord, Permissions, "Permission Overwrites"), and
//! whether that is enough. Pure.

use super::{Access, Place};
use crate::domain::{Mention, Permission, Permissions, Refusal, RoleId};

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
    /// How high it stands; that of everybody is at 0.
    pub position: i64,
    /// Whether it belongs to an integration, so that nobody can give it.
    pub is_managed: bool,
}

/// Whether the bot gives a role to whoever asks for it, and takes it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Giving {
    /// It does.
    May,
    /// There is no such role.
    Gone,
    /// Nobody can give this role: it belongs to an integration, or all members have it.
    Nobody,
    /// It would come with rights that not everybody has, so it is not for whoever asks.
    Privileged,
    /// The bot lacks [`Permission::ManageRoles`].
    NoRight,
    /// The role is not below the highest one of the bot.
    TooHigh,
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

/// Whether a member with these roles gives a role to whoever asks for it (Discord, Permissions, "Permission Hierarchy").
/// `channels` are the overwrites of each channel of the server.
#[must_use]
pub fn giving(
    wanted: RoleId,
    guild: u64,
    own: &[u64],
    roles: &[Role],
    channels: &[Vec<Overwrite>],
) -> Giving {
    let wanted = wanted.get();
    let Some(role) = roles.iter().find(|role| role.id == wanted) else { return Giving::Gone };
    if role.is_managed || wanted == guild {
        return Giving::Nobody;
    }
    // An admin who lets moderators be mentioned does not mean that everybody becomes one at the press of a button.
    let adds = |overwrites: &[Overwrite]| {
        let of = |has: &[u64]| effective(guild, 0, has, roles, overwrites);
        of(&[wanted]) & !of(&[]) != 0
    };
    if adds(&[]) || channels.iter().any(|overwrites| adds(overwrites)) {
        return Giving::Privileged;
    }
    let rights = Permissions(effective(guild, 0, own, roles, &[]));
    if !rights.has(Permission::ManageRoles) {
        return Giving::NoRight;
    }
    let highest = roles.iter().filter(|role| own.contains(&role.id)).map(|role| role.position).max();
    if highest.is_some_and(|highest| role.position < highest) { Giving::May } else { Giving::TooHigh }
}

impl Access {
    /// Why announcements cannot be posted, with the rights that are missing; nothing when they can.
    #[must_use]
    pub fn closed(self) -> Option<(Refusal, Permissions)> {
        let Self::Has { permissions, place } = self else {
            return Some((Refusal::UnknownChannel, Permissions::default()));
        };
        let missing = permissions.lacking(match place {
            Place::Thread { .. } => &Permission::NEEDED_IN_THREAD,
            _ => &Permission::NEEDED,
        });
        if missing.has(Permission::ViewChannel) {
            Some((Refusal::MissingAccess, missing))
        } else if !missing.is_empty() {
            Some((Refusal::MissingPermission, missing))
        } else {
            let is_locked = place == Place::Thread { is_locked: true };
            match place {
                Place::Other => Some((Refusal::WrongKindOfChannel, missing)),
                _ if is_locked && !permissions.has(Permission::ManageThreads) => {
                    Some((Refusal::LockedThread, missing))
                }
                _ => None,
            }
        }
    }

    /// Whether it is a forum that wants a tag on every post.
    #[must_use]
    pub fn requires_tag(self) -> bool {
        matches!(self, Self::Has { place: Place::Forum { requires_tag: true }, .. })
    }

    /// Whether it is a forum.
    #[must_use]
    pub fn is_forum(self) -> bool {
        matches!(self, Self::Has { place: Place::Forum { .. }, .. })
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

    const GUILD: u64 = 1;
    const BOT: u64 = 2;
    const ROLE: u64 = 3;

    /// A role that stands at the bottom.
    fn role(id: u64, permissions: u64) -> Role {
        Role { id, permissions, is_mentionable: false, position: 0, is_managed: false }
    }

    fn check(role_bits: [u64; 2], overwrites: &[(u64, u64, u64)], expected: &str) {
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
        let roles = [role(GUILD, 0), Role { is_mentionable: true, ..role(3, 0) }, role(4, 0)];
        let of = |id| RoleId::new(id).map_or(Mention::Nobody, Mention::Role);
        let may = |permissions| {
            let all = [Mention::Nobody, Mention::Here, Mention::Everyone, of(3), of(4), of(GUILD), of(5)];
            all.map(|mention| may_mention(mention, permissions, &roles))
        };
        let plain = Permissions::of(&Permission::USEFUL);
        assert_eq!(may(plain), [true, false, false, true, false, false, false]);
        assert_eq!(may(Permissions(plain.0 | (1 << 17))), [true, true, true, true, true, true, false]);
    }

    /// Whether the bot, with a role at position 2 that grants this, gives [`ROLE`] when that is made like this.
    fn gives(own: u64, wanted: Role, overwrites: &[(u64, u64, u64)], expected: Giving) {
        const OWN: u64 = 9;
        const EVERYBODY: u64 = (1 << 10) | (1 << 11);
        let own = Role { position: 2, ..role(OWN, own) };
        let roles = [role(GUILD, EVERYBODY), own, wanted];
        let overwrites = overwrites.iter().map(|&(id, allow, deny)| Overwrite { id, allow, deny }).collect();
        let found = RoleId::new(ROLE).map(|id| giving(id, GUILD, &[OWN], &roles, &[Vec::new(), overwrites]));
        assert_eq!(found, Some(expected), "{wanted:?}");
    }

    #[test]
    fn a_role_is_given_by_who_may_if_only_mentions_come_with_it() {
        const VIEW: u64 = 1 << 10;
        const SEND: u64 = 1 << 11;
        let may = Permission::ManageRoles.bit();
        let fans = Role { position: 1, ..role(ROLE, 0) };
        gives(may, fans, &[], Giving::May);
        gives(ADMINISTRATOR, fans, &[], Giving::May);
        gives(0, fans, &[], Giving::NoRight);
        gives(may, Role { position: 2, ..fans }, &[], Giving::TooHigh);
        gives(may, Role { is_managed: true, ..fans }, &[], Giving::Nobody);
        gives(may, Role { id: 4, ..fans }, &[], Giving::Gone);
        // What everybody may do anyway comes with no role.
        gives(may, Role { permissions: SEND, ..fans }, &[(ROLE, SEND, 0)], Giving::May);
        gives(may, Role { permissions: 1 << 13, ..fans }, &[], Giving::Privileged);
        gives(may, Role { permissions: ADMINISTRATOR, ..fans }, &[], Giving::Privileged);
        gives(may, fans, &[(GUILD, 0, VIEW), (ROLE, VIEW, 0)], Giving::Privileged);
        gives(may, fans, &[(ROLE, 0, SEND)], Giving::May);
        let everybody = RoleId::new(GUILD).map(|id| giving(id, GUILD, &[], &[role(GUILD, 0)], &[]));
        assert_eq!(everybody, Some(Giving::Nobody));
    }

    #[test]
    fn a_channel_is_closed_for_one_reason() {
        use Permission::{EmbedLinks, ReadMessageHistory, SendMessages, SendMessagesInThreads, ViewChannel};
        let closed = |lacking: &[Permission], place| {
            let permissions = Permissions::of(lacking).lacking(&Permission::USEFUL);
            Access::Has { permissions, place }.closed()
        };
        assert_eq!(closed(&[], Place::Channel), None);
        assert_eq!(closed(&[ReadMessageHistory], Place::Channel), None);
        let lacks = |refusal, missing: &[Permission]| Some((refusal, Permissions::of(missing)));
        assert_eq!(closed(&[EmbedLinks], Place::Other), lacks(Refusal::MissingPermission, &[EmbedLinks]));
        let blind = [ViewChannel, SendMessages];
        assert_eq!(closed(&blind, Place::Channel), lacks(Refusal::MissingAccess, &blind));
        assert_eq!(closed(&[], Place::Other), lacks(Refusal::WrongKindOfChannel, &[]));
        // In a forum nobody writes into what others began; in a thread nobody begins anything.
        let forum = Place::Forum { requires_tag: true };
        assert_eq!(closed(&[SendMessagesInThreads], forum), None);
        assert_eq!(closed(&[SendMessages], forum), lacks(Refusal::MissingPermission, &[SendMessages]));
        let thread = |is_locked| Place::Thread { is_locked };
        assert_eq!(closed(&[SendMessages], thread(false)), None);
        let in_threads = [SendMessagesInThreads];
        assert_eq!(closed(&in_threads, thread(false)), lacks(Refusal::MissingPermission, &in_threads));
        assert_eq!(closed(&[], thread(true)), lacks(Refusal::LockedThread, &[]));
        let all = Permissions(u64::MAX);
        assert_eq!(Access::Has { permissions: all, place: thread(true) }.closed(), None);
        assert_eq!(Access::Gone.closed(), lacks(Refusal::UnknownChannel, &[]));
    }
}
