//! What a member may do in a channel, computed from roles and overwrites as Discord does. Holds no state.

/// `ADMINISTRATOR`: everything, whatever the overwrites say.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// `MANAGE_GUILD`.
pub const MANAGE_GUILD: u64 = 1 << 5;
/// `MANAGE_CHANNELS`.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// `VIEW_CHANNEL`.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// `SEND_MESSAGES`.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// `MANAGE_MESSAGES`.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// `EMBED_LINKS`.
pub const EMBED_LINKS: u64 = 1 << 14;
/// `READ_MESSAGE_HISTORY`.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// `MENTION_EVERYONE`.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// `MANAGE_ROLES`.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// `USE_APPLICATION_COMMANDS`.
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
/// `MANAGE_THREADS`.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// `SEND_MESSAGES_IN_THREADS`.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
/// Every permission there is.
pub const ALL: u64 = (1 << 53) - 1;
/// What a new server gives to everyone.
pub const ORDINARY: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | SEND_MESSAGES_IN_THREADS;

/// Whom an overwrite is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The `@everyone` role.
    Everyone,
    /// The role that Discord made for the bot.
    BotRole,
    /// The bot as a member.
    Bot,
}

/// What a channel allows or denies to somebody, beyond the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overwrite {
    /// Whom it is about.
    pub target: Target,
    /// Bits that are granted.
    pub allow: u64,
    /// Bits that are taken away.
    pub deny: u64,
}

/// The bot's permissions in a channel, given what its roles grant on the server.
#[must_use]
pub fn effective(base: u64, overwrites: &[Overwrite]) -> u64 {
    if base & ADMINISTRATOR != 0 {
        return ALL;
    }
    let mut permissions = base;
    // The order is Discord's: everyone, then roles, then the member, each able to undo the one before.
    for target in [Target::Everyone, Target::BotRole, Target::Bot] {
        for overwrite in overwrites.iter().filter(|overwrite| overwrite.target == target) {
            permissions = (permissions & !overwrite.deny) | overwrite.allow;
        }
    }
    // Who cannot see a channel can do nothing there.
    if permissions & VIEW_CHANNEL == 0 { 0 } else { permissions }
}
