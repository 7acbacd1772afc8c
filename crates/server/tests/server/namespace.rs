//! Networks of the kernel's own: namespaces, and cables between them that can be pulled. It takes root, and Linux's `ip`.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// How many namespaces and cables this process has made: their names and addresses.
static MADE: AtomicU8 = AtomicU8::new(0);

fn next() -> u8 {
    MADE.fetch_add(1, Ordering::SeqCst)
}

/// Runs `ip` with these words.
#[track_caller]
fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {said}");
}

/// A namespace. Dropping it takes its cables with it.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        let name = format!("pleione-{}-{}", std::process::id(), next());
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        Self { name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A program that runs in it and inherits nothing but where programs are.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path);
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// A cable between two namespaces, or this process's network and a namespace, with a network of two addresses for itself.
pub(crate) struct Cable {
    number: u8,
    far: String,
}

impl Cable {
    pub(crate) fn between(near: Option<&Namespace>, far: &Namespace) -> Self {
        let number = next();
        let (name, far) = (format!("pleione{number}"), far.name.clone());
        let near = near.map(|near| near.name.as_str());
        let within = near.map(|near| format!("-n {near} ")).unwrap_or_default();
        ip(&format!(
            "{within}link add {name} type veth peer name {name} netns {far}"
        ));
        for (end, within) in [(1, within), (2, format!("-n {far} "))] {
            ip(&format!(
                "{within}addr add 198.18.{number}.{end}/30 dev {name}"
            ));
            ip(&format!("{within}link set {name} up"));
        }
        Self { number, far }
    }

    /// The address of its near end.
    pub(crate) fn near_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, 1)
    }

    /// The address of its far end.
    pub(crate) fn far_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, 2)
    }

    fn far_ip(&self, words: &str) {
        ip(&format!("-n {} {words}", self.far));
    }

    /// Pulls it out at its far end: nothing passes, either way.
    pub(crate) fn pull(&self) {
        self.far_ip(&format!("link set pleione{} down", self.number));
    }

    /// Puts it in again.
    pub(crate) fn plug(&self) {
        self.far_ip(&format!("link set pleione{} up", self.number));
    }

    /// Loses all that the far end says; it still hears the near one.
    pub(crate) fn mute(&self) {
        self.far_ip(&format!("route add blackhole {}/32", self.near_address()));
    }

    /// Lets the far end be heard again.
    pub(crate) fn unmute(&self) {
        self.far_ip(&format!("route del blackhole {}/32", self.near_address()));
    }
}
