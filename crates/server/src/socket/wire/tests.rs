//! What is deflated is inflated to the same, and a bomb is refused before it goes off.

use std::io::Write as _;

use flate2::write::DeflateEncoder;

use super::*;

const BYTES_MAX: usize = 32 << 20;

/// A frame as clients write them; each number is another one.
fn frame(number: u64) -> String {
    let noise = |salt: u64| noise_of(number.wrapping_mul(31).wrapping_add(salt));
    format!(
        r#"{{"action":"content","id":"co_z{}","priority":3,"new":{{"co_z{}_session_z{}":{{"after":{number},"newTransactions":[{{"encryptedChanges":"encrypted_U{}{}","keyUsed":"key_z{}","madeAt":17956{number:08},"privacy":"private"}}],"lastSignature":"signature_z{}{}"}}}}}}}}"#,
        noise(1),
        noise(2),
        noise(3),
        noise(4),
        noise(5),
        noise(6),
        noise(7),
        noise(8),
    )
}

const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ123456789";

/// Text that looks like chance.
fn noise_of(seed: u64) -> String {
    noise_in(LETTERS, seed)
}

fn noise_in(letters: &[u8], seed: u64) -> String {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = usize::try_from(state).unwrap() % letters.len();
        char::from(letters[at])
    });
    next.take(27).collect()
}

fn stream(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn what_is_deflated_is_inflated_to_the_same() {
    for (number, count) in (0..200).zip([1, 1, 1, 7, 300].into_iter().cycle()) {
        let text: Vec<_> = (0..count)
            .map(|index| frame(number * 1_000 + index))
            .collect();
        let text = text.join("\n");
        let bytes = deflated(&text).unwrap();
        let (short, long) = (bytes.len(), text.len());
        assert!(short * 10 < long * 7, "{short} of {long}");
        assert_eq!(inflated(&bytes, long).await.unwrap().as_str(), text);
    }
}

#[test]
fn what_would_not_be_shorter_or_could_not_be_inflated_stays_text() {
    assert_eq!(deflated(r#"{"action":"ping"}"#), None);
    let printable: Vec<u8> = (b' '..=b'~').collect();
    let noise: String = (0..5).map(|seed| noise_in(&printable, seed)).collect();
    assert!(noise.len() > TEXT_BYTES_MAX);
    assert!(deflated(&noise).is_none(), "it is longer deflated");
    let like_a_bomb = "x".repeat(100_000);
    assert!(deflated(&like_a_bomb).is_none());
}

#[tokio::test]
async fn r11_a_bomb_is_refused_before_memory_grows() {
    let bomb = stream(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 80_000, "{}", bomb.len());
    let expected = InflateError::TooLong {
        bytes: bomb.len(),
        bytes_max: bomb.len() * TIMES_MAX,
    };
    assert_eq!(inflated(&bomb, BYTES_MAX).await, Err(expected));
    let expected = InflateError::TooLong {
        bytes: bomb.len(),
        bytes_max: 10_000,
    };
    assert_eq!(inflated(&bomb, 10_000).await, Err(expected));
    // Room is never made for more than a byte beyond the bound.
    let mut length = 0;
    for _ in 0..100 {
        length += room(length, 10_001);
    }
    assert_eq!(length, 10_001);
}

#[tokio::test]
async fn a_frame_is_taken_up_to_the_longest_and_not_a_byte_beyond() {
    let text = frame(1);
    let bytes = deflated(&text).unwrap();
    assert!(inflated(&bytes, text.len()).await.is_ok());
    let found = inflated(&bytes, text.len() - 1).await;
    assert!(
        matches!(found, Err(InflateError::TooLong { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn r11_what_is_torn_or_changed_is_refused_and_hurts_nobody() {
    let bytes = deflated(&frame(1)).unwrap();
    for end in 0..bytes.len() {
        assert_eq!(
            inflated(&bytes[..end], BYTES_MAX).await,
            Err(InflateError::Malformed)
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        inflated(&longer, BYTES_MAX).await,
        Err(InflateError::Malformed)
    );
    let not_text = stream(&[0xFF; 10]);
    assert_eq!(
        inflated(&not_text, BYTES_MAX).await,
        Err(InflateError::NotText)
    );
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            // Whatever it is now, it is bounded.
            if let Ok(text) = inflated(&changed, BYTES_MAX).await {
                assert!(text.len() <= changed.len() * TIMES_MAX);
            }
        }
    }
}
