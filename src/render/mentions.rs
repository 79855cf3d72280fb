//! Whom a message mentions: whom the admin has chosen, and the members who asked to be.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{MAX_TEXT, Mentions, Message};
use crate::domain::{Mention, MessageId, UserId, text};

/// Members that one message mentions at most. Discord takes a hundred (Discord, Message, "Allowed Mentions Object"), but so
/// many would not fit into a text: eighty with a role beside them always do.
pub const MAX_MEMBERS: usize = 80;

/// How a mention is written (Discord, Reference, "Message Formatting").
pub(super) fn mark(mention: Mention) -> Option<String> {
    match mention {
        Mention::Nobody => None,
        Mention::Role(role) => Some(format!("<@&{role}>")),
        Mention::Here => Some("@here".to_owned()),
        Mention::Everyone => Some("@everyone".to_owned()),
    }
}

impl From<Mention> for Mentions {
    fn from(mention: Mention) -> Self {
        match mention {
            Mention::Nobody => Self::default(),
            Mention::Role(role) => Self { roles: vec![role], ..Self::default() },
            Mention::Here | Mention::Everyone => Self { everyone: true, ..Self::default() },
        }
    }
}

/// Lets a message mention these members too, below its text, as many as have room, and gives back those who have none.
/// A silent one notifies nobody, so it mentions none of them and leaves none.
#[must_use = "whoever has no room is to be mentioned elsewhere"]
pub fn mention_members<'u>(message: &mut Message, members: &'u [UserId]) -> &'u [UserId] {
    if message.is_silent {
        return &[];
    }
    let mut words = message.text.take().unwrap_or_default();
    let mut length = text::length(&words);
    let places = MAX_MEMBERS.saturating_sub(message.mentions.users.len());
    let mut mentioned = 0;
    for member in members.iter().take(places) {
        let before = match (length, mentioned) {
            (0, _) => "",
            (_, 0) => "\n",
            _ => " ",
        };
        let mark = format!("{before}<@{member}>");
        // All of it is ASCII.
        if length + mark.len() > MAX_TEXT {
            break;
        }
        length += mark.len();
        words.push_str(&mark);
        mentioned += 1;
    }
    message.text = (!words.is_empty()).then_some(words);
    let (fitting, rest) = members.split_at(mentioned);
    message.mentions.users.extend_from_slice(fitting);
    rest
}

/// Which of these members a text mentions: those of the line that [`mention_members`] adds. An admin's own text may name
/// somebody too, and that notifies nobody.
#[must_use]
pub fn mentioned(text: &str, members: &[UserId]) -> Vec<UserId> {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let ids = line.split(' ').map(|mark| mark.strip_prefix("<@")?.strip_suffix('>')?.parse().ok());
    // Anything else in it makes it a line of the admin's.
    let named: HashSet<u64> = ids.collect::<Option<_>>().unwrap_or_default();
    members.iter().copied().filter(|member| named.contains(&member.get())).collect()
}

/// What mentions members for whom the announcement had no room: the first [`MAX_MEMBERS`] of these, and says nothing else.
#[must_use]
pub fn reply(members: &[UserId], answers: Option<MessageId>) -> Message {
    let members = &members[..members.len().min(MAX_MEMBERS)];
    let mut words = String::new();
    for (index, member) in members.iter().enumerate() {
        let before = if index == 0 { "" } else { " " };
        // Writing into a text cannot fail.
        let _ = write!(words, "{before}<@{member}>");
    }
    let mentions = Mentions { users: members.to_vec(), ..Mentions::default() };
    Message { text: (!words.is_empty()).then_some(words), mentions, answers, ..Message::default() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::RoleId;

    /// Members with the longest ids there are.
    fn members(count: u64) -> Vec<UserId> {
        (0..count).filter_map(|number| UserId::new(i64::MAX.unsigned_abs() - number)).collect()
    }

    fn message(words: Option<String>) -> Message {
        let role = RoleId::new(i64::MAX.unsigned_abs()).expect("an id");
        Message { text: words, mentions: Mention::Role(role).into(), ..Message::default() }
    }

    #[test]
    fn eighty_members_fit_beside_a_role_and_the_next_does_not() {
        let all = members(81);
        let mut announcement = message(Some(format!("<@&{}>", i64::MAX)));
        assert_eq!(mention_members(&mut announcement, &all), &all[80..]);
        assert_eq!(announcement.mentions.users, &all[..80]);
        assert_eq!(announcement.mentions.roles.len(), 1);
        let (first, second) =
            announcement.text.as_deref().and_then(|text| text.split_once('\n')).expect("lines");
        assert_eq!((first, second.split(' ').count()), ("<@&9223372036854775807>", 80));
        // There is no room for another one later either.
        assert_eq!(mention_members(&mut announcement, &all[80..]), &all[80..]);
    }

    #[test]
    fn who_does_not_fit_below_a_long_text_is_left() {
        let all = members(3);
        let mut announcement = message(Some("x".repeat(MAX_TEXT - 50)));
        assert_eq!(mention_members(&mut announcement, &all), &all[2..]);
        let mut full = message(Some("x".repeat(MAX_TEXT)));
        assert_eq!(mention_members(&mut full, &all), all);
        assert_eq!(full, message(Some("x".repeat(MAX_TEXT))));
    }

    #[test]
    fn a_silent_message_mentions_no_member_and_a_text_is_none_without_any() {
        let mut silent = Message { is_silent: true, ..Message::default() };
        assert_eq!(mention_members(&mut silent, &members(3)), &[]);
        assert!(silent.mentions.users.is_empty());
        let mut bare = Message::default();
        assert_eq!(mention_members(&mut bare, &[]), &[]);
        assert_eq!((bare, reply(&[], None)), (Message::default(), Message::default()));
    }

    #[test]
    fn a_reply_mentions_and_says_nothing_else() {
        let two: Vec<UserId> = [7, 8].into_iter().filter_map(UserId::new).collect();
        let announcement = MessageId::new(5);
        let reply = reply(&two, announcement);
        assert_eq!(reply.text.as_deref(), Some("<@7> <@8>"));
        assert_eq!((reply.mentions.users, reply.embed, reply.answers), (two, None, announcement));
    }

    #[test]
    fn a_text_tells_whom_it_mentions() {
        let asked: Vec<UserId> = [7, 8, 80, 9].into_iter().filter_map(UserId::new).collect();
        let named = |text: &str| mentioned(text, &asked).iter().map(|user| user.get()).collect::<Vec<_>>();
        assert_eq!(named("<@&7> is <@8> <@, <@9 and <@!9>\n<@80> <@1>"), [80]);
        assert_eq!(named("<@7> <@8>"), [7, 8]);
        assert_eq!(named("hello\n<@7> hello"), [0; 0]);
        assert_eq!(named(""), [0; 0]);
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_no_limit_is_passed(count in 0u64..300, before in 0usize..=MAX_TEXT) {
            let all = members(count);
            let mut announcement = message(Some("x".repeat(before)).filter(|text| !text.is_empty()));
            let mut rest = mention_members(&mut announcement, &all);
            let mut told = announcement.mentions.users.clone();
            let mut texts: Vec<String> = announcement.text.into_iter().collect();
            while !rest.is_empty() {
                let next = reply(rest, None);
                rest = &rest[next.mentions.users.len()..];
                told.extend(next.mentions.users);
                texts.extend(next.text);
            }
            prop_assert!(texts.iter().all(|words| mentioned(words, &all).iter().all(|one| told.contains(one))));
            prop_assert_eq!(texts.iter().map(|words| mentioned(words, &all).len()).sum::<usize>(), all.len());
            prop_assert_eq!(told, all);
            prop_assert!(texts.iter().all(|words| text::length(words) <= MAX_TEXT));
        }
    }
}
