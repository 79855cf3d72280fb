//! How announcements are wanted: by a server, and otherwise for single streamers.

use super::*;
use crate::domain::{Mention, OnEnd, Preferences};
use crate::store::Placing;

const STAYS: Placing = Placing { channel: None, asked_in: None, at: NOW };

#[tokio::test]
async fn a_streamer_is_wanted_as_the_server_wants_all_but_for_what_is_set_otherwise() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 1, "8").await;
    let of_server = |wanted: &mut Preferences| {
        wanted.mention = Some(Mention::Everyone);
        wanted.min_viewers = Some(10);
    };
    let set =
        store.change_preferences(guild(1), None, STAYS, of_server).await.expect("changed").expect("a server");
    assert_eq!((set.mention, set.min_viewers), (Some(Mention::Everyone), Some(10)));
    let of_streamer = |wanted: &mut Preferences| {
        wanted.mention = Some(Mention::Nobody);
        wanted.on_end = Some(OnEnd::Keep);
    };
    let set = store.change_preferences(guild(1), Some(BroadcasterId::new("7")), STAYS, of_streamer).await;
    let set = set.expect("changed").expect("a watch");
    assert_eq!((set.mention, set.on_end, set.min_viewers), (Some(Mention::Nobody), Some(OnEnd::Keep), None));
    let wanted = async |id: &str| {
        let mut watches = store.watches_of(vec![BroadcasterId::new(id)]).await.expect("watches");
        watches.remove(0).preferences
    };
    let seven = wanted("7").await;
    assert_eq!(
        (seven.mention, seven.on_end, seven.min_viewers),
        (Some(Mention::Nobody), Some(OnEnd::Keep), Some(10))
    );
    assert_eq!(wanted("8").await.mention, Some(Mention::Everyone));
    // What is said when an announcement is made and when it is brought up to date is what is wanted then.
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await.remove(0);
    assert_eq!(leased.preferences, seven);
    // Taken back to what the server wants.
    let reset = |wanted: &mut Preferences| *wanted = Preferences::default();
    store.change_preferences(guild(1), Some(BroadcasterId::new("7")), STAYS, reset).await.expect("changed");
    assert_eq!(wanted("7").await, wanted("8").await);
}

#[tokio::test]
async fn nothing_is_set_for_a_streamer_who_is_not_watched() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    let generation = store.watches_generation();
    let changed = store.change_preferences(guild(2), Some(BroadcasterId::new("7")), STAYS, |_| {}).await;
    assert_eq!(changed.expect("an answer"), None);
    let state = store.watch(key(1, "7")).await.expect("an answer").expect("a watch");
    assert_eq!((state.preferences, state.own_channel), (Preferences::default(), Some(channel(1))));
    assert_ne!(store.watches_generation(), generation, "whoever holds something back looks again");
}

#[tokio::test]
async fn what_waits_follows_a_streamer_who_is_placed_elsewhere_and_back() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let place = async |streamer: Option<&str>, raw: Option<u64>| {
        let placing = Placing { channel: Some(raw.map(channel)), asked_in: None, at: NOW };
        let streamer = streamer.map(BroadcasterId::new);
        store.change_preferences(guild(1), streamer, placing, |_| {}).await.expect("placed");
    };
    place(None, Some(50)).await;
    place(Some("7"), None).await;
    let state = store.watch(key(1, "7")).await.expect("an answer").expect("a watch");
    assert_eq!((state.channel, state.own_channel), (Some(channel(50)), None));
    place(Some("7"), Some(60)).await;
    assert_eq!(lease(&store, NOW).await[0].channel, channel(60));
}
