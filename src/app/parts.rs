//! The running parts: how they are started, tried until they work, and stopped in order.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Failure;

/// The wait before a second attempt to reach a service at start; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// How long all parts together may take to stop; supervisors kill after ten seconds, and a person waits no five.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// The running parts. The first one that fails stops the others.
pub(super) struct Parts {
    tasks: JoinSet<Result<(), Failure>>,
    stop: CancellationToken,
}

impl Parts {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), stop }
    }

    pub(super) fn start<F>(&mut self, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.tasks.spawn(part(self.stop.clone()));
    }

    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let mut failure = tokio::select! {
            () = self.stop.cancelled() => None,
            failure = first_failure(&mut self.tasks) => failure,
        };
        self.stop.cancel();
        tracing::info!("stopping");
        // A part that has stopped everything because it failed ends here, among the others.
        let all_ended = async {
            while let Some(another) = first_failure(&mut self.tasks).await {
                failure.get_or_insert(another);
            }
        };
        if tokio::time::timeout(STOP_WITHIN, all_ended).await.is_err() {
            tracing::warn!("not everything stopped in time; what is left goes on at the next start");
        }
        failure.map_or(Ok(()), Err)
    }
}

/// The first part that fails; nothing when all have ended without.
async fn first_failure(tasks: &mut JoinSet<Result<(), Failure>>) -> Option<Failure> {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => return Some(failure),
            Err(panic) => return Some(Failure::Other(panic.into())),
        }
    }
    None
}

/// Why a service was not reached.
pub(super) enum Unreached {
    Later(String),
    Never(Failure),
}

/// Tries until it succeeds or can never succeed; nothing when the program stops first.
pub(super) async fn until<T, F>(
    stop: &CancellationToken,
    service: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<Option<T>, Failure>
where
    F: Future<Output = Result<T, Unreached>>,
{
    let mut backoff = FIRST_BACKOFF;
    loop {
        let tried = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            tried = attempt() => tried,
        };
        match tried {
            Ok(value) => return Ok(Some(value)),
            Err(Unreached::Never(failure)) => return Err(failure),
            Err(Unreached::Later(why)) => {
                tracing::warn!(service, why, retry_in = ?backoff, "not reached; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(LONGEST_BACKOFF),
        }
    }
}
