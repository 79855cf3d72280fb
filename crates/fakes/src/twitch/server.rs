//! From an HTTP request to an answer: checks, faults and framing. What the data says is decided in `pages`.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State as Shares};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use tokio::sync::Notify;

use super::categories::{self, Categories};
use super::eventsub::{self, EventSub};
use super::faults::{Fault, Path, Plans};
use super::guard::{Bucket, Budget, Tokens, whole_seconds};
use super::line::Cord;
use super::log::{Log, Request};
use super::pages::{self, Query};
use super::people::People;
use super::videos::{self, Videos};
use crate::clock::Clock;

pub(super) const CLIENT_ID: &str = "fakeclientid000000000000000001";
pub(super) const CLIENT_SECRET: &str = "fakeclientsecret00000000000001";

/// Far above any form that a client sends here.
const MAX_BODY_BYTES: usize = 64 * 1024;
const EMPTY_PAGE: &[u8] = b"{\"data\":[],\"pagination\":{}}";
const INVALID_TOKEN: &str = "Invalid OAuth token";

/// What the handle and the server's task have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// Wakes those who wait for a request.
    pub(super) arrived: Notify,
    /// Wakes whoever waits for something about EventSub.
    pub(super) changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) people: People,
    pub(super) categories: Categories,
    pub(super) videos: Videos,
    pub(super) eventsub: EventSub,
    pub(super) bucket: Bucket,
    pub(super) tokens: Tokens,
    pub(super) plans: Plans,
    pub(super) log: Log,
    pub(super) latency: Duration,
    pub(super) refuses_credentials: bool,
}

impl Shared {
    pub(super) fn new() -> Self {
        let state = State {
            people: People::new(),
            categories: Categories::new(),
            videos: Videos::new(),
            eventsub: EventSub::new(),
            bucket: Bucket::new(),
            tokens: Tokens::new(),
            plans: Plans::default(),
            log: Log::new(),
            latency: Duration::ZERO,
            refuses_credentials: false,
        };
        Self {
            clock: Clock::start(),
            arrived: Notify::new(),
            changed: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// A test that panicked while it asked for an unknown user must not hide its own message behind a poisoned lock.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every request of the fake comes through here.
pub(super) async fn handle(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(cord): ConnectInfo<Cord>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let call = Call::read(parts.method.clone(), &parts.uri, &parts.headers, body);
    let (latency, fault) = shared.state().arrive(&call, shared.clock.now());
    shared.arrived.notify_waiters();
    // Whoever waits for this request acts before it is answered.
    crate::clock::let_others_act().await;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::CutConnection) => {
            cord.pull();
            return std::future::pending().await;
        }
        _ => {}
    }
    if call.path == Path::Socket && fault.is_none() {
        let mut response = eventsub::upgrade(Arc::clone(&shared), cord, parts, &Query(&call.query)).await;
        response.headers_mut().insert(header::DATE, shared.clock.http_date());
        return response;
    }
    let answer = shared.state().answer(&call, shared.clock.now(), fault);
    if call.path.is_eventsub() {
        shared.changed.notify_waiters();
    }
    let mut response = answer.frame(fault);
    // Otherwise hyper says the machine's time, which is not the fake's.
    response.headers_mut().insert(header::DATE, shared.clock.http_date());
    response
}

/// A request, taken apart once.
struct Call {
    path: Path,
    method: Method,
    address: String,
    query: Vec<(String, String)>,
    body: Bytes,
    authorization: Option<String>,
    client_id: Option<String>,
}

impl Call {
    fn read(method: Method, uri: &axum::http::Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let path = match (method.as_str(), uri.path()) {
            ("GET", "/helix/streams") => Path::Streams,
            ("GET", "/helix/users") => Path::Users,
            ("GET", "/helix/channels") => Path::Channels,
            ("GET", "/helix/search/channels") => Path::SearchChannels,
            ("GET", "/helix/search/categories") => Path::SearchCategories,
            ("GET", "/helix/games") => Path::Games,
            ("GET", "/helix/videos") => Path::Videos,
            ("GET", "/helix/eventsub/conduits") => Path::Conduits,
            ("POST", "/helix/eventsub/conduits") => Path::CreateConduit,
            ("PATCH", "/helix/eventsub/conduits") => Path::UpdateConduit,
            ("DELETE", "/helix/eventsub/conduits") => Path::DeleteConduit,
            ("GET", "/helix/eventsub/conduits/shards") => Path::Shards,
            ("PATCH", "/helix/eventsub/conduits/shards") => Path::UpdateShards,
            ("GET", "/helix/eventsub/subscriptions") => Path::Subscriptions,
            ("POST", "/helix/eventsub/subscriptions") => Path::CreateSubscription,
            ("DELETE", "/helix/eventsub/subscriptions") => Path::DeleteSubscription,
            ("GET", "/ws") => Path::Socket,
            ("POST", "/oauth2/token") => Path::Token,
            ("GET", "/oauth2/validate") => Path::Validate,
            _ => Path::Any,
        };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            path,
            method,
            address: uri.path().to_owned(),
            query: pairs(uri.query().unwrap_or_default().as_bytes()),
            body,
            authorization: text("authorization"),
            client_id: text("client-id"),
        }
    }

    fn to_record(&self, at: Duration) -> Request {
        Request {
            method: self.method.to_string(),
            path: self.address.clone(),
            query: self.query.clone(),
            body: String::from_utf8_lossy(&self.body).into_owned(),
            at,
        }
    }
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

impl State {
    fn arrive(&mut self, call: &Call, now: Duration) -> (Duration, Option<Fault>) {
        self.log.add(call.path, || call.to_record(now));
        (self.latency, self.plans.next(call.path, &Query(&call.query)))
    }

    fn answer(&mut self, call: &Call, now: Duration, fault: Option<Fault>) -> Answer {
        let answer = match fault {
            Some(Fault::Html(status)) => return Answer::html(status),
            Some(Fault::RateLimited { reset_in }) => {
                let reset = whole_seconds(now + reset_in);
                let budget = Budget { limit: self.bucket.limit(), remaining: 0, reset };
                return Answer { budget: Some(budget), ..Answer::too_many(call.path) };
            }
            Some(Fault::Status(status)) => Answer::error(call.path, status, "The fake was told to fail"),
            Some(Fault::Unauthorized) => Answer::error(call.path, 401, INVALID_TOKEN),
            Some(Fault::EmptyPage) => Answer::ok(EMPTY_PAGE.to_vec()),
            _ => match call.path {
                Path::Token => self.token(call, now),
                Path::Validate => self.validate(call, now),
                Path::Any => Answer::error(call.path, 404, "no such endpoint on the fake"),
                Path::Socket => Answer::error(call.path, 503, "no websocket for this one"),
                _ => self.helix(call, now),
            },
        };
        let tells_budget = call.address.starts_with("/helix/") && fault != Some(Fault::NoBudget);
        Answer { budget: tells_budget.then(|| self.bucket.budget(now)), ..answer }
    }

    fn helix(&mut self, call: &Call, now: Duration) -> Answer {
        if let Err(message) = self.admit(call, now) {
            return Answer::error(call.path, 401, message);
        }
        if !self.bucket.take(now) {
            return Answer::too_many(call.path);
        }
        let query = Query(&call.query);
        if call.path.is_eventsub() {
            return match self.eventsub.answer(call.path, &query, &call.body, &self.people, now) {
                Ok((status, json)) => Answer::json(status, &json),
                Err((status, message)) => Answer::error(call.path, status, &message),
            };
        }
        if call.path == Path::Videos {
            let page = videos::videos(&self.videos, &self.people, &query);
            return page.map_or_else(|(status, why)| Answer::error(call.path, status, &why), Answer::ok);
        }
        let page = match call.path {
            Path::Streams => pages::streams(&self.people, &query, now),
            Path::Users => pages::users(&self.people, &query),
            Path::Channels => pages::channels(&self.people, &query),
            Path::Games => categories::games(&self.categories, &query),
            Path::SearchCategories => categories::search(&self.categories, &query),
            _ => pages::search_channels(&self.people, &query),
        };
        page.map_or_else(|message| Answer::error(call.path, 400, &message), Answer::ok)
    }

    fn admit(&self, call: &Call, now: Duration) -> Result<(), &'static str> {
        let authorization = call.authorization.as_deref().ok_or("OAuth token is missing")?;
        let token = authorization.strip_prefix("Bearer ").ok_or("OAuth token is missing")?;
        let client_id = call.client_id.as_deref().ok_or("Client ID is missing")?;
        self.tokens.left(token, now).ok_or(INVALID_TOKEN)?;
        if client_id == CLIENT_ID { Ok(()) } else { Err("Client ID and OAuth token do not match") }
    }

    fn token(&mut self, call: &Call, now: Duration) -> Answer {
        let refuse = |status, message| Answer::error(Path::Token, status, message);
        if call.query.iter().any(|(name, _)| name == "client_id" || name == "client_secret") {
            return refuse(400, "credentials belong in the body, where no log sees them");
        }
        let form = pairs(&call.body);
        let form = Query(&form);
        let Some(id) = form.one("client_id") else { return refuse(400, "missing client id") };
        let Some(secret) = form.one("client_secret") else { return refuse(400, "missing client secret") };
        if form.one("grant_type") != Some("client_credentials") {
            return refuse(400, "invalid grant type");
        }
        if id != CLIENT_ID {
            return refuse(400, "invalid client");
        }
        if self.refuses_credentials || secret != CLIENT_SECRET {
            return refuse(403, "invalid client secret");
        }
        let token = self.tokens.issue(now);
        let expires_in = self.tokens.lifetime.as_secs();
        Answer::ok(body(&json!({"access_token": token, "expires_in": expires_in, "token_type": "bearer"})))
    }

    fn validate(&self, call: &Call, now: Duration) -> Answer {
        let header = call.authorization.as_deref().unwrap_or_default();
        let token = header.strip_prefix("OAuth ").or_else(|| header.strip_prefix("Bearer "));
        match token.and_then(|token| self.tokens.left(token, now)) {
            Some(left) => {
                Answer::ok(body(&json!({"client_id": CLIENT_ID, "scopes": [], "expires_in": left.as_secs()})))
            }
            None => Answer::error(Path::Validate, 401, "invalid access token"),
        }
    }
}

/// An answer before it is put on the wire.
struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    budget: Option<Budget>,
}

impl Answer {
    fn ok(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content_type: "application/json; charset=utf-8", body, budget: None }
    }

    /// A null is no body at all.
    fn json(status: u16, json: &serde_json::Value) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, ..Self::ok(if json.is_null() { Vec::new() } else { body(json) }) }
    }

    /// The error body of Helix, or the shorter one of Twitch's OAuth server.
    fn error(path: Path, status: u16, message: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut fields = json!({"status": status.as_u16(), "message": message});
        if !path.is_oauth() {
            fields["error"] = status.canonical_reason().unwrap_or_default().into();
        }
        Self { status, ..Self::ok(body(&fields)) }
    }

    fn too_many(path: Path) -> Self {
        Self::error(path, 429, "Too many requests")
    }

    fn html(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self { status, content_type: "text/html", body: body.into_bytes(), budget: None }
    }

    fn frame(mut self, fault: Option<Fault>) -> Response {
        let full_length = self.body.len();
        let half = full_length / 2;
        let framed = match fault {
            Some(Fault::BrokenJson) => {
                self.body.truncate(half);
                Body::from(self.body)
            }
            Some(Fault::SlowBody(delay)) => Body::from_stream(stream::once(async move {
                tokio::time::sleep(delay).await;
                Ok::<_, io::Error>(self.body)
            })),
            Some(Fault::TruncatedBody) => {
                self.body.truncate(half);
                // The pause makes hyper send the half before it learns of the error.
                let end = stream::once(async {
                    tokio::task::yield_now().await;
                    Err(io::Error::from(io::ErrorKind::ConnectionReset))
                });
                Body::from_stream(stream::iter([Ok(self.body)]).chain(end))
            }
            _ => Body::from(self.body),
        };
        let mut response = Response::new(framed);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if matches!(fault, Some(Fault::SlowBody(_) | Fault::TruncatedBody)) {
            headers.insert(header::CONTENT_LENGTH, full_length.into());
        }
        if let Some(budget) = self.budget {
            headers.insert("ratelimit-limit", budget.limit.into());
            headers.insert("ratelimit-remaining", budget.remaining.into());
            headers.insert("ratelimit-reset", budget.reset.into());
        }
        response
    }
}

fn body(json: &serde_json::Value) -> Vec<u8> {
    json.to_string().into_bytes()
}
