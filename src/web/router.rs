//! What is served where, and how the server starts and stops.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health;
use crate::telemetry::Health;

/// How long open requests may go on when the program stops.
const DRAIN: Duration = Duration::from_secs(1);

/// Takes the address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new().route(health::HEALTH_PATH, get(health::show)).with_state(health);
    // Small answers would wait for the other side's acknowledgement otherwise.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let stopped = stop.clone();
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stopped.cancelled().await })
        .into_future();
    tokio::select! {
        ended = serving => ended,
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}
