//! Waiting for a chosen moment of the client's life, and counting what it asked. Nothing here changes anything.

use std::time::Duration;

use serde_json::Value;

use super::Discord;
use super::state::Request;

/// How long the fake waits for a client to come to a moment, in tokio's time: longer than any of its pauses between
/// two attempts, so that it waits out a virtual outage.
const PATIENCE: Duration = Duration::from_mins(10);

impl Discord {
    /// How many requests came to paths that begin so, after `/api/v10`, since the start or [`Discord::clear_requests`].
    #[must_use]
    pub fn requests_to(&self, prefix: &str) -> usize {
        self.shared.state().requests.iter().filter(|request| request.path.starts_with(prefix)).count()
    }

    /// How many POSTs of a message with this nonce arrived since the start or [`Discord::clear_requests`], whatever
    /// became of them. Without recorded bodies it finds none.
    #[must_use]
    pub fn posts_with_nonce(&self, nonce: &str) -> usize {
        let has_nonce = |request: &&Request| match &request.body["nonce"] {
            Value::String(sent) => sent == nonce,
            Value::Number(sent) => sent.to_string() == nonce,
            _ => false,
        };
        let posts = |request: &&Request| request.method == "POST" && request.path.ends_with("/messages");
        self.shared.state().requests.iter().filter(posts).filter(has_nonce).count()
    }

    /// How many messages the bot's POSTs created since the start, also those that were deleted later.
    #[must_use]
    pub fn messages_created(&self) -> usize {
        self.shared.state().counts.created
    }

    /// Waits until so many requests of this kind have arrived since the start or [`Discord::clear_requests`]. It
    /// resolves before anything is done about the last of them: whoever is killed now was not heard, if there is a
    /// latency for the end of the connection to arrive in.
    ///
    /// # Panics
    /// If that takes more than ten minutes of tokio's time.
    pub async fn wait_for_request(&self, method: &str, prefix: &str, nth: usize) {
        let fits = |request: &&Request| request.method == method && request.path.starts_with(prefix);
        let arrived = self
            .shared
            .wait_for(PATIENCE, |state| (state.requests.iter().filter(fits).count() >= nth).then_some(()));
        assert!(arrived.await.is_some(), "{method} {prefix}… did not arrive {nth} times within {PATIENCE:?}");
    }

    /// Waits until so many messages were created since the start, and resolves before the last of them is answered:
    /// whoever is killed now does not know that it was heard. With a latency, half of it lies between the two.
    ///
    /// # Panics
    /// If that takes more than ten minutes of tokio's time.
    pub async fn wait_for_effect(&self, nth: usize) {
        let created =
            self.shared.wait_for(PATIENCE, |state| (state.counts.created >= nth).then_some(())).await;
        assert!(created.is_some(), "there were not {nth} messages within {PATIENCE:?}");
    }
}
