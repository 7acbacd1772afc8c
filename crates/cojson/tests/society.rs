//! R10 and R11 over whole societies: fifty of our nodes around a server, with clocks that differ and a network that delays,
//! reorders, repeats and breaks, and one who means harm. In the end all have the same, who can read the same sees the same, and
//! nobody noticed the harm. `npm run simulate` runs a thousand; a run is repeated by its seed.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test, whose modules are one program"
)]

#[path = "support/dice.rs"]
mod dice;
#[path = "society/people.rs"]
mod people;
#[path = "society/town.rs"]
mod town;

use town::Town;

/// How many nodes there are.
const NODES: usize = 50;

/// How many runs there are unless `SIMULATION_RUNS` says otherwise.
const RUNS: u64 = 1;

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn r10_r11_fifty_nodes_agree_and_one_who_means_harm_does_none() {
    let first = number("SIMULATION_SEED", 1);
    for seed in first..first + number("SIMULATION_RUNS", RUNS) {
        let mut town = Town::new(seed, NODES);
        town.live();
        town.come_to_rest();
        town.assert_agreed();
        assert!(town.misdeeds() > 0, "seed {seed}: nobody meant harm");
        if seed % 50 == 0 {
            println!("seed {seed}: {}", town.summary());
        }
    }
}
