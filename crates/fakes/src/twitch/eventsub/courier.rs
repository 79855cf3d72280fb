//! The one task that acts by itself: it delivers delayed events and calls webhooks.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::twitch::server::Shared;

/// How many webhooks are called at once.
const MAX_CALLS: usize = 64;

/// Works until it is aborted, and its calls with it.
pub(in crate::twitch) async fn run(shared: Arc<Shared>) {
    let mut calls = JoinSet::new();
    loop {
        let mut changed = std::pin::pin!(shared.changed.notified());
        // Registered before looking, or a change in between would be missed.
        changed.as_mut().enable();
        let now = shared.clock.now();
        let wake = {
            let eventsub = &mut shared.state().eventsub;
            if eventsub.deliver_due(now) {
                shared.changed.notify_waiters();
            }
            while calls.len() < MAX_CALLS
                && let Some(post) = eventsub.outbox.take(now)
            {
                let shared = Arc::clone(&shared);
                calls.spawn(async move {
                    let answer = post.message.send(&post.callback).await.ok();
                    let now = shared.clock.now();
                    shared.state().eventsub.settle(post, answer.as_ref(), now);
                    shared.changed.notify_waiters();
                });
            }
            let post = eventsub.outbox.next_due().filter(|_| calls.len() < MAX_CALLS);
            [eventsub.next_due(), post].into_iter().flatten().min()
        };
        tokio::select! {
            () = changed => {}
            () = sleep_until(&shared, wake) => {}
            Some(_) = calls.join_next() => {}
        }
    }
}

/// Waits for a time by the fake's clock, for ever without one.
pub(super) async fn sleep_until(shared: &Shared, wake: Option<std::time::Duration>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake.saturating_sub(shared.clock.now())).await,
        None => std::future::pending().await,
    }
}
