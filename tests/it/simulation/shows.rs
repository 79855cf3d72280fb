//! What streams show, and what servers want to hear of that: as it really was, whatever the product saw.

use std::collections::BTreeMap;
use std::time::Duration;

/// The word that a title has, or has not.
pub(super) const WORD: &str = "Speedrun";

/// What else a title begins with.
const OTHER_WORD: &str = "Chatting";

/// What is played.
pub(super) const CATEGORIES: [&str; 2] = ["Celeste", "Hades"];

/// How long what was seen may wait to be decided upon, with what is wanted by then: as long as the database refuses.
const DECIDED_LATE: Duration = Duration::from_secs(45);

/// What a stream shows until it shows something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Show {
    /// Whether [`WORD`] stands in the title.
    pub(super) has_word: bool,
    /// Counts what somebody has shown, in the title: what is newer has the higher number.
    pub(super) number: u32,
    pub(super) category: &'static str,
    /// Nobody wants to hear of these.
    pub(super) is_rerun: bool,
}

impl Show {
    pub(super) fn title(&self) -> String {
        format!("{} {}", if self.has_word { WORD } else { OTHER_WORD }, self.number)
    }

    pub(super) fn tags(&self) -> &'static [&'static str] {
        if self.is_rerun { &["Rerun"] } else { &[] }
    }
}

/// The number in a title.
pub(super) fn number(title: &str) -> Option<u32> {
    title.rsplit(' ').next()?.parse().ok()
}

/// What a server wants to hear of somebody's streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taste {
    Everything,
    /// Only those with [`WORD`].
    Word,
    /// A command was not answered: one of the two.
    Unknown,
}

impl Taste {
    /// Whether that must be announced.
    pub(super) fn surely_takes(self, show: &Show) -> bool {
        !show.is_rerun && (self == Self::Everything || show.has_word)
    }

    /// Whether that may be announced.
    fn perhaps_takes(self, show: &Show, is_seen: bool) -> bool {
        !(show.is_rerun && is_seen) && (self != Self::Word || show.has_word)
    }
}

/// What was so since when, each until the next.
type History<T> = Vec<(Duration, T)>;

/// The times of a history, each with what was so, the last one without an end.
fn spans<T>(history: &[(Duration, T)]) -> impl Iterator<Item = (Duration, Duration, &T)> {
    let ends = history.iter().skip(1).map(|(since, _)| *since).chain([Duration::MAX]);
    history.iter().zip(ends).map(|((since, what), until)| (*since, until, what))
}

/// What a stream has shown.
#[derive(Default)]
pub(super) struct Shows(History<Show>);

impl Shows {
    pub(super) fn shows(&mut self, at: Duration, show: Show) {
        self.0.push((at, show));
    }

    /// What it showed last, and since when.
    pub(super) fn last(&self) -> Option<&(Duration, Show)> {
        self.0.last()
    }

    pub(super) fn has_title(&self, title: &str) -> bool {
        self.0.iter().any(|(_, show)| show.title() == title)
    }
}

/// What servers want to hear of whom.
#[derive(Default)]
pub(super) struct Tastes(BTreeMap<(usize, usize), History<Taste>>);

impl Tastes {
    pub(super) fn now(&self, server: usize, who: usize) -> Taste {
        let last = self.0.get(&(server, who)).and_then(|history| history.last());
        last.map_or(Taste::Everything, |(_, taste)| *taste)
    }

    pub(super) fn becomes(&mut self, server: usize, who: usize, at: Duration, taste: Taste) {
        if self.now(server, who) != taste {
            let history =
                self.0.entry((server, who)).or_insert_with(|| vec![(Duration::ZERO, Taste::Everything)]);
            history.push((at, taste));
        }
    }

    /// Whether a stream was, before this time, such that a server may have wanted to hear of it. One of which Twitch only told
    /// that it began, and which could not be looked at, may be a rerun for all anybody knows.
    pub(super) fn may_have_taken(
        &self,
        (server, who): (usize, usize),
        shows: &Shows,
        is_seen: bool,
        before: Duration,
    ) -> bool {
        let always = [(Duration::ZERO, Taste::Everything)];
        let tastes = self.0.get(&(server, who)).map_or(&always[..], Vec::as_slice);
        spans(&shows.0).any(|(shown, changed, show)| {
            spans(tastes).any(|(since, until, taste)| {
                let from = shown.max(since);
                taste.perhaps_takes(show, is_seen)
                    && from <= before
                    && from < changed.min(until).saturating_add(DECIDED_LATE)
            })
        })
    }
}
