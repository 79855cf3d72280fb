//! What the fake remembers: guilds, channels, messages, nonces, requests. Plain data and the steps between it; no I/O.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::faults::Faults;
use super::forums::Tag;
use super::interactions::Pending;
use super::limits::Buckets;
use super::members::Known;
use super::mentions::Notified;
use super::permissions::{ADMINISTRATOR, ALL, ORDINARY, Overwrite, effective};
use super::roles::Role;
use super::sessions::Gateway;
use super::threads::Thread;

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
    /// A thread of an announcement channel.
    AnnouncementThread = 10,
    /// A thread that everybody can see who sees its parent, or a post of a forum.
    PublicThread = 11,
    /// A thread of those who were invited; the bot is among them.
    PrivateThread = 12,
    /// A forum, which takes threads only.
    Forum = 15,
    /// A forum for pictures.
    Media = 16,
}

impl ChannelKind {
    pub(super) fn takes_messages(self) -> bool {
        !matches!(self, Self::Voice | Self::Forum | Self::Media)
    }

    /// Whether it is a forum or a media channel.
    pub(super) fn takes_posts_only(self) -> bool {
        matches!(self, Self::Forum | Self::Media)
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
    /// The channel it is a thread of.
    pub parent: Option<u64>,
    /// What it has as a thread.
    pub thread: Option<Thread>,
    pub(super) tags: Vec<Tag>,
    pub(super) requires_tag: bool,
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
    /// Fillers above the bot's own role, which only count.
    pub(super) extra_roles: u32,
    /// Roles that a test made, by id.
    pub(super) roles: BTreeMap<u64, Role>,
    /// Where the bot's own role stands.
    pub(super) bot_position: u32,
    /// Where Discord itself greets newcomers.
    pub(super) system_channel: Option<u64>,
    pub(super) channels: BTreeMap<u64, Channel>,
    /// Everybody else who is known to be on it, by user id.
    pub(super) members: BTreeMap<u64, Known>,
}

impl Guild {
    /// What the bot may do in the whole server.
    pub(super) fn permissions(&self) -> u64 {
        let granted = self.everyone | self.granted;
        if granted & ADMINISTRATOR != 0 { ALL } else { granted }
    }

    /// What the bot may do in one of the channels.
    pub(super) fn permissions_in(&self, channel: &Channel) -> u64 {
        // A thread has no overwrites: its parent's are meant.
        let parent = channel.parent.and_then(|parent| self.channels.get(&parent));
        effective(self.everyone | self.granted, &parent.unwrap_or(channel).overwrites)
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
    /// Whom it names, as its JSON says after the last edit.
    pub(super) names: Notified,
    /// Whom it notified when it was created.
    pub(super) notified: Notified,
    /// The message it answers.
    pub(super) reply_to: Option<u64>,
    /// Whether it was published to those who follow its channel.
    pub(super) crossposted: bool,
}

impl Stored {
    /// A message that nobody edited yet and that calls nobody.
    pub(super) fn new(id: u64, channel: u64, author: u64, body: Value, at: Duration) -> Self {
        Self {
            id,
            channel,
            author,
            body,
            nonce: None,
            at,
            edited: None,
            edits: 0,
            late_edits: 0,
            names: Notified::default(),
            notified: Notified::default(),
            reply_to: None,
            crossposted: false,
        }
    }
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
    /// What the audit log of the server is to say about it.
    pub reason: Option<String>,
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
    /// What the bot has deleted of its own, in that order.
    pub(super) taken_back: Vec<Stored>,
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
            taken_back: Vec::new(),
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
            roles: BTreeMap::new(),
            bot_position: 1,
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
        let channel = Channel {
            id,
            guild,
            name: name.to_owned(),
            kind,
            parent: None,
            thread: None,
            tags: Vec::new(),
            requires_tag: false,
            position,
            overwrites: Vec::new(),
        };
        home.channels.insert(id, channel);
        self.places.insert(id, guild);
        id
    }

    /// Takes a channel out of the world with its messages, and its threads with theirs. Nobody is told.
    pub(super) fn forget_channel(&mut self, channel: u64) {
        let Some(guild) = self.places.remove(&channel) else { return };
        let home = self.guild_mut(guild);
        home.channels.remove(&channel);
        home.system_channel = home.system_channel.filter(|system| *system != channel);
        let is_inside = |thread: &&Channel| thread.parent == Some(channel);
        let inside: Vec<_> = home.channels.values().filter(is_inside).map(|thread| thread.id).collect();
        self.messages.retain(|_, message| message.channel != channel);
        for thread in inside {
            self.forget_channel(thread);
        }
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
