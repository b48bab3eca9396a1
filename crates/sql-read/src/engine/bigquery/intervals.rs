//! Intervals as BigQuery writes them, `1-2 3 4:5:6.789`: years and months, days, and a time.

use std::sync::Arc;

use arrow_array::builder::IntervalMonthDayNanoBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::IntervalMonthDayNano;
use arrow_array::{Array, ArrayRef, ListArray, StructArray, make_array};
use arrow_schema::{DataType, IntervalUnit};

use crate::error::{Error, ErrorKind, Result};

/// Makes a column what its type says: texts become intervals where they stand for them, and names of members return.
pub(super) fn restore(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    Ok(match wanted {
        DataType::Interval(IntervalUnit::MonthDayNano) => parsed(column)?,
        DataType::List(element) => {
            let list = column.as_list::<i32>();
            let values = restore(list.values(), element.data_type())?;
            Arc::new(ListArray::try_new(
                element.clone(),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?)
        }
        DataType::Struct(fields) => {
            let held = column.as_struct();
            let columns: Result<Vec<ArrayRef>> = held
                .columns()
                .iter()
                .zip(fields)
                .map(|(column, field)| restore(column, field.data_type()))
                .collect();
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns?,
                held.nulls().cloned(),
                held.len(),
            )?)
        }
        _ => make_array(column.to_data()),
    })
}

fn parsed(texts: &ArrayRef) -> Result<ArrayRef> {
    let mut builder = IntervalMonthDayNanoBuilder::new();
    for text in texts.as_string::<i32>() {
        let value = text.map(|text| {
            parse(text).ok_or_else(|| {
                Error::new(ErrorKind::Value, format!("`{text}` is no interval that Arrow can hold"))
            })
        });
        builder.append_option(value.transpose()?);
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn parse(text: &str) -> Option<IntervalMonthDayNano> {
    let mut parts = text.split(' ');
    let (months, days, time) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (sign, months) = signed(months);
    let (years, months) = months.split_once('-')?;
    let years = years.parse::<i64>().ok()?.checked_mul(12)?;
    let months = sign * years.checked_add(months.parse().ok()?)?;
    let (sign, time) = signed(time);
    let mut units = time.split(':');
    let (hours, minutes, seconds) = (units.next()?, units.next()?, units.next()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if units.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let whole = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let seconds = (whole(hours)? * 60 + whole(minutes)?) * 60 + whole(seconds)?;
    let nanos = format!("{fraction:0<9}").parse::<i64>().ok()?;
    let time = sign * seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(IntervalMonthDayNano::new(i32::try_from(months).ok()?, days.parse().ok()?, time))
}

fn signed(text: &str) -> (i64, &str) {
    text.strip_prefix('-').map_or((1, text), |rest| (-1, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_sign_of_its_own() {
        assert_eq!(parse("1-2 -3 4:5:6.789"), Some(IntervalMonthDayNano::new(14, -3, 14_706_789_000_000)));
        assert_eq!(parse("-0-1 0 -0:0:0.000001"), Some(IntervalMonthDayNano::new(-1, 0, -1_000)));
        // BigQuery's longest times are beyond the nanoseconds of Arrow.
        assert_eq!(parse("10000-0 3660000 87840000:0:0"), None);
        assert_eq!(parse("1 2:3:4"), None);
        // Twelve times these years are beyond 64 bits.
        assert_eq!(parse("1537228672809129301-0 0 0:0:0"), None);
        assert_eq!(parse("0-0 0 0:0"), None);
    }
}
