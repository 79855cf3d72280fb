//! A Twitch on loopback: tokens, streams, users, channels, categories, videos and EventSub, with state that a test or the demo changes.
//!
//! It is no video and no chat: only what the bot asks, and is told. Where Twitch is known to mislead (a default page
//! of twenty, a cursor to nowhere, one dead login that fails a whole batch) it misleads too.

mod categories;
mod eventsub;
mod faults;
mod guard;
mod line;
mod log;
mod pages;
mod people;
mod running;
mod server;
#[cfg(test)]
mod tests;
mod videos;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use eventsub::{Conduit, Shard, Socket, Subscription, Transport, WebhookAnswer, WebhookMessage, sign};
pub use faults::{Fault, Path};
pub use log::Request;
pub use people::{Stream, User};

use guard::Bucket;
use server::{CLIENT_ID, CLIENT_SECRET, Shared};

/// A fake dropped just before frees its port only when the runtime next runs; this many waits of a millisecond are
/// plenty for that, and few enough that a port taken by somebody else is an error soon.
const MAX_BINDS: u32 = 20;
/// How long the fake waits for a request, in tokio's time: longer than any of a client's pauses between two attempts.
const PATIENCE: Duration = Duration::from_mins(10);

/// A handle on a running fake Twitch. Clones are the same one; it stops, with all its connections, when the last
/// clone is dropped. Changes hold from the next answer on.
#[derive(Clone, Debug)]
pub struct Twitch {
    shared: Arc<Shared>,
    server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    courier: JoinHandle<()>,
    /// Dropped with the handle, which every open connection watches.
    _open: watch::Sender<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.courier.abort();
    }
}

impl Twitch {
    /// Starts on a free port of 127.0.0.1, in the current tokio runtime.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start() -> Self {
        let started = Self::start_on((Ipv4Addr::LOCALHOST, 0).into()).await;
        started.expect("loopback always has a free port")
    }

    /// Starts on this address, for example that of a fake dropped before: Twitch after an outage.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // Without it, an answer waits for the client's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        let shared = Arc::new(Shared::new());
        shared.state().eventsub.set_url(format!("ws://{address}/ws"));
        let courier = tokio::spawn(eventsub::run_courier(Arc::clone(&shared)));
        let (sender, open) = watch::channel(());
        let service = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<line::Cord>();
        let task = tokio::spawn(async move {
            let _ = axum::serve(line::Lines { listener, open }, service).await;
        });
        Ok(Self { shared, server: Arc::new(Server { address, task, courier, _open: sender }) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Base of Helix, without a slash at the end.
    pub fn api_url(&self) -> String {
        format!("http://{}/helix", self.server.address)
    }

    /// Base of Twitch's OAuth server, without a slash at the end.
    pub fn auth_url(&self) -> String {
        format!("http://{}/oauth2", self.server.address)
    }

    /// The only client id that is accepted.
    pub fn client_id(&self) -> String {
        CLIENT_ID.into()
    }

    /// The secret to [`Twitch::client_id`].
    pub fn client_secret(&self) -> String {
        CLIENT_SECRET.into()
    }
}

/// People.
impl Twitch {
    /// Makes an account and returns its id: the next free number from 1001. The display name is the login with a
    /// capital. A login that exists keeps its id.
    pub fn add_user(&self, login: &str) -> String {
        self.shared.state().people.add(login)
    }

    /// Makes or replaces exactly this account. A login that belonged to another id goes over to this one.
    pub fn add_user_with(&self, user: User) {
        self.shared.state().people.add_with(user);
    }

    /// Makes so many accounts and returns their ids.
    pub fn add_users(&self, count: usize) -> Vec<String> {
        self.shared.state().people.add_many(count)
    }

    /// Whose login this is now; vanished users keep theirs.
    pub fn id_of(&self, login: &str) -> Option<String> {
        self.shared.state().people.id_of(login).map(str::to_owned)
    }

    /// Gives a user another login and name, which a running stream shows at once.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn rename(&self, id: &str, login: &str, display_name: &str) {
        self.shared.state().people.rename(id, login, display_name);
    }

    /// Takes a user out of every answer, as Twitch does with banned and deleted accounts.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn vanish(&self, id: &str) {
        self.shared.state().people.known(id).vanished = true;
    }

    /// Undoes [`Twitch::vanish`].
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn reappear(&self, id: &str) {
        self.shared.state().people.known(id).vanished = false;
    }
}

/// Streams.
impl Twitch {
    /// Starts a stream with [`Stream::default`] and returns its id. A stream that was running is replaced, as when a
    /// connection drops.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn go_live(&self, id: &str) -> String {
        self.go_live_with(id, Stream::default())
    }

    /// Starts this stream and returns its id; what is empty of id, start and thumbnail is filled in.
    /// Subscriptions to `stream.online` are told.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn go_live_with(&self, id: &str, stream: Stream) -> String {
        let now = self.shared.clock.now();
        let stream_id = {
            let state = &mut *self.shared.state();
            state.categories.note(&stream.game_id, &stream.game_name);
            state.people.go_live(id, stream, now)
        };
        self.tell_of_stream(id);
        stream_id
    }

    /// Ends the stream, and a raw item with it; nothing happens to somebody offline.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn go_offline(&self, id: &str) {
        let was_live = self.shared.state().people.go_offline(id);
        if was_live {
            self.tell_of_end(id);
        }
    }

    /// Changes the running stream; nothing happens to somebody offline.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn update(&self, id: &str, change: impl FnOnce(&mut Stream)) {
        // Outside the lock, so that `change` may ask the fake.
        let Some(mut stream) = self.shared.state().people.known(id).stream.clone() else { return };
        change(&mut stream);
        let state = &mut *self.shared.state();
        state.categories.note(&stream.game_id, &stream.game_name);
        if let Some(running) = &mut state.people.known(id).stream {
            *running = stream;
        }
    }

    /// What the user streams in truth, whatever Helix would say.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn stream_of(&self, id: &str) -> Option<Stream> {
        self.shared.state().people.known(id).stream.clone()
    }

    /// Leaves the user out of `/streams` although live, as Helix's cache does, until [`Twitch::unhide`].
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn hide(&self, id: &str) {
        self.shared.state().people.known(id).hidden = true;
    }

    /// Undoes [`Twitch::hide`].
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn unhide(&self, id: &str) {
        self.shared.state().people.known(id).hidden = false;
    }

    /// How long after going live a stream begins to appear in `/streams`, for streams that begin from now on; zero at
    /// first. `/channels` knows at once.
    pub fn set_helix_lag(&self, lag: Duration) {
        self.shared.state().people.lag = lag;
    }

    /// Sends this verbatim as the user's item of `/streams`, live or not, until [`Twitch::go_offline`] or
    /// [`Twitch::clear_raw_stream_item`].
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]
    pub fn add_raw_stream_item(&self, id: &str, item: Value) {
        self.shared.state().people.set_raw_item(id, &item);
    }

    /// Sends the built item again.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn clear_raw_stream_item(&self, id: &str) {
        self.shared.state().people.known(id).raw_item = None;
    }

    /// Leaves a field of that name out of every built item of `/streams`, as Twitch does one day with deprecated ones.
    pub fn omit_field(&self, field: &str) {
        self.shared.state().people.omitted_fields.push(field.to_owned());
    }
}

/// Behaviour.
impl Twitch {
    /// How long every answer takes; zero at first.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Fills a new bucket of so many points, which refill evenly over a minute; 800 at first, zero refuses everything.
    pub fn set_rate_limit(&self, points_per_minute: u32) {
        self.shared.state().bucket = Bucket::of(points_per_minute);
    }

    /// How long tokens issued from now on are good; 58 days at first.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.state().tokens.lifetime = lifetime;
    }

    /// Makes every token issued so far invalid.
    pub fn revoke_tokens(&self) {
        self.shared.state().tokens.revoke_all();
    }

    /// While true, no credentials are good enough for a token; tokens issued before stay good.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.shared.state().refuses_credentials = refuse;
    }

    /// Makes the next `times` requests to that endpoint fail so; `u32::MAX` means until [`Twitch::clear_faults`].
    /// Faults queue up: of those that fit a request, the oldest is used.
    pub fn fail(&self, path: Path, times: u32, fault: Fault) {
        self.shared.state().plans.on_path(path, times, fault);
    }

    /// As [`Twitch::fail`], for requests to `/streams` that ask for this user id.
    pub fn fail_batches_with(&self, user_id: &str, times: u32, fault: Fault) {
        self.shared.state().plans.on_batch_with(user_id, times, fault);
    }

    /// Ends all faults, also those not used yet; requests that hang go on hanging.
    pub fn clear_faults(&self) {
        self.shared.state().plans.clear();
    }
}

/// What was asked.
impl Twitch {
    /// The requests since the start or [`Twitch::clear_requests`], oldest first; at most the last 10,000.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().log.kept()
    }

    /// Whether requests are kept for [`Twitch::requests`], as at first; they are counted either way.
    pub fn record_requests(&self, record: bool) {
        self.shared.state().log.keeps = record;
    }

    /// How many requests came to that endpoint since the start or [`Twitch::clear_requests`].
    pub fn request_count(&self, path: Path) -> usize {
        self.shared.state().log.count(path)
    }

    /// Waits until so many requests came to that endpoint since the start or [`Twitch::clear_requests`]. It resolves
    /// before the last of them is answered; [`Twitch::set_latency`] says how long before.
    ///
    /// # Panics
    /// If that takes more than ten minutes of tokio's time.
    pub async fn wait_for_request(&self, path: Path, nth: usize) {
        let search = async {
            loop {
                let mut arrived = std::pin::pin!(self.shared.arrived.notified());
                // Registered before looking, or a request in between would be missed.
                arrived.as_mut().enable();
                if self.request_count(path) >= nth {
                    return;
                }
                arrived.await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        assert!(found.is_ok(), "{path:?} was not asked {nth} times within {PATIENCE:?}");
    }

    /// Forgets and counts from zero.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }

    /// How many tokens were given out since the start.
    pub fn tokens_issued(&self) -> usize {
        self.shared.state().tokens.issued
    }

    /// The fake's time since the Unix epoch, by which it stamps streams and requests.
    pub fn now(&self) -> Duration {
        self.shared.clock.now()
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let mut binds = 1;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && binds < MAX_BINDS => binds += 1,
            bound => return bound,
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
