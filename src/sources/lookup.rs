//! Looks up what was heard of: Twitch pushes that a stream has begun, but not what it is, and its list shows it up to a minute
//! later. So the list is asked again and again; and when it takes too long, the stream is told of with what its channel says.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::conduit::MAX_WAITING;
use super::pace::Pace;
use crate::clock::Clock;
use crate::domain::{
    BroadcasterId, Channel, Happening, Observation, Online, Seen, Sighting, Source, Stream, Timestamp,
};
use crate::store::Store;
use crate::twitch::{Helix, MAX_IDS};

/// When the list is asked for a stream, counted from when it was heard of. It is a minute late at most, as a rule; a stream that
/// it does not show after the last of these is one that the poll would not have seen either.
const LOOKS: [Duration; 9] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
];

/// What is due so soon is looked for together with what is due now, after the first look: that one shall not wait.
const TOGETHER: Duration = Duration::from_secs(1);

/// Looks under way at most: as many as the poll has, so that a slow Twitch is not asked more and more.
const LOOKS_AT_ONCE: usize = 4;

/// A stream that began so long ago and is not listed is over, as a rule: nobody is told of it, whatever was heard.
const LISTED_AFTER: Duration = Duration::from_mins(1);

/// How long it is waited until what was told of is remembered; else it is told of again.
const REMEMBERED_WITHIN: Duration = Duration::from_secs(5);

/// Requests for channels under way at most. What becomes due meanwhile shares the next one.
const TELLINGS_AT_ONCE: usize = 2;

/// How long the channel's title and category are waited for. Without them the message says less, and still in time.
const CHANNEL_WITHIN: Duration = Duration::from_secs(2);

/// A stream that was heard of and is not remembered yet as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Candidate {
    online: Online,
    heard_at: Timestamp,
    /// How often it was looked for.
    looks: usize,
    is_looked_for: bool,
    /// Whether the last look got an answer.
    is_answered: bool,
    /// Whether the list has shown it. What follows from that may still get lost on the way to the store.
    is_listed: bool,
    /// When it was last told of, or began to be.
    told_at: Option<Timestamp>,
}

impl Candidate {
    fn next_look(&self) -> Option<Timestamp> {
        LOOKS.get(self.looks).filter(|_| !self.is_looked_for).map(|after| self.heard_at.after(*after))
    }

    /// When it is told of without being listed, if it still may be then.
    fn telling(&self, wait: Duration, now: Timestamp) -> Option<Timestamp> {
        let at = self.told_at.map_or(self.heard_at.after(wait), |told_at| told_at.after(REMEMBERED_WITHIN));
        let is_young = at.max(now).since(self.online.started_at) < LISTED_AFTER;
        (is_young && !self.is_listed).then_some(at)
    }
}

/// What a request came to.
enum Answer {
    /// A look at these, and who of them is listed; nothing when Twitch did not answer.
    Looked(BTreeSet<BroadcasterId>, Option<Vec<Stream>>),
    /// What these channels say of themselves.
    Channels(Vec<Channel>),
}

/// Looks up streams that were heard of.
#[derive(Debug)]
pub struct Lookup {
    /// What is known already.
    pub store: Store,
    /// Whom to ask.
    pub helix: Helix,
    /// The time.
    pub clock: Clock,
    /// How long a stream may take to be listed before it is told of with what its channel says.
    pub enrich_wait: Duration,
    /// Who hears: what is seen because of it is seen by that one.
    pub source: Source,
    /// What was heard.
    pub heard: mpsc::Receiver<Online>,
    /// Where it is said what was heard.
    pub happenings: mpsc::Sender<Happening>,
    /// Where observations go.
    pub observations: mpsc::Sender<Observation>,
}

/// The requests under way.
type UnderWay = FuturesUnordered<BoxFuture<'static, Answer>>;

impl Lookup {
    /// Looks up what is heard until `stop`, or until nothing more can be heard.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look_for_ever() => {}
        }
    }

    async fn look_for_ever(&mut self) {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut pace = Pace::new(self.clock.now());
        let (mut looks, mut tellings) = (UnderWay::new(), UnderWay::new());
        loop {
            if candidates.len() >= MAX_WAITING {
                self.make_room(&mut candidates);
            }
            let next_look = self.begin_looks(&mut candidates, &mut pace, &looks);
            let next_telling = self.begin_tellings(&mut candidates, &mut pace, &tellings);
            let next = next_look.into_iter().chain(next_telling).min();
            let pause = async {
                match next {
                    Some(due) => tokio::time::sleep(self.clock.until(due)).await,
                    None => std::future::pending().await,
                }
            };
            let answer = tokio::select! {
                heard = self.heard.recv(), if candidates.len() < MAX_WAITING => match heard {
                    Some(heard) => {
                        self.take(&mut candidates, heard);
                        continue;
                    }
                    None => return,
                },
                Some(answer) = looks.next(), if !looks.is_empty() => answer,
                Some(answer) = tellings.next(), if !tellings.is_empty() => answer,
                () = pause => continue,
            };
            let sightings = match answer {
                Answer::Looked(asked, listed) => self.listed(&mut candidates, &asked, listed),
                Answer::Channels(channels) => told(&candidates, channels),
            };
            if !sightings.is_empty() {
                let observation = Observation { source: self.source, at: self.clock.now(), sightings };
                // The pipeline ends only when the program stops.
                let _ = self.observations.send(observation).await;
            }
        }
    }

    fn take(&self, candidates: &mut Vec<Candidate>, heard: Online) {
        // Messages come twice, and for streams that the poll was quicker to see.
        let is_known = self.remembered(&heard) == Some(true);
        let waits = candidates.iter().any(|candidate| candidate.online.stream == heard.stream);
        if heard.is_live && !is_known && !waits {
            let happening = Happening::Heard { stream: heard.stream.clone(), at: self.clock.now() };
            // What does not fit is not counted.
            let _ = self.happenings.try_send(happening);
            candidates.push(Candidate {
                online: heard,
                heard_at: self.clock.now(),
                looks: 0,
                is_looked_for: false,
                is_answered: false,
                is_listed: false,
                told_at: None,
            });
        }
    }

    /// Whether a stream is remembered, and then whether the list has shown it.
    fn remembered(&self, online: &Online) -> Option<bool> {
        self.store.board().with(|open| {
            let session = open.get(&online.broadcaster).filter(|session| session.has(&online.stream));
            session.map(|session| session.stream.is_shown())
        })
    }

    /// Who is remembered as listed is looked for no longer; what did not arrive in the store is looked for again.
    fn make_room(&self, candidates: &mut Vec<Candidate>) {
        candidates.retain(|candidate| self.remembered(&candidate.online) != Some(true));
    }

    /// Looks for everybody who is due, a hundred a request. Returns when it is to be called again.
    fn begin_looks(
        &self,
        candidates: &mut Vec<Candidate>,
        pace: &mut Pace,
        under_way: &UnderWay,
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        while under_way.len() < LOOKS_AT_ONCE {
            let next = candidates.iter().filter_map(Candidate::next_look).min()?;
            if next > now {
                return Some(next);
            }
            let before = candidates.len();
            self.make_room(candidates);
            if candidates.len() < before {
                continue;
            }
            if let Err(until) = pace.take(now, self.helix.points_per_minute()) {
                return Some(until);
            }
            let soon = now.after(TOGETHER);
            let mut asked = BTreeSet::new();
            for candidate in candidates.iter_mut() {
                let is_due = candidate.next_look().is_some_and(|due| due <= soon);
                if is_due && asked.len() < MAX_IDS {
                    asked.insert(candidate.online.broadcaster.clone());
                    candidate.is_looked_for = true;
                    candidate.looks += 1;
                }
            }
            let helix = self.helix.clone();
            under_way.push(Box::pin(async move {
                let ids: Vec<BroadcasterId> = asked.iter().cloned().collect();
                let listed = match helix.streams(&ids).await {
                    Ok(found) => Some(found.live),
                    Err(error) => {
                        tracing::warn!(%error, "what was heard of could not be looked up; trying again");
                        None
                    }
                };
                Answer::Looked(asked, listed)
            }));
        }
        None
    }

    /// Asks what the channels of those say who are not listed in time. Returns when it is to be called again.
    fn begin_tellings(
        &self,
        candidates: &mut [Candidate],
        pace: &mut Pace,
        under_way: &UnderWay,
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        while under_way.len() < TELLINGS_AT_ONCE {
            let telling = |candidate: &Candidate| candidate.telling(self.enrich_wait, now);
            let next = candidates.iter().filter_map(telling).min()?;
            if next > now {
                return Some(next);
            }
            let mut asked = BTreeSet::new();
            for candidate in candidates.iter_mut() {
                if asked.len() < MAX_IDS && telling(candidate).is_some_and(|due| due <= now) {
                    candidate.told_at = Some(now);
                    if self.remembered(&candidate.online).is_none() {
                        asked.insert(candidate.online.broadcaster.clone());
                    }
                }
            }
            if asked.is_empty() {
                continue;
            }
            // Rather less is said than later.
            let helix = pace.take(now, self.helix.points_per_minute()).is_ok().then(|| self.helix.clone());
            under_way.push(Box::pin(async move { Answer::Channels(channels(helix, asked).await) }));
        }
        None
    }

    /// What a look has shown. Who was looked for often enough is not any longer.
    fn listed(
        &self,
        candidates: &mut Vec<Candidate>,
        asked: &BTreeSet<BroadcasterId>,
        listed: Option<Vec<Stream>>,
    ) -> Vec<Sighting> {
        let is_answered = listed.is_some();
        let listed = listed.unwrap_or_default();
        candidates.retain_mut(|candidate| {
            let Online { broadcaster, stream, .. } = &candidate.online;
            candidate.is_listed |= listed.iter().any(|listed| listed.id == *stream);
            if asked.contains(broadcaster) {
                candidate.is_looked_for = false;
                candidate.is_answered = is_answered;
            }
            let goes_on = candidate.is_looked_for || candidate.next_look().is_some();
            if !goes_on && candidate.is_answered && !candidate.is_listed {
                tracing::warn!(%broadcaster, %stream, "Twitch told of a stream and does not show it");
                let _ = self.happenings.try_send(Happening::NeverShown);
            }
            goes_on
        });
        // Twitch lists somebody twice now and then; the first one counts.
        let mut seen = BTreeSet::new();
        let once = listed.into_iter().filter(|stream| seen.insert(stream.broadcaster.clone()));
        once.map(|stream| Sighting {
            broadcaster: stream.broadcaster.clone(),
            seen: Seen::Live(Box::new(stream)),
        })
        .collect()
    }
}

/// What these channels say of themselves: nothing but whose they are when there is nobody to ask or no answer in time.
async fn channels(helix: Option<Helix>, asked: BTreeSet<BroadcasterId>) -> Vec<Channel> {
    let ids: Vec<BroadcasterId> = asked.iter().cloned().collect();
    let answer = match helix {
        Some(helix) => tokio::time::timeout(CHANNEL_WITHIN, helix.channels(&ids)).await.ok(),
        None => None,
    };
    let channels = answer.and_then(Result::ok).unwrap_or_default();
    let mut known: HashMap<BroadcasterId, Channel> =
        channels.into_iter().map(|channel| (channel.broadcaster.clone(), channel)).collect();
    let bare =
        |broadcaster| Channel { broadcaster, title: None, category: None, tags: Vec::new(), language: None };
    asked.into_iter().map(|id| known.remove(&id).unwrap_or_else(|| bare(id))).collect()
}

/// Those of the streams that are still not listed, with what their channels say.
fn told(candidates: &[Candidate], channels: Vec<Channel>) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for Channel { broadcaster, title, category, tags, language } in channels {
        let is_told = |one: &&Candidate| one.told_at.is_some() && !one.is_listed;
        let told = candidates.iter().filter(|one| one.online.broadcaster == broadcaster).filter(is_told);
        // Of two the later one is on.
        let Some(latest) = told.max_by_key(|one| one.online.started_at) else { continue };
        let online = latest.online.clone();
        let stream = Stream {
            id: online.stream,
            broadcaster: broadcaster.clone(),
            login: online.login,
            display_name: online.display_name,
            title,
            category,
            viewers: None,
            started_at: online.started_at,
            thumbnail: None,
            tags,
            language,
        };
        sightings.push(Sighting { broadcaster, seen: Seen::Told(Box::new(stream)) });
    }
    sightings
}
