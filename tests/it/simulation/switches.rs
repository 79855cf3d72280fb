//! What the product does not do yet, and the simulation therefore does not ask of it. Each becomes `true` when it does.

/// What waits for its turn to be sent is called back when its server removes the bot. Until then it goes out when its turn
/// comes.
pub(super) const WAITING_IS_CALLED_BACK: bool = false;
