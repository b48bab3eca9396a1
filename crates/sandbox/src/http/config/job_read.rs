//! A job with its attempts, statistics and logs, as the Config API shows it.

use serde_json::{Value, json};

use crate::http::answer::present;
use crate::http::jobs::stream_totals;
use crate::model::{Attempt, Failure, Job, JobKind, StreamStats};

/// Which parts of a job an answer has.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub attempts: bool,
    pub logs: bool,
    pub statistics: bool,
}

pub(super) fn config_type(job: &Job) -> &'static str {
    config_type_of(job.kind)
}

pub(super) fn config_type_of(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Reset => "reset_connection",
        kind => kind.name(),
    }
}

pub(super) fn started(job: &Job) -> Value {
    shown(job, Parts { attempts: true, logs: false, statistics: false })
}

pub(super) fn shown(job: &Job, parts: Parts) -> Value {
    let named = |name: &str, namespace: Option<&str>| present(json!({"name": name, "namespace": namespace}));
    let streams: Vec<Value> =
        job.streams.iter().map(|stream| named(&stream.name, stream.namespace.as_deref())).collect();
    let mut read = json!({
        "id": job.id,
        "configType": config_type(job),
        "configId": job.connection_id.to_string(),
        "enabledStreams": streams,
        "createdAt": job.created_at,
        "updatedAt": job.updated_at,
        "status": job.status.name(),
    });
    match job.kind {
        JobKind::Sync => {}
        JobKind::Reset => read["resetConfig"] = json!({"streamsToReset": read["enabledStreams"]}),
        JobKind::Refresh => {
            let refreshed = job.refreshes.iter().map(|one| named(&one.name, one.namespace.as_deref()));
            read["refreshConfig"] = json!({"streamsToRefresh": refreshed.collect::<Vec<_>>()});
        }
    }
    if parts.statistics {
        let streams = stream_totals(job);
        let sum = |of: fn(&StreamStats) -> i64| streams.iter().map(of).sum::<i64>();
        read["aggregatedStats"] = json!({
            "recordsEmitted": sum(|one| one.records_emitted),
            "bytesEmitted": sum(|one| one.bytes_emitted),
            "recordsCommitted": sum(|one| one.records_committed),
            "bytesCommitted": sum(|one| one.bytes_committed),
            "recordsRejected": 0,
        });
        read["streamAggregatedStats"] = streams
            .iter()
            .map(|stats| {
                let mut shown = stream_counts(stats);
                shown["wasBackfilled"] = json!(job.kind == JobKind::Refresh);
                shown["wasResumed"] = json!(false);
                shown
            })
            .collect();
    }
    let mut shown = json!({"job": read});
    if parts.attempts {
        shown["attempts"] = job.attempts.iter().map(|attempt| shown_attempt(attempt, parts)).collect();
    }
    shown
}

pub(super) fn shown_attempt(attempt: &Attempt, parts: Parts) -> Value {
    let sum = |of: fn(&StreamStats) -> i64| attempt.stats.iter().map(of).sum::<i64>();
    let statistics = |estimated: Option<i64>,
                      records_emitted: i64,
                      bytes_emitted: i64,
                      records_committed: i64| {
        // The server fills in no committed bytes here.
        present(json!({
            "estimatedRecords": estimated, "recordsEmitted": records_emitted, "bytesEmitted": bytes_emitted,
            "recordsCommitted": records_committed, "recordsRejected": 0,
        }))
    };
    let failure = attempt.failure.as_ref().map(|failure| {
        json!({
            "failures": [shown_failure(failure)],
            "partialSuccess": attempt.stats.iter().any(|stream| stream.records_committed > 0),
        })
    });
    let mut read = present(json!({
        "id": attempt.number,
        "status": attempt.status,
        "createdAt": attempt.created_at,
        "updatedAt": attempt.updated_at,
        "endedAt": attempt.ended_at,
        "bytesSynced": sum(|stream| stream.bytes_committed),
        "recordsSynced": sum(|stream| stream.records_committed),
        "failureSummary": failure,
    }));
    if parts.statistics {
        read["totalStats"] = statistics(
            // Of one stream too few the sum would be no estimate of the whole.
            attempt
                .stats
                .iter()
                .map(|stream| stream.estimated_records)
                .sum::<Option<i64>>()
                .filter(|it| *it > 0),
            sum(|stream| stream.records_emitted),
            sum(|stream| stream.bytes_emitted),
            sum(|stream| stream.records_committed),
        );
        read["streamStats"] = attempt
            .stats
            .iter()
            .map(|stream| {
                present(json!({
                    "streamName": stream.name,
                    "streamNamespace": stream.namespace,
                    "stats": statistics(
                        stream.estimated_records,
                        stream.records_emitted,
                        stream.bytes_emitted,
                        stream.records_committed,
                    ),
                }))
            })
            .collect();
    }
    let mut shown = json!({"attempt": read});
    if parts.logs {
        shown["logType"] = Value::from("structured");
        let events: Vec<Value> = attempt
            .log
            .iter()
            .map(|event| {
                json!({
                    "timestamp": event.timestamp_millis, "level": event.level, "logSource": event.source,
                    "message": event.message,
                })
            })
            .collect();
        shown["logs"] = json!({"events": events, "version": "1"});
    }
    shown
}

pub(super) fn shown_failure(failure: &Failure) -> Value {
    json!({
        "failureOrigin": failure.origin,
        "failureType": failure.kind,
        "externalMessage": failure.external_message,
        "internalMessage": failure.internal_message,
        "stacktrace": "",
        "retryable": failure.kind != "config_error",
        "timestamp": failure.timestamp_millis,
    })
}

/// The counts of a stream under its name.
pub(super) fn stream_counts(stats: &StreamStats) -> Value {
    present(json!({
        "streamName": stats.name,
        "streamNamespace": stats.namespace,
        "bytesEmitted": stats.bytes_emitted,
        "recordsEmitted": stats.records_emitted,
        "bytesCommitted": stats.bytes_committed,
        "recordsCommitted": stats.records_committed,
        "recordsRejected": 0,
    }))
}
