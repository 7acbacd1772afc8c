use super::*;

const NOW: u64 = 1_800_000_000;

/// A token of this head and payload, whatever they say, signed.
fn token(key: &SigningKey, head: &str, payload: &str) -> String {
    let [head, payload] = [head, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{head}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

const HEAD: &str = r#"{"alg":"EdDSA"}"#;

#[test]
fn a_token_is_taken_while_its_time_is_and_by_whom_its_key_is_trusted() {
    let (key, other) = (SigningKey::random().unwrap(), SigningKey::random().unwrap());
    let account = CoId::parse("co_zABC").unwrap();
    let text = Claims::new(NOW + 10, Some(&account), Some("Ada".into())).sign(&key);
    let keys = [other.public(), key.public()];
    let taken = verify(&text, &keys, NOW + 9).unwrap();
    assert_eq!(taken.account, Some(account));
    assert_eq!(taken.key, key.public().id());
    assert_eq!(Some(taken.id), id_of(&text));
    assert_eq!(expiry_of(&text), Some(NOW + 10));
    assert_eq!(verify(&text, &keys, NOW + 10), Err(TokenRefusal::Expired));
    assert_eq!(verify(&text, &keys[..1], NOW), Err(TokenRefusal::Untrusted));
    assert_eq!(verify(&text, &[], NOW), Err(TokenRefusal::Untrusted));
}

#[test]
fn a_token_of_another_kind_or_form_is_refused() {
    let key = SigningKey::random().unwrap();
    let good = format!(r#"{{"exp":{}}}"#, NOW + 1);
    let later = |seconds: u64| format!(r#"{{"exp":{},"nbf":{}}}"#, NOW + 1_000, NOW + seconds);
    for (head, payload, expected) in [
        (HEAD, good.as_str(), Ok(())),
        (r#"{"alg":"EdDSA","typ":"JWT","kid":"any"}"#, &good, Ok(())),
        (HEAD, &later(60), Ok(())),
        (HEAD, &later(61), Err(TokenRefusal::TooEarly)),
        (r#"{"alg":"none"}"#, &good, Err(TokenRefusal::Malformed)),
        (r#"{"alg":"HS256"}"#, &good, Err(TokenRefusal::Malformed)),
        (
            r#"{"alg":"EdDSA","crit":["x"]}"#,
            &good,
            Err(TokenRefusal::Malformed),
        ),
        ("{}", &good, Err(TokenRefusal::Malformed)),
        (HEAD, "{}", Err(TokenRefusal::Malformed)),
        (HEAD, r#"{"exp":"tomorrow"}"#, Err(TokenRefusal::Malformed)),
        (HEAD, r#"{"exp":-1}"#, Err(TokenRefusal::Malformed)),
        // One that is bound to something else than an account is not taken for one that is not bound.
        (
            HEAD,
            r#"{"exp":1900000000,"account":"me"}"#,
            Err(TokenRefusal::Malformed),
        ),
        (
            HEAD,
            r#"{"exp":1900000000,"account":7}"#,
            Err(TokenRefusal::Malformed),
        ),
    ] {
        let text = token(&key, head, payload);
        let taken = verify(&text, &[key.public()], NOW).map(drop);
        assert_eq!(taken, expected, "{head} {payload}");
    }
}

#[test]
fn an_altered_token_is_refused() {
    let key = SigningKey::random().unwrap();
    let text = Claims::new(NOW + 10, None, None).sign(&key);
    for place in 0..text.len() {
        for letter in ['A', 'B', '.'] {
            let mut altered = text.clone();
            altered.replace_range(place..=place, letter.encode_utf8(&mut [0; 4]));
            if altered != text {
                assert!(verify(&altered, &[key.public()], NOW).is_err(), "{altered}");
            }
        }
        assert!(verify(&text[..place], &[key.public()], NOW).is_err());
    }
    for none in [
        String::new(),
        "..".into(),
        "a.b.c".into(),
        "a".repeat(1 << 20),
        format!("{text}.{text}"),
    ] {
        assert_eq!(
            verify(&none, &[key.public()], NOW),
            Err(TokenRefusal::Malformed)
        );
        assert_eq!(expiry_of(&none), None);
    }
}

#[test]
fn a_token_that_another_library_made_is_taken() {
    // RFC 8037, A.1 and A.4: the key, and a signature that it made; its payload is no claims of ours.
    let key = PublicKey::parse("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(verify(text, &[key], NOW), Err(TokenRefusal::Malformed));
    assert_eq!(verify(text, &[], NOW), Err(TokenRefusal::Untrusted));
}
