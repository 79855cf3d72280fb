//! Requests to Discord: paced, timed out, each sent once. Whoever asks decides about another attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::answer::{self, Failure};
use super::breaker::Breaker;
use super::buckets::Route;
use super::pace::{NoTurn, Pace, Place};
use super::posts::Forums;
use super::turns::Line;
use super::wire::{ApplicationBody, CreatedBody, EditedMessage, GatewayBody, NewMessage, WithId};
use super::{DiscordError, DiscordOptions};
use crate::clock::Clock;
use crate::domain::{ChannelId, GuildId, MessageId, Timestamp};
use crate::http;
use crate::render;

/// How long one request may take, the body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Spread of the waits after a 429, so that not everything comes back at one moment.
const PAUSE_JITTER: Duration = Duration::from_millis(250);

/// The longest body that is read; the roles of a large server are below 200 kB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// How a message stands in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queueing {
    /// Where.
    pub line: Line,
    /// When it is too late to go out. It is then given back undone, as one that waits for its turn too long is in any case.
    pub not_after: Option<Timestamp>,
}

/// A message that is in its channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// Its id.
    pub id: MessageId,
    /// Where it stands: a post in a forum has a channel of its own.
    pub channel: ChannelId,
    /// When its turn had come and it went out.
    pub sent_at: Timestamp,
    /// What it says above its card. Not what was sent, if an earlier attempt had put it there.
    pub text: Option<String>,
    /// Whether it notified nobody, which is not what was sent in the same case.
    pub is_silent: bool,
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

/// Where the gateway is and how often it may be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayInfo {
    /// Address of the websocket.
    pub url: String,
    /// Sessions that may still be begun.
    pub starts: SessionStarts,
}

/// A member of a server, by the raw ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The server.
    pub guild: GuildId,
    /// The user.
    pub user: u64,
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
    pace: Pace,
    breaker: Mutex<Breaker>,
    /// Whether Discord has refused the token; it is never taken again.
    refused: AtomicBool,
    /// Whether the program stops: nothing more is begun.
    stopping: AtomicBool,
    chance: Mutex<fastrand::Rng>,
    pub(super) forums: Mutex<Forums>,
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
                pace: Pace::new(clock.clone()),
                breaker: Mutex::new(Breaker::new(clock.steady())),
                refused: AtomicBool::new(false),
                stopping: AtomicBool::new(false),
                clock,
                chance: Mutex::new(chance),
                forums: Mutex::default(),
            }),
        })
    }

    /// For how long nothing goes out, because too many requests were refused.
    #[must_use]
    pub fn halted_for(&self) -> Option<Duration> {
        let now = self.inner.clock.steady();
        self.inner.breaker().halted_until(now).map(|until| until.since(now))
    }

    /// Whether Discord has refused the token. Nothing goes out with it any more.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// The token was refused elsewhere: no request goes out from now on.
    pub fn give_up(&self) {
        self.inner.refused.store(true, Ordering::Relaxed);
        self.inner.pace.dismiss();
    }

    /// The program stops: what waits for its turn comes back undone, and nothing more goes out.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.inner.pace.dismiss();
    }

    /// Posts a message. The same `nonce` within some minutes gives the message that is there already. `is_wanted` is asked
    /// when its turn has come: much may happen while it waits.
    pub async fn create_message(
        &self,
        channel: ChannelId,
        message: &render::Message,
        nonce: &str,
        queueing: Queueing,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<Posted, DiscordError> {
        let route = Route { kind: "POST /channels/{}/messages", resource: channel.get() };
        let place = self.inner.turn(route, queueing.line, queueing.not_after).await?;
        if !is_wanted.await {
            return Err(DiscordError::Unwanted);
        }
        let path = format!("/channels/{channel}/messages");
        let body = NewMessage::new(message, Some(nonce));
        let (sent_at, created) = self.inner.exchange(place, Method::POST, route, &path, Some(&body)).await;
        let created: CreatedBody = created?;
        let id = MessageId::new(created.id).ok_or_else(|| perhaps_done("a message without an id"))?;
        let is_silent = created.is_silent().unwrap_or(message.is_silent);
        Ok(Posted { id, channel, sent_at, text: created.content, is_silent })
    }

    /// Puts this into a message of the bot's in place of what is there. Doing it again does no harm. `is_wanted` is asked when
    /// its turn has come, which is after everybody else's (Discord, Message, "Edit Message").
    pub async fn edit_message(
        &self,
        channel: ChannelId,
        id: MessageId,
        message: &render::Message,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), DiscordError> {
        let route = Route { kind: "PATCH /channels/{}/messages/{}", resource: channel.get() };
        let place = self.inner.turn(route, Line::Edit, None).await?;
        if !is_wanted.await {
            return Err(DiscordError::Unwanted);
        }
        let path = format!("/channels/{channel}/messages/{id}");
        let body = EditedMessage::from(message);
        let (_, edited) = self.inner.exchange(place, Method::PATCH, route, &path, Some(&body)).await;
        edited.map(|_: WithId| ())
    }

    /// Deletes a message of the bot's (Discord, Message, "Delete Message"). It stands in the queue like an edit.
    pub async fn delete_message(
        &self,
        channel: ChannelId,
        id: MessageId,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), DiscordError> {
        let route = Route { kind: "DELETE /channels/{}/messages/{}", resource: channel.get() };
        let path = format!("/channels/{channel}/messages/{id}");
        self.change(Method::DELETE, route, &path, is_wanted).await
    }

    /// Publishes a message of the bot's in an announcement channel to the servers that follow it (Discord, Message, "Crosspost
    /// Message"). It stands in the queue like an edit.
    pub async fn crosspost(
        &self,
        channel: ChannelId,
        id: MessageId,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), DiscordError> {
        let route = Route { kind: "POST /channels/{}/messages/{}/crosspost", resource: channel.get() };
        let path = format!("/channels/{channel}/messages/{id}/crosspost");
        self.change(Method::POST, route, &path, is_wanted).await
    }

    /// Does something to a message that is there, behind everybody else. What Discord says of it is of no use.
    pub(super) async fn change(
        &self,
        method: Method,
        route: Route,
        path: &str,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), DiscordError> {
        let place = self.inner.turn(route, Line::Edit, None).await?;
        if !is_wanted.await {
            return Err(DiscordError::Unwanted);
        }
        let (_, changed) = self.inner.exchange(place, method, route, path, None::<&()>).await;
        changed.map(|_: IgnoredAny| ())
    }

    /// The application of the token, which also tells whether the token is accepted.
    pub async fn application(&self) -> Result<Application, DiscordError> {
        let route = Route { kind: "GET /applications/@me", resource: 0 };
        let body: ApplicationBody =
            self.inner.ask(Method::GET, route, "/applications/@me", None::<&()>, Line::Urgent).await?;
        // In applications made since 2016 the bot's user has the id of the application.
        let bot_user = body.bot.map_or(body.id, |bot| bot.id);
        Ok(Application { id: body.id, name: body.name, bot_user })
    }

    /// Where the gateway is, and how many sessions may still be asked for (Discord, Gateway, "Get Gateway Bot").
    pub async fn gateway(&self) -> Result<GatewayInfo, DiscordError> {
        let route = Route { kind: "GET /gateway/bot", resource: 0 };
        let body: GatewayBody = self.read(route, "/gateway/bot", Line::Urgent).await?;
        let starts = SessionStarts {
            shards: body.shards.max(1),
            remaining: body.session_start_limit.remaining,
            reset_after: Duration::from_millis(body.session_start_limit.reset_after),
        };
        Ok(GatewayInfo { url: body.url, starts })
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
            self.inner.ask(Method::PUT, route, &path, Some(commands), Line::Errand).await?;
        Ok(())
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        route: Route,
        path: &str,
        line: Line,
    ) -> Result<T, DiscordError> {
        self.inner.ask(Method::GET, route, path, None::<&()>, line).await
    }
}

impl Inner {
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        route: Route,
        path: &str,
        body: Option<&(impl Serialize + Sync + ?Sized)>,
        line: Line,
    ) -> Result<T, DiscordError> {
        let place = self.turn(route, line, None).await?;
        self.exchange(place, method, route, path, body).await.1
    }

    /// Waits until a request may go out: first whether anything may, then in the queue, and then whether it still may.
    pub(super) async fn turn(
        &self,
        route: Route,
        line: Line,
        not_after: Option<Timestamp>,
    ) -> Result<Place<'_>, DiscordError> {
        self.may_go_out()?;
        let turn = self.pace.turn(route, line, not_after).await;
        self.may_go_out()?;
        turn.map_err(|no_turn| match no_turn {
            NoTurn::NotNow(wait) => DiscordError::RateLimited { wait },
            // Whatever it was has passed since.
            NoTurn::Dismissed => DiscordError::RateLimited { wait: Duration::ZERO },
        })
    }

    /// Whether anything goes out at all.
    fn may_go_out(&self) -> Result<(), DiscordError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(DiscordError::Unauthorized);
        }
        if self.stopping.load(Ordering::Relaxed) {
            return Err(DiscordError::Stopping);
        }
        let now = self.clock.steady();
        let mut breaker = self.breaker();
        if let Some(until) = breaker.halted_until(now) {
            return Err(DiscordError::Halted { wait: until.since(now) });
        }
        if breaker.resumes(now) {
            tracing::info!("requests to Discord go out again");
        }
        Ok(())
    }

    /// Sends a request whose turn has come, and says when that was and what came of it.
    pub(super) async fn exchange<T: DeserializeOwned>(
        &self,
        place: Place<'_>,
        method: Method,
        route: Route,
        path: &str,
        body: Option<&(impl Serialize + Sync + ?Sized)>,
    ) -> (Timestamp, Result<T, DiscordError>) {
        self.exchange_because(place, method, route, path, body, None).await
    }

    /// The same for what Discord notes in the audit log of the server, with the reason that stands there.
    pub(super) async fn exchange_because<T: DeserializeOwned>(
        &self,
        mut place: Place<'_>,
        method: Method,
        route: Route,
        path: &str,
        body: Option<&(impl Serialize + Sync + ?Sized)>,
        reason: Option<&'static str>,
    ) -> (Timestamp, Result<T, DiscordError>) {
        let authorization = match self.authorization() {
            Ok(authorization) => authorization,
            Err(error) => return (self.clock.now(), Err(error)),
        };
        let mut request = self
            .http
            .request(method, format!("{}/api/v10{path}", self.options.api_url))
            .header("Authorization", authorization);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(reason) = reason {
            request = request.header("X-Audit-Log-Reason", reason);
        }
        let sent_at = place.goes_out();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (sent_at, Err(unanswered(&error))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response, MAX_BODY).await;
        // First learn, also of a pause, then give the place up: who waits for an answer must find the limit known.
        place.learn(answer::learned(&headers));
        self.count(route, status, &headers);
        let answer = if status.is_success() {
            body.map_err(perhaps_done).and_then(|body| {
                // A 204 has no body, and says nothing.
                let body = if status == StatusCode::NO_CONTENT { b"null" } else { body.as_slice() };
                serde_json::from_slice(body).map_err(|_| perhaps_done("the body is broken"))
            })
        } else {
            Err(match answer::failure(status, &headers, &body.unwrap_or_default()) {
                Failure::Pause { wait, is_global } => self.pause(&place, route, wait, is_global),
                Failure::Error(error) => error,
            })
        };
        (sent_at, answer)
    }

    /// Counts what Discord holds against this address, and stops everything before it is too much.
    fn count(&self, route: Route, status: StatusCode, headers: &HeaderMap) {
        let shared = headers.get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        let invalid = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
            StatusCode::TOO_MANY_REQUESTS => !shared,
            _ => false,
        };
        let now = self.clock.steady();
        let halted = if invalid { self.breaker().count(now) } else { None };
        if let Some(until) = halted {
            tracing::error!(last = route.kind, status = status.as_u16(), wait = ?until.since(now),
                "too many requests were refused; nothing goes out to Discord, lest it ban this address");
        }
        if status == StatusCode::UNAUTHORIZED {
            self.refused.store(true, Ordering::Relaxed);
        }
        if halted.is_some() || status == StatusCode::UNAUTHORIZED {
            self.pace.dismiss();
        }
    }

    /// The header that says who asks; marked, so that no log of a library shows it.
    fn authorization(&self) -> Result<HeaderValue, DiscordError> {
        let mut value = HeaderValue::try_from(format!("Bot {}", self.options.token.expose_secret()))
            .map_err(|_| DiscordError::Unauthorized)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Notes the pause that Discord wants.
    fn pause(&self, place: &Place<'_>, route: Route, wait: Duration, is_global: bool) -> DiscordError {
        let wait =
            wait + PAUSE_JITTER.mul_f64(self.chance.lock().unwrap_or_else(PoisonError::into_inner).f64());
        if place.close(wait, is_global) {
            tracing::warn!(
                route = route.kind,
                resource = route.resource,
                is_global,
                ?wait,
                "Discord wants a pause"
            );
        } else {
            tracing::debug!(
                route = route.kind,
                resource = route.resource,
                is_global,
                ?wait,
                "Discord wants the same pause"
            );
        }
        DiscordError::RateLimited { wait }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request without an answer. Without a connection, or without having been a request, it surely did nothing.
fn unanswered(error: &reqwest::Error) -> DiscordError {
    let perhaps_done = !(error.is_connect() || error.is_builder());
    DiscordError::Unavailable { why: http::words(error).to_owned(), perhaps_done }
}

pub(super) fn perhaps_done(why: &str) -> DiscordError {
    DiscordError::Unavailable { why: why.to_owned(), perhaps_done: true }
}
