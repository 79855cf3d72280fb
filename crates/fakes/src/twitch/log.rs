//! What the fake was asked: a bounded record for assertions and counters that are always on.

use std::collections::VecDeque;
use std::time::Duration;

use super::faults::Path;

/// Enough for a virtual day of one test; older requests fall out, so that a long run cannot fill memory.
const MAX_KEPT: usize = 10_000;

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// With the leading slash and without the query: `/helix/streams`.
    pub path: String,
    /// Decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The body as text; empty for a `GET`.
    pub body: String,
    /// When it arrived, since the Unix epoch, by the fake's clock.
    pub at: Duration,
}

#[derive(Debug)]
pub(super) struct Log {
    kept: VecDeque<Request>,
    counts: [usize; Path::COUNT],
    pub(super) keeps: bool,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { kept: VecDeque::new(), counts: [0; Path::COUNT], keeps: true }
    }

    pub(super) fn add(&mut self, path: Path, request: impl FnOnce() -> Request) {
        self.counts[Path::Any.index()] += 1;
        if path != Path::Any {
            self.counts[path.index()] += 1;
        }
        if self.keeps {
            if self.kept.len() == MAX_KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(request());
        }
    }

    pub(super) fn kept(&self) -> Vec<Request> {
        self.kept.iter().cloned().collect()
    }

    pub(super) fn count(&self, path: Path) -> usize {
        self.counts[path.index()]
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.counts = [0; Path::COUNT];
    }
}
