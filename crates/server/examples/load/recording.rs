//! Recorded traffic: what one genuine client said, and what a server that has all of it acknowledges.

use std::collections::BTreeMap;
use std::path::Path;

use cojson::ids::{CoId, SessionId};
use cojson::sync::{FrameLimits, SyncMessage, decode_frame};

use crate::Failure;

/// How many transactions of each session there are.
pub(crate) type Counts = BTreeMap<(CoId, SessionId), usize>;

/// What one client said.
pub(crate) struct Recording {
    /// Its frames, in order.
    pub(crate) frames: Vec<String>,
    /// What they come to.
    pub(crate) counts: Counts,
}

impl Recording {
    /// Reads a file of frames, each line one as a JSON string.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)?;
        let frames = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<String>, _>>()?;
        let mut counts = Counts::new();
        for frame in &frames {
            add(&mut counts, frame);
        }
        Ok(Self { frames, counts })
    }

    /// The recordings in a folder.
    pub(crate) fn read_all(folder: &Path) -> Result<Vec<Self>, Failure> {
        let mut files = std::fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()?;
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }
}

/// Adds what a frame holds.
pub(crate) fn add(counts: &mut Counts, frame: &str) {
    for message in decode_frame(frame, &FrameLimits::default()) {
        if let Ok(SyncMessage::Content(content)) = message {
            for (session, piece) in content.new {
                let count = counts.entry((content.id.clone(), session)).or_default();
                *count = (*count).max(piece.end());
            }
        }
    }
}

/// Strikes out what an answer acknowledges.
pub(crate) fn strike_out(left: &mut Counts, frame: &str) {
    for message in decode_frame(frame, &FrameLimits::default()) {
        if let Ok(SyncMessage::Known(known)) = message {
            left.retain(|(id, session), count| {
                *id != known.state.id || (known.state.count(session) as usize) < *count
            });
        }
    }
}
