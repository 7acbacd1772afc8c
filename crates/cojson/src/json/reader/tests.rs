use super::*;
use crate::json::Wire as _;

#[test]
fn what_is_json_is_read() {
    for (text, expected) in [
        (
            " [ 1 , \"a\" , null ,true,false ] ",
            r#"[1,"a",null,true,false]"#,
        ),
        (r#"{"a":{"b":[]},"c":{}}"#, r#"{"a":{"b":[]},"c":{}}"#),
        (
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#,
            "\"\\\"\\\\/\\b\\f\\n\\r\\té😀é\"",
        ),
        ("-0.5e-3", "-0.0005"),
        ("0", "0"),
        ("-0", "0"),
        ("1E2", "100"),
        ("123456789012345678", "123456789012345680"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("5e-324", "5e-324"),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"":1}"#, r#"{"":1}"#),
    ] {
        assert_eq!(Json::parse(text).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn r11_what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "tru",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "1e999",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\n\"",
        "\"\u{1f}\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\n\"",
        "1 1",
        "[] x",
        "\u{feff}1",
        "\u{a0}1",
        "//\n1",
        "\"\\u00é\"",
    ] {
        assert!(Json::parse(text).is_err(), "{text:?}");
        let mut reader = Reader::new(text);
        assert!(
            reader.skip().and_then(|()| reader.end()).is_err(),
            "{text:?} is not passed over"
        );
    }
}

#[test]
fn r11_nesting_is_bounded_wherever_it_is_read() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for (text, is_read) in [
            (nested(DEPTH_MAX), true),
            (nested(DEPTH_MAX + 1), false),
            (open.repeat(1 << 20), false),
        ] {
            assert_eq!(Json::parse(&text).is_ok(), is_read);
            assert_eq!(Reader::new(&text).skip().is_ok(), is_read);
        }
    }
}

#[test]
fn numbers_are_the_nearest_doubles() {
    let mut bits: u64 = 1;
    for _ in 0..20_000 {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = f64::from_bits(bits);
        if number.is_finite() {
            assert_eq!(
                Json::parse(&format!("{number:e}")).unwrap(),
                Json::Number(number)
            );
            assert_eq!(
                Json::parse(&Json::Number(number).to_string()).unwrap(),
                Json::Number(number)
            );
        }
    }
}

#[test]
fn counts_are_whole_numbers_that_fit() {
    assert_eq!(u32::from_text("4294967295").unwrap(), u32::MAX);
    for text in [
        "-1",
        "1.0",
        "1e3",
        "4294967296",
        "18446744073709551616",
        "\"1\"",
        "null",
    ] {
        assert!(u32::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    let error = Json::parse(r#"{"a":[1,}"#).unwrap_err();
    assert_eq!(error.to_string(), "not as expected at byte 8: a value");
}
