//! What Twitch has posted: remembered once, for a while, and heard of again by the next process.

use std::time::Duration;

use super::{goes_live, later, store, watch};
use crate::domain::{BroadcasterId, GuildId, Login, Online, StreamId, Timestamp};
use crate::store::{Pushed, Store, Taken};

fn online(id: &str, stream: &str) -> Online {
    Online {
        stream: StreamId::new(stream),
        broadcaster: BroadcasterId::new(id),
        login: Login::new("ann").expect("a login"),
        display_name: "Ann".to_owned(),
        started_at: later(0),
        is_live: true,
    }
}

fn pushed(message: &str, id: &str) -> Pushed {
    Pushed {
        message: message.to_owned(),
        broadcaster: Some(BroadcasterId::new(id)),
        online: Some(online(id, message)),
    }
}

async fn take(store: &Store, messages: &[Pushed], at: Timestamp) -> Vec<Taken> {
    store.take_pushed(messages.to_vec(), at).await.expect("taken")
}

#[tokio::test]
async fn a_message_is_new_once_and_only_if_somebody_watches() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    let together = [pushed("a", "7"), pushed("a", "7"), pushed("b", "8"), pushed("c", "7")];
    assert_eq!(
        take(&store, &together, later(0)).await,
        [Taken::New, Taken::Again, Taken::Unwanted, Taken::New]
    );
    assert_eq!(take(&store, &together[..1], later(60)).await, [Taken::Again]);
    // What is about no broadcaster is remembered and tells of no stream.
    let other = Pushed { message: "d".to_owned(), broadcaster: None, online: None };
    assert_eq!(take(&store, &[other.clone(), other], later(60)).await, [Taken::New, Taken::Again]);
    // Without the bot nobody hears, so nobody wants to.
    store.guild_left(GuildId::new(1).expect("an id"), later(60)).await.expect("left");
    assert_eq!(take(&store, &[pushed("e", "7")], later(60)).await, [Taken::Unwanted]);
    assert!(!store.is_watched(BroadcasterId::new("7")).await.expect("an answer"));
}

#[tokio::test]
async fn what_was_heard_of_a_short_while_ago_is_told_the_latest_first() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    for (number, seconds) in [(1, 0), (2, 10), (3, 20)] {
        take(&store, &[pushed(&format!("s{number}"), "7")], later(seconds)).await;
    }
    let heard = |most| store.heard_since(later(10), most);
    assert_eq!(heard(9).await.expect("heard"), [online("7", "s3"), online("7", "s2")]);
    assert_eq!(heard(1).await.expect("heard"), [online("7", "s3")]);
    // Who was seen need not be looked up.
    goes_live(&store, "7", "s3").await;
    assert_eq!(heard(9).await.expect("heard"), [online("7", "s2")]);
}

#[tokio::test]
async fn messages_are_forgotten_after_twenty_minutes() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    take(&store, &[pushed("a", "7")], later(0)).await;
    let minutes = Duration::from_mins(20).as_secs();
    assert_eq!(take(&store, &[pushed("b", "7"), pushed("a", "7")], later(minutes)).await[1], Taken::Again);
    take(&store, &[pushed("c", "7")], later(minutes + 1)).await;
    assert_eq!(take(&store, &[pushed("a", "7")], later(minutes + 1)).await, [Taken::New]);
    // And without another message when it is tidied up.
    while store.tidy_history(later(3 * minutes)).await.expect("tidied") > 0 {}
    assert_eq!(store.heard_since(later(0), 9).await.expect("heard"), []);
}

#[tokio::test]
async fn no_more_than_so_many_messages_are_remembered() {
    const MOST: usize = 100_000;
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    let many: Vec<Pushed> = (0..MOST + 300).map(|number| pushed(&format!("s{number}"), "7")).collect();
    take(&store, &many, later(0)).await;
    let heard = store.heard_since(later(0), usize::MAX).await.expect("heard");
    assert_eq!(heard.len(), MOST);
    assert_eq!(heard[MOST - 1], online("7", "s300"), "the oldest are forgotten");
}

#[tokio::test]
async fn addresses_of_former_times_are_known_until_they_are_forgotten() {
    let (_folder, store) = store().await;
    let mark = |url: &str, mark: &str| Some((url.to_owned(), mark.to_owned()));
    let former = |current| store.former_callbacks(current);
    assert_eq!(former(None).await.expect("known"), [""; 0]);
    assert_eq!(former(mark("https://a", "1")).await.expect("known"), [""; 0]);
    assert_eq!(former(mark("https://b", "1")).await.expect("known"), ["https://a"]);
    assert_eq!(former(mark("https://b", "2")).await.expect("known"), ["https://a", "https://b"]);
    store.forget_former_callbacks(mark("https://b", "2")).await.expect("forgotten");
    assert_eq!(former(mark("https://b", "2")).await.expect("known"), [""; 0]);
    assert_eq!(former(None).await.expect("known"), ["https://b"]);
    store.forget_former_callbacks(None).await.expect("forgotten");
    assert_eq!(former(None).await.expect("known"), [""; 0]);
}
