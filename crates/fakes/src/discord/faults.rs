//! What can go wrong on purpose, and where. The server asks; nothing here acts.

use std::time::Duration;

/// Which requests a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Messages posted to this channel, and posts made in this forum.
    Channel(u64),
    /// Messages and posts made anywhere.
    Messages,
    /// Messages being published anywhere.
    Crossposts,
    /// Requests whose path after `/api/v10` begins so.
    Route(&'static str),
    /// Requests whose path after `/api/v10` is just this.
    Path(&'static str),
    /// Requests with this method whose path after `/api/v10` begins so.
    Request {
        /// `GET`, `POST`, …
        method: &'static str,
        /// How the path begins.
        prefix: String,
    },
    /// Every REST request.
    Any,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A Discord error in JSON.
    Status {
        /// The HTTP status.
        status: u16,
        /// Discord's own code.
        code: u64,
        /// The text beside it.
        message: String,
    },
    /// An error page instead of JSON, as a proxy in front of Discord would send.
    Html(u16),
    /// Nothing is done and nothing is answered.
    Hang,
    /// Nothing is done and the connection is dropped.
    CutBefore,
    /// It is done, but the connection is dropped without an answer.
    CutAfter,
    /// It is done, but never answered.
    HangAfter,
    /// 429 with these waits, which need not agree.
    RateLimited {
        /// Seconds in the `Retry-After` header.
        header: f64,
        /// Seconds in the body.
        body: f64,
        /// `user`, `global` or `shared`.
        scope: &'static str,
    },
    /// 429 as Discord limits the writes to an announcement channel, edits of published messages above all: the header says
    /// one second, the body nearly twenty minutes, and the code is 20028.
    WriteLimited,
    /// It is done after this delay, if the client still waits.
    Slow(Duration),
    /// A posted message is answered as if it were created, but never appears, and its nonce is not remembered: what it
    /// would look like if a client took a message for delivered before it sent it. Other requests are not affected.
    AnswerOnly,
}

#[derive(Debug)]
struct Planned {
    place: Place,
    left: u32,
    fault: Fault,
}

/// The faults that are still to happen, in the order they were planned.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Planned>);

impl Faults {
    pub(super) fn plan(&mut self, place: Place, times: u32, fault: Fault) {
        self.0.push(Planned { place, left: times, fault });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for this request, if one was planned; `channel` is where a message is being posted.
    pub(super) fn take(&mut self, method: &str, path: &str, channel: Option<u64>) -> Option<Fault> {
        let position = self.0.iter().position(|planned| match &planned.place {
            Place::Channel(id) => channel == Some(*id),
            Place::Messages => channel.is_some(),
            Place::Crossposts => method == "POST" && path.ends_with("/crosspost"),
            Place::Route(prefix) => path.starts_with(prefix),
            Place::Path(exactly) => path == *exactly,
            Place::Request { method: wanted, prefix } => {
                method == *wanted && path.starts_with(prefix.as_str())
            }
            Place::Any => true,
        })?;
        let planned = &mut self.0[position];
        let fault = planned.fault.clone();
        planned.left = planned.left.saturating_sub(1);
        if planned.left == 0 {
            self.0.remove(position);
        }
        Some(fault)
    }
}
