//! Two targets at once: the second is asked while the first one is silent, and the slower one is called off.

use ferrogate_providers::Hedge;
use http::HeaderMap;

use super::Job;
use super::leg::{Leg, Progress};

/// What came of a race.
pub(super) struct Finish {
    pub(super) progress: Progress,
    /// Whether the second target was asked.
    pub(super) ran: bool,
}

/// Tries `first`; when it is silent for too long and the budget allows it, tries `second` as well. The first answer wins,
/// and what another target would refuse as well ends the race when the first target says it.
pub(super) async fn run(
    job: &Job<'_>,
    forwarded: &HeaderMap,
    (first, second): (&mut Leg<'_>, &mut Leg<'_>),
    hedge: &Hedge<'_>,
) -> Finish {
    let mut leading = std::pin::pin!(first.run(job, forwarded));
    let early = tokio::time::timeout(hedge.after, leading.as_mut())
        .await
        .ok();
    let alone = match early {
        Some(progress) => Some(progress),
        None if hedge.may_run() => None,
        None => Some(leading.as_mut().await),
    };
    if let Some(progress) = alone {
        return Finish {
            progress,
            ran: false,
        };
    }
    let mut following = std::pin::pin!(second.run(job, forwarded));
    let progress = tokio::select! {
        biased;
        progress = leading.as_mut() => match progress {
            Progress::Done(_) => progress,
            given_up => better(given_up, following.await),
        },
        progress = following.as_mut() => match progress {
            Progress::Done(ref result) if result.is_ok() => progress,
            given_up => match leading.await {
                Progress::Done(result) => Progress::Done(result),
                also => better(also, given_up),
            },
        },
    };
    Finish {
        progress,
        ran: true,
    }
}

/// What to do after both failed: what is decided is decided, and a model that would not do goes before a try that
/// failed.
fn better(first: Progress, second: Progress) -> Progress {
    match (first, second) {
        (_, decided @ (Progress::Done(_) | Progress::Late)) => decided,
        (model @ Progress::Model(_), _) => model,
        (_, second) => second,
    }
}
