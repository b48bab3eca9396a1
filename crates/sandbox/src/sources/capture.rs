//! Changes as the log of a database tells them, made up for the `faker` source on request.
//!
//! Before each further sync a round of changes comes over every stream: the first rows that are left go, and some of
//! the rows behind them change. What a reader is told follows from the number of the round alone.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Begin, Cell, Field, FieldType, Row, SourceError};

/// The field that orders changes: the position in the log.
pub(super) const CURSOR: &str = "_ab_cdc_lsn";
const UPDATED_AT: &str = "_ab_cdc_updated_at";
/// The field that is set of a row that is gone. Destinations know it by this name.
pub(crate) const DELETED_AT: &str = "_ab_cdc_deleted_at";

/// Positions of one round lie in a range of this length.
const ROUND: i64 = 1_000_000_000;

/// How many rows of each stream go and change in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capture {
    deletes: i64,
    updates: i64,
    /// When the rounds begin.
    epoch: DateTime<Utc>,
}

impl Capture {
    /// What a configuration asks for under `cdc`; `None` if it does not.
    pub(super) fn of(configuration: &Value, epoch: DateTime<Utc>) -> Result<Option<Self>, SourceError> {
        let Some(given) = configuration.get("cdc").filter(|given| !given.is_null()) else { return Ok(None) };
        let number = |name: &str| match given.get(name) {
            None => Ok(0),
            Some(value) => value.as_i64().filter(|number| (0..ROUND).contains(number)).ok_or_else(|| {
                SourceError::new(format!("`cdc.{name}` of the faker source is a number of rows, not {value}"))
            }),
        };
        Ok(Some(Self { deletes: number("deletes")?, updates: number("updates")?, epoch }))
    }

    /// The fields that every stream has on top of its own.
    pub(super) fn fields() -> [Field; 3] {
        [
            Field::new(CURSOR, FieldType::Number),
            Field::new(UPDATED_AT, FieldType::TimestampWithZone),
            Field::new(DELETED_AT, FieldType::TimestampWithZone),
        ]
    }

    /// What is told of a row whose id is its first value and whose time of change is at `updated_at`.
    pub(super) fn told(&self, mut row: Row, updated_at: usize, begin: &Begin) -> Option<Row> {
        let Some(Cell::Integer(id)) = row.first() else { return None };
        let id = *id;
        let (round, position, is_gone) = match begin {
            Begin::Changes(round) if self.went_in(id, *round) => (*round, round * ROUND + id, true),
            Begin::Changes(round) if self.changed_in(id, *round) => (*round, round * ROUND + id, false),
            Begin::Changes(_) => return None,
            Begin::Snapshot(round) if id <= round * self.deletes => return None,
            Begin::Snapshot(round) => (*round, round * ROUND, false),
            Begin::Start | Begin::After(_) => (0, 0, false),
        };
        if is_gone {
            // The log tells the key of such a row and nothing else.
            row[1..].fill(Cell::Null);
        } else if let Some(last) = self.last_change(id, round) {
            row[updated_at] = self.moment(last);
        }
        let moment = self.moment(round);
        let deleted = if is_gone { moment.clone() } else { Cell::Null };
        row.extend([Cell::Number(position.to_string()), moment, deleted]);
        Some(row)
    }

    fn went_in(&self, id: i64, round: i64) -> bool {
        (round - 1) * self.deletes < id && id <= round * self.deletes
    }

    fn changed_in(&self, id: i64, round: i64) -> bool {
        round > 0 && round * self.deletes < id && id <= round * self.deletes + self.updates
    }

    fn last_change(&self, id: i64, until: i64) -> Option<i64> {
        // Rounds move on by the rows that go, so the last one that has reached the row is the one to look at.
        let last = match self.deletes {
            0 => until,
            deletes => until.min((id - 1) / deletes),
        };
        Some(last).filter(|round| self.changed_in(id, *round))
    }

    fn moment(&self, round: i64) -> Cell {
        let moment = self.epoch + TimeDelta::try_hours(round).unwrap_or_default();
        Cell::Text(moment.format("%Y-%m-%dT%H:%M:%S+00:00").to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The ids that are told, each with whether it is gone and its time of change.
    fn told(begin: &Begin) -> Vec<(i64, bool, Cell)> {
        let configuration = json!({"cdc": {"deletes": 2, "updates": 3}});
        let capture = Capture::of(&configuration, DateTime::default()).unwrap().unwrap();
        let rows = (1..=10).map(|id| vec![Cell::Integer(id), Cell::Text("old".to_owned())]);
        rows.filter_map(|row| capture.told(row, 1, begin))
            .map(|row| {
                let Cell::Integer(id) = row[0] else { panic!("{row:?}") };
                assert_eq!(row.len(), 5);
                (id, row[4] != Cell::Null, row[1].clone())
            })
            .collect()
    }

    #[test]
    fn a_snapshot_and_the_changes_after_it_lead_to_the_next_snapshot() {
        let mut rows = told(&Begin::Snapshot(0));
        assert_eq!(rows.len(), 10);
        for round in 1..=6 {
            for (id, is_gone, at) in told(&Begin::Changes(round)) {
                rows.retain(|(other, ..)| *other != id);
                if !is_gone {
                    rows.push((id, false, at));
                }
            }
            rows.sort_by_key(|(id, ..)| *id);
            assert_eq!(rows, told(&Begin::Snapshot(round)), "round {round}");
        }
        assert!(rows.is_empty(), "two of ten rows go each time");
    }

    #[test]
    fn a_row_that_is_gone_has_nothing_but_its_key() {
        let changes = told(&Begin::Changes(1));
        let gone: Vec<_> = changes.iter().filter(|(_, is_gone, _)| *is_gone).collect();
        assert_eq!(gone, [&(1, true, Cell::Null), &(2, true, Cell::Null)]);
        assert_eq!(changes.len(), 5);
    }

    #[test]
    fn only_numbers_of_rows_are_taken() {
        let of = |cdc: Value| Capture::of(&json!({"cdc": cdc}), DateTime::default());
        assert!(of(json!(null)).unwrap().is_none());
        assert!(of(json!({})).unwrap().is_some());
        for refused in [json!({"deletes": -1}), json!({"updates": "all"})] {
            assert!(of(refused).is_err());
        }
    }
}
