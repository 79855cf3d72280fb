//! Rate limits with fixed windows, one bucket a route and resource, and one for the whole bot. Decides; never waits.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::routes::Route;

/// How many messages a channel publishes in an hour, by observation.
const CROSSPOSTS: u32 = 10;
const HOUR: Duration = Duration::from_hours(1);

/// How much the fake lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages to one channel in one window, and apart from them posts in one forum.
    pub per_channel: u32,
    /// How long that window is.
    pub per_channel_window: Duration,
    /// Requests of the whole bot in a second, interactions aside.
    pub global_per_second: u32,
    /// Requests of any other route with the same top-level resource in one window. Discord's real figures are near ten;
    /// these are so many that only the limit of the whole bot is felt, until a test wants it otherwise.
    pub per_route: u32,
    /// How long that window is.
    pub per_route_window: Duration,
    /// Two routes that share a bucket, the first's: its text, its limit and what is left of it.
    pub shared_bucket: Option<(Route, Route)>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_channel: 5,
            per_channel_window: Duration::from_secs(5),
            global_per_second: 50,
            per_route: 100,
            per_route_window: Duration::from_secs(1),
            shared_bucket: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    ends: Duration,
    used: u32,
}

impl Window {
    /// Takes one from the window, opening a new one if the old one is over; `Err` is the time left.
    fn take(&mut self, limit: u32, length: Duration, now: Duration) -> Result<(), Duration> {
        if now >= self.ends {
            *self = Self { ends: now + length, used: 0 };
        }
        if self.used >= limit {
            return Err(self.ends.saturating_sub(now));
        }
        self.used += 1;
        Ok(())
    }
}

/// The state of all buckets.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub(super) limits: Option<Limits>,
    global: Window,
    routes: HashMap<(Route, u64), Window>,
    pub(super) most_crossposts: u32,
    crossposts: HashMap<u64, Window>,
}

/// A refusal with 429.
#[derive(Clone, Debug)]
pub(super) struct TooMany {
    /// The `Retry-After` header, in seconds.
    pub(super) header: f64,
    /// `retry_after` in the body, in seconds.
    pub(super) body: f64,
    /// `user`, `global` or `shared`.
    pub(super) scope: &'static str,
    /// Discord's own code; most limits have none.
    pub(super) code: Option<u64>,
}

impl TooMany {
    fn after(left: Duration, scope: &'static str) -> Self {
        // Discord rounds the header up to whole seconds and keeps the fraction in the body.
        Self { header: left.as_secs_f64().ceil(), body: left.as_secs_f64(), scope, code: None }
    }

    /// The limit of writes to a channel, as it was observed.
    pub(super) fn writes() -> Self {
        Self { header: 1.0, body: 1163.097, scope: "shared", code: Some(20_028) }
    }
}

impl IntoResponse for TooMany {
    fn into_response(self) -> Response {
        let global = self.scope == "global";
        let message = match (self.code, self.scope) {
            (Some(_), _) => {
                "The write action you are performing on the channel has hit the write rate limit."
            }
            (None, "shared") => "The resource is being rate limited.",
            (None, _) => "You are being rate limited.",
        };
        let mut body = json!({"message": message, "retry_after": self.body, "global": global});
        if let Some(code) = self.code {
            body["code"] = json!(code);
        }
        let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
        set(&mut response, "retry-after", &self.header.to_string());
        set(&mut response, "x-ratelimit-scope", self.scope);
        if global {
            set(&mut response, "x-ratelimit-global", "true");
        }
        response
    }
}

/// What the bucket of a route said, for the response headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    route: Route,
    limit: u32,
    remaining: u32,
    reset: Duration,
    left: Duration,
}

impl Budget {
    pub(super) fn mark(self, mut response: Response) -> Response {
        set(&mut response, "x-ratelimit-limit", &self.limit.to_string());
        set(&mut response, "x-ratelimit-remaining", &self.remaining.to_string());
        set(&mut response, "x-ratelimit-reset", &format!("{:.3}", self.reset.as_secs_f64()));
        set(&mut response, "x-ratelimit-reset-after", &format!("{:.3}", self.left.as_secs_f64()));
        set(&mut response, "x-ratelimit-bucket", &self.route.bucket());
        response
    }
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self { limits: Some(Limits::default()), most_crossposts: CROSSPOSTS, ..Self::default() }
    }

    /// Takes one of the messages that a channel may publish in an hour, which every bot and moderator shares.
    pub(super) fn crosspost(&mut self, channel: u64, now: Duration) -> Result<(), TooMany> {
        let taken = self.crossposts.entry(channel).or_default().take(self.most_crossposts, HOUR, now);
        taken.map_err(|left| TooMany::after(left, "shared"))
    }

    pub(super) fn global(&mut self, now: Duration) -> Result<(), TooMany> {
        let Some(limits) = self.limits else { return Ok(()) };
        self.global
            .take(limits.global_per_second, Duration::from_secs(1), now)
            .map_err(|left| TooMany::after(left, "global"))
    }

    /// Takes one request from the bucket of its route: the headers to send, and whether it was refused.
    pub(super) fn route(
        &mut self,
        route: Route,
        resource: u64,
        now: Duration,
    ) -> Option<(Budget, Result<(), TooMany>)> {
        let limits = self.limits?;
        let route = match limits.shared_bucket {
            Some((first, second)) if second == route => first,
            _ => route,
        };
        let (limit, length) = match route {
            Route::PostMessage | Route::CreateThread => (limits.per_channel, limits.per_channel_window),
            _ => (limits.per_route, limits.per_route_window),
        };
        let window = self.routes.entry((route, resource)).or_default();
        let taken = window.take(limit, length, now);
        let budget = Budget {
            route,
            limit,
            remaining: limit.saturating_sub(window.used),
            reset: window.ends,
            left: window.ends.saturating_sub(now),
        };
        Some((budget, taken.map_err(|left| TooMany::after(left, "user"))))
    }
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
