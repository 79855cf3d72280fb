//! What is served where, and how the server starts and stops.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listener::Door;
use super::{health, twitch};
use crate::sources::Webhook;
use crate::telemetry::Health;

/// How long open requests may go on when the program stops.
const DRAIN: Duration = Duration::from_secs(1);

/// Takes the address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop`; what Twitch posts only if there is somebody who takes it.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    webhook: Option<Webhook>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut router = Router::new().route(health::HEALTH_PATH, get(health::show)).with_state(health);
    if let Some(webhook) = webhook {
        let take = post(twitch::take).with_state(webhook).layer(DefaultBodyLimit::max(twitch::MAX_MESSAGE));
        router = router.route(twitch::TWITCH_PATH, take);
    }
    let stopped = stop.clone();
    let serving = axum::serve(Door::new(listener), router)
        .with_graceful_shutdown(async move { stopped.cancelled().await })
        .into_future();
    tokio::select! {
        ended = serving => ended,
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}
