//! What people may do. The only writer of human intentions: it checks who asks, then acts, and answers in values.

mod explaining;
mod giving;
mod guilds;
mod lists;
mod notifying;
mod preferring;
mod settings;
mod tidying;
mod trial;
mod watches;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::discord::{Application, DiscordError, Rest};
use crate::domain::{ChannelId, GuildId, InvalidLogin, Login, UserId};
use crate::store::{Store, StoreError};
use crate::twitch::Helix;

pub use crate::discord::ForumTag;
pub use crate::discord::permissions::Giving;
pub use crate::store::{
    Account, DeliveryAccount, DeliveryState, GuildTroubles, HISTORY, MAX_MENTIONED, PublicationState,
};
pub use explaining::{Tested, Why};
pub use giving::KnownRoles;
pub use lists::{Live, LiveEntry, Page, Problem, WatchEntry};
pub use notifying::{Chooser, Means, Notifications, Notified, Pinging};
pub use preferring::{Preferred, Whose};
pub use settings::{Settings, SettingsChange};
pub use trial::{TRIED, Trial, Tried};
pub use watches::{Added, ChannelCheck, Removed, SetChannel, Suggestion};
pub use wish::{Setting, Wish};

/// Streamers that one server may watch. It bounds lists and what one server can ask of the poll; comparable bots sell a third
/// of it.
pub const MAX_WATCHES: usize = 1_000;

/// How long a command may wait for Twitch. It has answered "thinking…" by then, so this is about patience.
const TWITCH_PATIENCE: Duration = Duration::from_secs(8);

/// How long suggestions may take: Discord shows none after 3 s (Discord, Interactions, "Autocomplete").
const SUGGESTION_PATIENCE: Duration = Duration::from_secs(2);

/// How long looking up the bot's rights may take. Without an answer the command says that it could not check.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// Who asks, in which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The server.
    pub guild: GuildId,
    /// The channel in which it was asked.
    pub channel: Option<ChannelId>,
    /// The member.
    pub user: UserId,
    /// Whether the member may manage the server, as Discord says.
    pub may_manage: bool,
}

/// Why something was not done. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The member may not manage the server.
    #[error("the member may not manage the server")]
    NotAllowed,
    /// What was typed cannot be a streamer.
    #[error(transparent)]
    InvalidLogin(#[from] InvalidLogin),
    /// Twitch knows nobody of that name.
    #[error("Twitch knows no {0}")]
    UnknownStreamer(Login),
    /// The server does not watch that streamer.
    #[error("the server does not watch {0}")]
    NotWatched(Login),
    /// The streamer of a panel is not watched any more.
    #[error("the server does not watch that streamer any more")]
    NoLongerWatched,
    /// There is no channel for announcements.
    #[error("no channel is set")]
    NoChannel,
    /// The server watches as many as it may.
    #[error("the server watches {MAX_WATCHES} streamers already")]
    Full,
    /// What was asked for cannot be meant.
    #[error("{}: {why}", .setting.as_str())]
    Invalid {
        /// About what.
        setting: Setting,
        /// Why not, with what would be good. Fit for an answer.
        why: String,
    },
    /// The server does not let its members choose to be mentioned.
    #[error("the server has turned that off")]
    NotOffered,
    /// As many members as may be are mentioned by name already.
    #[error("too many members are mentioned already")]
    TooManyToMention,
    /// The member has left the server, and what was remembered of them there is forgotten.
    #[error("the member has left the server")]
    NotHere,
    /// Discord gave no answer in time.
    #[error("Discord does not answer")]
    DiscordIsSilent,
    /// Twitch gave no answer in time.
    #[error("Twitch does not answer")]
    TwitchIsSilent,
    /// It could not be remembered or recalled.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Whom people's wishes wake.
#[derive(Clone, Debug, Default)]
pub struct Bells {
    /// Deliveries may be due.
    pub outbox: Arc<Notify>,
    /// A paused route may be open again, or somebody is to be told something.
    pub errands: Arc<Notify>,
}

/// The doors to everything that people may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    /// Where wishes are remembered.
    pub store: Store,
    /// Who knows streamers.
    pub helix: Helix,
    /// Who knows channels and rights.
    pub rest: Rest,
    /// The time.
    pub clock: Clock,
    /// The bot's application.
    pub application: Application,
    /// Whom wishes wake.
    pub bells: Bells,
    /// How long a stream may be gone before its session is over.
    pub grace: Duration,
    /// What was found out about roles lately.
    pub known_roles: KnownRoles,
}

impl Control {
    /// Registers these commands with Discord, unless the same ones are registered already. Returns whether it did.
    pub async fn register_commands(&self, commands: &serde_json::Value) -> Result<bool, RegisterError> {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(commands.to_string());
        let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, digest);
        let id = self.application.id;
        if self.store.registered_commands(id).await?.as_ref() == Some(&hash) {
            return Ok(false);
        }
        self.rest.register_commands(id, commands).await?;
        self.store.commands_registered(id, hash).await?;
        Ok(true)
    }
}

/// Why the commands are not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Discord did not take them.
    #[error(transparent)]
    Discord(#[from] DiscordError),
    /// It could not be remembered or recalled.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Asker {
    fn must_manage(self) -> Result<(), Denied> {
        if self.may_manage { Ok(()) } else { Err(Denied::NotAllowed) }
    }
}
