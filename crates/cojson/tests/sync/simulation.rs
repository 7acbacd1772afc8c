//! R2 and R10 over many seeded runs: whatever the network and the machines do, in the end all agree, nothing was
//! refused, and no session forked although machines crashed and went on in the same session.

use cojson::ids::CoId;
use cojson::sync::ReplicaConfig;

use crate::author::{map_header, named_header};
use crate::machine::Machine;
use crate::network::Network;

/// One machine after the other writes, links break and heal, machines crash, messages travel in between.
fn disturb(network: &mut Network, values: &[CoId], crashes: bool, rounds: usize) {
    for _ in 0..rounds {
        let machine = network.dice.roll(network.machines.len());
        match network.dice.roll(12) {
            0 => network.disconnect_some_link(),
            1 | 2 => network.connect_some_link(),
            3 if crashes => crash_and_reload(network, machine, values),
            4 | 5 => {
                network.machines[machine].flush();
                network.collect(machine);
            }
            6..9 => write_somewhere(network, machine, values),
            _ => {
                for _ in 0..network.dice.roll(40) {
                    network.step();
                }
            }
        }
    }
}

fn write_somewhere(network: &mut Network, machine: usize, values: &[CoId]) {
    let id = network.dice.pick(values);
    let count = network.dice.roll(4);
    let machine = &mut network.machines[machine];
    let is_loading = !machine.loads.is_empty() || machine.is_bounded;
    if machine.replica.log(id).is_some() && !is_loading {
        for n in 0..count {
            machine.write(id, "key", &format!("{n}"));
        }
    }
}

/// A crash, then a start that reads everything from disk before it writes again, in the same session.
fn crash_and_reload(network: &mut Network, machine: usize, values: &[CoId]) {
    network.crash(machine);
    let crashed = &mut network.machines[machine];
    crashed.life = 0;
    for id in values {
        crashed.replica.load(id);
    }
    crashed.collect();
    while crashed.serve_storage() {}
    network.collect(machine);
}

/// Each author's account and group, and maps that all write to.
fn found(network: &mut Network) -> Vec<CoId> {
    let mut values = Vec::new();
    let authors = network.machines.iter_mut().enumerate();
    for (number, machine) in authors.filter(|(_, machine)| !machine.is_bounded) {
        values.push(machine.found_account());
        let group = machine.create(machine.author.group_header("group"));
        machine.write(&group, machine.author.account.clone().as_str(), "admin");
        let map = machine.create(map_header(&group, &format!("map {number}")));
        machine.write(&map, "made", "here");
        values.extend([group, map]);
        machine.settle();
    }
    values
}

fn check(seed: u64, machines: usize, links: &[(usize, usize)], crashes: bool) {
    let machines = (0..machines)
        .map(|nonce| Machine::new(nonce as u8 + 1))
        .collect();
    check_machines(seed, machines, links, crashes);
}

/// The same, with a server that holds next to nothing in memory and has little on its way to each client.
fn check_evicting(seed: u64, links: &[(usize, usize)], crashes: bool) {
    let config = ReplicaConfig {
        cache_bytes_max: [1, 6_000, 20_000][seed as usize % 3],
        window_bytes_max: [1, 800, usize::MAX][seed as usize / 3 % 3],
        ..ReplicaConfig::default()
    };
    check_server(seed, links, config, crashes);
}

/// The same, with a server that also sends on what it is still writing.
fn check_sending_ahead(seed: u64, links: &[(usize, usize)], crashes: bool) {
    let config = ReplicaConfig {
        cache_bytes_max: [6_000, 20_000, 1 << 30][seed as usize % 3],
        window_bytes_max: [800, usize::MAX][seed as usize / 3 % 2],
        sends_ahead: true,
        ..ReplicaConfig::default()
    };
    check_server(seed, links, config, crashes);
}

fn check_server(seed: u64, links: &[(usize, usize)], config: ReplicaConfig, crashes: bool) {
    let server = links[0].1;
    let mut machines: Vec<_> = (0..=server)
        .map(|nonce| Machine::new(nonce as u8 + 1))
        .collect();
    machines[server] = Machine::with_config(server as u8 + 1, config);
    check_machines(seed, machines, links, crashes);
}

fn check_machines(seed: u64, machines: Vec<Machine>, links: &[(usize, usize)], crashes: bool) {
    let mut network = Network::new(machines, links, seed);
    let mut values = found(&mut network);
    network.connect_all();
    let owner = values[1].clone();
    load_everywhere(&mut network, &values);
    for _ in 0..network.dice.roll(200) {
        network.step();
    }
    values.push(make_named_everywhere(&mut network, &owner));
    disturb(&mut network, &values, crashes, 120);
    network.weather.repeats = false;
    network.connect_all();
    network.run();
    load_everywhere(&mut network, &values);
    network.run();
    network.assert_agreed(&values);
    for machine in &network.machines {
        // A repeated "I do not have it" may cost a session its author for a while; it came again.
        let refused: Vec<_> = machine.rejection_codes();
        assert!(
            refused.iter().all(|code| *code == "unknown_author"),
            "seed {seed}: {refused:?}"
        );
        assert!(machine.replica.is_synced(), "seed {seed}");
    }
}

fn load_everywhere(network: &mut Network, values: &[CoId]) {
    for machine in 0..network.machines.len() {
        for id in values {
            network.machines[machine].replica.load(id);
        }
        network.collect(machine);
    }
}

/// Two machines make the same named value without knowing of each other.
fn make_named_everywhere(network: &mut Network, owner: &CoId) -> CoId {
    let header = named_header(owner, "todos");
    let id = header.id();
    for machine in [0, 1] {
        network.machines[machine].replica.load(&id);
        network.collect(machine);
        while network.machines[machine].serve_storage() {}
        network.machines[machine].create(header.clone());
        network.machines[machine].write(&id, "first", "one");
        network.machines[machine].settle();
        network.collect(machine);
    }
    id
}

#[test]
fn r10_two_replicas_agree_whatever_the_network_does() {
    for seed in 0..60 {
        check(seed, 2, &[(0, 1)], false);
    }
}

#[test]
fn r10_clients_of_one_server_agree_whatever_the_network_does() {
    for seed in 100..140 {
        check(seed, 3, &[(0, 2), (1, 2)], false);
    }
}

#[test]
fn r10_a_chain_of_servers_agrees_whatever_the_network_does() {
    for seed in 200..230 {
        check(seed, 4, &[(0, 1), (3, 2), (1, 2)], false);
    }
}

#[test]
fn r2_no_session_forks_when_machines_crash_and_go_on() {
    for seed in 300..360 {
        check(seed, 3, &[(0, 2), (1, 2)], true);
    }
}

#[test]
fn r10_clients_of_a_server_that_evicts_agree_whatever_the_network_does() {
    for seed in 400..436 {
        check_evicting(seed, &[(0, 2), (1, 2)], false);
    }
}

#[test]
fn r2_no_session_forks_when_a_server_that_evicts_crashes() {
    for seed in 500..536 {
        check_evicting(seed, &[(0, 3), (1, 3), (2, 3)], true);
    }
}

#[test]
fn r10_clients_of_a_server_that_sends_ahead_agree_whatever_the_network_does() {
    for seed in 600..636 {
        check_sending_ahead(seed, &[(0, 2), (1, 2)], false);
    }
}

#[test]
fn r2_no_session_forks_when_a_server_that_sends_ahead_crashes() {
    for seed in 700..736 {
        check_sending_ahead(seed, &[(0, 3), (1, 3), (2, 3)], true);
    }
}
