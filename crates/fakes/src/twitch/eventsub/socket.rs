//! The websocket itself: upgrades, and pumps frames between a connection and the sessions.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::courier::sleep_until;
use super::sessions::Step;
use crate::twitch::line::Cord;
use crate::twitch::pages::Query;
use crate::twitch::server::Shared;

const USUAL_KEEPALIVE: u64 = 10;
/// How long a closing connection waits for the client's own close frame.
const GOODBYE: Duration = Duration::from_secs(5);

/// Answers `GET /ws`.
pub(in crate::twitch) async fn upgrade(
    shared: Arc<Shared>,
    cord: Cord,
    mut parts: Parts,
    query: &Query<'_>,
) -> Response {
    if shared.state().eventsub.sessions.refusing {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let asked = query.one("keepalive_timeout_seconds").map_or(Ok(USUAL_KEEPALIVE), str::parse);
    let Some(keepalive) = asked.ok().filter(|seconds| (10..=600).contains(seconds)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let keepalive = Duration::from_secs(keepalive);
    let invitation = query.one("challenge").map(str::to_owned);
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    upgrade.on_upgrade(move |socket| async move {
        let now = shared.clock.now();
        let connection =
            shared.state().eventsub.sessions.connect(cord, keepalive, invitation.as_deref(), now);
        shared.changed.notify_waiters();
        let said_goodbye = pump(&shared, socket, connection).await;
        let now = shared.clock.now();
        shared.state().eventsub.disconnect(connection, said_goodbye, now);
        shared.changed.notify_waiters();
    })
}

/// Runs a connection until it ends; answers whether the client closed it.
async fn pump(shared: &Shared, mut socket: WebSocket, connection: u64) -> bool {
    loop {
        let mut changed = std::pin::pin!(shared.changed.notified());
        changed.as_mut().enable();
        let step = shared.state().eventsub.next_step(connection, shared.clock.now());
        let wake = match step {
            Step::Send(text) => {
                if socket.send(Message::text(text)).await.is_err() {
                    return false;
                }
                continue;
            }
            Step::Close(code) => {
                shared.changed.notify_waiters();
                close(socket, code).await;
                return true;
            }
            Step::Gone => return false,
            Step::Wait(wake) => wake,
        };
        let incoming = tokio::select! {
            incoming = socket.recv() => incoming,
            () = changed => continue,
            () = sleep_until(shared, wake) => continue,
        };
        match incoming {
            Some(Ok(Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) => {
                // The library has queued the answering close frame; reading on sends it.
                let _ = tokio::time::timeout(GOODBYE, socket.recv()).await;
                return true;
            }
            Some(Ok(_)) => {
                let code = shared.state().eventsub.spoken_to(connection, shared.clock.now());
                shared.changed.notify_waiters();
                close(socket, code).await;
                return true;
            }
            Some(Err(_)) | None => return false,
        }
    }
}

async fn close(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        let _ = tokio::time::timeout(GOODBYE, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}
