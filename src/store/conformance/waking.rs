//! A clock that was set back, at the start of the next process.

use super::*;
use crate::domain::Route;

#[tokio::test]
async fn nothing_waits_for_a_future_that_a_wrong_clock_has_written() {
    let (_folder, store) = store().await;
    let year = Duration::from_hours(365 * 24);
    let ahead = NOW.after(year);
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    store.note_look(ahead).await.expect("noted");
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await;
    let settlement = |delivery: &Delivery, outcome| Settlement {
        retry_at: ahead,
        at: ahead,
        ..super::settlement(delivery, outcome)
    };
    let refused = Outcome::Refused(Refusal::MissingAccess);
    store.settle(settlement(&leased[0], refused)).await.expect("settled");
    store.settle(settlement(&leased[1], retry())).await.expect("settled");
    let now = later(60);
    assert!(store.routes_due(now, 9).await.expect("routes").is_empty());
    assert!(store.notices_due(now, 9).await.expect("notices").is_empty());
    assert!(lease(&store, now).await.is_empty());

    assert_eq!(store.forget_the_future(now, now).await.expect("forgotten"), Some(ahead.since(now)));

    let route = Route { guild: leased[0].guild, channel: leased[0].channel };
    let due: Vec<_> =
        store.routes_due(now, 9).await.expect("routes").into_iter().map(|(due, _)| due).collect();
    assert_eq!(due, [route]);
    assert_eq!(store.notices_due(now, 9).await.expect("notices").len(), 1);
    assert_eq!(lease(&store, now).await.len(), 1);
    // The clock is right from now on.
    assert_eq!(store.forget_the_future(later(61), later(61)).await.expect("forgotten"), None);
}

#[tokio::test]
async fn a_session_that_was_seen_in_the_future_was_seen_now() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let broadcaster = BroadcasterId::new("7");
    let ahead = NOW.after(Duration::from_hours(48));
    let number = session(&store, "7");
    let missed = Change::Missed { session: number, broadcaster: broadcaster.clone(), last_seen_at: ahead };
    commit(&store, ahead, missed).await;
    store.forget_the_future(later(60), later(60)).await.expect("forgotten");
    let known = store.board().with(|open| open[&broadcaster].clone());
    assert!(known.last_seen_at <= later(60), "{:?}", known.last_seen_at);
    assert_eq!(known.missing_since, Some(later(60)));
}

/// A delivery that Discord wants to wait for twenty minutes, and a route that is looked at in an hour.
async fn two_that_wait(store: &Store) {
    watch(store, 1, "7").await;
    watch(store, 2, "7").await;
    store.note_look(NOW).await.expect("noted");
    goes_live(store, "7", "a").await;
    for (delivery, outcome) in
        lease(store, NOW).await.iter().zip([Outcome::Refused(Refusal::MissingAccess), retry()])
    {
        let retry_at = later(if outcome == retry() { 1200 } else { 3600 });
        store.settle(Settlement { retry_at, ..settlement(delivery, outcome) }).await.expect("settled");
    }
}

#[tokio::test]
async fn a_restart_alone_hurries_nothing() {
    let (_folder, store) = store().await;
    two_that_wait(&store).await;
    assert_eq!(store.forget_the_future(later(60), later(60)).await.expect("forgotten"), None);
    assert!(lease(&store, later(1199)).await.is_empty());
    assert_eq!(lease(&store, later(1200)).await.len(), 1);
    assert!(store.routes_due(later(3599), 9).await.expect("routes").is_empty());
    assert_eq!(store.routes_due(later(3600), 9).await.expect("routes").len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_seen_to_jump_back_lets_nothing_wait() {
    let (_folder, store) = store().await;
    two_that_wait(&store).await;
    let hour_ago = NOW.before(Duration::from_hours(1));
    let ahead = store.forget_the_future(hour_ago, later(1)).await.expect("forgotten");
    assert_eq!(ahead, Some(Duration::from_secs(3601)));
    assert_eq!(lease(&store, hour_ago).await.len(), 1);
    assert_eq!(store.routes_due(hour_ago, 9).await.expect("routes").len(), 1);
}
