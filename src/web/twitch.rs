//! `POST /twitch`: what Twitch pushes to those who have a public address. It translates; what is to be answered is said by
//! the source that takes it.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::sources::{Answer, Webhook};

/// Where Twitch posts to, below the public address.
pub const TWITCH_PATH: &str = "/twitch";

/// The longest message that is read; a notification is below 2 kB.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// How long a message may take to come in, once it has begun.
const READ_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn take(State(webhook): State<Webhook>, headers: HeaderMap, request: Request) -> Response {
    let body = Bytes::from_request(request, &());
    let body = match tokio::time::timeout(READ_WITHIN, body).await {
        Ok(Ok(body)) => body,
        // Too long, or broken off.
        Ok(Err(refused)) => return refused.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match webhook.take(header, &body).await {
        Answer::Challenge(text) => ([(CONTENT_TYPE, "text/plain")], text).into_response(),
        Answer::Taken => StatusCode::NO_CONTENT.into_response(),
        Answer::Refused => StatusCode::FORBIDDEN.into_response(),
        Answer::Unwanted => StatusCode::GONE.into_response(),
        Answer::Later => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
