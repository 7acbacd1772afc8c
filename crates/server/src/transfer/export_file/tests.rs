//! The form of the file, as `docs/moving-logs.md` tells it, and what is said to files of another form.

use super::*;

fn begin(text: &str) -> Result<Reader<&[u8]>, TransferError> {
    Reader::begin(text.as_bytes(), Path::new("logs.export"))
}

#[test]
fn the_form_is_the_one_that_is_written_down() {
    let writer = Writer::begin(Vec::new(), Path::new("logs.export")).unwrap();
    let file = writer.finish(&Read::default()).unwrap();
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], r#"{"format":"pleione-export","version":1}"#);
    let last = r#"{"end":true,"values":0,"transactions":0}"#;
    let checksum = blake3::hash(format!("{}\n{last}\n", lines[0]).as_bytes());
    let checksum = &checksum.to_hex()[..16];
    assert_eq!(lines[1], format!("{checksum} {last}"));
    assert_eq!(lines.len(), 2);
}

#[test]
fn r12_what_is_no_export_or_a_later_one_is_told_with_its_name() {
    let later = "{\"format\":\"pleione-export\",\"version\":2}\n";
    for (text, word) in [
        ("", "cut off"),
        ("a letter\n", "pleione-export"),
        ("{\"format\":\"another\",\"version\":1}\n", "pleione-export"),
        (later, "version 2"),
    ] {
        let error = begin(text).unwrap_err().to_string();
        assert!(error.contains("logs.export, line 1"), "{error}");
        assert!(error.contains(word) || text.is_empty(), "{error}");
    }
}

#[test]
fn r11_a_line_without_an_end_is_not_read_into_memory() {
    #[derive(Debug)]
    struct Endless;
    impl std::io::Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            bytes.fill(b'x');
            Ok(bytes.len())
        }
    }
    let input = std::io::BufReader::new(Endless);
    let error = Reader::begin(input, Path::new("endless")).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}
