//! The words of the product as plain values. No serialisation, no I/O and no clock here: a value that exists is valid.

mod delivery;
mod ending;
mod filter;
mod happening;
mod ids;
mod login;
mod member;
mod observation;
mod pattern;
mod permission;
mod policy;
mod preferences;
mod revision;
mod route;
mod session;
mod stream;
mod template;
pub mod text;
mod time;
mod watch;

pub use delivery::{Delivery, Mentioned, Outcome, Owed, Refusal};
pub use ending::{Chapter, Ending, Recording};
pub use filter::HeldBy;
pub use happening::Happening;
pub use ids::{
    BroadcasterId, ChannelId, DeliveryId, ForumTagId, GuildId, MessageId, NoticeId, RoleId, SessionId,
    StreamId, TransitionId, UserId,
};
pub use login::{InvalidLogin, Login};
pub use member::Choice;
pub use observation::{Observation, Online, Seen, Sighting, Source};
pub use pattern::{InvalidPattern, Pattern};
pub use permission::{Permission, Permissions};
pub use policy::{Doubt, DoubtPolicy, LatePolicy};
pub use preferences::{Mention, OnEnd, Preferences, Reruns};
pub use revision::{Publication, Revision};
pub use route::{Matter, Notice, Pause, Route};
pub use session::Session;
pub use stream::{Category, Channel, Profile, Stream};
pub use template::{InvalidTemplate, MAX_TEMPLATE, Part, Placeholder, Template};
pub use time::Timestamp;
pub use watch::{NewWatch, Watch, WatchKey};
