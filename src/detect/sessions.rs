//! From one sighting to one conclusion about a broadcaster's session. It reads no clock and remembers nothing.

use std::time::Duration;

use crate::domain::{Seen, Session, SessionId, Sighting, Stream, Timestamp};

/// How late a new stream is seen at most: Twitch's cache, a look, which comes every minute to who is live, the two minutes
/// within which it is noted that somebody looks, and a minute for a look that failed.
const SHOWN_LATE: Duration = Duration::from_mins(5);

/// How late Twitch's list shows a new stream at most: it is cached for up to a minute, and a minute more does no harm. That it
/// does not list a stream of which it has told proves nothing so long.
const LISTED_LATE: Duration = Duration::from_mins(2);

/// What is known of the sighted broadcaster before the sighting counts.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The session that is open, if one is.
    pub open: Option<&'a Session>,
    /// The session, ended by now, that has already had the sighted stream id.
    pub ended_with_this_stream: Option<SessionId>,
}

/// What follows from a sighting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conclusion {
    /// Nothing that anybody needs to remember beyond the last look.
    Unchanged,
    /// Nobody was live, now somebody is.
    Began(Box<Stream>),
    /// The open session is over and another one has begun.
    Replaced(Box<Stream>),
    /// A session that was given up is still going on: Twitch had lost sight of the stream for longer than the grace.
    Reopened(SessionId, Box<Stream>),
    /// The open session goes on, with something to remember: new facts, a new stream id, or a return.
    Continued(Box<Stream>),
    /// What the session began with, a message of Twitch's, is listed now: there is more to say about it.
    Shown(Box<Stream>),
    /// The open session was missed for the first time.
    Missed,
    /// The open session is over.
    Ended,
}

/// Concludes from one sighting.
///
/// - A stream that comes back before it was gone for `grace` is the same session, whatever its id.
/// - A stream id is announced once: when it shows up again after its session was given up, that session goes on.
/// - Being told of a stream that is news is as good as seeing it: a session begins, goes on, or makes room for another. Being
///   told of what is known or over changes nothing.
/// - Absence counts from the first look that missed the stream, and only looks that succeeded are shown to this function.
#[must_use]
pub fn conclude(known: Known<'_>, sighting: &Sighting, at: Timestamp, grace: Duration) -> Conclusion {
    match (known.open, &sighting.seen) {
        (None, Seen::Absent) => Conclusion::Unchanged,
        (None, Seen::Told(stream)) => match known.ended_with_this_stream {
            Some(_) => Conclusion::Unchanged,
            None => Conclusion::Began(stream.clone()),
        },
        (Some(session), Seen::Told(stream)) => {
            // A message may come late: what is over by now was told of before what is open began.
            let is_news = stream.started_at > session.stream.started_at
                && !session.has(&stream.id)
                && known.ended_with_this_stream.is_none();
            if is_news { began_anew(session, stream, at, grace) } else { Conclusion::Unchanged }
        }
        (None, Seen::Live(stream)) => match known.ended_with_this_stream {
            Some(session) => Conclusion::Reopened(session, stream.clone()),
            None => Conclusion::Began(stream.clone()),
        },
        (Some(session), Seen::Absent) => missed(session, at, grace),
        (Some(session), Seen::Live(stream)) => {
            if session.has(&stream.id) {
                goes_on(session, stream)
            } else if known.ended_with_this_stream.is_some() {
                // Twitch's cache shows a stream that was over before this session began. It says that somebody is
                // there, but its title and id are of yesterday.
                if session.missing_since.is_some() { returned(session) } else { Conclusion::Unchanged }
            } else {
                began_anew(session, stream, at, grace)
            }
        }
    }
}

/// A stream that is new, with a session open.
fn began_anew(session: &Session, stream: &Stream, at: Timestamp, grace: Duration) -> Conclusion {
    let stream = Box::new(stream.clone());
    if gap(session, &stream, at, grace) < grace {
        Conclusion::Continued(stream)
    } else {
        Conclusion::Replaced(stream)
    }
}

fn goes_on(session: &Session, stream: &Stream) -> Conclusion {
    // What was told of after a drop is not what was announced.
    if !session.stream.is_shown() && session.stream_ids == [stream.id.clone()] {
        Conclusion::Shown(Box::new(stream.clone()))
    } else if session.missing_since.is_none() && stream.reads_like(&session.stream) {
        Conclusion::Unchanged
    } else {
        Conclusion::Continued(Box::new(stream.clone()))
    }
}

fn returned(session: &Session) -> Conclusion {
    Conclusion::Continued(Box::new(session.stream.clone()))
}

fn missed(session: &Session, at: Timestamp, grace: Duration) -> Conclusion {
    if !session.stream.is_shown() && at.since(session.stream.started_at) < LISTED_LATE {
        return Conclusion::Unchanged;
    }
    // Who was not seen for so long because nobody looked gets no further grace: the first look that misses is believed. If
    // it was wrong, the same stream is taken up again.
    let mut seen_at = session.last_seen_at;
    if !session.stream.is_shown() {
        seen_at = seen_at.max(session.stream.started_at.after(LISTED_LATE));
    }
    let unseen = at.since(seen_at);
    let nobody_looked = session.missing_since.is_none() && unseen >= grace;
    let gone = session.missing_since.map_or(Duration::ZERO, |since| at.since(since));
    if gone >= grace || nobody_looked {
        Conclusion::Ended
    } else if session.missing_since.is_none() {
        Conclusion::Missed
    } else {
        Conclusion::Unchanged
    }
}

/// How long nobody streamed between the session and a stream with a new id.
///
/// Twitch shows a new stream late, so its own start counts when that is earlier than the look.
fn gap(session: &Session, stream: &Stream, at: Timestamp, grace: Duration) -> Duration {
    // Whoever looked for so long after the start of the new stream would have seen it: nobody looked at this broadcaster, and
    // what is assumed of the old stream is wrong.
    if let Some(surely) = session.surely_seen_at
        && stream.started_at.after(SHOWN_LATE) < session.last_seen_at
    {
        return stream.started_at.since(surely);
    }
    stream.started_at.min(at).since(session.gone_since(grace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BroadcasterId, Login, StreamId};

    const GRACE: Duration = Duration::from_mins(5);

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn stream(id: &str, started: i64) -> Box<Stream> {
        Box::new(Stream {
            id: StreamId::new(id),
            broadcaster: BroadcasterId::new("1"),
            login: Login::new("ann").expect("a login"),
            display_name: "Ann".to_owned(),
            title: Some("Speedrun".to_owned()),
            category: None,
            viewers: Some(1),
            started_at: minute(started),
            thumbnail: None,
            tags: Vec::new(),
            language: None,
        })
    }

    fn session(last_seen: i64, missing_since: Option<i64>) -> Session {
        Session {
            id: SessionId(1),
            broadcaster: BroadcasterId::new("1"),
            stream_ids: vec![StreamId::new("A")],
            started_at: minute(0),
            last_seen_at: minute(last_seen),
            surely_seen_at: None,
            missing_since: missing_since.map(minute),
            stream: *stream("A", 0),
        }
    }

    fn live(stream: &Stream) -> Seen {
        Seen::Live(Box::new(stream.clone()))
    }

    /// One conclusion: the open session, the session that had the stream before, what is seen at which minute.
    fn check(
        open: Option<&Session>,
        earlier: Option<i64>,
        seen: Seen,
        at: i64,
        expected: impl Into<Box<Conclusion>>,
    ) {
        let sighting = Sighting { broadcaster: BroadcasterId::new("1"), seen };
        let known = Known { open, ended_with_this_stream: earlier.map(SessionId) };
        assert_eq!(conclude(known, &sighting, minute(at), GRACE), *expected.into());
    }

    #[test]
    fn a_session_begins_once() {
        let a = stream("A", 0);
        check(None, None, Seen::Absent, 1, Conclusion::Unchanged);
        check(None, None, live(&a), 1, Conclusion::Began(a.clone()));
        check(Some(&session(1, None)), None, live(&a), 2, Conclusion::Unchanged);
    }

    fn told(stream: &Stream) -> Seen {
        Seen::Told(Box::new(Stream { viewers: None, ..stream.clone() }))
    }

    #[test]
    fn being_told_is_enough_to_begin_and_the_list_says_more() {
        let a = stream("A", 0);
        let bare = Box::new(Stream { viewers: None, ..*a.clone() });
        check(None, None, told(&a), 0, Conclusion::Began(bare.clone()));
        let open = Session { stream: *bare, ..session(0, None) };
        check(Some(&open), None, told(&a), 1, Conclusion::Unchanged);
        check(Some(&open), None, live(&a), 1, Conclusion::Shown(a.clone()));
        check(Some(&session(1, None)), None, told(&a), 2, Conclusion::Unchanged);
    }

    #[test]
    fn what_was_told_is_not_missed_before_the_list_can_show_it() {
        let open = Session { stream: Stream { viewers: None, ..*stream("A", 0) }, ..session(0, None) };
        check(Some(&open), None, Seen::Absent, 1, Conclusion::Unchanged);
        check(Some(&open), None, Seen::Absent, 2, Conclusion::Missed);
    }

    #[test]
    fn a_message_that_comes_late_changes_nothing() {
        let (earlier, later) = (stream("B", -30), stream("B", 9));
        check(None, Some(9), told(&earlier), 60, Conclusion::Unchanged);
        check(Some(&session(1, None)), None, told(&earlier), 2, Conclusion::Unchanged);
        check(Some(&session(1, Some(2))), Some(9), told(&later), 10, Conclusion::Unchanged);
    }

    #[test]
    fn a_message_of_another_stream_is_judged_like_a_look() {
        let (soon, late) = (stream("B", 4), stream("B", 9));
        let told_of = |stream: &Stream| Box::new(Stream { viewers: None, ..stream.clone() });
        check(Some(&session(1, Some(2))), None, told(&soon), 4, Conclusion::Continued(told_of(&soon)));
        check(Some(&session(1, Some(2))), None, told(&late), 9, Conclusion::Replaced(told_of(&late)));
    }

    #[test]
    fn one_absence_is_not_the_end() {
        check(Some(&session(1, None)), None, Seen::Absent, 2, Conclusion::Missed);
        check(Some(&session(1, Some(2))), None, Seen::Absent, 6, Conclusion::Unchanged);
        check(Some(&session(1, Some(2))), None, Seen::Absent, 7, Conclusion::Ended);
    }

    #[test]
    fn after_a_long_time_without_looks_the_first_absence_is_the_end() {
        check(Some(&session(1, None)), None, Seen::Absent, 6, Conclusion::Ended);
        check(Some(&session(1, None)), None, Seen::Absent, 5, Conclusion::Missed);
    }

    #[test]
    fn a_return_within_the_grace_is_the_same_session() {
        let a = stream("A", 0);
        let b = stream("B", 6);
        check(Some(&session(1, Some(2))), None, live(&a), 6, Conclusion::Continued(a));
        check(Some(&session(1, Some(2))), None, live(&b), 6, Conclusion::Continued(b.clone()));
        // Twitch shows it late, but it began in time.
        check(Some(&session(1, Some(2))), None, live(&b), 20, Conclusion::Continued(b));
    }

    #[test]
    fn a_new_stream_after_the_grace_is_another_session() {
        let b = stream("B", 7);
        check(Some(&session(1, Some(2))), None, live(&b), 8, Conclusion::Replaced(b));
    }

    #[test]
    fn a_stream_between_two_looks_is_the_same_session() {
        let b = stream("B", 2);
        check(Some(&session(1, None)), None, live(&b), 3, Conclusion::Continued(b));
    }

    #[test]
    fn a_stream_that_began_while_nobody_looked_is_another_session() {
        let b = stream("B", 300);
        check(Some(&session(1, None)), None, live(&b), 600, Conclusion::Replaced(b));
    }

    #[test]
    fn a_first_miss_after_a_long_time_without_looks_does_not_make_it_a_short_drop() {
        let b = stream("B", 62);
        check(Some(&session(1, Some(60))), None, live(&b), 63, Conclusion::Replaced(b));
    }

    #[test]
    fn who_cannot_have_been_seen_after_the_new_stream_began_was_not() {
        let b = stream("B", 10);
        let assumed = Session { surely_seen_at: Some(minute(1)), ..session(60, None) };
        check(Some(&assumed), None, live(&b), 61, Conclusion::Replaced(b.clone()));
        // Seen for certain, it is a drop that Twitch shows late.
        check(Some(&session(60, None)), None, live(&b), 61, Conclusion::Continued(b));
    }

    #[test]
    fn the_same_stream_id_is_never_announced_again() {
        let a = stream("A", 0);
        check(None, Some(1), live(&a), 60, Conclusion::Reopened(SessionId(1), a.clone()));
        check(Some(&session(1, Some(2))), None, live(&a), 60, Conclusion::Continued(a));
    }

    #[test]
    fn a_stale_stream_of_an_earlier_session_changes_nothing() {
        let old = stream("OLD", -600);
        check(Some(&session(1, None)), Some(9), live(&old), 2, Conclusion::Unchanged);
        check(Some(&session(1, Some(2))), Some(9), live(&old), 3, Conclusion::Continued(stream("A", 0)));
    }

    #[test]
    fn a_changed_title_is_remembered_and_viewers_are_not() {
        let mut a = stream("A", 0);
        a.viewers = Some(5000);
        check(Some(&session(1, None)), None, live(&a), 2, Conclusion::Unchanged);
        a.title = Some("Any%".to_owned());
        check(Some(&session(1, None)), None, live(&a), 2, Conclusion::Continued(a));
    }

    #[test]
    fn without_a_grace_the_first_absence_ends_it() {
        let sighting = Sighting { broadcaster: BroadcasterId::new("1"), seen: Seen::Absent };
        let open = session(1, None);
        let known = Known { open: Some(&open), ended_with_this_stream: None };
        assert_eq!(conclude(known, &sighting, minute(2), Duration::ZERO), Conclusion::Ended);
    }
}
