//! Of which refreshes the rows of a read are.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;

/// Of which refreshes the rows of one read are, as far as they have come: the connector numbers its refreshes in
/// `_airbyte_generation_id`. Clones tell of the same read.
///
/// Where the table has that column it is read along with the others, whichever are chosen, unless the stream is known
/// to keep the rows of older refreshes ([`StreamSpec::overwrites`](crate::StreamSpec::overwrites)): so a read tells by
/// itself, and of its own snapshot, when an unfinished refresh lies beside older rows. Who may not read that column says
/// `overwrites(false)`.
#[derive(Clone, Debug, Default)]
pub struct Refreshes(Arc<Mutex<Option<(i64, i64)>>>);

impl Refreshes {
    /// The oldest and the newest refresh that has rows among those that were read so far; `None` where there are no
    /// rows, they are not numbered, or the stream is known to keep older ones.
    pub fn generations(&self) -> Option<RangeInclusive<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|(oldest, newest)| oldest..=newest)
    }

    /// Says so if the rows so far are of several refreshes; it is logged as well, once.
    pub fn warning(&self) -> Option<String> {
        self.generations().and_then(|all| warning(&all))
    }

    /// Takes note of the refreshes of some rows.
    pub(crate) fn see(&self, oldest: i64, newest: i64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *seen;
        let (from, to) = before.map_or((oldest, newest), |(from, to)| (from.min(oldest), to.max(newest)));
        *seen = Some((from, to));
        drop(seen);
        let told = before.is_some_and(|(from, to)| from != to);
        if let (false, Some(warning)) = (told, warning(&(from..=to))) {
            tracing::warn!("{warning}");
        }
    }

    /// Takes note of a column of their numbers, of whatever type the database has for them.
    pub(crate) fn look(&self, column: &ArrayRef) {
        // A text that is no number, say, is none: rows without a number are older than the numbers.
        let Ok(numbers) = cast(column, &DataType::Int64) else { return };
        let numbers = numbers.as_primitive::<Int64Type>();
        let ends = |ends: Option<(i64, i64)>, number: i64| {
            Some(ends.map_or((number, number), |(from, to)| (from.min(number), to.max(number))))
        };
        let seen = if numbers.null_count() == 0 {
            numbers.values().iter().copied().fold(None, ends)
        } else {
            numbers.iter().flatten().fold(None, ends)
        };
        if let Some((oldest, newest)) = seen {
            self.see(oldest, newest);
        }
    }
}

fn warning(generations: &RangeInclusive<i64>) -> Option<String> {
    let (oldest, newest) = (generations.start(), generations.end());
    (oldest != newest).then(|| {
        format!(
            "the rows are of the refreshes {oldest} to {newest}: unless the stream keeps the rows of older ones, a \
             refresh has not ended"
        )
    })
}

/// How many rows a read had, and of which refreshes they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The number of rows.
    pub rows: u64,
    /// The oldest and the newest refresh among them, see [`Refreshes::generations`].
    pub generations: Option<RangeInclusive<i64>>,
    /// What to know about the rows, in words: that an unfinished refresh may lie beside older ones. Mostly empty.
    pub warnings: Vec<String>,
}

impl Tally {
    pub(crate) fn new(rows: u64, refreshes: &Refreshes) -> Self {
        Self {
            rows,
            generations: refreshes.generations(),
            warnings: refreshes.warning().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Decimal128Array, Int64Array, StringArray};

    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Counts warnings.
    struct Warnings(Arc<AtomicUsize>);

    impl Subscriber for Warnings {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.fetch_add(usize::from(*event.metadata().level() == Level::WARN), Ordering::Relaxed);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn several_refreshes_are_logged_once() {
        let told = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(Warnings(told.clone()), || {
            let refreshes = Refreshes::default();
            refreshes.see(2, 2);
            assert_eq!(told.load(Ordering::Relaxed), 0);
            refreshes.see(3, 3);
            refreshes.see(4, 5);
            assert_eq!(told.load(Ordering::Relaxed), 1);
            Refreshes::default().see(1, 2);
            assert_eq!(told.load(Ordering::Relaxed), 2);
        });
    }

    fn seen(columns: &[ArrayRef]) -> Refreshes {
        let refreshes = Refreshes::default();
        for column in columns {
            refreshes.look(column);
        }
        refreshes
    }

    #[test]
    fn numbers_of_every_type_are_seen_and_missing_ones_are_none() {
        let nothing =
            seen(&[Arc::new(Int64Array::from(vec![None, None])), Arc::new(StringArray::from(vec!["x"]))]);
        assert_eq!((nothing.generations(), nothing.warning()), (None, None));
        let one =
            seen(&[Arc::new(Int64Array::from(vec![4, 4])), Arc::new(Int64Array::from(vec![None, Some(4)]))]);
        assert_eq!((one.generations(), one.warning()), (Some(4..=4), None));
        let several: [ArrayRef; 3] = [
            Arc::new(Decimal128Array::from(vec![6]).with_precision_and_scale(38, 0).unwrap()),
            Arc::new(StringArray::from(vec!["5"])),
            Arc::new(Int64Array::from(vec![None, Some(7)])),
        ];
        let several = seen(&several);
        assert_eq!(several.generations(), Some(5..=7));
        assert!(several.warning().unwrap().contains("5 to 7"));
    }
}
