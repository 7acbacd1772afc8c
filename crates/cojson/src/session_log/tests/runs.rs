//! Pieces taken in together against the same pieces taken in one by one, genuine and damaged in every way.

use super::*;

const PIECES: usize = 12;
const ROUNDS: u8 = 60;

/// Random choices that repeat with their seed.
struct Choices(Entropy);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0.bytes())) % bound
    }
}

/// A genuine log in pieces, each signed: some long enough to make checkpoints.
fn genuine(choices: &mut Choices) -> Vec<SessionContent> {
    let mut log = SessionLog::new(session());
    let mut pieces = Vec::new();
    for number in 0..PIECES as u64 {
        for _ in 0..=choices.below(3) {
            let bytes = [10, 100, 30_000][choices.below(3)];
            log.append_local(transaction(number, bytes));
        }
        pieces.extend(log.sign(&secret(1)));
    }
    pieces
}

/// One of the ways in which what arrives is not what was sent.
fn damage(pieces: &mut Vec<SessionContent>, choices: &mut Choices, way: usize) {
    let place = choices.below(pieces.len());
    let foreign = secret(2).sign(&crate::crypto::hash(b""));
    match way {
        0 => pieces[place].last_signature = foreign,
        1 => pieces[place].new_transactions[0] = transaction(99, 10),
        2 => drop(pieces.remove(place)),
        3 => pieces.insert(place, pieces[place].clone()),
        4 => pieces.swap(place, choices.below(PIECES)),
        5 => pieces[place].new_transactions.clear(),
        6 => pieces[place].new_transactions[0] = transaction(0, 2_000_000),
        _ => pieces[place].after = pieces[place].after.saturating_sub(1),
    }
}

/// Takes pieces in, so many at a time as the choices say.
fn receive_in_runs(pieces: &[SessionContent], choices: &mut Choices) -> (SessionLog, Vec<bool>) {
    let mut log = SessionLog::new(session());
    let mut outcomes = Vec::new();
    let mut rest = pieces;
    while !rest.is_empty() {
        let (run, after) = rest.split_at((1 + choices.below(6)).min(rest.len()));
        let taken = log.receive_run(run.to_vec(), &secret(1).id());
        outcomes.extend(taken.iter().map(Result::is_ok));
        rest = after;
    }
    (log, outcomes)
}

fn receive_one_by_one(pieces: &[SessionContent]) -> (SessionLog, Vec<bool>) {
    let mut log = SessionLog::new(session());
    let outcomes = pieces
        .iter()
        .map(|piece| log.receive(piece.clone(), &secret(1).id()).is_ok())
        .collect();
    (log, outcomes)
}

/// Every piece that the log would send verifies with somebody who starts from nothing.
fn assert_verifies(log: &SessionLog, what: &str) {
    let mut copy = SessionLog::new(session());
    for piece in log.content_since(0, 1) {
        copy.receive(piece, &secret(1).id())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert_eq!(copy.len(), log.len(), "{what}");
}

#[test]
fn r11_pieces_taken_in_together_are_as_if_taken_in_one_by_one() {
    for seed in 0..ROUNDS {
        let mut choices = Choices(Entropy::from_seed([seed; 32]));
        let whole = genuine(&mut choices);
        let mut pieces = whole.clone();
        // The first way is another law's: see below.
        let way = 1 + usize::from(seed) % 7;
        for _ in 0..choices.below(3) {
            damage(&mut pieces, &mut choices, way);
        }
        let what = format!("seed {seed}, damage {way}");
        let (together, outcomes) = receive_in_runs(&pieces, &mut choices);
        let (one_by_one, expected) = receive_one_by_one(&pieces);
        assert_eq!(outcomes, expected, "{what}");
        assert_eq!(together.transactions(), one_by_one.transactions(), "{what}");
        assert_eq!(together.last_signature(), one_by_one.last_signature());
        assert_verifies(&together, &what);
    }
}

#[test]
fn r11_a_forged_signature_among_pieces_is_never_kept_and_loses_nothing() {
    for seed in 0..ROUNDS {
        let mut choices = Choices(Entropy::from_seed([seed; 32]));
        let whole = genuine(&mut choices);
        let mut pieces = whole.clone();
        for _ in 0..=choices.below(3) {
            damage(&mut pieces, &mut choices, 0);
        }
        let what = format!("seed {seed}");
        let (mut together, _) = receive_in_runs(&pieces, &mut choices);
        let (one_by_one, _) = receive_one_by_one(&pieces);
        assert!(together.len() >= one_by_one.len(), "{what}");
        assert_verifies(&together, &what);
        for piece in &whole {
            let _ = together.receive(piece.clone(), &secret(1).id());
        }
        let (full, _) = receive_one_by_one(&whole);
        assert_eq!(together.transactions(), full.transactions(), "{what}");
        assert_verifies(&together, &what);
    }
}

#[test]
fn only_the_newest_signature_of_a_run_is_checked() {
    let mut choices = Choices(Entropy::from_seed([9; 32]));
    let mut pieces = genuine(&mut choices);
    let foreign = secret(2).sign(&crate::crypto::hash(b""));
    let last = pieces.len() - 1;
    for piece in &mut pieces[..last] {
        piece.last_signature = foreign;
    }
    let expected: Vec<_> = pieces
        .iter()
        .map(|piece| Ok(u32::try_from(piece.new_transactions.len()).unwrap()))
        .collect();
    let mut log = SessionLog::new(session());
    assert_eq!(log.receive_run(pieces, &secret(1).id()), expected);
}

#[test]
fn r11_a_forged_tail_costs_itself_alone() {
    let mut choices = Choices(Entropy::from_seed([3; 32]));
    let mut pieces = genuine(&mut choices);
    let last = pieces.len() - 1;
    pieces[last].last_signature = secret(2).sign(&crate::crypto::hash(b""));
    let honest = pieces[last].after;
    let mut log = SessionLog::new(session());
    let outcomes = log.receive_run(pieces, &secret(1).id());
    assert_eq!(log.len(), honest);
    assert!(outcomes[..last].iter().all(Result::is_ok));
    assert!(matches!(outcomes[last], Err(ContentError::Signature(_))));
}
