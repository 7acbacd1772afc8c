//! A brand and a style with everything in them, and the sheet they have always become.
//!
//! `UPDATE_GOLDEN=1 cargo test -p engine --test style_golden` writes the sheet anew; read its difference then.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cojson::json::Json;
use engine::style::Stylesheet;

const BRAND: &str = include_str!("style/brand.json");
const STYLE: &str = include_str!("style/style.json");
const GOLDEN: &str = include_str!("style/golden.css");

fn sheet() -> Stylesheet {
    let (brand, style) = (Json::parse(BRAND).unwrap(), Json::parse(STYLE).unwrap());
    Stylesheet::compile(Some(&brand), Some(&style)).unwrap()
}

#[test]
fn the_sheet_is_what_it_was() {
    let sheet = sheet();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/style/golden.css");
        std::fs::write(path, sheet.css()).unwrap();
    } else {
        assert_eq!(sheet.css(), GOLDEN);
    }
}

#[test]
fn no_value_is_ever_the_name_of_a_type() {
    for garbage in ["[object", "undefined", "null", "NaN", "{containers"] {
        assert!(!sheet().css().contains(garbage), "{garbage}");
    }
}

/// Prints what a compilation costs: `cargo test -p engine --release --test style_golden -- --nocapture --ignored`.
#[test]
#[ignore = "a measurement"]
fn compile_time() {
    let (brand, style) = (Json::parse(BRAND).unwrap(), Json::parse(STYLE).unwrap());
    let rounds = 1_000;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(Stylesheet::compile(Some(&brand), Some(&style)).unwrap());
    }
    println!("compile: {:?}", start.elapsed() / rounds);
    let mut engine = engine::style::StyleEngine::new();
    engine.sheet(Some(&brand), Some(&style)).unwrap();
    let copy = Json::parse(BRAND).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(engine.sheet(Some(&copy), Some(&style)).unwrap());
    }
    println!("cached, an equal copy: {:?}", start.elapsed() / rounds);
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(engine.sheet(Some(&brand), Some(&style)).unwrap());
    }
    println!("cached, the same: {:?}", start.elapsed() / rounds);
}
