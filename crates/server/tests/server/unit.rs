//! The systemd unit, really started (`npm run package`; it takes root and `systemd-nspawn`): a systemd boots in a container on
//! this system's programs and an empty disk, and starts the server as the unit says.
#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::{Place, binary};
use crate::writer::Writer;

const UNIT: &str = include_str!("../../../../packaging/pleione-sync.service");
/// Where the unit has the server, and where it is in the container, whose `/usr` is this system's.
const INSTALLED: &str = "/usr/local/bin/pleione-sync";
const HERE: &str = "/opt/pleione-sync";
/// How long a container may take to boot, and a service to be there again.
const PATIENCE: Duration = Duration::from_mins(1);

/// A booted system. Dropping it ends all in it.
struct System {
    container: Child,
    port: u16,
    _place: Place,
}

impl System {
    fn boot() -> Self {
        let place = Place::new();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert!(UNIT.contains(INSTALLED));
        let unit = UNIT.replace(
            &format!("ExecStart={INSTALLED}"),
            &format!("ExecStart={HERE}"),
        );
        let settings = format!("PORT={port}\nBIND_ADDRESS=127.0.0.1\n");
        let mut command = Command::new("systemd-nspawn");
        command.args([
            "--directory=/",
            "--volatile=yes",
            "--register=no",
            "--keep-unit",
        ]);
        command.args(["--quiet", "--console=pipe", "--boot"]);
        command.arg(format!("--machine=pleione-{port}"));
        let mut bind = |what: &str, at: &str| {
            command.arg(format!("--bind-ro={what}:{at}"));
        };
        for (name, text, at) in [
            ("unit", unit, "/etc/systemd/system/pleione-sync.service"),
            ("settings", settings, "/etc/pleione-sync.env"),
        ] {
            let file = place.folder().join(name);
            std::fs::write(&file, text).unwrap();
            bind(file.to_str().unwrap(), at);
        }
        bind(binary().to_str().unwrap(), HERE);
        // Of all units of a system it starts this one and what it needs.
        command.arg("systemd.unit=pleione-sync.service");
        let container = command.stdout(Stdio::null()).spawn().unwrap();
        Self {
            container,
            port,
            _place: place,
        }
    }

    /// What a program says that is run in it.
    #[track_caller]
    fn said(&self, words: &str) -> String {
        let id = self.container.id().to_string();
        let first = Command::new("pgrep").args(["-P", &id]).output().unwrap();
        let first = String::from_utf8(first.stdout).unwrap();
        let mut within = Command::new("nsenter");
        within
            .args(["-a", "-t", first.trim()])
            .args(words.split(' '));
        let output = within.output().unwrap();
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {failed}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Connects as soon as the server is there.
    fn connect(&self) -> Peer {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(peer) = Peer::try_connect(self.port) {
                return peer;
            }
            assert!(Instant::now() < end, "the service does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn assert_keeps(&self, writer: &Writer) {
        let answer = self.connect().ask(&writer.id());
        let SyncMessage::Content(content) = answer else {
            panic!("{answer:?}");
        };
        let piece = content.new.get(&writer.session).unwrap();
        assert_eq!(piece.end(), writer.count() as usize);
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // It takes its container down with it.
        let id = self.container.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.container.wait();
    }
}

#[test]
#[ignore = "it takes root and systemd-nspawn: npm run package"]
fn r2_the_unit_confines_the_server_restarts_it_and_stops_it_and_nothing_is_lost() {
    let system = System::boot();
    let mut writer = Writer::new("unit", 1);
    let mut peer = system.connect();
    for count in 1..=20 {
        peer.say(&writer.write("[1]"));
        peer.await_known(&writer.id(), &writer.session, count);
    }

    let pid = system.said("systemctl show -p MainPID --value pleione-sync");
    let status = system.said(&format!("cat /proc/{pid}/status"));
    let has = |line: &str| {
        status
            .lines()
            .any(|found| found.split_whitespace().eq(line.split(' ')))
    };
    assert!(!has("Uid: 0 0 0 0"), "{status}");
    for line in [
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
    ] {
        assert!(has(line), "{line}: {status}");
    }

    system.said("systemctl kill --signal=KILL pleione-sync");
    assert!(peer.await_close().is_none());
    system.assert_keeps(&writer);
    assert_eq!(
        system.said("systemctl show -p NRestarts --value pleione-sync"),
        "1"
    );

    let begun = Instant::now();
    system.said("systemctl stop pleione-sync");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(
        system.said("systemctl show -p Result --value pleione-sync"),
        "success"
    );
    assert_eq!(
        system.said("systemctl show -p ExecMainStatus --value pleione-sync"),
        "0"
    );
    system.said("systemctl start pleione-sync");
    system.assert_keeps(&writer);

    let log = system.said("journalctl --unit=pleione-sync _COMM=pleione-sync --output=cat");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() >= 3, "{log}");
}
