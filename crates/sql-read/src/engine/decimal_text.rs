//! Decimals that come as text.

const STRANGE: &str = "is not written as values of its type are";

/// A number such as `-12.50` as a count of units of the last digit. The problem completes "a value of the column x ...".
///
/// Of a number that is too large nothing is given, and not its lower digits, which ready-made readers give.
pub(crate) fn count(text: &str, scale: u8) -> Result<i128, &'static str> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(STRANGE);
    }
    let scale = usize::from(scale);
    let (kept, beyond) = fraction.split_at(fraction.len().min(scale));
    if beyond.bytes().any(|byte| byte != b'0') {
        return Err("has more digits than its type");
    }
    let count: i128 = format!("{whole}{kept:0<scale$}").parse().map_err(|_| STRANGE)?;
    Ok(if negative { -count } else { count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_counts_and_nothing_else_does() {
        assert_eq!(count("-12.50", 2), Ok(-1_250));
        assert_eq!(count("12.5000", 2), Ok(1_250));
        assert_eq!(count("0", 5), Ok(0));
        assert_eq!(count(&"9".repeat(38), 0), Ok(10_i128.pow(38) - 1));
        for wrong in ["", "-", ".5", "1.2.3", "1e5", "NaN", "1.\u{fc}\u{fc}", "\u{fc}", "+1", " 1"] {
            assert_eq!(count(wrong, 1), Err(STRANGE), "{wrong}");
        }
        assert!(count("1.25", 1).is_err() && count(&"9".repeat(40), 0).is_err());
    }
}
