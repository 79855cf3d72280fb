//! That the simulation bites: in a world that looks as if the product were broken, it says so, and says what is wrong.

use super::meddler::Meddling;
use super::run;

/// Seeds within which a broken product has to be caught.
const SEEDS: u64 = 48;

/// Plays until the oracle complains, and fails unless it says this.
fn check(meddling: Meddling, expected: &str) {
    let caught = (0..SEEDS).map(|seed| (seed, run(seed, false, Some(meddling)).complaints));
    let (seed, complaints) =
        caught.into_iter().find(|(_, complaints)| !complaints.is_empty()).expect("it is caught");
    println!("{meddling:?} was caught by seed {seed}: {}", complaints.join("; "));
    assert!(complaints.iter().any(|complaint| complaint.contains(expected)), "{complaints:?}");
}

#[test]
fn a_nonce_per_attempt_is_caught() {
    check(Meddling::NoncePerAttempt, "times of one session");
}

#[test]
fn what_is_settled_before_it_was_sent_is_caught() {
    check(Meddling::TakenAndLost, "was not told of");
}
