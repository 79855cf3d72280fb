//! What the fake remembers: guilds, channels, messages, nonces, requests. Plain data and the steps between it; no I/O.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::faults::Faults;
use super::interactions::Pending;
use super::limits::Buckets;
use super::members::Known;
use super::permissions::{ORDINARY, Overwrite, effective};
use super::sessions::Gateway;

/// The application the accepted token belongs to.
pub(super) const APPLICATION: u64 = 1_180_000_000_000_000_001;
/// The bot's user: another id than the application's, as with old bots, so that mixing them up is noticed.
pub(super) const BOT: u64 = 1_180_000_000_000_000_777;
/// Who owns the application and all guilds.
pub(super) const OWNER: u64 = 1_180_000_000_000_000_888;

/// Who writes the messages that are not the bot's.
pub(super) const SOMEBODY: u64 = 1_150_000_000_000_000_002;

/// Discord counts its ids in milliseconds from the first second of 2015.
const DISCORD_EPOCH: u128 = 1_420_070_400_000;
/// How many ids a guild takes for itself and its roles.
const GUILD_IDS: u64 = 1024;
/// How long a nonce is remembered unless a test says otherwise; Discord says "a few minutes".
const NONCE_MEMORY: Duration = Duration::from_mins(3);
/// How many requests are kept: enough for a day in a test, little enough for a measurement.
const REQUESTS: usize = 200_000;

/// The kinds of channel, with Discord's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChannelKind {
    /// Ordinary text.
    Text = 0,
    /// Voice; the fake takes no messages there.
    Voice = 2,
    /// Announcements that others can follow.
    Announcement = 5,
    /// A forum, which takes threads only.
    Forum = 15,
}

impl ChannelKind {
    pub(super) fn takes_messages(self) -> bool {
        matches!(self, Self::Text | Self::Announcement)
    }
}

/// A channel of a guild.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id.
    pub id: u64,
    /// The guild it is in.
    pub guild: u64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: ChannelKind,
    pub(super) position: usize,
    pub(super) overwrites: Vec<Overwrite>,
}

#[derive(Debug)]
pub(super) struct Guild {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) joined: Duration,
    /// Whether the bot is in it.
    pub(super) member: bool,
    pub(super) outage: bool,
    /// What `@everyone` may do.
    pub(super) everyone: u64,
    /// What the bot's own role adds.
    pub(super) granted: u64,
    pub(super) extra_roles: u32,
    /// Where Discord itself greets newcomers.
    pub(super) system_channel: Option<u64>,
    pub(super) channels: BTreeMap<u64, Channel>,
    /// Everybody else who is known to be on it, by user id.
    pub(super) members: BTreeMap<u64, Known>,
}

impl Guild {
    /// What the bot may do in one of the channels.
    pub(super) fn permissions_in(&self, channel: &Channel) -> u64 {
        effective(self.everyone | self.granted, &channel.overwrites)
    }
}

/// A message as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: u64,
    pub(super) channel: u64,
    pub(super) author: u64,
    pub(super) body: Value,
    pub(super) nonce: Option<String>,
    pub(super) at: Duration,
    pub(super) edited: Option<Duration>,
    pub(super) edits: u32,
    /// Those that came when it was older than an hour.
    pub(super) late_edits: u32,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path after `/api/v10`, without the query.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The JSON body; null if there was none or bodies are not recorded.
    pub body: Value,
    /// When it arrived, since the Unix epoch.
    pub at: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) message_posts: usize,
    /// Messages that the bot's POSTs created.
    pub(super) created: usize,
    pub(super) absorbed: usize,
    pub(super) too_many: usize,
    pub(super) invalid: usize,
    pub(super) command_puts: usize,
}

#[derive(Debug)]
pub(super) struct State {
    last_id: u64,
    pub(super) token_refused: bool,
    pub(super) latency: Duration,
    pub(super) record_bodies: bool,
    pub(super) locales: (String, String),
    pub(super) guilds: BTreeMap<u64, Guild>,
    /// In which guild a channel is; deleted channels are not here.
    pub(super) places: HashMap<u64, u64>,
    /// By id, which is also their order.
    pub(super) messages: BTreeMap<u64, Stored>,
    pub(super) nonce_memory: Duration,
    /// How often a message older than an hour may be edited.
    pub(super) late_edits: u32,
    nonces: HashMap<String, u64>,
    nonce_order: VecDeque<(Duration, String)>,
    pub(super) requests: VecDeque<Request>,
    pub(super) buckets: Buckets,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
    pub(super) commands: Vec<Value>,
    pub(super) interactions: BTreeMap<u64, Pending>,
    pub(super) gateway: Gateway,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            last_id: 0,
            token_refused: false,
            latency: Duration::ZERO,
            record_bodies: true,
            locales: ("en-US".to_owned(), "en-US".to_owned()),
            guilds: BTreeMap::new(),
            places: HashMap::new(),
            messages: BTreeMap::new(),
            nonce_memory: NONCE_MEMORY,
            late_edits: u32::MAX,
            nonces: HashMap::new(),
            nonce_order: VecDeque::new(),
            requests: VecDeque::new(),
            buckets: Buckets::new(),
            faults: Faults::default(),
            counts: Counts::default(),
            commands: Vec::new(),
            interactions: BTreeMap::new(),
            gateway: Gateway::default(),
        }
    }

    /// A new id: the time in its upper bits, and larger than every id before.
    pub(super) fn next_id(&mut self, now: Duration) -> u64 {
        self.last_id = snowflake(now).max(self.last_id + 1);
        self.last_id
    }

    pub(super) fn add_guild(&mut self, name: &str, extra_roles: u32, now: Duration) -> u64 {
        // Shards are chosen by the time in the id, so guilds made in the same millisecond must not share it.
        let id = snowflake(now).max(((self.last_id >> 22) + 1) << 22);
        self.last_id = id + GUILD_IDS;
        let guild = Guild {
            id,
            name: name.to_owned(),
            joined: now,
            member: true,
            outage: false,
            everyone: ORDINARY,
            granted: ORDINARY,
            extra_roles,
            system_channel: None,
            channels: BTreeMap::new(),
            members: BTreeMap::new(),
        };
        self.guilds.insert(id, guild);
        id
    }

    pub(super) fn add_channel(&mut self, guild: u64, name: &str, kind: ChannelKind, now: Duration) -> u64 {
        let id = self.next_id(now);
        let home = self.guild_mut(guild);
        let position = home.channels.len();
        let channel = Channel { id, guild, name: name.to_owned(), kind, position, overwrites: Vec::new() };
        home.channels.insert(id, channel);
        self.places.insert(id, guild);
        id
    }

    /// A guild that the test made. Asking for another is a mistake of the test.
    pub(super) fn guild_mut(&mut self, guild: u64) -> &mut Guild {
        self.guilds
            .get_mut(&guild)
            .unwrap_or_else(|| panic!("the test asks for guild {guild}, which it never made"))
    }

    pub(super) fn channel(&self, channel: u64) -> Option<(&Guild, &Channel)> {
        let guild = self.guilds.get(self.places.get(&channel)?)?;
        Some((guild, guild.channels.get(&channel)?))
    }

    /// The message that was created with this nonce lately.
    pub(super) fn seen_nonce(&mut self, nonce: &str, now: Duration) -> Option<u64> {
        while let Some((at, _)) = self.nonce_order.front() {
            if now.saturating_sub(*at) < self.nonce_memory {
                break;
            }
            if let Some((_, old)) = self.nonce_order.pop_front() {
                self.nonces.remove(&old);
            }
        }
        self.nonces.get(nonce).copied()
    }

    pub(super) fn remember_nonce(&mut self, nonce: &str, message: u64, now: Duration) {
        self.nonces.insert(nonce.to_owned(), message);
        self.nonce_order.push_back((now, nonce.to_owned()));
    }

    pub(super) fn record(&mut self, mut request: Request) {
        if !self.record_bodies {
            request.body = Value::Null;
        }
        if self.requests.len() == REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

fn snowflake(now: Duration) -> u64 {
    let milliseconds = now.as_millis().saturating_sub(DISCORD_EPOCH);
    u64::try_from(milliseconds).unwrap_or(u64::MAX >> 23) << 22
}
