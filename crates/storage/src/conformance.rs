//! What every back end must do, as one suite: [`check_storage`] passes or panics with what was lost.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "checks fail as tests do"
)]

mod cast;
mod notes;
mod reading;
mod writing;

use super::{Notes, Storage};

pub use cast::{Author, batch, header, joined, load, load_any, value_write, write_one};

/// Runs the suite, each check on a fresh store.
pub fn check_storage(fresh: &mut dyn FnMut() -> Box<dyn Storage>) {
    writing::what_was_never_written_is_not_there(fresh().as_mut());
    writing::what_was_written_is_read_back(fresh().as_mut());
    writing::a_log_grows_piece_by_piece(fresh().as_mut());
    writing::a_session_of_two_values_is_two_logs(fresh().as_mut());
    writing::writing_again_changes_nothing(fresh().as_mut());
    writing::what_overlaps_is_accepted_and_a_fork_is_refused(fresh().as_mut());
    writing::a_batch_is_written_whole_or_not_at_all(fresh().as_mut());
    writing::transactions_without_a_header_are_refused(fresh().as_mut());
    writing::a_long_session_can_still_be_cut_where_it_could(fresh().as_mut());
    writing::of_a_deleted_value_the_tombstones_alone_are_kept(fresh().as_mut());
    reading::a_log_of_any_length_is_read_in_bounded_pieces(fresh().as_mut());
    reading::the_outline_tells_what_is_kept(fresh().as_mut());
    reading::every_value_is_listed_once(fresh().as_mut());
    reading::the_stats_are_those_of_what_was_written(fresh().as_mut());
    writing::odd_text_survives(fresh().as_mut());
}

/// Runs the suite of notes on a fresh store.
pub fn check_notes(storage: &mut dyn Notes) {
    notes::notes_are_kept_by_key(storage);
}
