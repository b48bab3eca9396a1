//! Values as the server prints them, appended to Arrow builders.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
    UInt32Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Schema, SchemaRef};
use chrono::NaiveDate;
use tokio_postgres::SimpleQueryRow;

use crate::engine::decimal_text;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::Column;

/// Bytes of values at which a batch is closed, however few rows it has.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
const DAY_MICROS: i64 = 86_400_000_000;

/// Collects rows into batches.
pub(super) struct Batches {
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
}

impl Batches {
    pub(super) fn new(columns: Vec<Column>, batch_rows: usize) -> Self {
        let schema =
            Arc::new(Schema::new(columns.into_iter().map(|column| column.field).collect::<Vec<_>>()));
        let builders = new_builders(&schema);
        Self { schema, builders, batch_rows, rows: 0, bytes: 0 }
    }

    /// Takes a row.
    pub(super) fn push(
        &mut self,
        row: &SimpleQueryRow,
        broken: impl Fn(tokio_postgres::Error) -> Error,
    ) -> Result<()> {
        if row.len() != self.builders.len() {
            return Err(Error::new(
                ErrorKind::BrokenConnection,
                "a row has another number of fields than its columns",
            ));
        }
        for (index, builder) in self.builders.iter_mut().enumerate() {
            let text = row.try_get(index).map_err(&broken)?;
            builder.append(text).map_err(|problem| {
                Error::new(
                    ErrorKind::Value,
                    format!("a value of the column `{}` {problem}", self.schema.field(index).name()),
                )
                .with_hint("read the column as text (`Dataset::text_columns`)")
            })?;
            self.bytes += text.map_or(8, |text| text.len() + 8);
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows so far.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        let full = std::mem::replace(&mut self.builders, new_builders(&self.schema));
        let columns = full.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

fn new_builders(schema: &Schema) -> Vec<ColumnBuilder> {
    schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect()
}

pub(super) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt32(UInt32Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(StringBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::UInt32 => Self::UInt32(UInt32Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(precision, scale) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type.clone()), *precision, *scale)
            }
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Time64(_) => Self::Time(Time64MicrosecondBuilder::new()),
            DataType::Timestamp(..) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a value, `None` for NULL. The problem completes "a value of the column x ...".
    pub(super) fn append(&mut self, text: Option<&str>) -> Result<(), &'static str> {
        const STRANGE: &str = "does not have the form of its type";
        fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, &'static str> {
            text.map(|text| text.parse().map_err(|_| STRANGE)).transpose()
        }
        match self {
            Self::Boolean(builder) => builder.append_option(match text {
                None => None,
                Some("t" | "true") => Some(true),
                Some("f" | "false") => Some(false),
                Some(_) => return Err(STRANGE),
            }),
            Self::Int16(builder) => builder.append_option(parsed(text)?),
            Self::Int32(builder) => builder.append_option(parsed(text)?),
            Self::Int64(builder) => builder.append_option(parsed(text)?),
            Self::UInt32(builder) => builder.append_option(parsed(text)?),
            Self::Float32(builder) => builder.append_option(parsed(text)?),
            Self::Float64(builder) => builder.append_option(parsed(text)?),
            Self::Decimal(builder, precision, scale) => builder.append_option(
                text.map(|text| decimal(text, *precision, *scale))
                    .transpose()
                    .map_err(|()| "is no number that a decimal of its column holds")?,
            ),
            Self::Text(builder) => builder.append_option(text),
            Self::Date(builder) => builder.append_option(text.map(date).transpose()?),
            Self::Time(builder) => builder.append_option(match text.map(time).transpose()? {
                Some(DAY_MICROS..) => return Err("is 24:00:00, which Arrow does not know"),
                micros => micros,
            }),
            Self::Timestamp(builder) => builder.append_option(text.map(timestamp).transpose()?),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Int16(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::UInt32(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, ..) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
        }
    }
}

const NO_TIME: &str = "is a time that Arrow, or this reader, does not know";

/// Days since 1970 of `2026-01-31` or `0001-01-31 BC`.
fn date(text: &str) -> Result<i32, &'static str> {
    let (text, before_christ) = era(text);
    let mut parts = text.splitn(3, '-').map(str::parse::<i32>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NO_TIME);
    };
    let part = |number: i32| u32::try_from(number).ok();
    let year = if before_christ { 1 - year } else { year };
    let day = part(month).zip(part(day)).and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
    let days = day.ok_or(NO_TIME)?.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).map_err(|_| NO_TIME)
}

/// The year before 1 is 1 BC.
fn era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |text| (text, true))
}

fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, ()> {
    let count = decimal_text::count(text, u8::try_from(scale).map_err(drop)?).map_err(drop)?;
    (count.unsigned_abs() < 10_u128.pow(u32::from(precision))).then_some(count).ok_or(())
}

/// Microseconds of `12:34:56.789`.
fn time(text: &str) -> Result<i64, &'static str> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':').map(str::parse::<i64>);
    let (Some(Ok(hours)), Some(Ok(minutes)), Some(Ok(seconds))) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(NO_TIME);
    };
    // Larger numbers than these have no meaning, and could not be counted with.
    if !(0..=24).contains(&hours) || !(0..60).contains(&minutes) || !(0..=60).contains(&seconds) {
        return Err(NO_TIME);
    }
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NO_TIME);
    }
    let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| NO_TIME)?;
    Ok(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// Microseconds since 1970 of `2026-01-31 12:34:56.789`, with or without a zone as in `+02` or `-05:30`.
fn timestamp(text: &str) -> Result<i64, &'static str> {
    let (text, before_christ) = era(text);
    let (day, clock) = text.split_once(' ').ok_or(NO_TIME)?;
    let days = if before_christ { date(&format!("{day} BC"))? } else { date(day)? };
    let zone = clock.find(['+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let micros = time(clock)? - offset(zone)?;
    i64::from(days).checked_mul(DAY_MICROS).and_then(|days| days.checked_add(micros)).ok_or(NO_TIME)
}

/// Microseconds of a zone, east of Greenwich.
fn offset(zone: &str) -> Result<i64, &'static str> {
    let Some(sign) = zone.chars().next() else { return Ok(0) };
    let mut seconds = 0;
    for (part, unit) in zone[1..].split(':').zip([3_600, 60, 1]) {
        seconds += i64::from(part.parse::<u8>().map_err(|_| NO_TIME)?) * unit;
    }
    Ok(if sign == '-' { -seconds * 1_000_000 } else { seconds * 1_000_000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_as_they_are_printed() {
        assert_eq!(date("1970-01-02"), Ok(1));
        assert_eq!(date("0001-01-01 BC"), Ok(-719_528));
        assert_eq!(date("12026-01-01"), Ok(3_672_879));
        assert_eq!(time("23:59:59.5"), Ok(86_399_500_000));
        assert_eq!(timestamp("1970-01-01 00:00:00.000001"), Ok(1));
        assert_eq!(timestamp("1970-01-01 02:00:00+02"), Ok(0));
        assert_eq!(timestamp("1969-12-31 18:30:00-05:30"), Ok(0));
        assert_eq!(timestamp("0001-12-31 23:59:59+00 BC"), Ok(-62_135_596_801_000_000));
        for wrong in ["", "infinity", "1970-13-01", "1970-01", "x-y-z"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
        assert!(timestamp("infinity").is_err() && timestamp("1970-01-01").is_err());
        assert!(timestamp("1970-01-01 00:00:00.1234567").is_err());
        assert!(timestamp("1970-01-01 00:00:00+x").is_err());
        assert!(time("999999999999999999:00:00").is_err() && time("-1:00:00").is_err());
        assert!(timestamp("1970-01-01 00:00:00+999999999999999999").is_err());
    }

    #[test]
    fn a_decimal_is_all_of_it_or_none() {
        assert_eq!(decimal("-999.99", 5, 2), Ok(-99_999));
        for wrong in ["1000.00", "999999999999999999999999999999999999999999999", "1e3", "NaN", "0.001"] {
            assert!(decimal(wrong, 5, 2).is_err(), "{wrong}");
        }
    }
}
