//! Trying filters out: whom they would let through who is live now, and how often they would have done in the last two weeks.

use std::collections::HashMap;
use std::time::Duration;

use super::{Asker, Control, Denied, Whose};
use crate::audience::{self, Patterns};
use crate::domain::{BroadcasterId, HeldBy, Preferences, Stream, WatchKey};
use crate::store::MAX_TRIED;

/// How far back filters are tried: as long as titles and categories are remembered.
pub const TRIED: Duration = Duration::from_hours(14 * 24);

/// What filters would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// Who of those they are about is live now.
    pub live: Vec<Tried>,
    /// How many streams there were in the time that is looked back.
    pub sessions: usize,
    /// Whether there were more, so that these are the latest of them.
    pub is_cut: bool,
    /// How many of them would have been announced, at their start or later.
    pub announced: usize,
}

/// A stream on which filters were tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tried {
    /// The stream as it was last seen.
    pub stream: Stream,
    /// What is wanted of it.
    pub wanted: Preferences,
    /// The filter that holds it back, if one does.
    pub held_by: Option<HeldBy>,
}

impl Control {
    /// Tries the filters that are set on what is on, and on what was.
    pub async fn trial(&self, asker: Asker, whose: &Whose) -> Result<Trial, Denied> {
        asker.must_manage()?;
        let streamer = self.whose(asker.guild, whose).await?.map(|profile| profile.broadcaster);
        let wanted = self.wanted_of(asker, streamer.as_ref()).await?;
        let since = self.clock.now().before(TRIED);
        let past = self.store.past_sessions(asker.guild, streamer, since).await?;
        let mut patterns = Patterns::default();
        let mut live = Vec::new();
        for (broadcaster, wanted) in &wanted {
            if let Some(now) = self.store.board().live(broadcaster) {
                let held_by = audience::held_by(wanted, &now.stream, &mut patterns);
                live.push(Tried { stream: now.stream, wanted: wanted.clone(), held_by });
            }
        }
        live.sort_by(|a, b| a.stream.login.cmp(&b.stream.login));
        let usual = Preferences::default();
        let announced = past.iter().filter(|session| {
            let wanted = wanted.get(&session.broadcaster).unwrap_or(&usual);
            session.seen.iter().any(|stream| audience::held_by(wanted, stream, &mut patterns).is_none())
        });
        let (sessions, announced) = (past.len(), announced.count());
        Ok(Trial { live, sessions, is_cut: sessions >= MAX_TRIED, announced })
    }

    /// What counts for each streamer that this is about.
    async fn wanted_of(
        &self,
        asker: Asker,
        streamer: Option<&BroadcasterId>,
    ) -> Result<HashMap<BroadcasterId, Preferences>, Denied> {
        let guild = asker.guild;
        let broadcasters = match streamer {
            Some(streamer) => vec![streamer.clone()],
            None => self.store.watched(guild).await?.into_iter().map(|profile| profile.broadcaster).collect(),
        };
        let keys = broadcasters.into_iter().map(|broadcaster| WatchKey { guild, broadcaster }).collect();
        let watches = self.store.watches(keys).await?;
        Ok(watches.into_iter().map(|watch| (watch.key.broadcaster, watch.preferences)).collect())
    }
}
