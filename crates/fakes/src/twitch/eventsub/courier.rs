//! The one task that acts by itself: it delivers delayed events.

use std::sync::Arc;

use crate::twitch::server::Shared;

/// Works until it is aborted.
pub(in crate::twitch) async fn run(shared: Arc<Shared>) {
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
            eventsub.next_due()
        };
        tokio::select! {
            () = changed => {}
            () = sleep_until(&shared, wake) => {}
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
