//! How messages have to read when everything is over, and which of them were wanted at all.

use std::time::Duration;

use super::{LONGEST_PAUSE, Oracle, Real, Shown, Wish};

/// How a message ends its title of a stream that could not be looked at.
const UNTITLED: &str = "ive on Twitch";

/// How long the product looks for a stream that it is told of before it believes it unseen.
const LOOKED_UP: Duration = Duration::from_mins(1);

impl Oracle {
    /// Whether an announcement that has stood there since then had to be brought up to date ever since: nobody gave up the
    /// streamer meanwhile, or removed the bot.
    pub(in crate::simulation) fn is_kept_up_to_date(&self, server: usize, shown: &Shown) -> bool {
        let since = shown.at;
        let watched = self.watched_since.get(&(server, shown.who)).is_some_and(|from| *from <= since);
        let left = |absence: &super::Absence| {
            absence.server == server && absence.back.is_none_or(|back| back > since)
        };
        shown.stands
            && watched
            && self.wish(server, shown.who) == Wish::Yes
            && !self.absences.iter().any(left)
    }

    /// What is wrong with an announcement that stands, when `on_end` was wanted.
    pub(in crate::simulation) fn misread(
        &self,
        server: usize,
        shown: &Shown,
        on_end: &str,
    ) -> Option<String> {
        if shown.deleted || !self.is_kept_up_to_date(server, shown) {
            return None;
        }
        let streams = self.streams.get(&shown.who)?;
        let sessions = self.sessions(shown.who);
        let is_this = |index: &usize| streams[*index].started_at == shown.started_at;
        let session = sessions.into_iter().find(|session| session.iter().any(is_this))?;
        let rest: Vec<usize> = session.iter().copied().skip_while(|index| !is_this(index)).collect();
        let goes_on_unseen = rest.windows(2).any(|pair| {
            let ended = streams[pair[0]].ended.unwrap_or_default();
            self.may_not_have_seen(shown.who, ended, streams[pair[1]].began)
        });
        let goes_on_perhaps = rest.last().is_some_and(|last| self.may_look_short(streams, *last));
        if goes_on_unseen || goes_on_perhaps {
            // The rest may be a session of its own, with its own message, and what follows may be the same session.
            return None;
        }
        let last = &streams[*rest.last()?];
        let (since, show) = last.shows.last()?;
        let Shown { title, category, is_over, .. } = shown;
        let wrong = match (last.ended, on_end) {
            (None, _) if *is_over => "says that it is over".to_owned(),
            (None, _) if *title != show.title() || category != show.category => {
                format!("says {title:?} in {category:?} instead of {show:?}")
            }
            (Some(_), "delete") => "stands although the stream is over".to_owned(),
            (Some(_), "keep") if *is_over => "was to be kept as it was".to_owned(),
            (Some(_), "edit") if !is_over => "does not say that it is over".to_owned(),
            (Some(ended), "edit")
                if *title != show.title()
                    && ended.saturating_sub(*since) > LONGEST_PAUSE * 3
                    && !self.may_not_have_seen(shown.who, *since, ended) =>
            {
                format!("says {title:?} instead of {show:?}, for which there was time")
            }
            _ if !title.ends_with(UNTITLED)
                && !rest.iter().any(|index| streams[*index].shows.has_title(title)) =>
            {
                format!("says {title:?}, which its streams never showed")
            }
            _ => return None,
        };
        let Shown { who, started_at, .. } = shown;
        Some(format!("server {server}: the message about {who} at {started_at} {wrong}"))
    }

    /// Whether a server may have wanted to hear of a stream that it was told of.
    pub(super) fn may_have_been_wanted(&self, server: usize, shown: &Shown) -> bool {
        let Some(streams) = self.streams.get(&shown.who) else { return true };
        let sessions = self.sessions(shown.who);
        let is_this = |index: &usize| streams[*index].started_at == shown.started_at;
        let Some(session) = sessions.into_iter().find(|session| session.iter().any(is_this)) else {
            return true;
        };
        let took = |index: usize| {
            let Real { began, shows, .. } = &streams[index];
            let is_seen = !self.blind.touch(*began, *began + LOOKED_UP, Duration::ZERO);
            self.tastes.may_have_taken((server, shown.who), shows, is_seen, shown.at)
        };
        session.into_iter().any(took)
    }
}
