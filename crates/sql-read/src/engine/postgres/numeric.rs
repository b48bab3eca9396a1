//! PostgreSQL's numeric: digits of base 10,000 with a weight, a sign and a display scale.

use std::fmt::Write as _;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// A numeric as it comes over the wire.
pub(super) struct Numeric<'a> {
    digits: &'a [u8],
    /// The power of 10,000 of the first digit.
    weight: i32,
    sign: u16,
    /// Decimal digits after the point that are shown.
    scale: usize,
}

impl<'a> Numeric<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let count = usize::from(short(0)?);
        let digits = bytes.get(8..)?;
        let weight = i32::from(i16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
        let sign = short(4)?;
        let known = matches!(sign, 0 | NEGATIVE | NAN | INFINITY | NEGATIVE_INFINITY);
        let valid =
            known && digits.len() == count * 2 && digits.chunks_exact(2).all(|digit| be(digit) < 10_000);
        valid.then_some(Self { digits, weight, sign, scale: usize::from(short(6)?) })
    }

    fn digit(&self, power: i32) -> u16 {
        usize::try_from(self.weight - power)
            .ok()
            .and_then(|index| self.digits.get(index * 2..index * 2 + 2))
            .map_or(0, be)
    }

    /// As a decimal with `scale` digits after the point; `None` for NaN, infinities, and what does not fit.
    pub(super) fn to_decimal(&self, scale: i8) -> Option<i128> {
        if self.sign & 0x8000 != 0 {
            return None;
        }
        let scale = u32::try_from(scale).ok()?;
        let mut value: i128 = 0;
        let mut power = self.weight;
        for digit in self.digits.chunks_exact(2) {
            let exponent = power * 4 + i32::try_from(scale).ok()?;
            let digit = i128::from(be(digit));
            let part = match u32::try_from(exponent) {
                Ok(exponent) if digit != 0 => digit.checked_mul(10_i128.checked_pow(exponent)?)?,
                Ok(_) => 0,
                Err(_) => {
                    // The last digit may reach behind the scale, with zeroes only.
                    let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
                    if digit % divisor != 0 {
                        return None;
                    }
                    digit / divisor
                }
            };
            value = value.checked_add(part)?;
            power -= 1;
        }
        Some(if self.sign == NEGATIVE { -value } else { value })
    }

    /// Appends it as PostgreSQL prints it.
    pub(super) fn write(&self, out: &mut String) {
        match self.sign {
            NAN => return out.push_str("NaN"),
            INFINITY => return out.push_str("Infinity"),
            NEGATIVE_INFINITY => return out.push_str("-Infinity"),
            NEGATIVE => out.push('-'),
            _ => {}
        }
        let _ = write!(out, "{}", self.digit(self.weight.max(0)));
        for power in (0..self.weight.max(0)).rev() {
            let _ = write!(out, "{:04}", self.digit(power));
        }
        if self.scale > 0 {
            out.push('.');
            let mut left = self.scale;
            let mut power = -1;
            while left > 0 {
                let text = format!("{:04}", self.digit(power));
                out.push_str(&text[..left.min(4)]);
                left = left.saturating_sub(4);
                power -= 1;
            }
        }
    }
}

fn be(bytes: &[u8]) -> u16 {
    u16::from(bytes[0]) << 8 | u16::from(bytes[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(digits: &[u16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(digits.len()).unwrap().to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(scale.to_be_bytes());
        for digit in digits {
            bytes.extend(digit.to_be_bytes());
        }
        bytes
    }

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        Numeric::parse(bytes).unwrap().write(&mut text);
        text
    }

    #[test]
    fn numbers_are_printed_as_the_server_does() {
        assert_eq!(text(&bytes(&[], 0, 0, 0)), "0");
        assert_eq!(text(&bytes(&[], 0, 0, 3)), "0.000");
        assert_eq!(text(&bytes(&[1, 5000], 0, 0, 2)), "1.50");
        assert_eq!(text(&bytes(&[12, 3456, 7000], 1, NEGATIVE, 1)), "-123456.7");
        assert_eq!(text(&bytes(&[1], 2, 0, 0)), "100000000");
        assert_eq!(text(&bytes(&[5], -2, 0, 8)), "0.00000005");
        assert_eq!(text(&bytes(&[], 0, NAN, 0)), "NaN");
        assert_eq!(text(&bytes(&[], 0, NEGATIVE_INFINITY, 0)), "-Infinity");
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let decimal = |bytes: &[u8], scale| Numeric::parse(bytes).unwrap().to_decimal(scale);
        assert_eq!(decimal(&bytes(&[1, 5000], 0, 0, 2), 9), Some(1_500_000_000));
        assert_eq!(decimal(&bytes(&[1, 5000], 0, NEGATIVE, 1), 1), Some(-15));
        assert_eq!(decimal(&bytes(&[1, 5500], 0, 0, 2), 1), None);
        assert_eq!(decimal(&bytes(&[], 0, NAN, 0), 2), None);
        assert_eq!(decimal(&bytes(&[9999], 9, 0, 0), 9), None);
        assert_eq!(decimal(&bytes(&[], 0, 0, 0), 38), Some(0));
    }

    #[test]
    fn garbage_is_no_number() {
        assert!(Numeric::parse(&[]).is_none());
        assert!(Numeric::parse(&bytes(&[10_000], 0, 0, 0)).is_none());
        assert!(Numeric::parse(&bytes(&[1], 0, 0x1234, 0)).is_none());
        assert!(Numeric::parse(&bytes(&[1, 2], 0, 0, 0)[..10]).is_none());
    }
}
