//! Speaking Twitch: requests to Helix and the token for them. It reports what Twitch said and concludes nothing.

mod budget;
mod conduits;
mod eventsub;
mod helix;
mod posted;
mod session;
mod signature;
mod token;
mod wire;

use secrecy::SecretString;

pub use budget::{ASSUMED_POINTS_PER_MINUTE, share_for_the_poll};
pub use conduits::{BindError, Callback, Shard, Subscribed, Target};
pub use eventsub::{
    Challenge, Message, Notification, STREAM_ONLINE, Status, Subscription, SubscriptionsPage, Transport,
    revoked,
};
pub use helix::{Helix, MAX_IDS, StreamsPage, Urgency, UsersPage};
pub use posted::{Contents, Posted};
pub use session::{Session, SessionEnd};
pub use signature::{Signed, is_genuine, mark};

/// What the client needs to know.
#[derive(Clone, Debug)]
pub struct TwitchOptions {
    /// Base of Helix, without a slash at the end.
    pub api_url: String,
    /// Base of the token endpoint, without a slash at the end.
    pub auth_url: String,
    /// The application's client id.
    pub client_id: SecretString,
    /// The application's client secret.
    pub client_secret: SecretString,
}

/// Why Twitch gave no answer that can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TwitchError {
    /// The client id, the secret, or a token that was just made is refused. Repeating cures nothing.
    #[error("Twitch refuses the client id or secret: {0}")]
    Credentials(String),
    /// No answer, an error of Twitch's, a broken body, or no room in the budget, also after all attempts.
    #[error("Twitch does not answer: {0}")]
    Unavailable(String),
    /// Twitch does not accept this request.
    #[error("Twitch refuses the request with {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Twitch's words.
        message: String,
    },
}
