//! Routes: what pauses one, what waits for it, what lets it go on, and what follows people's wishes.

use super::*;
use crate::domain::{DoubtPolicy, Matter, Pause, Permission, Permissions, Route};

/// When a paused route is looked at in these tests.
const CHECK: u64 = 3_600;

fn route(raw: u64) -> Route {
    Route { guild: guild(raw), channel: channel(raw) }
}

/// A server that watches somebody who is live, and what it is owed.
async fn owed_to(server: u64) -> (tempfile::TempDir, Store, Delivery) {
    let (folder, store) = store().await;
    watch(&store, server, "7").await;
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    (folder, store, delivery)
}

/// The channel refuses, and says so at that second.
async fn refuses(store: &Store, delivery: &Delivery, second: u64) -> Option<Route> {
    let settlement = Settlement {
        delivery: delivery.id,
        outcome: Outcome::Refused(Refusal::MissingPermission),
        retry_at: later(second + CHECK),
        at: later(second),
        sent_at: None,
        posted_in: None,
        forum_tag: None,
        unsure_since: delivery.unsure_since,
        doubt: None,
        mentioned: Mentioned::default(),
    };
    store.settle(settlement).await.expect("settled")
}

async fn pause(store: &Store, server: u64) -> Option<Pause> {
    store.pause_of(route(server)).await.expect("a look")
}

async fn notices(store: &Store, second: u64) -> Vec<Matter> {
    let due = store.notices_due(later(second), 100).await.expect("notices");
    due.into_iter().map(|notice| notice.matter).collect()
}

/// Everything that is due at that second was told.
async fn told(store: &Store, second: u64) -> usize {
    let due = store.notices_due(later(second), 100).await.expect("notices");
    for notice in &due {
        store.notice_is_done(notice.id, Some(channel(99)), later(second)).await.expect("told");
    }
    due.len()
}

/// The server's announcements go to that channel from now on.
async fn choose(store: &Store, server: u64, raw: u64, second: u64) {
    store.set_channel(guild(server), channel(raw), None, later(second)).await.expect("chosen");
}

#[tokio::test]
async fn a_refusal_of_the_place_pauses_it_and_lets_the_delivery_wait() {
    let (_folder, store, delivery) = owed_to(1).await;
    assert_eq!(refuses(&store, &delivery, 1).await, Some(route(1)));
    let paused = pause(&store, 1).await.expect("a pause");
    assert_eq!(
        (paused.refusal, paused.since, paused.check_at),
        (Refusal::MissingPermission, later(1), later(3601))
    );
    assert_eq!(notices(&store, 1).await, [Matter::Paused(channel(1))]);
    assert_eq!(store.undecided().await.expect("a count"), 0);
    assert!(lease(&store, later(999_999)).await.is_empty());
    assert_eq!(store.resume_route(route(1), later(60)).await.expect("resumed"), 1);
    let again = lease(&store, later(60)).await.remove(0);
    assert_eq!((again.id, again.attempt), (delivery.id, 2));
    assert_eq!(pause(&store, 1).await, None);
    // It had not been told yet, and now it is no news any more.
    assert!(notices(&store, 999).await.is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_message_pauses_nothing() {
    let (_folder, store, delivery) = owed_to(1).await;
    settle(&store, &delivery, Outcome::Refused(Refusal::InvalidMessage)).await;
    assert_eq!(pause(&store, 1).await, None);
    assert!(notices(&store, 999).await.is_empty());
}

#[tokio::test]
async fn all_that_goes_to_a_paused_channel_waits_and_other_channels_do_not() {
    let (_folder, store) = store().await;
    for (server, streamer) in [(1, "7"), (1, "8"), (2, "7")] {
        watch(&store, server, streamer).await;
    }
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await;
    let delivery = leased.iter().find(|delivery| delivery.channel == channel(1)).expect("one");
    refuses(&store, delivery, 1).await;
    // Who goes live meanwhile waits without an attempt.
    goes_live(&store, "8", "b").await;
    assert!(lease(&store, later(10)).await.is_empty());
    assert_eq!(pause(&store, 2).await, None);
    assert_eq!(store.resume_route(route(1), later(20)).await.expect("resumed"), 2);
}

#[tokio::test]
async fn what_waits_for_a_channel_expires_with_its_session() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 1).await;
    ends(&store, "7").await;
    assert_eq!(store.resume_route(route(1), later(90)).await.expect("resumed"), 0);
    assert!(lease(&store, later(90)).await.is_empty());
    // An attempt that comes back refused when all is over pauses as well, for the next stream's sake.
    goes_live(&store, "7", "b").await;
    let under_way = lease(&store, later(91)).await.remove(0);
    ends(&store, "7").await;
    assert_eq!(refuses(&store, &under_way, 92).await, Some(route(1)));
    assert_eq!(store.resume_route(route(1), later(93)).await.expect("resumed"), 0);
}

#[tokio::test]
async fn a_channel_that_nobody_wants_is_not_paused() {
    let (_folder, store, delivery) = owed_to(1).await;
    let nobodys = Route { guild: guild(1), channel: channel(5) };
    let paused = store.pause_route(nobodys, Refusal::UnknownChannel, NOW, later(CHECK)).await;
    assert!(!paused.expect("a look"));
    // Nor is one whose watch went while the attempt was under way.
    store.remove_watch(key(1, "7"), NOW).await.expect("removed");
    assert_eq!(refuses(&store, &delivery, 1).await, None);
    assert_eq!(store.undecided().await.expect("a count"), 0);
    assert!(notices(&store, 999).await.is_empty());
}

#[tokio::test]
async fn the_same_trouble_is_told_once_within_the_hour() {
    let (_folder, store, _) = owed_to(1).await;
    let closes = async |second| {
        let paused =
            store.pause_route(route(1), Refusal::MissingAccess, later(second), later(second + CHECK));
        assert!(paused.await.expect("paused"));
    };
    let opens = async |second| {
        store.resume_route(route(1), later(second)).await.expect("resumed");
    };
    closes(0).await;
    assert_eq!(told(&store, 0).await, 1);
    for minute in [10, 20, 30, 40, 50] {
        opens(minute * 60 - 300).await;
        closes(minute * 60).await;
        assert_eq!(told(&store, minute * 60).await, 0, "minute {minute}");
    }
    // Open for a moment in each hour is not open.
    for hour in 1..24 {
        opens(hour * 3_700).await;
        closes(hour * 3_700 + 1).await;
        assert_eq!(told(&store, hour * 3_700 + 1).await, 0, "hour {hour}");
    }
    // Open for long, and closed again, is another trouble.
    opens(100_000).await;
    closes(104_000).await;
    assert_eq!(told(&store, 104_000).await, 1);
}

#[tokio::test]
async fn a_channel_that_took_something_in_between_is_told_of_again() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 1).await;
    assert_eq!(told(&store, 1).await, 1);
    store.resume_route(route(1), later(7_200)).await.expect("resumed");
    let again = lease(&store, later(7_200)).await.remove(0);
    let delivered = Settlement {
        delivery: again.id,
        outcome: Outcome::Delivered(MessageId::new(5)),
        retry_at: later(7_201),
        at: later(7_201),
        sent_at: Some(later(7_201)),
        posted_in: None,
        forum_tag: None,
        unsure_since: None,
        doubt: None,
        mentioned: Mentioned::default(),
    };
    store.settle(delivered).await.expect("settled");
    let closed = store.pause_route(route(1), Refusal::MissingAccess, later(7_300), later(9_999)).await;
    assert!(closed.expect("paused"));
    assert_eq!(told(&store, 7_300).await, 1);
}

#[tokio::test]
async fn a_second_pause_within_the_hour_is_told_when_the_hour_is_over() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 1).await;
    assert_eq!(told(&store, 1).await, 1);
    store.resume_route(route(1), later(600)).await.expect("resumed");
    let again = lease(&store, later(600)).await.remove(0);
    let delivered = Outcome::Delivered(MessageId::new(5));
    store.settle(Settlement { at: later(601), ..settlement(&again, delivered) }).await.expect("settled");
    let closes = async |second| {
        store
            .pause_route(route(1), Refusal::MissingAccess, later(second), later(99_999))
            .await
            .expect("paused");
    };
    closes(1_200).await;
    // It opens before that: nobody was told, and it is no reason to be told sooner of the next one.
    store.resume_route(route(1), later(1_800)).await.expect("resumed");
    closes(2_400).await;
    assert_eq!(told(&store, 3_600).await, 0);
    assert_eq!(told(&store, 3_601).await, 1);
    assert_eq!(told(&store, 99_999).await, 0);
}

#[tokio::test]
async fn a_look_is_due_hourly_and_when_something_has_changed() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 0).await;
    let due = async |second| store.routes_due(later(second), 9).await.expect("routes").len();
    assert_eq!((due(3_599).await, due(3_600).await), (0, 1));
    let missing = Permissions::of(&[Permission::EmbedLinks]);
    let found = Pause { missing, check_at: later(7_200), ..pause(&store, 1).await.expect("a pause") };
    let due_at = async || pause(&store, 1).await.expect("a pause").check_at;
    store.route_checked(route(1), found, due_at().await).await.expect("noted");
    assert_eq!((due(7_199).await, pause(&store, 1).await), (0, Some(found)));
    // What concerns another server, another channel or an open one changes nothing.
    assert!(!store.check_routes(guild(2), None, later(60)).await.expect("a look"));
    assert!(!store.check_routes(guild(1), Some(channel(2)), later(60)).await.expect("a look"));
    assert_eq!(due(7_199).await, 0);
    assert!(store.check_routes(guild(1), Some(channel(1)), later(60)).await.expect("a look"));
    assert_eq!(due(60).await, 1);
    store.route_checked(route(1), found, due_at().await).await.expect("noted");
    assert!(store.check_routes(guild(1), None, later(90)).await.expect("a look"));
    assert_eq!(due(90).await, 1);
    store.route_checked(route(1), found, due_at().await).await.expect("noted");
    assert_eq!(store.check_all_routes(later(120)).await.expect("a count"), 1);
    assert_eq!(due(120).await, 1);
    assert_eq!(store.check_all_routes(later(130)).await.expect("a count"), 0);
}

#[tokio::test]
async fn what_changes_during_a_look_asks_for_another_one() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 0).await;
    let before = pause(&store, 1).await.expect("a pause");
    // The rights come back while the answer that says otherwise is on its way.
    assert!(store.check_routes(guild(1), Some(channel(1)), later(60)).await.expect("a look"));
    let found = Pause { check_at: later(7_200), ..before };
    store.route_checked(route(1), found, before.check_at).await.expect("noted");
    assert_eq!(store.routes_due(later(60), 9).await.expect("routes").len(), 1);
}

#[tokio::test]
async fn a_server_that_left_is_neither_looked_at_nor_told_and_comes_back_without_pauses() {
    let (_folder, store, delivery) = owed_to(1).await;
    refuses(&store, &delivery, 1).await;
    store.guild_left(guild(1), later(2)).await.expect("left");
    assert!(store.routes_due(later(99_999), 9).await.expect("routes").is_empty());
    assert!(notices(&store, 99_999).await.is_empty());
    assert_eq!(store.next_errand().await.expect("a time"), None);
    store.guild_is_here(guild(1), later(60)).await.expect("back");
    assert_eq!(pause(&store, 1).await, None);
    assert!(notices(&store, 99_999).await.is_empty());
    let owed = owed(&store, "7").await;
    let caught_up =
        Change::CaughtUp { watches: vec![key(1, "7")], owed, session: Some(session(&store, "7")) };
    assert_eq!(commit(&store, later(90), caught_up).await, 1);
    let again = lease(&store, later(90)).await.remove(0);
    assert_eq!((again.id, again.owed_since), (delivery.id, later(60)));
}

#[tokio::test]
async fn what_waits_follows_the_choice_of_another_channel() {
    let (_folder, store) = store().await;
    choose(&store, 1, 1, 0).await;
    let wish = |id: &str| NewWatch {
        key: key(1, id),
        channel: None,
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    for id in ["7", "8"] {
        store.add_watch(wish(id), profile(id), 9).await.expect("added");
        goes_live(&store, id, id).await;
    }
    let leased = lease(&store, NOW).await;
    refuses(&store, &leased[0], 1).await;
    settle_unsure(&store, &leased[1]).await;
    choose(&store, 1, 2, 20).await;
    // What may stand in the former channel already stays there; the other one goes.
    let mut moved: Vec<_> =
        lease(&store, later(20)).await.iter().map(|delivery| delivery.channel.get()).collect();
    moved.sort_unstable();
    assert_eq!(moved, [1, 2]);
    // And nobody is told of a channel that is nobody's matter any more.
    assert!(notices(&store, 999).await.is_empty());
    assert_eq!(store.next_errand().await.expect("a time"), None);
}

#[tokio::test]
async fn a_failed_attempt_goes_on_where_the_admin_wants_it_meanwhile() {
    let (_folder, store) = store().await;
    choose(&store, 1, 1, 0).await;
    let wish = NewWatch {
        key: key(1, "7"),
        channel: None,
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    store.add_watch(wish, profile("7"), 9).await.expect("added");
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await.remove(0);
    choose(&store, 1, 2, 1).await;
    settle(&store, &leased, retry()).await;
    assert_eq!(lease(&store, later(20)).await[0].channel, channel(2));
}

#[tokio::test]
async fn what_may_stand_in_a_channel_that_closed_for_good_goes_where_the_server_says() {
    for (choice, expected) in [(DoubtPolicy::Twice, Some(2)), (DoubtPolicy::Never, None)] {
        let (_folder, store) = store().await;
        choose(&store, 1, 1, 0).await;
        store.set_policies(guild(1), None, Some(choice)).await.expect("chosen");
        let wish = NewWatch {
            key: key(1, "7"),
            channel: None,
            by: UserId::new(1).expect("an id"),
            at: NOW,
            preferences: Preferences::default(),
        };
        store.add_watch(wish, profile("7"), 9).await.expect("added");
        goes_live(&store, "7", "a").await;
        settle_unsure(&store, &lease(&store, NOW).await[0]).await;
        choose(&store, 1, 2, 11).await;
        let bound = lease(&store, later(20)).await.remove(0);
        assert_eq!(bound.channel, channel(1));
        refuses(&store, &bound, 21).await;
        let next = lease(&store, later(30)).await;
        let channels: Vec<_> = next.iter().map(|delivery| delivery.channel.get()).collect();
        assert_eq!(channels, Vec::from_iter(expected), "{choice:?}");
        assert!(next.iter().all(|delivery| delivery.unsure_since.is_none()));
        let troubles = store.troubles(guild(1)).await.expect("troubles");
        let counted = (troubles.sent_again, troubles.kept_back);
        assert_eq!(counted, if expected.is_some() { (1, 0) } else { (0, 1) }, "{choice:?}");
    }
}

#[tokio::test]
async fn what_moves_to_a_closed_channel_goes_on_waiting() {
    let (_folder, store) = store().await;
    for server_channel in [1, 2] {
        let id = (6 + server_channel).to_string();
        let watch = NewWatch {
            key: key(1, &id),
            channel: Some(channel(server_channel)),
            by: UserId::new(1).expect("an id"),
            at: NOW,
            preferences: Preferences::default(),
        };
        store.add_watch(watch, profile(&id), 9).await.expect("added");
        goes_live(&store, &id, &id).await;
    }
    for delivery in lease(&store, NOW).await {
        refuses(&store, &delivery, 1).await;
    }
    let moved = NewWatch {
        key: key(1, "7"),
        channel: Some(channel(2)),
        by: UserId::new(1).expect("an id"),
        at: later(2),
        preferences: Preferences::default(),
    };
    store.add_watch(moved, profile("7"), 9).await.expect("moved");
    assert!(lease(&store, later(3)).await.is_empty());
    let second = Route { guild: guild(1), channel: channel(2) };
    assert_eq!(store.resume_route(second, later(4)).await.expect("resumed"), 2);
    let troubles = store.troubles(guild(1)).await.expect("troubles");
    assert!(troubles.paused.is_empty(), "{troubles:?}");
}

#[tokio::test]
async fn a_pause_changes_no_wish() {
    let (_folder, store, delivery) = owed_to(1).await;
    let before = (store.guild(guild(1)).await.expect("a server"), store.roster().await.expect("a roster"));
    refuses(&store, &delivery, 1).await;
    let list = store.list(guild(1)).await.expect("a list");
    assert_eq!((list.len(), list[0].own_channel), (1, Some(channel(1))));
    assert_eq!(list[0].pause.map(|pause| pause.refusal), Some(Refusal::MissingPermission));
    let after = (store.guild(guild(1)).await.expect("a server"), store.roster().await.expect("a roster"));
    assert_eq!(before, after);
}
