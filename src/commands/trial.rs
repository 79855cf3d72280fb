//! What filters would do, in words.

use super::held::{Told, held};
use super::reply;
use crate::control::{TRIED, Trial, Tried};

/// Streams that are named; the others are counted.
const NAMED: usize = 10;

/// Whom they would let through, and how often they would have done.
pub(super) fn words(trial: &Trial) -> String {
    let mut lines: Vec<_> = trial.live.iter().take(NAMED).map(line).collect();
    if trial.live.len() > NAMED {
        lines.push(format!("{} more are live.", trial.live.len() - NAMED));
    }
    if lines.is_empty() {
        lines.push("Nobody whom this is about is live now.".to_owned());
    }
    let (announced, sessions, days) = (trial.announced, trial.sessions, TRIED.as_secs() / 86_400);
    lines.push(match sessions {
        0 => format!("No stream of the last {days} days is remembered to try this on."),
        1 => format!(
            "The one stream of the last {days} days would{} have been announced.",
            if announced == 1 { "" } else { " not" }
        ),
        _ => format!(
            "Of the {sessions} streams of the last {days} days, {announced} would have been announced."
        ),
    });
    lines.join("\n")
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
