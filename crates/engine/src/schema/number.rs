//! `multipleOf`, exactly: both numbers are taken as the decimals that they are written as.

use cojson::json::number_to_string;

/// A positive decimal: `digits * 10^exponent`. The shortest decimal of a double has at most 17 digits.
struct Decimal {
    digits: u128,
    exponent: i32,
}

/// Whether the value is a whole multiple of the divisor, which is greater than 0.
pub(super) fn is_multiple_of(value: f64, divisor: f64) -> bool {
    let (Some(value), Some(divisor)) = (decimal(value.abs()), decimal(divisor)) else {
        return false;
    };
    if divisor.digits == 0 {
        return false;
    }
    let shift = value.exponent - divisor.exponent;
    match 10_u128.checked_pow(shift.unsigned_abs()) {
        _ if shift >= 0 => scaled_remainder(value.digits, shift, divisor.digits) == 0,
        Some(scale) => match divisor.digits.checked_mul(scale) {
            Some(divisor) => value.digits % divisor == 0,
            None => value.digits == 0,
        },
        None => value.digits == 0,
    }
}

/// `digits * 10^shift % divisor`, where the product of two remainders fits: they have 17 digits.
fn scaled_remainder(digits: u128, shift: i32, divisor: u128) -> u128 {
    (0..shift).fold(digits % divisor, |remainder, _| remainder * 10 % divisor)
}

fn decimal(value: f64) -> Option<Decimal> {
    let text = number_to_string(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = i32::try_from(fraction.len()).ok()?;
    Some(Decimal {
        digits: [whole, fraction].concat().parse().ok()?,
        exponent: exponent.parse::<i32>().ok()? - places,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_those_of_the_written_decimals() {
        for (value, divisor, expected) in [
            (0.0075, 0.0001, true),
            (0.00751, 0.0001, false),
            (4.35, 0.01, true),
            (1.1, 0.1, true),
            (-9.0, 3.0, true),
            (0.0, 1e-300, true),
            (1e308, 0.123_456_789, false),
            (1e308, 0.5, true),
            (1e-300, 1e300, false),
            (12_391_239_123.0, 1e-8, true),
            (9_007_199_254_740_991.0, 2.0, false),
            (5e-324, 5e-324, true),
            (f64::INFINITY, 2.0, false),
            (7.0, 0.0, false),
        ] {
            assert_eq!(
                is_multiple_of(value, divisor),
                expected,
                "{value} of {divisor}"
            );
        }
    }
}
