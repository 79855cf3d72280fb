//! What must have been announced, told from what really happened. It knows nothing of how the product decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::spine::Spine;
use super::{GRACE, INTERVAL};

/// A stream as it really was.
struct Real {
    began: Duration,
    ended: Option<Duration>,
    /// As Twitch writes it; every announcement carries it.
    started_at: String,
}

/// What really happened.
pub(super) struct Oracle {
    streams: BTreeMap<usize, Vec<Real>>,
    watched: BTreeSet<(usize, usize)>,
    ever_watched: BTreeSet<(usize, usize)>,
    blind: Vec<(Duration, Duration)>,
    /// When Twitch hid whom, and showed him again.
    hidden: BTreeMap<usize, Vec<(Duration, Duration)>>,
}

impl Oracle {
    pub(super) fn new() -> Self {
        Self {
            streams: BTreeMap::new(),
            watched: BTreeSet::new(),
            ever_watched: BTreeSet::new(),
            blind: Vec::new(),
            hidden: BTreeMap::new(),
        }
    }

    pub(super) fn begins(&mut self, who: usize, at: Duration, started_at: String) {
        self.streams.entry(who).or_default().push(Real { began: at, ended: None, started_at });
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

    /// In this time looks may have failed, or nobody looked.
    pub(super) fn blind(&mut self, from: Duration, to: Duration) {
        self.blind.push((from, to));
    }

    pub(super) fn hides(&mut self, who: usize, at: Duration) {
        self.hidden.entry(who).or_default().push((at, Duration::MAX));
    }

    pub(super) fn shows(&mut self, who: usize, at: Duration) {
        for (_, until) in self.hidden.entry(who).or_default().iter_mut().filter(|(_, until)| *until > at) {
            *until = at;
        }
    }

    /// Somebody whose stream ended a moment ago, if there is anybody.
    pub(super) fn just_gone(&self, now: Duration) -> Option<usize> {
        (0..self.streams.len()).find(|who| self.gap(*who, now).is_some_and(|gap| gap < GRACE / 2))
    }

    pub(super) fn watches(&self, server: usize, who: usize) -> bool {
        self.watched.contains(&(server, who))
    }

    pub(super) fn watch(&mut self, server: usize, who: usize) {
        self.watched.insert((server, who));
        self.ever_watched.insert((server, who));
    }

    pub(super) fn unwatch(&mut self, server: usize, who: usize) {
        self.watched.remove(&(server, who));
    }

    /// What is wrong with what was posted.
    pub(super) async fn judge(&self, spine: &Spine) -> Vec<String> {
        let mut complaints = Vec::new();
        for (server, (_, channel)) in spine.servers.iter().enumerate() {
            let mut posts: BTreeMap<(usize, String), usize> = BTreeMap::new();
            for message in spine.discord.messages(*channel) {
                let embed = &message.body["embeds"][0];
                let name = embed["url"].as_str().unwrap_or_default();
                let who = name
                    .rsplit("streamer")
                    .next()
                    .and_then(|number| number.parse().ok())
                    .unwrap_or(usize::MAX);
                let started_at = embed["timestamp"].as_str().unwrap_or_default().to_owned();
                *posts.entry((who, started_at)).or_default() += 1;
            }
            for ((who, started_at), count) in &posts {
                if !self.ever_watched.contains(&(server, *who)) {
                    complaints.push(format!("server {server} was told of {who}, whom it never watched"));
                }
                if *count > 1 {
                    complaints
                        .push(format!("server {server} was told {count} times of {who} at {started_at}"));
                }
            }
            for who in self.streams.keys() {
                self.judge_sessions(server, *who, &posts, &mut complaints);
            }
        }
        let undecided = spine.store().undecided().await.expect("a count");
        if undecided > 0 {
            complaints.push(format!("{undecided} deliveries are undecided"));
        }
        complaints
    }

    fn judge_sessions(
        &self,
        server: usize,
        who: usize,
        posts: &BTreeMap<(usize, String), usize>,
        complaints: &mut Vec<String>,
    ) {
        let streams = &self.streams[&who];
        let told = |real: &Real| posts.get(&(who, real.started_at.clone())).copied().unwrap_or(0);
        let mut session_posts = 0;
        let mut allowed = 1;
        for (index, real) in streams.iter().enumerate() {
            if let Some(ended) = index.checked_sub(1).and_then(|before| streams[before].ended) {
                if real.began - ended >= GRACE {
                    (session_posts, allowed) = (0, 1);
                } else if self.may_not_have_seen(who, ended, real.began) {
                    // Whoever saw nobody for so long cannot know that the gap was short.
                    allowed += 1;
                }
            }
            session_posts += told(real);
            if session_posts > allowed {
                complaints
                    .push(format!("server {server} was told {session_posts} times of one session of {who}"));
            }
        }
        let live = streams.last().is_some_and(|real| real.ended.is_none());
        if live && self.watches(server, who) && session_posts == 0 {
            complaints.push(format!("server {server} was not told of {who}, who is live"));
        }
    }

    /// Whether nobody may have been seen around a gap for so long that it may have looked like a long one.
    fn may_not_have_seen(&self, who: usize, from: Duration, to: Duration) -> bool {
        let hidden = self.hidden.get(&who).into_iter().flatten();
        // A look comes within an interval, and one that was missed by a moment within the next.
        let late = INTERVAL * 2;
        self.blind
            .iter()
            .chain(hidden)
            .any(|(begin, end)| *begin < to + late && end.saturating_add(late) > from)
    }
}
