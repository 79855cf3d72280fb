//! Looking: a server's list, and who of it is live. Answered from what is remembered, so at once.

use super::{Control, Denied};
use crate::domain::{BroadcasterId, ChannelId, GuildId, Login, Pause, Profile, Refusal, Stream, Timestamp};
use crate::store::{Listed, LiveNow};

/// Entries on a page: each takes up to three lines, and an embed holds 4096 characters.
const PAGE: usize = 10;

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// Its number, from 0. The last one when a later one was asked for.
    pub number: usize,
    /// How many there are, at least 1.
    pub of: usize,
    /// How many entries there are on all pages.
    pub total: usize,
}

/// A watched streamer in a server's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchEntry {
    /// Who.
    pub profile: Profile,
    /// Live since when, if live.
    pub live_since: Option<Timestamp>,
    /// Where announcements go.
    pub channel: Option<ChannelId>,
    /// Since when the server watches.
    pub added_at: Timestamp,
    /// Why announcements do not arrive.
    pub problem: Option<Problem>,
}

/// Why announcements do not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// Neither the watch nor the server has a channel.
    NoChannel,
    /// Twitch does not know the account, since then.
    Unavailable(Timestamp),
    /// The channel takes nothing, so announcements wait.
    Paused(Pause),
    /// The last announcement was refused.
    Refused(Refusal),
}

/// Who of a server's streamers is live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Live {
    /// Who is.
    pub page: Page<LiveEntry>,
    /// How many streamers the server watches.
    pub watched: usize,
    /// When Twitch was last looked at, if it was since the start.
    pub as_of: Option<Timestamp>,
}

/// A streamer who is live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveEntry {
    /// The name.
    pub name: String,
    /// The login.
    pub login: Login,
    /// What the last sighting showed.
    pub stream: Stream,
    /// Since when.
    pub since: Timestamp,
    /// Set when the last looks missed the stream.
    pub missing_since: Option<Timestamp>,
}

impl Control {
    /// A page of a server's list: the live first, then by name.
    pub async fn streamers(&self, guild: GuildId, page: usize) -> Result<Page<WatchEntry>, Denied> {
        let default = self.store.guild(guild).await?.channel;
        let list = self.store.list(guild).await?;
        let mut entries: Vec<_> = list.into_iter().map(|listed| self.entry(listed, default)).collect();
        entries.sort_by_cached_key(|entry| (entry.live_since.is_none(), by_name(&entry.profile)));
        Ok(Page::of(entries, page))
    }

    /// Who of a server's streamers is live, the most watched first.
    pub async fn live(&self, guild: GuildId, page: usize) -> Result<Live, Denied> {
        let watched = self.store.watched(guild).await?;
        let mut live: Vec<LiveEntry> =
            watched.iter().filter_map(|profile| self.live_entry(&profile.broadcaster)).collect();
        live.sort_by(|a, b| b.stream.viewers.cmp(&a.stream.viewers).then_with(|| a.login.cmp(&b.login)));
        Ok(Live { page: Page::of(live, page), watched: watched.len(), as_of: self.store.board().looked_at() })
    }

    fn entry(&self, listed: Listed, default: Option<ChannelId>) -> WatchEntry {
        let live = self.store.board().live(&listed.profile.broadcaster);
        let channel = listed.own_channel.or(default);
        let problem = if channel.is_none() {
            Some(Problem::NoChannel)
        } else if let Some(since) = listed.unavailable_since {
            Some(Problem::Unavailable(since))
        } else {
            listed.pause.map(Problem::Paused).or(listed.refused.map(Problem::Refused))
        };
        WatchEntry {
            live_since: live.filter(|live| live.missing_since.is_none()).map(|live| live.since),
            profile: listed.profile,
            channel,
            added_at: listed.added_at,
            problem,
        }
    }

    fn live_entry(&self, broadcaster: &BroadcasterId) -> Option<LiveEntry> {
        let LiveNow { stream, since, missing_since } = self.store.board().live(broadcaster)?;
        let name = stream.display_name.clone();
        Some(LiveEntry { name, login: stream.login.clone(), stream, since, missing_since })
    }
}

fn by_name(profile: &Profile) -> String {
    profile.display_name.to_lowercase()
}

impl<T> Page<T> {
    pub(super) fn of(entries: Vec<T>, wanted: usize) -> Self {
        let total = entries.len();
        let of = total.div_ceil(PAGE).max(1);
        let number = wanted.min(of - 1);
        let entries = entries.into_iter().skip(number * PAGE).take(PAGE).collect();
        Self { entries, number, of, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: usize, wanted: usize, expected: (usize, usize, usize)) {
        let page = Page::of((0..entries).collect::<Vec<_>>(), wanted);
        assert_eq!((page.number, page.of, page.entries.len()), expected);
    }

    #[test]
    fn a_list_is_cut_into_pages() {
        check(0, 0, (0, 1, 0));
        check(10, 0, (0, 1, 10));
        check(11, 1, (1, 2, 1));
        // A button of a message that is older than the list's last page.
        check(11, 7, (1, 2, 1));
    }
}
