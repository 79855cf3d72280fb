//! What Helix is asked about `EventSub`: conduits, shards and subscriptions, with everything that Twitch may answer.

use std::time::Duration;

use livebell::clock::Clock;
use livebell::domain::BroadcasterId;
use livebell::sources::{Listed, Own, Step, Wanted, plan};
use livebell::twitch::{BindError, Helix, Status, Subscribed, Target, Transport, TwitchError, TwitchOptions};
use livebell_fakes::twitch::{self as fake, Fault, Path, Twitch};

fn helix(twitch: &Twitch) -> Helix {
    let options = TwitchOptions {
        api_url: twitch.api_url(),
        auth_url: twitch.auth_url(),
        client_id: twitch.client_id().into(),
        client_secret: twitch.client_secret().into(),
    };
    Helix::new(options, Clock::system(), fastrand::Rng::with_seed(1)).expect("a client")
}

async fn with_conduit() -> (Twitch, Helix, String) {
    let twitch = Twitch::start().await;
    let helix = helix(&twitch);
    let conduit = helix.create_conduit().await.expect("a conduit");
    (twitch, helix, conduit)
}

fn to(conduit: &str) -> Target {
    Target::Conduit(conduit.to_owned())
}

fn user(twitch: &Twitch, login: &str) -> BroadcasterId {
    BroadcasterId::new(&twitch.add_user(login))
}

/// Everything that is listed, page by page.
async fn list(helix: &Helix) -> Listed {
    let mut listed = Listed { subscriptions: Vec::new(), max_total_cost: 0 };
    let mut after: Option<String> = None;
    loop {
        let page = helix.subscriptions(after.as_deref()).await.expect("a page");
        assert!(!page.has_unreadable);
        listed.subscriptions.extend(page.subscriptions);
        listed.max_total_cost = page.max_total_cost.expect("a limit");
        match page.next {
            Some(next) => after = Some(next),
            None => return listed,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_conduit_is_made_once_and_found_again() {
    let (twitch, helix, conduit) = with_conduit().await;
    let foreign = twitch.add_foreign_conduit();
    let mut found = helix.conduits().await.expect("a list");
    found.sort();
    let mut expected = vec![conduit, foreign];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn a_conduit_that_is_gone_makes_nobody_unknown() {
    let (twitch, helix, conduit) = with_conduit().await;
    let ann = user(&twitch, "ann");
    twitch.forget_conduit(&conduit);
    let refused = helix.subscribe(&ann, &to(&conduit)).await;
    assert!(matches!(refused, Err(TwitchError::Refused { status: 400, .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sixth_conduit_is_refused_and_not_waited_for() {
    let (twitch, helix, _) = with_conduit().await;
    for _ in 0..4 {
        twitch.add_foreign_conduit();
    }
    let refused = helix.create_conduit().await;
    assert!(matches!(refused, Err(TwitchError::Refused { status: 429, .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_conduit_whose_answer_is_lost_is_not_made_again_at_once() {
    let twitch = Twitch::start().await;
    let helix = helix(&twitch);
    twitch.fail(Path::CreateConduit, 1, Fault::Html(502));
    assert!(matches!(helix.create_conduit().await, Err(TwitchError::Unavailable(_))));
    let asked = twitch.requests().into_iter().filter(|request| request.method == "POST");
    assert_eq!(asked.filter(|request| request.path.ends_with("/conduits")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_bound_to_a_session_that_is_there_and_to_no_other() {
    let (_twitch, helix, conduit) = with_conduit().await;
    let refused = helix.bind_shard(&conduit, "no-such-session").await;
    assert!(matches!(refused, Err(BindError::Refused(_))), "{refused:?}");
    let unknown = helix.bind_shard("no-such-conduit", "no-such-session").await;
    assert_eq!(unknown, Err(BindError::NoConduit));
    assert_eq!(helix.shard(&conduit).await.expect("an answer"), None);
    assert_eq!(helix.shard("no-such-conduit").await.expect("an answer"), None);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_made_found_and_ended() {
    let (twitch, helix, conduit) = with_conduit().await;
    let ann = user(&twitch, "ann");
    let made = helix.subscribe(&ann, &to(&conduit)).await.expect("an answer");
    let Subscribed::Made(made) = made else { panic!("{made:?}") };
    assert_eq!((&made.status, made.broadcaster.as_ref(), made.cost), (&Status::Enabled, Some(&ann), 1));
    assert_eq!(made.transport, Transport::Conduit(conduit.clone()));
    assert_eq!(helix.subscribe(&ann, &to(&conduit)).await, Ok(Subscribed::Exists));
    assert_eq!(list(&helix).await.subscriptions, std::slice::from_ref(&made));
    assert!(twitch.enabled_for(ann.as_str()));
    helix.unsubscribe(&made.id).await.expect("ended");
    helix.unsubscribe(&made.id).await.expect("there is nothing to end");
    assert!(!twitch.enabled_for(ann.as_str()));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_subscription_from_being_made_is_told_apart() {
    let (twitch, helix, conduit) = with_conduit().await;
    let (ann, bob) = (user(&twitch, "ann"), user(&twitch, "bob"));
    assert_eq!(
        helix.subscribe(&BroadcasterId::new("404404"), &to(&conduit)).await,
        Ok(Subscribed::NoBroadcaster)
    );
    twitch.set_max_total_cost(1);
    assert!(matches!(helix.subscribe(&ann, &to(&conduit)).await, Ok(Subscribed::Made(_))));
    let full = helix.subscribe(&bob, &to(&conduit)).await;
    assert!(matches!(full, Ok(Subscribed::QuotaUsedUp(_))), "{full:?}");
    // The other 429 is a pause, and passes.
    twitch.set_max_total_cost(2);
    twitch.fail(Path::CreateSubscription, 1, Fault::RateLimited { reset_in: Duration::from_secs(20) });
    let began = twitch.now();
    assert!(matches!(helix.subscribe(&bob, &to(&conduit)).await, Ok(Subscribed::Made(_))));
    let took = twitch.now() - began;
    assert!(took >= Duration::from_secs(19), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn too_many_are_told_from_too_fast_by_what_twitch_says_when_it_counts_no_points() {
    let (twitch, helix, conduit) = with_conduit().await;
    let ann = user(&twitch, "ann");
    twitch.set_max_total_cost(0);
    twitch.fail(Path::Any, u32::MAX, Fault::NoBudget);
    let began = twitch.now();
    let full = helix.subscribe(&ann, &to(&conduit)).await;
    assert!(matches!(full, Ok(Subscribed::QuotaUsedUp(_))), "{full:?}");
    for _ in 0..3 {
        twitch.add_foreign_subscription(
            ann.as_str(),
            fake::Transport::Conduit { id: twitch.add_foreign_conduit() },
        );
    }
    let alike = helix.subscribe(&ann, &to(&conduit)).await;
    assert!(matches!(alike, Ok(Subscribed::QuotaUsedUp(_))), "{alike:?}");
    twitch.add_foreign_conduit();
    let sixth = helix.create_conduit().await;
    assert!(matches!(sixth, Err(TwitchError::Refused { status: 429, .. })), "{sixth:?}");
    assert_eq!(twitch.request_count(Path::CreateSubscription), 2, "nothing is repeated");
    assert!(twitch.now() - began < Duration::from_secs(1), "nothing is waited for");
}

#[tokio::test(start_paused = true)]
async fn what_is_planned_brings_twitch_to_what_is_wanted() {
    let (twitch, helix, conduit) = with_conduit().await;
    twitch.set_eventsub_page_size(3);
    let all: Vec<BroadcasterId> = (0..12).map(|number| user(&twitch, &format!("user{number}"))).collect();
    twitch.authorise(all[11].as_str());
    let foreign = fake::Transport::Conduit { id: twitch.add_foreign_conduit() };
    let theirs = twitch.add_foreign_subscription(all[0].as_str(), foreign);
    twitch.set_max_total_cost(9);
    let own = Own { current: Transport::Conduit(conduit.clone()), former: Vec::new() };
    let wanted: Vec<_> = all
        .iter()
        .zip(1..)
        .map(|(broadcaster, watches)| Wanted { broadcaster: broadcaster.clone(), watches })
        .collect();
    let carry_out = async || {
        let plan = plan(&wanted, &list(&helix).await, &own, &std::collections::BTreeSet::new());
        for step in &plan.steps {
            match step {
                Step::Delete(id) => helix.unsubscribe(id).await.expect("ended"),
                Step::Create(broadcaster) => {
                    let made = helix.subscribe(broadcaster, &to(&conduit)).await;
                    assert!(matches!(made, Ok(Subscribed::Made(_))), "{made:?}");
                }
            }
        }
        plan.steps.len()
    };
    assert_eq!(carry_out().await, 8);
    // Who turned out to cost nothing leaves room for one more.
    assert_eq!(carry_out().await, 1);
    assert_eq!(carry_out().await, 0);
    let ours = |user: &BroadcasterId| twitch.enabled_for(user.as_str());
    let covered: Vec<bool> = all.iter().map(ours).collect();
    assert_eq!(covered.iter().filter(|covered| **covered).count(), 9);
    assert!(covered[3..].iter().all(|covered| *covered), "{covered:?}");
    // Twitch cuts the quota, and loses one.
    let lost =
        twitch.subscriptions().into_iter().find(|one| one.broadcaster == all[9].as_str()).expect("one");
    twitch.revoke(&lost.id, "user_removed");
    twitch.set_max_total_cost(5);
    carry_out().await;
    assert_eq!(carry_out().await, 0);
    assert!(list(&helix).await.subscriptions.iter().any(|one| one.id == theirs), "theirs is left alone");
    let covered: Vec<bool> = all.iter().map(ours).collect();
    assert_eq!(covered.iter().filter(|covered| **covered).count(), 5, "{covered:?}");
}
