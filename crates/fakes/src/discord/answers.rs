//! The bot's answers to interactions: the callback, and the webhook of the interaction's token.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::errors::{Problem, Refusal};
use super::interactions::Pending;
use super::modals::{self, MODAL};
use super::state::{APPLICATION, State, Stored};
use super::validate::{self, Kind};
use super::{Reply, messages, models};

/// The first response must come within this time.
const FIRST: Duration = Duration::from_secs(3);
/// After it, the token lives this long.
const TOKEN_LIFE: Duration = Duration::from_mins(15);
const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;
const CHOICES: usize = 25;

const MESSAGE: u64 = 4;
const DEFER: u64 = 5;
const DEFER_UPDATE: u64 = 6;
const UPDATE: u64 = 7;
const COMPLETION: u64 = 8;

/// Takes the first response.
pub(super) fn callback(
    state: &mut State,
    id: u64,
    token: &str,
    body: &[u8],
    now: Duration,
) -> Result<Response, Refusal> {
    let message = state.next_id(now);
    let pending = state.interactions.get_mut(&id).filter(|pending| pending.token == token);
    let pending = pending.ok_or_else(Refusal::unknown_interaction)?;
    if pending.first.is_some() {
        return Err(Refusal::new(400, 40_060, "Interaction has already been acknowledged."));
    }
    if now.saturating_sub(pending.opened) > FIRST {
        return Err(Refusal::unknown_interaction());
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let (kind, data) = (body["type"].as_u64().unwrap_or_default(), &body["data"]);
    let fits = match pending.kind {
        2 => [MESSAGE, DEFER, MODAL].contains(&kind),
        3 => [MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL].contains(&kind),
        // A modal never answers a modal, and only one that a message's component opened can change that message.
        5 if pending.original.is_null() => [MESSAGE, DEFER].contains(&kind),
        5 => [MESSAGE, DEFER, DEFER_UPDATE, UPDATE].contains(&kind),
        _ => kind == COMPLETION,
    };
    let mut problems =
        if fits { data_problems(kind, data) } else { vec![problem("type", "Not for this interaction.")] };
    if !problems.is_empty() {
        if validate::only_empty(&problems) {
            return Err(Refusal::new(400, 50_006, "Cannot send an empty message"));
        }
        for problem in problems.iter_mut().filter(|problem| problem.path != "type") {
            problem.path = format!("data.{}", problem.path);
        }
        return Err(Refusal::invalid_form(&problems));
    }
    pending.first = Some((now, kind));
    // An update stays as visible as the message it updates.
    let decides = if [DEFER_UPDATE, UPDATE].contains(&kind) { &pending.original } else { data };
    pending.ephemeral = decides["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0;
    match kind {
        MESSAGE => pending.show(shown(message, pending.channel, data, now)),
        DEFER => {
            let flags = data["flags"].as_u64().unwrap_or_default() | LOADING;
            pending.original = shown(message, pending.channel, &json!({"flags": flags}), now);
        }
        DEFER_UPDATE => {}
        UPDATE => {
            let mut original = pending.original.clone();
            messages::merge(&mut original, data);
            pending.show(original);
            pending.change_stored(&mut state.messages, data, now);
        }
        _ => pending.reply = Some(Reply::new(kind, pending.ephemeral, data.clone())),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes everything after the first response: follow-ups, and reading, changing and deleting what was said.
pub(super) fn webhook(
    state: &mut State,
    (method, application, token, rest): (&str, u64, &str, &[&str]),
    body: &[u8],
    now: Duration,
) -> Result<Response, Refusal> {
    let message = state.next_id(now);
    let unknown = || Refusal::new(404, 10_015, "Unknown Webhook");
    if application != APPLICATION {
        return Err(unknown());
    }
    let id = token.rsplit('-').next().and_then(|id| id.parse::<u64>().ok());
    let pending = id.and_then(|id| state.interactions.get_mut(&id)).filter(|pending| pending.token == token);
    let alive = pending.filter(|pending| now.saturating_sub(pending.opened) <= TOKEN_LIFE);
    let pending = alive.ok_or_else(|| Refusal::new(401, 50_027, "Invalid Webhook Token"))?;
    let Some((_, first)) = pending.first else { return Err(unknown()) };
    let original = pending.original["id"].as_str().unwrap_or_default().to_owned();
    match (method, rest) {
        ("POST", []) => {
            let body = messages::checked(body, Kind::Answer)?;
            // Right after a deferral, the first follow-up fills the deferred message.
            if first == DEFER && pending.reply.is_none() {
                return Ok(Json(pending.fill(&body)).into_response());
            }
            let shown = shown(message, pending.channel, &body, now);
            pending.followups.insert(message, shown.clone());
            if pending.reply.is_none() {
                let ephemeral = body["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0;
                pending.reply = Some(Reply::new(first, ephemeral, shown.clone()));
            }
            Ok(Json(shown).into_response())
        }
        (_, ["messages", name]) if *name == "@original" || *name == original => {
            on_original(pending, &mut state.messages, method, body, now)
        }
        (_, ["messages", name]) => on_followup(pending, name.parse().unwrap_or_default(), method, body),
        _ => Err(Refusal::not_found()),
    }
}

fn on_original(
    pending: &mut Pending,
    stored: &mut BTreeMap<u64, Stored>,
    method: &str,
    body: &[u8],
    now: Duration,
) -> Result<Response, Refusal> {
    if pending.original.is_null() {
        return Err(Refusal::unknown_message());
    }
    match method {
        "GET" => Ok(Json(pending.original.clone()).into_response()),
        "PATCH" => {
            let body = messages::checked(body, Kind::Edit)?;
            pending.change_stored(stored, &body, now);
            Ok(Json(pending.fill(&body)).into_response())
        }
        "DELETE" => {
            if let Some(id) = pending.original_id() {
                stored.remove(&id);
            }
            pending.original = Value::Null;
            let first = pending.first.map_or(0, |(_, kind)| kind);
            pending.reply.get_or_insert_with(|| Reply::new(first, pending.ephemeral, Value::Null));
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(Refusal::new(405, 0, "405: Method Not Allowed")),
    }
}

fn on_followup(pending: &mut Pending, id: u64, method: &str, body: &[u8]) -> Result<Response, Refusal> {
    let message = pending.followups.get_mut(&id).ok_or_else(Refusal::unknown_message)?;
    match method {
        "GET" => Ok(Json(message.clone()).into_response()),
        "PATCH" => {
            messages::merge(message, &messages::checked(body, Kind::Edit)?);
            Ok(Json(message.clone()).into_response())
        }
        "DELETE" => {
            pending.followups.remove(&id);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(Refusal::new(405, 0, "405: Method Not Allowed")),
    }
}

impl Pending {
    fn original_id(&self) -> Option<u64> {
        self.original["id"].as_str().and_then(|id| id.parse().ok())
    }

    /// Changes the message in its channel, if that is where the original is.
    fn change_stored(&self, stored: &mut BTreeMap<u64, Stored>, body: &Value, now: Duration) {
        let Some(stored) = self.original_id().and_then(|id| stored.get_mut(&id)) else { return };
        stored.edited = Some(now);
        if !stored.body.is_null() {
            messages::merge(&mut stored.body, body);
        }
    }

    /// Shows a message as the answer.
    fn show(&mut self, message: Value) {
        let first = self.first.map_or(0, |(_, kind)| kind);
        self.reply = Some(Reply::new(first, self.ephemeral, message.clone()));
        self.original = message;
    }

    /// Puts a body into the original answer and shows that; a deferral decided whether it is ephemeral.
    fn fill(&mut self, body: &Value) -> Value {
        let mut message = self.original.clone();
        models::overlay(&mut message, body);
        let flags = body["flags"].as_u64().unwrap_or_default() & !EPHEMERAL;
        message["flags"] = json!(flags | if self.ephemeral { EPHEMERAL } else { 0 });
        self.show(message.clone());
        message
    }
}

/// A body as the message it becomes.
fn shown(id: u64, channel: u64, body: &Value, now: Duration) -> Value {
    let mut message = models::bare_message(id, channel, now);
    models::overlay(&mut message, body);
    message["application_id"] = json!(APPLICATION.to_string());
    message["webhook_id"] = json!(APPLICATION.to_string());
    message
}

fn problem(path: &str, message: &str) -> Problem {
    Problem { path: path.to_owned(), code: "BASE_TYPE_CHOICES", message: message.to_owned() }
}

fn data_problems(kind: u64, data: &Value) -> Vec<Problem> {
    match kind {
        MESSAGE => validate::problems(data, Kind::Answer),
        UPDATE => validate::problems(data, Kind::Edit),
        DEFER if data["flags"].as_u64().unwrap_or_default() & !EPHEMERAL != 0 => {
            vec![problem("flags", "Only EPHEMERAL may be set when deferring.")]
        }
        COMPLETION => choice_problems(data),
        MODAL => modals::problems(data),
        _ => Vec::new(),
    }
}

fn choice_problems(data: &Value) -> Vec<Problem> {
    let mut checker = validate::Checker::default();
    if !data["choices"].is_array() {
        return vec![problem("choices", "This field is required")];
    }
    for (index, choice) in checker.list("choices", data.get("choices"), CHOICES).iter().enumerate() {
        checker.required(&format!("choices.{index}.name"), choice.get("name"), 100);
        if !choice["value"].is_number() {
            checker.required(&format!("choices.{index}.value"), choice.get("value"), 100);
        }
    }
    checker.found
}
