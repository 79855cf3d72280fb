//! `/healthz`: 200 when the program does its work, 503 with the reasons when it does not. And the question itself, for
//! the container.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;

use crate::http;
use crate::telemetry::{Health, Latency};

/// Where health is told.
pub const HEALTH_PATH: &str = "/healthz";

/// How long the answer may take; the containers' checks wait a little longer.
const ASK_TIMEOUT: Duration = Duration::from_secs(4);

/// The longest answer that is read; a real one is below 1 kB.
const MAX_BODY: usize = 64 * 1024;

#[derive(Serialize)]
struct Body {
    status: &'static str,
    problems: Vec<String>,
    version: &'static str,
    database_writable: bool,
    gateway_connected: bool,
    /// Seconds since the last successful look at Twitch.
    last_poll_age_seconds: Option<u64>,
    /// What Twitch pushes; absent when it is not to.
    #[serde(skip_serializing_if = "Option::is_none")]
    eventsub: Option<EventSubBody>,
    sightings: SightingsBody,
    /// From the start of a stream to its announcement.
    latency_from_start: LatencyBody,
    /// From Twitch's message to the announcement.
    latency_from_message: LatencyBody,
    uptime_seconds: u64,
}

/// What was counted since the program started.
#[derive(Serialize)]
struct SightingsBody {
    /// Streams that Twitch told of.
    heard: u64,
    /// Sessions that were seen first because Twitch had told of them, and those that a look saw first.
    first_by_push: u64,
    first_by_poll: u64,
    /// Those among the latter of which Twitch should have told.
    missed_by_push: u64,
    /// Streams that Twitch told of and did not list within five minutes.
    never_shown: u64,
}

#[derive(Serialize)]
struct LatencyBody {
    announcements: u64,
    /// Half of them, and nearly all, took no longer than so many seconds; absent when that is more than an hour, or
    /// there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_seconds: Option<f64>,
}

impl From<Latency> for LatencyBody {
    fn from(latency: Latency) -> Self {
        let within = |percent| latency.within(percent).map(|time| time.as_secs_f64());
        Self { announcements: latency.count(), p50_seconds: within(50), p99_seconds: within(99) }
    }
}

#[derive(Serialize)]
struct EventSubBody {
    transport: &'static str,
    connected: bool,
    /// Seconds since the last message of whatever kind.
    last_message_age_seconds: Option<u64>,
    streamers: usize,
    subscribed: usize,
    cost: u32,
    max_total_cost: u32,
}

pub(super) async fn show(State(health): State<Health>) -> impl IntoResponse {
    let report = health.report().await;
    let healthy = report.problems.is_empty();
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Body {
        status: if healthy { "ok" } else { "failing" },
        problems: report.problems,
        version: env!("CARGO_PKG_VERSION"),
        database_writable: report.database_writable,
        gateway_connected: report.gateway_connected,
        last_poll_age_seconds: report.last_poll_age.map(|age| age.as_secs()),
        eventsub: report.pushes.map(|pushed| EventSubBody {
            transport: pushed.transport,
            connected: pushed.connected,
            last_message_age_seconds: pushed.last_message_age.map(|age| age.as_secs()),
            streamers: pushed.coverage.wanted,
            subscribed: pushed.coverage.covered,
            cost: pushed.coverage.cost,
            max_total_cost: pushed.coverage.limit,
        }),
        sightings: SightingsBody {
            heard: report.counts.heard,
            first_by_push: report.counts.first_by_push,
            first_by_poll: report.counts.first_by_poll,
            missed_by_push: report.counts.missed_by_push,
            never_shown: report.counts.never_shown,
        },
        latency_from_start: report.counts.from_start.into(),
        latency_from_message: report.counts.from_message.into(),
        uptime_seconds: report.uptime.as_secs(),
    };
    (status, Json(body))
}

/// Asks the program that serves at this address whether it is healthy. The answer is its own words; an error is a no.
pub async fn ask(bound: SocketAddr) -> Result<String, String> {
    let url = format!("http://{}{HEALTH_PATH}", reachable(bound));
    let client = http::client(ASK_TIMEOUT, "livebell").map_err(|error| error.to_string())?;
    let answer = client.get(&url).send().await.map_err(|_| format!("nobody answers at {url}"))?;
    let healthy = answer.status().is_success();
    let body =
        http::body(answer, MAX_BODY).await.map_err(|why| format!("no whole answer from {url}: {why}"))?;
    let body = String::from_utf8_lossy(&body).into_owned();
    if healthy { Ok(body) } else { Err(body) }
}

/// Where a server that listens everywhere can be asked.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}
