//! What stands in a channel and is to say more.

use super::*;
use crate::domain::{Revision, Route};

fn shown(id: &str) -> Stream {
    Stream { title: Some("Speedrun".to_owned()), viewers: Some(137), ..stream(id, "a") }
}

/// Twitch shows what was announced from hearsay.
async fn shows(store: &Store, at: Timestamp, id: &str) {
    let change = Change::Shown { session: session(store, id), stream: Box::new(shown(id)) };
    assert_eq!(commit(store, at, change).await, 0, "nothing more is owed");
}

async fn due(store: &Store, at: Timestamp) -> Vec<Revision> {
    store.revisions_due(at, 100, Vec::new()).await.expect("revisions")
}

async fn delivered(store: &Store, at: Timestamp) -> Delivery {
    let delivery = lease(store, at).await.remove(0);
    settle(store, &delivery, Outcome::Delivered(MessageId::new(5))).await;
    delivery
}

/// A store in which somebody is live, announced from hearsay in server 1.
async fn announced() -> (tempfile::TempDir, Store, Delivery) {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let delivery = delivered(&store, NOW).await;
    (folder, store, delivery)
}

#[tokio::test]
async fn what_is_announced_is_revised_with_what_is_known_now() {
    let (_folder, store, delivery) = announced().await;
    assert_eq!(due(&store, later(9)).await, []);
    shows(&store, later(10), "7").await;
    assert_eq!(due(&store, later(9)).await, []);
    let revisions = due(&store, later(10)).await;
    let expected = Revision {
        delivery: delivery.id,
        wish: 1,
        attempt: 1,
        session: delivery.session,
        guild: guild(1),
        channel: channel(1),
        message: MessageId::new(5).expect("an id"),
        owed_since: delivery.owed_since,
        sent_at: None,
        preferences: crate::domain::Preferences::default(),
        members: Vec::new(),
        is_reply: false,
        stream: shown("7"),
        profile: profile("7"),
        ending: None,
    };
    assert_eq!(revisions, [expected]);
    // The board shows it as well.
    let live = store.board().live(&BroadcasterId::new("7")).expect("live");
    assert_eq!(live.stream, shown("7"));
    store.revision_is_over(delivery.id, 1).await.expect("over");
    assert_eq!(due(&store, later(9999)).await, []);
}

#[tokio::test]
async fn what_is_still_to_be_sent_is_worded_anew_instead() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    shows(&store, later(1), "7").await;
    let delivery = lease(&store, later(1)).await.remove(0);
    assert_eq!(delivery.stream, shown("7"));
    settle(&store, &delivery, Outcome::Delivered(MessageId::new(5))).await;
    assert_eq!(due(&store, later(9999)).await, []);
}

#[tokio::test]
async fn the_start_by_which_an_announcement_is_found_stays() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let stream = Stream { started_at: later(3), ..shown("7") };
    let change = Change::Shown { session: session(&store, "7"), stream: Box::new(stream) };
    commit(&store, later(5), change).await;
    assert_eq!(delivered(&store, later(5)).await.stream.started_at, NOW);
    shows(&store, later(6), "7").await;
    assert_eq!(due(&store, later(6)).await[0].stream.started_at, NOW);
}

#[tokio::test]
async fn an_attempt_under_way_is_waited_for() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    goes_live(&store, "7", "a").await;
    let under_way = lease(&store, NOW).await;
    shows(&store, later(1), "7").await;
    assert_eq!(due(&store, later(2)).await, []);
    settle(&store, &under_way[0], Outcome::Delivered(MessageId::new(5))).await;
    settle(&store, &under_way[1], Outcome::Refused(Refusal::BlockedByServer)).await;
    let revised: Vec<_> = due(&store, later(2)).await.iter().map(|revision| revision.delivery).collect();
    assert_eq!(revised, [under_way[0].id]);
    // The other one is forgotten, not kept for ever.
    assert_eq!(store.next_revision(NOW).await.expect("a time"), Some(later(1)));
    store.revision_is_over(under_way[0].id, 1).await.expect("over");
    assert_eq!(store.next_revision(NOW).await.expect("a time"), None);
}

#[tokio::test]
async fn what_may_be_there_already_is_revised_when_it_is_certain() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let unsure = lease(&store, NOW).await.remove(0);
    settle_unsure(&store, &unsure).await;
    shows(&store, later(5), "7").await;
    assert_eq!(due(&store, later(9)).await, []);
    // Repeated under its nonce, it is the message with the former words.
    delivered(&store, later(10)).await;
    assert_eq!(due(&store, later(10)).await.len(), 1);
}

#[tokio::test]
async fn a_newer_wish_is_not_met_by_an_older_edit() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, later(10), "7").await;
    assert!(store.is_revision_wanted(delivery.id, 1).await.expect("an answer"));
    store.revision_waits(delivery.id, 1, later(100)).await.expect("noted");
    assert_eq!(due(&store, later(99)).await, []);
    assert_eq!(due(&store, later(100)).await[0].attempt, 2);
    shows(&store, later(20), "7").await;
    assert!(!store.is_revision_wanted(delivery.id, 1).await.expect("an answer"));
    store.revision_is_over(delivery.id, 1).await.expect("nothing");
    store.revision_waits(delivery.id, 1, later(100)).await.expect("nothing");
    let newer = due(&store, later(20)).await;
    assert_eq!((newer.len(), newer[0].wish, newer[0].attempt), (1, 2, 1));
    assert!(store.is_revision_wanted(delivery.id, 2).await.expect("an answer"));
}

#[tokio::test]
async fn a_message_that_is_gone_is_never_revised_again() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, later(10), "7").await;
    store.message_is_gone(delivery.id, None).await.expect("noted");
    assert_eq!(due(&store, later(10)).await, []);
    shows(&store, later(20), "7").await;
    assert_eq!(due(&store, later(20)).await, []);
    assert!(lease(&store, later(9999)).await.is_empty());
}

#[tokio::test]
async fn a_message_without_a_number_is_not_revised() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    shows(&store, later(1), "7").await;
    settle(&store, &delivery, Outcome::Delivered(None)).await;
    assert_eq!(due(&store, later(9999)).await, []);
    assert_eq!(store.next_revision(NOW).await.expect("a time"), None);
}

#[tokio::test]
async fn what_nobody_wants_to_read_any_more_is_not_revised() {
    for how in ["unwatched", "left"] {
        let (_folder, store, delivery) = announced().await;
        shows(&store, later(10), "7").await;
        match how {
            "unwatched" => assert!(store.remove_watch(key(1, "7"), later(11)).await.expect("removed")),
            _ => assert!(store.guild_left(guild(1), later(11)).await.expect("left")),
        }
        assert!(!store.is_revision_wanted(delivery.id, 1).await.expect("an answer"), "{how}");
        assert_eq!(due(&store, later(99)).await, [], "{how}");
        assert_eq!(store.next_revision(NOW).await.expect("a time"), None, "{how}");
    }
}

#[tokio::test]
async fn an_ended_session_is_not_shown_again() {
    let (_folder, store, _) = announced().await;
    let number = session(&store, "7");
    ends(&store, "7").await;
    let change = Change::Shown { session: number, stream: Box::new(shown("7")) };
    assert_eq!(commit(&store, later(90), change).await, 0);
    let due = due(&store, later(90)).await;
    assert!(due.len() == 1 && due[0].ending.is_some() && due[0].stream.title.is_none(), "{due:?}");
    assert!(store.board().live(&BroadcasterId::new("7")).is_none());
}

#[tokio::test]
async fn a_closed_channel_is_waited_for() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, later(10), "7").await;
    let route = Route { guild: guild(1), channel: channel(1) };
    assert!(store.pause_route(route, Refusal::MissingAccess, later(11), later(3600)).await.expect("paused"));
    assert_eq!(due(&store, later(99)).await, []);
    assert!(!store.is_revision_wanted(delivery.id, 1).await.expect("an answer"));
    store.resume_route(route, later(100)).await.expect("resumed");
    assert_eq!(due(&store, later(100)).await.len(), 1);
}

#[tokio::test]
async fn one_of_a_channel_at_a_time_and_no_more_than_asked_for() {
    let (_folder, store) = store().await;
    for id in ["7", "8"] {
        watch(&store, 1, id).await;
        goes_live(&store, id, id).await;
    }
    watch(&store, 2, "9").await;
    goes_live(&store, "9", "9").await;
    for (message, delivery) in lease(&store, NOW).await.iter().enumerate() {
        let message = MessageId::new(message as u64 + 1);
        settle(&store, delivery, Outcome::Delivered(message)).await;
    }
    for (seconds, id) in [(1, "8"), (2, "7"), (3, "9")] {
        shows(&store, later(seconds), id).await;
    }
    let streamers = async |limit, busy: &[u64]| -> Vec<String> {
        let busy = busy.iter().map(|raw| channel(*raw)).collect();
        let due = store.revisions_due(later(3), limit, busy).await.expect("revisions");
        due.iter().map(|revision| revision.stream.broadcaster.to_string()).collect()
    };
    assert_eq!(streamers(9, &[]).await, ["8", "9"]);
    assert_eq!(streamers(1, &[]).await, ["8"]);
    assert_eq!(streamers(9, &[1]).await, ["9"]);
    assert!(streamers(9, &[1, 2]).await.is_empty());
}

#[tokio::test]
async fn a_thousand_that_are_moot_stand_before_nobody() {
    let (_folder, store) = store().await;
    for server in 1..=1000 {
        watch(&store, server, "7").await;
    }
    watch(&store, 2000, "8").await;
    goes_live(&store, "7", "a").await;
    goes_live(&store, "8", "b").await;
    for delivery in lease_with(&store, NOW, 2000, Vec::new()).await {
        settle(&store, &delivery, Outcome::Delivered(MessageId::new(5))).await;
    }
    shows(&store, later(1), "7").await;
    shows(&store, later(2), "8").await;
    for server in 1..=1000 {
        store.guild_left(guild(server), later(2)).await.expect("left");
    }
    let due = store.revisions_due(later(2), 4, Vec::new()).await.expect("revisions");
    assert_eq!(due.iter().map(|revision| revision.channel).collect::<Vec<_>>(), [channel(2000)]);
}

#[tokio::test]
async fn nothing_waits_for_a_future_that_was_taken_back() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, NOW, "7").await;
    store.revision_waits(delivery.id, 1, later(7200)).await.expect("noted");
    store.note_look(later(3600)).await.expect("noted");
    store.forget_the_future(later(60), later(60)).await.expect("forgotten");
    assert_eq!(due(&store, later(60)).await.len(), 1);
}
