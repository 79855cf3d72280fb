//! The rights in a Discord channel that matter for announcing. Who has them is computed elsewhere.

use std::fmt;

/// A right that announcing needs or can use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// See the channel.
    ViewChannel,
    /// Post in it. In a forum: begin posts.
    SendMessages,
    /// Post in its threads.
    SendMessagesInThreads,
    /// Post cards.
    EmbedLinks,
    /// Read what stands in it, to find an announcement whose answer was lost.
    ReadMessageHistory,
    /// Mention all members, and roles that not everybody may mention. Asked for nowhere: few servers want it, and those that
    /// do give it themselves.
    MentionEveryone,
    /// Give and take roles, in the whole server. Asked for nowhere either: without it members are mentioned by name.
    ManageRoles,
    /// Open threads that are locked, and delete them. Asked for nowhere: it is of use where posts of a forum are deleted at the
    /// end, or threads are locked.
    ManageThreads,
}

impl Permission {
    /// Everything that an announcement needs. Without the history it goes out as well.
    pub const NEEDED: [Self; 3] = [Self::ViewChannel, Self::SendMessages, Self::EmbedLinks];

    /// Everything that an announcement needs in a thread.
    pub const NEEDED_IN_THREAD: [Self; 3] =
        [Self::ViewChannel, Self::SendMessagesInThreads, Self::EmbedLinks];

    /// Everything that is of use to every server, for the invite link.
    pub const USEFUL: [Self; 5] = [
        Self::ViewChannel,
        Self::SendMessages,
        Self::SendMessagesInThreads,
        Self::EmbedLinks,
        Self::ReadMessageHistory,
    ];

    /// Its bit (Discord, Permissions, "Bitwise Permission Flags").
    #[must_use]
    pub const fn bit(self) -> u64 {
        match self {
            Self::ViewChannel => 1 << 10,
            Self::SendMessages => 1 << 11,
            Self::EmbedLinks => 1 << 14,
            Self::ReadMessageHistory => 1 << 16,
            Self::MentionEveryone => 1 << 17,
            Self::ManageRoles => 1 << 28,
            Self::ManageThreads => 1 << 34,
            Self::SendMessagesInThreads => 1 << 38,
        }
    }
}

impl fmt::Display for Permission {
    /// The name that Discord's own settings show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ViewChannel => "View Channel",
            Self::SendMessages => "Send Messages",
            Self::SendMessagesInThreads => "Send Messages in Threads",
            Self::EmbedLinks => "Embed Links",
            Self::ReadMessageHistory => "Read Message History",
            Self::MentionEveryone => "Mention @everyone, @here, and All Roles",
            Self::ManageRoles => "Manage Roles",
            Self::ManageThreads => "Manage Threads",
        })
    }
}

/// A set of rights, as Discord's bits. Bits that have no name here are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions(pub u64);

impl Permissions {
    /// The set of these.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, permission| bits | permission.bit()))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether that one is in it.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Those of `wanted` that are not in it.
    #[must_use]
    pub fn lacking(self, wanted: &[Permission]) -> Self {
        Self(Self::of(wanted).0 & !self.0)
    }

    /// Those that are of use to every server.
    #[must_use]
    pub fn named(self) -> Vec<Permission> {
        Permission::USEFUL.into_iter().filter(|permission| self.has(*permission)).collect()
    }
}
