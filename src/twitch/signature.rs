//! Whether a message that came over HTTP is Twitch's. Pure.

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What stands before the signature in its header.
const SCHEME: &str = "sha256=";

/// As many bytes of a mark as tell two secrets apart; from so few nobody finds the secret itself.
const MARK_BYTES: usize = 8;

/// The parts of a request that are signed, as they came (Twitch, `EventSub`, "Handling Webhook Events").
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `Twitch-Eventsub-Message-Id`.
    pub message: &'a str,
    /// `Twitch-Eventsub-Message-Timestamp`.
    pub timestamp: &'a str,
    /// The body, to the byte.
    pub body: &'a [u8],
}

/// Whether `signature`, from `Twitch-Eventsub-Message-Signature`, was made with the secret. It takes the same time whatever
/// is wrong with it.
#[must_use]
pub fn is_genuine(secret: &SecretString, signed: Signed<'_>, signature: &str) -> bool {
    let Some(signature) = signature.strip_prefix(SCHEME).and_then(from_hex) else { return false };
    // A key may have any length, so this does not fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    mac.update(signed.message.as_bytes());
    mac.update(signed.timestamp.as_bytes());
    mac.update(signed.body);
    mac.verify_slice(&signature).is_ok()
}

/// A text that shows, to whoever remembers it, that a secret has become another one. It does not tell the secret.
#[must_use]
pub fn mark(secret: &SecretString) -> String {
    /// What is signed for it; it is no message that Twitch would send.
    const SIGNED: &[u8] = b"the secret of a callback of Livebell's";
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(SIGNED);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().take(MARK_BYTES).fold(String::new(), |mark, byte| format!("{mark}{byte:02x}"))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// A message as Twitch's own command line signs it.
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        secret: SecretString,
        message: String,
        timestamp: String,
        signature: String,
        body: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../../tests/data/eventsub/signed.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).expect("vectors");
        assert_eq!(vectors.len(), 4);
        vectors
    }

    fn is_accepted(vector: &Vector, [message, timestamp, signature]: [&str; 3], body: &[u8]) -> bool {
        is_genuine(&vector.secret, Signed { message, timestamp, body }, signature)
    }

    /// The text with each of its characters changed, one at a time.
    fn spoilt(text: &str) -> impl Iterator<Item = String> {
        (0..text.len()).map(|at| {
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        })
    }

    #[test]
    fn what_twitch_signs_is_genuine() {
        for vector in vectors() {
            let Vector { message, timestamp, signature, body, name, .. } = &vector;
            assert!(is_accepted(&vector, [message, timestamp, signature], body.as_bytes()), "{name}");
        }
    }

    #[test]
    fn not_one_byte_may_be_another() {
        for vector in vectors() {
            let Vector { message, timestamp, signature, body, .. } = &vector;
            for other in spoilt(message) {
                assert!(!is_accepted(&vector, [&other, timestamp, signature], body.as_bytes()), "{other}");
            }
            for other in spoilt(timestamp) {
                assert!(!is_accepted(&vector, [message, &other, signature], body.as_bytes()), "{other}");
            }
            for other in spoilt(signature) {
                assert!(!is_accepted(&vector, [message, timestamp, &other], body.as_bytes()), "{other}");
            }
            for at in 0..body.len() {
                let mut other = body.as_bytes().to_vec();
                other[at] ^= 1;
                assert!(!is_accepted(&vector, [message, timestamp, signature], &other), "byte {at}");
            }
        }
    }

    #[test]
    fn a_mark_tells_secrets_apart_and_not_what_they_are() {
        let secret = SecretString::from("testsecret123");
        assert_eq!(mark(&secret), mark(&secret.clone()));
        assert_ne!(mark(&secret), mark(&SecretString::from("testsecret124")));
        assert_eq!(mark(&secret).len(), 16);
    }

    #[test]
    fn another_secret_and_odd_signatures_are_refused() {
        let vector = vectors().remove(0);
        let Vector { message, timestamp, signature, body, .. } = &vector;
        let other = SecretString::from("another secret");
        let signed = Signed { message, timestamp, body: body.as_bytes() };
        assert!(!is_genuine(&other, signed, signature));
        let half = &signature[..signature.len() / 2];
        for odd in ["", "sha256=", "sha1=00", "sha256=0", "sha256=zz", "sha256=é", half, &signature[7..]] {
            assert!(!is_genuine(&vector.secret, signed, odd), "{odd}");
        }
    }
}
