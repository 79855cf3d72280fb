//! A stateful double of Discord: REST, gateway and interactions in one server on loopback. It shares no code with any
//! client, checks what clients send as strictly as Discord's documentation does, and can misbehave on request.

mod answers;
mod behaviour;
mod commands;
mod components;
mod crossposts;
mod errors;
mod faults;
mod forums;
mod gateway;
mod history;
mod interactions;
mod limits;
mod members;
mod mentions;
mod messages;
mod modals;
mod models;
pub mod permissions;
mod pressing;
mod reply;
mod resolved;
mod rest;
mod roles;
mod routes;
mod session;
mod sessions;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod validate;
mod waiting;
mod wire;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use state::State;
use wire::{Door, Line, Lines};

pub use faults::{Fault, Place};
pub use forums::Tag;
pub use interactions::Interaction;
pub use limits::Limits;
pub use members::Member;
pub use mentions::Notified;
pub use messages::Message;
pub use reply::Reply;
pub use roles::Role;
pub use routes::Route;
pub use state::{Channel, ChannelKind, Request};
pub use threads::Thread;
pub use validate::check_message;

/// The only bot token the fake accepts.
const TOKEN: &str = "fake-bot-token";
/// How long the fake waits for a client in tests, in tokio's time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A handle on the fake. Clones are the same Discord; the server stops with the last of them.
#[derive(Clone, Debug)]
pub struct Discord {
    shared: Arc<Shared>,
    _server: Arc<Server>,
}

/// What the handles and the connections have in common.
#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    clock: Clock,
    state: Mutex<State>,
    /// Wakes everybody who waits for the state to change: gateway connections, replies, tests.
    changed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking test must not turn every later look at the state into a second panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Waits until `look` finds something, at most `patience` of tokio's time.
    async fn wait_for<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let search = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                // Registered before looking, or a change in between would be missed.
                changed.as_mut().enable();
                if let Some(found) = look(&mut self.state()) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, search).await.ok()
    }
}

/// Ends the server and its connections when the last handle goes.
#[derive(Debug)]
struct Server {
    task: AbortHandle,
    lines: Lines,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.lines.end_all();
    }
}

impl Discord {
    /// Starts a Discord on a free port of loopback, in the current runtime.
    ///
    /// # Panics
    /// If loopback cannot be bound.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("loopback can be bound")
    }

    /// Starts a Discord on an address, in the current runtime.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut state = State::new();
        state.gateway.url = format!("ws://{address}/gateway");
        let shared = Arc::new(Shared {
            address,
            clock: Clock::start(),
            state: Mutex::new(state),
            changed: Notify::new(),
        });
        let router = Router::new()
            .route("/gateway", get(gateway::upgrade))
            .route("/gateway/", get(gateway::upgrade))
            .fallback(rest::serve)
            .with_state(Arc::clone(&shared));
        let lines = Lines::default();
        let door = Door { listener, lines: lines.clone() };
        let service = router.into_make_service_with_connect_info::<Line>();
        let task = tokio::spawn(async move { axum::serve(door, service).await }).abort_handle();
        Ok(Self { shared, _server: Arc::new(Server { task, lines }) })
    }

    /// The base of all addresses, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The bot token that is accepted.
    #[must_use]
    pub fn token(&self) -> String {
        TOKEN.to_owned()
    }

    /// The application the token belongs to.
    #[must_use]
    pub fn application_id(&self) -> u64 {
        state::APPLICATION
    }

    /// The bot's user.
    #[must_use]
    pub fn bot_user_id(&self) -> u64 {
        state::BOT
    }

    /// Changes the state and wakes those who wait for it.
    fn change<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let now = self.shared.now();
        let result = change(&mut self.shared.state(), now);
        self.shared.changed.notify_waiters();
        result
    }
}
