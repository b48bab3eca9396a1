//! PostgreSQL's arrays of one dimension.

use arrow_array::builder::ListBuilder;

use super::builder::{ColumnBuilder, Problem};

/// Appends an array of elements of this type and returns about how many bytes it takes.
pub(super) fn append(
    builder: &mut ListBuilder<ColumnBuilder>,
    element: u32,
    bytes: &[u8],
) -> Result<usize, Problem> {
    let mut rest = bytes;
    let mut taken = 8;
    let dimensions = number(&mut rest)?;
    let _has_nulls = number(&mut rest)?;
    if number(&mut rest)?.cast_unsigned() != element {
        return Err(Problem::MALFORMED);
    }
    match dimensions {
        0 => {}
        1 => {
            let count = number(&mut rest)?;
            let _first_index = number(&mut rest)?;
            for _ in 0..count {
                let length = number(&mut rest)?;
                let value = match usize::try_from(length) {
                    Ok(length) => Some(rest.split_off(..length).ok_or(Problem::MALFORMED)?),
                    Err(_) => None,
                };
                taken += builder.values().append(value)?;
            }
        }
        _ => return Err(Problem("is an array of several dimensions, which Arrow's lists are not")),
    }
    builder.append(true);
    Ok(taken)
}

fn number(bytes: &mut &[u8]) -> Result<i32, Problem> {
    let (number, behind) = bytes.split_first_chunk::<4>().ok_or(Problem::MALFORMED)?;
    *bytes = behind;
    Ok(i32::from_be_bytes(*number))
}
