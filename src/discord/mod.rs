//! Speaking Discord's REST interface for deliveries and look-ups. Interactions and the gateway are serenity's.

mod answer;
mod breaker;
mod buckets;
#[cfg(test)]
mod conversation;
mod limits;
mod pace;
pub mod permissions;
mod posts;
mod reads;
mod rest;
mod roles;
mod turns;
mod wire;

use secrecy::SecretString;

pub use answer::{EDITED_TOO_OFTEN, Failure, failure};
pub use posts::{Announcing, ForumTag, FoundPost};
pub use reads::{Access, Found, Place};
pub use rest::{Application, GatewayInfo, Member, Posted, Queueing, Rest, SessionStarts, http_client};
pub use turns::Line;

/// What the client needs to know.
#[derive(Clone, Debug)]
pub struct DiscordOptions {
    /// Address of Discord without `/api/v10` and without a slash at the end.
    pub api_url: String,
    /// The bot's token.
    pub token: SecretString,
}

/// Why Discord gave no answer that can be used.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum DiscordError {
    /// The token is refused (401). Nothing can be sent with it any more, and nothing is.
    #[error("Discord refuses the bot's token")]
    Unauthorized,
    /// Too many requests, also by our own reckoning; nothing was done.
    #[error("Discord wants a pause of {} ms", wait.as_millis())]
    RateLimited {
        /// How long to wait at least.
        wait: std::time::Duration,
    },
    /// Discord does not do this (Discord, Opcodes and Status Codes, "JSON Error Codes").
    #[error("Discord refuses with {status}, code {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's code, 0 when it sent none.
        code: u64,
        /// Discord's words.
        message: String,
    },
    /// So many requests were refused lately that Discord would soon ban this address: nothing goes out, nothing was done.
    #[error("too many requests were refused; nothing is sent for {} s", wait.as_secs())]
    Halted {
        /// How long, as far as is known.
        wait: std::time::Duration,
    },
    /// Nobody wanted it any more when its turn came; nothing was done.
    #[error("nobody wants it any more")]
    Unwanted,
    /// The program stops: nothing more is begun, nothing was done.
    #[error("the bot is stopping")]
    Stopping,
    /// No answer, a broken one or an error of Discord's.
    #[error("Discord does not answer: {why}")]
    Unavailable {
        /// What went wrong.
        why: String,
        /// Whether Discord may have done it all the same. `false` when nothing has reached it.
        perhaps_done: bool,
    },
}
