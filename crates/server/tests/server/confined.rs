//! The server as its image and its unit run it: on a system that can only be read, as a user without rights, with one
//! place to write to. Linux alone can be told that; where not even its root may (a container that was given no rights),
//! the test fails and says so.
#![cfg(target_os = "linux")]

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::{BINARY_VARIABLE, Place, ServerProcess, binary};
use crate::writer::Writer;

/// Builds the system within `$system` (nothing but the binary and what it is linked with), makes it read-only, and starts the
/// server there. The kernel takes it down with the process.
const CONFINE: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 system "$system"
for folder in $libraries "$binaries" "$data"; do
    [ -d "$folder" ] || continue
    mkdir -p "$system$folder"
    mount --bind "$folder" "$system$folder"
    [ "$folder" = "$data" ] || mount -o remount,ro,bind "$system$folder"
done
mount -o remount,ro,bind "$system"
exec $as_nobody "$binaries/pleione-sync"
"#;

/// What the binary is linked with is there; a binary that is to be delivered is linked with nothing.
const LIBRARIES: &str = "/lib /lib64 /usr/lib";

/// Nobody's number, as in the image.
const NOBODY: u32 = 65_532;

/// What starts the server there: root gives up its rights, another user takes none but within a namespace of its own.
fn confined(place: &Place) -> Command {
    let (system, data) = (place.folder().join("system"), place.folder().join("data"));
    for folder in [&system, &data] {
        std::fs::create_dir(folder).unwrap();
    }
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new("unshare");
    let shown = system.to_str().unwrap();
    let as_nobody = if is_root {
        std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        format!("chroot --userspec={NOBODY}:{NOBODY} {shown}")
    } else {
        command.args(["--user", "--map-root-user"]);
        format!("unshare --user --map-user={NOBODY} --map-group={NOBODY} --root={shown}")
    };
    let path = std::env::var_os("PATH").unwrap();
    let is_delivered = std::env::var_os(BINARY_VARIABLE).is_some();
    let libraries = if is_delivered { "" } else { LIBRARIES };
    command
        .args(["--mount", "sh", "-c", CONFINE, "sh"])
        .env_clear()
        .env("PATH", path)
        .env("system", system)
        .env("binaries", binary().parent().unwrap())
        .env("data", data)
        .env("libraries", libraries)
        .env("as_nobody", as_nobody);
    command
}

fn status(pid: u32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim_start_matches(':').trim().to_owned()
}

#[test]
fn r2_a_server_without_rights_on_a_system_that_can_only_be_read_keeps_what_it_acknowledged() {
    let place = Place::new();
    let database = place.folder().join("data").join("sync.db");
    let settings = [("DB_PATH", database.to_str().unwrap())];
    let mut command = confined(&place);
    let mut server = ServerProcess::start_with(command.stderr(Stdio::inherit()), &settings);
    let mut writer = Writer::new("confined", 1);
    let mut peer = Peer::connect(server.port());
    for count in 1..=20 {
        peer.say(&writer.write("[1]"));
        peer.await_known(&writer.id(), &writer.session, count);
    }
    let answer = Peer::connect(server.port()).ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");

    let pid = server.child().id();
    assert_eq!(status(pid, "CapEff"), "0000000000000000");
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let binaries = binary().parent().unwrap().to_owned();
    for folder in [&root, &root.join(binaries.strip_prefix("/").unwrap())] {
        let intruder = folder.join("intruder");
        let written = std::fs::write(intruder, "");
        let error = written.expect_err("nobody can write to the system, not even root");
        assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    }
    server.terminate();
    assert_eq!(server.wait(Duration::from_secs(5)).unwrap().code(), Some(0));

    let server = ServerProcess::start(&settings);
    let answer = Peer::connect(server.port()).ask(&writer.id());
    let SyncMessage::Content(content) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(content.new.get(&writer.session).unwrap().end(), 20);
}
