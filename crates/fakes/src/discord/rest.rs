//! The REST side: what happens to every request on its way in and out, and which function answers it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, State as Shares};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::errors::Refusal;
use super::faults::Fault;
use super::limits::TooMany;
use super::messages::Effect;
use super::routes::Route;
use super::state::{BOT, State};
use super::wire::Line;
use super::{
    Request, Shared, TOKEN, answers, commands, crossposts, forums, history, members, messages, models,
    threads,
};

const PREFIX: &str = "/api/v10";
/// Larger bodies than any that Discord takes without files.
const BODY: usize = 1 << 20;

/// One request, read.
#[derive(Debug)]
struct Call {
    method: Method,
    /// The path after the prefix.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// The channel this call posts a message to, or the forum it makes a post in.
    fn posts_to(&self) -> Option<u64> {
        match self.segments()[..] {
            ["channels", channel, "messages" | "threads"] if self.method == Method::POST => {
                channel.parse().ok()
            }
            _ => None,
        }
    }

    /// Interactions carry their own token: no bot token, no global limit.
    fn is_interaction(&self) -> bool {
        matches!(self.segments().first(), Some(&("interactions" | "webhooks")))
    }

    fn authorize(&self, state: &State) -> Result<(), Refusal> {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if self.is_interaction() {
            return Ok(());
        }
        if !names_its_maker(text(header::USER_AGENT)) {
            return Err(Refusal::new(403, 40_333, "internal network error"));
        }
        if self.segments() == ["gateway"] {
            return Ok(());
        }
        if state.token_refused || text(header::AUTHORIZATION).strip_prefix("Bot ") != Some(TOKEN) {
            return Err(Refusal::unauthorized());
        }
        Ok(())
    }
}

/// Whether a user agent has the form `DiscordBot (url, version)`.
fn names_its_maker(agent: &str) -> bool {
    let inside = agent.strip_prefix("DiscordBot (").and_then(|rest| rest.split_once(')'));
    inside.and_then(|(inside, _)| inside.split_once(',')).is_some_and(|(url, version)| {
        url.trim().starts_with("http") && version.trim().starts_with(|char: char| char.is_ascii_digit())
    })
}

/// Serves everything but the gateway.
pub(super) async fn serve(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let full = parts.uri.path();
    let path = full.strip_prefix(PREFIX);
    let known = path.is_some();
    let call = Call {
        method: parts.method,
        path: path.unwrap_or(full).to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let pause = {
        let mut state = shared.state();
        state.record(Request {
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            body: serde_json::from_slice(&call.body).unwrap_or_default(),
            reason: reason(&call.headers),
            at: shared.now(),
        });
        state.latency / 2
    };
    tell(&shared).await;
    rest(pause).await;
    let response =
        if known { answer(&shared, &line, &call).await } else { Refusal::not_found().into_response() };
    tell(&shared).await;
    rest(pause).await;
    count(&mut shared.state(), &response);
    shared.changed.notify_waiters();
    response
}

/// Tells those who wait for this moment, and lets them act on it before it passes.
async fn tell(shared: &Shared) {
    shared.changed.notify_waiters();
    crate::clock::let_others_act().await;
}

async fn rest(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// Lets the planned fault happen, or answers properly.
async fn answer(shared: &Shared, line: &Line, call: &Call) -> Response {
    let fault = shared.state().faults.take(call.method.as_str(), &call.path, call.posts_to());
    match fault {
        None => respond(shared, call, Effect::Real),
        Some(Fault::AnswerOnly) => respond(shared, call, Effect::Pretended),
        Some(Fault::Status { status, code, message }) => Refusal::new(status, code, &message).into_response(),
        Some(Fault::Html(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, Html("<!doctype html><title>Error</title><h1>Something is in the way</h1>"))
                .into_response()
        }
        Some(Fault::RateLimited { header, body, scope }) => {
            TooMany { header, body, scope, code: None }.into_response()
        }
        Some(Fault::WriteLimited) => TooMany::writes().into_response(),
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            respond(shared, call, Effect::Real)
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::HangAfter) => {
            respond(shared, call, Effect::Real);
            shared.changed.notify_waiters();
            std::future::pending().await
        }
        Some(Fault::CutBefore) => {
            line.cut();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Some(Fault::CutAfter) => {
            let response = respond(shared, call, Effect::Real);
            line.cut();
            response
        }
    }
}

/// Answers a request: who asks, the limits, then the route.
fn respond(shared: &Shared, call: &Call, effect: Effect) -> Response {
    let now = shared.now();
    let state = &mut *shared.state();
    if let Err(refusal) = call.authorize(state) {
        return refusal.into_response();
    }
    if !call.is_interaction()
        && let Err(refusal) = state.buckets.global(now)
    {
        return refusal.into_response();
    }
    let route = Route::of(call.method.as_str(), &call.segments());
    let budget = route.and_then(|(route, resource)| state.buckets.route(route, resource, now));
    let response = match &budget {
        Some((_, Err(refusal))) => refusal.clone().into_response(),
        _ => serve_route(state, call, effect, now).unwrap_or_else(Refusal::into_response),
    };
    match budget {
        Some((budget, _)) => budget.mark(response),
        None => response,
    }
}

fn serve_route(state: &mut State, call: &Call, effect: Effect, now: Duration) -> Result<Response, Refusal> {
    let segments = call.segments();
    let found = match (call.method.as_str(), &segments[..]) {
        ("GET", ["gateway"]) => json!({"url": state.gateway.url}),
        ("GET", ["gateway", "bot"]) => state.gateway.recommendation(now),
        ("GET", ["users", "@me"]) => models::bot(),
        ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => models::application(),
        ("GET", ["applications", id, "commands"]) => commands::list(state, snowflake(id)?)?,
        ("PUT", ["applications", id, "commands"]) => {
            commands::overwrite(state, snowflake(id)?, &call.body, now)?
        }
        ("GET", ["channels", channel]) => {
            let channel = snowflake(channel)?;
            messages::reachable(state, channel)?;
            state.channel(channel).map(|(_, channel)| models::channel(channel)).unwrap_or_default()
        }
        ("POST", ["channels", channel, "messages", message, "crosspost"]) => {
            return crossposts::crosspost(state, snowflake(channel)?, snowflake(message)?, now);
        }
        ("DELETE", ["channels", channel]) => threads::delete(state, snowflake(channel)?, now)?,
        ("PATCH", ["channels", channel]) => threads::edit(state, snowflake(channel)?, &call.body, now)?,
        ("GET", ["channels", channel, "threads", "archived", "public"]) => {
            threads::archived(state, snowflake(channel)?, &call.query)?
        }
        ("POST", ["channels", channel, "threads"]) => {
            return forums::create(state, snowflake(channel)?, &call.body, now, effect);
        }
        (method, ["channels", channel, "messages", rest @ ..]) => {
            let channel = snowflake(channel)?;
            let message = rest.first().map(|id| snowflake(id)).transpose()?;
            return match (method, message) {
                ("POST", None) => messages::create(state, channel, &call.body, now, effect),
                ("GET", None) => {
                    history::list(state, channel, &call.query).map(|found| Json(found).into_response())
                }
                ("GET", Some(message)) => messages::read(state, channel, message),
                ("PATCH", Some(message)) => messages::edit(state, channel, message, &call.body, now),
                ("DELETE", Some(message)) => messages::delete(state, channel, message),
                _ => Err(Refusal::new(405, 0, "405: Method Not Allowed")),
            };
        }
        ("GET", ["guilds", guild, rest @ ..]) => guild_part(state, snowflake(guild)?, rest, now)?,
        (method @ ("PUT" | "DELETE"), ["guilds", guild, "members", user, "roles", role]) => {
            let whose = (snowflake(guild)?, snowflake(user)?, snowflake(role)?);
            members::change_role(state, whose, method == "PUT")?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        ("POST", ["interactions", id, token, "callback"]) => {
            return answers::callback(state, snowflake(id)?, token, &call.body, now);
        }
        (method, ["webhooks", application, token, rest @ ..]) => {
            return answers::webhook(state, (method, snowflake(application)?, token, rest), &call.body, now);
        }
        _ => return Err(Refusal::not_found()),
    };
    Ok(Json(found).into_response())
}

fn guild_part(state: &State, guild: u64, part: &[&str], now: Duration) -> Result<Value, Refusal> {
    let guild = state.guilds.get(&guild).ok_or_else(|| Refusal::new(404, 10_004, "Unknown Guild"))?;
    if !guild.member {
        return Err(Refusal::missing_access());
    }
    match *part {
        [] => Ok(models::guild(guild)),
        ["channels"] => Ok(models::channels(guild)),
        ["threads", "active"] => Ok(threads::active(guild)),
        ["roles"] => Ok(models::roles(guild).into()),
        ["members", "@me"] => members::read(guild, BOT, now),
        ["members", user] => members::read(guild, snowflake(user)?, now),
        _ => Err(Refusal::not_found()),
    }
}

/// What the audit log is to say, percent-encoded where it is no ASCII (Discord, Audit Logs).
fn reason(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-audit-log-reason")?.to_str().ok()?.to_owned())
}

fn snowflake(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::new(400, 50_035, "Invalid Form Body"))
}

/// Counts the answers that Discord holds against a client.
fn count(state: &mut State, response: &Response) {
    let shared = response.headers().get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => {
            state.counts.too_many += 1;
            state.counts.invalid += usize::from(!shared);
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => state.counts.invalid += 1,
        _ => {}
    }
}
