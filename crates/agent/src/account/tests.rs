//! Who the agent is, for each combination of what is given and what is kept.

use cojson::entropy::Entropy;
use storage::memory::MemoryStorage;

use super::*;

fn secret(seed: u8) -> AgentSecret {
    AgentSecret::generate(&mut Entropy::from_seed([seed; 32]))
}

struct Place {
    notes: MemoryStorage,
    entropy: Entropy,
}

impl Place {
    fn new() -> Self {
        Self {
            notes: MemoryStorage::default(),
            entropy: Entropy::from_seed([9; 32]),
        }
    }

    fn open(
        &mut self,
        given: Option<&AgentSecret>,
        named: Option<&CoId>,
    ) -> Result<Identity, AccountError> {
        identify(given, named, &mut self.notes, &mut self.entropy)
    }
}

#[test]
fn a_storage_is_opened_again_as_the_same_account_in_the_same_session() {
    for given in [None, Some(secret(1))] {
        let mut place = Place::new();
        let first = place.open(given.as_ref(), None).unwrap();
        let second = place.open(None, None).unwrap();
        assert_eq!(account_of(&first.secret), account_of(&second.secret));
        assert_eq!(first.session, second.session);
        assert_eq!(first.session.author(), account_of(&first.secret).as_str());
    }
}

#[test]
fn r2_a_session_that_was_retired_is_not_taken_up_again() {
    let mut place = Place::new();
    let first = place.open(None, None).unwrap();
    place
        .notes
        .change_notes(&retirement(&first.session))
        .unwrap();
    let second = place.open(None, None).unwrap();
    assert_ne!(first.session, second.session);
    assert_eq!(account_of(&first.secret), account_of(&second.secret));
}

#[test]
fn r12_what_does_not_belong_together_is_told_with_the_setting_to_change() {
    let (own, other) = (account_of(&secret(1)), account_of(&secret(2)));
    let mut place = Place::new();
    let error = place.open(None, Some(&own)).unwrap_err();
    assert!(matches!(error, AccountError::NoSecret { .. }), "{error}");
    let error = place.open(Some(&secret(1)), Some(&other)).unwrap_err();
    assert!(matches!(error, AccountError::OtherSecret { .. }), "{error}");
    place.open(Some(&secret(1)), Some(&own)).unwrap();
    let error = place.open(Some(&secret(2)), None).unwrap_err();
    assert!(
        matches!(error, AccountError::OtherStorage { .. }),
        "{error}"
    );
    let error = place.open(None, Some(&other)).unwrap_err();
    assert!(matches!(error, AccountError::OtherSecret { .. }), "{error}");
    let put = vec![("secret".to_owned(), "torn".to_owned())];
    let change = NoteChange {
        put,
        forget: Vec::new(),
    };
    place.notes.change_notes(&change).unwrap();
    let error = place.open(None, None).unwrap_err();
    assert!(matches!(error, AccountError::DamagedSecret), "{error}");
}
