//! Connections that only fail are switched off.

use uuid::Uuid;

use crate::app::App;
use crate::model::{Connection, JobKind, JobStatus};
use crate::store::JobQuery;

/// So many failed jobs in a row switch a connection off.
const FAILED_IN_A_ROW: usize = 30;
/// So long without a success does, too.
const ONLY_FAILURES_SECONDS: i64 = 7 * 86_400;

/// Switches the connection off if its jobs have failed for long enough; called when one has.
pub(super) fn switch_off(app: &App, connection: Uuid) -> rusqlite::Result<()> {
    app.store.change(|| {
        let kinds = Some(JobKind::MOVING.to_vec());
        let mine = JobQuery { connection: Some(connection), kinds, ..JobQuery::default() };
        let jobs = app.store.job_summaries(&mine)?;
        let jobs: Vec<(JobStatus, i64)> = jobs.iter().map(|job| (job.status, job.created_at)).collect();
        if is_hopeless(&jobs, app.now()) {
            app.store.update(&connection.to_string(), |connection: &mut Connection| {
                if connection.status == "active" {
                    "inactive".clone_into(&mut connection.status);
                }
            })?;
        }
        Ok(())
    })
}

/// Whether jobs, oldest first, have failed for long enough. Cancelled ones count neither way.
fn is_hopeless(jobs: &[(JobStatus, i64)], now: i64) -> bool {
    let ended = || jobs.iter().rev().map(|(status, _)| *status).filter(|status| status.is_final());
    let failed = ended()
        .take_while(|status| *status != JobStatus::Succeeded)
        .filter(|status| *status == JobStatus::Failed)
        .count();
    let since = now - ONLY_FAILURES_SECONDS;
    let recent_success = jobs.iter().any(|(status, at)| *status == JobStatus::Succeeded && *at >= since);
    let is_old = jobs.first().is_some_and(|(_, at)| *at <= since);
    failed >= FAILED_IN_A_ROW || (failed > 0 && is_old && !recent_success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_or_for_a_week_are_hopeless() {
        use JobStatus::{Cancelled, Failed, Running, Succeeded};
        let day = 86_400;
        let jobs = |list: &[(JobStatus, i64)]| list.to_vec();
        assert!(!is_hopeless(&[], day));
        assert!(!is_hopeless(&vec![(Failed, 0); 29], day));
        assert!(is_hopeless(&vec![(Failed, 0); 30], day));
        let mut interrupted = vec![(Failed, 0); 20];
        interrupted.push((Succeeded, 0));
        interrupted.extend(vec![(Failed, 0); 20]);
        assert!(!is_hopeless(&interrupted, day));
        let mut cancelled = vec![(Failed, 0); 15];
        cancelled.push((Cancelled, 0));
        cancelled.extend(vec![(Failed, 0); 15]);
        cancelled.push((Running, 0));
        assert!(is_hopeless(&cancelled, day));
        assert!(is_hopeless(&jobs(&[(Succeeded, 0), (Failed, day)]), 8 * day));
        assert!(!is_hopeless(&jobs(&[(Failed, 0), (Succeeded, 2 * day), (Failed, 3 * day)]), 8 * day));
        assert!(!is_hopeless(&jobs(&[(Failed, 2 * day), (Failed, 3 * day)]), 8 * day));
        assert!(!is_hopeless(&jobs(&[(Cancelled, 0)]), 8 * day));
    }
}
