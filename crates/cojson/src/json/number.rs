//! Numbers as JavaScript reads and writes them. In a browser its own functions do what takes tables of powers to do
//! quickly, which would be a twentieth of the module; elsewhere libraries do. Whole numbers, which are nearly all, take
//! neither.

/// Integers up to here are doubles, and are written with all their digits: 2^53.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;
/// Every integer of so many digits is a double.
const EXACT_DIGITS_MAX: usize = 15;

/// A number as JavaScript's `String(number)` writes it.
pub fn number_to_string(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE_INTEGER {
        whole_to_string(value)
    } else {
        host::to_text(value)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of at most 2^53"
)]
fn whole_to_string(value: f64) -> String {
    (value as i64).to_string()
}

/// The number that a decimal numeral stands for: an optional sign, digits, a fraction, an exponent. What is none is not
/// a number, what is too large is infinite.
pub fn number_from_numeral(numeral: &str) -> f64 {
    let whole = numeral.strip_prefix('-').unwrap_or(numeral);
    match whole_from_digits(whole) {
        #[expect(clippy::cast_precision_loss, reason = "of so many digits it is exact")]
        Some(exact) if whole.len() <= EXACT_DIGITS_MAX => {
            let exact = exact as f64;
            if whole.len() < numeral.len() {
                -exact
            } else {
                exact
            }
        }
        _ => host::from_numeral(numeral),
    }
}

/// The number that digits stand for, if there is nothing else and it is no larger than 64 bits hold.
pub(super) fn whole_from_digits(digits: &str) -> Option<u64> {
    let add = |number: u64, byte: u8| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    };
    let number = digits.bytes().try_fold(0, add)?;
    (!digits.is_empty()).then_some(number)
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    pub(super) fn to_text(value: f64) -> String {
        ryu_js::Buffer::new().format(value).to_owned()
    }

    pub(super) fn from_numeral(numeral: &str) -> f64 {
        numeral.parse().unwrap_or(f64::NAN)
    }
}

#[cfg(target_arch = "wasm32")]
mod host {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = String)]
        pub(super) fn to_text(value: f64) -> String;

        #[wasm_bindgen(js_name = Number)]
        pub(super) fn from_numeral(numeral: &str) -> f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (value, text) in [
            (1e21, "1e+21"),
            (-0.0, "0"),
            (0.000_000_1, "1e-7"),
            (123.0, "123"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (18_446_744_073_709_552_000.0, "18446744073709552000"),
            (2.5, "2.5"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number_to_string(value), text);
        }
    }

    #[test]
    fn numerals_are_read_to_the_nearest_double() {
        for (numeral, value) in [
            ("-0", -0.0_f64),
            ("007", 7.0),
            ("999999999999999", 999_999_999_999_999.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("1e400", f64::INFINITY),
            ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
            ("+.5e1", 5.0),
        ] {
            assert_eq!(
                number_from_numeral(numeral).to_bits(),
                value.to_bits(),
                "{numeral}"
            );
        }
        assert!(number_from_numeral("1e").is_nan());
    }
}
