//! What every HTTP client of ours has in common: it is timed out, notices dead connections, reads no endless bodies, and
//! says what went wrong without naming an address or a secret.

use std::time::Duration;

/// How long a connection may take to come about: several round trips around the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection with requests on it is asked whether it lives: HTTP/2 puts all requests on the same, and a dead
/// one would let each of them wait in vain.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A client whose requests end after `timeout`, the body included, and go nowhere else than they were sent.
pub fn client(timeout: Duration, user_agent: &str) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .use_rustls_tls()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(user_agent)
        .build()
}

/// Reads a body of at most `limit` bytes, or says why it cannot be had.
pub async fn body(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| words(&error))? {
        if body.len() + chunk.len() > limit {
            return Err("the body is too long");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong, in words that name no address and no secret.
#[must_use]
pub fn words(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    }
}
