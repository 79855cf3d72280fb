//! What every store must do, whatever it is built on. Each test gets a store of its own through [`store`].

mod held;
mod life;
mod members;
mod notices;
mod posts;
mod preferences;
mod pushes;
mod revisions;
mod routes;
mod servers;
mod trying;
mod waking;

use std::time::Duration;

use super::{
    Added, Change, Decision, DeliveryState, Held, LeaseRequest, Settlement, Shard, Store, StoreOptions,
};
use crate::domain::{
    BroadcasterId, ChannelId, Delivery, DeliveryId, GuildId, Login, Mentioned, MessageId, NewWatch, Outcome,
    Owed, Preferences, Profile, Refusal, SessionId, Source, Stream, StreamId, Timestamp, TransitionId,
    UserId, Watch, WatchKey,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

/// A store on an empty database; the folder goes with the guard.
async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
    (folder, store)
}

fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn guild(raw: u64) -> GuildId {
    GuildId::new(raw).expect("an id")
}

fn channel(raw: u64) -> ChannelId {
    ChannelId::new(raw).expect("an id")
}

fn key(raw: u64, id: &str) -> WatchKey {
    WatchKey { guild: guild(raw), broadcaster: BroadcasterId::new(id) }
}

fn profile(id: &str) -> Profile {
    let login = Login::new(&format!("user_{id}")).expect("a login");
    Profile { broadcaster: BroadcasterId::new(id), display_name: login.to_string(), login, image: None }
}

fn stream(id: &str, stream: &str) -> Stream {
    Stream {
        id: StreamId::new(stream),
        broadcaster: BroadcasterId::new(id),
        login: Login::new(&format!("user_{id}")).expect("a login"),
        display_name: format!("User {id}"),
        title: None,
        category: None,
        viewers: None,
        started_at: NOW,
        thumbnail: None,
        tags: Vec::new(),
        language: None,
    }
}

/// The server watches the streamer, in a channel with the server's number.
async fn watch(store: &Store, server: u64, id: &str) -> Added {
    let watch = NewWatch {
        key: key(server, id),
        channel: Some(channel(server)),
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    store.add_watch(watch, profile(id), 1000).await.expect("added")
}

async fn owed(store: &Store, id: &str) -> Vec<Owed> {
    let watches = store.watches_of(vec![BroadcasterId::new(id)]).await.expect("watches");
    let owed =
        |watch: Watch| Owed { channel: watch.channel.expect("a channel"), watch: watch.key, held_by: None };
    watches.into_iter().map(owed).collect()
}

async fn commit(store: &Store, at: Timestamp, change: Change) -> usize {
    let decision = Decision { at, decided_at: at, source: Source::Poll, changes: vec![change] };
    store.commit(decision).await.expect("committed")
}

/// Somebody goes live and everybody who watches is owed word of it.
async fn goes_live(store: &Store, id: &str, with: &str) -> usize {
    let owed = owed(store, id).await;
    commit(store, NOW, Change::Began { stream: Box::new(stream(id, with)), owed, replaces: None }).await
}

fn session(store: &Store, id: &str) -> SessionId {
    store.board().with(|open| open[&BroadcasterId::new(id)].id)
}

async fn ends(store: &Store, id: &str) {
    let ended = Change::Ended { session: session(store, id), broadcaster: BroadcasterId::new(id) };
    commit(store, later(60), ended).await;
}

async fn lease_with(store: &Store, at: Timestamp, slots: usize, held: Vec<Held>) -> Vec<Delivery> {
    let until = at.after(Duration::from_mins(2));
    let request = LeaseRequest { at, until, slots, per_channel: 2, per_transition: usize::MAX, held };
    store.lease(request).await.expect("leased")
}

async fn lease(store: &Store, at: Timestamp) -> Vec<Delivery> {
    lease_with(store, at, 100, Vec::new()).await
}

fn settlement(delivery: &Delivery, outcome: Outcome) -> Settlement {
    Settlement {
        delivery: delivery.id,
        outcome,
        retry_at: later(10),
        at: later(1),
        sent_at: None,
        posted_in: None,
        forum_tag: None,
        unsure_since: None,
        doubt: None,
        mentioned: Mentioned::default(),
    }
}

async fn settle(store: &Store, delivery: &Delivery, outcome: Outcome) {
    store.settle(settlement(delivery, outcome)).await.expect("settled");
}

/// An attempt without an answer: the announcement may be there.
async fn settle_unsure(store: &Store, delivery: &Delivery) {
    let settlement = Settlement {
        delivery: delivery.id,
        outcome: retry(),
        retry_at: later(10),
        at: later(1),
        sent_at: None,
        posted_in: None,
        forum_tag: None,
        unsure_since: Some(NOW),
        doubt: None,
        mentioned: Mentioned::default(),
    };
    store.settle(settlement).await.expect("settled");
}

/// How the delivery to a server stands, with the word that goes with it.
async fn state(store: &Store, server: u64, id: &str) -> (DeliveryState, Option<String>) {
    let account = store.account_of(key(server, id)).await.expect("an answer").expect("a session");
    let delivery = account.delivery.expect("a delivery");
    (delivery.state, delivery.detail)
}

fn retry() -> Outcome {
    Outcome::RetryAfter { asked: None, why: "it answers 502".to_owned(), perhaps_done: false }
}

#[tokio::test]
async fn what_is_owed_is_leased_once_and_settled_for_good() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    assert_eq!(goes_live(&store, "7", "a").await, 1);
    let leased = lease(&store, NOW).await;
    assert_eq!((leased.len(), leased[0].attempt, leased[0].channel), (1, 1, channel(1)));
    assert!(lease(&store, NOW).await.is_empty());
    settle(&store, &leased[0], Outcome::Delivered(MessageId::new(5))).await;
    assert!(lease(&store, later(9999)).await.is_empty());
    assert_eq!(store.undecided().await.expect("a count"), 0);
}

#[tokio::test]
async fn a_retry_comes_when_it_is_due_with_the_same_number() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let first = lease(&store, NOW).await.remove(0);
    settle(&store, &first, retry()).await;
    assert!(lease(&store, later(9)).await.is_empty());
    assert_eq!(store.next_due(later(9)).await.expect("a time"), Some(later(10)));
    let second = lease(&store, later(10)).await.remove(0);
    assert_eq!((second.id, second.attempt, second.decided_at), (first.id, 2, first.decided_at));
}

#[tokio::test]
async fn a_lease_that_ran_out_is_anybodys() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    assert_eq!(lease(&store, NOW).await.len(), 1);
    assert!(lease(&store, later(119)).await.is_empty());
    assert_eq!(lease(&store, later(120)).await.len(), 1);
    assert_eq!(store.release_leases().await.expect("released"), 1);
    assert_eq!(lease(&store, later(121)).await.len(), 1);
}

#[tokio::test]
async fn a_full_channel_leaves_room_for_others() {
    let (_folder, store) = store().await;
    for streamer in 0..1500 {
        let id = streamer.to_string();
        let watch = NewWatch {
            key: key(1, &id),
            channel: Some(channel(1)),
            by: UserId::new(1).expect("an id"),
            at: NOW,
            preferences: Preferences::default(),
        };
        store.add_watch(watch, profile(&id), usize::MAX).await.expect("added");
        goes_live(&store, &id, &id).await;
    }
    watch(&store, 2, "0").await;
    let owed = vec![Owed { watch: key(2, "0"), channel: channel(2), held_by: None }];
    let caught_up =
        Change::CaughtUp { watches: vec![key(2, "0")], owed, session: Some(session(&store, "0")) };
    assert_eq!(commit(&store, NOW, caught_up).await, 1);
    let channels: Vec<_> = lease(&store, NOW).await.iter().map(|delivery| delivery.channel.get()).collect();
    assert_eq!(channels, [1, 1, 2]);
    let held = |number| Held {
        delivery: DeliveryId(number),
        attempt: 1,
        channel: channel(1),
        transition: TransitionId(number),
    };
    let busy = vec![held(-1), held(-2)];
    assert!(lease_with(&store, NOW, 100, busy).await.is_empty());
}

#[tokio::test]
async fn ten_thousand_deliveries_are_owed_at_once_or_not_at_all() {
    const SERVERS: u64 = 10_000;
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    // The watches are written past the store: ten thousand commits of its own would only test the disk.
    let fill = "WITH RECURSIVE server (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM server WHERE id < 10000)
                INSERT INTO guild (guild_id) SELECT id FROM server;
                INSERT INTO watch (guild_id, broadcaster_id, channel_id, added_at, added_by)
                SELECT guild_id, '7', guild_id, 0, 1 FROM guild WHERE guild_id > 1;";
    let database = rusqlite::Connection::open(folder.path().join("livebell.db")).expect("the database opens");
    database.execute_batch(fill).expect("filled");
    let owed = owed(&store, "7").await;
    let began = |with: &str| Change::Began {
        stream: Box::new(stream("7", with)),
        owed: owed.clone(),
        replaces: None,
    };
    // A broadcaster has one session at a time, so a decision with two is refused, and nothing of it is kept.
    let twice =
        Decision { at: NOW, decided_at: NOW, source: Source::Poll, changes: vec![began("a"), began("b")] };
    store.commit(twice).await.expect_err("refused");
    assert_eq!(store.undecided().await.expect("a count"), 0);
    assert!(store.board().with(std::collections::HashMap::is_empty));
    assert_eq!(u64::try_from(commit(&store, NOW, began("a")).await), Ok(SERVERS));
    assert_eq!(store.undecided().await.map(u64::try_from).expect("a count"), Ok(SERVERS));
    // Watches that are gone by the time of the commit are owed nothing.
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    let again = Change::CaughtUp { watches: Vec::new(), owed, session: Some(session(&store, "7")) };
    assert_eq!(commit(&store, NOW, again).await, 0);
}

#[tokio::test]
async fn nobody_is_owed_the_same_twice() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    assert_eq!(goes_live(&store, "7", "a").await, 1);
    let again =
        |owed| Change::CaughtUp { watches: vec![key(1, "7")], owed, session: Some(session(&store, "7")) };
    assert_eq!(commit(&store, NOW, again(owed(&store, "7").await)).await, 0);
    // Also not in another channel, or after the watch was removed and made again.
    let elsewhere = vec![Owed { watch: key(1, "7"), channel: channel(99), held_by: None }];
    assert_eq!(commit(&store, NOW, again(elsewhere)).await, 0);
    let leased = lease(&store, NOW).await;
    settle(&store, &leased[0], Outcome::Delivered(None)).await;
    assert!(store.remove_watch(key(1, "7"), NOW).await.expect("removed"));
    watch(&store, 1, "7").await;
    assert_eq!(commit(&store, NOW, again(owed(&store, "7").await)).await, 0);
}

#[tokio::test]
async fn a_removed_watch_takes_back_what_is_pending_and_a_new_one_owes_it_again() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    assert!(lease(&store, NOW).await.is_empty());
    watch(&store, 1, "7").await;
    assert_eq!(store.fresh_watches().await.expect("watches").len(), 1);
    let owed = owed(&store, "7").await;
    let again = Change::CaughtUp { watches: vec![key(1, "7")], owed, session: Some(session(&store, "7")) };
    assert_eq!(commit(&store, NOW, again).await, 1);
    assert!(store.fresh_watches().await.expect("watches").is_empty());
    assert_eq!(lease(&store, NOW).await.len(), 1);
}

#[tokio::test]
async fn what_was_not_tried_yet_goes_where_the_admin_wants_it_now() {
    let (_folder, store) = store().await;
    let move_to = async |raw: u64| {
        let watch = NewWatch {
            key: key(1, "7"),
            channel: Some(channel(raw)),
            by: UserId::new(1).expect("an id"),
            at: NOW,
            preferences: Preferences::default(),
        };
        store.add_watch(watch, profile("7"), 1000).await.expect("added");
    };
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    move_to(8).await;
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    move_to(9).await;
    let again = async || Change::CaughtUp {
        watches: vec![key(1, "7")],
        owed: owed(&store, "7").await,
        session: Some(session(&store, "7")),
    };
    assert_eq!(commit(&store, NOW, again().await).await, 1);
    let leased = lease(&store, NOW).await.remove(0);
    assert_eq!(leased.channel, channel(9));
    // From here on it may stand in that channel, whatever the answer was.
    settle_unsure(&store, &leased).await;
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    move_to(10).await;
    assert_eq!(commit(&store, NOW, again().await).await, 1);
    assert_eq!(lease(&store, later(60)).await[0].channel, channel(9));
}

#[tokio::test]
async fn what_is_pending_expires_with_the_session_and_lives_again_with_it() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    goes_live(&store, "7", "a").await;
    let number = session(&store, "7");
    // One attempt is under way when the session ends.
    let under_way = lease_with(&store, NOW, 1, Vec::new()).await.remove(0);
    ends(&store, "7").await;
    settle(&store, &under_way, retry()).await;
    assert_eq!(store.undecided().await.expect("a count"), 0);
    let found = store.ended_sessions_with(vec![StreamId::new("a"), StreamId::new("b")]).await.expect("found");
    assert_eq!(found.get(&StreamId::new("a")), Some(&number));
    assert_eq!(found.len(), 1);
    let owed = owed(&store, "7").await;
    let back = Change::Reopened { session: number, stream: Box::new(stream("7", "a")), owed };
    assert_eq!(commit(&store, later(90), back).await, 2);
    assert_eq!(lease(&store, later(90)).await.len(), 2);
}

#[tokio::test]
async fn what_lives_again_goes_where_the_admin_wants_it_now() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let number = session(&store, "7");
    ends(&store, "7").await;
    let moved = NewWatch {
        key: key(1, "7"),
        channel: Some(channel(9)),
        by: UserId::new(1).expect("an id"),
        at: later(70),
        preferences: Preferences::default(),
    };
    store.add_watch(moved, profile("7"), 1000).await.expect("moved");
    let owed = owed(&store, "7").await;
    let back = Change::Reopened { session: number, stream: Box::new(stream("7", "a")), owed };
    commit(&store, later(90), back).await;
    assert_eq!(lease(&store, later(90)).await[0].channel, channel(9));
}

#[tokio::test]
async fn a_refusal_shows_in_the_list_until_the_channel_changes() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await;
    settle(&store, &leased[0], Outcome::Refused(Refusal::BlockedByServer)).await;
    let refused = async || store.list(guild(1)).await.expect("a list")[0].refused;
    assert_eq!(refused().await, Some(Refusal::BlockedByServer));
    let elsewhere = NewWatch {
        key: key(1, "7"),
        channel: Some(channel(9)),
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    let added = store.add_watch(elsewhere, profile("7"), 1000).await.expect("added");
    assert_eq!(added, Added::AlreadyThere { channel: Some(channel(9)), moved: true });
    assert_eq!(refused().await, None);
}

#[tokio::test]
async fn open_sessions_are_there_after_a_restart() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let again = Change::Continued { session: session(&store, "7"), stream: Box::new(stream("7", "b")) };
    commit(&store, later(30), again).await;
    let broadcaster = BroadcasterId::new("7");
    let last_seen_at = later(40);
    let missed =
        Change::Missed { session: session(&store, "7"), broadcaster: broadcaster.clone(), last_seen_at };
    commit(&store, later(60), missed).await;
    let before = store.board().with(|open| open[&broadcaster].clone());
    drop(store);
    let path = folder.path().join("livebell.db");
    let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
    let after = store.board().with(|open| open[&broadcaster].clone());
    assert_eq!(after.stream_ids.len(), 2);
    assert_eq!((after.missing_since, after.last_seen_at), (Some(later(60)), later(40)));
    assert_eq!(after.stream, before.stream);
}

#[tokio::test]
async fn sessions_of_whom_nobody_watches_are_given_up_and_taken_up_again() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 1, "8").await;
    goes_live(&store, "7", "a").await;
    goes_live(&store, "8", "b").await;
    let number = session(&store, "7");
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    assert_eq!(store.give_up_unwatched(later(60)).await.expect("given up"), 1);
    let open = store.board().with(|open| open.keys().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(open, ["8"]);
    let found = store.ended_sessions_with(vec![StreamId::new("a")]).await.expect("found");
    assert_eq!(found.get(&StreamId::new("a")), Some(&number));
}
