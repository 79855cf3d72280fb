//! Requests to Discord: paced, timed out, each sent once. Whoever asks decides about another attempt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::limits::{Learned, Limits, Route, Wait};
use super::wire::{ApplicationBody, ErrorBody, GatewayBody, NewMessage, WithId};
use super::{DiscordError, DiscordOptions};
use crate::clock::Clock;
use crate::domain::{ChannelId, GuildId, MessageId, Timestamp, text};
use crate::http;
use crate::render;

/// How long one request may take, the body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a request may wait for its turn before it is given back undone.
const MAX_TURN: Duration = Duration::from_mins(1);

/// A pause that a request does not sit out: longer than every window of a bucket that was seen.
const LONG_PAUSE: Duration = Duration::from_secs(10);

/// The wait after a 429 that says nothing of its length.
const UNSTATED_WAIT: Duration = Duration::from_secs(1);

/// No wait that Discord states is believed beyond this: it is longer than every window it has documented.
const MAX_STATED_WAIT: Duration = Duration::from_hours(1);

/// Spread of the waits after a 429, so that not everything comes back at one moment.
const PAUSE_JITTER: Duration = Duration::from_millis(250);

/// The longest body that is read; the roles of a large server are below 200 kB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The longest text of Discord's that is kept, for log lines.
const MAX_WORDS: usize = 200;

/// Whether a person waits for the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Urgency {
    /// Somebody waits: goes before the fan-out.
    Interactive,
    /// Nobody waits.
    Background,
}

/// The application that the token belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    /// Its id, for commands and the invite link.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The user that the bot appears as.
    pub bot_user: u64,
}

/// How often the gateway may still be asked for a new session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionStarts {
    /// Connections that Discord wants this bot to hold, at least 1; each asks once.
    pub shards: u32,
    /// How many more times.
    pub remaining: u32,
    /// When the count begins anew, from now.
    pub reset_after: Duration,
}

/// A member of a server, by the raw ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The server.
    pub guild: GuildId,
    /// The user.
    pub user: u64,
}

/// How a request waits for its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queueing {
    /// Requests of one flow go in order; flows take turns.
    pub flow: i64,
    /// A request that could not go out by then is given back undone.
    pub not_after: Option<Timestamp>,
}

/// A message that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posted {
    /// Its id.
    pub id: MessageId,
    /// When its turn had come and it went out.
    pub sent_at: Timestamp,
}

/// A client of Discord's REST interface. Cheap to clone; all clones share the limits.
#[derive(Clone)]
pub struct Rest {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    http: reqwest::Client,
    options: DiscordOptions,
    clock: Clock,
    limits: Mutex<Limits>,
    /// Who waits for the first answer of a route.
    first_answers: Mutex<HashMap<Route, Arc<Notify>>>,
    chance: Mutex<fastrand::Rng>,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").finish_non_exhaustive()
    }
}

/// How a bot names itself; without this form Cloudflare blocks it (Discord, API Reference, "User Agent").
fn user_agent() -> String {
    format!("DiscordBot ({}, {})", env!("CARGO_PKG_HOMEPAGE"), env!("CARGO_PKG_VERSION"))
}

/// Connections to Discord.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    http::client(REQUEST_TIMEOUT, &user_agent())
}

impl Rest {
    /// A client with its own connections; `chance` spreads the waits.
    pub fn new(options: DiscordOptions, clock: Clock, chance: fastrand::Rng) -> anyhow::Result<Self> {
        let http = http_client()?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                options,
                clock,
                limits: Mutex::default(),
                first_answers: Mutex::default(),
                chance: Mutex::new(chance),
            }),
        })
    }

    /// Posts a message. The same `nonce` within some minutes gives the message that is there already.
    pub async fn create_message(
        &self,
        channel: ChannelId,
        message: &render::Message,
        nonce: &str,
        queueing: Queueing,
    ) -> Result<Posted, DiscordError> {
        let _ = queueing;
        let sent_at = self.inner.clock.now();
        let route = Route { kind: "POST /channels/{}/messages", resource: channel.get() };
        let body = NewMessage::new(message, nonce);
        let path = format!("/channels/{channel}/messages");
        let created: WithId =
            self.inner.ask(Method::POST, route, &path, Some(&body), Urgency::Background).await?;
        let id = MessageId::new(created.id).ok_or_else(|| unavailable("a message without an id"))?;
        Ok(Posted { id, sent_at })
    }

    /// The application of the token, which also tells whether the token is accepted.
    pub async fn application(&self) -> Result<Application, DiscordError> {
        let route = Route { kind: "GET /applications/@me", resource: 0 };
        let body: ApplicationBody = self
            .inner
            .ask(Method::GET, route, "/applications/@me", None::<&()>, Urgency::Interactive)
            .await?;
        // In applications made since 2016 the bot's user has the id of the application.
        let bot_user = body.bot.map_or(body.id, |bot| bot.id);
        Ok(Application { id: body.id, name: body.name, bot_user })
    }

    /// How many gateway sessions may still be asked for (Discord, Gateway, "Get Gateway Bot").
    pub async fn session_starts(&self) -> Result<SessionStarts, DiscordError> {
        let route = Route { kind: "GET /gateway/bot", resource: 0 };
        let body: GatewayBody = self.read(route, "/gateway/bot").await?;
        Ok(SessionStarts {
            shards: body.shards.max(1),
            remaining: body.session_start_limit.remaining,
            reset_after: Duration::from_millis(body.session_start_limit.reset_after),
        })
    }

    /// Replaces the commands that are registered for every server (Discord, "Bulk Overwrite Global Application Commands").
    pub async fn register_commands(
        &self,
        application: u64,
        commands: &serde_json::Value,
    ) -> Result<(), DiscordError> {
        let route = Route { kind: "PUT /applications/{}/commands", resource: application };
        let path = format!("/applications/{application}/commands");
        let _: serde_json::Value =
            self.inner.ask(Method::PUT, route, &path, Some(commands), Urgency::Background).await?;
        Ok(())
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        route: Route,
        path: &str,
    ) -> Result<T, DiscordError> {
        self.inner.ask(Method::GET, route, path, None::<&()>, Urgency::Interactive).await
    }
}

/// A request that was admitted. When it is dropped, answered or not, its place is free again.
struct Turn<'a> {
    of: &'a Inner,
    route: Route,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.of.limits().is_over(self.route);
        if let Some(waiting) = self.of.waiting().get(&self.route) {
            waiting.notify_waiters();
        }
    }
}

/// A request with a person behind it that waits for its turn.
struct UrgentWait<'a>(&'a Inner);

impl Drop for UrgentWait<'_> {
    fn drop(&mut self) {
        self.0.limits().urgent_waits(false);
    }
}

impl Inner {
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        route: Route,
        path: &str,
        body: Option<&(impl Serialize + Sync + ?Sized)>,
        urgency: Urgency,
    ) -> Result<T, DiscordError> {
        let turn = tokio::time::timeout(MAX_TURN, self.turn(route, urgency))
            .await
            .unwrap_or(Err(DiscordError::RateLimited { wait: Duration::ZERO }))?;
        let mut request = self
            .http
            .request(method, format!("{}/api/v10{path}", self.options.api_url))
            .header("Authorization", self.authorization()?);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| unavailable(http::words(&error)))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = http::body(answer, MAX_BODY).await.map_err(unavailable);
        let now = self.clock.now();
        // First learn, also of a pause, then give the place up: who waits for the first answer must find the limit known.
        self.limits().learn_after(now, route, &headers);
        let answer = match status {
            _ if status.is_success() => {
                serde_json::from_slice(&body?).map_err(|_| unavailable("the body is broken"))
            }
            StatusCode::UNAUTHORIZED => Err(DiscordError::Unauthorized),
            StatusCode::TOO_MANY_REQUESTS => Err(self.pause(now, route, &headers, &body.unwrap_or_default())),
            _ if status.is_server_error() => Err(DiscordError::Unavailable {
                why: format!("it answers {}", status.as_u16()),
                perhaps_done: true,
            }),
            _ => {
                let body = body.unwrap_or_default();
                let error: ErrorBody<'_> = serde_json::from_slice(&body).unwrap_or_default();
                let message = text::cut(&error.message, MAX_WORDS);
                Err(DiscordError::Refused { status: status.as_u16(), code: error.code, message })
            }
        };
        drop(turn);
        answer
    }

    /// The header that says who asks; marked, so that no log of a library shows it.
    fn authorization(&self) -> Result<HeaderValue, DiscordError> {
        let mut value = HeaderValue::try_from(format!("Bot {}", self.options.token.expose_secret()))
            .map_err(|_| DiscordError::Unauthorized)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Waits until the limits let this request go.
    async fn turn(&self, route: Route, urgency: Urgency) -> Result<Turn<'_>, DiscordError> {
        let urgent = urgency == Urgency::Interactive;
        let _waits = urgent.then(|| {
            self.limits().urgent_waits(true);
            UrgentWait(self)
        });
        loop {
            // Listens before it looks, so that no answer falls between the two.
            let answered = Arc::clone(self.waiting().entry(route).or_default());
            let answered = answered.notified();
            tokio::pin!(answered);
            answered.as_mut().enable();
            let wait = self.limits().admit(self.clock.now(), route, urgent);
            match wait {
                Ok(()) => {
                    self.forget_idle_waits();
                    return Ok(Turn { of: self, route });
                }
                // A long pause is better waited for in the outbox, where it takes no place from others.
                Err(Wait::Until(then)) if self.clock.until(then) > LONG_PAUSE => {
                    return Err(DiscordError::RateLimited { wait: self.clock.until(then) });
                }
                Err(Wait::Until(then)) => tokio::time::sleep(self.clock.until(then)).await,
                Err(Wait::ForFirstAnswer) => answered.await,
            }
        }
    }

    /// Notes the pause that Discord wants: the longer one of what the header and the body say, for they differ.
    fn pause(&self, now: Timestamp, route: Route, headers: &HeaderMap, body: &[u8]) -> DiscordError {
        let parsed = serde_json::from_slice::<ErrorBody<'_>>(body);
        // Without Discord's body it is what stands before Discord that refuses, and it refuses this address altogether.
        let from_before = parsed.is_err();
        let error = parsed.unwrap_or_default();
        let stated = [seconds(headers, "retry-after"), error.retry_after.and_then(duration)];
        let wait = stated.into_iter().flatten().max().unwrap_or(UNSTATED_WAIT).min(MAX_STATED_WAIT);
        let wait =
            wait + PAUSE_JITTER.mul_f64(self.chance.lock().unwrap_or_else(PoisonError::into_inner).f64());
        let global = error.global || from_before || headers.contains_key("x-ratelimit-global");
        self.limits().closed(now, route, wait, global);
        tracing::warn!(route = route.kind, resource = route.resource, global, wait = ?wait, "Discord wants a pause");
        DiscordError::RateLimited { wait }
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<Route, Arc<Notify>>> {
        self.first_answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the entries that nobody waits at, once there are many.
    fn forget_idle_waits(&self) {
        /// A few hundred requests are under way at most; the rest is left over.
        const MANY: usize = 2_000;
        let mut waiting = self.waiting();
        if waiting.len() > MANY {
            waiting.retain(|_, notify| Arc::strong_count(notify) > 1);
        }
    }
}

impl Limits {
    fn learn_after(&mut self, now: Timestamp, route: Route, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        let learned = Learned {
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset_after: seconds(headers, "x-ratelimit-reset-after"),
        };
        self.learn(now, route, learned);
    }
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    duration(headers.get(name)?.to_str().ok()?.trim().parse().ok()?)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn unavailable(why: &'static str) -> DiscordError {
    DiscordError::Unavailable { why: why.to_owned(), perhaps_done: true }
}
