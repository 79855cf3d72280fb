//! One gateway session as data: what it was sent, what it missed, what waits for it. No sockets, no handshake.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::models;
use super::state::Guild;

/// The intent that guild and channel events need; interactions need none.
pub(super) const GUILDS_INTENT: u64 = 1;
/// Events that are kept for a RESUME; who missed more must identify again.
const HISTORY: usize = 10_000;

/// Something that is dispatched.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// `GUILD_CREATE`, built when it is sent: thousands of them must not lie in memory.
    Guild(u64),
    /// Anything else.
    Plain(&'static str, Arc<Value>),
}

impl Event {
    pub(super) fn plain(name: &'static str, body: Value) -> Self {
        Self::Plain(name, Arc::new(body))
    }

    pub(super) fn concerns(&self, intents: u64) -> bool {
        // The only member the fake tells about is the bot itself, for which the privileged intent is not needed.
        matches!(self, Self::Plain("INTERACTION_CREATE" | "GUILD_MEMBER_UPDATE", _))
            || intents & GUILDS_INTENT != 0
    }

    /// The dispatch as it is sent; `None` if its guild is gone by now.
    fn frame(&self, sequence: u64, guilds: &BTreeMap<u64, Guild>) -> Option<Value> {
        let (name, body) = match self {
            Self::Guild(id) => {
                let guild = guilds.get(id).filter(|guild| guild.member && !guild.outage)?;
                ("GUILD_CREATE", models::guild_create(guild))
            }
            Self::Plain(name, body) => (*name, Value::clone(body)),
        };
        Some(json!({"op": 0, "t": name, "s": sequence, "d": body}))
    }
}

/// A session, connected or waiting to be resumed.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shard: (u32, u32),
    pub(super) intents: u64,
    pub(super) compress: bool,
    pub(super) sequence: u64,
    /// Sent before and to be sent again.
    pub(super) replay: VecDeque<(u64, Event)>,
    /// Not sent yet.
    pub(super) queue: VecDeque<Event>,
    pub(super) sent: VecDeque<(u64, Event)>,
    pub(super) connection: Option<u64>,
    pub(super) lost: Duration,
    /// Whether READY or RESUMED went out on the present connection.
    pub(super) ready: bool,
}

impl Session {
    pub(super) fn handles(&self, guild: u64) -> bool {
        shard_of(guild, self.shard.1) == self.shard.0
    }

    pub(super) fn lose(&mut self, now: Duration) {
        self.connection = None;
        self.ready = false;
        self.lost = now;
    }

    pub(super) fn next(&mut self, guilds: &BTreeMap<u64, Guild>) -> Option<Value> {
        while let Some((sequence, event)) = self.replay.pop_front() {
            if let Some(frame) = event.frame(sequence, guilds) {
                return Some(frame);
            }
        }
        while let Some(event) = self.queue.pop_front() {
            let Some(frame) = event.frame(self.sequence + 1, guilds) else { continue };
            self.sequence += 1;
            self.ready |= matches!(event, Event::Plain("READY" | "RESUMED", _));
            self.sent.push_back((self.sequence, event));
            if self.sent.len() > HISTORY {
                self.sent.pop_front();
            }
            return Some(frame);
        }
        None
    }
}

/// The shard a guild is on.
pub(super) fn shard_of(guild: u64, count: u32) -> u32 {
    u32::try_from((guild >> 22) % u64::from(count)).unwrap_or_default()
}
