//! Who must hear: watches × what happened → who is owed a delivery. Pure; it neither remembers nor sends.

use crate::domain::{Owed, Watch};

/// Who is owed word of a session that has begun.
///
/// A watch without a place is owed nothing: its server took its channel back, and says so in `/streamers`.
#[must_use]
pub fn owed(watches: Vec<Watch>) -> Vec<Owed> {
    watches.into_iter().filter_map(|watch| Some(Owed { channel: watch.channel?, watch: watch.key })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BroadcasterId, ChannelId, GuildId, Preferences, WatchKey};

    fn watch(guild: u64, channel: Option<u64>) -> Watch {
        let key = WatchKey {
            guild: GuildId::new(guild).expect("a snowflake"),
            broadcaster: BroadcasterId::new("1"),
        };
        Watch { key, channel: channel.and_then(ChannelId::new), preferences: Preferences::default() }
    }

    #[test]
    fn every_watch_with_a_place_is_owed_once() {
        let owed = owed(vec![watch(1, Some(10)), watch(2, None), watch(3, Some(30))]);
        let places: Vec<_> = owed.iter().map(|owed| (owed.watch.guild.get(), owed.channel.get())).collect();
        assert_eq!(places, [(1, 10), (3, 30)]);
    }
}
