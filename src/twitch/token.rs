//! The app access token: got with the client's credentials, renewed before it runs out, by one task at a time.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{TwitchError, TwitchOptions};
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::http;

/// The part of a token's life, in percent, after which it is renewed. There is no refresh token; a new one is asked for
/// (Twitch, Authentication, "Client credentials grant flow").
const RENEW_AT_PERCENT: u64 = 90;

/// The longest body that is read; a real one is below 1 kB.
const MAX_BODY: usize = 64 * 1024;

/// A token as it is used in a request. Its number tells a renewed one from the one that was refused.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    number: u64,
}

struct Held {
    token: Token,
    renew_at: Timestamp,
}

/// Keeps one valid token.
pub(super) struct TokenKeeper {
    http: reqwest::Client,
    url: String,
    client_id: SecretString,
    client_secret: SecretString,
    clock: Clock,
    held: Mutex<Option<Held>>,
    /// What time it was by Twitch's clock at the first grant, and by the count of ours.
    told: OnceLock<(Timestamp, Duration)>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u64,
}

impl TokenKeeper {
    pub(super) fn new(http: reqwest::Client, options: &TwitchOptions, clock: Clock) -> Self {
        Self {
            http,
            url: format!("{}/token", options.auth_url),
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            clock,
            held: Mutex::new(None),
            told: OnceLock::new(),
        }
    }

    /// What time it is by Twitch's clock, to the second, if it has said so.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let (date, then) = self.told.get()?;
        Some(date.after(self.clock.elapsed().saturating_sub(*then)))
    }

    /// A token that should be valid.
    pub(super) async fn token(&self) -> Result<Token, TwitchError> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(valid) if self.clock.now() < valid.renew_at => Ok(valid.token.clone()),
            _ => self.renew(&mut held).await,
        }
    }

    /// A token other than the one that Twitch has just refused. Whoever comes first renews, the others get the new one.
    pub(super) async fn instead_of(&self, refused: &Token) -> Result<Token, TwitchError> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(newer) if newer.token.number != refused.number => Ok(newer.token.clone()),
            _ => self.renew(&mut held).await,
        }
    }

    async fn renew(&self, held: &mut Option<Held>) -> Result<Token, TwitchError> {
        // In the body, never in the address: addresses end up in logs.
        let form = [
            ("client_id", self.client_id.expose_secret()),
            ("client_secret", self.client_secret.expose_secret()),
            ("grant_type", "client_credentials"),
        ];
        let answer = self.http.post(&self.url).form(&form).send().await.map_err(unavailable)?;
        let status = answer.status();
        let date = date(answer.headers());
        let body =
            http::body(answer, MAX_BODY).await.map_err(|why| TwitchError::Unavailable(why.to_owned()))?;
        match status.as_u16() {
            200 => {}
            // What Twitch says to a wrong id, a wrong secret, or an application that was deleted.
            400 | 401 | 403 => return Err(TwitchError::Credentials(super::wire::message(&body))),
            // Everything else is somebody's trouble that may pass, a proxy's for example.
            _ => {
                return Err(TwitchError::Unavailable(format!("the token endpoint answers {status}")));
            }
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| TwitchError::Unavailable("the token endpoint sends no token".to_owned()))?;
        if let Some(date) = date {
            self.told.get_or_init(|| (date, self.clock.elapsed()));
        }
        let number = held.as_ref().map_or(1, |held| held.token.number + 1);
        let token = Token { secret: granted.access_token, number };
        let life = Duration::from_secs(granted.expires_in.saturating_mul(RENEW_AT_PERCENT) / 100);
        *held = Some(Held { token: token.clone(), renew_at: self.clock.now().after(life) });
        tracing::info!(lives_for_seconds = granted.expires_in, "got a Twitch token");
        Ok(token)
    }
}

/// When an answer was given, by the clock of who gave it (RFC 9110, 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get("date")?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function given to map_err")]
fn unavailable(error: reqwest::Error) -> TwitchError {
    TwitchError::Unavailable(http::words(&error).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<i64>) {
        let headers = HeaderMap::from_iter([(reqwest::header::DATE, text.parse().expect("a header"))]);
        assert_eq!(date(&headers).map(Timestamp::as_secs), expected);
    }

    #[test]
    fn an_answer_says_what_time_it_is() {
        // The example of RFC 9110, 5.6.7.
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("yesterday", None);
        assert_eq!(date(&HeaderMap::new()), None);
    }
}
