//! Requests to Helix: paced by Twitch's own headers, repeated when that can help, never for longer than they may take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;

use super::budget::{Budget, Claim};
use super::token::{Token, TokenKeeper};
use super::wire::{self, Page, StreamEntry};
use super::{TwitchError, TwitchOptions};
use crate::clock::Clock;
use crate::domain::{
    BroadcasterId, Category, Channel, Login, Profile, Recording, Stream, StreamId, Timestamp,
};
use crate::http;

/// Ids that one request may ask for (Twitch, API Reference, "Get Streams" and "Get Users").
pub const MAX_IDS: usize = 100;

/// How long one request may take, the body included. A page of a hundred streams is 60 kB.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a request is sent when Twitch fails. A batch that still fails is asked again in the next cycle.
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// How often a request waits for the bucket to be full again before it is given up: each is a minute at most, and the next
/// cycle asks again.
const MAX_REFUSALS: u32 = 3;

/// The wait before the second attempt; it doubles, with up to as much again by chance.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// Suggestions asked for. Discord shows 25 (Discord, Application Commands, "Autocomplete").
const SUGGESTIONS: &str = "25";

/// Recordings asked for, the latest first: a session that dropped often has several, and one of yesterday is not meant.
const ARCHIVES: &str = "20";

/// The longest body that is read. The largest real one is below 200 kB.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Who waits for an answer, and how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// A person waits: the reserve of the budget may be used, and an error comes after this time at the latest.
    Interactive {
        /// How long the answer may take with everything.
        within: Duration,
    },
    /// Nobody waits.
    Background,
}

/// What one batch request to `/streams` told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamsPage {
    /// Who is live.
    pub live: Vec<Stream>,
    /// Who is listed, but in a way that tells nothing.
    pub unclear: Vec<BroadcasterId>,
    /// An entry could not be read at all: that somebody is not listed proves nothing on this page.
    pub has_unreadable: bool,
}

/// What one request for accounts told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsersPage {
    /// The accounts that Twitch knows.
    pub profiles: Vec<Profile>,
    /// An entry could not be read: that an account is not listed proves nothing on this page.
    pub has_unreadable: bool,
}

impl StreamsPage {
    /// Reads a body of `/streams`. What is broken in it spoils only itself, unless nothing can be read at all.
    pub fn read(body: &[u8]) -> Result<Self, TwitchError> {
        let mut page = Self::default();
        for item in read_page(body)?.data {
            match wire::stream(item) {
                StreamEntry::Live(stream) => page.live.push(*stream),
                StreamEntry::Unclear(broadcaster) => page.unclear.push(broadcaster),
                StreamEntry::Unreadable => page.has_unreadable = true,
            }
        }
        Ok(page)
    }
}

impl UsersPage {
    /// Reads a body of `/users` or `/search/channels`, in the same way.
    pub fn read(body: &[u8]) -> Result<Self, TwitchError> {
        let items = read_page(body)?.data;
        let profiles: Vec<_> = items.iter().filter_map(|item| wire::profile(item)).collect();
        Ok(Self { has_unreadable: profiles.len() < items.len(), profiles })
    }
}

/// A client of Helix. Cheap to clone; all clones share the token and the budget.
#[derive(Clone)]
pub struct Helix {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    options: TwitchOptions,
    token: TokenKeeper,
    budget: Mutex<Budget>,
    clock: Clock,
    chance: Mutex<fastrand::Rng>,
}

impl std::fmt::Debug for Helix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Helix").finish_non_exhaustive()
    }
}

/// Names and values as they follow the question mark.
type Query<'a> = &'a [(&'a str, &'a str)];

/// A request, as often as it is sent.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Query<'a>,
    pub(super) body: Option<&'a serde_json::Value>,
    /// How often it is sent when Twitch fails.
    pub(super) attempts: u32,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str, query: Query<'a>) -> Self {
        Self { method: Method::GET, path, query, body: None, attempts: MAX_ATTEMPTS }
    }

    pub(super) fn with(method: Method, path: &'a str, body: &'a serde_json::Value) -> Self {
        Self { method, path, query: &[], body: Some(body), attempts: MAX_ATTEMPTS }
    }
}

/// A point of the budget that was taken for a request under way. Also a request that nobody waits for any more is over.
struct Point<'a> {
    of: &'a Inner,
}

impl Drop for Point<'_> {
    fn drop(&mut self) {
        self.of.budget(|budget, _| budget.is_over());
    }
}

/// How one attempt ended.
enum Attempt {
    Answered(Vec<u8>),
    TokenRefused,
    NoPoints,
    Failed(String),
    Refused(StatusCode, String),
}

impl Helix {
    /// A client with its own connections; `chance` spreads the waits of many clients.
    pub fn new(options: TwitchOptions, clock: Clock, chance: fastrand::Rng) -> anyhow::Result<Self> {
        let http = http::client(REQUEST_TIMEOUT, concat!("livebell/", env!("CARGO_PKG_VERSION")))?;
        let token = TokenKeeper::new(http.clone(), &options, clock.clone());
        let budget = Mutex::new(Budget::new(clock.steady()));
        Ok(Self {
            inner: Arc::new(Inner { http, options, token, budget, clock, chance: Mutex::new(chance) }),
        })
    }

    /// Gets a token, which tells whether the credentials are accepted.
    pub async fn check_credentials(&self) -> Result<(), TwitchError> {
        self.inner.token.token().await.map(|_| ())
    }

    /// What time it is by Twitch's clock, to the second, if it has said so.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.inner.token.time()
    }

    /// Who of these, [`MAX_IDS`] at most, is live (Twitch, API Reference, "Get Streams").
    pub async fn streams(&self, ids: &[BroadcasterId]) -> Result<StreamsPage, TwitchError> {
        // The default page holds 20, so `first` is always sent. A batch of ids has one page: the cursor that Twitch
        // sends with it leads nowhere.
        let mut query = vec![("first", "100")];
        query.extend(ids.iter().map(|id| ("user_id", id.as_str())));
        StreamsPage::read(&self.inner.get("/streams", &query, Urgency::Background).await?)
    }

    /// What the channels of these, [`MAX_IDS`] at most, say of themselves (Twitch, API Reference, "Get Channel Information").
    /// Those that are unknown or cannot be read are left out.
    pub async fn channels(&self, ids: &[BroadcasterId]) -> Result<Vec<Channel>, TwitchError> {
        let query: Vec<_> = ids.iter().map(|id| ("broadcaster_id", id.as_str())).collect();
        let body = self.inner.get("/channels", &query, Urgency::Background).await?;
        Ok(read_page(&body)?.data.into_iter().filter_map(wire::channel).collect())
    }

    /// The accounts of these ids, [`MAX_IDS`] at most; unknown ones are left out (Twitch, API Reference, "Get Users").
    pub async fn users(&self, ids: &[BroadcasterId]) -> Result<UsersPage, TwitchError> {
        let query: Vec<_> = ids.iter().map(|id| ("id", id.as_str())).collect();
        self.profiles("/users", &query, Urgency::Background).await
    }

    /// The account with that login, if there is one.
    pub async fn user(&self, login: &Login, urgency: Urgency) -> Result<Option<Profile>, TwitchError> {
        let page = self.profiles("/users", &[("login", login.as_str())], urgency).await?;
        if page.profiles.is_empty() && page.has_unreadable {
            return Err(TwitchError::Unavailable("the account cannot be read".to_owned()));
        }
        Ok(page.profiles.into_iter().next())
    }

    /// Accounts whose login or name begins so, for suggestions only (Twitch, API Reference, "Search Channels").
    ///
    /// Many may type at once, so this leaves the reserve to those who have decided.
    pub async fn search(&self, beginning: &str, within: Duration) -> Result<Vec<Profile>, TwitchError> {
        let query = [("first", SUGGESTIONS), ("query", beginning)];
        let search = self.profiles("/search/channels", &query, Urgency::Background);
        Ok(tokio::time::timeout(within, search).await.unwrap_or_else(|_| Err(too_slow()))?.profiles)
    }

    /// Categories whose names are like this (Twitch, API Reference, "Search Categories"). Those that cannot be read are left out.
    pub async fn categories(&self, name: &str, urgency: Urgency) -> Result<Vec<Category>, TwitchError> {
        let body =
            self.inner.get("/search/categories", &[("first", "100"), ("query", name)], urgency).await?;
        Ok(read_page(&body)?.data.into_iter().filter_map(wire::category).collect())
    }

    /// The latest recordings of somebody's streams, each with its stream (Twitch, API Reference, "Get Videos"). Nobody misses
    /// anything when the answer comes later.
    pub async fn archives(
        &self,
        broadcaster: &BroadcasterId,
    ) -> Result<Vec<(StreamId, Recording)>, TwitchError> {
        let query = [("user_id", broadcaster.as_str()), ("type", "archive"), ("first", ARCHIVES)];
        let body = self.inner.try_to(&Ask::get("/videos", &query), Claim::Spare).await?;
        Ok(read_page(&body)?.data.into_iter().filter_map(wire::archive).collect())
    }

    /// How many requests a minute Twitch grants, as its last answer said.
    #[must_use]
    pub fn points_per_minute(&self) -> u32 {
        self.inner.budget(|budget, _| budget.points_per_minute())
    }

    /// Sends a request of another kind, and returns the body of the answer.
    pub(super) async fn ask(&self, ask: Ask<'_>, claim: Claim) -> Result<Vec<u8>, TwitchError> {
        self.inner.try_to(&ask, claim).await
    }

    async fn profiles(
        &self,
        path: &str,
        query: Query<'_>,
        urgency: Urgency,
    ) -> Result<UsersPage, TwitchError> {
        UsersPage::read(&self.inner.get(path, query, urgency).await?)
    }
}

impl Inner {
    async fn get(&self, path: &str, query: Query<'_>, urgency: Urgency) -> Result<Vec<u8>, TwitchError> {
        let ask = Ask::get(path, query);
        match urgency {
            Urgency::Background => self.try_to(&ask, Claim::Background).await,
            Urgency::Interactive { within } => {
                tokio::time::timeout(within, self.try_to(&ask, Claim::Interactive))
                    .await
                    .unwrap_or_else(|_| Err(too_slow()))
            }
        }
    }

    /// Sends until there is a usable answer or an error that repeating does not cure, a bounded number of times.
    async fn try_to(&self, ask: &Ask<'_>, claim: Claim) -> Result<Vec<u8>, TwitchError> {
        let mut failures = 0;
        let mut refusals = 0;
        let mut renewed = false;
        let mut token = self.token.token().await?;
        loop {
            let point = self.admitted(claim).await;
            match self.send(ask, &token, point).await {
                Attempt::Answered(body) => return Ok(body),
                Attempt::TokenRefused if renewed => {
                    return Err(TwitchError::Credentials("a new token is refused as well".to_owned()));
                }
                Attempt::TokenRefused => {
                    renewed = true;
                    token = self.token.instead_of(&token).await?;
                }
                Attempt::NoPoints => {
                    refusals += 1;
                    if refusals == MAX_REFUSALS {
                        return Err(TwitchError::Unavailable("the request budget is used up".to_owned()));
                    }
                }
                Attempt::Failed(why) => {
                    failures += 1;
                    if failures >= ask.attempts {
                        return Err(TwitchError::Unavailable(why));
                    }
                    tokio::time::sleep(self.backoff(failures)).await;
                }
                Attempt::Refused(status, message) => {
                    return Err(TwitchError::Refused { status: status.as_u16(), message });
                }
            }
        }
    }

    /// Waits for a point of the budget. Each wait ends; a background request may wait again behind people.
    async fn admitted(&self, claim: Claim) -> Point<'_> {
        while let Err(until) = self.budget(|budget, now| budget.admit(now, claim)) {
            tokio::time::sleep(until.since(self.clock.steady())).await;
        }
        Point { of: self }
    }

    async fn send(&self, ask: &Ask<'_>, token: &Token, point: Point<'_>) -> Attempt {
        let mut request = self
            .http
            .request(ask.method.clone(), format!("{}{}", self.options.api_url, ask.path))
            .query(ask.query)
            .header("Client-Id", self.options.client_id.expose_secret())
            .bearer_auth(token.secret.expose_secret());
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        let answer = request.send().await;
        drop(point);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Attempt::Failed(http::words(&error).to_owned()),
        };
        let status = answer.status();
        let headers = answer.headers().clone();
        let remaining = number(&headers, "ratelimit-remaining");
        self.budget(|budget, now| budget.learn(now, number(&headers, "ratelimit-limit"), remaining));
        let body = match http::body(answer, MAX_BODY).await {
            Ok(body) => body,
            Err(why) => return Attempt::Failed(why.to_owned()),
        };
        match status {
            StatusCode::NO_CONTENT => Attempt::Answered(body),
            _ if status.is_success() && read_page(&body).is_ok() => Attempt::Answered(body),
            _ if status.is_success() => Attempt::Failed("the body is broken".to_owned()),
            StatusCode::UNAUTHORIZED => Attempt::TokenRefused,
            StatusCode::TOO_MANY_REQUESTS
                if ask.method != Method::GET
                    && (remaining.is_some_and(|points| points > 0)
                        || is_about_number(&wire::message(&body))) =>
            {
                Attempt::Refused(status, wire::message(&body))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let reset = number(&headers, "ratelimit-reset").map(|seconds: i64| {
                    self.clock.until(Timestamp::from_millis(seconds.saturating_mul(1000)))
                });
                self.budget(|budget, now| budget.refused(now, reset.map(|wait| now.after(wait))));
                tracing::warn!("Twitch says that the request budget is used up");
                Attempt::NoPoints
            }
            _ if status.is_server_error() => Attempt::Failed(format!("it answers {status}")),
            _ => Attempt::Refused(status, wire::message(&body)),
        }
    }

    fn backoff(&self, failures: u32) -> Duration {
        let wait = FIRST_BACKOFF * 2u32.saturating_pow(failures - 1);
        wait + wait.mul_f64(self.chance.lock().unwrap_or_else(PoisonError::into_inner).f64())
    }

    fn budget<T>(&self, act: impl FnOnce(&mut Budget, Timestamp) -> T) -> T {
        act(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner), self.clock.steady())
    }
}

fn too_slow() -> TwitchError {
    TwitchError::Unavailable("it took too long".to_owned())
}

/// Whether a 429 says that there are too many conduits or subscriptions, or that they cost too much, and not that there are
/// too many requests (Twitch, API Guide, "Rate Limits": what the message says tells them apart).
fn is_about_number(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["maximum", "conduit", "cost"].iter().any(|word| message.contains(word))
}

fn read_page(body: &[u8]) -> Result<Page<'_>, TwitchError> {
    serde_json::from_slice(body).map_err(|_| wire::broken())
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
