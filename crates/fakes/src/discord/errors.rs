//! Discord's way of saying no: a status, a JSON code, a message and, for bad bodies, a tree of errors.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One thing that is wrong with a body, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Dotted path into the body; empty for the body itself.
    pub(super) path: String,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// A refusal that becomes the response.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    code: u64,
    message: String,
    errors: Option<Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u64, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, 0, "401: Unauthorized")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, 0, "404: Not Found")
    }

    pub(super) fn unknown_channel() -> Self {
        Self::new(404, 10_003, "Unknown Channel")
    }

    pub(super) fn unknown_message() -> Self {
        Self::new(404, 10_008, "Unknown Message")
    }

    pub(super) fn unknown_interaction() -> Self {
        Self::new(404, 10_062, "Unknown interaction")
    }

    pub(super) fn missing_access() -> Self {
        Self::new(403, 50_001, "Missing Access")
    }

    pub(super) fn missing_permissions() -> Self {
        Self::new(403, 50_013, "Missing Permissions")
    }

    pub(super) fn bad_json() -> Self {
        Self::new(400, 50_109, "The request body contains invalid JSON.")
    }

    pub(super) fn invalid_form(problems: &[Problem]) -> Self {
        let mut errors = json!({});
        for problem in problems {
            let mut place = &mut errors;
            for step in problem.path.split('.').filter(|step| !step.is_empty()) {
                if place.get(step).is_none() {
                    place[step] = json!({});
                }
                place = &mut place[step];
            }
            let entry = json!({"code": problem.code, "message": problem.message});
            if let Some(list) = place.get_mut("_errors").and_then(Value::as_array_mut) {
                list.push(entry);
            } else {
                place["_errors"] = json!([entry]);
            }
        }
        Self { errors: Some(errors), ..Self::new(400, 50_035, "Invalid Form Body") }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = self.errors {
            body["errors"] = errors;
        }
        (StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST), Json(body)).into_response()
    }
}
