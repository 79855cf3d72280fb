//! What filters hold back: kept, asked for once more, let through once, and never told when the stream is over.

use super::*;
use crate::domain::{Category, HeldBy};

/// Everybody who watches is owed word, and that filter holds it back.
async fn held(store: &Store, id: &str, by: HeldBy) -> Vec<Owed> {
    owed(store, id).await.into_iter().map(|owed| Owed { held_by: Some(by), ..owed }).collect()
}

/// Somebody goes live and a filter holds that back from everybody.
async fn goes_live_held(store: &Store, id: &str, by: HeldBy) {
    let owed = held(store, id, by).await;
    let began = Change::Began { stream: Box::new(stream(id, "a")), owed, replaces: None };
    assert_eq!(commit(store, NOW, began).await, 0);
}

async fn reconsidered(store: &Store, at: Timestamp, id: &str, owed: Vec<Owed>) -> usize {
    let celeste = Category { id: "7".to_owned(), name: "Celeste".to_owned() };
    let started_at = later(5);
    let stream = Stream { category: Some(celeste), viewers: Some(40), started_at, ..stream(id, "a") };
    let session = session(store, id);
    commit(store, at, Change::Reconsidered { session, stream: Box::new(stream), owed }).await
}

fn is_held_by(filter: HeldBy) -> (DeliveryState, Option<String>) {
    (DeliveryState::Held, Some(filter.as_str().to_owned()))
}

#[tokio::test]
async fn what_is_held_is_not_due_and_remembered_with_the_filter() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    assert!(store.held_back().await.expect("a list").is_empty());
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    assert!(lease(&store, later(9999)).await.is_empty());
    assert_eq!(
        (store.undecided().await.expect("a count"), store.next_due(NOW).await.expect("a time")),
        (0, None)
    );
    assert_eq!(state(&store, 1, "7").await, is_held_by(HeldBy::OnlyCategory));
    let seven = BroadcasterId::new("7");
    assert_eq!(store.held_back().await.expect("a list"), std::slice::from_ref(&seven));
    let watches = store.held_watches(vec![seven, BroadcasterId::new("8")]).await.expect("watches");
    let found: Vec<_> = watches.into_iter().map(|(watch, held_by)| (watch.key, held_by)).collect();
    assert_eq!(found, [(key(1, "7"), Some(HeldBy::OnlyCategory))]);
}

#[tokio::test]
async fn what_is_let_through_is_due_once_as_of_now_and_worded_from_what_is_known_now() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    let at = later(7_200);
    let owed = owed(&store, "7").await;
    assert_eq!(reconsidered(&store, at, "7", owed.clone()).await, 1);
    assert_eq!(reconsidered(&store, later(7_300), "7", owed).await, 0);
    // A filter that says no again does not take it back.
    let too_late = held(&store, "7", HeldBy::OnlyCategory).await;
    assert_eq!(reconsidered(&store, later(7_400), "7", too_late).await, 0);
    let delivery = lease(&store, at).await.remove(0);
    assert_eq!((delivery.decided_at, delivery.owed_since), (at, at));
    assert_eq!(delivery.stream.category.expect("a category").name, "Celeste");
    // By the start of the session it is recognised.
    assert_eq!((delivery.stream.viewers, delivery.stream.started_at), (Some(40), NOW));
    assert_eq!(state(&store, 1, "7").await, (DeliveryState::Leased, None));
    assert!(store.held_back().await.expect("a list").is_empty());
}

#[tokio::test]
async fn another_filter_may_hold_it_back_now() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    let owed = held(&store, "7", HeldBy::MinViewers).await;
    assert_eq!(reconsidered(&store, later(60), "7", owed).await, 0);
    assert_eq!(state(&store, 1, "7").await, is_held_by(HeldBy::MinViewers));
    assert!(lease(&store, later(9999)).await.is_empty());
}

#[tokio::test]
async fn with_the_end_of_the_session_it_is_not_told_any_more_and_can_be_with_its_return() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    let number = session(&store, "7");
    ends(&store, "7").await;
    let filtered = (DeliveryState::Filtered, Some("only_category".to_owned()));
    assert_eq!(state(&store, 1, "7").await, filtered);
    assert!(store.held_back().await.expect("a list").is_empty());
    // It is over, so nothing is let through.
    let late = Change::Reconsidered {
        session: number,
        stream: Box::new(stream("7", "a")),
        owed: owed(&store, "7").await,
    };
    assert_eq!(commit(&store, later(80), late).await, 0);
    assert_eq!(state(&store, 1, "7").await, filtered);
    let mut owed = owed(&store, "7").await;
    owed[1].held_by = Some(HeldBy::OnlyCategory);
    let back = Change::Reopened { session: number, stream: Box::new(stream("7", "a")), owed };
    assert_eq!(commit(&store, later(90), back).await, 1);
    assert_eq!(lease(&store, later(90)).await[0].owed_since, later(90));
    assert_eq!(state(&store, 2, "7").await, is_held_by(HeldBy::OnlyCategory));
}

#[tokio::test]
async fn a_removed_watch_takes_back_what_is_held_and_a_new_one_is_asked_about_again() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    assert_eq!(state(&store, 1, "7").await, (DeliveryState::Cancelled, None));
    watch(&store, 1, "7").await;
    let caught_up = async |owed| {
        let session = Some(session(&store, "7"));
        commit(&store, NOW, Change::CaughtUp { watches: vec![key(1, "7")], owed, session }).await
    };
    assert_eq!(caught_up(held(&store, "7", HeldBy::TitleHas).await).await, 0);
    assert_eq!(state(&store, 1, "7").await, is_held_by(HeldBy::TitleHas));
    // The same when the bot is removed from the server and comes back.
    store.guild_left(guild(1), NOW).await.expect("gone");
    assert_eq!(state(&store, 1, "7").await, (DeliveryState::Cancelled, None));
    store.guild_is_here(guild(1), NOW).await.expect("back");
    assert_eq!(caught_up(owed(&store, "7").await).await, 1);
    assert_eq!(lease(&store, NOW).await.len(), 1);
}

#[tokio::test]
async fn what_is_let_through_goes_where_the_admin_wants_it_then_and_waits_where_it_is_closed() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live_held(&store, "7", HeldBy::OnlyCategory).await;
    let by = UserId::new(1).expect("an id");
    let moved = NewWatch {
        key: key(1, "7"),
        channel: Some(channel(9)),
        by,
        at: NOW,
        preferences: Preferences::default(),
    };
    store.add_watch(moved, profile("7"), 1000).await.expect("moved");
    let route = crate::domain::Route { guild: guild(1), channel: channel(9) };
    store.pause_route(route, Refusal::MissingAccess, NOW, later(60)).await.expect("paused");
    let owed = owed(&store, "7").await;
    reconsidered(&store, later(10), "7", owed).await;
    assert_eq!(state(&store, 1, "7").await.0, DeliveryState::Paused);
    assert_eq!(store.resume_route(route, later(20)).await.expect("resumed"), 1);
    assert_eq!(lease(&store, later(20)).await[0].channel, channel(9));
}

#[tokio::test]
async fn what_may_be_there_already_keeps_its_name_and_place_through_being_held() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await.remove(0);
    settle_unsure(&store, &leased).await;
    let number = session(&store, "7");
    ends(&store, "7").await;
    let owed = held(&store, "7", HeldBy::OnlyCategory).await;
    let back = Change::Reopened { session: number, stream: Box::new(stream("7", "a")), owed };
    assert_eq!(commit(&store, later(90), back).await, 0);
    let by = UserId::new(1).expect("an id");
    let moved = NewWatch {
        key: key(1, "7"),
        channel: Some(channel(9)),
        by,
        at: NOW,
        preferences: Preferences::default(),
    };
    store.add_watch(moved, profile("7"), 1000).await.expect("moved");
    let owed = super::owed(&store, "7").await;
    assert_eq!(reconsidered(&store, later(100), "7", owed).await, 1);
    let again = lease(&store, later(100)).await.remove(0);
    assert_eq!((again.decided_at, again.channel, again.unsure_since), (NOW, channel(1), Some(NOW)));
}
