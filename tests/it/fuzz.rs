//! A short run through what the fuzz targets try for hours: their examples, and thousands of these damaged by chance, the
//! same in every run. The promises that must hold stand in `fuzz/src/lib.rs`.

use std::path::PathBuf;
use std::time::Duration;

use livebell::domain::Login;
use serde_json::{Value, json};

use crate::world::World;

#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
#[path = "../../fuzz/src/lib.rs"]
mod promises;

/// Damaged inputs a target. All four take about a second in a debug build.
const ROUNDS: usize = 10_000;

/// Interactions that the bot gets whole through the gateway, a hundred times as slow.
const ODD_INTERACTIONS: usize = 500;

/// How often an input is damaged at most before it is tried.
const MAX_DAMAGE: usize = 4;

/// What tends to be special to somebody: the ends of numbers, empty things, and text that is not what it seems.
const SPECIAL: [&str; 22] = [
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "1e30",
    "18446744073709551615",
    "9223372036854775808",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{200b}",
    "\u{3000}",
    "\u{1f469}\u{200d}\u{1f467}",
    "e\u{301}",
    "\n\n",
    ",",
    "\"",
];

/// The examples that people wrote for a target, by name. What a fuzzer found on this machine has no extension.
fn examples(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).expect("examples").map(|entry| entry.expect("an entry").path());
    let mut examples: Vec<_> = files
        .filter(|path| path.extension().is_some())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("an example")))
        .collect();
    examples.sort();
    assert!(examples.len() > 10, "{target} has {} examples", examples.len());
    examples
}

/// Tells what a promise was broken by.
struct Shown<'a>(&'a str, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.0, self.1.escape_ascii());
        }
    }
}

fn check(target: &str, holds: fn(&[u8])) {
    let examples = examples(target);
    let mut chance = fastrand::Rng::with_seed(1);
    for (name, example) in &examples {
        let _shown = Shown(name, example);
        holds(example);
    }
    for _ in 0..ROUNDS {
        let (name, mut input) = chance.choice(&examples).expect("examples").clone();
        for _ in 0..chance.usize(1..=MAX_DAMAGE) {
            let (_, other) = chance.choice(&examples).expect("examples");
            damage(&mut chance, &mut input, other);
        }
        let _shown = Shown(&name, &input);
        holds(&input);
    }
}

/// A stretch of a text, anywhere in it.
fn stretch(chance: &mut fastrand::Rng, length: usize) -> std::ops::Range<usize> {
    let (a, b) = (chance.usize(0..=length), chance.usize(0..=length));
    a.min(b)..a.max(b)
}

/// Does one thing to an input: flips, cuts, doubles, takes from another one, or puts in what is special.
fn damage(chance: &mut fastrand::Rng, input: &mut Vec<u8>, other: &[u8]) {
    let place = stretch(chance, input.len());
    match chance.u8(0..6) {
        0 if !input.is_empty() => {
            let at = chance.usize(0..input.len());
            input[at] ^= 1 << chance.u8(0..8);
        }
        1 => drop(input.drain(place)),
        2 => {
            let again = input[place.clone()].to_vec();
            input.splice(place.end..place.end, again);
        }
        3 => drop(input.splice(place, other[stretch(chance, other.len())].iter().copied())),
        4 => {
            let special = chance.choice(SPECIAL).unwrap_or_default();
            let end = place.start.saturating_add(chance.usize(0..4)).min(input.len());
            input.splice(place.start..end, special.bytes());
        }
        _ => input.truncate(place.end),
    }
}

#[test]
fn no_page_of_twitch_breaks_a_promise() {
    check("helix_page", promises::helix_page);
}

#[test]
fn no_answer_of_discord_breaks_a_promise() {
    check("discord_error", promises::discord_error);
}

#[test]
fn no_interaction_breaks_a_promise() {
    check("interaction", promises::interaction);
}

#[test]
fn nothing_that_is_typed_breaks_a_promise() {
    check("streamer_input", promises::streamer_input);
}

proptest::proptest! {
    #[test]
    fn whatever_is_typed_is_a_login_or_refused(typed in proptest::prelude::any::<String>()) {
        promises::streamer_input(typed.as_bytes());
    }

    #[test]
    fn a_login_is_found_in_whatever_is_typed_around_it(
        login in "[a-zA-Z0-9_]{1,25}", before in "(@|(https?://)?(www\\.|m\\.)?twitch\\.tv/)?", after in "(/\\PC{0,20})?",
    ) {
        let after = if before.ends_with('/') { after } else { String::new() };
        let read = Login::from_input(&format!(" {before}{login}{after} ")).expect("a login");
        proptest::prop_assert_eq!(read.as_str(), login.to_ascii_lowercase());
    }
}

/// A value somewhere in a value.
fn anywhere<'v>(chance: &mut fastrand::Rng, value: &'v mut Value) -> &'v mut Value {
    let inside = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    // The deeper, the likelier is what really matters: data, its options, and their values.
    if inside == 0 || chance.u8(0..6) == 0 {
        return value;
    }
    let at = chance.usize(0..inside);
    let next = match value {
        Value::Array(items) => items.get_mut(at),
        Value::Object(fields) => fields.values_mut().nth(at),
        _ => None,
    };
    anywhere(chance, next.expect("one of those that were counted"))
}

/// What may stand where something else is expected.
fn odd_value(chance: &mut fastrand::Rng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1e30),
        json!(""),
        json!("0"),
        json!([]),
        json!({}),
        json!(u64::MAX.to_string()),
        json!("\u{0}"),
        json!("x".repeat(7_000)),
        json!([{}]),
    ];
    chance.choice(odd).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn whatever_people_seem_to_ask_the_bot_goes_on() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    let examples = examples("interaction");
    let sound: Vec<Value> =
        examples.iter().filter_map(|(_, example)| serde_json::from_slice(example).ok()).collect();
    let mut chance = fastrand::Rng::with_seed(1);
    for round in 0..sound.len() + ODD_INTERACTIONS {
        let mut odd = sound[round % sound.len()].clone();
        if odd["guild_id"].is_string() {
            odd["guild_id"] = json!(cats.guild.to_string());
        }
        for _ in 0..usize::from(round >= sound.len()) * chance.usize(1..=MAX_DAMAGE) {
            *anywhere(&mut chance, &mut odd) = odd_value(&mut chance);
        }
        world.discord.send_interaction(cats.guild, odd);
        world.pass(Duration::from_millis(20)).await;
    }
    // A command of a kind that Discord does not send to this bot makes poise 0.7.1 panic, in a task of its own.
    // What they asked for in earnest was done, so the watch may be gone, but who asks now is answered.
    world.pass(Duration::from_secs(20)).await;
    world.follow(cats, "bob").await;
    assert!(world.list(cats).await.contains("bob"));
}
