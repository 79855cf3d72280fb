//! Threads: what they are, how they are archived, locked and deleted, and which of them are active. Posts in forums, which
//! are threads too, are made in `forums`.

use std::time::Duration;

use serde_json::{Value, json};

use super::errors::{Problem, Refusal};
use super::models;
use super::permissions::{
    MANAGE_CHANNELS, MANAGE_THREADS, READ_MESSAGE_HISTORY, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use super::state::{BOT, Channel, ChannelKind, Guild, SOMEBODY, State};
use super::validate::Checker;
use super::world::tell_channel;
use super::{Discord, messages};

/// After so many minutes of silence a thread may be archived.
pub(super) const ARCHIVED_AFTER: [u64; 4] = [60, 1440, 4320, 10_080];
/// How many archived threads are listed at most, and when nobody says how many.
const ARCHIVED_PAGE: usize = 100;
/// How many tags a post may have.
pub(super) const TAGS: usize = 5;
pub(super) const NAME: usize = 100;

/// What a thread has beyond other channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Whether it is put away: it comes back with the next message, unless it is locked.
    pub archived: bool,
    /// Whether only moderators may write.
    pub locked: bool,
    /// Who began it.
    pub owner: u64,
    /// The tags of the forum that it has.
    pub tags: Vec<u64>,
    /// After how many minutes of silence Discord would archive it; the fake never does that by itself.
    pub auto_archive: u64,
    /// How many messages came into it, the first one of a post aside.
    pub replies: u32,
    pub(super) slowmode: u64,
    pub(super) began: Duration,
    /// When it was archived or came back last.
    pub(super) archived_at: Duration,
}

impl Thread {
    pub(super) fn new(owner: u64, now: Duration) -> Self {
        Self {
            archived: false,
            locked: false,
            owner,
            tags: Vec::new(),
            auto_archive: ARCHIVED_AFTER[1],
            replies: 0,
            slowmode: 0,
            began: now,
            archived_at: now,
        }
    }
}

impl Discord {
    /// Lets somebody begin a thread in a channel, or a post in a forum, without any message.
    ///
    /// # Panics
    /// If the guild was never made, or the parent is not in it.
    pub fn add_thread(&self, guild: u64, parent: u64, name: &str) -> u64 {
        self.change(|state, now| {
            let found = state.guild_mut(guild).channels.get(&parent).map(|parent| parent.kind);
            let kind = match found.expect("the parent of a thread is a channel of its server") {
                ChannelKind::Announcement => ChannelKind::AnnouncementThread,
                _ => ChannelKind::PublicThread,
            };
            begin(state, (guild, parent, kind), name, SOMEBODY, now)
        })
    }

    /// Lets somebody begin a private thread, with the bot in it.
    ///
    /// # Panics
    /// If the guild was never made.
    pub fn add_private_thread(&self, guild: u64, parent: u64, name: &str) -> u64 {
        let kind = ChannelKind::PrivateThread;
        self.change(|state, now| begin(state, (guild, parent, kind), name, SOMEBODY, now))
    }

    /// The threads of a server, archived ones too, oldest first.
    #[must_use]
    pub fn threads(&self, guild: u64) -> Vec<Channel> {
        let state = self.shared.state();
        let all = state.guilds.get(&guild).into_iter().flat_map(|guild| guild.channels.values());
        all.filter(|channel| channel.thread.is_some()).cloned().collect()
    }

    /// Archives a thread, or brings it back.
    pub fn set_archived(&self, thread: u64, archived: bool) {
        self.change(|state, now| change(state, thread, now, |thread| thread.archived = archived));
    }

    /// Locks a thread, or unlocks it.
    pub fn set_locked(&self, thread: u64, locked: bool) {
        self.change(|state, now| change(state, thread, now, |thread| thread.locked = locked));
    }
}

/// Makes a thread and tells of it.
fn begin(
    state: &mut State,
    (guild, parent, kind): (u64, u64, ChannelKind),
    name: &str,
    owner: u64,
    now: Duration,
) -> u64 {
    let id = add(state, (guild, parent, kind), name, Thread::new(owner, now), now);
    tell_channel(state, id, "THREAD_CREATE", now);
    id
}

/// Makes a thread, of which nobody is told yet.
pub(super) fn add(
    state: &mut State,
    (guild, parent, kind): (u64, u64, ChannelKind),
    name: &str,
    thread: Thread,
    now: Duration,
) -> u64 {
    let id = state.add_channel(guild, name, kind, now);
    if let Some(channel) = state.guild_mut(guild).channels.get_mut(&id) {
        channel.parent = Some(parent);
        channel.thread = Some(thread);
    }
    id
}

/// Changes a thread and tells of it.
fn change(state: &mut State, thread: u64, now: Duration, change: impl FnOnce(&mut Thread)) {
    let Some(guild) = state.places.get(&thread).copied() else { return };
    let channel = state.guild_mut(guild).channels.get_mut(&thread);
    let Some(found) = channel.and_then(|channel| channel.thread.as_mut()) else { return };
    let was_archived = found.archived;
    change(found);
    if found.archived != was_archived {
        found.archived_at = now;
    }
    tell_channel(state, thread, "THREAD_UPDATE", now);
}

/// Whether the bot, with these permissions, may write into a channel as far as that is a matter of threads.
pub(super) fn may_write(channel: &Channel, permissions: u64) -> Result<(), Refusal> {
    let Some(thread) = &channel.thread else { return Ok(()) };
    if permissions & SEND_MESSAGES_IN_THREADS == 0 {
        return Err(Refusal::missing_permissions());
    }
    if thread.locked && permissions & MANAGE_THREADS == 0 {
        return Err(Refusal::new(403, 160_005, "Thread is locked"));
    }
    Ok(())
}

/// What a message does to the thread it comes into: it counts, and brings the thread back.
pub(super) fn written(state: &mut State, channel: u64, now: Duration) {
    let Some((_, place)) = state.channel(channel) else { return };
    let Some(thread) = &place.thread else { return };
    if thread.archived {
        change(state, channel, now, |thread| thread.archived = false);
    }
    let guild = state.places.get(&channel).copied().unwrap_or_default();
    let place = state.guild_mut(guild).channels.get_mut(&channel);
    if let Some(thread) = place.and_then(|place| place.thread.as_mut()) {
        thread.replies += 1;
    }
}

/// A refusal if a channel is a thread that is archived: nothing in it can be changed then.
pub(super) fn is_open(state: &State, channel: u64) -> Result<(), Refusal> {
    let thread = state.channel(channel).and_then(|(_, channel)| channel.thread.as_ref());
    if thread.is_some_and(|thread| thread.archived) {
        return Err(Refusal::new(400, 50_083, "Thread is archived"));
    }
    Ok(())
}

/// The threads of a server that are not archived and that the bot can see.
pub(super) fn active(guild: &Guild) -> Value {
    let is_active = |channel: &&Channel| {
        let open = channel.thread.as_ref().is_some_and(|thread| !thread.archived);
        open && guild.permissions_in(channel) & VIEW_CHANNEL != 0
    };
    let threads: Vec<_> = guild.channels.values().filter(is_active).collect();
    let members: Vec<_> = threads.iter().filter_map(|channel| models::thread_member(channel)).collect();
    let threads: Vec<_> = threads.into_iter().map(models::channel).collect();
    json!({"threads": threads, "members": members, "has_more": false})
}

/// The public threads of a channel that are archived, the latest first, a page at a time.
pub(super) fn archived(state: &State, parent: u64, query: &str) -> Result<Value, Refusal> {
    let permissions = messages::reachable(state, parent)?;
    if permissions & READ_MESSAGE_HISTORY == 0 {
        return Err(Refusal::missing_permissions());
    }
    let Some((guild, _)) = state.channel(parent) else { return Err(Refusal::unknown_channel()) };
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    let limit = value("limit").map_or(Ok(ARCHIVED_PAGE), str::parse);
    let limit = limit.ok().filter(|limit| (2..=ARCHIVED_PAGE).contains(limit));
    let limit = limit.ok_or_else(|| Refusal::new(400, 50_035, "Invalid Form Body"))?;
    let before = value("before").map(|time| time.replace("%2B", "+").replace("%3A", ":"));
    let mut found: Vec<(String, &Channel)> = guild
        .channels
        .values()
        .filter(|channel| channel.parent == Some(parent) && channel.kind != ChannelKind::PrivateThread)
        .filter_map(|channel| {
            let thread = channel.thread.as_ref().filter(|thread| thread.archived)?;
            Some((models::timestamp(thread.archived_at), channel))
        })
        // The times are of one form, so they sort as they are.
        .filter(|(archived_at, _)| before.as_ref().is_none_or(|before| archived_at < before))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0));
    let has_more = found.len() > limit;
    let page: Vec<&Channel> = found.into_iter().take(limit).map(|(_, channel)| channel).collect();
    let members: Vec<_> = page.iter().filter_map(|channel| models::thread_member(channel)).collect();
    let threads: Vec<_> = page.into_iter().map(models::channel).collect();
    Ok(json!({"threads": threads, "members": members, "has_more": has_more}))
}

/// Deletes a thread, or any other channel.
pub(super) fn delete(state: &mut State, channel: u64, now: Duration) -> Result<Value, Refusal> {
    let permissions = messages::reachable(state, channel)?;
    let Some((_, found)) = state.channel(channel) else { return Err(Refusal::unknown_channel()) };
    let needed = if found.thread.is_some() { MANAGE_THREADS } else { MANAGE_CHANNELS };
    if permissions & needed == 0 {
        return Err(Refusal::missing_permissions());
    }
    let gone = models::channel(found);
    super::world::remove_channel(state, channel, now);
    Ok(gone)
}

/// Changes a thread for the bot. Other channels are nobody's to change here.
pub(super) fn edit(state: &mut State, channel: u64, body: &[u8], now: Duration) -> Result<Value, Refusal> {
    let permissions = messages::reachable(state, channel)?;
    let Some(thread) = state.channel(channel).and_then(|(_, channel)| channel.thread.clone()) else {
        return Err(Refusal::new(405, 0, "405: Method Not Allowed"));
    };
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let mut checker = Checker::default();
    let Some(fields) = body.as_object() else { return Err(Refusal::bad_json()) };
    checker.known("", fields, &["archived", "locked", "auto_archive_duration"]);
    checker.boolean("archived", body.get("archived"));
    checker.boolean("locked", body.get("locked"));
    let auto_archive = archived_after(&mut checker, body.get("auto_archive_duration"));
    if !checker.found.is_empty() {
        return Err(Refusal::invalid_form(&checker.found));
    }
    let moderates = permissions & MANAGE_THREADS != 0;
    // Bringing back an open thread is for everybody who may write; the rest is for its owner and moderators.
    let brings_back = fields.len() == 1 && body["archived"] == false;
    let may = moderates
        || !thread.locked
            && (thread.owner == BOT || brings_back && permissions & SEND_MESSAGES_IN_THREADS != 0);
    if !may {
        return Err(Refusal::missing_permissions());
    }
    if thread.archived && body["archived"] != false {
        return Err(Refusal::new(400, 50_083, "Thread is archived"));
    }
    change(state, channel, now, |thread| {
        thread.archived = body["archived"].as_bool().unwrap_or(thread.archived);
        thread.locked = body["locked"].as_bool().unwrap_or(thread.locked);
        thread.auto_archive = auto_archive.unwrap_or(thread.auto_archive);
    });
    Ok(state.channel(channel).map(|(_, channel)| models::channel(channel)).unwrap_or_default())
}

/// Checks after how many minutes a thread is to be archived.
pub(super) fn archived_after(checker: &mut Checker, value: Option<&Value>) -> Option<u64> {
    let value = value.filter(|value| !value.is_null())?;
    let minutes = value.as_u64().filter(|minutes| ARCHIVED_AFTER.contains(minutes));
    if minutes.is_none() {
        checker.found.push(Problem {
            path: "auto_archive_duration".to_owned(),
            code: "BASE_TYPE_CHOICES",
            message: "Value must be one of (60, 1440, 4320, 10080).".to_owned(),
        });
    }
    minutes
}
