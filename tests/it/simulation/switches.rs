//! What the product does not do yet, and the simulation therefore does not ask of it. Each becomes `true` when it does.

/// A refusal (403, 404) pauses the channel and keeps what is owed there: who is still live when the bot may post again is
/// announced then. Until then a refusal is final.
pub(super) const REFUSED_IS_KEPT: bool = true;

/// An attempt whose answer was lost longer ago than Discord remembers a nonce is looked for among the channel's messages
/// before it is repeated. Until then the same nonce may be shown again after [`super::NONCE_MEMORY`].
pub(super) const OLD_ATTEMPTS_ARE_LOOKED_UP: bool = true;

/// `StoreOptions` has a `busy_timeout`, and `lives.rs` sets it to nothing: waiting for somebody else's lock takes
/// real time, of which a paused world has none.
pub(super) const LOCKS_ARE_NOT_WAITED_FOR: bool = true;

/// `Clock` can be started at another time, and `lives.rs` does so.
pub(super) const CLOCKS_CAN_JUMP: bool = true;

/// What the gateway tells of servers that come and go is remembered also when the database refuses at that moment. Until
/// then it is lost until the next session begins, so the two are kept apart.
pub(super) const NEWS_OUTLAST_THE_DISK: bool = true;

/// What waits for its turn to be sent is called back when its server removes the bot. Until then it goes out when its turn
/// comes.
pub(super) const WAITING_IS_CALLED_BACK: bool = false;

/// What was shown in a channel that is deleted since counts as shown. Until then a server that removes the bot and invites it
/// again may be told once more, in another channel, of what had been shown in the deleted one and was never answered.
pub(super) const DELETED_CHANNELS_COUNT: bool = false;
