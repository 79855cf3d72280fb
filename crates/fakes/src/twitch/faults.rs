//! What can go wrong on purpose, and which requests it hits. The plans only choose; the server carries out.

use std::collections::VecDeque;
use std::time::Duration;

use super::pages::Query;

/// An endpoint, to aim a fault at or to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// `GET /helix/streams`.
    Streams,
    /// `GET /helix/users`.
    Users,
    /// `GET /helix/channels`.
    Channels,
    /// `GET /helix/search/channels`.
    SearchChannels,
    /// `GET /helix/search/categories`.
    SearchCategories,
    /// `GET /helix/games`.
    Games,
    /// `GET /helix/videos`.
    Videos,
    /// `GET /helix/eventsub/conduits`.
    Conduits,
    /// `POST /helix/eventsub/conduits`.
    CreateConduit,
    /// `PATCH /helix/eventsub/conduits`.
    UpdateConduit,
    /// `DELETE /helix/eventsub/conduits`.
    DeleteConduit,
    /// `GET /helix/eventsub/conduits/shards`.
    Shards,
    /// `PATCH /helix/eventsub/conduits/shards`.
    UpdateShards,
    /// `GET /helix/eventsub/subscriptions`.
    Subscriptions,
    /// `POST /helix/eventsub/subscriptions`.
    CreateSubscription,
    /// `DELETE /helix/eventsub/subscriptions`.
    DeleteSubscription,
    /// `GET /ws`, which every fault hits before the upgrade.
    Socket,
    /// `POST /oauth2/token`.
    Token,
    /// `GET /oauth2/validate`.
    Validate,
    /// Every request, also one to an address that does not exist.
    Any,
}

impl Path {
    pub(super) const COUNT: usize = 20;

    pub(super) fn index(self) -> usize {
        self as usize
    }

    pub(super) fn is_eventsub(self) -> bool {
        (Self::Conduits.index()..=Self::DeleteSubscription.index()).contains(&self.index())
    }

    pub(super) fn is_oauth(self) -> bool {
        matches!(self, Self::Token | Self::Validate)
    }
}

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status with Twitch's JSON error body.
    Status(u16),
    /// This status with a page of HTML, as a proxy in front of Twitch sends it.
    Html(u16),
    /// The request is taken and never answered.
    Hang,
    /// The right status and headers at once, the body after this time.
    SlowBody(Duration),
    /// The right status and framing, but only the first half of the JSON.
    BrokenJson,
    /// The connection is accepted, the request read, and everything dropped without an answer.
    CutConnection,
    /// 429 with an empty bucket.
    RateLimited {
        /// From now until the time in `Ratelimit-Reset`, which is rounded up to whole seconds.
        reset_in: Duration,
    },
    /// 401, whatever the token.
    Unauthorized,
    /// `Content-Length` of the right body, but only its first half is sent before the connection closes.
    TruncatedBody,
    /// 200 with no data: a lie.
    EmptyPage,
    /// The right answer without the `Ratelimit-*` headers.
    NoBudget,
}

#[derive(Debug)]
enum Aim {
    Path(Path),
    BatchWith(String),
}

#[derive(Debug)]
struct Plan {
    aim: Aim,
    times: u32,
    fault: Fault,
}

/// The faults to come, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Plans(VecDeque<Plan>);

impl Plans {
    pub(super) fn on_path(&mut self, path: Path, times: u32, fault: Fault) {
        self.add(Aim::Path(path), times, fault);
    }

    pub(super) fn on_batch_with(&mut self, user_id: &str, times: u32, fault: Fault) {
        self.add(Aim::BatchWith(user_id.to_owned()), times, fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for this request, used up by one.
    pub(super) fn next(&mut self, path: Path, query: &Query<'_>) -> Option<Fault> {
        let index = self.0.iter().position(|plan| match &plan.aim {
            Aim::Path(aimed) => *aimed == path || *aimed == Path::Any,
            Aim::BatchWith(id) => path == Path::Streams && query.all("user_id").any(|asked| asked == id),
        })?;
        let plan = &mut self.0[index];
        let fault = plan.fault;
        if plan.times != u32::MAX {
            plan.times -= 1;
        }
        if plan.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }

    fn add(&mut self, aim: Aim, times: u32, fault: Fault) {
        if times > 0 {
            self.0.push_back(Plan { aim, times, fault });
        }
    }
}
