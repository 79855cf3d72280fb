//! The words of the product as plain values. No serialisation, no I/O and no clock here: a value that exists is valid.

mod delivery;
mod happening;
mod ids;
mod login;
mod observation;
mod permission;
mod policy;
mod revision;
mod route;
mod session;
mod stream;
pub mod text;
mod time;
mod watch;

pub use delivery::{Delivery, Outcome, Owed, Refusal};
pub use happening::Happening;
pub use ids::{
    BroadcasterId, ChannelId, DeliveryId, GuildId, MessageId, NoticeId, SessionId, StreamId, TransitionId,
    UserId,
};
pub use login::{InvalidLogin, Login};
pub use observation::{Observation, Online, Seen, Sighting, Source};
pub use permission::{Permission, Permissions};
pub use policy::{Doubt, DoubtPolicy, LatePolicy};
pub use revision::Revision;
pub use route::{Matter, Notice, Pause, Route};
pub use session::Session;
pub use stream::{Category, Channel, Profile, Stream};
pub use time::Timestamp;
pub use watch::{NewWatch, Watch, WatchKey};
