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
        delivery: delivery.id,
        outcome,
        retry_at: ahead,
        at: ahead,
        sent_at: None,
        unsure_since: None,
        doubt: None,
    };
    let refused = Outcome::Refused(Refusal::MissingAccess);
    store.settle(settlement(&leased[0], refused)).await.expect("settled");
    store.settle(settlement(&leased[1], retry())).await.expect("settled");
    let now = later(60);
    assert!(store.routes_due(now, 9).await.expect("routes").is_empty());
    assert!(store.notices_due(now, 9).await.expect("notices").is_empty());
    assert!(lease(&store, now).await.is_empty());

    assert_eq!(store.forget_the_future(now).await.expect("forgotten"), Some(ahead.since(now)));

    let route = Route { guild: leased[0].guild, channel: leased[0].channel };
    let due: Vec<_> =
        store.routes_due(now, 9).await.expect("routes").into_iter().map(|(due, _)| due).collect();
    assert_eq!(due, [route]);
    assert_eq!(store.notices_due(now, 9).await.expect("notices").len(), 1);
    assert_eq!(lease(&store, now).await.len(), 1);
    // What lies in the past or is due soon is as it was, and the clock is right from now on.
    assert_eq!(store.forget_the_future(later(61)).await.expect("forgotten"), None);
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
    store.forget_the_future(later(60)).await.expect("forgotten");
    let known = store.board().with(|open| open[&broadcaster].clone());
    assert!(known.last_seen_at <= later(60), "{:?}", known.last_seen_at);
    assert_eq!(known.missing_since, Some(later(60)));
}
