//! The name by which Discord recognises a delivery that it has already taken. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::domain::{ChannelId, DeliveryId, NoticeId, Timestamp};

/// Longest nonce that Discord takes (Discord, Message, "Create Message").
pub const MAX_NONCE: usize = 25;

/// Bytes of the digest that are used: 144 bits, as 24 characters.
const USED: usize = 18;

/// The nonce of a delivery, the same in every attempt.
///
/// Discord compares nonces per bot, not per channel, so everything that makes the delivery another one goes into it; the
/// installation as well, because a new database numbers from 1 again, and the moment of the decision, because a restored
/// one gives out numbers that it had given out before.
#[must_use]
pub fn nonce(installation: &str, delivery: DeliveryId, channel: ChannelId, decided_at: Timestamp) -> String {
    let decided_at = decided_at.as_millis();
    name(&format!("{installation}/{delivery}/{channel}/{decided_at}"))
}

/// The nonce of a notice to admins in one of the places where they may read it.
#[must_use]
pub fn of_notice(installation: &str, notice: NoticeId, place: ChannelId, since: Timestamp) -> String {
    name(&format!("{installation}/notice/{notice}/{place}/{}", since.as_millis()))
}

fn name(of: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(of)[..USED])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(installation: &str, delivery: i64, channel: u64, decided_at: i64) -> String {
        let channel = ChannelId::new(channel).expect("a snowflake");
        nonce(installation, DeliveryId(delivery), channel, Timestamp::from_millis(decided_at))
    }

    #[test]
    fn it_is_the_same_for_the_same_delivery_only() {
        assert_eq!(of("a", 1, 2, 3), of("a", 1, 2, 3));
        assert!(of("a", 1, 2, 3).len() <= MAX_NONCE);
        let others = [
            of("a", 1, 2, 3),
            of("b", 1, 2, 3),
            of("a", 2, 2, 3),
            of("a", 1, 3, 3),
            of("a", 1, 2, 4),
            of("a", 12, 3, 3),
            of("a", 1, 23, 3),
        ];
        let different: std::collections::HashSet<_> = others.iter().collect();
        assert_eq!(different.len(), others.len());
    }
}
