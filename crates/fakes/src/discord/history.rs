//! Listing the messages of a channel, a page at a time, and messages of other people. Posting and changing is elsewhere.

use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use serde_json::{Value, json};

use super::errors::{Problem, Refusal};
use super::permissions::READ_MESSAGE_HISTORY;
use super::state::{BOT, SOMEBODY, State, Stored};
use super::{Discord, Member, Message, messages, models};

/// How many messages are listed when nobody says how many.
const USUAL: usize = 50;
const MOST: usize = 100;

impl Discord {
    /// The bot's messages in a channel, oldest first.
    #[must_use]
    pub fn messages(&self, channel: u64) -> Vec<Message> {
        self.find_messages(|message| message.channel == channel && message.author == BOT)
    }

    /// The bot's messages in all channels, oldest first.
    #[must_use]
    pub fn all_messages(&self) -> Vec<Message> {
        self.find_messages(|message| message.author == BOT)
    }

    /// The bot's messages that it has deleted itself, as they were, in the order in which they went.
    #[must_use]
    pub fn taken_back(&self) -> Vec<Message> {
        self.shared.state().taken_back.iter().map(Message::from).collect()
    }

    /// Everybody's messages in a channel, oldest first.
    #[must_use]
    pub fn conversation(&self, channel: u64) -> Vec<Message> {
        self.find_messages(|message| message.channel == channel)
    }

    fn find_messages(&self, fits: impl Fn(&Stored) -> bool) -> Vec<Message> {
        let state = self.shared.state();
        state.messages.values().filter(|message| fits(message)).map(Message::from).collect()
    }

    /// Lets somebody else write into a channel, and answers the id of that message.
    ///
    /// # Panics
    /// If the channel was never made.
    pub fn says(&self, channel: u64, text: &str) -> u64 {
        self.change(|state, now| {
            assert!(
                state.channel(channel).is_some(),
                "the test writes into channel {channel}, which is not there"
            );
            let id = state.next_id(now);
            let body = json!({"content": text});
            let stored = Stored::new(id, channel, SOMEBODY, body, now);
            if let Some(guild) = state.places.get(&channel).copied() {
                state.guild_mut(guild).welcome(&Member::plain());
            }
            state.messages.insert(id, stored);
            id
        })
    }

    /// How long a nonce is remembered, also those that were used already; three minutes at first. With zero Discord
    /// forgets at once, and every repetition is a new message.
    pub fn set_nonce_memory(&self, memory: Duration) {
        self.shared.state().nonce_memory = memory;
    }
}

/// Which part of the messages is asked for.
#[derive(Clone, Copy, Debug)]
enum Part {
    Latest,
    Before(u64),
    After(u64),
    Around(u64),
}

/// Lists messages of a channel, newest first.
pub(super) fn list(state: &State, channel: u64, query: &str) -> Result<Value, Refusal> {
    let permissions = messages::reachable(state, channel)?;
    let (part, limit) = page(query)?;
    if permissions & READ_MESSAGE_HISTORY == 0 {
        // Not an error: Discord's "Get Channel Messages" says that then no messages will be returned.
        return Ok(json!([]));
    }
    let here = |(_, message): &(&u64, &Stored)| message.channel == channel;
    let until = |end: u64, count: usize| state.messages.range(..end).rev().filter(here).take(count);
    let since = |start: u64, count: usize| {
        let directly_after = state.messages.range((Excluded(start), Unbounded)).filter(here).take(count);
        directly_after.collect::<Vec<_>>().into_iter().rev()
    };
    let found: Vec<_> = match part {
        Part::Latest => until(u64::MAX, limit).collect(),
        Part::Before(id) => until(id, limit).collect(),
        Part::After(id) => since(id, limit).collect(),
        Part::Around(id) => {
            let half = limit / 2;
            since(id, half).chain(until(id.saturating_add(1), limit - half)).collect()
        }
    };
    Ok(found.into_iter().map(|(_, message)| models::message(message)).collect())
}

/// Reads the query of a listing.
fn page(query: &str) -> Result<(Part, usize), Refusal> {
    let (mut part, mut limit) = (Part::Latest, USUAL);
    let mut problems = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let number = value.parse::<u64>().ok();
        let problem = match (&*name, number) {
            ("limit", Some(count)) => match usize::try_from(count) {
                Ok(count @ 1..=MOST) => {
                    limit = count;
                    continue;
                }
                Ok(0) => ("NUMBER_TYPE_MIN", "int value should be greater than or equal to 1."),
                _ => ("NUMBER_TYPE_MAX", "int value should be less than or equal to 100."),
            },
            ("limit", None) => ("NUMBER_TYPE_COERCE", "Value is not int."),
            ("before" | "after" | "around", None) => ("NUMBER_TYPE_COERCE", "Value is not snowflake."),
            ("before" | "after" | "around", _) if !matches!(part, Part::Latest) => {
                ("MUTUALLY_EXCLUSIVE", "Only one of before, after and around may be passed.")
            }
            ("before", Some(id)) => {
                part = Part::Before(id);
                continue;
            }
            ("after", Some(id)) => {
                part = Part::After(id);
                continue;
            }
            ("around", Some(id)) => {
                part = Part::Around(id);
                continue;
            }
            // As with bodies: what Discord would ignore can only be a typing error here.
            _ => ("UNKNOWN_FIELD", "There is no such parameter"),
        };
        problems.push(Problem { path: name.into_owned(), code: problem.0, message: problem.1.to_owned() });
    }
    if problems.is_empty() { Ok((part, limit)) } else { Err(Refusal::invalid_form(&problems)) }
}
