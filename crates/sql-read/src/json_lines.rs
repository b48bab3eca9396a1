//! Rows as JSON, with all values that a floating point number can have.

use std::sync::{Arc, LazyLock};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_json::writer::{NullableEncoder, make_encoder};
use arrow_json::{Encoder, EncoderFactory, EncoderOptions, WriterBuilder};
use arrow_schema::{ArrowError, DataType, FieldRef};

/// Arrow's own settings.
static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);

/// Builds writers for which NaN and the infinities are texts, as they are for PostgreSQL's `to_json` and the exports of
/// BigQuery. Arrow writes them as `null`, wherever they are.
pub(crate) fn builder() -> WriterBuilder {
    WriterBuilder::new().with_encoder_factory(Arc::new(AllFloats))
}

#[derive(Debug)]
struct AllFloats;

impl EncoderFactory for AllFloats {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        match array.data_type() {
            DataType::Float16 => {
                let values = array.as_primitive::<Float16Type>().values();
                encoder(field, array, move |index| values[index].to_f64())
            }
            DataType::Float32 => {
                let values = array.as_primitive::<Float32Type>().values();
                encoder(field, array, move |index| f64::from(values[index]))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                encoder(field, array, move |index| values[index])
            }
            _ => Ok(None),
        }
    }
}

/// An encoder of floating point numbers, or none where Arrow's own does.
fn encoder<'a>(
    field: &'a FieldRef,
    array: &'a dyn Array,
    value: impl Fn(usize) -> f64 + 'a,
) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
    // So it is nearly always, and nothing is asked of each value then.
    if (0..array.len()).all(|index| value(index).is_finite()) {
        return Ok(None);
    }
    let finite = make_encoder(field, array, &PLAIN)?;
    let nulls = array.nulls().cloned();
    Ok(Some(NullableEncoder::new(Box::new(Floats { finite, value }), nulls)))
}

struct Floats<'a, F> {
    finite: NullableEncoder<'a>,
    value: F,
}

impl<F: Fn(usize) -> f64> Encoder for Floats<'_, F> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let value = (self.value)(index);
        if value.is_finite() {
            self.finite.encode(index, out);
            return;
        }
        let text = if value.is_nan() {
            "\"NaN\""
        } else if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        };
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float32Array, Float64Array, ListArray, RecordBatch, StructArray};
    use arrow_cast::cast;
    use arrow_json::writer::LineDelimited;
    use arrow_schema::Field;

    use super::*;

    fn lines(builder: WriterBuilder, column: &ArrayRef) -> Vec<String> {
        let rows = RecordBatch::try_from_iter_with_nullable([("x", column.clone(), true)]).unwrap();
        let mut writer = builder.build::<_, LineDelimited>(Vec::new());
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        String::from_utf8(writer.into_inner()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn floats_of_every_width_have_all_their_values() {
        let all = [Some(f64::NAN), Some(f64::INFINITY), None, Some(-0.5), Some(f64::NEG_INFINITY)];
        let all: ArrayRef = Arc::new(Float64Array::from(all.to_vec()));
        let expected =
            [r#"{"x":"NaN"}"#, r#"{"x":"Infinity"}"#, "{}", r#"{"x":-0.5}"#, r#"{"x":"-Infinity"}"#];
        for width in [DataType::Float16, DataType::Float32, DataType::Float64] {
            let column = cast(&all, &width).unwrap();
            assert_eq!(lines(builder(), &column), expected, "{width}");
            assert_eq!(lines(builder(), &column.slice(2, 3)), expected[2..], "{width}");
        }
    }

    #[test]
    fn floats_within_lists_and_structs_have_all_their_values() {
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
            Some(vec![Some(f64::NAN), None, Some(1.5)]),
            None,
            Some(vec![Some(f64::NEG_INFINITY)]),
        ]));
        let field = Arc::new(Field::new("list", list.data_type().clone(), true));
        let column: ArrayRef = Arc::new(StructArray::from(vec![(field, list)]));
        let expected = [
            r#"{"x":{"list":["NaN",null,1.5]}}"#,
            r#"{"x":{"list":null}}"#,
            r#"{"x":{"list":["-Infinity"]}}"#,
        ];
        assert_eq!(lines(builder().with_explicit_nulls(true), &column), expected);
    }

    #[test]
    fn finite_numbers_are_what_arrow_writes() {
        let wide = [0.1, -0.0, 3.0, 1e21, 1e-7, 1e300, 5e-324, f64::MAX];
        let narrow = [0.1, -0.0, 3.0, 1e21, 1e-7, 1e30, 1e-45, f32::MAX];
        let odd_wide: Vec<f64> = wide.into_iter().chain([f64::NAN]).collect();
        let odd_narrow: Vec<f32> = narrow.into_iter().chain([f32::NAN]).collect();
        let columns: [(ArrayRef, ArrayRef); 2] = [
            (Arc::new(Float64Array::from(wide.to_vec())), Arc::new(Float64Array::from(odd_wide))),
            (Arc::new(Float32Array::from(narrow.to_vec())), Arc::new(Float32Array::from(odd_narrow))),
        ];
        for (finite, odd) in columns {
            let expected = lines(WriterBuilder::new(), &finite);
            assert_eq!(lines(builder(), &finite), expected);
            assert_eq!(lines(builder(), &odd)[..expected.len()], expected);
        }
    }
}
