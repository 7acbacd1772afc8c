//! Disks that fail: full, read-only, torn. What is not on the disk is not acknowledged, the error is told, what was
//! acknowledged is served, and when the disk takes writes again so does the server, without a restart where it was full.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cojson::sync::SyncMessage;

use crate::crash::stored;
use crate::peer::{Heard, Peer};
use crate::process::{Place, ServerProcess, command, refusal};
use crate::writer::Writer;

/// How long a server that may write again takes to do so, on a busy machine too.
const RECOVERY_MAX: Duration = Duration::from_secs(20);

/// A disk that can be full, and has room again when it is told.
trait Disk {
    fn folder(&self) -> PathBuf;
    fn wrap(&self) -> Command;
    fn make_room(&self, server: &mut ServerProcess);
}

/// Files that may not grow beyond a bound, as a quota has it: `setrlimit`, which any user may lower.
struct Quota(Place);

impl Disk for Quota {
    fn folder(&self) -> PathBuf {
        self.0.folder().to_owned()
    }

    fn wrap(&self) -> Command {
        // The signal that comes with the limit would end the process before it sees the error.
        shell("trap '' XFSZ; ulimit -S -f 1024; exec \"$0\"")
    }

    fn make_room(&self, server: &mut ServerProcess) {
        let id = server.child().id().to_string();
        let status = Command::new("prlimit")
            .args(["--fsize=unlimited", "--pid", &id])
            .status();
        assert!(status.unwrap().success());
    }
}

/// A file system of its own of 16 MiB, nearly full, in a mount namespace of the server's own.
struct SmallFileSystem(Place);

impl SmallFileSystem {
    fn mounting(&self, then: &str) -> Command {
        let folder = self.0.folder().to_str().unwrap().to_owned();
        let mut unshare = Command::new("unshare");
        unshare
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        unshare.args(["--map-root-user", "--mount", "sh", "-c"]);
        unshare.arg(format!(
            "mount -t tmpfs -o size=16m tmpfs {folder} && {then}"
        ));
        unshare.arg(env!("CARGO_BIN_EXE_pleione-sync"));
        unshare
    }

    /// Whether this machine lets us make one.
    fn is_allowed(&self) -> bool {
        self.mounting("true")
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

impl Disk for SmallFileSystem {
    fn folder(&self) -> PathBuf {
        self.0.folder().to_owned()
    }

    fn wrap(&self) -> Command {
        let ballast = self.folder().join("ballast");
        let ballast = ballast.to_str().unwrap();
        self.mounting(&format!(
            "head -c 16000000 /dev/zero > {ballast} && exec \"$0\""
        ))
    }

    fn make_room(&self, server: &mut ServerProcess) {
        let id = server.child().id();
        let folder = self.folder();
        let inside = format!("/proc/{id}/root{}", folder.to_str().unwrap());
        fs::remove_file(Path::new(&inside).join("ballast")).unwrap();
    }
}

fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.env_clear().args(["-c", line]);
    shell.arg(env!("CARGO_BIN_EXE_pleione-sync"));
    shell
}

/// Text of changes of so many bytes.
fn changes(bytes: usize) -> String {
    format!("[\"{}\"]", "x".repeat(bytes - 4))
}

/// How much of a session the server says it has, the last time it says so within the wait.
fn acknowledged(peer: &mut Peer, writer: &Writer, wait: Duration) -> u32 {
    let mut count = 0;
    while let Heard::Message(message) = peer.hear(wait) {
        if let SyncMessage::Known(known) = message
            && known.state.id == writer.id()
        {
            count = count.max(
                known
                    .state
                    .sessions
                    .get(&writer.session)
                    .copied()
                    .unwrap_or_default(),
            );
        }
    }
    count
}

/// Fills the disk, sees that nothing more is acknowledged and that the rest goes on, makes room, sees that all arrives.
fn check_full(disk: &dyn Disk) {
    let database = disk.folder().join("sync.db");
    let settings = [("DB_PATH", database.to_str().unwrap())];
    let mut server = ServerProcess::start_with(&mut disk.wrap(), &settings);
    let (mut peer, mut writer) = (Peer::connect(server.port()), Writer::new("large", 1));
    let mut small = Writer::new("small", 2);
    peer.say(&small.write("[1]"));
    peer.await_known(&small.id(), &small.session, 1);
    for _ in 0..30 {
        peer.say(&writer.write(&changes(100_000)));
    }
    server.await_refused("write_failed", 1);
    let told = acknowledged(&mut peer, &writer, Duration::from_millis(2_500));
    assert!(told < 30, "more was acknowledged than the disk holds");
    // Others are served, and what was kept is there.
    let answer = Peer::connect(server.port()).ask(&small.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
    assert!(server.refused("write_failed") > 1, "it is not tried again");
    disk.make_room(&mut server);
    peer.await_known(&writer.id(), &writer.session, 30);
    server.kill();
}

#[test]
fn r2_on_a_full_disk_nothing_is_acknowledged_and_all_is_kept_when_there_is_room() {
    check_full(&Quota(Place::new()));
    // The same with the system's own "no space left", where it lets us make a file system.
    let small = SmallFileSystem(Place::new());
    if small.is_allowed() {
        check_full(&small);
    } else {
        eprintln!(
            "no file system can be mounted here: the disk was full by a limit on files alone"
        );
    }
}

#[test]
fn r2_what_a_full_disk_took_is_there_after_a_crash_and_nothing_else_is_claimed() {
    let disk = Quota(Place::new());
    let database = disk.folder().join("sync.db");
    let settings = [("DB_PATH", database.to_str().unwrap())];
    let server = ServerProcess::start_with(&mut disk.wrap(), &settings);
    let (mut peer, mut writer) = (Peer::connect(server.port()), Writer::new("large", 1));
    for _ in 0..30 {
        peer.say(&writer.write(&changes(100_000)));
    }
    server.await_refused("write_failed", 1);
    let told = acknowledged(&mut peer, &writer, Duration::from_millis(500));
    server.kill();
    // With room the client says what is missing, and it is taken.
    let server = ServerProcess::start(&settings);
    let mut peer = Peer::connect(server.port());
    let kept = stored(server.port(), &writer);
    assert!(kept.len() >= told, "{told} were acknowledged");
    let written = writer.log.transactions();
    assert_eq!(kept.transactions(), &written[..kept.len() as usize]);
    for content in writer.log.content_since(0, usize::MAX) {
        peer.say(&writer.carry(content));
    }
    peer.await_known(&writer.id(), &writer.session, 30);
}

/// As whom a test runs a server that a file's mode is to stop: root is stopped by none.
fn as_nobody() -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .unwrap()
        .stdout
        .starts_with(b"0\n");
    if !is_root {
        return command();
    }
    let mut other = Command::new("setpriv");
    other.env_clear();
    other.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    other.arg(env!("CARGO_BIN_EXE_pleione-sync"));
    other
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn r12_on_a_read_only_disk_the_server_does_not_start_and_says_why() {
    let place = Place::new();
    let mut writer = Writer::new("kept", 1);
    let server = place.server();
    let mut peer = Peer::connect(server.port());
    peer.say(&writer.write("[1]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    server.kill();
    let files: Vec<_> = fs::read_dir(place.folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    for file in &files {
        set_mode(file, 0o444);
    }
    set_mode(place.folder(), 0o555);
    let path = place.database();
    let path = path.to_str().unwrap();
    let line = refusal(as_nobody().env("DB_PATH", path).env("PORT", "0"));
    assert!(
        line.contains("DB_PATH") && line.contains(path) && line.contains("may not be written"),
        "{line}"
    );
    // Nothing was harmed: writable again, all is there.
    set_mode(place.folder(), 0o755);
    for file in &files {
        set_mode(file, 0o644);
    }
    let answer = Peer::connect(place.server().port()).ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
}

#[test]
fn r12_a_database_file_whose_end_is_missing_is_refused_at_the_start_and_left_as_it_is() {
    let place = Place::new();
    let mut server = place.server();
    let (mut peer, mut writer) = (Peer::connect(server.port()), Writer::new("long", 1));
    for _ in 0..10 {
        peer.say(&writer.write(&changes(50_000)));
    }
    peer.await_known(&writer.id(), &writer.session, 10);
    // A clean stop leaves all in the one file.
    server.terminate();
    assert!(server.wait(RECOVERY_MAX).unwrap().success());
    let whole = fs::read(place.database()).unwrap();
    let torn = &whole[..whole.len() / 2 + 100];
    fs::write(place.database(), torn).unwrap();
    let line = refusal(command().env("DB_PATH", place.database()).env("PORT", "0"));
    assert!(
        line.contains("sync.db") && line.contains("malformed"),
        "{line}"
    );
    assert_eq!(fs::read(place.database()).unwrap(), torn);
    // A back-up put in its place is served.
    fs::write(place.database(), &whole).unwrap();
    let answer = Peer::connect(place.server().port()).ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
}
