//! How the fake behaves: latency, limits, faults, what is recorded and counted.

use std::time::Duration;

use super::{Discord, Fault, Limits, Place, Request};

impl Discord {
    /// How long a request takes; half of it passes before anything is done.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Sets the rate limits.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.state().buckets.limits = Some(limits);
    }

    /// Removes all rate limits and their headers.
    pub fn unlimited(&self) {
        self.shared.state().buckets.limits = None;
    }

    /// Plans a fault for the next `times` requests of a place. Faults planned earlier come first.
    pub fn fail(&self, place: Place, times: u32, fault: Fault) {
        if times > 0 {
            self.shared.state().faults.plan(place, times, fault);
        }
    }

    /// Forgets all faults that did not happen yet.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Whether the token is refused: 401 over REST, close code 4004 at the gateway.
    pub fn set_token_refused(&self, refused: bool) {
        self.shared.state().token_refused = refused;
    }

    /// Whether bodies are kept, of requests and of messages. Off for big measurements.
    pub fn record_bodies(&self, record: bool) {
        self.shared.state().record_bodies = record;
    }

    /// The locales of users and of guilds in interactions; both `en-US` at first.
    pub fn set_locales(&self, user: &str, guild: &str) {
        self.shared.state().locales = (user.to_owned(), guild.to_owned());
    }

    /// How many requests were answered with 429.
    #[must_use]
    pub fn too_many_requests(&self) -> usize {
        self.shared.state().counts.too_many
    }

    /// How many answers count towards Discord's ban for invalid requests: 401, 403 and 429, shared limits aside.
    #[must_use]
    pub fn invalid_requests(&self) -> usize {
        self.shared.state().counts.invalid
    }

    /// Every REST request, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.state().requests.clear();
    }
}
