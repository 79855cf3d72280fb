//! What streamers do: they begin, show something else, and end; and what servers say that they want to hear of.

use std::time::Duration;

use livebell_fakes::twitch::Stream;
use serde_json::json;

use super::oracle::Wish;
use super::shows::{CATEGORIES, Show, Taste, WORD};
use super::stage::Stage;
use super::{LONG_GAP, SHORT_GAP};

/// How long Twitch may take to have the recording of a stream that is over.
const RECORDED: u64 = 150_000;

/// A recording that will be there.
pub(super) struct Recording {
    at: Duration,
    user: String,
    stream: String,
}

impl Stage {
    /// Somebody begins or ends to stream.
    pub(super) fn change_stream(&mut self, who: usize) -> String {
        let now = self.elapsed();
        let id = self.streamers[who].clone();
        if let Some(stream) = self.twitch.stream_of(&id) {
            self.twitch.go_offline(&id);
            self.oracle.ends(who, now);
            if self.chance.bool() {
                let at = now + Duration::from_millis(self.chance.u64(..RECORDED));
                self.recordings.push(Recording { at, user: id, stream: stream.id });
            }
            return format!("streamer {who} ends");
        }
        let gap = self.oracle.gap(who, now);
        if gap.is_some_and(|gap| gap >= SHORT_GAP && gap < LONG_GAP) {
            return format!("streamer {who} waits, to be clearly another session");
        }
        // Announcements carry the start, to the second; it tells the streams apart.
        let late = Duration::from_secs(self.chance.u64(..3));
        let started_at = livebell_fakes::clock::rfc3339(self.since_epoch(now).saturating_sub(late));
        if self.oracle.knows_start(who, &started_at) {
            return format!("streamer {who} has just begun");
        }
        let show = self.some_show();
        self.twitch.go_live_with(&id, Stream { started_at: started_at.clone(), ..Stream::default() });
        self.put_on(who, &show);
        let line = format!("streamer {who} begins: {show:?}");
        self.oracle.begins(who, now, started_at);
        self.oracle.shows_this(who, now, show);
        line
    }

    pub(super) fn is_live(&self, who: usize) -> bool {
        self.twitch.stream_of(&self.streamers[who]).is_some()
    }

    /// A stream gets another title, and another category perhaps, or is a rerun from now on, or none any more.
    pub(super) fn change_show(&mut self, who: usize) -> String {
        if !self.is_live(who) {
            return format!("streamer {who} shows nothing");
        }
        let (show, now) = (self.some_show(), self.elapsed());
        self.put_on(who, &show);
        let line = format!("streamer {who} shows {show:?}");
        self.oracle.shows_this(who, now, show);
        line
    }

    fn some_show(&mut self) -> Show {
        self.shows += 1;
        Show {
            has_word: self.chance.bool(),
            number: self.shows,
            category: CATEGORIES[self.chance.usize(..CATEGORIES.len())],
            is_rerun: self.chance.u32(..10) == 0,
        }
    }

    fn put_on(&self, who: usize, show: &Show) {
        let id = &self.streamers[who];
        let category = self.twitch.add_category(show.category);
        self.twitch.update(id, |stream| {
            stream.title = show.title();
            stream.game_id = category;
            show.category.clone_into(&mut stream.game_name);
            stream.tags = show.tags().iter().map(|tag| (*tag).to_owned()).collect();
        });
    }

    /// Twitch's cache hides a stream, or shows it again.
    pub(super) fn lie_about(&mut self, who: usize) -> String {
        let (id, now) = (self.streamers[who].clone(), self.elapsed());
        if self.chance.bool() {
            self.oracle.hides(who, now);
            self.twitch.hide(&id);
            format!("streamer {who} is hidden")
        } else {
            self.oracle.shows(who, now);
            self.twitch.unhide(&id);
            format!("streamer {who} is shown")
        }
    }

    /// Recordings appear whose time has come.
    pub(super) fn publish_recordings(&mut self) {
        let now = self.elapsed();
        for one in self.recordings.extract_if(.., |one| one.at <= now) {
            self.twitch.add_recording(&one.user, &one.stream, Duration::from_mins(1));
        }
    }

    /// A server wants to hear only of some streams of somebody, or of all again.
    pub(super) async fn change_taste(&mut self, server: usize, who: usize) -> String {
        if self.oracle.is_gone(server) || self.oracle.wish(server, who) != Wish::Yes {
            return format!("server {server} has nothing to choose");
        }
        let before = self.oracle.tastes.now(server, who);
        let (wanted, option) = match before {
            Taste::Everything => (Taste::Word, json!({ "title_has": WORD })),
            Taste::Word | Taste::Unknown => (Taste::Everything, json!({ "reset": "title_has" })),
        };
        let mut options = option;
        options["streamer"] = json!(format!("streamer{who}"));
        // Whatever is answered, it may be so from now on.
        let now = self.elapsed();
        self.oracle.tastes.becomes(server, who, now, Taste::Unknown);
        let answer = self.command(server, "editstreamer", options).await;
        let is_done = answer.as_ref().is_some_and(|answer| answer.contains("(changed)"));
        if is_done {
            let now = self.elapsed();
            self.oracle.tastes.becomes(server, who, now, wanted);
        }
        format!(
            "server {server} wants {wanted:?} of {who}: {}",
            if is_done { "done" } else { "nobody knows" }
        )
    }
}
