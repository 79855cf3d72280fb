//! What the product does not do yet, and the simulation therefore does not ask of it. Each becomes `true` when it does.

/// What waits for its turn to be sent is called back when its server removes the bot. Until then it goes out when its turn
/// comes.
pub(super) const WAITING_IS_CALLED_BACK: bool = false;

/// What was shown in a channel that is deleted since counts as shown. Until then a server that removes the bot and invites it
/// again may be told once more, in another channel, of what had been shown in the deleted one and was never answered.
pub(super) const DELETED_CHANNELS_COUNT: bool = false;
