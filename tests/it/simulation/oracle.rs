//! What must have been announced, told from what really happened. It knows nothing of how the product decides.

mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::GRACE;
use super::shows::{Show, Shows, Tastes};

/// How long after the bot was told that it is out of a server a message may still be on its way there.
const ON_ITS_WAY: Duration = Duration::from_secs(5);

/// The longest pause between two looks at somebody who is live: that of those of whom Twitch pushes.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A gap that is longer looks long, whatever the bot saw of it: it may have been away for the grace and the two minutes for
/// which it believes that it was not, and waits for the grace then.
const MAY_LOOK_SHORT: Duration = Duration::from_mins(7);

/// Invalid requests in one run at most. Discord bans who makes 10,000 in ten minutes; a run takes longer, and what three
/// servers cause, thousands of them cause as well. Most of these are errors that the simulation made up.
const MOST_INVALID: usize = 50;

/// A stream as it really was.
struct Real {
    began: Duration,
    ended: Option<Duration>,
    /// As Twitch writes it; every announcement carries it.
    started_at: String,
    shows: Shows,
}

/// Whether a server wants to hear about somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Yes,
    No,
    /// The command was not answered: it may have been done.
    Unknown,
}

/// Times in which something was so. The last one may be going on.
#[derive(Default)]
struct Spans(Vec<(Duration, Duration)>);

impl Spans {
    fn add(&mut self, from: Duration, to: Duration) {
        self.0.push((from, to));
    }

    fn begin(&mut self, at: Duration) {
        if self.0.last().is_none_or(|(_, until)| *until <= at) {
            self.0.push((at, Duration::MAX));
        }
    }

    fn end(&mut self, at: Duration) {
        for (_, until) in self.0.iter_mut().filter(|(_, until)| *until > at) {
            *until = at;
        }
    }

    fn goes_on(&self) -> bool {
        self.0.last().is_some_and(|(_, until)| *until == Duration::MAX)
    }

    /// Whether it was so at some time between these, or up to `late` before or after.
    fn touch(&self, from: Duration, to: Duration, late: Duration) -> bool {
        self.0.iter().any(|(begin, end)| *begin < to + late && end.saturating_add(late) > from)
    }
}

/// A time in which the bot was not in a server.
pub(super) struct Absence {
    pub(super) server: usize,
    pub(super) since: Duration,
    /// Since when the bot knows.
    pub(super) told: Option<Duration>,
    pub(super) back: Option<Duration>,
}

/// A message as somebody in the server sees it.
pub(super) struct Shown {
    pub(super) who: usize,
    /// When the stream began that it is about, as Twitch writes it.
    pub(super) started_at: String,
    /// When it appeared.
    pub(super) at: Duration,
    pub(super) title: String,
    pub(super) category: String,
    /// Whether it says that the stream is over.
    pub(super) is_over: bool,
    /// Whether it is still there.
    pub(super) stands: bool,
    /// Whether its channel is deleted since. Nobody sees it any more, and when the bot cannot know either whether it was
    /// there, the server is told once more, in the channel that it has now.
    pub(super) deleted: bool,
}

/// What there is to judge.
pub(super) struct Evidence {
    /// The messages by server, also those in channels that were deleted since.
    pub(super) shown: Vec<Vec<Shown>>,
    /// By server, when messages were posted there, accepted or not.
    pub(super) posted: Vec<Vec<Duration>>,
    pub(super) invalid: usize,
    pub(super) undecided: usize,
    /// Everything that was ever owed.
    pub(super) deliveries: usize,
    /// What the admins are still to be told.
    pub(super) untold: usize,
}

/// What really happened.
#[derive(Default)]
pub(super) struct Oracle {
    streams: BTreeMap<usize, Vec<Real>>,
    wishes: BTreeMap<(usize, usize), Wish>,
    ever_wished: BTreeSet<(usize, usize)>,
    /// Since when a server that wants to hear about somebody has wanted it without a break.
    watched_since: BTreeMap<(usize, usize), Duration>,
    pub(super) tastes: Tastes,
    /// When looks may have failed, or nobody looked.
    blind: Spans,
    /// When Twitch hid whom.
    hidden: BTreeMap<usize, Spans>,
    /// When no server that the bot was in wanted to hear about whom, so that nobody looked.
    unwanted: BTreeMap<usize, Spans>,
    /// When the bot lacked rights in a server's channel.
    denied: BTreeMap<usize, Spans>,
    /// When a server had no channel for announcements any more.
    homeless: BTreeMap<usize, Spans>,
    pub(super) absences: Vec<Absence>,
}

impl Oracle {
    pub(super) fn begins(&mut self, who: usize, at: Duration, started_at: String) {
        self.streams.entry(who).or_default().push(Real {
            began: at,
            ended: None,
            started_at,
            shows: Shows::default(),
        });
    }

    /// What somebody who is live shows from now on.
    pub(super) fn shows_this(&mut self, who: usize, at: Duration, show: Show) {
        if let Some(stream) = self.streams.entry(who).or_default().last_mut() {
            stream.shows.shows(at, show);
        }
    }

    pub(super) fn ends(&mut self, who: usize, at: Duration) {
        if let Some(stream) = self.streams.entry(who).or_default().last_mut() {
            stream.ended = Some(at);
        }
    }

    pub(super) fn knows_start(&self, who: usize, started_at: &str) -> bool {
        self.streams.get(&who).is_some_and(|streams| streams.iter().any(|real| real.started_at == started_at))
    }

    /// How long somebody has been gone.
    pub(super) fn gap(&self, who: usize, now: Duration) -> Option<Duration> {
        Some(now - self.streams.get(&who)?.last()?.ended?)
    }

    /// Somebody whose stream ended a moment ago, if there is anybody.
    pub(super) fn just_gone(&self, now: Duration) -> Option<usize> {
        let mut all = self.streams.keys().copied();
        all.find(|who| self.gap(*who, now).is_some_and(|gap| gap < GRACE / 2))
    }

    /// In this time looks may have failed, or nobody looked.
    pub(super) fn blind(&mut self, from: Duration, to: Duration) {
        self.blind.add(from, to);
    }

    /// Until when looks may fail, as far as is known by then.
    pub(super) fn blind_until(&self, at: Duration) -> Duration {
        self.blind.0.iter().map(|(_, until)| *until).max().unwrap_or_default().max(at)
    }

    pub(super) fn hides(&mut self, who: usize, at: Duration) {
        self.hidden.entry(who).or_default().begin(at);
    }

    pub(super) fn shows(&mut self, who: usize, at: Duration) {
        self.hidden.entry(who).or_default().end(at);
    }

    /// The bot lacks rights in a server's channel, or has them again.
    pub(super) fn denies(&mut self, server: usize, at: Duration) {
        self.denied.entry(server).or_default().begin(at);
    }

    pub(super) fn allows(&mut self, server: usize, at: Duration) {
        self.denied.entry(server).or_default().end(at);
    }

    pub(super) fn loses_channel(&mut self, server: usize, at: Duration) {
        self.homeless.entry(server).or_default().begin(at);
    }

    pub(super) fn has_channel(&mut self, server: usize, at: Duration) {
        self.homeless.entry(server).or_default().end(at);
    }

    pub(super) fn wish(&self, server: usize, who: usize) -> Wish {
        self.wishes.get(&(server, who)).copied().unwrap_or(Wish::No)
    }

    pub(super) fn wishes(&mut self, server: usize, who: usize, wish: Wish, at: Duration) {
        let before = self.wishes.insert((server, who), wish);
        if before != Some(wish) {
            self.watched_since.insert((server, who), at);
        }
        if wish != Wish::No {
            self.ever_wished.insert((server, who));
        }
        self.count_the_wanted(who, at);
    }

    /// The bot is removed from a server, or is back.
    pub(super) fn leaves(&mut self, server: usize, at: Duration) {
        self.absences.push(Absence { server, since: at, told: None, back: None });
        (0..super::STREAMERS).for_each(|who| self.count_the_wanted(who, at));
    }

    pub(super) fn returns(&mut self, server: usize, at: Duration) {
        for absence in self.absences.iter_mut().filter(|absence| absence.server == server) {
            absence.back.get_or_insert(at);
        }
        (0..super::STREAMERS).for_each(|who| self.count_the_wanted(who, at));
    }

    pub(super) fn is_gone(&self, server: usize) -> bool {
        self.absences.iter().any(|absence| absence.server == server && absence.back.is_none())
    }

    /// Whether a server has no channel, as far as the bot has been told and has answered.
    pub(super) fn is_homeless(&self, server: usize) -> bool {
        self.homeless.get(&server).is_some_and(Spans::goes_on)
    }

    /// Whether the bot lacks rights in a server's channel, or there is none.
    pub(super) fn is_refused(&self, server: usize) -> bool {
        self.denied.get(&server).is_some_and(Spans::goes_on) || self.is_homeless(server)
    }

    fn count_the_wanted(&mut self, who: usize, at: Duration) {
        let wanted =
            (0..super::SERVERS).any(|server| self.wish(server, who) == Wish::Yes && !self.is_gone(server));
        let spans = self.unwanted.entry(who).or_default();
        if wanted { spans.end(at) } else { spans.begin(at) }
    }

    /// Who should have been announced by now and was not.
    pub(super) fn missing(&self, evidence: &Evidence, now: Duration) -> Vec<String> {
        let mut complaints = Vec::new();
        for (server, shown) in evidence.shown.iter().enumerate() {
            for (who, streams) in &self.streams {
                let Some(session) = self.sessions(*who).pop() else { continue };
                let first = &streams[session[0]];
                let live = streams.last().is_some_and(|real| real.ended.is_none());
                let taken = streams.last().and_then(|real| real.shows.last());
                let taste = self.tastes.now(server, *who);
                let wanted = self.wish(server, *who) == Wish::Yes
                    && !self.is_gone(server)
                    && taken.is_some_and(|(_, show)| taste.surely_takes(show));
                let session = self.with_what_may_be_the_same(*who, session);
                let told = shown.iter().any(|shown| {
                    shown.who == *who
                        && session.iter().any(|index| streams[*index].started_at == shown.started_at)
                });
                if live && wanted && !told && !self.was_homeless(server, first.began, now) {
                    complaints.push(format!("server {server} was not told of {who}, who is live"));
                }
            }
        }
        complaints
    }

    /// What is wrong with what was shown and sent.
    pub(super) fn judge(&self, evidence: &Evidence) -> Vec<String> {
        let mut complaints = Vec::new();
        for (server, shown) in evidence.shown.iter().enumerate() {
            let mut told: BTreeMap<(usize, &str), Vec<&Shown>> = BTreeMap::new();
            for shown in shown {
                told.entry((shown.who, &shown.started_at)).or_default().push(shown);
            }
            for ((who, started_at), messages) in &told {
                if !self.ever_wished.contains(&(server, *who)) {
                    complaints.push(format!("server {server} was told of {who}, whom it never wanted"));
                }
                let times = messages.iter().filter(|message| !message.deleted).count();
                if times > 1 {
                    complaints
                        .push(format!("server {server} was told {times} times of {who} at {started_at}"));
                }
            }
            for shown in shown.iter().filter(|shown| !self.may_have_been_wanted(server, shown)) {
                let Shown { who, started_at, .. } = shown;
                complaints.push(format!(
                    "server {server} was told of {who} at {started_at}, which its filter holds back"
                ));
            }
            for who in self.streams.keys() {
                complaints.extend(self.repeated(server, *who, shown));
            }
        }
        for absence in &self.absences {
            let Some(told) = absence.told else { continue };
            let back = absence.back.unwrap_or(Duration::MAX);
            let late = |at: &&Duration| **at > told + ON_ITS_WAY && **at < back;
            if let Some(at) = evidence.posted[absence.server].iter().find(late) {
                let (server, late) = (absence.server, *at - told);
                complaints.push(format!("server {server} was written to {late:?} after it removed the bot"));
            }
        }
        if evidence.invalid > MOST_INVALID {
            complaints.push(format!("{} invalid requests", evidence.invalid));
        }
        if evidence.undecided > 0 {
            complaints.push(format!("{} deliveries are undecided", evidence.undecided));
        }
        // Nobody is owed one stream twice, whatever happens, so the outbox cannot grow without bound.
        let streams: usize = self.streams.values().map(Vec::len).sum();
        if evidence.deliveries > streams * super::SERVERS {
            complaints.push(format!("{} deliveries of {streams} streams", evidence.deliveries));
        }
        if evidence.untold > 0 {
            complaints.push(format!("{} notices wait although nothing is in their way", evidence.untold));
        }
        complaints
    }

    /// The streams of somebody by session: those between which the gap was short belong together.
    fn sessions(&self, who: usize) -> Vec<Vec<usize>> {
        let mut sessions: Vec<Vec<usize>> = Vec::new();
        let streams = self.streams.get(&who).map(Vec::as_slice).unwrap_or_default();
        for (index, real) in streams.iter().enumerate() {
            let ended = index.checked_sub(1).and_then(|before| streams[before].ended);
            match sessions.last_mut() {
                Some(session) if ended.is_some_and(|ended| real.began - ended < GRACE) => session.push(index),
                _ => sessions.push(vec![index]),
            }
        }
        sessions
    }

    /// A session, with the streams before it that may belong to it for all that the bot can know: the gap was long, but in a
    /// part of it nobody looked.
    fn with_what_may_be_the_same(&self, who: usize, session: Vec<usize>) -> Vec<usize> {
        let streams = &self.streams[&who];
        let mut first = session[0];
        while let Some(before) = first.checked_sub(1)
            && self.may_look_short(streams, before)
        {
            first = before;
        }
        (first..session[0]).chain(session).collect()
    }

    /// Whether the gap after one of these streams may look to the bot as if it were short.
    fn may_look_short(&self, streams: &[Real], index: usize) -> bool {
        let (Some(ended), Some(next)) = (streams[index].ended, streams.get(index + 1)) else { return false };
        let is_short = next.began.saturating_sub(ended) < MAY_LOOK_SHORT;
        is_short && self.blind.touch(ended, next.began, Duration::ZERO)
    }

    /// The sessions of somebody of which a server was told more than once without a reason.
    fn repeated(&self, server: usize, who: usize, shown: &[Shown]) -> Vec<String> {
        let streams = &self.streams[&who];
        let mut complaints = Vec::new();
        for session in self.sessions(who) {
            let about = |shown: &&Shown| {
                shown.who == who
                    && !shown.deleted
                    && session.iter().any(|index| streams[*index].started_at == shown.started_at)
            };
            let told = shown.iter().filter(about).count();
            // Whoever saw nobody for so long cannot know that the gap was short.
            let unseen = session.windows(2).filter(|pair| {
                let ended = streams[pair[0]].ended.unwrap_or_default();
                self.may_not_have_seen(who, ended, streams[pair[1]].began)
            });
            if told > 1 + unseen.count() {
                complaints.push(format!("server {server} was told {told} times of one session of {who}"));
            }
        }
        complaints
    }

    /// Whether a server had no channel for announcements at some time between these.
    fn was_homeless(&self, server: usize, from: Duration, to: Duration) -> bool {
        self.homeless.get(&server).is_some_and(|spans| spans.touch(from, to, Duration::ZERO))
    }

    /// Whether nobody may have been seen around a gap for so long that it may have looked like a long one.
    fn may_not_have_seen(&self, who: usize, from: Duration, to: Duration) -> bool {
        // A look comes within the pause, and one that was missed by a moment within the next.
        let late = LONGEST_PAUSE * 2;
        let touches = |spans: Option<&Spans>| spans.is_some_and(|spans| spans.touch(from, to, late));
        touches(Some(&self.blind)) || touches(self.hidden.get(&who)) || touches(self.unwanted.get(&who))
    }
}
