//! What the admins of a server are told: what is wrong, which right is missing where, and what to click.

use super::{Message, channel_url};
use crate::domain::{ChannelId, Matter, Permission, Permissions, Refusal, text};

/// Why a channel takes nothing, and what to do about it. `missing` are the rights that were found to be missing there.
#[must_use]
pub fn closed(channel: ChannelId, refusal: Refusal, missing: Permissions) -> String {
    let named: Vec<_> = missing.named().iter().map(|permission| format!("**{permission}**")).collect();
    if !named.is_empty() {
        let them = if named.len() == 1 { "it" } else { "them" };
        // It is looked for in threads only, and those have no settings for it.
        let place = if missing.has(Permission::SendMessagesInThreads) {
            "channel that this thread belongs to"
        } else {
            "channel"
        };
        return format!(
            "I lack {} in <#{channel}>. Open the settings of the {place}, then Permissions, and allow {them} for me or one \
             of my roles.",
            named.join(", ")
        );
    }
    match refusal {
        Refusal::UnknownChannel => {
            "The channel does not exist any more. Choose another one with `/setchannel`, or with `/addstreamer` for a \
             streamer with a channel of its own."
                .to_owned()
        }
        Refusal::UnknownGuild => "Discord says that I am not in this server. Please invite me again.".to_owned(),
        Refusal::MissingAccess => format!(
            "I cannot see <#{channel}>. Open the settings of the channel, then Permissions, and allow **View Channel** for \
             me or one of my roles."
        ),
        Refusal::MissingPermission => format!(
            "Discord does not let me post in <#{channel}>, though my permissions there look right. A timeout of mine or a \
             rule of the server may be the reason; `/test` shows when it works."
        ),
        Refusal::WrongKindOfChannel => {
            format!(
                "<#{channel}> takes no plain messages. Choose a text or announcement channel, a thread or a forum with \
                 `/setchannel`."
            )
        }
        Refusal::TagRequired => format!(
            "<#{channel}> wants a tag on every post, and none is chosen. Choose one with `/settings`, or with `/editstreamer` \
             for one streamer."
        ),
        Refusal::LockedThread => format!(
            "<#{channel}> is locked. Unlock it, or allow **Manage Threads** for me or one of my roles in the channel that it \
             belongs to."
        ),
        _ => format!(
            "Discord does not let me post in <#{channel}> and does not say which right is missing. The log of the bot has \
             its words; `/test` shows when it works."
        ),
    }
}

/// A notice as it is posted. `closed` is what [`closed`] says of the channel that it is about, if it is about one.
#[must_use]
pub fn notice(matter: &Matter, closed: Option<&str>) -> Message {
    let text = match matter {
        Matter::Paused(channel) => format!(
            "⚠️ I cannot announce streams in <#{channel}> for now. {}\nI go on by myself as soon as that is settled, and \
             announce who is still live then. `/settings` shows how it stands.",
            closed.unwrap_or_default()
        ),
        Matter::Renamed { name, from, to } => format!(
            "ℹ️ **{}** has another name on Twitch: `{from}` is `{to}` now. Announcements go on as before: <{}>",
            text::escape_markdown(&text::cut(name, LONGEST_NAME)),
            channel_url(to)
        ),
        Matter::Vanished { name, login } => format!(
            "ℹ️ Twitch does not know **{}** (`{login}`) any more: the account is suspended or deleted. If it returns, it \
             is announced again; `/removestreamer` takes it off the list.",
            text::escape_markdown(&text::cut(name, LONGEST_NAME))
        ),
    };
    Message { text: Some(text), is_silent: true, ..Message::default() }
}

/// Longer than any name on Twitch, so this cuts only what is odd.
const LONGEST_NAME: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Login;

    fn channel() -> ChannelId {
        ChannelId::new(7).expect("an id")
    }

    fn check(refusal: Refusal, missing: &[Permission], expected: &str) {
        let words = closed(channel(), refusal, Permissions::of(missing));
        assert!(words.contains(expected), "{words}");
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        check(Refusal::MissingPermission, &[Permission::EmbedLinks], "I lack **Embed Links** in <#7>");
        check(
            Refusal::MissingAccess,
            &[Permission::ViewChannel, Permission::SendMessages],
            "I lack **View Channel**, **Send Messages** in <#7>",
        );
        check(Refusal::MissingAccess, &[], "allow **View Channel**");
        check(Refusal::UnknownChannel, &[], "`/setchannel`");
        let in_threads = [Permission::SendMessagesInThreads];
        check(Refusal::MissingPermission, &in_threads, "**Send Messages in Threads** in <#7>");
        check(Refusal::MissingPermission, &in_threads, "settings of the channel that this thread belongs to");
        check(Refusal::TagRequired, &[], "Choose one with `/settings`");
        check(Refusal::LockedThread, &[], "allow **Manage Threads**");
    }

    #[test]
    fn no_notice_is_longer_than_discord_takes() {
        /// Longest text of a message (Discord, Message, "Create Message").
        const LONGEST: usize = 2000;
        let login = |letter: &str| Login::new(&letter.repeat(25)).expect("a login");
        let name = "*".repeat(3000);
        let matters = [
            Matter::Paused(channel()),
            Matter::Renamed { name: name.clone(), from: login("a"), to: login("b") },
            Matter::Vanished { name, login: login("a") },
        ];
        let all = closed(channel(), Refusal::MissingAccess, Permissions::of(&Permission::USEFUL));
        for matter in matters {
            let message = notice(&matter, Some(&all));
            assert!(text::length(&message.text.expect("a text")) <= LONGEST, "{matter:?}");
        }
    }
}
