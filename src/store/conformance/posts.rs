//! Posts in forums: where they stand, and who waits until a tag is chosen.

use super::*;
use crate::domain::{ForumTagId, Preferences, Route};
use crate::store::{DeliveryState, Placing};

/// The thread that a post is, and its first message.
const POST: u64 = 555;

fn tag(raw: u64) -> Option<ForumTagId> {
    ForumTagId::new(raw)
}

/// A server chooses a tag for a streamer, or for all.
async fn chooses(store: &Store, id: Option<&str>, forum_tag: Option<ForumTagId>) {
    let placing = Placing { channel: None, asked_in: None, at: NOW };
    let choice = move |wanted: &mut Preferences| wanted.forum_tag = forum_tag;
    let set = store.change_preferences(guild(1), id.map(BroadcasterId::new), placing, choice).await;
    assert!(set.expect("chosen").is_some());
}

/// The forum wants a tag, and this delivery had that one.
async fn lacks_a_tag(store: &Store, delivery: &Delivery, forum_tag: Option<ForumTagId>) -> Option<Route> {
    let refused = Outcome::Refused(Refusal::TagRequired);
    let settlement = Settlement { forum_tag, ..settlement(delivery, refused) };
    store.settle(settlement).await.expect("settled")
}

#[tokio::test]
async fn a_post_is_edited_where_it_stands_and_never_published() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    let placing = Placing { channel: None, asked_in: None, at: NOW };
    let choice = |wanted: &mut Preferences| wanted.publish = Some(true);
    store.change_preferences(guild(1), None, placing, choice).await.expect("chosen");
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    let delivered = settlement(&delivery, Outcome::Delivered(MessageId::new(POST)));
    store.settle(Settlement { posted_in: Some(channel(POST)), ..delivered }).await.expect("settled");
    assert_eq!(store.publications_due(later(60), 9, Vec::new()).await.expect("publications"), []);
    ends(&store, "7").await;
    let busy = store.revisions_due(later(600), 9, vec![channel(POST)]).await.expect("revisions");
    assert_eq!(busy, []);
    let revision = store.revisions_due(later(600), 9, vec![channel(1)]).await.expect("revisions").remove(0);
    assert_eq!((revision.channel, revision.is_post()), (channel(POST), true));
    let key = WatchKey { guild: guild(1), broadcaster: BroadcasterId::new("7") };
    let place = async || {
        let account = store.account_of(key.clone()).await.expect("an account").expect("a session");
        let delivery = account.delivery.expect("a delivery");
        assert_eq!(delivery.state, DeliveryState::Delivered);
        delivery.channel
    };
    assert_eq!(place().await, channel(POST));
    store.message_is_gone(delivery.id, None).await.expect("noted");
    assert_eq!(place().await, channel(1), "the forum is all that is left");
}

#[tokio::test]
async fn only_who_has_no_tag_waits_for_one() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 1, "8").await;
    chooses(&store, Some("8"), tag(9)).await;
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    let route = Route { guild: guild(1), channel: delivery.channel };
    assert_eq!(lacks_a_tag(&store, &delivery, None).await, Some(route));
    assert_eq!(lease(&store, later(60)).await, []);
    goes_live(&store, "8", "b").await;
    let other = lease(&store, later(60)).await.remove(0);
    assert_eq!(other.preferences.forum_tag, tag(9));
    assert!(store.is_owed(other.id).await.expect("an answer"));
    settle(&store, &other, Outcome::Delivered(MessageId::new(POST))).await;
    // Somebody who refuses for another reason closes it for all.
    chooses(&store, None, tag(5)).await;
    assert_eq!(store.resume_route(route, later(61)).await.expect("resumed"), 1);
    assert_eq!(lease(&store, later(61)).await.remove(0).preferences.forum_tag, tag(5));
}

#[tokio::test]
async fn a_tag_that_the_forum_does_not_have_is_taken_back_but_not_one_that_was_chosen_since() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    chooses(&store, None, tag(5)).await;
    chooses(&store, Some("7"), tag(9)).await;
    goes_live(&store, "7", "a").await;
    let first = lease(&store, NOW).await.remove(0);
    lacks_a_tag(&store, &first, tag(9)).await;
    // The streamer's own is gone, and the server's is tried.
    let second = lease(&store, later(60)).await.remove(0);
    assert_eq!(second.preferences.forum_tag, tag(5));
    chooses(&store, None, tag(6)).await;
    lacks_a_tag(&store, &second, tag(5)).await;
    let third = lease(&store, later(60)).await.remove(0);
    assert_eq!(third.preferences.forum_tag, tag(6));
    lacks_a_tag(&store, &third, tag(6)).await;
    assert_eq!(lease(&store, later(60)).await, []);
    assert_eq!(store.guild(guild(1)).await.expect("a server").preferences.forum_tag, None);
}
