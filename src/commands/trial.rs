//! What filters would do, in words.

use poise::serenity_prelude as serenity;

use super::held::{Told, held};
use super::{CommandError, reply};
use crate::control::{Asker, Control, TRIED, Trial, Tried, Whose};

/// Longest list of them, in the units of Discord's limits. With what is set and what is wrong it
/// stays below the 6,000 of all cards of a message (Discord, Message, "Embed Limits").
const MOST: usize = 1_700;

/// Streams that are named; the others are counted.
const NAMED: usize = 10;

/// What comes with an answer when filters were set. Somebody who `is_new` may be live, and has not been looked at yet.
pub(super) async fn card(
    control: &Control,
    asker: Asker,
    whose: &Whose,
    is_new: bool,
) -> Result<serenity::CreateEmbed, CommandError> {
    let trial = control.trial(asker, whose).await?;
    Ok(reply::embed().title("What that would do").description(words(&trial, is_new)))
}

/// Whom they would let through, and how often they would have done.
fn words(trial: &Trial, is_new: bool) -> String {
    let mut live: Vec<_> = trial.live.iter().take(NAMED).map(line).collect();
    if trial.live.len() > NAMED {
        live.push(format!("{} more are live.", trial.live.len() - NAMED));
    }
    let live = match (live.is_empty(), is_new) {
        (true, true) => "The next look at Twitch tells whether that is to be announced now.".to_owned(),
        (true, false) => "Nobody whom this is about is live now.".to_owned(),
        (false, _) => reply::fitting(&live, MOST),
    };
    let (announced, sessions, days) = (trial.announced, trial.sessions, TRIED.as_secs() / 86_400);
    let past = match sessions {
        0 => format!("No stream of the last {days} days is remembered to try this on."),
        1 => format!(
            "The one stream of the last {days} days would{} have been announced.",
            if announced == 1 { "" } else { " not" }
        ),
        _ if trial.is_cut => format!(
            "Of the latest {sessions} streams, all within the last {days} days, {announced} would have been announced."
        ),
        _ => format!(
            "Of the {sessions} streams of the last {days} days, {announced} would have been announced."
        ),
    };
    format!("{live}\n{past}")
}

fn line(tried: &Tried) -> String {
    let name = reply::name(&tried.stream.display_name);
    match tried.held_by {
        None => format!("✅ **{name}** is live and fits."),
        Some(by) => format!(
            "⏸️ **{name}** is live and held back: {}.",
            held(by, &tried.wanted, &tried.stream, Told::Now)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sessions: usize, is_cut: bool, expected: &str) {
        let trial = Trial { live: Vec::new(), sessions, is_cut, announced: 1 };
        let words = words(&trial, false);
        assert_eq!(words.lines().last(), Some(expected));
    }

    #[test]
    fn what_was_tried_is_said_as_it_was() {
        check(0, false, "No stream of the last 14 days is remembered to try this on.");
        check(1, false, "The one stream of the last 14 days would have been announced.");
        check(7, false, "Of the 7 streams of the last 14 days, 1 would have been announced.");
        check(
            600,
            true,
            "Of the latest 600 streams, all within the last 14 days, 1 would have been announced.",
        );
    }
}
