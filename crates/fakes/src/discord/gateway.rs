//! The gateway's socket: upgrades, pumps frames between a connection and the sessions, and what tests may do to it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State as Shares};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use super::sessions::Step;
use super::wire::Line;
use super::{Discord, PATIENCE, Shared};

/// Discord compresses payloads from about this size on for clients that said they can read them.
const COMPRESSED_FROM: usize = 1024;
/// How long a closing connection waits for the client's own close frame.
const GOODBYE: Duration = Duration::from_secs(5);

impl Discord {
    /// How often clients identified, refused attempts included.
    #[must_use]
    pub fn identifies(&self) -> usize {
        self.shared.state().gateway.identifies
    }

    /// How many sessions were resumed.
    #[must_use]
    pub fn resumes(&self) -> usize {
        self.shared.state().gateway.resumes
    }

    /// How many heartbeats arrived.
    #[must_use]
    pub fn heartbeats(&self) -> usize {
        self.shared.state().gateway.heartbeats
    }

    /// Whether a session is open: READY or RESUMED went out on a connection that still stands.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.shared.state().gateway.connected()
    }

    /// Waits until all shards of a client are ready and their guilds are announced.
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub async fn wait_until_ready(&self) {
        assert!(self.is_ready_in_time().await, "no gateway session became ready within {PATIENCE:?}");
    }

    /// Whether all shards of a client become ready, and their guilds announced, within a minute.
    pub async fn is_ready_in_time(&self) -> bool {
        self.shared.wait_for(PATIENCE, |state| state.gateway.settled().then_some(())).await.is_some()
    }

    /// Asks all clients to reconnect and resume (op 7).
    pub fn reconnect(&self) {
        self.change(|state, _| state.gateway.ask_to_reconnect());
    }

    /// Tells all clients that their session is invalid (op 9).
    pub fn invalidate(&self, resumable: bool) {
        self.change(|state, _| state.gateway.invalidate(resumable));
    }

    /// Aborts all gateway connections without a close frame.
    pub fn cut_gateway(&self) {
        self.change(|state, now| state.gateway.cut(now));
    }

    /// Closes all gateway connections with a code.
    pub fn close_gateway(&self, code: u16) {
        self.change(|state, now| state.gateway.close(code, now));
    }

    /// Whether new gateway connections are answered with 503.
    pub fn set_gateway_refusing(&self, refusing: bool) {
        self.shared.state().gateway.refusing = refusing;
    }

    /// How often clients are told to send heartbeats from their next connection on; 41.25 s at first. Clients that do
    /// not follow tokio's clock are tested with a short one.
    pub fn set_heartbeat_interval(&self, interval: Duration) {
        self.shared.state().gateway.heartbeat_interval = interval;
    }

    /// How many shards Discord recommends.
    pub fn set_shards(&self, recommended: u32) {
        self.shared.state().gateway.shards = recommended;
    }

    /// How many times the bot may still identify, and when it gets a new day's worth. One time too many ends all
    /// sessions and the token, as with Discord.
    pub fn set_session_limit(&self, remaining: u32, reset_after: Duration) {
        self.change(|state, now| state.gateway.limit_starts(remaining, now + reset_after));
    }
}

pub(super) async fn upgrade(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if shared.state().gateway.refusing {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| async move {
        let connection = shared.state().gateway.connect(line);
        let goodbye = pump(&shared, socket, connection).await;
        let now = shared.now();
        shared.state().gateway.disconnect(connection, goodbye, now);
        shared.changed.notify_waiters();
    })
}

/// Runs a connection until it ends; answers the code the client closed it with.
async fn pump(shared: &Shared, mut socket: WebSocket, connection: u64) -> Option<u16> {
    loop {
        let mut changed = std::pin::pin!(shared.changed.notified());
        changed.as_mut().enable();
        let step = shared.state().next_step(connection);
        match step {
            Step::Send(frame, compress) => {
                socket.send(encode(&frame, compress)).await.ok()?;
                // Whoever waits for READY waits for what was just sent.
                shared.changed.notify_waiters();
                continue;
            }
            Step::Close(code) => {
                close(socket, code).await;
                return None;
            }
            Step::Gone => return None,
            Step::Wait => {}
        }
        let incoming = tokio::select! {
            incoming = socket.recv() => incoming,
            () = changed => continue,
        };
        match incoming?.ok()? {
            Message::Text(text) => {
                let now = shared.now();
                shared.state().receive(connection, text.as_str(), now);
            }
            Message::Close(frame) => {
                // The library has queued the answering close frame; reading on sends it.
                let _ = tokio::time::timeout(GOODBYE, socket.recv()).await;
                return frame.map(|frame| frame.code);
            }
            _ => {}
        }
    }
}

async fn close(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        let _ = tokio::time::timeout(GOODBYE, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}

fn encode(frame: &Value, compress: bool) -> Message {
    let text = frame.to_string();
    if !compress || text.len() <= COMPRESSED_FROM {
        return Message::text(text);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail; if it did, the plain text is as good.
    match encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()) {
        Ok(bytes) => Message::binary(bytes),
        Err(_) => Message::text(text),
    }
}
