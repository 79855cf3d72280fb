//! The webhook: Twitch posts to our own HTTP server that streams begin. What it posts is remembered before Twitch is told so;
//! what is true is what the poll and Helix say.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::conduit::MAX_WAITING;
use super::covered::Covered;
use super::verdict::{Verdict, judge};
use crate::clock::Clock;
use crate::domain::{BroadcasterId, Online, Timestamp};
use crate::store::{Pushed, Store, StoreError, Taken};
use crate::twitch::{Posted, Status, Subscription};

/// Messages that wait to be remembered, at most: as many as connections bring at once. Twitch repeats what finds no room.
const MAX_UNRECORDED: usize = 512;

/// Messages that are remembered in one transaction, at most. One transaction takes about as long for so many as for one,
/// since it waits for the disk.
const MAX_TOGETHER: usize = 256;

/// How long a message may wait to be remembered. Twitch wants its answer "within a few seconds", and repeats the message.
const RECORD_WITHIN: Duration = Duration::from_secs(4);

/// How far back a new process goes on with what the one before has heard. What is older was looked up, or is shown to the
/// poll.
const GO_ON_WITHIN: Duration = Duration::from_mins(5);

/// The pause after an attempt to read what the process before has heard.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How often at most it is told that messages are refused: whoever finds the address can send as many as he likes.
const TELL_EVERY: Duration = Duration::from_mins(10);

/// What Twitch, or whoever has posted, is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// This text, to the byte: it proves that messages may come here.
    Challenge(String),
    /// It is taken, for good.
    Taken,
    /// It is not Twitch's, or not of this time.
    Refused,
    /// Nobody wants to hear of this broadcaster any more.
    Unwanted,
    /// It cannot be remembered now; it is to be sent again.
    Later,
}

/// What came over the webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WebhookState {
    /// When the last message of Twitch's came, of whatever type.
    pub heard_at: Option<Timestamp>,
    /// Whether what comes can be remembered, as far as that is known.
    pub is_remembered: bool,
}

/// Takes what is posted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Webhook {
    secret: SecretString,
    clock: Clock,
    store: Store,
    unrecorded: mpsc::Sender<Unrecorded>,
    covered: Covered,
    revoked: Arc<Notify>,
    state: watch::Sender<WebhookState>,
    /// When it was told last that messages are refused, in milliseconds.
    told_at: Arc<AtomicI64>,
}

/// Remembers what is taken, many messages at a time, and hands on what is new.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    store: Store,
    unrecorded: mpsc::Receiver<Unrecorded>,
    heard: mpsc::Sender<Online>,
    covered: Covered,
    state: watch::Sender<WebhookState>,
}

/// A message that waits to be remembered, and where it is told that it is.
#[derive(Debug)]
struct Unrecorded {
    message: Pushed,
    recorded: oneshot::Sender<Taken>,
}

impl Webhook {
    /// Takes messages that are signed with the secret. `heard` is where that goes which is heard; what does not fit is left to
    /// the poll. `covered` is told of whom nothing more comes, and `revoked` is rung, when Twitch has ended a subscription.
    #[must_use]
    pub fn new(
        secret: SecretString,
        clock: Clock,
        store: Store,
        covered: Covered,
        heard: mpsc::Sender<Online>,
        revoked: Arc<Notify>,
    ) -> (Self, Recorder) {
        let (sender, unrecorded) = mpsc::channel(MAX_UNRECORDED);
        let state = watch::Sender::default();
        let recorder = Recorder {
            clock: clock.clone(),
            store: store.clone(),
            unrecorded,
            heard,
            covered: covered.clone(),
            state: state.clone(),
        };
        let told_at = Arc::new(AtomicI64::new(i64::MIN));
        (Self { secret, clock, store, unrecorded: sender, covered, revoked, state, told_at }, recorder)
    }

    /// What came so far.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<WebhookState> {
        self.state.subscribe()
    }

    /// Takes what was posted: these headers, by their names, with this body.
    pub async fn take<'a>(&self, header: impl Fn(&str) -> Option<&'a str>, body: &'a [u8]) -> Answer {
        let now = self.clock.now();
        let verdict = judge(&self.secret, Posted::new(header, body).as_ref(), now);
        if !matches!(verdict, Verdict::Forged | Verdict::OutOfTime) {
            self.state.send_modify(|state| state.heard_at = Some(now));
        }
        match verdict {
            Verdict::Forged => self.refuse(now, "no signature of Twitch's with EVENTSUB_SECRET"),
            Verdict::OutOfTime => self.refuse(now, "sent more than ten minutes ago, or in the future"),
            Verdict::Challenge { answer, broadcaster } => self.agree(answer, broadcaster).await,
            Verdict::Event { message, broadcaster, online } => {
                self.record(Pushed { message, broadcaster, online }).await
            }
            Verdict::Revoked(subscription) => {
                self.lose(&subscription);
                Answer::Taken
            }
            Verdict::Unknown => {
                tracing::debug!("an unknown message of Twitch's");
                Answer::Taken
            }
        }
    }

    /// Whoever has a wrong secret has to find out, and whoever is attacked must not have his disk filled.
    fn refuse(&self, now: Timestamp, why: &str) -> Answer {
        let told_at = self.told_at.load(Ordering::Acquire);
        let is_due = now.since(Timestamp::from_millis(told_at)) >= TELL_EVERY;
        let take =
            |at: i64| self.told_at.compare_exchange(at, now.as_millis(), Ordering::AcqRel, Ordering::Acquire);
        if is_due && take(told_at).is_ok() {
            tracing::warn!(why, "a message was refused that came as Twitch's; others may have been");
        }
        Answer::Refused
    }

    /// Agrees that messages come here, if somebody wants them.
    async fn agree(&self, answer: String, broadcaster: Option<BroadcasterId>) -> Answer {
        let Some(broadcaster) = broadcaster else { return Answer::Challenge(answer) };
        match tokio::time::timeout(RECORD_WITHIN, self.store.is_watched(broadcaster)).await {
            Ok(Ok(true)) => Answer::Challenge(answer),
            Ok(Ok(false)) => Answer::Unwanted,
            Ok(Err(_)) | Err(_) => Answer::Later,
        }
    }

    async fn record(&self, message: Pushed) -> Answer {
        let (recorded, taken) = oneshot::channel();
        if self.unrecorded.try_send(Unrecorded { message, recorded }).is_err() {
            return Answer::Later;
        }
        match tokio::time::timeout(RECORD_WITHIN, taken).await {
            Ok(Ok(Taken::New | Taken::Again)) => Answer::Taken,
            Ok(Ok(Taken::Unwanted)) => Answer::Unwanted,
            Ok(Err(_)) | Err(_) => Answer::Later,
        }
    }

    fn lose(&self, subscription: &Subscription) {
        if let Status::Dead(why) = &subscription.status {
            tracing::warn!(broadcaster = ?subscription.broadcaster, why, "Twitch has ended a subscription");
        }
        if let Some(broadcaster) = &subscription.broadcaster {
            self.covered.remove(broadcaster);
        }
        self.revoked.notify_one();
    }
}

impl Recorder {
    /// Remembers what is taken until `stop`, or until nothing more can come.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => return,
            () = self.go_on() => {}
        }
        self.set_hears(true);
        let mut waiting = Vec::with_capacity(MAX_TOGETHER);
        loop {
            tokio::select! {
                // What waits already is remembered before the end.
                biased;
                came = self.unrecorded.recv_many(&mut waiting, MAX_TOGETHER) => {
                    if came == 0 {
                        return;
                    }
                    self.record(&mut waiting).await;
                }
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes up what the process before has heard and may not have looked up.
    async fn go_on(&self) {
        let since = self.clock.now().before(GO_ON_WITHIN);
        let heard = loop {
            match self.store.heard_since(since, MAX_WAITING).await {
                Ok(heard) => break heard,
                Err(error) => tell(&error),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        };
        for online in heard {
            self.hand_on(online);
        }
    }

    /// Remembers these in one transaction. Whoever waits for one that is not remembered sees its sender dropped.
    async fn record(&self, waiting: &mut Vec<Unrecorded>) {
        let messages: Vec<Pushed> = waiting.iter().map(|one| one.message.clone()).collect();
        let taken = match self.store.take_pushed(messages, self.clock.now()).await {
            Ok(taken) => taken,
            Err(error) => {
                tell(&error);
                self.set_hears(false);
                waiting.clear();
                return;
            }
        };
        self.set_hears(true);
        for (Unrecorded { message, recorded }, taken) in waiting.drain(..).zip(taken) {
            if taken == Taken::New
                && let Some(online) = message.online
            {
                self.hand_on(online);
            }
            // Whoever has waited for too long has answered already, and is asked again.
            let _ = recorded.send(taken);
        }
    }

    /// What cannot be remembered is refused, so it is as if nothing were heard.
    fn set_hears(&self, hears: bool) {
        let is_other =
            self.state.send_if_modified(|state| std::mem::replace(&mut state.is_remembered, hears) != hears);
        if is_other {
            self.covered.set_heard(hears.then(|| self.clock.now()));
        }
    }

    fn hand_on(&self, online: Online) {
        if self.heard.try_send(online).is_err() {
            tracing::warn!("more happens than can be looked up; the poll sees the rest");
        }
    }
}

fn tell(error: &StoreError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "what Twitch pushes cannot be remembered; Twitch repeats it"
    );
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::store::StoreOptions;

    /// A message of Twitch's own command line, and when it was signed. It is about somebody whom nobody watches.
    const SIGNED: Timestamp = Timestamp::from_millis(1_795_249_667_126);
    const BODY: &[u8] = br#"{"subscription":{"id":"a957e039-6eaf-2f76-8258-3512bcaf85f7","status":"enabled","type":"stream.offline","version":"1","condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":"null"},"created_at":"2026-11-21T08:27:47.126274181Z","cost":0},"event":{"broadcaster_user_id":"1337","broadcaster_user_login":"testBroadcaster","broadcaster_user_name":"testBroadcaster"}}"#;

    fn header(name: &str) -> Option<&'static str> {
        match name {
            "Twitch-Eventsub-Message-Id" => Some("32b16127-0ce9-bb71-3dc5-5530101e16a9"),
            "Twitch-Eventsub-Message-Timestamp" => Some("2026-11-21T08:27:47.126274181Z"),
            "Twitch-Eventsub-Message-Type" => Some("notification"),
            "Twitch-Eventsub-Message-Signature" => {
                Some("sha256=e9b95b2e87f72aeceecfd2d95e50fc245f8b60113e6266a0bf4879b2400ecfe6")
            }
            _ => None,
        }
    }

    async fn webhook(folder: &tempfile::TempDir) -> (Webhook, Recorder) {
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        let (heard, _) = mpsc::channel(1);
        let clock = Clock::starting_at(SIGNED);
        Webhook::new("testsecret123".into(), clock, store, Covered::default(), heard, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_remembered_in_time_or_finds_no_room_is_to_come_again() {
        let folder = tempfile::tempdir().expect("a folder");
        // Nobody remembers anything.
        let (webhook, _recorder) = webhook(&folder).await;
        let began = webhook.clock.now();
        let answers = join_all((0..=MAX_UNRECORDED).map(async |_| {
            let answer = webhook.take(header, BODY).await;
            (answer, webhook.clock.now().since(began))
        }));
        let answers = answers.await;
        assert!(answers.iter().all(|(answer, _)| *answer == Answer::Later));
        let at_once = answers.iter().filter(|(_, after)| after.is_zero()).count();
        assert_eq!(at_once, 1, "one finds no room");
        let in_time = answers.iter().filter(|(_, after)| *after <= RECORD_WITHIN + Duration::from_millis(10));
        assert_eq!(in_time.count(), answers.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_at_the_end_is_remembered_and_nothing_is_taken_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (webhook, recorder) = webhook(&folder).await;
        let stop = CancellationToken::new();
        let running = recorder.run(stop.clone());
        let taking = async {
            let taken = webhook.take(header, BODY).await;
            stop.cancel();
            taken
        };
        let ((), taken) = tokio::join!(running, taking);
        assert_eq!(taken, Answer::Taken);
        assert_eq!(webhook.take(header, BODY).await, Answer::Later);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_told_every_ten_minutes_at_most() {
        let folder = tempfile::tempdir().expect("a folder");
        let (webhook, _recorder) = webhook(&folder).await;
        let mut told = Vec::new();
        for minute in [0_u64, 1, 9, 10, 11, 20] {
            let now = SIGNED.after(Duration::from_mins(minute));
            let before = webhook.told_at.load(Ordering::Acquire);
            assert_eq!(webhook.refuse(now, "why"), Answer::Refused);
            if webhook.told_at.load(Ordering::Acquire) != before {
                told.push(minute);
            }
        }
        assert_eq!(told, [0, 10, 20]);
    }
}
